"""The named endpoints, called as programs call them."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from skimage.data import astronaut

from unif2ace.attributes import ATTRIBUTES
from unif2ace.provenance import SOURCE_TYPE, verify
from unif2ace.regions import REGIONS

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"


@pytest.fixture(scope="module")
def client(app_url, tmp_path_factory):
    return Client(app_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "face.png"
    Image.fromarray(astronaut()).save(path)
    return handle_file(str(path))


def saved(image, path, **options):
    image.save(path, **options)
    return handle_file(str(path))


def message(error):
    return str(error.value)


def test_the_endpoints_and_their_arguments_are_these(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    given = {
        name: [argument["parameter_name"] for argument in endpoint["parameters"]]
        for name, endpoint in endpoints.items()
    }
    assert given == {
        "/generate": ["prompt", "seed", "steps", "guidance", "num_images"],
        "/edit": ["image", "region", "prompt", "seed", "steps", "guidance", "num_images"],
        "/answer": ["image", "question"],
        "/describe": ["image"],
        "/attributes": ["image", "names"],
        "/verify": ["image"],
    }


def test_the_endpoints_are_tools_for_other_programs(app_url):
    with urlopen(f"{app_url}gradio_api/mcp/schema") as answer:
        tools = {tool["name"]: tool["inputSchema"]["properties"] for tool in json.load(answer)}
    assert set(tools) == {"generate", "edit", "answer", "describe", "attributes", "verify"}
    assert "old man" in tools["generate"]["prompt"]["description"]
    assert tools["edit"]["region"]["enum"] == list(REGIONS)
    assert all(about["description"] for tool in tools.values() for about in tool.values())


def test_a_generated_picture_carries_its_settings_and_both_marks(client):
    path, settings = client.predict("an old man", 5, 3, 2.5, api_name="/generate")
    assert (settings["prompt"], settings["seed"], settings["steps"]) == ("an old man", 5, 3)
    found = verify(Path(path))
    assert found.source_type and found.settings["seed"] == 5
    assert found.settings["guidance"] == 2.5
    assert Image.open(path).format == "PNG"


def test_of_several_pictures_the_one_that_fits_best_is_given(client):
    path, settings = client.predict("red hair", 5, 2, num_images=3, api_name="/generate")
    fits = [candidate["fit"] for candidate in settings["candidates"]]
    assert fits == sorted(fits, reverse=True)
    assert {candidate["seed"] for candidate in settings["candidates"]} == {5, 6, 7}
    assert settings["seed"] == settings["candidates"][0]["seed"]
    again, _ = client.predict("red hair", settings["seed"], 2, api_name="/generate")
    assert Path(path).read_bytes() == Path(again).read_bytes()


def test_a_part_of_a_painted_face_is_changed_and_of_a_photograph_it_is_not(client, face, tmp_path):
    path, _ = client.predict("an old man", 5, 3, api_name="/generate")
    changed, settings = client.predict(
        handle_file(path), "face", "a young man", 6, 2, api_name="/edit"
    )
    assert settings["region"] == "face" and verify(Path(changed)).is_generated
    with pytest.raises(AppError, match="painted here"):
        client.predict(face, "face", "a young man", api_name="/edit")
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", SOURCE_TYPE)  # anybody can write that
    forged = saved(Image.fromarray(astronaut()), tmp_path / "forged.png", pnginfo=info)
    assert not client.predict(forged, api_name="/verify")["is_generated"]
    with pytest.raises(AppError, match="painted here"):
        client.predict(forged, "face", "a young man", api_name="/edit")
    pasted = Image.open(path).convert("RGB").resize((512, 512))
    pasted.paste(Image.fromarray(astronaut()).resize((384, 384)), (64, 64))
    with pytest.raises(AppError, match="painted here"):
        pasted = saved(pasted, tmp_path / "pasted.png")
        client.predict(pasted, "face", "a young man", api_name="/edit")
    with pytest.raises(AppError, match="unknown region 'soul'"):
        client.predict(handle_file(path), "soul", "a young man", api_name="/edit")


def test_the_answer_of_verify_is_that_of_the_program(client, face):
    path, _ = client.predict("an old man", 5, 3, api_name="/generate")
    ours = client.predict(handle_file(path), api_name="/verify")
    assert ours["is_generated"] and ours["settings"]["prompt"] == "an old man"
    theirs = client.predict(face, api_name="/verify")
    assert not theirs["is_generated"] and theirs["settings"] == {}


def test_programs_hear_how_far_the_painting_is_and_what_is_said_so_far(client, face):
    job = client.submit("an old man", 1, 3, api_name="/generate")
    (path, settings), heard = job.result(), job.outputs()
    assert heard[:-1] == [(None, {"step": i, "num_steps": 3}) for i in (1, 2, 3)]
    assert verify(Path(path)).settings["seed"] == settings["seed"] == 1
    job = client.submit(face, api_name="/describe")
    assert job.result() == job.outputs()[-1]


def test_without_a_seed_one_is_drawn_and_told(client):
    seeds = {client.predict("a woman", steps=1, api_name="/generate")[1]["seed"] for _ in range(2)}
    assert len(seeds) == 2


def test_requests_at_once_do_not_mix(client, app_url):
    seeds = [1, 2, 3, 4]
    alone = [client.predict("a face", s, 2, api_name="/generate")[0] for s in seeds]

    def request(seed):
        own = Client(app_url, verbose=False)
        return own.predict("a face", seed, 2, api_name="/generate")

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(request, seeds))
    for seed, path, (other, settings) in zip(seeds, alone, together, strict=True):
        assert settings["seed"] == seed
        assert Path(path).read_bytes() == Path(other).read_bytes()
    assert len({Path(path).read_bytes() for path in alone}) == len(seeds)


def test_a_face_is_described_and_questions_are_answered(client, face):
    assert isinstance(client.predict(face, api_name="/describe"), str)
    answer = client.predict(face, "What color is the hair?", api_name="/answer")
    assert isinstance(answer, str)


def test_attributes_are_probabilities(client, face):
    table = client.predict(face, "hair_color, glasses", api_name="/attributes")
    assert set(table) == {"hair_color", "glasses"}
    for name, values in table.items():
        assert set(values) > set(ATTRIBUTES[name].values)
        assert sum(values.values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", 1, 2), "prompt is empty"),
        (("  ", 1, 2), "prompt is empty"),
        (("old " * 300, 1, 2), "1000"),
        (("a face", 1, 0), "steps must be between"),
        (("a face", 1, 10_000), "steps must be between"),
        (("a face", -3, 2), "seed must be between"),
        (("a face", 1, 2, 1e9), "guidance must be between"),
        (("a naked woman", 1, 2), "not painted"),
        (("Taylor Swift", 1, 2), "invented people"),
    ],
)
def test_bad_generation_requests_are_refused_in_words(client, arguments, words):
    with pytest.raises(AppError) as error:
        client.predict(*arguments, api_name="/generate")
    assert words in message(error) and "/" not in message(error)


def test_bad_questions_are_refused_in_words(client, face):
    for question, words in (
        ("", "question is empty"),
        ("x" * 400, "400 characters"),
        ("Who is this?", "does not say who"),
        ("Which religion does she have?", "does not guess"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(face, question, api_name="/answer")
    with pytest.raises(AppError, match="Unknown attribute 'aura'"):
        client.predict(face, "aura", api_name="/attributes")


def test_bad_pictures_are_refused_in_words(client, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    for picture, words in (
        (None, "no picture yet"),
        (saved(Image.fromarray(noise), tmp_path / "noise.png"), "No face"),
        (saved(Image.new("RGB", (300, 300), "white"), tmp_path / "white.jpg"), "No face"),
        (saved(Image.new("RGB", (20, 20)), tmp_path / "small.png"), "20 x 20"),
        (handle_file(str(text)), "not a picture"),
    ):
        with pytest.raises(AppError) as error:
            client.predict(picture, api_name="/describe")
        assert words in message(error) and str(tmp_path) not in message(error)


def test_a_20_megapixel_photograph_is_fine(client, tmp_path):
    photo = Image.new("RGB", (5500, 3700), (80, 90, 100))
    photo.paste(Image.fromarray(astronaut()).resize((2000, 2000)), (1500, 900))
    upload = saved(photo, tmp_path / "photo.jpg", quality=60)
    assert client.predict(upload, "glasses", api_name="/attributes")


def test_the_shipped_checkpoint_paints_a_face_it_can_describe(shipped_app_url, tmp_path):
    client = Client(shipped_app_url, verbose=False, download_files=tmp_path)
    path, settings = client.predict("an old man with a beard", 1, api_name="/generate")
    assert settings["agreement"]
    assert len(client.predict(handle_file(path), api_name="/describe")) > 40


def test_the_shipped_checkpoint_answers_the_first_click_and_says_yes_to_what_it_sees(
    shipped_app_url,
):
    client = Client(shipped_app_url, verbose=False)

    def said(question, picture="1-red-hair"):
        example = handle_file(EXAMPLES / f"{picture}.png")
        return client.predict(example, question, api_name="/answer").lower()

    assert "red" in said("What color is the hair?")
    assert said("Is the hair red?").startswith("yes")
    assert said("Is the hair black?").startswith("no")
    assert said("Is this person wearing sunglasses?", "6-sunglasses").startswith("yes")
    assert said("Is this person wearing sunglasses?").startswith("no")
