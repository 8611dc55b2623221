"""Quantise a trained checkpoint once, so that whoever loads it need not."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from unif2ace.pipeline import UniF2acePipeline
from unif2ace.quantize import nf4_share, weight_report
from unif2ace.train.assemble import SHARD_SIZE


def export(checkpoint: Path, out: Path) -> None:
    """Write the NF4 form of a full-precision checkpoint; other files in `out` stay.

    Written beside `out` first: an interrupted export leaves the old checkpoint as it was.
    """
    draft = out.with_name(f"{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    pipe = UniF2acePipeline.from_pretrained(
        checkpoint, quantization="nf4", device="cpu", dtype=torch.bfloat16
    )
    pipe.model.save_pretrained(draft, max_shard_size=SHARD_SIZE)
    pipe.tokenizer.save_pretrained(draft)
    if out.exists():
        for path in out.glob("*.safetensors"):
            path.unlink()
    shutil.copytree(draft, out, dirs_exist_ok=True)
    shutil.rmtree(draft)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    export(arguments.checkpoint, arguments.out)
    pipe = UniF2acePipeline.from_pretrained(arguments.out, device="cpu")
    rows = weight_report(pipe.model)
    size = sum(path.stat().st_size for path in arguments.out.glob("*.safetensors"))
    print(f"NF4 share of attention and experts {nf4_share(rows):.4f}, {size / 1e6:.1f} MB on disk")
