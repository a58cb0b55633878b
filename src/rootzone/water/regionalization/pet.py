"""Fields of potential evapotranspiration, one class for each way of getting it.

A class names its parameters (:attr:`group`) and prepares what the maps fix; the prepared object
turns coefficients into fields of the cell parameters for a scene.
"""

import math
from typing import Any, ClassVar, Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core import DataError
from rootzone.water.cell.types import select_cells
from rootzone.water.regionalization.fields import Fields
from rootzone.water.regionalization.maps import (
    COVERS,
    FOREST,
    IMPERVIOUS,
    SMALLEST_ASPECT,
    Maps,
)
from rootzone.water.regionalization.parameters import Coefficients
from rootzone.water.regionalization.upscaling import (
    DenseShares,
    GatheredShares,
    area_shares,
    harmonic,
)

LeafArea = tuple[np.ndarray, np.ndarray]
"""Values (leaf, class) [m2 m-2] and the class (cell0), from :meth:`Maps.leaf_area`."""


class PetFields(Protocol):
    """Fields of potential evapotranspiration as functions of coefficients."""

    def fields(self, c: Coefficients, scene: int) -> Fields:
        """Return the fields of a scene."""
        ...

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        ...


class PetTransfer(Protocol):
    """A way of getting potential evapotranspiration."""

    group: ClassVar[str]

    def prepared(self, maps: Maps, leaf_area: LeafArea) -> PetFields:
        """Return the fields as functions of coefficients."""
        ...


# --- leaf area and land cover -----------------------------------------------------------------


