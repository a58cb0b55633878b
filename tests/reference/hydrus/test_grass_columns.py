"""Grass over three years against HYDRUS-1D, whose sink lags its water by a step.

HYDRUS-1D computes root uptake after each water step and takes it out in the next, while it
reports the new one: its own balance misses 0.49 cm in the loam and 0.35 cm in the sandy loam, and
its bare columns nothing. Here uptake belongs to the step that it dries.
"""

import numpy as np
import pytest
from hydrus_columns import CASES, GRID, compute, daily

from rootzone.water.richards import Status
from rootzone.water.roots import hoffman_van_genuchten

GRASS = [name for name, case in CASES.items() if "feddes" in case]
LAG = {"c_grass_loam": 0.491, "c_grass_sandy_loam": 0.354}  # cm, as HYDRUS-1D says itself


@pytest.fixture(scope="module")
def reference():
    return daily()


@pytest.fixture(scope="module")
def computed():
    return compute(GRASS)


def _missing(reference, name):
    """Return what HYDRUS-1D's fluxes brought from day 1 to day 1095 and its soil did not get."""
    gain = {key: reference[f"{name}|{key}"].iloc[-1] - reference[f"{name}|{key}"].iloc[0]
            for key in ("storage", "surface", "drainage")}  # fmt: skip
    taken = 0.0
    if "feddes" in CASES[name]:
        uptake = reference[f"{name}|transpiration"]
        taken = uptake.iloc[-1] - uptake.iloc[0]
    return gain["storage"] - (gain["surface"] - gain["drainage"] - taken)


@pytest.mark.parametrize("name", GRASS)
def test_roots_are_those_of_hydrus(name):
    case = CASES[name]
    here = np.asarray(hoffman_van_genuchten(GRID.depth, case["root_depth_cm"]))[0]
    there = np.zeros(here.size)
    there[: len(case["root_density"])] = case["root_density"]
    # HYDRUS-1D takes the half node of the surface for a whole one when it normalizes.
    there = there / np.sum(there * np.asarray(GRID.thickness))
    np.testing.assert_allclose(here, there, atol=2e-7)


@pytest.mark.parametrize("name", GRASS)
def test_daily_water(name, computed, reference):
    c = GRASS.index(name)
    assert computed.status[c] == Status.DONE
    error = np.asarray(computed.theta)[:, 0, c] - reference[f"{name}|theta30"].to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.0005
    assert np.max(np.abs(error)) < 0.003


@pytest.mark.parametrize("name", GRASS)
def test_cumulative_amounts_within_the_lag(name, computed, reference):
    """Day by day, not only in the end: what HYDRUS-1D's lag cannot explain is a tenth of a cm."""
    c = GRASS.index(name)
    rain = 222.0
    for key in ("transpiration", "evaporation", "drainage"):
        here = np.cumsum(np.asarray(getattr(computed.fluxes, key))[:, c])
        off = np.max(np.abs(here - reference[f"{name}|{key}"].to_numpy()))
        assert off < (LAG[name] if key == "drainage" else 0.15), key
    brought = [np.asarray(part)[:, c].sum() for part in computed.fluxes]
    infiltration, runoff, evaporation, _, _ = brought
    np.testing.assert_allclose(infiltration + runoff + evaporation, rain, atol=0.05)


@pytest.mark.parametrize("name", GRASS)
def test_hydrus_lag_and_our_balance(name, computed, reference):
    np.testing.assert_allclose(_missing(reference, name), LAG[name], atol=2e-3)
    bare = [_missing(reference, other) for other in CASES if other not in GRASS]
    assert np.max(np.abs(bare)) < 6e-3  # the sand; the others 5e-4
    c = GRASS.index(name)
    assert np.max(np.abs(np.asarray(computed.balance_error)[:, c])) < 1e-9
    gained = np.asarray(computed.storage)[-1, c] - np.asarray(computed.storage)[0, c]
    moved = computed.fluxes.infiltration - computed.fluxes.drainage - computed.fluxes.transpiration
    np.testing.assert_allclose(gained, np.asarray(moved)[1:, c].sum(), atol=1e-9)
