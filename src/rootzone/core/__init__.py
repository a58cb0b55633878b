"""What everything stands on: quantities, errors, layers and shared numerics."""

from rootzone.core.errors import DataError, RootzoneError, RunError, StudyError, UnitError, nearest
from rootzone.core.layers import interval_mean_weights, layer_edges, layer_thickness
from rootzone.core.quantities import QUANTITIES, Quantity, quantity
from rootzone.core.solve import invert_monotone

__all__ = [
    "QUANTITIES",
    "DataError",
    "Quantity",
    "RootzoneError",
    "RunError",
    "StudyError",
    "UnitError",
    "interval_mean_weights",
    "invert_monotone",
    "layer_edges",
    "layer_thickness",
    "nearest",
    "quantity",
]
