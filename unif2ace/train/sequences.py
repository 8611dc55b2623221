"""From labelled faces to training sequences: words drawn afresh from each face's labels."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from unif2ace.config import UniF2aceConfig
from unif2ace.model import ImageFeatures
from unif2ace.plan import PLAN_POINTS, PlanWords
from unif2ace.prompting import (
    SequenceBatch,
    Turn,
    encode_request,
    encode_text,
    prompt_ids,
    text_batch,
    turns_batch,
)
from unif2ace.schedule import MaskSchedule, mask_codes, sample_times
from unif2ace.synth.captions import Style, caption
from unif2ace.synth.questions import KIND_SHARES, Kind, questions
from unif2ace.train.features import FaceFeatures, FaceLabel
from unif2ace.train.tokenizer import region_weights
from unif2ace.wording import NOT_VISIBLE, canonical_answer, canonical_question

CAPTION_STYLES: dict[Style, float] = {"tags": 0.3, "short": 0.45, "plain": 0.2, "long": 0.05}
"""Shares of caption styles: visitors type short prompts, and short ones train faster. A batch
holds one style, so that hardly anything is padding."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A way of asking that fills whole understanding batches.

    share: of the batches. count: questions a face, as a multiple of the usual number.
    kinds: of the grammar's questions. is_canonical: the fixed questions, instead of the grammar's.
    is_answered: else it ends with what the question was understood to be.
    """

    share: float
    count: float
    kinds: Mapping[Kind, float] = field(default_factory=lambda: KIND_SHARES)
    is_canonical: bool = False
    is_answered: bool = True


_SINGLE: Mapping[Kind, float] = {
    kind: share for kind, share in KIND_SHARES.items() if kind not in ("region", "describe")
} | {"off_topic": 0.15}
_UNDERSTOOD: Mapping[Kind, float] = {**_SINGLE, "yes_no": 0.7}  # what a yes hangs on is hardest

ASKINGS = (
    Asking(share=0.03, count=2, is_canonical=True),
    Asking(share=0.09, count=2, kinds={"yes_no": 0.92, "off_topic": 0.08}),
    Asking(share=0.56, count=4, kinds=_UNDERSTOOD, is_answered=False),
    Asking(share=0.15, count=2, kinds=_SINGLE),
    Asking(share=0.14, count=1 / 5, kinds={"describe": 0.85, "region": 0.15}),
    Asking(share=0.03, count=1),
)
"""Understanding a question, and comparing what it asks for with what is seen, are learnt late and
take many examples, which are short; descriptions are long, and copy each word from its place."""


@dataclass(frozen=True, kw_only=True)
class GenerationSample:
    """A batch of faces to paint, each in several masked copies that follow each other.

    texts: B prompts with plans. codes, is_masked (B * copies, N): clean codes, and which are masked
    at times (B * copies,). weights: (B * copies, N), how much each place counts, 1 on average.
    """

    texts: SequenceBatch
    codes: Tensor
    is_masked: Tensor
    times: Tensor
    weights: Tensor


@dataclass(frozen=True, kw_only=True)
class UnderstandingSample:
    """A batch of faces with questions.

    codes (B, N) and features: the pictures. turns: the questions, behind the words that the
    picture's places should say. plans: (B, P) ids that the first places should say.
    """

    codes: Tensor
    features: ImageFeatures
    turns: SequenceBatch
    plans: Tensor


def prompt_of(
    label: FaceLabel,
    style: Style,
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    rng: random.Random,
    words: PlanWords,
) -> list[int]:
    """Prompt ids of a fresh caption, cut where it is too long, with the face's plan."""
    seen = label.visible & set(config.attributes)
    text = caption(label.attributes, seen, generator=rng, style=style).text
    limit = config.max_prompt_tokens - config.plan_length - 3
    ids = prompt_ids(encode_request(tokenizer, text)[:limit], config)
    return ids + plan_of(label, words)


def turns_of(
    label: FaceLabel,
    told: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    words: PlanWords,
    rng: random.Random,
    count: int,
    kinds: Mapping[Kind, float] = KIND_SHARES,
    held_out: Set[str] = frozenset(),
) -> list[Turn]:
    """Fresh questions about one face, with their answers.

    told: what the picture's places should say of it, for all questions to see. held_out: questions
    in the words of `plainly` that are left out when they come up.
    """
    drawn = questions(
        label.attributes,
        label.visible & set(config.attributes),
        generator=rng,
        count=count,
        kinds=kinds,
        known=config.attributes,
    )
    return [
        Turn(
            question=encode_request(tokenizer, qa.question),
            answer=encode_text(tokenizer, qa.answer),
            thoughts=words.thoughts(qa.attribute, qa.hangs_on, told),
        )
        for qa in drawn
        if plainly(qa.question) not in held_out
    ]


