"""Which experts a face was given to: the record of one pass, and a picture of it over the face.

Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PANEL = 192  # pixels of one layer's face, at least
COLUMNS = 4  # layers side by side
GAP, TITLE, LEGEND = 12, 40, 36
VEIL = 0.65  # opacity of an expert's colour
COLORS = (  # told apart by most colour-blind people (Okabe and Ito); the number is shown as well
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (0, 114, 178), (213, 94, 0), (204, 121, 167), (150, 150, 150),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FaceRouting:
    """What the routers decided about one face, layer by layer (A layers, E experts, k chosen).

    Attributes:
        group: "understanding" or "generation".
        num_experts: routed experts of the token level.
        token_experts: (A, grid, grid, k) int, the strongest first; the shared expert is not named.
        token_weights: (A, grid, grid, k), of 0..1, summing to 1.
        sequence_kinds: what the experts of the sequence level are.
        sequence_probs: (A, E) the router's softmax over them.
        sequence_experts: (A, k) int, the strongest first.
        sequence_weights: (A, k), summing to 1.
        text: pieces of the text: what the picture's places say and the question, or the prompt and
            its plan; special tokens in words.
        text_experts: (A, pieces, k) int.
    """

    group: str
    num_experts: int
    token_experts: np.ndarray
    token_weights: np.ndarray
    sequence_kinds: tuple[str, ...]
    sequence_probs: np.ndarray
    sequence_experts: np.ndarray
    sequence_weights: np.ndarray
    text: tuple[str, ...]
    text_experts: np.ndarray

    @property
    def num_layers(self) -> int:
        return len(self.token_experts)

    def token_usage(self) -> np.ndarray:
        """(A, E) share of each layer's image tokens that each token expert serves; sums to k."""
        layers = self.token_experts.reshape(self.num_layers, -1)
        counts = [np.bincount(row, minlength=self.num_experts) for row in layers]
        return np.array(counts) / np.prod(self.token_experts.shape[1:3])


def routing_picture(face: Image.Image, routing: FaceRouting) -> Image.Image:
    """Each layer's strongest token expert over the face, as colour and number; its sequence
    experts with their weights above it."""
    grid = routing.token_experts.shape[1]
    token = max(16, PANEL // grid)
    side = token * grid
    columns = min(COLUMNS, routing.num_layers)
    rows = -(-routing.num_layers // columns)
    width, height = side + GAP, side + GAP + TITLE
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP + LEGEND), "white")
    draw = ImageDraw.Draw(sheet)
    _legend(draw, routing)
    backdrop = _square(face).convert("L").convert("RGB").resize((side, side))
    for layer in range(routing.num_layers):
        x, y = GAP + layer % columns * width, LEGEND + layer // columns * height
        draw.text((x, y + 2), f"layer {layer + 1}", fill="black", font=_font(13))
        draw.text((x, y + 20), _sequence_words(routing, layer), fill="black", font=_font(12))
        sheet.paste(_panel(backdrop, routing.token_experts[layer, ..., 0], token), (x, y + TITLE))
    return sheet


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def _color(expert: int) -> tuple[int, int, int]:
    return COLORS[expert % len(COLORS)]


def _legend(draw: ImageDraw.ImageDraw, routing: FaceRouting) -> None:
    x, size = GAP, 16
    draw.text((x, GAP), "expert", fill="black", font=_font(13))
    x += 52
    for expert in range(routing.num_experts):
        draw.rectangle((x, GAP, x + size, GAP + size), fill=_color(expert), outline="black")
        draw.text((x + 9, GAP + 8), str(expert), fill="black", font=_font(12), anchor="mm")
        x += size + 8


def _sequence_words(routing: FaceRouting, layer: int) -> str:
    chosen = zip(routing.sequence_experts[layer], routing.sequence_weights[layer], strict=True)
    return " + ".join(f"{weight:.2f} {routing.sequence_kinds[e]}" for e, weight in chosen)


def _panel(backdrop: Image.Image, experts: np.ndarray, token: int) -> Image.Image:
    """The face under the colours and numbers of experts (grid, grid)."""
    colors = Image.new("RGB", backdrop.size)
    paint = ImageDraw.Draw(colors)
    boxes = {
        (row, column): (
            column * token,
            row * token,
            (column + 1) * token - 1,
            (row + 1) * token - 1,
        )
        for row, column in np.ndindex(*experts.shape)
    }
    for place, box in boxes.items():
        paint.rectangle(box, fill=_color(int(experts[place])))
    panel = Image.blend(backdrop, colors, VEIL)
    write = ImageDraw.Draw(panel)
    for place, (left, top, right, bottom) in boxes.items():
        middle = ((left + right) / 2, (top + bottom) / 2)
        number = str(experts[place])
        write.text(middle, number, fill="black", font=_font(round(token * 0.5)), anchor="mm")
    return panel
