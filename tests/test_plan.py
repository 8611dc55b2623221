"""The plan: round trips, what prompts settle, and the cached drawing against its definition."""

import math
import random
from pathlib import Path

import pytest
import torch
from tiny import tiny_config, tiny_model, tiny_tokenizer
from transformers import PreTrainedTokenizerFast

from unif2ace.attributes import ATTRIBUTES, FIRST_VOCABULARY, VOCABULARY, visible
from unif2ace.config import NUM_PLAN_POINTS, PRESETS, EncoderConfig, whole_plan
from unif2ace.losses import IGNORED_LABEL
from unif2ace.parsing import parse_constraints
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.plan import DIGITS, PLAN_POINTS, PlanWords, digit_of, telling_token
from unif2ace.priors import WHO, common
from unif2ace.prompting import Thought, encode_text, generation_batch, prompt_ids, text_batch
from unif2ace.records import PLAN_TEMPERATURE
from unif2ace.sampler import gumbel_noise
from unif2ace.synth.sampling import sample_attributes
from unif2ace.vq import NOT_TOLD
from unif2ace.wording import NOT_VISIBLE, likeliest_value

CHECKPOINT = Path(__file__).parents[1] / "assets" / "checkpoint"


@pytest.fixture(scope="module")
def words():
    tokenizer = PreTrainedTokenizerFast.from_pretrained(CHECKPOINT)
    return PlanWords(tokenizer, whole_plan(FIRST_VOCABULARY), FIRST_VOCABULARY)


@pytest.fixture(scope="module")
def pipe():
    model, generator = tiny_model(), torch.Generator().manual_seed(0)
    for weight in (model.plan_position.weight, model.lm_head.weight):
        torch.nn.init.normal_(weight, std=0.3, generator=generator)  # so that words matter
    return UniF2acePipeline(model, tiny_tokenizer())


def points(seed):
    rng = random.Random(seed)
    return [(rng.uniform(-0.1, 1.1), rng.random()) for _ in PLAN_POINTS]


def test_what_is_joined_is_the_mean_of_both_readings_and_hides_no_more_than_before(words):
    generator = torch.Generator().manual_seed(3)
    said = torch.randn(2, len(words.words), 2000, generator=generator) * 2
    read = {
        name: torch.randn(2, len(values), generator=generator) * 2
        for name, values in FIRST_VOCABULARY
    }
    joined = words.joined(said, read)
    for place, (name, values) in enumerate(FIRST_VOCABULARY):
        ids = [words.words[place][value] for value in (*values, NOT_VISIBLE)]
        before, after = (x[:, place, ids].softmax(-1) for x in (said, joined))
        torch.testing.assert_close(after[:, -1], before[:, -1])  # of "not visible"
        ours = before[:, :-1] / before[:, :-1].sum(-1, keepdim=True)
        mean = (ours + read[name].softmax(-1)) / 2
        torch.testing.assert_close(after[:, :-1] / after[:, :-1].sum(-1, keepdim=True), mean)
        others = torch.ones(said.shape[-1], dtype=torch.bool)
        others[ids[:-1]] = False
        assert torch.equal(joined[:, place, others], said[:, place, others])
    behind = len(FIRST_VOCABULARY)
    assert torch.equal(joined[:, behind:], said[:, behind:])  # coordinates: nobody else reads them
    few = words.joined(said[:, :3], read)  # a picture of three places
    torch.testing.assert_close(few, joined[:, :3])


def test_a_place_says_the_likeliest_value_wherever_one_is_more_likely_seen_than_not(words):
    logits = torch.randn(30, len(words.words), 2000, generator=torch.Generator().manual_seed(4))
    read = words.read(logits)
    surprises = 0  # "not visible" was the likeliest word, and is not said
    for row, ids in zip(logits, read.tolist(), strict=True):
        for place, (name, values) in enumerate(FIRST_VOCABULARY):
            known = [*values, NOT_VISIBLE]
            shares = row[place, [words.words[place][value] for value in known]].softmax(-1).tolist()
            table = dict(zip(known, shares, strict=True))
            said = likeliest_value(table)
            assert ids[place] == words.words[place][said], name
            surprises += max(table, key=table.get) != said
        for place in range(len(FIRST_VOCABULARY), len(words.words)):
            assert ids[place] == max(words.digits, key=lambda digit: float(row[place, digit]))
    assert surprises


