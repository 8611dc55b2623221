from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops
from tiny import save_tiny

from unif2ace.pipeline import UniF2acePipeline
from unif2ace.routing import FaceRouting, routing_picture

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 40, 3), dtype=np.uint8))
QUESTION = "Is there a hat?"


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("checkpoint"))
    return UniF2acePipeline.from_pretrained(folder, quantization=None, device="cpu")


@pytest.mark.parametrize(
    ("asked", "group"),
    [
        ({}, "understanding"),
        ({"question": QUESTION}, "understanding"),
        ({"prompt": "a man"}, "generation"),
    ],
)
def test_what_is_told_is_what_the_routers_said(pipe, asked, group):
    heard = {"token": [], "sequence": []}
    hooks = [
        block.get_submodule(f"{level}_moe.{group}.router").register_forward_hook(
            lambda module, given, logits, level=level: heard[level].append(logits.softmax(-1))
        )
        for block in pipe.model.blocks
        for level in heard
    ]
    routing = pipe.routing(PICTURE, **asked)
    for hook in hooks:
        hook.remove()
    layers = len(pipe.model.blocks)
    if group == "generation":  # passes before the last read the words
        heard = {level: rows[-layers:] for level, rows in heard.items()}
    assert len(heard["sequence"]) == layers  # the picture is looked at once
    by_layer = [torch.cat(heard["token"][layer::layers]) for layer in range(layers)]
    tokens, sequences = (
        torch.stack(by_layer),
        torch.stack(heard["sequence"]),
    )  # (A, L, E), (A, 1, E)
    assert routing.group == group and len(routing.sequence_kinds) == sequences.shape[-1] == 4
    np.testing.assert_allclose(routing.sequence_probs, sequences[:, 0], rtol=1e-5)
    best = sequences[:, 0].topk(2).indices
    assert (routing.sequence_experts == best.numpy()).all()
    start = tokens.shape[1] - 5 if group == "generation" else 2  # before the four codes
    image = tokens[:, start : start + 4].view(2, 2, 2, -1)
    weights, experts = image.topk(2)
    assert (routing.token_experts == experts.numpy()).all()
    np.testing.assert_allclose(
        routing.token_weights, weights / weights.sum(-1, keepdim=True), rtol=1e-5
    )
    assert routing.text_experts.shape == (2, len(routing.text), 2)
    if routing.text:
        first = 0 if group == "generation" else 7
        text = tokens[:, first : first + len(routing.text)].topk(2).indices
        assert (routing.text_experts == text.numpy()).all()


def test_text_is_told_piece_by_piece_and_the_picture_does_not_see_it(pipe):
    asked, alone = pipe.routing(PICTURE, question=QUESTION), pipe.routing(PICTURE)
    plan = pipe.read_plan(pipe.encode(PICTURE))
    said = "".join(pipe.tokenizer.decode([i]) for i in plan)
    assert "".join(asked.text) == said + "<|bos|>is there a hat?<|assistant|>"
    assert "".join(alone.text) == said
    assert (asked.token_experts == alone.token_experts).all()
    told = "<|t2i|><|bos|>a man<|eos|>" + "".join(pipe.tokenizer.decode([i]) for i in plan)
    assert "".join(pipe.routing(PICTURE, prompt="A man").text) == told


def test_a_question_is_routed_as_when_it_is_answered(pipe):
    heard = []
    hooks = [
        block.token_moe["understanding"].router.register_forward_hook(
            lambda module, given, logits: heard.append(logits.topk(2).indices)
        )
        for block in pipe.model.blocks
    ]
    with torch.inference_mode():
        pipe.reply(pipe.encode(PICTURE), pipe.check_question(QUESTION))
    for hook in hooks:
        hook.remove()
    layers = len(pipe.model.blocks)
    said = torch.stack(heard[layers : 2 * layers])  # behind the picture: its words, the question
    routing = pipe.routing(PICTURE, question=QUESTION)
    assert (routing.text_experts == said.numpy()).all()


def test_usage_counts_each_choice(pipe):
    routing = pipe.routing(PICTURE)
    usage = routing.token_usage()
    for layer in range(routing.num_layers):
        for expert in range(routing.num_experts):
            chosen = (routing.token_experts[layer] == expert).any(-1)
            assert usage[layer, expert] == chosen.mean()


def test_a_question_and_a_prompt_at_once_are_refused(pipe):
    with pytest.raises(ValueError, match="not both"):
        pipe.routing(PICTURE, question=QUESTION, prompt="a man")
    with pytest.raises(ValueError, match="empty"):
        pipe.routing(PICTURE, prompt=" ")


def drawn(layers=5, grid=8, experts=4):
    random = np.random.default_rng(1)
    tokens = random.integers(0, experts, (layers, grid, grid, 2))
    return FaceRouting(
        group="generation",
        num_experts=experts,
        token_experts=tokens,
        token_weights=np.full(tokens.shape, 0.5),
        sequence_kinds=("copy", "zero", "noise", "copy"),
        sequence_probs=np.full((layers, 4), 0.25),
        sequence_experts=np.tile([2, 0], (layers, 1)),
        sequence_weights=np.tile([0.6, 0.4], (layers, 1)),
        text=(),
        text_experts=np.zeros((layers, 0, 2), int),
    )


def changes(one, other):
    """The box in which the pictures of two routings differ."""
    return ImageChops.difference(*(routing_picture(PICTURE, r) for r in (one, other))).getbbox()


@pytest.mark.parametrize("grid", [4, 8, 16])
def test_a_token_given_to_another_expert_changes_its_tile_alone(grid):
    one, boxes = drawn(grid=grid), []
    for place in ((0, 0, 0), (0, 0, 1), (4, grid - 1, grid - 1)):
        experts = one.token_experts.copy()
        experts[place][0] = (experts[place][0] + 1) % 4
        boxes.append(changes(one, replace(one, token_experts=experts)))
    token = max(16, 192 // grid)
    assert all((right - left, low - top) == (token, token) for left, top, right, low in boxes)
    assert boxes[1][0] == boxes[0][2] and boxes[1][1] == boxes[0][1]
    assert boxes[2][1] > boxes[0][3]
    assert changes(one, one) is None


def test_sequence_experts_are_written_above_their_layer():
    one = drawn()
    other = one.sequence_experts.copy()
    other[1] = [1, 3]
    box = changes(one, replace(one, sequence_experts=other))
    assert box is not None and box[3] - box[1] < 20 and box[0] > 192
