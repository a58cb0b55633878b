"""Soil of a station: its water-binding parts, the calibration campaigns, and sensor means."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rootzone import neutrons as ne
from rootzone.config.station import StationStudy
from rootzone.config.station_calibration import (
    CampaignCalibration,
    ReferenceCalibration,
    SampleCalibration,
)
from rootzone.core import DataError
from rootzone.core.layers import interval_mean_weights, layer_edges
from rootzone.data import CampaignSamples
from rootzone.studies.context import Context
from rootzone.studies.station_input import Observations, naive_utc


@dataclass
class Campaigns:
    """What the calibration stands on; arrays (campaign)."""

    time: list[pd.Timestamp]
    rate: np.ndarray
    rate_sigma: np.ndarray
    water: np.ndarray
    water_sigma: np.ndarray
    lattice_water: np.ndarray
    organic_water: np.ndarray
    humidity: np.ndarray
    means: list[ne.FootprintMean]
    samples: list[CampaignSamples]


@dataclass
class Soil:
    """Soil of the footprint with standard deviations: g cm-3, g g-1."""

    bulk_density: float
    bulk_density_sigma: float
    lattice_water: float
    lattice_water_sigma: float
    organic_water: float
    organic_water_sigma: float
    campaigns: Campaigns | None


def soil_of(
    study: StationStudy,
    obs: Observations,
    rate: np.ndarray,
    samples: list[CampaignSamples] | None,
    context: Context,
) -> Soil:
    """Return the soil: from the study, otherwise from the samples; and the campaigns."""
    site, default = study.station, study.uncertainty
    calibration = study.calibration
    campaigns = None
    if isinstance(calibration, SampleCalibration):
        assert samples is not None
        campaigns = _sampled(calibration, study, obs, rate, samples, context)

    def of_samples(value: str, error: str) -> tuple[float, float] | None:
        if campaigns is None:
            return None
        means = [float(getattr(m, value)) for m in campaigns.means]
        errors = [float(getattr(m, error)) for m in campaigns.means]
        return float(np.mean(means)), float(np.sqrt(np.mean(np.square(errors))))

    def choose(given, sampled, sigma: float) -> tuple[float, float] | None:
        if given is not None:
            return given.value, given.sigma if given.sigma is not None else sigma
        return sampled

    density = choose(
        site.bulk_density,
        of_samples("bulk_density", "bulk_density_error"),
        default.bulk_density,
    )
    if density is None:
        raise DataError(
            "the bulk density is not known: give station.bulk_density [g cm-3] or soil samples"
        )
    lattice = choose(
        site.lattice_water,
        of_samples("lattice_water", "lattice_water_error"),
        default.lattice_water,
    )
    if lattice is None:
        if site.clay is not None:
            lattice = (
                float(ne.lattice_water_avery_2016(site.clay)),
                default.lattice_water,
            )
            context.log.tell(f"lattice water {lattice[0]:.4f} g g-1 from clay (Avery 2016)")
        else:
            lattice = (0.0, 0.0)
            context.log.warn("lattice water is not known and taken as zero")
    organic = of_samples("organic_water", "organic_water_error")
    if site.soil_organic_carbon is not None:
        given = site.soil_organic_carbon
        factor = site.convention().value
        sigma = given.sigma * factor if given.sigma is not None else default.organic_water
        organic = (given.value * factor, sigma)
    if organic is None:
        organic = (0.0, 0.0)
        context.log.warn("organic water is not known and taken as zero")
    soil = Soil(*density, *lattice, *organic, campaigns)
    if isinstance(calibration, CampaignCalibration):
        with_factor = study.corrections.humidity.method != "none"
        soil.campaigns = _stated(calibration, obs, rate, soil, with_factor, context)
    elif isinstance(calibration, ReferenceCalibration):
        soil.campaigns = _referenced(calibration, obs, rate, soil)
    return soil


def _counts_between(
    obs: Observations, rate: np.ndarray, start: pd.Timestamp, end: pd.Timestamp, what: str
) -> tuple[float, float, np.ndarray]:
    inside = np.asarray((obs.axis >= start) & (obs.axis <= end))
    used = inside & ~np.isnan(rate)
    if not used.any():
        raise DataError(
            f"{what}: no valid counts between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} "
            f"UTC; the record runs from {obs.axis[0]:%Y-%m-%d} to {obs.axis[-1]:%Y-%m-%d}"
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.nanmean(rate[used] / obs.rate[used])
    total_counts = float(np.sum(obs.rate[used] * obs.hours[used]))
    mean = float(np.mean(rate[used]))
    return mean, float(factor * np.sqrt(total_counts) / np.sum(obs.hours[used])), inside


def _sampled(
    calibration: SampleCalibration,
    study: StationStudy,
    obs: Observations,
    rate: np.ndarray,
    samples: list[CampaignSamples],
    context: Context,
) -> Campaigns:
    site = study.station
    density = float(np.mean(np.concatenate([s.bulk_density for s in samples])))
    pressure = obs.get("pressure")
    assert pressure is not None
    half = pd.Timedelta(hours=calibration.window_hours / 2.0)
    rows, means, used_samples = [], [], []
    for campaign in samples:
        what = f"soil samples of {campaign.time:%Y-%m-%d}"
        try:
            mean, sigma, inside = _counts_between(
                obs, rate, campaign.time - half, campaign.time + half, what
            )
        except DataError as error:
            context.log.warn(f"{error}; the campaign is left out")
            continue
        humidity = float(np.nanmean(obs.humidity[inside]))
        footprint = ne.footprint_mean(
            ne.ProfileSamples(
                campaign.profile,
                campaign.distance,
                campaign.depth,
                campaign.gravimetric_water,
                campaign.bulk_density,
                campaign.lattice_water,
                np.asarray(
                    ne.organic_water(campaign.soil_organic_carbon, convention=site.convention())
                ),
            ),
            humidity=humidity,
            pressure=float(np.nanmean(pressure[inside])),
            site_bulk_density=density,
            vegetation_height=site.vegetation_height,
            radial=calibration.radial_weight,
            tolerance=calibration.tolerance,
        )
        if not footprint.converged:
            context.log.warn(f"{what}: the footprint average did not converge")
        rows.append(
            (
                mean,
                sigma,
                float(footprint.gravimetric_water),
                float(footprint.gravimetric_water_error),
                float(footprint.lattice_water),
                float(footprint.organic_water),
                humidity,
            )
        )
        means.append(footprint)
        used_samples.append(campaign)
    if not rows:
        raise DataError("no campaign of soil samples has counts: N0 cannot be calibrated")
    columns = np.array(rows).T
    times = [s.time for s in used_samples]
    return Campaigns(times, *columns, means, used_samples)


def _stated(
    calibration: CampaignCalibration,
    obs: Observations,
    rate: np.ndarray,
    soil: Soil,
    with_factor: bool,
    context: Context,
) -> Campaigns:
    rows, times = [], []
    for n, campaign in enumerate(calibration.campaigns):
        start, end = naive_utc(campaign.start), naive_utc(campaign.end)
        what = f"calibration.campaigns[{n}]"
        # Counts are taken in [start, end): the stamp marks the start of its interval.
        last = end - pd.Timedelta(seconds=1)
        mean, sigma, inside = _counts_between(obs, rate, start, last, what)
        humidity = float(np.nanmean(obs.humidity[inside])) if inside.any() else np.nan
        if campaign.absolute_humidity is not None:
            # The corrected counts hold the humidity of the record: exchange it for the measured.
            old = humidity if np.isfinite(humidity) else campaign.absolute_humidity
            if with_factor:
                correction = 1.0 + 0.0054 * (campaign.absolute_humidity - old)
                mean, sigma = mean * correction, sigma * correction
            humidity = campaign.absolute_humidity
            context.log.tell(
                f"{what}: humidity {humidity:.2f} g m-3 as stated instead of {old:.2f}"
            )
        water = campaign.gravimetric_water
        rows.append(
            (
                mean,
                sigma,
                water.value,
                0.02 if water.sigma is None else water.sigma,
                soil.lattice_water,
                soil.organic_water,
                humidity if np.isfinite(humidity) else 0.0,
            )
        )
        times.append(start + (end - start) / 2)
    return Campaigns(times, *np.array(rows).T, [], [])


def _referenced(
    calibration: ReferenceCalibration, obs: Observations, rate: np.ndarray, soil: Soil
) -> Campaigns:
    if obs.sensors is None:
        raise DataError("calibration.method reference needs in-situ sensors (soil_moisture)")
    start, end = naive_utc(calibration.start), naive_utc(calibration.end)
    last = end - pd.Timedelta(seconds=1)  # counts in [start, end)
    mean, sigma, inside = _counts_between(obs, rate, start, last, "calibration")
    both = inside & ~np.isnan(rate)
    known = obs.sensors.theta[:, both]
    known = known[~np.isnan(known).all(axis=1)]
    if not known.size:
        raise DataError(f"no sensor has values between {start} and {end}")
    depths = obs.sensors.depth[~np.isnan(obs.sensors.theta[:, both]).all(axis=1)]
    theta = np.nanmean(known, axis=1)
    weighted = sensor_means(depths, theta[:, None], soil, [])
    water = float(weighted["footprint"][0]) / soil.bulk_density
    humid = obs.humidity[inside]
    humid = humid[np.isfinite(humid)]
    humidity = float(humid.mean()) if humid.size else 0.0
    row = (
        mean,
        sigma,
        water,
        calibration.sigma / soil.bulk_density,
        soil.lattice_water,
        soil.organic_water,
        humidity if np.isfinite(humidity) else 0.0,
    )
    return Campaigns([start + (end - start) / 2], *np.array([row]).T, [], [])


def sensor_means(
    depth: np.ndarray, theta: np.ndarray, soil: Soil, root_zone: list[float]
) -> dict[str, np.ndarray]:
    """Return means of in-situ sensors (time): depth-weighted, and over root-zone depths.

    Sensors of equal depth are averaged; a depth stands for the layer around it. The
    depth-weighted mean takes whatever depths have values, a root-zone mean wants all layers
    that it needs, and the lowest layer must reach its lower end.

    Parameters
    ----------
    depth : array (sensor)
        Depths [cm].
    theta : array (sensor, time)
        Water content [m3 m-3].
    soil : Soil
        For the penetration depth.
    root_zone : list of float
        Lower ends [cm].
    """
    depths = np.unique(depth)
    by_depth = np.full((len(depths), theta.shape[1]), np.nan)
    for n, z in enumerate(depths):
        rows = theta[depth == z]
        number = np.sum(~np.isnan(rows), axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            by_depth[n] = np.where(number > 0, np.nansum(rows, axis=0) / number, np.nan)
    edges = layer_edges(depths if depths[0] > 0 else np.maximum(depths, 0.1))
    added = (soil.lattice_water + soil.organic_water) * soil.bulk_density
    mean, _ = ne.profile_mean(by_depth.T, edges, bulk_density=soil.bulk_density, added_water=added)
    out = {"footprint": np.asarray(mean)}
    for bottom in root_zone:
        # The lowest sensor stands for the soil below it as far as the layer above is thick,
        # and a little further: 5, 10, 20 cm make a 0-30 cm mean.
        reach = edges.copy()
        if reach[-1] < bottom <= depths[-1] * 1.5 + 1e-9:
            reach[-1] = bottom
        if reach[-1] + 1e-9 < bottom:
            continue
        weight = np.asarray(interval_mean_weights(reach, 0.0, bottom))
        needed = weight > 0
        out[f"0-{bottom:g} cm"] = weight[needed] @ by_depth[needed]
    return out
