"""Several processes train as one does on the same global batch, replicated (DDP) and split (FSDP).

Two processes on the CPU, joined by gloo.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import free_port
from processes import PROCESSES, SECONDS, STEPS, in_one, launch_environment

from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.train.averaging import AveragedWeights, is_sharded, whole

TESTS = Path(__file__).resolve().parent


def losses(out):
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    return [[row[name] for name in ("loss", "masked", "score", "answer")] for row in rows]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    return in_one(out), losses(out)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Folder of both runs in several processes."""
    out = tmp_path_factory.mktemp("together")
    shared = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared |= {"WORLD_SIZE": str(PROCESSES), "LOCAL_WORLD_SIZE": str(PROCESSES)}
    logs = [out / f"{rank}.log" for rank in range(PROCESSES)]
    running = []
    for rank, log in enumerate(logs):
        environment = shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        with log.open("w") as file:
            command = [sys.executable, str(TESTS / "processes.py"), str(out)]
            running.append(subprocess.Popen(command, env=environment, stdout=file, stderr=file))
    try:
        codes = [process.wait(timeout=SECONDS + 60) for process in running]
    finally:
        for process in running:
            process.kill()
    assert codes == [0] * PROCESSES, "\n".join(log.read_text()[-3000:] for log in logs)
    return out


@pytest.mark.parametrize("mode", ["ddp", "fsdp"])
def test_two_processes_stopped_and_resumed_equal_one_on_the_same_global_batch(
    mode, alone, together
):
    weights, expected = alone
    torch.testing.assert_close(
        torch.tensor(losses(together / mode)), torch.tensor(expected), atol=2e-4, rtol=2e-4
    )
    theirs = torch.load(together / mode / "weights.pt")
    assert theirs.keys() == weights.keys()
    gaps = torch.cat([(theirs[n] - weights[n]).abs().flatten() for n in weights])
    # AdamW takes whole steps on gradients that are rounding alone; those are few
    assert gaps.max() < 0.01 and gaps.mean() < 1e-5


def test_launch_files_say_what_accelerate_understands():
    ddp, fsdp = launch_environment("ddp"), launch_environment("fsdp")
    assert "ACCELERATE_USE_FSDP" not in ddp
    assert fsdp["ACCELERATE_USE_FSDP"] == "true" and fsdp["FSDP_VERSION"] == "2"
    wrapped = fsdp["FSDP_TRANSFORMER_CLS_TO_WRAP"].split(",")
    assert tuple(wrapped) == UniF2aceForConditionalGeneration._no_split_modules
    assert ddp["ACCELERATE_MIXED_PRECISION"] == fsdp["ACCELERATE_MIXED_PRECISION"] == "bf16"


def test_nothing_is_sharded_in_one():
    module = torch.nn.Linear(2, 2)
    assert not is_sharded(module.weight) and whole(module.weight) is module.weight
    assert not any(map(is_sharded, AveragedWeights(module, 0.9).state_dict()["averages"]))
