"""Quantise a trained checkpoint once, so that whoever loads it need not."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from unif2ace.pipeline import UniF2acePipeline
from unif2ace.quantize import nf4_share, weight_report
from unif2ace.train.assemble import SHARD_SIZE
from unif2ace.train.folders import written_whole


def export(checkpoint: Path, out: Path) -> None:
    """Write the NF4 form of a full-precision checkpoint; other files in `out` stay.

    Written beside `out` first: an interrupted export leaves the old checkpoint as it was.
    """
    pipe = UniF2acePipeline.from_pretrained(
        checkpoint, quantization="nf4", device="cpu", dtype=torch.bfloat16
    )
    with written_whole(out) as fresh:
        pipe.model.save_pretrained(fresh, max_shard_size=SHARD_SIZE)
        pipe.tokenizer.save_pretrained(fresh)
        for path in out.glob("*"):
            is_weights = ".safetensors" in path.name  # the index of many files, too
            if not is_weights and not (fresh / path.name).exists():
                copy = shutil.copytree if path.is_dir() else shutil.copy2
                copy(path, fresh / path.name)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    export(arguments.checkpoint, arguments.out)
    pipe = UniF2acePipeline.from_pretrained(arguments.out, device="cpu")
    rows = weight_report(pipe.model)
    size = sum(path.stat().st_size for path in arguments.out.glob("*.safetensors"))
    print(f"NF4 share of attention and experts {nf4_share(rows):.4f}, {size / 1e6:.1f} MB on disk")
