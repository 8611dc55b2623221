import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import save_tiny, tiny_config, tiny_tokenizer
from transformers import PreTrainedTokenizerFast

from unif2ace.attributes import ATTRIBUTES, visible
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.prompting import encode_request
from unif2ace.synth.sampling import sample_attributes
from unif2ace.train.features import FaceLabel, read_features, write_features
from unif2ace.train.loop import TrainConfig
from unif2ace.train.sequences import (
    canonical_turns,
    generation_sample,
    place_words,
    telling_token,
    understanding_sample,
)
from unif2ace.train.transformer import TransformerOptions, train
from unif2ace.wording import NOT_VISIBLE, canonical_answer, canonical_question

NUM_FACES = 4
CHECKPOINT = Path(__file__).parents[1] / "assets" / "checkpoint"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def features(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    labels = []
    for seed in range(NUM_FACES):
        face = sample_attributes(seed)
        labels.append(FaceLabel(seed=seed, attributes=face, visible=frozenset(visible(face))))
    pictures = np.random.default_rng(0).integers(0, 255, (NUM_FACES, 32, 32, 3), dtype=np.uint8)
    model = UniF2aceForConditionalGeneration.from_pretrained(checkpoint)
    write_features(model, [pictures[:3], pictures[3:]], labels, folder)
    return folder


def run_config(out, **changes):
    settings = {
        "out": out,
        "steps": 30,
        "batch_size": 4,
        "learning_rate": 3e-3,
        "warmup_steps": 3,
        "ema_decay": 0.0,
        "mixed_precision": "no",
        "log_every": 1,
        "sample_every_seconds": 1e9,
        "checkpoint_every_seconds": 1e9,
    }
    return TrainConfig(**(settings | changes))


OPTIONS = TransformerOptions(understanding_batch_size=2, questions_per_face=2)


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def test_thirty_steps_lower_the_loss_and_the_result_loads(checkpoint, features, tmp_path):
    train(checkpoint, features, run_config(tmp_path), OPTIONS)
    seen = losses(tmp_path)
    assert len(seen) == 30 and np.mean(seen[-5:]) < 0.8 * np.mean(seen[:5])
    before = UniF2aceForConditionalGeneration.from_pretrained(checkpoint)
    after = UniF2aceForConditionalGeneration.from_pretrained(tmp_path / "model")
    changed = {
        name.split(".")[0]
        for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(a, b)
    }
    assert "blocks" in changed and "lm_head" in changed
    assert not changed & {"image_tokenizer", "semantic_encoder", "face_encoder"}


def test_a_resumed_run_equals_an_uninterrupted_one(checkpoint, features, tmp_path):
    whole = run_config(tmp_path / "whole", steps=6)
    train(checkpoint, features, whole, OPTIONS)
    # the same run, killed after three of its six steps
    halves = run_config(tmp_path / "halves", steps=6)
    stop_after(3, checkpoint, features, halves)
    train(checkpoint, features, halves, OPTIONS)
    assert losses(tmp_path / "halves") == losses(tmp_path / "whole")
    for name in sorted(p.name for p in (tmp_path / "whole" / "model").glob("*.safetensors")):
        files = [(tmp_path / run / "model" / name).read_bytes() for run in ("whole", "halves")]
        assert files[0] == files[1]


def stop_after(steps, checkpoint, features, config):
    """Run `config`, asking it to stop (SIGTERM, as a scheduler would) at the given step."""
    import os
    import signal

    import unif2ace.train.transformer as module

    original = module.generation_loss
    count = 0

    def counting(*args, **kwargs):
        nonlocal count
        count += 1
        if count == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*args, **kwargs)

    module.generation_loss = counting
    try:
        result = train(checkpoint, features, config, OPTIONS)
    finally:
        module.generation_loss = original
    assert result.stopped_by == "signal" and result.steps == steps


