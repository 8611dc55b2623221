"""What is drawn on skin for the finer attributes: masks in the atlas, and spots and lines in space.

Masks are, as in `masks`, functions of where a texel lies on the unmorphed head. A spot or a line
hangs on vertices, so that it follows every morph at full sharpness.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from unif2ace.synth.assets import base_mesh
from unif2ace.synth.landmarks import LANDMARK_VERTICES
from unif2ace.synth.masks import Field, Mask, smoothstep, surface_points
from unif2ace.synth.mesh import Floats, Head

# Places on the unmorphed face as the viewer sees it, x and y in decimetres.
_SPOTS: Mapping[str, tuple[float, float]] = {
    "left cheek": (-0.36, 6.90),
    "right cheek": (0.36, 6.90),
    "lip": (0.17, 6.755),
}
_SCARS: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "left cheek": ((-0.50, 7.05), (-0.33, 6.70)),
    "right cheek": ((0.50, 7.05), (0.33, 6.70)),
    "forehead": ((-0.22, 7.90), (-0.02, 7.62)),
}
_LIDS = {
    "upper": ((36, 37, 38, 39), (45, 44, 43, 42)),
    "lower": ((36, 41, 40, 39), (45, 46, 47, 42)),
}


def mark_masks(size: int) -> Mask:
    """Weights (size, size, 4) uint8: eyeliner, bags under the eyes, sideburns, none."""
    points = surface_points(size)
    x, y, z = np.abs(points[..., 0]).astype(np.float64), points[..., 1], points[..., 2]
    upper, lower = _to_lids(points, "upper"), _to_lids(points, "lower")
    front = smoothstep(0.85, 1.0, z)
    liner = smoothstep(0.05, 0.025, upper) + 0.7 * smoothstep(0.028, 0.012, lower)
    wing = _segment_distance(points, np.array([0.455, 7.27, 1.12]), np.array([0.56, 7.34, 1.02]))
    liner = np.maximum(liner, smoothstep(0.035, 0.015, wing))
    below = smoothstep(7.235, 7.19, y) * smoothstep(0.14, 0.2, x) * smoothstep(0.5, 0.42, x)
    bags = np.exp(-0.5 * ((lower - 0.075) / 0.04) ** 2) * below
    burns = smoothstep(6.74, 6.82, y) * smoothstep(7.46, 7.36, y) * smoothstep(0.5, 0.56, x)
    burns *= smoothstep(0.40, 0.48, z) * smoothstep(0.9, 0.78, z) * smoothstep(0.74, 0.715, x)
    none = np.zeros_like(x)
    layers = [np.clip(liner, 0, 1) * front, bags * front, burns, none]
    return (np.clip(np.stack(layers, axis=-1), 0, 1) * 255).round().astype(np.uint8)


def mark_uniforms(attributes: Mapping[str, str], head: Head) -> dict[str, Any]:
    """What the skin shader draws of one face's marks."""
    spot, scar = attributes["beauty_mark"], attributes["scar"]
    uniforms: dict[str, Any] = {
        "u_mark_weights": tuple(
            weight * (attributes[name] == "yes")
            for name, weight in (("eyeliner", 0.95), ("eye_bags", 1.0), ("sideburns", 0.9))
        ),
        "u_spot": (0.0, 0.0, 0.0, 0.0),
        "u_scar_from": (0.0, 0.0, 0.0, 0.0),
        "u_scar_to": (1.0, 0.0, 0.0),
    }
    if spot != "none":
        uniforms["u_spot"] = (*_on(head, _SPOTS[spot]), 0.044)
    if scar != "none":
        start, end = (_on(head, place) for place in _SCARS[scar])
        uniforms |= {"u_scar_from": (*start, 0.032), "u_scar_to": tuple(end)}
    return uniforms


def mark_points(attributes: Mapping[str, str], head: Head) -> dict[str, Floats]:
    """Where the marks of a face lie, (N, 3) by attribute; no entry for what there is not."""
    spot, scar = attributes["beauty_mark"], attributes["scar"]
    places: dict[str, tuple[tuple[float, float], ...]] = {}
    if spot != "none":
        places["beauty_mark"] = (_SPOTS[spot],)
    if scar != "none":
        places["scar"] = _SCARS[scar]
    return {name: head.vertices[nearest_vertices(at)] for name, at in places.items()}


def nearest_vertices(places: tuple[tuple[float, float], ...]) -> list[int]:
    """Vertices of the unmorphed face's front at places (x, y)."""
    return [_nearest(place) for place in places]


def _on(head: Head, place: tuple[float, float]) -> Floats:
    """The point of a head, (3,), at a place (x, y) of the unmorphed face's front."""
    return head.vertices[_nearest(place)]


@functools.cache
def _nearest(place: tuple[float, float]) -> int:
    mesh = base_mesh()
    body = mesh.group_vertices("body")
    body = body[mesh.vertices[body, 2] > 0.75]
    flat = mesh.vertices[body, :2] - np.array(place, np.float32)
    return int(body[(flat**2).sum(axis=1).argmin()])


def _to_lids(points: Floats, which: str) -> Field:
    """Distance of points (..., 3) of the unmorphed head to the nearer eye's lid line."""
    vertices = base_mesh().vertices
    found = np.full(points.shape[:-1], np.inf)
    for lid in _LIDS[which]:
        line = vertices[LANDMARK_VERTICES[list(lid)]]
        for start, end in pairwise(line):
            found = np.minimum(found, _distance(points, start, end))
    return found


def _segment_distance(points: Floats, start: Floats, end: Floats) -> Field:
    """Distance of points to a segment on the person's left or to its mirror image."""
    mirrored = np.concatenate([np.abs(points[..., :1]), points[..., 1:]], axis=-1)
    return _distance(mirrored, start, end)


def _distance(points: Floats, start: Floats, end: Floats) -> Field:
    along = end - start
    t = np.clip(((points - start) @ along) / (along @ along), 0, 1)
    return np.linalg.norm(points - start - t[..., None] * along, axis=-1)
