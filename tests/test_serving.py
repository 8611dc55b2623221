from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from unif2ace.attributes import ATTRIBUTES, VOCABULARY
from unif2ace.parsing import parse_constraints
from unif2ace.records import Answer
from unif2ace.serving import (
    MAX_ANSWER_TOKENS,
    MAX_DETAIL_TOKENS,
    NOTHING_SAID,
    Finished,
    Observed,
    Painted,
    Painting,
    Request,
    Routed,
    Said,
    attribute_names,
    check,
    serve,
)
from unif2ace.wording import DESCRIBE_QUESTION, NOT_VISIBLE

PICTURE = Image.new("RGB", (8, 8), "red")


@dataclass(frozen=True)
class Settings:
    prompt: str
    seed: int


class Recorder:
    """A pipeline that paints nothing and remembers what it was asked."""

    config = SimpleNamespace(attributes=dict(VOCABULARY))

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def method(*arguments, **options):
            self.calls.append(name)
            return getattr(Recorder, f"_{name}", lambda *a, **o: None)(*arguments, **options)

        return method

    @staticmethod
    def _generate_steps(prompt, seed, steps, guidance, num_images):
        faces = tuple(
            SimpleNamespace(
                image=Image.new("RGB", (8, 8), (seed + i, 0, 0)),
                settings=Settings(prompt, seed + i),
                plan=SimpleNamespace(
                    values={"hair_color": "blond", "hat": NOT_VISIBLE, "age": "old"}
                ),
            )
            for i in range(num_images)
        )
        for step in range(1, steps + 1):
            yield SimpleNamespace(
                preview=PICTURE,
                is_masked=np.arange(4).reshape(2, 2) >= step,
                step=step,
                num_steps=steps,
                faces=faces if step == steps else (),
            )

    @staticmethod
    def _edit_steps(image, region, prompt, **how):
        return Recorder._generate_steps(f"{prompt} ({region})", **how)

    @staticmethod
    def _answer_stream(image, question, max_new_tokens):
        for text in ("You", f"You asked: {question}"):
            yield Answer(text=text, num_tokens=1, topic="hat", others=("age",))

    @staticmethod
    def _routing(image, prompt):
        return f"read {prompt}"

    @staticmethod
    def _wanted(prompt):
        return {name: tuple(values) for name, values in parse_constraints(prompt).items()}

    @staticmethod
    def _score(image, asked):
        """The redder, the surer."""
        return dict.fromkeys(asked, image.getpixel((0, 0))[0] / 255)

    @staticmethod
    def _attributes(image, names):
        return {name: {} for name in names}


def test_painting_shows_every_step_and_ends_with_the_face():
    asked = Request(task="generate", text="red hair", seed=51, steps=3)
    *steps, last = serve(Recorder(), asked)
    assert [type(step) for step in steps] == [Painting] * 3
    assert [step.is_masked.sum() for step in steps] == [3, 2, 1]
    face = Painted(
        image=Image.new("RGB", (8, 8), (51, 0, 0)),
        settings={"prompt": "red hair", "seed": 51},
        asked={"hair_color": ("red",)},
        agreement={"hair_color": 0.2},
        chosen={"age": "old"},
    )
    assert last == Finished(faces=(face,)) and face.fit == 0.2


def test_what_a_prompt_leaves_open_is_told_as_chosen():
    asked = Request(task="generate", text="not red hair, old", seed=1, steps=1)
    *_, last = serve(Recorder(), asked)
    assert last.faces[0].asked.keys() == {"hair_color", "age"}
    assert last.faces[0].chosen == {"hair_color": "blond"}


def test_of_several_faces_the_best_fit_comes_first():
    asked = Request(task="generate", text="red hair", seed=10, steps=1, num_images=4)
    *_, last = serve(Recorder(), asked)
    assert [face.settings["seed"] for face in last.faces] == [13, 12, 11, 10]


def test_an_edit_is_of_the_picture_and_its_region():
    asked = Request(task="edit", text="red hair", image=PICTURE, region="hair", seed=7, steps=2)
    *steps, last = serve(Recorder(), asked)
    assert len(steps) == 2
    assert [face.settings for face in last.faces] == [{"prompt": "red hair (hair)", "seed": 7}]


