"""Text files of any make become columns of text: encoding, separator, header, ragged rows."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false, reportAssignmentType=false
# (pandas types every scalar as "or NaT" and every frame as "or series")

import csv
import io
import re
import statistics
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from rootzone.core import DataError
from rootzone.data.file_text import text_of
from rootzone.data.formats import hydroinnova_header

_MISSING = ["", "NaN", "nan", "NA", "N/A", "NAN", "null", "None", "-9999", "-9999.0", "INF", "-INF"]
_BLANKS = r"\s+"
# What starts a row of values: a number or a time stamp.
_VALUE = re.compile(r"[-+]?\d[\d.,:/+\- TZ]*")
_SHARE = 0.1
"""More rows than this that do not fit the header make the file unusable."""


@dataclass
class Raw:
    """Files of one layout as text columns, with how they were read.

    Attributes
    ----------
    frame : DataFrame
        Text; the first of two columns of the same name keeps it.
    files : list of Path
        The files.
    names_of : list of list of str
        Names of the columns of each file.
    separator : str
        Separator of the last file.
    header_line : int
        Line of the header in the last file.
    missing : array
        Numbers that stand for gaps.
    doubled : set of str
        Names that two columns have.
    file_of, line_of : array
        File and line of each row.
    notes, warnings : list of str
        What is to be told.
    """

    frame: pd.DataFrame
    files: list[Path]
    names_of: list[list[str]]
    separator: str
    header_line: int
    missing: np.ndarray
    doubled: set[str]
    file_of: np.ndarray
    line_of: np.ndarray
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the (first) file, for messages."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{self.files[0].name}{more}"

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return list(dict.fromkeys(n for names in self.names_of for n in names))

    def place(self, row: int) -> str:
        """Return the line of a row, with its file where there are several."""
        line = f"line {self.line_of[row]}"
        return line if len(self.files) == 1 else f"{line} of {self.files[self.file_of[row]].name}"

    def warn(self, text: str) -> None:
        """Note what the reader of the result must know, once."""
        if text not in self.warnings:
            self.warnings.append(text)


@dataclass
class _Head:
    """Where the columns of a file stand: names, their line, the lines of values, separator."""

    names: list[str]
    line: int
    body: list[int]
    separator: str
    notes: list[str] = field(default_factory=list)


# --- heads ------------------------------------------------------------------------------


def _split(line: str, separator: str) -> list[str]:
    if separator == _BLANKS:
        return line.split()
    return [f.strip() for f in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]


def _is_value(fields: list[str]) -> bool:
    """Return whether a line starts like a row of values."""
    return bool(_VALUE.fullmatch(next((f for f in fields if f), "")))


def _csv_head(path: Path, lines: list[str], separator: str | None) -> _Head:
    """Return the head of a table with names in one line, which others may stand above.

    The header is the first line that does not start with a value and has as many fields as
    most lines have; a commented line just above the values does as well.
    """
    filled = [n for n, line in enumerate(lines) if line.strip()]
    rows = [n for n in filled if not lines[n].lstrip().startswith("#")]
    if not rows:
        raise DataError(f"{path}: " + ("comments only, no rows" if filled else "the file is empty"))
    if lines[rows[0]].lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(f"{path}: a web page, no table; was the download refused?")
    for mark, layout in (("TOA5", "toa5"), ("//", "hydroinnova")):
        if lines[rows[0]].lstrip('" ').startswith(mark):
            raise DataError(f"{path}: looks like a file of format: {layout}")
    candidates = [separator] if separator else ["\t", ";", ",", "|", _BLANKS]
    for used in (_BLANKS if c == " " else c for c in candidates):
        fields = {n: _split(lines[n], used) for n in rows[:50]}
        width = statistics.mode(len(f) for f in fields.values())
        if width < 2 and used != _BLANKS and not separator:
            continue
        for k, n in enumerate(rows[:50]):
            if len(fields[n]) >= max(width - 1, min(width, 2)) and not _is_value(fields[n]):
                return _head_at(path, lines, n, rows[k + 1 :], used, above=rows[:k])
            if _is_value(fields[n]):
                break
        # Without a header among the rows, a comment may be one: "#time,counts".
        above = [n for n in filled if n < rows[0]]
        names = _split(lines[above[-1]].lstrip("# \t"), used) if above else []
        if len(names) >= max(width - 1, 2):
            notes = [f"{path.name}: names of the columns from the comment in line {above[-1] + 1}"]
            return _Head(names, above[-1] + 1, rows, used, notes)
    raise DataError(
        f"{path}: line {rows[0] + 1} holds values ('{lines[rows[0]][:40]}'), a line with the "
        "names of the columns is wanted above it"
    )


def _head_at(
    path: Path, lines: list[str], header: int, body: list[int], separator: str, above: list[int]
) -> _Head:
    if lines[header].count('"') % 2:
        raise DataError(f"{path}: the quotation mark in line {header + 1} is not closed")
    notes = []
    if above:
        text = lines[above[0]].strip()[:60]
        notes.append(f"{path.name}: {len(above)} lines above the header are skipped ('{text}')")
    return _Head(_split(lines[header], separator), header + 1, body, separator, notes)


def _head(path: Path, lines: list[str], layout: str, separator: str | None) -> _Head:
    if layout == "toa5":
        if len(lines) < 4 or not lines[0].lstrip('"').startswith("TOA5"):
            raise DataError(f"{path}: the first line does not say TOA5")
        body = [n for n in range(4, len(lines)) if lines[n].strip()]
        return _Head(_split(lines[1], ","), 2, body, ",")
    if layout == "hydroinnova":
        names, first = hydroinnova_header(lines)
        if not names:
            raise DataError(f"{path}: no line '//--Data Column Info:', not a Hydroinnova file")
        body = [n for n in range(first, len(lines)) if lines[n].strip()]
        return _Head(names, first, [n for n in body if not lines[n].startswith("//")], ",")
    return _csv_head(path, lines, separator)


# --- reading ----------------------------------------------------------------------------


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
        If a file is no text, empty, has no header or a header only, or its lines do not fit
        the header.
    """
    words = _MISSING + list(missing or [])
    numeric = pd.to_numeric(pd.Series(words), errors="coerce").to_numpy(dtype=float)
    raw = Raw(
        pd.DataFrame(),
        files,
        [],
        separator or ",",
        1,
        numeric[np.isfinite(numeric)],
        set(),
        np.array([], dtype=int),
        np.array([], dtype=int),
    )
    frames, lines_of = [], []
    for path in files:
        frame, lines = _read_one(path, layout, separator, words, raw)
        frames.append(frame)
        lines_of.append(lines)
    raw.frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    raw.line_of = np.concatenate(lines_of)
    raw.file_of = np.repeat(np.arange(len(files)), [len(lines) for lines in lines_of])
    return raw


