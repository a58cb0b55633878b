"""Ten Roaring Fork stations calibrate the distributed model, in time and from site to site.

    python benchmarks/transect_stations.py --data FOLDER --work FOLDER [--sets 20000]

The data are those of `benchmarks/roaring_fork.py`. Every station is a cell of its own with rain of
PRISM, its own air temperature (Hargreaves-Samani), measured bulk density and bound water, three
repeated years before the record, and unknown texture, which is searched with the 26 parameters of
snow, soil moisture and neutrons. Two experiments with the same sets for all stations:

- in time: the ten best sets of each station on its counts up to January 2024, each station with a
  texture of its own, scored on its later counts and on its sensors of 0-30 cm of those days;
- in space: one texture for all stations; for each station the ten sets that are best in the mean of
  the *other* stations of its land cover, scored on all its days.

Nothing is chosen by soil moisture. Writes docs/tables/transect_stations.{json,md}.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np
import pandas as pd

import rootzone
from learned_stations import rain_file
from roaring_fork import study_of
from rootzone.calibrate.behavioral import behavioral
from rootzone.calibrate.objectives import Objective
from rootzone.calibrate.problem import Aim
from rootzone.config import load_study
from rootzone.data import Log
from rootzone.evaluate import deterministic_scores
from rootzone.simulate.catchment_devices import use_all_cores
from rootzone.studies.context import Context
from rootzone.studies.transect_ensemble import run_ensemble
from rootzone.studies.transect_evaluate import Runner
from rootzone.studies.transect_input import prepare

TABLES = Path(__file__).resolve().parents[1] / "docs" / "tables"
COVERS = {
    "C1": ("forest", "coniferous"),
    "C3": ("forest", "deciduous"),
    "C4": ("forest", "deciduous"),
    "F1": ("pervious", "grass"),
    "F2": ("forest", "coniferous"),
    "F4": ("pervious", "grass"),
    "R1": ("pervious", "grass"),
    "R3": ("pervious", "shrubs"),
    "R4": ("pervious", "crops"),
    "R6": ("pervious", "shrubs"),
}
"""Land cover and leaf area after the words of the source ("Ponderosa pine", "Pasture", ...)."""
END = "2024-01-31"


def station_runs(data: Path, work: Path) -> dict[str, Path]:
    """Run the station study of every station that has no run yet."""
    summary = pd.read_csv(data / "Site_Calibration_data_summary.csv")
    meta = pd.read_csv(data / "RoaringFork_CRNS_metadata.csv").set_index("Original_ID")
    meta.index = meta.index.str.replace(" ", "")
    found = {}
    for _, row in summary.sort_values("NewName").iterrows():
        name, old = row["NewName"], row["OldName"].replace(" ", "")
        found[name] = work / name
        if (work / name / "summary.json").exists():
            continue
        raw = next((data / "hourly_raw").glob(f"{name}_*.csv.gz"))
        study = study_of(row, meta.loc[old], raw, incoming=True)
        study["tables"].append(
            {
                "files": str(rain_file(data, old, work)),
                "time": {"column": "day"},
                "interval": "24h",
                "columns": {"precipitation": {"column": "rain", "units": "mm"}},
            }
        )
        rootzone.run(study, out=work / name)
    return found


def transect(runs: dict[str, Path], sets: int, texture: str, end: str | None) -> dict:
    """Return the study."""
    sites = [
        {
            "name": name,
            "run": str(path),
            "land_cover": COVERS[name][0],
            "leaf_area": COVERS[name][1],
        }
        for name, path in runs.items()
    ]
    return {
        "kind": "transect",
        "title": "Ten stations in the Roaring Fork valley",
        "seed": 1,
        "source": {
            "method": "sites",
            "sites": sites,
            "repeat_years": 3,
            "gaps": {"interpolate_days": 3, "longer": "other_sites"},
            "model": {"horizon_depths": [50, 100, 300, 600]},
        },
        "compat": "standard",
        "counts": {"operator": "desilets_schroen_2017", "when": "once_a_day"},
        "observations": {"method": "sites", "sections": "site"},
        "search": {
            "parameters": {"preset": "railway_27_fixed_N0", "texture": texture},
            "ensemble": {"sets": sets},
        },
        "evaluation": {} if end is None else {"calibration_end": end},
    }


def experiment(runs: dict[str, Path], work: Path, sets: int, which: str) -> dict[str, dict]:
    """Run one experiment and return the scores of every station."""
    in_time = which == "time"
    study = load_study(transect(runs, sets, "each" if in_time else "all", END if in_time else None))
    folder = work / f"transect_{which}_{sets}"
    folder.mkdir(parents=True, exist_ok=True)
    show = lambda prefix, text: print(prefix + text, flush=True)  # noqa: E731
    context = Context(folder=folder, log=Log(show=show))
    prepared = prepare(study, context)
    ensemble = run_ensemble(study, prepared, context, made_with=rootzone.__version__)
    runner = Runner(study, prepared)
    default = runner.summary(runner.sets(prepared.reference[None]), [0])
    names = list(prepared.places.name)
    found = {}
    for place, name in enumerate(names):
        others = tuple(n for n in names if n != name and COVERS[n][0] == COVERS[name][0])
        aim = Aim(Objective("nse", (name,) if in_time else others), {"counts": 1.0})
        objective = aim.of(ensemble.scores, prepared.problem.groups)
        kept = behavioral(ensemble.values, objective)
        members = runner.sets(prepared.calibration.all_values(kept.values))
        calibrated = runner.summary(members, range(len(kept.members)))
        row: dict = {"objective": [float(kept.objective[-1]), float(kept.objective[0])]}
        for variable, key in (("counts", "counts"), ("water", "water")):
            if variable not in prepared.judged:
                continue
            obs = np.asarray(prepared.judged[variable].values)[:, place]
            if np.isfinite(obs).sum() < 30:
                continue
            for run, series in (("default", default), ("calibrated", calibrated)):
                sim = getattr(series, key)[:, place]
                row[f"{variable}, {run}"] = deterministic_scores(sim=sim, obs=obs)
        found[name] = row
        print(name, row["objective"], flush=True)
    return found


# --- the table ------------------------------------------------------------------------------

WORDS = {
    "time": "In time: calibrated up to January 2024 on its own counts, scored on its later days",
    "space": "In space: calibrated on the counts of the other stations of its land cover, scored "
    "on all its days",
}


def table(found: dict) -> str:
    """Return the tables of both experiments."""
    lines: list[str] = []
    for which, words in WORDS.items():
        rows = found[which]
        lines += [
            f"**{words}** ({found['sets']} sets, ten kept; default → calibrated):",
            "",
            "| station | NSE of counts | KGE (2012) | PBIAS [%] | ubRMSE of 0-30 cm [m3 m-3] | "
            "RMSE | bias |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, row in rows.items():
            cells = [
                _pair(row, "counts", s, f)
                for s, f in (("nse", "{:.2f}"), ("kge_2012", "{:.2f}"), ("pbias", "{:+.1f}"))
            ]
            cells += [
                _pair(row, "water", s, f)
                for s, f in (("ubrmse", "{:.3f}"), ("rmse", "{:.3f}"), ("bias", "{:+.3f}"))
            ]
            lines.append(f"| {name} ({COVERS[name][0]}) | " + " | ".join(cells) + " |")
        lines += [_medians(rows), ""]
    return "\n".join(lines)


def _pair(row: dict, variable: str, score: str, form: str) -> str:
    if f"{variable}, default" not in row:
        return "-"
    pair = (row[f"{variable}, {run}"][score] for run in ("default", "calibrated"))
    return " → ".join(form.format(x) for x in pair)


def _medians(rows: dict[str, dict]) -> str:
    def of(variable: str, score: str, form: str) -> str:
        known = [r for r in rows.values() if f"{variable}, default" in r]
        pair = (
            np.median(
                [
                    abs(r[f"{variable}, {run}"][score])
                    if score in ("pbias", "bias")
                    else r[f"{variable}, {run}"][score]
                    for r in known
                ]
            )
            for run in ("default", "calibrated")
        )
        return " → ".join(form.format(x) for x in pair)

    cells = [
        of("counts", "nse", "{:.2f}"),
        of("counts", "kge_2012", "{:.2f}"),
        of("counts", "pbias", "{:.1f} (absolute)"),
        of("water", "ubrmse", "{:.3f}"),
        of("water", "rmse", "{:.3f}"),
        of("water", "bias", "{:.3f} (absolute)"),
    ]
    return "| **median** | " + " | ".join(cells) + " |"


def main() -> None:
    """Run both experiments and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", type=int, default=20_000)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    use_all_cores()
    runs = station_runs(args.data, args.work)
    jax.config.update("jax_enable_x64", False)
    found: dict = {"sets": args.sets}
    for which in WORDS:
        found[which] = experiment(runs, args.work, args.sets, which)
    TABLES.mkdir(exist_ok=True)
    (TABLES / "transect_stations.json").write_text(json.dumps(found, indent=1) + "\n")
    (TABLES / "transect_stations.md").write_text(table(found) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
