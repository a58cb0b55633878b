"""What is known of a site: place, soil, and daily weather, corrected counts, sensors, snow.

Days are days of UTC. Series are pandas Series over days, NaN or no entry where there is no value,
under the names of :data:`NAMES`.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.core import DataError
from rootzone.core.layers import interval_mean_weights, layer_edges
from rootzone.data.quality import EXCLUDED
from rootzone.data.run_folder import RunFolder

WEATHER = ("pre", "tavg", "tmin", "tmax")
"""Weather of a day: precipitation [mm]; mean, lowest and highest temperature [degC]."""
NAMES = (*WEATHER, "rate", "sigma", "snow")
"""Weather, corrected count rate and its standard deviation [h-1], snow or frost (0 or 1)."""
DAY_HOURS = 20.0
"""Hours of a day that must have values for weather of that day."""


class Sensor(NamedTuple):
    """A sensor in the ground: depth [cm], daily water content [m3 m-3]."""

    depth: float
    theta: pd.Series


@dataclass
class DailySeries:
    """Series of a site by name, its sensors, and where they come from."""

    source: str
    values: dict[str, pd.Series] = field(default_factory=dict)
    sensors: list[Sensor] = field(default_factory=list)

    def over(self, other: "DailySeries") -> "DailySeries":
        """Return these series, and those of the other that are not here; all sensors of one."""
        return DailySeries(
            f"{self.source}, {other.source}",
            other.values | self.values,
            self.sensors or other.sensors,
        )


def by_day(
    times: pd.DatetimeIndex,
    values: np.ndarray,
    hours: float,
    how: Literal["mean", "sum", "min", "max"],
    least_hours: float = DAY_HOURS,
) -> pd.Series:
    """Return values of days (UTC) from values of intervals, days with too few hours left out.

    Parameters
    ----------
    times : DatetimeIndex (time)
        Starts of the intervals.
    values : array (time)
        NaN where there is none.
    hours : float
        Length of an interval [h], at most 24.
    how : str
        What a day is of its intervals.
    least_hours : float
        Hours with values that a day wants.

    Examples
    --------
    >>> hours = pd.date_range("2024-05-01", periods=30, freq="1h")
    >>> by_day(hours, np.arange(30.0), 1.0, "max").to_list()
    [23.0]
    """
    known = np.isfinite(values)
    groups = pd.Series(values[known], times[known].floor("D")).groupby(level=0)
    enough = groups.count() * hours >= min(least_hours, 24.0) - 1e-9
    return groups.agg(how)[enough]


class Layer(NamedTuple):
    """A layer of soil: lower depth [mm], sand and clay [%], dry bulk density [g cm-3]."""

    lower: float
    sand: float
    clay: float
    bulk_density: float


@dataclass(frozen=True)
class SiteRecord:
    """A site: place, soil, plants, detector, and its daily series.

    Attributes
    ----------
    name : str
        Its name.
    latitude, longitude, elevation : float
        Place [degrees, m].
    land_cover : int
        1 forest, 2 impervious, 3 pervious.
    leaf_area : array (month)
        [m2 m-2].
    layers : tuple of Layer
        Soil from the surface down, densities as measured (with organic matter).
    texture_known : bool
        Whether sand and clay are more than a guess.
    slope, aspect : float
        [%], [degrees from north].
    N0 : float or None
        Count rate over dry soil that was calibrated at the site [h-1].
    bound_water : float or None
        Lattice and organic water [g g-1].
    series : DailySeries
        Weather, counts, snow, sensors.
    """

    name: str
    latitude: float
    longitude: float
    elevation: float
    land_cover: int
    leaf_area: np.ndarray
    layers: tuple[Layer, ...]
    texture_known: bool
    slope: float
    aspect: float
    N0: float | None
    bound_water: float | None
    series: DailySeries


# --- the run of a study `station` ---------------------------------------------------------


@dataclass(frozen=True)
class StationRun:
    """What a finished run of the study `station` says of its site.

    Attributes
    ----------
    latitude, longitude, elevation : float
        Place [degrees, m].
    bulk_density, lattice_water, organic_water : float
        Soil of the footprint [g cm-3, g g-1].
    N0 : float
        Calibrated count rate over dry soil [h-1].
    series : DailySeries
        Weather, counts, snow, sensors.
    """

    latitude: float
    longitude: float
    elevation: float
    bulk_density: float
    lattice_water: float
    organic_water: float
    N0: float
    series: DailySeries


_SETTINGS = {
    "latitude": "latitude",
    "longitude": "longitude",
    "elevation": "elevation_m",
    "bulk_density": "bulk_density_g_cm3",
    "lattice_water": "lattice_water_g_g",
    "organic_water": "organic_water_g_g",
    "N0": "N0_per_hour",
}


def read_station_run(path: Path) -> StationRun:
    """Read the folder of a finished run of the study `station`.

    Raises
    ------
    DataError, RunError
        If it is no such folder, not finished, or of another kind of study.
    """
    folder = RunFolder.open(path)
    summary = folder.summary()
    if summary["kind"] != "station":
        raise DataError(
            f"{path}: a run of the study '{summary['kind']}', one of 'station' is wanted"
        )
    settings: Mapping[str, Any] = summary.get("settings", {})
    missing = [key for key in _SETTINGS.values() if settings.get(key) is None]
    if missing:
        raise DataError(f"{path}: summary.json does not tell {', '.join(missing)}: run it again")
    facts = {name: float(settings[key]) for name, key in _SETTINGS.items()}
    series = station_series(
        folder.read_dataset("results.nc"), folder.read_dataset("daily.nc"), str(path)
    )
    return StationRun(**facts, series=series)


def station_series(results: xr.Dataset, daily: xr.Dataset, source: str) -> DailySeries:
    """Return the series of the datasets of a run.

    The standard deviation of a day is that of the mean of its usable steps, from counting alone.

    Raises
    ------
    DataError
        If they lack counts.
    """
    if "count_rate_step_sigma" not in results or "count_rate" not in daily:
        raise DataError(f"{source}: results.nc and daily.nc hold no counts of a station")
    times = pd.DatetimeIndex(results["time"].to_numpy())
    hours = float(np.median(np.diff(times.to_numpy()) / np.timedelta64(1, "s"))) / 3600.0
    days = pd.DatetimeIndex(daily["day"].to_numpy())
    found = DailySeries(source)
    if "temperature" in results:
        warmth = results["temperature"].to_numpy()
        for name, how in (("tavg", "mean"), ("tmin", "min"), ("tmax", "max")):
            found.values[name] = by_day(times, warmth, hours, how)
    if "precipitation" in results:
        found.values["pre"] = by_day(times, results["precipitation"].to_numpy(), hours, "sum")
    usable = (results["quality_flag"].to_numpy() & int(EXCLUDED)) == 0
    variance = np.where(usable, results["count_rate_step_sigma"].to_numpy() ** 2, np.nan)
    found.values["rate"] = pd.Series(daily["count_rate"].to_numpy(), days)
    found.values["sigma"] = sigma_of_mean(times, variance, hours)
    found.values["snow"] = pd.Series(daily["snow_or_frost"].to_numpy().astype(float), days)
    if "in_situ_soil_moisture" in results:
        theta = results["in_situ_soil_moisture"].transpose("sensor", "time").to_numpy()
        depths = results["sensor_depth"].to_numpy()
        found.sensors = [
            Sensor(float(depth), by_day(times, row, hours, "mean", 0.0))
            for depth, row in zip(depths, theta, strict=True)
            if np.isfinite(row).any()
        ]
    return found


def sigma_of_mean(times: pd.DatetimeIndex, variance: np.ndarray, hours: float) -> pd.Series:
    """Return the standard deviation of daily means of values with independent errors (day)."""
    number = by_day(times, np.where(np.isfinite(variance), 1.0, np.nan), hours, "sum", 0.0)
    return np.sqrt(by_day(times, variance, hours, "mean", 0.0) / number)


# --- observations ---------------------------------------------------------------------------


class SiteObservations(NamedTuple):
    """What was observed at sites, on the days of a run.

    Attributes
    ----------
    days : array (day) of datetime64[D]
        The days.
    rate, sigma : array (day, site)
        Corrected count rate and its standard deviation from counting [h-1], scaled to a common
        count rate over dry soil; NaN where there is none.
    theta : array (day, depth, site)
        Water content of the sensors [m3 m-3], sensors of equal depth averaged; NaN where there is
        none.
    depths_cm : array (depth)
        Depths of the sensors of all sites.
    snow : array (day, site) of bool
        Snow cover or frozen soil: counts do not tell soil water.
    N0 : array (site)
        Count rates over dry soil calibrated at the sites [h-1]; NaN without one.
    scale : array (site)
        Common N0 over that of the site; ``rate / scale`` is the rate of the site itself.
    names : tuple of str
        Names of the sites.
    """

    days: np.ndarray
    rate: np.ndarray
    sigma: np.ndarray
    theta: np.ndarray
    depths_cm: np.ndarray
    snow: np.ndarray
    N0: np.ndarray
    scale: np.ndarray
    names: tuple[str, ...]

    def mean_to(self, bottom_cm: float) -> np.ndarray:
        """Return mean water content (day, site) from the surface to a depth [cm].

        A sensor stands for the layer around it, the lowest one down to half its depth further, so
        that 5, 10 and 20 cm make a mean of 0-30 cm. All layers that it needs must have values.
        """
        out = np.full(self.rate.shape, np.nan)
        for site in range(out.shape[1]):
            known = np.isfinite(self.theta[:, :, site]).any(axis=0)
            depths = self.depths_cm[known]
            if not known.any() or 1.5 * depths[-1] + 1e-9 < bottom_cm:
                continue
            edges = layer_edges(np.maximum(depths, 0.1))
            edges[-1] = max(edges[-1], bottom_cm)
            weights = np.asarray(interval_mean_weights(edges, 0.0, bottom_cm))
            needed = weights > 0.0
            out[:, site] = self.theta[:, known, site][:, needed] @ weights[needed]
        return out


def site_observations(
    records: Sequence[SiteRecord], days: np.ndarray, *, N0: float = 1500.0
) -> SiteObservations:
    """Return counts, water, and snow of sites on some days.

    The model has one count rate over dry soil for all cells (``Desilets_N0``), every detector its
    own. Rates are divided by the N0 that was calibrated at their site and multiplied by the common
    one: what is left is the law of the counts, the same for all detectors.

    Parameters
    ----------
    records : sequence of SiteRecord
        The sites.
    days : array (day) of datetime64[D]
        The days wanted.
    N0 : float
        Common count rate over dry soil [h-1], that of the model.

    Raises
    ------
    DataError
        If a site has counts and no N0.
    """
    index = pd.DatetimeIndex(days.astype("datetime64[ns]"))
    count = len(records)
    rate, sigma = np.full((2, len(days), count), np.nan)
    snow = np.zeros((len(days), count), bool)
    depths = np.array(sorted({s.depth for r in records for s in r.series.sensors}))
    theta = np.full((len(days), len(depths), count), np.nan)
    own = np.full(count, np.nan)
    for n, record in enumerate(records):
        values = record.series.values
        if "rate" in values:
            if record.N0 is None:
                raise DataError(
                    f"site '{record.name}' has counts and no N0: give sites[{n}].N0 (h-1), the "
                    "count rate over dry soil that was calibrated there"
                )
            own[n] = record.N0
            rate[:, n] = values["rate"].reindex(index) * (N0 / record.N0)
            sigma[:, n] = values["sigma"].reindex(index) * (N0 / record.N0)
        if "snow" in values:
            snow[:, n] = values["snow"].reindex(index).to_numpy() > 0.0
        for k, depth in enumerate(depths):
            same = [s.theta.reindex(index) for s in record.series.sensors if s.depth == depth]
            if same:
                theta[:, k, n] = pd.concat(same, axis=1).mean(axis=1)
    both = np.isfinite(rate) & np.isfinite(sigma) & (sigma > 0.0)
    return SiteObservations(
        days.astype("datetime64[D]"),
        np.where(both, rate, np.nan),
        np.where(both, sigma, np.nan),
        theta,
        depths,
        snow,
        own,
        N0 / own,
        tuple(r.name for r in records),
    )
