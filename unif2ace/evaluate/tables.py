"""How shares are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def interval(rate: Mapping[str, Any]) -> str:
    """`93.1 % (91.2–94.6, n = 800)`, or a dash when nothing was counted."""
    if not rate["total"]:
        return "–"
    low, high = 100 * rate["low"], 100 * rate["high"]
    return f"{percent(rate['share'])} ({low:.1f}–{high:.1f}, n = {rate['total']})"
