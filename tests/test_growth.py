"""A checkpoint that knew fewer attributes goes on as one that knows more, and says the same."""

from __future__ import annotations

import pytest
import torch

from unif2ace.config import EncoderConfig
from unif2ace.encoders import FaceEncoder
from unif2ace.train.growth import grown_encoder, grown_places

OLD = (("gender", ("woman", "man")), ("mouth", ("closed", "open")))
NEW = (
    ("gender", ("woman", "man")),
    ("age", ("young", "middle-aged", "old")),
    ("mouth", ("closed", "open")),
    ("blush", ("no", "yes")),
)
SMALL = {
    "face_dim": 32,
    "face_size": 64,
    "face_channels": (32, 32, 32, 32),
    "part_channels": (32, 32, 32),
}


def encoder_of(attributes, seed: int) -> FaceEncoder:
    torch.manual_seed(seed)
    return FaceEncoder(EncoderConfig(attributes=attributes, **SMALL)).eval()


def test_grown_encoder_reads_what_it_read():
    old, new = encoder_of(OLD, 0), encoder_of(NEW, 1)
    fresh = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    new.load_state_dict(grown_encoder(old.state_dict(), OLD, fresh, NEW))
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        before, after = old(pixels), new(pixels)
    for name, _ in OLD:
        torch.testing.assert_close(after.attribute_logits[name], before.attribute_logits[name])
    torch.testing.assert_close(after.landmarks, before.landmarks)
    torch.testing.assert_close(after.tokens[:, [0, 1, 3]], before.tokens)
    assert not torch.equal(after.attribute_logits["age"], torch.zeros(2, 3))


def test_new_rows_are_those_of_the_fresh_encoder():
    old, new = encoder_of(OLD, 0), encoder_of(NEW, 1)
    grown = grown_encoder(old.state_dict(), OLD, new.state_dict(), NEW)
    torch.testing.assert_close(grown["facts"][2:5], new.facts[2:5])  # the three ages
    torch.testing.assert_close(grown["facts"][7:], new.facts[7:])  # blush


def test_places_keep_their_words():
    old = torch.arange(6.0)[:, None].expand(6, 4)  # gender, mouth, three coordinates, the mark
    fresh = torch.full((8, 4), -1.0)
    grown = grown_places(old, OLD, fresh, NEW)
    assert grown[:, 0].tolist() == [0, -1, 1, -1, 2, 3, 4, 5]


@pytest.mark.parametrize(("old", "new"), [(NEW, OLD), (OLD, (("gender", ("woman", "man")),))])
def test_what_would_be_lost_is_refused(old, new):
    with pytest.raises(ValueError, match="does not know"):
        grown_places(torch.zeros(len(old) + 2, 4), old, torch.zeros(len(new) + 2, 4), new)


def test_other_coordinates_are_refused():
    with pytest.raises(ValueError, match="4 places behind the attributes do not fit into 3"):
        grown_places(torch.zeros(6, 4), OLD, torch.zeros(7, 4), NEW)
