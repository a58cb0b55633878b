"""Laws of the count rate: monotone, invertible, differentiable, honest about their ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone import neutrons as ne

LAWS = {
    "desilets_2010": ne.Desilets2010(),
    **{f"koehli_2021 {s}": ne.Koehli2021(s) for s in ne.KOEHLI_2021},
    **{f"koehli_2025 {s}": ne.Koehli2025(s) for s in ne.KOEHLI_2025},
}
HUMIDITY = (0.0, 1.0, 7.0, 15.0, 30.0)


@pytest.mark.parametrize("name", LAWS)
def test_wetter_soil_counts_less(name):
    law = LAWS[name]
    water = np.geomspace(*law.water_range, 1500)
    for h in HUMIDITY:
        assert np.all(np.diff(np.asarray(law.relative_rate(water, h))) < 0), h


@pytest.mark.parametrize("name", LAWS)
def test_water_is_the_inverse_of_the_rate(name):
    law = LAWS[name]
    low, high = law.water_range
    water = np.geomspace(low * 1.001, high * 0.999, 400)
    for h in HUMIDITY:
        back = law.water(law.relative_rate(water, h), h)
        np.testing.assert_allclose(back, water, rtol=2e-9)


@pytest.mark.parametrize("name", LAWS)
def test_gradients_of_both_directions_match_finite_differences(name):
    law = LAWS[name]
    water, step = jnp.asarray([0.05, 0.2, 0.45]), 1e-6
    rate = law.relative_rate(water, 7.0)
    slope = jax.vmap(jax.grad(lambda w: law.relative_rate(w, 7.0)))(water)
    difference = (law.relative_rate(water + step, 7.0) - law.relative_rate(water - step, 7.0)) / (
        2 * step
    )
    np.testing.assert_allclose(slope, difference, rtol=1e-5)
    inverse = jax.vmap(jax.grad(lambda r: law.water(r, 7.0)))(rate)
    np.testing.assert_allclose(inverse * slope, 1.0, rtol=1e-6)
    # With respect to humidity too: d water / d h = - (dN/dh) / (dN/dw) along N = const.
    by_h = jax.vmap(jax.grad(lambda h, r: law.water(r, h)), (None, 0))(7.0, rate)
    rate_h = jax.vmap(jax.grad(lambda h, w: law.relative_rate(w, h)), (None, 0))(7.0, water)
    np.testing.assert_allclose(by_h, -rate_h / slope, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_ends_of_validity_are_flagged(name):
    law = LAWS[name]
    low, high = law.water_range
    rates = jnp.stack(
        [
            law.relative_rate(0.5 * low, 5.0),
            law.relative_rate(0.2, 5.0),
            law.relative_rate(high, 5.0) * 0.99,
            jnp.nan,
        ]
    )
    codes = [ne.Validity(int(c)) for c in ne.validity(law, rates, 5.0)]
    assert codes == [
        ne.Validity.TOO_DRY,
        ne.Validity.VALID,
        ne.Validity.TOO_WET,
        ne.Validity.MISSING,
    ]


def test_desilets_has_no_water_below_its_asymptote():
    law = ne.Desilets2010()
    assert jnp.isnan(law.water(0.372))
    assert jnp.isfinite(law.water(0.3721))
    assert jnp.isfinite(jax.grad(lambda r: jnp.nansum(law.water(r)))(0.3))


def test_unknown_parameter_set_names_the_known_ones():
    with pytest.raises(ValueError, match="Mar21_mcnp_drf"):
        ne.Koehli2021("Mar20")
    with pytest.raises(ValueError, match="drf_endf8"):
        ne.Koehli2025("nothing")


@settings(max_examples=30, deadline=None)
@given(
    st.floats(500.0, 20000.0),
    st.floats(0.05, 0.5),
    st.floats(0.7, 1.7),
    st.floats(0.0, 0.06),
    st.floats(0.0, 0.04),
)
def test_soil_moisture_returns_what_made_the_counts(n0, theta, density, lattice, organic):
    law = ne.Desilets2010()
    total = theta / density + lattice + organic
    back = ne.soil_moisture(
        law,
        count_rate=n0 * law.relative_rate(total),
        N0=n0,
        bulk_density=density,
        lattice_water=lattice,
        organic_water=organic,
    )
    np.testing.assert_allclose(back, theta, rtol=1e-9)


@pytest.mark.parametrize("name", ["desilets_2010", "koehli_2021 Mar21_mcnp_drf"])
def test_n0_comes_back_from_campaigns(name):
    law = LAWS[name]
    water, h = jnp.asarray([0.08, 0.2, 0.33]), jnp.asarray([3.0, 8.0, 12.0])
    found = ne.fit_n0(
        law,
        count_rate=2500.0 * law.relative_rate(water, h),
        total_water=water,
        humidity=h,
        count_rate_sigma=10.0,
        total_water_sigma=0.01,
    )
    np.testing.assert_allclose(found.N0, 2500.0, rtol=1e-12)
    np.testing.assert_allclose(found.per_campaign, 2500.0, rtol=1e-12)
    # The stated errors of the inputs, by Monte Carlo.
    rng = np.random.default_rng(1)
    drawn = [
        float(
            ne.fit_n0(
                law,
                count_rate=2500.0 * law.relative_rate(water, h) + rng.normal(0, 10.0, 3),
                total_water=water + rng.normal(0, 0.01, 3),
                humidity=h,
            ).N0
        )
        for _ in range(600)
    ]
    np.testing.assert_allclose(found.sigma, np.std(drawn), rtol=0.12)


def test_float32_agrees_with_float64():
    rate = np.linspace(0.45, 0.95, 200)
    for name in ("desilets_2010", "koehli_2021 Mar21_mcnp_drf"):
        law = LAWS[name]
        single = law.water(jnp.asarray(rate, jnp.float32), jnp.float32(5.0))
        assert single.dtype == jnp.float32
        double = law.water(rate, 5.0)
        known = np.isfinite(double) & np.isfinite(single)
        np.testing.assert_allclose(single[known], np.asarray(double)[known], rtol=3e-5)
