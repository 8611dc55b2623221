"""How a fact about a face is said: noun phrases, predicates, clauses, canonical questions.

"having" phrases follow "with" or "has" ("red hair"), "being" phrases follow "is" ("smiling").
`{poss}` in a phrase stands for "her" or "his". All output is American English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unif2ace.attributes import check_value
from unif2ace.details import DETAILS, alternatives
from unif2ace.lexicon import ADJECTIVES, said

DESCRIBE_QUESTION = "Describe this face."
"""The canonical request for a whole description."""

DETAIL_QUESTION = "Describe this face in full detail."
"""The same, for all that can be seen."""


NOT_VISIBLE = "not visible"
"""The canonical answer about an attribute that something hides."""


def as_read(text: str) -> str:
    """What was typed, as the model reads it: lower case, single spaces, no final full stop."""
    return " ".join(text.lower().split()).rstrip(".")


def asks_for_detail(question: str) -> bool:
    """Whether it is `DETAIL_QUESTION`, however it is typed."""
    return as_read(question) == as_read(DETAIL_QUESTION)


def likeliest_value(table: Mapping[str, float]) -> str:
    """Of {value: probability} the likeliest value where any is more likely seen than not.

    Else "not visible", if that is in the table: values that share what is seen lose to it one by
    one, not together.
    """
    values = {value: p for value, p in table.items() if value != NOT_VISIBLE}
    if table.get(NOT_VISIBLE, 0.0) > sum(values.values()):
        return NOT_VISIBLE
    return max(values, key=values.__getitem__)


@dataclass(frozen=True, kw_only=True)
class Pronouns:
    """Words for the person of a picture."""

    subject: str
    object: str
    possessive: str
    noun: str


PRONOUNS: Mapping[str, Pronouns] = {
    "woman": Pronouns(subject="she", object="her", possessive="her", noun="woman"),
    "man": Pronouns(subject="he", object="him", possessive="his", noun="man"),
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an attribute is a property of: "the eyes" + "are" + adjective."""

    noun: str
    is_plural: bool
    is_owned: bool  # "her eyes", but "the background"

    @property
    def verb(self) -> str:
        return "are" if self.is_plural else "is"


# attribute: subject, is plural, is owned by the person, noun phrases around an adjective
_FRAMES: dict[str, tuple[str, bool, bool, str]] = {
    "skin_tone": ("skin", False, True, "{} skin | a {} complexion"),
    "face_shape": ("face", False, True, "a {} face"),
    "cheeks": ("cheeks", True, True, "{} cheeks"),
    "chin": ("chin", False, True, "a {} chin"),
    "hair_color": ("hair", False, True, "{} hair"),
    "hair_style": ("hair", False, True, "{} hair"),
    "brow_thickness": ("eyebrows", True, True, "{} eyebrows | {} brows"),
    "eye_color": ("eyes", True, True, "{} eyes"),
    "eye_size": ("eyes", True, True, "{} eyes"),
    "nose_width": ("nose", False, True, "a {} nose"),
    "nose_length": ("nose", False, True, "a {} nose"),
    "lips": ("lips", True, True, "{} lips"),
    "ears": ("ears", True, True, "{} ears"),
    "lipstick": ("lipstick", False, True, "{} lipstick"),
    "glasses": ("glasses", True, True, "{} glasses"),
    "clothing_color": ("clothes", True, True, "a {} top | a {} shirt"),
    "expression": ("expression", False, True, "a {} expression"),
    "mouth": ("mouth", False, True, "{poss} mouth {}"),
    "eyes": ("eyes", True, True, "{poss} eyes {}"),
    "brows": ("eyebrows", True, True, "{} eyebrows | {} brows"),
    "head_nod": ("head", False, True, ""),
    "light_color": ("light", False, False, "{} light | {} lighting"),
    "background": ("background", False, False, "a {} background | a {} backdrop"),
}

