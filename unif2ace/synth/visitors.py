"""Questions as plain visitors type them to a picture chatbot, composed of the words they use.

A claim ("her nose is big", "he wears a hat") is asked straight, doubted, tagged, checked or
embedded; what is to be told is asked straight or politely, or just named. Words are in
`vernacular`. As in `asking`, no function here is told the true value.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from unif2ace.attributes import ATTRIBUTES
from unif2ace.details import alternatives
from unif2ace.synth.vernacular import (
    ASKED,
    CLAIMS,
    COLOR_CLAIMS,
    ELSEWHERE,
    THINGS,
    TOPICS,
    WIDE,
)
from unif2ace.wording import PRONOUNS

_BUDDIES = {
    "woman": ("the woman", "this woman", "this lady", "the lady", "this girl", "that woman"),
    "man": ("the man", "this man", "this guy", "the guy", "this dude", "that man"),
}
_ANYONE = ("this person", "the person", "the person in the picture", "that person")
_ASIDES = (
    *("you know", "i mean", "honestly", "roughly", "exactly", "in your opinion", "please"),
    *("if you can see it", "as far as you can tell", "from what you see", "thanks", "pls"),
)

_LEADS = ("hey, ", "so ", "and ", "tell me, ", "quick question: ", "please, ", "just asking: ")
# "which brow is raised", not "which brow raised is": what is asked for is the subject
_NO_SUBJECTS = ("higher", "raised", "cocked", "winking", "shut", "on", "in", "behind", "over")
_GUESSES = ("would you say", "do you think", "do you reckon", "would you guess")
_TELL = (
    "can you tell me {} | could you tell me {} | tell me {} | please tell me {} | do you know {} | "
    "any idea {} | i wonder {} | i'd like to know {} | i want to know {} | just wondering {} | "
    "let me know {} | would you mind telling me {} | can you see {} | can u tell me {} | "
    "pls tell me {} | could you say {} | i can't see {}, can you | i'm trying to find out {} | "
    "can you work out {} | say {} | may i ask {} | hey, {} | so, {} | do you happen to know {} | "
    "do you see {} | are you able to say {} | would you please tell me {} | "
    "my friend wants to know {} | have a look and tell me {} | need to know {}"
)
_NAME = (
    "{} | {} | tell me {} | what is {} | what's {} | what about {} | how about {} | "
    "could you tell me {} | give me {} | i'd like to know {} | i'm curious about {} | name {} | "
    "{} please | please state {} | what would you say is {} | "
    "what do you think is {} | and {} | say {} | can you make out {} | "
    "can you identify {} | let's hear {} | mind telling me {} | could you describe {} | "
    "your take on {} | help me with {} | what can you say about {} | ok now {}"
)
_ANY = "{} | see {} | do you see {} | can you see {} | has {they} got {} | does {they} have {}"
_DOUBT = (
    "do you think {} | would you say {} | would you say that {} | can you tell if {} | "
    "could you tell me whether {} | could you tell me if {} | i wonder if {} | "
    "please check if {} | "
    "is it true that {} | does it look like {} | i think {}, am i right | "
    "i'd say {}, do you agree | "
    "looks like {}, yes | any chance {} | let me know if {} | i want to know whether {} | "
    "i guess {}, correct | am i right that {} | can you see if {} | do you know if {} | "
    "can you confirm that {} | is it the case that {} | would it be fair to say {} | "
    "i believe {}, right | tell me if {} | any idea whether {} | just checking if {} | "
    "my friend says {}, true | can u tell if {} | i'm not sure if {}, what do you say | "
    "it seems {}, doesn't it | could it be that {} | i'd bet {}, am i right | don't you think {}"
)
_CHECK = (
    "{}, right | {}, correct | {}, yes | {}, am i right | {}, true or false | {}, yes or no | "
    "so {} | {} | so {}, right | {}, is that right | {}, true | {}, would you agree | "
    "{}, don't you think | {}, or not | {}, is it so | {}, eh | {} or am i wrong | "
    "true or false: {}"
)
_THING = (
    "{} | any {} | {}, yes | {} or not | {}, right | is that {} | do you see {} | can you see {} | "
    "can u see {} | do i see {} | {}, yes or no | that's {}, right | {} there | see any {} | "
    "so {} | is there {} | are we looking at {} | can you spot {} | do you notice {} | {} in there"
)
_PLAIN = "{} | {}, right | {}, yes or no"  # for what goes into none of these
_NO_THING = re.compile(r"(her|his|the|one|no|something)\b|.* (on|in)$")
_ARTICLE = re.compile(r"(an?|any|some|the) ")
_DEGREES = ("pretty", "quite", "rather", "kinda", "really", "fairly", "very", "a bit")
_GRADED = {
    "age", "cheeks", "chin", "brow_thickness", "eye_size", "nose_width", "nose_length", "lips",
    "forehead", "cheekbones", "neck", "mouth_width", "expression", "light_color",
}  # fmt: skip
_NO_DEGREES = {"average", "average-sized", "normal", "ordinary", "neutral", "white"}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Something that is said: subject, verb ("is", "are", "has", "wears", "looks") and the rest."""

    subject: str
    verb: str
    rest: str
    pronoun: str  # what a tag calls the subject
    noun: str = ""  # the subject without its owner and article; none for a person

    @property
    def short(self) -> str:
        """No whole sentence, but what is meant: "left eyebrow raised"."""
        return f"{self.noun} {self.rest}".strip()

    def straight(self, generator: random.Random) -> str:
        """Asked: "is her nose big"."""
        s, r = self.subject, self.rest
        if self.verb in ("is", "are"):
            forms = [f"{self.verb} {s} {r}"] * 3
        elif self.verb == "has":
            forms = [f"does {s} have {r}"] * 2 + [f"has {s} got {r}"]
        elif self.verb == "wears":
            forms = [f"is {s} wearing {r}"] * 2 + [f"does {s} wear {r}", f"has {s} got {r} on"]
            forms += [f"does {s} have {r} on"]
        else:
            forms = [f"does {s} look {r}", f"does {s} seem {r}", f"is {s} looking {r}"]
            forms += [f"does {s} appear {r}", f"is {s} {r}"]
        return generator.choice(forms)

    def stated(self, generator: random.Random) -> str:
        """Said: "she's got a big nose"."""
        s, verb = self.subject, self.verb
        if verb == "wears" and generator.random() < 0.6:
            verb = "is wearing"
        if verb == "has" and generator.random() < 0.3:
            verb = "has got"
        text = f"{s} {verb} {self.rest}"
        if s in ("she", "he", "there") and generator.random() < 0.5:
            text = re.sub(r"^(\w+) (is|has got)\b", lambda m: f"{m[1]}'s{m[2][3:]}", text)
        return text

    def tag(self, stated: str) -> str:
        """The question behind what is stated: "isn't it"."""
        one, many = "doesn't", "don't"
        if re.search(r"(has|'s) got ", stated):
            one, many = "hasn't", "haven't"
        elif self.verb in ("is", "are") or re.search(r"( is|'s) wearing ", stated):
            one, many = "isn't", "aren't"
        is_many = self.verb == "are" or self.pronoun == "they"
        return f"{many if is_many else one} {self.pronoun}"


