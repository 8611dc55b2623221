"""How visitors ask: phrasings per attribute and region, and how hastily they type.

No function here is told the true value, so no question can give its answer away.
`{own}` is "her", "the", "this person's"; `{they}` is "she", "the woman", "this person".
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from unif2ace.attributes import ATTRIBUTES
from unif2ace.details import DETAILS
from unif2ace.synth.talk import ELSEWHERE, OPEN
from unif2ace.wording import (
    DESCRIBE_QUESTION,
    DETAIL_QUESTION,
    PRONOUNS,
    SUBJECTS,
    adjectives,
    being,
    having,
)

_VALUE: Mapping[str, str] = {
    "gender": "Is the person a man or a woman? | Man or woman? | Is this a he or a she? | "
    "What gender does the person appear to be? | Does the face look male or female? | "
    "Would you say this is a woman or a man?",
    "age": "How old is {they}? | How old does {they} look? | What age group is {they} in? | "
    "What is {own} approximate age? | Is {they} young, middle-aged, or old? | "
    "Can you guess {own} age? | Roughly how old would you say {they} is?",
    "skin_tone": "What skin tone does {they} have? | What is {own} skin tone? | "
    "What color is {own} skin? | How light or dark is {own} skin? | What is {own} complexion like?",
    "freckles": "Does {own} skin have freckles or not? | Any freckles? | "
    "Can you see any freckles on {own} face? | Is {own} skin freckled or clear?",
    "face_shape": "What shape is {own} face? | What face shape does {they} have? | "
    "How would you describe the shape of {own} face? | Which shape does {own} face have?",
    "cheeks": "What are {own} cheeks like? | How do {own} cheeks look? | "
    "How full are {own} cheeks? | What kind of cheeks does {they} have?",
    "chin": "What is {own} chin like? | What kind of chin does {they} have? | "
    "What shape is {own} chin? | How would you describe {own} chin?",
    "hair_color": "What color is {own} hair? | What hair color does {they} have? | "
    "Which color is {own} hair? | What is {own} hair color? | What shade is {own} hair?",
    "hair_style": "How is {own} hair styled? | What hairstyle does {they} have? | "
    "How does {they} wear {own} hair? | What kind of haircut is this? | How long is {own} hair? | "
    "What is {own} hairstyle? | How is {own} hair cut?",
    "brow_thickness": "How thick are {own} eyebrows? | Are {own} eyebrows thin or thick? | "
    "How bushy are {own} brows? | What is the thickness of {own} eyebrows?",
    "eye_color": "What color are {own} eyes? | What eye color does {they} have? | "
    "Which color are {own} eyes? | What is {own} eye color?",
    "eye_size": "How big are {own} eyes? | What size are {own} eyes? | "
    "Are {own} eyes small or large? | How large are {own} eyes?",
    "nose_width": "How wide is {own} nose? | Is {own} nose narrow or wide? | "
    "How broad is {own} nose? | What is the width of {own} nose?",
    "nose_length": "How long is {own} nose? | Is {own} nose short or long? | "
    "What is the length of {own} nose?",
    "lips": "How full are {own} lips? | What are {own} lips like? | "
    "What kind of lips does {they} have? | How thick are {own} lips? | "
    "Are {own} lips thin or full?",
    "ears": "What are {own} ears like? | How do {own} ears look? | "
    "Are {own} ears close to the head, or do they stick out? | What kind of ears does {they} have?",
    "facial_hair": "What facial hair does {they} have? | What kind of facial hair is there? | "
    "Is {they} clean-shaven or bearded? | What kind of beard does {they} have, if any? | "
    "Describe the facial hair, if there is any. | How much facial hair does {they} have?",
    "lipstick": "What lipstick is {they} wearing? | What color is {own} lipstick? | "
    "What color lipstick does {they} wear, if any? | Which lipstick does {they} have on?",
    "eye_shadow": "Is there any eye shadow on {own} lids? | Any eye shadow? | "
    "Are {own} eyelids made up? | What about eye shadow?",
    "glasses": "What kind of glasses is {they} wearing? | What glasses does {they} have on? | "
    "What kind of eyewear does {they} have, if any? | What shape are {own} glasses? | "
    "What does {they} wear over {own} eyes, if anything?",
    "hat": "What is {they} wearing on {own} head? | What kind of hat does {they} wear? | "
    "What headwear does {they} have, if any? | What is on {own} head? | Any headwear?",
    "earrings": "What about earrings? | Any earrings? | What does {they} wear in {own} ears? | "
    "Are there earrings in {own} ears?",
    "clothing_color": "What color is {own} top? | What color are {own} clothes? | "
    "What color shirt is {they} wearing? | What is {they} wearing? | "
    "Which color does {they} wear? | What is the color of {own} clothing?",
    "expression": "What is {own} expression? | How does {they} feel? | What mood is {they} in? | "
    "What emotion does {own} face show? | What is {own} facial expression? | "
    "How does {they} seem to feel? | What emotion is {they} showing?",
    "mouth": "Is {own} mouth open or closed? | What is {own} mouth doing? | "
    "Is {own} mouth open or shut? | What about {own} mouth, open or closed?",
    "eyes": "What are {own} eyes doing? | Are {own} eyes open or closed? | "
    "What state are {own} eyes in? | How does {they} hold {own} eyes?",
    "brows": "What are {own} eyebrows doing? | How are {own} eyebrows held? | "
    "What is {they} doing with {own} eyebrows? | What position are {own} brows in?",
    "gaze": "Where is {they} looking? | Which way is {they} looking? | "
    "In which direction does {they} look? | What is {they} looking at? | Where does {they} look?",
    "head_turn": "Which way is {own} head turned? | Which way is {they} facing? | "
    "In which direction is {own} head turned? | Where is {own} face pointing?",
    "head_nod": "Is {own} head tilted up or down? | How is {own} head tilted? | "
    "Is {own} head raised or lowered? | What is the tilt of {own} head?",
    "light": "Where does the light come from? | Which side is the light on? | "
    "From which direction is {own} face lit? | Where is the light source?",
    "light_color": "What color is the light? | Is the light warm or cool? | "
    "What is the lighting like? | How warm is the light?",
    "background": "What color is the background? | What is behind {they}? | "
    "Which color is the wall behind {they}? | What is in the background? | "
    "What color is the backdrop?",
    **{name: detail.asked for name, detail in DETAILS.items()},
}

PRESENCE_QUESTIONS: Mapping[str, str] = {
    "glasses": "Is {they} wearing glasses? | Does {they} wear glasses? | Are there any glasses? | "
    "Does {they} have glasses on? | Can you see glasses?",
    "hat": "Is {they} wearing something on {own} head? | Does {they} wear any headwear? | "
    "Is there anything on {own} head? | Is {they} wearing a hat? | Does {they} have a hat on? | "
    "Does {they} wear a hat? | Is there a hat on {own} head? | Can you see a hat?",
    "facial_hair": "Does {they} have facial hair? | Is there any facial hair? | "
    "Can you see facial hair on {own} face? | Does {they} have any hair on {own} face?",
    "lipstick": "Is {they} wearing lipstick? | Does {they} wear lipstick? | "
    "Is there lipstick on {own} lips? | Are {own} lips painted?",
    "eye_shadow": "Is {they} wearing eye shadow? | Does {they} wear eye shadow? | "
    "Can you see eye shadow?",
    "earrings": "Is {they} wearing earrings? | Does {they} have earrings? | "
    "Can you see any earrings? | Does {they} wear earrings?",
    "freckles": "Does {they} have freckles? | Are there freckles on {own} face? | "
    "Is {own} face freckled? | Has {they} got freckles?",
    **{name: detail.present for name, detail in DETAILS.items() if detail.present},
}
"""Yes/no questions about whether a thing is there at all."""

WIDE_QUESTIONS: Mapping[tuple[str, str], str] = {
    ("facial_hair", "full beard"): "Does {they} have a beard? | Is {they} bearded? | "
    "Can you see a beard? | Has {they} got a beard? | Is there a beard on {own} face? | "
    "Does {they} wear a beard? | Is that a beard? | A beard?",
    ("expression", "smiling"): "Is {they} smiling? | Does {they} look happy? | "
    "Is {they} grinning? | Does {they} seem cheerful? | Is there a smile on {own} face? | "
    "Does {they} smile? | Has {they} got a smile on {own} face? | Is {they} happy?",
    ("eyes", "open"): "Are {own} eyes open? | Does {they} have {own} eyes open? | "
    "Is {they} keeping {own} eyes open? | Does {they} keep {own} eyes open?",
}
"""By attribute and value, yes/no questions that hold of what the value includes, too."""

REGION_QUESTIONS: Mapping[tuple[str, ...], str] = {
    ("hair", "beard"): "What can you say about {own} hair? | Describe {own} hair. | "
    "Can you describe {own} hair and beard? | Tell me about {own} hair. | "
    "What does {own} hair look like?",
    ("brows", "eyes", "glasses", "gaze"): "Describe {own} eyes. | Tell me about {own} eyes. | "
    "What do {own} eyes look like? | What can you say about {own} eyes? | "
    "Can you describe {own} eyes and eyebrows?",
    ("nose",): "Describe {own} nose. | What does {own} nose look like? | Tell me about {own} nose.",
    ("mouth", "expression"): "Describe {own} mouth. | What can you say about {own} mouth? | "
    "Tell me about {own} lips and expression.",
    ("skin",): "Describe {own} skin. | What is {own} skin like? | Tell me about {own} complexion.",
    ("face",): "Describe the shape of {own} face, cheeks, and chin. | Describe {own} face shape. | "
    "Tell me about {own} cheeks and chin.",
    ("ears",): "Describe {own} ears. | Tell me about {own} ears.",
    ("pose", "gaze"): "Describe {own} pose. | How is {they} posing? | "
    "How does {they} hold {own} head, and where does {they} look?",
    ("scene",): "Describe the background and the light. | What is the setting like? | "
    "Tell me about the lighting and the background.",
    ("glasses", "hair", "ears", "clothes"): "What is {they} wearing, and how is {own} hair? | "
    "Describe {own} hair, accessories, and clothes.",
}

_DESCRIBE = (
    "Describe this face. | Describe the person. | What do you see? | Describe this person. | "
    "Can you describe this face? | What does {they} look like? | Tell me about this face. | "
    "Describe the picture. | Please describe the face. | Give me a description. | "
    "What can you see in this picture? | Describe {own} face."
)

_DETAIL = (
    "Describe every detail of this face. | Tell me everything about this face. | "
    "List everything that you can see. | Tell me all you see. | All the details, please. | "
    "Describe this person in as much detail as you can. | Give me a full description. | "
    "Give me a detailed description. | What can you see? Leave nothing out. | "
    "Describe {own} face from top to bottom. | I want to know every detail. | "
    "Describe everything about {own} face. | Give a complete description of this face. | "
    "Please describe this face as fully as possible. | In detail, what does {they} look like? | "
    "Write a long and detailed description. | Describe all of {own} features."
)

_BRITISH = {
    "color": "colour",
    "gray": "grey",
    "mustache": "moustache",
    "goatee": "goatee",
    "middle-aged": "middle aged",
    "checkered": "chequered",
    "jewelry": "jewellery",
    "eyeglasses": "spectacles",
}
_HASTE = (
    ("What is", "Whats"),
    ("What is", "What's"),
    ("Where is", "Where's"),
    ("Can you", "can u"),
    ("Does she have", "she has"),
    ("Does he have", "he has"),
    ("eyebrows", "brows"),
    ("Is she ", "shes "),
    ("Are there any", "any"),
    ("you tell", "u tell"),
    ("you ", "u "),
    ("please", "pls"),
    (" are ", " r "),
    ("do you think", "d'you think"),
    ("n't ", "nt "),
    ("'s ", "s "),
    ("going to", "gonna"),
    (" wearing ", " wearin "),
    ("looking", "lookin"),
    (" and ", " & "),
    ("what ", "wat "),
    ("glasses", "glases"),
    ("earrings", "earings"),
    ("beard", "beerd"),
    ("freckles", "freckels"),
    ("eyebrow", "eye brow"),
    ("background", "back ground"),
    ("forehead", "forhead"),
    ("lipstick", "lip stick"),
    ("laughing", "laughin"),
    ("smiling", "smilling"),
    ("hair color", "haircolor"),
    ("piercing", "peircing"),
    ("mask", "masc"),
    ("dimple", "dimpel"),
)


_BESIDE = {
    letter: row[max(i - 1, 0) : i] + row[i + 1 : i + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i, letter in enumerate(row)
}
"""Each letter's neighbours on a keyboard."""
_SMALL_WORDS = ("a", "an", "the", "is", "are", "do", "does", "of", "this", "that", "has", "to")

