"""Which attributes a seed gets: even, independent, consistent, with held-out combinations.

A tenth of the combinations of hair colour, hair style, expression and glasses is never drawn for
training and makes up the test split, so that a model is tested on pairings it has not seen.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np

from unif2ace.attributes import (
    ATTRIBUTES,
    FIRST_VOCABULARY,
    REFINED,
    FaceAttributes,
    contradictions,
    followed,
)
from unif2ace.synth.sliders import stream

Split = Literal["train", "test"]

HELD_OUT_KEYS = ("hair_color", "hair_style", "expression", "glasses")
HELD_OUT_SHARE = 0.1
TEST_SEED_START = 1_000_000_000  # identities of the test split start here

# Probabilities in the order of the attribute's values; attributes not listed are drawn evenly. Most
# of a face is unremarkable: were each of its parts remarkable, all together would be a caricature.
_WEIGHTS: Mapping[str, tuple[float, ...]] = {
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
_RATES: Mapping[str, Mapping[str, float]] = {
    "facial_hair": {"woman": 0.0, "man": 0.6},
    "lipstick": {"woman": 0.5, "man": 0.02},
    "eye_shadow": {"woman": 0.35, "man": 0.02},
    "earrings": {"woman": 0.3, "man": 0.08},
}

# Chance of grey hair; the other colours share the rest evenly.
_GREY: Mapping[str, float] = {"young": 0.03, "middle-aged": 0.22, "old": 0.65}

# Cumulative weights as `Generator.choice` sums them: the same draws at a tenth of its cost.
_STEPS = {
    name: (np.cumsum(weights) / np.cumsum(weights)[-1]).tolist()
    for name, weights in _WEIGHTS.items()
}


def is_held_out(values: Mapping[str, str]) -> bool:
    """Whether this pairing of `HELD_OUT_KEYS` belongs to the test split."""
    key = "|".join(values[name] for name in HELD_OUT_KEYS)
    return zlib.crc32(key.encode()) < HELD_OUT_SHARE * 2**32


def sample_attributes(
    seed: int, split: Split = "train", names: Collection[str] = tuple(ATTRIBUTES)
) -> FaceAttributes:
    """The attributes that belong to `seed`: pure function of seed, split and `names`.

    What is not in `names` stays at its plain case, and so does what would then contradict it.
    Raises ValueError for a negative seed, an unknown split or an unknown name.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    if unknown := sorted(set(names) - set(ATTRIBUTES)):
        raise ValueError(f"unknown attributes: {', '.join(unknown)}")
    rng = stream(seed, "attributes")
    while True:
        values = _draw(rng)
        if is_held_out(values) == (split == "test"):
            break
    values |= _draw_finer(values, stream(seed, "finer attributes"))
    return FaceAttributes(values if set(names) == set(ATTRIBUTES) else _only(names, values))


def _only(names: Collection[str], drawn: Mapping[str, str]) -> dict[str, str]:
    """The drawn values of `names` that agree with the plain case of all others."""
    values = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
    for name in ATTRIBUTES:
        changed = followed(values | {name: drawn[name]})
        if name in names and not contradictions(changed):
            values = changed
    return values


def _draw(rng: np.random.Generator) -> dict[str, str]:
    """The first attributes, whose draws must stay as they are: later ones have their own stream."""
    values = {
        name: _pick(rng, name)
        for name, _ in FIRST_VOCABULARY
        if name not in (*_RATES, "hair_color")
    }
    for name, by_gender in _RATES.items():
        options = ATTRIBUTES[name].values
        chosen = rng.random() < by_gender[values["gender"]]
        values[name] = options[int(rng.integers(1, len(options)))] if chosen else options[0]
    colors = [color for color in ATTRIBUTES["hair_color"].values if color != "grey"]
    is_grey = rng.random() < _GREY[values["age"]]
    values["hair_color"] = "grey" if is_grey else colors[int(rng.integers(len(colors)))]
    _make_consistent(values, rng)
    return values


def _draw_finer(values: Mapping[str, str], rng: np.random.Generator) -> dict[str, str]:
    """The later attributes, of which each gives way to all that were drawn before it."""
    later = tuple(ATTRIBUTES)[len(FIRST_VOCABULARY) :]
    drawn = {name: _pick(rng, name) for name in later if name not in REFINED}
    for name, (coarse, allowed) in REFINED.items():
        options = allowed[values[coarse]]
        drawn[name] = options[int(rng.integers(len(options)))]
    whole = dict(values)
    for name, value in drawn.items():
        plain = ATTRIBUTES[name].values[0]
        whole[name] = plain if contradictions(whole | {name: value}) else value
    return {name: whole[name] for name in drawn}


def _pick(rng: np.random.Generator, name: str) -> str:
    options, steps = ATTRIBUTES[name].values, _STEPS.get(name)
    if steps is None:
        return options[int(rng.integers(len(options)))]
    return options[bisect_right(steps, rng.random())]


def _make_consistent(values: dict[str, str], rng: np.random.Generator) -> None:
    """Let the expression decide mouth and brows where they would contradict it (attributes.py).

    Gaze against the turned head cannot be told from a look at the camera, so it is drawn again.
    """
    if values["expression"] in ("laughing", "surprised"):
        values["mouth"] = "open"
    elif values["expression"] in ("smiling", "sad", "angry"):
        values["mouth"] = "closed"
    if values["expression"] == "surprised":
        values["brows"] = "raised"
        # Surprise lives in wide eyes.
        values["eyes"] = "open"
    elif values["expression"] == "angry":
        values["brows"] = "furrowed"
    turn, nod, gaze = values["head_turn"], values["head_nod"], values["gaze"]
    opposite = {"left": "right", "right": "left", "up": "down", "down": "up"}
    if gaze in opposite and opposite[gaze] in (turn, nod):
        values["gaze"] = ATTRIBUTES["gaze"].values[0]
