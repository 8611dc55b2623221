"""Laws of the words: what is said is understood, and the parser reads visitors' English."""

import random
import time

import pytest
from faces import random_faces
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.attributes import ATTRIBUTES, visible
from unif2ace.details import with_implied
from unif2ace.lexicon import ADJECTIVES, GROUPS, NOT_TYPOS, PHRASES, PRESENCE, said, understood
from unif2ace.parsing import (
    declines,
    is_to_the_point,
    parse_answer,
    parse_attributes,
    parse_constraints,
    parse_yes_no,
)
from unif2ace.synth.captions import caption, description
from unif2ace.wording import (
    NOT_VISIBLE,
    adjectives,
    article,
    being,
    canonical_answer,
    canonical_question,
    clauses,
    having,
    likeliest_value,
)

PAIRS = [(name, value) for name, a in ATTRIBUTES.items() for value in a.values]
GENDERS = ("woman", "man")
NOTHING_WORN = dict.fromkeys(("glasses", "hat", "facial_hair"), "none")


def test_the_tables_name_only_known_attributes_and_values():
    for table in (ADJECTIVES, PHRASES):
        for name, values in table.items():
            assert set(values) <= set(ATTRIBUTES[name].values), name
    for _, name, allowed in PRESENCE.values():
        assert set(allowed) <= set(ATTRIBUTES[name].values), name
    assert {name for names, _ in GROUPS.values() for name in names} <= set(ATTRIBUTES)


def test_every_value_can_be_said():
    for name, value in PAIRS:
        assert being(name, value) or having(name, value) or adjectives(name, value), (name, value)


@pytest.mark.parametrize("gender", GENDERS)
def test_every_clause_is_understood_as_its_own_fact_and_no_other(gender):
    for name, value in PAIRS:
        for text in clauses(name, value, gender):
            expected = with_implied({name: value})
            if {"she", "her", "he", "his"} & set(text.split()):
                expected["gender"] = value if name == "gender" else gender
            if name != "gender" or value == gender:
                assert parse_attributes(text) == expected, text


def test_no_word_has_two_values_of_one_attribute():
    for name, values in ADJECTIVES.items():
        words = [word for entry in values.values() for word in understood(entry)]
        assert len(words) == len(set(words)), name


def test_output_is_american():
    for name, value in PAIRS:
        texts = [*having(name, value), *being(name, value), *adjectives(name, value)]
        texts += [canonical_question(name), canonical_answer(name, value)]
        for text in texts:
            for british in ("grey", "colour", "moustache", "blonde", "centre"):
                assert british not in text.lower(), text


def test_canonical_answers_are_distinct_and_read_back():
    for name, attribute in ATTRIBUTES.items():
        answers = [canonical_answer(name, value) for value in attribute.values]
        assert len(set(answers)) == len(answers)
        assert [parse_answer(name, answer) for answer in answers] == list(attribute.values)
        assert parse_answer(name, NOT_VISIBLE) is None
    assert len({canonical_question(name) for name in ATTRIBUTES}) == len(ATTRIBUTES)


def test_phrases_carry_the_right_article():
    for name, value in PAIRS:
        for text in having(name, value):
            if text.split()[0] in ("a", "an"):
                assert text.split()[0] == article(text.split()[1]), text


def test_unknown_names_and_values_are_refused_with_their_name():
    with pytest.raises(ValueError, match="wings"):
        canonical_question("wings")
    with pytest.raises(ValueError, match="purple"):
        canonical_answer("hair_color", "purple")
    with pytest.raises(ValueError, match="wings"):
        parse_answer("wings", "Yes.")
    with pytest.raises(ValueError, match="purple"):
        parse_answer("hair_color", "Yes.", asked="purple")


