"""The Space: widgets and wording around `UniF2acePipeline`. Runs the same on a laptop.

`UNIF2ACE_CHECKPOINT=repo-or-path[@revision]` chooses the weights, default assets/checkpoint;
`UNIF2ACE_QUANTIZATION=none` unpacks them, where it is nf4 otherwise.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from unif2ace.zerogpu import gpu  # isort: skip  (imports `spaces`, which must come before torch)

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from unif2ace import page, provenance, views
from unif2ace.checkpoint import split_revision
from unif2ace.composing import toggled
from unif2ace.images import FaceCrop, crop_face, open_upload, read_upload
from unif2ace.languages import preferred, retold, say
from unif2ace.links import Link
from unif2ace.logs import keep_words_out
from unif2ace.parsing import parse_attributes
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEPS
from unif2ace.routing import routing_picture
from unif2ace.serving import (
    Finished,
    Observed,
    Painted,
    Painting,
    Request,
    Result,
    Routed,
    Said,
    check,
    check_question,
    serve,
)

Facts = dict[str, Mapping[str, Any]]  # all of a `Painted` but the picture
Told = tuple[str | None, dict[str, Any]]  # to programs: the painted file, or None yet, and data
EXAMPLES = sorted(str(path) for path in (page.ASSETS / "examples").glob("*.png"))
TITLE = "UniF²ace: paint and describe faces"
KEEP_SECONDS = int(os.environ.get("UNIF2ACE_KEEP_SECONDS", 600))  # uploads and painted files
MODEL: dict[str, Any] = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
}
ON, OFF = gr.update(interactive=True), gr.update(interactive=False)
FINE = gr.validate(True, "")
NO_PICTURE = "There is no picture yet. Please choose one first."
MAX_QUEUE = 32  # of all requests; Gradio refuses more, in English
MAX_WAITING = 24  # the page refuses more in the visitor's language, which leaves programs some room
TOO_MANY = "{} visitors are waiting already. Please try again in a minute."
QUOTA_ADVICE = "Fewer steps and pictures need less of it; signing in to Hugging Face gives more."
QUICK: dict[str, Any] = {
    "concurrency_limit": 4,
    "api_visibility": "private",
    "show_progress": "hidden",
}


def load_pipeline() -> UniF2acePipeline:
    """The checkpoint named by UNIF2ACE_CHECKPOINT, held as UNIF2ACE_QUANTIZATION says."""
    name = os.environ.get("UNIF2ACE_CHECKPOINT", str(page.ASSETS / "checkpoint"))
    form = os.environ.get("UNIF2ACE_QUANTIZATION", "nf4")
    path, revision = split_revision(name)
    return UniF2acePipeline.from_pretrained(
        path, revision=revision, quantization=None if form == "none" else form
    )


keep_words_out()
PIPELINE = load_pipeline()  # here and not later: ZeroGPU takes over what is loaded at import
LIMITS, KNOWN = PIPELINE.limits, PIPELINE.config.attributes


@contextmanager
def in_words(language: str = "en") -> Iterator[None]:
    """Turn ValueErrors, which are written for visitors, into messages on the page."""
    try:
        yield
    except ValueError as error:
        title = say("Not possible", language)
        words = retold(str(error), language)
        raise gr.Error(words, title=title, print_exception=False) from None


@gpu
def on_gpu(request: Request) -> Iterator[Result]:
    """The one function that touches the model, for every tab and endpoint."""
    with in_words():  # inside, since other exceptions lose their words on the way from the GPU
        yield from serve(PIPELINE, request)


def run_model(request: Request, language: str = "en") -> Iterator[Result]:
    """`on_gpu`, its errors in the visitor's language, with advice when GPU time is used up."""
    try:
        yield from on_gpu(request)
    except gr.Error as error:
        is_quota = "quota" in f"{error.title} {error.message}".lower()
        error.title, error.message = say(error.title, language), retold(error.message, language)
        if is_quota:
            error.message = f"{error.message} {say(QUOTA_ADVICE, language)}"
        raise


