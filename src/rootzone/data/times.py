"""Time stamps of any make become UTC, and what was assumed is told."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import re

import numpy as np
import pandas as pd

from rootzone.core import DataError

_NUMERIC_DATE = re.compile(r"^\s*(\d{1,2})([./-])(\d{1,2})\2(\d{2,4})")


def parse_times(
    text: pd.Series,
    *,
    where: str,
    time_format: str | None = None,
    day_first: bool | None = None,
    timezone: str | None = None,
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

    Returns
    -------
    times : DatetimeIndex
        UTC, NaT where a stamp cannot be read.
    notes : list of str
        What was assumed or dropped.

    Raises
    ------
    DataError
        If most stamps cannot be read, the order of day and month stays open, or the zone is
        not known.
    """
    notes: list[str] = []
    text = text.astype(str).str.strip()
    if time_format is not None:
        times = pd.to_datetime(text, format=time_format, errors="coerce")
        how = f"format {time_format}"
    else:
        first = next((t for t in text if t and t.lower() != "nan"), "")
        if _NUMERIC_DATE.match(first):
            order, note = _date_order(text, day_first, where)
            notes += [note] if note else []
            times = pd.to_datetime(text, format="mixed", dayfirst=order, errors="coerce")
            how = "day first" if order else "month first"
        else:
            times = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=_has_zone(first))
            if times.isna().mean() > 0.5:
                times = pd.to_datetime(text, format="mixed", errors="coerce", utc=_has_zone(first))
            how = "ISO 8601"
    bad = int(times.isna().sum())
    if bad > 0.5 * len(times):
        example = text[times.isna()].iloc[0]
        raise DataError(
            f"{where}: {bad} of {len(times)} time stamps cannot be read as {how}, e.g. "
            f"'{example}': set time.format in the study"
        )
    index = pd.DatetimeIndex(times)
    if index.tz is None:
        index, told = _to_utc(index, timezone, where)
        notes += told
    else:
        index = index.tz_convert("UTC")
    lost = int(index.isna().sum())
    if lost:
        row = int(np.flatnonzero(index.isna())[0])
        notes.append(
            f"{where}: {lost} time stamps unreadable and left out, the first in row {row + 1}"
        )
    return index.tz_localize(None), notes


def _has_zone(stamp: str) -> bool:
    return bool(re.search(r"(Z|[+-]\d{2}:?\d{2})$", stamp))


def _date_order(text: pd.Series, day_first: bool | None, where: str) -> tuple[bool, str]:
    if day_first is not None:
        return day_first, ""
    parts = text.str.extract(_NUMERIC_DATE.pattern)
    first = pd.to_numeric(parts[0], errors="coerce")
    second = pd.to_numeric(parts[2], errors="coerce")
    if (parts[1] == ".").any():
        return True, f"{where}: dates with dots read as day.month.year"
    if (first > 12).any() and not (second > 12).any():
        return True, f"{where}: dates read as day/month/year (the data show it)"
    if (second > 12).any() and not (first > 12).any():
        return False, f"{where}: dates read as month/day/year (the data show it)"
    raise DataError(
        f"{where}: whether day or month comes first in '{text.iloc[0]}' stays open: set "
        "time.day_first in the study"
    )


def _to_utc(
    index: pd.DatetimeIndex, timezone: str | None, where: str
) -> tuple[pd.DatetimeIndex, list[str]]:
    if timezone is None:
        note = f"{where}: time stamps carry no zone and are read as UTC; set time.timezone if not"
        return index.tz_localize("UTC"), [note]
    try:
        # The hour that summer time repeats is told apart by its order, where it is complete.
        try:
            local = index.tz_localize(timezone, ambiguous="infer", nonexistent="NaT")
        except ValueError:
            local = index.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{where}: timezone '{timezone}' is not known, e.g. Europe/Berlin"
        ) from error
    return local.tz_convert("UTC"), [f"{where}: local time of {timezone} turned into UTC"]
