"""Training the judge on renders within a time budget, and its score on renders it never saw.

Interrupted training goes on where it was last saved. Sides are labels here (light, gaze, turn),
so no picture is mirrored.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from unif2ace.attributes import ATTRIBUTES
from unif2ace.evaluate.faces import LabelledFaces, to_tensor
from unif2ace.evaluate.judge import (
    JUDGE_SIZE,
    JUDGE_VERSION,
    VOCABULARY,
    Judge,
    JudgeNetwork,
    split_logits,
)
from unif2ace.evaluate.metrics import balanced_accuracy, majority_share, rate
from unif2ace.evaluate.negatives import NEGATIVES

UNSEEN = -100  # label of an attribute that cannot be seen: cross entropy passes it over
FACE_WEIGHT = 2.0  # of the face signal beside the mean over 33 attributes
SAVE_EVERY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class JudgeTraining:
    """How long and how to train. The learning rate falls to zero over `max_seconds`."""

    max_seconds: float = 480.0
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_seconds <= 0 or self.batch_size < 2 or self.learning_rate <= 0:
            raise ValueError(f"budget, batch (2 or more) and rate must be positive: {self}")


def label_table(faces: LabelledFaces) -> Tensor:
    """(n, number of attributes) value indices, UNSEEN where nothing can be seen."""
    rows = [
        [
            attribute.values.index(faces.attributes[i][name])
            if name in faces.visible[i]
            else UNSEEN
            for name, attribute in ATTRIBUTES.items()
        ]
        for i in range(len(faces))
    ]
    return torch.tensor(rows)


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Small moves and zooms, blur as an image tokenizer leaves it, noise, brightness. Same shape.

    Sides and colours are labels, so nothing is mirrored and no hue is shifted.
    """
    count = len(pixels)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand((count, *shape), generator=generator)

    zoom, shift = draw(0.9, 1.08), draw(-0.08, 0.08, 2)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    pixels = F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    size = int(torch.randint(40, 112, (), generator=generator))
    soft = F.interpolate(pixels, (size, size), mode="area")
    soft = F.interpolate(soft, pixels.shape[-2:], mode="bilinear")
    pixels = torch.lerp(pixels, soft, (draw(0, 1, 1, 1, 1) < 0.5).float())
    noise = torch.randn(pixels.shape, generator=generator) * draw(0, 0.06, 1, 1, 1)
    return pixels * draw(0.9, 1.1, 1, 1, 1) + draw(-0.06, 0.06, 1, 1, 1) + noise


def spoil(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """One kind of negative, drawn evenly, from each picture."""
    kinds = list(NEGATIVES.values())
    return kinds[int(torch.randint(len(kinds), (), generator=generator))](pixels, generator)


def judge_loss(logits: Tensor, face: Tensor, labels: Tensor, is_face: Tensor) -> Tensor:
    """Mean cross entropy over attributes, plus the face signal's.

    Args:
        logits: (P, NUM_LOGITS) of the P real faces; labels: (P, A) with UNSEEN.
        face: (B,) face logits of all pictures; is_face: (B,) in 0..1.
    """
    by_attribute = [
        F.cross_entropy(part, labels[:, i], ignore_index=UNSEEN, label_smoothing=0.05)
        for i, part in enumerate(split_logits(logits).values())
        if (labels[:, i] != UNSEEN).any()
    ]
    signal = F.binary_cross_entropy_with_logits(face, is_face)
    return torch.stack(by_attribute).mean() + FACE_WEIGHT * signal


@dataclass
class _Run:
    """What a resumed training needs. `seconds` counts training time over all attempts."""

    network: JudgeNetwork
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.step, self.seconds = state["step"], state["seconds"]


def _start(config: JudgeTraining) -> _Run:
    with torch.random.fork_rng(devices=[]):  # the layers' own initialisation has no generator
        torch.manual_seed(config.seed)
        network = JudgeNetwork().to(memory_format=torch.channels_last).train()
    matrices = [p for p in network.parameters() if p.ndim >= 2]
    vectors = [p for p in network.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors}],
        lr=config.learning_rate,
        weight_decay=0.0,
    )
    return _Run(network, optimizer, torch.Generator().manual_seed(config.seed))


