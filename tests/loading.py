"""Many visitors at once, and malformed requests: `python tests/loading.py --help`.

Starts the app on the embedded checkpoint, unless --url names one, and prints what it counted.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from gradio_client import Client, handle_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from unif2ace.provenance import verify

NASTY = (
    None, "", " ", "\0", "x" * 100_000, "𝕏" * 500, "\ud83d", "أهلا", "'; DROP TABLE", "<script>",
    -1, 0, 1e308, 2**70, 1.5, True, [], {}, [[]], {"path": "/etc/passwd"}, {"url": "file:///etc"},
    {"path": None, "meta": {"_type": "gradio.FileData"}}, {"url": "data:image/png;base64,AAAA"},
    {"url": "data:,"}, {"path": "../../app.py", "meta": {"_type": "gradio.FileData"}}, "NaN", "∞",
)  # fmt: skip
RAW = (
    "NoneType", "has no attribute", "must be str", "argument must be", "not supported between",
    "Traceback",
)  # fmt: skip
"""What only Python says: no words for a visitor."""
MOST_GROWTH = 0.05  # share of memory, after warm-up
ENDPOINTS = {"generate": 5, "edit": 7, "answer": 2, "describe": 1, "attributes": 2, "verify": 1}


@dataclass
class Count:
    """What many visitors met."""

    requests: int = 0
    errors: list[str] = field(default_factory=list)
    mixed_up: int = 0
    memory_mib: list[int] = field(default_factory=list)  # after warm-up, then at the end

    @property
    def growth(self) -> float:
        """Share by which memory grew after warm-up."""
        return self.memory_mib[-1] / self.memory_mib[0] - 1 if self.memory_mib else 0.0


def visit(url: str, visitor: int, until: float, rounds: int, count: Count, lock: threading.Lock):
    """Paint own faces, and look whether each is what this visitor asked for."""
    with tempfile.TemporaryDirectory() as folder:
        client = Client(url, verbose=False, download_files=folder)
        for turn in range(rounds):
            if time.monotonic() > until:
                return
            seed, prompt = visitor * 1000 + turn, f"an old man {visitor}"
            problem, is_mine = "", True
            try:
                path, told = client.predict(prompt, seed, 2, api_name="/generate")
                marked = verify(Path(path)).settings or {}
                is_mine = all(d["seed"] == seed and d["prompt"] == prompt for d in (told, marked))
                client.predict(handle_file(path), "hat", api_name="/attributes")
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            with lock:
                count.requests += 2
                count.mixed_up += not is_mine
                count.errors += [problem] if problem else []


def load(url: str, visitors: int, seconds: float, rounds: int = 10**6, pid: int = 0) -> Count:
    """Let `visitors` come at once. `pid`: of the app, whose memory is then watched."""
    count, lock, until = Count(), threading.Lock(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=visit, args=(url, i, until, rounds, count, lock))
        for i in range(visitors)
    ]
    for thread in threads:
        thread.start()
    if pid:
        threads[0].join(seconds / 3)
        count.memory_mib.append(memory_mib(pid))
    for thread in threads:
        thread.join()
    if pid:
        count.memory_mib.append(memory_mib(pid))
    return count


def memory_mib(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def fuzz(url: str, count: int, seed: int = 0) -> list[str]:
    """Send malformed requests; the ones that were answered without words, or not at all."""
    generator = random.Random(seed)
    bad = []
    for _ in range(count):
        name = generator.choice(list(ENDPOINTS))
        data = [generator.choice(NASTY) for _ in range(ENDPOINTS[name])]
        if generator.random() < 0.1:
            data = data[: generator.randrange(len(data) + 1)]
        answer = call(url, name, data)
        if answer:
            bad.append(f"{name} {str(data)[:200]}: {answer}")
    return bad


def call(url: str, name: str, data: object) -> str:
    """What is wrong with the answer to one request; "" if it is a result or says why not."""
    body = json.dumps({"data": data}).encode()
    request = Request(f"{url}gradio_api/call/{name}", body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=120) as answer:
            event = json.load(answer)["event_id"]
        with urlopen(f"{url}gradio_api/call/{name}/{event}", timeout=300) as answer:
            lines = [line.partition(": ")[::2] for line in answer.read().decode().splitlines()]
        told = [value for key, value in lines if key == "data"][-1]
        kind = [value for key, value in lines if key == "event"][-1]
        said = json.loads(told or "null")
        words = said.get("error") if isinstance(said, dict) else said
        if kind != "complete" and any(raw in str(words) for raw in RAW):
            return f"{kind} in Python's words: {words}"
        return "" if kind == "complete" or words else f"{kind} without words: {told}"
    except HTTPError as error:
        words = error.read().decode(errors="replace")
        return "" if words.strip() and error.code < 500 else f"{error.code} {words[:200]}"
    except OSError as error:
        return f"no answer: {error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of a running app, ending in /; else one is started")
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--malformed", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pid, url, process = 0, options.url, None
        if not url:
            from conftest import SHIPPED, started

            process, url = started(SHIPPED, Path(folder))
            pid = process.pid
        try:
            count = load(url, options.visitors, options.seconds, pid=pid)
            bad = fuzz(url, options.malformed)
        finally:
            if process:
                process.terminate()
                process.wait()
    print(json.dumps({**asdict(count), "growth": count.growth, "malformed": bad}, indent=1))
    sys.exit(bool(count.errors or count.mixed_up or bad or count.growth >= MOST_GROWTH))


if __name__ == "__main__":
    main()
