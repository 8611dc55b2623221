"""Rendered faces as parquet files that `datasets` reads, made in parallel and restartable.

Each file covers a fixed range of seeds, so its bytes do not depend on how the work was divided.
A file appears under its name only when it is complete.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from unif2ace.synth.render import UNIT_NAMES, FaceRenderer, RenderedFace
from unif2ace.synth.sampling import TEST_SEED_START, Split, sample_attributes

FACES_PER_FILE = 1000


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """What to render. `num_faces` seeds from `seed_start` on, in files of `faces_per_file`.

    Raises ValueError for counts below 1, a negative seed, a seed range that mixes the splits, or
    a shard outside 0..num_shards-1.
    """

    assets: Path | None
    out: Path
    size: int
    num_faces: int
    split: Split
    seed_start: int
    shard: int = 0
    num_shards: int = 1
    faces_per_file: int = FACES_PER_FILE

    def __post_init__(self) -> None:
        if self.num_faces < 1 or self.faces_per_file < 1 or self.num_shards < 1:
            raise ValueError(f"counts must be at least 1: {self}")
        if not 0 <= self.shard < self.num_shards:
            raise ValueError(f"shard must be in 0..{self.num_shards - 1}, got {self.shard}")
        if self.seed_start < 0:
            raise ValueError(f"seed_start must not be negative, got {self.seed_start}")
        is_test_range = self.seed_start >= TEST_SEED_START
        ends_in_test = self.seed_start + self.num_faces > TEST_SEED_START
        if (self.split == "test") != is_test_range or (self.split == "train" and ends_in_test):
            raise ValueError(
                f"{self.split} seeds must {'start at' if self.split == 'test' else 'stay below'} "
                f"{TEST_SEED_START}, got {self.seed_start} + {self.num_faces}"
            )

    def files(self) -> list[tuple[Path, range]]:
        """This shard's files and their seeds. The whole job's files are dealt out in turn."""
        found = []
        for first in range(0, self.num_faces, self.faces_per_file):
            count = min(self.faces_per_file, self.num_faces - first)
            seeds = range(self.seed_start + first, self.seed_start + first + count)
            name = f"{self.split}-{seeds.start:010d}-{seeds.stop - 1:010d}.parquet"
            found.append((self.out / name, seeds))
        return found[self.shard :: self.num_shards]


def run_job(
    job: RenderJob, *, num_workers: int = 1, on_faces: Callable[[int], None] = lambda count: None
) -> list[Path]:
    """Render every missing file of the job; returns all its files.

    `on_faces` is told how many more faces are done (or were found done). Raises ValueError if the
    output folder cannot be written or num_workers is below 1.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers must be at least 1, got {num_workers}")
    _check_writable(job.out)
    waiting = []
    for path, seeds in job.files():
        if path.exists():
            on_faces(len(seeds))
        else:
            waiting.append((job, path, seeds))
    if num_workers == 1:
        renderer = FaceRenderer(job.assets, job.size) if waiting else None
        for task in waiting:
            for _ in _write_file(renderer, *task):
                on_faces(1)
    elif waiting:
        # A forked OpenGL context does not work: every worker starts fresh and makes its own.
        context = multiprocessing.get_context("spawn")
        with context.Pool(num_workers, _start_worker, (job.assets, job.size)) as pool:
            for count in pool.imap_unordered(_work, waiting):
                on_faces(count)
    return [path for path, _ in job.files()]


_renderer: FaceRenderer | None = None  # one per worker process


def _start_worker(assets: Path | None, size: int) -> None:
    global _renderer
    _renderer = FaceRenderer(assets, size)


def _work(task: tuple[RenderJob, Path, range]) -> int:
    return sum(1 for _ in _write_file(_renderer, *task))


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f"cannot write to {folder}: {error.strerror}") from error


def _write_file(
    renderer: FaceRenderer, job: RenderJob, path: Path, seeds: range
) -> Iterator[RenderedFace]:
    """Write one file, yielding each face on the way."""
    rows = []
    for seed in seeds:
        face = renderer.render(sample_attributes(seed, job.split), seed)
        rows.append(face_row(face))
        yield face
    partial = path.with_suffix(f".{os.getpid()}.partial")
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), partial, compression="zstd")
    partial.rename(path)


def face_row(face: RenderedFace) -> dict:
    """One row of the data set: the picture as PNG, everything that is known about it beside."""
    buffer = io.BytesIO()
    Image.fromarray(face.image).save(buffer, "PNG", compress_level=6)
    return {
        "image": {"bytes": buffer.getvalue(), "path": None},
        "seed": face.seed,
        "attributes": json.dumps(dict(face.attributes)),
        "visible": sorted(face.visible),
        "landmarks": face.landmarks.tolist(),
        "units": face.units.tolist(),
        "box": list(face.box),
    }


def _features() -> dict:
    """The columns in the words of `datasets`, so that it decodes the pictures by itself."""

    def value(dtype: str) -> dict:
        return {"dtype": dtype, "_type": "Value"}

    def sequence(feature: dict, length: int = -1) -> dict:
        return {"feature": feature, "length": length, "_type": "List"}

    return {
        "image": {"_type": "Image"},
        "seed": value("int64"),
        "attributes": value("string"),
        "visible": sequence(value("string")),
        "landmarks": sequence(sequence(value("float32"), 2), 68),
        "units": sequence(value("float32"), len(UNIT_NAMES)),
        "box": sequence(value("float32"), 4),
    }


SCHEMA = pa.schema(
    {
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "seed": pa.int64(),
        "attributes": pa.string(),
        "visible": pa.list_(pa.string()),
        "landmarks": pa.list_(pa.list_(pa.float32(), 2), 68),
        "units": pa.list_(pa.float32(), len(UNIT_NAMES)),
        "box": pa.list_(pa.float32(), 4),
    },
    metadata={
        "huggingface": json.dumps({"info": {"features": _features()}}),
        "unit_names": json.dumps(UNIT_NAMES),
    },
)
