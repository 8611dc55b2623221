"""Laws of mirrored faces: turned twice they are what they were, and what tells a side tells the
other."""

import torch

from unif2ace.attributes import ATTRIBUTES
from unif2ace.synth.units import UNIT_NAMES
from unif2ace.train.images import HIDDEN, FaceLabels
from unif2ace.train.mirror import LANDMARK_TWINS, mirrored

NAMES = list(ATTRIBUTES)


def some_faces(count=5):
    generator = torch.Generator().manual_seed(0)
    counts = torch.tensor([len(attribute.values) for attribute in ATTRIBUTES.values()])
    drawn = torch.randint(1 << 20, (count, len(counts)), generator=generator) % (counts + 1) - 1
    corners = torch.rand(count, 2, 2, generator=generator).sort(1).values
    labels = FaceLabels(
        landmarks=torch.rand(count, 68, 2, generator=generator),
        units=torch.rand(count, len(UNIT_NAMES), generator=generator),
        box=corners.flatten(1),
        attributes=drawn,
        seeds=torch.arange(count),
    )
    return torch.randint(256, (count, 3, 4, 4), generator=generator, dtype=torch.uint8), labels


def all_of(pictures, labels):
    return [pictures, *(getattr(labels, name) for name in FaceLabels.__dataclass_fields__)]


def test_turned_twice_a_face_is_what_it_was_and_unturned_ones_stay():
    faces = some_faces()
    turned = torch.tensor([True, False, True, True, False])
    once = mirrored(*faces, turned)
    for before, after, again in zip(
        all_of(*faces), all_of(*once), all_of(*mirrored(*once, turned)), strict=True
    ):
        torch.testing.assert_close(again, before)
        assert torch.equal(after[~turned], before[~turned])
    assert not torch.equal(once[0][turned], faces[0][turned])


def test_landmarks_turn_with_the_picture():
    """A pixel that a landmark names is the pixel that its twin names in the mirror image."""
    pictures, labels = some_faces()
    turned, twins = mirrored(pictures, labels, torch.ones(5, dtype=torch.bool))
    for face in range(5):
        for point, twin in enumerate(LANDMARK_TWINS):
            x, y = (labels.landmarks[face, point] * 4).long().tolist()
            u, v = (twins.landmarks[face, twin] * 4).long().tolist()
            assert torch.equal(turned[face, :, v, u], pictures[face, :, y, x])
    assert (twins.box[:, :2] <= twins.box[:, 2:]).all()


def test_what_tells_a_side_tells_the_other_and_nothing_else_changes():
    pictures, labels = some_faces(200)
    _, twins = mirrored(pictures, labels, torch.ones(200, dtype=torch.bool))
    for column, name in enumerate(NAMES):
        values = ATTRIBUTES[name].values
        pairs = zip(
            labels.attributes[:, column].tolist(), twins.attributes[:, column].tolist(), strict=True
        )
        for was, is_now in pairs:
            if was == HIDDEN:
                assert is_now == HIDDEN
                continue
            sides = {"left": "right", "right": "left"}
            words = [sides.get(word, word) for word in values[was].split()]
            assert values[is_now].split() == words
    smile = UNIT_NAMES.index("mouthSmileLeft"), UNIT_NAMES.index("mouthSmileRight")
    jaw = UNIT_NAMES.index("jawOpen")
    assert torch.equal(twins.units[:, smile], labels.units[:, smile[::-1]])
    assert torch.equal(twins.units[:, jaw], labels.units[:, jaw])
