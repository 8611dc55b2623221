"""Laws of what lies behind a face: it keeps the colour that the label names, and has depth."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from unif2ace.attributes import ATTRIBUTES, FaceAttributes
from unif2ace.synth.backdrops import GRID, backdrop_picture
from unif2ace.synth.looks import Backdrop, looks_of

COLORS = ATTRIBUTES["background"].values


def backdrop(color: str, seed: int) -> Backdrop:
    plain = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
    return looks_of(FaceAttributes(plain | {"background": color}), seed).backdrop


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
        )
    )
    np.testing.assert_allclose(picture[0, 0], (0.5, 0.4, 0.3), atol=1e-6)
    np.testing.assert_allclose(picture[-1, -1], (0.1, 0.2, 0.3), atol=1e-6)


def test_heights_are_counted_from_the_bottom():
    flat = {"inner": (0.5,) * 3, "outer": (0.5,) * 3, "centre": (0.5, 0.5), "blur": 0.01}
    rising = backdrop_picture(Backdrop(**flat, spots=(), rise=0.2, boxes=()))
    assert rising[0].mean() < 0.42 < 0.58 < rising[-1].mean()
    lamp = backdrop_picture(Backdrop(**flat, spots=((0.2, 0.9, 0.05, 0.3),), rise=0.0, boxes=()))
    row, column = np.unravel_index(lamp[..., 0].argmax(), lamp.shape[:2])
    assert row > 0.8 * GRID and column < 0.3 * GRID


def test_depth_does_not_take_the_color_away():
    """The mean of every backdrop is nearest to the plain colour of its own label."""
    means = {
        color: np.array([backdrop_picture(backdrop(color, s)).mean((0, 1)) for s in range(40)])
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
