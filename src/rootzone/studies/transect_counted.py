"""What was counted at the places of a transect study."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rootzone.studies.transect_twin import Truth


@dataclass
class Counted:
    """What was counted at the places, on every evaluated day.

    Attributes
    ----------
    rate, sigma : array (day, place)
        Count rates and errors [h-1], NaN where there is none.
    truth : Truth or None
        What is true, in a twin.
    weights : array (place, cell) or None
        Shares of the active cells in the value of a place; None: its own cell.
    segments : dict of array
        Finer observations along the line, for the map: distance, x, y, mean rate.
    water : array (day, place) or None
        Observed soil water [m3 m-3] and how deep it reaches.
    told : dict
        What the reading told of itself, for the summary.
    """

    rate: np.ndarray
    sigma: np.ndarray
    truth: Truth | None = None
    weights: np.ndarray | None = None
    segments: dict[str, np.ndarray] | None = None
    water: np.ndarray | None = None
    told: dict[str, Any] | None = None