def plain_value_question(name: str, gender: str, generator: random.Random) -> str:
    """An open question about an attribute."""
    if generator.random() < 0.6:
        entry = _ways(ASKED[name], generator)
        text = _to_be_told(said_of(entry, name, gender, generator), name, gender, generator)
    else:
        topic = _ways(TOPICS[name], generator)
        frames = alternatives(_NAME)
        if topic.startswith("any "):
            frames = alternatives(_ANY)
        elif topic.split()[0] in ("how", "what", "which", "whether"):
            frames = alternatives(_TELL)
        elif _is_plural(topic) or "," in topic:
            frames = tuple(f for f in frames if "is {}" not in f and "'s {}" not in f)
        text = generator.choice(frames).replace("{}", topic)
        text = said_of(text, name, gender, generator)
    return _ended(text, generator)


def plain_value_is_question(name: str, asked: str, gender: str, generator: random.Random) -> str:
    """Whether the attribute has the value `asked`. Only where `has_claims`."""
    return _claimed(claims_of(name, asked), name, gender, generator)


def plain_presence_question(name: str, gender: str, generator: random.Random) -> str:
    """Whether the thing is there, of whichever kind. Only for the names in `THINGS`."""
    return _claimed(alternatives(THINGS[name]), name, gender, generator)


def plain_wide_question(name: str, asked: str, gender: str, generator: random.Random) -> str:
    """Whether the value, or what it includes, is so. Only for what is in `WIDE`."""
    return _claimed(alternatives(WIDE[name, asked]), name, gender, generator)


