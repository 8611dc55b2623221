import pickle
import subprocess
import sys

import numpy as np
import pytest
import spaces
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unif2ace.serving import Observed, Painted, Painting, Request, Said
from unif2ace.zerogpu import STEP_SECONDS, estimate_seconds, gpu

TASKS = st.sampled_from(["generate", "answer", "describe", "attributes"])
DAILY_SECONDS = 120  # of a visitor who is not signed in
PICTURE = Image.new("RGB", (8, 8), "red")


@given(TASKS, st.integers(1, 64))
def test_declared_seconds_are_whole_and_leave_room_for_several_visits(task, steps):
    seconds = estimate_seconds(Request(task=task, steps=steps))
    assert isinstance(seconds, int) and 4 <= seconds <= DAILY_SECONDS / 8


@given(st.integers(1, 500), st.integers(0, 500))
def test_more_steps_never_declare_less(steps, more):
    few = estimate_seconds(Request(task="generate", steps=steps))
    many = estimate_seconds(Request(task="generate", steps=steps + more))
    assert few <= many and many >= STEP_SECONDS * (steps + more)


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="'dream'"):
        estimate_seconds(Request(task="dream"))


def test_off_zerogpu_the_decorator_is_nothing():
    def serve(request):
        yield request

    assert gpu(serve) is serve


def test_the_decorator_asks_for_the_estimated_time(monkeypatch):
    asked = {}

    def fake(**options):
        asked.update(options)
        return lambda function: function

    monkeypatch.setattr(spaces, "GPU", fake)
    gpu(lambda request: iter([]))
    assert asked["duration"] is estimate_seconds


@pytest.mark.parametrize(
    "message",
    [
        Request(task="answer", text="Is it red?", image=PICTURE),
        Painting(preview=PICTURE, is_masked=np.eye(2, dtype=bool), step=1, num_steps=2),
        Painted(image=PICTURE, settings={"seed": 1}, agreement={"hair_color": 0.5}),
        Said(text="Yes."),
        Observed(table={"glasses": {"none": 1.0}}),
    ],
)
def test_what_goes_to_the_worker_and_back_can_be_pickled(message):
    again = pickle.loads(pickle.dumps(message))
    assert type(again) is type(message)
    for name, value in vars(message).items():
        other = getattr(again, name)
        assert np.array_equal(value, other) if isinstance(value, np.ndarray) else value == other


def test_spaces_is_imported_before_torch():
    code = (
        "import sys, unif2ace.zerogpu\n"
        "assert 'spaces' in sys.modules\n"
        "assert 'torch' not in sys.modules, 'torch came first'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
