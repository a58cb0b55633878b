"""The scale of a transect study: 100,000 sets of 29 cells over six years of hourly steps.

Claims on two cores: at most 60 minutes by measurement of a tenth (10,000 sets, extrapolated by
ten); memory under 4 GiB; cost linear in sets and in cells; two dask workers do at least 85 % of
twice the work of one.

    python benchmarks/transect.py [--sets 10000]

Every row is a process of its own; wall time and CPU time count from the first part of the ensemble
(compilation included) to the last score in the store. Scores of all sections, SPAEF and likelihood
of every set are part of it. mHM's cost is the one of `benchmarks/catchment.py`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from common import save

WARMING, DAYS = 1826, 304
STUDY = {
    "kind": "transect",
    "seed": 1,
    "precision": "float32",
    "source": {
        "method": "synthetic",
        "preset": "rail_valley",
        "start": "2016-09-01",
        "days": WARMING + DAYS,
    },
    "period": {"warm_up_days": WARMING},
    "observations": {"method": "twin"},
}


def one(job: dict) -> dict:
    """Run an ensemble in this process and return what it took."""
    import jax
    import numpy as np

    from rootzone.config import load_study
    from rootzone.simulate.catchment_devices import use_all_cores
    from rootzone.studies.context import Context
    from rootzone.studies.transect_ensemble import run_ensemble
    from rootzone.studies.transect_input import prepare

    devices = use_all_cores() if job["workers"] == 0 else 1
    jax.config.update("jax_enable_x64", False)
    study = dict(STUDY)
    study["search"] = {"ensemble": {"sets": job["sets"]}}
    loaded = load_study(study)
    if job["workers"]:
        return {**job, **_workers(loaded, job)}
    with tempfile.TemporaryDirectory() as folder:
        context = Context(folder=Path(folder))
        prepared = prepare(loaded, context)
        if job["cells"] < 29:
            prepared = _cut(prepared, job["cells"])
        wall, cpu = time.perf_counter(), time.process_time()
        found = run_ensemble(loaded, prepared, context, made_with="benchmark")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        finite = float(np.isfinite(found.scores["counts_nse"]).mean())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        **job,
        "devices": devices,
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_MiB": peak,
        "finite": finite,
    }


def _workers(loaded, job: dict) -> dict:
    """Return the sets a second of workers that have compiled: from one part to another."""
    from rootzone.calibrate.cluster import cluster
    from rootzone.studies.context import Context
    from rootzone.studies.transect_ensemble import drawn
    from rootzone.studies.transect_input import prepare

    context = Context()
    prepared = prepare(loaded, context)
    values = drawn(loaded, prepared.space, context)
    times = []
    with cluster("local", job["workers"]) as pool:
        for part in pool.parts(prepared.problem, values):
            times.append((time.perf_counter(), len(part.members)))
    first = 4 * job["workers"]
    sets = sum(n for _, n in times[first + 1 :])
    seconds = times[-1][0] - times[first][0]
    return {"sets_timed": sets, "seconds": seconds, "sets_per_s": sets / seconds}


def _cut(prepared, cells: int):
    """Return the problem of the first cells of the line."""
    import numpy as np

    from rootzone.calibrate.objectives import Observed

    problem = prepared.problem
    simulator = problem.simulator
    observed = problem.observed["counts"]
    kept = np.arange(cells)
    reading = simulator.readings["counts"]
    readings = {"counts": reading._replace(weights=np.asarray(reading.weights)[kept])}
    cut = type(simulator).of(
        simulator.catchment,
        readings,
        first_day=simulator.first_day,
        chunk=simulator.chunk,
        dtype=simulator.dtype,
    )
    section = np.asarray(observed.section)[kept]
    names = observed.sections[: int(section.max()) + 1]
    some = Observed(
        np.asarray(observed.values)[:, kept], np.asarray(observed.sigma)[:, kept], section, names
    )
    prepared.problem = problem._replace(simulator=cut, observed={"counts": some})
    return prepared


def in_process(job: dict) -> dict:
    """Run a job in a process of its own."""
    call = [sys.executable, __file__, "--job", json.dumps(job)]
    text = subprocess.run(call, check=True, capture_output=True, text=True).stdout
    found = json.loads(text.splitlines()[-1])
    print(found, file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Run all rows and save them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", type=int, default=10_000)
    parser.add_argument("--job")
    args = parser.parse_args()
    if args.job:
        print(json.dumps(one(json.loads(args.job))))
        return
    load = os.getloadavg()[0]
    tenth = args.sets
    rows = [
        in_process({"sets": n, "cells": 29, "workers": 0})
        for n in (tenth // 8, tenth // 4, tenth // 2, tenth)
    ]
    cells = [in_process({"sets": tenth // 4, "cells": n, "workers": 0}) for n in (7, 14)]
    workers = [in_process({"sets": tenth // 2, "cells": 29, "workers": n}) for n in (1, 2)]
    save(
        "transect",
        {
            "load_before": load,
            "days": WARMING + DAYS,
            "rows": rows,
            "cells": cells,
            "workers": workers,
        },
    )


if __name__ == "__main__":
    main()
