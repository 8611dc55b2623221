"""Laws of the measuring instruments: metrics, judge, sheets, reports."""

import io
import json
import math
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFont
from safetensors.torch import save_file
from tiny import tiny_config, tiny_model

from unif2ace.attributes import ATTRIBUTES, FIRST_VOCABULARY, VOCABULARY, FaceAttributes
from unif2ace.evaluate.arms import LOSS_ARMS, METRICS, PAPER
from unif2ace.evaluate.bench import bench_app, coverage, peak_memory_kib
from unif2ace.evaluate.faces import LabelledFaces, read_faces, stack_images, to_tensor
from unif2ace.evaluate.generation import Request, outcomes
from unif2ace.evaluate.judge import JUDGE_SIZE, JUDGE_VERSION, Judge, JudgeNetwork
from unif2ace.evaluate.judge_training import (
    UNSEEN,
    JudgeObjective,
    attribute_loss,
    augment,
    judge_batch,
    label_table,
    score_judge,
    shown,
    train_judge,
    turned,
)
from unif2ace.evaluate.metrics import (
    Rate,
    Statements,
    balanced_accuracy,
    calibration_bins,
    confusion,
    count_statements,
    expected_calibration_error,
    frechet_distance,
    majority_share,
    wilson_interval,
)
from unif2ace.evaluate.negatives import NEGATIVES, mixed, shuffled
from unif2ace.evaluate.patchwork import Rebuilt, patches, rebuild
from unif2ace.evaluate.report import interval, key_numbers, merge, told_apart, write_report
from unif2ace.evaluate.sheets import FACE_PX, FONT_PX, MARGIN_PX, contact_sheet, wrap
from unif2ace.languages import TABLE
from unif2ace.markdown import insert
from unif2ace.quantize import WeightReport
from unif2ace.train.loop import TrainConfig

START, END = "<!-- report:start -->", "<!-- report:end -->"


def test_wilson_interval_by_hand():
    # 8 of 10 at z = 2: middle (0.8 + 0.2) / 1.4, half 2 / 1.4 * sqrt(0.016 + 0.01)
    low, high = wilson_interval(8, 10, z=2)
    assert low == pytest.approx(1 / 1.4 - 2 / 1.4 * math.sqrt(0.026))
    assert high == pytest.approx(1 / 1.4 + 2 / 1.4 * math.sqrt(0.026))


@given(st.integers(1, 400), st.data())
def test_wilson_ends_are_where_the_normal_test_just_rejects(total, data):
    """The interval is all p with |hits/total - p| <= z sqrt(p (1 - p) / total)."""
    hits = data.draw(st.integers(0, total))
    for end in wilson_interval(hits, total):
        gap = (hits / total - end) ** 2
        assert gap == pytest.approx(1.959963984540054**2 * end * (1 - end) / total, abs=1e-9)


def test_wilson_of_nothing_is_everything_and_nonsense_raises():
    assert wilson_interval(0, 0) == (0, 1)
    assert Rate(hits=0, total=0).to_json()["share"] is None
    with pytest.raises(ValueError, match="got 3"):
        wilson_interval(3, 2)


def test_balanced_accuracy_by_hand():
    truth = ["a", "a", "a", "a", "b", "b", "c", "c"]
    said = ["a", "a", "a", "b", "b", "a", "a", "a"]
    assert balanced_accuracy(truth, said) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert majority_share(truth) == 0.5


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30))
def test_constant_answers_score_chance_and_the_truth_scores_one(truth):
    assert balanced_accuracy(truth, truth) == 1
    constant = balanced_accuracy(truth, ["a"] * len(truth))
    assert constant == pytest.approx(1 / len(set(truth)) if "a" in truth else 0)


def calibration_error(*given):
    return expected_calibration_error(calibration_bins(*given))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 12),
)
def test_calibration_error_is_its_definition(pairs, num_bins):
    confidences, outcomes = zip(*pairs, strict=True)
    total = 0.0
    for i in range(num_bins):
        inside = [(c, o) for c, o in pairs if min(int(c * num_bins), num_bins - 1) == i]
        if inside:
            confidence = sum(c for c, _ in inside) / len(inside)
            accuracy = sum(o for _, o in inside) / len(inside)
            total += len(inside) / len(pairs) * abs(accuracy - confidence)
    assert calibration_error(confidences, outcomes, num_bins) == pytest.approx(total)


