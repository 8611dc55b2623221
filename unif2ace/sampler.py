"""Decoding loops: image codes (MaskGIT), guidance, plans, next-token text. They see logits only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unif2ace.schedule import MaskSchedule
from unif2ace.steering import Steering, pulled_probs

LogitsFn = Callable[[Tensor], Tensor]
"""Maps the next token ids to logits of the one after them."""

CodeLogitsFn = Callable[[Tensor, Tensor], Tensor]
"""Maps codes (B, N), masked where unknown, and places (B, n) of them to logits (B, n, K).

Or to what an affine head makes logits of, which `guided` may mix as well.
"""

REVISION_STEPS = 3
GUESSED_AHEAD = 16  # words of a plan: more cost more when a guess is wrong
FIRST_SHARE, LAST_SHARE = 0.5, 0.25
"""Of the painted codes, opened again in the first and in the last revision. Our choice."""


@dataclass(frozen=True, kw_only=True)
class SampleStep:
    """One decoding step. `codes` (B, N) hold `mask_code` where still masked.

    means: (B, N, C) what a look at the unfinished pictures shows: the values of known codes, and of
    others the mean when they were last asked for. None without values.
    pulls: (B, N, C) where to codes were pulled so far, see `Steering`. None without values.
    """

    step: int  # 1-based
    num_steps: int
    codes: Tensor
    means: Tensor | None
    pulls: Tensor | None


class _Canvas:
    """What unfinished pictures (B, N) show, and where to their codes are pulled."""

    def __init__(self, values: Tensor, codes: Tensor) -> None:
        self.values = values
        self.means = values[codes.clamp(max=len(values) - 1)]  # (B, N, C)
        self.pulls = torch.zeros_like(self.means)

    def probs(self, logits: Tensor, places: Tensor) -> Tensor:
        """Of the codes at places (B, n), as pulled: (B, n, K). The means there follow them."""
        at = places[..., None].expand(-1, -1, self.means.shape[-1])
        probs = pulled_probs(logits, self.pulls.gather(1, at), self.values)
        self.means = self.means.scatter(1, at, probs @ self.values)  # (B, n, K) @ (K, C)
        return probs


def guided(logits_fn: CodeLogitsFn, guidance: float) -> CodeLogitsFn:
    """Classifier-free guidance over a doubled batch: u + guidance * (c - u).

    guidance = 1 is the conditional alone, 0 the unconditional. `logits_fn` is given 2B rows,
    conditional ones first.
    Source: arXiv 2207.12598, in the convention of `diffusers` (s = 1 + w).
    """

    def combined(codes: Tensor, places: Tensor) -> Tensor:
        both = logits_fn(torch.cat([codes, codes]), torch.cat([places, places]))
        conditional, unconditional = both.float().chunk(2)
        return torch.lerp(unconditional, conditional, guidance)

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


def draw_rows(probs: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """One draw from each distribution of probs (B, n, K), row i from generator i alone: (B, n).

    The first of K exponential clocks that run at the rates `probs`: one logarithm a clock, where
    adding Gumbel noise to log probabilities takes three. Inversion takes one number a draw, but
    there a rounded sum shifts all outcomes behind it, and a seed would seldom be portable.
    """
    shape = probs.shape[1:]
    uniform = torch.stack([torch.rand(shape, generator=g, device=g.device) for g in generators])
    waits = uniform.clamp_(1e-9, 1 - 1e-7).log_().to(probs.device)  # the negatives of the waits
    return probs.div(waits).argmin(-1)


@dataclass(frozen=True, kw_only=True)
class Round:
    """`num_open` codes are filled; `counts[i]` of them are still masked after its step i."""

    num_open: int
    counts: Sequence[int]


def plan_rounds(schedule: MaskSchedule, num_open: int, steps: int, paint_steps: int) -> list[Round]:
    """Rounds that have `steps` steps together, to fill `num_open` masked codes.

    The first round paints, in `paint_steps` steps (a few more where the revisions don't come out
    even). Every other one revises: it opens half of the codes again at first, a quarter at last,
    and fills them in `REVISION_STEPS` steps.
    Raises ValueError when there are no steps or nothing is open.
    """
    if steps < 1 or num_open < 1:
        raise ValueError(f"need a step and an open code, got {steps} steps, {num_open} open codes")
    depth = min(REVISION_STEPS, num_open)
    painting = min(paint_steps, num_open, steps)
    num_revisions, rest = divmod(steps - painting, depth)
    if painting + rest > num_open:  # every painting step must fill a code
        depth, num_revisions, rest = 1, steps - painting, 0
    rounds = [Round(num_open=num_open, counts=schedule.mask_counts(num_open, painting + rest))]
    for revision in range(num_revisions):
        done = revision / max(num_revisions - 1, 1)
        share = FIRST_SHARE + (LAST_SHARE - FIRST_SHARE) * done
        opened = max(round(share * num_open), depth)
        rounds.append(Round(num_open=opened, counts=schedule.mask_counts(opened, depth)))
    return rounds


@torch.inference_mode()
def sample_steps(
    logits_fn: CodeLogitsFn,
    codes: Tensor,
    *,
    mask_code: int,
    schedule: MaskSchedule,
    steps: int,
    paint_steps: int = 12,
    temperature: float = 1.0,
    choice_temperature: float = 4.5,
    generators: Sequence[torch.Generator],
    values: Tensor | None = None,
    steering: Steering | None = None,
) -> Iterator[SampleStep]:
    """Fill every `mask_code` in codes (B, N), most confident first, yielding each step.

    Codes not masked on entry never change: that is inpainting. Every row must hold the same
    number of masked codes. Each row draws from its own generator, so it is the same in any batch.
    Only places still masked are asked for and drawn.

    Steps beyond `paint_steps` revise: codes drawn side by side may not fit each other, so a random
    part of them is opened again and drawn given the rest, which is a step of Gibbs sampling: right
    draws stay right, wrong ones get better (`plan_rounds`).

    values: (K, C), what each code stands for, if the steps are to be looked at.
    steering: what to look at them for while the first round paints; later rounds keep its pulls.

    Raises: ValueError for a temperature <= 0, uneven rows, a wrong number of generators, no steps,
        or steering without values.
    Source: MaskGIT, arXiv 2202.04200, sec. 3.2; opening again as remasking samplers do (ReMDM,
        arXiv 2503.00307), in rounds of our choice.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    if len(generators) != len(codes):
        raise ValueError(f"{len(codes)} rows need as many generators, got {len(generators)}")
    is_open = codes == mask_code  # (B, N)
    unknown = is_open.sum(-1)
    if not bool((unknown == unknown[0]).all()):
        raise ValueError(f"rows must have equally many masked codes, got {unknown.tolist()}")
    if steering is not None and values is None:
        raise ValueError("steering needs the values that codes stand for")
    rounds = plan_rounds(schedule, int(unknown[0]), steps, paint_steps)
    canvas = None if values is None else _Canvas(values, codes)
    done = 0
    for part in rounds:
        if done:
            order = row_noise(is_open.float(), generators).masked_fill(~is_open, -float("inf"))
            codes = codes.scatter(1, order.topk(part.num_open).indices, mask_code)
        for step, num_masked in enumerate(part.counts, start=1):
            places = (codes == mask_code).nonzero()[:, 1].view(len(codes), -1)  # (B, n)
            logits = logits_fn(codes, places).float() / temperature  # (B, n, K)
            if canvas is None:
                probs = logits.softmax(-1)
            else:
                probs = canvas.probs(logits, places)
                if part is rounds[0] and steering and steering.is_due(step, len(part.counts)):
                    canvas.pulls = steering.pulled(canvas.pulls, canvas.means, step)
                    probs = canvas.probs(logits, places)
            said = draw_rows(probs, generators)
            confidence = probs.gather(-1, said[..., None]).squeeze(-1).log()
            anneal = annealed(choice_temperature, step, len(part.counts))
            confidence = confidence + anneal * row_noise(confidence, generators)
            hidden = places.gather(1, confidence.topk(num_masked, largest=False).indices)
            codes = codes.scatter(1, places, said).scatter(1, hidden, mask_code)
            done += 1
            yield SampleStep(
                step=done,
                num_steps=steps,
                codes=codes,
                means=None if canvas is None else canvas.means,
                pulls=None if canvas is None else canvas.pulls,
            )


