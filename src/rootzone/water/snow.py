"""Degree-day snow in front of the column: what of precipitation reaches the ground, and when."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.water.series import run_series


class DegreeDay(eqx.Module):
    """Parameters of degree-day snow; one value, or one for each column.

    Attributes
    ----------
    melt_factor : array
        [mm degC-1 d-1]; a few mm, more on open ground and late in the season (Hock 2003).
    threshold : array
        Air temperature at which half of the precipitation is snow [degC].
    transition : array
        Range of temperature over which snow turns into rain linearly [degC]; 0 is a sharp step,
        at whose temperature it snows.
    melt_threshold : array
        Air temperature above which snow melts [degC].
    retention : array
        Liquid water that the pack holds, share of its ice [1]; 0 lets all melt go, 0.1 in HBV.
    refreezing : array
        Refreezing per degree of frost, share of the melt factor [1]; 0.05 in HBV.

    Notes
    -----
    Sources: Hock (2003), doi:10.1016/S0022-1694(03)00257-9; retention and refreezing as in HBV,
    Lindstrom et al. (1997), doi:10.1016/S0022-1694(97)00041-3.
    """

    melt_factor: ArrayLike
    threshold: ArrayLike = 0.0
    transition: ArrayLike = 0.0
    melt_threshold: ArrayLike = 0.0
    retention: ArrayLike = 0.0
    refreezing: ArrayLike = 0.0


class SnowState(NamedTuple):
    """Snow pack (column): ice and the liquid water held in it [mm]."""

    ice: ArrayLike = 0.0
    liquid: ArrayLike = 0.0

    @property
    def water_equivalent(self) -> jax.Array:
        """Return ice and liquid water together [mm]."""
        return jnp.asarray(self.ice) + jnp.asarray(self.liquid)


class SnowForcing(NamedTuple):
    """Precipitation [mm per step] and mean air temperature [degC] of a step; no gaps."""

    precipitation: ArrayLike
    temperature: ArrayLike


class SnowFluxes(NamedTuple):
    """Amounts of a step [mm]; precipitation less outflow is what the pack gained."""

    snowfall: jax.Array
    rainfall: jax.Array
    melt: jax.Array
    refreezing: jax.Array
    outflow: jax.Array
    """Rain and melt that leave the pack and reach canopy or soil."""


def snow_fraction(
    temperature: ArrayLike, *, threshold: ArrayLike = 0.0, transition: ArrayLike = 0.0
) -> jax.Array:
    """Return the share of precipitation that falls as snow.

    Parameters
    ----------
    temperature : array (...)
        Air temperature [degC].
    threshold : array (...)
        Temperature of equal shares [degC].
    transition : array (...)
        Full width of the linear change [degC]; 0 is a sharp step.

    Returns
    -------
    array (...)
        [1].

    Examples
    --------
    >>> [round(float(f), 2) for f in snow_fraction([-1.5, 0.5, 3.0], threshold=1.0, transition=2.0)]
    [1.0, 0.75, 0.0]
    """
    warmth = jnp.asarray(temperature) - jnp.asarray(threshold)
    gradual = jnp.asarray(transition) > 0.0
    width = jnp.where(gradual, transition, 1.0)
    sharp = jnp.where(warmth > 0.0, 0.0, 1.0)
    return jnp.where(gradual, jnp.clip(0.5 - warmth / width, 0.0, 1.0), sharp)


def snow_step(
    state: SnowState, forcing: SnowForcing, parameters: DegreeDay, *, days: float = 1.0
) -> tuple[SnowState, SnowFluxes]:
    r"""Advance the snow pack by one step.

    .. math:: M = \min\left(S,\; d_m\,(T - T_m)^+ \Delta t\right),\quad
              F = \min\left(W,\; r\,d_m\,(T_m - T)^+ \Delta t\right)

    Snow falls on the ice S before it melts, liquid water W freezes before rain and melt join it,
    and what exceeds the share of the ice that the pack can hold flows out in the same step.

    Parameters
    ----------
    state : SnowState
        Arrays (column).
    forcing : SnowForcing
        Arrays (column).
    parameters : DegreeDay
        Values or arrays (column).
    days : float
        Length of the step [d]; 1/24 for hours.

    Returns
    -------
    SnowState, SnowFluxes
        Arrays (column); ``precipitation - outflow`` is the change of the water equivalent.
    """
    p = parameters
    temperature, water = jnp.asarray(forcing.temperature), jnp.asarray(forcing.precipitation)
    snow = water * snow_fraction(temperature, threshold=p.threshold, transition=p.transition)
    rain = water - snow
    warmth = temperature - p.melt_threshold
    factor = jnp.asarray(p.melt_factor) * days

    ice = jnp.asarray(state.ice) + snow
    melt = jnp.minimum(ice, factor * jnp.maximum(warmth, 0.0))
    frozen = jnp.minimum(state.liquid, p.refreezing * factor * jnp.maximum(-warmth, 0.0))
    ice = ice - melt + frozen
    liquid = jnp.asarray(state.liquid) - frozen + melt + rain
    held = jnp.minimum(liquid, p.retention * ice)
    fluxes = SnowFluxes(snow, rain, melt, frozen, liquid - held)
    return SnowState(ice, held), fluxes


def run_snow(
    state: SnowState, forcing: SnowForcing, parameters: DegreeDay, *, days: float = 1.0
) -> tuple[SnowState, SnowFluxes]:
    """Advance the snow pack through a series.

    Parameters
    ----------
    state : SnowState
        Arrays (column) or scalars; ``SnowState()`` is bare ground.
    forcing : SnowForcing
        Arrays (time) or (time, column).
    parameters : DegreeDay
        Values or arrays (column).
    days : float
        Length of the step [d].

    Returns
    -------
    SnowState, SnowFluxes
        The pack after the last step, and the fluxes (time, ...).

    Examples
    --------
    >>> cold_then_warm = SnowForcing([10.0, 5.0, 0.0], [-5.0, -1.0, 3.0])
    >>> pack, fluxes = run_snow(SnowState(), cold_then_warm, DegreeDay(melt_factor=3.0))
    >>> float(pack.ice), [float(x) for x in fluxes.outflow]
    (6.0, [0.0, 0.0, 9.0])
    """
    arrays = SnowForcing(*(jnp.asarray(x) for x in forcing))
    return run_series(partial(snow_step, parameters=parameters, days=days), state, arrays)
