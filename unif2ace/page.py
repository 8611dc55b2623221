"""What the page shows: widgets, wording and looks. Which button does what is wired in app.py."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from unif2ace import views
from unif2ace.evaluate import report
from unif2ace.languages import LANGUAGES, say, translations
from unif2ace.markdown import table
from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEPS, Limits
from unif2ace.regions import REGIONS

ASSETS = Path(__file__).resolve().parents[1] / "assets"
PROMPTS = (
    "A smiling young woman with long red hair and freckles",
    "An old man with a full grey beard and round glasses",
    "A surprised woman with a black bob and red lipstick",
    "A bald man with sunglasses in front of a blue background",
)
QUESTION = "What color is the hair?"
HEADLINE = """# Paint a face with words. Ask a face questions.
One small AI model does both. It paints invented people and identifies nobody."""
PRIVACY = (
    "You talk to an AI. Your picture is used to answer you only, deleted within 15 minutes, "
    "never used for training. Nobody is identified."
)
VERIFYING = (
    "Every painted picture carries two marks: a label in the file and an invisible pattern. "
    "Choose a file, best as it was downloaded."
)
ROUTES = (
    "For researchers: inside every layer, each piece of the picture is sent to a few of many "
    "experts. Here is where each one goes."
)
ROUTES_SHOWN = (
    "Color and number are the strongest of the experts that each piece is given to. The line "
    "above each layer names the two experts for the whole face, with their weights: semantic and "
    "face mix in what an image and a face encoder see, noise mixes in noise, copy changes "
    "nothing, zero leaves out."
)
I18N = gr.I18n(**translations())
SCRIPT = (ASSETS / "page.js").read_text(encoding="utf-8")
MARKER = "__i18n__"
_DRAWN = re.compile(r">([^<>]+)<(?=/text>|/title>)")
CHOOSER = "unif2ace.chooser(element, trigger, watch, props); // it triggers 'select'"
THEME = gr.themes.Soft(
    primary_hue="violet",
    neutral_hue="slate",
    radius_size="lg",
    font=["system-ui", "sans-serif"],  # of the visitor's machine: nothing is fetched from elsewhere
    font_mono=["ui-monospace", "monospace"],
).set(  # contrast of at least 4.5 for every text, and fields that look like fields
    background_fill_primary="*neutral_50",
    block_background_fill="white",
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_hover_dark="*primary_700",
    button_secondary_background_fill_hover_dark="*primary_600",
    checkbox_label_background_fill_selected="*primary_600",
    input_border_color="*neutral_300",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_300",
    link_text_color="*secondary_700",
    link_text_color_dark="*secondary_300",
    link_text_color_visited="*secondary_700",
    link_text_color_visited_dark="*secondary_300",
)


@dataclass(frozen=True, kw_only=True)
class UnderstandTab:
    picture: gr.Image
    examples: tuple[gr.Button, ...]
    crop: gr.Image
    crop_note: gr.Markdown
    question: gr.Textbox
    chooser: gr.HTML
    ask: gr.Button
    describe: gr.Button
    observe: gr.Button
    stop: gr.Button
    answer: gr.Textbox
    link: gr.HTML
    observed: gr.HTML


@dataclass(frozen=True, kw_only=True)
class GenerateTab:
    prompt: gr.Textbox
    examples: gr.Examples
    chooser: gr.HTML
    generate: gr.Button
    stop: gr.Button
    num_images: gr.Slider
    is_random: gr.Checkbox
    seed: gr.Number
    steps: gr.Slider
    guidance: gr.Slider
    painting: gr.Image
    all_painted: gr.Gallery
    line: gr.HTML
    ask: gr.Button
    region: gr.Dropdown
    change: gr.Button
    mosaic: gr.HTML
    agreement: gr.HTML

    @property
    def settings(self) -> list[Any]:
        return [
            self.prompt,
            self.seed,
            self.is_random,
            self.steps,
            self.guidance,
            self.num_images,
        ]


@dataclass(frozen=True, kw_only=True)
class RoutingTab:
    picture: gr.Image
    prompt: gr.Textbox
    show: gr.Button
    drawing: gr.Image


@dataclass(frozen=True, kw_only=True)
class VerifyTab:
    picture: gr.Image
    verification: gr.HTML


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Unseen widgets that give the named endpoints plain inputs and outputs."""

    trigger: gr.Button
    image: gr.Image
    prompt: gr.Textbox
    question: gr.Textbox
    names: gr.Textbox
    seed: gr.Number
    steps: gr.Number
    guidance: gr.Number
    num_images: gr.Number
    region: gr.Dropdown
    painted: gr.Image
    text: gr.Textbox
    data: gr.JSON