def see(source: str | bytes | None) -> FaceCrop:
    """The face in an upload, as the model sees it. ValueError, in words, if there is none.

    A picture that was painted here is used whole: it is framed already.
    """
    if source is None:
        raise ValueError(NO_PICTURE)
    image = read_upload(source)
    if image.width == image.height and provenance.verify(image).has_invisible_mark:
        size = (PIPELINE.image_size, PIPELINE.image_size)
        return FaceCrop(image=image.resize(size), box=(0, 0, *image.size), num_faces=1)
    return crop_face(image, PIPELINE.image_size)


def show_crop(source: str | None, language: str) -> tuple[Any, str]:
    """The crop the model will see, and a line about it."""
    if source is None:
        return None, ""
    try:
        crop = see(source)
    except ValueError as error:
        return None, f"⚠ {retold(str(error), language)}"
    if crop.num_faces > 1:
        words = say("{} faces were found. The largest one is used.", language)
        return crop.image, words.format(crop.num_faces)
    return crop.image, say("This is what the AI sees.", language)


def ask(
    source: str | None, question: str | None, language: str = "en"
) -> Iterator[tuple[str, Any]]:
    """Yields the answer so far, and what the question was taken for, with a link to it."""
    question = question or ""
    with in_words(language):
        request = Request(task="answer", text=question, image=see(source).image)
        check(PIPELINE, request)
    for said in _said(request, language):
        line = views.question_line(
            question, said.topic, PIPELINE.checkpoint, language, others=said.others
        )
        yield said.text, gr.update(value=line, visible=True)


def ask_description(source: str | None, language: str = "en") -> Iterator[str]:
    with in_words(language):
        request = Request(task="describe", image=see(source).image)
    for said in _said(request, language):
        yield said.text


def show_description(source: str | None, language: str) -> Iterator[tuple[str, Any]]:
    """As `ask_description`; what the question before was taken for is told no longer."""
    for text in ask_description(source, language):
        yield text, gr.update(visible=False)


def _said(request: Request, language: str) -> Iterator[Said]:
    for result in run_model(request, language):
        assert isinstance(result, Said)
        yield dataclasses.replace(result, text=say(result.text, language))


def observe(source: str | None, language: str) -> str:
    return views.observations(_observed(source, "", language), language)


def _observed(
    source: str | None, names: str | None, language: str = "en"
) -> dict[str, dict[str, float]]:
    with in_words(language):
        request = Request(task="attributes", text=names or "", image=see(source).image)
        check(PIPELINE, request)
    (observed,) = run_model(request, language)
    assert isinstance(observed, Observed)
    return {name: dict(values) for name, values in observed.table.items()}


def paint(
    prompt: str,
    seed: float | None,
    is_random: bool,
    steps: float,
    guidance: float,
    num_images: float,
    language: str,
) -> Iterator[dict[Any, Any]]:
    with in_words(language):
        request = _paint_request(prompt, None if is_random else seed, steps, guidance, num_images)
    yield from _painting(request, language)


def change(
    prompt: str,
    seed: float | None,
    is_random: bool,
    steps: float,
    guidance: float,
    num_images: float,
    language: str,
    source: str | None,
    region: str,
) -> Iterator[dict[Any, Any]]:
    with in_words(language):
        request = _edit_request(
            source, region, prompt, None if is_random else seed, steps, guidance, num_images
        )
    yield from _painting(request, language)


def show_routing(source: str | None, prompt: str, language: str) -> Image.Image:
    """Which experts serve which piece of a face, layer by layer."""
    with in_words(language):
        request = Request(task="routing", text=prompt.strip(), image=see(source).image)
        check(PIPELINE, request)
    (routed,) = run_model(request, language)
    assert isinstance(routed, Routed) and request.image is not None
    return routing_picture(request.image, routed.routing)


