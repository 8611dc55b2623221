"""GPU time on ZeroGPU Spaces: how much a request needs, and the decorator that asks for it.

Import this before torch: `spaces` has to patch it first. Off ZeroGPU the decorator does nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import spaces

from unif2ace.wording import asks_for_detail

if TYPE_CHECKING:  # the module behind it imports torch
    from unif2ace.serving import Request, Result

# Seconds on the GPU, rounded up generously. A visitor is refused when the declared time exceeds
# what is left of the day's quota, so a small honest number serves more people than a large one.
START_SECONDS = 3.0  # moving the weights there, first kernels
STEP_SECONDS = 0.12  # one painting step of one picture, guided, with its preview
MORE_SHARE = 0.25  # what each further picture adds to a step: they are painted side by side
LOOK_SECONDS = 1.5  # looking at a face while it is painted, and at what is painted
ANSWER_SECONDS = 8.0  # the longest answer, token by token
DESCRIBE_SECONDS = 8.0
DETAIL_SECONDS = 20.0
ATTRIBUTES_SECONDS = 2.0
ROUTING_SECONDS = 1.0


def estimate_seconds(request: Request) -> int:
    """Whole seconds of GPU time to declare for a request, at least 4.

    Raises: ValueError for an unknown task.
    """
    more = max(request.num_images - 1, 0)
    steps = STEP_SECONDS * max(request.steps, 1) * (1 + MORE_SHARE * more)
    painting = steps + LOOK_SECONDS * (1 + more)
    work = {
        "generate": painting,
        "edit": painting,
        "answer": DETAIL_SECONDS if asks_for_detail(request.text) else ANSWER_SECONDS,
        "describe": DESCRIBE_SECONDS,
        "attributes": ATTRIBUTES_SECONDS,
        "routing": ROUTING_SECONDS,
    }
    if request.task not in work:
        raise ValueError(f"unknown task {request.task!r}; known: {', '.join(work)}")
    return math.ceil(START_SECONDS + work[request.task])


def gpu(
    function: Callable[[Request], Iterator[Result]],
) -> Callable[[Request], Iterator[Result]]:
    """The generator function itself, or on ZeroGPU one that runs it in a worker with a GPU.

    Requests and results are pickled on the way; exceptions other than `gr.Error` lose their words.
    """
    return spaces.GPU(duration=estimate_seconds)(function)
