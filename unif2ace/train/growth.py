"""Weights of a smaller checkpoint, laid out for a network that knows more or sees more finely.

What both know keeps its rows; the rows of what is new start as the larger network has them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from unif2ace.attributes import Vocabulary
from unif2ace.config import UniF2aceConfig
from unif2ace.encoders import FaceEncoder
from unif2ace.model import UniF2aceForConditionalGeneration

VALUE_ROWS = (
    *("attributes.weight", "attributes.bias", "facts"),
    *("part_attributes.weight", "part_attributes.bias"),
    *("overview_attributes.weight", "overview_attributes.bias"),
)
"""Tensors of a face encoder that hold a row for each value of each attribute."""


PART_COLUMNS = ("of_parts.weight", "part_attributes.weight")
"""Tensors of a face encoder that have columns for each close-up, the first ones first."""


def grown_encoder(old: FaceEncoder, new: FaceEncoder) -> dict[str, Tensor]:
    """A state of `new` that reads what `old` does, and as `new` does what `old` does not know.

    `new` may take more close-ups, which count nothing at first, and sharper ones.
    Raises ValueError when `old` knows what `new` does not.
    """
    values, fresh = (_values(old.vocabulary), _values(new.vocabulary)), new.state_dict()
    if missing := [
        f"{name} {value}" for name, value in values[0] if (name, value) not in values[1]
    ]:
        raise ValueError(f"the larger network does not know {', '.join(missing)}")
    return {
        name: _kept(fresh[name], tensor, *values) if name in VALUE_ROWS else tensor
        for name, tensor in seen_closer(old.state_dict(), fresh).items()
    }


def seen_closer(old: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State `old` of a face encoder with as many close-ups, as sharp, as `fresh` has.

    A sharper close-up is read as the mean of each square of its pixels, which is what the blunter
    one showed there. Raises ValueError when `fresh` has fewer, or blunter ones.
    """
    grown = dict(old)
    for name in PART_COLUMNS:
        more = fresh[name].shape[1] - old[name].shape[1]
        if more < 0:
            raise ValueError(f"the larger network has {-more} columns less in {name}")
        grown[name] = F.pad(old[name], (0, more))
    first = "parts.net.0.weight"
    was, now = (math.isqrt(state[first].shape[1] // 3) for state in (old, fresh))
    if now % was:
        raise ValueError(f"close-ups of {16 * was} px do not become such of {16 * now} px")
    blocks = old[first].unflatten(1, (3, was, was))  # as `pixel_unshuffle` lays them out
    finer = blocks.repeat_interleave(now // was, 2).repeat_interleave(now // was, 3)
    grown[first] = (finer / (now // was) ** 2).flatten(1, 3)
    return grown


def grown_transformer(
    parts: Mapping[str, Mapping[str, Tensor]], old: UniF2aceConfig, new: UniF2aceConfig, seed: int
) -> dict[str, Mapping[str, Tensor]]:
    """Parts of a transformer of `old`, by module name, laid out for `new`.

    `new` may know more attributes and see more image tokens; all else must be alike.
    Raises ValueError when `old` knows what `new` does not.
    """
    torch.manual_seed(seed)  # transformers' initialisation has no generator argument
    fresh = UniF2aceForConditionalGeneration(new)
    grown = dict(parts)
    known, wanted = dict(old.encoders.attributes), dict(new.encoders.attributes)
    if missing := known.keys() - wanted.keys():
        raise ValueError(f"the larger network does not know {', '.join(sorted(missing))}")
    if fresh.plan_position is not None:
        places = [_places(config, config.plan_length + 1) for config in (old, new)]
        rows = _kept(fresh.plan_position.weight, parts["plan_position"]["weight"], *places)
        grown["plan_position"] = {"weight": rows}
    rows = parts["image_position"]["weight"]
    grown["image_position"] = {"weight": stretched(rows, new.num_image_tokens)}
    queries = {}
    for kind, resampler in fresh.resamplers.items():
        rows = parts["resamplers"][f"{kind}.queries"]
        if kind == "noise":  # paints: a query stands for a place in the picture
            queries[f"{kind}.queries"] = stretched(rows, new.num_image_tokens)
        else:  # reads: for a word of the plan
            places = [_places(config, config.num_image_tokens) for config in (old, new)]
            queries[f"{kind}.queries"] = _kept(resampler.queries, rows, *places)
    grown["resamplers"] = {**parts["resamplers"], **queries}
    return grown


def stretched(rows: Tensor, count: int) -> Tensor:
    """Vectors (N, D) of the cells of a square grid, for a finer grid of `count` cells: (count, D).

    Raises ValueError unless both are squares.
    """
    old, new = math.isqrt(len(rows)), math.isqrt(count)
    if old**2 != len(rows) or new**2 != count:
        raise ValueError(f"{len(rows)} and {count} are not both the cells of a square grid")
    if old == new:
        return rows
    plane = rows.float().T.reshape(1, -1, old, old)
    wide = F.interpolate(plane, (new, new), mode="bilinear", align_corners=False)
    return wide.flatten(2)[0].T.contiguous().to(rows.dtype)


def _places(config: UniF2aceConfig, count: int) -> list[str]:
    """What `count` places in a row stand for: words of the plan, and what lies behind them."""
    words = [name for name, _ in config.encoders.attributes]
    words += [f"coordinate {i}" for i in range(config.plan_length - len(words))]
    words = words[: config.plan_length]
    return [*words, *(f"behind {i}" for i in range(count - len(words)))][:count]


def _values(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    return [(name, value) for name, values in vocabulary for value in values]


def _kept(fresh: Tensor, rows: Tensor, old: Sequence[object], new: Sequence[object]) -> Tensor:
    """`fresh` with the `rows` that stand for the same; `old` and `new` say what each stands for."""
    both = [entry for entry in old if entry in new]
    kept = fresh.detach().clone()
    kept[[new.index(entry) for entry in both]] = rows[[old.index(entry) for entry in both]]
    return kept
