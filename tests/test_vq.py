"""Laws of the image tokenizer: codes are numbers, look-up inverts quantising, any size works."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unif2ace.areas import (
    AREAS,
    NOWHERE,
    NUM_WAVES,
    POINT_LEVELS,
    area_masks,
    side_masks,
    told_areas,
    told_maps,
    wave_maps,
)
from unif2ace.attributes import VOCABULARY
from unif2ace.config import VQConfig
from unif2ace.conv import ResBlock
from unif2ace.plan import DIGITS
from unif2ace.train.tokenizer import load_tokenizer, save_tokenizer
from unif2ace.vq import FSQ, LFQ, NOT_TOLD, ImageTokenizer, Telling, Told

TINY = {"encoder_channels": (32, 32, 32), "decoder_channels": (32, 32, 32)}
TINY |= {"encoder_blocks": 1, "decoder_blocks": 1}
CONFIGS = [VQConfig(**TINY), VQConfig(quantizer="lfq", **TINY)]


def tokenizer(config: VQConfig = CONFIGS[0], seed: int = 0) -> ImageTokenizer:
    torch.manual_seed(seed)
    model = ImageTokenizer(config).eval()
    for parameter in model.parameters():  # blocks start as identity: wake them up
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) - 1


@pytest.mark.parametrize("quantizer", [FSQ((2, 3, 5)), FSQ((8, 8, 8, 16)), LFQ(1), LFQ(13)])
def test_quantising_a_codes_own_vector_gives_the_code(quantizer):
    size = math.prod(quantizer.levels) if isinstance(quantizer, FSQ) else 2**quantizer.channels
    codes = torch.arange(size)[None]
    latents = quantizer.lookup(codes)  # (1, C, K)
    assert latents.abs().max() <= 1
    z = latents
    if isinstance(quantizer, FSQ):  # undo the bound: latents of +-1 lie at infinity, stay inside
        z = torch.logit((latents + 1) / 2, eps=1e-3) / 1.6
    again = quantizer(z[..., None])  # (1, C, K, 1)
    assert torch.equal(again.codes, codes)
    torch.testing.assert_close(again.latents[..., 0], latents)


def test_fsq_rounds_to_the_nearest_level_by_definition():
    quantizer, levels = FSQ((3, 4)), (3, 4)
    z = torch.randn(2, 2, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    out = quantizer(z)
    for b, i, j in itertools.product(range(2), range(3), range(5)):
        code, stride = 0, 1
        for channel, n in enumerate(levels):
            bounded = 2 / (1 + math.exp(-1.6 * z[b, channel, i, j].item())) - 1
            grid = [2 * k / (n - 1) - 1 for k in range(n)]
            digit = min(range(n), key=lambda k: abs(grid[k] - bounded))
            assert out.latents[b, channel, i, j].item() == pytest.approx(grid[digit], abs=1e-6)
            code, stride = code + digit * stride, stride * n
        assert out.codes[b, i * 5 + j] == code  # row by row


def test_fsq_gradient_is_that_of_the_bound_alone():
    z = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(2), requires_grad=True)
    (got,) = torch.autograd.grad(FSQ((4, 5))(z).latents.sum(), z)
    (expected,) = torch.autograd.grad((2 * torch.sigmoid(1.6 * z) - 1).sum(), z)
    torch.testing.assert_close(got, expected)


def test_fsq_spreads_a_normal_nearly_evenly():
    z = torch.randn(1, 1, 300, 300, generator=torch.Generator().manual_seed(3))
    shares = FSQ((8,))(z).codes.flatten().bincount(minlength=8) / z.numel()
    assert shares.min() > 0.03 and shares.max() < 0.2  # the two end levels have half the room


def test_lfq_puts_the_first_channel_in_the_highest_bit():
    z = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1)
    assert LFQ(3)(z).codes.tolist() == [[4]]


def test_lfq_entropy_is_that_of_the_whole_code_book():
    quantizer, bits = LFQ(3), 3
    z = 0.05 * torch.randn(2, bits, 2, 2, generator=torch.Generator().manual_seed(4)).double()
    book = quantizer.lookup(torch.arange(2**bits)[None])[0].T.double()  # (K, bits)
    points = z.permute(0, 2, 3, 1).reshape(-1, bits)
    distance = (points[:, None] - book).square().sum(-1)
    probs = torch.softmax(-distance / quantizer.temperature, dim=-1)  # (positions, K)
    sample = -(probs * probs.log()).sum(-1).mean()
    # The mean code is taken bit by bit: the product of the mean bits.
    on = (probs[:, None] * (book.T > 0)).sum(-1).mean(0)
    mean = -(on * on.log() + (1 - on) * (1 - on).log()).sum()
    torch.testing.assert_close(quantizer.entropy_gap(z), sample - mean)


def test_lfq_entropy_falls_when_bits_are_used_evenly_and_surely():
    sure = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).view(2, 2, 1, 1)
    stuck = torch.ones(2, 2, 1, 1)
    unsure = torch.zeros(2, 2, 1, 1)
    gap = LFQ(2).entropy_gap
    assert gap(sure) < gap(stuck) - 1 and gap(sure) < gap(unsure) - 1


@pytest.mark.parametrize("config", CONFIGS, ids=["fsq", "lfq"])
@pytest.mark.parametrize("height,width", [(16, 16), (48, 32), (128, 128)])
def test_decoding_the_codes_is_the_clamped_forward_pass(config, height, width):
    model, pixels = tokenizer(config), pictures(2, 3, height, width)
    with torch.no_grad():
        output, codes = model(pixels), model.encode(pixels)
        decoded = model.decode(codes, (height // 16, width // 16))
    assert codes.shape == (2, height * width // 256) and codes.dtype == torch.int64
    assert codes.min() >= 0 and codes.max() < config.codebook_size == model.codebook_size
    assert torch.equal(codes, output.codes)
    torch.testing.assert_close(decoded, output.reconstruction.clamp(-1, 1))
    assert output.usage == codes.unique().numel() / codes.numel()


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
def test_any_codes_decode_to_pixels_in_range(height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    model = tokenizer()
    codes = torch.randint(model.codebook_size, (1, height * width), generator=generator)
    pixels = model.decode(codes, (height, width))
    assert pixels.shape == (1, 3, 16 * height, 16 * width) and pixels.abs().max() <= 1


def test_codes_follow_the_picture_row_by_row():
    """Change one code, and the picture changes most in that code's own place."""
    torch.manual_seed(0)
    model = ImageTokenizer(CONFIGS[0])  # fresh: the blocks are identities, so reach is short
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(model.codebook_size, (100, 6), generator=generator)
    with torch.no_grad():
        before = model.decode(codes, (2, 3))
        for place in range(6):
            changed = codes.clone()
            changed[:, place] = codes[:, place].flip(0)  # another draw's code
            change = (model.decode(changed, (2, 3)) - before).abs().mean((0, 1))
            by_place = torch.nn.functional.avg_pool2d(change[None], 16).flatten()
            assert by_place.argmax() == place


