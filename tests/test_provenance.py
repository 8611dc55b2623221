import io
import json

import numpy as np
import pytest
from marking import is_kept, measure, painted
from PIL import Image, PngImagePlugin
from skimage.data import astronaut, coffee
from tiny import tiny_model, tiny_tokenizer

from unif2ace import provenance
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.provenance import (
    MAX_SETTINGS_CHARS,
    SETTINGS_KEY,
    SOURCE_TYPE,
    TARGET,
    THRESHOLD,
    WHOLE,
    _dct,
    embed,
    mark,
    psnr,
    score,
    verify,
)

SETTINGS = {"prompt": "eine Frau mit rötlichem Haar", "seed": 7, "steps": 12, "guidance": 3.5}


def smooth_picture(seed, side):
    """Colours with the 1/f spectrum of photographs."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))) + 1 / side
    spectrum = (
        np.fft.fft2(rng.normal(size=(side, side, 3)), axes=(0, 1)) / frequency[..., None] ** 1.3
    )
    pixels = np.fft.ifft2(spectrum, axes=(0, 1)).real
    pixels = 128 + 45 * (pixels - pixels.mean()) / pixels.std()
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def pictures(side):
    face = Image.fromarray(astronaut()).crop((120, 0, 330, 210)).resize((side, side))
    cup = Image.fromarray(coffee()).crop((0, 0, 400, 400)).resize((side, side))
    return [face, cup, *(smooth_picture(seed, side) for seed in range(4))]


def jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def resized(image, factor):
    return image.resize((int(image.width * factor), int(image.height * factor)))


@pytest.mark.parametrize("side", [128, 256])
def test_the_mark_is_faint_and_survives_jpeg_80_and_a_75_percent_resize(side):
    for image in pictures(side):
        marked = embed(image)
        assert psnr(np.asarray(image), np.asarray(marked)) >= 40
        wear = [marked, jpeg(marked, 80), resized(marked, 0.75), jpeg(resized(marked, 0.75), 80)]
        assert min(map(score, wear)) >= THRESHOLD


def test_a_painted_picture_with_another_face_in_its_middle_is_not_whole():
    for image in pictures(256):
        marked = embed(image)
        assert verify(marked).is_whole and verify(jpeg(marked, 80)).is_whole
        pasted, other = marked.copy(), Image.fromarray(astronaut()).resize((128, 128))
        pasted.paste(other, (64, 64))
        assert not verify(pasted).is_whole
    assert 0 < THRESHOLD < WHOLE < TARGET


def test_of_many_pictures_the_mark_is_found_in_all_and_nothing_else_taken_for_it():
    told = measure(smooth_picture(seed, 128) for seed in range(100, 160))
    assert is_kept(told) and (told["marked"], told["unmarked"]) == (60, 480)


def test_broken_promises_are_noticed():
    told = measure([smooth_picture(1, 128)])
    assert is_kept(told)
    for broken in ({"found": 0}, {"taken_for_marked": 1}, {"lowest_psnr_db": 39.9}):
        assert not is_kept(told | broken)


def test_pictures_of_a_checkpoint_are_as_many_as_asked_for():
    pipeline = UniF2acePipeline(tiny_model(), tiny_tokenizer())
    assert len(list(painted(pipeline, 6, steps=1))) == 6


def test_scores_of_unmarked_pictures_are_standard_normal():
    scores = np.array([score(smooth_picture(seed, 128)) for seed in range(120)])
    assert abs(scores.mean()) < 0.25 and 0.85 < scores.std() < 1.15
    assert scores.max() < THRESHOLD - 1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_plain_pictures_are_unmarked_and_can_be_marked(value):
    plain = Image.new("RGB", (128, 128), (value,) * 3)
    assert abs(score(plain)) < 1
    assert psnr(np.asarray(plain), np.asarray(embed(plain))) >= 40


def test_however_weak_the_score_a_picture_is_changed_little(monkeypatch):
    monkeypatch.setattr(provenance, "TARGET", 1e9)  # never reached: the faintness decides
    for image in pictures(128):
        assert 40 <= psnr(np.asarray(image), np.asarray(embed(image))) < 45


def test_settings_and_source_type_come_back_from_the_file():
    found = verify(mark(smooth_picture(1, 128), SETTINGS))
    assert found.settings == SETTINGS and found.source_type == SOURCE_TYPE
    assert found.has_invisible_mark and found.is_generated


def test_the_invisible_mark_stays_when_the_metadata_goes():
    image = Image.open(io.BytesIO(mark(smooth_picture(1, 128), SETTINGS)))
    file = io.BytesIO()
    jpeg(image, 85).save(file, "WEBP", quality=90)
    found = verify(file.getvalue())
    assert found.settings is None and found.source_type is None and found.is_generated


def test_a_picture_from_elsewhere_is_not_called_generated():
    found = verify(Image.fromarray(astronaut()))
    assert not found.is_generated and found.settings is None


def test_metadata_alone_makes_no_picture_ours():
    told = Image.open(io.BytesIO(mark(smooth_picture(1, 128), SETTINGS)))
    told.load()
    info = PngImagePlugin.PngInfo()
    for name, text in told.text.items():
        info.add_itxt(name, text)
    file = io.BytesIO()
    Image.fromarray(astronaut()).save(file, "PNG", pnginfo=info)
    found = verify(file.getvalue())
    assert found.settings == SETTINGS and found.source_type == SOURCE_TYPE
    assert not found.is_generated


def test_marking_is_deterministic():
    image = smooth_picture(2, 128)
    assert mark(image, SETTINGS) == mark(image, SETTINGS)


def test_the_transform_is_orthonormal():
    np.testing.assert_allclose(_dct() @ _dct().T, np.eye(len(_dct())), atol=1e-12)


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "no json", "[" * 5000, '{"a": [1]}', "x" * (MAX_SETTINGS_CHARS + 1)]
)
def test_foreign_metadata_is_no_settings(text):
    info = PngImagePlugin.PngInfo()
    info.add_itxt(SETTINGS_KEY, text)
    file = io.BytesIO()
    smooth_picture(3, 64).save(file, "PNG", pnginfo=info)
    assert not verify(file.getvalue()).settings


def test_settings_that_no_answer_could_hold_are_left_out():
    def found(text):
        info = PngImagePlugin.PngInfo()
        info.add_itxt(SETTINGS_KEY, text)
        file = io.BytesIO()
        smooth_picture(3, 64).save(file, "PNG", pnginfo=info)
        return verify(file.getvalue()).settings

    assert found('{"prompt": "\\ud800", "seed": 3}') is None
    assert found(json.dumps({"prompt": "a man", "seed": 2**70, "steps": 3})) == {
        "prompt": "a man",
        "steps": 3,
    }


def test_settings_that_are_too_long_are_refused():
    with pytest.raises(ValueError, match=str(MAX_SETTINGS_CHARS)):
        mark(smooth_picture(3, 64), {"prompt": "x" * MAX_SETTINGS_CHARS})


def test_the_settings_are_json_that_other_tools_can_read():
    image = Image.open(io.BytesIO(mark(smooth_picture(1, 64), SETTINGS)))
    image.load()
    assert json.loads(image.text[SETTINGS_KEY]) == SETTINGS
    assert SOURCE_TYPE in image.text["XML:com.adobe.xmp"]
