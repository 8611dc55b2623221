"""Laws of the shared training loop: interruption changes nothing, budgets hold."""

import json
import math
import os
import signal
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from unif2ace.train.averaging import AveragedWeights
from unif2ace.train.loop import (
    TrainConfig,
    batches_ahead,
    find_checkpoint,
    learning_rate_share,
    run,
    shuffled_indices,
)


def config(out, **changes):
    sizes = {"steps": 12, "batch_size": 4, "learning_rate": 0.05, "warmup_steps": 3}
    sizes |= {"mixed_precision": "no", "log_every": 1, "seed": 5}
    return TrainConfig(out=out, **(sizes | changes))


class Fit(nn.Module):
    """Learn y = 2x; can stop itself with a signal, and remembers the progress it was told."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)
        self.interrupt_at, self.told = interrupt_at, []

    def forward(self, batch, progress):
        self.told.append(progress)
        if len(self.told) == self.interrupt_at:
            os.kill(os.getpid(), signal.SIGTERM)
        loss = (self.line(batch) - 2 * batch).square().mean()
        return loss, {"weight": self.line.weight.detach()[0, 0]}


class Forgetful(Fit):
    """`Fit` with dropout, which draws from torch's own generator."""

    def forward(self, batch, progress):
        return super().forward(nn.functional.dropout(batch, 0.5), progress)


def draw(number, generator):
    return torch.randn(4, 1, generator=generator)


def logged(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_made_ahead_come_in_order_each_once(workers):
    found = list(batches_ahead(lambda step: {"square": torch.tensor(step**2)}, 2, 9, workers))
    assert [int(batch["square"]) for batch in found] == [step**2 for step in range(2, 9)]


def test_processes_that_make_batches_change_nothing(tmp_path):
    one, many = Forgetful(), Forgetful()
    torch.manual_seed(0)
    run(config(tmp_path / "a"), one, draw)
    torch.manual_seed(0)
    run(config(tmp_path / "b", workers=2), many, draw)
    assert torch.equal(one.line.weight, many.line.weight)
    with pytest.raises(ValueError, match="workers must not be negative, got -1"):
        config(tmp_path, workers=-1)


def test_a_run_that_was_stopped_by_a_signal_ends_as_if_it_had_not(tmp_path):
    straight, stopped, resumed = Fit(), Fit(interrupt_at=5), Fit()
    run(config(tmp_path / "a"), straight, draw)
    result = run(config(tmp_path / "b"), stopped, draw)
    assert (result.steps, result.stopped_by, result.is_finished) == (5, "signal", False)
    result = run(config(tmp_path / "b"), resumed, draw)
    assert (result.steps, result.stopped_by, result.is_finished) == (12, "steps", True)
    assert len(resumed.told) == 7
    assert torch.equal(straight.line.weight, resumed.line.weight)
    assert torch.equal(straight.line.bias, resumed.line.bias)
    fields = ("step", "loss", "weight", "learning_rate_share")
    rows = [[tuple(r[f] for f in fields) for r in logged(tmp_path / x)] for x in "ab"]
    assert rows[0] == rows[1] and [r[0] for r in rows[0]] == list(range(1, 13))


def test_a_finished_run_does_nothing_when_asked_again(tmp_path):
    first, again = Fit(), Fit()
    run(config(tmp_path), first, draw)
    result = run(config(tmp_path), again, draw)
    assert result.steps == 12 and again.told == []
    assert torch.equal(first.line.weight, again.line.weight)


def test_training_ends_on_the_averaged_weights(tmp_path):
    plain, averaged = Fit(), Fit()
    run(config(tmp_path / "a", ema_decay=0.0), plain, draw)
    run(config(tmp_path / "b", ema_decay=0.9), averaged, draw)
    seen = [row["weight"] for row in logged(tmp_path / "b")]
    assert plain.line.weight.item() == pytest.approx(2, abs=2) and seen[-1] > seen[0]
    assert averaged.line.weight.item() < plain.line.weight.item()  # lags behind a rising weight


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.floats(0, 0.99))
def test_averaged_weights_are_the_recurrence(values, decay):
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    averaged, expected = AveragedWeights(module, decay), 0.0
    for n, value in enumerate(values):
        nn.init.constant_(module.weight, value)
        averaged.update()
        share = min(decay, (1 + n) / (10 + n))
        expected = share * expected + (1 - share) * value
    with averaged.applied():
        assert module.weight.item() == pytest.approx(expected, abs=1e-5)
    assert module.weight.item() == pytest.approx(values[-1])


def test_samples_see_the_average_and_training_goes_on_without_it(tmp_path):
    seen, model = [], Fit()
    run(
        config(tmp_path / "a", sample_every_seconds=0.0, ema_decay=0.9),
        model,
        draw,
        on_sample=lambda step: seen.append((step, model.line.weight.item())),
    )
    undisturbed = Fit()
    run(config(tmp_path / "b", ema_decay=0.9), undisturbed, draw)
    assert torch.equal(model.line.weight, undisturbed.line.weight)
    assert [step for step, _ in seen] == [*range(12), 12]
    assert seen[-1][1] == model.line.weight.item()


