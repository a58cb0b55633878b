"""The study `station`: a station's counts become soil moisture with honest uncertainty.

The page reads in the order of the work: counts and flags, correction factors, N0, water of the
footprint with its bands, root zone, comparison with sensors in the ground.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from rootzone import neutrons as ne
from rootzone.config.station import StationStudy
from rootzone.config.station_calibration import SampleCalibration
from rootzone.config.station_root_zone import ExponentialFilter, LearnedRootZone
from rootzone.core import DataError
from rootzone.data import EXCLUDED, Flag, spike_flags
from rootzone.studies.context import Context
from rootzone.studies.station_corrections import Corrected, correct
from rootzone.studies.station_input import Observations, read_campaigns, read_observations
from rootzone.studies.station_retrieval import (
    Calibrated,
    Counts,
    Retrieved,
    calibrate,
    daily_counts,
    retrieve,
)
from rootzone.studies.station_root_zone import (
    RootZone,
    compare,
    daily_sensors,
    filter_root_zone,
)
from rootzone.studies.station_soil import Soil, soil_of

if TYPE_CHECKING:
    from rootzone.studies.station_learned import Reader


@dataclass
class StationResult:
    """Everything the study found; :mod:`rootzone.studies.station_output` writes it."""

    observations: Observations
    corrected: Corrected
    soil: Soil
    calibrated: Calibrated
    retrieved: Retrieved
    days: pd.DatetimeIndex
    daily: Retrieved
    daily_snow: np.ndarray
    root_zone: RootZone
    comparison: dict[str, dict[str, np.ndarray]]
    scores: dict[str, dict[str, float]]


class Prepared(NamedTuple):
    """Everything that input can be wrong for."""

    observations: Observations
    corrected: Corrected
    rate: np.ndarray
    """Corrected rate (time) [h-1], NaN where the flags exclude it."""
    soil: Soil
    calibrated: Calibrated
    reader: "Reader | None"
    """The network of the root zone, if the study asks one."""


def prepare(study: StationStudy, context: Context) -> Prepared:
    """Read, correct and calibrate.

    Raises
    ------
    DataError, UnitError
        If the input cannot be used; before anything is computed.
    """
    context.progress("reading", 0.0)
    obs = read_observations(study, context)
    samples = None
    if isinstance(study.calibration, SampleCalibration):
        samples = read_campaigns(study.calibration.table, study, context)
    reader = None
    if isinstance(study.root_zone, LearnedRootZone):
        from rootzone.studies.station_learned import network_of

        reader = network_of(study.root_zone, context)
    context.progress("correcting", 0.4)
    corrected = correct(obs, study, context)
    flag_spikes(obs, corrected, study, context)
    rate = np.where(obs.flags & int(EXCLUDED), np.nan, corrected.rate)
    if np.isnan(rate).all():
        raise DataError(
            "no count is left after the quality flags: "
            + ", ".join(
                f"{Flag(f).name} {n}" for f in EXCLUDED if (n := int((obs.flags & f > 0).sum()))
            )
        )
    context.progress("calibrating", 0.5)
    soil = soil_of(study, obs, rate, samples, context)
    calibrated = calibrate(study, obs, corrected, rate, soil, context)
    return Prepared(obs, corrected, rate, soil, calibrated, reader)


def run_station(study: StationStudy, context: Context) -> StationResult:
    """Run the study: read, correct, calibrate, retrieve, filter, compare."""
    obs, corrected, rate, soil, calibrated, reader = prepare(study, context)
    # An hour above the dry maximum is noise; far above it, it is no neutron.
    driest = calibrated.N0 * np.asarray(ne.driest_rate(study.law.build(), obs.humidity))
    with np.errstate(invalid="ignore"):
        obs.flags[rate > driest + 5.0 * corrected.sigma] |= Flag.ABOVE_DRY_SOIL
    rate = np.where(obs.flags & int(Flag.ABOVE_DRY_SOIL), np.nan, rate)

    context.progress("retrieving", 0.6)
    width = max(1, round(study.time.window_hours / obs.step_hours))
    mean, sigma = ne.window_mean(
        rate,
        sigma=corrected.sigma,
        width=width,
        min_count=max(1, int(np.ceil(width * study.time.min_coverage - 1e-9))),
    )
    days, of_day, snow = daily_counts(study, obs, corrected, rate)
    of_step = Counts(
        np.asarray(mean),
        np.asarray(sigma),
        obs.humidity,
        obs.humidity_sigma,
        obs.values["pressure"],
    )
    # Steps and days in one call: one compilation instead of two.
    both = retrieve(study, obs, soil, calibrated, corrected, of_step.joined(of_day))
    retrieved, daily = both.split(len(obs.axis))
    obs.flags[retrieved.validity == ne.Validity.TOO_DRY] |= Flag.ABOVE_DRY_SOIL
    obs.flags[retrieved.validity == ne.Validity.TOO_WET] |= Flag.BELOW_WETTEST

    if np.isnan(retrieved.theta).all():
        context.log.warn(
            "NO soil moisture could be retrieved: every corrected count lies outside the law; N0 "
            f"is {calibrated.N0:.0f} h-1, the mean corrected rate {np.nanmean(rate):.0f} h-1"
            if np.isfinite(rate).any()
            else "NO soil moisture could be retrieved: all counts exceed those over dry soil; "
            f"N0 is {calibrated.N0:.0f} h-1"
        )
    context.progress("root zone", 0.8)
    sensors = daily_sensors(study, obs, soil, days)
    if isinstance(study.root_zone, ExponentialFilter):
        root_zone = filter_root_zone(study.root_zone, days, daily, snow)
    else:
        from rootzone.studies.station_learned import learned_root_zone

        assert reader is not None
        root_zone = learned_root_zone(
            study, reader, obs, soil, calibrated, days, daily, snow, sensors, context
        )
    comparison, scores = compare(study, sensors, daily, snow, root_zone)
    return StationResult(
        obs,
        corrected,
        soil,
        calibrated,
        retrieved,
        days,
        daily,
        snow,
        root_zone,
        comparison,
        scores,
    )


def flag_spikes(
    obs: Observations, corrected: Corrected, study: StationStudy, context: Context
) -> None:
    """Flag corrected rates that are far from their running median, and tell all flags."""
    usable = np.where(obs.flags & int(EXCLUDED), np.nan, corrected.rate)
    spikes = spike_flags(
        usable,
        corrected.sigma,
        window=round(study.quality.spike_window_hours / obs.step_hours),
        sigmas=study.quality.spike_sigma,
        relative=study.quality.spike_relative,
    )
    obs.flags[spikes] |= Flag.SPIKE
    found = {f.name: int((obs.flags & f > 0).sum()) for f in Flag}
    listed = ", ".join(f"{name} {n}" for name, n in found.items() if n)
    context.log.tell(f"flags ({len(obs.axis)} steps): {listed or 'none'}")
    share = float(((obs.flags & int(EXCLUDED)) > 0).mean())
    if share > 0.3:
        context.log.warn(f"{100 * share:.0f} % of the counts are missing or excluded by flags")
