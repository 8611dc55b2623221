"""Which loss and which experts help, as tables 3 and 4 of arXiv 2503.08120: one command.

`python -m unif2ace.train.ablation ...`: every (arm, seed) is a run of its own in
OUT/ARM/seed-N, from fresh transformer weights and the base checkpoint's frozen parts, on the same
features, batches and number of steps. `result.json` is written last and marks a run as done; asked
again, the command goes on where it was. Then OUT/ablation.json and OUT/ablation.md are renewed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import safe_open
from transformers import PreTrainedTokenizerFast

from unif2ace.config import MoEConfig, UniF2aceConfig
from unif2ace.evaluate.faces import LabelledFaces, read_faces, stack_images
from unif2ace.evaluate.generation import paint, perceptual_features, requests_for, summary
from unif2ace.evaluate.judge import Judge
from unif2ace.evaluate.metrics import frechet_distance
from unif2ace.evaluate.report import table
from unif2ace.evaluate.understanding import ask_canonical
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.moe import SequenceRouter
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.records import DEFAULT_GUIDANCE
from unif2ace.train.assemble import SHARD_SIZE, assemble, transformer_parts
from unif2ace.train.loop import TrainConfig
from unif2ace.train.perceptual import imagenet_network
from unif2ace.train.transformer import TransformerOptions, train

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
FROZEN = ("image_tokenizer", "semantic_encoder", "face_encoder")
ALWAYS_COPY = 1000.0  # a router logit that neither noise nor training undoes
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


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What all runs share: inputs, the budget and how much is measured."""

    checkpoint: Path
    features: Path
    faces: Path
    judge: Path
    out: Path
    steps: int
    batch_size: int = 24
    understanding_batch_size: int = 8
    questions_per_face: int = 8
    learning_rate: float = 6e-4
    count: int = 120  # pictures to paint, and unseen renders to compare with
    questions: int = 6  # per face
    painting_steps: int = 12

    def budget(self) -> dict[str, Any]:
        """What must agree for runs to be compared."""
        return {
            k: str(v) if isinstance(v, Path) else v for k, v in vars(self).items() if k != "out"
        }


def arms(cross: bool) -> list[Arm]:
    """The paper's two tables, which share an arm; or every loss with every choice of experts."""
    if cross:
        return [Arm(loss=loss, experts=experts) for loss in LOSSES for experts in EXPERTS]
    return list(dict.fromkeys((*LOSS_ARMS, *EXPERT_ARMS)))


def arm_config(base: UniF2aceConfig, arm: Arm) -> UniF2aceConfig:
    """The base's config with this arm's loss and token experts.

    Our choice: without token experts, one expert as wide as the chosen ones together always runs
    beside the shared one. Two experts that always run are one dense feed-forward, and the width
    that a token passes stays. Tasks keep a feed-forward each.
    """
    moe: MoEConfig = base.moe
    if arm.experts in ("none", "sequence"):
        width = moe.expert_dim * moe.experts_per_token
        moe = replace(moe, num_experts=1, experts_per_token=1, expert_dim=width)
    masked_weight, score_weight = LOSSES[arm.loss]
    changed = {"moe": moe, "masked_weight": masked_weight, "score_weight": score_weight}
    return UniF2aceConfig(**(base.to_dict() | changed))


@torch.no_grad()
def copy_only(model: UniF2aceForConditionalGeneration) -> None:
    """Switch the sequence level off: its routers choose the two copies, whatever is learned.

    Our choice: a router's logits decide, so that no other code is needed; what the other experts
    would have learned gets no gradient. Raises ValueError unless both copies fill the choice.
    """
    for router in model.modules():
        if isinstance(router, SequenceRouter):
            copies = [index for index, kind in enumerate(router.kinds) if kind == "copy"]
            if len(copies) != model.config.moe.sequence_experts_per_sample:
                raise ValueError(f"{len(copies)} copies cannot fill {model.config.moe}")
            router.bias[copies] = ALWAYS_COPY


