"""The ablation: arms differ in what they say, runs resume, the report is arithmetic."""

import json
from dataclasses import replace

import pytest
import torch
from test_evaluate_model import numbered_renders
from test_train_transformer import checkpoint, features  # noqa: F401 (fixtures)
from tiny import tiny_config

from unif2ace.config import UniF2aceConfig
from unif2ace.evaluate.arms import (
    EXPERT_ARMS,
    LOSS_ARMS,
    LOSSES,
    METRICS,
    PAPER,
    Arm,
    ablation_tables,
    arms,
    gather,
    verdict,
)
from unif2ace.evaluate.judge import Judge, JudgeNetwork
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.moe import Exploration, SequenceMoE, TokenMoE
from unif2ace.train import ablation, transformer
from unif2ace.train.ablation import (
    Plan,
    ablate,
    affordable_steps,
    arm_config,
    copy_only,
    main,
)

PLAIN = Arm(loss="mask-only", experts="none")


def test_the_papers_two_tables_share_an_arm_and_the_cross_has_all():
    assert len(arms(cross=False)) == len(LOSS_ARMS) + len(EXPERT_ARMS) - 1 == 8
    assert set(arms(cross=False)) < set(arms(cross=True)) and len(arms(cross=True)) == 20
    with pytest.raises(ValueError, match="unknown arm"):
        Arm(loss="mse", experts="both")


@pytest.mark.parametrize("arm", arms(cross=True), ids=lambda arm: arm.name)
def test_an_arm_changes_what_it_says_and_no_active_width(arm):
    base = tiny_config()
    config = arm_config(base, arm)
    assert (config.masked_weight, config.score_weight) == LOSSES[arm.loss]
    changed = {k for k, v in config.to_dict().items() if v != base.to_dict()[k]}
    assert changed <= {"masked_weight", "score_weight", "moe"}

    def active(moe):
        return moe.shared_expert_dim + moe.experts_per_token * moe.expert_dim

    assert active(config.moe) == active(base.moe)
    assert (config.moe == base.moe) == (arm.experts in ("token", "both"))


def test_without_token_experts_a_layer_is_one_dense_feed_forward():
    moe = arm_config(tiny_config(), PLAIN).moe
    layer = TokenMoE(
        dim=8,
        num_experts=moe.num_experts,
        experts_per_token=moe.experts_per_token,
        expert_dim=moe.expert_dim,
        shared_dim=moe.shared_expert_dim,
    ).double()
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    shared, other = layer.shared, layer.experts[0]
    fc1 = torch.cat([shared.fc1.weight, other.fc1.weight])
    hidden = x @ fc1.T + torch.cat([shared.fc1.bias, other.fc1.bias])
    hidden = torch.nn.functional.gelu(hidden, approximate="tanh")
    dense = hidden @ torch.cat([shared.fc2.weight, other.fc2.weight], dim=1).T
    torch.testing.assert_close(layer(x)[0], dense + shared.fc2.bias + other.fc2.bias)


def test_copy_only_is_the_identity_under_noise_and_gives_the_router_no_way_out():
    torch.manual_seed(0)
    model = UniF2aceForConditionalGeneration(tiny_config())
    copy_only(model)
    levels = [m for m in model.modules() if isinstance(m, SequenceMoE)]
    assert len(levels) == 2 * model.config.num_layers
    x = torch.randn(3, 4, model.config.hidden_size)
    for level in levels:
        exploration = Exploration(1.0, torch.Generator().manual_seed(0))
        out, _ = level(x, {}, exploration)
        torch.testing.assert_close(out, x)
        (gradient,) = torch.autograd.grad(out.square().sum(), level.router.bias)
        others = [i for i, kind in enumerate(level.kinds) if kind != "copy"]
        assert not gradient[others].any()
    one = UniF2aceForConditionalGeneration(
        tiny_config(moe=replace(tiny_config().moe, sequence_experts_per_sample=1))
    )
    with pytest.raises(ValueError, match="2 copies cannot fill"):
        copy_only(one)


def run_of(arm, seed, agreement, distance=5.0, accuracy=0.5):
    values = dict(zip(METRICS, (agreement, distance, accuracy), strict=True))
    return {"loss": arm.loss, "experts": arm.experts, "seed": seed, "parameters": 7, **values}


def test_spread_and_verdicts_by_hand():
    other, third = LOSS_ARMS[0], EXPERT_ARMS[0]
    gathered = gather(
        [
            run_of(PAPER, 0, 0.6, distance=4.0),
            run_of(PAPER, 1, 0.7, distance=4.5),
            run_of(other, 0, 0.5, distance=3.0),
            run_of(other, 1, 0.5, distance=3.0),
            run_of(third, 0, 0.6),
            run_of(third, 1, 0.6),
            run_of(EXPERT_ARMS[1], 0, 0.1),
        ]
    )
    row = gathered[PAPER.name]["agreement"]
    assert row["mean"] == pytest.approx(0.65) and row["spread"] == pytest.approx(0.1)
    assert verdict(gathered, other, "agreement") == "agrees"
    assert verdict(gathered, other, "feature_distance") == "disagrees"  # less is better
    assert verdict(gathered, third, "agreement") == "too close"
    assert verdict(gathered, EXPERT_ARMS[1], "agreement") == "one seed"
    text = ablation_tables({"budget": a_plan("nowhere").budget(), "arms": gathered})
    assert "2 steps of 2 faces to paint" in text
    assert "65.0 ± 5.0" in text and "4.2 ± 0.2" in text
    assert f"| {other.name} | agrees | disagrees | too close |" in text


