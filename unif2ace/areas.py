"""Where on a picture the parts of a face lie, by the few landmarks that a plan tells.

Soft areas for what a decoder is told (`vq.Telling`); what is painted anew has sharper ones, of all
landmarks (`regions.py`). Knows no model. Our choice throughout.
"""

from __future__ import annotations

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


def area_masks(points: Tensor, size: int) -> Tensor:
    """How much each place of a grid belongs to each area: (B, len(AREAS), size, size) in 0..1.

    points: (B, 9, 2), `AREA_POINTS` as shares of the picture; NaN where not known, which is in no
        area.
    Each area is one ellipse or two, upright, with soft edges: exp(-d⁴) at d radii from the middle.
    """
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
    ellipses = {  # middle (B, 2), then radii across and down (B, 1)
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
    centres = (torch.arange(size, device=points.device, dtype=points.dtype) + 0.5) / size

    def inside(middle: Tensor, across: Tensor, deep: Tensor) -> Tensor:
        x = ((centres - middle[:, :1]) / across).square()  # (B, size)
        y = ((centres - middle[:, 1:]) / deep).square()
        return torch.exp(-(y[:, :, None] + x[:, None, :]).square())  # (B, size, size)

    masks = [torch.stack([inside(*each) for each in ellipses[area]]).amax(0) for area in AREAS]
    return torch.stack(masks, dim=1).nan_to_num(0.0)
