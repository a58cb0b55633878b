"""A domain of single sites: each a cell with its own soil, land cover, weather and place.

The cells stand in one row, in the order of the sites; the cells of maps, model and weather are
the same. Nothing connects them: the coordinates of the row are numbers of kilometers without
meaning, latitude and longitude are those of the sites.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rootzone.core import DataError, StudyError
from rootzone.data.domain import Domain, GeologyTable, Scene, Setup, Weather
from rootzone.data.grid import interpolate_gaps
from rootzone.data.rasters import Grid
from rootzone.data.station_results import WEATHER, SiteRecord
from rootzone.water.regionalization import ProfileDatabase
from rootzone.water.regionalization.soil import ORGANIC_DENSITY

CELL_SIZE = 1000.0
"""Side of a cell [m], without meaning."""
TEMPERATURES = ("tavg", "tmin", "tmax")
_DONOR_DAYS = 30
"""Days that a site must share with another one to stand in for it."""
_DENSEST = 2.7
"""No soil is denser than quartz [g cm-3]."""


# --- weather --------------------------------------------------------------------------------


class GapRule(NamedTuple):
    """What becomes of days without weather.

    Attributes
    ----------
    interpolate_days : int
        Longest gap of temperature that is interpolated.
    from_other_sites : bool
        Whether longer gaps of temperature are filled from the other sites.
    dry : bool
        Whether days without precipitation are dry.
    """

    interpolate_days: int = 3
    from_other_sites: bool = False
    dry: bool = False


def weather_of_sites(
    records: Sequence[SiteRecord], rule: GapRule
) -> tuple[np.datetime64, dict[str, np.ndarray], list[str]]:
    """Return the first common day, weather (day, site) without gaps, and what was filled.

    The record is what all sites have: from the latest of their first days to the earliest of
    their last ones. A gap of temperature up to the limit is interpolated. Longer ones are the mean
    over the other sites of their value plus the mean difference to them on common days.

    Raises
    ------
    DataError
        If a site lacks weather, there is no common day, or a gap is not to be filled: site, days,
        and what to do.
    """
    wanted = ("pre",) if rule.from_other_sites else WEATHER
    spans = {r.name: _span(r, wanted) for r in records}
    late = max(spans, key=lambda name: spans[name][0])
    early = min(spans, key=lambda name: spans[name][1])
    first, last = spans[late][0], spans[early][1]
    if last < first:
        raise DataError(
            f"the sites have no common day: '{early}' ends on {last:%Y-%m-%d}, '{late}' begins on "
            f"{first:%Y-%m-%d}; sites of different years want studies of their own"
        )
    days = pd.date_range(first, last, freq="1D")
    fields = {
        name: np.stack([r.series.values[name].reindex(days).to_numpy() for r in records], axis=1)
        for name in WEATHER
    }
    names = [r.name for r in records]
    notes = [_dry(fields["pre"], names, days, rule)]
    notes.append(_warmth(fields, names, days, rule))
    _require_possible(fields, names, days)
    return first.to_datetime64().astype("datetime64[D]"), fields, [n for n in notes if n]


def _span(record: SiteRecord, wanted: Sequence[str]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last day on which a site has weather."""
    starts, ends = [], []
    for name in WEATHER:
        known = record.series.values.get(name)
        known = None if known is None else known[np.isfinite(known)]
        if known is None or not len(known):
            what = "precipitation" if name == "pre" else f"temperature ({name} of days)"
            raise DataError(
                f"site '{record.name}': no {what} in {record.series.source}; a table of the site "
                "may hold it"
            )
        if name in wanted:
            starts.append(known.index.min())
            ends.append(known.index.max())
    return max(starts), min(ends)


def _dry(rain: np.ndarray, names: list[str], days: pd.DatetimeIndex, rule: GapRule) -> str:
    """Take days without precipitation as dry in place, or refuse them."""
    missing = np.isnan(rain)
    if not missing.any():
        return ""
    if not rule.dry:
        day, site = (int(i) for i in np.argwhere(missing)[0])
        raise DataError(
            f"site '{names[site]}': no precipitation on {days[day]:%Y-%m-%d} (and "
            f"{int(missing.sum()) - 1} further days of sites); gaps.precipitation: zero takes such "
            "days as dry"
        )
    rain[missing] = 0.0
    return "taken as dry for want of precipitation: " + _counted(missing, names)


