"""Skin textures and the uniforms that tint, age and paint them; everything stays on the GPU.

Tone and age formulas were found by rendering and looking: a light skin is mapped onto the tone
scale by its median, and wrinkles are the fine log detail of an old skin over a young one.
"""

from __future__ import annotations

import functools
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from unif2ace.synth.assets import AGE_SKINS, TexturePack
from unif2ace.synth.looks import Looks
from unif2ace.synth.marks import mark_masks
from unif2ace.synth.masks import skin_masks
from unif2ace.synth.relief import relief
from unif2ace.synth.shading import Painter

MASK_SIZE = 1024
LIGHT_MEDIAN = np.array([228, 178, 151]) / 255  # of the light skins of the pack, sRGB
DARK_MEDIAN = np.array([86, 55, 38]) / 255
DETAIL_RANGE = 0.7  # log detail that one end of the byte scale stands for; see SKIN_FRAGMENT
_FACE_ROWS, _FACE_COLUMNS = slice(904, 1200), slice(1632, 1900)  # front of the face, of 2048
_BEARDS = ("full beard", "goatee", "moustache", "stubble")  # channels of u_beard


_masks = functools.cache(skin_masks)  # the same for every renderer of a process
_relief = functools.cache(relief)
_mark_masks = functools.cache(mark_masks)


def tone_median(tone: float) -> NDArray[np.float64]:
    """Median sRGB colour (3,) of a face at `tone`: 0 = light skins as they are, 1 = dark."""
    return LIGHT_MEDIAN ** (1 - tone) * DARK_MEDIAN**tone


def tone_gamma(tone: float) -> float:
    """Exponent of the contrast around the median; darker skins need a little more."""
    return 1 + 0.2 * max(tone, 0.0)


class SkinTextures:
    """Uploads skins on first use; holds the static paint masks."""

    def __init__(self, painter: Painter, pack: TexturePack | None) -> None:
        self._painter, self._pack = painter, pack
        self._skins: dict[str, tuple[moderngl.Texture, NDArray[np.float64]]] = {}
        masks = _masks(MASK_SIZE)
        self._paint = painter.texture(
            np.stack([masks[n] for n in ("lips", "eye_shadow", "blush", "freckles")], axis=-1)
        )
        self._beard = painter.texture(
            np.stack([masks[n.replace(" ", "_")] for n in _BEARDS], axis=-1)
        )
        self._marks = painter.texture(_mark_masks(MASK_SIZE))
        self._age = painter.texture(_age_maps(pack, masks["age_lines"]))
        self._plain = _plain_skin(masks["lips"])

    def textures(self, looks: Looks) -> dict[str, moderngl.Texture]:
        """Textures by sampler name."""
        return {
            "u_texture": self._skin(looks.skin)[0],
            "u_age": self._age,
            "u_paint": self._paint,
            "u_beard": self._beard,
            "u_marks": self._marks,
        }

    def uniforms(self, looks: Looks) -> dict[str, Any]:
        """What tints and paints the skin of one face."""
        strength = looks.facial_hair_strength
        beard = [strength * (looks.facial_hair == name) for name in _BEARDS]
        beard[_BEARDS.index("stubble")] += looks.shaved
        median = np.clip(tone_median(looks.tone) * np.array(looks.tone_shift), 0, 0.97)
        return {
            "u_skin_median": tuple(self._skin(looks.skin)[1]),
            "u_tone_median": tuple(median),
            "u_tone_gamma": tone_gamma(looks.tone),
            "u_ageing": (looks.age_lines, looks.age_folds, looks.age_spots),
            "u_smooth": looks.smoothness,
            "u_lip_red": looks.lip_red,
            "u_lid_shade": looks.lid_shade,
            "u_lipstick": (*looks.lipstick, looks.lipstick_strength),
            "u_eye_shadow": (*looks.eye_shadow, looks.eye_shadow_strength),
            "u_blush": looks.blush,
            "u_freckles": looks.freckles,
            "u_beard_weights": tuple(beard),
            "u_hair": looks.beard,
        }

    def _skin(self, name: str) -> tuple[moderngl.Texture, NDArray[np.float64]]:
        if self._pack is None:
            name = "plain"
        if name not in self._skins:
            picture = (
                self._pack.picture(f"skins/textures/{name}.png") if self._pack else self._plain
            )
            scale = 2048 // picture.shape[0]
            rows, columns = (
                slice(s.start // scale, s.stop // scale) for s in (_FACE_ROWS, _FACE_COLUMNS)
            )
            median = np.median(picture[rows, columns, :3].reshape(-1, 3), axis=0) / 255
            self._skins[name] = self._painter.texture(picture), median
        return self._skins[name]


def _age_maps(pack: TexturePack | None, lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fine detail of old skin, wrinkles with folds, spots, and how open to the sky (S, S, 4)."""
    found = _relief(MASK_SIZE)
    # From near an old face is its lines, from afar its broad shades.
    folds = (lines - 128.0) + 0.95 * (found["sagging"] - 128.0)
    folds = np.clip(128 + folds, 0, 255).round().astype(np.uint8)
    fine = _age_detail(pack) if pack else np.full_like(lines, 128)
    return np.stack([fine, folds, found["spots"], found["occlusion"]], axis=-1)


def _age_detail(pack: TexturePack) -> NDArray[np.uint8]:
    """Wrinkles and spots as signed log detail (1024, 1024), 128 = none, from two dark skins."""

    def fine(name: str) -> NDArray[np.float32]:
        rgb = pack.picture(f"skins/textures/{name}.png")[..., :3].astype(np.float32) / 255
        log = np.log(np.maximum(rgb, 0.004)).mean(axis=-1)
        return log - gaussian_filter(log, 12.0)  # 24 px of the full 2048 px atlas

    young, old = (fine(name) for name in AGE_SKINS)
    detail = gaussian_filter(old - young, 0.5)
    detail = np.where(detail < 0, detail, 0.4 * np.minimum(detail, 0.15))
    return np.clip(128 + 127 * detail / DETAIL_RANGE, 0, 255).round().astype(np.uint8)


def _plain_skin(lips: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A skin for use without the pack: one colour, faint mottling, redder lips."""
    size = len(lips)
    noise = np.random.default_rng(0).normal(size=(size, size))
    mottling = sum(s * gaussian_filter(noise, s) for s in (1.0, 4.0, 12.0))  # equal power each
    skin = LIGHT_MEDIAN * np.exp(0.012 * mottling[..., None] * np.array([0.7, 1.0, 1.1]))
    red = (lips / 255.0)[..., None]
    skin = skin * (1 - red * np.array([0.12, 0.38, 0.34]))
    alpha = np.ones((size, size, 1))
    return (np.concatenate([np.clip(skin, 0, 1), alpha], axis=-1) * 255).round().astype(np.uint8)
