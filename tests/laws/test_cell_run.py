"""Laws of a run of cells: restart, batch, precision, gradients, the share of the hours."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.neutrons.cell_counts_mhm import DesiletsMhm513
from rootzone.water.cell import (
    MHM_5_13,
    STANDARD,
    AsGiven,
    Calendar,
    CellForcing,
    CellModel,
    CellParameters,
    CellState,
    DailyStep,
    DayNight,
    EveryStep,
    HargreavesSamani1985,
    HourlyWeights,
    Jarvis,
    OnceADay,
    Smooth,
    Weather,
    run_cells,
    select_cells,
    stack_scenes,
)

NIGHT = DayNight(jnp.full(12, 0.48), jnp.full(12, 0.10), jnp.full(12, -2.0))
DAYS, CELLS = 40, 6
CALENDAR = Calendar.of("1999-12-12", DAYS, scene_of_year={1999: 0, 2000: 1})
OUTPUTS = ("soil_moisture", "theta", "snow_pack", "evapotranspiration", "runoff", "infiltration")


def cells(seed: int, n: int, horizons=(50.0, 300.0, 1200.0)) -> CellParameters:
    """Return cells whose parameters lie where regionalization puts them."""
    rng, h = np.random.default_rng(seed), len(horizons)

    def draw(low, high, *axes):
        return jnp.asarray(rng.uniform(low, high, (*axes, n)))

    thickness = jnp.asarray(np.repeat(np.array(horizons)[:, None], n, axis=1))
    saturation = thickness * draw(0.35, 0.55, h)
    field_capacity = saturation * draw(0.5, 0.85, h)
    return CellParameters(
        interception_capacity=draw(0.1, 2.0, 12),
        threshold_temperature=draw(-1.0, 1.0),
        degree_day_min=draw(0.5, 3.0),
        degree_day_max=draw(3.0, 8.0),
        degree_day_increase=draw(0.1, 0.9),
        sealed_fraction=draw(0.0, 0.3),
        sealed_capacity=draw(0.2, 2.0),
        evap_coefficient=jnp.asarray(rng.uniform(0.7, 1.5, (12, 1))),
        horizon_thickness=thickness,
        saturation=saturation,
        field_capacity=field_capacity,
        wilting_point=field_capacity * draw(0.2, 0.6, h),
        infiltration_exponent=draw(1.0, 5.0, h),
        root_fraction=jnp.asarray(rng.dirichlet(np.ones(h), n).T),
        interflow_threshold=draw(5.0, 60.0),
        k_fast=draw(1.0, 10.0),
        k_slow=draw(5.0, 40.0),
        slow_exponent=draw(0.05, 0.4),
        k_percolation=draw(5.0, 60.0),
        k_baseflow=draw(50.0, 500.0),
        karstic_loss=draw(0.5, 1.5),
        jarvis_threshold=draw(0.2, 0.8),
        pet_aspect_factor=draw(0.9, 1.1),
        N0=draw(900.0, 1500.0),
        bulk_density=draw(0.9, 1.6, h),
        lattice_water=thickness * draw(0.0, 0.05, h),
    )


def weather(seed: int, days: int, n: int) -> Weather:
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.3, 9.0, (days, n))
    mean = rng.normal(4.0, 7.0, (days, n))
    return Weather(*(jnp.asarray(x) for x in (rain, mean, rng.uniform(0.0, 6.0, (days, n)))))


SCENES = stack_scenes([cells(1, CELLS), cells(2, CELLS)])
START = CellState.initial(cells(1, CELLS))
SKY = weather(5, DAYS, CELLS)


def simulate(start, sky, calendar, parameters, **more):
    """Run with the options that most tests share."""
    options = {"disaggregation": NIGHT, "outputs": OUTPUTS, "compat": MHM_5_13}
    options["counts"] = EveryStep(DesiletsMhm513())
    return run_cells(start, sky, calendar, parameters, **{**options, **more})


QUICK = {"xla_backend_optimization_level": 0}  # compiles in two thirds of the time
_simulate = eqx.filter_jit(simulate, compiler_options=QUICK)


def days_of(sky, first, last):
    return jax.tree.map(lambda x: x[first:last], sky)


def test_one_run_is_a_run_and_its_continuation():
    """Cut where the land cover changes: what the last hour of the year needs is in the calendar."""
    whole = _simulate(START, SKY, CALENDAR, SCENES)
    cut = 20
    assert int(CALENDAR.scene[cut - 1]) == 0
    assert int(CALENDAR.scene[cut]) == 1
    first = _simulate(START, days_of(SKY, 0, cut), CALENDAR.days(0, cut), SCENES)
    second = _simulate(first.state, days_of(SKY, cut, DAYS), CALENDAR.days(cut, DAYS), SCENES)
    for name, values in whole.daily.items():
        both = np.concatenate([first.daily[name], second.daily[name]])
        np.testing.assert_allclose(both, values, rtol=1e-13, atol=1e-15, err_msg=name)
    for a, b in zip(jax.tree.leaves(second.state), jax.tree.leaves(whole.state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_a_batch_of_cells_is_a_loop_over_cells():
    together = _simulate(START, SKY, CALENDAR, SCENES)
    for i in (0, 3, 5):
        one = slice(i, i + 1)
        alone = _simulate(
            *(select_cells(x, one) for x in (START, SKY)), CALENDAR, select_cells(SCENES, one)
        )
        for name, values in together.daily.items():
            np.testing.assert_allclose(alone.daily[name], values[..., one], rtol=1e-12, atol=1e-15)


def test_members_may_be_mapped():
    """Parameter sets as a leading axis under vmap give what each gives alone."""
    members = [jax.tree.map(lambda x, f=f: x * f, SCENES) for f in (1.0, 0.97)]

    @eqx.filter_jit(compiler_options=QUICK)
    @eqx.filter_vmap(in_axes=(None, None, None, 0))
    def mapped(start, sky, calendar, parameters):
        return simulate(start, sky, calendar, parameters).daily

    together = mapped(START, SKY, CALENDAR, stack_scenes(members))
    for i, p in enumerate(members):
        for name, values in _simulate(START, SKY, CALENDAR, p).daily.items():
            np.testing.assert_allclose(together[name][i], values, rtol=1e-12, atol=1e-15)


def test_single_precision_stays_within_1e_4_of_double():
    single = lambda tree: jax.tree.map(  # noqa: E731
        lambda x: jnp.asarray(x, jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree
    )
    double = _simulate(START, SKY, CALENDAR, SCENES).daily
    half = _simulate(single(START), SKY, CALENDAR, SCENES).daily
    assert half["theta"].dtype == jnp.float32
    assert float(jnp.max(jnp.abs(half["theta"] - double["theta"]))) < 1e-4
    np.testing.assert_allclose(half["neutrons"], double["neutrons"], rtol=1e-4)


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [(CellModel(), 2e-3), (CellModel(Jarvis(), Smooth()), 1e-5)],
    ids=["sharp", "smooth"],
)
def test_gradient_is_the_finite_difference(model, tolerance):
    """Along a random direction of all parameters; sharp kinks cost digits, smooth ones none."""
    p, sky = cells(7, 4, (250.0, 1200.0)), weather(6, 15, 4)
    calendar = Calendar.of("2001-03-20", 15)
    rng = np.random.default_rng(0)
    direction = jax.tree.map(lambda x: x * jnp.asarray(rng.normal(0.0, 1.0, x.shape)), p)
    # Thickness is geometry: mHM's samples of depth jump from one horizon to the next.
    still = jnp.zeros_like(p.horizon_thickness)
    direction = eqx.tree_at(lambda p: p.horizon_thickness, direction, still)
    start = CellState.initial(p)

    def loss(amount):
        moved = jax.tree.map(lambda x, d: x + amount * d, p, direction)
        daily = simulate(
            start, sky, calendar, moved, model=model, outputs=("theta", "runoff")
        ).daily
        parts = (daily["neutrons"] / 1000.0, daily["theta"], daily["runoff"])
        return sum(jnp.mean(x) for x in parts)

    both = jax.jit(jax.value_and_grad(loss), compiler_options=QUICK)
    step = 1e-6
    difference = (both(step)[0] - both(-step)[0]) / (2 * step)
    np.testing.assert_allclose(both(0.0)[1], difference, rtol=tolerance)


def test_the_last_hour_of_a_year_is_weighted_with_its_own_scene():
    """Unless mHM's habit is asked for; nothing but that day differs, and no state."""
    habit = _simulate(START, SKY, CALENDAR, SCENES).daily
    own = _simulate(START, SKY, CALENDAR, SCENES, compat=STANDARD).daily
    last = 19
    for name, values in own.items():
        differs = np.any(np.abs(habit[name] - values) > 1e-12, axis=tuple(range(1, values.ndim)))
        weighted = name in ("evapotranspiration", "infiltration")
        assert differs.nonzero()[0].tolist() == ([last] if weighted else []), name


