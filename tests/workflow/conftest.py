"""A small synthetic station to be spoiled: tables, a study, and what the package says to them."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import rootzone
from rootzone.config import StationStudy, load_study
from rootzone.core import RootzoneError
from rootzone.data import Log
from rootzone.studies.context import Context
from rootzone.studies.runner import RunResult, check_study
from rootzone.studies.station_input import Observations, read_observations

HOURS = 240

STUDY: dict[str, Any] = {
    "kind": "station",
    "station": {
        "name": "Testfeld",
        "latitude": 52.0,
        "longitude": 13.0,
        "elevation": 100.0,
        "cutoff_rigidity": 3.0,
        "bulk_density": 1.4,
        "lattice_water": 0.01,
        "soil_organic_carbon": 0.01,
    },
    "tables": [
        {
            "files": "station.csv",
            "columns": {
                "counts": {"column": "counts", "units": "count"},
                "pressure": {"column": "pressure", "units": "hPa"},
                "temperature": {"column": "temperature", "units": "degC"},
                "relative_humidity": {"column": "humidity", "units": "percent"},
            },
        }
    ],
    "calibration": {"method": "given", "N0": 2500.0},
}

SAMPLES: dict[str, Any] = {
    "method": "samples",
    "table": {
        "files": "samples.csv",
        "columns": {
            "profile": "profile",
            "distance": {"column": "distance", "units": "m"},
            "depth": {"column": "depth", "units": "cm"},
            "gravimetric_water": {"column": "water", "units": "g g-1"},
            "bulk_density": {"column": "density", "units": "g cm-3"},
            "lattice_water": {"column": "lattice", "units": "g g-1"},
            "soil_organic_carbon": {"column": "carbon", "units": "g g-1"},
        },
    },
}


class Station:
    """A folder with a table and a study; tests change one of them and read the answer."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.values: dict[str, Any] = copy.deepcopy(STUDY)

    @property
    def table(self) -> dict[str, Any]:
        """The first table of the study."""
        return self.values["tables"][0]

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the first table."""
        return self.table["columns"]

    def samples(self, date: str = "2020-03-05 12:00", **columns: Any) -> pd.DataFrame:
        """Name a table of soil samples in the study, write it, and return it."""
        self.values["calibration"] = copy.deepcopy(SAMPLES)
        for name in ("bulk_density", "lattice_water", "soil_organic_carbon"):
            self.values["station"].pop(name, None)
        table = pd.DataFrame(
            {
                "when": date,
                "profile": np.repeat(["a", "b", "c", "d"], 3),
                "distance": np.repeat([5, 25, 75, 150], 3),
                "depth": np.tile([5, 15, 25], 4),
                "water": [0.11, 0.12, 0.13] * 4,
                "density": [1.35, 1.4, 1.45] * 4,
                "lattice": 0.01,
                "carbon": 0.01,
            }
        ).assign(**columns)
        self.write(table, "samples.csv")
        return table

    @property
    def sample_columns(self) -> dict[str, Any]:
        """The columns of the table of samples."""
        return self.values["calibration"]["table"]["columns"]

    def frame(self, hours: int = HOURS, start: str = "2020-03-01") -> pd.DataFrame:
        """Return hourly values as a station has them, with ISO stamps."""
        rng = np.random.default_rng(7)
        t = np.arange(hours)
        day = np.sin(2 * np.pi * t / 24)
        stamps = pd.date_range(start, periods=hours, freq="1h")
        return pd.DataFrame(
            {
                "time": stamps.strftime("%Y-%m-%d %H:%M:%S"),
                "counts": rng.poisson(1500, hours),
                "pressure": np.round(1002 + 5 * np.sin(t / 40) + rng.normal(0, 0.3, hours), 1),
                "temperature": np.round(8 + 5 * day + rng.normal(0, 0.5, hours), 2),
                "humidity": np.round(70 - 15 * day + rng.normal(0, 2, hours), 1),
                "theta": np.round(0.2 + 0.02 * np.sin(t / 30), 4),
            }
        )

    def write(
        self, content: "pd.DataFrame | str | bytes", name: str = "station.csv", **how
    ) -> Path:
        """Write a data file."""
        path = self.folder / name
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, index=False, **how)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            path.write_bytes(content)
        return path

    def spoil(self, column: str, rows: "int | list[int] | slice", value: Any) -> pd.DataFrame:
        """Return the frame with some entries replaced."""
        frame = self.frame().astype({column: object})
        frame.loc[rows if not isinstance(rows, int) else [rows], column] = value
        return frame

    def sensor(self, units: str = "m3 m-3", column: str = "theta") -> None:
        """Name an in-situ sensor in the study."""
        self.columns["soil_moisture"] = [{"column": column, "depth": 10, "units": units}]

    def study(self, text: str | None = None) -> Path:
        """Write the study file."""
        path = self.folder / "study.yaml"
        path.write_text(text if text is not None else yaml.safe_dump(self.values, sort_keys=False))
        return path

    def check(self, *overrides: str, text: str | None = None) -> str:
        """Return what checking the study tells."""
        return "\n".join(check_study(self.study(text), overrides=overrides))

    def refusal(self, *overrides: str, text: str | None = None) -> str:
        """Return the sentence with which checking the study fails."""
        with pytest.raises(RootzoneError) as caught:
            check_study(self.study(text), overrides=overrides)
        return str(caught.value)

    def observe(self, *overrides: str) -> tuple[Observations, str]:
        """Return what reading the tables gives, and what it tells."""
        study = load_study(self.study(), overrides=overrides)
        assert isinstance(study, StationStudy)
        log = Log()
        return read_observations(study, Context(base=self.folder, log=log)), log.text()

    def run(self, **how: Any) -> RunResult:
        """Run the study."""
        return rootzone.run(self.study(), **how)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """Return a station whose table is whole."""
    place = Station(tmp_path)
    place.write(place.frame())
    return place


@pytest.fixture(scope="module")
def lasting_station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """Return a whole station with its study, for tests that only add run folders to it."""
    place = Station(tmp_path_factory.mktemp("station"))
    place.write(place.frame())
    place.study()
    return place
