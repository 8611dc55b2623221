"""How large a preset is, part by part: `python -m unif2ace.parameters --preset paper`.

Nothing is allocated: the model is built on the meta device.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

import torch
from torch import nn

from unif2ace.config import PRESETS, UniF2aceConfig
from unif2ace.model import UniF2aceForConditionalGeneration

PARTS = {
    "embedding": r"embed\.",
    "output layer": r"lm_head\.",
    "code digits, positions": r"(code_digits|head_digits|image_position|plan_position)\.",
    "attention": r"blocks\.\d+\.attention\.",
    "token experts, understanding": r"blocks\.\d+\.token_moe\.understanding\.",
    "token experts, generation": r"blocks\.\d+\.token_moe\.generation\.",
    "sequence experts, understanding": r"blocks\.\d+\.sequence_moe\.understanding\.",
    "sequence experts, generation": r"blocks\.\d+\.sequence_moe\.generation\.",
    "norms": r"(blocks\.\d+\.(attention|token|sequence)_norm|norm)\.",
    "resamplers": r"resamplers\.",
    "image tokenizer (frozen)": r"image_tokenizer\.",
    "semantic encoder (frozen)": r"semantic_encoder\.",
    "face encoder (frozen)": r"face_encoder\.",
}
"""Part to the beginning of its parameters' names."""

BACKBONE = ("embedding", "attention", "norms")
TOKEN_EXPERTS = ("token experts, understanding", "token experts, generation")
SEQUENCE_EXPERTS = ("sequence experts, understanding", "sequence experts, generation")


def meta_model(config: UniF2aceConfig) -> UniF2aceForConditionalGeneration:
    """The model without storage, whatever its size."""
    with torch.device("meta"):
        return UniF2aceForConditionalGeneration(config)


def parameters_by_part(model: nn.Module) -> dict[str, int]:
    """Parameters of each of `PARTS`; they add up to the model's.

    Raises ValueError for a parameter that is in no part, or in two.
    """
    counts = dict.fromkeys(PARTS, 0)
    for name, parameter in model.named_parameters():
        parts = [part for part, start in PARTS.items() if re.match(start, name)]
        if len(parts) != 1:
            raise ValueError(f"{name} is in {len(parts)} parts: {', '.join(parts)}")
        counts[parts[0]] += parameter.numel()
    return counts


def by_the_papers_rule(counts: Mapping[str, int]) -> dict[str, int]:
    """Sums that compare with the paper's 1.8B (arXiv 2503.08120, tables 1 and 2).

    Those tables list Show-o, the ancestor, as 1.3B: its layers and one of its two vocabulary
    tables, 1.33B of 1.45B. `token level` counts ours alike, with the token experts in place of the
    feed-forwards; resamplers come with the level above. Nothing frozen is counted.
    Deviation: the feature projections of our sequence experts, one square matrix per expert and
    layer, come on top; the paper does not say whether its own experts have any.
    """
    token_level = sum(counts[part] for part in (*BACKBONE, *TOKEN_EXPERTS))
    with_resamplers = token_level + counts["resamplers"]
    sequence_level = with_resamplers + sum(counts[part] for part in SEQUENCE_EXPERTS)
    return {
        "token level": token_level,
        "with resamplers": with_resamplers,
        "with sequence experts": sequence_level,
    }


def table(config: UniF2aceConfig) -> str:
    """All of the above as text."""
    counts = parameters_by_part(meta_model(config))
    lines = [f"{part:34}{count:>15,}" for part, count in counts.items()]
    lines += [f"{'total':34}{sum(counts.values()):>15,}", ""]
    lines += ["Counted as the paper counts (layers and one vocabulary table, nothing frozen):"]
    lines += [
        f"{name:34}{count / 1e9:>14.2f}B" for name, count in by_the_papers_rule(counts).items()
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m unif2ace.parameters", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="paper")
    args = parser.parse_args(arguments)
    print(table(PRESETS[args.preset]()))
    if args.preset == "paper":
        print("\nThe paper says 1.8B; by_the_papers_rule explains what we count and what is ours.")


if __name__ == "__main__":
    main()
