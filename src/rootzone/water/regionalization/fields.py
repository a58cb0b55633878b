"""Fields besides the soil: canopy, snow, sealed surfaces, runoff, groundwater, neutrons.

Each function turns global coefficients and what the maps fix into fields of
:class:`rootzone.water.cell.CellParameters`, named as there.
"""

from typing import ClassVar, Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.water.cell.compat import Compat
from rootzone.water.regionalization.maps import (
    COVERS,
    FOREST,
    IMPERVIOUS,
    SMALLEST_SLOPE,
    Geology,
    Maps,
)
from rootzone.water.regionalization.parameters import GEOLOGY, Coefficients
from rootzone.water.regionalization.soil import Materials
from rootzone.water.regionalization.upscaling import DenseShares, GatheredShares, area_shares

Fields = dict[str, jax.Array]
"""Fields of the cell parameters by name."""


# --- what is fixed by the maps --------------------------------------------------------------


class Cover(eqx.Module):
    """Land cover of a scene.

    Attributes
    ----------
    fraction : array (cover, cell)
        Shares of forest, sealed and unsealed open land; the unsealed part of towns is open land.
    gentle : array (cell)
        Mean of two less the rank of the slope, 1 (steepest) to 2 (flat).
    gentle_forest : array (cell)
        The same with zero outside forest.
    """

    fraction: jax.Array
    gentle: jax.Array
    gentle_forest: jax.Array

    @classmethod
    def of_scene(cls, maps: Maps, scene: int, sealed_city_fraction: float) -> Self:
        """Return the cover of a scene."""
        cover = np.asarray(maps.land_cover[scene]) - 1
        share = maps.cell_mean(np.arange(COVERS)[:, None] == cover)
        sealed = sealed_city_fraction * share[IMPERVIOUS]
        fraction = np.stack([share[FOREST], sealed, 1.0 - sealed - share[FOREST]])
        gentle = 2.0 - slope_rank(maps.slope)
        means = maps.cell_mean(np.stack([gentle, np.where(cover == FOREST, gentle, 0.0)]))
        return cls(*(jnp.asarray(x, dtype=float) for x in (fraction, *means)))


def slope_rank(slope: np.ndarray) -> np.ndarray:
    """Return the share of fine cells (cell0) that are no steeper than each, over n + 1.

    Examples
    --------
    >>> slope_rank(np.array([1.0, 5.0, 1.0])).tolist()
    [0.5, 0.75, 0.5]
    """
    slope = np.maximum(slope, SMALLEST_SLOPE)
    return np.searchsorted(np.sort(slope), slope, side="right") / (slope.size + 1.0)


class Rocks(eqx.Module):
    """Geology of the cells.

    Attributes
    ----------
    units : Shares
        Cells from geological units.
    karstic : array (cell)
        Share of karst.
    """

    units: DenseShares | GatheredShares
    karstic: jax.Array

    @classmethod
    def of_maps(cls, maps: Maps, geology: Geology, compat: Compat) -> Self:
        """Return the geology of the cells.

        With ``compat.last_karstic_unit`` only the last karstic unit of the table counts as karst.

        Raises
        ------
        DataError
            If a unit on the map has no entry in the table.
        """
        unit, classes = np.asarray(geology.unit), np.asarray(maps.geology)
        maps.require_known("geology", classes, unit)
        order = np.argsort(unit)
        kind = order[np.searchsorted(unit[order], classes)]
        karstic = np.asarray(geology.karstic, dtype=bool)
        if compat.last_karstic_unit and karstic.any():
            karstic = np.arange(unit.size) == np.nonzero(karstic)[0][-1]
        return cls(
            units=area_shares(kind, maps.cell_of, cells=maps.cells, kinds=unit.size),
            karstic=jnp.asarray(maps.cell_mean(karstic[kind]), dtype=float),
        )


# --- canopy, snow, sealed surfaces ------------------------------------------------------------


def canopy(c: Coefficients, leaf_area: jax.Array) -> Fields:
    """Return the interception capacity, proportional to the mean leaf area (leaf, cell)."""
    return {"interception_capacity": c["canopyInterceptionFactor"] * leaf_area}


def snow(c: Coefficients, cover: Cover) -> Fields:
    """Return the degree-day factors, means over land cover, and the thresholds.

    The factor of open land is an increment over forest, that of sealed land over open land, the
    largest factors are increments over the smallest. Source: Samaniego et al. (2010),
    doi:10.1029/2008WR007327.
    """
    forest = c["degreeDayFactor_forest"]
    pervious = forest + c["degreeDayFactor_pervious"]
    smallest = (forest, pervious + c["degreeDayFactor_impervious"], pervious)
    names = ("forest", "impervious", "pervious")
    pairs = zip(smallest, names, strict=True)
    largest = [value + c[f"maxDegreeDayFactor_{name}"] for value, name in pairs]
    return {
        "threshold_temperature": c["snowTreshholdTemperature"][None],
        "degree_day_min": jnp.stack(smallest) @ cover.fraction,
        "degree_day_max": jnp.stack(largest) @ cover.fraction,
        "degree_day_increase": c["increaseDegreeDayFactorByPrecip"][None],
    }


def sealed(c: Coefficients, cover: Cover) -> Fields:
    """Return fraction and storage of the sealed surface."""
    return {
        "sealed_fraction": cover.fraction[IMPERVIOUS],
        "sealed_capacity": c["imperviousStorageCapacity"][None],
    }


# --- runoff -----------------------------------------------------------------------------------


