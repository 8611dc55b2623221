"""What is written down of what goes wrong: where it happened, never what a visitor sent.

Knows no widget. Gradio prints every unforeseen exception, and messages repeat the values at fault.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any


def print_place(*_: Any, **__: Any) -> None:
    """The exception being handled, by kind and place; its message stays unsaid."""
    kind, _message, place = sys.exc_info()
    if kind is not None:
        print(*traceback.format_tb(place), kind.__name__, sep="", file=sys.stderr)


def keep_words_out() -> None:
    """From now on `traceback.print_exc`, which Gradio calls, is `print_place`."""
    setattr(traceback, "print_exc", print_place)  # noqa: B010  (mypy: replaced on purpose)
