"""Parquet files that each cover a fixed range of seeds: dealt out to shards, written whole or not.

A file's bytes do not depend on how the work was divided, and it appears under its name only when
it is complete. Knows nothing of what the rows hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from unif2ace.synth.sampling import TEST_SEED_START, Split

FACES_PER_FILE = 1000


@dataclass(frozen=True, kw_only=True)
class SeedFiles:
    """`num_faces` seeds from `seed_start` on, in files of `faces_per_file` below `out`.

    Raises ValueError for counts below 1, a negative seed, a seed range that mixes the splits, or
    a shard outside 0..num_shards-1.
    """

    out: Path
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


def missing_files(
    job: SeedFiles, num_workers: int, on_faces: Callable[[int], None]
) -> list[tuple[Path, range]]:
    """The job's files that are still to be written; `on_faces` is told how many faces are done.

    Raises ValueError if nothing can be written to the job's folder or num_workers is below 1.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers must be at least 1, got {num_workers}")
    _check_writable(job.out)
    missing = []
    for path, seeds in job.files():
        if path.exists():
            on_faces(len(seeds))
        else:
            missing.append((path, seeds))
    return missing


def _check_writable(folder: Path) -> None:
    """Make `folder` if need be. Raises ValueError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f"cannot write to {folder}: {error.strerror}") from error


def write_rows(path: Path, rows: Sequence[dict], schema: pa.Schema) -> None:
    """Write a parquet file that is there whole or not at all.

    Raises ValueError, and leaves nothing behind, when the disk is full or read-only.
    """
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), partial, compression="zstd")
        partial.rename(path)
    except OSError as error:
        raise ValueError(
            f"cannot write {path}: {error}; make room and give the same command again, "
            "finished files are kept"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
