"""Networks of replicate sensors: clocks, units, joins, quality and the contract of the dataset."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import TypeAdapter

from rootzone.config.documents import read_document
from rootzone.config.replicates_data import Data
from rootzone.data import Log, RunFolder
from rootzone.data.replicates import check_network
from rootzone.studies.context import Context
from rootzone.studies.replicates_input import read_network
from rootzone.water.radiation import extraterrestrial_radiation

HOURS = 400
EXAMPLES = Path(__file__).parents[2] / "examples"


class Network:
    """A folder with tables of four places of two groups; tests spoil one and read the answer."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.part: dict[str, Any] = {
            "method": "tables",
            "places": [
                {
                    "name": f"p{n}",
                    "group": "marl" if n < 2 else "sand",
                    "latitude": 49.0 + n,
                    "longitude": 6.0,
                    "elevation": 300 + n,
                    "attributes": {"clay": 10 + n},
                    "classes": {"soil_class": "loam"},
                    "sensors": {
                        "files": f"p{n}.csv",
                        "pattern": "{replicate}_{depth}",
                        "units": "percent",
                        "time": {"timezone": "UTC"},
                    },
                }
                for n in range(4)
            ],
            "inputs": {
                "name": "valley",
                "files": "rain.csv",
                "latitude": 49.5,
                "longitude": 6.0,
                "columns": {"precipitation": {"column": "rain", "units": "mm"}},
                "interval": "1d",
                "time": {"timezone": "UTC"},
            },
            "farthest": 400,
        }
        for n in range(4):
            self.write(self.frame(n), f"p{n}.csv")
        days = pd.date_range("2020-03-01", periods=18, freq="1D")
        self.write(pd.DataFrame({"time": days, "rain": np.arange(18.0)}), "rain.csv")

    def frame(self, place: int = 0) -> pd.DataFrame:
        """Return readings in percent: place, depth, replicate and hour are in each of them."""
        t = np.arange(HOURS)
        stamps = pd.date_range("2020-03-01", periods=HOURS, freq="1h")
        columns = {
            f"{r}_{d}": np.round(20 + place + d / 10 + k + np.sin(t / 20), 3)
            for d in (10, 30)
            for k, r in enumerate("ABC")
        }
        return pd.DataFrame({"time": stamps.strftime("%Y-%m-%d %H:%M")} | columns)

    @property
    def place(self) -> dict[str, Any]:
        """The first place."""
        return self.part["places"][0]

    @property
    def sensors(self) -> dict[str, Any]:
        """The table of sensors of the first place."""
        return self.place["sensors"]

    def write(self, frame: pd.DataFrame, name: str) -> None:
        """Write a table."""
        frame.to_csv(self.folder / name, index=False)

    def read(self, *, inputs: tuple[str, ...] = ()) -> tuple[xr.Dataset, Log]:
        """Read the network."""
        part = TypeAdapter(Data).validate_python(copy.deepcopy(self.part))
        context = Context(base=self.folder)
        return read_network(part, context, inputs=inputs), context.log


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """Return a network whose tables are whole."""
    return Network(tmp_path)


def test_the_dataset_is_the_contract(network: Network):
    ds, log = network.read(inputs=("precipitation",))
    theta = ds["soil_moisture"]
    assert theta.dims == ("place", "depth", "replicate", "time")
    assert theta.dtype == np.float32
    assert theta.attrs["units"] == "m3 m-3"
    assert theta.attrs["role"] == "target"
    assert ds["depth"].values.tolist() == [10.0, 30.0]
    assert ds["replicate"].values.tolist() == ["A", "B", "C"]
    assert ds["group"].values.tolist() == ["marl", "marl", "sand", "sand"]
    assert ds.attrs["step_hours"] == 1.0
    for n in range(4):
        for k, name in enumerate("ABC"):
            got = theta.sel(place=f"p{n}", depth=30, replicate=name).values
            np.testing.assert_allclose(got, network.frame(n)[f"{name}_30"] / 100.0, rtol=1e-6)
            assert k == ds["replicate"].values.tolist().index(name)
    roles = {str(n): v.attrs["role"] for n, v in ds.data_vars.items()}
    assert roles["precipitation"] == "input"
    assert roles["clay"] == roles["elevation"] == "attribute"
    assert roles["soil_class"] == "class"
    assert not log.warnings


