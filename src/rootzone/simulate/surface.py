"""What stands between the weather and the soil: snow, leaves, and the roots that grow with them."""

from functools import partial
from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.simulate.weather import Weather
from rootzone.water.canopy import (
    Canopy,
    CanopyFluxes,
    CanopyForcing,
    CanopyState,
    LeafArea,
    canopy_step,
)
from rootzone.water.roots import Roots
from rootzone.water.series import run_series
from rootzone.water.snow import DegreeDay, SnowForcing, SnowState, snow_step


class RootingDepth(Protocol):
    """Rooting depth that a leaf area index goes with."""

    def __call__(self, leaf_area: jax.Array) -> jax.Array:
        """Return the rooting depth [cm] of leaf area indices [m2 m-2]."""
        ...


class GrowingRoots(eqx.Module):
    """Roots whose depth follows the leaves, in stages.

    Attributes
    ----------
    roots : Roots
        With one density for each stage.
    depths : array (stage)
        Rooting depth of each stage [cm].
    depth_of : RootingDepth
        From leaf area index to rooting depth.
    """

    roots: Roots
    depths: jax.Array = eqx.field(converter=jnp.asarray)
    depth_of: RootingDepth

    def stage(self, leaf_area: jax.Array) -> jax.Array:
        """Return the stage (interval) whose rooting depth is nearest."""
        depth = self.depth_of(leaf_area)
        return jnp.argmin(jnp.abs(depth[:, None] - self.depths), axis=1)


class Supply(NamedTuple):
    """What reaches the soil and what the air asks of it, (interval, member) [mm per interval]."""

    rain: jax.Array
    """Rain, drip and melt water that reach the soil."""
    evaporation: jax.Array
    """Potential evaporation of the soil."""
    transpiration: jax.Array
    """Potential transpiration."""
    interception: jax.Array
    """Evaporation of wet leaves."""
    snow: jax.Array
    """Snow water equivalent at the end of the interval [mm]."""
    canopy: jax.Array
    """Water on the leaves at the end of the interval [mm]."""
    stage: jax.Array | None
    """Stage of the roots (interval)."""


class Surface(eqx.Module):
    """Snow, canopy and leaves of a site.

    Attributes
    ----------
    snow : DegreeDay, optional
        Snow pack; left out, all precipitation is rain.
    leaf_area : LeafArea, optional
        Leaf area index through the year, the same for all members; left out, the soil is bare.
    canopy : Canopy
        Extinction of light and interception.
    growing : GrowingRoots, optional
        Roots that grow with the leaves.
    """

    snow: DegreeDay | None = None
    leaf_area: LeafArea | None = None
    canopy: Canopy = Canopy()
    growing: GrowingRoots | None = None

    def supply(self, weather: Weather, *, days: float) -> Supply:
        """Return what the soil gets of the weather.

        Parameters
        ----------
        weather : Weather
            Above the canopy.
        days : float
            Length of an interval [d].
        """
        rain, snow = self._melt(weather, days)
        demand = jnp.broadcast_to(
            jnp.maximum(weather.potential_evapotranspiration, 0.0), rain.shape
        )
        none = jnp.zeros_like(rain)
        if self.leaf_area is None:
            return Supply(rain, demand, none, none, snow, none, None)
        leaves = self.leaf_area(weather.day_of_year).astype(rain.dtype)
        full = jnp.broadcast_to(leaves.reshape(-1, *[1] * (rain.ndim - 1)), rain.shape)
        fluxes, stored = wet_leaves(self.canopy, CanopyForcing(rain, demand, full))
        return Supply(
            fluxes.throughfall,
            fluxes.potential_evaporation,
            fluxes.potential_transpiration,
            fluxes.interception_evaporation,
            snow,
            stored,
            None if self.growing is None else self.growing.stage(leaves),
        )

    def _melt(self, weather: Weather, days: float) -> tuple[jax.Array, jax.Array]:
        """Return what flows out of the snow pack and its water equivalent (interval, member)."""
        rain = jnp.asarray(weather.precipitation)
        temperature = jnp.broadcast_to(jnp.asarray(weather.temperature, rain.dtype), rain.shape)
        if self.snow is None:
            return rain, jnp.zeros_like(rain)
        parameters = self.snow

        def step(state: SnowState, forcing: SnowForcing):
            state, fluxes = snow_step(state, forcing, parameters, days=days)
            return state, (fluxes.outflow, state.water_equivalent)

        _, (outflow, water) = run_series(step, SnowState(), SnowForcing(rain, temperature))
        return outflow, water


def wet_leaves(canopy: Canopy, forcing: CanopyForcing) -> tuple[CanopyFluxes, jax.Array]:
    """Return the fluxes of the canopy and its water (interval, member)."""
    advance = partial(canopy_step, parameters=canopy)

    def step(state: CanopyState, now: CanopyForcing):
        state, fluxes = advance(state, now)
        return state, (fluxes, jnp.asarray(state.storage))

    return run_series(step, CanopyState(), forcing)[1]