def test_calibration_error_by_hand():
    assert calibration_error([0.75, 0.75, 0.75, 0.75], [1, 1, 1, 0]) == 0
    assert calibration_error([0.9, 0.9, 0.2], [0, 0, 1]) == pytest.approx((2 * 0.9 + 0.8) / 3)
    # certainty belongs to the last bin, 0.9..1
    assert calibration_error([1.0, 0.9], [0, 1]) == pytest.approx((1 - 0.1) / 2)
    with pytest.raises(ValueError, match=r"1\.5"):
        calibration_error([1.5], [True])


def test_confusions_by_hand():
    found = confusion(["a", "a", "b", "a"], ["a", "b", "b", None])
    assert found == {"a": {"a": 1, "b": 1, "": 1}, "b": {"b": 1}}


def test_statements_by_hand():
    counted = count_statements(
        {"gender": "man", "glasses": "round", "ears": "protruding"},
        {"gender": "man", "glasses": "none", "age": "old", "hat": "none"},
    )
    assert counted == Statements(right=1, said=3, sayable=4)
    total = counted + Statements(right=1, said=1, sayable=4)
    assert total.precision == Rate(hits=2, total=4) and total.recall == Rate(hits=2, total=8)


def frechet_definition(a, b):
    root = scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    traces = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + traces - 2 * np.trace(root)


@pytest.mark.parametrize("rows", [(40, 30), (7, 50)])
def test_frechet_distance_is_the_definition_with_a_matrix_root(rows):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(rows[0], 5)) @ rng.normal(size=(5, 5))
    b = rng.normal(size=(rows[1], 5)) @ rng.normal(size=(5, 5)) + 1
    assert frechet_distance(a, b) == pytest.approx(frechet_definition(a, b), rel=1e-6)


def test_frechet_distance_of_normal_samples_is_the_closed_form():
    # N(0, 1) and N(3, 4) in one dimension: (3 - 0)^2 + (2 - 1)^2
    grid = np.random.default_rng(1).normal(size=(200_000, 1))
    assert frechet_distance(grid, 2 * grid + 3) == pytest.approx(10, abs=0.1)


def test_frechet_distance_is_zero_with_itself_symmetric_and_blind_to_order():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(6, 20)), rng.normal(size=(9, 20))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a[::-1], b) == pytest.approx(frechet_distance(a, b))
    with pytest.raises(ValueError, match=r"\(1, 20\)"):
        frechet_distance(a[:1], b)


# -- judge -------------------------------------------------------------------------------------


def labelled_faces(count: int, size: int = JUDGE_SIZE, seed: int = 0) -> LabelledFaces:
    """Flat pictures whose colour tells one attribute; all other attributes are out of sight."""
    rng = np.random.default_rng(seed)
    colors = {"black": 20, "white": 235, "blue": (0, 0, 200), "green": (0, 200, 0)}
    chosen = [str(rng.choice(list(colors))) for _ in range(count)]
    pictures = np.stack([np.full((size, size, 3), colors[c], dtype=np.uint8) for c in chosen])
    pictures = pictures + rng.integers(0, 9, pictures.shape, dtype=np.uint8)
    plain = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
    return LabelledFaces(
        pictures=pictures,
        seeds=list(range(count)),
        attributes=[FaceAttributes({**plain, "background": c}) for c in chosen],
        visible=[frozenset({"background"})] * count,
        landmarks=np.full((count, 68, 2), 0.5, np.float32),
    )


def numbered(count: int, size: int = 64) -> torch.Tensor:
    """Pictures whose pixels are all different, within a picture and between pictures."""
    return torch.linspace(-1, 1, count * 3 * size**2).view(count, 3, size, size)


