"""Proxy meshes (`.mhclo`): hair, eyes, teeth and clothes that follow the morphed base mesh.

Each proxy vertex is a weighted sum of three base vertices plus an offset that scales with the
head (MakeHuman's clothes file format). Knows nothing of attributes or OpenGL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from unif2ace.synth.mesh import Floats, Ints, read_obj, triangulate

_THROAT = 791
"""The base vertex under the chin, from which the pack's hair measures a head's height: but a double
chin must not lift the hair."""


def normal_operator(triangles: Ints, num_vertices: int) -> sparse.csr_matrix:
    """(V, F) matrix that sums the normals of the faces around each vertex."""
    columns = np.repeat(np.arange(len(triangles)), 3)
    ones = np.ones(triangles.size, np.float32)
    return sparse.csr_matrix(
        (ones, (triangles.reshape(-1), columns)), (num_vertices, len(triangles))
    )


def smooth_normals(positions: Floats, triangles: Ints, operator: sparse.csr_matrix) -> Floats:
    """As `mesh.vertex_normals`, with a ready operator, for meshes drawn again and again."""
    a, b, c = positions[triangles[:, 0]], positions[triangles[:, 1]], positions[triangles[:, 2]]
    u, v = b - a, c - a
    normals = np.stack(
        [
            u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1],
            u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2],
            u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0],
        ],
        axis=1,
    )
    total = operator @ normals
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def weld(quads: Ints, uv_quads: Ints) -> tuple[Ints, Ints, Ints]:
    """One vertex per (position, uv) pair: position index (W,), uv index (W,), quads into both."""
    pairs = np.stack([quads.reshape(-1), uv_quads.reshape(-1)], axis=1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    return (
        unique[:, 0].astype(np.int32),
        unique[:, 1].astype(np.int32),
        inverse.reshape(quads.shape).astype(np.int32),
    )


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A mesh tied to the base mesh; `fit` gives its place on a morphed head."""

    base_indices: Ints  # (P, 3)
    weights: Floats  # (P, 3)
    offsets: Floats  # (P, 3)
    scale_pairs: Ints  # (3, 2) base vertices whose distance along x, y, z scales the offset
    scale_lengths: Floats  # (3,) that distance on the original body
    triangles: Ints  # (T, 3) into the P vertices
    welded: Ints  # (W,) vertex of each drawn vertex
    uv: Floats  # (W, 2)
    faces: Ints  # (F, 3) into the W drawn vertices
    hidden_base: Ints  # base vertices that this proxy covers
    operator: sparse.csr_matrix

    def fit(self, vertices: Floats) -> Floats:
        """Positions (P, 3) on a head of base vertices (19158, 3)."""
        axes = np.arange(3)
        ends = vertices[self.scale_pairs, axes[:, None]]  # (3, 2)
        scale = np.abs(ends[:, 0] - ends[:, 1]) / self.scale_lengths
        if _THROAT in self.scale_pairs[1]:
            scale[1] = (scale[0] + scale[2]) / 2
        corners = vertices[self.base_indices]  # (P, 3 corners, 3)
        return np.einsum("pc,pcd->pd", self.weights, corners) + self.offsets * scale

    def normals(self, positions: Floats) -> Floats:
        """Unit normals (P, 3) of fitted positions."""
        return smooth_normals(positions, self.triangles, self.operator)


def load_proxy(folder: Path, *, above: float | None, vertices: Floats) -> Proxy:
    """Read `<folder>/<name>.mhclo` and `.obj`.

    Faces whose corners all lie below height `above` on the unmorphed body `vertices` are dropped
    (a portrait shows no trousers). Raises ValueError if the file ties another number of vertices
    than the mesh has.
    """
    mesh = read_obj(folder / f"{folder.name}.obj")
    rows, pairs, lengths, hidden = _read_mhclo(folder / f"{folder.name}.mhclo")
    if len(rows) != len(mesh.vertices):
        raise ValueError(
            f"{folder.name}.mhclo ties {len(rows)} vertices, its mesh has {len(mesh.vertices)}"
        )
    quads, uv_quads = mesh.quads, mesh.uv_quads
    base_indices = rows[:, :3].astype(np.int32)
    weights = rows[:, 3:6].astype(np.float32)
    if above is not None:
        height = np.einsum("pc,pc->p", weights, vertices[base_indices][:, :, 1])
        keep = height[quads].max(axis=1) > above
        quads, uv_quads = quads[keep], uv_quads[keep]
    welded, uv_index, faces = weld(quads, uv_quads)
    triangles = triangulate(quads)
    return Proxy(
        base_indices=base_indices,
        weights=weights,
        offsets=rows[:, 6:].astype(np.float32),
        scale_pairs=pairs,
        scale_lengths=lengths,
        triangles=triangles,
        welded=welded,
        uv=mesh.uvs[uv_index],
        faces=triangulate(faces),
        hidden_base=hidden,
        operator=normal_operator(triangles, len(rows)),
    )


def _read_mhclo(path: Path) -> tuple[Floats, Ints, Floats, Ints]:
    """Rows (P, 9) of three indices, weights, offset; scale pairs and lengths; hidden vertices."""
    rows: list[list[float]] = []
    pairs, lengths = np.zeros((3, 2), np.int32), np.ones(3, np.float32)
    hidden: list[int] = []
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            axis = "xyz".index(words[0][0])
            pairs[axis] = int(words[1]), int(words[2])
            lengths[axis] = float(words[3])
        elif words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif section == "verts" and _is_number(words[0]):
            values = [float(w) for w in words]
            # A lone index means: exactly on that base vertex.
            rows.append(values if len(values) == 9 else [values[0]] * 3 + [1, 0, 0, 0, 0, 0])
        elif section == "delete_verts" and _is_number(words[0]):
            hidden += _read_ranges(words)
    return np.array(rows, np.float32), pairs, lengths, np.array(hidden, np.int32)


def _is_number(word: str) -> bool:
    return word.lstrip("-").replace(".", "", 1).isdigit()


def _read_ranges(words: list[str]) -> list[int]:
    """`1355 - 1394 1399` -> 1355, ..., 1394, 1399."""
    numbers: list[int] = []
    i = 0
    while i < len(words):
        if i + 2 < len(words) and words[i + 1] == "-":
            numbers += range(int(words[i]), int(words[i + 2]) + 1)
            i += 3
        else:
            numbers.append(int(words[i]))
            i += 1
    return numbers
