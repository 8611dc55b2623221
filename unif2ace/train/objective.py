"""One training step's loss: D3Diff on faces to paint, next token on answers and thoughts, what
places say, expert balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from unif2ace.losses import answer_loss, balance_loss, d3diff_loss
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.moe import Exploration, Routing
from unif2ace.prompting import (
    PADDING_SEGMENT,
    SequenceBatch,
    image_batch,
    image_mask,
    prefix_batch,
    turns_mask,
)
from unif2ace.schedule import MaskSchedule
from unif2ace.train.sequences import GenerationSample, UnderstandingSample


@dataclass(frozen=True, kw_only=True)
class StepLoss:
    """`total` is what is minimised; `parts` are detached scalars for the log."""

    total: Tensor
    parts: dict[str, Tensor]


def balance_of(routings: Sequence[Routing], segments: Tensor) -> Tensor:
    """Mean balance loss over layers, padding left out."""
    is_real = (segments != PADDING_SEGMENT).flatten()
    probs = torch.stack([routing.logits for routing in routings]).softmax(-1)  # (layers, T, E)
    return balance_loss(probs, torch.stack([r.experts for r in routings]), is_real).mean()


def generation_loss(
    model: UniF2aceForConditionalGeneration,
    sample: GenerationSample,
    exploration: Exploration | None = None,
) -> StepLoss:
    """D3Diff (arXiv 2503.08120) over the masked codes of a batch, the plan's words, balance.

    Each word of a plan is predicted from the prompt and the words before it (`plan.py`). Text never
    sees the picture, so its keys and values serve all masked copies of one.
    """
    config, text = model.config, sample.texts
    cache, copies = DynamicCache(), len(sample.codes) // len(text.token_ids)
    said = model(**text.inputs(), group="generation", cache=cache)
    cache.batch_repeat_interleave(copies)
    noisy = torch.where(sample.is_masked, config.layout.mask_code, sample.codes)
    image = image_batch(noisy, config)
    output = model(
        image.token_ids,
        positions=image.positions,
        mask=image_mask(text, image.token_ids.shape[1], copies),
        group="generation",
        image_start=image.image_start,
        cache=cache,
        exploration=exploration,
    )
    loss = d3diff_loss(
        model.code_logits(output.hidden[:, 1:-1][sample.is_masked]),
        sample.codes,
        sample.is_masked,
        sample.times,
        schedule=MaskSchedule(config.schedule),
        alpha=config.score_weight,
        masked_weight=config.masked_weight,
        place_weights=sample.weights,
    )
    plan, plan_parts = plan_loss(model, said.hidden, text)
    segments = torch.cat([text.segments.flatten(), image.segments.flatten()])
    pairs = zip(said.token_routing, output.token_routing, strict=True)
    balance = balance_of([joined(*pair) for pair in pairs], segments)
    return StepLoss(
        total=loss.total + plan + config.moe.balance_weight * balance,
        parts={
            **plan_parts,
            "masked": loss.masked.detach(),
            "score": loss.score.detach(),
            "balance_generation": balance.detach(),
        },
    )


def joined(first: Routing, second: Routing) -> Routing:
    """What one layer's router decided about two passes."""
    return Routing(
        **{
            name: torch.cat([getattr(first, name), getattr(second, name)])
            for name in ("logits", "experts", "weights")
        }
    )


def plan_loss(
    model: UniF2aceForConditionalGeneration, hidden: Tensor, batch: SequenceBatch
) -> tuple[Tensor, dict[str, Tensor]]:
    """Next-token cross entropy on the plan's words, 0 without one; and what to log.

    hidden: (B, L, D) of the generation sequences `batch`.
    """
    assert batch.places is not None
    is_word = batch.places >= 0  # (B, L), never in the first column
    if not is_word.any():
        # Every process logs the same things, or their means could not be taken together.
        nothing = hidden.new_zeros(())
        has_plan = model.config.plan_length > 0
        return nothing, dict.fromkeys(("plan", "plan_accuracy"), nothing) if has_plan else {}
    words = batch.token_ids[is_word]
    logits = model.text_logits(hidden[:, :-1][is_word[:, 1:]])
    loss = answer_loss(logits, words)
    right = (logits.argmax(-1) == words).float().mean()
    return loss, {"plan": loss.detach(), "plan_accuracy": right}


def understanding_loss(
    model: UniF2aceForConditionalGeneration,
    sample: UnderstandingSample,
    exploration: Exploration | None = None,
) -> StepLoss:
    """Next-token cross entropy on answers, thoughts and what image places say, plus balance.

    Our choice: the image places behind the picture's experts each say one word of the face's plan
    through the text head (`plan.py`), so every face teaches all of its values at once. Questions
    have the true words in sight, so that no answer is taught that what is seen speaks against; and
    thoughts count as much as answers, of which there are many more words.
    """
    config, turns, cache = model.config, sample.turns, DynamicCache()
    prefix = prefix_batch(sample.codes, config)
    seen = model(
        **prefix.inputs(),
        group="understanding",
        image_start=prefix.image_start,
        features=sample.features,
        cache=cache,
        exploration=exploration,
    )
    length = sample.plans.shape[1]
    places = slice(prefix.image_start, prefix.image_start + length)
    total, parts = seen.hidden.new_zeros(()), {}
    if length:
        place_logits = model.text_logits(seen.hidden[:, places])  # (B, P, V)
        total = place = answer_loss(place_logits.flatten(0, 1), sample.plans.flatten())
        right = (place_logits.argmax(-1) == sample.plans).float().mean()
        parts = {"place": place.detach(), "place_accuracy": right}
    output = model(
        turns.token_ids,
        positions=turns.positions,
        mask=turns_mask(turns, prefix.token_ids.shape[1]),
        group="understanding",
        cache=cache,
        places=turns.places,
    )
    assert turns.labels is not None and turns.is_thought is not None
    of_answers = (turns.labels >= 0) & ~turns.is_thought
    wanted = {"answer": of_answers}
    if config.num_thoughts:
        wanted["thought"] = (turns.labels >= 0) & turns.is_thought
    for name, counted in wanted.items():
        loss = right = seen.hidden.new_zeros(())  # every process logs the same things
        if counted.any():
            logits = model.text_logits(output.hidden[counted])
            loss = answer_loss(logits, turns.labels[counted])
            right = (logits.argmax(-1) == turns.labels[counted]).float().mean()
        total = total + loss
        parts |= {name: loss.detach(), f"{name}_token_accuracy": right.detach()}
    segments = torch.cat([prefix.segments.flatten(), turns.segments.flatten()])
    pairs = zip(seen.token_routing, output.token_routing, strict=True)
    balance = balance_of([joined(*pair) for pair in pairs], segments)
    return StepLoss(
        total=total + config.moe.balance_weight * balance,
        parts={**parts, "balance_understanding": balance.detach()},
    )
