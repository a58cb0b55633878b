"""What the package says of replicate sensors that cannot be right: one sentence each."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import TypeAdapter, ValidationError

from rootzone.config.replicates_data import Data
from rootzone.core import RootzoneError
from rootzone.data.replicates import check_network
from rootzone.studies.context import Context
from rootzone.studies.replicates_input import read_network

HOURS = 200


class Network:
    """A folder with tables of two places; tests spoil one and read the sentence."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.part: dict[str, Any] = {
            "method": "tables",
            "places": [
                {
                    "name": name,
                    "latitude": 49.0,
                    "longitude": 6.0,
                    "sensors": [
                        {
                            "files": f"{name}{r}.csv",
                            "columns": [
                                {"column": f"d{d}", "depth": d, "replicate": r} for d in (10, 30)
                            ],
                            "time": {"timezone": "UTC"},
                        }
                        for r in "AB"
                    ],
                }
                for name in ("p", "q")
            ],
        }
        for name in ("pA", "pB", "qA", "qB"):
            self.write(self.frame(), f"{name}.csv")

    def frame(self, start: str = "2020-03-01", step: str = "1h") -> pd.DataFrame:
        """Return readings."""
        theta = np.round(0.25 + 0.03 * np.sin(np.arange(HOURS) / 20), 4)
        stamps = pd.date_range(start, periods=HOURS, freq=step).strftime("%Y-%m-%d %H:%M")
        return pd.DataFrame({"time": stamps, "d10": theta, "d30": theta + 0.05})

    @property
    def place(self) -> dict[str, Any]:
        """The first place."""
        return self.part["places"][0]

    @property
    def table(self) -> dict[str, Any]:
        """The first table of the first place."""
        return self.place["sensors"][0]

    def rain(self, **how: Any) -> dict[str, Any]:
        """Write a table of rain and return it as a shared input."""
        days = pd.date_range("2020-03-01", periods=9, freq="1D")
        self.write(pd.DataFrame({"time": days, "rain": 1.0}), "rain.csv")
        table = {"files": "rain.csv", "columns": {"precipitation": {"column": "rain"}}}
        table["columns"]["precipitation"]["units"] = "mm"
        return table | how

    def write(self, frame: pd.DataFrame, name: str) -> None:
        """Write a table."""
        frame.to_csv(self.folder / name, index=False)

    def read(self, *inputs: str) -> tuple[xr.Dataset, list[str]]:
        """Return the dataset and the warnings."""
        part = TypeAdapter(Data).validate_python(copy.deepcopy(self.part))
        context = Context(base=self.folder)
        return read_network(part, context, inputs=inputs), context.log.warnings

    def refusal(self, *inputs: str) -> str:
        """Return the sentence with which reading fails."""
        with pytest.raises(RootzoneError) as caught:
            self.read(*inputs)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def fault(self) -> str:
        """Return what the study file gets wrong."""
        with pytest.raises(ValidationError) as caught:
            TypeAdapter(Data).validate_python(self.part)
        return str(caught.value)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """Return a network whose tables are whole."""
    return Network(tmp_path)


def test_groups_are_of_all_places_or_of_none(network: Network):
    assert set(network.read()[0]["group"].values) == {"all"}
    network.part["places"][1]["group"] = "marl"
    assert "p is of no group, another place is of 'marl'" in network.refusal()


def test_frost_wants_the_temperature_of_the_soil(network: Network):
    network.part["quality"] = {"frost": 0.5}
    assert "there is no soil_temperature among the inputs" in network.refusal()


def test_the_whole_network_reads(network: Network):
    ds, warnings = network.read()
    assert int(np.isfinite(ds["soil_moisture"]).sum()) == 8 * HOURS
    assert warnings == []


def test_the_part_comes_back_from_the_study_of_a_run(network: Network):
    network.place["exclude"] = [{"start": "2021-01-01", "reason": "flooded"}]
    network.place["attributes"] = {"clay": {10: 12.0, 30: 14.0}}
    network.part["inputs"] = network.rain(name="s", latitude=49.1, longitude=6.0)
    network.part["era5_land"] = {"files": "era5.nc", "layer_of_depth": {10: 1, 30: 2}}
    network.part["places"][1]["sensors"] = {"files": "qA.csv", "pattern": "d{depth}"}
    adapter = TypeAdapter(Data)
    part = adapter.validate_python(network.part)
    dumped = json.loads(json.dumps(part.model_dump(mode="json", exclude_none=True)))
    assert adapter.validate_python(dumped) == part


