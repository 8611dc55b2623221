import io
import re
import string
from pathlib import Path

import pytest
from PIL import Image
from tiny import tiny_model, tiny_tokenizer

from unif2ace import policy, serving
from unif2ace.attributes import ATTRIBUTES
from unif2ace.images import MAX_BYTES, crop_face, read_upload
from unif2ace.languages import LANGUAGES, TABLE, preferred, retold, say, translations
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.regions import REGIONS, check_region
from unif2ace.value_names import value_name
from unif2ace.views import attribute_name


def fields(text):
    return [(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None]


@pytest.mark.parametrize("english", TABLE)
def test_a_translation_has_the_same_places_to_fill_in_and_the_same_heading(english):
    for translated in TABLE[english]:
        assert translated.strip() and fields(translated) == fields(english)
        heading = re.match("#*", english).group()
        assert re.match("#*", translated).group() == heading


def test_what_the_browser_translates_has_no_braces_and_every_language():
    tables = translations()
    assert set(tables) == set(LANGUAGES)
    assert len({frozenset(table) for table in tables.values()}) == 1
    for table in tables.values():
        assert not any("{" in text or "}" in text for pair in table.items() for text in pair)
    assert all(english == said for english, said in tables["en"].items())


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("zh-TW", "zh"),
        ("fr-FR, fr;q=0.9, ZH-CN;q=0.5", "zh"),
        ("de", "en"),
        ("", "en"),
        (";;,,q=", "en"),
        ("x" * 9999, "en"),
    ],
)
def test_the_first_known_language_of_the_browser_is_spoken(header, language):
    assert preferred(header) == language


def test_what_nobody_translated_stays_english():
    assert say("no such text", "ja") == say("no such text", "tlh") == "no such text"


REFUSALS = (
    *(policy.SEXUAL, policy.MINOR, policy.REAL_PERSON),
    *(policy.IDENTITY, policy.SENSITIVE, policy.ENGLISH),
)


@pytest.mark.parametrize("refusal", [*REFUSALS, serving.NOTHING_SAID])
def test_refusals_are_said_in_every_language(refusal):
    assert len({say(refusal, language) for language in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize("name", sorted({*ATTRIBUTES, *REGIONS}))
def test_what_can_be_seen_has_a_name_in_every_language(name):
    for language in ("ja", "zh"):
        assert re.search("[\u3040-\u9fff]", attribute_name(name, language))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_values_have_names_in_every_language_that_tell_them_apart(name):
    values = ATTRIBUTES[name].values
    assert [value_name(name, value, "en") for value in values] == list(values)
    for language in ("ja", "zh"):
        names = [value_name(name, value, language) for value in values]
        assert len(set(names)) == len(names)
        assert all(re.search("[\u3040-\u9fff]", said) for said in names)


def test_a_value_without_a_name_stays_english():
    assert value_name("hat", "sombrero", "ja") == "sombrero"


ROOT = Path(__file__).parents[1]
DRAWING = (ROOT / "assets" / "diagram.svg").read_text(encoding="utf-8")
EXAMPLES = [path.stem[2:] for path in (ROOT / "assets" / "examples").glob("*.png")]


@pytest.mark.parametrize("english", re.findall(r">([^<>\n]+)</(?:text|title)>", DRAWING))
def test_the_drawing_speaks_every_language(english):
    assert all(re.search("[\u3040-\u9fff]", say(english, language)) for language in ("ja", "zh"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_have_a_name_in_every_language(name):
    title = name.replace("-", " ").capitalize()
    assert all(re.search("[\u3040-\u9fff]", say(title, language)) for language in ("ja", "zh"))


@pytest.mark.parametrize("english", [text for text in TABLE if fields(text)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_filled_in_message_is_retold_with_its_values(english, language):
    values = [1001 + i for i in range(len(fields(english)))]
    said = say(english, language).format(*values)
    assert retold(english.format(*values), language) == said


def picture(size, mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


SETTINGS = {"steps": 1, "guidance": 2.0, "num_images": 1, "seed": 1}
WRONG = {
    "the prompt is empty": lambda pipe: pipe.check_prompt(" "),
    "the prompt is long": lambda pipe: pipe.check_prompt("x" * 5000),
    "the question is empty": lambda pipe: pipe.check_question(""),
    "the question is long": lambda pipe: pipe.check_question("x" * 5000),
    "an unknown part": lambda pipe: check_region("soul"),
    "an empty file": lambda pipe: read_upload(b""),
    "no picture": lambda pipe: read_upload(b"no picture"),
    "a damaged picture": lambda pipe: read_upload(picture((300, 300))[:200]),
    "a small picture": lambda pipe: read_upload(picture((20, 30))),
    "a large picture": lambda pipe: read_upload(picture((9000, 8000), "1")),
    "a large file": lambda pipe: read_upload(bytes(MAX_BYTES + 2**20)),
    "no face": lambda pipe: crop_face(Image.new("RGB", (300, 300), "green"), 64),
    **{
        name: lambda pipe, name=name: pipe.check_settings(**{**SETTINGS, name: -3})
        for name in SETTINGS
    },
}


@pytest.fixture(scope="module")
def pipeline():
    return UniF2acePipeline(tiny_model(), tiny_tokenizer())


@pytest.mark.parametrize("what", WRONG)
def test_what_a_visitor_does_wrong_is_said_in_every_language_with_the_same_numbers(what, pipeline):
    with pytest.raises(ValueError) as error:
        WRONG[what](pipeline)
    message = str(error.value)
    assert retold(message, "en") == message
    for language in ("ja", "zh"):
        told = retold(message, language)
        assert re.search("[\u3040-\u9fff]", told)
        assert re.findall(r"\d+", told) == re.findall(r"\d+", message)
        assert not re.search(r"\b(?:must|have|has|the|please|known)\b", told.lower())
