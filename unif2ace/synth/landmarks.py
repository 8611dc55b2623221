"""Named points of the base mesh: 68 face landmarks and the anchors that accessories hold on to.

Vertex numbers of hm08, chosen on its front view. The order of the landmarks is the usual one of
68 points: jaw (17), brows (5 + 5), nose (4 + 5), eyes (6 + 6), outer (12) and inner lips (8),
each from the viewer's left to right, lids and lips clockwise in the picture.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from unif2ace.synth.mesh import BaseMesh, Floats

# fmt: off
LANDMARK_VERTICES = np.array([
    5769, 5582, 5753, 738, 998, 999, 995, 727, 732, 7449, 7689, 7693, 7692, 7458, 12350, 12179,
    12366,                                              # jaw 0-16
    207, 224, 229, 223, 228, 7001, 6997, 7002, 6998, 6982,  # brows 17-26
    132, 131, 201, 294, 321, 298, 312, 7064, 7083,      # nose 27-35
    18, 6, 4865, 102, 47, 36,                           # eye on the viewer's left 36-41
    6886, 11483, 6790, 6802, 6820, 6831,                # eye on the viewer's right 42-47
    414, 5352, 460, 466, 7219, 11954, 7174, 7233, 7245, 496, 490, 478,  # outer lips 48-59
    416, 471, 468, 7227, 7176, 7242, 494, 487,          # inner lips 60-67
], np.int32)
# fmt: on

ANCHOR_VERTICES = MappingProxyType(
    {
        "brow_l": 7002,
        "brow_r": 229,
        "chin": 5211,
        "ear_lobe_l": 12019,
        "ear_lobe_r": 5420,
        "ear_top_l": 7579,
        "ear_top_r": 874,
        "forehead": 5243,
        "jaw_l": 7534,
        "jaw_r": 823,
        "lower_lip": 496,
        "mouth_l": 7174,
        "mouth_r": 414,
        "nose_bridge": 134,
        "nose_tip": 294,
        "skull_back": 5389,
        "skull_top": 881,
        "temple_l": 7033,
        "temple_r": 264,
        "upper_lip": 466,
    }
)
UPPER_INNER_LIP, LOWER_INNER_LIP = 468, 494


def anchors(base: BaseMesh, vertices: Floats) -> dict[str, Floats]:
    """Every anchor named in `mesh.Head`, (3,) each, on base vertices (19158, 3)."""
    points = {name: vertices[index].copy() for name, index in ANCHOR_VERTICES.items()}
    for side in ("l", "r"):
        eye = vertices[base.group_vertices(f"joint-{side}-eye")].mean(axis=0)
        ball = vertices[base.group_vertices(f"helper-{side}-eye")]
        points[f"eye_{side}"] = eye
        points[f"pupil_{side}"] = np.array([eye[0], eye[1], ball[:, 2].max()], np.float32)
    points["mouth"] = (vertices[UPPER_INNER_LIP] + vertices[LOWER_INNER_LIP]) / 2
    return points
