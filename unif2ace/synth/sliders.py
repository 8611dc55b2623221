"""From attributes to morph targets: identity, named shape bands, expression units, gaze, pose.

Every named value has its own band of strengths, with jitter inside the band and a gap to the next
band, so that a value can be seen. Bands were set by eye on contact sheets (`synth sheet --by`).
"""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unif2ace.attributes import FaceAttributes
from unif2ace.synth.finer import finer_targets, lean, move_finely

RACES = ("african", "asian", "caucasian")

# name -> value -> ((target, low, high), ...); "@" stands for both sides of the face.
_BANDS: Mapping[str, Mapping[str, tuple[tuple[str, float, float], ...]]] = {
    "face_shape": {
        "oval": (("head/head-oval", 0.4, 0.64),),
        "round": (
            ("head/head-round", 0.48, 0.68),
            ("head/head-scale-vert-decr", 0.2, 0.32),
            ("head/head-fat-incr", 0.08, 0.2),
        ),
        "square": (
            ("head/head-square", 0.48, 0.68),
            ("chin/chin-bones-incr", 0.16, 0.28),
            ("head/head-scale-vert-decr", 0.0, 0.1),
        ),
        "long": (
            ("head/head-rectangular", 0.2, 0.32),
            ("head/head-scale-vert-incr", 0.36, 0.52),
            ("head/head-scale-horiz-decr", 0.2, 0.32),
        ),
    },
    "cheeks": {
        "average": (),
        "hollow": (
            ("cheek/@-cheek-volume-decr", 0.68, 0.88),
            ("cheek/@-cheek-bones-incr", 0.32, 0.52),
            ("cheek/@-cheek-inner-decr", 0.4, 0.64),
            ("head/head-fat-decr", 0.2, 0.32),
        ),
        "full": (
            ("cheek/@-cheek-volume-incr", 0.6, 0.8),
            ("cheek/@-cheek-inner-incr", 0.24, 0.44),
            ("head/head-fat-incr", 0.08, 0.2),
        ),
    },
    "chin": {
        "average": (),
        "pointed": (("chin/chin-triangle", 0.48, 0.64), ("chin/chin-width-decr", 0.6, 0.8)),
        "broad": (("chin/chin-width-incr", 0.64, 0.84), ("chin/chin-bones-incr", 0.32, 0.52)),
    },
    "eye_size": {
        "average": (),
        "small": (("eyes/@-eye-scale-decr", 0.63, 0.85), ("eyes/@-eye-height2-decr", 0.18, 0.36)),
        "large": (("eyes/@-eye-scale-incr", 0.63, 0.85), ("eyes/@-eye-height2-incr", 0.27, 0.45)),
    },
    "nose_width": {
        "average": (),
        "narrow": (
            ("nose/nose-scale-horiz-decr", 0.64, 0.88),
            ("nose/nose-width2-decr", 0.32, 0.48),
            ("nose/nose-width3-decr", 0.32, 0.48),
            ("nose/nose-flaring-decr", 0.48, 0.72),
        ),
        "wide": (
            ("nose/nose-scale-horiz-incr", 0.46, 0.6),
            ("nose/nose-width2-incr", 0.22, 0.34),
            ("nose/nose-width3-incr", 0.22, 0.34),
            ("nose/nose-flaring-incr", 0.22, 0.38),
        ),
    },
    "nose_length": {
        "average": (),
        "short": (("nose/nose-scale-vert-decr", 0.72, 0.96), ("nose/nose-point-up", 0.4, 0.64)),
        "long": (("nose/nose-scale-vert-incr", 0.56, 0.77), ("nose/nose-point-down", 0.4, 0.64)),
    },
    "lips": {
        "average": (),
        "thin": (
            ("mouth/mouth-upperlip-height-decr", 0.54, 0.81),
            ("mouth/mouth-lowerlip-height-decr", 0.54, 0.81),
            ("mouth/mouth-upperlip-volume-decr", 0.27, 0.45),
            ("mouth/mouth-lowerlip-volume-decr", 0.27, 0.45),
        ),
        "full": (
            ("mouth/mouth-upperlip-height-incr", 0.45, 0.72),
            ("mouth/mouth-lowerlip-height-incr", 0.45, 0.72),
            ("mouth/mouth-upperlip-volume-incr", 0.45, 0.72),
            ("mouth/mouth-lowerlip-volume-incr", 0.45, 0.72),
        ),
    },
    "ears": {
        "average": (),
        "protruding": (("ears/@-ear-wing-incr", 0.81, 1.08), ("ears/@-ear-scale-incr", 0.27, 0.45)),
    },
}