def _read_one(
    path: Path, layout: str, separator: str | None, words: list[str], raw: Raw
) -> tuple[pd.DataFrame, np.ndarray]:
    text = text_of(path, raw.warnings).rstrip("\x1a")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    if max(map(len, lines)) > 100_000:
        raise DataError(f"{path}: a line has more than 100000 characters, a table is wanted")
    head = _head(path, lines, layout, separator)
    if not head.body:
        raise DataError(f"{path}: a header but no rows")
    used = head.separator
    names = _unique(head.names, raw.doubled)
    rows = [lines[n] for n in head.body]
    sizes = np.array([len(r.split()) if used == _BLANKS else r.count(used) + 1 for r in rows])
    extra = [f"\0{n}" for n in range(max(sizes) - len(names))]
    frame = _frame(path, rows, names + extra, used, words, head.body)
    line_of = np.array(head.body) + 1
    if len(frame) != len(line_of):
        raw.warn(
            f"{path.name}: {len(line_of) - len(frame)} line ends stand between quotation marks"
        )
        line_of = line_of[: len(frame)]
    again = (frame.iloc[:, : len(names)] == pd.Series(names, names)).sum(axis=1).to_numpy() > 1
    if again.any():
        raw.notes.append(
            f"{path.name}: {int(again.sum())} lines repeat the header and are left out"
        )
        frame, line_of = frame[~again], line_of[~again]
    frame, line_of = _fitting(path, frame, line_of, names, head, raw)
    short = int(np.sum(sizes < len(names)))
    if short:
        first = head.body[int(np.flatnonzero(sizes < len(names))[0])] + 1
        raw.notes.append(
            f"{path.name}: {short} rows have fewer entries than the header, the first in line "
            f"{first}; what lacks is a gap"
        )
    raw.notes += head.notes
    raw.names_of.append([n for n in names if not n.startswith("\0")])
    raw.separator, raw.header_line = used, head.line
    return _without_units(path, frame, line_of, raw)


