"""Questions about one face with their answers: yes/no, values, choices, regions, descriptions.

Every canonical question (see `wording.py`) has its canonical answer, word for word; every other
phrasing has a sentence or a short phrase. Yes is nearly as likely as no whatever is asked for,
less so for rare things. About what is hidden, the answer says that and why. 7.7 pairs a face in
arXiv 2503.08120.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from unif2ace.attributes import (
    ATTRIBUTES,
    BELOW_A_MASK,
    FaceAttributes,
    hidden_attributes,
)
from unif2ace.attributes import visible as visible_part
from unif2ace.details import thing_behind
from unif2ace.inclusion import INCLUDED, holds
from unif2ace.lexicon import all_understood
from unif2ace.synth.asking import (
    PRESENCE_QUESTIONS,
    REGION_QUESTIONS,
    choice_question,
    describe_question,
    detail_question,
    elsewhere_question,
    has_choice,
    hasty,
    presence_question,
    region_question,
    spoken_question,
    value_is_question,
    value_question,
    wide_question,
)
from unif2ace.synth.captions import Style, caption, description, full_description, sayable
from unif2ace.synth.clauses import clause
from unif2ace.synth.loose import loose_value_is_question, loose_value_question
from unif2ace.synth.overheard import (
    PRESENCE,
    VALUE,
    is_overheard,
    overheard,
    overheard_groups,
    overheard_question,
)
from unif2ace.synth.phrases import REGION_OF, REGIONS, in_region, one_of
from unif2ace.synth.prose import statements
from unif2ace.synth.sampling import sample_attributes
from unif2ace.synth.variants import as_typed
from unif2ace.synth.visitors import (
    has_claims,
    plain_choice_question,
    plain_elsewhere_question,
    plain_presence_question,
    plain_value_is_question,
    plain_value_question,
    plain_wide_question,
)
from unif2ace.wording import (
    NOT_VISIBLE,
    PRONOUNS,
    SUBJECTS,
    adjectives,
    being,
    canonical_answer,
    canonical_question,
    having,
    sentence,
)

Kind = Literal["yes_no", "value", "choice", "region", "describe", "not_visible", "off_topic"]

KIND_SHARES: Mapping[Kind, float] = {
    "yes_no": 0.34,
    "value": 0.34,  # half of these are canonical
    "choice": 0.07,
    "region": 0.08,
    "describe": 0.05,
    "not_visible": 0.08,
    "off_topic": 0.04,
}
"""How often each kind is drawn; where a face hides nothing, "not_visible" becomes "value"."""

OFF_TOPIC = "I can't tell: a face does not show that."
_HASTY_SHARE = 0.45
# of the questions about one attribute that are not canonical; spoken ones are open
_LOOSE_SHARE, _SPOKEN_SHARE = 0.35, 0.35
_OVERHEARD_SHARE = 0.4  # of what somebody wrote questions about: asked in those words
_GROUP_SHARE = 0.4  # of what a yes or no asks for: any of several values, where so overheard
_DENIAL_SHARE = 0.35  # of what hangs on one value of what may be missing: on its being missing
_PLAIN_SHARE = 0.5  # of what is left of these and all others: as plain visitors type
_IN_CLAUSES = (
    "hair_style", "lipstick", "glasses", "ears", "clothing_color", "expression", "head_nod",
)  # fmt: skip
# how often a yes or no is asked about what may be missing; else five in six would be "no"
_DOUBT_ABSENT, _DOUBT_PRESENT = 0.3, 1.2
_BRIEF = ("expression", "hat", "glasses", "facial_hair", "hair_color", "lipstick")
_SAME_ENOUGH = (
    {"light", "very light"},
    {"light", "medium"},
    {"medium", "brown"},
    {"brown", "dark"},
    {"goatee", "full beard"},
    *({f"{tens}0s", f"{tens + 1}0s"} for tens in range(2, 7)),
    *({str(step), str(step + 1)} for step in range(1, 10)),
)
"""Values that a careful person would not deny of each other: "no" draws another one."""
_WITH_MOUSTACHE = ("goatee", "full beard")  # as drawn; a moustache alone is neither
_WIDE_SHARE = 0.25  # of the questions for a value that includes another
_BRIEF_SHARE = 0.15
_FULL_SHARE = 0.6  # of the descriptions: everything
_IN_SHORT, _IN_FULL = (description, describe_question), (full_description, detail_question)


@dataclass(frozen=True, kw_only=True)
class QA:
    """A question and its answer.

    Attributes:
        attribute: what is asked about: an attribute; for "region" the regions, for "describe"
            the face, for "off_topic" nothing.
        value: its true value; None when hidden, or when no single attribute is asked about.
        asked: the value that a yes/no question asks for; None when it asks whether the thing
            is there at all, or for any of several values, and for other kinds.
        any_of: the several values that it asks for, if it does.
    """

    question: str
    answer: str
    attribute: str
    kind: Kind
    value: str | None = None
    asked: str | None = None
    any_of: frozenset[str] = frozenset()

    @property
    def hangs_on(self) -> frozenset[str]:
        """The values that a yes hangs on; none where the value itself is asked for, or whether
        there is any."""
        return self.any_of if self.asked is None else frozenset({self.asked})


def questions(
    attributes: FaceAttributes,
    visible: Collection[str],
    *,
    generator: random.Random,
    count: int,
    kinds: Mapping[Kind, float] = KIND_SHARES,
    known: Collection[str] = tuple(ATTRIBUTES),
) -> list[QA]:
    """`count` fresh questions about a face, no two with the same words while that is possible.

    kinds: how often each is drawn. known: what may be asked about at all, seen or not.
    Raises ValueError for a negative count, and as `captions.sayable` does.
    """
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")
    sayable(attributes, visible)
    drawn: list[QA] = []
    seen: set[str] = set()
    for _ in range(count):
        for _attempt in range(8):
            qa = _question(attributes, visible, generator, kinds, known)
            if qa.question not in seen:
                break
        seen.add(qa.question)
        drawn.append(qa)
    return drawn


def training_corpus(count: int, seed: int) -> list[str]:
    """What is said of `count` training faces, in the mix that the model meets it.

    Prompts and questions are lower case, as `prompting.encode_request` sends them. The same
    count and seed give the same texts. Raises ValueError for a negative count or seed.
    """
    if count < 0 or seed < 0:
        raise ValueError(f"count and seed must not be negative, got {count} and {seed}")
    generator = random.Random(seed)
    texts = []
    for _ in range(count):
        face = sample_attributes(generator.randrange(2**31))
        seen = visible_part(face)
        for style in get_args(Style):
            texts.append(caption(face, seen, generator=generator, style=style).text.lower())
        for qa in questions(face, seen, generator=generator, count=8):
            texts += [qa.question.lower(), qa.answer]
    # every word that visitors are understood by gets whole pieces, however rare our texts use it
    return texts + [f"a {word} face" for word in all_understood() for _ in range(4)]


def why_hidden(name: str, attributes: FaceAttributes, visible: Collection[str]) -> str:
    """What hides an attribute, as a clause, from what can itself be seen; "" when unknown."""
    if name not in hidden_attributes(attributes):
        return ""
    person = PRONOUNS[attributes["gender"]]
    own = person.possessive
    region = REGION_OF[name]
    seen = {n: attributes[n] for n in visible}
    if name in BELOW_A_MASK and seen.get("face_mask", "none") != "none":
        return f"the mask covers {own} face"
    if region in ("eyes", "gaze"):
        if seen.get("glasses") == "sunglasses":
            return f"the sunglasses hide {own} eyes"
        if seen.get("eyes") == "closed":
            return f"{own} eyes are closed"
        return f"{person.subject} is squinting" if seen.get("eyes") == "squinting" else ""
    if region == "ears":
        if name == "ears" and seen.get("hat") == "beanie":
            return f"the beanie covers {own} ears"
        return f"{own} hair covers {own} ears"
    if region == "hair":
        if seen.get("hat") == "beanie" and "hair_style" not in seen:
            return f"the beanie covers {own} hair"
        return f"{person.subject} is bald" if seen.get("hair_style") == "bald" else ""
    beard = "goatee" if seen.get("facial_hair") == "goatee" else "beard"
    return f"the {beard} covers {own} chin" if region == "face" else ""


def _question(
    attributes: FaceAttributes,
    visible: Collection[str],
    generator: random.Random,
    kinds: Mapping[Kind, float],
    known: Collection[str],
) -> QA:
    kind = generator.choices(list(kinds), list(kinds.values()))[0]
    hidden = [name for name in known if name not in visible]
    if kind == "not_visible" and not hidden:
        kind = "value"
    if kind == "describe":
        is_full = generator.random() < _FULL_SHARE
        describe, ask = _IN_FULL if is_full else _IN_SHORT
        text = describe(attributes, visible, generator=generator).text
        question = ask(attributes["gender"], generator)
        return QA(question=question, answer=text, attribute="face", kind=kind)
    if kind == "off_topic":
        question = _typed(_elsewhere_question(attributes["gender"], generator), generator)
        return QA(question=question, answer=OFF_TOPIC, attribute="", kind=kind)
    if kind == "region" and (qa := _region(attributes, visible, generator)):
        return qa
    if kind == "not_visible":
        return _not_visible(generator.choice(hidden), attributes, visible, generator)
    names = [n for n in ATTRIBUTES if n in visible]
    if kind == "choice":
        names = [n for n in names if has_choice(n)] or names
    name = generator.choice(names)
    if kind == "yes_no":
        name = generator.choices(names, [_doubt(n, attributes[n]) for n in names])[0]
    if kind == "value" and generator.random() < 0.5:
        return _canonical(name, attributes[name])
    if kind == "yes_no":
        qa = _yes_no(name, attributes, generator)
    elif kind == "choice" and has_choice(name):
        qa = _choice(name, attributes, generator)
    else:
        qa = _value(name, attributes, generator)
    return _settled(qa)


def _doubt(name: str, value: str) -> float:
    """How often, of all, a yes or no is asked about it: most things are not there in most faces."""
    if name not in PRESENCE_QUESTIONS:
        return 1.0
    return _DOUBT_ABSENT if value == ATTRIBUTES[name].values[0] else _DOUBT_PRESENT


def _canonical(name: str, value: str) -> QA:
    answer = canonical_answer(name, value)
    return QA(
        question=canonical_question(name), answer=answer, attribute=name, kind="value", value=value
    )


def _typed(question: str, generator: random.Random) -> str:
    """The question as a visitor might type it."""
    is_simple = question.endswith("?") and "," not in question and ". " not in question
    if generator.random() < 0.05 and is_simple:
        question = question[:-1] + generator.choice(
            [" in this picture?", " here?", " in the photo?"]
        )
    if generator.random() < _HASTY_SHARE:
        question = hasty(as_typed(question, generator, is_exact=True), generator)
    return question


def _settled(qa: QA) -> QA:
    """The pair, with the canonical answer if the question happens to be the canonical one."""
    if qa.question.lower() != canonical_question(qa.attribute).lower():
        return qa
    qa = replace(qa, asked=None, any_of=frozenset())
    if qa.value is None:
        return replace(qa, answer=NOT_VISIBLE, kind="not_visible")
    return replace(qa, answer=canonical_answer(qa.attribute, qa.value), kind="value")


def _statement(name: str, attributes: FaceAttributes, generator: random.Random) -> str:
    """The fact as a clause, in the plainest words most of the time."""
    value, gender = attributes[name], attributes["gender"]
    person = PRONOUNS[gender]
    if name == "gender":
        return one_of(generator, f"this appears to be a {value}", f"this looks like a {value}")
    if name == "age":
        return f"{person.subject} {one_of(generator, 'looks', 'appears to be')} {value}"
    if name == "age_years":
        told = one_of(generator, *being(name, value, possessive=person.possessive))
        return f"{person.subject} {one_of(generator, 'looks', 'appears to be')} {told}"
    words = adjectives(name, value)
    if name in _IN_CLAUSES or not words:
        return clause(REGION_OF[name], {name: value}, gender, generator)
    if name not in SUBJECTS or generator.random() < 0.25:
        return clause(REGION_OF[name], {name: value}, gender, generator)
    subject = SUBJECTS[name]
    owner = person.possessive if subject.is_owned else "the"
    return f"{owner} {subject.noun} {subject.verb} {words[0]}"


def _value(name: str, attributes: FaceAttributes, generator: random.Random) -> QA:
    # the question comes first: it must not depend on the value, not even through the generator
    question = _typed(_open_question(name, attributes["gender"], generator), generator)
    answer = sentence(_statement(name, attributes, generator))
    if generator.random() < 0.15:
        answer = sentence(canonical_answer(name, attributes[name]))
    return QA(
        question=question, answer=answer, attribute=name, kind="value", value=attributes[name]
    )


def _asked_as_overheard(name: str, asked: str | None, generator: random.Random) -> bool:
    """Whether this one is to be asked as somebody wrote it down."""
    return generator.random() < _OVERHEARD_SHARE and is_overheard(name, asked)


def _elsewhere_question(gender: str, generator: random.Random) -> str:
    if _asked_as_overheard("", VALUE, generator):
        return overheard_question("", VALUE, gender, generator)
    is_plain = generator.random() < _PLAIN_SHARE
    return (plain_elsewhere_question if is_plain else elsewhere_question)(gender, generator)


def _presence_question(name: str, gender: str, generator: random.Random) -> str:
    if _asked_as_overheard(name, PRESENCE, generator):
        return overheard_question(name, PRESENCE, gender, generator)
    is_plain = generator.random() < _PLAIN_SHARE
    return (plain_presence_question if is_plain else presence_question)(name, gender, generator)


def _open_question(name: str, gender: str, generator: random.Random) -> str:
    if _asked_as_overheard(name, VALUE, generator):
        return overheard_question(name, VALUE, gender, generator)
    if generator.random() < _PLAIN_SHARE:
        return plain_value_question(name, gender, generator)
    draw = generator.random()
    if draw < _LOOSE_SHARE:
        return loose_value_question(name, generator)
    is_spoken = draw < _LOOSE_SHARE + _SPOKEN_SHARE
    return (spoken_question if is_spoken else value_question)(name, gender, generator)


def _yes_no(name: str, attributes: FaceAttributes, generator: random.Random) -> QA:
    value, gender = attributes[name], attributes["gender"]
    asked: str | None = None
    any_of: frozenset[str] = frozenset()
    group = _group(name, value, generator) if generator.random() < _GROUP_SHARE else None
    if group is not None:
        question = overheard_question(name, group, gender, generator)
        any_of = overheard_groups(name)[group]
        is_true = value in any_of
    elif name in PRESENCE_QUESTIONS and generator.random() < 0.5:
        question = _presence_question(name, gender, generator)
        is_true = value != ATTRIBUTES[name].values[0]
    else:
        is_plain = generator.random() < _PLAIN_SHARE
        asked = _asked_value(name, value, is_plain, generator)
        question = _value_is_question(name, value, asked, is_plain, gender, generator)
        is_true = holds(name, value, asked)
    question = _typed(question, generator)
    answer = word = "Yes" if is_true else "No"
    if generator.random() < 0.75:
        answer = f"{word}, {_reason(name, attributes, generator)}"
    return QA(
        question=question,
        answer=sentence(answer),
        attribute=name,
        kind="yes_no",
        value=value,
        asked=asked,
        any_of=any_of,
    )


def _group(name: str, value: str, generator: random.Random) -> str | None:
    """Values to ask for in one, with the true one among them as often as not.

    None where no such are asked for, so that yes is not right of nearly all of them.
    """
    groups = overheard_groups(name)
    is_true = generator.random() < 0.5
    fitting = [group for group in groups if (value in groups[group]) == is_true]
    return _drawn_group(name, fitting, generator) if fitting else None


def _drawn_group(name: str, groups: Sequence[str], generator: random.Random) -> str:
    """Each as likely as many questions there are about it."""
    return generator.choices(groups, [len(overheard()[name, group]) for group in groups])[0]


def _value_is_question(
    name: str, value: str, asked: str, is_plain: bool, gender: str, generator: random.Random
) -> str:
    """Whether it is so, in words that are as wide as the answer takes them."""
    is_included = asked != value and holds(name, value, asked)
    is_known = _can_ask(name, asked) or (is_plain and has_claims(name, asked))
    if not is_known or (not is_included and _asked_as_overheard(name, asked, generator)):
        return overheard_question(name, asked, gender, generator)  # of one value alone
    if (name, asked) in INCLUDED:
        is_wide = INCLUDED[name, asked] == value and name == "facial_hair"
        if is_wide or generator.random() < _WIDE_SHARE:
            ask = plain_wide_question if is_plain else wide_question
            return ask(name, asked, gender, generator)
    if is_plain and has_claims(name, asked):
        return plain_value_is_question(name, asked, gender, generator)
    is_loose = generator.random() < _LOOSE_SHARE
    ask = loose_value_is_question if is_loose else value_is_question
    return ask(name, asked, gender, generator)


def _reason(name: str, attributes: FaceAttributes, generator: random.Random) -> str:
    """What is seen, behind a yes or no: a clause, seldom a phrase."""
    value = attributes[name]
    brief = being(name, value) + having(name, value) if name in _BRIEF else ()
    if brief and generator.random() < _BRIEF_SHARE:
        return brief[0]
    return _statement(name, attributes, generator)


def _asked_value(name: str, value: str, is_plain: bool, generator: random.Random) -> str:
    """The true value half of the time, else another one that is clearly wrong.

    Absence can be asked for, too, true or not: in plain words (is_plain) where there are such
    ("clean-shaven"), and as it was overheard.
    """
    absent = ATTRIBUTES[name].values[0]
    can_deny = (is_plain and has_claims(name, absent)) or is_overheard(name, absent)
    if name in PRESENCE_QUESTIONS and can_deny and generator.random() < _DENIAL_SHARE:
        return absent
    options = [v for v in ATTRIBUTES[name].values if _can_ask(name, v)]
    wrong = [
        v
        for v in options
        if not holds(name, value, v)
        and not any({v, value} == pair for pair in _SAME_ENOUGH)
        and not (v == "moustache" and value in _WITH_MOUSTACHE)
    ]
    right = [v for v in options if holds(name, value, v)]
    if right and (not wrong or generator.random() < 0.5):
        return value if value in right and generator.random() < 0.7 else generator.choice(right)
    return generator.choice(wrong)


def _can_ask(name: str, value: str) -> bool:
    """Whether "is it so?" can be asked: absence ("has she no hat?") is asked as presence."""
    return name not in PRESENCE_QUESTIONS or value != ATTRIBUTES[name].values[0]


def _choice(name: str, attributes: FaceAttributes, generator: random.Random) -> QA:
    value = attributes[name]
    other = generator.choice([v for v in ATTRIBUTES[name].values if v != value])
    options = (value, other) if generator.random() < 0.5 else (other, value)
    question = choice_question(name, options, attributes["gender"], generator)
    if generator.random() < _PLAIN_SHARE:
        question = plain_choice_question(name, options, attributes["gender"], generator) or question
    question = _typed(question, generator)
    answer = sentence(_statement(name, attributes, generator))
    if generator.random() < 0.25:
        answer = sentence(canonical_answer(name, value))
    return QA(question=question, answer=answer, attribute=name, kind="choice", value=value)


def _region(
    attributes: FaceAttributes, visible: Collection[str], generator: random.Random
) -> QA | None:
    """A question about a whole region; None when so little is visible that there is none."""
    facts, gender = sayable(attributes, visible), attributes["gender"]
    if facts.get("hat") == "none":  # nobody describes hair by the hat that is not there
        del facts["hat"]
    groups = [group for group in REGION_QUESTIONS if in_region(facts, group[0])]
    if not groups:
        return None
    regions = generator.choice(groups)
    wanted = {n: v for r in regions for n, v in in_region(facts, r).items()}
    question = region_question(regions, gender, generator)
    if generator.random() < _HASTY_SHARE:
        question = hasty(question, generator)
    return QA(
        question=question,
        answer=sentence(statements(regions, wanted, gender, generator)),
        attribute=" ".join(regions),
        kind="region",
    )


def _not_visible(
    name: str, attributes: FaceAttributes, visible: Collection[str], generator: random.Random
) -> QA:
    if generator.random() < 0.4:
        return QA(
            question=canonical_question(name),
            answer=NOT_VISIBLE,
            attribute=name,
            kind="not_visible",
        )
    gender, asked, any_of = attributes["gender"], None, frozenset[str]()
    thing = _missing(name, attributes, visible)
    if generator.random() < 0.35:
        if overheard_groups(name) and generator.random() < _GROUP_SHARE:
            group = _drawn_group(name, list(overheard_groups(name)), generator)
            question = overheard_question(name, group, gender, generator)
            any_of = overheard_groups(name)[group]
        else:
            asked = generator.choice([v for v in ATTRIBUTES[name].values if _can_ask(name, v)])
            question = _hidden_value_is_question(name, asked, gender, generator)
        # who asks for a red hat is told that there is none; to "not red, is it?" no is no answer
        if thing and asked is not None:
            return QA(
                question=_typed(question, generator),
                answer=sentence(f"No, {_statement(thing, attributes, generator)}"),
                attribute=name,
                kind="yes_no",
                asked=asked,
            )
    else:
        question = _open_question(name, gender, generator)
    reason = why_hidden(name, attributes, visible)
    if thing:
        reason = _statement(thing, attributes, generator)
    answer = "I can't tell: that is not visible here."
    if reason:
        lead = one_of(generator, "I can't tell: {}.", "I can't see that: {}.", "Not visible: {}.")
        answer = lead.format(reason)
    question = _typed(question, generator)
    return _settled(
        QA(
            question=question,
            answer=answer,
            attribute=name,
            kind="not_visible",
            asked=asked,
            any_of=any_of,
        )
    )


def _hidden_value_is_question(name: str, asked: str, gender: str, generator: random.Random) -> str:
    if _asked_as_overheard(name, asked, generator):
        return overheard_question(name, asked, gender, generator)
    is_plain = generator.random() < _PLAIN_SHARE and has_claims(name, asked)
    return (plain_value_is_question if is_plain else value_is_question)(
        name, asked, gender, generator
    )


def _missing(name: str, attributes: FaceAttributes, visible: Collection[str]) -> str:
    """What can be seen not to be there, so that nothing can be said of its kind; else ""."""
    thing = thing_behind(name)
    return thing if thing in visible and name in hidden_attributes(attributes) else ""


assert set(REGIONS) >= {region for group in REGION_QUESTIONS for region in group}
