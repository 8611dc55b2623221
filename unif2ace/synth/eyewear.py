"""Glasses and sunglasses that sit on the nose and the ears of any head.

The lens plane is pushed out until no part of the brows, lids or cheeks reaches it, so a frame
fits every identity and expression. Knows no hair, no hats and no renderer.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unif2ace.synth.assets import base_mesh
from unif2ace.synth.mesh import Head, Ints, Part
from unif2ace.synth.solids import Solid, disc, join, spline, tube

Color = tuple[float, float, float]

_CLEARANCE = 0.035  # decimetres between skin and lens
_RIM_POINTS = 40


@dataclass(frozen=True, kw_only=True)
class Lens:
    """The outline of the person's left lens about its centre: a bent superellipse."""

    width: float  # decimetres, as all lengths
    height: float
    power: float  # 2 = ellipse, large = rectangle
    taper: float  # how much wider the top is than the bottom, as a share
    lift: float  # height of the outer side over the inner side
    gap: float  # between the two lenses, at the nose

    def outline(self) -> NDArray[np.float64]:
        """Points (N, 2) about the centre, counter-clockwise for the viewer, x to the outside."""
        angle = np.arange(_RIM_POINTS) / _RIM_POINTS * 2 * np.pi
        cos, sin = np.cos(angle), np.sin(angle)
        x = np.sign(cos) * np.abs(cos) ** (2 / self.power)
        y = np.sign(sin) * np.abs(sin) ** (2 / self.power)
        # Even steps along the outline: a superellipse crowds its corners.
        x, y = _even(np.stack([x * self.width / 2, y * self.height / 2], axis=1)).T
        up = y / (self.height / 2)
        x = x * (1 + self.taper * up)
        return np.stack([x, y + self.lift * x / self.width], axis=1)


