"""Laws of snow and canopy: water is conserved, stores stay within bounds, columns are alone."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.water import canopy as cp
from rootzone.water import snow as sn

EPS = np.finfo(float).eps
COLUMNS = 4

snow_hours = jax.jit(partial(sn.run_snow, days=1.0 / 24.0))
snow_days = jax.jit(sn.run_snow)
leaves = jax.jit(cp.run_canopy)

seeds = st.integers(0, 2**31)
INTERCEPTION = {
    "store": cp.InterceptionStore(),
    "store that dries slowly": cp.InterceptionStore(0.4, 2.0 / 3.0),
    "Braden": cp.BradenInterception(),
}


def snow_case(seed, steps=60):
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.4, 8.0, (steps, COLUMNS)) * (rng.random((steps, COLUMNS)) < 0.5)
    temperature = rng.normal(0.0, 6.0, (steps, COLUMNS))
    parameters = sn.DegreeDay(
        melt_factor=jnp.asarray(rng.uniform(0.5, 8.0, COLUMNS)),
        threshold=jnp.asarray(rng.uniform(-1.0, 2.0, COLUMNS)),
        transition=jnp.asarray(rng.choice([0.0, 2.0], COLUMNS)),
        melt_threshold=jnp.asarray(rng.uniform(-1.0, 1.0, COLUMNS)),
        retention=jnp.asarray(rng.choice([0.0, 0.1, 0.5], COLUMNS)),
        refreezing=jnp.asarray(rng.choice([0.0, 0.05, 1.0], COLUMNS)),
    )
    state = sn.SnowState(rng.uniform(0, 100, COLUMNS), rng.uniform(0, 10, COLUMNS))
    return state, sn.SnowForcing(rain, temperature), parameters


@pytest.mark.parametrize("run", [snow_days, snow_hours], ids=["days", "hours"])
@settings(deadline=None, max_examples=40)
@given(seed=seeds)
def test_snow_conserves_water(run, seed):
    state, forcing, parameters = snow_case(seed)
    end, fluxes = run(state, forcing, parameters)
    gained = np.sum(forcing.precipitation - np.asarray(fluxes.outflow), axis=0)
    before, after = state.water_equivalent, end.water_equivalent
    turnover = np.asarray(before) + np.sum(forcing.precipitation, axis=0)
    # Each of 60 steps adds and subtracts a handful of terms of the size of the turnover.
    np.testing.assert_array_less(np.abs(after - before - gained), 60 * 8 * EPS * turnover + 1e-300)
    np.testing.assert_allclose(
        fluxes.snowfall + fluxes.rainfall, forcing.precipitation, rtol=1e-15, atol=0
    )
    for flux in fluxes:
        assert np.all(np.asarray(flux) >= 0.0)
    assert np.all(np.asarray(end.ice) >= 0.0)
    assert np.all(np.asarray(end.liquid) >= 0.0)
    assert np.all(np.asarray(end.liquid) <= parameters.retention * end.ice * (1 + EPS))


def test_without_options_snow_is_a_bucket_of_ice():
    """Against the plainest degree-day model, by hand."""
    forcing = sn.SnowForcing(
        np.array([5.0, 4.0, 0.0, 6.0, 0.0]), np.array([-2.0, 0.0, 1.5, 2.0, 9.0])
    )
    end, fluxes = snow_days(sn.SnowState(), forcing, sn.DegreeDay(2.0))
    np.testing.assert_allclose(fluxes.outflow, [0.0, 0.0, 3.0, 10.0, 2.0])
    assert end.ice == 0.0


def test_water_is_held_and_freezes_again():
    parameters = sn.DegreeDay(4.0, retention=0.1, refreezing=0.05)
    forcing = sn.SnowForcing(np.array([50.0, 0.0, 0.0]), np.array([-1.0, 1.0, -5.0]))
    end, fluxes = snow_days(sn.SnowState(), forcing, parameters)
    np.testing.assert_allclose(fluxes.melt, [0.0, 4.0, 0.0])
    np.testing.assert_allclose(fluxes.outflow, 0.0)
    np.testing.assert_allclose(fluxes.refreezing, [0.0, 0.0, 1.0])
    assert float(end.ice) == pytest.approx(47.0)
    assert float(end.liquid) == pytest.approx(3.0)


@settings(deadline=None)
@given(st.floats(-20.0, 20.0), st.floats(-2.0, 3.0), st.floats(0.0, 6.0))
def test_warmer_air_brings_no_more_snow(temperature, threshold, transition):
    options = {"threshold": threshold, "transition": transition}
    cold = sn.snow_fraction(temperature, **options)
    warm = sn.snow_fraction(temperature + 0.5, **options)
    assert 0.0 <= warm <= cold <= 1.0


def test_a_transition_of_no_width_is_the_limit_of_narrow_ones():
    temperature = np.array([-0.1, 0.1, 2.9])
    np.testing.assert_allclose(
        sn.snow_fraction(temperature), sn.snow_fraction(temperature, transition=1e-9)
    )


def test_hours_of_a_constant_day_melt_what_the_day_melts():
    parameters = sn.DegreeDay(3.0)
    pack = sn.SnowState(40.0)
    hours = sn.SnowForcing(np.zeros(24), np.full(24, 2.0))
    day = sn.SnowForcing(np.zeros(1), np.full(1, 2.0))
    by_hour, _ = snow_hours(pack, hours, parameters)
    by_day, _ = snow_days(pack, day, parameters)
    assert float(by_hour.ice) == pytest.approx(float(by_day.ice), rel=1e-14)


def test_snow_one_run_is_run_and_restart_and_columns_are_alone():
    state, forcing, parameters = snow_case(3)
    whole, fluxes = snow_days(state, forcing, parameters)
    first = sn.SnowForcing(forcing.precipitation[:25], forcing.temperature[:25])
    second = sn.SnowForcing(forcing.precipitation[25:], forcing.temperature[25:])
    middle, _ = snow_days(state, first, parameters)
    end, rest = snow_days(middle, second, parameters)
    np.testing.assert_array_equal(end.ice, whole.ice)
    np.testing.assert_array_equal(rest.outflow, fluxes.outflow[25:])
    alone, _ = snow_days(*jax.tree.map(lambda x: jnp.asarray(x)[..., 2], snow_case(3)))
    assert float(alone.ice) == float(whole.ice[2])


def test_snow_in_single_precision_and_with_gradient():
    state, forcing, parameters = snow_case(5)
    single = jax.tree.map(
        lambda x: jnp.asarray(x, jnp.float32), (sn.SnowState(), forcing, parameters)
    )
    _, fluxes = snow_days(*single)
    assert fluxes.outflow.dtype == jnp.float32
    _, double = snow_days(sn.SnowState(), forcing, parameters)
    np.testing.assert_allclose(fluxes.outflow, double.outflow, atol=2e-4)

    def mean_time_of_outflow(p):
        outflow = sn.run_snow(state, forcing, p)[1].outflow
        return jnp.sum(jnp.arange(60.0) @ outflow)

    slopes = jax.jit(jax.grad(mean_time_of_outflow))(parameters)
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves(slopes))
    assert np.any(np.asarray(slopes.melt_factor) != 0.0)


# --- canopy -----------------------------------------------------------------------------


def canopy_case(seed, steps=60):
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.4, 4.0, (steps, COLUMNS)) * (rng.random((steps, COLUMNS)) < 0.5)
    potential = rng.uniform(-0.2, 6.0, (steps, COLUMNS))
    leaf_area = rng.uniform(0.0, 6.0, (steps, COLUMNS)) * (rng.random((steps, COLUMNS)) < 0.8)
    storage = rng.uniform(0.0, 2.0, COLUMNS)
    return cp.CanopyState(storage), cp.CanopyForcing(rain, potential, leaf_area)


@pytest.mark.parametrize("name", INTERCEPTION)
@settings(deadline=None, max_examples=40)
@given(seed=seeds)
def test_canopy_conserves_water_and_energy(name, seed):
    state, forcing = canopy_case(seed)
    end, fluxes = leaves(state, forcing, cp.Canopy(interception=INTERCEPTION[name]))
    rain = np.asarray(forcing.precipitation)
    lost = np.asarray(fluxes.throughfall + fluxes.interception_evaporation)
    change = np.asarray(end.storage) - state.storage
    turnover = np.sum(rain, axis=0) + state.storage
    np.testing.assert_array_less(
        np.abs(np.sum(rain - lost, axis=0) - change), 60 * 8 * EPS * turnover + 1e-300
    )
    for flux in fluxes:
        assert np.all(np.asarray(flux) >= -EPS * 10)
    assert np.all(np.asarray(end.storage) >= 0.0)
    if name == "Braden":
        return
    potential = np.maximum(forcing.potential_evapotranspiration, 0.0)
    asked = sum(np.asarray(flux) for flux in fluxes[1:])
    np.testing.assert_allclose(asked, potential, rtol=1e-13, atol=1e-14)


@settings(deadline=None)
@given(st.floats(0.0, 8.0), st.floats(0.1, 1.0))
def test_more_leaves_cover_more(leaf_area, extinction):
    here = cp.canopy_cover(leaf_area, extinction=extinction)
    denser = cp.canopy_cover(leaf_area + 0.1, extinction=extinction)
    assert 0.0 <= here < denser <= 1.0
    assert float(cp.canopy_cover(0.0)) == 0.0


def test_bare_ground_sees_all_rain_and_only_soil_evaporates():
    forcing = cp.CanopyForcing([5.0, 0.0], [2.0, 3.0], [0.0, 0.0])
    for interception in INTERCEPTION.values():
        _, fluxes = leaves(cp.CanopyState(), forcing, cp.Canopy(interception=interception))
        np.testing.assert_allclose(fluxes.throughfall, [5.0, 0.0])
        np.testing.assert_allclose(fluxes.potential_evaporation, [2.0, 3.0])
        np.testing.assert_allclose(fluxes.potential_transpiration, 0.0)


def test_wet_leaves_evaporate_first_and_falling_leaves_drip():
    canopy = cp.Canopy(extinction=10.0, interception=cp.InterceptionStore(0.2))
    forcing = cp.CanopyForcing([10.0, 0.0, 0.0], [0.4, 0.3, 0.0], [5.0, 5.0, 0.0])
    _, fluxes = leaves(cp.CanopyState(), forcing, canopy)
    # One mm is held, 0.7 mm of it evaporate, the last 0.3 mm fall with the leaves.
    np.testing.assert_allclose(fluxes.throughfall, [9.0, 0.0, 0.3], atol=1e-12)
    np.testing.assert_allclose(fluxes.interception_evaporation, [0.4, 0.3, 0.0])
    np.testing.assert_allclose(fluxes.potential_transpiration, 0.0, atol=1e-12)


def test_braden_meets_its_limits():
    """A drizzle is caught to the share of the cover, a downpour to a LAI."""
    rain = np.array([1e-6, 1e6])
    forcing = cp.CanopyForcing(rain, np.ones(2), np.full(2, 3.0))
    _, fluxes = leaves(cp.CanopyState(), forcing, cp.Canopy(0.463, cp.BradenInterception(0.25)))
    cover = 1.0 - np.exp(-0.463 * 3.0)
    np.testing.assert_allclose(fluxes.interception_evaporation, [cover * 1e-6, 0.75], rtol=1e-5)
    by_hand = 0.75 * (1.0 - 1.0 / (1.0 + cover * 4.0 / 0.75))
    _, fluxes = leaves(
        cp.CanopyState(),
        cp.CanopyForcing([4.0], [9.0], [3.0]),
        cp.Canopy(0.463, cp.BradenInterception()),
    )
    assert float(fluxes.interception_evaporation[0]) == pytest.approx(by_hand)


def test_canopy_gradients_are_finite_with_and_without_leaves():
    forcing = cp.CanopyForcing(*(jnp.asarray(x) for x in ([3.0, 0.0, 1.0], [1.0, 2.0, 0.0])), None)

    def soil_water(leaf_area, interception):
        weather = forcing._replace(leaf_area=jnp.full(3, leaf_area))
        canopy = cp.Canopy(interception=interception)
        return jnp.sum(cp.run_canopy(cp.CanopyState(), weather, canopy)[1].throughfall)

    slope = jax.jit(jax.grad(soil_water))
    for interception in INTERCEPTION.values():
        for leaf_area in (0.0, 2.0):
            value = slope(leaf_area, interception)
            assert np.isfinite(value)
            assert value <= 0.0


def test_leaf_area_through_the_year():
    table = cp.LeafAreaTable([10, 100, 200, 355], [0.5, 1.0, 4.0, 0.5])
    days = np.arange(0.0, 733.0)
    leaf_area = np.asarray(table(days))
    np.testing.assert_allclose(leaf_area[[10, 100, 200, 355, 150]], [0.5, 1.0, 4.0, 0.5, 2.5])
    # Across the new year it stays between its neighbors, and a year later it comes back.
    np.testing.assert_allclose(leaf_area[[360, 3]], 0.5)
    np.testing.assert_allclose(table(days + 365.25), leaf_area)
    assert np.abs(np.diff(leaf_area)).max() < 0.031
    many = cp.LeafAreaTable([100, 200], [[1.0, 2.0], [3.0, 6.0]])
    np.testing.assert_allclose(many(days)[np.array([150, 200])], [[2.0, 4.0], [3.0, 6.0]])
    assert cp.ConstantLeafArea(jnp.array([1.0, 2.0]))(days).shape == (733, 2)
    assert np.isfinite(jax.jit(jax.grad(table))(100.0))


@pytest.mark.parametrize(
    ("days", "leaf_area", "words"),
    [([200, 100], [1.0, 2.0], "increase"), ([100, 200], [1.0], "one leaf area index for each")],
)
def test_a_wrong_table_says_why(days, leaf_area, words):
    with pytest.raises(ValueError, match=words):
        cp.LeafAreaTable(days, leaf_area)


def test_roots_grow_by_the_logistic_law():
    roots = cp.LogisticRoots.half_grown_after(60.0, initial=2.0, maximum=100.0)
    assert float(roots(0.0)) == pytest.approx(2.0)
    assert float(roots(60.0)) == pytest.approx(50.0)
    # dL/dt = r L (1 - L / L_m), the Verhulst-Pearl law itself.
    for day in (0.0, 30.0, 90.0):
        depth = float(roots(day))
        law = float(roots.growth_rate) * depth * (1.0 - depth / 100.0)
        assert float(jax.grad(roots)(day)) == pytest.approx(law)
    np.testing.assert_allclose(cp.days_since([120.0, 119.0, 366.0], 120.0), [0.0, 364.25, 246.0])
    np.testing.assert_allclose(cp.RootsWithLeaves(5.0, 80.0, 4.0)([0.0, 2.0, 6.0]), [5, 42.5, 80])


def test_canopy_columns_and_single_precision():
    state, forcing = canopy_case(4)
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), (state, forcing))
    end, fluxes = leaves(*single, cp.Canopy())
    assert fluxes.throughfall.dtype == end.storage.dtype == jnp.float32
    _, double = leaves(state, forcing, cp.Canopy())
    np.testing.assert_allclose(fluxes.throughfall, double.throughfall, atol=1e-5)
    one = jax.tree.map(lambda x: x[..., 1], (state, forcing))
    _, alone = leaves(*one, cp.Canopy())
    np.testing.assert_allclose(alone.throughfall, double.throughfall[:, 1], rtol=1e-15)
