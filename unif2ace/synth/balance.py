"""How evenly the faces are spread, and whether one attribute gives away another.

`DEPENDENCIES` is the one list of pairs that may go together, each with its reason. It speaks of
the values; what hides what from view is `attributes.hidden_attributes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from unif2ace.attributes import ATTRIBUTES, REFINED
from unif2ace.priors import WHO
from unif2ace.synth.sampling import HELD_OUT_KEYS

LEAK = 0.02
"""Cramér's V above which two attributes go together. 130,000 independent faces stay below 0.01."""


def _pairs(names: Sequence[str], reason: str) -> dict[frozenset[str], str]:
    return {frozenset(pair): reason for pair in combinations(names, 2)}


def _given_way(name: str, others: Sequence[str], reason: str) -> dict[frozenset[str], str]:
    """Of an attribute that stays plain beside some values of others, held-out keys included."""
    return {frozenset((name, other)): reason for other in {*others, *HELD_OUT_KEYS}}


_WORN_BY_GENDER = ("gender", "facial_hair", "lipstick", "eye_shadow", "earrings")
_SHOWN_BY_MOOD = ("expression", "mouth", "brows", "eyes")
DEPENDENCIES: Mapping[frozenset[str], str] = (
    _pairs(HELD_OUT_KEYS, "a tenth of their combinations is kept for the test split")
    | _pairs(_WORN_BY_GENDER, "beards grow on men; make-up and earrings are rarer on men")
    | {
        frozenset((held, shown)): "the held-out combinations, seen through the expression"
        for held in HELD_OUT_KEYS
        for shown in ("mouth", "brows", "eyes")
        if held != "expression"
    }
    | _pairs(_SHOWN_BY_MOOD, "a laugh opens the mouth, anger lowers the brows, surprise opens eyes")
    | {
        frozenset(("gaze", "head_turn")): "a gaze against the turned head looks like a gaze ahead",
        frozenset(("gaze", "head_nod")): "a gaze against the tilted head looks like a gaze ahead",
    }
    | _given_way("mouth_pose", _SHOWN_BY_MOOD, "only a calm, closed mouth is free to do more")
    | _given_way("raised_brow", _SHOWN_BY_MOOD, "moods and other moves of the brows come first")
    | _given_way("eye_openness", _SHOWN_BY_MOOD, "only open eyes can be wide or sleepy")
    | _pairs(("mouth_pose", "raised_brow", "eye_openness"), "all three give way to moods")
    | {
        frozenset(("face_mask", other)): "no mask is drawn over a long beard or a moving mouth"
        for other in (*_WORN_BY_GENDER, "mouth_pose", "sideburns", *_SHOWN_BY_MOOD)
    }
    | {
        frozenset((fine, coarse)): "the one says the other more finely"
        for fine, (coarse, _) in REFINED.items()
    }
    | {
        frozenset((age, held)): "hair greys with age; other pairs through the held-out combinations"
        for age in ("age", "age_years")
        for held in HELD_OUT_KEYS
    }
    | {
        frozenset(("sideburns", other)): "sideburns grow on men, as beards do"
        for other in _WORN_BY_GENDER
    }
)


def cramers_v(first: NDArray[np.integer], second: NDArray[np.integer]) -> float:
    """How much two columns of value numbers (N,) go together: 0 not at all, 1 wholly.

    Bergsma's correction (2013) takes off what chance adds, so independent columns give about 0.
    Raises ValueError for columns of different or too small length.
    """
    n = len(first)
    if n != len(second) or n < 2:
        raise ValueError(f"need two columns of one length above 1, got {n} and {len(second)}")
    width = int(second.max()) + 1
    cells = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width)
    table = cells.reshape(-1, width)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    rows, columns = table.shape
    if min(rows, columns) < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = ((table - expected) ** 2 / expected).sum() / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    rows_left = rows - (rows - 1) ** 2 / (n - 1)
    columns_left = columns - (columns - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi / (min(rows_left, columns_left) - 1)))


def associations(faces: Sequence[Mapping[str, str]]) -> dict[tuple[str, str], float]:
    """Cramér's V of every pair of attributes, the strongest first."""
    columns = {
        name: np.array([attribute.values.index(face[name]) for face in faces])
        for name, attribute in ATTRIBUTES.items()
    }
    found = {(a, b): cramers_v(columns[a], columns[b]) for a, b in combinations(ATTRIBUTES, 2)}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def leaks(found: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """The pairs that go together without being in `DEPENDENCIES`."""
    return {
        pair: v for pair, v in found.items() if v > LEAK and frozenset(pair) not in DEPENDENCIES
    }


def joint_counts(faces: Sequence[Mapping[str, str]]) -> Counter[tuple[str, ...]]:
    """Number of faces of every skin tone, gender and age group, empty groups included."""
    counts = Counter(tuple(face[name] for name in WHO) for face in faces)
    for tone in ATTRIBUTES["skin_tone"].values:
        for gender in ATTRIBUTES["gender"].values:
            for age in ATTRIBUTES["age"].values:
                counts.setdefault((tone, gender, age), 0)
    return counts
