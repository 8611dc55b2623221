"""Who waits is told so, who finds no room is told so in words, and who leaves makes room.

The app runs here with a painter that, asked for something endless, paints until it is stopped: so
no test needs a clock to tell whether the worker was freed.
"""

import base64
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import gradio as gr
import httpx
import numpy as np
import pytest
from conftest import ROOT, free_port, opened
from PIL import Image
from playwright.sync_api import expect

from unif2ace.quantize import nf4_modules
from unif2ace.serving import Painting, Said

ENDLESS = "an endless beard"
SETTINGS = [1, 2, 3, 1]  # seed, steps, guidance, pictures
FACE = (ROOT / "assets" / "examples" / "1-red-hair.png").read_bytes()
PICTURE = {
    "url": f"data:image/png;base64,{base64.b64encode(FACE).decode()}",
    "meta": {"_type": "gradio.FileData"},
}
PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def app(tiny_checkpoint, tmp_path_factory):
    """The module app.py, its page served at `app.url`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNIF2ACE_CHECKPOINT", str(tiny_checkpoint))
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        patch.delitem(sys.modules, "app", raising=False)
        app = importlib.import_module("app")
        serve = app.serve
        patch.setattr(app, "serve", lambda *given: endless(*given, serve))
        app.demo.launch(**app.LAUNCH, server_port=free_port(), prevent_thread_lock=True, quiet=True)
        app.url = app.demo.local_url
        yield app
        app.demo.close()
        sys.modules.pop("app")


def endless(pipeline, request, serve):
    """As `serve`, but a prompt or a question that says so is worked at for ever."""
    while request.text == ENDLESS:
        preview = Image.new("RGB", (8, 8))
        step = Painting(preview=preview, is_masked=np.eye(2, dtype=bool), step=1, num_steps=2)
        yield Said(text="and") if request.task == "answer" else step
    yield from serve(pipeline, request)


@pytest.fixture(autouse=True)
def nobody_waits(app):
    """Each test begins with an empty queue."""
    while len(app.demo._queue):
        time.sleep(0.05)


def test_weights_are_unpacked_if_asked(app, monkeypatch, tiny_checkpoint):
    monkeypatch.setenv("UNIF2ACE_CHECKPOINT", str(tiny_checkpoint))
    assert nf4_modules(app.load_pipeline().model)
    monkeypatch.setenv("UNIF2ACE_QUANTIZATION", "none")
    assert not nf4_modules(app.load_pipeline().model)
    monkeypatch.setenv("UNIF2ACE_QUANTIZATION", "int8")
    with pytest.raises(ValueError, match="'int8'"):
        app.load_pipeline()


class Visitor:
    """One browser window: its session, and what the server sends to it."""

    def __init__(self, app, name: str) -> None:
        self.app, self.name = app, name
        self.http = httpx.Client(base_url=app.url, timeout=PATIENCE_SECONDS)

    def paint(self, prompt: str, language: str = "en") -> httpx.Response:
        """Press Generate."""
        return self.press(self.app.paint, [prompt, 1, False, 2, 2.0, 1, language])

    def press(self, handler: Callable, data: list) -> httpx.Response:
        """The button that calls a function of app.py."""
        (function,) = (
            i
            for i, function in self.app.demo.fns.items()
            if function.fn is handler and function.targets[0][1] == "click"
        )
        body = {"data": data, "fn_index": function, "session_hash": self.name}
        return self.http.post("gradio_api/queue/join", json=body)

    def events(self) -> Iterator[dict]:
        """What the page is told, until all that was asked for is done or the window closes."""
        query = {"session_hash": self.name}
        with self.http.stream("GET", "gradio_api/queue/data", params=query) as lines:
            for line in lines.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


def first(events: Iterator[dict], kind: str) -> dict:
    """The next event of a kind; the window stays open."""
    for event in events:
        if event["msg"] == kind:
            return event
    pytest.fail(f"no event {kind!r}")


def test_who_leaves_in_the_middle_makes_room_for_the_next_who_was_told_the_place(app):
    leaver, second, third = (Visitor(app, name) for name in ("leaver", "second", "third"))
    assert leaver.paint(ENDLESS).is_success
    window = leaver.events()
    first(window, "process_generating")

    waiting = []
    for place, visitor in enumerate((second, third)):
        assert visitor.paint("an old man").is_success
        waiting.append(visitor.events())
        told = first(waiting[-1], "estimation")
        assert (told["rank"], told["queue_size"]) == (place, place + 1)

    window.close()  # if nobody noticed, the others would wait for ever
    for events in waiting:
        assert first(events, "process_completed")["success"]


def program(app, name: str, data: list) -> Iterator[str]:
    """The lines that a program reads which calls an endpoint, until it reads no more."""
    with httpx.Client(base_url=app.url, timeout=PATIENCE_SECONDS) as http:
        event = http.post(f"gradio_api/call/{name}", json={"data": data}).json()["event_id"]
        with http.stream("GET", f"gradio_api/call/{name}/{event}") as lines:
            yield from lines.iter_lines()


@pytest.mark.parametrize(
    ("name", "data"), [("generate", [ENDLESS, *SETTINGS]), ("answer", [PICTURE, ENDLESS])]
)
def test_a_program_that_leaves_in_the_middle_makes_room_too(app, name, data):
    lines = program(app, name, data)
    assert "event: generating" in lines
    lines.close()
    assert "event: complete" in program(app, "generate", ["an old man", *SETTINGS])


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("generate", ["a naked woman", *SETTINGS], "Sexual"),
        ("generate", ["Emma Stone", *SETTINGS], "invented"),
        ("edit", [PICTURE, "hair", "a naked woman", *SETTINGS], "Sexual"),
        ("answer", [PICTURE, "Who is this?"], "does not say who"),
        ("answer", [PICTURE, "Is he gay?"], "does not guess"),
        ("answer", [PICTURE, "\u9aea\u306f\u4f55\u8272\uff1f"], "English"),
    ],
)
def test_what_is_declined_is_declined_before_the_gpu(app, monkeypatch, name, data, words):
    asked = []
    monkeypatch.setattr(app, "on_gpu", asked.append)
    lines = list(program(app, name, data))
    assert "event: error" in lines and words in lines[-2]
    assert asked == []


def test_in_the_page_what_is_declined_does_not_even_wait(app):
    visitor = Visitor(app, "rude")
    for refused in (
        visitor.paint("a naked woman"),
        visitor.press(app.ask, [PICTURE, "Who is this?", "en"]),
        visitor.press(app.ask, [None, "Is there a hat?", "en"]),
    ):
        assert refused.status_code == 422


def test_who_looks_for_a_painted_picture_too_late_is_told_that_it_is_gone(app):
    chosen = SimpleNamespace(index=0)
    with pytest.raises(gr.Error, match="もうありません"):
        app.show_another([("deleted.png", {})], "ja", chosen)


def test_an_answer_is_stopped(app, browser):
    page = browser.new_page()
    assert not opened(page, app.url)
    page.locator("#question textarea, #question input").first.fill(ENDLESS)
    page.locator("#ask").click()
    expect(page.locator("#answer textarea")).to_have_value("and")
    page.locator("#stop-answer").click()
    assert "event: complete" in program(app, "generate", ["an old man", *SETTINGS])
    page.close()


def test_who_finds_no_room_is_told_so_in_the_language_of_the_page(app):
    busy = Visitor(app, "busy")
    assert busy.paint(ENDLESS).is_success
    window = busy.events()
    first(window, "process_generating")
    for number in range(app.MAX_WAITING):
        assert Visitor(app, f"waiting-{number}").paint("an old man").is_success

    for language, words in (("en", "waiting already"), ("ja", "待っています"), ("zh", "等候")):
        refused = Visitor(app, f"late-{language}").paint("an old man", language)
        assert refused.status_code == 422
        assert words in refused.text and str(app.MAX_WAITING) in refused.text

    url = f"{app.url}gradio_api/call/generate"
    answers = [httpx.post(url, json={"data": ["an old man"]}) for _ in range(app.MAX_QUEUE)]
    assert answers[0].is_success  # programs have some room left
    assert answers[-1].status_code == 503 and "full" in answers[-1].json()["detail"]
    window.close()
    last = Visitor(app, "waiting-0").events()
    assert first(last, "process_completed")["success"]


def test_in_the_page_the_place_is_shown_and_stop_makes_room(app, browser):
    page, other = browser.new_page(), Visitor(app, "other")
    assert not opened(page, f"{app.url}?tab=generate")
    assert other.paint(ENDLESS).is_success
    window = other.events()
    first(window, "process_generating")
    page.locator("#prompt textarea").fill(ENDLESS)
    page.locator("#generate").click()
    expect(page.locator("#painting")).to_contain_text("queue: 1/1")
    window.close()
    expect(page.locator("#progress")).to_contain_text("Step 1 of 2")
    page.locator("#stop-painting").click()
    page.locator("#prompt textarea").fill("an old man")
    page.locator("#generate").click()
    expect(page.locator("#result-line")).to_have_attribute("data-words", "an old man")
    page.close()


def test_who_has_used_up_the_gpu_time_is_told_what_helps(app, monkeypatch):
    def refuse(request):
        raise gr.Error("You have exceeded your GPU quota.", title="ZeroGPU quota exceeded")
        yield

    monkeypatch.setattr(app, "on_gpu", refuse)
    for language, words in (("en", "Fewer steps"), ("ja", "ログイン"), ("zh", "登录")):
        visitor = Visitor(app, f"poor-{language}")
        assert visitor.paint("an old man", language).is_success
        told = first(visitor.events(), "process_completed")
        assert not told["success"] and words in told["output"]["error"]
