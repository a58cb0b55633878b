"""The Richards column: batches, standing water, outlets, dry soil, precision, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.water.retention import BrooksCorey, Gardner, VanGenuchten
from rootzone.water.richards import (
    Atmosphere,
    BottomFlux,
    BottomHead,
    Control,
    Forcing,
    Grid,
    Richards,
    SeepageFace,
    Status,
    TopHead,
)
from rootzone.water.roots import Roots, hoffman_van_genuchten

LOAM = (0.078, 0.43, 0.036, 1.56, 24.96)
SILT_LOAM = (0.067, 0.45, 0.020, 1.41, 10.8)
CLAY = (0.068, 0.38, 0.008, 1.09, 4.8)


def test_steady_infiltration_into_gardners_soil():
    """K(h) = q has the closed solution h(z) above a water table, as the soil is exponential."""
    alpha, K_s, length, q = 0.1, 24.0, 100.0, 2.4
    depth = np.linspace(0.0, length, 401)
    soil = Gardner(0.06, 0.40, alpha, K_s)
    column = Richards(soil, Grid.of_depths(depth), bottom=BottomHead(0.0))
    run = column.run(column.initial(np.full(401, -20.0)), Forcing(np.full(40, q)))
    expected = np.log(q / K_s + (1.0 - q / K_s) * np.exp(-alpha * (length - depth))) / alpha
    np.testing.assert_allclose(np.asarray(run.state.h)[:, 0], expected, atol=5e-3)


def test_batch_is_a_loop():
    """Every column has its own clock: its neighbors change nothing, not even by failing."""
    rng = np.random.default_rng(0)
    rain, n = rng.gamma(0.3, 1.5, (20, 4)), np.array([1.4, 1.8, np.nan, 2.2])

    def run(rain, n):
        soil = VanGenuchten(0.07, 0.42, 0.03, jnp.asarray(n)[None, :], 20.0)
        column = Richards(soil, Grid.uniform(100.0, 2.0))
        return column.run(column.initial(np.full(51, -150.0), len(n)), Forcing(rain, 0.2))

    together = run(rain, n)
    assert list(np.asarray(together.status)) == [0, 0, Status.NOT_FINITE, 0]
    for c in (0, 1, 3):
        alone = run(rain[:, [c]], n[[c]])
        np.testing.assert_allclose(together.theta[..., c], alone.theta[..., 0], atol=1e-12)
        assert together.steps[c] == alone.steps[0]


@pytest.mark.parametrize("pond_max", [0.0, 3.0])
def test_storm_closes_the_balance(pond_max):
    """300 mm in a day on a clayey soil: what does not enter stands on it or runs off."""
    soil = VanGenuchten(0.095, 0.41, 0.019, 1.31, 6.24, 0.5, -2.0)
    column = Richards(soil, Grid.uniform(100.0), top=Atmosphere(pond_max=pond_max))
    rain, demand = np.array([0.0, 30.0, 0.0, 0.0]), 0.3
    run = column.run(column.initial(np.full(101, -200.0)), Forcing(rain, demand))
    assert run.status[0] == Status.DONE
    taken, runoff, evaporated = (np.asarray(f)[:, 0] for f in run.fluxes[:3])
    pond = np.asarray(run.pond)[:, 0]
    np.testing.assert_allclose(
        np.diff(pond, prepend=0.0), rain - taken - runoff - evaporated, atol=1e-9
    )
    assert runoff[1] > 5.0
    assert pond[1] == pytest.approx(pond_max, abs=0.35)
    assert np.abs(np.asarray(run.balance_error)).max() < 1e-9


def test_hourly_storms_close_the_balance():
    """60 mm in an hour, twice a week, on silt loam and clay; 1 cm can stand, the rest runs off."""
    soil = VanGenuchten(
        *(jnp.asarray(part)[None] for part in zip(SILT_LOAM, CLAY, strict=True)),
        air_entry=jnp.array([[0.0, -2.0]]),
    )
    grid = Grid.graded(100.0, 41, 0.3)
    column = Richards(soil, grid, top=Atmosphere(pond_max=1.0))
    rain = np.zeros(7 * 24)
    rain[[30, 100]] = 6.0 * 24.0
    run = column.run(
        column.initial(np.full(41, -300.0), 2),
        Forcing(rain, np.full(rain.size, 0.3)),
        interval=1 / 24,
    )
    assert list(np.asarray(run.status)) == [Status.DONE] * 2
    fluxes, pond = run.fluxes, np.asarray(run.pond)
    left = np.diff(pond, axis=0, prepend=0.0) + fluxes.infiltration + fluxes.runoff
    np.testing.assert_allclose(
        left + fluxes.evaporation, rain[:, None] / 24.0 + 0 * pond, atol=1e-9
    )
    assert np.all(np.asarray(fluxes.runoff).sum(axis=0) > 1.0)
    assert np.all(pond.max(axis=0) == pytest.approx(1.0, abs=1e-9))
    assert np.all(pond[29] == 0.0)
    assert np.abs(np.asarray(run.balance_error)).max() < 1e-9


def test_full_column_gives_water_back():
    """A closed column fills up; then all rain runs off."""
    column = Richards(VanGenuchten(*LOAM), Grid.uniform(50.0), bottom=BottomFlux(0.0))
    run = column.run(column.initial(np.full(51, -100.0)), Forcing(np.full(20, 2.0)))
    assert run.status[0] == Status.DONE
    np.testing.assert_allclose(run.storage[-1, 0], 0.43 * 50.0, rtol=2e-3)
    np.testing.assert_allclose(run.fluxes.runoff[-1, 0], 2.0, atol=1e-2)


def test_float32_agrees_with_float64():
    rng = np.random.default_rng(1)
    rain = rng.gamma(0.3, 1.0, (60, 1))
    found = []
    for dtype in (jnp.float32, jnp.float64):
        column = Richards(VanGenuchten(*LOAM), Grid.uniform(150.0, 2.0))
        run = column.run(column.initial(jnp.full(76, -100.0, dtype)), Forcing(rain, 0.15))
        found.append(np.asarray(run.theta))
        assert np.abs(np.asarray(run.balance_error)).max() < (
            1e-4 if dtype == jnp.float32 else 1e-9
        )
    assert found[0].dtype == np.float32
    assert np.sqrt(np.mean((found[0] - found[1]) ** 2)) < 2e-4


def test_gradient_is_the_finite_difference():
    """Through dry days, a storm and root uptake; steps are chosen anew in the differences."""
    grid = Grid.graded(60.0, 16, 1.0)
    roots = Roots(hoffman_van_genuchten(grid.depth, [40.0]))
    rain = np.array([0.0, 1.5, 0.0])

    def run(parameters, differentiable=True):
        soil = VanGenuchten(*parameters)
        column = Richards(soil, grid, roots=roots, control=Control(tolerance=2e-3))
        state = column.initial(jnp.full(16, -200.0))
        forcing = Forcing(rain, 0.1, 0.2)
        if differentiable:
            return column.run_differentiable(state, forcing, attempts=90)
        return column.run(state, forcing)

    def mean(parameters):
        return jnp.mean(run(parameters).theta[-1, :8, 0])

    parameters = jnp.asarray(LOAM)
    fixed, free = run(parameters), run(parameters, differentiable=False)
    assert fixed.status[0] == Status.DONE
    np.testing.assert_allclose(fixed.theta, free.theta, atol=1e-12)
    gradient = np.asarray(jax.jit(jax.grad(mean))(parameters))
    compiled = jax.jit(mean)
    for k, value in enumerate(LOAM):
        step = 1e-3 * value * jnp.eye(len(LOAM))[k]
        change = compiled(parameters + step) - compiled(parameters - step)
        # Lengths of steps differ a little in the differences: the slope is theirs to 10 %.
        np.testing.assert_allclose(gradient[k], change / (2e-3 * value), rtol=0.1, atol=1e-6)


def test_layer_weights_are_means():
    grid = Grid.graded(100.0, 31, 0.5)
    weights = np.asarray(grid.layer_weights([0.0, 7.0, 30.0, 100.0]))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(weights @ np.asarray(grid.depth), [3.5, 18.5, 65.0])


@pytest.mark.parametrize(
    "soil",
    [VanGenuchten(*LOAM), BrooksCorey(0.04, 0.3, 1 / 46.0, 1.5, 100.0)],
    ids=["van_genuchten", "brooks_corey"],
)
def test_water_only_leaves_through_a_seepage_face(soil):
    """Filled by rain it yields the rain; under evaporation it closes, and gives nothing back."""
    column = Richards(soil, Grid.uniform(100.0, 2.0), bottom=SeepageFace())
    rain, demand = np.zeros(80), np.full(80, 0.4)
    rain[:12] = 3.0
    run = column.run(column.initial(np.full(51, -100.0)), Forcing(rain, demand))
    assert run.status[0] == Status.DONE
    drainage = np.asarray(run.fluxes.drainage)[:, 0]
    assert drainage.min() == 0.0
    np.testing.assert_allclose(drainage[10:12], 2.6, atol=0.01)
    assert drainage[60:].max() < 0.02
    assert np.abs(np.asarray(run.balance_error)).max() < 1e-9


def test_bone_dry_sand_takes_a_storm_in():
    """Sand at its driest conducts nothing and holds nothing, yet 100 mm in a day enter it."""
    soil = VanGenuchten(0.044, 0.42, 0.185, 2.69, 460.0)
    grid = Grid.graded(150.0, 61, 0.2)
    column = Richards(soil, grid, roots=Roots(hoffman_van_genuchten(grid.depth, [50.0])))
    rain = np.zeros(64)
    rain[60] = 10.0
    run = column.run(column.initial(np.full(61, -1000.0)), Forcing(rain, 0.3, 0.3))
    assert run.status[0] == Status.DONE
    assert float(run.fluxes.runoff.sum()) == 0.0
    assert run.fluxes.infiltration[60, 0] > 9.5


def test_infiltration_into_dry_sand():
    """From a wet surface into sand at -1000 cm: the default settings lose 1 % of it at most."""

    def taken(tolerance):
        column = Richards(
            VanGenuchten(0.045, 0.43, 0.145, 2.68, 712.8),
            Grid.uniform(100.0),
            top=TopHead(0.0),
            control=Control(tolerance=jnp.asarray([tolerance])),
        )
        run = column.run(
            column.initial(np.full(101, -1000.0)), Forcing(np.zeros(8), 0.5), interval=0.005
        )
        assert run.status[0] == Status.DONE
        assert float(run.fluxes.evaporation.sum()) == 0.0  # a given head is no weather
        return np.cumsum(np.asarray(run.fluxes.infiltration)[:, 0])

    default, tight = taken(1.2e-3), taken(2e-5)
    np.testing.assert_allclose(default[0], tight[0], rtol=0.04)
    np.testing.assert_allclose(default[-1], tight[-1], rtol=0.01)


def test_surface_drier_than_the_column_resolves():
    with pytest.raises(ValueError, match="h_dry is -1e\\+06 cm"):
        Atmosphere(h_dry=-1e6)