def test_every_part_of_the_tokenizer_learns():
    model = tokenizer()
    model(pictures(2, 3, 32, 32)).reconstruction.square().mean().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    "pixels,words",
    [
        (torch.zeros(1, 3, 120, 128), "120 x 128"),
        (torch.zeros(1, 1, 32, 32), "(1, 1, 32, 32)"),
        (torch.zeros(3, 32, 32), "(3, 32, 32)"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), "uint8"),
        (torch.zeros(1, 3, 0, 16), "0 x 16"),
    ],
)
def test_unfit_pictures_are_named_in_the_error(pixels, words):
    with pytest.raises(ValueError) as error:
        tokenizer().encode(pixels)
    assert words in str(error.value)


@pytest.mark.parametrize("code", [-1, 8192])
def test_codes_out_of_range_are_refused(code):
    with pytest.raises(ValueError, match=str(code)):
        tokenizer().decode(torch.tensor([[0, code]]), (1, 2))


def test_a_wrong_count_of_codes_is_refused():
    with pytest.raises(ValueError, match="6"):
        tokenizer().decode(torch.zeros(1, 5, dtype=torch.int64), (2, 3))


@pytest.mark.parametrize(
    "config",
    [*CONFIGS, VQConfig(**TINY, told_counts=(2, 3), told_areas=(0, 1))],
    ids=["fsq", "lfq", "told"],
)
def test_saved_tokenizer_comes_back_the_same(config, tmp_path):
    model = tokenizer(config)
    save_tokenizer(model, tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.config == config
    pixels = pictures(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(pixels).reconstruction, again(pixels).reconstruction)


COUNTS, WHERE = (2, 4, 3, 2), (0, 3, 0, NOWHERE)
EYES, MOUTH, JAW = [(0.3, 0.4), (0.7, 0.4)], [(0.4, 0.7), (0.6, 0.7), (0.5, 0.72)], [0.2, 0.8]
POINTS = torch.tensor(
    [*EYES, (0.5, 0.55), *MOUTH, (0.5, 0.9), *((x, 0.5) for x in JAW)]
)  # as AREA_POINTS


HEARD = ((POINTS * 64).floor() + 0.5) / 64  # as a plan tells them


def told(*words):
    return Told(words=torch.tensor(words), points=POINTS.expand(len(words), -1, -1))


@torch.no_grad()
def test_every_word_that_is_told_adds_its_own_scales_and_shifts_in_its_area():
    telling = Telling(COUNTS, WHERE, (5, 8), has_places=False)
    torch.nn.init.normal_(telling.words.weight, generator=torch.Generator().manual_seed(0))
    heard = told([1, 3, 0, 1], [NOT_TOLD, 0, 2, 0], [NOT_TOLD] * 4)
    first, second = telling(heard)
    assert first.shape == (3, len(AREAS), 10) and second.shape == (3, len(AREAS), 16)
    for row, values in enumerate(heard.words.tolist()):
        expected = torch.zeros(len(AREAS), 26)
        for thing, value in enumerate(values):
            if value != NOT_TOLD and WHERE[thing] != NOWHERE:
                expected[WHERE[thing]] += telling.words.weight[sum(COUNTS[:thing]) + value]
        torch.testing.assert_close(torch.cat([first[row], second[row]], dim=-1), expected)
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        telling(told([0, 0]))


@torch.no_grad()
def test_what_is_told_changes_its_own_picture_where_it_belongs_and_at_first_nothing():
    config = VQConfig(**TINY, told_counts=COUNTS, told_areas=WHERE)
    grid, generator = (8, 8), torch.Generator().manual_seed(1)
    codes = torch.randint(0, 8192, (3, 64), generator=generator)
    heard = told([NOT_TOLD, 3, NOT_TOLD, 1], [0, 1, 2, 0], [NOT_TOLD] * 4)
    model = tokenizer(config)
    plain, changed = model.decode(codes, grid), model.decode(codes, grid, heard)
    torch.testing.assert_close(changed[2], plain[2])
    for row in range(2):
        alone = model.decode(codes[row : row + 1], grid, heard.row(row))
        torch.testing.assert_close(changed[row : row + 1], alone, atol=1e-5, rtol=1e-4)
        assert (changed[row] - plain[row]).abs().max() > 0.01
    unknown = Told(words=heard.words, points=torch.full_like(heard.points, torch.nan))
    torch.testing.assert_close(model.decode(codes, grid, unknown), plain)
    fresh = ImageTokenizer(config).eval()
    assert torch.equal(fresh.decode(codes, grid, heard), fresh.decode(codes, grid))
    deaf = tokenizer()
    assert torch.equal(deaf.decode(codes, grid, heard), deaf.decode(codes, grid))
    with pytest.raises(ValueError, match=r"squares.*\(4, 16\)"):
        model.decode(codes, (4, 16), heard)


@torch.no_grad()
def test_a_word_can_be_heard_on_one_side_and_every_place_has_scales_of_its_own():
    telling = Telling(COUNTS, WHERE, (5,), has_places=True)
    generator = torch.Generator().manual_seed(0)
    for table in (telling.words.weight, telling.sides.weight, telling.places):
        torch.nn.init.normal_(table, generator=generator)
    heard = told([1, 3, 0, 1], [NOT_TOLD] * 4)
    maps = telling.maps(heard.points, 32)
    (given,) = telling(heard)
    assert given.shape == (2, maps.shape[1], 10) and not given[1].any()  # told nothing
    rows = [sum(COUNTS[:thing]) + value for thing, value in enumerate([1, 3, 0, 1])]
    masks, sides = (found(HEARD[None], 32)[0] for found in (area_masks, side_masks))
    expected = torch.einsum("wd,whv->dhv", telling.places, wave_maps(HEARD[None], 32)[0])
    for thing, row in enumerate(rows):
        if (area := WHERE[thing]) != NOWHERE:
            expected += telling.words.weight[row][:, None, None] * masks[area]
            expected += telling.sides.weight[row][:, None, None] * sides[area]
    found = torch.einsum("md,mhv->dhv", given[0], maps[0])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_of_places_too_nothing_is_heard_at_first_nor_of_pictures_that_are_not_told_of():
    config = VQConfig(**TINY, told_counts=COUNTS, told_areas=WHERE, told_places=True)
    codes = torch.randint(0, 8192, (2, 64), generator=torch.Generator().manual_seed(1))
    heard, grid = told([NOT_TOLD, 3, NOT_TOLD, 1], [NOT_TOLD] * 4), (8, 8)
    fresh = ImageTokenizer(config).eval()
    assert torch.equal(fresh.decode(codes, grid, heard), fresh.decode(codes, grid))
    model = tokenizer(config)
    plain, changed = model.decode(codes, grid), model.decode(codes, grid, heard)
    assert (changed[0] - plain[0]).abs().max() > 0.01
    torch.testing.assert_close(changed[1], plain[1])
    unknown = Told(words=heard.words, points=torch.full_like(heard.points, torch.nan))
    torch.testing.assert_close(model.decode(codes, grid, unknown), plain)


def test_sides_are_told_apart_where_there_are_two():
    masks, sides = (
        dict(zip(AREAS, f(POINTS[None], 64)[0], strict=True)) for f in (area_masks, side_masks)
    )
    assert not any(sides[area].any() for area in ("nose", "mouth", "face"))
    for area in ("eyes", "brows", "ears"):
        assert sides[area].max() == pytest.approx(float(masks[area].max()), abs=0.01)
        assert (sides[area][:, :28] <= 0).all() and (sides[area][:, 36:] >= 0).all()
        torch.testing.assert_close(sides[area], -sides[area].flip(-1))  # these points are mirrored


def test_waves_are_what_they_are_called_and_follow_the_points():
    """Each by its definition, around the right eye: the second of the ellipses."""
    size, eye = 64, slice(25, 50)
    waves = wave_maps(POINTS[None], size)[0]
    assert waves.shape == (NUM_WAVES, size, size)
    right, span = EYES[1], EYES[1][0] - EYES[0][0]
    middle = (right[0] - 0.2 * span, right[1])
    functions = [lambda d: 1.0]
    for n in (1, 2):
        functions += [
            lambda d, n=n: math.cos(n * math.pi * d),
            lambda d, n=n: math.sin(n * math.pi * d),
        ]
    for row, column in ((25, 40), (24, 43), (28, 36)):
        x = ((column + 0.5) / size - middle[0]) / (0.32 * span)
        y = ((row + 0.5) / size - middle[1]) / (0.22 * span)
        inside = math.exp(-((x * x + y * y) ** 2))
        expected = [inside * down(y) * along(x) for down in functions for along in functions]
        torch.testing.assert_close(
            waves[eye, row, column], torch.tensor(expected), atol=1e-5, rtol=1e-4
        )
    moved = wave_maps(POINTS[None] + 0.125, size)[0]
    torch.testing.assert_close(moved[:, 8:, 8:], waves[:, :-8, :-8], atol=1e-4, rtol=1e-3)


def test_points_are_heard_as_exactly_as_a_plan_tells_them():
    told = (POINTS * 64).floor() / 64
    for within in (0.001, 0.0155):
        assert torch.equal(told_maps(told[None] + within, 16), told_maps(told[None] + 0.008, 16))
    assert not torch.equal(told_maps(told[None] + 0.016, 16), told_maps(told[None] + 0.008, 16))
    assert len(DIGITS) == POINT_LEVELS


@torch.no_grad()
def test_a_block_is_told_place_by_place():
    block = ResBlock(4).eval()
    for parameter in block.parameters():
        parameter.normal_(std=0.3)
    x, telling = pictures(1, 4, 5, 5), torch.zeros(1, 8, 5, 5)
    plain = block(x)
    torch.testing.assert_close(block(x, telling), plain)
    telling[0, :, 0, 0] = 1
    is_changed = ((block(x, telling) - plain).abs() > 1e-6).any(1)[0]
    assert is_changed[:2, :2].all() and is_changed.sum() == 4  # as far as a 3x3 convolution sees


def test_areas_lie_where_their_parts_do():
    masks = dict(zip(AREAS, area_masks(POINTS[None], 64)[0], strict=True))

    def middle(mask):
        shares = mask / mask.sum()
        places = (torch.arange(64) + 0.5) / 64
        return float((shares.sum(0) * places).sum()), float((shares.sum(1) * places).sum())

    heights = [middle(masks[area])[1] for area in ("brows", "eyes", "nose", "mouth")]
    assert heights == sorted(heights) and heights[1] == pytest.approx(0.4, abs=0.02)
    assert all(middle(mask)[0] == pytest.approx(0.5, abs=0.02) for mask in masks.values())
    assert masks["eyes"][25, 24] > 0.9 > 0.1 > masks["eyes"][40, 24]  # (0.38, 0.4) lies in one
    assert masks["ears"][:, 24:40].max() < 0.1 < 0.9 < masks["ears"].max()
    assert all((mask >= 0).all() and (mask <= 1).all() for mask in masks.values())
    moved = area_masks(POINTS[None] + 0.125, 64)[0]
    torch.testing.assert_close(moved[:, 8:, 8:], area_masks(POINTS[None], 64)[0, :, :-8, :-8])
    part_known = POINTS.clone()
    part_known[3:6] = torch.nan
    masks = dict(zip(AREAS, area_masks(part_known[None], 16)[0], strict=True))
    assert not masks["mouth"].any() and masks["eyes"].any()


def test_every_attribute_of_a_face_is_told_in_an_area():
    areas = dict(zip((name for name, _ in VOCABULARY), told_areas(VOCABULARY), strict=True))
    assert {areas[name] for name in ("hair_color", "background", "head_turn")} == {NOWHERE}
    expected = {"eye_color": "eyes", "lipstick": "mouth", "scar": "face", "earrings": "ears"}
    assert {name: AREAS[areas[name]] for name in expected} == expected
    with pytest.raises(ValueError, match="2 things are told, but of 0 areas"):
        VQConfig(told_counts=(2, 3))
