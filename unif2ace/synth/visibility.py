"""Which attributes of a rendered face can be seen: rules of the words, then the depth picture.

A label is kept only if enough of what it speaks of is in front of everything else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unif2ace.attributes import ATTRIBUTES, FaceAttributes, hidden_attributes
from unif2ace.synth.geometry import Pose, turn_eyes
from unif2ace.synth.marks import mark_points, nearest_vertices
from unif2ace.synth.mesh import BaseMesh, Floats, Head, Ints
from unif2ace.synth.sliders import Shape

MIN_EAR_SHARE = 0.2  # of an ear's points; its back never shows, so 1 is out of reach
MIN_LOBE_SHARE = 0.3
MIN_IRIS_SHARE = 0.25
MIN_MARK_SHARE = 0.5
MIN_NECK_SHARE = 0.3  # the jaw stands before some of it
FOREHEAD = nearest_vertices(((0.0, 7.62), (-0.2, 7.7), (0.2, 7.7), (0.0, 7.78)))
_TOLERANCE = 0.03  # decimetres that a point may lie behind the drawn surface
_EARS = (0.72, 6.75, 7.46, 0.25, 0.75)  # least |x|, y range, z range of ears, unmorphed
_NECK = (0.6, 5.7, 6.05, 0.3)  # most |x|, y range, least z of the neck's front, unmorphed
_LOBE_TOP = 6.95  # height below which an ear is lobe, unmorphed


def seen_share(distance: Floats, view: Floats, points: Floats) -> float:
    """Share of turned points (N, 3) that are in the picture and hidden by nothing drawn.

    `distance` (H, W) is the distance of the drawn surface from the camera plane, in decimetres;
    row 0 is the top. Returns 0 for no points.
    """
    clip = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ view.T
    height, width = distance.shape
    flat = clip[:, :2] / clip[:, 3:]
    columns = np.floor((0.5 + flat[:, 0] / 2) * width).astype(int)
    rows = np.floor((0.5 - flat[:, 1] / 2) * height).astype(int)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    if not inside.any():
        return 0.0
    drawn = distance[rows[inside], columns[inside]]
    return float((clip[inside, 3] < drawn + _TOLERANCE).sum() / len(points))


def ear_vertices(base: BaseMesh, side: int, *, lobe: bool) -> Ints:
    """Vertices of the ear on the viewer's left (`side` -1) or right (+1), or of its lobe alone."""
    body = base.group_vertices("body")
    x, y, z = base.vertices[body].T
    least, low, high, back, front = _EARS
    is_ear = (side * x > least) & (y > low) & (y < (_LOBE_TOP if lobe else high))
    return body[is_ear & (z > back) & (z < front)]


def neck_vertices(base: BaseMesh) -> Ints:
    """Vertices of the neck's front and sides, between jaw and collar."""
    body = base.group_vertices("body")
    x, y, z = base.vertices[body].T
    most, low, high, back = _NECK
    return body[(abs(x) < most) & (y > low) & (y < high) & (z > back)]


def iris_points(head: Head, shape: Shape, side: str) -> Floats:
    """Nine points (9, 3) on the iris of eye `side` ("l" or "r"), turned with the gaze."""
    pupil = head.anchors[f"pupil_{side}"]
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ring = 0.045 * np.stack([np.cos(angles), np.sin(angles), np.zeros(8)], axis=1)
    points = (pupil + np.concatenate([np.zeros((1, 3)), ring])).astype(np.float32)
    return turn_eyes(points, head, shape.eye_yaw, shape.eye_pitch)


def _bare_places(head: Head) -> dict[str, Floats]:
    """Points (N, 3) of skin that hair may hide, by attribute."""
    brows = (head.anchors["brow_l"] + head.anchors["brow_r"]) / 2
    forehead = head.vertices[FOREHEAD]
    return {"forehead": forehead[forehead[:, 1] > brows[1]]}


def visible_attributes(
    attributes: FaceAttributes,
    head: Head,
    shape: Shape,
    pose: Pose,
    view: Floats,
    distance: NDArray[np.float32],
) -> frozenset[str]:
    """Names of the attributes that can be seen in the picture with this depth."""

    def seen(points: Floats) -> float:
        return seen_share(distance, view, pose.apply(points))

    hidden = set(hidden_attributes(attributes))
    base = head.base
    ears, lobes = (
        max(seen(head.vertices[ear_vertices(base, side, lobe=lobe)]) for side in (-1, 1))
        for lobe in (False, True)
    )
    if ears < MIN_EAR_SHARE:
        hidden |= {"ears", "ear_tips"}
    if lobes < MIN_LOBE_SHARE:
        hidden |= {"earrings", "earring_kind"}
    for name, place in (mark_points(attributes, head) | _bare_places(head)).items():
        if seen(place) < MIN_MARK_SHARE:
            hidden.add(name)
    if seen(head.vertices[neck_vertices(base)]) < MIN_NECK_SHARE:
        hidden.add("neck")
    if max(seen(iris_points(head, shape, side)) for side in "lr") < MIN_IRIS_SHARE:
        hidden |= {"eye_color", "gaze", "eye_slant", "eye_openness"}
    return frozenset(ATTRIBUTES) - hidden
