import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import save_tiny, tiny_config, tiny_model, tiny_tokenizer

from unif2ace.areas import AREA_POINTS
from unif2ace.attributes import ATTRIBUTES
from unif2ace.checkpoint import check_place, checkpoint_name
from unif2ace.config import whole_plan
from unif2ace.pipeline import NOT_VISIBLE, UniF2acePipeline, to_image, to_pixels
from unif2ace.prompting import encode_request, generation_batch, prompt_ids
from unif2ace.records import (
    DEFAULT_GUIDANCE,
    DEFAULT_TEMPERATURE,
    MOST_OTHERS,
)
from unif2ace.regions import region_tokens, surrounded
from unif2ace.sampler import posterior_means
from unif2ace.steering import FRAMES, seen_nats
from unif2ace.vq import Told
from unif2ace.wording import canonical_answer, canonical_question, likeliest_value


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def pipe(folder):
    return UniF2acePipeline.from_pretrained(folder, quantization=None, device="cpu")


PICTURE = Image.fromarray(
    np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8), "RGB"
)


def test_one_seed_one_picture(pipe):
    first, again = (pipe.generate("an old man", seed=3, steps=3)[0] for _ in range(2))
    other = pipe.generate("an old man", seed=4, steps=3)[0]
    assert first.codes == again.codes and first.image.tobytes() == again.image.tobytes()
    assert first.codes != other.codes and first.settings.seed == 3


def test_picture_i_of_many_is_the_picture_of_seed_plus_i(pipe):
    many = pipe.generate("a woman", seed=5, steps=2, num_images=3)
    for i, face in enumerate(many):
        assert face.seed == 5 + i
        assert face.codes == pipe.generate("a woman", seed=5 + i, steps=2)[0].codes


def test_a_drawn_seed_is_told_and_repeats(pipe):
    face = pipe.generate("a woman", steps=2)[0]
    assert pipe.generate("a woman", seed=face.seed, steps=2)[0].codes == face.codes


def test_steps_show_fewer_and_fewer_masks_and_end_with_the_face(pipe):
    steps = list(pipe.generate_steps("a face", seed=1, steps=4))
    masked = [int(step.is_masked.sum()) for step in steps]
    assert masked == sorted(masked, reverse=True) and masked[-1] == 0
    assert [step.face is None for step in steps] == [True, True, True, False]
    assert steps[-1].preview.tobytes() == steps[-1].face.image.tobytes()
    assert all(step.preview.size == (32, 32) for step in steps)


OPEN = np.array([[True, False], [True, True]])  # of the tiny model's 2 x 2 tokens


def test_an_edit_keeps_the_codes_outside_its_mask(pipe):
    kept = pipe.encode(PICTURE).codes[0][torch.from_numpy(~OPEN).flatten()].tolist()
    edits = [pipe.edit(PICTURE, OPEN, "an old man", seed=s, steps=2)[0] for s in (1, 1, 2)]
    for edit in edits:
        assert [
            code for code, is_open in zip(edit.codes, OPEN.flat, strict=True) if not is_open
        ] == kept
    assert edits[0].codes == edits[1].codes and edits[0].image == edits[1].image
    assert all(
        a != b for a, b, o in zip(edits[0].codes, edits[2].codes, OPEN.flat, strict=True) if o
    )


def test_an_edit_of_everything_is_a_new_picture(pipe):
    how = {"seed": 3, "steps": 4, "guidance": 2.0, "num_images": 2}
    edits = pipe.edit(PICTURE, np.ones((2, 2), bool), "an old man", **how)
    for edit, face in zip(edits, pipe.generate("an old man", **how), strict=True):
        assert edit.codes == face.codes and edit.seed == face.seed
        assert vars(edit.settings) == vars(face.settings) | {"region": "mask"}


def test_an_edit_follows_its_words_as_far_as_guidance_asks(pipe):
    def codes(prompt, guidance):
        seeds = range(0, 12, 4)
        how = {"guidance": guidance, "num_images": 4}
        edits = [pipe.edit(PICTURE, OPEN, prompt, seed=seed, **how) for seed in seeds]
        return [edit.codes for row in edits for edit in row]

    assert codes("a man", 10.0) != codes("a young woman with red hair", 10.0)
    assert codes("a man", 10.0) != codes("a man", 1.0)


