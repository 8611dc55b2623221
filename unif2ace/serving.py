"""What the app asks of the model and gets back: picklable requests, CPU-only results.

`check` refuses bad requests before any model time; `serve` runs one. Knows no widget and no GPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from unif2ace.pipeline import UniF2acePipeline
from unif2ace.policy import refuse_prompt, refuse_question
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEPS, GeneratedFace
from unif2ace.regions import check_region
from unif2ace.routing import FaceRouting
from unif2ace.wording import DESCRIBE_QUESTION, NOT_VISIBLE, asks_for_detail

MAX_ANSWER_TOKENS = 220  # some 8 seconds, see `zerogpu`
MAX_DETAIL_TOKENS = 420
NOTHING_SAID = "The AI has no answer to that. Please ask in other words."


@dataclass(frozen=True, kw_only=True)
class Request:
    """One thing asked of the model. `image` is a face crop; `text` is the prompt, the question,
    or the names of the attributes to look at, with commas between them (none means all).
    `region` is the part of the face that an edit paints anew. Routing is looked at while reading
    the picture or, with a prompt, while painting it.

    `seed` is given, never None: whoever makes the request draws it, so that it can be shown.
    """

    task: Literal["generate", "edit", "answer", "describe", "attributes", "routing"]
    text: str = ""
    image: Image.Image | None = None
    seed: int = 0
    steps: int = DEFAULT_STEPS
    guidance: float = DEFAULT_GUIDANCE
    num_images: int = 1
    region: str = ""


@dataclass(frozen=True, kw_only=True)
class Painting:
    """One step of painting: what it looks like now, and which tokens (h, w) are still masked."""

    preview: Image.Image
    is_masked: np.ndarray
    step: int
    num_steps: int


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A finished face, what fixes it, and how sure the model is, looking at it, of what was asked.

    asked: per attribute the values that would do. agreement: how surely it shows one of them.
    chosen: the visible values that the words left open, as it was planned.
    """

    image: Image.Image
    settings: Mapping[str, str | int | float]
    asked: Mapping[str, Sequence[str]]
    agreement: Mapping[str, float]
    chosen: Mapping[str, str]

    @property
    def fit(self) -> float:
        """Mean agreement, by which several faces are ranked; 0 if nothing was asked for."""
        return sum(self.agreement.values()) / max(len(self.agreement), 1)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """All faces of a request, the best fit first."""

    faces: tuple[Painted, ...]


@dataclass(frozen=True, kw_only=True)
class Said:
    """The answer so far; which attribute the question was taken to be about, if one, and which
    others it may be about."""

    text: str
    topic: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Observed:
    """{attribute: {value: probability}} of a face."""

    table: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Routed:
    """Which experts served each piece of a face, in every layer."""

    routing: FaceRouting


Result = Painting | Finished | Said | Observed | Routed


def check(pipeline: UniF2acePipeline, request: Request) -> None:
    """Raise ValueError, in words for a visitor, unless the request can and may be served."""
    if request.task in ("generate", "edit"):
        pipeline.check_prompt(request.text)
        pipeline.check_settings(
            steps=request.steps,
            guidance=request.guidance,
            num_images=request.num_images,
            seed=request.seed,
        )
        _raise_if(refuse_prompt(request.text))
    if request.task == "generate":
        return
    if request.task == "edit":
        check_region(request.region)
    if request.image is None:
        raise ValueError("There is no picture yet. Please choose one first.")
    if request.task == "answer":
        check_question(pipeline, request.text)
    if request.task == "routing" and request.text:
        pipeline.check_prompt(request.text)
        _raise_if(refuse_prompt(request.text))
    if request.task == "attributes":
        known = pipeline.config.attributes
        for name in attribute_names(pipeline, request.text):
            if name not in known:
                raise ValueError(f"Unknown attribute {name!r}. Known: {', '.join(known)}.")


def attribute_names(pipeline: UniF2acePipeline, text: str) -> list[str]:
    """The names in a list with commas; all that the model knows if it is empty."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return names or list(pipeline.config.attributes)


def check_question(pipeline: UniF2acePipeline, question: str) -> None:
    """The part of `check` that needs no picture."""
    pipeline.check_question(question)
    _raise_if(refuse_question(question))


def _raise_if(refusal: str | None) -> None:
    if refusal:
        raise ValueError(refusal)


def serve(pipeline: UniF2acePipeline, request: Request) -> Iterator[Result]:
    """Run a request: `Painting` steps and one `Finished`, growing `Said`, or one `Observed`.

    Raises: ValueError as `check` does, before the first result.
    """
    check(pipeline, request)
    if request.task in ("generate", "edit"):
        yield from _paint(pipeline, request)
        return
    assert request.image is not None
    if request.task == "attributes":
        names = attribute_names(pipeline, request.text)
        yield Observed(table=pipeline.attributes(request.image, names))
        return
    if request.task == "routing":
        yield Routed(routing=pipeline.routing(request.image, prompt=request.text or None))
        return
    question = request.text if request.task == "answer" else DESCRIBE_QUESTION
    limit = MAX_DETAIL_TOKENS if asks_for_detail(question) else MAX_ANSWER_TOKENS
    for answer in pipeline.answer_stream(request.image, question, max_new_tokens=limit):
        yield Said(text=answer.text, topic=answer.topic, others=answer.others)
    if not answer.text.strip():
        yield Said(text=NOTHING_SAID, topic=answer.topic, others=answer.others)


def _paint(pipeline: UniF2acePipeline, request: Request) -> Iterator[Result]:
    faces: Sequence[GeneratedFace] = ()
    how = {name: getattr(request, name) for name in ("seed", "steps", "guidance", "num_images")}
    steps = (
        pipeline.generate_steps(request.text, **how)
        if request.image is None
        else pipeline.edit_steps(request.image, request.region, request.text, **how)
    )
    for step in steps:
        yield Painting(
            preview=step.preview,
            is_masked=step.is_masked,
            step=step.step,
            num_steps=step.num_steps,
        )
        faces = step.faces
    asked = pipeline.wanted(request.text)
    painted = [
        Painted(
            image=face.image,
            settings=dataclasses.asdict(face.settings),
            asked=asked,
            agreement=pipeline.score(face.image, asked),
            chosen={
                name: value
                for name, value in face.plan.values.items()
                if len(asked.get(name, ())) != 1 and value != NOT_VISIBLE
            },
        )
        for face in faces
    ]
    assert painted, "the last step carries the faces"
    yield Finished(faces=tuple(sorted(painted, key=lambda face: -face.fit)))
