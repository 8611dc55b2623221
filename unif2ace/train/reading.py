"""How alike two pictures read to a trained face encoder: a loss that keeps what a face shows.

Pixels weigh a wall as much as a smile; a few places of codes must carry the smile all the same.
Our choice; the pictures of arXiv 2503.08120 come from a tokenizer trained beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from unif2ace.config import stored_encoders
from unif2ace.encoders import FaceEncoder, FaceOutput, SemanticEncoder, side_by_side

GEOMETRY_WEIGHT, UNIT_WEIGHT = 10.0, 2.0
"""Against the attributes' mean cross entropy: shares of a picture and unit strengths are small."""


class FaceReader(nn.Module):
    """A face encoder with the frozen semantic encoder that gives it its overview."""

    def __init__(self, face: FaceEncoder, semantic: SemanticEncoder) -> None:
        super().__init__()
        self.face = face
        self.semantic = semantic.requires_grad_(False)

    def forward(self, pixels: Tensor) -> FaceOutput:
        """pixels: (B, 3, H, W) in [-1, 1]."""
        return self.face(pixels, self.semantic.overview(pixels))


def load_reader(folder: Path) -> FaceReader:
    """The encoders of a folder that `encoder.save_encoders` wrote, frozen.

    Raises ValueError for a folder without them.
    """
    files = [folder / name for name in ("face.safetensors", "semantic.safetensors")]
    if not all(file.is_file() for file in files):
        raise ValueError(f"{folder} holds no face encoder; train one with `unif2ace.train encoder`")
    config = stored_encoders(json.loads((folder / "config.json").read_text()))
    face, semantic = FaceEncoder(config), SemanticEncoder(config)
    face.load_state_dict(load_file(files[0]))
    semantic.load_state_dict(load_file(files[1]))
    return FaceReader(face, semantic).eval().requires_grad_(False)


def reading_distance(ours: FaceOutput, theirs: FaceOutput) -> Tensor:
    """Mean KL(theirs | ours) over attributes in nats, with landmarks and units; 0 when equal."""
    alike = {name: ours.attribute_logits[name] for name in theirs.attribute_logits}
    divergence = F.kl_div(
        value_table(alike).log_softmax(-1),
        value_table(theirs.attribute_logits).log_softmax(-1),
        reduction="none",
        log_target=True,
    )  # (B, A, V)
    geometry = F.smooth_l1_loss(ours.landmarks.float(), theirs.landmarks.float(), beta=0.01)
    units = F.smooth_l1_loss(ours.units.float(), theirs.units.float(), beta=0.1)
    return divergence.sum(-1).mean() + GEOMETRY_WEIGHT * geometry + UNIT_WEIGHT * units


def value_table(logits: Mapping[str, Tensor]) -> Tensor:
    """Attribute to (B, its values) as one (B, A, V) in float32, in that order; see `side_by_side`.

    Losses over it take one step for all attributes.
    """
    counts = tuple(part.shape[-1] for part in logits.values())
    return side_by_side(torch.cat(list(logits.values()), dim=-1).float(), counts)
