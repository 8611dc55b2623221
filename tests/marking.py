"""How surely the invisible mark is found, and nothing else taken for it: `python tests/marking.py`.

Paints with the embedded checkpoint and prints what it counted as JSON. Each painted picture is
looked at with its mark, reduced to 75 % and saved as JPEG 80; and without, so worn, in all eight
orientations, which the pattern cannot tell from pictures of other programs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from faces import random_faces

from unif2ace.composing import compose
from unif2ace.evaluate.metrics import wilson_interval
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.provenance import THRESHOLD, _worn, embed, psnr, score

CHECKPOINT = Path(__file__).resolve().parents[1] / "assets" / "checkpoint"
PROMISED_DB, PROMISED_FOUND, PROMISED_FALSE = 40.0, 0.99, 0.001
SIDE_BY_SIDE = 4


def painted(pipeline: UniF2acePipeline, count: int, steps: int = 12) -> Iterator[Image.Image]:
    """Faces of random prompts."""
    for number, face in enumerate(random_faces(0, -(-count // SIDE_BY_SIDE))):
        names = random.Random(number).sample(sorted(face), 5)
        prompt = compose({name: face[name] for name in names})
        left = min(SIDE_BY_SIDE, count - number * SIDE_BY_SIDE)
        seed = number * SIDE_BY_SIDE
        faces = pipeline.generate(prompt, seed=seed, steps=steps, num_images=left)
        yield from (face.image for face in faces)


def orientations(image: Image.Image) -> Iterator[Image.Image]:
    for side in (image, ImageOps.mirror(image)):
        yield from (side.rotate(degrees) for degrees in (0, 90, 180, 270))


def measure(pictures: Iterable[Image.Image]) -> dict[str, float | int]:
    """Counts, worst cases and 95 % bounds of what is promised."""
    faintness, marked, plain = [], [], []
    for picture in pictures:
        with_mark = embed(picture)
        faintness.append(psnr(np.asarray(picture.convert("RGB")), np.asarray(with_mark)))
        marked.append(score(_worn(with_mark)))
        plain += [score(_worn(turned)) for turned in orientations(picture)]
    found = sum(value >= THRESHOLD for value in marked)
    false = sum(value >= THRESHOLD for value in plain)
    return {
        "marked": len(marked),
        "found": found,
        "found_share_at_least": round(wilson_interval(found, len(marked))[0], 4),
        "lowest_score": round(min(marked), 2),
        "lowest_psnr_db": round(min(faintness), 2),
        "unmarked": len(plain),
        "taken_for_marked": false,
        "false_share_at_most": round(wilson_interval(false, len(plain))[1], 5),
        "highest_score_unmarked": round(max(plain), 2),
    }


def is_kept(told: dict[str, float | int]) -> bool:
    """Whether the promises about the mark hold in what was counted."""
    return (
        told["found"] >= PROMISED_FOUND * told["marked"]
        and told["taken_for_marked"] <= PROMISED_FALSE * told["unmarked"]
        and told["lowest_psnr_db"] >= PROMISED_DB
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=500)
    options = parser.parse_args()
    pipeline = UniF2acePipeline.from_pretrained(str(CHECKPOINT))
    told = measure(painted(pipeline, options.pictures))
    print(json.dumps(told, indent=1))
    sys.exit(not is_kept(told))


if __name__ == "__main__":
    main()