VISITORS = {
    "a smiling woman with red hair": "gender=woman expression=smiling hair_color=red",
    "guy without glasses or a hat": "gender=man glasses=none hat=none",
    "a man without beard and glasses": "gender=man facial_hair=none glasses=none",
    "She has no glasses and red hair.": "gender=woman glasses=none hair_color=red",
    "no glasses, hat or beard": "glasses=none hat=none facial_hair=none",
    "no beard but a moustache": "facial_hair=moustache",
    "he isn't wearing glasses but has a goatee": "gender=man glasses=none facial_hair=goatee",
    "not smiling": "expression=neutral",
    "not smiling, she looks sad": "gender=woman expression=sad",
    "she is neither smiling nor laughing": "gender=woman expression=neutral",
    "not a smiling woman": "gender=woman expression=neutral",
    "this is not a man": "gender=woman",
    "cheeks that are neither hollow nor full": "cheeks=average",
    "a 70 year old": "age=old age_years=70s",
    "twenty-five-year-old woman": "age=young age_years=20s gender=woman",
    "70yo grandma, white hair, round specs": "gender=woman age=old age_years=70s "
    "hair_color=grey glasses=round",
    "woman (40), side-swept hair": "gender=woman age=middle-aged age_years=40s "
    "hair_style=side-swept",
    "man in his 50s": "gender=man age=middle-aged age_years=50s",
    "eyes closed and mouth open": "eyes=closed mouth=open",
    "mouth open, eyes closed, chin up": "mouth=open eyes=closed head_nod=up",
    "hair: red": "hair_color=red",
    "her hair is a deep auburn": "gender=woman hair_color=red",
    "brown hair and eyes": "hair_color=brown eye_color=brown",
    "blue-eyed blond man, square jaw": "gender=man eye_color=blue hair_color=blond chin=broad",
    "black man with stubble": "gender=man skin_tone=dark facial_hair=stubble",
    "a woman in red": "gender=woman clothing_color=red",
    "a woman next to a red car": "gender=woman",
    "black and white photo of a woman": "gender=woman",
    "warm light, dark skin": "light_color=warm skin_tone=dark",
    "light skin, light from the left": "skin_tone=light light=left",
    "lit from the right with cold light": "light=right light_color=cool",
    "her eyes are turned to the left": "gender=woman gaze=left",
    "her head is turned to the left and tilted down": "gender=woman head_turn=left head_nod=down",
    "looking at the camera, face turned right": "gaze=at the camera head_turn=right",
    "closing her left eye": "gender=woman",
    "grey-haired lady, GREY EYES, moustache?": (
        "gender=woman hair_color=grey eye_color=grey facial_hair=moustache"
    ),
    "smilling womn with gren eyes and blnde hiar, freckels": (
        "expression=smiling gender=woman eye_color=green hair_color=blond freckles=yes"
    ),
    "a person with no hair": "hair_style=bald",
    "": "",
    "¿quién es? 私 🙂": "",
}


@pytest.mark.parametrize("text", VISITORS)
def test_visitors_are_understood(text):
    expected = dict(
        pair.split("=") for pair in VISITORS[text].replace("at the camera", "@").split()
    )
    expected = {name: value.replace("@", "at the camera") for name, value in expected.items()}
    assert parse_attributes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a noun behind claims its adjectives, whatever was turned before
        ("looking to the left with long straight hair", {"gaze": "left", "hair_style": "long"}),
        ("facing right, straight black hair", {"head_turn": "right", "hair_color": "black"}),
        ("facing the camera in low light", {"head_turn": "front"}),
        ("facing the camera, a phone in her left hand", {"head_turn": "front", "gender": "woman"}),
        (
            "looking at the camera with a scar on his left cheek",
            {"gender": "man", "gaze": "at the camera", "scar": "left cheek"},
        ),
        # ordinary words that are no typos, and what words say together
        ("long hair and bangs", {"hair_style": "long"}),
        ("a scared man", {"gender": "man"}),
        ("a feather in the hair", {}),
        ("a young man with wrinkles", {"gender": "man", "age": "young"}),
        ("piercing blue eyes", {"eye_color": "blue"}),
        ("a portrait in shades of blue", {}),
        ("a shock of white hair", {"hair_color": "grey"}),
        ("a nun with shopping bags, a cross and laugh lines", {}),
        ("light stubble", {"facial_hair": "stubble"}),
        ("smoky eyes", {"eye_shadow": "yes", "eye_shadow_color": "grey"}),
        ("a man shouting", {"gender": "man", "mouth": "open"}),
        # colors of two words
        ("bright red hair", {"hair_color": "red"}),
        ("warm brown eyes", {"eye_color": "brown"}),
        ("bright red lips", {"lipstick": "red"}),
        ("pale blue shirt", {"clothing_color": "blue"}),
        ("bright blue background", {"background": "blue"}),
        ("light blue beanie", {"hat": "beanie", "hat_color": "blue"}),
        ("a dark blue face mask", {"face_mask": "blue"}),
        # colors of other things
        ("a red scarf and long hair", {"hair_style": "long"}),
        ("black leather jacket", {"clothing_color": "black"}),
        ("a man wearing black sunglasses", {"gender": "man", "glasses": "sunglasses"}),
        ("a woman wearing dark makeup", {"gender": "woman"}),
        ("a woman, black and white photo", {"gender": "woman"}),
        # ages and genders of others
        ("a young woman in an old house", {"gender": "woman", "age": "young"}),
        ("a young woman with 80s hair", {"gender": "woman", "age": "young"}),
        ("a nurse with 30 years of experience", {}),
        ("a man with feminine features", {"gender": "man"}),
        ("feminine", {"gender": "woman"}),
        ("a woman in a man's shirt", {"gender": "woman"}),
        ("is the man's hair red?", {"gender": "man", "hair_color": "red"}),
        ("a boy with his mother", {"gender": "man", "age": "young"}),
        # lists of what is not there
        ("without glasses, a hat, or a beard", NOTHING_WORN),
        ("without glasses, hat and beard", NOTHING_WORN),
        ("no hat, a goatee", {"hat": "none", "facial_hair": "goatee"}),
        # whose cheek it is matters not
        ("a mole on her right cheek", {"gender": "woman", "beauty_mark": "right cheek"}),
        ("a scar on his forehead", {"gender": "man", "scar": "forehead"}),
        ("no scar on her forehead", {"gender": "woman", "scar": "none"}),
    ],
)  # fmt: skip
def test_what_belongs_to_another_noun_is_not_taken_for_the_face(text, expected):
    assert parse_attributes(text) == expected


