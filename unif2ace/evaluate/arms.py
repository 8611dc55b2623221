"""The arms of the ablation, tables 3 and 4 of arXiv 2503.08120, and what comparing them says.

Knows numbers of runs, not how they were trained (`train/ablation.py`).
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from unif2ace.markdown import table

LOSSES: dict[str, tuple[float, float]] = {
    "mask-only": (1.0, 0.0),
    "score-only": (0.0, 0.01),
    "d3diff-0.1": (1.0, 0.1),
    "d3diff-0.01": (1.0, 0.01),
    "d3diff-0.001": (1.0, 0.001),
}
"""Name to weights of the masked and of the score term, as in the paper's table 3."""

Experts = Literal["none", "token", "sequence", "both"]
EXPERTS: tuple[Experts, ...] = ("none", "token", "sequence", "both")
METRICS = {"agreement": True, "feature_distance": False, "question_accuracy": True}
"""What is measured, and whether more is better."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One choice of loss and of experts."""

    loss: str
    experts: Experts

    def __post_init__(self) -> None:
        if self.loss not in LOSSES or self.experts not in EXPERTS:
            raise ValueError(f"unknown arm {self}: {', '.join(LOSSES)} x {', '.join(EXPERTS)}")

    @property
    def name(self) -> str:
        return f"{self.loss}_{self.experts}"


LOSS_ARMS = tuple(Arm(loss=loss, experts="both") for loss in LOSSES)
EXPERT_ARMS = tuple(Arm(loss="d3diff-0.01", experts=experts) for experts in EXPERTS)
PAPER = Arm(loss="d3diff-0.01", experts="both")
"""What the paper finds best of both tables."""


def arms(cross: bool) -> list[Arm]:
    """The paper's two tables, which share an arm; or every loss with every choice of experts."""
    if cross:
        return [Arm(loss=loss, experts=experts) for loss in LOSSES for experts in EXPERTS]
    return list(dict.fromkeys((*LOSS_ARMS, *EXPERT_ARMS)))


def gather(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Arm name to its metrics over seeds: {"mean", "spread", "values"}, spread max - min."""
    gathered: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(Arm(loss=r["loss"], experts=r["experts"]).name for r in results):
        runs = [r for r in results if f"{r['loss']}_{r['experts']}" == name]
        gathered[name] = {"seeds": [r["seed"] for r in runs], "parameters": runs[0]["parameters"]}
        for metric in METRICS:
            values = [r[metric] for r in runs]
            gathered[name][metric] = {
                "mean": statistics.fmean(values),
                "spread": max(values) - min(values),
                "values": values,
            }
    return gathered


def verdict(gathered: Mapping[str, Mapping[str, Any]], other: Arm, metric: str) -> str:
    """Whether the paper's best arm beats another here: agrees, disagrees, or too close to say.

    Too close: the means differ by no more than the larger spread over seeds. One seed has no
    spread, and nothing is said.
    """
    best, worse = (gathered[arm.name][metric] for arm in (PAPER, other))
    if min(len(best["values"]), len(worse["values"])) < 2:
        return "one seed"
    gain = (best["mean"] - worse["mean"]) * (1 if METRICS[metric] else -1)
    if abs(gain) <= max(best["spread"], worse["spread"]):
        return "too close"
    return "agrees" if gain > 0 else "disagrees"


def ablation_tables(measured: Mapping[str, Any]) -> str:
    """Both tables, and where the paper's order holds, as Markdown.

    measured: "budget", what every run was given; "arms", of `gather`.
    """
    gathered, budget = measured["arms"], measured["budget"]

    def cell(row: Mapping[str, Any], metric: str) -> str:
        scale, digits = (1, 1) if metric == "feature_distance" else (100, 1)
        middle, half = row[metric]["mean"] * scale, row[metric]["spread"] * scale / 2
        return f"{middle:.{digits}f} ± {half:.{digits}f}"

    size = "as large as the checkpoint's"
    if budget["num_layers"] and budget["hidden_size"]:
        size = f"of {budget['num_layers']} layers, {budget['hidden_size']} wide"
    parts = [
        f"**Losses and experts**, {budget['steps']} steps of {budget['batch_size']} faces to paint "
        f"and {budget['understanding_batch_size']} to read in every run, from fresh weights of a "
        f"transformer {size}; {budget['count']} pictures painted in {budget['painting_steps']} "
        f"steps and {budget['questions']} questions asked about each of as many renders; mean ± "
        "half the range over seeds."
    ]
    header = (
        *("arm", "seeds", "weights"),
        *("asked attributes right, %", "feature distance", "questions right, %"),
    )
    known = {arm.name: arm for arm in arms(cross=True) if arm.name in gathered}
    tables = {"Loss": [a for a in known.values() if a.experts == "both"]}
    tables |= {"Experts": [a for a in known.values() if a.loss == "d3diff-0.01"]}
    tables |= {"Others": [a for a in known.values() if a not in tables["Loss"] + tables["Experts"]]}
    for title, members in tables.items():
        rows = [
            (
                a.name,
                str(len(gathered[a.name]["seeds"])),
                f"{gathered[a.name]['parameters'] / 1e6:.1f} M",
                *(cell(gathered[a.name], m) for m in METRICS),
            )
            for a in members
        ]
        if rows:
            parts.append(f"**{title}**\n\n{table(header, rows)}")
    rivals = [a for a in (*LOSS_ARMS, *EXPERT_ARMS) if a.name in gathered and a != PAPER]
    if PAPER.name in gathered and rivals:
        rows = [(a.name, *(verdict(gathered, a, m) for m in METRICS)) for a in rivals]
        parts.append(
            f"**The paper's order**: {PAPER.name} better than each other arm?\n\n"
            + table(("than", *(m.replace("_", " ") for m in METRICS)), rows)
        )
    return "\n\n".join(parts)
