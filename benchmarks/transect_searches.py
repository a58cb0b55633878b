"""Which search finds the best parameters in so many model runs.

A twin of the railway valley (26 parameters, 29 cells, six months of daily counts with errors and
gaps): one section by itself, and all four together. Every search has the same budget of model runs;
a gradient counts as the runs that its processor time is worth, measured here.

    python benchmarks/transect_searches.py --store FOLDER [--budget 1000] [--seeds 3]
    python benchmarks/transect_searches.py --redraw

What is evaluated is kept in the store: a stopped benchmark goes on. Writes
docs/tables/transect_searches.{json,md} and docs/_static/transect_searches.png; ``--redraw`` the
table and the figure out of the numbers that are there.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np

from common import machine
from rootzone.calibrate import latin_hypercube
from rootzone.calibrate.objectives import Objective
from rootzone.calibrate.problem import COUNTS, Aim
from rootzone.calibrate.searches import (
    Evaluated,
    Replay,
    ascend,
    best_so_far,
    dds,
    expected_best,
    sce_ua,
    steps_of_starts,
)
from rootzone.config import load_study
from rootzone.config.transect import TransectStudy
from rootzone.config.transect_search import Nuts, Smoother
from rootzone.data.search_record import Record
from rootzone.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure, style
from rootzone.simulate.catchment_devices import use_all_cores
from rootzone.simulate.catchment_gradient import value_and_gradient
from rootzone.studies.context import Context
from rootzone.studies.runner import versions
from rootzone.studies.transect_input import prepare
from rootzone.studies.transect_searches import run_search
from rootzone.studies.transect_target import Compared, Target

DOCS = Path(__file__).resolve().parents[1] / "docs"
WARMING, DAYS = 245, 181
STUDY = {
    "kind": "transect",
    "seed": 1,
    "precision": "float32",
    "source": {
        "method": "synthetic",
        "preset": "rail_valley",
        "start": "2020-09-01",
        "days": WARMING + DAYS,
    },
    "period": {"warm_up_days": WARMING},
    "observations": {"method": "twin"},
    "search": {"parameters": {"preset": "railway_27_fixed_N0"}},
}
ALONE, JOINT = "meadow", "all four sections"
STARTS = 8
TEAL = "#8fd6bf"
ASSIMILATIONS = 4
FIRST_SHOWN = 30
HYPERCUBE = "Latin hypercube"
COLORS = {
    HYPERCUBE: GREY,
    "DDS, 8 chains": BLUE,
    "DDS, 32 chains": SKY,
    "SCE-UA, 4 complexes": ORANGE,
    f"gradient, {STARTS} starts": GREEN,
    f"gradient, {STARTS} starts, steps of 0.3": TEAL,
    f"gradient, best {STARTS} of a quarter": RED,
    "ES-MDA": PURPLE,
}
SIZES = (64, 128, 256, 512, 1000, 2000, 4000, 8000)
Made = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Values, objectives and costs in the order of evaluation."""


# --- searches -------------------------------------------------------------------------------


def steps_of(
    name: str, target: Target, replay: Replay, budget: int, seed: int, cost: float
) -> Iterator[Evaluated]:
    """Return the batches of a search."""
    space = target.problem.space
    if name == HYPERCUBE:
        return _hypercube(target, replay, budget, seed)
    if name.startswith("DDS"):
        chains = int(name.split()[1])
        return dds(replay, space, budget=budget, chains=chains, seed=seed)
    if name.startswith("SCE-UA"):
        return sce_ua(replay, space, budget=budget, complexes=4, seed=seed)
    first = budget // 4 if "best" in name else 0
    return ascend(
        replay.with_gradient,
        space,
        starts=STARTS,
        steps=steps_of_starts(budget - first, STARTS, cost),
        learning_rate=0.3 if name.endswith("0.3") else 0.1,
        seed=seed,
        cost_of_gradient=cost,
        evaluate=replay,
        preselect=first,
    )