_NOT_HAD = (
    "light_color", "background", "gaze", "head_turn", "head_nod", "eyes", "mouth", "expression",
)  # fmt: skip
_SAID_OF_PERSON = ("hair_style", "glasses", "lipstick", "expression")
_TILT = {"level": "level", "up": "tilted up", "down": "tilted down"}


def value_question(name: str, gender: str, generator: random.Random) -> str:
    """An open question about an attribute."""
    return _filled(_VALUE[name], name, gender, generator)


def spoken_question(name: str, gender: str, generator: random.Random) -> str:
    """What the attribute is, as people talk about it."""
    return _filled(OPEN[name], name, gender, generator)


def elsewhere_question(gender: str, generator: random.Random) -> str:
    """About what no face tells."""
    return _filled(ELSEWHERE, "", gender, generator)


def presence_question(name: str, gender: str, generator: random.Random) -> str:
    """Whether the thing is there at all; only for the names in PRESENCE_QUESTIONS."""
    return _filled(PRESENCE_QUESTIONS[name], name, gender, generator)


def wide_question(name: str, asked: str, gender: str, generator: random.Random) -> str:
    """Whether the value, or what it includes, is there; only for what is in WIDE_QUESTIONS."""
    return _filled(WIDE_QUESTIONS[name, asked], name, gender, generator)