# What bones and soft parts of women and men tend to, below all named bands. Kept below the gaps
# between those bands, so that a woman's wide nose is wider than any man's average one.
_GENDERS: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "woman": (
        ("chin/chin-width-decr", 0.25, 0.5),
        ("chin/chin-bones-decr", 0.35, 0.6),
        ("chin/chin-jaw-drop-decr", 0.3, 0.5),
        ("chin/chin-prominent-decr", 0.1, 0.3),
        ("chin/chin-height-decr", 0.0, 0.15),
        ("eyebrows/eyebrows-trans-up", 1.1, 1.5),
        ("eyebrows/eyebrows-trans-backward", 0.4, 0.7),
        ("forehead/forehead-nubian-incr", 0.1, 0.3),
        ("eyes/@-eye-scale-incr", 0.1, 0.25),
        ("eyes/@-eye-corner2-up", 0.1, 0.3),
        ("eyes/@-eye-trans-out", 0.15, 0.35),
        ("nose/nose-scale-horiz-decr", 0.15, 0.35),
        ("nose/nose-volume-decr", 0.2, 0.4),
        ("nose/nose-hump-decr", 0.2, 0.4),
        ("nose/nose-curve-concave", 0.1, 0.3),
        ("nose/nose-scale-depth-decr", 0.1, 0.3),
        ("mouth/mouth-upperlip-height-incr", 0.35, 0.55),
        ("mouth/mouth-lowerlip-height-incr", 0.35, 0.55),
        ("mouth/mouth-upperlip-volume-incr", 0.2, 0.35),
        ("mouth/mouth-lowerlip-volume-incr", 0.2, 0.35),
        ("mouth/mouth-cupidsbow-incr", 0.1, 0.3),
        ("mouth/mouth-trans-up", 0.25, 0.5),
        ("head/head-fat-decr", 0.2, 0.4),
        ("nose/nose-point-up", 0.0, 0.1),
        ("head/head-oval", 0.05, 0.2),
        ("cheek/@-cheek-bones-incr", 0.15, 0.35),
        ("neck/neck-scale-horiz-decr", 0.3, 0.6),
    ),
    "man": (
        ("chin/chin-width-incr", 0.35, 0.6),
        ("chin/chin-bones-incr", 0.4, 0.65),
        ("chin/chin-jaw-drop-incr", 0.15, 0.35),
        ("chin/chin-prominent-incr", 0.1, 0.3),
        ("eyebrows/eyebrows-trans-down", 0.3, 0.6),
        ("eyebrows/eyebrows-trans-forward", 0.35, 0.6),
        ("eyes/@-eye-trans-in", 0.25, 0.45),
        ("eyes/@-eye-scale-decr", 0.15, 0.3),
        ("nose/nose-scale-horiz-incr", 0.0, 0.15),
        ("nose/nose-hump-incr", 0.0, 0.2),
        ("mouth/mouth-upperlip-height-decr", 0.1, 0.3),
        ("mouth/mouth-lowerlip-height-decr", 0.05, 0.25),
        ("mouth/mouth-upperlip-volume-decr", 0.1, 0.25),
        ("head/head-fat-incr", 0.05, 0.2),
        ("neck/neck-scale-horiz-incr", 0.4, 0.7),
    ),
}
# What falls, thins and grows with age; drawn at `_AGE_SHARE` of its strength.
_OLD: tuple[tuple[str, float, float], ...] = (
    ("mouth/mouth-upperlip-height-decr", 0.3, 0.55),
    ("mouth/mouth-lowerlip-height-decr", 0.2, 0.45),
    ("mouth/mouth-upperlip-volume-decr", 0.3, 0.5),
    ("mouth/mouth-angles-down", 0.15, 0.35),
    ("mouth/mouth-laugh-lines-in", 0.3, 0.6),
    ("ears/@-ear-scale-vert-incr", 0.3, 0.55),
    ("ears/@-ear-lobe-incr", 0.4, 0.7),
    ("nose/nose-point-down", 0.2, 0.4),
    ("nose/nose-scale-vert-incr", 0.05, 0.2),
    ("forehead/forehead-temple-decr", 0.4, 0.7),
    ("cheek/@-cheek-trans-down", 0.3, 0.6),
    ("cheek/@-cheek-inner-decr", 0.1, 0.3),
    ("eyes/@-eye-bag-incr", 0.5, 0.9),
    ("eyes/@-eye-eyefold-down", 0.4, 0.7),
    ("eyes/@-eye-corner2-down", 0.2, 0.4),
    ("neck/neck-double-incr", 0.3, 0.6),
    ("chin/chin-jaw-drop-incr", 0.1, 0.35),
)
_AGE_SHARE: Mapping[str, tuple[float, float]] = {
    "20s": (0.0, 0.0),
    "30s": (0.1, 0.2),
    "40s": (0.32, 0.42),
    "50s": (0.5, 0.62),
    "60s": (0.82, 0.95),
    "70s": (1.1, 1.25),
}

