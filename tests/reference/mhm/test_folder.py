"""The real mHM 5.13.4 on folders that this package wrote."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
import xarray as xr
from real_mhm import run_mhm, write_domain

from rootzone.data.cells import cell_of, weather_of
from rootzone.data.domain import Cases, SeriesStep, Setup, Weather
from rootzone.data.map_outputs import MhmLayout, NetcdfStore
from rootzone.data.mhm import read_folder, read_restart, write_restart
from rootzone.data.mhm.netcdf import load_netcdf, open_netcdf
from rootzone.data.synthetic_domain import hills, rail_valley
from rootzone.water.regionalization import HorizonDatabase

DAYS = 40
DOMAIN = hills(seed=7, start="1990-12-10", days=DAYS)


def block_means(domain, values):
    """Return means (..., cell) of maps (..., row, column) over the active fine cells."""
    cells, mask = cell_of(domain), domain.mask
    count = np.bincount(cells)
    flat = values[..., mask].reshape(-1, mask.sum())
    means = np.stack([np.bincount(cells, row) / count for row in flat])
    return means.reshape(*values.shape[:-2], -1)


def clay_of_horizons(domain, setup):
    """Return the clay (horizon, row, column) [%] of all horizons but a last one without end."""
    edges = np.array([0.0, *setup.horizon_depths])
    soils = domain.soils
    if isinstance(soils, HorizonDatabase):
        table = dict(zip(soils.soil.tolist(), soils.clay.tolist(), strict=True))
        return np.vectorize(lambda kind: table.get(kind, np.nan))(domain.soil)
    upper, lower = (
        np.maximum.outer(edges[:-1], soils.upper),
        np.minimum.outer(edges[1:], soils.lower),
    )
    share = np.maximum(lower - upper, 0.0) / np.diff(edges)[:, None]
    table = np.full((len(share), soils.soil.max() + 1), np.nan)
    for kind in range(1, soils.soil.max() + 1):
        table[:, kind] = (share * soils.clay * (soils.soil == kind)).sum(axis=1)
    return table[:, np.where(domain.mask, domain.soil[0], 0)]


def mhm_has_read(domain, setup, restart):
    """Assert that mHM's fields are means of our maps: leaf area, land cover, rocks, soils."""
    leaves = domain.lai
    if domain.lai_table is not None:
        where = np.argmax(domain.lai_class == domain.lai_table.unit[:, None, None], axis=0)
        leaves = domain.lai_table.values.T[:, where]
    karst = domain.geology_table.unit[domain.geology_table.karstic]
    clay = clay_of_horizons(domain, setup)
    thickness = np.diff([0.0, *setup.horizon_depths])[:, None]
    close = partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-14)
    for parameters, cover in zip(restart.parameters, domain.land_cover, strict=True):
        close(parameters.interception_capacity, 0.15 * block_means(domain, leaves))
        close(parameters.sealed_fraction, 0.6 * block_means(domain, 1.0 * (cover == 2)))
        close(parameters.karstic_loss, 1.0 + block_means(domain, 1.0 * (domain.geology == karst)))
        if parameters.lattice_water is not None:
            water = thickness / block_means(domain, 1.0 / (0.1783 * clay / 100.0))
            close(parameters.lattice_water[: len(water)], water)
    np.testing.assert_array_equal(restart.mask, domain.mask1)
    np.testing.assert_array_equal(restart.parameters[0].latitude, domain.latitude1[domain.mask1])


@pytest.mark.parametrize(
    "domain",
    [
        hills(seed=8, days=3),
        hills(seed=9, days=3, cellsize1=1200.0, cellsize2=400.0),
        hills(seed=10, days=3, cellsize1=400.0, cellsize2=800.0, shape=(37, 42)),
        hills(seed=10, days=3, cellsize1=400.0, cellsize2=400.0, shape=(35, 41)),
        rail_valley(seed=11, days=3),
    ],
    ids=["fine", "coarse", "incomplete blocks", "same grid", "rail valley"],
)
def test_mhm_reads_the_presets_as_they_are_meant(real_model, domain):
    setup, outputs = real_model(domain, cases=Cases(1, 0, 2))
    folder = read_folder(outputs.folder)
    assert folder.setup == setup
    restart = read_restart(outputs.restart)
    mhm_has_read(folder.domain, setup, restart)
    pet = load_netcdf(outputs.fluxes)["PET"].values[:, domain.mask1]
    given = weather_of(folder.domain, setup).pet
    np.testing.assert_allclose(pet, given * restart.parameters[0].pet_aspect_factor, rtol=1e-12)


@pytest.mark.parametrize("cases", [Cases(2, -1, 1), Cases(3, 2, 0), Cases(4, 3, 2)], ids=str)
def test_restart_files_go_on_without_a_step(real_model, tmp_path, cases):
    """A run of 40 days is one of 15 and one of 25 from a restart file read and written here."""
    _, whole = real_model(DOMAIN, cases=cases)
    day = np.datetime64("1990-12-25")
    first = Setup(cases, np.datetime64("1990-12-10"), day - 1)
    _, begun = real_model(DOMAIN, setup=first)
    half = read_restart(begun.restart)
    second = Setup(cases, day, np.datetime64("1991-01-18"))
    write_domain(DOMAIN, tmp_path, setup=second, restart_in="restart/in.nc")
    write_restart(tmp_path / "restart/in.nc", DOMAIN, first, half.parameters, half.state)
    again = read_restart(tmp_path / "restart/in.nc")
    same = jax.tree.map(np.array_equal, (half.parameters, half.state), again[:2])
    assert jax.tree.all(same)
    assert (half.day, again.day) == (None, day)
    expected, found = load_netcdf(whole.fluxes), load_netcdf(run_mhm(tmp_path).fluxes)
    for name in ("SWC_L01", "SWC_L04", "satSTW", "aET", "Q", "snowpack", "PET"):
        np.testing.assert_array_equal(expected[name].values[15:], found[name].values)


