"""Tables and renewed sections of Markdown documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def insert(document: str, section: str, text: str, name: str = "the document") -> str:
    """`document` with `text` between the markers of `section`, which stay.

    Raises ValueError unless each marker is there once, the start first.
    """
    start, end = f"<!-- {section}:start -->", f"<!-- {section}:end -->"
    if document.count(start) != 1 or document.count(end) != 1:
        raise ValueError(f"{name} must hold {start} and {end} once each")
    before, rest = document.split(start)
    if end not in rest:
        raise ValueError(f"{name} has {end} before {start}")
    return f"{before}{start}\n{text}\n{end}{rest.split(end)[1]}"