# --- the hours of a day -----------------------------------------------------------------


def test_hours_add_up_to_the_day():
    today = days_of(SKY, 0, 1)
    today = jax.tree.map(lambda x: x[0], today)
    rng = np.random.default_rng(2)
    night = DayNight(*(jnp.asarray(rng.uniform(0.05, 0.6, 12)) for _ in range(3)))
    weights = rng.dirichlet(np.ones(24), (12, CELLS)).transpose(0, 2, 1)
    hourly = HourlyWeights(
        jnp.asarray(weights), jnp.ones((12, 24, CELLS)), jnp.asarray(weights[:, ::-1])
    )
    for way in (night, hourly, DailyStep()):
        day = way.of_day(today, today.pet, jnp.asarray(6))
        steps = [way.at(day, jnp.asarray(i)) for i in range(way.steps_per_day)]
        np.testing.assert_allclose(sum(s.precipitation for s in steps), today.precipitation)
        np.testing.assert_allclose(sum(s.pet for s in steps), today.pet)
        mean = sum(s.temperature for s in steps) / way.steps_per_day
        np.testing.assert_allclose(mean, today.temperature, rtol=1e-12)


def test_day_begins_at_seven_and_ends_at_nineteen():
    today = Weather(jnp.ones(1), jnp.zeros(1))
    way = DayNight(jnp.full(12, 0.25), jnp.full(12, 0.5), jnp.full(12, -3.0))
    day = way.of_day(today, jnp.ones(1), jnp.asarray(0))
    warm = [float(way.at(day, jnp.asarray(h)).temperature[0]) > 0 for h in range(24)]
    assert warm == [False] * 7 + [True] * 12 + [False] * 5
    assert float(way.at(day, jnp.asarray(12)).precipitation[0]) == 2 * 0.75 / 24