def write_start(plan: Plan, arm: Arm, seed: int, out: Path) -> None:
    """The untrained checkpoint of a run; `out` appears whole or not at all."""
    fresh = out.with_name(f"{out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    config = arm_config(UniF2aceConfig.from_pretrained(plan.checkpoint), arm)
    parts = transformer_parts(plan.checkpoint, without=set())
    tokenizer = PreTrainedTokenizerFast.from_pretrained(plan.checkpoint)
    frozen = {name: parts[name] for name in FROZEN}
    model = assemble(config, tokenizer, frozen, fresh, seed=seed)
    if arm.experts in ("none", "token"):
        copy_only(model)
        model.save_pretrained(fresh, max_shard_size=SHARD_SIZE)
    fresh.rename(out)


def measure(plan: Plan, checkpoint: Path, judge: Judge, faces: LabelledFaces) -> dict[str, float]:
    """The three numbers of one trained run; the same draws for every run."""
    pipe = UniF2acePipeline.from_pretrained(checkpoint, quantization=None)
    requests = requests_for(pipe, plan.count, 0)
    steps = min(plan.painting_steps, pipe.limits.steps[1])
    painted = paint(pipe, requests, seed=0, steps=steps, guidance=DEFAULT_GUIDANCE)
    network, size = imagenet_network(), pipe.image_size
    renders = [faces.image(i) for i in range(plan.count)]
    distance = frechet_distance(
        perceptual_features(stack_images(painted, size), network),
        perceptual_features(stack_images(renders, size), network),
    )
    return {
        "agreement": summary(requests, judge.examine(painted))["agreement"]["share"],
        "feature_distance": distance,
        "question_accuracy": ask_canonical(pipe, faces, per_face=plan.questions, seed=0)["share"],
    }


def run_arm(plan: Plan, arm: Arm, seed: int) -> dict[str, Any] | None:
    """The result of one run, from its file if it is done; None if it was told to stop.

    Raises ValueError when the folder holds a run of another budget.
    """
    folder = plan.out / arm.name / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    done, budget = folder / "result.json", folder / "budget.json"
    if budget.is_file() and json.loads(budget.read_text()) != plan.budget():
        raise ValueError(f"{folder} holds a run of another budget: choose another --out")
    if done.is_file():
        return json.loads(done.read_text())
    budget.write_text(json.dumps(plan.budget(), indent=1) + "\n")
    start = folder / "start"
    if not start.is_dir():
        write_start(plan, arm, seed, start)
    outcome = train(
        start,
        plan.features,
        TrainConfig(
            out=folder / "run",
            steps=plan.steps,
            batch_size=plan.batch_size,
            learning_rate=plan.learning_rate,
            seed=seed,
            sample_every_seconds=float("inf"),
        ),
        TransformerOptions(
            understanding_batch_size=plan.understanding_batch_size,
            questions_per_face=plan.questions_per_face,
        ),
    )
    if not outcome.is_finished:
        return None
    faces = read_faces(plan.faces, "test", limit=plan.count)
    if len(faces) < plan.count:
        raise ValueError(f"{plan.faces} holds {len(faces)} unseen faces, {plan.count} are needed")
    model = folder / "run" / "model"
    result = {
        "loss": arm.loss,
        "experts": arm.experts,
        "seed": seed,
        "steps": outcome.steps,
        "train_seconds": round(outcome.seconds, 1),
        "parameters": count_weights(model),
        **measure(plan, model, Judge.load(plan.judge), faces),
    }
    written = done.with_suffix(".new")
    written.write_text(json.dumps(result, indent=1) + "\n")
    written.replace(done)
    for leftover in (start, folder / "run" / "checkpoint"):
        shutil.rmtree(leftover, ignore_errors=True)
    return result


def count_weights(checkpoint: Path) -> int:
    """Weights of a checkpoint outside its frozen parts, read off the files' headers."""
    total = 0
    for path in checkpoint.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            names = [name for name in list(file.keys()) if not name.startswith(FROZEN)]
            total += sum(torch.Size(file.get_slice(name).get_shape()).numel() for name in names)
    return total


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

    Too close: the means differ by no more than the larger spread over seeds.
    """
    best, worse = (gathered[arm.name][metric] for arm in (PAPER, other))
    gain = (best["mean"] - worse["mean"]) * (1 if METRICS[metric] else -1)
    if abs(gain) <= max(best["spread"], worse["spread"]):
        return "too close"
    return "agrees" if gain > 0 else "disagrees"


def render(gathered: Mapping[str, Mapping[str, Any]], plan: Plan) -> str:
    """Both tables, and where the paper's order holds, as Markdown."""

    def cell(row: Mapping[str, Any], metric: str) -> str:
        scale, digits = (1, 1) if metric == "feature_distance" else (100, 1)
        middle, half = row[metric]["mean"] * scale, row[metric]["spread"] * scale / 2
        return f"{middle:.{digits}f} ± {half:.{digits}f}"

    parts = [
        f"{plan.steps} steps of {plan.batch_size} faces to paint and "
        f"{plan.understanding_batch_size} to read in every run; mean ± half the range over seeds."
    ]
    header = ("arm", "seeds", "asked attributes right, %", "feature distance", "questions right, %")
    known = {arm.name: arm for arm in arms(cross=True) if arm.name in gathered}
    tables = {"Loss": [a for a in known.values() if a.experts == "both"]}
    tables |= {"Experts": [a for a in known.values() if a.loss == "d3diff-0.01"]}
    tables |= {"Others": [a for a in known.values() if a not in tables["Loss"] + tables["Experts"]]}
    for title, members in tables.items():
        rows = [
            (
                a.name,
                str(len(gathered[a.name]["seeds"])),
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
    return "\n\n".join(parts) + "\n"


def ablate(plan: Plan, chosen: Sequence[Arm], seeds: Sequence[int]) -> bool:
    """Run what is not yet done, seed by seed, renewing the report after each; False if stopped."""
    results = []
    for seed in seeds:
        for arm in chosen:
            result = run_arm(plan, arm, seed)
            if result is None:
                return False
            results.append(result)
            gathered = gather(results)
            report = {"budget": plan.budget(), "arms": gathered, "runs": results}
            (plan.out / "ablation.json").write_text(json.dumps(report, indent=1) + "\n")
            (plan.out / "ablation.md").write_text(render(gathered, plan))
    return True


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m unif2ace.train.ablation", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="its frozen parts are used")
    parser.add_argument("--features", type=Path, required=True, help="made by that checkpoint")
    parser.add_argument("--faces", type=Path, required=True, help="folder with test renders")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="resumed if it exists")
    parser.add_argument("--steps", type=int, required=True, help="of every run")
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--count", type=int, default=120, help="pictures to paint per run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--cross", action="store_true", help="all 20 arms, not the 8 of two tables")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_args(arguments)
    try:
        chosen, seeds = arms(args.cross), args.seeds
        shared = {k: v for k, v in vars(args).items() if k not in ("seeds", "cross")}
        is_done = ablate(Plan(**shared), chosen, seeds)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not is_done:
        print("stopped; the same command goes on from here", file=sys.stderr)
    return 0 if is_done else 1


if __name__ == "__main__":
    sys.exit(main())
