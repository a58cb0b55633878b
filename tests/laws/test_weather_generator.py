"""Laws of the weather generator, its fit, its climates and its hours."""

from dataclasses import replace
from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.water import climates as cl
from rootzone.water import hourly_weather as hw
from rootzone.water import weather_fit as wf
from rootzone.water import weather_generator as wg

YEARS, MEMBERS = 7, 64
MONTH = np.tile(wg.MONTH_OF_DAY, YEARS)
KEY = jax.random.key(20)

# Few programs are compiled: one for the years of all climates, small ones for batches.
draw = jax.jit(wg.generate, static_argnames="days")
draw_years = partial(draw, days=365 * YEARS, start_day_of_year=1)
hours_of = jax.jit(hw.hourly_rain)
evaporate = jax.jit(wg.potential_evapotranspiration)
shares_of = jax.jit(hw.daylight_shares)

# Standard deviation of monthly and annual sums of rain at De Bilt, 1990 to 2019 [mm].
MONTHLY_DEVIATION = np.array(
    [32.6, 29.6, 30.8, 24.2, 29.8, 41.3, 46.8, 45.2, 43.7, 38.1, 37.6, 40.6]
)
ANNUAL_DEVIATION = 140.0


@cache
def climate(name, slow=True):
    made = cl.climate_of_normals(cl.CLIMATES[name])
    return made if slow else replace(made, slow_spread=0.0)


@cache
def weather(name, slow=True):
    drawn = draw_years(climate(name, slow), KEY, jnp.arange(MEMBERS))
    return jax.tree.map(np.asarray, drawn)


def by_month(values, statistic=np.mean):
    return np.array([statistic(values[m == MONTH]) for m in range(12)])


# --- what is drawn ----------------------------------------------------------------------


@pytest.mark.parametrize("name", cl.CLIMATES)
def test_weather_is_possible(name):
    w, c = weather(name), climate(name)
    assert np.all((w.rain == 0.0) | (w.rain >= c.wet_threshold))
    assert np.all(w.temperature_max >= w.temperature_min)
    assert np.all(w.dew_point <= 0.5 * (w.temperature_min + w.temperature_max))
    assert np.all(w.solar_radiation > 0.0)
    assert np.all(w.solar_radiation <= np.asarray(c.clear_sky(w.day_of_year))[:, None])
    assert np.all(w.wind_speed >= 0.0)
    assert w.wind_speed.max() < 20.0
    potential = np.asarray(evaporate(w, c))
    assert np.all(np.isfinite(potential) & (potential >= 0.0))


# Annual rain and reference evapotranspiration [mm] that are plausible for the climate.
PLAUSIBLE = {
    "temperate maritime": ((750, 950), (550, 680)),
    "continental": ((620, 800), (1050, 1300)),
    "Mediterranean": ((400, 550), (1300, 1500)),
    "semi-arid": ((340, 460), (1300, 1600)),
    "humid subtropical": ((1250, 1550), (1050, 1350)),
}


@pytest.mark.parametrize("name", cl.CLIMATES)
def test_months_are_those_of_the_station(name):
    """Means of 448 years; their standard error is below a third of each tolerance."""
    w, c, normals = weather(name), climate(name), cl.CLIMATES[name]
    wet = np.asarray(wg.wet_fraction(c.wet_probability))
    assert np.abs(by_month(w.rain > 0.0) - wet).max() < 0.025
    sums = by_month(w.rain) * wg.DAYS_OF_MONTH
    expected = wet * np.asarray(normals.wet_mean) * wg.DAYS_OF_MONTH
    np.testing.assert_allclose(sums, expected, rtol=0.10, atol=2.5)
    # Three harmonics follow the months of temperature to half a degree.
    for drawn, given, tolerance in (
        (w.temperature_min, normals.temperature_min, 0.7),
        (w.temperature_max, normals.temperature_max, 0.7),
        (w.dew_point, normals.dew_point, 0.8),
        (w.wind_speed, normals.wind_speed, 0.25),
    ):
        assert np.abs(by_month(drawn) - given).max() < tolerance
    ratio = by_month(w.solar_radiation) / normals.solar_radiation
    np.testing.assert_allclose(ratio, 1.0, atol=0.05)
    for drawn, given in (
        (w.temperature_min, normals.deviation_min),
        (w.temperature_max, normals.deviation_max),
    ):
        np.testing.assert_allclose(by_month(drawn, np.std) / given, 1.0, atol=0.3)

    (driest, wettest), (least, most) = PLAUSIBLE[name]
    potential = np.asarray(evaporate(w, c))
    assert driest < w.rain.sum() / (YEARS * MEMBERS) < wettest
    assert least < potential.sum() / (YEARS * MEMBERS) < most


