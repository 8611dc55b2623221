"""Start our full-size model from other weights: `python -m unif2ace.convert show-o ... --out DIR`.

The converted model gives Show-o's logits until it is trained further: every expert is a slice of
the original feed-forward, every sequence expert starts as a copy, what Show-o lacks starts at
zero or outside the backbone. Source: Show-o, arXiv 2408.12528, whose layer is Phi's.

Not in Show-o's file, hence fresh here: image tokenizer, encoders and resamplers. Train or insert
them before painting; the image tokenizer must give the codes that the weights know (MAGVIT-v2).
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from unif2ace.checkpoint import listed
from unif2ace.config import SPECIAL_TOKENS, MoEConfig, UniF2aceConfig, paper
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.moe import GROUPS

PREFIX = "showo."
TEXT_TOKENIZER = "microsoft/phi-1_5"
TEXT_FILES = ("*.json",)
FILES = (*TEXT_FILES, "*.safetensors", "pytorch_model*.bin")
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class ShowO:
    """A Show-o checkpoint: its tensors, names without `PREFIX`, and the sizes they cannot tell."""

    tensors: Mapping[str, Tensor]
    codebook_size: int
    num_image_tokens: int

    @property
    def shapes(self) -> Shapes:
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


def read_show_o(folder: Path) -> ShowO:
    """Config and weights (safetensors, else PyTorch files) of a folder, mapped, not copied.

    Raises ValueError when something is missing or of another kind of model.
    """
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder} has no config.json: is it a Show-o checkpoint?")
    config = json.loads((folder / "config.json").read_text())
    if missing := [n for n in ("codebook_size", "num_vq_tokens") if n not in config]:
        raise ValueError(f"{folder / 'config.json'} lacks {', '.join(missing)}: not Show-o's")
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files:
        raise ValueError(f"{folder} has no {' or '.join(FILES[1:])}")
    tensors: dict[str, Tensor] = {}
    for file in files:
        if file.suffix == ".safetensors":
            part = load_file(file)
        else:
            part = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
        if twice := sorted(tensors.keys() & part.keys()):
            raise ValueError(f"{file} repeats {listed(twice)}: remove one of the copies")
        tensors |= part
    return ShowO(
        tensors={name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()},
        codebook_size=config["codebook_size"],
        num_image_tokens=config["num_vq_tokens"],
    )


def show_o_config(source: ShowO, **overrides: Any) -> UniF2aceConfig:
    """`paper` at the sizes of these weights, with as many expert columns as their feed-forward.

    Our choice: all routed experts start as the same slice of the feed-forward and the shared one
    holds the rest, since then any routing whose weights sum to 1 gives the original. That needs
    shared + routed width = the original's width, more than the preset's widths, which 1.8B
    parameters allow: at full size the result has about 3B.
    Raises ValueError, naming tensors, unless the weights are exactly those of Show-o's layout.
    """
    shapes = source.shapes
    for name in ("model.embed_tokens.weight", "model.layers.0.mlp.fc1.weight"):
        if len(shapes.get(name, ())) != 2:
            raise ValueError(f"no matrix {PREFIX}{name}: not a Show-o checkpoint")
    vocab_size, hidden_size = shapes["model.embed_tokens.weight"]
    ffn_dim = shapes["model.layers.0.mlp.fc1.weight"][0]
    head_dim = shapes.get("model.layers.0.self_attn.q_layernorm.weight", (hidden_size,))[0]
    layers = {int(n.split(".")[2]) for n in shapes if n.startswith("model.layers.")}
    code_bits, grid = math.log2(source.codebook_size), math.isqrt(source.num_image_tokens)
    if not code_bits.is_integer() or grid**2 != source.num_image_tokens:
        raise ValueError(
            f"codebook_size must be a power of 2 and num_vq_tokens a square, "
            f"got {source.codebook_size} and {source.num_image_tokens}"
        )
    preset = paper()
    moe = _as_moe(overrides.pop("moe", preset.moe))
    if moe.expert_dim >= ffn_dim:
        raise ValueError(f"expert_dim must be below the original's {ffn_dim}, got {moe.expert_dim}")
    config = paper(
        **{
            "hidden_size": hidden_size,
            "num_layers": max(layers) + 1,
            "num_heads": hidden_size // head_dim,
            "text_vocab_size": vocab_size - len(SPECIAL_TOKENS) - source.codebook_size - 1,
            "image_size": grid * preset.vq.downsample,
            "vq": replace(preset.vq, lfq_bits=int(code_bits)),
            "moe": replace(moe, shared_expert_dim=ffn_dim - moe.expert_dim),
        }
        | overrides
    )
    check_shapes(shapes, show_o_shapes(config, ffn_dim))
    return config


def _as_moe(value: MoEConfig | Mapping[str, Any]) -> MoEConfig:
    return value if isinstance(value, MoEConfig) else MoEConfig(**value)


def show_o_shapes(config: UniF2aceConfig, ffn_dim: int) -> dict[str, tuple[int, ...]]:
    """Every tensor of a Show-o checkpoint without CLIP, and its shape."""
    dim, vocab_size = config.hidden_size, config.layout.vocab_size
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (vocab_size, dim)}

    def linear(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def norm(name: str, width: int) -> None:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)

    for layer in range(config.num_layers):
        start = f"model.layers.{layer}"
        norm(f"{start}.input_layernorm", dim)
        for name in ("q_proj", "k_proj", "v_proj", "dense"):
            linear(f"{start}.self_attn.{name}", dim, dim)
        for name in ("q_layernorm", "k_layernorm"):
            norm(f"{start}.self_attn.{name}", config.head_dim)
        linear(f"{start}.mlp.fc1", dim, ffn_dim)
        linear(f"{start}.mlp.fc2", ffn_dim, dim)
    norm("model.final_layernorm", dim)
    linear("lm_head", dim, vocab_size)
    return shapes


def check_shapes(found: Shapes, expected: Shapes) -> None:
    """Raises ValueError that names the missing, the extra and the mis-shaped tensors."""
    wrong = [
        f"{name} is {found[name]}, not {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    problems = {
        "missing": sorted(expected.keys() - found.keys()),
        "extra": sorted(found.keys() - expected.keys()),
        "of another shape": wrong,
    }
    if any(problems.values()):
        parts = [f"{kind}: {listed(names)}" for kind, names in problems.items() if names]
        raise ValueError(f"these are not Show-o's tensors; {'; '.join(parts)}")


def vocabulary_rows(config: UniF2aceConfig, end_of_text: int) -> tuple[Tensor, Tensor]:
    """Which of Show-o's rows each of our ids takes, (V,) for the embedding and for the head.

    Ids agree (text | special | codes | [MASK]) but for the ends of a text: Show-o opens and closes
    text with the text tokenizer's own `end_of_text`, ours has <|bos|> and <|eos|>. Both are
    embedded as `end_of_text`; in the head <|eos|> changes places with it, a permutation, so that
    all probabilities stay.
    """
    begin, end = (config.layout.special_id(token) for token in ("<|bos|>", "<|eos|>"))
    embedded = torch.arange(config.layout.vocab_size)
    predicted = embedded.clone()
    embedded[[begin, end]] = end_of_text
    predicted[end], predicted[end_of_text] = end_of_text, end
    return embedded, predicted


def backbone(source: ShowO, config: UniF2aceConfig, end_of_text: int) -> Iterator[tuple[str, Any]]:
    """Our parameters that come from Show-o: (name, value), one after the other."""
    get = source.tensors.__getitem__
    embedded, predicted = vocabulary_rows(config, end_of_text)
    yield "embed.weight", get("model.embed_tokens.weight")[embedded]
    for kind in ("weight", "bias"):
        yield f"lm_head.{kind}", get(f"lm_head.{kind}")[predicted]
        yield f"norm.{kind}", get(f"model.final_layernorm.{kind}")
    for layer in range(config.num_layers):
        old, new = f"model.layers.{layer}", f"blocks.{layer}"
        for kind in ("weight", "bias"):
            qkv = [get(f"{old}.self_attn.{part}_proj.{kind}") for part in "qkv"]
            yield f"{new}.attention.qkv.{kind}", torch.cat(qkv)
            yield f"{new}.attention.out.{kind}", get(f"{old}.self_attn.dense.{kind}")
            yield f"{new}.attention.q_norm.{kind}", get(f"{old}.self_attn.q_layernorm.{kind}")
            yield f"{new}.attention.k_norm.{kind}", get(f"{old}.self_attn.k_layernorm.{kind}")
            yield f"{new}.attention_norm.{kind}", get(f"{old}.input_layernorm.{kind}")
        mlp = {n: get(f"{old}.mlp.{n}") for n in ("fc1.weight", "fc1.bias", "fc2.weight")}
        for group in GROUPS:
            moe, split = f"{new}.token_moe.{group}", config.moe.shared_expert_dim
            yield from _expert(f"{moe}.shared", mlp, slice(split), get(f"{old}.mlp.fc2.bias"))
            for expert in range(config.moe.num_experts):
                yield from _expert(f"{moe}.experts.{expert}", mlp, slice(split, None), 0.0)


def _expert(
    name: str, mlp: Mapping[str, Tensor], columns: slice, bias: Tensor | float
) -> Iterator[tuple[str, Any]]:
    """Some hidden columns of a feed-forward as an expert."""
    yield f"{name}.fc1.weight", mlp["fc1.weight"][columns]
    yield f"{name}.fc1.bias", mlp["fc1.bias"][columns]
    yield f"{name}.fc2.weight", mlp["fc2.weight"][:, columns]
    yield f"{name}.fc2.bias", bias


@torch.no_grad()
def converted(
    source: ShowO, config: UniF2aceConfig, end_of_text: int, seed: int = 0
) -> UniF2aceForConditionalGeneration:
    """Our model with Show-o's backbone; what Show-o lacks is fresh from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # transformers' initialisation has no generator argument
        model = UniF2aceForConditionalGeneration(config)
    for name, value in backbone(source, config, end_of_text):
        parameter = model.get_parameter(name)
        if isinstance(value, Tensor) and value.shape != parameter.shape:
            raise ValueError(f"{name} is {tuple(parameter.shape)}, not {tuple(value.shape)}")
        parameter.copy_(torch.as_tensor(value))
    for added in (model.code_digits.table, model.head_digits.table, model.image_position):
        added.weight.zero_()  # Show-o embeds a code by its row alone; these learn from there
    return model.eval()


