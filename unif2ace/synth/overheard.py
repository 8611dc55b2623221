"""Questions written down one by one, as different people would type them (see the data card).

The other question modules compose what they ask; these rows are each their own, in words and turns
that no table combines. Lines of `overheard.jsonl`: `question`; `attribute`, "" where no face tells;
and for a yes or no `asked`, the value it hangs on, "" for whether the thing is there at all, or
several values ("left|right"), of which any will do.
As in `asking`, none is told the true value; `{they}`, `{them}` and `{own}` are the person.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from unif2ace.synth.visitors import said_of

VALUE, PRESENCE = None, ""
"""What a row without a value asks for: the value itself, or whether there is any."""
_OR = "|"

_ROWS = Path(__file__).with_name("overheard.jsonl")


@cache
def overheard() -> Mapping[tuple[str, str | None], Sequence[str]]:
    """All templates by attribute ("" for none) and what is asked for: values, or one of above."""
    rows: dict[tuple[str, str | None], list[str]] = {}
    for line in _ROWS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows.setdefault((row["attribute"], row.get("asked", VALUE)), []).append(row["question"])
    return rows


def is_overheard(name: str, asked: str | None) -> bool:
    return (name, asked) in overheard()


@cache
def overheard_groups(name: str) -> Mapping[str, frozenset[str]]:
    """The several values of an attribute that a yes or no hangs on, by how `overheard` has them."""
    asked = [asked for other, asked in overheard() if other == name and asked]
    return {group: frozenset(group.split(_OR)) for group in asked if _OR in group}


def overheard_question(name: str, asked: str | None, gender: str, generator: random.Random) -> str:
    """One of the questions about the attribute. Only where `is_overheard`."""
    return said_of(generator.choice(overheard()[name, asked]), name, gender, generator)
