"""Converted weights compute what the original computed, for painting and for answering.

The original is written here in its published layout, and run by a second, independent forward.
"""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tiny import TEXT_VOCAB, tiny_config, tiny_tokenizer
from tokenizers import Tokenizer
from transformers import PhiConfig, PhiForCausalLM, PreTrainedTokenizerFast

from unif2ace import convert
from unif2ace.config import SPECIAL_TOKENS, MoEConfig, VQConfig
from unif2ace.convert import convert_show_o, main, read_show_o, show_o_config
from unif2ace.model import ImageFeatures, UniF2aceForConditionalGeneration
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.prompting import Turn, generation_batch, prompt_ids, understanding_batch

TEXT, CODES, GRID = TEXT_VOCAB, 16, 2
DIM, HEADS, LAYERS, FFN = 64, 2, 2, 96
VOCAB = TEXT + 10 + CODES + 1
END = TEXT - 1  # end of text, the text tokenizer's own
PAD, SOI, EOI, T2I, MMU = (TEXT + i for i in (0, 1, 2, 5, 6))
MASK = VOCAB - 1
MAX_TEXT = 129  # the original pads prompts to this width
PARTS = {
    "vq": VQConfig(
        quantizer="lfq",
        lfq_bits=4,
        encoder_channels=(8, 8, 32),
        decoder_channels=(32, 8, 8),
        encoder_blocks=1,
    ),
    "encoders": tiny_config().encoders,
    "moe": MoEConfig(
        num_experts=3, expert_dim=32, shared_expert_dim=1, resampler_dim=16, resampler_heads=2
    ),
}


def original_tensors(seed=0):
    """Random weights by the names and shapes of the published checkpoint."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape, around=0.0):
        return around + torch.randn(shape, generator=generator) * (0.3 if len(shape) > 1 else 0.1)

    tensors = {"model.embed_tokens.weight": random(VOCAB, DIM)}
    for i in range(LAYERS):
        layer = f"model.layers.{i}"
        for name, width in (
            ("input_layernorm", DIM),
            ("self_attn.q_layernorm", DIM // HEADS),
            ("self_attn.k_layernorm", DIM // HEADS),
        ):
            tensors[f"{layer}.{name}.weight"] = random(width, around=1.0)
            tensors[f"{layer}.{name}.bias"] = random(width)
        for name, outputs, inputs in (
            *((f"self_attn.{n}", DIM, DIM) for n in ("q_proj", "k_proj", "v_proj", "dense")),
            ("mlp.fc1", FFN, DIM),
            ("mlp.fc2", DIM, FFN),
        ):
            tensors[f"{layer}.{name}.weight"] = random(outputs, inputs)
            tensors[f"{layer}.{name}.bias"] = random(outputs)
    tensors["model.final_layernorm.weight"] = random(DIM, around=1.0)
    tensors["model.final_layernorm.bias"] = random(DIM)
    tensors["lm_head.weight"], tensors["lm_head.bias"] = random(VOCAB, DIM), random(VOCAB)
    return {f"showo.{name}": tensor for name, tensor in tensors.items()}


CONFIG = {"w_clip_vit": False, "vocab_size": VOCAB, "llm_vocab_size": TEXT}
CONFIG |= {"codebook_size": CODES, "num_vq_tokens": GRID**2, "mask_token_id": MASK}


def write_original(folder, tensors=None, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors or original_tensors(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    return folder


def write_text_tokenizer(folder):
    """A text tokenizer as the original's: no special tokens but its end of text."""
    data = json.loads(tiny_tokenizer().backend_tokenizer.to_str())
    data["added_tokens"] = []
    backend = Tokenizer.from_str(json.dumps(data))
    kept = backend.id_to_token(END)
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=kept).save_pretrained(folder)
    return folder