def test_daily_rain_is_divided_and_its_station_told(network: Network):
    ds, log = network.read()
    rain = ds["precipitation"]
    np.testing.assert_allclose(rain[:, :24], 0.0)
    np.testing.assert_allclose(rain[:, 24:48], 1.0 / 24.0, rtol=1e-6)
    assert "divided evenly among steps of 1 h" in log.text()
    joined = {j["place"]: j for j in json.loads(ds.attrs["joined"])}
    # a degree of latitude is 111.195 km on the sphere of the mean radius
    assert joined["p0"]["distance_km"] == pytest.approx(0.5 * 111.195, abs=0.01)
    assert joined["p3"]["source"] == "valley"


def test_each_quantity_comes_from_its_own_nearest_station(network: Network):
    other = copy.deepcopy(network.part["inputs"]) | {"name": "hill", "latitude": 51.6}
    warm = copy.deepcopy(other) | {
        "name": "far",
        "latitude": 51.9,
        "columns": {"temperature": {"column": "rain", "units": "K"}},
    }
    network.write(
        pd.DataFrame({"time": ["2020-03-01", "2020-03-02"], "rain": [280.0, 281.0]}), "warm.csv"
    )
    warm["files"] = "warm.csv"
    network.part["inputs"] = [network.part["inputs"], other, warm]
    ds, _ = network.read()
    sources = {(j["place"], j["quantity"]): j["source"] for j in json.loads(ds.attrs["joined"])}
    assert sources["p0", "precipitation"] == "valley"
    assert sources["p3", "precipitation"] == "hill"
    assert sources["p0", "temperature"] == "far"
    np.testing.assert_allclose(ds["temperature"][0, :25], [6.85] * 24 + [7.85], rtol=1e-5)
    assert np.isnan(ds["temperature"][0, 48:]).all()


def test_own_inputs_go_first(network: Network):
    network.place["inputs"] = [copy.deepcopy(network.part["inputs"])]
    for key in ("name", "latitude", "longitude"):
        network.place["inputs"][0].pop(key)
    joined = json.loads(network.read()[0].attrs["joined"])
    assert joined[0]["distance_km"] is None
    assert joined[1]["distance_km"] > 0


def test_stamps_go_to_the_nearest_hour(network: Network):
    whole = network.read()[0]
    for minutes in (7, 30, -1):
        frame = network.frame()
        frame["time"] = pd.to_datetime(frame["time"]) + pd.Timedelta(minutes=minutes)
        network.write(frame, "p0.csv")
        ds, log = network.read()
        xr.testing.assert_equal(ds["soil_moisture"], whole["soil_moisture"])
        assert f"by up to {abs(minutes)} min" in log.text()


def test_a_day_is_the_mean_of_readings_and_the_sum_of_rain(network: Network):
    network.part["step"] = "1d"
    ds, _ = network.read()
    assert ds.attrs["step_hours"] == 24.0
    first = network.frame()["A_10"][:24].mean() / 100.0
    np.testing.assert_allclose(ds["soil_moisture"][0, 0, 0, 0], first, rtol=1e-6)
    np.testing.assert_allclose(ds["precipitation"][0], np.arange(17.0), rtol=1e-6)


# --- quality ----------------------------------------------------------------------------


def test_readings_in_frost_are_left_out_where_the_soil_is_known_to_be_cold(network: Network):
    days = pd.date_range("2020-03-01", periods=18, freq="1D")
    soil = np.where(np.arange(18) < 5, -1.0, 4.0)
    soil[7] = np.nan
    network.write(pd.DataFrame({"time": days, "soil": soil}), "soil.csv")
    network.place["inputs"] = {
        "files": "soil.csv",
        "columns": {"soil_temperature": {"column": "soil", "units": "degC"}},
        "interval": "1d",
        "time": {"timezone": "UTC"},
    }
    whole = network.read()[0]["soil_moisture"]
    network.part["quality"] = {"frost": 0.5}
    ds, log = network.read()
    theta = ds["soil_moisture"]
    assert np.isnan(theta[0, ..., : 5 * 24]).all()
    xr.testing.assert_equal(theta[0, ..., 5 * 24 :], whole[0, ..., 5 * 24 :])
    xr.testing.assert_equal(theta[1:], whole[1:])  # places whose soil is not measured
    assert f"{5 * 24 * 6} readings in soil below 0.5 degC are left out" in log.text()


