"""Regionalization: parameters of coarse cells from fine maps and a few global coefficients."""

from rootzone.water.regionalization.declarations import GLOBAL_PARAMETERS, GlobalParameter
from rootzone.water.regionalization.fields import (
    CosmicFields,
    DesiletsFields,
    LatticeByMass,
    LatticeByVolume,
)
from rootzone.water.regionalization.maps import Geology, LeafAreaTable, Maps
from rootzone.water.regionalization.parameters import (
    Calibration,
    Coefficients,
    ParameterTable,
    railway_27,
    railway_27_with_fixed_N0,
)
from rootzone.water.regionalization.pet import (
    AspectCorrection,
    HargreavesSamani,
    LeafAreaCorrection,
    PenmanMonteith,
    PriestleyTaylor,
)
from rootzone.water.regionalization.processes import Processes
from rootzone.water.regionalization.regionalize import Regionalization, prepare
from rootzone.water.regionalization.roots import RootsByCover, RootsByFieldCapacity
from rootzone.water.regionalization.soil_database import (
    HorizonDatabase,
    ProfileDatabase,
    SoilDatabase,
    SoilLayers,
)
from rootzone.water.regionalization.upscaling import nested_cells

__all__ = [
    "GLOBAL_PARAMETERS",
    "AspectCorrection",
    "Calibration",
    "Coefficients",
    "CosmicFields",
    "DesiletsFields",
    "Geology",
    "GlobalParameter",
    "HargreavesSamani",
    "HorizonDatabase",
    "LatticeByMass",
    "LatticeByVolume",
    "LeafAreaCorrection",
    "LeafAreaTable",
    "Maps",
    "ParameterTable",
    "PenmanMonteith",
    "PriestleyTaylor",
    "Processes",
    "ProfileDatabase",
    "Regionalization",
    "RootsByCover",
    "RootsByFieldCapacity",
    "SoilDatabase",
    "SoilLayers",
    "nested_cells",
    "prepare",
    "railway_27",
    "railway_27_with_fixed_N0",
]
