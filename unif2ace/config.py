"""Every size of the system: the token id space, image tokenizer, encoders, experts, transformer.

Only this file adds an offset to a token id. Three presets share one code path: `nano`, `base`
and `paper` (arXiv 2503.08120 at full size, laid out for Show-o weights).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from transformers import PretrainedConfig

from unif2ace.areas import told_areas
from unif2ace.attributes import FIRST_VOCABULARY, VOCABULARY, Vocabulary, checked_vocabulary

FORMAT_VERSION = 3
"""Of checkpoints. 2: questions are thought over in three words; 3: the face encoder is shown an
overview by the semantic one."""

PASSED_ON = {
    *PretrainedConfig().to_dict(),
    *("format_version", "tie_word_embeddings", "quantization_config", "name_or_path", "auto_map"),
    "_commit_hash",
}
"""What a config may hold beside this model's own settings; `transformers` takes care of it."""
SPECIAL_TOKENS = (
    "<|pad|>",
    "<|soi|>",
    "<|eoi|>",
    "<|bos|>",
    "<|eos|>",
    "<|t2i|>",
    "<|mmu|>",
    "<|assistant|>",
    "<|null|>",
    "<|reserved|>",
)
"""As many as Show-o adds, so that `paper` keeps its id space: text | special | codes | [MASK]."""


@dataclass(frozen=True, kw_only=True)
class TokenLayout:
    """The one id space the transformer sees: text | special | image codes | [MASK]."""

    text_vocab_size: int
    codebook_size: int
    num_special_tokens: int = len(SPECIAL_TOKENS)

    def __post_init__(self) -> None:
        if min(self.text_vocab_size, self.codebook_size) < 1 or self.num_special_tokens < 0:
            raise ValueError(f"vocabularies must not be empty: {self}")

    @property
    def image_start(self) -> int:
        return self.text_vocab_size + self.num_special_tokens

    @property
    def mask_token_id(self) -> int:
        return self.image_start + self.codebook_size

    @property
    def vocab_size(self) -> int:
        return self.mask_token_id + 1

    @property
    def mask_code(self) -> int:
        """[MASK] in code space, where codes are 0..codebook_size-1."""
        return self.codebook_size

    def special_id(self, token: str) -> int:
        return self.text_vocab_size + SPECIAL_TOKENS.index(token)


