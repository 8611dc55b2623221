"""Morph targets, expression units and angles of the finer attributes, added to those of `sliders`.

As there, each named value is a band with jitter inside. Each attribute draws from a stream of its
own, and plain values add nothing: a face whose finer attributes are plain is as it was without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

Band = tuple[tuple[str, float, float], ...]  # (target, low, high); "@" stands for both sides

BANDS: Mapping[str, Mapping[str, Band]] = {
    "forehead": {
        "low": (("forehead/forehead-scale-vert-decr", 0.75, 0.95),),
        "high": (("forehead/forehead-scale-vert-incr", 0.45, 0.6),),
    },
    "cheekbones": {
        "high": (("cheek/@-cheek-bones-incr", 0.6, 0.75), ("cheek/@-cheek-trans-up", 0.4, 0.6)),
    },
    "double_chin": {"yes": (("neck/neck-double-incr", 1.3, 1.6),)},
    "neck": {
        "slender": (
            ("neck/neck-scale-horiz-decr", 1.0, 1.3),
            ("neck/neck-scale-vert-incr", 0.4, 0.6),
        ),
        "thick": (
            ("neck/neck-scale-horiz-incr", 1.6, 2.0),
            ("neck/neck-scale-depth-incr", 0.5, 0.8),
        ),
    },
    "eye_spacing": {
        "close-set": (("eyes/@-eye-trans-in", 1.1, 1.3),),
        "wide-set": (("eyes/@-eye-trans-out", 1.1, 1.3),),
    },
    "eye_slant": {
        "upturned": (("eyes/@-eye-corner2-up", 1.4, 1.7), ("eyes/@-eye-corner1-down", 0.7, 0.9)),
        "downturned": (("eyes/@-eye-corner2-down", 1.4, 1.7), ("eyes/@-eye-corner1-up", 0.7, 0.9)),
    },
    "nose_tip": {
        "bulbous": (("nose/nose-point-width-incr", 1.5, 1.8), ("nose/nose-volume-incr", 0.3, 0.5)),
        "fine": (
            ("nose/nose-point-width-decr", 1.5, 1.8),
            ("nose/nose-nostrils-width-decr", 1.0, 1.3),
        ),
    },
    "mouth_width": {
        "small": (("mouth/mouth-scale-horiz-decr", 1.0, 1.3),),
        "wide": (("mouth/mouth-scale-horiz-incr", 1.0, 1.3),),
    },
    "mouth_pose": {
        "puckered": (("unit/mouthPucker", 0.8, 1.0),),
        "pressed": (("unit/mouthRollLower", 0.5, 0.7), ("unit/mouthRollUpper", 0.5, 0.7)),
        "puffed": (("unit/cheekPuff", 1.0, 1.3),),
    },
    "chin_cleft": {"yes": (("chin/chin-cleft-incr", 1.2, 1.6),)},
    "ear_tips": {"pointed": (("ears/@-ear-shape-pointed", 1.4, 1.6),)},
}
_TILT = (18, 23)  # degrees

Stream = Callable[[str], np.random.Generator]  # the generator of one attribute's name


def finer_targets(attributes: Mapping[str, str], stream: Stream) -> dict[str, float]:
    """Weights of morph targets, and of those expression units that are no part of the labels."""
    targets: dict[str, float] = {}
    for name, values in BANDS.items():
        rng = stream(name)
        for target, low, high in values.get(attributes[name], ()):
            weight = float(rng.uniform(low, high))
            for one in (target.replace("@", side) for side in "lr"):
                targets[one] = weight  # the same twice for what has no sides
    return targets


def move_finely(units: dict[str, float], attributes: Mapping[str, str], stream: Stream) -> None:
    """Change expression units in place. A unit's left is the person's: the viewer's right."""
    sides = {"left": ("Right", "Left"), "right": ("Left", "Right")}
    if attributes["mouth_pose"] == "smirking":
        rng = stream("mouth_pose")
        up, rest = sides[("left", "right")[int(rng.integers(2))]]
        units[f"mouthSmile{up}"] = float(rng.uniform(0.85, 1.0))
        units[f"mouthDimple{up}"] = float(rng.uniform(0.5, 0.8))
        units[f"mouthSmile{rest}"] = 0.0
    elif attributes["mouth_pose"] == "pressed":
        for side in ("Left", "Right"):
            units[f"mouthPress{side}"] = float(stream("mouth_pose").uniform(0.8, 1.0))
    if attributes["raised_brow"] != "none":
        rng = stream("raised_brow")
        up, rest = sides[attributes["raised_brow"]]
        units[f"browOuterUp{up}"] = float(rng.uniform(1.3, 1.5))
        units[f"browOuterUp{rest}"] = 0.0
        units[f"browDown{rest}"] = float(rng.uniform(0.3, 0.5))
    if attributes["eyes"] == "winking":
        shut, rest = sides[attributes["wink_side"]]
        units[f"eyeBlink{shut}"] = 1.0
        units[f"eyeBlink{rest}"] = float(stream("wink_side").uniform(0.0, 0.1))
        units.pop(f"eyeWide{shut}", None)
    if attributes["eye_openness"] != "normal":
        rng = stream("eye_openness")
        wide, blink = {"wide": (1.1, 0.0), "drowsy": (0.0, 0.28)}[attributes["eye_openness"]]
        for side in ("Left", "Right"):
            units[f"eyeWide{side}"] = wide
            units[f"eyeBlink{side}"] = blink + float(rng.uniform(0.0, 0.08)) * (blink > 0)


def lean(attributes: Mapping[str, str], stream: Stream) -> float:
    """The roll of a head that leans, in radians, positive to the viewer's left; 0 if upright."""
    sign = {"upright": 0, "left": 1, "right": -1}[attributes["head_tilt"]]
    return sign * math.radians(stream("head_tilt").uniform(*_TILT))
