"""What everything stands on: quantities, errors; layers and numerics in their modules.

Nothing here loads JAX, so that the command line starts fast.
"""

from rootzone.core.errors import DataError, RootzoneError, RunError, StudyError, UnitError, nearest
from rootzone.core.quantities import QUANTITIES, Quantity, quantity

__all__ = [
    "QUANTITIES",
    "DataError",
    "Quantity",
    "RootzoneError",
    "RunError",
    "StudyError",
    "UnitError",
    "nearest",
    "quantity",
]
