"""Orders of convergence in time and space, fitted."""

import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.water.retention import Gardner, VanGenuchten
from rootzone.water.richards import (
    ArithmeticMean,
    BottomHead,
    Control,
    Forcing,
    GeometricMean,
    Grid,
    Richards,
    Status,
    TopFlux,
    WeightedMean,
)

COLUMNS = 4
SOILS = {
    "exponential": (Gardner(0.06, 0.40, 0.1, 24.0), -10.0, 20.0, 0.02),
    "loam, rain": (VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96), -100.0, 5.0, 0.1),
    "loam, evaporation": (VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96), -100.0, -0.4, 0.2),
}


def _profile(name: str, length: float, steps: np.ndarray) -> np.ndarray:
    """Return theta (node, column) after equal steps, their number given for each column."""
    soil, head, flux, time = SOILS[name]
    dt = jnp.asarray(time / steps)
    # Every step is of the least length, so that nothing but dt and dz makes the error.
    control = Control(tolerance=1.0, max_change=10.0, dt_min=dt, dt_max=dt, dt_start=dt)
    grid = Grid.of_depths(np.linspace(0.0, length, 101))
    column = Richards(soil, grid, top=TopFlux(), control=control)
    run = column.run(
        column.initial(np.full(101, head), COLUMNS), Forcing(np.array([flux])), interval=time
    )
    assert np.all(np.asarray(run.status) == Status.DONE)
    assert np.all(np.abs(np.asarray(run.steps) - steps) <= 1)
    assert np.all(np.asarray(run.rejected) == 0)
    return np.asarray(run.theta)[0]


def _fitted(sizes: np.ndarray, errors: np.ndarray) -> float:
    return np.polyfit(np.log(sizes), np.log(errors), 1)[0]


@pytest.mark.parametrize("name", SOILS)
def test_first_order_in_time(name):
    steps = np.array([128, 256, 512, 1024])
    theta = _profile(name, 25.0, steps)
    change = np.linalg.norm(np.diff(theta, axis=1), axis=0)
    assert abs(_fitted(1.0 / steps[:-1], change) - 1.0) < 0.1


@pytest.mark.parametrize("name", SOILS)
def test_second_order_in_space(name):
    """The same soil below 50, 25 and 12.5 cm: as long as the bottom has not heard of the top,
    only the spacing differs."""
    steps = np.full(COLUMNS, 256)
    lengths = np.array([50.0, 25.0, 12.5])
    depths = np.linspace(0.0, 5.0, 11)
    theta = [
        _profile(name, length, steps)[np.rint(depths / length * 100).astype(int), 0]
        for length in lengths
    ]
    change = np.linalg.norm(np.diff(theta, axis=0), axis=1)
    assert 1.7 < _fitted(lengths[:-1], change) < 2.3


@pytest.mark.parametrize(
    ("mean", "order"), [(ArithmeticMean(), 2.0), (GeometricMean(), 2.0), (WeightedMean(1.0), 1.0)]
)
def test_every_mean_converges_to_the_same_profile(mean, order):
    """Steady flow of an exponential soil is known: exp(alpha h) = q/K_s + (1 - q/K_s) e^(-a z)."""
    share = np.array([0.9, 0.3, -0.002])
    soil = Gardner(0.06, 0.40, 0.1, 24.0)
    lengths, errors = np.array([40.0, 20.0, 10.0]), []
    for length in lengths:
        grid = Grid.of_depths(np.linspace(0.0, length, 101))
        height = length - np.asarray(grid.depth)
        column = Richards(
            soil,
            grid,
            top=TopFlux(),
            bottom=BottomHead(0.0),
            mean=mean,
            control=Control(dt_max=50.0),
        )
        rain = np.broadcast_to(share * 24.0, (2, 3))
        run = column.run(column.initial(-height, 3), Forcing(rain), interval=50.0)
        expected = np.log(share + (1.0 - share) * np.exp(-0.1 * height[:, None])) / 0.1
        low = height <= 10.0
        errors.append(np.max(np.abs(np.asarray(run.state.h) - expected)[low], axis=0))
    for c in range(share.size):
        assert abs(_fitted(lengths, np.array(errors)[:, c]) - order) < 0.15
    assert np.max(errors[-1]) < (1e-3 if order == 2.0 else 2e-2)
