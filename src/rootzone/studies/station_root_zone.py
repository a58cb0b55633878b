"""Root zone of the study `station`, and the comparison with sensors in the ground."""

import numpy as np
import pandas as pd

from rootzone.config.station import StationStudy
from rootzone.data import daily_mean
from rootzone.evaluate import deterministic_scores
from rootzone.studies.station_input import Observations
from rootzone.studies.station_retrieval import Retrieved
from rootzone.studies.station_soil import Soil, sensor_means
from rootzone.water import exponential_filter


def filter_root_zone(
    study: StationStudy, days: pd.DatetimeIndex, daily: Retrieved, snow: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the root-zone means (depth, day) and their standard deviations.

    The filter runs over days without snow and frost. Noise fades in the filter, what is wrong
    for the whole series does not; to both the structural deviation of the study is added.
    """
    time = np.arange(len(days), dtype=float)
    thawed = np.where(snow, np.nan, daily.theta)
    systematic = np.sqrt(np.maximum(daily.sigma**2 - daily.sigma_counting**2, 0.0))
    means, sigmas = [], []
    for T in study.root_zone.times():
        noise = np.where(np.isnan(daily.sigma_counting), 0.0, daily.sigma_counting)
        out = exponential_filter(thawed, time=time, characteristic_time=T, sigma=noise)
        means.append(np.asarray(out.theta))
        structure = study.root_zone.structure_sigma
        sigmas.append(np.sqrt(np.asarray(out.sigma) ** 2 + systematic**2 + structure**2))
    return np.stack(means), np.stack(sigmas)


def compare(
    study: StationStudy,
    obs: Observations,
    soil: Soil,
    days: pd.DatetimeIndex,
    daily: Retrieved,
    snow: np.ndarray,
    root_zone: np.ndarray,
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, dict[str, float]]]:
    """Return pairs of series (day) and their scores on days without snow and frost.

    The footprint is compared with the sensors weighted by depth, the root zone with their mean
    over the same depths where the sensors reach so far.
    """
    if obs.sensors is None:
        return {}, {}
    sensors = daily_mean(obs.sensors.theta, obs.axis, days)[0]
    pairs = sensor_means(obs.sensors.depth, sensors, soil, study.root_zone.depths)
    compared: dict[str, dict[str, np.ndarray]] = {}
    if "footprint" in pairs:
        compared["footprint"] = {"retrieved": daily.theta, "sensors": pairs["footprint"]}
    for n, depth in enumerate(study.root_zone.depths):
        key = f"0-{depth:g} cm"
        if key in pairs:
            compared[f"root zone {key}"] = {"retrieved": root_zone[n], "sensors": pairs[key]}
            compared[f"footprint as {key}"] = {"retrieved": daily.theta, "sensors": pairs[key]}
    scores = {}
    for name, pair in compared.items():
        pair["used"] = ~snow & ~np.isnan(pair["retrieved"]) & ~np.isnan(pair["sensors"])
        if pair["used"].sum() >= 3:
            scores[name] = deterministic_scores(
                sim=pair["retrieved"][pair["used"]], obs=pair["sensors"][pair["used"]]
            )
    return compared, scores
