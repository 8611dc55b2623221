"""Paint masks in the skins' UV layout: lips, eye shadow, beards, freckles, blush, age lines.

Every mask is a smooth function of where a texel lies on the unmorphed base mesh, so it has no UV
seams, follows every morph, and needs no asset. Knows nothing of colours or attributes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from unif2ace.synth.assets import base_mesh
from unif2ace.synth.mesh import BaseMesh, Floats, triangulate

Mask = NDArray[np.uint8]
Field = NDArray[np.float64]

_LOWEST = 5.2  # decimetres: masks end on the neck, above the shoulders
_DETAIL_RANGE = 0.7  # log brightness that 127 steps of `age_lines` stand for
# Lip edges of hm08 from the middle to the person's right corner, upper lip and lower lip.
_UPPER_LIP = (466, 460, 457, 451, 5351, 447, 413, 414, 499)
_LOWER_LIP = (496, 490, 484, 478, 440, 442, 428)


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below `low`, 1 above `high`, smooth between; falls instead when high < low."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


@functools.lru_cache(maxsize=2)
def surface_points(size: int) -> Floats:
    """Where each texel of the skins' atlas lies on the unmorphed head, (size, size, 3) decimetres.

    Row 0 is the top of the picture. Texels outside the head's UV islands carry their nearest
    neighbour's point, so filtering at a border meets no jump.
    Raises ValueError unless size is 64..2048.
    """
    if not 64 <= size <= 2048:
        raise ValueError(f"mask size must be in 64..2048 texels, got {size}")
    mesh = base_mesh()
    body = mesh.group_faces("body")
    body = body[mesh.vertices[mesh.quads[body], 1].min(axis=1) > _LOWEST]
    corners = triangulate(mesh.quads[body])
    texels = mesh.uvs[triangulate(mesh.uv_quads[body])].astype(np.float64)  # (T, 3, 2)
    texels = np.stack([texels[..., 0], 1 - texels[..., 1]], axis=-1) * size - 0.5
    points = np.zeros((size, size, 3), np.float32)
    is_set = np.zeros((size, size), bool)
    for corner, texel in zip(mesh.vertices[corners], texels, strict=True):
        _fill_triangle(points, is_set, texel, corner)
    nearest = distance_transform_edt(~is_set, return_distances=False, return_indices=True)
    return points[nearest[0], nearest[1]]


def _fill_triangle(points: Floats, is_set: NDArray[np.bool_], texel: Field, corner: Floats) -> None:
    """Write the points of one triangle with texel corners (3, 2) and points (3, 3)."""
    low = np.maximum(np.floor(texel.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(texel.max(axis=0)).astype(int) + 1, len(points))
    (ax, ay), (bx, by), (cx, cy) = texel
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if abs(area) < 1e-9:
        return
    x = np.arange(low[0], high[0])[None, :]
    y = np.arange(low[1], high[1])[:, None]
    b = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
    c = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
    weights = np.stack([1 - b - c, b, c], axis=-1)
    inside = weights.min(axis=-1) > -1e-6
    window = slice(low[1], high[1]), slice(low[0], high[0])
    points[window][inside] = weights[inside] @ corner
    is_set[window] |= inside


def skin_masks(size: int = 1024) -> dict[str, Mask]:
    """Weights (size, size) uint8 in the skins' layout, 0 = none and 255 = full, by name.

    lips, eye_shadow, blush, freckles, stubble, moustache, goatee, full_beard; and `age_lines`,
    signed: 128 = none, 128 + 127 d / 0.7 for a change of log brightness d (lines are below 128).
    The same bytes each time. Raises ValueError unless size is 64..2048.
    """
    p = surface_points(size)
    x, y, z = np.abs(p[..., 0]).astype(np.float64), p[..., 1], p[..., 2]
    rng = np.random.default_rng(20)
    lips = lip_weight(size)
    hair = _strands(size, rng)
    masks = {
        "lips": lips,
        "eye_shadow": _eye_shadow(x, y, z),
        "blush": _blush(x, y, z),
        "freckles": _freckles(p, size, rng),
    }
    for style in ("moustache", "goatee", "full_beard"):
        density = beard_density(style, p, rough=_noise(size, 5.0, rng))
        masks[style] = _skin_hair(density * (1 - lips), hair)
    short = beard_density("stubble", p, rough=_noise(size, 8.0, rng))
    masks["stubble"] = short * (1 - lips) * (0.46 + 0.34 * _speckle(size, rng))
    found = {name: _to_bytes(mask) for name, mask in masks.items()}
    found["age_lines"] = _age_lines(x, y, z, size, rng)
    return found


def _to_bytes(weight: Field) -> Mask:
    return (np.clip(weight, 0, 1) * 255).round().astype(np.uint8)


def _noise(size: int, texels: float, rng: np.random.Generator) -> Field:
    """Smooth noise (size, size) of unit variance; grains of `texels` texels at size 1024."""
    noise = gaussian_filter(rng.normal(size=(size, size)), texels * size / 1024)
    return noise / noise.std()


def _speckle(size: int, rng: np.random.Generator) -> Field:
    """Dots like cut hairs, 0..1 with mean about one third."""
    grain = np.maximum(_noise(size, 0.5, rng), 0.4 * _noise(size, 0.8, rng))
    return smoothstep(-0.1, 1.6, grain)


def _strands(size: int, rng: np.random.Generator) -> Field:
    """Short strands that run down the face (along u of the atlas), 0..1, mean about one half."""
    scale = size / 1024
    length, width = 3.2 * scale, 0.55 * scale
    strands = gaussian_filter(rng.normal(size=(size, size)), (width, length))
    return smoothstep(-1.4, 1.6, strands / strands.std())


def _skin_hair(density: Field, strands: Field) -> Field:
    """Hair seen on skin: strands first where it is thin, nearly solid where it is dense."""
    return np.clip(1.25 * density - 0.45 * (1 - density) * (1 - strands), 0, 1) * (
        0.72 + 0.28 * strands
    )


def beard_density(style: str, points: Floats, rough: Field | float = 0.0) -> Field:
    """How densely hair of a beard style grows at points (..., 3) of the unmorphed head, 0..1.

    `rough` (...) of unit variance frays the borders. Styles: moustache, goatee, full_beard,
    stubble. Raises ValueError for another style.
    """
    if style not in _BEARDS:
        raise ValueError(f"unknown beard style {style!r}; known: {', '.join(_BEARDS)}")
    x = np.abs(points[..., 0]).astype(np.float64)
    y, z = points[..., 1] + 0.010 * rough, points[..., 2]
    return _BEARDS[style](x + 0.008 * rough, y, z)


def _moustache(x: Field, y: Field, z: Field) -> Field:
    """Between nose and upper lip, drooping a little past the corners of the mouth."""
    top = 6.80 - 0.02 * smoothstep(0.03, 0.0, x) - 0.45 * np.maximum(x - 0.10, 0)
    bottom = 6.64 - 0.35 * np.maximum(x - 0.16, 0)
    band = smoothstep(0.0, 0.05, top - y) * smoothstep(0.0, 0.03, y - bottom)
    return band * smoothstep(0.335, 0.26, x) * smoothstep(1.2, 1.3, z)


def _chin(x: Field, y: Field, z: Field) -> Field:
    """Chin, soul patch, and the strip that joins them to the moustache beside the mouth."""
    edge = 0.30 - 0.12 * smoothstep(6.42, 6.2, y)
    chin = smoothstep(0.0, 0.06, edge - x) * smoothstep(6.53, 6.45, y)
    bare = smoothstep(0.05, 0.09, x) * smoothstep(0.24, 0.17, x) * smoothstep(6.40, 6.46, y)
    beside = smoothstep(0.0, 0.05, 0.325 - x) * smoothstep(0.215, 0.25, x)
    beside *= smoothstep(6.40, 6.48, y) * smoothstep(6.76, 6.70, y)
    below = smoothstep(0.95, 1.15, z + 0.15 * smoothstep(0.2, 0.0, x))
    return np.maximum(chin * (1 - 0.75 * bare), beside) * below


def _goatee(x: Field, y: Field, z: Field) -> Field:
    return np.maximum(_moustache(x, y, z), _chin(x, y, z))


def _cheeks(x: Field, y: Field, z: Field, rise: float, soft: float) -> Field:
    """Jaw, lower cheeks and sideburns; `rise` lifts the cheek line, `soft` widens its border."""
    line = np.interp(z, (0.45, 0.60, 0.72, 0.86, 1.05, 1.25, 1.40, 1.50),
                     (7.30, 7.28, 7.14, 6.86, 6.72, 6.68, 6.72, 6.80))  # fmt: skip
    under_line = smoothstep(-soft, soft, line + rise - y)
    neck = 6.52 - 0.55 * (z - 0.35) - 0.30 * smoothstep(0.45, 0.0, x)
    over_neck = smoothstep(-soft, soft, y - neck)
    ear = 0.38 + 0.24 * smoothstep(6.62, 6.86, y)
    before_ear = smoothstep(ear, ear + 1.5 * soft, z) * smoothstep(0.735, 0.715, x)
    return under_line * over_neck * before_ear


def _full_beard(x: Field, y: Field, z: Field) -> Field:
    off_mouth = 1 - smoothstep(0.27, 0.22, x) * smoothstep(6.42, 6.50, y)
    return np.maximum(_cheeks(x, y, z, 0.0, 0.05) * off_mouth, _goatee(x, y, z))


def _stubble(x: Field, y: Field, z: Field) -> Field:
    off_mouth = 1 - smoothstep(0.27, 0.22, x) * smoothstep(6.42, 6.50, y)
    cheeks = _cheeks(x, y, z, 0.03, 0.10) * off_mouth
    return np.maximum(0.9 * cheeks, _goatee(x, y, z))


_BEARDS: dict[str, Callable[[Field, Field, Field], Field]] = {
    "moustache": _moustache,
    "goatee": _goatee,
    "full_beard": _full_beard,
    "stubble": _stubble,
}


def mirror_vertices(mesh: BaseMesh, numbers: tuple[int, ...]) -> list[int]:
    """The vertices opposite to `numbers`; the body is symmetric about x = 0."""
    opposite = mesh.vertices[list(numbers)] * (-1, 1, 1)
    body = mesh.group_vertices("body")
    gaps = np.linalg.norm(mesh.vertices[body][None] - opposite[:, None], axis=-1)
    return body[gaps.argmin(axis=1)].tolist()


def lip_weight(size: int) -> Field:
    """Inside of the lips' edge, drawn in UV: distance to a polygon, softened."""
    mesh = base_mesh()
    ring = [*_UPPER_LIP, *_LOWER_LIP[::-1]]
    ring += [*mirror_vertices(mesh, _LOWER_LIP[1:]), *mirror_vertices(mesh, _UPPER_LIP[:0:-1])]
    faces = mesh.group_faces("body")
    uv_of = np.zeros(len(mesh.vertices), np.int32)
    uv_of[mesh.quads[faces]] = mesh.uv_quads[faces]
    outline = mesh.uvs[uv_of[ring]].astype(np.float64)
    outline = np.stack([outline[:, 0], 1 - outline[:, 1]], axis=-1) * size - 0.5
    inside = _signed_inside(outline, size)
    return smoothstep(-1.6, 1.8, inside * 1024 / size)


