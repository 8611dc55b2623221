"""Weak labels of photographs: what they leave open, what that costs, and training with them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from unif2ace.attributes import ATTRIBUTES, FIRST_VOCABULARY, VOCABULARY
from unif2ace.train import photographs
from unif2ace.train.photographs import (
    MOST_RARE,
    allowed_table,
    likelihood_loss,
    likely,
    mirrored_columns,
    rarity,
    read_by_eye,
    read_portraits,
)

PLAIN = {
    "labels": [],
    "face_box": [20, 16, 44, 48],
    "estimated_gender": None,
    "estimated_gender_confidence": None,
    "estimated_age": None,
    "estimated_smile": 0.3,
    "estimated_jaw_open": 0.1,
    "estimated_yaw_deg": 10.0,
    "estimated_pitch_deg": 10.0,
}


def row(*phrases: str, **changes) -> dict:
    labels = [{"group": "any", "phrase": phrase} for phrase in phrases]
    return PLAIN | {"labels": labels} | changes


def test_what_is_not_sure_is_left_open():
    assert likely(row()) == {}
    assert "gender" not in likely(row(estimated_gender="male", estimated_gender_confidence=0.9))


def test_estimates_and_phrases_narrow_what_is_likely():
    sure = {"estimated_gender": "female", "estimated_gender_confidence": 0.99}
    found = likely(row("long red hair", "round glasses", **sure, estimated_smile=0.9))
    assert found["gender"] == {"woman"} and found["facial_hair"] == {"none"}
    assert found["hair_color"] == {"red"} and "long" in found["hair_style"]
    assert found["glasses"] == {"round", "rectangular"}  # fine styles are often wrong
    assert found["expression"] == {"smiling", "laughing"}
    assert likely(row(estimated_age=25))["age"] == {"young"}
    assert likely(row(estimated_age=39))["age"] == {"young", "middle-aged"}
    assert likely(row(estimated_age=80))["age"] == {"old"}
    assert likely(row(estimated_yaw_deg=30.0))["head_turn"] == {"right"}
    assert likely(row(estimated_pitch_deg=-20.0))["head_nod"] == {"up"}


def test_a_look_at_the_picture_counts_for_more_than_words_and_estimates():
    seen = {"glasses": ["none"], "hat": ["beanie", "headband"], "age": ["old"]}
    found = likely(row("round glasses", "beanie", estimated_age=25), seen)
    assert found == {"glasses": {"none"}, "hat": {"beanie"}, "age": {"old"}}


def test_labels_by_eye_are_read_and_what_is_none_is_named(tmp_path):
    path = tmp_path / "labels.jsonl"
    label = {"file": "0011.jpg", "hat": ["none"], "glasses": ["round", "rectangular"]}
    path.write_text(json.dumps(label) + "\n")
    assert read_by_eye(path) == {"0011.jpg": {"hat": ["none"], "glasses": label["glasses"]}}
    folder = folder_of(tmp_path, ["0011.jpg", "0012.jpg"])
    (folder / "eye.jsonl").write_text(json.dumps(label) + "\n")
    seen, other = read_portraits(
        folder, is_held_out=False, size=32, by_eye=read_by_eye(folder / "eye.jsonl")
    ).allowed
    assert seen == {"hat": {"none"}, "glasses": {"round", "rectangular"}}
    assert other == {"hat": {"beanie"}}
    for broken in (
        '{"hat": ["none"]}',
        '{"file": "0011.jpg", "hat": ["fez"]}',
        '{"file": "0011.jpg", "hat": []}',
        "[]",
        "{",
    ):
        path.write_text(json.dumps(label) + "\n" + broken + "\n")
        with pytest.raises(ValueError, match="line 2 labels no portrait"):
            read_by_eye(path)


def test_a_mirror_image_swaps_left_and_right_and_nothing_else():
    columns = mirrored_columns(VOCABULARY)
    names = [f"{name}: {value}" for name, values in VOCABULARY for value in values]
    assert torch.equal(columns[columns], torch.arange(len(names)))
    moved = {names[i]: names[c] for i, c in enumerate(columns.tolist()) if i != c}
    assert moved["head_turn: left"] == "head_turn: right"
    assert moved["scar: right cheek"] == "scar: left cheek"
    assert set(moved) == {name for name in names if re.search(r"\b(left|right)\b", name)}


@pytest.mark.parametrize("phrase", sorted(photographs._PHRASES))
def test_every_phrase_speaks_of_known_values(phrase):
    for name, values in photographs._PHRASES[phrase].items():
        assert set(values) <= set(ATTRIBUTES[name].values)
        assert likely(row(phrase))[name] == set(values)


def test_a_likely_value_costs_nothing_and_what_is_unknown_costs_nothing():
    vocabulary = (("gender", ("woman", "man")), ("age", ("young", "middle-aged", "old")))
    allowed = torch.tensor([[True, False, True, True, False], [True, True, True, True, True]])
    sure = {"gender": torch.tensor([[50.0, 0], [0, 50]]), "age": torch.tensor([[50.0, 0, 0]] * 2)}
    even = torch.ones(2, 2)
    assert float(likelihood_loss(sure, allowed, even)) < 1e-6
    level = {name: torch.zeros(2, len(values)) for name, values in vocabulary}
    # told: one of two, two of three; the second picture tells nothing
    expected = (torch.tensor(2.0).log() + torch.tensor(1.5).log()) / 2
    torch.testing.assert_close(likelihood_loss(level, allowed, even), expected)
    assert float(likelihood_loss(level, torch.ones_like(allowed), even)) == 0
    double = torch.tensor([[2.0, 1.0], [1.0, 1.0]])
    expected = (2 * torch.tensor(2.0).log() + torch.tensor(1.5).log()) / 2
    torch.testing.assert_close(likelihood_loss(level, allowed, double), expected)


def test_what_is_rarely_labelled_counts_more():
    """Three bare heads and a beanie: what each value weighs in all is the same."""
    vocabulary = (("hat", ("none", "beanie")), ("eyes", ("open", "closed")))
    bare, beanie, untold = [True, False], [False, True], [True, True]
    allowed = torch.tensor([bare + untold] * 3 + [beanie + untold])
    found = rarity(allowed, vocabulary)
    torch.testing.assert_close(found[:, 0], torch.tensor([2 / 3, 2 / 3, 2 / 3, 2.0]))
    assert found.isfinite().all()
    many = rarity(torch.tensor([bare] * 99 + [beanie]), vocabulary[:1])
    assert float(many.max()) == MOST_RARE


def folder_of(path: Path, files: list[str], **changes) -> Path:
    lines = []
    for number, file in enumerate(files):
        Image.new("RGB", (64, 64), (40 * number, 90, 160)).save(path / file)
        lines.append(json.dumps(row("beanie", **changes) | {"file": file}))
    (path / "labels.jsonl").write_text("\n".join(lines) + "\n")
    return path


def test_every_tenth_portrait_is_held_out(tmp_path):
    folder = folder_of(tmp_path, ["0010.jpg", "0011.jpg", "0012.jpg"])
    unseen = read_portraits(folder, is_held_out=True, size=32)
    others = read_portraits(folder, is_held_out=False, size=32)
    assert (len(unseen), len(others)) == (1, 2) and others.pictures.shape == (2, 3, 32, 32)
    table = allowed_table(others, FIRST_VOCABULARY)
    assert table.shape == (2, sum(len(values) for _, values in FIRST_VOCABULARY))
    hats = ATTRIBUTES["hat"].values
    start = sum(
        len(v) for n, v in FIRST_VOCABULARY[: [n for n, _ in FIRST_VOCABULARY].index("hat")]
    )
    assert table[0, start : start + len(hats)].tolist() == [value == "beanie" for value in hats]


def test_folders_without_labels_are_named(tmp_path):
    with pytest.raises(ValueError, match="does not label photographs"):
        read_portraits(tmp_path, is_held_out=True, size=32)
    (tmp_path / "labels.jsonl").write_text("")
    with pytest.raises(ValueError, match="labels no photographs"):
        read_portraits(tmp_path, is_held_out=True, size=32)
    (tmp_path / "labels.jsonl").write_text(json.dumps(row() | {"file": "0000.jpg"}))
    with pytest.raises(ValueError, match="does not label photographs"):
        read_portraits(tmp_path, is_held_out=True, size=32)
