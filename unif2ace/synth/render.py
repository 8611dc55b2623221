"""`FaceRenderer`: attributes and a seed in, a labelled picture out. Pure in (attributes, seed).

Joins sliders, looks, geometry and painter; masks and accessories come from their own modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unif2ace.attributes import FaceAttributes
from unif2ace.synth.assets import TexturePack
from unif2ace.synth.geometry import Morpher, Pose, rotation
from unif2ace.synth.landmarks import LANDMARK_VERTICES
from unif2ace.synth.looks import Camera, looks_of
from unif2ace.synth.mesh import Floats, Head
from unif2ace.synth.shading import Painter
from unif2ace.synth.sliders import shape_of
from unif2ace.synth.units import UNIT_NAMES
from unif2ace.synth.visibility import visible_attributes
from unif2ace.synth.wardrobe import Wardrobe


@dataclass(frozen=True, kw_only=True)
class RenderedFace:
    """One labelled picture. Coordinates are shares of the picture, (0, 0) its upper left."""

    image: NDArray[np.uint8]  # (size, size, 3) sRGB
    attributes: FaceAttributes
    seed: int
    visible: frozenset[str]  # names of the attributes that can be seen
    landmarks: Floats  # (68, 2)
    units: Floats  # (len(UNIT_NAMES),) expression strengths, 0..1
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 around the landmarks


class FaceRenderer:
    """Renders faces of `size` x `size` pixels, with the texture pack below `assets` if given.

    Without a pack: plain skin, no hair and no clothes; everything else works. Raises ValueError
    for an incomplete pack, a size outside 32..1024, or when OpenGL is missing.
    """

    def __init__(self, assets: Path | None, size: int) -> None:
        pack = TexturePack(Path(assets)) if assets is not None else None
        self._painter = Painter(size)
        self._morpher = Morpher()
        self._wardrobe = Wardrobe(self._painter, pack, self._morpher)

    def render(self, attributes: FaceAttributes, seed: int) -> RenderedFace:
        """The face of `seed` with `attributes`: the same bytes each time on the same machine.

        Raises ValueError for a negative seed.
        """
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}")
        with self._painter.context:  # another renderer's context may be the current one
            return self._render(attributes, seed)

    def _render(self, attributes: FaceAttributes, seed: int) -> RenderedFace:
        shape, looks = shape_of(attributes, seed), looks_of(attributes, seed)
        weights = dict(shape.targets)
        weights |= {f"unit/{unit}": strength for unit, strength in shape.units.items()}
        head = self._morpher.head(weights)
        chin = float(head.anchors["chin"][1])
        pose = Pose(
            head=rotation(shape.yaw, shape.pitch, shape.roll),
            body=rotation(shape.body_yaw, 0.0, 0.0),
            low=chin - 0.75,
            high=chin + 0.15,
        )
        outfit = self._wardrobe.dress(attributes, head, shape, looks, seed)
        view, eye = frame(looks.camera, pose.apply(_outline(head, outfit.crown)))
        image = self._painter.paint(
            outfit.drawables,
            pose=pose,
            view=view,
            eye=eye,
            lights=looks.lights,
            backdrop=looks.backdrop,
        )
        for mesh in outfit.passing:
            mesh.release()
        landmarks = project(view, pose.apply(head.vertices[LANDMARK_VERTICES]))
        low, high = landmarks.min(axis=0), landmarks.max(axis=0)
        return RenderedFace(
            image=image,
            attributes=attributes,
            seed=seed,
            visible=visible_attributes(
                attributes, head, shape, pose, view, self._painter.distances(view)
            ),
            landmarks=landmarks,
            units=np.array([shape.units.get(name, 0.0) for name in UNIT_NAMES], np.float32),
            box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        )


def _outline(head: Head, crown: Floats) -> Floats:
    """Points (N, 3) that the picture must hold: the head down to the chin, and what is above it."""
    skull = head.vertices[head.base.group_vertices("body")]
    skull = skull[skull[:, 1] > head.anchors["chin"][1] - 0.1]
    return np.concatenate([skull, crown[crown[:, 1] > head.anchors["forehead"][1]]])


def frame(camera: Camera, outline: Floats) -> tuple[Floats, Floats]:
    """View matrix (4, 4) and camera position (3,) that frame `outline` (N, 3) as `camera` says.

    The camera looks along -z from the height of the face's middle; scale and shift happen in the
    picture plane, so the perspective depends on the distance alone.
    """
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    eye = np.array([middle[0], middle[1], middle[2] + camera.distance], np.float32)
    c, s = np.cos(camera.roll), np.sin(camera.roll)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    flat = (outline - eye) @ turn.T
    flat = flat[:, :2] / -flat[:, 2:]  # picture plane at distance 1
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = 2 * camera.face_height / (high[1] - low[1])
    x = camera.shift * 2 - scale * (low[0] + high[0]) / 2
    y = 1 - 2 * camera.top - scale * high[1]
    near, far = camera.distance - 4.0, camera.distance + 6.0
    matrix = np.zeros((4, 4))
    rotated = np.eye(4)
    rotated[:3, :3] = turn
    rotated[:3, 3] = -turn @ eye
    matrix[0, 0], matrix[0, 2] = scale, -x
    matrix[1, 1], matrix[1, 2] = scale, -y
    matrix[2, 2], matrix[2, 3] = -(far + near) / (far - near), -2 * far * near / (far - near)
    matrix[3, 2] = -1
    return (matrix @ rotated).astype(np.float32), eye


def project(view: Floats, points: Floats) -> Floats:
    """Picture coordinates (N, 2) of points (N, 3): (0, 0) upper left, (1, 1) lower right."""
    clip = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ view.T
    flat = clip[:, :2] / clip[:, 3:]
    return np.stack([0.5 + flat[:, 0] / 2, 0.5 - flat[:, 1] / 2], axis=1).astype(np.float32)
