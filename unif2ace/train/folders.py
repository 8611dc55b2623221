"""Folders that are whole whenever somebody looks: written beside their place, then swapped in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def beside(folder: Path, end: str) -> Path:
    """`folder` with `end` after its name."""
    return folder.with_name(f"{folder.name}{end}")


def swap_in(fresh: Path, folder: Path) -> None:
    """Let `fresh` take the place of `folder`, whose files are gone afterwards.

    Interrupted between the two renames, it leaves the old files in `beside(folder, ".old")`.
    """
    stale = beside(folder, ".old")
    shutil.rmtree(stale, ignore_errors=True)
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    shutil.rmtree(stale, ignore_errors=True)


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """An empty folder to write into; it becomes `folder` at the end, and not on an error."""
    fresh = beside(folder, ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    swap_in(fresh, folder)
