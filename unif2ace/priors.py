"""How common each value is among the faces learnt from, and who is painted when no prompt says.

A rendered face draws its values by these chances, each for itself but for what hangs on gender or
age; the painter's plans go by them where a prompt leaves a value open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set

from unif2ace.attributes import ATTRIBUTES

WHO = ("skin_tone", "gender", "age")
"""Drawn evenly and independently, so that every group of people is met equally often."""

DECIDED = ("mouth", "brows")
"""Often decided by the expression, and then not by these chances."""

# Probabilities in the order of the attribute's values; attributes not listed are drawn evenly. Most
# of a face is unremarkable: were each of its parts remarkable, all together would be a caricature.
WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "face_shape": (0.4, 0.2, 0.2, 0.2),
    "freckles": (0.87, 0.13),
    "brow_thickness": (0.5, 0.25, 0.25),
    "eye_size": (0.6, 0.2, 0.2),
    "nose_width": (0.66, 0.17, 0.17),
    "nose_length": (0.66, 0.17, 0.17),
    "lips": (0.6, 0.2, 0.2),
    "hair_style": (0.19, 0.1, 0.12, 0.1, 0.12, 0.12, 0.1, 0.15),
    "glasses": (0.76, 0.08, 0.08, 0.08),
    "hat": (0.86, 0.07, 0.07),
    "ears": (0.82, 0.18),
    "cheeks": (0.66, 0.17, 0.17),
    "chin": (0.66, 0.17, 0.17),
    "expression": (0.3, 0.22, 0.17, 0.1, 0.1, 0.11),
    "mouth": (0.84, 0.16),
    "eyes": (0.84, 0.06, 0.05, 0.05),
    "brows": (0.76, 0.12, 0.12),
    "gaze": (0.72, 0.07, 0.07, 0.07, 0.07),
    "head_turn": (0.6, 0.2, 0.2),
    "head_nod": (0.8, 0.1, 0.1),
    "light": (0.6, 0.2, 0.2),
    "light_color": (0.6, 0.2, 0.2),
    "forehead": (0.72, 0.14, 0.14),
    "cheekbones": (0.8, 0.2),
    "double_chin": (0.88, 0.12),
    "neck": (0.7, 0.15, 0.15),
    "eye_spacing": (0.72, 0.14, 0.14),
    "eye_slant": (0.72, 0.14, 0.14),
    "eye_openness": (0.84, 0.08, 0.08),
    "raised_brow": (0.86, 0.07, 0.07),
    "nose_tip": (0.72, 0.14, 0.14),
    "mouth_width": (0.72, 0.14, 0.14),
    "mouth_pose": (0.52, 0.12, 0.12, 0.12, 0.12),  # only a calm face with its mouth closed
    "chin_cleft": (0.86, 0.14),
    "ear_tips": (0.93, 0.07),
    "head_tilt": (0.8, 0.1, 0.1),
    "blush": (0.85, 0.15),
    "beauty_mark": (0.85, 0.05, 0.05, 0.05),
    "scar": (0.91, 0.03, 0.03, 0.03),
    "eyeliner": (0.8, 0.2),
    "eye_bags": (0.85, 0.15),
    "sideburns": (0.7, 0.3),
    "face_mask": (0.91, 0.03, 0.03, 0.03),
    "piercing": (0.91, 0.03, 0.03, 0.03),
    "light_height": (0.88, 0.12),
    "background_pattern": (0.79, 0.07, 0.07, 0.07),
}
# The same, where it depends on gender: chance of any value but the first, the rest shared evenly.
RATES: Mapping[str, Mapping[str, float]] = {
    "facial_hair": {"woman": 0.0, "man": 0.6},
    "lipstick": {"woman": 0.5, "man": 0.02},
    "eye_shadow": {"woman": 0.35, "man": 0.02},
    "earrings": {"woman": 0.3, "man": 0.08},
}

# Chance of grey hair; the other colours share the rest evenly.
GREY: Mapping[str, float] = {"young": 0.03, "middle-aged": 0.22, "old": 0.65}


def common(name: str) -> dict[str, float]:
    """{value: chance} of an attribute, summing to 1, before values give way to one another.

    Empty where the chances hang on who it is, or the expression decides: what is common there is
    not so in every face.
    """
    if name in _HANGING or name in DECIDED:
        return {}
    options = ATTRIBUTES[name].values
    weights = WEIGHTS.get(name, (1.0,) * len(options))
    return {value: weight / sum(weights) for value, weight in zip(options, weights, strict=True)}


def who(left_open: Mapping[str, Set[str]]) -> dict[str, dict[str, float]]:
    """Of each of `WHO` {value: chance} given what is left open of any attribute, summing to 1.

    Bayes' rule: evenly, but that what hangs on gender or age tells of it, as a beard does of a man.
    Where all that is left open goes together in no face ("a woman with a beard"), what is left
    open of gender or age is drawn evenly.
    """
    chances = {}
    for name in WHO:
        values = ATTRIBUTES[name].values
        possible = left_open.get(name, frozenset()) & set(values) or set(values)
        even = {value: float(value in possible) for value in values}
        told = [
            (by_value, left_open[hanging])
            for hanging, (on, by_value) in _HANGING.items()
            if on == name and left_open.get(hanging, frozenset()) & {*ATTRIBUTES[hanging].values}
        ]
        likely = {
            value: chance
            * math.prod(
                sum(share for told_of, share in by_value[value].items() if told_of in seen)
                for by_value, seen in told
            )
            for value, chance in even.items()
        }
        found = likely if any(likely.values()) else even
        chances[name] = {value: chance / sum(found.values()) for value, chance in found.items()}
    return chances


def _one_and_others(name: str, value: str, chance: float) -> dict[str, float]:
    """The chance of one value; the others share the rest evenly."""
    options = ATTRIBUTES[name].values
    rest = (1 - chance) / (len(options) - 1)
    return {option: chance if option == value else rest for option in options}


# Attribute to what it hangs on, and {value of that: {value: chance}}.
_HANGING: Mapping[str, tuple[str, Mapping[str, Mapping[str, float]]]] = {
    **{
        name: (
            "gender",
            {
                gender: _one_and_others(name, ATTRIBUTES[name].values[0], 1 - rate)
                for gender, rate in by_gender.items()
            },
        )
        for name, by_gender in RATES.items()
    },
    "hair_color": (
        "age",
        {age: _one_and_others("hair_color", "grey", chance) for age, chance in GREY.items()},
    ),
}
