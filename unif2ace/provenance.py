"""Where a picture comes from: marks generated pictures and reads both marks back.

The visible mark is PNG metadata: IPTC's digital source type in XMP, and the settings as JSON. The
invisible mark is a keyed pattern in the low frequencies of the brightness, found again without
the original (spread spectrum, Cox et al., IEEE Trans. Image Processing 6(12), 1997). It says
"painted by this program" and carries no message; whoever knows this file can remove or forge it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image, PngImagePlugin

from unif2ace.images import open_upload, read_upload

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SETTINGS_KEY = "unif2ace"
XMP_KEY = "XML:com.adobe.xmp"
MAX_SETTINGS_CHARS = 20_000

KEY = b"unif2ace provenance 1"
SIDE = 128  # every picture is looked at in this size, so a resize changes little
BAND = (12.0, 60.0)  # radial DCT index at SIDE: above the outline, below what JPEG 80 drops
THRESHOLD = 5.5  # in standard deviations of unmarked pictures
WHOLE = 8.0  # score below which a part of a marked picture may be from elsewhere
TARGET = 9.0  # score that a fresh mark keeps after JPEG 80 and a 75 % resize
MIN_PSNR_DB = 40.2
_REACHES = np.arange(0.0, 60.0, 2.0)  # DCT units
MARGIN = 8.0  # DCT units; JPEG 80 moves a coefficient of the band by about half of it
SOFTNESS = 0.15  # of a ring of coefficients' mean size; smaller is nearer to the sign


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a picture tells of its origin. `score` is in standard deviations of unmarked pictures;
    `settings` and `source_type` are read from metadata, which anybody can write or remove."""

    score: float
    source_type: str | None
    settings: Mapping[str, str | int | float] | None

    @property
    def has_invisible_mark(self) -> bool:
        return self.score >= THRESHOLD

    @property
    def is_generated(self) -> bool:
        """By this program, which the invisible mark alone tells: the label is that of every AI."""
        return self.has_invisible_mark

    @property
    def is_whole(self) -> bool:
        """Whether no large part was pasted in: of painted pictures with a photograph's face in the
        middle most keep a mark, but no strong one."""
        return self.score >= WHOLE


def mark(image: Image.Image, settings: Mapping[str, str | int | float]) -> bytes:
    """A PNG file of the picture with both marks; `settings` (JSON scalars) can be read back.

    Raises: ValueError if the settings are longer than MAX_SETTINGS_CHARS.
    """
    text = json.dumps(dict(settings), ensure_ascii=False)
    if len(text) > MAX_SETTINGS_CHARS:
        raise ValueError(f"settings must have at most {MAX_SETTINGS_CHARS} characters: {len(text)}")
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Software", "UniF2ace Space")
    info.add_itxt("Description", "Painted by a model. It shows nobody.")
    info.add_itxt(SETTINGS_KEY, text)
    info.add_itxt(XMP_KEY, _xmp())
    file = io.BytesIO()
    embed(image).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def verify(source: str | Path | bytes | Image.Image) -> Verification:
    """Both marks of a picture or file, as far as they are left.

    Raises: ValueError if the file is no readable picture (see `read_upload`).
    """
    opened = source if isinstance(source, Image.Image) else open_upload(source)
    metadata = dict(opened.info)
    return Verification(
        score=score(read_upload(opened)),
        source_type=_source_type(metadata),
        settings=_settings(metadata),
    )


def embed(image: Image.Image) -> Image.Image:
    """The RGB picture with the invisible mark, as weak as survival allows.

    Only coefficients that cost little to turn are moved: those whose distance to the wanted side
    is below a reach. The reach is the least whose score stays above TARGET after JPEG 80 and a
    75 % resize, unless that would leave less than MIN_PSNR_DB.
    """
    rgb = image.convert("RGB")
    pixels = np.asarray(rgb, dtype=np.float32)
    marked = rgb
    for reach in _REACHES:
        changed = np.clip(np.rint(pixels + _change(rgb, reach)[..., None]), 0, 255)
        if psnr(pixels, changed) < MIN_PSNR_DB:
            break
        marked = Image.fromarray(changed.astype(np.uint8))
        if score(_worn(marked)) >= TARGET:
            break
    return marked


