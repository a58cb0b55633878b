"""What regionalization starts from: the active cells of the fine maps and the class tables."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from rootzone.core import DataError

FOREST, IMPERVIOUS, PERVIOUS = 0, 1, 2
"""Positions of the land-cover classes 1, 2 and 3 in tables."""
COVERS = 3

SMALLEST_SLOPE = 0.01
SMALLEST_ASPECT = 1.0
LEAF_AREA_BOUNDS = (1e-10, 30.0)
_RANK = {"soil": (1, 2), "land_cover": (2,), "lai": (2,)}
_RANGES = {
    "aspect": (0.0, 360.0, "degrees"),
    "latitude": (-90.0, 90.0, "degrees"),
    "lai": (0.0, 30.0, "m2 m-2"),
}


def _name_by_number(i: int) -> str:
    return f"fine cell {i + 1}"


@dataclass(frozen=True)
class LeafAreaTable:
    """Leaf area of classes: the ids on the map and values (class, step) [m2 m-2]."""

    unit: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Geology:
    """Geological units in the order of their parameters: ids on the map, karstic or not."""

    unit: np.ndarray
    karstic: np.ndarray


@dataclass(frozen=True)
class Maps:
    """Fine maps as arrays over their active cells, and the coarse cell each belongs to.

    Attributes
    ----------
    cell_of : array (cell0) of int
        Coarse cell of every fine cell, from 0 without gaps
        (`rootzone.water.regionalization.nested_cells`).
    soil : array (cell0) or (horizon, cell0) of int
        Soil type; one map, or one for every model horizon.
    land_cover : array (scene, cell0) of int
        1 forest, 2 impervious, 3 pervious.
    geology : array (cell0) of int
        Geological unit.
    slope : array (cell0)
        Slope [%].
    aspect : array (cell0)
        Aspect [degrees from north, clockwise].
    latitude : array (cell0)
        Latitude of the fine cells [degrees]; only its sign matters.
    lai_class : array (cell0) of int, optional
        Class of the leaf area, with a :class:`LeafAreaTable`.
    lai : array (step, cell0), optional
        Leaf area [m2 m-2] where there are no classes; 12 months or any other steps.
    cell_latitude : array (cell), optional
        Latitude of the coarse cells [degrees], for radiation.
    name_cell : callable
        How errors name a fine cell, from its position.

    Raises
    ------
    DataError
        If maps differ in length, have holes inside the mask, hold impossible values or land cover
        other than 1, 2 and 3.
    """

    cell_of: np.ndarray
    soil: np.ndarray
    land_cover: np.ndarray
    geology: np.ndarray
    slope: np.ndarray
    aspect: np.ndarray
    latitude: np.ndarray
    lai_class: np.ndarray | None = None
    lai: np.ndarray | None = None
    cell_latitude: np.ndarray | None = None
    name_cell: Callable[[int], str] = _name_by_number

    def __post_init__(self) -> None:
        """Check that the maps belong together and have no holes."""
        size = np.shape(self.cell_of)
        if len(size) != 1 or size[0] == 0:
            raise DataError("cell_of must list the coarse cell of at least one fine cell")
        if np.min(self.cell_of) < 0:
            raise DataError("cell_of holds a negative number: coarse cells are numbered from 0")
        present = np.bincount(self.cell_of)
        if not np.all(present):
            raise DataError(
                f"coarse cell {int(np.argmin(present != 0)) + 1} holds no fine cell: coarse cells "
                "are those that hold at least one, numbered from 0 without gaps"
            )
        for f in fields(self):
            values = getattr(self, f.name)
            if values is None or f.name in ("cell_of", "cell_latitude", "name_cell"):
                continue
            self._require_whole(f.name, np.asarray(values))
            self._require_range(f.name, np.asarray(values))
        if self.cell_latitude is not None and np.shape(self.cell_latitude) != (self.cells,):
            raise DataError(
                f"cell_latitude has shape {np.shape(self.cell_latitude)}, one latitude for each "
                f"of {self.cells} coarse cells is wanted"
            )
        self.require_known("land_cover", np.asarray(self.land_cover), np.array([1, 2, 3]))

    @property
    def cells(self) -> int:
        """Return the number of coarse cells."""
        return int(np.max(self.cell_of)) + 1

    @property
    def cells0(self) -> int:
        """Return the number of active fine cells."""
        return len(self.cell_of)

    @property
    def scenes(self) -> int:
        """Return the number of land-cover scenes."""
        return len(self.land_cover)

    def cell_mean(self, values: np.ndarray) -> np.ndarray:
        """Return means (..., cell) of fixed fine values (..., cell0)."""
        flat = np.reshape(values, (-1, self.cells0))
        total = np.stack([np.bincount(self.cell_of, row, minlength=self.cells) for row in flat])
        return (total / np.bincount(self.cell_of)).reshape(*np.shape(values)[:-1], self.cells)

    def leaf_area(self, table: LeafAreaTable | None) -> tuple[np.ndarray, np.ndarray]:
        """Return values (step, class) [m2 m-2] and the class (cell0) of every fine cell.

        Maps without classes have one class for each different series of leaf area.

        Raises
        ------
        DataError
            If neither or both of map and table are given, or a class has no entry.
        """
        if (self.lai is None) == (self.lai_class is None):
            raise DataError("leaf area is wanted once: as lai_class with a table, or as lai")
        if self.lai is not None:
            leaf_area = np.clip(np.asarray(self.lai, dtype=float), *LEAF_AREA_BOUNDS)
            series, kind = np.unique(leaf_area, axis=1, return_inverse=True)
            return series, kind.ravel()
        if table is None:
            raise DataError("lai_class is given without the table of leaf area of its classes")
        classes = np.asarray(self.lai_class)
        self.require_known("lai_class", classes, np.asarray(table.unit))
        order = np.argsort(table.unit)
        kind = order[np.searchsorted(np.asarray(table.unit)[order], classes)]
        return np.clip(np.asarray(table.values, dtype=float).T, *LEAF_AREA_BOUNDS), kind

    def require_known(self, name: str, values: np.ndarray, known: np.ndarray) -> None:
        """Raise where a class map holds a class that its table does not list.

        Raises
        ------
        DataError
            Naming class and first cell.
        """
        unknown = ~np.isin(values, known)
        if not unknown.any():
            return
        first = tuple(np.argwhere(unknown)[0])
        listed = ", ".join(str(int(k)) for k in np.sort(known)[:8])
        more = ", ..." if len(known) > 8 else ""
        raise DataError(
            f"{name}: class {values[first]:g} in {self.name_cell(int(first[-1]))} has no entry in "
            f"its table, which lists {listed}{more} ({int(unknown.sum())} cells affected)"
        )

    def _require_range(self, name: str, values: np.ndarray) -> None:
        if name not in _RANGES:
            return
        low, high, unit = _RANGES[name]
        outside = np.argwhere((values < low) | (values > high))
        if len(outside):
            first = tuple(outside[0])
            raise DataError(
                f"{name} is {values[first]:g} {unit} in {self.name_cell(int(first[-1]))}, {low:g} "
                f"to {high:g} wanted ({len(outside)} such cells)"
            )

    def _require_whole(self, name: str, values: np.ndarray) -> None:
        ranks = _RANK.get(name, (1,))
        if values.ndim not in ranks or 0 in values.shape:
            raise DataError(
                f"{name} has shape {values.shape}: a map is a list of cells, land cover has an "
                "axis of scenes before it, leaf area one of steps, several soil maps one of "
                "horizons"
            )
        if values.shape[-1:] != (self.cells0,):
            raise DataError(
                f"{name} has {values.shape[-1] if values.ndim else 0} cells, {self.cells0} active "
                "fine cells are wanted: all maps need a value inside the same mask"
            )
        missing = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(1, dtype=bool)
        missing = missing | (values == -9999)
        if missing.any():
            first = int(np.argwhere(missing)[0][-1])
            raise DataError(
                f"{name} has no value in {self.name_cell(first)} ({int(missing.sum())} holes): "
                "maps need a value in every cell where the elevation has one"
            )
