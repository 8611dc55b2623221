import re
import string

import pytest

from unif2ace import policy, serving
from unif2ace.languages import LANGUAGES, TABLE, preferred, say, translations


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


REFUSALS = (policy.SEXUAL, policy.MINOR, policy.REAL_PERSON, policy.IDENTITY, policy.SENSITIVE)


@pytest.mark.parametrize("refusal", [*REFUSALS, serving.NOTHING_SAID])
def test_refusals_are_said_in_every_language(refusal):
    assert len({say(refusal, language) for language in LANGUAGES}) == len(LANGUAGES)
