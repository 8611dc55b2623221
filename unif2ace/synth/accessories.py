"""Everything worn on a face, as parts in head space: eyewear, hats, earrings, beards.

Each piece hangs on the morphed head's own vertices, so it fits every identity and expression.
Draws from the generator it is given, never from attributes it does not show.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unif2ace.synth.eyewear import eyewear
from unif2ace.synth.mesh import Head, Part

Color = tuple[float, float, float]


def accessory_parts(
    attributes: Mapping[str, str], head: Head, generator: np.random.Generator
) -> list[Part]:
    """The parts that `attributes` ask for: glasses, hat, earrings, facial hair."""
    streams = dict(zip(("glasses", "hat", "earrings", "beard"), generator.spawn(4), strict=True))
    parts = []
    if attributes["glasses"] != "none":
        parts += eyewear(attributes["glasses"], head, streams["glasses"])
    return parts
