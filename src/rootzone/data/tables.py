"""Tables of any make become numbers: files, separators, decimals, columns, units, times."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rootzone.core import DataError, Quantity, UnitError, nearest, quantity
from rootzone.data.formats import LAYOUTS, hydroinnova_seconds, hydroinnova_tubes
from rootzone.data.text_files import Raw
from rootzone.data.times import parse_times
from rootzone.data.units import COUNT_WORDS, convert, suspicion


@dataclass(frozen=True)
class Column:
    """A wanted column: quantity, names in the file (added up), unit there, key of the study."""

    quantity: str
    names: tuple[str, ...]
    units: str
    where: str
    label: str = ""


def _no_column(raw: Raw, name: str, what: str, where: str) -> DataError:
    """Return the error of a column that is not there."""
    names = raw.names
    hint = nearest(name, names) or (
        f"; the header in line {raw.header_line} has {', '.join(names[:12])}"
        + (" ..." if len(names) > 12 else "")
    )
    if len(names) == 1:
        seen = next((c for c in "\t;,|" if c in names[0]), None)
        other = f" {seen!r}" if seen else ", e.g. ';'"
        used = "blanks" if raw.separator == r"\s+" else repr(raw.separator)
        hint = f"; with separator {used} the line is one column: set separator{other}"
    return DataError(f"{raw.name}: no {what} '{name}' ({where}){hint}")


def text_column(raw: Raw, name: str, *, what: str = "column", where: str) -> pd.Series:
    """Return a column as text.

    Raises
    ------
    DataError
        If the column is missing, or two have its name.
    """
    if name not in raw.names:
        raise _no_column(raw, name, what, where)
    if name in raw.doubled:
        raise DataError(f"{raw.name}: column '{name}' stands twice in the header ({where})")
    for path, names in zip(raw.files, raw.names_of, strict=True):
        if name not in names:
            raw.warn(f"{path.name}: no {what} '{name}', gaps there{nearest(name, names)}")
    return raw.frame[name].str.strip()


def numbers(raw: Raw, name: str, *, decimal: str, where: str) -> np.ndarray:
    """Return a text column as numbers; what is no number becomes a gap, and is told.

    Raises
    ------
    DataError
        If the column is missing, holds the other decimal mark, or is mostly text.
    """
    text = text_column(raw, name, where=where)
    original = text
    if decimal == ",":
        text = _with_points(raw, text, name, where)
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, copy=True)
    values[~np.isfinite(values)] = np.nan
    words = text.notna().to_numpy() & np.isnan(values)
    values[np.isin(values, raw.missing)] = np.nan
    if words.any():
        first = int(np.flatnonzero(words)[0])
        example = f"'{original.iloc[first]}' in {raw.place(first)}"
        count, total = int(words.sum()), int(text.notna().sum())
        if text[words].str.fullmatch(r"[-+]?[\d,]*,\d+(\.\d+)?").mean() > 0.5:
            grouped = text[words].str.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?").all()
            raise DataError(
                f"{raw.name}: column '{name}' has "
                + ("thousands separators or decimal commas" if grouped else "decimal commas")
                + f" ({example}): set decimal: ','"
                + (", or leave the thousands separators out" if grouped else "")
                + f" ({where})"
            )
        if count > 0.1 * total:
            raise DataError(
                f"{raw.name}: {count} of {total} entries of column '{name}' are no numbers, the "
                f"first is {example} ({where}); words for gaps are named by missing"
            )
        raw.warn(
            f"{raw.name}: {count} entries of column '{name}' are no numbers and count as gaps, "
            f"the first is {example}"
        )
    return values


def _with_points(raw: Raw, text: pd.Series, name: str, where: str) -> pd.Series:
    """Return numbers with decimal commas, and points only between thousands, with points."""
    pointed = text.str.contains(".", regex=False) & text.notna()
    grouped = text.str.fullmatch(r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?") & text.notna()
    wrong = pointed & ~grouped
    if wrong.sum() > 0.5 * pointed.sum():
        raise DataError(
            f"{raw.name}: column '{name}' has decimal points ('{text[wrong].iloc[0]}'), but the "
            f"study says decimal: ',' ({where})"
        )
    plain = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    return plain.where(~wrong, text + " (decimal point)")


def default_columns(raw: Raw, layout: str, given: set[str], where: str) -> list[Column]:
    """Return the columns that the layout knows and the study does not name."""
    known = LAYOUTS[layout].columns
    wanted = {q: c for q, c in known.items() if q not in given}
    absent = [name for name, _ in wanted.values() if name not in raw.names]
    if absent:
        raw.notes.append(f"{raw.name}: no {', '.join(absent)} (columns of the format {layout})")
    out = [
        Column(q, (name,), units, f"{where}.columns.{q}")
        for q, (name, units) in wanted.items()
        if name in raw.names
    ]
    if layout == "hydroinnova" and "counts" not in given:
        tubes = hydroinnova_tubes(raw.names)
        if tubes:
            out.append(Column("counts", tuple(tubes), "count", f"{where}.columns.counts"))
    return out


def time_index(
    raw: Raw,
    *,
    layout: str,
    column: str | None,
    time_format: str | None,
    day_first: bool | None,
    timezone: str | None,
    where: str,
) -> pd.DatetimeIndex:
    """Return the time stamps of a table in UTC (without zone); notes go to ``raw.notes``."""
    name = column or LAYOUTS[layout].time or raw.names[0]
    if column is None and len(raw.names) == 1:
        raise _no_column(raw, "time", "time column", f"{where}.time.column")
    text = text_column(raw, name, what="time column", where=f"{where}.time.column")
    if timezone is None and "utc" in name.lower():
        timezone = "UTC"
    times, notes = parse_times(
        text,
        where=f"{raw.name}, column '{name}'",
        time_format=time_format,
        day_first=day_first,
        timezone=timezone,
        place=raw.place,
    )
    raw.notes += [n for n in notes if "local time of UTC" not in n]
    return times


_USUAL_HOURS = np.array([1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720, 1440]) / 60.0


def interval_hours(times: pd.DatetimeIndex, given: str | None, raw: Raw, where: str) -> float:
    """Return the length of an interval [h]: as given, or the most frequent step.

    Raises
    ------
    DataError
        If it is not given and there is only one row, or the steps are of all lengths.
    """
    steps = np.diff(times.dropna().unique().sort_values().to_numpy())
    hours = steps / np.timedelta64(1, "s") / 3600.0
    if given is not None:
        length = pd.Timedelta(given) / pd.Timedelta("1h")
        step = float(np.median(hours)) if hours.size else length
        if not 0.9 < step / length < 1.1:
            raw.warn(
                f"{raw.name}: {where}.interval is {given}, but most rows are {_lasts(step)} apart"
            )
        return length
    if hours.size == 0:
        raise DataError(
            f"{where}: one time stamp does not tell the interval: set interval, e.g. 1h"
        )
    values, counts = np.unique(hours, return_counts=True)
    if counts.max() >= 0.5 * hours.size:
        return float(values[np.argmax(counts)])
    median = float(np.median(hours))
    usual = float(_USUAL_HOURS[np.argmin(np.abs(_USUAL_HOURS - median))])
    if np.mean(np.abs(hours - usual) < 0.1 * usual) < 0.5:
        raise DataError(
            f"{raw.name}: the steps between time stamps are of all lengths ({_lasts(hours.min())} "
            f"to {_lasts(hours.max())}): set {where}.interval, e.g. 1h"
        )
    raw.warn(f"{raw.name}: time stamps are not regular, their interval is taken as {_lasts(usual)}")
    return usual


def _lasts(hours: float) -> str:
    return f"{hours:g} h" if hours >= 1 else f"{60 * hours:g} min"


def counted_hours(raw: Raw, layout: str, *, hours: float, where: str) -> np.ndarray | None:
    """Return the hours that each record really counted, where the layout tells them."""
    names = hydroinnova_seconds(raw.names) if layout == "hydroinnova" else []
    if not names:
        return None
    seconds = np.mean([numbers(raw, n, decimal=".", where=where) for n in names], axis=0)
    return np.where(seconds > 0, seconds / 3600.0, hours)


def column_values(
    raw: Raw, column: Column, *, decimal: str, hours: float, strict: bool = False
) -> np.ndarray:
    """Return a column in the unit of its quantity; counts become rates [h-1].

    Values that are impossible for the quantity become gaps, and are told; counts keep them,
    for their quality flags.

    Raises
    ------
    DataError, UnitError
        If the column cannot be read or converted; with ``strict`` if one value is impossible.
    """
    parts = [numbers(raw, n, decimal=decimal, where=column.where) for n in column.names]
    values = np.sum(parts, axis=0)
    label = f"{raw.name}, column '{'+'.join(column.names)}'"
    if column.quantity == "counts":
        target = quantity("count_rate_raw")
        if column.units.strip().lower() in COUNT_WORDS:
            _whole(raw, values, label)
            out = values / hours
        else:
            out = convert(values, column.units, target, f"{label} ({column.where}.units)")
    else:
        same = {"soil_moisture": "in_situ_soil_moisture", "volumetric_water": "soil_moisture"}
        target = quantity(same.get(column.quantity, column.quantity))
        out = convert(values, column.units, target, f"{label} ({column.where}.units)")
        out = _possible(raw, values, out, target, label, strict)
    if strange := suspicion(out, target):
        raw.warn(f"{label}: {strange}")
    return out


def _whole(raw: Raw, values: np.ndarray, label: str) -> None:
    """Tell if counts per interval are no whole numbers."""
    finite = values[np.isfinite(values)]
    broken = finite != np.round(finite)
    if broken.mean() > 0.5 if finite.size else False:
        raw.warn(
            f"{label}: counts are no whole numbers (e.g. {finite[broken][0]:g}): are they a rate "
            "(units h-1, cpm, cps), or is the point a thousands separator?"
        )


def _possible(
    raw: Raw, values: np.ndarray, out: np.ndarray, target: Quantity, label: str, strict: bool
) -> np.ndarray:
    low, high = target.bounds
    bad = (out < low) | (out > high)
    if not bad.any():
        return out
    first = int(np.flatnonzero(bad)[0])
    example = f"{values[first]:g} in {raw.place(first)}"
    if strict:
        raise UnitError(
            f"{label}: {example} is impossible for {target.long_name}, wanted {low:g} to {high:g} "
            f"{target.unit}"
        )
    raw.warn(
        f"{label}: {int(bad.sum())} values are impossible and count as gaps, the first is {example}"
    )
    return np.where(bad, np.nan, out)
