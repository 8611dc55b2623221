"""Two-level grouped mixture of experts (arXiv 2503.08120, fig. 3): tokens, then sequences.

Experts are grouped by task; a sequence only ever meets its own group. Experts are `nn.Linear`
pairs in module lists, since fused expert tensors would be left unquantised.
Shapes: B batch, L tokens, N image tokens, D width, E experts, k chosen, T = B*L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Group = Literal["understanding", "generation"]
GROUPS: tuple[Group, ...] = ("understanding", "generation")

SEQUENCE_EXPERTS: dict[Group, tuple[str, ...]] = {
    "understanding": ("semantic", "face", "copy", "copy"),
    "generation": ("copy", "zero", "noise", "copy"),
}
"""Order as drawn in the authors' figure; `semantic` is the paper's CLIP expert."""

NARROW = 2048
"""Widest that all routed experts together may be to be computed for every token in training on a
GPU: there it costs less than to sort tokens by expert, which has the host wait for the counts."""

COPY_BIAS = 0.1  # head start of the copy experts; small, so that a few hundred steps can undo it


@dataclass(frozen=True)
class Routing:
    """What a router decided: logits (T, E), chosen experts (T, k), their weights (T, k)."""

    logits: Tensor
    experts: Tensor
    weights: Tensor

    @property
    def probs(self) -> Tensor:
        """(T, E), worked out only when somebody asks."""
        return self.logits.softmax(-1)


@dataclass(frozen=True)
class Exploration:
    """Gumbel noise of a given scale on routing choices, so that unused experts get tried."""

    scale: float
    generator: torch.Generator

    def noise(self, logits: Tensor) -> Tensor:
        uniform = torch.rand(logits.shape, generator=self.generator).clamp(1e-9, 1 - 1e-7)
        return -self.scale * torch.log(-torch.log(uniform)).to(logits.device)


def route(logits: Tensor, experts_per_token: int, noise: Tensor | None = None) -> Routing:
    """Top-k of the softmax, weights renormalised to sum to 1. Softmax in float32 or wider.

    `noise` is added to the logits for the choice alone, never for the weights.
    """
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    best, experts = (wide if noise is None else wide + noise).topk(experts_per_token, dim=-1)
    if noise is not None:
        best = wide.gather(-1, experts)
    return Routing(wide, experts, best.softmax(-1))  # renormalised, a softmax of the chosen


def is_batched(x: Tensor) -> bool:
    """Whether x lies where many small steps cost more than some arithmetic too much: on a GPU."""
    return x.is_cuda


class Expert(nn.Module):
    """Two linear layers with a GELU between: Phi's feed-forward, narrower."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class TokenMoE(nn.Module):
    """One group: a shared expert for every token plus top-k of E routed ones. Drops no token.

    Our choice (DeepSeekMoE, arXiv 2401.06066): softmax router without bias, weights renormalised.
    """

    def __init__(
        self,
        *,
        dim: int,
        num_experts: int,
        experts_per_token: int,
        expert_dim: int,
        shared_dim: int,
    ) -> None:
        super().__init__()
        self.experts_per_token = experts_per_token
        self.router = nn.Linear(dim, num_experts, bias=False)
        self.shared = Expert(dim, shared_dim)
        self.experts = nn.ModuleList(Expert(dim, expert_dim) for _ in range(num_experts))
        self.is_narrow = num_experts * expert_dim <= NARROW

    def forward(self, x: Tensor) -> tuple[Tensor, Routing]:
        tokens = x.flatten(0, -2)  # (T, D)
        routing = route(self.router(tokens), self.experts_per_token)
        if self.training and is_batched(x) and self.is_narrow:
            mixed = self._all(tokens, routing)
        elif len(tokens) == 1:
            mixed = self._one(tokens, routing)
        else:
            mixed = self._many(tokens, routing)
        return mixed.view_as(x), routing

    def _all(self, tokens: Tensor, routing: Routing) -> Tensor:
        """(T, D) to (T, D), every expert on all tokens: two large products and no sorting.

        Waits for nothing that was decided, so a GPU never idles for the next command; an expert
        that a token did not choose counts 0.
        """
        gate = torch.zeros_like(routing.logits).scatter(1, routing.experts, routing.weights)
        gate = gate.to(tokens.dtype)  # (T, E)
        first = torch.cat([self.shared.fc1.weight, *(e.fc1.weight for e in self.experts)])
        bias = torch.cat([self.shared.fc1.bias, *(e.fc1.bias for e in self.experts)])
        hidden = F.gelu(F.linear(tokens, first, bias), approximate="tanh")  # (T, S + E*H)
        shared = self.shared.fc1.out_features
        routed = hidden[:, shared:].unflatten(1, (len(self.experts), -1)) * gate[..., None]
        hidden = torch.cat([hidden[:, :shared], routed.flatten(1).to(hidden.dtype)], dim=1)
        second = torch.cat([self.shared.fc2.weight, *(e.fc2.weight for e in self.experts)], dim=1)
        biases = torch.stack([e.fc2.bias for e in self.experts])  # (E, D)
        return F.linear(hidden, second, self.shared.fc2.bias) + gate @ biases

    def _one(self, token: Tensor, routing: Routing) -> Tensor:
        """(1, D) to (1, D): an answer comes token by token, and there is nothing to sort."""
        out = self.shared(token)
        weights = routing.weights.to(out.dtype).unbind(1)
        for expert, weight in zip(routing.experts[0].tolist(), weights, strict=True):
            out = torch.addcmul(out, self.experts[expert](token), weight)
        return out

    def _many(self, tokens: Tensor, routing: Routing) -> Tensor:
        """(T, D) to (T, D), each expert called once on all its tokens."""
        order = routing.experts.flatten().argsort(stable=True)  # (T*k,), grouped by expert
        counts = routing.experts.flatten().bincount(minlength=len(self.experts)).tolist()
        source = order // self.experts_per_token  # the token each row comes from
        rows = tokens.index_select(0, source)  # its gradient is quicker than that of indexing
        chunks = zip(self.experts, rows.split(counts), strict=True)
        routed = torch.cat([expert(chunk) for expert, chunk in chunks if len(chunk)])
        # the inverse of `order`: sorting once more is slower
        places = torch.arange(len(order), device=order.device)
        back = torch.empty_like(order).scatter_(0, order, places)
        routed = routed.index_select(0, back).view(len(tokens), -1, tokens.shape[-1])
        weights = routing.weights[:, None].to(routed.dtype)  # (T, 1, k)
        return torch.baddbmm(self.shared(tokens)[:, None], weights, routed)[:, 0]  # (T, D)


