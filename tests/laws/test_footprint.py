"""Laws of the footprint: shares, weights, iterated averages."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone import neutrons as ne
from rootzone.core.layers import interval_mean_weights, layer_edges, layer_thickness
from rootzone.neutrons.footprint import TWO_E_FOLDS, radial_share


def test_radial_share_is_the_integral_of_the_weights():
    for theta, h in ((0.05, 2.0), (0.2, 5.0), (0.4, 14.0)):
        pieces = [(0.0, 1.0), (1.0, 50.0), (50.0, 6000.0)]
        grids = [np.linspace(a, b, 200001) for a, b in pieces]
        middles = [0.5 * (g[1:] + g[:-1]) for g in grids]
        rings = [
            np.asarray(ne.radial_weight(m, theta=theta, humidity=h)) * np.diff(g)
            for m, g in zip(middles, grids, strict=True)
        ]
        total = sum(r.sum() for r in rings)
        for radius in (0.5, 20.0, 180.0):
            inside = sum(r[m < radius].sum() for r, m in zip(rings, middles, strict=True))
            share = radial_share(radius, theta=theta, humidity=h)
            np.testing.assert_allclose(share, inside / total, rtol=2e-4)


def test_footprint_radius_holds_its_share():
    theta, h = jnp.asarray([0.03, 0.1, 0.3, 0.5]), jnp.asarray([1.0, 5.0, 10.0, 15.0])
    radius = ne.footprint_radius(theta, humidity=h)
    share = radial_share(radius / ne.footprint_scale(1013.25, 0.0, theta), theta=theta, humidity=h)
    np.testing.assert_allclose(share, TWO_E_FOLDS, rtol=1e-9)


def test_thin_air_widens_and_plants_narrow_the_footprint():
    base = ne.footprint_radius(0.2, humidity=5.0)
    assert ne.footprint_radius(0.2, humidity=5.0, pressure=800.0) > base
    assert ne.footprint_radius(0.2, humidity=5.0, vegetation_height=10.0) < base
    assert ne.footprint_radius(0.4, humidity=5.0) < base
    assert np.isnan(ne.footprint_radius(np.nan, humidity=5.0))


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 0.6), st.floats(0.0, 0.5), st.floats(0.3, 1.8))
def test_wetter_and_denser_soil_is_seen_less_deep(theta, more, density):
    here = ne.penetration_depth(theta, bulk_density=density)
    assert ne.penetration_depth(theta + more + 0.01, bulk_density=density) < here
    assert ne.penetration_depth(theta, bulk_density=density + 0.1) < here


def test_layer_weights_sum_to_one_and_do_not_depend_on_cutting():
    coarse = ne.layer_weight(np.array([0.0, 10.0, 40.0]), 20.0)
    fine = ne.layer_weight(np.array([0.0, 5.0, 10.0, 40.0]), 20.0)
    np.testing.assert_allclose(coarse.sum(), 1.0, rtol=1e-12)
    np.testing.assert_allclose(fine[:2].sum(), coarse[0], rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.02, 0.6))
def test_profile_mean_of_a_constant_is_the_constant(theta):
    mean, depth = ne.profile_mean(
        np.full(4, theta), np.array([0.0, 5.0, 15.0, 35.0, 60.0]), bulk_density=1.3
    )
    np.testing.assert_allclose(mean, theta, rtol=1e-12)
    np.testing.assert_allclose(depth, ne.penetration_depth(theta, bulk_density=1.3), rtol=1e-12)


def test_profile_mean_has_converged_and_leaves_gaps_out():
    edges = np.array([0.0, 7.5, 15.0, 35.0, 65.0])
    theta = np.array([[0.05, 0.1, 0.3, 0.4], [0.05, np.nan, 0.3, 0.4], [np.nan] * 4])
    mean, depth = ne.profile_mean(theta, edges, bulk_density=1.3)
    longer, _ = ne.profile_mean(theta, edges, bulk_density=1.3, iterations=60)
    np.testing.assert_allclose(mean, longer, atol=1e-6)
    weight = ne.layer_weight(edges, depth[0])
    np.testing.assert_allclose(mean[0], np.sum(weight * theta[0]), atol=1e-6)
    assert np.isfinite(mean[1])
    assert np.isnan(mean[2])
    assert np.isnan(depth[2])


def _samples(theta_near: float, theta_far: float) -> ne.ProfileSamples:
    depth = np.tile([2.5, 7.5, 12.5], 2)
    profile = np.repeat([0, 1], 3)
    distance = np.repeat([5.0, 150.0], 3)
    water = np.repeat([theta_near, theta_far], 3) / 1.4
    ones = np.ones(6)
    return ne.ProfileSamples(profile, distance, depth, water, 1.4 * ones, 0.02 * ones, 0.01 * ones)


def test_footprint_mean():
    settings_ = {"humidity": 5.0, "pressure": 1000.0, "site_bulk_density": 1.4}
    same = ne.footprint_mean(_samples(0.2, 0.2), **settings_)
    np.testing.assert_allclose(same.theta, 0.2, rtol=1e-12)
    np.testing.assert_allclose(same.gravimetric_water_error, 0.0, atol=1e-12)
    np.testing.assert_allclose(np.sum(same.weight), 1.0, rtol=1e-12)
    assert same.converged
    # The near profile weighs more: the mean lies on its side.
    near_dry = ne.footprint_mean(_samples(0.1, 0.4), **settings_)
    assert near_dry.theta < 0.25
    equal = ne.footprint_mean(_samples(0.1, 0.4), radial="equal", **settings_)
    np.testing.assert_allclose(equal.theta, 0.25, rtol=1e-12)
    np.testing.assert_allclose(equal.lattice_water, 0.02, rtol=1e-12)
    assert near_dry.effective_samples < 6


def test_layers():
    np.testing.assert_allclose(layer_thickness([0.0, 5.0, 15.0]), [5.0, 10.0])
    np.testing.assert_allclose(layer_edges([10.0]), [0.0, 20.0])
    np.testing.assert_allclose(
        interval_mean_weights(np.array([0.0, 7.5, 15.0, 25.0]), 0.0, 20.0), [0.375, 0.375, 0.25]
    )
    for wrong in ([], [10.0, 5.0], [-1.0, 5.0]):
        with pytest.raises(ValueError, match="depths must be"):
            layer_edges(wrong)


def test_samples_at_the_detector_itself_weigh_the_same():
    """The radial weight is zero at distance zero: all profiles there are one place."""
    samples = _samples(0.1, 0.4)._replace(distance=np.zeros(6))
    mean = ne.footprint_mean(samples, humidity=5.0, pressure=1000.0, site_bulk_density=1.4)
    np.testing.assert_allclose(mean.theta, 0.25, rtol=1e-12)
