from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from unif2ace.attributes import ATTRIBUTES
from unif2ace.pipeline import DESCRIBE_QUESTION
from unif2ace.serving import (
    NOTHING_SAID,
    Observed,
    Painted,
    Painting,
    Request,
    Said,
    attribute_names,
    check,
    serve,
)

PICTURE = Image.new("RGB", (8, 8), "red")


@dataclass(frozen=True)
class Settings:
    prompt: str
    seed: int


class Recorder:
    """A pipeline that paints nothing and remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def method(*arguments, **options):
            self.calls.append(name)
            return getattr(Recorder, f"_{name}", lambda *a, **o: None)(*arguments, **options)

        return method

    @staticmethod
    def _generate_steps(prompt, seed, steps, guidance):
        face = SimpleNamespace(image=PICTURE, settings=Settings(prompt, seed))
        for step in range(1, steps + 1):
            yield SimpleNamespace(
                preview=PICTURE,
                is_masked=np.arange(4).reshape(2, 2) >= step,
                step=step,
                num_steps=steps,
                face=face if step == steps else None,
            )

    @staticmethod
    def _answer_stream(image, question, max_new_tokens):
        yield from ("You", f"You asked: {question}")

    @staticmethod
    def _score(image, prompt):
        return {"hair_color": 0.5}

    @staticmethod
    def _attributes(image, names):
        return {name: {} for name in names}


def test_painting_shows_every_step_and_ends_with_the_face():
    *steps, last = serve(Recorder(), Request(task="generate", text="a face", seed=9, steps=3))
    assert [type(step) for step in steps] == [Painting] * 3
    assert [step.is_masked.sum() for step in steps] == [3, 2, 1]
    assert last == Painted(
        image=PICTURE,
        settings={"prompt": "a face", "seed": 9},
        agreement={"hair_color": 0.5},
    )


def test_an_answer_streams_and_a_description_is_a_fixed_question():
    asked = list(serve(Recorder(), Request(task="answer", text="Is it red?", image=PICTURE)))
    assert asked == [Said(text="You"), Said(text="You asked: Is it red?")]
    *_, described = serve(Recorder(), Request(task="describe", image=PICTURE))
    assert described.text.endswith(DESCRIBE_QUESTION)


def test_silence_is_said(monkeypatch):
    monkeypatch.setattr(Recorder, "_answer_stream", staticmethod(lambda *a, **o: iter([""])))
    *_, last = serve(Recorder(), Request(task="describe", image=PICTURE))
    assert last == Said(text=NOTHING_SAID)


def test_attributes_are_looked_at_all_or_by_name():
    (everything,) = serve(Recorder(), Request(task="attributes", image=PICTURE))
    assert isinstance(everything, Observed) and set(everything.table) == set(ATTRIBUTES)
    (some,) = serve(Recorder(), Request(task="attributes", text="hat, gaze", image=PICTURE))
    assert set(some.table) == {"hat", "gaze"}
    assert attribute_names(" , ") == list(ATTRIBUTES)


@pytest.mark.parametrize(
    "request_",
    [
        Request(task="generate", text="a naked man"),
        Request(task="generate", text="Emma Stone"),
        Request(task="answer", text="Who is this?", image=PICTURE),
        Request(task="answer", text="Are there glasses?"),
        Request(task="describe"),
        Request(task="attributes", text="aura", image=PICTURE),
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