def test_edit_steps_open_the_mask_and_then_close_it(pipe):
    steps = list(pipe.edit_steps(PICTURE, OPEN, "a woman", seed=1, steps=4))
    assert len(steps) == steps[0].num_steps == 4
    assert all((step.is_masked <= OPEN).all() for step in steps)
    # three tokens are painted one by one; the step that is left goes over some of them again
    assert [int(step.is_masked.sum()) for step in steps] == [2, 1, 0, 0]
    assert steps[-1].face.settings.steps == 4


def test_masks_come_as_tokens_as_pictures_and_as_region_names(pipe):
    def codes(mask):
        return pipe.edit(PICTURE, mask, "a woman", seed=1)[0].codes

    # 60 x 40: the square between columns 10 and 50 counts
    drawn = Image.new("L", PICTURE.size)
    for box in ((12, 2, 14, 3), (29, 21, 31, 38)):
        drawn.paste(255, box)
    assert codes(drawn) == codes(drawn.convert("1")) == codes(OPEN)
    with torch.no_grad():
        pixels = to_pixels(PICTURE, 32)
        landmarks = pipe.model.read_face(pixels).landmarks[0].numpy()
    assert codes("mouth") == codes(region_tokens("mouth", landmarks, 2))
    assert pipe.edit(PICTURE, "mouth", "a woman")[0].settings.region == "mouth"


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("beard", "'beard'; known: hair"),
        (np.zeros((2, 2), bool), "marks nothing"),
        (Image.new("L", (9, 9)), "marks nothing"),
        (Image.new("RGB", (9, 9)), "'RGB'"),
        (np.ones((3, 2), bool), r"shape \(2, 2\), got bool \(3, 2\)"),
        (np.ones((2, 2)), "float64"),
        (None, r"object \(\)"),
    ],
)
def test_impossible_masks_raise_before_any_step(pipe, mask, message):
    with pytest.raises(ValueError, match=message):
        pipe.edit_steps(PICTURE, mask, "a face")


def test_impossible_edits_raise_before_any_step(pipe):
    for changes, message in (({"prompt": " "}, "empty"), ({"steps": 65}, "got 65")):
        with pytest.raises(ValueError, match=message):
            pipe.edit_steps(**{"image": PICTURE, "mask_or_region": OPEN, "prompt": "x"} | changes)
    with pytest.raises(ValueError, match="NoneType"):
        pipe.edit_steps(None, "hair", "a face")


@torch.no_grad()
def test_cached_logits_are_those_of_the_whole_sequence(pipe):
    config = pipe.config
    prompts = [prompt_ids(encode_request(pipe.tokenizer, t), config) for t in ("an old man", "")]
    codes = torch.tensor([[1, 2, config.layout.mask_code, 3]] * 4)
    logits_fn = pipe.code_logits_fn([prompts[0]] * 2 + [prompts[1]] * 2)
    places = torch.tensor([[0, 2], [1, 3], [2, 3], [0, 1]])
    for _ in range(2):  # a second call must not see the first one's keys
        fast = logits_fn(codes, places)
    batch = generation_batch([prompts[0]] * 2 + [prompts[1]] * 2, codes, config)
    output = pipe.model(**batch.inputs(), group="generation", image_start=batch.image_start)
    span = slice(batch.image_start, batch.image_start + config.num_image_tokens)
    slow = pipe.model.code_logits(output.hidden[:, span])
    for row, at in enumerate(places):
        torch.testing.assert_close(fast[row], slow[row, at], atol=1e-4, rtol=1e-4)


