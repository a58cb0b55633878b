"""What every benchmark shares: the machine, medians of repeats, results as JSON."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


def machine() -> dict[str, str | int]:
    """Return what the numbers depend on."""
    import jax

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {
        "processor": model,
        "cores": os.cpu_count() or 0,
        "system": platform.system(),
        "python": platform.python_version(),
        "jax": jax.__version__,
    }


def median_seconds(call: Callable[[], object], repeats: int = 7) -> tuple[float, list[float]]:
    """Return the median wall time of a call and all of them; the call must finish its work."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), times


def save(name: str, content: dict) -> None:
    """Write a result with the machine beside it, and print it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **content}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)
