"""The README tells the truth about the tree."""

import json
import re
import subprocess
from pathlib import Path

import yaml

from unif2ace.checkpoint import checkpoint_name
from unif2ace.evaluate.plots import write_plots
from unif2ace.evaluate.report import render
from unif2ace.markdown import insert

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NO_CHECKPOINTS = ("judge", "compare", "ablation")  # they measure others than what is shipped
MAY_BE_OLDER = ("crowd", "probes", "frontier", "bench")
HEADER = yaml.safe_load(README.split("---")[1])


def mapped_paths():
    """Every path of the table, names after a comma in the folder of the first one."""
    for row in re.findall(r"^\| (`.*?`) \|", README, re.MULTILINE):
        folder = Path()
        for name in re.findall(r"`(.*?)`", row):
            path = Path(name) if "/" in name or name == "app.py" else folder / name
            folder = path.parent
            yield path


def test_every_path_of_the_map_exists():
    for path in mapped_paths():
        assert (ROOT / path).exists(), path


def test_the_map_shows_every_large_part():
    shown = {path.as_posix().rstrip("/") for path in mapped_paths()}
    packages = {p.parent.relative_to(ROOT).as_posix() for p in ROOT.glob("unif2ace/*/__init__.py")}
    assert packages <= shown
    assert {"app.py", "assets", "tests", "unif2ace/pipeline.py", "unif2ace/model.py"} <= shown


def test_what_was_measured_is_the_checkpoint_that_is_shipped():
    report = json.loads((ROOT / "assets" / "report.json").read_text(encoding="utf-8"))
    named = {
        name: part["checkpoint"] for name, part in report.items() if name not in NO_CHECKPOINTS
    }
    shipped = checkpoint_name(ROOT / "assets" / "checkpoint", None, None)
    for name in ("understanding", "photographs", "generation"):
        assert named[name] == shipped
    for name, of in named.items():  # what takes long may be older, and the README says so
        assert of == shipped or (name in MAY_BE_OLDER and f"`{of}`" in README)


def test_every_number_of_the_tables_is_the_reports():
    report = json.loads((ROOT / "assets" / "report.json").read_text(encoding="utf-8"))
    for path in (ROOT / "README.md", ROOT / "assets" / "checkpoint" / "README.md"):
        text = path.read_text(encoding="utf-8")
        assert insert(text, "report", render(report), path.name) == text


def test_the_figures_are_the_reports(tmp_path):
    report = json.loads((ROOT / "assets" / "report.json").read_text(encoding="utf-8"))
    drawn = {path.name for path in write_plots(report, tmp_path)}
    assert drawn == {path.name for path in (ROOT / "assets" / "plots").iterdir()}
    shown = set(re.findall(r"\(assets/plots/(\w+\.svg)\)", README))
    assert shown and shown <= drawn


def test_the_header_fits_a_space():
    assert HEADER["sdk"] == "gradio" and HEADER["app_file"] == "app.py"
    assert HEADER["license"] == "apache-2.0"
    assert len(HEADER["short_description"]) <= 60  # the Hub refuses longer ones
    assert HEADER["python_version"] in ("3.10", "3.12")  # what ZeroGPU runs


def test_nothing_but_the_known_few_lies_at_the_top():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    top = {name.split("/")[0] for name in listed if name and not name.startswith(".")}
    allowed = {"app.py", "unif2ace", "assets", "tests", "requirements.txt", "README.md"}
    assert top <= allowed
