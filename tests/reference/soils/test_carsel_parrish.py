"""The classes of Carsel and Parrish (1988) against the catalog and against themselves.

Two tables of the paper describe the same samples: means with coefficients of variation, and the
parameters of transformed normals. Neither was computed here, and they must agree.
"""

import jax
import numpy as np
import pytest

from rootzone.water.soil_classes import CARSEL_PARRISH_1988, TEXTURE_CLASSES, Transform, draw

# theta_r, theta_s, alpha [cm-1], n, K_s [cm d-1] as in the catalog of HYDRUS-1D.
CATALOG = {
    "sand": (0.045, 0.43, 0.145, 2.68, 712.8),
    "loamy sand": (0.057, 0.41, 0.124, 2.28, 350.2),
    "sandy loam": (0.065, 0.41, 0.075, 1.89, 106.1),
    "loam": (0.078, 0.43, 0.036, 1.56, 24.96),
    "silt": (0.034, 0.46, 0.016, 1.37, 6.0),
    "silt loam": (0.067, 0.45, 0.020, 1.41, 10.8),
    "sandy clay loam": (0.100, 0.39, 0.059, 1.48, 31.44),
    "clay loam": (0.095, 0.41, 0.019, 1.31, 6.24),
    "silty clay loam": (0.089, 0.43, 0.010, 1.23, 1.68),
    "sandy clay": (0.100, 0.38, 0.027, 1.23, 2.88),
    "silty clay": (0.070, 0.36, 0.005, 1.09, 0.48),
    "clay": (0.068, 0.38, 0.008, 1.09, 4.80),
}
# Bounds of the transformed four parameters and their transforms where a second printed source of
# the table was at hand (sand, clay, clay loam; K_s in cm h-1).
SECOND = {
    "sand": ("SB LN SB LN", (0, 0, 0, 1.5), (70, 0.1, 0.25, 4)),
    "clay": ("SB SU SB LN", (0, 0, 0, 0.9), (5, 0.15, 0.15, 1.4)),
    "clay loam": ("SB SU LN SB", (0, 0, 0, 1), (7.5, 0.13, 0.15, 1.6)),
}
# Printed standard deviations of theta_s, theta_r, K_s [cm h-1], alpha, n (second source again).
# Left out: theta_s of silt, 0.11 there, against a coefficient of variation of 17.4 % of 0.46.
DEVIATIONS = {
    "clay": (0.09, 0.034, 0.42, 0.012, 0.09),
    "sand": (0.06, 0.010, 15.60, 0.029, 0.29),
    "silt": (None, 0.010, 0.33, 0.007, 0.05),
    "silt loam": (0.08, 0.015, 1.23, 0.012, 0.12),
    "clay loam": (0.09, 0.010, 0.70, 0.015, 0.09),
}
SHARES = (np.arange(20000) + 0.5) / 20000


@pytest.mark.parametrize("name", TEXTURE_CLASSES)
def test_means_are_those_of_the_catalog(name):
    soil = CARSEL_PARRISH_1988[name].mean()
    ours = (soil.theta_r, soil.theta_s, soil.alpha, soil.n, soil.K_s)
    np.testing.assert_allclose(ours, CATALOG[name], rtol=5e-4)  # K_s has four digits there


@pytest.mark.parametrize("name", SECOND)
def test_transforms_are_those_of_a_second_source(name):
    transforms, lower, upper = SECOND[name]
    marginals = CARSEL_PARRISH_1988[name].marginals
    assert [m.transform for m in marginals] == [Transform[t] for t in transforms.split()]
    assert tuple(m.lower for m in marginals) == lower
    assert tuple(m.upper for m in marginals) == upper


@pytest.mark.parametrize("name", DEVIATIONS)
def test_deviations_are_those_of_a_second_source(name):
    soil = CARSEL_PARRISH_1988[name]
    ours = (soil.theta_s.sd, soil.theta_r.sd, soil.K_s.sd / 24.0, soil.alpha.sd, soil.n.sd)
    # Two printed digits, and products of means that were rounded to two digits themselves.
    for a, b in zip(ours, DEVIATIONS[name], strict=True):
        assert b is None or a == pytest.approx(b, rel=0.17)


@pytest.mark.parametrize("name", TEXTURE_CLASSES)
def test_the_two_tables_agree(name):
    """Mean and deviation of the transformed normals are the printed ones.

    Within 7 % and 25 % for theta_r, alpha and n, as close as two to three digits and fits by
    eye allow; alpha of the two clays (skewed, 7 samples in 10 near 0.001) within 25 % and 60 %.
    K_s of the sandy classes and loam within 12 % and 25 %.
    """
    soil = CARSEL_PARRISH_1988[name]
    K_s, theta_r, alpha, n = (np.asarray(m.quantile(SHARES)) for m in soil.marginals)
    clayey = name in ("clay", "silty clay")
    for x, spread, skewed in (
        (theta_r, soil.theta_r, False),
        (alpha, soil.alpha, clayey),
        (n, soil.n, False),
    ):
        assert x.mean() == pytest.approx(spread.mean, rel=0.25 if skewed else 0.07)
        assert x.std() == pytest.approx(spread.sd, rel=0.6 if skewed else 0.25)
    if soil.K_s.mean > 20.0:
        assert 24.0 * K_s.mean() == pytest.approx(soil.K_s.mean, rel=0.12)
        assert 24.0 * K_s.std() == pytest.approx(soil.K_s.sd, rel=0.25)
    else:  # the fine classes: the docstring says how far
        assert 0.35 * soil.K_s.mean < 24.0 * K_s.mean() < 1.5 * soil.K_s.mean


@pytest.mark.parametrize("name", ["sand", "silt loam", "loam", "sandy clay"])
def test_drawn_correlations_are_the_printed_ones(name):
    """Of the transformed variables, from 4000 members: three standard errors are 0.05."""
    soil = CARSEL_PARRISH_1988[name]
    drawn = draw(jax.random.key(1), soil, 4000)
    rows = [np.asarray(drawn.K_s) / 24.0, drawn.theta_r, drawn.alpha, drawn.n]
    rows = [
        np.vectorize(m.forward)(np.asarray(x)) for m, x in zip(soil.marginals, rows, strict=True)
    ]
    wanted = soil.factor @ soil.factor.T
    np.testing.assert_allclose(np.corrcoef(rows), wanted, atol=0.06)  # truncation takes a little
    if name == "sand":
        # Correlations worked from the printed factor with three digits.
        np.testing.assert_allclose(
            wanted[np.tril_indices(4, -1)], [-0.515, 0.743, 0.119, 0.84, -0.855, 0.30], atol=0.015
        )
