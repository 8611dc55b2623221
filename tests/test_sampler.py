import itertools

import pytest
import torch

from unif2ace.sampler import (
    annealed,
    generate_tokens,
    guided,
    gumbel_noise,
    sample_codes,
    sample_steps,
)
from unif2ace.schedule import MaskSchedule

MASK = 16


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def options(**changes):
    return {
        "mask_code": MASK,
        "schedule": MaskSchedule(),
        "steps": 12,
        "generators": seeded(0, 1),
    } | changes


TABLE = torch.randn(MASK + 1, MASK, generator=torch.Generator().manual_seed(1))
ALL_MASKED = torch.full((2, 49), MASK)


def test_sampling_never_rewrites_a_known_code_and_ends_without_masks():
    start = ALL_MASKED.clone()
    start[:, 5:9] = 3  # inpainting: these are given
    seen = []
    out = sample_codes(lambda c: seen.append(c) or TABLE[c], start, **options())
    for before, after in zip(seen, [*seen[1:], out], strict=True):
        assert torch.equal(before[before != MASK], after[before != MASK])
    assert (out != MASK).all() and (out[:, 5:9] == 3).all()


def test_step_events_tell_how_many_are_masked():
    counts = MaskSchedule().mask_counts(49, 12)
    for step, count in zip(
        sample_steps(lambda c: TABLE[c], ALL_MASKED, **options()), counts, strict=True
    ):
        assert ((step.codes == MASK).sum(-1) == count).all()
        assert (step.drawn != MASK).all() and step.num_steps == 12


def test_same_seed_same_codes_whatever_the_batch():
    pair = sample_codes(lambda c: TABLE[c], ALL_MASKED, **options())
    alone = sample_codes(lambda c: TABLE[c], ALL_MASKED[:1], **options(generators=seeded(1)))
    assert torch.equal(pair[1:], alone)
    assert not torch.equal(pair[0], pair[1])


def test_noise_is_gumbel_and_moves_no_other_draw():
    noise = gumbel_noise(torch.Size((3, 50)), seeded(5)[0])
    uniform = torch.rand(3, 50, generator=seeded(5)[0], dtype=torch.float32).double()
    torch.testing.assert_close(noise.double(), -(-uniform.log()).log(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 7, 49])
def test_certain_logits_give_their_picture_at_any_steps(steps):
    picture = torch.arange(49) % MASK
    logits = 100 * torch.eye(MASK)[picture].expand(2, -1, -1)
    out = sample_codes(lambda c: logits, ALL_MASKED, **options(steps=steps))
    assert torch.equal(out, picture.expand(2, -1))


def test_the_anneal_is_a_straight_line_from_the_start_value():
    steps = 12
    values = [annealed(4.5, step, steps) for step in range(1, steps + 1)]
    drops = [a - b for a, b in itertools.pairwise([4.5, *values])]
    assert values[-1] == 0 and drops == pytest.approx([4.5 / steps] * steps)


def test_guidance_one_is_conditional_zero_is_unconditional_and_it_is_linear():
    conditional, unconditional = torch.randn(2, 2, 49, MASK, generator=seeded(3)[0])
    logits = torch.cat([conditional, unconditional])
    at = {g: guided(lambda c: logits, g)(ALL_MASKED) for g in (0.0, 1.0, 3.0)}
    torch.testing.assert_close(at[1.0], conditional)
    torch.testing.assert_close(at[0.0], unconditional)
    torch.testing.assert_close(at[3.0], at[0.0] + 3 * (at[1.0] - at[0.0]))


def test_one_token_a_step_with_exact_conditionals_samples_the_joint():
    n = k = 3
    joint = torch.rand((k,) * n, generator=seeded(0)[0], dtype=torch.float64) + 0.05
    joint /= joint.sum()

    def logits_fn(codes):  # (B, 3) with k = mask, exact log p(code_i | the known)
        out = torch.zeros(len(codes), n, k, dtype=torch.float64)
        for row, code in enumerate(codes.tolist()):
            table = joint
            for axis, value in enumerate(code):
                if value != k:
                    keep = torch.zeros(k, dtype=torch.float64)
                    keep[value] = 1
                    table = table * keep.view([k if a == axis else 1 for a in range(n)])
            for axis in range(n):
                marginal = table.sum([a for a in range(n) if a != axis])
                out[row, axis] = (marginal / marginal.sum()).clamp(min=1e-30).log()
        return out

    count = 3000
    out = sample_codes(
        logits_fn,
        torch.full((count, n), k),
        mask_code=k,
        schedule=MaskSchedule("linear"),
        steps=n,
        choice_temperature=1e9,  # positions in random order: the draw is then exact
        generators=seeded(*range(count)),
    )
    observed = torch.bincount(out @ torch.tensor([9, 3, 1]), minlength=27).double()
    expected = joint.flatten() * count
    chi_square = ((observed - expected) ** 2 / expected).sum()
    assert chi_square < 54  # p = 0.001 at 26 degrees of freedom


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"steps": 50}, "got 50"),
        ({"generators": seeded(0)}, "2 rows need"),
    ],
)
def test_impossible_settings_raise(changes, message):
    with pytest.raises(ValueError, match=message):
        sample_codes(lambda c: TABLE[c], ALL_MASKED, **options(**changes))


def test_uneven_rows_raise():
    uneven = ALL_MASKED.clone()
    uneven[0, 0] = 1
    with pytest.raises(ValueError, match="equally many"):
        sample_codes(lambda c: TABLE[c], uneven, **options())


CHAIN = torch.tensor([[0.0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9], [9, 0, 0, 0]])  # 0>1>2>3>0


def test_text_stops_at_eos_and_at_the_limit():
    def run(**kwargs):
        return list(generate_tokens(lambda t: CHAIN[t[0, 0]], CHAIN[0], **kwargs))

    assert run(eos_token_id=3, max_new_tokens=9) == [1, 2]
    assert run(eos_token_id=7, max_new_tokens=5) == [1, 2, 3, 0, 1]


def test_text_temperature_zero_draws_nothing_and_above_zero_needs_a_seed():
    flat = torch.zeros(4)
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    list(
        generate_tokens(lambda t: flat, flat, eos_token_id=9, max_new_tokens=3, generator=generator)
    )
    assert torch.equal(before, generator.get_state())
    with pytest.raises(ValueError, match="generator"):
        list(
            generate_tokens(lambda t: flat, flat, eos_token_id=9, max_new_tokens=3, temperature=1.0)
        )
    drawn = list(
        generate_tokens(
            lambda t: flat,
            flat,
            eos_token_id=9,
            max_new_tokens=40,
            temperature=1.0,
            generator=generator,
        )
    )
    assert len(set(drawn)) > 1
