"""Portrait photographs with weak labels: which values of which attributes are likely in each.

A folder holds square `NNNN.jpg` and `labels.jsonl`: search phrases that a picture matched, a face
box, and what published networks estimate of pose, smile, age and gender presentation. A phrase is
positive only and fine styles are unreliable, so a label is a set of values of which one is so;
attributes without a label allow all of theirs. What a look at the picture tells may be given
beside: that counts for more.

A line of JSON holds `file`; `labels`, objects with a `phrase` each; `face_box` x0, y0, x1, y1 in
pixels, forehead to chin; and as `estimated_...`: `gender` (male, female, null) with
`gender_confidence`, `age` in years or null, `smile` and `jaw_open` in 0..1, `yaw_deg` above 0 to
the picture's right edge, `pitch_deg` above 0 for a lowered face. Labels by eye are lines too, of
`file` and, where it can be told, attributes with a list of the values that are possible.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unif2ace.attributes import Vocabulary, check_value
from unif2ace.encoders import side_by_side
from unif2ace.images import FaceBox, frame_face
from unif2ace.train.images import is_photo_held_out, resized
from unif2ace.train.reading import value_table

Allowed = Mapping[str, frozenset[str]]  # attribute to the values that are likely
ByEye = Mapping[str, Mapping[str, Sequence[str]]]  # file to what a look at it leaves open

SURE = 0.95  # of an estimated gender presentation
MOST_RARE = 5.0  # times as much as the average label counts
_BARE = ("none",)
_WORN = {"glasses": ("round", "rectangular"), "hat": ("beanie", "headband")}
_COVERED = ("beanie",)  # of the values, the one that stands for any hat that covers the head
_LONG, _SHORT = ("long", "ponytail", "braid"), ("short", "cropped", "side-swept")
_SMILES, _OTHERS = ("smiling", "laughing"), ("neutral", "sad", "angry", "surprised")

_PHRASES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "aviator sunglasses": {"glasses": ("sunglasses",)},
    "sport sunglasses": {"glasses": ("sunglasses",)},
    "sunglasses": {"glasses": ("sunglasses",)},
    "cat-eye glasses": {"glasses": _WORN["glasses"]},
    "reading glasses": {"glasses": _WORN["glasses"]},
    "rimless glasses": {"glasses": _WORN["glasses"]},
    "round glasses": {"glasses": _WORN["glasses"]},
    "square glasses": {"glasses": _WORN["glasses"]},
    "beanie": {"hat": ("beanie",)},
    "hat": {"hat": _COVERED},
    "bandana": {"hat": _WORN["hat"]},
    "baseball cap": {"hat": _COVERED},
    "cowboy hat": {"hat": _COVERED},
    "fedora": {"hat": _COVERED},
    "sun hat": {"hat": _COVERED},
    "top hat": {"hat": _COVERED},
    "bald": {"hair_style": ("bald",)},
    "black hair": {"hair_color": ("black",)},
    "brown hair": {"hair_color": ("brown",)},
    "blonde hair": {"hair_color": ("blond",)},
    "yellow or blond hair": {"hair_color": ("blond",)},
    "gray hair": {"hair_color": ("grey",)},
    "white or gray hair": {"hair_color": ("grey",)},
    "red hair": {"hair_color": ("red",)},
    "red or orange hair": {"hair_color": ("red",)},
    "bob-cut hairstyle": {"hair_style": ("bob",)},
    "long black hair": {"hair_color": ("black",), "hair_style": _LONG},
    "long blond hair": {"hair_color": ("blond",), "hair_style": _LONG},
    "long red hair": {"hair_color": ("red",), "hair_style": _LONG},
    "short black hair": {"hair_color": ("black",), "hair_style": _SHORT},
    "short blond hair": {"hair_color": ("blond",), "hair_style": _SHORT},
    "short red hair": {"hair_color": ("red",), "hair_style": _SHORT},
    "full beard": {"facial_hair": ("full beard",)},
    "long white beard": {"facial_hair": ("full beard",), "hair_color": ("grey",)},
    "fashionable beard": {"facial_hair": ("full beard", "goatee")},
    "goatee": {"facial_hair": ("goatee", "full beard", "moustache")},
    "mustache": {"facial_hair": ("moustache", "goatee", "full beard")},
    "stubble": {"facial_hair": ("stubble", "full beard")},
    "shaved face": {"facial_hair": _BARE},
    "blue eyes": {"eye_color": ("blue",)},
    "brown eyes": {"eye_color": ("brown",)},
    "green eyes": {"eye_color": ("green",)},
    "lipstick": {"lipstick": ("red", "pink", "dark")},
    "red lipstick": {"lipstick": ("red",)},
    "without makeup": {"lipstick": _BARE, "eye_shadow": ("no",)},
    "earrings": {"earrings": ("yes",)},
    "eyes closed": {"eyes": ("closed",)},
    "looking directly at camera": {"gaze": ("at the camera",), "eyes": ("open",)},
    "happy": {"expression": _SMILES},
    "smiling": {"expression": _SMILES},
    "angry": {"expression": ("angry",)},
    "angry or enraged": {"expression": ("angry",)},
    "sad": {"expression": ("sad",)},
    "sad or depressed": {"expression": ("sad",)},
    "surprised": {"expression": ("surprised",)},
    "elderly female": {"age": ("old",)},
    "elderly male": {"age": ("old",)},
    "wrinkly 70 year old senior": {"age": ("old",)},
    "30 year old adult": {"age": ("young", "middle-aged")},
    "middle-aged adult female": {"age": ("middle-aged",)},
    "middle-aged adult male": {"age": ("middle-aged",)},
}


@dataclass(frozen=True, kw_only=True)
class Portraits:
    """pictures (n, 3, S, S) uint8, framed as uploads are; and what is likely in each."""

    pictures: Tensor
    allowed: tuple[Allowed, ...]

    def __len__(self) -> int:
        return len(self.allowed)


def read_portraits(
    folder: Path, *, is_held_out: bool, size: int, by_eye: ByEye | None = None
) -> Portraits:
    """The portraits of a folder, by number: those held out of all training, or the others.

    Raises ValueError when labels.jsonl or a picture that it names is missing or broken.
    """
    path = folder / "labels.jsonl"
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rows = [row for row in rows if is_photo_held_out(Path(row["file"])) == is_held_out]
        pictures = [framed(folder / row["file"], row["face_box"], size) for row in rows]
        allowed = tuple(likely(row, (by_eye or {}).get(row["file"], {})) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} does not label photographs: {error!r}") from error
    if not rows:
        raise ValueError(f"{path} labels no photographs")
    return Portraits(
        pictures=torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2), allowed=allowed
    )


def read_by_eye(path: Path) -> ByEye:
    """Labels by eye of a JSON lines file. Raises ValueError, with the line, for what is none."""
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            label = json.loads(line)
            file = label.pop("file")
            for name, values in label.items():
                if not values:
                    raise ValueError(f"{name} leaves nothing open")
                for value in values:
                    check_value(name, value)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"{path}, line {number} labels no portrait: {error!r}") from error
        found[file] = label
    return found


def framed(path: Path, face_box: tuple[int, int, int, int], size: int) -> np.ndarray:
    """(size, size, 3) uint8 of a photograph about its face box, as an upload would be cut."""
    left, top, right, bottom = (round(side) for side in face_box)
    face = FaceBox(left=left, top=top, right=right, bottom=bottom, confidence=1.0)
    with Image.open(path) as image:
        return resized(image.crop(frame_face(face, image.size)), size)


def likely(row: Mapping[str, Any], by_eye: Mapping[str, Sequence[str]] | None = None) -> Allowed:
    """What one line of labels.jsonl leaves open, of the attributes that it speaks of.

    by_eye: attribute to the values that a look at the picture leaves open.
    """
    found: dict[str, set[str]] = {}

    def narrow(name: str, values: tuple[str, ...]) -> None:
        for value in values:
            check_value(name, value)
        both = found.get(name, set(values)) & set(values)
        found[name] = both or set(values)  # of two that disagree the later one counts

    if row["estimated_gender"] is not None and row["estimated_gender_confidence"] >= SURE:
        is_woman = row["estimated_gender"] == "female"
        narrow("gender", ("woman",) if is_woman else ("man",))
        if is_woman:
            narrow("facial_hair", _BARE)
    if row["estimated_age"] is not None:
        narrow("age", _ages(row["estimated_age"]))
    smile, jaw = row["estimated_smile"], row["estimated_jaw_open"]
    if smile > 0.5:
        narrow("expression", _SMILES)
    elif smile < 0.1:
        narrow("expression", _OTHERS)
    if jaw > 0.3 or jaw < 0.03:
        narrow("mouth", ("open",) if jaw > 0.3 else ("closed",))
    yaw, pitch = row["estimated_yaw_deg"], row["estimated_pitch_deg"]
    if abs(yaw) < 7 or abs(yaw) > 16:
        narrow("head_turn", ("front",) if abs(yaw) < 7 else ("right",) if yaw > 0 else ("left",))
    if abs(pitch) < 6 or abs(pitch) > 13:
        narrow("head_nod", ("level",) if abs(pitch) < 6 else ("down",) if pitch > 0 else ("up",))
    for label in row["labels"]:
        for name, values in _PHRASES.get(label["phrase"], {}).items():
            narrow(name, values)
    for name, open_values in (by_eye or {}).items():
        narrow(name, tuple(open_values))
    return {name: frozenset(values) for name, values in found.items()}


def _ages(years: float) -> tuple[str, ...]:
    """The groups that an estimate leaves open, which errs by some seven years."""
    groups = {"young": (0, 38), "middle-aged": (40, 58), "old": (60, 200)}
    return tuple(name for name, (low, high) in groups.items() if low - 4 <= years < high + 4)


def allowed_table(portraits: Portraits, vocabulary: Vocabulary) -> Tensor:
    """(n, number of all values) bool: which values are likely; a whole row of an attribute is
    true where nothing is known of it."""
    rows = [
        [
            name not in allowed or value in allowed[name]
            for name, values in vocabulary
            for value in values
        ]
        for allowed in portraits.allowed
    ]
    return torch.tensor(rows)


def mirrored_columns(vocabulary: Vocabulary) -> Tensor:
    """(all values,): where in a row of `allowed_table` a picture's mirror image has each value."""
    columns, start = [], 0
    for _, values in vocabulary:
        columns += [start + values.index(mirrored_value(value, values)) for value in values]
        start += len(values)
    return torch.tensor(columns)


