"""Training the judge on renders and their mirror images, and its score on renders it never saw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from unif2ace.attributes import VOCABULARY, Vocabulary
from unif2ace.encoders import side_by_side, value_places
from unif2ace.evaluate.faces import LabelledFaces, pictures_to_pixels, to_tensor
from unif2ace.evaluate.judge import (
    JUDGE_SIZE,
    JUDGE_VERSION,
    Judge,
    JudgeNetwork,
)
from unif2ace.evaluate.metrics import balanced_accuracy, majority_share, rate
from unif2ace.evaluate.negatives import NEGATIVES
from unif2ace.evaluate.patchwork import Rebuilt
from unif2ace.train.loop import TrainConfig, run
from unif2ace.train.mirror import twin_points, twin_values

UNSEEN = -100  # label of an attribute that cannot be seen: cross entropy passes it over
SMOOTHING = 0.05  # of labels
FACE_WEIGHT = 0.5  # of the face signal beside the mean over all attributes
LANDMARK_WEIGHT = 10.0  # of the mean distance, a share of the side


def labelled(faces: LabelledFaces) -> Vocabulary:
    """The attributes that any of `faces` is labelled with: older renders lack the later ones."""
    seen = frozenset().union(*faces.visible)
    return tuple((name, values) for name, values in VOCABULARY if name in seen)


def label_table(faces: LabelledFaces, vocabulary: Mapping[str, Sequence[str]]) -> Tensor:
    """(n, number of attributes) value indices, UNSEEN where nothing that is known can be seen."""
    rows = [
        [
            values.index(faces.attributes[i][name])
            if name in faces.visible[i] and faces.attributes[i][name] in values
            else UNSEEN
            for name, values in vocabulary.items()
        ]
        for i in range(len(faces))
    ]
    return torch.tensor(rows)


def augment(pixels: Tensor, landmarks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Small moves and zooms, blur as an image tokenizer leaves it, noise, brightness. Same shapes.

    Colours are labels, so no hue is shifted. Moves stay within 4 px: painted faces are framed as
    renders are, and more of it slowed learning a lot.
    """
    count, device = len(pixels), generator.device

    def draw(low: float, high: float, *shape: int) -> Tensor:
        shares = torch.rand((count, *shape), generator=generator, device=device)
        return low + (high - low) * shares

    zoom, shift = draw(0.95, 1.05), draw(-0.03, 0.03, 2)  # of what is looked at
    theta = torch.zeros(count, 2, 3, device=device)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    pixels = F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    side = pixels.shape[-1]
    coarsest, finest = 7 * side // 16, 7 * side // 8
    size = int(torch.randint(coarsest, finest, (), generator=generator, device=device))
    soft = F.interpolate(pixels, (size, size), mode="area")
    soft = F.interpolate(soft, pixels.shape[-2:], mode="bilinear")
    pixels = torch.lerp(pixels, soft, (draw(0, 1, 1, 1, 1) < 0.3).float())
    noise = torch.randn(pixels.shape, generator=generator, device=device)
    noise = noise * draw(0, 0.04, 1, 1, 1)
    pixels = pixels * draw(0.9, 1.1, 1, 1, 1) + draw(-0.06, 0.06, 1, 1, 1) + noise
    moved = (2 * landmarks - 1 - shift[:, None]) / zoom[:, None, None]
    return pixels, (moved + 1) / 2


