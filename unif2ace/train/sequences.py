"""From labelled faces to training sequences: words drawn afresh from each face's labels."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from unif2ace.attributes import ATTRIBUTES
from unif2ace.config import UniF2aceConfig
from unif2ace.model import ImageFeatures
from unif2ace.prompting import (
    SequenceBatch,
    Turn,
    encode_request,
    encode_text,
    generation_batch,
    prompt_ids,
    understanding_batch,
)
from unif2ace.schedule import MaskSchedule, mask_codes, sample_times
from unif2ace.synth.captions import Style, caption
from unif2ace.synth.questions import questions
from unif2ace.train.features import FaceFeatures, FaceLabel
from unif2ace.wording import NOT_VISIBLE, canonical_answer, canonical_question

CAPTION_STYLES: dict[Style, float] = {"tags": 0.3, "short": 0.4, "plain": 0.22, "long": 0.08}
"""Shares of caption styles: visitors type short prompts, and short ones train faster. A batch
holds one style, so that hardly anything is padding."""


CANONICAL_SHARE = 0.6
"""Share of understanding batches that ask in one fixed wording, twice as many questions a face:
where nothing but the value is open, looking facts up is learnt soonest."""


_ARTICLE = re.compile(r"(a|to the|at the|the) ")


@dataclass(frozen=True, kw_only=True)
class GenerationSample:
    """A batch of faces to paint: sequences, clean codes, where they are masked, and when."""

    sequences: SequenceBatch
    codes: Tensor
    is_masked: Tensor
    times: Tensor


@dataclass(frozen=True, kw_only=True)
class UnderstandingSample:
    """A batch of faces with questions.

    place_words: (B, P) ids of what each image place should say, see `place_words`.
    """

    sequences: SequenceBatch
    features: ImageFeatures
    place_words: Tensor


def prompt_of(
    label: FaceLabel,
    style: Style,
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    rng: random.Random,
) -> list[int]:
    """Prompt ids of a fresh caption, or of no caption (guidance needs that); long ones are cut."""
    if rng.random() < config.condition_dropout:
        return prompt_ids([], config)
    text = caption(label.attributes, label.visible, generator=rng, style=style).text
    return prompt_ids(encode_request(tokenizer, text)[: config.max_prompt_tokens - 3], config)


def turns_of(
    label: FaceLabel, tokenizer: PreTrainedTokenizerBase, rng: random.Random, count: int
) -> list[Turn]:
    """Fresh questions about one face, with their answers."""
    drawn = questions(label.attributes, label.visible, generator=rng, count=count)
    return [
        Turn(
            question=encode_request(tokenizer, qa.question),
            answer=encode_text(tokenizer, qa.answer),
        )
        for qa in drawn
    ]


def canonical_turns(
    label: FaceLabel, tokenizer: PreTrainedTokenizerBase, rng: random.Random, count: int
) -> list[Turn]:
    """The fixed questions about `count` different attributes of one face, or about all."""
    return [
        Turn(
            question=encode_request(tokenizer, canonical_question(name)),
            answer=encode_text(
                tokenizer,
                canonical_answer(name, label.attributes[name])
                if name in label.visible
                else NOT_VISIBLE,
            ),
        )
        for name in rng.sample(list(ATTRIBUTES), min(count, len(ATTRIBUTES)))
    ]


def place_words(
    labels: Sequence[FaceLabel], tokenizer: PreTrainedTokenizerBase, config: UniF2aceConfig
) -> Tensor:
    """What the image places of each face should say, (B, P): place p, the p-th attribute's value.

    Of the canonical answer the first token behind its article, which tells the values of an
    attribute apart. P is the number of attributes, or of image tokens if there are fewer.
    """
    names = list(ATTRIBUTES)[: config.num_image_tokens]
    return torch.tensor(
        [
            [
                telling_token(
                    canonical_answer(name, label.attributes[name])
                    if name in label.visible
                    else NOT_VISIBLE,
                    tokenizer,
                )
                for name in names
            ]
            for label in labels
        ]
    )


def telling_token(answer: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """The first id of a canonical answer behind its article."""
    article = _ARTICLE.match(answer)
    skipped = 0 if article is None else len(encode_text(tokenizer, article[0].rstrip()))
    return encode_text(tokenizer, answer)[skipped]


def generation_sample(
    faces: FaceFeatures,
    indices: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    *,
    rng: random.Random,
    generator: torch.Generator,
) -> GenerationSample:
    codes, _ = faces.batch(indices)
    times = sample_times(len(codes), generator)
    ratio = MaskSchedule(config.schedule).mask_ratio(times)
    noisy, is_masked = mask_codes(
        codes, ratio, mask_code=config.layout.mask_code, generator=generator
    )
    (style,) = rng.choices(list(CAPTION_STYLES), list(CAPTION_STYLES.values()))
    prompts = [prompt_of(faces.labels[i], style, tokenizer, config, rng) for i in indices]
    return GenerationSample(
        sequences=generation_batch(prompts, noisy, config),
        codes=codes,
        is_masked=is_masked,
        times=times,
    )


def understanding_sample(
    faces: FaceFeatures,
    indices: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    *,
    questions_per_face: int,
    rng: random.Random,
) -> UnderstandingSample:
    codes, features = faces.batch(indices)
    if rng.random() < CANONICAL_SHARE:
        draw, count = canonical_turns, 2 * questions_per_face
    else:
        draw, count = turns_of, questions_per_face
    rows = [draw(faces.labels[i], tokenizer, rng, count) for i in indices]
    return UnderstandingSample(
        sequences=understanding_batch(codes, rows, config),
        features=features,
        place_words=place_words([faces.labels[i] for i in indices], tokenizer, config),
    )