@dataclass(frozen=True, kw_only=True)
class VQConfig:
    """Convolutional image tokenizer: 16x down, `codebook_size` codes, FSQ or LFQ quantiser.

    told_counts: of each thing that the decoder may be told of a picture, how many words there are;
        () where it decodes codes alone.
    told_areas: for each of these which of `areas.AREAS` shows it, or `areas.NOWHERE`.
    told_places: whether it hears too where in an area it is, see `vq.Telling`.
    """

    quantizer: Literal["fsq", "lfq"] = "fsq"
    fsq_levels: tuple[int, ...] = (8, 8, 8, 16)
    lfq_bits: int = 13
    stem_patch: int = 4  # pixel-unshuffle factor of the stem; the rest of 16 is strided
    encoder_channels: tuple[int, ...] = (64, 128, 192)  # at 1/stem_patch, ..., 1/16
    decoder_channels: tuple[int, ...] = (256, 160, 80)  # at 1/16, ..., 1/stem_patch
    encoder_blocks: int = 1
    decoder_blocks: int = 2
    told_counts: tuple[int, ...] = ()
    told_areas: tuple[int, ...] = ()
    told_places: bool = False

    def __post_init__(self) -> None:
        if self.quantizer not in ("fsq", "lfq"):
            raise ValueError(f"quantizer must be 'fsq' or 'lfq', got {self.quantizer!r}")
        if self.stem_patch not in (1, 2, 4, 8):
            raise ValueError(f"stem_patch must be 1, 2, 4 or 8, got {self.stem_patch}")
        stages = int(math.log2(16 // self.stem_patch)) + 1
        for name in ("encoder_channels", "decoder_channels"):
            if len(getattr(self, name)) != stages:
                raise ValueError(f"{name} needs {stages} entries, got {getattr(self, name)}")
        if len(self.told_areas) != len(self.told_counts):
            raise ValueError(
                f"{len(self.told_counts)} things are told, but of {len(self.told_areas)} areas"
            )

    @property
    def downsample(self) -> int:
        return 16

    @property
    def codebook_size(self) -> int:
        return math.prod(self.fsq_levels) if self.quantizer == "fsq" else 2**self.lfq_bits


NUM_PARTS = 11
FIRST_PARTS = {"part_size": 32, "num_parts": 6}  # of encoders that are silent on them


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Frozen encoders that feed the sequence experts. Widths are those of their feature grids.

    attributes: what the face encoder reads, and all that its checkpoint knows of faces.
    """

    semantic: Literal["efficientnet-lite0", "clip"] = "efficientnet-lite0"
    semantic_dim: int = 320
    semantic_size: int = 128  # pixels the picture is resized to for this encoder
    face_dim: int = 256
    face_size: int = 128
    face_channels: tuple[int, ...] = (48, 96, 160, 256)
    part_channels: tuple[int, ...] = (48, 96, 128)  # of the close-ups
    part_size: int = 64  # pixels a side of a close-up
    num_parts: int = NUM_PARTS  # close-ups: the first of `encoders.PARTS`
    attributes: Vocabulary = VOCABULARY

    def __post_init__(self) -> None:
        if self.semantic not in ("efficientnet-lite0", "clip"):
            raise ValueError(
                f"semantic must be 'efficientnet-lite0' or 'clip', got {self.semantic!r}"
            )
        object.__setattr__(self, "attributes", checked_vocabulary(self.attributes))
        for name in ("semantic_size", "face_size"):
            if getattr(self, name) % 32:
                raise ValueError(f"{name} must be a multiple of 32, got {getattr(self, name)}")
        if self.part_size not in (16, 32, 64):
            raise ValueError(f"part_size must be 16, 32 or 64, got {self.part_size}")
        if not 1 <= self.num_parts <= NUM_PARTS:
            raise ValueError(f"num_parts must be in 1..{NUM_PARTS}, got {self.num_parts}")


@dataclass(frozen=True, kw_only=True)
class MoEConfig:
    """Two-level grouped mixture of experts, per group (understanding, generation)."""

    num_experts: int = 4
    experts_per_token: int = 2
    expert_dim: int = 192
    shared_expert_dim: int = 384
    sequence_experts_per_sample: int = 2
    resampler_dim: int = 192
    resampler_heads: int = 4
    balance_weight: float = 0.01

    def __post_init__(self) -> None:
        if not 1 <= self.experts_per_token <= self.num_experts:
            raise ValueError(
                f"experts_per_token must be in 1..{self.num_experts}, got {self.experts_per_token}"
            )
        if not 1 <= self.sequence_experts_per_sample <= 4:
            raise ValueError(
                "sequence_experts_per_sample must be in 1..4, "
                f"got {self.sequence_experts_per_sample}"
            )
        widths = (self.expert_dim, self.shared_expert_dim, self.resampler_dim, self.resampler_heads)
        if min(widths) < 1:
            raise ValueError(f"expert widths must be positive: {self}")
        if self.resampler_dim % self.resampler_heads:
            raise ValueError(
                f"resampler_dim {self.resampler_dim} is not a multiple of "
                f"resampler_heads {self.resampler_heads}"
            )


def _nested(kind: type, value: Any) -> Any:
    """A dataclass from its dict (JSON turns tuples into lists: turn them back)."""
    if isinstance(value, kind):
        return value
    known = {f.name for f in dataclasses.fields(kind)}
    if unknown := sorted(set(value) - known):
        raise ValueError(f"unknown {kind.__name__} fields: {', '.join(unknown)}")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in value.items()})


def telling(vq: VQConfig, attributes: Vocabulary) -> VQConfig:
    """An image tokenizer whose decoder can be told each attribute's value, or that it cannot be
    seen, and of places."""
    counts = tuple(len(values) + 1 for _, values in attributes)
    return dataclasses.replace(
        vq, told_counts=counts, told_areas=told_areas(attributes), told_places=True
    )


def stored_encoders(values: dict[str, Any]) -> EncoderConfig:
    """Encoders as JSON holds them; what is silent on attributes is older than the later ones."""
    return _nested(EncoderConfig, {"attributes": FIRST_VOCABULARY} | FIRST_PARTS | values)


class UniF2aceConfig(PretrainedConfig):
    """Sizes of the whole model, as a `transformers` config.

    Args:
        image_size: picture side in pixels, a multiple of 16.
        text_vocab_size: ids of the text tokenizer, special tokens left out.
        max_prompt_tokens: longest generation prompt, special tokens and plan counted.
        plan_length: places of the plan that follows a prompt; 0 paints from the prompt alone.
        max_answer_tokens: longest question plus answer.
        hidden_size, num_layers, num_heads: the transformer.
        vq, encoders, moe: the parts (dataclasses or their dicts).
        schedule: how the share of masked tokens grows with time.
        score_weight: alpha of D3Diff (arXiv 2503.08120, table 3: 0.01).
        masked_weight: of D3Diff's masked term; 0 for the ablation "only score".
        qk_norm: normalise queries and keys per head (Show-o does).
        parallel_block: attention and token experts read one normalised input (Phi's block).
            Deviation: the authors' figure has one after the other; Show-o's weights fit this alone.
        hears_denials: was taught to tell whether a question denies the value that it names
            (`plan.py`), as whatever is trained here is.
    """

    model_type = "unif2ace"

    def __init__(
        self,
        image_size: int = 128,
        text_vocab_size: int = 1792,
        max_prompt_tokens: int = 160,
        plan_length: int = 0,
        max_answer_tokens: int = 448,
        hidden_size: int = 256,
        num_layers: int = 8,
        num_heads: int = 4,
        vq: VQConfig | dict | None = None,
        encoders: EncoderConfig | dict | None = None,
        moe: MoEConfig | dict | None = None,
        schedule: Literal["cosine", "linear"] = "cosine",
        score_weight: float = 0.01,
        masked_weight: float = 1.0,
        condition_dropout: float = 0.1,
        rope_theta: float = 10000.0,
        rotary_share: float = 1.0,
        qk_norm: bool = True,
        parallel_block: bool = False,
        hears_denials: bool = False,
        **kwargs: Any,
    ) -> None:
        self.vq = _nested(VQConfig, vq or {})
        self.encoders = _nested(EncoderConfig, encoders or {})
        self.moe = _nested(MoEConfig, moe or {})
        self.image_size = image_size
        self.text_vocab_size = text_vocab_size
        self.max_prompt_tokens = max_prompt_tokens
        self.plan_length = plan_length
        self.max_answer_tokens = max_answer_tokens
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.schedule = schedule
        self.score_weight = score_weight
        self.masked_weight = masked_weight
        self.condition_dropout = condition_dropout
        self.rope_theta = rope_theta
        self.rotary_share = rotary_share
        self.qk_norm = qk_norm
        self.parallel_block = parallel_block
        self.hears_denials = hears_denials
        if image_size % self.vq.downsample or image_size < self.vq.downsample:
            raise ValueError(f"image_size must be a multiple of 16, got {image_size}")
        fit = telling(self.vq, self.encoders.attributes)
        placed = dataclasses.replace(self.vq, told_places=True)
        if self.vq.told_counts and placed != fit:
            raise ValueError(
                "the image tokenizer cannot be told what the encoders read: told_counts must be "
                f"{fit.told_counts} and told_areas {fit.told_areas}, got {self.vq.told_counts} and "
                f"{self.vq.told_areas}"
            )
        self.layout  # noqa: B018 - checks the vocabularies' sizes
        if min(num_layers, num_heads) < 1:
            raise ValueError(f"need a layer and a head, got {num_layers} and {num_heads}")
        if min(score_weight, masked_weight, self.moe.balance_weight) < 0:
            raise ValueError(
                f"weights of losses must not be negative, got {score_weight}, {masked_weight}, "
                f"{self.moe.balance_weight}"
            )
        if hidden_size % num_heads or (hidden_size // num_heads) % 2:
            raise ValueError(
                f"hidden_size {hidden_size} must split into {num_heads} heads of even width"
            )
        if not 0 < rotary_share <= 1 or int(self.head_dim * rotary_share) % 2:
            raise ValueError(
                f"rotary_share must turn an even number of a head's {self.head_dim} channels, got "
                f"{rotary_share}"
            )
        if not 0 <= plan_length <= max_prompt_tokens - 4:
            raise ValueError(
                f"a plan of {plan_length} words leaves no room for a prompt in {max_prompt_tokens} "
                "tokens"
            )
        if not 0 <= condition_dropout < 1:
            raise ValueError(f"condition_dropout must be in [0, 1), got {condition_dropout}")
        if schedule not in ("cosine", "linear"):
            raise ValueError(f"schedule must be 'cosine' or 'linear', got {schedule!r}")
        if (found := kwargs.setdefault("format_version", FORMAT_VERSION)) != FORMAT_VERSION:
            raise ValueError(f"this code reads checkpoints of format {FORMAT_VERSION}, got {found}")
        if unknown := kwargs.keys() - PASSED_ON:
            raise ValueError(f"no setting of this model: {', '.join(sorted(unknown))}")
        kwargs.setdefault("tie_word_embeddings", False)
        super().__init__(**kwargs)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        encoders = config_dict.get("encoders") or {}
        if isinstance(encoders, dict):
            config_dict = config_dict | {"encoders": stored_encoders(encoders)}
        config_dict = {"format_version": 1} | config_dict  # the first ones name none
        return super().from_dict(config_dict, **kwargs)

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """What this checkpoint knows of faces: {attribute: values}, in the order of its ids."""
        return dict(self.encoders.attributes)

    @property
    def layout(self) -> TokenLayout:
        return TokenLayout(
            text_vocab_size=self.text_vocab_size, codebook_size=self.vq.codebook_size
        )

    @property
    def grid(self) -> int:
        """Image tokens along one side."""
        return self.image_size // self.vq.downsample

    @property
    def num_image_tokens(self) -> int:
        return self.grid**2

    @property
    def num_told_words(self) -> int:
        """Words of the plan that image places say and that stand in sight of every question."""
        return min(self.plan_length, len(self.attributes), self.num_image_tokens)

    @property
    def num_thoughts(self) -> int:
        """Words before an answer, not shown: topic, value asked for, value seen."""
        return 3 if self.num_told_words else 0

    @property
    def repeated_place(self) -> int:
        """Behind the places of the plan: marks a value seen that is the one asked for."""
        return self.plan_length

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads

    def to_dict(self) -> dict[str, Any]:
        out = super().to_dict()
        for name in ("vq", "encoders", "moe"):
            out[name] = dataclasses.asdict(getattr(self, name))
        return out

    def to_diff_dict(self) -> dict[str, Any]:
        """What is written: what differs from the defaults, and the attributes in any case."""
        return super().to_diff_dict() | {"encoders": dataclasses.asdict(self.encoders)}


NUM_PLAN_POINTS = 9


def whole_plan(attributes: Vocabulary) -> int:
    """Places of a plan: a value of each attribute, x and y of some landmarks; see `plan.py`."""
    return len(attributes) + 2 * NUM_PLAN_POINTS


def _planned(sizes: dict[str, Any]) -> UniF2aceConfig:
    """Of the presets that are trained here: a whole plan behind prompts of up to 160 ids."""
    length = whole_plan(_nested(EncoderConfig, sizes.get("encoders", {})).attributes)
    return UniF2aceConfig(**({"max_prompt_tokens": 160 + length, "plan_length": length} | sizes))


def nano(**overrides: Any) -> UniF2aceConfig:
    """256 px, 256 image tokens, small enough to paint on a CPU within seconds."""
    return _planned({"image_size": 256} | overrides)


def base(**overrides: Any) -> UniF2aceConfig:
    """256 px, 256 image tokens, twice as wide a transformer: for a GPU."""
    sizes: dict[str, Any] = {
        "image_size": 256,
        "hidden_size": 512,
        "num_layers": 12,
        "num_heads": 8,
        "vq": VQConfig(
            encoder_channels=(128, 256, 384),
            decoder_channels=(512, 320, 160),
            encoder_blocks=3,
            decoder_blocks=4,
        ),
        "encoders": EncoderConfig(semantic_size=224, face_size=128),
        "moe": MoEConfig(num_experts=8, expert_dim=256, shared_expert_dim=1024, resampler_dim=256),
    }
    return _planned(sizes | overrides)


def paper(**overrides: Any) -> UniF2aceConfig:
    """Full size, laid out for Show-o weights (arXiv 2503.08120; Show-o arXiv 2408.12528).

    Our choice: the experts' widths, which the paper does not give, are set so that the count
    meets its 1.8B; see `unif2ace.parameters`.
    """
    sizes: dict[str, Any] = {
        "image_size": 256,
        "text_vocab_size": 50295,
        "max_prompt_tokens": 129,
        "max_answer_tokens": 381,
        "hidden_size": 2048,
        "num_layers": 24,
        "num_heads": 32,
        "vq": VQConfig(
            quantizer="lfq",
            stem_patch=1,
            encoder_channels=(128, 128, 256, 256, 512),
            decoder_channels=(512, 256, 256, 128, 128),
            encoder_blocks=4,
            decoder_blocks=4,
        ),
        "encoders": EncoderConfig(
            semantic="clip", semantic_dim=1024, semantic_size=224, face_dim=512, face_size=128
        ),
        "moe": MoEConfig(
            num_experts=8,
            expert_dim=512,
            shared_expert_dim=2048,
            resampler_dim=1024,
            resampler_heads=16,
        ),
        "rotary_share": 0.5,
        "parallel_block": True,
    }
    return UniF2aceConfig(**(sizes | overrides))


PRESETS = {"nano": nano, "base": base, "paper": paper}
