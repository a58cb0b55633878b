"""The processes of a cell, one function each, in mm and for any time step.

All are elementwise over cells. ``parameters`` are those of the month and the scene (which of them
a process reads stands in its equation), ``thresholds`` say how sharply a process switches; however
they do, no store gives more than it holds.

Sources: Samaniego et al. (2010), doi:10.1029/2008WR007327; Kumar et al. (2013),
doi:10.1029/2012WR012195, as implemented in mHM 5.13.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rootzone.water.cell.numerics import DRY, divisor, power
from rootzone.water.cell.thresholds import Thresholds
from rootzone.water.cell.types import CellForcing, CellParameters
from rootzone.water.cell.uptake import Uptake


class Canopy(NamedTuple):
    """Water on the canopy and what passed it [mm]."""

    interception: jax.Array
    throughfall: jax.Array
    evaporation: jax.Array


def canopy(
    interception: jax.Array,
    forcing: CellForcing,
    parameters: CellParameters,
    thresholds: Thresholds,
) -> Canopy:
    r"""Return the canopy after a step: a bucket that overflows and evaporates.

    .. math:: E_c = E_p \left(\frac{I}{I_{max}}\right)^{2/3}

    Parameters
    ----------
    interception : array (cell)
        Water on the canopy [mm].
    forcing : CellForcing
        Weather of the step.
    parameters : CellParameters
        I_max is ``interception_capacity``.
    thresholds : Thresholds
        Behavior at the brim and when the canopy dries.

    Notes
    -----
    Applied to the whole cell. Exponent: Deardorff (1978), doi:10.1029/JC083iC04p01889.
    """
    capacity = parameters.interception_capacity
    wetted = interception + forcing.precipitation
    stored = thresholds.least(wetted, capacity)
    share = power(stored / divisor(capacity), 2.0 / 3.0)
    demand = jnp.where(capacity > DRY, jnp.maximum(forcing.pet, 0.0) * share, 0.0)
    evaporation = thresholds.least(demand, stored)
    return Canopy(stored - evaporation, wetted - stored, evaporation)


class Snow(NamedTuple):
    """Snow pack and the water of a step by phase [mm]."""

    snow_pack: jax.Array
    rain: jax.Array
    snowfall: jax.Array
    melt: jax.Array

    @property
    def effective_precipitation(self) -> jax.Array:
        """Return melt and rain."""
        return self.melt + self.rain


def snow(
    snow_pack: jax.Array,
    throughfall: jax.Array,
    forcing: CellForcing,
    parameters: CellParameters,
    thresholds: Thresholds,
    steps_per_day: int,
) -> Snow:
    r"""Return the snow pack after a step by degree days that rise with precipitation.

    .. math:: M = \min\left(S,\; \min(DD_0 + k P,\, DD_{max})\,(T - T_0)\right)

    Parameters
    ----------
    snow_pack, throughfall : array (cell)
        Snow water equivalent and what passed the canopy [mm].
    forcing : CellForcing
        Weather of the step.
    parameters : CellParameters
        T_0 is ``threshold_temperature``: at and below it all falls as snow and nothing melts.
        DD_0 and DD_max are ``degree_day_min`` and ``degree_day_max`` [mm d-1 degC-1], k is
        ``degree_day_increase``, per mm of precipitation of the *step*.
    thresholds : Thresholds
        Behavior at T_0 and when the pack is used up.
    steps_per_day : int
        24 for hours.
    """
    p, per_day = parameters, 1.0 / steps_per_day
    rain = thresholds.warm(forcing.temperature, p.threshold_temperature) * throughfall
    snowfall = throughfall - rain
    rising = p.degree_day_min * per_day + p.degree_day_increase * forcing.precipitation
    degree_day = thresholds.least(rising, p.degree_day_max * per_day)
    degrees = thresholds.degrees_above(forcing.temperature, p.threshold_temperature)
    melt = thresholds.least(degree_day * degrees, snow_pack)
    return Snow(snow_pack - melt + snowfall, rain, snowfall, melt)


class Sealed(NamedTuple):
    """Water on the sealed part and what left it [mm, depth on the sealed part]."""

    storage: jax.Array
    runoff: jax.Array
    evaporation: jax.Array


def sealed_surface(
    storage: jax.Array,
    effective_precipitation: jax.Array,
    canopy_evaporation: jax.Array,
    forcing: CellForcing,
    parameters: CellParameters,
    thresholds: Thresholds,
) -> Sealed:
    r"""Return the sealed part after a step: a shallow bucket that evaporates like free water.

    .. math:: E_s = \left(\frac{E_p}{c_e} - E_c\right)_+ \frac{A}{C}

    Parameters
    ----------
    storage, effective_precipitation, canopy_evaporation : array (cell)
        Water on the sealed part, melt and rain, evaporation from the canopy [mm].
    forcing : CellForcing
        Weather of the step.
    parameters : CellParameters
        c_e is ``evap_coefficient``, C is ``sealed_capacity``; where ``sealed_fraction`` is zero
        nothing happens.
    thresholds : Thresholds
        Behavior at the brim and when the surface dries.
    """
    capacity = parameters.sealed_capacity
    wetted = storage + effective_precipitation
    stored = thresholds.least(wetted, capacity)
    free_water = jnp.maximum(forcing.pet / parameters.evap_coefficient, 0.0)
    left = free_water - thresholds.least(free_water, canopy_evaporation)
    evaporation = thresholds.least(left * stored / divisor(capacity), stored)
    evaporation = jnp.where(capacity > DRY, evaporation, stored)
    some = parameters.sealed_fraction > 0.0
    return Sealed(
        jnp.where(some, stored - evaporation, storage),
        jnp.where(some, wetted - stored, 0.0),
        jnp.where(some, evaporation, 0.0),
    )


class Soil(NamedTuple):
    """Soil water and what left each horizon, one array (cell) per horizon [mm]."""

    soil_moisture: tuple[jax.Array, ...]
    infiltration: tuple[jax.Array, ...]
    evapotranspiration: tuple[jax.Array, ...]


def soil(
    soil_moisture: Sequence[jax.Array] | jax.Array,
    effective_precipitation: jax.Array,
    demand: jax.Array,
    parameters: CellParameters,
    uptake: Uptake,
    thresholds: Thresholds,
) -> Soil:
    r"""Return the soil after a step, horizon by horizon from the top.

    A horizon keeps a share of the water that reaches it, the less the wetter it is, and gives to
    the atmosphere what roots and water allow of the demand that the horizons above left over.

    .. math:: q_{h+1} = q_h - \min\left(q_h \left(1 - (\theta/\theta_s)^\beta\right),
              \theta_s - \theta\right), \qquad
              E_h = \left(E_p - E_c - \sum_{i<h} E_i\right) f_h\, g(\theta_h)

    Parameters
    ----------
    soil_moisture : array (horizon, cell)
        Water of the horizons [mm]; or one array (cell) per horizon.
    effective_precipitation, demand : array (cell)
        Water that reaches the soil; potential evapotranspiration the canopy left over [mm].
    parameters : CellParameters
        theta_s is ``saturation``, beta ``infiltration_exponent``, f ``root_fraction``.
    uptake : Uptake
        Reduction g by dry soil.
    thresholds : Thresholds
        Behavior at saturation and where uptake begins to fall.

    Notes
    -----
    A horizon above saturation (after a change of land cover) passes everything on and keeps its
    excess until it has evaporated.
    """
    p = parameters
    water, passed, evaporated = [], [], []
    incoming, left = effective_precipitation, jnp.maximum(demand, 0.0)
    for h in range(len(soil_moisture)):
        filled = jnp.minimum(soil_moisture[h] / p.saturation[h], 1.0)
        kept = incoming * (1.0 - power(filled, p.infiltration_exponent[h]))
        room = jnp.maximum(p.saturation[h] - soil_moisture[h], 0.0)
        stored = thresholds.least(kept, room)
        wetted = soil_moisture[h] + stored
        wanted = left * (p.root_fraction[h] * uptake.share(wetted, h, p, thresholds))
        taken = thresholds.least(wanted, jnp.maximum(wetted - DRY, 0.0))
        incoming, left = incoming - stored, left - taken
        water.append(wetted - taken)
        passed.append(incoming)
        evaporated.append(taken)
    return Soil(tuple(water), tuple(passed), tuple(evaporated))


def drying_soil(
    soil_moisture: Sequence[jax.Array] | jax.Array,
    demand: jax.Array,
    parameters: CellParameters,
    uptake: Uptake,
    thresholds: Thresholds,
) -> Soil:
    """Return what :func:`soil` returns where no water reaches the soil, without its powers.

    Parameters
    ----------
    soil_moisture, demand, parameters, uptake, thresholds
        As for :func:`soil`.
    """
    p = parameters
    water, evaporated = [], []
    left = jnp.maximum(demand, 0.0)
    for h in range(len(soil_moisture)):
        wetted = soil_moisture[h]
        wanted = left * (p.root_fraction[h] * uptake.share(wetted, h, p, thresholds))
        taken = thresholds.least(wanted, jnp.maximum(wetted - DRY, 0.0))
        left = left - taken
        water.append(wetted - taken)
        evaporated.append(taken)
    none = tuple(jnp.zeros_like(taken) for taken in evaporated)
    return Soil(tuple(water), none, tuple(evaporated))


class Runoff(NamedTuple):
    """The two reservoirs below the soil and what left them [mm, depth on the unsealed part].

    ``percolation`` is what the rate asks for even where the reservoir holds less; what left it is
    ``percolated``, what arrived below is ``recharge``.
    """

    unsaturated_storage: jax.Array
    saturated_storage: jax.Array
    fast_interflow: jax.Array
    slow_interflow: jax.Array
    percolation: jax.Array
    percolated: jax.Array
    recharge: jax.Array
    baseflow: jax.Array


def runoff(
    unsaturated_storage: jax.Array,
    saturated_storage: jax.Array,
    infiltration: jax.Array,
    parameters: CellParameters,
    thresholds: Thresholds,
    steps_per_day: int,
) -> Runoff:
    r"""Return the reservoirs after a step: fast and slow interflow, percolation, baseflow.

    .. math:: q_0 = \frac{(U - H_L)_+}{k_0},\quad q_1 = \frac{U^{1+\alpha}}{k_1},\quad
              C = \frac{U}{k_p},\quad q_2 = \frac{G}{k_2}

    Parameters
    ----------
    unsaturated_storage, saturated_storage, infiltration : array (cell)
        Reservoirs U and G and the water from the lowest horizon [mm].
    parameters : CellParameters
        H_L is ``interflow_threshold``, alpha ``slow_exponent``; k_0, k_1, k_p and k_2 are
        ``k_fast``, ``k_slow``, ``k_percolation`` and ``k_baseflow`` [d]; ``karstic_loss`` is the
        share of C that reaches G, above one where karst gains and negative where it drains G.
    thresholds : Thresholds
        Behavior at H_L and when a reservoir runs dry.
    steps_per_day : int
        24 for hours.
    """
    p, day = parameters, 1.0 / steps_per_day
    stored = unsaturated_storage + infiltration
    above = stored - thresholds.least(stored, p.interflow_threshold)
    fast = thresholds.least(day / p.k_fast * above, stored)
    stored = stored - fast
    wanted = day / p.k_slow * (stored * power(stored, p.slow_exponent))
    slow = thresholds.least(wanted, stored)
    stored = stored - slow
    percolation = day / p.k_percolation * stored
    percolated = thresholds.least(percolation, stored)
    # Karst may take more than percolates, but not more than there is.
    recharge = jnp.maximum(percolated * p.karstic_loss, -saturated_storage)
    filled = saturated_storage + recharge
    baseflow = thresholds.least(day / p.k_baseflow * filled, filled)
    return Runoff(
        stored - percolated,
        filled - baseflow,
        fast,
        slow,
        percolation,
        percolated,
        recharge,
        baseflow,
    )
