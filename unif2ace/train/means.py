"""What painted pictures will show of training faces, for the decoder to learn to draw it sharply.

    python -m unif2ace.train means --checkpoint DIR --features DIR --out means.npz

A painted picture shows means over its codes (`sampler.posterior_means`), which lie between what
codes stand for, where no encoder ever puts a face. Here they are made of renders, so that there is
something to compare with: `python -m unif2ace.train tokenizer --keep-codes --means means.npz`.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from unif2ace.pipeline import UniF2acePipeline
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_TEMPERATURE
from unif2ace.sampler import lattices, posterior_means
from unif2ace.train.features import read_features
from unif2ace.train.loop import fastest_precision
from unif2ace.train.sequences import prompt_of

BATCH_SIZE = 32


@torch.inference_mode()
def write_means(checkpoint: Path, features: Path, out: Path, *, count: int, seed: int = 0) -> int:
    """Means of the first `count` faces' own codes, each behind a fresh short caption and its plan.

    out: npz of seeds (n,) and latents (n, C, N) float16, there when it is whole. Returns n.
    """
    pipe = UniF2acePipeline.from_pretrained(checkpoint, quantization=None)
    faces, rng = read_features(features), random.Random(seed)
    rows = list(range(min(count, len(faces))))
    values, mask_code = pipe.model.code_values(), pipe.config.layout.mask_code
    parts = [part.to(pipe.device) for part in lattices(pipe.config.grid)]
    latents = []
    is_half = fastest_precision() == "bf16"
    with torch.autocast(pipe.device.type, torch.bfloat16, enabled=is_half):
        for start in tqdm(range(0, len(rows), BATCH_SIZE), desc="means", unit="batch"):
            batch = rows[start : start + BATCH_SIZE]
            prompts = [
                prompt_of(
                    faces.labels[i], "short", pipe.tokenizer, pipe.config, rng, pipe.plan_words
                )
                for i in batch
            ]
            means = posterior_means(
                pipe.code_logits_fn(prompts, DEFAULT_GUIDANCE),
                faces.batch(batch)[0].to(pipe.device),
                values,
                mask_code=mask_code,
                parts=parts,
                temperature=DEFAULT_TEMPERATURE,
            )
            latents.append(means.transpose(1, 2).half().cpu().numpy())
    draft = out.with_name(f"{out.stem}.new.npz")
    np.savez(draft, seeds=[faces.labels[i].seed for i in rows], latents=np.concatenate(latents))
    draft.replace(out)
    return len(rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="whole checkpoint")
    parser.add_argument("--features", type=Path, required=True, help="made by that checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="file, .npz")
    parser.add_argument("--count", type=int, default=4000, help="faces at most")


def main(arguments: argparse.Namespace) -> None:
    count = write_means(
        arguments.checkpoint, arguments.features, arguments.out, count=arguments.count
    )
    print(f"means of {count:,} faces in {arguments.out}")
