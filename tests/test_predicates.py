"""A detail said by a verb means what it means before its noun, and takes nothing else away."""

import pytest

from unif2ace.details import DETAILS
from unif2ace.lexicon import ADJECTIVES, GROUPS, PRESENCE, understood
from unif2ace.parsing import ABSENT, parse_constraints, parse_denials
from unif2ace.predicates import LONGEST_PREDICATE

NOUNS_BEFORE = ("eyes", "head", "lips", "light", "scar", "mole", "face", "forehead", "mouth")
CASES = sorted({
    (phrase, name, value)
    for name, detail in DETAILS.items()
    for value in detail.has
    for phrase in detail.understood(value)
    if " " in phrase and len(phrase.replace("-", " ").split()) <= 1 + LONGEST_PREDICATE
})  # fmt: skip


def noun_and_predicate(phrase: str) -> tuple[str, str]:
    """ "a scar on the lip" has its noun before, "high cheekbones" behind."""
    first, _, rest = phrase.partition(" ")
    rest_before, _, last = phrase.rpartition(" ")
    return (first, rest) if first in NOUNS_BEFORE else (last, rest_before)


def is_explained(noun: str, predicate: str) -> bool:
    """Whether the adjectives of a noun already say what is said of it."""
    return any(
        noun in understood(nouns) and predicate in understood(words)
        for names, nouns in GROUPS.values()
        for name in names
        for words in ADJECTIVES.get(name, {}).values()
    )


@pytest.mark.parametrize(("phrase", "name", "value"), CASES)
def test_a_verb_between_noun_and_detail_changes_nothing(phrase, name, value):
    noun, predicate = noun_and_predicate(phrase)
    if is_explained(noun, predicate):
        assert name not in parse_constraints(f"the {noun} is {predicate}")
        return
    for verb in ("is", "are very", "seems"):
        said = parse_constraints(f"the {noun} {verb} {predicate}")
        assert said[name] == {value}, verb
        assert set(said) >= set(parse_constraints(phrase))
    denied = parse_constraints(f"the {noun} is not {predicate}")[name]
    is_thing = noun in PRESENCE or noun in DETAILS[name].things
    if parse_constraints(noun).get(name) == {value}:  # thin sideburns are sideburns
        assert denied == {value}
    elif is_thing or name not in ABSENT:
        assert denied == set(DETAILS[name].has) - {value, ABSENT.get(name)}
    elif value != ABSENT[name]:
        assert denied == {ABSENT[name]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("background is plain white", {"background": "white", "background_pattern": "plain"}),
        ("the mouth is wide and open", {"mouth": "open", "mouth_width": "wide"}),
        ("the mouth is wide open", {"mouth": "open"}),
        ("the blue eyes are tired", {"eye_color": "blue", "eye_openness": "drowsy"}),
        ("the light comes from above left", {"light": "left", "light_height": "above"}),
        (
            "the left eyebrow is raised and thick",
            {"brows": "raised", "raised_brow": "left", "brow_thickness": "thick"},
        ),
        (
            "no beard, and a person whose mouth is really wide",
            {"facial_hair": "none", "mouth_width": "wide"},
        ),
        ("without a hat, whose mouth is small", {"hat": "none", "mouth_width": "small"}),
        ("the head is leaning to the left", {"head_tilt": "left"}),
        ("eyes are tired. They are blue.", {"eye_color": "blue", "eye_openness": "drowsy"}),
        ("does the light come from above or below?", {}),
        ("the mouth is", {}),
        ("is", {}),
    ],
)
def test_what_else_is_said_stays_said(text, said):
    assert parse_constraints(text) == {name: {value} for name, value in said.items()}


@pytest.mark.parametrize(
    ("question", "name", "left"),
    [
        ("her cheekbones aren't high, are they?", "cheekbones", {"average"}),
        ("his forhead isnt high is it", "forehead", {"average", "low"}),
        ("light isn't coming from below", "light_height", {"above"}),
        ("her hat isn't blue, is it?", "hat_color", set(DETAILS["hat_color"].has) - {"blue"}),
    ],
)
def test_a_detail_denied_leaves_the_other_values(question, name, left):
    assert parse_denials(question) == {name: left}


@pytest.mark.parametrize("things", ["moles", "beauty marks", "beauty spots"])
def test_several_marks_can_be_missing(things):
    for no in ("no", "without"):
        assert parse_constraints(f"{no} {things}") == {"beauty_mark": {"none"}}
