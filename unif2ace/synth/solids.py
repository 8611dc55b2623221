"""Small building blocks of accessories: swept tubes, spheres, discs, and surfaces over the skull.

Plain arrays in, plain arrays or a part to draw out; lengths in decimetres. Knows no attributes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unif2ace.synth.mesh import Floats, Ints, Part


@dataclass(frozen=True, kw_only=True)
class Solid:
    """A triangle mesh: positions (V, 3), unit normals (V, 3), uv (V, 2), faces (F, 3)."""

    positions: Floats
    normals: Floats
    uv: Floats
    faces: Ints

    def part(self, name: str, **look: Any) -> Part:
        """It as something to draw; `look`: the other fields of `Part`."""
        return Part(
            name=name,
            positions=self.positions,
            normals=self.normals,
            uv=self.uv,
            faces=self.faces,
            **look,
        )


def join(solids: list[Solid]) -> Solid:
    """One mesh of several. Raises ValueError for an empty list."""
    if not solids:
        raise ValueError("nothing to join: give at least one solid")
    starts = np.cumsum([0] + [len(s.positions) for s in solids[:-1]])
    return Solid(
        positions=np.concatenate([s.positions for s in solids]),
        normals=np.concatenate([s.normals for s in solids]),
        uv=np.concatenate([s.uv for s in solids]),
        faces=np.concatenate([s.faces + n for s, n in zip(solids, starts, strict=True)]).astype(
            np.int32
        ),
    )


def unit(vectors: Floats) -> Floats:
    """Vectors (..., 3) of length 1; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-12)


@functools.lru_cache(maxsize=64)
def grid_faces(rows: int, columns: int, closed_rows: bool, closed_columns: bool) -> Ints:
    """Triangles of a rows x columns vertex grid; a closed direction joins its end to its start.

    Counter-clockwise when columns run to the right and rows run up.
    """
    r = np.arange(rows if closed_rows else rows - 1)[:, None]
    c = np.arange(columns if closed_columns else columns - 1)[None, :]
    r1, c1 = (r + 1) % rows, (c + 1) % columns
    a, b, d, e = (i * columns + j for i, j in ((r, c), (r, c1), (r1, c), (r1, c1)))
    faces = np.stack([np.stack([a, b, e], -1), np.stack([a, e, d], -1)], axis=-2)
    return faces.reshape(-1, 3).astype(np.int32)


def tube(
    path: ArrayLike,
    *,
    up: ArrayLike,
    thickness: tuple[float, float],
    is_closed: bool,
    sides: int = 8,
) -> Solid:
    """An elliptic tube along points (N, 3).

    `thickness` is its size along `up`, (3,) or (N, 3) made perpendicular to the path, and across;
    open ends are drawn together to a point so that no hole shows.
    """
    points = np.asarray(path, np.float64)
    if is_closed:
        tangents = unit(np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0))
    else:
        tangents = unit(np.gradient(points, axis=0))
        points, tangents = (np.concatenate([a[:1], a, a[-1:]]) for a in (points, tangents))
    ups = np.broadcast_to(np.asarray(up, np.float64), (*points.shape[:1], 3))
    ups = unit(ups - (ups * tangents).sum(-1, keepdims=True) * tangents)
    sideways = np.cross(tangents, ups)
    angle = np.arange(sides) / sides * 2 * np.pi
    cos, sin = np.cos(angle)[None, :, None], np.sin(angle)[None, :, None]
    half_up, half_side = thickness[0] / 2, thickness[1] / 2
    rings = half_up * cos * ups[:, None] + half_side * sin * sideways[:, None]
    normals = unit(half_side * cos * ups[:, None] + half_up * sin * sideways[:, None])
    if not is_closed:
        rings[[0, -1]] = 0.0
    count = len(points)
    u, v = np.meshgrid(angle / (2 * np.pi), np.linspace(0, 1, count))
    return Solid(
        positions=(points[:, None] + rings).reshape(-1, 3).astype(np.float32),
        normals=normals.reshape(-1, 3).astype(np.float32),
        uv=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        faces=grid_faces(count, sides, is_closed, True),
    )


def sphere(centre: ArrayLike, radii: ArrayLike, rows: int = 7, columns: int = 10) -> Solid:
    """An ellipsoid with `radii` (3,) or one radius."""
    radii = np.broadcast_to(np.asarray(radii, np.float64), (3,))
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    longitude = (np.arange(columns) / columns * 2 * np.pi)[None, :]
    direction = np.stack(
        [
            np.cos(latitude) * np.sin(longitude),
            np.broadcast_to(np.sin(latitude), (rows, columns)),
            np.cos(latitude) * np.cos(longitude),
        ],
        axis=-1,
    ).reshape(-1, 3)
    u, v = np.meshgrid(np.arange(columns) / columns, np.linspace(0, 1, rows))
    return Solid(
        positions=(np.asarray(centre) + radii * direction).astype(np.float32),
        normals=unit(direction / radii).astype(np.float32),
        uv=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        faces=grid_faces(rows, columns, False, True),
    )


def disc(outline: Floats, bulge: float) -> Solid:
    """A fan over a closed outline (N, 3) that faces the viewer, with the normals of a dome.

    `bulge` tilts the normals at the edge: 0 is flat, 1 is 45 degrees. UVs span the outline's box.
    """
    centre = outline.mean(axis=0)
    positions = np.concatenate([centre[None], outline]).astype(np.float32)
    half = np.maximum(np.ptp(outline[:, :2], axis=0) / 2, 1e-9)
    flat = (positions[:, :2] - outline[:, :2].min(axis=0)) / (2 * half)
    tilt = np.concatenate([bulge * (2 * flat - 1), np.ones((len(flat), 1))], axis=1)
    ring = np.arange(len(outline))
    faces = np.stack([np.zeros_like(ring), 1 + ring, 1 + (ring + 1) % len(ring)], axis=1)
    return Solid(
        positions=positions,
        normals=unit(tilt).astype(np.float32),
        uv=flat.astype(np.float32),
        faces=faces.astype(np.int32),
    )


def spline(knots: ArrayLike, steps: int) -> NDArray[np.float64]:
    """A smooth open curve through knots (K, 3), `steps` points per span (Catmull-Rom)."""
    k = np.asarray(knots, np.float64)
    k = np.concatenate([2 * k[:1] - k[1:2], k, 2 * k[-1:] - k[-2:-1]])
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (k[i : len(k) - 3 + i, None] for i in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2)
    curve = curve + 0.5 * (3 * b - a - 3 * c + d) * t**3
    return np.concatenate([curve.reshape(-1, 3), k[-2:-1]])