def _warmth(
    fields: dict[str, np.ndarray], names: list[str], days: pd.DatetimeIndex, rule: GapRule
) -> str:
    """Fill gaps of temperature in place, or refuse them; return what was done."""
    told = []
    for name in TEMPERATURES:
        given = fields[name].copy()
        short = np.stack(
            [interpolate_gaps(column, rule.interpolate_days)[0] for column in given.T], axis=1
        )
        missing = np.isnan(short)
        if missing.any() and not rule.from_other_sites:
            day, site = (int(i) for i in np.argwhere(missing)[0])
            length = int(np.argmin(np.append(missing[day:, site], False)))
            raise DataError(
                f"site '{names[site]}': no temperature for {length} days from "
                f"{days[day]:%Y-%m-%d}; gaps.longer: other_sites fills such gaps, "
                "gaps.interpolate_days sets what is interpolated"
            )
        other = _of_others(given, names) if missing.any() else short
        filled = np.where(missing, other, short)
        if np.isnan(filled).any():
            day, site = (int(i) for i in np.argwhere(np.isnan(filled))[0])
            raise DataError(
                f"site '{names[site]}': no temperature on {days[day]:%Y-%m-%d}, and no other site "
                f"that shares {_DONOR_DAYS} days with it has one"
            )
        if name == "tavg":
            single = np.isnan(given) & ~missing
            told += ["interpolated: " + _counted(single, names)] if single.any() else []
            told += ["from other sites: " + _counted(missing, names)] if missing.any() else []
        fields[name] = filled
    # filled one by one, the three may cross
    fields["tmin"] = np.minimum(fields["tmin"], fields["tavg"])
    fields["tmax"] = np.maximum(fields["tmax"], fields["tavg"])
    return f"temperature {'; '.join(told)}" if told else ""


def _of_others(given: np.ndarray, names: list[str]) -> np.ndarray:
    """Return the temperature (day, site) that the other sites suggest."""
    total, number = np.zeros_like(given), np.zeros_like(given)
    for here in np.flatnonzero(np.isnan(given).any(axis=0)):
        for there in range(len(names)):
            difference = given[:, here] - given[:, there]
            if here == there or np.isfinite(difference).sum() < _DONOR_DAYS:
                continue
            moved = given[:, there] + np.nanmean(difference)
            total[:, here] += np.nan_to_num(moved)
            number[:, here] += np.isfinite(moved)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _counted(where: np.ndarray, names: list[str]) -> str:
    return ", ".join(f"{n} {int(c)} d" for n, c in zip(names, where.sum(axis=0), strict=True) if c)


def _require_possible(
    fields: dict[str, np.ndarray], names: list[str], days: pd.DatetimeIndex
) -> None:
    bounds = {"pre": (0.0, 1000.0, "mm"), **dict.fromkeys(TEMPERATURES, (-90.0, 60.0, "degC"))}
    for name, (low, high, unit) in bounds.items():
        wrong = np.argwhere((fields[name] < low) | (fields[name] > high))
        if len(wrong):
            day, site = wrong[0]
            raise DataError(
                f"site '{names[site]}': {name} is {fields[name][day, site]:g} {unit} on "
                f"{days[day]:%Y-%m-%d}, {low:g} to {high:g} wanted"
            )


def with_spin_up(
    fields: dict[str, np.ndarray], first: np.datetime64, years: int
) -> tuple[np.datetime64, dict[str, np.ndarray]]:
    """Return the weather with its first full year repeated before it, and its new first day.

    Every day before the record has the weather of the same day and month of the first year; a
    29th of February that this year lacks has that of the 28th (and the 28th that of the 29th where
    the record begins there).

    Raises
    ------
    DataError
        If the record is shorter than a year.

    Examples
    --------
    >>> start, more = with_spin_up({"pre": np.arange(800.0)}, np.datetime64("2022-03-01"), 2)
    >>> str(start), len(more["pre"]), more["pre"][:2].tolist()
    ('2020-03-01', 1530, [0.0, 1.0])
    """
    first = first.astype("datetime64[D]")
    days = len(next(iter(fields.values())))
    if years == 0:
        return first, fields
    year = int((_years_later(first, 1) - first).astype(int))
    if days < year:
        raise DataError(
            f"the record from {first} has {days} days, a full year is wanted to repeat it: give "
            "more, or repeat_years: 0"
        )
    start = _years_later(first, -years)
    position = np.full(1300, -1)
    position[_day_of_month(first + np.arange(year))] = np.arange(year)
    for leap, common in ((229, 228), (228, 229)):  # one of them there is
        position[leap] = position[common] if position[leap] < 0 else position[leap]
    source = position[_day_of_month(np.arange(start, first))]
    return start, {name: np.concatenate([x[source], x]) for name, x in fields.items()}