def original_logits(tensors, token_ids, mask):
    """Phi's layer with normalised queries and keys, by hand. ids (L,), mask (L, L) to (L, V)."""
    get = {name.removeprefix("showo."): tensor for name, tensor in tensors.items()}.__getitem__

    def linear(name, x):
        return x @ get(f"{name}.weight").T + get(f"{name}.bias")

    def norm(name, x):
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * get(f"{name}.weight") + get(f"{name}.bias")

    def turned(x):
        """Rotary positions on the first half of each head: pairs (i, i + quarter)."""
        half = x.shape[-1] // 2
        out = x.clone()
        for i in range(half // 2):
            angle = torch.arange(len(x)) / 10000 ** (2 * i / half)
            a, b = x[:, i], x[:, i + half // 2]
            out[:, i] = a * angle.cos() - b * angle.sin()
            out[:, i + half // 2] = b * angle.cos() + a * angle.sin()
        return out

    x = get("model.embed_tokens.weight")[token_ids]
    for i in range(LAYERS):
        layer, width = f"model.layers.{i}", DIM // HEADS
        h = norm(f"{layer}.input_layernorm", x)
        q, k, v = (linear(f"{layer}.self_attn.{n}_proj", h) for n in "qkv")
        heads = []
        for head in (slice(j * width, (j + 1) * width) for j in range(HEADS)):
            query = turned(norm(f"{layer}.self_attn.q_layernorm", q[:, head]))
            key = turned(norm(f"{layer}.self_attn.k_layernorm", k[:, head]))
            scores = (query @ key.T / math.sqrt(width)).masked_fill(~mask, -math.inf)
            heads.append(scores.softmax(-1) @ v[:, head])
        attended = linear(f"{layer}.self_attn.dense", torch.cat(heads, dim=-1))
        hidden = F.gelu(linear(f"{layer}.mlp.fc1", h), approximate="tanh")
        x = x + attended + linear(f"{layer}.mlp.fc2", hidden)
    return linear("lm_head", norm("model.final_layernorm", x))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("convert")
    text = write_text_tokenizer(root / "text")
    convert_show_o(write_original(root / "original"), text, root / "ours", **PARTS)
    return root


@pytest.fixture(scope="module")
def model(folders):
    model = UniF2aceForConditionalGeneration.from_pretrained(folders / "ours").eval()
    with torch.no_grad():  # whatever the token routers prefer
        for name, parameter in model.blocks.named_parameters():
            if "token_moe" in name and "router" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(len(name)))
    return model


def test_the_layout_written_here_is_phis():
    """Names, shapes and computation, against the implementation of `transformers`."""
    config = PhiConfig(
        vocab_size=VOCAB,
        hidden_size=DIM,
        intermediate_size=FFN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        qk_layernorm=True,
    )
    phi = PhiForCausalLM(config).eval()
    tensors = original_tensors()
    phi.load_state_dict({n.removeprefix("showo."): t for n, t in tensors.items()}, strict=True)
    token_ids = torch.arange(7) * 5
    with torch.no_grad():
        theirs = phi(token_ids[None]).logits[0]
    causal = torch.ones(7, 7, dtype=torch.bool).tril()
    torch.testing.assert_close(
        original_logits(tensors, token_ids, causal), theirs, atol=1e-4, rtol=1e-4
    )


PROMPT, CANVAS = [5, 6, 7, 250], torch.tensor([3, CODES, 0, CODES])  # two codes masked


@torch.no_grad()
def test_painting_logits_are_the_originals(model):
    start = MAX_TEXT - len(PROMPT) - 3
    text = [PAD] * start + [T2I, END, *PROMPT, END]
    token_ids = torch.tensor([*text, SOI, *(CANVAS + TEXT + 10).tolist(), EOI])
    mask = torch.ones(len(token_ids), len(token_ids), dtype=torch.bool).tril()
    mask[MAX_TEXT:, MAX_TEXT:] = True  # the picture sees all of itself
    mask[:, :start] = False  # and nobody sees padding
    mask |= torch.eye(len(token_ids), dtype=torch.bool)
    theirs = original_logits(original_tensors(), token_ids, mask)[-GRID * GRID - 1 : -1]
    batch = generation_batch([prompt_ids(PROMPT, model.config)], CANVAS[None], model.config)
    output = model(
        batch.token_ids,
        positions=batch.positions,
        mask=batch.mask(),
        group="generation",
        image_start=batch.image_start,
    )
    ours = model.code_logits(output.hidden[0, -GRID * GRID - 1 : -1])
    codes = slice(TEXT + 10, TEXT + 10 + CODES)
    torch.testing.assert_close(ours, theirs[:, codes], atol=1e-4, rtol=1e-4)
    at_work = {expert for r in output.token_routing for expert in r.experts.unique().tolist()}
    assert at_work == {0, 1, 2}


@torch.no_grad()
def test_answering_logits_are_the_originals(model):
    """Ids from text | special as they are, ends of text by their own mapping."""
    picture, turn = torch.tensor([[3, 1, 0, 15]]), Turn(question=[9, 8], answer=[20, 21, 22])
    asked = model.config.layout.special_id("<|assistant|>")
    codes = (picture[0] + TEXT + 10).tolist()
    answered = [END, *turn.question, asked, *turn.answer, END]
    token_ids = torch.tensor([MMU, SOI, *codes, EOI, *answered])
    prefix = 3 + GRID * GRID
    mask = torch.ones(len(token_ids), len(token_ids), dtype=torch.bool).tril()
    mask[:prefix, :prefix] = True
    theirs = original_logits(original_tensors(), token_ids, mask)
    batch = understanding_batch(picture, [[turn]], model.config)
    generator = torch.Generator().manual_seed(0)
    features = ImageFeatures(
        semantic=torch.randn(1, 4, 320, generator=generator),
        face=torch.randn(1, 2, 8, generator=generator),
    )
    output = model(
        batch.token_ids,
        positions=batch.positions,
        mask=batch.mask(),
        group="understanding",
        image_start=batch.image_start,
        features=features,
    )
    ours = model.text_logits(output.hidden[0])
    text = [i for i in range(TEXT) if i != END]
    torch.testing.assert_close(ours[:, text], theirs[:, text], atol=1e-4, rtol=1e-4)
    eos = model.config.layout.special_id("<|eos|>")
    torch.testing.assert_close(ours[:, eos], theirs[:, END], atol=1e-4, rtol=1e-4)
    whole = theirs[:, : TEXT + 10]
    torch.testing.assert_close(
        ours.logsumexp(-1), whole.logsumexp(-1), atol=1e-4, rtol=1e-4
    )  # a permutation: probabilities stay


def test_the_result_is_a_checkpoint_that_paints_and_answers(folders):
    pipe = UniF2acePipeline.from_pretrained(folders / "ours", quantization=None, device="cpu")
    face = pipe.generate("an old man", seed=1, steps=2)[0]
    assert face.image.size == (32, 32)
    assert isinstance(pipe.answer(face.image, "how old?").text, str)
    assert pipe.tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == list(
        range(TEXT, TEXT + len(SPECIAL_TOKENS))
    )


def test_sequence_level_starts_as_a_copy_and_experts_as_slices(folders):
    model = UniF2aceForConditionalGeneration.from_pretrained(folders / "ours")
    original = original_tensors()
    for i, block in enumerate(model.blocks):
        fc1 = original[f"showo.model.layers.{i}.mlp.fc1.weight"]
        for moe in block.token_moe.values():
            for expert in moe.experts:
                assert torch.equal(torch.cat([moe.shared.fc1.weight, expert.fc1.weight]), fc1)
        for moe in block.sequence_moe.values():
            copies = [index for index, kind in enumerate(moe.kinds) if kind == "copy"]
            assert sorted(moe.router.bias.topk(2).indices.tolist()) == copies
            assert not moe.router.weight.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("showo.model.layers.1.mlp.fc2.bias"), "missing: model.layers.1.mlp.fc2.b"),
        (lambda t: t.pop("showo.lm_head.bias"), "missing: lm_head.bias"),
        (lambda t: t.update({"mm_projector.0.weight": torch.ones(2, 2)}), "extra: mm_projector.0"),
        (
            lambda t: t.update({"showo.model.final_layernorm.bias": torch.ones(7)}),
            r"another shape: model.final_layernorm.bias is \(7,\), not \(64,\)",
        ),
        (lambda t: t.pop("showo.model.embed_tokens.weight"), "no matrix showo.model.embed_tokens"),
    ],
)
def test_other_tensors_are_refused_by_name(change, message, folders, tmp_path):
    tensors = original_tensors()
    change(tensors)
    with pytest.raises(ValueError, match=message):
        convert_show_o(
            write_original(tmp_path / "a", tensors), folders / "text", tmp_path / "b", **PARTS
        )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]


