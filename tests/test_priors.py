"""Laws of chances: they are those of the faces that are rendered, counted."""

from collections import Counter

import pytest

from unif2ace.attributes import ATTRIBUTES
from unif2ace.priors import WHO, common, who
from unif2ace.synth.sampling import sample_attributes

FACES = [sample_attributes(seed) for seed in range(6000)]
NEAR = 0.05  # six standard deviations of the rarest count below


@pytest.mark.parametrize("name", ["gender", "skin_tone", "hair_style", "head_turn"])
def test_chances_are_those_of_rendered_faces(name):
    counts, chances = Counter(face[name] for face in FACES), common(name)
    assert sum(chances.values()) == pytest.approx(1)
    for value in ATTRIBUTES[name].values:
        assert chances[value] == pytest.approx(counts[value] / len(FACES), abs=NEAR)


def test_what_hangs_on_others_has_no_common_value():
    for name, (on, usual, unusual) in {
        "lipstick": ("gender", "man", "woman"),
        "hair_color": ("age", "young", "old"),
        "mouth": ("expression", "smiling", "laughing"),
    }.items():
        assert common(name) == {}
        faces = {
            value: Counter(f[name] for f in FACES if f[on] == value) for value in (usual, unusual)
        }
        most = faces[usual].most_common(1)[0][0]
        assert faces[unusual][most] < 0.6 * faces[unusual].total()


@pytest.mark.parametrize(
    "left_open",
    [
        {},
        {"facial_hair": {"full beard", "goatee"}},
        {"lipstick": {"none"}, "earrings": {"yes"}},
        {"hair_color": {"grey"}},
        {"age": {"young", "old"}, "hair_color": {"grey", "black", "not visible"}},
        {"hair_color": {"not visible"}, "skin_tone": {"dark", "brown"}},
    ],
)
def test_who_is_painted_is_who_is_left_of_rendered_faces(left_open):
    left = [
        face
        for face in FACES
        if all(
            face[name] in values
            for name, values in left_open.items()
            if "not visible" not in values
        )
    ]
    if "black" in left_open.get("hair_color", ()):
        left = [face for face in left if face["hair_color"] in left_open["hair_color"]]
    chances = who(left_open)
    for name in WHO:
        counts = Counter(face[name] for face in left)
        assert sum(chances[name].values()) == pytest.approx(1)
        for value in ATTRIBUTES[name].values:
            share = counts[value] / len(left)
            assert chances[name][value] == pytest.approx(share, abs=NEAR + 1 / len(left) ** 0.5)


def test_what_goes_together_in_no_face_is_still_painted():
    bearded = {"gender": {"woman"}, "facial_hair": {"full beard"}}
    assert who(bearded)["gender"] == {"woman": 1.0, "man": 0.0}
