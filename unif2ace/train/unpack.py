"""Take a checkpoint's image tokenizer and encoders apart again, to train on from them."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from unif2ace.checkpoint import load_model
from unif2ace.train.encoder import save_encoders
from unif2ace.train.tokenizer import save_tokenizer


def unpack(checkpoint: Path, out: Path) -> None:
    """Write `out/tokenizer` and `out/encoder` in float32, as their trainers write and read them."""
    model = load_model(checkpoint, None, None, torch.device("cpu")).float()
    save_tokenizer(model.image_tokenizer, out / "tokenizer")
    config, semantic = model.config.encoders, model.semantic_encoder
    save_encoders(model.face_encoder, config, out / "encoder", semantic)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    unpack(arguments.checkpoint, arguments.out)
    print(f"tokenizer and encoder in {arguments.out}: pass them to --start")
