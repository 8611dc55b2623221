"""The Space: widgets and wording around `UniF2acePipeline`. Runs the same on a laptop.

`UNIF2ACE_CHECKPOINT=repo-or-path[@revision]` chooses the weights, default assets/checkpoint.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from unif2ace.zerogpu import gpu  # isort: skip  (imports `spaces`, which must come before torch)

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from unif2ace import page, provenance, views
from unif2ace.images import FaceCrop, crop_face, read_upload
from unif2ace.links import Link
from unif2ace.pipeline import DEFAULT_GUIDANCE, DEFAULT_STEPS, UniF2acePipeline
from unif2ace.serving import (
    Observed,
    Painted,
    Painting,
    Request,
    Result,
    Said,
    check,
    check_question,
    serve,
)

EXAMPLES = sorted(str(path) for path in (page.ASSETS / "examples").glob("*.png"))
MODEL: dict[str, Any] = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
}
QUICK: dict[str, Any] = {
    "concurrency_limit": 4,
    "api_visibility": "private",
    "show_progress": "hidden",
}
# On a phone the picture lies below what was pressed.
SHOW_PAINTING = """() => {
    const painting = document.getElementById("painting");
    if (innerWidth < 700) painting.scrollIntoView({behavior: "smooth", block: "start"});
}"""


def load_pipeline() -> UniF2acePipeline:
    """The checkpoint named by UNIF2ACE_CHECKPOINT, its large matrices in NF4."""
    name = os.environ.get("UNIF2ACE_CHECKPOINT", str(page.ASSETS / "checkpoint"))
    revision = None
    if "@" in name and not Path(name).exists():
        name, _, revision = name.rpartition("@")
    return UniF2acePipeline.from_pretrained(name, revision=revision, quantization="nf4")


PIPELINE = load_pipeline()  # here and not later: ZeroGPU takes over what is loaded at import
LIMITS = PIPELINE.limits


@contextmanager
def in_words() -> Iterator[None]:
    """Turn ValueErrors, which are written for visitors, into messages on the page."""
    try:
        yield
    except ValueError as error:
        raise gr.Error(str(error), title="Not possible", print_exception=False) from None


@gpu
def run_model(request: Request) -> Iterator[Result]:
    """The one function that touches the model, for every tab and endpoint."""
    with in_words():  # inside, since other exceptions lose their words on the way from the GPU
        yield from serve(PIPELINE, request)


def see(source: str | bytes | None) -> FaceCrop:
    """The face in an upload, as the model sees it. ValueError, in words, if there is none.

    A picture that was painted here is used whole: it is framed already.
    """
    if source is None:
        raise ValueError("There is no picture yet. Please choose one first.")
    image = read_upload(source)
    if image.width == image.height and provenance.verify(image).has_invisible_mark:
        size = (PIPELINE.image_size, PIPELINE.image_size)
        return FaceCrop(image=image.resize(size), box=(0, 0, *image.size), num_faces=1)
    return crop_face(image, PIPELINE.image_size)


def show_crop(source: str | None) -> tuple[Any, str]:
    """The crop the model will see, and a line about it."""
    if source is None:
        return None, ""
    try:
        crop = see(source)
    except ValueError as error:
        return None, f"⚠ {error}"
    if crop.num_faces > 1:
        return crop.image, f"{crop.num_faces} faces were found. The largest one is used."
    return crop.image, "This is what the AI sees."


def ask(source: str | None, question: str) -> Iterator[str]:
    with in_words():
        request = Request(task="answer", text=question, image=see(source).image)
        check(PIPELINE, request)
    yield from _said(request)


def ask_description(source: str | None) -> Iterator[str]:
    with in_words():
        request = Request(task="describe", image=see(source).image)
    yield from _said(request)


def _said(request: Request) -> Iterator[str]:
    for result in run_model(request):
        assert isinstance(result, Said)
        yield result.text


def observe(source: str | None) -> str:
    return views.observations(attributes(source))


def paint(
    prompt: str, seed: float | None, is_random: bool, steps: float, guidance: float
) -> Iterator[tuple[Any, ...]]:
    """Yields picture, mosaic, result line, agreement, seed field, and the ask button."""
    with in_words():
        request = _paint_request(prompt, None if is_random else seed, steps, guidance)
    for result in run_model(request):
        if isinstance(result, Painting):
            yield (
                result.preview,
                views.mosaic(result),
                gr.skip(),
                "",
                request.seed,
                gr.Button(interactive=False),
            )
        elif isinstance(result, Painted):
            yield (
                _save(result),
                gr.skip(),
                views.result_line(result.settings),
                views.agreement(result.agreement),
                request.seed,
                gr.Button(interactive=True),
            )


def _paint_request(prompt: str, seed: float | None, steps: float, guidance: float) -> Request:
    if seed is None:
        seed = random.SystemRandom().randrange(LIMITS.seed[1])
    request = Request(
        task="generate", text=prompt, seed=int(seed), steps=int(steps), guidance=float(guidance)
    )
    check(PIPELINE, request)
    return request


def _save(painted: Painted) -> str:
    """Path of the marked PNG file, in the folder that is emptied regularly."""
    data = provenance.mark(painted.image, painted.settings)
    name = f"unif2ace-{painted.settings['seed']}.png"
    return save_bytes_to_cache(data, name, get_upload_folder())


def check_painting(
    prompt: str, seed: float | None, is_random: bool, steps: float, guidance: float
) -> list[dict[str, Any]]:
    """Before queueing: what is wrong is said next to the prompt."""
    fine = gr.validate(True, "")
    try:
        _paint_request(prompt, None if is_random else seed, steps, guidance)
    except ValueError as error:
        return [gr.validate(False, str(error)), fine, fine, fine, fine]
    return [fine] * 5


def check_asking(source: str | None, question: str) -> list[dict[str, Any]]:
    """Before queueing: a picture is there, and the question can and may be answered."""
    fine = gr.validate(True, "")
    if source is None:
        return [gr.validate(False, "Please choose a picture first."), fine]
    try:
        check_question(PIPELINE, question)
    except ValueError as error:
        return [fine, gr.validate(False, str(error))]
    return [fine, fine]


def open_link(request: gr.Request) -> tuple[Any, ...]:
    """Set tab, fields and a note from the URL's parameters; leave alone what it does not name."""
    link = Link.from_params(dict(request.query_params), LIMITS)
    if link.checkpoint and link.checkpoint != PIPELINE.checkpoint:
        gr.Info("This link was made with other weights, so the face will differ.")

    def given(value: object) -> Any:
        return gr.skip() if value is None else value

    return (
        gr.Tabs(selected=link.tab) if link.tab else gr.skip(),
        given(link.prompt),
        given(link.seed),
        gr.skip() if link.seed is None else False,
        given(link.steps),
        given(link.guidance),
        given(link.question),
        gr.Markdown(visible=link.prompt is not None),
    )


