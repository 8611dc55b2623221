"""Where on a picture the parts of a face lie, by the few landmarks that a plan tells.

Soft areas for what a decoder is told (`vq.Telling`); what is painted anew has sharper ones, of all
landmarks (`regions.py`). Knows no model. Our choice throughout.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unif2ace.attributes import ATTRIBUTES, Vocabulary

AREA_POINTS = (36, 45, 30, 48, 54, 57, 8, 0, 16)
"""Of the 68 landmarks: outer eye corners, nose tip, mouth corners, lower lip, chin, jaw ends."""

AREAS = ("eyes", "brows", "nose", "mouth", "ears", "face")
NOWHERE = -1
"""The area of what codes tell well enough: hair, clothes, pose, light and background."""

_AREA_OF_REGION = {"skin": "face", "cheeks": "face", "chin": "face", "forehead": "face"}


def told_areas(attributes: Vocabulary) -> tuple[int, ...]:
    """For each attribute which of `AREAS` shows it, or `NOWHERE`."""
    regions = [ATTRIBUTES[name].region for name, _ in attributes]
    areas = [_AREA_OF_REGION.get(region, region) for region in regions]
    return tuple(AREAS.index(area) if area in AREAS else NOWHERE for area in areas)


Ellipse = tuple[Tensor, Tensor, Tensor]
"""Middle (B, 2) and radii across and down (B, 1), in shares of the picture."""

PLACED = ("eyes", "brows", "nose", "mouth")
"""Areas in which it is told where one is, not only that one is there."""
WAVES = 2
"""Of these periods at most along an area."""
POINT_LEVELS = 64
"""A plan tells in which 64th of the picture's side a point lies, and no more."""


def _ellipses(points: Tensor) -> dict[str, Sequence[Ellipse]]:
    """The ellipse of each area, or the one on the left and the one on the right."""
    left_eye, right_eye, nose, left_lip, right_lip, lower_lip, chin, left_jaw, right_jaw = (
        points.unbind(1)
    )  # each (B, 2)
    span = (right_eye - left_eye).norm(dim=-1, keepdim=True)  # (B, 1), the unit of small parts
    along, down = right_eye - left_eye, torch.cat([torch.zeros_like(span), span], dim=-1)
    jaws = right_jaw - left_jaw
    brow_line = (left_eye + right_eye) / 2 - 0.3 * down
    lips = (left_lip + right_lip + lower_lip) / 3
    high = (chin - brow_line).norm(dim=-1, keepdim=True)
    width = torch.maximum((right_lip - left_lip).norm(dim=-1, keepdim=True), 0.3 * span)
    wide = torch.maximum(jaws.norm(dim=-1, keepdim=True), 0.6 * high)
    return {
        "eyes": [
            (left_eye + 0.2 * along, 0.32 * span, 0.22 * span),
            (right_eye - 0.2 * along, 0.32 * span, 0.22 * span),
        ],
        "brows": [
            (left_eye + 0.2 * along - 0.25 * down, 0.36 * span, 0.2 * span),
            (right_eye - 0.2 * along - 0.25 * down, 0.36 * span, 0.2 * span),
        ],
        "nose": [(nose - 0.1 * down, 0.32 * span, 0.4 * span)],
        "mouth": [(lips, 0.8 * width, 0.35 * span)],
        "ears": [
            (left_jaw + 0.35 * down, 0.28 * span, 0.55 * span),
            (right_jaw + 0.35 * down, 0.28 * span, 0.55 * span),
        ],
        "face": [((brow_line + chin) / 2, 0.6 * wide, 0.7 * high)],
    }


def _offsets(ellipse: Ellipse, size: int) -> tuple[Tensor, Tensor]:
    """How many radii columns and rows (B, size) of a grid lie from an ellipse's middle."""
    middle, across, deep = ellipse
    centres = (torch.arange(size, device=middle.device, dtype=middle.dtype) + 0.5) / size
    return (centres - middle[:, :1]) / across, (centres - middle[:, 1:]) / deep


def _inside(ellipse: Ellipse, size: int) -> Tensor:
    """(B, size, size) in 0..1."""
    x, y = _offsets(ellipse, size)
    return torch.exp(-(y.square()[:, :, None] + x.square()[:, None, :]).square())


def area_masks(points: Tensor, size: int) -> Tensor:
    """How much each place of a grid belongs to each area: (B, len(AREAS), size, size) in 0..1.

    points: (B, 9, 2), `AREA_POINTS` as shares of the picture; NaN where not known, which is in no
        area.
    Each area is one ellipse or two, upright, with soft edges: exp(-d⁴) at d radii from the middle.
    """
    found = _ellipses(points)
    masks = [torch.stack([_inside(each, size) for each in found[area]]).amax(0) for area in AREAS]
    return torch.stack(masks, dim=1).nan_to_num(0.0)


def side_masks(points: Tensor, size: int) -> Tensor:
    """How much more it belongs to the right one of two than to the left one: as `area_masks`, in
    -1..1, and 0 in areas that are one."""
    found = _ellipses(points)
    masks = [_inside(found[area][-1], size) - _inside(found[area][0], size) for area in AREAS]
    return torch.stack(masks, dim=1).nan_to_num(0.0)


def wave_maps(points: Tensor, size: int) -> Tensor:
    """Where in an area it is: (B, W, size, size), for each ellipse of `PLACED` its mask times
    products of waves along and down, 1, cos(nπd) and sin(nπd) at d radii, n up to `WAVES`."""
    found, maps = _ellipses(points), []
    for ellipse in (each for area in PLACED for each in found[area]):
        x, y = (_waves(offset) for offset in _offsets(ellipse, size))  # each (B, 5, size)
        products = y[:, :, None, :, None] * x[:, None, :, None, :]  # (B, 5, 5, size, size)
        maps.append(products.flatten(1, 2) * _inside(ellipse, size)[:, None])
    return torch.cat(maps, dim=1).nan_to_num(0.0)


def _waves(offset: Tensor) -> Tensor:
    """(B, size) to (B, 1 + 2 * WAVES, size)."""
    angles = [torch.pi * n * offset for n in range(1, WAVES + 1)]
    waves = [wave(angle) for angle in angles for wave in (torch.cos, torch.sin)]
    return torch.stack([torch.ones_like(offset), *waves], dim=1)


NUM_WAVES = (1 + 2 * WAVES) ** 2 * 6
"""W of `wave_maps`: there are two eyes and two brows."""


def told_maps(points: Tensor, size: int) -> Tensor:
    """`area_masks`, `side_masks` and `wave_maps` in a row, of points as a plan tells them.

    Exact points are rounded first, so that a decoder learns how well it is told of them.
    """
    told = ((points * POINT_LEVELS).floor() + 0.5) / POINT_LEVELS
    return torch.cat([maps(told, size) for maps in (area_masks, side_masks, wave_maps)], dim=1)
