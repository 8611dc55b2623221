"""Where the processor time of a rendered face goes.

Counts time of this process alone, so a busy machine changes the result little.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unif2ace.synth.sampling import sample_attributes

_STAGES: Mapping[str, tuple[str, str]] = {  # stage -> file and function whose time it is
    "attributes": ("sampling.py", "sample_attributes"),
    "head": ("geometry.py", "head"),
    "hair, clothes, accessories": ("wardrobe.py", "dress"),
    "drawing": ("shading.py", "paint"),
    "visibility": ("visibility.py", "visible_attributes"),
    "PNG": ("shards.py", "face_row"),
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Processor time of rendering: shares of the stages sum to 1, "other" included.

    `drift` is the second half's time over the first half's: 1 when faces do not grow dearer.
    """

    size: int
    has_pack: bool
    num_faces: int
    faces_per_cpu_second: float
    drift: float
    start_in_faces: float
    shares: Mapping[str, float]


def measure(assets: Path | None, size: int, count: int) -> Measured:
    """Render `count` faces to warm up, then twice as many unwatched, then `count` under a profiler.

    The first round loads the textures that later ones share.
    """
    from unif2ace.synth.render import FaceRenderer
    from unif2ace.synth.shards import face_row

    def render(seeds: range) -> float:
        start = time.process_time()
        for seed in seeds:
            face_row(renderer.render(sample_attributes(seed), seed))
        return time.process_time() - start

    start = time.process_time()
    renderer = FaceRenderer(assets, size)
    started = time.process_time() - start
    render(range(count))
    first, second = render(range(count, 2 * count)), render(range(2 * count, 3 * count))
    per_face = (first + second) / (2 * count)
    # The profiler's clock is the process's: waiting for a core is no cost of a face.
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(render, range(3 * count, 4 * count))
    return Measured(
        size=size,
        has_pack=assets is not None,
        num_faces=2 * count,
        faces_per_cpu_second=1 / per_face,
        drift=second / first,
        start_in_faces=started / per_face,
        shares=_shares(pstats.Stats(profiler)),
    )


def _shares(stats: pstats.Stats) -> dict[str, float]:
    profile = stats.get_stats_profile()
    whole = profile.total_tt
    shares = {
        stage: sum(
            entry.cumtime
            for key, entry in profile.func_profiles.items()
            if key == function and entry.file_name.endswith(f"synth/{file}")
        )
        / whole
        for stage, (file, function) in _STAGES.items()
    }
    return {**shares, "other": max(0.0, 1 - sum(shares.values()))}
