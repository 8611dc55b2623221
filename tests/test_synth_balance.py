"""Laws of balance: even groups of people, and no attribute gives away another unless listed."""

from __future__ import annotations

import numpy as np
import pytest

from unif2ace.attributes import ATTRIBUTES
from unif2ace.priors import WHO
from unif2ace.synth import card
from unif2ace.synth.balance import (
    DEPENDENCIES,
    LEAK,
    associations,
    cramers_v,
    joint_counts,
    leaks,
)
from unif2ace.synth.sampling import sample_attributes

FACES = [sample_attributes(seed) for seed in range(6000)]
NOISE = 0.06
"""Above what chance gives 6,000 faces in any of 528 pairs; 130,000 allow `LEAK`."""


def test_no_unlisted_pair_of_attributes_goes_together():
    found = associations(FACES)
    assert len(found) == len(ATTRIBUTES) * (len(ATTRIBUTES) - 1) // 2
    unlisted = {pair: v for pair, v in found.items() if frozenset(pair) not in DEPENDENCIES}
    assert max(unlisted.values()) < NOISE, max(unlisted, key=lambda pair: unlisted[pair])


def test_a_planted_leak_is_found():
    planted = [
        dict(face) | ({"background": "white"} if face["gender"] == "man" and i % 3 == 0 else {})
        for i, face in enumerate(FACES)
    ]
    found = leaks(associations(planted))
    assert next(iter(found)) == ("gender", "background")
    assert found["gender", "background"] > NOISE > LEAK


def test_every_listed_pair_names_attributes_and_a_reason():
    for pair, reason in DEPENDENCIES.items():
        assert len(pair) == 2 and pair <= set(ATTRIBUTES) and reason
    assert not any(pair <= set(WHO) for pair in DEPENDENCIES)


def test_a_reason_is_of_its_own_pair():
    for worn in ("lipstick", "eye_shadow", "earrings"):
        assert "make-up and earrings" in DEPENDENCIES[frozenset(("gender", worn))]
        assert "sideburns" in DEPENDENCIES[frozenset(("sideburns", worn))]


def test_groups_of_people_are_equally_many():
    counts = joint_counts(FACES)
    assert len(counts) == 30 and sum(counts.values()) == len(FACES)
    expected = len(FACES) / 30
    chi_square = sum((n - expected) ** 2 / expected for n in counts.values())
    assert chi_square < 58.3  # 29 degrees of freedom, one in a thousand


def test_cramers_v_is_0_for_chance_and_1_for_certainty():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, 5000), rng.integers(0, 3, 5000)
    assert cramers_v(first, second) < 0.03
    assert cramers_v(first, first[::1] * 2) == pytest.approx(1, abs=1e-3)
    assert cramers_v(first, np.zeros(5000, int)) == 0
    with pytest.raises(ValueError, match="5000 and 3"):
        cramers_v(first, second[:3])


def test_the_table_of_the_card_holds_every_group():
    text = card.balance_section(FACES[:300])
    assert text.count("| dark |") == 2 and "gender – facial_hair" in text
