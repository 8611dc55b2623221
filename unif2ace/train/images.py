"""Pictures for the trainers: rendered shards (parquet) and a folder of photographs, as uint8.

A shard's pictures are decoded and resized once, into a memory-mapped cache beside which its labels
lie; after that a batch is a gather. Shards may still be arriving: `refresh` picks up new ones.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from datasets import load_dataset
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from unif2ace.attributes import ATTRIBUTES, VOCABULARY

HIDDEN = -1
"""Value index of an attribute that cannot be seen on this face."""
HOLD_OUT_EVERY = 50
"""Rendered faces whose seed this divides take no part in training here: they measure it. The
renderer's own `test` split stays untouched until the end."""


@dataclass(frozen=True, kw_only=True)
class FaceLabels:
    """Labels of n faces, coordinates as shares of width and height.

    landmarks (n, 68, 2); units (n, U) expression strengths 0..1; box (n, 4) x0, y0, x1, y1;
    attributes (n, A) int64, index into each attribute's values in the order of `ATTRIBUTES`,
    `HIDDEN` where it cannot be seen; seeds (n,) int64.
    """

    landmarks: Tensor
    units: Tensor
    box: Tensor
    attributes: Tensor
    seeds: Tensor


class FaceShards:
    """The rendered faces of a folder's `train-*.parquet`, held-out ones or the others.

    Args:
        folder: where the shards are or will be. cache: where decoded pictures are kept.
        size: side in pixels. is_held_out: the faces whose seed `HOLD_OUT_EVERY` divides, or all
            but these.
    """

    def __init__(self, folder: Path, *, cache: Path, size: int, is_held_out: bool) -> None:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder; render faces into it first")
        self.folder, self.cache, self.size = folder, cache, size
        self.is_held_out = is_held_out
        self._names: list[str] = []
        self._pictures: list[NDArray[np.uint8]] = []
        self._labels: dict[str, list[NDArray[Any]]] = {}
        self._places: list[tuple[int, int]] = []  # (shard, row) of every face
        self.refresh()

    def __len__(self) -> int:
        return len(self._places)

    def refresh(self) -> int:
        """Take in shards that have arrived since the last call; how many faces there are now."""
        shards = sorted(self.folder.glob("train-*.parquet"))
        shards = [shard for shard in shards if shard.stem not in self._names]
        _cache_all(shards, self.cache, self.size)
        for shard in shards:
            pictures, labels = _cached(shard, self.cache, self.size)
            is_held_out = labels["seeds"] % HOLD_OUT_EVERY == 0
            rows = np.flatnonzero(is_held_out == self.is_held_out).tolist()
            self._places += [(len(self._names), row) for row in rows]
            self._names.append(shard.stem)
            self._pictures.append(pictures)
            for name, values in labels.items():
                self._labels.setdefault(name, []).append(values)
        return len(self)

    def pixels(self, indices: Tensor) -> Tensor:
        """(n, 3, S, S) uint8 of the given faces, in channels_last memory."""
        rows = []
        for index in indices.tolist():
            shard, row = self._places[index]
            rows.append(self._pictures[shard][row])
        return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)

    def labels(self, indices: Tensor) -> FaceLabels:
        """Labels of the given faces, in the same order."""
        places = [self._places[index] for index in indices.tolist()]
        columns = {
            name: torch.from_numpy(np.stack([shards[shard][row] for shard, row in places]))
            for name, shards in self._labels.items()
        }
        return FaceLabels(**columns)


def _cache_all(shards: Sequence[Path], cache: Path, size: int) -> None:
    """Decode the shards that the cache lacks side by side, each in a process of its own.

    A process that makes batches may have none of its own: there, whoever needs a shard decodes it.
    """
    if multiprocessing.current_process().daemon:
        return
    missing = [shard for shard in shards if not _cache_files(shard, cache, size)[1].exists()]
    if len(missing) > 1:
        context = multiprocessing.get_context("spawn")  # whatever threads and devices are in use
        with ProcessPoolExecutor(min(len(missing), os.cpu_count() or 1), context) as pool:
            list(pool.map(partial(_cached, cache=cache, size=size), missing))


def _cache_files(shard: Path, cache: Path, size: int) -> tuple[Path, Path]:
    """Where a shard's pictures and labels are kept once they are decoded.

    A cache entry carries the shard's size and time, so that a shard rendered anew is read anew, and
    what attributes it was read for.
    """
    stat = shard.stat()
    words = zlib.crc32(repr(VOCABULARY).encode())  # more attributes have more columns
    key = f"{shard.stem}-{size}-{stat.st_size:x}-{stat.st_mtime_ns:x}-{words:x}"
    return cache / f"{key}.npy", cache / f"{key}.npz"


