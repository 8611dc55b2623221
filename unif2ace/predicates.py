"""Details said of a noun by a verb: "her mouth is wide" tells what "a wide mouth" does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from unif2ace.details import DETAILS
from unif2ace.lexicon import GROUPS, PRESENCE
from unif2ace.lexing import COPULAS, FILLERS, NEGATIONS, Evidence, lexicon, longest, normalized

LONGEST_NOUN, LONGEST_PREDICATE = 2, 4  # words
_LEADING = COPULAS | FILLERS | {"not", "never"}  # may stand between a verb and what it says


@dataclass(frozen=True, kw_only=True)
class Predicate:
    """What a verb says of a noun.

    facts: of the phrase that noun and predicate make, the detail first.
    is_denied: "is not". is_there: the noun is a thing that a face may lack, so it is there even
    where it is denied to be of a kind ("her hat is not blue").
    """

    facts: tuple[Evidence, ...]
    is_denied: bool
    is_there: bool


def predicates(words: Sequence[str]) -> Iterator[Predicate]:
    """Of tokens, each detail of `DETAILS` that a noun, a verb and what follows it tell.

    Passed over: what goes on ("her mouth is wide open" is no wide mouth), what an "or" leaves open,
    and what the noun's own adjectives explain ("her cheeks are full").
    """
    position = 0
    while position < len(words):
        found = _predicate_at(words, position)
        if found is not None:
            yield found[0]
        position = position + 1 if found is None else found[1]


def _predicate_at(words: Sequence[str], start: int) -> tuple[Predicate, int] | None:
    """What the noun at `start`, its verb and what follows say, and where that ends."""
    for length in range(LONGEST_NOUN, 0, -1):
        verb = start + length
        if verb >= len(words) or words[verb] not in COPULAS:
            continue
        noun = tuple(words[start:verb])
        for begin, end in _spans(words, verb):
            said = tuple(words[begin:end])
            facts = _details().get(said + noun) or _details().get(noun + said)
            if facts is None or _is_explained(words, noun, begin, end):
                continue
            predicate = Predicate(
                facts=facts,
                is_denied=not NEGATIONS.isdisjoint(words[verb:begin]),
                is_there=noun in _things(),
            )
            return predicate, end
    return None


def _spans(words: Sequence[str], verb: int) -> Iterator[tuple[int, int]]:
    """Where what a verb says may begin and end: behind all that only leads up to it first."""
    begin = verb + 1
    while begin < len(words) and (words[begin] in _LEADING or words[begin].endswith("ly")):
        begin += 1
    for first in range(begin, verb, -1):
        for last in range(min(first + LONGEST_PREDICATE, len(words)), first, -1):
            if last == len(words) or words[last] != "or":
                yield first, last


def _is_explained(words: Sequence[str], noun: tuple[str, ...], begin: int, end: int) -> bool:
    """Whether the tables of adjectives know better what is said of a noun."""
    phrase, entry = longest(words, begin)
    if begin + len(phrase) != end:
        return begin + len(phrase) > end
    head = longest(noun, 0)[1] if len(noun) == 1 else None
    if entry is None or head is None or head.head is None:
        return False
    return any(name in GROUPS[head.head][0] for name, _ in entry.modifies)


@lru_cache(maxsize=1)
def _details() -> Mapping[tuple[str, ...], tuple[Evidence, ...]]:
    """What every phrase of two words or more that means a value by itself says."""
    told = {
        normalized(phrase)
        for detail in DETAILS.values()
        for value in detail.has
        for phrase in detail.understood(value)
    }
    entries = (entry for phrases in lexicon().values() for entry in phrases)
    return {phrase: entry.facts for phrase, entry in entries if phrase in told and len(phrase) > 1}


@lru_cache(maxsize=1)
def _things() -> frozenset[tuple[str, ...]]:
    """Nouns of what a face may lack."""
    listed = [thing for detail in DETAILS.values() for thing in detail.things]
    return frozenset(normalized(thing) for thing in [*listed, *PRESENCE])
