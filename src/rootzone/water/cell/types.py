"""What a cell is made of: effective parameters, states, forcing and fluxes.

Arrays end with the axis ``cell``; the axis ``horizon`` (from the top) stands before it, the axis
``month`` (or any other step of the leaf area) leads. Every array has the rank that its field
declares; an axis may have length one where all cells share a value, for instance (12, 1). Where
several land-cover scenes are given (:func:`stack_scenes`), every array has a leading axis
``scene`` in addition.

Water is in mm, rates of recession in days, whatever the time step.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

CELL = ("cell",)
HORIZON = ("horizon", "cell")
MONTH = ("month", "cell")
LEAF = ("leaf", "cell")


def declare(unit: str, axes: tuple[str, ...], long_name: str, *, optional: bool = False) -> Any:
    """Declare a field once: unit, axes and one line of what it is."""
    metadata = {"unit": unit, "axes": axes, "long_name": long_name}
    return eqx.field(default=None, metadata=metadata) if optional else eqx.field(metadata=metadata)


@dataclass(frozen=True)
class Declared:
    """What a field of parameters, states or fluxes declares about itself."""

    name: str
    unit: str
    axes: tuple[str, ...]
    long_name: str
    optional: bool


def declared(kind: type) -> dict[str, Declared]:
    """Return the declarations of :class:`CellParameters`, `CellState`, `CellFluxes` by name.

    Examples
    --------
    >>> declared(CellState)["soil_moisture"].axes
    ('horizon', 'cell')
    """
    return {
        f.name: Declared(
            f.name,
            f.metadata["unit"],
            f.metadata["axes"],
            f.metadata["long_name"],
            f.default is None,
        )
        for f in fields(kind)
    }


class CellParameters(eqx.Module):
    """Effective parameters of the cells for one land-cover scene.

    Fields that a set-up does not use are None (for instance ``jarvis_threshold`` with the Feddes
    reduction). ``declared(CellParameters)`` lists unit, axes and meaning of every field. The axis
    ``leaf`` follows the leaf area: 12 months, or as many steps as the leaf area has.
    """

    # canopy
    interception_capacity: jax.Array = declare("mm", LEAF, "largest interception storage")
    # snow
    threshold_temperature: jax.Array = declare("degC", CELL, "threshold of snowfall and melt")
    degree_day_min: jax.Array = declare("mm d-1 degC-1", CELL, "degree-day factor without rain")
    degree_day_max: jax.Array = declare("mm d-1 degC-1", CELL, "largest degree-day factor")
    degree_day_increase: jax.Array = declare(
        "degC-1", CELL, "increase of the degree-day factor per mm of precipitation of the step"
    )
    # sealed surface
    sealed_fraction: jax.Array = declare("1", CELL, "share of the cell that is sealed")
    sealed_capacity: jax.Array = declare("mm", CELL, "storage of the sealed surface")
    evap_coefficient: jax.Array = declare(
        "1", MONTH, "divisor of potential evapotranspiration over free water"
    )
    # soil
    horizon_thickness: jax.Array = declare("mm", HORIZON, "thickness of the horizon")
    saturation: jax.Array = declare("mm", HORIZON, "water at saturation")
    field_capacity: jax.Array = declare("mm", HORIZON, "water at field capacity")
    wilting_point: jax.Array = declare("mm", HORIZON, "water at the permanent wilting point")
    infiltration_exponent: jax.Array = declare("1", HORIZON, "shape of infiltration")
    root_fraction: jax.Array = declare("1", HORIZON, "share of the roots")
    # runoff
    interflow_threshold: jax.Array = declare("mm", CELL, "storage above which interflow is fast")
    k_fast: jax.Array = declare("d", CELL, "recession of fast interflow")
    k_slow: jax.Array = declare("d", CELL, "recession of slow interflow")
    slow_exponent: jax.Array = declare("1", CELL, "exponent of slow interflow less one")
    k_percolation: jax.Array = declare("d", CELL, "recession of percolation")
    k_baseflow: jax.Array = declare("d", CELL, "recession of baseflow")
    karstic_loss: jax.Array = declare(
        "1", CELL, "share of percolation that reaches groundwater (negative where karst drains it)"
    )
    # parts that belong to one option
    jarvis_threshold: jax.Array | None = declare(
        "1", CELL, "relative water below which Jarvis reduces uptake", optional=True
    )
    latitude: jax.Array | None = declare("degrees_north", CELL, "latitude", optional=True)
    pet_lai_factor: jax.Array | None = declare(
        "1", LEAF, "correction of potential evapotranspiration by leaf area", optional=True
    )
    pet_aspect_factor: jax.Array | None = declare(
        "1", CELL, "correction of potential evapotranspiration by aspect", optional=True
    )
    hargreaves_coefficient: jax.Array | None = declare(
        "degC-1.5", CELL, "coefficient of Hargreaves and Samani", optional=True
    )
    priestley_taylor: jax.Array | None = declare(
        "1", LEAF, "coefficient of Priestley and Taylor", optional=True
    )
    aerodynamic_resistance: jax.Array | None = declare(
        "1", LEAF, "aerodynamic resistance times wind speed", optional=True
    )
    bulk_resistance: jax.Array | None = declare(
        "s m-1", LEAF, "bulk surface resistance", optional=True
    )
    # neutrons
    N0: jax.Array | None = declare("h-1", CELL, "count rate over dry soil", optional=True)
    bulk_density: jax.Array | None = declare("g cm-3", HORIZON, "bulk density", optional=True)
    lattice_water: jax.Array | None = declare("mm", HORIZON, "lattice water", optional=True)
    cosmic_L3: jax.Array | None = declare(
        "g cm-2", HORIZON, "attenuation of fast neutrons by dry soil", optional=True
    )
    organic_water: jax.Array | None = declare(
        "mm", HORIZON, "water equivalent of organic matter", optional=True
    )
    biomass_water: jax.Array | None = declare(
        "mm", CELL, "water equivalent of the biomass above ground", optional=True
    )

    @property
    def horizons(self) -> int:
        """Return the number of soil horizons."""
        return self.saturation.shape[-2]

    @property
    def cells(self) -> int:
        """Return the number of cells."""
        return max(x.shape[-1] for x in jax.tree.leaves(self))

    def at(self, *, month: Any, leaf_step: Any | None = None) -> Self:
        """Return the parameters of a step: the axes ``month`` and ``leaf`` are taken away.

        Parameters
        ----------
        month : int
            0 for January; may be traced.
        leaf_step : int, optional
            Step of the leaf area; the month where it is left out.
        """
        leaf_step = month if leaf_step is None else leaf_step
        return self._map(lambda x, axes: x[month if axes is MONTH else leaf_step], (MONTH, LEAF))

    def _map(self, fn: Any, axes: tuple[tuple[str, ...], ...]) -> Self:
        """Return a copy with ``fn(array, axes)`` of the fields that have one of these axes."""
        changed = {
            f.name: fn(getattr(self, f.name), f.metadata["axes"])
            for f in fields(self)
            if f.metadata["axes"] in axes and getattr(self, f.name) is not None
        }
        names = list(changed)
        return eqx.tree_at(
            lambda p: [getattr(p, n) for n in names], self, [changed[n] for n in names]
        )


class CellState(eqx.Module):
    """Water stored in the cells."""

    interception: jax.Array = declare("mm", CELL, "water on the canopy")
    snow_pack: jax.Array = declare("mm", CELL, "snow water equivalent")
    sealed_storage: jax.Array = declare("mm", CELL, "water on the sealed part")
    soil_moisture: jax.Array = declare("mm", HORIZON, "water of the horizon")
    unsaturated_storage: jax.Array = declare("mm", CELL, "reservoir of the interflow")
    saturated_storage: jax.Array = declare("mm", CELL, "reservoir of the baseflow")

    @classmethod
    def initial(cls, parameters: CellParameters) -> Self:
        """Return the state every run starts from: half of field capacity, 15 mm of snow.

        Snow 15 mm, unsaturated reservoir 10 mm, saturated 75 mm, canopy and sealed surface dry:
        the fixed start of mHM, to be forgotten in a warm-up of years.

        Parameters
        ----------
        parameters : CellParameters
            Of the scene of the first year.
        """
        shape = jnp.broadcast_shapes(*(x.shape[-1:] for x in jax.tree.leaves(parameters)))
        dtype = parameters.saturation.dtype
        soil = 0.5 * jnp.asarray(parameters.field_capacity)
        full = lambda value: jnp.full(shape, value, dtype)  # noqa: E731
        return cls(
            interception=full(0.0),
            snow_pack=full(15.0),
            sealed_storage=full(0.0),
            soil_moisture=jnp.broadcast_to(soil, (soil.shape[-2], *shape)),
            unsaturated_storage=full(10.0),
            saturated_storage=full(75.0),
        )


class CellForcing(eqx.Module):
    """Weather of one time step."""

    precipitation: jax.Array = declare("mm", CELL, "precipitation of the step")
    temperature: jax.Array = declare("degC", CELL, "air temperature of the step")
    pet: jax.Array = declare("mm", CELL, "potential evapotranspiration of the step")


class CellFluxes(eqx.Module):
    """Water that moved in a time step [mm per step].

    Depths of the part they belong to: soil, interflow, percolation and baseflow of the unsealed
    part, ``sealed_*`` of the sealed part, the others of the whole cell.
    """

    precipitation: jax.Array = declare("mm", CELL, "precipitation")
    pet: jax.Array = declare("mm", CELL, "potential evapotranspiration")
    throughfall: jax.Array = declare("mm", CELL, "precipitation that passes the canopy")
    canopy_evaporation: jax.Array = declare("mm", CELL, "evaporation from the canopy")
    rain: jax.Array = declare("mm", CELL, "liquid throughfall")
    snowfall: jax.Array = declare("mm", CELL, "solid throughfall")
    melt: jax.Array = declare("mm", CELL, "melt of snow")
    effective_precipitation: jax.Array = declare("mm", CELL, "melt and rain")
    sealed_runoff: jax.Array = declare("mm", CELL, "runoff from the sealed part")
    sealed_evaporation: jax.Array = declare("mm", CELL, "evaporation from the sealed part")
    infiltration: jax.Array = declare("mm", HORIZON, "water that leaves the horizon downward")
    soil_evapotranspiration: jax.Array = declare("mm", HORIZON, "evapotranspiration")
    fast_interflow: jax.Array = declare("mm", CELL, "fast interflow")
    slow_interflow: jax.Array = declare("mm", CELL, "slow interflow")
    percolation: jax.Array = declare("mm", CELL, "percolation asked of the reservoir")
    percolated: jax.Array = declare("mm", CELL, "percolation that left the reservoir")
    recharge: jax.Array = declare("mm", CELL, "percolation that reached groundwater")
    baseflow: jax.Array = declare("mm", CELL, "baseflow")
    runoff: jax.Array = declare("mm", CELL, "total runoff of the cell")


def stack_scenes(scenes: Any) -> CellParameters:
    """Return one set of parameters with a leading axis ``scene`` from a list of sets."""
    return jax.tree.map(lambda *x: jnp.stack(jnp.broadcast_arrays(*x)), *scenes)


def of_scene(scenes: CellParameters, scene: Any) -> CellParameters:
    """Return the parameters of one scene of :func:`stack_scenes`; the number may be traced."""
    return jax.tree.map(lambda x: x[scene], scenes)


def select_cells(tree: Any, index: Any) -> Any:
    """Return parameters, states, forcing or fluxes of some cells (last axis).

    An axis of length one is shared by all cells and stays as it is.

    Parameters
    ----------
    tree : pytree of arrays
        The last axis of every array is ``cell``.
    index : slice or array of int
        The cells wanted.
    """
    return jax.tree.map(lambda x: x if np.shape(x)[-1] == 1 else x[..., index], tree)
