"""The full-size preset, without its memory: parts, and the count that the paper gives."""

from dataclasses import replace

import pytest
import torch
from tiny import tiny_model

from unif2ace.config import PRESETS, paper
from unif2ace.convert import ShowO, backbone, show_o_config, show_o_shapes
from unif2ace.parameters import (
    PARTS,
    by_the_papers_rule,
    main,
    meta_model,
    parameters_by_part,
)

FFN = 8192  # Phi-1.5's


@pytest.fixture(scope="module")
def model():
    return meta_model(paper())


def test_every_parameter_is_in_one_part(model):
    assert all(parameter.is_meta for parameter in model.parameters())
    counts = parameters_by_part(model)
    assert sum(counts.values()) == model.num_parameters() and all(counts.values())
    tiny = parameters_by_part(tiny_model())
    assert sum(tiny.values()) == sum(p.numel() for p in tiny_model().parameters())
    frozen = {part for part in PARTS if part.endswith("(frozen)")}
    is_trained = {name: p.requires_grad for name, p in model.named_parameters()}
    trained = sum(count for part, count in counts.items() if part not in frozen)
    assert trained == sum(p.numel() for n, p in model.named_parameters() if is_trained[n])


def test_parts_are_what_their_sizes_say(model):
    config, counts = paper(), parameters_by_part(model)
    dim, layers, moe = config.hidden_size, config.num_layers, config.moe

    def expert(width):
        return 2 * dim * width + width + dim

    assert counts["embedding"] == config.layout.vocab_size * dim
    assert counts["output layer"] == config.layout.vocab_size * (dim + 1)
    assert counts["attention"] == layers * (4 * (dim * dim + dim) + 4 * config.head_dim)
    per_layer = expert(moe.shared_expert_dim) + moe.num_experts * (expert(moe.expert_dim) + dim)
    for group in ("understanding", "generation"):
        assert counts[f"token experts, {group}"] == layers * per_layer
    mix, router = dim * dim + dim + 2, 4 * dim + 4
    assert counts["sequence experts, understanding"] == layers * (2 * mix + router)
    assert counts["sequence experts, generation"] == layers * (mix + router)


def test_counted_by_the_rule_of_its_tables_it_is_the_papers_size(model):
    """The rule gives the ancestor its 1.3B, and ours the paper's 1.8B."""
    counts = parameters_by_part(model)
    dim, layers = paper().hidden_size, paper().num_layers
    feed_forward = layers * (2 * dim * FFN + FFN + dim)
    ancestor = counts["embedding"] + counts["attention"] + layers * 2 * dim + feed_forward
    assert round(ancestor / 1e9, 1) == 1.3
    assert round(by_the_papers_rule(counts)["with resamplers"] / 1e9, 1) == 1.8


def test_the_command_prints_every_part(capsys):
    for preset in PRESETS:
        main(["--preset", preset])
        printed = capsys.readouterr().out
        assert all(part in printed for part in PARTS)
    main(["--preset", "paper"])
    assert "1.8B" in capsys.readouterr().out


def test_a_parameter_of_no_part_is_named():
    model = tiny_model()
    model.extra = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"extra\.weight is in 0 parts"):
        parameters_by_part(model)


def test_the_ancestor_fits_at_full_size():
    """Every tensor of the original has its place in the converted model, and the same shape."""
    sizes = replace(paper().moe, shared_expert_dim=FFN - paper().moe.expert_dim)
    shapes = show_o_shapes(paper(), FFN)
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    source = ShowO(tensors=tensors, codebook_size=8192, num_image_tokens=256)
    config = show_o_config(source)
    assert config.to_dict() == paper(moe=sizes).to_dict()
    assert sum(t.numel() for t in tensors.values()) == pytest.approx(1.448e9, abs=1e6)
    model, filled = meta_model(config), set()
    for name, value in backbone(source, config, end_of_text=50256):
        filled.add(name)
        parameter = model.get_parameter(name)
        assert not isinstance(value, torch.Tensor) or value.shape == parameter.shape
    fresh = {name for name, p in model.named_parameters() if p.requires_grad} - filled
    roots = ("sequence_norm", "sequence_moe", "router", "digits", "image_position", "resamplers")
    assert all(any(root in name for root in roots) for name in fresh)
