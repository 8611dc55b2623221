import itertools
import math

import pytest
import torch

from unif2ace.sampler import (
    WordChoice,
    annealed,
    draw_rows,
    generate_plan,
    generate_tokens,
    guided,
    gumbel_noise,
    lattices,
    plan_rounds,
    posterior_means,
    row_noise,
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


def at_places(everywhere):
    """A network's logits at places, from those of all codes."""

    def logits_fn(codes, places):
        logits = everywhere(codes)
        return logits.gather(1, places[..., None].expand(-1, -1, logits.shape[-1]))

    return logits_fn


TABLE = torch.randn(MASK + 1, MASK, generator=torch.Generator().manual_seed(1))
ALL_MASKED = torch.full((2, 49), MASK)
EVERY = torch.arange(49).expand(2, -1)


def test_sampling_never_rewrites_a_known_code_and_ends_without_masks():
    start = ALL_MASKED.clone()
    start[:, 5:9] = 3  # inpainting: these are given
    seen = []
    out = sample_codes(at_places(lambda c: seen.append(c) or TABLE[c]), start, **options())
    for before, after in zip(seen, [*seen[1:], out], strict=True):
        assert torch.equal(before[before != MASK], after[before != MASK])
    assert (out != MASK).all() and (out[:, 5:9] == 3).all()


def test_step_events_tell_how_many_are_masked():
    counts = MaskSchedule().mask_counts(49, 12)
    for step, count in zip(
        sample_steps(at_places(lambda c: TABLE[c]), ALL_MASKED, **options()), counts, strict=True
    ):
        assert ((step.codes == MASK).sum(-1) == count).all()
        assert step.means is None and step.num_steps == 12


def test_same_seed_same_codes_whatever_the_batch():
    pair = sample_codes(at_places(lambda c: TABLE[c]), ALL_MASKED, **options())
    alone = sample_codes(
        at_places(lambda c: TABLE[c]), ALL_MASKED[:1], **options(generators=seeded(1))
    )
    assert torch.equal(pair[1:], alone)
    assert not torch.equal(pair[0], pair[1])


def test_draws_come_as_often_as_their_shares_and_none_without_one():
    probs = torch.tensor([[[0, 0.2, 0, 0.5, 0.3, 0]] * 4000, [[1.0, 0, 2, 0, 0, 0]] * 4000])
    found = draw_rows(probs, seeded(3, 4))
    for row in range(2):
        counts = (found[row].bincount(minlength=6) / 4000).tolist()
        for share, count in zip(
            (probs[row, 0] / probs[row, 0].sum()).tolist(), counts, strict=True
        ):
            assert abs(count - share) <= 4 * math.sqrt(share * (1 - share) / 4000)
    noise = torch.randn(probs.shape, generator=torch.Generator().manual_seed(5))
    nudged = draw_rows(probs * (1 + 1e-6 * noise), seeded(3, 4))
    assert (nudged != found).sum() <= 2  # a seed is portable


def test_noise_is_gumbel_and_moves_no_other_draw():
    noise = gumbel_noise(torch.Size((3, 50)), seeded(5)[0])
    uniform = torch.rand(3, 50, generator=seeded(5)[0], dtype=torch.float32).double()
    torch.testing.assert_close(noise.double(), -(-uniform.log()).log(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 7, 49, 200])
def test_certain_logits_give_their_picture_at_any_steps(steps):
    picture = torch.arange(49) % MASK
    logits = 100 * torch.eye(MASK)[picture].expand(2, -1, -1)
    out = sample_codes(at_places(lambda c: logits), ALL_MASKED, **options(steps=steps))
    assert torch.equal(out, picture.expand(2, -1))


def test_the_anneal_is_a_straight_line_from_the_start_value():
    steps = 12
    values = [annealed(4.5, step, steps) for step in range(1, steps + 1)]
    drops = [a - b for a, b in itertools.pairwise([4.5, *values])]
    assert values[-1] == 0 and drops == pytest.approx([4.5 / steps] * steps)


def test_guidance_one_is_conditional_zero_is_unconditional_and_it_is_linear():
    conditional, unconditional = torch.randn(2, 2, 49, MASK, generator=seeded(3)[0])
    logits = torch.cat([conditional, unconditional])
    at = {g: guided(at_places(lambda c: logits), g)(ALL_MASKED, EVERY) for g in (0.0, 1.0, 3.0)}
    torch.testing.assert_close(at[1.0], conditional)
    torch.testing.assert_close(at[0.0], unconditional)
    torch.testing.assert_close(at[3.0], at[0.0] + 3 * (at[1.0] - at[0.0]))


def test_the_rounds_have_all_steps_and_every_step_fills_a_code():
    for num_open, steps, paint_steps in itertools.product((1, 2, 7, 64), range(1, 70), (1, 12)):
        rounds = plan_rounds(MaskSchedule(), num_open, steps, paint_steps)
        assert sum(len(part.counts) for part in rounds) == steps
        assert rounds[0].num_open == num_open
        for part in rounds:
            falling = [part.num_open, *part.counts]
            assert all(a > b for a, b in itertools.pairwise(falling)) and falling[-1] == 0
            assert part.num_open <= num_open


def test_revisions_never_touch_what_was_given():
    start = ALL_MASKED.clone()
    start[:, 5:9] = 3
    rewritten = torch.zeros(49)
    before = start
    for step in sample_steps(at_places(lambda c: TABLE[c]), start, **options(steps=40)):
        assert (step.codes[:, 5:9] == 3).all()
        rewritten += ((before != MASK) & (step.codes != before)).any(0)
        before = step.codes
    assert (before != MASK).all() and rewritten.sum() > 20 and (rewritten[5:9] == 0).all()


N, K = 6, 2  # so that a revision opens half of the codes, not all
JOINT = torch.rand((K,) * N, generator=seeded(0)[0], dtype=torch.float64) + 0.2
JOINT[(0,) * N] += 9.0  # the codes like to be the same
JOINT[(1,) * N] += 9.0
JOINT /= JOINT.sum()
PLACES = K ** torch.arange(N).flip(0)


def exact_logits(codes):
    """(B, N) with K = mask, exact log p(code_i | the known) under `JOINT`: (B, N, K)."""
    states = torch.arange(K**N)[:, None] // PLACES % K  # (K**N, N)
    agrees = ((states == codes[:, None]) | (codes[:, None] == K)).all(-1)  # (B, K**N)
    table = agrees * JOINT.flatten()
    one_hot = torch.nn.functional.one_hot(states, K).double()  # (K**N, N, K)
    marginal = torch.einsum("bs,snk->bnk", table, one_hot)
    return (marginal / marginal.sum(-1, keepdim=True)).clamp(min=1e-30).log()


def chi_square(steps, paint_steps, count=3000):
    """How far `count` draws lie from `JOINT`."""
    out = sample_codes(
        at_places(exact_logits),
        torch.full((count, N), K),
        mask_code=K,
        schedule=MaskSchedule("linear"),
        steps=steps,
        paint_steps=paint_steps,
        choice_temperature=1e9,  # positions in random order: the draw is then exact
        generators=seeded(*range(count)),
    )
    observed = torch.bincount(out @ PLACES, minlength=K**N).double()
    expected = JOINT.flatten() * count
    return float(((observed - expected) ** 2 / expected).sum())


ACCEPTED = 103  # p = 0.001 at 63 degrees of freedom


def test_one_token_a_step_with_exact_conditionals_samples_the_joint():
    assert chi_square(steps=N, paint_steps=N) < ACCEPTED


def test_revisions_keep_the_joint():
    assert chi_square(steps=N + 6, paint_steps=N) < ACCEPTED


def test_revisions_mend_codes_that_were_drawn_side_by_side():
    together = chi_square(steps=1, paint_steps=1)
    assert together > 10 * ACCEPTED
    assert chi_square(steps=13, paint_steps=1) < 0.2 * together
    assert chi_square(steps=61, paint_steps=1) < 2 * ACCEPTED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"steps": 0}, "got 0"),
        ({"generators": seeded(0)}, "2 rows need"),
    ],
)
def test_impossible_settings_raise(changes, message):
    with pytest.raises(ValueError, match=message):
        sample_codes(at_places(lambda c: TABLE[c]), ALL_MASKED, **options(**changes))


