"""The network for stations against sensors in the ground: untouched, fine-tuned, taught elsewhere.

    python benchmarks/learned_stations.py --data FOLDER [--nebraska FOLDER] [--model FILE]

FOLDER holds the files of the source repository, see `benchmarks/roaring_fork.py`. The seven
stations with sensors at 5, 10 and 20 cm; days without snow and frost; water of 0-30 cm. On the same
days stand

- the inversion of the source, ours, and ours after an exponential filter whose time is the best at
  the other stations (`filter`), or at all stations in hindsight (`best filter`),
- the network of the package as `rootzone run` uses it (`untouched`),
- the same after learning from the sensors of the other six stations (`taught elsewhere`): levels of
  stations are no part of that lesson, as sensors and counts differ in them,
- and, on the days after the first 60 with sensors, the network fine-tuned on those 60 days, and
  the filter moved to their mean.

With `--nebraska` (hourly corrected counts, sensors at four depths, rain, irrigation of two fields)
the same for these, N0 from the sensors of their first season. Writes `docs/tables/`
`learned_stations.md`, `learned_stations_nebraska.md` and JSON files beside them.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import rootzone
from rootzone.data.network_file import read_network
from rootzone.learn import (
    Cosine,
    Model,
    Recipe,
    Sequences,
    WindowRule,
    everything,
    finish,
    model_from_arrays,
    predict,
    readout_only,
    train,
)
from rootzone.water import exponential_filter

sys.path.insert(0, str(Path(__file__).resolve().parent))
from roaring_fork import OUT, pair, study_of

TARGET = "0-30 cm"
TIMES = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0)  # d
FIRST = 60  # days of the short record
LESSONS = {"readout": (readout_only, 80, 2e-3), "all": (everything, 80, 2e-3)}
"""Weights that move, passes over the record, highest learning rate."""


def rain_file(data: Path, name: str, folder: Path) -> Path:
    """Write the rain of a station as a table of its own and return its path."""
    table = pd.read_csv(data / "DailyPRISM_Ppt.csv", index_col=0)
    table.columns = table.columns.str.replace(" ", "")
    days = pd.to_datetime(table["Date"], format="%m/%d/%Y")
    out = folder / f"{name}_rain.csv"
    rain = pd.DataFrame({"day": days.dt.strftime("%Y-%m-%dT00:00:00Z"), "rain": table[name]})
    rain.to_csv(out, index=False)
    return out


def with_network(study: dict, rain: Path, model: str, **more) -> dict:
    """Return a study whose root zone is read by a network."""
    table = {
        "files": str(rain),
        "time": {"column": "day"},
        "interval": "24h",
        "columns": {"precipitation": {"column": "rain", "units": "mm"}},
    }
    zone = {"method": "lstm", "model": model, **more}
    return study | {"tables": [*study["tables"], table], "root_zone": zone}


def valley(data: Path, folder: Path) -> list[dict]:
    """Return name, study, rain and the source's own water of the stations of the valley."""
    summary = pd.read_csv(data / "Site_Calibration_data_summary.csv")
    meta = pd.read_csv(data / "RoaringFork_CRNS_metadata.csv").set_index("Original_ID")
    meta.index = meta.index.str.replace(" ", "")
    found = []
    for _, row in summary.sort_values("NewName").iterrows():
        name, old = row["NewName"], row["OldName"].replace(" ", "")
        raw = next((data / "hourly_raw").glob(f"{name}_*.csv.gz"))
        source = pd.read_csv(data / "daily_site" / f"{name}_CRNS_Site_Data.csv", index_col=0)
        source.index = pd.DatetimeIndex(source.index)
        found.append(
            {
                "name": name,
                "study": study_of(row, meta.loc[old], raw, incoming=True),
                "rain": rain_file(data, old, folder),
                "source": source["SWC_Des_cm3_cm3"],
            }
        )
    return found


