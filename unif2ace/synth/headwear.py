"""Beanies and headbands: cloth laid over the skull of any head, and hair pressed down by it.

The cloth's grid points are cast onto the unmorphed scalp once; afterwards they move with the
corners of the triangles they lie on. Knows no attributes but the hat's own name.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unif2ace.synth.assets import base_mesh
from unif2ace.synth.mesh import Floats, Head, Ints, Part, triangulate
from unif2ace.synth.solids import grid_faces, unit

Color = tuple[float, float, float]
Picture = NDArray[np.uint8]

_AXIS_Z = 0.45  # depth of the upright axis around which hats are laid
_COLUMNS = 48
_CROWN_ROWS, _BAND_ROWS = 18, 7
_COLORS: Mapping[str, tuple[Color, ...]] = {  # shades, of which one stands out from any hair
    "grey": ((0.10, 0.10, 0.105), (0.40, 0.40, 0.41)),
    "black": ((0.011, 0.011, 0.013),),
    "red": ((0.36, 0.014, 0.022), (0.16, 0.006, 0.012)),
    "blue": ((0.020, 0.055, 0.30),),
    "green": ((0.020, 0.16, 0.045),),
    "yellow": ((0.62, 0.40, 0.03),),
}


@dataclass(frozen=True, kw_only=True)
class _Cast:
    """Grid points on the base mesh: corners (R, C, 3) of their triangles, weights (R, C, 3)."""

    corners: Ints
    weights: Floats

    def points(self, head: Head) -> Floats:
        """Where they lie on a head, (R, C, 3)."""
        return np.einsum("rck,rckd->rcd", self.weights, head.vertices[self.corners])


def _scalp() -> tuple[Ints, NDArray[np.float64]]:
    """Triangles (T, 3) of the head above the ears' lobes, and their corners (T, 3, 3)."""
    mesh = base_mesh()
    body = mesh.group_faces("body")
    quads = mesh.quads[body]
    quads = quads[mesh.vertices[quads, 1].min(axis=1) > 6.6]
    triangles = triangulate(quads)
    return triangles, mesh.vertices[triangles].astype(np.float64)


def _cast(origins: NDArray[np.float64], directions: NDArray[np.float64]) -> _Cast:
    """The farthest hit on the scalp of each ray (..., 3)."""
    triangles, corners = _scalp()
    a = corners[:, 0]
    u, v = corners[:, 1] - a, corners[:, 2] - a
    found, weights = [], []
    for origin, direction in zip(origins.reshape(-1, 3), directions.reshape(-1, 3), strict=True):
        p = np.cross(direction, v)
        det = (u * p).sum(-1)
        inverse = 1 / np.where(np.abs(det) < 1e-12, np.inf, det)
        s = origin - a
        q = np.cross(s, u)
        beta, gamma = (s * p).sum(-1) * inverse, (q @ direction) * inverse
        distance = (q * v).sum(-1) * inverse
        is_hit = (np.minimum(beta, gamma) > -1e-6) & (beta + gamma < 1 + 1e-6) & (det != 0)
        assert is_hit.any(), "rays start inside the head, so each must meet the scalp"
        best = int(np.where(is_hit, distance, -np.inf).argmax())
        found.append(triangles[best])
        weights.append((1 - beta[best] - gamma[best], beta[best], gamma[best]))
    shape = origins.shape
    return _Cast(
        corners=np.array(found, np.int32).reshape(shape),
        weights=np.array(weights, np.float32).reshape(shape),
    )


def _rim_height(z: NDArray[np.float64] | Floats, front: float, tilt: float) -> NDArray[np.float64]:
    """Height of a tilted plane that passes the forehead (z = 1.45) at height `front`."""
    return front + tilt * (z - 1.45)


def _azimuths() -> NDArray[np.float64]:
    """From the back round the person's right, front and left to the back again, seam included."""
    return np.linspace(-np.pi, np.pi, _COLUMNS + 1)


@functools.cache
def _crown(front: float, tilt: float) -> _Cast:
    """From the rim to the top of the skull; (rows, columns + 1)."""
    angle, rise = np.meshgrid(_azimuths(), np.linspace(0, 1, _CROWN_ROWS) ** 1.15)
    depth = _AXIS_Z + 0.95 * np.cos(angle)
    height = (1 - rise) * _rim_height(depth, front, tilt) + rise * 7.6
    elevation = 0.4999 * np.pi * rise
    directions = np.stack(
        [np.sin(angle) * np.cos(elevation), np.sin(elevation), np.cos(angle) * np.cos(elevation)],
        axis=-1,
    )
    origins = np.stack([np.zeros_like(angle), height, np.full_like(angle, _AXIS_Z)], axis=-1)
    return _cast(origins, directions)


