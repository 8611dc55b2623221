"""Beards with volume: shells of the chin, cheeks and upper lip, each showing cut strands.

The skin below is shaded by the masks of the same shape, so shells only add depth, an uneven
outline and a profile. Topology and textures are made once per style.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from unif2ace.synth.assets import base_mesh
from unif2ace.synth.masks import beard_density, lip_weight, smoothstep, surface_points
from unif2ace.synth.mesh import Floats, Head, Ints, Part, triangulate

Color = tuple[float, float, float]

_ATLAS = 1024  # texels of the skins' atlas from which a style's patch is cut
_LAYERS = 7
_FACE_U = 0.6  # the head's island lies right of this; the neck's has its own island
# Shortest and longest hair in decimetres, how far it hangs rather than stands off.
_LENGTHS = {
    "moustache": (0.035, 0.055, 0.5),
    "goatee": (0.035, 0.075, 0.40),
    "full beard": (0.05, 0.12, 0.38),
}


@dataclass(frozen=True, kw_only=True)
class _Growth:
    """Where a style grows: vertices (W,), layered faces, uv per layer, and length factors (W,)."""

    vertices: Ints
    faces: Ints  # (_LAYERS * F, 3), inner layers first: they are blended in this order
    uv: Floats  # (_LAYERS * W, 2)
    length: Floats  # (W,) 0..1.6
    texture: NDArray[np.uint8]  # (H, _LAYERS * W', 4)


def beard(style: str, head: Head, rng: np.random.Generator, color: Color) -> Part:
    """A `moustache`, `goatee` or `full beard` in a linear colour.

    Raises ValueError for another style.
    """
    if style not in _LENGTHS:
        raise ValueError(f"no shells for facial hair {style!r}; known: {', '.join(_LENGTHS)}")
    growth = _growth(style)
    shortest, longest, hang = _LENGTHS[style]
    length = float(rng.uniform(shortest, longest))
    skin, normals = head.vertices[growth.vertices], head.normals[growth.vertices]
    direction = (1 - hang) * normals + hang * np.array([0, -1, 0.12], np.float32)
    reach = (0.008 + length * growth.length)[:, None] * direction
    share = np.linspace(0.03, 1, _LAYERS, dtype=np.float32)[:, None, None]
    # Longer hair bends down: outer layers turn from the normal towards the ground.
    sag = share**2 * 0.25 * length * growth.length[None, :, None] * np.array([0, -1, 0])
    positions = skin + share * reach + sag
    return Part(
        name="beard",
        positions=positions.reshape(-1, 3).astype(np.float32),
        normals=np.tile(normals, (_LAYERS, 1)).astype(np.float32),
        uv=growth.uv,
        faces=growth.faces,
        texture=growth.texture,
        color=color,
        mode="hair",
        casts_shadow=False,
    )


@functools.cache
def _growth(style: str) -> _Growth:
    mesh = base_mesh()
    key = style.replace(" ", "_")
    body = mesh.group_faces("body")
    quads, uv_quads = mesh.quads[body], mesh.uv_quads[body]
    density = beard_density(key, mesh.vertices)
    keep = (density[quads].max(axis=1) > 0.02) & (mesh.uvs[uv_quads, 0].min(axis=1) > _FACE_U)
    keep &= mesh.vertices[quads, 2].min(axis=1) > 0.3
    keep &= mesh.uvs[uv_quads, 1].min(axis=1) > 0.16  # the mouth's inside lies below
    vertices, local = np.unique(quads[keep], return_inverse=True)
    uv = np.zeros((len(vertices), 2))
    uv[local.reshape(-1)] = mesh.uvs[uv_quads[keep].reshape(-1)]
    triangles = triangulate(local.reshape(-1, 4).astype(np.int32))
    low, high = uv.min(axis=0), uv.max(axis=0)
    columns = slice(int(low[0] * _ATLAS), int(np.ceil(high[0] * _ATLAS)))
    rows = slice(int((1 - high[1]) * _ATLAS), int(np.ceil((1 - low[1]) * _ATLAS)))
    texture = _strand_layers(key, rows, columns)
    u = (uv[:, 0] * _ATLAS - columns.start) / (columns.stop - columns.start)
    v = 1 - ((1 - uv[:, 1]) * _ATLAS - rows.start) / (rows.stop - rows.start)
    layers = np.arange(_LAYERS)
    layered_u = (np.clip(u, 0.004, 0.996)[None] + layers[:, None]) / _LAYERS
    layered_uv = np.stack([layered_u, np.broadcast_to(v, layered_u.shape)], axis=-1)
    return _Growth(
        vertices=vertices.astype(np.int32),
        faces=(triangles[None] + (layers * len(vertices))[:, None, None])
        .reshape(-1, 3)
        .astype(np.int32),
        uv=layered_uv.reshape(-1, 2).astype(np.float32),
        length=_length_factor(mesh.vertices[vertices], density[vertices]),
        texture=texture,
    )


def _length_factor(points: Floats, density: NDArray[np.float64]) -> Floats:
    """Long on the chin, short on cheeks and at every border."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    chin = smoothstep(0.42, 0.1, x) * smoothstep(6.5, 6.3, y) * smoothstep(0.8, 1.2, z)
    sideburn = smoothstep(6.75, 7.0, y) * smoothstep(0.4, 0.55, x)
    factor = (0.6 + 1.0 * chin) * (1 - 0.55 * sideburn)
    return (factor * np.clip(density, 0, 1) ** 0.6).astype(np.float32)


def _strand_layers(key: str, rows: slice, columns: slice) -> NDArray[np.uint8]:
    """Side by side, from the skin outwards: ever fewer and brighter strands. RGBA."""
    rng = np.random.default_rng(31)
    rough = gaussian_filter(rng.normal(size=(_ATLAS, _ATLAS)), 4.0)
    points = surface_points(_ATLAS)[rows, columns]
    density = beard_density(key, points, rough=(rough / rough.std())[rows, columns])
    density = density * (1 - lip_weight(_ATLAS)[rows, columns])
    clumps = gaussian_filter(rng.normal(size=(_ATLAS, _ATLAS)), (1.3, 4.0))
    strands = gaussian_filter(rng.normal(size=(_ATLAS, _ATLAS)), (0.5, 2.6))
    strands = strands / strands.std() + 0.5 * clumps / clumps.std()
    strands = (strands / strands.std())[rows, columns]
    layers = []
    for share in np.linspace(0, 1, _LAYERS):
        # Half of the hairs reach out halfway; near a border hair is short and sparse.
        edge = -1.6 + 2.5 * share + 1.6 * (1 - np.clip(density, 0, 1))
        alpha = smoothstep(-0.45, 0.45, strands - edge) * smoothstep(0.0, 0.25, density)
        grey = np.clip((0.68 + 0.26 * share) + 0.07 * strands, 0.3, 1)
        layer = np.concatenate([np.repeat(grey[..., None], 3, axis=-1), alpha[..., None]], axis=-1)
        layers.append((layer * 255).round().astype(np.uint8))
    picture = np.ascontiguousarray(np.concatenate(layers, axis=1))
    picture.setflags(write=False)
    return picture
