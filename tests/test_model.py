import pytest
import torch
from transformers import DynamicCache

from unif2ace.config import EncoderConfig, MoEConfig, VQConfig, nano
from unif2ace.layers import KeyValues, additive, attend
from unif2ace.model import ImageFeatures, UniF2aceForConditionalGeneration, parameter_report
from unif2ace.moe import Exploration
from unif2ace.prompting import (
    Turn,
    generation_batch,
    image_batch,
    prefix_batch,
    prompt_ids,
    text_batch,
    turns_batch,
    understanding_batch,
)

CONFIG = nano(
    plan_length=0,
    image_size=32,
    text_vocab_size=40,
    max_prompt_tokens=16,
    max_answer_tokens=32,
    hidden_size=32,
    num_layers=3,
    num_heads=4,
    vq=VQConfig(
        fsq_levels=(4, 5),
        encoder_channels=(8, 8, 32),
        decoder_channels=(32, 8, 8),
        encoder_blocks=1,
    ),
    encoders=EncoderConfig(semantic_size=32, face_size=32, face_channels=(8, 8, 8, 32), face_dim=8),
    moe=MoEConfig(expert_dim=16, shared_expert_dim=16, resampler_dim=16, resampler_heads=2),
)
MASK = CONFIG.layout.mask_code


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = UniF2aceForConditionalGeneration(CONFIG).double().eval()
    with torch.no_grad():  # routers that prefer, and weights large enough to matter
        for name, parameter in model.blocks.named_parameters():
            parameter.add_(torch.randn_like(parameter) * (0.5 if "router" in name else 0.1))
    return model


CODES = torch.tensor([[0, 7, MASK, 19], [MASK, 3, 3, MASK], [1, 2, 3, 4]])
PROMPTS = [prompt_ids(ids, CONFIG) for ids in ([5, 6, 7], [], [8] * 9)]


def features_of(rows, seed=0):
    generator = torch.Generator().manual_seed(seed)
    dims = CONFIG.encoders.semantic_dim, CONFIG.encoders.face_dim
    semantic, face = (torch.randn(3, 1, d, generator=generator).double()[rows] for d in dims)
    return ImageFeatures(semantic=semantic, face=face)


def paint(model, prompts, codes):
    batch = generation_batch(prompts, codes, CONFIG)
    output = model(
        batch.token_ids,
        positions=batch.positions,
        mask=batch.mask(),
        group="generation",
        image_start=batch.image_start,
    )
    return output.hidden[:, batch.image_start : batch.image_start + CONFIG.num_image_tokens]


def read(model, codes, rows, features):
    batch = understanding_batch(codes, rows, CONFIG)
    output = model(
        batch.token_ids,
        positions=batch.positions,
        mask=batch.mask(),
        group="understanding",
        image_start=batch.image_start,
        features=features,
    )
    return output.hidden


@torch.no_grad()
def test_rows_do_not_touch_each_other_and_padding_changes_nothing(model):
    together = paint(model, PROMPTS, CODES)
    for i in range(3):
        torch.testing.assert_close(
            together[i : i + 1], paint(model, PROMPTS[i : i + 1], CODES[i : i + 1])
        )


@torch.no_grad()
def test_cached_text_gives_the_whole_sequence(model):
    text, image, cache = text_batch(PROMPTS, CONFIG), image_batch(CODES, CONFIG), DynamicCache()
    model(
        text.token_ids,
        positions=text.positions,
        mask=text.mask(),
        group="generation",
        cache=cache,
    )
    mask = generation_batch(PROMPTS, CODES, CONFIG).mask()[:, :, text.token_ids.shape[1] :]
    output = model(
        image.token_ids,
        positions=image.positions,
        mask=mask,
        group="generation",
        image_start=image.image_start,
        cache=cache,
    )
    torch.testing.assert_close(output.hidden[:, 1:-1], paint(model, PROMPTS, CODES))


