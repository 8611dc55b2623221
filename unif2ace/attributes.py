"""The fine-grained attribute vocabulary: names, values, face region, and what hides what.

Knows nothing of pictures, wording or models. Left and right are the viewer's, never the person's.
The categories follow the wheel of UniF²ace-130K (arXiv 2503.08120, data set figure).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["appearance", "accessory", "action", "emotion", "scene"]


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One thing that can be said of a face. `values[0]` is the plain case."""

    name: str
    values: tuple[str, ...]
    region: str
    kind: Kind

    def __post_init__(self) -> None:
        if len(self.values) < 2 or len(set(self.values)) != len(self.values):
            raise ValueError(f"{self.name} needs two or more different values, got {self.values}")


def _attribute(name: str, kind: Kind, region: str, *values: str) -> Attribute:
    return Attribute(name=name, values=values, region=region, kind=kind)


_ALL = (
    _attribute("gender", "appearance", "face", "woman", "man"),
    _attribute("age", "appearance", "face", "young", "middle-aged", "old"),
    _attribute("skin_tone", "appearance", "skin", "light", "very light", "medium", "brown", "dark"),
    _attribute("freckles", "appearance", "skin", "no", "yes"),
    _attribute("face_shape", "appearance", "face", "oval", "round", "square", "long"),
    _attribute("cheeks", "appearance", "cheeks", "average", "hollow", "full"),
    _attribute("chin", "appearance", "chin", "average", "pointed", "broad"),
    _attribute("hair_color", "appearance", "hair", "brown", "black", "blond", "red", "grey"),
    _attribute(
        "hair_style",
        "appearance",
        "hair",
        "short",
        "bald",
        "cropped",
        "side-swept",
        "bob",
        "ponytail",
        "braid",
        "long",
    ),
    _attribute("brow_thickness", "appearance", "brows", "average", "thin", "thick"),
    _attribute("eye_color", "appearance", "eyes", "brown", "blue", "green", "grey"),
    _attribute("eye_size", "appearance", "eyes", "average", "small", "large"),
    _attribute("nose_width", "appearance", "nose", "average", "narrow", "wide"),
    _attribute("nose_length", "appearance", "nose", "average", "short", "long"),
    _attribute("lips", "appearance", "mouth", "average", "thin", "full"),
    _attribute("ears", "appearance", "ears", "average", "protruding"),
    _attribute(
        "facial_hair",
        "appearance",
        "chin",
        "none",
        "stubble",
        "moustache",
        "goatee",
        "full beard",
    ),
    _attribute("lipstick", "accessory", "mouth", "none", "red", "pink", "dark"),
    _attribute("eye_shadow", "accessory", "eyes", "no", "yes"),
    _attribute("glasses", "accessory", "eyes", "none", "round", "rectangular", "sunglasses"),
    _attribute("hat", "accessory", "hair", "none", "beanie", "headband"),
    _attribute("earrings", "accessory", "ears", "no", "yes"),
    _attribute(
        "clothing_color",
        "accessory",
        "clothes",
        "grey",
        "white",
        "black",
        "red",
        "blue",
        "green",
        "yellow",
    ),
    _attribute(
        "expression",
        "emotion",
        "face",
        "neutral",
        "smiling",
        "laughing",
        "sad",
        "angry",
        "surprised",
    ),
    _attribute("mouth", "action", "mouth", "closed", "open"),
    _attribute("eyes", "action", "eyes", "open", "closed", "winking", "squinting"),
    _attribute("brows", "action", "brows", "relaxed", "raised", "furrowed"),
    _attribute("gaze", "action", "eyes", "at the camera", "left", "right", "up", "down"),
    _attribute("head_turn", "action", "pose", "front", "left", "right"),
    _attribute("head_nod", "action", "pose", "level", "up", "down"),
    _attribute("light", "scene", "scene", "front", "left", "right"),
    _attribute("light_color", "scene", "scene", "neutral", "warm", "cool"),
    _attribute("background", "scene", "scene", "grey", "white", "black", "blue", "green", "brown"),
    # The first 33 end here; later ones are only ever added behind the last.
    _attribute("forehead", "appearance", "forehead", "average", "low", "high"),
    _attribute("cheekbones", "appearance", "cheeks", "average", "high"),
    _attribute("double_chin", "appearance", "chin", "no", "yes"),
    _attribute("neck", "appearance", "neck", "average", "slender", "thick"),
    _attribute("eye_spacing", "appearance", "eyes", "average", "close-set", "wide-set"),
    _attribute("eye_slant", "appearance", "eyes", "level", "upturned", "downturned"),
    _attribute("eye_openness", "action", "eyes", "normal", "wide", "drowsy"),
    _attribute("raised_brow", "action", "brows", "none", "left", "right"),
    _attribute("wink_side", "action", "eyes", "left", "right"),
    _attribute("nose_tip", "appearance", "nose", "average", "bulbous", "fine"),
    _attribute("mouth_width", "appearance", "mouth", "average", "small", "wide"),
    _attribute(
        "mouth_pose", "action", "mouth", "relaxed", "puckered", "pressed", "smirking", "puffed"
    ),
    _attribute("chin_cleft", "appearance", "chin", "no", "yes"),
    _attribute("ear_tips", "appearance", "ears", "rounded", "pointed"),
    _attribute("head_tilt", "action", "pose", "upright", "left", "right"),
    _attribute("blush", "appearance", "cheeks", "no", "yes"),
    _attribute("beauty_mark", "appearance", "skin", "none", "left cheek", "right cheek", "lip"),
    _attribute("scar", "appearance", "skin", "none", "left cheek", "right cheek", "forehead"),
    _attribute("eyeliner", "accessory", "eyes", "no", "yes"),
    _attribute("eye_bags", "appearance", "eyes", "no", "yes"),
    _attribute("sideburns", "appearance", "ears", "no", "yes"),
    _attribute("eye_shadow_color", "accessory", "eyes", "blue", "purple", "green", "grey"),
    _attribute("face_mask", "accessory", "mouth", "none", "white", "blue", "black"),
    _attribute("hat_color", "accessory", "hair", "grey", "black", "red", "blue", "green", "yellow"),
    _attribute(
        "frame_color", "accessory", "eyes", "black", "brown", "silver", "gold", "red", "blue"
    ),
    _attribute("earring_kind", "accessory", "ears", "stud", "hoop", "drop"),
    _attribute("piercing", "accessory", "face", "none", "nose", "lip", "eyebrow"),
    _attribute("light_height", "scene", "scene", "above", "below"),
    _attribute("background_pattern", "scene", "scene", "plain", "striped", "checkered", "dotted"),
    _attribute("age_years", "appearance", "face", "20s", "30s", "40s", "50s", "60s", "70s"),
    _attribute(
        "skin_tone_monk", "appearance", "skin", "3", "1", "2", "4", "5", "6", "7", "8", "9", "10"
    ),
)

ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({a.name: a for a in _ALL})
Vocabulary = tuple[tuple[str, tuple[str, ...]], ...]
"""Names with their values, in the order of ids and columns: what one checkpoint knows."""