@pytest.mark.parametrize("seed", range(5))
def test_a_decoder_is_told_what_a_plan_says_as_labels_would_tell_it(words, seed):
    shown = visible(sample_attributes(seed, "train"))
    known = {name: value for name, value in shown.items() if name in words.names}
    plans = torch.tensor([words.encode(known, points(seed))] * 2)
    plans[1, 3] = words.digits[0]  # a word that cannot stand there
    plans[1, -1] = words.words[0]["woman"]  # nor this
    told = words.told(plans)
    assert told.words.shape == (2, len(FIRST_VOCABULARY))
    for place, (name, values) in enumerate(FIRST_VOCABULARY):
        expected = values.index(known[name]) if name in known else len(values)
        assert told.words[:, place].tolist() == [expected, NOT_TOLD if place == 3 else expected]
    torch.testing.assert_close(told.points[0], torch.tensor(words.decode(plans[0].tolist()).points))
    torch.testing.assert_close(told.points[1, :-1], told.points[0, :-1])
    assert told.points[1, -1].isnan().tolist() == [False, True]
    short = PlanWords(tiny_tokenizer(), 4).told(plans[:, :4])
    assert short.words.shape == (2, len(VOCABULARY)) and (short.words[:, 4:] == NOT_TOLD).all()
    assert short.points.isnan().all() and short.points.shape == told.points.shape
    few = words.told(plans[:, :3])  # as many as a small picture has places for
    assert torch.equal(few.words[:, :3], told.words[:, :3]) and few.points.isnan().all()
    assert (few.words[:, 3:] == NOT_TOLD).all()


def test_words_of_a_place_tell_its_values_apart(words):
    assert len(words.words) == whole_plan(FIRST_VOCABULARY)
    for (name, values), place in zip(FIRST_VOCABULARY, words.words, strict=False):
        assert set(place) == {*values, NOT_VISIBLE}
        assert len(set(place.values())) == len(place), name
    digits = words.words[len(FIRST_VOCABULARY) :]
    assert all(len(place) == len(set(place.values())) == 64 for place in digits)


def test_a_plan_follows_what_its_checkpoint_knows():
    some = (VOCABULARY[3], ("hat", ("none", "beanie")))
    words = PlanWords(tiny_tokenizer(), 3, some)
    assert words.names == ("freckles", "hat")
    assert [set(place) for place in words.words[:2]] == [
        {"no", "yes", NOT_VISIBLE},
        {"none", "beanie", NOT_VISIBLE},
    ]
    told = words.allowed({"gender": {"man"}, "freckles": {"yes"}})
    assert told[0] == [words.words[0]["yes"]] and len(told[1]) == 3
    with pytest.raises(ValueError, match="0 to 20 places, not 21"):
        PlanWords(tiny_tokenizer(), 21, some)


@pytest.mark.parametrize("seed", range(5))
def test_a_plan_survives_its_words(words, seed):
    face = sample_attributes(seed)
    values = {name: face[name] for name in visible(face)}
    plan = words.decode(words.encode(values, points(seed)))
    assert plan.values == {name: values.get(name, NOT_VISIBLE) for name, _ in FIRST_VOCABULARY}
    for (x, y), (x0, y0) in zip(plan.points, points(seed), strict=True):
        assert abs(x - min(max(x0, 0), 1)) <= 1 / 64 and abs(y - y0) <= 1 / 128 + 1e-9


def test_coordinates_fill_the_alphabet():
    assert [digit_of((i + 0.5) / 64) for i in range(64)] == list(range(64)) and len(DIGITS) == 64
    assert (digit_of(-3.0), digit_of(1.0), digit_of(7.0)) == (0, 63, 63)


def test_a_word_in_the_wrong_place_is_refused(words):
    ids = words.encode({}, points(0))
    ids[0] = ids[-1]
    with pytest.raises(ValueError, match=f"id {ids[-1]} says nothing in place 0"):
        words.decode(ids)
    with pytest.raises(ValueError, match=f"has {len(words.words)} words, got 2"):
        words.decode(ids[1:3])
    with pytest.raises(ValueError, match="not 999"):
        PlanWords(tiny_tokenizer(), 999)


def test_what_a_prompt_says_bounds_the_plan(words):
    allowed = words.allowed(parse_constraints("an old man with glasses, not smiling"))
    names = words.names
    for name, expected in {
        "gender": {"man"},
        "age": {"old"},
        "glasses": {"round", "rectangular", "sunglasses"},
        "hat": {*ATTRIBUTES["hat"].values, NOT_VISIBLE},
    }.items():
        place = words.words[names.index(name)]
        assert allowed[names.index(name)] == sorted(place[value] for value in expected)
    smiling = words.words[names.index("expression")]["smiling"]
    assert smiling not in allowed[names.index("expression")]


