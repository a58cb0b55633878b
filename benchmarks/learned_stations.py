"""The network for stations against sensors in the ground: untouched, fine-tuned, taught elsewhere.

    python benchmarks/learned_stations.py --data FOLDER [--model FILE]

FOLDER holds the files of the source repository, see `benchmarks/roaring_fork.py`. The seven
stations with sensors at 5, 10 and 20 cm; days without snow and frost; water of 0-30 cm. On the same
days stand

- the inversion of the source, ours, and ours after an exponential filter whose time is the best at
  the other stations (`filter`), or at all stations in hindsight (`best filter`),
- the network of the package as `rootzone run` uses it (`untouched`),
- the same after learning from the sensors of the other six stations (`taught elsewhere`): levels of
  stations are no part of that lesson, as sensors and counts differ in them,
- and, on the days after the first 60 with sensors, the network fine-tuned on those 60 days.

Writes `docs/tables/learned_stations.md` and a JSON file beside it.
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


class Station:
    """A station: what the network read, and the days that are scored."""

    def __init__(self, data: Path, row: pd.Series, place: pd.Series, model: str, folder: Path):
        self.name = row["NewName"]
        raw = next((data / "hourly_raw").glob(f"{self.name}_*.csv.gz"))
        study = study_of(row, place, raw, incoming=True)
        plain = rootzone.run(study)
        scored = pair(plain, "root zone 0-30 cm")
        self.scored = scored is not None
        if scored is None:
            return
        rain = rain_file(data, row["OldName"].replace(" ", ""), folder)
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
        source = pd.read_csv(data / "daily_site" / f"{self.name}_CRNS_Site_Data.csv", index_col=0)
        source.index = pd.DatetimeIndex(source.index)
        self.source = source["SWC_Des_cm3_cm3"].reindex(self.days)

    def filtered(self, T: float) -> pd.Series:
        """Return the inversion after an exponential filter."""
        time = np.arange(len(self.days), dtype=float)
        found = exponential_filter(self.theta, time=time, characteristic_time=T).theta
        return pd.Series(np.asarray(found), self.days)

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
    columns = {
        "source": station.source,
        "inversion": pd.Series(station.theta, station.days),
        "filter": station.filtered(best),
        **{f"filter {T:g} d": station.filtered(T) for T in TIMES},
        "untouched": station.untouched,
        **{f"taught {w}": answers(taught(model, others, w), station) for w in LESSONS},
    }
    late = {**columns, "fine-tuned": station.tuned}
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
    whole = ["source", "inversion", "filter", hindsight, "untouched", "taught readout"]
    parts = (
        ("ubrmse", "ubRMSE, all days [m³ m⁻³]", [*whole, "taught all"]),
        (
            "ubrmse_late",
            f"ubRMSE, days after the first {FIRST} with sensors [m³ m⁻³]",
            [*whole[1:4], "untouched", "fine-tuned"],
        ),
        (
            "rmse_late",
            f"RMSE, days after the first {FIRST} with sensors [m³ m⁻³]",
            [*whole[1:4], "untouched", "fine-tuned"],
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
    parser.add_argument("--model", default="general")
    given = parser.parse_args()
    summary = pd.read_csv(given.data / "Site_Calibration_data_summary.csv")
    meta = pd.read_csv(given.data / "RoaringFork_CRNS_metadata.csv").set_index("Original_ID")
    meta.index = meta.index.str.replace(" ", "")
    stored = read_network(given.model, base=Path.cwd())
    model = model_from_arrays(stored.arrays, stored.description)
    stations = []
    with tempfile.TemporaryDirectory() as folder:
        for _, row in summary.sort_values("NewName").iterrows():
            place = meta.loc[row["OldName"].replace(" ", "")]
            station = Station(given.data, row, place, given.model, Path(folder))
            if station.scored:
                stations.append(station)
                print(station.name, "read", flush=True)
    rows = [entry(s, [o for o in stations if o is not s], model) for s in stations]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "learned_stations.json").write_text(json.dumps(rows, indent=1) + "\n")
    (OUT / "learned_stations.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
