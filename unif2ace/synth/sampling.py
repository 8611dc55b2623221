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

# Probabilities in the order of the attribute's values; attributes not listed are drawn evenly.
_WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "freckles": (0.85, 0.15),
    "brow_thickness": (0.4, 0.3, 0.3),
    "eye_size": (0.5, 0.25, 0.25),
    "nose_width": (0.5, 0.25, 0.25),
    "nose_length": (0.5, 0.25, 0.25),
    "lips": (0.46, 0.27, 0.27),
    "hair_style": (0.19, 0.1, 0.12, 0.1, 0.12, 0.12, 0.1, 0.15),
    "glasses": (0.75, 0.08, 0.09, 0.08),
    "hat": (0.85, 0.08, 0.07),
    "ears": (0.7, 0.3),
    "cheeks": (0.5, 0.25, 0.25),
    "chin": (0.5, 0.25, 0.25),
    "expression": (0.28, 0.19, 0.17, 0.12, 0.12, 0.12),
    "mouth": (0.82, 0.18),
    "eyes": (0.82, 0.06, 0.06, 0.06),
    "brows": (0.7, 0.15, 0.15),
    "gaze": (0.68, 0.08, 0.08, 0.08, 0.08),
    "head_turn": (0.6, 0.2, 0.2),
    "head_nod": (0.8, 0.1, 0.1),
    "light": (0.6, 0.2, 0.2),
    "light_color": (0.6, 0.2, 0.2),
    "forehead": (0.5, 0.25, 0.25),
    "cheekbones": (0.65, 0.35),
    "double_chin": (0.8, 0.2),
    "neck": (0.5, 0.25, 0.25),
    "eye_spacing": (0.5, 0.25, 0.25),
    "eye_slant": (0.5, 0.25, 0.25),
    "eye_openness": (0.76, 0.12, 0.12),
    "raised_brow": (0.72, 0.14, 0.14),
    "nose_tip": (0.5, 0.25, 0.25),
    "mouth_width": (0.5, 0.25, 0.25),
    "mouth_pose": (0.28, 0.18, 0.18, 0.18, 0.18),  # only a calm face with its mouth closed
    "chin_cleft": (0.75, 0.25),
    "ear_tips": (0.75, 0.25),
    "head_tilt": (0.76, 0.12, 0.12),
    "blush": (0.75, 0.25),
    "beauty_mark": (0.76, 0.08, 0.08, 0.08),
    "scar": (0.82, 0.06, 0.06, 0.06),
    "eyeliner": (0.75, 0.25),
    "eye_bags": (0.75, 0.25),
    "sideburns": (0.6, 0.4),
    "face_mask": (0.82, 0.06, 0.06, 0.06),
    "piercing": (0.79, 0.07, 0.07, 0.07),
    "light_height": (0.8, 0.2),
    "background_pattern": (0.61, 0.13, 0.13, 0.13),
}
# The same, where it depends on gender: chance of any value but the first, the rest shared evenly.
_RATES: Mapping[str, Mapping[str, float]] = {
    "facial_hair": {"woman": 0.0, "man": 0.5},
    "lipstick": {"woman": 0.4, "man": 0.02},
    "eye_shadow": {"woman": 0.3, "man": 0.02},
    "earrings": {"woman": 0.3, "man": 0.08},
}

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
    values = {name: _pick(rng, name) for name, _ in FIRST_VOCABULARY if name not in _RATES}
    for name, by_gender in _RATES.items():
        options = ATTRIBUTES[name].values
        chosen = rng.random() < by_gender[values["gender"]]
        values[name] = options[int(rng.integers(1, len(options)))] if chosen else options[0]
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
