"""Which weights are NF4, and proof of it. The only place that names bitsandbytes.

NF4 (QLoRA, arXiv 2305.14314) holds the transformer's attention and expert matrices. Norms,
routers, embeddings, the output layer, resamplers and the convolutional parts stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from bitsandbytes.functional import dequantize_4bit
from torch import nn
from transformers import BitsAndBytesConfig, PreTrainedModel

UNQUANTIZED = (
    "embed",
    "code_digits",
    "head_digits",
    "image_position",
    "plan_position",
    "lm_head",
    "norm",
    "resamplers",
    "image_tokenizer",
    "semantic_encoder",
    "face_encoder",
    "router",
)
"""Module names (a prefix, or the last part) that keep their precision."""


def nf4_config() -> BitsAndBytesConfig:
    """bitsandbytes' own defaults are fp4 and float32; both are set here."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=False,
        llm_int8_skip_modules=list(UNQUANTIZED),
    )


def nf4_modules(model: nn.Module) -> list[nn.Module]:
    """The linear layers that hold NF4 weights."""
    return [m for m in model.modules() if isinstance(m, nn.Linear) and _is_nf4(m.weight)]


def compute_in(model: nn.Module, dtype: torch.dtype) -> None:
    """Let all arithmetic be in `dtype`; what NF4 layers hold does not change.

    transformers loads pre-quantised checkpoints in the precision they are stored in, and does not
    let them be cast as a whole.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)
    for module in nf4_modules(model):
        module.compute_dtype, module.compute_type_is_set = dtype, True
        if dtype != torch.bfloat16:
            # on a CPU with bfloat16 units bitsandbytes would round to bfloat16 without asking
            module.support_avx512bf16_for_cpu = False


def unpacked(model: PreTrainedModel, dtype: torch.dtype) -> PreTrainedModel:
    """The model with plain `dtype` weights: those that NF4 layers compute with, kept."""
    for module in nf4_modules(model):
        module.weight.quant_state.dtype = dtype  # else rounded to the precision before NF4
    return model.dequantize(dtype=dtype)


def copy_bytes(model: nn.Module, dtype: torch.dtype) -> int:
    """What `keep_copies` would take."""
    sizes = (module.weight.quant_state.shape.numel() for module in nf4_modules(model))
    return sum(sizes) * dtype.itemsize


def keep_copies(model: nn.Module, dtype: torch.dtype) -> None:
    """Let every NF4 layer compute with a plain copy of its weight, made now instead of each time.

    A CPU unpacks a matrix as slowly for one token as for a hundred, so answers, which come token by
    token, gain most. What the layers hold stays NF4; the copies are never saved.
    """
    for module in nf4_modules(model):
        module.weight.quant_state.dtype = dtype  # else rounded to the precision before NF4
        weight = dequantize_4bit(module.weight.data, module.weight.quant_state)
        weight = weight.t().contiguous().t()  # as products read it: quicker most with few tokens
        module.register_buffer("plain", weight, persistent=False)
        bias = None if module.bias is None else module.bias.to(dtype)
        module.forward = partial(F.linear, weight=weight, bias=bias)


def held_copy_bytes(model: nn.Module) -> int:
    """What `keep_copies` has taken."""
    return sum(m.plain.nbytes for m in nf4_modules(model) if hasattr(m, "plain"))


@dataclass(frozen=True, kw_only=True)
class WeightReport:
    """One weight: where it is, its logical shape, how it is stored, and its bytes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    num_bytes: int
    is_nf4: bool


def _is_nf4(parameter: nn.Parameter) -> bool:
    return getattr(parameter, "quant_type", None) == "nf4" and parameter.dtype == torch.uint8


def _logical_shape(parameter: nn.Parameter) -> tuple[int, ...]:
    state = getattr(parameter, "quant_state", None)
    return tuple(parameter.shape if state is None else state.shape)


def weight_report(model: nn.Module) -> list[WeightReport]:
    """Every parameter of the model as it is held in memory."""
    rows = []
    for name, parameter in model.named_parameters():
        is_nf4 = _is_nf4(parameter)
        num_bytes = parameter.numel() * parameter.element_size()
        if is_nf4:
            absmax = parameter.quant_state.absmax
            num_bytes += absmax.numel() * absmax.element_size()
        rows.append(
            WeightReport(
                name=name,
                shape=_logical_shape(parameter),
                dtype="nf4" if is_nf4 else str(parameter.dtype).removeprefix("torch."),
                num_bytes=num_bytes,
                is_nf4=is_nf4,
            )
        )
    return rows


def nf4_share(rows: list[WeightReport]) -> float:
    """Share of the weights in the blocks' attention and experts that is NF4, biases counted too."""
    sizes = [
        (torch.Size(row.shape).numel(), row.is_nf4)
        for row in rows
        if row.name.startswith("blocks.") and ("attention." in row.name or "moe." in row.name)
    ]
    total = sum(size for size, _ in sizes)
    return sum(size for size, is_nf4 in sizes if is_nf4) / total if total else 0.0