def test_impossible_readings_do_not_enter_the_mean_of_a_day(network: Network):
    frame = network.frame()
    frame.loc[3, "A_10"] = 75.0
    network.write(frame, "p0.csv")
    network.part |= {"step": "1d", "quality": {"high": 0.6}}
    ds, log = network.read()
    want = frame["A_10"][:24].drop(3).mean() / 100.0
    np.testing.assert_allclose(ds["soil_moisture"][0, 0, 0, 0], want, rtol=1e-6)
    assert "1 outside 0 to 0.6" in log.text()


def test_duplicated_stamps_by_both_rules(network: Network):
    frame = network.frame()
    again = frame.iloc[[5]].assign(A_10=frame["A_10"][5] + 2.0)
    network.write(pd.concat([frame, again]), "p0.csv")
    first = network.read()[0]["soil_moisture"][0, 0, 0, 5]
    network.part["quality"] = {"duplicates": "mean"}
    mean = network.read()[0]["soil_moisture"][0, 0, 0, 5]
    assert float(mean - first) == pytest.approx(0.01, abs=1e-6)


def test_a_later_table_only_fills_the_gaps_of_the_one_before(network: Network):
    early, late = network.frame()[:250], network.frame()
    late[late.columns[1:]] += 5.0
    network.write(early, "p0.csv")
    network.write(late, "late.csv")
    network.place["sensors"] = [network.sensors, network.sensors | {"files": "late.csv"}]
    ds, log = network.read()
    want = np.r_[early["A_10"], late["A_10"][250:]] / 100.0
    np.testing.assert_allclose(ds["soil_moisture"][0, 0, 0], want, rtol=1e-6)
    assert "late.csv fills gaps of the tables before" in log.text()


def test_exclusions_are_left_out_and_told(network: Network):
    network.place["exclude"] = [
        {"start": "2020-03-02", "end": "2020-03-03", "replicates": "B", "reason": "flooded"}
    ]
    ds, log = network.read()
    gaps = np.isnan(ds["soil_moisture"][0])
    assert gaps.sum() == 2 * 24
    assert gaps[:, 1, 24:48].all()
    assert "48 readings are excluded, flooded" in log.text()


# --- what stands beside -----------------------------------------------------------------


def test_potential_radiation_averages_to_that_of_the_day(network: Network):
    network.part["computed"] = ["potential_radiation"]
    hourly = network.read()[0]["potential_radiation"].values
    network.part["step"] = "1d"
    daily = network.read()[0]["potential_radiation"].values
    want = np.asarray(extraterrestrial_radiation(np.array([61.0]), 49.0))
    np.testing.assert_allclose(daily[0, 0], want[0], rtol=1e-5)
    np.testing.assert_allclose(hourly[0, :24].mean(), want[0], rtol=2e-3)


def test_attributes_by_depth_and_unknown_classes(network: Network):
    network.place["attributes"] = {"clay": {10: 12, 30: 25}}
    network.part["places"][1]["classes"] = {}
    ds, log = network.read()
    np.testing.assert_array_equal(ds["clay"].values, [[12, 25], [11, 11], [12, 12], [13, 13]])
    assert ds["soil_class"].values.tolist() == ["loam", "unknown", "loam", "loam"]
    assert any("soil_class is not given for p1" in w for w in log.warnings)


def test_events_are_zero_between_and_slow_inputs_interpolated(network: Network):
    own = {"files": "own.csv", "interval": "1d", "time": {"timezone": "UTC"}}
    days = ["2020-03-02", "2020-03-04", "2020-03-14"]
    network.write(pd.DataFrame({"time": days, "v": [24.0, 48.0, 24.0]}), "own.csv")
    irrigation = {"irrigation": {"column": "v", "units": "mm", "gaps": "zero"}}
    slow = {"column": "v", "units": "mm", "gaps": "interpolate", "longest": "3d"}
    network.place["inputs"] = [own | {"columns": irrigation | {"biomass_water": slow}}]
    network.part["places"][1]["constants"] = {"irrigation": 0}
    ds, log = network.read()
    water = ds["irrigation"].values
    assert float(water[0].sum()) == pytest.approx(96.0, rel=1e-5)
    assert not np.isnan(water[:2]).any()
    assert (water[1] == 0.0).all()
    assert np.isnan(water[2]).all()
    mass = ds["biomass_water"].values[0]
    assert mass[59] == pytest.approx(36.0, abs=0.5)
    assert np.isnan(mass[24 * 7])  # a gap of nine days stays
    assert any("irrigation: no value at p2, p3" in w for w in log.warnings)


