"""The image tokenizer: a convolutional autoencoder, 16x down, with a look-up-free code book.

`fsq` rounds a few bounded numbers per position (finite scalar quantisation, arXiv 2309.15505);
`lfq` keeps the signs of 13 (MAGVIT-v2, arXiv 2310.05737; Show-o's tokenizer). Either way a code
is an integer in 0..K-1 and the code book is arithmetic, not a parameter. The decoder may be told
in words what a picture shows: some details are a few pixels, and few bits of a code are left for
them. No training losses on pixels here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unif2ace.areas import AREAS, NUM_WAVES, area_masks, told_maps
from unif2ace.config import VQConfig
from unif2ace.conv import AttentionBlock, ChannelNorm, Down, ResBlock, Up, check_pixels


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """latents: (B, C, h, w) on the code grid, with a straight-through gradient. codes: (B, h*w)."""

    latents: Tensor
    codes: Tensor
    loss: Tensor


@dataclass(frozen=True, kw_only=True)
class VQOutput:
    """One pass of the tokenizer.

    reconstruction: (B, 3, H, W), about [-1, 1] but not clamped, so that losses keep a gradient.
    codes: (B, (H/16)*(W/16)) int64 in 0..K-1. quantizer_loss: scalar, 0 for FSQ.
    usage: scalar, share of the positions of this batch that hold different codes (1: all differ).
    """

    reconstruction: Tensor
    codes: Tensor
    quantizer_loss: Tensor
    usage: Tensor


class FSQ(nn.Module):
    """Finite scalar quantiser, arXiv 2309.15505: channel i is one of levels[i] values in [-1, 1].

    Deviation: the bound is sigmoid(1.6 z) instead of tanh(z) with a shift, and the levels are
    evenly spaced from -1 to 1. A normal z then falls nearly evenly on them: more codes in use.
    """

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        if not levels or min(levels) < 2:
            raise ValueError(f"every FSQ channel needs two or more levels, got {levels}")
        self.levels = tuple(levels)
        self.channels = len(levels)

    def _column(self, values: list[int], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, -1, 1, 1)

    def forward(self, z: Tensor) -> Quantized:
        """z: (B, C, h, w), any real numbers."""
        z = z.float()  # rounding in bf16 would merge the 16 levels
        top = self._column([n - 1 for n in self.levels], z)
        bounded = torch.sigmoid(1.6 * z) * top  # 0 .. levels-1
        index = bounded.round().detach()
        strides = [math.prod(self.levels[:i]) for i in range(self.channels)]
        codes = (index.long() * self._column(strides, index.long())).sum(1).flatten(1)
        straight = bounded + (index - bounded).detach()  # value: index; gradient: bounded
        return Quantized(latents=2 * straight / top - 1, codes=codes, loss=z.new_zeros(()))

    def lookup(self, codes: Tensor) -> Tensor:
        """codes (B, N) in 0..K-1 to latents (B, C, N) in [-1, 1]; the inverse of `forward`."""
        digits, rest = [], codes
        for levels in self.levels:
            digits.append(2 * (rest % levels) / (levels - 1) - 1)
            rest = rest // levels
        return torch.stack(digits, dim=1)


class LFQ(nn.Module):
    """Look-up-free quantiser, arXiv 2310.05737 section 3: the signs of `bits` channels, first bit
    highest (as in Show-o's tokenizer). `loss` is entropy term plus commitment."""

    entropy_weight = 0.1
    commitment_weight = 0.25
    temperature = 0.1

    def __init__(self, bits: int) -> None:
        super().__init__()
        if bits < 1:
            raise ValueError(f"LFQ needs at least one bit, got {bits}")
        self.channels = bits

    def forward(self, z: Tensor) -> Quantized:
        """z: (B, bits, h, w), any real numbers."""
        z = z.float()
        is_set = z > 0
        shifts = torch.arange(self.channels - 1, -1, -1, device=z.device).view(1, -1, 1, 1)
        codes = (is_set.long() << shifts).sum(1).flatten(1)
        signs = is_set.to(z.dtype) * 2 - 1
        loss = self.entropy_weight * self.entropy_gap(z)
        loss = loss + self.commitment_weight * (z - signs).square().mean()
        return Quantized(latents=z + (signs - z).detach(), codes=codes, loss=loss)

    def entropy_gap(self, z: Tensor) -> Tensor:
        """Mean entropy of a position's code minus entropy of the mean code, in nats.

        Equation 4 of arXiv 2310.05737, with the code book taken as a product of independent bits:
        low when each position is decided and all bits are used evenly.
        """
        # Softmax over {-1, +1} of -(z - c)^2 / temperature has logit 4 z / temperature.
        share = torch.sigmoid(4 * z / self.temperature)
        mean = share.mean((0, 2, 3))
        return (_bernoulli_entropy(share).mean((0, 2, 3)) - _bernoulli_entropy(mean)).sum()

    def lookup(self, codes: Tensor) -> Tensor:
        """codes (B, N) to signs (B, bits, N)."""
        shifts = torch.arange(self.channels - 1, -1, -1, device=codes.device).view(1, -1, 1)
        return ((codes[:, None] >> shifts) & 1).float() * 2 - 1


def _bernoulli_entropy(p: Tensor) -> Tensor:
    return -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p))