def test_a_picture_shows_the_means_of_its_codes_and_an_edit_what_it_kept(pipe):
    face = pipe.generate("an old man", seed=5, steps=2)[0]
    prompt = pipe.check_prompt("an old man")
    plan = pipe.plan_words.encode(face.plan.values, face.plan.points)
    codes = torch.tensor([face.codes])

    def shown(codes, prompt, parts):
        means = posterior_means(
            pipe.code_logits_fn([prompt], DEFAULT_GUIDANCE),
            codes,
            pipe.model.code_values(),
            mask_code=pipe.config.layout.mask_code,
            parts=parts,
            temperature=DEFAULT_TEMPERATURE,
        )
        return to_image(pipe.model.decode_latents(means)[0])

    parts = [torch.tensor([place]) for place in range(4)]  # no two of the four do not touch
    assert face.image.tobytes() == shown(codes, prompt + plan, parts).tobytes()
    assert face.image.tobytes() != to_image(pipe.model.decode_codes(codes)[0]).tobytes()
    mask, steps = np.array([[False, True], [False, False]]), []
    edited = pipe.edit(face.image, mask, "an old man", seed=5, steps=2, callback=steps.append)[0]
    plan = pipe.plan_words.encode(edited.plan.values, edited.plan.points)
    expected = shown(torch.tensor([edited.codes]), prompt + plan, [torch.tensor([1])])
    expected = surrounded(expected, face.image, mask)
    assert edited.image.tobytes() == expected.tobytes()
    painted = []  # a preview shows the means so far, amid what is kept
    with pytest.MonkeyPatch.context() as patch:
        decode = pipe.model.decode_latents
        patch.setattr(
            pipe.model,
            "decode_latents",
            lambda latents, told: painted.append(decode(latents, told)) or painted[-1],
        )
        how = {"seed": 5, "steps": 2, "callback": steps.append}
        pipe.edit(face.image, mask, "an old man", **how)
        pipe.edit(face.image, np.ones((2, 2), bool), "an old man", **how)
    assert len(painted) == 4 and len(steps) == 6
    for step, pixels in zip(steps[2:4], painted[:2], strict=True):
        expected = surrounded(to_image(pixels[0]), face.image, mask)
        assert step.preview.tobytes() == expected.tobytes() != face.image.tobytes()
    for step, pixels in zip(steps[4:], painted[2:], strict=True):  # nothing is left of it
        assert step.preview.tobytes() == to_image(pixels[0]).tobytes()


@torch.no_grad()
def test_looks_pull_towards_what_is_asked(pipe):
    def steering(prompt, strength=3.0):
        return pipe._steering(pipe._settings(prompt, 0, 4, 2.0, 2, strength)[1], told)

    width = pipe.model.code_values().shape[1]
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(2, 4, width, generator=generator)
    words = torch.randint(0, 2, (2, len(pipe.config.encoders.attributes)), generator=generator)
    told = Told(words=words, points=torch.rand(2, 9, 2, generator=generator))
    gradient = steering("an old man").gradient_fn(means, 2)
    vocabulary = dict(pipe.config.encoders.attributes)
    asked = {"age": "old", "gender": "man"}.items()
    wished = {name: (vocabulary[name].index(v),) for name, v in asked if name in vocabulary}
    assert wished

    def seen(latents, row):
        read = pipe.model.read_latents(latents, FRAMES[2], told.row(row)).attribute_logits
        return float(seen_nats(read, wished))

    for row in range(2):
        here, way = means[row : row + 1], gradient[row : row + 1]
        step = 0.002 * way / way.norm()
        slope = (seen(here + step, row) - seen(here - step, row)) / 0.004
        assert slope == pytest.approx(float(way.norm()), rel=0.05) and slope > 0
    assert steering("a face") is steering("an old man", 0.0) is None


