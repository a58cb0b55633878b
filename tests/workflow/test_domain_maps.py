"""Maps in and out: plain grids become a domain, results of cells become CF maps."""

import importlib
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rootzone.core import DataError, UnitError
from rootzone.data import optional
from rootzone.data.cells import calendar_of, cell_of, disaggregation_of, maps_of, weather_of
from rootzone.data.domain import Cases, Scene, SeriesStep, Setup, Weather
from rootzone.data.map_outputs import CfLayout, MhmLayout, NetcdfStore, ZarrStore, to_maps
from rootzone.data.mhm.ascii_grids import write_ascii_grid
from rootzone.data.mhm.maps import RasterMap
from rootzone.data.plain_domain import (
    PlainMaps,
    Tables,
    domain_of_maps,
    map_of,
    open_map,
)
from rootzone.data.plain_weather import weather_of_dataset
from rootzone.data.synthetic_domain import hills
from rootzone.water.cell.forcing import AsGiven, DailyStep, DayNight, HourlyWeights

DAYS = 8
DOMAIN = hills(seed=3, start="1990-12-28", days=DAYS)
GRID, MASK = DOMAIN.level0, DOMAIN.mask
START = np.datetime64("1990-12-28")
SETUP = Setup(Cases(1, 0, 1), START, START + (DAYS - 1))


def raster(values, name="map.asc"):
    return RasterMap(Path(name), GRID, np.where(MASK, values, np.nan))


def array(values, *, south_first=False):
    y = GRID.y[::-1] if south_first else GRID.y
    field = xr.DataArray(values[::-1] if south_first else values, dims=("y", "x"))
    return field.assign_coords(y=y, x=GRID.x)


def plain_maps(**changes):
    maps = {
        "dem": raster(DOMAIN.dem, "dem.asc"),
        "slope": raster(DOMAIN.slope),
        "aspect": raster(DOMAIN.aspect),
        "soil": [raster(DOMAIN.soil[0])],
        "geology": raster(DOMAIN.geology),
        "land_cover": [
            (scene, raster(m)) for scene, m in zip(DOMAIN.scenes, DOMAIN.land_cover, strict=True)
        ],
        "lai_class": raster(DOMAIN.lai_class),
    }
    return PlainMaps(**(maps | changes))


TABLES = Tables(DOMAIN.soils, DOMAIN.geology_table, DOMAIN.lai_table)


def built(maps=None, tables=TABLES, **changes):
    choices = {
        "cellsize1": DOMAIN.cellsize1,
        "latitude": (DOMAIN.latitude0, DOMAIN.latitude1),
        "longitude": (DOMAIN.longitude0, DOMAIN.longitude1),
        "name": "hills",
    } | changes
    weather = (DOMAIN.level2, DOMAIN.weather)
    return domain_of_maps(maps or plain_maps(), tables, weather, **choices)


def dataset(weather=DOMAIN.weather):
    units = {"pre": "mm", "tavg": "degC", "pet": "mm", "net_rad": "W m-2", "windspeed": "m s-1"}
    units |= {"tmin": "degC", "tmax": "degC", "eabs": "Pa"}
    data = xr.Dataset(
        {n: (("time", "y", "x"), v, {"units": units[n]}) for n, v in weather.fields.items()},
        {"time": weather.times.astype("datetime64[ns]")},
    )
    return data.assign_coords(y=DOMAIN.level2.y, x=DOMAIN.level2.x)


# --- plain maps ---------------------------------------------------------------------------


def same(a, b, name):
    """Assert that two parts of a domain are equal, all the way down."""
    if is_dataclass(a):
        assert type(a) is type(b), name
        for f in fields(a):
            same(getattr(a, f.name), getattr(b, f.name), f"{name}.{f.name}")
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), name
        for key in a:
            same(a[key], b[key], f"{name}[{key}]")
    elif isinstance(a, tuple):
        assert len(a) == len(b), name
        for n, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{name}[{n}]")
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b, err_msg=name)
    else:
        assert a == b, name


