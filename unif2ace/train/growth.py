"""Weights of a checkpoint that knew fewer attributes, laid out for a network that knows more.

What both know keeps its rows; the rows of what is new start as the larger network has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from unif2ace.attributes import Vocabulary

VALUE_ROWS = ("attributes.weight", "attributes.bias", "facts")
VALUE_ROWS += ("part_attributes.weight", "part_attributes.bias")
"""Tensors of a face encoder that hold a row for each value of each attribute."""


def grown_encoder(
    state: Mapping[str, Tensor], old: Vocabulary, fresh: Mapping[str, Tensor], new: Vocabulary
) -> dict[str, Tensor]:
    """State of a face encoder that reads `new`, from one that read `old`.

    fresh: state of an encoder for `new`. Raises ValueError when `old` knows what `new` does not.
    """
    where = _rows(_values(old), _values(new))
    return {
        name: _into(fresh[name], tensor, where) if name in VALUE_ROWS else tensor
        for name, tensor in state.items()
    }


def grown_places(rows: Tensor, old: Vocabulary, fresh: Tensor, new: Vocabulary) -> Tensor:
    """Place embeddings (P + 1, D) of a plan of `new`, from those of a plan of `old`.

    Behind the attributes' places come those of coordinates and the mark of a repeated word
    (`plan.py`): as many in both.
    Raises ValueError when `old` knows what `new` does not, or the numbers of places disagree.
    """
    known, wanted = _names(old), _names(new)
    if len(rows) - len(known) != len(fresh) - len(wanted):
        raise ValueError(
            f"{len(rows) - len(known)} places behind the attributes do not fit into "
            f"{len(fresh) - len(wanted)}"
        )
    others = range(len(rows) - len(known))
    where = _rows([*known, *others], [*wanted, *others])
    return _into(fresh, rows, where)


def _names(vocabulary: Vocabulary) -> list[str]:
    return [name for name, _ in vocabulary]


def _values(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    return [(name, value) for name, values in vocabulary for value in values]


def _rows(old: Sequence[object], new: Sequence[object]) -> Tensor:
    """Where each of `old` stands in `new`."""
    if missing := [str(entry) for entry in old if entry not in new]:
        raise ValueError(f"the larger network does not know {', '.join(missing)}")
    return torch.tensor([new.index(entry) for entry in old])


def _into(fresh: Tensor, rows: Tensor, where: Tensor) -> Tensor:
    grown = fresh.clone()
    grown[where] = rows.to(grown.dtype)
    return grown