def test_replicates_of_different_steps(network: Network):
    network.write(network.frame(step="1D"), "pB.csv")
    answer = network.refusal()
    assert "place p: pB.csv has a reading every 24 h, the step is 1 h" in answer
    assert "data.step: 1d" in answer


def test_replicates_of_which_one_has_no_zone(network: Network):
    network.place["sensors"][1].pop("time")
    answer = network.refusal()
    assert "data.places[0].sensors[0] have a time zone" in answer
    assert "set data.places[0].sensors[1].time.timezone" in answer


def test_replicates_of_two_zones_come_together(network: Network):
    network.table["time"]["timezone"] = "+01:00"
    network.write(network.frame("2020-03-01 01:00"), "pA.csv")
    theta = network.read()[0]["soil_moisture"]
    np.testing.assert_array_equal(theta[0, 0, 0], theta[0, 0, 1])


def test_sensors_that_never_read_together(network: Network):
    network.write(network.frame("2020-06-01"), "pB.csv")
    answer = network.refusal()
    assert "p at 10 cm has 2 sensors that never read at the same time" in answer


def test_depths_in_meters(network: Network):
    for column, depth in zip(network.table["columns"], (0.1, 0.3), strict=True):
        column["depth"] = depth
    assert "these look like meters: wanted 10, 30" in network.fault()
    for table, name in zip(network.place["sensors"], "AB", strict=True):
        names = {"d10": f"{name}_0.1", "d30": f"{name}_0.3"}
        network.write(network.frame().rename(columns=names), f"p{name}.csv")
        table.pop("columns")
        table["pattern"] = "{replicate}_{depth}"
    answer = network.refusal()
    assert "place p: depths are" in answer
    assert "these look like meters" in answer
    stored = network_of(depth=[0.1, 0.3])
    with pytest.raises(RootzoneError, match=r"0\.1, 0\.3 cm, these look like meters"):
        check_network(stored)


def test_percent_declared_as_a_fraction(network: Network):
    frame = network.frame()
    frame[["d10", "d30"]] *= 100.0
    network.write(frame, "pA.csv")
    answer = network.refusal()
    assert "values around 2" in answer
    assert "they look like percent: set units: percent" in answer


def test_one_replicate_only(network: Network):
    for column in network.place["sensors"][1]["columns"]:
        column["replicate"] = "A"
    network.write(network.frame("2020-03-10"), "pB.csv")  # a later file of the same sensor
    answer = network.refusal()
    assert "p at 10 cm has one sensor" in answer
    assert "data.replicates: any" in answer
    network.part["replicates"] = "any"
    assert network.read()[0]["soil_moisture"].shape == (2, 2, 2, 9 * 24 + HOURS)


def test_a_group_of_one_place_is_told(network: Network):
    for place, group in zip(network.part["places"], ("marl", "sand"), strict=True):
        place["group"] = group
    warnings = network.read()[1]
    assert any("group marl has one place" in w for w in warnings)
    assert any("group sand has one place" in w for w in warnings)


def test_an_input_that_is_asked_for_but_not_there(network: Network):
    network.part["inputs"] = network.rain(name="s", latitude=49.1, longitude=6.0)
    answer = network.refusal("precipitation", "discharge")
    assert "the input discharge is asked for, but no table has it" in answer
    assert "precipitation" in answer
    network.part["inputs"] = []
    network.place["inputs"] = [network.rain()]
    answer = network.refusal("precipitation")
    assert "precipitation is asked for, but has no value at q" in answer


