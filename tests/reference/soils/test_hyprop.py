"""Fits to measured HYPROP curves, against an independent least-squares program; see README.md."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit

from rootzone.water.retention_fit import (
    Conductivity,
    before_cavitation,
    fit_brooks_corey,
    fit_van_genuchten,
    head_of_suction,
)

POINTS = pd.read_csv(Path(__file__).parent / "hyprop_excerpt.csv")


def sample(name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = POINTS[POINTS["sample"] == name]
    head = head_of_suction(rows.suction_kPa.to_numpy())
    good = before_cavitation(head)
    return head[good], 0.01 * rows.VWC_percent.to_numpy()[good]


def test_cavitation_is_cut_where_suction_turns():
    rows = POINTS[POINTS["sample"] == "CM_smpl4"]
    good = before_cavitation(head_of_suction(rows.suction_kPa.to_numpy()))
    assert (good.sum(), good.size) == (69, 73)
    assert rows.suction_kPa.to_numpy()[good].max() == rows.suction_kPa.max()


def test_van_genuchten_is_the_optimum_of_another_program():
    """Estimates and standard errors of scipy's curve_fit with theta_r = 0."""
    h, y = sample("AB_smpl3")

    def curve(h, theta_s, log_alpha, n):
        return theta_s * (1.0 + (np.exp(log_alpha) * -h) ** n) ** (1.0 / n - 1.0)

    best, cov = curve_fit(curve, h, y, p0=[0.23, np.log(0.03), 1.3])
    fit = fit_van_genuchten(h, y, theta_r=0.0)
    alpha = np.exp(best[1])
    wanted = [best[0], alpha, best[2]]
    np.testing.assert_allclose(list(fit.estimate.values()), wanted, rtol=1e-4)
    errors = np.sqrt(np.diag(cov)) * [1.0, alpha, 1.0]
    np.testing.assert_allclose(list(fit.standard_error.values()), errors, rtol=1e-3)
    rmse = np.sqrt(np.mean((curve(h, *best) - y) ** 2))
    assert fit.rmse == pytest.approx(rmse, rel=1e-6)
    assert fit.names == ("theta_s", "alpha", "n")
    assert fit.points == 64


def test_brooks_corey_is_the_best_of_another_program():
    """The corner makes a valley for each point: scipy's curve_fit from eight air entries."""
    h, y = sample("BC_smpl1")

    def curve(h, theta_r, theta_s, log_alpha, lam):
        depth = np.maximum(np.exp(log_alpha) * -h, 1.0)
        return theta_r + (theta_s - theta_r) * depth**-lam

    fit = fit_brooks_corey(h, y)
    theta_r, theta_s, alpha, lam = fit.estimate.values()
    others = [
        curve_fit(curve, h, y, p0=[0.1, 0.31, -np.log(entry), 0.4])[0]
        for entry in (8.0, 10.0, 12.0, 13.0, 14.0, 15.0, 17.0, 20.0)
    ]
    rmse = min(np.sqrt(np.mean((curve(h, *p) - y) ** 2)) for p in others)
    assert fit.rmse <= rmse * (1.0 + 1e-6)
    best, cov = curve_fit(curve, h, y, p0=[theta_r, theta_s, np.log(alpha), lam])
    np.testing.assert_allclose(best, [theta_r, theta_s, np.log(alpha), lam], rtol=1e-4)
    errors = np.sqrt(np.diag(cov)) * [1.0, 1.0, alpha, 1.0]
    np.testing.assert_allclose(list(fit.standard_error.values()), errors, rtol=1e-2)
    assert fit.at_bound == ()


@pytest.mark.parametrize(
    ("name", "van_genuchten", "air_entry", "brooks_corey"),
    [
        ("CM_smpl2", 0.017, 0.008, 0.008),  # coarse: full to -53 cm, then a steep fall
        ("CM_smpl4", 0.020, 0.011, 0.011),
        ("AB_smpl3", 0.005, 0.005, 0.007),
        ("BC_smpl1", 0.004, 0.0025, 0.003),  # two valleys for the air entry
    ],
)
def test_how_close_the_curves_come(name, van_genuchten, air_entry, brooks_corey):
    """Root-mean-square distance [m3 m-3]; more freedom never fits worse."""
    h, y = sample(name)
    plain, entry = fit_van_genuchten(h, y), fit_van_genuchten(h, y, air_entry=None)
    held, angular = fit_van_genuchten(h, y, theta_r=0.0), fit_brooks_corey(h, y)
    assert plain.rmse < van_genuchten
    assert entry.rmse < air_entry
    assert angular.rmse < brooks_corey
    assert plain.rmse <= held.rmse * (1.0 + 1e-9)
    assert entry.rmse <= plain.rmse * 1.001
    # Every curve meets its own points, not only the mean of all.
    assert np.max(np.abs(np.asarray(angular.closure.theta(h)) - y)) < 0.045


def test_air_entry_of_the_coarse_sample_is_seen():
    h, y = sample("CM_smpl2")
    fit = fit_van_genuchten(h, y, air_entry=None)
    assert fit.estimate["air_entry"] == pytest.approx(-53.0, abs=3.0)
    assert 1.0 / fit_brooks_corey(h, y).estimate["alpha"] == pytest.approx(53.0, abs=3.0)


def test_conductivity_points_join_the_fit():
    """K of a made-up soil on the heads of a sample, with 5 % noise: K_s and l come back."""
    h, y = sample("AB_smpl3")
    truth = fit_van_genuchten(h, y, theta_r=0.0, K_s=12.0, l=-1.0).closure
    rng = np.random.default_rng(5)
    flow = h[10:-5:4]
    K = np.asarray(truth.K(flow)) * np.exp(0.05 * rng.standard_normal(flow.size))
    fit = fit_van_genuchten(
        h, y, theta_r=0.0, l=None, conductivity=Conductivity(flow, K, sigma=0.02)
    )
    for name, wanted in (("K_s", 12.0), ("l", -1.0)):
        assert abs(fit.estimate[name] - wanted) < 4.0 * fit.standard_error[name]
    assert fit.rmse_log10_K < 0.03
    assert np.isnan(fit_van_genuchten(h, y).closure.K_s)
