"""Which loss and which experts help, as tables 3 and 4 of arXiv 2503.08120: one command.

`python -m unif2ace.train.ablation ...`: every (arm, seed) is a run of its own in
OUT/ARM/seed-N, from fresh transformer weights and the base checkpoint's frozen parts, on the same
features, batches and number of steps. `result.json` is written last and marks a run as done; asked
again, the command goes on where it was. After each run the --json file is renewed, which
`python -m unif2ace.evaluate report` shows when it is MEASURED/ablation.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import PreTrainedTokenizerFast

from unif2ace.config import MoEConfig, UniF2aceConfig
from unif2ace.evaluate.arms import LOSSES, PAPER, Arm, arms, gather
from unif2ace.evaluate.faces import LabelledFaces, read_faces, stack_images
from unif2ace.evaluate.generation import paint, perceptual_features, requests_for, summary
from unif2ace.evaluate.judge import Judge
from unif2ace.evaluate.metrics import frechet_distance
from unif2ace.evaluate.understanding import ask_canonical
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.moe import SequenceRouter
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.records import DEFAULT_GUIDANCE
from unif2ace.train.assemble import SHARD_SIZE, assemble, transformer_parts
from unif2ace.train.folders import written_whole
from unif2ace.train.loop import TrainConfig
from unif2ace.train.perceptual import imagenet_network
from unif2ace.train.transformer import TransformerOptions, train

FROZEN = ("image_tokenizer", "semantic_encoder", "face_encoder")
ALWAYS_COPY = 1000.0  # a router logit that neither noise nor training undoes
TRIAL_STEPS = 12  # the first ones are slower than the rest


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
    num_layers: int | None = None  # of the transformer; the checkpoint's where None
    hidden_size: int | None = None

    def budget(self) -> dict[str, Any]:
        """What must agree for runs to be compared."""
        return {
            k: str(v) if isinstance(v, Path) else v for k, v in vars(self).items() if k != "out"
        }


def arm_config(base: UniF2aceConfig, arm: Arm, **size: int | None) -> UniF2aceConfig:
    """The base's config with this arm's loss and token experts, and another `size` where given.

    Our choice: without token experts, one expert as wide as the chosen ones together always runs
    beside the shared one. Two experts that always run are one dense feed-forward, and the width
    that a token passes stays. Tasks keep a feed-forward each.
    """
    moe: MoEConfig = base.moe
    if arm.experts in ("none", "sequence"):
        width = moe.expert_dim * moe.experts_per_token
        moe = replace(moe, num_experts=1, experts_per_token=1, expert_dim=width)
    masked_weight, score_weight = LOSSES[arm.loss]
    changed: dict[str, Any] = {
        "moe": moe,
        "masked_weight": masked_weight,
        "score_weight": score_weight,
    }
    changed |= {name: value for name, value in size.items() if value is not None}
    values = base.to_dict() | changed
    values.pop("quantization_config", None)  # runs are trained in full precision from any base
    return UniF2aceConfig(**values)


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
    base = UniF2aceConfig.from_pretrained(plan.checkpoint)
    config = arm_config(base, arm, num_layers=plan.num_layers, hidden_size=plan.hidden_size)
    parts = transformer_parts(plan.checkpoint, without=set())
    tokenizer = PreTrainedTokenizerFast.from_pretrained(plan.checkpoint)
    frozen = {name: parts[name] for name in FROZEN}
    with written_whole(out) as fresh:
        model = assemble(config, tokenizer, frozen, fresh, seed=seed)
        if arm.experts in ("none", "token"):
            copy_only(model)
            model.save_pretrained(fresh, max_shard_size=SHARD_SIZE)


def measure(plan: Plan, checkpoint: Path, judge: Judge, faces: LabelledFaces) -> dict[str, float]:
    """The three numbers of one trained run; the same draws for every run.

    Painted without looks: those are the face encoder's doing, which all runs share.
    """
    pipe = UniF2acePipeline.from_pretrained(checkpoint, quantization=None)
    requests = requests_for(pipe, plan.count, 0)
    steps = min(plan.painting_steps, pipe.limits.steps[1])
    painted = paint(pipe, requests, seed=0, steps=steps, guidance=DEFAULT_GUIDANCE, steering=0)
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
            warmup_steps=min(100, plan.steps // 10),
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


def affordable_steps(plan: Plan, num_runs: int, seconds: float) -> int | None:
    """Steps of each run with which `num_runs` runs last `seconds` in all; None if told to stop.

    Equal steps compare better than equal seconds, which a busy machine does not share out evenly;
    so the arm that costs most is tried out for a few steps and measured once. What came out is
    kept: asked again, the same command has the same steps. Raises ValueError for too few seconds.
    """
    kept = plan.out / "steps.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    trial = replace(plan, out=plan.out / "trial", steps=TRIAL_STEPS)
    shutil.rmtree(trial.out, ignore_errors=True)  # of an interrupted trial: its time is lost
    started = time.monotonic()
    result = run_arm(trial, PAPER, 0)
    if result is None:
        return None
    spent = time.monotonic() - started
    around = spent - result["train_seconds"]
    per_step = result["train_seconds"] / TRIAL_STEPS
    steps = int(((seconds - spent) / num_runs - around) / per_step)
    if steps < 1:
        needed = spent + num_runs * (around + per_step)
        raise ValueError(
            f"{seconds:.0f} s are too few for {num_runs} runs, of which each takes {around:.0f} s "
            f"to start and to measure: allow {needed:.0f} s or measure less"
        )
    shutil.rmtree(trial.out)
    kept.write_text(json.dumps(steps) + "\n")
    return steps


def ablate(plan: Plan, chosen: Sequence[Arm], seeds: Sequence[int], report: Path) -> bool:
    """Run what is not yet done, seed by seed, renewing `report` after each; False if stopped."""
    results = []
    for seed in seeds:
        for arm in chosen:
            result = run_arm(plan, arm, seed)
            if result is None:
                return False
            results.append(result)
            found = {"budget": plan.budget(), "arms": gather(results), "runs": results}
            report.parent.mkdir(parents=True, exist_ok=True)
            report.write_text(json.dumps(found, indent=1) + "\n")
    return True


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m unif2ace.train.ablation", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="its frozen parts are used")
    parser.add_argument("--features", type=Path, required=True, help="made by that checkpoint")
    parser.add_argument("--faces", type=Path, required=True, help="folder with test renders")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="resumed if it exists")
    parser.add_argument("--json", type=Path, required=True, help="file for what is found")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--steps", type=int, help="of every run")
    budget.add_argument("--seconds", type=float, help="of all runs together, measuring counted")
    parser.add_argument("--batch-size", type=int, default=24, help="faces to paint a step")
    parser.add_argument("--understanding-batch-size", type=int, default=8, help="faces to read")
    parser.add_argument("--count", type=int, default=120, help="pictures to paint, faces to ask of")
    parser.add_argument("--questions", type=int, default=6, help="about each face, after training")
    parser.add_argument("--learning-rate", type=float, default=6e-4, help="at its highest")
    parser.add_argument("--num-layers", type=int, help="a smaller transformer trains further")
    parser.add_argument("--hidden-size", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--cross", action="store_true", help="all 20 arms, not the 8 of two tables")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_args(arguments)
    other = ("seeds", "cross", "json", "seconds", "steps")
    try:
        chosen = arms(args.cross)
        plan = Plan(
            steps=args.steps or TRIAL_STEPS,
            **{name: value for name, value in vars(args).items() if name not in other},
        )
        steps = args.steps
        if steps is None:
            steps = affordable_steps(plan, len(chosen) * len(args.seeds), args.seconds)
        is_done = steps is not None and ablate(
            replace(plan, steps=steps), chosen, args.seeds, args.json
        )
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not is_done:
        print("stopped; the same command goes on from here", file=sys.stderr)
    return 0 if is_done else 1


if __name__ == "__main__":
    sys.exit(main())
