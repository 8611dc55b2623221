"""What a visitor waits for and what it costs: start-up, memory, seconds, and what is NF4.

Seconds mean little without the machine, so the rate of plain matrix products is measured in the
same run and times are also given as that many operations.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from gradio_client import Client
from PIL import Image

from unif2ace.pipeline import UniF2acePipeline
from unif2ace.quantize import WeightReport, held_copy_bytes, nf4_share, weight_report

MATRIX_SIDE = 1024
PARTS = ("attention", "token_moe", "sequence_moe", "resamplers", "image_tokenizer", "encoder")


def matmul_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of square matrix products on the CPU, the median of single products."""
    a, b = (torch.ones(MATRIX_SIDE, MATRIX_SIDE, dtype=dtype) for _ in range(2))
    a @ b  # the first call sets up threads and kernels
    spent: list[float] = []
    while sum(spent) < 0.5:
        started = time.perf_counter()
        a @ b
        spent.append(time.perf_counter() - started)
    return 2 * MATRIX_SIDE**3 / statistics.median(spent) / 1e9


def median_seconds(action: Callable[[], object], repeats: int) -> float:
    """Median duration of `repeats` calls after one that is not counted."""
    action()
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def bench_pipeline(
    pipe: UniF2acePipeline, image: Image.Image, *, repeats: int = 5
) -> dict[str, Any]:
    """Seconds per face, answer, description and attribute table, beside the machine's rate.

    `float32_gflop` is seconds times the rate: how much plain matrix product the wait is worth.
    """
    rates = {"float32": matmul_rate(torch.float32), "bfloat16": matmul_rate(torch.bfloat16)}
    question = "What color is the hair?"
    actions: dict[str, Callable[[], object]] = {
        "face": lambda: pipe.generate("a smiling woman with red hair", seed=1),
        "answer": lambda: pipe.answer(image, question),
        "description": lambda: pipe.describe(image),
        "attributes": lambda: pipe.attributes(image),
    }
    spent = {name: median_seconds(action, repeats) for name, action in actions.items()}
    return {
        "threads": torch.get_num_threads(),
        "matmul_gflop_per_second": {name: round(value, 1) for name, value in rates.items()},
        "seconds": {name: round(value, 3) for name, value in spent.items()},
        "float32_gflop": {name: round(v * rates["float32"]) for name, v in spent.items()},
    }


def part_of(name: str) -> str:
    """The part of the model that a weight belongs to, for the coverage table."""
    return next((part for part in PARTS if part in name), "embeddings, norms, head")


def coverage(rows: Sequence[WeightReport]) -> dict[str, Any]:
    """Per part of the model: weights, how many of them are NF4, bytes in memory."""
    parts: dict[str, dict[str, int]] = {}
    for row in rows:
        entry = parts.setdefault(part_of(row.name), {"weights": 0, "nf4_weights": 0, "bytes": 0})
        size = torch.Size(row.shape).numel()
        entry["weights"] += size
        entry["nf4_weights"] += size * row.is_nf4
        entry["bytes"] += row.num_bytes
    total = {key: sum(part[key] for part in parts.values()) for key in ("weights", "bytes")}
    return {
        "nf4_share_of_attention_and_experts": round(nf4_share(list(rows)), 4),
        "total": total,
        "parts": parts,
    }


def bench_weights(pipe: UniF2acePipeline, checkpoint: Path) -> dict[str, Any]:
    """The coverage table, every weight, bytes of plain copies, and the size on disk."""
    rows = weight_report(pipe.model)
    sizes = [path.stat().st_size for path in checkpoint.glob("*.safetensors")]
    return {
        **coverage(rows),
        "copy_bytes": held_copy_bytes(pipe.model),
        "disk_bytes": sum(sizes),
        "largest_shard_bytes": max(sizes, default=0),
        "weights": [asdict(row) for row in rows],
    }


def wait_until_served(url: str, process: subprocess.Popen[bytes], timeout: float) -> None:
    """Returns when `url` answers. Raises ValueError if the process ends or time runs out."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ValueError(f"the app ended with status {process.returncode} before it served")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ValueError(f"the app did not serve {url} within {timeout:.0f} s")


def peak_memory_kib(pid: int) -> int:
    """The highest resident size of a process so far, as Linux counts it (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def bench_app(
    app: Path, checkpoint: Path, *, quantization: str, prompt: str, timeout: float = 300.0
) -> dict[str, Any]:
    """Start the app as a visitor's machine would, paint one face through its API, and stop it.

    checkpoint: folder or repository. quantization: as the app's variable names it.

    Peak memory is the highest resident size of the app's process until the face was there.
    """
    port = 7899
    environment = os.environ | {
        "UNIF2ACE_CHECKPOINT": str(checkpoint.resolve() if checkpoint.exists() else checkpoint),
        "UNIF2ACE_QUANTIZATION": quantization,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, app.name], cwd=app.parent, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_until_served(f"http://127.0.0.1:{port}/", process, timeout)
        start_up = time.monotonic() - started
        client = Client(f"http://127.0.0.1:{port}/", verbose=False)
        started = time.monotonic()
        client.predict(prompt, api_name="/generate")
        first_face = time.monotonic() - started
        peak = peak_memory_kib(process.pid)
    finally:
        process.terminate()
        process.wait()
    return {
        "start_up_seconds": round(start_up, 1),
        "first_face_seconds": round(first_face, 2),
        "peak_memory_mib": round(peak / 1024),
    }
