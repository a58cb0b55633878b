"""The hydrogen that neutrons see: soil water, lattice water, organic matter.

Laws of the count rate speak of *total* gravimetric water. What is added to the water of the
pores is a convention, so it is an argument: three readings of soil organic carbon in use
differ by a factor of two.
"""

from enum import Enum

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


class OrganicConvention(Enum):
    """How soil organic carbon [g g-1] becomes water equivalent [g g-1].

    The value is the factor. Cellulose holds 0.556 g of water equivalent per gram of organic
    matter; organic matter is about twice the carbon.
    """

    CARBON_AS_MATTER = 0.556
    """0.556 SOC: the column is already organic matter (Franz et al. 2013)."""
    CARBON_DOUBLED = 1.112
    """1.112 SOC = 0.556 * 2 SOC (neptoon, COSMOS-Europe)."""
    VAN_BEMMELEN = 0.556 * 1.724
    """0.556 * 1.724 SOC, the classical factor from carbon to matter."""
    WATER = 1.0
    """The column is already water equivalent."""


def organic_water(soil_organic_carbon: ArrayLike, *, convention: OrganicConvention) -> jax.Array:
    """Return the water equivalent of organic matter [g g-1] by a named convention.

    Examples
    --------
    >>> round(float(organic_water(0.05, convention=OrganicConvention.CARBON_DOUBLED)), 4)
    0.0556
    """
    return convention.value * jnp.asarray(soil_organic_carbon)


def lattice_water_avery_2016(clay: ArrayLike) -> jax.Array:
    """Return lattice water [g g-1] = 0.097 clay for a clay fraction [g g-1].

    Source: Avery et al. (2016), doi:10.1016/j.jhydrol.2016.01.055 (fit over 61 sites).
    """
    return 0.097 * jnp.asarray(clay)


def volumetric(gravimetric_water: ArrayLike, *, bulk_density: ArrayLike) -> jax.Array:
    """Return m3 m-3 from g g-1 and dry bulk density [g cm-3] (water density 1 g cm-3)."""
    return jnp.asarray(gravimetric_water) * bulk_density


def gravimetric(theta: ArrayLike, *, bulk_density: ArrayLike) -> jax.Array:
    """Return g g-1 from m3 m-3 and dry bulk density [g cm-3] (water density 1 g cm-3)."""
    return jnp.asarray(theta) / bulk_density
