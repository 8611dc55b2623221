from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tiny import save_tiny, tiny_config, tiny_model, tiny_tokenizer
from transformers import PreTrainedTokenizerFast

from unif2ace.config import PRESETS
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.quantize import nf4_share, weight_report
from unif2ace.train.__main__ import main
from unif2ace.train.assemble import assemble, transformer_parts
from unif2ace.train.export import export
from unif2ace.train.tokenizer import load_tokenizer
from unif2ace.train.unpack import unpack


def test_trained_parts_arrive_and_the_transformer_comes_from_the_seed(tmp_path):
    trained = tiny_model(seed=5).image_tokenizer.state_dict()
    parts = {"image_tokenizer": trained}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assemble(tiny_config(), tiny_tokenizer(), parts, tmp_path / name, seed=seed)
    a, b, c = (
        UniF2aceForConditionalGeneration.from_pretrained(tmp_path / name).state_dict()
        for name in "abc"
    )
    assert all(torch.equal(a[f"image_tokenizer.{k}"], v) for k, v in trained.items())
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["embed.weight"], c["embed.weight"])


def test_a_part_that_does_not_fit_is_named(tmp_path):
    with pytest.raises(ValueError, match="face_encoder"):
        assemble(
            tiny_config(),
            tiny_tokenizer(),
            {"face_encoder": {"wings": torch.zeros(1)}},
            tmp_path,
            seed=0,
        )


def test_a_kept_transformer_arrives_with_new_parts_around_it(tmp_path):
    old = tiny_model(seed=1)
    old.save_pretrained(tmp_path / "old")
    trained = tiny_model(seed=5).image_tokenizer.state_dict()
    parts = transformer_parts(tmp_path / "old", without={"image_tokenizer"})
    parts["image_tokenizer"] = trained
    new = assemble(tiny_config(), tiny_tokenizer(), parts, tmp_path / "new", seed=2).state_dict()
    for name, tensor in old.state_dict().items():
        if name.startswith("image_tokenizer."):
            assert torch.equal(new[name], trained[name.removeprefix("image_tokenizer.")])
        else:  # a checkpoint is read in bfloat16
            torch.testing.assert_close(new[name], tensor, atol=0, rtol=2**-8)


def test_export_replaces_weights_and_keeps_the_card(tmp_path):
    full, out = save_tiny(tmp_path / "full"), tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("card")
    (out / "sheets").mkdir()
    (out / "sheets" / "faces.png").write_bytes(b"faces")
    for name in ("model-00009-of-00009.safetensors", "model.safetensors.index.json"):
        (out / name).write_bytes(b"old")
    export(full, out)
    assert (out / "sheets" / "faces.png").read_bytes() == b"faces"
    assert (out / "README.md").read_text() == "card"
    assert not (out / "model-00009-of-00009.safetensors").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "out"]
    pipe = UniF2acePipeline.from_pretrained(out, device="cpu")
    assert nf4_share(weight_report(pipe.model)) > 0.95
    assert pipe.generate("a face", seed=0, steps=2)[0].image.size == (32, 32)


def test_an_interrupted_export_leaves_the_old_checkpoint_as_it_was(tmp_path, monkeypatch):
    full, out = save_tiny(tmp_path / "full"), tmp_path / "out"
    export(full, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full_disk(self, folder):
        (folder / "tokenizer.json").write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", full_disk)
    with pytest.raises(OSError, match="No space"):
        export(full, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_exported_checkpoint_is_taken_apart_into_what_trainers_start_from(tmp_path):
    export(save_tiny(tmp_path / "full"), tmp_path / "small")
    unpack(tmp_path / "small", tmp_path / "parts")
    model = tiny_model()
    parts = {
        "image_tokenizer": load_tokenizer(tmp_path / "parts" / "tokenizer").state_dict(),
        "face_encoder": load_file(tmp_path / "parts" / "encoder" / "face.safetensors"),
        "semantic_encoder": load_file(tmp_path / "parts" / "encoder" / "semantic.safetensors"),
    }
    for name, state in parts.items():
        wanted = model.get_submodule(name).state_dict()
        assert state.keys() == wanted.keys()
        for key, tensor in state.items():  # a checkpoint keeps them in bfloat16
            torch.testing.assert_close(tensor, wanted[key], atol=1e-6, rtol=2**-8)


def test_a_checkpoint_taken_apart_goes_together_again(tmp_path, monkeypatch):
    old = tiny_model()
    old.config.hears_denials = True
    old.save_pretrained(tmp_path / "old")
    tiny_tokenizer().save_pretrained(tmp_path / "old")
    unpack(tmp_path / "old", tmp_path / "parts")
    for part in ("tokenizer", "encoder"):  # as they lie in the trainers' runs
        (tmp_path / part).mkdir()
        (tmp_path / "parts" / part).rename(tmp_path / part / part)
    sizes = tiny_config().encoders
    vq = replace(
        tiny_config().vq, told_counts=(), told_areas=()
    )  # whether a decoder is told is up to its run

    def preset(encoders=sizes, vq=vq):
        return tiny_config(encoders=encoders, vq=vq)

    monkeypatch.setitem(PRESETS, "nano", preset)
    main(
        f"assemble --text {tmp_path}/old --tokenizer {tmp_path}/tokenizer --encoder "
        f"{tmp_path}/encoder --transformer {tmp_path}/old --out {tmp_path}/new".split()
    )
    new = UniF2aceForConditionalGeneration.from_pretrained(tmp_path / "new")
    assert new.config.hears_denials and new.config.vq == old.config.vq
    for name, tensor in new.state_dict().items():  # a checkpoint is read in bfloat16
        torch.testing.assert_close(tensor, old.state_dict()[name], atol=1e-6, rtol=2**-8)
