"""What the ways of computing are worth: each against its plain twin, in one run.

The twins give the same results: a sampler and answers that recompute the whole sequence every
time, NF4 weights unpacked for every product, a dense feed-forward of the experts' active size,
and the bare matrix products of a step.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    Thought,
    generation_batch,
    omni_attention_mask,
    prefix_batch,
    prompt_ids,
)
from unif2ace.quantize import held_copy_bytes, keep_copies, nf4_modules
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEPS, PLAN_TEMPERATURE, Picture, Reply
from unif2ace.sampler import CodeLogitsFn, generate_tokens, guided, gumbel_noise, sample_codes

PROMPT = "a smiling young woman with long red hair, green eyes, round glasses and a black hat"
CAPTION = (
    "a portrait of a middle-aged woman with an oval face and light skin. she has long blond hair, "
    "thick eyebrows, large green eyes, a narrow nose, full lips and red lipstick. she is smiling "
    "and looking at the camera, her head turned to the left. she wears round glasses and a blue "
    "top in front of a grey background"
)
"""Of 18 attributes, as the paper's captions, which name 17.7 on average."""
QUESTION = "Describe this face."
NEW_TOKENS = 64
TRAIN_SEQUENCES, TRAIN_TEXT = 16, 32  # of a training batch; text tokens beside each picture's


def plain_code_logits_fn(
    pipe: UniF2acePipeline, prompts: Sequence[Sequence[int]], guidance: float
) -> CodeLogitsFn:
    """`code_logits_fn` without memory: texts and pictures go through it all at every step."""
    config = pipe.config
    both = [*prompts, *[prompt_ids([], config)] * len(prompts)]

    def logits_fn(codes: Tensor, places: Tensor) -> Tensor:
        batch = generation_batch(both, codes, config)
        output = pipe.model(**batch.inputs(), group="generation", image_start=batch.image_start)
        span = slice(batch.image_start, batch.image_start + config.num_image_tokens)
        logits = pipe.model.code_logits(output.hidden[:, span])  # of every place
        return logits.gather(1, places[..., None].expand(-1, -1, logits.shape[-1]))

    return guided(logits_fn, guidance)


def plain_reply(pipe: UniF2acePipeline, picture: Picture, question: Sequence[int]) -> Reply:
    """`reply` without memory: picture, words, question, answer so far, at every token."""
    told = pipe.read_plan(picture)[: pipe.config.num_told_words]
    prefix = prefix_batch(picture.codes, pipe.config)
    start = prefix.token_ids.shape[1] + len(told)
    text = [*told, *question]
    places = [*range(len(told)), *[-1] * len(question)]

    def next_logits(token_ids: Tensor) -> Tensor:
        text.extend(token_ids[0].tolist())
        places.extend([-1] * (len(text) - len(places)))
        words = torch.tensor([text])
        ids = torch.cat([prefix.token_ids, words], dim=1)
        is_image = torch.cat([prefix.is_image, torch.zeros_like(words, dtype=torch.bool)], dim=1)
        marks = torch.cat([torch.full_like(prefix.token_ids, -1), torch.tensor([places])], dim=1)
        segments = torch.full_like(ids, SHARED_SEGMENT)
        segments[:, start:] += 1
        is_alone = torch.zeros_like(is_image)
        is_alone[:, start : start + len(question) + 1] = bool(told)  # and the topic
        output = pipe.model(
            ids,
            positions=torch.arange(ids.shape[1], device=ids.device)[None],
            mask=omni_attention_mask(segments, is_image, is_alone),
            group="understanding",
            image_start=prefix.image_start,
            features=picture.features,
            places=marks,
        )
        return pipe.model.text_logits(output.hidden[0, -1])

    def behind_thoughts(*thoughts: Thought) -> Tensor:
        places.extend(thought.place for thought in thoughts)
        return next_logits(torch.tensor([[thought.word for thought in thoughts]]))

    topic, meant, logits = None, frozenset[str](), next_logits(torch.zeros(1, 0, dtype=torch.long))
    if told:
        topic = pipe.plan_words.guessed_topics(logits, told)[0][0]
        logits = behind_thoughts(pipe.plan_words.topic(topic))
        value = pipe.plan_words.guessed_value(topic, logits)
        asked, seen = pipe.plan_words.compared(topic, value, told)
        aside = behind_thoughts(asked)
        logits = behind_thoughts(seen)
        if topic is not None:
            meant = pipe.meant(question, topic, value, aside)
    return Reply(topic=topic, asked=meant, first_logits=logits, next_logits=next_logits)