@torch.inference_mode()
def test_the_decoder_is_told_the_plan_of_each_picture():
    some = (("eye_color", ("brown", "blue")), ("gender", ("woman", "man")))
    encoders = replace(tiny_config().encoders, attributes=some)
    torch.manual_seed(0)
    config = tiny_config(encoders=encoders, plan_length=whole_plan(some))
    pipe = UniF2acePipeline(type(tiny_model())(config).eval(), tiny_tokenizer())
    torch.nn.init.normal_(pipe.model.image_tokenizer.telling.words.weight)
    shown, steps = [], []
    pipe.model.decode_latents = lambda latents, told: (
        shown.append((latents, told)) or type(pipe.model).decode_latents(pipe.model, latents, told)
    )
    faces = pipe.generate("a man", seed=0, steps=2, num_images=2, callback=steps.append)
    plans = [pipe.plan_words.encode(face.plan.values, face.plan.points) for face in faces]
    told = pipe.plan_words.told(torch.tensor(plans))
    assert (told.words >= 0).all() and told.points.isfinite().all()
    assert not torch.equal(told.points[0], told.points[1])
    preview, *last = shown  # the last step shows the faces themselves
    for (latents, heard), row, picture in (
        (preview, 0, steps[0].preview),
        (last[0], 0, faces[0].image),
        (last[1], 1, faces[1].image),
    ):
        assert torch.equal(heard.words, told.words[row : row + 1])
        torch.testing.assert_close(heard.points, told.points[row : row + 1])
        pixels = pipe.model.image_tokenizer.decode_latents(latents.transpose(1, 2), (2, 2), heard)
        assert to_image(pixels[0]).tobytes() == picture.tobytes()
    part, gaps = np.array([[True, False], [False, False]]), []
    known_well = pipe._is_known_well
    pipe._is_known_well = lambda plan, landmarks: gaps.append((plan, landmarks)) or True
    (edited,) = pipe.edit(faces[0].image, part, "a man", seed=0, steps=1)
    plan = torch.tensor([pipe.plan_words.encode(edited.plan.values, edited.plan.points)])
    assert torch.equal(shown[-1][1].words, pipe.plan_words.told(plan).words)
    torch.testing.assert_close(shown[-1][1].points, pipe.plan_words.told(plan).points)
    # of a picture whose plan has the face elsewhere, nothing is heard
    ((plan, landmarks),) = gaps
    read = pipe.model.read_face(pipe._pixels(faces[0].image))
    torch.testing.assert_close(landmarks, read.landmarks[0])
    assert not known_well(plan, landmarks)  # four image places tell no points
    plan, points = plans[0], told.points[0]
    for gap, is_well in ((0.0, True), (0.03, True), (0.04, False), (math.nan, False)):
        moved = torch.zeros(68, 2).index_copy(0, torch.tensor(AREA_POINTS), points)
        assert known_well(plan, moved + torch.tensor([gap, 0.0])) == is_well
    answers = [True, False]
    pipe._is_known_well = lambda *known: gaps.append(known) or answers.pop(0)
    assert pipe.hears_plan(faces[0].image) and not pipe.hears_plan(faces[0].image)
    assert all(words == gaps[0][0] and torch.equal(at, landmarks) for words, at in gaps)
    pipe._is_known_well = lambda plan, landmarks: False
    pipe.edit(faces[0].image, part, "a man", seed=0, steps=1)
    assert shown[-1][1].points.isnan().all()
    everything = np.ones((2, 2), dtype=bool)  # all is painted anew, so its plan is its own
    pipe.edit(faces[0].image, everything, "a man", seed=0, steps=1)
    assert shown[-1][1].points.isfinite().all()


def test_each_of_many_pictures_is_shown_as_its_own_pulls_have_it(pipe):
    wanted = pipe._settings("an old man", 5, 4, DEFAULT_GUIDANCE, 2, 10.0)
    job = pipe._job(*wanted, 2)
    plans = pipe._plans(job)
    *_, last = pipe._sample(job, plans)
    assert last.pulls.abs().amax((1, 2)).min() > 0
    faces = pipe.generate("an old man", seed=5, steps=4, num_images=2, steering=10.0)
    for i, face in enumerate(faces):
        means = posterior_means(
            pipe.code_logits_fn([job.prompt + plans[i].tolist()], DEFAULT_GUIDANCE),
            last.codes[i : i + 1],
            pipe.model.code_values(),
            mask_code=pipe.config.layout.mask_code,
            parts=[torch.tensor([place]) for place in range(4)],
            temperature=DEFAULT_TEMPERATURE,
            pulls=last.pulls[i : i + 1],
        )
        assert face.image.tobytes() == to_image(pipe.model.decode_latents(means)[0]).tobytes()
        alone = pipe.generate("an old man", seed=5 + i, steps=4, steering=10.0)[0]
        assert alone.codes == face.codes


def test_looking_changes_the_picture(pipe):
    plain, steered = (
        pipe.generate("an old man", seed=1, steps=4, steering=strength)[0] for strength in (0, 10)
    )
    assert plain.image.tobytes() != steered.image.tobytes()
    assert (plain.settings.steering, steered.settings.steering) == (0, 10)


