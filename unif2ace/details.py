"""How the finer attributes are said, asked and understood. Tables only; see `lexicon`, `wording`.

One entry an attribute holds all its words, since none shares its phrases with another. In an entry
`|` stands between alternatives; what follows `||` is understood, yet never said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from unif2ace.attributes import coarser


@dataclass(frozen=True, kw_only=True)
class Detail:
    """The words of one attribute.

    question: the canonical one. asked: other open questions; {they} and {own} are the person's.
    has: per value noun phrases after "with" or "has". answers: canonical ones that are not the
    value. thing: what the plain case denies ("no scar"), if it denies a thing; present: questions
    whether that is there. group: with which attributes it is said. salience: how likely its plain
    value and any other are said.
    """

    question: str
    asked: str
    has: Mapping[str, str]
    group: str
    answers: Mapping[str, str] = field(default_factory=dict)
    thing: str = ""
    present: str = ""
    salience: tuple[float, float] = (0.1, 0.6)

    def said(self, value: str) -> tuple[str, ...]:
        """The noun phrases of a value that our texts use."""
        return alternatives(self.has[value].partition("||")[0])

    def understood(self, value: str) -> tuple[str, ...]:
        """All phrases that mean a value by themselves, articles left out: "scar on her chin"."""
        phrases = alternatives(self.has[value].replace("||", "|"))
        bare = [p.removeprefix("a ").removeprefix("an ") for p in phrases]
        whose = [p.replace(" the ", f" {own} ") for own in ("the", "her", "his") for p in bare]
        return tuple(p for p in dict.fromkeys(whose) if not p.startswith("no "))

    def answered(self, words: str) -> str | None:
        """The value that is the answer in so many words: "high", "to the left"; else None."""
        for value in self.has:
            if words in (value, self.answers.get(value, value)):
                return value
        return None

    @property
    def things(self) -> tuple[str, ...]:
        return alternatives(self.thing)


@cache
def alternatives(entry: str) -> tuple[str, ...]:
    """What an entry of a table lists: "hat | cap" is a hat or a cap."""
    return tuple(words.strip() for words in entry.split("|") if words.strip())


IMPLIED: Mapping[str, tuple[str, str]] = {
    "eye_shadow_color": ("eye_shadow", "yes"),
    "earring_kind": ("earrings", "yes"),
}
"""Who says what kind it is says that it is there."""

KIND_OF: Mapping[str, str] = {
    "eye_shadow_color": "eye_shadow",
    "earring_kind": "earrings",
    "hat_color": "hat",
    "frame_color": "glasses",
}
"""Of what an attribute is a kind: where that is absent, it means nothing."""


def thing_behind(name: str) -> str:
    """What has to be there for an attribute to have a value ("hat" of its color), else ""."""
    return "eyes" if name == "wink_side" else KIND_OF.get(name, "")


def with_implied(values: Mapping[str, str]) -> dict[str, str]:
    """Values, and those that are said with them."""
    whole = dict(values)
    for name, value in values.items():
        whole |= implied(name, value)
    return whole


def implied(name: str, value: str) -> dict[str, str]:
    """What is said with a value. In the thirties one may be called young or middle-aged."""
    if name in IMPLIED:
        return dict([IMPLIED[name]])
    return {} if value == "30s" else coarser(name, value)


_COLORS = {"grey": "gray"} | {c: c for c in ("black", "red", "blue", "green", "yellow")}
_HATS = (
    *("hat", "beanie", "cap", "knit cap", "woolly hat", "winter hat"),
    *("headband", "hair band", "head band", "hairband"),
)
_DECADES = {2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy"}
_FRAMES = ("glasses", "rimmed glasses", "framed glasses", "spectacles", "specs")

DETAILS: Mapping[str, Detail] = {
    "forehead": Detail(
        question="How high is the forehead?",
        asked="How high is {own} forehead? | What is {own} forehead like? | "
        "Is {own} forehead low or high?",
        has={
            "average": "a forehead of average height | an average forehead || normal forehead",
            "low": "a low forehead | a short forehead || small forehead",
            "high": "a high forehead | a tall forehead || big forehead | large forehead",
        },
        group="head",
    ),
    "cheekbones": Detail(
        question="How high are the cheekbones?",
        asked="What are {own} cheekbones like? | How pronounced are {own} cheekbones? | "
        "How do {own} cheekbones look?",
        has={
            "average": "average cheekbones | cheekbones of average height || normal cheekbones",
            "high": "high cheekbones | prominent cheekbones || pronounced cheekbones",
        },
        group="head",
    ),
    "double_chin": Detail(
        question="Is there a double chin?",
        asked="What is below {own} chin? | What about a double chin? | Any double chin?",
        has={"no": "no double chin", "yes": "a double chin || doubled chin"},
        answers={"no": "no double chin", "yes": "a double chin"},
        group="head",
        thing="double chin",
        present="Does {they} have a double chin? | Can you see a double chin? | "
        "Has {they} got a double chin?",
    ),
    "neck": Detail(
        question="How thick is the neck?",
        asked="What is {own} neck like? | How wide is {own} neck? | Is {own} neck slim or thick?",
        has={
            "average": "a neck of average width | an average neck || normal neck",
            "slender": "a slender neck | a slim neck || thin neck | narrow neck | skinny neck",
            "thick": "a thick neck | a wide neck || broad neck | bull neck | strong neck",
        },
        group="head",
    ),
    "eye_spacing": Detail(
        question="How far apart are the eyes?",
        asked="How are {own} eyes spaced? | What is the distance between {own} eyes? | "
        "Are {own} eyes close together or far apart?",
        has={
            "average": "averagely spaced eyes | eyes at an average distance || evenly spaced eyes",
            "close-set": "close-set eyes | eyes set close together || narrow set eyes",
            "wide-set": "wide-set eyes | eyes set far apart || widely spaced eyes",
        },
        answers={"average": "averagely spaced"},
        group="sight",
    ),
    "eye_slant": Detail(
        question="How are the eyes slanted?",
        asked="Which way do {own} eyes slant? | Do {own} eyes slant up or down? | "
        "What is the slant of {own} eyes?",
        has={
            "level": "level-set eyes | eyes without a slant || straight eyes",
            "upturned": "upturned eyes | eyes slanting upward || upward slanting eyes | cat eyes",
            "downturned": "downturned eyes | eyes slanting downward || droopy eyes | sloping eyes",
        },
        group="sight",
    ),
    "eye_openness": Detail(
        question="How wide are the eyes opened?",
        asked="How far does {they} open {own} eyes? | Are {own} eyes wide or sleepy? | "
        "How awake do {own} eyes look?",
        has={
            "normal": "normally opened eyes | eyes opened as usual || normally open eyes",
            "wide": "widely opened eyes | eyes opened wide || eyes wide open | wide-eyed",
            "drowsy": "drowsy eyes | heavy-lidded eyes || sleepy eyes | tired eyes | heavy lids",
        },
        group="sight",
    ),
    "raised_brow": Detail(
        question="Is one eyebrow raised?",
        asked="Which eyebrow does {they} lift? | Does {they} lift one eyebrow, and which? | "
        "Which of {own} eyebrows is higher?",
        has={
            "none": "no single raised eyebrow",
            "left": "a single raised eyebrow on the left | a lone left eyebrow raised "
            "|| left eyebrow raised | left brow raised | raised left eyebrow | raised left brow",
            "right": "a single raised eyebrow on the right | a lone right eyebrow raised "
            "|| right eyebrow raised | right brow raised | raised right eyebrow "
            "| raised right brow",
        },
        answers={"none": "no single raised eyebrow", "left": "the left one"}
        | {"right": "the right one"},
        group="sight",
        thing="single raised eyebrow | one eyebrow raised | one raised eyebrow | one brow raised",
        present="Does {they} raise just one eyebrow? | Has {they} lifted a single eyebrow? | "
        "Is only one of {own} eyebrows up?",
    ),
    "wink_side": Detail(
        question="Which eye is winking?",
        asked="Which of {own} eyes is shut? | On which side does {they} wink? | "
        "Which eye does {they} wink with?",
        has={
            "left": "a wink on the left | a winking left eye || left eye winking | left wink",
            "right": "a wink on the right | a winking right eye || right eye winking | right wink",
        },
        answers={"left": "the left eye", "right": "the right eye"},
        group="sight",
        salience=(0.5, 0.5),
    ),
    "nose_tip": Detail(
        question="What is the tip of the nose like?",
        asked="What does the tip of {own} nose look like? | What is {own} nose tip like? | "
        "Is the tip of {own} nose narrow or round?",
        has={
            "average": "an average nose tip | a nose tip of average width || normal nose tip",
            "bulbous": "a bulbous nose tip | a round nose tip || bulbous nose | fleshy nose tip",
            "fine": "a fine nose tip | a delicate nose tip || narrow nose tip | pinched nose "
            "| pinched nose tip",
        },
        group="center",
    ),
    "mouth_width": Detail(
        question="How wide is the mouth?",
        asked="What is the width of {own} mouth? | Is {own} mouth small or wide? | "
        "How broad is {own} mouth?",
        has={
            "average": "a mouth of average width | an average mouth || normal mouth",
            "small": "a small mouth | a narrow mouth || little mouth | tiny mouth",
            "wide": "a wide mouth | a broad mouth || big mouth | large mouth",
        },
        group="center",
        salience=(0.4, 0.6),
    ),
    "mouth_pose": Detail(
        question="What are the lips doing?",
        asked="What is {they} doing with {own} lips? | How does {they} hold {own} lips? | "
        "What pose do {own} lips strike?",
        has={
            "relaxed": "lips at rest | restful lips || relaxed lips | relaxed mouth",
            "puckered": "puckered lips | lips puckered for a kiss || pursed lips | kissing lips "
            "| pouting lips | duck face | kissy face | pout | pouting",
            "pressed": "tightly pressed lips | lips pressed tight || pressed lips | tight lips",
            "smirking": "a smirk | a lopsided smirk || smirking | crooked smile | lopsided smile",
            "puffed": "puffed cheeks | blown-up cheeks || puffed out cheeks | puffed up cheeks "
            "| blowing up cheeks",
        },
        answers={"relaxed": "resting", "pressed": "tightly pressed", "puffed": "blown up"},
        group="center",
        salience=(0.4, 1.4),
    ),
    "chin_cleft": Detail(
        question="Is there a cleft in the chin?",
        asked="What about a chin cleft? | Any cleft in {own} chin? | "
        "What is in the middle of {own} chin?",
        has={
            "no": "no chin cleft",
            "yes": "a cleft chin | a cleft in the chin || dimpled chin | chin dimple | butt chin",
        },
        answers={"no": "no cleft", "yes": "a cleft chin"},
        group="center",
        thing="chin cleft | cleft",
        present="Does {they} have a cleft in {own} chin? | Has {own} chin got a cleft? | "
        "Can you see a chin cleft?",
    ),
    "ear_tips": Detail(
        question="What are the tips of the ears like?",
        asked="What shape are the tips of {own} ears? | Are {own} ear tips round or pointed? | "
        "What do {own} ear tips look like?",
        has={
            "rounded": "rounded ear tips | round ear tips || rounded ears | round ears",
            "pointed": "pointed ear tips | pointy ear tips || pointed ears | pointy ears "
            "| elf ears | elfin ears",
        },
        group="head",
    ),
    "head_tilt": Detail(
        question="Does the head lean to one side?",
        asked="To which side does {own} head lean? | Which way does {they} lean {own} head? | "
        "Is {own} head upright or leaning?",
        has={
            "upright": "an upright head | a head held upright || head upright",
            "left": "a head leaning to the left | a head cocked to the left "
            "|| head leaning left | head cocked left | leaning left | cocked left "
            "| leaning to the left | cocked to the left",
            "right": "a head leaning to the right | a head cocked to the right "
            "|| head leaning right | head cocked right | leaning right | cocked right "
            "| leaning to the right | cocked to the right",
        },
        answers={"left": "to the left", "right": "to the right"},
        group="head",
        salience=(0.06, 0.8),
    ),
    "blush": Detail(
        question="Are the cheeks blushing?",
        asked="How red are {own} cheeks? | What about a blush? | Any blush on {own} cheeks?",
        has={
            "no": "no blush",
            "yes": "rosy cheeks | a blush || flushed cheeks | red cheeks "
            "| pink cheeks | blushing | blushing cheeks | blushes | rouge",
        },
        answers={"no": "no blush", "yes": "rosy cheeks"},
        group="skin",
        thing="blush | rosy cheeks",
        present="Does {they} have rosy cheeks? | Is {they} blushing? | Can you see a blush?",
    ),
    "beauty_mark": Detail(
        question="Where is the beauty mark?",
        asked="Where does {they} have a beauty mark, if anywhere? | "
        "On which part of {own} face is there a mole? | Any beauty mark, and where?",
        has={
            "none": "no beauty mark",
            "left cheek": "a beauty mark on the left cheek | a mole on the left cheek",
            "right cheek": "a beauty mark on the right cheek | a mole on the right cheek",
            "lip": "a beauty mark above the lip | a mole above the lip "
            "|| beauty mark over the lip | mole near the lip",
        },
        answers={"none": "no beauty mark", "left cheek": "the left cheek"}
        | {"right cheek": "the right cheek", "lip": "above the lip"},
        group="skin",
        thing="beauty mark | beauty marks | mole | moles | beauty spot | beauty spots",
        present="Does {they} have a beauty mark? | Is there a mole on {own} face? | "
        "Can you see a beauty mark?",
    ),
    "scar": Detail(
        question="Where is the scar?",
        asked="Where does {they} have a scar, if anywhere? | "
        "On which part of {own} face is there a scar? | Any scars, and where?",
        has={
            "none": "no scar",
            "left cheek": "a scar on the left cheek | a scar across the left cheek",
            "right cheek": "a scar on the right cheek | a scar across the right cheek",
            "forehead": "a scar on the forehead | a scar across the forehead",
        },
        answers={"none": "no scar", "left cheek": "the left cheek"}
        | {"right cheek": "the right cheek", "forehead": "the forehead"},
        group="skin",
        thing="scar | scars | scarred",
        present="Does {they} have a scar? | Is {own} face scarred? | Can you see a scar?",
    ),
    "eyeliner": Detail(
        question="Is there eyeliner?",
        asked="What about eyeliner? | Any eyeliner? | How are {own} eyes lined?",
        has={"no": "no eyeliner", "yes": "eyeliner | black eyeliner || lined eyes | cat eyeliner"},
        answers={"no": "no eyeliner"} | {"yes": "eyeliner"},
        group="sight",
        thing="eyeliner | eye liner | kohl",
        present="Is {they} wearing eyeliner? | Does {they} wear eyeliner? | Can you see eyeliner?",
    ),
    "eye_bags": Detail(
        question="Are there bags under the eyes?",
        asked="What is below {own} eyes? | What about dark circles? | How rested does {they} look?",
        has={
            "no": "no eye bags",
            "yes": "bags under the eyes | dark circles || eye bags | dark circles under the eyes "
            "| baggy eyes | shadows under the eyes",
        },
        answers={"no": "no bags"} | {"yes": "bags under the eyes"},
        group="sight",
        thing="eye bags | bags under the eyes | bags | dark circles",
        present="Does {they} have bags under {own} eyes? | Are there dark circles? | "
        "Can you see bags under {own} eyes?",
    ),
    "sideburns": Detail(
        question="Are there sideburns?",
        asked="What grows in front of {own} ears? | What about sideburns? | Any sideburns?",
        has={"no": "no sideburns", "yes": "sideburns | thick sideburns || long sideburns"},
        answers={"no": "no sideburns"} | {"yes": "sideburns"},
        group="head",
        thing="sideburns | side burns | sideburn",
        present="Does {they} have sideburns? | Can you see sideburns? | Has {they} got sideburns?",
    ),
    "eye_shadow_color": Detail(
        question="What color is the eye shadow?",
        asked="Which color of eye shadow does {they} wear? | What shade is {own} eye shadow? | "
        "What color is on {own} eyelids?",
        has={
            "blue": "blue eye shadow || blue eyeshadow | blue eye makeup",
            "purple": "purple eye shadow || violet eye shadow | purple eyeshadow "
            "| purple eye makeup",
            "green": "green eye shadow || green eyeshadow | green eye makeup",
            "grey": "gray eye shadow | smoky eye shadow || gray eyeshadow | smoky eyes "
            "| gray eye makeup | smoky eye makeup | smoky eyeshadow",
        },
        answers={"grey": "gray"},
        group="sight",
        salience=(0.7, 0.7),
    ),
    "face_mask": Detail(
        question="Is there a face mask?",
        asked="What covers {own} mouth and nose? | What color is {own} face mask, if any? | "
        "What about a face mask? | Any face mask?",
        has={
            "none": "no face mask",
            "white": "a white face mask | a white mask || white surgical mask",
            "blue": "a blue face mask | a blue mask || blue surgical mask",
            "black": "a black face mask | a black mask || black surgical mask",
        },
        answers={"none": "no face mask", "white": "a white mask"}
        | {"blue": "a blue mask", "black": "a black mask"},
        group="worn",
        thing="face mask | mask | surgical mask | masked | medical mask",
        present="Is {they} wearing a face mask? | Does {they} wear a mask? | "
        "Can you see a face mask?",
        salience=(0.06, 2.2),
    ),
    "hat_color": Detail(
        question="What color is the hat?",
        asked="What color is {own} hat? | Which color of hat does {they} wear? | "
        "What color is on {own} head?",
        has={
            value: f"{word} headwear || " + " | ".join(f"{word} {noun}" for noun in _HATS)
            for value, word in _COLORS.items()
        },
        answers={"grey": "gray"},
        group="worn",
        salience=(0.8, 0.8),
    ),
    "frame_color": Detail(
        question="What color are the glasses?",
        asked="What color are {own} glasses? | Which color of frames does {they} wear? | "
        "What are {own} frames like in color?",
        has={
            word: f"{word} frames || " + " | ".join(f"{word} {noun}" for noun in _FRAMES)
            for word in ("black", "brown", "silver", "gold", "red", "blue")
        },
        group="worn",
        salience=(0.5, 0.6),
    ),
    "earring_kind": Detail(
        question="What kind of earrings are there?",
        asked="What kind of earrings does {they} wear? | What do {own} earrings look like? | "
        "What shape are {own} earrings?",
        has={
            "stud": "stud earrings || ear studs | small earrings | stud ear rings",
            "hoop": "hoop earrings || hoops | ring earrings | hoop ear rings",
            "drop": "drop earrings | dangling earrings || dangly earrings | pendant earrings "
            "| drop ear rings | dangling ear rings",
        },
        answers={"stud": "studs", "hoop": "hoops", "drop": "drops"},
        group="worn",
        salience=(0.6, 0.6),
    ),
    "piercing": Detail(
        question="Is there a piercing?",
        asked="Where is {own} piercing, if any? | What about piercings? | Any piercings?",
        has={
            "none": "no piercing",
            "nose": "a nose ring | a pierced nose || nose piercing | ring in the nose",
            "lip": "a lip ring | a pierced lip || lip piercing | ring in the lip",
            "eyebrow": "an eyebrow piercing | a pierced eyebrow || brow piercing | pierced brow",
        },
        answers={"none": "no piercing", "nose": "a nose ring", "lip": "a lip ring"}
        | {"eyebrow": "an eyebrow piercing"},
        group="worn",
        thing="piercing | piercings | facial piercing",
        present="Does {they} have a piercing? | Can you see a piercing? | Is {own} face pierced?",
        salience=(0.06, 1.2),
    ),
    "light_height": Detail(
        question="Does the light come from above or below?",
        asked="Is {own} face lit from above or below? | How high is the light? | "
        "Does the light shine down or up?",
        has={
            "above": "a face lit from above || lit from above | light from above",
            "below": "a face lit from below || lit from below | light from below | underlit "
            "| lit from underneath",
        },
        group="backdrop",
    ),
    "background_pattern": Detail(
        question="What pattern does the background have?",
        asked="What pattern is behind {they}? | How is the wall behind {they} patterned? | "
        "Is the background plain or patterned?",
        has={
            "plain": "a plain backdrop || plain background | plain wall | unpatterned background",
            "striped": "a striped backdrop || striped background | striped wall | stripes behind",
            "checkered": "a checkered backdrop || checkered background | checkered wall "
            "| checked background | checked wall",
            "dotted": "a dotted backdrop || dotted background | dotted wall | polka dots "
            "| polka dot background | spotted background",
        },
        group="backdrop",
        salience=(0.1, 0.8),
    ),
    "age_years": Detail(
        question="In which decade of life is the person?",
        asked="About how many years old does {they} look? | Which decade of life is {they} in? | "
        "Roughly what age in years is {they}?",
        has={
            f"{tens}0s": f"a face in its {decade[:-1]}ies || {decade[:-1]}ies | {decade} something"
            for tens, decade in _DECADES.items()
        },
        group="head",
        salience=(0.5, 0.5),
    ),
    "skin_tone_monk": Detail(
        question="Which Monk skin tone is it?",
        asked="Where does {own} skin fall on the Monk scale? | "
        "What is {own} skin tone on the Monk scale? | Which step of the Monk scale is {own} skin?",
        has={
            step: f"Monk skin tone {step} | skin of tone {step} on the Monk scale "
            f"|| Monk tone {step} | Monk {step} | {step} on the Monk scale | MST {step}"
            for step in map(str, range(1, 11))
        },
        answers={"10": "ten"},  # plans tell answers apart by their first piece of text
        group="skin",
        salience=(0.3, 0.3),
    ),
}
