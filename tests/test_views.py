import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from unif2ace import views
from unif2ace.attributes import ATTRIBUTES, VOCABULARY
from unif2ace.languages import LANGUAGES
from unif2ace.parsing import parse_attributes
from unif2ace.provenance import SOURCE_TYPE, Verification
from unif2ace.serving import Painting
from unif2ace.wording import DETAIL_QUESTION, NOT_VISIBLE, canonical_question

KNOWN = dict(VOCABULARY)
EVIL = "<script>alert('x')</script>\"&"


def painting(is_masked, color="red"):
    preview = Image.new("RGB", (32, 32), color)
    return Painting(preview=preview, is_masked=np.array(is_masked), step=2, num_steps=5)


def test_the_mosaic_has_one_tile_per_token_hatched_where_masked():
    html = views.mosaic(painting([[True, False, False], [False, True, True]]))
    tiles = re.findall(r"<i .*?></i>", html.split("legend")[0])
    assert ["open" in tile for tile in tiles] == [True, False, False, False, True, True]
    assert tiles[1].count("rgb(255,0,0)") == 1
    assert "Step 2 of 5: 3 of 6 pieces still open" in html
    assert "all pieces painted" in views.mosaic(painting([[False]]))


def test_each_bar_has_its_number_and_word():
    asked = {"hair_color": ["red"], "glasses": ["round"], "hat": ["beanie"]}
    html = views.agreement(asked, {"hair_color": 0.91, "glasses": 0.5, "hat": 0.1})
    assert re.findall(r"'row'>(.*?)</th>.*?(\d+) %</td><td>(. \w+)", html) == [
        ("red hair", "91", "✓ seen"),
        ("round glasses", "50", "~ perhaps"),
        ("a beanie", "10", "✗ not"),
    ]
    assert "nothing" in views.agreement({}, {})


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("glasses", ["rectangular", "round", "sunglasses"], "Glasses"),
        ("facial_hair", ["full beard", "goatee"], "a full beard / a goatee"),
        ("facial_hair", ["none"], "no beard"),
        ("age", ["middle-aged", "old"], "middle-aged / old"),
    ],
)
def test_of_several_values_that_would_do_each_is_named_or_all_at_once(name, values, words):
    html = views.agreement({name: values}, {name: 0.5})
    assert re.findall(r"'row'>(.*?)</th>", html) == [words]


def test_what_the_words_left_open_is_told_when_asked():
    html = views.chosen({"gender": "man", "hair_color": "red"})
    assert html.startswith("<details") and "<p>man, red hair</p>" in html
    assert views.chosen({}) == ""


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_what_was_asked_for_is_said_in_words_that_mean_it(name):
    for value in ATTRIBUTES[name].values:
        html = views.agreement({name: [value]}, {name: 0.5})
        words = re.findall(r"'row'>(.*?)</th>", html)[0]
        assert words == value or parse_attributes(words).get(name) == value


def full_table(chosen):
    """Certain of the value `chosen(attribute)`, with "not visible" among the values."""
    return {
        name: {
            value: float(value == chosen(attribute)) for value in (*attribute.values, NOT_VISIBLE)
        }
        for name, attribute in ATTRIBUTES.items()
    }


def test_every_attribute_is_observed_once_with_its_likeliest_value():
    html = views.observations(full_table(lambda attribute: attribute.values[1]))
    assert html.count("<tr ") == len(ATTRIBUTES)
    for name, attribute in ATTRIBUTES.items():
        row = f">{views.attribute_name(name, 'en')}</th><td>{attribute.values[1]}</td>"
        assert html.count(row) == 1


def test_what_is_hidden_is_listed_once_in_its_group():
    html = views.observations(full_table(lambda attribute: NOT_VISIBLE))
    groups = re.findall(r"<em>not visible</em>: (.*?)</td>", html)
    assert len(groups) == html.count("<caption>") and "<th" not in html
    listed = sorted(name for group in groups for name in group.split(", "))
    assert listed == sorted(views.attribute_name(name, "en") for name in ATTRIBUTES)
    seen = views.observations(full_table(lambda attribute: attribute.values[0]))
    assert "not visible</em>" not in seen


def test_the_table_is_downloaded_whole():
    table = full_table(lambda attribute: attribute.values[0])
    html = views.observations(table)
    files = dict(re.findall(r'download="[^"]*\.(\w+)" href="data:[^,]*,([^"]*)"', html))
    files = {kind: base64.b64decode(data).decode() for kind, data in files.items()}
    assert json.loads(files["json"]) == table
    again: dict[str, dict[str, float]] = {}
    for row in csv.DictReader(io.StringIO(files["csv"])):
        again.setdefault(row["attribute"], {})[row["value"]] = float(row["probability"])
    assert again == table


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_and_every_question_can_be_picked_once(language):
    html = views.value_chooser(KNOWN, language)
    chips = re.findall(r'data-name="(.*?)" data-value="(.*?)"', html)
    assert sorted(chips) == sorted((n, v) for n, a in ATTRIBUTES.items() for v in a.values)
    questions = re.findall(r'data-value="(.*?)"', views.question_chooser(KNOWN, language))
    assert questions[0] == DETAIL_QUESTION
    assert sorted(questions[1:]) == sorted(map(canonical_question, ATTRIBUTES))


