"""The script that trains everything: its commands are those that the trainers understand."""

import argparse
import importlib
import shlex
import subprocess
from pathlib import Path

import pytest

from unif2ace.train.__main__ import COMMANDS

ROOT = Path(__file__).parent.parent
COURSE = ROOT / "unif2ace" / "train" / "course.sh"


def commands(tmp_path, fails=""):
    """(exit status, argument lists) of a course in which `python` only notes what it is told."""
    noted = tmp_path / "noted"
    stub = tmp_path / "python"
    stub.write_text(f'#!/bin/sh\necho "$@" >> {noted}\n[ "$3" != "{fails}" ]\n')
    stub.chmod(0o755)
    places = [str(tmp_path / name) for name in ("faces", "unseen", "photos", "start", "out")]
    run = subprocess.run(
        ["bash", COURSE, *places, "600", "8"],
        cwd=ROOT,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=False,
    )
    return run.returncode, [shlex.split(line) for line in noted.read_text().splitlines()]


def test_the_course_says_what_the_trainers_understand(tmp_path):
    status, lists = commands(tmp_path)
    assert status == 0
    aside = [words for words in lists if words[2] in ("tokenizer", "encoder", "means")]
    assert sorted(words[2] for words in aside) == ["encoder", "means", "tokenizer"]
    in_turn = [words for words in lists if words not in aside]
    turns = ["features", "transformer", "assemble"]
    assert [words[2] for words in in_turn] == 2 * turns
    aside_for, in_turn_for = {}, 0.0
    for words in lists:
        assert words[:2] == ["-m", "unif2ace.train"] and words[2] in COMMANDS
        parser = argparse.ArgumentParser(exit_on_error=False)
        module = importlib.import_module(f"unif2ace.train.{words[2]}")
        module.add_arguments(parser)
        arguments = vars(parser.parse_args(words[3:]))
        seconds = arguments.get("seconds") or 0
        if words in aside:
            aside_for[words[2]] = seconds
        else:
            in_turn_for += seconds
        for path in (arguments.get("photo_labels"), *arguments.get("held_out_questions", ())):
            assert path is None or (ROOT / path).is_file()
    reading = next(w for w in in_turn[::-1] if w[2] == "transformer")
    assert max(in_turn_for, aside_for["tokenizer"]) <= 600
    assert aside_for["encoder"] + float(reading[reading.index("--seconds") + 1]) <= 600


@pytest.mark.parametrize("fails", ["means", "tokenizer", "encoder", "assemble", "features"])
def test_a_course_goes_no_further_than_what_failed(tmp_path, fails):
    status, lists = commands(tmp_path, fails)
    assert status != 0
    made = [words[words.index("--out") + 1].rpartition("/")[2] for words in lists]
    behind = {
        "means": {"tokenizer", "whole"},
        "tokenizer": {"whole"},
        "encoder": {"start", "features", "reading", "whole"},
        "assemble": {"features", "reading", "whole"},
        "features": {"means.npz", "painting", "start", "features", "reading", "whole"},
    }
    assert not behind[fails] & set(made)
