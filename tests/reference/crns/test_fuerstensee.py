"""Station FSC001 against neptoon 1.12.7: factors, N0 and soil moisture.

An excerpt (the weeks of both sampling campaigns) is in the repository; the full record is
compared where the environment variable ROOTZONE_FSC001 names a folder with the COSMOS-Europe
file `FSC001_time_series.csv.gz` and the processed files
`fuerstensee_neptoon1127_{desilets,koehli}_hourly.csv.gz`.

Conventions of the reference that the comparison follows, and the product does not:
hours in which the reference changed the raw count (first hours after a gap divided by the
length of the gap or interpolated: 281 of 56,245) enter with the reference's corrected count, and
its 12-hour mean is rounded to whole counts before the retrieval.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rootzone import neutrons as ne

HERE = Path(__file__).parent
SAMPLES = HERE.parents[2] / "examples" / "station_fsc001" / "FSCD001_calibration.csv"
LATITUDE, ELEVATION, RIGIDITY = 53.319, 66.0, 2.55
REFERENCE = {
    # law, N0, per campaign, tolerance of theta
    "desilets": (ne.Desilets2010(), 1350.656459, (1252.5236826791256, 1447.975136937979), 1e-5),
    # Theirs inverts by bisection on 1e-4 g/g (times a bulk density of 1.25).
    "koehli": (ne.Koehli2021(), 2175.624797, (2015.2882364872396, 2338.559580696156), 1e-4),
}


def _excerpt() -> pd.DataFrame:
    return pd.read_csv(HERE / "fuerstensee_excerpt.csv.gz", parse_dates=["time"]).set_index("time")


def _full() -> pd.DataFrame:
    folder = os.environ.get("ROOTZONE_FSC001")
    if not folder:
        pytest.skip("ROOTZONE_FSC001 names no folder with the full record of FSC001")
    raw = pd.read_csv(Path(folder) / "FSC001_time_series.csv.gz", parse_dates=["DateTime_utc"])
    raw = raw.set_index("DateTime_utc")
    out = pd.DataFrame(
        {
            "count": raw["NeutronCount_Epithermal_Cum1h"],
            "pressure": raw["AirPressure"],
            "temperature": raw["AirTemperature_Sensor2"],
            "relative_humidity": raw["AirHumidity_Relative_Sensor2"],
        }
    )
    for name in REFERENCE:
        path = Path(folder) / f"fuerstensee_neptoon1127_{name}_hourly.csv.gz"
        ref = pd.read_csv(path, parse_dates=["date_time"]).set_index("date_time")
        out[f"{name}_corrected"] = ref["corrected_epithermal_neutrons"]
        out[f"{name}_mean"] = ref["corrected_epithermal_neutrons_rollingmean_12h_centered"]
        out[f"{name}_theta"] = ref["smv"]
        out[f"incoming_factor_{name}"] = ref["incoming_neutron_intensity_correction"]
        if name == "desilets":
            out["intensity"] = ref["incoming_neutron_intensity"]
            out["pressure_factor"] = ref["atmospheric_pressure_correction"]
            out["humidity_factor"] = ref["humidity_correction"]
    out.index = out.index.tz_localize(None)
    return out


@pytest.fixture(scope="module", params=["excerpt", "full"])
def record(request) -> pd.DataFrame:
    return _excerpt() if request.param == "excerpt" else _full()


def _factors(record: pd.DataFrame, name: str) -> dict[str, np.ndarray]:
    p0 = ne.mean_pressure(ELEVATION)
    beta = ne.beta_desilets_2021(LATITUDE, p0, RIGIDITY)
    np.testing.assert_allclose(beta, 0.007314509635897326, rtol=1e-12)
    humidity = ne.absolute_humidity(
        record["temperature"].to_numpy(), record["relative_humidity"].to_numpy()
    )
    if name == "desilets":
        scaling = ne.scaling_hawdon_2014(RIGIDITY, monitor_cutoff_rigidity=0.7)
    else:
        scaling = ne.scaling_mcjannet_desilets_2023(
            LATITUDE, ELEVATION, RIGIDITY, monitor=ne.MONITORS["OULU"]
        )
    return {
        "pressure": np.asarray(
            ne.pressure_factor(record["pressure"].to_numpy(), beta=beta, reference_pressure=p0)
        ),
        "humidity": np.asarray(ne.humidity_factor(humidity, reference_humidity=0.0)),
        "incoming": np.asarray(
            ne.incoming_factor(
                record["intensity"].to_numpy(), reference_intensity=113.0, scaling=scaling
            )
        ),
        "absolute": np.asarray(humidity),
    }


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_factors(record, name):
    """The reference is written with six digits; hours without counts carry fillings of its own."""
    found = _factors(record, name)
    counted = record["count"].notna().to_numpy()
    assert counted.mean() > 0.8
    for mine, theirs in (
        ("pressure", "pressure_factor"),
        ("humidity", "humidity_factor"),
        ("incoming", f"incoming_factor_{name}"),
    ):
        np.testing.assert_allclose(
            found[mine][counted],
            record[theirs].to_numpy()[counted],
            atol=1e-6,
            rtol=0.0,
            err_msg=mine,
        )


def _corrected(record: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return corrected counts with the reference's hours, humidity, and where they differ."""
    f = _factors(record, name)
    factor = f["pressure"] * f["incoming"] * (f["humidity"] if name == "desilets" else 1.0)
    mine = record["count"].to_numpy() * factor
    theirs = record[f"{name}_corrected"].to_numpy()
    changed = (np.abs(mine - theirs) > 1e-3) | (np.isnan(mine) != np.isnan(theirs))
    assert changed.mean() < 0.01
    np.testing.assert_allclose(mine[~changed], theirs[~changed], atol=1e-6, rtol=0.0)
    return np.where(changed, theirs, mine), f["absolute"], changed


