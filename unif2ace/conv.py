"""Convolution blocks shared by the image tokenizer and the face encoder.

Knows no quantiser, no loss and no attribute. Everything works at any grid size, and best in
`torch.channels_last` memory, where the channel norm is a plain layer norm of the last axis.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, H, W), at each position alone.

    Deviation: tokenizers of this family use group norm. In channels_last bf16 on a CPU that costs
    as much as the convolution behind it; this one is nearly free and trains as well.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), shape (B, C, H, W) kept; identity at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.norm1 = ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = ChannelNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, telling: Tensor | None = None) -> Tensor:
        """telling: (B, 2C, H, W), scales of normalised channels, less 1, and their shifts."""
        hidden = self.norm2(self.conv1(F.silu(self.norm1(x))))
        if telling is not None:
            scale, shift = telling.chunk(2, 1)  # each (B, C, H, W)
            hidden = hidden * (1 + scale) + shift
        return x + self.conv2(F.silu(hidden))


class AttentionBlock(nn.Module):
    """x + attention over all positions, shape (B, C, H, W) kept; identity at the start.

    Has no position code of its own: the zero padding of the convolutions around it carries
    position, so that the same weights serve every grid size.
    """

    def __init__(self, channels: int, *, head_dim: int = 32) -> None:
        super().__init__()
        if channels % head_dim:
            raise ValueError(f"channels must be a multiple of {head_dim}, got {channels}")
        self.num_heads = channels // head_dim
        self.norm = ChannelNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        tokens = self.norm(x).flatten(2).transpose(1, 2)  # (B, H*W, C)
        qkv = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, H*W, head_dim)
        mixed = F.scaled_dot_product_attention(query, key, value)
        mixed = self.out(mixed.transpose(1, 2).flatten(2))  # (B, H*W, C)
        return x + mixed.transpose(1, 2).unflatten(-1, (height, width))


class Down(nn.Module):
    """(B, C, H, W) to (B, D, H/2, W/2): every 2x2 patch becomes one vector, then a linear map."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(4 * in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(F.pixel_unshuffle(x, 2))


class Up(nn.Module):
    """(B, C, H, W) to (B, D, 2H, 2W): a linear map, then every vector becomes a 2x2 patch."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(in_channels, 4 * out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.mix(x), 2)


def check_pixels(pixels: Tensor, multiple: int) -> None:
    """Raise ValueError unless pixels is (B, 3, H, W) floating with H, W multiples of `multiple`."""
    if pixels.ndim != 4 or pixels.shape[1] != 3:
        raise ValueError(f"pixels must be (B, 3, H, W), got {tuple(pixels.shape)}")
    if not pixels.is_floating_point():
        raise ValueError(f"pixels must be floating point in [-1, 1], got {pixels.dtype}")
    height, width = pixels.shape[-2:]
    if min(height, width) < multiple or height % multiple or width % multiple:
        raise ValueError(
            f"height and width must be positive multiples of {multiple}, got {height} x {width}; "
            "resize the picture first"
        )