NOT_TOLD = -1


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a decoder is told of pictures beside their codes.

    words: (B, A), of each thing which of its words is right, or `NOT_TOLD`.
    points: (B, 9, 2), where the `areas.AREA_POINTS` lie; NaN where not known, and then no word is
        heard.
    """

    words: Tensor
    points: Tensor

    def rows(self, kept: slice) -> Told:
        """What is told of some of the pictures."""
        return Told(words=self.words[kept], points=self.points[kept])

    def row(self, index: int) -> Told:
        """What is told of one of them, still (1, ...)."""
        return self.rows(slice(index, index + 1))

    def to(self, device: torch.device) -> Told:
        return Told(words=self.words.to(device), points=self.points.to(device))


class Telling(nn.Module):
    """What is told of a picture, as scales and shifts of the channels of a decoder's blocks.

    Deviation: the paper's tokenizer decodes codes alone. Ours has few bits, and what they leave
    open, the plan of a painted face says. As text-conditioned tokenizers do (TexTok, arXiv
    2412.05796), through adaptive norms (arXiv 2105.05233, sec. 3.1). Our choice: every word adds
    its own scales and shifts, none at the start, and in its own area alone, so that what an eye
    looks like is learnt from eyes.

    What is added alike everywhere in an eye can make it blue, but draw no pupil into its middle,
    and close both eyes, but not one. So a decoder may hear too which side and which place of an
    area a pixel is in; then words add something to it on the right and take that off on the left,
    and each place has scales and shifts of its own (as of coordinates in arXiv 1807.03247).

    counts: of each thing that is told, how many words there are. areas: of each, the area of
    `areas.AREAS` that shows it, or `NOWHERE`. widths: of the blocks' channels. has_places: whether
    sides and places are heard.
    """

    def __init__(
        self,
        counts: Sequence[int],
        areas: Sequence[int],
        widths: Sequence[int],
        *,
        has_places: bool,
    ) -> None:
        super().__init__()
        self.counts, self.areas, self.widths = tuple(counts), tuple(areas), tuple(widths)
        self.words = nn.Embedding(sum(counts), 2 * sum(widths))
        nn.init.zeros_(self.words.weight)
        self.sides = self.places = None
        if has_places:
            self.sides = nn.Embedding(sum(counts), 2 * sum(widths))
            self.places = nn.Parameter(torch.zeros(NUM_WAVES, 2 * sum(widths)))
            nn.init.zeros_(self.sides.weight)

    def maps(self, points: Tensor, size: int) -> Tensor:
        """(B, M, size, size), in how far each of what `forward` gives is heard where."""
        return area_masks(points, size) if self.places is None else told_maps(points, size)

    def forward(self, told: Told) -> Sequence[Tensor]:
        """For each block what its channels get: (B, M, 2 * width), in the order of `maps`.

        Raises: ValueError for another number of things told.
        """
        words = told.words
        if words.ndim != 2 or words.shape[1] != len(self.counts):
            raise ValueError(f"told must be (B, {len(self.counts)}), got {tuple(words.shape)}")
        starts = [sum(self.counts[:i]) for i in range(len(self.counts))]
        rows = words.clamp(min=0) + torch.tensor(starts, device=words.device)
        is_told = (words != NOT_TOLD)[..., None]  # (B, A, 1)
        areas = torch.tensor(self.areas, device=words.device)
        in_area = areas[:, None] == torch.arange(len(AREAS), device=words.device)  # (A, R)

        def by_area(table: nn.Embedding) -> Tensor:
            each = table(rows) * is_told  # (B, A, 2 * sum of widths)
            return torch.einsum("bad,ar->brd", each, in_area.to(each.dtype))

        heard = [by_area(self.words)]
        if self.sides is not None and self.places is not None:
            heard += [by_area(self.sides), self.places * is_told.any(1)[..., None]]
        return torch.cat(heard, dim=1).split([2 * width for width in self.widths], dim=-1)


class ImageTokenizer(nn.Module):
    """Pictures to codes and back. Fully convolutional: any height and width that 16 divides.

    What is told of pictures helps to decode them; a tokenizer without `told_counts` hears nothing.
    """

    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        self.config = config
        self.quantizer = (
            FSQ(config.fsq_levels) if config.quantizer == "fsq" else LFQ(config.lfq_bits)
        )
        self.encoder = _encoder(config, self.quantizer.channels)
        self.decoder = _decoder(config, self.quantizer.channels)
        self.telling = None
        if config.told_counts:
            blocks = [layer for layer in self.decoder if isinstance(layer, ResBlock)]
            widths = [block.channels for block in blocks]
            self.telling = Telling(
                config.told_counts, config.told_areas, widths, has_places=config.told_places
            )

    def quantize(self, pixels: Tensor) -> Quantized:
        """pixels: (B, 3, H, W) in [-1, 1]. Raises ValueError for other shapes."""
        check_pixels(pixels, self.config.downsample)
        patches = F.pixel_unshuffle(pixels, self.config.stem_patch)
        return self.quantizer(self.encoder(patches))

    def reconstruct(self, latents: Tensor, told: Told | None = None) -> Tensor:
        """latents (B, C, h, w) to unclamped pixels (B, 3, 16h, 16w).

        Raises: ValueError for a picture that is not square, of which something is told.
        """
        x = latents
        if self.telling is None or told is None:
            x = self.decoder(x)
        else:
            if x.shape[-2] != x.shape[-1]:
                raise ValueError(f"only squares can be told of, got codes {tuple(x.shape[-2:])}")
            tellings, maps = iter(self.telling(told)), {}
            for layer in self.decoder:
                if not isinstance(layer, ResBlock):
                    x = layer(x)
                    continue
                size = x.shape[-1]
                if size not in maps:
                    maps[size] = self.telling.maps(told.points.float(), size).to(x.dtype)
                x = layer(x, torch.einsum("bmd,bmhw->bdhw", next(tellings).to(x.dtype), maps[size]))
        return F.pixel_shuffle(x, self.config.stem_patch)

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) in [-1, 1] to codes (B, (H/16)*(W/16)), row by row, int64."""
        return self.quantize(pixels).codes

    def decode(self, codes: Tensor, grid: tuple[int, int], told: Told | None = None) -> Tensor:
        """codes (B, h*w) in 0..K-1 to pixels (B, 3, 16h, 16w) in [-1, 1].

        Raises ValueError if the count of codes is not h*w or a code is out of range.
        """
        height, width = grid
        if codes.ndim != 2 or codes.shape[1] != height * width:
            raise ValueError(f"codes must be (B, {height * width}), got {tuple(codes.shape)}")
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < self.codebook_size:
            raise ValueError(
                f"codes must be in 0..{self.codebook_size - 1}, "
                f"got {int(codes.min())}..{int(codes.max())}; fill every [MASK] before decoding"
            )
        return self.decode_latents(self.quantizer.lookup(codes), grid, told)

    def decode_latents(
        self, latents: Tensor, grid: tuple[int, int], told: Told | None = None
    ) -> Tensor:
        """latents (B, C, h*w), of codes or between them, to pixels (B, 3, 16h, 16w) in [-1, 1]."""
        weight = next(self.decoder.parameters())
        return self.reconstruct(latents.unflatten(-1, grid).to(weight.dtype), told).clamp(-1, 1)

    def forward(
        self,
        pixels: Tensor,
        is_spoilt: Tensor | None = None,
        shown: Tensor | None = None,
        told: Told | None = None,
    ) -> VQOutput:
        """is_spoilt: (B, N) bool, codes to decode as another picture's; see `spoil`.

        shown: (B, C, N), what to decode in place of a picture's own latents; NaN where those.
        """
        quantized = self.quantize(pixels)
        latents = quantized.latents if is_spoilt is None else spoil(quantized.latents, is_spoilt)
        if shown is not None:
            given = shown.unflatten(-1, latents.shape[-2:]).to(latents)
            latents = torch.where(given.isnan(), latents, given)
        return VQOutput(
            reconstruction=self.reconstruct(latents, told),
            codes=quantized.codes,
            quantizer_loss=quantized.loss,
            usage=torch.tensor(quantized.codes.unique().numel() / quantized.codes.numel()),
        )

    @property
    def codebook_size(self) -> int:
        return self.config.codebook_size


