"""Answers that are held against what the picture's places say, as a whole or part by part.

Our choice: what a place says of an attribute is read off all of the picture and is right more often
than the same word written further down in a description. So a part of a sentence that speaks
against the places, or says again what was said, is drawn anew; when no draft is better, it is left
out: a member from the middle of a list alone, any other with all that follows it in its sentence.
What is left out stays in the model's sight, so that it goes on as it learnt to, and does not begin
it again; a list that is cut gets its "and".
Knows no model: logits come from functions, words from a parser.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from unif2ace.layers import KeyValues
from unif2ace.sampler import gumbel_noise

NUM_DRAFTS = 8
DRAFT_TEMPERATURE = 1.0
UNLIKELY = -3.0
"""Logits so far below the likeliest are never drawn."""

IMPLIED = "gender"
"""Every "he" says it again."""

StatementsFn = Callable[[Sequence[int]], Mapping[str, str]]
"""Ids of a sentence, or of its beginning, to what it says, {attribute: value}."""

BatchLogitsFn = Callable[[Tensor], Tensor]
"""Ids (B, L) that follow those in a cache of B rows to logits (B, V) behind the last."""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Words drawn one after the other: whether to an end, whether to the last of the answer.

    nats: how likely a token of it is on average, the end of the answer counted.
    """

    tokens: tuple[int, ...] = ()
    is_over: bool = False
    is_last: bool = False
    nats: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Draft(_Row):
    """A part of a sentence, and how the sentence fares with it.

    wrong, repeated, new: statements so far against the places, said in an earlier sentence, and not
    yet said; a pronoun's is no news.
    echoes: parts so far that state only what the sentence had stated before them.
    """

    wrong: int = 0
    repeated: int = 0
    new: int = 0
    echoes: int = 0

    @property
    def faults(self) -> tuple[int, int]:
        return self.wrong, self.repeated + self.echoes

    @property
    def is_worth_saying(self) -> bool:
        """What only repeats is not; what states nothing is harmless."""
        return self.new > 0 or not self.repeated


@dataclass
class _Sentence:
    """The sentence that is being said, so far.

    spoken: all of it, in the model's sight. shown: what is right of it. good: the last draft that
    is shown. end: how much of what is shown may stand alone. is_closed: nothing more of it is
    shown. is_gapped: a list lacks a member. missed: the faults of what is left out.
    """

    spoken: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    good: Draft = Draft()
    end: int = 0
    is_closed: bool = False
    is_gapped: bool = False
    missed: Draft = Draft()

    def leave_out(self, draft: Draft, comma: int) -> None:
        """A part with faults: a member of a list alone, else all that follows, too."""
        self.missed = replace(
            self.missed,
            wrong=self.missed.wrong + draft.wrong - self.good.wrong,
            repeated=self.missed.repeated + draft.faults[1] - self.good.faults[1],
        )
        is_member = self.shown[-1:] == [comma] and draft.tokens[-1:] == (comma,)
        self.is_gapped, self.is_closed = (
            self.is_gapped or is_member,
            self.is_closed or not is_member,
        )

    def show(self, draft: Draft, part_ends: Collection[int]) -> None:
        self.shown += draft.tokens
        if draft.new > self.good.new and self.shown[-1] in part_ends:
            self.end = len(self.shown) - 1
        self.good = draft


