"""Laws of COSMIC: layers may be cut anywhere, wetter counts less, gradients are right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.neutrons import CosmicParameters, cosmic, cosmic_homogeneous, cosmic_inverse

SOIL = CosmicParameters.of_bulk_density(1.4)


def _count(theta, edges, **more):
    return cosmic(theta, edges, bulk_density=1.4, lattice_water=0.03, parameters=SOIL, **more)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 0.6), min_size=3, max_size=3), st.floats(0.1, 0.9))
def test_cutting_a_layer_changes_nothing(theta, where):
    edges = np.array([0.0, 4.0, 25.0, 300.0])
    cut = edges[1] + where * (edges[2] - edges[1])
    finer = np.array([0.0, 4.0, cut, 25.0, 300.0])
    whole = _count(np.array(theta), edges)
    parts = _count(np.array([theta[0], theta[1], theta[1], theta[2]]), finer)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 0.6), min_size=4, max_size=4), st.integers(0, 3))
def test_more_water_anywhere_counts_less(theta, layer):
    edges = np.array([0.0, 2.0, 10.0, 30.0, 300.0])
    wetter = np.array(theta)
    wetter[layer] += 0.05
    assert _count(wetter, edges) < _count(np.array(theta), edges)


def test_a_dry_top_counts_more_than_its_mean():
    edges = np.array([0.0, 5.0, 30.0, 300.0])
    dry_top = np.array([0.05, 0.30, 0.30])
    mean = np.full(3, (5 * 0.05 + 25 * 0.30) / 30.0)
    assert _count(dry_top, edges) > _count(mean, edges)
    wet_top = np.array([0.45, 0.22, 0.22])
    mean = np.full(3, (5 * 0.45 + 25 * 0.22) / 30.0)
    assert _count(wet_top, edges) < _count(mean, edges)


def test_closed_form_of_the_half_space():
    """A deep homogeneous soil against plain quadrature over depth."""
    theta = np.array([0.2])
    deep = float(_count(theta, np.array([0.0, 2000.0]), angles="bickley"))
    z = np.linspace(0.0, 600.0, 600001)
    middle = 0.5 * (z[1:] + z[:-1])
    from rootzone.neutrons import angle_function

    m_s, m_w = 1.4 * middle, 0.23 * middle
    production = float(SOIL.alpha) * 1.4 + 0.23
    f = np.asarray(angle_function(m_s / float(SOIL.L3) + m_w / SOIL.L4, angles="bickley"))
    integrand = np.exp(-(m_s / SOIL.L1 + m_w / SOIL.L2)) * production * f
    np.testing.assert_allclose(deep, SOIL.N * integrand.sum() * 1e-3, rtol=1e-6)


def test_gradient_matches_finite_differences():
    edges = np.array([0.0, 5.0, 20.0, 60.0, 300.0])
    theta = jnp.asarray([0.1, 0.2, 0.3, 0.25])
    gradient = jax.grad(lambda t: _count(t, edges))(theta)
    step = 1e-6
    for n in range(4):
        up, down = theta.at[n].add(step), theta.at[n].add(-step)
        slope = (_count(up, edges) - _count(down, edges)) / (2 * step)
        np.testing.assert_allclose(gradient[n], slope, rtol=1e-6)


def test_gradient_is_finite_for_dry_and_vanishing_layers():
    edges = np.array([0.0, 1e-9, 20.0, 300.0])
    gradient = jax.grad(lambda t: _count(t, edges))(jnp.zeros(3))
    assert np.all(np.isfinite(gradient))


def test_batch_is_a_loop():
    rng = np.random.default_rng(0)
    profiles = rng.uniform(0.02, 0.5, (6, 10))
    edges = np.linspace(0.0, 100.0, 11)
    batch = _count(profiles, edges)
    np.testing.assert_allclose(batch, [_count(p, edges) for p in profiles], rtol=1e-13)


def test_inverse_and_its_ends():
    theta = np.array([0.03, 0.15, 0.35])
    count = cosmic_homogeneous(theta, bulk_density=1.4, lattice_water=0.03, parameters=SOIL)
    back = cosmic_inverse(count, bulk_density=1.4, lattice_water=0.03, parameters=SOIL)
    np.testing.assert_allclose(back, theta, rtol=1e-9)
    outside = jnp.asarray([1e5, 10.0])
    assert np.all(
        np.isnan(cosmic_inverse(outside, bulk_density=1.4, lattice_water=0.03, parameters=SOIL))
    )
    slope = jax.grad(
        lambda c: cosmic_inverse(c, bulk_density=1.4, lattice_water=0.03, parameters=SOIL)
    )(count[1])
    forward = jax.grad(
        lambda t: cosmic_homogeneous(t, bulk_density=1.4, lattice_water=0.03, parameters=SOIL)
    )(0.15)
    np.testing.assert_allclose(slope * forward, 1.0, rtol=1e-8)


def test_soil_too_light_for_the_regression_is_no_number():
    light = CosmicParameters.of_bulk_density(0.3)
    assert jnp.isnan(
        cosmic(np.array([0.3]), np.array([0.0, 300.0]), bulk_density=0.3, parameters=light)
    )


def test_unknown_angle_rule():
    with pytest.raises(ValueError, match="gauss16"):
        _count(np.array([0.2]), np.array([0.0, 300.0]), angles="simpson")


def test_float32():
    edges = np.linspace(0.0, 300.0, 61, dtype=np.float32)
    theta = np.linspace(0.05, 0.4, 60)
    single = cosmic(
        jnp.asarray(theta, jnp.float32),
        edges,
        bulk_density=jnp.float32(1.4),
        parameters=CosmicParameters(),
    )
    double = cosmic(theta, edges.astype(float), bulk_density=1.4, parameters=CosmicParameters())
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, double, rtol=1e-5)