def test_hourly_weather_and_outputs_of_hours():
    """Hourly arrays made from the day-night rule run like the rule; hours sum up to days."""
    hourly = {"precipitation": [], "temperature": [], "pet": []}
    for d in range(DAYS):
        today = jax.tree.map(lambda x, d=d: x[d], SKY)
        day = NIGHT.of_day(today, today.pet, CALENDAR.month[d])
        hours = [NIGHT.at(day, jnp.asarray(h)) for h in range(24)]
        for name, kept in hourly.items():
            kept.append(np.stack([getattr(h, name) for h in hours]))
    given = Weather(**{name: jnp.asarray(np.stack(kept)) for name, kept in hourly.items()})
    by_rule = _simulate(START, SKY, CALENDAR, SCENES)
    by_hours = _simulate(
        START,
        given,
        CALENDAR,
        SCENES,
        disaggregation=AsGiven(24),
        each_step=("runoff", "theta", "neutrons"),
    )
    for name, values in by_rule.daily.items():
        np.testing.assert_allclose(by_hours.daily[name], values, rtol=1e-11, atol=1e-14)
    assert by_hours.steps["theta"].shape == (DAYS, 24, 3, CELLS)
    np.testing.assert_allclose(by_hours.steps["runoff"].sum(axis=1), by_hours.daily["runoff"])
    for name in ("theta", "neutrons"):
        np.testing.assert_allclose(by_hours.steps[name].mean(axis=1), by_hours.daily[name])