@torch.inference_mode()
def careful_tokens(
    next_logits: BatchLogitsFn,
    first_logits: Tensor,
    cache: KeyValues,
    *,
    statements: StatementsFn,
    seen: Mapping[str, str],
    full_stop: int,
    comma: int,
    conjunction: int,
    part_ends: Collection[int],
    inside_words: Collection[int],
    eos_token_id: int,
    max_new_tokens: int,
    generator: torch.Generator,
    num_drafts: int = NUM_DRAFTS,
    temperature: float = DRAFT_TEMPERATURE,
) -> Iterator[int]:
    """Decode part by part, the likeliest words; yields what is right of it, sentence by sentence.

    Something is said where plain decoding would say something: when every sentence is wrong, the
    least wrong one.

    Args:
        next_logits: runs on `cache`, which holds all before the answer, in one row.
        first_logits: (V,) of the first token.
        statements: what a sentence says. seen: what the places say; of what they are silent on,
            nothing is wrong.
        full_stop, comma, conjunction: ids of ".", of "," and of the "and" of a list.
        part_ends: ids that end a part of a sentence within it.
        inside_words: ids that go on with a word; drafts differ in where words begin alone, since
            half a word would follow another's half.
        eos_token_id: ends the answer; not yielded.
        max_new_tokens: of all that is taken, what is left out counted.
        num_drafts, temperature: of a part with a fault, drawn from `generator`.
    """
    ends = {full_stop, *part_ends}
    said: dict[str, str] = {}
    now = _Sentence()
    unsaid: tuple[tuple[int, int], list[int]] | None = None  # the least wrong sentence
    room, logits = max_new_tokens, first_logits[None]  # (1, V)
    is_inside = _marked(inside_words, first_logits)

    def told_by(tokens: Sequence[int]) -> set[str]:
        return {name for name in statements(tokens) if name != IMPLIED}

    def judged(row: _Row) -> Draft:
        stated = statements([*now.shown, *row.tokens])
        told = [name for name in stated if name != IMPLIED]
        again = told_by(row.tokens)
        is_echo = bool(again) and again <= told_by(now.shown)
        return Draft(
            **vars(row),
            wrong=sum(seen.get(name, value) != value for name, value in stated.items()),
            repeated=sum(name in said for name in told),
            new=sum(name not in said for name in told),
            echoes=now.good.echoes + is_echo,
        )

    drawn = partial(
        _drawn,
        next_logits,
        ends=ends,
        eos_token_id=eos_token_id,
        inside_words=is_inside,
        generator=generator,
    )

    def likeliest(longest: int) -> tuple[Draft, Tensor]:
        """A part that says something, or ends the sentence, and the logits behind it.

        "He has thick and" says nothing yet, and would hang if "raised eyebrows" were left out.
        """
        (row,), behind = drawn(logits, temperature=0.0, longest=longest)
        draft = judged(row)
        while (
            row.is_over
            and not row.is_last
            and row.tokens[-1] != full_stop
            and draft.new == now.good.new
            and not told_by(draft.tokens)
            and (left := longest - len(draft.tokens))
        ):
            (row,), behind = drawn(behind, temperature=0.0, longest=left)
            draft = judged(replace(row, tokens=(*draft.tokens, *row.tokens)))
        return draft, behind

    def back_to(length: int) -> None:
        cache.crop(length - cache.get_seq_length())

    while room > 0:
        start = cache.get_seq_length()
        draft, behind = likeliest(room)
        if draft.faults > now.good.faults and num_drafts and not now.is_closed:
            back_to(start)
            cache.select([0] * num_drafts)
            rows, _ = drawn(
                logits.expand(num_drafts, -1),
                temperature=temperature,
                longest=min(room, 2 * len(draft.tokens) + 8),
            )
            ended = [r for r in rows if r.is_over and r.tokens and r.is_last <= draft.is_last]
            choices = [judged(row) for row in ended]
            good = [d for d in choices if d.faults <= now.good.faults and d.new > now.good.new]
            draft = max(good, key=lambda d: d.nats, default=draft)
            back_to(start)
            cache.select([0])
            behind = next_logits(torch.tensor([draft.tokens], device=logits.device))
        room -= len(draft.tokens)
        now.spoken += draft.tokens
        logits = behind
        # who says again at a sentence's beginning what it is about may have more to say
        if draft.faults > now.good.faults if now.shown else draft.wrong > 0:
            now.leave_out(draft, comma)
        elif not now.is_closed:
            now.show(draft, part_ends)
        is_over = draft.is_last or room <= 0
        if is_over or now.spoken[-1] == full_stop:
            sentence = now.shown
            if now.is_closed:
                kept = _listed(sentence[: now.end], comma, conjunction, part_ends, statements)
                sentence = [*kept, full_stop] if kept else []
            elif now.is_gapped:
                sentence = _closed_up(sentence, comma, conjunction)
            if sentence and now.good.is_worth_saying:
                said |= statements(sentence)
                yield from sentence
            elif now.spoken and (unsaid is None or now.missed.faults < unsaid[0]):
                unsaid = now.missed.faults, now.spoken
            now = _Sentence()
        if is_over:
            break
    if not said and unsaid is not None:
        yield from unsaid[1]


