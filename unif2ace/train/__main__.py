"""`python -m unif2ace.train COMMAND ...`, or `accelerate launch -m unif2ace.train COMMAND ...`."""

from __future__ import annotations

import argparse
import importlib
import sys

COMMANDS = {
    "tokenizer": "train the image tokenizer on rendered faces",
    "encoder": "train the face encoder on rendered faces",
    "text": "train the text tokenizer on the grammars",
    "assemble": "put trained parts into one whole checkpoint",
    "features": "prepare the transformer's training features",
    "transformer": "train the transformer",
    "means": "what painted pictures show of training faces, for the image tokenizer's decoder",
    "merge": "the decoder between those that a run began and ended with",
    "export": "quantise a checkpoint to NF4 on disk",
    "unpack": "take a checkpoint's tokenizer and encoders apart, to go on from them",
}
"""Each is a module of this package with `add_arguments(parser)` and `main(arguments)`."""


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m unif2ace.train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if argv[:1] == [name]:  # the others are not imported: they need not what this one needs
            module = importlib.import_module(f"unif2ace.train.{name}")
            command.description = module.__doc__
            module.add_arguments(command)
            command.set_defaults(main=module.main)
    arguments = parser.parse_args(argv)
    arguments.main(arguments)


if __name__ == "__main__":
    main()