def planned_prompts(pipe: UniF2acePipeline, text: str = PROMPT) -> list[list[int]]:
    """A prompt's ids with a plan."""
    prompt = pipe.check_prompt(text)
    (plan,) = pipe.draw_plans(prompt, [torch.Generator().manual_seed(0)]).tolist()
    return [prompt + plan]


@torch.inference_mode()
def plain_planned_prompts(pipe: UniF2acePipeline, text: str = PROMPT) -> list[list[int]]:
    """The same word by word, each after a pass over all that came before it."""
    prompt, words, config = pipe.check_prompt(text), pipe.plan_words, pipe.config
    generator = torch.Generator().manual_seed(0)
    choices = words.choices(words.allowed({}), PLAN_TEMPERATURE)
    noises = [
        choice.temperature * gumbel_noise(torch.Size([len(choice.ids)]), generator)
        for choice in choices
    ]
    said: list[int] = []
    first = config.max_prompt_tokens - config.plan_length - len(prompt)
    for choice, noise in zip(choices, noises, strict=True):
        length = len(prompt) + len(said)
        output = pipe.model(
            torch.tensor([[*prompt, *said]]),
            positions=first + torch.arange(length)[None],
            mask=torch.ones(1, 1, length, length, dtype=torch.bool).tril(),
            group="generation",
            places=torch.tensor([[*[-1] * len(prompt), *range(len(said))]]),
        )
        heard = pipe.model.text_logits(output.hidden[0, -1])[choice.ids].float() * choice.is_asked
        said.append(choice.ids[int((heard + torch.tensor(choice.log_weights) + noise).argmax())])
    return [prompt + said]