def test_features_are_the_models_own_and_in_order(checkpoint, features):
    faces = read_features(features)
    assert [label.seed for label in faces.labels] == list(range(NUM_FACES))
    pictures = np.random.default_rng(0).integers(0, 255, (NUM_FACES, 32, 32, 3), dtype=np.uint8)
    model = UniF2aceForConditionalGeneration.from_pretrained(checkpoint)
    pixels = torch.from_numpy(pictures[2:3]).permute(0, 3, 1, 2).float() / 127.5 - 1
    codes, found = faces.batch([2])
    assert torch.equal(codes, model.encode_codes(pixels))
    expected = model.encode_features(pixels)
    torch.testing.assert_close(found.face, expected.face, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(found.semantic, expected.semantic, atol=2e-3, rtol=2e-3)


def test_unfinished_features_are_refused(features, tmp_path):
    with pytest.raises(ValueError, match="no finished features"):
        read_features(tmp_path)
    for path in features.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lines = (tmp_path / "labels.jsonl").read_text().splitlines()
    (tmp_path / "labels.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(ValueError, match="3 labels but"):
        read_features(tmp_path)


def test_words_are_drawn_from_the_seed_alone(features):
    faces, config = read_features(features), tiny_config(condition_dropout=0.0)

    def draw(seed):
        sample = generation_sample(
            faces,
            [0, 1],
            tiny_tokenizer(),
            config,
            rng=random.Random(seed),
            generator=torch.Generator().manual_seed(seed),
        )
        return sample.sequences.token_ids

    assert torch.equal(draw(1), draw(1))
    assert draw(1).shape != draw(2).shape or not torch.equal(draw(1), draw(2))


def test_every_question_becomes_a_labelled_turn(features):
    faces = read_features(features)
    sample = understanding_sample(
        faces,
        [0, 3],
        tiny_tokenizer(),
        tiny_config(),
        questions_per_face=3,
        rng=random.Random(0),
    )
    batch = sample.sequences
    assert batch.segments.max() == 3 and sample.features.face.shape[0] == 2
    eos = tiny_config().layout.special_id("<|eos|>")
    assert ((batch.labels == eos).sum(1) == 3).all()
    assert sample.place_words.shape == (2, min(len(ATTRIBUTES), tiny_config().num_image_tokens))


def test_what_a_place_should_say_tells_all_values_of_its_attribute_apart():
    tokenizer = PreTrainedTokenizerFast.from_pretrained(CHECKPOINT)
    for name, attribute in ATTRIBUTES.items():
        answers = [canonical_answer(name, value) for value in attribute.values]
        said = {telling_token(answer, tokenizer) for answer in [*answers, NOT_VISIBLE]}
        assert len(said) == len(answers) + 1, name


def test_each_place_says_one_attribute_or_that_it_is_hidden(features):
    label, tokenizer = read_features(features).labels[0], tiny_tokenizer()
    half = replace(label, visible=frozenset(list(ATTRIBUTES)[::2]))
    (said,) = place_words([half], tokenizer, tiny_config(image_size=128)).tolist()
    for name, word in zip(ATTRIBUTES, said, strict=True):
        is_seen = name in half.visible
        answer = canonical_answer(name, label.attributes[name]) if is_seen else NOT_VISIBLE
        assert word == telling_token(answer, tokenizer)


def test_canonical_turns_ask_each_attribute_once_and_decline_what_is_hidden(features):
    label, tokenizer = read_features(features).labels[0], tiny_tokenizer()
    half = replace(label, visible=frozenset(list(ATTRIBUTES)[::2]))
    turns = canonical_turns(half, tokenizer, random.Random(0), 100)
    assert len(turns) == len(ATTRIBUTES)
    answers = {tuple(turn.question): tokenizer.decode(turn.answer) for turn in turns}
    for name in ATTRIBUTES:
        expected = canonical_answer(name, label.attributes[name])
        question = tuple(encode_request(tokenizer, canonical_question(name)))
        assert answers[question] == (expected if name in half.visible else NOT_VISIBLE)
    assert len(canonical_turns(half, tokenizer, random.Random(0), 5)) == 5
