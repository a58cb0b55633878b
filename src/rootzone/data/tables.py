"""Tables of any make become numbers: files, separators, decimals, columns, units, times."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rootzone.core import DataError, nearest, quantity
from rootzone.data.formats import LAYOUTS, hydroinnova_header, hydroinnova_tubes
from rootzone.data.times import parse_times
from rootzone.data.units import COUNT_WORDS, convert

_MISSING = ["", "NaN", "nan", "NA", "N/A", "NAN", "null", "None", "-9999", "-9999.0", "INF", "-INF"]


@dataclass(frozen=True)
class Column:
    """A wanted column: quantity, names in the file (added up), unit there, key of the study."""

    quantity: str
    names: tuple[str, ...]
    units: str
    where: str
    label: str = ""


@dataclass
class Raw:
    """A file as text columns, with how it was read."""

    frame: pd.DataFrame
    files: list[Path]
    separator: str
    notes: list[str]

    @property
    def name(self) -> str:
        """Name of the (first) file, for messages."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{self.files[0].name}{more}"


def _first_glob(path: Path) -> int:
    return next(n for n, part in enumerate(path.parts) if any(c in part for c in "*?["))


def find_files(patterns: list[str], *, base: Path, examples: Path | None) -> list[Path]:
    """Return the files that paths and globs name.

    Parameters
    ----------
    patterns : list of str
        Paths relative to ``base``, globs, or ``example:NAME/FILE`` below ``examples``.
    base : Path
        Folder of the study file.
    examples : Path or None
        Folder of the shipped examples.

    Raises
    ------
    DataError
        If a pattern names no file.
    """
    found: list[Path] = []
    for pattern in patterns:
        if pattern.startswith("example:"):
            if examples is None:
                raise DataError(f"{pattern}: the shipped examples are not installed")
            path = examples / pattern.removeprefix("example:")
        else:
            path = base / Path(pattern).expanduser()
        if any(c in pattern for c in "*?["):
            fixed = Path(*path.parts[: _first_glob(path)])
            hits = sorted(p for p in fixed.glob(str(path.relative_to(fixed))) if p.is_file())
            if not hits:
                raise DataError(f"{path}: no file has a name like this")
            found += hits
        elif path.is_file():
            found.append(path)
        else:
            siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            what = "is a folder, a file is wanted" if path.is_dir() else "no such file"
            raise DataError(f"{path}: {what}{nearest(path.name, siblings)}")
    return found


def _text_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        opener = gzip.open if packed else open
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            return file.read().splitlines()
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _separator_of(line: str) -> str:
    """Return the separator that a header line shows."""
    for candidate in ("\t", ";", ",", "|"):
        if candidate in line:
            return candidate
    return r"\s+" if len(line.split()) > 1 else ","


def read_raw(
    files: list[Path],
    *,
    layout: str,
    separator: str | None = None,
    missing: list[str] | None = None,
) -> Raw:
    """Read files of one layout as text columns.

    Raises
    ------
    DataError
        If a file is empty, has a header only, or its lines do not fit the header.
    """
    frames, notes, used = [], [], separator or ","
    for path in files:
        lines = _text_lines(path)
        content = [n for n, line in enumerate(lines) if line.strip()]
        if not content:
            raise DataError(f"{path}: the file is empty")
        names: list[str] | None = None
        if layout == "toa5":
            if len(lines) < 4 or not lines[0].lstrip('"').startswith("TOA5"):
                raise DataError(f"{path}: the first line does not say TOA5")
            skip, used = [0, 2, 3], ","
        elif layout == "hydroinnova":
            names, first = hydroinnova_header(lines)
            if not names:
                raise DataError(f"{path}: no line '//--Data Column Info:', not a Hydroinnova file")
            skip, used = list(range(first)), ","
        else:
            header = next((n for n in content if not lines[n].lstrip().startswith("#")), content[0])
            skip = list(range(header))
            used = separator or _separator_of(lines[header])
        if len(content) - len([n for n in skip if lines[n].strip()]) < (1 if names else 2):
            raise DataError(f"{path}: a header but no rows")
        try:
            frame = pd.read_csv(
                path,
                sep=used,
                skiprows=skip,
                names=names,
                header=None if names else 0,
                dtype=str,
                keep_default_na=False,
                na_values=_MISSING + list(missing or []),
                skipinitialspace=True,
                compression="infer" if path.suffix == ".gz" else None,
                encoding="utf-8-sig",
                encoding_errors="replace",
                index_col=False,
                engine="python" if used == r"\s+" else "c",
                on_bad_lines="error",
            )
        except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
            what = str(error).strip().replace("Error tokenizing data. C error: ", "")
            raise DataError(
                f"{path}: rows do not fit the header with separator {used!r} ({what})"
            ) from None
        frame.columns = [str(c).strip() for c in frame.columns]
        doubled = frame.columns[frame.columns.duplicated()]
        if len(doubled):
            raise DataError(f"{path}: column '{doubled[0]}' stands twice in the header")
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    return Raw(frame, files, used, notes)


