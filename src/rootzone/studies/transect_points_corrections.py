"""Correction factors of the records of a mobile detector: air, incoming neutrons, material."""

from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from rootzone import neutrons as ne
from rootzone.config.transect_points import Material, PointCorrections, PointsObservations
from rootzone.core import DataError
from rootzone.data.domain import Domain
from rootzone.data.mobile import (
    at_times,
    material_factor,
    moisture_beside,
    pressure_at_elevation,
)
from rootzone.studies.context import Context
from rootzone.studies.station_series import series_of_table
from rootzone.studies.transect_points_tables import WEATHER, Records

_FITS = 40.0  # hPa, pressure may be so far from that of the standard atmosphere


class Surroundings(NamedTuple):
    """What the corrections want to know of a record besides its weather.

    Attributes
    ----------
    usable : array (record) of bool
        Records that nothing else is wrong with; only they enter mean references.
    chainage : array (record)
        Position along the line [m].
    passes : array (record) of int
        Number of the pass.
    elevation, latitude : float
        Of the line [m, degrees]; latitude may be NaN.
    """

    usable: np.ndarray
    chainage: np.ndarray
    passes: np.ndarray
    elevation: float
    latitude: float


def latitude_of(domain: Domain, records: Records) -> float:
    """Return the latitude of the domain, otherwise of the records [degrees]; NaN if not known."""
    known = np.abs(domain.latitude0) <= 90.0
    if known.any():
        return float(np.mean(domain.latitude0[known]))
    return float(np.nanmean(records.second)) if records.geographic else float("nan")


def factors(
    settings: PointCorrections,
    records: Records,
    weather: dict[str, np.ndarray],
    around: Surroundings,
    context: Context,
) -> np.ndarray:
    """Return the product of the correction factors of the records, NaN where weather is missing.

    Raises
    ------
    DataError
        If a correction wants what no table has.
    """
    factor = _pressure(settings, weather, around, context)
    factor = factor * _humidity(settings, weather, around)
    factor = factor * _incoming(settings, records, weather, around, context)
    return factor * _material(settings.material, records, factor, around, context)


def read_weather(
    settings: PointsObservations, records: Records, elevation: np.ndarray, context: Context
) -> dict[str, np.ndarray]:
    """Return the weather at each record: its own, otherwise of the tables of weather.

    Parameters
    ----------
    settings : PointsObservations
        What the study says.
    records : Records
        The records.
    elevation : array (record)
        Elevation of the records [m], for pressure of a station elsewhere.
    context : Context
        For files and log.

    Returns
    -------
    dict of array (record)
        NaN in gaps longer than ``quality.weather_gap``.
    """
    gap = np.timedelta64(round(pd.Timedelta(settings.quality.weather_gap).total_seconds()), "s")
    middle = records.middle
    out: dict[str, np.ndarray] = {}
    order = np.argsort(middle, kind="stable")
    for quantity, values in records.weather.items():
        filled = at_times(middle[order], values[order], middle, gap=gap)
        out[quantity] = np.where(np.isnan(values), filled, values)
    for n, table in enumerate(settings.weather):
        for series in series_of_table(table, context, f"observations.weather[{n}]"):
            if series.quantity not in WEATHER:
                continue
            times = series.times + pd.Timedelta(hours=0.5 * series.hours)
            found = at_times(times.to_numpy(), series.values, middle, gap=gap)
            if series.quantity == "pressure" and table.elevation is not None:
                found = pressure_at_elevation(found, table.elevation, elevation)
            before = out.get(series.quantity)
            out[series.quantity] = (
                found if before is None else np.where(np.isnan(before), found, before)
            )
    return out


def _mean(values: np.ndarray, around: Surroundings, what: str) -> float:
    known = around.usable & np.isfinite(values)
    if not known.any():
        raise DataError(f"{what}: no usable record has a value")
    return float(np.mean(values[known]))


def _pressure(
    settings: PointCorrections,
    weather: dict[str, np.ndarray],
    around: Surroundings,
    context: Context,
) -> np.ndarray:
    c, pressure = settings.pressure, weather.get("pressure")
    if c.method == "none":
        context.log.warn(
            "pressure is NOT corrected (observations.corrections.pressure.method is none)"
        )
        return np.ones(len(around.usable))
    if pressure is None:
        raise DataError(
            "no table names a column for pressure (observations.tables[0].columns.pressure, or a "
            "table of weather); for counts that are corrected already set "
            "observations.corrections.pressure.method: none"
        )
    standard = float(ne.mean_pressure(around.elevation))
    middle = _mean(pressure, around, "pressure")
    if abs(middle - standard) > _FITS:
        context.log.warn(
            f"pressure around {middle:.0f} hPa does not fit the elevation of the line of "
            f"{around.elevation:.0f} m ({standard:.0f} hPa): is it reduced to sea level, or of a "
            "station elsewhere (observations.weather[0].elevation)?"
        )
    if c.method == "given":
        assert c.beta is not None
        beta = c.beta
    else:
        beta = _beta(c.method, settings.cutoff_rigidity, around.latitude, standard)
    reference = {"standard_atmosphere": standard, "mean": middle}.get(str(c.reference))
    if reference is None:
        reference = float(c.reference)
    context.log.tell(
        f"pressure: {c.method}, beta {beta:.6f} hPa-1, reference {reference:.2f} hPa for all points"
    )
    return np.asarray(ne.pressure_factor(pressure, beta=beta, reference_pressure=reference))


