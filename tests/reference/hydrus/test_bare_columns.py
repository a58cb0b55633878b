"""Bare columns over three years against HYDRUS-1D with tight settings on the same grid."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import Bottom, Boundary, Grid, Richards, Status

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases.json").read_text())
# Asked: cumulative amounts within 0.5 %, sand 1 %.
AMOUNTS = dict.fromkeys(CASES, 0.005) | {"b_bare_sand": 0.01}


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return pd.read_csv(HERE / "hydrus_R_daily.csv.gz")


@pytest.mark.parametrize("name", CASES)
def test_bare_column(name, reference):
    case = CASES[name]
    node = np.array(case["material_by_node"]) - 1
    values = {
        key: np.array([m[key] for m in case["materials"]])[node][:, None]
        for key in ("theta_r", "theta_s", "alpha_1_cm", "n", "Ks_cm_d", "l")
    }
    soil = VanGenuchten(*values.values(), air_entry=case["air_entry"])
    head_below = case["bottom"] == "head 0"
    column = Richards(
        soil,
        Grid.of_depths(np.arange(151.0)),
        Boundary(bottom=Bottom.HEAD if head_below else Bottom.FREE_DRAINAGE),
    )
    weather = pd.read_csv(HERE / "forcing_synthetic.csv")
    flux = (weather["rain_mm"] - weather["pet_mm"]).to_numpy() / 10.0
    weights = np.zeros((1, 151))
    weights[0, :31] = 1.0 / 30.0
    weights[0, [0, 30]] *= 0.5
    run = column.run(column.initial(np.array(case["initial_h"])), flux, observe=weights)

    assert run.status[0] == Status.DONE
    error = np.asarray(run.theta)[:, 0, 0] - reference[f"{name}|theta30"].to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.0005
    assert np.max(np.abs(error)) < 0.003
    for amounts, key in ((run.fluxes.drainage, "drainage"), (run.fluxes.surface, "surface")):
        total = reference[f"{name}|{key}"].iloc[-1]
        np.testing.assert_allclose(np.asarray(amounts).sum(), total, rtol=AMOUNTS[name])
    # The balance closes by construction, and the storage says so too.
    assert np.abs(np.asarray(run.fluxes.balance_error)).sum() < 1e-9
    start = np.asarray(column.initial(np.array(case["initial_h"])).theta)[:, 0]
    gained = np.sum((np.asarray(run.state.theta)[:, 0] - start) * column.grid.thickness)
    moved = np.asarray(run.fluxes.surface).sum() - np.asarray(run.fluxes.drainage).sum()
    np.testing.assert_allclose(gained, moved, atol=1e-8)