def spoil(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture spoilt; every kind of negative has an equal part of the pictures."""
    parts = pixels.tensor_split(len(NEGATIVES))
    return torch.cat(
        [kind(p, generator) for kind, p in zip(NEGATIVES.values(), parts, strict=True)]
    )


def attribute_loss(network: JudgeNetwork, logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over attributes of the cross entropy, of all value logits (P, V), labels (P, A).

    Labels are smoothed over the values of their attribute.
    """
    counts = tuple(len(values) for values in network.vocabulary.values())
    is_value = value_places(counts, logits.device) < sum(counts)  # (A, most values)
    nats = -side_by_side(logits, counts).log_softmax(-1) * is_value  # (P, A, most values)
    is_seen = labels != UNSEEN
    told = nats.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    smoothed = torch.lerp(told, nats.sum(-1) / is_value.sum(-1), SMOOTHING) * is_seen
    pictures = is_seen.sum(0)  # (A,)
    return (smoothed.sum(0) / pictures.clamp(min=1)).sum() / (pictures > 0).sum().clamp(min=1)


def judge_config(
    out: Path,
    steps: int,
    seed: int,
    seconds: float | None = None,
    workers: int = 0,
    batch_size: int = 64,
) -> TrainConfig:
    """The recipe; an interrupted run in `out` goes on."""
    return TrainConfig(
        out=out,
        steps=steps,
        seconds=seconds,
        workers=workers,
        batch_size=batch_size,
        learning_rate=1.5e-3,
        warmup_steps=30,
        weight_decay=0.05,
        ema_decay=0.98,  # short: batch-norm statistics are those of the last steps
        seed=seed,
        checkpoint_every_seconds=60.0,
    )


class JudgeObjective(nn.Module):
    """The judge's loss as `train.loop.run` wants it."""

    def __init__(self, network: JudgeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, Any], progress: float) -> tuple[Tensor, dict]:
        """batch: as `judge_batch` gives it; pictures are moved and spoilt here, on the device."""
        batch = turned(batch, tuple(self.network.vocabulary.items()))
        labels = batch["labels"]
        # places to half a pixel, which bfloat16 has not
        with torch.autocast(labels.device.type, enabled=False):
            seen = shown(batch)
        sight = self.network(seen["pixels"].contiguous(memory_format=torch.channels_last))
        values = attribute_loss(self.network, sight.values[: len(labels)].float(), labels)
        signal = F.binary_cross_entropy_with_logits(sight.face.float(), seen["is_face"])
        off = (sight.landmarks[: len(labels)].float() - seen["landmarks"]).abs().mean()
        parts = {"values": values.detach(), "face": signal.detach(), "landmarks": off.detach()}
        return values + FACE_WEIGHT * signal + LANDMARK_WEIGHT * off, parts


