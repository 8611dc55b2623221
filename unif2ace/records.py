"""What goes into painting and reading a face and what comes out, with every setting's range."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unif2ace.layers import KeyValues
from unif2ace.model import ImageFeatures
from unif2ace.plan import Plan
from unif2ace.sampler import LogitsFn

MAX_SEED = 2**31 - 1
PERHAPS, MOST_OTHERS = 0.02, 2
"""From which probability on, and how many, other attributes are told that a question may be about.
Our choice: wrongly understood questions are told apart from others by such doubts."""
DEFAULT_STEPS = 12
"""The frontier is flat from 8 steps on (`evaluate frontier`; its table is in the README): codes are
averaged before they are decoded, which forgives a hasty draw. More steps cost time and gain nothing
that was measured."""
DEFAULT_GUIDANCE = 3.0
DEFAULT_STEERING = 3.0
"""How much each look at the unfinished face counts, see `steering.Steering`; at 0 none is taken."""
PULL_LIMIT = 9.0
"""Of `steering.Steering`, in nats for each unit by which what a code stands for differs."""
DEFAULT_TEMPERATURE = 0.5
PLAN_TEMPERATURE = 0.5
"""Of what a prompt leaves open, but for `priors.WHO` and `plan.UNTEMPERED`: a face that nobody
described further is rather an ordinary one."""
DEFAULT_CHOICE_TEMPERATURE = 1.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Allowed ranges of user settings, both ends included."""

    steps: tuple[int, int] = (1, 64)
    guidance: tuple[float, float] = (1.0, 10.0)
    steering: tuple[float, float] = (0.0, 10.0)
    num_images: tuple[int, int] = (1, 4)
    seed: tuple[int, int] = (0, MAX_SEED)
    max_prompt_chars: int = 1000
    max_question_chars: int = 300

    def draw_seed(self) -> int:
        """A random one with which as many pictures as may be asked for can be painted."""
        low, high = self.seed
        return random.SystemRandom().randint(low, high - self.num_images[1] + 1)


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """Everything, with the checkpoint, that fixes one generated picture."""

    prompt: str
    seed: int
    steps: int
    guidance: float
    steering: float
    checkpoint: str


@dataclass(frozen=True, kw_only=True)
class EditSettings(GenerationSettings):
    """Everything, with the checkpoint, the edited picture and a drawn mask, that fixes an edit."""

    region: str  # its name, or "mask"


@dataclass(frozen=True, kw_only=True)
class GeneratedFace:
    """One painted face: picture, its seed, its codes (N,), all settings, and what was planned.

    The picture shows `sampler.posterior_means` of the codes, not the codes as they were drawn; one
    that was edited shows the original where that was kept.
    """

    image: Image.Image
    seed: int
    codes: tuple[int, ...]
    settings: GenerationSettings
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class GenerationStep:
    """One painting step of the first picture; `faces` is filled on the last step only."""

    preview: Image.Image
    is_masked: np.ndarray  # (grid, grid) bool
    step: int
    num_steps: int
    seed: int
    plan: Plan
    faces: tuple[GeneratedFace, ...] = ()

    @property
    def face(self) -> GeneratedFace | None:
        return self.faces[0] if self.faces else None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the model said, how many tokens that took, and which attribute it took it to be about.

    topic: None for several at once, for the whole face, for what no face tells, and of checkpoints
        that do not tell.
    others: up to `MOST_OTHERS` attributes that it may be about as well, the likeliest first.
    """

    text: str
    num_tokens: int
    topic: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as the transformer takes it in: codes (1, N) and frozen features.

    read: attribute to the logits (1, number of values) that the face encoder reads.
    """

    codes: Tensor
    features: ImageFeatures
    read: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class PaintingJob:
    """codes (n, N), masked where to paint; prompt ids; `shown`: the plan to keep, see `edit`.

    is_told: whether the decoder hears the plan. original: the picture that is edited, as large as
    those that are painted; None where nothing of one is kept.
    """

    codes: Tensor
    prompt: list[int]
    settings: GenerationSettings
    shown: Sequence[int] = ()
    is_told: bool = True
    original: Image.Image | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How an answer begins: its topic and others, as of `Answer`, logits (V,) of its first token
    and of each one after.

    cache: keys and values of all before the answer; `next_logits` adds to them. told: ids (1, W) of
    what the picture's places say. seen: that as {attribute: value}. asked: the values of the topic
    that a yes hangs on, none where the question was not understood to be for yes or no.
    """

    topic: str | None
    first_logits: Tensor
    next_logits: LogitsFn
    others: tuple[str, ...] = ()
    cache: KeyValues = field(default_factory=KeyValues)
    told: Tensor = field(default_factory=lambda: torch.zeros(1, 0, dtype=torch.long))
    seen: Mapping[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
