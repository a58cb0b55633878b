"""Richards columns in batches against HYDRUS-1D, one column at a time, on the same cores.

    python benchmarks/richards.py [--hydrus EXE] [--quick]

1024 bare columns (six soils, perturbed, mixed in every chunk) over three years, float32, the
default step control, a thread for each of two cores: on 151 nodes of 1 cm and on 61 nodes that
grow from 0.2 cm. EXE is HYDRUS-1D 4.08 built with `gfortran -O3`; it computes some of the same
columns on the same cores in turn with ours, writing at the end only. Without it the ratios are
left out. CPU time is compared, which other work on the machine disturbs little. Asked: 6 times
less CPU than HYDRUS at equal grid, 20 times less on a graded grid of equal 0-30 cm accuracy.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

import richards_hydrus as peer
from common import save
from rootzone.core.compiling import WIDE_VECTORS
from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import Control, Forcing, Grid, Richards, Run, Status

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference" / "hydrus"
CORES = 2
WIDTH = 128
"""Columns in a chunk."""
FEW = 32
"""Columns in a chunk where there are few."""
UNIFORM, GRADED, FINE = "uniform_151", "graded_61", "graded_151"
GRIDS = {
    UNIFORM: Grid.uniform(150.0),
    GRADED: Grid.graded(150.0, 61, 0.2),
    FINE: Grid.graded(150.0, 151, 0.2),
}
# Carsel and Parrish (1988), Table 6: theta_r, theta_s, alpha [cm-1], n, K_s [cm d-1]; the fine
# soils with air entry at -2 cm.
SOILS = {
    "sand": (0.045, 0.43, 0.145, 2.68, 712.8, 0.0),
    "sandy_loam": (0.065, 0.41, 0.075, 1.89, 106.1, 0.0),
    "loam": (0.078, 0.43, 0.036, 1.56, 24.96, 0.0),
    "silt_loam": (0.067, 0.45, 0.020, 1.41, 10.8, 0.0),
    "clay_loam": (0.095, 0.41, 0.019, 1.31, 6.24, -2.0),
    "clay": (0.068, 0.38, 0.008, 1.09, 4.8, -2.0),
}
CASES = ("sand", "loam", "silt_loam", "clay")


class Columns(NamedTuple):
    """Soils (6, column) in the order of VanGenuchten without l; weather (day, column) [cm d-1]."""

    soil: np.ndarray
    rain: np.ndarray
    evaporation: np.ndarray

    def take(self, which) -> "Columns":
        """Return some of the columns."""
        return Columns(*(np.ascontiguousarray(part[:, which]) for part in self))

    def first_days(self, days: int) -> "Columns":
        """Return the columns with the beginning of their weather."""
        return Columns(self.soil, self.rain[:days], self.evaporation[:days])

    def chunks(self, width: int) -> "list[Columns]":
        """Return the columns in chunks."""
        return [self.take(slice(k, k + width)) for k in range(0, self.soil.shape[1], width)]


class Cost(NamedTuple):
    """Time of a set of columns [s]."""

    cpu: float
    wall: float


def weather() -> tuple[np.ndarray, np.ndarray]:
    """Return rain and potential evaporation of three years [cm d-1]."""
    table = pd.read_csv(REFERENCE / "forcing_synthetic.csv")
    return table["rain_mm"].to_numpy() / 10, table["pet_mm"].to_numpy() / 10


def ensemble(count: int, days: int) -> Columns:
    """Return columns of all soils in turn, their parameters and rain days perturbed."""
    draw = np.random.default_rng(0)
    soil = np.array(list(SOILS.values())).T[:, np.arange(count) % len(SOILS)]
    soil[2] *= np.exp(draw.normal(0.0, 0.2, count))
    soil[3] = 1.0 + (soil[3] - 1.0) * np.exp(draw.normal(0.0, 0.1, count))
    soil[4] *= np.exp(draw.normal(0.0, 0.5, count))
    rain, evaporation = (series[:days] for series in weather())
    shifted = [np.roll(rain, shift) for shift in draw.integers(0, days, count)]
    return Columns(soil, np.stack(shifted, 1), np.repeat(evaporation[:, None], count, 1))


def of_soil(columns: Columns, name: str, count: int) -> Columns:
    """Return the first columns of a soil, repeated where there are fewer."""
    first = list(SOILS).index(name)
    there = np.arange(first, columns.soil.shape[1], len(SOILS))
    return columns.take(np.resize(there, count))


def reference_columns(days: int) -> Columns:
    """Return the unperturbed columns of the reference, repeated to fill a chunk."""
    rain, evaporation = (np.repeat(series[:days, None], FEW, 1) for series in weather())
    soil = np.array([SOILS[name] for name in CASES]).T
    return Columns(soil[:, np.arange(FEW) % len(CASES)], rain, evaporation)


class Program:
    """A compiled run of chunks of one width on one grid in one precision."""

    def __init__(self, grid: Grid, chunk: Columns, dtype: type = np.float32) -> None:
        weights = np.asarray(grid.layer_weights([0.0, 30.0]))

        def simulate(columns: Columns) -> Run:
            *soil, entry = (part[None] for part in columns.soil)
            column = Richards(VanGenuchten(*soil, air_entry=entry), grid)
            state = column.initial(jnp.full(grid.depth.size, -100.0, dtype), columns.rain.shape[1])
            return column.run(state, Forcing(columns.rain, columns.evaporation), observe=weights)

        self.dtype = dtype
        with jax.enable_x64(dtype == np.float64):
            start = time.perf_counter()
            self.compiled = jax.jit(simulate).lower(self._cast(chunk)).compile(WIDE_VECTORS)
            self.compile_s = time.perf_counter() - start
        width = chunk.soil.shape[1]
        found = self.compiled.memory_analysis()
        self.bytes_per_column = {
            "weather_and_soil": found.argument_size_in_bytes // width,
            "results": found.output_size_in_bytes // width,
            "state_and_work": found.temp_size_in_bytes // width,
        }

    def _cast(self, chunk: Columns) -> Columns:
        return Columns(*(part.astype(self.dtype) for part in chunk))

    def _one(self, chunk: Columns) -> Run:
        with jax.enable_x64(self.dtype == np.float64):
            return jax.tree.map(np.asarray, self.compiled(self._cast(chunk)))

    def __call__(self, chunks: list[Columns]) -> tuple[Run, Cost]:
        """Run chunks, a thread for each core, and put the results side by side."""
        cpu, wall = time.process_time(), time.perf_counter()
        with ThreadPoolExecutor(CORES) as pool:
            parts = list(pool.map(self._one, chunks))
        cost = Cost(time.process_time() - cpu, time.perf_counter() - wall)
        return jax.tree.map(lambda *x: np.concatenate(x, axis=-1), *parts), cost


def peers(columns: Columns, grid: str, folder: Path, daily: bool = False) -> list[Path]:
    """Write the columns for HYDRUS and return their folders."""
    folders = []
    for k in range(columns.soil.shape[1]):
        *soil, entry = columns.soil[:, k]
        folders.append(folder / str(k))
        depth = np.asarray(GRIDS[grid].depth)
        weather_k = columns.rain[:, k], columns.evaporation[:, k]
        peer.write(peer.Column(*soil, entry < 0.0, depth, *weather_k), folders[-1], daily)
    return folders


class Hydrus:
    """Some columns of each soil for HYDRUS: mean CPU time of one [s]."""

    def __init__(self, executable: Path, columns: Columns, count: int, place: Path) -> None:
        self.executable, self.count, self.place = executable, count, place
        self.columns = columns
        self.days = columns.rain.shape[0]

    def first_year(self) -> "Hydrus":
        """Return the same for the first year only."""
        brief = self.columns.first_days(365)
        return Hydrus(self.executable, brief, self.count, self.place / "year")

    def __call__(self, name: str, grid: str = UNIFORM, daily: bool = False) -> float:
        """Return the mean CPU time of the columns of a soil."""
        folder = self.place / f"{name}-{grid}-{daily}"
        folders = peers(of_soil(self.columns, name, self.count), grid, folder, daily)
        found = peer.run_all(self.executable, folders, CORES)
        short = [one for one in found if one.reached < self.days]
        if short:
            raise SystemExit(f"HYDRUS ended early in {name} on {grid}: {short}")
        return statistics.mean(one.cpu_s for one in found)

    def known(self) -> dict[str, dict[str, float]]:
        """Return its drainage of the reference columns beside that of its tight settings [cm]."""
        columns = reference_columns(self.days).take(slice(0, len(CASES)))
        folders = peers(columns, UNIFORM, self.place / "known")
        found = peer.run_all(self.executable, folders, CORES)
        truth = pd.read_csv(REFERENCE / "hydrus_R_daily.csv.gz").iloc[self.days - 1]
        return {
            name: {"drainage": one.drainage, "tight": float(truth[f"b_bare_{name}|drainage"])}
            for name, one in zip(CASES, found, strict=True)
        }


def rmse(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the root mean square of the difference over days (column)."""
    return np.sqrt(np.mean((a - b) ** 2, axis=0))


