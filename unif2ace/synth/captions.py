"""Captions of a face in four styles, from what visitors type to rich prose, and descriptions.

A caption says only visible attributes and reports which. Dense captions follow the idea of
UniF²ace-130K (arXiv 2503.08120: about 120 tokens, 17.7 attributes each).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from unif2ace.attributes import ATTRIBUTES, REFINED, FaceAttributes, goes_without_saying
from unif2ace.details import DETAILS, thing_behind, with_implied
from unif2ace.synth.phrases import (
    NOUN_PHRASES,
    REGIONS,
    Facts,
    clothes_phrase,
    in_region,
    one_of,
    person_phrase,
)
from unif2ace.synth.prose import MOODS, WHO, figure, statements, take, with_list
from unif2ace.synth.variants import as_typed
from unif2ace.wording import PRONOUNS, adjectives, being, sentence

Style = Literal["tags", "short", "plain", "long"]

# How likely an attribute is to be said: (its plain value, any other value).
_SALIENCE: Mapping[str, tuple[float, float]] = {
    "gender": (9.0, 9.0),
    "age": (2.5, 2.5),
    "skin_tone": (0.8, 0.9),
    "freckles": (0.06, 1.0),
    "face_shape": (0.7, 0.8),
    "cheeks": (0.08, 0.6),
    "chin": (0.08, 0.6),
    "hair_color": (2.2, 2.4),
    "hair_style": (2.0, 2.2),
    "brow_thickness": (0.1, 0.7),
    "eye_color": (1.0, 1.2),
    "eye_size": (0.1, 0.6),
    "nose_width": (0.1, 0.6),
    "nose_length": (0.1, 0.6),
    "lips": (0.1, 0.6),
    "ears": (0.08, 0.6),
    "facial_hair": (0.5, 2.4),
    "lipstick": (0.08, 1.0),
    "eye_shadow": (0.06, 0.7),
    "glasses": (0.25, 2.4),
    "hat": (0.06, 2.2),
    "earrings": (0.06, 1.0),
    "clothing_color": (0.9, 1.0),
    "expression": (0.5, 2.2),
    "mouth": (0.15, 0.5),
    "eyes": (0.06, 1.4),
    "brows": (0.05, 0.7),
    "gaze": (0.4, 1.0),
    "head_turn": (0.4, 1.0),
    "head_nod": (0.08, 0.8),
    "light": (0.3, 0.6),
    "light_color": (0.12, 0.5),
    "background": (0.7, 0.8),
    **{name: detail.salience for name, detail in DETAILS.items()},
}

_ALWAYS_DESCRIBED = frozenset(
    [
        "gender",
        "age",
        "skin_tone",
        "face_shape",
        "hair_color",
        "hair_style",
        "eye_color",
        "facial_hair",
        "glasses",
        "expression",
        "gaze",
        "head_turn",
        "light",
        "light_color",
        "background",
        "clothing_color",
    ]
)
"""What a description tells of any face; of all else it tells what is out of the ordinary."""

MOST_DESCRIBED = 26  # attributes in a description: an answer has an end
_TOPICS: Sequence[tuple[str, ...]] = (
    ("hair", "beard"),
    ("brows", "eyes", "more sight"),
    ("glasses", "gaze", "more worn"),
    ("nose", "mouth", "ears", "more center"),
    ("skin", "face", "more head", "more skin"),
    ("expression", "pose"),
    ("clothes", "scene", "more backdrop"),
)
_DESCRIBED: Sequence[tuple[str, ...]] = (
    ("hair", "beard"),
    ("brows", "eyes", "glasses", "more sight"),
    ("nose", "mouth", "ears", "more center"),
    ("expression", "gaze", "pose", "more head"),
    ("skin", "face", "more skin", "clothes", "more worn", "scene", "more backdrop"),
)
_DESCRIBED_IN_FULL: Sequence[tuple[str, ...]] = (
    ("skin",),
    ("more skin",),
    ("face",),
    ("more head",),
    ("hair", "beard"),
    ("brows", "eyes"),
    ("more sight",),
    ("glasses", "gaze"),
    ("nose", "mouth"),
    ("more center",),
    ("ears", "more worn"),
    ("expression", "pose"),
    ("clothes", "scene", "more backdrop"),
)
_AS_TYPED_SHARE = 0.5  # of captions; descriptions are what the model says and stay plain
_TAGGED_TOGETHER = (
    "hair_color",
    "hair_style",
    "eye_color",
    "eye_size",
    "nose_width",
    "nose_length",
)


@dataclass(frozen=True)
class Caption:
    """A text and the attribute values that it says, the pronouns' gender included."""

    text: str
    mentioned: dict[str, str]