@pytest.mark.parametrize("kind", NEGATIVES)
@pytest.mark.parametrize("seed", range(4))
def test_every_negative_keeps_the_shape_and_spoils_every_picture(kind, seed):
    pixels = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(9)) * 2 - 1
    spoilt = NEGATIVES[kind](pixels, torch.Generator().manual_seed(seed))
    assert spoilt.shape == pixels.shape and spoilt.abs().max() <= 1
    assert ((spoilt - pixels).abs().amax((1, 2, 3)) > 0.1).all()


@pytest.mark.parametrize("seed", range(6))
def test_shuffling_moves_every_square_and_loses_none(seed):
    pixels = numbered(2)
    spoilt = shuffled(pixels, torch.Generator().manual_seed(seed))
    assert torch.equal(spoilt.flatten(2).sort().values, pixels.flatten(2).sort().values)
    assert (spoilt != pixels).all()


def test_shuffled_squares_stay_whole_and_come_in_three_sizes():
    pixels, sizes = numbered(2), set()
    for seed in range(12):
        spoilt = shuffled(pixels, torch.Generator().manual_seed(seed))
        for size in (32, 16, 8):
            cells = [p[0, 0].unfold(0, size, size).unfold(1, size, size) for p in (pixels, spoilt)]
            before, after = ({tuple(c.flatten().tolist()) for c in p.flatten(0, 1)} for p in cells)
            if before == after:
                sizes.add(size)
                break
        else:
            pytest.fail(f"seed {seed} tears squares")
    assert sizes == {8, 16, 32}


def test_mixing_takes_whole_cells_from_one_other_face():
    pixels = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 64, 64)
    spoilt = mixed(pixels, torch.Generator().manual_seed(0))
    cells = spoilt.unfold(2, 16, 16).unfold(3, 16, 16).flatten(4)
    assert torch.equal(cells.amin(-1), cells.amax(-1))
    assert all(len(set(face.flatten().tolist())) == 2 for face in spoilt)


def test_the_judge_learns_what_it_is_shown_and_is_saved_whole(tmp_path):
    faces, unseen = labelled_faces(64), labelled_faces(24, seed=1)
    config = TrainConfig(
        out=tmp_path, steps=16, batch_size=16, learning_rate=2e-3, warmup_steps=2, ema_decay=0.5
    )
    judge = train_judge(faces, config)
    score = score_judge(judge, unseen)
    assert score["all"]["share"] > 0.9 > score["attributes"]["background"]["majority"]
    assert list(judge.network.vocabulary) == ["background"]  # nothing else can be seen
    assert list(score["attributes"]) == ["background"]
    images = [unseen.image(i) for i in range(6)]
    assert Judge.load(tmp_path).examine(images) == judge.examine(images)


def test_a_batch_is_chosen_faces_with_their_labels_and_then_spoilt_ones():
    faces, chosen = labelled_faces(20), torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7])
    labels = torch.arange(20)[:, None].expand(-1, len(ATTRIBUTES))
    batch = judge_batch(faces, labels, chosen, torch.Generator().manual_seed(0))
    assert torch.equal(batch["labels"], labels[chosen])
    batch = shown(batch)
    assert batch["is_face"].tolist() == [1.0] * 14 + [0.0] * 12
    assert batch["pixels"].shape == (26, 3, JUDGE_SIZE, JUDGE_SIZE)
    gaps = batch["pixels"][:14].mean((2, 3)) - to_tensor(faces.pictures)[chosen].mean((2, 3))
    assert gaps.abs().max() < 0.2  # augmented, still the same flat colour


