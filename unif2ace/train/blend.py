"""A face encoder midway between what it was and what more training made of it.

Training longer on the same few portraits knows them by heart and reads new ones worse; the mean of
both ends' weights keeps what each reads better. Source: WiSE-FT, arXiv 2109.01903. Photographs are
read by the overview alone, so it has a share of its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from unif2ace.config import stored_encoders
from unif2ace.encoders import FaceEncoder
from unif2ace.train.encoder import save_encoders
from unif2ace.train.growth import grown_encoder
from unif2ace.train.reading import load_reader

OF_PHOTOGRAPHS = ("overview", "overview_attributes", "render")
"""The parts by which photographs are read, and told from renders."""


@torch.no_grad()
def blended(
    old: FaceEncoder, new: FaceEncoder, share: float, overview_share: float | None = None
) -> FaceEncoder:
    """A network of `new`'s sizes, its weights `share` of the way from `old`'s, grown, to `new`'s.

    overview_share: of the parts `OF_PHOTOGRAPHS`; None for the same.
    Raises ValueError for a share that is none, or when `old` knows or sees what `new` does not.
    """
    of_overview = share if overview_share is None else overview_share
    for value in (share, of_overview):
        if not 0 <= value <= 1:
            raise ValueError(f"share must be in [0, 1], got {value}")
    start, state = grown_encoder(old, new), {}
    for name, end in new.state_dict().items():
        is_overview = name.partition(".")[0] in OF_PHOTOGRAPHS
        state[name] = torch.lerp(start[name], end, of_overview if is_overview else share)
    new.load_state_dict(state)
    return new


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--old", type=Path, required=True, help="folder of encoders before")
    parser.add_argument("--new", type=Path, required=True, help="folder of encoders after")
    parser.add_argument("--share", type=float, default=0.5, help="0: as before, 1: as after")
    parser.add_argument("--overview-share", type=float, help="of what reads photographs alone")
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    old, new = load_reader(arguments.old), load_reader(arguments.new)
    config = stored_encoders(json.loads((arguments.new / "config.json").read_text()))
    face = blended(old.face, new.face, arguments.share, arguments.overview_share)
    save_encoders(face, config, arguments.out / "encoder", new.semantic)
    print(f"blended encoders in {arguments.out / 'encoder'}")
