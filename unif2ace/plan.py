"""The plan of a face: what it shows, one word a place, decided before a single image code is drawn.

First every attribute's value, then where some landmarks lie. Image codes are drawn side by side and
must agree on what no prompt says (how the head is turned, where the eyes are); the plan settles it.
Painting goes words -> plan -> picture, and reading goes picture -> words -> answer: image place p
says word p, as far as there are image places; answers are given with the values in sight, each
behind the one that it rests on: to say yes or no, look first. What a question is about is thought
in such words, too: topic, value asked for, value seen.

Our choice; the paper paints from captions that name 17.7 attributes (arXiv 2503.08120).
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from unif2ace.areas import AREA_POINTS
from unif2ace.attributes import VOCABULARY, Vocabulary
from unif2ace.config import whole_plan
from unif2ace.encoders import side_by_side
from unif2ace.losses import IGNORED_LABEL
from unif2ace.priors import common, who
from unif2ace.prompting import NO_THOUGHT, Thought, encode_text
from unif2ace.sampler import WordChoice
from unif2ace.vq import NOT_TOLD, Told
from unif2ace.wording import NOT_VISIBLE, canonical_answer

PLAN_POINTS = AREA_POINTS

UNTEMPERED = ("age_years", "skin_tone_monk")
"""Finer than `priors.WHO`, and drawn as evenly as the network does."""

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase + "+/"
"""A coordinate is one of these: which 64th of the picture's side it lies in."""

Points = Sequence[tuple[float, float]]

_ARTICLE = re.compile(r"(a|to the|at the|the) ")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """values: attribute to value or "not visible". points: of `PLAN_POINTS`, shares of the side."""

    values: Mapping[str, str]
    points: Points


