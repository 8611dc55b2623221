"""Random consistent faces for tests of words: every value is as likely as the next."""

import random

from unif2ace.attributes import ATTRIBUTES, REFINED, FaceAttributes, completed, contradictions


def random_face(generator: random.Random) -> FaceAttributes:
    while True:
        values = {name: generator.choice(a.values) for name, a in ATTRIBUTES.items()}
        for fine, (coarse, allowed) in REFINED.items():
            values[fine] = generator.choice(allowed[values[coarse]])
        if values["gender"] == "woman":
            values["facial_hair"] = "none"
        if not contradictions(values):
            return FaceAttributes(values)


def random_faces(seed: int, count: int) -> list[FaceAttributes]:
    generator = random.Random(seed)
    return [random_face(generator) for _ in range(count)]


def plain_face(**changes: str) -> FaceAttributes:
    """Every attribute at its plain value, but for the changes."""
    return FaceAttributes(completed(changes))
