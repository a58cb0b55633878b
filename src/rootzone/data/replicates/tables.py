"""Tables of replicate sensors: the columns that a pattern names, and the layout of NEON."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from rootzone.core import DataError, Quantity, UnitError, quantity
from rootzone.data.grid import Series
from rootzone.data.replicates.network import InputSeries
from rootzone.data.tables import Column, column_values, numbers, text_column
from rootzone.data.text_files import Raw
from rootzone.data.units import convert

AMOUNTS = frozenset({"precipitation", "irrigation", "potential_evapotranspiration"})
_IRRIGATION = Quantity("irrigation", "I_r", "mm", "irrigation per time step", (0.0, 500.0))
_RUNOFF = Quantity("discharge", "q", "mm", "discharge per time step", (0.0, 1e4))
_FLOW = Quantity("discharge", "Q", "m3 s-1", "discharge", (0.0, 1e6))


class SensorName(NamedTuple):
    """A column of a table of sensors; depth [cm]."""

    column: str
    depth: float
    replicate: str
    units: str
    where: str


def columns_of_pattern(
    raw: Raw, pattern: str, depths: Mapping[str, float], replicate: str, units: str, where: str
) -> list[SensorName]:
    """Return the columns whose names follow a pattern such as ``P{replicate}_D{depth}``.

    Parameters
    ----------
    raw : Raw
        The table; what is left out is noted there.
    pattern : str
        With ``{depth}`` and, for several sensors of a depth, ``{replicate}``.
    depths : mapping
        Depth [cm] of each word that ``{depth}`` stands for; empty: the word is the depth.
    replicate : str
        Replicate of a pattern without ``{replicate}``.
    units, where : str
        Unit of the columns, and key of the study.

    Raises
    ------
    DataError
        If no column follows the pattern, or a depth of the study has none.
    """
    codes = "|".join(re.escape(c) for c in sorted(depths, key=len, reverse=True))
    number = r"\d+(?:\.\d+)?"
    marks = {"{depth}": f"(?P<depth>{codes or number})", "{replicate}": "(?P<replicate>.+?)"}
    parts = re.split(r"(\{depth\}|\{replicate\})", pattern)
    known = re.compile("".join(marks.get(p, re.escape(p)) for p in parts))
    marks["{depth}"] = "(?P<depth>.+?)"
    alike = re.compile("".join(marks.get(p, re.escape(p)) for p in parts))
    found, left_out = [], []
    for name in raw.names:
        match = known.fullmatch(name)
        if match is None:
            left_out += [name] if alike.fullmatch(name) else []
            continue
        words = match.groupdict()
        depth = depths[words["depth"]] if depths else float(words["depth"])
        word = words.get("replicate", replicate)
        found.append(SensorName(name, depth, word, units, f"{where}.pattern"))
    if not found:
        raise DataError(
            f"{raw.name}: no column is named like '{pattern}' ({where}.pattern); the header has "
            f"{', '.join(raw.names[:12])}" + (" ..." if len(raw.names) > 12 else "")
        )
    absent = sorted(set(depths.values()) - {f.depth for f in found})
    if absent:
        code = next(c for c, d in depths.items() if d == absent[0])
        raise DataError(
            f"{raw.name}: no column of '{pattern}' has the depth '{code}', which is {absent[0]:g} "
            f"cm by {where}.depths"
        )
    if left_out:
        raw.notes.append(
            f"{raw.name}: {len(left_out)} columns have a depth that the study does not name and "
            f"are left out ({', '.join(left_out[:8])})"
        )
    return found


def neon_series(
    raw: Raw, times: pd.DatetimeIndex, depths: Mapping[str, float], where: str
) -> list[Series]:
    """Return the sensors of a table of NEON's soil water content (DP1.00094.001).

    Replicates are the plots (horizontalPosition); readings whose finalQF is not 0 are gaps.

    Raises
    ------
    DataError
        If a column is missing or no row has a depth of the study.
    """
    plot = text_column(raw, "horizontalPosition", where=where).to_numpy(dtype=str)
    level = text_column(raw, "verticalPosition", where=where).to_numpy(dtype=str)
    flag = numbers(raw, "finalQF", decimal=".", where=where)
    column = Column("soil_moisture", ("VSWCMean",), "m3 m-3", where)
    values = column_values(raw, column, decimal=".", hours=1.0)
    values = np.where(flag == 0.0, values, np.nan)
    raw.notes.append(f"{raw.name}: {int(np.sum(flag != 0.0))} of {len(flag)} rows have a finalQF")
    hours = _step_hours(times, raw)
    others = sorted(set(level) - set(depths))
    if others:
        raw.notes.append(
            f"{raw.name}: verticalPosition {', '.join(others)} is no depth of the study and left "
            "out"
        )
    out = []
    for code, depth in depths.items():
        for name in sorted(set(plot[level == code])):
            rows = (level == code) & (plot == name) & ~times.isna()
            order = np.argsort(times[rows].to_numpy(), kind="stable")
            out.append(
                Series(
                    "soil_moisture",
                    times[rows][order],
                    values[rows][order],
                    hours,
                    f"{raw.name}, plot {name}, {code}",
                    depth=depth,
                    label=name,
                )
            )
    if not out:
        raise DataError(
            f"{raw.name}: verticalPosition is {', '.join(others)}, none of which is a depth of the "
            f"study ({where}.depths)"
        )
    return out


def _step_hours(times: pd.DatetimeIndex, raw: Raw) -> float:
    steps = np.diff(times.dropna().unique().sort_values().to_numpy()) / np.timedelta64(1, "s")
    if not steps.size:
        raise DataError(f"{raw.name}: one time stamp is no time series, two are the least")
    values, counts = np.unique(steps, return_counts=True)
    return float(values[np.argmax(counts)]) / 3600.0


# --- inputs -----------------------------------------------------------------------------


def input_values(
    raw: Raw, column: Column, *, decimal: str, hours: float
) -> tuple[np.ndarray, str, bool]:
    """Return an input in its unit, the unit, and whether it is an amount of an interval.

    Discharge keeps its kind: an amount [mm], or a flow [m3 s-1].

    Raises
    ------
    DataError, UnitError
        If the column cannot be read or converted.
    """
    if column.quantity not in ("irrigation", "discharge"):
        values = column_values(raw, column, decimal=decimal, hours=hours)
        name = "count_rate" if column.quantity == "counts" else column.quantity
        return values, quantity(name).unit, column.quantity in AMOUNTS
    given = numbers(raw, column.names[0], decimal=decimal, where=column.where)
    label = f"{raw.name}, column '{column.names[0]}'"
    where = f"{label} ({column.where}.units)"
    target = _IRRIGATION
    if column.quantity == "discharge":
        target = _RUNOFF
        try:
            convert(np.array([np.nan]), column.units, _RUNOFF, where)
        except UnitError:
            target = _FLOW
    values = convert(given, column.units, target, where)
    bad = (values < target.bounds[0]) | (values > target.bounds[1])
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raw.warn(
            f"{label}: {int(bad.sum())} values are impossible and count as gaps, the first is "
            f"{given[first]:g} in {raw.place(first)}"
        )
    return np.where(bad, np.nan, values), target.unit, target.unit == "mm"


def input_series(
    column: Column,
    values: tuple[np.ndarray, str, bool],
    stamps: pd.DatetimeIndex,
    hours: float,
    source: str,
    gaps: str,
    longest_hours: float,
) -> InputSeries:
    """Return a series of :func:`input_values`."""
    return InputSeries(
        column.quantity,
        stamps,
        values[0],
        hours,
        source,
        units=values[1],
        amount=values[2],
        gaps=gaps,
        longest_hours=longest_hours,
    )