class PlanWords:
    """The words that may stand in each of the first `length` places, and what they mean.

    names: what the checkpoint knows, in the order of the places.
    words: per place, {value or digit: text id}; the ids of a place all differ.
    digits: ids of `DIGITS`; in thoughts the n-th stands for the n-th attribute.
    no_thought: id of `NO_THOUGHT`. affirmed, denied: ids of "yes" and "not".
    Raises: ValueError for a length that is no number of places, more attributes than digits, or a
        vocabulary too small to tell the words of a place apart.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        length: int,
        attributes: Vocabulary = VOCABULARY,
    ) -> None:
        if not 0 <= length <= whole_plan(attributes):
            raise ValueError(f"a plan has 0 to {whole_plan(attributes)} places, not {length}")
        self.names = tuple(name for name, _ in attributes[:length])
        self.num_attributes = len(attributes)
        words = [
            {
                value: telling_token(answer_of(name, value), tokenizer)
                for value in (*values, NOT_VISIBLE)
            }
            for name, values in attributes[:length]
        ]
        for name, place in zip(self.names, words, strict=True):
            if len(set(place.values())) < len(place):
                raise ValueError(f"the text tokenizer cannot tell the values of {name} apart")
        digits = {digit: encode_text(tokenizer, digit)[0] for digit in DIGITS}
        words += [digits] * (length - len(words))
        self.words: tuple[Mapping[str, int], ...] = tuple(words)
        self.digits = tuple(digits.values())
        if len(self.names) > len(DIGITS):
            raise ValueError(f"{len(self.names)} attributes, but {len(DIGITS)} digits for topics")
        self.no_thought: int = tokenizer.convert_tokens_to_ids(NO_THOUGHT)
        self.affirmed, self.denied = (encode_text(tokenizer, word)[0] for word in ("yes", "not"))

    def read(self, logits: Tensor) -> Tensor:
        """The word of each of the first P places: (B, P, V) text logits to ids (B, P).

        The likeliest, but of what is more likely seen than not the likeliest value, as
        `wording.likeliest_value` has it.
        """
        places = self.words[: logits.shape[1]]
        said = torch.zeros(len(logits), len(places), dtype=torch.long, device=logits.device)
        for place, words in enumerate(places):
            ids = torch.tensor(list(words.values()), device=logits.device)
            scores = logits[:, place, ids].float()  # (B, words)
            if place < len(self.names):  # the last word says that it cannot be seen
                seen = scores[:, :-1].logsumexp(-1)
                scores[:, -1] = scores[:, -1].masked_fill(seen >= scores[:, -1], -torch.inf)
            said[:, place] = ids[scores.argmax(-1)]
        return said

    def joined(self, logits: Tensor, read: Mapping[str, Tensor]) -> Tensor:
        """Text logits (B, N, V) of places, in which a face encoder has its say about values.

        read: attribute to the encoder's logits (B, number of values). Our choice: the probabilities
        of values are the mean of both; how likely any of them is seen at all stays as the place
        says. A place looks at everything, an encoder was taught nothing else: both err, elsewhere.
        """
        names = self.names[: logits.shape[1]]
        if not names:
            return logits
        values = [
            [word for value, word in words.items() if value != NOT_VISIBLE]
            for words in self.words[: len(names)]
        ]
        counts = tuple(map(len, values))
        most = max(counts)
        ids = torch.tensor(
            [row + [-1] * (most - len(row)) for row in values], device=logits.device
        )  # (A, V)
        is_value, places = ids >= 0, torch.arange(len(names), device=logits.device)[:, None]
        own = logits[:, places, ids].float().masked_fill(~is_value, -torch.inf)  # (B, A, V)
        theirs = torch.cat([read[name].float() for name in names], dim=-1)
        seen = side_by_side(theirs, counts, absent=-torch.inf)
        both = torch.logaddexp(own.log_softmax(-1), seen.log_softmax(-1))
        means = own.logsumexp(-1, keepdim=True) - math.log(2) + both
        logits = logits.clone()
        logits[:, places.expand_as(ids)[is_value], ids[is_value]] = means[:, is_value].to(logits)
        return logits

    def thoughts(
        self, name: str | None, asked: Set[str], told: Sequence[int]
    ) -> tuple[Thought, ...]:
        """What is thought of a question about an attribute: topic, value asked for, value seen.

        name: one that no place says, or None for several things at once, is no topic.
        asked: the values that a yes hangs on, none where the value itself is asked for. All but one
            are thought of as that one, denied; several others as none.
        told: the words that the picture's places say; the value seen is looked up there. Where
            there are none, nothing is thought.
        """
        if not told:
            return ()
        if name not in self.names[: len(told)]:
            return (self.topic(None), *self.compared(None, None, told))
        lacking, one = self._values(name) - asked, None
        is_denied = len(lacking) == 1 < len(asked)
        if is_denied or len(asked) == 1:
            (one,) = lacking if is_denied else asked
        return (self.topic(name), *self.compared(name, one, told, is_denied))

    def guessed_topics(self, logits: Tensor, told: Sequence[int]) -> list[tuple[str | None, float]]:
        """Topics by text logits (V,) with their probabilities, the likeliest first.

        None stands for several or none.
        """
        names = (None, *self.names[: len(told)])
        words = torch.tensor([self.topic(name).word for name in names], device=logits.device)
        shares = logits[words].float().softmax(-1).tolist()
        return sorted(zip(names, shares, strict=True), key=lambda topic: -topic[1])

    def guessed_value(self, name: str | None, logits: Tensor) -> str | None:
        """Behind a topic the likeliest value asked for, by text logits (V,); None for none."""
        words = {} if name is None else self.words[self.names.index(name)]
        values = {word: value for value, word in words.items() if value != NOT_VISIBLE}
        ids = [self.no_thought, *values]
        return values.get(ids[int(logits[ids].argmax())])

    def meant(self, name: str, value: str, logits: Tensor) -> frozenset[str]:
        """The values that a yes hangs on where one is asked for or, by text logits (V,) behind it,
        denied."""
        if logits[self.denied] <= logits[self.affirmed]:
            return frozenset({value})
        return self._values(name) - {value}

    def _values(self, name: str) -> frozenset[str]:
        return frozenset(self.words[self.names.index(name)]) - {NOT_VISIBLE}

    def topic(self, name: str | None) -> Thought:
        """What is thought first of a question about an attribute, or about several or none."""
        if name is None:
            return Thought(word=self.no_thought)
        place = self.names.index(name)
        return Thought(word=self.digits[place], place=place)

    def compared(
        self, name: str | None, asked: str | None, told: Sequence[int], is_denied: bool = False
    ) -> tuple[Thought, Thought]:
        """What is thought behind a topic: the value asked for, and the one seen.

        That is marked where it is the one asked for, and while it is looked up the model tells
        whether the one asked for is denied.
        """
        if name is None:
            return Thought(word=self.no_thought), Thought(word=self.no_thought, is_guessed=False)
        place = self.names.index(name)
        asked_word = self.no_thought if asked is None else self.words[place][asked]
        seen = Thought(
            word=told[place],
            place=len(self.words) if told[place] == asked_word else -1,  # `config.repeated_place`
            is_guessed=False,
            aside=IGNORED_LABEL if asked is None else self.denied if is_denied else self.affirmed,
        )
        return Thought(word=asked_word), seen

    def allowed(self, constraints: Mapping[str, Set[str]]) -> list[list[int]]:
        """Per place the ids that may stand there, ascending.

        constraints: attribute to the values left open, as `parsing.parse_constraints` gives them; a
        constrained attribute is to be seen.
        """
        return [
            sorted(
                word
                for value, word in words.items()
                if place >= len(self.names)
                or self.names[place] not in constraints
                or value in constraints[self.names[place]]
            )
            for place, words in enumerate(self.words)
        ]

    def choices(self, allowed: Sequence[Sequence[int]], temperature: float) -> list[WordChoice]:
        """Per place how to draw a word from the ids allowed there.

        Who is painted is left to `priors.who`: a network takes "a person" for a woman or a man by
        words that tell nothing of it. Of all else the network tells, with more weight on what is
        common in every face: one that nobody described further is rather an ordinary one.
        """
        left_open = {
            name: {value for value, word in words.items() if word in ids}
            for name, words, ids in zip(self.names, self.words, allowed, strict=False)
            if len(ids) < len(words)
        }
        people = who(left_open)
        choices = []
        for place, (words, ids) in enumerate(zip(self.words, allowed, strict=True)):
            name = self.names[place] if place < len(self.names) else ""
            is_who = name in people
            chances = people[name] if is_who else common(name) if name else {}
            otherwise = 0.0 if is_who else max(chances.values(), default=1.0)  # hidden, or a digit
            weights = {word: chances.get(value, otherwise) for value, word in words.items()}
            choices.append(
                WordChoice(
                    ids=ids,
                    log_weights=[math.log(weights[i]) if weights[i] else -math.inf for i in ids],
                    temperature=1.0 if is_who or name in UNTEMPERED else temperature,
                    is_asked=not is_who,
                )
            )
        return choices

    def encode(self, values: Mapping[str, str], points: Points) -> list[int]:
        """Ids of a plan. An attribute that `values` lacks is not visible; points are clamped."""
        said = [values.get(name, NOT_VISIBLE) for name in self.names]
        digits = [DIGITS[digit_of(share)] for point in points for share in point]
        said += digits[: len(self.words) - len(said)]
        return [words[value] for words, value in zip(self.words, said, strict=True)]

    def told(self, plans: Tensor) -> Told:
        """What plans (B, P) tell a decoder of their pictures: words (B, A) and points (B, 9, 2).

        A word counts as the place it has among those of its attribute, the last of which says that
        it cannot be seen; `NOT_TOLD` are attributes without a place, and a word that cannot stand
        there. Points are NaN where a plan has none.
        """
        told = torch.full((len(plans), self.num_attributes), NOT_TOLD, device=plans.device)
        for place in range(min(len(self.names), plans.shape[1])):  # fewer are read than planned
            told[:, place] = self._numbered(plans, place)
        digits = range(len(self.names), plans.shape[1])
        points = torch.full((len(plans), 2 * len(PLAN_POINTS)), torch.nan, device=plans.device)
        for i, place in enumerate(digits):
            number = self._numbered(plans, place)
            points[:, i] = ((number + 0.5) / len(DIGITS)).where(number != NOT_TOLD, torch.nan)
        return Told(words=told, points=points.unflatten(1, (-1, 2)))

    def _numbered(self, plans: Tensor, place: int) -> Tensor:
        """Which of the words of a place plans (B, P) say there, `NOT_TOLD` for none: (B,)."""
        ids = torch.tensor(list(self.words[place].values()), device=plans.device)
        is_said = plans[:, place, None] == ids  # (B, words)
        return is_said.long().argmax(-1).where(is_said.any(-1), NOT_TOLD)

    def said(self, ids: Sequence[int]) -> list[str]:
        """What the first words of a plan say: values, then digits.

        Raises: ValueError for an id that cannot stand in its place.
        """
        said: list[str] = []
        for place, (words, word) in enumerate(zip(self.words, ids, strict=False)):
            said += [value for value, other in words.items() if other == word]
            if len(said) != place + 1:
                raise ValueError(f"id {word} says nothing in place {place} of a plan")
        return said

    def decode(self, ids: Sequence[int]) -> Plan:
        """The plan that `ids` say; coordinates are the middles of their 64ths.

        Raises: ValueError for an id that cannot stand in its place, or another number of them.
        """
        if len(ids) != len(self.words):
            raise ValueError(f"a plan has {len(self.words)} words, got {len(ids)}")
        said = self.said(ids)
        shares = [(DIGITS.index(digit) + 0.5) / len(DIGITS) for digit in said[len(self.names) :]]
        return Plan(
            values=dict(zip(self.names, said, strict=False)),
            points=list(zip(shares[::2], shares[1::2], strict=False)),
        )


def answer_of(name: str, value: str) -> str:
    """The canonical answer, also for "not visible"."""
    return NOT_VISIBLE if value == NOT_VISIBLE else canonical_answer(name, value)


def telling_token(answer: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """The first id of a canonical answer behind its article, which tells its attribute's apart."""
    article = _ARTICLE.match(answer)
    skipped = 0 if article is None else len(encode_text(tokenizer, article[0].rstrip()))
    return encode_text(tokenizer, answer)[skipped]


def digit_of(share: float) -> int:
    """Which 64th of the side a coordinate lies in; outside the picture, the nearest."""
    return min(max(int(share * len(DIGITS)), 0), len(DIGITS) - 1)
