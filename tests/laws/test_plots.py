"""Laws of simulated plots: similar media, closed balances, sensors, and their true distribution."""

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import norm

from rootzone.core import DataError
from rootzone.simulate.plots import (
    ATTERT_LIKE,
    SMALL,
    draw_plots,
    draw_sensors,
    draw_weather,
    linear_stores,
    run_plots,
    run_reference,
)
from rootzone.simulate.plots_columns import Batch, grid_of_plots, outlet_of, run_batch, soil_of
from rootzone.simulate.plots_ground import horizon_of
from rootzone.simulate.plots_truth import multimodal_share, true_modes, true_quantiles

TINY = SMALL._replace(places={"schist": 2, "marl": 1, "sandstone": 1}, columns=16, years=1)
SEED = 5


@pytest.fixture(scope="module")
def world():
    with jax.enable_x64(False):
        plots = draw_plots(TINY, SEED)
        weather = draw_weather(TINY, plots, SEED)
        return plots, weather, run_plots(TINY, plots, weather)


# --- the true distribution --------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.02, 0.6), min_size=5, max_size=5),
    st.floats(0.005, 0.06),
)
def test_quantiles_are_where_the_distribution_function_is_the_level(water, deviation):
    levels = np.array([0.02, 0.1, 0.5, 0.8, 0.98])
    columns = np.array(water)
    found = true_quantiles(columns[:, None], deviation, levels)[0]
    back = norm.cdf((found[:, None] - columns) / deviation).mean(axis=1)
    # Where two columns lie far apart the function is flat: a level is met, its place is not sharp.
    assert np.allclose(back, levels, atol=2e-4)
    assert np.all(np.diff(found) > 0)


def test_equal_columns_give_one_gaussian():
    water = np.full((2, 7, 3), 0.3)
    levels = np.array([0.05, 0.5, 0.9])
    found = true_quantiles(water, 0.02, levels)
    assert found.shape == (2, 3, 3)
    assert np.allclose(found, 0.3 + 0.02 * norm.ppf(levels), atol=2e-6)
    assert np.all(true_modes(water, 0.02) == 1)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 6.0), st.floats(0.008, 0.04), st.floats(0.05, 0.3))
def test_two_equal_gaussians_have_two_maxima_beyond_two_deviations(apart, deviation, low):
    # Robertson and Fryer (1969), doi:10.1080/03461238.1969.10404590: two deviations, if equal.
    if abs(apart - 2.0) < 0.1:
        return
    water = np.array([[low], [low + apart * deviation]])
    assert true_modes(water, deviation)[0] == (2 if apart > 2.0 else 1)


def test_maxima_are_those_of_a_fine_grid():
    rng = np.random.default_rng(1)
    water = np.where(rng.random((20, 40)) < 0.4, 0.16, 0.3) + 0.02 * rng.standard_normal((20, 40))
    x = np.linspace(0.0, 0.6, 6001)
    density = norm.pdf(x[:, None, None], water, 0.02).mean(axis=-1)
    rising = np.diff(density, axis=0) > 0
    expected = (rising[:-1] & ~rising[1:]).sum(axis=0)
    assert np.array_equal(true_modes(water[:, :, None], 0.02)[:, 0], expected)
    assert expected.max() > 1


def test_unknown_water_has_no_mode_and_no_share():
    water = np.array([[0.2, np.nan], [0.4, 0.3]])
    modes = true_modes(water, 0.02)
    assert modes.tolist() == [2, 0]
    assert multimodal_share(modes) == 1.0
    assert np.isnan(multimodal_share(modes, np.array([False, True])))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda w: true_modes(w, 0.0), "wanted above 0"),
        (lambda w: true_quantiles(w, -0.1, np.array([0.5])), "wanted above 0"),
        (lambda w: true_quantiles(w, 0.02, np.array([0.0, 0.5])), "between 0 and 1"),
        (lambda w: true_quantiles(w, 0.02, np.array([])), "between 0 and 1"),
    ],
)
def test_what_has_no_distribution_is_refused(call, words):
    with pytest.raises(DataError, match=words):
        call(np.full((3, 2), 0.3))