def test_other_folders_are_refused(folders, tmp_path):
    with pytest.raises(ValueError, match=r"no config\.json"):
        read_show_o(tmp_path)
    with pytest.raises(ValueError, match="got 12 and 4"):
        show_o_config(read_show_o(write_original(tmp_path / "a", codebook_size=12)))
    with pytest.raises(ValueError, match="tokenizer has 730 ids"):
        convert_show_o(folders / "original", folders / "ours", tmp_path / "b", **PARTS)
    with pytest.raises(ValueError, match=r"not empty"):
        convert_show_o(folders / "original", folders / "text", folders / "ours", **PARTS)
    with pytest.raises(ValueError, match=r"no \*\.safetensors or pytorch_model"):
        (tmp_path / "a" / "model.safetensors").unlink()
        read_show_o(tmp_path / "a")


def test_pytorch_files_in_parts_are_read_alike(folders, tmp_path):
    tensors = original_tensors()
    names = sorted(tensors)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    for number, part in enumerate((names[:9], names[9:]), start=1):
        torch.save({n: tensors[n] for n in part}, tmp_path / f"pytorch_model-{number}-of-2.bin")
    read = read_show_o(tmp_path).tensors
    kept = read_show_o(folders / "original").tensors
    assert read.keys() == kept.keys()
    assert all(torch.equal(read[name], kept[name]) for name in read)


def test_an_interrupted_conversion_leaves_nothing_that_looks_finished(
    folders, tmp_path, monkeypatch
):
    out = tmp_path / "out"

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert_show_o(folders / "original", folders / "text", out, **PARTS)
    assert not out.exists()
    monkeypatch.undo()
    convert_show_o(folders / "original", folders / "text", out, **PARTS)
    names = [sorted(p.name for p in folder.iterdir()) for folder in (out, folders / "ours")]
    assert names[0] == names[1] and [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_command_converts_and_says_what_is_wrong(folders, tmp_path, monkeypatch, capsys):
    whole = convert.convert_show_o
    monkeypatch.setattr(convert, "convert_show_o", lambda *paths: whole(*paths, **PARTS))
    arguments = ["show-o", str(folders / "original"), "--text", str(folders / "text"), "--out"]
    assert main([*arguments, str(tmp_path / "out")]) == 0
    assert "2 layers of width 64" in capsys.readouterr().out
    assert main([*arguments, str(tmp_path / "out")]) == 2
    assert "not empty" in capsys.readouterr().err
