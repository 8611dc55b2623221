"""Links that repeat a result: what a visitor typed and set, as URL parameters. Never a picture.

Knows no widget. A link is data from anywhere: whatever does not fit is left out, not repaired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlencode

from unif2ace.records import Limits

Tab = Literal["understand", "generate", "routing", "verify", "about"]
TABS: tuple[Tab, ...] = get_args(Tab)


@dataclass(frozen=True, kw_only=True)
class Link:
    """The part of the page's state that a link carries; None where it says nothing."""

    tab: Tab | None = None
    prompt: str | None = None
    question: str | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    checkpoint: str | None = None

    def to_query(self) -> str:
        """The URL's part from "?" on; fields that are None are left out."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return "?" + urlencode(given)

    @classmethod
    def from_params(cls, params: Mapping[str, str], limits: Limits) -> Link:
        """Read URL parameters; unknown names and values outside `limits` become None."""
        tab = params.get("tab")
        return cls(
            tab=next((known for known in TABS if known == tab), None),
            prompt=_text(params.get("prompt"), limits.max_prompt_chars),
            question=_text(params.get("question"), limits.max_question_chars),
            seed=_whole(params.get("seed"), limits.seed),
            steps=_whole(params.get("steps"), limits.steps),
            guidance=_number(params.get("guidance"), limits.guidance),
            checkpoint=_text(params.get("checkpoint"), 200),
        )


def _text(value: str | None, longest: int) -> str | None:
    return value if value and value.strip() and len(value) <= longest else None


def _number(value: str | None, allowed: tuple[float, float]) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and allowed[0] <= number <= allowed[1] else None


def _whole(value: str | None, allowed: tuple[int, int]) -> int | None:
    number = _number(value, allowed)
    return int(number) if number is not None and number == int(number) else None