def test_plain_maps_make_the_same_domain():
    same(DOMAIN, built(), "domain")


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # within rioxarray
@pytest.mark.parametrize("ending", [".asc", ".nc", ".zarr", ".tif"])
def test_maps_of_every_kind_are_the_same(tmp_path, ending):
    path, values = tmp_path / f"map{ending}", np.where(MASK, DOMAIN.slope, np.nan)
    if ending == ".asc":
        write_ascii_grid(path, GRID, values)
    elif ending == ".nc":
        array(values, south_first=True).to_dataset(name="slope").to_netcdf(path, engine="h5netcdf")
    elif ending == ".zarr":
        array(values).to_dataset(name="slope").to_zarr(path, consolidated=False)
    else:
        pytest.importorskip("rioxarray")
        array(values).rio.to_raster(path)
    read = open_map(path)
    assert read.grid.differences(GRID) == []
    np.testing.assert_array_equal(read.values, values)


def test_slope_and_aspect_come_from_the_elevation_where_they_are_not_given():
    domain = built(plain_maps(slope=None, aspect=None))
    inner = MASK.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inner &= np.roll(MASK, step, axis)
    np.testing.assert_allclose(domain.slope[inner], DOMAIN.slope[inner], atol=6e-5)
    np.testing.assert_allclose(domain.aspect[inner], DOMAIN.aspect[inner], atol=6e-4)
    np.testing.assert_array_equal(np.isnan(domain.slope), ~MASK)


def test_twelve_maps_of_leaf_area():
    months = [raster(np.full(GRID.shape, 0.5 + m)) for m in range(12)]
    tables = Tables(DOMAIN.soils, DOMAIN.geology_table)
    domain = built(plain_maps(lai_class=None, lai=months), tables)
    np.testing.assert_array_equal(domain.lai[:, MASK][:, 0], 0.5 + np.arange(12))
    assert domain.lai_step == SeriesStep.CLIMATE


def holed():
    values = DOMAIN.slope.copy()
    values[tuple(np.argwhere(MASK)[9])] = np.nan
    return RasterMap(Path("slope.tif"), GRID, values)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"slope": holed()}, "slope.tif"),
        ({"geology": raster(np.full(GRID.shape, 3))}, "class 3, which the geology table"),
        ({"land_cover": [(Scene(1, 2, "a"), raster(np.zeros(GRID.shape)))]}, "has class 0"),
        (
            {"slope": RasterMap(Path("s"), replace(GRID, xll=0.0), DOMAIN.slope)},
            "xllcorner 0 against 4400000",
        ),
        (
            {"dem": RasterMap(Path("dem"), GRID, np.full(GRID.shape, np.nan))},
            "no cell has an elevation",
        ),
        ({"lai_class": None}, "leaf area is wanted once"),
    ],
)
def test_plain_maps_that_do_not_fit_are_named(changes, says):
    with pytest.raises(DataError) as error:
        built(plain_maps(**changes))
    assert says in str(error.value)


def test_other_things_that_do_not_fit_are_named():
    with pytest.raises(DataError, match=r"the ratio is 2\.5"):
        built(cellsize1=250.0)
    with pytest.raises(DataError, match="latitude of level 0 has the shape"):
        built(latitude=(DOMAIN.latitude1, DOMAIN.latitude1))
    with pytest.raises(DataError, match="degrees: give both"):
        built(plain_maps(slope=None), geographic=True)
    with pytest.raises(DataError, match="twelve maps, 1 given"):
        built(
            plain_maps(lai_class=None, lai=[raster(DOMAIN.slope)]),
            Tables(DOMAIN.soils, DOMAIN.geology_table),
        )
    assert np.ptp(built(latitude=50.0).latitude0) == 0.0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "no.nc", "there is no such file"),
        (lambda p: written(p / "map.xyz", "1 2 3"), "the ending '.xyz' is unknown"),
        (lambda p: written(p / "map.nc", "text"), "cannot be read as NetCDF"),
        (lambda p: netcdf(p / "map.nc", array(DOMAIN.slope).drop_vars("x")), "the axis 'x' needs"),
        (
            lambda p: netcdf(p / "map.nc", array(DOMAIN.slope).assign_coords(x=GRID.x**2)),
            "uneven steps",
        ),
        (
            lambda p: netcdf(p / "map.nc", array(DOMAIN.slope).assign_coords(x=GRID.x * 2)),
            "squares wanted",
        ),
        (lambda p: netcdf(p / "map.nc", array(DOMAIN.slope)[:, ::-1]), "from east to west"),
        (lambda p: netcdf(p / "map.nc", array(DOMAIN.slope), twice=True), "say which one"),
    ],
)
def test_map_files_that_are_no_maps_are_named(tmp_path, make, says):
    path = make(tmp_path)
    with pytest.raises(DataError) as error:
        open_map(path)
    assert says in str(error.value)
    assert path.name in str(error.value)


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def netcdf(path, field, twice=False):
    data = xr.Dataset({"slope": field} | ({"dem": field} if twice else {}))
    data.to_netcdf(path, engine="h5netcdf")
    return path