def test_uneven_rows_raise():
    uneven = ALL_MASKED.clone()
    uneven[0, 0] = 1
    with pytest.raises(ValueError, match="equally many"):
        sample_codes(at_places(lambda c: TABLE[c]), uneven, **options())


CHAIN = torch.tensor([[0.0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9], [9, 0, 0, 0]])  # 0>1>2>3>0


def test_steps_show_known_codes_and_of_others_the_mean_when_last_asked():
    values = torch.randn(MASK, 3, generator=torch.Generator().manual_seed(0))
    given = ALL_MASKED.clone()
    given[:, 7] = 3
    temperature, asked = 0.5, []

    def everywhere(codes):
        asked.append(codes)
        return TABLE[codes] + codes.float().mean(1)[:, None, None] * TABLE[:1]

    expected = values[given.clamp(max=MASK - 1)]
    steps = sample_steps(
        at_places(everywhere), given, **options(values=values, temperature=temperature, steps=20)
    )
    for step in steps:
        before = asked[-1]
        everywhere_now = everywhere(before)
        asked.pop()
        means = (everywhere_now / temperature).softmax(-1) @ values
        expected = torch.where((before == MASK)[..., None], means, expected)
        torch.testing.assert_close(step.means, expected)
    assert torch.equal(step.means[:, 7], values[3].expand(2, -1))


