"""From labelled faces to training sequences: words drawn afresh from each face's labels."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from unif2ace.config import UniF2aceConfig
from unif2ace.model import ImageFeatures
from unif2ace.plan import PLAN_POINTS, PlanWords
from unif2ace.prompting import (
    NO_THOUGHT,
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
from unif2ace.wording import NOT_VISIBLE, canonical_answer, canonical_question

CAPTION_STYLES: dict[Style, float] = {"tags": 0.3, "short": 0.45, "plain": 0.2, "long": 0.05}
"""Shares of caption styles: visitors type short prompts, and short ones train faster. A batch
holds one style, so that hardly anything is padding."""


MASKED_COPIES = 2
"""How often a face is masked, each time anew, behind one pass over its prompt and plan."""


CANONICAL_SHARE = 0.1
"""Share of understanding batches that ask in one fixed wording, twice as many questions a face:
where nothing but the value is open, looking facts up is learnt soonest."""


YES_NO_SHARE = 0.5
"""Share that ask for yes or no alone, three times as many questions a face: comparing what is asked
with what is seen is learnt late and takes many examples, and these are short."""


@dataclass(frozen=True, kw_only=True)
class GenerationSample:
    """A batch of faces to paint, each in several masked copies that follow each other.

    texts: B prompts with plans. codes, is_masked (B * copies, N): clean codes, and which are masked
    at times (B * copies,).
    """

    texts: SequenceBatch
    codes: Tensor
    is_masked: Tensor
    times: Tensor


@dataclass(frozen=True, kw_only=True)
class UnderstandingSample:
    """A batch of faces with questions.

    codes (B, N) and features: the pictures. turns: the questions, behind words that the picture's
    places are yet to say. plans: (B, P) ids that the first places should say.
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
    """Prompt ids of a fresh caption with the face's plan, or of neither: guidance needs that.

    Long captions are cut.
    """
    if rng.random() < config.condition_dropout:
        return prompt_ids([], config)
    seen = label.visible & set(config.attributes)
    text = caption(label.attributes, seen, generator=rng, style=style).text
    limit = config.max_prompt_tokens - config.plan_length - 3
    ids = prompt_ids(encode_request(tokenizer, text)[:limit], config)
    return ids + plan_of(label, words)


def turns_of(
    label: FaceLabel,
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    words: PlanWords,
    rng: random.Random,
    count: int,
    kinds: Mapping[Kind, float] = KIND_SHARES,
) -> list[Turn]:
    """Fresh questions about one face, with their answers."""
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
            thoughts=thoughts_of(qa.attribute, qa.asked, label, config, words),
        )
        for qa in drawn
    ]


def canonical_turns(
    label: FaceLabel,
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    words: PlanWords,
    rng: random.Random,
    count: int,
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
            thoughts=thoughts_of(name, None, label, config, words),
        )
        for name in rng.sample(list(config.attributes), min(count, len(config.attributes)))
    ]


def thoughts_of(
    name: str, asked: str | None, label: FaceLabel, config: UniF2aceConfig, words: PlanWords
) -> tuple[int, ...]:
    """The words of the value asked for and of the value seen of an attribute.

    `NO_THOUGHT` where no value is asked for, and twice about several things.
    """
    if not config.num_thoughts:
        return ()
    nothing = config.layout.special_id(NO_THOUGHT)
    if name not in words.names[: config.num_told_words]:
        return (nothing, nothing)
    of_values = words.words[words.names.index(name)]
    seen = label.attributes[name] if name in label.visible else NOT_VISIBLE
    return (nothing if asked is None else of_values[asked], of_values[seen])


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
    copies: int = MASKED_COPIES,
) -> GenerationSample:
    codes = faces.batch(indices)[0].repeat_interleave(copies, 0)
    times = sample_times(len(codes), generator)
    ratio = MaskSchedule(config.schedule).mask_ratio(times)
    _, is_masked = mask_codes(codes, ratio, mask_code=config.layout.mask_code, generator=generator)
    (style,) = rng.choices(list(CAPTION_STYLES), list(CAPTION_STYLES.values()))
    prompts = [prompt_of(faces.labels[i], style, tokenizer, config, rng, words) for i in indices]
    return GenerationSample(
        texts=text_batch(prompts, config),
        codes=codes,
        is_masked=is_masked,
        times=times,
    )


def understanding_sample(
    faces: FaceFeatures,
    indices: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    config: UniF2aceConfig,
    words: PlanWords,
    *,
    questions_per_face: int,
    rng: random.Random,
) -> UnderstandingSample:
    codes, features = faces.batch(indices)
    sort = rng.random()
    draw, count = turns_of, questions_per_face
    if sort < CANONICAL_SHARE:
        draw, count = canonical_turns, 2 * questions_per_face
    elif sort < CANONICAL_SHARE + YES_NO_SHARE:
        draw, count = partial(turns_of, kinds={"yes_no": 1.0}), 3 * questions_per_face
    rows = [draw(faces.labels[i], tokenizer, config, words, rng, count) for i in indices]
    plans = torch.tensor([plan_of(faces.labels[i], words) for i in indices])
    told = plans[:, : config.num_told_words]
    return UnderstandingSample(
        codes=codes,
        features=features,
        turns=turns_batch(rows, codes.shape[1], config, told),
        plans=plans[:, : config.num_image_tokens],
    )