def test_half_of_the_judges_faces_are_turned_with_their_labels():
    """Each is itself or its mirror image, and turning all of a batch twice changes nothing."""
    faces, chosen = labelled_faces(40), torch.arange(40)
    faces.pictures[:] = np.random.default_rng(0).integers(0, 256, faces.pictures.shape)
    sides, gaze = ATTRIBUTES["gaze"].values, list(ATTRIBUTES).index("gaze")
    labels = torch.full((40, len(ATTRIBUTES)), UNSEEN)
    labels[:, gaze] = sides.index("left")
    batch = judge_batch(faces, labels, chosen, torch.Generator().manual_seed(0))
    batch["labels"][::4] = UNSEEN
    found = turned(batch, VOCABULARY)
    is_turned = (found["pictures"] != batch["pictures"]).flatten(1).any(1)
    assert 8 < is_turned.sum() < 32
    expected = torch.where(
        is_turned[:, None, None, None], batch["pictures"].flip(2), batch["pictures"]
    )
    assert torch.equal(found["pictures"], expected)
    told = torch.where(is_turned, sides.index("right"), sides.index("left"))
    told[::4] = UNSEEN
    assert torch.equal(found["labels"][:, gaze], told)
    assert (found["labels"] == UNSEEN).sum() == (batch["labels"] == UNSEEN).sum()
    nose = 30  # of the middle: its own twin
    x = torch.where(is_turned, 1 - batch["landmarks"][:, nose, 0], batch["landmarks"][:, nose, 0])
    torch.testing.assert_close(found["landmarks"][:, nose, 0], x)
    assert torch.equal(found["to_spoil"], batch["to_spoil"])


def test_the_judges_loss_is_the_mean_over_attributes_of_smoothed_cross_entropy():
    network, generator = JudgeNetwork(FIRST_VOCABULARY[:5]), torch.Generator().manual_seed(0)
    counts = [len(values) for values in network.vocabulary.values()]
    logits = torch.randn(7, sum(counts), generator=generator, requires_grad=True)
    labels = torch.stack([torch.randint(n, (7,), generator=generator) for n in counts], dim=1)
    labels[torch.rand(7, 5, generator=generator) < 0.4] = -100
    labels[:, 2] = -100  # nobody shows it
    slow = [
        torch.nn.functional.cross_entropy(part, labels[:, i], label_smoothing=0.05)
        for i, part in enumerate(network.split_logits(logits).values())
        if i != 2
    ]
    fast, slow = attribute_loss(network, logits, labels), torch.stack(slow).mean()
    torch.testing.assert_close(fast, slow)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (fast, slow)]
    torch.testing.assert_close(*gradients)
    assert attribute_loss(network, logits, torch.full_like(labels, -100)) == 0


def test_landmarks_move_with_what_they_mark():
    places = torch.tensor([[0.25, 0.3], [0.7, 0.25], [0.5, 0.75]])
    rows = torch.arange(128)[:, None] / 128 - places[:, None, None, 1] + 0.5 / 128
    columns = torch.arange(128)[None] / 128 - places[:, None, None, 0] + 0.5 / 128
    blot = (-((rows**2 + columns**2) / 0.002)).exp()[:, None]  # bright about the landmark
    pixels, moved = augment(
        blot.repeat(8, 3, 1, 1), places[:, None].repeat(8, 1, 1), torch.Generator().manual_seed(0)
    )
    at = pixels.mean(1).flatten(1).argmax(1)
    found = torch.stack([at % 128, at // 128], dim=1) / 128
    assert (found - moved[:, 0]).abs().max() < 0.01
    assert (found - places.repeat(8, 1)).abs().max() > 0.02


def test_patches_take_a_share_of_the_tokens_in_blots_and_in_cells():
    chosen = patches(200, 8, torch.Generator().manual_seed(0))
    shares = chosen.flatten(1).float().mean(1)
    assert 0.29 < shares.min() < 0.35 and 0.65 < shares.max() < 0.71
    edges = (chosen[:, 1:] != chosen[:, :-1]).flatten(1).float().mean(1)
    assert edges[::2].mean() < 0.7 * edges[1::2].mean()  # blots hang together


def test_rebuilt_faces_are_the_models_own_and_patched_ones_hold_two_faces():
    model, grid = tiny_model(), tiny_config().grid
    pictures = np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), dtype=np.uint8)
    rebuilt = rebuild(model, pictures, torch.Generator().manual_seed(3), batch_size=2)
    codes = model.encode_codes(to_tensor(pictures))
    from_other = patches(5, grid, torch.Generator().manual_seed(3)).flatten(1)
    for found, rows in (
        (rebuilt.whole, codes),
        (rebuilt.patched, torch.where(from_other, codes[[4, 0, 1, 2, 3]], codes)),
    ):
        expected = model.decode_codes(rows).clamp(-1, 1)
        assert (to_tensor(found) - expected).abs().max() < 0.005
    with pytest.raises(ValueError, match="32 px"):
        rebuild(model, pictures[:, :16], torch.Generator())


