"""Each tab as a visitor uses it, in headless Chromium, on a desk and in a hand."""

import csv
import json
import re
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from conftest import CHROMIUM, SIZES, opened, set_number
from PIL import Image
from playwright.sync_api import Page, expect
from skimage.data import astronaut

from unif2ace.attributes import ATTRIBUTES

in_both_sizes = pytest.mark.parametrize("page", SIZES, indirect=True)


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


def test_of_several_faces_the_largest_is_used_and_said_so(page, tmp_path):
    portrait = Image.fromarray(astronaut()).crop((90, 0, 360, 270))
    both = Image.new("RGB", (640, 300), "gray")
    both.paste(portrait, (20, 15))
    both.paste(portrait.resize((150, 150)), (450, 60))
    both.save(tmp_path / "both.png")
    choose(page, "#picture", tmp_path / "both.png")
    expect(page.locator("#crop-note")).to_contain_text("2 faces were found. The largest one")


def test_a_question_chip_asks_at_once(page, face):
    choose(page, "#picture", face)
    page.get_by_role("button", name="What is the expression?").click()
    expect(page.locator("#question textarea, #question input").first).to_have_value(
        "What is the expression?"
    )
    expect(page.locator("#answer textarea")).not_to_have_value("")


def test_what_else_a_question_may_be_about_is_asked_at_a_press(page, face):
    """A network that learnt nothing holds many topics possible."""
    choose(page, "#picture", face)
    box = page.locator("#question textarea, #question input").first
    box.fill("how is it?")
    box.press("Enter")
    chip = page.locator("#answer-link .chip").first
    expect(chip).to_be_visible()
    question = chip.get_attribute("data-value")
    chip.click()
    expect(box).to_have_value(question or "")
    link = page.locator("#answer-link a")
    expect(link).to_have_attribute("href", re.compile(re.escape(quote_plus(question or "?"))))


def test_enter_paints_what_was_typed(page):
    open_tab(page, "Generate")
    box = page.locator("#prompt textarea, #prompt input").first
    box.fill("a woman with glasses")
    box.press("Enter")
    expect(page.locator("#seed-used")).to_be_visible()
    expect(page.locator("#agreement")).to_contain_text("Glasses")


@in_both_sizes
def test_every_attribute_is_listed(page, face):
    choose(page, "#picture", face)
    page.locator("#observe").click()
    expect(page.locator("#observed")).to_contain_text("Hair color")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert set(json.loads(download.value.path().read_text())) == set(ATTRIBUTES)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = csv.DictReader(download.value.path().read_text().splitlines())
    assert {row["attribute"] for row in rows} == set(ATTRIBUTES)


def test_a_face_of_the_examples_is_answered_about_in_one_click(page):
    before = page.locator("#crop img").get_attribute("src")
    page.get_by_role("button", name="Sunglasses").click()
    expect(page.locator("#crop img")).not_to_have_attribute("src", before or "")
    expect(page.locator("#answer textarea")).not_to_have_value("")


def test_a_prompt_of_the_examples_is_painted_in_one_click(page):
    open_tab(page, "Generate")
    page.get_by_role("button", name="A surprised woman").click()
    expect(page.locator("#result-line")).to_have_attribute("data-words", re.compile("^A surprised"))


@in_both_sizes
def test_what_to_press_is_seen_at_once(page):
    expect(page.locator("#ask")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Grey beard")).to_be_in_viewport()
    open_tab(page, "Generate")
    expect(page.locator("#generate")).to_be_in_viewport(ratio=1)


def test_without_a_picture_the_message_is_readable(page):
    page.locator("#picture").get_by_label("Remove Image").click()
    page.locator("#ask").click()
    expect(page.get_by_text("There is no picture yet.").first).to_be_visible()


def test_a_picture_without_a_face_is_told_at_once(page, tmp_path):
    Image.new("RGB", (200, 200), "green").save(tmp_path / "green.png")
    choose(page, "#picture", tmp_path / "green.png")
    expect(page.locator("#crop-note")).to_contain_text("No face was found")


def test_a_webcam_takes_the_picture(browser, app_url, tmp_path):
    film = tmp_path / "film.mjpeg"
    Image.fromarray(astronaut()).save(film, "JPEG")
    camera = browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=[
            *("--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream"),
            *("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"),
        ],
    )
    page = camera.new_page()
    assert not opened(page, app_url)
    page.locator("#picture").get_by_label("Remove Image").click()
    expect(page.locator("#crop img")).to_have_count(0)
    page.locator("#picture").get_by_label("Capture from camera").click()
    page.locator("#picture").get_by_text("Access Webcam").click()
    page.locator("#picture").get_by_label("capture photo").click()
    expect(page.locator("#crop-note")).to_contain_text("what the AI sees")
    camera.close()


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


