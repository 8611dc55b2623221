"""Many visitors, malformed requests, and what is left of a visit. Larger: tests/loading.py."""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from conftest import ROOT, started
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from loading import call, fuzz, load
from PIL import Image
from skimage.data import astronaut

from unif2ace.records import DEFAULT_GUIDANCE, DEFAULT_STEPS

SECRET = "the house with the green door"
PLACE = b"51 north 7 east"
KEEP_SECONDS = 20


def test_many_visitors_get_their_own_pictures(app_url):
    count = load(app_url, visitors=6, seconds=300, rounds=2)
    assert count.errors == [] and count.mixed_up == 0 and count.requests == 24


def test_those_who_come_at_once_are_told_about_their_own_uploads(app_url, tmp_path):
    def look(picture):
        own = Client(app_url, verbose=False, download_files=tmp_path)
        return own.predict(handle_file(picture), api_name="/attributes")

    pictures = [str(path) for path in sorted((ROOT / "assets" / "examples").glob("*.png"))]
    alone = [look(picture) for picture in pictures]
    assert all(alone.count(table) == 1 for table in alone)
    with ThreadPoolExecutor(len(pictures)) as pool:
        assert list(pool.map(look, pictures)) == alone


def test_malformed_requests_are_answered_in_words_and_leave_the_app_alive(app_url):
    assert fuzz(app_url, 40, seed=1) == []
    client = Client(app_url, verbose=False)
    assert client.predict("an old man", 1, 1, api_name="/generate")


def test_what_a_program_leaves_empty_is_as_on_the_page(app_url):
    client = Client(app_url, verbose=False)
    _, told = client.predict("an old man", 1, None, None, None, api_name="/generate")
    assert (told["steps"], told["guidance"]) == (DEFAULT_STEPS, DEFAULT_GUIDANCE)
    face = handle_file(str(ROOT / "assets" / "examples" / "1-red-hair.png"))
    every = client.predict(face, "", api_name="/attributes")
    assert client.predict(face, None, api_name="/attributes") == every
    with pytest.raises(AppError, match="question is empty"):
        client.predict(face, None, api_name="/answer")


def test_what_the_page_promises_about_uploads_is_what_is_set():
    code = (ROOT / "app.py").read_text()
    keep = int(re.search(r'"UNIF2ACE_KEEP_SECONDS", (\d+)', code).group(1))
    minutes = (keep + keep // 2) / 60  # looked for every half of that time
    for name in ("page.py", "languages.py"):
        text = (ROOT / "unif2ace" / name).read_text()
        promises = [int(m) for m in re.findall(r"(\d+)\s*(?:minutes|分)", text.replace('"\n', ""))]
        assert promises and all(promise >= minutes for promise in promises)


@pytest.fixture
def forgetful_app(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("UNIF2ACE_KEEP_SECONDS", str(KEEP_SECONDS))
    process, url = started(tiny_checkpoint, tmp_path)
    yield url, tmp_path
    process.terminate()
    process.wait(timeout=30)


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "uploads").rglob("*") if path.is_file()]


def test_a_visit_leaves_no_picture_and_no_word(forgetful_app):
    url, folder = forgetful_app
    exif = Image.Exif()
    exif[0x010E] = SECRET  # ImageDescription
    exif.get_ifd(0x8825)[0x1C] = PLACE  # GPSAreaInformation
    photo, data = folder / "photo.jpg", io.BytesIO()
    Image.fromarray(astronaut()).save(data, "JPEG", exif=exif)
    photo.write_bytes(data.getvalue())
    examples = {path.name for path in files(folder)}  # copies that the page itself shows

    client = Client(url, verbose=False, download_files=folder / "downloads")
    client.predict(handle_file(str(photo)), "Is there a green hat?", api_name="/answer")
    client.predict("a purple beard", 1, 1, api_name="/generate")
    for malformed in (
        ["a teal scarf"],
        [{"x": "a teal scarf"}, "y"],
        ["z", "a teal scarf", 1, 1, 1],
    ):
        call(url, "generate", malformed)
        call(url, "describe", [{"path": "a teal scarf", "meta": {"_type": "gradio.FileData"}}])
    query = urlencode({"tab": "generate", "prompt": "an orange moustache"})
    urlopen(f"{url}?{query}").close()  # a link, opened
    for refused in (
        lambda: client.predict(handle_file(str(photo)), "Is this Aunt Agatha?", api_name="/answer"),
        lambda: client.predict("Uncle Albert naked", 1, 1, api_name="/generate"),
        lambda: client.predict(handle_file(str(photo)), "hair", "Cousin Kate", api_name="/edit"),
    ):
        with pytest.raises(AppError):
            refused()
    assert SECRET.encode() in photo.read_bytes() and PLACE in photo.read_bytes()
    for secret in (SECRET.encode(), PLACE):
        kept = [path for path in files(folder) if secret in path.read_bytes()]
        assert {path.name for path in kept} <= {photo.name}  # the upload itself, nothing made of it

    deadline = time.monotonic() + 20 * KEEP_SECONDS
    while {path.name for path in files(folder)} - examples and time.monotonic() < deadline:
        time.sleep(0.5)
    assert {path.name for path in files(folder)} <= examples
    log = (folder / "app.log").read_text()
    said = ("green hat", "purple beard", "moustache", "teal", "Agatha", "Albert", "Kate")
    for words in (*said, SECRET, PLACE.decode(), "photo.jpg"):
        assert words not in log