def test_the_steps_of_a_scale_are_offered_in_order():
    html = views.value_chooser({"skin_tone_monk": ("3", "1", "10", "2")}, "en")
    assert re.findall(r'data-value="(.*?)"', html) == ["1", "2", "3", "10"]
    assert "<span>Monk skin tone</span>" in html


def test_in_other_languages_buttons_are_read_in_them_and_write_english():
    red = re.findall(
        r'data-value="red"[^>]*aria-label="([^"]*)">(.*?)<', views.value_chooser(KNOWN, "ja")
    )
    assert ("髪の色: 赤", "赤") in red
    html = views.question_chooser(KNOWN, "zh")
    assert f'data-value="{canonical_question("hair_color")}">发色</button>' in html
    assert "<th scope='row'>髪の色: 赤</th>" in views.agreement(
        {"hair_color": ["red"]}, {"hair_color": 0.9}, "ja"
    )
    either = views.agreement({"hair_color": ["black", "red"]}, {"hair_color": 0.9}, "ja")
    assert "<th scope='row'>髪の色: 黒 / 赤</th>" in either
    table = full_table(lambda attribute: attribute.values[0])
    assert ">女性</td>" in views.observations(table, "ja")


def test_every_region_has_its_place():
    groups = views.grouped(ATTRIBUTES)
    names = [name for group in groups.values() for name in group]
    assert sorted(names) == sorted(ATTRIBUTES) and list(groups) == list(views.GROUPS)


def test_nothing_is_offered_that_the_checkpoint_does_not_know():
    known = {"hat": ("none", "beanie"), "gaze": ATTRIBUTES["gaze"].values}
    chips = re.findall(r'data-name="(.*?)" data-value="(.*?)"', views.value_chooser(known, "en"))
    assert sorted(chips) == sorted((n, v) for n, values in known.items() for v in values)
    questions = re.findall(r'data-value="(.*?)"', views.question_chooser(known, "en"))
    assert sorted(questions) == sorted([DETAIL_QUESTION, *map(canonical_question, known)])
    assert views.grouped(known) == {"Hair": ["hat"], "Eyes": ["gaze"]}


@pytest.mark.parametrize("score", [0.0, 9.0])
@pytest.mark.parametrize("source_type", [None, SOURCE_TYPE])
def test_text_from_a_file_is_escaped(score, source_type):
    found = Verification(score=score, source_type=source_type, settings={EVIL: EVIL, "seed": 3})
    html = views.verification(found)
    assert "<script" not in html.lower() and "seed" in html.lower()
    assert ("Painted by this AI" in html) == (score > 5)


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_invisible_mark_makes_a_picture_ours(language):
    ours, edited, foreign, plain = (
        views.verification(found, language)
        for found in (
            Verification(score=9.0, source_type=None, settings=None),
            Verification(score=0.0, source_type=SOURCE_TYPE, settings={"seed": 3}),
            Verification(score=0.0, source_type=SOURCE_TYPE, settings=None),
            Verification(score=0.0, source_type=None, settings=None),
        )
    )
    titles = [re.findall("<h3>(.*?)</h3>", html)[0] for html in (ours, edited, foreign, plain)]
    assert len(set(titles)) == 4 and [title[0] == "✓" for title in titles] == [True] + 3 * [False]


def test_the_link_repeats_the_settings_and_is_escaped():
    settings = {"prompt": EVIL, "seed": 4, "steps": 9, "guidance": 2.5, "checkpoint": "a/b@c"}
    html = views.result_line(settings)
    assert "<script" not in html and "seed=4" in html and "steps=9" in html
    assert ">4</b>" in html and "guidance 2.5" in html


def test_the_link_to_a_question_holds_the_question_alone():
    html = views.question_line("Is it <b>?", None, "a/b")
    assert "Understood" not in html
    (query,) = re.findall(r'href="\?(.*?)"', html)
    assert query == "tab=understand&amp;question=Is+it+%3Cb%3E%3F&amp;checkpoint=a%2Fb"


def test_what_a_question_was_taken_for_is_named_in_every_language():
    lines = [views.question_line("how tall?", "hair_color", "a/b", to) for to in ("en", "ja", "zh")]
    assert "Understood as a question about: Hair color" in lines[0] and len(set(lines)) == 3
    for name, line in zip(("Hair color", "髪の色", "发色"), lines, strict=True):
        assert name in line


def test_what_else_a_question_may_be_about_can_be_asked_at_a_press():
    line = views.question_line("brows?", "brows", "a/b", "ja", others=["raised_brow", "hat"])
    offered = re.findall(r'data-name="question" data-value="(.*?)"', line)
    assert offered == [canonical_question("raised_brow"), canonical_question("hat")]
    assert "chip" not in views.question_line("brows?", "brows", "a/b")
