"""Sequence layouts and the omni-attention mask. Works on ids; reads text only to encode it.

Generation:    [pad ...] <t2i> <bos> prompt <eos> plan | <soi> codes <eoi>
Understanding: <mmu> <soi> codes <eoi> words | <bos> question <assistant> thoughts answer <eos> |
The words are what the picture's own places say it shows (`plan.py`); the thoughts are the topic of
the question, the value that it asks for or denies, and the one that is seen. Several questions
about one picture share it and its words; each sees those and itself alone, at the positions it
would have if it came first (arXiv 2408.12528 gives the two single layouts, without words). A
question that thoughts follow is read before anyone looks: it and all but the last thought that is
guessed see themselves alone, and what comes behind them sees question and picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from unif2ace.config import UniF2aceConfig
from unif2ace.losses import IGNORED_LABEL
from unif2ace.wording import as_read

NO_THOUGHT = "<|assistant|>"  # stands for no topic, for no value asked for and for none seen

PADDING_SEGMENT = -1
SHARED_SEGMENT = 0


@dataclass(frozen=True, kw_only=True)
class Thought:
    """A word between a question and its answer, not shown.

    place: whose mark the word carries (`plan.py`), or `config.repeated_place`; -1 for none.
    is_guessed: whether the model has to say it; else it is looked up among the picture's words.
    aside: what the model has to say where the word is looked up, not to be read by what follows.
    """

    word: int
    place: int = -1
    is_guessed: bool = True
    aside: int = IGNORED_LABEL

    @property
    def label(self) -> int:
        return self.word if self.is_guessed else self.aside


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One question with its answer as text ids, special tokens left out.

    answer: None teaches to understand the question and no more: the turn ends with the last thought
        that is guessed.
    thoughts: of `PlanWords.thoughts`. Our choice: to compare two words is learnt late, and yes or
        no hangs on it, so the value seen is marked where it is the one asked for. And neither the
        question nor a thought that another guess follows sees the picture: in its sight, the value
        asked for is guessed to be the value seen, which is right half of the time.
    """

    question: Sequence[int]
    answer: Sequence[int] | None
    thoughts: Sequence[Thought] = ()


@dataclass(frozen=True, kw_only=True)
class SequenceBatch:
    """Token ids with everything attention needs. All (B, L).

    Attributes:
        token_ids: ids in the layout of `TokenLayout`.
        positions: rotary positions.
        segments: -1 padding, 0 seen by all, 1.. seen by itself alone.
        is_image: True where attention is bidirectional.
        image_start: column of the first image code, the same in every row.
        labels: text id that the token here must predict, or `IGNORED_LABEL`.
        is_thought: True where that is a thought and no part of an answer.
        places: which word of the plan (`plan.py`) a token is or, as a topic, names;
            `config.repeated_place` for a value seen that is the one asked for; -1 for others; None
            where none is.
        is_alone: True where only the token's own segment is seen; None where nowhere.
    """

    token_ids: Tensor
    positions: Tensor
    segments: Tensor
    is_image: Tensor
    image_start: int
    labels: Tensor | None = None
    is_thought: Tensor | None = None
    places: Tensor | None = None
    is_alone: Tensor | None = None

    def mask(self) -> Tensor:
        return omni_attention_mask(self.segments, self.is_image, self.is_alone)

    def inputs(self, device: torch.device | None = None) -> dict[str, Tensor | None]:
        """What the model takes of sequences that see nothing but themselves, on `device`."""
        tensors = {
            "token_ids": self.token_ids,
            "positions": self.positions,
            "mask": self.mask(),
            "places": self.places,
        }
        return {name: t if t is None else t.to(device) for name, t in tensors.items()}


def omni_attention_mask(
    segments: Tensor, is_image: Tensor, is_alone: Tensor | None = None
) -> Tensor:
    """(B, 1, L, L) bool: who (row) sees whom (column).

    A token sees itself, what came before it, and, if both are image tokens, what comes after;
    never padding, and never another question's segment; where `is_alone`, nothing but its own
    segment. Padding sees itself alone.
    """
    length = segments.shape[1]
    index = torch.arange(length, device=segments.device)
    causal = index[:, None] >= index  # (L, L)
    both_image = is_image[:, :, None] & is_image[:, None, :]
    same = segments[:, :, None] == segments[:, None, :]
    shared = (segments == SHARED_SEGMENT)[:, None, :]
    if is_alone is not None:
        shared = shared & ~is_alone[:, :, None]
    real = (segments != PADDING_SEGMENT)[:, None, :]
    mask = (causal | both_image) & (same | shared) & real
    return (mask | torch.eye(length, dtype=torch.bool, device=segments.device))[:, None]


def encode_text(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Ids of plain text: no special token is added, and none can be smuggled in.

    Raises: ValueError for half a character (a lone surrogate, as JSON can hold).
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("The text holds half a character. Please type it again.") from error
    return tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)


