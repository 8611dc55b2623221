"""Laws of what lies behind a face: it keeps the colour that the label names, and has depth."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from unif2ace.attributes import ATTRIBUTES, FaceAttributes
from unif2ace.synth.backdrops import GRID, backdrop_picture
from unif2ace.synth.looks import Backdrop, looks_of

COLORS = ATTRIBUTES["background"].values


def backdrop(color: str, seed: int, pattern: str = "plain") -> Backdrop:
    plain = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
    asked = {"background": color, "background_pattern": pattern}
    return looks_of(FaceAttributes(plain | asked), seed).backdrop


def test_a_plain_backdrop_goes_from_its_inner_to_its_outer_color():
    picture = backdrop_picture(
        Backdrop(
            inner=(0.5, 0.4, 0.3),
            outer=(0.1, 0.2, 0.3),
            centre=(0.0, 0.0),
            spots=(),
            rise=0.0,
            boxes=(),
            blur=0.02,
            pattern="plain",
        )
    )
    np.testing.assert_allclose(picture[0, 0], (0.5, 0.4, 0.3), atol=1e-6)
    np.testing.assert_allclose(picture[-1, -1], (0.1, 0.2, 0.3), atol=1e-6)


def test_heights_are_counted_from_the_bottom():
    flat = {"inner": (0.5,) * 3, "outer": (0.5,) * 3, "centre": (0.5, 0.5), "blur": 0.01}
    flat["pattern"] = "plain"
    rising = backdrop_picture(Backdrop(**flat, spots=(), rise=0.2, boxes=()))
    assert rising[0].mean() < 0.42 < 0.58 < rising[-1].mean()
    lamp = backdrop_picture(Backdrop(**flat, spots=((0.2, 0.9, 0.05, 0.3),), rise=0.0, boxes=()))
    row, column = np.unravel_index(lamp[..., 0].argmax(), lamp.shape[:2])
    assert row > 0.8 * GRID and column < 0.3 * GRID


def contrast(of: np.ndarray) -> float:
    """How much brightness changes from one place to the next."""
    return float(np.abs(np.diff(of)).mean())


@pytest.mark.parametrize("color", COLORS)
def test_figures_stand_where_their_pattern_has_them(color):
    walls = {
        name: backdrop_picture(backdrop(color, 3, name)).mean(-1)
        for name in ATTRIBUTES["background_pattern"].values
    }
    least = 0.4 * contrast(walls["checkered"])
    across = {name: contrast(wall) > least for name, wall in walls.items()}
    along = {name: contrast(wall.T) > least for name, wall in walls.items()}
    assert across == {"plain": False, "striped": True, "checkered": True, "dotted": True}
    assert along == {"plain": False, "striped": False, "checkered": True, "dotted": True}


@pytest.mark.parametrize("pattern", ATTRIBUTES["background_pattern"].values)
def test_depth_and_patterns_do_not_take_the_color_away(pattern):
    """The mean of every backdrop is nearest to the plain colour of its own label."""
    means = {
        color: np.array(
            [backdrop_picture(backdrop(color, s, pattern)).mean((0, 1)) for s in range(40)]
        )
        for color in COLORS
    }
    centres = np.stack([means[color].mean(axis=0) for color in COLORS])
    for i, color in enumerate(COLORS):
        distance = np.linalg.norm(means[color][:, None] - centres, axis=-1)
        assert (distance.argmin(axis=1) == i).all(), color


def test_walls_rooms_and_open_air_all_occur():
    drawn = [backdrop("blue", seed) for seed in range(40)]
    assert any(d.boxes for d in drawn) and any(d.rise for d in drawn)
    assert any(not d.boxes and not d.rise for d in drawn)