def test_columns_and_patterns_that_are_not_there(network: Network):
    network.table["columns"][0]["column"] = "d11"
    assert "no column 'd11'" in (answer := network.refusal())
    assert "did you mean 'd10'?" in answer
    network.table.pop("columns")
    network.table["pattern"] = "P{replicate}_D{depth}"
    assert "no column is named like 'P{replicate}_D{depth}'" in network.refusal()
    network.table.update(pattern="d{depth}", depths={"10": 10, "40": 40})
    assert "no column of 'd{depth}' has the depth '40', which is 40 cm" in network.refusal()


def test_one_sensor_in_two_columns(network: Network):
    network.table["columns"][1]["depth"] = 10
    assert "two columns are replicate A at 10 cm" in network.refusal()


def test_stations_that_are_far_or_places_without_position(network: Network):
    network.part["inputs"] = network.rain(name="far", latitude=52.0, longitude=6.0)
    assert "nearest station of precipitation is far, 334 km away" in network.refusal()
    for key in ("latitude", "longitude"):
        network.place.pop(key)
    assert "place p has no latitude and longitude" in network.refusal()


def test_exclusions_that_name_what_is_not_there(network: Network):
    network.place["exclude"] = [{"depths": [20], "reason": "flooded"}]
    assert "there is no depth 20.0, there are 10, 30" in network.refusal()
    network.place["exclude"] = [{"replicates": "C", "reason": "flooded"}]
    assert "there is no replicate C, there are A, B" in network.refusal()
    network.place["exclude"] = [{"start": "2030-01-01", "reason": "flooded"}]
    assert any("meets no reading" in w for w in network.read()[1])
    network.place["exclude"] = [{"start": "2020-01-01", "reason": "all"}]
    assert "p has no reading left" in network.refusal()


def test_attributes_that_cannot_be(network: Network):
    network.place["attributes"] = {"clay": 140}
    assert "place p: clay is 140, wanted 0 to 100 %" in network.refusal()
    network.place["attributes"] = {"clay": {20: 14}}
    assert "clay is given for 20 cm, the sensors are at 10, 30 cm" in network.refusal()
    network.place["attributes"] = {"Clay": 14}
    assert "did you mean 'clay'?" in network.refusal()
    network.place["attributes"] = {"temperature": 14}
    assert "'temperature' has another meaning here" in network.fault()


def test_periods_without_readings(network: Network):
    network.part["start"] = "2021-01-01"
    assert "leave nothing of the readings" in network.refusal()


def test_units_of_an_input_that_differ_between_places(network: Network):
    for place, units in zip(network.part["places"], ("mm", "m3 s-1"), strict=True):
        flow = {"discharge": {"column": "rain", "units": units}}
        place["inputs"] = [network.rain(columns=flow)]
    assert "discharge is in m3 s-1, elsewhere in mm" in network.refusal()


def test_constants_that_nobody_measures(network: Network):
    network.place["constants"] = {"irrigation": 0}
    assert "irrigation is said to be 0, but no other place has it" in network.refusal()


def test_a_constant_takes_nothing_from_a_station(network: Network):
    """Neither its values nor, where it is far, its refusal."""
    table = network.rain(name="s", latitude=49.1, longitude=6.0)
    table["columns"] = {"irrigation": {"column": "rain", "units": "mm"}}
    network.part["inputs"] = [table]
    network.place["constants"] = {"irrigation": 0}
    network.place["latitude"] = -30.0
    ds = network.read()[0]
    assert not ds["irrigation"].values[0].any()
    assert ds["irrigation"].values[1].any()
    assert [j["place"] for j in json.loads(ds.attrs["joined"])] == ["q"]


def test_a_place_without_readings_says_what_may_have_left_them_out(network: Network):
    network.place["exclude"] = [{"start": "2020-01-01T00:00:00Z", "reason": "all wrong"}]
    answer = network.refusal()
    assert "p has no reading left after what exclude and quality" in answer


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("pattern", "P{replicate}", "wanted {depth}"),
        ("pattern", "P{sensor}_{depth}", "wanted {depth}"),
        ("columns", [], "either columns or pattern"),
        ("depths", {"1": 10}, "depths goes with pattern"),
    ],
)
def test_tables_of_sensors_that_say_too_little(network: Network, key: str, value: Any, words: str):
    if key == "pattern":
        network.table.pop("columns")
    network.table[key] = value
    assert words in network.fault()


