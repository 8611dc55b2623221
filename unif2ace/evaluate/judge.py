"""The independent judge: which attribute values does a picture show, and does it show one face?

A plain residual network that shares no weights and no layers with the model's encoders, so that a
fault of the model is not repeated by what measures it; only where a close-up is taken is told the
same way. Trained on renders by `judge_training.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from unif2ace.attributes import (
    VOCABULARY,
    Vocabulary,
    checked_vocabulary,
    hidden_attributes,
)
from unif2ace.encoders import NUM_LANDMARKS, PARTS, closeup
from unif2ace.evaluate.faces import stack_images

JUDGE_SIZE = 256  # px; `Judge.examine` resizes other sizes to it
TRUNK_SIZE = JUDGE_SIZE // 2  # px that the whole picture is read at
CLOSE_SIZE = 64  # px of a close-up
JUDGE_VERSION = 5
WIDTHS = (64, 128, 224)
CLOSE_WIDTHS = (48, 96, 128)
READ_WIDTH, CLOSE_READ_WIDTH, HIDDEN_WIDTH = 48, 32, 384
GLANCE_SIZE, GLANCE_WIDTH = 16, 192  # px of the small picture whose colours are read at once


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity, normalised before each (arXiv 1603.05027)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.conv_1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv_2 = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_2(self.norm_2(self.conv_1(self.norm_1(x).relu())).relu())


@dataclass(frozen=True, kw_only=True)
class Sight:
    """values (B, number of all values) and face (B,) are logits; landmarks (B, 68, 2) shares of the
    side."""

    values: Tensor
    face: Tensor
    landmarks: Tensor


class JudgeNetwork(nn.Module):
    """(B, 3, 256, 256) pixels in [-1, 1] to a `Sight`.

    The last 8 x 8 map of the picture at half its size is read place by place, since faces are
    framed alike; then the parts of the face, at full sharpness, where the map says that they lie;
    and the picture made small, since colours of clothes and walls need no more.

    attributes: what it reads.
    """

    def __init__(self, attributes: Vocabulary = VOCABULARY) -> None:
        super().__init__()
        self.vocabulary = dict(attributes)
        num_logits = sum(len(values) for _, values in attributes)
        first, middle, last = WIDTHS
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, first, 3, stride=2, padding=1),  # 32 x 32
            ResidualBlock(first),
            nn.Conv2d(first, middle, 3, stride=2, padding=1),  # 16 x 16
            ResidualBlock(middle),
            ResidualBlock(middle),
            nn.Conv2d(middle, last, 3, stride=2, padding=1),  # 8 x 8
            ResidualBlock(last),
            ResidualBlock(last),
            nn.BatchNorm2d(last),
            nn.ReLU(),
        )
        self.read = nn.Sequential(
            nn.Conv2d(last, READ_WIDTH, 1),
            nn.Flatten(),
            nn.Linear(READ_WIDTH * (TRUNK_SIZE // 16) ** 2, HIDDEN_WIDTH),
            nn.ReLU(),
            nn.Dropout(0.1),
        )
        first, middle, last = CLOSE_WIDTHS
        self.near = nn.Sequential(
            nn.Conv2d(3, first, 5, stride=4, padding=2),  # 16 x 16
            ResidualBlock(first),
            nn.Conv2d(first, middle, 3, stride=2, padding=1),  # 8 x 8
            ResidualBlock(middle),
            nn.Conv2d(middle, last, 3, stride=2, padding=1),  # 4 x 4
            ResidualBlock(last),
            nn.BatchNorm2d(last),
            nn.ReLU(),
            nn.Conv2d(last, CLOSE_READ_WIDTH, 1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.glance = nn.Sequential(
            nn.AdaptiveAvgPool2d(GLANCE_SIZE),
            nn.Flatten(),
            nn.Linear(3 * GLANCE_SIZE**2, GLANCE_WIDTH),
            nn.ReLU(),
            nn.Linear(GLANCE_WIDTH, num_logits),
        )
        near_width = len(PARTS) * CLOSE_READ_WIDTH * (CLOSE_SIZE // 16) ** 2
        self.values = nn.Linear(HIDDEN_WIDTH, num_logits)
        self.near_values = nn.Linear(near_width, num_logits)
        self.face = nn.Linear(HIDDEN_WIDTH, 1)
        self.near_face = nn.Linear(near_width, 1)
        self.landmarks = nn.Linear(HIDDEN_WIDTH, 2 * NUM_LANDMARKS)

    def forward(self, pixels: Tensor) -> Sight:
        if pixels.shape[-2:] != (JUDGE_SIZE, JUDGE_SIZE):
            raise ValueError(f"the judge sees {JUDGE_SIZE} px, got {tuple(pixels.shape)}")
        hidden = self.read(self.trunk(F.avg_pool2d(pixels, 2)))  # (B, HIDDEN_WIDTH)
        landmarks = 0.5 + self.landmarks(hidden).unflatten(-1, (NUM_LANDMARKS, 2))
        parts = closeup(pixels, landmarks.detach(), CLOSE_SIZE, len(PARTS))
        near = self.near(parts.flatten(0, 1)).unflatten(0, parts.shape[:2]).flatten(1)
        return Sight(
            values=self.values(hidden) + self.near_values(near) + self.glance(pixels),
            face=(self.face(hidden) + self.near_face(near)).squeeze(-1),
            landmarks=landmarks,
        )

    def split_logits(self, logits: Tensor) -> dict[str, Tensor]:
        """(B, number of all values) to {attribute: (B, number of its values)}."""
        parts = logits.split([len(values) for values in self.vocabulary.values()], dim=1)
        return dict(zip(self.vocabulary, parts, strict=True))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the judge sees in one picture.

    `values` holds every attribute that the judge knows, also those that the others hide; `visible`
    leaves them out.
    """

    values: dict[str, str]
    face_probability: float

    @property
    def has_face(self) -> bool:
        return self.face_probability > 0.5

    @property
    def visible(self) -> dict[str, str]:
        hidden = hidden_attributes(self.values)
        return {name: value for name, value in self.values.items() if name not in hidden}


