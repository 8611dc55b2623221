"""Painting towards what is to be seen: pulls on codes, along gradients of a network that reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

GradientFn = Callable[[Tensor, int], Tensor]
"""Maps means (B, N, C) of unfinished pictures, and a step, to the gradient of what is to grow."""

Frame = tuple[float, float]
"""How far to the right and down a picture's frame is moved, as shares of its side."""

ReadFn = Callable[[Tensor, Frame, int], Mapping[str, Tensor]]
"""Maps means (1, N, C) of a picture, its frame and its row in the batch to logits (1, V) of each
attribute's values."""

Wishes = Mapping[str, Sequence[int]]
"""Attribute to the places, in its vocabulary, of values of which one is to be seen."""

FRAMES: tuple[Frame, ...] = tuple(
    (right / 256, down / 256) for right, down in ((-2, -7), (0, -3), (5, 6), (-6, 2), (7, 1))
)
"""Looks differ in framing, and what pulls in all of them stays: a pull that suits one frame alone
would be noise that fools the reader (as expectation over transformation, arXiv 1707.07397)."""


@dataclass(frozen=True, kw_only=True)
class Steering:
    """Codes are pulled towards pictures in which more is seen of what is wanted.

    Classifier guidance: log p(wanted | picture) is taken as straight around the mean of what may be
    drawn, so log p of a code rises by the inner product of what it stands for with the gradient.
    What the network rules out stays ruled out.
    Deviation: the paper paints by words alone. A small network's codes often leave out details that
    it could tell were missing; understanding helps painting here.
    Source: arXiv 2105.05233, sec. 4, and for discrete states DiGress, arXiv 2209.14734. When to
    look, and that pulls add up within a limit, is our choice.

    gradient_fn: of log p(wanted | picture), in nats.
    strength: >= 0, how much every look's gradient counts. Looks add up; one at 1 is Bayes' rule for
        what a tempered draw may give.
    limit: of a pull, in each dimension of what codes stand for.
    """

    gradient_fn: GradientFn
    strength: float
    limit: float

    def is_due(self, step: int, num_steps: int) -> bool:
        """Whether to look before a 1-based step is drawn.

        Every second time, once there is something to see and as long as enough is open.
        """
        return step % 2 == 0 and num_steps <= 3 * step and 6 * step <= 5 * num_steps

    def pulled(self, pulls: Tensor, means: Tensor, step: int) -> Tensor:
        """The pulls (B, N, C) after a step's look at pictures of these means (B, N, C)."""
        more = self.strength * self.gradient_fn(means, step)
        return (pulls + more).clamp(-self.limit, self.limit)


def pulled_probs(logits: Tensor, pulls: Tensor | None, values: Tensor) -> Tensor:
    """Softmax of logits (B, n, K) to which a code adds its inner product with pulls (B, n, C).

    values: (K, C), what each code stands for.
    """
    return (logits if pulls is None else logits + pulls @ values.T).softmax(-1)


def seen_nats(logits: Mapping[str, Tensor], wished: Wishes) -> Tensor:
    """Sum of log p(a wished value is seen), in nats, of logits (1, V) each: a scalar."""
    nats = [
        logits[name][0].float().log_softmax(-1)[list(values)].logsumexp(0)
        for name, values in wished.items()
    ]
    return torch.stack(nats).sum()


def gradient_fn(read: ReadFn, wished: Wishes) -> GradientFn:
    """The gradient of `seen_nats`; something must be wished.

    Picture by picture, so that what is held for the gradient is that of one.
    """

    def gradient(means: Tensor, step: int) -> Tensor:
        rows, frame = [], FRAMES[step % len(FRAMES)]
        for i, row in enumerate(means):
            with torch.inference_mode(False), torch.enable_grad():
                latents = row[None].clone().requires_grad_()  # no inference tensor
                rows += torch.autograd.grad(seen_nats(read(latents, frame, i), wished), latents)
        return torch.cat(rows)

    return gradient
