"""A face encoder midway between what it was and what more training made of it.

Training longer on the same few portraits knows them by heart and reads new ones worse; the mean of
both ends' weights keeps what each reads better. Source: WiSE-FT, arXiv 2109.01903.
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


@torch.no_grad()
def blended(old: FaceEncoder, new: FaceEncoder, share: float) -> FaceEncoder:
    """A network of `new`'s sizes, its weights `share` of the way from `old`'s, grown, to `new`'s.

    Raises ValueError for a share that is none, or when `old` knows or sees what `new` does not.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be in [0, 1], got {share}")
    start = grown_encoder(old, new)
    state = {name: torch.lerp(start[name], end, share) for name, end in new.state_dict().items()}
    new.load_state_dict(state)
    return new


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--old", type=Path, required=True, help="folder of encoders before")
    parser.add_argument("--new", type=Path, required=True, help="folder of encoders after")
    parser.add_argument("--share", type=float, default=0.5, help="0: as before, 1: as after")
    parser.add_argument("--out", type=Path, required=True)


def main(arguments: argparse.Namespace) -> None:
    old, new = load_reader(arguments.old), load_reader(arguments.new)
    config = stored_encoders(json.loads((arguments.new / "config.json").read_text()))
    face = blended(old.face, new.face, arguments.share)
    save_encoders(face, config, arguments.out / "encoder", new.semantic)
    print(f"blended encoders in {arguments.out / 'encoder'}")
