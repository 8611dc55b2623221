from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.config import nano
from unif2ace.losses import IGNORED_LABEL
from unif2ace.prompting import (
    Thought,
    Turn,
    generation_batch,
    image_batch,
    omni_attention_mask,
    prefix_batch,
    prompt_ids,
    question_ids,
    text_batch,
    turns_batch,
    turns_mask,
    understanding_batch,
)

CONFIG = nano(image_size=32, plan_length=3)  # 4 image tokens
LAYOUT = CONFIG.layout
CODES = torch.tensor([[5, 6, 7, 8], [1, 2, 3, LAYOUT.mask_code]])


def ids_of(*tokens):
    return [LAYOUT.special_id(f"<|{t}|>") if isinstance(t, str) else t for t in tokens]


def mask_definition(segments, is_image, is_alone):
    length = len(segments)
    mask = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length):
        for j in range(length):
            earlier = j <= i or (is_image[i] and is_image[j])
            shared = segments[j] == 0 and not is_alone[i]
            readable = segments[j] != -1 and (shared or segments[j] == segments[i])
            mask[i, j] = i == j or (earlier and readable)
    return mask


TOKENS = st.tuples(st.integers(-1, 3), st.booleans(), st.booleans())


@given(st.lists(TOKENS, min_size=1, max_size=12))
def test_mask_is_the_stated_rule(tokens):
    segments, is_image, is_alone = (torch.tensor([column]) for column in zip(*tokens, strict=True))
    fast = omni_attention_mask(segments, is_image, is_alone)
    assert torch.equal(fast[0, 0], mask_definition(segments[0], is_image[0], is_alone[0]))
    none = torch.zeros_like(is_alone)
    assert torch.equal(
        omni_attention_mask(segments, is_image), omni_attention_mask(segments, is_image, none)
    )


def test_generation_layout():
    batch = generation_batch(
        [prompt_ids([9], CONFIG), prompt_ids([9, 10, 11], CONFIG)], CODES, CONFIG
    )
    start = LAYOUT.image_start
    assert batch.token_ids.tolist() == [
        ids_of(
            "pad", "pad", "t2i", "bos", 9, "eos", "soi", *(start + c for c in (5, 6, 7, 8)), "eoi"
        ),
        ids_of(
            "t2i",
            "bos",
            9,
            10,
            11,
            "eos",
            "soi",
            *(start + c for c in (1, 2, 3)),
            LAYOUT.mask_token_id,
            "eoi",
        ),
    ]
    assert batch.image_start == 7
    # the picture lies at the same positions whatever the prompt's length
    assert batch.positions[0].tolist() == list(
        range(CONFIG.max_prompt_tokens - 6, CONFIG.max_prompt_tokens + 6)
    )
    mask = batch.mask()[:, 0]
    assert not mask[0, 2:, :2].any()  # padding is unseen
    assert not mask[:, :6, 6:].any()  # text never sees the picture
    assert mask[1, 6:, :].all()  # the picture sees all


def test_text_then_image_is_the_whole():
    prompts = [prompt_ids([], CONFIG), prompt_ids([4, 5], CONFIG)]
    whole = generation_batch(prompts, CODES, CONFIG)
    text, image = text_batch(prompts, CONFIG), image_batch(CODES, CONFIG)
    for name in ("token_ids", "positions", "segments", "is_image"):
        joined = torch.cat([getattr(text, name), getattr(image, name)], dim=1)
        assert torch.equal(joined, getattr(whole, name))


def test_understanding_layout_and_labels():
    turns = [Turn(question=[20, 21], answer=[30]), Turn(question=[22], answer=[31, 32])]
    batch = understanding_batch(CODES[:1], [turns], CONFIG)
    image = [LAYOUT.image_start + c for c in (5, 6, 7, 8)]
    eos = LAYOUT.special_id("<|eos|>")
    assert batch.token_ids[0].tolist() == ids_of(
        *("mmu", "soi", *image, "eoi"),
        *("bos", 20, 21, "assistant", 30, "eos"),
        *("bos", 22, "assistant", 31, 32, "eos"),
    )
    ignored = IGNORED_LABEL
    assert batch.labels[0].tolist() == [ignored] * 7 + [ignored] * 3 + [30, eos, ignored] + [
        ignored
    ] * 2 + [31, 32, eos, ignored]
    assert batch.positions[0, 7:].tolist() == [*range(7, 13), *range(7, 13)]


def test_what_the_picture_says_stands_before_every_question():
    turns, words = [Turn(question=[20], answer=[30])] * 2, torch.tensor([[41, 42, 43]])
    batch = understanding_batch(CODES[:1], [turns], CONFIG, words)
    plain = understanding_batch(CODES[:1], [turns], CONFIG)
    assert batch.token_ids[0, 7:10].tolist() == [41, 42, 43]
    assert torch.equal(batch.token_ids[:, 10:], plain.token_ids[:, 7:])
    assert batch.positions[0, 7:].tolist() == [7, 8, 9, *range(10, 15), *range(10, 15)]
    assert batch.places[0].tolist() == [-1] * 7 + [0, 1, 2] + [-1] * 10
    assert torch.equal(batch.labels[:, 10:], plain.labels[:, 7:])
    assert (batch.labels[:, :10] == IGNORED_LABEL).all()
    mask = batch.mask()[0, 0]
    assert mask[10:, :10].all() and not mask[:7, 7:].any()  # after the picture, before questions
    assert mask[7:10, 7:10].equal(torch.ones(3, 3, dtype=torch.bool).tril())
    behind = turns_batch([turns], 4, CONFIG, words)
    assert torch.equal(turns_mask(behind, 7), batch.mask()[:, :, 7:])