@torch.no_grad()
def test_keys_and_values_are_kept_as_transformers_keeps_them():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = KeyValues(room=3), DynamicCache()

    def both_take(batch, count):
        for layer in range(2):
            pair = torch.randn(2, batch, 4, count, 6, generator=generator)
            kept = [cache.update(*pair, layer) for cache in (ours, theirs)]
            torch.testing.assert_close(*kept, rtol=0, atol=0)
        assert ours.get_seq_length() == theirs.get_seq_length()

    for count in (5, 1, 2, 9):  # within the room and beyond it
        both_take(2, count)
    for cache in (ours, theirs):
        cache.crop(-3)
        cache.batch_repeat_interleave(2)
    both_take(4, 1)


@torch.no_grad()
@pytest.mark.parametrize("is_masked", [True, False])
@torch.enable_grad()
def test_attention_spelt_out_is_the_fused_one_with_its_gradients(is_masked):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8))
    wide = [torch.randn(shape, generator=generator, dtype=torch.bfloat16) for shape in shapes]
    mask = None
    if is_masked:
        sees = torch.rand(2, 1, 5, 7, generator=generator) < 0.6
        sees[..., 0] = True
        mask = additive(sees, torch.bfloat16)
    near = [x.clone().requires_grad_() for x in wide]  # bfloat16 with gradients: spelt out
    exact = [x.float().requires_grad_() for x in wide]
    found = attend(*near, mask)
    expected = attend(*exact, None if mask is None else mask.float())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.03, rtol=0.03)
    weights = torch.randn(expected.shape, generator=generator)
    (found.float() * weights).sum().backward()
    (expected * weights).sum().backward()
    for one, other in zip(near, exact, strict=True):
        torch.testing.assert_close(one.grad.float(), other.grad, atol=0.06, rtol=0.06)
    with torch.no_grad():
        torch.testing.assert_close(attend(*wide, mask), found, atol=0.03, rtol=0.03)


def test_no_mask_is_one_that_lets_all_see_all(model):
    ids, places = torch.tensor([[5, 6, 7]]), torch.arange(3)[None]
    whole = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    one, other = (
        model(ids, positions=places, mask=mask, group="generation").hidden for mask in (None, whole)
    )
    torch.testing.assert_close(one, other)


TURNS = [Turn(question=[5, 6], answer=[9]), Turn(question=[7], answer=[3, 4, 2])]


@torch.no_grad()
def test_packed_questions_answer_as_if_asked_alone(model):
    features = features_of([0])
    packed = read(model, CODES[2:], [TURNS], features)
    prefix, first = CONFIG.num_image_tokens + 3, 6
    one = read(model, CODES[2:], [TURNS[:1]], features)
    two = read(model, CODES[2:], [TURNS[1:]], features)
    torch.testing.assert_close(packed[:, : prefix + first], one[:, : prefix + first])
    torch.testing.assert_close(packed[:, prefix + first :], two[:, prefix:])


@torch.no_grad()
def test_cached_answers_equal_recomputed_ones_token_by_token(model):
    features = features_of([1])
    whole = read(model, CODES[2:], [TURNS[1:]], features)
    cache, prefix = DynamicCache(), prefix_batch(CODES[2:], CONFIG)
    model(
        prefix.token_ids,
        positions=prefix.positions,
        mask=prefix.mask(),
        group="understanding",
        image_start=prefix.image_start,
        features=features,
        cache=cache,
    )
    turns = turns_batch([TURNS[1:]], CONFIG.num_image_tokens, CONFIG)
    for i in range(turns.token_ids.shape[1]):
        seen = cache.get_seq_length() + 1
        output = model(
            turns.token_ids[:, i : i + 1],
            positions=turns.positions[:, i : i + 1],
            mask=torch.ones(1, 1, 1, seen, dtype=torch.bool),
            group="understanding",
            cache=cache,
        )
        expected = whole[:, CONFIG.num_image_tokens + 3 + i]
        torch.testing.assert_close(output.hidden[:, 0], expected)