def against_reference(program: Program, days: int) -> dict[str, dict[str, float]]:
    """Return the errors of the reference columns against HYDRUS-1D with tight settings."""
    run, _ = program([reference_columns(days)])
    truth = pd.read_csv(REFERENCE / "hydrus_R_daily.csv.gz").iloc[:days]
    rows = {}
    for k, name in enumerate(CASES):
        error = run.theta[:, 0, k] - truth[f"b_bare_{name}|theta30"].to_numpy()
        drained = float(run.fluxes.drainage[:, k].sum())
        rows[name] = {
            "theta_rmse": float(np.sqrt(np.mean(error**2))),
            "theta_max": float(np.max(np.abs(error))),
            "drainage_relative": drained / truth[f"b_bare_{name}|drainage"].iloc[-1] - 1.0,
        }
    return rows


def repeat_costs(columns: Columns, hydrus: Hydrus | None, repeats: int) -> tuple[dict, dict]:
    """Return CPU times of a column-year [s], interleaved; what the mixed columns were like.

    Mixed: all columns, all days. Each soil: chunks of one soil, half as wide, the first year.
    """
    years = columns.rain.shape[0] / 365.0
    year = columns.first_days(365)
    half = WIDTH // 2
    wide = {g: Program(GRIDS[g], columns.take(slice(0, WIDTH))) for g in (UNIFORM, GRADED)}
    narrow = {g: Program(GRIDS[g], year.take(slice(0, half))) for g in (UNIFORM, GRADED)}
    brief = hydrus.first_year() if hydrus else None
    mixed = columns.chunks(WIDTH)
    cpu: dict[str, dict[str, list[float]]] = {name: {} for name in ("mixed", *SOILS)}
    wall: dict[str, list[float]] = {}
    last: dict[str, Run] = {}

    def note(row: str, key: str, value: float) -> None:
        cpu[row].setdefault(key, []).append(value)

    for repeat in range(repeats):
        for grid in (UNIFORM, GRADED):
            last[grid], cost = wide[grid](mixed)
            note("mixed", grid, cost.cpu / columns.soil.shape[1] / years)
            wall.setdefault(grid, []).append(columns.soil.shape[1] / cost.wall)
        if hydrus:
            note("mixed", "hydrus", statistics.mean(hydrus(name) for name in SOILS) / years)
        for name in SOILS:
            for grid in (UNIFORM, GRADED):
                some = of_soil(year, name, WIDTH)
                _, cost = narrow[grid](some.chunks(half))
                note(name, grid, cost.cpu / some.soil.shape[1])
            if brief:
                note(name, "hydrus", brief(name))
        print(f"repetition {repeat + 1}", json.dumps(cpu["mixed"]), file=sys.stderr)
    facts = {
        g: {
            "compile_s": wide[g].compile_s,
            "bytes_per_column": wide[g].bytes_per_column,
            "columns_per_s_wall": statistics.median(wall[g]),
            "flagged": int(np.sum(last[g].status != Status.DONE)),
            "balance_error_max_cm": float(np.max(np.abs(last[g].balance_error))),
            "attempts_per_column_year": float(np.mean(last[g].steps + last[g].rejected)) / years,
        }
        for g in wide
    }
    return cpu, facts