def test_lattices_are_all_places_once_and_no_two_of_one_touch():
    for grid in (1, 2, 5, 12):
        parts = lattices(grid)
        assert sorted(torch.cat(parts).tolist()) == list(range(grid * grid))
        for part in parts:
            row, column = part // grid, part % grid
            apart = torch.maximum(
                (row[:, None] - row).abs(), (column[:, None] - column).abs()
            ).fill_diagonal_(9)
            assert len(part) == 0 or apart.min() > 1


def test_posterior_means_are_means_over_a_code_given_those_of_other_parts():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(MASK, 3, generator=generator)
    codes = torch.randint(0, MASK, (2, 9), generator=generator)
    mixing = torch.randn(9, 9, generator=generator)
    calls = []

    def everywhere(codes):  # what a code is hangs on all others that are seen
        calls.append(codes)
        return torch.einsum("nm,bmk->bnk", mixing, TABLE[codes])

    parts = [torch.tensor([0, 4, 8]), torch.tensor([2]), torch.tensor([], dtype=torch.long)]
    means = posterior_means(
        at_places(everywhere), codes, values, mask_code=MASK, parts=parts, temperature=0.5
    )
    assert len(calls) == 2
    for row in range(2):
        for place in range(9):
            (part,) = [p for p in (*parts, torch.tensor([1, 3, 5, 6, 7])) if place in p.tolist()]
            if place in (0, 2, 4, 8):
                seen = codes[row].clone()
                seen[part] = MASK
                share = (2 * mixing[place] @ TABLE[seen]).softmax(-1)
                expected = sum(share[k] * values[k] for k in range(MASK))
            else:
                expected = values[codes[row, place]]
            torch.testing.assert_close(means[row, place], expected, atol=1e-5, rtol=1e-5)


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


WORDS = 9
MEMORY = torch.randn(WORDS, WORDS, generator=torch.Generator().manual_seed(2))


def next_word_logits(words, sway):
    """Of the word after all those said: (B, P) to (B, WORDS)."""
    weights = 1.0 + torch.arange(words.shape[1])
    return MEMORY[words.shape[1]] + sway * (MEMORY[words] * weights[:, None]).sum(1)


def planned_word_by_word(first, sway, choices, generators):
    words = torch.empty(2, 0, dtype=torch.long)
    for choice in choices:
        heard = (next_word_logits(words, sway) if words.shape[1] else first)[:, choice.ids]
        scores = torch.tensor(choice.log_weights) + choice.is_asked * heard
        drawn = (scores + choice.temperature * row_noise(scores, generators)).argmax(-1)
        words = torch.cat([words, torch.tensor(choice.ids)[drawn, None]], dim=1)
    return words


@pytest.mark.parametrize("forced", [(), (0,), (5,), (1, 2, 4), (0, 1, 2, 3, 5), range(6)])
@pytest.mark.parametrize("sway", [0.0, 0.3, 3.0])  # of a word over the next ones
def test_a_guessed_plan_is_the_one_drawn_word_by_word(forced, sway):
    allowed = [[4] if place in forced else [place, 7, 2, 8] for place in range(6)]
    first = torch.randn(2, WORDS, generator=seeded(3)[0])
    said, asked = torch.empty(2, 0, dtype=torch.long), []

    def next_logits(words, place):
        nonlocal said
        assert place <= said.shape[1]
        said = torch.cat([said[:, :place], words], dim=1)
        asked.append(words.shape[1])
        ends = range(place + 1, said.shape[1] + 1)
        return torch.stack([next_word_logits(said[:, :end], sway) for end in ends], dim=1)

    choices = [
        WordChoice(
            ids=ids,
            log_weights=[0.5 * place * (i % 2) for i in range(len(ids))],
            temperature=temperature,
            is_asked=place not in (1, 4),
        )
        for place, (ids, temperature) in enumerate(
            zip(allowed, [1.0, 0.5, 0.0, 2.0, 1.0, 0.3], strict=True)
        )
    ]
    plan = generate_plan(next_logits, first, choices=choices, generators=seeded(0, 1))
    assert torch.equal(plan, planned_word_by_word(first, sway, choices, seeded(0, 1)))
    assert len(asked) <= 2 if sway == 0 else len(asked) <= 6 - len(forced)
