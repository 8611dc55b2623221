"""Faces as an image tokenizer rebuilds them, whole and patched together from two faces' codes.

Patched faces fail as a painter of tokens fails: every patch is a likely one, and together they are
no face. The whole ones teach that the tokenizer's softness alone is no fault.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from unif2ace.evaluate.faces import resized, to_tensor
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.pipeline import to_image

SMALLEST_SHARE, LARGEST_SHARE = 0.3, 0.7  # of the tokens that come from the other face


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """Pictures (n, S, S, 3) uint8 of the same n faces: rebuilt whole, and patched."""

    whole: np.ndarray
    patched: np.ndarray

    def __len__(self) -> int:
        return len(self.whole)

    def sized(self, size: int) -> Rebuilt:
        """The same in pictures of `size` px."""
        return Rebuilt(whole=resized(self.whole, size), patched=resized(self.patched, size))


def patches(count: int, grid: int, generator: torch.Generator) -> Tensor:
    """Which tokens to take from another face, (count, grid, grid) bool: blots and single cells.

    Rows alternate between the two; each has its own share of tokens.
    """
    shape = (count, 1, 3, 3)
    blots = F.interpolate(torch.rand(shape, generator=generator), (grid, grid), mode="bicubic")
    cells = torch.rand((count, 1, grid, grid), generator=generator)
    is_blot = (torch.arange(count) % 2 == 0)[:, None]
    heights = torch.where(is_blot, blots.flatten(1), cells.flatten(1))  # (count, grid**2)
    spread = LARGEST_SHARE - SMALLEST_SHARE
    shares = SMALLEST_SHARE + spread * torch.rand(count, generator=generator)
    ranks = heights.argsort(1).argsort(1)
    return (ranks < (shares * grid**2)[:, None]).view(count, grid, grid)


@torch.inference_mode()
def rebuild(
    model: UniF2aceForConditionalGeneration,
    pictures: np.ndarray,
    generator: torch.Generator,
    batch_size: int = 32,
) -> Rebuilt:
    """Both forms of every picture (n, S, S, 3) uint8, n >= 2; the other face is the next one.

    Raises ValueError when the pictures are not of the model's size.
    """
    size, grid = model.config.image_size, model.config.grid
    if len(pictures) < 2 or pictures.shape[1:] != (size, size, 3):
        raise ValueError(f"need two or more pictures of {size} px, got {pictures.shape}")
    batches = range(0, len(pictures), batch_size)

    def pixels_of(part: np.ndarray) -> Tensor:
        return to_tensor(part).to(model.device, model.dtype)  # half as wide on a GPU

    codes = torch.cat(
        [
            model.encode_codes(pixels_of(pictures[i : i + batch_size])).cpu()
            for i in tqdm(batches, desc="codes", unit="batch")
        ]
    )  # (n, N)
    from_other = patches(len(codes), grid, generator).flatten(1)
    patched = torch.where(from_other, codes.roll(1, 0), codes)

    def decoded(rows: Tensor, name: str) -> np.ndarray:
        done = []
        for i in tqdm(batches, desc=name, unit="batch"):
            pixels = model.decode_codes(rows[i : i + batch_size].to(model.device))
            done += [np.asarray(to_image(picture.float())) for picture in pixels]
        return np.stack(done)

    return Rebuilt(whole=decoded(codes, "whole"), patched=decoded(patched, "patched"))