class SequenceRouter(nn.Linear):
    """One logit per expert. At the start every input prefers the copy experts by `COPY_BIAS`."""

    def __init__(self, dim: int, kinds: tuple[str, ...]) -> None:
        self.kinds = kinds
        super().__init__(dim, len(kinds))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        for index, kind in enumerate(self.kinds):
            self.bias[index] = COPY_BIAS if kind == "copy" else 0.0


class FeatureMix(nn.Module):
    """w*x + (1 - w)*project(feature), (w, 1 - w) the softmax of two learned numbers."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.balance = nn.Parameter(torch.empty(2))
        self.project = nn.Linear(dim, dim)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """At the start mostly x, w = 0.73, and a projected feature as large as x."""
        self.balance[0], self.balance[1] = 0.5, -0.5
        nn.init.normal_(self.project.weight, std=self.project.in_features**-0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        keep, take = self.balance.float().softmax(0).to(x.dtype)
        return keep * x + take * self.project(feature.to(x.dtype)).to(x.dtype)


class SequenceMoE(nn.Module):
    """One group of four experts, of which two act on all image tokens of a sample at once.

    Experts (arXiv 2503.08120; ancestry MoE++, arXiv 2410.07348): copy x; zero 0; semantic, face
    and noise w*x + (1 - w)*S(feature), with (w, 1 - w) a softmax of learned logits per expert.
    Our choices: routing reads the mean over image tokens, and text tokens pass through, so that
    text keys and values depend on nothing that changes while a picture is painted.
    No balance loss acts here: that the chosen experts differ from picture to picture is no aim, and
    copies, which there are two of, need no tokens to learn.
    At the start the two copy experts win, which makes the whole level an identity; noise on the
    choice during training lets the others be tried.
    """

    def __init__(self, *, dim: int, kinds: tuple[str, ...], experts_per_sample: int) -> None:
        super().__init__()
        self.kinds, self.experts_per_sample = kinds, experts_per_sample
        self.router = SequenceRouter(dim, kinds)
        mixed = [kind for kind in kinds if kind not in ("copy", "zero")]
        self.mix = nn.ModuleDict({kind: FeatureMix(dim) for kind in mixed})

    def expert(self, kind: str, x: Tensor, features: dict[str, Tensor]) -> Tensor:
        """One expert on (B, N, D)."""
        if kind == "copy":
            return x
        if kind == "zero":
            return torch.zeros_like(x)
        if kind not in features:
            raise ValueError(f"the {kind} expert needs its features; got {sorted(features)}")
        return self.mix[kind](x, features[kind])

    def forward(
        self, x: Tensor, features: dict[str, Tensor], exploration: Exploration | None = None
    ) -> tuple[Tensor, Routing]:
        """(B, N, D) to (B, N, D); `exploration` disturbs the choice, None when not training."""
        logits = self.router(x.mean(1))  # (B, E)
        noise = None if exploration is None else exploration.noise(logits)
        routing = route(logits, self.experts_per_sample, noise)
        if self.training and is_batched(x):  # all of them: to ask which would wait for the answer
            chosen = set(range(len(self.kinds)))
        else:
            chosen = set(routing.experts.flatten().tolist())
        if {self.kinds[index] for index in chosen} == {"copy"} and not torch.is_grad_enabled():
            return x, routing  # as it is, and nothing to learn
        gate = torch.zeros_like(routing.logits).scatter(1, routing.experts, routing.weights)
        gate = gate.to(x.dtype)[..., None, None]  # (B, E, 1, 1)
        out = torch.zeros_like(x)
        for index, kind in enumerate(self.kinds):
            if kind != "zero" and index in chosen:
                out = torch.addcmul(out, gate[:, index], self.expert(kind, x, features))
        return out, routing
