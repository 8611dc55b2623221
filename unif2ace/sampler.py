"""Decoding loops: masked image codes (MaskGIT), guidance, next-token text. They see logits only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unif2ace.schedule import MaskSchedule

LogitsFn = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class SampleStep:
    """One decoding step. `codes` (B, N) hold `mask_code` where still masked; `drawn` fills all."""

    step: int  # 1-based
    num_steps: int
    codes: Tensor
    drawn: Tensor


def guided(logits_fn: LogitsFn, guidance: float) -> LogitsFn:
    """Classifier-free guidance over a doubled batch: u + guidance * (c - u).

    guidance = 1 is the conditional alone, 0 the unconditional. `logits_fn` maps (2B, N) codes,
    conditional rows first, to (2B, N, K).
    Source: arXiv 2207.12598, in the convention of `diffusers` (s = 1 + w).
    """

    def combined(codes: Tensor) -> Tensor:
        conditional, unconditional = logits_fn(torch.cat([codes, codes])).float().chunk(2)
        return unconditional + guidance * (conditional - unconditional)

    return combined


def annealed(start: float, step: int, steps: int) -> float:
    """Choice temperature at a 1-based step: falls in a straight line from `start` to 0.

    Always computed from the start value; multiplying a running value would compound.
    """
    return start * (1 - step / steps)


def gumbel_noise(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Standard Gumbel draws, made on the generator's device so that a seed is portable."""
    uniform = torch.rand(shape, generator=generator, device=generator.device)
    return uniform.clamp_(1e-9, 1 - 1e-7).log_().neg_().log_().neg_()  # in place: half the time


def row_noise(like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Gumbel draws of `like`'s shape, row i from generator i alone."""
    return torch.stack([gumbel_noise(like.shape[1:], g) for g in generators]).to(like.device)


@torch.inference_mode()
def sample_steps(
    logits_fn: LogitsFn,
    codes: Tensor,
    *,
    mask_code: int,
    schedule: MaskSchedule,
    steps: int,
    temperature: float = 1.0,
    choice_temperature: float = 4.5,
    generators: Sequence[torch.Generator],
) -> Iterator[SampleStep]:
    """Fill every `mask_code` in codes (B, N), most confident first, yielding each step.

    Codes not masked on entry never change: that is inpainting. Every row must hold the same
    number of masked codes, at least `steps`. Each row draws from its own generator, so it is the
    same in any batch. argmax(logits / temperature + gumbel) is a draw from the softmax.

    Raises: ValueError for a temperature <= 0, uneven rows, a wrong number of generators, or steps
        out of range.
    Source: MaskGIT, arXiv 2202.04200, sec. 3.2.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    if len(generators) != len(codes):
        raise ValueError(f"{len(codes)} rows need as many generators, got {len(generators)}")
    unknown = (codes == mask_code).sum(-1)
    if not bool((unknown == unknown[0]).all()):
        raise ValueError(f"rows must have equally many masked codes, got {unknown.tolist()}")
    for step, num_masked in enumerate(schedule.mask_counts(int(unknown[0]), steps), start=1):
        known = codes != mask_code  # (B, N)
        log_probs = (logits_fn(codes).float() / temperature).log_softmax(-1)  # (B, N, K)
        noisy = row_noise(log_probs, generators).add_(log_probs)
        drawn = torch.where(known, codes, noisy.argmax(-1))
        confidence = log_probs.gather(-1, drawn.clamp(max=mask_code - 1)[..., None]).squeeze(-1)
        anneal = annealed(choice_temperature, step, steps)
        confidence = confidence + anneal * row_noise(confidence, generators)
        confidence = confidence.masked_fill(known, float("inf"))
        hidden = confidence.topk(num_masked, largest=False).indices  # (B, num_masked)
        codes = drawn.scatter(1, hidden, mask_code)
        yield SampleStep(step=step, num_steps=steps, codes=codes, drawn=drawn)


def sample_codes(logits_fn: LogitsFn, codes: Tensor, **options) -> Tensor:
    """The codes after the last of `sample_steps`: (B, N), none masked."""
    for step in sample_steps(logits_fn, codes, **options):
        codes = step.codes
    return codes


@torch.inference_mode()
def generate_tokens(
    next_logits: LogitsFn,
    first_logits: Tensor,
    *,
    eos_token_id: int,
    max_new_tokens: int,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> Iterator[int]:
    """Next-token decoding of one sequence; yields ids, stops before `eos_token_id`.

    Args:
        next_logits: maps the id just chosen, (1, 1), to logits (V,) of the one after it.
        first_logits: (V,) logits of the first new token.
        temperature: 0 takes the best token and draws nothing; above 0 needs `generator`.
    """
    if temperature < 0:
        raise ValueError(f"temperature must be >= 0, got {temperature}")
    if temperature > 0 and generator is None:
        raise ValueError("temperature above 0 needs a generator")
    logits = first_logits
    for count in range(max_new_tokens):
        scores = logits.float()
        if temperature > 0:
            assert generator is not None
            noise = gumbel_noise(scores.shape, generator).to(scores.device)
            scores = scores / temperature + noise
        token = int(scores.argmax())
        if token == eos_token_id:
            return
        yield token
        if count + 1 < max_new_tokens:
            logits = next_logits(torch.tensor([[token]], device=scores.device))