VOCABULARY: Vocabulary = tuple((a.name, a.values) for a in _ALL)
VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(dict(VOCABULARY))
FIRST_VOCABULARY = VOCABULARY[:33]
"""What checkpoints know that do not say what they know: these came first and never change."""

REFINED: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "age_years": (
            "age",
            {"young": ("20s", "30s"), "middle-aged": ("40s", "50s"), "old": ("60s", "70s")},
        ),
        # The ten steps of the Monk Skin Tone Scale (Ellis Monk, https://skintone.google), from the
        # lightest: two to each of our tones.
        "skin_tone_monk": (
            "skin_tone",
            {
                "light": ("3", "4"),
                "very light": ("1", "2"),
                "medium": ("5", "6"),
                "brown": ("7", "8"),
                "dark": ("9", "10"),
            },
        ),
    }
)
"""Attributes that say another more finely: which, and what each of its values leaves open."""

HAIR_LENGTH: Mapping[str, str] = MappingProxyType(
    {
        "bald": "bald",
        "cropped": "short",
        "short": "short",
        "side-swept": "short",
        "bob": "medium",
        "ponytail": "long",
        "braid": "long",
        "long": "long",
    }
)


def check_value(
    name: str, value: str | None = None, known: Mapping[str, tuple[str, ...]] | None = None
) -> None:
    """Raise ValueError, naming what is allowed, unless `name` is known and `value` one of its.

    known: names with their values, where fewer are known than here.
    """
    known = VALUES if known is None else known
    if name not in known:
        raise ValueError(f"unknown attribute {name!r}; known: {', '.join(known)}")
    if value is not None and value not in known[name]:
        raise ValueError(f"unknown value {value!r} for {name}; known: {', '.join(known[name])}")


def checked_vocabulary(entries: Iterable[tuple[str, Iterable[str]]]) -> Vocabulary:
    """Names with values as they are stored, as tuples.

    Values may have been added since, but an index into them must mean what it meant.
    Raises ValueError, with the name, for what this code does not know, and for names given twice.
    """
    found = tuple((name, tuple(values)) for name, values in entries)
    for name, values in found:
        for value in values:
            check_value(name, value)
        ours = ATTRIBUTES[name].values
        if len(values) < 2 or values != ours[: len(values)]:
            raise ValueError(f"{name} has the values {', '.join(ours)}, not {', '.join(values)}")
    if len(dict(found)) < len(found):
        raise ValueError(f"attributes given twice: {', '.join(name for name, _ in found)}")
    return found


