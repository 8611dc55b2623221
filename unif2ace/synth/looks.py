"""From attributes to colours, lights, camera and backdrop. Colours are linear RGB unless said.

Knows no meshes and no OpenGL. As in `sliders`, each named value is a band with jitter inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unif2ace.attributes import FaceAttributes
from unif2ace.synth.assets import SKINS
from unif2ace.synth.sliders import stream

Color = tuple[float, float, float]

# Position on the scale from the light skins as they are (0) to the dark palette (1), by step of the
# Monk scale. The steps keep the scale's order and most of its span, not its swatches' colours:
# skins of the pack are redder than the light swatches and lighter than the darkest.
TONES: Mapping[str, tuple[float, float]] = {
    "1": (-0.19, -0.15),
    "2": (-0.09, -0.05),
    "3": (0.06, 0.10),
    "4": (0.16, 0.20),
    "5": (0.29, 0.33),
    "6": (0.40, 0.44),
    "7": (0.53, 0.57),
    "8": (0.66, 0.70),
    "9": (0.82, 0.88),
    "10": (1.00, 1.08),
}
HAIR_COLORS: Mapping[str, Color] = {
    "black": (0.012, 0.010, 0.009),
    "brown": (0.072, 0.037, 0.018),
    "blond": (0.36, 0.225, 0.095),
    "red": (0.17, 0.038, 0.010),
    "grey": (0.24, 0.235, 0.23),
}
_CLOTHES: Mapping[str, Color] = {
    "grey": (0.16, 0.16, 0.17),
    "white": (0.80, 0.80, 0.80),
    "black": (0.012, 0.012, 0.014),
    "red": (0.50, 0.018, 0.022),
    "blue": (0.025, 0.075, 0.42),
    "green": (0.030, 0.24, 0.060),
    "yellow": (0.72, 0.47, 0.03),
}
_BACKGROUNDS: Mapping[str, Color] = {  # sRGB: what the eye compares
    "grey": (0.50, 0.50, 0.51),
    "white": (0.93, 0.93, 0.92),
    "black": (0.09, 0.09, 0.095),
    "blue": (0.33, 0.46, 0.66),
    "green": (0.34, 0.50, 0.36),
    "brown": (0.47, 0.35, 0.25),
}
_LIPSTICKS: Mapping[str, Color] = {
    "none": (0.0, 0.0, 0.0),
    "red": (0.60, 0.012, 0.025),
    "pink": (0.80, 0.16, 0.33),
    "dark": (0.11, 0.008, 0.030),
}
_LIGHT_COLORS: Mapping[str, Color] = {
    "neutral": (1.0, 0.985, 0.96),
    "warm": (1.1, 0.88, 0.64),
    "cool": (0.8, 0.95, 1.2),
}
_EXPOSURE: Mapping[str, float] = {  # a camera meters on the face, though not all the way
    **{"1": 0.83, "2": 0.87, "3": 0.9, "4": 0.94, "5": 0.98},
    **{"6": 1.02, "7": 1.09, "8": 1.17, "9": 1.27, "10": 1.37},
}
_IRIS: Mapping[str, tuple[tuple[str, Color], ...]] = {  # texture and tint
    "brown": (("brown", (0.62, 1.7, 1.5)), ("brownlight", (0.55, 0.42, 0.35))),
    "blue": (("lightblue", (0.56, 0.7, 0.92)), ("blue", (0.7, 0.95, 1.75))),
    "green": (("green", (0.82, 1.05, 0.7)),),
    "grey": (("grey", (0.72, 0.74, 0.77)),),
}
# Strength of old skin's detail, of folds and of spots; grows with age, the same for all.
_AGE_LINES = {
    **{"20s": (0.0, 0.08), "30s": (0.2, 0.3), "40s": (0.45, 0.55)},
    **{"50s": (0.68, 0.8), "60s": (0.95, 1.05), "70s": (1.25, 1.4)},
}
_AGE_FOLDS = {
    **{"20s": (0.0, 0.06), "30s": (0.2, 0.3), "40s": (0.85, 1.0)},
    **{"50s": (1.3, 1.5), "60s": (1.7, 1.9), "70s": (2.1, 2.4)},
}
_AGE_SPOTS = {
    **{"20s": (0.0, 0.0), "30s": (0.0, 0.0), "40s": (0.05, 0.15)},
    **{"50s": (0.15, 0.25), "60s": (0.3, 0.4), "70s": (0.45, 0.6)},
}
_SMOOTHNESS = {"woman": (0.8, 1.5), "man": (0.0, 0.3)}
_LIP_RED = {"woman": (0.85, 1.15), "man": (0.0, 0.2)}
_LID_SHADE = {"woman": (1.1, 1.4), "man": (0.0, 0.08)}
BROW_STYLES: Mapping[str, tuple[str, ...]] = {
    "thin": ("eyebrow006", "eyebrow007"),
    "average": ("eyebrow001", "eyebrow004", "eyebrow008"),
    "thick": ("eyebrow009", "eyebrow012"),
}
HAIR_MESHES: Mapping[str, tuple[str, ...]] = {
    "bald": (),
    "short": ("short01", "short02"),
    "cropped": ("short04",),
    "side-swept": ("short03",),
    "bob": ("bob02",),
    "ponytail": ("ponytail01",),
    "braid": ("braid01",),
    "long": ("long01",),
}


@dataclass(frozen=True, kw_only=True)
class Lights:
    """Directions point to the light; colours are intensities."""

    key_direction: Color
    key: Color
    fill_direction: Color
    fill: Color
    rim_direction: Color
    rim: Color
    ambient: Color
    softness: float  # of the key light's shadows, as a share of the head


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where the face lies in the picture; lengths in shares of the picture's height."""

    distance: float  # decimetres from the face
    face_height: float  # from the top of the hair to the chin
    top: float  # free space above the hair
    shift: float  # of the middle of the face to the right
    roll: float  # radians


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """A gradient, brightness that rises with height, blurred boxes and spots. Colours sRGB.

    Places and sizes are shares of the picture, (0, 0) its lower left; brightness is added.
    """

    inner: Color
    outer: Color
    centre: tuple[float, float]
    spots: tuple[tuple[float, float, float, float], ...]  # x, y, radius, brightness
    rise: float  # from the bottom to the top
    boxes: tuple[tuple[float, float, float, float, float], ...]  # x0, y0, x1, y1, brightness
    blur: float  # of rise and boxes
    pattern: str  # plain, striped, checkered or dotted


