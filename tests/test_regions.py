import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unif2ace.regions import REGIONS, region_tokens, surrounded, touched_tokens

GRID = 16


def face():
    """68 points of a plain face in the middle of the picture, the same left and right."""
    jaw = [
        (0.5 - 0.22 * math.cos(a), 0.45 + 0.3 * math.sin(a)) for a in np.linspace(0, math.pi, 17)
    ]
    left_brow = [(0.33, 0.4), (0.36, 0.38), (0.39, 0.37), (0.42, 0.38), (0.45, 0.39)]
    nose = [(0.5, y) for y in (0.42, 0.46, 0.5, 0.54)]
    nose += [(0.5 + dx, 0.58) for dx in (-0.05, -0.025, 0, 0.025, 0.05)]
    left_eye = [
        (0.35, 0.44),
        (0.37, 0.425),
        (0.41, 0.425),
        (0.43, 0.44),
        (0.41, 0.455),
        (0.37, 0.455),
    ]
    outer = [
        (0.5 - 0.09 * math.cos(a), 0.66 - 0.03 * math.sin(a)) for a in np.arange(12) * math.pi / 6
    ]
    inner = [
        (0.5 - 0.06 * math.cos(a), 0.66 - 0.01 * math.sin(a)) for a in np.arange(8) * math.pi / 4
    ]
    points = [*jaw, *left_brow, *mirrored(left_brow)[::-1], *nose, *left_eye]
    right_eye = mirrored(left_eye)
    points += [right_eye[i] for i in (3, 2, 1, 0, 5, 4)]
    return np.array([*points, *outer, *inner])


def mirrored(points):
    return [(1 - x, y) for x, y in points]


def tokens(name, points=None, grid=GRID):
    return region_tokens(name, face() if points is None else points, grid)


def middle(mask):
    """Mean row and column of the marked tokens."""
    return np.argwhere(mask).mean(0)


