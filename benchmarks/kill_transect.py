"""A transect study killed again and again ends with the store of an undisturbed run.

Runs a small ensemble, kills the process (kill -9, with its workers) at random moments, goes on with
--resume until the run is done, and compares the store byte by byte with that of a run that nobody
disturbed; so on with new runs until ten kills have happened. Once on the devices of one process,
once with two workers.

    python benchmarks/kill_transect.py [--kills 10]
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import save
from rootzone.data.ensemble_store import differences

STUDY = """kind: transect
seed: 1
source: {method: synthetic, preset: rail_valley, start: 2020-09-01, days: 423}
period: {warm_up_days: 365}
observations: {method: twin}
search: {ensemble: {sets: SETS}, sensitivity: false}
computation: {chunk: 512}
"""


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


def disturbed(study: Path, out: Path, extra: list[str], kills: int, whole: Path) -> dict:
    """Kill at random moments until there were so many kills and the last run is done."""
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
        different += differences(whole / "ensemble.zarr", out / "ensemble.zarr")
        if enough:
            return {
                "kills": len(moments),
                "moments_s": moments,
                "runs": runs,
                "different_files": different,
            }
        shutil.rmtree(out)


def main() -> None:
    """Compare both ways."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--sets", type=int, default=6000)
    args = parser.parse_args()
    found = {"sets": args.sets}
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study.yaml"
        study.write_text(STUDY.replace("SETS", str(args.sets)))
        whole = Path(folder) / "whole"
        undisturbed(study, whole, [])
        for name, extra in (
            ("here", []),
            ("workers", ["--scheduler", "local", "--workers", "2"]),
        ):
            out = Path(folder) / name
            row = disturbed(study, out, extra, args.kills, whole)
            found[name] = row
            print(name, row, flush=True)
    save("kill_transect", found)


if __name__ == "__main__":
    main()
