"""Which values are so as well when another one is: who laughs, smiles; a braid is long hair."""

from __future__ import annotations

from collections.abc import Mapping, Set

from unif2ace.attributes import HAIR_LENGTH

INCLUDED: Mapping[tuple[str, str], str] = {
    ("expression", "smiling"): "laughing",
    ("facial_hair", "full beard"): "goatee",
    ("eyes", "open"): "squinting",
}
"""By attribute and value asked for, the one that is so as well: who laughs, smiles. Of a
goatee, a full beard is asked for in words for any beard."""


def holds(name: str, value: str, asked: str) -> bool:
    """Whether yes is right of an attribute with that value, when another one is asked for."""
    if name == "hair_style" and asked in ("short", "long"):
        return HAIR_LENGTH[value] == asked
    return value in (asked, INCLUDED.get((name, asked)))


def holds_any(name: str, value: str, asked: Set[str]) -> bool:
    """Whether yes is right when it hangs on any of these values.

    One alone includes others as in `holds`; who names several means these.
    """
    if len(asked) == 1:
        (one,) = asked
        return holds(name, value, one)
    return value in asked
