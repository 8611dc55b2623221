"""A checkpoint from disk or Hub to a model ready to run, or a reason why not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors import SafetensorError

from unif2ace.config import UniF2aceConfig
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.quantize import compute_in, copy_bytes, keep_copies, nf4_config, unpacked

MAX_NAMES = 8  # in one error
SPARE_SHARE = 0.25  # of the free memory, that plain copies of NF4 weights may take


def free_memory() -> int:
    """Bytes that this machine could give without swapping."""
    return psutil.virtual_memory().available


def spend_memory(model: UniF2aceForConditionalGeneration) -> None:
    """Plain copies of NF4 weights to compute with, where memory is to spare."""
    if copy_bytes(model, model.dtype) < SPARE_SHARE * free_memory():
        keep_copies(model, model.dtype)


def default_dtype(device: torch.device) -> torch.dtype:
    """float32 on every CPU, bfloat16 elsewhere.

    Many CPUs only emulate bfloat16, at a quarter of their float32 rate. Those that have it keep to
    float32 too: a seed should give the same picture on any CPU, and bfloat16 would change it.
    """
    return torch.float32 if device.type == "cpu" else torch.bfloat16


def checkpoint_name(path_or_repo: str | Path, revision: str | None, commit: str | None) -> str:
    """What links and marked files call the weights: "name@version", other weights, other version.

    Of a Hub repository the commit that was loaded, if known; of a folder its own name, without
    where it lies, and the start of a hash over what fixes a painted picture.
    """
    folder = Path(path_or_repo)
    if not folder.is_dir():
        return f"{path_or_repo}@{commit or revision or 'main'}"
    digest = hashlib.sha256()
    fixing = [folder / "config.json", folder / "tokenizer.json"]
    for path in [*fixing, *sorted(folder.glob("*.safetensors"))]:
        digest.update(path.read_bytes())
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}"


def split_revision(name: str) -> tuple[str, str | None]:
    """`repo@revision` taken apart; a path that exists is one, whatever it holds."""
    if "@" not in name or Path(name).exists():
        return name, None
    repo, _, revision = name.rpartition("@")
    return repo, revision


def is_prequantized(config: UniF2aceConfig) -> bool:
    """Whether a checkpoint with this config holds NF4 weights on disk."""
    return getattr(config, "quantization_config", None) is not None


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


REPOSITORY = re.compile(r"[\w.-]*\w[\w.-]*(/[\w.-]*\w[\w.-]*)?")  # name, or owner/name


def check_place(path_or_repo: str | Path) -> None:
    """Raises ValueError for a folder without a checkpoint, and for a path to no folder.

    A path is what no repository of the Hub can be called, or what lies in a folder that is here.
    """
    folder, name = Path(path_or_repo), str(path_or_repo)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ValueError(f"{name} is no checkpoint: it has no config.json")
    elif not REPOSITORY.fullmatch(name) or ("/" in name and folder.parent.is_dir()):
        raise ValueError(
            f"there is no folder {name}: give that of a checkpoint, or a repository as owner/name"
        )


def load_model(
    path_or_repo: str | Path,
    revision: str | None,
    quantization: str | None,
    device: torch.device,
    dtype: torch.dtype | None = None,
) -> UniF2aceForConditionalGeneration:
    """The model alone, refusing a checkpoint with missing, extra or mis-shaped tensors."""
    check_place(path_or_repo)
    dtype = dtype or default_dtype(device)
    options: dict[str, Any] = {"revision": revision, "dtype": dtype, "device_map": device}
    options["ignore_mismatched_sizes"] = True  # told below, by name
    try:
        config = UniF2aceForConditionalGeneration.config_class.from_pretrained(
            path_or_repo, revision=revision
        )
        if quantization == "nf4" and not is_prequantized(config):
            options["quantization_config"] = nf4_config()
        model, info = UniF2aceForConditionalGeneration.from_pretrained(
            path_or_repo, output_loading_info=True, use_safetensors=True, **options
        )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise ValueError(f"the checkpoint {path_or_repo} cannot be loaded: {error}") from error
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(problem):
            names = listed(sorted(map(str, info[problem])))
            raise ValueError(f"the checkpoint {path_or_repo} has {problem}: {names}")
    if quantization is None and is_prequantized(config):
        model = unpacked(model, dtype)
    compute_in(model, dtype)
    return model.eval()
