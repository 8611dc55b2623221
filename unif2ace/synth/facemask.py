"""A surgical mask over nose, mouth and chin, spanned between landmarks of any head."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from unif2ace.synth.landmarks import LANDMARK_VERTICES
from unif2ace.synth.mesh import Floats, Head, Part, vertex_normals
from unif2ace.synth.solids import grid_faces, join, spline, tube

Color = tuple[float, float, float]

COLORS: dict[str, Color] = {
    "white": (0.72, 0.73, 0.74),
    "blue": (0.13, 0.33, 0.55),
    "black": (0.014, 0.014, 0.016),
}
_STEPS, _ROWS = 8, 13


def face_mask(color: str, head: Head, rng: np.random.Generator) -> list[Part]:
    """Cloth and ear loops. Raises ValueError for an unknown color."""
    if color not in COLORS:
        raise ValueError(f"unknown face mask {color!r}; known: {', '.join(COLORS)}")
    tint = tuple(float(c) for c in np.array(COLORS[color]) * np.exp(rng.uniform(-0.1, 0.1)))
    points = _surface(head)
    rows, columns, _ = points.shape
    faces = grid_faces(rows, columns, False, False)
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    flat = points.reshape(-1, 3).astype(np.float32)
    loops = join([_loop(head, points, side) for side in (0, -1)])
    return [
        Part(
            name="mask",
            positions=flat,
            normals=vertex_normals(flat, faces),
            uv=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
            faces=faces,
            texture=_pleats(),
            color=tint,
            specular=0.02,
            gloss=10.0,
        ),
        loops.part(
            "mask",
            color=tint,
            specular=0.02,
            gloss=10.0,
        ),
    ]


def _surface(head: Head) -> Floats:
    """Grid (R, C, 3) from the lower edge up, columns from the viewer's left to the right."""
    at = head.vertices[LANDMARK_VERTICES].astype(np.float64)
    tip, width = at[30], float(at[15, 0] - at[1, 0])
    out = np.array([0, 0, 0.06])
    bridge = at[28] + out + (0, -0.03, 0.02)
    beside = [(at[i] + at[j]) / 2 + out for i, j in ((31, 40), (35, 47))]
    top = [at[1] + (0, -0.05, 0.02), beside[0], bridge, beside[1], at[15] + (0, -0.05, 0.02)]
    half = 0.19 * width
    ridge = tip + np.array([0, -0.06, 0.07])
    flank = [ridge + np.array([side * half, -0.03, -0.22]) for side in (-1, 1)]
    middle = [at[3] + (-0.02, 0, 0.05), flank[0], ridge, flank[1], at[13] + (0.02, 0, 0.05)]
    chin = at[8] + (0, -0.03, 0.10)
    sides = [at[i] + (0, 0, 0.10) for i in (6, 10)]
    bottom = [at[4] + (-0.01, 0, 0.04), sides[0], chin, sides[1], at[12] + (0.01, 0, 0.04)]
    low, mid, high = (spline(np.array(row), _STEPS) for row in (bottom, middle, top))
    t = np.linspace(0, 1, _ROWS)[:, None, None]
    knee = 0.55  # share of the height at which the middle row lies
    # the parabola through the three rows, column by column
    at_low = (t - knee) * (t - 1) / knee
    at_mid = t * (t - 1) / (knee * (knee - 1))
    at_high = t * (t - knee) / (1 - knee)
    return at_low * low + at_mid * mid + at_high * high


def _loop(head: Head, points: Floats, side: int):
    """A string from the upper corner over the ear to the lower corner."""
    ear = head.anchors["ear_top_r" if side == 0 else "ear_top_l"].astype(np.float64)
    lobe = head.anchors["ear_lobe_r" if side == 0 else "ear_lobe_l"].astype(np.float64)
    out = np.array([-0.03 if side == 0 else 0.03, 0, 0])
    path = spline([points[-1, side], ear + out, (ear + lobe) / 2 + (0, 0, -0.25), lobe + out,
                   points[0, side]], 6)  # fmt: skip
    return tube(path, up=(1, 0, 0), thickness=(0.03, 0.03), is_closed=False, sides=5)


@functools.cache
def _pleats() -> NDArray[np.uint8]:
    """Folds across the cloth and a hem, (64, 8, 4) grey."""
    v = (np.arange(64) + 0.5) / 64
    folds = sum(np.exp(-(((v - at) / 0.018) ** 2)) for at in (0.3, 0.48, 0.66))
    hem = np.exp(-(((np.abs(2 * v - 1) - 0.93) / 0.03) ** 2))
    grey = np.clip(1 - 0.28 * folds - 0.18 * hem, 0, 1)
    picture = np.ones((64, 8, 4))
    picture[..., :3] = grey[::-1, None, None]
    bytes_ = (picture * 255).round().astype(np.uint8)
    bytes_.setflags(write=False)
    return bytes_
