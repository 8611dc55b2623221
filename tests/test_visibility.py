"""Laws of what cannot be true together, and of what cannot be seen: never said, asked or told."""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from typing import get_args

import pytest

from unif2ace.attributes import (
    ATTRIBUTES,
    BELOW_A_MASK,
    REFINED,
    FaceAttributes,
    completed,
    contradictions,
    hidden_attributes,
    visible,
)
from unif2ace.details import KIND_OF
from unif2ace.parsing import parse_attributes, parse_yes_no
from unif2ace.synth.captions import Style, caption, description, full_caption
from unif2ace.synth.questions import questions
from unif2ace.wording import NOT_VISIBLE, canonical_question

CONTRADICTIONS = (
    {"mouth_pose": "puckered", "expression": "smiling"},
    {"mouth_pose": "smirking", "mouth": "open"},
    {"raised_brow": "left", "brows": "furrowed"},
    {"raised_brow": "right", "expression": "angry"},
    {"eye_openness": "wide", "eyes": "squinting"},
    {"eye_openness": "drowsy", "expression": "surprised"},
    {"face_mask": "blue", "mouth_pose": "puffed"},
    {"face_mask": "black", "facial_hair": "full beard"},
    {"gender": "woman", "sideburns": "yes"},
    {"age": "old", "age_years": "30s"},
    {"skin_tone": "dark", "skin_tone_monk": "2"},
)
HIDDEN = (
    ({"hat": "beanie"}, {"forehead", "ear_tips", "scar"}),
    ({"hat": "beanie", "scar": "forehead"}, {"scar"}),
    ({"hair_style": "long"}, {"ear_tips", "earrings", "earring_kind", "sideburns"}),
    ({"glasses": "sunglasses"}, {"eyeliner", "eye_bags", "eye_slant", "eye_spacing", "gaze"}),
    ({"glasses": "sunglasses", "eye_shadow": "yes"}, {"eye_shadow_color"}),
    ({"face_mask": "white"}, BELOW_A_MASK),
    ({"eyes": "closed"}, {"eye_openness", "eye_slant", "eye_color"}),
    ({"eyes": "open"}, {"wink_side"}),
    ({"hat": "none", "glasses": "none"}, {"hat_color", "frame_color"}),
    ({"earrings": "no", "eye_shadow": "no"}, {"earring_kind", "eye_shadow_color"}),
    ({"gender": "man", "facial_hair": "full beard"}, {"chin_cleft", "double_chin", "sideburns"}),
    ({"expression": "smiling"}, {"mouth_width", "mouth_pose"}),
    ({"mouth_pose": "pressed"}, {"mouth_width", "lips"}),
)


def face_with(values: dict[str, str]) -> FaceAttributes:
    return FaceAttributes(completed(values))


@pytest.mark.parametrize("values", CONTRADICTIONS, ids=" ".join)
def test_a_contradiction_is_refused_with_both_names(values):
    (found,) = contradictions(values)
    with pytest.raises(ValueError, match="contradictory attributes") as refused:
        FaceAttributes(
            {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()} | values
        )
    for text in (found, str(refused.value)):
        for name, value in values.items():
            assert value in text or value == "yes", text
            assert name in text or name.replace("_", " ") in text or value == "full beard", text


@pytest.mark.parametrize(("values", "expected"), HIDDEN, ids=lambda v: " ".join(map(str, v)))
def test_what_a_value_hides_is_neither_said_nor_asked(values, expected):
    face = face_with(values)
    assert set(expected) <= hidden_attributes(face)
    check_silence(face, visible(face), expected)


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES if name != "gender"])
def test_what_the_picture_hides_is_neither_said_nor_asked(name):
    """As where hair falls over a scar: the rules of the words do not know, the depth does."""
    face = face_with({"gender": "man"})
    hidden = {name, *(fine for fine, (coarse, _) in REFINED.items() if coarse == name)}
    check_silence(face, set(visible(face)) - hidden, hidden)


def check_silence(face: FaceAttributes, seen: Collection[str], hidden: Collection[str]) -> None:
    """No text says `hidden`, and whoever asks is told that it is not visible."""
    generator = random.Random(0)
    texts = [
        made(face, seen, generator=generator) for made in (description, full_caption) for _ in "ab"
    ]
    texts += [
        caption(face, seen, generator=generator, style=style)
        for style in get_args(Style)
        for _ in range(3)
    ]
    for made in texts:
        assert not set(hidden) & (made.mentioned.keys() | parse_attributes(made.text).keys()), made
    for qa in questions(face, seen, generator=generator, count=150):
        if qa.attribute in hidden:
            assert qa.value is None, qa
            # of a kind of what is seen not to be there, "no" is as true
            thing = "eyes" if qa.attribute == "wink_side" else KIND_OF.get(qa.attribute)
            is_denied = thing in seen and parse_yes_no(qa.answer) is False
            assert qa.kind == "not_visible" or (qa.kind == "yes_no" and is_denied), qa
            if qa.question == canonical_question(qa.attribute):
                assert qa.answer == NOT_VISIBLE
            if qa.kind == "not_visible":
                assert re.search("not visible|can't", qa.answer, re.IGNORECASE), qa
