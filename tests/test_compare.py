from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import save_tiny

from unif2ace.attributes import ATTRIBUTES
from unif2ace.evaluate.compare import Behaviour, compare, compared, file_bytes, forms
from unif2ace.evaluate.faces import LabelledFaces
from unif2ace.train.export import export

ONE = Behaviour(
    is_right=(True, True, False, True),
    read=("a", "b", None),
    answers=("yes", "no"),
    codes=np.array([[1, 2], [3, 4]]),
    weight_bytes=2**21,
    copy_bytes=0,
    file_bytes=2**21,
)


def test_forms_are_counted_against_the_first():
    other = replace(
        ONE,
        is_right=(True, False, False, True),
        read=("a", "c", None),
        answers=("yes", "maybe"),
        codes=np.array([[1, 2], [3, 5]]),
        weight_bytes=2**20,
        copy_bytes=2**19,
        file_bytes=2**18,
    )
    rows = compared({"exact": ONE, "cheap": other})
    assert rows["exact"]["accuracy_lost"] == 0 and rows["exact"]["same_codes"] == 1
    cheap = rows["cheap"]
    assert cheap["accuracy"]["share"] == 0.5 and cheap["accuracy_lost"] == 0.25
    assert (cheap["same_attributes"]["hits"], cheap["same_attributes"]["total"]) == (2, 3)
    assert (cheap["same_answers"]["hits"], cheap["same_codes"]) == (1, 0.75)
    assert (rows["exact"]["weight_mib"], rows["exact"]["copy_mib"]) == (2.0, 0.0)
    assert [cheap[f"{kind}_mib"] for kind in ("weight", "copy", "file")] == [1.0, 0.5, 0.2]


@pytest.fixture(scope="module")
def ways(tmp_path_factory):
    return forms(save_tiny(tmp_path_factory.mktemp("checkpoint")))


def test_the_forms_differ_in_how_weights_are_held(ways):
    models = {name: load().model for name, load in ways.items()}
    held = {name: {p.dtype for p in model.parameters()} for name, model in models.items()}
    assert held["float32"] == {torch.float32} and held["bfloat16"] == {torch.bfloat16}
    assert torch.uint8 in held["nf4"]
    sizes = {name: file_bytes(model) for name, model in models.items()}
    assert sizes["nf4"] < sizes["bfloat16"] < 0.6 * sizes["float32"]


def test_what_is_nf4_already_has_nothing_to_compare(tmp_path):
    export(save_tiny(tmp_path / "full"), tmp_path / "nf4")
    with pytest.raises(ValueError, match=r"nf4 is NF4: compare the full weights"):
        forms(tmp_path / "nf4")


def test_a_form_compared_with_itself_loses_nothing(ways):
    picture = np.random.default_rng(0).integers(0, 255, (1, 32, 32, 3), dtype=np.uint8)
    values = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
    faces = LabelledFaces(
        pictures=picture,
        seeds=[0],
        attributes=[values],
        visible=[frozenset(values)],
        landmarks=np.zeros((1, 68, 2), np.float32),
    )
    rows = compare({"one": ways["float32"], "other": ways["float32"]}, faces, seed=3)["forms"]
    assert rows["one"] == rows["other"] and rows["other"]["same_answers"]["share"] == 1
    assert rows["other"]["accuracy"]["total"] == len(ATTRIBUTES)
