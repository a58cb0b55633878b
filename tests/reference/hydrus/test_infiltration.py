"""Infiltration under water that stands at zero height, against HYDRUS-1D with tight settings."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import Control, Forcing, Grid, Richards, Status, TopHead

# theta_r, theta_s, alpha, n, K_s, air entry
SOILS = {
    "sand": (0.045, 0.43, 0.145, 2.68, 712.8, 0.0),
    "loam": (0.078, 0.43, 0.036, 1.56, 24.96, 0.0),
    "clay": (0.068, 0.38, 0.008, 1.09, 4.8, -2.0),
}
STEP = 0.005  # d, of the output
# The clay and the sand agree; in the loam HYDRUS-1D lets in too little, see below.
WITHIN = {"sand": 1.5e-3, "clay": 1e-3, "loam": 4e-3}


@pytest.fixture(scope="module")
def computed():
    theta_r, theta_s, alpha, n, K_s, entry = jnp.asarray(list(SOILS.values())).T[:, None]
    soil = VanGenuchten(theta_r, theta_s, alpha, n, K_s, air_entry=entry)
    control = Control(tolerance=1e-5)
    column = Richards(soil, Grid.uniform(100.0, 1.0), top=TopHead(0.0), control=control)
    run = column.run(
        column.initial(np.full((101, 3), -1000.0), 3), Forcing(np.zeros(400)), interval=STEP
    )
    assert np.all(np.asarray(run.status) == Status.DONE)
    return run


@pytest.mark.parametrize("name", SOILS)
def test_cumulative_infiltration(name, computed):
    there = pd.read_csv(Path(__file__).parent / "infiltration.csv").query("soil == @name")
    at = np.rint(there["time_d"].to_numpy() / STEP).astype(int) - 1
    c = list(SOILS).index(name)
    here = np.cumsum(np.asarray(computed.fluxes.infiltration)[:, c])[at]
    np.testing.assert_allclose(here, there["infiltration_cm"], rtol=WITHIN[name])
    assert np.max(np.abs(np.asarray(computed.balance_error)[:, c])) < 1e-10


def test_no_less_than_saturated_conductivity_enters(computed):
    """With water standing on the soil the rate falls toward K_s and not below it.

    HYDRUS-1D's loam takes 24.80 to 24.84 cm d-1 from the second half of the day on, 0.6 % below
    its K_s of 24.96: this is the 0.3 % by which the two differ after a day.
    """
    rate = np.asarray(computed.fluxes.infiltration)[:200, list(SOILS).index("loam")] / STEP
    # Where the front passes a node of 1 cm, the rate swings by a third of a percent.
    assert np.all(rate > 0.996 * SOILS["loam"][4])
    np.testing.assert_allclose(rate[100:], SOILS["loam"][4], rtol=2e-4)
    there = pd.read_csv(Path(__file__).parent / "infiltration.csv").query("soil == 'loam'")
    late = there[there["time_d"] > 0.5]
    theirs = np.diff(late["infiltration_cm"]) / np.diff(late["time_d"])
    assert np.max(theirs) < 0.996 * SOILS["loam"][4]
