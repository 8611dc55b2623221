"""Training of the face encoder on rendered faces: landmarks, expression, box, visible attributes.

    python -m unif2ace.train encoder --faces DIR --out DIR --preset nano --seconds 600

Writes DIR/encoder/face.safetensors, DIR/encoder/semantic.safetensors (EfficientNet-Lite0 with its
ImageNet weights, not trained here), DIR/encoder/config.json and DIR/report.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from unif2ace.attributes import ATTRIBUTES
from unif2ace.config import PRESETS, EncoderConfig
from unif2ace.encoders import FaceEncoder, FaceOutput, SemanticEncoder
from unif2ace.losses import IGNORED_LABEL
from unif2ace.train.folders import written_whole
from unif2ace.train.growth import grown_encoder
from unif2ace.train.images import (
    HIDDEN,
    HOLD_OUT_EVERY,
    FaceShards,
    random_crops,
    to_pixels,
)
from unif2ace.train.loop import TrainConfig, TrainResult, run, shuffled_indices
from unif2ace.train.mirror import mirrored
from unif2ace.train.perceptual import imagenet_network
from unif2ace.train.photographs import (
    Portraits,
    allowed_table,
    likelihood_loss,
    mirrored_columns,
    rarity,
    read_by_eye,
    read_portraits,
)
from unif2ace.train.reading import (
    GEOMETRY_WEIGHT,
    UNIT_WEIGHT,
    FaceReader,
    load_reader,
    value_table,
)
from unif2ace.train.tokenizer import load_tokenizer
from unif2ace.vq import ImageTokenizer

SMALLEST_PHOTO_CROP = 0.85  # of a portrait's side
PHOTO_GAIN, PHOTO_CAST = 0.15, 0.06  # how far exposure and white balance of portraits vary
COLUMNS = {name: column for column, name in enumerate(ATTRIBUTES)}  # of labels
OF_PHOTOGRAPHS = ("overview", "overview_attributes", "render")
"""The parts of a face encoder by which photographs are read, and told from renders."""


@dataclass(frozen=True, kw_only=True)
class EncoderTrainConfig:
    """What the face encoder's training needs beyond the loop's own settings.

    image_size: side in pixels of what is looked at; close-ups are as sharp as that.
    tokenizer: folder of a trained image tokenizer, or None. A share `decoded_share` of each batch
        is passed through it, so that the encoder reads generated faces as well as photographs.
    start: folder of trained encoders to go on from; None for a fresh face encoder beside
        EfficientNet-Lite0 as ImageNet taught it.
    photos: folder of weakly labelled portraits (`photographs.py`), or None. So many as
        `photo_share` of a batch are added to it. photo_labels: what a look at them tells, a file.
    keeps_photographs: leave the parts `OF_PHOTOGRAPHS` as they are in `start`, so that photographs
        are read as before: longer on the same few portraits, and they are known by heart.
    smallest_zoom, largest_zoom, largest_shift: random framing, as shares of the picture.
    """

    loop: TrainConfig
    encoders: EncoderConfig
    image_size: int
    faces: Path
    tokenizer: Path | None = None
    start: Path | None = None
    photos: Path | None = None
    photo_labels: Path | None = None
    photo_share: float = 0.4
    keeps_photographs: bool = False
    decoded_share: float = 0.25
    smallest_zoom: float = 0.85
    largest_zoom: float = 1.15
    largest_shift: float = 0.06

    def __post_init__(self) -> None:
        if not 0 <= self.photo_share <= 1:
            raise ValueError(f"photo_share must be in [0, 1], got {self.photo_share}")
        if self.keeps_photographs and (self.start is None or self.photos is not None):
            raise ValueError(
                "photographs are read as encoders to start from read them: name those, no photos"
            )
        if not 0 <= self.decoded_share <= 1:
            raise ValueError(f"decoded_share must be in [0, 1], got {self.decoded_share}")
        if not 0 < self.smallest_zoom <= self.largest_zoom:
            raise ValueError(f"zooms must be positive and in order: {self}")


def reframed(pixels: Tensor, zoom: Tensor, shift: Tensor) -> Tensor:
    """Pictures enlarged by `zoom` (B,) about their middle, then moved by `shift` (B, 2).

    A point at share p of the old picture lies at 0.5 + zoom * (p - 0.5) + shift of the new one
    (see `reframed_points`); what comes in from outside repeats the border.
    """
    theta = pixels.new_zeros(len(pixels), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / zoom
    theta[:, :, 2] = -2 * shift / zoom[:, None]
    with torch.autocast(pixels.device.type, enabled=False):  # bfloat16 moves by half pixels
        grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def reframed_points(points: Tensor, zoom: Tensor, shift: Tensor) -> Tensor:
    """Where points (B, n, 2), shares of the picture, lie after `reframed`."""
    return 0.5 + zoom[:, None, None] * (points - 0.5) + shift[:, None]


class EncoderObjective(nn.Module):
    """Smooth L1 on landmarks, box and units; cross entropy on the attributes that can be seen, and,
    with photographs, on what is likely in them and on which of both a picture is."""

    def __init__(self, config: EncoderTrainConfig) -> None:
        super().__init__()
        face, semantic = FaceEncoder(config.encoders), SemanticEncoder(config.encoders)
        if config.start is not None:
            started = load_reader(config.start)
            face.load_state_dict(grown_encoder(started.face, face))
            semantic = started.semantic
        elif config.encoders.semantic == "clip":
            raise ValueError("CLIP is not trained here: start from encoders that hold its weights")
        else:
            semantic.net = imagenet_network()
        self.reader = FaceReader(face, semantic)
        self.kept = [face.get_submodule(n) for n in OF_PHOTOGRAPHS if config.keeps_photographs]
        for part in self.kept:
            part.requires_grad_(False)
        self.tokenizer: ImageTokenizer | None = None
        if config.tokenizer is not None:
            self.tokenizer = load_tokenizer(config.tokenizer).requires_grad_(False)
        self.decoded_share, self.photo_share = config.decoded_share, config.photo_share

    def train(self, mode: bool = True) -> EncoderObjective:
        super().train(mode)
        for part in self.kept:
            part.eval()  # forgets nothing meanwhile
        return self

    def forward(self, batch: dict[str, Tensor], progress: float) -> tuple[Tensor, dict]:
        """batch: see `EncoderBatches`."""
        pixels = to_pixels(batch["pictures"])
        count = round(self.decoded_share * len(pixels))
        if self.tokenizer is not None and count:
            with torch.no_grad():  # before the framing: generated faces are framed as rendered
                latents = self.tokenizer.quantize(pixels[:count]).latents
                decoded = self.tokenizer.reconstruct(latents).float().clamp(-1, 1)
            pixels = torch.cat([decoded, pixels[count:]])
        zoom, shift = batch["zoom"], batch["shift"]
        output = self.reader(reframed(pixels, zoom, shift))
        targets = reframed_points(batch["points"], zoom, shift)  # (B, 70, 2)
        points = torch.cat([output.landmarks, output.box.unflatten(-1, (2, 2))], dim=1)
        geometry = F.smooth_l1_loss(points.float(), targets, beta=0.01)
        units = F.smooth_l1_loss(output.units.float(), batch["units"], beta=0.1)
        attributes = attribute_loss(output, batch["attributes"])
        loss = GEOMETRY_WEIGHT * geometry + UNIT_WEIGHT * units + attributes
        parts = {"geometry": geometry, "units": units, "attributes": attributes}
        if "photos" in batch:
            seen = self.reader(to_pixels(batch["photos"]))
            parts["render"] = told_apart(output.render, seen.render)
            loss = loss + parts["render"]
            parts["photos"] = likelihood_loss(
                seen.attribute_logits, batch["likely"], batch["rarity"]
            )
            loss = loss + self.photo_share * parts["photos"]
        return loss, parts


def told_apart(renders: Tensor, photographs: Tensor) -> Tensor:
    """Cross entropy of the logits (B,) and (P,) that pictures are renders, halved between both."""
    return (F.softplus(-renders.float()).mean() + F.softplus(photographs.float()).mean()) / 2


def attribute_loss(output: FaceOutput, targets: Tensor) -> Tensor:
    """Mean over attributes of the cross entropy on faces that show a value that is read.

    targets: (B, A) in the order of `ATTRIBUTES`, of which an encoder may read fewer.
    """
    table = value_table(output.attribute_logits)  # (B, A, V)
    counts = targets.new_tensor([part.shape[-1] for part in output.attribute_logits.values()])
    wanted = targets[:, [COLUMNS[name] for name in output.attribute_logits]]
    is_seen = (wanted != HIDDEN) & (wanted < counts)  # (B, A)
    labels = torch.where(is_seen, wanted, IGNORED_LABEL)
    nats = F.cross_entropy(
        table.transpose(1, 2), labels, ignore_index=IGNORED_LABEL, reduction="none"
    )
    faces = is_seen.sum(0)  # (A,)
    means = nats.sum(0) / faces.clamp(min=1)
    return means.sum() / (faces > 0).sum().clamp(min=1)


class EncoderBatches:
    """Shuffled faces, each with a random framing, half of them mirrored with all they are labelled.

    Of portraits, too, half are mirrored, and what is likely of them with them.
    """

    def __init__(
        self, config: EncoderTrainConfig, faces: FaceShards, portraits: Portraits | None = None
    ) -> None:
        self.config, self.faces, self.portraits = config, faces, portraits
        if portraits is not None:
            self.likely = allowed_table(portraits, config.encoders.attributes)
            self.rarity = rarity(self.likely, config.encoders.attributes)
            self.mirrored = mirrored_columns(config.encoders.attributes)

    def __call__(self, number: int, generator: torch.Generator) -> dict[str, Tensor]:
        """pictures (B, 3, S, S) uint8; points (B, 70, 2): landmarks, then the box's two corners;
        units (B, U); attributes (B, A); zoom (B,); shift (B, 2). With portraits: photos
        (P, 3, S, S) uint8, likely (P, all values) and rarity (P, A)."""
        config, size = self.config, self.config.loop.batch_size
        rows = shuffled_indices(len(self.faces), number * size, size, config.loop.seed)
        is_mirrored = torch.rand(size, generator=generator) < 0.5
        pictures, labels = mirrored(self.faces.pixels(rows), self.faces.labels(rows), is_mirrored)
        spread = config.largest_zoom - config.smallest_zoom
        zoom = config.smallest_zoom + spread * torch.rand(size, generator=generator)
        shift = config.largest_shift * (2 * torch.rand(size, 2, generator=generator) - 1)
        return {
            **self._photographs(number, generator),
            "pictures": pictures,
            "points": torch.cat([labels.landmarks, labels.box.unflatten(-1, (2, 2))], dim=1),
            "units": labels.units,
            "attributes": labels.attributes,
            "zoom": zoom,
            "shift": shift,
        }

    def _photographs(self, number: int, generator: torch.Generator) -> dict[str, Tensor]:
        count = round(self.config.photo_share * self.config.loop.batch_size)
        if self.portraits is None or not count:
            return {}
        rows = shuffled_indices(len(self.portraits), number * count, count, self.config.loop.seed)
        pictures = self.portraits.pictures[rows]
        cut = random_crops(pictures, pictures.shape[-1], SMALLEST_PHOTO_CROP, generator)
        # Few pictures for so many steps: exposure and white balance vary, within what is natural.
        gain = 1 + PHOTO_GAIN * (2 * torch.rand(count, 1, 1, 1, generator=generator) - 1)
        cast = 1 + PHOTO_CAST * (2 * torch.rand(count, 3, 1, 1, generator=generator) - 1)
        photos = (cut * gain * cast).round().clamp(0, 255).to(torch.uint8)
        is_mirrored = torch.rand(count, generator=generator) < 0.5
        photos[is_mirrored] = photos[is_mirrored].flip(-1)
        known = self.likely[rows]
        known[is_mirrored] = known[is_mirrored][:, self.mirrored]
        return {"photos": photos, "likely": known, "rarity": self.rarity[rows]}


@torch.inference_mode()
def photo_agreement(reader: FaceReader, portraits: Portraits) -> dict[str, float]:
    """Attribute to the share of portraits in which a likely value is read, where any is known."""
    device = next(reader.parameters()).device
    logits = [
        reader(to_pixels(part.to(device))).attribute_logits for part in portraits.pictures.split(64)
    ]
    values, shares = dict(reader.face.vocabulary), {}
    for name in values:
        said = torch.cat([part[name] for part in logits]).argmax(-1).tolist()
        right = [
            values[name][index] in allowed[name]
            for index, allowed in zip(said, portraits.allowed, strict=True)
            if name in allowed
        ]
        if right:
            shares[name] = sum(right) / len(right)
    return shares


@torch.inference_mode()
def evaluate(reader: FaceReader, faces: FaceShards) -> dict:
    """On held-out faces: mean landmark error in picture widths, mean unit error, and accuracy per
    attribute beside that of always giving the commonest value."""
    device = next(reader.parameters()).device
    landmark_errors, unit_errors, predicted, truths = [], [], [], []
    for rows in torch.arange(len(faces)).split(64):
        output = reader(to_pixels(faces.pixels(rows).to(device)))
        labels = faces.labels(rows)
        distance = (output.landmarks.cpu() - labels.landmarks).norm(dim=-1)
        landmark_errors.append(distance.mean(-1))
        unit_errors.append((output.units.cpu() - labels.units).abs().mean(-1))
        best = [logits.argmax(-1).cpu() for logits in output.attribute_logits.values()]
        predicted.append(torch.stack(best, dim=1))
        truths.append(labels.attributes)
    prediction, truth = torch.cat(predicted), torch.cat(truths)
    accuracy = {}
    for place, name in enumerate(reader.face.values):
        of_name = truth[:, COLUMNS[name]]
        seen = of_name[of_name != HIDDEN]
        if len(seen):
            right = prediction[of_name != HIDDEN, place] == seen
            accuracy[name] = {
                "accuracy": float(right.float().mean()),
                "commonest": float(seen.bincount().max() / len(seen)),
                "faces": len(seen),
            }
    return {
        "faces": len(faces),
        "landmark_error": float(torch.cat(landmark_errors).mean()),
        "unit_error": float(torch.cat(unit_errors).mean()),
        "mean_accuracy": sum(a["accuracy"] for a in accuracy.values()) / max(len(accuracy), 1),
        "attributes": accuracy,
    }


def train(config: EncoderTrainConfig) -> TrainResult:
    """Train, evaluate, and write `out/encoder` with the averaged weights."""
    out, cache = config.loop.out, config.loop.out / "cache"
    size = config.image_size
    faces = FaceShards(config.faces, cache=cache, size=size, is_held_out=False)
    if not len(faces):
        raise ValueError(f"no train-*.parquet in {config.faces}; render faces first")
    held_out = FaceShards(config.faces, cache=cache, size=size, is_held_out=True)
    if not len(held_out):
        raise ValueError(f"no face in {config.faces} has a seed that {HOLD_OUT_EVERY} divides")
    portraits = unseen = None
    if config.photos is not None:
        by_eye = None if config.photo_labels is None else read_by_eye(config.photo_labels)
        portraits = read_portraits(config.photos, is_held_out=False, size=size, by_eye=by_eye)
        unseen = read_portraits(config.photos, is_held_out=True, size=size)
    torch.manual_seed(config.loop.seed)  # the initial weights: torch's layers take no generator
    objective = EncoderObjective(config).to(memory_format=torch.channels_last)

    def on_sample(step: int) -> None:
        report = {"step": step, **evaluate(objective.reader, held_out)}
        if unseen is not None:
            report["photographs"] = photo_agreement(objective.reader, unseen)
        (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
        save_encoders(
            objective.reader.face, config.encoders, out / "encoder", objective.reader.semantic
        )

    return run(
        config.loop, objective, EncoderBatches(config, faces, portraits), on_sample=on_sample
    )


def save_encoders(
    face: FaceEncoder,
    config: EncoderConfig,
    folder: Path,
    semantic: SemanticEncoder,
) -> None:
    """face.safetensors, semantic.safetensors and config.json, as `assemble` reads them."""
    with written_whole(folder) as fresh:
        (fresh / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")
        save_file(_on_cpu(face), fresh / "face.safetensors")
        save_file(_on_cpu(semantic), fresh / "semantic.safetensors")


def _on_cpu(module: nn.Module) -> dict[str, Tensor]:
    return {name: t.detach().cpu().contiguous() for name, t in module.state_dict().items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--faces", type=Path, required=True, help="folder of rendered shards")
    parser.add_argument("--tokenizer", type=Path, help="folder of a trained image tokenizer")
    parser.add_argument("--start", type=Path, help="folder of trained encoders to go on from")
    parser.add_argument("--photos", type=Path, help="folder of weakly labelled portraits")
    parser.add_argument("--photo-labels", type=Path, help="what a look at the portraits tells")
    parser.add_argument("--out", type=Path, required=True, help="run folder; resumed if it exists")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="nano")
    parser.add_argument("--seconds", type=float, help="wall-clock budget over all resumptions")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=64, help="per process")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument(
        "--photo-share", type=float, default=0.4, help="photographs beside a batch, as its share"
    )
    parser.add_argument(
        "--keep-photographs",
        action="store_true",
        help="what reads photographs stays as it is in --start, and none are needed",
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument("--seed", type=int, default=0)


def main(arguments: argparse.Namespace) -> None:
    loop = TrainConfig(
        out=arguments.out,
        steps=arguments.steps,
        seconds=arguments.seconds,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        weight_decay=0.05,
        workers=arguments.workers,
        seed=arguments.seed,
    )
    preset = PRESETS[arguments.preset]()
    config = EncoderTrainConfig(
        loop=loop,
        encoders=preset.encoders,
        image_size=preset.image_size,
        faces=arguments.faces,
        tokenizer=arguments.tokenizer,
        start=arguments.start,
        photos=arguments.photos,
        photo_labels=arguments.photo_labels,
        photo_share=arguments.photo_share,
        keeps_photographs=arguments.keep_photographs,
    )
    result = train(config)
    print(f"{result.steps} steps in {result.seconds:.0f} s, stopped by {result.stopped_by}")