def test_a_model_in_bfloat16_rebuilds_faces_too():
    """As on a GPU; the pictures are those that it decodes of the codes that it takes."""
    model = tiny_model().bfloat16()
    pictures = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    rebuilt = rebuild(model, pictures, torch.Generator().manual_seed(3))
    codes = model.encode_codes(to_tensor(pictures).bfloat16())
    expected = model.decode_codes(codes).float().clamp(-1, 1)
    assert (to_tensor(rebuilt.whole) - expected).abs().max() < 0.005


def test_framing_is_not_rounded_where_the_rest_is_computed_in_bfloat16():
    faces = labelled_faces(16)
    labels = torch.zeros(16, 1, dtype=torch.long)
    batch = judge_batch(faces, labels, torch.arange(16), torch.Generator().manual_seed(0))
    network, heard = JudgeNetwork(FIRST_VOCABULARY[:1]), []
    network.register_forward_pre_hook(lambda module, given: heard.append(given[0]))
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        JudgeObjective(network)(batch, 0.0)
    seen = shown(turned(batch, FIRST_VOCABULARY[:1]))
    torch.testing.assert_close(heard[0], seen["pixels"])


def test_a_batch_shows_rebuilt_faces_as_faces_and_patched_ones_as_none():
    faces, chosen = labelled_faces(20), torch.arange(16)
    labels = torch.arange(20)[:, None].expand(-1, len(ATTRIBUTES))
    light = np.full((6, JUDGE_SIZE, JUDGE_SIZE, 3), 250, np.uint8)
    rebuilt = Rebuilt(whole=light, patched=255 - light)
    batch = judge_batch(faces, labels, chosen, torch.Generator().manual_seed(0), rebuilt)
    told, batch = batch["labels"], shown(batch)
    assert batch["is_face"].tolist() == [1.0] * 16 + [0.0] * 16
    brightness = batch["pixels"].mean((1, 2, 3))
    assert (brightness[:4] > 0.7).all() and (brightness[-4:] < -0.7).all()
    assert (told[:4] < 6).all() and told[4:, 0].tolist() == list(range(4, 16))


@pytest.mark.parametrize("size", [96, 128, 192])
def test_a_judge_is_taught_with_what_it_will_be_shown(size):
    faces = labelled_faces(3)
    taught = to_tensor(faces.sized(size).pictures)
    torch.testing.assert_close(taught, stack_images([faces.image(i) for i in range(3)], size))
    rebuilt = Rebuilt(whole=faces.pictures, patched=faces.pictures).sized(size)
    torch.testing.assert_close(to_tensor(rebuilt.patched), taught)


def test_verdicts_do_not_depend_on_size_or_company():
    torch.manual_seed(0)
    judge, faces = Judge(JudgeNetwork()), labelled_faces(3)
    images = [faces.image(i) for i in range(3)]
    large = [i.resize((2 * JUDGE_SIZE,) * 2, Image.Resampling.NEAREST) for i in images]
    alone = [judge.examine([image])[0] for image in images]
    for together, single in zip(judge.examine([*images, *large]), alone * 2, strict=True):
        assert together.values == single.values
        assert together.face_probability == pytest.approx(single.face_probability, abs=1e-5)
    _, face = judge.logits(to_tensor(faces.pictures))
    assert [v.face_probability for v in alone] == pytest.approx(face.sigmoid().tolist(), abs=1e-5)
    with pytest.raises(ValueError, match="100 x 90"):
        judge.examine([Image.new("RGB", (100, 90))])


