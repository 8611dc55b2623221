"""Facts of one region of a face as a noun phrase, a predicate or a clause.

Each function takes exactly the facts that it must say and says all of them. Which facts are
said, and in what order, is the business of captions and questions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from unif2ace.attributes import ATTRIBUTES
from unif2ace.details import DETAILS
from unif2ace.wording import PRONOUNS, adjectives, article, being, having

Facts = Mapping[str, str]

REGIONS: Mapping[str, tuple[str, ...]] = {
    "person": ("gender", "age"),
    "skin": ("skin_tone", "freckles"),
    "face": ("face_shape", "cheeks", "chin"),
    "hair": ("hair_color", "hair_style", "hat"),
    "brows": ("brow_thickness", "brows"),
    "eyes": ("eye_color", "eye_size", "eyes", "eye_shadow"),
    "glasses": ("glasses",),
    "gaze": ("gaze",),
    "nose": ("nose_width", "nose_length"),
    "mouth": ("lips", "lipstick", "mouth"),
    "ears": ("ears", "earrings"),
    "beard": ("facial_hair",),
    "expression": ("expression",),
    "pose": ("head_turn", "head_nod"),
    "clothes": ("clothing_color",),
    "scene": ("light", "light_color", "background"),
    **{
        f"more {group}": tuple(n for n, detail in DETAILS.items() if detail.group == group)
        for group in dict.fromkeys(detail.group for detail in DETAILS.values())
    },
}
"""What is said together. Every attribute is in exactly one region."""

REGION_OF: Mapping[str, str] = {name: region for region, names in REGIONS.items() for name in names}


def one_of(generator: random.Random, *options: str) -> str:
    """One of the options that are not empty."""
    return generator.choice([option for option in options if option])


def listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b, and c"."""
    if len(parts) < 3:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + f", and {parts[-1]}"


def word(name: str, facts: Facts, generator: random.Random, *, short: bool = False) -> str:
    """An adjective for the fact, the plainest one half of the time; "" when it is not a fact.

    `short` leaves out those that can only follow their noun ("of average length").
    """
    if name not in facts:
        return ""
    words = adjectives(name, facts[name])
    if short:
        words = tuple(w for w in words if not w.startswith("of ") and " the " not in w)
    if not words:
        return ""
    return words[0] if generator.random() < 0.5 else generator.choice(words)


def with_article(phrase: str) -> str:
    return f"{article(phrase)} {phrase}"


def join_words(*words: str) -> str:
    return " ".join(w for w in words if w)


def person_phrase(facts: Facts, generator: random.Random, *, extra: str = "") -> str:
    """ "a young woman", "an old freckled man", "a man in his forties". `extra`: adjectives."""
    gender, age = facts["gender"], facts.get("age")
    if "age_years" in facts:
        who = {name: value for name, value in facts.items() if name != "age_years"}
        told = being("age_years", facts["age_years"], possessive=PRONOUNS[gender].possessive)
        return f"{person_phrase(who, generator, extra=extra)} {told[-1]}"
    noun = gender
    if generator.random() < 0.08:
        noun = {"woman": "lady", "man": "gentleman" if age == "old" else "guy"}[gender]
    if age is None:
        return with_article(join_words(extra, noun))
    words = {
        "young": ("young",),
        "middle-aged": ("middle-aged",),
        "old": ("old", "elderly", "older", "elderly"),
    }
    return with_article(join_words(extra, generator.choice(words[age]), noun))


def skin_phrase(facts: Facts, generator: random.Random) -> str:
    tone = word("skin_tone", facts, generator)
    freckles = facts.get("freckles")
    if not tone:
        return generator.choice(having("freckles", facts["freckles"]))
    noun = "skin" if generator.random() < 0.75 else "complexion"
    lead = "" if noun == "skin" else f"{article(tone)} "
    if freckles == "yes":
        return one_of(
            generator,
            f"{lead}{tone}, freckled {noun}",
            f"{lead}{tone} {noun} with freckles",
            f"{lead}{tone} {noun} dotted with freckles",
        )
    if freckles == "no":
        return f"{lead}{tone} {noun} {generator.choice(['without freckles', 'free of freckles'])}"
    return f"{lead}{tone} {noun}"


def face_phrase(facts: Facts, generator: random.Random) -> str:
    parts = []
    if "face_shape" in facts:
        parts.append(with_article(word("face_shape", facts, generator)) + " face")
    for name in ("cheeks", "chin"):
        if name in facts:
            parts.append(generator.choice(having(name, facts[name])))
    if len(parts) > 1 and "face_shape" in facts and generator.random() < 0.5:
        return f"{parts[0]} with {listed(parts[1:])}"
    return listed(parts)