def upload_box(label: str, elem_id: str, **options: Any) -> gr.Image:
    """An image input whose handler gets the file as it came.

    Gradio's own preprocessing would decode the picture before our limits are checked, with error
    messages that name paths, and re-encode it without its metadata.
    """

    box = gr.Image(
        label=label,
        elem_id=elem_id,
        type="filepath",
        image_mode=None,
        format="png",
        sources=["upload", "webcam", "clipboard"],
        **options,
    )
    return as_it_came(box)


def as_it_came(box: gr.Image) -> gr.Image:
    """The image box, its handlers given the path of the file, or its bytes, instead of pixels."""

    def unopened(payload: Any) -> str | bytes | None:
        if payload is not None and (payload.url or "").startswith("data:"):
            return base64.b64decode(payload.url.partition(",")[2])
        return None if payload is None else payload.path

    setattr(box, "preprocess", unopened)  # noqa: B010  (mypy: a method is replaced on purpose)
    return box


def header() -> gr.Radio:
    """What the page is, and the language it speaks."""
    with gr.Row(elem_id="header"):
        gr.Markdown(text(HEADLINE), elem_id="headline")
        return gr.Radio(
            [(name, code) for code, name in LANGUAGES.items()],
            value="en",
            label=text("Language"),
            show_label=False,
            container=False,
            scale=0,
            min_width=250,
            elem_id="language",
        )


def understand_tab(limits: Limits, examples: list[str], known: views.Known) -> UnderstandTab:
    with gr.Row():
        with gr.Column():
            picture = upload_box(
                text("A picture with a face"),
                "picture",
                alt_text="Your picture",
                height=300,
                value=examples[0] if examples else None,
            )
            if examples:
                _quiet("Or press an invented face: the AI answers at once")
            with gr.Row(elem_classes="faces"):
                faces = [gr.Button(_said(path), icon=path, size="sm") for path in examples]
            with gr.Row(elem_id="seen"):
                crop = gr.Image(
                    label=text("What the AI sees"),
                    show_label=False,
                    alt_text="The part of your picture that the AI looks at",
                    min_width=72,
                    scale=0,
                    format="png",
                    height=72,
                    width=72,
                    interactive=False,
                    buttons=[],
                    container=False,
                    elem_id="crop",
                )
                crop_note = gr.Markdown(elem_id="crop-note")
            gr.Markdown(text(PRIVACY), elem_id="privacy")
        with gr.Column():
            question = gr.Textbox(
                QUESTION,
                label=text("Your question"),
                info=text("Write in English. Left and right are as you see them."),
                elem_id="question",
                max_length=limits.max_question_chars,
            )
            with gr.Row(elem_classes="actions"):
                ask_button = gr.Button(
                    text("Ask"), variant="primary", elem_id="ask", min_width=80, scale=2
                )
                describe_button = gr.Button(text("Describe"), elem_id="describe", min_width=90)
                observe_button = gr.Button(
                    text("List everything"), elem_id="observe", min_width=130
                )
                stop = gr.Button(text("Stop"), elem_id="stop-answer", min_width=64, scale=0)
            answer = gr.Textbox(
                label=text("Answer"),
                placeholder=text("The answer appears here, in English."),
                lines=4,
                max_lines=60,  # a full description on a phone
                interactive=False,
                buttons=["copy"],
                elem_id="answer",
            )
            link = _chooser("", "answer-link", elem_classes="quiet", visible=False)
            chooser = _chooser(views.question_chooser(known, "en"), "questions")
    observed = gr.HTML(elem_id="observed")
    return UnderstandTab(
        picture=picture,
        examples=tuple(faces),
        crop=crop,
        crop_note=crop_note,
        question=question,
        chooser=chooser,
        ask=ask_button,
        describe=describe_button,
        observe=observe_button,
        stop=stop,
        answer=answer,
        link=link,
        observed=observed,
    )


def text(english: str) -> str:
    """What the visitor's browser turns into its own language; see `spoken`."""
    return str(I18N(english))


def _chooser(html: str, elem_id: str, **settings: Any) -> gr.HTML:
    settings |= {"js_on_load": CHOOSER, "apply_default_css": False, "pressed": []}
    return gr.HTML(html, elem_id=elem_id, **settings)


def _quiet(english: str) -> None:
    gr.Markdown(text(english), elem_classes="quiet")