def fields(data: Path, folder: Path) -> list[dict]:
    """Return the same of two fields in Nebraska; rain and irrigation are one.

    Counts come corrected. Bulk density and bound water are assumptions for silty clay loam. N0 is
    calibrated to the sensors of the first season, which is not scored. In 2020 the sensors of
    CSP3 are a copy of 2021: left out.
    """
    found = []
    for name in ("CSP1", "CSP3"):
        read = lambda what, name=name: pd.read_csv(  # noqa: E731
            next(data.glob(f"{name}_{what}.csv*")), index_col=0, parse_dates=True
        )
        counts = read("Npvi_hourly").iloc[:, 0].resample("1h").mean()
        sensors = read("TDR_hourly").resample("1h").mean()
        if name == "CSP3":
            sensors = sensors[sensors.index.year != 2020]
        table = pd.DataFrame({"counts": counts}).join(sensors, how="left")
        table.index = table.index.strftime("%Y-%m-%dT%H:00:00Z")
        table.to_csv(folder / f"{name}.csv", index_label="time")
        water = read("Precip_daily").iloc[:, 0]
        if name == "CSP1":
            water = water.add(read("Irrig_daily").iloc[:, 0], fill_value=0.0)
        rain = folder / f"{name}_rain.csv"
        water = pd.DataFrame({"day": water.index.strftime("%Y-%m-%dT00:00:00Z"), "rain": water})
        water.to_csv(rain, index=False)
        depths = dict(zip(("D1", "D2", "D3", "D4"), (10, 25, 50, 100), strict=True))
        columns = [{"column": c, "depth": depths[c[-2:]]} for c in sensors if c[-2:] in depths]
        first = sensors.dropna(how="all").index[0]
        none = {"method": "none"}
        found.append(
            {
                "name": name,
                "study": {
                    "kind": "station",
                    "station": {
                        "name": name,
                        **{"latitude": 41.17, "longitude": -96.44, "elevation": 360.0},
                        **{"cutoff_rigidity": 2.4, "bulk_density": 1.4},
                        **{"lattice_water": 0.05, "soil_organic_carbon": 0.015},
                    },
                    "tables": [
                        {
                            "files": str(folder / f"{name}.csv"),
                            "time": {"column": "time"},
                            "interval": "1h",
                            "columns": {
                                "counts": {"column": "counts", "units": "h-1"},
                                "soil_moisture": columns,
                            },
                        }
                    ],
                    "corrections": dict.fromkeys(("pressure", "humidity", "incoming"), none),
                    "calibration": {
                        "method": "reference",
                        "start": f"{first:%Y-%m-%d}T00:00:00Z",
                        "end": f"{first.year}-12-01T00:00:00Z",
                    },
                },
                "rain": rain,
                "source": None,
            }
        )
    return found


