"""One process of several that train a tiny model, replicated, then split: `processes.py OUT`.

Also imported by the test, which does the same work in one process.
"""

import faulthandler
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.state import AcceleratorState, DistributedType
from accelerate.utils.launch import prepare_multi_gpu_env
from tiny import tiny_config
from torch import nn
from torch.distributed.fsdp import FSDPModule

from unif2ace.config import MoEConfig
from unif2ace.model import ImageFeatures, UniF2aceForConditionalGeneration
from unif2ace.prompting import Turn, prompt_ids, text_batch, turns_batch
from unif2ace.train.loop import TrainConfig, run
from unif2ace.train.objective import generation_loss, understanding_loss
from unif2ace.train.sequences import GenerationSample, UnderstandingSample

PROCESSES, STEPS, ROWS = 2, 3, 2
SECONDS = 600  # a busy machine starves them; they need a few seconds
LAUNCH = Path(__file__).resolve().parents[1] / "unif2ace" / "train"

# The balance loss is a product of two means over tokens, so it depends on who sees which tokens.
CONFIG = tiny_config(
    hidden_size=32,
    num_layers=1,
    moe=MoEConfig(
        num_experts=12,  # so many that most are used by one process alone, or by none
        expert_dim=8,
        shared_expert_dim=8,
        resampler_dim=8,
        resampler_heads=1,
        balance_weight=0.0,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Batch:
    generation: GenerationSample
    understanding: UnderstandingSample


class Objective(nn.Module):
    """Painting and answering; may ask its own process to stop at one of its calls."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model = UniF2aceForConditionalGeneration(CONFIG)
        self.stop_at, self.calls = stop_at, 0

    def forward(self, batch, progress):
        self.calls += 1
        if self.calls == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        painting = generation_loss(self.model, batch.generation)
        reading = understanding_loss(self.model, batch.understanding)
        return painting.total + reading.total, painting.parts | reading.parts


def batch_of(numbers):
    """The rows of several batches in one: equally many masked codes and answer tokens in each."""
    codes, times, prompts, turns, semantic, face = [], [], [], [], [], []
    for number in numbers:
        generator = torch.Generator().manual_seed(number)

        def integers(high, *shape, generator=generator):
            return torch.randint(0, high, shape, generator=generator)

        codes.append(integers(CONFIG.vq.codebook_size, ROWS, CONFIG.num_image_tokens))
        times.append(torch.rand(ROWS, generator=generator))
        semantic.append(torch.randn(ROWS, 4, CONFIG.encoders.semantic_dim, generator=generator))
        face.append(torch.randn(ROWS, 2, CONFIG.encoders.face_dim, generator=generator))
        for _ in range(ROWS):
            prompts.append(prompt_ids(integers(CONFIG.text_vocab_size, 3).tolist(), CONFIG))
            question, answer = (integers(CONFIG.text_vocab_size, n).tolist() for n in (3, 2))
            turns.append([Turn(question=question, answer=answer)])
    clean = torch.cat(codes)
    is_masked = torch.tensor([True, False, True, False]).expand_as(clean)
    return Batch(
        generation=GenerationSample(
            texts=text_batch(prompts, CONFIG),
            codes=clean,
            is_masked=is_masked,
            times=torch.cat(times).clamp(0.1, 0.9),
            weights=torch.ones(clean.shape),
        ),
        understanding=UnderstandingSample(
            codes=clean,
            features=ImageFeatures(semantic=torch.cat(semantic), face=torch.cat(face)),
            turns=turns_batch(turns, clean.shape[1], CONFIG, clean[:, : CONFIG.num_told_words]),
            plans=clean[:, : CONFIG.num_image_tokens] % CONFIG.text_vocab_size,
        ),
    )


def train(out, draw, stop_at=None):
    """The objective after the run, or after it was stopped."""
    objective = Objective(stop_at)
    config = TrainConfig(
        out=out,
        steps=STEPS,
        batch_size=ROWS,
        learning_rate=1e-3,
        warmup_steps=1,
        ema_decay=0.5,
        mixed_precision="no",
        log_every=1,
    )
    result = run(config, objective, draw)
    assert result.is_finished == (stop_at is None)
    return objective


def launch_environment(name):
    """What `accelerate launch --config_file unif2ace/train/NAME.yaml` tells its processes."""
    arguments = ["--config_file", str(LAUNCH / f"{name}.yaml"), "script.py"]
    parsed = launch_command_parser().parse_args(arguments)
    environment = prepare_multi_gpu_env(_validate_launch_command(parsed)[0])
    return {n: v for n, v in environment.items() if n.startswith(("ACCELERATE", "FSDP"))}


def in_several(mode, out, rank):
    """This process's part of a run that is stopped by one process and then resumed by all."""
    os.environ |= launch_environment(mode)
    if mode == "fsdp":
        # accelerate shards on accelerators alone: here the CPU passes for one
        assert PartialState(cpu=True).num_processes == PROCESSES
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_XPU

    def draw(number, generator):
        return batch_of([number])

    train(out, draw, stop_at=2 if rank == 1 else 10**9)
    objective = train(out, draw)
    assert isinstance(objective, FSDPModule) == (mode == "fsdp")
    if rank == 0:
        torch.save(objective.model.state_dict(), out / "weights.pt")
    AcceleratorState._reset_state(reset_partial_state=True)


def in_one(out):
    """The same run on the same global batches."""

    def draw(number, generator):
        return batch_of(range(PROCESSES * number, PROCESSES * (number + 1)))

    return train(out, draw).model.state_dict()


if __name__ == "__main__":
    faulthandler.dump_traceback_later(SECONDS, exit=True)  # a process that waits in vain says where
    for mode in ("ddp", "fsdp"):
        in_several(mode, Path(sys.argv[1]) / mode, int(os.environ["RANK"]))
    torch.distributed.destroy_process_group()
