"""The canopy over the column: leaf area, shares of potential evapotranspiration, interception."""

from functools import partial
from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from rootzone.water.series import run_series

_YEAR = 365.25  # d

# --- leaves and roots through the year --------------------------------------------------


class LeafArea(Protocol):
    """Leaf area index through the year."""

    def __call__(self, day_of_year: ArrayLike) -> jax.Array:
        """Return the leaf area index [m2 m-2], (time) or (time, column)."""
        ...


class ConstantLeafArea(eqx.Module):
    """The same leaf area index [m2 m-2] on all days: one value, or one for each column."""

    leaf_area: ArrayLike

    def __call__(self, day_of_year: ArrayLike) -> jax.Array:
        """Return the leaf area index [m2 m-2], (time) or (time, column)."""
        shape = jnp.shape(day_of_year) + jnp.shape(self.leaf_area)
        return jnp.broadcast_to(jnp.asarray(self.leaf_area), shape)


class LeafAreaTable(eqx.Module):
    """Leaf area index interpolated between days of the year, the last day joined to the first.

    Attributes
    ----------
    day_of_year : array (point)
        Increasing, 1 to 366.
    leaf_area : array (point) or (point, column)
        [m2 m-2].

    Examples
    --------
    >>> maize = LeafAreaTable([120, 200, 260, 280], [0.0, 5.0, 4.0, 0.0])
    >>> [float(x) for x in maize([100, 160, 200])]
    [0.0, 2.5, 5.0]
    """

    day_of_year: jax.Array = eqx.field(converter=jnp.asarray)
    leaf_area: jax.Array = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        """Check that the days increase and that there is a leaf area for each."""
        if self.leaf_area.shape[:1] != self.day_of_year.shape:
            raise ValueError(
                f"{self.day_of_year.shape[0]} days but {self.leaf_area.shape[0]} leaf areas: "
                "give one leaf area index for each day"
            )
        if isinstance(self.day_of_year, Tracer):
            return
        days = np.asarray(self.day_of_year)
        if np.any(np.diff(days) <= 0) or days[0] < 1 or days[-1] > 366:
            raise ValueError(f"days of the year must increase from 1 to 366, got {days.tolist()}")

    def __call__(self, day_of_year: ArrayLike) -> jax.Array:
        """Return the leaf area index [m2 m-2], (time) or (time, column)."""
        start = self.day_of_year[0]
        days = jnp.append(self.day_of_year, start + _YEAR)
        leaves = jnp.concatenate([self.leaf_area, self.leaf_area[:1]])
        day = start + jnp.mod(jnp.asarray(day_of_year) - start, _YEAR)
        left = jnp.clip(jnp.searchsorted(days, day, side="right") - 1, 0, days.shape[0] - 2)
        share = (day - days[left]) / (days[left + 1] - days[left])
        share = share.reshape(share.shape + (1,) * (leaves.ndim - 1))
        return leaves[left] * (1.0 - share) + leaves[left + 1] * share


def days_since(day_of_year: ArrayLike, start: ArrayLike) -> jax.Array:
    """Return the days since a day of the year came last, 0 on that day, under a year [d]."""
    return jnp.mod(jnp.asarray(day_of_year) - start, _YEAR)


class LogisticRoots(eqx.Module):
    r"""Rooting depth that grows by the Verhulst-Pearl law.

    .. math:: L(t) = L_m \frac{L_0}{L_0 + (L_m - L_0)\,e^{-r t}}

    Attributes
    ----------
    initial, maximum : array
        Rooting depth at the start and in the end [cm], initial above zero.
    growth_rate : array
        r [d-1].

    Notes
    -----
    Source: Simunek and Suarez (1993), doi:10.1029/92WR02225, as used in HYDRUS-1D.
    """

    initial: ArrayLike
    maximum: ArrayLike
    growth_rate: ArrayLike

    @classmethod
    def half_grown_after(
        cls, days: ArrayLike, *, initial: ArrayLike, maximum: ArrayLike
    ) -> "LogisticRoots":
        """Return roots that reach half of their maximum after some days.

        HYDRUS takes half of the growing season for them. The initial depth must be less than half
        of the maximum.
        """
        initial, maximum = jnp.asarray(initial), jnp.asarray(maximum)
        return cls(initial, maximum, jnp.log(maximum / initial - 1.0) / jnp.asarray(days))

    def __call__(self, days: ArrayLike) -> jax.Array:
        """Return the rooting depth [cm] some days after the start."""
        fading = jnp.exp(-jnp.asarray(self.growth_rate) * jnp.asarray(days))
        rest = (jnp.asarray(self.maximum) - self.initial) * fading
        return jnp.asarray(self.maximum) * jnp.asarray(self.initial) / (self.initial + rest)


