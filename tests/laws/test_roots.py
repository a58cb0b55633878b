"""Root water uptake: densities, stress, compensation, and the column that drinks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import Forcing, Grid, Richards
from rootzone.water.roots import (
    Feddes,
    Roots,
    VanGenuchtenStress,
    exponential_roots,
    hoffman_van_genuchten,
    jackson,
    uptake,
)

DEPTH = np.linspace(0.0, 200.0, 401)
DX = np.full(401, 0.5)
DX[[0, -1]] = 0.25

DENSITIES = {
    "hoffman": lambda z, bottom: hoffman_van_genuchten(z, bottom),
    "exponential": lambda z, bottom: exponential_roots(z, bottom),
    "jackson": lambda z, bottom: jackson(z, 0.961, bottom),
}


@pytest.mark.parametrize("name", DENSITIES)
@settings(deadline=None, max_examples=30)
@given(bottom=st.floats(5.0, 200.0))
def test_density_is_a_density(name, bottom):
    density = np.asarray(DENSITIES[name](DEPTH, bottom))[0]
    np.testing.assert_allclose(np.sum(density * DX), 1.0, rtol=1e-12)
    assert density.min() >= 0.0
    assert np.all(density[bottom + 0.5 <= DEPTH] == 0.0)
    assert np.all(np.diff(density[(DEPTH > 0) & (bottom > DEPTH)]) <= 1e-12)


def test_hoffman_van_genuchten_in_numbers():
    """5/3 over the rooting depth in its upper fifth (Hoffman and van Genuchten 1983)."""
    density = np.asarray(hoffman_van_genuchten(DEPTH, 100.0))[0]
    np.testing.assert_allclose(density[DEPTH <= 20.0], 5.0 / 3.0 / 100.0, rtol=1e-3)
    np.testing.assert_allclose(density[DEPTH == 60.0], 0.5 * 5.0 / 3.0 / 100.0, rtol=1e-3)


def test_jackson_in_numbers():
    """Grassland has 1 - 0.943^30 = 83 % of its roots in the upper 30 cm (Jackson et al. 1996)."""
    density = np.asarray(jackson(DEPTH, 0.943))[0]
    upper = np.sum((density * DX)[DEPTH < 30.0]) + 0.5 * density[DEPTH == 30.0][0] * 0.5
    np.testing.assert_allclose(upper, 1.0 - 0.943**30, atol=2e-3)


def test_roots_stay_in_the_profile():
    with pytest.raises(ValueError, match="reach below the profile"):
        hoffman_van_genuchten(DEPTH, 201.0)
    with pytest.raises(ValueError, match="above 0"):
        exponential_roots(DEPTH, 0.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        jackson(DEPTH, 1.0)


def test_feddes_in_numbers():
    """Ends, plateau and slopes of the trapezoid; the dry limit between 1 and 5 mm d-1."""
    stress = Feddes()
    h = jnp.array([[-5.0], [-10.0], [-17.5], [-25.0], [-200.0], [-500.0], [-8000.0], [-1e4]])
    share = lambda demand: np.asarray(stress(h, jnp.array([demand]))[0])[:, 0]  # noqa: E731
    np.testing.assert_allclose(share(0.6), [0, 0, 0.5, 1, 1, 7500 / 7800, 0, 0])
    np.testing.assert_allclose(share(0.05), [0, 0, 0.5, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(share(0.3)[5], 1.0)  # limit at -500 cm


@pytest.mark.parametrize("stress", [Feddes(), VanGenuchtenStress()], ids=["feddes", "sshape"])
@settings(deadline=None, max_examples=30)
@given(h=st.floats(-2e4, -1.0), demand=st.floats(0.0, 1.0))
def test_slope_of_the_stress(stress, h, demand):
    at = lambda x: stress(jnp.asarray([[x]]), jnp.asarray([demand]))  # noqa: E731
    share, slope = at(h)
    assert 0.0 <= share[0, 0] <= 1.0
    left, right = (float(at(h + step)[0][0, 0]) for step in (-1e-4, 1e-4))
    kink = abs((right - 2 * float(share[0, 0]) + left) / 1e-8) > 1e-1
    if not kink:
        np.testing.assert_allclose(slope[0, 0], (right - left) / 2e-4, rtol=1e-3, atol=1e-7)


def _total(h, critical, demand=0.5):
    density = hoffman_van_genuchten(DEPTH, 100.0)[0][:, None]
    found = uptake(
        Roots(density[None], Feddes(), critical),
        density,
        jnp.asarray(h)[:, None],
        jnp.array([demand]),
        jnp.asarray(DX)[:, None],
        jnp.full((401, 1), 10.0),
    )
    return np.asarray(found.S)[:, 0]


def test_wet_roots_take_the_whole_demand():
    np.testing.assert_allclose(np.sum(_total(np.full(401, -100.0), 1.0) * DX), 0.5)


def test_compensation():
    """Half the roots dry: without compensation half is lost, with a low omega_c nothing, and
    what a node takes grows by the same factor everywhere."""
    h = np.where(DEPTH < 36.75, -1e4, -100.0)  # the upper half of the roots
    none, some, full = (_total(h, critical) for critical in (1.0, 0.8, 0.3))
    lost = 1.0 - np.sum(none * DX) / 0.5
    assert 0.4 < lost < 0.6
    np.testing.assert_allclose(np.sum(full * DX), 0.5)
    np.testing.assert_allclose(np.sum(some * DX), np.sum(none * DX) / 0.8)
    taking = none > 0
    np.testing.assert_allclose(full[taking] / none[taking], 1.0 / (1.0 - lost))


def test_drought_ends_at_wilting():
    """A column under grass dries to the wilting point, not below; uptake is what it loses."""
    grid = Grid.graded(100.0, 31, 1.0)
    soil = VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96)
    column = Richards(soil, grid, roots=Roots(hoffman_van_genuchten(grid.depth, [80.0])))
    run = column.run(column.initial(np.full(31, -300.0)), Forcing(np.zeros(200), 0.0, 0.6))
    rooted = np.asarray(grid.depth) < 70.0
    assert np.asarray(run.state.h)[rooted].min() > -8100.0
    taken = np.asarray(run.fluxes.transpiration)[:, 0]
    assert taken[0] > 0.4
    assert taken[-20:].sum() < 0.05 * 20 * 0.6
    assert np.abs(np.asarray(run.balance_error)).max() < 1e-9


def test_growing_roots_follow_their_stage():
    """Uptake of the second stage reaches deeper."""
    grid = Grid.uniform(100.0, 5.0)
    density = hoffman_van_genuchten(grid.depth, [15.0, 90.0])
    column = Richards(VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96), grid, roots=Roots(density))
    run = jax.jit(
        lambda stage: column.run(
            column.initial(jnp.full(21, -100.0)), Forcing(np.zeros(5), 0.0, 0.4, stage)
        ).theta[-1, :, 0]
    )
    shallow, deep = np.asarray(run(np.zeros(5, int))), np.asarray(run(np.ones(5, int)))
    assert shallow[1] < deep[1]
    assert shallow[12] > deep[12]