def _campaigns(record: pd.DataFrame, name: str) -> pd.DataFrame:
    rate, humidity, _ = _corrected(record, name)
    samples = pd.read_csv(SAMPLES)
    stamps = pd.to_datetime(samples["DateTime_utc"], format="%d.%m.%Y %H:%M")
    rows = []
    for time, group in samples.groupby(stamps):
        near = np.abs(record.index - time) <= pd.Timedelta("3h")
        mean = ne.footprint_mean(
            ne.ProfileSamples(
                pd.factorize(group["Profile_ID"])[0],
                group["Distance_to_CRNS_m"].to_numpy(),
                group["Profile_Depth_cm"].to_numpy(),
                group["SoilMoisture_g_g"].to_numpy(),
                group["DryBulkDensity_g_cm3"].to_numpy(),
                group["LatticeWater_g_g"].to_numpy(),
                np.asarray(
                    ne.organic_water(
                        group["SoilOrganicCarbon_g_g"].to_numpy(),
                        convention=ne.OrganicConvention.CARBON_DOUBLED,
                    )
                ),
            ),
            humidity=float(np.nanmean(humidity[near])),
            pressure=float(np.nanmean(record["pressure"].to_numpy()[near])),
            site_bulk_density=float(samples["DryBulkDensity_g_cm3"].mean()),
        )
        rows.append(
            {
                "rate": np.nanmean(rate[near]),
                "humidity": np.nanmean(humidity[near]),
                "theta": float(mean.theta),
                "iterations": mean.iterations,
                "water": float(mean.gravimetric_water),
                "density": float(mean.bulk_density),
                "lattice": float(mean.lattice_water),
                "organic": float(mean.organic_water),
            }
        )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_n0(record, name):
    law, n0, per_campaign, _ = REFERENCE[name]
    c = _campaigns(record, name)
    np.testing.assert_allclose(c["theta"], [0.18666105978860414, 0.15551948442071678], rtol=1e-9)
    np.testing.assert_allclose(c["density"], [1.3069171453322104, 1.2002721204334004], rtol=1e-9)
    assert list(c["iterations"]) == [3, 3]
    found = ne.fit_n0(
        law,
        count_rate=c["rate"].to_numpy(),
        total_water=(c["water"] + c["lattice"] + c["organic"]).to_numpy(),
        humidity=c["humidity"].to_numpy(),
    )
    np.testing.assert_allclose(found.N0, n0, rtol=1e-7)
    np.testing.assert_allclose(found.per_campaign, per_campaign, rtol=1e-7)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_soil_moisture(record, name):
    law, n0, _, tolerance = REFERENCE[name]
    rate, _, _ = _corrected(record, name)
    c = _campaigns(record, name)
    pieces = np.split(np.arange(len(rate)), np.flatnonzero(np.diff(record.index.asi8) > 3.7e12) + 1)
    mean = np.concatenate(
        [
            np.asarray(ne.window_mean(rate[i], sigma=0.0 * rate[i], width=12, min_count=8)[0])
            for i in pieces
        ]
    )
    # The windows at the ends of an excerpt lack the hours beyond.
    margin = 12 if len(pieces) > 1 else 0
    inner = np.concatenate([i[margin : len(i) - margin] for i in pieces])
    rounded = np.round(mean)
    np.testing.assert_array_equal(rounded[inner], record[f"{name}_mean"].to_numpy()[inner])
    humidity = np.asarray(
        ne.absolute_humidity(
            record["temperature"].to_numpy(), record["relative_humidity"].to_numpy()
        )
    )
    theta = ne.soil_moisture(
        law,
        count_rate=rounded,
        N0=n0,
        bulk_density=c["density"].mean(),
        lattice_water=c["lattice"].mean(),
        organic_water=c["organic"].mean(),
        humidity=humidity if law.needs_humidity else 0.0,
    )
    expected = record[f"{name}_theta"].to_numpy()[inner]
    found = np.asarray(theta)[inner]
    both = ~np.isnan(expected) & ~np.isnan(found)
    assert both.sum() > 200
    assert np.isnan(found).sum() <= np.isnan(expected).sum() + 0.005 * len(found)
    np.testing.assert_allclose(found[both], expected[both], atol=tolerance, rtol=0.0)