def network_of(**how: Any) -> xr.Dataset:
    """Return a small network that keeps the contract, with coordinates replaced."""
    shape = (2, 2, 3, 10)
    theta = np.full(shape, 0.3, dtype=np.float32)
    coordinates = {
        "place": ("place", ["p", "q"]),
        "depth": ("depth", how.pop("depth", [10.0, 30.0])),
        "replicate": ("replicate", ["A", "B", "C"]),
        "time": ("time", pd.date_range("2020-01-01", periods=10, freq="1h")),
        "group": ("place", ["g", "g"]),
        "latitude": ("place", [49.0, 49.0]),
        "longitude": ("place", [6.0, 6.0]),
    }
    dims = ("place", "depth", "replicate", "time")
    target = {"units": "m3 m-3", "long_name": "soil moisture", "role": "target"}
    return xr.Dataset(
        {"soil_moisture": (dims, theta, target)}, coordinates, {"step_hours": 1.0, "joined": "[]"}
    )


def _spoiled(what: str) -> xr.Dataset:
    ds = network_of()
    theta = ds["soil_moisture"]
    if what == "percent":
        ds["soil_moisture"] = theta * 100.0
        ds["soil_moisture"].attrs = theta.attrs
    elif what == "step":
        ds.attrs["step_hours"] = 24.0
    elif what == "regular":
        ds = ds.isel(time=[0, 1, 3])
    elif what == "role":
        ds["rain"] = (("place", "time"), np.zeros((2, 10)), {"units": "mm"})
    elif what == "dims":
        attrs = {"units": "mm", "role": "input"}
        ds["rain"] = (("place", "depth", "time"), np.zeros((2, 2, 10)), attrs)
    elif what == "joined":
        ds.attrs["joined"] = "[1]"
    elif what == "distance":
        entry = {"place": "p", "quantity": "rain", "source": "s", "distance_km": "x"}
        ds.attrs["joined"] = json.dumps([entry])
    elif what == "step_words":
        ds.attrs["step_hours"] = "1 h"
    elif what == "north":
        ds["latitude"] = ("place", [249.0, 49.0])
    elif what == "scalar":
        ds["latitude"] = 49.0
    elif what == "words":
        ds["longitude"] = ("place", ["east", "west"])
    elif what == "group":
        ds = ds.drop_vars("group").assign_coords(group=("replicate", ["a", "b", "c"]))
    elif what == "depth_time":
        ds["depth"] = np.array([10, 30], "timedelta64[ns]")
    elif what == "twice":
        ds["place"] = ["p", "p"]
    elif what == "empty":
        ds["soil_moisture"] = theta * np.nan
        ds["soil_moisture"].attrs = theta.attrs
    else:
        ds = ds.rename(soil_moisture="theta")
    return ds


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("percent", "they look like percent"),
        ("step", "step_hours is 24.0, but the times are 1 h apart"),
        ("regular", "times are not regular"),
        ("role", "variable rain has no attribute role"),
        ("dims", "wanted (place, time)"),
        ("joined", "no JSON list"),
        ("twice", "place 'p' stands twice"),
        ("distance", "no JSON list"),
        ("step_words", "step_hours is 1 h, but"),
        ("north", "latitude of p is 249, wanted -90 to 90 degrees"),
        ("scalar", "latitude is of nothing, wanted place"),
        ("words", "longitude holds no numbers"),
        ("group", "group is of replicate, wanted place"),
        ("depth_time", "depth holds no numbers"),
        ("empty", "there is no reading"),
        ("name", "no variable soil_moisture"),
    ],
)
def test_datasets_that_break_the_contract(what: str, words: str):
    check_network(network_of())
    with pytest.raises(RootzoneError) as caught:
        check_network(_spoiled(what), source="network.nc")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_network(network: Network):
    (network.folder / "network.nc").write_bytes(b"nothing")
    network.part = {"method": "store", "files": "network.nc"}
    assert "network.nc" in network.refusal()
    xr.Dataset({"x": ("y", [1.0])}).to_netcdf(network.folder / "network.nc", engine="h5netcdf")
    assert "no variable soil_moisture, it is no network of sensors" in network.refusal()
