from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from unif2ace.links import TABS, Link
from unif2ace.records import Limits

LIMITS = Limits()
# what a text box can hold: no half surrogates, and not only blanks
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(str.strip)


def optional(strategy):
    return st.none() | strategy


def read(query):
    return Link.from_params(dict(parse_qsl(query.removeprefix("?"))), LIMITS)


@given(
    st.builds(
        Link,
        tab=optional(st.sampled_from(TABS)),
        prompt=optional(TEXT),
        question=optional(TEXT),
        seed=optional(st.integers(*LIMITS.seed)),
        steps=optional(st.integers(*LIMITS.steps)),
        guidance=optional(st.floats(*LIMITS.guidance)),
        checkpoint=optional(TEXT),
    )
)
def test_a_link_says_what_was_put_in(link):
    assert read(link.to_query()) == link


@given(st.dictionaries(st.sampled_from(list(vars(Link()))), st.text(max_size=30)))
def test_a_link_from_anywhere_never_leaves_the_limits(params):
    link = Link.from_params(params, LIMITS)
    for name in ("seed", "steps", "guidance"):
        value, (low, high) = getattr(link, name), getattr(LIMITS, name)
        assert value is None or low <= value <= high
    assert link.tab is None or link.tab in TABS


def test_what_does_not_fit_is_left_out():
    query = "?tab=admin&seed=-1&steps=1e9&guidance=nan&prompt=" + "x" * 5000
    assert read(query) == Link()
    assert read("?seed=1.5&steps=12.0").seed is None
    assert read("?seed=1.5&steps=12.0").steps == 12