def test_the_judge_that_is_kept_reads_what_is_rendered():
    """The page's example pictures, which are called after what they show."""
    examples = Path(__file__).parents[1] / "assets" / "examples"
    judge = Judge.load(Path(__file__).parents[1] / "assets" / "judge")
    shown = {
        "1-red-hair": {"hair_color": "red"},
        "2-grey-beard": {"hair_color": "grey", "facial_hair": "full beard"},
        "4-black-bob": {"hair_color": "black", "hair_style": "bob"},
        "6-sunglasses": {"glasses": "sunglasses"},
    }
    verdicts = judge.examine([Image.open(examples / f"{name}.png") for name in shown])
    for expected, verdict in zip(shown.values(), verdicts, strict=True):
        assert verdict.has_face
        assert {name: verdict.values[name] for name in expected} == expected


def test_a_judge_of_other_attributes_or_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="train-judge"):
        Judge.load(tmp_path)
    for version, vocabulary, reason in (
        (1, {"hat": ["none", "beanie"]}, "version 1"),
        (JUDGE_VERSION, {"hat": ["none", "crown"]}, "unknown value 'crown' for hat"),
        (JUDGE_VERSION, {"tail": ["no", "yes"]}, "unknown attribute 'tail'"),
    ):
        description = {"version": version, "vocabulary": vocabulary}
        (tmp_path / "config.json").write_text(json.dumps(description))
        with pytest.raises(ValueError, match=f"{reason}.*train it again"):
            Judge.load(tmp_path)


def test_a_judge_keeps_to_what_it_was_taught(tmp_path):
    taught = FIRST_VOCABULARY[:3]
    network = JudgeNetwork(taught)
    save_file(network.state_dict(), tmp_path / "judge.safetensors")
    description = {"version": JUDGE_VERSION, "vocabulary": dict(taught)}
    (tmp_path / "config.json").write_text(json.dumps(description))
    judge, faces = Judge.load(tmp_path), labelled_faces(2)
    (verdict, _) = judge.examine([faces.image(0), faces.image(1)])
    assert list(verdict.values) == ["gender", "age", "skin_tone"]
    asked = {"gender": frozenset({verdict.values["gender"]}), "hat": frozenset({"none"})}
    assert outcomes(Request(prompt="", allowed=asked), verdict) == {"gender": True}


def test_labels_are_value_indices_of_what_is_seen():
    faces = labelled_faces(5)
    table, names = label_table(faces, dict(VOCABULARY)), list(ATTRIBUTES)
    assert set(label_table(faces, {"hat": ("none", "beanie")}).flatten().tolist()) == {UNSEEN}
    for i, row in enumerate(table.tolist()):
        assert row[names.index("background")] == ATTRIBUTES["background"].values.index(
            faces.attributes[i]["background"]
        )
        assert sum(value != UNSEEN for value in row) == 1


def write_shard(path, faces: LabelledFaces) -> None:
    rows = []
    for i in range(len(faces)):
        buffer = io.BytesIO()
        faces.image(i).save(buffer, "PNG")
        rows.append(
            {
                "image": {"bytes": buffer.getvalue(), "path": None},
                "seed": faces.seeds[i],
                "attributes": json.dumps(dict(faces.attributes[i])),
                "visible": sorted(faces.visible[i]),
                "landmarks": faces.landmarks[i].tolist(),
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), path)


def test_faces_are_read_back_as_written_one_split_up_to_the_limit(tmp_path):
    faces = labelled_faces(5, size=16)
    write_shard(tmp_path / "test-1.parquet", faces)
    write_shard(tmp_path / "test-2.parquet", faces)
    write_shard(tmp_path / "train-1.parquet", faces)
    read = read_faces(tmp_path, "test", limit=7)
    assert len(read) == 7 and read.seeds == [0, 1, 2, 3, 4, 0, 1]
    np.testing.assert_array_equal(read.pictures[:5], faces.pictures)
    assert read.attributes[:5] == faces.attributes and read.visible[:5] == faces.visible
    np.testing.assert_array_equal(read.landmarks[:5], faces.landmarks)
    assert len(read_faces(tmp_path, "train")) == 5
    with pytest.raises(ValueError, match="render test faces"):
        read_faces(tmp_path / "nowhere", "test")
    with pytest.raises(ValueError, match="1 or more, got 0"):
        read_faces(tmp_path, "test", limit=0)
    pq.write_table(pa.table({"seed": [1]}), tmp_path / "test-0.parquet")
    with pytest.raises(ValueError, match="no column image, attributes, visible"):
        read_faces(tmp_path, "test")


