"""Which image tokens show which part of a face: from landmarks or a drawn mask to a bool grid.

Knows no model. Landmarks are the usual 68 points (jaw 0-16, brows 17-26, nose 27-35, eyes 36-47,
mouth 48-67, each from the viewer's left to right), as shares (x, y) of the picture's sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

NUM_LANDMARKS = 68
FINE = 16  # raster points along one side of a token
ENOUGH = 0.2  # a token counts from this share of what the best token has of the region
BRIGHT = 128  # grey value from which a mask's pixel counts

Points = np.ndarray  # (n, 2) shares of width and height


class Face:
    """Landmarks (68, 2) with the directions and sizes that regions are made of."""

    def __init__(self, landmarks: Points) -> None:
        self.points = landmarks
        self.brow_line = landmarks[17:27].mean(0)
        chin = landmarks[8]
        rise = self.brow_line - chin
        self.height = float(np.hypot(*rise)) or 1e-6  # chin to brows
        self.up = rise / self.height
        self.right = np.array([-self.up[1], self.up[0]])  # the viewer's
        spread = (landmarks[:17] - chin) @ self.right
        self.left_side, self.right_side = float(spread.min()), float(spread.max())
        self.width = max(self.right_side - self.left_side, 0.5 * self.height)

    def at(self, across: float, above: float) -> Points:
        """The point `across` widths from the middle of the face, `above` heights over the chin."""
        middle = (self.left_side + self.right_side) / 2
        return (
            self.points[8]
            + (middle + across * self.width) * self.right
            + above * self.height * self.up
        )

    def oval(self, half_width: float, half_height: float, above: float, steps: int = 48) -> Points:
        """An ellipse around the point `above` heights over the chin."""
        turns = [2 * math.pi * i / steps for i in range(steps)]
        return np.array(
            [
                self.at(half_width * math.cos(turn), above + half_height * math.sin(turn))
                for turn in turns
            ]
        )


class Canvas:
    """A fine raster over the token grid on which shapes are added and taken away."""

    def __init__(self, grid: int) -> None:
        self.grid, self.side = grid, grid * FINE
        self.image = Image.new("1", (self.side, self.side))
        self.draw = ImageDraw.Draw(self.image)

    def _place(self, points: Points) -> list[tuple[float, float]]:
        return [(float(x) * self.side - 0.5, float(y) * self.side - 0.5) for x, y in points]

    def area(self, points: Points, *, margin: float = 0.0, value: int = 1) -> None:
        """Fill a polygon, grown by `margin` (a share of the picture)."""
        self.draw.polygon(self._place(points), fill=value)
        if margin > 0:
            self.stroke(np.concatenate([points, points[:1]]), width=2 * margin, value=value)

    def stroke(self, points: Points, *, width: float, value: int = 1) -> None:
        """A line with round ends."""
        thick, placed = max(1, round(width * self.side)), self._place(points)
        self.draw.line(placed, fill=value, width=thick, joint="curve")
        for x, y in placed:
            half = thick / 2
            self.draw.ellipse((x - half, y - half, x + half, y + half), fill=value)

    def shares(self) -> np.ndarray:
        """How much of each token is covered, (grid, grid) in 0..1."""
        cells = np.asarray(self.image).reshape(self.grid, FINE, self.grid, FINE)
        return cells.mean((1, 3))


def _skull(face: Face, canvas: Canvas, value: int = 1) -> None:
    """Jaw line, closed over the forehead."""
    top = face.oval(0.5, 0.62, 0.86)[:25]  # from the viewer's right over the top to the left
    canvas.area(np.concatenate([face.points[:17], top]), value=value)


def _eyes(face: Face, canvas: Canvas) -> None:
    for eye in (slice(36, 42), slice(42, 48)):
        canvas.area(face.points[eye], margin=0.05 * face.width)


def _brows(face: Face, canvas: Canvas) -> None:
    for brow in (slice(17, 22), slice(22, 27)):
        canvas.stroke(face.points[brow], width=0.09 * face.width)


def _nose(face: Face, canvas: Canvas) -> None:
    canvas.area(face.points[[27, *range(31, 36)]], margin=0.04 * face.width)


def _mouth(face: Face, canvas: Canvas) -> None:
    canvas.area(face.points[48:60], margin=0.04 * face.width)


def _chin(face: Face, canvas: Canvas) -> None:
    lip = face.points[[54, 57, 48]] - 0.1 * face.height * face.up
    canvas.area(np.concatenate([face.points[5:12], lip]))


def _cheeks(face: Face, canvas: Canvas) -> None:
    below = 0.08 * face.height * face.up
    for jaw, lids, nose, lips in (
        (range(1, 6), (40, 41, 36), 31, 48),
        (range(15, 10, -1), (47, 46, 45), 35, 54),
    ):
        lower_lid = face.points[list(lids)] - below
        canvas.area(np.concatenate([face.points[list(jaw)], face.points[[lips, nose]], lower_lid]))


def _ears(face: Face, canvas: Canvas) -> None:
    for side, jaw in ((-1, (0, 1, 2)), (1, (16, 15, 14))):
        inner = face.points[list(jaw)]
        outer = inner + side * 0.16 * face.width * face.right
        top = inner[:1] + 0.12 * face.height * face.up
        canvas.area(np.concatenate([top, inner, outer[::-1], outer[:1] + (top - inner[:1])]))


def _skin(face: Face, canvas: Canvas) -> None:
    _skull(face, canvas)


def _hair(face: Face, canvas: Canvas) -> None:
    """Where hair is or could be: around the head and down its sides, the face itself left out."""
    canvas.area(face.oval(0.82, 0.95, 0.95))
    sides = [face.at(x, y) for x, y in ((-0.82, 0.95), (0.82, 0.95), (0.82, -0.3), (-0.82, -0.3))]
    canvas.area(np.array(sides))
    _skull(face, canvas, value=0)
    neck = [face.at(x, y) for x, y in ((-0.42, 0.4), (0.42, 0.4), (0.42, -0.5), (-0.42, -0.5))]
    canvas.area(np.array(neck), value=0)


def _background(face: Face, canvas: Canvas) -> None:
    """Beside and above head, hair and shoulders."""
    canvas.area(np.array([(0, 0), (1, 0), (1, 1), (0, 1)]))
    canvas.area(face.oval(0.75, 0.92, 0.9), value=0)
    half = [(0.65, 0.8), (0.7, -0.1), (1.6, -0.6), (1.6, -9)]
    body = half + [(-across, above) for across, above in reversed(half)]
    canvas.area(np.array([face.at(x, y) for x, y in body]), value=0)


REGIONS: dict[str, Callable[[Face, Canvas], None]] = {
    "hair": _hair,
    "brows": _brows,
    "eyes": _eyes,
    "nose": _nose,
    "mouth": _mouth,
    "chin": _chin,
    "cheeks": _cheeks,
    "ears": _ears,
    "skin": _skin,
    "face": _skin,
    "background": _background,
}


def check_region(name: str) -> None:
    """ValueError, naming the known ones, for an unknown region."""
    if name not in list(REGIONS):
        raise ValueError(f"unknown region {name!r}; known: {', '.join(REGIONS)}")


def region_tokens(name: str, landmarks: Points | Sequence, grid: int) -> np.ndarray:
    """The tokens (grid, grid) that show a region; none if it lies outside the picture.

    landmarks: (68, 2), shares of the picture's width and height.
    Raises: ValueError for an unknown region or landmarks of another shape.
    """
    check_region(name)
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (NUM_LANDMARKS, 2):
        raise ValueError(f"landmarks must have shape (68, 2), got {points.shape}")
    canvas = Canvas(grid)
    REGIONS[name](Face(points), canvas)
    shares = canvas.shares()
    return (shares > 0) & (shares >= ENOUGH * shares.max())


def surrounded(painted: Image.Image, original: Image.Image, is_open: np.ndarray) -> Image.Image:
    """The original, with the tokens that are open (grid, grid) as they were painted.

    Our choice: what is painted fades out over one token's width beside them, since codes there are
    decoded anew to meet it; beyond that every pixel is the original's. Both are RGB squares of one
    size that is a multiple of the grid.
    """
    token = painted.width // len(is_open)
    weight = Image.fromarray(is_open).convert("L")
    weight = weight.resize(painted.size, Image.Resampling.NEAREST)
    weight = weight.filter(ImageFilter.MaxFilter(token + 1))  # half a token wider
    weight = weight.filter(ImageFilter.BoxBlur(token // 2))
    return Image.composite(painted, original, weight)


def touched_tokens(mask: Image.Image, picture_size: tuple[int, int], grid: int) -> np.ndarray:
    """The tokens (grid, grid) of a picture's centre square that a drawn mask touches.

    mask: mode "1" or "L" of any size, laid over the whole picture; pixels from grey 128 on count.
    picture_size: (width, height) of the picture, in pixels.
    Raises: ValueError for another mode.
    """
    if mask.mode not in ("1", "L"):
        raise ValueError(f"the mask must be a picture of mode '1' or 'L', got {mask.mode!r}")
    bright = np.asarray(mask.convert("L")) >= BRIGHT
    spans = []
    for length, pixels in zip(picture_size, mask.size, strict=True):
        square = min(picture_size)
        start = (length - square) // 2  # as the picture is cropped
        edges = [(start + square * i / grid) / length * pixels for i in range(grid + 1)]
        # outwards, but not by what rounding leaves
        low = [math.floor(edge + 1e-9) for edge in edges[:-1]]
        high = [math.ceil(edge - 1e-9) for edge in edges[1:]]
        spans.append([slice(a, b) for a, b in zip(low, high, strict=True)])
    columns, rows = spans
    return np.array([[bright[row, column].any() for column in columns] for row in rows])
