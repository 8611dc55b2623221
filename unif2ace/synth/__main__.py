"""The rendered data set from the command line: pictures, text, and the numbers of the data card.

`render` and `text` write parquet files that a second call completes; `pack` makes those of `render`
small; `statistics`, `balance` and `bench` each renew one section of the data card; `sheet` makes a
picture to look at; `check` asks a published estimator what it sees, and fails when that is too far
from the labels.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import islice
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from unif2ace.attributes import ATTRIBUTES
from unif2ace.synth import card
from unif2ace.synth.files import FACES_PER_FILE
from unif2ace.synth.sampling import TEST_SEED_START, Split, sample_attributes
from unif2ace.synth.statistics import count_texts, numbers_by_style, read_texts
from unif2ace.synth.texts import QUESTIONS_PER_FACE, TextJob, write_texts

# What draws is imported where it is used: writing and counting need no OpenGL.


def _shard(text: str) -> tuple[int, int]:
    shard, _, count = text.partition("/")
    if not (shard.isdigit() and count.isdigit()):
        raise argparse.ArgumentTypeError(f"give a shard as i/n, such as 0/4, not {text!r}")
    return int(shard), int(count)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unif2ace.synth", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="render faces into parquet files")
    text = commands.add_parser("text", help="write captions and questions into parquet files")
    for command in (render, text):
        command.add_argument("--count", type=int, required=True, help="number of faces")
        command.add_argument("--out", type=Path, required=True, help="output folder")
        command.add_argument("--shard", type=_shard, default=(0, 1), help="i/n: every n-th file")
        command.add_argument("--split", choices=get_args(Split), default="train")
        command.add_argument("--seed-start", type=int, default=0, help="counted within the split")
        command.add_argument("--workers", type=int, default=1, help="processes")
        command.add_argument("--faces-per-file", type=int, default=FACES_PER_FILE)
    render.add_argument(
        "--attributes-of",
        type=Path,
        metavar="CHECKPOINT",
        help="vary only what this checkpoint (a folder or its config.json) knows",
    )
    text.add_argument("--questions", type=int, default=QUESTIONS_PER_FACE, help="of each face")
    pack = commands.add_parser("pack", help="rendered faces in a 13th of the bytes, to be copied")
    pack.add_argument("--faces", type=Path, required=True, help="folder of the command render")
    pack.add_argument("--out", type=Path, required=True, help="output folder")
    sheet = commands.add_parser("sheet", help="make a contact sheet to look at")
    sheet.add_argument("--out", type=Path, required=True, help="picture file")
    sheet.add_argument("--by", metavar="ATTRIBUTE", help="a column per value; else random faces")
    sheet.add_argument("--seed-start", type=int, default=0)
    sheet.add_argument("--count", type=int, help="identities: 24, or 4 rows with --by")
    statistics = commands.add_parser("statistics", help="length, density, variety of the text")
    statistics.add_argument("--text", type=Path, required=True, help="folder of the command text")
    statistics.add_argument("--tokenizer", default="assets/checkpoint", help="folder or repository")
    statistics.add_argument("--sample", type=int, default=5000, help="faces whose words are read")
    balance = commands.add_parser("balance", help="who is drawn how often, and what goes together")
    balance.add_argument("--count", type=int, default=130_000, help="number of faces")
    bench = commands.add_parser("bench", help="where the time of a face goes")
    bench.add_argument("--count", type=int, default=40, help="faces in each half")
    check = commands.add_parser("check", help="ask a published estimator what it sees")
    check.add_argument("--faces", type=Path, required=True, help="folder of the command render")
    check.add_argument("--json", type=Path, required=True, help="report")
    check.add_argument("--count", type=int, default=1000, help="faces to look at")
    check.add_argument("--card", type=Path, help="data card whose section is renewed")
    for command in (statistics, balance, bench):
        command.add_argument("--card", type=Path, default=Path("assets/data/README.md"))
    for command in (render, sheet, bench):
        command.add_argument("--assets", type=Path, help="texture pack; plain faces without")
        command.add_argument("--size", type=int, default=128, help="pixels a side")
    return parser


def _files(args: argparse.Namespace) -> dict:
    """The arguments that `render` and `text` share."""
    return {
        "out": args.out,
        "num_faces": args.count,
        "split": args.split,
        "seed_start": args.seed_start + (TEST_SEED_START if args.split == "test" else 0),
        "shard": args.shard[0],
        "num_shards": args.shard[1],
        "faces_per_file": args.faces_per_file,
    }


def _render(args: argparse.Namespace) -> None:
    from unif2ace.synth.shards import RenderJob, run_job

    names = _known_to(args.attributes_of) if args.attributes_of else tuple(ATTRIBUTES)
    job = RenderJob(**_files(args), assets=args.assets, size=args.size, names=names)
    total = sum(len(seeds) for _, seeds in job.files())
    with tqdm(total=total, unit="face", mininterval=2.0) as bar:
        run_job(job, num_workers=args.workers, on_faces=bar.update)


def _known_to(checkpoint: Path) -> tuple[str, ...]:
    """Names of the attributes that a checkpoint knows."""
    from unif2ace.config import UniF2aceConfig

    path = checkpoint / "config.json" if checkpoint.is_dir() else checkpoint
    try:
        return tuple(UniF2aceConfig.from_json_file(path).attributes)
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no configuration of a checkpoint: {error}") from error


def _pack(args: argparse.Namespace) -> None:
    from unif2ace.synth.pack import pack

    print(f"{pack(args.faces, args.out) / 1e6:.1f} MB in {args.out}")


def _text(args: argparse.Namespace) -> None:
    job = TextJob(**_files(args), questions_per_face=args.questions)
    total = sum(len(seeds) for _, seeds in job.files())
    with tqdm(total=total, unit="face", mininterval=2.0) as bar:
        write_texts(job, num_workers=args.workers, on_faces=bar.update)


def _statistics(args: argparse.Namespace) -> None:
    from transformers import PreTrainedTokenizerFast

    rows = list(islice(read_texts(args.text), _at_least_one(args.sample)))
    num_faces, num_questions = count_texts(args.text)
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(args.tokenizer)
    except (OSError, ValueError) as error:
        raise ValueError(f"no tokenizer at {args.tokenizer}: {error}") from error
    numbers = numbers_by_style(rows, lambda text: len(tokenizer(text)["input_ids"]))
    _put(args, "statistics", card.text_section(numbers, num_faces, num_questions))


def _balance(args: argparse.Namespace) -> None:
    seeds = tqdm(range(_at_least_one(args.count)), unit="face", mininterval=2.0)
    _put(args, "balance", card.balance_section([sample_attributes(seed) for seed in seeds]))


def _bench(args: argparse.Namespace) -> None:
    from unif2ace.synth.bench import measure

    measured = measure(args.assets, args.size, _at_least_one(args.count))
    _put(args, f"bench-{args.size}", card.bench_section(measured))


def _check(args: argparse.Namespace) -> None:
    from unif2ace.synth.check import check_faces, load_estimator, read_faces, write_check

    estimate = load_estimator()
    faces = read_faces(args.faces, _at_least_one(args.count))
    check = check_faces(tqdm(faces, unit="face", mininterval=2.0), estimate)
    write_check(check, args.json)
    if args.card:
        card.write_section(args.card, "check", card.check_section(check))
    print(
        f"{check.faces} faces: found {check.found:.1%}, without a mask {check.found_unmasked:.1%}; "
        f"open faces: gender presentation {check.gender:.1%}, age r = {check.age_correlation:.2f}"
    )
    if missed := check.shortfalls():
        raise ValueError(f"the outside check fails: {'; '.join(missed)}")


def _at_least_one(count: int) -> int:
    if count < 1:
        raise ValueError(f"counts must be at least 1, got {count}")
    return count


def _put(args: argparse.Namespace, section: str, text: str) -> None:
    card.write_section(args.card, section, text)
    print(text)


def _sheet(args: argparse.Namespace) -> None:
    from unif2ace.synth.render import FaceRenderer
    from unif2ace.synth.sheet import attribute_sheet, random_sheet

    renderer = FaceRenderer(args.assets, args.size)
    count = args.count or (4 if args.by else 24)
    seeds = range(args.seed_start, args.seed_start + count)
    image = attribute_sheet(renderer, args.by, seeds) if args.by else random_sheet(renderer, seeds)
    try:
        image.save(args.out)
    except OSError as error:
        raise ValueError(f"cannot write {args.out}: {error}") from error


COMMANDS = {
    "render": _render,
    "pack": _pack,
    "text": _text,
    "sheet": _sheet,
    "statistics": _statistics,
    "balance": _balance,
    "bench": _bench,
    "check": _check,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = _parser().parse_args(arguments)
    try:
        COMMANDS[args.command](args)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