def region_question(regions: tuple[str, ...], gender: str, generator: random.Random) -> str:
    return _filled(REGION_QUESTIONS[regions], "", gender, generator)


def describe_question(gender: str, generator: random.Random) -> str:
    if generator.random() < 0.5:
        return DESCRIBE_QUESTION
    return _filled(_DESCRIBE, "", gender, generator)


def detail_question(gender: str, generator: random.Random) -> str:
    """Asks to be told everything."""
    if generator.random() < 0.5:
        return DETAIL_QUESTION
    return _filled(_DETAIL, "", gender, generator)


def value_is_question(name: str, asked: str, gender: str, generator: random.Random) -> str:
    """Whether the attribute has the value `asked`: "Is her hair red?"."""
    they, own = _person(name, gender, generator)
    forms = []
    if name == "gender":
        forms = [
            f"Is this a {asked}?",
            f"Is the person a {asked}?",
            f"Does this look like a {asked}?",
        ]
    elif name == "light":
        forms = [f"Does the light come from the {asked}?", f"Is {own} face lit from the {asked}?"]
    elif name == "clothing_color":
        color = adjectives(name, asked)[0]
        forms = [f"Is {they} wearing a {color} top?", f"Are {own} clothes {color}?"]
        forms.append(f"Is {own} shirt {color}?")
    else:
        owner = PRONOUNS[gender].possessive
        forms += [f"Is {they} {text}?" for text in being(name, asked, possessive=owner)]
        if name not in _NOT_HAD:
            forms += [
                f"Does {they} have {text}?"
                for text in having(name, asked, possessive=owner)
                if not text.startswith("no ") and "loose" not in text and "neither" not in text
            ]
        if name == "head_nod":
            forms.append(f"Is {own} head {_TILT[asked]}?")
        elif name in SUBJECTS and name not in ("hair_style", "lipstick", "glasses"):
            subject = SUBJECTS[name]
            whose = own if subject.is_owned else "the"
            words = adjectives(name, asked)
            forms += [
                f"{subject.verb.capitalize()} {whose} {subject.noun} {text}?" for text in words
            ]
        if name == "hair_style" and asked in ("short", "long"):
            forms += [f"Is {own} hair {asked}?"] * 2
    return generator.choice([f for f in forms if "not " not in f])