def a_plan(out, **changes):
    settings = dict.fromkeys(("checkpoint", "features", "faces", "judge", "out"), out)
    settings |= {"steps": 2, "batch_size": 2, "understanding_batch_size": 2}
    settings |= {"questions_per_face": 1, "count": 2, "questions": 1, "painting_steps": 1}
    return Plan(**(settings | changes))


@pytest.fixture
def plan(checkpoint, features, tmp_path, monkeypatch):  # noqa: F811
    """A tiny plan; no file of renders or of a judge is read, and no sheet is painted."""
    torch.manual_seed(0)
    judge = Judge(JudgeNetwork())
    monkeypatch.setattr(ablation.Judge, "load", lambda folder: judge)
    monkeypatch.setattr(transformer, "sample_sheet", lambda *arguments: None)  # tested elsewhere
    monkeypatch.setattr(ablation, "read_faces", lambda *_, limit: numbered_renders(limit))
    return a_plan(tmp_path / "out", checkpoint=checkpoint, features=features)


def test_two_arms_run_resume_and_report(plan, checkpoint, tmp_path, monkeypatch):  # noqa: F811
    written, trained = tmp_path / "measured" / "ablation.json", []
    whole = ablation.train

    def interrupted(start, *rest):
        trained.append(start)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return whole(start, *rest)

    monkeypatch.setattr(ablation, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ablate(plan, [PAPER, PLAIN], [0], written)
    assert json.loads(written.read_text())["arms"].keys() == {PAPER.name}
    assert ablate(plan, [PAPER, PLAIN], [0], written)
    assert len(trained) == 3 and trained[1] == trained[2]  # the first arm was not run again
    report = json.loads(written.read_text())
    assert report["arms"].keys() == {PAPER.name, PLAIN.name}
    for run in report["runs"]:
        assert run["steps"] == 2 and 0 <= run["agreement"] <= 1 and run["feature_distance"] > 0
    assert PLAIN.name in ablation_tables(report)
    model = UniF2aceForConditionalGeneration.from_pretrained(
        plan.out / PLAIN.name / "seed-0" / "run" / "model"
    )
    base = UniF2aceForConditionalGeneration.from_pretrained(checkpoint)
    for name in ablation.FROZEN:
        kept, given = (m.get_submodule(name).state_dict() for m in (model, base))
        assert all(torch.equal(kept[key], given[key]) for key in given)
    assert report["arms"][PLAIN.name]["parameters"] == sum(
        p.numel() for n, p in model.named_parameters() if not n.startswith(ablation.FROZEN)
    )
    for level in (m for m in model.modules() if isinstance(m, SequenceMoE)):
        copies = [i for i, kind in enumerate(level.kinds) if kind == "copy"]
        assert sorted(level.router.bias.topk(2).indices.tolist()) == copies
        assert level.router.bias[copies].min() > 900
    with pytest.raises(ValueError, match="another budget"):
        ablate(replace(plan, steps=3), [PAPER], [0], written)


def test_a_quantised_base_gives_its_sizes_alone():
    base = tiny_config()
    base.quantization_config = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    assert not hasattr(arm_config(base, PAPER), "quantization_config")


def test_seconds_become_equal_steps_that_stay(plan, monkeypatch):
    """The clock runs as told: a second a step of the trial, and 6 s around them."""
    seconds = iter((0.0, ablation.TRIAL_STEPS + 6.0))
    monkeypatch.setattr(ablation.time, "monotonic", lambda: next(seconds))
    tried = []

    def run_arm(trial, arm, seed):
        tried.append(arm)
        trial.out.mkdir(parents=True)
        return {"train_seconds": float(ablation.TRIAL_STEPS)}

    monkeypatch.setattr(ablation, "run_arm", run_arm)
    steps = affordable_steps(plan, 2, 48.0)  # (48 - 18) / 2 a run, 6 of them not for steps
    assert steps == 9 and tried == [PAPER]
    assert affordable_steps(plan, 2, 999.0) == 9 and len(tried) == 1  # as before, resumed
    (plan.out / "steps.json").unlink()
    seconds = iter((0.0, ablation.TRIAL_STEPS + 6.0))
    with pytest.raises(ValueError, match=r"20 s are too few for 2 runs.*allow 32 s"):
        affordable_steps(plan, 2, 20.0)


def test_the_command_takes_seconds_or_steps_and_fills_them(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "arms", lambda cross: [PAPER])
    folders = ("checkpoint", "features", "faces", "judge", "out")
    arguments = [word for name in folders for word in (f"--{name}", str(getattr(plan, name)))]
    numbers = {"batch-size": 2, "understanding-batch-size": 2, "count": 2, "questions": 1}
    numbers |= {"num-layers": 1, "hidden-size": 16}
    arguments += [word for name, n in numbers.items() for word in (f"--{name}", str(n))]
    arguments += ["--seeds", "0", "--json", str(tmp_path / "ablation.json")]
    assert main([*arguments, "--seconds", "0.01"]) == 2  # the trial alone takes longer
    monkeypatch.setattr(ablation, "affordable_steps", lambda plan, num_runs, seconds: num_runs + 1)
    for _ in range(2):  # the second time there is nothing to do
        assert main([*arguments, "--seconds", "60"]) == 0
        found = json.loads((tmp_path / "ablation.json").read_text())
        assert found["budget"]["steps"] == found["runs"][0]["steps"] == 2
        model = plan.out / PAPER.name / "seed-0" / "run" / "model"
        config = UniF2aceConfig.from_pretrained(model)
        assert (config.num_layers, config.hidden_size) == (1, 16)
        monkeypatch.setattr(ablation, "train", None)
