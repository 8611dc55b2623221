"""Laws of both levels of experts: values and gradients, groups, the start, what a pass reports."""

import itertools

import pytest
import torch
from test_moe import FEATURES, X, favour, sequence_moe
from tiny import tiny_config

from unif2ace import moe as moe_module
from unif2ace.losses import balance_loss
from unif2ace.model import ImageFeatures, UniF2aceForConditionalGeneration
from unif2ace.moe import GROUPS
from unif2ace.prompting import generation_batch, prefix_batch, prompt_ids


@pytest.mark.parametrize("group", GROUPS)
def test_sequence_experts_are_the_definition_with_its_gradients(group):
    """Per sample: the two likeliest experts, weighted by their probabilities made to sum to 1."""
    moe = sequence_moe(group)
    with torch.no_grad():
        moe.router.weight.normal_(generator=torch.Generator().manual_seed(3))
    x = X.clone().requires_grad_()
    leaves = [x, *moe.parameters()]

    def definition():
        rows = []
        for sample in range(len(x)):
            probs = moe.router(x[sample].mean(0)).softmax(-1)
            best = sorted(range(4), key=lambda i: -probs[i].item())[:2]
            features = {kind: value[sample] for kind, value in FEATURES.items()}
            outputs = [moe.expert(moe.kinds[i], x[sample], features) for i in best]
            total = probs[best].sum()
            rows.append(sum(probs[i] / total * y for i, y in zip(best, outputs, strict=True)))
        return torch.stack(rows)

    fast, slow = moe(x, FEATURES)[0], definition()
    torch.testing.assert_close(fast, slow, atol=1e-6, rtol=1e-6)
    gradients = [
        torch.autograd.grad(y.square().sum(), leaves, allow_unused=True, materialize_grads=True)
        for y in (fast, slow)
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("group", GROUPS)
def test_training_on_a_gpu_asks_no_sequence_router_and_gives_the_same(group, monkeypatch):
    moe = sequence_moe(group).train()
    for pair in itertools.combinations(range(4), 2):
        favour(moe, *pair)
        expected = moe(X, FEATURES)[0]
        with monkeypatch.context() as patch:
            patch.setattr(moe_module, "is_batched", lambda x: True)
            torch.testing.assert_close(moe(X, FEATURES)[0], expected)


@pytest.mark.parametrize("group", GROUPS)
def test_without_gradients_any_two_experts_give_what_they_give_with(group):
    """Two copies are then passed by, and nothing else may be."""
    moe = sequence_moe(group)
    for pair in itertools.combinations(range(4), 2):
        favour(moe, *pair)
        expected = moe(X, FEATURES)[0].detach()
        with torch.no_grad():
            torch.testing.assert_close(moe(X, FEATURES)[0], expected)


def test_balance_of_several_layers_is_each_ones():
    generator = torch.Generator().manual_seed(0)
    probs = torch.randn(3, 16, 5, generator=generator).softmax(-1)
    experts = probs.topk(2, dim=-1).indices
    is_counted = torch.rand(16, generator=generator) < 0.7
    for counted in (None, is_counted):
        each = [balance_loss(*layer, counted) for layer in zip(probs, experts, strict=True)]
        torch.testing.assert_close(balance_loss(probs, experts, counted), torch.stack(each))


@pytest.mark.parametrize("skew", [0.0, 0.5, 4.0])
def test_balance_is_the_definition_and_pushes_towards_even_use(skew):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(64, 5, generator=generator, dtype=torch.float64)
    logits[:, 0] += skew
    logits.requires_grad_()
    experts = logits.topk(2, dim=-1).indices
    loss = balance_loss(logits.softmax(-1), experts)
    slow = 0.0
    for expert in range(5):
        share = (experts == expert).sum().item() / experts.numel()
        slow += 5 * share * logits.softmax(-1)[:, expert].mean().item()
    assert loss.item() == pytest.approx(slow)
    if skew == 4.0:  # everybody takes the first: its logits are pushed down
        (gradient,) = torch.autograd.grad(loss, logits)
        assert (gradient[:, 0] > 0).all()


CONFIG = tiny_config()
CODES = torch.tensor([[3, 7, CONFIG.layout.mask_code, 5], [1, 2, 3, 4]])


def fresh_model():
    torch.manual_seed(0)
    return UniF2aceForConditionalGeneration(CONFIG)


def features_of(seed):
    generator = torch.Generator().manual_seed(seed)
    dims = CONFIG.encoders.semantic_dim, CONFIG.encoders.face_dim
    semantic, face = (torch.randn(2, 4, dim, generator=generator) for dim in dims)
    return ImageFeatures(semantic=semantic, face=face)


def passed(model, group, seed=0):
    if group == "generation":
        batch = generation_batch([prompt_ids([5, 6], CONFIG)] * 2, CODES, CONFIG)
        features = None
    else:
        batch, features = prefix_batch(CODES.clamp(max=9), CONFIG), features_of(seed)
    output = model(
        batch.token_ids,
        positions=batch.positions,
        mask=batch.mask(),
        group=group,
        image_start=batch.image_start,
        features=features,
    )
    return batch, output


@pytest.mark.parametrize("group", GROUPS)
def test_a_pass_touches_its_own_groups_experts_alone(group):
    model = fresh_model()
    _, output = passed(model, group)
    balance = sum(balance_loss(r.probs, r.experts) for r in output.token_routing)
    (output.hidden.square().sum() + balance).backward()
    (other,) = set(GROUPS) - {group}
    for name, parameter in model.blocks.named_parameters():
        assert f".{other}." not in name or parameter.grad is None
        if f"token_moe.{group}.router" in name:
            assert parameter.grad.any()


@pytest.mark.parametrize("group", GROUPS)
@torch.no_grad()
def test_a_pass_reports_every_layers_routing(group):
    model = fresh_model()
    batch, output = passed(model, group)
    rows, length = batch.token_ids.shape
    moe = CONFIG.moe
    assert len(output.token_routing) == len(output.sequence_routing) == CONFIG.num_layers
    for routing in output.token_routing:
        assert routing.probs.shape == (rows * length, moe.num_experts)
        assert routing.experts.shape == (rows * length, moe.experts_per_token)
    for routing in output.sequence_routing:
        assert routing.probs.shape == (rows, 4) and routing.experts.shape == (rows, 2)
    for routing in (*output.token_routing, *output.sequence_routing):
        torch.testing.assert_close(routing.probs.sum(-1), torch.ones(len(routing.probs)))
        torch.testing.assert_close(routing.weights.sum(-1), torch.ones(len(routing.probs)))
        assert all(len(set(chosen)) == len(chosen) for chosen in routing.experts.tolist())


@pytest.mark.parametrize("group", GROUPS)
@torch.no_grad()
def test_at_the_start_copies_win_and_the_sequence_level_is_not_there(group):
    model = fresh_model()
    _, output = passed(model, group)
    for block, routing in zip(model.blocks, output.sequence_routing, strict=True):
        kinds = block.sequence_moe[group].kinds
        assert {kinds[i] for i in routing.experts.flatten().tolist()} == {"copy"}
    for block in model.blocks:  # whatever the level would compute from other features
        for mix in block.sequence_moe[group].mix.values():
            mix.project.weight.normal_()
    torch.testing.assert_close(passed(model, group, seed=1)[1].hidden, output.hidden)
