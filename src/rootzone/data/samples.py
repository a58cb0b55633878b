"""Soil samples: a table becomes campaigns of profiles."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false, reportAssignmentType=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rootzone.core import DataError, UnitError
from rootzone.data.tables import Column, column_values, text_column
from rootzone.data.text_files import Raw


@dataclass
class CampaignSamples:
    """Samples of one campaign, one entry per sample; ``profile`` counts from zero."""

    time: pd.Timestamp
    profile: np.ndarray
    distance: np.ndarray
    depth: np.ndarray
    gravimetric_water: np.ndarray
    bulk_density: np.ndarray
    lattice_water: np.ndarray
    soil_organic_carbon: np.ndarray


_KEY = "calibration.table.columns"
_DEEP = 20.0
"""Without a sample above this depth [cm] a profile says little about what the detector sees."""


def read_samples(
    raw: Raw,
    times: pd.DatetimeIndex,
    *,
    profile: str,
    columns: dict[str, Column],
    decimal: str,
    bulk_density: float | None,
    lattice_water: float | None,
    soil_organic_carbon: float | None,
) -> list[CampaignSamples]:
    """Turn a table of samples into campaigns.

    Parameters
    ----------
    raw : Raw
        The table.
    times : DatetimeIndex
        Sampling time of each row (UTC).
    profile : str
        Column that names the profile.
    columns : dict of Column
        ``distance``, ``depth`` and one of ``gravimetric_water``, ``volumetric_water``;
        optionally ``bulk_density``, ``lattice_water``, ``soil_organic_carbon``.
    decimal : str
        Decimal mark.
    bulk_density, lattice_water, soil_organic_carbon : float, optional
        Values of the site for samples that lack them.

    Returns
    -------
    list of CampaignSamples
        In the order of time; what was filled or left out goes to the notes and warnings of
        ``raw``.

    Raises
    ------
    DataError
        If no sample is usable, or bulk densities, depths or water contents are impossible.
    """
    frame = pd.DataFrame({"profile": text_column(raw, profile, where=f"{_KEY}.profile")})
    frame["time"] = times
    for name, column in columns.items():
        # One impossible density would shift the mean of all: no gap, an error.
        strict = name == "bulk_density"
        frame[name] = column_values(raw, column, decimal=decimal, hours=1.0, strict=strict)
    given = {
        "bulk_density": bulk_density,
        "lattice_water": lattice_water,
        "soil_organic_carbon": soil_organic_carbon,
    }
    for name, value in given.items():
        _fill(raw, frame, name, value)
    if "volumetric_water" in frame:
        frame["gravimetric_water"] = frame["volumetric_water"] / frame["bulk_density"]
    needed = ["time", "profile", "distance", "depth", "gravimetric_water"]
    bad = frame[needed].isna()
    if bad.any(axis=None):
        lacking = ", ".join(f"{n} {k}" for n, k in bad.sum().items() if k)
        what = f"{int(bad.any(axis=1).sum())} of {len(frame)} samples lack a value ({lacking})"
        if bad.any(axis=1).all():
            raise DataError(f"{raw.name}: no usable soil sample: {what}")
        raw.warn(f"{raw.name}: {what} and are left out")
    frame = _usable(raw, frame[~bad.any(axis=1)])
    frame = frame.assign(day=pd.DatetimeIndex(frame["time"]).floor("D"))
    campaigns = []
    for _, rows in frame.groupby("day", sort=True):
        stamps = pd.DatetimeIndex(rows["time"])
        middle = stamps.min() + (stamps.max() - stamps.min()) / 2
        number = pd.factorize(rows["profile"])[0]
        arrays = [
            rows[name].to_numpy(dtype=float)
            for name in (
                "distance",
                "depth",
                "gravimetric_water",
                "bulk_density",
                "lattice_water",
                "soil_organic_carbon",
            )
        ]
        campaigns.append(CampaignSamples(middle, number, *arrays))
        if rows["depth"].min() > _DEEP:
            raw.warn(
                f"{raw.name}: the samples of {middle:%Y-%m-%d} start at {rows['depth'].min():g} "
                "cm, below what weighs most in the counts"
            )
    return campaigns


def _fill(raw: Raw, frame: pd.DataFrame, name: str, value: float | None) -> None:
    """Give a soil property to the samples that lack it: their mean, or the value of the site."""
    known = frame[name] if name in frame else pd.Series(np.nan, frame.index)
    gaps = int(known.isna().sum())
    if gaps == len(frame):
        if value is None and name == "bulk_density":
            raise DataError(
                f"{raw.name}: no bulk density: name its column or set station.bulk_density"
            )
        if value is None:
            raw.warn(f"{raw.name}: no {name} anywhere, taken as zero")
        frame[name] = value or 0.0
    elif gaps:
        mean = float(known.mean())
        raw.notes.append(f"{raw.name}: {gaps} samples without {name} take the mean {mean:.4g}")
        frame[name] = known.fillna(mean)


def _usable(raw: Raw, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the samples whose water has room in the soil, and tell what is strange."""
    water, density = frame["gravimetric_water"], frame["bulk_density"]
    volume = water * density
    flooded = volume > 1.0
    if flooded.mean() > 0.5:
        raise UnitError(
            f"{raw.name}: water contents around {float(water.median()):.3g} g g-1 at a bulk "
            f"density of {float(density.median()):.3g} g cm-3 are more water than there is room; "
            f"is the column in percent ({_KEY}.gravimetric_water.units)?"
        )
    if flooded.any():
        raw.warn(
            f"{raw.name}: {int(flooded.sum())} samples hold more water than there is room and "
            "are left out"
        )
        frame, volume, density = frame[~flooded], volume[~flooded], density[~flooded]
    name = raw.name
    if (volume > 1.1 * (1.0 - density / 2.65)).mean() > 0.5:
        raw.warn(f"{name}: most samples hold more water than mineral soil of this density can")
    if (frame["gravimetric_water"] < 0.005).mean() > 0.5:
        raw.warn(f"{name}: most samples hold no water at all")
    if frame["depth"].max() <= 1.0:
        raw.warn(f"{name}: all depths are within 1 cm: are they in m ({_KEY}.depth.units)?")
    peat = density < 0.3
    if peat.any():
        raw.warn(
            f"{name}: {int(peat.sum())} of {len(frame)} samples have a bulk density under "
            "0.3 g cm-3 (peat); they pull the mean water content"
        )
    if ((frame["soil_organic_carbon"] > 0.2) & (density > 0.8)).mean() > 0.5:
        raw.warn(f"{name}: so much organic carbon does not fit the bulk density; is it in percent?")
    if (frame["lattice_water"] > 0.15).mean() > 0.5:
        raw.warn(f"{name}: lattice water is above 0.15 g g-1 in most samples; is it in percent?")
    return frame