def choice_question(
    name: str, options: tuple[str, str], gender: str, generator: random.Random
) -> str:
    """Which of two values: "Is her hair red or blond?". Only where `has_choice(name)`."""
    they, own = _person(name, gender, generator)
    one, two = (_plain_word(name, option) for option in options)
    if name == "gender":
        return f"Is this {one} or {two}?"
    if name in SUBJECTS and adjectives(name, options[0]) and name not in _SAID_OF_PERSON:
        subject = SUBJECTS[name]
        whose = own if subject.is_owned else "the"
        return f"{subject.verb.capitalize()} {whose} {subject.noun} {one} or {two}?"
    return f"Is {they} {one} or {two}?"


def has_choice(name: str) -> bool:
    """Whether every two values can be put as "this or that"."""
    return all(_plain_word(name, value) for value in ATTRIBUTES[name].values)


def hasty(question: str, generator: random.Random) -> str:
    """As typed in a hurry: lower case, no question mark, British, a word short, with a slip."""
    text = question
    if generator.random() < 0.25:
        for old, new in generator.sample(_HASTE, len(_HASTE)):
            if old in text:
                text = text.replace(old, new, 1)
                break
    if generator.random() < 0.2:
        for american, british in _BRITISH.items():
            text = text.replace(american, british)
    if generator.random() < 0.6:
        text = text.lower()
    if generator.random() < 0.5:
        text = text.rstrip("?.")
    if generator.random() < 0.15:
        text = _without_a_small_word(text, generator)
    if generator.random() < 0.25:
        text = _with_slip(text, generator)
    return text


