"""What is not one clear face, made from faces: teaches and tests the judge's face signal.

Every kind maps pictures (B, 3, S, S) in [-1, 1], B >= 2 and S a multiple of 16, to as many spoilt
ones, on the device of the generator. `mixed` is how a painter of 16 px tokens fails: cells that
belong to different faces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

CELL_PX = 16


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * _shares((), generator).item()


def _integer(low: int, high: int, generator: torch.Generator) -> int:
    """Both ends included."""
    return int(torch.randint(low, high + 1, (), generator=generator, device=generator.device))


def _shares(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Of 0..1, where the generator lives."""
    return torch.rand(shape, generator=generator, device=generator.device)


def _others(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """For each picture another one of the batch."""
    return pixels.roll(_integer(1, len(pixels) - 1, generator), 0)


def shuffled(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """The squares of a 2 x 2, 4 x 4 or 8 x 8 grid in another order, without a fixed point."""
    count = 2 ** _integer(1, 3, generator)
    size = pixels.shape[-1] // count
    order = torch.randperm(count**2, generator=generator, device=generator.device)
    source = torch.empty_like(order)
    source[order] = order.roll(1)  # one cycle through all squares
    cells = pixels.unfold(2, size, size).unfold(3, size, size).flatten(2, 3)[:, :, source]
    rows = cells.unflatten(2, (count, count)).transpose(3, 4)  # (B, 3, row, y, column, x)
    return rows.reshape_as(pixels)


def mixed(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """A quarter to three quarters of the 16 px cells taken from another face."""
    side = pixels.shape[-1] // CELL_PX
    share = _uniform(0.25, 0.75, generator)
    is_other = _shares((len(pixels), 1, side, side), generator) < share
    is_other = is_other.repeat_interleave(CELL_PX, 2).repeat_interleave(CELL_PX, 3)
    return torch.where(is_other, _others(pixels, generator), pixels)


def blended(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Two faces seen through each other."""
    return torch.lerp(pixels, _others(pixels, generator), _uniform(0.4, 0.6, generator))


def two_faces(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """The middles of two faces side by side."""
    quarter = pixels.shape[-1] // 4
    middle = slice(quarter, -quarter)
    other = _others(pixels, generator)
    return torch.cat([pixels[..., middle], other[..., middle]], dim=-1)


def blurred(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """A blob: nothing finer than a sixth of the picture is left."""
    size = _integer(2, 6, generator)
    small = F.interpolate(pixels, (size, size), mode="area")
    return F.interpolate(small, pixels.shape[-2:], mode="bicubic").clamp(-1, 1)


def no_face(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """An upper corner of the picture, enlarged, with noise: background, at most some hair."""
    size = pixels.shape[-1] // _integer(5, 10, generator)
    corner = pixels[..., :size, :size] if _integer(0, 1, generator) else pixels[..., :size, -size:]
    large = F.interpolate(corner, pixels.shape[-2:], mode="bilinear")
    noise = torch.randn(pixels.shape, generator=generator, device=generator.device)
    noise = noise * _uniform(0, 0.5, generator)
    return (large + noise).clamp(-1, 1)


NEGATIVES: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    kind.__name__: kind for kind in (shuffled, mixed, blended, two_faces, blurred, no_face)
}
