"""The report as pictures: accuracy by attribute, calibration, confusions, steps against quality.

Figures are made of a merged report alone (`report.merge`); what was not measured has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

Json = Mapping[str, Any]

CONFUSED = ("age", "skin_tone", "hair_color", "hair_style", "facial_hair", "expression")
"""Attributes of several values that a visitor asks about."""
_BLUE, _ORANGE, _GREY = "#2f6db5", "#d9822b", "#9aa4af"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "unif2ace",  # the same report gives the same bytes
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def attribute_bars(report: Json) -> Figure | None:
    """Balanced accuracy of reading each attribute, best first, beside that of guessing."""
    if "understanding" not in report:
        return None
    rows = report["understanding"]["attributes"]["attributes"]
    names = sorted(rows, key=lambda name: rows[name]["balanced"])
    figure = Figure(figsize=(7, 0.17 * len(names) + 1), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(names))
    axes.barh(places, [rows[name]["balanced"] for name in names], color=_BLUE, label="read")
    chance = [1 / len(rows[name]["confusion"]) for name in names]
    axes.plot(chance, places, "|", color=_ORANGE, markersize=7, label="guessing")
    axes.set_yticks(places, [name.replace("_", " ") for name in names], fontsize=7)
    axes.set(xlim=(0, 1), ylim=(-0.6, len(names) - 0.4), xlabel="balanced accuracy, unseen renders")
    axes.legend(frameon=False, loc="lower right")
    return figure


def calibration_curve(report: Json) -> Figure | None:
    """How often values are right that are read with some confidence; areas are their numbers."""
    if "understanding" not in report:
        return None
    table = report["understanding"]["attributes"]
    bins = table["calibration"]
    stated, right, counts = (
        np.array([part[key] for part in bins]) for key in ("confidence", "share_right", "count")
    )
    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, label="as sure as right")
    axes.plot(stated, right, color=_BLUE, linewidth=1)
    axes.scatter(stated, right, s=12 + 300 * counts / counts.sum(), color=_BLUE)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="stated confidence", ylabel="share right")
    axes.set_title(f"expected calibration error {100 * table['calibration_error']:.1f} %")
    axes.legend(frameon=False)
    return figure


def confusions(report: Json) -> Figure | None:
    """For `CONFUSED` attributes, what is read (columns) where something else is so (rows)."""
    if "understanding" not in report:
        return None
    rows = report["understanding"]["attributes"]["attributes"]
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    panels = figure.subplots(2, len(CONFUSED) // 2).flat
    for axes, name in zip(panels, CONFUSED, strict=True):
        axes.set_title(name.replace("_", " "))
        if name not in rows:
            continue
        counts = rows[name]["confusion"]
        columns = sorted(counts)
        columns += sorted({said for row in counts.values() for said in row} - set(columns))
        shares = np.array(
            [
                [counts[t].get(c, 0) / sum(counts[t].values()) for c in columns]
                for t in sorted(counts)
            ]
        )
        axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", fontsize=7)
        labels = [f"{value} ({sum(counts[value].values())})" for value in sorted(counts)]
        axes.set_yticks(range(len(labels)), labels, fontsize=7)
        for (y, x), share in np.ndenumerate(shares):
            if share:
                color = "white" if share > 0.6 else "black"
                axes.text(
                    x, y, f"{100 * share:.0f}", ha="center", va="center", color=color, fontsize=6
                )
    return figure


def steps_against_quality(report: Json) -> Figure | None:
    """Asked attributes right and FD-ELite0 over the seconds of a face, one point a setting."""
    if "frontier" not in report:
        return None
    rows = report["frontier"]["rows"]
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    pairs = [(row["guidance"], row["steering"]) for row in rows]
    guidance, steering = common = max(dict.fromkeys(pairs), key=pairs.count)
    by_steps = sorted(
        (row for row, pair in zip(rows, pairs, strict=True) if pair == common),
        key=lambda row: row["steps"],
    )
    series = (
        ("o-", _BLUE, f"steps, guidance {guidance:g}, steering {steering:g}", "steps", by_steps),
        (
            "s",
            _ORANGE,
            "other guidance",
            "guidance",
            [r for r in rows if r["guidance"] != guidance],
        ),
        ("^", _GREY, "other steering", "steering", [r for r in rows if r["steering"] != steering]),
    )
    for axes, value, label in (
        (left, lambda row: 100 * row["agreement"]["share"], "asked attributes right, %"),
        (right, lambda row: row["fd_elite0"], "FD-ELite0 to unseen renders"),
    ):
        for mark, color, name, setting, points in series:
            places = [(row["seconds_per_face"], value(row)) for row in points]
            axes.plot([x for x, _ in places], [y for _, y in places], mark, color=color, label=name)
            for row, place in zip(points, places, strict=True):
                axes.annotate(f"{row[setting]:g}", place, fontsize=7)
        axes.set(xlabel="seconds a face", ylabel=label)
    left.legend(frameon=False)
    return figure


FIGURES: Mapping[str, Callable[[Json], Figure | None]] = {
    "attributes": attribute_bars,
    "calibration": calibration_curve,
    "confusions": confusions,
    "steps": steps_against_quality,
}


def write_plots(report: Json, out: Path) -> list[Path]:
    """Every figure that the report has numbers for, as OUT/NAME.svg."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    with matplotlib.rc_context(_STYLE):
        for name, draw in FIGURES.items():
            if (figure := draw(report)) is not None:
                path = out / f"{name}.svg"
                figure.savefig(path, metadata={"Date": None})
                written.append(path)
    return written