def test_wet_days_are_dull_humid_windy_and_of_small_range():
    w = weather("temperate maritime")
    wet = w.rain > 0.0
    span, mean = (
        w.temperature_max - w.temperature_min,
        0.5 * (w.temperature_max + w.temperature_min),
    )
    for more, values in (
        (False, span),
        (False, w.solar_radiation),
        (False, mean - w.dew_point),
        (True, w.wind_speed),
    ):
        assert (values[wet].mean() > values[~wet].mean()) == more


def test_member_is_the_same_in_every_batch_and_length():
    c = climate("continental")
    years = weather("continental")
    backward = draw_years(c, KEY, jnp.arange(MEMBERS)[::-1])
    more = draw(c, KEY, jnp.arange(70), days=50)
    for a, b, m in zip(years[1:], backward[1:], more[1:], strict=True):
        np.testing.assert_array_equal(a, b[:, ::-1])
        np.testing.assert_array_equal(a[:50], m[:, :MEMBERS])
    other = draw_years(c, jax.random.key(21), jnp.arange(MEMBERS))
    assert np.abs(np.corrcoef(other.rain[:, 17], years.rain[:, 17])[0, 1]) < 0.1
    assert np.abs(np.corrcoef(years.rain[:, 5], years.rain[:, 17])[0, 1]) < 0.1


def test_a_start_in_summer_is_in_summer():
    start = draw_years(climate("continental"), KEY, jnp.arange(MEMBERS), start_day_of_year=182)
    np.testing.assert_array_equal(np.asarray(start.day_of_year)[[0, 183, 184]], [182, 365, 1])
    assert start.temperature_max[:30].mean() > 27.0


def test_precision_is_that_of_the_climate():
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), climate("Mediterranean"))
    shapes = jax.eval_shape(partial(wg.generate, days=50), single, KEY, jnp.array([17]))
    assert {x.dtype for x in shapes[1:]} == {np.dtype(np.float32)}
    rain = jax.ShapeDtypeStruct((3, 1), jnp.float32)
    hours = jax.eval_shape(hw.hourly_rain, rain, np.arange(1, 4), KEY, jnp.array([17]))
    assert (hours.shape, hours.dtype) == ((72, 1), np.dtype(np.float32))


def test_months_and_years_vary_less_than_measured():
    """What the docstring says: the chain alone forgets too fast, the slow wetness helps."""
    ratios = {}
    for slow in (False, True):
        rain = weather("temperate maritime", slow).rain.reshape(YEARS, 365, MEMBERS)
        months = [rain[:, m == wg.MONTH_OF_DAY].sum(axis=1).std() for m in range(12)]
        ratios[slow] = (
            np.mean(months / MONTHLY_DEVIATION),
            rain.sum(axis=1).std() / ANNUAL_DEVIATION,
        )
    np.testing.assert_allclose(ratios[False], (0.80, 0.74), atol=0.06)
    np.testing.assert_allclose(ratios[True], (0.90, 0.93), atol=0.08)
    assert np.all(np.array(ratios[True]) > np.array(ratios[False]) + 0.05)


def test_wet_fraction_of_a_second_order_chain():
    rng = np.random.default_rng(4)
    p = rng.uniform(0.1, 0.8, (12, 2, 2))
    # The long run of the pairs of days by powers of their transition matrix.
    for month in range(12):
        step = np.zeros((4, 4))
        for a in (0, 1):
            for b in (0, 1):
                step[2 * a + b, 2 * b + 1] = p[month, a, b]
                step[2 * a + b, 2 * b] = 1.0 - p[month, a, b]
        pairs = np.linalg.matrix_power(step, 400)[0]
        assert float(wg.wet_fraction(p)[month]) == pytest.approx(pairs[1] + pairs[3], rel=1e-9)
    first = wg.first_order([0.2] * 12, [0.6] * 12)
    np.testing.assert_allclose(wg.wet_fraction(first), 0.2 / (1 + 0.2 - 0.6))