# Sliders free for identity: a "-decr|incr" name has a target for each sign.
_FREE = (
    "head/head-scale-depth-decr|incr",
    "head/head-angle-in|out",
    "head/head-back-scale-depth-decr|incr",
    "forehead/forehead-scale-vert-decr|incr",
    "forehead/forehead-trans-backward|forward",
    "forehead/forehead-temple-decr|incr",
    "forehead/forehead-nubian-decr|incr",
    "eyebrows/eyebrows-trans-backward|forward",
    "eyes/@-eye-corner1-down|up",
    "eyes/@-eye-corner2-down|up",
    "eyes/@-eye-eyefold-down|up",
    "eyes/@-eye-bag-decr|incr",
    "eyes/@-eye-trans-in|out",
    "eyes/@-eye-epicanthus-in|out",
    "nose/nose-hump-decr|incr",
    "nose/nose-curve-concave|convex",
    "nose/nose-scale-depth-decr|incr",
    "nose/nose-point-width-decr|incr",
    "nose/nose-greek-decr|incr",
    "mouth/mouth-scale-horiz-decr|incr",
    "mouth/mouth-trans-down|up",
    "mouth/mouth-cupidsbow-decr|incr",
    "mouth/mouth-philtrum-volume-decr|incr",
    "mouth/mouth-laugh-lines-in|out",
    "chin/chin-prominent-decr|incr",
    "chin/chin-cleft-decr|incr",
    "chin/chin-height-decr|incr",
    "cheek/@-cheek-trans-down|up",
    "ears/@-ear-lobe-decr|incr",
    "neck/neck-scale-horiz-decr|incr",
)
IDENTITY_SIGMA, IDENTITY_SLIDERS = 0.25, 14