def mirrored_value(value: str, values: Sequence[str]) -> str:
    """What a value that tells a side is called in a mirror image; any other stays."""
    for side, other in (("left", "right"), ("right", "left")):
        if (changed := value.replace(side, other)) != value and changed in values:
            return changed
    return value


def rarity(allowed: Tensor, vocabulary: Vocabulary) -> Tensor:
    """(n, attributes): how much each portrait's label of an attribute should count, 1 on average.

    The rarer what it says, the more, up to `MOST_RARE`: few wear hats, and all who do are to be
    seen. A label that leaves several values open counts as an equal part of each.
    allowed: (n, all values) of `allowed_table`.
    """
    columns = []
    for part in allowed.split([len(values) for _, values in vocabulary], dim=-1):
        is_told = ~part.all(-1)
        shares = part / part.sum(-1, keepdim=True)  # (n, values)
        weight = 1 / (shares @ shares[is_told].sum(0)).clamp(min=1)
        mean = weight[is_told].mean() if is_told.any() else torch.ones(())
        columns.append((weight / mean).clamp(max=MOST_RARE))
    return torch.stack(columns, dim=1)


def likelihood_loss(logits: Mapping[str, Tensor], allowed: Tensor, weights: Tensor) -> Tensor:
    """Mean over labelled attributes of -log of the probability that a likely value is said.

    logits: attribute to (B, its values). allowed: (B, all values) of `allowed_table`. weights:
    (B, attributes) of `rarity`.
    """
    scores = value_table(logits)  # (B, A, V)
    counts = tuple(part.shape[-1] for part in logits.values())
    # a place of no value weighs nothing, so it may count as likely
    likely = side_by_side(allowed.float(), counts, absent=1.0) > 0
    is_told = ~likely.all(-1)  # (B, A)
    among = scores.masked_fill(~likely, -torch.inf).logsumexp(-1)
    nats = weights * (scores.logsumexp(-1) - among) * is_told
    return nats.sum() / is_told.sum().clamp(min=1)
