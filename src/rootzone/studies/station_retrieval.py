"""Calibration and retrieval of the study `station`: N0, and counts read as water."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from rootzone import neutrons as ne
from rootzone.config.station import StationStudy
from rootzone.config.station_calibration import CampaignCalibration, GivenN0
from rootzone.core import DataError
from rootzone.data import Flag, daily_mean
from rootzone.studies.context import Context
from rootzone.studies.station_corrections import Corrected, biomass_amount, biomass_factor
from rootzone.studies.station_input import Observations
from rootzone.studies.station_soil import Campaigns, Soil


@dataclass
class Calibrated:
    """N0, and how it follows the lattice and organic water that it was found with."""

    N0: float
    sigma: float
    of_added_water: Callable[..., jax.Array]
    campaigns: Campaigns | None
    per_campaign: np.ndarray
    assumed: bool = False


@dataclass
class Retrieved:
    """Soil moisture (time) with its standard deviations, validity and footprint."""

    rate: np.ndarray
    theta: np.ndarray
    sigma: np.ndarray
    sigma_counting: np.ndarray
    shares: dict[str, np.ndarray]
    lower: np.ndarray
    upper: np.ndarray
    validity: np.ndarray
    depth: np.ndarray
    radius: np.ndarray

    @property
    def systematic(self) -> np.ndarray:
        """Standard deviation of what counting has no part in [m3 m-3]."""
        return np.sqrt(np.maximum(self.sigma**2 - self.sigma_counting**2, 0.0))

    def split(self, size: int) -> tuple["Retrieved", "Retrieved"]:
        """Return the first ``size`` entries and the rest."""
        cut = jax.tree.map(lambda x: (x[:size], x[size:]), vars(self))
        pick = lambda n: jax.tree.map(lambda x: x[n], cut, is_leaf=lambda x: isinstance(x, tuple))  # noqa: E731
        return Retrieved(**pick(0)), Retrieved(**pick(1))


class Counts(NamedTuple):
    """Corrected counts to be read as water, with the air of their time; arrays (time)."""

    rate: np.ndarray
    sigma: np.ndarray
    humidity: np.ndarray
    humidity_sigma: np.ndarray
    pressure: np.ndarray

    def joined(self, other: "Counts") -> "Counts":
        """Return both one after the other."""
        return Counts(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def calibrate(
    study: StationStudy,
    obs: Observations,
    corrected: Corrected,
    rate: np.ndarray,
    soil: Soil,
    context: Context,
) -> Calibrated:
    """Return N0 by the method of the study, with its standard deviation."""
    law, calibration = study.law.build(), study.calibration
    if isinstance(calibration, GivenN0):
        given = calibration.uncertain()
        sigma = (
            given.sigma if given.sigma is not None else study.uncertainty.N0_relative * given.value
        )
        context.log.tell(f"N0 {given.value:.1f} +- {sigma:.1f} h-1, given")
        fixed = jnp.asarray(given.value)
        return Calibrated(given.value, sigma, lambda **_: fixed, None, np.array([]))

    campaigns = soil.campaigns
    assert campaigns is not None
    water, humidity = jnp.asarray(campaigns.water), jnp.asarray(campaigns.humidity)
    counts = jnp.asarray(campaigns.rate)
    own_lattice = campaigns.lattice_water - soil.lattice_water
    own_organic = campaigns.organic_water - soil.organic_water
    estimate = ne.fit_n0(
        law,
        count_rate=counts,
        total_water=water + campaigns.lattice_water + campaigns.organic_water,
        humidity=humidity,
        count_rate_sigma=jnp.asarray(campaigns.rate_sigma),
        total_water_sigma=jnp.asarray(campaigns.water_sigma),
    )

    def of_added_water(lattice_water, organic_water) -> jax.Array:
        """Return N0 when lattice and organic water were others: errors cancel in part."""
        added = lattice_water + organic_water
        total = water + own_lattice + own_organic + added[..., None]
        f = law.relative_rate(total, humidity)
        return jnp.sum(counts * f, axis=-1) / jnp.sum(f**2, axis=-1)

    n0, sigma = float(estimate.N0), float(estimate.sigma)
    per_campaign = np.asarray(estimate.per_campaign)
    if not n0 > 0:
        raise DataError("the calibration gives no positive N0: check counts and samples")
    context.log.tell(
        f"N0 {n0:.3f} +- {sigma:.3f} h-1 from {len(per_campaign)} campaigns "
        f"({', '.join(f'{v:.1f}' for v in per_campaign)})"
    )
    spread = float(estimate.between_campaigns)
    if np.isfinite(spread) and spread > 0.05 * n0:
        context.log.warn(
            f"the campaigns disagree: their N0 have a standard deviation of "
            f"{100 * spread / n0:.0f} %"
        )
    assumed = isinstance(calibration, CampaignCalibration) and any(
        c.assumed for c in calibration.campaigns
    )
    if assumed:
        context.log.warn("N0 stands on an ASSUMED water content: only differences can be trusted")
    return Calibrated(n0, sigma, of_added_water, campaigns, per_campaign, assumed)


# --- retrieval --------------------------------------------------------------------------


def retrieve(
    study: StationStudy,
    obs: Observations,
    soil: Soil,
    calibrated: Calibrated,
    corrected: Corrected,
    counts: Counts,
) -> Retrieved:
    """Return soil moisture, its bands and its footprint for corrected count rates."""
    law = study.law.build()
    humidity = np.where(np.isnan(counts.humidity), 0.0, counts.humidity)
    with_factor = study.corrections.humidity.method != "none"
    biomass_sigma = 0.0
    if study.corrections.biomass.method != "none":
        amount, spread = biomass_amount(obs, study)
        middle = float(np.nanmedian(amount))
        change = biomass_factor(study, middle + spread) / biomass_factor(study, middle)
        biomass_sigma = abs(float(change) - 1.0)

    def theta_of(
        count_rate,
        n0_error,
        bulk_density,
        lattice_water,
        organic_water,
        humidity_error,
        incoming_error,
        biomass_error,
    ) -> jax.Array:
        shift = humidity_error * counts.humidity_sigma
        n0 = calibrated.of_added_water(lattice_water=lattice_water, organic_water=organic_water)
        factor = 1.0 + 0.0054 * shift if with_factor else 1.0
        return ne.soil_moisture(
            law,
            count_rate=count_rate * factor * (1.0 + incoming_error) * (1.0 + biomass_error),
            N0=n0 * (1.0 + n0_error),
            bulk_density=bulk_density,
            lattice_water=lattice_water,
            organic_water=organic_water,
            humidity=humidity + shift,
        )

    inputs = {
        "count_rate": counts.rate,
        "n0_error": 0.0,
        "bulk_density": soil.bulk_density,
        "lattice_water": soil.lattice_water,
        "organic_water": soil.organic_water,
        "humidity_error": 0.0,
        "incoming_error": 0.0,
        "biomass_error": 0.0,
    }
    sigmas = {
        "count_rate": counts.sigma,
        "n0_error": calibrated.sigma / calibrated.N0,
        "bulk_density": soil.bulk_density_sigma,
        "lattice_water": soil.lattice_water_sigma,
        "organic_water": soil.organic_water_sigma,
        "humidity_error": 1.0,
        "incoming_error": corrected.incoming_sigma,
        "biomass_error": biomass_sigma,
    }

    @jax.jit
    def compute(count_rate, sigmas):
        arrays = {k: jnp.asarray(v) for k, v in inputs.items()} | {"count_rate": count_rate}
        theta = theta_of(**arrays)
        shares = ne.first_order(theta_of, arrays, sigmas)
        added = (soil.lattice_water + soil.organic_water) * soil.bulk_density
        wet = jnp.maximum(theta, 0.0)
        depth = ne.penetration_depth(wet + added, bulk_density=soil.bulk_density)
        radius = ne.footprint_radius(
            jnp.clip(theta, 0.01, 0.6),
            humidity=humidity,
            pressure=counts.pressure,
            vegetation_height=study.station.vegetation_height,
        )
        code = ne.validity(law, count_rate / calibrated.N0, humidity)
        return theta, shares, depth, jnp.where(jnp.isnan(theta), jnp.nan, radius), code

    dtype = jnp.result_type(float)
    cast = {k: jnp.asarray(v, dtype) for k, v in sigmas.items()}
    theta, shares, depth, radius, code = compute(jnp.asarray(counts.rate, dtype), cast)
    theta = np.asarray(theta)
    gap = np.isnan(theta)  # a derivative is zero in a gap, its share is not
    shares = {k: np.where(gap, np.nan, np.asarray(v)) for k, v in shares.items()}
    if study.uncertainty.method == "second_order":
        second = ne.gravimetric_sigma_jakobi_2020(counts.rate, sigma=counts.sigma, N0=calibrated.N0)
        shares["count_rate"] = np.where(gap, np.nan, np.asarray(second) * soil.bulk_density)
    sigma = np.sqrt(np.sum([s**2 for s in shares.values()], axis=0))
    lower, upper = theta - 1.645 * sigma, theta + 1.645 * sigma
    if study.uncertainty.method == "monte_carlo":
        key = jax.random.key(study.seed)
        ensemble = np.asarray(
            ne.monte_carlo(theta_of, inputs, cast, key=key, members=study.uncertainty.members)
        )
        sigma, lower, upper = _spread(ensemble, gap)
    return Retrieved(
        counts.rate,
        theta,
        sigma,
        shares["count_rate"],
        shares,
        lower,
        upper,
        np.asarray(code),
        np.asarray(depth),
        np.asarray(radius),
    )


def _spread(ensemble: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return standard deviation and the 5 and 95 % quantiles over members, NaN in gaps.

    A member past all water has no number: it is the wettest.
    """
    ordered = np.sort(np.where(np.isnan(ensemble), np.inf, ensemble), axis=0)
    last = len(ordered) - 1
    lower, upper = ordered[round(0.05 * last)], ordered[round(0.95 * last)]
    sigma = np.full(gap.shape, np.nan)
    sigma[~gap] = np.nanstd(ensemble[:, ~gap], axis=0)
    lower, upper = (np.where(np.isinf(q) | gap, np.nan, q) for q in (lower, upper))
    return sigma, lower, upper


def daily_counts(
    study: StationStudy, obs: Observations, corrected: Corrected, rate: np.ndarray
) -> tuple[pd.DatetimeIndex, Counts, np.ndarray]:
    """Return days (UTC), their mean corrected counts and air, and where snow or frost was."""
    days = pd.date_range(obs.axis[0].floor("D"), obs.axis[-1].floor("D"), freq="1D")
    least = max(1, int(np.ceil(24.0 / obs.step_hours * study.time.min_coverage)))
    mean, number = daily_mean(rate, obs.axis, days, least)
    squares = np.where(np.isnan(rate), np.nan, corrected.sigma**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        sigma = np.sqrt(daily_mean(squares, obs.axis, days, least)[0] / number)
    air = (obs.humidity, obs.humidity_sigma, obs.values["pressure"])
    counts = Counts(mean, sigma, *(daily_mean(a, obs.axis, days)[0] for a in air))
    snowy = (obs.flags & int(Flag.SNOW_OR_FROST) > 0).astype(float)
    return days, counts, daily_mean(snowy, obs.axis, days)[0] > 0.0
