import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.schedule import MaskSchedule, mask_codes, sample_times

KINDS = st.sampled_from(["cosine", "linear"])


@given(KINDS, st.integers(1, 1024), st.data())
def test_every_step_reveals_a_token_and_the_last_leaves_none(kind, seq_len, data):
    steps = data.draw(st.integers(1, seq_len))
    counts = MaskSchedule(kind).mask_counts(seq_len, steps)
    assert len(counts) == steps and counts[-1] == 0
    assert all(a > b for a, b in zip([seq_len, *counts], counts, strict=False))


@given(KINDS, st.floats(0.01, 0.99))
def test_d_mask_ratio_is_the_derivative(kind, t):
    t = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    MaskSchedule(kind).mask_ratio(t).backward()
    torch.testing.assert_close(MaskSchedule(kind).d_mask_ratio(t.detach()), t.grad)


@given(KINDS, st.floats(0.01, 0.99))
def test_noise_and_weight_follow_from_the_ratio(kind, t):
    schedule, t = MaskSchedule(kind), torch.tensor(t, dtype=torch.float64, requires_grad=True)
    sigma = schedule.total_noise(t)
    torch.testing.assert_close(1 - torch.exp(-sigma), schedule.mask_ratio(t))
    sigma.backward()
    torch.testing.assert_close(t.grad / torch.expm1(sigma), schedule.loss_weight(t))


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_clean_at_zero_all_masked_at_one(kind):
    ends = MaskSchedule(kind).mask_ratio(torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(ends, torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("steps", [0, -1, 65])
def test_steps_out_of_range_raise_with_the_value(steps):
    with pytest.raises(ValueError, match=f"got {steps}"):
        MaskSchedule().mask_counts(64, steps)


def test_unknown_schedule_raises():
    with pytest.raises(ValueError, match="'sine'"):
        MaskSchedule("sine")


@given(st.integers(1, 64), st.integers(0, 99))
def test_times_fall_one_into_each_stratum(batch_size, seed):
    times = sample_times(batch_size, torch.Generator().manual_seed(seed))
    strata = (times.sort().values * batch_size).floor().long()
    # rounding can move a time on a border by one stratum, never more
    assert (strata - torch.arange(batch_size)).abs().max() <= 1
    assert times.min() > 0 and times.max() < 1


def test_masking_hits_the_asked_share_and_nothing_else():
    codes = torch.randint(0, 50, (2, 20_000), generator=torch.Generator().manual_seed(0))
    ratio = torch.tensor([0.2, 0.9])
    noisy, is_masked = mask_codes(
        codes, ratio, mask_code=50, generator=torch.Generator().manual_seed(1)
    )
    torch.testing.assert_close(is_masked.float().mean(1), ratio, atol=0.01, rtol=0)
    assert (noisy[is_masked] == 50).all() and torch.equal(noisy[~is_masked], codes[~is_masked])
