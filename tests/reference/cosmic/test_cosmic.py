"""COSMIC counts against two exact routes, and its angle function."""

import csv
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.neutrons import CosmicParameters, angle_function, cosmic, cosmic_inverse

HERE = Path(__file__).parent
EDGES = np.arange(301.0)


def _read(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(newline="") as file:
        return list(csv.DictReader(file))


PROFILES, COUNTS = _read("cosmic_profiles.csv"), _read("cosmic_counts.csv")


def _profile(name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in PROFILES])


def _count(row: dict[str, str], angles: str) -> float:
    density = float(row["rho_s"])
    return float(
        cosmic(
            _profile(row["profile"]),
            EDGES,
            bulk_density=density,
            lattice_water=float(row["lattice_water"]),
            parameters=CosmicParameters.of_bulk_density(density, N=float(row["N"])),
            angles=angles,
        )
    )


@pytest.mark.parametrize(
    ("angles", "tolerance"), [("gauss16", 1e-5), ("gauss32", 1e-6), ("bickley", 1e-7)]
)
def test_counts(angles, tolerance):
    assert len(COUNTS) == 60
    for row in COUNTS:
        expected = float(row["exact_analytic_depth_quad_angle"])
        np.testing.assert_allclose(_count(row, angles), expected, rtol=tolerance, err_msg=str(row))


def test_homogeneous_inverse_returns_the_profile():
    for row in COUNTS:
        if not row["profile"].startswith("uniform"):
            continue
        density = float(row["rho_s"])
        theta = cosmic_inverse(
            float(row["exact_analytic_depth_quad_angle"]),
            bulk_density=density,
            lattice_water=float(row["lattice_water"]),
            parameters=CosmicParameters.of_bulk_density(density, N=float(row["N"])),
            angles="gauss32",
        )
        expected = float(row["profile"].removeprefix("uniform_"))
        if expected == 0.0:  # round-off of the count decides on which side of the end it lies
            assert jnp.isnan(theta) or abs(theta) < 1e-6
        else:
            np.testing.assert_allclose(theta, expected, atol=2e-6)


def test_dry_top_counts_more_at_equal_mean_water():
    """5 cm of 0.05 over 0.30 against the homogeneous profile with the mean of the top 30 cm."""
    dry_top = _profile("drytop5_0.05_over_0.30")
    mean = np.full(300, dry_top[:30].mean())
    parameters = CosmicParameters.of_bulk_density(1.46)
    counts = [
        float(cosmic(p, EDGES, bulk_density=1.46, lattice_water=0.023, parameters=parameters))
        for p in (dry_top, mean)
    ]
    assert counts[0] > counts[1] + 50.0


def test_angle_function():
    for row in _read("cosmic_angle_function.csv"):
        c, expected = float(row["c"]), float(row["F_bickley"])
        # The reference carries 12 digits and cancels at large c; 1e-6 of its size is its own.
        np.testing.assert_allclose(
            angle_function(c, angles="bickley"), expected, rtol=4e-7, atol=1e-12
        )