def _beta(method: str, rigidity: float | None, latitude: float, pressure: float) -> float:
    """Return the barometric coefficient [hPa-1]."""
    assert rigidity is not None
    if method == "tirado_bueno_2021":
        return float(ne.beta_tirado_bueno_2021(rigidity))
    if np.isnan(latitude):
        raise DataError(
            "the domain does not know its latitude: give the barometric coefficient "
            "(observations.corrections.pressure: {method: given, beta: ...})"
        )
    function = {
        "desilets_2021": ne.beta_desilets_2021,
        "desilets_zreda_2003": ne.beta_desilets_zreda_2003,
    }[method]
    return float(jax.jit(function)(latitude, pressure, rigidity))


def _humidity(
    settings: PointCorrections, weather: dict[str, np.ndarray], around: Surroundings
) -> np.ndarray:
    c = settings.humidity
    if c.method == "none":
        return np.ones(len(around.usable))
    humidity = weather.get("absolute_humidity")
    temperature, relative = weather.get("temperature"), weather.get("relative_humidity")
    if temperature is not None and relative is not None:
        computed = np.asarray(jax.jit(ne.absolute_humidity)(temperature, relative), dtype=float)
        known = humidity is not None
        humidity = np.where(np.isnan(humidity), computed, humidity) if known else computed
    if humidity is None:
        raise DataError(
            "humidity is needed, but no table has columns with values for relative_humidity and "
            "temperature (or absolute_humidity): name them or set "
            "observations.corrections.humidity.method: none"
        )
    reference = c.reference
    if reference == "mean":
        reference = _mean(humidity, around, "humidity")
    return np.asarray(ne.humidity_factor(humidity, reference_humidity=reference))


def _incoming(
    settings: PointCorrections,
    records: Records,
    weather: dict[str, np.ndarray],
    around: Surroundings,
    context: Context,
) -> np.ndarray:
    c, intensity = settings.incoming, weather.get("incoming_intensity")
    if records.incoming is not None:
        if c.method != "none":
            raise DataError(
                "the incoming intensity would be corrected twice: a column incoming_factor and "
                f"observations.corrections.incoming.method {c.method}"
            )
        return records.incoming
    ones = np.ones(len(around.usable))
    if c.method == "none" and settings.pressure.method == "none":
        context.log.tell("incoming intensity: the counts are taken as corrected already")
        return ones
    if c.method == "none":
        context.log.warn(
            "incoming cosmic-ray intensity NOT corrected (observations.corrections.incoming.method "
            "is none): solar activity of several percent of the counts stays in them"
        )
        return ones
    if intensity is None:
        raise DataError(
            f"observations.corrections.incoming.method {c.method} wants a column "
            "incoming_intensity, in a table of points or of weather"
        )
    scaling = 1.0
    if c.method == "hawdon_2014":
        assert settings.cutoff_rigidity is not None
        scaling = ne.scaling_hawdon_2014(
            settings.cutoff_rigidity, monitor_cutoff_rigidity=c.rigidity()
        )
    elif c.method == "mcjannet_desilets_2023":
        assert settings.cutoff_rigidity is not None
        assert c.monitor is not None
        scaling = ne.scaling_mcjannet_desilets_2023(
            around.latitude,
            around.elevation,
            settings.cutoff_rigidity,
            monitor=ne.MONITORS[c.monitor],
        )
    positive = np.where(intensity > 0, intensity, np.nan)
    reference = c.reference_intensity
    if reference == "mean":
        reference = _mean(positive, around, "incoming intensity")
    factor = np.asarray(
        ne.incoming_factor(positive, reference_intensity=reference, scaling=scaling, form=c.form)
    )
    gap = np.isnan(factor) & around.usable
    if c.gaps == "one" and gap.any():
        context.log.warn(
            f"incoming cosmic-ray intensity is missing for {int(gap.sum())} records: the factor is "
            "1 there (observations.corrections.incoming.gaps: one)"
        )
        return np.where(np.isnan(factor), 1.0, factor)
    return factor


def _material(
    c: Material, records: Records, air: np.ndarray, around: Surroundings, context: Context
) -> np.ndarray:
    """Return the factor of road or ballast; sections override it along the line."""
    ones = np.ones(len(air))
    if c.method == "none":
        return ones
    factor, width, moisture = (c.factor or 1.0) * ones, c.width * ones, c.moisture * ones
    for section in c.sections:
        here = (around.chainage >= section.chainage[0]) & (around.chainage < section.chainage[1])
        for values, own in (
            (factor, section.factor),
            (width, section.width),
            (moisture, section.moisture),
        ):
            if own is not None:
                values[here] = own
    if c.method == "given":
        return factor
    theta = np.full(len(air), c.soil_moisture)
    if c.N0 is not None:
        good = around.usable & np.isfinite(air)
        theta[good] = moisture_beside(
            records.counts[good],
            records.seconds[good],
            air[good],
            around.chainage[good],
            around.passes[good],
            N0=c.N0,
            bulk_density=c.bulk_density,
            water_equivalent=c.water_equivalent,
            length=c.window,
            width=width[good],
            moisture=moisture[good],
            distance=c.distance,
        )
    factor = material_factor(theta, width=width, moisture=moisture, distance=c.distance)
    used = factor[around.usable]
    if used.size:
        context.log.tell(
            f"material under the detector: factor {used.min():.3f} to {used.max():.3f}, soil "
            f"moisture beside it {np.median(theta[around.usable]):.2f} m3 m-3"
        )
    return factor
