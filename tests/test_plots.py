"""Figures show the report's numbers, and only of what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from unif2ace.evaluate.plots import (
    CONFUSED,
    FIGURES,
    attribute_bars,
    calibration_curve,
    confusions,
    steps_against_quality,
    write_plots,
)


def attribute(balanced, counts):
    return {"balanced": balanced, "confusion": counts}


SEEN = {
    "gender": attribute(0.9, {"woman": {"woman": 9, "man": 1}, "man": {"man": 3, "woman": 1}}),
    "age": attribute(0.5, {"old": {"old": 1, "young": 3, "not visible": 4}, "young": {"young": 5}}),
}
REPORT = {
    "understanding": {
        "attributes": {
            "attributes": SEEN,
            "calibration_error": 0.05,
            "calibration": [
                {"confidence": 0.55, "share_right": 0.5, "count": 4},
                {"confidence": 0.95, "share_right": 0.9, "count": 16},
            ],
        }
    },
    "frontier": {
        "rows": [
            {
                "steps": steps,
                "guidance": guidance,
                "steering": steering,
                "seconds_per_face": steps / 20,
                "agreement": {"share": steps / 100},
                "fd_elite0": 200.0 - steps - guidance,
            }
            for steps, guidance, steering in (
                (12, 3.0, 3.0),
                (4, 3.0, 3.0),
                (36, 3.0, 3.0),
                (36, 1.0, 3.0),
                (12, 3.0, 0.0),
            )
        ]
    },
}


def test_bars_are_the_balanced_accuracies_and_marks_are_chance():
    (axes,) = attribute_bars(REPORT).axes
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.9]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["age", "gender"]
    assert axes.lines[0].get_xdata().tolist() == [0.5, 0.5]


def test_the_calibration_curve_goes_through_the_bins():
    (axes,) = calibration_curve(REPORT).axes
    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[0.55, 0.5], [0.95, 0.9]])
    small, large = axes.collections[0].get_sizes()
    assert large - 12 == pytest.approx(4 * (small - 12))
    assert "5.0 %" in axes.get_title()


def test_each_row_of_a_confusion_shares_out_one_true_value():
    panels = dict(zip(CONFUSED, confusions(REPORT).axes, strict=True))
    (image,) = panels["age"].images
    np.testing.assert_allclose(image.get_array(), [[1 / 8, 3 / 8, 4 / 8], [0, 1, 0]])
    columns = [label.get_text() for label in panels["age"].get_xticklabels()]
    assert columns == ["old", "young", "not visible"]
    assert [label.get_text() for label in panels["age"].get_yticklabels()] == [
        "old (8)",
        "young (5)",
    ]
    assert not panels["expression"].images  # not measured


def test_settings_stand_where_their_seconds_and_quality_are():
    left, right = steps_against_quality(REPORT).axes
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[0.2, 4], [0.6, 12], [1.8, 36]])
    np.testing.assert_allclose(left.lines[1].get_xydata(), [[1.8, 36]])
    np.testing.assert_allclose(left.lines[2].get_xydata(), [[0.6, 12]])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [193, 185, 161])


def test_a_report_gives_the_same_files_again_and_none_of_what_was_not_measured(tmp_path):
    first, again = (write_plots(REPORT, tmp_path / name) for name in ("a", "b"))
    assert [path.stem for path in first] == list(FIGURES)
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes() and b"<svg" in one.read_bytes()
    assert write_plots({"judge": {}}, tmp_path / "c") == []
    assert not list((tmp_path / "c").iterdir())