@dataclass(frozen=True, kw_only=True)
class Looks:
    """All that is not shape."""

    skin: str  # file stem in the texture pack
    tone: float
    tone_shift: Color  # individual colour cast, around 1
    age_lines: float  # fine detail of old skin
    age_folds: float
    age_spots: float
    smoothness: float
    lip_red: float  # of lips without lipstick
    lid_shade: float  # of lids without eye shadow
    shaved: float  # shadow of a shaved beard
    freckles: float
    blush: float
    lipstick: Color
    lipstick_strength: float
    eye_shadow: Color
    eye_shadow_strength: float
    facial_hair: str
    facial_hair_strength: float
    beard: Color
    hair_mesh: str | None
    tail_side: int  # of a ponytail or braid: -1 the viewer's left, 1 the right
    hair: Color
    brow_mesh: str
    brow: Color
    brow_strength: float
    brow_thickness: str
    brow_height: float  # of the drawn brow, as a share of the pack's
    lash_strength: float
    iris: str
    iris_tint: Color
    shirt: str
    clothes: Color
    lights: Lights
    camera: Camera
    backdrop: Backdrop


def _jitter(rng: np.random.Generator, color: Color, spread: float, hue: float = 0.04) -> Color:
    """Brightness varies by exp(+-spread), each channel by exp(+-hue)."""
    gain = math.exp(rng.uniform(-spread, spread))
    return tuple(float(c * gain * math.exp(rng.uniform(-hue, hue))) for c in color)


