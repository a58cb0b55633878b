"""ERA5-Land beside replicate sensors: the nearest grid point, the layer of a depth, bad grids."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import TypeAdapter

from rootzone.config.replicates_data import Data
from rootzone.core import RootzoneError
from rootzone.studies.context import Context
from rootzone.studies.replicates_input import read_network

HOURS = 72
LAYERS = {"swvl1": 0.1, "swvl2": 0.2, "swvl3": 0.3}


class Places:
    """Two places with sensors at 10, 30 and 50 cm, and a grid of 0.1 degrees around them."""

    def __init__(self, folder: Path):
        self.folder = folder
        stamps = pd.date_range("2020-03-01", periods=HOURS, freq="1h")
        names = [f"{r}_{d}" for d in (10, 30, 50) for r in "AB"]
        table = {n: np.round(0.2 + 0.001 * np.arange(HOURS), 4) for n in names}
        frame = pd.DataFrame({"time": stamps.strftime("%Y-%m-%dT%H:%M:%SZ")} | table)
        frame.to_csv(folder / "sensors.csv", index=False)
        sensors = {"files": "sensors.csv", "pattern": "{replicate}_{depth}"}
        self.part = {
            "method": "tables",
            "places": [
                {"name": "north", "latitude": 49.72, "longitude": 6.04, "sensors": sensors},
                {"name": "south", "latitude": 49.51, "longitude": 6.01, "sensors": sensors},
            ],
            "era5_land": {"files": "era5.nc"},
        }

    def grid(self, units: str | None = "m**3 m**-3") -> xr.Dataset:
        """Return a grid whose values tell layer and latitude, as the data store delivers it."""
        times = pd.date_range("2020-03-01", periods=HOURS, freq="1h")
        lat, lon = np.arange(49.8, 49.35, -0.1), np.arange(5.9, 6.25, 0.1)
        shape = (HOURS, len(lat), len(lon))
        attrs = {} if units is None else {"units": units}
        return xr.Dataset(
            {
                name: (
                    ("valid_time", "latitude", "longitude"),
                    np.broadcast_to(value + 0.01 * (lat - 49.0)[None, :, None], shape),
                    attrs,
                )
                for name, value in LAYERS.items()
            },
            {"valid_time": times, "latitude": lat, "longitude": lon},
        )

    def read(self, grid: xr.Dataset | None = None) -> xr.Dataset:
        """Write the grid and read the network with it."""
        if grid is not None:
            grid.to_netcdf(self.folder / "era5.nc", engine="h5netcdf")
        part = TypeAdapter(Data).validate_python(self.part)
        return read_network(part, Context(base=self.folder))

    def refusal(self, grid: xr.Dataset | None = None) -> str:
        """Return the sentence with which reading fails."""
        with pytest.raises(RootzoneError) as caught:
            self.read(grid)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Return places whose grid is whole."""
    return Places(tmp_path)


def test_the_layer_that_holds_a_depth(places: Places):
    ds = places.read(places.grid())
    era5 = ds["era5_land"]
    assert era5.dims == ("place", "depth", "time")
    assert era5.attrs["role"] == "reference"
    want = np.array([0.2, 0.3, 0.3]) + 0.01 * np.array([[0.7], [0.5]])
    np.testing.assert_allclose(era5[:, :, 5], want, rtol=1e-5)
    assert not np.isnan(era5).any()
    assert '"quantity": "era5_land"' in ds.attrs["joined"]


def test_the_rule_of_the_paper_and_a_rule_of_ones_own(places: Places):
    places.part["era5_land"]["layer_of_depth"] = "paper"
    era5 = places.read(places.grid())["era5_land"]
    np.testing.assert_allclose(era5[0, :, 0], np.array([0.1, 0.2, 0.3]) + 0.007, rtol=1e-5)
    places.part["era5_land"]["layer_of_depth"] = {10: 1, 30: 1, 50: 2}
    era5 = places.read()["era5_land"]
    np.testing.assert_allclose(era5[0, :, 0], np.array([0.1, 0.1, 0.2]) + 0.007, rtol=1e-5)


def test_a_daily_step_is_the_mean_of_the_hours(places: Places):
    grid = places.grid()
    grid["swvl2"] = grid["swvl2"] + 0.001 * xr.DataArray(np.arange(HOURS), dims="valid_time")
    places.part["step"] = "1d"
    era5 = places.read(grid)["era5_land"]
    np.testing.assert_allclose(era5[0, 0], 0.207 + 0.001 * (11.5 + 24 * np.arange(3)), rtol=1e-5)


def test_water_cells_are_passed_over(places: Places):
    grid = places.grid()
    for name in LAYERS:
        grid[name] = grid[name].where(np.abs(grid["latitude"] - 49.5) > 0.01)
    near = places.read(grid)["era5_land"][1, 0, 0]
    assert float(near) == pytest.approx(0.2 + 0.01 * 0.6, rel=1e-5)


def test_a_table_of_points(places: Places):
    frame = places.grid().to_dataframe().reset_index()
    frame.to_csv(places.folder / "era5.csv", index=False, float_format="%.6f")
    places.part["era5_land"]["files"] = "era5.csv"
    table = places.read()["era5_land"]
    places.part["era5_land"]["files"] = "era5.nc"
    np.testing.assert_allclose(table, places.read(places.grid())["era5_land"], rtol=1e-5)


def test_a_grid_elsewhere(places: Places):
    grid = places.grid()
    elsewhere = grid.assign_coords(longitude=grid["longitude"] + 0.5)
    answer = places.refusal(elsewhere)
    assert "the grid does not reach place north" in answer
    assert "km away" in answer


def test_longitudes_of_a_whole_turn(places: Places):
    grid = places.grid()
    turned = grid.assign_coords(longitude=grid["longitude"] + 360.0)
    xr.testing.assert_allclose(
        places.read(turned)["era5_land"], places.read(grid)["era5_land"], rtol=1e-6
    )


def test_units_of_the_grid(places: Places):
    assert "does not convert to m3 m-3" in places.refusal(places.grid("kg m-2"))
    assert "has no attribute units" in places.refusal(places.grid(None))
    percent = places.grid() * 100.0
    for name in LAYERS:
        percent[name].attrs["units"] = "m3 m-3"
    assert "they look like percent" in places.refusal(percent)


def test_variables_grids_depths_and_times_that_do_not_fit(places: Places):
    assert "no variable swvl3, there are" in places.refusal(places.grid().drop_vars("swvl3"))
    rotated = places.grid().rename(latitude="rlat", longitude="rlon")
    assert "wanted time (or valid_time), latitude and longitude" in places.refusal(rotated)
    late = places.grid()
    late["valid_time"] = late["valid_time"] + np.timedelta64(3650, "D")
    assert "nothing in the time of the sensors" in places.refusal(late)
    places.part["era5_land"]["layers"] = [{"name": "swvl1", "upper": 0, "lower": 20}]
    assert "no layer holds 30 cm" in places.refusal(places.grid())
    places.part["era5_land"]["layer_of_depth"] = {10: 1}
    assert "has no layer for 30 cm" in places.refusal(places.grid())


def test_a_place_without_position(places: Places):
    for key in ("latitude", "longitude"):
        places.part["places"][1].pop(key)
    assert "place south has no latitude and longitude" in places.refusal(places.grid())


def test_a_file_that_is_no_grid(places: Places):
    (places.folder / "era5.nc").write_text("no grid\n1\n")
    assert "no column valid_time or time" in places.refusal()
