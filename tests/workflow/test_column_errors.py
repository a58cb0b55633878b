"""Bad input of the study `column`: one sentence, exit code 2, and nothing computed."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from rootzone import cli
from rootzone.studies import column

DAYS = 40

STUDY: dict[str, Any] = {
    "kind": "column",
    "site": {"name": "Feld"},
    "soil": {
        "method": "layers",
        "layers": [
            {
                "bottom": 30,
                "hydraulics": {
                    "method": "van_genuchten",
                    "theta_r": 0.05,
                    "theta_s": 0.4,
                    "alpha": 0.02,
                    "n": 1.4,
                    "K_s": 20.0,
                },
                "lattice_water": 0.02,
            },
            {
                "bottom": 60,
                "hydraulics": {"method": "class", "name": "loam"},
                "lattice_water": 0.02,
            },
        ],
    },
    "weather": {
        "method": "tables",
        "tables": [
            {
                "files": "weather.csv",
                "time": {"column": "day", "timezone": "UTC"},
                "columns": {
                    "precipitation": {"column": "rain", "units": "mm"},
                    "temperature": {"column": "t", "units": "degC"},
                    "potential_evapotranspiration": {"column": "pet", "units": "mm"},
                },
            }
        ],
    },
    "vegetation": {
        "method": "plants",
        "leaf_area": 2.0,
        "roots": {"method": "jackson", "depth": 40},
    },
    "grid": {"method": "graded", "depth": 60, "nodes": 21, "first": 0.5},
}

_UNITS = {
    "bottom": "cm",
    "theta_r": "m3 m-3",
    "theta_s": "m3 m-3",
    "alpha": "cm-1",
    "n": "1",
    "K_s": "cm d-1",
}
TABLE: dict[str, Any] = {
    "method": "table",
    "table": {
        "files": "soils.csv",
        "columns": {"name": "name"} | {k: {"column": k, "units": u} for k, u in _UNITS.items()},
    },
}
DRAWN: dict[str, Any] = {"method": "classes", "classes": ["loam", "silt"], "members": 20}
GENERATOR: dict[str, Any] = {"method": "generator", "climate": "continental"}


def weather() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rain = np.round(rng.gamma(0.5, 9.0, DAYS) * (rng.random(DAYS) < 0.5), 1)
    day = pd.date_range("2021-04-01", periods=DAYS, freq="1D").strftime("%Y-%m-%d")
    return pd.DataFrame({"day": day, "rain": rain, "pet": 2.0, "t": 8.0})


def soils() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["a", "a", "b"],
            "bottom": [30, 60, 60],
            "theta_r": [0.05, 0.06, 0.05],
            "theta_s": [0.4, 0.42, 0.43],
            "alpha": [0.02, 0.03, 0.01],
            "n": [1.4, 1.6, 1.3],
            "K_s": [20.0, 10.0, 5.0],
        }
    )


class Spoiled:
    """A folder with the study, its tables, and what is said of them."""

    def __init__(self, folder: Path, capsys: Any):
        self.folder, self._capsys = folder, capsys
        self.values = copy.deepcopy(STUDY)
        self.weather, self.soils = weather(), soils()

    def spoil(self, table: str, column: str, row: int, value: Any) -> None:
        """Replace an entry of a table."""
        frame = getattr(self, table).astype({column: object})
        frame.loc[row, column] = value
        setattr(self, table, frame)

    def write(self) -> Path:
        self.weather.to_csv(self.folder / "weather.csv", index=False)
        self.soils.to_csv(self.folder / "soils.csv", index=False)
        path = self.folder / "study.yaml"
        path.write_text(yaml.safe_dump(self.values, sort_keys=False))
        return path

    def told(self, *words: str) -> str:
        """Return what the command line says before it ends with code 2."""
        with pytest.raises(SystemExit) as left:
            cli.main(list(words))
        assert left.value.code == 2
        said = self._capsys.readouterr()
        assert said.out == ""
        return said.err

    def refused(self, *overrides: str) -> str:
        """Return the one sentence with which `check` and `run` refuse the study."""
        path = str(self.write())
        sets = [word for o in overrides for word in ("--set", o)]
        sentence = self.told("check", path, *sets)
        assert sentence.count("\n") == 1, sentence
        out = self.folder / "out"
        run = self.told("run", path, "--out", str(out), *sets)
        assert run.endswith(sentence)
        assert not {"results.nc", "members", "summary.json"} & {p.name for p in out.glob("*")}
        return sentence.strip()


@pytest.fixture
def study(tmp_path, capsys, monkeypatch) -> Spoiled:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("bad input was computed")

    monkeypatch.setattr(column, "run_ensemble", never)
    return Spoiled(tmp_path, capsys)


def says(sentence: str, *words: str) -> None:
    for word in words:
        assert word in sentence, f"{word!r} is not in: {sentence}"


def test_the_study_is_fine_unless_spoiled(study, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["check", str(study.write())])
    assert left.value.code == 0
    assert capsys.readouterr().out.endswith("study.yaml: fine\n")


UPPER = "soil.layers.0.hydraulics."
COLUMNS = "weather.tables.0.columns."


@pytest.mark.parametrize(
    ("override", "words"),
    [
        # Soils outside physics.
        (UPPER + "theta_r=0.4", ["theta_r is 0.4, wanted below theta_s (0.4)"]),
        (UPPER + "n=1", ["hydraulics.n: wanted above 1, got 1"]),
        (UPPER + "n=0.7", ["hydraulics.n: wanted above 1, got 0.7"]),
        (UPPER + "K_s=0", ["K_s: wanted above 0 cm d-1, got 0"]),
        (UPPER + "K_s=-3", ["K_s: wanted above 0 cm d-1, got -3"]),
        (UPPER + "K_s=2e-6", ["2e-06 cm d-1 is impossible", "m s-1 times 8.64e6"]),
        (UPPER + "alpha=3.6", ["3.6 cm-1 is impossible", "divide m-1 by 100"]),
        (UPPER + "theta_s=40", ["theta_s: wanted 1 or less, got 40"]),
        ("soil.layers.1.hydraulics.name=laom", ["no texture class 'laom'", "did you mean 'loam'?"]),
        # What does not fit the profile.
        ("soil.layers.1.bottom=50", ["soil.layers[1].bottom is 50 cm", "must fill it"]),
        ("soil.layers.1.bottom=80", ["soil.layers[1].bottom is 80 cm", "ends at 60 cm"]),
        ("soil.layers.1.bottom=20", ["soil.layers[1].bottom is 20 cm", "layer above (30 cm)"]),
        ("vegetation.roots.depth=80", ["roots.depth is 80 cm, below the bottom", "(60 cm)"]),
        ("output.root_zone=80", ["output.root_zone is 80 cm, below the bottom"]),
        ("output.layers=[0,10,80]", ["output.layers end at 80 cm, below the bottom"]),
        ("output.layers=[0,10,5]", ["layers must start at 0 and increase"]),
        ("grid.nodes=300", ["300 nodes reach below 60 cm"]),
        ("grid={method: uniform, depth: 60, spacing: 7}", ["7 cm does not divide 60 cm"]),
        # Words.
        ("bottom={method: water_tabel, depth: 90}", ["did you mean 'water_table'?"]),
        ("vegetation.rots=3", ["vegetation.rots: unknown key", "'roots'"]),
        ("vegetation.stress.h_dry_slow=-100", ["h_dry_slow is -100 cm, wanted below h_dry_fast"]),
        ("neutrons.operators=[{method: koehli_2021, parameter_set: x}]", ["parameter set 'x'"]),
        ("neutrons.operators=[{N0: 6000}]", ["missing key 'method'", "cosmic", "koehli_2025"]),
        ("weather={method: generator, climate: mars}", ["no climate 'mars'", "Mediterranean"]),
        # Forcing and units.
        ("output.step=1h", ["output.step is 1h, but the weather comes every 24 h"]),
        ("weather.end=2021-06-01", ["2021-06-01, but", "2021-05-11", "the forcing is shorter"]),
        ("weather.start=2021-03-01", ["2021-03-01, but", "2021-04-01", "the forcing is shorter"]),
        (COLUMNS + "precipitation.units=hPa", ["column 'rain'", "'hPa' does not convert to mm"]),
        (COLUMNS + "precipitation.units=m", ["column 'rain'", "impossible", "0 to 500 mm"]),
        (COLUMNS + "temperature.units=K", ["column 't'", "8 K are impossible", "units: degC"]),
        (COLUMNS + "precipitation.column=ran", ["no column 'ran'", "did you mean 'rain'?"]),
        (COLUMNS + "precipitation=null", ["no table names a column for precipitation"]),
        (
            "weather.potential_evapotranspiration=penman_monteith",
            ["relative_humidity or dew_point"],
        ),
        ("weather.potential_evapotranspiration=hargreaves_samani", ["site.latitude is needed"]),
    ],
)
def test_a_fault_of_a_site(study, override, words):
    says(study.refused(override), *words)


def test_snow_needs_temperature(study):
    said = study.refused("snow.method=degree_day", COLUMNS + "temperature=null")
    says(said, "snow needs a column for temperature", "snow.method: none")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("soil.classes=[loam, marl]", ["soil.classes[1]: there is no texture class 'marl'"]),
        ("soil.members=0", ["soil.members: wanted 1 or more, got 0"]),
        ("soil.bulk_density={mean: 1.4, sd: 0.9}", ["soil.bulk_density runs from -0.4 to 3.2"]),
        ("output.member=20", ["output.member is 20", "members 0 to 19"]),
        ("soil={method: triangle, function: toth_2015}", ["bulk_density is needed by toth_2015"]),
        ("output.step=1h", ["the weather is daily: set weather.rain_within_day to storms"]),
        ("weather.years=0", ["weather.years: wanted 1 or more, got 0"]),
    ],
)
def test_a_fault_of_drawn_members(study, override, words):
    study.values |= {"soil": copy.deepcopy(DRAWN), "weather": copy.deepcopy(GENERATOR)}
    says(study.refused(override), *words)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-2.0, ["column 'rain': -2 in line 9 is impossible for precipitation", "0 to 500 mm"]),
        (900.0, ["900 in line 9 is impossible for precipitation"]),
        ("", ["precipitation is missing on 2021-04-08: ", "without gaps"]),
        ("wet", ["precipitation is missing on 2021-04-08: "]),
    ],
)
def test_a_fault_of_the_weather(study, value, words):
    study.spoil("weather", "rain", 7, value)
    says(study.refused(), "weather.csv", *words)


def test_missing_days(study):
    study.weather = study.weather.drop(index=[5, 6, 20])
    says(study.refused(), "missing on 3 days, the first 2021-04-06", "weather.start, end")


def test_hourly_rain_and_a_daily_canopy(study):
    times = pd.date_range("2021-04-01", periods=24 * DAYS, freq="1h").strftime("%Y-%m-%d %H:%M")
    study.weather = pd.DataFrame({"day": times, "rain": 0.1, "pet": 0.1, "t": 8.0})
    said = study.refused("vegetation.interception=braden")
    says(said, "vegetation.interception is braden", "daily rain", "every 1 h", "take store")


@pytest.mark.parametrize(
    ("column", "row", "value", "words"),
    [
        ("theta_r", 1, 0.5, ["line 3: theta_r is 0.5, wanted below theta_s (0.42)"]),
        ("n", 1, 1.0, ["line 3: n is 1, wanted above 1"]),
        ("K_s", 2, 0.0, ["line 4: K_s is 0 cm d-1, wanted above 0"]),
        ("K_s", 2, -1.0, ["column 'K_s': -1 in line 4 is impossible"]),
        ("bottom", 2, 50, ["the layers of soil 'b' end at 50 cm", "at 60 cm", "must fill it"]),
        ("bottom", 0, 70, ["the layers of soil 'a' end at 70, 60 cm", "below the one before"]),
        ("n", 1, "", ["column 'n' has no value in line 3"]),
    ],
)
def test_a_fault_of_a_table_of_soils(study, column, row, value, words):
    study.values["soil"] = copy.deepcopy(TABLE)
    study.spoil("soils", column, row, value)
    says(study.refused(), "soils.csv", *words)


@pytest.mark.parametrize(
    ("column", "units", "words"),
    [
        ("theta_s", "percent", ["0.42 percent are impossible", "set units: m3 m-3"]),
        ("K_s", "m s-1", ["10 m s-1 are impossible", "set units: cm d-1"]),
        ("alpha", "kPa-1", ["'kPa-1' does not convert to cm-1"]),
    ],
)
def test_mixed_units_in_a_table_of_soils(study, column, units, words):
    study.values["soil"] = copy.deepcopy(TABLE)
    says(study.refused(f"soil.table.columns.{column}.units={units}"), f"'{column}'", *words)