def score(image: Image.Image) -> float:
    """Correlation with the keyed pattern in standard deviations: about N(0, 1) if unmarked."""
    signs, rings = _pattern()
    soft = _softened(_coefficients(_luma(image)), rings)
    return float((signs * soft).sum() / math.sqrt((soft**2).sum() + 1e-12))


def psnr(before: np.ndarray, after: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of 8-bit pictures; infinite if they are equal."""
    error = float(np.mean((before.astype(np.float64) - after.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def _worn(image: Image.Image) -> Image.Image:
    """The picture after a 75 % resize and JPEG 80, the wear that the mark is made for."""
    size = (max(1, image.width * 3 // 4), max(1, image.height * 3 // 4))
    file = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=80)
    return Image.open(file).convert("RGB")


def _luma(image: Image.Image) -> np.ndarray:
    gray = image.convert("RGB").convert("L")
    return np.asarray(gray.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float32)


@lru_cache
def _dct() -> np.ndarray:
    """Orthonormal DCT-II matrix (SIDE, SIDE)."""
    n = np.arange(SIDE)
    matrix = np.cos(np.pi * (n[None] + 0.5) * n[:, None] / SIDE) * math.sqrt(2 / SIDE)
    matrix[0] /= math.sqrt(2)
    return matrix


def _coefficients(luma: np.ndarray) -> np.ndarray:
    """The band's DCT coefficients, (n,)."""
    return (_dct() @ luma @ _dct().T)[_band()]


@lru_cache
def _band() -> np.ndarray:
    index = np.arange(SIDE)
    radius = np.hypot(index[:, None], index[None])
    return (radius >= BAND[0]) & (radius < BAND[1])


@lru_cache
def _pattern() -> tuple[np.ndarray, np.ndarray]:
    """Keyed signs (n,) in {-1, 1}, and the ring (whole radius) of each coefficient, (n,)."""
    index = np.arange(SIDE)
    rings = np.hypot(index[:, None], index[None])[_band()].astype(int)
    # A hash's output is the same in every library version, unlike a random generator's.
    bits = np.frombuffer(hashlib.shake_256(KEY).digest(len(rings)), dtype=np.uint8) & 1
    return bits.astype(np.float32) * 2 - 1, rings


def _softened(coefficients: np.ndarray, rings: np.ndarray) -> np.ndarray:
    """Almost the sign of each coefficient, in -1..1: no edge of the picture outvotes the rest."""
    scale = np.bincount(rings, np.abs(coefficients)) / np.maximum(np.bincount(rings), 1)
    return np.clip(coefficients / (SOFTNESS * scale[rings] + 1.0), -1, 1)


def _change(image: Image.Image, reach: float) -> np.ndarray:
    """What to add to each pixel's brightness, (H, W): moves every coefficient that lies less
    than `reach` on the wrong side of zero to MARGIN on the right side."""
    signs, _ = _pattern()
    right = signs * _coefficients(_luma(image))  # negative: on the wrong side
    grid = np.zeros((SIDE, SIDE))
    grid[_band()] = signs * np.where(right > -reach, np.maximum(MARGIN - right, 0), 0)
    change = Image.fromarray((_dct().T @ grid @ _dct()).astype(np.float32))
    return np.asarray(change.resize(image.size, Image.Resampling.BICUBIC))


def _xmp() -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about=""'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f" Iptc4xmpExt:DigitalSourceType={quoteattr(SOURCE_TYPE)}/>"
        "</rdf:RDF></x:xmpmeta>"
    )


def _source_type(metadata: Mapping[Any, Any]) -> str | None:
    """SOURCE_TYPE if the XMP names it (PNG or JPEG), else None."""
    xmp = metadata.get("xmp", metadata.get(XMP_KEY, b""))
    data = xmp.encode() if isinstance(xmp, str) else xmp
    return SOURCE_TYPE if isinstance(data, bytes) and SOURCE_TYPE.encode() in data else None


def _settings(metadata: Mapping[Any, Any]) -> Mapping[str, str | int | float] | None:
    """The settings, if they are what `mark` writes: a flat JSON object of scalars."""
    text = metadata.get(SETTINGS_KEY)
    if not isinstance(text, str) or len(text) > MAX_SETTINGS_CHARS:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, which no answer can hold
        return None
    return {
        k: v
        for k, v in found.items()
        if isinstance(v, (str, float)) or (isinstance(v, int) and abs(v) < 2**63)
    }