def _painting(request: Request, language: str) -> Iterator[dict[Any, Any]]:
    """What changes on the Generate tab: previews, then the faces, the best one in front."""
    hidden = gr.update(visible=False)
    first = {
        make.seed: request.seed,
        make.line: "",
        make.agreement: "",
        make.all_painted: hidden,
    }
    for result in run_model(request, language):
        if isinstance(result, Painting):
            mosaic = views.mosaic(result, language)
            buttons = {make.ask: OFF, make.change: OFF}
            yield {make.painting: result.preview, make.mosaic: mosaic, **buttons, **first}
            first = {}
        elif isinstance(result, Finished):
            files = [_save(face) for face in result.faces]
            fits = say("fits {} %", language)
            names = [fits.format(round(100 * face.fit)) for face in result.faces]
            facts = [
                {name: value for name, value in vars(face).items() if name != "image"}
                for face in result.faces
            ]
            yield {
                **_shown(files[0], facts[0], language),
                make.ask: ON,
                make.change: ON,
                make.all_painted: gr.update(
                    value=list(zip(files, names, strict=True)), visible=len(files) > 1
                ),
                painted: list(zip(files, facts, strict=True)),
            }


def _shown(path: str, facts: Facts, language: str) -> dict[Any, Any]:
    agreement = views.agreement(facts["asked"], facts["agreement"], language)
    return {
        make.painting: path,
        make.line: views.result_line(facts["settings"], language),
        make.agreement: agreement + views.chosen(facts["chosen"], language),
    }


def carry(source: str | None, language: str) -> tuple[Any, Any]:
    """The painted face as the picture to ask about."""
    with in_words(language):
        if source is None:
            raise ValueError(NO_PICTURE)
        open_upload(source)
    return source, gr.Tabs(selected="understand")


def show_another(
    made: list[tuple[str, Facts]], language: str, event: gr.SelectData
) -> dict[Any, Any]:
    """Put the picture that was chosen among all of a request in front."""
    path, facts = made[event.index]
    with in_words(language):
        open_upload(path).close()
    return _shown(path, facts, language)


def _paint_request(
    prompt: str | None,
    seed: float | None,
    steps: float | None,
    guidance: float | None,
    num_images: float | None,
) -> Request:
    """What is None, as programs send what they leave out, is as on the page at first."""
    if seed is None:
        seed = LIMITS.draw_seed()
    request = Request(
        task="generate",
        text=prompt or "",
        seed=int(seed),
        steps=int(DEFAULT_STEPS if steps is None else steps),
        guidance=float(DEFAULT_GUIDANCE if guidance is None else guidance),
        num_images=int(1 if num_images is None else num_images),
    )
    check(PIPELINE, request)
    return request


def _edit_request(source: str | None, region: str, *settings: Any) -> Request:
    """As `_paint_request`, with a picture that was painted here: nobody's photograph is changed,
    nor one that was pasted into such a picture, whose mark an edit would renew."""
    request = _paint_request(*settings)
    image = see(source).image
    if not _verify(source).is_whole:
        raise ValueError("Only faces that were painted here can be changed here.")
    request = dataclasses.replace(request, task="edit", image=image, region=region)
    check(PIPELINE, request)
    return request


def _save(painted: Painted) -> str:
    """Path of the marked PNG file, in the folder that is emptied regularly."""
    data = provenance.mark(painted.image, painted.settings)
    name = f"unif2ace-{painted.settings['seed']}.png"
    return save_bytes_to_cache(data, name, get_upload_folder())


def pick_value(prompt: str, event: gr.EventData) -> str:
    """The prompt with the value of a pressed button put in or taken out."""
    return toggled(prompt, event.name, event.value)


def pressed(prompt: str) -> Any:
    """Which buttons say what the prompt says already."""
    return gr.HTML(pressed=[f"{name}={value}" for name, value in parse_attributes(prompt).items()])


def check_painting(
    prompt: str,
    seed: float | None,
    is_random: bool,
    steps: float,
    guidance: float,
    num_images: float,
    language: str,
    *of_a_change: Any,
) -> list[dict[str, Any]]:
    """Before queueing: what is wrong is said next to the prompt."""
    problem = no_room(language)
    try:
        _paint_request(prompt, None if is_random else seed, steps, guidance, num_images)
    except ValueError as error:
        problem = retold(str(error), language)
    return [gr.validate(not problem, problem), *[FINE] * (6 + len(of_a_change))]