def test_presets_hold_the_whole_plan_or_none():
    lengths = {name: preset().plan_length for name, preset in PRESETS.items()}
    assert lengths == {"nano": whole_plan(VOCABULARY), "base": whole_plan(VOCABULARY), "paper": 0}
    less = PRESETS["nano"](encoders=EncoderConfig(attributes=FIRST_VOCABULARY))
    assert less.plan_length == whole_plan(FIRST_VOCABULARY) == 51
    assert len(PLAN_POINTS) == NUM_PLAN_POINTS
    for bad in (-1, 208):
        with pytest.raises(ValueError, match=f"plan of {bad} words"):
            PRESETS["nano"](max_prompt_tokens=211, plan_length=bad)


def test_places_count_the_words_behind_a_prompt():
    config = tiny_config()
    prompts = [[*prompt_ids([9, 9], config), 5, 6, 7, 8], prompt_ids([], config)]
    batch = generation_batch(prompts, torch.zeros(2, 4, dtype=torch.long), config)
    image = [-1] * 6
    assert batch.places.tolist() == [[-1] * 5 + [0, 1, 2, 3] + image, [-1] * 9 + image]


@torch.no_grad()
def test_a_plan_is_drawn_word_by_word_from_what_the_whole_sequence_says(pipe):
    config, prompt = pipe.config, prompt_ids([5, 6], pipe.config)
    constraints = {"age": frozenset({"old", "young"})}
    generators = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
    ours = pipe.draw_plans(prompt, generators, constraints=constraints)
    allowed = pipe.plan_words.allowed(constraints)
    assert ours.shape == (2, config.plan_length)
    for row, seed in enumerate((3, 4)):
        generator, drawn = torch.Generator().manual_seed(seed), []
        for choice in pipe.plan_words.choices(allowed, PLAN_TEMPERATURE):
            batch = text_batch([prompt + drawn], config)
            # what is missing at the end shifts all positions alike, and only differences count
            output = pipe.model(**batch.inputs(), group="generation")
            heard = choice.is_asked * pipe.model.text_logits(output.hidden[0, -1])[choice.ids]
            scores = heard + torch.tensor(choice.log_weights)
            noise = gumbel_noise(scores.shape, generator)
            drawn.append(choice.ids[int((scores / choice.temperature + noise).argmax())])
        assert ours[row].tolist() == drawn


def test_each_picture_has_a_plan_of_its_own_that_keeps_to_the_prompt(pipe):
    faces = pipe.generate("an old man", seed=5, steps=2, num_images=3)
    assert all((f.plan.values["gender"], f.plan.values["age"]) == ("man", "old") for f in faces)
    (alone,) = pipe.generate("an old man", seed=6, steps=2)
    assert alone.plan == faces[1].plan and alone.codes == faces[1].codes
    many = pipe.generate("a man", seed=0, steps=1, num_images=4)
    assert len({tuple(face.plan.values.items()) for face in many}) > 1


def test_an_edit_keeps_the_plan_that_the_picture_shows_but_for_what_is_asked(pipe):
    (face,) = pipe.generate("an old man", seed=1, steps=2)
    shown = pipe.plan_words.decode(pipe.read_plan(pipe.encode(face.image))).values
    other = "woman" if shown["gender"] != "woman" else "man"
    mask = [[True, False], [False, False]]
    (edited,) = pipe.edit(face.image, torch.tensor(mask).numpy(), f"a {other}", seed=2, steps=1)
    assert edited.plan.values == {**shown, "gender": other}


@torch.no_grad()
def test_reading_a_plan_takes_the_likeliest_allowed_word_of_each_place(pipe):
    (face,) = pipe.generate("an old man", seed=1, steps=2)
    picture = pipe.encode(face.image)
    said = pipe.read_plan(picture)
    assert all(w in ids for w, ids in zip(said, pipe.plan_words.allowed({}), strict=True))
    table = pipe.plan_words.decode(said)
    assert set(table.values) == set(list(ATTRIBUTES)[:4]) and table.points == []