def plain_choice_question(
    name: str, options: tuple[str, str], gender: str, generator: random.Random
) -> str | None:
    """Which of two values: "does she look happy or sad?"; None where no words go together."""
    one, two = ([c.split(maxsplit=1) for c in claims_of(name, option)] for option in options)
    pairs = [
        (first, second)
        for first in one
        for second in two
        if _stem(first, name) == _stem(second, name) and first != second
    ]
    if not pairs:
        return None
    who = _who(name, gender, generator)
    first, second = (_claim(" ".join(c), name, gender, who) for c in generator.choice(pairs))
    text = first.straight(generator).removesuffix(" on")
    frames = [f"{text} or {second.rest}"] * 4 + [f"{text}, or {second.rest}"]
    frames.append(f"{first.short} or {second.rest}")
    return _ended(generator.choice(frames), generator)


def plain_elsewhere_question(gender: str, generator: random.Random) -> str:
    """About what no face tells."""
    about = generator.choice(list(ELSEWHERE))
    entry = _ways(ELSEWHERE[about], generator).replace("{own}", PRONOUNS[gender].possessive)
    text = said_of(entry, "", gender, generator)
    if about == "the person" and generator.random() < 0.2:
        text = f"{generator.choice(['hey,', 'so'])} {text}"
    return _ended(text, generator)


@cache
def claims_of(name: str, value: str) -> tuple[str, ...]:
    """Everything in the tables that says so; empty where "is it so?" is asked in no plain words."""
    entries = (table.get(name, {}).get(value, "") for table in (CLAIMS, COLOR_CLAIMS))
    return tuple(dict.fromkeys(claim for entry in entries for claim in alternatives(entry)))


def has_claims(name: str, value: str) -> bool:
    return bool(claims_of(name, value))


def _claimed(claims: Sequence[str], name: str, gender: str, generator: random.Random) -> str:
    who = _who(name, gender, generator)
    claim = _claim(generator.choice(claims), name, gender, who)
    draw = generator.random()
    if draw < 0.38:
        text = claim.straight(generator)
        if generator.random() < 0.12:
            text = generator.choice(_LEADS) + text
        elif generator.random() < 0.1:
            text = f"{text} {generator.choice(['or not', 'at all', 'or no', 'here', 'in the pic'])}"
    elif draw < 0.58:
        text = _ways(_DOUBT, generator).format(claim.stated(generator))
    elif draw < 0.7:
        text = claim.stated(generator)
        text = f"{text}, {claim.tag(text)}"
    elif draw < 0.84:
        text = _ways(_CHECK, generator).format(claim.stated(generator))
    else:
        text = _thrown(claim, name, generator)
    return _ended(text, generator)


def _thrown(claim: Claim, name: str, generator: random.Random) -> str:
    """No whole sentence: "big nose?", "any glasses", "pretty old, yes?"."""
    rest, noun = claim.rest, claim.noun
    if claim.verb in ("has", "wears"):
        frame = _ways(_PLAIN if _NO_THING.match(rest) else _THING, generator)
        if "any " in frame or (frame.startswith("{}") and generator.random() < 0.5):
            rest = _ARTICLE.sub("", rest, count=1)
        if _is_plural(rest):
            frame = frame.replace("is there", "are there").replace("is that", "are those")
            frame = frame.replace("that's", "those are")
        return frame.format(rest)
    is_graded = name in _GRADED and (name != "expression" or claim.verb == "looks")
    if is_graded and " " not in rest and rest not in _NO_DEGREES:
        degree = generator.choice(_DEGREES)
        end = generator.choice([", yes", ", right", ", no", "", ", or not"])
        words = (noun, degree, rest) if degree == "a bit" else (degree, rest, noun)
        return f"{' '.join(filter(None, words))}{end}"
    end = generator.choice(["", "", ", yes", ", yes or no", ", right", " or not", ", correct"])
    return f"{claim.short}{end}"


def _claim(entry: str, name: str, gender: str, who: tuple[str, str]) -> Claim:
    """An entry of the tables, said of `who`: the person, and what stands before what is hers."""
    they, own = who
    first, _, rest = entry.partition(" ")
    if first in ("is", "has", "wears", "looks"):
        owner = PRONOUNS[gender].possessive if they in ("she", "he") else "the"
        pronoun = PRONOUNS[gender].subject if name != "gender" else "they"
        return Claim(subject=they, verb=first, rest=rest.replace("{own}", owner), pronoun=pronoun)
    noun, verb, rest = re.split(r" (is|are) ", entry.replace("{own}", own), maxsplit=1)
    if first == "there":
        return Claim(subject=noun, verb=verb, rest=rest, pronoun="there")
    subject = noun if first in ("the", "both", "one", "only") else f"{own} {noun}"
    pronoun = "they" if verb == "are" else "it"
    if "{own}" not in entry:
        noun = noun.removeprefix("the ")
    return Claim(subject=subject, verb=verb, rest=rest, pronoun=pronoun, noun=noun)


