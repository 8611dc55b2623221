"""A checkpoint that knew fewer attributes goes on as one that knows more, and says the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from tiny import tiny_config

from unif2ace.attributes import FIRST_VOCABULARY, VOCABULARY
from unif2ace.config import EncoderConfig, whole_plan
from unif2ace.encoders import FaceEncoder, overview_dim
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.train.growth import grown_encoder, grown_transformer, stretched

OLD = (("gender", ("woman", "man")), ("mouth", ("closed", "open")))
NEW = (
    ("gender", ("woman", "man")),
    ("age", ("young", "middle-aged", "old")),
    ("mouth", ("closed", "open")),
    ("blush", ("no", "yes")),
)
SMALL = {
    "face_dim": 32,
    "face_size": 64,
    "face_channels": (32, 32, 32, 32),
    "part_channels": (32, 32, 32),
}


def encoder_of(attributes, seed: int) -> FaceEncoder:
    torch.manual_seed(seed)
    return FaceEncoder(EncoderConfig(attributes=attributes, **SMALL)).eval()


def test_grown_encoder_reads_what_it_read():
    old, new = encoder_of(OLD, 0), encoder_of(NEW, 1)
    new.load_state_dict(grown_encoder(old, new))
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    overview = torch.rand(
        2, overview_dim(EncoderConfig()), generator=torch.Generator().manual_seed(3)
    )
    with torch.no_grad():
        before, after = old(pixels, overview), new(pixels, overview)
    for name, _ in OLD:
        torch.testing.assert_close(after.attribute_logits[name], before.attribute_logits[name])
    torch.testing.assert_close(after.landmarks, before.landmarks)
    torch.testing.assert_close(after.tokens[:, [0, 1, 3]], before.tokens)
    assert not torch.equal(after.attribute_logits["age"], torch.zeros(2, 3))


def test_sharper_and_more_closeups_start_as_what_was_read_before():
    """Where a square of fine pixels is of one colour, its mean is what the blunt one showed."""
    torch.manual_seed(0)
    old = FaceEncoder(EncoderConfig(attributes=OLD, part_size=32, num_parts=6, **SMALL)).eval()
    new = FaceEncoder(EncoderConfig(attributes=OLD, part_size=64, num_parts=8, **SMALL)).eval()
    grown = grown_encoder(old, new)
    new.load_state_dict(grown)
    blunt = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    sharp = blunt.repeat_interleave(2, 2).repeat_interleave(2, 3)
    with torch.no_grad():
        expected = old.parts.net(F.pixel_unshuffle(blunt, 2))
        found = new.parts.net(F.pixel_unshuffle(sharp, 4))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    width = old.of_parts.in_features
    torch.testing.assert_close(grown["of_parts.weight"][:, :width], old.of_parts.weight)
    assert not grown["part_attributes.weight"][:, width:].any()
    with pytest.raises(ValueError, match="columns less"):
        grown_encoder(new, old)
    blunt = FaceEncoder(EncoderConfig(attributes=OLD, part_size=32, num_parts=8, **SMALL))
    with pytest.raises(ValueError, match="64 px do not become such of 32 px"):
        grown_encoder(new, blunt)


def test_new_rows_are_those_of_the_fresh_encoder():
    old, new = encoder_of(OLD, 0), encoder_of(NEW, 1)
    grown = grown_encoder(old, new)
    torch.testing.assert_close(grown["facts"][2:5], new.facts[2:5])  # the three ages
    torch.testing.assert_close(grown["facts"][7:], new.facts[7:])  # blush


def test_grown_transformer_keeps_words_and_places():
    few = replace(tiny_config().encoders, attributes=FIRST_VOCABULARY)
    old = tiny_config(encoders=few, plan_length=whole_plan(FIRST_VOCABULARY), max_prompt_tokens=99)
    new = tiny_config(
        image_size=2 * old.image_size, plan_length=whole_plan(VOCABULARY), max_prompt_tokens=99
    )
    assert new.num_image_tokens == 4 * old.num_image_tokens
    torch.manual_seed(0)
    model = UniF2aceForConditionalGeneration(old)
    parts = {name: module.state_dict() for name, module in model.named_children()}
    grown = grown_transformer(parts, old, new, seed=1)
    larger = UniF2aceForConditionalGeneration(new)
    for name, state in grown.items():
        if name not in ("face_encoder", "image_tokenizer", "semantic_encoder"):
            larger.get_submodule(name).load_state_dict(state)
    first, points = len(FIRST_VOCABULARY), old.plan_length - len(FIRST_VOCABULARY)
    rows, more = model.plan_position.weight, larger.plan_position.weight
    torch.testing.assert_close(more[:first], rows[:first])
    torch.testing.assert_close(more[-points - 1 :], rows[first:])  # coordinates and the mark
    queries = larger.resamplers["face"].queries
    shared = min(first, old.num_image_tokens)
    torch.testing.assert_close(queries[:shared], model.resamplers["face"].queries[:shared])


def test_the_same_sizes_change_nothing():
    config = tiny_config()
    model = UniF2aceForConditionalGeneration(config)
    parts = {name: module.state_dict() for name, module in model.named_children()}
    for name, state in grown_transformer(parts, config, config, seed=1).items():
        for key, tensor in state.items():
            torch.testing.assert_close(tensor, parts[name][key])


def test_a_finer_grid_lies_over_the_coarser_one():
    x, y = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="xy")
    rows = torch.stack([x.flatten(), y.flatten()], dim=1)
    fine = stretched(rows, 64).view(8, 8, 2)
    torch.testing.assert_close(fine[1:-1, 1:-1, 0], (torch.arange(1.0, 7) / 2 - 0.25).expand(6, 6))
    torch.testing.assert_close(fine.mean((0, 1)), rows.mean(0))  # nothing is shifted
    torch.testing.assert_close(stretched(rows, 16), rows)
    with pytest.raises(ValueError, match="16 and 60"):
        stretched(rows, 60)


def test_what_would_be_lost_is_refused():
    old, new = encoder_of(NEW, 0), encoder_of(OLD, 1)
    with pytest.raises(ValueError, match="does not know age young"):
        grown_encoder(old, new)
