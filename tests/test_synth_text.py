"""Laws of the written text set: pure in (seed, split), divisible, whole or absent, and measured."""

from __future__ import annotations

import errno
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

pytest.importorskip("pyarrow")

from unif2ace.attributes import ATTRIBUTES, FIRST_VOCABULARY, FaceAttributes, visible
from unif2ace.markdown import insert
from unif2ace.parsing import parse_attributes
from unif2ace.synth import __main__ as cli
from unif2ace.synth import files
from unif2ace.synth.sampling import TEST_SEED_START, Split, sample_attributes
from unif2ace.synth.statistics import (
    PAPER,
    count_texts,
    numbers_by_style,
    style_numbers,
)
from unif2ace.synth.texts import STYLES, TextJob, text_row, write_texts


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> TextJob:
    out = tmp_path_factory.mktemp("texts")
    return TextJob(out=out, num_faces=7, split="train", seed_start=20, faces_per_file=2)


@pytest.fixture(scope="module")
def whole(job) -> dict[str, bytes]:
    return contents(write_texts(job))


def contents(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def test_two_shards_of_two_processes_write_the_same_bytes(job, whole, tmp_path):
    parts: dict[str, bytes] = {}
    for shard in range(2):
        part = replace(job, out=tmp_path, shard=shard, num_shards=2)
        parts |= contents(write_texts(part, num_workers=2))
    assert parts == whole and len(whole) == 4


def test_a_lost_file_is_written_again_alone(job, whole, tmp_path):
    again = replace(job, out=tmp_path)
    paths = write_texts(again)
    times = [path.stat().st_mtime_ns for path in paths]
    paths[1].unlink()
    counted: list[int] = []
    assert contents(write_texts(again, on_faces=counted.append)) == whole
    assert sum(counted) == 7
    kept = [a == path.stat().st_mtime_ns for a, path in zip(times, paths, strict=True)]
    assert kept == [True, False, True, True]


def test_splits_differ_and_seeds_differ():
    rows = [text_row(TEST_SEED_START, "train", 8), text_row(TEST_SEED_START, "test", 8)]
    assert rows[0] != rows[1] != text_row(TEST_SEED_START + 1, "test", 8)


def test_every_row_is_true_of_its_face():
    for seed in range(40):
        row = text_row(seed, "train", 8)
        face = FaceAttributes(json.loads(row["attributes"]))
        assert row["visible"] == sorted(visible(face))
        assert [made["style"] for made in row["captions"]] == list(STYLES)
        for made in row["captions"]:
            mentioned = json.loads(made["mentioned"])
            assert parse_attributes(made["text"]) == mentioned, made
            assert mentioned.items() <= visible(face).items(), made
        assert len(row["questions"]) == 8


def test_a_full_caption_reaches_the_density_of_the_paper():
    rows = [text_row(seed, "train", 8) for seed in range(100)]
    numbers = numbers_by_style(rows, lambda text: len(text.split()))
    assert numbers["full"].attributes > numbers["long"].attributes >= 17.5
    assert numbers["full"].attributes >= PAPER["attributes"]
    assert max(numbers["short"].words, numbers["tags"].words) <= 20
    assert {style: n.read_back for style, n in numbers.items()} == dict.fromkeys(STYLES, 1.0)


def test_numbers_are_those_counted_by_hand():
    texts = [("a man", {"gender": "man"}), ("a man", {"gender": "man", "age": "old"})]
    made = [{"text": text, "mentioned": json.dumps(said)} for text, said in texts]
    numbers = style_numbers(made, len)
    assert (numbers.attributes, numbers.tokens, numbers.words) == (1.5, 5.0, 2.0)
    assert numbers.read_back == 0.5  # the second says nothing of age
    assert (numbers.distinct, numbers.grams) == (0.5, (2, 1, 0))
    with pytest.raises(ValueError, match="no captions"):
        style_numbers([], len)


def test_datasets_reads_what_was_written(job, whole, tmp_path):
    datasets = pytest.importorskip("datasets")
    names = [str(path) for path, _ in job.files()]
    data = datasets.load_dataset(
        "parquet", data_files=names, split="train", cache_dir=str(tmp_path)
    )
    assert data["seed"] == list(range(20, 27))
    assert data[0]["captions"][0]["style"] == "tags" and data[0]["questions"][0]["question"]
    assert count_texts(job.out) == (7, 56)


def test_a_full_disk_leaves_nothing_that_looks_finished(job, tmp_path, monkeypatch):
    def fail(table, path, **options):
        Path(path).write_bytes(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    again = replace(job, out=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(files.pq, "write_table", fail)
        with pytest.raises(ValueError, match=r"No space left.*same command"):
            write_texts(again)
    assert list(tmp_path.iterdir()) == []
    assert len(write_texts(again)) == 4


def test_an_interrupted_run_leaves_whole_files_only(job, whole, tmp_path, monkeypatch):
    written: list[str] = []
    write = files.pq.write_table

    def interrupted(table, path, **options):
        if written:
            Path(path).write_bytes(b"half a file")
            raise KeyboardInterrupt
        write(table, path, **options)
        written.append(path.name)

    with monkeypatch.context() as patch:
        patch.setattr(files.pq, "write_table", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_texts(replace(job, out=tmp_path))
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == whole[left.name]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"questions_per_face": -1}, "-1"), ({"num_faces": 0}, "at least 1")],
)
def test_jobs_that_make_no_sense_are_refused(job, change, words):
    with pytest.raises(ValueError, match=words):
        replace(job, **change)