def numbers(raw: Raw, name: str, *, decimal: str, where: str) -> np.ndarray:
    """Return a text column as numbers; what is no number becomes a gap, and is told.

    Raises
    ------
    DataError
        If the column is missing, holds decimal commas, or is mostly text.
    """
    if name not in raw.frame.columns:
        hint = nearest(name, raw.frame.columns) or (
            f"; the file has {', '.join(map(str, raw.frame.columns[:12]))}"
            + (" ..." if raw.frame.shape[1] > 12 else "")
        )
        if raw.frame.shape[1] == 1:
            hint = f"; the whole line is one column with separator {raw.separator!r}: set separator"
        raise DataError(f"{raw.name}: no column '{name}' ({where}){hint}")
    text = raw.frame[name].str.strip()
    if decimal == ",":
        text = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, copy=True)
    values[~np.isfinite(values)] = np.nan
    words = text.notna().to_numpy() & np.isnan(values)
    if words.any():
        row = int(np.flatnonzero(words)[0])
        example = raw.frame[name].iloc[row]
        count, total = int(words.sum()), int(text.notna().sum())
        if text[words].str.fullmatch(r"[-+]?\d+,\d+").mean() > 0.5:
            raise DataError(
                f"{raw.name}: column '{name}' has decimal commas ('{example}'): set decimal: ',' "
                f"({where})"
            )
        if count > 0.1 * total:
            raise DataError(
                f"{raw.name}: {count} of {total} entries of column '{name}' are no numbers, the "
                f"first is '{example}' in row {row + 1} ({where})"
            )
        raw.notes.append(
            f"{raw.name}: {count} entries of column '{name}' are no numbers and count as gaps, "
            f"the first is '{example}' in row {row + 1}"
        )
    return values


def default_columns(raw: Raw, layout: str, given: set[str], where: str) -> list[Column]:
    """Return the columns that the layout knows and the study does not name."""
    known = LAYOUTS[layout].columns
    out = [
        Column(q, (name,), units, f"{where}.columns.{q}")
        for q, (name, units) in known.items()
        if q not in given and name in raw.frame.columns
    ]
    if layout == "hydroinnova" and "counts" not in given:
        tubes = hydroinnova_tubes(list(raw.frame.columns))
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
    name = column or LAYOUTS[layout].time or str(raw.frame.columns[0])
    if name not in raw.frame.columns:
        hint = nearest(name, raw.frame.columns)
        if raw.frame.shape[1] == 1:
            hint = f"; the whole line is one column with separator {raw.separator!r}: set separator"
        raise DataError(f"{raw.name}: no time column '{name}' ({where}.time.column){hint}")
    if timezone is None and "utc" in name.lower():
        timezone = "UTC"
    times, notes = parse_times(
        raw.frame[name],
        where=f"{raw.name}, column '{name}'",
        time_format=time_format,
        day_first=day_first,
        timezone=timezone,
    )
    raw.notes += [n for n in notes if "local time of UTC" not in n]
    return times


def interval_hours(times: pd.DatetimeIndex, given: str | None, where: str) -> float:
    """Return the length of an interval [h]: as given, or the most frequent step.

    Raises
    ------
    DataError
        If it is not given and there is only one row, or the given text is no duration.
    """
    if given is not None:
        try:
            return pd.Timedelta(given) / pd.Timedelta("1h")
        except ValueError:
            raise DataError(
                f"{where}.interval: '{given}' is no duration, e.g. 30min or 1h"
            ) from None
    steps = np.diff(times.dropna().unique().sort_values().to_numpy())
    if steps.size == 0:
        raise DataError(
            f"{where}: one time stamp does not tell the interval: set interval, e.g. 1h"
        )
    values, counts = np.unique(steps, return_counts=True)
    return float(values[np.argmax(counts)] / np.timedelta64(1, "s")) / 3600.0


def column_values(raw: Raw, column: Column, *, decimal: str, hours: float) -> np.ndarray:
    """Return a column in the unit of its quantity; counts become rates [h-1]."""
    parts = [numbers(raw, n, decimal=decimal, where=column.where) for n in column.names]
    values = np.sum(parts, axis=0)
    units_key = f"{raw.name}, column '{'+'.join(column.names)}' ({column.where}.units)"
    if column.quantity == "counts":
        target = quantity("count_rate_raw")
        if column.units.strip().lower() in COUNT_WORDS:
            return values / hours
        return convert(values, column.units, target, units_key)
    name = "in_situ_soil_moisture" if column.quantity == "soil_moisture" else column.quantity
    return convert(values, column.units, quantity(name), units_key)
