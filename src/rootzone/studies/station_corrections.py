"""Corrections of the study `station`: from raw to corrected count rates."""

from dataclasses import dataclass

import jax
import numpy as np
from jax.typing import ArrayLike

from rootzone import neutrons as ne
from rootzone.config.station import StationStudy
from rootzone.config.station_calibration import CampaignCalibration, GivenN0
from rootzone.core import DataError
from rootzone.data import Flag
from rootzone.studies.context import Context
from rootzone.studies.station_input import Observations

_ROAD_ITERATIONS = 6  # each shrinks the change about tenfold
FACTORS: tuple[str, ...] = ("pressure", "humidity", "incoming", "biomass", "road")


@dataclass
class Corrected:
    """Correction factors and the corrected count rate [h-1]; arrays (time)."""

    factors: dict[str, np.ndarray]
    rate: np.ndarray
    sigma: np.ndarray
    beta: float
    reference_pressure: float
    reference_humidity: float
    incoming_sigma: float


def barometric_coefficient(study: StationStudy) -> float:
    """Return beta [hPa-1] by the method of the study."""
    site, method = study.station, study.corrections.pressure.method
    if method == "given":
        assert study.corrections.pressure.beta is not None
        return study.corrections.pressure.beta
    rigidity = site.cutoff_rigidity
    assert rigidity is not None
    if method == "tirado_bueno_2021":
        return float(ne.beta_tirado_bueno_2021(rigidity))
    function = {
        "desilets_2021": ne.beta_desilets_2021,
        "desilets_zreda_2003": ne.beta_desilets_zreda_2003,
    }[method]
    return float(jax.jit(function)(site.latitude, ne.mean_pressure(site.elevation), rigidity))


def _reference(given: str | float, values: np.ndarray, standard: float | None = None) -> float:
    if given == "mean":
        return float(np.nanmean(values))
    if given == "standard_atmosphere":
        assert standard is not None
        return standard
    return float(given)


def correct(obs: Observations, study: StationStudy, context: Context) -> Corrected:
    """Return the correction factors and the corrected count rate."""
    c, site = study.corrections, study.station
    ones = np.ones(len(obs.axis))
    factors: dict[str, np.ndarray] = dict.fromkeys(FACTORS, ones)
    standard = float(ne.mean_pressure(site.elevation))
    pressure, beta, p0 = obs.get("pressure"), float("nan"), float("nan")
    if c.pressure.method == "none":
        if pressure is None:  # the footprint still needs the thickness of the air
            obs.values["pressure"] = standard * ones
        context.log.warn("pressure is NOT corrected (corrections.pressure.method is none)")
    else:
        if pressure is None:
            raise DataError(
                "no table names a column for pressure (tables[0].columns.pressure); for counts "
                "that are corrected already set corrections.pressure.method: none"
            )
        beta = barometric_coefficient(study)
        p0 = _reference(c.pressure.reference, pressure, standard)
        factors["pressure"] = np.asarray(
            ne.pressure_factor(pressure, beta=beta, reference_pressure=p0)
        )
        context.log.tell(
            f"pressure: {c.pressure.method}, beta {beta:.6f} hPa-1, reference {p0:.2f} hPa"
        )
    h_ref = 0.0
    if c.humidity.method == "rosolem_2013":
        h_ref = _reference(c.humidity.reference, obs.humidity)
        factors["humidity"] = np.asarray(ne.humidity_factor(obs.humidity, reference_humidity=h_ref))
    factors["incoming"], incoming_sigma = _incoming(obs, study, context)
    factors["biomass"] = _biomass(obs, study)
    if c.road.method == "schroen_2018":
        factors["road"] = _road(obs, factors, study)
    product = np.prod([factors[name] for name in FACTORS], axis=0)
    missing = np.isnan(product)
    obs.flags[missing] |= Flag.MISSING_WEATHER
    rate = obs.rate * product
    positive = np.where(obs.rate > 0, obs.rate, np.nan)
    sigma = np.asarray(ne.counting_sigma(positive, hours=obs.hours, factor=product))
    return Corrected(factors, rate, sigma, beta, p0, h_ref, incoming_sigma)


