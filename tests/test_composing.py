import pytest
from faces import random_faces
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.attributes import ATTRIBUTES, contradictions
from unif2ace.composing import compose, toggled
from unif2ace.details import KIND_OF, with_implied
from unif2ace.parsing import parse_attributes

FACES = random_faces(seed=3, count=40)
SINGLE = [(name, value) for name, a in ATTRIBUTES.items() for value in a.values]


@st.composite
def partial_faces(draw):
    """Some attributes of a consistent face, in any order."""
    face = draw(st.sampled_from(FACES))
    names = draw(st.lists(st.sampled_from(list(ATTRIBUTES)), unique=True, max_size=12))
    return {name: face[name] for name in names}


@given(partial_faces())
def test_what_is_composed_is_read_back(values):
    told = {
        name: value
        for name, value in values.items()
        if values.get(KIND_OF.get(name, name)) not in ("no", "none") or name not in KIND_OF
    }
    assert parse_attributes(compose(values)) == with_implied(told)


@pytest.mark.parametrize(("name", "value"), SINGLE)
def test_every_single_value_can_be_said(name, value):
    assert parse_attributes(compose({name: value})) == with_implied({name: value})


@given(partial_faces(), st.sampled_from(SINGLE))
def test_a_picked_value_is_in_and_picking_it_again_takes_it_out(values, picked):
    name, value = picked
    prompt = compose({n: v for n, v in values.items() if n != name})
    once = toggled(prompt, name, value)
    assert parse_attributes(once)[name] == value
    assert not contradictions(parse_attributes(once)) or contradictions(values)
    assert name not in parse_attributes(toggled(once, name, value))


def test_a_visitors_own_words_are_kept_when_something_is_added():
    mine = "my uncle, an old man with a huge grey beard."
    assert toggled(mine, "eye_color", "blue").startswith("my uncle, an old man with a huge grey")


def test_a_value_is_exchanged_for_another_and_contradictions_go():
    assert toggled("A woman with red hair", "hair_color", "black") == "A woman with black hair"
    woman = toggled("An old man with a full beard", "gender", "woman")
    assert parse_attributes(woman) == {"gender": "woman", "age": "old"}


def test_what_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="aura"):
        compose({"aura": "blue"})
    with pytest.raises(ValueError, match="plaid"):
        toggled("", "hair_color", "plaid")


def test_nothing_is_said_of_nothing():
    assert compose({}) == "" and toggled("A man", "gender", "man") == ""
