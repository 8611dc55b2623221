"""Quality against speed: the same captions painted in fewer or more steps, more or less guided and
steered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from unif2ace.evaluate.faces import LabelledFaces, stack_images
from unif2ace.evaluate.generation import paint, perceptual_features, requests_for, summary
from unif2ace.evaluate.judge import Judge
from unif2ace.evaluate.metrics import frechet_distance
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEERING, DEFAULT_STEPS
from unif2ace.train.perceptual import imagenet_network

STEPS = (4, 8, 12, 16, 24, 36)
GUIDANCES = (1.0, 2.0, 3.0, 4.5, 6.0)
STEERINGS = (0.0, 1.0, 3.0, 6.0)


def settings_to_try() -> list[tuple[int, float, float]]:
    """(steps, guidance, steering): all of each, with the other two at their defaults."""
    tried = [
        *((n, DEFAULT_GUIDANCE, DEFAULT_STEERING) for n in STEPS),
        *((DEFAULT_STEPS, g, DEFAULT_STEERING) for g in GUIDANCES),
        *((DEFAULT_STEPS, DEFAULT_GUIDANCE, s) for s in STEERINGS),
    ]
    return list(dict.fromkeys(tried))


def frontier(
    pipe: UniF2acePipeline,
    judge: Judge,
    faces: LabelledFaces,
    settings: Sequence[tuple[int, float, float]],
    *,
    count: int,
    seed: int,
) -> list[dict[str, Any]]:
    """One row per setting: agreement, clear faces, FD-ELite0 to `count` renders, seconds a face.

    Every setting paints the same captions from the same seeds. Raises ValueError with fewer than
    `count` renders.
    """
    if len(faces) < count:
        raise ValueError(f"{count} pictures need {count} unseen renders, got {len(faces)}")
    requests = requests_for(pipe, count, seed)
    network, size = imagenet_network(), pipe.image_size
    renders = stack_images([faces.image(i) for i in range(count)], size)
    reference = perceptual_features(renders, network)
    rows = []
    for steps, guidance, steering in settings:
        started = time.perf_counter()
        pictures = paint(
            pipe, requests, seed=seed, steps=steps, guidance=guidance, steering=steering
        )
        seconds = time.perf_counter() - started
        found = summary(requests, judge.examine(pictures))
        features = perceptual_features(stack_images(pictures, size), network)
        rows.append(
            {
                "steps": steps,
                "guidance": guidance,
                "steering": steering,
                "seconds_per_face": round(seconds / count, 3),
                "agreement": found["agreement"],
                "one_clear_face": found["one_clear_face"],
                "fd_elite0": round(frechet_distance(features, reference), 1),
            }
        )
    return rows