def looks_of(attributes: FaceAttributes, seed: int) -> Looks:
    """The looks of a face: pure function of attributes and seed."""
    skin_rng, hair_rng, paint = (stream(seed, n) for n in ("skin", "hair", "paint"))
    # The pack's one middle-aged woman has a man's pores: until old age, young skin with lines.
    youthful = {"woman": ("young", "middle-aged"), "man": ("young",)}[attributes["gender"]]
    is_smooth = attributes["age"] in youthful
    skins = SKINS[f"{'young' if is_smooth else 'older'} {attributes['gender']}"]
    hair = _jitter(hair_rng, HAIR_COLORS[attributes["hair_color"]], 0.2)
    meshes = HAIR_MESHES[attributes["hair_style"]]
    brow_rng = stream(seed, "brow")
    brow_styles = BROW_STYLES[attributes["brow_thickness"]]
    iris_options = _IRIS[attributes["eye_color"]]
    iris, iris_tint = iris_options[int(stream(seed, "iris").integers(len(iris_options)))]
    age, years = attributes["age"], attributes["age_years"]
    tone = float(skin_rng.uniform(*TONES[attributes["skin_tone_monk"]]))
    is_woman = attributes["gender"] == "woman"
    ageing = stream(seed, "ageing")
    has_lipstick = attributes["lipstick"] != "none"
    has_shadow = attributes["eye_shadow"] == "yes"
    return Looks(
        skin=skins[int(skin_rng.integers(len(skins)))],
        tone=tone,
        tone_shift=_jitter(skin_rng, (1.0, 1.0, 1.0), 0.02, 0.025),
        age_lines=float(skin_rng.uniform(*_AGE_LINES[years])) * (0.8 if is_woman else 1.2),
        # Folds show less on dark skin, and a man's age shows in his lines as well.
        age_folds=float(ageing.uniform(*_AGE_FOLDS[years]))
        * (1.0 + 0.4 * max(tone, 0.0))
        * (1.0 if is_woman else 0.85),
        age_spots=float(ageing.uniform(*_AGE_SPOTS[years])),
        smoothness=float(ageing.uniform(*_SMOOTHNESS[attributes["gender"]])) * (age != "old"),
        lip_red=float(ageing.uniform(*_LIP_RED[attributes["gender"]]))
        * {"young": 1.0, "middle-aged": 0.95, "old": 0.8}[age],
        lid_shade=float(ageing.uniform(*_LID_SHADE[attributes["gender"]]))
        * (0.85 if age == "old" else 1.0),
        # Pale stubble shows less than dark, and as ashes where the skin is dark.
        shaved=0.0
        if is_woman
        else float(ageing.uniform(0.6, 0.85))
        * {"grey": 0.3, "blond": 0.5}.get(attributes["hair_color"], 1.0),
        freckles=float(paint.uniform(1.0, 1.35)) if attributes["freckles"] == "yes" else 0.0,
        blush=float(paint.uniform(0.0, 0.35)) * (1.0 if is_woman else 0.4)
        + (0.5 if is_woman else 0.0)
        + (1.0 if attributes["blush"] == "yes" else 0.0),
        lipstick=_jitter(paint, _LIPSTICKS[attributes["lipstick"]], 0.12),
        lipstick_strength=float(paint.uniform(0.75, 0.92)) if has_lipstick else 0.0,
        eye_shadow=_jitter(paint, _SHADOWS[attributes["eye_shadow_color"]], 0.15),
        eye_shadow_strength=float(paint.uniform(0.65, 0.85)) if has_shadow else 0.0,
        facial_hair=attributes["facial_hair"],
        facial_hair_strength=float(paint.uniform(1.15, 1.35)),
        beard=_beard_color(hair, attributes),
        hair_mesh=meshes[int(hair_rng.integers(len(meshes)))] if meshes else None,
        tail_side=int(hair_rng.choice([-1, 1])),
        hair=hair,
        brow_mesh=brow_styles[int(brow_rng.integers(len(brow_styles)))],
        brow=_brow_color(hair, attributes),
        brow_strength={"thin": 0.85, "average": 1.0, "thick": 1.15}[attributes["brow_thickness"]]
        * (0.85 if is_woman else 1.3),
        brow_thickness=attributes["brow_thickness"],
        brow_height=float(ageing.uniform(0.6, 0.75)) if is_woman else 1.0,
        lash_strength=4.5 if is_woman else 0.35,
        iris=iris,
        iris_tint=iris_tint,
        shirt="male_casualsuit06"
        if stream(seed, "shirt").random() < 0.6
        else "female_casualsuit01",
        clothes=_jitter(stream(seed, "clothes"), _CLOTHES[attributes["clothing_color"]], 0.12),
        lights=_lights(attributes, stream(seed, "light")),
        camera=_camera(stream(seed, "camera")),
        backdrop=_backdrop(attributes, stream(seed, "background")),
    )


_SHADOWS: Mapping[str, Color] = {
    "blue": (0.05, 0.10, 0.42),
    "purple": (0.22, 0.04, 0.24),
    "green": (0.03, 0.19, 0.08),
    "grey": (0.06, 0.055, 0.055),
}


def _brow_color(hair: Color, attributes: FaceAttributes) -> Color:
    """A little darker than the hair, much darker for blond and grey heads, greyer with age."""
    gain = {"blond": 0.4, "grey": 0.45, "red": 0.6}.get(attributes["hair_color"], 0.8)
    greying = {"young": 0.0, "middle-aged": 0.2, "old": 0.75}[attributes["age"]]
    return tuple((1 - greying) * min(c * gain, 0.2) + greying * 0.17 for c in hair)


def _beard_color(hair: Color, attributes: FaceAttributes) -> Color:
    """The colour of the hair, darker where it would vanish on skin of much the same colour."""
    is_near = attributes["skin_tone"] in ("brown", "dark") and attributes["hair_color"] == "brown"
    gain = 0.3 if is_near else 0.8
    return tuple(c * gain + 0.006 for c in hair)