SUBJECTS: Mapping[str, Subject] = {
    name: Subject(noun=noun, is_plural=plural, is_owned=owned)
    for name, (noun, plural, owned, _) in _FRAMES.items()
}

# Values that the adjective frames would say badly, and attributes that have no adjective.
_HAVING: dict[str, dict[str, str]] = {
    "freckles": {"no": "no freckles", "yes": "freckles | a freckled face | freckled skin"},
    "cheeks": {"average": "cheeks that are neither hollow nor full | average cheeks"},
    "chin": {"average": "a chin that is neither pointed nor broad | an average chin"},
    "hair_style": {
        "short": "short hair",
        "bald": "a bald head | a shaved head",
        "cropped": "closely cropped hair | very short hair | a buzz cut | cropped hair",
        "side-swept": "side-swept hair | hair swept to the side | hair brushed to one side",
        "bob": "a bob | a chin-length bob | hair cut in a bob",
        "ponytail": "a ponytail | hair tied back in a ponytail | hair in a ponytail",
        "braid": "a braid | braided hair | hair worn in a braid",
        "long": "long hair | long, loose hair",
    },
    "brow_thickness": {
        "average": "eyebrows of average thickness | eyebrows that are neither thin nor thick"
    },
    "eye_size": {"average": "average-sized eyes | medium-sized eyes"},
    "nose_width": {"average": "a nose of average width"},
    "nose_length": {"average": "a nose of average length"},
    "lips": {"average": "lips of average fullness | lips that are neither thin nor full"},
    "ears": {
        "average": "ears that lie close to the head | ears that sit flat against the head",
        "protruding": "protruding ears | ears that stick out | prominent ears",
    },
    "facial_hair": {
        "none": "no beard | no facial hair",
        "stubble": "stubble | a five o'clock shadow",
        "moustache": "a mustache",
        "goatee": "a goatee | a chin beard",
        "full beard": "a full beard | a thick beard",
    },
    "lipstick": {"none": "no lipstick"},
    "eye_shadow": {"no": "no eye shadow", "yes": "eye shadow"},
    "glasses": {"none": "no glasses", "sunglasses": "sunglasses | dark glasses"},
    "hat": {"none": "no hat", "beanie": "a beanie | a knit cap", "headband": "a headband"},
    "earrings": {"no": "no earrings", "yes": "earrings"},
    "expression": {
        "smiling": "a smile | a smile on {poss} face",
        "laughing": "a laughing face",
    },
    "mouth": {
        "closed": "a closed mouth | {poss} mouth closed | closed lips",
        "open": "an open mouth | {poss} mouth open | parted lips",
    },
    "eyes": {
        "open": "open eyes | {poss} eyes open",
        "closed": "closed eyes | {poss} eyes closed | {poss} eyes shut",
        "winking": "one eye closed in a wink | one eye shut",
        "squinting": "narrowed eyes | squinting eyes",
    },
    "gaze": {
        "at the camera": "a gaze straight into the camera",
        "left": "a gaze to the left",
        "right": "a gaze to the right",
        "up": "an upward gaze | {poss} gaze directed up",
        "down": "a downward gaze | {poss} gaze directed down",
    },
    "head_turn": {
        "front": "{poss} head facing the camera",
        "left": "{poss} head turned to the left | {poss} face turned to the left",
        "right": "{poss} head turned to the right | {poss} face turned to the right",
    },
    "head_nod": {
        "level": "{poss} head held level",
        "up": "{poss} head tilted up | {poss} head tilted back | a raised head",
        "down": "{poss} head tilted down | {poss} head lowered | a lowered head",
    },
}