def summary(cpu: dict[str, dict[str, list[float]]]) -> dict[str, dict]:
    """Return medians of the CPU times and medians of the ratios of each repetition."""
    rows = {}
    for row, times in cpu.items():
        rows[row] = {f"{key}_cpu_s": statistics.median(value) for key, value in times.items()}
        rows[row]["all_cpu_s"] = times
        if "hydrus" in times:
            for grid in (UNIFORM, GRADED):
                ratios = [h / o for h, o in zip(times["hydrus"], times[grid], strict=True)]
                rows[row][f"ratio_{grid}"] = statistics.median(ratios)
    return rows


def further(columns: Columns) -> dict:
    """Return errors, and what the grading, double precision and wider chunks change."""
    days = columns.rain.shape[0]
    years = days / 365.0
    some = columns.take(slice(0, 2 * FEW))
    narrow = {g: Program(GRIDS[g], some.take(slice(0, FEW))) for g in GRIDS}
    single, cost = narrow[UNIFORM](some.chunks(FEW))
    program = Program(GRIDS[UNIFORM], some.take(slice(0, FEW)), np.float64)
    double, cost_double = program(some.chunks(FEW))
    fine, _ = narrow[FINE](some.chunks(FEW))
    graded, _ = narrow[GRADED](some.chunks(FEW))
    th30 = {
        key: run.theta[:, 0]
        for key, run in (("1", single), ("2", double), ("f", fine), ("g", graded))
    }
    of_grading, of_uniform = rmse(th30["g"], th30["f"]), rmse(th30["1"], th30["f"])
    wider = {}
    many = columns.take(slice(0, 4 * WIDTH)).first_days(365)
    for width in (FEW, WIDTH, 2 * WIDTH):
        if many.soil.shape[1] >= 2 * width:
            some = many.take(slice(0, max(2 * width, WIDTH)))
            _, paid = Program(GRIDS[UNIFORM], some.take(slice(0, width)))(some.chunks(width))
            wider[str(width)] = paid.cpu / some.soil.shape[1]
    return {
        "against_reference": against_reference(narrow[UNIFORM], days),
        "grading": {
            "columns": 2 * FEW,
            "graded_61_rmse_median": float(np.median(of_grading)),
            "graded_61_rmse_max": float(np.max(of_grading)),
            "graded_61_difference_max": float(np.max(np.abs(th30["g"] - th30["f"]))),
            "uniform_151_rmse_median": float(np.median(of_uniform)),
            "uniform_151_rmse_max": float(np.max(of_uniform)),
        },
        "double": {
            "cpu_s": cost_double.cpu / (2 * FEW) / years,
            "single_cpu_s": cost.cpu / (2 * FEW) / years,
            "single_rmse_max": float(np.max(rmse(th30["1"], th30["2"]))),
            "balance_error_max_cm": float(np.max(np.abs(double.balance_error))),
        },
        "cpu_s_by_chunk_width": wider,
    }


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hydrus", type=Path, help="executable of HYDRUS-1D 4.08")
    parser.add_argument("--quick", action="store_true", help="256 columns, a year, once; no file")
    args = parser.parse_args()
    count, days, repeats = (256, 365, 1) if args.quick else (1024, 1095, 3)
    columns = ensemble(count, days)
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as place:
        hydrus = None
        if args.hydrus:
            hydrus = Hydrus(args.hydrus.resolve(), columns, 3, Path(place))
        else:
            print("no --hydrus EXE: the ratios are left out", file=sys.stderr)
        cpu, facts = repeat_costs(columns, hydrus, repeats)
        content = {
            "columns": count,
            "days": days,
            "repeats": repeats,
            "tolerance": Control().tolerance,
            "cpu_per_column_year": summary(cpu),
            "grids": facts,
            **further(columns),
        }
        if hydrus:
            brief = hydrus.first_year()
            content["hydrus"] = {
                "columns_of_each_soil": hydrus.count,
                "drainage_cm": hydrus.known(),
                "cpu_s_first_year_once": {
                    key: statistics.mean(brief(s, **kind) for s in SOILS)
                    for key, kind in (
                        ("daily_text", {"daily": True}),
                        (FINE, {"grid": FINE}),
                        (GRADED, {"grid": GRADED}),
                    )
                },
            }
    load.append(os.getloadavg()[0])
    content["load_average"] = load
    if args.quick:
        print(json.dumps(content, indent=1))
    else:
        save("richards", content)


if __name__ == "__main__":
    main()
