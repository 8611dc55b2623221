"""The reading loss in two passes against its definition on whole sequences."""

import pytest
import torch
import torch.nn.functional as F
from tiny import tiny_config, tiny_model

from unif2ace.losses import IGNORED_LABEL
from unif2ace.model import ImageFeatures
from unif2ace.prompting import Thought, Turn, turns_batch, understanding_batch
from unif2ace.train.objective import balance_of, understanding_loss
from unif2ace.train.sequences import UnderstandingSample

CONFIG = tiny_config()


def thoughts(topic, asked):
    """With a value seen that is the one asked for."""
    seen = Thought(word=asked, place=CONFIG.repeated_place, is_guessed=False, aside=48)
    return [Thought(word=topic, place=1), Thought(word=asked), seen]


@pytest.fixture
def model():
    model = tiny_model()
    for weight in (model.plan_position.weight, model.lm_head.weight, model.embed.weight):
        torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(0))
    return model


def test_reading_in_two_passes_is_one_pass_with_the_words_in_sight(model):
    """The words are what the picture's places should say, whatever they say."""
    generator = torch.Generator().manual_seed(1)
    codes = torch.randint(0, 90, (2, CONFIG.num_image_tokens), generator=generator)
    features = ImageFeatures(
        semantic=torch.randn(2, 4, CONFIG.encoders.semantic_dim, generator=generator),
        face=torch.randn(2, 3, CONFIG.encoders.face_dim, generator=generator),
    )
    rows = [
        [Turn(question=[20, 21], answer=[30], thoughts=thoughts(40, 41))],
        [
            Turn(question=[22], answer=[31, 32], thoughts=thoughts(42, 42)),
            Turn(question=[23, 24], answer=[33]),
            Turn(question=[25], answer=None, thoughts=thoughts(43, 44)),
        ],
    ]
    plans = torch.randint(0, 500, (2, 4), generator=generator)
    sample = UnderstandingSample(
        codes=codes,
        features=features,
        turns=turns_batch(rows, CONFIG.num_image_tokens, CONFIG, plans),
        plans=plans,
    )
    loss = understanding_loss(model, sample)
    loss.total.backward()
    gradient = model.embed.weight.grad.clone()
    model.zero_grad()

    batch = understanding_batch(codes, rows, CONFIG, plans)
    output = model(
        **batch.inputs(),
        group="understanding",
        image_start=batch.image_start,
        features=features,
    )
    logits = model.text_logits(output.hidden)
    start = 2

    def entropy(counted):
        labels = batch.labels.where(counted, IGNORED_LABEL)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED_LABEL)

    answer, thought = entropy(~batch.is_thought), entropy(batch.is_thought)
    place = F.cross_entropy(logits[:, start : start + 4].flatten(0, 1), plans.flatten())
    total = answer + thought + place
    total = total + CONFIG.moe.balance_weight * balance_of(output.token_routing, batch.segments)
    total.backward()
    torch.testing.assert_close(loss.parts["answer"], answer.detach())
    torch.testing.assert_close(loss.parts["thought"], thought.detach())
    torch.testing.assert_close(loss.parts["place"], place.detach())
    torch.testing.assert_close(loss.total, total)
    torch.testing.assert_close(gradient, model.embed.weight.grad, atol=1e-5, rtol=1e-3)
