"""How organic matter and roots follow the land cover: the choices of the soil-moisture cases."""

from typing import ClassVar, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.water.regionalization.maps import FOREST, IMPERVIOUS
from rootzone.water.regionalization.parameters import Coefficients


class Roots(Protocol):
    """How organic matter and roots follow the land cover.

    Attributes
    ----------
    groups : (str, str)
        Namelists of the parameters with uptake after Feddes and after Jarvis.
    """

    groups: ClassVar[tuple[str, str]]

    def organic_matter(self, c: Coefficients) -> jax.Array:
        """Return organic matter (cover) [%]."""
        ...

    def coefficient(
        self, c: Coefficients, field_capacity: jax.Array, cover: jax.Array
    ) -> jax.Array:
        """Return the base b of the roots, (class) or (horizon, class).

        Parameters
        ----------
        field_capacity : array (horizon, class)
            Volumetric.
        cover : array (class) of int
            Land cover of the class.
        """
        ...


class RootsByCover(eqx.Module):
    """Roots and organic matter by land cover (soil-moisture cases 1 and 2 of mHM).

    Forest has more organic matter and deeper roots than open land; both are differences. Source:
    Samaniego et al. (2010), doi:10.1029/2008WR007327, with the root profile of Jackson et al.
    (1996), doi:10.1007/BF00333714.
    """

    groups: ClassVar[tuple[str, str]] = ("soilmoisture1", "soilmoisture2")

    def organic_matter(self, c: Coefficients) -> jax.Array:
        """Return organic matter (cover) [%]."""
        pervious = c["orgMatterContent_pervious"]
        forest = pervious + c["orgMatterContent_forest"]
        return jnp.stack([forest, c["orgMatterContent_impervious"], pervious])

    def coefficient(
        self, c: Coefficients, field_capacity: jax.Array, cover: jax.Array
    ) -> jax.Array:
        """Return the base b (class) of the roots."""
        forest = c["rootFractionCoefficient_forest"]
        pervious = forest - c["rootFractionCoefficient_pervious"]
        base = jnp.stack([forest, c["rootFractionCoefficient_impervious"], pervious])
        return base[cover]


class RootsByFieldCapacity(eqx.Module):
    """Roots of open land by field capacity (soil-moisture cases 3 and 4 of mHM).

    Where little water is held, roots are shallower. Source: Demirel et al. (2018),
    doi:10.5194/hess-22-1299-2018.
    """

    groups: ClassVar[tuple[str, str]] = ("soilmoisture4", "soilmoisture3")

    def organic_matter(self, c: Coefficients) -> jax.Array:
        """Return organic matter (cover) [%]."""
        covers = ("forest", "impervious", "pervious")
        return jnp.stack([c[f"orgMatterContent_{cover}"] for cover in covers])

    def coefficient(
        self, c: Coefficients, field_capacity: jax.Array, cover: jax.Array
    ) -> jax.Array:
        """Return the base b (horizon, class) of the roots."""
        clay = c["rootFractionCoefficient_clay"]
        sand = clay - c["rootFractionCoefficient_sand"]
        clayey = jnp.clip((field_capacity - c["FCmin_glob"]) / c["FCdelta_glob"], 0.0, 1.0)
        pervious = clayey * clay + (1.0 - clayey) * sand
        forest = jnp.where(cover == FOREST, c["rootFractionCoefficient_forest"], pervious)
        sealed = c["rootFractionCoefficient_impervious"]
        return jnp.where(cover == IMPERVIOUS, sealed, forest)
