"""Arranging the pack's hair so that a style can be told, and the face seen, from the front.

Tails that hang behind the back are brought to one side; fringes that hide an eye are cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from unif2ace.synth.mesh import Floats, Head
from unif2ace.synth.proxy import Proxy

_FRINGE_SLOPES = {"bob02": 0.1, "short03": 0.28, "braid01": 0.2}


def tail_of(name: str, proxy: Proxy, unmorphed: Floats) -> NDArray[np.bool_]:
    """Which vertices (P,) of a hair mesh belong to a ponytail or braid; none for other styles.

    `unmorphed` are the fitted positions on the unmorphed body.
    """
    count = len(unmorphed)
    if name not in ("ponytail01", "braid01"):
        return np.zeros(count, bool)
    a, b, c = proxy.triangles.T
    rows, columns = np.concatenate([a, b]), np.concatenate([b, c])
    edges = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
    num_pieces, piece = connected_components(edges, directed=False)
    sizes = np.maximum(np.bincount(piece, minlength=num_pieces), 1)
    centre_y = np.bincount(piece, unmorphed[:, 1], minlength=num_pieces) / sizes
    centre_z = np.bincount(piece, unmorphed[:, 2], minlength=num_pieces) / sizes
    # The ponytail is all that floats behind the skull; the braid all that hangs below the nape.
    is_tail = centre_z < -0.5 if name == "ponytail01" else centre_y < 6.35
    return is_tail[piece]


def arrange(name: str, positions: Floats, tail: NDArray[np.bool_], head: Head, side: int) -> Floats:
    """Positions (P, 3) with the tail brought to the viewer's left (`side` -1) or right (+1)."""
    if not tail.any():
        return positions
    moved = positions.copy()
    points = moved[tail]
    if name == "ponytail01":  # turn the tail about the skull, from its back to its side
        skull_z, angle = 0.35, np.radians(62) * side
        x, z = points[:, 0], points[:, 2] - skull_z
        shrink = 0.87  # a skull is narrower than it is deep
        points[:, 0] = shrink * (np.cos(angle) * x - np.sin(angle) * z)
        points[:, 2] = shrink * (np.sin(angle) * x + np.cos(angle) * z) + skull_z
        width = float(head.anchors["temple_l"][0])
        points[:, 0] += side * (width - 0.88)
    else:  # lay the braid over the shoulder
        chin = float(head.anchors["chin"][1])
        below = np.clip((chin + 0.45 - points[:, 1]) / 1.0, 0.0, 1.4)
        sideways = np.clip(below, 0.0, 0.8) / 0.8
        points[:, 0] = 0.75 * points[:, 0] + side * 0.78 * sideways * (2 - sideways)
        points[:, 2] += 1.15 * below
    moved[tail] = points
    return moved


def fringe_cut(name: str, head: Head) -> tuple[float, float, float, float]:
    """Where to cut a fringe that would hide an eye: `u_fringe` of the hair shader."""
    if name not in _FRINGE_SLOPES:
        return (0.0, 0.0, 0.0, 0.0)
    brow = float(head.anchors["brow_l"][1] + head.anchors["brow_r"][1]) / 2
    width = float(head.anchors["temple_l"][0] - head.anchors["temple_r"][0]) / 2
    depth = float(head.anchors["temple_l"][2])
    return (brow + 0.08, _FRINGE_SLOPES[name], 0.94 * width, depth - 0.1)


def mean_brightness(picture: NDArray[np.uint8]) -> float:
    """Mean of the shader's strand brightness over the solid texels of a hair texture."""
    solid = picture[picture[..., 3] > 140][:, :3].astype(np.float64) / 255
    return float(((solid @ np.array([0.3, 0.5, 0.2])) ** 1.32).mean())