def test_steering_an_edit_lets_the_rest_of_the_picture_be(pipe):
    kept = np.array([[True, False], [False, False]])  # three open codes: a look before the second
    codes = pipe.encode(PICTURE).codes[0]
    edited, plain = (
        pipe.edit(PICTURE, ~kept, "an old man", seed=3, steps=4, steering=strength)[0]
        for strength in (10.0, 0.0)
    )
    assert edited.image.tobytes() != plain.image.tobytes()
    assert np.array_equal(np.array(edited.codes)[kept.flatten()], codes[kept.flatten()])


@pytest.mark.parametrize("count", [1, 3])
def test_a_step_of_painting_passes_images_alone_and_text_passes_once(pipe, monkeypatch, count):
    passes, forward = [], pipe.model.forward

    def counted(token_ids, **options):
        passes.append(tuple(token_ids.shape))
        return forward(token_ids, **options)

    monkeypatch.setattr(pipe.model, "forward", counted)
    prompt = prompt_ids(encode_request(pipe.tokenizer, "an old man"), pipe.config)
    prompts = [[*prompt, 5 + i] for i in range(count)]
    logits_fn = pipe.code_logits_fn(prompts, 3.0)
    codes = torch.full((count, 4), pipe.config.layout.mask_code)
    for _ in range(2):
        logits_fn(codes, torch.tensor([[0, 2]] * count))
    text, *steps = passes
    assert text == (count + 1, len(prompt) + 1)  # one empty prompt for all
    assert steps == [(2 * count, pipe.config.num_image_tokens + 2)] * 2


def test_streamed_text_grows_to_the_answer(pipe):
    parts = list(pipe.answer_stream(PICTURE, "What color is the hair?", max_new_tokens=8))
    answer = pipe.answer(PICTURE, "What color is the hair?", max_new_tokens=8)
    assert parts[-1] == answer and answer.num_tokens <= 8
    assert [part.num_tokens for part in parts] == list(range(answer.num_tokens + 1))
    assert {(part.topic, part.others) for part in parts} == {(answer.topic, answer.others)}
    assert len(answer.others) <= MOST_OTHERS and answer.topic not in answer.others
    assert answer == pipe.answer(PICTURE, "  what color IS the hair?", max_new_tokens=8)


@torch.inference_mode()
def test_attribute_probabilities_are_what_the_image_places_say(pipe):
    names = pipe.plan_words.names
    assert len(names) == 4  # the others have no place
    table = pipe.attributes(PICTURE, [names[2], names[0]])
    assert list(table) == [names[2], names[0]]
    logits, _ = pipe._look(pipe.encode(PICTURE))
    for name, probs in table.items():
        place = names.index(name)
        words = pipe.plan_words.words[place]
        assert list(probs) == [*ATTRIBUTES[name].values, NOT_VISIBLE] == list(words)
        mass = sum(math.exp(logits[0, place, word]) for word in words.values())
        for value, word in words.items():
            assert probs[value] == pytest.approx(math.exp(logits[0, place, word]) / mass, abs=1e-5)
    said = pipe.plan_words.decode(pipe.read_plan(pipe.encode(PICTURE))).values
    assert all(said[name] == likeliest_value(probs) for name, probs in table.items())


@torch.inference_mode()
def test_the_face_encoder_has_its_say_in_what_places_say(pipe):
    picture = pipe.encode(PICTURE)
    seen, _ = pipe._seen(picture)
    said = pipe.model.text_logits(seen.hidden[:, -1 - pipe.config.num_image_tokens : -1])
    face = pipe.model.read_face(pipe._pixels(PICTURE))
    expected = pipe.plan_words.joined(said, face.attribute_logits)
    torch.testing.assert_close(pipe._look(picture)[0], expected)
    assert not torch.allclose(expected, said)


