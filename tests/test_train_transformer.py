import io
import itertools
import json
import random
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from tiny import save_tiny, tiny_config, tiny_model, tiny_tokenizer
from torch._dynamo.testing import CompileCounterWithBackend

from unif2ace import moe as moe_module
from unif2ace.attributes import ATTRIBUTES, VOCABULARY, visible
from unif2ace.config import whole_plan
from unif2ace.losses import d3diff_loss
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.plan import PLAN_POINTS, PlanWords
from unif2ace.prompting import encode_request, generation_batch
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_TEMPERATURE
from unif2ace.sampler import lattices, posterior_means
from unif2ace.schedule import MaskSchedule
from unif2ace.synth.sampling import sample_attributes
from unif2ace.train import means, sequences
from unif2ace.train.features import (
    FaceLabel,
    make_features,
    read_features,
    write_features,
)
from unif2ace.train.images import HOLD_OUT_EVERY
from unif2ace.train.loop import TrainConfig
from unif2ace.train.objective import generation_loss, understanding_loss
from unif2ace.train.sequences import (
    ASKINGS,
    canonical_turns,
    code_weights,
    generation_sample,
    held_out_questions,
    plainly,
    plan_of,
    turns_of,
    understanding_sample,
)
from unif2ace.train.transformer import (
    TransformerBatch,
    TransformerObjective,
    TransformerOptions,
    train,
)
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
        shares = np.random.default_rng(seed).random((68, 2)).round(4)
        labels.append(
            FaceLabel(
                seed=seed,
                attributes=face,
                visible=frozenset(visible(face)),
                landmarks=[(x, y) for x, y in shares.tolist()],
            )
        )
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


def losses(out, name="loss"):
    return [json.loads(line)[name] for line in (out / "log.jsonl").read_text().splitlines()]


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


@pytest.mark.parametrize(("group", "task"), [("understanding", "place"), ("generation", "masked")])
def test_one_groups_experts_learn_alone(checkpoint, features, tmp_path, group, task):
    options = replace(OPTIONS, alone=group, face_weight=3.0)
    train(checkpoint, features, run_config(tmp_path, learning_rate=1e-2), options)
    told = losses(tmp_path, task)
    assert len(told) == 30 and np.mean(told[-5:]) < 0.97 * np.mean(told[:5])
    before, after = (
        UniF2aceForConditionalGeneration.from_pretrained(folder)
        for folder in (checkpoint, tmp_path / "model")
    )
    changed = {
        "head_digits" if name.startswith("head_digits") else tuple(name.split(".")[2:4])
        for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(a, b)
    }
    expected = {("token_moe", group), ("sequence_moe", group)}
    assert changed == expected | ({"head_digits"} if group == "generation" else set())
    assert not before.config.hears_denials
    assert after.config.hears_denials == (group == "understanding")


