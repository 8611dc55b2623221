"""The moving average of a module's weights, which is what a trainer keeps in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds only its share of the tensor (a DTensor, under FSDP)."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """The tensor with every process's share; if it is sharded, all processes must ask."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


class AveragedWeights:
    """Exponential moving average of a module's trainable parameters, in float32.

    The decay warms up as (1 + n) / (10 + n), so that the first weights are soon forgotten. Sharded
    parameters have sharded averages; the saved state is whole, so that any number of processes can
    go on from it.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.averages = [p.detach().float().clone() for p in self.parameters]
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        current = [p.detach().float() for p in self.parameters]
        torch._foreach_lerp_(self.averages, current, 1 - decay)

    @torch.no_grad()
    def copy_to_module(self) -> None:
        for parameter, average in zip(self.parameters, self.averages, strict=True):
            parameter.copy_(average)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module holds the averages inside, its own weights again after."""
        kept = [p.detach().clone() for p in self.parameters]
        self.copy_to_module()
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(self.parameters, kept, strict=True):
                    parameter.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        return {"averages": [whole(a) for a in self.averages], "updates": self.updates}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for average, value in zip(self.averages, state["averages"], strict=True):
            if is_sharded(average):
                from torch.distributed.tensor import distribute_tensor

                mesh, placements = average.device_mesh, average.placements  # type: ignore[attr-defined]
                value = distribute_tensor(value.to(average.device), mesh, placements)
            average.copy_(value)
        self.updates = state["updates"]
