"""Questions thrown down without grammar: a topic or a value in any understood words, and no more.

As in `asking`, no function here is told the true value.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache

from unif2ace.attributes import ATTRIBUTES
from unif2ace.details import DETAILS
from unif2ace.lexicon import ADJECTIVES, PHRASES, understood
from unif2ace.wording import PRONOUNS, SUBJECTS, adjectives, having

# Other names of a topic than the attribute's own; only such as mean no other attribute.
_TOPICS: Mapping[str, str] = {
    "gender": "sex, man woman",
    "age": "age group",
    "age_years": "decade of age, age in years",
    "skin_tone": "complexion, skin color, color of the skin",
    "skin_tone_monk": "monk skin tone, tone on the monk scale",
    "face_shape": "shape of the face, head shape",
    "hair_color": "color of the hair, hair shade",
    "hair_style": "haircut, hairstyle, hairdo",
    "brow_thickness": "thickness of the brows, eyebrow thickness",
    "brows": "eyebrow position, pose of the eyebrows",
    "eye_color": "color of the eyes, iris color",
    "eye_size": "size of the eyes",
    "nose_width": "width of the nose",
    "nose_length": "length of the nose",
    "lips": "fullness of the lips, lip thickness",
    "facial_hair": "beard or no beard, whiskers",
    "lipstick": "lip color",
    "glasses": "eyewear, spectacles",
    "hat": "headwear, headgear",
    "clothing_color": "shirt color, color of the clothes, color of the top",
    "expression": "mood, emotion, feelings, facial expression",
    "mouth": "mouth open or shut",
    "gaze": "direction of the gaze, where the eyes look",
    "head_turn": "direction of the head, where the face points",
    "head_nod": "tilt of the head, head up or down",
    "light": "direction of the light, side of the light",
    "light_color": "color of the light, warmth of the light",
    "background": "background color, color behind the person, backdrop",
}
_OPEN = (
    "{topic}? | {topic} please | and the {topic}? | what about the {topic}? "
    "| the {topic}, what is it? | {topic}, what do you see? | can you tell the {topic}? "
    "| which {topic} is it? | your guess for the {topic}? | {topic}: {options}? "
    "| {options}? I mean the {topic} | {topic} is {options}? | the {topic} in a word? "
    "| {topic} = ? | name the {topic} "
    "| I'd like to know the {topic} | about the {topic}: what is it? "
    "| how would you put the {topic}?"
)
_CLOSED = (
    "{thing}? | {thing}, yes or no? | {thing} or not? | is that {thing}? | do you see {thing}? "
    "| do I see {thing}? | would you call that {thing}? | would you say {thing}? "
    "| so {thing}, right? | can you make out {thing}? | {thing}, correct? | is it {thing}? "
    "| looks like {thing}, true? | am I looking at {thing}? "
    "| has {they} got {thing}? | {thing}, would you agree? | I think I see {thing}, am I right? "
    "| could that be {thing}? | any sign of {thing}? | {thing} visible? | is there {thing} at all? "
    "| with {thing}? | that's {thing}, isn't it? | do we have {thing} here? "
    "| tell me if there's {thing} "
    "| yes or no: {thing} | is {thing} something you can see? | would {thing} be right? "
    "| someone with {thing}? | does this person have {thing}? | {thing} present?"
)
_HAD = re.compile(r"\b(with|have|got|there|there's|sign of|visible|present|make out)\b")
_LEADS = (
    *("hmm, ", "so ", "ok, ", "tell me, ", "just curious: ", "hey, ", "and ", "please, "),
    *("hi, ", "question: ", "um, ", "ok then, ", "wait, ", "my friend asks: ", "i wonder, "),
    *("sorry if this is silly, ", "can't tell myself, ", "for my project: ", "one more thing: "),
)
_TAILS = (
    *(" please", " here", " to you", " in this picture", " in your view", " thanks", " exactly"),
    *(" by the way", " would you say", " I wonder", ", thx", " do you think", " in this one"),
    *(", I can't tell", ", be honest"),
)
_LONGEST = 3  # words of an adjective that still stands before a noun
_BEFORE_NO_NOUN = ("to", "at", "from", "into", "of", "in", "neither", "straight", "directly")


def loose_value_question(name: str, generator: random.Random) -> str:
    """An open question about an attribute: its topic, perhaps all its values in some order."""
    topics = [name.replace("_", " "), *_listed(_TOPICS.get(name, ""))]
    values = [_plain(name, value) for value in ATTRIBUTES[name].values]
    generator.shuffle(values)
    frames = [f.strip() for f in _OPEN.split("|") if len(values) < 6 or "options" not in f]
    options = f"{', '.join(values[:-1])} or {values[-1]}"
    text = generator.choice(frames).format(topic=generator.choice(topics), options=options)
    return _thrown(text, generator)


def loose_value_is_question(name: str, asked: str, gender: str, generator: random.Random) -> str:
    """Whether the attribute has the value `asked`, in any words for it."""
    frames = [frame.strip() for frame in _CLOSED.split("|")]
    if name == "gender":  # "man" and "a lady" are nothing to have
        frames = [frame for frame in frames if not _HAD.search(frame)]
    they = "the person" if name == "gender" else PRONOUNS[gender].subject
    thing = generator.choice(things(name, asked))
    text = generator.choice(frames).format(thing=thing, they=they)
    return _thrown(text, generator)


@cache
def things(name: str, value: str) -> tuple[str, ...]:
    """Phrases for a value by itself: "a full beard", "chubby cheeks", "dude"."""
    if name == "light":
        return (f"light from the {value}", f"a face lit from the {value}")
    found = list(having(name, value, possessive="the"))
    if name in DETAILS:
        found += DETAILS[name].understood(value)
    found += understood(PHRASES.get(name, {}).get(value, ""))
    if name in SUBJECTS:
        words = understood(ADJECTIVES.get(name, {}).get(value, ""))
        found += [f"{word} {SUBJECTS[name].noun}" for word in words if _stands_before(word)]
    kept = [text for text in found if not text.startswith("no ") and "{" not in text]
    return tuple(dict.fromkeys(kept)) or (value,)


def _stands_before(word: str) -> bool:
    parts = word.split()
    return len(parts) <= _LONGEST and parts[0] not in _BEFORE_NO_NOUN


def _plain(name: str, value: str) -> str:
    words = adjectives(name, value) if name in SUBJECTS else ()
    return words[0] if words else value


def _listed(entry: str) -> list[str]:
    return [words.strip() for words in entry.split(",") if words.strip()]


def _thrown(text: str, generator: random.Random) -> str:
    """With something before or after it, as people talk."""
    if generator.random() < 0.25:
        lead = generator.choice(_LEADS)
        if not text.startswith(lead.split()[0].rstrip(",:")):
            text = lead + text
    if generator.random() < 0.2:
        end = "?" if text.endswith("?") else ""
        text = text.removesuffix("?") + generator.choice(_TAILS) + end
    return text
