"""Tables of a study: their text, their time stamps, and what is told of them."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from collections.abc import Iterable

import pandas as pd

from rootzone.config.tables import FileTable
from rootzone.data import Raw, find_files, read_raw, time_index
from rootzone.studies.context import Context


def read_text(table: FileTable, context: Context) -> Raw:
    """Read the text of a table."""
    files = find_files(table.files, base=context.base, examples=context.examples)
    return read_raw(files, layout=table.format, separator=table.separator, missing=table.missing)


def read_table(table: FileTable, context: Context, *, where: str) -> tuple[Raw, pd.DatetimeIndex]:
    """Read the text and the time stamps of a table."""
    raw = read_text(table, context)
    times = time_index(
        raw,
        layout=table.format,
        column=table.time.column,
        time_format=table.time.format,
        day_first=table.time.day_first,
        timezone=table.time.timezone,
        where=where,
    )
    return raw, times


def starts(times: pd.DatetimeIndex, table: FileTable, hours: float) -> pd.DatetimeIndex:
    """Return the starts of the intervals that time stamps mark."""
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[table.time.stamp] * hours
    return times - pd.Timedelta(hours=shift)


def tell_notes(raw: Raw, context: Context) -> None:
    """Tell what was noticed while reading."""
    for note in raw.warnings:
        context.log.warn(note)
    for note in raw.notes:
        context.log.tell(note)


def tell_rows(
    raw: Raw, stamps: pd.DatetimeIndex, hours: float, names: Iterable[str], context: Context
) -> None:
    """Tell what was noticed while reading, and what was read."""
    tell_notes(raw, context)
    context.log.tell(
        f"{raw.name}: {len(stamps)} rows of {hours:g} h, {stamps.min():%Y-%m-%d %H:%M} to "
        f"{stamps.max():%Y-%m-%d %H:%M} UTC, {', '.join(sorted(set(names)))}"
    )
