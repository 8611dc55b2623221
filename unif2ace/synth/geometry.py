"""Morphing the base mesh: slider and unit weights in, one head out; and how a head turns.

Knows target names, not attributes. All lengths are decimetres.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unif2ace.synth.assets import base_mesh, read_target
from unif2ace.synth.landmarks import anchors
from unif2ace.synth.mesh import Floats, Head, Ints, triangulate
from unif2ace.synth.proxy import normal_operator, smooth_normals, weld

PORTRAIT_FLOOR = 4.3  # body faces below this height (unmorphed) never show in a portrait
_HEAD_JOINT = (0.0, 6.97495, 0.16075)  # centre of the head joint on the unmorphed body


class Morpher:
    """Morphs the base mesh; reads each target once, and only the vertices a portrait needs."""

    def __init__(self) -> None:
        self.base = base_mesh()
        body = self.base.group_faces("body")
        shown = self.base.vertices[self.base.quads[body], 1].min(axis=1) > PORTRAIT_FLOOR
        self.body_faces = body[shown]  # numbers of the drawn body quads
        quads = self.base.quads[self.body_faces]
        self.triangles = triangulate(quads)
        self._operator = normal_operator(self.triangles, len(self.base.vertices))
        self.welded, uv_index, self.welded_quads = weld(quads, self.base.uv_quads[self.body_faces])
        self.uv = self.base.uvs[uv_index]
        # Hair below the shoulders hangs on helper geometry, so keep that whole.
        self._is_needed = self.base.vertices[:, 1] > 3.5
        self._is_needed |= np.arange(len(self.base.vertices)) >= self.base.group_faces("body").size
        for group in ("helper-hair", "helper-tights"):
            self._is_needed[self.base.group_vertices(group)] = True
        self._head_joint = self.base.group_vertices("joint-head")
        eyes = [self.base.group_vertices(f"helper-{side}-eye") for side in "lr"]
        self._eyeballs = np.zeros(len(self.base.vertices), bool)
        self._eyeballs[np.concatenate(eyes)] = True
        self._target = functools.lru_cache(maxsize=None)(self._read)

    def _read(self, name: str) -> tuple[Ints, Floats]:
        indices, moves = read_target(name)
        keep = self._is_needed[indices]
        if name.startswith("unit/eyeLook"):
            keep &= ~self._eyeballs[indices]  # eyeballs turn rigidly instead
        return indices[keep], moves[keep]

    def head(self, weights: Mapping[str, float]) -> Head:
        """The head for target weights, moved so that its head joint stays where it was unmorphed.

        Raises ValueError for an unknown target.
        """
        found = [(self._target(name), weight) for name, weight in weights.items() if weight]
        vertices = self.base.vertices.copy()
        if found:  # one sum over all targets: adding each to the mesh by itself costs twice as much
            where = np.concatenate([indices for (indices, _), _ in found])
            moves = np.concatenate([np.float32(weight) * moves for (_, moves), weight in found])
            for axis in range(3):
                vertices[:, axis] += np.bincount(where, moves[:, axis], len(vertices))
        vertices += np.array(_HEAD_JOINT, np.float32) - vertices[self._head_joint].mean(axis=0)
        return Head(
            base=self.base,
            vertices=vertices,
            normals=smooth_normals(vertices, self.triangles, self._operator),
            anchors=anchors(self.base, vertices),
        )


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """Rotation matrix (3, 3) for angles in radians.

    Positive yaw turns the face to the viewer's right (+x), positive pitch lifts it, positive roll
    tips its top to the viewer's left.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How a head turns on its neck: fully above the jaw, not at all at the shoulders.

    The shader does the same for every drawn vertex (`shaders.VERTEX`); a test compares the two.
    """

    head: Floats  # (3, 3) rotation of the head
    body: Floats  # (3, 3) rotation of the shoulders
    pivot: tuple[float, float, float] = (0.0, 6.75, 0.25)
    low: float = 5.55  # height below which only the body rotation acts
    high: float = 6.45  # height above which only the head rotation acts
    slope: float = 0.35  # the chin is low but far in front: it must turn with the head

    def apply(self, points: Floats) -> Floats:
        """Turned points (N, 3)."""
        height = points[:, 1] + self.slope * (points[:, 2] - self.pivot[2])
        t = np.clip((height - self.low) / (self.high - self.low), 0, 1)
        weight = (t * t * (3 - 2 * t))[:, None]
        centred = points - np.array(self.pivot, np.float32)
        turned = weight * (centred @ self.head.T) + (1 - weight) * (centred @ self.body.T)
        return (turned + np.array(self.pivot, np.float32)).astype(np.float32)


def turn_eyes(positions: Floats, head: Head, yaw: float, pitch: float) -> Floats:
    """Eyeball positions (V, 3) turned by angles in radians, each ball about its own centre."""
    turned = positions.copy()
    turn = rotation(yaw, pitch, 0.0)
    for side, mask in (("l", positions[:, 0] > 0), ("r", positions[:, 0] <= 0)):
        centre = head.anchors[f"eye_{side}"]
        turned[mask] = (positions[mask] - centre) @ turn.T + centre
    return turned
