"""Sites of a study: their runs and tables become a domain, and observations to compare with.

::

    sites = read_sites(source, context)                 # records, weather with spin-up
    domain = sites.domain(setup, title)                 # as any other domain
    seen = site_observations(sites.records, days)       # counts, water, snow of these days
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

from rootzone.config.sites import (
    LEAF_AREA,
    LEAF_AREA_OF_COVER,
    LOAM,
    SiteOfDomain,
    SitesBase,
    SiteTable,
)
from rootzone.core import DataError
from rootzone.data import Series
from rootzone.data.domain import Domain, Setup, Weather
from rootzone.data.mhm import default_parameters
from rootzone.data.sites_domain import (
    GapRule,
    domain_of_sites,
    weather_of_sites,
    with_spin_up,
)
from rootzone.data.station_results import (
    DailySeries,
    Layer,
    Sensor,
    SiteRecord,
    StationRun,
    by_day,
    read_station_run,
    sigma_of_mean,
)
from rootzone.neutrons import snow_mask
from rootzone.studies.context import Context
from rootzone.studies.station_series import series_of_table
from rootzone.water.regionalization import Processes, Regionalization
from rootzone.water.regionalization.textured import Textured

_COVER = {"forest": 1, "impervious": 2, "pervious": 3}
_DAILY = {
    "precipitation": (("pre", "sum"),),
    "temperature": (("tavg", "mean"), ("tmin", "min"), ("tmax", "max")),
    "temperature_min": (("tmin", "min"),),
    "temperature_max": (("tmax", "max"),),
    "count_rate": (("rate", "mean"),),
}
"""What the quantities of a table become, and what a day is of its intervals."""


class Sites(NamedTuple):
    """Sites and their weather.

    Attributes
    ----------
    records : list of SiteRecord
        The sites.
    weather : Weather
        Fields (day, 1, site) from ``start`` on.
    start, first, last : datetime64[D]
        First day with the repeated years, first and last day of the record.
    """

    records: list[SiteRecord]
    weather: Weather
    start: np.datetime64
    first: np.datetime64
    last: np.datetime64

    def domain(self, setup: Setup, name: str) -> Domain:
        """Return the domain of the sites.

        Raises
        ------
        DataError, StudyError
            If soils do not fit the set-up.
        """
        table = default_parameters(setup.cases, 1)
        with jax.enable_x64(True):
            roots = Processes.of_mhm(*setup.cases).roots
            organic = np.asarray(roots.organic_matter(table.coefficients(table.default)))
        return domain_of_sites(self.records, self.weather, setup, organic, name=name)


def read_sites(source: SitesBase, context: Context) -> Sites:
    """Read runs and tables of all sites, fill gaps by the rules of the study, repeat years.

    Raises
    ------
    DataError, RunError, UnitError
        For anything in them that cannot be right.
    """
    records = [_record(site, n, context) for n, site in enumerate(source.sites)]
    guessed = [r.name for r in records if not r.texture_known]
    if guessed:
        context.log.warn(
            f"texture is not known and taken as loam (sand {LOAM[0]:g} %, clay {LOAM[1]:g} %): "
            f"{', '.join(guessed)}"
        )
    rule = GapRule(
        source.gaps.interpolate_days,
        source.gaps.longer == "other_sites",
        source.gaps.precipitation == "zero",
    )
    first, fields, notes = weather_of_sites(records, rule)
    for note in notes:
        context.log.warn(note)
    last = first + len(fields["pre"]) - 1
    start, fields = with_spin_up(fields, first, source.repeat_years)
    context.log.tell(
        f"{len(records)} sites, record {first} to {last}, its first year repeated "
        f"{source.repeat_years} times before it (from {start} on)"
    )
    gridded = {name: values[:, None, :] for name, values in fields.items()}
    weather = Weather(start.astype("datetime64[h]"), 24, gridded)
    return Sites(records, weather, start, first, last)


# --- one site -------------------------------------------------------------------------------


def _record(site: SiteOfDomain, number: int, context: Context) -> SiteRecord:
    run, series = None, None
    if site.run is not None:
        run = read_station_run(context.base / Path(site.run).expanduser())
        series = run.series
    for n, table in enumerate(site.tables):
        found = _of_table(table, context, f"source.sites[{number}].tables[{n}]")
        series = found if series is None else found.over(series)
    assert series is not None

    def given(name: str) -> float | None:
        value = getattr(site, name)
        return value if value is not None or run is None else float(getattr(run, name))

    bound = [given(name) for name in ("lattice_water", "organic_water")]
    place = {name: float(given(name)) for name in ("latitude", "longitude", "elevation")}
    leaves = site.leaf_area or LEAF_AREA_OF_COVER[site.land_cover]
    return SiteRecord(
        name=site.name,
        **place,
        land_cover=_COVER[site.land_cover],
        leaf_area=_months(leaves, place["latitude"]),
        layers=_layers(site, run),
        texture_known=site.soil.known,
        slope=site.slope,
        aspect=site.aspect,
        N0=given("N0"),
        bound_water=None if all(b is None for b in bound) else sum(b or 0.0 for b in bound),
        series=series,
    )


def _months(leaves: str | Sequence[float], latitude: float) -> np.ndarray:
    """Return the leaf area of the months; classes have a sine with its top in July or January."""
    if not isinstance(leaves, str):
        return np.asarray(leaves, dtype=float)
    low, high = LEAF_AREA[leaves]
    summer = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(12) / 12.0)
    values = low + (high - low) * summer
    return values if latitude >= 0.0 else np.roll(values, 6)


def _layers(site: SiteOfDomain, run: StationRun | None) -> tuple[Layer, ...]:
    soil = site.soil
    if soil.layers:
        return tuple(Layer(x.lower, x.sand, x.clay, x.bulk_density) for x in soil.layers)
    density = soil.bulk_density
    if density is None:
        assert run is not None
        density = run.bulk_density
    sand, clay = LOAM if soil.sand is None or soil.clay is None else (soil.sand, soil.clay)
    return (Layer(soil.depth, sand, clay, density),)


def _of_table(table: SiteTable, context: Context, where: str) -> DailySeries:
    """Return the daily series of a table.

    Raises
    ------
    DataError
        If a column is coarser than a day.
    """
    found, frost = DailySeries(where), {}
    for series in series_of_table(table, context, where):
        found.source = series.source
        if series.hours > 24.0:
            raise DataError(
                f"{series.source}: {series.quantity} of {series.hours:g} h, a site wants daily or "
                f"finer values ({where})"
            )
        if series.quantity == "soil_moisture":
            theta = by_day(series.times, series.values, series.hours, "mean", 0.0)
            found.sensors.append(Sensor(float(series.depth or 0.0), theta))
        elif series.quantity == "count_rate_sigma":
            found.values["sigma"] = sigma_of_mean(series.times, series.values**2, series.hours)
        elif series.quantity in ("snow_depth", "snow_water_equivalent", "soil_temperature"):
            frost[series.quantity] = by_day(series.times, series.values, series.hours, "mean", 0.0)
        else:
            _put(found, series)
    if "rate" in found.values and "sigma" not in found.values:
        found.values["sigma"] = np.sqrt(found.values["rate"] / 24.0)
        context.log.warn(
            f"{found.source}: no standard deviation of the counts; that of counting the corrected "
            "rate for a whole day is taken"
        )
    if frost:
        days = frost[next(iter(frost))].index
        for values in frost.values():
            days = days.union(values.index)
        mask = snow_mask(**{name: v.reindex(days).to_numpy() for name, v in frost.items()})
        found.values["snow"] = pd.Series(np.asarray(mask, dtype=float), days)
    return found


def _put(found: DailySeries, series: Series) -> None:
    """Add the daily values of a quantity; daily extremes of their own go before others."""
    daily = series.hours >= 24.0 - 1e-9
    for name, how in _DAILY.get(series.quantity, ()):
        extreme = name in ("tmin", "tmax")
        if extreme and series.quantity == "temperature" and (daily or name in found.values):
            continue  # the mean of a day has no extremes
        least = 0.0 if name == "rate" else 20.0
        found.values[name] = by_day(series.times, series.values, series.hours, how, least)


# --- texture among the parameters -------------------------------------------------------------


def textured_sites(
    regionalization: Regionalization,
    records: Sequence[SiteRecord],
    *,
    searched: Sequence[str] | None = None,
    together: bool = False,
    densities: bool = False,
    bound_water: bool = True,
) -> Textured:
    """Return the regionalization of the sites with texture among its parameters.

    Parameters
    ----------
    regionalization : Regionalization
        Of the domain of these sites.
    records : sequence of SiteRecord
        The sites.
    searched : sequence of str, optional
        Sites whose texture is a parameter; left out: those whose texture is not known.
    together : bool
        One texture for all of them.
    densities : bool
        Bulk density of the mineral soil too.
    bound_water : bool
        Take the measured lattice and organic water of the sites that tell it, with which their N0
        was calibrated, instead of the law of clay.

    Raises
    ------
    StudyError
        If a name is unknown, or a site cannot be searched.
    """
    if searched is None:
        searched = [r.name for r in records if not r.texture_known]
    measured = np.array([np.nan if r.bound_water is None else r.bound_water for r in records])
    with jax.enable_x64(bool(regionalization.thickness.dtype == np.float64)):
        return Textured.of(
            regionalization,
            [r.name for r in records],
            searched=searched,
            together=together,
            densities=densities,
            bound_water=measured if bound_water and np.isfinite(measured).any() else None,
        )
