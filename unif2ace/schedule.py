"""Time of the masked diffusion: how many image tokens are [MASK] when.

One convention everywhere: t = 0 is the clean picture, t = 1 all masked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class MaskSchedule:
    """Share of image tokens that are [MASK] at time t, and the noise that belongs to it."""

    kind: Literal["cosine", "linear"] = "cosine"

    def __post_init__(self) -> None:
        if self.kind not in ("cosine", "linear"):
            raise ValueError(f"schedule must be 'cosine' or 'linear', got {self.kind!r}")

    def mask_ratio(self, t: Tensor) -> Tensor:
        """m(t) in 0..1, rising. Cosine is MaskGIT's cos(pi/2 (1-t)) (arXiv 2202.04200, 3.3)."""
        return t if self.kind == "linear" else torch.sin(0.5 * math.pi * t)

    def d_mask_ratio(self, t: Tensor) -> Tensor:
        """dm/dt."""
        if self.kind == "linear":
            return torch.ones_like(t)
        return 0.5 * math.pi * torch.cos(0.5 * math.pi * t)

    def total_noise(self, t: Tensor) -> Tensor:
        """sigma(t) with m = 1 - exp(-sigma), the absorbing process of SEDD (arXiv 2310.16834)."""
        return -torch.log1p(-self.mask_ratio(t))

    def loss_weight(self, t: Tensor) -> Tensor:
        """m'(t) / m(t): weight of cross entropy in the likelihood bound. Unbounded as t -> 0."""
        return self.d_mask_ratio(t) / self.mask_ratio(t)

    def mask_counts(self, seq_len: int, steps: int) -> list[int]:
        """How many tokens are still masked after each step: strictly falling, last is 0.

        Raises ValueError unless 1 <= steps <= seq_len, since every step must reveal a token.
        """
        if not 1 <= steps <= seq_len:
            raise ValueError(f"steps must be in 1..{seq_len}, got {steps}")
        times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)[1:]
        before = seq_len
        counts = []
        for left, ratio in zip(range(steps - 1, -1, -1), self.mask_ratio(times), strict=True):
            # reveal at least one now, keep at least one for each later step
            before = max(min(int(ratio * seq_len), before - 1), left)
            counts.append(before)
        return counts


def sample_times(batch_size: int, generator: torch.Generator) -> Tensor:
    """Times in (0, 1), one in each of `batch_size` equal strata, in random order. (B,) float32.

    Low-discrepancy sampling lowers the variance of the loss (VDM, arXiv 2107.00630, app. I.1).
    """
    offset = torch.rand((), generator=generator)
    strata = torch.randperm(batch_size, generator=generator)
    return ((strata + offset) / batch_size).clamp(1e-4, 1 - 1e-4)


def mask_codes(
    codes: Tensor, mask_ratio: Tensor, *, mask_code: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw x_t from q(x_t | x_0): each code of (B, N) masked on its own with its row's ratio (B,).

    Returns the noisy codes and where they are masked, both (B, N).
    """
    draw = torch.rand(codes.shape, generator=generator).to(codes.device)
    is_masked = draw < mask_ratio[:, None].to(codes.device)
    return torch.where(is_masked, mask_code, codes), is_masked
