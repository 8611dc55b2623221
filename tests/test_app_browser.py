"""Each tab as a visitor uses it, in headless Chromium, on a desk and in a hand."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from skimage.data import astronaut

from unif2ace.attributes import ATTRIBUTES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
SIZES = {"desk": (1280, 900), "hand": (390, 844)}
PATIENCE_MS = 60_000
in_both_sizes = pytest.mark.parametrize("page", SIZES, indirect=True)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser, app_url, request):
    """The open page; afterwards: no error in the console, nothing wider than the window."""
    width, height = SIZES[getattr(request, "param", "desk")]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    page.on("request", lambda sent: problems.extend(elsewhere(sent.url, app_url)))
    page.goto(app_url)
    page.wait_for_selector("#ask")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # refused requests are answered with 4xx, which the browser itself logs
    assert [text for text in problems if "Failed to load resource" not in text] == []
    page.close()


def elsewhere(url: str, home: str) -> list[str]:
    is_home = url.startswith((home, "data:", "blob:"))
    return [] if is_home else [f"asked another server: {url}"]


@pytest.fixture(scope="module")
def face(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "face.jpg"
    Image.fromarray(astronaut()).save(path)
    return path


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def choose(page: Page, box: str, picture: Path) -> None:
    """Upload, when what the box showed before, if anything, is gone."""
    page.set_input_files(f"{box} input[type=file]", picture)


def paint(page: Page, prompt: str) -> None:
    open_tab(page, "Generate")
    page.locator("#prompt textarea").fill(prompt)
    page.locator("#generate").click()
    expect(page.locator("#seed-used")).to_be_visible()


@in_both_sizes
def test_a_picture_is_cropped_and_a_question_answered(page, face):
    choose(page, "#picture", face)
    expect(page.locator("#crop img")).to_be_visible()
    expect(page.locator("#crop-note")).to_contain_text("what the AI sees")
    page.locator("#question textarea, #question input").first.fill("Are there glasses?")
    page.locator("#ask").click()
    expect(page.locator("#answer textarea")).not_to_have_value("")


def test_a_question_chip_asks_at_once(page, face):
    choose(page, "#picture", face)
    page.get_by_role("button", name="What is the expression?").click()
    expect(page.locator("#question textarea, #question input").first).to_have_value(
        "What is the expression?"
    )
    expect(page.locator("#answer textarea")).not_to_have_value("")


@in_both_sizes
def test_every_attribute_is_listed(page, face):
    choose(page, "#picture", face)
    page.locator("#observe").click()
    expect(page.locator("#observed")).to_contain_text("Hair color")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert set(json.loads(download.value.path().read_text())) == set(ATTRIBUTES)


def test_an_example_is_one_click(page):
    before = page.locator("#crop img").get_attribute("src")
    page.get_by_role("button", name="Sunglasses").click()
    expect(page.locator("#crop img")).not_to_have_attribute("src", before or "")


def test_without_a_picture_the_message_is_readable(page):
    page.locator("#picture").get_by_label("Remove Image").click()
    page.locator("#ask").click()
    expect(page.get_by_text("There is no picture yet.").first).to_be_visible()


def test_a_picture_without_a_face_is_told_at_once(page, tmp_path):
    Image.new("RGB", (200, 200), "green").save(tmp_path / "green.png")
    choose(page, "#picture", tmp_path / "green.png")
    expect(page.locator("#crop-note")).to_contain_text("No face was found")


def test_asking_for_a_name_is_declined(page, face):
    choose(page, "#picture", face)
    page.locator("#question textarea, #question input").first.fill("Who is this?")
    page.locator("#ask").click()
    expect(page.get_by_text("does not say who somebody is").first).to_be_visible()


@in_both_sizes
def test_a_face_is_painted_and_carried_to_the_questions(page):
    paint(page, "a man with a beard")
    expect(page.locator("#progress")).to_contain_text("all pieces painted")
    expect(page.locator("#painting img")).to_be_in_viewport()
    assert re.fullmatch(r"\d+", page.locator("#seed-used").inner_text())
    page.locator("#ask-about").click()
    expect(page.locator("#picture img")).to_be_visible()
    expect(page.locator("#crop img")).to_be_visible()


def test_an_empty_prompt_is_told_at_the_prompt(page):
    open_tab(page, "Generate")
    page.locator("#prompt textarea").fill("")
    page.locator("#generate").click()
    expect(page.get_by_text("The prompt is empty").first).to_be_visible()


def test_the_link_paints_the_same_face_again(page, app_url):
    paint(page, "a woman & a hat, 100 %")
    seed = page.locator("#seed-used").inner_text()
    link = page.locator("#repeat-link").get_attribute("href")
    page.goto(app_url + link)
    expect(page.locator("#prompt textarea")).to_have_value("a woman & a hat, 100 %")
    expect(page.locator("#seed-used")).to_have_text(seed)


@in_both_sizes
def test_picked_values_make_the_prompt(page):
    open_tab(page, "Generate")
    prompt, values = page.locator("#prompt textarea"), page.locator("#values")
    prompt.fill("")
    values.get_by_role("button", name="Hair", exact=True).click()
    red = values.get_by_role("button", name="Hair color: red")
    red.click()
    expect(prompt).to_have_value("A person with red hair")
    expect(red).to_have_attribute("aria-pressed", "true")
    red.click()
    expect(prompt).to_have_value("")


def test_several_pictures_are_shown_and_kept_for_this_visit(page):
    open_tab(page, "Generate")
    page.get_by_text("Settings").click()
    page.locator("#num-images input[type=number]").fill("2")
    paint(page, "an old man")
    pictures = page.locator("#all-painted button img")
    expect(pictures).to_have_count(2)
    best = page.locator("#seed-used").inner_text()
    pictures.nth(1).click()
    expect(page.locator("#seed-used")).not_to_have_text(best)
    expect(page.locator("#history .strip img")).to_have_count(1)


def test_the_page_speaks_the_language_that_is_picked(page):
    page.locator("#language").get_by_text("日本語").click()
    expect(page.locator("#ask")).to_have_text("質問する")
    expect(page.get_by_role("tab", name="生成")).to_be_visible()
    page.locator("#question textarea, #question input").first.fill("Who is this?")
    page.locator("#ask").click()
    expect(page.get_by_text("誰であるかを答えません").first).to_be_visible()


@in_both_sizes
def test_a_painted_picture_is_recognised(page, tmp_path):
    paint(page, "an old woman")
    source = page.locator("#painting img").get_attribute("src")
    assert source is not None
    saved = tmp_path / "painted.png"
    saved.write_bytes(page.request.get(source).body())
    open_tab(page, "Verify")
    choose(page, "#verify", saved)
    expect(page.locator("#verification")).to_contain_text("Painted by this AI")
    expect(page.locator("#verification")).to_contain_text("an old woman")


def test_the_keyboard_is_enough(page):
    open_tab(page, "Generate")
    page.locator("#prompt textarea").fill("a bald man")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "generate":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#seed-used")).to_be_visible()


@in_both_sizes
def test_every_field_and_button_has_a_name(page):
    for tab in ("Understand", "Generate", "Routing", "Verify", "About"):
        open_tab(page, tab)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('button, textarea, input')]
                .filter(e => e.offsetParent !== null && e.type !== 'file' && !(
                    e.innerText?.trim() || e.ariaLabel || e.title || e.labels?.length
                    || e.getAttribute('aria-labelledby') || e.closest('label')
                    || e.querySelector('img[alt]:not([alt=""])')))
                .map(e => e.outerHTML.slice(0, 150))"""
        )
        assert nameless == []
