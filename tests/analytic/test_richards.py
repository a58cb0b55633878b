"""The Richards column against solutions that do not come from a Richards code."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from rootzone.water.retention import Gardner, VanGenuchten
from rootzone.water.richards import Bottom, Boundary, Control, Grid, Richards, Status

TRUTH = Path(__file__).parents[1] / "reference" / "hydrus" / "celia_truth.csv"


def _front(nodes: int, **control: float) -> float:
    """Return the depth of h = -500 cm of Celia's (1990) infiltration after a day [cm]."""
    soil = VanGenuchten(0.102, 0.368, 0.0335, 2.0, 0.00922 * 86400.0)
    boundary = Boundary(top_head=-75.0, bottom=Bottom.HEAD, bottom_value=-1000.0)
    depth = np.linspace(0.0, 100.0, nodes)
    column = Richards(soil, Grid.of_depths(depth), boundary, Control(**control))
    run = column.run(column.initial(np.full(nodes, -1000.0)), np.zeros(1))
    assert run.status[0] == Status.DONE
    h = np.asarray(run.state.h)[:, 0]
    return float(np.interp(-500.0, h[::-1], depth[::-1])), h, depth


def test_celia_front():
    """Method of lines with 1601 nodes: 56.489 cm."""
    front, h, depth = _front(401, tolerance=2e-4)
    assert abs(front - 56.5) < 0.3
    truth = pd.read_csv(TRUTH)
    expected = np.interp(depth, truth["depth_cm"], truth["h_86400s"])
    behind = depth < 50.0
    np.testing.assert_allclose(h[behind], expected[behind], rtol=0.05)


def test_celia_front_converges_with_the_grid():
    fronts = [_front(n, tolerance=2e-4)[0] for n in (51, 101, 201)]
    errors = np.abs(np.array(fronts) - 56.489)
    assert errors[2] < errors[1] < errors[0]


def test_hydrostatic_stays_at_rest():
    soil = VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96)
    boundary = Boundary(bottom=Bottom.HEAD, bottom_value=0.0)
    depth = np.linspace(0.0, 150.0, 76)
    column = Richards(soil, Grid.of_depths(depth), boundary)
    run = column.run(column.initial(depth - 150.0), np.zeros(30))
    np.testing.assert_allclose(np.asarray(run.state.h)[:, 0], depth - 150.0, atol=1e-6)
    assert np.abs(np.asarray(run.fluxes.drainage)).sum() < 1e-8


def test_steady_infiltration_into_gardners_soil():
    """K(h) = q has the closed solution h(z) above a water table, as the soil is exponential."""
    alpha, K_s, length, q = 0.1, 24.0, 100.0, 2.4
    soil = Gardner(0.06, 0.40, alpha, K_s)
    boundary = Boundary(bottom=Bottom.HEAD, bottom_value=0.0)
    depth = np.linspace(0.0, length, 401)
    column = Richards(soil, Grid.of_depths(depth), boundary)
    run = column.run(column.initial(np.full(401, -20.0)), np.full(40, q))
    above = length - depth
    expected = np.log(q / K_s + (1.0 - q / K_s) * np.exp(-alpha * above)) / alpha
    np.testing.assert_allclose(np.asarray(run.state.h)[:, 0], expected, atol=5e-3)


@pytest.mark.parametrize("columns", [1, 5])
def test_batch_is_a_loop(columns):
    """Every column has its own clock: its neighbors change nothing."""
    rng = np.random.default_rng(0)
    flux = rng.gamma(0.3, 1.5, (20, columns)) - 0.2
    n = rng.uniform(1.3, 2.2, columns)
    depth = np.linspace(0.0, 100.0, 51)

    def run(flux, n):
        soil = VanGenuchten(0.07, 0.42, 0.03, jnp.asarray(n)[None, :], 20.0)
        column = Richards(soil, Grid.of_depths(depth))
        return column.run(column.initial(np.full(51, -150.0), columns=len(n)), flux)

    together = run(flux, n)
    for c in range(columns):
        alone = run(flux[:, [c]], n[[c]])
        np.testing.assert_allclose(together.theta[..., c], alone.theta[..., 0], atol=1e-12)
        assert together.steps[c] == alone.steps[0]


def test_runoff_closes_the_balance():
    """300 mm in a day on a clayey soil: what does not enter runs off."""
    soil = VanGenuchten(0.095, 0.41, 0.019, 1.31, 6.24, 0.5, -2.0)
    column = Richards(soil, Grid.of_depths(np.linspace(0.0, 100.0, 101)))
    flux = np.array([-0.3, 30.0, -0.3, -0.3])
    run = column.run(column.initial(np.full(101, -200.0)), flux)
    assert run.status[0] == Status.DONE
    surface, runoff = np.asarray(run.fluxes.surface)[:, 0], np.asarray(run.fluxes.runoff)[:, 0]
    np.testing.assert_allclose(surface[1] + runoff[1], 30.0, rtol=1e-9)
    assert runoff[1] > 5.0
    assert np.abs(np.asarray(run.fluxes.balance_error)).sum() < 1e-9


def test_float32_agrees_with_float64():
    rng = np.random.default_rng(1)
    flux = rng.gamma(0.3, 1.0, (60, 1)) - 0.15
    depth = np.linspace(0.0, 150.0, 76)
    found = []
    for dtype in (jnp.float32, jnp.float64):
        soil = VanGenuchten(*(jnp.asarray(v, dtype) for v in (0.078, 0.43, 0.036, 1.56, 24.96)))
        column = Richards(soil, Grid.of_depths(depth))
        state = column.initial(jnp.full(76, -100.0, dtype))
        found.append(np.asarray(column.run(state, jnp.asarray(flux, dtype)).theta))
    assert found[0].dtype == np.float32
    assert np.sqrt(np.mean((found[0] - found[1]) ** 2)) < 2e-4


def test_grid_says_what_it_wants():
    for wrong in ([0.0, 1.0], [1.0, 2.0, 3.0], [0.0, 2.0, 1.0]):
        with pytest.raises(ValueError, match="node depths"):
            Grid.of_depths(wrong)
