"""Other words for the same thing, as visitors type them: for what the model reads, never says.

Each replacement leaves what the parser understands of a text as it was.
"""

from __future__ import annotations

import random
import re

# phrase: what may stand in its place; longer phrases are tried before the words in them
_VARIANTS: dict[str, str] = {
    "young woman": "girl | young lady | young girl | young female | youthful woman",
    "young man": "boy | young guy | young male | youthful man",
    "elderly woman": "grandmother | senior woman",
    "elderly man": "grandfather | senior man",
    "old woman": "granny | very old woman",
    "old man": "grandpa | very old man",
    "twenties": "20s",
    "thirties": "30s",
    "forties": "40s",
    "fifties": "50s",
    "sixties": "60s",
    "seventies": "70s",
    "woman": "lady | female",
    "man": "guy | male | dude",
    "middle-aged": "middle aged | mature",
    "elderly": "older | senior",
    "smiling": "grinning | happy | smiley",
    "laughing": "giggling | chuckling",
    "sad": "unhappy | gloomy | depressed | upset",
    "angry": "furious | mad | annoyed",
    "surprised": "shocked | amazed | startled",
    "calm": "serious",
    "bald": "completely bald | hairless",
    "clean-shaven": "clean shaven | beardless",
    "blond hair": "blonde hair | yellow hair | light blonde hair | platinum blond hair",
    "red hair": "ginger hair | orange hair | copper hair | reddish hair",
    "gray hair": "grey hair | white hair | silver hair",
    "brown hair": "brunette hair | dark brown hair | light brown hair",
    "black hair": "raven hair | jet black hair",
    "blond": "blonde",
    "gray": "grey",
    "mustache": "moustache",
    "full beard": "beard | bushy beard | big beard | long beard",
    "thick beard": "beard | bushy beard",
    "goatee": "chin beard | goatee beard",
    "stubble": "some stubble | designer stubble",
    "ponytail": "pony tail",
    "braid": "plait",
    "sunglasses": "shades | dark glasses | sun glasses",
    "round glasses": "circular glasses | round spectacles | round specs",
    "rectangular glasses": "square glasses | rectangular spectacles | boxy glasses",
    "no glasses": "no specs | no spectacles",
    "red lipstick": "bright red lipstick | crimson lipstick | scarlet lipstick",
    "pink lipstick": "rose lipstick | coral lipstick | bright pink lipstick",
    "dark lipstick": "burgundy lipstick | plum lipstick | purple lipstick | black lipstick",
    "warm light": "golden light | warm lighting",
    "cool light": "cold light | bluish light | cool lighting",
    "long hair": "very long hair | flowing hair",
    "square face": "boxy face",
    "furrowed eyebrows": "lowered eyebrows | knit brows",
    "beanie": "woolly hat | hat | winter hat | cap",
    "headband": "hair band | head band",
    "earrings": "ear rings",
    "no earrings": "no ear rings",
    "lipstick": "lip stick",
    "eye shadow": "eyeshadow | eye makeup",
    "blue eyes": "light blue eyes | bright blue eyes",
    "green eyes": "bright green eyes | emerald eyes | emerald green eyes",
    "gray eyes": "grey eyes | steel gray eyes",
    "brown eyes": "dark eyes | hazel eyes",
    "large eyes": "huge eyes | big eyes",
    "small eyes": "tiny eyes | little eyes",
    "closed eyes": "shut eyes",
    "wide nose": "flat nose | broad nose",
    "narrow nose": "skinny nose | slender nose",
    "thick eyebrows": "bushy eyebrows | strong eyebrows | dense eyebrows",
    "thin eyebrows": "plucked eyebrows | skinny eyebrows",
    "full lips": "thick lips | big lips",
    "hollow cheeks": "gaunt cheeks",
    "full cheeks": "chubby cheeks | round cheeks",
    "pointed chin": "sharp chin",
    "dark skin": "black skin",
    "very light skin": "pale skin | very pale skin",
    "light skin": "fair skin | white skin",
    "olive skin": "tanned skin",
    "protruding ears": "big ears | large ears",
    "shirt": "t-shirt | tee | jacket",
    "top": "blouse | jumper | hoodie | pullover",
    "blue top": "navy top | light blue shirt",
    "red top": "crimson top | dark red sweater",
    "background": "backdrop",
    "eyebrows": "brows",
}
_WIDER = {"hat", "cap", "beard"}  # in a question these ask for more than what they stand for
_AGES = (  # a group, a decade, and years of both
    ("young", "twenties", (20, 25)),
    ("young", "thirties", (30, 32)),
    ("middle-aged", "forties", (42, 45)),
    ("middle-aged", "fifties", (50, 55)),
    ("old", "sixties", (60, 65)),
    ("old", "seventies", (70, 75)),
)
_VARIANTS |= {
    f"{group} {noun} in {own} {decade}": f"{one} year old {noun} | {other}-year-old {noun}"
    for group, decade, (one, other) in _AGES
    for noun, own in (("woman", "her"), ("man", "his"))
}
_VARIANTS |= {  # but not of one who is looking happy
    f"looking {where}": f"staring {where} | glancing {where} | gazing {where}"
    for where in ("left", "right", "up", "down", "at", "into", "to")
}
_BY_LENGTH = sorted(_VARIANTS, key=len, reverse=True)
_PHRASE = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, _BY_LENGTH)) + r")(?![\w-])")
_AN = re.compile(r"\b(an?) (?=(\w))", re.IGNORECASE)


def as_typed(
    text: str, generator: random.Random, *, share: float = 0.3, is_exact: bool = False
) -> str:
    """The text with about that share of its replaceable words in other words.

    is_exact: none that could mean other values, too, as "a hat" could be a headband.
    """

    def replaced(match: re.Match[str]) -> str:
        if generator.random() >= share:
            return match[0]
        words = [v.strip() for v in _VARIANTS[match[0]].split("|")]
        return generator.choice([w for w in words if not (is_exact and w in _WIDER)])

    return _AN.sub(_article, _PHRASE.sub(replaced, text))


def _article(match: re.Match[str]) -> str:
    """ "a orange" is nobody's typing: the article follows the new word."""
    article = "an" if match[2].lower() in "aeiou" else "a"
    return (article.capitalize() if match[1][0] == "A" else article) + " "
