"""The words for every attribute value: adjectives, whole phrases, nouns. Tables only.

Left of a `|` stands what our texts say (American spelling), right of it what is only understood.
Texts and parser read the same tables, so no word is said that is not understood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unif2ace.details import DETAILS


def said(entry: str) -> tuple[str, ...]:
    """The words of a table entry that our own texts use."""
    return _split(entry.partition("|")[0])


def understood(entry: str) -> tuple[str, ...]:
    """All words of a table entry."""
    return _split(entry.replace("|", ","))


def all_understood() -> list[str]:
    """Every word and phrase of all tables, in order, without repetition."""
    entries = [e for table in (ADJECTIVES, PHRASES) for v in table.values() for e in v.values()]
    entries += [words for _, words in GROUPS.values()]
    phrases = [phrase for entry in entries for phrase in understood(entry)]
    phrases += [
        phrase
        for detail in DETAILS.values()
        for phrases_of in ([detail.understood(value) for value in detail.has], [detail.things])
        for group in phrases_of
        for phrase in group
    ]
    return list(dict.fromkeys([*phrases, *PRESENCE]))


def _split(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


# Words that stand before the noun or after "is". Several attributes share a noun: see GROUPS.
ADJECTIVES: dict[str, dict[str, str]] = {
    "skin_tone": {
        "light": "light, fair | white, light toned, fair toned",
        "very light": "very light, very fair, pale | porcelain, very pale, ivory, alabaster, milky",
        "medium": "medium-toned, olive, tan | medium, tanned, light brown, beige, bronzed",
        "brown": "brown, warm brown | bronze, caramel, brown toned, medium brown",
        "dark": "dark, very dark, dark brown | deep, deep brown, ebony, black, dark toned",
    },
    "freckles": {"no": "unfreckled", "yes": "freckled | freckly"},
    "face_shape": {
        "oval": "oval | egg shaped",
        "round": "round, rounded | circular, moon shaped, roundish",
        "square": "square | angular, boxy, squarish, square shaped",
        "long": "long, elongated | oblong, narrow, lengthy",
    },
    "cheeks": {
        "average": "average | normal, ordinary, neither hollow nor full",
        "hollow": "hollow, sunken | gaunt, hollowed, thin",
        "full": "full, plump | chubby, round, rounded, fat, puffy, fleshy",
    },
    "chin": {
        "average": "average | normal, ordinary, neither pointed nor broad",
        "pointed": "pointed, pointy | sharp, narrow, tapered",
        "broad": "broad, wide | square, strong",
    },
    "hair_color": {
        "brown": "brown, chestnut | dark brown, light brown, brunette, brunet, chocolate, hazel",
        "black": "black, jet black | raven, raven black, ebony, pitch black",
        "blond": "blond, golden | fair, light, yellow, light blond, dark blond, dirty blond, "
        "platinum, platinum blond, golden blond, sandy, flaxen, blondish",
        "red": "red, ginger, auburn | copper, coppery, orange, reddish, strawberry blond",
        "grey": "gray, silver | white, silvery, graying, salt and pepper, steel gray, grayish",
    },
    "hair_style": {
        "short": "short | cut short",
        "cropped": "cropped, closely cropped, very short | close cropped, cropped close, buzzed, "
        "cropped short, shorn, buzz cut, crew cut, clipped, cut very short",
        "side-swept": "side-swept, swept to the side, swept to one side, brushed to one side, "
        "combed to the side | side parted, swept sideways, swept over, parted on the side, "
        "brushed to the side, combed to one side, swept across, parted at the side",
        "bob": "chin-length, bobbed, cut in a bob | shoulder length, medium length, mid length, "
        "jaw length, medium, in a bob, cut into a bob, worn in a bob",
        "ponytail": "in a ponytail, tied back, tied back in a ponytail, pulled back into a ponytail"
        " | pulled back, tied up, tied in a ponytail, pony tailed, worn in a ponytail",
        "braid": "braided, in a braid, worn in a braid | plaited, in braids, in a plait",
        "long": "long, long and loose | flowing, loose, very long, waist length, cascading",
    },
    "brow_thickness": {
        "average": "of average thickness | average, medium, normal, ordinary, medium thick, "
        "of medium thickness, neither thin nor thick",
        "thin": "thin, slender | fine, narrow, sparse, skinny, plucked",
        "thick": "thick, bushy, heavy | full, strong, dense, big",
    },
    "eye_color": {
        "brown": "brown, dark brown | hazel, amber, dark, light brown, chestnut, brownish",
        "blue": "blue | light blue, dark blue, bright blue, azure, pale blue, bluish",
        "green": "green | emerald, bright green, light green, greenish",
        "grey": "gray | steel gray, silver, light gray, grayish",
    },
    "eye_size": {
        "average": "medium-sized, average-sized | average, medium, normal, of average size, "
        "normal sized, neither small nor large",
        "small": "small | little, tiny, beady, narrow",
        "large": "large, big | huge, wide, enormous",
    },
    "nose_width": {
        "average": "of average width | average, medium, normal, ordinary, of average size, "
        "average sized, medium sized, neither narrow nor wide, of average width and length",
        "narrow": "narrow, slim, thin | slender, skinny, fine",
        "wide": "wide, broad | flat, fat",
    },
    "nose_length": {
        "average": "of average length | average, medium, normal, ordinary, of average size, "
        "average sized, medium sized, neither short nor long, of average width and length",
        "short": "short | small, button, little, snub, tiny",
        "long": "long | big, large, prominent, huge",
    },
    "lips": {
        "average": "of average fullness | medium, average, normal, ordinary, medium sized, "
        "neither thin nor full, medium full",
        "thin": "thin | narrow, slim, fine",
        "full": "full, plump | thick, big, fleshy, large",
    },
    "ears": {
        "average": "close to the head, flat against the head | average, normal, ordinary, small",
        "protruding": "protruding, prominent | sticking out, stick out, protrude, jug, big, large, "
        "stand out, standing out, jutting out",
    },
    "lipstick": {
        "none": "bare, unpainted | natural",
        "red": "red | scarlet, crimson, bright red, ruby",
        "pink": "pink | rose, coral, light pink, bright pink",
        "dark": "dark | black, plum, burgundy, purple, dark red, brown, deep red",
    },
    "glasses": {
        "round": "round, round-framed | circular, roundish, round rimmed",
        "rectangular": "rectangular, rectangular-framed | square, boxy, square framed, angular",
        "sunglasses": "dark | tinted",
    },
    "clothing_color": {
        "grey": "gray | light gray, dark gray, silver, grayish, charcoal",
        "white": "white | off white, cream, ivory",
        "black": "black | jet black, dark",
        "red": "red | dark red, bright red, crimson, scarlet, maroon",
        "blue": "blue | light blue, dark blue, navy, navy blue, bright blue, sky blue",
        "green": "green | light green, dark green, olive, bright green, emerald",
        "yellow": "yellow | golden, bright yellow, mustard, light yellow",
    },
    "background": {
        "grey": "gray | light gray, dark gray, grayish, silver",
        "white": "white | bright white, pure white, off white",
        "black": "black | pitch black, dark, jet black",
        "blue": "blue | light blue, dark blue, navy, sky blue, bluish",
        "green": "green | light green, dark green, greenish",
        "brown": "brown | light brown, dark brown, tan, beige, brownish",
    },
    "expression": {
        "neutral": "neutral, calm | blank, serious, composed, relaxed, impassive",
        "smiling": "happy, cheerful | joyful, friendly, pleased, joyous, merry",
        "laughing": "| laughing, amused, hilarious",
        "sad": "sad, unhappy | sorrowful, gloomy, melancholy, mournful, depressed, upset",
        "angry": "angry | furious, mad, annoyed, enraged, irate, irritated",
        "surprised": "surprised, astonished | amazed, shocked, startled, stunned",
    },
    "mouth": {
        "closed": "closed | shut, together, pressed together, sealed",
        "open": "open | wide open, agape, parted, apart, slightly open, ajar",
    },
    "eyes": {
        "open": "open | wide open, opened",
        "closed": "closed, shut",
        "winking": "winking | winked",
        "squinting": "squinting, narrowed | squinted, half closed, screwed up, squinty",
    },
    "brows": {
        "relaxed": "relaxed | at rest, resting",
        "raised": "raised | lifted, up, high",
        "furrowed": "furrowed, knitted, drawn together | lowered, pulled together, creased, knit",
    },
    # "ahead", "left" and the like take the sense of the head word they follow: eyes, head, light.
    "gaze": {
        "at the camera": "at the camera, into the camera, straight ahead, at the viewer | camera, "
        "ahead, forward, straight, at you, at me, at us, lens, viewer, front, "
        "straight at the camera, directly at the camera, to the front, direct, dead ahead",
        "left": "left, to the left | leftward, leftwards, to the left side",
        "right": "right, to the right | rightward, rightwards, to the right side",
        "up": "up, upward | upwards, skyward, ceiling, sky",
        "down": "down, downward | downwards, floor, ground",
    },
    "head_turn": {
        "front": "to the front, straight ahead | camera, forward, front, ahead, viewer, forwards, "
        "toward the camera, to the camera, straight on, head on, straight",
        "left": "left, to the left | leftward, leftwards, to the left side",
        "right": "right, to the right | rightward, rightwards, to the right side",
    },
    "head_nod": {
        "level": "level | upright, neither up nor down, straight",
        "up": "up, upward, back | upwards, raised, lifted, backward, backwards, high",
        "down": "down, downward | downwards, lowered, bowed, low, hanging",
    },
    "light": {
        "front": "front, from the front | frontal, head on, straight on, frontally, camera",
        "left": "left, from the left | leftward, from the left side",
        "right": "right, from the right | rightward, from the right side",
    },
    "light_color": {
        "neutral": "neutral | white, natural, plain, normal",
        "warm": "warm | golden, yellowish, orange, yellow, warmish",
        "cool": "cool | cold, bluish, blue, icy, coolish",
    },
}

# What says a value by itself, with no noun to lean on.
PHRASES: dict[str, dict[str, str]] = {
    "gender": {
        "woman": "woman, lady | female, women, ladies, womans, gal, feminine",
        "man": "man, gentleman, guy | male, men, dude, fellow, gentlemen, bloke, masculine, chap",
    },
    "age": {
        "young": "young, twenties | youthful, younger, twentysomething, teens, teen, teenage, "
        "teenager, adolescent, youth, youngster",
        "middle-aged": "middle-aged, in middle age, forties, fifties | middle age, midlife, mature",
        "old": "old, elderly, older, sixties, seventies | senior, eighties, nineties, "
        "pensioner, wrinkled, elder",
    },
    "hair_style": {
        "bald": "bald, bald head, shaved head, completely bald | hairless, balding, baldy, "
        "shaven head, bald headed, shaven headed, no hair, without hair",
        "cropped": "buzz cut, crew cut | buzzcut, crewcut",
        "bob": "bob | bob cut, bob haircut, bobcut, pageboy",
        "ponytail": "ponytail | pony tail, ponytails, pigtail",
        "braid": "braid | braids, plait, plaits, pigtails",
        "long": "past the shoulders, past her shoulders, past his shoulders | over the shoulders, "
        "down her back, down his back, over her shoulders, over his shoulders",
    },
    "hair_color": {
        "red": "redhead | redhaired, red head, ginger",
        "blond": "| blond",
        "brown": "| brunette",
    },
    "freckles": {"yes": "freckled | freckly", "no": "unfreckled, clear skin | clear complexion"},
    "facial_hair": {
        "none": "clean-shaven, freshly shaven | cleanshaven, beardless, smooth shaven, shaven, "
        "smooth faced",
        "stubble": "unshaven, five o'clock shadow | five oclock shadow, 5 o'clock shadow, "
        "5 oclock shadow, designer stubble, stubbly",
        "full beard": "| full bearded",
    },
    "hat": {"none": "bareheaded | hatless, bare headed, bare head"},
    "glasses": {"sunglasses": "sunglasses, dark glasses, shades | sun glasses, sunnies"},
    "expression": {
        "neutral": "neutral expression, expressionless | deadpan, poker face, straight face, "
        "not smiling or frowning, stern, emotionless, no expression, unsmiling, no emotion",
        "smiling": "smiling, smiles, smile | grin, grins, grinning, smiley, beaming, smiled",
        "laughing": "laughing, laughs | laugh, laughter, giggling, chuckling, laughed",
        "sad": "sad, sadness, unhappy | frown of sadness, tearful, crying, gloom, sorrow",
        "angry": "angry, anger | furious, mad, rage, annoyed, enraged, irate, scowling, scowl",
        "surprised": "surprised, surprise, astonished | amazed, shocked, startled, astonishment, "
        "gasping, stunned, shock",
    },
    "mouth": {
        "open": "| open mouthed, lips parted, shouting, screaming, yelling",
        "closed": "| tight lipped",
    },
    "eyes": {
        "winking": "winking, winks, wink, one eye closed, one eye shut, closed in a wink, "
        "shut in a wink | winked, one closed eye, blinking one eye",
        "squinting": "squinting, squints | squint, squinty eyed",
    },
    "gaze": {"at the camera": "| eye contact, looking at you, meets the camera"},
}

# The nouns that adjectives lean on; "eyed" serves "blue-eyed". An attribute's group is the first
# listed with it. Attributes of a group share no adjective but by intent ("an average nose").
GROUPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "skin": (
        ("skin_tone", "freckles"),
        "skin, complexion, skin tone | skinned, toned, complexioned, color of skin",
    ),
    "face": (
        ("face_shape", "freckles", "head_turn", "expression"),
        "face | faced, head shape, face shape",
    ),
    "cheeks": (("cheeks",), "cheeks | cheek, cheeked, cheekbones"),
    "chin": (("chin", "head_nod"), "chin | chinned, jaw, jawline"),
    "hair": (
        ("hair_color", "hair_style"),
        "hair | haired, hairs, hairstyle, haircut, locks, hairdo",
    ),
    "brows": (
        ("brow_thickness", "brows"),
        "eyebrows, brows | eyebrow, brow, browed, eye brows, eye brow",
    ),
    "eyes": (("eye_color", "eye_size", "eyes", "gaze"), "eyes | eye, eyed, irises, iris"),
    "nose": (("nose_width", "nose_length"), "nose | nosed"),
    "lips": (("lips", "lipstick", "mouth"), "lips | lip, lipped"),
    "mouth": (("mouth", "lips"), "mouth | mouthed"),
    "ears": (("ears",), "ears | ear, eared"),
    "beard": (("hair_color",), ""),
    "lipstick": (("lipstick",), "lipstick | lip stick, lipgloss, lip color, lipsticks"),
    "eye shadow": (("eye_shadow",), "eye shadow | eyeshadow, eye makeup, shadow on the lids"),
    "glasses": (("glasses",), "glasses, frames | spectacles, eyeglasses, specs, rims, lenses"),
    "hat": (("hat",), ""),
    "earrings": (("earrings",), "earrings | earring, ear rings, ear studs"),
    "freckles": (("freckles",), "freckles | freckle"),
    "clothes": (
        ("clothing_color",),
        "shirt, top, clothes | clothing, t shirt, tshirt, tee, sweater, blouse, jumper, dress, "
        "dressed in, clothed in, jacket, pullover, garment, outfit, clad in, hoodie, "
        "tops, wears, wearing",
    ),
    "background": (("background",), "background, backdrop, wall | backgrounds"),
    "expression": (
        ("expression",),
        "expression | mood, emotion, countenance, expressions, smile, grin",
    ),
    "gaze": (
        ("gaze", "expression"),
        "looking, gazing, looks, gaze, gazes | glancing, staring, stares, look, gaze turned, "
        "glances, watching, peering",
    ),
    "head": (
        ("head_turn", "head_nod"),
        "head, facing, faces | turned, turns, turning, tilted, tilts, tilting, heads, turn",
    ),
    "light": (
        ("light", "light_color"),
        "light, lighting, lit, illumination | illuminated, lights, lamp, sidelight, lighted",
    ),
    "person": (("skin_tone", "expression"), "person | someone, human"),
    "worn": ((), ""),  # whose own colors are not known: "black sunglasses", "dark makeup"
}

# Common phrases of which a word alone would say something.
EMPTY_PHRASES = (
    "shades of", "shock of", "laugh lines", "smile lines", "frown lines", "shopping bags",
    "piercing eyes", "piercing gaze", "piercing look", "black and white", "high school senior",
    *(f"old {thing}" for thing in (
        "house", "photo", "photograph", "picture", "painting", "film", "movie", "book", "building",
        "castle", "church", "barn", "street", "town", "car", "chair", "room", "library", "coat",
        "shirt", "jacket", "dress", "clothes", "school",
    )),
    *(f"wrinkled {thing}" for thing in ("shirt", "coat", "jacket", "dress", "clothes")),
)  # fmt: skip
# Nouns that tell of a gender, and of an age with the third.
KIN_NOUNS: Sequence[tuple[str, ...]] = (
    ("grandmother granny grandma", "woman", "old"),
    ("grandfather grandpa granddad", "man", "old"),
    ("mother mom mum wife sister aunt", "woman"),
    ("father dad husband brother uncle", "man"),
)
OTHER_NOUNS: Sequence[tuple[str, ...]] = (
    ("girl girls", "woman", "young"),
    ("boy boys lad", "man", "young"),
    ("queen princess widow bride actress", "woman"),
    ("king prince widower", "man"),
)
KIN = frozenset(noun for nouns, *_ in KIN_NOUNS for noun in nouns.split())
"""Of "her mother" it is not she who is told."""

# Things whose noun alone says that they are there: phrase -> (attribute, values it allows).
PRESENCE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "beard": ("beard", "facial_hair", ("full beard", "goatee")),
    "full beard": ("beard", "facial_hair", ("full beard",)),
    "thick beard": ("beard", "facial_hair", ("full beard",)),
    "beards": ("beard", "facial_hair", ("full beard", "goatee")),
    "bearded": ("beard", "facial_hair", ("full beard", "goatee")),
    "goatee": ("beard", "facial_hair", ("goatee",)),
    "chin beard": ("beard", "facial_hair", ("goatee",)),
    "stubble": ("beard", "facial_hair", ("stubble",)),
    "mustache": ("beard", "facial_hair", ("moustache",)),
    "mustaches": ("beard", "facial_hair", ("moustache",)),
    "mustached": ("beard", "facial_hair", ("moustache",)),
    "mustachioed": ("beard", "facial_hair", ("moustache",)),
    "facial hair": ("beard", "facial_hair", ("stubble", "moustache", "goatee", "full beard")),
    "whiskers": ("beard", "facial_hair", ("stubble", "moustache", "goatee", "full beard")),
    "lipstick": ("lipstick", "lipstick", ("red", "pink", "dark")),
    "lip stick": ("lipstick", "lipstick", ("red", "pink", "dark")),
    "eye shadow": ("eye shadow", "eye_shadow", ("yes",)),
    "eyeshadow": ("eye shadow", "eye_shadow", ("yes",)),
    "eye makeup": ("eye shadow", "eye_shadow", ("yes",)),
    "glasses": ("glasses", "glasses", ("round", "rectangular", "sunglasses")),
    "eyeglasses": ("glasses", "glasses", ("round", "rectangular")),
    "spectacles": ("glasses", "glasses", ("round", "rectangular")),
    "bespectacled": ("glasses", "glasses", ("round", "rectangular")),
    "specs": ("glasses", "glasses", ("round", "rectangular")),
    "beanie": ("hat", "hat", ("beanie",)),
    "knit cap": ("hat", "hat", ("beanie",)),
    "knitted cap": ("hat", "hat", ("beanie",)),
    "knit hat": ("hat", "hat", ("beanie",)),
    "woolly hat": ("hat", "hat", ("beanie",)),
    "winter hat": ("hat", "hat", ("beanie",)),
    "hat": ("hat", "hat", ("beanie",)),
    "hats": ("hat", "hat", ("beanie",)),
    "cap": ("hat", "hat", ("beanie",)),
    "headwear": ("hat", "hat", ("beanie", "headband")),
    "headgear": ("hat", "hat", ("beanie", "headband")),
    "headband": ("hat", "hat", ("headband",)),
    "head band": ("hat", "hat", ("headband",)),
    "hairband": ("hat", "hat", ("headband",)),
    "hair band": ("hat", "hat", ("headband",)),
    "earrings": ("earrings", "earrings", ("yes",)),
    "earring": ("earrings", "earrings", ("yes",)),
    "ear rings": ("earrings", "earrings", ("yes",)),
    "freckles": ("freckles", "freckles", ("yes",)),
    "freckle": ("freckles", "freckles", ("yes",)),
}

# Common words one slip away from a word above, which are no slips.
NOT_TYPOS = frozenset({
    "aground", "backyard", "badly", "bangs", "bank", "bare", "bars", "bead", "beads", "bear",
    "bears", "bother", "buns", "burn", "bush", "farther", "feather", "gravy", "scared", "wrinkles",
    "below", "bench", "bland", "blow", "bond", "booth", "both", "bowls", "brand",
    "bread", "brides", "broth", "browns", "bushed", "busy", "camp", "cats", "chain", "champ",
    "cheap", "clam", "clan", "cloth", "cloths", "coal", "coast", "combing", "comets", "contract",
    "could", "cram", "dawn", "dirt", "does", "dose", "draw", "dread", "drone", "drown", "earned",
    "earns", "eras", "farce", "farm", "farms", "flair", "flesh", "float", "font", "form", "forms",
    "frame", "gauze", "glance", "glaze", "glazed", "grain", "grains", "graze", "grind", "groin",
    "halts", "halve", "harmless", "hates", "haze", "heard", "heart", "heat", "heats", "heaven",
    "hired", "intro", "lens", "likes", "limes", "limps", "line", "lines", "lives", "lock", "lose",
    "maple", "meet", "milk", "mono", "moon", "moth", "noise", "noised", "noses", "pain", "pained",
    "paste", "patio", "pats", "petty", "plaint", "plan", "plans", "please", "plugs", "plums",
    "point", "pump", "purge", "purse", "quiet", "quit", "quite", "raise", "range", "reset",
    "ring", "rotund", "sand", "saved", "scold", "sees", "seize", "shade", "shave", "shirtless",
    "shot", "shout", "show", "sick", "sifts", "simile", "sites", "size", "sketch", "skits",
    "slide", "slit", "slits", "snide", "soaring", "sock", "socked", "sooth", "sort", "spare",
    "spars", "specks", "spits", "stacking", "stages", "staining", "stare", "staring", "starring",
    "stars", "start", "started", "starve", "stocking", "storing", "strand", "striking", "string",
    "stud", "style", "suits", "sun", "sunned", "tainted", "tens", "tick", "tide", "tiled", "tilt",
    "time", "timed", "tinny", "tired", "titled", "toed", "trail", "tried", "tuned", "tuning",
    "wait", "wars", "wear", "when", "where", "whispers", "whit", "wild", "wine", "wins", "winter",
    "wist", "witch", "womb",
})  # fmt: skip