@in_both_sizes
def test_what_was_painted_is_not_below_all_there_is_to_choose(page):
    paint(page, "a man with a beard")
    top = {name: page.locator(name).bounding_box()["y"] for name in ("#painting", "#values")}
    assert top["#painting"] < top["#values"]
    expect(page.locator("#values")).to_be_visible()


def test_an_empty_prompt_is_told_at_the_prompt(page):
    open_tab(page, "Generate")
    page.locator("#prompt textarea").fill("")
    page.locator("#generate").click()
    expect(page.get_by_text("The prompt is empty").first).to_be_visible()


def test_the_link_paints_the_same_face_again(page, app_url):
    paint(page, "a woman & a hat, 100 %")
    seed = page.locator("#seed-used").inner_text()
    link = page.locator("#repeat-link").get_attribute("href")
    first = page.request.get(page.locator("#painting img").get_attribute("src")).body()
    other = page.context.browser.new_page()  # nothing is left of the first visit
    assert not opened(other, app_url + link)
    expect(other.locator("#prompt textarea")).to_have_value("a woman & a hat, 100 %")
    expect(other.locator("#seed-used")).to_have_text(seed)
    assert other.request.get(other.locator("#painting img").get_attribute("src")).body() == first
    other.close()


def test_a_link_to_a_question_fills_it_in_and_waits_for_a_picture(browser, app_url):
    page = browser.new_page()
    assert not opened(page, f"{app_url}?tab=understand&question=Is+there+a+hat%3F")
    expect(page.locator("#question textarea, #question input").first).to_have_value(
        "Is there a hat?"
    )
    expect(page.locator("#answer textarea")).to_have_value("")
    page.close()


@in_both_sizes
def test_a_part_of_a_painted_face_is_changed(page):
    paint(page, "an old man")
    page.locator("#prompt textarea").fill("an old man with red hair")
    page.locator("#region input").click()
    page.get_by_role("option", name="Background").click()
    page.locator("#change").click()
    expect(page.locator("#result-line")).to_contain_text("Changed: Background")
    expect(page.locator("#repeat-link")).to_have_count(0)  # it would need the picture
    expect(page.locator("#history .strip img")).to_have_count(2)


@in_both_sizes
def test_the_experts_of_a_face_are_shown_for_reading_and_for_painting(page):
    open_tab(page, "Routing")
    page.locator("#show-routing").click()
    drawing = page.locator("#routing img")
    expect(drawing).to_be_visible()
    reading = drawing.get_attribute("src")
    page.locator("#routing-prompt textarea, #routing-prompt input").first.fill("a bald man")
    page.locator("#show-routing").click()
    expect(drawing).not_to_have_attribute("src", reading or "")


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
    set_number(page, "num-images", 2)
    paint(page, "an old man")
    pictures = page.locator("#all-painted button img")
    expect(pictures).to_have_count(2)
    best = page.locator("#seed-used").inner_text()
    pictures.nth(1).click()
    expect(page.locator("#seed-used")).not_to_have_text(best)
    expect(page.locator("#history .strip img")).to_have_count(1)
    page.reload()
    open_tab(page, "Generate")
    expect(page.locator("#generate")).to_be_visible()
    expect(page.locator("#history .strip img")).to_have_count(0)


def test_the_page_speaks_the_language_that_is_picked(page):
    page.locator("#language").get_by_text("日本語").click()
    expect(page.locator("#ask")).to_have_text("質問する")
    expect(page.get_by_role("tab", name="生成")).to_be_visible()
    page.locator("#question textarea, #question input").first.fill("Who is this?")
    page.locator("#ask").click()
    expect(page.get_by_text("誰であるかを答えません").first).to_be_visible()
    open_tab(page, "生成")
    page.locator("#settings button").first.click()
    set_number(page, "seed", -7)
    page.locator("#random input").uncheck()
    page.locator("#generate").click()
    expect(page.get_by_text("「シード」は 0 から").first).to_be_visible()
    page.locator("#language").get_by_text("中文").click()
    expect(page.locator("#generate")).to_have_text("生成")
    expect(page.locator("#values")).to_contain_text("脸型")
    open_tab(page, "关于")
    expect(page.locator("#numbers")).to_contain_text("画一张脸的秒数")


def test_the_page_speaks_the_language_of_the_browser(browser, app_url):
    page = browser.new_page(locale="zh-CN")
    assert not opened(page, app_url)
    expect(page.locator("#ask")).to_have_text("提问")
    expect(page.locator("#questions")).to_contain_text("或选一个问题")
    page.locator("#observe").click()
    expect(page.locator("#observed")).to_contain_text("发色")
    page.close()


@in_both_sizes
def test_a_painted_picture_is_recognised(page, tmp_path):
    paint(page, "an old woman")
    with page.expect_download() as download:
        page.locator("#painting").get_by_label("Download").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.suffix == ".png"
    open_tab(page, "Verify")
    choose(page, "#verify", saved)
    expect(page.locator("#verification")).to_contain_text("Painted by this AI")
    expect(page.locator("#verification")).to_contain_text("an old woman")
