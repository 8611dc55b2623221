import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import save_tiny

from unif2ace.checkpoint import load_model, split_revision
from unif2ace.evaluate.__main__ import main
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.quantize import (
    UNQUANTIZED,
    copy_bytes,
    held_copy_bytes,
    nf4_modules,
    nf4_share,
    weight_report,
)
from unif2ace.train.export import export

HALF_WIDTH = {"device": "cpu", "dtype": torch.bfloat16}  # as checkpoints are written


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def quantized(full, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nf4")
    pipe = UniF2acePipeline.from_pretrained(full, quantization="nf4", **HALF_WIDTH)
    pipe.model.save_pretrained(folder, max_shard_size="200KB")
    pipe.tokenizer.save_pretrained(folder)
    return folder


def test_only_attention_and_experts_are_nf4_and_nearly_all_of_them(quantized):
    pipe = UniF2acePipeline.from_pretrained(quantized, device="cpu")
    rows = weight_report(pipe.model)
    assert nf4_share(rows) > 0.95
    for row in rows:
        if row.is_nf4:
            assert row.name.startswith("blocks.") and row.name.endswith(".weight")
            assert not any(part in row.name for part in UNQUANTIZED if part != "norm"), row.name
        elif row.name.startswith("blocks.") and len(row.shape) == 2:
            assert "router" in row.name, row.name
    logical = {row.name: row.shape for row in rows}
    reference = UniF2aceForConditionalGeneration(pipe.config)
    assert logical == {name: tuple(p.shape) for name, p in reference.named_parameters()}


def test_a_prequantised_checkpoint_reloads_bit_for_bit(full, quantized):
    fresh = UniF2acePipeline.from_pretrained(full, quantization="nf4", **HALF_WIDTH)
    stored = UniF2acePipeline.from_pretrained(quantized, quantization="nf4", **HALF_WIDTH)
    for (name, a), (other, b) in zip(
        fresh.model.named_parameters(), stored.model.named_parameters(), strict=True
    ):
        assert name == other and a.dtype == b.dtype and torch.equal(a, b), name
    assert (
        fresh.generate("a face", seed=1, steps=2)[0].codes
        == stored.generate("a face", seed=1, steps=2)[0].codes
    )


def test_what_is_nf4_on_disk_is_never_quantised_again(full, quantized, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("quantised")

    monkeypatch.setattr("bitsandbytes.functional.quantize_4bit", refuse)
    with pytest.raises(ValueError, match="cannot be loaded"):  # so this is how it is done
        load_model(full, None, "nf4", torch.device("cpu"))
    for quantization in ("nf4", None):
        assert load_model(quantized, None, quantization, torch.device("cpu")) is not None


NF4_VALUES = (  # QLoRA, arXiv 2305.14314, appendix E
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
)  # fmt: skip


def nf4_definition(weight):
    """The matrix that packed halves of bytes and one scale per block stand for."""
    state = weight.quant_state
    nibbles = torch.stack([weight.data.flatten() >> 4, weight.data.flatten() & 15], dim=1)
    values = torch.tensor(NF4_VALUES)[nibbles.flatten().long()].view(-1, state.blocksize)
    return (values * state.absmax.float()[:, None]).view(state.shape)


@torch.inference_mode()
def test_a_cpu_multiplies_nf4_in_float32_by_definition(quantized):
    model = load_model(quantized, None, "nf4", torch.device("cpu"))
    dtypes = {row.dtype for row in weight_report(model)}
    assert dtypes == {"nf4", "float32"} and model.dtype == torch.float32
    for layer in nf4_modules(model)[:6]:
        x = torch.randn(3, layer.in_features, generator=torch.Generator().manual_seed(0))
        slow = x @ nf4_definition(layer.weight).T + layer.bias
        torch.testing.assert_close(layer(x), slow, atol=1e-5, rtol=1e-5)  # order of the sum


@torch.inference_mode()
def test_plain_copies_compute_what_nf4_computes_and_are_never_saved(quantized):
    packed = load_model(quantized, None, "nf4", torch.device("cpu"))
    copied = UniF2acePipeline.from_pretrained(quantized, device="cpu").model
    assert not any(hasattr(layer, "plain") for layer in nf4_modules(packed))
    pairs = list(zip(nf4_modules(packed), nf4_modules(copied), strict=True))
    for slow, fast in pairs:
        x = torch.randn(3, slow.in_features, generator=torch.Generator().manual_seed(0))
        assert torch.equal(fast.plain, nf4_definition(slow.weight))
        torch.testing.assert_close(fast(x), slow(x), atol=1e-5, rtol=1e-5)
    assert copy_bytes(packed, torch.float32) == sum(4 * fast.plain.numel() for _, fast in pairs) > 0
    assert held_copy_bytes(copied) == copy_bytes(packed, torch.float32)
    assert held_copy_bytes(packed) == 0
    assert copied.state_dict().keys() == packed.state_dict().keys()


def test_a_cpu_short_of_memory_keeps_to_nf4_alone(quantized, monkeypatch):
    need = copy_bytes(load_model(quantized, None, "nf4", torch.device("cpu")), torch.float32)
    for spare, has_copies in ((need * 4, False), (need * 4 + 4, True)):
        monkeypatch.setattr("unif2ace.checkpoint.free_memory", lambda spare=spare: spare)
        layers = nf4_modules(UniF2acePipeline.from_pretrained(quantized, device="cpu").model)
        assert all(hasattr(layer, "plain") == has_copies for layer in layers)


def test_unpacked_weights_paint_and_read_as_the_nf4_they_come_from(quantized):
    model = load_model(quantized, None, "nf4", torch.device("cpu"))
    plain = UniF2acePipeline.from_pretrained(quantized, quantization=None, device="cpu")
    packed = UniF2acePipeline(model, plain.tokenizer)
    for name, weight in packed.model.named_parameters():
        if weight.dtype == torch.uint8:
            assert torch.equal(nf4_definition(weight), plain.model.get_parameter(name)), name
    one, other = (pipe.generate("a face", seed=2, steps=2)[0] for pipe in (packed, plain))
    assert one.codes == other.codes and one.image.tobytes() == other.image.tobytes()
    tables = [pipe.attributes(one.image, ["hat"])["hat"] for pipe in (packed, plain)]
    assert tables[0] == pytest.approx(tables[1], abs=1e-5)


@pytest.mark.parametrize("quantization", ["nf4", None])
def test_another_arithmetic_can_be_chosen(quantized, quantization):
    pipe = UniF2acePipeline.from_pretrained(
        quantized, quantization=quantization, device="cpu", dtype=torch.bfloat16
    )
    dtypes = {row.dtype for row in weight_report(pipe.model)}
    assert dtypes == {"bfloat16"} | ({"nf4"} if quantization else set())
    assert len(pipe.generate("a face", seed=1, steps=2)[0].codes) == 4


def test_an_export_keeps_half_width_floats_whatever_the_cpu_computes_in(full, tmp_path):
    export(full, tmp_path / "out")
    for shard in (tmp_path / "out").glob("*.safetensors"):
        for name, tensor in load_file(shard).items():
            if ".weight." not in name and tensor.is_floating_point():  # scales of NF4 are float32
                assert tensor.dtype == torch.bfloat16, name


def test_nf4_stays_close_to_the_full_weights(full, quantized):
    stored = UniF2acePipeline.from_pretrained(quantized, quantization=None, device="cpu")
    exact = UniF2acePipeline.from_pretrained(full, quantization=None, device="cpu")
    assert nf4_share(weight_report(stored.model)) == 0
    for (name, a), (_, b) in zip(
        stored.model.named_parameters(), exact.model.named_parameters(), strict=True
    ):
        a, b = a.float(), b.float()
        assert (a - b).norm() <= 0.15 * b.norm() + 1e-6, name


def test_shards_stay_small(quantized):
    shards = list(quantized.glob("*.safetensors"))
    assert len(shards) > 1 and not list(quantized.glob("*.bin"))


NARROW = "blocks.0.attention.out.bias"
FAULTS = {
    "missing": (
        lambda tensors: tensors.pop("blocks.1.attention.qkv.bias"),
        r"missing_keys: blocks\.1\.attention\.qkv\.bias",
    ),
    "extra": (
        lambda tensors: tensors.update({"blocks.9.wings": torch.zeros(2)}),
        r"unexpected_keys: blocks\.9\.wings",
    ),
    "mis-shaped": (
        lambda tensors: tensors.update({NARROW: tensors[NARROW][:-1].clone()}),
        r"mismatched_keys: .*blocks\.0\.attention\.out\.bias",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["full", "quantized"])
def test_missing_extra_and_mis_shaped_tensors_are_named(kind, fault, tmp_path, request):
    folder, (damage, message) = tmp_path / "broken", FAULTS[fault]
    shutil.copytree(request.getfixturevalue(kind), folder)
    tensors = {}
    for shard in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(shard)
        shard.unlink()
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    damage(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=message):
        UniF2acePipeline.from_pretrained(folder, device="cpu")


def test_a_checkpoint_of_another_version_is_refused_with_its_number(full, tmp_path):
    folder = tmp_path / "later"
    shutil.copytree(full, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"format_version": 99}))
    with pytest.raises(ValueError, match="format 3, got 99"):
        UniF2acePipeline.from_pretrained(folder, quantization=None, device="cpu")
    del config["format_version"]  # as the first checkpoints were written
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="format 3, got 1"):
        UniF2acePipeline.from_pretrained(folder, quantization=None, device="cpu")


def test_a_revision_stands_behind_a_repository_and_never_behind_a_folder(tmp_path):
    assert split_revision("someone/faces@v1.2") == ("someone/faces", "v1.2")
    assert split_revision("someone/faces") == ("someone/faces", None)
    (tmp_path / "run@3").mkdir()
    assert split_revision(str(tmp_path / "run@3")) == (str(tmp_path / "run@3"), None)


def test_every_weight_is_covered_by_name_shape_format_and_bytes(
    quantized, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "coverage.json"
    arguments = ["evaluate", "coverage", "--checkpoint", str(quantized), "--json", str(out)]
    monkeypatch.setattr("sys.argv", arguments)
    assert main() == 0
    lines, rows = capsys.readouterr().out.splitlines(), json.loads(out.read_text())["weights"]
    model = load_model(quantized, None, "nf4", torch.device("cpu"))
    assert [row["name"] for row in rows] == [name for name, _ in model.named_parameters()]
    for row, line in zip(rows, lines, strict=False):
        shape = "x".join(map(str, row["shape"]))
        assert line.split() == [row["name"], shape, row["dtype"], f"{row['num_bytes']:,}"]
    assert sum(row["num_bytes"] for row in rows if row["dtype"] == "nf4") > 0