class Station:
    """A station: what the network read, and the days that are scored."""

    def __init__(self, given: dict, model: str):
        self.name, study, rain = given["name"], given["study"], given["rain"]
        plain = rootzone.run(study)
        scored = pair(plain, "root zone 0-30 cm")
        self.scored = scored is not None
        if scored is None:
            return
        if study["calibration"]["method"] == "reference":
            end = pd.Timestamp(study["calibration"]["end"]).tz_localize(None)
            scored = scored[scored.index >= end]
        learned = rootzone.run(with_network(study, rain, model))
        self.read = learned["network_inputs"]
        daily = learned["daily"]
        self.days = pd.DatetimeIndex(daily["day"].to_numpy())
        self.sensors = scored["sensors"].reindex(self.days)
        zone = lambda d: pd.Series(d["root_zone"].isel(depth=0).to_numpy(), self.days)  # noqa: E731
        self.untouched = zone(daily)
        self.band = [
            pd.Series(daily[f"root_zone_{end}"].isel(depth=0).to_numpy(), self.days)
            for end in ("lower", "upper")
        ]
        frozen = daily["snow_or_frost"].to_numpy() > 0
        self.theta = np.where(frozen, np.nan, daily["soil_moisture"].to_numpy())
        tuning = {"days": FIRST, "weights": "readout"}
        tuned = rootzone.run(with_network(study, rain, model, fine_tuning=tuning))
        self.tuned = zone(tuned["daily"])
        source = given["source"]
        self.source = (pd.Series() if source is None else source).reindex(self.days)

    def filtered(self, T: float) -> pd.Series:
        """Return the inversion after an exponential filter."""
        time = np.arange(len(self.days), dtype=float)
        found = exponential_filter(self.theta, time=time, characteristic_time=T).theta
        return pd.Series(np.asarray(found), self.days)

    def shifted(self, column: pd.Series) -> pd.Series:
        """Return a series moved to the mean of the sensors on the first days with sensors."""
        first = self.sensors.dropna().index[:FIRST]
        return column - (column - self.sensors).reindex(first).mean()

    def wanted(self, column: pd.Series, after: int = 0) -> pd.Series:
        """Return the days that are scored: those with sensors after the first ones."""
        days = self.sensors.dropna().index[after:]
        return column.reindex(days)

    def ubrmse(self, column: pd.Series, after: int = 0) -> float:
        """Return the unbiased RMSE [m3 m-3]."""
        return float(np.std(self.wanted(column, after) - self.wanted(self.sensors, after)))

    def rmse(self, column: pd.Series, after: int = 0) -> float:
        """Return the RMSE [m3 m-3]."""
        error = self.wanted(column, after) - self.wanted(self.sensors, after)
        return float(np.sqrt(np.mean(error**2)))


def sequences(stations: list[Station], model: Model, *, lesson: bool) -> Sequences:
    """Return what the network reads; as a lesson, with sensors at the level of its answers."""
    days = max(len(s.days) for s in stations)
    inputs = np.full((len(stations), days, len(model.names.inputs)), np.nan, "f4")
    target = np.full((len(stations), days, len(model.names.targets)), np.nan, "f4")
    at, upper = model.names.targets.index(TARGET), []
    for k, s in enumerate(stations):
        for j, name in enumerate(model.names.inputs):
            inputs[k, : len(s.days), j] = s.read[name].to_numpy()
        bound = float(s.read["upper"])
        if lesson:
            values = s.sensors.to_numpy()
            level = np.nanmean((s.untouched - s.sensors).to_numpy())
            moved = np.clip(values + level, 0.01, None)
            target[k, : len(s.days), at] = moved
            bound = max(bound, float(np.nanmax(moved)) + 0.05)
        upper.append([bound] * len(model.names.targets))
    static = [[float(s.read[f"attribute_{n}"]) for n in model.names.static] for s in stations]
    return Sequences(inputs, target, np.array(static, "f4"), np.array(upper, "f4"))


def taught(model: Model, others: list[Station], weights: str) -> Model:
    """Return the network after a lesson from the sensors of some stations."""
    trainable, epochs, rate = LESSONS[weights]
    lesson = sequences(others, model, lesson=True)
    recipe = Recipe(
        WindowRule(lesson.inputs.shape[1], 0),
        epochs=epochs,
        batch=len(others),
        schedule=Cosine(epochs=epochs, rate=rate),
        patience=None,
        keep_best=False,
        trainable=trainable,
    )
    state = None
    for progress in train(model, lesson, None, recipe, seed=1):
        state = progress.state
    assert state is not None
    return finish(model, state, recipe)


def answers(model: Model, station: Station) -> pd.Series:
    """Return the mean of 0-30 cm."""
    found = predict(model, sequences([station], model, lesson=False), lambda d: d.mean())
    values = np.asarray(found)[0, : len(station.days), model.names.targets.index(TARGET)]
    return pd.Series(values, station.days)


