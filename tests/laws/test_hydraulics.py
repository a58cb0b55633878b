"""The solver's fused hydraulics against the public closures that are written to be read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.water.hydraulics import H_FLOOR, NEAR, STORAGE, Direct, FusedVanGenuchten
from rootzone.water.retention import BrooksCorey, Gardner, VanGenuchten

SOILS = {
    "sand": VanGenuchten(0.045, 0.43, 0.145, 2.68, 712.8),
    "loam": VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96),
    "clay": VanGenuchten(0.068, 0.38, 0.008, 1.09, 4.8, 0.5, -2.0),
    "other l": VanGenuchten(0.05, 0.45, 0.02, 1.3, 10.0, -1.0, -2.0),
}


def _fused(soil, h, dtype=jnp.float64):
    """Return the solver's hydraulics of the water that the closure holds at heads."""
    h = jnp.asarray(h, dtype)
    return FusedVanGenuchten.of(soil, h.dtype).of_water(soil.theta(h).astype(dtype), h)


@pytest.mark.parametrize("name", SOILS)
@settings(deadline=None, max_examples=30)
@given(log_suction=st.floats(0.7, 4.2))
def test_fused_is_the_closure(name, log_suction):
    """Head, water, capacity, conductivity and its slope, away from the guarded ends."""
    soil = SOILS[name]
    h = jnp.asarray([-(10.0**log_suction)])
    found = _fused(soil, h)
    _, dK = jax.jvp(soil.K, (h,), (jnp.ones(1),))
    share = (soil.theta(h) - soil.theta_r) / (soil.theta_s - soil.theta_r)
    np.testing.assert_allclose(found.theta, soil.theta(h), rtol=1e-10)
    np.testing.assert_allclose(found.h, h, rtol=1e-7)
    np.testing.assert_allclose(found.K, soil.K(h), rtol=1e-7)
    np.testing.assert_allclose(found.dK, dK, rtol=1e-6)
    if share > 0.02:  # drier, the capacity has its floor
        np.testing.assert_allclose(found.C, soil.capacity(h), rtol=1e-7)
    else:
        assert soil.capacity(h) * (1 - 1e-9) <= found.C


@pytest.mark.parametrize("name", SOILS)
def test_ends_are_finite(name):
    """Saturated, at and around air entry, and drier than anything: finite, and in order."""
    soil = SOILS[name]
    h = jnp.asarray([50.0, 0.0, -1e-9, -0.5, -1.99, -2.01, -3.0])
    found = _fused(soil, h)
    assert all(np.all(np.isfinite(part)) for part in found)
    np.testing.assert_allclose(found.theta[:2], soil.theta_s)
    np.testing.assert_allclose(found.C[:2], STORAGE)
    np.testing.assert_allclose(found.K[:2], soil.K_s)
    assert np.all(np.diff(np.asarray(found.K)) <= 1e-12)
    _, near = jax.jvp(soil.K, (jnp.asarray(soil.air_entry - NEAR),), (jnp.asarray(1.0),))
    assert np.max(np.asarray(found.dK)) <= max(float(near), float(found.dK[-1])) * (1 + 1e-9)
    residual = jnp.full(2, soil.theta_r) - jnp.asarray([0.0, 1e-3])
    driest = FusedVanGenuchten.of(soil, residual.dtype).of_water(residual, jnp.full(2, -1e3))
    assert all(np.all(np.isfinite(part)) for part in driest)
    np.testing.assert_allclose(driest.h, H_FLOOR, rtol=1e-6)
    assert np.all(np.asarray(driest.C) > 0)


@pytest.mark.parametrize("name", SOILS)
def test_single_precision(name):
    soil = SOILS[name]
    h = -jnp.logspace(0.5, 4.0, 60)
    single, double = _fused(soil, h, jnp.float32), _fused(soil, h)
    np.testing.assert_allclose(single.theta, double.theta, rtol=1e-5)
    # Where the soil is driest, single precision cannot tell its water, and so not its head.
    told = np.asarray(double.theta - soil.theta_r) > 1e-3
    np.testing.assert_allclose(single.K[told], double.K[told], rtol=2e-2)


@pytest.mark.parametrize(
    "soil", [BrooksCorey(0.04, 0.3, 1 / 46.0, 1.5, 100.0), Gardner(0.06, 0.4, 0.1, 24.0)]
)
@settings(deadline=None, max_examples=30)
@given(suction=st.floats(50.0, 90.0))
def test_any_closure_goes_through_its_functions(soil, suction):
    h = jnp.asarray([-suction])
    form = Direct(soil, jnp.asarray(soil.theta_r), jnp.asarray(soil.theta_s))
    found = form.of_water(soil.theta(h), h)
    np.testing.assert_allclose(found.h, h, rtol=1e-9)
    np.testing.assert_allclose(found.K, soil.K(h), rtol=1e-9)
    assert soil.capacity(h) * (1 - 1e-9) <= found.C
