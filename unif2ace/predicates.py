"""A detail said of its noun as the tables list it: "her mouth is wide" as "her wide mouth"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from unif2ace.details import DETAILS
from unif2ace.lexicon import PRESENCE
from unif2ace.lexing import COPULAS, FILLERS, NEGATIONS, longest, normalized

LONGEST_NOUN, LONGEST_PREDICATE = 2, 4  # words


def attributive(words: Sequence[str]) -> list[str]:
    """Tokens, with every detail that a verb ties to its noun told as a noun phrase.

    "her mouth is not wide" becomes "her not wide mouth", "the light comes from below" "the light
    from below"; what goes on ("her mouth is wide open") is left alone.
    """
    told: list[str] = []
    position = 0
    while position < len(words):
        phrase, end = _phrase_at(words, position)
        told += phrase or [words[position]]
        position = end
    return told


def _phrase_at(words: Sequence[str], start: int) -> tuple[list[str], int]:
    """What a noun at `start`, its verb and what is said of it become, and where they end.

    Nothing and the next word where they are no detail.
    """
    for length in range(LONGEST_NOUN, 0, -1):
        verb = start + length
        if verb >= len(words) or words[verb] not in COPULAS:
            continue
        noun = tuple(words[start:verb])
        for begin, end in _predicates(words, verb):
            predicate = tuple(words[begin:end])
            said = next((p for p in (predicate + noun, noun + predicate) if p in _details()), None)
            if said is None or begin + len(longest(words, begin)[0]) > end:
                continue
            denied = [word for word in words[verb:begin] if word in NEGATIONS]
            is_thing = " ".join(noun) in PRESENCE  # a hat that is not blue is a hat
            return [*(noun if denied and is_thing else ()), *denied, *said], end
    return [], start + 1


def _predicates(words: Sequence[str], verb: int) -> Iterator[tuple[int, int]]:
    """Where what a verb says may begin and end: behind all that only leads up to it first."""
    begin = verb + 1
    while begin < len(words) and words[begin] in COPULAS | FILLERS | {"not", "never"}:
        begin += 1
    for first in range(begin, verb, -1):
        for last in range(min(first + LONGEST_PREDICATE, len(words)), first, -1):
            yield first, last


@lru_cache(maxsize=1)
def _details() -> frozenset[tuple[str, ...]]:
    """Every phrase of two words or more that means a value by itself."""
    phrases = {
        normalized(phrase)
        for detail in DETAILS.values()
        for value in detail.has
        for phrase in detail.understood(value)
    }
    return frozenset(phrase for phrase in phrases if len(phrase) > 1)
