"""Steady flow above a water table, upward and downward, against ordinary differential equations."""

from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

from rootzone.water.retention import BrooksCorey, VanGenuchten
from rootzone.water.richards import (
    BottomHead,
    Control,
    Forcing,
    Grid,
    Richards,
    Status,
    TopFlux,
    TopHead,
)

PROFILES = Path(__file__).parents[1] / "reference" / "hydrus" / "steady_profiles.csv"
SOILS = {
    "sand": (0.045, 0.43, 0.145, 2.68, 712.8),
    "loam": (0.078, 0.43, 0.036, 1.56, 24.96),
    "silt_loam": (0.067, 0.45, 0.02, 1.41, 10.8),
    "clay_loam": (0.095, 0.41, 0.019, 1.31, 6.24),
}
LONG = 1e4  # d, to a steady state


@pytest.fixture(scope="module")
def cases():
    """Four soils, five fluxes: name, flux upward [cm d-1], heights [cm] and heads [cm]."""
    table = pd.read_csv(PROFILES).dropna()
    found = [
        (soil, q, rows["height_above_watertable_cm"].to_numpy(), rows["h_cm"].to_numpy())
        for (soil, q), rows in table.groupby(["soil", "q_up_cm_d"])
    ]
    assert len(found) == 20
    return found


def _grid(length: float) -> Grid:
    """Return a grid that is fine at both ends: at the water table and where it is driest."""
    return Grid.of_depths(length * (1.0 - np.cos(np.pi * np.linspace(0.0, 1.0, 401))) / 2.0)


def _each_length(cases):
    """Yield the cases that end at each height, as a mask over all of them: shapes stay the same."""
    ends = np.array([heights[-1] for _, _, heights, _ in cases])
    for length in np.unique(ends):
        yield length, ends == length


def _column(cases, grid, top) -> Richards:
    parts = np.array([SOILS[name] for name, *_ in cases]).T
    soil = VanGenuchten(*(jnp.asarray(part)[None] for part in parts))
    return Richards(soil, grid, top=top, bottom=BottomHead(0.0), control=Control(dt_max=1e3))


def test_profiles_of_given_fluxes(cases):
    flux = np.array([q for _, q, _, _ in cases])
    for length, now in _each_length(cases):
        grid = _grid(length)
        column = _column(cases, grid, TopFlux())
        height = length - np.asarray(grid.depth)
        rain = np.broadcast_to(np.where(now, -flux, 0.0), (2, flux.size))
        run = column.run(column.initial(-height, flux.size), Forcing(rain), interval=LONG)
        assert np.all(np.asarray(run.status)[now] == Status.DONE)
        for c in np.flatnonzero(now):
            _, q, heights, expected = cases[c]
            h = np.interp(heights, height[::-1], np.asarray(run.state.h)[::-1, c])
            # Near the height that a flux just reaches, h says nothing: dh/dq is without bound.
            inner = expected > -200.0
            np.testing.assert_allclose(h[inner], expected[inner], rtol=1e-3)
            np.testing.assert_allclose(run.fluxes.drainage[-1, c] / LONG, -q, rtol=1e-6)


def test_fluxes_of_given_heads(cases):
    """The head of the reference at the top, however dry, asks for the flux of the reference."""
    driest = np.array([h[-1] for *_, h in cases])
    for length, now in _each_length(cases):
        grid = _grid(length)
        column = _column(cases, grid, TopHead(jnp.asarray(np.where(now, driest, -length))))
        height = length - np.asarray(grid.depth)
        run = column.run(column.initial(-height, now.size), Forcing(np.zeros(2)), interval=LONG)
        assert np.all(np.asarray(run.status)[now] == Status.DONE)
        for c in np.flatnonzero(now):
            _, q, heights, expected = cases[c]
            np.testing.assert_allclose(run.fluxes.drainage[-1, c] / LONG, -q, rtol=1e-3)
            np.testing.assert_allclose(-run.fluxes.infiltration[-1, c] / LONG, q, rtol=1e-3)
            h = np.interp(heights, height[::-1], np.asarray(run.state.h)[::-1, c])
            np.testing.assert_allclose(h, expected, rtol=1e-3)