def test_parts_lie_where_they_lie_in_a_face():
    order = ("brows", "eyes", "nose", "mouth", "chin")
    rows = [middle(tokens(name))[0] for name in order]
    assert rows == sorted(rows) and all(abs(middle(tokens(n))[1] - 7.5) < 0.6 for n in order)
    tops = [np.argwhere(tokens(name))[0, 0] for name in ("hair", "face", "brows")]
    assert tops == sorted(set(tops))
    for name in (*order, "cheeks"):
        assert (tokens(name) <= tokens("face")).mean() > 0.98, name
    assert not (tokens("background") & tokens("face")).any()
    assert not (tokens("hair") & (tokens("eyes") | tokens("mouth") | tokens("nose"))).any()
    left_ear = tokens("ears")[:, : GRID // 2]
    assert left_ear.any() and not (left_ear & tokens("eyes")[:, : GRID // 2]).any()


@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("grid", [4, 8, 16])
def test_every_region_of_a_face_has_tokens_and_none_is_the_whole_picture(name, grid):
    mask = tokens(name, grid=grid)
    assert mask.shape == (grid, grid) and mask.dtype == bool
    assert 0 < mask.sum() < grid**2


@pytest.mark.parametrize("name", [name for name in REGIONS if name != "background"])
@pytest.mark.parametrize("shift", [(1, 0), (0, -2), (-2, 1)])
def test_a_face_moved_by_whole_tokens_moves_its_regions(name, shift):
    edge = 3  # what enters the picture from outside
    moved = tokens(name, face() + np.array(shift) / GRID)
    expected = np.roll(tokens(name), (shift[1], shift[0]), (0, 1))
    inner = slice(edge, -edge)
    assert (moved ^ expected)[inner, inner].sum() <= 1  # a raster point may tip over


def test_a_turned_head_turns_its_regions():
    quarter = np.array([[0, -1], [1, 0]])
    turned = (face() - 0.5) @ quarter.T + 0.5
    for name in ("eyes", "mouth", "hair", "chin"):
        assert (tokens(name, turned) ^ np.rot90(tokens(name), -1)).sum() <= 6, name


def test_a_face_outside_the_picture_has_no_tokens():
    assert not tokens("mouth", face() + 2).any()
    assert tokens("background", face() + 9).all()


def test_unknown_regions_and_wrong_landmarks_raise():
    with pytest.raises(ValueError, match=r"'beard'; known: hair, brows, .*background"):
        tokens("beard")
    with pytest.raises(ValueError, match=r"\(5, 2\)"):
        tokens("eyes", face()[:5])


def touched_definition(mask, size, grid):
    """Pixel by pixel: does its rectangle overlap the token's?"""
    out = np.zeros((grid, grid), bool)
    square = min(size)
    left, top = (size[0] - square) // 2, (size[1] - square) // 2
    for y, x in np.argwhere(np.asarray(mask.convert("L")) >= 128):
        x0, x1 = (float(i) * size[0] / mask.width for i in (x, x + 1))
        y0, y1 = (float(i) * size[1] / mask.height for i in (y, y + 1))
        for row in range(grid):
            for column in range(grid):
                a, b = left + column * square / grid, top + row * square / grid
                wide = min(x1, a + square / grid) - max(x0, a)
                high = min(y1, b + square / grid) - max(y0, b)
                out[row, column] |= wide > 1e-6 and high > 1e-6
    return out


SIDES = st.integers(1, 40)


@given(SIDES, SIDES, SIDES, SIDES, st.integers(1, 5), st.integers(0, 999))
def test_a_drawn_mask_marks_what_it_touches(width, height, wide, high, grid, seed):
    random = np.random.default_rng(seed)
    grey = np.where(random.random((high, wide)) < 0.02, 255, random.integers(0, 128, (high, wide)))
    mask = Image.fromarray(grey.astype(np.uint8))
    expected = touched_definition(mask, (width, height), grid)
    assert (touched_tokens(mask, (width, height), grid) == expected).all()
    assert (
        touched_tokens(mask.point(lambda v: v >= 128, "1"), (width, height), grid) == expected
    ).all()


def test_a_mask_of_another_mode_is_refused():
    with pytest.raises(ValueError, match="'RGBA'"):
        touched_tokens(Image.new("RGBA", (4, 4)), (4, 4), 2)


def noise(seed, side=GRID * 8):
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels, "RGB")


@given(
    tokens=st.sets(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=30),
)
def test_what_is_painted_fades_out_over_one_token_beside_it(tokens):
    painted, original = noise(0), noise(1)
    is_open = np.zeros((GRID, GRID), dtype=bool)
    for token in tokens:
        is_open[token] = True
    shown = np.asarray(surrounded(painted, original, is_open)).astype(int)
    inside = np.kron(is_open, np.ones((8, 8), dtype=bool))
    assert (shown == np.asarray(painted))[inside].all()
    near = np.pad(is_open, 1)
    near = np.any([near[y : y + GRID, x : x + GRID] for y in range(3) for x in range(3)], axis=0)
    outside = ~np.kron(near, np.ones((8, 8), dtype=bool))
    assert (shown == np.asarray(original))[outside].all()
    low, high = np.minimum(painted, original), np.maximum(painted, original)
    assert ((low <= shown) & (shown <= high)).all()


def test_what_is_painted_fades_evenly_away_from_it():
    is_open = np.zeros((GRID, GRID), dtype=bool)
    is_open[:, :4] = True
    white, black = (Image.new("RGB", (128, 128), grey) for grey in ("white", "black"))
    row = np.asarray(surrounded(white, black, is_open))[64, :, 0].astype(int)
    falls = -np.diff(row[31:41])
    assert row[31] == 255 and row[40] == 0
    assert falls.max() - falls.min() <= 1 and falls.min() > 0  # eight even steps, but for rounding