def test_a_variable_can_be_named(tmp_path):
    path = netcdf(tmp_path / "map.nc", array(DOMAIN.slope), twice=True)
    np.testing.assert_array_equal(open_map(path, variable="dem").values, DOMAIN.slope)
    with pytest.raises(DataError, match="no variable 'aspect', found: slope, dem"):
        open_map(path, variable="aspect")
    with pytest.raises(DataError, match="two dimensions"):
        map_of(dataset()["pre"])


def test_a_package_that_is_missing_is_named_with_what_to_do(tmp_path, monkeypatch):
    def missing(name):
        if name == "rioxarray":
            raise ImportError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(optional.importlib, "import_module", missing)
    path = tmp_path / "map.tif"
    path.touch()
    with pytest.raises(DataError, match="pip install rioxarray"):
        open_map(path)


# --- gridded weather ----------------------------------------------------------------------


def read_weather(data, days=DAYS, start=START, **choices):
    return weather_of_dataset(data, raster(DOMAIN.dem, "dem.asc"), start, days, **choices)


def test_gridded_weather_is_the_weather():
    grid, weather = read_weather(dataset())
    assert grid.differences(DOMAIN.level2) == []
    for name, values in DOMAIN.weather.fields.items():
        np.testing.assert_allclose(weather.fields[name], values, rtol=1e-12, err_msg=name)
    _, later = read_weather(dataset(), days=3, start=START + 2)
    np.testing.assert_allclose(later.fields["pre"], DOMAIN.weather.fields["pre"][2:5])


def test_gridded_weather_of_other_units_names_and_order():
    data = dataset().isel(y=slice(None, None, -1)).transpose("y", "x", "time")
    data["t2m"] = (data["tavg"] + 273.15).assign_attrs(units="K")
    data["tp"] = (data["pre"] / 86400.0).assign_attrs(units="kg m-2 s-1")
    data["e"] = (data["pet"] / 1000.0).assign_attrs(units="m")
    _, weather = read_weather(data, names={"pre": "tp", "tavg": "t2m", "pet": "e"})
    for name in ("pre", "tavg", "pet"):
        expected = DOMAIN.weather.fields[name]
        np.testing.assert_allclose(weather.fields[name], expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.drop_vars("pre"), "precipitation (pre) and temperature (tavg)"),
        (lambda d: d.drop_vars("time"), "no coordinate 'time'"),
        (lambda d: d.isel(time=slice(0, 5)), "covers 1990-12-28 to 1991-01-01"),
        (lambda d: d.isel(time=[0, 1, 3]), "without gaps are wanted (after 1990-12-29"),
        (lambda d: d.assign_coords(x=d.x + 50.0), "xllcorner"),
        (lambda d: d.isel(x=slice(0, 4)), "ncols 4 against 6"),
        (lambda d: d.assign(tavg=d["tavg"].assign_attrs(units="")), "no attribute 'units'"),
        (lambda d: d.where(d["pre"] < 1e9, np.nan).assign(pre=holes(d["pre"])), "no value on"),
    ],
)
def test_gridded_weather_that_cannot_be_right_is_named(change, says):
    with pytest.raises((DataError, UnitError)) as error:
        read_weather(change(dataset()))
    assert says in str(error.value)


def holes(field):
    values = field.values.copy()
    values[3] = np.nan
    return field.copy(data=values)


# --- cells --------------------------------------------------------------------------------


