"""What the transformer trains on: codes and frozen features of each face, computed once.

Files in one folder: codes.npy (n, N) int16, semantic.npy and face.npy (n, M, F) float16,
labels.jsonl (attributes, visible names, landmarks and seed per face; of portraits, which values of
which attributes are likely). `labels.jsonl` is written
last and marks the folder as complete.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from unif2ace.attributes import FaceAttributes
from unif2ace.model import ImageFeatures, UniF2aceForConditionalGeneration
from unif2ace.train.images import HOLD_OUT_EVERY, resized
from unif2ace.train.photographs import Allowed, read_portraits, varied

_LABELS = "labels.jsonl"
PORTRAIT_COPIES = 4  # each cut and lit otherwise


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
        return batch_of(self, indices)


@dataclass(frozen=True, kw_only=True)
class PortraitFeatures:
    """Weakly labelled portraits: memory-mapped arrays, and what is likely in each."""

    codes: np.ndarray
    semantic: np.ndarray
    face: np.ndarray
    allowed: Sequence[Allowed]

    def __len__(self) -> int:
        return len(self.allowed)

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, ImageFeatures]:
        """As `FaceFeatures.batch`."""
        return batch_of(self, indices)


def batch_of(
    features: FaceFeatures | PortraitFeatures, indices: Sequence[int]
) -> tuple[Tensor, ImageFeatures]:
    """Codes (B, N) int64 and features of the given pictures, in float32."""
    rows = np.asarray(indices)
    return torch.from_numpy(features.codes[rows].astype(np.int64)), ImageFeatures(
        semantic=torch.from_numpy(features.semantic[rows].astype(np.float32)),
        face=torch.from_numpy(features.face[rows].astype(np.float32)),
    )


def write_features(
    model: UniF2aceForConditionalGeneration,
    pixel_batches: Iterable[np.ndarray],
    labels: Sequence[FaceLabel] | Sequence[Allowed],
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
    draft = out / f"{_LABELS}.new"
    draft.write_text("\n".join(json.dumps(_line(label)) for label in labels) + "\n")
    draft.replace(out / _LABELS)


def _line(label: FaceLabel | Allowed) -> dict[str, Any]:
    """What a line of labels holds."""
    if not isinstance(label, FaceLabel):
        return {name: sorted(values) for name, values in label.items()}
    return {
        "seed": label.seed,
        "attributes": json.dumps(dict(label.attributes)),
        "visible": sorted(label.visible),
        "landmarks": [round(share, 4) for point in label.landmarks for share in point],
    }


def read_features(folder: Path) -> FaceFeatures:
    """Raises ValueError when the folder is not complete or its parts differ in length."""
    rows, arrays = _read(folder)
    if "seed" not in rows[0]:
        raise ValueError(f"{folder} holds features of portraits, not of rendered faces")
    return FaceFeatures(labels=[_label(row) for row in rows], **arrays)


def read_portrait_features(folder: Path) -> PortraitFeatures:
    """As `read_features`, of a folder that `make_portrait_features` wrote."""
    rows, arrays = _read(folder)
    if "seed" in rows[0]:
        raise ValueError(f"{folder} holds features of rendered faces, not of portraits")
    allowed = [{name: frozenset(values) for name, values in row.items()} for row in rows]
    return PortraitFeatures(allowed=allowed, **arrays)


def _read(folder: Path) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    if not (folder / _LABELS).is_file():
        raise ValueError(f"{folder} holds no finished features: run `features` again")
    rows = [json.loads(line) for line in (folder / _LABELS).read_text().splitlines()]
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r")
        for name in ("codes", "semantic", "face")
    }
    if not rows:
        raise ValueError(f"{folder} holds features of no picture")
    if lengths := {n: len(a) for n, a in arrays.items() if len(a) != len(rows)}:
        raise ValueError(f"{folder}: {len(rows)} labels but {lengths}")
    return rows, arrays


def face_shards(folder: Path, split: str) -> list[Path]:
    """The parquet files of a split, in order; ValueError when there is none."""
    shards = sorted(folder.glob(f"{split}-*.parquet"))
    if not shards:
        raise ValueError(f"no {split}-*.parquet in {folder}; render faces into it first")
    return shards


def make_features(
    checkpoint: Path, faces: Path, out: Path, *, split: str, batch_size: int = 64
) -> int:
    """Codes and features of a split's faces, by the checkpoint's frozen parts; how many faces.

    Training faces that are held out for checks on the way (`HOLD_OUT_EVERY`) are left out.
    """
    model, labels = _frozen(checkpoint), list[FaceLabel]()

    def batches() -> Iterator[np.ndarray]:
        for shard in face_shards(faces, split):
            for table in pq.ParquetFile(shard).iter_batches(
                batch_size, columns=["image", "seed", "attributes", "visible", "landmarks"]
            ):
                rows = [
                    row
                    for row in table.to_pylist()
                    if split != "train" or row["seed"] % HOLD_OUT_EVERY
                ]
                if not rows:  # held out, all of them
                    continue
                labels.extend(_label(row) for row in rows)
                yield np.stack(
                    [
                        resized(
                            Image.open(io.BytesIO(row["image"]["bytes"])), model.config.image_size
                        )
                        for row in rows
                    ]
                )

    write_features(model, batches(), labels, out)
    return len(labels)


def make_portrait_features(
    checkpoint: Path, photos: Path, out: Path, *, seed: int, batch_size: int = 64
) -> int:
    """As `make_features`, of portraits that are not held out, `PORTRAIT_COPIES` of each."""
    model, generator = _frozen(checkpoint), torch.Generator().manual_seed(seed)
    portraits = read_portraits(photos, is_held_out=False, size=model.config.image_size)
    labels = [*portraits.allowed] * PORTRAIT_COPIES
    write_features(
        model,
        (
            varied(part, generator).permute(0, 2, 3, 1).numpy()
            for _ in range(PORTRAIT_COPIES)
            for part in portraits.pictures.split(batch_size)
        ),
        labels,
        out,
    )
    return len(labels)


def _frozen(checkpoint: Path) -> UniF2aceForConditionalGeneration:
    model = UniF2aceForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


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
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--faces", type=Path, help="folder of rendered shards")
    pictures.add_argument("--photos", type=Path, help="folder of weakly labelled portraits")
    parser.add_argument("--split", default="train", help="of the faces")
    parser.add_argument("--seed", type=int, default=0, help="of the portraits' copies")
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    checkpoint, out = arguments.checkpoint, arguments.out
    if arguments.photos is not None:
        count = make_portrait_features(checkpoint, arguments.photos, out, seed=arguments.seed)
    else:
        count = make_features(checkpoint, arguments.faces, out, split=arguments.split)
    print(f"features of {count:,} faces in {arguments.out}")