def test_gridded_leaf_area_and_hourly_weights_reach_mhm(real_model):
    """Twelve maps of leaf area, and weights that put all rain into the hour from 5 to 6."""
    rng = np.random.default_rng(12)
    mask = DOMAIN.mask
    weights = {name: np.zeros((24, 12, *DOMAIN.level2.shape)) for name in ("pre", "tavg", "pet")}
    weights["pre"][5], weights["pet"][12], weights["tavg"][:] = 1.0, 1.0, 1.0
    domain = replace(
        DOMAIN,
        lai=np.where(mask, rng.uniform(0.5, 6.0, (12, *mask.shape)), np.nan),
        lai_class=None,
        lai_table=None,
        weather=replace(DOMAIN.weather, weights=weights),
    )
    setup, outputs = real_model(domain, cases=Cases(1, -1, 0), every=1, outputs=(9, 20))
    mhm_has_read(read_folder(outputs.folder).domain, setup, read_restart(outputs.restart))
    fluxes = load_netcdf(outputs.fluxes)
    pet = fluxes["PET"].values[:, domain.mask1].reshape(DAYS, 24, -1)
    assert np.all(pet[:, [h for h in range(24) if h != 12]] == 0.0)
    assert pet[:, 12].max() > 0.0


def test_series_of_leaf_area_reaches_mhm(real_model):
    lai = np.where(DOMAIN.mask, 1.0 + np.arange(DAYS)[:, None, None] / 10.0, np.nan)
    domain = replace(DOMAIN, lai=lai, lai_class=None, lai_table=None, lai_step=SeriesStep.DAILY)
    setup, outputs = real_model(domain, cases=Cases(1, 0, 0))
    mhm_has_read(read_folder(outputs.folder).domain, setup, read_restart(outputs.restart))


def test_soil_maps_for_each_horizon_reach_mhm(real_model):
    rng = np.random.default_rng(13)
    soils = HorizonDatabase(
        np.array([1, 2, 3]),
        np.array([20.0, 5.0, 33.0]),
        np.array([30.0, 80.0, 20.0]),
        np.array([1.4, 1.5, 1.25]),
    )
    kinds = np.where(DOMAIN.mask, rng.integers(1, 4, (3, *DOMAIN.mask.shape)), -9999)
    domain = replace(DOMAIN, soils=soils, soil=kinds)
    choices = {"soil_maps": 1, "horizon_depths": (50.0, 200.0, 600.0)}
    setup, outputs = real_model(domain, cases=Cases(1, 0, 1), **choices)
    mhm_has_read(read_folder(outputs.folder).domain, setup, read_restart(outputs.restart))


def test_hourly_weather_reaches_mhm(real_model):
    hours = Weather(
        DOMAIN.weather.start,
        1,
        {n: np.repeat(v[:10] / 24.0, 24, axis=0) for n, v in DOMAIN.weather.fields.items()},
    )
    domain = replace(DOMAIN, weather=hours)
    setup, outputs = real_model(domain, cases=Cases(1, -1, 0), every=1, outputs=(9,))
    given = weather_of(read_folder(outputs.folder).domain, setup).pet
    pet = load_netcdf(outputs.fluxes)["PET"].values[:, domain.mask1].reshape(10, 24, -1)
    factor = pet / np.maximum(given, 1e-12)
    assert np.ptp(factor[given > 0.001]) < 2.0
    assert np.all(pet[given == 0.0] == 0.0)


def test_outputs_with_the_names_of_mhm_look_like_its_own(real_model, tmp_path):
    """What mHM wrote, read and written again, has the same names, axes and values."""
    setup, outputs = real_model(DOMAIN, cases=Cases(1, 0, 1))
    real = load_netcdf(outputs.fluxes)
    for path, quick in ((outputs.fluxes, real), (outputs.restart, load_netcdf(outputs.restart))):
        with open_netcdf(path) as data:
            xr.testing.assert_identical(data.load(), quick)
    own = {
        "snow_pack": real["snowpack"].values[:, DOMAIN.mask1],
        "neutrons": real["neutrons"].values[:, DOMAIN.mask1],
        "evapotranspiration": real["aET"].values[:, DOMAIN.mask1],
        "soil_moisture": np.stack(
            [real[f"SWC_L0{h}"].values[:, DOMAIN.mask1] for h in (1, 2, 3, 4)], axis=1
        ),
        "theta": np.zeros((DAYS, 4, DOMAIN.cells)),  # mHM has no name for it
    }
    layout = MhmLayout()
    with NetcdfStore(tmp_path / "mHM_Fluxes_States.nc") as store:
        for first, last in ((0, 13), (13, DAYS)):
            part = {name: values[first:last] for name, values in own.items()}
            store.append(layout.dataset(DOMAIN, setup, part, first))
    found = load_netcdf(tmp_path / "mHM_Fluxes_States.nc")
    assert set(found.data_vars) == {
        *("snowpack", "neutrons", "aET"),
        *(f"SWC_L0{h}" for h in (1, 2, 3, 4)),
    }
    for name in found.data_vars:
        np.testing.assert_array_equal(found[name].values, real[name].values)
        assert found[name].dims == real[name].dims
    np.testing.assert_array_equal(found["time"].values, real["time"].values)
    np.testing.assert_allclose(found["easting"].values, real["easting"].values)
    np.testing.assert_allclose(found["northing"].values, real["northing"].values)
