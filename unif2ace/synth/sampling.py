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
from unif2ace.priors import GREY, RATES, WEIGHTS
from unif2ace.synth.sliders import stream

Split = Literal["train", "test"]

HELD_OUT_KEYS = ("hair_color", "hair_style", "expression", "glasses")
HELD_OUT_SHARE = 0.1
TEST_SEED_START = 1_000_000_000  # identities of the test split start here

# Cumulative weights as `Generator.choice` sums them: the same draws at a tenth of its cost.
_STEPS = {
    name: (np.cumsum(weights) / np.cumsum(weights)[-1]).tolist()
    for name, weights in WEIGHTS.items()
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
        name: _pick(rng, name) for name, _ in FIRST_VOCABULARY if name not in (*RATES, "hair_color")
    }
    for name, by_gender in RATES.items():
        options = ATTRIBUTES[name].values
        chosen = rng.random() < by_gender[values["gender"]]
        values[name] = options[int(rng.integers(1, len(options)))] if chosen else options[0]
    colors = [color for color in ATTRIBUTES["hair_color"].values if color != "grey"]
    is_grey = rng.random() < GREY[values["age"]]
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
