"""Laws of questions in plain visitors' words: many, of one attribute and value, without hints."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from itertools import combinations

import pytest

from unif2ace.attributes import ATTRIBUTES
from unif2ace.inclusion import INCLUDED
from unif2ace.parsing import parse_constraints
from unif2ace.synth.asking import PRESENCE_QUESTIONS
from unif2ace.synth.vernacular import CLAIMS, COLOR_CLAIMS, ELSEWHERE, THINGS, WIDE
from unif2ace.synth.visitors import (
    claims_of,
    has_claims,
    plain_choice_question,
    plain_elsewhere_question,
    plain_presence_question,
    plain_value_is_question,
    plain_value_question,
    plain_wide_question,
)

SEEDS = 80


# a pronoun out of its case, a determiner too many, something worn "on" twice, no agreement
_WRONG = re.compile(
    r"\bs?he's (name|job|phone)|\b(recognize|behind) s?he\b"
    r"|\bany (any|her|his|the|no|something|one)\b|\bknow any\b|\b(head|beard) on\b"
    r"|\b(is|are) there (her|his|no)\b|\bis there (glasses|ears|two)\b"
    r"|(what|say|think)('s| is) [^,]*(specs\b|cheekbones\b|, if (any|there))"
    r"|\bgot\b.*, doesn't s?he|\b(is|does|has)n't they\b"
    r"|\bvery (average|smiling|laughing|light skin)",
    re.IGNORECASE,
)


def drawn(ask, *arguments, seeds: int = SEEDS) -> set[str]:
    people = ("woman", "man")
    texts = {ask(*arguments, p, random.Random(seed)) for p in people for seed in range(seeds)}
    return texts - {None}


def check(texts: set[str], least: int) -> None:
    assert len({re.sub("[^a-z ]", "", text.lower()) for text in texts}) >= least
    for text in texts:
        assert not re.search(r"[{}|]|\w:\w|  | [,?]|\?\?", text), text
        assert not _WRONG.search(text), text
        assert 0 < len(text.split()) <= 22, text


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_and_value_is_asked_for_in_many_ways(name):
    check(drawn(plain_value_question, name), 30)
    for value in ATTRIBUTES[name].values:
        if has_claims(name, value):
            check(drawn(plain_value_is_question, name, value), 30)
        else:  # absence is asked as presence
            assert name in PRESENCE_QUESTIONS and value == ATTRIBUTES[name].values[0]
    if name in PRESENCE_QUESTIONS:
        check(drawn(plain_presence_question, name), 30)


def test_tables_know_the_vocabulary_and_no_more():
    assert set(THINGS) == set(PRESENCE_QUESTIONS) and set(WIDE) == set(INCLUDED)
    assert not {"wears a hat", "wears a cap", "has a hat on"} & set(claims_of("hat", "beanie"))
    assert set(CLAIMS) | set(COLOR_CLAIMS) == set(ATTRIBUTES)
    for table in (CLAIMS, COLOR_CLAIMS):
        for name, claims in table.items():
            assert set(claims) <= set(ATTRIBUTES[name].values), name


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_claims_are_understood_as_their_value_or_not_at_all(name):
    for value in ATTRIBUTES[name].values:
        for claim in claims_of(name, value):
            allowed = parse_constraints(claim.replace("{own}", "the")).get(name)
            assert allowed is None or value in allowed, (value, claim)


def test_no_two_values_are_claimed_in_the_same_words():
    for name, attribute in ATTRIBUTES.items():
        claims = [claim for value in attribute.values for claim in claims_of(name, value)]
        assert len(claims) == len(set(claims)), name


def test_no_text_asks_for_two_attributes_or_values():
    meant = defaultdict(set)
    for name, attribute in ATTRIBUTES.items():
        for value in filter(lambda v, n=name: has_claims(n, v), attribute.values):
            for text in drawn(plain_value_is_question, name, value):
                meant[text.lower().rstrip("?")].add((name, value))
        for pair in combinations(attribute.values, 2):
            for text in drawn(plain_choice_question, name, pair, seeds=15):
                meant[text.lower().rstrip("?")].add((name, *pair))
    for text, things in meant.items():
        assert len(things) == 1, (text, things)


def test_short_claims_keep_the_word_that_says_which():
    texts = drawn(plain_value_is_question, "raised_brow", "left", seeds=400)
    assert all("left" in text.lower() for text in texts)
    texts = drawn(plain_choice_question, "background", ("blue", "green"), seeds=400)
    assert all(re.search("wall|back|behind", text, re.IGNORECASE) for text in texts)


def test_questions_about_gender_are_alike_for_both():
    for seed in range(SEEDS):
        for value in ("woman", "man"):
            one, two = (
                plain_value_is_question("gender", value, g, random.Random(seed))
                for g in ("woman", "man")
            )
            assert one == two
        one, two = (
            plain_value_question("gender", g, random.Random(seed)) for g in ("woman", "man")
        )
        assert one == two and not re.search(r"\b(s?he|his|her|man|woman)\b", one)


def test_choices_name_both_and_off_topic_questions_vary():
    found = drawn(plain_choice_question, "expression", ("sad", "angry"))
    assert all(" or " in text for text in found) and len(found) > 10
    check(drawn(plain_elsewhere_question), 60)
    check(drawn(plain_wide_question, "expression", "smiling"), 60)
    assert all(way.strip() for ways in ELSEWHERE.values() for way in ways.split("|"))
