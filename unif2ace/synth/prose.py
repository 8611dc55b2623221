"""Facts of many regions as fluent noun phrases and sentences: what a caption is made of.

Functions that say a part of their facts take that part out of the mapping they are given.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

from unif2ace.synth.clauses import clause
from unif2ace.synth.phrases import (
    NOUN_PHRASES,
    REGIONS,
    Facts,
    clothes_phrase,
    in_region,
    listed,
    person_phrase,
    pose_predicate,
    scene_phrase,
)
from unif2ace.wording import PRONOUNS, being

WHO = ("gender", "age", "age_years")
"""What is said by naming the person: "a young woman in her twenties"."""

MOODS: Mapping[str, tuple[str, ...]] = {
    "neutral": ("calm",),
    "smiling": ("smiling", "smiling", "happy", "cheerful"),
    "laughing": ("laughing",),
    "sad": ("sad", "sad", "unhappy"),
    "angry": ("angry",),
    "surprised": ("surprised",),
}


def take(facts: dict[str, str], names: Collection[str]) -> dict[str, str]:
    """Remove `names` from `facts` and return them."""
    return {name: facts.pop(name) for name in list(facts) if name in names}


def figure(left: dict[str, str], generator: random.Random, *, most: int = 4) -> str:
    """As much of `left` as fits in one noun phrase for the person, of which gender must be known.

    "a smiling young woman with red hair, wearing round glasses, looking left". `most` limits
    the phrases after "with" and those after "wearing".
    """
    gender = left["gender"]
    extras = _person_adjectives(left, generator)
    between = " " if generator.random() < 0.7 else ", "
    text = person_phrase(take(left, WHO), generator, extra=between.join(extras))
    regions = generator.sample(list(NOUN_PHRASES), len(NOUN_PHRASES))
    phrases = with_list(left, regions, generator, most=most)
    tails = _tails(left, gender, generator, most)
    if phrases:
        return ", ".join([f"{text} with {phrases}", *tails])
    return ", ".join([" ".join([text, *tails[:1]]), *tails[1:]])


def with_list(
    left: dict[str, str], regions: Sequence[str], generator: random.Random, *, most: int
) -> str:
    """Noun phrases for "with" or "has", out of `left`: "a long nose, red hair, and full lips".

    Phrases that hold a comma or an "and" would muddle a list: at most one is said, at its end.
    """
    light: list[tuple[list[str], str]] = []
    heavy: list[tuple[list[str], str]] = []
    for region in regions:
        facts = in_region(left, region)
        if not facts or region not in NOUN_PHRASES or _is_worn(facts) or _is_unsaid(facts):
            continue
        parts = _parts(region, facts, generator)
        (heavy if any(_is_heavy(part) for part in parts) else light).append((parts, region))
    said, count = [], 0
    for parts, region in light:
        if count + len(parts) <= most:
            said.append((parts, region))
            count += len(parts)
    if count < min(most, 3):
        said += heavy[:1]
    for _, region in said:
        take(left, REGIONS[region])
    return listed([part for parts, _ in said for part in parts])


def statements(
    regions: Sequence[str], left: dict[str, str], gender: str, generator: random.Random
) -> str:
    """All facts of some regions, out of `left`: one or more sentences, the last stop left out."""
    subject = PRONOUNS[gender].subject
    clauses = []
    named = [r for r in regions if in_region(left, r) and r in NOUN_PHRASES]
    if (
        len(named) > 1
        and generator.random() < 0.55
        and (phrases := with_list(left, named, generator, most=3))
    ):
        clauses.append(f"{subject} has {phrases}")
    clauses += [
        clause(region, take(left, REGIONS[region]), gender, generator)
        for region in regions
        if in_region(left, region)
    ]
    return joined(clauses, subject, generator)


def joined(clauses: Sequence[str], subject: str, generator: random.Random) -> str:
    """Clauses as sentences of one to three clauses; a repeated subject or verb is said once."""
    sentences: list[str] = []
    waiting = list(clauses)
    while waiting:
        count = generator.choice([2, 2, 3, 3, 3]) if generator.random() < 0.93 else 1
        group = waiting[:1]
        for following in waiting[1:count]:
            if any(_is_long(text) for text in (*group, following)):
                break
            group.append(following)
        if len(group) == 1 and len(waiting) > 1 and count > 1 and ", and " not in waiting[0]:
            group = waiting[: 1 if ", and " in waiting[1] else 2]
        waiting = waiting[len(group) :]
        sentences.append(_one_sentence(group, subject, generator))
    return ". ".join(s if i == 0 else s[:1].upper() + s[1:] for i, s in enumerate(sentences))


def _one_sentence(group: Sequence[str], subject: str, generator: random.Random) -> str:
    if len(group) == 1:
        return group[0]
    lead = f"{subject} "
    if all(text.startswith(lead) for text in group):
        verbs = [text.removeprefix(lead).split()[0] for text in group]
        is_denied = any(" no " in text or " not " in text for text in group)
        rest = [text.removeprefix(lead) for text in group]
        if len(set(verbs)) == 1 and not is_denied:
            rest = [rest[0], *(text.removeprefix(f"{verbs[0]} ") for text in rest[1:])]
            return lead + listed(rest)
        if not _is_heavy(group[0]):
            return lead + listed(rest)
    if len(group) == 2:
        between = ", while " if generator.random() < 0.1 else ", and "
        return between.join(group)
    return listed(group)


def _is_long(clause_text: str) -> bool:
    """Whether a clause has inner commas or "and", which a list of clauses would muddle."""
    return "," in clause_text or " and " in clause_text


def _parts(region: str, facts: Facts, generator: random.Random) -> list[str]:
    """The noun phrases of a region, each fit to stand in a list of others."""
    apart = {
        "face": ("cheeks", "chin"),
        "eyes": ("eye_shadow",),
        "ears": ("earrings",),
        "mouth": ("mouth",),
        "hair": () if facts.get("hat") == "beanie" else ("hat",),
    }
    if region.startswith("more "):
        return [NOUN_PHRASES[region]({name: value}, generator) for name, value in facts.items()]
    parts = []
    for name in apart.get(region, ()):
        if name in facts and len(facts) > 1:
            parts.append(NOUN_PHRASES[region]({name: facts[name]}, generator))
            facts = {n: v for n, v in facts.items() if n != name}
    for _ in range(6):
        phrase = NOUN_PHRASES[region](facts, generator)
        if " with " not in phrase:
            break
    return [phrase, *parts]


def _is_heavy(phrase: str) -> bool:
    marks = (
        ",",
        " and ",
        " with ",
        " that ",
        " under ",
        " held ",
        " without ",
        " free ",
        " in a ",
        " falling ",
    )
    return any(mark in phrase for mark in marks)


def _is_worn(facts: Facts) -> bool:
    """Whether the facts of a region are better said with "wearing"."""
    worn = ({"glasses"}, {"hat"}, {"earrings"}, {"lipstick"}, {"eye_shadow"})
    return set(facts) in worn and next(iter(facts.values())) not in ("none", "no")


def _is_unsaid(facts: Facts) -> bool:
    """States that "has" says badly on their own: "has open eyes"."""
    is_state = set(facts) in ({"eyes"}, {"mouth"}) and facts.get("eyes") != "closed"
    return is_state or facts.get("expression") == "laughing"


def _person_adjectives(left: dict[str, str], generator: random.Random) -> list[str]:
    """Up to two adjectives for the person; their facts are taken out of `left`."""
    found = []
    if "expression" in left and generator.random() < 0.7:
        found.append(generator.choice(MOODS[left.pop("expression")]))
    options = [
        ("freckles", "yes", "freckled", "skin_tone"),
        ("hair_style", "bald", "bald", "hat"),
        ("facial_hair", "none", "clean-shaven", "gender"),
        ("facial_hair", "full beard", "bearded", "gender"),
    ]
    for name, value, adjective, unless in options:
        is_free = unless == "gender" or unless not in left
        if left.get(name) == value and is_free and len(found) < 2 and generator.random() < 0.6:
            del left[name]
            found.append(adjective)
    return found


def _tails(left: dict[str, str], gender: str, generator: random.Random, most: int) -> list[str]:
    """Participles after the person: wearing, looking, facing, lit. Taken out of `left`."""
    tails = []
    worn = [r for r in NOUN_PHRASES if (f := in_region(left, r)) and _is_worn(f)]
    worn = generator.sample(worn, len(worn))[: min(most, 3)]
    things = [NOUN_PHRASES[r](take(left, REGIONS[r]), generator) for r in worn]
    if "clothing_color" in left and len(things) < 3:
        cloth = clothes_phrase(take(left, ["clothing_color"]), generator)
        if things or generator.random() < 0.5:
            things.append(cloth)
        else:
            tails.append(f"in {cloth}")
    if things:
        tails.append(f"wearing {listed(things)}")
    if "gaze" in left:
        tails.append(generator.choice(being("gaze", left.pop("gaze"))))
    if in_region(left, "pose"):
        pose = {"gender": gender, **take(left, REGIONS["pose"])}
        tails.append(pose_predicate(pose, generator))
    if in_region(left, "scene"):
        tails.append(scene_phrase(take(left, REGIONS["scene"]), generator))
    return tails