# expression -> ((unit, low, high), ...)
_EXPRESSIONS: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "neutral": (("mouthSmile@", 0.1, 0.22),),
    "smiling": (
        ("mouthSmile@", 0.7, 0.9),
        ("cheekSquint@", 0.3, 0.5),
        ("mouthDimple@", 0.1, 0.3),
    ),
    "laughing": (
        ("mouthSmile@", 0.7, 0.9),
        ("jawOpen", 0.26, 0.4),
        ("cheekSquint@", 0.45, 0.7),
        ("mouthUpperUp@", 0.4, 0.6),
        ("mouthLowerDown@", 0.1, 0.3),
    ),
    "sad": (
        ("mouthFrown@", 0.65, 0.85),
        ("browInnerUp", 0.55, 0.8),
        ("mouthShrugLower", 0.25, 0.45),
    ),
    "angry": (
        ("noseSneer@", 0.3, 0.5),
        ("mouthPress@", 0.4, 0.7),
        ("mouthFrown@", 0.25, 0.45),
        ("cheekSquint@", 0.15, 0.35),
        ("eyeSquint@", 0.3, 0.5),
    ),
    "surprised": (("jawOpen", 0.45, 0.6), ("eyeWide@", 0.6, 0.85), ("mouthFunnel", 0.15, 0.3)),
}
# The base mesh frowns and hoods its eyes a little; a resting face does not.
_RESTING = (
    ("browInnerUp", 0.3, 0.42),
    ("browOuterUp@", 0.05, 0.15),
    ("eyeWide@", 0.2, 0.4),
)
_BROWS: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "relaxed": (),
    "raised": (("browInnerUp", 0.8, 1.0), ("browOuterUp@", 0.9, 1.15)),
    "furrowed": (("browDown@", 0.9, 1.1),),
}


_WOMEN_FROWN = 0.75


def stream(seed: int, name: str) -> np.random.Generator:
    """An independent generator per topic, so that changing one attribute leaves the rest alone."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What morphs and turns. Angles in radians."""

    targets: Mapping[str, float]  # morph targets without expression units
    units: Mapping[str, float]  # expression units, ARKit names
    yaw: float
    pitch: float
    roll: float
    body_yaw: float
    eye_yaw: float  # within the head, positive to the viewer's right
    eye_pitch: float


def shape_of(attributes: FaceAttributes, seed: int) -> Shape:
    """The shape of a face: pure function of attributes and seed."""
    yaw, pitch, roll, body_yaw = _pose(attributes, stream(seed, "pose"))
    eye_yaw, eye_pitch = _gaze(attributes, yaw, pitch, stream(seed, "gaze"))
    targets = _macros(attributes, stream(seed, "macros"))
    # The base mesh looks stern at rest, which suits a man's level brows more than a woman's arches.
    targets["eyebrows/eyebrows-angle-up"] = 0.8 if attributes["gender"] == "woman" else 0.25
    for name, weight in _identity(stream(seed, "identity")).items():
        targets[name] = targets.get(name, 0.0) + weight
    _add(targets, _GENDERS[attributes["gender"]], stream(seed, "gender"))
    ageing = stream(seed, "old")
    _add(targets, _OLD, ageing, ageing.uniform(*_AGE_SHARE[attributes["age_years"]]))
    for name, values in _BANDS.items():
        _add(targets, values[attributes[name]], stream(seed, name))
    units = _units(attributes, eye_yaw, eye_pitch, stream(seed, "expression"))
    finely = functools.partial(stream, seed)
    for name, weight in finer_targets(attributes, finely).items():
        targets[name] = targets.get(name, 0.0) + weight
    move_finely(units, attributes, finely)
    return Shape(
        targets=targets,
        units=units,
        yaw=yaw,
        pitch=pitch,
        roll=lean(attributes, finely) or roll,
        body_yaw=body_yaw,
        eye_yaw=eye_yaw,
        eye_pitch=eye_pitch,
    )


def _add(
    targets: dict[str, float],
    recipe: tuple[tuple[str, float, float], ...],
    rng: np.random.Generator,
    share: float = 1.0,
) -> None:
    """Add `share` of a recipe to `targets`, both sides of the face alike."""
    for target, low, high in recipe:
        weight = share * rng.uniform(low, high)
        for one in _sides(target, ("l", "r")):
            targets[one] = targets.get(one, 0.0) + weight