class RootsWithLeaves(eqx.Module):
    """Rooting depth that rises linearly with leaf area: an assumption for annual crops.

    Attributes
    ----------
    minimum, maximum : array
        Rooting depth without leaves and at full leaf area [cm].
    full_leaf_area : array
        Leaf area index of the maximum [m2 m-2].
    """

    minimum: ArrayLike
    maximum: ArrayLike
    full_leaf_area: ArrayLike

    def __call__(self, leaf_area: ArrayLike) -> jax.Array:
        """Return the rooting depth [cm]."""
        share = jnp.clip(jnp.asarray(leaf_area) / self.full_leaf_area, 0.0, 1.0)
        minimum = jnp.asarray(self.minimum)
        return minimum + (jnp.asarray(self.maximum) - minimum) * share


# --- shares of the potential and interception -------------------------------------------


def canopy_cover(leaf_area: ArrayLike, *, extinction: ArrayLike = 0.463) -> jax.Array:
    r"""Return the share of radiation that a canopy takes, and of the ground that it covers.

    .. math:: c = 1 - e^{-k\,LAI}

    Parameters
    ----------
    leaf_area : array (...)
        [m2 m-2].
    extinction : array (...)
        k [1]; 0.463 is the value of HYDRUS-1D, 0.5 to 0.75 are common.

    Returns
    -------
    array (...)
        [1]; c times the potential evapotranspiration is the potential transpiration, the rest
        the potential evaporation of the soil.

    Notes
    -----
    Source: Ritchie (1972), doi:10.1029/WR008i005p01204.
    """
    return -jnp.expm1(-jnp.asarray(extinction) * jnp.asarray(leaf_area))