# --- fit --------------------------------------------------------------------------------


@cache
def long_record(years, missing):
    """Members one after the other: the chain breaks in one night of 2555."""
    c, w = climate("temperate maritime", slow=False), weather("temperate maritime", slow=False)
    rng, members = np.random.default_rng(7), years // YEARS
    columns = [x[:, :members].T.ravel().copy() for x in w[1:]]
    for column in columns:
        column[rng.random(column.size) < missing] = np.nan
    return wf.DailyRecord(np.tile(w.day_of_year, members), *columns), c


def test_fit_recovers_what_was_drawn():
    """119 years with one value in ten missing."""
    record, truth = long_record(119, 0.1)
    found = wf.fit_climate(
        record, latitude=52.1, elevation=2.0, amounts=wf.fit_gamma, waves=3, wet_threshold=0.3
    )
    # About 1500 days of each kind a month: a standard error of 0.013.
    np.testing.assert_allclose(found.wet_probability, truth.wet_probability, atol=0.05)
    np.testing.assert_allclose(found.amounts.mean(), truth.amounts.mean(), rtol=0.12)
    np.testing.assert_allclose(found.amounts.shape, truth.amounts.shape, rtol=0.25)
    days = np.arange(1, 366)
    for mine, given, tolerance in zip(
        found.seasons(days), truth.seasons(days), (0.30, 0.15), strict=True
    ):
        scale = np.asarray(truth.seasons(days)[1])
        assert np.max(np.abs(np.asarray(mine - given)) / scale) < tolerance
    np.testing.assert_allclose(found.memory, truth.memory, atol=0.03)
    np.testing.assert_allclose(found.noise @ found.noise.T, truth.noise @ truth.noise.T, atol=0.03)


def test_fit_of_second_order_finds_the_first_order_in_it():
    record, truth = long_record(119, 0.0)
    found = wf.fit_climate(record, latitude=52.1, elevation=2.0, order=2)
    np.testing.assert_allclose(found.wet_probability, truth.wet_probability, atol=0.07)


def test_second_order_chain_is_recovered():
    rng = np.random.default_rng(2)
    p = np.array([[0.2, 0.5], [0.35, 0.8]])
    wet = np.zeros(60_000, int)
    chance = rng.random(wet.size)
    for t in range(2, wet.size):
        wet[t] = chance[t] < p[wet[t - 2], wet[t - 1]]
    month = np.tile(wg.MONTH_OF_DAY, 165)[: wet.size]
    found = wf.fit_occurrence(wet.astype(float), month, order=2)
    np.testing.assert_allclose(found, np.broadcast_to(p, (12, 2, 2)), atol=0.06)
    with pytest.raises(ValueError, match="1 or 2"):
        wf.fit_occurrence(wet, month, order=3)


def test_mixed_exponential_is_recovered_and_keeps_the_mean():
    truth = wg.MixedExponentialAmounts([0.6] * 12, [1.0] * 12, [9.0] * 12)
    keys = jax.random.split(KEY, 48_000)
    month = np.tile(np.arange(12), 4000)
    amounts = np.asarray(jax.jit(jax.vmap(truth.sample))(keys, month))
    found = wf.fit_mixed_exponential(amounts, month)
    np.testing.assert_allclose(found.weight, 0.6, atol=0.08)
    np.testing.assert_allclose(found.small, 1.0, rtol=0.25)
    np.testing.assert_allclose(found.large, 9.0, rtol=0.15)
    measured = [amounts[m == month].mean() for m in range(12)]
    np.testing.assert_allclose(found.mean(), measured, rtol=1e-6)


