"""Everything worn on a face, as parts in head space: eyewear, hats, earrings, beards.

Each piece hangs on the morphed head's own vertices, so it fits every identity and expression.
Each kind draws from a stream of its own: one more earring never changes the glasses.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unif2ace.synth.beards import beard
from unif2ace.synth.eyewear import eyewear
from unif2ace.synth.facemask import face_mask
from unif2ace.synth.headwear import hat_parts, place_hat, tuck_hair
from unif2ace.synth.landmarks import LANDMARK_VERTICES
from unif2ace.synth.looks import HAIR_COLORS
from unif2ace.synth.mesh import Floats, Head, Part
from unif2ace.synth.solids import Solid, join, sphere, tube

Color = tuple[float, float, float]

_METALS: tuple[tuple[Color, float], ...] = (
    ((0.72, 0.44, 0.13), 0.8),  # gold
    ((0.60, 0.60, 0.62), 0.8),  # silver
)
_STONES: tuple[Color, ...] = (
    (0.80, 0.76, 0.70),  # pearl
    (0.02, 0.09, 0.40),
    (0.40, 0.01, 0.03),
    (0.02, 0.25, 0.10),
    (0.01, 0.01, 0.012),
)
# How far hair holds a hat off the skull, in decimetres, once it is pressed down.
_HAIR_ROOM: Mapping[str, float] = {"bald": 0.0, "cropped": 0.012}
_PRESSED_HAIR = 0.035


def _streams(generator: np.random.Generator) -> dict[str, np.random.Generator]:
    names = ("glasses", "hat", "earrings", "beard", "mask")
    return dict(zip(names, generator.spawn(len(names)), strict=True))


def accessory_parts(
    attributes: Mapping[str, str],
    head: Head,
    generator: np.random.Generator,
    hair: Color | None = None,
) -> list[Part]:
    """The parts that `attributes` ask for: glasses, hat, earrings, facial hair.

    `hair` is the linear colour that beards take and hats differ from; None means the plain
    colour of its name. Stubble has no parts: a mask shows it. Fresh generators of one seed give
    the same parts. Raises ValueError for unknown glasses, hats or facial hair.
    """
    streams = _streams(generator)
    color = hair or HAIR_COLORS[attributes["hair_color"]]
    parts: list[Part] = []
    if attributes["glasses"] != "none":
        parts += eyewear(attributes["glasses"], attributes["frame_color"], head, streams["glasses"])
    if attributes["hat"] != "none":
        hat = place_hat(attributes["hat"], head, streams["hat"])
        room = _HAIR_ROOM.get(attributes["hair_style"], _PRESSED_HAIR)
        parts += hat_parts(hat, attributes["hat_color"], streams["hat"], room, color)
    if attributes["earrings"] == "yes":
        parts += _earrings(attributes["earring_kind"], head, streams["earrings"])
    if attributes["piercing"] != "none":
        parts.append(_piercing(attributes["piercing"], head))
    if attributes["face_mask"] != "none":
        parts += face_mask(attributes["face_mask"], head, streams["mask"])
    if attributes["facial_hair"] not in ("none", "stubble"):
        parts.append(beard(attributes["facial_hair"], head, streams["beard"], color))
    return parts


def under_hat(
    attributes: Mapping[str, str],
    head: Head,
    generator: np.random.Generator,
    positions: Floats,
) -> Floats:
    """Hair points (N, 3) as the hat leaves them; unchanged without a hat.

    Give a fresh generator of the seed that `accessory_parts` got, so that both mean the same hat.
    """
    if attributes["hat"] == "none":
        return positions
    return tuck_hair(positions, place_hat(attributes["hat"], head, _streams(generator)["hat"]))


def _piercing(place: str, head: Head) -> Part:
    """A steel ring through the nose or the lip, or a bar with two balls at the eyebrow."""
    at = head.vertices[LANDMARK_VERTICES].astype(np.float64)
    if place == "eyebrow":
        brow = at[25]  # near the outer end, on the viewer's right
        offsets = np.array([(0.02, 0.06, 0.03), (0.02, -0.05, 0.01)])
        balls = [sphere(brow + offset, 0.034) for offset in offsets]
        solid = join(balls)
    else:
        centre, radius = {
            "nose": (at[35] + (0.015, -0.01, 0.05), 0.07),
            "lip": (at[57] + (0.0, 0.0, 0.02), 0.06),
        }[place]
        angle = np.arange(14) / 14 * 2 * np.pi
        circle = radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        ring = centre + circle * (0.75, 1, 1)
        solid = tube(ring, up=(0, 0, 1), thickness=(0.03, 0.03), is_closed=True, sides=6)
    return _jewel("piercing", solid, (0.62, 0.62, 0.65), 0.9)


def _earrings(kind: str, head: Head, rng: np.random.Generator) -> list[Part]:
    """A pair of studs, hoops or drops on the lobes."""
    metal, specular = _METALS[int(rng.integers(len(_METALS)))]
    stone = _STONES[int(rng.integers(len(_STONES)))]
    size, turn = float(rng.random()), float(rng.uniform(0.5, 1.0))
    worn: list[Solid] = []
    stones: list[Solid] = []
    for side, name in ((1, "ear_lobe_l"), (-1, "ear_lobe_r")):
        lobe = head.anchors[name] + np.array([0.012 * side, 0.055, 0.03])
        if kind == "hoop":
            worn.append(_hoop(lobe, radius=0.10 + 0.09 * size, turn=side * turn))
        elif kind == "stud":
            front = np.array([0.01 * side, 0, 0.02])
            stones.append(sphere(lobe + front, 0.038 + 0.02 * size))
        else:
            length = 0.10 + 0.12 * size
            worn.append(_wire(lobe, length))
            drop = lobe - (0, length + 0.05, 0)
            stones.append(sphere(drop, (0.042, 0.055 + 0.03 * size, 0.042)))
    parts = []
    is_metal = kind == "stud" and rng.random() < 0.5
    for solids, color in ((worn, metal), (stones, metal if is_metal else stone)):
        if solids:
            parts.append(_jewel("earrings", join(solids), color, specular))
    return parts


def _jewel(name: str, solid: Solid, color: Color, specular: float) -> Part:
    return solid.part(name, color=color, specular=specular, gloss=35.0)


def _hoop(lobe: np.ndarray, *, radius: float, turn: float) -> Solid:
    """A ring that hangs from the lobe, turned about the upright by `turn` from facing sideways."""
    angle = np.arange(20) / 20 * 2 * np.pi
    flat = np.array([np.sin(turn), 0.0, np.cos(turn)])
    circle = radius * (np.sin(angle)[:, None] * flat + np.cos(angle)[:, None] * (0, 1, 0))
    path = lobe - (0, radius, 0) + circle
    up = np.cross(flat, (0, 1, 0))
    return tube(path, up=up, thickness=(0.03, 0.03), is_closed=True, sides=6)


def _wire(lobe: np.ndarray, length: float) -> Solid:
    path = lobe - np.array([(0, t * length, 0) for t in (0.0, 0.5, 1.0)])
    return tube(path, up=(0, 0, 1), thickness=(0.02, 0.02), is_closed=False, sides=5)