def check_origin(source: str | None) -> str:
    return "" if source is None else views.verification(_verify(source))


def _verify(source: str | None) -> provenance.Verification:
    with in_words():
        if source is None:
            raise ValueError("There is no picture yet. Please choose one first.")
        return provenance.verify(source)


def generate(
    prompt: str,
    seed: float | None = None,
    steps: float = DEFAULT_STEPS,
    guidance: float = DEFAULT_GUIDANCE,
) -> tuple[str, dict[str, Any]]:
    """Paint an invented face from a description in English.

    Args:
        prompt: what the face looks like, for example "an old man with a grey beard".
        seed: whole number that fixes the result; drawn at random if left out.
        steps: painting steps; more are slower and a little finer.
        guidance: how strictly to follow the words; 1 is loosely.
    Returns: the picture as a marked PNG file, and its settings with the agreement per attribute.
    """
    with in_words():
        request = _paint_request(prompt, seed, steps, guidance)
    *_, painted = run_model(request)
    assert isinstance(painted, Painted)
    return _save(painted), {**painted.settings, "agreement": dict(painted.agreement)}


def answer(image: str | None, question: str) -> str:
    """Answer a question in English about the face in a picture. Nobody is identified.

    Args:
        image: a picture that shows a face.
        question: for example "What color is the hair?".
    """
    return list(ask(image, question))[-1]


def describe(image: str | None) -> str:
    """Describe the face in a picture in a few English sentences.

    Args:
        image: a picture that shows a face.
    """
    return list(ask_description(image))[-1]


def attributes(image: str | None, names: str = "") -> dict[str, dict[str, float]]:
    """Probability of every value of the attributes of the face in a picture.

    Args:
        image: a picture that shows a face.
        names: attributes to look at, with commas between them; all if left out.
    """
    with in_words():
        request = Request(task="attributes", text=names, image=see(image).image)
        check(PIPELINE, request)
    (observed,) = run_model(request)
    assert isinstance(observed, Observed)
    return {name: dict(values) for name, values in observed.table.items()}