def _hypercube(target: Target, replay: Replay, budget: int, seed: int) -> Iterator[Evaluated]:
    values = latin_hypercube(target.problem.space, budget, seed)
    for part in np.array_split(values, -(-budget // 256)):
        yield Evaluated(part, replay(part), np.ones(len(part)))


def searched(name: str, target: Target, folder: Path, budget: int, seed: int, cost: float) -> Made:
    """Run a search, or go on with it, and return what it evaluated."""
    record = recorded(folder, target, {"search": name, "budget": budget, "seed": seed})
    held = record.read()
    problem, slope = target.problem, name.startswith("gradient")
    nothing = np.empty((0, len(problem.space)))
    replay = Replay(
        target.evaluate,
        held["values"],
        held["objective"],
        held.get("gradient", nothing) if slope else None,
        gradient_of(target) if slope else None,
    )
    parts = []
    for step in steps_of(name, target, replay, budget, seed, cost):
        record.append(**step._asdict())
        parts.append(step)
    return (
        np.concatenate([p.values for p in parts]),
        np.concatenate([p.objective for p in parts]),
        np.concatenate([p.cost for p in parts]),
    )


def recorded(folder: Path, target: Target, what: dict) -> Record:
    """Return the record of a search."""
    return Record.create(
        folder,
        recipe={"study": STUDY, "target": target.name, **what},
        made_with=versions()["rootzone"],
        parameters=target.problem.space.names,
    )


_GRADIENTS: dict[str, Callable] = {}


def gradient_of(target: Target) -> Callable:
    """Return objective and gradient, one program for all seeds."""
    problem = target.problem
    if target.name not in _GRADIENTS:
        _GRADIENTS[target.name] = value_and_gradient(
            problem.simulator, problem.calibration.all_values, target.aim.traced(problem)
        )
    return _GRADIENTS[target.name]


def cost_of_gradient(target: Target, path: Path) -> float:
    """Return how many runs of an ensemble the processor time of a set with its gradient is."""
    if not path.exists():
        sets = latin_hypercube(target.problem.space, 512, seed=0)
        run = processor_seconds(lambda: target.evaluate(sets)) / len(sets)
        both = gradient_of(target)
        slope = processor_seconds(lambda: both(sets[:STARTS])) / STARTS
        path.write_text(json.dumps({"run_s": run, "gradient_s": slope}))
    found = json.loads(path.read_text())
    return round(found["gradient_s"] / found["run_s"], 1)


def processor_seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Return the median processor time of a call that has been compiled."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


# --- what came out --------------------------------------------------------------------------


Curve = Callable[[np.ndarray], np.ndarray]
"""Numbers of model runs to the best objective after them, NaN before there is one."""


def stepped(runs: np.ndarray, best: np.ndarray) -> Curve:
    """Return the curve of a search that has an order."""

    def at(sizes: np.ndarray) -> np.ndarray:
        place = np.searchsorted(runs, sizes + 1e-9, side="right") - 1
        return np.where(place >= 0, best[np.maximum(place, 0)], np.nan)

    return at


def row(curve: Curve, runs: float, truth: float | None, sizes: np.ndarray, budget: int) -> dict:
    """Return what is kept of a search: its curve, and its best set against the truth."""

    def plain(values: np.ndarray) -> list[float | None]:
        return [float(v) if np.isfinite(v) else None for v in values]

    return {
        "curve": plain(curve(sizes)),
        "at": plain(curve(np.array([n for n in SIZES if n <= budget]))),
        "runs": float(runs),
        "true_nse": truth,
    }


def true_parameters(target: Target) -> float:
    """Return the objective of the parameters that the counts were made with."""
    truth = target.prepared.counted.truth
    assert truth is not None
    assert truth.values is not None
    problem = target.problem
    return float(
        target.aim.of(problem.score(problem.simulator(truth.values[None])), problem.groups)[0]
    )


def of_target(target: Target, folder: Path, budget: int, seeds: int) -> dict:
    """Run all searches of a target."""
    folder.mkdir(parents=True, exist_ok=True)
    cost = cost_of_gradient(target, folder / "cost.json")
    sizes = np.unique(np.geomspace(8, budget, 60).astype(int))
    print(f"{target.name}: a gradient costs {cost:g} runs", flush=True)
    found: dict = {
        "gradient_cost": cost,
        "true_parameters": true_parameters(target),
        "sizes": sizes.tolist(),
        "searches": {name: [] for name in COLORS},
    }
    for seed in range(1, seeds + 1):
        own = Target(
            target.study.model_copy(update={"seed": seed}), target.prepared, target.name, target.aim
        )
        for name in COLORS:
            place = folder / f"{name.replace(' ', '_').replace(',', '')}_{budget}_{seed}"
            if name == "ES-MDA":
                one = smoothed(own, place, budget)
                curve, runs, truth = stepped(*one.curve), one.curve[0][-1], one.truth
            else:
                values, objective, costs = searched(name, own, place, budget, seed, cost)
                curve = stepped(*best_so_far(objective, costs))
                if name == HYPERCUBE:
                    curve = partial(expected_best, objective)
                runs, truth = costs.sum(), own.true_nse(values[int(np.nanargmax(objective))])
            found["searches"][name].append(row(curve, runs, truth, sizes, budget))
            last = found["searches"][name][-1]
            print(f"{target.name}, seed {seed}, {name}: {last['at'][-1]:.3f}", flush=True)
    return found


def smoothed(target: Target, folder: Path, budget: int) -> Compared:
    """Run the smoother with as many members as the budget pays."""
    members = budget // (ASSIMILATIONS + 1)
    settings = Smoother(method="es_mda", members=members, assimilations=ASSIMILATIONS)
    what = {"settings": settings.model_dump(), "seed": target.study.seed}
    record = recorded(folder, target, what)
    return run_search(settings, target, target.problem.space.default, record, Context())


def sampled(target: Target, folder: Path) -> dict:
    """Sample three parameters with NUTS, the others as in the best set of the hypercube."""
    settings = Nuts(
        method="nuts",
        parameters=[
            "PTF_lower66_5_constant",
            "infiltrationShapeFactor",
            "Desilets_LW0",
        ],
        warmup=40,
        samples=40,
        chains=4,
    )
    record = recorded(folder / "NUTS", target, {"settings": settings.model_dump()})
    best = latin_hypercube(target.problem.space, 256, seed=1)
    best = best[int(np.nanargmax(target.evaluate(best)))]
    one = run_search(settings, target, best, record, Context())
    return {**one.row(), "parameters": settings.parameters}


# --- table and figure -----------------------------------------------------------------------


def _shown(values: list[float | None]) -> str:
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return "–"
    middle = f"{statistics.median(known):.3f}"
    return middle if len(known) == 1 else f"{middle} ({min(known):.3f} to {max(known):.3f})"


def table(found: dict) -> str:
    """Return the tables of all targets."""
    sizes = [n for n in SIZES if n <= found["budget"]]
    lines = []
    for name, one in found["targets"].items():
        lines += [
            f"**{name[0].upper() + name[1:]}**: NSE of the best set after n model runs, median "
            f"(range) of {found['seeds']} seeds; a gradient counts as {one['gradient_cost']:g} "
            f"runs; the true parameters score {one['true_parameters']:.3f}:",
            "",
            "| search | " + " | ".join(f"n = {n}" for n in sizes) + " | against the truth |",
            "|---" * (len(sizes) + 2) + "|",
        ]
        for search, rows in one["searches"].items():
            cells = [_shown([r["at"][k] for r in rows]) for k in range(len(sizes))]
            cells.append(_shown([r["true_nse"] for r in rows]))
            lines.append(f"| {search} | " + " | ".join(cells) + " |")
        lines.append("")
    nuts = found["nuts"]
    lines += [
        f"**NUTS**, three parameters of the meadow ({', '.join(nuts['parameters'])}), the others "
        f"as in the best of 256 sets: {nuts['runs']:.0f} model runs in {nuts['seconds'] / 60:.0f} "
        f"minutes; {'; '.join(nuts['told'])}.",
        "",
    ]
    return "\n".join(lines)


def draw(found: dict) -> None:
    """Draw the best of n runs against n: the median of the seeds (their range is in the table)."""
    with style():
        fig = figure(8.4, 3.9)
        panels = fig.subplots(1, len(found["targets"]), squeeze=False)[0]
        for axes, (name, one) in zip(panels, found["targets"].items(), strict=True):
            sizes, tops, high = np.array(one["sizes"]), [], one["true_parameters"]
            for search, rows in one["searches"].items():
                curves = np.array([r["curve"] for r in rows], float)
                known = np.isfinite(curves).all(axis=0)
                x, y = sizes[known], curves[:, known]
                axes.plot(x, np.median(y, axis=0), color=COLORS[search], lw=1.5, label=search)
                tops.append(float(y[:, np.searchsorted(x, 0.1 * found["budget"])].min()))
                high = max(high, float(y.max()))
            axes.axhline(one["true_parameters"], color="k", lw=0.8, ls=":")
            axes.text(
                FIRST_SHOWN, one["true_parameters"], " true parameters", fontsize=7, va="bottom"
            )
            low = min(tops)
            axes.set_ylim(low - 0.05 * (high - low), high + 0.08 * (high - low))
            axes.set_xscale("log")
            axes.set_xlim(FIRST_SHOWN, found["budget"])
            axes.set_xlabel("model runs")
            axes.set_title(name[0].upper() + name[1:])
        panels[0].set_ylabel("NSE of the best set so far")
        handles, labels = panels[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside lower center", ncols=4)
        fig.savefig(DOCS / "_static" / "transect_searches.png")


def show(found: dict) -> None:
    """Write table and figure of what was found."""
    text = table(found)
    (DOCS / "tables" / "transect_searches.md").write_text(text)
    draw(found)
    print(text)


def main() -> None:
    """Run all searches; write table and figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", type=Path)
    parser.add_argument("--redraw", action="store_true")
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    if args.redraw:
        show(json.loads((DOCS / "tables" / "transect_searches.json").read_text()))
        return
    if args.store is None:
        parser.error("--store is wanted: the folder that keeps what is evaluated")
    use_all_cores()
    jax.config.update("jax_enable_x64", False)
    study = load_study(STUDY)
    assert isinstance(study, TransectStudy)
    prepared = prepare(study, Context())
    sections = prepared.places.sections
    aims = {
        ALONE: Aim(Objective("nse", (ALONE,)), {COUNTS: 1.0}),
        JOINT: Aim(Objective("nse", sections, "mean"), {COUNTS: 1.0}),
    }
    targets = {name: Target(study, prepared, name, aim) for name, aim in aims.items()}
    found = {
        "machine": machine(),
        "budget": args.budget,
        "seeds": args.seeds,
        "days": [WARMING, DAYS],
        "targets": {
            name: of_target(target, args.store / name.replace(" ", "_"), args.budget, args.seeds)
            for name, target in targets.items()
        },
        "nuts": sampled(targets[ALONE], args.store),
    }
    (DOCS / "tables").mkdir(exist_ok=True)
    (DOCS / "tables" / "transect_searches.json").write_text(json.dumps(found, indent=1) + "\n")
    show(found)


if __name__ == "__main__":
    main()