def _direction(azimuth: float, elevation: float) -> Color:
    """Unit vector; azimuth in degrees to the viewer's right, 0 = from the camera."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return (math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e))


def _lights(attributes: FaceAttributes, rng: np.random.Generator) -> Lights:
    side = {"front": 0, "left": -1, "right": 1}[attributes["light"]]
    exposure = _EXPOSURE[attributes["skin_tone_monk"]]
    azimuth = side * rng.uniform(52, 70) if side else rng.uniform(-16, 16)
    elevation = rng.uniform(18, 34) if side else rng.uniform(24, 42)
    if attributes["light_height"] == "below":
        elevation = -elevation
    color = np.array(_LIGHT_COLORS[attributes["light_color"]])
    color = color * np.exp(rng.uniform(-0.03, 0.03, 3))
    strength = exposure * (rng.uniform(1.9, 2.2) if side else rng.uniform(1.55, 1.8))
    fill = exposure * (rng.uniform(0.28, 0.38) if side else rng.uniform(0.2, 0.32))
    rim_side = -side if side else rng.choice([-1, 1])
    ambient = exposure * (0.27 if side else 0.34) * rng.uniform(0.9, 1.1)
    mild = 0.5 + 0.5 * color  # the room is less coloured than the lamp
    return Lights(
        key_direction=_direction(azimuth, elevation),
        key=tuple(float(c) for c in strength * color),
        fill_direction=_direction(-side * 40 if side else -math.copysign(35, azimuth), 8),
        fill=tuple(float(c) for c in fill * mild),
        rim_direction=_direction(rim_side * rng.uniform(135, 155), rng.uniform(15, 35)),
        rim=tuple(float(c) for c in rng.uniform(0.3, 1.0) * mild),
        ambient=tuple(float(c) for c in ambient * mild),
        softness=float(rng.uniform(0.005, 0.013)),
    )


def _camera(rng: np.random.Generator) -> Camera:
    return Camera(
        distance=float(rng.uniform(9.5, 16.0)),
        face_height=float(rng.uniform(0.78, 0.87)),
        top=float(rng.uniform(0.03, 0.06)),
        shift=float(rng.uniform(-0.02, 0.02)),
        roll=math.radians(rng.uniform(-4, 4)),
    )


def _backdrop(attributes: FaceAttributes, rng: np.random.Generator) -> Backdrop:
    base = np.array(_BACKGROUNDS[attributes["background"]])
    spread = 0.03 if attributes["background"] in ("white", "black") else 0.1
    base = np.clip(base * math.exp(rng.uniform(-spread, spread)), 0, 1)
    contrast = rng.uniform(0.05, 0.22)
    # Depth must not take white, black or the colour away.
    depth = 0.4 if attributes["background"] in ("white", "black") else 1.0
    place = ("wall", "room", "open air")[int(rng.choice(3, p=(0.3, 0.35, 0.35)))]
    boxes = _furniture(rng, depth) if place == "room" else ()
    spots = []
    most = {"wall": 1, "room": 5, "open air": 16}[place]
    for _ in range(int(rng.integers(0, most + 1))):
        x, y, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.14)
        spots.append((x, y, radius, depth * rng.uniform(-0.07, 0.1)))
    rise = float(rng.uniform(0.05, 0.22))
    is_plain = attributes["background_pattern"] == "plain"  # papered walls show nothing else
    return Backdrop(
        inner=tuple(float(c) for c in np.clip(base * (1 + contrast), 0, 1)),
        outer=tuple(float(c) for c in np.clip(base * (1 - contrast), 0, 1)),
        centre=(float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.3, 0.8))),
        spots=tuple(spots) if is_plain else (),
        rise=depth * rise if place == "open air" and is_plain else 0.0,
        boxes=boxes if is_plain else (),
        blur=float(rng.uniform(0.02, 0.06)),
        pattern=attributes["background_pattern"],
    )


def _furniture(
    rng: np.random.Generator, depth: float
) -> tuple[tuple[float, float, float, float, float], ...]:
    """A floor or table below, a bright window or a dark shelf or two above."""
    boxes = [(-0.1, -0.1, 1.1, float(rng.uniform(0.15, 0.4)), -0.12 * depth)]
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(-0.2, 0.9), rng.uniform(0.3, 0.6)
        wide, high = rng.uniform(0.12, 0.4), rng.uniform(0.2, 0.6)
        brightness = depth * float(rng.choice([-0.1, 0.12])) * rng.uniform(0.5, 1.0)
        boxes.append(tuple(float(v) for v in (x, y, x + wide, y + high, brightness)))
    return tuple(boxes)
