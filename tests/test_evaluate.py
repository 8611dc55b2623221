"""Laws of the measuring instruments: metrics, judge, sheets, reports."""

import math

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.evaluate.metrics import (
    Rate,
    Statements,
    balanced_accuracy,
    count_statements,
    expected_calibration_error,
    frechet_distance,
    majority_share,
    wilson_interval,
)


def test_wilson_interval_by_hand():
    # 8 of 10 at z = 2: middle (0.8 + 0.2) / 1.4, half 2 / 1.4 * sqrt(0.016 + 0.01)
    low, high = wilson_interval(8, 10, z=2)
    assert low == pytest.approx(1 / 1.4 - 2 / 1.4 * math.sqrt(0.026))
    assert high == pytest.approx(1 / 1.4 + 2 / 1.4 * math.sqrt(0.026))


@given(st.integers(1, 400), st.data())
def test_wilson_ends_are_where_the_normal_test_just_rejects(total, data):
    """The interval is all p with |hits/total - p| <= z sqrt(p (1 - p) / total)."""
    hits = data.draw(st.integers(0, total))
    for end in wilson_interval(hits, total):
        gap = (hits / total - end) ** 2
        assert gap == pytest.approx(1.959963984540054**2 * end * (1 - end) / total, abs=1e-9)


def test_wilson_of_nothing_is_everything_and_nonsense_raises():
    assert wilson_interval(0, 0) == (0, 1)
    assert Rate(hits=0, total=0).to_json()["share"] is None
    with pytest.raises(ValueError, match="got 3"):
        wilson_interval(3, 2)


def test_balanced_accuracy_by_hand():
    truth = ["a", "a", "a", "a", "b", "b", "c", "c"]
    said = ["a", "a", "a", "b", "b", "a", "a", "a"]
    assert balanced_accuracy(truth, said) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert majority_share(truth) == 0.5


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30))
def test_constant_answers_score_chance_and_the_truth_scores_one(truth):
    assert balanced_accuracy(truth, truth) == 1
    constant = balanced_accuracy(truth, ["a"] * len(truth))
    assert constant == pytest.approx(1 / len(set(truth)) if "a" in truth else 0)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 12),
)
def test_calibration_error_is_its_definition(pairs, num_bins):
    confidences, outcomes = zip(*pairs, strict=True)
    total = 0.0
    for i in range(num_bins):
        inside = [(c, o) for c, o in pairs if min(int(c * num_bins), num_bins - 1) == i]
        if inside:
            confidence = sum(c for c, _ in inside) / len(inside)
            accuracy = sum(o for _, o in inside) / len(inside)
            total += len(inside) / len(pairs) * abs(accuracy - confidence)
    assert expected_calibration_error(confidences, outcomes, num_bins) == pytest.approx(total)


def test_calibration_error_by_hand():
    assert expected_calibration_error([0.75, 0.75, 0.75, 0.75], [1, 1, 1, 0]) == 0
    assert expected_calibration_error([0.9, 0.9, 0.2], [0, 0, 1]) == pytest.approx(
        (2 * 0.9 + 0.8) / 3
    )
    with pytest.raises(ValueError, match=r"1\.5"):
        expected_calibration_error([1.5], [True])


def test_statements_by_hand():
    counted = count_statements(
        {"gender": "man", "glasses": "round", "ears": "protruding"},
        {"gender": "man", "glasses": "none", "age": "old", "hat": "none"},
    )
    assert counted == Statements(right=1, said=3, sayable=4)
    total = counted + Statements(right=1, said=1, sayable=4)
    assert total.precision == Rate(hits=2, total=4) and total.recall == Rate(hits=2, total=8)


def frechet_definition(a, b):
    root = scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    traces = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + traces - 2 * np.trace(root)


@pytest.mark.parametrize("rows", [(40, 30), (7, 50)])
def test_frechet_distance_is_the_definition_with_a_matrix_root(rows):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(rows[0], 5)) @ rng.normal(size=(5, 5))
    b = rng.normal(size=(rows[1], 5)) @ rng.normal(size=(5, 5)) + 1
    assert frechet_distance(a, b) == pytest.approx(frechet_definition(a, b), rel=1e-6)


def test_frechet_distance_of_normal_samples_is_the_closed_form():
    # N(0, 1) and N(3, 4) in one dimension: (3 - 0)^2 + (2 - 1)^2
    grid = np.random.default_rng(1).normal(size=(200_000, 1))
    assert frechet_distance(grid, 2 * grid + 3) == pytest.approx(10, abs=0.1)


def test_frechet_distance_is_zero_with_itself_symmetric_and_blind_to_order():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(6, 20)), rng.normal(size=(9, 20))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a[::-1], b) == pytest.approx(frechet_distance(a, b))
    with pytest.raises(ValueError, match=r"\(1, 20\)"):
        frechet_distance(a[:1], b)
