"""The Richards column: soil water of many columns at once, HYDRUS-1D class."""

from rootzone.water.richards.boundary import (
    Atmosphere,
    BottomFlux,
    BottomHead,
    FreeDrainage,
    SeepageFace,
    TopFlux,
    TopHead,
    WaterTable,
)
from rootzone.water.richards.column import Fluxes, Forcing, Richards, Run, State
from rootzone.water.richards.grid import ArithmeticMean, GeometricMean, Grid, WeightedMean
from rootzone.water.richards.loop import Control, Status

__all__ = [
    "ArithmeticMean",
    "Atmosphere",
    "BottomFlux",
    "BottomHead",
    "Control",
    "Fluxes",
    "Forcing",
    "FreeDrainage",
    "GeometricMean",
    "Grid",
    "Richards",
    "Run",
    "SeepageFace",
    "State",
    "Status",
    "TopFlux",
    "TopHead",
    "WaterTable",
    "WeightedMean",
]
