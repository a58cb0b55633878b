"""The distributed model against the real mHM 5.13.4, one core each, in one run.

Claims: at least 25 times mHM's cell-hours per CPU second with Desilets (mean of the 24 hourly
counts, as mHM does), 12 times without neutrons; a parameter set regionalized at least 20 times
faster; cost linear in members; memory bounded by the size of a chunk.

    ROOTZONE_MHM=/path/to/mhm python benchmarks/catchment.py

Both are bound to one core. CPU time is counted, not wall time. What mHM needs to start, to read
and to regionalize is taken away as the difference of a long and a short run; for ours the whole
call counts (parameters, gathering of weather, daily water content of all horizons as numpy
arrays), compiled before. `pip install mhm==5.13.4` brings mHM where ROOTZONE_MHM is not set.
"""

import importlib.util
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import jax
import numpy as np

from common import save
from rootzone.data.cells import (
    calendar_of,
    disaggregation_of,
    regionalization_of,
    weather_of,
)
from rootzone.data.domain import Cases, Domain, Setup
from rootzone.data.mhm import default_parameters, write_folder
from rootzone.data.synthetic_domain import hills
from rootzone.neutrons.cell_counts_mhm import CosmicMhm513, DesiletsMhm513
from rootzone.simulate.catchment import Catchment, run_days, run_members
from rootzone.water.cell import MHM_5_13, EveryStep, OnceADay

SHORT, LONG = 10, 375
REPEATS = 3
CHUNKS = (1024, 2048, 4096)
ROWS = {
    "no neutrons": (0, None),
    "Desilets, mean of 24 hourly counts": (1, EveryStep(DesiletsMhm513())),
    "Desilets, once a day": (1, OnceADay(DesiletsMhm513())),
    "COSMIC, mean of 24 hourly counts": (2, EveryStep(CosmicMhm513())),
}


def setup_of(domain: Domain, days: int, neutrons: int) -> Setup:
    """Return a run over the first days of the weather."""
    first = domain.weather.times[0].astype("datetime64[D]")
    return Setup(Cases(1, 0, neutrons), first, first + (days - 1))


def catchment_of(domain: Domain, setup: Setup, counts: EveryStep | OnceADay | None) -> Catchment:
    """Return the compiled catchment; its parameters are computed in double precision."""
    with jax.enable_x64(True):
        regionalization = regionalization_of(domain, setup, compat=MHM_5_13)
    return Catchment(
        regionalization,
        weather_of(domain, setup),
        calendar_of(domain, setup),
        disaggregation_of(domain, setup),
        counts=counts,
    )