_BEING: dict[str, dict[str, str]] = {
    "gender": {"woman": "a woman", "man": "a man"},
    "age": {
        "young": "young",
        "middle-aged": "middle-aged",
        "old": "old | elderly",
    },
    "age_years": {
        "20s": "twenty-something | in {poss} twenties",
        "30s": "thirty-something | in {poss} thirties",
        "40s": "forty-something | in {poss} forties",
        "50s": "fifty-something | in {poss} fifties",
        "60s": "sixty-something | in {poss} sixties",
        "70s": "seventy-something | in {poss} seventies",
    },
    "freckles": {"yes": "freckled"},
    "hair_style": {"bald": "bald | completely bald"},
    "facial_hair": {"none": "clean-shaven", "stubble": "unshaven", "full beard": "bearded"},
    "lipstick": {value: f"wearing {value} lipstick" for value in ("red", "pink", "dark")},
    "eye_shadow": {"yes": "wearing eye shadow", "no": "not wearing eye shadow"},
    "glasses": {
        "none": "not wearing glasses",
        "round": "wearing round glasses",
        "rectangular": "wearing rectangular glasses",
        "sunglasses": "wearing sunglasses",
    },
    "hat": {
        "none": "bareheaded | not wearing a hat",
        "beanie": "wearing a beanie | wearing a knit cap",
        "headband": "wearing a headband",
    },
    "earrings": {"yes": "wearing earrings", "no": "not wearing earrings"},
    "expression": {
        "neutral": "looking neutral",
        "smiling": "smiling",
        "laughing": "laughing",
        "sad": "sad | looking sad",
        "angry": "angry | looking angry",
        "surprised": "surprised | looking surprised",
    },
    "eyes": {"winking": "winking", "squinting": "squinting"},
    "gaze": {
        "at the camera": "looking at the camera | looking into the camera",
        "left": "looking to the left | looking left",
        "right": "looking to the right | looking right",
        "up": "looking up | gazing up",
        "down": "looking down | gazing down",
    },
    "head_turn": {
        "front": "facing the camera | facing forward",
        "left": "facing left | turned to the left",
        "right": "facing right | turned to the right",
    },
    "light": {
        "front": "lit from the front",
        "left": "lit from the left",
        "right": "lit from the right",
    },
    "light_color": {
        "neutral": "in neutral light",
        "warm": "in warm light",
        "cool": "in cool light",
    },
}

# attribute: the canonical question, then the canonical answers where they are not the value
_CANONICAL: dict[str, tuple[str, dict[str, str]]] = {
    "gender": ("Is this a woman or a man?", {"woman": "a woman", "man": "a man"}),
    "age": ("How old does the person look?", {}),
    "skin_tone": ("What is the skin tone?", {}),
    "freckles": ("Are there freckles?", {"no": "no freckles", "yes": "freckles"}),
    "face_shape": ("What shape is the face?", {}),
    "cheeks": ("What are the cheeks like?", {}),
    "chin": ("What is the chin like?", {}),
    "hair_color": ("What color is the hair?", {"grey": "gray"}),
    "hair_style": (
        "How is the hair styled?",
        {"bob": "a bob", "ponytail": "a ponytail", "braid": "a braid"},
    ),
    "brow_thickness": ("How thick are the eyebrows?", {}),
    "eye_color": ("What color are the eyes?", {"grey": "gray"}),
    "eye_size": ("How large are the eyes?", {}),
    "nose_width": ("How wide is the nose?", {}),
    "nose_length": ("How long is the nose?", {}),
    "lips": ("How full are the lips?", {}),
    "ears": ("What are the ears like?", {}),
    "facial_hair": (
        "Is there facial hair?",
        {
            "none": "no facial hair",
            "moustache": "a mustache",
            "goatee": "a goatee",
            "full beard": "a full beard",
        },
    ),
    "lipstick": (
        "Is there lipstick?",
        {
            "none": "no lipstick",
            "red": "red lipstick",
            "pink": "pink lipstick",
            "dark": "dark lipstick",
        },
    ),
    "eye_shadow": ("Is there eye shadow?", {"no": "no eye shadow", "yes": "eye shadow"}),
    "glasses": (
        "Are there glasses?",
        {"none": "no glasses", "round": "round glasses", "rectangular": "rectangular glasses"},
    ),
    "hat": ("Is there a hat?", {"none": "no hat", "beanie": "a beanie", "headband": "a headband"}),
    "earrings": ("Are there earrings?", {"no": "no earrings", "yes": "earrings"}),
    "clothing_color": ("What color are the clothes?", {"grey": "gray"}),
    "expression": ("What is the expression?", {}),
    "mouth": ("Is the mouth open or closed?", {}),
    "eyes": ("What are the eyes doing?", {}),
    "brows": ("What are the eyebrows doing?", {}),
    "gaze": ("Where is the person looking?", {"left": "to the left", "right": "to the right"}),
    "head_turn": (
        "Which way is the head turned?",
        {"front": "to the front", "left": "to the left", "right": "to the right"},
    ),
    "head_nod": ("Is the head tilted up or down?", {}),
    "light": (
        "Where does the light come from?",
        {"front": "the front", "left": "the left", "right": "the right"},
    ),
    "light_color": ("What color is the light?", {}),
    "background": ("What color is the background?", {"grey": "gray"}),
}


