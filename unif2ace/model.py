"""The transformer: omni-attention and two-level experts over one id space, as a transformers model.

Holds the frozen image tokenizer and encoders too, so that a checkpoint is whole. Knows no loss,
no sampler and no text.
Shapes: B batch, L tokens, N image tokens, D width, K codes, V text and special ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Cache, PreTrainedModel

from unif2ace.config import UniF2aceConfig
from unif2ace.encoders import FaceEncoder, FaceOutput, SemanticEncoder
from unif2ace.layers import (
    Attention,
    KeyValues,
    Resampler,
    additive,
    rotary_angles,
    timestep_features,
)
from unif2ace.moe import (
    GROUPS,
    SEQUENCE_EXPERTS,
    Exploration,
    FeatureMix,
    Group,
    Routing,
    SequenceMoE,
    SequenceRouter,
    TokenMoE,
)
from unif2ace.vq import ImageTokenizer, Told

NOISE_DIM = 64
"""Sinusoidal features of the mask ratio, which the noise expert embeds. Our choice: the paper does
not say of what."""


@dataclass(frozen=True, kw_only=True)
class ImageFeatures:
    """Frozen features of the input picture: (B, M, F) each."""

    semantic: Tensor
    face: Tensor


@dataclass(frozen=True, kw_only=True)
class TransformerOutput:
    """hidden (B, L, D); what every layer's routers decided (no sequence routing without image)."""

    hidden: Tensor
    token_routing: tuple[Routing, ...]
    sequence_routing: tuple[Routing, ...]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What all blocks of one pass share."""

    group: Group
    rotary: tuple[Tensor, Tensor]
    mask: Tensor | None  # additive
    image_span: slice | None
    features: dict[str, Tensor]
    cache: Cache | KeyValues | None
    exploration: Exploration | None


class CodeDigits(nn.Module):
    """One vector per digit value of a code, summed: neighbouring codes share most of theirs.

    Our choice: 8,192 separate vectors see little data each; a code of the finite scalar quantiser
    is four digits, one of the lookup-free quantiser thirteen bits.
    """

    def __init__(self, levels: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.levels = levels
        self.table = nn.Embedding(sum(levels), dim)

    def forward(self, codes: Tensor) -> Tensor:
        total = 0
        stride, offset = 1, 0
        for level in self.levels:
            total = total + self.table(codes // stride % level + offset)
            stride, offset = stride * level, offset + level
        return total  # type: ignore[return-value]


class Block(nn.Module):
    """Attention, then token experts, then sequence experts on the image, each with its own norm.

    Deviation, in presets with `parallel_block`: attention and token experts read one normalised
    input side by side, as Phi's blocks do, so that Show-o's weights fit.
    Our choice: the sequence level is added as its difference from a copy, x + (E(LN x) - LN x),
    so that copy experts leave the block as if the level were not there.
    """

    def __init__(self, config: UniF2aceConfig, layer: int) -> None:
        super().__init__()
        dim, moe = config.hidden_size, config.moe
        self.is_parallel = config.parallel_block
        self.compiled: tuple[Callable[..., Any], Callable[..., Any]] | None = None
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = Attention(
            dim=dim, num_heads=config.num_heads, layer=layer, qk_norm=config.qk_norm
        )
        self.token_norm = nn.Identity() if self.is_parallel else nn.LayerNorm(dim)
        self.token_moe = nn.ModuleDict(
            {
                group: TokenMoE(
                    dim=dim,
                    num_experts=moe.num_experts,
                    experts_per_token=moe.experts_per_token,
                    expert_dim=moe.expert_dim,
                    shared_dim=moe.shared_expert_dim,
                )
                for group in GROUPS
            }
        )
        self.sequence_norm = nn.LayerNorm(dim)
        self.sequence_moe = nn.ModuleDict(
            {
                group: SequenceMoE(
                    dim=dim,
                    kinds=SEQUENCE_EXPERTS[group],
                    experts_per_sample=moe.sequence_experts_per_sample,
                )
                for group in GROUPS
            }
        )

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Routing, Routing | None]:
        ask, answer = self.ask, self.answer
        if self.compiled is not None and self.training and torch.is_grad_enabled():
            ask, answer = self.compiled
        normed, q, k, v = ask(x, context.rotary)
        if context.cache is not None:
            k, v = context.cache.update(k, v, self.attention.layer)  # (B, H, S, d)
        return answer(
            x,
            normed,
            (q, k, v),
            mask=context.mask,
            group=context.group,
            image_span=context.image_span,
            features=context.features,
            exploration=context.exploration,
        )

    def ask(
        self, x: Tensor, rotary: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Before keys and values of earlier passes join: x normalised, queries, keys, values."""
        normed = self.attention_norm(x)
        return normed, *self.attention.project(normed, rotary)

    def answer(
        self,
        x: Tensor,
        normed: Tensor,
        qkv: tuple[Tensor, Tensor, Tensor],
        *,
        mask: Tensor | None,
        group: Group,
        image_span: slice | None,
        features: dict[str, Tensor],
        exploration: Exploration | None,
    ) -> tuple[Tensor, Routing, Routing | None]:
        """All behind that. It takes no `Context`, so that it can be compiled once for all layers.

        A cache is another object in every pass, and a layer's number another constant.
        """
        attended = self.attention.mix(*qkv, mask)
        if not self.is_parallel:
            x = x + attended
            normed = self.token_norm(x)
        routed, token_routing = self.token_moe[group](normed)
        x = x + routed + attended if self.is_parallel else x + routed
        if image_span is None:
            return x, token_routing, None
        image = self.sequence_norm(x[:, image_span])  # (B, N, D)
        mixed, sequence_routing = self.sequence_moe[group](image, features, exploration)
        if mixed is not image:
            x = x.clone() if x.requires_grad else x
            x[:, image_span] += (mixed - image).to(x.dtype)
        return x, token_routing, sequence_routing

    def compile_parts(self) -> None:
        """Fuse the small steps of `ask` and `answer` in training.

        A layer like another is not compiled anew. Sampling, whose sizes differ from pass to pass,
        stays as it is.
        """
        self.compiled = (
            torch.compile(self.ask, dynamic=True),
            torch.compile(self.answer, dynamic=True),
        )


