"""Soil water: retention curves, the Richards column, the exponential filter."""

from rootzone.water.exponential_filter import FilteredSeries, exponential_filter
from rootzone.water.retention import BrooksCorey, Gardner, SoilHydraulics, VanGenuchten
from rootzone.water.richards import Control, Forcing, Grid, Richards, Run, State, Status
from rootzone.water.roots import Feddes, Roots

__all__ = [
    "BrooksCorey",
    "Control",
    "Feddes",
    "FilteredSeries",
    "Forcing",
    "Gardner",
    "Grid",
    "Richards",
    "Roots",
    "Run",
    "SoilHydraulics",
    "State",
    "Status",
    "VanGenuchten",
    "exponential_filter",
]
