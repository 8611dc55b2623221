"""Training losses as functions of logits: D3Diff, answers, expert balance. They see tensors only.

D3Diff (arXiv 2503.08120, fig. 3): masked cross entropy + alpha * score entropy, the score being
read off the same logits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from unif2ace.schedule import MaskSchedule

IGNORED_LABEL = -100
MAX_SCORE_WEIGHT = 20.0
"""Deviation: the likelihood weight m'/m is heavy-tailed as t -> 0 (p99.9 is about 1,000 under
the cosine schedule), so it is clipped; below t = 0.05 the score term is then a lower weight."""


@dataclass(frozen=True, kw_only=True)
class D3DiffLoss:
    """`total` = masked_weight * `masked` + alpha * `score`, each a scalar in nats."""

    total: Tensor
    masked: Tensor
    score: Tensor


def score_entropy(log_posterior: Tensor, codes: Tensor, is_masked: Tensor, sigma: Tensor) -> Tensor:
    """Denoising score entropy per image, in nats, of the absorbing process at total noise sigma.

    The score is read off the clean-code posterior, s(y | x_t) = p(y | x_t) / (exp(sigma) - 1), so
    for a normalised posterior this equals cross entropy / (exp(sigma) - 1): see `d3diff_loss`.
    Our choice: the exact score keeps the factor (1 - m) that the paper's ratio lacks; gradients
    are the same, and the floor becomes 0 at a perfect prediction.

    Args:
        log_posterior: (B, N, K) log-probabilities of the clean code.
        codes: (B, N) clean codes in 0..K-1.
        is_masked: (B, N) bool; only these positions count.
        sigma: (B,) total noise, positive and finite; the mask ratio is 1 - exp(-sigma).
    Returns: (B,) sums over masked positions.
    Raises: ValueError if some sigma is 0 or infinite, where the score is infinite or 0/0.
    Source: SEDD, arXiv 2310.16834, absorbing case; score identity: RADD, arXiv 2406.03736.
    """
    if not bool(((sigma > 0) & sigma.isfinite()).all()):
        raise ValueError(f"sigma must be positive and finite, got {sigma.tolist()}")
    log_ratio = -(sigma + torch.log(-torch.expm1(-sigma)))[:, None]  # (B, 1): -log(e^sigma - 1)
    log_score = log_posterior + log_ratio[..., None]  # (B, N, K)
    attract = log_ratio.exp() * log_score.gather(-1, codes[..., None]).squeeze(-1)  # (B, N)
    entropy = log_score.exp().sum(-1) - attract + log_ratio.exp() * (log_ratio - 1)
    return (entropy * is_masked).sum(-1)


def d3diff_loss(
    logits: Tensor,
    codes: Tensor,
    is_masked: Tensor,
    t: Tensor,
    *,
    schedule: MaskSchedule,
    alpha: float,
    masked_weight: float = 1.0,
    max_score_weight: float = MAX_SCORE_WEIGHT,
    place_weights: Tensor | None = None,
) -> D3DiffLoss:
    """Masked cross entropy (mean over masked tokens) + alpha * score entropy (sum per image).

    The posterior is a softmax over the K codes alone, hence the score term is cross entropy with
    weight sigma'(t) / (exp(sigma) - 1) = m'/m, which is what is computed.

    Args:
        logits: (B, N, K), or (M, K) of the M masked positions alone, row by row, which saves
            the rest's head; softmax in float32 or wider.
        codes: (B, N) clean codes. is_masked: (B, N) bool. t: (B,) times in (0, 1).
        alpha: weight of the score term, >= 0; 0 leaves the masked term alone.
        masked_weight: of the masked term, >= 0; 0 leaves the score term, for ablation.
        place_weights: (B, N), how much each place counts, 1 on average; None for all alike.
    Source: arXiv 2503.08120 (L = masked + alpha * score, alpha = 0.01).
    """
    if min(alpha, masked_weight) < 0:
        raise ValueError(f"alpha and masked_weight must be >= 0, got {alpha}, {masked_weight}")
    if logits.ndim == 3:
        logits = logits[is_masked]  # (M, K)
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    of_masked = F.cross_entropy(wide, codes[is_masked], reduction="none")
    nats = wide.new_zeros(codes.shape).masked_scatter(is_masked, of_masked)  # (B, N)
    counted = is_masked.to(nats)
    if place_weights is not None:
        nats, counted = nats * place_weights, counted * place_weights
    masked = nats.sum() / counted.sum().clamp(min=1)
    weight = schedule.loss_weight(t).clamp(max=max_score_weight).to(nats)
    score = (weight * nats.sum(-1)).mean()
    return D3DiffLoss(total=masked_weight * masked + alpha * score, masked=masked, score=score)


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean next-token cross entropy in nats; logits (..., V) are already aligned with labels (...).

    Labels equal to `IGNORED_LABEL` do not count; no counted label gives 0.
    """
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = F.cross_entropy(
        wide.flatten(0, -2), labels.flatten(), ignore_index=IGNORED_LABEL, reduction="sum"
    )
    return total / (labels != IGNORED_LABEL).sum().clamp(min=1)


def balance_loss(probs: Tensor, experts: Tensor, is_counted: Tensor | None = None) -> Tensor:
    """E * sum_e f_e P_e: 1 when routing is even, E when one expert takes everything.

    Args:
        probs: (..., T, E) router probabilities. experts: (..., T, k) chosen experts.
        is_counted: (T,) bool, False for padding.
    Returns: (...).
    Source: Switch, arXiv 2101.03961, eq. 4; per group as arXiv 2503.08120 has it.
    """
    num_experts = probs.shape[-1]
    chosen = torch.zeros_like(probs).scatter(-1, experts, 1 / experts.shape[-1])  # rows sum to 1
    if is_counted is None:
        return num_experts * (chosen.mean(-2) * probs.mean(-2)).sum(-1)
    keep = is_counted.to(probs)[:, None]
    count = keep.sum().clamp(min=1)
    return num_experts * ((chosen * keep).sum(-2) * (probs * keep).sum(-2)).sum(-1) / count.square()
