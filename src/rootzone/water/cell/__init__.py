"""The cell of the distributed model: mHM's vertical processes, batched over cells."""

from rootzone.water.cell.calendar import Calendar
from rootzone.water.cell.compat import MHM_5_13, STANDARD, Compat
from rootzone.water.cell.forcing import (
    AsGiven,
    DailyStep,
    DayNight,
    Disaggregation,
    HourlyWeights,
    Weather,
)
from rootzone.water.cell.outputs import NEUTRONS, OUTPUTS, Output
from rootzone.water.cell.pet import (
    HargreavesSamani1985,
    PenmanMonteith,
    PetAsGiven,
    PetAspect,
    PetLeafArea,
    PotentialEvapotranspiration,
    PriestleyTaylor1972,
)
from rootzone.water.cell.run import CellRun, EveryStep, OnceADay, run_cells
from rootzone.water.cell.step import Balance, CellModel, water_balance
from rootzone.water.cell.thresholds import Sharp, Smooth, Thresholds
from rootzone.water.cell.types import (
    CellFluxes,
    CellForcing,
    CellParameters,
    CellState,
    Declared,
    declared,
    of_scene,
    select_cells,
    stack_scenes,
)
from rootzone.water.cell.uptake import Feddes, Jarvis, Uptake

__all__ = [
    "MHM_5_13",
    "NEUTRONS",
    "OUTPUTS",
    "STANDARD",
    "AsGiven",
    "Balance",
    "Calendar",
    "CellFluxes",
    "CellForcing",
    "CellModel",
    "CellParameters",
    "CellRun",
    "CellState",
    "Compat",
    "DailyStep",
    "DayNight",
    "Declared",
    "Disaggregation",
    "EveryStep",
    "Feddes",
    "HargreavesSamani1985",
    "HourlyWeights",
    "Jarvis",
    "OnceADay",
    "Output",
    "PenmanMonteith",
    "PetAsGiven",
    "PetAspect",
    "PetLeafArea",
    "PotentialEvapotranspiration",
    "PriestleyTaylor1972",
    "Sharp",
    "Smooth",
    "Thresholds",
    "Uptake",
    "Weather",
    "declared",
    "of_scene",
    "run_cells",
    "select_cells",
    "stack_scenes",
    "water_balance",
]
