"""Train the text tokenizer on what the caption and question grammars say."""

from __future__ import annotations

import argparse
from pathlib import Path

from unif2ace.config import PRESETS
from unif2ace.synth.questions import training_corpus
from unif2ace.text import train_tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=["nano", "base"], default="nano")
    parser.add_argument("--faces", type=int, default=20_000, help="faces to talk about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    vocab_size = PRESETS[arguments.preset]().text_vocab_size
    texts = training_corpus(arguments.faces, arguments.seed)
    tokenizer = train_tokenizer(texts, vocab_size)
    tokenizer.save_pretrained(arguments.out)
    print(f"{len(tokenizer):,} ids, special tokens included, in {arguments.out}")
