"""Laws of the corrections, of counting noise, and of the exponential filter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone import neutrons as ne
from rootzone.water import exponential_filter


@settings(max_examples=30, deadline=None)
@given(st.floats(500.0, 1050.0), st.floats(0.0, 30.0), st.floats(50.0, 200.0))
def test_factors_are_one_at_their_reference(pressure, humidity, intensity):
    assert ne.pressure_factor(pressure, beta=0.0075, reference_pressure=pressure) == 1.0
    assert ne.humidity_factor(humidity, reference_humidity=humidity) == 1.0
    for form in ("linear", "reciprocal"):
        factor = ne.incoming_factor(
            intensity, reference_intensity=intensity, scaling=0.8, form=form
        )
        np.testing.assert_allclose(factor, 1.0, rtol=1e-14)


def test_factors_change_in_the_right_direction():
    # More air above, more water in the air, fewer neutrons from space: fewer counts, factor > 1.
    assert ne.pressure_factor(1020.0, beta=0.0075, reference_pressure=1013.0) > 1
    assert ne.humidity_factor(12.0, reference_humidity=5.0) > 1
    assert ne.incoming_factor(90.0, reference_intensity=100.0) > 1
    assert ne.biomass_factor_baatz_2015(5.0) > 1
    assert ne.biomass_factor_morris_2024(5.0) > 1
    assert ne.biomass_factor_franz_2015(5.0, relative_slope=0.005) > 1
    # A dry road adds neutrons: the factor takes them away.
    assert ne.road_factor(0.3, road_moisture=0.05, road_width=6.0) < 1


def test_two_forms_of_the_incoming_factor():
    """They differ by 0.02 % at 5 % and by 0.2 % at 15 % intensity change."""
    for change, difference in ((0.05, 2.5e-4), (0.15, 2.5e-3)):
        forms = [
            float(
                ne.incoming_factor(
                    100.0 * (1 - change), reference_intensity=100.0, scaling=0.92, form=form
                )
            )
            for form in ("linear", "reciprocal")
        ]
        assert 0.0 < abs(forms[0] / forms[1] - 1.0) < difference


def test_far_from_a_road_only_the_long_tail_is_left():
    near = ne.road_factor(0.3, road_moisture=0.05, road_width=6.0)
    by_distance = [
        float(ne.road_factor(0.3, road_moisture=0.05, road_width=6.0, distance=r))
        for r in (0.0, 3.0, 12.0, 200.0)
    ]
    np.testing.assert_allclose(by_distance[0], near, rtol=1e-12)
    assert by_distance == sorted(by_distance)
    assert by_distance[-1] > 0.995


def test_scaling_grows_to_the_poles():
    monitor = ne.MONITORS["JUNG"]
    rigidity = np.array([1.0, 3.0, 6.0, 12.0])
    tau = ne.scaling_mcjannet_desilets_2023(45.0, 300.0, rigidity, monitor=monitor)
    assert np.all(np.diff(np.asarray(tau)) < 0)
    hawdon = ne.scaling_hawdon_2014(rigidity, monitor_cutoff_rigidity=4.49)
    assert np.all(np.diff(np.asarray(hawdon)) < 0)


def test_desilets_2021_beta_where_depth_equals_pressure():
    """The published form divides by (x - p); the division is carried out, nothing blows up."""
    for pressure in np.linspace(600.0, 1050.0, 40):
        assert 0.006 < float(ne.beta_desilets_2021(45.0, pressure, 3.0)) < 0.009


def test_snow_mask():
    assert ne.snow_mask() is None
    mask = ne.snow_mask(
        snow_water_equivalent=np.array([0.0, 5.0, np.nan, 0.0]),
        soil_temperature=np.array([5.0, 5.0, np.nan, -1.0]),
    )
    np.testing.assert_array_equal(mask, [False, True, False, True])
    np.testing.assert_array_equal(ne.snow_mask(snow_depth=np.array([0.0, 3.0])), [False, True])


def test_organic_conventions_differ_by_a_factor_of_two():
    water = {c: float(ne.organic_water(0.03, convention=c)) for c in ne.OrganicConvention}
    conventions = ne.OrganicConvention
    np.testing.assert_allclose(
        water[conventions.CARBON_DOUBLED], 2 * water[conventions.CARBON_AS_MATTER]
    )
    assert water[conventions.WATER] == 0.03
    np.testing.assert_allclose(
        ne.volumetric(ne.gravimetric(0.3, bulk_density=1.4), bulk_density=1.4), 0.3
    )
    np.testing.assert_allclose(ne.lattice_water_avery_2016(0.3), 0.0291)
    np.testing.assert_allclose(ne.biomass_water_equivalent(5.0, 1.0), 4.494)


# --- noise ------------------------------------------------------------------------------


def test_poisson_counts_have_the_stated_deviation():
    rate, hours = 900.0, 0.5
    drawn = ne.poisson_counts(jax.random.key(3), jnp.full(40000, rate), hours=hours)
    np.testing.assert_allclose(jnp.mean(drawn), rate, rtol=2e-3)
    stated = ne.counting_sigma(rate, hours=hours)
    np.testing.assert_allclose(jnp.std(drawn), stated, rtol=0.02)


def test_accuracy_of_a_900_counts_detector():
    """At 0.3 g/g: 0.042 g/g hourly and 0.009 daily."""
    law, rate = ne.Desilets2010(), 900.0
    n0 = rate / law.relative_rate(0.3)
    for hours, expected in ((1.0, 0.042), (24.0, 0.0087)):
        share = ne.first_order(
            lambda count_rate: law.water(count_rate / n0),
            {"count_rate": rate},
            {"count_rate": ne.counting_sigma(rate, hours=hours)},
        )["count_rate"]
        np.testing.assert_allclose(share, expected, rtol=0.06)


def test_window_mean():
    values = np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.0])
    mean, sigma = ne.window_mean(values, sigma=np.full(6, 0.3), width=2)
    np.testing.assert_allclose(mean, [1.5, 2.0, 4.0, 4.5, 5.5, 6.0])
    np.testing.assert_allclose(sigma[0], 0.3 / np.sqrt(2))
    strict, _ = ne.window_mean(values, sigma=np.full(6, 0.3), width=2, min_count=2)
    assert np.isnan(strict[1])
    same, _ = ne.window_mean(values, sigma=np.full(6, 0.3), width=1)
    np.testing.assert_array_equal(same, values)


def _retrieval(count_rate, n0, bulk_density, lattice_water):
    return ne.soil_moisture(
        ne.Desilets2010(),
        count_rate=count_rate,
        N0=n0,
        bulk_density=bulk_density,
        lattice_water=lattice_water,
    )


def test_first_order_and_monte_carlo_agree_where_the_law_is_nearly_straight():
    inputs = {
        "count_rate": jnp.asarray([1500.0, 1700.0]),
        "n0": 2500.0,
        "bulk_density": 1.3,
        "lattice_water": 0.03,
    }
    sigmas = {
        "count_rate": jnp.asarray([8.0, 8.0]),
        "n0": 10.0,
        "bulk_density": 0.03,
        "lattice_water": 0.003,
    }
    shares = ne.first_order(_retrieval, inputs, sigmas)
    first = np.sqrt(sum(np.asarray(s) ** 2 for s in shares.values()))
    drawn = ne.monte_carlo(_retrieval, inputs, sigmas, key=jax.random.key(0), members=6000)
    np.testing.assert_allclose(np.std(np.asarray(drawn), axis=0), first, rtol=0.04)
    # A member is the same whatever the number of members.
    fewer = ne.monte_carlo(_retrieval, inputs, sigmas, key=jax.random.key(0), members=5)
    np.testing.assert_array_equal(fewer, drawn[:5])


def test_systematic_errors_are_common_to_the_series():
    inputs = {
        "count_rate": jnp.full(50, 1600.0),
        "n0": 2500.0,
        "bulk_density": 1.3,
        "lattice_water": 0.0,
    }
    drawn = ne.monte_carlo(_retrieval, inputs, {"n0": 30.0}, key=jax.random.key(1), members=20)
    np.testing.assert_allclose(np.ptp(np.asarray(drawn), axis=1), 0.0, atol=1e-15)
    drawn = ne.monte_carlo(
        _retrieval, inputs, {"count_rate": jnp.full(50, 30.0)}, key=jax.random.key(1), members=20
    )
    assert np.all(np.ptp(np.asarray(drawn), axis=1) > 0)


def test_jakobi_is_first_order_for_small_noise_and_right_for_large():
    law, n0, rate = ne.Desilets2010(), 1500.0, 760.0
    small = ne.gravimetric_sigma_jakobi_2020(rate, sigma=0.01, N0=n0)
    slope = jax.grad(lambda r: law.water(r / n0))(rate)
    np.testing.assert_allclose(small, abs(slope) * 0.01, rtol=1e-6)
    sigma = 30.0
    first = float(abs(slope) * sigma)
    second = float(ne.gravimetric_sigma_jakobi_2020(rate, sigma=sigma, N0=n0))
    drawn = rate + sigma * np.random.default_rng(0).standard_normal(400000)
    truth = float(np.std(np.asarray(law.water(drawn / n0))))
    assert abs(second - truth) < 0.4 * abs(first - truth)
    assert np.isnan(ne.gravimetric_sigma_jakobi_2020(500.0, sigma=sigma, N0=n0))


# --- exponential filter -----------------------------------------------------------------

TIME = np.arange(60.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.02, 0.5), st.floats(0.3, 40.0))
def test_filter_keeps_a_constant(theta, T):
    out = exponential_filter(np.full(60, theta), time=TIME, characteristic_time=T)
    np.testing.assert_allclose(out.theta, theta, rtol=1e-12)


def test_filter_stays_between_the_extremes_and_lags():
    rng = np.random.default_rng(2)
    theta = 0.2 + 0.05 * rng.standard_normal(60)
    out = np.asarray(exponential_filter(theta, time=TIME, characteristic_time=5.0).theta)
    assert theta.min() <= out.min() <= out.max() <= theta.max()
    assert np.std(out[10:]) < np.std(theta[10:])
    short = np.asarray(exponential_filter(theta, time=TIME, characteristic_time=1e-3).theta)
    np.testing.assert_allclose(short, theta, rtol=1e-9)


def test_filter_equals_its_definition_as_weighted_mean():
    rng = np.random.default_rng(4)
    theta, T = rng.uniform(0.1, 0.4, 60), 6.0
    out = exponential_filter(theta, time=TIME, characteristic_time=T)
    weight = np.exp(-(TIME[-1] - TIME) / T)
    np.testing.assert_allclose(out.theta[-1], np.sum(weight * theta) / weight.sum(), rtol=1e-10)
    share = weight / weight.sum()
    noisy = exponential_filter(theta, time=TIME, characteristic_time=T, sigma=0.02)
    np.testing.assert_allclose(noisy.sigma[-1], 0.02 * np.sqrt(np.sum(share**2)), rtol=1e-10)


def test_filter_gaps():
    theta = np.full(60, 0.2)
    theta[30:] = 0.4
    theta[20:24] = np.nan
    out = np.asarray(exponential_filter(theta, time=TIME, characteristic_time=3.0).theta)
    assert np.isnan(out[20:24]).all()
    assert np.isfinite(np.delete(out, np.arange(20, 24))).all()
    # After a gap of more than three times T the past is forgotten.
    theta[31:55] = np.nan
    out = np.asarray(exponential_filter(theta, time=TIME, characteristic_time=3.0).theta)
    np.testing.assert_allclose(out[55], 0.4, rtol=1e-12)


def test_filter_has_a_gradient_despite_gaps():
    theta = np.full(60, 0.2)
    theta[5] = np.nan

    def last(T):
        return exponential_filter(theta + 0.01 * TIME, time=TIME, characteristic_time=T).theta[-1]

    slope = jax.grad(last)(5.0)
    np.testing.assert_allclose(slope, (last(5.001) - last(4.999)) / 0.002, rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_filter_keeps_the_precision_it_is_given(dtype):
    days = 20000.0 + TIME  # days since an epoch do not fit float32
    theta = jnp.asarray(0.2 + 0.001 * TIME, dtype)
    out = exponential_filter(theta, time=days, characteristic_time=4.0).theta
    assert out.dtype == dtype
    expected = exponential_filter(0.2 + 0.001 * TIME, time=TIME, characteristic_time=4.0).theta
    np.testing.assert_allclose(out, expected, rtol=1e-5)
