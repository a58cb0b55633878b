"""Studies that are killed at random moments (kill -9, their workers too) and gone on with."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def start(study: Path, out: Path, extra: list[str]) -> subprocess.Popen:
    """Start a run in a process group of its own."""
    call = [sys.executable, "-m", "rootzone", "run", str(study), "--out", str(out), *extra]
    quiet = subprocess.DEVNULL
    env = {**os.environ, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        call, start_new_session=True, stdout=quiet, stderr=subprocess.PIPE, env=env
    )


def undisturbed(study: Path, out: Path, extra: list[str]) -> float:
    """Run to the end and return the seconds."""
    begin = time.perf_counter()
    process = start(study, out, extra)
    _, told = process.communicate()
    if process.returncode:
        raise SystemExit(told.decode())
    return time.perf_counter() - begin


def disturbed(
    study: Path, out: Path, extra: list[str], kills: int, compare: Callable[[Path], list[str]]
) -> dict:
    """Kill at random moments until there were so many kills and the last run is done.

    ``compare`` returns what differs in a finished run from an undisturbed one.
    """
    rng = random.Random(len(extra))
    moments: list[float] = []
    runs, different = 0, []
    seconds = undisturbed(study, out, extra)
    shutil.rmtree(out)
    while True:
        resume = ["--resume"] if (out / "study.yaml").exists() else []
        process = start(study, out, [*extra, *resume])
        enough = len(moments) >= kills
        moment = None if enough else rng.uniform(0.2, 1.0) * seconds
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            moments.append(round(moment or 0.0, 1))
            print(f"killed after {moments[-1]:.1f} s ({len(moments)} of {kills})", flush=True)
            continue
        runs += 1
        different += compare(out)
        if enough:
            return {
                "kills": len(moments),
                "moments_s": moments,
                "runs": runs,
                "different_files": different,
            }
        shutil.rmtree(out)