def test_what_a_picture_has_no_places_for_is_planned_freely():
    torch.manual_seed(0)
    pipe = UniF2acePipeline(type(tiny_model())(tiny_config(plan_length=6)), tiny_tokenizer())
    (face,) = pipe.generate("an old man", seed=1, steps=2)
    shown = pipe.read_plan(pipe.encode(face.image))
    assert len(shown) == pipe.config.num_image_tokens == 4
    mask = torch.tensor([[True, False], [False, False]]).numpy()
    edits = [pipe.edit(face.image, mask, "a face", seed=s, steps=1)[0] for s in range(40)]
    tables = {tuple(edit.plan.values.values()) for edit in edits}
    assert len({table[:4] for table in tables}) == 1 < len(tables)
    assert len(pipe.routing(face.image, prompt="a man").text) == len(pipe.check_prompt("a man")) + 6


def test_a_model_without_a_plan_paints_from_the_prompt_alone():
    torch.manual_seed(0)
    model = type(tiny_model())(tiny_config(plan_length=0))
    pipe = UniF2acePipeline(model, tiny_tokenizer())
    (face,) = pipe.generate("an old man", seed=1, steps=2)
    assert face.plan.values == {} and pipe.model.plan_position is None
    assert pipe.answer(face.image, "Is she bald?", max_new_tokens=3).num_tokens <= 3


def test_the_telling_word_stands_behind_the_article():
    tokenizer = tiny_tokenizer()
    for article, noun in (("a", "bob"), ("to the", "left"), ("the", "front"), ("at the", "camera")):
        answer, (first, *rest) = f"{article} {noun}", encode_text(tokenizer, f" {noun}")
        assert encode_text(tokenizer, answer) == [*encode_text(tokenizer, article), first, *rest]
        assert telling_token(answer, tokenizer) == first
    assert telling_token("smiling", tokenizer) == encode_text(tokenizer, "smiling")[0]


def test_a_question_is_thought_over_as_topic_value_asked_for_and_value_seen(words):
    told = words.encode({"hat": "beanie", "glasses": "round"}, points(0))[: len(words.names)]
    place, hats = words.names.index("hat"), words.words[words.names.index("hat")]
    for asked, one, aside in (
        (set(), None, IGNORED_LABEL),
        ({"none"}, "none", words.affirmed),
        ({"beanie"}, "beanie", words.affirmed),
        ({"none", "headband"}, "beanie", words.denied),  # all but one: that one is denied
    ):
        topic, value, seen = words.thoughts("hat", asked, told)
        assert topic == Thought(word=words.digits[place], place=place)
        assert value == Thought(word=words.no_thought if one is None else hats[one])
        repeated = len(words.words) if one == "beanie" else -1
        expected = Thought(word=hats["beanie"], place=repeated, is_guessed=False, aside=aside)
        assert seen == expected
    assert len(set(words.digits)) == len(words.digits) >= len(words.names)
    nothing = Thought(word=words.no_thought)
    for name, told_there in (("face", told), ("hat", told[:place])):  # no topic, or not told
        assert words.thoughts(name, {"beanie"}, told_there) == (
            *(nothing, nothing),
            Thought(word=words.no_thought, is_guessed=False),
        )
    assert words.thoughts("hat", {"beanie"}, []) == ()
    # several that are neither one nor all but one, and one of two values
    several = words.thoughts("expression", {"sad", "angry"}, told)
    assert several[1] == nothing and several[2].aside == IGNORED_LABEL
    assert words.thoughts("mouth", {"open"}, told)[2].aside == words.affirmed