class UniF2aceForConditionalGeneration(PreTrainedModel):
    """UniF²ace (arXiv 2503.08120): the transformer with its image tokenizer and encoders.

    `forward` is one pass over token ids; `code_logits` and `text_logits` are the two heads, both
    slices of one output layer over the whole id space.
    """

    config_class = UniF2aceConfig
    config: UniF2aceConfig
    base_model_prefix = "unif2ace"
    main_input_name = "token_ids"
    _no_split_modules = ("Block",)

    def __init__(self, config: UniF2aceConfig) -> None:
        super().__init__(config)
        dim, layout = config.hidden_size, config.layout
        levels = config.vq.fsq_levels if config.vq.quantizer == "fsq" else (2,) * config.vq.lfq_bits
        self.embed = nn.Embedding(layout.vocab_size, dim)
        self.code_digits = CodeDigits(levels, dim)
        self.image_position = nn.Embedding(config.num_image_tokens, dim)
        self.plan_position = None
        if config.plan_length:  # and one for a value seen that is the one asked for
            self.plan_position = nn.Embedding(config.plan_length + 1, dim)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.num_layers))
        self.norm = nn.LayerNorm(dim)
        self.lm_head = nn.Linear(dim, layout.vocab_size)
        self.head_digits = CodeDigits(levels, dim)
        feature_dims = {
            "semantic": config.encoders.semantic_dim,
            "face": config.encoders.face_dim,
            "noise": NOISE_DIM,
        }
        self.resamplers = nn.ModuleDict(
            {
                kind: Resampler(
                    feature_dim=feature_dim,
                    dim=config.moe.resampler_dim,
                    out_dim=dim,
                    num_queries=config.num_image_tokens,
                    num_heads=config.moe.resampler_heads,
                )
                for kind, feature_dim in feature_dims.items()
            }
        )
        self.image_tokenizer = ImageTokenizer(config.vq)
        self.semantic_encoder = SemanticEncoder(config.encoders)
        self.face_encoder = FaceEncoder(config.encoders)
        self.freeze_encoders()
        self.post_init()

    def freeze_encoders(self) -> None:
        """Image tokenizer and encoders take no gradient: they are trained beforehand."""
        for part in (self.image_tokenizer, self.semantic_encoder, self.face_encoder):
            part.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> UniF2aceForConditionalGeneration:
        super().train(mode)
        for part in (self.image_tokenizer, self.semantic_encoder, self.face_encoder):
            part.eval()  # frozen parts keep their evaluation behaviour
        return self

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, SequenceRouter | FeatureMix | Resampler):
            module.reset_parameters()
        else:  # linear and embedding weights: normal, 0.02; biases 0; norms 1 and 0
            super()._init_weights(module)

    # -- pictures ------------------------------------------------------------------------------

    @torch.no_grad()
    def encode_codes(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) pixels in [-1, 1] to codes (B, N)."""
        return self.image_tokenizer.encode(pixels)

    @torch.no_grad()
    def decode_codes(self, codes: Tensor, told: Told | None = None) -> Tensor:
        """Codes (B, N) to pixels (B, 3, S, S) in [-1, 1].

        told: what the pictures show in words, as `PlanWords.told` gives it.
        """
        grid = (self.config.grid, self.config.grid)
        return self.image_tokenizer.decode(codes, grid, told)

    @torch.no_grad()
    def decode_latents(self, latents: Tensor, told: Told | None = None) -> Tensor:
        """What codes stand for, or means of that, (B, N, C), as `decode_codes` does."""
        grid = (self.config.grid, self.config.grid)
        return self.image_tokenizer.decode_latents(latents.transpose(1, 2), grid, told)

    @torch.no_grad()
    def code_values(self) -> Tensor:
        """(K, C) float32: what each code stands for."""
        codes = torch.arange(self.config.vq.codebook_size, device=self.device)
        return self.image_tokenizer.quantizer.lookup(codes[None])[0].T.float()

    @torch.no_grad()
    def read_face(self, pixels: Tensor) -> FaceOutput:
        """What the face encoder reads off (B, 3, S, S) pixels in [-1, 1]."""
        return self.face_encoder(pixels, self.semantic_encoder.overview(pixels))

    def read_latents(
        self,
        latents: Tensor,
        shift: tuple[float, float] = (0, 0),
        told: Told | None = None,
    ) -> FaceOutput:
        """`read_face` of what `decode_latents` shows, with a gradient back to latents (B, N, C).

        shift: by which share of its side the frame is moved to the right and down, in whole pixels;
            edges are repeated.
        """
        grid = (self.config.grid, self.config.grid)
        pixels = self.image_tokenizer.decode_latents(latents.transpose(1, 2), grid, told)
        right, down = (round(share * self.config.image_size) for share in shift)
        pixels = F.pad(pixels, (-right, right, -down, down), mode="replicate")
        return self.face_encoder(pixels, self.semantic_encoder.overview(pixels))

    @torch.no_grad()
    def encode_features(self, pixels: Tensor, face: FaceOutput | None = None) -> ImageFeatures:
        """Features for the semantic and face experts, of (B, 3, S, S) pixels in [-1, 1].

        face: what `read_face` gives of these pixels, if that is known already.
        """
        face = self.read_face(pixels) if face is None else face
        return ImageFeatures(semantic=self.semantic_encoder(pixels), face=face.tokens)

    # -- tokens --------------------------------------------------------------------------------

    def embed_tokens(
        self, token_ids: Tensor, image_span: slice | None, places: Tensor | None = None
    ) -> Tensor:
        """(B, L) ids to (B, L, D), image tokens, plan words and thoughts each with their place."""
        x = self.embed(token_ids)
        if places is not None and self.plan_position is not None:
            is_plan = (places >= 0)[..., None]
            x = x + self.plan_position(places.clamp(min=0)) * is_plan
        if image_span is None:
            return x
        codes = token_ids[:, image_span] - self.config.layout.image_start  # (B, N)
        is_code = (codes < self.config.layout.mask_code)[..., None]
        digits = self.code_digits(codes.clamp(0, self.config.layout.mask_code - 1))
        image = x[:, image_span] + digits * is_code + self.image_position.weight
        return torch.cat([x[:, : image_span.start], image, x[:, image_span.stop :]], dim=1)

    def _expert_features(
        self, token_ids: Tensor, image_span: slice, features: ImageFeatures | None
    ) -> dict[str, Tensor]:
        """What the sequence experts mix in, resampled to (B, N, D) once for all layers."""
        if features is not None:
            return {
                "semantic": self.resamplers["semantic"](features.semantic),
                "face": self.resamplers["face"](features.face),
            }
        is_masked = token_ids[:, image_span] == self.config.layout.mask_token_id
        noise = timestep_features(is_masked.float().mean(1), NOISE_DIM)
        return {"noise": self.resamplers["noise"](noise[:, None].to(self.norm.weight.dtype))}

    def forward(
        self,
        token_ids: Tensor,
        *,
        positions: Tensor,
        mask: Tensor | None,
        group: Group,
        image_start: int | None = None,
        features: ImageFeatures | None = None,
        cache: Cache | KeyValues | None = None,
        exploration: Exploration | None = None,
        places: Tensor | None = None,
    ) -> TransformerOutput:
        """One pass of one task's sequences.

        Args:
            token_ids, positions: (B, L).
            mask: (B, 1, L, S) bool, S counting cached keys first; None where all see all.
            group: which experts serve this batch.
            image_start: column of the first of the N image tokens; None when the pass has none.
            features: of the pictures, required for understanding when the picture is in the pass.
            cache: keys and values of an earlier pass; grows in place.
            exploration: noise on sequence routing while training.
            places: (B, L) which word of the plan a token is or, as the topic of a question, names;
                `config.repeated_place` for a value seen that is the one asked for; -1 for others;
                None without a plan.
        """
        if group not in GROUPS:
            raise ValueError(f"group must be one of {', '.join(GROUPS)}, got {group!r}")
        span, expert_features = None, {}
        if image_start is not None:
            if group == "understanding" and features is None:
                raise ValueError("understanding needs the picture's features in its image pass")
            span = slice(image_start, image_start + self.config.num_image_tokens)
            expert_features = self._expert_features(token_ids, span, features)
        rotary_dim = int(self.config.head_dim * self.config.rotary_share)
        x = self.embed_tokens(token_ids, span, places)
        context = Context(
            group=group,
            rotary=rotary_angles(positions, rotary_dim, self.config.rope_theta),
            mask=None if mask is None else additive(mask, x.dtype),
            image_span=span,
            features=expert_features,
            cache=cache,
            exploration=exploration,
        )
        token_routing, sequence_routing = [], []
        for block in self.blocks:
            x, by_token, by_sequence = block(x, context)
            token_routing.append(by_token)
            if by_sequence is not None:
                sequence_routing.append(by_sequence)
        return TransformerOutput(
            hidden=self.norm(x),
            token_routing=tuple(token_routing),
            sequence_routing=tuple(sequence_routing),
        )

    # -- heads ---------------------------------------------------------------------------------

    def code_head(self) -> tuple[Tensor, Tensor]:
        """Weight (K, D) and bias (K,) of the codes' slice: made once for many `code_logits`."""
        layout = self.config.layout
        span = slice(layout.image_start, layout.mask_token_id)
        codes = torch.arange(layout.codebook_size, device=self.lm_head.weight.device)
        return self.lm_head.weight[span] + self.head_digits(codes), self.lm_head.bias[span]

    def code_logits(self, hidden: Tensor, head: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(..., D) to (..., K): which code, the other ids left out. `head`: of `code_head`."""
        weight, bias = head or self.code_head()
        return F.linear(hidden, weight.to(hidden.dtype), bias.to(hidden.dtype))

    def text_logits(self, hidden: Tensor) -> Tensor:
        """(..., D) to (..., V): text and special ids, codes left out."""
        span = slice(0, self.config.layout.image_start)
        weight, bias = self.lm_head.weight[span], self.lm_head.bias[span]
        return F.linear(hidden, weight.to(hidden.dtype), bias.to(hidden.dtype))


def parameter_report(model: nn.Module) -> dict[str, int]:
    """Parameters of each direct part, and in all."""
    counts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    return {**counts, "total": sum(p.numel() for p in model.parameters())}
