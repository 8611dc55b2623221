"""Accessories: none yet."""

from __future__ import annotations
import numpy as np
from unif2ace.synth.mesh import Head, Part
from collections.abc import Mapping


def accessory_parts(
    attributes: Mapping[str, str], head: Head, generator: np.random.Generator
) -> list[Part]:
    return []