def _sides(name: str, sides: tuple[str, str]) -> list[str]:
    return [name.replace("@", side) for side in sides] if "@" in name else [name]


_OLD_MACRO = {
    "female": {
        **{"20s": (0.0, 0.06), "30s": (0.06, 0.1), "40s": (0.12, 0.18)},
        **{"50s": (0.18, 0.26), "60s": (0.3, 0.38), "70s": (0.44, 0.54)},
    },
    "male": {
        **{"20s": (0.0, 0.06), "30s": (0.1, 0.2), "40s": (0.3, 0.38)},
        **{"50s": (0.44, 0.54), "60s": (0.72, 0.82), "70s": (0.9, 1.0)},
    },
}
BEYOND = 0.35
"""How far faces go beyond the base mesh's woman and man, away from the other: the two lie close."""
_BRAWN = {"female": (-0.4, 0.1), "male": (-0.1, 0.5)}


def _macros(attributes: FaceAttributes, rng: np.random.Generator) -> dict[str, float]:
    """Gender, age and body targets; the mixture of races is identity, never a label."""
    share = rng.dirichlet([1.2] * len(RACES))
    gender = "male" if attributes["gender"] == "man" else "female"
    # The pack's old women have an old man's jaw, so less of them; `_OLD` does the rest.
    old = rng.uniform(*_OLD_MACRO[gender][attributes["age_years"]])
    fat, brawn = rng.uniform(-0.35, 0.35), rng.uniform(*_BRAWN[gender])
    heavy = ("maxweight" if fat > 0 else "minweight", "averageweight")
    strong = ("maxmuscle" if brawn > 0 else "minmuscle", "averagemuscle")
    weights: dict[str, float] = {}
    other = {"male": "female", "female": "male"}[gender]
    for age, age_share in (("young", 1 - old), ("old", old)):
        for race, race_share in zip(RACES, share, strict=True):
            for one, gender_share in ((gender, 1 + BEYOND), (other, -BEYOND)):
                name = f"macrodetails/{race}-{one}-{age}"
                weights[name] = age_share * race_share * gender_share
        for muscle, a in zip(strong, (abs(brawn), 1 - abs(brawn)), strict=True):
            for weight, b in zip(heavy, (abs(fat), 1 - abs(fat)), strict=True):
                name = f"macrodetails/universal-{gender}-{age}-{muscle}-{weight}"
                weights[name] = age_share * a * b
    return weights


def _identity(rng: np.random.Generator) -> dict[str, float]:
    weights: dict[str, float] = {}
    for i in rng.permutation(len(_FREE))[:IDENTITY_SLIDERS]:
        stem, _, signs = _FREE[i].rpartition("-")
        amount = float(np.clip(rng.normal(0.0, IDENTITY_SIGMA), -0.6, 0.6))
        sign = signs.split("|")[amount > 0]
        for one in _sides(f"{stem}-{sign}", ("l", "r")):
            weights[one] = abs(amount)
    return weights


def _pose(attributes: FaceAttributes, rng: np.random.Generator) -> tuple[float, ...]:
    side = {"front": 0, "left": -1, "right": 1}[attributes["head_turn"]]
    nod = {"level": 0, "up": 1, "down": -1}[attributes["head_nod"]]
    turn, lift = rng.uniform(18, 34), rng.uniform(11, 18)
    wobble = rng.uniform(-1, 1, 4)
    yaw = side * turn if side else 7 * wobble[0]
    pitch = nod * lift if nod else 5 * wobble[1]
    body_yaw = 0.3 * yaw + 4 * wobble[2]
    return tuple(math.radians(angle) for angle in (yaw, pitch, 5 * wobble[3], body_yaw))


