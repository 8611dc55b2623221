"""The reading loss in two passes against its definition on whole sequences."""

import pytest
import torch
import torch.nn.functional as F
from tiny import tiny_config, tiny_model, tiny_tokenizer

from unif2ace.losses import IGNORED_LABEL
from unif2ace.model import ImageFeatures
from unif2ace.plan import PlanWords
from unif2ace.prompting import Turn, turns_batch, understanding_batch
from unif2ace.train.objective import balance_of, understanding_loss
from unif2ace.train.sequences import UnderstandingSample

CONFIG = tiny_config()


@pytest.fixture
def model():
    model = tiny_model()
    for weight in (model.plan_position.weight, model.lm_head.weight, model.embed.weight):
        torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(0))
    return model


def test_reading_in_two_passes_is_one_pass_with_the_words_in_sight(model):
    """The words are what the picture's places say, not what they should say."""
    generator, words = torch.Generator().manual_seed(1), PlanWords(tiny_tokenizer(), 4)
    codes = torch.randint(0, 90, (2, CONFIG.num_image_tokens), generator=generator)
    features = ImageFeatures(
        semantic=torch.randn(2, 4, CONFIG.encoders.semantic_dim, generator=generator),
        face=torch.randn(2, 3, CONFIG.encoders.face_dim, generator=generator),
    )
    rows = [
        [Turn(question=[20, 21], answer=[30], thoughts=[40, 41])],
        [
            Turn(question=[22], answer=[31, 32], thoughts=[42, 42]),
            Turn(question=[23, 24], answer=[33]),
        ],
    ]
    plans = torch.randint(0, 500, (2, 4), generator=generator)
    sample = UnderstandingSample(
        codes=codes,
        features=features,
        turns=turns_batch(rows, CONFIG.num_image_tokens, CONFIG, plans),
        plans=plans,
    )
    loss = understanding_loss(model, sample, words)
    loss.total.backward()
    gradient = model.embed.weight.grad.clone()
    model.zero_grad()

    def whole(told):
        batch = understanding_batch(codes, rows, CONFIG, told)
        output = model(
            **batch.inputs(),
            group="understanding",
            image_start=batch.image_start,
            features=features,
        )
        return batch, output, model.text_logits(output.hidden)

    _, _, logits = whole(plans)
    logits = logits.detach()
    start = 2
    said = torch.tensor(
        [
            [
                max(place.values(), key=lambda word, at=logits[row, start + i]: float(at[word]))
                for i, place in enumerate(words.words)
            ]
            for row in range(2)
        ]
    )
    assert not torch.equal(said, plans)
    batch, output, logits = whole(said)
    answer = F.cross_entropy(
        logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED_LABEL
    )
    place = F.cross_entropy(logits[:, start : start + 4].flatten(0, 1), plans.flatten())
    total = answer + place
    total = total + CONFIG.moe.balance_weight * balance_of(output.token_routing, batch.segments)
    total.backward()
    torch.testing.assert_close(loss.parts["answer"], answer.detach())
    torch.testing.assert_close(loss.parts["place"], place.detach())
    torch.testing.assert_close(loss.total, total)
    torch.testing.assert_close(gradient, model.embed.weight.grad, atol=1e-5, rtol=1e-3)
