"""Attention with rotary positions and an explicit mask. Knows no token kind and no expert.

Shapes: B batch, L queries, S keys, H heads, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def rotary_angles(positions: Tensor, dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and signed sine, each (B, L, 1, dim), of rotary embedding (arXiv 2104.09864).

    Half-split: channel i turns with channel i + dim / 2, and the first of a pair against its sine.
    """
    exponents = torch.arange(0, dim, 2, device=positions.device, dtype=torch.float32) / dim
    angles = positions[:, :, None, None].float() * theta**-exponents  # (B, L, 1, dim/2)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the first `cos.shape[-1]` channels of (B, L, H, d); the rest pass through."""
    dim = cos.shape[-1]
    first = x[..., :dim]
    turned = torch.addcmul(first * cos, first.roll(dim // 2, -1), sin).to(x.dtype)
    return turned if dim == x.shape[-1] else torch.cat([turned, x[..., dim:]], dim=-1)


def additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A bool mask as what attention adds to its scores: made once, not again in every layer."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, -torch.inf)


class KeyValues:
    """Keys and values of earlier tokens, layer by layer, each with room for some more.

    For passes without gradients, in place of `transformers.DynamicCache`, whose few methods used
    here it has: a new token is written behind the others, and none of those is copied.
    """

    def __init__(self, room: int = 64) -> None:
        self.room = room
        self.keys: list[Tensor] = []  # per layer (B, H, capacity, d)
        self.values: list[Tensor] = []
        self.lengths: list[int] = []

    def get_seq_length(self) -> int:
        return self.lengths[0] if self.lengths else 0

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Add (B, H, L, d) of a layer; all it has by now, (B, H, S, d) each."""
        if layer == len(self.lengths):
            for store, new in ((self.keys, keys), (self.values, values)):
                store.append(new.new_empty(*new.shape[:2], 0, new.shape[3]))
            self.lengths.append(0)
        start, count = self.lengths[layer], keys.shape[2]
        end = self.lengths[layer] = start + count
        seen = []
        for store, new in ((self.keys, keys), (self.values, values)):
            if store[layer].shape[2] < end:
                wider = new.new_empty(*new.shape[:2], end + self.room, new.shape[3])
                wider[:, :, :start] = store[layer][:, :, :start]
                store[layer] = wider
            store[layer].narrow(2, start, count).copy_(new)
            seen.append(store[layer].narrow(2, 0, end))
        return seen[0], seen[1]

    def crop(self, length: int) -> None:
        """Forget the last -`length` tokens."""
        self.lengths = [before + length for before in self.lengths]

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows of the batch, in this order; a row may come more than once."""
        for store in (self.keys, self.values):
            store[:] = [kept[list(rows)] for kept in store]

    def batch_repeat_interleave(self, repeats: int) -> None:
        for store in (self.keys, self.values):
            store[:] = [kept.repeat_interleave(repeats, dim=0) for kept in store]


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(q k^T / sqrt(d) + mask) v for q (B, H, L, d), k and v (B, H, S, d): (B, H, L, d).

    Training in bfloat16 on a CPU it is spelt out: torch's fused kernel takes there two to five
    times as long, most of it backwards.
    """
    is_slow_fused = q.dtype == torch.bfloat16 and q.device.type == "cpu" and torch.is_grad_enabled()
    if not is_slow_fused:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    rows, keys, values = (x.flatten(0, 1) for x in (q, k, v))
    scale = q.shape[-1] ** -0.5
    if mask is None:
        scores = torch.bmm(rows * scale, keys.transpose(1, 2))
    else:
        bias = mask.expand(*q.shape[:2], *mask.shape[2:]).flatten(0, 1).to(q.dtype)
        scores = torch.baddbmm(bias, rows, keys.transpose(1, 2), alpha=scale)
    return torch.bmm(scores.softmax(-1).to(values.dtype), values).view_as(q)


class Attention(nn.Module):
    """Multi-head attention; who sees whom is entirely the caller's mask ("omni-attention")."""

    def __init__(self, *, dim: int, num_heads: int, layer: int, qk_norm: bool) -> None:
        super().__init__()
        self.num_heads, self.layer = num_heads, layer
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.q_norm = nn.LayerNorm(dim // num_heads) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(dim // num_heads) if qk_norm else nn.Identity()

    def project(self, x: Tensor, rotary: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """(B, L, D) to turned queries and keys, and values, (B, H, L, d) each."""
        batch, length, dim = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.num_heads, dim // self.num_heads)
        q, k, v = qkv.unbind(2)  # each (B, L, H, d)
        q = rotate(self.q_norm(q).to(v.dtype), *rotary).transpose(1, 2)
        k = rotate(self.k_norm(k).to(v.dtype), *rotary).transpose(1, 2)
        return q, k, v.transpose(1, 2)

    def mix(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Queries (B, H, L, d), keys and values (B, H, S, d) to (B, L, D).

        mask: (B, 1, L, S) of `additive`; None where all see all.
        """
        return self.out(attend(q, k, v, mask).transpose(1, 2).flatten(2))


class Resampler(nn.Module):
    """Features (B, M, F) to one vector per image token (B, N, D): queries that attend once.

    Each image position has its own learned query, so the result lies in the sequence space.
    Our choice: one cross-attention and one feed-forward, shared by all layers; the paper names a
    resampler and gives no sizes. Source: Perceiver, arXiv 2103.03206; IP-Adapter's resampler.
    """

    def __init__(
        self, *, feature_dim: int, dim: int, out_dim: int, num_queries: int, num_heads: int
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.queries = nn.Parameter(torch.empty(num_queries, dim))
        self.norm_features = nn.LayerNorm(feature_dim)
        self.key_value = nn.Linear(feature_dim, 2 * dim)
        self.norm = nn.LayerNorm(dim)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
        )
        self.out = nn.Linear(dim, out_dim)
        self.out_norm = nn.LayerNorm(out_dim)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Queries far enough apart that each place attends to other features from the start.

        Our choice: with queries near 0 every place gets the mean of all features, and it takes
        long until attention tells them apart.
        """
        nn.init.normal_(self.queries, std=2.5)
        nn.init.normal_(self.key_value.weight, std=self.key_value.in_features**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        batch = features.shape[0]
        heads = (batch, -1, self.num_heads, self.queries.shape[-1] // self.num_heads)
        k, v = self.key_value(self.norm_features(features)).chunk(2, dim=-1)
        q = self.queries.to(k.dtype).expand(batch, -1, -1)
        x = F.scaled_dot_product_attention(
            *(y.reshape(heads).transpose(1, 2) for y in (q, k, v))
        )  # (B, H, N, d)
        x = q + x.transpose(1, 2).reshape(q.shape)
        x = x + self.feed_forward(self.norm(x))
        return self.out_norm(self.out(x))


def timestep_features(value: Tensor, dim: int) -> Tensor:
    """Sinusoidal features (B, dim) of a number in 0..1 per row."""
    half = torch.arange(dim // 2, device=value.device, dtype=torch.float32)
    angles = value[:, None].float() * 1000 * 10000 ** (-half / (dim // 2))
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
