"""Laws of the sun, the air and evapotranspiration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.water import evapotranspiration as et
from rootzone.water import radiation as ra

DAY = {
    "temperature_min": 9.0,
    "temperature_max": 19.0,
    "vapor_pressure": 11.0,
    "wind_speed": 2.0,
    "solar_radiation": 180.0,
    "clear_sky_radiation": 300.0,
    "pressure": 1000.0,
}

daily = jax.jit(et.penman_monteith_daily)
whole_day = jax.jit(ra.extraterrestrial_radiation)
mean_of_hours = jax.jit(
    lambda day, latitude, longitude: jnp.mean(
        ra.extraterrestrial_radiation_hourly(day, jnp.arange(24.0), latitude, longitude)
    )
)


@settings(deadline=None)
@given(st.floats(1.0, 366.0), st.floats(-90.0, 90.0), st.floats(-180.0, 180.0))
def test_the_hours_make_the_day(day, latitude, longitude):
    """Wherever the night lies in the UTC day, and in polar day and night too."""
    hours = mean_of_hours(day, latitude, longitude)
    whole = whole_day(day, latitude)
    assert float(hours) == pytest.approx(float(whole), rel=1e-9, abs=1e-6)
    assert 0.0 <= whole < 560.0


def test_other_steps_make_the_same_hour():
    quarter = ra.extraterrestrial_radiation_hourly(
        172, 3.0 + 0.25 * np.arange(4), 50.8, 4.4, step=0.25
    )
    hour = ra.extraterrestrial_radiation_hourly(172, 3.0, 50.8, 4.4)
    assert jnp.mean(quarter) == pytest.approx(float(hour), rel=1e-12)


def test_the_sun_stands_highest_at_solar_noon_and_rises_after_half_the_night():
    hours = np.arange(0.0, 24.0, 0.1)
    elevation = ra.solar_elevation(100, hours, 50.8, 30.0, step=0.0)
    assert 9.7 < hours[np.argmax(elevation)] < 10.3  # noon two hours early at 30 E
    lit = np.mean(np.asarray(elevation) > 0.0) * 24.0
    assert lit == pytest.approx(float(ra.daylight_hours(100, 50.8)), abs=0.1)


def test_polar_day_and_night():
    assert float(ra.daylight_hours(172, 80.0)) == 24.0
    assert float(ra.daylight_hours(355, 80.0)) == 0.0
    assert float(ra.extraterrestrial_radiation(355, 80.0)) == 0.0
    slope = jax.grad(ra.extraterrestrial_radiation, 1)
    for day, latitude in ((172.0, 80.0), (355.0, 80.0), (172.0, 50.0)):
        assert np.isfinite(slope(day, latitude))


@settings(deadline=None)
@given(st.floats(-40.0, 50.0))
def test_dew_point_is_the_inverse_of_saturation(temperature):
    vapor = et.saturation_vapor_pressure(temperature)
    assert float(et.dew_point(vapor)) == pytest.approx(temperature, abs=1e-10)


@settings(deadline=None)
@given(st.floats(-30.0, 45.0))
def test_slope_is_the_derivative_of_saturation(temperature):
    slope = jax.grad(et.saturation_vapor_pressure)(temperature)
    # FAO-56 rounds 17.27 * 237.3 = 4098.17 to 4098.
    assert float(et.saturation_vapor_pressure_slope(temperature)) == pytest.approx(
        float(slope), rel=5e-5
    )


@pytest.mark.parametrize(
    ("name", "sign"), [("vapor_pressure", -1), ("solar_radiation", 1), ("pressure", -1)]
)
def test_drier_and_sunnier_air_evaporates_more(name, sign):
    slope = jax.grad(lambda x: et.penman_monteith_daily(**(DAY | {name: x})))(DAY[name])
    assert sign * slope > 0


def test_wind_helps_in_dry_air_and_hinders_in_saturated_air():
    def slope(vapor):
        return jax.grad(
            lambda u: et.penman_monteith_daily(**(DAY | {"vapor_pressure": vapor, "wind_speed": u}))
        )(2.0)

    assert slope(6.0) > 0
    assert slope(float(et.mean_saturation_vapor_pressure(9.0, 19.0))) < 0


def test_a_day_of_equal_hours_needs_little_more_than_the_day():
    """Constant weather: the hourly numerator is 37 and not 37.5, soil heat is set to zero."""
    flat = et.ReferenceSurface(37.0, 0.34, 0.34, 0.0, 0.0, 1.0)
    common = {"vapor_pressure": 11.0, "wind_speed": 2.0, "solar_radiation": 180.0}
    hour = et.penman_monteith_hourly(
        temperature=14.0, relative_shortwave=0.6, pressure=1000.0, surface=flat, **common
    )
    day = et.penman_monteith_daily(
        temperature_min=14.0,
        temperature_max=14.0,
        clear_sky_radiation=300.0,
        pressure=1000.0,
        **common,
    )
    assert 24.0 * hour == pytest.approx(float(day), rel=0.01)


def test_priestley_taylor_knows_its_step():
    day = et.priestley_taylor(temperature=15.0, net_radiation=100.0, pressure=1000.0)
    hour = et.priestley_taylor(temperature=15.0, net_radiation=100.0, pressure=1000.0, hours=1.0)
    assert 24.0 * hour == pytest.approx(float(day), rel=1e-12)


def test_relative_shortwave_is_bounded_and_dark_skies_are_safe():
    ratio = ra.relative_shortwave([10.0, 150.0, 400.0, 0.0], [300.0, 300.0, 300.0, 0.0])
    np.testing.assert_allclose(ratio, [0.3, 0.5, 1.0, 1.0])
    slope = jax.grad(lambda x: jnp.sum(ra.relative_shortwave(x, jnp.zeros(2))))(jnp.ones(2))
    assert np.all(np.isfinite(slope))


def test_cloudiness_is_held_through_the_night():
    solar = np.array([0.0, 200.0, 300.0, 20.0, 0.0, 0.0, 500.0])
    clear = np.array([0.0, 400.0, 400.0, 100.0, 0.0, 0.0, 500.0])
    elevation = np.array([-0.2, 0.5, 0.5, 0.1, -0.3, -0.2, 0.6])
    held = ra.held_relative_shortwave(solar, clear, elevation, first=0.6)
    np.testing.assert_allclose(held, [0.6, 0.5, 0.75, 0.75, 0.75, 0.75, 1.0])
    both = ra.held_relative_shortwave(
        np.stack([solar, solar / 2], 1), np.stack([clear] * 2, 1), elevation[:, None]
    )
    assert both.shape == (7, 2)
    np.testing.assert_allclose(both[3:6, 1], 0.375)


def test_hargreaves_has_a_slope_at_a_range_of_zero():
    slope = jax.grad(et.hargreaves_samani, (0, 1))(10.0, 10.0, 300.0)
    assert np.all(np.isfinite(slope))
    assert et.hargreaves_samani(-30.0, -20.0, 50.0) == 0.0


def test_arrays_of_time_and_column_and_single_precision():
    rng = np.random.default_rng(1)
    many = {
        key: jnp.asarray(value * rng.uniform(0.9, 1.1, (5, 3)), jnp.float32)
        for key, value in DAY.items()
    }
    out = daily(**many)
    assert out.dtype == jnp.float32
    double = daily(**{key: np.asarray(value, float) for key, value in many.items()})
    np.testing.assert_allclose(out, double, rtol=2e-5)
    one = et.penman_monteith_daily(**{key: value[2, 1] for key, value in many.items()})
    assert float(one) == pytest.approx(float(out[2, 1]), rel=1e-5)
    night = ra.extraterrestrial_radiation_hourly(
        jnp.float32(10), jnp.arange(24, dtype=jnp.float32), jnp.float32(50.8), jnp.float32(4.4)
    )
    assert night.dtype == jnp.float32
    assert np.all(night >= 0)