def test_codes_about_the_face_count_as_much_more_as_was_said(features):
    landmarks = torch.rand(4, 68, 2, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.4
    weights = code_weights(landmarks, 16, 3.0)
    torch.testing.assert_close(weights.mean(-1), torch.ones(4))
    for points, row in zip(landmarks, weights.view(4, 16, 16), strict=True):
        (left, top), (right, bottom) = points.amin(0).tolist(), points.amax(0).tolist()
        margin = (right - left) / 4
        for y, x in itertools.product(range(16), repeat=2):
            is_inside = (
                left - margin <= (x + 0.5) / 16 <= right + margin
                and top - margin <= (y + 0.5) / 16 <= bottom + margin
            )
            assert float(row[y, x]) == pytest.approx(float(row[0, 0]) * (3 if is_inside else 1))
    assert torch.equal(code_weights(landmarks, 16, 1.0), torch.ones(4, 256))
    faces, config = read_features(features), tiny_config()
    drawn = painting(faces, config, seed=0)
    assert drawn.weights.shape == drawn.codes.shape


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


def test_an_interrupted_second_writing_leaves_no_finished_features(
    checkpoint, features, tmp_path, monkeypatch
):
    folder = tmp_path / "again"
    shutil.copytree(features, folder)
    labels, saved = read_features(folder).labels, []

    def once(path, array):
        if saved:
            raise KeyboardInterrupt
        saved.append(path)

    monkeypatch.setattr("unif2ace.train.features.np.save", once)
    model = UniF2aceForConditionalGeneration.from_pretrained(checkpoint)
    pictures = np.zeros((NUM_FACES, 32, 32, 3), np.uint8)
    with pytest.raises(KeyboardInterrupt):
        write_features(model, [pictures], labels, folder)
    with pytest.raises(ValueError, match="no finished features"):
        read_features(folder)


def test_a_batch_of_held_out_faces_alone_is_passed_over(checkpoint, tmp_path):
    png = io.BytesIO()
    Image.new("RGB", (32, 32)).save(png, "PNG")
    row = {
        "attributes": json.dumps(dict(sample_attributes(1))),
        "visible": ["gender"],
        "landmarks": [0.5] * 136,
        "image": {"bytes": png.getvalue()},
    }
    seeds = [1, 2, 3, HOLD_OUT_EVERY, HOLD_OUT_EVERY * 2, HOLD_OUT_EVERY * 3]
    rows = [row | {"seed": seed} for seed in seeds]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train-0.parquet")
    out = tmp_path / "features"
    settings = {"split": "train", "batch_size": 3, "workers": 2}
    assert make_features(checkpoint, tmp_path, out, **settings) == 3
    assert [label.seed for label in read_features(out).labels] == [1, 2, 3]


COPIES = 3


def painting(faces, config, seed):
    return generation_sample(
        faces,
        [0, 1],
        tiny_tokenizer(),
        config,
        PlanWords(tiny_tokenizer(), config.plan_length),
        rng=random.Random(seed),
        generator=torch.Generator().manual_seed(seed),
        copies=COPIES,
    )


def test_words_are_drawn_from_the_seed_alone(features):
    faces, config = read_features(features), tiny_config(condition_dropout=0.0)

    def draw(seed):
        return painting(faces, config, seed).texts.token_ids

    assert torch.equal(draw(1), draw(1))
    assert draw(1).shape != draw(2).shape or not torch.equal(draw(1), draw(2))


NORMAL_SEED = next(s for s in range(999) if random.Random(s).random() > 1 - 0.9 * ASKINGS[-1].share)


def test_every_question_becomes_a_labelled_turn(features):
    faces = read_features(features)
    sample = understanding_sample(
        faces,
        [0, 3],
        tiny_tokenizer(),
        tiny_config(),
        PlanWords(tiny_tokenizer(), tiny_config().plan_length),
        questions_per_face=3,
        rng=random.Random(NORMAL_SEED),
    )
    batch = sample.turns
    count = int(batch.segments.max())
    assert count == 3 and sample.features.face.shape[0] == 2
    eos = tiny_config().layout.special_id("<|eos|>")
    assert ((batch.labels == eos).sum(1) == count).all()
    words = PlanWords(tiny_tokenizer(), tiny_config().plan_length)
    assert sample.plans.tolist() == [plan_of(faces.labels[i], words) for i in (0, 3)]
    is_told = (batch.places >= 0) & (batch.segments == 0)  # topics have places, too
    assert is_told.sum(1).tolist() == [tiny_config().num_told_words] * 2


def test_turns_of_one_kind_are_of_no_other(features):
    label, tokenizer, config = read_features(features).labels[0], tiny_tokenizer(), tiny_config()
    words = PlanWords(tokenizer, config.plan_length)
    rng = random.Random(0)
    turns = turns_of(label, [], tokenizer, config, words, rng, 40, {"yes_no": 1.0})
    said = [tokenizer.decode(turn.answer) for turn in turns]
    assert len(said) == 40 and all(answer.startswith(("Yes", "No")) for answer in said)


def test_held_out_questions_are_never_asked(features, tmp_path):
    label, tokenizer, config = read_features(features).labels[0], tiny_tokenizer(), tiny_config()
    words = PlanWords(tokenizer, config.plan_length)

    def asked(held_out):
        known = (label, [], tokenizer, config, words, random.Random(0), 30)
        return [
            tokenizer.decode(turn.question) for turn in turns_of(*known, {"yes_no": 1.0}, held_out)
        ]

    plain = plainly(canonical_question("hair_color"))
    known = (label, [], tokenizer, config, words, random.Random(0), 99)
    fixed = [len(canonical_turns(*known, frozenset(held))) for held in ([], [plain])]
    assert fixed[0] == len(config.attributes) == fixed[1] + 1
    free = asked(frozenset())
    path = tmp_path / "exam.jsonl"
    path.write_text("\n".join(json.dumps({"question": text.upper() + "?!"}) for text in free[:5]))
    held_out = held_out_questions(path)
    assert held_out == {plainly(text) for text in free[:5]}
    assert asked(held_out) == [text for text in free if plainly(text) not in held_out]
    path.write_text("{}")
    with pytest.raises(ValueError, match="holds no questions"):
        held_out_questions(path)


def test_the_model_is_saved_before_it_is_looked_at(checkpoint, features, tmp_path, monkeypatch):
    def fail(model, tokenizer, path):
        raise OSError("no room for the sheet")

    monkeypatch.setattr("unif2ace.train.transformer.sample_sheet", fail)
    with pytest.raises(OSError, match="no room"):
        train(checkpoint, features, run_config(tmp_path, steps=1))
    UniF2aceForConditionalGeneration.from_pretrained(tmp_path / "model")


def test_a_face_plans_what_can_be_seen_and_where_its_landmarks_lie(features):
    label = read_features(features).labels[0]
    words = PlanWords(tiny_tokenizer(), whole_plan(VOCABULARY))
    half = replace(label, visible=frozenset(list(ATTRIBUTES)[::2]))
    plan = words.decode(plan_of(half, words))
    for name, value in plan.values.items():
        assert value == (label.attributes[name] if name in half.visible else NOT_VISIBLE)
    for found, index in zip(plan.points, PLAN_POINTS, strict=True):
        assert found == pytest.approx(label.landmarks[index], abs=1 / 128 + 1e-4)


def test_painting_learns_each_word_of_the_plan_from_the_words_before_it(features):
    faces, config, model = read_features(features), tiny_config(condition_dropout=0.0), tiny_model()
    sample = painting(faces, config, seed=0)
    text, parts = sample.texts, generation_loss(model, sample).parts
    rows = [row[row >= 0] for row in text.places]
    assert [row.tolist() for row in rows] == [list(range(config.plan_length))] * 2
    said = model(**text.inputs(), group="generation")
    nats = []
    for row in range(2):
        for column in range(text.token_ids.shape[1]):
            if text.places[row, column] >= 0:
                log_probs = model.text_logits(said.hidden[row, column - 1]).log_softmax(-1)
                nats.append(-log_probs[text.token_ids[row, column]])
    torch.testing.assert_close(parts["plan"], torch.stack(nats).mean())


def test_masked_copies_behind_one_text_lose_as_whole_sequences_do(features):
    faces, config, model = read_features(features), tiny_config(), tiny_model()
    sample = painting(faces, config, seed=0)
    prompts = [
        row[real].tolist()
        for row, real in zip(sample.texts.token_ids, sample.texts.segments >= 0, strict=True)
    ]
    noisy = torch.where(sample.is_masked, config.layout.mask_code, sample.codes)
    assert len(noisy) == COPIES * len(prompts) and sample.is_masked.any()
    whole = generation_batch([p for p in prompts for _ in range(COPIES)], noisy, config)
    output = model(**whole.inputs(), group="generation", image_start=whole.image_start)
    span = slice(whole.image_start, whole.image_start + config.num_image_tokens)
    expected = d3diff_loss(
        model.code_logits(output.hidden[:, span][sample.is_masked]),
        sample.codes,
        sample.is_masked,
        sample.times,
        schedule=MaskSchedule(config.schedule),
        alpha=config.score_weight,
    )
    loss = generation_loss(model, sample)
    parts, balance = loss.parts, loss.parts["balance_generation"]
    torch.testing.assert_close(
        loss.total, expected.total + parts["plan"] + config.moe.balance_weight * balance
    )
    assert config.moe.balance_weight * balance > 1e-3  # large enough to be missed above
    torch.testing.assert_close(parts["masked"], expected.masked.detach())
    torch.testing.assert_close(parts["score"], expected.score.detach())


def test_faces_without_a_caption_have_no_plan_either(features):
    faces, config = read_features(features), tiny_config(condition_dropout=0.999)
    sample = painting(faces, config, seed=0)
    assert (sample.texts.places < 0).all()
    parts = generation_loss(tiny_model(), sample).parts  # named all the same, for other processes
    assert parts["plan"] == parts["plan_accuracy"] == 0


def test_canonical_turns_ask_each_attribute_once_and_decline_what_is_hidden(features):
    label, tokenizer, config = read_features(features).labels[0], tiny_tokenizer(), tiny_config()
    words = PlanWords(tokenizer, config.plan_length)
    half = replace(label, visible=frozenset(list(ATTRIBUTES)[::2]))
    told = plan_of(half, words)[: config.num_told_words]
    turns = canonical_turns(half, told, tokenizer, config, words, random.Random(0), 100)
    assert len(turns) == len(ATTRIBUTES)
    answers = {tuple(turn.question): tokenizer.decode(turn.answer) for turn in turns}
    for name in ATTRIBUTES:
        expected = canonical_answer(name, label.attributes[name])
        question = tuple(encode_request(tokenizer, canonical_question(name)))
        assert answers[question] == (expected if name in half.visible else NOT_VISIBLE)
    thoughts = {tuple(turn.question): turn.thoughts for turn in turns}
    for name in ATTRIBUTES:
        found = thoughts[tuple(encode_request(tokenizer, canonical_question(name)))]
        assert found == words.thoughts(name, frozenset(), told)
    assert len(canonical_turns(half, told, tokenizer, config, words, random.Random(0), 5)) == 5


def test_a_question_for_yes_or_no_is_thought_over_with_what_it_asks_for(features):
    label, tokenizer, config = read_features(features).labels[0], tiny_tokenizer(), tiny_config()
    words = PlanWords(tokenizer, config.plan_length)
    told, rng = plan_of(label, words)[: config.num_told_words], random.Random(0)
    turns = turns_of(label, told, tokenizer, config, words, rng, 300, {"yes_no": 1.0})
    asked = {
        words.thoughts(name, {value}, told): value == label.attributes[name]
        for name in words.names
        for value in ATTRIBUTES[name].values
        if name in label.visible
    }
    found = [turn for turn in turns if turn.thoughts in asked]
    assert len(found) > 5
    for turn in found:
        answer = tokenizer.decode(turn.answer)
        assert answer.startswith("Yes" if asked[turn.thoughts] else "No"), answer


def test_every_way_of_asking_fills_batches_of_its_own(features, monkeypatch):
    faces, tokenizer, config = read_features(features), tiny_tokenizer(), tiny_config()
    words, rng, eos = PlanWords(tokenizer, 4), random.Random(0), config.layout.special_id("<|eos|>")
    canonical = [encode_request(tokenizer, canonical_question(name)) for name in ATTRIBUTES]
    assert sum(way.share for way in ASKINGS) == pytest.approx(1)

    def shape():
        """Questions a face; whether they are answered; whether all of the first face's are ours."""
        turns = understanding_sample(
            faces, [0, 3], tokenizer, config, words, questions_per_face=6, rng=rng
        ).turns
        count, answered = int(turns.segments.max()), (turns.labels == eos).sum(1).tolist()
        assert answered in ([count] * 2, [0, 0])
        ids = turns.token_ids[0].tolist()
        fixed = sum(
            ids[i : i + len(question)] == question
            for question in canonical
            for i in range(len(ids))
        )
        return count, bool(answered[0]), fixed >= count

    expected = [(round(6 * way.count), way.is_answered, way.is_canonical) for way in ASKINGS]
    assert len({(*row, str(way.kinds)) for row, way in zip(expected, ASKINGS, strict=True)}) == len(
        ASKINGS
    )
    assert {shape() for _ in range(240)} == set(expected)
    for way, wanted in zip(ASKINGS, expected, strict=True):
        monkeypatch.setattr(sequences, "ASKINGS", (way,))
        assert shape() == wanted


@torch.inference_mode()
def test_means_are_those_of_each_faces_own_codes(checkpoint, features, tmp_path, monkeypatch):
    faces = read_features(features)
    pipe = UniF2acePipeline.from_pretrained(checkpoint, quantization=None)

    def caption(label, style, tokenizer, config, rng, words):
        return [*pipe.check_prompt(f"number {label.seed}"), *plan_of(label, words)]

    monkeypatch.setattr(means, "prompt_of", caption)
    monkeypatch.setattr(means, "fastest_precision", lambda: "no")
    monkeypatch.setattr(means, "BATCH_SIZE", 2)
    written = tmp_path / "means.npz"
    assert means.write_means(checkpoint, features, written, count=3, misled_share=0) == 3
    with np.load(tmp_path / "means.npz") as file:
        seeds, latents = file["seeds"], file["latents"]
    assert seeds.tolist() == [label.seed for label in faces.labels[:3]]
    for i, label in enumerate(faces.labels[:3]):
        alone = posterior_means(
            pipe.code_logits_fn([caption(label, *[None] * 4, pipe.plan_words)], DEFAULT_GUIDANCE),
            faces.batch([i])[0],
            pipe.model.code_values(),
            mask_code=pipe.config.layout.mask_code,
            parts=lattices(pipe.config.grid),
            temperature=DEFAULT_TEMPERATURE,
        )
        np.testing.assert_allclose(latents[i], alone[0].T.numpy(), atol=2e-3)
    means.write_means(checkpoint, features, written, count=3, misled_share=1)
    with np.load(written) as file:
        assert abs(file["latents"] - latents).max() > 1e-2  # freckles are the one detail of four


def test_a_misleading_plan_tells_some_details_otherwise_and_all_else_as_it_is(features):
    label, tokenizer = read_features(features).labels[0], tiny_tokenizer()
    words = PlanWords(tokenizer, len(VOCABULARY))
    plan, rng, altered = plan_of(label, words), random.Random(0), set()
    for _ in range(40):
        other = means.misled(plan, words, rng)
        for place, (old, new) in enumerate(zip(plan, other, strict=True)):
            if new != old:
                values = words.words[place]
                assert new in values.values() and NOT_VISIBLE not in (
                    next(v for v, word in values.items() if word == each) for each in (old, new)
                )
                altered.add(words.names[place])
    assert altered == means.DETAILS & label.visible
    assert {"eye_color", "piercing"} <= means.DETAILS and "gender" not in means.DETAILS


def one_batch(faces, config):
    words = PlanWords(tiny_tokenizer(), config.plan_length)
    return TransformerBatch(
        generation=painting(faces, config, seed=0),
        understanding=understanding_sample(
            faces,
            [0, 1, 2],
            tiny_tokenizer(),
            config,
            words,
            questions_per_face=2,
            rng=random.Random(0),
        ),
        seed=0,
    )


@pytest.mark.parametrize("weight", [0.5, 8.0])
def test_reading_weighs_as_much_as_it_is_told_to(features, weight):
    batch, model = one_batch(read_features(features), tiny_config()), tiny_model()
    loss, parts = TransformerObjective(model, 0.0, weight)(batch, 0.0)
    painting_, reading = (
        generation_loss(model, batch.generation),
        understanding_loss(model, batch.understanding),
    )
    torch.testing.assert_close(loss, painting_.total + weight * reading.total)
    assert parts.keys() == painting_.parts.keys() | reading.parts.keys()
    with pytest.raises(ValueError, match="weight must be positive"):
        TransformerOptions(reading_weight=0)


def test_compiled_layers_lose_alike_and_all_layers_share_what_is_compiled(features, monkeypatch):
    """Traced whole, without a break; the fused kernels themselves are torch's own matter."""
    counter = CompileCounterWithBackend("aot_eager")
    monkeypatch.setattr(moe_module, "is_batched", lambda x: True)
    faces, config = read_features(features), tiny_config()
    batch = one_batch(faces, config)
    objective = TransformerObjective(tiny_model().train(), exploration=0.0)
    leaves = list(objective.model.blocks.parameters())
    losses, gradients = [], []
    for is_compiled in (False, True):
        if is_compiled:
            monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
            torch.compiler.reset()
            objective.compile_parts()
        loss, _ = objective(batch, 0.0)
        gradients.append(
            torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        )
        losses.append(loss)
    torch.testing.assert_close(*losses)
    for plain, compiled in zip(*gradients, strict=True):
        torch.testing.assert_close(compiled, plain, atol=1e-4, rtol=1e-3)
    # before and behind the cache; painting and reading, text and pictures
    frames = counter.frame_count
    assert 4 <= frames <= 8 < 2 * 4 * config.num_layers
    objective.eval()
    UniF2acePipeline(objective.model, tiny_tokenizer(), checkpoint="x").generate("a man", steps=2)
    assert counter.frame_count == frames  # painting is not compiled


def test_noise_on_routing_is_not_compiled():
    with pytest.raises(ValueError, match="--exploration 0"):
        TransformerOptions(is_compiled=True)