def caption(
    attributes: FaceAttributes,
    visible: Collection[str],
    *,
    generator: random.Random,
    style: Style,
) -> Caption:
    """A fresh caption: "tags" and "short" as visitors type, "plain" 4-8 attributes, "long" 15+.

    `visible` names the attributes that can be seen (a mapping with those keys will do).
    Raises ValueError for an unknown style, or when the gender presentation is not visible.
    """
    if style not in get_args(Style):
        raise ValueError(f"style must be one of {', '.join(get_args(Style))}, got {style!r}")
    facts = sayable(attributes, visible)
    if style == "tags":
        made = _tags(facts, generator)
    elif style == "short":
        made = _short(facts, generator)
    elif style == "plain":
        said = _chosen(facts, generator.randint(4, 8), generator)
        made = Caption(_plain(said, generator), said)
    else:
        said = _chosen(facts, min(generator.randint(15, 21), len(facts)), generator)
        made = Caption(_long(said, generator), said)
    typed = generator.random() < _AS_TYPED_SHARE
    text = as_typed(made.text, generator) if typed else made.text
    return Caption(text, with_implied(made.mentioned))


def description(
    attributes: FaceAttributes, visible: Collection[str], *, generator: random.Random
) -> Caption:
    """The answer to "Describe this face.": what tells it from others, region by region.

    The same of the same face: a network that had to guess what is told would now and then choose
    to be silent on the hair.
    """
    said = worth_describing(attributes, visible)
    left, gender = dict(said), said["gender"]
    lead = one_of(
        generator,
        "the picture shows what appears to be",
        "this appears to be",
        "this looks like",
        "the face appears to be that of",
    )
    opening = f"{lead} {person_phrase(take(left, WHO), generator)}"
    if phrases := with_list(left, ["skin", "face"], generator, most=3):
        opening += f" with {phrases}"
    return Caption(_described(opening, _DESCRIBED, left, gender, generator), with_implied(said))


def worth_describing(attributes: FaceAttributes, visible: Collection[str]) -> dict[str, str]:
    """What `description` tells: not what is ordinary, or said by a finer word, or for experts."""
    told = {
        name: value
        for name, value in sayable(attributes, visible).items()
        if name in (*_ALWAYS_DESCRIBED, *REFINED) or value != ATTRIBUTES[name].values[0]
    }
    finer = {thing_behind(name) for name in told}  # "hoop earrings" are earrings
    kept = {
        name: value
        for name, value in told.items()
        if name != "skin_tone_monk" and not (value == "yes" and name in finer)
    }
    return _most_salient(kept, MOST_DESCRIBED)


def full_description(
    attributes: FaceAttributes, visible: Collection[str], *, generator: random.Random
) -> Caption:
    """The answer to "Describe this face in full detail.": all that can be seen, part by part."""
    said = sayable(attributes, visible)
    left, gender = dict(said), said["gender"]
    lead = one_of(generator, "this appears to be", "this looks like")
    opening = f"{lead} {person_phrase(take(left, WHO), generator)}"
    text = _described(opening, _DESCRIBED_IN_FULL, left, gender, generator)
    return Caption(text, with_implied(said))


def _described(
    opening: str,
    topics: Sequence[tuple[str, ...]],
    left: dict[str, str],
    gender: str,
    generator: random.Random,
) -> str:
    """The opening, and a sentence about what is left of each topic."""
    told = (statements(topic, left, gender, generator) for topic in topics)
    return " ".join(sentence(text) for text in (opening, *told) if text)


def full_caption(
    attributes: FaceAttributes, visible: Collection[str], *, generator: random.Random
) -> Caption:
    """A caption that says everything that can be seen and that one would say at all.

    The densest text that the vocabulary allows. It is no `Style`: nobody types so much, so prompts
    are not drawn from it.
    """
    said = sayable(attributes, visible)
    return Caption(_long(said, generator), with_implied(said))