# -- sheets and reports ------------------------------------------------------------------------


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=30), max_size=12), st.integers(20, 200))
def test_wrapped_lines_fit_and_lose_no_word(words, width):
    font = ImageFont.load_default(FONT_PX)
    lines = wrap(" ".join(words), font, width)
    assert " ".join(lines).split() == words
    for line, following in zip_longest(lines, lines[1:]):
        assert font.getlength(line) <= width or " " not in line
        if following:  # greedy: the next word did not fit
            assert font.getlength(f"{line} {following.split()[0]}") > width


def test_a_sheet_shows_every_face_in_its_place():
    colors = [(40 * i, 0, 255 - 40 * i) for i in range(5)]
    sheet = contact_sheet(
        [Image.new("RGB", (32, 32), color) for color in colors], ["a b"] * 5, columns=3
    )
    found = [color for _, color in sheet.getcolors(10**6)]
    assert set(colors) <= set(found)
    assert sheet.width == 3 * (FACE_PX + MARGIN_PX) + MARGIN_PX
    for i, color in enumerate(colors[:3]):
        left = MARGIN_PX + i * (FACE_PX + MARGIN_PX)
        assert sheet.getpixel((left, MARGIN_PX)) == color
        assert sheet.getpixel((left - 1, MARGIN_PX)) == (255, 255, 255)
    with pytest.raises(ValueError, match="1 pictures, 0 captions"):
        contact_sheet([Image.new("RGB", (8, 8))], [])


def test_the_report_changes_nothing_outside_its_markers_and_is_idempotent():
    document = f"# Title\n{START}\nold\n{END}\ntail\n"
    once = insert(document, "report", "new | 1")
    assert once == f"# Title\n{START}\nnew | 1\n{END}\ntail\n"
    assert once == insert(once, "report", "new | 1")
    for broken in ("no markers", f"{END} {START}", f"{START} {START} {END}", START):
        with pytest.raises(ValueError, match="report:"):
            insert(broken, "report", "x")


def test_percentages_and_intervals_are_written_as_measured():
    assert interval(Rate(hits=8, total=10).to_json()) == "80.0 % (49.0–94.3, n = 10)"
    assert interval(Rate(hits=0, total=0).to_json()) == "–"


def test_the_key_numbers_are_those_measured_and_are_said_in_every_language():
    def share(hits, total=200):
        return Rate(hits=hits, total=total).to_json()

    groups = {"a": share(150), "b": share(190), "nobody": share(0, 0)}
    measured = {
        "understanding": {
            "attributes": {
                "seen": share(182),
                "groups": dict.fromkeys(("gender", "skin_tone", "age"), groups),
            }
        },
        "photographs": {
            "mean_balanced": 0.814,
            "questions": {"woman": {"yes": share(160)}, "man": {"yes": share(190)}},
        },
        "generation": {
            "captions": {"agreement": share(120), "one_clear_face": share(198)},
            "renders": {"agreement": share(160)},
        },
        "bench": {
            "pipeline": {"seconds": {"face": 1.26, "description": 0.94}},
            "weights": {"disk_bytes": 55_400_000},
        },
    }
    found = key_numbers(measured)
    assert [words for words, _ in found if words not in TABLE] == []
    assert len(dict(found)) == len(found)
    assert " | ".join(value for _, value in found) == (
        "91 % | 75–95 % | 75–95 % | 75–95 % | 81 % | 80 % / 95 % | 60 % | 80 % | 99 % | 1.3 | "
        "0.9 | 55 MB"
    )
    parts = [row for name in measured for row in key_numbers({name: measured[name]})]
    assert parts == found and key_numbers({}) == []