def _incoming(obs: Observations, study: StationStudy, context: Context) -> tuple[np.ndarray, float]:
    c, site = study.corrections.incoming, study.station
    intensity = obs.get("incoming_intensity")
    ones = np.ones(len(obs.axis))
    if c.method == "none" and study.corrections.pressure.method == "none":
        context.log.tell("incoming intensity: the counts are taken as corrected already")
        return ones, study.uncertainty.incoming_relative
    if c.method == "none" or intensity is None or np.isnan(intensity).all():
        why = "corrections.incoming.method is none" if c.method == "none" else "no series is given"
        context.log.warn(
            f"incoming cosmic-ray intensity NOT corrected ({why}): the factor is 1, and solar "
            "activity of several percent of the counts stays in the soil moisture"
        )
        return ones, study.uncertainty.incoming_relative_uncorrected
    scaling = 1.0
    if c.method == "hawdon_2014":
        assert site.cutoff_rigidity is not None
        scaling = ne.scaling_hawdon_2014(site.cutoff_rigidity, monitor_cutoff_rigidity=c.rigidity())
    elif c.method == "mcjannet_desilets_2023":
        assert site.cutoff_rigidity is not None
        assert c.monitor is not None
        scaling = ne.scaling_mcjannet_desilets_2023(
            site.latitude, site.elevation, site.cutoff_rigidity, monitor=ne.MONITORS[c.monitor]
        )
    factor = ne.incoming_factor(
        intensity,
        reference_intensity=_reference(c.reference_intensity, intensity),
        scaling=scaling,
        form=c.form,
    )
    factor = np.asarray(factor)
    gap = np.isnan(factor)
    if c.gaps == "one" and gap.any():
        context.log.warn(
            f"incoming cosmic-ray intensity is missing in {100 * gap.mean():.1f} % of the time: "
            "the factor is 1 there (corrections.incoming.gaps: one)"
        )
        return np.where(gap, 1.0, factor), study.uncertainty.incoming_relative_uncorrected
    return factor, study.uncertainty.incoming_relative


def biomass_amount(obs: Observations, study: StationStudy) -> tuple[np.ndarray, float]:
    """Return the biomass series that the correction needs, and its standard deviation."""
    name = "dry_biomass" if study.corrections.biomass.method == "baatz_2015" else "biomass_water"
    series, site = obs.get(name), getattr(study.station, name)
    sigma = getattr(study.uncertainty, name)
    if series is not None:
        return series, sigma
    if site is None:
        raise DataError(
            f"corrections.biomass.method {study.corrections.biomass.method} needs a column for "
            f"{name} or station.{name}"
        )
    return np.full(len(obs.axis), site.value), site.sigma if site.sigma is not None else sigma


def biomass_factor(study: StationStudy, amount: ArrayLike) -> jax.Array:
    """Return the biomass correction factor of the study for an amount of biomass."""
    c = study.corrections.biomass
    if c.method == "baatz_2015":
        return ne.biomass_factor_baatz_2015(amount)
    if c.method == "morris_2024":
        return ne.biomass_factor_morris_2024(amount)
    assert c.relative_slope is not None
    return ne.biomass_factor_franz_2015(amount, relative_slope=c.relative_slope)


def _biomass(obs: Observations, study: StationStudy) -> np.ndarray:
    if study.corrections.biomass.method == "none":
        return np.ones(len(obs.axis))
    factor = np.asarray(biomass_factor(study, biomass_amount(obs, study)[0]))
    if np.nanmax(factor) > 2.0 or np.nanmin(factor) <= 0:
        raise DataError(
            "the biomass is so large that its correction more than doubles the counts: "
            "check its unit (mm of water, kg m-2 of dry matter)"
        )
    return factor


def _road(obs: Observations, factors: dict[str, np.ndarray], study: StationStudy) -> np.ndarray:
    """Return the road factor for the soil moisture beside the road, found with it by iteration.

    The soil moisture of each window follows from its counts and an N0 that is consistent with
    the calibration: the given one, or that of the mean water of the campaigns.
    """
    road, site, law = study.corrections.road, study.station, study.law.build()
    density = site.bulk_density.value if site.bulk_density else 1.3
    added = site.lattice_water.value if site.lattice_water else 0.0
    if site.soil_organic_carbon is not None:
        added += site.soil_organic_carbon.value * site.convention().value
    humidity = np.where(np.isnan(obs.humidity), 0.0, obs.humidity)
    counts = np.where(obs.rate > 0, obs.rate, np.nan) * np.prod(list(factors.values()), axis=0)
    width = max(1, round(study.time.window_hours / obs.step_hours))
    mean = np.asarray(ne.window_mean(counts, sigma=0.0 * counts, width=width)[0])
    factor = np.ones(len(obs.axis))
    for _ in range(_ROAD_ITERATIONS):
        rate = mean * factor
        if isinstance(study.calibration, GivenN0):
            n0 = study.calibration.uncertain().value
        else:
            water = 0.2
            if isinstance(study.calibration, CampaignCalibration):
                water = np.mean([c.gravimetric_water.value for c in study.calibration.campaigns])
            n0 = np.nanmean(rate) / float(law.relative_rate(water + added, np.mean(humidity)))
        theta = (np.asarray(law.water(rate / n0, humidity)) - added) * density
        theta = np.clip(np.where(np.isnan(theta), np.nanmedian(theta), theta), 0.02, 0.6)
        factor = np.asarray(
            ne.road_factor(
                theta,
                road_moisture=road.road_moisture,
                road_width=road.road_width,
                distance=road.distance,
            )
        )
    return factor
