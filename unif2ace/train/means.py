"""What painted pictures will show of training faces, for the decoder to learn to draw it sharply.

    python -m unif2ace.train means --checkpoint DIR --features DIR --out means.npz

A painted picture shows means over its codes (`sampler.posterior_means`), which lie between what
codes stand for, where no encoder ever puts a face. Here they are made of renders, so that there is
something to compare with: `python -m unif2ace.train tokenizer --keep-codes --means means.npz`.

Some of the means are of a plan that tells other details than the face has. A decoder that hears a
face's own words learns from these to believe the words where codes say otherwise, as the painter's
often do.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from unif2ace.attributes import ATTRIBUTES
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.plan import PlanWords
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_TEMPERATURE
from unif2ace.sampler import lattices, posterior_means
from unif2ace.train.features import read_features
from unif2ace.train.loop import fastest_precision
from unif2ace.train.sequences import prompt_of
from unif2ace.wording import NOT_VISIBLE

BATCH_SIZE = 32
MISLED_SHARE = 0.5
"""Of faces whose means are of another plan. Our choice."""
ALTERED_SHARE = 0.4
"""Of the details in such a plan."""
DETAIL_REGIONS = ("skin", "cheeks", "chin", "brows", "eyes", "nose", "mouth", "ears", "forehead")
_NO_DETAILS = ("skin_tone", "skin_tone_monk", "facial_hair", "glasses", "face_mask", "mouth")
DETAILS = frozenset(
    name
    for name, attribute in ATTRIBUTES.items()
    if attribute.region in DETAIL_REGIONS and name not in _NO_DETAILS
) | {"piercing"}
"""What shows in a few pixels, so that a picture stays much the same without."""


def misled(plan: Sequence[int], words: PlanWords, rng: random.Random) -> list[int]:
    """The plan's ids, with some of the details that it tells at another value."""
    other = list(plan)
    for place, name in enumerate(words.names):
        ids = words.words[place]
        if name in DETAILS and plan[place] != ids[NOT_VISIBLE] and rng.random() < ALTERED_SHARE:
            rest = [word for word in ids.values() if word not in (plan[place], ids[NOT_VISIBLE])]
            other[place] = rng.choice(rest)
    return other


@torch.inference_mode()
def write_means(
    checkpoint: Path,
    features: Path,
    out: Path,
    *,
    count: int,
    misled_share: float,
    seed: int = 0,
) -> int:
    """Means of the first `count` faces' own codes, each behind a fresh short caption and its plan.

    misled_share: of the faces, behind a `misled` plan.
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
            length = pipe.config.plan_length
            prompts = [
                [*ids[:-length], *misled(ids[-length:], pipe.plan_words, rng)]
                if rng.random() < misled_share
                else ids
                for ids in prompts
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
    parser.add_argument(
        "--misled-share",
        type=float,
        default=MISLED_SHARE,
        help="of them, after a plan with other details; 0 for a decoder that is told nothing",
    )


def main(arguments: argparse.Namespace) -> None:
    count = write_means(
        arguments.checkpoint,
        arguments.features,
        arguments.out,
        count=arguments.count,
        misled_share=arguments.misled_share,
    )
    print(f"means of {count:,} faces in {arguments.out}")
