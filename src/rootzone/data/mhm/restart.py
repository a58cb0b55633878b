"""Restart files of mHM: effective parameters of all scenes and the states, both ways."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr

from rootzone.core import DataError
from rootzone.data.mhm.netcdf import load_netcdf
from rootzone.water.cell import CellParameters, CellState, declared

SCENE, SOIL, LEAF = "L1_LandCoverPeriods", "L1_SoilHorizons", "L1_LAITimesteps"
CELL_DIMS = ("ncols1", "nrows1")  # mHM's rows are our columns

PARAMETERS = {
    "interception_capacity": "L1_maxInter",
    "threshold_temperature": "L1_tempThresh",
    "degree_day_min": "L1_degDayNoPre",
    "degree_day_max": "L1_degDayMax",
    "degree_day_increase": "L1_degDayInc",
    "sealed_fraction": "L1_fSealed",
    "sealed_capacity": "L1_sealedThresh",
    "saturation": "L1_soilMoistSat",
    "field_capacity": "L1_soilMoistFC",
    "wilting_point": "L1_wiltingPoint",
    "infiltration_exponent": "L1_soilMoistExp",
    "root_fraction": "L1_fRoots",
    "interflow_threshold": "L1_unsatThresh",
    "k_fast": "L1_kfastFlow",
    "k_slow": "L1_kSlowFlow",
    "slow_exponent": "L1_alpha",
    "k_percolation": "L1_kPerco",
    "k_baseflow": "L1_kBaseFlow",
    "karstic_loss": "L1_karstLoss",
    "jarvis_threshold": "L1_jarvis_thresh_c1",
    "latitude": "L1_domain_lat",
    "pet_lai_factor": "L1_petLAIcorFactor",
    "pet_aspect_factor": "L1_fAsp",
    "hargreaves_coefficient": "L1_HarSamCoeff",
    "priestley_taylor": "L1_PrieTayAlpha",
    "aerodynamic_resistance": "L1_aeroResist",
    "bulk_resistance": "L1_surfResist",
    "N0": "L1_No_Count",
    "bulk_density": "L1_bulkDens",
    "lattice_water": "L1_latticeWater",
    "cosmic_L3": "L1_COSMICL3",
}
"""Names of effective parameters in a restart file."""

STATES = {
    "interception": "L1_Inter",
    "snow_pack": "L1_snowPack",
    "sealed_storage": "L1_sealSTW",
    "soil_moisture": "L1_soilMoist",
    "unsaturated_storage": "L1_unsatSTW",
    "saturated_storage": "L1_satSTW",
}
"""Names of states in a restart file."""


class Restart(NamedTuple):
    """What a restart file holds.

    Attributes
    ----------
    parameters : list of CellParameters
        One for each land-cover scene; arrays end with the axis cell (row by row from the north).
        ``horizon_thickness`` follows the bounds in the file: that of the last horizon is
        nominal where the soils end at different depths.
    state : CellState or None
        States, where the file holds them.
    scene_years : array (scene + 1)
        First years of the scenes and the year after the last.
    mask : array (row, column)
        Active cells.
    day : datetime64[D] or None
        The day that the states are the beginning of; mHM does not say it.
    """

    parameters: list[CellParameters]
    state: CellState | None
    scene_years: np.ndarray
    mask: np.ndarray
    day: np.datetime64 | None = None


def read_restart(path: Path, *, evap_coefficient: Sequence[float] = (1.0,) * 12) -> Restart:
    """Return effective parameters and states of a restart file of mHM.

    Parameters
    ----------
    path : Path
        The file.
    evap_coefficient : sequence of 12 float
        Divisors of evapotranspiration over free water; they stand in mhm.nml.

    Raises
    ------
    DataError
        If the file is missing, no NetCDF file or lacks a variable.
    """
    with load_netcdf(path) as data:
        for name in ("L1_domain_mask", f"{SOIL}_bnds", f"{SCENE}_bnds"):
            if name not in data:
                raise DataError(f"{path}: no variable {name}; a restart file of mHM is wanted")
        mask = data["L1_domain_mask"].values == 1
        bounds = data[f"{SOIL}_bnds"].values
        years = data[f"{SCENE}_bnds"].values
        scenes = len(years)
        thickness = np.repeat(np.diff(bounds, axis=1), mask.sum(), axis=1)
        extra = {
            "evap_coefficient": np.asarray(evap_coefficient, dtype=float)[:, None],
            "horizon_thickness": thickness,
        }
        parameters = [_parameters(data, path, mask, extra, i) for i in range(scenes)]
        state = None
        if STATES["interception"] in data:
            values = {own: _active(data, path, name, mask) for own, name in STATES.items()}
            state = CellState(**{own: jnp.asarray(value) for own, value in values.items()})
        day = data.attrs.get("time")
    day = None if day is None else np.datetime64(str(day), "D")
    return Restart(parameters, state, np.append(years[:, 0], years[-1, 1]), mask, day)


def _parameters(data, path, mask, extra, scene: int) -> CellParameters:
    fields = dict(extra)
    for own, declaration in declared(CellParameters).items():
        name = PARAMETERS.get(own)
        if own in extra or name is None:
            continue
        if name not in data:
            if declaration.optional:
                continue
            raise DataError(f"{path}: no variable {name}; a restart file of mHM is wanted")
        fields[own] = _active(data.isel({SCENE: scene}), path, name, mask)
    return CellParameters(**{own: jnp.asarray(value) for own, value in fields.items()})


def _active(data: xr.Dataset, path: Path, name: str, mask: np.ndarray) -> np.ndarray:
    if name not in data:
        raise DataError(f"{path}: no variable {name}; a restart file with states is wanted")
    return data[name].values[..., mask]
