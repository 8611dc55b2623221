"""Words as the parser sees them: tokens, their senses, spelling and typos undone.

Knows no sentences: which noun an adjective leans on is the parser's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from unif2ace.attributes import ATTRIBUTES, REFINED
from unif2ace.details import DETAILS, IMPLIED, implied
from unif2ace.lexicon import (
    ADJECTIVES,
    EMPTY_PHRASES,
    GROUPS,
    KIN_NOUNS,
    NOT_TYPOS,
    OTHER_NOUNS,
    PHRASES,
    PRESENCE,
    understood,
)

YOUNG_BELOW, OLD_FROM = 35, 60
"""Years of age at which "young" ends and "old" begins."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One statement about one attribute: the values it allows, and the one it means if it says."""

    attribute: str
    allowed: frozenset[str]
    settled: str | None
    strength: int  # 3 said, 2 said loosely, 1 hinted
    is_negated: bool = False


@dataclass(frozen=True)
class Entry:
    """All senses of one word or phrase."""

    modifies: tuple[tuple[str, str], ...] = ()
    head: str | None = None
    facts: tuple[Evidence, ...] = ()


_SPELLING = {
    "grey": "gray", "greying": "graying", "greyish": "grayish", "colour": "color",
    "colours": "color", "colors": "color", "coloured": "colored", "moustache": "mustache",
    "moustaches": "mustache", "moustached": "mustached", "mustaches": "mustache",
    "blonde": "blond", "blondes": "blond", "blonds": "blond", "redheads": "redhead",
    "beanies": "beanie", "headbands": "headband", "goatees": "goatee", "eyeglass": "eyeglasses",
    "sunglass": "sunglasses", "towards": "toward", "mouths": "mouth", "noses": "nose",
    "chins": "chin", "isnt": "isn't", "doesnt": "doesn't", "aint": "isn't", "hasnt": "hasn't",
    "arent": "aren't", "dont": "don't", "hes": "he", "shes": "she", "spectacle": "spectacles",
    "wearin": "wearing", "lookin": "looking", "smilin": "smiling",
}  # fmt: skip
NEGATIONS = frozenset({
    "no", "not", "without", "never", "lacks", "lacking", "neither", "nor", "cannot", "lack",
    "minus", "w/o", "none", "free",
})  # fmt: skip
DETERMINERS = frozenset({
    "a", "an", "the", "her", "his", "this", "their", "some", "my", "its", "your", "one",
})  # fmt: skip
COPULAS = frozenset({
    "is", "are", "be", "was", "were", "appear", "appears", "seem", "seems", "being", "dyed",
    "worn", "falls", "fall", "hangs", "kept", "held", "cut", "styled", "colored", "color",
    "comes", "coming", "s", "painted", "hang", "lie", "lies", "sit", "sits", "directed", "cast",
    "has", "falling", "done", "fixed",
})  # fmt: skip
PREPOSITIONS = frozenset({"to", "from", "at", "in", "into", "of", "on", "toward"})
FILLERS = frozenset({
    "very", "quite", "somewhat", "more", "too", "little", "bit", "side", "also", "both", "pretty",
    "so", "kind", "all", "just", "rather", "straight",
})  # fmt: skip
BREAKERS = frozenset({
    "with", "while", "who", "whose", "against", "behind", "under", "have", "having", "plus",
    "for", "as", "beneath", "above", "below", "by", "before", "over", "around", "does", "do",
    "shows", "showing",
})  # fmt: skip
RESUMERS = frozenset({"it", "they", "which", "them", "that"})  # speak on about the last noun
GENDER_HINTS = {
    "she": "woman", "her": "woman", "hers": "woman", "herself": "woman", "he": "man",
    "his": "man", "him": "man", "himself": "man",
}  # fmt: skip
_COLOR_WORDS = frozenset({
    "red", "brown", "black", "blond", "gray", "white", "blue", "green", "yellow", "pink", "purple",
})  # fmt: skip
_DECADES = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
_DECADE_WORDS = {
    1: "teens", 2: "twenties", 3: "thirties", 4: "forties", 5: "fifties", 6: "sixties",
    7: "seventies", 8: "eighties", 9: "nineties",
}  # fmt: skip
_TOKEN = re.compile(r"w/o|[a-z]+(?:'[a-z]+)*|\d+|[.,;:!?()\n]")
_AGE = re.compile(
    r"\b(?:aged?|age of|age is)\s*:?\s*(\d{1,3})\b"
    r"|(?:,|\()\s*(\d{2})\s*(?=,|\)|$)"  # "woman, 40" and "woman (40)"
    r"|\b(\d{1,3})\s*-?\s*(?:years?|yrs?|y/?o|y\.o\.?)\b(?:\s*-?\s*(?:olds?|of age))?(?!\s+of\b)"
)
_AGE_WORDS = re.compile(
    rf"\b({'|'.join(_DECADES)})"
    r"(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?[- ]years?[- ]olds?\b"
)
_DECADE = re.compile(
    r"(?<!\d)([1-9])0\s?'?s\b"
    r"(?! (?:hair|haircut|hairstyle|style|fashion|music|movie|film|look|outfit|photo|vibe)\b)"
)