@torch.inference_mode()
def settled_tokens(
    next_logits: BatchLogitsFn,
    first_logits: Tensor,
    cache: KeyValues,
    *,
    is_good: Callable[[Sequence[int]], bool],
    inside_words: Collection[int],
    eos_token_id: int,
    max_new_tokens: int,
    generator: torch.Generator,
    beginning: Sequence[int] = (),
    num_drafts: int = NUM_DRAFTS,
    temperature: float = DRAFT_TEMPERATURE,
) -> tuple[int, ...] | None:
    """The likeliest words if they are a good answer, else the likeliest of the good drafts.

    For answers about one thing. beginning: what drafts begin with, the yes or no that is right; the
    likeliest words behind it are a draft, too. None where no draft is good and comes to an end
    within `max_new_tokens`. The cache is used up; other arguments as of `careful_tokens`.
    """
    start = cache.get_seq_length()
    is_inside = _marked(inside_words, first_logits)
    again = [(1, 0.0, beginning)] if beginning else []
    for count, heat, before in ((1, 0.0, ()), *again, (num_drafts, temperature, beginning)):
        cache.crop(start - cache.get_seq_length())
        cache.select([0] * count)
        logits = first_logits.expand(count, -1)
        if before:
            logits = next_logits(torch.tensor([[*before]] * count, device=logits.device))
        rows, _ = _drawn(
            next_logits,
            logits,
            temperature=heat,
            longest=max_new_tokens,
            ends=(),
            eos_token_id=eos_token_id,
            inside_words=is_inside,
            generator=generator,
        )
        good = [
            (row.nats, whole)
            for row in rows
            if row.is_last and (whole := (*before, *row.tokens)) and is_good(whole)
        ]
        if good:
            return max(good)[1]
    return None


def _drawn(
    next_logits: BatchLogitsFn,
    logits: Tensor,
    *,
    temperature: float,
    longest: int,
    ends: Collection[int],
    eos_token_id: int,
    inside_words: Tensor,
    generator: torch.Generator,
) -> tuple[list[_Row], Tensor]:
    """Rows of words by logits (B, V), and the logits behind them.

    inside_words: (V,) bool. The cache grows by the longest row; the end of the answer is no word.
    """
    rows: list[list[int]] = [[] for _ in logits]
    nats: list[list[float]] = [[] for _ in logits]
    is_over, is_last = [False] * len(logits), [False] * len(logits)
    for _ in range(longest):
        scores = logits.float()
        log_probs = scores.log_softmax(-1)
        if temperature > 0:
            likeliest, best = scores.max(-1, keepdim=True)
            is_out = (scores < likeliest + UNLIKELY) | inside_words | inside_words[best]
            scores = scores.masked_fill(is_out.scatter(1, best, False), -torch.inf)
            noise = gumbel_noise(scores.shape, generator).to(scores.device)
            scores = scores / temperature + noise
        chosen = scores.argmax(-1)
        likely = log_probs.gather(-1, chosen[:, None]).squeeze(-1).tolist()
        for row, token in enumerate(chosen.tolist()):
            if is_over[row]:
                continue
            nats[row].append(likely[row])
            if token == eos_token_id:
                is_last[row] = True
            else:
                rows[row].append(token)
            is_over[row] = is_last[row] or token in ends
        if all(is_last):
            break
        logits = next_logits(chosen[:, None])
        if all(is_over):
            break
    drawn = [
        _Row(
            tokens=tuple(row),
            is_over=is_over[i],
            is_last=is_last[i],
            nats=sum(nats[i]) / max(len(nats[i]), 1),
        )
        for i, row in enumerate(rows)
    ]
    return drawn, logits


def _marked(ids: Collection[int], logits: Tensor) -> Tensor:
    """Which of the tokens that logits (V,) are of are among the ids: (V,) bool."""
    is_among = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    is_among[list(ids)] = True
    return is_among


def _closed_up(sentence: list[int], comma: int, conjunction: int) -> list[int]:
    """A list that lost a member: "a and c" where two are left, for "a, and c"."""
    commas = [i for i, token in enumerate(sentence) if token == comma]
    if len(commas) == 1 and sentence[commas[0] + 1 : commas[0] + 2] == [conjunction]:
        return [token for token in sentence if token != comma]
    return sentence


def _listed(
    sentence: list[int],
    comma: int,
    conjunction: int,
    part_ends: Collection[int],
    statements: StatementsFn,
) -> list[int]:
    """What a list says that was cut behind one of its members, with "and" for its last comma.

    As it is where it has no such comma, where what stands before that is no member of a list, or
    where it would say something else.
    """
    ends = [-1, -1, *(i for i, token in enumerate(sentence) if token in part_ends)]
    before, last = ends[-2:]
    if last < 0 or sentence[last] != comma:
        return sentence
    member = sentence[before + 1 : last]  # which may be half a phrase: "thin,"
    if not statements(member):
        return sentence
    is_long = comma in sentence[:last]  # "a, b, and c", but "a and b"
    joined = [*sentence[: last + is_long], conjunction, *sentence[last + 1 :]]
    return joined if statements(joined) == statements(sentence) else sentence