@torch.inference_mode()
def paint_codes(
    pipe: UniF2acePipeline,
    make: Callable[..., CodeLogitsFn],
    *,
    seed: int,
    steps: int,
    text: str = PROMPT,
    plan: Callable[[UniF2acePipeline, str], list[list[int]]] = planned_prompts,
) -> Tensor:
    """One face's codes (1, N), guided, by logits that `make(prompts, guidance)` gives."""
    return sample_codes(
        make(plan(pipe, text), DEFAULT_GUIDANCE),
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
    pipe: UniF2acePipeline, picture: Picture, make: Callable[..., Reply], count: int
) -> list[int]:
    """`count` tokens of an answer that nothing ends, by what `make(picture, question)` gives."""
    reply = make(picture, pipe.check_question(QUESTION))
    return list(
        generate_tokens(
            reply.next_logits, reply.first_logits, eos_token_id=-1, max_new_tokens=count
        )
    )


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
def products_of(pipe: UniF2acePipeline, action: Callable[[], object]) -> list[Product]:
    """Every matrix product that `action` lets the transformer do, on inputs of the same shapes.

    Linear layers and heads with their weights in their own format, and attention's two per layer.
    """
    products: list[Product] = []
    inputs: dict[Any, Tensor] = {}  # one for all products of a shape: they would fill the memory

    def like(x: Tensor, *shape: int) -> Tensor:
        key = (shape or tuple(x.shape), x.dtype)
        if key not in inputs:
            inputs[key] = torch.randn(key[0], dtype=x.dtype, device=x.device)
        return inputs[key]

    def record(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        x = like(given[0])
        flop = 2 * x.numel() // x.shape[-1] * module.in_features * module.out_features
        products.append(Product(flop, partial(module, x)))

    def mixed(mix: Callable[..., Tensor], q: Tensor, k: Tensor, v: Tensor, *given: Any) -> Tensor:
        seen, flop = k.shape[2], 2 * q.numel() * k.shape[2]
        weights = like(q, *q.shape[:3], seen)
        products.append(Product(flop, partial(torch.matmul, like(q), like(k, *k.mT.shape))))
        products.append(Product(flop, partial(torch.matmul, weights, like(v))))
        return mix(q, k, v, *given)

    def headed(head: Callable[..., Tensor], hidden: Tensor, *given: Any) -> Tensor:
        logits, x = head(hidden, *given), like(hidden)
        flop = 2 * x.numel() * logits.shape[-1]
        products.append(Product(flop, partial(head, x, *given)))
        return logits

    layers = [module for module in pipe.model.modules() if isinstance(module, nn.Linear)]
    hooks = [layer.register_forward_pre_hook(record) for layer in layers]
    methods: list[tuple[nn.Module, str, Callable[..., Tensor]]] = [
        *((pipe.model, name, headed) for name in ("code_logits", "text_logits")),
        *((block.attention, "mix", mixed) for block in pipe.model.blocks),
    ]
    for owner, name, heard in methods:
        setattr(owner, name, partial(heard, getattr(owner, name)))
    try:
        action()
    finally:
        for hook in hooks:
            hook.remove()
        for owner, name, _ in methods:
            delattr(owner, name)  # the class's own again
    return products


@torch.inference_mode()
def repeat(products: Sequence[Product]) -> None:
    for product in products:
        product.run()


def bench_sampler(
    pipe: UniF2acePipeline, text: str, *, repeats: int, rates: Mapping[str, float]
) -> dict[str, Any]:
    """A face's seconds by us, by the plain loop, by parts, and by its bare matrix products.

    The plain loop plans word by word and paints step by step, each after a pass over everything;
    "plain steps" are its steps behind our plan. `shares` of our time: "all else" is the first look
    at the text, drawing codes and choosing which to keep. rates: see `bench_ratios`.
    """
    how = {"seed": 0, "steps": DEFAULT_STEPS, "text": text}
    paint = partial(paint_codes, pipe, pipe.code_logits_fn, **how)
    plain_steps = partial(paint_codes, pipe, partial(plain_code_logits_fn, pipe), **how)
    plain = partial(plain_steps, plan=plain_planned_prompts)
    ours = paint()
    prompts, asked = planned_prompts(pipe, text), []
    logits_fn = pipe.code_logits_fn(prompts, DEFAULT_GUIDANCE)

    def noted(*_: object) -> CodeLogitsFn:
        def fn(codes: Tensor, places: Tensor) -> Tensor:
            asked.append(places)
            return logits_fn(codes, places)

        return fn

    paint_codes(pipe, noted, **how)

    @torch.inference_mode()
    def network() -> None:
        for places in asked:
            logits_fn(ours, places)

    products, of_network = products_of(pipe, paint), products_of(pipe, network)
    seconds = seconds_side_by_side(
        {
            "ours": paint,
            "plain": plain,
            "plain_steps": plain_steps,
            "plan": partial(planned_prompts, pipe, text),
            "network": network,
            "products": partial(repeat, products),
            "products_of_network": partial(repeat, of_network),
        },
        repeats,
    )
    gflop = sum(product.flop for product in products) / 1e9
    rate = gflop / seconds["ours"]
    parts = {"planning the face in words": "plan", "the network's steps": "network"}
    shares = {part: seconds[name] / seconds["ours"] for part, name in parts.items()}
    return {
        "prompt_tokens": len(prompts[0]),
        "steps": DEFAULT_STEPS,
        "same_codes_as_plain": torch.equal(ours, plain()),
        "seconds": seconds,
        "speedup_over_plain": seconds["plain"] / seconds["ours"],
        "speedup_over_plain_steps": seconds["plain_steps"] / seconds["ours"],
        "face_gflop": gflop,
        "gflop_per_second": rate,
        "rate_over_its_products": seconds["products"] / seconds["ours"],
        "network_rate_over_its_products": seconds["products_of_network"] / seconds["network"],
        "rate_over_matmul": rate / rates[str(pipe.model.dtype).removeprefix("torch.")],
        "rate_over_best_matmul": rate / max(rates.values()),
        "shares": {**shares, "all else": 1 - sum(shares.values())},
    }


def bench_answers(pipe: UniF2acePipeline, image: Image.Image, *, repeats: int) -> dict[str, Any]:
    """`NEW_TOKENS` tokens with kept keys and values, and without."""
    picture, plain = pipe.encode(image), partial(plain_reply, pipe)
    count = min(NEW_TOKENS, pipe.config.max_answer_tokens // 2)
    ways = {"ours": pipe.reply, "plain": plain}
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


@contextmanager
def packed(model: nn.Module) -> Iterator[None]:
    """NF4 layers unpack their weights for every product, as where no memory is to spare."""
    kept = [(m, vars(m).pop("forward")) for m in nf4_modules(model) if "forward" in vars(m)]
    try:
        yield
    finally:
        for module, forward in kept:
            module.forward = forward


def bench_copies(pipe: UniF2acePipeline, image: Image.Image, *, repeats: int) -> dict[str, Any]:
    """What plain copies of NF4 weights save of a face's and an answer's time; {} without NF4."""
    if not nf4_modules(pipe.model):
        return {}
    if not held_copy_bytes(pipe.model):
        keep_copies(pipe.model, pipe.model.dtype)
    actions: dict[str, Callable[[], object]] = {
        "face": partial(paint_codes, pipe, pipe.code_logits_fn, seed=0, steps=DEFAULT_STEPS),
        "answer": partial(pipe.answer, image, "What color is the hair?"),
    }

    def unpacking(action: Callable[[], object]) -> None:
        with packed(pipe.model):
            action()

    twins = {f"{name}_packed": partial(unpacking, act) for name, act in actions.items()}
    seconds = seconds_side_by_side({**actions, **twins}, repeats)
    speedups = {f"{name}_speedup": seconds[f"{name}_packed"] / seconds[name] for name in actions}
    return {"seconds": seconds, **speedups}


def dense_twin(config: UniF2aceConfig) -> Expert:
    """One feed-forward as wide as what a token meets: the shared expert and its chosen ones."""
    moe = config.moe
    return Expert(
        config.hidden_size, moe.shared_expert_dim + moe.experts_per_token * moe.expert_dim
    )


def bench_experts(config: UniF2aceConfig, *, repeats: int) -> dict[str, Any]:
    """Seconds of a layer's token experts over those of the dense twin, float32 weights."""
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
    pipe: UniF2acePipeline,
    image: Image.Image,
    *,
    repeats: int,
    rates: Mapping[str, float],
    sizes: Mapping[str, UniF2aceConfig],
) -> dict[str, Any]:
    """All of them. rates: the machine's GFLOP/s of matrix products by dtype. sizes: of experts."""
    return {
        "sampler": bench_sampler(pipe, PROMPT, repeats=repeats, rates=rates),
        "caption": bench_sampler(pipe, CAPTION, repeats=repeats, rates=rates),
        "answers": bench_answers(pipe, image, repeats=repeats),
        "copies": bench_copies(pipe, image, repeats=repeats),
        "experts": {name: bench_experts(sizes[name], repeats=repeats) for name in sizes},
    }


def ratio_lines(measured: dict[str, Any]) -> list[str]:
    """What `bench_ratios` found, a line each."""
    answers, experts = measured["answers"], measured["experts"]
    lines = []
    for title, row in (("a prompt", measured["sampler"]), ("a caption", measured["caption"])):
        lines += [
            f"sampler, {title} of {row['prompt_tokens']} tokens with its plan, {row['steps']} "
            "steps, none of which looks at the face: "
            f"{row['speedup_over_plain']:.2f} times as fast as recomputing everything, "
            f"{row['speedup_over_plain_steps']:.2f} times if only the steps do (same codes: "
            f"{row['same_codes_as_plain']})",
            f"its rate: {row['gflop_per_second']:.1f} GFLOP/s, "
            f"{row['rate_over_its_products']:.2f} of its matrix products alone "
            f"(network alone {row['network_rate_over_its_products']:.2f}), "
            f"{row['rate_over_matmul']:.2f} of large ones, "
            f"{row['rate_over_best_matmul']:.2f} of those in the machine's quickest format",
            "its time: "
            + ", ".join(f"{part} {share:.0%}" for part, share in row["shares"].items()),
        ]
    lines.append(
        f"answers: {answers['speedup_over_plain']:.2f} times as fast as recomputing everything "
        f"({answers['new_tokens']} tokens, same tokens: {answers['same_tokens_as_plain']})"
    )
    if copies := measured["copies"]:
        lines.append(
            f"plain copies of NF4 weights: a face is painted {copies['face_speedup']:.2f} times as "
            f"fast as by unpacking them for every product, a question answered "
            f"{copies['answer_speedup']:.2f} times"
        )
    lines += [
        f"experts of {size}: {found[name]['ratio']:.2f} of a dense layer's time in {name} "
        f"({found['tokens'][name]} tokens)"
        for size, found in experts.items()
        for name in ("inference", "training")
    ]
    return lines