@pytest.mark.parametrize("seed", range(4))
def test_thoughts_are_guessed_among_those_that_mean_something(words, seed):
    rng = random.Random(seed)
    face = sample_attributes(seed)
    told = words.encode({n: face[n] for n in visible(face)}, points(0))[: len(words.names)]
    name = rng.choice(words.names)
    place = words.names.index(name)
    asked = rng.choice([None, *dict(FIRST_VOCABULARY)[name]])
    expected = words.thoughts(name, set() if asked is None else {asked}, told)
    for noise in (0.0, 5.0):
        logits = noise * torch.rand(4096, generator=torch.Generator().manual_seed(seed))
        logits[[0, 1, 2]] = 99  # words that mean nothing here, however likely
        topics = [words.no_thought, *words.digits[: len(words.names)]]
        best = max(range(len(topics)), key=lambda i: float(logits[topics[i]]))
        guessed = words.guessed_topics(logits, told)
        assert guessed[0][0] == (None if best == 0 else words.names[best - 1])
        thought = words.topic(guessed[0][0])
        assert thought.word == topics[best] and thought.place == best - 1
        assert dict(guessed).keys() == {None, *words.names}
        weights = {n: math.exp(float(logits[words.topic(n).word])) for n, _ in guessed}
        shares = {n: weight / sum(weights.values()) for n, weight in weights.items()}
        assert dict(guessed) == pytest.approx(shares)
        found = [share for _, share in guessed]
        assert found == sorted(found, reverse=True)
        logits[words.digits[place]] = 50
        assert words.guessed_topics(logits, told)[0][0] == name
        assert words.topic(name) == expected[0]
        logits[expected[1].word] = 60
        assert words.guessed_value(name, logits) == asked
        logits[words.words[place][NOT_VISIBLE]] = 70  # nobody asks for what is not visible
        assert words.guessed_value(name, logits) == asked
        assert words.compared(name, asked, told) == expected[1:]
    assert words.guessed_value(None, logits) is None
    assert words.compared(None, None, told) == words.thoughts(None, set(), told)[1:]


def test_what_is_thought_of_a_question_for_yes_or_no_means_the_same_values_again(words):
    """From values to thoughts and back, for one of them and for all but one."""
    told = words.encode({}, points(0))[: len(words.names)]
    for name, values in FIRST_VOCABULARY:
        for value in values:
            for asked in ({value}, {*values} - {value}):
                _, guess, seen = words.thoughts(name, asked, told)
                logits = torch.zeros(4096)
                logits[guess.word] = 1
                behind = torch.zeros(4096)
                behind[seen.aside] = 1
                one = words.guessed_value(name, logits)
                assert one is not None and words.meant(name, one, behind) == asked


def test_who_is_painted_is_drawn_evenly_and_the_rest_is_rather_ordinary():
    words = PlanWords(PreTrainedTokenizerFast.from_pretrained(CHECKPOINT), whole_plan(VOCABULARY))
    values = dict(VOCABULARY)
    allowed = words.allowed({"facial_hair": frozenset({"goatee"}), "hat": frozenset({"beanie"})})
    choices = words.choices(allowed, 0.5)
    assert [list(choice.ids) for choice in choices] == allowed
    chosen = dict(zip(words.names, choices, strict=False))
    unasked = {name for name, choice in chosen.items() if not choice.is_asked}
    untempered = {name for name, choice in chosen.items() if choice.temperature == 1}
    assert unasked == set(WHO)
    assert untempered == {*WHO, "age_years", "skin_tone_monk"}
    assert all(choice.is_asked and choice.temperature == 0.5 for choice in choices[64:])
    assert all(not any(choice.log_weights) for choice in choices[64:])  # no digit is commoner

    def weights(name):
        places = words.words[words.names.index(name)]
        by_word = dict(zip(chosen[name].ids, chosen[name].log_weights, strict=True))
        return {value: math.exp(by_word[word]) for value, word in places.items() if word in by_word}

    assert weights("gender") == {"woman": 0, "man": 1, NOT_VISIBLE: 0}  # by the beard
    assert weights("age") == pytest.approx(
        {"young": 1 / 3, "middle-aged": 1 / 3, "old": 1 / 3, NOT_VISIBLE: 0}
    )
    assert weights("mouth") == {"closed": 1, "open": 1, NOT_VISIBLE: 1}  # laughing, it is open
    assert weights("lipstick") == dict.fromkeys([*values["lipstick"], NOT_VISIBLE], 1)
    assert weights("glasses") == pytest.approx({**common("glasses"), NOT_VISIBLE: 0.76})


def test_nobody_is_a_woman_or_a_man_by_a_word_that_tells_nothing():
    pipe = UniF2acePipeline.from_pretrained(CHECKPOINT)
    women = {}
    for prompt in ("a person", "a teacher", "a person with a beard", "somebody's mother"):
        constraints = pipe.constraints(prompt)
        generators = [torch.Generator().manual_seed(seed) for seed in range(60)]
        plans = pipe.draw_plans(pipe.check_prompt(prompt), generators, constraints=constraints)
        drawn = [pipe.plan_words.decode(plan).values["gender"] for plan in plans.tolist()]
        women[prompt] = drawn.count("woman")
    assert 15 <= women["a person"] <= 45 and 15 <= women["a teacher"] <= 45  # four deviations
    assert (women["a person with a beard"], women["somebody's mother"]) == (0, 60)