def test_what_was_measured_on_another_checkpoint_is_told_apart():
    merged = {"generation": {"checkpoint": "checkpoint@2"}}
    assert told_apart("table", {"checkpoint": "checkpoint@2"}, merged) == "table"
    assert told_apart("table", {"checkpoint": "checkpoint@2"}, {}) == "table"
    assert "`checkpoint@1`" in told_apart("table", {"checkpoint": "checkpoint@1"}, merged)


def test_nothing_is_written_unless_every_document_takes_the_report(tmp_path):
    (tmp_path / "judge.json").write_text(json.dumps({}))
    good, bad = tmp_path / "README.md", tmp_path / "card.md"
    good.write_text(f"{START}\n{END}\n")
    bad.write_text("no markers")
    with pytest.raises(ValueError, match=r"card\.md"):
        write_report(tmp_path, tmp_path / "report.json", [good, bad])
    assert good.read_text() == f"{START}\n{END}\n" and not (tmp_path / "report.json").exists()
    with pytest.raises(ValueError, match="measure first"):
        merge(tmp_path / "nowhere")


def test_an_ablation_is_shown_with_its_three_measures(tmp_path):
    values = {"mean": 0.5, "spread": 0.1, "values": [0.45, 0.55]}
    arm = {"seeds": [0, 1], "parameters": 7_260_000, **dict.fromkeys(METRICS, values)}
    budget = {"steps": 9, "batch_size": 8, "understanding_batch_size": 4, "painting_steps": 12}
    budget |= {"num_layers": 4, "hidden_size": 128, "count": 16, "questions": 2}
    measured = {
        "budget": budget | {"checkpoint": "/somewhere"},
        "arms": {PAPER.name: arm, LOSS_ARMS[0].name: arm},
        "runs": [{"seed": 0}],
    }
    (tmp_path / "ablation.json").write_text(json.dumps(measured))
    document, merged = tmp_path / "README.md", tmp_path / "report.json"
    document.write_text(f"{START}\n{END}\n")
    write_report(tmp_path, merged, [document])
    assert (
        f"| {PAPER.name} | 2 | 7.3 M | 50.0 ± 5.0 | 0.5 ± 0.1 | 50.0 ± 5.0 |"
        in document.read_text()
    )
    assert f"| {LOSS_ARMS[0].name} | too close | too close | too close |" in document.read_text()
    assert "transformer of 4 layers, 128 wide; 16 pictures painted in 12" in document.read_text()
    told = json.loads(merged.read_text())["ablation"]
    assert "runs" not in told and told["budget"] == budget


# -- costs -------------------------------------------------------------------------------------


def test_coverage_counts_every_weight_once():
    def row(name, shape, num_bytes, is_nf4):
        return WeightReport(name=name, shape=shape, dtype="x", num_bytes=num_bytes, is_nf4=is_nf4)

    rows = [
        row("blocks.0.attention.qkv.weight", (8, 4), 20, True),
        row("blocks.0.token_moe.generation.router.weight", (2, 4), 16, False),
        row("blocks.0.token_moe.generation.experts.0.up.weight", (6, 4), 15, True),
        row("embed.weight", (10, 4), 80, False),
    ]
    report = coverage(rows)
    assert report["total"] == {"weights": 32 + 8 + 24 + 40, "bytes": 131}
    assert report["parts"]["token_moe"] == {"weights": 32, "nf4_weights": 24, "bytes": 31}
    assert report["nf4_share_of_attention_and_experts"] == round(56 / 64, 4)


def test_an_app_that_ends_early_is_reported_with_its_status(tmp_path):
    (tmp_path / "app.py").write_text("raise SystemExit(3)")
    with pytest.raises(ValueError, match="status 3"):
        bench_app(tmp_path / "app.py", tmp_path, quantization="nf4", prompt="a face", timeout=20)


def test_peak_memory_remembers_what_was_freed():
    program = "b = bytearray(64 << 20); del b; print('freed', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    peak = peak_memory_kib(process.pid)
    process.communicate("")
    assert 64 * 1024 < peak < 128 * 1024
