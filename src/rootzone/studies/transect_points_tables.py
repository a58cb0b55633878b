"""Tables of a mobile detector: counts with times and positions, and what stands beside them."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rootzone.config.tables import ColumnSpec
from rootzone.config.transect_points import GpsTable, PointsObservations, PointTable
from rootzone.core import DataError, Quantity
from rootzone.data import (
    Column,
    Raw,
    clean_order,
    column_values,
    counted_hours,
    default_columns,
    interval_hours,
)
from rootzone.data.tables import numbers, text_column
from rootzone.data.units import convert
from rootzone.studies.context import Context
from rootzone.studies.tables import read_table, tell_notes

WEATHER = (
    "pressure",
    "temperature",
    "relative_humidity",
    "absolute_humidity",
    "incoming_intensity",
)
_KNOWN = {"counts", "latitude", "longitude", "speed", *WEATHER}
_FACTORS = (0.3, 3.0)  # of incoming factors that are plausible


@dataclass
class Records:
    """Records of a detector, sorted by pass and time; arrays (record).

    Attributes
    ----------
    source : str
        Files, for messages.
    begin, fix : array of datetime64[ns]
        Start of the interval, and the time of the position, UTC.
    seconds : array
        Counted time [s], 0 where none is known.
    counts : array
        Raw counts, NaN in gaps.
    first, second : array
        Longitude and latitude as logged [degrees], or x and y [m]; NaN without fix.
    geographic : bool
        Which of these.
    speed : array or None
        Logged speed [km h-1].
    incoming : array or None
        Ready factor of the incoming intensity.
    name : array of int or None
        Number of the pass as the table names it.
    only_fix : array of bool
        Rows that are positions of a GPS logger and no records.
    weather : dict of array
        Quantities beside the counts.
    """

    source: str
    begin: np.ndarray
    fix: np.ndarray
    seconds: np.ndarray
    counts: np.ndarray
    first: np.ndarray
    second: np.ndarray
    geographic: bool
    speed: np.ndarray | None
    incoming: np.ndarray | None
    name: np.ndarray | None
    only_fix: np.ndarray
    weather: dict[str, np.ndarray]

    @property
    def middle(self) -> np.ndarray:
        """Middle of each interval, UTC."""
        return self.begin + (0.5e9 * self.seconds).astype("timedelta64[ns]")


def read_records(settings: PointsObservations, context: Context) -> Records:
    """Read the tables of points, and put them one behind the other.

    Raises
    ------
    DataError, UnitError
        If a table, column, unit or time cannot be used, or has no counts or no positions.
    """
    own = not settings.gps  # positions
    tables = [
        _read_one(t, f"observations.tables[{n}]", own, context)
        for n, t in enumerate(settings.tables)
    ]
    tables += [_read_gps(t, f"observations.gps[{n}]", context) for n, t in enumerate(settings.gps)]
    if settings.gps:
        for table in tables[: len(settings.tables)]:
            table.geographic = tables[-1].geographic
    if len({t.geographic for t in tables}) > 1:
        raise DataError("some tables have latitude and longitude, others x and y: one is wanted")
    if len({t.name is None for t in tables}) > 1:
        raise DataError("some tables name their passes (pass_id), others do not")
    joined = _without_doubles(_joined(tables), context)
    known = np.isfinite(joined.counts)
    if not known.any():
        raise DataError(f"{joined.source}: the column of counts holds no number")
    if not (joined.counts[known] > 0).any():
        raise DataError(f"{joined.source}: the counts are all zero or negative")
    if not np.isfinite(joined.first).any():
        raise DataError(f"{joined.source}: no record has a position")
    name = joined.name if joined.name is not None else np.zeros(len(joined.begin), dtype=int)
    return rows_of(joined, np.lexsort((joined.fix, name)))


def _arrays(records: Records) -> dict[str, np.ndarray | None]:
    names = ("begin", "fix", "seconds", "counts", "first", "second", "speed", "incoming", "name")
    names += ("only_fix",)
    return {n: getattr(records, n) for n in names}


def rows_of(records: Records, rows: np.ndarray) -> Records:
    """Return some of the records, in this order."""
    parts = {n: None if v is None else v[rows] for n, v in _arrays(records).items()}
    weather = {n: v[rows] for n, v in records.weather.items()}
    return Records(source=records.source, geographic=records.geographic, weather=weather, **parts)


def _joined(tables: list[Records]) -> Records:
    """Return tables one behind the other; what some of them lack are gaps there."""
    if len(tables) == 1:
        return tables[0]
    parts: dict[str, np.ndarray | None] = {}
    for name in _arrays(tables[0]):
        values = [getattr(t, name) for t in tables]
        if name == "name" and values[0] is not None:  # names of different tables differ
            ends = np.cumsum([0] + [v.max() + 1 for v in values[:-1]])
            values = [v + e for v, e in zip(values, ends, strict=True)]
        if all(v is None for v in values):
            parts[name] = None
            continue
        parts[name] = np.concatenate(
            [_or_gaps(v, len(t.begin)) for v, t in zip(values, tables, strict=True)]
        )
    weather = {
        q: np.concatenate([_or_gaps(t.weather.get(q), len(t.begin)) for t in tables])
        for q in sorted({q for t in tables for q in t.weather})
    }
    source = tables[0].source + f" and {len(tables) - 1} more tables"
    return Records(source=source, geographic=tables[0].geographic, weather=weather, **parts)


def _without_doubles(records: Records, context: Context) -> Records:
    """Leave out records whose time stamp another table has as well: the detector is one."""
    keep = np.ones(len(records.fix), dtype=bool)
    real = np.flatnonzero(~records.only_fix)
    keep[real] = False
    keep[real[np.unique(records.fix[real], return_index=True)[1]]] = True
    if keep.all():
        return records
    context.log.warn(
        f"{records.source}: {int((~keep).sum())} records have the time stamp of a record of "
        "another table and are left out"
    )
    return rows_of(records, np.flatnonzero(keep))


def _or_gaps(values: np.ndarray | None, size: int) -> np.ndarray:
    return np.full(size, np.nan) if values is None else values


def _read_gps(table: GpsTable, where: str, context: Context) -> Records:
    """Return the positions of a GPS logger as rows that counted nothing."""
    raw, times = read_table(table, context, where=where)
    keep, _, notes = clean_order(times, raw.name)
    raw.notes += notes
    columns = [
        Column(q, tuple(c.column), c.units, f"{where}.columns.{q}")
        for q, c in table.columns
        if q in ("latitude", "longitude") and c is not None
    ]
    values = {
        c.quantity: column_values(raw, c, decimal=table.decimal, hours=1.0)[keep] for c in columns
    }
    first, second, geographic = _positions(table, raw, values, keep, where)
    tell_notes(raw, context)
    context.log.tell(f"{raw.name}: {len(keep)} positions")
    stamps = times[keep].to_numpy().astype("datetime64[ns]")
    zero, gaps = np.zeros(len(keep)), np.full(len(keep), np.nan)
    return Records(
        source=raw.name,
        begin=stamps,
        fix=stamps,
        seconds=zero,
        counts=gaps,
        first=first,
        second=second,
        geographic=geographic,
        speed=None,
        incoming=None,
        name=None,
        only_fix=np.ones(len(keep), dtype=bool),
        weather={},
    )


def _read_one(table: PointTable, where: str, own: bool, context: Context) -> Records:
    raw, times = read_table(table, context, where=where)
    keep, _, notes = clean_order(times, raw.name)
    raw.notes += notes
    stamps = times[keep].to_numpy().astype("datetime64[ns]")
    columns = _columns(table, raw, where, own)
    seconds = _seconds(table, raw, times, keep, where)
    usual = float(np.median(seconds[seconds > 0])) if (seconds > 0).any() else np.nan
    if not np.isfinite(usual):
        raise DataError(f"{raw.name}: no record counted any time ({where})")
    values = {}
    for column in columns:
        data = column_values(raw, column, decimal=table.decimal, hours=usual / 3600.0)[keep]
        values[column.quantity] = data
    counts = values.pop("counts") * usual / 3600.0
    if not _counts_per_record(table):
        counts = counts * seconds / usual
    first = second = np.full(len(keep), np.nan)
    geographic = True
    if own:
        first, second, geographic = _positions(table, raw, values, keep, where)
    factor, spec = None, table.columns.incoming_factor
    if spec is not None:
        place = f"{where}.columns.incoming_factor"
        factor = numbers(raw, spec, decimal=table.decimal, where=place)[keep]
        strange = (factor < _FACTORS[0]) | (factor > _FACTORS[1])
        if strange.any():
            raw.warn(f"{raw.name}: {int(strange.sum())} incoming factors are impossible, gaps now")
            factor = np.where(strange, np.nan, factor)
    name = None
    if table.columns.pass_id is not None:
        text = text_column(raw, table.columns.pass_id, where=f"{where}.columns.pass_id")
        name = pd.factorize(text.fillna("").to_numpy()[keep])[0]
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}[table.time.stamp]
    begin = stamps - (back * seconds * 1e9).astype("timedelta64[ns]")
    tell_notes(raw, context)
    context.log.tell(
        f"{raw.name}: {len(stamps)} records of about {usual:g} s, "
        f"{np.datetime_as_string(stamps.min(), 's')} to "
        f"{np.datetime_as_string(stamps.max(), 's')} UTC"
    )
    weather = {q: values[q] for q in WEATHER if q in values and np.isfinite(values[q]).any()}
    return Records(
        source=raw.name,
        begin=begin,
        fix=stamps,
        seconds=seconds,
        counts=counts,
        first=first,
        second=second,
        geographic=geographic,
        speed=values.get("speed"),
        incoming=factor,
        name=name,
        only_fix=np.zeros(len(keep), dtype=bool),
        weather=weather,
    )


def _columns(table: PointTable, raw: Raw, where: str, own: bool) -> list[Column]:
    """Return the columns of quantities that the study names, or the format has."""
    given: dict[str, ColumnSpec] = {n: c for n, c in table.columns if n in _KNOWN and c is not None}
    columns = [
        Column(q, tuple(c.column), c.units, f"{where}.columns.{q}") for q, c in given.items()
    ]
    known = set(given) | ({"latitude", "longitude"} if table.columns.x is not None else set())
    defaults = default_columns(raw, table.format, known, where)
    columns += [c for c in defaults if c.quantity in _KNOWN]
    found = {c.quantity for c in columns}
    if "counts" not in found:
        raise DataError(f"{raw.name}: the study names no column of counts ({where}.columns.counts)")
    if own and table.columns.x is None and not {"latitude", "longitude"} <= found:
        raise DataError(
            f"{raw.name}: the study names no columns of positions ({where}.columns.latitude and "
            "longitude, or x and y; or tables of gps)"
        )
    return columns


def _counts_per_record(table: PointTable) -> bool:
    spec = table.columns.counts
    return spec is None or spec.units.strip().lower() in ("count", "counts", "cts", "pulses")


def _seconds(
    table: PointTable, raw: Raw, times: pd.DatetimeIndex, keep: np.ndarray, where: str
) -> np.ndarray:
    """Return the counted time of each record [s], 0 where it is not known."""
    spec = table.columns.seconds
    if spec is not None:
        seconds = plain(raw, spec, "s", table.decimal, f"{where}.columns.seconds")[keep]
        return np.where(seconds > 0, seconds, 0.0)
    if table.interval == "since_last":
        steps = np.diff(times[keep].to_numpy()) / np.timedelta64(1, "ns") / 1e9
        # What was counted before the first record, or over a pause, is not known.
        usual = float(np.median(steps)) if steps.size else 0.0
        return np.concatenate([[0.0], np.where(steps <= 10.0 * usual, steps, 0.0)])
    hours = interval_hours(times, table.interval, raw, where)
    counted = counted_hours(raw, table.format, hours=hours, where=where)
    if counted is None:
        return np.full(len(keep), 3600.0 * hours)
    return 3600.0 * np.where(np.isfinite(counted), counted, hours)[keep]


def plain(raw: Raw, spec: ColumnSpec, unit: str, decimal: str, where: str) -> np.ndarray:
    """Return a column that is no declared quantity, in a unit [m, s, h-1]."""
    values = numbers(raw, spec.column[0], decimal=decimal, where=where)
    target = Quantity(where.rsplit(".", 1)[-1], "", unit, where.rsplit(".", 1)[-1])
    return convert(values, spec.units, target, f"{raw.name}, column '{spec.column[0]}' ({where})")


def _positions(
    table: PointTable | GpsTable,
    raw: Raw,
    values: dict[str, np.ndarray],
    keep: np.ndarray,
    where: str,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return longitude and latitude, or x and y, NaN without fix, and which of both."""
    x, y = table.columns.x, table.columns.y
    if x is not None and y is not None:
        found = [
            plain(raw, spec, "m", table.decimal, f"{where}.columns.{name}")[keep]
            for name, spec in (("x", x), ("y", y))
        ]
        return found[0], found[1], False
    longitude, latitude = values.pop("longitude"), values.pop("latitude")
    # Loggers write zeros where there is no fix; nobody counts neutrons on the sea there.
    lost = (longitude == 0.0) & (latitude == 0.0)
    lost |= np.isnan(longitude) | np.isnan(latitude)
    return np.where(lost, np.nan, longitude), np.where(lost, np.nan, latitude), True


def tell_flags(source: str, told: dict[str, int], context: Context) -> None:
    """Tell how many records are used and why others are not.

    Raises
    ------
    DataError
        If none can be used.
    """
    reasons = [f"{count} {why}" for why, count in told.items() if why not in ("records", "used")]
    if told["used"] == 0:
        raise DataError(
            f"{source}: none of {told['records']} records can be used: {', '.join(reasons)}"
        )
    text = f"{source}: {told['used']} of {told['records']} records are used"
    if reasons:
        text += f"; left out: {', '.join(reasons)}"
    tell = context.log.warn if told["used"] < 0.5 * told["records"] else context.log.tell
    tell(text)
