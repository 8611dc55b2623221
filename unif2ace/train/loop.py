"""The training loop that every model here shares: one process or many, resumable at any moment.

Knows no model and no data. An objective is a module whose forward turns a batch into a loss; a
batch is a function of its number, so the position in the data is the step itself and a resumed
run continues exactly. Built on `accelerate`: the same script runs on one CPU and under
`accelerate launch --config_file unif2ace/train/ddp.yaml` (or `fsdp.yaml`).

With P processes a step minimises the mean of P losses, each of its own process's batch: what one
process does that takes the P batches one after the other and averages.
"""

from __future__ import annotations

import dataclasses
import math
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from unif2ace.train.averaging import AveragedWeights, is_sharded, whole
from unif2ace.train.folders import beside, swap_in
from unif2ace.train.log import StepLog

CHECKPOINT = "checkpoint"
LOG = "log.jsonl"

BatchFn = Callable[[int, torch.Generator], Any]
"""(number of the batch, generator) to a batch of CPU tensors, in a tensor, mapping or dataclass.

Batches are numbered over all processes: of P, process p asks for p, P + p, 2P + p, ... The
generator is seeded by run seed and number; a function that draws only from it is resumable."""


Precision = Literal["no", "bf16"]


def fastest_precision() -> Precision:
    """bfloat16 where the machine computes in it; a CPU that only emulates it is 4 times slower."""
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if torch.cuda.is_available() or has_bf16 else "no"


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What a training run needs to know, whatever it trains.

    out: folder for the log, the checkpoint and the sample sheets; a checkpoint there is resumed.
    steps: optimizer steps of the whole run.
    seconds: wall-clock budget over all resumptions; the learning rate then falls with whichever of
        steps and seconds runs out first. None: steps alone.
    batch_size: pictures per process and step.
    workers: processes that make batches ahead, for a GPU that would wait for words and pictures; 0
        makes the next one in a thread.
    """

    out: Path
    steps: int
    batch_size: int
    learning_rate: float
    seconds: float | None = None
    warmup_steps: int = 100
    workers: int = 0
    final_lr_share: float = 0.02
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    max_grad_norm: float = 1.0
    ema_decay: float = 0.999
    mixed_precision: Precision = field(default_factory=fastest_precision)
    seed: int = 0
    log_every: int = 20
    sample_every_seconds: float = 600.0
    checkpoint_every_seconds: float = 120.0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch_size) < 1:
            raise ValueError(f"steps and batch_size must be positive: {self}")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"seconds must be positive, got {self.seconds}")
        if self.workers < 0:
            raise ValueError(f"workers must not be negative, got {self.workers}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), got {self.ema_decay}")


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """steps done and seconds spent over all resumptions; the last mean loss; why it stopped."""

    steps: int
    seconds: float
    loss: float
    stopped_by: Literal["steps", "seconds", "signal"]

    @property
    def is_finished(self) -> bool:
        return self.stopped_by != "signal"


def learning_rate_share(step: int, progress: float, *, warmup_steps: int, final: float) -> float:
    """Share of the peak learning rate: linear warm-up, then half a cosine from 1 to `final`.

    progress: 0..1, share of the run's budget that is spent.
    """
    cosine = final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return cosine * min((step + 1) / max(warmup_steps, 1), 1.0)


def shuffled_indices(num_items: int, start: int, count: int, seed: int) -> Tensor:
    """Items start..start+count-1 of an endless row of shufflings of range(num_items), (count,).

    Each epoch holds every item once; a pure function, so a data position is one number.
    """
    if num_items < 1:
        raise ValueError("no items to draw from; is the data folder empty?")
    found, position = [], start
    while position < start + count:
        epoch, offset = divmod(position, num_items)
        generator = torch.Generator().manual_seed(_mix(seed, epoch))
        take = min(num_items - offset, start + count - position)
        found.append(torch.randperm(num_items, generator=generator)[offset : offset + take])
        position += take
    return torch.cat(found) if found else torch.empty(0, dtype=torch.int64)


def _mix(*numbers: int) -> int:
    """One 63-bit seed of several numbers (Python's own tuple hash: stable for integers)."""
    return hash(numbers) & (2**63 - 1)


@dataclass
class Clock:
    """Where a run stands; saved with the checkpoint."""

    step: int = 0
    seconds: float = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "seconds": self.seconds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.seconds = state["step"], state["seconds"]


def batches_ahead(
    draw: Callable[[int], Any], start: int, steps: int, workers: int
) -> Generator[Any, None, None]:
    """draw(start), ..., draw(steps - 1) in order, made while the ones before are in use."""
    if workers:
        yield from DataLoader(
            range(start, steps),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4,
            collate_fn=draw,
            multiprocessing_context="fork",  # what is drawn from is large, and only read
            generator=torch.Generator(),  # else it draws from the one that dropout draws from
        )
        return
    with ThreadPoolExecutor(1) as thread:
        pending = thread.submit(draw, start)
        for step in range(start, steps):
            batch = pending.result()
            if step + 1 < steps:
                pending = thread.submit(draw, step + 1)
            yield batch


@contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """A list that SIGTERM and SIGINT append to, instead of ending the process.

    Outside the main thread signals cannot be handled; the list then stays empty.
    """
    noted: list[int] = []
    old: dict[int, Any] = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            old[number] = signal.signal(number, lambda received, _: noted.append(received))
    except ValueError:
        pass
    try:
        yield noted
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def save_checkpoint(accelerator: Accelerator, out: Path) -> None:
    """Write out/checkpoint so that an interruption leaves the old one or the new one, whole."""
    fresh = beside(out / CHECKPOINT, ".new")
    accelerator.save_state(str(fresh))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        swap_in(fresh, out / CHECKPOINT)
    accelerator.wait_for_everyone()


def find_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint: `.old` counts if the interruption fell between two renames."""
    for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
        if (out / name).is_dir():
            return out / name
    return None


def _agreed(accelerator: Accelerator, seconds: float, is_stopping: bool) -> tuple[float, bool]:
    """The main process's clock and whether any process was told to stop, the same on all ranks."""
    if accelerator.num_processes == 1:
        return seconds, is_stopping
    mine = torch.tensor([seconds if accelerator.is_main_process else 0.0, float(is_stopping)])
    total = accelerator.reduce(mine.to(accelerator.device), reduction="sum")
    return float(total[0]), bool(total[1] > 0)


def _mean_over_processes(accelerator: Accelerator, loss: Tensor, metrics: Mapping[str, Any]):
    """(loss, metrics) as numbers, the same on all ranks."""
    values = [torch.as_tensor(value).detach() for value in (loss, *metrics.values())]
    if accelerator.num_processes > 1:
        mine = torch.stack([v.detach().float().to(accelerator.device) for v in values])
        values = list(accelerator.reduce(mine, reduction="mean"))
    first, *rest = (float(value) for value in values)
    return first, dict(zip(metrics, rest, strict=True))


def _require_finite(
    accelerator: Accelerator, is_finite: Tensor, step: int, config: TrainConfig
) -> None:
    """Raises ValueError, on all ranks alike, unless `is_finite` holds on every one."""
    share = is_finite.float()
    if accelerator.num_processes > 1:
        share = accelerator.reduce(share, reduction="mean")
    if float(share) < 1:
        raise ValueError(
            f"loss or gradient were not finite by step {step}; go on from the last checkpoint with "
            f"a lower learning rate than {config.learning_rate} or another seed than {config.seed}"
        )


def _prepare_shards(module: nn.Module) -> bool:
    """Whether `module` was sharded; if so, lets experts go unused on some processes alone.

    Raises ValueError when this torch cannot do that: it would hang in the first such step.
    """
    if not any(is_sharded(parameter) for parameter in module.parameters()):
        return False
    if not hasattr(module, "set_reduce_scatter_unused_params"):
        raise ValueError(f"torch {torch.__version__} cannot shard experts: use DDP or a newer one")
    module.set_reduce_scatter_unused_params(True)
    return True


@torch.no_grad()
def _gather_shards(module: nn.Module) -> None:
    """Whole parameters in place of shares, on the CPU; `module` is for saving only after that."""
    for part in list(module.modules()):
        for name, parameter in list(part._parameters.items()):
            if parameter is not None and is_sharded(parameter):
                gathered = whole(parameter).cpu()
                part._parameters[name] = nn.Parameter(gathered, parameter.requires_grad)


def run(
    config: TrainConfig,
    objective: nn.Module,
    batch_fn: BatchFn,
    *,
    on_sample: Callable[[int], None] | None = None,
    learning_rate_scale: Callable[[str], float] = lambda name: 1.0,
) -> TrainResult:
    """Train `objective` in place; on return it holds the averaged weights.

    Args:
        objective: forward(batch, progress) -> (loss, {name: scalar}); progress 0..1 is the share
            of the budget spent. Runs under autocast. Parameters without gradient stay as they are.
        on_sample: called on the main process with the step while the averaged weights are in
            place, now and then and at the end; not under FSDP, where no process has them whole.
        learning_rate_scale: parameter name to a factor on the learning rate.
    Raises: ValueError when loss or gradient is not finite, naming the step; nothing is saved of
        weights that this may have spoilt.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    torch.set_float32_matmul_precision("high")
    accelerator = Accelerator(
        mixed_precision=config.mixed_precision,
        cpu=not torch.cuda.is_available(),
        # Experts that no token chose, and a critic that has not begun, get no gradient.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    optimizer = torch.optim.AdamW(
        _parameter_groups(objective, config, learning_rate_scale), betas=config.betas, fused=True
    )
    module, optimizer = accelerator.prepare(objective, optimizer)
    if is_split := _prepare_shards(module):
        on_sample = None
    averaged, clock = AveragedWeights(module, config.ema_decay), Clock()
    accelerator.register_for_checkpointing(averaged, clock)
    if checkpoint := find_checkpoint(config.out):
        accelerator.load_state(str(checkpoint))
    log = StepLog(config.out / LOG, clock.step) if accelerator.is_main_process else None

    def draw(step: int) -> Any:
        number = step * accelerator.num_processes + accelerator.process_index
        return batch_fn(number, torch.Generator().manual_seed(_mix(config.seed, number)))

    def sample() -> None:
        if on_sample is not None:
            with averaged.applied():
                module.eval()
                if accelerator.is_main_process:
                    on_sample(clock.step)
                module.train()
            accelerator.wait_for_everyone()

    before, started = clock.seconds, time.monotonic()
    last_sample = last_checkpoint = before
    bar = tqdm(
        total=config.steps,
        initial=clock.step,
        disable=not accelerator.is_main_process,
        dynamic_ncols=True,
        mininterval=10,
    )
    stopped_by: Literal["steps", "seconds", "signal"] = "steps"
    loss_value = math.nan
    is_finite = torch.ones((), dtype=torch.bool, device=accelerator.device)
    module.train()
    ahead = batches_ahead(draw, clock.step, config.steps, config.workers)
    with _signals_noted() as signals, closing(ahead):
        while clock.step < config.steps:
            now, is_stopping = _agreed(
                accelerator, before + time.monotonic() - started, bool(signals)
            )
            clock.seconds = now
            if is_stopping or (config.seconds is not None and now >= config.seconds):
                stopped_by = "signal" if is_stopping else "seconds"
                break
            if now - last_checkpoint >= config.checkpoint_every_seconds:
                _require_finite(accelerator, is_finite, clock.step, config)
                save_checkpoint(accelerator, config.out)
                last_checkpoint = now
            if now - last_sample >= config.sample_every_seconds:
                sample()
                last_sample = now

            batch = _to_device(next(ahead), accelerator.device)
            progress = clock.step / config.steps
            if config.seconds is not None:
                progress = max(progress, now / config.seconds)
            share = learning_rate_share(
                clock.step,
                progress,
                warmup_steps=config.warmup_steps,
                final=config.final_lr_share,
            )
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * share
            loss, metrics = module(batch, progress)
            accelerator.backward(loss)
            norm = accelerator.clip_grad_norm_(module.parameters(), config.max_grad_norm)
            if is_split:
                norm = whole(norm)
            is_finite &= loss.detach().isfinite() & norm.isfinite()
            optimizer.step()
            optimizer.zero_grad()
            averaged.update()
            clock.step += 1
            bar.update()
            if clock.step % config.log_every == 0 or clock.step == config.steps:
                loss_value, values = _mean_over_processes(accelerator, loss, metrics)
                _require_finite(accelerator, is_finite, clock.step, config)
                if log is not None:
                    log.write(
                        clock.step,
                        clock.seconds,
                        loss=loss_value,
                        learning_rate_share=share,
                        **values,
                    )
                bar.set_postfix(loss=f"{loss_value:.4f}", refresh=False)
    clock.seconds = _agreed(accelerator, before + time.monotonic() - started, False)[0]
    bar.close()
    _require_finite(accelerator, is_finite, clock.step, config)
    save_checkpoint(accelerator, config.out)
    averaged.copy_to_module()
    if is_split:
        _gather_shards(objective)
    if on_sample is not None and accelerator.is_main_process:
        objective.eval()
        on_sample(clock.step)
    accelerator.wait_for_everyone()
    return TrainResult(
        steps=clock.step, seconds=clock.seconds, loss=loss_value, stopped_by=stopped_by
    )


def _parameter_groups(
    objective: nn.Module, config: TrainConfig, scale: Callable[[str], float]
) -> list[dict[str, Any]]:
    """Groups by learning rate and decay; vectors (norms, biases) are not decayed."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in objective.named_parameters():
        if parameter.requires_grad:
            decay = config.weight_decay if parameter.ndim > 1 else 0.0
            key = (config.learning_rate * scale(name), decay)
            groups.setdefault(key, []).append(parameter)
    if not groups:
        raise ValueError("the objective has no parameter that requires a gradient")
    return [
        {"params": parameters, "lr": rate, "peak_lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]


def _to_device(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {name: _to_device(value, device) for name, value in batch.items()}
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        fields = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}
        return dataclasses.replace(
            batch, **{name: _to_device(value, device) for name, value in fields.items()}
        )
    return batch
