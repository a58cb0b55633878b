"""The Richards column against solutions that do not come from a Richards code."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from rootzone.water.retention import Gardner, VanGenuchten
from rootzone.water.richards import (
    Atmosphere,
    BottomHead,
    Control,
    Forcing,
    Grid,
    Richards,
    Status,
    TopFlux,
    TopHead,
    WaterTable,
)

THERE = Path(__file__).parents[1] / "reference" / "hydrus"
LOAM = (0.078, 0.43, 0.036, 1.56, 24.96)


# --- Celia et al. (1990): a front into very dry soil ------------------------------------------


def _celia(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return depth and head after a day of Celia's infiltration [cm]."""
    soil = VanGenuchten(0.102, 0.368, 0.0335, 2.0, 0.00922 * 86400.0)
    column = Richards(
        soil,
        Grid.of_depths(np.linspace(0.0, 100.0, nodes)),
        top=TopHead(-75.0),
        bottom=BottomHead(-1000.0),
        control=Control(tolerance=2e-4),
    )
    run = column.run(column.initial(np.full(nodes, -1000.0)), Forcing(np.zeros(1)))
    assert run.status[0] == Status.DONE
    return np.asarray(column.grid.depth), np.asarray(run.state.h)[:, 0]


def test_celia_front():
    """Method of lines: 56.551 cm with 401 nodes and 56.489 cm with 1601; HYDRUS-1D 57.146 cm
    with 101 nodes."""
    depth, h = _celia(401)
    front = np.interp(-500.0, h[::-1], depth[::-1])
    assert abs(front - 56.5) < 0.3
    truth = pd.read_csv(THERE / "celia_truth.csv")
    expected = np.interp(depth, truth["depth_cm"], truth["h_86400s"])
    behind = depth < 50.0
    np.testing.assert_allclose(h[behind], expected[behind], rtol=0.02)
    depth, h = _celia(101)
    coarse = np.interp(-500.0, h[::-1], depth[::-1])
    assert abs(coarse - 57.146) < 0.3
    assert front < coarse


# --- rest --------------------------------------------------------------------------------------


def test_hydrostatic_stays_at_rest():
    """Water tables in, at the end of and below the profile; soils with and without air entry."""
    depth = np.linspace(0.0, 100.0, 51)
    table = np.array([30.0, 50.0, 100.0, 150.0])
    soil = VanGenuchten(
        *(jnp.asarray(part)[None] for part in np.array([LOAM] * 4).T),
        air_entry=jnp.array([[0.0, -2.0, 0.0, -2.0]]),
    )
    column = Richards(soil, Grid.of_depths(depth), bottom=WaterTable(jnp.asarray(table)))
    at_rest = depth[:, None] - table
    run = column.run(column.initial(at_rest, 4), Forcing(np.zeros(30)))
    assert np.all(np.asarray(run.status) == Status.DONE)
    np.testing.assert_allclose(run.state.h, at_rest, atol=1e-9)
    assert np.max(np.abs(np.asarray(run.fluxes.drainage))) < 1e-12
    assert np.max(np.abs(np.asarray(run.fluxes.infiltration))) < 1e-12


# --- Srivastava and Yeh (1991): transient in an exponential soil -------------------------------


def test_srivastava_yeh_transient():
    """The Richards equation of an exponential soil is linear; its series tells h at any time.

    K_s = 1 cm h-1, alpha = 0.1 cm-1, 100 cm above a water table, steady flux raised from 0.1 to
    0.9 cm h-1 (doi:10.1029/90WR02772). The scheme is of first order in time: each tolerance
    halves the step and the error, and what two of them extrapolate to is within 2e-3 cm.
    """
    hours = [1, 3, 5, 10, 20, 50, 100]
    truth = pd.read_csv(THERE / "srivastava_yeh.csv").iloc[::-1]
    depth = np.linspace(0.0, 100.0, 401)
    start = np.log(0.1 + 0.9 * np.exp(-0.1 * (100.0 - depth))) / 0.1
    column = Richards(
        Gardner(0.06, 0.40, 0.1, 24.0),
        Grid.of_depths(depth),
        top=TopFlux(),
        bottom=BottomHead(0.0),
        control=Control(tolerance=jnp.array([1.6e-6, 4e-7, 1e-7])),
    )
    forcing = Forcing(np.full(100, 0.9 * 24.0))
    run = column.run(column.initial(start, 3), forcing, interval=1.0 / 24.0)
    theta = np.asarray(run.theta)[np.array(hours) - 1, ::4]
    h = np.log((theta - 0.06) / 0.34) / 0.1
    expected = truth.iloc[:, 1:].to_numpy().T
    off = np.max(np.abs(h - expected[..., None]), axis=1)
    assert np.max(off[:, -1]) < 1e-2
    extrapolated = 2.0 * h[..., 2] - h[..., 1]
    assert np.max(np.abs(extrapolated - expected)) < 2e-3
    steps, change = np.asarray(run.steps), np.linalg.norm(np.diff(h, axis=2), axis=(0, 1))
    np.testing.assert_allclose(steps[1:] / steps[:-1], 2.0, rtol=0.03)
    assert abs(np.log2(change[0] / change[1]) - 1.0) < 0.05


# --- Philip (1957): infiltration ---------------------------------------------------------------


