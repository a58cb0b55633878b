"""Laws of the bucket that stands beside the networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rootzone.core.errors import DataError
from rootzone.learn.bucket import Buckets, Weather, calibrate, melted, simulate


def _weather(places: int, days: int = 500) -> Weather:
    rng = np.random.default_rng(11)
    wet = rng.random((places, days)) < 0.3
    season = np.cos(2 * np.pi * (np.arange(days) - 15) / 365)
    pet = np.clip(2.2 - 1.8 * season + 0.3 * rng.standard_normal((places, days)), 0.0, None)
    return Weather(np.where(wet, rng.gamma(0.8, 9.0, (places, days)), 0.0), pet)


def test_a_bucket_is_found_again_from_its_own_water() -> None:
    weather = _weather(2)
    true = Buckets(np.full((2, 7), [[0.55], [0.4]]), np.array([0.1, 0.15]), np.array([0.3, 0.25]))
    theta = simulate(true, weather, days=1.0)
    assert (
        (theta >= true.constant[:, None]) & (theta <= (true.constant + true.slope)[:, None])
    ).all()
    obs = theta[:, None] + 0.004 * np.random.default_rng(12).standard_normal((2, 2, 500))
    obs[:, :, 200:330] = np.nan
    own = np.array([[True, False], [True, False]])
    one, pools = calibrate(
        weather, obs, own, [np.array([[False, True], [False, False]])], days=1.0, runs=200
    )
    found = simulate(one, weather, days=1.0)
    error = np.sqrt(np.mean((found - theta) ** 2, axis=1))
    assert (error < 0.15 * theta.std(axis=1)).all()
    unseen = slice(200, 330)
    assert (np.abs(found - theta)[:, unseen].mean(axis=1) < 0.2 * theta.std(axis=1)).all()
    of_pool = simulate(pools, Weather(*(a[:1] for a in weather)), days=1.0)
    assert np.corrcoef(of_pool[0], theta[0])[0, 1] > 0.9


@settings(max_examples=10, deadline=None)
@given(arrays(float, 7, elements=st.floats(0, 1)), st.sampled_from([1 / 24, 0.25, 1.0]))
def test_storage_stays_between_its_bounds_and_rises_with_rain(unit, days) -> None:
    weather = _weather(1, 300)
    wetter = weather._replace(water=weather.water + 2.0)
    bucket = Buckets(unit[None], np.zeros(1), np.ones(1))
    dry, wet = (simulate(bucket, w, days=days)[0] for w in (weather, wetter))
    assert dry.min() >= 0.0
    assert wet.max() <= 1.0
    assert (wet - dry > -1e-5).all()


def test_wet_soil_loses_what_the_air_asks_for() -> None:
    """Above the stress point the loss is the share of the evapotranspiration, whatever S."""
    water = np.zeros((1, 420))
    water[0, :380] = 30.0
    weather = Weather(water, np.full((1, 420), 4.0))
    unit = np.array([[1.0, 0.0, 1.0, 0.5, 0.0, 0.0, 1.0]])  # 500 mm, hardly any drainage
    S = simulate(Buckets(unit, np.zeros(1), np.ones(1)), weather, days=1.0)[0]
    np.testing.assert_allclose(-np.diff(S[395:410]) * 500.0, 0.85 * 4.0, rtol=0.03)


def test_snow_waits_and_nothing_is_lost() -> None:
    rain = np.full((1, 20), 4.0)
    cold = np.where(np.arange(20) < 10, -5.0, 8.0)[None]
    out = melted(rain, cold, 1.0)
    assert (out[0, :10] == 0).all()
    assert out.sum() == pytest.approx(rain.sum())
    assert out[0, 10] == pytest.approx(4.0 + 24.0)
    assert melted(rain, None, 1.0) is rain


def test_buckets_without_any_reading_are_refused() -> None:
    with pytest.raises(DataError, match="at least one reading"):
        calibrate(_weather(1), np.full((1, 1, 500), np.nan), np.ones((1, 1), bool), [], days=1.0)
