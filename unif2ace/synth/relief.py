"""What age and shelter do to skin, in the skins' UV layout: folds, spots, and shade in hollows.

As in `masks`, all is a function of where a texel lies on the unmorphed head. Positions were read
off the base mesh's front view and set by eye on contact sheets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from unif2ace.synth.masks import Field, smoothstep, surface_points
from unif2ace.synth.mesh import Floats

_SKULL = np.array([0.0, 7.2, 0.3])  # inside the head: surface normals point away from it


def sagging(points: Floats) -> Field:
    """Broad light and shade of a sagging face at points (..., 3), as change of log brightness.

    Below 0 is shade: smile folds, bags, hooded lids, hollow temples and cheeks, jowls, neck.
    """
    x, y = np.abs(points[..., 0]).astype(np.float64), points[..., 1]
    front = smoothstep(0.55, 0.95, points[..., 2])

    def spot(at_x: float, at_y: float, wide: float, high: float) -> Field:
        return np.exp(-0.5 * (((x - at_x) / wide) ** 2 + ((y - at_y) / high) ** 2))

    fold = x - np.interp(y, (6.50, 6.62, 6.75, 6.88, 6.95), (0.325, 0.325, 0.27, 0.185, 0.15))
    along = smoothstep(6.48, 6.60, y) * smoothstep(6.97, 6.88, y)
    shade = along * (
        0.12 * np.exp(-0.5 * ((fold - 0.06) / 0.04) ** 2)
        - 0.36 * np.exp(-0.5 * ((fold + 0.012) / 0.030) ** 2)
    )
    mouth = x - np.interp(y, (6.32, 6.50, 6.60), (0.31, 0.275, 0.25))
    shade -= (
        0.26
        * np.exp(-0.5 * (mouth / 0.028) ** 2)
        * smoothstep(6.28, 6.40, y)
        * smoothstep(6.62, 6.55, y)
    )
    bag = y - (7.155 + 0.05 * np.clip((x - 0.30) / 0.17, -1, 1) ** 2)
    lid = smoothstep(0.14, 0.22, x) * smoothstep(0.50, 0.42, x)
    shade -= 0.30 * np.exp(-0.5 * (bag / 0.024) ** 2) * lid
    shade += 0.10 * np.exp(-0.5 * ((bag - 0.055) / 0.025) ** 2) * lid
    shade -= 0.28 * np.exp(-0.5 * ((y - 7.375 + 0.25 * np.maximum(x - 0.36, 0)) / 0.022) ** 2) * lid
    shade -= 0.26 * spot(0.60, 7.50, 0.09, 0.12) + 0.20 * spot(0.50, 6.72, 0.08, 0.15)
    shade -= 0.16 * spot(0.41, 6.32, 0.07, 0.06) + 0.12 * spot(0.0, 6.40, 0.12, 0.03)
    return shade * front


def age_spots(points: Floats, rng: np.random.Generator) -> Field:
    """Brown spots (S, S) of an old skin, 0..1: a few large ones on temples, cheeks and forehead."""
    size = points.shape[0]
    scale = size / 1024
    spots = np.zeros((size, size))
    for radius, share in ((1.6, 0.0030), (2.6, 0.0012), (4.0, 0.0004)):
        is_centre = rng.random((size, size)) < share / scale**2
        strength = is_centre * rng.uniform(0.4, 1.0, size=(size, size))
        sigma = radius * scale / 1.6
        spots = np.maximum(spots, gaussian_filter(strength, sigma) * 2 * np.pi * sigma**2)
    x, y = np.abs(points[..., 0]), points[..., 1]
    sides = smoothstep(0.18, 0.42, x) * smoothstep(6.3, 6.7, y)
    high = smoothstep(7.55, 7.75, y)
    where = np.maximum(sides, high) * smoothstep(0.2, 0.7, points[..., 2])
    return np.clip(smoothstep(0.25, 0.75, spots) * np.clip(where, 0.12, 1), 0, 1)


def occlusion(points: Floats) -> Field:
    """How open each texel (S, S) lies to the sky, 0..1: hollows of the head get less of it.

    A texel is in a hollow when the mean of its surroundings lies outside the skin; measured over
    two distances, some 5 and 15 mm on the face.
    """
    size = points.shape[0]
    points = points.astype(np.float64)
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normal = np.cross(across, down)
    normal *= np.sign((normal * (points - _SKULL)).sum(axis=-1, keepdims=True))
    normal = _blur(normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12), 4.0)
    closed = np.zeros((size, size))
    for texels, weight in ((5.0, 14.0), (16.0, 7.0)):
        outside = _blur(points, texels * size / 1024) - points
        closed += weight * np.maximum((outside * normal).sum(axis=-1), 0)
    return gaussian_filter(np.exp(-np.minimum(closed, 1.2)), 1.0 * size / 1024)


def _blur(field: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    return gaussian_filter(field, (sigma, sigma, 0))


def relief(size: int) -> dict[str, NDArray[np.uint8]]:
    """Maps (size, size): `sagging` signed as `masks.skin_masks`' age lines, `spots`, `occlusion`.

    The same bytes each time. Raises ValueError unless size is an even number in 64..2048.
    """
    if size % 2:
        raise ValueError(f"relief size must be even, got {size}")
    # All of it is smooth: half the texels say the same at a quarter of the time.
    points = surface_points(size).reshape(size // 2, 2, size // 2, 2, 3).mean(axis=(1, 3))
    found = {
        "sagging": 128 + 127 * sagging(points) / 0.7,
        "spots": 255 * age_spots(points, np.random.default_rng(21)),
        "occlusion": 255 * occlusion(points),
    }
    fine = {name: field.repeat(2, axis=0).repeat(2, axis=1) for name, field in found.items()}
    return {name: np.clip(field, 0, 255).round().astype(np.uint8) for name, field in fine.items()}