def cpu_seconds(call: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Return the CPU time of repeated calls of this process."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return times


# --- the real model -------------------------------------------------------------------------


def mhm_command() -> list[str] | None:
    """Return the command that starts mHM, or None."""
    if os.environ.get("ROOTZONE_MHM"):
        return [os.environ["ROOTZONE_MHM"]]
    return [sys.executable, "-m", "mhm"] if importlib.util.find_spec("mhm") else None


def mhm_seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the CPU time of a run of mHM, and the time of MPR that it prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, check=True, timeout=3600
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = re.search(r"Executing MPR \.\.\.\s*in\s+([0-9.]+) seconds", done.stdout)
    return used, float(found[1]) if found else float("nan")


def mhm_times(domain: Domain, command: list[str]) -> dict[int, dict[str, float]]:
    """Return CPU nanoseconds per cell-hour and seconds of MPR for the neutron cases."""
    result = {}
    for neutrons in (0, 1, 2):
        with tempfile.TemporaryDirectory() as name:
            folders = {}
            for days in (SHORT, LONG):
                setup = setup_of(domain, days, neutrons)
                folders[days] = Path(name) / str(days)
                table = default_parameters(setup.cases, len(domain.geology_table.unit))
                write_folder(domain, folders[days], setup, table, outputs=())
                for part in ("output", "restart"):
                    (folders[days] / part).mkdir(exist_ok=True)
            pairs = [
                (mhm_seconds(command, folders[SHORT]), mhm_seconds(command, folders[LONG]))
                for _ in range(REPEATS)
            ]
        hours = 24.0 * (LONG - SHORT) * domain.cells
        each = [1e9 * (long[0] - short[0]) / hours for short, long in pairs]
        mpr = [run[1] for pair in pairs for run in pair]
        result[neutrons] = {
            "ns_per_cell_hour": statistics.median(each),
            "ns_per_cell_hour_all": each,
            "mpr_seconds": statistics.median(mpr),
        }
        print(f"mHM, neutron case {neutrons}: {each}, MPR {mpr}", flush=True)
    return result


# --- ours -----------------------------------------------------------------------------------


def run_times(domain: Domain, mhm: dict[int, dict[str, float]]) -> list[dict]:
    """Return nanoseconds per cell-hour of one parameter set over all cells, float32."""
    rows = []
    for name, (neutrons, counts) in ROWS.items():
        catchment = catchment_of(domain, setup_of(domain, LONG, neutrons), counts)
        values = catchment.regionalization.parameter_table.default
        row: dict = {"run": name}
        for chunk in CHUNKS:

            def call(c: Catchment = catchment, v: np.ndarray = values, n: int = chunk) -> None:
                for block in run_days(c, v, outputs=("theta",), chunk=n):
                    assert np.isfinite(block.daily["theta"]).all()

            call()
            times = [1e9 * t / (24.0 * LONG * domain.cells) for t in cpu_seconds(call)]
            row[f"ns_per_cell_hour_chunk_{chunk}"] = statistics.median(times)
            row[f"all_chunk_{chunk}"] = times
        best = min(row[f"ns_per_cell_hour_chunk_{c}"] for c in CHUNKS)
        row["ns_per_cell_hour"] = best
        if mhm:
            row["mhm_ns_per_cell_hour"] = mhm[neutrons]["ns_per_cell_hour"]
            row["ratio"] = row["mhm_ns_per_cell_hour"] / best
        print(row, flush=True)
        rows.append(row)
    return rows


def regionalization_times(domain: Domain, mhm: dict[int, dict[str, float]]) -> dict:
    """Return seconds per parameter set, as a batch, with all scenes."""
    model = regionalization_of(domain, setup_of(domain, SHORT, 1), compat=MHM_5_13)
    table = model.parameter_table
    members = 32
    rng = np.random.default_rng(0)
    drawn = table.lower + rng.uniform(size=(members, len(table))) * (table.upper - table.lower)
    batch = jax.jit(jax.vmap(type(model).__call__, in_axes=(None, 0)))

    def call(values: np.ndarray) -> None:
        jax.block_until_ready(batch(model, table.coefficients(values)))

    result: dict = {"fine_cells": int(domain.mask.sum()), "scenes": len(domain.scenes)}
    for name, values in (("batch of 32", drawn), ("alone", drawn[:1])):
        call(values)
        times = [t / len(values) for t in cpu_seconds(lambda v=values: call(v))]
        result[f"seconds_per_set, {name}"] = statistics.median(times)
    if mhm:
        result["mhm_seconds_per_set"] = mhm[1]["mpr_seconds"]
        result["ratio"] = mhm[1]["mpr_seconds"] / result["seconds_per_set, batch of 32"]
    print(result, flush=True)
    return result


def member_times(domain: Domain) -> list[dict]:
    """Return the cost of ensembles over 29 cells, and the memory they need."""
    whole = catchment_of(domain, setup_of(domain, LONG, 1), EveryStep(DesiletsMhm513()))
    catchment = whole.of_cells(np.arange(29) * 7)
    table = catchment.regionalization.parameter_table
    rng = np.random.default_rng(1)
    spread = 0.1 * (table.upper - table.lower)
    rows = []
    for members in (64, 256, 1024):
        values = table.default + spread * rng.uniform(-1, 1, (members, len(table)))
        values = np.clip(values, table.lower, table.upper)

        def call(v: np.ndarray = values) -> None:
            for part in run_members(catchment, v, outputs=("theta",), chunk=2048):
                assert np.isfinite(part.daily["neutrons"]).all()

        call()
        columns = 29 * members
        seconds = statistics.median(cpu_seconds(call, 3))
        rows.append(
            {
                "members": members,
                "columns": columns,
                "cpu_seconds": seconds,
                "ns_per_column_hour": 1e9 * seconds / (24.0 * LONG * columns),
                "peak_memory_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
            }
        )
        print(rows[-1], flush=True)
    return rows


def float32_difference(domain: Domain) -> float:
    """Return the largest difference of daily theta, float32 against float64."""
    catchment = catchment_of(domain, setup_of(domain, LONG, 0), None)
    values = catchment.regionalization.parameter_table.default
    single = [b.daily["theta"] for b in run_days(catchment, values, outputs=("theta",))]
    with jax.enable_x64(True):
        double_catchment = catchment_of(domain, setup_of(domain, LONG, 0), None)
        double = [b.daily["theta"] for b in run_days(double_catchment, values, outputs=("theta",))]
    pairs = zip(single, double, strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def main() -> None:
    """Time both models and write the ratios."""
    domain = hills(1, shape=(160, 200), start="1990-11-01", days=LONG)
    print(f"{domain.cells} cells, {int(domain.mask.sum())} fine cells", flush=True)
    load = os.getloadavg()
    command = mhm_command()
    mhm = {} if command is None else mhm_times(domain, command)
    content = {
        "cells": domain.cells,
        "fine_cells": int(domain.mask.sum()),
        "days": LONG,
        "load_at_start": load,
        "mhm": {str(k): v for k, v in mhm.items()},
        "runs": run_times(domain, mhm),
        "regionalization": regionalization_times(domain, mhm),
        "members": member_times(domain),
        "float32_theta_difference": float32_difference(domain),
        "load_at_end": os.getloadavg(),
    }
    save("catchment", content)


if __name__ == "__main__":
    main()