def _without_a_small_word(text: str, generator: random.Random) -> str:
    """A question of four words or more without one that it is understood without."""
    words = text.split(" ")
    small = [i for i, word in enumerate(words) if word.lower() in _SMALL_WORDS]
    if len(words) < 4 or not small:
        return text
    i = generator.choice(small)
    return " ".join([*words[:i], *words[i + 1 :]])


def _with_slip(text: str, generator: random.Random) -> str:
    """One word of five letters or more with two letters swapped, one lost, doubled or mistaken."""
    words = text.split(" ")
    long_words = [i for i, w in enumerate(words) if len(w) >= 5 and w.isalpha()]
    if not long_words:
        return text
    i = generator.choice(long_words)
    word, at = words[i], generator.randint(1, len(words[i]) - 3)
    kind = generator.randrange(4)
    if kind == 0:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind == 1:
        word = word[:at] + word[at + 1 :]
    elif kind == 2:
        word = word[:at] + generator.choice(_BESIDE.get(word[at], word[at])) + word[at + 1 :]
    else:
        word = word[:at] + word[at] + word[at:]
    return " ".join([*words[:i], word, *words[i + 1 :]])


def _plain_word(name: str, value: str) -> str:
    if name in ("hair_style", "facial_hair", "hat", "earrings", "eye_shadow", "freckles", "light"):
        return ""
    if name == "head_nod":
        return _TILT[value]
    if name in SUBJECTS and name not in _SAID_OF_PERSON:
        words = adjectives(name, value)
        return words[0] if words else ""
    words = being(name, value)
    return words[0] if words and "not " not in words[0] and "{" not in words[0] else ""


def _filled(templates: str, name: str, gender: str, generator: random.Random) -> str:
    template = generator.choice([t.strip() for t in templates.split("|")])
    they, own = _person(name, gender, generator)
    if "{they}" in template and "{own}" in template:
        own = PRONOUNS[gender].possessive if name != "gender" and "person" not in they else "their"
    if " behind {they}" in template and they in ("she", "he"):
        they = PRONOUNS[gender].object
    return template.replace("{they}", they).replace("{own}", own)


def _person(name: str, gender: str, generator: random.Random) -> tuple[str, str]:
    """Words for the person and for what is hers; those of a gender question tell nothing."""
    if name == "gender":
        return "this person", "the person's"
    person = PRONOUNS[gender]
    they = generator.choice([*[person.subject] * 4, f"the {gender}", "this person", "the person"])
    own = generator.choice(
        [*[person.possessive] * 4, *["the"] * 3, f"the {gender}'s", "this person's"]
    )
    return they, own