def evidence(name: str, *allowed: str, strength: int = 3) -> Evidence:
    settled = allowed[0] if len(allowed) == 1 or strength == 2 else None
    return Evidence(attribute=name, allowed=frozenset(allowed), settled=settled, strength=strength)


def statement(name: str, value: str) -> Evidence:
    """What an adjective says. Lengths of hair are loose: a braid is long hair too."""
    if (name, value) == ("hair_style", "short"):
        return evidence(name, "short", "cropped", "side-swept", strength=2)
    if (name, value) == ("hair_style", "long"):
        return evidence(name, "long", "ponytail", "braid", strength=2)
    return evidence(name, value)


@lru_cache(maxsize=1)
def lexicon() -> Mapping[str, list[tuple[tuple[str, ...], Entry]]]:
    """First word -> phrases that begin with it, longest first."""
    modifies: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    facts: dict[tuple[str, ...], list[Evidence]] = {}
    heads: dict[tuple[str, ...], str] = {}
    for name, values in ADJECTIVES.items():
        for value, words in values.items():
            for word in understood(words):
                modifies.setdefault(normalized(word), []).append((name, value))
    for name, values in PHRASES.items():
        for value, words in values.items():
            for word in understood(words):
                facts.setdefault(normalized(word), []).append(statement(name, value))
    for name, detail in DETAILS.items():
        for value in detail.has:
            for word in detail.understood(value):
                said = facts.setdefault(normalized(word), [])
                said.append(evidence(name, value))
                if whose := GENDER_HINTS.keys() & word.split():  # "scar on her forehead"
                    said.append(evidence("gender", GENDER_HINTS[min(whose)], strength=1))
                if name in REFINED or name in IMPLIED:
                    said += [evidence(*one) for one in implied(name, value).items()]
                for noun in _ending_in_a_thing(word):  # "blue eye shadow" is eye shadow
                    group, thing, allowed = PRESENCE[noun]
                    said.append(evidence(thing, *allowed))
                    heads[normalized(word)] = group
        there = list(detail.has)[1:]  # the first is the plain case, in which there is none
        for word in detail.things:
            facts.setdefault(normalized(word), [evidence(name, *there)])
    for group, (_, words) in GROUPS.items():
        for word in understood(words):
            heads[normalized(word)] = group
    for noun, (group, name, allowed) in PRESENCE.items():
        if not noun.endswith("ed"):  # "bearded" takes no adjectives
            heads[normalized(noun)] = group
        fact = evidence(name, *allowed)
        if noun in ("beard", "bearded"):  # a beard is a full one unless more is said
            fact = evidence(name, *allowed, strength=2)
        facts.setdefault(normalized(noun), []).append(fact)
    for noun in PHRASES["gender"].values():
        for word in understood(noun):
            heads.setdefault(normalized(word), "person")
    for value in ("cropped", "bob", "ponytail", "braid"):  # "a red ponytail"
        for word in understood(PHRASES["hair_style"][value]):
            heads.setdefault(normalized(word), "hair")
    for nouns, gender, *ages in (*KIN_NOUNS, *OTHER_NOUNS):
        told = [evidence("gender", gender), *(evidence("age", age, strength=2) for age in ages)]
        for noun in nouns.split():
            heads[(noun,)], facts[(noun,)] = "person", [*told]
    for thirties in ("thirties", "thirty something"):
        facts[normalized(thirties)].append(evidence("age", "young", "middle-aged"))
    facts[("frown",)] = facts[("frowning",)] = [evidence("expression", "sad", "angry")]
    facts[("dark", "hair")] = [evidence("hair_color", "brown", "black")]
    heads[("dark", "hair")] = "hair"
    for word in ("makeup", "make up", "sunglasses", "shades", "sun glasses", "dark glasses"):
        facts.setdefault(normalized(word), [])
        heads[normalized(word)] = "worn"
    for word, gender in (("feminine", "woman"), ("masculine", "man")):  # features, not the person
        facts[(word,)] = [evidence("gender", gender, strength=2)]
    facts[("dark", "haired")], heads[("dark", "haired")] = facts[("dark", "hair")], "hair"
    facts[("light", "stubble")] = facts[("stubble",)]
    for value in ATTRIBUTES["eye_color"].values:
        phrase = normalized(f"piercing {value} eyes")
        facts[phrase], heads[phrase] = [evidence("eye_color", value)], "eyes"
    for empty in map(normalized, EMPTY_PHRASES):
        facts[empty] = []
        modifies.pop(empty, None)
        heads.pop(empty, None)
    for phrase, senses in modifies.items():  # "bright red hair" is red, as lips are pink
        if len(phrase) > 1 and phrase[-1] in _COLOR_WORDS:
            told_of = {name for name, _ in senses}
            senses += [one for one in modifies[phrase[-1:]] if one[0] not in told_of]
    table: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    for phrase in {*modifies, *facts, *heads}:
        entry = Entry(
            tuple(modifies.get(phrase, ())), heads.get(phrase), tuple(facts.get(phrase, ()))
        )
        table.setdefault(phrase[0], []).append((phrase, entry))
    for phrases in table.values():
        phrases.sort(key=lambda item: -len(item[0]))
    return table


