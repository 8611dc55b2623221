"""How well the model reads photographs it has never seen: yes or no, beside labels made by eye.

Labels are lines of JSON: `file`, and where they can be told `gender`, `age`, `hair_color` as in
`attributes`, and true or false for `glasses`, `smile`, `facial_hair` and `headwear`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from unif2ace.evaluate.metrics import rate
from unif2ace.images import crop_face, read_upload
from unif2ace.parsing import parse_yes_no
from unif2ace.pipeline import UniF2acePipeline

Label = Mapping[str, Any]

QUESTIONS: Mapping[str, tuple[str, Callable[[Label], bool | None]]] = {
    "glasses": ("Is this person wearing glasses?", lambda label: label.get("glasses")),
    "smile": ("Is this person smiling?", lambda label: label.get("smile")),
    "facial hair": ("Does this person have facial hair?", lambda label: label.get("facial_hair")),
    "headwear": ("Is this person wearing a hat?", lambda label: label.get("headwear")),
    "woman": ("Is this a woman?", lambda label: _is(label, "gender", "woman")),
    "man": ("Is this a man?", lambda label: _is(label, "gender", "man")),
    "young": ("Is this person young?", lambda label: _is(label, "age", "young")),
    "old": ("Is this person old?", lambda label: _is(label, "age", "old")),
    **{
        f"{color} hair": (
            f"Is the hair {color}?",
            lambda label, color=color: _is(label, "hair_color", color),
        )
        for color in ("black", "brown", "blond", "grey")
    },
}
"""What is asked: name to the question and to what a label answers, None where it cannot tell."""


def _is(label: Label, name: str, value: str) -> bool | None:
    return None if name not in label else label[name] == value


def read_labels(path: Path) -> list[Label]:
    """Raises ValueError, with the line's number, for what is no labels file."""
    labels: list[Label] = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            label = json.loads(line)
            if not isinstance(label, dict) or not isinstance(label.get("file"), str):
                raise ValueError(f"line {number} names no file")
            labels.append(label)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} labels no photographs: {error}") from error
    if not labels:
        raise ValueError(f"{path} labels no photographs: it is empty")
    return labels


def ask_photographs(
    pipe: UniF2acePipeline, folder: Path, labels: Sequence[Label]
) -> dict[str, Any]:
    """Every question about every photograph whose label can answer it, as a visitor would ask.

    balanced: mean of the shares right among those where yes and those where no is so. A face that
    is not found counts as wrong in all of its questions. Raises ValueError for a missing file, or
    labels that answer no question both ways.
    """
    outcomes: dict[str, dict[bool, list[bool]]] = {
        name: {True: [], False: []} for name in QUESTIONS
    }
    num_found = 0
    for label in tqdm(labels, desc="photographs", unit="picture"):
        face = _face(folder / label["file"], pipe.image_size)
        num_found += face is not None
        for name, (question, truth_of) in QUESTIONS.items():
            if (truth := truth_of(label)) is not None:
                said = None if face is None else parse_yes_no(pipe.answer(face, question).text)
                outcomes[name][truth].append(said is not None and said == truth)
    rows = {name: _row(found) for name, found in outcomes.items() if all(found.values())}
    if not rows:
        raise ValueError("no question has both a yes and a no among the labels: label more")
    return {
        "checkpoint": pipe.checkpoint,
        "num_photographs": len(labels),
        "faces_found": rate([True] * num_found + [False] * (len(labels) - num_found)).to_json(),
        "mean_balanced": round(sum(row["balanced"] for row in rows.values()) / len(rows), 4),
        "questions": rows,
    }


def _row(found: Mapping[bool, Sequence[bool]]) -> dict[str, Any]:
    yes, no = rate(found[True]), rate(found[False])
    balanced = (yes.hits / yes.total + no.hits / no.total) / 2
    return {"balanced": round(balanced, 4), "yes": yes.to_json(), "no": no.to_json()}


def _face(path: Path, size: int) -> Image.Image | None:
    try:
        return crop_face(read_upload(path), size).image
    except ValueError as error:
        if not path.is_file():
            raise ValueError(f"{path} is missing ({error})") from error
        return None  # no face was found in it
