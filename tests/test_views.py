import re

import numpy as np
import pytest
from PIL import Image

from unif2ace import views
from unif2ace.attributes import ATTRIBUTES
from unif2ace.provenance import SOURCE_TYPE, Verification
from unif2ace.serving import Painting

EVIL = "<script>alert('x')</script>\"&"


def painting(is_masked, color="red"):
    preview = Image.new("RGB", (32, 32), color)
    return Painting(preview=preview, is_masked=np.array(is_masked), step=2, num_steps=5)


def test_the_mosaic_has_one_tile_per_token_hatched_where_masked():
    html = views.mosaic(painting([[True, False, False], [False, True, True]]))
    tiles = re.findall(r"<i .*?></i>", html)
    assert ["open" in tile for tile in tiles] == [True, False, False, False, True, True]
    assert tiles[1].count("rgb(255,0,0)") == 1
    assert "Step 2 of 5: 3 of 6 pieces still open" in html
    assert "all pieces painted" in views.mosaic(painting([[False]]))


def test_each_bar_has_its_number_and_word():
    html = views.agreement({"hair_color": 0.91, "glasses": 0.5, "hat": 0.1})
    assert re.findall(r"(\d+) %</td><td>(. \w+)", html) == [
        ("91", "✓ yes"),
        ("50", "~ perhaps"),
        ("10", "✗ no"),
    ]
    assert "nothing" in views.agreement({})


def test_every_attribute_is_observed_once_with_its_likeliest_value():
    table = {
        name: {value: float(i == 1) for i, value in enumerate(attribute.values)}
        for name, attribute in ATTRIBUTES.items()
    }
    html = views.observations(table)
    assert html.count("<tr>") == len(ATTRIBUTES)
    for name, attribute in ATTRIBUTES.items():
        row = f">{name.replace('_', ' ').capitalize()}</th><td>{attribute.values[1]}</td>"
        assert html.count(row) == 1


@pytest.mark.parametrize("score", [0.0, 9.0])
@pytest.mark.parametrize("source_type", [None, SOURCE_TYPE])
def test_text_from_a_file_is_escaped(score, source_type):
    found = Verification(score=score, source_type=source_type, settings={EVIL: EVIL, "seed": 3})
    html = views.verification(found)
    assert "<script" not in html.lower() and "seed" in html.lower()
    assert ("Painted by this AI" in html) == (score > 5 or source_type is not None)


def test_the_link_repeats_the_settings_and_is_escaped():
    settings = {"prompt": EVIL, "seed": 4, "steps": 9, "guidance": 2.5, "checkpoint": "a/b@c"}
    html = views.result_line(settings)
    assert "<script" not in html and "seed=4" in html and "steps=9" in html
    assert ">4</b>" in html and "guidance 2.5" in html
