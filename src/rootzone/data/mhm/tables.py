"""Class tables of mHM: soils, geology, leaf area; every error names file and line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from rootzone.core import DataError
from rootzone.data.domain import GeologyTable, LaiTable
from rootzone.data.file_text import plain_text
from rootzone.water.regionalization.soil_database import HorizonDatabase, ProfileDatabase

_T = TypeVar("_T", int, float)


class _Row(NamedTuple):
    path: Path
    line: int
    words: list[str]

    def number(self, place: int, kind: Callable[[str], _T], what: str) -> _T:
        if place >= len(self.words):
            raise DataError(f"{self.path}, line {self.line}: {what} is missing")
        try:
            return kind(self.words[place])
        except ValueError:
            word = self.words[place]
            raise DataError(
                f"{self.path}, line {self.line}: {what} is '{word}', a number is wanted"
            ) from None

    def error(self, text: str) -> DataError:
        return DataError(f"{self.path}, line {self.line}: {text}")


def read_soil_profiles(path: Path, *, keep_texture: bool = False) -> ProfileDatabase:
    """Read ``soil_classdefinition.txt``: soil types with horizons of their own.

    Parameters
    ----------
    path : Path
        The file.
    keep_texture : bool
        Whether rows with clay and sand above 100 % are kept as they are; mHM takes them as
        fractions of one, otherwise they are an error.

    Raises
    ------
    DataError
        For rows that are no soil: file, line, soil type.
    """
    count, rows = _table(path, "nSoil_Types")
    names = ("soil type", "horizon", "upper depth", "lower depth", "clay", "sand", "bulk density")
    columns: list[list[float]] = [[] for _ in names]
    last: tuple[int, float] = (0, 0.0)
    for row in rows:
        soil, horizon = (row.number(i, int, names[i]) for i in (0, 1))
        values = [row.number(i, float, names[i]) for i in range(2, 7)]
        if not 1 <= soil <= count:
            raise row.error(f"soil type {soil}: nSoil_Types in line 1 says 1 to {count}")
        upper, lower = values[:2]
        expected = last[1] if soil == last[0] else 0.0
        if upper != expected or lower <= upper:
            raise row.error(
                f"horizon {horizon} of soil type {soil} reaches from {upper:g} to {lower:g} mm; it "
                f"must start at {expected:g} mm, where the one above ends, and go down"
            )
        _require_texture(row, f"soil type {soil}", *values[2:], keep_texture=keep_texture)
        last = (soil, lower)
        for column, value in zip(columns, [soil, horizon, *values], strict=True):
            column.append(value)
    types = np.array(columns[0], dtype=int)
    missing = sorted(set(range(1, count + 1)) - set(types.tolist()))
    if missing:
        raise DataError(
            f"{path}, line 1: nSoil_Types says {count}, soil type {missing[0]} has no row"
        )
    order = np.argsort(types, kind="stable")
    upper, lower, clay, sand, density = (np.array(c)[order] for c in columns[2:])
    return ProfileDatabase(types[order], upper, lower, clay, sand, density)


def read_soil_classes(path: Path, *, keep_texture: bool = False) -> HorizonDatabase:
    """Read ``soil_classdefinition_iFlag_soilDB_1.txt``: soil classes without depth.

    Raises
    ------
    DataError
        For rows that are no soil: file, line, class.
    """
    count, rows = _table(path, "nSoil_Types")
    names = ("soil class", "clay", "sand", "bulk density")
    found: dict[int, list[float]] = {}
    for row in rows:
        soil = row.number(0, int, names[0])
        values = [row.number(i, float, names[i]) for i in (1, 2, 3)]
        if soil in found:
            raise row.error(f"soil class {soil} stands in the table twice")
        _require_texture(row, f"soil class {soil}", *values, keep_texture=keep_texture)
        found[soil] = values
    _require_count(path, "nSoil_Types", count, len(found))
    clay, sand, density = np.array(list(found.values())).T
    return HorizonDatabase(np.array(list(found)), clay, sand, density)


def read_geology(path: Path) -> GeologyTable:
    """Read ``geology_classdefinition.txt``.

    Raises
    ------
    DataError
        For rows that are no geological unit: file, line.
    """
    count, rows = _table(path, "nGeo_Formations")
    units, karstic, texts = [], [], []
    for row in rows:
        if len(units) == count:
            break  # mHM reads no further: what follows is a comment
        unit, karst = row.number(1, int, "class unit"), row.number(2, int, "karstic")
        if karst not in (0, 1):
            raise row.error(f"karstic is {karst}, 0 or 1 is wanted")
        if unit in units:
            raise row.error(f"unit {unit} stands in the table twice")
        units.append(unit)
        karstic.append(bool(karst))
        texts.append(" ".join(row.words[3:]))
    _require_count(path, "nGeo_Formations", count, len(units))
    return GeologyTable(np.array(units), np.array(karstic), tuple(texts))


def read_leaf_area(path: Path) -> LaiTable:
    """Read ``LAI_classdefinition.txt``: twelve months for each class.

    Raises
    ------
    DataError
        For rows that are no class: file, line.
    """
    count, rows = _table(path, "NoLAIclasses")
    units, names, values = [], [], []
    for row in rows:
        if len(units) == count:
            break
        unit = row.number(0, int, "class")
        if unit in units:
            raise row.error(f"class {unit} stands in the table twice")
        months = [row.number(i, float, f"month {i - 1}") for i in range(2, 14)]
        if min(months) < 0:
            raise row.error(f"leaf area of class {unit} is {min(months):g}, 0 or more is wanted")
        units.append(unit)
        names.append(row.words[1])
        values.append(months)
    _require_count(path, "NoLAIclasses", count, len(units))
    return LaiTable(np.array(units), tuple(names), np.array(values))


def _table(path: Path, key: str) -> tuple[int, Iterator[_Row]]:
    """Return the count in the first line and the rows below the column heads."""
    lines = plain_text(path).splitlines()
    words = lines[0].split() if lines else []
    if len(words) < 2 or words[0].lower() != key.lower() or not words[1].isdigit():
        raise DataError(f"{path}, line 1: '{key} NUMBER' wanted, '{' '.join(words)}' found")
    rows = (
        _Row(path, number, line.split("!")[0].split())
        for number, line in enumerate(lines[2:], start=3)
        if line.split("!")[0].strip()
    )
    return int(words[1]), rows


def _require_count(path: Path, key: str, wanted: int, found: int) -> None:
    if found != wanted:
        raise DataError(f"{path}, line 1: {key} says {wanted}, the table has {found} rows")


def _require_texture(
    row: _Row, name: str, clay: float, sand: float, density: float, *, keep_texture: bool
) -> None:
    for what, value, top in (
        ("clay", clay, 100),
        ("sand", sand, 100),
        ("bulk density", density, 5),
    ):
        if not 0 <= value <= top:
            raise row.error(f"{name}: {what} is {value:g}, 0 to {top} is wanted")
    if clay + sand > 100 and not keep_texture:
        raise row.error(
            f"{name}: clay {clay:g} % and sand {sand:g} % exceed 100 % together: mend the table "
            "(mHM would take them as fractions of one)"
        )
