"""Labelled renders for measuring: read from the renderer's parquet shards, all in memory.

Knows the shards' columns (image, seed, attributes, visible, landmarks) and nothing of models.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor

from unif2ace.attributes import FaceAttributes

COLUMNS = ["image", "seed", "attributes", "visible", "landmarks"]


@dataclass(frozen=True, kw_only=True)
class LabelledFaces:
    """n faces of one size: pictures (n, S, S, 3) uint8, and per face what is true and seen.

    landmarks: (n, 68, 2) shares of width and height.
    """

    pictures: np.ndarray
    seeds: Sequence[int]
    attributes: Sequence[FaceAttributes]
    visible: Sequence[frozenset[str]]
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    def image(self, index: int) -> Image.Image:
        return Image.fromarray(self.pictures[index])

    def sized(self, size: int) -> LabelledFaces:
        """The same faces in pictures of `size` px."""
        return replace(self, pictures=resized(self.pictures, size))

    def knowing(self, known: Collection[str]) -> LabelledFaces:
        """The same faces as one sees them who knows of these attributes only."""
        return replace(self, visible=[visible & set(known) for visible in self.visible])

    def seen(self, index: int) -> dict[str, str]:
        """The attribute values of one face that can be seen."""
        attributes, visible = self.attributes[index], self.visible[index]
        return {name: value for name, value in attributes.items() if name in visible}


def read_faces(
    folder: str | Path, split: Literal["train", "test"], *, limit: int | None = None
) -> LabelledFaces:
    """The first `limit` faces of one split in a folder of shards, in the order of file names.

    Raises ValueError when the folder has no shards, a shard lacks a column, or sizes differ.
    """
    shards = sorted(Path(folder).glob(f"{split}-*.parquet"))
    if not shards:
        raise ValueError(f"{folder} holds no {split}-*.parquet: render {split} faces into it first")
    pictures: list[bytes] = []
    seeds: list[int] = []
    attributes: list[FaceAttributes] = []
    visible: list[frozenset[str]] = []
    landmarks: list[list[list[float]]] = []
    for shard in shards:
        if limit is not None and len(seeds) >= limit:
            break
        columns = pq.read_schema(shard).names
        if missing := [name for name in COLUMNS if name not in columns]:
            raise ValueError(f"{shard} has no column {', '.join(missing)}: render it again")
        for row in pq.read_table(shard, columns=COLUMNS).to_pylist():
            if limit is not None and len(seeds) >= limit:
                break
            pictures.append(row["image"]["bytes"])
            seeds.append(row["seed"])
            attributes.append(FaceAttributes.stored(json.loads(row["attributes"])))
            visible.append(frozenset(row["visible"]))
            landmarks.append(row["landmarks"])
    if not pictures:
        raise ValueError(f"limit must be 1 or more, got {limit}")
    with ThreadPoolExecutor() as threads:  # what decodes pictures lets others work meanwhile
        arrays = list(threads.map(_decoded, pictures))
    if sizes := {array.shape for array in arrays} - {arrays[0].shape}:
        raise ValueError(f"{folder} mixes picture sizes {arrays[0].shape} and {sizes.pop()}")
    return LabelledFaces(
        pictures=np.stack(arrays),
        seeds=seeds,
        attributes=attributes,
        visible=visible,
        landmarks=np.array(landmarks, dtype=np.float32),
    )


def _decoded(picture: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(picture)).convert("RGB"))


def resized(pictures: np.ndarray, size: int) -> np.ndarray:
    """(n, S, S, 3) uint8 to (n, size, size, 3), reduced by area, enlarged by cubics."""
    if pictures.shape[1] == size:
        return pictures
    images = [Image.fromarray(picture) for picture in pictures]
    return np.stack([_squared(image, size) for image in images])


def _squared(image: Image.Image, size: int) -> np.ndarray:
    way = Image.Resampling.BOX if image.width > size else Image.Resampling.BICUBIC
    return np.array(image if image.width == size else image.resize((size, size), way))


def to_tensor(pictures: np.ndarray) -> Tensor:
    """(n, S, S, 3) uint8 to (n, 3, S, S) float32 in [-1, 1]."""
    return pictures_to_pixels(torch.from_numpy(pictures))


def pictures_to_pixels(pictures: Tensor) -> Tensor:
    """(n, S, S, 3) uint8 to (n, 3, S, S) float32 in [-1, 1], on the same device."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def stack_images(images: Sequence[Image.Image], size: int) -> Tensor:
    """Square pictures to (n, 3, size, size) in [-1, 1], reduced by area, enlarged by cubics.

    Raises ValueError for a picture that is not square: stretching would change the face.
    """
    arrays = []
    for image in images:
        if image.width != image.height:
            raise ValueError(f"expected a square picture, got {image.width} x {image.height}")
        arrays.append(_squared(image.convert("RGB"), size))
    return to_tensor(np.stack(arrays))
