"""What a run can return: states as means and fluxes as sums of a day.

Fluxes of the unsealed and the sealed part are weighted with their areas, so that outputs are
depths over the whole cell; storages stay depths of the part they belong to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rootzone.water.cell.types import CELL, HORIZON, CellFluxes, CellParameters, CellState


class Weights(NamedTuple):
    """The parameters that outputs are weighted with."""

    sealed_fraction: jax.Array
    saturation: jax.Array
    horizon_thickness: jax.Array

    @classmethod
    def of(cls, parameters: CellParameters) -> "Weights":
        """Return the weights of a scene."""
        p = parameters
        return cls(p.sealed_fraction, p.saturation, p.horizon_thickness)


Value = Callable[[CellState, CellFluxes, Weights], Any]


@dataclass(frozen=True)
class Output:
    """One output: what it is, and how it comes from state, fluxes and weights of a step.

    ``value`` returns one array (cell), or one for each horizon. ``mhm_name`` is the variable of
    mHM's output file, with two digits of the horizon behind an underscore and L where there is
    one per horizon.
    """

    name: str
    unit: str
    axes: tuple[str, ...]
    long_name: str
    is_state: bool
    value: Value
    mhm_name: str | None = None


def _rows(array: Any, weight: Any) -> tuple[jax.Array, ...]:
    return tuple(row * weight for row in array)


def _open(name: str) -> Value:
    """Return a flux of the unsealed part as depth over the cell."""
    return lambda _, f, w: getattr(f, name) * (1.0 - w.sealed_fraction)


def _open_rows(name: str) -> Value:
    return lambda _, f, w: _rows(getattr(f, name), 1.0 - w.sealed_fraction)


def _sealed(name: str) -> Value:
    return lambda _, f, w: getattr(f, name) * w.sealed_fraction


def _flux(name: str) -> Value:
    return lambda _, f, w: getattr(f, name)


def _state(name: str) -> Value:
    return lambda s, _, w: getattr(s, name)


def _per(divisor: str) -> Value:
    """Return soil moisture over saturation or thickness, horizon by horizon."""
    return lambda s, _, w: tuple(
        row / by for row, by in zip(s.soil_moisture, getattr(w, divisor), strict=True)
    )


def _saturation_of_column(s: CellState, _: CellFluxes, w: Weights) -> jax.Array:
    return sum(s.soil_moisture) / jnp.sum(w.saturation, axis=0)


def _evapotranspiration(_: CellState, f: CellFluxes, w: Weights) -> jax.Array:
    soil = sum(f.soil_evapotranspiration) * (1.0 - w.sealed_fraction)
    return soil + f.canopy_evaporation + f.sealed_evaporation * w.sealed_fraction


_DECLARED = (
    Output(
        "interception", "mm", CELL, "canopy storage", True, _state("interception"), "interception"
    ),
    Output("snow_pack", "mm", CELL, "snow water equivalent", True, _state("snow_pack"), "snowpack"),
    Output(
        "soil_moisture",
        "mm",
        HORIZON,
        "water of the horizon",
        True,
        lambda s, f, w: tuple(s.soil_moisture),
        "SWC",
    ),
    Output(
        "theta",
        "m3 m-3",
        HORIZON,
        "volumetric soil moisture of the horizon",
        True,
        _per("horizon_thickness"),
    ),
    Output(
        "saturation_degree", "1", HORIZON, "water over saturation", True, _per("saturation"), "SM"
    ),
    Output(
        "saturation_degree_of_column",
        "1",
        CELL,
        "water over saturation, all horizons",
        True,
        _saturation_of_column,
        "SM_Lall",
    ),
    Output(
        "sealed_storage",
        "mm",
        CELL,
        "water on the sealed part",
        True,
        _state("sealed_storage"),
        "sealedSTW",
    ),
    Output(
        "unsaturated_storage",
        "mm",
        CELL,
        "reservoir of the interflow",
        True,
        _state("unsaturated_storage"),
        "unsatSTW",
    ),
    Output(
        "saturated_storage",
        "mm",
        CELL,
        "reservoir of the baseflow",
        True,
        _state("saturated_storage"),
        "satSTW",
    ),
    Output("precipitation", "mm", CELL, "precipitation", False, _flux("precipitation")),
    Output("pet", "mm", CELL, "potential evapotranspiration", False, _flux("pet"), "PET"),
    Output(
        "evapotranspiration",
        "mm",
        CELL,
        "evapotranspiration from canopy, soil and sealed surface",
        False,
        _evapotranspiration,
        "aET",
    ),
    Output(
        "canopy_evaporation",
        "mm",
        CELL,
        "evaporation from the canopy",
        False,
        _flux("canopy_evaporation"),
    ),
    Output("runoff", "mm", CELL, "total runoff", False, _flux("runoff"), "Q"),
    Output(
        "direct_runoff",
        "mm",
        CELL,
        "runoff from the sealed part",
        False,
        _sealed("sealed_runoff"),
        "QD",
    ),
    Output("fast_interflow", "mm", CELL, "fast interflow", False, _open("fast_interflow"), "QIf"),
    Output("slow_interflow", "mm", CELL, "slow interflow", False, _open("slow_interflow"), "QIs"),
    Output("baseflow", "mm", CELL, "baseflow", False, _open("baseflow"), "QB"),
    Output(
        "percolation",
        "mm",
        CELL,
        "percolation asked of the unsaturated reservoir",
        False,
        _open("percolation"),
        "recharge",
    ),
    Output(
        "percolated",
        "mm",
        CELL,
        "percolation that left the unsaturated reservoir",
        False,
        _open("percolated"),
    ),
    Output(
        "recharge",
        "mm",
        CELL,
        "percolation that reached groundwater",
        False,
        _open("recharge"),
    ),
    Output(
        "infiltration",
        "mm",
        HORIZON,
        "water that leaves the horizon downward",
        False,
        _open_rows("infiltration"),
        "soil_infil",
    ),
    Output(
        "soil_evapotranspiration",
        "mm",
        HORIZON,
        "evapotranspiration from the horizon",
        False,
        _open_rows("soil_evapotranspiration"),
        "aET",
    ),
    Output(
        "effective_precipitation",
        "mm",
        CELL,
        "melt and rain that reach the ground",
        False,
        _flux("effective_precipitation"),
        "preEffect",
    ),
    Output("snowfall", "mm", CELL, "snowfall below the canopy", False, _flux("snowfall")),
    Output("melt", "mm", CELL, "melt of snow", False, _flux("melt"), "Qsm"),
)

OUTPUTS: dict[str, Output] = {o.name: o for o in _DECLARED}
"""All outputs of the water balance by name; counts come from an observer of the run."""

NEUTRONS = "neutrons"
"""Name of the count rate among the outputs of a run."""