@torch.inference_mode()
def test_attributes_without_a_place_are_answer_likelihoods(pipe):
    table = pipe.attributes(PICTURE, ["hat", "glasses"])
    assert list(table) == ["hat", "glasses"]
    for name, probs in table.items():
        assert list(probs) == [*ATTRIBUTES[name].values, NOT_VISIBLE]
        assert sum(probs.values()) == pytest.approx(1, abs=1e-5)
    # brute force: one value at a time, token by token, through the streaming path
    picture = pipe.encode(PICTURE)
    nats = []
    for value in table["hat"]:
        pairs = [("hat", value)]
        nats.append(pipe._answer_log_likelihoods(*pipe._look(picture), pairs))
    slow = torch.cat(nats).softmax(0)
    torch.testing.assert_close(
        torch.tensor(list(table["hat"].values())), slow, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("part", "times", "use"),
    [
        ("blocks.0", 2, lambda pipe: pipe.attributes(PICTURE, ["gender", "hat"])),  # then words
        ("face_encoder", 1, lambda pipe: pipe.edit(PICTURE, "face", "a man", seed=1, steps=1)),
    ],
)
def test_a_picture_is_looked_at_once(pipe, part, times, use):
    seen = []
    hook = pipe.model.get_submodule(part).register_forward_hook(lambda *call: seen.append(1))
    use(pipe)
    hook.remove()
    assert len(seen) == times


def test_score_asks_what_the_prompt_names(pipe):
    scores = pipe.score(PICTURE, {"hat": "beanie", "age": "old"})
    table = pipe.attributes(PICTURE, ["hat", "age"])
    assert scores == {"hat": table["hat"]["beanie"], "age": table["age"]["old"]}
    assert set(pipe.score(PICTURE, "an old man with round glasses")) >= {"age", "gender", "glasses"}


def test_of_what_a_prompt_leaves_open_any_value_will_do(pipe):
    prompt = "a man with glasses and a beard"
    assert pipe.wanted(prompt) == {
        "gender": ("man",),
        "facial_hair": ("full beard", "goatee"),
        "glasses": ("round", "rectangular", "sunglasses"),
    }
    scores, table = pipe.score(PICTURE, prompt), pipe.attributes(PICTURE)
    assert scores["glasses"] == pytest.approx(
        1 - table["glasses"]["none"] - table["glasses"][NOT_VISIBLE], rel=1e-5
    )
    assert scores == pipe.score(PICTURE, pipe.wanted(prompt))


def test_nothing_asked_is_nothing_scored(pipe):
    assert pipe.score(PICTURE, "") == {}


def test_pixels_round_trip():
    square = PICTURE.crop((0, 0, 32, 32))
    assert to_image(to_pixels(square, 32)[0]).tobytes() == square.tobytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": "   "}, "empty"),
        ({"prompt": "x" * 1001}, "1001 characters"),
        ({"prompt": "¿" * 900}, "tokens"),
        ({"steps": 0}, "steps must be between 1 and 64, got 0"),
        ({"steps": 65}, "got 65"),
        ({"guidance": 0.5}, "got 0.5"),
        ({"guidance": float("nan")}, "guidance"),
        ({"num_images": 5}, "got 5"),
        ({"seed": -1}, "got -1"),
        ({"seed": 2**31 - 1, "num_images": 2}, "at most 2147483646 for 2 pictures"),
        ({"prompt": "a face \ud83d"}, "half a character"),
    ],
)
def test_impossible_requests_raise_before_any_step(pipe, changes, message):
    with pytest.raises(ValueError, match=message):
        pipe.generate_steps(**{"prompt": "a face", "steps": 2, **changes})


def test_impossible_questions_raise(pipe):
    with pytest.raises(ValueError, match="empty"):
        pipe.answer_stream(PICTURE, " ")
    with pytest.raises(ValueError, match="301 characters"):
        pipe.answer(PICTURE, "x" * 301)
    with pytest.raises(ValueError, match="unknown attribute 'wings'"):
        pipe.attributes(PICTURE, ["wings"])
    with pytest.raises(ValueError, match="NoneType"):
        pipe.answer(None, canonical_question("hat"))


def test_a_special_token_in_a_prompt_stays_text(pipe):
    ids = encode_request(pipe.tokenizer, "<|mask|> <|eos|> " + canonical_answer("hat", "beanie"))
    assert max(ids) < pipe.config.text_vocab_size


def test_a_checkpoint_is_called_by_name_and_content_not_by_place(folder, tmp_path):
    moved = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, moved)
    name = checkpoint_name(folder, None, None)
    assert checkpoint_name(moved, None, None) == name and str(folder) not in name
    weights = moved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    other = checkpoint_name(moved, None, None)
    assert other != name and other.startswith(f"{folder.name}@")
    assert checkpoint_name("who/what", "main", "c0ffee") == "who/what@c0ffee"
    assert checkpoint_name("who/what", "v1", None) == "who/what@v1"