def _gaze(
    attributes: FaceAttributes, yaw: float, pitch: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Eye angles within the head: what the picture shows is the sum with the head's angles."""
    gaze, limit = attributes["gaze"], math.radians(34)
    aside, above = math.radians(rng.uniform(22, 30)), math.radians(rng.uniform(16, 22))
    # The camera is met by undoing the head's turn; a look aside starts from there.
    eye_yaw, eye_pitch = -0.9 * yaw, -0.8 * pitch
    if gaze in ("left", "right"):
        sign = 1 if gaze == "right" else -1
        # A head turned the same way already carries the look part of the way.
        eye_yaw = sign * max(aside - 0.5 * max(sign * yaw, 0.0), sign * eye_yaw)
    elif gaze in ("up", "down"):
        sign = 1 if gaze == "up" else -1
        eye_pitch = sign * max(above, sign * eye_pitch)
    return float(np.clip(eye_yaw, -limit, limit)), float(np.clip(eye_pitch, -0.42, 0.42))


def _units(
    attributes: FaceAttributes, eye_yaw: float, eye_pitch: float, rng: np.random.Generator
) -> dict[str, float]:
    units: dict[str, float] = {}

    def add(recipe: tuple[tuple[str, float, float], ...]) -> None:
        for unit, low, high in recipe:
            strength = rng.uniform(low, high)
            for one in _sides(unit, ("Left", "Right")):
                lopsided = rng.normal(1.0, 0.08)  # no face is symmetric
                units[one] = min(max(units.get(one, 0.0), strength * lopsided), 1.5)

    expression = attributes["expression"]
    add(_EXPRESSIONS[expression])
    if "angry" not in (expression, attributes["brows"]):
        add(_RESTING)
    brow_keys = [k for k in units if k.startswith("brow")]
    if attributes["brows"] != "relaxed":
        for key in brow_keys:  # the asked brows win over those of the expression
            del units[key]
        add(_BROWS[attributes["brows"]])
    if attributes["mouth"] == "open" and expression == "neutral":
        add((("jawOpen", 0.3, 0.5),))
    if attributes["gender"] == "woman":  # a lighter brow moves less
        for unit in units:
            units[unit] *= _WOMEN_FROWN if unit.startswith(("browDown", "noseSneer")) else 1.0
    _set_lids(units, attributes["eyes"], eye_pitch, rng)
    for unit, amount in (
        ("eyeLookOutLeft", eye_yaw),
        ("eyeLookInRight", eye_yaw),
        ("eyeLookInLeft", -eye_yaw),
        ("eyeLookOutRight", -eye_yaw),
        ("eyeLookUpLeft", eye_pitch),
        ("eyeLookUpRight", eye_pitch),
        ("eyeLookDownLeft", -eye_pitch),
        ("eyeLookDownRight", -eye_pitch),
    ):
        if amount > 0:
            units[unit] = min(amount / math.radians(30), 1.0)
    return units


def _set_lids(
    units: dict[str, float], eyes: str, eye_pitch: float, rng: np.random.Generator
) -> None:
    """Lids for `eyes`; a closed eye drops the wide-open unit, which would fight the blink."""
    closed = {"closed": ("Left", "Right"), "winking": (("Left",), ("Right",))[rng.integers(2)]}
    for side in ("Left", "Right"):
        if side in closed.get(eyes, ()):
            units.pop(f"eyeWide{side}", None)
            units[f"eyeBlink{side}"] = 1.0
        elif eyes == "squinting":
            units.pop(f"eyeWide{side}", None)
            units[f"eyeBlink{side}"] = rng.uniform(0.4, 0.5)
            units[f"eyeSquint{side}"] = rng.uniform(0.7, 0.95)
            units[f"cheekSquint{side}"] = max(units.get(f"cheekSquint{side}", 0), 0.5)
        elif eye_pitch >= 0:
            units[f"eyeBlink{side}"] = rng.uniform(0.0, 0.1)