def encode_request(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Ids of what a visitor typed, see `wording.as_read`."""
    return encode_text(tokenizer, as_read(text))


def prompt_ids(text_ids: Sequence[int], config: UniF2aceConfig) -> list[int]:
    """<t2i> <bos> text <eos>, which a plan may follow; no text: the unconditional prompt.

    Raises ValueError when longer than `config.max_prompt_tokens` leaves room for beside a plan.
    """
    special = config.layout.special_id
    ids = [special("<|t2i|>"), special("<|bos|>"), *text_ids, special("<|eos|>")]
    limit = config.max_prompt_tokens - config.plan_length
    if len(ids) > limit:
        raise ValueError(
            f"the prompt has {len(text_ids)} tokens, at most {limit - 3} fit; shorten it"
        )
    return ids


def image_ids(codes: Tensor, config: UniF2aceConfig) -> Tensor:
    """<soi> codes <eoi> from codes (B, N), where `mask_code` becomes [MASK]. (B, N + 2)."""
    special = config.layout.special_id
    ends = codes.new_ones(len(codes), 1)
    return torch.cat(
        [
            ends * special("<|soi|>"),
            codes + config.layout.image_start,
            ends * special("<|eoi|>"),
        ],
        dim=1,
    )


def text_batch(prompts: Sequence[Sequence[int]], config: UniF2aceConfig) -> SequenceBatch:
    """Left-padded prompts of `prompt_ids`, with or without a plan behind each.

    They end right before the image's first position.
    """
    width = max(len(p) for p in prompts)
    pad = config.layout.special_id("<|pad|>")
    rows = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts])
    lengths = torch.tensor([len(p) for p in prompts])
    is_real = torch.arange(width) >= width - lengths[:, None]
    positions = torch.arange(config.max_prompt_tokens - width, config.max_prompt_tokens)
    is_end = rows == config.layout.special_id("<|eos|>")
    is_plan = is_end.cumsum(1).bool() & ~is_end
    return SequenceBatch(
        token_ids=rows,
        positions=positions.expand(len(prompts), -1),
        segments=torch.where(is_real, SHARED_SEGMENT, PADDING_SEGMENT),
        is_image=torch.zeros_like(is_real),
        image_start=width,
        places=is_plan.cumsum(1) * is_plan - 1,
    )


def image_batch(codes: Tensor, config: UniF2aceConfig) -> SequenceBatch:
    """The picture part of a generation sequence, to follow `text_batch`."""
    ids = image_ids(codes, config)
    start = config.max_prompt_tokens
    return SequenceBatch(
        token_ids=ids,
        positions=torch.arange(start, start + ids.shape[1], device=ids.device).expand_as(ids),
        segments=torch.full_like(ids, SHARED_SEGMENT),
        is_image=torch.ones_like(ids, dtype=torch.bool),
        image_start=1,
        places=torch.full_like(ids, -1),
    )


def image_mask(text: SequenceBatch, width: int, copies: int = 1) -> Tensor:
    """(B * copies, 1, width, L + width) bool: what the pictures behind cached texts (B, L) see.

    Each of `width` image positions sees its text but for padding, and the whole picture. Copies of
    a text follow each other, as `Cache.batch_repeat_interleave` leaves them.
    """
    is_text = (text.segments != PADDING_SEGMENT).repeat_interleave(copies, 0)
    sees = torch.cat([is_text, is_text.new_ones(len(is_text), width)], dim=1)
    return sees[:, None, None].expand(-1, -1, width, -1)


def generation_batch(
    prompts: Sequence[Sequence[int]], codes: Tensor, config: UniF2aceConfig
) -> SequenceBatch:
    """Whole generation sequences: prompts of `prompt_ids` and (partly masked) codes (B, N)."""
    text, image = text_batch(prompts, config), image_batch(codes, config)
    joined = {
        name: torch.cat([getattr(text, name).to(codes.device), getattr(image, name)], dim=1)
        for name in ("token_ids", "positions", "segments", "is_image", "places")
    }
    return SequenceBatch(**joined, image_start=text.token_ids.shape[1] + 1)


def prefix_batch(codes: Tensor, config: UniF2aceConfig) -> SequenceBatch:
    """<mmu> <soi> codes <eoi>: what every question about the picture shares."""
    head = codes.new_full((len(codes), 1), config.layout.special_id("<|mmu|>"))
    ids = torch.cat([head, image_ids(codes, config)], dim=1)
    return SequenceBatch(
        token_ids=ids,
        positions=torch.arange(ids.shape[1], device=ids.device).expand_as(ids),
        segments=torch.full_like(ids, SHARED_SEGMENT),
        is_image=torch.ones_like(ids, dtype=torch.bool),
        image_start=2,
        places=torch.full_like(ids, -1),
    )


def question_ids(question: Sequence[int], config: UniF2aceConfig) -> list[int]:
    """<bos> question <assistant>, after which the answer follows.

    Raises ValueError when nothing is left of `config.max_answer_tokens`.
    """
    special = config.layout.special_id
    ids = [special("<|bos|>"), *question, special("<|assistant|>")]
    if len(ids) > config.max_answer_tokens // 2:
        raise ValueError(
            f"the question has {len(question)} tokens, at most "
            f"{config.max_answer_tokens // 2 - 2} fit; shorten it"
        )
    return ids


def turn_columns(turn: Turn, segment: int, config: UniF2aceConfig) -> list[list[int]]:
    """Of one turn: ids, segments, labels, whether these are thoughts, places, whether alone."""
    question, thoughts, answer = question_ids(turn.question, config), [*turn.thoughts], []
    if turn.answer is not None:
        answer = [*turn.answer, config.layout.special_id("<|eos|>")]
    while not answer and thoughts and not thoughts[-1].is_guessed:
        thoughts.pop()
    # What is asked for is understood before anyone looks, thought by thought.
    ahead = max((i for i, thought in enumerate(thoughts) if thought.is_guessed), default=0)
    said = [thought.word for thought in thoughts] + answer
    length = len(question) + len(said)
    labels = [thought.label for thought in turn.thoughts] + answer
    labels = [IGNORED_LABEL] * (len(question) - 1) + labels + [IGNORED_LABEL]
    return [
        [*question, *said],
        [segment] * length,
        labels[:length],  # where a thought is left out, the one before still says its aside
        ([0] * (len(question) - 1) + [1] * len(turn.thoughts) + [0] * len(said))[:length],
        [-1] * len(question) + [thought.place for thought in thoughts] + [-1] * len(answer),
        [int(bool(thoughts))] * (len(question) + ahead) + [0] * (len(said) - ahead),
    ]


def turns_batch(
    rows: Sequence[Sequence[Turn]],
    num_image_tokens: int,
    config: UniF2aceConfig,
    words: Tensor | None = None,
) -> SequenceBatch:
    """Questions and answers alone, right-padded, to follow `prefix_batch`; with labels.

    words: (B, W) ids that the picture's places say; they come first, for all questions to see.
    """
    told = [[]] * len(rows) if words is None else words.tolist()
    start = num_image_tokens + 3
    # per row: ids, segments, labels, whether these are thoughts, places, whether alone; positions
    table: list[list[list[int]]] = []
    for turns, said in zip(rows, told, strict=True):
        count = len(said)
        columns = [
            list(said),
            [SHARED_SEGMENT] * count,
            [IGNORED_LABEL] * count,
            [0] * count,
            [*range(count)],
            [0] * count,
        ]
        positions = [*range(start, start + count)]
        for segment, turn in enumerate(turns, start=1):
            added = turn_columns(turn, segment, config)
            positions += range(start + count, start + count + len(added[0]))
            columns = [old + new for old, new in zip(columns, added, strict=True)]
        table.append([*columns, positions])
    width = max(len(row[0]) for row in table)
    pad = config.layout.special_id("<|pad|>")
    fills = (pad, PADDING_SEGMENT, IGNORED_LABEL, 0, -1, 0, 0)
    token_ids, segments, labels, is_thought, places, alone, positions_ = (
        torch.tensor([row[i] + [fill] * (width - len(row[i])) for row in table])
        for i, fill in enumerate(fills)
    )
    return SequenceBatch(
        token_ids=token_ids,
        positions=positions_,
        segments=segments,
        is_image=torch.zeros_like(token_ids, dtype=torch.bool),
        image_start=0,
        labels=labels,
        is_thought=is_thought.bool(),
        places=places,
        is_alone=alone.bool(),
    )


def turns_mask(turns: SequenceBatch, width: int) -> Tensor:
    """(B, 1, L, width + L) bool: what turns (B, L) see behind a cached picture of `width`."""
    own = turns.mask()
    picture = own.new_ones(*own.shape[:3], width)
    if turns.is_alone is not None:
        picture &= ~turns.is_alone[:, None, :, None]
    return torch.cat([picture, own], dim=-1)


def understanding_batch(
    codes: Tensor,
    rows: Sequence[Sequence[Turn]],
    config: UniF2aceConfig,
    words: Tensor | None = None,
) -> SequenceBatch:
    """Whole understanding sequences of pictures (B, N), their words and each one's questions."""
    prefix, turns = prefix_batch(codes, config), turns_batch(rows, codes.shape[1], config, words)
    assert turns.labels is not None and turns.is_alone is not None and turns.is_thought is not None
    ignored = torch.full_like(prefix.token_ids, IGNORED_LABEL)
    nowhere = torch.zeros_like(prefix.is_image)
    is_alone = torch.cat([nowhere, turns.is_alone.to(codes.device)], dim=1)
    is_thought = torch.cat([nowhere, turns.is_thought.to(codes.device)], dim=1)
    joined = {
        name: torch.cat([getattr(prefix, name), getattr(turns, name).to(codes.device)], dim=1)
        for name in ("token_ids", "positions", "segments", "is_image", "places")
    }
    labels = torch.cat([ignored, turns.labels.to(codes.device)], dim=1)
    return SequenceBatch(
        **joined,
        image_start=prefix.image_start,
        labels=labels,
        is_thought=is_thought,
        is_alone=is_alone,
    )
