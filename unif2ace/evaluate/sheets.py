"""Contact sheets for people: faces in a grid, each with its words below. Knows only pictures."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

FACE_PX = 192
FONT_PX = 13
LINE_PX = 16
MARGIN_PX = 10
PAPER, INK = "white", "#222222"


def wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """`text` in lines of at most `width` pixels; only a single long word is wider."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def contact_sheet(
    images: Sequence[Image.Image], captions: Sequence[str], *, columns: int = 6
) -> Image.Image:
    """All pictures at FACE_PX in rows of `columns`; rows are as high as their longest caption.

    Raises ValueError unless there is one caption per picture and at least one of each.
    """
    if not images or len(images) != len(captions) or columns < 1:
        raise ValueError(
            f"need a caption per picture and a column, got {len(images)} pictures, "
            f"{len(captions)} captions, {columns} columns"
        )
    font = ImageFont.load_default(FONT_PX)
    texts = [wrap(caption, font, FACE_PX) for caption in captions]
    rows = [range(i, min(i + columns, len(images))) for i in range(0, len(images), columns)]
    heights = [FACE_PX + 2 * MARGIN_PX + LINE_PX * max(len(texts[i]) for i in row) for row in rows]
    cell = FACE_PX + MARGIN_PX
    sheet = Image.new("RGB", (columns * cell + MARGIN_PX, sum(heights) + MARGIN_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = MARGIN_PX
    for row, height in zip(rows, heights, strict=True):
        for column, i in enumerate(row):
            left = MARGIN_PX + column * cell
            face = images[i].convert("RGB").resize((FACE_PX, FACE_PX), Image.Resampling.BICUBIC)
            sheet.paste(face, (left, top))
            for line, text in enumerate(texts[i]):
                place = (left, top + FACE_PX + 4 + line * LINE_PX)
                draw.text(place, text, font=font, fill=INK)
        top += height
    return sheet