def check_asking(source: str | None, question: str, language: str) -> list[dict[str, Any]]:
    """Before queueing: a picture is there, and the question can and may be answered."""
    asked = ""
    try:
        check_question(PIPELINE, question)
    except ValueError as error:
        asked = retold(str(error), language)
    return [check_picture(source, language)[0], gr.validate(not asked, asked), FINE]


def check_picture(source: str | None, language: str) -> list[dict[str, Any]]:
    """Before queueing: a picture is there, and room for one more who waits."""
    problem = say(NO_PICTURE, language) if source is None else no_room(language)
    return [gr.validate(not problem, problem), FINE]


def check_routing(source: str | None, prompt: str, language: str) -> list[dict[str, Any]]:
    """Before queueing: as `check_picture`."""
    return [*check_picture(source, language), FINE]


def no_room(language: str) -> str:
    """Why nobody else can wait, "" while there is room."""
    waiting = len(demo._queue)
    return say(TOO_MANY, language).format(waiting) if waiting >= MAX_WAITING else ""


def open_link(request: gr.Request) -> tuple[Any, ...]:
    """Set tab, fields and language from the URL's parameters and the browser; leave alone what
    they do not name."""
    params = dict(request.query_params)
    link = Link.from_params(params, LIMITS)
    language = preferred(params.get("lang") or request.headers.get("accept-language", ""))
    if link.checkpoint and link.checkpoint != PIPELINE.checkpoint:
        gr.Info(
            say(
                "This link was made with another version of the AI, so the result may differ.",
                language,
            )
        )

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
        gr.skip() if language == "en" else language,  # the visitor may have picked one meanwhile
    )


def check_origin(source: str | None, language: str) -> str:
    """What the marks of the picture say, or the words for an empty box."""
    if source is None:
        return views.quiet(views.NOTHING_VERIFIED, language)
    return views.verification(_verify(source, language), language)


def _verify(source: str | None, language: str = "en") -> provenance.Verification:
    with in_words(language):
        if source is None:
            raise ValueError(NO_PICTURE)
        return provenance.verify(source)


def generate(
    prompt: str,
    seed: float | None = None,
    steps: float = DEFAULT_STEPS,
    guidance: float = DEFAULT_GUIDANCE,
    num_images: float = 1,
) -> Iterator[Told]:
    """Paint an invented face from a description in English.

    Args:
        prompt: what the face looks like, for example "an old man with a grey beard".
        seed: whole number that fixes the result; drawn at random if left out.
        steps: painting steps; more are slower, and beyond 8 they hardly improve a face.
        guidance: how strictly to follow the words; 1 follows them loosely.
        num_images: how many to paint, 1 to 4, of which the one that fits the words best is given.
    Returns: the picture as a marked PNG file, and its settings with the agreement per attribute;
        "chosen" is what the words left open and the model settled itself, "candidates" lists
        seed and fit of all that were painted, the best first. Until then no picture, and how far
        it is: "step" of "num_steps".
    """
    with in_words():
        request = _paint_request(prompt, seed, steps, guidance, num_images)
    yield from _best(request)


def _best(request: Request) -> Iterator[Told]:
    """Told step by step: a caller who has left is noticed between two steps, and painting ends."""
    for result in run_model(request):
        if isinstance(result, Painting):
            yield None, {"step": result.step, "num_steps": result.num_steps}
        elif isinstance(result, Finished):
            yield _save(result.faces[0]), _data(result)


def _data(finished: Finished) -> dict[str, Any]:
    best = finished.faces[0]
    candidates = [
        {"seed": face.settings["seed"], "fit": round(face.fit, 4)} for face in finished.faces
    ]
    return {
        **best.settings,
        "agreement": dict(best.agreement),
        "chosen": dict(best.chosen),
        "candidates": candidates,
    }


def edit(
    image: str | None,
    region: str,
    prompt: str,
    seed: float | None = None,
    steps: float = DEFAULT_STEPS,
    guidance: float = DEFAULT_GUIDANCE,
    num_images: float = 1,
) -> Iterator[Told]:
    """Paint one part of a face anew that was painted here; the rest of it stays as it is.

    Args:
        image: a picture file that /generate or /edit gave.
        region: the part to paint anew.
        prompt: what the whole face looks like afterwards, for example "an old man with red hair".
        seed: whole number that fixes the result; drawn at random if left out.
        steps: painting steps; more are slower, and beyond 8 they hardly improve a face.
        guidance: how strictly to follow the words; 1 follows them loosely.
        num_images: how many to paint, 1 to 4, of which the one that fits the words best is given.
    Returns: as /generate.
    """
    with in_words():
        request = _edit_request(image, region, prompt, seed, steps, guidance, num_images)
    yield from _best(request)