def test_commands_explain_what_is_wrong(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    def error_of(*arguments: str) -> str:
        assert cli.main(list(arguments)) == 2
        return capsys.readouterr().err

    assert "cannot write to" in error_of("text", "--count", "1", "--out", str(blocked / "below"))
    assert "command `text`" in error_of("statistics", "--text", str(tmp_path))
    (tmp_path / "train-0.parquet").write_bytes(b"no parquet")
    assert "train-0.parquet" in error_of("statistics", "--text", str(tmp_path))
    assert "at least 1" in error_of("balance", "--count", "0")
    missing = error_of("balance", "--count", "500", "--card", str(tmp_path / "none.md"))
    assert "none.md" in missing


def test_sections_replace_each_other_and_nothing_else():
    text = "a <!-- x:start -->old<!-- x:end --> b <!-- y:start --><!-- y:end -->"
    once = insert(text, "x", "new")
    assert once == insert(once, "x", "new") and "old" not in once
    assert once.startswith("a ") and once.endswith(" b <!-- y:start --><!-- y:end -->")
    for broken in ("", text + text, "<!-- x:end --><!-- x:start -->"):
        with pytest.raises(ValueError, match="x:start"):
            insert(broken, "x", "new")


def test_the_shipped_card_holds_every_section():
    shipped = (Path(__file__).parents[1] / "assets/data/README.md").read_text(encoding="utf-8")
    for section in ("statistics", "balance", "bench-256"):
        insert(shipped, section, "")
    assert f"With {len(ATTRIBUTES)} attributes" in shipped


@pytest.mark.parametrize("split", get_args(Split))
def test_only_the_named_attributes_vary_and_as_they_always_do(split):
    names = ("hair_color", "expression", "mouth", "brows", "gaze")
    for seed in range(40):
        whole, some = sample_attributes(seed, split), sample_attributes(seed, split, names)
        plain = {n: a.values[0] for n, a in ATTRIBUTES.items() if n not in names}
        assert {n: some[n] for n in plain} == plain
        assert some["hair_color"] == whole["hair_color"] and some["gaze"] == whole["gaze"]
        assert sample_attributes(seed, split, tuple(ATTRIBUTES)) == whole
    with pytest.raises(ValueError, match="unknown attributes: tail"):
        sample_attributes(0, split, ("tail",))


def test_the_first_attributes_of_a_seed_never_change():
    names = [name for name, _ in FIRST_VOCABULARY]
    drawn = [[sample_attributes(seed)[name] for name in names] for seed in range(300)]
    assert zlib.crc32(json.dumps(drawn).encode()) == 1671573694
