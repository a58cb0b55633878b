"""One time step of a cell: the order of the processes, and the balance that must close."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.water.cell import processes
from rootzone.water.cell.thresholds import Sharp, Thresholds
from rootzone.water.cell.types import CellFluxes, CellForcing, CellParameters, CellState
from rootzone.water.cell.uptake import Feddes, Uptake


class CellModel(eqx.Module):
    """The processes of a cell in their order, with what can be chosen about them.

    Attributes
    ----------
    uptake : Uptake
        :class:`Feddes` (soil-moisture cases 1 and 4 of mHM) or :class:`Jarvis` (2 and 3); the
        cases of a pair differ in how root fractions are regionalized.
    thresholds : Thresholds
        :class:`Sharp`, or :class:`Smooth` for calibration by gradient.
    """

    uptake: Uptake = Feddes()
    thresholds: Thresholds = Sharp()

    def step(
        self,
        state: CellState,
        forcing: CellForcing,
        parameters: CellParameters,
        *,
        steps_per_day: int = 24,
    ) -> tuple[CellState, CellFluxes]:
        """Advance the cells by one time step.

        Sealed and unsealed part of a cell each receive the full depth of effective
        precipitation; their areas enter only in totals.

        Parameters
        ----------
        state : CellState
            At the beginning of the step.
        forcing : CellForcing
            Weather of the step.
        parameters : CellParameters
            Of the month and the scene: ``parameters.at(month=...)``.
        steps_per_day : int
            24 for hourly steps, 1 for daily ones.

        Returns
        -------
        state : CellState
            At the end of the step.
        fluxes : CellFluxes
            Water that moved, mm per step.
        """
        p, t = parameters, self.thresholds

        canopy = processes.canopy(state.interception, forcing, p, t)
        snow = processes.snow(state.snow_pack, canopy.throughfall, forcing, p, t, steps_per_day)
        effective = snow.effective_precipitation
        sealed = processes.sealed_surface(
            state.sealed_storage, effective, canopy.evaporation, forcing, p, t
        )
        demand = forcing.pet - canopy.evaporation
        soil = self._soil(state.soil_moisture, effective, demand, p)
        below = processes.runoff(
            state.unsaturated_storage,
            state.saturated_storage,
            soil.infiltration[-1],
            p,
            t,
            steps_per_day,
        )

        after = CellState(
            interception=canopy.interception,
            snow_pack=snow.snow_pack,
            sealed_storage=sealed.storage,
            soil_moisture=_as(state.soil_moisture, soil.soil_moisture),
            unsaturated_storage=below.unsaturated_storage,
            saturated_storage=below.saturated_storage,
        )
        return after, _fluxes(state, forcing, p, canopy, snow, sealed, soil, below)

    def _soil(
        self, soil_moisture: Any, effective: jax.Array, demand: jax.Array, p: CellParameters
    ) -> processes.Soil:
        """Return the soil after the step; where it is dry weather in all cells, for half the work.

        Most hours bring no water to any of the cells that are computed together. What cannot
        change then, infiltration with a power for each horizon, is left out: the numbers are the
        same, a run takes half the time.
        """
        rows = tuple(soil_moisture)

        def wet() -> processes.Soil:
            return processes.soil(rows, effective, demand, p, self.uptake, self.thresholds)

        shapes = jax.eval_shape(wet)

        def dry() -> processes.Soil:
            found = processes.drying_soil(rows, demand, p, self.uptake, self.thresholds)
            return jax.tree.map(
                lambda x, like: jnp.broadcast_to(x, like.shape).astype(like.dtype), found, shapes
            )

        # not zero rather than above it, so that a missing value comes through
        return jax.lax.cond(jnp.any(effective != 0.0), wet, dry)


def _fluxes(
    state: CellState,
    forcing: CellForcing,
    parameters: CellParameters,
    canopy: processes.Canopy,
    snow: processes.Snow,
    sealed: processes.Sealed,
    soil: processes.Soil,
    below: processes.Runoff,
) -> CellFluxes:
    from_soil = below.baseflow + below.slow_interflow + below.fast_interflow
    share = parameters.sealed_fraction
    return CellFluxes(
        precipitation=forcing.precipitation,
        pet=forcing.pet,
        throughfall=canopy.throughfall,
        canopy_evaporation=canopy.evaporation,
        rain=snow.rain,
        snowfall=snow.snowfall,
        melt=snow.melt,
        effective_precipitation=snow.effective_precipitation,
        sealed_runoff=sealed.runoff,
        sealed_evaporation=sealed.evaporation,
        infiltration=_as(state.soil_moisture, soil.infiltration),
        soil_evapotranspiration=_as(state.soil_moisture, soil.evapotranspiration),
        fast_interflow=below.fast_interflow,
        slow_interflow=below.slow_interflow,
        percolation=below.percolation,
        percolated=below.percolated,
        recharge=below.recharge,
        baseflow=below.baseflow,
        runoff=from_soil * (1.0 - share) + sealed.runoff * share,
    )


def _as(like: Any, rows: tuple[jax.Array, ...]) -> Any:
    """Return one array per horizon where the state came so, else one array."""
    return rows if isinstance(like, tuple) else jnp.stack(rows)


class Balance(NamedTuple):
    """The water balance of a step [mm over the whole cell]."""

    inflow: jax.Array
    evapotranspiration: jax.Array
    runoff: jax.Array
    karst: jax.Array
    storage_change: jax.Array

    @property
    def error(self) -> jax.Array:
        """Return what is left over: zero to round-off."""
        out = self.evapotranspiration + self.runoff + self.karst
        return self.inflow - out - self.storage_change


def water_balance(
    before: CellState, after: CellState, fluxes: CellFluxes, sealed_fraction: jax.Array
) -> Balance:
    """Return the water balance of one step, or of summed fluxes within one scene.

    Storages and fluxes of the sealed and the unsealed part are weighted with their areas.

    Parameters
    ----------
    before, after : CellState
        At the two ends.
    fluxes : CellFluxes
        Of the step, or summed over steps.
    sealed_fraction : array (cell)
        Share of the cell that is sealed [1].

    Returns
    -------
    Balance
        Its ``error`` closes to round-off whatever the parameters; ``karst`` is the percolation
        that left the cell below ground, negative where karst gains.
    """
    sealed, unsealed = sealed_fraction, 1.0 - sealed_fraction

    def stored(state: CellState) -> jax.Array:
        soil = jnp.sum(jnp.asarray(state.soil_moisture), axis=0)
        ground = soil + state.unsaturated_storage + state.saturated_storage
        common = state.interception + state.snow_pack
        return common + unsealed * ground + sealed * state.sealed_storage

    soil_loss = jnp.sum(jnp.asarray(fluxes.soil_evapotranspiration), axis=0)
    return Balance(
        inflow=fluxes.precipitation,
        evapotranspiration=fluxes.canopy_evaporation
        + unsealed * soil_loss
        + sealed * fluxes.sealed_evaporation,
        runoff=fluxes.runoff,
        karst=unsealed * (fluxes.percolated - fluxes.recharge),
        storage_change=stored(after) - stored(before),
    )
