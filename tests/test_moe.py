import math

import pytest
import torch

from unif2ace import moe as moe_module
from unif2ace.losses import balance_loss
from unif2ace.moe import SEQUENCE_EXPERTS, Exploration, SequenceMoE, TokenMoE, route

DIM = 8


def token_moe(experts_per_token=2, num_experts=4):
    torch.manual_seed(0)
    return TokenMoE(
        dim=DIM,
        num_experts=num_experts,
        experts_per_token=experts_per_token,
        expert_dim=6,
        shared_dim=10,
    ).double()


def token_moe_definition(moe, x):
    rows = []
    for token in x.flatten(0, -2):
        routing = route(moe.router(token[None]), moe.experts_per_token)
        chosen = zip(routing.experts[0].tolist(), routing.weights[0], strict=True)
        rows.append(moe.shared(token) + sum(w * moe.experts[e](token) for e, w in chosen))
    return torch.stack(rows).view_as(x)


@pytest.mark.parametrize("experts_per_token", [1, 2, 4])
@pytest.mark.parametrize("num_tokens", [1, 3, 64])  # 1 and 3 leave experts without a token
def test_grouped_experts_are_the_definition(num_tokens, experts_per_token):
    moe = token_moe(experts_per_token)
    x = torch.randn(1, num_tokens, DIM, dtype=torch.float64, requires_grad=True)
    leaves = [x, *moe.parameters()]
    fast, slow = moe(x)[0], token_moe_definition(moe, x)
    torch.testing.assert_close(fast, slow)
    for a, b in zip(
        *(
            torch.autograd.grad(y.square().sum(), leaves, allow_unused=True, materialize_grads=True)
            for y in (fast, slow)
        ),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_everything_to_one_expert_drops_no_token_and_leaves_the_others_untouched():
    moe = token_moe(experts_per_token=1)
    with torch.no_grad():
        moe.router.weight.zero_()
        moe.router.weight[2] = 1
    x = torch.rand(1, 9, DIM, dtype=torch.float64) + 0.1  # positive: expert 2 always wins
    out, routing = moe(x)
    assert (routing.experts == 2).all()
    torch.testing.assert_close(out, moe.shared(x) + moe.experts[2](x))
    out.sum().backward()
    assert all(p.grad is None for e in (0, 1, 3) for p in moe.experts[e].parameters())
    assert balance_loss(routing.probs, routing.experts) > 1


def test_a_token_is_treated_alike_alone_and_in_a_batch():
    moe, x = token_moe(), torch.randn(3, 5, DIM, dtype=torch.float64)
    torch.testing.assert_close(moe(x)[0][1, 2], moe(x[1:2, 2:3])[0][0, 0])


@pytest.mark.parametrize("experts_per_token", [1, 2, 4])
def test_all_experts_at_once_are_those_that_were_chosen(experts_per_token, monkeypatch):
    """As on a GPU, where training computes every expert for every token."""
    monkeypatch.setattr(moe_module, "is_batched", lambda x: True)
    moe = token_moe(experts_per_token)
    monkeypatch.setattr(moe, "_many", None)  # not what answers
    x = torch.randn(3, 5, DIM, generator=torch.Generator().manual_seed(0)).double()
    x.requires_grad_()
    leaves = [x, *moe.parameters()]
    fast, slow = moe.train()(x)[0], token_moe_definition(moe, x)
    torch.testing.assert_close(fast, slow)
    gradients = [
        torch.autograd.grad(y.square().sum(), leaves, allow_unused=True, materialize_grads=True)
        for y in (fast, slow)
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_wide_experts_and_evaluation_take_the_chosen_ones_alone(monkeypatch):
    monkeypatch.setattr(moe_module, "is_batched", lambda x: True)
    monkeypatch.setattr(TokenMoE, "_all", None)
    x = torch.randn(3, 5, DIM, generator=torch.Generator().manual_seed(0)).double()
    moe = token_moe()
    torch.testing.assert_close(moe.eval()(x)[0], token_moe_definition(moe, x))
    monkeypatch.setattr(moe_module, "NARROW", 4 * 6 - 1)
    wide = token_moe()
    torch.testing.assert_close(wide.train()(x)[0], token_moe_definition(wide, x))


def sequence_moe(group):
    torch.manual_seed(0)
    moe = SequenceMoE(dim=DIM, kinds=SEQUENCE_EXPERTS[group], experts_per_sample=2).double()
    with torch.no_grad():
        for mix in moe.mix.values():
            mix.balance.copy_(torch.tensor([0.3, -0.4]))
    return moe


def favour(moe, *indices):
    """Make the router choose these experts with equal weight, whatever the input."""
    with torch.no_grad():
        moe.router.weight.zero_()
        moe.router.bias.fill_(-9)
        moe.router.bias[list(indices)] = 0


X = torch.randn(3, 5, DIM, generator=torch.Generator().manual_seed(1)).double()
FEATURES = {
    kind: torch.randn(3, 5, DIM, generator=torch.Generator().manual_seed(i)).double()
    for i, kind in enumerate(("semantic", "face", "noise"))
}


def test_two_copies_are_the_identity():
    for group, copies in (("understanding", (2, 3)), ("generation", (0, 3))):
        moe = sequence_moe(group)
        favour(moe, *copies)
        torch.testing.assert_close(moe(X, FEATURES)[0], X)


def test_zero_discards_its_share():
    moe = sequence_moe("generation")
    favour(moe, 0, 1)  # copy and zero, half each
    torch.testing.assert_close(moe(X, FEATURES)[0], X / 2)


@pytest.mark.parametrize(
    ("group", "index", "kind"),
    [("understanding", 0, "semantic"), ("understanding", 1, "face"), ("generation", 2, "noise")],
)
def test_feature_experts_mix_by_a_softmax_of_two(group, index, kind):
    moe = sequence_moe(group)
    favour(moe, index, 3)  # with a copy
    w = math.exp(0.3) / (math.exp(0.3) + math.exp(-0.4))
    mixed = w * X + (1 - w) * moe.mix[kind].project(FEATURES[kind])
    torch.testing.assert_close(moe(X, FEATURES)[0], (mixed + X) / 2, atol=1e-6, rtol=1e-6)


def test_each_sample_is_routed_on_its_own():
    moe = sequence_moe("understanding")
    together = moe(X, FEATURES)[0]
    for i in range(len(X)):
        alone = moe(X[i : i + 1], {k: v[i : i + 1] for k, v in FEATURES.items()})[0]
        torch.testing.assert_close(together[i : i + 1], alone)


def test_a_missing_feature_is_named():
    moe = sequence_moe("understanding")
    favour(moe, 0, 1)
    with pytest.raises(ValueError, match="semantic expert"):
        moe(X, {})


def test_exploration_changes_the_choice_and_never_the_weights_of_a_choice():
    logits = torch.tensor([[1.0, 0.5, 0.0, -0.5]]).expand(400, -1)
    generator = torch.Generator().manual_seed(0)
    noise = Exploration(1.0, generator).noise(logits)
    routing = route(logits, 2, noise)
    assert routing.experts.unique().tolist() == [0, 1, 2, 3]
    picked = routing.probs.gather(1, routing.experts)
    torch.testing.assert_close(routing.weights, picked / picked.sum(1, keepdim=True))
    torch.testing.assert_close(route(logits, 2, 0 * noise).experts, route(logits, 2).experts)
