"""`python -m unif2ace.synth render ...` makes parquet files, `... sheet ...` a contact sheet."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from unif2ace.synth.render import FaceRenderer
from unif2ace.synth.sampling import TEST_SEED_START
from unif2ace.synth.shards import FACES_PER_FILE, RenderJob, run_job
from unif2ace.synth.sheet import attribute_sheet, random_sheet


def _shard(text: str) -> tuple[int, int]:
    shard, _, count = text.partition("/")
    if not (shard.isdigit() and count.isdigit()):
        raise argparse.ArgumentTypeError(f"give a shard as i/n, such as 0/4, not {text!r}")
    return int(shard), int(count)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unif2ace.synth", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="render faces into parquet files")
    render.add_argument("--count", type=int, required=True, help="number of faces")
    render.add_argument("--out", type=Path, required=True, help="output folder")
    render.add_argument("--shard", type=_shard, default=(0, 1), help="i/n: every n-th file")
    render.add_argument("--split", choices=("train", "test"), default="train")
    render.add_argument("--seed-start", type=int, default=0, help="counted within the split")
    render.add_argument("--workers", type=int, default=1, help="processes")
    render.add_argument("--faces-per-file", type=int, default=FACES_PER_FILE)
    sheet = commands.add_parser("sheet", help="make a contact sheet to look at")
    sheet.add_argument("--out", type=Path, required=True, help="picture file")
    sheet.add_argument("--by", metavar="ATTRIBUTE", help="a column per value; else random faces")
    sheet.add_argument("--seed-start", type=int, default=0)
    sheet.add_argument("--count", type=int, help="identities: 24, or 4 rows with --by")
    for command in (render, sheet):
        command.add_argument("--assets", type=Path, help="texture pack; plain faces without")
        command.add_argument("--size", type=int, default=128, help="pixels a side")
    return parser


def _render(args: argparse.Namespace) -> None:
    first = TEST_SEED_START if args.split == "test" else 0
    job = RenderJob(
        assets=args.assets,
        out=args.out,
        size=args.size,
        num_faces=args.count,
        split=args.split,
        seed_start=first + args.seed_start,
        shard=args.shard[0],
        num_shards=args.shard[1],
        faces_per_file=args.faces_per_file,
    )
    total = sum(len(seeds) for _, seeds in job.files())
    with tqdm(total=total, unit="face", mininterval=2.0) as bar:
        run_job(job, num_workers=args.workers, on_faces=bar.update)


def _sheet(args: argparse.Namespace) -> None:
    renderer = FaceRenderer(args.assets, args.size)
    count = args.count or (4 if args.by else 24)
    seeds = range(args.seed_start, args.seed_start + count)
    image = attribute_sheet(renderer, args.by, seeds) if args.by else random_sheet(renderer, seeds)
    try:
        image.save(args.out)
    except OSError as error:
        raise ValueError(f"cannot write {args.out}: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = _parser().parse_args(arguments)
    try:
        {"render": _render, "sheet": _sheet}[args.command](args)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