class Interception(Protocol):
    """What a wet canopy does with rain; a value with this method is a choice of it."""

    def __call__(
        self,
        storage: jax.Array,
        precipitation: jax.Array,
        potential: jax.Array,
        leaf_area: jax.Array,
        cover: jax.Array,
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return the new storage, evaporation and throughfall [mm], which conserve water."""
        ...


class InterceptionStore(eqx.Module):
    """A store on the leaves: it fills, drips when full, and evaporates at the potential rate.

    Attributes
    ----------
    capacity_per_leaf_area : array
        [mm], per unit of leaf area index: 0.2 in BATS (Dickinson et al. 1986).
    wetness_exponent : array
        Exponent of storage over capacity, the wet share of the leaves; 0 evaporates at the full
        rate to the last drop, 2/3 is Deardorff (1978), doi:10.1029/JC083iC04p01889.
    """

    capacity_per_leaf_area: ArrayLike = 0.2
    wetness_exponent: ArrayLike = 0.0

    def __call__(
        self,
        storage: jax.Array,
        precipitation: jax.Array,
        potential: jax.Array,
        leaf_area: jax.Array,
        cover: jax.Array,
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return the new storage, evaporation and throughfall [mm]."""
        capacity = jnp.asarray(self.capacity_per_leaf_area) * leaf_area
        caught = cover * precipitation
        filled = storage + caught
        kept = jnp.minimum(filled, capacity)
        wet = kept > 0.0
        share = jnp.where(wet, kept / jnp.where(wet, capacity, 1.0), 1.0)
        evaporation = jnp.minimum(kept, potential * share**self.wetness_exponent)
        return kept - evaporation, evaporation, precipitation - caught + (filled - kept)


class BradenInterception(eqx.Module):
    r"""Interception of a day's rain, which evaporates on the same day: the formula of HYDRUS.

    .. math:: I = a\,LAI\left(1 - \frac{1}{1 + c P / (a\,LAI)}\right)

    It knows no potential rate: on dull days it can evaporate more than the air demands, and on
    hours of rain it forgets that the leaves are wet. For daily sums.

    Attributes
    ----------
    saturation_per_leaf_area : array
        a [mm d-1], about 0.25 for ordinary crops.

    Notes
    -----
    Sources: von Hoyningen-Huene (1981) and Braden (1985), as in van Dam et al. (1997) and
    HYDRUS-1D.
    """

    saturation_per_leaf_area: ArrayLike = 0.25

    def __call__(
        self,
        storage: jax.Array,
        precipitation: jax.Array,
        potential: jax.Array,
        leaf_area: jax.Array,
        cover: jax.Array,
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return an empty storage, evaporation and throughfall [mm]; what was stored drips."""
        most = jnp.asarray(self.saturation_per_leaf_area) * leaf_area
        caught = cover * precipitation
        some = most + caught > 0.0
        evaporation = most * caught / jnp.where(some, most + caught, 1.0)
        empty = jnp.zeros_like(storage)
        return empty, evaporation, precipitation - evaporation + storage


class Canopy(eqx.Module):
    """Parameters of the canopy: extinction of light [1] and the kind of interception."""

    extinction: ArrayLike = 0.463
    interception: Interception = InterceptionStore()


class CanopyState(NamedTuple):
    """Water on the leaves (column) [mm]."""

    storage: ArrayLike = 0.0


class CanopyForcing(NamedTuple):
    """Rain and potential evapotranspiration [mm per step], leaf area index [m2 m-2]; no gaps."""

    precipitation: ArrayLike
    potential_evapotranspiration: ArrayLike
    leaf_area: ArrayLike


class CanopyFluxes(NamedTuple):
    """Amounts of a step [mm]: what the soil gets, and what the air still asks of it."""

    throughfall: jax.Array
    interception_evaporation: jax.Array
    potential_transpiration: jax.Array
    """Left for the roots after the wet leaves."""
    potential_evaporation: jax.Array
    """Of the soil surface."""


def canopy_step(
    state: CanopyState, forcing: CanopyForcing, parameters: Canopy
) -> tuple[CanopyState, CanopyFluxes]:
    """Advance the canopy by one step.

    Potential evapotranspiration is split by the cover; rain fills the leaves before they dry;
    what they evaporate is taken off the potential transpiration. Potential evapotranspiration
    below zero (dew) counts as zero.

    Parameters
    ----------
    state : CanopyState
        Arrays (column).
    forcing : CanopyForcing
        Arrays (column).
    parameters : Canopy
        Values or arrays (column).

    Returns
    -------
    CanopyState, CanopyFluxes
        Arrays (column); precipitation is throughfall, interception evaporation and the change
        of the storage.
    """
    rain, leaf_area = jnp.asarray(forcing.precipitation), jnp.asarray(forcing.leaf_area)
    potential = jnp.maximum(forcing.potential_evapotranspiration, 0.0)
    cover = canopy_cover(leaf_area, extinction=parameters.extinction)
    of_canopy = cover * potential
    storage, evaporation, throughfall = parameters.interception(
        jnp.asarray(state.storage), rain, of_canopy, leaf_area, cover
    )
    transpiration = jnp.maximum(of_canopy - evaporation, 0.0)
    fluxes = CanopyFluxes(throughfall, evaporation, transpiration, potential - of_canopy)
    return CanopyState(storage), fluxes


def run_canopy(
    state: CanopyState, forcing: CanopyForcing, parameters: Canopy
) -> tuple[CanopyState, CanopyFluxes]:
    """Advance the canopy through a series.

    Parameters
    ----------
    state : CanopyState
        Arrays (column) or scalars; ``CanopyState()`` is dry.
    forcing : CanopyForcing
        Arrays (time) or (time, column).
    parameters : Canopy
        Values or arrays (column).

    Returns
    -------
    CanopyState, CanopyFluxes
        The canopy after the last step, and the fluxes (time, ...).

    Examples
    --------
    >>> weather = CanopyForcing([8.0, 0.0], [1.0, 2.0], [3.0, 3.0])
    >>> _, fluxes = run_canopy(CanopyState(), weather, Canopy())
    >>> [round(float(x), 2) for x in fluxes.throughfall]
    [7.4, 0.0]
    """
    arrays = CanopyForcing(*(jnp.asarray(x) for x in forcing))
    return run_series(partial(canopy_step, parameters=parameters), state, arrays)