def test_discharge_keeps_its_kind(network: Network):
    flow = {"discharge": {"column": "rain", "units": "l/s"}}
    network.part["inputs"]["columns"] = flow
    ds, _ = network.read()
    assert ds["discharge"].attrs["units"] == "m3 s-1"
    np.testing.assert_allclose(ds["discharge"][0, 24:48], 0.001, rtol=1e-6)
    flow["discharge"]["units"] = "mm"
    ds, _ = network.read()
    assert ds["discharge"].attrs["units"] == "mm"
    np.testing.assert_allclose(ds["discharge"][0, 24:48], 1.0 / 24.0, rtol=1e-6)


def test_one_sensor_a_depth_where_that_is_stated(network: Network):
    for n in range(4):
        network.write(network.frame(n)[["time", "A_10", "A_30"]], f"p{n}.csv")
        network.part["places"][n]["sensors"] |= {"pattern": "A_{depth}"}
    network.part["replicates"] = "any"
    ds, _ = network.read()
    assert ds["soil_moisture"].shape == (4, 2, 1, HOURS)
    assert ds["replicate"].values.tolist() == ["A"]


def test_a_stored_network_comes_back(network: Network):
    ds, _ = network.read()
    folder = RunFolder(network.folder)
    folder.write_dataset("network.nc", ds)
    network.part = {"method": "store", "files": "network.nc"}
    again, _ = network.read(inputs=("precipitation",))
    xr.testing.assert_identical(again.drop_vars("time"), ds.drop_vars("time"))
    assert (again["time"].values == ds["time"].values).all()
    xr.testing.assert_identical(check_network(again), again)


def test_the_layout_of_neon(network: Network):
    stamps = pd.date_range("2020-03-01", periods=60, freq="30min")
    rows = [
        {
            "horizontalPosition": f"00{plot}",
            "verticalPosition": level,
            "startDateTime": stamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "VSWCMean": round(0.2 + 0.01 * plot + 0.001 * n, 4),
            "finalQF": int(plot == 2 and n == 4),
        }
        for plot in (1, 2, 3)
        for level in (501, 502, 599)
        for n, stamp in enumerate(stamps)
    ]
    network.write(pd.DataFrame(rows), "neon.csv")
    place = {"name": "s", "files": "neon.csv", "depths": {"501": 6, "502": 16}}
    network.part = {"method": "neon", "places": [place]}
    ds, log = network.read()
    theta = ds["soil_moisture"]
    assert theta.shape == (1, 2, 3, 30)
    assert ds["replicate"].values.tolist() == ["001", "002", "003"]
    np.testing.assert_allclose(theta[0, 0, 0, 0], 0.2105, rtol=1e-5)
    # of the half hours 4 and 5 one is flagged
    np.testing.assert_allclose(theta[0, 0, 1, 2], 0.225, rtol=1e-5)
    assert "599 is no depth of the study" in log.text()
    assert any("group all has one place" in w for w in log.warnings)


def test_the_nebraska_example_reads_whole():
    folder = EXAMPLES / "replicates_nebraska"
    values, _ = read_document(folder / "study.yaml")
    context = Context(base=folder)
    part = TypeAdapter(Data).validate_python(values["data"] | {"step": "1h"})
    ds = read_network(part, context)
    theta = ds["soil_moisture"]
    sensors = np.isfinite(theta).any("time").sum(("depth", "replicate"))
    assert sensors.values.tolist() == [12, 16]
    year = theta["time"].dt.year
    assert np.isnan(theta.sel(place="CSP3")[..., (year == 2020).values]).all()
    assert int(np.isfinite(theta).sum()) > 1_300_000
    assert float(theta.min()) >= 0.02
    assert float(theta.max()) <= np.float32(0.6)
    # what the files hold, less 2022: 629.0, 595.3, 802.6 and 437.5 mm
    assert float(ds["precipitation"][0].sum()) == pytest.approx(2464.4, abs=0.1)
    assert float(ds["irrigation"][0].sum()) == pytest.approx(1008.7, abs=0.1)
    assert not any("copy: exclude" in w for w in context.log.warnings)
