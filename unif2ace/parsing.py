"""From English to attributes: a shallow parser over the word tables of `lexicon.py`.

It finds nouns ("hair"), the adjectives that lean on them ("red hair", "her hair is red", "hair:
red"), phrases that need no noun ("smiling", "clean-shaven"), and what a "no", "without" or "not"
covers. Spelling variants, plurals and small typos are undone first. Conflicts: the more specific
statement wins, then a positive one over a negated one, then the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

from unif2ace.attributes import ATTRIBUTES, check_value
from unif2ace.details import DETAILS, thing_behind
from unif2ace.inclusion import holds_any
from unif2ace.lexicon import GROUPS, KIN
from unif2ace.lexing import (
    BREAKERS,
    COPULAS,
    DETERMINERS,
    FILLERS,
    GENDER_HINTS,
    NEGATIONS,
    PREPOSITIONS,
    RESUMERS,
    Entry,
    Evidence,
    evidence,
    longest,
    statement,
    tokens,
)
from unif2ace.predicates import predicates
from unif2ace.wording import NOT_VISIBLE, canonical_answer

_DECLINES = re.compile(rf"\b(can't|cannot) (tell|see)\b|\b{NOT_VISIBLE}\b", re.IGNORECASE)
_VERDICT = re.compile(r"^\s*(yes|no|nope|yeah|yep)\s*([,.:;!]|$)", re.IGNORECASE)
_ASKING = (
    "is", "are", "am", "was", "were", "does", "do", "did", "has", "have", "had", "ca", "can",
    "could", "wo", "will", "would", "should", "must", "might", "may",
)  # fmt: skip
_OPENINGS = ("well", "so", "and", "but", "hey", "oh", "then", "hm", "hmm", "ok", "okay", "please")
_DENIALS = frozenset({"not", "no", "never"})
_DOUBTS = frozenset({
    "or", "if", "whether", "tell", "sure", "certain", "know", "doubt", "wrong", "false", "older",
})  # fmt: skip
_OPEN_WORDS = frozenset({
    "what", "which", "how", "where", "who", "whose", "why", "kind", "sort", "type", "describe",
})  # fmt: skip
_POSSESSIVES = ("his", "her", "their")
_DIRECTIONAL = ("gaze", "head_turn", "head_nod", "light")
_COLORED = ("hair", "eyes")
_TURNING = ("gaze", "head", "light")
_SIDED = ("eyes", "gaze", "head", "face")  # a "left eye" looks nowhere
_COLORS = ("hair_color", "eye_color", "clothing_color", "background")
ABSENT = {
    "facial_hair": "none", "lipstick": "none", "glasses": "none", "hat": "none",
    "earrings": "no", "eye_shadow": "no", "freckles": "no",
}  # fmt: skip
ABSENT |= {name: ATTRIBUTES[name].values[0] for name, detail in DETAILS.items() if detail.thing}


def parse_attributes(text: str) -> dict[str, str]:
    """The attribute values that `text` settles, by attribute.

    "glasses" alone settles no kind of glasses, so it gives nothing here; `parse_constraints`
    says what it leaves open. "not smiling" is read as a neutral expression, "short hair" as the
    plain short style. Unknown words are passed over.
    """
    return {name: value for name, (_, value) in _resolve(_read(text)).items() if value is not None}


def parse_constraints(text: str) -> dict[str, frozenset[str]]:
    """The values that `text` allows, for every attribute it narrows at all.

    "glasses" allows all kinds but "none"; "long hair" allows a ponytail and a braid as well;
    "not red hair" allows every other color.
    """
    return {name: allowed for name, (allowed, _) in _resolve(_read(text)).items()}


def parse_denials(question: str) -> dict[str, frozenset[str]]:
    """The values that a question leaves of one attribute by denying others: "her hair isn't red?".

    Our choice: nothing but a plain denial counts, one "not" of one attribute. "Isn't her hair red?"
    denies nothing, "I can't tell if it is red" neither, and what is denied of a thing that may be
    there in another form ("no full beard") is left to the network. Who is not smiling is not
    laughing either (`inclusion.holds_any`).
    """
    words = tokens(question)  # "isn't" is two of them
    is_asked = any(
        word in _ASKING and behind == "not" and (before in ",.;!" or before in _OPENINGS)
        for before, word, behind in zip([",", *words], words, words[1:], strict=False)
    )
    said_no = [word for word in words if word in NEGATIONS]
    if is_asked or len(said_no) != 1 or said_no[0] not in _DENIALS or not _DOUBTS.isdisjoint(words):
        return {}
    found = _Reader(words, None).read()
    denied = [fact for fact in found if fact.is_negated]
    name = denied[0].attribute if len(denied) == 1 else ""
    if not name or name in ABSENT or sum(fact.attribute == name for fact in found) != 1:
        return {}
    left = denied[0].allowed
    gone = frozenset(ATTRIBUTES[name].values) - left
    return {name: frozenset(value for value in left if not holds_any(name, value, gone))}


def asks_yes_no(question: str) -> bool:
    """Whether a question begins as only yes or no can answer it: "does he have a beauty mark?".

    Our choice: nothing but the plainest, with no "or", no "which" and no "not" in it.
    """
    words = [word for word in tokens(question) if word not in (*_OPENINGS, *",.;!?")]
    begins = bool(words) and words[0] in _ASKING
    return begins and (_DOUBTS | _OPEN_WORDS | NEGATIONS).isdisjoint(words)


def parse_yes_no(text: str) -> bool | None:
    """True where an answer begins with yes, False for no, None otherwise."""
    word = re.match(r"\W*([a-z]+)", text.lower())
    if word is None:
        return None
    if word[1] in ("yes", "yeah", "yep", "yup", "sure", "correct", "indeed"):
        return True
    return False if word[1] in ("no", "nope", "nah", "none") else None


def declines(text: str) -> bool:
    """Whether an answer says that the thing asked about cannot be seen."""
    return _DECLINES.search(text) is not None


def is_to_the_point(
    name: str, text: str, seen: Mapping[str, str], *, asked: Set[str] = frozenset()
) -> bool:
    """Whether an answer to a question about attribute `name` tells what is seen of it.

    seen: attribute to a value or "not visible", of `name` in any case; what an answer says beside
    the point must agree with it, too. A bare yes or no tells enough. Of what is not visible it is
    to say so, or that what would show it is not there.
    asked: the values that a yes or no about something visible hangs on (`inclusion.holds_any`);
    where there are any, it is to be the right one of the two.
    Raises ValueError for an unknown attribute or value, and where `seen` lacks the attribute.
    """
    check_value(name)
    for value in sorted(asked):
        check_value(name, value)
    if name not in seen:
        raise ValueError(f"what is seen of {name} is not told")
    told = _VERDICT.sub("", text)
    stated = _answered(name, told)
    if any(seen.get(other, value) != value for other, value in stated.items()):
        return False
    if seen[name] == NOT_VISIBLE:
        return declines(text) or _is_missing(thing_behind(name), stated)
    verdict = parse_yes_no(text)
    if asked and verdict is not holds_any(name, seen[name], asked):
        return False
    return name in stated or (verdict is not None and not told.strip())


def _is_missing(thing: str, stated: Mapping[str, str]) -> bool:
    """Whether a thing is said not to be there, or the eyes not to wink."""
    if thing == "eyes":
        return stated.get(thing, "winking") != "winking"
    return thing in stated and stated[thing] == ABSENT[thing]


def parse_answer(name: str, text: str, *, asked: str | None = None) -> str | None:
    """The value that an answer to a question about attribute `name` gives, or None.

    `asked` is the value that a yes/no question asked for: then a bare "Yes." gives it and, if
    the attribute has two values, a bare "No." gives the other one.
    Raises ValueError for an unknown attribute or value.
    """
    check_value(name, asked)
    stated = _answered(name, _VERDICT.sub("", text))
    if name in stated:
        return stated[name]
    verdict = parse_yes_no(text)
    if asked is not None and verdict is not None:
        others = [v for v in ATTRIBUTES[name].values if v != asked]
        return asked if verdict else (others[0] if len(others) == 1 else None)
    if verdict is False:
        return ABSENT.get(name)
    return "yes" if verdict and "yes" in ATTRIBUTES[name].values else None


def _answered(name: str, told: str) -> dict[str, str]:
    """What an answer states, its yes or no taken off: first of `name`, whatever noun it lacks."""
    told = told.lower()
    phrase = told.strip(" .,!")
    for value in ATTRIBUTES[name].values:
        if phrase == canonical_answer(name, value):
            return {name: value}
    if (detail := DETAILS.get(name)) and (answered := detail.answered(phrase)):
        return {name: answered}
    group = next((g for g, (names, _) in GROUPS.items() if name in names), None)
    found = _resolve(_read(told, head=group))
    return {other: value for other, (_, value) in found.items() if value is not None}


@dataclass
class _Pending:
    """An adjective whose noun is not known yet."""

    entry: Entry
    is_negated: bool
    is_linked: bool  # may lean on the noun before it
    is_adjacent: bool  # right after that noun: "mouth open"
    is_joined: bool = True  # nothing stands between it and what follows
    is_attributive: bool = False  # an unknown word follows: "a red car"

    @property
    def is_directional(self) -> bool:
        return any(name in _DIRECTIONAL for name, _ in self.entry.modifies)

    @property
    def is_side(self) -> bool:
        return any(value in ("left", "right") for _, value in self.entry.modifies)

    @property
    def is_color(self) -> bool:
        return any(name in _COLORS for name, _ in self.entry.modifies)

    @property
    def is_mood(self) -> bool:
        return any(name == "expression" for name, _ in self.entry.modifies)

    def turns(self, group: str) -> bool:
        return any(n in GROUPS[group][0] and n in _DIRECTIONAL for n, _ in self.entry.modifies)

    def leans_back(self, has_copula: bool) -> bool:
        return has_copula or self.is_adjacent


class _Reader:
    """One pass over the tokens of a text, gathering evidence."""

    def __init__(self, tokens: list[str], head: str | None) -> None:
        self.tokens = tokens
        self.found: list[Evidence] = []
        self.pending: list[_Pending] = []
        self.head = head
        self.is_linked = head is not None
        self.has_copula = head is not None
        self.negation: str | None = None
        self.is_negation_spent = False  # it has met a word to negate
        self.is_adjacent = False  # nothing but fillers since the last noun
        self.shared: list[_Pending] = []  # adjectives of the last noun: "brown hair and eyes"

    def read(self) -> list[Evidence]:
        position = 0
        while position < len(self.tokens):
            phrase, entry = longest(self.tokens, position)
            if entry is None:
                self._word(position)
                position += 1
                continue
            self._entry(phrase, entry, position)
            position += len(phrase)
        self._flush()
        for said in predicates(self.tokens):
            if not said.is_denied:
                self.found += said.facts
            elif (left := _negated(said.facts[0], is_there=said.is_there)).allowed:
                self.found.append(left)
        return self.found

    def _word(self, position: int) -> None:
        """A word that carries no attribute: punctuation, "and", "is", "no", or unknown."""
        word = self.tokens[position]
        if word in ".;:!?()\n":
            if word == ":":  # "hair: red"
                self.has_copula, self.negation = True, None
                return
            self._flush()
            self.negation = None
            self.is_linked = self.has_copula = self.is_adjacent = False
        elif word in (",", "and", "or", "but", "yet"):
            self._separate()
            if word != "and" or not self.is_adjacent:
                self.shared = []
            self.is_adjacent = False
            if self.negation and not self._negation_goes_on(position):
                self.negation = None
        elif word in NEGATIONS:
            if word != "nor" or self.negation is None:
                self.negation, self.is_negation_spent = word, False
            self._separate()
        elif word in ("a", "an") and self.has_copula and self.tokens[position - 1] in COPULAS:
            self._separate()  # "her hair is a deep auburn"
        elif word in GENDER_HINTS or word in DETERMINERS:
            if word in GENDER_HINTS:
                self._state(evidence("gender", GENDER_HINTS[word], strength=1), False)
            self._flush()
            self.is_linked = self.has_copula = self.is_adjacent = False
            self.shared = []
        elif word in RESUMERS:
            self._flush()
            self.is_linked = self.head is not None
        elif word in COPULAS:
            self._separate()
            self.has_copula = self.is_linked
        elif word in BREAKERS:
            self._flush()
            self.is_linked = self.has_copula = self.is_adjacent = False
        elif word in PREPOSITIONS:
            self._separate()
        elif word not in FILLERS and not word.endswith("ly"):
            if self.pending and self.pending[-1].is_joined:
                self.pending[-1].is_attributive = True
            self.is_linked = self.is_adjacent = False

    def _entry(self, phrase: tuple[str, ...], entry: Entry, position: int) -> None:
        is_head = entry.head is not None
        if is_head and entry.modifies and self._modifies_here(entry, position + len(phrase)):
            is_head = False  # the "light" of "light skin"
        is_turned = entry.head == "head" and phrase != ("head",) and self.head == "eyes"
        if is_turned and self.is_adjacent:
            return  # the "turned" of "eyes turned left"
        negated = self.negation is not None
        before = self._at(position - 1)
        if phrase[0] in KIN and before in _POSSESSIVES:  # "a boy with his mother"
            return
        is_owner = self._at(position + len(phrase)) == "s"
        for fact in entry.facts:  # "not a smiling woman" is a woman
            is_person = fact.attribute == "gender" and (
                self.is_negation_spent or fact.strength == 1
            )
            if is_owner and fact.attribute == "gender":  # "a woman in a man's shirt"
                fact = replace(fact, strength=2)
            self._state(fact, negated and not is_person)
        self.is_negation_spent = True
        if is_head:
            self._bind_before(entry.head or "", position + len(phrase))
            self.head, self.is_linked, self.has_copula = entry.head, True, False
            self.is_adjacent = True
        elif entry.modifies:
            if before == "in" and self.head == "person":  # "a woman in red"
                self.head = "clothes"
            item = _Pending(entry, negated, self.is_linked, self.is_adjacent)
            self.shared = []
            # "straight black hair", "low light"
            is_claimed = self._head_behind(position + len(phrase)) is not None
            if item.is_side and before in _POSSESSIVES:
                is_claimed = True  # by the hand of "in her left hand"
            if self.head in _TURNING and not is_claimed and item.turns(self.head):
                self._bind(item, self.head)  # "facing the camera": no later noun can claim it
            else:
                self.pending.append(item)

    def _modifies_here(self, entry: Entry, position: int) -> bool:
        """Whether a word that is both noun and adjective is an adjective at this place."""
        if any(item.is_joined and self._fits(item, entry.head or "") for item in self.pending):
            return False  # "warm light, dark skin"
        names = {name for name, _ in entry.modifies}
        while position < len(self.tokens):
            phrase, following = longest(self.tokens, position)
            if following is None:
                if self.tokens[position] not in (",", "and"):
                    break
                position += 1
                continue
            if following.head is not None:
                if names & set(GROUPS[following.head][0]):
                    return True
                break
            if not following.modifies:
                break
            position += len(phrase)
        return bool(self.has_copula and self.head and names & set(GROUPS[self.head][0]))

    def _at(self, position: int) -> str:
        return self.tokens[position] if 0 <= position < len(self.tokens) else ""

    def _head_behind(self, position: int) -> str | None:
        """The noun behind the adjectives at a position, if there is one."""
        while position < len(self.tokens):
            phrase, entry = longest(self.tokens, position)
            if entry is None or entry.head is not None or not entry.modifies:
                return entry.head if entry is not None else None
            position += len(phrase)
        return None

    def _separate(self) -> None:
        for item in self.pending:
            item.is_joined = False

    def _negation_goes_on(self, position: int) -> bool:
        """Whether "no hat, glasses or beard" or "without hat and glasses" is still listing."""
        word, rest = self.tokens[position], self.tokens[position + 1 : position + 8]
        if word in ("but", "yet"):
            return False
        if word == "or":
            return True
        is_bare = self._at(position + 1) not in ("a", "an") and self._names_a_thing(position + 1)
        closes = self.negation in ("without", "w/o", "lacks", "lacking", "minus")
        if word == "and":
            return is_bare and closes
        for at, later in enumerate(rest, start=position + 1):
            if later in (".", ";", "with", "but"):
                return False
            if later == "and":
                return is_bare and closes and self._names_a_thing(at + 1)
            if later in ("or", "nor"):
                return self._names_a_thing(position + 1) or rest[0] in ("or", "nor")
        return False

    def _names_a_thing(self, position: int) -> bool:
        """Whether something that can be absent is named here: "a hat", "any hat", "hat"."""
        if self._at(position) in ("a", "an", "any", "or"):
            position += 1
        _, entry = longest(self.tokens, position) if position < len(self.tokens) else ((), None)
        return entry is not None and any(f.attribute in ABSENT for f in entry.facts)

    def _bind_before(self, group: str, end: int) -> None:
        """Give adjectives to the noun after them, or to the noun before where they belong there."""
        bound = []
        is_last = end >= len(self.tokens) or self.tokens[end] in ".,;!?"
        shared = self.shared if group in _COLORED and is_last else []
        for item in [*shared, *self.pending]:
            if item.is_attributive and not item.is_joined and item not in shared:
                continue  # the "red" of "a red scarf and long hair"
            fits_after = self._fits(item, group) and not (item.is_side and group in _SIDED)
            fits_before = item.is_linked and self.head is not None and self._fits(item, self.head)
            is_loose = not item.is_joined and item not in shared
            if fits_before and is_loose and (not fits_after or item.leans_back(self.has_copula)):
                self._bind(item, self.head)
            elif fits_after:
                self._bind(item, group)
                bound.append(item)
            elif is_loose and item.is_mood:
                self._bind(item, "expression")
        self.pending.clear()
        self.shared = [item for item in bound if item.is_color and group in _COLORED]

    @staticmethod
    def _fits(item: _Pending, group: str) -> bool:
        return any(name in GROUPS[group][0] for name, _ in item.entry.modifies)

    def _flush(self) -> None:
        """Give the adjectives that found no noun after them to the noun before."""
        for item in self.pending:
            if item.is_attributive:
                continue
            if (
                self.head is not None
                and (item.is_linked or item.is_directional)
                and self._fits(item, self.head)
            ):
                self._bind(item, self.head)
            elif item.is_mood:
                self._bind(item, "expression")
        self.pending.clear()

    def _bind(self, item: _Pending, group: str | None) -> None:
        if group is None:
            return
        for name, value in item.entry.modifies:
            if name in GROUPS[group][0]:
                fact = statement(name, value)
                if group in ("beard", "person"):
                    fact = evidence(name, value, strength=2)
                self._state(fact, item.is_negated)

    def _state(self, fact: Evidence, negated: bool) -> None:
        self.found.append(_negated(fact) if negated else fact)


def _negated(fact: Evidence, *, is_there: bool = False) -> Evidence:
    """is_there: "not blue" of a mask that is there; else "no blue mask" is no mask."""
    name = fact.attribute
    rest = frozenset(ATTRIBUTES[name].values) - fact.allowed
    settled = next(iter(rest)) if len(rest) == 1 else None
    absent = ABSENT.get(name)
    if absent is not None and is_there:
        rest -= {absent}
        settled = next(iter(rest)) if len(rest) == 1 else None
    elif absent is not None and absent not in fact.allowed:  # "no full beard" is no beard
        rest, settled = frozenset({absent}), absent
    elif name == "expression" and "neutral" in rest:
        settled = "neutral"
    return Evidence(
        attribute=name, allowed=rest, settled=settled, strength=fact.strength, is_negated=True
    )


def _read(text: str, head: str | None = None) -> list[Evidence]:
    return _Reader(tokens(text), head).read()


def _resolve(found: Iterable[Evidence]) -> dict[str, tuple[frozenset[str], str | None]]:
    """Per attribute, what all statements together allow and settle."""
    stated: dict[str, Evidence] = {}
    excluded: dict[str, frozenset[str]] = {}
    hints: dict[str, str] = {}
    for fact in found:
        name, old = fact.attribute, stated.get(fact.attribute)
        if fact.is_negated:
            both = excluded.get(name, fact.allowed) & fact.allowed
            excluded[name] = both or fact.allowed
            if fact.settled is not None:
                hints[name] = fact.settled
        elif old is None or (fact.strength >= old.strength and not old.allowed < fact.allowed):
            stated[name] = fact
    result: dict[str, tuple[frozenset[str], str | None]] = {}
    for name in ATTRIBUTES:
        if name not in stated and name not in excluded:
            continue
        allowed = excluded.get(name, frozenset(ATTRIBUTES[name].values))
        settled = hints.get(name)
        if name in stated:
            fact = stated[name]
            allowed = (fact.allowed & allowed) or fact.allowed
            settled = fact.settled
        if settled not in allowed:
            settled = None
        if len(allowed) == 1:
            settled = next(iter(allowed))
        result[name] = allowed, settled
    return result