def plainly(question: str) -> str:
    """A question without what a hasty visitor leaves out, in one spelling."""
    words = re.sub(r"[^a-z ]", "", question.lower().replace("-", " ")).split()
    return " ".join(words).replace("colour", "color").replace("mustache", "moustache")


def held_out_questions(path: Path) -> frozenset[str]:
    """Of a JSON lines file of objects with a `question`, in the words of `plainly`.

    Raises ValueError for a file that is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return frozenset(plainly(json.loads(line)["question"]) for line in lines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no questions: {error!r}") from error


def canonical_turns(
    label: FaceLabel,
    told: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    words: PlanWords,
    rng: random.Random,
    count: int,
    held_out: Set[str] = frozenset(),
) -> list[Turn]:
    """The fixed questions about `count` different attributes of one face, or about all.

    held_out: as of `turns_of`.
    """
    free = [name for name in config.attributes if plainly(canonical_question(name)) not in held_out]
    return [
        Turn(
            question=encode_request(tokenizer, canonical_question(name)),
            answer=encode_text(
                tokenizer,
                canonical_answer(name, label.attributes[name])
                if name in label.visible
                else NOT_VISIBLE,
            ),
            thoughts=words.thoughts(name, frozenset(), told),
        )
        for name in rng.sample(free, min(count, len(free)))
    ]


def plan_of(label: FaceLabel, words: PlanWords) -> list[int]:
    """Ids of what a face shows."""
    values = {name: label.attributes[name] for name in label.visible}
    return words.encode(values, [label.landmarks[i] for i in PLAN_POINTS])


def generation_sample(
    faces: FaceFeatures,
    indices: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    words: PlanWords,
    *,
    rng: random.Random,
    generator: torch.Generator,
    copies: int,
    face_weight: float = 1.0,
) -> GenerationSample:
    """Each face with a fresh prompt and its plan, masked `copies` times, each time anew.

    face_weight: how much the places about the face count against 1 of all others.
    """
    codes = faces.batch(indices)[0].repeat_interleave(copies, 0)
    times = sample_times(len(codes), generator)
    ratio = MaskSchedule(config.schedule).mask_ratio(times)
    _, is_masked = mask_codes(codes, ratio, mask_code=config.layout.mask_code, generator=generator)
    (style,) = rng.choices(list(CAPTION_STYLES), list(CAPTION_STYLES.values()))
    prompts = [
        prompt_ids([], config)  # of neither words nor plan: guidance needs that
        if rng.random() < config.condition_dropout
        else prompt_of(faces.labels[i], style, tokenizer, config, rng, words)
        for i in indices
    ]
    landmarks = torch.tensor([faces.labels[i].landmarks for i in indices])  # (B, 68, 2)
    weights = code_weights(landmarks, config.grid, face_weight)
    return GenerationSample(
        texts=text_batch(prompts, config),
        weights=weights.repeat_interleave(copies, 0),
        codes=codes,
        is_masked=is_masked,
        times=times,
    )


def code_weights(landmarks: Tensor, grid: int, face_weight: float) -> Tensor:
    """How much the codes of faces count in painting: (B, grid * grid), 1 on average of each.

    landmarks: (B, 68, 2) shares of the picture. face_weight: of a place in the box about them all,
    grown by a quarter of its width on every side, against 1 elsewhere. Our choice: the words of a
    prompt are mostly about the face, and most codes lie elsewhere.
    """
    weights = region_weights(landmarks, grid, face_weight, (slice(None),)).flatten(1)
    return weights / weights.mean(-1, keepdim=True)


def understanding_sample(
    faces: FaceFeatures,
    indices: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    words: PlanWords,
    *,
    questions_per_face: int,
    rng: random.Random,
    held_out: Set[str] = frozenset(),
) -> UnderstandingSample:
    codes, features = faces.batch(indices)
    (way,) = rng.choices(ASKINGS, [way.share for way in ASKINGS])
    count = max(1, round(way.count * questions_per_face))
    plans = [plan_of(faces.labels[i], words) for i in indices]
    rows = []
    for i, plan in zip(indices, plans, strict=True):
        told = plan[: config.num_told_words]
        known = (faces.labels[i], told, tokenizer, config, words, rng, count)
        turns = (
            canonical_turns(*known, held_out)
            if way.is_canonical
            else turns_of(*known, way.kinds, held_out)
        )
        if not way.is_answered and config.num_thoughts:
            turns = [replace(turn, answer=None) for turn in turns]
        rows.append(turns)
    said = torch.tensor(plans)  # (B, P)
    return UnderstandingSample(
        codes=codes,
        features=features,
        turns=turns_batch(rows, codes.shape[1], config, said[:, : config.num_told_words]),
        plans=said[:, : config.num_image_tokens],
    )
