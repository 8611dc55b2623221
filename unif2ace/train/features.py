"""What the transformer trains on: codes and frozen features of each face, computed once.

Files in one folder: codes.npy (n, N) int16, semantic.npy and face.npy (n, M, F) float16,
labels.jsonl (attributes, visible names, landmarks and seed per face). `labels.jsonl` is written
last and marks the folder as complete.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from unif2ace.attributes import FaceAttributes
from unif2ace.checkpoint import load_model
from unif2ace.model import ImageFeatures, UniF2aceForConditionalGeneration
from unif2ace.train.images import HOLD_OUT_EVERY, resized

_LABELS = "labels.jsonl"


@dataclass(frozen=True, kw_only=True)
class FaceLabel:
    """What is true of one rendered face, which of it can be seen, and its 68 landmarks.

    landmarks: x, y as shares of the picture's side.
    """

    seed: int
    attributes: FaceAttributes
    visible: frozenset[str]
    landmarks: Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class FaceFeatures:
    """All faces of a folder: memory-mapped arrays and labels in the same order."""

    codes: np.ndarray
    semantic: np.ndarray
    face: np.ndarray
    labels: Sequence[FaceLabel]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, ImageFeatures]:
        """Codes (B, N) int64 and features of the given faces, in float32."""
        rows = np.asarray(indices)
        return torch.from_numpy(self.codes[rows].astype(np.int64)), ImageFeatures(
            semantic=torch.from_numpy(self.semantic[rows].astype(np.float32)),
            face=torch.from_numpy(self.face[rows].astype(np.float32)),
        )


def write_features(
    model: UniF2aceForConditionalGeneration,
    pixel_batches: Iterable[np.ndarray],
    labels: Sequence[FaceLabel],
    out: Path,
) -> None:
    """Encode pictures (b, S, S, 3) uint8, in the order of `labels`, into the folder `out`.

    `labels` may still grow while the pictures are read; it must be complete after the last.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / _LABELS).unlink(missing_ok=True)  # written last, it marks the folder as complete
    parts: dict[str, list[np.ndarray]] = {"codes": [], "semantic": [], "face": []}
    with torch.inference_mode(), tqdm(desc="features", unit="face") as bar:
        for pictures in pixel_batches:
            pixels = torch.from_numpy(pictures).to(model.device).permute(0, 3, 1, 2)
            pixels = pixels.float() / 127.5 - 1
            features = model.encode_features(pixels)
            parts["codes"].append(model.encode_codes(pixels).short().cpu().numpy())
            parts["semantic"].append(features.semantic.half().cpu().numpy())
            parts["face"].append(features.face.half().cpu().numpy())
            bar.update(len(pictures))
    for name, arrays in parts.items():
        np.save(out / f"{name}.npy", np.concatenate(arrays))
    lines = [
        json.dumps(
            {
                "seed": label.seed,
                "attributes": json.dumps(dict(label.attributes)),
                "visible": sorted(label.visible),
                "landmarks": [round(share, 4) for point in label.landmarks for share in point],
            }
        )
        for label in labels
    ]
    draft = out / f"{_LABELS}.new"
    draft.write_text("\n".join(lines) + "\n")
    draft.replace(out / _LABELS)


def read_features(folder: Path) -> FaceFeatures:
    """Raises ValueError when the folder is not complete or its parts differ in length."""
    if not (folder / _LABELS).is_file():
        raise ValueError(f"{folder} holds no finished features: run `features` again")
    lines = (folder / _LABELS).read_text().splitlines()
    labels = [_label(json.loads(line)) for line in lines]
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r")
        for name in ("codes", "semantic", "face")
    }
    if lengths := {n: len(a) for n, a in arrays.items() if len(a) != len(labels)}:
        raise ValueError(f"{folder}: {len(labels)} labels but {lengths}")
    return FaceFeatures(labels=labels, **arrays)


def face_shards(folder: Path, split: str) -> list[Path]:
    """The parquet files of a split, in order; ValueError when there is none."""
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise ValueError(f"no {split}-*.parquet in {folder}; render faces into it first")
    return shards


def make_features(
    checkpoint: Path, faces: Path, out: Path, *, split: str, workers: int = 1, batch_size: int = 64
) -> int:
    """Codes and features of a split's faces, by the checkpoint's frozen parts; how many faces.

    Training faces that are held out for checks on the way (`HOLD_OUT_EVERY`) are left out.
    workers: processes that decode pictures, at least one.
    """
    model = load_model(checkpoint, None, None, torch.device("cpu"), torch.float32)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    labels: list[FaceLabel] = []

    def rows_of_batches() -> Iterator[list[dict[str, Any]]]:
        for shard in face_shards(faces, split):
            for table in pq.ParquetFile(shard).iter_batches(
                batch_size, columns=["image", "seed", "attributes", "visible", "landmarks"]
            ):
                rows = table.to_pylist()
                if split == "train":
                    rows = [row for row in rows if row["seed"] % HOLD_OUT_EVERY]
                if rows:  # else all of them are held out
                    yield rows

    def batches() -> Iterator[np.ndarray]:
        decode = partial(_decoded, size=model.config.image_size)
        context = multiprocessing.get_context("spawn")  # a GPU is in use by now
        with ProcessPoolExecutor(max(workers, 1), context) as pool:
            pending: deque[Future[np.ndarray]] = deque()
            for rows in rows_of_batches():
                labels.extend(_label(row) for row in rows)
                pending.append(pool.submit(decode, [row["image"]["bytes"] for row in rows]))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    write_features(model, batches(), labels, out)
    return len(labels)


def _decoded(pictures: Sequence[bytes], size: int) -> np.ndarray:
    """(b, size, size, 3) uint8."""
    return np.stack([resized(Image.open(io.BytesIO(picture)), size) for picture in pictures])


def _label(row: Mapping[str, Any]) -> FaceLabel:
    shares = np.asarray(row["landmarks"], float).reshape(-1, 2)
    return FaceLabel(
        seed=row["seed"],
        attributes=FaceAttributes.stored(json.loads(row["attributes"])),
        visible=frozenset(row["visible"]),
        landmarks=[(x, y) for x, y in shares.tolist()],
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="whole checkpoint")
    parser.add_argument("--faces", type=Path, required=True, help="folder of rendered shards")
    parser.add_argument("--split", default="train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="processes that decode pictures")


def main(arguments: argparse.Namespace) -> None:
    count = make_features(
        arguments.checkpoint,
        arguments.faces,
        arguments.out,
        split=arguments.split,
        workers=arguments.workers,
    )
    print(f"features of {count:,} faces in {arguments.out}")