def canonical_question(name: str) -> str:
    """The one question whose answer is always a canonical answer, word for word."""
    check_value(name)
    return DETAILS[name].question if name in DETAILS else _CANONICAL[name][0]


def canonical_answer(name: str, value: str) -> str:
    """The short answer to `canonical_question(name)`, e.g. "round glasses"."""
    check_value(name, value)
    answers = DETAILS[name].answers if name in DETAILS else _CANONICAL[name][1]
    return answers.get(value, value)


def adjectives(name: str, value: str) -> tuple[str, ...]:
    """Words that stand before the attribute's noun or after "is"; empty where there are none."""
    check_value(name, value)
    return said(ADJECTIVES.get(name, {}).get(value, ""))


def having(name: str, value: str, *, possessive: str = "the") -> tuple[str, ...]:
    """Noun phrases that follow "with" or "has": "red hair", "her eyes closed"."""
    check_value(name, value)
    if name in DETAILS:
        return DETAILS[name].said(value)
    if explicit := alternatives(_HAVING.get(name, {}).get(value, "")):
        phrases = explicit
    elif name in _FRAMES:
        frames = alternatives(_FRAMES[name][3])
        words = [word for word in adjectives(name, value) if " the " not in word]
        phrases = tuple(
            frame.replace("a {}", f"{article(word)} {{}}", 1).replace("{}", word)
            for frame in frames
            for word in words
        )
    else:
        phrases = ()
    return tuple(phrase.replace("{poss}", possessive) for phrase in phrases)


def being(name: str, value: str, *, possessive: str = "the") -> tuple[str, ...]:
    """Predicates that follow "she is": "smiling", "wearing a beanie"; may be empty."""
    check_value(name, value)
    phrases = alternatives(_BEING.get(name, {}).get(value, ""))
    return tuple(phrase.replace("{poss}", possessive) for phrase in phrases)


def clauses(name: str, value: str, gender: str) -> tuple[str, ...]:
    """Whole clauses without capital or full stop: "her hair is red", "she has red hair"."""
    check_value("gender", gender)
    check_value(name, value)
    person = PRONOUNS[gender]
    found = [
        f"{person.subject} is {text}" for text in being(name, value, possessive=person.possessive)
    ]
    found += [
        f"{person.subject} has {text}"
        for text in having(name, value, possessive=person.possessive)
        if name not in ("clothing_color", "light_color", "background")
    ]
    if name in SUBJECTS:
        subject = SUBJECTS[name]
        owner = person.possessive if subject.is_owned else "the"
        found += [f"{owner} {subject.noun} {subject.verb} {w}" for w in adjectives(name, value)]
    if name == "light":
        found.append(f"the light comes from the {value}")
    return tuple(found)


def article(phrase: str) -> str:
    """The indefinite article of a phrase: "an" before a vowel letter, else "a"."""
    return "an" if phrase[:1].lower() in "aeiou" else "a"


def sentence(text: str) -> str:
    """`text` with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?", "!")) else ".")
