"""Meshes as plain arrays: the MakeHuman base mesh, one morphed head, and parts to be drawn.

Space: MakeHuman decimetres, x to the person's left (the viewer's right), y up, z to the viewer.
Names ending in `_l` and `_r` mean the person's left (+x) and right (-x), as in MakeHuman's files.
UV: v points up, so the picture row of a texel is `(1 - v) * height`.
Knows nothing of pictures, attributes or OpenGL.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Mode = Literal["opaque", "hair", "glass"]

NUM_BASE_VERTICES = 19158  # body and helper geometry of hm08; .mhclo files index all of it


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something to draw besides the body, in the space of the head before it turns.

    The renderer turns every part together with the head, so parts are built on an unturned head.
    `opaque` ignores alpha; `hair` is drawn twice (solid core, then blended rim) and lit from both
    sides; `glass` is blended over everything else and casts no shadow.
    """

    name: str  # what it shows, for visibility counts: "glasses", "earrings", "hat", "beard", ...
    positions: Floats  # (V, 3)
    uv: Floats  # (V, 2)
    faces: Ints  # (F, 3)
    texture: NDArray[np.uint8] | None = None  # (H, W, 4) sRGB + straight alpha; None: white
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)  # linear RGB, multiplies the texture
    alpha: float = 1.0  # multiplies the texture's alpha (for `glass` and `hair`)
    specular: float = 0.1  # strength of the highlight, 0..1
    gloss: float = 30.0  # Blinn-Phong exponent
    mode: Mode = "opaque"
    normals: Floats | None = None  # (V, 3) unit; None: computed from the faces
    casts_shadow: bool = True

    def __post_init__(self) -> None:
        count = len(self.positions)
        if self.positions.shape != (count, 3) or self.uv.shape != (count, 2):
            raise ValueError(
                f"part {self.name!r}: positions {self.positions.shape} and uv {self.uv.shape} "
                "must be (V, 3) and (V, 2)"
            )
        if self.faces.ndim != 2 or self.faces.shape[1] != 3:
            raise ValueError(f"part {self.name!r}: faces must be (F, 3), got {self.faces.shape}")
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() < count:
            raise ValueError(f"part {self.name!r}: faces point outside its {count} vertices")


@dataclass(frozen=True, kw_only=True, eq=False)
class BaseMesh:
    """`base.obj` of MakeHuman hm08 with UVs and all helper groups."""

    vertices: Floats  # (19158, 3)
    uvs: Floats  # (T, 2)
    quads: Ints  # (F, 4) vertex indices; a triangle repeats its first vertex at the end
    uv_quads: Ints  # (F, 4) uv indices
    groups: Mapping[str, Ints]  # group name -> face numbers, e.g. "body", "helper-hair"

    def group_faces(self, group: str) -> Ints:
        """Face numbers of a group. Raises ValueError for an unknown name."""
        if group not in self.groups:
            raise ValueError(f"no group {group!r} in the base mesh; known: {sorted(self.groups)}")
        return self.groups[group]

    def group_vertices(self, group: str) -> Ints:
        """Sorted vertex numbers used by a group. Raises ValueError for an unknown name."""
        if group not in self._group_vertices:
            faces = self.group_faces(group)
            self._group_vertices[group] = np.unique(self.quads[faces]).astype(np.int32)
        return self._group_vertices[group]

    @functools.cached_property
    def _group_vertices(self) -> dict[str, Ints]:  # found on first use
        return {}


@dataclass(frozen=True, kw_only=True)
class Head:
    """One face's morphed base mesh (identity and expression), not turned.

    `anchors` are points on this very head, (3,) float32 each:
    eye_l, eye_r (centres of the eyeballs), pupil_l, pupil_r (front of the eyeballs), brow_l,
    brow_r (middle of each brow, on the skin), nose_bridge (between the eyes), nose_tip,
    ear_top_l, ear_top_r (where the ear's top meets the head: temples of glasses rest there),
    ear_lobe_l, ear_lobe_r (lowest point of the lobe), temple_l, temple_r, forehead (middle,
    at the hairline), skull_top, skull_back, mouth (middle between the lips), upper_lip (middle
    of its upper edge), lower_lip (middle of its lower edge), mouth_l, mouth_r (corners), chin
    (front), jaw_l, jaw_r (corners of the jaw), neck (front, below the chin).
    """

    base: BaseMesh
    vertices: Floats  # (19158, 3) morphed; helper geometry moves along
    normals: Floats  # (19158, 3) unit normals of the body, 0 for vertices of no body face
    anchors: Mapping[str, Floats]


def read_obj(path: Path) -> BaseMesh:
    """Read vertices, texture coordinates, faces (3 or 4 corners) and `g` groups of an OBJ file.

    Raises ValueError if a face has other than 3 or 4 corners or lacks texture coordinates.
    """
    vertices, uvs, quads, uv_quads = [], [], [], []
    groups: dict[str, list[int]] = {}
    group = groups.setdefault("", [])
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()[:3]])
        elif kind == "vt":
            uvs.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = groups.setdefault(rest.strip(), [])
        elif kind == "f":
            corners = [corner.split("/") for corner in rest.split()]
            if len(corners) not in (3, 4) or any(len(c) < 2 or not c[1] for c in corners):
                raise ValueError(
                    f"{path.name}: cannot read face {line!r}, need 3 or 4 v/vt corners"
                )
            corners += corners[:1] * (4 - len(corners))
            group.append(len(quads))
            quads.append([int(c[0]) - 1 for c in corners])
            uv_quads.append([int(c[1]) - 1 for c in corners])
    return BaseMesh(
        vertices=np.array(vertices, np.float32),
        uvs=np.array(uvs, np.float32),
        quads=np.array(quads, np.int32),
        uv_quads=np.array(uv_quads, np.int32),
        groups={name: np.array(faces, np.int32) for name, faces in groups.items() if faces},
    )


def triangulate(quads: Ints) -> Ints:
    """Triangles (F', 3) of quads (F, 4), two each; the empty half of a triangle is dropped."""
    halves = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1).reshape(-1, 3)
    is_real = (halves[:, 0] != halves[:, 2]) & (halves[:, 1] != halves[:, 2])
    return halves[is_real].astype(np.int32)


def vertex_normals(positions: Floats, triangles: Ints) -> Floats:
    """Unit normals (V, 3): the faces around each vertex averaged by area; 0 where there is none."""
    a, b, c = (positions[triangles[:, i]] for i in range(3))
    face_normals = np.cross(b - a, c - a)
    total = np.zeros_like(positions, dtype=np.float32)
    for axis in range(3):
        for corner in range(3):
            total[:, axis] += np.bincount(
                triangles[:, corner], face_normals[:, axis], minlength=len(positions)
            ).astype(np.float32)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.maximum(length, 1e-12)).astype(np.float32)
