"""Laws of simulated scenarios: members are alone, and every one of them is physical."""

import jax
import numpy as np
import pytest

from rootzone.simulate import scenarios as sc
from rootzone.simulate.scenario_members import (
    VEGETATION,
    Recipe,
    draw_sites,
)
from rootzone.simulate.scenario_stations import draw_stations
from rootzone.water.richards import Grid, Status
from rootzone.water.soil_classes import TEXTURE_CLASSES, texture_index
from rootzone.water.weather_generator import wet_fraction

KEY = jax.random.key(5)
RECIPE = Recipe(climates=("temperate maritime", "semi-arid"), stations=5)


@pytest.fixture(scope="module")
def sites():
    return draw_sites(RECIPE, KEY, np.arange(600))


def test_a_site_is_the_same_in_every_company(sites):
    some = draw_sites(RECIPE, KEY, np.array([41, 7]))
    for name, values in sites._asdict().items():
        np.testing.assert_array_equal(values[..., [41, 7]], getattr(some, name), err_msg=name)


def test_soils_are_possible(sites):
    assert np.all(sites.theta_r < sites.theta_s)
    assert np.all(sites.theta_s < sites.porosity)
    assert np.all(sites.n > 1.0)
    assert np.all(sites.bulk_density > 0.8)
    assert np.all(sites.bulk_density < 1.95)
    assert np.all(sites.porosity[1] <= sites.porosity[0] + 0.15)
    np.testing.assert_array_equal(texture_index(sites.sand, sites.clay), sites.soil_class)
    assert set(sites.soil_class) == set(range(len(TEXTURE_CLASSES)))
    # Porosity, density and the density of solids are one equation: solids 1.3 to 2.65 g cm-3.
    solids = sites.bulk_density / (1.0 - sites.porosity)
    assert np.all((solids > 2.3) & (solids < 2.651))


def test_shares_are_those_of_the_recipe(sites):
    # 600 draws: three standard deviations are 0.06.
    assert np.mean(sites.topsoil < 150.0) == pytest.approx(RECIPE.layered, abs=0.06)
    assert np.mean(sites.vegetation > 0) == pytest.approx(RECIPE.vegetated, abs=0.06)
    assert np.mean(np.isfinite(sites.water_table)) == pytest.approx(RECIPE.wet, abs=0.06)
    assert np.bincount(sites.station, minlength=10).tolist() == [60] * 10
    low, high = np.quantile(sites.mean_rate, [0.0, 1.0])
    assert RECIPE.rates[0] <= low < 320.0
    assert 9500.0 < high <= RECIPE.rates[1]


def test_plants_fit_their_kind(sites):
    bare = sites.vegetation == VEGETATION.index("bare")
    assert np.all(sites.leaf_area[:, bare] == 0.0)
    assert np.all(sites.rooting_depth[bare] == 0.0)
    assert np.all(sites.biomass_water[bare] == 0.0)
    crop = sites.vegetation == VEGETATION.index("crop")
    assert np.all(sites.leaf_area[[0, 23]][:, crop] == 0.0)  # none in midwinter
    assert np.all(sites.leaf_area[:, crop].max(axis=0) > 1.0)
    assert np.all(sites.growing == crop)


def test_sites_without_subsoil_are_even(sites):
    even = sites.topsoil == RECIPE.depth
    for name in ("theta_s", "alpha", "n", "K_s", "bulk_density", "soil_organic_carbon"):
        upper, lower = getattr(sites, name)[:, even]
        np.testing.assert_array_equal(upper, lower, err_msg=name)


def test_one_class_without_scatter_is_its_mean():
    recipe = RECIPE._replace(soils="loam", scatter=False, layered=0.0, vegetated=0.0, wet=0.0)
    site = draw_sites(recipe, KEY, np.arange(3))
    # Carsel and Parrish (1988): the loam of the HYDRUS catalog.
    for name, value in {"theta_s": 0.43, "alpha": 0.036, "n": 1.56, "K_s": 24.96}.items():
        np.testing.assert_allclose(getattr(site, name), value, err_msg=name)


def test_stations_are_near_their_climate():
    stations = draw_stations(RECIPE, KEY)
    wet = np.stack([np.asarray(wet_fraction(p)) for p in stations.wet_probability]).mean(axis=1)
    own = np.tile(wet[:2], 5)
    assert np.all(np.abs(np.log(wet / own)) < 0.4)
    assert len(np.unique(np.round(wet, 6))) == 10
    assert np.all(stations.latitude == np.tile(stations.latitude[:2], 5))


# --- runs -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ensemble():
    grid = Grid.graded(150.0, 21, 1.0)
    operators = {"cosmic": sc.OPERATORS["cosmic"]}
    found = sc.Ensemble(RECIPE, KEY, warm_up=20, grid=grid, operators=operators)
    found.days = 60  # days of a year would do the same for longer
    return found


@pytest.fixture(scope="module")
def runs(ensemble):
    return [together(ensemble.run(np.arange(40), chunk=chunk)) for chunk in (32, 48)]


def together(chunks) -> sc.Scenarios:
    chunks = sorted(chunks, key=lambda c: c.number)
    return jax.tree.map(lambda *x: np.concatenate(x, -1), *[c.result for c in chunks])


def test_results_do_not_depend_on_the_chunk(runs):
    for name, a, b in zip(sc.Scenarios._fields, *runs, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_water_lies_between_zero_and_the_porosity(ensemble, runs):
    run, sites = runs[0], ensemble.sites(np.arange(40))
    assert np.all(run.status == int(Status.DONE))
    assert run.theta.shape == (60, len(sc.DEPTHS), 40)
    assert np.all(run.theta > 0.0)
    assert np.all(run.theta < sites.porosity.max(axis=0))


def test_wetter_means_fewer_counts(ensemble, runs):
    run, sites = runs[0], ensemble.sites(np.arange(40))
    bare = np.all(run.snow < 0.1, axis=0)
    relative = run.rate / ensemble.scale(sites)
    for member in np.flatnonzero(bare):
        slope = np.corrcoef(run.theta[:, 0, member], relative[:, 0, member])[0, 1]
        assert slope < -0.5
    # Over a moist loam COSMIC counts 3.8 times its N; over the driest soil twice of that.
    assert np.all((relative[:, 0, bare] > 2.0) & (relative[:, 0, bare] < 9.0))


def test_a_loam_of_the_reference_counts_its_mean_rate():
    ratios = sc.rate_ratios(tuple(sc.OPERATORS.values()))
    assert ratios.shape == (3,)
    assert np.all(ratios > 0)
    # Desilets et al. (2010) at 0.25 m3 m-3, density 1.4 and 0.02 g g-1 of bound water.
    water = 0.25 / 1.4 + 0.02
    assert ratios[1] == pytest.approx(0.0808 / (water + 0.115) + 0.372, rel=1e-5)
