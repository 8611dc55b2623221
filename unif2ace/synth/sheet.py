"""Contact sheets: many faces in one picture, for looking at what the renderer does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from unif2ace.attributes import (
    ATTRIBUTES,
    FaceAttributes,
    check_value,
    coarser,
    completed,
    contradictions,
    followed,
)
from unif2ace.synth.render import FaceRenderer, RenderedFace
from unif2ace.synth.sampling import sample_attributes

_LABEL_HEIGHT = 14
_GIVE_WAY = (
    *("mouth_pose", "raised_brow", "eye_openness", "sideburns", "face_mask", "facial_hair"),
    *("brows", "mouth", "eyes", "expression", "gender"),
)
SHOWN_WITH: Mapping[str, Mapping[str, str]] = {
    "facial_hair": {"gender": "man"},
    "ears": {"hair_style": "short"},
    "earrings": {"hair_style": "short"},
    "ear_tips": {"hair_style": "short"},
    "wink_side": {"eyes": "winking"},
    "eye_shadow_color": {"eye_shadow": "yes"},
    "sideburns": {"gender": "man", "hair_style": "short"},
    "hat_color": {"hat": "beanie"},
    "frame_color": {"glasses": "rectangular"},
    "earring_kind": {"earrings": "yes", "hair_style": "short"},
}
"""What must be so for an attribute's values to differ in the picture."""


def with_value(attributes: FaceAttributes, name: str, value: str) -> FaceAttributes:
    """`attributes` with one value changed; what then contradicts it falls back to its plain case.

    Raises ValueError for an unknown name or value.
    """
    check_value(name, value)
    values = followed(dict(attributes) | {name: value} | coarser(name, value))
    for other in _GIVE_WAY:
        if other != name and contradictions(values):
            options = (values[other], *ATTRIBUTES[other].values)
            values[other] = min(options, key=lambda o: len(contradictions(values | {other: o})))
    return FaceAttributes(values)


def attribute_sheet(renderer: FaceRenderer, name: str, seeds: Sequence[int]) -> Image.Image:
    """One column per value of `name`, one row per identity, all else fixed and mostly plain.

    Raises ValueError for an unknown attribute.
    """
    check_value(name)
    kept = ("gender", "age", "skin_tone", "hair_color", "hair_style", "clothing_color")
    faces = []
    for i, seed in enumerate(seeds):
        drawn = sample_attributes(seed)
        told = {key: drawn[key] for key in kept} | {"gender": ("woman", "man")[i % 2]}
        attributes = FaceAttributes(completed(told | dict(SHOWN_WITH.get(name, {}))))
        for value in ATTRIBUTES[name].values:
            faces.append(renderer.render(with_value(attributes, name, value), seed))
    labels = [face.attributes[name] for face in faces]
    return tile(faces, labels, columns=len(ATTRIBUTES[name].values))


def random_sheet(renderer: FaceRenderer, seeds: Sequence[int], columns: int = 6) -> Image.Image:
    """Faces as the training split draws them, labelled with their seeds."""
    faces = [renderer.render(sample_attributes(seed), seed) for seed in seeds]
    return tile(faces, [f"seed {seed}" for seed in seeds], columns=columns)


def tile(faces: Sequence[RenderedFace], labels: Sequence[str], columns: int) -> Image.Image:
    """Faces in rows, each with its label below."""
    size = faces[0].image.shape[0]
    rows = -(-len(faces) // columns)
    sheet = Image.new("RGB", (columns * size, rows * (size + _LABEL_HEIGHT)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (face, label) in enumerate(zip(faces, labels, strict=True)):
        x, y = (i % columns) * size, (i // columns) * (size + _LABEL_HEIGHT)
        sheet.paste(Image.fromarray(np.ascontiguousarray(face.image)), (x, y))
        pen.text((x + 3, y + size + 1), label, fill="black")
    return sheet