# --- the ground -------------------------------------------------------------------------


def test_columns_of_a_fabric_are_similar_media(world):
    plots = world[0]
    # Away from the limits of alpha and K_s, K_s over alpha^2 is one number of plot and fabric.
    inside = (plots.alpha > 0.0021) & (plots.alpha < 0.249) & (plots.K_s > 0.021)
    ratio = np.log(plots.K_s) - 2.0 * np.log(plots.alpha)
    for pocket in (False, True):
        chosen = inside & (plots.pocket == pocket)
        for h, p in np.argwhere(chosen.sum(axis=-1) > 1):
            its = ratio[h, p][chosen[h, p]]
            assert np.ptp(its) < 1e-9
    assert inside.mean() > 0.9


def test_columns_have_the_spread_of_the_recipe():
    plots = draw_plots(ATTERT_LIKE._replace(places={"sandstone": 3}), 2)
    wide = ATTERT_LIKE.groups["sandstone"].log_scale
    for h in range(3):
        for p in range(3):
            main = ~plots.pocket[p]
            deviation = np.log(plots.alpha[h, p][main]).std()
            assert deviation == pytest.approx(wide, rel=0.25)
    # A column is high or low at all depths.
    scale = np.log(plots.alpha[:3, 0][:, ~plots.pocket[0]])
    assert np.corrcoef(scale)[0, 2] > 0.4
    assert np.all(plots.pocket.mean(axis=1) < 0.5)
    assert plots.run_on.mean(axis=1) == pytest.approx(np.ones(3), abs=0.01)


def test_a_place_does_not_depend_on_the_others(world):
    plots, weather, run = world
    alone = TINY._replace(places={"schist": 0, "marl": 1, "sandstone": 0})
    with jax.enable_x64(False):
        its = draw_plots(alone, SEED)
        sky = draw_weather(alone, its, SEED)
    p = plots.group.index("marl")
    assert its.name == (plots.name[p],)
    for name in ("theta_s", "alpha", "K_s"):
        assert np.array_equal(getattr(its, name)[:, 0], getattr(plots, name)[:, p])
    assert np.array_equal(its.survey.sand[0], plots.survey.sand[p])
    assert np.allclose(sky.rain[:, 0], weather.rain[:, p], rtol=1e-6)
    one, many = (
        draw_sensors(alone, its, run.water[p : p + 1], SEED),
        draw_sensors(TINY, plots, run.water, SEED),
    )
    assert np.array_equal(one.reading[0], many.reading[p], equal_nan=True)


def test_another_seed_makes_another_ground(world):
    other = draw_plots(TINY, SEED + 1)
    assert not np.allclose(other.survey.sand, world[0].survey.sand)


def test_a_survey_tells_most_of_a_plots_porosity_but_not_all():
    plots = draw_plots(ATTERT_LIKE, 3)
    true = plots.theta_s[horizon_of(np.array(ATTERT_LIKE.depths))].mean(axis=-1).T
    error = plots.survey.porosity - true
    assert 0.003 < error.std() < 0.01
    assert true.std() > 5 * error.std()
    assert len(plots.name) == 43
    assert set(plots.land_use) == {"forest", "pasture", "crop"}
    assert np.all(plots.survey.sand + plots.survey.clay <= 100.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"places": {"granite": 2}}, "granite"),
        ({"places": {"schist": 0}}, "asks for no plot"),
        ({"places": {"schist": -1, "marl": 2}}, "from 0"),
        ({"columns": 4}, "4 columns"),
        ({"years": 0}, "0 years"),
        ({"step_hours": 5}, "divisor of 24"),
        ({"depths": (30.0, 10.0)}, "increasing depths"),
        ({"depths": (0.1, 0.3)}, "5 to 100 cm"),
        ({"sensors": SMALL.sensors._replace(bias=0.0, noise=0.0)}, "above 0"),
    ],
)
def test_a_recipe_that_makes_no_plots_is_refused(change, words):
    with pytest.raises(DataError, match=words):
        draw_plots(TINY._replace(**change), 1)