def test_cells_of_maps_are_numbered_row_by_row():
    maps = maps_of(DOMAIN)
    assert maps.cells == DOMAIN.cells
    assert maps.cells0 == MASK.sum()
    np.testing.assert_array_equal(maps.slope, DOMAIN.slope[MASK])
    assert "row 1, column" in maps.name_cell(0)
    first = cell_of(DOMAIN)
    rows, columns = np.argwhere(DOMAIN.mask1)[first].T
    k = DOMAIN.level0.factor(DOMAIN.cellsize1)
    np.testing.assert_array_equal(np.argwhere(MASK) // k, np.stack([rows, columns], axis=1))


def test_flat_cells_have_an_aspect_that_models_take():
    aspect = np.where(np.arange(MASK.size).reshape(MASK.shape) % 2, -1.0, DOMAIN.aspect)
    domain = built(plain_maps(aspect=raster(aspect)))
    np.testing.assert_array_equal(maps_of(domain).aspect, np.maximum(aspect[MASK], 0.0))


def test_constant_weather_stays_constant_at_every_ratio():
    for sizes in ((400.0, 800.0), (1200.0, 400.0), (400.0, 400.0)):
        domain = hills(seed=3, days=2, cellsize1=sizes[0], cellsize2=sizes[1], shape=(35, 43))
        flat = {n: np.full_like(v, 7.25) for n, v in domain.weather.fields.items()}
        domain = replace(domain, weather=replace(domain.weather, fields=flat))
        setup = Setup(Cases(), *(domain.weather.times.astype("datetime64[D]")))
        np.testing.assert_array_equal(weather_of(domain, setup).precipitation, 7.25)


def test_a_run_takes_its_part_of_the_weather_and_of_the_calendar():
    setup = replace(SETUP, first_day=START + 3, warming_days=1)
    weather, calendar = weather_of(DOMAIN, setup), calendar_of(DOMAIN, setup)
    assert weather.precipitation.shape == (DAYS - 2, DOMAIN.cells)
    np.testing.assert_array_equal(weather.temperature, weather_of(DOMAIN, SETUP).temperature[2:])
    np.testing.assert_array_equal(calendar.scene, [0, 0, 1, 1, 1, 1])
    with pytest.raises(DataError, match="the weather covers 1990-12-28 to 1991-01-04"):
        weather_of(DOMAIN, replace(SETUP, warming_days=5))


def test_steps_of_leaf_area_follow_the_calendar():
    lai = np.ones((2, *GRID.shape))
    for step, expected in (
        (SeriesStep.MONTHLY, [0, 0, 0, 0, 1, 1, 1, 1]),
        (SeriesStep.YEARLY, [0, 0, 0, 0, 1, 1, 1, 1]),
        (SeriesStep.DAILY, list(range(DAYS))),
        (SeriesStep.CLIMATE, [11] * 4 + [0] * 4),
    ):
        domain = replace(DOMAIN, lai=lai, lai_class=None, lai_step=step)
        np.testing.assert_array_equal(calendar_of(domain, SETUP).leaf_step, expected)


def test_days_are_shared_out_as_set_up_and_weather_say():
    assert isinstance(disaggregation_of(DOMAIN, SETUP), DayNight)
    assert isinstance(disaggregation_of(DOMAIN, replace(SETUP, time_step=24)), DailyStep)
    weights = {n: np.full((24, 12, *DOMAIN.level2.shape), 1 / 24) for n in ("pre", "tavg", "pet")}
    weights["pre"][3, 1] = 0.5
    domain = replace(DOMAIN, weather=replace(DOMAIN.weather, weights=weights))
    shared = disaggregation_of(domain, SETUP)
    assert isinstance(shared, HourlyWeights)
    assert shared.precipitation.shape == (12, 24, DOMAIN.cells)
    np.testing.assert_array_equal(shared.precipitation[1, 3], 0.5)
    hours = Weather(
        DOMAIN.weather.start,
        1,
        {n: np.repeat(v, 24, axis=0) for n, v in DOMAIN.weather.fields.items()},
    )
    domain = replace(DOMAIN, weather=hours)
    assert isinstance(disaggregation_of(domain, SETUP), AsGiven)
    assert weather_of(domain, SETUP).precipitation.shape == (DAYS, 24, DOMAIN.cells)


# --- results ------------------------------------------------------------------------------


def results(days, seed=0):
    rng = np.random.default_rng(seed)
    cells = DOMAIN.cells
    return {
        "theta": rng.uniform(0.1, 0.4, (days, 4, cells)),
        "soil_moisture": rng.uniform(10.0, 90.0, (days, 4, cells)),
        "runoff": rng.uniform(0.0, 5.0, (days, cells)),
        "neutrons": rng.uniform(700.0, 1200.0, (days, cells)),
    }


@pytest.mark.parametrize("parts", [(8,), (3, 5), (1, 1, 6)])
def test_cf_file_is_the_same_whatever_the_parts(tmp_path, parts):
    daily = results(DAYS)
    path, first = tmp_path / "maps.nc", 0
    with NetcdfStore(path) as store:
        for count in parts:
            part = {name: values[first : first + count] for name, values in daily.items()}
            store.append(CfLayout(double=True).dataset(DOMAIN, SETUP, part, first))
            assert not path.exists()
            first += count
    assert [p.name for p in tmp_path.iterdir()] == ["maps.nc"]
    with xr.open_dataset(path, engine="h5netcdf") as data:
        for name, values in daily.items():
            found = data[name].values[..., DOMAIN.mask1]
            np.testing.assert_array_equal(found, values)
            assert np.isnan(data[name].values[..., ~DOMAIN.mask1]).all()
        assert data["theta"].dims == ("time", "horizon", "y", "x")
        assert data["theta"].attrs["units"] == "m3 m-3"
        assert data["runoff"].attrs["cell_methods"] == "time: sum"
        assert data["neutrons"].attrs["cell_methods"] == "time: mean"
        assert data["time"].values[0] == np.datetime64("1990-12-28")
        np.testing.assert_array_equal(
            data["time_bnds"].values[:, 1] - data["time_bnds"].values[:, 0],
            np.timedelta64(1, "D"),
        )
        np.testing.assert_array_equal(data["y"].values, DOMAIN.level1.y)
        np.testing.assert_array_equal(data["horizon_top"].values, [0.0, 50.0, 250.0, 600.0])
        np.testing.assert_array_equal(data["lat"].values, DOMAIN.latitude1)


def test_single_precision_is_the_default(tmp_path):
    with NetcdfStore(tmp_path / "maps.nc") as store:
        store.append(CfLayout().dataset(DOMAIN, SETUP, results(2), 0))
    with xr.open_dataset(tmp_path / "maps.nc", engine="h5netcdf") as data:
        assert data["theta"].dtype == np.float32


def test_an_error_leaves_no_file(tmp_path):
    def broken():
        with NetcdfStore(tmp_path / "maps.nc") as store:
            store.append(CfLayout().dataset(DOMAIN, SETUP, results(2), 0))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_zarr_is_the_same_as_netcdf(tmp_path):
    daily = results(DAYS)
    with ZarrStore(tmp_path / "maps.zarr") as store:
        for first, last in ((0, 3), (3, DAYS)):
            part = {name: values[first:last] for name, values in daily.items()}
            store.append(CfLayout(double=True).dataset(DOMAIN, SETUP, part, first))
    with xr.open_zarr(tmp_path / "maps.zarr", consolidated=False) as data:
        np.testing.assert_array_equal(data["theta"].values[..., DOMAIN.mask1], daily["theta"])
        assert data["time"].values[-1] == np.datetime64("1991-01-04")


def test_degrees_have_their_own_axes(tmp_path):
    domain = replace(DOMAIN, geographic=True)
    data = CfLayout().dataset(domain, SETUP, results(2), 0)
    assert data["runoff"].dims == ("time", "lat", "lon")
    assert data["lat"].attrs["units"] == "degrees_north"
    assert "coordinates" not in data["runoff"].attrs
    named = MhmLayout().dataset(domain, SETUP, results(2), 0)
    assert named["Q"].dims == ("time", "northing", "easting")
    assert named["SWC_L04"].attrs["units"] == "mm"
    assert named["Q"].attrs["units"] == "mm d-1"


def test_results_that_are_no_results_are_named():
    with pytest.raises(DataError, match="no output 'thetta'"):
        CfLayout().dataset(DOMAIN, SETUP, {"thetta": np.zeros((2, DOMAIN.cells))}, 0)
    with pytest.raises(ValueError, match="3 cells, the mask has"):
        to_maps(np.zeros((2, 3)), DOMAIN.mask1)