def test_where_nothing_can_be_checked_faces_stay_in_the_order_of_their_seeds():
    asked = Request(task="generate", text="a face", seed=10, steps=1, num_images=3)
    *_, last = serve(Recorder(), asked)
    assert [face.settings["seed"] for face in last.faces] == [10, 11, 12]
    assert all(face.fit == 0 and face.agreement == {} for face in last.faces)


def test_an_answer_streams_and_a_description_is_a_fixed_question():
    asked = list(serve(Recorder(), Request(task="answer", text="Is it red?", image=PICTURE)))
    said = ("You", "You asked: Is it red?")
    assert asked == [Said(text=text, topic="hat", others=("age",)) for text in said]
    *_, described = serve(Recorder(), Request(task="describe", image=PICTURE))
    assert described.text.endswith(DESCRIBE_QUESTION)


def test_full_detail_may_be_long_however_it_is_asked_for(monkeypatch):
    limits = []

    def stream(image, question, max_new_tokens):
        limits.append(max_new_tokens)
        return iter([Answer(text="You", num_tokens=1)])

    monkeypatch.setattr(Recorder, "_answer_stream", staticmethod(stream))
    for text in (
        "Describe this face in full detail.",
        "describe this face  in FULL detail",
        "Hat?",
    ):
        list(serve(Recorder(), Request(task="answer", text=text, image=PICTURE)))
    assert limits == [MAX_DETAIL_TOKENS, MAX_DETAIL_TOKENS, MAX_ANSWER_TOKENS]
    assert MAX_DETAIL_TOKENS > MAX_ANSWER_TOKENS


def test_silence_is_said(monkeypatch):
    silent = staticmethod(lambda *_, **__: iter([Answer(text="", num_tokens=0)]))
    monkeypatch.setattr(Recorder, "_answer_stream", silent)
    *_, last = serve(Recorder(), Request(task="describe", image=PICTURE))
    assert last == Said(text=NOTHING_SAID)


def test_attributes_are_looked_at_all_or_by_name():
    (everything,) = serve(Recorder(), Request(task="attributes", image=PICTURE))
    assert isinstance(everything, Observed) and set(everything.table) == set(ATTRIBUTES)
    (some,) = serve(Recorder(), Request(task="attributes", text="hat, gaze", image=PICTURE))
    assert set(some.table) == {"hat", "gaze"}
    assert attribute_names(Recorder(), " , ") == list(ATTRIBUTES)


def test_routing_is_of_reading_or_with_a_prompt_of_painting():
    for text, prompt in (("", None), ("a man", "a man")):
        (routed,) = serve(Recorder(), Request(task="routing", text=text, image=PICTURE))
        assert routed == Routed(routing=f"read {prompt}")


@pytest.mark.parametrize(
    "request_",
    [
        Request(task="generate", text="a naked man"),
        Request(task="generate", text="Emma Stone"),
        Request(task="edit", text="a naked man", image=PICTURE, region="hair"),
        Request(task="edit", text="a man", image=PICTURE, region="soul"),
        Request(task="edit", text="a man", region="hair"),
        Request(task="answer", text="Who is this?", image=PICTURE),
        Request(task="answer", text="Are there glasses?"),
        Request(task="describe"),
        Request(task="attributes", text="aura", image=PICTURE),
        Request(task="routing", text="a naked man", image=PICTURE),
    ],
)
def test_what_is_refused_costs_no_model_time(request_):
    pipeline = Recorder()
    with pytest.raises(ValueError):
        next(serve(pipeline, request_))
    with pytest.raises(ValueError):
        check(pipeline, request_)
    assert all(name.startswith("check_") for name in pipeline.calls)


def test_the_pipelines_own_limits_are_asked():
    pipeline = Recorder()
    check(pipeline, Request(task="generate", text="a face"))
    check(pipeline, Request(task="answer", text="Are there glasses?", image=PICTURE))
    assert pipeline.calls == ["check_prompt", "check_settings", "check_question"]
