"""How well the model reads photographs it has never seen, beside labels made by eye: its answers
to yes or no, and what its tables of attributes say of the same.

Labels are lines of JSON: `file`, and where they can be told `gender`, `age`, `hair_color` as in
`attributes`, and true or false for `glasses`, `smile`, `facial_hair` and `headwear`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from unif2ace.attributes import ATTRIBUTES
from unif2ace.evaluate.metrics import rate
from unif2ace.images import crop_face, read_upload
from unif2ace.parsing import parse_yes_no
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.wording import NOT_VISIBLE

Label = Mapping[str, Any]

QUESTIONS: Mapping[str, tuple[str, str, object]] = {
    "glasses": ("Is this person wearing glasses?", "glasses", True),
    "smile": ("Is this person smiling?", "smile", True),
    "facial hair": ("Does this person have facial hair?", "facial_hair", True),
    "headwear": ("Is this person wearing a hat?", "headwear", True),
    "woman": ("Is this a woman?", "gender", "woman"),
    "man": ("Is this a man?", "gender", "man"),
    "young": ("Is this person young?", "age", "young"),
    "old": ("Is this person old?", "age", "old"),
    "black hair": ("Is the hair black?", "hair_color", "black"),
    "brown hair": ("Is the hair brown?", "hair_color", "brown"),
    "blond hair": ("Is the hair blond?", "hair_color", "blond"),
    "grey hair": ("Is the hair grey?", "hair_color", "grey"),
}
"""Name to what is asked, which label answers it, and its value when yes is right."""

SAID_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "glasses": ("glasses", ("none",)),
    "smile": ("expression", ("neutral", "sad", "angry", "surprised")),
    "facial hair": ("facial_hair", ("none",)),
    "headwear": ("hat", ("none",)),
    **{
        name: (key, tuple(other for other in ATTRIBUTES[key].values if other != value))
        for name, (_, key, value) in QUESTIONS.items()
        if isinstance(value, str)
    },
}
"""Name to the attribute that a table answers it by, and the values that mean no."""


def truth_of(name: str, label: Label) -> bool | None:
    """The right answer to a question of `QUESTIONS`; None where the label cannot tell."""
    _, key, value = QUESTIONS[name]
    return label[key] == value if key in label else None


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

    Beside it what the table says: yes where the values that mean yes are likelier than those that
    mean no. balanced: mean of the shares right among those where yes and those where no is so. A
    face that is not found counts as wrong in all of its questions. heard_in_edits: as of
    `UniF2acePipeline.hears_plan`, of faces that are found. Raises ValueError for a missing
    file, or labels that answer no question both ways.
    """
    answers, tables = (
        {name: {True: [], False: []} for name in QUESTIONS} for _ in range(2)
    )  # name to what is so to whether that was said
    num_found, heard = 0, []
    for label in tqdm(labels, desc="photographs", unit="picture"):
        face = _face(folder / label["file"], pipe.image_size)
        num_found += face is not None
        if face is not None:
            heard.append(pipe.hears_plan(face))
        names = sorted({attribute for attribute, _ in SAID_BY.values()})
        table = {} if face is None else pipe.attributes(face, names)
        for name, (question, _, _) in QUESTIONS.items():
            if (truth := truth_of(name, label)) is not None:
                said = None if face is None else parse_yes_no(pipe.answer(face, question).text)
                answers[name][truth].append(said is not None and said == truth)
                told = None if face is None else told_by(table, name)
                tables[name][truth].append(told is not None and told == truth)
    rows = {
        name: _row(found) | {"table": _row(tables[name])}
        for name, found in answers.items()
        if all(found.values())
    }
    if not rows:
        raise ValueError("no question has both a yes and a no among the labels: label more")
    return {
        "checkpoint": pipe.checkpoint,
        "num_photographs": len(labels),
        "faces_found": rate([True] * num_found + [False] * (len(labels) - num_found)).to_json(),
        "heard_in_edits": rate(heard).to_json(),
        "mean_balanced": _mean([row["balanced"] for row in rows.values()]),
        "mean_balanced_of_tables": _mean([row["table"]["balanced"] for row in rows.values()]),
        "questions": rows,
    }


def told_by(table: Mapping[str, Mapping[str, float]], name: str) -> bool:
    """What a table of `UniF2acePipeline.attributes` answers to a question of `QUESTIONS`."""
    attribute, against = SAID_BY[name]
    values = {value: p for value, p in table[attribute].items() if value != NOT_VISIBLE}
    no = sum(values.get(value, 0.0) for value in against)
    return sum(values.values()) - no > no


def _mean(shares: Sequence[float]) -> float:
    return round(sum(shares) / len(shares), 4)


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
