"""Facts of one region of a face as a whole clause: "her hair is short and red".

As in `phrases.py`, each function says all the facts that it is given and no other. Clauses have
no capital and no full stop; pronouns follow the gender presentation, which is always visible.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from unif2ace.synth.phrases import (
    REGIONS,
    Facts,
    brows_phrase,
    clothes_phrase,
    details_phrase,
    expression_phrase,
    eyes_phrase,
    face_phrase,
    hair_phrase,
    join_words,
    listed,
    mouth_phrase,
    nose_phrase,
    one_of,
    pose_predicate,
    with_article,
    word,
)
from unif2ace.wording import PRONOUNS, adjectives, being, having

_HAIR_PREDICATES: Mapping[str, tuple[str, ...]] = {
    "short": ("short", "cut short"),
    "cropped": ("closely cropped", "very short", "cropped short"),
    "side-swept": ("swept to the side", "brushed to one side", "swept to one side"),
    "bob": ("cut in a bob", "worn in a bob", "chin-length"),
    "ponytail": ("tied back in a ponytail", "pulled back into a ponytail", "in a ponytail"),
    "braid": ("worn in a braid", "braided", "in a braid"),
    "long": ("long", "long and loose"),
}


def clause(region: str, facts: Facts, gender: str, generator: random.Random) -> str:
    """All `facts` of one region as one clause about a woman ("she") or a man ("he").

    Raises KeyError for a region that has no clause of its own ("person").
    """
    return _CLAUSES[region](facts, gender, generator)


def skin_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    tone, freckles = word("skin_tone", facts, generator), facts.get("freckles")
    if not tone:
        return f"{person.subject} has {generator.choice(having('freckles', facts['freckles']))}"
    noun = generator.choice(["skin", "skin", "complexion"])
    if freckles is None:
        return f"{person.possessive} {noun} is {tone}"
    if freckles == "yes":
        return one_of(
            generator,
            f"{person.possessive} {noun} is {tone} and freckled",
            f"{person.possessive} {noun} is {tone}, with freckles",
        )
    return (
        f"{person.possessive} {noun} is {tone}, {one_of(generator, 'with no', 'without')} freckles"
    )


def face_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    if "face_shape" not in facts or generator.random() < 0.4:
        return f"{person.subject} has {face_phrase(facts, generator)}"
    text = f"{person.possessive} face is {word('face_shape', facts, generator)}"
    rest = [generator.choice(having(n, facts[n])) for n in ("cheeks", "chin") if n in facts]
    return f"{text}, with {listed(rest)}" if rest else text


def hair_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    style, hat = facts.get("hair_style"), facts.get("hat")
    is_hat_only = "hair_color" not in facts and style is None
    if is_hat_only:
        return f"{person.subject} {_hat_predicate(hat or '', generator)}"
    if style == "bald":
        text = f"{person.subject} is {generator.choice(['bald', 'bald', 'completely bald'])}"
        return f"{text} and {_hat_predicate(hat, generator)}" if hat else text
    if generator.random() < 0.35:
        return f"{person.subject} has {hair_phrase(facts, generator)}"
    color = word("hair_color", facts, generator)
    if style is None:
        text = f"{person.possessive} hair is {color}"
    else:
        predicate = generator.choice(_HAIR_PREDICATES[style])
        text = one_of(
            generator,
            f"{join_words(person.possessive, color, 'hair')} is {predicate}",
            f"{person.possessive} hair is {color} and {predicate}" if color else "",
        )
    return f"{text}, and {person.subject} {_hat_predicate(hat, generator)}" if hat else text


def _hat_predicate(hat: str, generator: random.Random) -> str:
    if hat == "none":
        return generator.choice(["wears no hat", "has no hat on", "is not wearing a hat"])
    verb = generator.choice(["wears", "is wearing", "has on"])
    return f"{verb} {generator.choice(having('hat', hat))}"


def brows_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    if generator.random() < 0.35 or facts.get("brow_thickness") == "average":
        return f"{person.subject} has {brows_phrase(facts, generator)}"
    noun = generator.choice(["eyebrows", "eyebrows", "brows"])
    words = [w for w in (word(n, facts, generator) for n in ("brow_thickness", "brows")) if w]
    return f"{person.possessive} {noun} are {listed(words)}"


def eyes_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    shadow, state = facts.get("eye_shadow"), facts.get("eyes")
    words = [w for w in (word(n, facts, generator) for n in ("eye_size", "eye_color")) if w]
    if state is None and not words:
        predicate = {"yes": "wears eye shadow", "no": "wears no eye shadow"}[shadow or ""]
        return f"{person.subject} {predicate}"
    if state == "winking":
        text = f"{person.subject} is winking"
        if words:
            text = f"{person.possessive} eyes are {listed(words)}, and {text}"
    elif state is None:
        text = f"{person.possessive} eyes are {listed(words)}"
    elif words and generator.random() < 0.4 and shadow is None:
        return f"{person.subject} has {eyes_phrase(facts, generator)}"
    else:
        shown = {"squinting": ["narrowed", "squinting"], "closed": ["closed", "shut"]}
        predicate = generator.choice(shown.get(state, [state]))
        text = f"{join_words(person.possessive, *words)} eyes are {predicate}"
    if shadow == "yes":
        return f"{text}, with eye shadow"
    return f"{text}, without eye shadow" if shadow == "no" else text


def glasses_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    subject, kind = PRONOUNS[gender].subject, facts["glasses"]
    if kind == "none":
        return f"{subject} {one_of(generator, 'wears no', 'is not wearing')} glasses"
    noun = generator.choice(having("glasses", kind))
    return f"{subject} {generator.choice(['wears', 'is wearing'])} {noun}"


def gaze_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person, where = PRONOUNS[gender], facts["gaze"]
    looking = generator.choice(being("gaze", where))
    target = {"left": "to the left", "right": "to the right"}.get(where, where)
    return one_of(
        generator,
        f"{person.subject} is {looking}",
        f"{person.subject} is {looking}",
        f"{person.subject} looks {target}",
        f"{person.possessive} gaze is directed {target}",
    )


def nose_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    if "average" in facts.values() or generator.random() < 0.4:
        return f"{person.subject} has {nose_phrase(facts, generator)}"
    words = [w for w in (word(n, facts, generator) for n in ("nose_length", "nose_width")) if w]
    return f"{person.possessive} nose is {listed(words)}"


def mouth_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    state, paint, lips = facts.get("mouth"), facts.get("lipstick"), facts.get("lips")
    if generator.random() < 0.3 and (lips or state):
        return f"{person.subject} has {mouth_phrase(facts, generator)}"
    parts = []
    if lips is not None:
        text = f"{person.possessive} lips are {word('lips', facts, generator)}"
        if paint is not None:
            text += " and bare" if paint == "none" else f" and painted {paint}"
        parts.append(text)
    elif paint is not None:
        verb = generator.choice(["wears", "is wearing"])
        parts.append(f"{person.subject} {verb} {generator.choice(having('lipstick', paint))}")
    if state is not None:
        parts.append(f"{person.possessive} mouth is {state}")
    return listed(parts) if len(parts) < 2 else f"{parts[0]}, and {parts[1]}"


def ears_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    shape, rings = facts.get("ears"), facts.get("earrings")
    parts = []
    if shape == "protruding":
        stick = generator.choice(["stick out", "stick out a little", "protrude"])
        parts.append(f"{person.possessive} ears {stick}")
    elif shape is not None:
        lie = generator.choice(["lie close to the head", "sit flat against the head"])
        parts.append(f"{person.possessive} ears {lie}")
    if rings is not None:
        noun = "earrings" if rings == "yes" else "no earrings"
        parts.append(f"{person.subject} {generator.choice(['wears', 'is wearing'])} {noun}")
    return listed(parts) if len(parts) < 2 else f"{parts[0]}, and {parts[1]}"


def beard_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    subject, kind = PRONOUNS[gender].subject, facts["facial_hair"]
    if kind == "none":
        if gender == "woman":
            return f"{subject} has no facial hair"
        return one_of(generator, f"{subject} is clean-shaven", f"{subject} has no beard")
    return f"{subject} has {generator.choice(having('facial_hair', kind))}"


def expression_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person, value = PRONOUNS[gender], facts["expression"]
    verb = generator.choice(["looks", "appears"])
    mood = {"sad": "sad", "angry": "angry", "surprised": "surprised", "neutral": "calm"}.get(value)
    if mood is None:
        return one_of(
            generator,
            f"{person.subject} is {value}",
            f"{person.subject} is {value}",
            f"{person.subject} has a smile on {person.possessive} face"
            if value == "smiling"
            else "",
        )
    return one_of(
        generator,
        f"{person.subject} {verb} {mood}",
        f"{person.possessive} expression is {value}",
        f"{person.subject} has {expression_phrase(facts, generator)}",
    )


def pose_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    turn, nod = facts.get("head_turn"), facts.get("head_nod")
    if generator.random() < 0.5 or turn is None:
        known = {"gender": gender, **facts}
        return f"{person.subject} is {pose_predicate(known, generator)}"
    side = "toward the camera" if turn == "front" else f"to the {turn}"
    text = f"{person.possessive} head is turned {side}"
    bent = {"up": "tilted up", "down": "tilted down", "level": "held level"}
    return f"{text} and {bent[nod]}" if nod is not None else text


def clothes_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    person = PRONOUNS[gender]
    color = adjectives("clothing_color", facts["clothing_color"])[0]
    return one_of(
        generator,
        f"{person.subject} is wearing {clothes_phrase(facts, generator)}",
        f"{person.subject} wears {clothes_phrase(facts, generator)}",
        f"{person.possessive} {generator.choice(['shirt', 'top'])} is {color}",
    )


def scene_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    side, color, behind = (facts.get(n) for n in ("light", "light_color", "background"))
    parts = []
    if side and color:
        parts.append(
            one_of(
                generator,
                f"{color} light falls from the {side}",
                f"the light is {color} and comes from the {side}",
            )
        )
    elif side:
        parts.append(
            one_of(
                generator,
                f"the light comes from the {side}",
                f"{PRONOUNS[gender].possessive} face is lit from the {side}",
            )
        )
    elif color:
        parts.append(one_of(generator, f"the light is {color}", f"the lighting is {color}"))
    if behind:
        shade = adjectives("background", behind)[0]
        parts.append(
            one_of(
                generator,
                f"the background is {shade}",
                f"the backdrop is {shade}",
                f"there is {with_article(shade)} wall behind {PRONOUNS[gender].object}",
            )
        )
    return listed(parts) if len(parts) < 2 else f"{parts[0]}, and {parts[1]}"


def details_clause(facts: Facts, gender: str, generator: random.Random) -> str:
    return f"{PRONOUNS[gender].subject} has {details_phrase(facts, generator)}"


_CLAUSES: Mapping[str, Callable[[Facts, str, random.Random], str]] = {
    "skin": skin_clause,
    "face": face_clause,
    "hair": hair_clause,
    "brows": brows_clause,
    "eyes": eyes_clause,
    "glasses": glasses_clause,
    "gaze": gaze_clause,
    "nose": nose_clause,
    "mouth": mouth_clause,
    "ears": ears_clause,
    "beard": beard_clause,
    "expression": expression_clause,
    "pose": pose_clause,
    "clothes": clothes_clause,
    "scene": scene_clause,
    **{region: details_clause for region in REGIONS if region.startswith("more ")},
}
