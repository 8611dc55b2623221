"""Numbers about the written text: how long, how dense, how varied, and whether it reads back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from unif2ace.parsing import parse_attributes
from unif2ace.synth.texts import SCHEMA, STYLES

PAPER = {"tokens": 120.0, "attributes": 17.7, "questions": 7.7}
"""Of UniF²ace-130K a caption and an image (arXiv 2503.08120), in its own tokens."""
_GRAM_LENGTHS = (1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class StyleNumbers:
    """Means over the captions of one style.

    Attributes:
        read_back: share of captions whose parsing gives exactly the labels they were made from.
        distinct: share of captions whose words no other one has.
        grams: number of different word sequences of length 1, 2 and 3.
    """

    captions: int
    attributes: float
    tokens: float
    words: float
    read_back: float
    distinct: float
    grams: tuple[int, ...]


def read_texts(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a folder of text files, in the order of the seeds within each split.

    Raises ValueError when there are none, or one is no such file.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise ValueError(f"{folder} holds no parquet files: write them with the command `text`")
    for path in paths:
        try:
            table = pq.read_table(path, columns=SCHEMA.names)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path} is no file of the command `text`: remove it and write it again ({error})"
            ) from error
        yield from table.to_pylist()


def count_texts(folder: Path) -> tuple[int, int]:
    """Number of faces and of questions in a folder of text files."""
    faces = asked = 0
    for path in sorted(folder.glob("*.parquet")):
        column = pq.read_table(path, columns=["questions"])["questions"]
        faces += len(column)
        asked += sum(len(chunk.flatten()) for chunk in column.chunks)
    return faces, asked


def style_numbers(
    captions: Iterable[Mapping[str, str]], count_tokens: Callable[[str], int]
) -> StyleNumbers:
    """Numbers of captions with "text" and "mentioned" (JSON). Raises ValueError for none."""
    attributes = tokens = words = read = 0
    texts: list[str] = []
    grams: tuple[set[tuple[str, ...]], ...] = tuple(set() for _ in _GRAM_LENGTHS)
    for made in captions:
        text, mentioned = made["text"], json.loads(made["mentioned"])
        split = text.lower().split()
        texts.append(text)
        attributes += len(mentioned)
        tokens += count_tokens(text)
        words += len(split)
        read += parse_attributes(text) == mentioned
        for length, found in zip(_GRAM_LENGTHS, grams, strict=True):
            found.update(zip(*(split[i:] for i in range(length)), strict=False))
    if not texts:
        raise ValueError("no captions to count")
    return StyleNumbers(
        captions=len(texts),
        attributes=attributes / len(texts),
        tokens=tokens / len(texts),
        words=words / len(texts),
        read_back=read / len(texts),
        distinct=len(set(texts)) / len(texts),
        grams=tuple(len(found) for found in grams),
    )


def numbers_by_style(
    rows: Iterable[Mapping[str, Any]], count_tokens: Callable[[str], int]
) -> dict[str, StyleNumbers]:
    """`StyleNumbers` of every style in the rows."""
    captions: dict[str, list[Mapping[str, str]]] = {style: [] for style in STYLES}
    for row in rows:
        for made in row["captions"]:
            captions[made["style"]].append(made)
    return {style: style_numbers(made, count_tokens) for style, made in captions.items()}
