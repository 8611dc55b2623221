"""What the page shows: widgets, wording and looks. Which button does what is wired in app.py."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from unif2ace import views
from unif2ace.pipeline import DEFAULT_GUIDANCE, DEFAULT_STEPS, Limits

ASSETS = Path(__file__).resolve().parents[1] / "assets"
PROMPTS = (
    "A smiling young woman with long red hair and freckles",
    "An old man with a full grey beard and round glasses",
    "A surprised woman with a black bob and red lipstick",
    "A bald man with sunglasses in front of a blue background",
)
QUESTIONS = (
    "What color is the hair?",
    "What is the expression?",
    "Are there glasses?",
    "Where is the light coming from?",
)
HEADLINE = """# Paint a face with words. Ask a face questions.
One small AI model does both. It paints invented people and identifies nobody."""
PRIVACY = (
    "You talk to an AI. Your picture is used for the answer only, deleted within 15 minutes, "
    "and never used for training. Nobody is identified."
)
LINK_NOTE = "All is set as in the link. Press **Generate** to paint the face again."
THEME = gr.themes.Soft(
    primary_hue="violet",
    neutral_hue="slate",
    radius_size="lg",
    font=["system-ui", "sans-serif"],  # of the visitor's machine: nothing is fetched from elsewhere
    font_mono=["ui-monospace", "monospace"],
).set(  # enough contrast for white and for quiet text
    background_fill_primary="*neutral_50",
    block_background_fill="white",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
)


@dataclass(frozen=True, kw_only=True)
class UnderstandTab:
    picture: gr.Image
    examples: tuple[gr.Button, ...]
    crop: gr.Image
    crop_note: gr.Markdown
    question: gr.Textbox
    chips: tuple[gr.Button, ...]
    ask: gr.Button
    describe: gr.Button
    stop: gr.Button
    answer: gr.Textbox
    observe: gr.Button
    observed: gr.HTML


@dataclass(frozen=True, kw_only=True)
class GenerateTab:
    note: gr.Markdown
    prompt: gr.Textbox
    generate: gr.Button
    stop: gr.Button
    is_random: gr.Checkbox
    seed: gr.Number
    steps: gr.Slider
    guidance: gr.Slider
    painting: gr.Image
    line: gr.HTML
    ask: gr.Button
    mosaic: gr.HTML
    agreement: gr.HTML

    @property
    def settings(self) -> list[Any]:
        return [self.prompt, self.seed, self.is_random, self.steps, self.guidance]


@dataclass(frozen=True, kw_only=True)
class AboutTab:
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
    painted: gr.Image
    text: gr.Textbox
    data: gr.JSON


def upload_box(label: str, elem_id: str, **options: Any) -> gr.Image:
    """An image input whose handler gets the file as it came.

    Gradio's own preprocessing would decode the picture before our limits are checked, with error
    messages that name paths, and re-encode it without its metadata.
    """

    def as_it_came(payload: Any) -> str | bytes | None:
        if payload is not None and (payload.url or "").startswith("data:"):
            return base64.b64decode(payload.url.partition(",")[2])
        return None if payload is None else payload.path

    box = gr.Image(
        label=label,
        elem_id=elem_id,
        type="filepath",
        image_mode=None,
        format="png",
        sources=["upload", "webcam", "clipboard"],
        **options,
    )
    setattr(box, "preprocess", as_it_came)  # noqa: B010  (mypy: a method is replaced on purpose)
    return box


def understand_tab(limits: Limits, examples: list[str]) -> UnderstandTab:
    with gr.Row():
        with gr.Column():
            picture = upload_box(
                "A picture with a face",
                "picture",
                alt_text="Your picture",
                height=320,
                value=examples[0] if examples else None,
            )
            gr.Markdown(
                "You talk to an AI. Your picture is used for the answer only, deleted within "
                "15 minutes, never used for training. Nobody is identified.",
                elem_id="privacy",
            )
            if examples:
                gr.Markdown("Or one of these invented faces", elem_classes="quiet")
            with gr.Row(elem_classes="faces"):
                faces = [gr.Button(_said(path), icon=path, size="sm") for path in examples]
        with gr.Column():
            question = gr.Textbox(
                QUESTIONS[0],
                label="Your question",
                elem_id="question",
                max_length=limits.max_question_chars,
            )
            with gr.Row(elem_classes="chips"):
                chips = [gr.Button(text, size="sm") for text in QUESTIONS]
            with gr.Row():
                ask_button = gr.Button("Ask", variant="primary", elem_id="ask", min_width=90)
                describe_button = gr.Button("Describe", elem_id="describe", min_width=90)
                stop = gr.Button("Stop", elem_id="stop-answer", min_width=70, scale=0)
            answer = gr.Textbox(
                label="Answer", lines=4, interactive=False, buttons=["copy"], elem_id="answer"
            )
            with gr.Row():
                crop = gr.Image(
                    label="What the AI sees",
                    show_label=False,
                    alt_text="The part of your picture that the AI looks at",
                    min_width=110,
                    scale=0,
                    format="png",
                    height=110,
                    interactive=False,
                    buttons=[],
                    elem_id="crop",
                )
                crop_note = gr.Markdown(elem_id="crop-note")
    with gr.Accordion("Everything it can see", open=False):
        observe_button = gr.Button("Look at every attribute", elem_id="observe")
        observed = gr.HTML(elem_id="observed")
    return UnderstandTab(
        picture=picture,
        examples=tuple(faces),
        crop=crop,
        crop_note=crop_note,
        question=question,
        chips=tuple(chips),
        ask=ask_button,
        describe=describe_button,
        stop=stop,
        answer=answer,
        observe=observe_button,
        observed=observed,
    )


def _said(path: str) -> str:
    """The words in the name of an example: 1-red-hair.png is "Red hair"."""
    return Path(path).stem.lstrip("0123456789-").replace("-", " ").capitalize()


def generate_tab(limits: Limits) -> GenerateTab:
    with gr.Row():
        with gr.Column():
            note = gr.Markdown(LINK_NOTE, elem_id="link-note", visible=False)
            prompt = gr.Textbox(
                PROMPTS[0],
                label="Describe a face",
                lines=3,
                elem_id="prompt",
                max_length=limits.max_prompt_chars,
            )
            gr.Examples([[text] for text in PROMPTS], prompt, label="Or start from one of these")
            with gr.Row():
                button = gr.Button("Generate", variant="primary", elem_id="generate")
                stop = gr.Button("Stop", elem_id="stop-painting", min_width=80, scale=0)
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                is_random = gr.Checkbox(True, label="A new face each time", elem_id="is-random")
                seed = gr.Number(
                    0,
                    label="Seed",
                    info="The same seed, words and settings give the same face.",
                    precision=0,
                    elem_id="seed",
                )
                steps = gr.Slider(
                    *limits.steps,
                    DEFAULT_STEPS,
                    step=1,
                    label="Steps",
                    info="More steps take longer and are a little finer.",
                    elem_id="steps",
                )
                guidance = gr.Slider(
                    *limits.guidance,
                    DEFAULT_GUIDANCE,
                    step=0.5,
                    label="Follow the words",
                    info="1 is loosely, higher is stricter.",
                    elem_id="guidance",
                )
        with gr.Column():
            with gr.Row():
                painting = gr.Image(
                    label="The painted face",
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
                with gr.Column(scale=1, min_width=130):
                    mosaic = gr.HTML(views.NOTHING_PAINTED, elem_id="mosaic")
            line = gr.HTML(elem_id="line")
            ask_button = gr.Button("Ask about this face", interactive=False, elem_id="ask-about")
            agreement = gr.HTML(elem_id="agreement")
    return GenerateTab(
        note=note,
        prompt=prompt,
        generate=button,
        stop=stop,
        is_random=is_random,
        seed=seed,
        steps=steps,
        guidance=guidance,
        painting=painting,
        line=line,
        ask=ask_button,
        mosaic=mosaic,
        agreement=agreement,
    )


def about_tab() -> AboutTab:
    gr.Markdown((ASSETS / "about.md").read_text(encoding="utf-8"))
    with gr.Row():
        with gr.Column():
            picture = upload_box(
                "Was this picture painted here?",
                "verify",
                alt_text="The picture to check",
                height=260,
            )
        with gr.Column():
            result = gr.HTML(elem_id="verification")
    return AboutTab(picture=picture, verification=result)


def endpoints() -> Endpoints:
    with gr.Row(visible=False):
        return Endpoints(
            trigger=gr.Button(),
            image=upload_box("Image", "api-image"),
            prompt=gr.Textbox(label="Prompt"),
            question=gr.Textbox(label="Question"),
            names=gr.Textbox("", label="Attributes"),
            seed=gr.Number(None, label="Seed", precision=0),
            steps=gr.Number(DEFAULT_STEPS, label="Steps", precision=0),
            guidance=gr.Number(DEFAULT_GUIDANCE, label="Guidance"),
            painted=gr.Image(label="Painted face", format="png", type="filepath"),
            text=gr.Textbox(label="Answer"),
            data=gr.JSON(label="Data"),
        )