def spoil(latents: Tensor, is_spoilt: Tensor) -> Tensor:
    """latents (B, C, h, w) whose marked positions (B, h*w) come from the picture before.

    Our choice: painted codes do not always fit each other. A decoder that has learnt to believe
    the neighbours of a code that does not fit paints a whole face all the same.
    """
    where = is_spoilt.unflatten(1, latents.shape[-2:])[:, None]  # (B, 1, h, w)
    return torch.where(where, latents.roll(1, dims=0), latents)


def _encoder(config: VQConfig, out_channels: int) -> nn.Sequential:
    """(B, 3*p*p, H/p, W/p) to (B, out_channels, H/16, W/16)."""
    channels = config.encoder_channels
    layers: list[nn.Module] = [nn.Conv2d(3 * config.stem_patch**2, channels[0], 3, padding=1)]
    for stage, width in enumerate(channels):
        if stage:
            layers.append(Down(channels[stage - 1], width))
        layers += [ResBlock(width) for _ in range(config.encoder_blocks)]
    layers += [AttentionBlock(channels[-1]), ResBlock(channels[-1])]
    layers += [ChannelNorm(channels[-1]), nn.SiLU(), nn.Conv2d(channels[-1], out_channels, 1)]
    return nn.Sequential(*layers)


def _decoder(config: VQConfig, in_channels: int) -> nn.Sequential:
    """(B, in_channels, H/16, W/16) to (B, 3*p*p, H/p, W/p)."""
    channels = config.decoder_channels
    layers: list[nn.Module] = [nn.Conv2d(in_channels, channels[0], 3, padding=1)]
    layers += [ResBlock(channels[0]), AttentionBlock(channels[0])]
    for stage, width in enumerate(channels):
        if stage:
            layers.append(Up(channels[stage - 1], width))
        layers += [ResBlock(width) for _ in range(config.decoder_blocks)]
    layers += [ChannelNorm(channels[-1]), nn.SiLU()]
    layers.append(nn.Conv2d(channels[-1], 3 * config.stem_patch**2, 3, padding=1))
    return nn.Sequential(*layers)
