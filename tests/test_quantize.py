import shutil

import pytest
import torch
from tiny import save_tiny

from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.quantize import UNQUANTIZED, nf4_share, weight_report


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def quantized(full, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nf4")
    pipe = UniF2acePipeline.from_pretrained(full, quantization="nf4", device="cpu")
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
    fresh = UniF2acePipeline.from_pretrained(full, quantization="nf4", device="cpu")
    stored = UniF2acePipeline.from_pretrained(quantized, device="cpu")
    for (name, a), (other, b) in zip(
        fresh.model.named_parameters(), stored.model.named_parameters(), strict=True
    ):
        assert name == other and a.dtype == b.dtype and torch.equal(a, b), name
    assert (
        fresh.generate("a face", seed=1, steps=2)[0].codes
        == stored.generate("a face", seed=1, steps=2)[0].codes
    )


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


@pytest.mark.parametrize("fault", ["missing", "extra"])
def test_missing_and_extra_tensors_are_named(full, tmp_path, fault):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(full, folder)
    tensors = load_file(folder / "model.safetensors")
    if fault == "missing":
        del tensors["blocks.1.attention.qkv.weight"]
        message = r"missing_keys: blocks\.1\.attention\.qkv\.weight"
    else:
        tensors["blocks.9.wings"] = torch.zeros(2)
        message = r"unexpected_keys: blocks\.9\.wings"
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=message):
        UniF2acePipeline.from_pretrained(folder, quantization=None)
