"""Laws of a step of a cell: the balance closes, states keep their bounds, gradients are finite."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.water.cell import (
    CellForcing,
    CellModel,
    CellParameters,
    CellState,
    Feddes,
    HargreavesSamani1985,
    Jarvis,
    PenmanMonteith,
    PetAsGiven,
    PetAspect,
    PetLeafArea,
    PriestleyTaylor1972,
    Sharp,
    Smooth,
    Weather,
    declared,
    water_balance,
)

HORIZONS = (50.0, 300.0, 1200.0)
MODELS = {
    "feddes": CellModel(),
    "jarvis": CellModel(uptake=Jarvis()),
    "feddes-smooth": CellModel(thresholds=Smooth()),
    "jarvis-smooth": CellModel(uptake=Jarvis(), thresholds=Smooth(0.3, 1.0)),
}


def cells(seed: int, n: int) -> CellParameters:
    """Return one month of cells that no soil survey would believe, corners included."""
    rng = np.random.default_rng(seed)

    def draw(low, high, *axes, corner=None):
        values = rng.uniform(low, high, (*axes, n))
        if corner is not None:
            values = np.where(rng.random(values.shape) < 0.15, corner, values)
        return jnp.asarray(values)

    h = len(HORIZONS)
    thickness = jnp.asarray(np.repeat(np.array(HORIZONS)[:, None], n, axis=1))
    saturation = thickness * draw(0.02, 0.9, h)
    field_capacity = saturation * draw(0.05, 0.99, h)
    roots = draw(0.0, 1.0, h, corner=0.0) + 1e-3
    return CellParameters(
        interception_capacity=draw(0.0, 5.0, corner=0.0),
        threshold_temperature=draw(-2.0, 2.0),
        degree_day_min=draw(0.0, 6.0),
        degree_day_max=draw(0.0, 9.0, corner=0.0),
        degree_day_increase=draw(0.1, 0.9),
        sealed_fraction=draw(0.0, 1.0, corner=0.0),
        sealed_capacity=draw(0.0, 5.0, corner=0.0),
        evap_coefficient=draw(0.7, 1.5),
        horizon_thickness=thickness,
        saturation=saturation,
        field_capacity=field_capacity,
        wilting_point=field_capacity * draw(0.0, 0.99, h),
        infiltration_exponent=draw(0.5, 6.0, h),
        root_fraction=roots / jnp.sum(roots, axis=0),
        interflow_threshold=draw(0.0, 100.0, corner=0.0),
        k_fast=draw(0.02, 10.0),
        k_slow=draw(0.02, 40.0),
        slow_exponent=draw(0.01, 1.0),
        k_percolation=draw(0.02, 60.0),
        k_baseflow=draw(0.02, 1000.0),
        karstic_loss=draw(-4.0, 6.0, corner=1.0),
        jarvis_threshold=draw(0.0, 1.0, corner=0.0),
        latitude=draw(-80.0, 80.0),
        pet_lai_factor=draw(0.5, 1.5),
        pet_aspect_factor=draw(0.8, 1.2),
        hargreaves_coefficient=draw(0.0016, 0.003),
        priestley_taylor=draw(0.8, 1.7),
        aerodynamic_resistance=draw(20.0, 300.0),
        bulk_resistance=draw(30.0, 250.0),
    )


def states(seed: int, p: CellParameters) -> CellState:
    """Return states between empty and full, at the corners too."""
    rng = np.random.default_rng(seed)
    n = p.cells

    def draw(high, corner=0.0):
        values = rng.uniform(0.0, 1.0, np.shape(high)) * high
        return jnp.asarray(np.where(rng.random(values.shape) < 0.15, corner, values))

    soil = draw(np.asarray(p.saturation))
    at = jnp.asarray(rng.integers(0, 8, soil.shape))
    for corner, value in enumerate((p.saturation, p.field_capacity, p.wilting_point)):
        soil = jnp.where(at == corner, value, soil)
    return CellState(
        interception=draw(np.asarray(p.interception_capacity)),
        snow_pack=draw(np.full(n, 80.0)),
        sealed_storage=draw(np.asarray(p.sealed_capacity)),
        soil_moisture=soil,
        unsaturated_storage=draw(np.full(n, 120.0), np.asarray(p.interflow_threshold)),
        saturated_storage=draw(np.full(n, 300.0)),
    )


def weather_of_a_step(seed: int, p: CellParameters) -> CellForcing:
    rng = np.random.default_rng(seed)
    n = p.cells
    dry, calm, at_threshold = rng.random((3, n)) < 0.2
    temperature = np.where(at_threshold, p.threshold_temperature, rng.normal(2.0, 8.0, n))
    return CellForcing(
        jnp.asarray(np.where(dry, 0.0, rng.gamma(0.5, 20.0, n))),
        jnp.asarray(temperature),
        jnp.asarray(np.where(calm, 0.0, rng.uniform(0.0, 8.0, n))),
    )


QUICK = {"xla_backend_optimization_level": 0}  # compiles in two thirds of the time


@eqx.filter_jit(compiler_options=QUICK)
def _step(model, state, force, p, steps_per_day):
    after, fluxes = model.step(state, force, p, steps_per_day=steps_per_day)
    return after, fluxes, water_balance(state, after, fluxes, p.sealed_fraction)


HOUR, DAY = jnp.asarray(24), jnp.asarray(1)


@pytest.mark.parametrize("name", list(MODELS))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), length=st.sampled_from([HOUR, DAY]))
def test_the_balance_closes_and_states_keep_their_bounds(name, seed, length):
    p = cells(seed, 64)
    before, force = states(seed + 1, p), weather_of_a_step(seed + 2, p)
    after, fluxes, balance = _step(MODELS[name], before, force, p, length)

    assert float(jnp.max(jnp.abs(balance.error))) < 1e-9
    entered = fluxes.effective_precipitation + jnp.sum(before.soil_moisture, axis=0)
    left = jnp.sum(after.soil_moisture + fluxes.soil_evapotranspiration, axis=0)
    np.testing.assert_allclose(entered, left + fluxes.infiltration[-1], atol=1e-9)

    for x in jax.tree.leaves((after, eqx.tree_at(lambda f: f.recharge, fluxes, None))):
        assert float(jnp.min(x)) >= 0.0
    round_off = 1.0 + 1e-14
    assert bool(jnp.all(after.soil_moisture <= p.saturation * round_off))
    assert bool(jnp.all(after.interception <= p.interception_capacity * round_off))
    open_ = p.sealed_fraction == 0
    assert bool(jnp.all(open_ | (after.sealed_storage <= p.sealed_capacity * round_off)))
    total = fluxes.canopy_evaporation + jnp.sum(fluxes.soil_evapotranspiration, axis=0)
    assert bool(jnp.all(total <= fluxes.pet + 1e-12))


def test_a_horizon_above_saturation_passes_everything_on():
    p = cells(3, 64)
    state = eqx.tree_at(lambda s: s.soil_moisture, states(4, p), 1.1 * p.saturation)
    still = CellForcing(jnp.full(64, 7.0), jnp.full(64, 10.0), jnp.zeros(64))
    after, fluxes, _ = _step(CellModel(), state, still, p, HOUR)
    np.testing.assert_array_equal(after.soil_moisture, state.soil_moisture)
    np.testing.assert_array_equal(fluxes.infiltration[-1], fluxes.effective_precipitation)


def test_sealed_ground_takes_nothing_where_there_is_none():
    p = eqx.tree_at(lambda p: p.sealed_fraction, cells(3, 64), jnp.zeros(64))
    state = states(4, p)
    after, fluxes, _ = _step(CellModel(), state, weather_of_a_step(5, p), p, HOUR)
    np.testing.assert_array_equal(after.sealed_storage, state.sealed_storage)
    assert float(jnp.max(fluxes.sealed_runoff + fluxes.sealed_evaporation)) == 0.0


def test_snow_falls_and_stays_at_the_threshold_and_below():
    p = cells(3, 64)
    state = states(4, p)
    cold = CellForcing(jnp.full(64, 30.0), p.threshold_temperature, jnp.zeros(64))
    after, fluxes, _ = _step(CellModel(), state, cold, p, HOUR)
    np.testing.assert_allclose(after.snow_pack, state.snow_pack + fluxes.throughfall, rtol=1e-15)
    assert float(jnp.max(fluxes.rain + fluxes.melt)) == 0.0


@pytest.mark.parametrize("name", ["feddes", "jarvis", "jarvis-smooth"])
def test_gradients_are_finite_in_every_corner(name):
    """With respect to all inputs of a step, in cells many of which lie exactly on a kink."""
    p = cells(11, 400)

    def total(inputs):
        after, fluxes = MODELS[name].step(*inputs)
        return sum(jnp.sum(x) for x in jax.tree.leaves((after, fluxes)))

    gradient_of_all = jax.jit(jax.grad(total), compiler_options=QUICK)
    gradient = gradient_of_all((states(12, p), weather_of_a_step(13, p), p))
    for path, x in jax.tree_util.tree_leaves_with_path(gradient):
        assert bool(jnp.all(jnp.isfinite(x))), jax.tree_util.keystr(path)


# --- parts ------------------------------------------------------------------------------


AMOUNT = st.one_of(st.just(0.0), st.floats(1e-200, 100.0))


@settings(max_examples=40, deadline=None)
@given(a=AMOUNT, b=AMOUNT, width=st.floats(1e-3, 0.5))
def test_the_smooth_lesser_lies_below_both(a, b, width):
    smooth = float(Smooth(width).least(a, b))
    assert 0.0 <= smooth <= min(a, b)
    assert min(a, b) <= smooth * (1.0 + width) * (1.0 + 1e-12)


def test_the_slope_of_the_smooth_lesser():
    a = jnp.asarray([0.3, 2.0, 1.0, 1e-6, 0.7])
    b = jnp.asarray([5.0, 0.1, 1.0, 1e-6, 0.7001])
    width = jnp.full(5, 0.07)

    def lesser(*x):
        return Smooth(x[2]).least(x[0], x[1])

    slopes = jax.vmap(jax.grad(lesser, argnums=(0, 1, 2)))(a, b, width)
    for i, slope in enumerate(slopes):
        values, step = [a, b, width], 1e-5 * (a, b, width)[i]
        ends = ([v + s * step if j == i else v for j, v in enumerate(values)] for s in (1, -1))
        up, down = (lesser(*end) for end in ends)
        np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6, atol=1e-9)
    assert jax.grad(lesser, argnums=(0, 1))(0.0, 0.0, 0.1) == (0.5, 0.5)


def test_smooth_thresholds_become_the_sharp_ones():
    t, t0 = jnp.asarray([-3.0, 0.9, 1.1, 4.0]), 1.0
    previous = np.inf
    for width in (0.3, 0.03, 0.003):
        smooth, sharp = Smooth(width, width), Sharp()
        gap = jnp.abs(smooth.degrees_above(t, t0) - sharp.degrees_above(t, t0))
        gap += jnp.abs(smooth.warm(t, t0) - sharp.warm(t, t0))
        assert float(jnp.max(gap)) < previous
        previous = float(jnp.max(gap))
    assert previous < 1e-12
    assert float(Sharp().warm(1.0, 1.0)) == 0.0


def test_feddes_and_jarvis_between_their_ends():
    p = cells(7, 9)
    p = eqx.tree_at(lambda p: p.jarvis_threshold, p, jnp.linspace(0.1, 0.9, 9))

    def share(uptake, water):
        return uptake.share(water, 0, p, Sharp())

    half = 0.5 * (p.field_capacity[0] + p.wilting_point[0])
    np.testing.assert_allclose(share(Feddes(), half), 0.5, rtol=1e-9)
    np.testing.assert_array_equal(share(Feddes(), p.wilting_point[0]), 0.0)
    np.testing.assert_array_equal(share(Feddes(), p.saturation[0]), 1.0)
    reduced = 0.5 * p.jarvis_threshold * (p.saturation[0] - p.wilting_point[0])
    np.testing.assert_allclose(share(Jarvis(), p.wilting_point[0] + reduced), 0.5, rtol=1e-9)
    np.testing.assert_array_equal(share(Jarvis(), p.saturation[0]), 1.0)


def day_of_weather(seed: int, n: int) -> Weather:
    rng = np.random.default_rng(seed)
    mean = rng.normal(4.0, 12.0, n)
    return Weather(
        precipitation=jnp.zeros(n),
        temperature=jnp.asarray(mean),
        pet=jnp.asarray(rng.uniform(0.0, 6.0, n)),
        temperature_min=jnp.asarray(mean - 4.0),
        temperature_max=jnp.asarray(mean + rng.choice([-4.0, -6.0, 5.0], n)),
        net_radiation=jnp.asarray(rng.normal(60.0, 60.0, n)),
        vapor_pressure=jnp.asarray(rng.uniform(300.0, 1500.0, n)),
        wind_speed=jnp.asarray(rng.uniform(0.0, 8.0, n)),
    )


@pytest.mark.parametrize(
    "pet", [PetAsGiven(), PetLeafArea(), PetAspect(), HargreavesSamani1985(), PriestleyTaylor1972()]
)
def test_potential_evapotranspiration_is_not_negative_and_has_gradients(pet):
    p, today = cells(1, 200), day_of_weather(2, 200)
    assert float(jnp.min(pet.of_day(today, p, jnp.asarray(170)))) >= 0.0
    gradient = jax.grad(lambda w: jnp.sum(pet.of_day(w, p, jnp.asarray(170))))(today)
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(gradient))


def test_penman_monteith_in_still_air_is_radiation_alone():
    p, today = cells(1, 20), day_of_weather(2, 20)
    today = eqx.tree_at(lambda w: w.wind_speed, today, jnp.zeros(20))
    p = eqx.tree_at(lambda p: p.priestley_taylor, p, jnp.ones(20))
    still = PenmanMonteith().of_day(today, p, jnp.asarray(170))
    np.testing.assert_allclose(still, PriestleyTaylor1972().of_day(today, p, jnp.asarray(170)))


def test_every_field_declares_itself():
    for kind in (CellParameters, CellState, CellForcing, Weather):
        for field in declared(kind).values():
            assert field.unit
            assert field.axes[-1] == "cell"
            assert field.long_name
    assert declared(CellParameters)["jarvis_threshold"].optional
    assert not declared(CellParameters)["saturation"].optional
