"""Time stamps of any make become UTC, and what was assumed is told."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from rootzone.core import DataError

_NUMERIC_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)(.*)")
_MIDNIGHT = re.compile(r"(.*\d[ T])24:00(?::00(?:\.0*)?)?(.*)")
_ZONE = r"\d(?:\s*(?:Z|UTC|GMT)|:?\d\d(?:\.\d+)?\s*[+-]\d{2}(?::?\d{2})?)$"
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_DIGITS = r"(?:19|20)\d{6}(?:\d{4}(?:\d{2})?)?"
_PLAIN = r"[^:]*(?::[\d.,:\s]*(?:[AaPp]\.?[Mm]\.?)?)?"
_FIRST_YEAR = 1950


def parse_times(
    text: pd.Series,
    *,
    where: str,
    time_format: str | None = None,
    day_first: bool | None = None,
    timezone: str | None = None,
    place: Callable[[int], str] = lambda row: f"row {row + 1}",
) -> tuple[pd.DatetimeIndex, list[str]]:
    """Parse a column of time stamps.

    Parameters
    ----------
    text : Series of str
        Stamps as they stand in the file.
    where : str
        File and column, for messages.
    time_format : str, optional
        strptime format; without it ISO 8601, or numeric dates whose order the data show.
    day_first : bool, optional
        Order of numeric dates; without it the data must tell.
    timezone : str, optional
        Zone of stamps that carry none.
    place : callable, optional
        Names the place of a row, for messages.

    Returns
    -------
    times : DatetimeIndex
        UTC, NaT where a stamp cannot be read.
    notes : list of str
        What was assumed or dropped.

    Raises
    ------
    DataError
        If most stamps cannot be read, some carry a zone and some do not, or the order of day
        and month stays open.
    """
    notes: list[str] = []
    text = text.fillna("").astype(str).str.strip().str.strip("'\"")
    text, midnight = _without_hour_24(text, notes, where)
    first = next((t for t in text if any(c.isdigit() for c in t)), "")
    if time_format is not None:
        zoned = "%z" in time_format
        try:
            times = pd.to_datetime(text, format=time_format, errors="coerce", utc=zoned)
        except ValueError as error:
            raise DataError(f"{where}: time.format '{time_format}': {error}") from None
        how = f"format {time_format}"
    else:
        zoned = _all_zoned(text, where)
        how = "ISO 8601"
        if _NUMERIC_DATE.fullmatch(first):
            text, how = _in_iso_order(text, day_first, where, notes)
        times = _parsed(text, zoned)
    times = pd.DatetimeIndex(times) + pd.to_timedelta(midnight.astype(int), unit="D")
    bad = int(times.isna().sum())
    if bad > 0.5 * len(times):
        raise DataError(
            f"{where}: {bad} of {len(times)} time stamps cannot be read as {how}, e.g. "
            f"'{text[times.isna()].iloc[0]}'{_hint(first)}"
        )
    if bad:
        notes.append(
            f"{where}: {bad} time stamps cannot be read and their rows are left out, the first "
            f"'{text[times.isna()].iloc[0]}' in {place(int(np.flatnonzero(times.isna())[0]))}"
        )
    index = times.tz_convert("UTC") if zoned else _to_utc(times, timezone, where, notes)
    index = index.tz_localize(None)
    strange = (index.year < _FIRST_YEAR) | (index > pd.Timestamp.now() + pd.Timedelta("2D"))
    if strange.any():
        notes.append(
            f"{where}: {int(strange.sum())} time stamps before {_FIRST_YEAR} or in the future, "
            f"their rows are left out, the first in {place(int(np.flatnonzero(strange)[0]))}"
        )
        index = index.where(~strange)
    if index.isna().all():
        raise DataError(f"{where}: no usable time stamp")
    return index, notes


def _parsed(text: pd.Series, zoned: bool) -> pd.Series:
    """Return what pandas reads, in UTC, which is what stamps without zone are taken for here.

    A bare number is no time, unless it is a date of eight digits; where the other stamps carry
    no zone, what looks like one is not read.
    """
    number = text.str.fullmatch(_NUMBER) & ~text.str.fullmatch(_DIGITS)
    odd = False if zoned else ~text.str.fullmatch(_PLAIN)
    text = text.mask(number | odd, "")
    times = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if times.isna().mean() > 0.5:
        times = pd.to_datetime(text, format="mixed", errors="coerce", utc=True)
    return times if zoned else times.dt.tz_localize(None)


def _hint(stamp: str) -> str:
    if re.fullmatch(_NUMBER, stamp):
        return (
            ": a number is no time stamp, set time.column, or write dates such as 2020-03-01 12:00"
        )
    if re.search(r"\s[A-Za-z]{3,4}$", stamp):
        return f": leave out '{stamp.split()[-1]}' and set time.timezone"
    return ": set time.format in the study"


def _without_hour_24(text: pd.Series, notes: list[str], where: str) -> tuple[pd.Series, np.ndarray]:
    """Return stamps of 24:00 as 00:00, and which they are: they mean the next day."""
    if not text.str.contains("24:00", regex=False).any():
        return text, np.zeros(len(text), dtype=bool)
    parts = text.str.extract(_MIDNIGHT.pattern)
    found = parts[0].notna()
    if found.any():
        notes.append(f"{where}: {int(found.sum())} stamps of 24:00 read as 00:00 of the next day")
        text = text.mask(found, parts[0] + "00:00" + parts[1])
    return text, found.to_numpy()


def _all_zoned(text: pd.Series, where: str) -> bool:
    with_time = text.str.contains(":", regex=False)
    zoned = text.str.contains(_ZONE) & with_time
    plain = ~zoned & with_time
    if zoned.any() and plain.any():
        raise DataError(
            f"{where}: some time stamps carry a zone ('{text[zoned].iloc[0]}') and some do not "
            f"('{text[plain].iloc[0]}')"
        )
    return bool(zoned.any())


def _in_iso_order(
    text: pd.Series, day_first: bool | None, where: str, notes: list[str]
) -> tuple[pd.Series, str]:
    """Return numeric dates as year-month-day, by the order that is given or that the data show."""
    parts = text.str.extract(_NUMERIC_DATE.pattern)
    first, second = (pd.to_numeric(parts[n], errors="coerce") for n in (0, 2))
    late_first, late_second = first > 12, second > 12
    example = text[parts[0].notna()].iloc[0]
    if ((parts[1] == "-") & (parts[3].str.len() == 2)).any():
        raise DataError(
            f"{where}: where the year stands in '{example}' stays open: set time.format in the "
            "study"
        )
    wrong = late_second if day_first else late_first
    if day_first is not None and wrong.mean() > 0.01:
        raise DataError(
            f"{where}: '{text[wrong].iloc[0]}' does not fit time.day_first: "
            f"{str(day_first).lower()}"
        )
    if day_first is None:
        if late_first.mean() > 0.1 or (late_first.any() and not late_second.any()):
            day_first = True
            notes.append(f"{where}: dates read as day, month, year (the data show it)")
        elif late_second.any():
            day_first = False
            notes.append(f"{where}: dates read as month, day, year (the data show it)")
        elif (parts[1] == ".").any():
            day_first = True
            notes.append(f"{where}: dates with dots read as day.month.year")
        else:
            raise DataError(
                f"{where}: whether day or month comes first in '{example}' stays open: set "
                "time.day_first in the study"
            )
    day, month = (parts[0], parts[2]) if day_first else (parts[2], parts[0])
    year = parts[3].where(parts[3].str.len() == 4, "20" + parts[3])
    iso = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2) + parts[4]
    return iso.fillna(text), "dates of " + ("day, month, year" if day_first else "month, day, year")


def _to_utc(
    index: pd.DatetimeIndex, timezone: str | None, where: str, notes: list[str]
) -> pd.DatetimeIndex:
    if timezone is None:
        notes.append(
            f"{where}: time stamps carry no zone and are read as UTC; set time.timezone if not"
        )
        return index.tz_localize("UTC")
    # The hour that summer time repeats is told apart by its order, where it is complete.
    try:
        local = index.tz_localize(timezone, ambiguous="infer", nonexistent="NaT")
    except ValueError:
        local = index.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
    notes.append(f"{where}: local time of {timezone} turned into UTC")
    lost = local.isna() & ~index.isna()
    if lost.any():
        notes.append(
            f"{where}: {int(lost.sum())} stamps fall into an hour that summer time skips or "
            f"repeats and are left out, the first {index[lost][0]:%Y-%m-%d %H:%M}; a logger that "
            "keeps winter time all year has a fixed timezone, e.g. +01:00"
        )
    return local.tz_convert("UTC")
