"""Put separately trained parts together into one checkpoint, its transformer fresh or kept."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Set
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from unif2ace.checkpoint import load_model
from unif2ace.config import PRESETS, UniF2aceConfig, stored_encoders
from unif2ace.model import UniF2aceForConditionalGeneration, parameter_report
from unif2ace.train.growth import grown_transformer

SHARD_SIZE = "9MB"  # below the 10 MB at which a Space repository needs large-file storage


def assemble(
    config: UniF2aceConfig,
    tokenizer: PreTrainedTokenizerBase,
    parts: Mapping[str, Mapping[str, Tensor]],
    out: Path,
    *,
    seed: int,
) -> UniF2aceForConditionalGeneration:
    """Write a whole checkpoint: trained parts by module name, the others fresh from `seed`.

    Raises ValueError when a part's tensors are not the module's.
    """
    torch.manual_seed(seed)  # transformers' initialisation has no generator argument
    model = UniF2aceForConditionalGeneration(config)
    for name, state in parts.items():
        try:
            model.get_submodule(name).load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"the trained {name} does not fit the preset: {error}") from error
    model.save_pretrained(out, max_shard_size=SHARD_SIZE)
    tokenizer.save_pretrained(out)
    return model


def transformer_parts(checkpoint: Path, *, without: Set[str]) -> dict[str, dict[str, Tensor]]:
    """State of a checkpoint's direct modules but for `without`, unpacked to float32."""
    model = load_model(checkpoint, None, None, torch.device("cpu")).float()
    return {
        name: module.state_dict() for name, module in model.named_children() if name not in without
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=sorted(PRESETS), default="nano")
    parser.add_argument("--text", type=Path, required=True, help="folder of the text tokenizer")
    parser.add_argument("--tokenizer", type=Path, required=True, help="image tokenizer's run")
    parser.add_argument("--encoder", type=Path, required=True, help="encoders' run")
    parser.add_argument(
        "--transformer",
        type=Path,
        help="checkpoint whose transformer to keep, grown where need be; else a fresh one",
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)


def main(arguments: argparse.Namespace) -> None:
    files = {
        "image_tokenizer": arguments.tokenizer / "tokenizer" / "model.safetensors",
        "semantic_encoder": arguments.encoder / "encoder" / "semantic.safetensors",
        "face_encoder": arguments.encoder / "encoder" / "face.safetensors",
    }
    for path in files.values():
        if not path.is_file():
            raise SystemExit(f"{path} is missing: train that part first")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(arguments.text)
    parts: dict[str, Mapping[str, Tensor]] = {name: load_file(path) for name, path in files.items()}
    preset = PRESETS[arguments.preset]
    trained = stored_encoders(json.loads((arguments.encoder / "encoder/config.json").read_text()))
    # sizes as the preset says, which the tensors must fit; but what it reads, and how closely, as
    # the encoder was taught
    encoders = replace(
        preset().encoders,
        attributes=trained.attributes,
        part_size=trained.part_size,
        num_parts=trained.num_parts,
    )
    decoder = json.loads((arguments.tokenizer / "tokenizer/config.json").read_text())
    told = {name: tuple(decoder.get(name, ())) for name in ("told_counts", "told_areas")}
    told["told_places"] = decoder.get("told_places", False)
    vq = replace(preset().vq, **told)
    config = preset(encoders=encoders, vq=vq)
    if arguments.transformer is not None:
        smaller = UniF2aceConfig.from_pretrained(arguments.transformer)
        config.hears_denials = smaller.hears_denials
        kept = transformer_parts(arguments.transformer, without=set(files))
        parts |= grown_transformer(kept, smaller, config, arguments.seed)
    model = assemble(
        config,
        tokenizer,
        parts,
        arguments.out,
        seed=arguments.seed,
    )
    for name, count in parameter_report(model).items():
        print(f"{name:20} {count:12,}")