def sayable(attributes: FaceAttributes, visible: Collection[str]) -> dict[str, str]:
    """The visible attributes that one would say at all: of a woman, not that she has no beard.

    Raises ValueError for unknown names in `visible`, and when it lacks "gender".
    """
    if unknown := sorted(set(visible) - set(ATTRIBUTES)):
        raise ValueError(f"unknown attributes in visible: {', '.join(unknown)}")
    if "gender" not in visible:
        raise ValueError(f"visible must hold 'gender', got {sorted(visible)}")
    gender = attributes["gender"]
    return {
        name: value
        for name, value in attributes.items()
        if name in visible and not goes_without_saying(name, value, gender)
    }


def sample_sheet(
    faces: Sequence[tuple[FaceAttributes, Collection[str]]], *, generator: random.Random
) -> str:
    """Every style and a description of every face, as text to read aloud."""
    blocks = []
    for attributes, visible in faces:
        lines = [
            f"{style:>6}  {caption(attributes, visible, generator=generator, style=style).text}"
            for style in get_args(Style)
        ]
        lines.append(f"  desc  {description(attributes, visible, generator=generator).text}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _weight(name: str, value: str) -> float:
    plain, other = _SALIENCE[name]
    return plain if value == ATTRIBUTES[name].values[0] else other


def _most_salient(facts: Facts, count: int) -> dict[str, str]:
    """The `count` facts that are said before others; gender is said before all."""
    first = sorted(facts, key=lambda name: -_weight(name, facts[name]))[:count]
    return {name: value for name, value in facts.items() if name in first}


def _chosen(facts: Facts, count: int, generator: random.Random) -> dict[str, str]:
    """`count` facts drawn by salience without replacement; gender is always among them."""

    def key(name: str) -> float:
        return generator.random() ** (1 / _weight(name, facts[name]))

    rest = sorted((n for n in facts if n != "gender"), key=key, reverse=True)
    names = {"gender", *rest[: count - 1]}
    return {name: value for name, value in facts.items() if name in names}


def _telling(facts: Facts) -> dict[str, str]:
    """Without the plain values that nobody types: "average nose", "relaxed brows"."""
    return {
        name: value
        for name, value in facts.items()
        if value not in ("average", "relaxed", "level")
        and (name, value) != ("eyes", "open")
        and not _is_unremarkable(name, value)
    }


def _is_unremarkable(name: str, value: str) -> bool:
    """The plain case of a finer attribute, unless it says how much there is of what all have."""
    return name in DETAILS and name not in REFINED and value == ATTRIBUTES[name].values[0]


def _plain(facts: Facts, generator: random.Random) -> str:
    """One phrase for everything, or a short one and a sentence for the rest."""
    left, gender = dict(facts), facts["gender"]
    lead = one_of(generator, "", "This is ", "Portrait of ", "A portrait of ", "A picture of ")
    if generator.random() < 0.6:
        lead = ""
    few = left
    if generator.random() < 0.55:
        few = take(left, {*WHO, *generator.sample(sorted(left), min(3, len(left)))})
    sentences = [sentence(lead + figure(few, generator))]
    left |= few
    regions = [r for r in REGIONS if in_region(left, r)]
    if regions:
        order = generator.sample(regions, len(regions))
        sentences.append(sentence(statements(order, left, gender, generator)))
    return " ".join(sentences)


def _long(facts: Facts, generator: random.Random) -> str:
    left, gender = dict(facts), facts["gender"]
    first = set(WHO)
    for region in generator.sample(["hair", "expression", "skin", "face", "beard", "glasses"], 2):
        first |= set(REGIONS[region])
    few = take(left, first)
    lead = one_of(
        generator, "", "", "A portrait of ", "The picture shows ", "This is ", "A close-up of "
    )
    sentences = [sentence(lead + figure(few, generator))]
    left |= few
    for topic in [*generator.sample(_TOPICS[:-1], len(_TOPICS) - 1), _TOPICS[-1]]:
        if text := statements(topic, left, gender, generator):
            sentences.append(sentence(_renamed(text, gender, generator)))
    return " ".join(sentences)


def _renamed(text: str, gender: str, generator: random.Random) -> str:
    """Now and then "the woman" for "she" at the start of a sentence."""
    subject = PRONOUNS[gender].subject
    if text.startswith(f"{subject} ") and generator.random() < 0.2:
        return f"the {gender}{text[len(subject) :]}"
    return text


def _short(facts: Facts, generator: random.Random) -> Caption:
    """Up to twelve words, as typed into a prompt box."""
    while True:
        said = _chosen(_telling(facts), generator.choice([2, 2, 3, 3, 3, 4, 4, 5, 6]), generator)
        left = dict(said)
        text = figure(left, generator, most=3)
        said = {name: value for name, value in said.items() if name not in left}
        lead = generator.random()
        if lead < 0.1:
            text = generator.choice(["portrait of ", "photo of ", "picture of "]) + text
        elif lead < 0.6:
            text = text.removeprefix("a ").removeprefix("an ")
        if len(text.split()) <= 12:
            break
    return Caption(text if generator.random() < 0.75 else text[:1].upper() + text[1:], said)


def _tags(facts: Facts, generator: random.Random) -> Caption:
    """Comma-separated fragments, the person first most of the time."""
    said = _chosen(_telling(facts), generator.randint(2, 9), generator)
    gender, left = said["gender"], dict(said)
    person = ""
    if "age" in left or generator.random() < 0.85:
        person = person_phrase(take(left, WHO), generator)
    fragments = []
    for region in REGIONS:
        facts_here = in_region(left, region)
        for part in _tag_parts(region, facts_here, generator):
            fragments.append(_tag(region, part, gender, generator))
    fragments = generator.sample(fragments, len(fragments))
    if person:
        bare = person.removeprefix("a ").removeprefix("an ")
        place = 0 if generator.random() < 0.85 else generator.randint(0, len(fragments))
        fragments.insert(place, bare)
    text = ", ".join(fragments)
    if not person and PRONOUNS[gender].possessive not in text.split():
        del said["gender"]
    return Caption(text, said)


def _tag_parts(region: str, facts: Facts, generator: random.Random) -> list[dict[str, str]]:
    """The facts of a region in one tag, where that reads well, or one tag each."""
    if region == "person" or not facts:
        return []
    together = {name: value for name, value in facts.items() if name in _TAGGED_TOGETHER}
    if "none" in together.values() or generator.random() < 0.3:
        together = {}
    alone = [{name: value} for name, value in facts.items() if name not in together]
    return [together, *alone] if together else alone


def _tag(region: str, facts: Facts, gender: str, generator: random.Random) -> str:
    """One fragment without article: "round glasses", "looking left", "warm light"."""
    if region == "expression" and (facts["expression"] == "laughing" or generator.random() < 0.7):
        return generator.choice(MOODS[facts["expression"]])
    if facts.get("facial_hair") == "none" and generator.random() < 0.6:
        return "clean-shaven"
    if set(facts) == {"hair_style"} and facts["hair_style"] == "bald":
        return "bald"
    if facts.get("eyes") in ("winking", "closed"):
        return "winking" if facts["eyes"] == "winking" else "eyes closed"
    if region == "gaze":
        return generator.choice(being("gaze", facts["gaze"]))
    if region == "pose":
        turn, nod = facts.get("head_turn"), facts.get("head_nod")
        parts = []
        if turn:
            parts.append(
                "facing the camera"
                if turn == "front"
                else one_of(
                    generator, f"facing {turn}", f"head turned {turn}", f"turned to the {turn}"
                )
            )
        if nod:
            parts.append({"up": "head tilted up", "down": "head down", "level": "head level"}[nod])
        return ", ".join(parts)
    if region == "scene":
        parts = []
        if "light" in facts:
            parts.append(f"lit from the {facts['light']}")
        if "light_color" in facts:
            parts.append(f"{facts['light_color']} light")
        if "background" in facts:
            parts.append(f"{adjectives('background', facts['background'])[0]} background")
        return ", ".join(parts)
    phrase = (
        clothes_phrase(facts, generator)
        if region == "clothes"
        else NOUN_PHRASES[region](facts, generator)
    )
    for lead in ("a ", "an ", f"{PRONOUNS[gender].possessive} ", "the "):
        phrase = phrase.removeprefix(lead)
    return phrase