def test_a_time_budget_ends_the_run_and_is_what_progress_counts(tmp_path):
    model = Fit()
    result = run(config(tmp_path, steps=10**9, seconds=0.5), model, draw)
    assert result.stopped_by == "seconds" and 0.5 <= result.seconds < 20
    assert 0 < result.steps == len(model.told)
    assert model.told == sorted(model.told) and 0.5 < model.told[-1] < 1
    spent = run(config(tmp_path, steps=10**9, seconds=0.5), Fit(), draw)
    assert spent.steps == result.steps  # the budget counts over resumptions


def test_a_checkpoint_survives_an_interruption_between_the_renames(tmp_path):
    run(config(tmp_path, steps=6), Fit(), draw)
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint"
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint.old"
    assert run(config(tmp_path, steps=6), Fit(), draw).steps == 6
    assert find_checkpoint(tmp_path / "nothing") is None


def test_half_written_checkpoints_are_ignored(tmp_path):
    (tmp_path / "checkpoint.new").mkdir()
    (tmp_path / "checkpoint.new" / "rubbish").write_text("half")
    assert find_checkpoint(tmp_path) is None
    assert run(config(tmp_path), Fit(), draw).steps == 12


def test_a_cut_log_line_is_dropped_on_resumption(tmp_path):
    run(config(tmp_path, steps=12), Fit(interrupt_at=4), draw)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 9, "loss": 1}\n{"step": 1')
    run(config(tmp_path, steps=12), Fit(), draw)
    assert [row["step"] for row in logged(tmp_path)] == list(range(1, 13))


def test_a_loss_that_is_not_finite_stops_with_its_step(tmp_path):
    def spoilt(number, generator):
        return draw(number, generator) * (math.nan if number == 7 else 1)

    with pytest.raises(ValueError, match="step 8"):
        run(config(tmp_path), Fit(), spoilt)


@pytest.mark.parametrize("stop", ["log", "checkpoint", "seconds"])
def test_nothing_is_saved_of_weights_that_are_not_finite(tmp_path, stop):
    """A run that met a number that is none goes on from before it, whenever that came out."""
    often = {
        "log": {"log_every": 1},
        "checkpoint": {"log_every": 99, "checkpoint_every_seconds": 0.0},
        "seconds": {"log_every": 99, "seconds": 0.5, "steps": 10**6},
    }[stop]
    run(config(tmp_path, steps=4), Fit(), draw)
    with pytest.raises(ValueError, match="not finite by step"):
        run(
            config(tmp_path, **{"steps": 12, **often}),
            Fit(),
            lambda number, generator: draw(number, generator) * (math.nan if number == 7 else 1),
        )
    model = Fit()
    result = run(config(tmp_path, steps=12), model, draw)
    assert result.steps == 12 and math.isfinite(result.loss)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_frozen_parameters_stay_and_scaled_ones_learn_slower(tmp_path):
    def change(out, **options):
        model = Fit()
        model.line.bias.requires_grad_("bias" not in options.pop("frozen", ""))
        run(config(tmp_path / out, warmup_steps=1, ema_decay=0.0, steps=1), model, draw, **options)
        return model.line.weight.item(), model.line.bias.item()

    full = change("a")
    assert change("b", frozen="bias")[1] == 0 != full[1]
    scaled = change("c", learning_rate_scale=lambda name: 0.1 if "weight" in name else 1.0)
    assert scaled[0] == pytest.approx(0.1 * full[0], rel=1e-3) and scaled[1] == full[1]


def test_an_objective_without_parameters_is_refused(tmp_path):
    model = Fit()
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="gradient"):
        run(config(tmp_path), model, draw)


@given(st.integers(1, 50), st.integers(0, 300), st.integers(0, 120), st.integers(0, 9))
def test_a_slice_of_the_shufflings_is_the_slice_of_the_whole(num_items, start, count, seed):
    whole = shuffled_indices(num_items, 0, start + count, seed)
    assert torch.equal(shuffled_indices(num_items, start, count, seed), whole[start:])


@given(st.integers(1, 50), st.integers(0, 5), st.integers(0, 9))
def test_every_epoch_holds_every_item_once(num_items, epoch, seed):
    items = shuffled_indices(num_items, epoch * num_items, num_items, seed)
    assert sorted(items.tolist()) == list(range(num_items))


def test_epochs_and_seeds_differ():
    assert not torch.equal(shuffled_indices(50, 0, 50, 0), shuffled_indices(50, 50, 50, 0))
    assert not torch.equal(shuffled_indices(50, 0, 50, 0), shuffled_indices(50, 0, 50, 1))


def test_learning_rate_rises_to_the_peak_and_falls_to_the_final_share():
    shares = [learning_rate_share(s, s / 100, warmup_steps=10, final=0.1) for s in range(101)]
    assert shares[0] == pytest.approx(0.1, rel=0.01) and shares[100] == pytest.approx(0.1)
    assert shares.index(max(shares)) == 9
    assert shares[9:] == sorted(shares[9:], reverse=True)
    middle = learning_rate_share(99, 0.5, warmup_steps=10, final=0.1)
    assert middle == pytest.approx(0.55)  # halfway between 1 and 0.1


@pytest.mark.parametrize(
    "change", [{"steps": 0}, {"batch_size": 0}, {"seconds": 0.0}, {"ema_decay": 1.0}]
)
def test_impossible_settings_are_refused(change, tmp_path):
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(config(tmp_path), **change)