class LeafClasses(eqx.Module):
    """Pairs of leaf-area class and land cover, and the cells made of them.

    Attributes
    ----------
    leaf_area : array (leaf, pair)
        Leaf area [m2 m-2].
    largest : array (pair)
        Largest leaf area of the class over its steps [m2 m-2].
    cover : array (pair) of int
        Land cover.
    cells : tuple of Shares
        Cells from pairs, for each scene.
    """

    leaf_area: jax.Array
    largest: jax.Array
    cover: jax.Array
    cells: tuple[DenseShares | GatheredShares, ...]

    @classmethod
    def of_maps(cls, maps: Maps, leaf_area: LeafArea, *, covered: bool = True) -> Self:
        """Return the pairs; with ``covered`` False land cover makes no difference."""
        values, kind = leaf_area
        cover = np.asarray(maps.land_cover) - 1 if covered else np.zeros((1, maps.cells0), int)
        pair, index = np.unique(kind * COVERS + cover, return_inverse=True)
        index = index.reshape(cover.shape)
        of_pair = values[:, pair // COVERS]
        return cls(
            leaf_area=jnp.asarray(of_pair, dtype=float),
            largest=jnp.asarray(of_pair.max(axis=0), dtype=float),
            cover=jnp.asarray(pair % COVERS, dtype=jnp.int32),
            cells=tuple(
                area_shares(one, maps.cell_of, cells=maps.cells, kinds=pair.size) for one in index
            ),
        )

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        return eqx.tree_at(lambda x: x.cells, self, select_cells(self.cells, index))


class LeafAreaCorrection(eqx.Module):
    """Given evapotranspiration, corrected by leaf area and land cover (case -1 of mHM)."""

    group: ClassVar[str] = "PETminus1"

    def prepared(self, maps: Maps, leaf_area: LeafArea) -> "LeafAreaCorrected":
        """Return the fields as functions of coefficients."""
        return LeafAreaCorrected(LeafClasses.of_maps(maps, leaf_area))


class LeafAreaCorrected(eqx.Module):
    r"""The correction, a harmonic mean.

    .. math:: f = a_{cover} + b\,(1 - e^{c\,LAI})

    Source: Demirel et al. (2018), doi:10.5194/hess-22-1299-2018.
    """

    classes: LeafClasses

    def fields(self, c: Coefficients, scene: int) -> Fields:
        """Return ``pet_lai_factor`` (leaf, cell)."""
        names = ("PET_a_forest", "PET_a_impervious", "PET_a_pervious")
        start = jnp.stack([c[name] for name in names])[self.classes.cover]
        rise = -jnp.expm1(c["PET_c"] * self.classes.leaf_area)
        factor = start + c["PET_b"] * rise
        return {"pet_lai_factor": harmonic(factor, self.classes.cells[scene])}

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        return type(self)(self.classes.of_cells(index))


class PriestleyTaylor(eqx.Module):
    """Priestley and Taylor with a coefficient that follows leaf area (case 2 of mHM)."""

    group: ClassVar[str] = "PET2"

    def prepared(self, maps: Maps, leaf_area: LeafArea) -> "PriestleyTaylorFields":
        """Return the fields as functions of coefficients."""
        values, kind = leaf_area
        return PriestleyTaylorFields(jnp.asarray(maps.cell_mean(values[:, kind]), dtype=float))


class PriestleyTaylorFields(eqx.Module):
    """The coefficient, linear in the mean leaf area (leaf, cell) [m2 m-2]."""

    leaf_area: jax.Array

    def fields(self, c: Coefficients, scene: int) -> Fields:
        """Return ``priestley_taylor`` (leaf, cell)."""
        slope = c["PriestleyTaylorLAIcorr"]
        return {"priestley_taylor": c["PriestleyTaylorCoeff"] + slope * self.leaf_area}

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        return select_cells(self, index)


class PenmanMonteith(eqx.Module):
    """Penman and Monteith with resistances of canopy and air (case 3 of mHM)."""

    group: ClassVar[str] = "PET3"

    def prepared(self, maps: Maps, leaf_area: LeafArea) -> "PenmanMonteithFields":
        """Return the fields as functions of coefficients."""
        return PenmanMonteithFields(
            LeafClasses.of_maps(maps, leaf_area),
            LeafClasses.of_maps(maps, leaf_area, covered=False),
        )


class PenmanMonteithFields(eqx.Module):
    r"""The resistances.

    .. math::

        r_a u = \frac{\ln\frac{z - d}{z_{0m}}\,\ln\frac{z - d}{z_{0h}}}{0.41^2},\quad
        r_s = \min\left(250,\; r_{st}\,\frac{0.3\,LAI + 1.2}{LAI}\right)

    at 10 m, or 10 m above canopies that reach there. Source: Allen et al. (1998), FAO 56, eq. 4;
    Liu et al. (2003) for the active leaf area as mHM takes it.

    Attributes
    ----------
    covered, plain : LeafClasses
        Leaf area with and without land cover.
    """

    covered: LeafClasses
    plain: LeafClasses

    def fields(self, c: Coefficients, scene: int) -> Fields:
        """Return ``aerodynamic_resistance`` and ``bulk_resistance`` (leaf, cell)."""
        classes = self.covered
        open_land = c["canopyheigth_pervious"] * classes.leaf_area / classes.largest
        height = jnp.where(classes.cover == FOREST, c["canopyheigth_forest"], open_land)
        height = jnp.where(classes.cover == IMPERVIOUS, c["canopyheigth_impervious"], height)
        above = jnp.where(height > 10.0, height + 10.0, 10.0)
        above = above - c["displacementheight_coeff"] * height
        momentum = c["roughnesslength_momentum_coeff"] * height
        heat = c["roughnesslength_heat_coeff"] * momentum
        resistance = jnp.log(above / momentum) * jnp.log(above / heat) / 0.41**2
        leaves = self.plain.leaf_area
        active = leaves / (0.3 * leaves + 1.2)
        bulk = jnp.minimum(250.0, c["stomatal_resistance"] / active)
        return {
            "aerodynamic_resistance": classes.cells[scene].total(resistance),
            "bulk_resistance": self.plain.cells[0].total(bulk),
        }

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        return type(self)(self.covered.of_cells(index), self.plain.of_cells(index))


# --- aspect -----------------------------------------------------------------------------------


class AspectCorrection(eqx.Module):
    """Given evapotranspiration, corrected by aspect (case 0 of mHM)."""

    group: ClassVar[str] = "PET0"

    def prepared(self, maps: Maps, leaf_area: LeafArea) -> "AspectCorrected":
        """Return the fields as functions of coefficients."""
        return AspectCorrected.of_maps(maps)


class AspectCorrected(eqx.Module):
    r"""The correction, a mean over the aspects of a cell.

    .. math::

        f = a_1 + \frac{a_2}{a_3}\,\phi \;(\phi < a_3),\quad
        f = a_1 + \frac{a_2}{360 - a_3}\,(360 - \phi) \;(\phi \ge a_3)

    in the north; in the south the two lines change places. Both lines are linear in aspect, so
    their sums over the aspects of a cell below and above the threshold are fixed by the map, and
    only the position of the threshold among the sorted aspects depends on coefficients.
    Source: Samaniego et al. (2010), doi:10.1029/2008WR007327.

    Attributes
    ----------
    aspect : array (slot, cell)
        Sorted aspects [degree]; free slots lie above all.
    rising : array (slot + 1, cell)
        Mean over the cell of the aspects on the first line, if the threshold lies before the slot.
    falling : array (slot + 1, cell)
        The same of 360 less the aspects on the second line.
    """

    aspect: jax.Array
    rising: jax.Array
    falling: jax.Array

    @classmethod
    def of_maps(cls, maps: Maps) -> Self:
        """Return the sorted aspects of the cells and their sums."""
        aspect = np.maximum(maps.aspect, SMALLEST_ASPECT)
        order = np.lexsort((aspect, maps.cell_of))
        owner = maps.cell_of[order]
        count = np.bincount(owner)
        slot = np.arange(order.size) - (np.cumsum(count) - count)[owner]
        shape = (int(count.max()), maps.cells)
        phi, north = np.full(shape, math.inf), np.zeros(shape, dtype=bool)
        phi[slot, owner] = aspect[order]
        north[slot, owner] = (np.asarray(maps.latitude) > 0.0)[order]
        used = np.isfinite(phi)
        rising, falling = np.where(used, phi, 0.0), np.where(used, 360.0 - phi, 0.0)
        south = used & ~north
        return cls(
            aspect=jnp.asarray(phi, dtype=float),
            rising=jnp.asarray(_below(rising * north) + _above(rising * south), float) / count,
            falling=jnp.asarray(_above(falling * north) + _below(falling * south), float) / count,
        )

    def fields(self, c: Coefficients, scene: int) -> Fields:
        """Return ``pet_aspect_factor`` (cell)."""
        threshold = c["aspectTresholdPET"]
        below = jax.vmap(jnp.searchsorted, in_axes=(1, None))(self.aspect, threshold)[None]
        rising = jnp.take_along_axis(self.rising, below, axis=0)[0]
        falling = jnp.take_along_axis(self.falling, below, axis=0)[0]
        mean = rising / threshold + falling / (360.0 - threshold)
        smallest, increment = c["minCorrectionFactorPET"], c["maxCorrectionFactorPET"]
        return {"pet_aspect_factor": smallest + increment * mean}

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        return select_cells(self, index)


def _below(values: np.ndarray) -> np.ndarray:
    """Return sums (slot + 1, cell) of the slots before each."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def _above(values: np.ndarray) -> np.ndarray:
    """Return sums (slot + 1, cell) of each slot and those behind it."""
    return _below(values[::-1])[::-1]


class HargreavesSamani(eqx.Module):
    """Hargreaves and Samani with the correction by aspect (case 1 of mHM)."""

    group: ClassVar[str] = "PET1"

    def prepared(self, maps: Maps, leaf_area: LeafArea) -> "HargreavesSamaniFields":
        """Return the fields as functions of coefficients.

        Raises
        ------
        DataError
            If the maps have no latitude of the coarse cells.
        """
        if maps.cell_latitude is None:
            raise DataError("Hargreaves and Samani want the latitude of the coarse cells")
        latitude = jnp.asarray(maps.cell_latitude, dtype=float)
        return HargreavesSamaniFields(AspectCorrected.of_maps(maps), latitude)


class HargreavesSamaniFields(eqx.Module):
    """Correction by aspect, coefficient and latitude (cell) [degrees]."""

    aspect: AspectCorrected
    latitude: jax.Array

    def fields(self, c: Coefficients, scene: int) -> Fields:
        """Return ``pet_aspect_factor``, ``hargreaves_coefficient``, ``latitude`` (cell)."""
        return self.aspect.fields(c, scene) | {
            "hargreaves_coefficient": c["HargreavesSamaniCoeff"][None],
            "latitude": self.latitude,
        }

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        return select_cells(self, index)