def interflow(
    c: Coefficients, cover: Cover, air_capacity: jax.Array, conductivity: jax.Array
) -> Fields:
    """Return threshold and recessions of interflow [mm, d] from means over the cell.

    Source: Samaniego et al. (2010), doi:10.1029/2008WR007327. The recessions are at least 1 d
    (fast) and 2 d (slow), and the fast one no longer than the slow one.

    Parameters
    ----------
    air_capacity, conductivity : array (cell)
        Arithmetic means of the properties of profiles.
    """
    by_slope = c["interflowRecession_slope"]
    forest = c["fastInterflowRecession_forest"]
    fast = by_slope * (cover.gentle + (forest - 1.0) * cover.gentle_forest)
    slow = by_slope * cover.gentle + c["slowInterflowRecession_Ks"] * (1.0 + conductivity)
    slow = jnp.maximum(slow, 2.0)
    return {
        "interflow_threshold": c["interflowStorageCapacityFactor"] * air_capacity,
        "k_fast": jnp.minimum(jnp.maximum(fast, 1.0), slow),
        "k_slow": slow,
    }


def groundwater(c: Coefficients, rocks: Rocks, k_slow: jax.Array) -> Fields:
    """Return recession of baseflow [d], no shorter than that of interflow, and loss in karst."""
    return {
        "k_baseflow": jnp.maximum(rocks.units.total(c[GEOLOGY]), k_slow),
        "karstic_loss": 1.0 - rocks.karstic * c["rechargeFactor_karstic"],
    }


# --- neutrons ---------------------------------------------------------------------------------


class LatticeWater(Protocol):
    """How lattice water follows the clay."""

    def __call__(self, share: jax.Array, m: Materials) -> jax.Array:
        """Return lattice water (material) [m3 m-3] from LW0 clay + LW1."""
        ...


class LatticeByVolume(eqx.Module):
    """Lattice water as a share of the volume of soil, as mHM takes it."""

    def __call__(self, share: jax.Array, m: Materials) -> jax.Array:
        """Return lattice water (material) [m3 m-3]."""
        return share


class LatticeByMass(eqx.Module):
    """Lattice water as a share of the mass of soil, as it is measured.

    Source: Zreda et al. (2012), doi:10.5194/hess-16-4079-2012 (lattice water in weight percent).
    """

    def __call__(self, share: jax.Array, m: Materials) -> jax.Array:
        """Return lattice water (material) [m3 m-3]."""
        return share * m.bulk_density


class NeutronTransfer(Protocol):
    """Which properties of the soil a neutron operator wants."""

    group: ClassVar[str]

    def constants(self, c: Coefficients) -> Fields:
        """Return fields that do not vary in space (1)."""
        ...

    def properties(self, c: Coefficients, m: Materials) -> Fields:
        """Return properties (material); those of fields in mm are volumetric."""
        ...


def _lattice(c: Coefficients, m: Materials, lattice: LatticeWater, operator: str) -> jax.Array:
    return lattice(c[f"{operator}_LW0"] * m.clay / 100.0 + c[f"{operator}_LW1"], m)


def _organic(m: Materials, factor: float | None) -> Fields:
    if factor is None:
        return {}
    return {"organic_water": factor * m.organic_matter / 100.0 * m.bulk_density}


class DesiletsFields(eqx.Module):
    """Fields of the Desilets operator.

    Attributes
    ----------
    lattice : LatticeWater
        By volume as mHM, or by mass.
    organic_water : float, optional
        Water equivalent of organic matter [g g-1], 0.556 for cellulose (Franz et al. 2013,
        doi:10.5194/hess-17-453-2013); None leaves organic water out.
    """

    group: ClassVar[str] = "neutrons1"
    lattice: LatticeWater = LatticeByVolume()
    organic_water: float | None = eqx.field(default=None, static=True)

    def constants(self, c: Coefficients) -> Fields:
        """Return N0."""
        return {"N0": c["Desilets_N0"][None]}

    def properties(self, c: Coefficients, m: Materials) -> Fields:
        """Return bulk density and water of lattice and organic matter (material)."""
        lattice = _lattice(c, m, self.lattice, "Desilets")
        known = {"bulk_density": m.bulk_density, "lattice_water": lattice}
        return known | _organic(m, self.organic_water)


class CosmicFields(eqx.Module):
    """Fields of the COSMIC operator; attributes as in :class:`DesiletsFields`.

    Source: Shuttleworth et al. (2013), doi:10.5194/hess-17-3205-2013, for L3 of density.
    """

    group: ClassVar[str] = "neutrons2"
    lattice: LatticeWater = LatticeByVolume()
    organic_water: float | None = eqx.field(default=None, static=True)

    def constants(self, c: Coefficients) -> Fields:
        """Return the scale N0."""
        return {"N0": c["COSMIC_N0"][None]}

    def properties(self, c: Coefficients, m: Materials) -> Fields:
        """Return bulk density, water of lattice and organic matter, and L3 (material)."""
        lattice = _lattice(c, m, self.lattice, "COSMIC")
        fast = c["COSMIC_L30"] * m.bulk_density - c["COSMIC_L31"]
        # Below 0.4 g cm-3 (peat) the line would fall below zero: 1 g cm-2 there, as mHM.
        known = {
            "bulk_density": m.bulk_density,
            "lattice_water": lattice,
            "cosmic_L3": jnp.where(m.bulk_density < 0.4, 1.0, fast),
        }
        return known | _organic(m, self.organic_water)


AMOUNTS = ("lattice_water", "organic_water")
"""Fields in mm: their volumetric properties are multiplied by the thickness of the horizon."""