class Judge:
    """A trained judge. `examine` is deterministic and independent of the batch's other pictures."""

    def __init__(self, network: JudgeNetwork) -> None:
        self.network = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(cls, folder: str | Path) -> Judge:
        """Raises ValueError when the folder holds no judge, or one of what is not known here."""
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise ValueError(
                f"{folder} holds no finished judge: run `python -m unif2ace.evaluate train-judge`"
            )
        description = json.loads((folder / "config.json").read_text())
        try:
            if description["version"] != JUDGE_VERSION:
                raise ValueError(f"version {description['version']}, not {JUDGE_VERSION}")
            network = JudgeNetwork(checked_vocabulary(description["vocabulary"].items()))
        except ValueError as error:
            raise ValueError(
                f"the judge in {folder} was trained for other attributes or pictures ({error}): "
                "train it again"
            ) from error
        network.load_state_dict(load_file(folder / "judge.safetensors"))
        return cls(network)

    @torch.inference_mode()
    def logits(self, pixels: Tensor, batch_size: int = 64) -> tuple[Tensor, Tensor]:
        """Logits of all values (n, V) and of a face (n,) for pixels (n, 3, 256, 256)."""
        parts = [
            self.network(batch.contiguous(memory_format=torch.channels_last))
            for batch in pixels.split(batch_size)
        ]
        return torch.cat([p.values for p in parts]), torch.cat([p.face for p in parts])

    @torch.inference_mode()
    def features(self, pixels: Tensor) -> np.ndarray:
        """(n, 3, S, S) pixels in [-1, 1] to (n, C), the mean of its last map of a whole picture."""
        parts = []
        for batch in pixels.split(16):
            small = F.interpolate(batch, (TRUNK_SIZE, TRUNK_SIZE), mode="area")
            parts.append(self.network.trunk(small).mean((2, 3)))
        return torch.cat(parts).numpy()

    def examine(self, images: Sequence[Image.Image]) -> list[Verdict]:
        """One verdict per picture of any size."""
        if not images:
            return []
        logits, face = self.logits(stack_images(images, JUDGE_SIZE))
        known = self.network.vocabulary
        parts = self.network.split_logits(logits)
        chosen = {name: part.argmax(1).tolist() for name, part in parts.items()}
        return [
            Verdict(
                values={name: known[name][chosen[name][i]] for name in known},
                face_probability=probability,
            )
            for i, probability in enumerate(face.sigmoid().tolist())
        ]