def verify(image: str | None) -> dict[str, Any]:
    """Tell whether a picture carries the marks of pictures painted here.

    Args:
        image: a picture file, best as downloaded.
    """
    found = _verify(image)
    return {
        "is_generated": found.is_generated,
        "has_invisible_mark": found.has_invisible_mark,
        "score": round(found.score, 2),
        "digital_source_type": found.source_type,
        "settings": dict(found.settings or {}),
    }


def build() -> gr.Blocks:
    """The page. Everything that needs the model shares one queue slot."""
    # Served from where they are: copies in the upload folder would be deleted with the uploads.
    gr.set_static_paths([page.ASSETS / "examples"])
    with gr.Blocks(title="UniF²ace: paint and describe faces", delete_cache=(300, 600)) as blocks:
        wire_endpoints(page.endpoints())  # first, so that their names are free
        gr.Markdown(page.HEADLINE, elem_id="headline")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Understand", id="understand"):
                look = page.understand_tab(LIMITS, EXAMPLES)
            with gr.Tab("Generate", id="generate"):
                make = page.generate_tab(LIMITS)
            with gr.Tab("About", id="about"):
                about = page.about_tab()
        wire_understand(look)
        wire_generate(make, tabs, look.picture)
        about.picture.change(check_origin, about.picture, about.verification, **QUICK)
        if EXAMPLES:  # the first one is there from the start
            shown = [look.crop, look.crop_note]
            blocks.load(show_crop, look.picture, shown, **QUICK)
        blocks.load(
            open_link,
            None,
            [tabs, *make.settings, look.question, make.note],
            **QUICK,
        )
    return blocks


def wire_understand(tab: page.UnderstandTab) -> None:
    tab.picture.change(show_crop, tab.picture, [tab.crop, tab.crop_note], **QUICK)
    for button, path in zip(tab.examples, EXAMPLES, strict=True):
        button.click(lambda path=path: Image.open(path), None, tab.picture, **QUICK)
    asking: dict[str, Any] = {
        "fn": ask,
        "inputs": [tab.picture, tab.question],
        "outputs": tab.answer,
        "validator": check_asking,
        **MODEL,
    }
    events = [gr.on([tab.ask.click, tab.question.submit], **asking)]
    for chip, text in zip(tab.chips, page.QUESTIONS, strict=True):
        fill = chip.click(lambda text=text: text, None, tab.question, **QUICK)
        events.append(fill.then(**asking))
    events.append(tab.describe.click(ask_description, tab.picture, tab.answer, **MODEL))
    events.append(tab.observe.click(observe, tab.picture, tab.observed, **MODEL))
    tab.stop.click(None, cancels=events, api_visibility="private")


def wire_generate(tab: page.GenerateTab, tabs: gr.Tabs, carried_to: gr.Image) -> None:
    event = gr.on(
        [tab.generate.click, tab.prompt.submit],
        paint,
        tab.settings,
        [tab.painting, tab.mosaic, tab.line, tab.agreement, tab.seed, tab.ask],
        show_progress_on=tab.painting,
        show_progress="minimal",
        validator=check_painting,
        **MODEL,
    )
    tab.generate.click(None, js=SHOW_PAINTING, api_visibility="private")
    tab.stop.click(None, cancels=[event], api_visibility="private")
    tab.ask.click(
        lambda path: (path, gr.Tabs(selected="understand")),
        tab.painting,
        [carried_to, tabs],
        **QUICK,
    )


def wire_endpoints(api: page.Endpoints) -> None:
    """The named endpoints, apart from what the page looks like."""
    click, public = api.trigger.click, {**MODEL, "api_visibility": "public"}
    settings = [api.prompt, api.seed, api.steps, api.guidance]
    click(generate, settings, [api.painted, api.data], api_name="generate", **public)
    click(answer, [api.image, api.question], api.text, api_name="answer", **public)
    click(describe, api.image, api.text, api_name="describe", **public)
    click(attributes, [api.image, api.names], api.data, api_name="attributes", **public)
    click(verify, api.image, api.data, api_name="verify", concurrency_limit=4)


demo = build()

if __name__ == "__main__":
    demo.queue(max_size=32).launch(
        theme=page.THEME,
        css_paths=page.ASSETS / "app.css",
        max_file_size="40mb",
        run_history=False,
        mcp_server=True,
        footer_links=["api"],
    )