def _said(path: str) -> str:
    """The words in the name of an example: 1-red-hair.png is "Red hair"."""
    return text(Path(path).stem.lstrip("0123456789-").replace("-", " ").capitalize())


def generate_tab(limits: Limits, known: views.Known) -> GenerateTab:
    with gr.Row(elem_id="generate-row"):
        with gr.Column():
            prompt = gr.Textbox(
                PROMPTS[0],
                label=text("Describe a face"),
                info=text("Write in English. Left and right are as you see them."),
                lines=1,  # with one, Enter generates; it grows as words are typed
                max_lines=4,
                elem_id="prompt",
                max_length=limits.max_prompt_chars,
            )
            with gr.Row(elem_classes="actions"):
                button = gr.Button(text("Generate"), variant="primary", elem_id="generate")
                stop = gr.Button(text("Stop"), elem_id="stop-painting", min_width=64, scale=0)
            with gr.Accordion(text("Settings"), open=False, elem_id="settings"):
                num_images = gr.Slider(
                    *limits.num_images,
                    1,
                    step=1,
                    label=text("Pictures"),
                    info=text("The AI checks each one and shows the best first."),
                    elem_id="num-images",
                )
                is_random = gr.Checkbox(True, label=text("A new face each time"), elem_id="random")
                seed = gr.Number(
                    0,
                    label=text("Seed"),
                    info=text(
                        "The same seed, words and settings give the same face on the same kind of "
                        "machine."
                    ),
                    precision=0,
                    elem_id="seed",
                )
                steps = gr.Slider(
                    *limits.steps,
                    DEFAULT_STEPS,
                    step=1,
                    label=text("Steps"),
                    info=text("More steps take longer; beyond 8 they hardly improve a face."),
                    elem_id="steps",
                )
                guidance = gr.Slider(
                    *limits.guidance,
                    DEFAULT_GUIDANCE,
                    step=0.5,
                    label=text("Follow the words"),
                    info=text("1 follows them loosely; higher is stricter."),
                    elem_id="guidance",
                )
            examples = gr.Examples(
                [[words] for words in PROMPTS],
                prompt,
                label=text("Or press one of these: it is painted at once"),
                elem_id="prompts",
            )
            chooser = _chooser(views.value_chooser(known, "en"), "values")
        with gr.Column():
            with gr.Row():
                painting = gr.Image(
                    label=text("The painted face"),
                    alt_text="The face that was painted from your words",
                    format="png",
                    type="filepath",
                    height=380,
                    min_width=280,
                    scale=3,
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    elem_id="painting",
                )
                as_it_came(painting)
                with gr.Column(scale=1, min_width=130):
                    mosaic = gr.HTML(views.quiet(views.NOTHING_PAINTED), elem_id="mosaic")
            all_painted = gr.Gallery(
                label=text("All pictures, the best first"),
                columns=4,
                height=200,
                format="png",
                allow_preview=False,
                visible=False,
                interactive=False,
                elem_id="all-painted",
            )
            line = gr.HTML(elem_id="line")
            ask_button = gr.Button(
                text("Ask about this face"), interactive=False, elem_id="ask-about"
            )
            agreement = gr.HTML(elem_id="agreement")
            with gr.Row(elem_id="change-row"):
                region = gr.Dropdown(
                    regions("en"),
                    value="hair",
                    label=text("Part"),
                    info=text(
                        "Change the words first, for example the hair; "
                        "the rest of the picture stays."
                    ),
                    min_width=150,
                    scale=2,
                    elem_id="region",
                )
                change = gr.Button(
                    text("Change this part"), interactive=False, min_width=150, elem_id="change"
                )
    with gr.Column(elem_id="history"):
        gr.Markdown(text("### Painted in this visit"))
        _quiet(
            "They stay in this page until you leave it; the server deletes its copies within 15 "
            "minutes."
        )
        gr.HTML('<div class="strip"></div>', apply_default_css=False)
    return GenerateTab(
        prompt=prompt,
        examples=examples,
        chooser=chooser,
        generate=button,
        stop=stop,
        num_images=num_images,
        is_random=is_random,
        seed=seed,
        steps=steps,
        guidance=guidance,
        painting=painting,
        all_painted=all_painted,
        line=line,
        ask=ask_button,
        region=region,
        change=change,
        mosaic=mosaic,
        agreement=agreement,
    )


def regions(language: str) -> list[tuple[str, str]]:
    """The parts that can be changed: their names in a language, and as the model knows them."""
    return [(say(name.capitalize(), language), name) for name in REGIONS]


