"""A whole checkpoint small enough for tests: real classes, random weights, own tokenizer."""

from functools import cache
from pathlib import Path
from typing import Any

import torch

from unif2ace.attributes import ATTRIBUTES
from unif2ace.config import (
    EncoderConfig,
    MoEConfig,
    UniF2aceConfig,
    VQConfig,
    nano,
    telling,
)
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.text import train_tokenizer
from unif2ace.wording import NOT_VISIBLE, canonical_answer, canonical_question

TEXT_VOCAB = 720


def tiny_config(**changes) -> UniF2aceConfig:
    """32 px, four image tokens, two layers; widths are multiples of 64 so that NF4 packs them."""
    sizes: dict[str, Any] = {
        "image_size": 32,
        "plan_length": 4,
        "text_vocab_size": TEXT_VOCAB,
        "hidden_size": 64,
        "num_layers": 2,
        "num_heads": 2,
        "encoders": EncoderConfig(
            semantic_size=64,
            face_size=32,
            face_channels=(8, 8, 8, 32),
            face_dim=8,
            part_channels=(8, 8, 8),
        ),
        "moe": MoEConfig(expert_dim=64, shared_expert_dim=64, resampler_dim=16, resampler_heads=2),
    }
    sizes |= changes
    vq = VQConfig(encoder_channels=(8, 8, 32), decoder_channels=(32, 8, 8), encoder_blocks=1)
    return nano(**({"vq": telling(vq, sizes["encoders"].attributes)} | sizes))


@cache
def tiny_tokenizer():
    texts = [NOT_VISIBLE] * 50
    for name, attribute in ATTRIBUTES.items():
        texts.append(canonical_question(name))
        texts += [canonical_answer(name, value) for value in attribute.values]
    return train_tokenizer(texts, TEXT_VOCAB)


def tiny_model(seed: int = 0) -> UniF2aceForConditionalGeneration:
    torch.manual_seed(seed)
    model = UniF2aceForConditionalGeneration(tiny_config()).eval()
    with torch.no_grad():  # let the picture and the routers matter
        for name, parameter in model.blocks.named_parameters():
            parameter.add_(torch.randn_like(parameter) * (0.3 if "router" in name else 0.05))
        words = model.image_tokenizer.telling.words.weight
        words.copy_(torch.randn_like(words))
    return model


def save_tiny(folder: Path) -> Path:
    """Write a full-precision tiny checkpoint and return its folder."""
    tiny_model().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
