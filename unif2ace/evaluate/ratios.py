"""What the ways of computing are worth: each against its plain twin, in one run.

The twins give the same results: a sampler and answers that recompute the whole sequence every
time, a dense feed-forward of the experts' active size, and the bare matrix products of a step.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from unif2ace.config import UniF2aceConfig
from unif2ace.moe import Expert, TokenMoE
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.prompting import (
    SHARED_SEGMENT,
    generation_batch,
    omni_attention_mask,
    prefix_batch,
    prompt_ids,
    thought_places,
)
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEPS, Picture
from unif2ace.sampler import CodeLogitsFn, LogitsFn, generate_tokens, guided, sample_codes

PROMPT = "a smiling young woman with long red hair, green eyes, round glasses and a black hat"
QUESTION = "Describe this face."
NEW_TOKENS = 64
TRAIN_SEQUENCES, TRAIN_TEXT = 16, 32  # of a training batch; text tokens beside each picture's


def plain_code_logits_fn(pipe: UniF2acePipeline, prompts: Sequence[Sequence[int]]) -> CodeLogitsFn:
    """`code_logits_fn` without memory: text and picture go through the network at every step."""
    config = pipe.config

    def logits_fn(codes: Tensor, places: Tensor) -> Tensor:
        batch = generation_batch(prompts, codes, config)
        output = pipe.model(**batch.inputs(), group="generation", image_start=batch.image_start)
        span = slice(batch.image_start, batch.image_start + config.num_image_tokens)
        logits = pipe.model.code_logits(output.hidden[:, span])  # of every place
        return logits.gather(1, places[..., None].expand(-1, -1, logits.shape[-1]))

    return logits_fn


def plain_text_logits_fn(pipe: UniF2acePipeline, picture: Picture) -> LogitsFn:
    """`text_logits_fn` without memory: picture, words, question, answer so far, at every token."""
    count = pipe.config.num_told_words
    said = [torch.tensor([pipe.read_plan(picture)[:count]], dtype=torch.long)]

    def next_logits(token_ids: Tensor) -> Tensor:
        said.append(token_ids)
        prefix, text = prefix_batch(picture.codes, pipe.config), torch.cat(said, dim=1)
        ids = torch.cat([prefix.token_ids, text], dim=1)
        is_image = torch.cat([prefix.is_image, torch.zeros_like(text, dtype=torch.bool)], dim=1)
        places = torch.full_like(ids, -1)
        start = prefix.token_ids.shape[1]
        places[:, start : start + count] = torch.arange(count)
        thoughts = [int(token) for token in said[2 : 2 + pipe.config.num_thoughts]]
        start += count
        segments = torch.full_like(ids, SHARED_SEGMENT)
        segments[:, start:] += 1
        is_alone = torch.zeros_like(is_image)
        is_alone[:, start : start + said[1].shape[1]] = pipe.config.num_thoughts > 0
        start += said[1].shape[1]
        places[0, start : start + len(thoughts)] = torch.tensor(
            thought_places(thoughts, pipe.config), dtype=torch.long
        )
        output = pipe.model(
            ids,
            positions=torch.arange(ids.shape[1], device=ids.device)[None],
            mask=omni_attention_mask(segments, is_image, is_alone),
            group="understanding",
            image_start=prefix.image_start,
            features=picture.features,
            places=places,
        )
        return pipe.model.text_logits(output.hidden[0, -1])

    return next_logits


def guided_prompts(pipe: UniF2acePipeline) -> list[list[int]]:
    """The two rows of one guided picture: `PROMPT` with a plan, and nothing."""
    prompt = pipe.check_prompt(PROMPT)
    (plan,) = pipe.draw_plans(prompt, [torch.Generator().manual_seed(0)]).tolist()
    return [prompt + plan, prompt_ids([], pipe.config)]


@torch.inference_mode()
def paint_codes(
    pipe: UniF2acePipeline, make: Callable[..., CodeLogitsFn], *, seed: int, steps: int
) -> Tensor:
    """One face's codes (1, N), guided, by logits that `make(prompts)` gives."""
    return sample_codes(
        guided(make(guided_prompts(pipe)), DEFAULT_GUIDANCE),
        torch.full(
            (1, pipe.config.num_image_tokens), pipe.config.layout.mask_code, device=pipe.device
        ),
        mask_code=pipe.config.layout.mask_code,
        schedule=pipe.schedule,
        steps=steps,
        generators=[torch.Generator().manual_seed(seed)],
    )


