"""The decoder between the one that a short run began with and the one that it ended with.

A short run roughens pictures before it mends them. The mean of both weights keeps most of what was
learnt and most of the smoothness (model soups, arXiv 2203.05482), and what words add may count more
than in training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from unif2ace.train.tokenizer import load_tokenizer, save_tokenizer
from unif2ace.vq import ImageTokenizer


@torch.no_grad()
def merged(before: ImageTokenizer, after: ImageTokenizer, *, told_weight: float) -> ImageTokenizer:
    """`after` with the mean of both decoders; what it adds for words, times `told_weight`.

    Raises: ValueError unless both have the same codes and sizes, and `after` hears words.
    """
    if after.telling is None:
        raise ValueError("the tokenizer that ends the run is told nothing: train it with --told")
    first, last = before.state_dict(), after.state_dict()
    for name, weight in last.items():
        if name.startswith("telling."):
            weight.mul_(told_weight)
            continue
        if name not in first or first[name].shape != weight.shape:
            raise ValueError(f"{name} has another size in the tokenizer that the run began with")
        if name.startswith("encoder.") and not torch.equal(first[name], weight):
            raise ValueError("the codes of the two mean different things: train with --keep-codes")
        if name.startswith("decoder."):
            weight.add_(first[name]).div_(2)
    return after


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--before", type=Path, required=True, help="tokenizer the run began with")
    parser.add_argument("--after", type=Path, required=True, help="tokenizer it ended with")
    parser.add_argument(
        "--told-weight", type=float, default=1.5, help="of what words add, against training"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder, as of a tokenizer's run")


def main(arguments: argparse.Namespace) -> None:
    before, after = load_tokenizer(arguments.before), load_tokenizer(arguments.after)
    between = merged(before, after, told_weight=arguments.told_weight)
    save_tokenizer(between, arguments.out / "tokenizer")
    print(f"the mean of both decoders in {arguments.out / 'tokenizer'}")
