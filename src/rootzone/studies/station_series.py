"""The time series of a table of a station: columns in their units, gaps made and told."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import numpy as np

from rootzone.config.tables import SeriesTable
from rootzone.core import DataError
from rootzone.data import (
    COUNT_WORDS,
    Column,
    Raw,
    Series,
    clean_order,
    column_values,
    counted_hours,
    default_columns,
    interval_hours,
)
from rootzone.studies.context import Context
from rootzone.studies.tables import read_table, starts, tell_rows


def series_of_table(table: SeriesTable, context: Context, where: str) -> list[Series]:
    """Return the columns of a table that the study names, or its format has."""
    raw, times = read_table(table, context, where=where)
    keep, duplicates, notes = clean_order(times, raw.name)
    raw.notes += notes
    hours = interval_hours(times, table.interval, raw, where)
    stamps = starts(times[keep], table, hours)
    given = table.columns.scalar_columns()
    columns = [
        Column(q, tuple(c.column), c.units, f"{where}.columns.{q}") for q, c in given.items()
    ]
    columns += default_columns(raw, table.format, set(given), where)
    sensors = {}
    for n, sensor in enumerate(table.columns.soil_moisture):
        place = f"{where}.columns.soil_moisture[{n}]"
        columns.append(Column("soil_moisture", (sensor.column,), sensor.units, place))
        sensors[place] = sensor
    if not columns:
        raise DataError(f"{raw.name}: the study names no column of this table ({where}.columns)")
    _tell_shared(columns, raw)
    out = []
    for column in columns:
        values = column_values(raw, column, decimal=table.decimal, hours=hours)[keep]
        if np.isnan(values).all() and column.quantity != "counts":
            named = column.quantity in given or column.where in sensors
            tell = raw.warn if named else raw.notes.append
            tell(f"{raw.name}: column '{column.names[0]}' holds no value and is left out")
            continue
        series = Series(column.quantity, stamps, values, hours, raw.name, duplicates=duplicates)
        if column.quantity == "counts" and column.units.strip().lower() in COUNT_WORDS:
            counted = counted_hours(raw, table.format, hours=hours, where=where)
            if counted is not None:
                series.counted = counted[keep]
                series.values = values * hours / series.counted
        if column.where in sensors:
            sensor = sensors[column.where]
            series.depth, series.distance = sensor.depth, sensor.distance
            series.label = sensor.column
        out.append(series)
    if table.format == "hydroinnova":
        _positions(out, raw)
    tell_rows(raw, stamps, hours, (s.quantity for s in out), context)
    return out


def _positions(series: list[Series], raw: Raw) -> None:
    """Make gaps of positions without satellite fix, and tell what the logger does not."""
    where = {s.quantity: s for s in series if s.quantity in ("latitude", "longitude")}
    if len(where) < 2:
        return
    lost = (where["latitude"].values == 0.0) & (where["longitude"].values == 0.0)
    for s in where.values():
        s.values = np.where(lost, np.nan, s.values)
    if lost.any():
        raw.notes.append(f"{raw.name}: {int(lost.sum())} records without satellite fix")
    raw.warn(
        f"{raw.name}: the logger writes positions without hemisphere; they are kept as logged "
        "(west and south are positive too)"
    )


def _tell_shared(columns: list[Column], raw: Raw) -> None:
    """Tell if one column stands for two quantities."""
    used: dict[str, str] = {}
    for column in columns:
        for name in column.names:
            first = used.setdefault(name, column.where)
            if first != column.where:
                raw.warn(f"{raw.name}: column '{name}' is named twice, {first} and {column.where}")
