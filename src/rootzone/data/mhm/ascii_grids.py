"""ASCII grids as mHM reads them: six header lines, then rows from the north."""

from pathlib import Path

import numpy as np

from rootzone.core import DataError
from rootzone.data.rasters import Grid

NODATA = -9999.0
_KEYS = ("ncols", "nrows", "xllcorner", "yllcorner", "cellsize")


def header_line(difference: str) -> str:
    """Return the line of the header that a difference speaks of, for the head of an error.

    Examples
    --------
    >>> header_line("cellsize 50 against 100")
    ', line 5'
    """
    key = difference.split()[0]
    return f", line {_KEYS.index(key) + 1}" if key in _KEYS else ""


def read_header(path: Path, lines: list[str] | None = None) -> tuple[Grid, float]:
    """Return grid and missing value of the six header lines.

    Raises
    ------
    DataError
        If a line of the header is not what it must be (file, line).
    """
    lines = _lines(path) if lines is None else lines
    values = []
    for number, key in enumerate(_KEYS, start=1):
        words = lines[number - 1].split() if number <= len(lines) else []
        if len(words) < 2 or words[0].lower() != key:
            found = " ".join(words) or "nothing"
            raise DataError(f"{path}, line {number}: '{key} VALUE' wanted, '{found}' found")
        values.append(_number(words[1], path, number))
    ncols, nrows, xll, yll, cellsize = values
    for number, (key, value) in enumerate(zip(_KEYS[:2], (ncols, nrows), strict=True), start=1):
        if not value.is_integer() or value < 1:
            raise DataError(f"{path}, line {number}: {key} is {value:g}, a count wanted")
    if not 0 < cellsize < np.inf:
        raise DataError(f"{path}, line 5: cellsize is {cellsize:g}, a positive number wanted")
    nodata = NODATA
    if len(lines) > 5 and lines[5].split()[:1] and lines[5].split()[0].lower() == "nodata_value":
        words = lines[5].split()
        nodata = _number(words[1], path, 6) if len(words) > 1 else NODATA
    return Grid(int(ncols), int(nrows), xll, yll, cellsize), nodata


def read_ascii_grid(path: Path) -> tuple[Grid, np.ndarray, int]:
    """Return grid, values (row, column) with NaN where there are none, and their first line.

    Raises
    ------
    DataError
        If the file is missing, rows are short or too many, or a value is no number.
    """
    lines = _lines(path)
    grid, nodata = read_header(path, lines)
    has_nodata = len(lines) > 5 and lines[5].split()[:1] != [] and lines[5].split()[0][:1].isalpha()
    first = 6 if has_nodata else 5
    rows = [(n, line) for n, line in enumerate(lines[first:], start=first + 1) if line.strip()]
    if len(rows) != grid.nrows:
        raise DataError(
            f"{path}, line 2: nrows says {grid.nrows} rows of values, {len(rows)} found"
        )
    values = []
    for number, line in rows:
        words = line.split()
        if len(words) != grid.ncols:
            raise DataError(
                f"{path}, line {number}: ncols says {grid.ncols} values a row, {len(words)} found"
            )
        try:
            values.append([float(word) for word in words])
        except ValueError:
            bad = next(j for j, word in enumerate(words) if not _is_number(word))
            raise DataError(
                f"{path}, line {number}, column {bad + 1}: '{words[bad]}' is no number"
            ) from None
    found = np.array(values)
    found[found == nodata] = np.nan
    return grid, found, first + 1


def write_ascii_grid(path: Path, grid: Grid, values: np.ndarray, *, integer: bool = False) -> None:
    """Write an ASCII grid; NaN becomes -9999, numbers keep all their digits."""
    text = [header_text(grid)]
    if integer:
        cells = np.where(np.isnan(values), NODATA, values).astype(int)
        text += [" ".join(map(str, row)) + "\n" for row in cells.tolist()]
    else:
        filled = np.where(np.isnan(values), NODATA, values)
        text += [" ".join(map(_short, row)) + "\n" for row in filled.tolist()]
    path.write_text("".join(text), encoding="utf-8")


def header_text(grid: Grid) -> str:
    """Return the six header lines of a grid."""
    return (
        f"ncols         {grid.ncols}\nnrows         {grid.nrows}\n"
        f"xllcorner     {_short(grid.xll)}\nyllcorner     {_short(grid.yll)}\n"
        f"cellsize      {_short(grid.cellsize)}\nNODATA_value  -9999\n"
    )


def require_same(path: Path, grid: Grid, reference: Grid, reference_path: Path) -> None:
    """Raise where a header disagrees with the reference.

    Raises
    ------
    DataError
        Naming both files and what differs.
    """
    different = grid.differences(reference)
    if different:
        raise DataError(
            f"{path}: the header disagrees with {reference_path}: {', '.join(different)}"
        )


def _short(value: float) -> str:
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{path}: this is no text file, an ASCII grid is wanted") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _number(word: str, path: Path, line: int) -> float:
    if not _is_number(word):
        raise DataError(f"{path}, line {line}: '{word}' is no number")
    return float(word)
