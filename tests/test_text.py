"""Laws of the text tokenizer: every text survives, ids are where the layout wants them."""

import random
from functools import cache
from pathlib import Path

import pytest
from faces import random_faces
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from unif2ace.attributes import visible
from unif2ace.config import SPECIAL_TOKENS, TokenLayout, nano
from unif2ace.prompting import encode_request, encode_text
from unif2ace.serving import MAX_ANSWER_TOKENS, MAX_DETAIL_TOKENS
from unif2ace.synth.captions import caption, description, full_description
from unif2ace.synth.questions import training_corpus
from unif2ace.text import train_tokenizer

VOCAB = 600


@cache
def corpus() -> list[str]:
    return training_corpus(150, 0)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(corpus(), VOCAB)


@pytest.fixture(scope="module")
def reloaded(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    nano().save_pretrained(folder)  # a checkpoint's folder: the config must not mislead the loader
    return AutoTokenizer.from_pretrained(folder)


def test_every_grammar_text_survives(tokenizer):
    for text in corpus():
        assert tokenizer.decode(encode_text(tokenizer, text)) == text


@given(text=st.text(max_size=60))
def test_any_unicode_survives(tokenizer, reloaded, text):
    ids = encode_text(tokenizer, text)
    assert tokenizer.decode(ids) == text
    assert encode_text(reloaded, text) == ids
    assert all(0 <= i < VOCAB for i in ids)


@pytest.mark.parametrize("text", ["  two  spaces ", " .", "don 't , stop !", "\n\ttab", "👩🏽‍🦰"])
def test_spaces_and_marks_are_kept(tokenizer, text):
    assert tokenizer.decode(encode_text(tokenizer, text)) == text


def test_ids_are_where_the_layout_wants_them(tokenizer):
    layout = TokenLayout(text_vocab_size=VOCAB, codebook_size=8)
    assert len(tokenizer) == VOCAB + len(SPECIAL_TOKENS)
    for token in SPECIAL_TOKENS:
        assert tokenizer.convert_tokens_to_ids(token) == layout.special_id(token)
    assert tokenizer.pad_token_id == layout.special_id("<|pad|>")
    assert tokenizer.eos_token_id == layout.special_id("<|eos|>")


@pytest.mark.parametrize("token", [*SPECIAL_TOKENS, "<|mask|>", "<|endoftext|>"])
def test_text_that_looks_special_is_text(tokenizer, reloaded, token):
    for text in (token, f"a face {token} with{token}hair"):
        for each in (tokenizer, reloaded):
            ids = each.encode(text, add_special_tokens=False)
            assert max(ids) < VOCAB
            assert each.decode(ids, skip_special_tokens=True) == text
            assert encode_text(each, text) == ids


def test_special_tokens_can_be_left_out_of_answers(reloaded):
    eos = reloaded.convert_tokens_to_ids("<|eos|>")
    ids = [*encode_text(reloaded, "Her hair is red."), eos]
    assert reloaded.decode(ids, skip_special_tokens=True) == "Her hair is red."


def test_the_same_texts_give_the_same_tokenizer(tokenizer):
    again = train_tokenizer(corpus(), VOCAB)
    assert again.get_vocab() == tokenizer.get_vocab()


def test_long_prompts_and_descriptions_fit_the_preset_in_the_shipped_vocabulary():
    config, generator = nano(), random.Random(0)
    shipped = Path(__file__).resolve().parents[1] / "assets" / "checkpoint"
    tokenizer = PreTrainedTokenizerFast.from_pretrained(shipped)
    for face in random_faces(8, 200):
        seen = visible(face)
        text = caption(face, seen, generator=generator, style="long").text
        assert (
            len(encode_request(tokenizer, text))
            <= config.max_prompt_tokens - config.plan_length - 3
        )
        for describe, most in (
            (description, MAX_ANSWER_TOKENS),
            (full_description, MAX_DETAIL_TOKENS),
        ):
            text = describe(face, seen, generator=generator).text
            assert len(encode_text(tokenizer, text)) <= min(most, config.max_answer_tokens - 20)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="100"):
        train_tokenizer(["a"], 100)
    with pytest.raises(ValueError, match="5000"):
        train_tokenizer(["red hair", "red hair"], 5000)