@dataclass(frozen=True)
class FaceAttributes(Mapping[str, str]):
    """A complete, checked and consistent assignment: every attribute has exactly one value.

    Raises ValueError for unknown or missing attributes, unknown values, and contradictions.
    """

    assignment: Mapping[str, str]

    def __post_init__(self) -> None:
        for name, value in self.assignment.items():
            check_value(name, value)
        if missing := [name for name in ATTRIBUTES if name not in self.assignment]:
            raise ValueError(f"attributes without a value: {', '.join(missing)}")
        ordered = {name: self.assignment[name] for name in ATTRIBUTES}
        object.__setattr__(self, "assignment", MappingProxyType(ordered))
        if found := contradictions(ordered):
            raise ValueError(f"contradictory attributes: {'; '.join(found)}")

    @classmethod
    def stored(cls, assignment: Mapping[str, str]) -> FaceAttributes:
        """Of a face rendered when there were fewer attributes: the others are `completed`.

        Labels of such a face do not count the others among what can be seen.
        """
        return cls(completed(assignment))

    def __getitem__(self, name: str) -> str:
        return self.assignment[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.assignment)

    def __len__(self) -> int:
        return len(self.assignment)

    def __hash__(self) -> int:
        return hash(tuple(self.assignment.items()))


def coarser(name: str, value: str) -> dict[str, str]:
    """What a value of a `REFINED` attribute says of the one that it refines; of others, nothing."""
    if name not in REFINED:
        return {}
    coarse, allowed = REFINED[name]
    return {coarse: next(one for one, finer in allowed.items() if value in finer)}


def followed(values: Mapping[str, str]) -> dict[str, str]:
    """Values, where what refines another follows it: an old person is in the sixties, not 20s."""
    following = dict(values)
    for fine, (coarse, allowed) in REFINED.items():
        options = allowed[values[coarse]] if coarse in values else ()
        if fine in values and options and values[fine] not in options:
            following[fine] = options[0]
    return following


def completed(values: Mapping[str, str]) -> dict[str, str]:
    """A whole assignment: the others are at their plain case, or as `values` imply."""
    whole = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
    for name, value in values.items():
        whole |= coarser(name, value)
    return followed(whole | dict(values))


def contradictions(values: Mapping[str, str]) -> list[str]:
    """What cannot be true together in a (partial) assignment, in words; empty when consistent."""
    found = []
    expression, mouth = values.get("expression"), values.get("mouth")
    if expression in ("laughing", "surprised") and mouth == "closed":
        found.append(f"expression {expression} with mouth closed")
    if expression in ("sad", "angry", "smiling") and mouth == "open":
        found.append(f"expression {expression} with mouth open")
    if expression == "surprised" and values.get("brows") in ("relaxed", "furrowed"):
        found.append(f"expression surprised with brows {values['brows']}")
    if expression == "angry" and values.get("brows") in ("relaxed", "raised"):
        found.append(f"expression angry with brows {values['brows']}")
    if values.get("gender") == "woman" and values.get("facial_hair", "none") != "none":
        found.append(f"gender woman with facial hair {values['facial_hair']}")
    for fine, (coarse, allowed) in REFINED.items():
        if {fine, coarse} <= values.keys() and values[fine] not in allowed[values[coarse]]:
            found.append(f"{coarse} {values[coarse]} with {fine} {values[fine]}")
    return found + _finer_contradictions(values)


def _finer_contradictions(values: Mapping[str, str]) -> list[str]:
    """A movement of one part leaves no room for another movement of the same part."""
    found = []
    for name, plain, rivals in _EXCLUDED:
        value = values.get(name, plain)
        for rival, allowed in rivals.items():
            if value != plain and values.get(rival, allowed) != allowed:
                found.append(f"{name} {value} with {rival} {values[rival]}")
    if values.get("raised_brow", "none") != "none" and values.get("expression") in _BROW_MOODS:
        found.append(f"raised_brow {values['raised_brow']} with expression {values['expression']}")
    if values.get("gender") == "woman" and values.get("sideburns") == "yes":
        found.append("gender woman with sideburns")
    if values.get("face_mask", "none") != "none" and values.get("facial_hair") in _LONG_BEARDS:
        found.append(f"face_mask {values['face_mask']} with {values['facial_hair']}")
    if values.get("eye_openness", "normal") != "normal" and values.get("expression") == "surprised":
        found.append(f"eye_openness {values['eye_openness']} with expression surprised")
    return found


