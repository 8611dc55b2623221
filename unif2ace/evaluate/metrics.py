"""The arithmetic of evaluation: rates with intervals, calibration, Fréchet distance.

Pure functions of numbers; knows no picture, no model and no file.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Z_95 = 1.959963984540054  # 97.5 % point of the normal distribution


def wilson_interval(hits: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Confidence interval of a share, by default 95 % (Wilson 1927); (0, 1) of nothing.

    Takes the counted events as independent; several answers about one face are not quite.
    Raises ValueError unless 0 <= hits <= total.
    """
    if not 0 <= hits <= total:
        raise ValueError(f"hits must be in 0..{total}, got {hits}")
    if total == 0:
        return 0.0, 1.0
    share, square = hits / total, z * z
    middle = (share + square / (2 * total)) / (1 + square / total)
    spread = math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    half = z / (1 + square / total) * spread
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A counted share: `hits` of `total`, with its 95 % interval."""

    hits: int
    total: int

    @property
    def share(self) -> float | None:
        return self.hits / self.total if self.total else None

    def to_json(self) -> dict[str, Any]:
        low, high = wilson_interval(self.hits, self.total)
        return {
            "share": None if self.share is None else round(self.share, 4),
            "low": round(low, 4),
            "high": round(high, 4),
            "hits": self.hits,
            "total": self.total,
        }


def rate(outcomes: Sequence[bool]) -> Rate:
    """The share of true outcomes."""
    return Rate(hits=sum(map(bool, outcomes)), total=len(outcomes))


def balanced_accuracy(truth: Sequence[Hashable], said: Sequence[Hashable]) -> float:
    """Mean over the true values of how often each is recognised; chance is 1 / their number.

    Raises ValueError when nothing was counted or the lengths differ.
    """
    if not truth or len(truth) != len(said):
        raise ValueError(f"need equally many truths and answers, got {len(truth)}, {len(said)}")
    recalls = []
    for value in dict.fromkeys(truth):
        answers = [s == value for t, s in zip(truth, said, strict=True) if t == value]
        recalls.append(sum(answers) / len(answers))
    return sum(recalls) / len(recalls)


def majority_share(truth: Sequence[Hashable]) -> float:
    """The accuracy of always giving the commonest value: what an accuracy has to beat."""
    if not truth:
        raise ValueError("need at least one value")
    return max(truth.count(value) for value in set(truth)) / len(truth)


@dataclass(frozen=True, kw_only=True)
class ConfidenceBin:
    """Answers whose stated confidence falls into one bin: its mean, how often they are right."""

    confidence: float
    share_right: float
    count: int


def calibration_bins(
    confidences: Sequence[float], outcomes: Sequence[bool], num_bins: int = 10
) -> list[ConfidenceBin]:
    """Answers by confidence in equal bins from 0 to 1, empty bins left out.

    Raises ValueError for a confidence outside 0..1, or when nothing was counted.
    """
    if not confidences or len(confidences) != len(outcomes):
        raise ValueError(
            f"need equally many confidences and outcomes, got {len(confidences)}, {len(outcomes)}"
        )
    stated, right = np.asarray(confidences, dtype=np.float64), np.asarray(outcomes, dtype=float)
    if stated.min() < 0 or stated.max() > 1:
        raise ValueError(f"confidences must be in 0..1, got {stated.min()}..{stated.max()}")
    places = np.minimum((stated * num_bins).astype(int), num_bins - 1)
    return [
        ConfidenceBin(
            confidence=float(stated[places == place].mean()),
            share_right=float(right[places == place].mean()),
            count=int((places == place).sum()),
        )
        for place in np.unique(places)
    ]


def expected_calibration_error(bins: Sequence[ConfidenceBin]) -> float:
    """Mean gap between stated confidence and rate of success, over all answers.

    Source: Guo et al., arXiv 1706.04599, equation 3.
    """
    gaps = sum(part.count * abs(part.share_right - part.confidence) for part in bins)
    return gaps / sum(part.count for part in bins)


def confusion(truth: Sequence[str], said: Sequence[str | None]) -> dict[str, dict[str, int]]:
    """{true value: {value said: how often}}; what was not understood counts as ""."""
    counts: dict[str, dict[str, int]] = {}
    for value, answer in zip(truth, said, strict=True):
        row = counts.setdefault(value, {})
        row[answer or ""] = row.get(answer or "", 0) + 1
    return counts


@dataclass(frozen=True, kw_only=True)
class Statements:
    """What a description says of a face, counted against what can be seen of it."""

    right: int
    said: int
    sayable: int

    def __add__(self, other: Statements) -> Statements:
        return Statements(
            right=self.right + other.right,
            said=self.said + other.said,
            sayable=self.sayable + other.sayable,
        )

    @property
    def precision(self) -> Rate:
        return Rate(hits=self.right, total=self.said)

    @property
    def recall(self) -> Rate:
        return Rate(hits=self.right, total=self.sayable)


def count_statements(said: Mapping[str, str], seen: Mapping[str, str]) -> Statements:
    """A statement about something that cannot be seen counts as wrong."""
    right = sum(seen.get(name) == value for name, value in said.items())
    return Statements(right=right, said=len(said), sayable=len(seen))


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """|mean a - mean b|^2 + tr(A + B - 2 (AB)^1/2) of two samples (n, D), (m, D).

    A and B are the samples' covariances. The trace of the root is the sum of the singular values
    of a b^T / sqrt((n-1)(m-1)) for centred samples, since their squares are the eigenvalues of
    AB: exact for any n, with no matrix root. Biased upwards for small samples: compare only
    distances of equal n and m. Source: Heusel et al., arXiv 1706.08500, equation 6.
    Raises ValueError unless both are 2-D of equal width with two or more rows.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"need two samples (n >= 2, D) of equal D, got {a.shape} and {b.shape}")
    a, b = a.astype(np.float64), b.astype(np.float64)
    gap = a.mean(0) - b.mean(0)
    a, b = a - a.mean(0), b - b.mean(0)
    a, b = a / math.sqrt(len(a) - 1), b / math.sqrt(len(b) - 1)
    # The triangles of a QR decomposition stand for the samples: min(n, D) rows, not n.
    product = np.asarray(np.linalg.qr(a, mode="r")) @ np.asarray(np.linalg.qr(b, mode="r")).T
    root = np.linalg.norm(product, "nuc")
    return float(gap @ gap + (a * a).sum() + (b * b).sum() - 2 * root)
