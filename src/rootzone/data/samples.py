"""Soil samples: a table becomes campaigns of profiles."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rootzone.core import DataError, UnitError, quantity
from rootzone.data.tables import Column, Raw, numbers
from rootzone.data.units import convert


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


def _values(raw: Raw, column: Column | None, decimal: str) -> np.ndarray | None:
    if column is None:
        return None
    name = {"volumetric_water": "soil_moisture"}.get(column.quantity, column.quantity)
    values = numbers(raw, column.names[0], decimal=decimal, where=column.where)
    where = f"{raw.name}, column '{column.names[0]}' ({column.where}.units)"
    return convert(values, column.units, quantity(name), where)


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
) -> tuple[list[CampaignSamples], list[str]]:
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
    campaigns : list of CampaignSamples
        In the order of time.
    notes : list of str
        What was filled or left out.

    Raises
    ------
    DataError
        If no sample is usable, or bulk densities or depths are impossible.
    """
    if profile not in raw.frame.columns:
        numbers(raw, profile, decimal=decimal, where="calibration.table.columns.profile")
    data = {k: v for k, c in columns.items() if (v := _values(raw, c, decimal)) is not None}
    frame = pd.DataFrame(data)
    frame["profile"] = raw.frame[profile].to_numpy()
    frame["time"] = times
    notes: list[str] = []
    if "bulk_density" not in frame:
        if bulk_density is None:
            raise DataError(
                f"{raw.name}: no bulk density: name its column or set station.bulk_density"
            )
        frame["bulk_density"] = bulk_density
    _check_density(frame["bulk_density"].to_numpy(), raw.name)
    mean_density = float(np.nanmean(frame["bulk_density"]))
    fills = {
        "bulk_density": mean_density,
        "lattice_water": lattice_water,
        "soil_organic_carbon": soil_organic_carbon,
    }
    for name, value in fills.items():
        if name not in frame:
            if value is None:
                notes.append(f"{raw.name}: no {name} anywhere, taken as zero")
            frame[name] = 0.0 if value is None else value
        gaps = int(frame[name].isna().sum())
        if gaps:
            mean = float(np.nanmean(frame[name])) if gaps < len(frame) else (value or 0.0)
            notes.append(f"{raw.name}: {gaps} samples without {name} take the mean {mean:.4g}")
            frame[name] = frame[name].fillna(mean)
    if "volumetric_water" in frame:
        frame["gravimetric_water"] = frame["volumetric_water"] / frame["bulk_density"]
    needed = ["time", "profile", "distance", "depth", "gravimetric_water"]
    bad = frame[needed].isna().any(axis=1)
    if bad.any():
        notes.append(f"{raw.name}: {int(bad.sum())} samples lack time, place or water: left out")
    frame = frame[~bad]
    if frame.empty:
        raise DataError(f"{raw.name}: no usable soil sample")
    peat = frame["bulk_density"] < 0.3
    if peat.any():
        notes.append(
            f"{raw.name}: {int(peat.sum())} of {len(frame)} samples have a bulk density under "
            "0.3 g cm-3 (peat); they pull the mean water content"
        )
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
    return campaigns, notes


def _check_density(density: np.ndarray, name: str) -> None:
    finite = density[np.isfinite(density)]
    low, high = quantity("bulk_density").bounds
    bad = (finite < low) | (finite > high)
    if not bad.any():
        return
    value = float(finite[bad][0])
    hint = "a rock weighs 2.65; is it wet density or a mass?" if value > high else "is it a mass?"
    raise UnitError(
        f"{name}: bulk density {value:g} g cm-3 is impossible for soil, wanted {low:g} to "
        f"{high:g} ({hint})"
    )