def _ending_in_a_thing(phrase: str) -> list[str]:
    """The longest name of a thing that a phrase ends in, if it does."""
    words = phrase.split()
    endings = (" ".join(words[i:]) for i in range(1, len(words)))
    return [ending for ending in endings if ending in PRESENCE][:1]


def normalized(phrase: str) -> tuple[str, ...]:
    """The words of a table's phrase, as `tokens` would give them."""
    return tuple(_SPELLING.get(w, w) for w in phrase.lower().replace("-", " ").split())


def _age_words(years: int) -> str:
    """The age group, and the decade if that is one in which faces of the group are drawn."""
    group = "young" if years < YOUNG_BELOW else "old" if years >= OLD_FROM else "middle-aged"
    is_drawn = f"{years // 10}0s" in REFINED["age_years"][1][group]
    return f"{group} {_DECADE_WORDS[years // 10]}" if is_drawn else group


def tokens(text: str) -> list[str]:
    """Lower-case words and punctuation: ages in words, spelling made ours, typos mended."""
    text = text.lower().replace("’", "'").replace("in front of", "against")
    text = _AGE.sub(
        lambda m: f"{',' if m[2] else ''} {_age_words(int(m[1] or m[2] or m[3]))} ", text
    )
    text = _AGE_WORDS.sub(lambda m: f" {_age_words(_DECADES[m[1]])} ", text)
    text = _DECADE.sub(lambda m: f" {_DECADE_WORDS[int(m[1])]} ", text)
    tokens = []
    for token in _TOKEN.findall(text):
        token = _SPELLING.get(token, token)
        if token.endswith("n't"):
            tokens += [token[:-3], "not"]
        elif token.endswith("'s") and token not in known_words():
            tokens += [token[:-2], "s"]
        else:
            mended = token if len(token) < 4 else _mended(token)
            tokens.append(_SPELLING.get(mended, mended))
    return tokens


@lru_cache(maxsize=1)
def known_words() -> frozenset[str]:
    words = {word for phrases in lexicon().values() for phrase, _ in phrases for word in phrase}
    return (
        frozenset(words | _SPELLING.keys())
        | NEGATIONS
        | DETERMINERS
        | COPULAS
        | FILLERS
        | BREAKERS
        | PREPOSITIONS
    )


@lru_cache(maxsize=1)
def _deletions() -> Mapping[str, str]:
    """Every known word of five letters or more, and it with any one letter left out."""
    table: dict[str, str] = {}
    for word in sorted(w for w in known_words() if len(w) >= 5):
        for i in range(1, len(word)):
            table.setdefault(word[:i] + word[i + 1 :], word)
    return table


@lru_cache(maxsize=4096)
def _mended(word: str) -> str:
    """The known word one slip away (a letter lost, added, changed or swapped), or `word`.

    The first letter must be right, and common words that look like known ones are left alone.
    """
    known, table = known_words(), _deletions()
    if word in known or word in NOT_TYPOS:
        return word
    for i in range(1, len(word) - 1):  # swapped letters come first: they are the surest slip
        swapped = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        if swapped in known:
            return swapped
    if word in table:
        return table[word]
    for i in range(1, len(word)):
        shorter = word[:i] + word[i + 1 :]
        if len(shorter) >= 4 and shorter in known and word[-1] == shorter[-1]:
            return shorter
    for i in range(1, len(word)):
        shorter = word[:i] + word[i + 1 :]
        if len(word) >= 8 and shorter in table and len(table[shorter]) == len(word):
            return table[shorter]
    return word


def longest(tokens: Sequence[str], position: int) -> tuple[tuple[str, ...], Entry | None]:
    """The longest phrase that begins at a position, and what it says; the empty one and None where
    there is none. Of "light blue beanie" it is "light" alone, which leaves "blue beanie" whole."""
    for phrase, entry in lexicon().get(tokens[position], ()):
        if len(phrase) == 1:
            return phrase, entry
        if tuple(tokens[position : position + len(phrase)]) != phrase:
            continue
        if phrase[-1] in _COLOR_WORDS and not entry.facts and entry.head is None:
            last = position + len(phrase) - 1
            behind, thing = longest(tokens, last)
            if len(behind) > 1 and thing is not None and thing.facts:
                return phrase[:-1], Entry((), None, ())
        return phrase, entry
    return (), None
