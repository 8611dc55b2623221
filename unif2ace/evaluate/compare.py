"""What a cheaper form of the weights costs: the same seeds and questions, form against form."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from unif2ace.checkpoint import is_prequantized
from unif2ace.config import UniF2aceConfig
from unif2ace.evaluate.faces import LabelledFaces
from unif2ace.evaluate.metrics import rate
from unif2ace.evaluate.understanding import read_tables
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.quantize import compute_in, held_copy_bytes, nf4_modules, weight_report
from unif2ace.wording import NOT_VISIBLE, canonical_question

PROMPTS = ("a smiling woman with red hair", "an old man with a grey beard", "a young man in a hat")
MEBI = 2**20


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What one form did: right or not and what it said of each attribute, words, codes, bytes.

    weight_bytes: of the weights in memory. copy_bytes: of plain copies beside NF4 ones, for speed.
    file_bytes: on disk.
    """

    is_right: tuple[bool, ...]
    read: tuple[str | None, ...]
    answers: tuple[str, ...]
    codes: np.ndarray  # (prompts, N)
    weight_bytes: int
    copy_bytes: int
    file_bytes: int


def forms(checkpoint: Path) -> dict[str, Callable[[], UniF2acePipeline]]:
    """Ways to load a full-precision checkpoint, the exact one first.

    Raises ValueError for one that is NF4 already: its exact form is lost, all would be alike.
    """
    if is_prequantized(UniF2aceConfig.from_pretrained(checkpoint)):
        raise ValueError(f"{checkpoint} is NF4: compare the full weights it was exported from")

    def load(quantization: str | None, dtype: torch.dtype | None) -> UniF2acePipeline:
        return UniF2acePipeline.from_pretrained(checkpoint, quantization=quantization, dtype=dtype)

    return {
        "float32": lambda: load(None, torch.float32),
        "bfloat16": lambda: load(None, torch.bfloat16),
        "nf4": lambda: load("nf4", None),
    }


def behaviour(pipe: UniF2acePipeline, faces: LabelledFaces, *, seed: int) -> Behaviour:
    """Read every face, ask one question about each, and paint `PROMPTS`."""
    readings = read_tables(pipe, faces)
    names = list(pipe.config.attributes)
    questions = [canonical_question(names[(seed + i) % len(names)]) for i in range(len(faces))]
    painted = [pipe.generate(prompt, seed=seed)[0].codes for prompt in PROMPTS]
    return Behaviour(
        is_right=tuple(r.is_right for r in readings if r.truth != NOT_VISIBLE),
        read=tuple(r.said for r in readings),
        answers=tuple(pipe.answer(faces.image(i), q).text for i, q in enumerate(questions)),
        codes=np.array(painted),
        weight_bytes=sum(row.num_bytes for row in weight_report(pipe.model)),
        copy_bytes=held_copy_bytes(pipe.model),
        file_bytes=file_bytes(pipe.model),
    )


def file_bytes(model: UniF2aceForConditionalGeneration) -> int:
    """Of the model on disk; beside NF4, what is not NF4 is half as wide there as in memory."""
    if nf4_modules(model):
        compute_in(model, torch.bfloat16)
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return sum(path.stat().st_size for path in Path(folder).glob("*.safetensors"))


def compared(behaviours: Mapping[str, Behaviour]) -> dict[str, Any]:
    """Each form's accuracy on what can be seen, and how often it does as the first form does."""
    exact = next(iter(behaviours.values()))
    accuracy = {name: rate(b.is_right) for name, b in behaviours.items()}
    first = next(iter(accuracy.values())).share
    return {
        name: {
            "accuracy": accuracy[name].to_json(),
            "accuracy_lost": None
            if first is None
            else round(first - (accuracy[name].share or 0.0), 4),
            "same_attributes": same(exact.read, b.read),
            "same_answers": same(exact.answers, b.answers),
            "same_codes": round(float((exact.codes == b.codes).mean()), 4),
            "weight_mib": round(b.weight_bytes / MEBI, 1),
            "copy_mib": round(b.copy_bytes / MEBI, 1),
            "file_mib": round(b.file_bytes / MEBI, 1),
        }
        for name, b in behaviours.items()
    }


def same(one: Sequence[Any], other: Sequence[Any]) -> dict[str, Any]:
    return rate([a == b for a, b in zip(one, other, strict=True)]).to_json()


def compare(
    ways: Mapping[str, Callable[[], UniF2acePipeline]], faces: LabelledFaces, *, seed: int
) -> dict[str, Any]:
    """Load each form in turn, watch it, and drop it again."""
    behaviours = {}
    for name, load in ways.items():
        behaviours[name] = behaviour(load(), faces, seed=seed)
        gc.collect()
    return {"num_faces": len(faces), "forms": compared(behaviours)}
