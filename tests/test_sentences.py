"""Laws of careful answers: what is shown agrees with what is seen, and nothing else changes."""

import itertools
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny import save_tiny

from unif2ace.attributes import REFINED, goes_without_saying
from unif2ace.parsing import ABSENT, is_to_the_point, parse_attributes
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.sampler import generate_tokens
from unif2ace.sentences import _listed, careful_tokens, settled_tokens
from unif2ace.wording import DESCRIBE_QUESTION, DETAIL_QUESTION, NOT_VISIBLE, canonical_question

WORDS = ("<eos>", ".", ",", "and", "red", "blue", "hat", "scarf", "tall", "short", "hm")
EOS, STOP, COMMA, AND = range(4)
VALUES = {"red": "color", "blue": "color", "hat": "thing", "scarf": "thing"}
VALUES |= {"tall": "height", "short": "height"}


ASSETS = Path(__file__).parents[1] / "assets"


@pytest.fixture(scope="module")
def pipe(tmp_path_factory) -> UniF2acePipeline:
    return UniF2acePipeline.from_pretrained(save_tiny(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def shipped() -> UniF2acePipeline:
    return UniF2acePipeline.from_pretrained(ASSETS / "checkpoint")


@pytest.fixture
def render() -> Image.Image:
    return Image.open(ASSETS / "examples" / "2-grey-beard.png")


def ids(text: str) -> list[int]:
    return [WORDS.index(word) for word in text.split()]


def statements(tokens) -> dict[str, str]:
    return {VALUES[WORDS[t]]: WORDS[t] for t in tokens if WORDS[t] in VALUES}


class Rows:
    """The methods of `KeyValues` that are used, over plain lists of ids."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = [[]]

    def get_seq_length(self) -> int:
        return len(self.rows[0])

    def crop(self, length: int) -> None:
        self.rows = [row[: len(row) + length] for row in self.rows] if length else self.rows

    def select(self, chosen) -> None:
        self.rows = [list(self.rows[i]) for i in chosen]


class Speaker:
    """Says what a script tells after each context: the first choice, less likely the others."""

    def __init__(self, script) -> None:
        self.script, self.cache, self.contexts = script, Rows(), []

    def logits(self, context) -> torch.Tensor:
        scores = torch.full((len(WORDS),), -50.0)
        for rank, word in enumerate(self.script(" ".join(WORDS[t] for t in context))):
            scores[WORDS.index(word)] = -rank / 2
        return scores

    def next_logits(self, token_ids: torch.Tensor) -> torch.Tensor:
        assert len(token_ids) == len(self.cache.rows)
        for row, new in zip(self.cache.rows, token_ids.tolist(), strict=True):
            row += new
        self.contexts += [tuple(row) for row in self.cache.rows]
        return torch.stack([self.logits(row) for row in self.cache.rows])

    def answer(self, seen, **settings) -> str:
        tokens = careful_tokens(
            self.next_logits,
            self.logits([]),
            self.cache,  # type: ignore[arg-type]
            statements=statements,
            seen=seen,
            full_stop=STOP,
            comma=COMMA,
            conjunction=AND,
            part_ends=(COMMA, AND),
            inside_words=(),
            eos_token_id=EOS,
            generator=torch.Generator().manual_seed(0),
            **({"max_new_tokens": 40} | settings),
        )
        return " ".join(WORDS[t] for t in tokens)

    def settle(self, good, **settings) -> str | None:
        tokens = settled_tokens(
            self.next_logits,
            self.logits([]),
            self.cache,  # type: ignore[arg-type]
            is_good=lambda tokens: " ".join(WORDS[t] for t in tokens) in good,
            eos_token_id=EOS,
            **(
                {
                    "inside_words": (),
                    "max_new_tokens": 8,
                    "generator": torch.Generator().manual_seed(0),
                }
                | settings
            ),
        )
        return None if tokens is None else " ".join(WORDS[t] for t in tokens)


def story(*choices):
    """A script: choices of words, place by place, whatever was chosen before."""

    def script(context: str):
        place = len(context.split())
        return choices[place].split() if place < len(choices) else ["<eos>"]

    return script


def test_what_agrees_is_said_as_it_comes():
    speaker = Speaker(story("red blue", ",", "hat scarf", ".", "tall short", "."))
    said = speaker.answer({"color": "red", "thing": "hat", "height": "tall"})
    assert said == "red , hat . tall ."
    assert speaker.cache.rows == [ids(said)]
    assert len(speaker.contexts) == 6  # nothing was drawn twice


def test_a_wrong_part_is_drawn_anew_and_the_rest_follows_what_was_drawn():
    def script(context):
        return {
            "": ["red", "blue"],
            "red": [","],
            "blue": ["and"],
            "blue and": ["scarf"],
            "blue and scarf": ["."],
        }.get(context, ["<eos>"])

    speaker = Speaker(script)
    assert speaker.answer({"color": "blue", "thing": "scarf"}) == "blue and scarf ."
    assert speaker.cache.rows == [ids("blue and scarf .")]


def test_a_part_that_says_nothing_yet_hangs_on_what_follows():
    """Of "thick and raised eyebrows" nothing is said without the eyebrows."""

    def script(context):
        return {"": ["hm", "hat"], "hm": ["and"], "hm and": ["red"], "hat": ["."]}.get(
            context, ["."] if context.endswith("red") else ["<eos>"]
        )

    assert Speaker(script).answer({"color": "red", "thing": "hat"}) == "hm and red ."
    assert Speaker(script).answer({"color": "blue", "thing": "hat"}) == "hat ."


def test_a_sentence_ends_before_a_part_that_stays_wrong_and_what_follows_is_as_if_it_had_not():
    speaker = Speaker(story("red", ",", "hat", "and", "hm", ".", "tall", "."))
    assert speaker.answer({"thing": "scarf"}) == "red . tall ."
    assert speaker.cache.rows == [ids("red , hat and hm . tall .")]


def test_a_member_of_a_list_that_stays_wrong_is_left_out_alone():
    speaker = Speaker(story("red", ",", "hat", ",", "tall", ",", "and", "hm", "."))
    assert speaker.answer({"thing": "scarf"}) == "red , tall , and hm ."
    speaker = Speaker(story("red", ",", "hat", ",", "and", "tall", "."))
    assert speaker.answer({"thing": "scarf"}) == "red and tall ."
    speaker = Speaker(story("hat", ",", "red", ",", "and", "tall", "."))  # with its subject
    assert speaker.answer({"thing": "scarf"}) == "hat , red , and tall ."  # for want of better


def test_what_is_wrong_from_the_beginning_or_only_repeats_is_left_out():
    wrong = Speaker(story("red", ".", "hat", ".", "hm", "."))
    assert wrong.answer({"color": "blue", "thing": "hat"}) == "hat . hm ."
    again = Speaker(story("red", ".", "red", ".", "red", "and", "hat", "."))
    assert again.answer({}) == "red . red and hat ."


def test_a_connective_on_its_own_does_not_keep_a_sentence_from_ending_before_it():
    speaker = Speaker(story("red", ",", "and", "hat", ".", "tall", "."))
    assert speaker.answer({"thing": "scarf"}) == "red . tall ."


def test_what_a_sentence_has_said_is_not_said_again_within_it():
    """Drawn anew where there is something new to say; else the sentence ends before it."""
    speaker = Speaker(story("red", ",", "red tall", "and", "hat", "."))
    assert speaker.answer({}, num_drafts=32) == "red , tall and hat ."
    speaker = Speaker(story("red", "and", "red", ".", "tall", "."))
    assert speaker.answer({}) == "red . tall ."
    detail = Speaker(story("red", ",", "red", "hat", "."))  # a part that adds something is none
    assert detail.answer({}) == "red , red hat ."


def test_a_list_that_is_cut_gets_its_and():
    seen = {"height": "short"}
    assert Speaker(story("red", ",", "hat", ",", "tall", ".")).answer(seen) == "red and hat ."
    assert Speaker(story("red", ",", "hat", ".")).answer({}) == "red , hat ."  # as it came
    # no list yet before that comma
    assert Speaker(story("hm", ",", "hat", ",", "tall", ".")).answer(seen) == "hm , hat ."
    found = _listed(ids("red , hat , tall"), COMMA, AND, (COMMA, AND), statements)
    assert found == ids("red , hat , and tall")


def test_something_is_said_when_everything_is_wrong():
    speaker = Speaker(story("red", "and", "hat", ".", "tall", "."))
    seen = {"color": "blue", "thing": "scarf", "height": "short"}
    assert speaker.answer(seen) == "tall ."  # the least wrong
    assert Speaker(story()).answer(seen) == ""


def test_of_good_drafts_the_likeliest_is_taken_not_the_one_that_says_most():
    def script(context: str) -> list[str]:
        following = {
            "": "red tall , hat",
            "hat": "short",
            "red": ".",
            "tall": ".",
            "hat short": ".",
        }
        return following.get(context, "<eos>").split()

    assert Speaker(script).answer({"color": "blue"}, num_drafts=64) == "tall ."


def test_a_draft_does_not_end_the_answer_where_the_likeliest_words_go_on():
    """The end is likelier than the right word, and among the drafts more often."""
    speaker = Speaker(story("red <eos> blue", ".", "tall", "."))
    assert speaker.answer({"color": "blue"}, num_drafts=32) == "blue . tall ."


@pytest.mark.parametrize("room", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("seen", [{}, {"color": "blue", "thing": "scarf"}])
def test_no_more_is_drawn_than_there_is_room_for(room, seen):
    speaker = Speaker(lambda context: ["red", "hat"] if len(context.split()) % 2 else [","])
    said = speaker.answer(seen, max_new_tokens=room)
    assert 0 < len(said.split()) <= room
    # a comma that a sentence is cut at was drawn, and is no more
    assert room - 1 <= max(len(row) for row in speaker.contexts) <= room


def test_whatever_is_preferred_and_seen_ends_in_agreement():
    for color, thing in itertools.product(("red", "blue"), ("hat", "scarf")):
        speaker = Speaker(story("red blue", ",", "scarf hat", "."))
        seen = {"color": color, "thing": thing}
        assert speaker.answer(seen, num_drafts=64) == f"{color} , {thing} ."


def test_the_likeliest_answer_stands_where_it_is_good():
    speaker = Speaker(story("red blue", "hat scarf"))
    assert speaker.settle({"red hat", "blue scarf"}) == "red hat"
    assert len(speaker.contexts) == 2  # nothing else was drawn


def test_else_the_likeliest_good_draft_is_taken():
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        speaker = Speaker(story("red blue short tall"))
        found = speaker.settle({"tall", "blue"}, num_drafts=64, generator=generator)
        assert found == "blue"  # the second choice before the last


def test_nothing_is_said_where_no_draft_is_good_or_comes_to_an_end():
    assert Speaker(story("red", "hat")).settle({"blue"}) is None
    assert Speaker(story("<eos>")).settle({""}) is None
    assert Speaker(lambda context: ["tall"]).settle({"tall", "tall tall"}) is None
    assert Speaker(lambda context: ["tall"]).settle({"tall tall"}, max_new_tokens=2) is None
    assert Speaker(story("tall", "tall")).settle({"tall tall"}, max_new_tokens=3) == "tall tall"


def test_drafts_begin_as_they_are_told_to():
    speaker = Speaker(story("red", "hat scarf"))
    assert speaker.settle({"blue hat"}, beginning=ids("blue")) == "blue hat"
    assert len(speaker.contexts) == 4  # the likeliest words behind it were good at once
    speaker = Speaker(story("red", "hat scarf"))
    assert speaker.settle({"blue scarf", "red scarf"}, beginning=ids("blue")) == "blue scarf"
    assert Speaker(story("red", "hat")).settle({"red hat"}, beginning=ids("blue")) == "red hat"
    assert Speaker(lambda _: ["<eos>"]).settle({"blue"}, beginning=ids("blue")) == "blue"


def test_a_long_draft_is_as_likely_as_its_words_are_on_average():
    def script(context: str) -> list[str]:
        if not context:
            return ["red", "tall", "hat"]
        likely = {"tall": ["<eos>"], "hat": ["scarf"], "hat scarf": ["<eos>"]}
        return likely.get(context, ["<eos>"])

    # each begins with a doubtful word; the longer one goes on with a sure one
    assert Speaker(script).settle({"tall", "hat scarf"}, num_drafts=64) == "hat scarf"


def test_half_a_word_is_not_followed_by_anothers_half():
    """The second word goes on with the first: no draft may take another one in its place."""
    inside = [WORDS.index("blue"), WORDS.index("tall")]
    speaker = Speaker(story("red", "blue tall"))
    assert speaker.settle({"red tall"}, num_drafts=64, inside_words=inside) is None
    assert Speaker(story("red", "blue tall")).settle({"red tall"}, num_drafts=64) == "red tall"


def test_with_nothing_to_hold_it_against_it_is_plain_decoding(pipe, render):
    question = pipe.check_question(DESCRIBE_QUESTION)
    eos = pipe.config.layout.special_id("<|eos|>")
    with torch.inference_mode():
        reply = pipe.reply(pipe.encode(render), question)
        plain = generate_tokens(
            reply.next_logits, reply.first_logits, eos_token_id=eos, max_new_tokens=24
        )
        expected = list(plain)
        reply = pipe.reply(pipe.encode(render), question)
        found = careful_tokens(
            lambda token_ids: reply.next_logits(token_ids)[None],
            reply.first_logits,
            reply.cache,
            statements=lambda tokens: {},
            seen={},
            full_stop=pipe._spelt["."][0],
            comma=pipe._spelt[","][0],
            conjunction=pipe._spelt["and"][0],
            part_ends=pipe._spelt[","],
            inside_words=(),
            eos_token_id=eos,
            max_new_tokens=24,
            generator=torch.Generator(),
        )
        assert list(found) == expected


def test_an_answer_can_be_had_again(pipe, render):
    assert pipe.describe(render) == pipe.describe(render)


def stated_in(text):
    """What its sentences state, each for itself."""
    stated = {}
    for sentence in text.split("."):
        stated |= parse_attributes(sentence)
    return stated


def test_a_trained_models_description_never_speaks_against_its_places(shipped, render):
    with torch.inference_mode():
        seen = shipped.reply(shipped.encode(render), shipped.check_question(DESCRIBE_QUESTION)).seen
    text = shipped.describe(render)
    stated = stated_in(text)
    assert len(stated) >= 6
    assert {name: seen[name] for name in stated if name in seen} == {
        name: value for name, value in stated.items() if name in seen
    }


@pytest.mark.parametrize("name", ["1-red-hair", "2-grey-beard"])
def test_a_full_description_says_nothing_that_goes_without_saying(shipped, name):
    face = Image.open(ASSETS / "examples" / f"{name}.png")
    stated = stated_in(shipped.describe(face, in_full=True))
    gender = stated["gender"]
    assert [n for n, v in stated.items() if goes_without_saying(n, v, gender)] == []


@pytest.mark.parametrize("name", ["3-laughing", "5-earrings"])
def test_a_full_description_tells_nothing_twice_but_more_finely(shipped, name):
    face = Image.open(ASSETS / "examples" / f"{name}.png")
    known = set()
    for sentence in shipped.describe(face, in_full=True).split("."):
        stated = parse_attributes(sentence).keys() - {"gender"}
        finer = {REFINED[name][0] for name in stated & REFINED.keys()}
        assert not stated & known - finer, sentence
        known |= stated
    assert len(known) > 40


@pytest.mark.parametrize("name", ["1-red-hair", "2-grey-beard"])
def test_a_description_tells_of_hair_eyes_and_mood_and_of_what_not_every_face_has(shipped, name):
    face = Image.open(ASSETS / "examples" / f"{name}.png")
    with torch.inference_mode():
        seen = shipped.reply(shipped.encode(face), shipped.check_question(DESCRIBE_QUESTION)).seen
    stated = stated_in(shipped.describe(face))
    striking = {n for n, v in seen.items() if v not in (NOT_VISIBLE, ABSENT.get(n, v))}
    always = ("hair_color", "hair_style", "eye_color", "expression")
    striking |= {n for n in always if seen[n] != NOT_VISIBLE}
    assert striking and len(striking - stated.keys()) <= 0.1 * len(striking)


def test_a_full_description_leaves_little_out_and_says_nothing_else(shipped, render):
    with torch.inference_mode():
        seen = shipped.reply(shipped.encode(render), shipped.check_question(DETAIL_QUESTION)).seen
    visible = {name: value for name, value in seen.items() if value != NOT_VISIBLE}
    whole = shipped.answer(render, DETAIL_QUESTION)
    stated = stated_in(whole.text)
    assert {name: visible.get(name) for name in stated} == stated
    assert len(stated) >= 0.8 * len(visible)
    assert whole.text.endswith(".") and whole.num_tokens <= shipped.config.max_answer_tokens
    # what does not fit is left out whole
    most = whole.num_tokens - 3
    shorter = shipped.answer(render, DETAIL_QUESTION, max_new_tokens=most)
    assert shorter.num_tokens <= most and shorter.text.endswith(".")
    assert shipped.answer(render, DETAIL_QUESTION, max_new_tokens=0).text == ""
    kept, every = ({*text.removesuffix(".").split(". ")} for text in (shorter.text, whole.text))
    assert kept < every


def test_a_reply_about_a_known_thing_is_not_about_another(shipped, render):
    with torch.inference_mode():
        picture, question = shipped.encode(render), shipped.check_question("What is it like?")
        for name in ("nose_length", "light_color", "hair_style", "cheeks"):
            reply = shipped._another_reply(shipped.reply(picture, question), question, name)
            assert (reply.topic, reply.asked, reply.others) == (name, frozenset(), ())
            # the question itself speaks of nothing, so a first draft may be of something else
            text = shipped._decode(list(shipped._settled_tokens(reply, name, question, 30)))
            assert is_to_the_point(name, text, reply.seen), text


def test_a_reply_after_another_is_that_to_the_picture_seen_afresh(shipped, render):
    with torch.inference_mode():
        picture = shipped.encode(render)
        first, second = (shipped.check_question(q) for q in ("hair?", "is he not smiling"))
        reply = shipped.reply(picture, first)
        list(shipped._answer_tokens(reply, first, 30))  # adds words, drafts and rows to the cache
        again, fresh = shipped._another_reply(reply, second), shipped.reply(picture, second)
        assert torch.equal(again.first_logits, fresh.first_logits)
        assert (again.topic, again.asked, again.seen) == (fresh.topic, fresh.asked, fresh.seen)
        assert again.topic == "expression" and torch.equal(again.told, fresh.told)


def test_an_answer_about_one_thing_tells_what_its_place_says(shipped, render):
    with torch.inference_mode():
        seen = shipped.reply(shipped.encode(render), shipped.check_question("hair?")).seen
    for question in (
        "the hue of the beard's owner's hair pls",
        "specs?",
        "whats behind him, wall?",
    ):
        answer = shipped.answer(render, question)
        assert answer.topic and is_to_the_point(answer.topic, answer.text, seen), answer
        short = shipped.answer(render, question, max_new_tokens=2)
        assert answer.text.startswith(short.text) and short.num_tokens == 2
        assert shipped.answer(render, question, max_new_tokens=0).num_tokens == 0


def test_where_no_draft_does_it_is_asked_about_in_the_plainest_words(shipped, render, monkeypatch):
    plain = shipped.answer(render, canonical_question("hair_color"))
    monkeypatch.setattr("unif2ace.pipeline.settled_tokens", lambda *args, **settings: None)
    answer = shipped.answer(render, "What colour would you say his hair is?")
    assert answer.topic == plain.topic == "hair_color"
    assert answer.text == plain.text != ""
