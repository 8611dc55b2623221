"""What lies behind a face, out of focus: a wall, a room or the open air, as one small picture.

A backdrop is blurred anyway, so a coarse grid holds all of it. Colours are sRGB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from unif2ace.synth.looks import Backdrop

GRID = 96
FIGURES = 7  # of a pattern, side by side


def backdrop_picture(backdrop: Backdrop) -> NDArray[np.float32]:
    """The picture (GRID, GRID, 3), 0..1; row 0 is the bottom, as OpenGL has it."""
    side = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID
    x, y = side[None, :], side[:, None]
    distance = np.hypot(x - backdrop.centre[0], y - backdrop.centre[1])
    t = np.clip((distance - 0.05) / 0.9, 0, 1)
    t = (t * t * (3 - 2 * t))[..., None]
    color = (1 - t) * np.array(backdrop.inner) + t * np.array(backdrop.outer)
    light = backdrop.rise * (y - 0.5) + 0 * x
    for x0, y0, x1, y1, brightness in backdrop.boxes:
        light = light + brightness * ((x > x0) & (x < x1) & (y > y0) & (y < y1))
    light = gaussian_filter(light, backdrop.blur * GRID, mode="nearest")
    for at_x, at_y, radius, brightness in backdrop.spots:
        edge = (np.hypot(x - at_x, y - at_y) / radius - 0.75) / 0.35
        t = np.clip(edge, 0, 1)
        light = light + brightness * (1 - t * t * (3 - 2 * t))
    color = color + light[..., None]
    if backdrop.pattern != "plain":  # darker figures, on black lighter ones: its colour stays
        gain = np.where(color.mean(-1, keepdims=True) > 0.15, 0.72, 2.0)
        color = color * (1 + (gain - 1) * _figure(backdrop.pattern)[..., None])
    return np.clip(color, 0, 1).astype(np.float32)


def _figure(pattern: str) -> NDArray[np.float32]:
    """(GRID, GRID), 1 on the figures of a striped, checkered or dotted wall, 0 between them."""
    cell = (FIGURES * (np.arange(GRID) + 0.5) / GRID) % 1
    x, y = cell[None, :], cell[:, None]
    if pattern == "dotted":
        return np.clip((0.3 - np.hypot(x - 0.5, y - 0.5)) / 0.06, 0, 1).astype(np.float32)
    stripes = np.broadcast_to(x >= 0.5, (GRID, GRID))
    found = stripes if pattern == "striped" else stripes ^ (y >= 0.5)
    return found.astype(np.float32)