def hair_phrase(facts: Facts, generator: random.Random) -> str:
    """Color, style and hat: "short red hair under a beanie"."""
    if "hair_color" in facts or "hair_style" in facts:
        text = _hair(facts, generator)
    else:
        return generator.choice(having("hat", facts["hat"]))
    hat = facts.get("hat")
    if hat == "none":
        return f"{text} and no hat"
    if hat == "beanie":
        if facts.get("hair_style") == "bald":
            return f"{text} and {generator.choice(having('hat', hat))}"
        return f"{text} under {generator.choice(having('hat', hat))}"
    if hat == "headband":
        if facts.get("hair_style") in ("bob", "long"):
            return f"{text.removesuffix(' falling past the shoulders')} held back by a headband"
        return f"{text} and a headband"
    return text


def _hair(facts: Facts, generator: random.Random) -> str:
    color, style = word("hair_color", facts, generator), facts.get("hair_style")
    c = f"{color} " if color else ""
    options: Mapping[str | None, tuple[str, ...]] = {
        None: (f"{c}hair",),
        "short": (f"short {c}hair", f"short {c}hair", f"{c}hair cut short"),
        "bald": ("a bald head", "a shaved head"),
        "cropped": (
            f"closely cropped {c}hair",
            f"very short {c}hair",
            f"cropped {c}hair",
            f"{article(color or 'buzz')} {c}buzz cut",
        ),
        "side-swept": (
            f"side-swept {c}hair",
            f"{c}hair swept to the side",
            f"short {c}hair brushed to one side",
            f"short, side-swept {c}hair",
        ),
        "bob": (
            f"a chin-length {c}bob",
            f"{c}hair cut in a bob",
            f"chin-length {c}hair",
            f"{article(color or 'bob')} {c}bob",
        ),
        "ponytail": (
            f"{c}hair in a ponytail",
            f"{c}hair tied back in a ponytail",
            f"long {c}hair pulled back into a ponytail",
            f"{article(color or 'ponytail')} {c}ponytail",
        ),
        "braid": (
            f"{c}hair in a braid",
            f"long {c}hair worn in a braid",
            f"braided {c}hair",
            f"a long {c}braid",
        ),
        "long": (
            f"long {c}hair",
            f"long {c}hair",
            f"long, loose {c}hair",
            f"long {c}hair falling past the shoulders",
        ),
    }
    return generator.choice(options[style])


def brows_phrase(facts: Facts, generator: random.Random) -> str:
    noun = "eyebrows" if generator.random() < 0.7 else "brows"
    state, thickness = word("brows", facts, generator), facts.get("brow_thickness")
    if thickness == "average":
        degree = generator.choice(["of average thickness", "of medium thickness"])
        return join_words(state, noun, degree)
    size = word("brow_thickness", facts, generator)
    if state == "drawn together":
        return f"{join_words(size, noun)} drawn together"
    return f"{size}, {state} {noun}" if size and state else join_words(size, state, noun)


def eyes_phrase(facts: Facts, generator: random.Random) -> str:
    """Color, size, state and make-up of the eyes."""
    size = word("eye_size", facts, generator)
    color, state = word("eye_color", facts, generator), facts.get("eyes")
    if not (size or color or state):
        return generator.choice(having("eye_shadow", facts["eye_shadow"]))
    lead, tail = join_words(size, color), ""
    if state == "closed":
        text = join_words("closed", lead, "eyes")
    elif state == "squinting":
        text = join_words(generator.choice(["narrowed", "squinting"]), lead, "eyes")
    elif state == "winking":
        text = f"{lead} eyes" if lead else ""
        wink = generator.choice(["one eye closed in a wink", "one eye shut in a wink"])
        text = f"{text}, {wink.replace('one eye', 'one of them')}" if text else wink
        tail = ","
    elif state == "open":
        text = f"open {join_words(lead, 'eyes')}"
    else:
        text = f"{lead} eyes"
    shadow = facts.get("eye_shadow")
    if shadow is None:
        return text
    if shadow == "no":
        return f"{text}{tail} and no eye shadow"
    return (
        f"{text}{tail} and eye shadow"
        if state == "winking"
        else (f"{text} with eye shadow" if generator.random() < 0.5 else f"{text} and eye shadow")
    )


def nose_phrase(facts: Facts, generator: random.Random) -> str:
    width, length = facts.get("nose_width"), facts.get("nose_length")
    if width == length == "average":
        return generator.choice(["a nose of average size", "an average-sized nose"])
    tail = ""
    if width == "average":
        tail = " of average width"
    elif length == "average":
        tail = " of average length"
    words = [
        w
        for w in (
            word("nose_length", facts, generator, short=True),
            word("nose_width", facts, generator, short=True),
        )
        if w
    ]
    if generator.random() < 0.3:
        words.reverse()
    return f"{with_article(join_words(', '.join(words), 'nose'))}{tail}"