# --- the water --------------------------------------------------------------------------


def test_no_water_is_lost_and_none_is_outside_the_pores(world):
    plots, _, run = world
    assert np.all(run.status == 0)
    # Two years in single precision: some 1700 mm in, 500 mm stored with a round-off of 3e-5 mm.
    assert np.abs(run.balance_error).max() < 0.05
    at = horizon_of(np.array(TINY.depths))
    low, high = plots.theta_r[at].transpose(1, 0, 2), plots.theta_s[at].transpose(1, 0, 2)
    # At 10 cm and deeper within their horizon but for the layer that a sensor sees.
    assert np.all(run.water > low[..., None] - 1e-5)
    assert np.all(run.water < high[..., None] + 0.02)
    assert run.water.dtype == np.float32
    assert run.water.shape == (4, 3, 16, 365)
    assert np.all(run.quick > -1e-3)
    assert 300 < run.evaporation.sum(axis=1).mean() < 650


def test_hours_and_days_tell_the_same_water():
    recipe = TINY._replace(places={"marl": 1}, columns=8)
    found = {}
    with jax.enable_x64(False):
        for hours in (24, 6):
            mine = recipe._replace(step_hours=hours)
            plots = draw_plots(mine, SEED)
            weather = draw_weather(mine, plots, SEED)
            found[hours] = (weather, run_plots(mine, plots, weather).water)
    (days, daily), (parts, quarters) = found[24], found[6]
    for name in ("rain", "demand", "told_rain"):
        sums = getattr(parts, name).reshape(-1, 4, 1).sum(axis=1)
        # Noise of a station's reading is drawn for each interval, all else is the same.
        assert np.allclose(sums, getattr(days, name), rtol=1e-4, atol=1e-4), name
    assert np.allclose(parts.radiation.reshape(-1, 4).mean(axis=1), days.radiation[:, 0], rtol=2e-2)
    apart = quarters[..., 3::4] - daily
    assert np.sqrt((apart**2).mean()) < 0.01


def test_channels_wet_deep_soil_before_the_front_comes():
    grid = grid_of_plots()
    shape = (len(grid.depth), 16)
    full = lambda x: np.full(shape, x, np.float32)  # noqa: E731
    one = np.ones(16, np.float32)
    caught = np.where(np.arange(16) < 8, 0.0, 0.6).astype(np.float32)
    supply = np.zeros((20, 3, 1, 1), np.float32)
    supply[:, 1] = 1.0
    supply[10, 0] = 25.0
    batch = Batch(
        np.arange(16, dtype=np.int32),
        np.zeros(16, np.int32),
        soil_of(full(0.05), full(0.43), full(0.05), full(1.4), full(10.0)),
        full(1.0 / 150.0),
        np.repeat(np.array([[-300.0], [-1000.0], [-8000.0]], np.float32), 16, axis=1),
        one,
        one,
        caught,
        4.0 * one,
        np.repeat(outlet_of(grid, (25.0, 60.0))[:, None], 16, axis=1).astype(np.float32),
        supply,
    )
    run = run_batch(batch, np.array([[7.0, 13.0], [47.0, 53.0], [25.0, 150.0]]), step_hours=24)
    rise = run.water[10] - run.water[9]
    below = 1250.0 * rise[2]  # mm
    matrix, channel = rise[:2, :8], rise[:2, 8:]
    assert np.all(matrix[1] < 0.003)
    assert np.all(channel[1] > 0.01)
    # 0.6 of what is above the 4 mm has come below the front, which is not at 25 cm yet.
    assert below[8:] - below[:8] == pytest.approx(np.full(8, 0.6 * 21.0), rel=0.1)
    assert np.all(channel[0] < matrix[0])
    assert np.abs(run.balance_error).max() < 0.01


