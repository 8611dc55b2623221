"""Prompts put together from attribute values, for visitors who pick instead of typing.

Whatever is composed here is read back by `parse_attributes` as the same values, and what they
imply. Knows no widget.
"""

from __future__ import annotations

from collections.abc import Mapping

from unif2ace.attributes import ATTRIBUTES, check_value, contradictions
from unif2ace.details import KIND_OF, with_implied
from unif2ace.parsing import parse_attributes
from unif2ace.wording import article, being, having, sentence

_PREDICATES = ("expression", "gaze", "light", "age_years")  # "smiling", not "a smile"


def compose(values: Mapping[str, str]) -> str:
    """One sentence that says each of `values`, or "" if there are none.

    The kind of a thing that is said to be absent is left out.

    Raises: ValueError for an unknown attribute or value.
    """
    for name, value in values.items():
        check_value(name, value)
    if not values:
        return ""
    values = {
        name: value
        for name, value in values.items()
        if (thing := KIND_OF.get(name)) not in values
        or values[str(thing)] != ATTRIBUTES[str(thing)].values[0]
    }
    who = " ".join([*_if_given(values, "age"), values.get("gender", "person")])
    parts = [phrase(name, values[name]) for name in ATTRIBUTES if name in values]
    have = [text for is_had, text in parts if is_had]
    are = [text for is_had, text in parts if not is_had and text]
    listed = f" with {_listed(have)}" if have else ""
    return sentence(", ".join([f"{article(who)} {who}{listed}", *are])).removesuffix(".")


def phrase(name: str, value: str) -> tuple[bool, str]:
    """Whether a value is said after "with", and the words; none for who the person is."""
    if name in ("age", "gender"):
        return False, ""
    had, been = having(name, value), being(name, value)
    if had and not (name in _PREDICATES and been):
        return True, had[0]
    return False, been[0]


def toggled(prompt: str, name: str, value: str) -> str:
    """The prompt with a value added, exchanged for the one it has, or, if it has it, taken out.

    What is added to a visitor's own words is put at their end. Else the prompt is composed anew
    from all that it says, without whatever contradicts the picked value.
    """
    check_value(name, value)
    has = parse_attributes(prompt)
    if prompt.strip() and name not in has:
        added = f"{prompt.strip().rstrip('.,;')}, {phrase(name, value)[1]}"
        if parse_attributes(added) == with_implied(has | {name: value}) and not contradictions(
            parse_attributes(added)
        ):
            return added
    if has.get(name) == value:
        return compose({other: v for other, v in has.items() if other != name})
    kept = {
        other: v
        for other, v in has.items()
        if other != name and not contradictions({other: v, name: value})
    }
    return compose({name: value} | kept)


def _if_given(values: Mapping[str, str], name: str) -> list[str]:
    return [values[name]] if name in values else []


def _listed(phrases: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([*filter(None, [", ".join(phrases[:-1])]), phrases[-1]])