def test_counts_of_the_mean_water_are_close_to_the_mean_count():
    every = _simulate(START, SKY, CALENDAR, SCENES).daily["neutrons"]
    once = _simulate(START, SKY, CALENDAR, SCENES, counts=OnceADay(DesiletsMhm513()))
    gap = np.asarray(once.daily["neutrons"] / every - 1.0)
    assert 0.0 < np.abs(gap).max() < 0.02


def test_a_daily_step_is_one_step_of_the_day():
    p, sky = SCENES, SKY
    daily = _simulate(START, sky, CALENDAR, p, disaggregation=DailyStep())
    state, step = START, eqx.filter_jit(CellModel().step, compiler_options=QUICK)
    for d in range(DAYS):
        of_day = jax.tree.map(lambda x, d=d: x[CALENDAR.scene[d]], p).at(month=CALENDAR.month[d])
        today = jax.tree.map(lambda x, d=d: x[d], sky)
        pet = of_day.pet_aspect_factor * today.pet
        given = CellForcing(today.precipitation, today.temperature, pet)
        state, fluxes = step(state, given, of_day, steps_per_day=1)
        np.testing.assert_allclose(daily.daily["soil_moisture"][d], state.soil_moisture, rtol=1e-12)
        np.testing.assert_allclose(daily.daily["runoff"][d], fluxes.runoff, rtol=1e-11, atol=1e-14)
    hourly = _simulate(START, sky, CALENDAR, p).daily["theta"]
    np.testing.assert_allclose(daily.daily["theta"].mean(0), hourly.mean(0), atol=0.05)


# --- what is said -----------------------------------------------------------------------


def test_what_is_missing_is_named():
    p, sky, calendar = cells(7, 3), weather(5, 4, 3), Calendar.of("2001-03-20", 4)
    start = CellState.initial(p)

    def go(p=p, sky=sky, calendar=calendar, **options):
        return run_cells(start, sky, calendar, p, **{"disaggregation": NIGHT, **options})

    without = lambda name: eqx.tree_at(lambda p: getattr(p, name), p, None)  # noqa: E731
    with pytest.raises(ValueError, match="jarvis_threshold"):
        go(without("jarvis_threshold"), model=CellModel(uptake=Jarvis()))
    with pytest.raises(ValueError, match="pet_aspect_factor"):
        go(without("pet_aspect_factor"))
    with pytest.raises(ValueError, match="'N0'"):
        go(without("N0"), counts=EveryStep(DesiletsMhm513()))
    with pytest.raises(ValueError, match="no output 'sm'"):
        go(outputs=("sm",))
    with pytest.raises(ValueError, match="counts=EveryStep"):
        go(each_step=("neutrons",))
    with pytest.raises(ValueError, match="weather has 4 days, the calendar 5"):
        go(calendar=Calendar.of("2001-03-20", 5))
    with pytest.raises(ValueError, match="24 steps"):
        go(disaggregation=AsGiven(24))
    with pytest.raises(ValueError, match="year\\(s\\) 2002"):
        Calendar.of("2001-12-31", 2, scene_of_year={2001: 0})
    with pytest.raises(ValueError, match="one value per day"):
        Calendar.of("2001-12-31", 2, leaf_step=[0])
    with pytest.raises(ValueError, match="one value per month"):
        DayNight(jnp.ones(11), jnp.ones(12), jnp.ones(12))
    hourly = jax.tree.map(lambda x: jnp.repeat(x[:, None], 24, 1), sky)
    with pytest.raises(ValueError, match="HargreavesSamani1985 holds for daily weather"):
        go(sky=hourly, disaggregation=AsGiven(24), pet=HargreavesSamani1985())
