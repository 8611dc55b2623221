"""Shared fixtures: the app, launched as visitors meet it, on a tiny checkpoint; its page."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from accelerate.state import AcceleratorState
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "assets" / "checkpoint"
START_SECONDS = 180
SIZES = {"desk": (1280, 900), "hand": (390, 844)}
PATIENCE_MS = 120_000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def fresh_accelerator() -> Iterator[None]:
    """`accelerate` keeps one precision per process; each test may choose its own."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def set_number(page, element_id: str, value: int) -> None:
    """Type a number into a field until it, and its slider if it has one, have taken it.

    A field that has only just opened may still be set back to the number it had.
    """
    field, slider = (
        page.locator(f"#{element_id} input[type={kind}]") for kind in ("number", "range")
    )
    for _ in range(40):
        field.fill(str(value))
        field.press("Tab")
        page.wait_for_timeout(250)
        if all(part.input_value() == str(value) for part in (field, *slider.all())):
            return
    pytest.fail(f"#{element_id} does not take {value}")


def launched(checkpoint: Path, folder: Path) -> Iterator[str]:
    """URL of `python app.py` on a checkpoint; ended afterwards. `folder` takes log and uploads."""
    process, url = started(checkpoint, folder)
    yield url
    process.terminate()
    process.wait(timeout=30)


def started(checkpoint: Path, folder: Path) -> tuple[subprocess.Popen, str]:
    """The running app and its URL; tries three times."""
    log = folder / "app.log"
    for _ in range(3):
        port = free_port()
        environment = os.environ | {
            "UNIF2ACE_CHECKPOINT": str(checkpoint),
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        url = f"http://127.0.0.1:{port}/"
        if answers(url, process):
            return process, url
        process.kill()
        process.wait()
        # Gradio gives up if its own page takes more than three seconds, as on a busy machine.
        if "localhost is not accessible" not in log.read_text():
            break
    pytest.fail(f"app.py did not start:\n{log.read_text()[-3000:]}")


def answers(url: str, process: subprocess.Popen) -> bool:
    """Wait until the page is there (True), or the process has ended or takes too long (False)."""
    give_up = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        try:
            urlopen(url, timeout=20).close()
            time.sleep(1)  # it may still end itself, see above
            return process.poll() is None
        except (URLError, OSError):
            time.sleep(0.3)
    return False


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """Random weights, real classes, 64 px: large enough for an upload, quick to paint."""
    import torch
    from tiny import tiny_config, tiny_tokenizer

    from unif2ace.config import EncoderConfig
    from unif2ace.model import UniF2aceForConditionalGeneration

    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    encoders = EncoderConfig(
        semantic_size=64, face_size=64, face_channels=(8, 8, 8, 32), face_dim=8
    )
    config = tiny_config(image_size=64, encoders=encoders)
    UniF2aceForConditionalGeneration(config).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def app_url(tiny_checkpoint, tmp_path_factory) -> Iterator[str]:
    yield from launched(tiny_checkpoint, tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="session")
def shipped_app_url(tmp_path_factory) -> Iterator[str]:
    if not (SHIPPED / "config.json").is_file():
        pytest.skip("assets/checkpoint holds no weights yet")
    yield from launched(SHIPPED, tmp_path_factory.mktemp("shipped-app"))


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser, app_url, request):
    """The open page, of a size and scheme such as "hand-dark". Afterwards: no error in the
    console, no request to elsewhere, nothing wider than the window."""
    size, _, scheme = getattr(request, "param", "desk-light").partition("-")
    width, height = SIZES[size]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme or "light"
    )
    problems = opened(page, app_url)
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # refused requests are answered with 4xx, which the browser itself logs
    assert [text for text in problems if "Failed to load resource" not in text] == []
    page.close()


def opened(page, url: str) -> list[str]:
    """Go there and wait until the page can be used; its problems, which may still grow."""
    from playwright.sync_api import expect

    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    page.on("request", lambda sent: problems.extend(elsewhere(sent.url, url)))
    page.goto(url)
    page.wait_for_selector("#ask", state="attached")
    return problems


def elsewhere(url: str, home: str) -> list[str]:
    at_home = url.startswith((home.partition("?")[0], "data:", "blob:"))
    return [] if at_home else [f"asked another server: {url}"]
