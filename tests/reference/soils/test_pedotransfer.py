"""Pedotransfer functions and the texture triangle against other programs; see README.md."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rootzone.water.pedotransfer import (
    cosby_1984_K_s,
    cosby_1984_multivariate,
    cosby_1984_univariate,
    toth_2015_17_K_s,
    toth_2015_21,
    toth_2015_22,
    vereecken_1989,
    vereecken_1990_K_s,
    weynants_2009,
    zacharias_wessolek_2007,
)
from rootzone.water.soil_classes import TEXTURE_CLASSES, texture_index

HERE = Path(__file__).parent
SOILS = pd.read_csv(HERE / "soils.csv")
VALUES = pd.read_csv(HERE / "pedotransfer_values.csv")
S, C, RHO, OC, TOP, PH, CEC = (SOILS[name].to_numpy(float) for name in SOILS.columns)


def _univariate() -> dict[str, np.ndarray]:
    soil = cosby_1984_univariate(S, C)
    return {
        "b": 1.0 / np.asarray(soil.lam),
        "log10_psi_s_cm": -np.log10(soil.alpha),
        "log10_K_s_in_h": np.log10(np.asarray(soil.K_s) / 2.54 / 24.0),
        "theta_s_percent": 100.0 * np.asarray(soil.theta_s),
    }


def _multivariate() -> dict[str, np.ndarray]:
    soil = cosby_1984_multivariate(S, C)
    return {
        "theta_s": soil.theta_s,
        "psi_s_cm": 1.0 / np.asarray(soil.alpha),
        "lam": soil.lam,
        "K_s_with_25.2_mm_per_inch": np.asarray(soil.K_s) * 25.2 / 25.4,
        "theta_at_1000cm": soil.theta(-1000.0),
    }


def _weynants() -> dict[str, np.ndarray]:
    soil = weynants_2009(S, C, RHO, OC)
    shape = {"theta_s": soil.theta_s, "alpha": soil.alpha, "n": soil.n}
    return {**shape, "K_0": soil.K_s, "l": soil.l}


def _zacharias() -> dict[str, np.ndarray]:
    soil = zacharias_wessolek_2007(S, C, RHO)
    shape = {"theta_s": soil.theta_s, "alpha": soil.alpha, "n": soil.n}
    return {**shape, "theta_at_330cm": soil.conducting(1.0).theta(-330.0)}


def _shape(soil) -> dict[str, np.ndarray]:
    return {name: getattr(soil, name) for name in ("theta_r", "theta_s", "alpha", "n")}


OURS = {
    "cosby_1984_univariate": _univariate,
    "cosby_1984_multivariate": _multivariate,
    "vereecken_1989": lambda: _shape(vereecken_1989(S, C, RHO, OC)),
    "weynants_2009": _weynants,
    "zacharias_wessolek_2007": _zacharias,
    "toth_2015_17": lambda: {"log10_K_s": np.log10(toth_2015_17_K_s(S, C, PH, CEC, TOP))},
    "toth_2015_21": lambda: _shape(toth_2015_21(S, C, RHO, OC, TOP)),
    "toth_2015_22": lambda: _shape(toth_2015_22(S, C, RHO, OC, PH, TOP)),
}
# Coefficients of Toth et al. stand in the code with seven digits.
TOLERANCE = {"toth_2015_17": 1e-6, "toth_2015_21": 1e-5, "toth_2015_22": 1e-5}


@pytest.mark.parametrize("law", OURS)
def test_other_programs_give_the_same(law):
    ours, theirs = OURS[law](), VALUES[VALUES.law == law]
    assert set(ours) == set(theirs.quantity)
    for quantity, rows in theirs.groupby("quantity"):
        np.testing.assert_allclose(
            ours[quantity], rows.sort_values("soil")["value"], rtol=TOLERANCE.get(law, 1e-10)
        )


def test_every_stored_law_is_compared():
    assert set(OURS) == set(VALUES.law)


def test_zacharias_wessolek_gives_the_printed_water_contents():
    h = np.array([0.0, 0.0, 10.0, 10**1.5, 100.0, 10**2.3, 10**2.3, 10**2.7, 10**3.4, 10**4.2])
    sand = np.array([12.8, 61.6, 17.2, 85.8, 16.5, 12.8, 61.6, 17.2, 85.8, 16.5])
    clay = np.array([30.5, 17.2, 25.5, 8.9, 28.1, 30.5, 17.2, 25.5, 8.9, 28.1])
    rho = np.array([1.21, 1.34, 1.46, 1.63, 1.3, 1.21, 1.34, 1.46, 1.63, 1.3])
    printed = [0.50026998, 0.45277997, 0.42107488, 0.24487569, 0.39254300]
    printed += [0.38144154, 0.28500143, 0.31320843, 0.038888339, 0.22115273]
    theta = zacharias_wessolek_2007(sand, clay, rho).conducting(1.0).theta(-h)
    np.testing.assert_allclose(theta, printed, rtol=3e-6)  # single precision there


def test_mean_belgian_soil_of_vereecken():
    """The means of the 182 horizons (tables 1 and 6), worked by hand."""
    soil = vereecken_1989(sand=52.14, clay=10.93, bulk_density=1.466, organic_carbon=1.03)
    np.testing.assert_allclose(soil.theta_r, 0.08407, rtol=1e-12)
    np.testing.assert_allclose(soil.theta_s, 0.406052, rtol=1e-12)
    np.testing.assert_allclose(soil.alpha, 0.0035816131, rtol=1e-8)
    np.testing.assert_allclose(soil.n, 0.8602234826, rtol=1e-8)
    # ln K_s = 20.62 - 0.96 ln 10 - 0.66 ln 50 - 0.46 ln 2 - 8.43 * 1.5 = 3.15274
    K_s = vereecken_1990_K_s(sand=50.0, clay=10.0, bulk_density=1.5, organic_matter=2.0)
    np.testing.assert_allclose(
        np.log(K_s), 20.62 - 2.210482 - 2.581935 - 0.318848 - 12.645, atol=1e-5
    )


def test_conductivity_of_cosby_is_that_of_mhm():
    """K_s = 60.96 * 10^(-0.60 + 0.0126 sand - 0.0064 clay) cm d-1, its default coefficients."""
    np.testing.assert_allclose(cosby_1984_K_s(S, C), 60.96 * 10 ** (-0.6 + 0.0126 * S - 0.0064 * C))


def test_texture_classes_are_those_of_another_program():
    points = pd.read_csv(HERE / "texture_points.csv")
    ours = np.array(TEXTURE_CLASSES)[texture_index(points.sand.to_numpy(), points.clay.to_numpy())]
    assert set(points.texture) == set(TEXTURE_CLASSES)
    np.testing.assert_array_equal(ours, points.texture)
