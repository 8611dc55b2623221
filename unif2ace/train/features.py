"""What the transformer trains on: codes and frozen features of each face, computed once.

Files in one folder: codes.npy (n, N) int16, semantic.npy and face.npy (n, M, F) float16,
labels.jsonl (attributes, visible names and seed per face). `labels.jsonl` is written last and
marks the folder as complete.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor
from tqdm import tqdm

from unif2ace.attributes import FaceAttributes
from unif2ace.model import ImageFeatures, UniF2aceForConditionalGeneration
from unif2ace.train.images import FaceShards


@dataclass(frozen=True, kw_only=True)
class FaceLabel:
    """What is true of one rendered face, and which of it can be seen."""

    seed: int
    attributes: FaceAttributes
    visible: frozenset[str]


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
    """Encode pictures (b, S, S, 3) uint8, in the order of `labels`, into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[np.ndarray]] = {"codes": [], "semantic": [], "face": []}
    with torch.inference_mode(), tqdm(total=len(labels), desc="features", unit="face") as bar:
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
                "attributes": dict(label.attributes),
                "visible": sorted(label.visible),
            }
        )
        for label in labels
    ]
    (out / "labels.jsonl").write_text("\n".join(lines) + "\n")


def read_features(folder: Path) -> FaceFeatures:
    """Raises ValueError when the folder is not complete or its parts differ in length."""
    if not (folder / "labels.jsonl").is_file():
        raise ValueError(f"{folder} holds no finished features: run `features` again")
    labels = []
    for line in (folder / "labels.jsonl").read_text().splitlines():
        row = json.loads(line)
        labels.append(
            FaceLabel(
                seed=row["seed"],
                attributes=FaceAttributes(row["attributes"]),
                visible=frozenset(row["visible"]),
            )
        )
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r")
        for name in ("codes", "semantic", "face")
    }
    if lengths := {n: len(a) for n, a in arrays.items() if len(a) != len(labels)}:
        raise ValueError(f"{folder}: {len(labels)} labels but {lengths}")
    return FaceFeatures(labels=labels, **arrays)


def face_labels(folder: Path, split: str) -> list[FaceLabel]:
    """Labels of every face of a split's parquet files, in the order of `FaceShards`."""
    labels = []
    for shard in sorted(folder.glob(f"{split}*.parquet")):
        for row in pq.read_table(shard, columns=["seed", "attributes", "visible"]).to_pylist():
            labels.append(
                FaceLabel(
                    seed=row["seed"],
                    attributes=FaceAttributes(json.loads(row["attributes"])),
                    visible=frozenset(row["visible"]),
                )
            )
    return labels


def make_features(
    checkpoint: Path, faces: Path, out: Path, *, split: str, batch_size: int = 64
) -> int:
    """Codes and features of all faces of a split, by the checkpoint's frozen parts."""
    model = UniF2aceForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    shards = FaceShards(faces, cache=faces / "cache", size=model.config.image_size, split=split)
    labels = face_labels(faces, split)
    if len(labels) != len(shards):
        raise ValueError(f"{faces} changed while it was read: {len(labels)} != {len(shards)}")

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(shards), batch_size):
            rows = torch.arange(start, min(start + batch_size, len(shards)))
            yield shards.pixels(rows).permute(0, 2, 3, 1).numpy()

    write_features(model, batches(), labels, out)
    return len(labels)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="whole checkpoint")
    parser.add_argument("--faces", type=Path, required=True, help="folder of rendered shards")
    parser.add_argument("--split", default="train")
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    count = make_features(
        arguments.checkpoint, arguments.faces, arguments.out, split=arguments.split
    )
    print(f"features of {count:,} faces in {arguments.out}")