def routing_tab(limits: Limits, examples: list[str]) -> RoutingTab:
    gr.Markdown(text(ROUTES))
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            picture = upload_box(
                text("A picture with a face"),
                "routing-picture",
                alt_text="The picture whose way through the model is shown",
                height=260,
                value=examples[0] if examples else None,
            )
            _quiet(PRIVACY)
            prompt = gr.Textbox(
                label=text("Prompt"),
                info=text("Left empty, the picture is read; with words, it is painted."),
                max_length=limits.max_prompt_chars,
                elem_id="routing-prompt",
            )
            show = gr.Button(text("Show the experts"), variant="primary", elem_id="show-routing")
        with gr.Column(scale=2):
            drawing = gr.Image(
                label=text("Experts by layer"),
                show_label=False,  # it would hide the legend
                alt_text="For every layer, the strongest expert of each piece of the face",
                format="png",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="routing",
            )
            _quiet(ROUTES_SHOWN)
    return RoutingTab(picture=picture, prompt=prompt, show=show, drawing=drawing)


def verify_tab() -> VerifyTab:
    gr.Markdown(text(VERIFYING))
    with gr.Row():
        with gr.Column():
            picture = upload_box(
                text("Was this picture painted here?"),
                "verify",
                alt_text="The picture to check",
                height=300,
            )
            _quiet(PRIVACY)
        with gr.Column():
            result = gr.HTML(views.quiet(views.NOTHING_VERIFIED), elem_id="verification")
    return VerifyTab(picture=picture, verification=result)


def about_tab() -> tuple[gr.HTML, gr.Markdown, gr.Markdown]:
    """The drawing, the text, and what was measured in short; all follow the language."""
    drawing = gr.HTML(diagram("en"), elem_id="diagram")
    about = gr.Markdown(about_text("en"), elem_id="about")
    numbers = gr.Markdown(key_numbers("en"), elem_id="numbers")
    tables, _ = measured()
    if tables:
        with gr.Accordion(text("All that was measured"), open=False, elem_id="measured"):
            gr.Markdown(tables)
    return drawing, about, numbers


def diagram(language: str) -> str:
    """The drawing of how it works, its words in the given language."""
    drawing = (ASSETS / "diagram.svg").read_text(encoding="utf-8")
    drawing = _DRAWN.sub(lambda found: f">{say(found[1], language)}<", drawing)
    return drawing


def about_text(language: str) -> str:
    """What the About tab says; English where there is no translation."""
    translated = ASSETS / f"about.{language}.md"
    path = translated if translated.is_file() else ASSETS / "about.md"
    return path.read_text(encoding="utf-8")


def key_numbers(language: str) -> str:
    """A few numbers of assets/report.json in the given language, "" where there is no report."""
    rows = [(say(what, language), value) for what, value in measured()[1]]
    return table((say("Measured", language), ""), rows) if rows else ""


@cache
def measured() -> tuple[str, list[tuple[str, str]]]:
    """All tables of assets/report.json, and its key numbers; none of another version's."""
    try:
        found = json.loads((ASSETS / "report.json").read_text(encoding="utf-8"))
        return report.render(found), report.key_numbers(found)
    except (OSError, ValueError, KeyError, TypeError):
        return "", []


def spoken(blocks: gr.Blocks) -> list[tuple[Any, dict[str, str]]]:
    """Every component with texts in the visitor's language: {property: English text}."""
    found = []
    for component in blocks.blocks.values():
        texts = {}
        for name in ("label", "info", "placeholder", "value"):
            value = getattr(component, name, None)
            if isinstance(value, str) and value.startswith(MARKER):
                texts[name] = json.loads(value.removeprefix(MARKER))["key"]
        if texts:
            found.append((component, texts))
    return found


def endpoints() -> Endpoints:
    with gr.Row(visible=False):
        return Endpoints(
            trigger=gr.Button(),
            image=upload_box("A picture with a face", "api-image"),
            prompt=gr.Textbox(label="Prompt"),
            question=gr.Textbox(label="Question"),
            names=gr.Textbox("", label="Attributes"),
            seed=gr.Number(None, label="Seed", precision=0),
            steps=gr.Number(DEFAULT_STEPS, label="Steps", precision=0),
            guidance=gr.Number(DEFAULT_GUIDANCE, label="Guidance"),
            num_images=gr.Number(1, label="Pictures", precision=0),
            region=gr.Dropdown(list(REGIONS), label="Region", allow_custom_value=True),
            painted=gr.Image(label="Painted face", format="png", type="filepath"),
            text=gr.Textbox(label="Answer"),
            data=gr.JSON(label="Data"),
        )