@torch.inference_mode()
def say_tokens(
    pipe: UniF2acePipeline, picture: Picture, make: Callable[..., LogitsFn], count: int
) -> list[int]:
    """`count` tokens of an answer that nothing ends, by logits that `make(picture)` gives."""
    next_logits = make(picture)
    question = torch.tensor([pipe.check_question(QUESTION)], device=pipe.device)
    first = next_logits(question)
    return list(generate_tokens(next_logits, first, eos_token_id=-1, max_new_tokens=count))


def seconds_side_by_side(
    actions: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, float]:
    """Median seconds of each action, called in turn so that all meet the same machine."""
    spent: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(repeats + 1):
        for name, action in actions.items():
            started = time.perf_counter()
            action()
            if turn:  # the first call of each only warms up
                spent[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in spent.items()}


@dataclass(frozen=True)
class Product:
    """A matrix product of a step, ready to be repeated: its operations and how to do it."""

    flop: int
    run: Callable[[], object]


@torch.inference_mode()
def step_products(
    pipe: UniF2acePipeline, logits_fn: CodeLogitsFn, codes: Tensor, places: Tensor
) -> list[Product]:
    """Every matrix product of `logits_fn(codes, places)`, on inputs of the same shapes.

    Linear layers in their weights' own format, the head, and attention's two per layer.
    """
    products: list[Product] = []

    def record(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        x = torch.randn_like(given[0])
        flop = 2 * x.numel() // x.shape[-1] * module.in_features * module.out_features
        products.append(Product(flop, partial(module, x)))

    layers = [module for module in pipe.model.modules() if isinstance(module, nn.Linear)]
    hooks = [layer.register_forward_pre_hook(record) for layer in layers]
    keys: list[tuple[Tensor, Tensor]] = []
    attention = [block.attention for block in pipe.model.blocks]

    def attended(
        module: nn.Module, args: tuple[Tensor, ...], options: dict[str, Any], _: object
    ) -> None:
        batch, length, dim = args[0].shape
        heads, seen = module.num_heads, options["mask"].shape[-1]
        q = torch.randn(batch, heads, length, dim // heads, dtype=args[0].dtype)
        keys.append(
            (q.to(args[0].device), torch.randn_like(q[..., :1, :]).expand(-1, -1, seen, -1))
        )

    hooks += [a.register_forward_hook(attended, with_kwargs=True) for a in attention]
    logits = logits_fn(codes, places)
    for hook in hooks:
        hook.remove()
    for q, k in keys:
        k = k.to(q.device).contiguous()
        weights = torch.randn(*q.shape[:-1], k.shape[-2], dtype=q.dtype, device=q.device)
        flop = 2 * q.numel() * k.shape[-2]
        products.append(Product(flop, partial(torch.matmul, q, k.transpose(-1, -2).contiguous())))
        products.append(Product(flop, partial(torch.matmul, weights, k)))
    weight, bias = pipe.model.code_head()
    hidden = torch.randn(*logits.shape[:-1], weight.shape[-1], dtype=weight.dtype)
    flop = 2 * hidden.numel() * len(weight)
    head = partial(nn.functional.linear, hidden.to(weight.device), weight, bias)
    return [*products, Product(flop, head)]


@torch.inference_mode()
def bench_sampler(pipe: UniF2acePipeline, *, repeats: int, best_gflops: float) -> dict[str, Any]:
    """A face's seconds by us, by the plain loop, by the network alone and by its bare products."""
    steps = DEFAULT_STEPS
    plain = partial(plain_code_logits_fn, pipe)
    ours = paint_codes(pipe, pipe.code_logits_fn, seed=0, steps=steps)
    equal = bool((ours == paint_codes(pipe, plain, seed=0, steps=steps)).all())
    prompts = guided_prompts(pipe)
    logits_fn, asked = pipe.code_logits_fn(prompts), []

    def noted(_: object) -> CodeLogitsFn:
        def fn(codes: Tensor, places: Tensor) -> Tensor:
            asked.append(places)
            return logits_fn(codes, places)

        return fn

    paint_codes(pipe, noted, seed=0, steps=steps)
    doubled = ours.repeat(2, 1)
    products = [step_products(pipe, logits_fn, doubled, places) for places in asked]
    seconds = seconds_side_by_side(
        {
            "ours": lambda: paint_codes(pipe, pipe.code_logits_fn, seed=0, steps=steps),
            "plain": lambda: paint_codes(pipe, plain, seed=0, steps=steps),
            "network": lambda: [logits_fn(doubled, places) for places in asked],
            "products": lambda: [product.run() for step in products for product in step],
        },
        repeats,
    )
    gflop = sum(product.flop for step in products for product in step) / 1e9
    rate = gflop / seconds["ours"]
    return {
        "prompt_tokens": len(prompts[0]),
        "steps": steps,
        "same_codes_as_plain": equal,
        "seconds": seconds,
        "speedup_over_plain": seconds["plain"] / seconds["ours"],
        "face_gflop": gflop,
        "gflop_per_second": rate,
        "rate_over_its_products": seconds["products"] / seconds["ours"],
        "network_rate_over_its_products": seconds["products"] / seconds["network"],
        "rate_over_best_matmul": rate / best_gflops,
    }


def bench_answers(pipe: UniF2acePipeline, image: Image.Image, *, repeats: int) -> dict[str, Any]:
    """`NEW_TOKENS` tokens with kept keys and values, and without."""
    picture, plain = pipe.encode(image), partial(plain_text_logits_fn, pipe)
    count = min(NEW_TOKENS, pipe.config.max_answer_tokens // 2)
    ways = {"ours": pipe.text_logits_fn, "plain": plain}
    said = [say_tokens(pipe, picture, way, count) for way in ways.values()]
    seconds = seconds_side_by_side(
        {name: partial(say_tokens, pipe, picture, way, count) for name, way in ways.items()},
        repeats,
    )
    return {
        "new_tokens": count,
        "same_tokens_as_plain": said[0] == said[1],
        "seconds": seconds,
        "speedup_over_plain": seconds["plain"] / seconds["ours"],
    }


def dense_twin(config: UniF2aceConfig) -> Expert:
    """One feed-forward as wide as what a token meets: the shared expert and its chosen ones."""
    moe = config.moe
    return Expert(
        config.hidden_size, moe.shared_expert_dim + moe.experts_per_token * moe.expert_dim
    )


def bench_experts(config: UniF2aceConfig, *, repeats: int) -> dict[str, Any]:
    """Seconds of the token experts over those of the dense twin, float32 weights."""
    moe = config.moe
    experts = TokenMoE(
        dim=config.hidden_size,
        num_experts=moe.num_experts,
        experts_per_token=moe.experts_per_token,
        expert_dim=moe.expert_dim,
        shared_dim=moe.shared_expert_dim,
    )
    dense = dense_twin(config)
    tokens = config.num_image_tokens + 2
    sizes = {"inference": 2 * tokens, "training": TRAIN_SEQUENCES * (tokens + TRAIN_TEXT)}
    inputs = {name: torch.randn(1, size, config.hidden_size) for name, size in sizes.items()}

    def infer(module: Callable[[Tensor], Any]) -> None:
        with torch.inference_mode():
            module(inputs["inference"])

    def train(module: Callable[[Tensor], Tensor]) -> None:
        module(inputs["training"].requires_grad_()).square().mean().backward()

    result: dict[str, Any] = {"tokens": sizes}
    for name, one, other in (
        ("inference", partial(infer, experts), partial(infer, dense)),
        ("training", partial(train, lambda x: experts(x)[0]), partial(train, dense)),
    ):
        seconds = seconds_side_by_side({"experts": one, "dense": other}, 4 * repeats)
        result[name] = {**seconds, "ratio": seconds["experts"] / seconds["dense"]}
    return result


def bench_ratios(
    pipe: UniF2acePipeline, image: Image.Image, *, repeats: int, best_gflops: float
) -> dict[str, Any]:
    """All of them. best_gflops: the machine's best rate of matrix products."""
    return {
        "sampler": bench_sampler(pipe, repeats=repeats, best_gflops=best_gflops),
        "answers": bench_answers(pipe, image, repeats=repeats),
        "experts": bench_experts(pipe.config, repeats=repeats),
    }


def ratio_lines(measured: dict[str, Any]) -> list[str]:
    """What `bench_ratios` found, a line each."""
    sampler, answers, experts = measured["sampler"], measured["answers"], measured["experts"]
    return [
        f"sampler: {sampler['speedup_over_plain']:.2f} times as fast as recomputing everything "
        f"({sampler['prompt_tokens']} prompt tokens, {sampler['steps']} steps, same codes: "
        f"{sampler['same_codes_as_plain']})",
        f"sampler: {sampler['gflop_per_second']:.1f} GFLOP/s, "
        f"{sampler['rate_over_its_products']:.2f} of its matrix products alone "
        f"(network alone {sampler['network_rate_over_its_products']:.2f}), "
        f"{sampler['rate_over_best_matmul']:.2f} of the best matrix product",
        f"answers: {answers['speedup_over_plain']:.2f} times as fast as recomputing everything "
        f"({answers['new_tokens']} tokens, same tokens: {answers['same_tokens_as_plain']})",
        *(
            f"experts: {experts[name]['ratio']:.2f} of a dense layer's time in {name} "
            f"({experts['tokens'][name]} tokens)"
            for name in ("inference", "training")
        ),
    ]