def sample_codes(logits_fn: CodeLogitsFn, codes: Tensor, **options) -> Tensor:
    """The codes after the last of `sample_steps`: (B, N), none masked."""
    for step in sample_steps(logits_fn, codes, **options):
        codes = step.codes
    return codes


def lattices(grid: int) -> list[Tensor]:
    """The places of a grid in four parts, by odd and even rows and columns: no two of a part touch.

    Each is (n,), ascending; together they are every place once.
    """
    places = torch.arange(grid * grid).view(grid, grid)
    return [places[row::2, column::2].flatten() for row in (0, 1) for column in (0, 1)]


@torch.inference_mode()
def posterior_means(
    logits_fn: CodeLogitsFn,
    codes: Tensor,
    values: Tensor,
    *,
    mask_code: int,
    parts: Sequence[Tensor],
    temperature: float,
    pulls: Tensor | None = None,
) -> Tensor:
    """What drawn codes (B, N) stand for, each averaged over what might as well be there: (B, N, C).

    Codes hold what nothing around them foretells, a level more or less of each digit, and next to
    each other such draws show as patches. The mean over a code given the others is what they have
    in common. One part of the places is masked at a time and asked about in sight of the others;
    places of no part keep their own values.

    Our choice: the paper decodes codes as they were drawn.

    Args:
        values: (K, C), what each code stands for.
        parts: places (n,) each, without one twice.
        temperature: > 0, of what might be there: as codes were drawn, so that a thin frame of
            which a few places are unsure is not averaged away.
        pulls: (B, N, C), where to codes were pulled, see `Steering`.
    """
    means = values[codes]  # (B, N, C)
    for places in parts:
        if len(places):
            masked = codes.index_fill(1, places, mask_code)
            logits = logits_fn(masked, places.expand(len(codes), -1)).float() / temperature
            probs = pulled_probs(logits, None if pulls is None else pulls[:, places], values)
            mean = (probs @ values).to(means.dtype)  # (B, n, K) @ (K, C); autocast narrows it
            means = means.index_copy(1, places, mean)
    return means


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


