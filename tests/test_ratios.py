from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import save_tiny, tiny_config
from torch.utils.flop_counter import FlopCounterMode

from unif2ace import layers
from unif2ace.evaluate.ratios import (
    bench_copies,
    bench_ratios,
    dense_twin,
    packed,
    paint_codes,
    plain_code_logits_fn,
    plain_planned_prompts,
    plain_reply,
    planned_prompts,
    products_of,
    ratio_lines,
    repeat,
    say_tokens,
)
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.prompting import prompt_ids
from unif2ace.quantize import held_copy_bytes, nf4_modules

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("checkpoint"))
    return UniF2acePipeline.from_pretrained(folder, quantization=None, device="cpu")


def test_the_plain_sampler_paints_the_same_codes(pipe):
    for seed in range(3):
        ours = paint_codes(pipe, pipe.code_logits_fn, seed=seed, steps=3)
        assert torch.equal(
            ours, paint_codes(pipe, partial(plain_code_logits_fn, pipe), seed=seed, steps=3)
        )
    assert not torch.equal(ours, paint_codes(pipe, pipe.code_logits_fn, seed=0, steps=3))


def test_the_plain_plan_is_the_guessed_one(pipe):
    for text in ("a woman", "an old man with glasses", "someone who smiles"):
        assert plain_planned_prompts(pipe, text) == planned_prompts(pipe, text)
    assert pipe.config.plan_length > 0


@torch.inference_mode()
def test_the_plain_answer_says_the_same_tokens(pipe):
    picture = pipe.encode(PICTURE)
    plain = partial(plain_reply, pipe)
    tokens = say_tokens(pipe, picture, pipe.reply, 9)
    assert tokens == say_tokens(pipe, picture, plain, 9) and len(tokens) == 9
    for question in ([3, 1, 4], [7, 200], [9]):
        fast, slow = pipe.reply(picture, question), plain(picture, question)
        assert (fast.topic, fast.asked) == (slow.topic, slow.asked)
        close = partial(torch.testing.assert_close, atol=1e-4, rtol=1e-4)
        close(fast.first_logits, slow.first_logits)
        for ids in ([[1]], [[5]]):
            close(fast.next_logits(torch.tensor(ids)), slow.next_logits(torch.tensor(ids)))


@torch.inference_mode()
@pytest.mark.parametrize("hears_denials", [False, True])
def test_the_plain_answer_is_to_the_same_question(pipe, monkeypatch, hears_denials):
    """Whatever is asked for, and where denials are heard some of it is denied."""
    monkeypatch.setattr(pipe.config, "hears_denials", hears_denials)
    picture, denied = pipe.encode(PICTURE), 0
    for word in range(0, 400, 20):
        fast, slow = pipe.reply(picture, [word, 9]), plain_reply(pipe, picture, [word, 9])
        assert (fast.topic, fast.asked) == (slow.topic, slow.asked)
        denied += len(fast.asked) > 1
    assert (denied > 0) == hears_denials


def linear_flops(counter):
    counts = counter.get_flop_counts()["Global"]
    return sum(n for op, n in counts.items() if "mm" in str(op) and "bmm" not in str(op))


def paint_a_step(pipe):
    logits_fn = pipe.code_logits_fn([prompt_ids([5, 6], pipe.config)], 3.0)
    logits_fn(torch.full((1, 4), 3), torch.tensor([[0, 2, 3]]))


@torch.inference_mode()
@pytest.mark.parametrize("action", [planned_prompts, paint_a_step])
def test_the_products_of_an_action_are_all_its_products(pipe, action, monkeypatch):
    attended, attend = [], layers.attend

    def heard(q, k, v, mask):
        attended.append(4 * q.numel() * k.shape[2])  # queries by keys, and shares by values
        return attend(q, k, v, mask)

    with monkeypatch.context() as patch, FlopCounterMode(display=False) as whole:
        patch.setattr(layers, "attend", heard)
        action(pipe)
    products = products_of(pipe, partial(action, pipe))
    with FlopCounterMode(display=False) as alone:
        repeat(products)
    assert linear_flops(alone) == linear_flops(whole) > 0
    assert alone.get_total_flops() - linear_flops(alone) == sum(attended) > 0
    assert sum(product.flop for product in products) == alone.get_total_flops()
    with FlopCounterMode(display=False) as afterwards:  # nothing is left that records
        action(pipe)
    assert afterwards.get_total_flops() == whole.get_total_flops()
    assert "code_logits" not in vars(pipe.model)


def test_the_dense_twin_multiplies_as_much_as_a_token_meets():
    config = tiny_config()
    met = config.moe.shared_expert_dim + config.moe.experts_per_token * config.moe.expert_dim
    weights = sum(p.numel() for p in dense_twin(config).parameters() if p.dim() == 2)
    assert weights == 2 * config.hidden_size * met


def test_every_ratio_is_measured_and_told(pipe):
    sizes = {"tiny": pipe.config, "wider": tiny_config(hidden_size=128)}
    measured = bench_ratios(
        pipe, PICTURE, repeats=1, rates={"float32": 50.0, "bfloat16": 80.0}, sizes=sizes
    )
    assert measured["sampler"]["same_codes_as_plain"]
    assert measured["answers"]["same_tokens_as_plain"]
    assert 0 < measured["sampler"]["rate_over_best_matmul"] < 1
    assert sum(measured["sampler"]["shares"].values()) == pytest.approx(1)
    assert measured["caption"]["same_codes_as_plain"]
    assert measured["caption"]["prompt_tokens"] > measured["sampler"]["prompt_tokens"]
    assert len(ratio_lines(measured)) == 11


@torch.inference_mode()
def test_packed_layers_unpack_and_then_have_their_copies_again(tmp_path):
    pipe = UniF2acePipeline.from_pretrained(save_tiny(tmp_path), device="cpu")
    layers, x = nf4_modules(pipe.model), torch.randn(3, 64)
    before = [layer.forward for layer in layers]
    assert held_copy_bytes(pipe.model) > 0
    with packed(pipe.model):
        assert not any("forward" in vars(layer) for layer in layers)
        slow = layers[0](x)
    assert [layer.forward for layer in layers] == before
    torch.testing.assert_close(layers[0](x), slow, atol=1e-5, rtol=1e-5)
    found = bench_copies(pipe, PICTURE, repeats=1)
    assert found["face_speedup"] == found["seconds"]["face_packed"] / found["seconds"]["face"]
    full = UniF2acePipeline.from_pretrained(tmp_path, quantization=None, device="cpu")
    assert bench_copies(full, PICTURE, repeats=1) == {}