def learning_rate_at(progress: float, peak: float) -> float:
    """Linear rise over the first 3 % of the budget, then half a cosine to zero."""
    rise = min(1.0, progress / 0.03)
    return peak * rise * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def _step(run: _Run, pictures: Tensor, labels: Tensor) -> float:
    pixels = augment(pictures, run.generator)
    spoilt = spoil(pictures[: max(2, len(pictures) // 4)], run.generator)
    is_face = torch.cat([torch.ones(len(pixels)), torch.zeros(len(spoilt))])
    batch = torch.cat([pixels, augment(spoilt, run.generator)])
    batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits, face = run.network(batch)
    loss = judge_loss(logits[: len(pixels)].float(), face.float(), labels, is_face)
    run.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    return loss.item()


def train_judge(faces: LabelledFaces, config: JudgeTraining, out: Path) -> Judge:
    """Train within the budget and write judge.safetensors and judge.json into `out`.

    Raises ValueError for faces of another size than JUDGE_SIZE, or fewer than a batch.
    """
    if len(faces) < config.batch_size or faces.pictures.shape[1] != JUDGE_SIZE:
        raise ValueError(
            f"need {config.batch_size} or more faces of {JUDGE_SIZE} px, got {len(faces)} of "
            f"{faces.pictures.shape[1]} px"
        )
    out.mkdir(parents=True, exist_ok=True)
    labels, run = label_table(faces), _start(config)
    if (out / "training.pt").is_file():
        run.load(out / "training.pt")
    saved = run.seconds
    with tqdm(total=config.max_seconds, initial=run.seconds, unit="s", desc="judge") as bar:
        while run.seconds < config.max_seconds:
            started = time.monotonic()
            chosen = torch.randint(len(faces), (config.batch_size,), generator=run.generator)
            rate_now = learning_rate_at(run.seconds / config.max_seconds, config.learning_rate)
            for group in run.optimizer.param_groups:
                group["lr"] = rate_now
            loss = _step(run, to_tensor(faces.pictures[chosen.numpy()]), labels[chosen])
            run.seconds += (spent := time.monotonic() - started)
            bar.update(round(spent, 3))
            bar.set_postfix(step=run.step, loss=f"{loss:.3f}")
            if run.seconds - saved > SAVE_EVERY_SECONDS:
                run.save(out / "training.pt")
                saved = run.seconds
    run.save(out / "training.pt")
    state = {name: value.contiguous() for name, value in run.network.state_dict().items()}
    save_file(state, out / "judge.safetensors")
    description = {
        "version": JUDGE_VERSION,
        "vocabulary": VOCABULARY,
        "num_train_faces": len(faces),
        "train_seeds": [min(faces.seeds), max(faces.seeds)],
        "steps": run.step,
        "train_seconds": round(run.seconds, 1),
    }
    (out / "judge.json").write_text(json.dumps(description, indent=1))
    return Judge(run.network)


def score_judge(judge: Judge, faces: LabelledFaces, seed: int = 0) -> dict[str, Any]:
    """The judge's own accuracy on labelled faces: per attribute, overall, and its face signal."""
    pixels, labels = to_tensor(faces.pictures), label_table(faces)
    logits, face = judge.logits(pixels)
    attributes: dict[str, Any] = {}
    outcomes: list[bool] = []
    for i, (name, part) in enumerate(split_logits(logits).items()):
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
    return {
        "num_faces": len(faces),
        "all": rate(outcomes).to_json(),
        "attributes": attributes,
        "faces_accepted": rate((face > 0).tolist()).to_json(),
        "negatives_refused": _refusals(judge, pixels, seed),
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


def overlap(judge_seeds: Sequence[int], other_seeds: Sequence[int]) -> int:
    """How many faces two sets share; a judge must be scored where this is 0."""
    return len(np.intersect1d(judge_seeds, other_seeds))
