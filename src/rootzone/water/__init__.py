"""Soil water: retention curves, the Richards column, the exponential filter."""

from rootzone.water.exponential_filter import FilteredSeries, exponential_filter
from rootzone.water.retention import BrooksCorey, Gardner, SoilHydraulics, VanGenuchten
from rootzone.water.richards import (
    Bottom,
    Boundary,
    Control,
    Fluxes,
    Grid,
    Richards,
    Run,
    State,
    Status,
)

__all__ = [
    "Bottom",
    "Boundary",
    "BrooksCorey",
    "Control",
    "FilteredSeries",
    "Fluxes",
    "Gardner",
    "Grid",
    "Richards",
    "Run",
    "SoilHydraulics",
    "State",
    "Status",
    "VanGenuchten",
    "exponential_filter",
]