def _is_plural(words: str) -> bool:
    """Whether the head of a noun phrase is plural: "ears that stick out"."""
    head = re.split(r",| (?:of|in|on|at|under|that|with) ", words)[0]
    return re.search(r"[^s]s$", head) is not None


def _to_be_told(entry: str, name: str, gender: str, generator: random.Random) -> str:
    """An entry of ASKED as a question, straight or in a sentence."""
    word, verb, *others = entry.split(":")
    they, _ = _who(name, gender, generator)
    if verb in ("has", "wears"):
        straight = [f"{word} does {they} have", f"{word} has {they} got"]
        told = f"{word} {they} has"
        if verb == "wears":
            straight = [f"{word} is {they} wearing", f"{word} does {they} wear"]
            straight += [f"{word} does {they} have on", f"{word} has {they} got on"]
            told = f"{word} {they} is wearing"
        guessed = f"{word} would you say {told.removeprefix(word).strip()}"
    else:
        subject, rest = others[0], " ".join(others[1:])
        straight = [f"{word} {verb} {subject} {rest}"] * 2
        if verb == "is" and word in ("what", "how", "where"):
            straight += [f"{word}'s {subject} {rest}", f"{word}s {subject} {rest}"]
        told = f"{word} {subject} {verb} {rest}"
        if not rest and (word == "what" or subject.split()[0] in _NO_SUBJECTS):
            told = f"{word} {verb} {subject}"
        guessed = f"{word} {generator.choice(_GUESSES)} {told.removeprefix(word).strip()}"
    draw = generator.random()
    if draw < 0.5:
        text = generator.choice(straight)
        if generator.random() < 0.1:
            text = f"{text.strip()}, {generator.choice(_ASIDES)}"
    elif draw < 0.62:
        text = guessed
    else:
        text = _ways(_TELL, generator).format(told.strip())
    return re.sub(r" +([,?]|$)", r"\1", text)


def _who(name: str, gender: str, generator: random.Random) -> tuple[str, str]:
    """Words for the person and for what is hers; those of a gender question tell nothing."""
    if name == "gender":
        they = generator.choice(_ANYONE)
        return they, f"{they}'s"
    person = PRONOUNS[gender]
    draw = generator.random()
    if draw < 0.6:
        return person.subject, generator.choice([person.possessive] * 3 + ["the"])
    they = generator.choice(_BUDDIES[gender] if draw < 0.85 else _ANYONE)
    owner = they if "picture" not in they else "this person"
    return they, generator.choice([f"{owner}'s", f"{owner}'s", "their", "the"])


def said_of(entry: str, name: str, gender: str, generator: random.Random) -> str:
    """An entry with words for the person in its places."""
    they, own = _who(name, gender, generator)
    them = PRONOUNS[gender].object if they in ("she", "he") else they
    if "{they}" in entry and "{own}" in entry:
        own = PRONOUNS[gender].possessive if they in ("she", "he") else "the"
    return entry.replace("{they}", they).replace("{them}", them).replace("{own}", own)


def _stem(words: Sequence[str], name: str) -> tuple[str, str]:
    """What two claims must share to be put as "this or that"."""
    first, rest = words
    if first in ("is", "has", "wears", "looks"):
        return first, str(rest.split()[0] in ("a", "an"))
    subject, verb, rest = re.split(r" (is|are) ", f"{first} {rest}", maxsplit=1)
    return f"{subject} {verb}", str(rest.split()[0] in ("a", "an", "from", "on"))


def _ended(text: str, generator: random.Random) -> str:
    """With a capital letter and a question mark, as most type when they take care."""
    text = text.strip()
    if generator.random() < 0.55:
        text = text[0].upper() + text[1:]
    return text + ("?" if generator.random() < 0.75 else "")


def _ways(entry: str, generator: random.Random) -> str:
    return generator.choice(alternatives(entry))


assert set(TOPICS) == set(ASKED) == set(ATTRIBUTES), "every attribute needs plain words"