def test_a_question_sees_its_picture_and_itself_alone():
    turns = [Turn(question=[20], answer=[30]), Turn(question=[22], answer=[31])]
    mask = understanding_batch(CODES[:1], [turns], CONFIG).mask()[0, 0]
    first, second = slice(7, 12), slice(12, 17)
    assert mask[second, :7].all() and not mask[second, first].any()
    assert not mask[:7, 7:].any()  # the picture sees no question


def test_a_question_that_thoughts_follow_is_read_before_looking():
    turns = [
        Turn(question=[20, 21], answer=[30], thoughts=[Thought(word=44), Thought(word=45)]),
        Turn(question=[22], answer=[]),
    ]
    words = torch.tensor([[41, 42]])
    mask = understanding_batch(CODES[:1], [turns], CONFIG, words).mask()[0, 0]
    question, said, other = slice(9, 14), slice(14, 17), slice(17, 21)
    assert not mask[question, :9].any()
    assert mask[question, question].equal(torch.ones(5, 5, dtype=torch.bool).tril())
    assert mask[said, :14].all() and mask[other, :9].all()
    behind = turns_batch([turns], 4, CONFIG, words)
    assert torch.equal(turns_mask(behind, 7)[0, 0], mask[7:])


def test_thoughts_are_said_first_but_for_what_is_looked_up():
    thoughts = [Thought(word=44, place=1), Thought(word=45), Thought(word=46, is_guessed=False)]
    batch = turns_batch([[Turn(question=[20], answer=[30], thoughts=thoughts)]], 4, CONFIG)
    assistant, eos = (LAYOUT.special_id(f"<|{name}|>") for name in ("assistant", "eos"))
    assert batch.token_ids[0, 2:].tolist() == [assistant, 44, 45, 46, 30, eos]
    ignored = IGNORED_LABEL
    assert batch.labels[0, 2:].tolist() == [44, 45, ignored, 30, eos, ignored]
    assert batch.is_thought[0].tolist() == [False] * 2 + [True] * 3 + [False] * 3
    assert batch.places[0].tolist() == [-1] * 3 + [1] + [-1] * 4


@pytest.mark.parametrize("answer", [[30], None])
def test_an_aside_is_said_where_a_thought_is_looked_up_and_is_not_read(answer):
    looked_up = Thought(word=46, is_guessed=False, aside=47)
    thoughts = [Thought(word=44), Thought(word=45), looked_up]
    turn = Turn(question=[20], answer=answer, thoughts=thoughts)
    batch = turns_batch([[turn]], 4, CONFIG)
    assert 47 not in batch.token_ids[0]
    assert batch.token_ids[0, 4] == 45 and batch.labels[0, 4] == 47 and batch.is_thought[0, 4]
    plain = turns_batch([[replace(turn, thoughts=[*thoughts[:2], Thought(word=46)])]], 4, CONFIG)
    assert batch.labels[0].shape == batch.token_ids[0].shape
    if answer is not None:
        assert torch.equal(plain.token_ids, batch.token_ids)
        assert torch.equal(plain.is_thought, batch.is_thought)


def test_a_question_without_an_answer_ends_with_the_last_thought_that_is_guessed():
    thoughts = [Thought(word=44), Thought(word=45), Thought(word=46, is_guessed=False)]
    batch = turns_batch([[Turn(question=[20], answer=None, thoughts=thoughts)]], 4, CONFIG)
    assert batch.token_ids[0, 3:].tolist() == [44, 45]
    assert batch.labels[0, 2:].tolist() == [44, 45, IGNORED_LABEL]
    assert batch.is_alone[0].tolist() == [True] * 4 + [False]  # the value asked for is guessed so


def test_rows_of_unlike_length_are_padded_on_the_right():
    one, two = Turn(question=[20], answer=[30]), Turn(question=[1, 2, 3], answer=[4, 5])
    batch = turns_batch([[one], [one, two]], 4, CONFIG)
    assert (batch.segments[0, 5:] == -1).all()
    assert (batch.labels[0, 5:] == IGNORED_LABEL).all()
    assert torch.equal(batch.token_ids[0, :5], batch.token_ids[1, :5])


def test_prefix_is_all_image():
    prefix = prefix_batch(CODES, CONFIG)
    assert prefix.mask().all() and prefix.image_start == 2


def test_too_long_texts_are_refused_with_their_length():
    room = CONFIG.max_prompt_tokens - CONFIG.plan_length - 3  # beside <t2i>, <bos> and <eos>
    with pytest.raises(ValueError, match=f"{room + 1} tokens, at most {room}"):
        prompt_ids([1] * (room + 1), CONFIG)
    assert len(prompt_ids([1] * room, CONFIG)) == CONFIG.max_prompt_tokens - CONFIG.plan_length
    with pytest.raises(ValueError, match="the question has 300 tokens"):
        question_ids([1] * 300, CONFIG)
