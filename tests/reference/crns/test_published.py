"""Published series and campaigns: Sheepdrove2 (COSMOS-Europe) and 130 calibration campaigns."""

from pathlib import Path

import numpy as np
import pandas as pd

from rootzone import neutrons as ne

HERE = Path(__file__).parent


def test_sheepdrove2_soil_moisture():
    """Desilets with the constants of the published series."""
    series = pd.read_csv(HERE / "sheepdrove2_excerpt.csv.gz")
    assert len(series) == 2000
    theta = ne.soil_moisture(
        ne.Desilets2010(),
        count_rate=series["NeutronCount_Epithermal_MovAvg24h_corrected"].to_numpy(),
        N0=2724.285247757878,
        bulk_density=1.0999580357554606,
        lattice_water=0.077,
    )
    expected = series["SoilMoisture_volumetric_MovAvg24h"].to_numpy()
    np.testing.assert_allclose(theta, expected, atol=1e-9, rtol=0.0)


def test_sheepdrove2_penetration_depth():
    """D86 of all water at the detector comes back to 0.16 cm; of pore water alone it does not."""
    series = pd.read_csv(HERE / "sheepdrove2_excerpt.csv.gz")
    density = 1.0999580357554606
    theta = series["SoilMoisture_volumetric_MovAvg24h"].to_numpy()
    depth = ne.penetration_depth(theta + 0.077 * density, bulk_density=density, distance=0.0)
    published = 100.0 * series["Footprint_Depth_m"].to_numpy()
    np.testing.assert_allclose(depth, published, atol=0.16, rtol=0.0)
    pores_only = ne.penetration_depth(theta, bulk_density=density)
    assert np.median(np.abs(np.asarray(pores_only) - published)) > 1.0


def test_campaigns():
    """N0 over 130 campaigns at 75 stations: median and coefficient of variation."""
    c = pd.read_csv(HERE / "campaigns.csv")
    assert len(c) == 130
    water = (c["thetaeff"] / (c["bd"] / 1000.0)).to_numpy()
    n0 = c["Nscaled"].to_numpy() / np.asarray(ne.Desilets2010().relative_rate(water))
    np.testing.assert_allclose(np.median(n0), 2338.97, atol=0.005)
    np.testing.assert_allclose(np.std(n0, ddof=1) / np.mean(n0), 0.0543, atol=5e-5)
