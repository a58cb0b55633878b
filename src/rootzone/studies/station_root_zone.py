"""Root zone of the study `station`, and the comparison with sensors in the ground."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.station import StationStudy
from rootzone.config.station_root_zone import ExponentialFilter
from rootzone.data import daily_mean
from rootzone.evaluate import deterministic_scores
from rootzone.studies.station_input import Observations
from rootzone.studies.station_retrieval import Retrieved
from rootzone.studies.station_soil import Soil, sensor_means
from rootzone.water import exponential_filter

BAND = 1.645  # deviations to the ends of the 90 % band


class RootZone(NamedTuple):
    """Root-zone water (depth, day) [m3 m-3]: mean, deviation and 90 % band."""

    mean: np.ndarray
    sigma: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    learned_from: np.ndarray
    """Days up to the last whose sensors were learned from (day); they are not scored."""
    read: xr.Dataset | None = None
    """What a network read: inputs (day), and the attributes as scalars."""


def filter_root_zone(
    settings: ExponentialFilter, days: pd.DatetimeIndex, daily: Retrieved, snow: np.ndarray
) -> RootZone:
    """Return the root zone of the exponential filter.

    The filter runs over days without snow and frost. Noise fades in the filter, what is wrong
    for the whole series does not; to both the structural deviation of the study is added.
    """
    time = np.arange(len(days), dtype=float)
    thawed = np.where(snow, np.nan, daily.theta)
    systematic = daily.systematic
    means, sigmas = [], []
    for T in settings.times():
        noise = np.where(np.isnan(daily.sigma_counting), 0.0, daily.sigma_counting)
        out = exponential_filter(thawed, time=time, characteristic_time=T, sigma=noise)
        means.append(np.asarray(out.theta))
        structure = settings.structure_sigma
        sigmas.append(np.sqrt(np.asarray(out.sigma) ** 2 + systematic**2 + structure**2))
    mean, sigma = np.stack(means), np.stack(sigmas)
    band = BAND * sigma
    return RootZone(mean, sigma, mean - band, mean + band, np.zeros(len(days), bool))


def daily_sensors(
    study: StationStudy, obs: Observations, soil: Soil, days: pd.DatetimeIndex
) -> dict[str, np.ndarray]:
    """Return daily means of the sensors (day), weighted by depth and over root-zone depths."""
    if obs.sensors is None:
        return {}
    sensors = daily_mean(obs.sensors.theta, obs.axis, days)[0]
    return sensor_means(obs.sensors.depth, sensors, soil, study.root_zone.depths)


def compare(
    study: StationStudy,
    pairs: dict[str, np.ndarray],
    daily: Retrieved,
    snow: np.ndarray,
    root_zone: RootZone,
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, dict[str, float]]]:
    """Return pairs of series (day) and their scores on days without snow and frost.

    The footprint is compared with the sensors weighted by depth, the root zone with their mean
    over the same depths where the sensors reach so far. Days that were learned from are left out.
    """
    compared: dict[str, dict[str, np.ndarray]] = {}
    if "footprint" in pairs:
        compared["footprint"] = {"retrieved": daily.theta, "sensors": pairs["footprint"]}
    for n, depth in enumerate(study.root_zone.depths):
        key = f"0-{depth:g} cm"
        if key in pairs:
            compared[f"root zone {key}"] = {"retrieved": root_zone.mean[n], "sensors": pairs[key]}
            compared[f"footprint as {key}"] = {"retrieved": daily.theta, "sensors": pairs[key]}
    scores = {}
    for name, pair in compared.items():
        pair["used"] = ~snow & ~np.isnan(pair["retrieved"]) & ~np.isnan(pair["sensors"])
        pair["used"] &= ~root_zone.learned_from
        if pair["used"].sum() >= 3:
            scores[name] = deterministic_scores(
                sim=pair["retrieved"][pair["used"]], obs=pair["sensors"][pair["used"]]
            )
    return compared, scores