def test_what_a_record_lacks_is_lent_or_asked_for():
    record, truth = long_record(7, 0.0)
    calm = record._replace(wind_speed=np.full_like(record.rain, np.nan))
    fit = partial(wf.fit_climate, latitude=52.1, elevation=2.0)
    with pytest.raises(ValueError, match="too little wind speed to fit: give a fallback"):
        fit(calm)
    found = fit(calm, fallback=truth)
    np.testing.assert_allclose(found.location[:, wg.WIND], truth.location[:, wg.WIND, :5])
    assert float(found.memory[wg.WIND, wg.WIND]) == pytest.approx(
        float(truth.memory[wg.WIND, wg.WIND])
    )
    assert np.all(np.asarray(found.memory)[wg.WIND, :4] == 0.0)
    with pytest.raises(ValueError, match=r"the record has 0 days with .* 60 at least are wanted"):
        fit(record._replace(rain=np.zeros_like(record.rain)))


def test_normals_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="dew point above its mean temperature"):
        cl.climate_of_normals(cl.DAVIS._replace(dew_point=cl.DAVIS.temperature_max))
    with pytest.raises(ValueError, match="more sun than a clear sky"):
        cl.climate_of_normals(cl.DAVIS._replace(solar_radiation=(400.0,) * 12))


# --- hours ------------------------------------------------------------------------------


def test_hourly_rain_keeps_days_and_members():
    w = weather("temperate maritime")
    rain, day, members = w.rain[:730], w.day_of_year[:730], jnp.arange(MEMBERS)
    hours = np.asarray(hours_of(rain, day, KEY, members))
    by_day = hours.reshape(730, 24, MEMBERS)
    np.testing.assert_allclose(by_day.sum(axis=1), rain, rtol=1e-13, atol=1e-13)
    assert hours.min() >= 0.0
    backward = hours_of(rain[:, ::-1], day, KEY, members[::-1])
    np.testing.assert_array_equal(backward[:, ::-1], hours)

    # De Bilt, 1980 to 2019: the wettest hour has 0.45 of the rain of days from 1 mm, 13 mm in one
    # of a hundred of them; storms are shorter in summer.
    heavy = rain >= 1.0
    share = by_day.max(axis=1)[heavy] / rain[heavy]
    assert share.mean() == pytest.approx(0.45, abs=0.03)
    assert np.quantile(by_day.max(axis=1)[heavy], 0.99) == pytest.approx(13.2, rel=0.15)
    summer = np.broadcast_to(((day > 120) & (day < 274))[:, None], heavy.shape)[heavy]
    assert share[summer].mean() > share[~summer].mean() + 0.03


def test_daylight_brings_the_potential_to_its_hours():
    day = np.array([10, 172, 355])
    shares = np.asarray(shares_of(day, 50.8, 0.0))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-14)
    assert np.all(shares[:, [0, 23]] == 0.0)
    assert np.all(np.abs(shares.argmax(axis=1) - 12) <= 1)
    assert (shares[1] > 0).sum() > (shares[0] > 0).sum() + 6
    np.testing.assert_allclose(shares_of(day, 80.0, 0.0)[2], 1.0 / 24.0)
    # In UTC the sun of 90 W stands highest six hours later.
    assert shares_of(day, 40.0, -90.0)[1].argmax() in (17, 18)
    daily = np.array([[1.0, 2.0], [5.0, 6.0], [0.5, 0.0]])
    hours = np.asarray(hw.hourly_amounts(daily, shares))
    np.testing.assert_allclose(hours.reshape(3, 24, 2).sum(axis=1), daily, rtol=1e-14)


def test_hourly_temperature_swings_between_its_extremes():
    low, high = np.array([[2.0], [10.0]]), np.array([[12.0], [10.0]])
    hours = np.asarray(hw.hourly_temperature(low, high)).reshape(2, 24)
    np.testing.assert_allclose(hours.mean(axis=1), [7.0, 10.0])
    assert 11.9 < hours[0].max() < 12.0
    assert hours[0].argmax() in (14, 15)
    np.testing.assert_allclose(hours[1], 10.0)


def test_another_kind_of_storm_is_a_value():
    class Drizzle(eqx.Module):
        def __call__(self, key, rain, day_of_year):
            return jnp.full(24, 1.0 / 24.0, rain.dtype)

    hours = hw.hourly_rain([[24.0]], [100], KEY, [0], storms=Drizzle())
    np.testing.assert_allclose(hours[:, 0], 1.0)
