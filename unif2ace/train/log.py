"""The log of a run: one JSON object a line, which survives interruptions."""

from __future__ import annotations

import json
from pathlib import Path


class StepLog:
    """JSON lines, one per logged step; lines past the resumed step are dropped first."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        kept = []
        if path.exists():
            for line in path.read_text().splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:  # the last line of a killed run
                    continue
                if row["step"] <= step:
                    kept.append(line)
        path.write_text("".join(f"{line}\n" for line in kept))

    def write(self, step: int, seconds: float, **values: float) -> None:
        row = {"step": step, "seconds": round(seconds, 1)}
        row |= {name: round(value, 6) for name, value in values.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