def test_what_is_left_open_is_a_constraint_not_a_value():
    assert "glasses" not in parse_attributes("man with glasses")
    allowed = parse_constraints("a man with glasses, long hair, and no red shirt")
    assert allowed["glasses"] == {"round", "rectangular", "sunglasses"}
    assert allowed["hair_style"] == {"long", "ponytail", "braid"}
    assert allowed["clothing_color"] == set(ATTRIBUTES["clothing_color"].values) - {"red"}
    assert parse_constraints("a woman in her 30s")["age"] == {"young", "middle-aged"}


def test_conflicts_specific_beats_general_positive_beats_negated_last_beats_first():
    assert parse_attributes("long hair in a braid")["hair_style"] == "braid"
    assert parse_attributes("in a braid, long hair")["hair_style"] == "braid"
    assert parse_attributes("round glasses. The glasses are new.")["glasses"] == "round"
    assert parse_attributes("no beard. a goatee.")["facial_hair"] == "goatee"
    assert parse_attributes("a goatee. no beard.")["facial_hair"] == "goatee"
    assert parse_attributes("red hair, no wait, black hair")["hair_color"] == "black"


@pytest.mark.parametrize(
    ("hidden", "said"), [(0.0, "no"), (0.4, "no"), (0.5, "no"), (0.6, NOT_VISIBLE)]
)
def test_what_is_more_likely_seen_than_not_is_given_its_likeliest_value(hidden, said):
    seen = 1 - hidden
    assert likeliest_value({"yes": 0.4 * seen, "no": 0.6 * seen, NOT_VISIBLE: hidden}) == said


def test_settled_values_are_allowed_values():
    generator = random.Random(0)
    for face in random_faces(1, 100):
        text = caption(face, visible(face), generator=generator, style="long").text
        allowed = parse_constraints(text)
        for name, value in parse_attributes(text).items():
            assert value in allowed[name]


@given(st.text(max_size=200))
def test_any_text_gives_known_values_only(text):
    for name, value in parse_attributes(text).items():
        assert value in ATTRIBUTES[name].values
    for name, allowed in parse_constraints(text).items():
        assert allowed and allowed <= set(ATTRIBUTES[name].values)


WORDS = sorted({w for e in ADJECTIVES.values() for v in e.values() for w in understood(v)})
WORDS += ["no", "not", "without", "and", "or", ",", ".", "is", "her", "hair", "eyes", "glasses"]


@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_any_jumble_of_known_words_gives_known_values_only(words):
    for name, allowed in parse_constraints(" ".join(words)).items():
        assert allowed and allowed <= set(ATTRIBUTES[name].values)


def test_common_words_are_no_typos():
    for word in sorted(NOT_TYPOS):
        assert parse_constraints(f"the {word}.") == {}, word


def test_one_slip_in_a_long_noun_is_mended():
    slips = {"glases": "glasses", "earings": "earrings", "sunglases": "sunglasses"}
    for slip, word in slips.items():
        assert parse_constraints(slip) == parse_constraints(word) != {}
    assert parse_attributes("the hiar is red") == {"hair_color": "red"}  # two letters swapped


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("Yes.", True), ("yes, her hair is red", True), ("No, she is not.", False), ("nope", False)],
)
def test_yes_and_no(text, verdict):
    assert parse_yes_no(text) is verdict


@pytest.mark.parametrize(
    "text", ["Red.", "not visible", "I can't tell: she is bald.", "", "Right."]
)
def test_neither_yes_nor_no(text):
    assert parse_yes_no(text) is None


