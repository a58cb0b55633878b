"""A line through model cells as a table: one row per vertex."""

import csv
from pathlib import Path

import numpy as np

from rootzone.core import DataError
from rootzone.data.domain import Line
from rootzone.data.file_text import plain_text

_COLUMNS = ("x", "y", "distance", "cell", "row", "column", "label")


def write_line(path: Path, line: Line) -> None:
    """Write a line; cells are numbered along it, cells, rows and columns from 1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for x, y, d, n in zip(line.x, line.y, line.distance, line.number, strict=True):
            row, column = line.cells[n] + 1
            values = (repr(float(x)), repr(float(y)), f"{d:.3f}", n + 1, row, column)
            writer.writerow((*values, line.labels[n]))


def read_line(path: Path) -> Line:
    """Read a line; a vertex changes the cell where its number changes.

    Raises
    ------
    DataError
        For missing columns or values that are no numbers: file, line.
    """
    reader = csv.DictReader(plain_text(path).splitlines())
    missing = set(_COLUMNS) - set(reader.fieldnames or ()) - {"distance"}
    if missing:
        raise DataError(f"{path}, line 1: the column '{min(missing)}' is missing")
    xy, numbers = [], []
    cells: dict[int, tuple[int, int]] = {}
    labels: dict[int, str] = {}
    for row in reader:
        try:
            xy.append((float(row["x"]), float(row["y"])))
            number = int(row["cell"]) - 1
            cells[number] = (int(row["row"]) - 1, int(row["column"]) - 1)
        except (TypeError, ValueError):
            raise DataError(
                f"{path}, line {reader.line_num}: numbers are wanted in x, y, cell, row, column"
            ) from None
        labels[number] = row["label"]
        numbers.append(number)
    if sorted(cells) != list(range(len(cells))) or len(xy) < 2:
        raise DataError(f"{path}: at least two vertices and cells numbered 1, 2, ... are wanted")
    order = range(len(cells))
    x, y = np.array(xy).T
    return Line(
        x,
        y,
        np.array([cells[i] for i in order]),
        tuple(labels[i] for i in order),
        np.array(numbers),
    )
