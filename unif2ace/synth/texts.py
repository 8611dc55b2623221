"""What is said and asked of the faces of a range of seeds, as parquet files, without rendering.

Pure in (seed, split). What can be seen is judged by the words' own rules (`attributes.visible`),
which is all that is known before a picture exists; rendered shards know it from the depth buffer.
"""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pyarrow as pa

from unif2ace.attributes import visible
from unif2ace.synth.captions import Style, caption, description, full_caption
from unif2ace.synth.files import SeedFiles, missing_files, write_rows
from unif2ace.synth.questions import questions
from unif2ace.synth.sampling import Split, sample_attributes

STYLES: tuple[str, ...] = (*get_args(Style), "description", "full")
QUESTIONS_PER_FACE = 8  # 1.04 million for 130,000 faces


@dataclass(frozen=True, kw_only=True)
class TextJob(SeedFiles):
    """Which faces to write about, and how many questions each is asked."""

    questions_per_face: int = QUESTIONS_PER_FACE

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.questions_per_face < 0:
            raise ValueError(
                f"questions_per_face must not be negative, got {self.questions_per_face}"
            )


def text_row(seed: int, split: Split, questions_per_face: int) -> dict:
    """One row of the text set: a caption in every style and the questions of one face."""
    face = sample_attributes(seed, split)
    seen = visible(face)
    generator = random.Random(f"{split}/{seed}")
    made = {
        style: caption(face, seen, generator=generator, style=style) for style in get_args(Style)
    }
    made["description"] = description(face, seen, generator=generator)
    made["full"] = full_caption(face, seen, generator=generator)
    asked = questions(face, seen, generator=generator, count=questions_per_face)
    return {
        "seed": seed,
        "attributes": json.dumps(dict(face)),
        "visible": sorted(seen),
        "captions": [
            {"style": style, "text": c.text, "mentioned": json.dumps(c.mentioned)}
            for style, c in made.items()
        ],
        "questions": [
            {"question": qa.question, "answer": qa.answer, "attribute": qa.attribute}
            | {"kind": qa.kind, "value": qa.value}
            for qa in asked
        ],
    }


def write_texts(
    job: TextJob, *, num_workers: int = 1, on_faces: Callable[[int], None] = lambda count: None
) -> list[Path]:
    """Write every missing file of the job; returns all its files.

    `on_faces` is told how many more faces are done (or were found done). Raises ValueError if the
    output cannot be written or num_workers is below 1.
    """
    waiting = [(job, *missing) for missing in missing_files(job, num_workers, on_faces)]
    if num_workers == 1:
        for task in waiting:
            on_faces(_write_file(task))
    elif waiting:
        with multiprocessing.get_context("spawn").Pool(num_workers) as pool:
            for count in pool.imap_unordered(_write_file, waiting):
                on_faces(count)
    return [path for path, _ in job.files()]


def _write_file(task: tuple[TextJob, Path, range]) -> int:
    job, path, seeds = task
    rows = [text_row(seed, job.split, job.questions_per_face) for seed in seeds]
    write_rows(path, rows, SCHEMA)
    return len(rows)


def _strings(*names: str) -> pa.DataType:
    return pa.list_(pa.struct({name: pa.string() for name in names}))


SCHEMA = pa.schema(
    {
        "seed": pa.int64(),
        "attributes": pa.string(),
        "visible": pa.list_(pa.string()),
        "captions": _strings("style", "text", "mentioned"),
        "questions": _strings("question", "answer", "attribute", "kind", "value"),
    }
)
