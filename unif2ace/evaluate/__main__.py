"""`python -m unif2ace.evaluate COMMAND`: measure a checkpoint and write what was measured.

`report` gathers the JSON files of the others. `all` runs what needs no photographs: reading,
painting, costs and sheets; then the report.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from unif2ace.config import PRESETS
from unif2ace.evaluate.bench import bench_app, bench_pipeline, bench_weights
from unif2ace.evaluate.compare import compare, forms
from unif2ace.evaluate.faces import LabelledFaces, read_faces
from unif2ace.evaluate.frontier import frontier, settings_to_try
from unif2ace.evaluate.generation import evaluate_crowd, evaluate_generation, paint, requests_for
from unif2ace.evaluate.judge import JUDGE_SIZE, Judge
from unif2ace.evaluate.judge_training import judge_config, score_judge, train_judge
from unif2ace.evaluate.patchwork import Rebuilt, rebuild
from unif2ace.evaluate.photographs import ask_photographs, read_labels
from unif2ace.evaluate.plots import write_plots
from unif2ace.evaluate.probes import probe
from unif2ace.evaluate.ratios import bench_ratios, ratio_lines
from unif2ace.evaluate.report import write_report
from unif2ace.evaluate.sheets import contact_sheet
from unif2ace.evaluate.understanding import evaluate_understanding, read_written
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEERING, DEFAULT_STEPS

REBUILT_FACES = 2000  # that the judge meets as an image tokenizer rebuilds them
SHEET_FACES = 24
SHEET_NAMES = ("gender", "age", "hair_color", "hair_style", "expression", "glasses", "hat")


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def load(args: argparse.Namespace, device: str | None = None) -> UniF2acePipeline:
    quantization = None if args.quantization == "none" else args.quantization
    return UniF2acePipeline.from_pretrained(
        args.checkpoint, quantization=quantization, device=device
    )


def run_train_judge(args: argparse.Namespace) -> None:
    tested = read_faces(args.test_faces or args.faces, "test", limit=args.limit)
    faces = read_faces(args.faces, "train", limit=args.max_faces)
    rebuilt: list[Rebuilt | None] = [None, None]
    if args.tokenizer_of is not None:
        model = UniF2acePipeline.from_pretrained(args.tokenizer_of, quantization=None).model
        generator = torch.Generator().manual_seed(args.seed)
        shown = (faces.pictures[:REBUILT_FACES], tested.pictures)
        rebuilt = [rebuild(model, pictures, generator).sized(JUDGE_SIZE) for pictures in shown]
    sizes = (args.workers, args.batch_size)
    config = judge_config(args.out, args.steps, args.seed, args.seconds, *sizes)
    judge = train_judge(faces.sized(JUDGE_SIZE), config, rebuilt[0])
    write_json(args.json, score_judge(judge, tested.sized(JUDGE_SIZE), rebuilt=rebuilt[1]))


def run_understanding(args: argparse.Namespace) -> None:
    faces = read_faces(args.faces, "test", limit=args.limit)
    written = [] if args.written is None else read_written(args.written)
    measured = evaluate_understanding(
        load(args), faces, per_face=args.questions, seed=args.seed, written=written
    )
    write_json(args.json, measured)


def run_photographs(args: argparse.Namespace) -> None:
    labels = read_labels(args.labels)
    write_json(args.json, ask_photographs(load(args), args.photos, labels))


def run_painting(measure: Callable[..., dict[str, Any]], args: argparse.Namespace) -> None:
    faces = read_faces(args.faces, "test", limit=2 * args.count)
    measured = measure(
        load(args),
        Judge.load(args.judge),
        faces,
        count=args.count,
        seed=args.seed,
        steps=args.steps,
        guidance=args.guidance,
        kept=args.kept,
    )
    write_json(args.json, measured)


run_generation = partial(run_painting, evaluate_generation)
run_crowd = partial(run_painting, evaluate_crowd)


def run_frontier(args: argparse.Namespace) -> None:
    faces = read_faces(args.faces, "test", limit=args.count)
    pipe = load(args)
    rows = frontier(
        pipe,
        Judge.load(args.judge),
        faces,
        settings_to_try(),
        count=args.count,
        seed=args.seed,
    )
    about = {"checkpoint": pipe.checkpoint, "count": args.count, "seed": args.seed}
    write_json(args.json, about | {"rows": rows})


def run_probes(args: argparse.Namespace) -> None:
    faces = read_faces(args.faces, "test", limit=args.count)
    judge = Judge.load(args.judge)
    write_json(args.json, probe(load(args), judge, faces, count=args.count, seed=args.seed))


def run_bench(args: argparse.Namespace) -> None:
    measured: dict[str, Any] = {}
    if args.app is not None:  # first, while this process is still small
        measured["app"] = bench_app(
            args.app, args.checkpoint, quantization=args.quantization, prompt="a smiling woman"
        )
    pipe = load(args, "cpu")  # what is promised is that no GPU is needed
    measured["checkpoint"] = pipe.checkpoint
    image = pipe.generate("a smiling woman with red hair", seed=1)[0].image
    measured["pipeline"] = bench_pipeline(pipe, image, repeats=args.repeats)
    measured["weights"] = bench_weights(pipe, args.checkpoint)
    measured["ratios"] = bench_ratios(
        pipe,
        image,
        repeats=args.repeats,
        rates=measured["pipeline"]["matmul_gflop_per_second"],
        sizes={"this checkpoint": pipe.config, "the preset base": PRESETS["base"]()},
    )
    for name, seconds in measured["pipeline"]["seconds"].items():
        print(f"{name}: {seconds:.2f} s")
    print(*ratio_lines(measured["ratios"]), sep="\n")
    write_json(args.json, measured)


def run_compare(args: argparse.Namespace) -> None:
    faces = read_faces(args.faces, "test", limit=args.limit)
    measured = compare(forms(args.checkpoint), faces, seed=args.seed)
    for name, row in measured["forms"].items():
        print(
            f"{name:9} accuracy {row['accuracy']['share']:.1%}, lost {row['accuracy_lost']:.1%}; "
            f"as {next(iter(measured['forms']))}: {row['same_attributes']['share']:.1%} of "
            f"attributes, {row['same_answers']['share']:.1%} of answers, "
            f"{row['same_codes']:.1%} of codes; {row['file_mib']:.1f} MiB on disk, "
            f"{row['weight_mib']:.1f} + {row['copy_mib']:.1f} MiB in memory"
        )
    write_json(args.json, measured)


def run_coverage(args: argparse.Namespace) -> None:
    measured = bench_weights(load(args), args.checkpoint)
    for weight in measured["weights"]:
        shape = "x".join(map(str, weight["shape"]))
        print(f"{weight['name']:64s} {shape:>12} {weight['dtype']:>9} {weight['num_bytes']:>10,}")
    for part, row in measured["parts"].items():
        print(
            f"{part:24s} {row['weights']:>12,} weights  "
            f"{row['nf4_weights'] / row['weights']:7.1%} NF4  {row['bytes'] / 2**20:8.2f} MiB"
        )
    print(
        f"NF4 share of attention and experts: {measured['nf4_share_of_attention_and_experts']:.1%}"
    )
    write_json(args.json, measured)


def label_line(faces: LabelledFaces, index: int) -> str:
    """The labels of one render that a reader can check at a glance."""
    seen = faces.seen(index)
    return ", ".join(seen[name] for name in SHEET_NAMES if seen.get(name, "none") != "none")


def run_sheets(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    faces = read_faces(args.faces, "test", limit=SHEET_FACES)
    count = len(faces)
    renders = contact_sheet(
        [faces.image(i) for i in range(count)], [label_line(faces, i) for i in range(count)]
    )
    renders.save(args.out / "renders.png", optimize=True)
    pipe = load(args)
    requests = requests_for(pipe, SHEET_FACES, args.seed)
    settings = {"steps": args.steps, "guidance": args.guidance, "steering": DEFAULT_STEERING}
    pictures = paint(pipe, requests, seed=args.seed, **settings)
    sheet = contact_sheet(pictures, [request.prompt for request in requests])
    sheet.save(args.out / "painted.png", optimize=True)


def run_report(args: argparse.Namespace) -> None:
    write_plots(write_report(args.measured, args.json, args.documents), args.plots)


def run_all(args: argparse.Namespace) -> None:
    """Reading, painting, costs and sheets, into `measured`; then the report of all there is."""
    folder, out = args.measured, args.json
    Judge.load(args.judge)  # better now than after an hour
    for name, command in (
        ("understanding", run_understanding),
        ("generation", run_generation),
        ("bench", run_bench),
    ):
        args.json = folder / f"{name}.json"
        command(args)
    run_sheets(args)
    args.json = out
    run_report(args)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m unif2ace.evaluate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, action: Any, text: str, *options: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        for option in options:
            command.add_argument(f"--{option}", **OPTIONS[option])
        return command

    model = ("checkpoint", "quantization")
    painting = ("seed", "steps", "guidance")
    judge = add("train-judge", run_train_judge, "Train the judge and score it.", "faces", "seed")
    judge.add_argument("--test-faces", type=Path, help="test renders, if elsewhere")
    judge.add_argument("--out", type=Path, required=True, help="folder for the judge")
    judge.add_argument(
        "--tokenizer-of", type=Path, help="checkpoint whose image tokenizer rebuilds and patches"
    )
    judge.add_argument("--steps", type=int, default=6000)
    judge.add_argument("--batch-size", type=int, default=64, help="faces a step")
    judge.add_argument("--seconds", type=float, help="wall-clock budget over all resumptions")
    judge.add_argument("--workers", type=int, default=0, help="processes that make batches")
    judge.add_argument("--max-faces", type=int, default=20_000, help="renders to train on")
    judge.add_argument("--limit", type=int, help="unseen renders to score")
    judge.add_argument("--json", type=Path, required=True, help="where the score goes")
    reading = ("faces", "limit", "questions", "written", "seed", "json")
    add("understanding", run_understanding, "How well it reads faces.", *model, *reading)
    add(
        "photographs",
        run_photographs,
        "Yes/no questions about photographs labelled by eye.",
        *model,
        *("photos", "labels", "json"),
    )
    generation = ("faces", "judge", "count", "kept", *painting, "json")
    add("generation", run_generation, "How well it paints faces.", *model, *generation)
    add("crowd", run_crowd, "The same of captions alone, of many.", *model, *generation)
    frontier_help = "Quality against speed, over steps and guidance."
    trying = ("faces", "judge", "count", "seed", "json")
    add("frontier", run_frontier, frontier_help, *model, *trying)
    probes_help = "The best of several, seen and unseen, negations, neutral prompts, diversity."
    add("probes", run_probes, probes_help, *model, *trying)
    costs = ("app", "repeats", "json")
    add(
        "bench",
        run_bench,
        "Start-up, memory, seconds, speed beside plain twins, NF4.",
        *model,
        *costs,
    )
    forms_help = "Full precision, bfloat16 and NF4 on the same seeds and questions."
    add("compare", run_compare, forms_help, "checkpoint", "faces", "limit", "seed", "json")
    add("coverage", run_coverage, "Every weight: shape, format, bytes.", *model, "json")
    add("sheets", run_sheets, "Contact sheets to look at.", *model, "faces", *painting, "out")
    gathering = ("measured", "documents", "plots", "json")
    add("report", run_report, "Gather measurements, renew tables and figures.", *gathering)
    everything = dict.fromkeys((*model, *reading, *generation, *costs, "out", *gathering))
    add("all", run_all, run_all.__doc__ or "", *everything)
    return parser.parse_args(arguments)


OPTIONS: dict[str, dict[str, Any]] = {
    "checkpoint": {"type": Path, "default": Path("assets/checkpoint"), "help": "model folder"},
    "quantization": {"choices": ("nf4", "none"), "default": "nf4", "help": "weights as loaded"},
    "faces": {"type": Path, "required": True, "help": "folder of parquet shards"},
    "judge": {"type": Path, "default": Path("assets/judge"), "help": "folder of a trained judge"},
    "photos": {"type": Path, "required": True, "help": "folder of photographs"},
    "labels": {"type": Path, "required": True, "help": "what they show, lines of JSON"},
    "limit": {"type": int, "default": 200, "help": "faces to read"},
    "questions": {"type": int, "default": 6, "help": "questions of each sort per face"},
    "written": {"type": Path, "help": "questions written by hand, lines of JSON"},
    "count": {"type": int, "default": 120, "help": "captions to paint"},
    "kept": {"type": Path, "help": "folder to keep pictures in; those there are not painted anew"},
    "seed": {"type": int, "default": 0, "help": "of every draw"},
    "steps": {"type": int, "default": DEFAULT_STEPS, "help": "painting steps"},
    "guidance": {"type": float, "default": DEFAULT_GUIDANCE, "help": "1 is none"},
    "app": {"type": Path, "help": "app.py, to measure its start and memory"},
    "repeats": {"type": int, "default": 5, "help": "timed calls of each sort"},
    "json": {"type": Path, "required": True, "help": "file for what is measured"},
    "out": {"type": Path, "required": True, "help": "folder for the sheets"},
    "measured": {"type": Path, "required": True, "help": "folder of the measured JSON files"},
    "plots": {"type": Path, "required": True, "help": "folder for the figures"},
    "documents": {"type": Path, "nargs": "*", "default": [], "help": "files with report markers"},
}


def main() -> int:
    args = parse_args()
    try:
        args.action(args)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
