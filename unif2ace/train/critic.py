"""Critics of eyes and mouths: true, or drawn by a decoder?

What tells eyes of one face from another's is a few pixels wide, and no distance between pictures
asks for it where codes leave open which pixels: a pupil that may be here or there comes back as a
smear over both. A critic takes any pupil that could be one (facial component discriminators, as in
arXiv 2101.04061). Used in training only.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

LEFT_EYE, RIGHT_EYE, MOUTH = slice(36, 42), slice(42, 48), slice(48, 68)  # of the 68 landmarks
EYE_SIDE, MOUTH_SIDE = 3 / 16, 1 / 4  # shares of a picture's side


def crops(pixels: Tensor, landmarks: Tensor, part: slice, share: float) -> Tensor:
    """(B, C, s, s), s = share * S: squares of the pixels (B, C, S, S) around a part of each face.

    landmarks: (B, 68, 2) shares of the picture, none of them NaN.
    Pixels are taken as they are, since what is resampled is smooth; a square that would leave the
    picture lies at its edge instead.
    """
    size = pixels.shape[-1]
    side = round(share * size)
    corners = (landmarks[:, part].mean(1) * size - side / 2).round().long().clamp(0, size - side)
    places = corners[:, :, None] + torch.arange(side, device=pixels.device)  # (B, 2, s)
    faces = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    found = pixels.movedim(1, -1)[faces, places[:, 1, :, None], places[:, 0, None]]
    return found.movedim(-1, 1)


def _network(hidden: int) -> nn.Sequential:
    """(B, 3, s, s) to scores (B, 1, s/4, s/4)."""
    widths = (3, hidden, 2 * hidden, 4 * hidden)
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise(widths)):
        convolution = nn.Conv2d(before, after, 3, stride=1 if i == 0 else 2, padding=1)
        layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))


class PartCritic(nn.Module):
    """Scores of both eyes and the mouth of each face, high where they look true.

    One network knows eyes, and sees right ones mirrored; another knows mouths. Spectral norms
    (arXiv 1802.05957) keep their gradients alike, however sure they are.
    """

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.eye, self.mouth = _network(hidden), _network(hidden)

    def forward(self, pixels: Tensor, landmarks: Tensor) -> Tensor:
        """(B, positions) of pixels (B, 3, S, S), about [-1, 1], with landmarks as of `crops`."""
        left, right = (crops(pixels, landmarks, eye, EYE_SIDE) for eye in (LEFT_EYE, RIGHT_EYE))
        mouth = crops(pixels, landmarks, MOUTH, MOUTH_SIDE)
        scores = (self.eye(left), self.eye(right.flip(-1)), self.mouth(mouth))
        return torch.cat([score.flatten(1).float() for score in scores], dim=1)


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the critic: 0 when real scores are above 1 and fake ones below -1."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
