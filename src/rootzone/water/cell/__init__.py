"""The cell of the distributed model: mHM's vertical processes, batched over cells."""

from rootzone.water.cell.compat import MHM_5_13, STANDARD, Compat
from rootzone.water.cell.types import (
    CellFluxes,
    CellForcing,
    CellParameters,
    CellState,
    Declared,
    declared,
    select_cells,
    stack_scenes,
)

__all__ = [
    "MHM_5_13",
    "STANDARD",
    "CellFluxes",
    "CellForcing",
    "CellParameters",
    "CellState",
    "Compat",
    "Declared",
    "declared",
    "select_cells",
    "stack_scenes",
]
