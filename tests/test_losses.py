import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.losses import (
    IGNORED_LABEL,
    MAX_SCORE_WEIGHT,
    answer_loss,
    balance_loss,
    d3diff_loss,
    score_entropy,
)
from unif2ace.schedule import MaskSchedule, mask_codes, sample_times

N = K = 3
JOINT = torch.rand((K,) * N, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
JOINT /= JOINT.sum()
ALL_CODES = list(itertools.product(range(K), repeat=N))
ALL_MASKS = [m for m in itertools.product([False, True], repeat=N) if any(m)]


def exact_log_posterior(codes, is_masked):
    """log p(code_i | visible codes) by summing the joint table; zeros where visible. (N, K)"""
    out = torch.zeros(N, K, dtype=torch.float64)
    for i in (i for i in range(N) if is_masked[i]):
        for value in range(K):
            fits = [
                JOINT[other]
                for other in ALL_CODES
                if other[i] == value
                and all(m or other[j] == codes[j] for j, m in enumerate(is_masked))
            ]
            out[i, value] = torch.stack(fits).sum()
        out[i] = (out[i] / out[i].sum()).log()
    return out


def bound(log_posterior, codes):
    """The likelihood bound by score entropy, its integral over time done by hand.

    The integral over t of m^(n-1) (1-m)^(N-n) dm is (n-1)! (N-n)! / N!, whatever the schedule.
    """
    sigma, total = torch.tensor([0.7], dtype=torch.float64), 0.0
    for is_masked in ALL_MASKS:
        n = sum(is_masked)
        entropy = score_entropy(
            log_posterior(codes, is_masked)[None],
            torch.tensor([codes]),
            torch.tensor([is_masked]),
            sigma,
        )
        weight = math.factorial(n - 1) * math.factorial(N - n) / math.factorial(N)
        total += weight * (entropy * torch.expm1(sigma)).item()
    return total


@pytest.mark.parametrize("codes", ALL_CODES)
def test_with_exact_conditionals_the_bound_is_the_likelihood(codes):
    expected = -JOINT[codes].log().item()
    assert bound(exact_log_posterior, codes) == pytest.approx(expected, abs=1e-9)


def test_with_any_conditionals_the_bound_stays_above_a_normalised_likelihood():
    table = torch.randn(4**N, N, K, generator=torch.Generator().manual_seed(1)).double()

    def arbitrary(codes, is_masked):
        seen = [K if m else c for c, m in zip(codes, is_masked, strict=True)]
        return table[sum(v * 4**i for i, v in enumerate(seen))].log_softmax(-1)

    def any_order_likelihood(codes):
        total = 0.0
        for order in itertools.permutations(range(N)):
            is_masked, likelihood = [True] * N, 1.0
            for i in order:
                likelihood *= arbitrary(codes, is_masked)[i, codes[i]].exp().item()
                is_masked[i] = False
            total += likelihood / math.factorial(N)
        return total

    likelihoods = [any_order_likelihood(codes) for codes in ALL_CODES]
    assert sum(likelihoods) == pytest.approx(1, abs=1e-9)
    for codes, likelihood in zip(ALL_CODES, likelihoods, strict=True):
        assert bound(arbitrary, codes) >= -math.log(likelihood) - 1e-9


@given(st.sampled_from(["cosine", "linear"]), st.floats(0.05, 0.99), st.integers(0, 50))
def test_score_term_is_the_weighted_score_entropy(kind, t, seed):
    generator, schedule = torch.Generator().manual_seed(seed), MaskSchedule(kind)
    logits = torch.randn(1, 5, 7, generator=generator, dtype=torch.float64)
    codes = torch.randint(0, 7, (1, 5), generator=generator)
    is_masked = torch.rand(1, 5, generator=generator) < 0.7
    t = torch.tensor([t], dtype=torch.float64, requires_grad=True)
    sigma = schedule.total_noise(t)
    (d_sigma,) = torch.autograd.grad(sigma.sum(), t)
    slow = d_sigma * score_entropy(logits.log_softmax(-1), codes, is_masked, sigma.detach())
    fast = d3diff_loss(
        logits, codes, is_masked, t.detach(), schedule=schedule, alpha=1, max_score_weight=1e9
    )
    torch.testing.assert_close(fast.score, slow.mean())


def test_the_time_integral_does_not_depend_on_the_schedule():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(1, 4, 6, generator=generator, dtype=torch.float64)
    codes = torch.randint(0, 6, (1, 4), generator=generator)

    def integral(kind):
        schedule, total, points = MaskSchedule(kind), 0.0, 4000
        for index in range(points):
            t = torch.tensor([(index + 0.5) / points], dtype=torch.float64)
            # one masked token of four, its probability m (1-m)^3 at time t
            m = schedule.mask_ratio(t)
            loss = d3diff_loss(
                logits,
                codes,
                torch.tensor([[True, False, False, False]]),
                t,
                schedule=schedule,
                alpha=1,
                max_score_weight=1e9,
            )
            total += (m * (1 - m) ** 3 * loss.score).item() / points
        return total

    assert integral("cosine") == pytest.approx(integral("linear"), abs=1e-4)


def test_total_is_masked_plus_alpha_score_and_gradients_are_right():
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    codes = torch.randint(0, 4, (2, 3), generator=generator)
    is_masked = torch.tensor([[True, False, True], [False, True, True]])
    t = torch.tensor([0.3, 0.8], dtype=torch.float64)

    def loss(x, alpha=0.01, **weights):
        return d3diff_loss(x, codes, is_masked, t, schedule=MaskSchedule(), alpha=alpha, **weights)

    out = loss(logits)
    alone = loss(logits[is_masked])  # the head of the masked positions is enough
    torch.testing.assert_close(alone.total, out.total)
    torch.testing.assert_close(out.total, out.masked + 0.01 * out.score)
    torch.testing.assert_close(loss(logits, alpha=0).total, out.masked)
    torch.testing.assert_close(loss(logits, masked_weight=0.0).total, 0.01 * out.score)
    assert torch.autograd.gradcheck(lambda x: loss(x).total, logits)
    (grad,) = torch.autograd.grad(loss(logits).total, logits)
    assert (grad[~is_masked] == 0).all() and (grad[is_masked] != 0).any(-1).all()


@pytest.mark.parametrize("is_weighed", [False, True])
def test_both_terms_are_sums_over_masked_tokens_by_hand(is_weighed):
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    codes = torch.randint(0, 4, (2, 3), generator=generator)
    is_masked = torch.tensor([[True, False, True], [False, True, False]])
    t = torch.tensor([0.3, 0.8], dtype=torch.float64)
    weights = torch.tensor([[1.5, 0.3, 1.2], [0.5, 2.0, 0.5]], dtype=torch.float64)
    weights = weights if is_weighed else torch.ones_like(weights)
    nats, score = [], 0.0
    for b, i in is_masked.nonzero().tolist():
        exponentials = [math.exp(x) for x in logits[b, i].tolist()]
        nats.append(-float(weights[b, i]) * math.log(exponentials[codes[b, i]] / sum(exponentials)))
        half = 0.5 * math.pi * t[b].item()  # cosine schedule: m = sin(pi t / 2)
        score += 0.5 * math.pi * math.cos(half) / math.sin(half) * nats[-1] / 2  # of two pictures
    out = d3diff_loss(
        logits,
        codes,
        is_masked,
        t,
        schedule=MaskSchedule(),
        alpha=1,
        place_weights=weights if is_weighed else None,
    )
    assert out.masked.item() == pytest.approx(sum(nats) / float(weights[is_masked].sum()))
    assert out.score.item() == pytest.approx(score)


def test_the_papers_score_has_the_same_gradient():
    """It divides by m where the exact score has (1 - m) / m: another value, the same gradient."""
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(1, 4, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    codes = torch.randint(0, 5, (1, 4), generator=generator)
    is_masked, m = torch.tensor([[True, True, False, True]]), 0.6
    sigma = torch.tensor([-math.log(1 - m)], dtype=torch.float64)
    ratio = (1 - m) / m
    papers = logits.log_softmax(-1).exp() / m
    attract = ratio * papers.log().gather(-1, codes[..., None]).squeeze(-1)
    papers = ((papers.sum(-1) - attract + ratio * (math.log(ratio) - 1)) * is_masked).sum()
    exact = score_entropy(logits.log_softmax(-1), codes, is_masked, sigma).sum()
    assert papers > exact
    torch.testing.assert_close(*(torch.autograd.grad(x, logits)[0] for x in (papers, exact)))


@pytest.mark.parametrize("weights", [{"alpha": -0.1}, {"alpha": 1, "masked_weight": -2.0}])
def test_negative_weights_are_refused(weights):
    empty = torch.zeros(1, 1, dtype=torch.long)
    with pytest.raises(ValueError, match="must be >= 0"):
        d3diff_loss(
            torch.zeros(1, 1, 2),
            empty,
            empty.bool(),
            torch.ones(1),
            schedule=MaskSchedule(),
            **weights,
        )


def test_the_score_weight_is_clipped():
    logits, codes = torch.zeros(1, 1, 2), torch.zeros(1, 1, dtype=torch.long)
    out = d3diff_loss(
        logits,
        codes,
        torch.ones(1, 1, dtype=torch.bool),
        torch.tensor([1e-4]),
        schedule=MaskSchedule(),
        alpha=1,
        max_score_weight=20,
    )
    torch.testing.assert_close(out.score, torch.tensor(20 * math.log(2)))


def test_clipping_begins_where_the_deviation_says():
    weight = MaskSchedule().loss_weight(torch.tensor([0.0495, 0.0505], dtype=torch.float64))
    assert weight[0] > MAX_SCORE_WEIGHT > weight[1]


def test_drawn_times_and_masks_give_the_bound():
    """What training draws: times, then masks, then the score term; its mean is the likelihood."""
    codes, count, schedule = ALL_CODES[5], 200_000, MaskSchedule()
    exact = torch.stack([exact_log_posterior(codes, mask) for mask in ALL_MASKS])
    generator = torch.Generator().manual_seed(0)
    t = sample_times(count, generator).double()
    drawn = torch.tensor([codes] * count)
    _, is_masked = mask_codes(drawn, schedule.mask_ratio(t), mask_code=K, generator=generator)
    place = {mask: i for i, mask in enumerate(ALL_MASKS)}
    rows = torch.tensor([place.get(tuple(mask), 0) for mask in is_masked.tolist()])
    score = d3diff_loss(
        exact[rows], drawn, is_masked, t, schedule=schedule, alpha=1, max_score_weight=1e9
    ).score
    assert score.item() == pytest.approx(-JOINT[codes].log().item(), rel=0.02)


@pytest.mark.parametrize("sigma", [0.0, float("inf")])
def test_score_entropy_refuses_an_impossible_noise(sigma):
    with pytest.raises(ValueError, match="sigma"):
        score_entropy(
            torch.zeros(1, 1, 2),
            torch.zeros(1, 1, dtype=torch.long),
            torch.ones(1, 1, dtype=torch.bool),
            torch.tensor([sigma]),
        )


def test_answer_loss_counts_labelled_tokens_alone():
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, IGNORED_LABEL, 2], [IGNORED_LABEL, IGNORED_LABEL, 4]])
    picked = [(0, 0, 1), (0, 2, 2), (1, 2, 4)]
    slow = -sum(logits[b, i].log_softmax(-1)[c] for b, i, c in picked) / 3
    torch.testing.assert_close(answer_loss(logits, labels), slow)
    assert answer_loss(logits, torch.full_like(labels, IGNORED_LABEL)) == 0


def test_balance_is_one_when_even_and_e_when_collapsed():
    even = torch.full((8, 4), 0.25)
    experts = torch.arange(8)[:, None] % 4
    torch.testing.assert_close(balance_loss(even, experts), torch.tensor(1.0))
    collapsed = torch.eye(4)[torch.zeros(8, dtype=torch.long)]
    one = torch.zeros(8, 1, dtype=torch.long)
    torch.testing.assert_close(balance_loss(collapsed, one), torch.tensor(4.0))


def test_balance_ignores_padding():
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(6, 4, generator=generator).softmax(-1)
    experts = torch.randint(0, 4, (6, 2), generator=generator)
    is_counted = torch.tensor([True] * 4 + [False] * 2)
    torch.testing.assert_close(
        balance_loss(probs, experts, is_counted), balance_loss(probs[:4], experts[:4])
    )