def _years_later(day: np.datetime64, years: int) -> np.datetime64:
    """Return the same day of another year; of a 29th of February the 28th."""
    month = day.astype("datetime64[M]")
    later = month + 12 * years
    last = (later + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    return min(later.astype("datetime64[D]") + (day - month.astype("datetime64[D]")), last)


def _day_of_month(days: np.ndarray) -> np.ndarray:
    """Return 100 month + day."""
    month = days.astype("datetime64[M]")
    return (
        100 * (month.astype(int) % 12 + 1) + (days - month.astype("datetime64[D]")).astype(int) + 1
    )


# --- the domain -----------------------------------------------------------------------------


def mineral_density(bulk_density: float, organic_matter: float) -> float:
    r"""Return the density of the mineral soil [g cm-3] from that with organic matter [%].

    .. math:: \rho_m = \frac{100 - o}{100 / \rho - o / 0.224}

    The inverse of what the model does with organic matter of the land cover, so that the soil
    above the tillage depth has the measured density with default parameters. Source: Rawls
    (1983), doi:10.1097/00010694-198302000-00007.
    """
    return (100.0 - organic_matter) / (100.0 / bulk_density - organic_matter / ORGANIC_DENSITY)


def domain_of_sites(
    records: Sequence[SiteRecord],
    weather: Weather,
    setup: Setup,
    organic_matter: np.ndarray,
    *,
    name: str = "sites",
) -> Domain:
    """Return the domain of sites.

    Parameters
    ----------
    records : sequence of SiteRecord
        The sites.
    weather : Weather
        Fields (day, 1, site), spin-up included.
    setup : Setup
        Horizons and tillage depth, for checks.
    organic_matter : array (cover)
        Organic matter of forest, impervious and pervious land [%] with default parameters.
    name : str
        Name of the domain.

    Raises
    ------
    DataError, StudyError
        If a soil ends above the horizons or the tillage depth, or its density is impossible.
    """
    n = len(records)
    grid = Grid(n, 1, 0.0, 0.0, CELL_SIZE)

    def row(values: Sequence[float] | np.ndarray) -> np.ndarray:
        return np.asarray(values).reshape(1, n)

    latitude = row([r.latitude for r in records])
    longitude = row([r.longitude for r in records])
    return Domain(
        level0=grid,
        cellsize1=CELL_SIZE,
        level2=grid,
        dem=row([float(r.elevation) for r in records]),
        slope=row([max(r.slope, 0.01) for r in records]),
        aspect=row([r.aspect for r in records]),
        soil=row(np.arange(1, n + 1))[None],
        geology=row(np.ones(n, int)),
        land_cover=row([r.land_cover for r in records])[None],
        scenes=(Scene(1900, 2199, "sites"),),
        lai_class=None,
        lai=np.stack([r.leaf_area for r in records], axis=1)[:, None, :],
        soils=_soils(records, setup, organic_matter),
        geology_table=GeologyTable(np.array([1]), np.array([False]), ("soil of the sites",)),
        lai_table=None,
        latitude0=latitude,
        longitude0=longitude,
        latitude1=latitude,
        longitude1=longitude,
        weather=weather,
        name=name,
    )


def _soils(
    records: Sequence[SiteRecord], setup: Setup, organic_matter: np.ndarray
) -> ProfileDatabase:
    """Return a soil type for each site; the density of upper layers is freed of organic matter."""
    rows = []
    for number, record in enumerate(records, 1):
        end, upper = record.layers[-1].lower, 0.0
        deepest = max((*setup.horizon_depths, setup.tillage_depth))
        if end <= deepest:
            raise StudyError(
                f"site '{record.name}': the soil ends at {end:g} mm, it must reach below the "
                f"horizons and the tillage depth ({deepest:g} mm)"
            )
        for layer in record.layers:
            density = layer.bulk_density
            if upper < setup.tillage_depth:
                density = mineral_density(density, float(organic_matter[record.land_cover - 1]))
            if not 0.0 < density < _DENSEST:
                raise DataError(
                    f"site '{record.name}': bulk density {layer.bulk_density:g} g cm-3 with the "
                    f"organic matter of its land cover wants minerals of {density:g} g cm-3, "
                    f"less than {_DENSEST:g} (quartz) wanted"
                )
            rows.append((number, upper, layer.lower, layer.clay, layer.sand, density))
            upper = layer.lower
    soil, *others = (np.array(column) for column in zip(*rows, strict=True))
    return ProfileDatabase(soil.astype(int), *others)