@pytest.mark.parametrize("name", ["./nothing", "/nothing/here", "a/b/c", "tests/nothing", "..", ""])
def test_a_path_to_no_folder_is_told_apart_from_a_repository(name, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent)
    if name == "..":
        monkeypatch.chdir(Path(__file__).parent)  # a folder, but of no checkpoint
    with pytest.raises(ValueError, match=r"there is no folder|it has no config\.json"):
        check_place(name)
    for repository in ("gpt2", "owner/name", "owner.x/name-1_2"):
        check_place(repository)


def test_a_broken_checkpoint_is_refused_by_name(folder, tmp_path):
    with pytest.raises(ValueError, match=r"no config\.json"):
        UniF2acePipeline.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="'int3'"):
        UniF2acePipeline.from_pretrained(folder, quantization="int3")
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be loaded"):
        UniF2acePipeline.from_pretrained(tmp_path, quantization=None)


def test_a_checkpoint_keeps_to_the_attributes_that_it_knows():
    some = (("hat", ("none", "beanie")), ("gender", ("woman", "man")))
    encoders = replace(tiny_config().encoders, attributes=some)
    torch.manual_seed(0)
    model = type(tiny_model())(tiny_config(encoders=encoders))
    pipe, picture = UniF2acePipeline(model, tiny_tokenizer()), Image.new("RGB", (32, 32))
    prompt = "a sad man with red hair and no hat"
    assert pipe.asked(prompt) == {"gender": "man", "hat": "none"}
    assert pipe.constraints(prompt) == {"gender": {"man"}, "hat": {"none"}}
    table = pipe.attributes(picture)
    assert {name: tuple(values) for name, values in table.items()} == {
        name: (*values, NOT_VISIBLE) for name, values in some
    }
    assert set(pipe.score(picture, prompt)) == {"gender", "hat"}
    (face,) = pipe.generate(prompt, seed=0, steps=1)
    assert face.plan.values == {"hat": "none", "gender": "man"}
    for asked, words in (
        ({"gaze": "left"}, "unknown attribute 'gaze'"),
        ({"hat": "headband"}, "'headband' for hat; known: none, beanie"),
    ):
        with pytest.raises(ValueError, match=words):
            pipe.score(picture, asked)


def test_a_plain_question_that_names_no_value_asks_if_there_is_any(pipe, monkeypatch):
    def meant(question, topic):
        ids = encode_request(pipe.tokenizer, question)
        return pipe.meant(ids, topic, None, torch.zeros(pipe.config.layout.vocab_size))

    some = {"facial_hair": ("none", "stubble", "goatee"), "face_shape": ("oval", "round")}
    monkeypatch.setattr(type(pipe.config), "attributes", some)
    assert meant("is there any hair growing on his face?", "facial_hair") == {"stubble", "goatee"}
    assert meant("what grows on his face?", "facial_hair") == frozenset()
    assert meant("is there a face?", "face_shape") == frozenset()  # which none lacks


def test_what_a_denial_says_outright_is_not_left_to_the_network(pipe, monkeypatch):
    def meant(question, topic="hair_color", value="red"):
        logits = torch.zeros(pipe.config.layout.vocab_size)
        logits[pipe.plan_words.affirmed] = 1.0  # the network hears no denial
        ids = encode_request(pipe.tokenizer, question)
        return pipe.meant(ids, topic, value, logits)

    others = frozenset(ATTRIBUTES["hair_color"].values) - {"red"}
    monkeypatch.setattr(pipe.config, "hears_denials", True)
    assert meant("her hair isn't red, is it?") == others
    assert meant("is her hair red?") == meant("isn't her hair red?") == {"red"}
    assert meant("her hair isn't red, is it?", "eye_color", "blue") == {"blue"}
    monkeypatch.setattr(type(pipe.config), "attributes", {"hair_color": ("red", "black")})
    assert meant("her hair isn't red, is it?") == {"black"}
    monkeypatch.setattr(pipe.config, "hears_denials", False)  # taught to name one value
    assert meant("her hair isn't red, is it?") == {"red"}