def _cached(
    shard: Path, cache: Path, size: int
) -> tuple[NDArray[np.uint8], Mapping[str, NDArray[Any]]]:
    """Pictures (memory-mapped) and labels of a shard, decoded now if the cache lacks them."""
    cache.mkdir(parents=True, exist_ok=True)
    pictures, labels = _cache_files(shard, cache, size)
    if not labels.exists():  # written last: when it is there, both are whole
        images, columns = _decode(shard, size)
        for path, write in (
            (pictures, lambda file: np.save(file, images)),
            (labels, lambda file: np.savez(file, **columns)),
        ):
            draft = path.with_suffix(f"{path.suffix}.{os.getpid()}")
            with draft.open("wb") as file:
                write(file)
            draft.rename(path)
    with np.load(labels) as file:
        columns = dict(file)
    return np.load(pictures, mmap_mode="r"), columns


def _decode(shard: Path, size: int) -> tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]:
    rows = load_dataset("parquet", data_files=str(shard), split="train", streaming=True)
    images, columns = [], {name: [] for name in FaceLabels.__dataclass_fields__}
    for row in rows:
        images.append(resized(row["image"], size))
        columns["landmarks"].append(np.asarray(row["landmarks"], np.float32).reshape(68, 2))
        columns["units"].append(np.asarray(row["units"], np.float32))
        columns["box"].append(np.asarray(row["box"], np.float32))
        columns["attributes"].append(
            attribute_indices(json.loads(row["attributes"]), row["visible"])
        )
        columns["seeds"].append(np.int64(row["seed"]))
    if not images:
        raise ValueError(f"{shard} holds no faces; render it again")
    return np.stack(images), {name: np.stack(values) for name, values in columns.items()}


def attribute_indices(values: Mapping[str, str], visible: Iterable[str]) -> NDArray[np.int64]:
    """(A,) index of each attribute's value in the order of `ATTRIBUTES`, `HIDDEN` if not seen.

    What the labels of an older shard do not speak of was not seen.
    """
    seen = set(visible)
    if unknown := sorted(seen - set(ATTRIBUTES)):
        raise ValueError(f"unknown visible attributes: {', '.join(unknown)}")
    indices = [
        attribute.values.index(values[name]) if name in seen else HIDDEN
        for name, attribute in ATTRIBUTES.items()
    ]
    return np.array(indices, np.int64)


def resized(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """(size, size, 3) uint8 of a square picture, smoothed when it shrinks."""
    image = image.convert("RGB")
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


def is_photo_held_out(path: Path) -> bool:
    """Whether a photograph is kept out of all training: those whose number ends in 0 are."""
    return path.stem.endswith("0")


def read_photos(folder: Path, *, is_held_out: bool, size: int = 256) -> Tensor:
    """(n, 3, size, size) uint8 of the square photographs `NNNN.jpg` in a folder, by number.

    is_held_out: those that are kept out of all training, or the others (`is_photo_held_out`).
    """
    paths = [
        path
        for path in sorted(folder.glob("*.jpg"))
        if path.stem.isdigit() and is_photo_held_out(path) == is_held_out
    ]
    if not paths:
        raise ValueError(f"{folder} holds no photographs named like 0001.jpg")
    pictures = []
    for path in paths:
        with Image.open(path) as image:
            pictures.append(resized(image, size))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def random_crops(
    pictures: Tensor, size: int, smallest: float, generator: torch.Generator
) -> Tensor:
    """Random squares of side share `smallest`..1: (n, 3, S, S) to (n, 3, size, size), uint8."""
    side = pictures.shape[-1]
    crops = []
    for picture, (scale, x, y) in zip(
        pictures, torch.rand(len(pictures), 3, generator=generator).tolist(), strict=True
    ):
        part = round(side * (smallest + (1 - smallest) * scale))
        left, top = round(x * (side - part)), round(y * (side - part))
        crop = picture[:, top : top + part, left : left + part].float()[None]
        crops.append(F.interpolate(crop, (size, size), mode="bilinear", antialias=True)[0])
    return torch.stack(crops).round().clamp(0, 255).to(torch.uint8)


def to_pixels(pictures: Tensor) -> Tensor:
    """uint8 to float32 in [-1, 1], in channels_last memory."""
    return (pictures.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def sheet(rows: Iterable[Tensor], *, columns: int) -> Image.Image:
    """A contact sheet: each (n, 3, S, S) tensor in [-1, 1] is one kind of picture; kinds stand
    below one another for every group of `columns` pictures."""
    kinds = [((kind.float().clamp(-1, 1) + 1) * 127.5).round().byte() for kind in rows]
    bands = []
    for start in range(0, len(kinds[0]), columns):
        for kind in kinds:
            part = kind[start : start + columns]
            blank = part.new_full((columns - len(part), *part.shape[1:]), 255)
            bands.append(torch.cat([*part, *blank], dim=-1))
    return Image.fromarray(torch.cat(bands, dim=-2).permute(1, 2, 0).cpu().numpy())