def entry(station: Station, others: list[Station], model: Model) -> dict:
    """Return the scores of a station."""
    inside = (station.sensors >= station.band[0]) & (station.sensors <= station.band[1])
    best = min(TIMES, key=lambda T: np.median([s.ubrmse(s.filtered(T)) for s in others]))
    own = {} if station.source.isna().all() else {"source": station.source}
    columns = {
        **own,
        "inversion": pd.Series(station.theta, station.days),
        "filter": station.filtered(best),
        **{f"filter {T:g} d": station.filtered(T) for T in TIMES},
        "untouched": station.untouched,
        **{f"taught {w}": answers(taught(model, others, w), station) for w in LESSONS},
    }
    late = {
        **columns,
        "filter, shifted": station.shifted(columns["filter"]),
        "fine-tuned": station.tuned,
    }
    return {
        "station": station.name,
        "days": int(station.sensors.notna().sum()),
        "ubrmse": {n: station.ubrmse(c) for n, c in columns.items()},
        "ubrmse_late": {n: station.ubrmse(c, FIRST) for n, c in late.items()},
        "rmse_late": {n: station.rmse(c, FIRST) for n, c in late.items()},
        "coverage_90": float(station.wanted(inside).mean()),
    }


def table(rows: list[dict]) -> str:
    """Return the tables as Markdown."""
    hindsight = min(
        (f"filter {T:g} d" for T in TIMES), key=lambda n: np.median([r["ubrmse"][n] for r in rows])
    )
    lines = []
    whole = ["inversion", "filter", hindsight, "untouched", "taught readout"]
    own = [n for n in ("source",) if n in rows[0]["ubrmse"]]
    parts = (
        ("ubrmse", "ubRMSE, all days [m³ m⁻³]", [*own, *whole, "taught all"]),
        (
            "ubrmse_late",
            f"ubRMSE, days after the first {FIRST} with sensors [m³ m⁻³]",
            [*whole[:3], "untouched", "fine-tuned"],
        ),
        (
            "rmse_late",
            f"RMSE, days after the first {FIRST} with sensors [m³ m⁻³]",
            ["inversion", "filter", "filter, shifted", "untouched", "fine-tuned"],
        ),
    )
    for key, title, columns in parts:
        names = [
            n if n != hindsight else f"best filter ({n.removeprefix('filter ')})" for n in columns
        ]
        lines += ["", f"### {title}", "", "| station | days | " + " | ".join(names) + " |"]
        lines.append("|---" * (len(columns) + 2) + "|")
        for r in rows:
            days = r["days"] - (0 if key == "ubrmse" else FIRST)
            cells = [r["station"], str(days), *(f"{r[key][n]:.3f}" for n in columns)]
            lines.append("| " + " | ".join(cells) + " |")
        medians = (f"{np.median([r[key][n] for r in rows]):.3f}" for n in columns)
        lines.append("| **median** | | " + " | ".join(medians) + " |")
    covered = np.array([r["coverage_90"] for r in rows])
    lines += [
        "",
        f"The 90 % band of the untouched network holds {100 * np.median(covered):.0f} % of the "
        f"days at the median station ({100 * covered.min():.0f} to {100 * covered.max():.0f} %).",
    ]
    return "\n".join(lines).strip() + "\n"


def main() -> None:
    """Run all stations and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nebraska", type=Path)
    parser.add_argument("--model", default="general")
    given = parser.parse_args()
    stored = read_network(given.model, base=Path.cwd())
    model = model_from_arrays(stored.arrays, stored.description)
    groups = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sources = {"valley": valley(given.data, folder)}
        if given.nebraska is not None:
            sources["nebraska"] = fields(given.nebraska, folder)
        for name, some in sources.items():
            read = [Station(one, given.model) for one in some]
            groups[name] = [station for station in read if station.scored]
            print(name, *(s.name for s in groups[name]), flush=True)
    OUT.mkdir(parents=True, exist_ok=True)
    for name, stations in groups.items():
        rows = [entry(s, [o for o in stations if o is not s], model) for s in stations]
        out = OUT / f"learned_stations{'' if name == 'valley' else '_' + name}"
        out.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
        out.with_suffix(".md").write_text(table(rows))
        print(table(rows), flush=True)


if __name__ == "__main__":
    main()
