import io
import multiprocessing
import pickle
import subprocess
import sys

import numpy as np
import pytest
import spaces
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny import tiny_model, tiny_tokenizer

from unif2ace.pipeline import UniF2acePipeline
from unif2ace.serving import Finished, Observed, Painted, Painting, Request, Said, serve
from unif2ace.zerogpu import STEP_SECONDS, estimate_seconds, gpu

TASKS = st.sampled_from(["generate", "edit", "answer", "describe", "attributes", "routing"])
DAILY_SECONDS = 120  # of a visitor who is not signed in
PICTURE = Image.new("RGB", (8, 8), "red")


@given(TASKS, st.integers(1, 64), st.integers(1, 4))
def test_declared_seconds_are_whole_and_leave_room_for_several_visits(task, steps, pictures):
    seconds = estimate_seconds(Request(task=task, steps=steps, num_images=pictures))
    assert isinstance(seconds, int) and 4 <= seconds <= DAILY_SECONDS / 5


@given(st.integers(1, 500), st.integers(0, 500))
def test_more_steps_never_declare_less(steps, more):
    few = estimate_seconds(Request(task="generate", steps=steps))
    many = estimate_seconds(Request(task="generate", steps=steps + more))
    assert few <= many and many >= STEP_SECONDS * (steps + more)


@given(st.integers(1, 64), st.integers(1, 3))
def test_more_pictures_declare_more_but_less_than_one_by_one(steps, pictures):
    one, few, more = (
        estimate_seconds(Request(task="generate", steps=steps, num_images=count))
        for count in (1, pictures, pictures + 1)
    )
    assert few <= more <= one * (pictures + 1)


def test_full_detail_is_given_its_time_however_it_is_typed():
    plain, typed, other = (
        estimate_seconds(Request(task="answer", text=text))
        for text in (
            "Describe this face in full detail.",
            "describe THIS  face in full detail",
            "?",
        )
    )
    assert plain == typed > other


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
        Finished(
            faces=(
                Painted(
                    image=PICTURE,
                    settings={"seed": 1},
                    asked={"hair_color": ("red",)},
                    agreement={"hair_color": 0.5},
                    chosen={"age": "old"},
                ),
            )
        ),
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


class WithoutTensors(pickle.Pickler):
    """Refuses what would carry memory of the GPU out of the worker."""

    def reducer_override(self, thing):
        assert not isinstance(thing, (torch.Tensor, torch.Generator)), type(thing)
        return NotImplemented


def in_worker(connection, pipeline, request):
    """As on ZeroGPU: arguments and every result cross the border of a forked process."""
    for result in serve(pipeline, pickle.loads(request)):
        file = io.BytesIO()
        WithoutTensors(file).dump(result)
        connection.send_bytes(file.getvalue())
    connection.close()


@pytest.mark.parametrize(
    "request_",
    [
        Request(task="generate", text="an old man", seed=1, steps=2, num_images=2),
        Request(task="edit", text="red hair", image=PICTURE, region="face", seed=1, steps=2),
        Request(task="answer", text="Are there glasses?", image=PICTURE),
        Request(task="describe", image=PICTURE),
        Request(task="attributes", text="glasses, hat", image=PICTURE),
        Request(task="routing", image=PICTURE),
    ],
    ids=lambda request: request.task,
)
def test_a_forked_worker_gives_what_this_process_gives(request_):
    torch.set_num_threads(1)  # threads do not survive a fork
    pipeline = UniF2acePipeline(tiny_model(), tiny_tokenizer())
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    arguments = (sender, pipeline, pickle.dumps(request_))
    worker = fork.Process(target=in_worker, args=arguments, daemon=True)
    worker.start()
    sender.close()
    results = []
    while receiver.poll(120):
        try:
            results.append(pickle.loads(receiver.recv_bytes()))
        except EOFError:
            break
    worker.join(60)
    assert worker.exitcode == 0
    here = list(serve(pipeline, request_))
    assert [pickle.dumps(result) for result in results] == [
        pickle.dumps(pickle.loads(pickle.dumps(result))) for result in here
    ]
