"""Questions about painting that one table of agreement leaves open, each asked by itself.

Does reading help painting (the best of several by the model's own eyes)? Are unseen combinations as
good as seen ones? Is "no" understood? Do prompts that name no group paint all groups? How different
are the faces of one prompt?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from unif2ace.attributes import ATTRIBUTES
from unif2ace.evaluate.faces import LabelledFaces, stack_images
from unif2ace.evaluate.generation import (
    GROUPED_BY,
    Request,
    outcomes,
    paint,
    perceptual_features,
    request_of,
    requests_for,
    summary,
)
from unif2ace.evaluate.judge import Judge, Verdict
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEERING, DEFAULT_STEPS
from unif2ace.train.perceptual import imagenet_network

CANDIDATES = 4
NEGATIONS = (
    "a man without a beard",
    "a woman with no glasses",
    "an old man, no hat",
    "a woman who is not smiling",
    "a young man without glasses and without a hat",
    "woman, no lipstick",
    "not bald, a man",
    "a woman without earrings",
)
NEUTRAL_TIMES = 4  # more than of other prompts: a balance shows in numbers alone
NEUTRAL = ("a person", "a portrait of a person", "someone", "a face")
SETTINGS: Mapping[str, Any] = {
    "steps": DEFAULT_STEPS,
    "guidance": DEFAULT_GUIDANCE,
    "steering": DEFAULT_STEERING,
}


def chosen_by_reading(
    pipe: UniF2acePipeline, judge: Judge, requests: Sequence[Request], *, seed: int
) -> dict[str, Any]:
    """Agreement of each request's first picture, of the one that the model itself prefers, and of
    the one that the judge prefers, which no choice can beat."""
    first, best, oracle = [], [], []
    for i, request in enumerate(tqdm(requests, desc="best of several", unit="prompt")):
        faces = pipe.generate(
            request.prompt, seed=seed + i * CANDIDATES, num_images=CANDIDATES, **SETTINGS
        )
        own = [sum(pipe.score(face.image, request.prompt).values()) for face in faces]
        verdicts = judge.examine([face.image for face in faces])
        right = [sum(outcomes(request, verdict).values()) for verdict in verdicts]
        first.append(verdicts[0])
        best.append(verdicts[int(np.argmax(own))])
        oracle.append(verdicts[int(np.argmax(right))])
    return {
        "candidates": CANDIDATES,
        **{
            name: summary(requests, verdicts)["agreement"]
            for name, verdicts in (("first", first), ("best_by_itself", best), ("oracle", oracle))
        },
    }


def group_shares(verdicts: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """{attribute: {value: share}} of the groups that the judge sees."""
    table = {}
    for name in GROUPED_BY:
        counts = Counter(verdict.values[name] for verdict in verdicts)
        table[name] = {
            value: round(counts[value] / len(verdicts), 4) for value in ATTRIBUTES[name].values
        }
    return table


def spread(features: np.ndarray) -> float:
    """Mean distance between any two rows; 0 of one row."""
    count = len(features)
    if count < 2:
        return 0.0
    squares = (features**2).sum(1)
    gaps = squares[:, None] + squares - 2 * features @ features.T
    return float(np.sqrt(np.maximum(gaps, 0)).sum() / (count * (count - 1)))


def probe(
    pipe: UniF2acePipeline, judge: Judge, faces: LabelledFaces, *, count: int, seed: int
) -> dict[str, Any]:
    """All of them, on `count` prompts or pictures each, more of neutral ones.

    `faces`: unseen renders, `count` of them at least.
    """
    if len(faces) < count:
        raise ValueError(f"{count} pictures need {count} unseen renders, got {len(faces)}")
    unseen = requests_for(pipe, count, seed)
    seen = requests_for(pipe, count, seed, split="train")
    negated = [request_of(NEGATIONS[i % len(NEGATIONS)]) for i in range(count)]
    neutral = [request_of(NEUTRAL[i % len(NEUTRAL)]) for i in range(NEUTRAL_TIMES * count)]
    same = [request_of("a smiling young woman with red hair")] * count
    network = imagenet_network()

    def painted(requests: Sequence[Request]) -> list[Any]:
        return paint(pipe, requests, seed=seed, **SETTINGS)

    def features(images: Sequence[Any]) -> np.ndarray:
        return perceptual_features(stack_images(images, pipe.image_size), network)

    return {
        "checkpoint": pipe.checkpoint,
        "count": count,
        "self_check": chosen_by_reading(pipe, judge, unseen, seed=seed),
        "seen_combinations": summary(seen, judge.examine(painted(seen)))["agreement"],
        "negations": summary(negated, judge.examine(painted(negated)))["agreement"],
        "num_neutral": len(neutral),
        "neutral_prompts": group_shares(judge.examine(painted(neutral))),
        "spread_of_one_prompt": round(spread(features(painted(same))), 3),
        "spread_of_renders": round(spread(features([faces.image(i) for i in range(count)])), 3),
    }