@functools.cache
def _band(front: float, tilt: float, width: float) -> _Cast:
    """A strip round the skull whose lower edge lies on the tilted plane."""
    angle, rise = np.meshgrid(_azimuths(), np.linspace(0, 1, _BAND_ROWS))
    depth = _AXIS_Z + 0.95 * np.cos(angle)
    height = _rim_height(depth, front, tilt) + width * rise
    origins = np.stack([np.zeros_like(angle), height, np.full_like(angle, _AXIS_Z)], axis=-1)
    directions = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=-1)
    return _cast(origins, directions)


# name -> (lowest front height, highest front height, tilt); a hat lies anywhere between the two
_PLACES = {"beanie": (7.68, 7.82, 0.36), "headband": (7.74, 7.84, 0.26)}
_BAND_WIDTH = 0.26


@dataclass(frozen=True, kw_only=True)
class Hat:
    """A hat laid on one head."""

    name: str
    skin: Floats  # (R, C, 3) below the cloth, from the rim up; the last column repeats the first


def place_hat(name: str, head: Head, rng: np.random.Generator) -> Hat:
    """Lay a `beanie` or `headband` on a head. Raises ValueError for another name."""
    if name not in _PLACES:
        raise ValueError(f"unknown hat {name!r}; known: {', '.join(_PLACES)}")
    low, high, tilt = _PLACES[name]
    casts = [
        _crown(front, tilt) if name == "beanie" else _band(front, tilt, _BAND_WIDTH)
        for front in (low, high)
    ]
    share = float(rng.random())
    skin = (1 - share) * casts[0].points(head) + share * casts[1].points(head)
    return Hat(name=name, skin=skin.astype(np.float32))


def tuck_hair(positions: Floats, hat: Hat) -> Floats:
    """Hair points (N, 3) pressed to the head by a hat.

    Below a beanie's rim hair lies close and swells out further down; above it, hair shrinks into
    the skull. Under a headband it is pressed only near the band.
    """
    x, z = positions[:, 0], positions[:, 2] - _AXIS_Z
    radius, angle = np.hypot(x, z), np.arctan2(x, z)
    rim, skull = _around(hat.skin[0], angle)
    height = positions[:, 1] - rim
    if hat.name == "beanie":
        limit = skull + 0.04 + 0.55 * np.maximum(-height - 0.05, 0)
        inside = np.clip((height - 0.02) / 0.15, 0, 1)
        limit = np.where(height > 0, skull, limit) * (1 - 0.16 * inside)
        lowered = np.maximum(height, 0) * 0.2 * inside
    else:
        upper, upper_skull = _around(hat.skin[-1], angle)
        share = height / np.maximum(upper - rim, 1e-6)
        skull = skull + np.clip(share, 0, 1) * (upper_skull - skull)
        limit = skull + 0.03 + 0.25 * np.maximum(np.abs(share - 0.5) - 0.8, 0)
        lowered = np.zeros_like(height)
    shrink = np.minimum(1.0, limit / np.maximum(radius, 1e-6))
    tucked = np.stack([x * shrink, positions[:, 1] - lowered, z * shrink + _AXIS_Z], axis=1)
    return tucked.astype(np.float32)