def text_tokenizer(
    original: PreTrainedTokenizerBase, config: UniF2aceConfig
) -> PreTrainedTokenizerFast:
    """Show-o's text tokenizer with our special tokens behind its ids.

    Raises ValueError when it has another number of ids than the weights, or no end-of-text token.
    """
    if len(original) != config.text_vocab_size or original.eos_token_id is None:
        raise ValueError(
            f"the text tokenizer has {len(original)} ids and end of text "
            f"{original.eos_token_id}; the weights need {config.text_vocab_size} and one"
        )
    backend = original.backend_tokenizer
    backend.add_special_tokens(list(SPECIAL_TOKENS))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<|pad|>",
        bos_token="<|bos|>",
        eos_token="<|eos|>",
        split_special_tokens=True,
    )


def convert_show_o(source: Path, text: Path, out: Path, **overrides: Any) -> UniF2aceConfig:
    """Write the checkpoint `out` from the Show-o folder `source` and its text tokenizer.

    `out` appears at the end, whole; until then everything lies in `out`.partial.
    Args: overrides: fields of the config that Show-o does not settle (encoders, image tokenizer).
    Raises: ValueError when the source is not Show-o's or `out` already holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not empty: choose another folder")
    weights = read_show_o(source)
    config = show_o_config(weights, **overrides)
    original = PreTrainedTokenizerFast.from_pretrained(text)
    end_of_text, tokenizer = original.eos_token_id, text_tokenizer(original, config)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of an interrupted conversion
    converted(weights, config, end_of_text).save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    partial.rename(out)
    return config


def fetched(path_or_repo: str, files: tuple[str, ...], revision: str | None = None) -> Path:
    """A folder as it is, or what a Hub repository has of `files`, downloaded."""
    if Path(path_or_repo).is_dir():
        return Path(path_or_repo)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(path_or_repo, revision=revision, allow_patterns=list(files)))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise ValueError(f"{path_or_repo} is neither a folder nor to be had: {error}") from error


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m unif2ace.convert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show_o = commands.add_parser("show-o", help="from a Show-o checkpoint without CLIP")
    show_o.add_argument("source", help="folder or Hub repository, such as showlab/show-o")
    show_o.add_argument("--revision", help="of the repository")
    show_o.add_argument(
        "--text", default=TEXT_TOKENIZER, help="its text tokenizer's folder or repository"
    )
    show_o.add_argument("--out", type=Path, required=True, help="new folder for the checkpoint")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_args(arguments)
    try:
        source = fetched(args.source, FILES, args.revision)
        config = convert_show_o(source, fetched(args.text, TEXT_FILES), args.out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{args.out}: {config.num_layers} layers of width {config.hidden_size}; image tokenizer, "
        "encoders and resamplers are fresh and have to be trained or inserted"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