def _integrated(layers, q: float, heights: np.ndarray) -> np.ndarray:
    """Return heads [cm] above a water table by dh/dz = -1 - q/K(h), layer by layer from below."""
    bottom, h, found = 0.0, 0.0, np.zeros(heights.size)
    for upper, soil in layers:
        K = jax.jit(soil.K)
        solution = solve_ivp(
            lambda z, y, K=K: [-1.0 - q / float(K(y[0]))],
            (bottom, upper),
            [h],
            method="LSODA",
            rtol=1e-9,
            atol=1e-9,
            dense_output=True,
        )
        here = (heights >= bottom) & (heights <= upper)
        found[here] = solution.sol(heights[here])[0]
        bottom, h = upper, float(solution.y[0, -1])
    return found


def test_brooks_corey():
    soil = BrooksCorey(0.02, 0.417, 0.138, 0.592, 504.0)
    grid = Grid.of_depths(60.0 * (1.0 - np.cos(np.pi * np.linspace(0.0, 1.0, 101))) / 2.0)
    flux = np.array([-5.0, -0.5, 0.01])
    column = Richards(
        soil, grid, top=TopFlux(), bottom=BottomHead(0.0), control=Control(dt_max=1e3)
    )
    height = 60.0 - np.asarray(grid.depth)
    rain = np.broadcast_to(-flux, (2, 3))
    run = column.run(column.initial(-height, 3), Forcing(rain), interval=LONG)
    for c, q in enumerate(flux):
        expected = _integrated([(60.0, soil)], q, height[::-1])[::-1]
        np.testing.assert_allclose(run.state.h[:-1, c], expected[:-1], rtol=1e-3)


def test_layers():
    """Sandy loam over clay loam over sand: the head is continuous, the flux the same in all.

    The edge of a layer lies half-way between two nodes, which is known to half a spacing: of
    first order, unlike the inside of a layer.
    """
    sandy_loam = (0.065, 0.41, 0.075, 1.89, 106.1, 0.0)
    clay_loam = (0.095, 0.41, 0.019, 1.31, 6.24, -2.0)
    sand = (0.045, 0.43, 0.145, 2.68, 712.8, 0.0)

    def closure(p):
        return VanGenuchten(*p[:5], air_entry=p[5])

    flux, off = np.array([-0.5, -2.0, -0.01]), []
    for dz in (1.0, 0.5):
        grid = Grid.uniform(100.0, dz)
        depth = np.asarray(grid.depth)
        thirds = [sandy_loam if d < 29.9 else clay_loam if d < 59.9 else sand for d in depth]
        theta_r, theta_s, alpha, n, K_s, entry = jnp.asarray(thirds).T[:, :, None]
        soil = VanGenuchten(theta_r, theta_s, alpha, n, K_s, air_entry=entry)
        column = Richards(
            soil, grid, top=TopFlux(), bottom=BottomHead(0.0), control=Control(dt_max=1e3)
        )
        rain = np.broadcast_to(-flux, (2, 3))
        run = column.run(column.initial(depth - 100.0, 3), Forcing(rain), interval=LONG)
        edges = (40.0 + 0.5 * dz, 70.0 + 0.5 * dz, 100.0)
        layers = list(zip(edges, map(closure, (sand, clay_loam, sandy_loam)), strict=True))
        expected = [_integrated(layers, q, (100.0 - depth)[::-1])[::-1] for q in flux]
        off.append(np.max(np.abs(np.asarray(run.state.h) - np.stack(expected, axis=1)), axis=0))
        np.testing.assert_allclose(run.fluxes.drainage[-1] / LONG, -flux, rtol=1e-9)
    assert np.all(off[1] < 0.25)
    for coarse, fine in pairwise(off):
        np.testing.assert_allclose(coarse / fine, 2.0, rtol=0.15)
