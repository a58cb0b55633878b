"""Laws of retention and conductivity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.water.retention import BrooksCorey, Gardner, VanGenuchten

SOILS = {
    "sand": VanGenuchten(0.045, 0.43, 0.145, 2.68, 712.8),
    "loam": VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96),
    "clay with air entry": VanGenuchten(0.068, 0.38, 0.008, 1.09, 4.8, 0.5, -2.0),
    "loam with air entry": VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96, 0.5, -2.0),
    "brooks corey": BrooksCorey(0.02, 0.417, 0.138, 0.592, 504.0),
    "gardner": Gardner(0.06, 0.40, 0.1, 24.0),
}
HEADS = -np.geomspace(1e-3, 1.4e4, 300)[::-1]


@pytest.mark.parametrize("name", SOILS)
def test_wetter_is_less_negative_and_conducts_more(name):
    soil = SOILS[name]
    theta, k = np.asarray(soil.theta(HEADS)), np.asarray(soil.K(HEADS))
    assert np.all(np.diff(theta) >= 0)
    assert np.all(np.diff(k) >= 0)
    assert soil.theta(5.0) == pytest.approx(soil.theta_s)
    assert soil.K(5.0) == pytest.approx(soil.K_s)
    np.testing.assert_allclose(soil.K(-1e-9), soil.K_s, rtol=5e-3)


@pytest.mark.parametrize("name", SOILS)
def test_capacity_is_the_slope_of_theta(name):
    soil = SOILS[name]
    h = jnp.asarray(HEADS[(HEADS < -2.1) | (HEADS > -1.9)])
    slope = jax.vmap(jax.grad(soil.theta))(h)
    np.testing.assert_allclose(soil.capacity(h), slope, rtol=1e-7, atol=1e-14)


@pytest.mark.parametrize("name", SOILS)
def test_head_is_the_inverse_of_theta(name):
    soil = SOILS[name]
    theta = np.asarray(soil.theta(HEADS))
    # Neither where nothing is left to drain nor where the soil is full can theta tell the head.
    share = (theta - soil.theta_r) / (soil.theta_s - soil.theta_r)
    unsaturated = (share > 1e-6) & (share < 0.999)
    back = np.asarray(soil.head(theta))[unsaturated]
    np.testing.assert_allclose(back, HEADS[unsaturated], rtol=1e-6)


def test_air_entry_meets_the_plain_model_far_from_saturation():
    plain, entry = SOILS["loam"], SOILS["loam with air entry"]
    np.testing.assert_allclose(entry.theta(-2.0), 0.43, rtol=1e-12)
    np.testing.assert_allclose(entry.K(-2.0), 24.96, rtol=1e-12)
    np.testing.assert_allclose(plain.theta(-500.0), entry.theta(-500.0), rtol=2e-2)
    clay = VanGenuchten(0.068, 0.38, 0.008, 1.09, 4.8)
    assert clay.is_trap()
    assert not SOILS["clay with air entry"].is_trap()
    # Half of the conductivity is lost within millimeters of saturation without air entry.
    assert clay.K(-0.1) < 0.6 * 4.8


@pytest.mark.parametrize("name", SOILS)
def test_float32_keeps_its_digits_when_dry(name):
    soil = SOILS[name]
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), soil)
    h = jnp.asarray(HEADS, jnp.float32)
    assert single.K(h).dtype == jnp.float32
    np.testing.assert_allclose(single.theta(h), soil.theta(HEADS), rtol=2e-5)
    np.testing.assert_allclose(single.K(h), soil.K(HEADS), rtol=2e-3, atol=1e-30)