def mouth_phrase(facts: Facts, generator: random.Random) -> str:
    """Lips, lipstick and whether the mouth is open."""
    state, paint = facts.get("mouth"), facts.get("lipstick")
    parts = []
    if "lips" in facts:
        if facts["lips"] == "average":
            text = generator.choice(having("lips", "average"))
        else:
            text = word("lips", facts, generator) + " lips"
        if paint is not None:
            text += (
                " without lipstick"
                if paint == "none"
                else one_of(
                    generator,
                    f" in {paint} lipstick",
                    f" with {paint} lipstick",
                    f" painted {paint}",
                )
            )
        parts.append(text)
    elif paint is not None:
        parts.append(one_of(generator, *having("lipstick", paint)))
    if state is not None:
        parts.append(generator.choice([f"{article(state)} {state} mouth"]))
    return listed(parts)


def ears_phrase(facts: Facts, generator: random.Random) -> str:
    parts = [
        generator.choice(having(name, facts[name]))
        for name in ("ears", "earrings")
        if name in facts
    ]
    return listed(parts)


def pose_predicate(facts: Facts, generator: random.Random) -> str:
    """Follows "is": "facing left with her head tilted up". Always for a person known by gender."""
    poss = PRONOUNS[facts["gender"]].possessive
    turn, nod = facts.get("head_turn"), facts.get("head_nod")
    text = ""
    if turn is not None:
        text = generator.choice(being("head_turn", turn))
    if nod is None:
        return text
    bent = generator.choice(having("head_nod", nod, possessive=poss))
    if not text:
        return {
            "up": f"holding {poss} head tilted up",
            "down": f"holding {poss} head lowered",
            "level": f"holding {poss} head level",
        }[nod]
    return f"{text} with {bent}"


def scene_phrase(facts: Facts, generator: random.Random) -> str:
    """Follows a person: "lit from the left by warm light, against a blue background"."""
    side, color, behind = (facts.get(n) for n in ("light", "light_color", "background"))
    parts = []
    if side and color:
        parts.append(
            one_of(
                generator,
                f"lit from the {side} by {color} light",
                f"in {color} light from the {side}",
                f"under {color} lighting from the {side}",
            )
        )
    elif side:
        parts.append(one_of(generator, f"lit from the {side}", f"with light from the {side}"))
    elif color:
        parts.append(one_of(generator, f"in {color} light", f"under {color} lighting"))
    if behind:
        shade = adjectives("background", behind)[0]
        where = one_of(
            generator,
            f"against {with_article(shade)} background",
            f"in front of {with_article(shade)} background",
            f"against {with_article(shade)} backdrop",
            f"in front of {with_article(shade)} wall",
        )
        parts.append(where)
    return listed(parts) if len(parts) < 2 or generator.random() < 0.3 else ", ".join(parts)


def expression_phrase(facts: Facts, generator: random.Random) -> str:
    value = facts["expression"]
    options = {
        "neutral": ("a neutral expression", "a calm expression", "a calm look"),
        "smiling": ("a smile", "a friendly smile", "a cheerful smile"),
        "laughing": ("a laughing face",),
        "sad": ("a sad expression", "a sad look", "an unhappy expression"),
        "angry": ("an angry expression", "an angry look"),
        "surprised": ("a surprised expression", "a surprised look", "a look of surprise"),
    }
    return generator.choice(options[value])


def clothes_phrase(facts: Facts, generator: random.Random) -> str:
    color = adjectives("clothing_color", facts["clothing_color"])[0]
    return with_article(f"{color} {generator.choice(['shirt', 'top', 'top', 'sweater'])}")


def simple_phrase(name: str) -> Callable[[Facts, random.Random], str]:
    return lambda facts, generator: generator.choice(having(name, facts[name]))


def details_phrase(facts: Facts, generator: random.Random) -> str:
    """Each of some finer attributes as a noun phrase of its own."""
    return listed([generator.choice(having(name, value)) for name, value in facts.items()])


NOUN_PHRASES: Mapping[str, Callable[[Facts, random.Random], str]] = {
    "skin": skin_phrase,
    "face": face_phrase,
    "hair": hair_phrase,
    "brows": brows_phrase,
    "eyes": eyes_phrase,
    "glasses": simple_phrase("glasses"),
    "nose": nose_phrase,
    "mouth": mouth_phrase,
    "ears": ears_phrase,
    "beard": simple_phrase("facial_hair"),
    "expression": expression_phrase,
    **{region: details_phrase for region in REGIONS if region.startswith("more ")},
}
"""Regions whose facts fit after "with" or "has"."""


def in_region(facts: Facts, region: str) -> dict[str, str]:
    """The part of `facts` that belongs to a region."""
    return {name: facts[name] for name in REGIONS[region] if name in facts}


assert sorted(REGION_OF) == sorted(ATTRIBUTES), "every attribute needs a region"