@torch.no_grad()
def test_a_later_text_token_leaves_earlier_ones_as_they_were(model):
    features = features_of([0])
    changed = [Turn(question=[5, 6], answer=[30])]
    before, after = (read(model, CODES[2:], [t], features) for t in (TURNS[:1], changed))
    where = CONFIG.num_image_tokens + 3 + 4  # the answer token
    torch.testing.assert_close(before[:, :where], after[:, :where])
    assert not torch.allclose(before[:, where], after[:, where])


def test_at_the_start_the_sequence_level_is_an_identity():
    torch.manual_seed(1)
    fresh = UniF2aceForConditionalGeneration(CONFIG).double().eval()
    with torch.no_grad():
        one = read(fresh, CODES[2:], [TURNS], features_of([0]))
        other = read(fresh, CODES[2:], [TURNS], features_of([1]))
    torch.testing.assert_close(one, other)  # only the sequence level sees the features


def test_exploration_reaches_every_expert_and_encoders_stay_frozen():
    torch.manual_seed(1)
    model = UniF2aceForConditionalGeneration(CONFIG).train()
    exploration = Exploration(1.0, torch.Generator().manual_seed(0))
    features = ImageFeatures(
        semantic=torch.randn(3, 1, CONFIG.encoders.semantic_dim),
        face=torch.randn(3, 1, CONFIG.encoders.face_dim),
    )
    for _ in range(8):
        batch = generation_batch(PROMPTS, CODES, CONFIG)
        output = model(
            batch.token_ids,
            positions=batch.positions,
            mask=batch.mask(),
            group="generation",
            image_start=batch.image_start,
            exploration=exploration,
        )
        model.code_logits(output.hidden).square().mean().backward()
        batch = understanding_batch(CODES, [TURNS] * 3, CONFIG)
        output = model(
            batch.token_ids,
            positions=batch.positions,
            mask=batch.mask(),
            group="understanding",
            image_start=batch.image_start,
            features=features,
            exploration=exploration,
        )
        model.text_logits(output.hidden).square().mean().backward()
    frozen = ("image_tokenizer", "semantic_encoder", "face_encoder")
    for name, parameter in model.named_parameters():
        if name.startswith(frozen):
            assert parameter.grad is None and not parameter.requires_grad, name
        else:
            assert parameter.grad is not None, name


@torch.no_grad()
def test_heads_are_slices_of_one_output_layer(model):
    layout, hidden = CONFIG.layout, torch.randn(2, CONFIG.hidden_size).double()
    full = model.lm_head(hidden)
    torch.testing.assert_close(model.text_logits(hidden), full[:, : layout.image_start])
    for code in range(layout.codebook_size):
        digits = code % 4, code // 4
        shared = model.head_digits.table.weight[[digits[0], 4 + digits[1]]].sum(0)
        expected = full[:, layout.image_start + code] + hidden @ shared
        torch.testing.assert_close(model.code_logits(hidden)[:, code], expected)


@torch.no_grad()
def test_save_and_load_bit_for_bit(model, tmp_path):
    single = UniF2aceForConditionalGeneration(CONFIG)
    single.save_pretrained(tmp_path)
    loaded = UniF2aceForConditionalGeneration.from_pretrained(tmp_path)
    for (name, a), (other, b) in zip(
        single.state_dict().items(), loaded.state_dict().items(), strict=True
    ):
        assert name == other and torch.equal(a, b), name


def test_parameter_report_adds_up(model):
    report = parameter_report(model)
    assert sum(v for k, v in report.items() if k != "total") == report["total"]


def test_wrong_calls_raise(model):
    batch = understanding_batch(CODES, [TURNS] * 3, CONFIG)
    options = {"positions": batch.positions, "mask": batch.mask()}
    with pytest.raises(ValueError, match="'painting'"):
        model(batch.token_ids, group="painting", **options)
    with pytest.raises(ValueError, match="features"):
        model(batch.token_ids, group="understanding", image_start=2, **options)
