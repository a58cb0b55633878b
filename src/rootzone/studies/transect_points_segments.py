"""A table of daily values of segments of a line becomes daily values of model cells."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from typing import NamedTuple

import numpy as np

from rootzone.config.tables import ColumnSpec
from rootzone.config.transect_points import SegmentsObservations
from rootzone.core import DataError
from rootzone.data import Column, Raw, column_values
from rootzone.data.domain import Domain, Line
from rootzone.data.mobile import Aggregated, at_chainage, in_domain, snap
from rootzone.studies.context import Context
from rootzone.studies.tables import read_table, tell_notes
from rootzone.studies.transect_points_cells import to_cells
from rootzone.studies.transect_points_places import domain_line, in_plane
from rootzone.studies.transect_points_tables import plain, tell_flags

_SAME = 1.0  # m along the line within which values are of the same segment


class _Rows(NamedTuple):
    """Rows of the table: day, place along the line [m], value and error [h-1]."""

    day: np.ndarray
    chainage: np.ndarray
    rate: np.ndarray
    sigma: np.ndarray


def read_segments(
    settings: SegmentsObservations, domain: Domain, context: Context, days: np.ndarray
) -> Aggregated:
    """Return daily counts of the cells of a line from a table of values of its segments.

    Raises
    ------
    DataError, UnitError
        If the domain has no line, the table cannot be used, or nothing of it is left.
    """
    if domain.line is None:
        raise DataError("values of segments want the line that they lie on: give the study a line")
    line = domain_line(domain, context)
    rows, told, source = _read(settings, domain, line, context, days)
    middles, rate, sigma, number = _gathered(rows, days)
    few = (number.sum(axis=1) > 0) & ((number > 0).sum(axis=1) < settings.min_segments)
    if few.any():
        text = (
            f"{source}: {int(few.sum())} days have values of fewer than {settings.min_segments} "
            f"segments (observations.min_segments), the first {days[np.flatnonzero(few)[0]]}"
        )
        if not number[~few].any():
            raise DataError(f"{text}; no day is left")
        context.log.warn(f"{text}; they are left out")
        told["used"] -= int(number[few].sum())
        rate[few], sigma[few], number[few] = np.nan, np.nan, 0
    place = at_chainage(line.x, line.y, middles)
    of_cells = to_cells(settings.upscaling, domain, line, place, (rate, sigma), context)
    return Aggregated(
        days=days,
        cells=line.positions(domain.mask1),
        rate=of_cells[0],
        sigma=of_cells[1],
        segment_chainage=middles,
        segment_x=place[0],
        segment_y=place[1],
        segment_rate=rate,
        segment_sigma=sigma,
        segment_seconds=np.full(rate.shape, np.nan),
        segment_passes=number,
        line=line,
        flags=told,
    )


def _read(
    settings: SegmentsObservations, domain: Domain, line: Line, context: Context, days: np.ndarray
) -> tuple[_Rows, dict[str, int], str]:
    """Return the usable rows of the table, how many are not and why, and its name."""
    table, columns, where = settings.table, settings.table.columns, "observations.table"
    raw, times = read_table(table, context, where=where)
    rate = plain(raw, columns.rate, "h-1", table.decimal, f"{where}.columns.rate")
    if columns.sigma is not None:
        sigma = plain(raw, columns.sigma, "h-1", table.decimal, f"{where}.columns.sigma")
    else:
        assert settings.relative_sigma is not None
        sigma = settings.relative_sigma * rate
    chainage, offset, inside = _along(settings, domain, line, raw)
    tell_notes(raw, context)
    day = times.to_numpy().astype("datetime64[D]")
    known = ~np.isnat(day)
    wanted = known & (day >= days[0]) & (day <= days[-1])
    if not wanted.any():
        raise DataError(
            f"{raw.name}: no value lies within {days[0]} to {days[-1]}, they are from "
            f"{day[known].min()} to {day[known].max()}"
        )
    with np.errstate(invalid="ignore"):
        reasons = {
            "not in the period": ~wanted,
            "no value or no error": ~((rate > 0) & (sigma > 0)),
            "no position": np.isnan(chainage),
            "outside the domain": ~inside & ~np.isnan(chainage),
            "too far from the line": (offset > settings.tolerance) & inside,
        }
    good = ~np.any(list(reasons.values()), axis=0)
    told = {"records": len(rate), "used": int(good.sum())}
    told |= {why: int(bad.sum()) for why, bad in reasons.items() if bad.any()}
    tell_flags(raw.name, told, context)
    return _Rows(day[good], chainage[good], rate[good], sigma[good]), told, raw.name


def _along(
    settings: SegmentsObservations, domain: Domain, line: Line, raw: Raw
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return chainage and offset of the rows, and whether they lie in the domain."""
    columns, decimal = settings.table.columns, settings.table.decimal
    where = "observations.table.columns"

    def meters(spec: ColumnSpec, name: str) -> np.ndarray:
        return plain(raw, spec, "m", decimal, f"{where}.{name}")

    if columns.chainage is not None:
        chainage = meters(columns.chainage, "chainage")
        with np.errstate(invalid="ignore"):
            beyond = np.maximum(np.maximum(-chainage, chainage - line.length), 0.0)
        return np.clip(chainage, 0.0, line.length), beyond, np.ones(len(chainage), dtype=bool)
    if columns.x is not None and columns.y is not None:
        x, y = in_plane(
            meters(columns.x, "x"), meters(columns.y, "y"), False, settings.positions, domain
        )
    else:
        degrees = []
        for name in ("longitude", "latitude"):
            spec = getattr(columns, name)
            column = Column(name, tuple(spec.column), spec.units, f"{where}.{name}")
            degrees.append(column_values(raw, column, decimal=decimal, hours=1.0))
        x, y = in_plane(degrees[0], degrees[1], True, settings.positions, domain)
    found = snap(x, y, line.x, line.y)
    return found.chainage, found.offset, in_domain(domain, x, y)


def _gathered(
    rows: _Rows, days: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the segments of rows, and values, errors and numbers of rows (day, segment).

    Rows less than a meter apart along the line are of the same segment. Several rows of a day and
    segment are averaged, their errors are independent.
    """
    order = np.argsort(rows.chainage, kind="stable")
    new = np.concatenate([[0], np.cumsum(np.diff(rows.chainage[order]) > _SAME)])
    segment = np.empty(len(order), dtype=int)
    segment[order] = new
    count = int(new[-1]) + 1
    middles = np.bincount(segment, rows.chainage) / np.bincount(segment)
    place = (rows.day - days[0]).astype(int) * count + segment
    size, shape = len(days) * count, (len(days), count)
    number = np.bincount(place, minlength=size)
    some = np.where(number > 0, number, np.nan)
    rate = np.bincount(place, rows.rate, minlength=size) / some
    sigma = np.sqrt(np.bincount(place, rows.sigma**2, minlength=size)) / some
    return middles, rate.reshape(shape), sigma.reshape(shape), number.reshape(shape)