class _Philip:
    """Sorptivity and the second coefficient of Philip's series, by shooting.

    With phi = z t^-1/2 and h = h_0(phi) + t^1/2 h_1(phi) the Richards equation separates into

        (K h_0')' = -phi/2 C h_0',
        (K h_1' + K' h_1 h_0')' = K' h_0' + C h_1 / 2 - phi/2 (C h_1)',

    and I = S t^1/2 + A t with S = -2 K h_0'(0), A = K(h_top) - (K h_1' + K' h_1 h_0')(0).
    """

    def __init__(self, theta_r, theta_s, alpha, n, K_s):
        self.span, self.alpha, self.n, self.K_s = theta_s - theta_r, alpha, n, K_s
        self.m = 1.0 - 1.0 / n

    def C(self, h):
        x = (-self.alpha * h) ** self.n
        return self.span * self.m * self.n * x / -h * (1.0 + x) ** (-self.m - 1.0)

    def K(self, h):
        s = (1.0 + (-self.alpha * h) ** self.n) ** -self.m
        return self.K_s * s**0.5 * (1.0 - (1.0 - s ** (1.0 / self.m)) ** self.m) ** 2

    def _slope(self, closure, h):
        return np.imag(closure(h + 1e-20j)) / 1e-20

    def _front(self, phi, y):
        slope = y[1] / self.K(y[0])
        return [slope, -0.5 * phi * self.C(y[0]) * slope]

    def _both(self, phi, y):
        h, flux, h1, flux1, g, flux_g = y
        K, C, dK, dC = self.K(h), self.C(h), self._slope(self.K, h), self._slope(self.C, h)
        slope = flux / K

        def linear(u, flux_u, source):
            du = (flux_u - dK * u * slope) / K
            return du, source + 0.5 * C * u - 0.5 * phi * (dC * slope * u + C * du)

        first, homogeneous = linear(h1, flux1, dK * slope), linear(g, flux_g, 0.0)
        return [slope, -0.5 * phi * C * slope, *first, *homogeneous]

    def coefficients(self, top, initial, far):
        settings = {"method": "LSODA", "rtol": 1e-10, "atol": 1e-12}

        def beyond(flux):
            return solve_ivp(self._front, (0, far), [top, flux], **settings).y[0, -1] - initial

        low = -1.0
        while beyond(low) > 0:
            low *= 1.1
        flux = brentq(beyond, low, low / 1.1, xtol=1e-13)
        ends = solve_ivp(self._both, (0, far), [top, flux, 0, 0, 0, 1], **settings).y[:, -1]
        return -2.0 * flux, self.K(top) + ends[2] / ends[4]


def test_philip_infiltration():
    top, initial = -10.0, -200.0
    S, A = _Philip(*LOAM).coefficients(top, initial, 60.0)
    np.testing.assert_allclose([S, A], [4.9495, 1.8248], rtol=1e-4)
    grid = Grid.graded(12.0, 301, 0.01)
    soil = VanGenuchten(*LOAM)
    control = Control(tolerance=1e-5, dt_start=1e-8, dt_min=1e-13)
    column = Richards(soil, grid, top=TopHead(top), control=control)
    run = column.run(column.initial(np.full(301, initial)), Forcing(np.zeros(50)), interval=4e-4)
    t = 4e-4 * np.arange(1, 51)
    # The node at the surface has the head of the boundary from the start.
    first = float(grid.thickness[0] * (soil.theta(top) - soil.theta(initial)))
    infiltration = np.cumsum(np.asarray(run.fluxes.infiltration)[:, 0]) + first
    np.testing.assert_allclose(infiltration[4:], (S * t**0.5 + A * t)[4:], rtol=3.5e-3)
    fit = np.linalg.lstsq(np.stack([t**0.5, t, t**1.5], axis=1)[4:], infiltration[4:])[0]
    np.testing.assert_allclose(fit[0], S, rtol=3e-3)
    np.testing.assert_allclose(fit[1], A, rtol=0.1)


# --- evaporation from a water table ------------------------------------------------------------


def test_limiting_evaporation_from_a_water_table():
    """Loam 81.835 cm above water gives 0.1 cm d-1 and no more, whatever the weather asks."""
    grid = Grid.graded(81.835, 301, 0.02)
    column = Richards(
        VanGenuchten(*LOAM),
        grid,
        top=Atmosphere(),
        bottom=BottomHead(0.0),
        control=Control(dt_max=1e3),
    )
    asked = np.array([[0.05, 0.3, 1.0]])
    run = column.run(
        column.initial(np.asarray(grid.depth) - 81.835, 3),
        Forcing(np.zeros(3), np.repeat(asked, 3, axis=0)),
        interval=2000.0,
    )
    given = np.asarray(run.fluxes.evaporation)[-1] / 2000.0
    np.testing.assert_allclose(given, [0.05, 0.1, 0.1], rtol=2e-3)
    np.testing.assert_allclose(np.asarray(run.fluxes.drainage)[-1] / 2000.0, -given, rtol=1e-6)
    np.testing.assert_allclose(run.state.h[0, 1:], -15000.0, rtol=1e-6)


@pytest.mark.parametrize("wrong", [[0.0, 1.0], [1.0, 2.0, 3.0], [0.0, 2.0, 1.0]])
def test_grid_says_what_it_wants(wrong):
    with pytest.raises(ValueError, match="node depths"):
        Grid.of_depths(wrong)