def _signed_inside(outline: Field, size: int) -> Field:
    """Distance in texels to a closed polygon (N, 2), positive inside; -size far away."""
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 8, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 9, size)
    x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    point = np.stack([x, y], axis=-1).astype(np.float64)
    is_inside = np.zeros(x.shape, bool)
    distance = np.full(x.shape, np.inf)
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        along = np.clip(((point - a) @ (b - a)) / max(float((b - a) @ (b - a)), 1e-12), 0, 1)
        distance = np.minimum(
            distance, np.linalg.norm(point - a - along[..., None] * (b - a), axis=-1)
        )
        if a[1] != b[1]:
            crosses = (a[1] > y) != (b[1] > y)
            is_inside ^= crosses & (x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
    found = np.full((size, size), -float(size))
    found[low[1] : high[1], low[0] : high[0]] = np.where(is_inside, distance, -distance)
    return found


def _eye_shadow(x: Field, y: Field, z: Field) -> Field:
    """Upper lid up to below the brow, strongest at the lashes, drawn out to the temple."""
    out = x - 0.31
    lashes = 7.325 - 0.55 * np.maximum(np.abs(out + 0.01) - 0.04, 0) * (out < 0)
    lashes = lashes - 0.35 * np.maximum(out - 0.05, 0)
    height = y - lashes
    reach = 0.135 + 0.10 * np.clip(out, -0.1, 0.12)
    lid = smoothstep(-0.035, 0.005, height) * smoothstep(reach, 0.03, height)
    sides = smoothstep(0.155, 0.21, x) * smoothstep(0.535, 0.44, x)
    return lid * sides * smoothstep(1.0, 1.15, z)


def _blush(x: Field, y: Field, z: Field) -> Field:
    """A soft slanted oval over each cheekbone."""
    along = (x - 0.44) * 0.86 + (y - 7.0) * 0.5
    across = (y - 7.0) * 0.86 - (x - 0.44) * 0.5
    return np.exp(-0.5 * ((along / 0.14) ** 2 + (across / 0.10) ** 2)) * smoothstep(0.6, 0.9, z)


def _freckles(points: Floats, size: int, rng: np.random.Generator) -> Field:
    """Spots of many sizes, thick on nose and cheeks, few on forehead and chin."""
    spots = np.zeros((size, size))
    scale = size / 1024
    for radius, share in ((0.9, 0.045), (1.3, 0.022), (1.9, 0.006)):
        strength = rng.uniform(0.45, 1.0, size=(size, size))
        is_centre = rng.random((size, size)) < share / scale**2
        dots = gaussian_filter(is_centre * strength, radius * scale / 1.6)
        spots = np.maximum(spots, dots * 2 * np.pi * (radius * scale / 1.6) ** 2)
    x, y = np.abs(points[..., 0]), points[..., 1]
    cheeks = np.exp(-0.5 * (((x - 0.30) / 0.17) ** 2 + ((y - 7.02) / 0.13) ** 2))
    nose = np.exp(-0.5 * ((x / 0.12) ** 2 + ((y - 7.08) / 0.16) ** 2))
    rest = 0.25 * np.exp(-0.5 * ((x / 0.5) ** 2 + ((y - 7.1) / 0.55) ** 2))
    where = np.clip(np.maximum(np.maximum(cheeks, nose), rest), 0, 1)
    patchy = np.clip(1 + 0.35 * _noise(size, 9.0, rng), 0, 1.5)
    front = smoothstep(0.8, 1.1, points[..., 2])
    return smoothstep(0.25, 0.8, spots * np.clip(1.25 * where * patchy, 0, 1.1)) * front


def _line(distance: Field, width: float) -> Field:
    """A crease: dark in the middle, a faint light lip on each side."""
    t = distance / width
    return np.exp(-0.5 * t * t) - 0.35 * np.exp(-0.5 * (t / 2.2) ** 2)


def _age_lines(x: Field, y: Field, z: Field, size: int, rng: np.random.Generator) -> Mask:
    """Procedural wrinkles: forehead, frown, crow's feet, under-eye bags, smile folds, mouth."""
    wave, grain = _noise(size, 14.0, rng), _noise(size, 2.0, rng)
    front = smoothstep(0.75, 1.05, z)
    depth = np.zeros((size, size))
    fade = smoothstep(0.52, 0.30, x) * front
    for height, strength in ((7.66, 0.13), (7.74, 0.17), (7.82, 0.15), (7.885, 0.08)):
        # No line runs through: each rises, wanders and breaks off where the skin gives way.
        breaks = _noise(size, 26.0, rng)
        bow = height - 0.05 * np.cos(np.clip(x / 0.4, 0, 1) * np.pi) + 0.014 * wave
        shown = smoothstep(-1.1, 0.9, breaks)
        depth += strength * _line(y - bow, 0.013) * fade * shown * np.clip(1 + 0.3 * wave, 0, 1.5)
    frown = smoothstep(7.40, 7.45, y) * smoothstep(7.60, 7.54, y) * front
    depth += 0.20 * _line(x - 0.045 - 0.1 * (y - 7.45) + 0.004 * wave, 0.010) * frown
    for angle, strength in ((-0.50, 0.2), (-0.12, 0.26), (0.25, 0.26), (0.60, 0.18)):
        dx, dy = x - 0.46, y - 7.285
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle) + 0.005 * wave
        reach = smoothstep(0.01, 0.04, along) * smoothstep(0.17, 0.09, along)
        depth += strength * _line(across, 0.008) * reach
    dx = np.clip((x - 0.30) / 0.17, -1, 1)
    bag = 7.155 + 0.05 * dx * dx + 0.004 * wave
    under = smoothstep(0.17, 0.24, x) * smoothstep(0.47, 0.40, x) * front
    depth += 0.20 * _line(y - bag, 0.014) * under
    depth += 0.13 * _line(y - bag - 0.05, 0.008) * under
    # Smile fold: from the wing of the nose down past the corner of the mouth.
    fold_x = np.interp(y, (6.50, 6.62, 6.75, 6.88, 6.95), (0.315, 0.325, 0.27, 0.185, 0.15))
    folds = smoothstep(6.50, 6.60, y) * smoothstep(6.96, 6.88, y) * front
    depth += 0.34 * _line(x - fold_x + 0.004 * wave, 0.016) * folds
    droop_x = np.interp(y, (6.36, 6.50, 6.60), (0.285, 0.265, 0.25))
    droop = smoothstep(6.36, 6.44, y) * smoothstep(6.60, 6.56, y) * front
    depth += 0.20 * _line(x - droop_x + 0.004 * wave, 0.011) * droop
    texture = 0.02 * grain * smoothstep(6.2, 6.5, y) * front  # coarser skin
    detail = gaussian_filter(-depth * np.clip(1 + 0.15 * grain, 0.5, 1.5) - texture, 0.6)
    return np.clip(128 + 127 * detail / _DETAIL_RANGE, 0, 255).round().astype(np.uint8)
