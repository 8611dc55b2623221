"""What is said of a noun by a verb means what it means before the noun."""

import pytest

from unif2ace.details import DETAILS
from unif2ace.lexicon import PRESENCE
from unif2ace.lexing import tokens
from unif2ace.parsing import parse_constraints, parse_denials
from unif2ace.predicates import LONGEST_PREDICATE, attributive

PHRASES = sorted({
    phrase
    for detail in DETAILS.values()
    for value in detail.has
    for phrase in detail.understood(value)
    if " " in phrase and len(phrase.replace("-", " ").split()) <= 1 + LONGEST_PREDICATE
})  # fmt: skip


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_verb_between_noun_and_detail_changes_nothing(phrase):
    predicate, _, noun = phrase.rpartition(" ")
    meant = parse_constraints(phrase)
    assert meant
    for verb in ("is", "are very", "seems"):
        assert parse_constraints(f"the {noun} {verb} {predicate}") == meant
    if noun not in PRESENCE:
        assert parse_constraints(f"the {noun} is not {predicate}") == parse_constraints(
            f"not {phrase}"
        )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("her mouth is not wide", "her not wide mouth"),
        ("her mouth is wide open", "her mouth is wide open"),
        ("a man whose mouth is little and red hair", "a man whose little mouth and red hair"),
        ("the light comes from below", "the light from below"),
        ("his left eyebrow is raised", "his raised left eyebrow"),
        ("his hat isn't blue", "his hat not blue hat"),
        ("her hair is red", "her hair is red"),
        ("her mouth is", "her mouth is"),
        ("is", "is"),
        ("", ""),
    ],
)
def test_only_details_move(text, told):
    assert " ".join(attributive(tokens(text))) == told


def test_a_thing_that_is_not_of_a_kind_is_there():
    said = parse_constraints("her hat is not blue")
    assert said["hat"] == {"beanie"} and "blue" not in said["hat_color"]
    assert parse_constraints("a hat, not blue")["hat"] == {"beanie"}


@pytest.mark.parametrize(
    ("question", "name", "left"),
    [
        ("her cheekbones aren't high, are they?", "cheekbones", {"average"}),
        ("his forhead isnt high is it", "forehead", {"average", "low"}),
        ("light isn't coming from below, right?", "light_height", {"above"}),
    ],
)
def test_a_detail_denied_leaves_the_other_values(question, name, left):
    assert parse_denials(question) == {name: left}


@pytest.mark.parametrize("things", ["moles", "beauty marks", "scars", "double chins"])
def test_several_things_can_be_missing(things):
    (values,) = parse_constraints(f"no {things}").values()
    assert len(values) == 1 and parse_constraints(f"without {things}") != {}