def test_bare_yes_and_no_answer_what_was_asked():
    assert parse_answer("hair_color", "Yes.", asked="red") == "red"
    assert parse_answer("hair_color", "No.", asked="red") is None
    assert parse_answer("freckles", "No.", asked="yes") == "no"
    assert parse_answer("glasses", "No.") == "none"
    assert parse_answer("glasses", "Yes.") is None
    assert parse_answer("hair_color", "No, her hair is black.", asked="red") == "black"


def test_said_words_are_understood_words():
    for table in (ADJECTIVES, PHRASES):
        for values in table.values():
            for entry in values.values():
                assert set(said(entry)) <= set(understood(entry))


def test_parsing_a_long_text_takes_milliseconds():
    generator = random.Random(2)
    faces = random_faces(2, 40)
    texts = [description(f, visible(f), generator=generator).text for f in faces]
    parse_attributes(texts[0])  # builds the tables
    started = time.process_time()
    for text in texts:
        parse_attributes(text)
    assert (time.process_time() - started) / len(texts) < 0.003


def test_what_tells_the_value_that_is_seen_is_to_the_point():
    for name, attribute in ATTRIBUTES.items():
        for value in attribute.values:
            for seen in attribute.values:
                answer = canonical_answer(name, value).capitalize() + "."
                assert is_to_the_point(name, answer, {name: seen}) == (value == seen), answer


@pytest.mark.parametrize(
    ("name", "text", "is_so"),
    [
        ("earrings", "Yes.", True),  # whatever was asked for
        ("earrings", "No.", True),
        ("earrings", "No, she is wearing no earrings.", True),
        ("earrings", "Yes, she wears earrings.", False),
        ("earrings", "Her hair is red.", False),  # so it is, but nobody asked
        ("earrings", "No, her hair is black.", False),
        ("earrings", "She has no earrings, and her hair is black.", False),
        ("earrings", "", False),
        ("earrings", "No idea, sorry.", False),
        ("earrings", "I can't tell.", False),
        ("hat_color", "I can't tell: that is not visible here.", True),
        ("hat_color", "No, she wears no hat.", True),
        ("hat_color", "Not visible: she wears no hat.", True),
        ("hat_color", "The hat is red.", False),
        ("hat_color", "She wears a beanie.", False),
        ("light_color", "neutral", True),  # and no expression
        ("wink_side", "No, her eyes are open.", True),
        ("wink_side", "No, she is winking.", False),
        ("hat_color", "No, her hair is red.", False),
    ],
)
def test_what_is_beside_the_point_or_speaks_against_what_is_seen_is_not(name, text, is_so):
    seen = {"earrings": "no", "hair_color": "red", "hat": "none"}
    seen |= {"hat_color": NOT_VISIBLE, "wink_side": NOT_VISIBLE, "eyes": "open"}
    seen |= {"light_color": "neutral", "expression": "smiling"}
    assert is_to_the_point(name, text, seen) is is_so


@pytest.mark.parametrize(
    ("asked", "text", "is_so"),
    [
        ("red", "Yes, her hair is red.", True),
        ("red", "Yes.", True),
        ("red", "No, her hair is red.", False),
        ("red", "Her hair is red.", False),
        ("black", "No, her hair is red.", True),
        ("black", "Her hair is red.", False),
        ("black", "Yes, her hair is red.", False),
        ("black", "Yes.", False),
        ("black", "No, her hair is black.", False),
    ],
)
def test_who_names_a_value_is_told_yes_or_no(asked, text, is_so):
    assert is_to_the_point("hair_color", text, {"hair_color": "red"}, asked={asked}) is is_so


@pytest.mark.parametrize(
    ("asked", "text", "is_so"),
    [
        ({"sad", "angry"}, "No, she is laughing.", True),
        ({"sad", "angry"}, "Yes, she is laughing.", False),
        ({"laughing", "angry"}, "Yes, she is laughing.", True),
        ({"laughing", "angry"}, "She is laughing.", False),
        ({"smiling"}, "Yes, she is laughing.", True),  # who laughs smiles
        ({"smiling", "sad"}, "No, she is laughing.", True),  # who lists them means these
    ],
)
def test_who_names_several_values_is_told_yes_or_no(asked, text, is_so):
    assert is_to_the_point("expression", text, {"expression": "laughing"}, asked=asked) is is_so


def test_who_cannot_tell_declines():
    assert declines("I can't tell: a face does not show that.") and declines("Not visible: bald.")
    assert not declines("She is visibly smiling.")


def test_only_what_there_is_can_be_the_point():
    with pytest.raises(ValueError, match="wings"):
        is_to_the_point("wings", "Two.", {})
    with pytest.raises(ValueError, match="what is seen of hat is not told"):
        is_to_the_point("hat", "Yes.", {"glasses": "none"})