def _around(ring: Floats, angle: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Height of a ring (C, 3) of skin and its distance from the axis, at azimuths (N,)."""
    x, z = ring[:-1, 0], ring[:-1, 2] - _AXIS_Z
    at, distance = np.arctan2(x, z), np.hypot(x, z)
    return (
        np.interp(angle, at, ring[:-1, 1], period=2 * np.pi),
        np.interp(angle, at, distance, period=2 * np.pi),
    )


@functools.lru_cache(maxsize=16)
def _knit(ribs: int, rows: int, furrow: float) -> Picture:
    """Ribbed knitting, (8 rows, 16 ribs, 4) grey: `ribs` across, `rows` of stitches upwards.

    The whole of it, since the renderer does not repeat textures. `furrow` darkens the furrows.
    """
    u, v = np.meshgrid((np.arange(16) + 0.5) / 16, (np.arange(8) + 0.5) / 8)
    across = np.abs(2 * u - 1)  # 0 on the ridge, 1 in the furrow
    stitch = 0.5 + 0.5 * np.cos(2 * np.pi * (v + 0.4 * (1 - across)))
    grey = (1 - furrow * across**2) * (0.84 + 0.16 * stitch)
    return _grey(np.tile(np.clip(grey, 0, 1), (rows, ribs)))


@functools.cache
def _weave() -> Picture:
    """Fine cloth with a hem along both edges, (64, 512, 4) grey."""
    u, v = np.meshgrid(np.arange(512) / 512, (np.arange(64) + 0.5) / 64)
    threads = 0.94 + 0.06 * np.sin(2 * np.pi * 128 * u) * np.sin(2 * np.pi * 16 * v)
    hem = np.exp(-(((np.abs(2 * v - 1) - 0.72) / 0.05) ** 2))
    return _grey(np.clip(threads * (1 - 0.3 * hem), 0, 1))


def _grey(grey: NDArray[np.float64]) -> Picture:
    rgba = np.ones((*grey.shape, 4))
    rgba[..., :3] = grey[..., None]
    picture = (rgba * 255).round().astype(np.uint8)
    picture.setflags(write=False)
    return picture


def _rounded(skin: Floats, passes: int) -> Floats:
    """Cloth spans hollows: the grid averaged with its neighbours round the head."""
    ring = skin[:, :-1]
    for _ in range(passes):
        ring = (np.roll(ring, 1, axis=1) + 2 * ring + np.roll(ring, -1, axis=1)) / 4
    return np.concatenate([ring, ring[:, :1]], axis=1)


def _outward(skin: Floats, lift: float) -> Floats:
    """Unit directions (R, C, 3) away from the upright axis, tilted upwards with the surface."""
    centre = np.array([0, 7.55 - lift, _AXIS_Z], np.float32)
    return unit(skin - centre)


def _cloth_color(color: str, rng: np.random.Generator, hair: Color) -> NDArray[np.float64]:
    """The shade of a colour that is least like the hair: light grey on a dark head."""
    shades = np.array(_COLORS[color])
    contrast = np.abs(np.log(shades / np.maximum(hair, 1e-3))).max(axis=1)
    return shades[int(contrast.argmax())] * np.exp(rng.uniform(-0.12, 0.12))


def hat_parts(
    hat: Hat, color_name: str, rng: np.random.Generator, thickness: float, hair: Color
) -> list[Part]:
    """The hat's mesh. `thickness` is room for hair below the cloth, in decimetres.

    `hair` is the linear colour of the hair that the cloth is to stand out from.
    """
    color = _cloth_color(color_name, rng, hair)
    if hat.name == "beanie":
        return [_beanie(hat, rng, thickness, tuple(color.tolist()))]
    return [_headband(hat, rng, thickness, tuple(color.tolist()))]


def _beanie(hat: Hat, rng: np.random.Generator, thickness: float, color: Color) -> Part:
    skin = _rounded(hat.skin, 2)
    rise = np.linspace(0, 1, _CROWN_ROWS) ** 1.15
    fold = float(rng.uniform(0.14, 0.22))  # share of the crown that the turned-up fold covers
    in_fold = np.clip((fold - rise) / 0.05, 0, 1)
    roll = np.clip(rise / 0.02, 0, 1)  # the lower edge curls in to the skin
    slack = float(rng.uniform(0.02, 0.09)) * np.sin(np.pi * rise**1.5) + 0.05 * rise**3
    offset = roll * (0.045 + thickness + 0.055 * in_fold) + 0.012 + slack * (1 - in_fold)
    offset = offset[:, None, None].astype(np.float32)
    points = skin + offset * _outward(skin, 0.35)
    ribs = (30, 36, 44)[int(rng.integers(3))]
    return _cloth("hat", points, color, _knit(ribs, 20, 0.5 if rng.random() < 0.5 else 0.35))


def _headband(hat: Hat, rng: np.random.Generator, thickness: float, color: Color) -> Part:
    skin = _rounded(hat.skin, 2)
    across = np.linspace(-1, 1, _BAND_ROWS)
    offset = 0.012 + (0.045 + thickness) * (1 - across**4)
    points = skin + offset[:, None, None].astype(np.float32) * _outward(skin, 0.0)
    picture = _knit(44, 4, 0.4) if rng.random() < 0.4 else _weave()
    return _cloth("hat", points, color, picture)


def _cloth(name: str, points: Floats, color: Color, picture: Picture) -> Part:
    """A part of a grid (R, C, 3) that closes round the head, with one texture all over it."""
    rows, columns, _ = points.shape
    across = np.gradient(points, axis=0)
    ring = points[:, :-1]
    along = np.roll(ring, -1, axis=1) - np.roll(ring, 1, axis=1)
    along = np.concatenate([along, along[:, :1]], axis=1)
    normals = unit(np.cross(along, across))
    normals[-1] = (0, 1, 0) if name == "hat" and points[-1, :, 1].std() < 1e-2 else normals[-1]
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    return Part(
        name=name,
        positions=points.reshape(-1, 3).astype(np.float32),
        normals=normals.reshape(-1, 3).astype(np.float32),
        uv=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        faces=grid_faces(rows, columns, False, False),
        texture=picture,
        color=color,
        specular=0.02,
        gloss=8.0,
    )