def _frame(
    path: Path,
    rows: list[str],
    names: list[str],
    separator: str,
    words: list[str],
    body: list[int],
) -> pd.DataFrame:
    """Return lines as columns of text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO("\n".join(rows)),
                sep=separator,
                names=names,
                header=None,
                dtype=str,
                keep_default_na=False,
                na_values=words,
                skipinitialspace=True,
                index_col=False,
                engine="c",
            )
    except pd.errors.ParserError as error:
        row = re.search(r"starting at row (\d+)", str(error))
        line = f"line {body[int(row[1])] + 1}" if row else "a line"
        raise DataError(f"{path}: the quotation mark in {line} is not closed") from None
    except pd.errors.ParserWarning:
        first = next((n for n, row in zip(body, rows, strict=True) if '"' in row), body[0])
        raise DataError(
            f"{path}: quotation marks stand where no text begins or ends, the first in line "
            f"{first + 1}"
        ) from None


def _unique(names: list[str], doubled: set[str]) -> list[str]:
    """Return names that differ; of two columns of a name the second is hidden."""
    while len(names) > 1 and not names[-1]:  # a separator at the end of the line
        names = names[:-1]
    out: list[str] = []
    for n, name in enumerate(names):
        if name and name in out:
            doubled.add(name)
        out.append(f"\0name {n}" if name in out else name or f"column {n + 1}")
    return out


def _fitting(
    path: Path, frame: pd.DataFrame, line_of: np.ndarray, names: list[str], head: _Head, raw: Raw
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows that have no more entries than the header; few others are left out."""
    long = frame.iloc[:, len(names) :].notna().any(axis=1).to_numpy()
    if long.any():
        first = line_of[np.flatnonzero(long)[0]]
        what = (
            f"{int(long.sum())} rows have more entries than the header in line {head.line}, which "
            f"names {len(names)} columns; the first is line {first}"
        )
        if long.mean() > _SHARE:
            raise DataError(
                f"{path}: {what}: does the header lack a name, or is the separator inside the time?"
            )
        raw.warn(f"{path.name}: {what}; they are left out")
    return frame.loc[~long, names].reset_index(drop=True), line_of[~long]


def _without_units(
    path: Path, frame: pd.DataFrame, line_of: np.ndarray, raw: Raw
) -> tuple[pd.DataFrame, np.ndarray]:
    """Leave out a row of units below the header: words where the next row has numbers."""
    if len(frame) < 2:
        return frame, line_of

    def values(row: int) -> np.ndarray:
        return np.array([bool(_VALUE.fullmatch(t.strip())) for t in frame.iloc[row].fillna("")])

    here, below = values(0), values(1)
    words = [t for t in frame.iloc[0].dropna() if re.search(r"[A-Za-z%°]", t)]
    if words and here.sum() <= 1 and below.sum() >= here.sum() + 2:
        shown = ", ".join(frame.iloc[0].dropna())[:80]
        raw.notes.append(
            f"{path.name}: line {line_of[0]} holds no values and is left out ({shown})"
        )
        return frame.iloc[1:].reset_index(drop=True), line_of[1:]
    return frame, line_of
