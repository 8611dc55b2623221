import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from skimage.data import astronaut, brick, grass, gravel

from unif2ace.images import (
    MAX_PIXELS,
    WORKING_SIDE_PX,
    crop_face,
    find_faces,
    read_upload,
)
from unif2ace.provenance import verify

FACE = Image.fromarray(astronaut()).crop((120, 0, 330, 210))
RAMP = Image.fromarray(
    np.stack(
        np.broadcast_arrays(np.arange(90)[:, None] * 2, np.arange(60)[None] * 4, 128), -1
    ).astype(np.uint8)
)  # 60 x 90, no symmetry


def file_bytes(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(orientation):
    # how a camera held so would store the upright picture: the inverse transposition
    stored_as = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = RAMP
    if orientation in stored_as:
        stored = RAMP.transpose(Image.Transpose(stored_as[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = read_upload(file_bytes(stored, exif=exif))
    assert upright.size == RAMP.size and upright.tobytes() == RAMP.tobytes()


def test_nothing_but_pixels_is_left():
    exif = Image.Exif()
    exif[0x010E] = "at home"
    exif.get_ifd(0x8825)[1] = "N"
    data = file_bytes(RAMP, "JPEG", exif=exif, comment=b"at home", icc_profile=b"profile")
    image = read_upload(data)
    assert image.info == {} and not image.getexif()
    assert b"at home" not in file_bytes(image) and b"at home" in data


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_named_format_is_read_whatever_the_file_is_called(kind, tmp_path):
    path = tmp_path / "picture.txt"
    path.write_bytes(file_bytes(RAMP, kind))
    image = read_upload(path)
    assert image.mode == "RGB" and image.size == RAMP.size
    assert np.abs(np.asarray(image, float) - np.asarray(RAMP, float)).mean() < 12


@pytest.mark.parametrize("data", [b"", b"no picture", b"<svg xmlns='x'/>", b"%PDF-1.4 ..."])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(ValueError, match=r"(?i)picture"):
        read_upload(data)


def test_a_picture_that_was_deleted_meanwhile_is_asked_for_again(tmp_path):
    with pytest.raises(ValueError, match="choose it again"):
        read_upload(tmp_path / "gone.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_part_of_a_file_is_refused(kind, share):
    data = file_bytes(FACE, kind)
    for read in (read_upload, verify):
        with pytest.raises(ValueError, match=r"picture.*(damaged|cannot be|that can be read)"):
            read(data[: int(share * len(data))])


@settings(max_examples=60)
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"]),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_damaged_file_gives_a_picture_or_a_message(kind, changes):
    data = bytearray(file_bytes(RAMP.resize((64, 64)), kind))
    for where, value in changes:
        data[int(where * len(data))] = value
    try:
        image = read_upload(bytes(data))
    except ValueError as error:
        assert str(error).startswith(("The picture", "This file"))
    else:
        assert image.mode == "RGB"


def png_that_claims(width, height):
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8001, 30_000, 200_000])
def test_a_decompression_bomb_is_refused_before_decoding(side):
    with pytest.raises(ValueError, match="megapixels"):
        read_upload(png_that_claims(side, side))
    assert side * side > MAX_PIXELS


def test_a_20_megapixel_photograph_is_reduced_and_its_face_found():
    photo = Image.new("RGB", (5472, 3648), (90, 110, 90))
    photo.paste(FACE.resize((1600, 1600)), (2000, 1000))
    image = read_upload(file_bytes(photo, "JPEG", quality=70))
    assert max(image.size) == WORKING_SIDE_PX
    assert crop_face(image, 128).num_faces == 1


def test_a_tiny_picture_is_refused_with_its_size():
    with pytest.raises(ValueError, match="20 x 30"):
        read_upload(file_bytes(Image.new("RGB", (20, 30))))


def test_transparency_lies_on_white():
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 200, np.arange(64) * 4
    got = np.asarray(read_upload(file_bytes(Image.fromarray(rgba))), float)
    alpha = rgba[..., 3:] / 255
    want = rgba[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(got - want).max() <= 1


def test_palette_transparency_lies_on_white_too():
    palette = RAMP.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    data = file_bytes(palette, transparency=palette.getpixel((0, 0)))
    assert read_upload(data).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("mode", "most"), [("I", 255), ("I", 2**31 - 1), ("F", 1.0)])
def test_greys_whose_range_no_file_tells_are_as_bright_as_they_can_be(mode, most):
    ramp = np.linspace(0, most, 64 * 64).reshape(64, 64)
    grey = Image.fromarray(ramp.astype(np.float32 if mode == "F" else np.int32))
    seen = np.asarray(read_upload(grey), float)[..., 0]
    assert np.abs(seen - np.linspace(0, 255, 64 * 64).reshape(64, 64)).max() < 2


def test_sixteen_bit_grey_keeps_its_range():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    got = np.asarray(read_upload(file_bytes(Image.fromarray(ramp.astype(np.uint16)))), float)
    assert np.abs(got[..., 0] - ramp / 257).max() <= 1


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (64, 64), color) for color in ("red", "lime")]
    data = file_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_upload(data).getpixel((9, 9)) == (255, 0, 0)


def test_cmyk_becomes_rgb():
    image = read_upload(file_bytes(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = image.getpixel((9, 9))
    assert red > 200 and green < 60 and blue < 60


def test_the_face_is_found_where_it_is():
    face = find_faces(Image.fromarray(astronaut()))[0]
    assert abs((face.left + face.right) / 2 - 222) < 25
    assert abs((face.top + face.bottom) / 2 - 115) < 35
    assert 80 < face.height < 190


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize("margin", [0, 40])
def test_a_face_that_fills_the_frame_is_found(size, margin):
    head = Image.fromarray(astronaut()).crop(
        (170 - margin, 55 - margin, 275 + margin, 170 + margin)
    )
    assert find_faces(head.resize((size, size)))


@pytest.mark.parametrize("seed", range(3))
def test_there_is_no_face_in_noise_colours_and_textures(seed):
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8))
    blobs = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((200, 200))
    plain = Image.new("RGB", (200, 160), tuple(rng.integers(0, 256, 3).tolist()))
    textures = [
        Image.fromarray(make()[seed * 20 :, :300]).convert("RGB") for make in (brick, grass, gravel)
    ]
    for image in (noise, blobs, plain, *textures):
        assert find_faces(image) == []
        with pytest.raises(ValueError, match="No face"):
            crop_face(image, 128)


def test_the_largest_of_several_faces_is_used():
    group = Image.new("RGB", (640, 320), (120, 120, 120))
    for side, at in ((100, (10, 10)), (250, (340, 30)), (120, (150, 150))):
        group.paste(FACE.resize((side, side)), at)
    crop = crop_face(group, 64)
    left, top, right, bottom = crop.box
    assert crop.num_faces == 3 and crop.image.size == (64, 64)
    assert left >= 280 and right <= 640 and right - left == bottom - top


@settings(max_examples=15)
@given(st.integers(0, 240), st.integers(0, 240), st.integers(70, 400))
def test_the_crop_is_a_square_inside_the_picture(x, y, side):
    picture = Image.new("RGB", (480, 400), (60, 90, 120))
    picture.paste(FACE.resize((side, side)), (x, y))
    try:
        crop = crop_face(picture, 32)
    except ValueError:
        return  # cut off at the edge: no face is a fair answer
    left, top, right, bottom = crop.box
    assert 0 <= left < right <= 480 and 0 <= top < bottom <= 400
    assert right - left == bottom - top


def test_a_picture_framed_as_in_training_is_used_whole():
    box = crop_face(Image.fromarray(astronaut()), 64).box
    framed = Image.fromarray(astronaut()).crop(box).resize((128, 128))
    assert crop_face(framed, 128).box == (0, 0, 128, 128)
    assert crop_face(framed, 128).image.tobytes() == framed.tobytes()


def test_a_mirrored_picture_gives_the_mirrored_crop():
    picture = Image.fromarray(astronaut())
    left, _, right, _ = crop_face(picture, 64).box
    mirror_left, _, mirror_right, _ = crop_face(ImageOps.mirror(picture), 64).box
    assert abs((512 - mirror_right) - left) < 15 and abs((512 - mirror_left) - right) < 15