def answer(image: str | None, question: str | None) -> Iterator[str]:
    """Answer a question in English about the face in a picture. Nobody is identified.

    Args:
        image: a picture that shows a face.
        question: for example "What color is the hair?".
    Returns: the answer; as a stream, the answer so far.
    """
    for text, _ in ask(image, question):
        yield text


def describe(image: str | None) -> Iterator[str]:
    """Describe the face in a picture in a few English sentences.

    Args:
        image: a picture that shows a face.
    Returns: the description; as a stream, the description so far.
    """
    yield from ask_description(image)


def attributes(image: str | None, names: str | None = "") -> dict[str, dict[str, float]]:
    """Probability of every value of the attributes of the face in a picture.

    Args:
        image: a picture that shows a face.
        names: attributes to look at, with commas between them; all if left out.
    """
    return _observed(image, names)


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


# -- the page ----------------------------------------------------------------------------------


def wire_understand(look: page.UnderstandTab, language: gr.Radio) -> None:
    shown = [look.crop, look.crop_note]
    look.picture.change(show_crop, [look.picture, language], shown, **QUICK)
    asking: dict[str, Any] = {
        "fn": ask,
        "inputs": [look.picture, look.question, language],
        "outputs": [look.answer, look.link],
        "validator": check_asking,
        **MODEL,
    }
    looking: dict[str, Any] = {
        "inputs": [look.picture, language],
        "validator": check_picture,
        **MODEL,
    }
    events = [
        gr.on([look.ask.click, look.question.submit], **asking),
        *(
            chips.select(_value, None, look.question, **QUICK).then(**asking)
            for chips in (look.chooser, look.link)
        ),
        *(
            button.click(lambda path=path: Image.open(path), None, look.picture, **QUICK).then(
                **asking
            )
            for button, path in zip(look.examples, EXAMPLES, strict=True)
        ),
        look.describe.click(show_description, outputs=[look.answer, look.link], **looking),
        look.observe.click(observe, outputs=look.observed, **looking),
    ]
    look.stop.click(None, cancels=events, api_visibility="private")


def _value(event: gr.EventData) -> str:
    return event.value


def wire_generate(carried_to: gr.Image, tabs: gr.Tabs, language: gr.Radio) -> None:
    result = [make.painting, make.line, make.agreement]
    painting: dict[str, Any] = {
        "outputs": [
            *result,
            make.mosaic,
            make.seed,
            make.ask,
            make.change,
            make.all_painted,
            painted,
        ],
        "show_progress_on": make.painting,
        "show_progress": "minimal",
        "validator": check_painting,
        **MODEL,
    }
    settings = [*make.settings, language]
    events = [
        gr.on([make.generate.click, make.prompt.submit], paint, settings, **painting),
        make.examples.load_input_event.then(paint, settings, **painting),
        make.change.click(change, [*settings, make.painting, make.region], **painting),
    ]
    for event in events:
        event.success(None, make.painting, js="unif2ace.remember", api_visibility="private")
    for button in (make.generate, make.examples.dataset):
        button.click(None, js="unif2ace.showPainting", api_visibility="private")
    make.stop.click(None, cancels=events, api_visibility="private")
    make.all_painted.select(show_another, [painted, language], result, **QUICK)
    make.chooser.select(pick_value, make.prompt, make.prompt, **QUICK)
    make.prompt.change(pressed, make.prompt, make.chooser, trigger_mode="always_last", **QUICK)
    make.ask.click(
        carry,
        [make.painting, language],
        [carried_to, tabs],
        **QUICK,
    )