def _even(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Closed outline (N, 2) sampled anew at even distances, the first point kept."""
    closed = np.concatenate([points, points[:1]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    wanted = np.arange(len(points)) / len(points) * along[-1]
    return np.stack([np.interp(wanted, along, closed[:, i]) for i in range(2)], axis=1)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A style of eyewear."""

    lens: Lens
    rim: float  # thickness of the rim as seen from the front
    color: Color  # linear
    specular: float
    gloss: float
    has_pads: bool


_METALS: Mapping[str, Color] = {
    "black": (0.012, 0.012, 0.013),
    "silver": (0.48, 0.48, 0.50),
    "gold": (0.66, 0.42, 0.12),
}
_PLASTICS: Mapping[str, Color] = {
    "black": (0.008, 0.008, 0.009),
    "brown": (0.085, 0.030, 0.010),
    "red": (0.30, 0.010, 0.016),
    "blue": (0.015, 0.040, 0.26),
}


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _lens(style: str, rng: np.random.Generator) -> Lens:
    """A lens of `round`, `rectangular` or `sunglasses`, sizes jittered."""
    if style == "round":
        size = _between(rng, 0.43, 0.52)
        return Lens(width=size, height=size * _between(rng, 0.93, 1.0), power=2.05, taper=0.0,
                    lift=0.0, gap=_between(rng, 0.17, 0.21))  # fmt: skip
    if style == "rectangular":
        return Lens(width=_between(rng, 0.50, 0.57), height=_between(rng, 0.27, 0.34),
                    power=_between(rng, 5.0, 8.0), taper=_between(rng, 0.0, 0.05),
                    lift=_between(rng, 0.0, 0.025), gap=_between(rng, 0.15, 0.19))  # fmt: skip
    shape = ("square", "aviator", "round", "cat")[int(rng.integers(4))]
    gap = _between(rng, 0.12, 0.16)
    if shape == "square":
        return Lens(width=_between(rng, 0.54, 0.60), height=_between(rng, 0.42, 0.47), power=3.6,
                    taper=0.08, lift=0.02, gap=gap)  # fmt: skip
    if shape == "aviator":
        return Lens(width=_between(rng, 0.56, 0.62), height=_between(rng, 0.47, 0.52), power=2.5,
                    taper=0.12, lift=-0.05, gap=gap)  # fmt: skip
    if shape == "cat":
        return Lens(width=_between(rng, 0.56, 0.61), height=_between(rng, 0.38, 0.43), power=2.7,
                    taper=0.10, lift=0.10, gap=gap)  # fmt: skip
    size = _between(rng, 0.50, 0.56)
    return Lens(width=size, height=size, power=2.0, taper=0.0, lift=0.0, gap=gap)


def _frame(style: str, color: str, rng: np.random.Generator) -> Frame:
    lens = _lens(style, rng)
    is_metal = rng.random() < {"round": 0.6, "rectangular": 0.35, "sunglasses": 0.3}[style]
    is_metal = color not in _PLASTICS or (is_metal and color in _METALS)
    return Frame(
        lens=lens,
        rim=_between(rng, 0.026, 0.036) if is_metal else _between(rng, 0.040, 0.062),
        color=(_METALS if is_metal else _PLASTICS)[color],
        specular=0.55 if is_metal else 0.35,
        gloss=45.0 if is_metal else 60.0,
        has_pads=is_metal,
    )


@functools.cache
def _face_front() -> tuple[Ints, Ints]:
    """Vertices that a lens may touch, and those of the nose's ridge from below to above."""
    mesh = base_mesh()
    body = mesh.group_vertices("body")
    x, y, z = mesh.vertices[body].T
    near = (np.abs(x) > 0.06) & (np.abs(x) < 0.72) & (y > 6.7) & (y < 7.75) & (z > 0.8)
    ridge = body[(np.abs(x) < 1e-3) & (y > 6.95) & (y < 7.75) & (z > 1.3)]
    return body[near], ridge[np.argsort(mesh.vertices[ridge, 1])]


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """Where a frame sits: lens centre (x of the left one), height and depth; bow of the front."""

    middle: float
    offset: float
    height: float
    depth: float
    bow: float

    def depth_at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """z of the front at distance x from the middle: it bends back to the sides."""
        return self.depth - self.bow * x * x


def _fit(head: Head, lens: Lens, rng: np.random.Generator) -> _Fit:
    """Centre the lenses on the pupils and find the least depth that clears the skin."""
    left, right = head.anchors["pupil_l"], head.anchors["pupil_r"]
    middle, bow = float(left[0] + right[0]) / 2, _between(rng, 0.22, 0.30)
    height = float(left[1] + right[1]) / 2 - 0.10 * lens.height + _between(rng, -0.01, 0.015)
    offset = (lens.width + lens.gap) / 2
    near, _ = _face_front()
    x, y, z = head.vertices[near].T
    x = np.abs(x - middle)
    reach = lens.width / 2 + 0.02, lens.height / 2 + 0.02
    is_behind = (np.abs(x - offset) < reach[0]) & (np.abs(y - height) < reach[1])
    # The flanks of the nose pass between the lenses; only what lies well behind one counts.
    is_behind &= x > lens.gap / 2 + 0.05
    skin = float((z + bow * x * x)[is_behind].max()) if is_behind.any() else -np.inf
    eyes = float(left[2] + right[2]) / 2
    depth = np.clip(skin + _CLEARANCE, eyes + 0.12, eyes + 0.30)
    return _Fit(middle=middle, offset=offset, height=height, depth=float(depth), bow=bow)


def _mirrored(solid: Solid, middle: float) -> Solid:
    flip = np.array([-1, 1, 1], np.float32)
    return Solid(
        positions=solid.positions * flip + np.array([2 * middle, 0, 0], np.float32),
        normals=solid.normals * flip,
        uv=solid.uv,
        faces=solid.faces[:, ::-1],
    )


def _rim_path(fit: _Fit, lens: Lens) -> NDArray[np.float64]:
    """Left rim (N, 3)."""
    outline = lens.outline()
    x = outline[:, 0] + fit.offset
    return np.stack([x + fit.middle, outline[:, 1] + fit.height, fit.depth_at(x)], axis=1)


def _bridge(head: Head, fit: _Fit, frame: Frame, rim: NDArray[np.float64]) -> Solid:
    """From rim to rim over the ridge of the nose."""
    upper = rim[rim[:, 1] > fit.height + 0.05 * frame.lens.height]
    start = upper[upper[:, 0].argmin()]
    _, ridge = _face_front()
    points = head.vertices[ridge]
    top = start[1] + 0.05
    nose = float(np.interp(top, points[:, 1], points[:, 2]))
    depth = max(nose + 0.5 * frame.rim + 0.012, float(start[2]))
    arch = np.array(
        [
            fit.middle + 0.45 * (start[0] - fit.middle),
            0.3 * start[1] + 0.7 * top,
            0.25 * start[2] + 0.75 * depth,
        ]
    )
    flip, shift = np.array([-1, 1, 1]), np.array([2 * fit.middle, 0, 0])
    knots = [start, arch, np.array([fit.middle, top, depth]), arch * flip + shift]
    knots.append(start * flip + shift)
    path = spline(knots, 4)
    return tube(
        path, up=(0, 1, 0), thickness=(1.1 * frame.rim, frame.rim), is_closed=False, sides=6
    )


def _temple(head: Head, fit: _Fit, frame: Frame, rim: NDArray[np.float64]) -> Solid:
    """Left arm: hinge at the rim's outer side, past the temple, over the ear, and down behind."""
    upper = rim[rim[:, 1] > fit.height + 0.12 * frame.lens.height]
    hinge = upper[upper[:, 0].argmax()]
    ear, temple = head.anchors["ear_top_l"], head.anchors["temple_l"]
    half = 0.5 * frame.rim
    side = max(float(temple[0]) + 0.025, float(hinge[0])) + half
    over = np.array([ear[0] + 0.02 + half, ear[1] + 0.03, ear[2] + 0.02])
    share = (hinge[2] - temple[2]) / max(hinge[2] - ear[2], 1e-6)
    knots = [
        hinge,
        (hinge[0] + 0.45 * max(side - hinge[0], 0.0) + half, hinge[1], hinge[2] - 0.07),
        (side, hinge[1] + share * (over[1] - hinge[1]), temple[2]),
        over,
        over - np.array([0.045, 0.13, 0.16]),
    ]
    path = spline(knots, 5)
    height = max(1.1 * frame.rim, 0.035)
    return tube(
        path, up=(0, 1, 0), thickness=(height, 0.7 * frame.rim + 0.008), is_closed=False, sides=6
    )


def _pad(fit: _Fit, frame: Frame, rim: NDArray[np.float64]) -> Solid:
    """Left nose pad on a short arm behind the rim."""
    lower = rim[np.abs(rim[:, 1] - fit.height + 0.12 * frame.lens.height).argsort()[:6]]
    start = lower[lower[:, 0].argmin()]
    path = start + np.array([(0, 0, 0), (-0.012, -0.01, -0.04), (-0.022, -0.05, -0.05)])
    return tube(path, up=(0, 0, 1), thickness=(0.016, 0.03), is_closed=False, sides=5)


@functools.cache
def _reflection() -> NDArray[np.uint8]:
    """Two slanted streaks of sky on a clear lens: (64, 64, 4), mostly transparent."""
    u, v = np.meshgrid((np.arange(64) + 0.5) / 64, 1 - (np.arange(64) + 0.5) / 64)
    slant = u - 0.55 * v
    streak = np.exp(-(((slant - 0.02) / 0.09) ** 2)) + 0.6 * np.exp(-(((slant - 0.24) / 0.03) ** 2))
    streak = streak * np.clip(1.6 * v - 0.2, 0, 1)
    rgba = np.full((64, 64, 4), 255, np.uint8)
    rgba[..., 3] = (np.clip(0.18 + 0.8 * streak, 0, 1) * 255).round()
    rgba.setflags(write=False)
    return rgba


@functools.cache
def _shade(fade: float) -> NDArray[np.uint8]:
    """Dark glass, `fade` lighter and clearer at its lower edge: (64, 8, 4)."""
    v = 1 - (np.arange(64) + 0.5) / 64
    light = np.clip(1 - v, 0, 1) ** 1.5 * fade
    sky = np.exp(-(((v - 0.86) / 0.10) ** 2))  # the sky mirrors near the upper edge
    rgba = np.zeros((64, 8, 4))
    rgba[..., :3] = (0.62 + 0.35 * sky + 0.2 * light)[:, None, None].clip(0, 1)
    rgba[..., 3] = (1 - 0.22 * light)[:, None]
    picture = (rgba * 255).round().astype(np.uint8)
    picture.setflags(write=False)
    return picture


_TINTS: tuple[Color, ...] = (
    (0.012, 0.012, 0.014),
    (0.030, 0.017, 0.010),
    (0.012, 0.020, 0.014),
    (0.012, 0.016, 0.030),
)


def eyewear(style: str, color: str, head: Head, rng: np.random.Generator) -> list[Part]:
    """Frame of a color, and lenses: `style` is round, rectangular or sunglasses.

    Raises ValueError for another style.
    """
    if style not in ("round", "rectangular", "sunglasses"):
        raise ValueError(f"unknown eyewear {style!r}; known: round, rectangular, sunglasses")
    frame = _frame(style, color, rng)
    fit = _fit(head, frame.lens, rng)
    rim = _rim_path(fit, frame.lens)
    ring = tube(rim, up=(0, 0, 1), thickness=(0.9 * frame.rim, frame.rim), is_closed=True)
    halves = [ring, _temple(head, fit, frame, rim)]
    if frame.has_pads:
        halves.append(_pad(fit, frame, rim))
    half = join(halves)
    body = join([half, _mirrored(half, fit.middle), _bridge(head, fit, frame, rim)])
    pane = disc(rim.astype(np.float32), 0.35)
    glass = join([pane, _mirrored(pane, fit.middle)])
    return [
        body.part(
            "glasses",
            color=frame.color,
            specular=frame.specular,
            gloss=frame.gloss,
        ),
        _glass(style, glass, rng),
    ]


def _glass(style: str, glass: Solid, rng: np.random.Generator) -> Part:
    is_dark = style == "sunglasses"
    tint = _TINTS[int(rng.integers(len(_TINTS)))]
    fade = (0.0, 1.0)[int(rng.integers(2))]
    alpha = _between(rng, 0.93, 0.99) if is_dark else _between(rng, 0.10, 0.20)
    return glass.part(
        "lens",
        texture=_shade(fade) if is_dark else _reflection(),
        color=tint if is_dark else (0.75, 0.80, 0.85),
        alpha=alpha,
        specular=0.35 if is_dark else 0.25,
        gloss=40.0,
        mode="glass",
        casts_shadow=False,
    )
