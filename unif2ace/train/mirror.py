"""The mirror images of labelled faces: a second face of every render, for nothing.

An encoder that sees the same renders again and again knows them by heart, and reads those far
better than others.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import torch
from torch import Tensor

from unif2ace.attributes import VOCABULARY, Vocabulary
from unif2ace.synth.units import UNIT_NAMES
from unif2ace.train.images import HIDDEN, FaceLabels
from unif2ace.train.photographs import mirrored_value

LANDMARK_TWINS = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # brows
    *range(27, 31),
    *range(35, 30, -1),  # nose
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),  # eyes: corner to corner above, and back below
    *range(54, 47, -1),
    *range(59, 54, -1),  # outer lips
    *range(64, 59, -1),
    *range(67, 64, -1),  # inner lips
)
"""Which of the 68 landmarks lies in a mirror image where each one lay."""


def mirrored(
    pictures: Tensor, labels: FaceLabels, is_mirrored: Tensor
) -> tuple[Tensor, FaceLabels]:
    """Pictures (n, 3, S, S) and what is true of them, some turned left for right: is_mirrored (n,).

    Everything labelled turns with the picture: places, expression units, and values with a side.
    """
    values = twin_values(labels.attributes.clamp(min=0), VOCABULARY)
    box = labels.box
    twins = FaceLabels(
        landmarks=twin_points(labels.landmarks),
        units=labels.units[:, list(_unit_twins())],
        box=torch.stack([1 - box[:, 2], box[:, 1], 1 - box[:, 0], box[:, 3]], dim=-1),
        attributes=torch.where(labels.attributes == HIDDEN, HIDDEN, values),
        seeds=labels.seeds,
    )
    return _chosen(is_mirrored, pictures.flip(-1), pictures), FaceLabels(
        **{
            name: _chosen(is_mirrored, getattr(twins, name), getattr(labels, name))
            for name in (field.name for field in fields(FaceLabels))
        }
    )


def _chosen(is_first: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Row by row, `first` where is_first (n,), else `second`."""
    return torch.where(is_first.view(-1, *[1] * (first.ndim - 1)), first, second)


@cache
def _unit_twins() -> tuple[int, ...]:
    """(U,): which expression unit is at work in a mirror image where each one was."""
    return tuple(UNIT_NAMES.index(_other_side(name)) for name in UNIT_NAMES)


def _other_side(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def twin_points(landmarks: Tensor) -> Tensor:
    """Where the landmarks (n, 68, 2), shares of the picture, lie in mirror images."""
    points = landmarks[:, list(LANDMARK_TWINS)]
    return torch.stack([1 - points[..., 0], points[..., 1]], dim=-1)


def twin_values(values: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Indices (n, A) of a vocabulary's values to those that they have in mirror images."""
    return _value_twins(vocabulary).to(values.device).gather(1, values.T).T


@cache
def _value_twins(vocabulary: Vocabulary) -> Tensor:
    """(A, V) int64: the index that each attribute's values have in a mirror image."""
    rows = [
        [values.index(mirrored_value(value, values)) for value in values]
        for _, values in vocabulary
    ]
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows])