def test_the_reference_is_one_column_for_many_places(world):
    plots, weather, run = world
    with jax.enable_x64(False):
        water, joined = run_reference(TINY, plots, weather, SEED)
    assert water.shape == (4, 3, 365)
    assert np.all(np.isfinite(water))
    of_cell = {}
    for source, its in zip(joined.source, water, strict=True):
        assert np.array_equal(of_cell.setdefault(source, its), its)
    # Right about when, wrong about how much.
    mean = run.water.mean(axis=2)
    for p in range(4):
        assert np.corrcoef(water[p, 0], mean[p, 0])[0, 1] > 0.7
    assert np.abs(water - mean).mean() > 0.02


# --- what is told -----------------------------------------------------------------------


def test_sensors_of_a_profile_stand_in_one_column(world):
    plots, _, run = world
    sensors = draw_sensors(TINY, plots, run.water, SEED)
    for p in range(4):
        assert len(set(sensors.column[p])) == 3
        apart = sensors.reading[p] - run.water[p][:, sensors.column[p]]
        known = np.isfinite(apart).sum(axis=-1) > 100
        bias, noise = np.nanmean(apart[known], axis=-1), np.nanstd(apart[known], axis=-1)
        assert np.allclose(bias, sensors.bias[p][known], atol=0.002)
        assert np.allclose(noise, TINY.sensors.noise, rtol=0.2)
    gaps = np.isnan(sensors.reading)
    assert 0.02 < gaps.mean() < 0.4
    assert np.all(gaps.all(axis=-1).sum(axis=2) <= 1)
    assert np.all(sensors.reading[~gaps] >= 0.0)


def test_sensors_that_never_fail_have_no_gaps(world):
    plots, _, run = world
    whole = TINY._replace(sensors=TINY.sensors._replace(absent=0.0, late=0.0, outages=0.0))
    assert np.all(np.isfinite(draw_sensors(whole, plots, run.water, 1).reading))


def test_weather_is_told_by_the_nearest(world):
    plots, weather, _ = world
    for joined in weather.joined:
        assert len(joined.source) == 4
        assert np.all(joined.distance >= 0.0)
        assert np.all(joined.distance < 15.0)
    wet = weather.told_rain[:, 0] > 0
    # It rains in the whole domain or nowhere, and near pixels go together.
    assert np.array_equal(wet, weather.rain[:, -1] > 0)
    assert np.corrcoef(weather.told_rain[:, 0], weather.rain[:, 0])[0, 1] > 0.95
    assert np.corrcoef(weather.told_demand[:, 0], weather.demand[:, 0])[0, 1] > 0.99
    # A kilometer up is six degrees less.
    slope = np.polyfit(plots.elevation, weather.temperature.mean(axis=0), 1)[0]
    assert slope == pytest.approx(-0.006, rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.0, 50.0), min_size=30, max_size=30), st.floats(0.04, 1.0))
def test_stores_give_what_they_get(inflow, days):
    flow = np.array(inflow)[:, None]
    none = np.zeros_like(flow)
    quick = linear_stores(flow, none, days=days)
    # A long dry time empties the store; what came out is what was in it and what came in.
    share = -np.expm1(-days / 1.5)
    start = flow.mean() * (1.0 - share) / share
    stored = start + flow.sum() - quick.sum()
    assert stored >= -1e-9
    last = (stored - 0.0) * share
    longer = np.concatenate([flow, np.zeros((1, 1))])
    # The start follows from the mean inflow: compare with the same start.
    scale = linear_stores(longer, np.zeros_like(longer), days=days)
    shift = (flow.mean() - longer.mean()) * (1.0 - share) / share * (1.0 - share) ** 30 * share
    assert scale[-1, 0] == pytest.approx(last - shift, abs=1e-6)
    even = np.full((5, 1), 2.0)
    assert np.allclose(linear_stores(even, even, days=days), 4.0)