def judge_batch(
    faces: LabelledFaces,
    labels: Tensor,
    chosen: Tensor,
    generator: torch.Generator,
    rebuilt: Rebuilt | None = None,
) -> dict[str, Any]:
    """The chosen faces, a quarter as many that are to be spoilt, and the seed for both.

    pictures (P, S, S, 3) uint8 with labels (P, A) and landmarks (P, 68, 2); to_spoil and patched
    (n, S, S, 3); seed. With `rebuilt`, of the first faces of the set: a quarter of the chosen
    comes as rebuilt whole, and as many patched ones are no faces; else none is patched.
    """
    pictures = torch.from_numpy(faces.pictures[chosen.numpy()])
    # All kinds in every batch: batch norm would follow a single kind to and fro.
    to_spoil = pictures[: max(2 * len(NEGATIVES), len(pictures) // 4)]
    patched = pictures[:0]
    if rebuilt is not None:
        count = len(chosen) // 4
        rows = torch.randint(len(rebuilt), (2, count), generator=generator).numpy()
        chosen = torch.cat([torch.from_numpy(rows[0]), chosen[count:]])
        pictures = torch.cat([torch.from_numpy(rebuilt.whole[rows[0]]), pictures[count:]])
        patched = torch.from_numpy(rebuilt.patched[rows[1]])
    return {
        "pictures": pictures,
        "to_spoil": to_spoil,
        "patched": patched,
        "labels": labels[chosen],
        "landmarks": torch.from_numpy(faces.landmarks)[chosen],
        "seed": int(torch.randint(2**62, (), generator=generator)),
    }


def turned(batch: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """A `judge_batch` with half of its faces turned left for right, and their labels with them."""
    labels, landmarks = batch["labels"], batch["landmarks"]
    generator = torch.Generator(labels.device).manual_seed(batch["seed"] + 1)
    draws = torch.rand(len(labels), generator=generator, device=labels.device)
    is_turned = (draws < 0.5)[:, None]  # (P, 1)
    twins = torch.where(labels == UNSEEN, UNSEEN, twin_values(labels.clamp(min=0), vocabulary))
    pictures, apart = batch["pictures"], is_turned[..., None]
    return {
        **batch,
        "pictures": torch.where(apart[..., None], pictures.flip(2), pictures),
        "labels": torch.where(is_turned, twins, labels),
        "landmarks": torch.where(apart, twin_points(landmarks), landmarks),
    }


def shown(batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """What the judge is shown of a `judge_batch`, on the batch's device, faces first.

    pixels (B, 3, S, S), is_face (B,), and landmarks (P, 68, 2) of the faces.
    """
    landmarks = batch["landmarks"]
    generator = torch.Generator(landmarks.device).manual_seed(batch["seed"])
    pixels, to_spoil, patched = (
        pictures_to_pixels(batch[name]) for name in ("pictures", "to_spoil", "patched")
    )
    negatives = torch.cat([spoil(to_spoil, generator), patched])
    nowhere = landmarks.new_full((len(negatives), *landmarks.shape[1:]), 0.5)
    pixels, landmarks = augment(pixels, landmarks, generator)
    negatives, _ = augment(negatives, nowhere, generator)
    is_face = torch.cat([landmarks.new_ones(len(pixels)), landmarks.new_zeros(len(negatives))])
    return {
        "pixels": torch.cat([pixels, negatives]),
        "landmarks": landmarks,
        "is_face": is_face,
    }


def train_judge(faces: LabelledFaces, config: TrainConfig, rebuilt: Rebuilt | None = None) -> Judge:
    """Train and write judge.safetensors and config.json into `config.out`.

    The weights are written, and judge from then on, as the nearest float16: half as large a file.

    rebuilt: the first of `faces` through an image tokenizer, see `judge_batch`.
    Raises ValueError for faces of another size than JUDGE_SIZE, or fewer than a batch, and
    when interrupted.
    """
    if config.batch_size < 2 * len(NEGATIVES):
        raise ValueError(f"batch_size must be {2 * len(NEGATIVES)} or more: {config.batch_size}")
    if len(faces) < config.batch_size or faces.pictures.shape[1] != JUDGE_SIZE:
        raise ValueError(
            f"need {config.batch_size} or more faces of {JUDGE_SIZE} px, got {len(faces)} of "
            f"{faces.pictures.shape[1]} px"
        )
    with torch.random.fork_rng(devices=[]):  # layers initialise from the global generator
        torch.manual_seed(config.seed)
        network = JudgeNetwork(labelled(faces))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    labels = label_table(faces, network.vocabulary)

    def batch(step: int, generator: torch.Generator) -> dict[str, Any]:
        chosen = torch.randint(len(faces), (config.batch_size,), generator=generator)
        return judge_batch(faces, labels, chosen, generator, rebuilt)

    result = run(config, JudgeObjective(network), batch)
    if not result.is_finished:
        raise ValueError("the judge's training was interrupted: the same command goes on with it")
    network = network.cpu().half()
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, config.out / "judge.safetensors")
    description = {
        "version": JUDGE_VERSION,
        "vocabulary": network.vocabulary,
        "num_train_faces": len(faces),
        "steps": result.steps,
        "train_seconds": round(result.seconds, 1),
    }
    (config.out / "config.json").write_text(json.dumps(description, indent=1))
    return Judge(network.float())


def score_judge(
    judge: Judge, faces: LabelledFaces, seed: int = 0, rebuilt: Rebuilt | None = None
) -> dict[str, Any]:
    """The judge's own accuracy on labelled faces: per attribute, overall, and its face signal.

    With `rebuilt`, of the same faces: how many it accepts when whole and refuses when patched.
    """
    network, pixels = judge.network, to_tensor(faces.pictures)
    labels = label_table(faces, network.vocabulary)
    logits, face = judge.logits(pixels)
    attributes: dict[str, Any] = {}
    outcomes: list[bool] = []
    for i, (name, part) in enumerate(network.split_logits(logits).items()):
        seen = labels[:, i] != UNSEEN
        truth, said = labels[seen, i].tolist(), part.argmax(1)[seen].tolist()
        if not truth:
            continue
        right = [t == s for t, s in zip(truth, said, strict=True)]
        outcomes += right
        attributes[name] = rate(right).to_json() | {
            "balanced": round(balanced_accuracy(truth, said), 4),
            "majority": round(majority_share(truth), 4),
        }
    negatives = _refusals(judge, pixels, seed)
    through: dict[str, Any] = {}
    if rebuilt is not None:
        _, whole = judge.logits(to_tensor(rebuilt.whole))
        _, patched = judge.logits(to_tensor(rebuilt.patched))
        through = {"rebuilt_accepted": rate((whole > 0).tolist()).to_json()}
        negatives |= {"patched": rate((patched <= 0).tolist()).to_json()}
    return {
        "num_faces": len(faces),
        "all": rate(outcomes).to_json(),
        "attributes": attributes,
        "faces_accepted": rate((face > 0).tolist()).to_json(),
        "negatives_refused": negatives,
        **through,
    }


def _refusals(judge: Judge, pixels: Tensor, seed: int) -> dict[str, Any]:
    """Per kind of negative, how many are seen to be none: batches of 16 differ in strength."""
    generator = torch.Generator().manual_seed(seed)
    table = {}
    for kind, spoiled in NEGATIVES.items():
        batches = [b for b in pixels[:512].split(16) if len(b) > 1]
        spoilt = torch.cat([spoiled(batch, generator) for batch in batches])
        table[kind] = rate((judge.logits(spoilt)[1] <= 0).tolist()).to_json()
    return table
