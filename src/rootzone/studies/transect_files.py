"""The small tables that a transect study names: a line, parameter sets, observed water.

They are read like all tables (encoding, separator, comments), but nothing is passed over: what is
wanted must be there, and must be a number.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rootzone.core import DataError
from rootzone.data import Raw, read_raw
from rootzone.studies.context import Context
from rootzone.studies.tables import tell_notes


def read_plain(path: Path, context: Context) -> Raw:
    """Return a table as text; what was noticed while reading is told.

    Raises
    ------
    DataError
        If it is no table, or has rows with more entries than names.
    """
    raw = read_raw([path], layout="csv")
    for warning in raw.warnings:
        if "are left out" in warning:
            raise DataError(f"{path}: {warning}")
    tell_notes(raw, context)
    return raw


def column_names(raw: Raw) -> Sequence[str]:
    """Return the names of the columns.

    Raises
    ------
    DataError
        If two columns share one.
    """
    if raw.doubled:
        raise DataError(
            f"{raw.files[0]}, line {raw.header_line}: '{sorted(raw.doubled)[0]}' stands twice"
        )
    return raw.names


def texts(raw: Raw, name: str) -> list[str]:
    """Return a column as text without blanks around it, nothing where there is a gap."""
    return [text.strip() if isinstance(text, str) else "" for text in raw.frame[name]]


def plain_numbers(raw: Raw, name: str, *, gaps: bool = False) -> np.ndarray:
    """Return a column as numbers, all their bits as they are written.

    Parameters
    ----------
    raw : Raw
        The table.
    name : str
        The column.
    gaps : bool
        Whether entries may be missing, as NaN.

    Raises
    ------
    DataError
        With the line of the first entry that is none.
    """
    values = np.full(len(raw.frame), np.nan)
    for row, text in enumerate(texts(raw, name)):
        if not text and gaps:
            continue
        try:
            values[row] = float(text)
        except ValueError:
            gap = "" if text else "; nan and other words for a missing value are read as ''"
            raise DataError(
                f"{raw.files[0]}, {raw.place(row)}: {name} is {text!r}, a number is wanted{gap}"
            ) from None
    return values