def wire_language(language: gr.Radio, look: page.UnderstandTab) -> None:
    """All texts of the page in the language that was picked."""
    spoken = page.spoken(demo)

    def speak(language: str) -> list[Any]:
        updates = [
            gr.update(**{name: say(text, language) for name, text in texts.items()})
            for _, texts in spoken
        ]
        choosers = [
            views.question_chooser(KNOWN, language),
            views.value_chooser(KNOWN, language),
        ]
        empty = views.quiet(views.NOTHING_PAINTED, language)
        parts = gr.update(choices=page.regions(language))
        texts = [f(language) for f in (page.diagram, page.about_text, page.key_numbers)]
        return [*updates, *choosers, empty, parts, *texts]

    outputs: list[Any] = [component for component, _ in spoken]
    language.change(show_crop, [look.picture, language], [look.crop, look.crop_note], **QUICK)
    outputs += [look.chooser, make.chooser, make.mosaic, make.region, *about]
    language.change(speak, language, outputs, **QUICK)
    language.change(None, language, js="unif2ace.speak", api_visibility="private")


def wire_endpoints(api: page.Endpoints) -> None:
    """The named endpoints, apart from what the page looks like."""
    click, public = api.trigger.click, {**MODEL, "api_visibility": "public"}
    settings = [api.prompt, api.seed, api.steps, api.guidance, api.num_images]
    click(generate, settings, [api.painted, api.data], api_name="generate", **public)
    edited = [api.image, api.region, *settings]
    click(edit, edited, [api.painted, api.data], api_name="edit", **public)
    click(answer, [api.image, api.question], api.text, api_name="answer", **public)
    click(describe, api.image, api.text, api_name="describe", **public)
    click(attributes, [api.image, api.names], api.data, api_name="attributes", **public)
    click(verify, api.image, api.data, api_name="verify", concurrency_limit=4)


# Served from where they are: copies in the upload folder would be deleted with the uploads.
gr.set_static_paths([page.ASSETS / "examples"])
with gr.Blocks(title=TITLE, delete_cache=(KEEP_SECONDS // 2, KEEP_SECONDS)) as demo:
    wire_endpoints(page.endpoints())  # first, so that their names are free
    language = page.header()
    painted = gr.State([])  # of this visitor: files and settings of the last request
    with gr.Tabs(elem_id="tabs") as tabs:
        with gr.Tab(page.text("Understand"), id="understand"):
            look = page.understand_tab(LIMITS, EXAMPLES, KNOWN)
        with gr.Tab(page.text("Generate"), id="generate"):
            make = page.generate_tab(LIMITS, KNOWN)
        with gr.Tab(page.text("Routing"), id="routing"):
            routes = page.routing_tab(LIMITS, EXAMPLES)
        with gr.Tab(page.text("Verify"), id="verify"):
            origin = page.verify_tab()
        with gr.Tab(page.text("About"), id="about"):
            about = page.about_tab()
    wire_understand(look, language)
    wire_generate(look.picture, tabs, language)
    wire_language(language, look)
    routes.show.click(
        show_routing,
        [routes.picture, routes.prompt, language],
        routes.drawing,
        validator=check_routing,
        **MODEL,
    )
    gr.on(
        [origin.picture.change, language.change],
        check_origin,
        [origin.picture, language],
        origin.verification,
        **QUICK,
    )
    if EXAMPLES:  # the first one is there from the start
        demo.load(show_crop, [look.picture, language], [look.crop, look.crop_note], **QUICK)
    demo.load(pressed, make.prompt, make.chooser, **QUICK)
    demo.load(open_link, None, [tabs, *make.settings[:5], look.question, language], **QUICK).then(
        None, js="unif2ace.openLink", api_visibility="private"
    )

demo.queue(max_size=MAX_QUEUE)
LAUNCH: dict[str, Any] = {
    "theme": page.THEME,
    "css_paths": page.ASSETS / "app.css",
    "head": f"<script>{page.SCRIPT}</script>",
    "i18n": page.I18N,
    "max_file_size": "40mb",
    "run_history": False,
    "show_error": True,  # a malformed request is answered in words, too
    "mcp_server": True,
    "footer_links": ["api"],
}

if __name__ == "__main__":
    demo.launch(**LAUNCH)