@dataclass(frozen=True, kw_only=True)
class WordChoice:
    """How one word of a plan is drawn.

    ids: to choose from; one alone is taken as it is.
    log_weights: of each, added to what the network says.
    temperature: of their sum; 1 draws so, 0 takes the likeliest.
    is_asked: whether the network has a say; else the weights alone decide.
    """

    ids: Sequence[int]
    log_weights: Sequence[float]
    temperature: float
    is_asked: bool = True


@torch.inference_mode()
def generate_plan(
    next_logits: Callable[[Tensor, int], Tensor],
    first_logits: Tensor,
    *,
    choices: Sequence[WordChoice],
    generators: Sequence[torch.Generator],
) -> Tensor:
    """Words of a plan (B, P), each drawn after the ones before it from the choices in its place.

    Each row draws from its own generator, so it is the same in any batch. Words are guessed and
    many asked about in one pass; up to the first wrong guess, and with its correction, they are
    what drawing word by word would give, noise being drawn beforehand. Guesses behind it are drawn
    anew in its sight, until none is wrong: some 10 passes for 51 words of a trained network.
    Source: Jacobi decoding, arXiv 2305.10427.

    Args:
        next_logits: maps words (B, n), the first of which has that place, to logits (B, n, V) of
            the word behind each. Words before that place were given by the last call, and what
            the last call gave from there on was wrong.
        first_logits: (B, V) logits of the first word.
    """
    options = [torch.tensor(choice.ids, device=first_logits.device) for choice in choices]
    added = [  # of each word to its logit
        choice.temperature * row_noise(first_logits[:, : len(choice.ids)], generators).float()
        + torch.tensor(choice.log_weights, device=first_logits.device)
        for choice in choices
    ]

    def drawn(place: int, logits: Tensor) -> Tensor:
        heard = logits[:, options[place]].float() if choices[place].is_asked else 0.0
        scores = heard + added[place]
        return options[place][scores.argmax(-1)]  # (B,)

    words = torch.stack([drawn(place, first_logits) for place in range(len(choices))], dim=1)
    last = max((p for p, choice in enumerate(choices) if len(choice.ids) > 1), default=0)
    seen = 0  # words that were right when the network saw them
    while seen < last:
        ahead = min(seen + GUESSED_AHEAD, last)
        logits = next_logits(words[:, seen:ahead], seen)
        places = range(seen + 1, ahead + 1)
        found = torch.stack([drawn(p, logits[:, i]) for i, p in enumerate(places)], dim=1)
        is_wrong = (found != words[:, seen + 1 : ahead + 1]).any(0).tolist()
        words[:, seen + 1 : ahead + 1] = found
        seen = seen + 1 + is_wrong.index(True) if True in is_wrong else ahead
    return words