_LONG_BEARDS = ("goatee", "full beard")  # these stand off further than cloth
_BROW_MOODS = ("sad", "angry", "surprised")  # these move the brows themselves
# attribute, its plain value, and what others must be where it is not plain
_EXCLUDED: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("mouth_pose", "relaxed", {"expression": "neutral", "mouth": "closed"}),
    ("raised_brow", "none", {"brows": "relaxed"}),
    ("eye_openness", "normal", {"eyes": "open"}),
    ("face_mask", "none", {"mouth_pose": "relaxed"}),
)


def hidden_attributes(values: Mapping[str, str]) -> frozenset[str]:
    """Attributes that cannot be seen, given the others: these are neither said nor asked."""
    hidden: set[str] = set()
    if values.get("hair_style") == "bald":
        hidden.add("hair_color")
    if values.get("hat") == "beanie":
        hidden.add("ears")
        if values.get("hair_style") in ("bald", "cropped", "short", "side-swept"):
            hidden |= {"hair_color", "hair_style"}
    if values.get("glasses") == "sunglasses":
        hidden |= {"eye_color", "eye_size", "eyes", "gaze", "eye_shadow"}
    if values.get("eyes") in ("closed", "squinting"):
        hidden |= {"eye_size"}
    if values.get("eyes") == "closed":
        hidden |= {"eye_color", "gaze"}
    if values.get("hair_style") in ("bob", "long"):
        hidden |= {"ears", "earrings"}
    if values.get("facial_hair") in ("goatee", "full beard"):
        hidden |= {"chin", "chin_cleft", "double_chin"}
    return frozenset(hidden) | _finer_hidden(values, hidden)


BELOW_A_MASK = frozenset({
    "nose_width", "nose_length", "nose_tip", "lips", "lipstick", "mouth", "mouth_width",
    "mouth_pose", "chin", "chin_cleft", "double_chin", "cheeks", "cheekbones", "facial_hair",
    "expression", "beauty_mark", "scar", "blush", "face_shape", "sideburns", "piercing",
})  # fmt: skip


def _finer_hidden(values: Mapping[str, str], hidden_first: Collection[str]) -> set[str]:
    hidden: set[str] = set()
    if values.get("hat", "none") != "none":
        hidden.add("forehead")
    if values.get("hat", "none") != "none" or values.get("hair_style") in ("bob", "long"):
        hidden.add("ear_tips")
    if values.get("glasses") == "sunglasses":
        hidden |= {"eye_slant", "eye_openness", "wink_side", "eye_spacing"}
    if values.get("eyes", "open") != "open":
        hidden |= {"eye_slant", "eye_openness"}
    if values.get("eyes", "winking") != "winking":
        hidden.add("wink_side")
    if values.get("face_mask", "none") != "none":
        hidden |= BELOW_A_MASK
    if values.get("hat") == "none":
        hidden.add("hat_color")
    if values.get("glasses") == "none":
        hidden.add("frame_color")
    if values.get("earrings") == "no" or "earrings" in hidden_first:
        hidden.add("earring_kind")
    if values.get("glasses") == "sunglasses" or values.get("eye_shadow") == "no":
        hidden.add("eye_shadow_color")
    if values.get("glasses") == "sunglasses":
        hidden |= {"eyeliner", "eye_bags"}
    if values.get("facial_hair") in ("stubble", "full beard"):
        hidden.add("sideburns")
    if values.get("hair_style") in ("bob", "long"):
        hidden.add("sideburns")
    if values.get("hat", "none") != "none" and values.get("scar") in ("none", "forehead"):
        hidden.add("scar")  # there might be one, or is one, where nobody can look
    if values.get("mouth") == "open" or values.get("expression", "neutral") != "neutral":
        hidden |= {"mouth_width", "mouth_pose"}  # what the mouth does is all that can be said
    if values.get("mouth_pose", "relaxed") != "relaxed":
        hidden |= {"mouth_width", "lips"}
    return hidden


def visible(values: FaceAttributes) -> dict[str, str]:
    """The part of a complete assignment that can be seen."""
    hidden = hidden_attributes(values)
    return {name: value for name, value in values.items() if name not in hidden}


_UNSAID: Mapping[str, Collection[str]] = MappingProxyType(
    {"woman": ("facial_hair",), "man": ("lipstick", "eye_shadow", "earrings")}
)


def goes_without_saying(name: str, value: str, gender: str) -> bool:
    """Whether nobody would say this of such a person: of a woman, not that she has no beard.

    gender: a value of it, or any other word where it is not known.
    """
    return name in _UNSAID.get(gender, ()) and value == ATTRIBUTES[name].values[0]
