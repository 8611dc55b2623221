"""Eyes: how eyeballs are shaded, and plain eyeballs and brows for use without the texture pack."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unif2ace.synth.geometry import turn_eyes
from unif2ace.synth.landmarks import LANDMARK_VERTICES
from unif2ace.synth.looks import Color, Looks
from unif2ace.synth.mesh import Floats, Head, Part
from unif2ace.synth.sliders import Shape

_IRIS_COLORS = {  # sRGB, by the texture that a pack would use
    "brown": (84, 48, 26),
    "brownlight": (112, 72, 40),
    "blue": (62, 100, 160),
    "lightblue": (96, 140, 190),
    "green": (72, 116, 60),
    "grey": (128, 134, 138),
}
_IRISES = ((0.293, 0.711), (0.707, 0.297))  # their middles in the pack's textures, as shares
_IRIS_RADIUS, _IRIS_EDGE = 0.118, 0.012


def uniforms(head: Head, tone: float) -> dict[str, Any]:
    """Shading of eyeballs: wet highlight, and the upper lid's shade on them.

    A camera that meters on dark skin (higher `tone`) would burn the whites out: they are held back.
    """
    whites = 0.95 - 0.4 * min(max(tone, 0.0), 1.0)
    height = float(head.anchors["eye_l"][1] + head.anchors["eye_r"][1]) / 2
    return {
        "u_tint": tuple(whites * share for share in (1.0, 0.97, 0.95)),
        "u_shine": (0.5, 180.0),
        "u_wrap": 0.35,
        "u_socket": (height, 0.45, -0.02, 0.075),
    }


def tinted(picture: NDArray[np.uint8], tint: Color) -> NDArray[np.uint8]:
    """The pack's texture of both eyeballs (S, S, C), its irises times `tint`, a linear colour."""
    size = len(picture)
    rows, columns = np.mgrid[:size, :size] / size
    share = np.zeros((size, size))
    for x, y in _IRISES:
        distance = np.hypot(columns - x, rows - y)
        share = np.maximum(share, np.clip((_IRIS_RADIUS - distance) / _IRIS_EDGE, 0.0, 1.0))
    factor = np.array(tint) ** (1 / 2.2)  # on sRGB values
    out = picture.copy()
    colors = picture[..., :3] * (1 + share[..., None] * (factor - 1))
    out[..., :3] = colors.clip(0, 255).round()
    return out


def plain_eyes(head: Head, shape: Shape, looks: Looks) -> list[Part]:
    """Two spheres with a painted iris, turned with the gaze."""
    parts = []
    for side in ("l", "r"):
        centre = head.anchors[f"eye_{side}"]
        radius = float(head.anchors[f"pupil_{side}"][2] - centre[2])
        unit, uv, faces = _sphere(24, 16)
        positions = (centre + radius * unit).astype(np.float32)
        positions = turn_eyes(positions, head, shape.eye_yaw, shape.eye_pitch)
        parts.append(
            Part(
                name="eyes",
                positions=positions,
                uv=uv,
                faces=faces,
                texture=_eyeball(looks.iris),
                specular=0.5,
                gloss=180.0,
                casts_shadow=False,
            )
        )
    return parts


def plain_brows(head: Head, looks: Looks) -> list[Part]:
    """Two ribbons along the brow landmarks, as thick as asked, just in front of the skin."""
    half = {"thin": 0.018, "average": 0.036, "thick": 0.06}[looks.brow_thickness]
    parts = []
    for first in (17, 22):
        line = head.vertices[LANDMARK_VERTICES[first : first + 5]]
        normals = head.normals[LANDMARK_VERTICES[first : first + 5]]
        taper = np.array([0.4, 0.9, 1.0, 1.0, 0.7] if first == 17 else [0.7, 1.0, 1.0, 0.9, 0.4])
        raised = line + 0.02 * normals
        width = (half * taper)[:, None] * np.array([0.0, 1.0, -0.2])
        positions = np.concatenate([raised + width, raised - width]).astype(np.float32)
        along = np.linspace(0, 1, 5, dtype=np.float32)
        uv = np.stack([np.tile(along, 2), np.repeat([1.0, 0.0], 5)], axis=1).astype(np.float32)
        faces = [[i, i + 5, i + 1] for i in range(4)] + [[i + 1, i + 5, i + 6] for i in range(4)]
        parts.append(
            Part(
                name="brows",
                positions=positions,
                uv=uv,
                faces=np.array(faces, np.int32),
                color=looks.brow,
                mode="hair",
                casts_shadow=False,
            )
        )
    return parts


@functools.cache
def _sphere(around: int, rings: int) -> tuple[Floats, Floats, NDArray[np.int32]]:
    """Unit sphere with its pole towards the viewer; uv is the view from the front."""
    angles = np.linspace(0, np.pi, rings + 1)
    turns = np.linspace(0, 2 * np.pi, around, endpoint=False)
    a, t = np.meshgrid(angles, turns, indexing="ij")
    unit = np.stack([np.sin(a) * np.cos(t), np.sin(a) * np.sin(t), np.cos(a)], axis=-1)
    radius = a / np.pi * 0.5
    uv = np.stack([0.5 + radius * np.cos(t), 0.5 + radius * np.sin(t)], axis=-1)
    faces = []
    for i in range(rings):
        for j in range(around):
            p, q = i * around + j, i * around + (j + 1) % around
            faces += [[p, p + around, q], [q, p + around, q + around]]
    return (
        unit.reshape(-1, 3).astype(np.float32),
        uv.reshape(-1, 2).astype(np.float32),
        np.array(faces, np.int32),
    )


@functools.cache
def _eyeball(iris: str) -> NDArray[np.uint8]:
    """Texture (128, 128, 4): pupil, iris with a dark rim, white."""
    y, x = np.mgrid[:128, :128]
    angle = np.hypot(x - 63.5, y - 63.5) / 64 * 180  # degrees from the gaze
    color = np.array(_IRIS_COLORS[iris], float)
    picture = np.empty((128, 128, 4))
    picture[..., :3] = (214, 206, 200)
    picture[angle < 29, :3] = color * 0.55
    picture[angle < 26, :3] = color
    picture[angle < 11, :3] = (8, 7, 7)
    picture[..., 3] = 255
    return picture.astype(np.uint8)
