import itertools
import math

import pytest
import torch

from unif2ace.sampler import posterior_means, sample_codes, sample_steps
from unif2ace.schedule import MaskSchedule
from unif2ace.steering import Steering, gradient_fn, pulled_probs, seen_nats

MASK, WIDTH = 8, 3
VALUES = torch.randn(MASK, WIDTH, generator=torch.Generator().manual_seed(0))
TABLE = torch.randn(MASK + 1, MASK, generator=torch.Generator().manual_seed(1))
UPWARDS = torch.tensor([1.0, 0.0, 0.0])


def logits_fn(codes, places):
    return TABLE[codes.gather(1, places)]


def sampled(start, seeds, **changes):
    how = {
        "mask_code": MASK,
        "schedule": MaskSchedule(),
        "steps": 12,
        "generators": [torch.Generator().manual_seed(seed) for seed in seeds],
        "values": VALUES,
    }
    return sample_codes(logits_fn, start, **(how | changes))


def upwards(strength=3.0, limit=9.0, looks=None):
    """Pulls each code towards a larger first number."""

    def gradient(means, step):
        if looks is not None:
            looks.append((step, means))
        return UPWARDS.expand_as(means)

    return Steering(gradient_fn=gradient, strength=strength, limit=limit)


def read(latents, frame=(0, 0), row=0):
    """Two attributes of a picture (1, N, C), one told by its mean and one by its square."""
    mean = latents.mean(1)
    return {"hair": mean @ torch.eye(WIDTH), "age": mean.square()[:, :2]}


WISHED = {"hair": (0, 2), "age": (0,)}


def test_what_is_seen_of_wishes_is_the_log_of_their_shares():
    logits = {"hair": torch.tensor([[1.0, 2.0, 4.0]]), "age": torch.tensor([[0.0, 3.0]])}
    hair = (math.e + math.e**4) / (math.e + math.e**2 + math.e**4)
    age = 1 / (1 + math.e**3)
    expected = math.log(hair) + math.log(age)
    assert float(seen_nats(logits, WISHED)) == pytest.approx(expected, rel=1e-5)


@torch.inference_mode()
def test_gradients_are_those_of_each_picture():
    means = torch.randn(2, 4, WIDTH, generator=torch.Generator().manual_seed(2))
    found = gradient_fn(read, WISHED)(means, 4)
    assert found.shape == means.shape
    for row in range(2):
        alone = gradient_fn(read, WISHED)(means[row : row + 1], 4)
        assert torch.equal(found[row : row + 1], alone)
        for place, dim in itertools.product((0, 3), range(WIDTH)):
            step = torch.zeros(1, 4, WIDTH)
            step[0, place, dim] = 0.01
            more, less = (
                float(seen_nats(read(means[row : row + 1] + way * step), WISHED)) for way in (1, -1)
            )
            assert float(found[row, place, dim]) == pytest.approx((more - less) / 0.02, abs=1e-3)


def test_a_pull_is_bayes_rule_where_likelihoods_are_straight():
    logits = torch.randn(1, 2, MASK, generator=torch.Generator().manual_seed(3))
    logits[0, 0, 5] = -math.inf  # what the network rules out
    pulls = torch.tensor([[[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]]])
    found = pulled_probs(logits, pulls, VALUES)
    weights = logits.exp() * torch.tensor(
        [[[math.exp(float(pull @ value)) for value in VALUES] for pull in pulls[0]]]
    )
    torch.testing.assert_close(found, weights / weights.sum(-1, keepdim=True))
    assert found[0, 0, 5] == 0
    torch.testing.assert_close(found[0, 1], logits[0, 1].softmax(-1))


def test_pulls_add_up_within_their_limit():
    steering, means = upwards(strength=2.0, limit=5.0), torch.zeros(1, 4, WIDTH)
    pulls = torch.zeros(1, 4, WIDTH)
    for height in (2.0, 4.0, 5.0, 5.0):
        pulls = steering.pulled(pulls, means, 4)
        assert torch.equal(pulls, height * UPWARDS.expand(1, 4, -1))


@pytest.mark.parametrize(("steps", "due"), [(1, []), (2, []), (4, [2]), (12, [4, 6, 8, 10])])
def test_looks_are_taken_when_there_is_something_to_see_and_to_change(steps, due):
    assert [s for s in range(1, steps + 1) if upwards().is_due(s, steps)] == due


def test_steered_codes_stand_for_more_of_what_is_wanted():
    start = torch.full((8, 49), MASK)
    plain, drawn = sampled(start, range(8)), sampled(start, range(8), steering=upwards())
    assert float(VALUES[drawn][..., 0].mean()) > float(VALUES[plain][..., 0].mean()) + 0.2
    assert torch.equal(plain, sampled(start, range(8), steering=upwards(strength=0.0)))


def test_steering_looks_while_it_paints_and_lets_known_codes_be():
    start, looks = torch.full((2, 49), MASK), []
    start[:, 5:9] = 3
    steps = 21  # twelve that paint and three revisions
    drawn = sampled(start, (0, 1), steps=steps, steering=upwards(looks=looks))
    assert (drawn[:, 5:9] == 3).all() and (drawn != MASK).all()
    assert [step for step, _ in looks] == [4, 6, 8, 10]
    for _, means in looks:
        torch.testing.assert_close(means[:, 5:9], VALUES[3].expand(2, 4, -1))


def test_a_picture_is_steered_alike_in_any_company():
    start = torch.full((2, 49), MASK)
    both = sampled(start, (4, 5), steering=upwards())
    assert torch.equal(both[1:], sampled(start[1:], (5,), steering=upwards()))


def test_pulled_means_lean_as_pulled_codes_do():
    codes = torch.randint(MASK, (1, 4), generator=torch.Generator().manual_seed(4))
    pulls = torch.tensor([[[2.0, 0, 0], [0, 1.0, 0], [0, 0, 0], [0, 0, -3.0]]])
    parts = [torch.tensor([0, 3]), torch.tensor([1])]
    how = {"mask_code": MASK, "parts": parts, "temperature": 0.5}
    found = posterior_means(logits_fn, codes, VALUES, pulls=pulls, **how)
    for place in (0, 1, 3):
        weights = (TABLE[MASK] / 0.5 + VALUES @ pulls[0, place]).softmax(-1)
        torch.testing.assert_close(found[0, place], weights @ VALUES)
    assert torch.equal(found[0, 2], VALUES[codes[0, 2]])


def test_steering_cannot_look_without_values():
    steps = sample_steps(
        logits_fn,
        torch.full((1, 4), MASK),
        mask_code=MASK,
        schedule=MaskSchedule(),
        steps=4,
        generators=[torch.Generator().manual_seed(0)],
        steering=upwards(),
    )
    with pytest.raises(ValueError, match="values"):
        next(steps)


def test_every_look_has_its_own_frame():
    frames = []

    def told(latents, frame, row):
        frames.append(frame)
        rows.append(row)
        return read(latents)

    rows = []
    gradient = gradient_fn(told, WISHED)
    for step in (4, 6, 8, 10):
        gradient(torch.zeros(2, 4, WIDTH), step)
    assert rows == [0, 1] * 4
    assert frames[::2] == frames[1::2]  # alike for all pictures of a look
    assert len(set(frames[::2])) == 4
