"""The paper's experiment on twins: one ensemble of 100,000 sets, many truths.

29 cells of a synthetic valley, four land covers, five years of warm-up, ten months of daily counts
with errors and gaps. What is simulated does not depend on the truth, so all truths are scored in
the same pass: five of the model itself, and some of Richards columns with COSMIC and structure
near the track (the harder twin).

    python benchmarks/transect_twin.py --store FOLDER [--sets 100000] [--truths 5] [--harder 3]

The store goes on after a stop. Writes docs/tables/transect_twin.{json,md}.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np

from common import machine
from rootzone.calibrate import latin_hypercube
from rootzone.calibrate.behavioral import behavioral
from rootzone.calibrate.objectives import SCORES, Objective
from rootzone.calibrate.problem import Aim, Problem
from rootzone.config import load_study
from rootzone.data import Log
from rootzone.data.ensemble_store import EnsembleStore
from rootzone.simulate.catchment_devices import use_all_cores
from rootzone.studies.context import Context
from rootzone.studies.runner import versions
from rootzone.studies.transect_evaluate import evaluate
from rootzone.studies.transect_input import Prepared, prepare
from rootzone.studies.transect_transfer import transfer

TABLES = Path(__file__).resolve().parents[1] / "docs" / "tables"
PAPER = {"dense forest": 0.76, "open forest": 0.45, "shunting area": 0.24, "meadow": 0.79}
STUDY = {
    "kind": "transect",
    "seed": 1,
    "precision": "float32",
    "source": {
        "method": "synthetic",
        "preset": "rail_valley",
        "start": "2016-09-01",
        "days": 1826 + 304,
    },
    "period": {"warm_up_days": 1826},
    "observations": {"method": "twin"},
    "search": {"parameters": {"preset": "railway_27_fixed_N0"}},
    "transfer": {"method": "twin"},
}


def studies(truths: int, harder: int) -> dict[str, dict]:
    """Return a study for each truth, by a name."""
    found = {}
    for kind, count in (("same_model", truths), ("richards", harder)):
        for seed in range(1, count + 1):
            twin = {"method": "twin", "truth": kind, "truth_seed": seed}
            found[f"{kind}{seed}"] = {**STUDY, "observations": twin}
    return found


def run_ensemble(
    prepared: dict[str, Prepared], sets: np.ndarray, path: Path
) -> tuple[EnsembleStore, float, float]:
    """Score all sets against all truths; return the store, wall and CPU seconds of this call."""
    first = next(iter(prepared.values()))
    reading = first.problem.simulator.readings["counts"]
    simulator = first.problem.simulator._replace(readings=dict.fromkeys(prepared, reading))
    observed = {name: p.problem.observed["counts"] for name, p in prepared.items()}
    problem = Problem(first.space, first.calibration, simulator, observed)
    store = EnsembleStore.create(
        path,
        recipe={"study": json.dumps(STUDY), "truths": list(prepared)},
        made_with=versions()["rootzone"],
        parameters=first.space.names,
        values=sets,
        block=problem.block(len(sets)),
        scores={name: ("group",) if of else () for name, of in problem.names.items()},
        coordinates={"group": problem.groups},
    )
    done = store.known()
    wall, cpu = time.perf_counter(), time.process_time()
    told = wall
    for part in problem.parts(sets, done=done):
        store.write(part.number, part.scores)
        if time.perf_counter() - told > 60:
            told = time.perf_counter()
            print(f"{len(store.known())} of {store.blocks} parts", flush=True)
    return store, time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Run all truths and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--sets", type=int, default=100_000)
    parser.add_argument("--truths", type=int, default=5)
    parser.add_argument("--harder", type=int, default=3)
    args = parser.parse_args()
    use_all_cores()
    jax.config.update("jax_enable_x64", False)
    context = Context(log=Log(show=lambda prefix, text: print(prefix + text, flush=True)))
    args.store.mkdir(parents=True, exist_ok=True)
    loaded = {n: load_study(s) for n, s in studies(args.truths, args.harder).items()}
    prepared = {}
    for name, study in loaded.items():
        started = time.perf_counter()
        prepared[name] = prepare(study, context)
        print(f"{name}: truth made in {time.perf_counter() - started:.0f} s", flush=True)
    sets = latin_hypercube(next(iter(prepared.values())).space, args.sets, STUDY["seed"])
    store, wall, cpu = run_ensemble(prepared, sets, args.store / "ensemble.zarr")
    timing = args.store / "timing.json"
    parts = json.loads(timing.read_text()) if timing.exists() else []
    parts.append({"wall": wall, "cpu": cpu})
    timing.write_text(json.dumps(parts))
    found = {"sets": args.sets, "machine": machine(), "timing": parts, "truths": {}}
    for name, p in prepared.items():
        print(name, flush=True)
        scores = {s: store.read(f"{name}_{s}") for s in SCORES}
        sections = p.places.sections
        kept = {
            section: behavioral(
                sets,
                Aim(Objective("nse", (section,)), {"counts": 1.0}).of(
                    {f"counts_{k}": v for k, v in scores.items()}, p.problem.groups
                ),
            )
            for section in sections
        }
        result = evaluate(loaded[name], p, kept, context)
        sites = transfer(loaded[name], p, kept, context)
        found["truths"][name] = {
            "kept": {n: [float(k.objective[-1]), float(k.objective[0])] for n, k in kept.items()},
            "scores": result.scores,
            "patterns": result.patterns,
            "transfer": {s.name: {"section": s.section, "scores": s.scores} for s in sites},
        }
    TABLES.mkdir(exist_ok=True)
    (TABLES / "transect_twin.json").write_text(json.dumps(found, indent=1) + "\n")
    (TABLES / "transect_twin.md").write_text(table(found))
    print(table(found))


# --- the table ------------------------------------------------------------------------------


def median(values: list[float]) -> float:
    """Return the median of numbers."""
    return float(np.median(np.asarray(values, float)))


def table(found: dict) -> str:
    """Return the tables of all kinds of truth."""
    lines: list[str] = []
    for kind, words in (
        ("same_model", "Truth: the model itself"),
        ("richards", "Truth: Richards columns with COSMIC and structure near the track"),
    ):
        truths = [t for n, t in found["truths"].items() if n.startswith(kind)]
        if truths:
            lines += [f"**{words}**, medians of {len(truths)} truths, {found['sets']} sets:", ""]
            lines += _of_kind(truths)
    return "\n".join(lines) + "\n"


def _of_kind(truths: list[dict]) -> list[str]:
    def of(run: str, what: str, group: str, score: str) -> float:
        return median([t["scores"][run][what][group][score] for t in truths])

    def both(what: str, group: str, score: str, shape: str = "{:.2f}") -> str:
        pair = (of(run, what, group, score) for run in ("default", "calibrated"))
        return " → ".join(shape.format(x) for x in pair)

    lines = [
        "| section | NSE of observed counts | KGE (2009) | r² | PBIAS [%] | NSE of true counts | "
        "NSE of true 0-60 cm water | its RMSE [m3 m-3] | NSE of the paper |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    sections = list(truths[0]["kept"])
    for name in sections:
        paper = f"{PAPER[name]:.2f}"
        seen, true, water = "observed counts", "true counts", "true root-zone water"
        lines.append(
            f"| {name} | {both(seen, name, 'nse')} | {both(seen, name, 'kge_2009')} | "
            f"{both(seen, name, 'r_squared')} | {both(seen, name, 'pbias', '{:+.1f}')} | "
            f"{both(true, name, 'nse')} | {both(water, name, 'nse')} | "
            f"{both(water, name, 'rmse', '{:.3f}')} | {paper} |"
        )
    lines += [
        "",
        "| SPAEF over days and cells of | default → calibrated | its α, β, γ |",
        "|---|---|---|",
    ]
    for what in truths[0]["patterns"]["default"]:
        get = lambda run, key, what=what: median(  # noqa: E731
            [t["patterns"][run][what][key] for t in truths]
        )
        parts = ", ".join(f"{get('calibrated', k):.2f}" for k in ("alpha", "beta", "gamma"))
        pair = f"{get('default', 'spaef'):.2f} → {get('calibrated', 'spaef'):.2f}"
        lines.append(f"| {what} | {pair} | {parts} |")
    lines += ["", *_transferred(truths), ""]
    return lines


def _transferred(truths: list[dict]) -> list[str]:
    lines = [
        "| other sites, sets of | depth | NSE | KGE (2012) | PBIAS [%] | RMSE [m3 m-3] |",
        "|---|---|---|---|---|---|",
    ]
    sites = [s for t in truths for s in t["transfer"].values()]
    for section in dict.fromkeys(s["section"] for s in sites):
        mine = [s["scores"] for s in sites if s["section"] == section]
        for depth in mine[0]["default"]:

            def pair(score: str, shape: str, mine=mine, depth=depth) -> str:
                values = (
                    median([s[run][depth][score] for s in mine])
                    for run in ("default", "calibrated")
                )
                return " → ".join(shape.format(x) for x in values)

            lines.append(
                f"| {section} ({len(mine)}) | {depth} | {pair('nse', '{:.2f}')} | "
                f"{pair('kge_2012', '{:.2f}')} | {pair('pbias', '{:+.1f}')} | "
                f"{pair('rmse', '{:.3f}')} |"
            )
    return lines


if __name__ == "__main__":
    main()
