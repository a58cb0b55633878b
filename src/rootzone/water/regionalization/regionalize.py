"""From global coefficients to the cell parameters of every land-cover scene: the whole chain.

::

    model = prepare(maps, soil=..., geology=..., layers=..., processes=Processes.of_mhm(1, 0, 1))
    table = model.parameter_table
    scenes = model(table.coefficients(table.default))

:func:`prepare` does once what does not depend on coefficients (numpy, checks);
:class:`Regionalization` is a pytree and traceable. Pass it to compiled functions as an argument, so
that its tables are no constants of the program::

    batch = jax.jit(jax.vmap(Regionalization.__call__, in_axes=(None, 0)))
    scenes = batch(model, table.coefficients(values))  # values (member, parameter)
"""

from collections.abc import Sequence
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.errors import StudyError
from rootzone.water.cell.compat import STANDARD, Compat
from rootzone.water.cell.types import CellParameters, select_cells
from rootzone.water.regionalization import fields as fields_of
from rootzone.water.regionalization.declarations import GEOLOGY_GROUP
from rootzone.water.regionalization.fields import (
    AMOUNTS,
    Cover,
    Fields,
    Rocks,
)
from rootzone.water.regionalization.maps import COVERS, Geology, LeafAreaTable, Maps
from rootzone.water.regionalization.parameters import GEOLOGY, Coefficients, ParameterTable
from rootzone.water.regionalization.pet import (
    PetFields,
)
from rootzone.water.regionalization.processes import Processes
from rootzone.water.regionalization.soil import (
    ProfileMeans,
    SoilClasses,
    horizon_means,
    materials,
    profile_means,
    root_fractions,
)
from rootzone.water.regionalization.soil_database import SoilDatabase, SoilLayers, SoilProfiles
from rootzone.water.regionalization.upscaling import (
    DenseShares,
    GatheredShares,
    area_shares,
    harmonic,
)

EVAP_COEFFICIENT = (1.3, 1.2, 0.72, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5)
"""Divisors of evapotranspiration over free water in the months, as mHM is shipped."""
_MISSING_L3 = -9999.0


class Regionalization(eqx.Module):
    """Cell parameters as a function of global coefficients; made by :func:`prepare`.

    Attributes
    ----------
    soils : SoilClasses
        Materials and soil classes of all scenes.
    soil_of : tuple of Shares
        Cells from soil classes, for each scene.
    covers : tuple of Cover
        Land cover of each scene.
    rocks : Rocks
        Geology of the cells.
    leaf_area : array (leaf, cell)
        Mean leaf area [m2 m-2].
    pet : PetFields
        Fields of potential evapotranspiration.
    thickness : array (horizon, cell)
        Mean thickness of the model horizons [mm].
    evap_coefficient : array (12, 1)
        Divisors of evapotranspiration over free water.
    processes, compat
        The choices.
    geology_units : int
        Number of geological units.
    per_horizon : bool
        One soil map for every model horizon.
    """

    soils: SoilClasses
    soil_of: tuple[DenseShares | GatheredShares, ...]
    covers: tuple[Cover, ...]
    rocks: Rocks
    leaf_area: jax.Array
    pet: PetFields
    thickness: jax.Array
    evap_coefficient: jax.Array
    processes: Processes = eqx.field(static=True)
    compat: Compat = eqx.field(static=True)
    geology_units: int = eqx.field(static=True)
    per_horizon: bool = eqx.field(static=True)

    @property
    def parameter_table(self) -> ParameterTable:
        """Return the global parameters of the chosen processes."""
        return ParameterTable.of_groups(self.processes.groups, self.geology_units)

    def __call__(self, coefficients: Coefficients) -> tuple[CellParameters, ...]:
        """Return the cell parameters of every land-cover scene.

        Parameters
        ----------
        coefficients : mapping of str to array
            Values by name, ``GeoParam`` (unit); from ``parameter_table.coefficients``.

        Raises
        ------
        StudyError
            If a coefficient is missing, or there is not one for each geological unit.
        """
        c = coefficients
        self._require(c)
        table, whole, neutrons = self._soil_table(c)
        scenes = []
        for scene, cover in enumerate(self.covers):
            of_cell = self.soil_of[scene]
            soil = self._soil_of_cells(c, harmonic(table, of_cell), neutrons)
            runoff = self._runoff(c, cover, whole, of_cell)
            scenes.append(
                fields_of.canopy(c, self.leaf_area)
                | fields_of.snow(c, cover)
                | fields_of.sealed(c, cover)
                | {"evap_coefficient": self.evap_coefficient}
                | soil
                | runoff
                | fields_of.groundwater(c, self.rocks, runoff["k_slow"])
                | self.pet.fields(c, scene)
            )
        if self.compat.last_scene_threshold:
            for scene in scenes:
                scene["interflow_threshold"] = scenes[-1]["interflow_threshold"]
        return tuple(CellParameters(**scene) for scene in scenes)

    def of_cells(self, index: Any) -> Self:
        """Return the regionalization of some cells: the same numbers, only fewer.

        Parameters
        ----------
        index : array of int
            The cells wanted; may be traced.
        """

        def by_cell(r: Self) -> Any:
            return r.soil_of, r.covers, r.rocks, r.leaf_area, r.thickness

        some = eqx.tree_at(by_cell, self, select_cells(by_cell(self), index))
        return eqx.tree_at(lambda r: r.pet, some, self.pet.of_cells(index))

    @property
    def cells(self) -> int:
        """Return the number of cells."""
        return self.thickness.shape[-1]

    def _require(self, c: Coefficients) -> None:
        """Raise where coefficients are missing."""
        names = [p.name for p in self.parameter_table.parameters if p.group != GEOLOGY_GROUP]
        missing = [name for name in (*names, GEOLOGY) if name not in c]
        if missing:
            raise StudyError(
                f"the coefficients lack {', '.join(missing)}: the chosen processes want "
                f"{', '.join(self.processes.groups)}"
            )
        given = jnp.shape(c[GEOLOGY])[-1:]
        if given != (self.geology_units,):
            raise StudyError(
                f"{GEOLOGY} has shape {jnp.shape(c[GEOLOGY])}, one value for each of "
                f"{self.geology_units} geological units is wanted"
            )

    def _soil_table(self, c: Coefficients) -> tuple[jax.Array, ProfileMeans, tuple[str, ...]]:
        """Return the fields (field, horizon, class) of the soil classes, and whole profiles."""
        soils, roots = self.soils, self.processes.roots
        cumulative = self.per_horizon and self.compat.cumulative_tillage_conductivity
        m = materials(c, soils, roots, cumulative=cumulative)
        extra: Fields = {"bulk_density": m.bulk_density}
        if self.processes.neutrons is not None:
            extra |= self.processes.neutrons.properties(c, m)
        means = horizon_means(soils, m.theta_s, m.field_capacity, m.wilting_point, *extra.values())
        thick = soils.thickness
        factors = jnp.stack([thick if name in AMOUNTS else jnp.ones_like(thick) for name in extra])
        water = means[:3] * thick
        fractions = root_fractions(c, soils, roots, water[1])
        table = jnp.concatenate([water, fractions[None], means[3:] * factors])
        return table, profile_means(c, soils, m), tuple(extra)

    def _soil_of_cells(self, c: Coefficients, table: jax.Array, extra: tuple[str, ...]) -> Fields:
        """Return the soil fields (horizon, cell) of a scene from their means, made consistent."""
        saturation, capacity, wilting, roots, *others = table
        # Dense silt (above 2 g cm-3) holds more at the wilting point than it drains to.
        wilting = jnp.where(wilting > capacity, 0.99 * capacity, wilting)
        named = dict(zip(extra, others, strict=True))
        out: Fields = {
            "horizon_thickness": self.thickness,
            "saturation": saturation,
            "field_capacity": capacity,
            "wilting_point": wilting,
            "infiltration_exponent": c["infiltrationShapeFactor"] * named["bulk_density"],
            "root_fraction": roots / roots.sum(axis=0),
        }
        if self.processes.jarvis:
            out["jarvis_threshold"] = c["jarvis_sm_threshold_c1"][None]
        if self.processes.neutrons is not None:
            out |= self.processes.neutrons.constants(c) | named
            if self.per_horizon and self.compat.no_cosmic_L3_per_horizon and "cosmic_L3" in out:
                out["cosmic_L3"] = jnp.full_like(out["cosmic_L3"], _MISSING_L3)
        return out

    def _runoff(
        self,
        c: Coefficients,
        cover: Cover,
        whole: ProfileMeans,
        of_cell: DenseShares | GatheredShares,
    ) -> Fields:
        """Return the fields of interflow and percolation (cell)."""
        air, conductivity = whole.air_capacity, whole.conductivity
        exponent = c["exponentSlowInterflow"] / conductivity / (1.0 + air)
        delay = (1.0 + air) / (1.0 + whole.harmonic_conductivity)
        terms = jnp.stack([air, conductivity, exponent, c["rechargeCoefficient"] * delay])
        air, conductivity, exponent, percolation = of_cell.total(terms)
        return fields_of.interflow(c, cover, air, conductivity) | {
            "slow_exponent": exponent,
            "k_percolation": jnp.maximum(percolation, 2.0),
        }


def prepare(
    maps: Maps,
    *,
    soil: SoilDatabase,
    geology: Geology,
    layers: SoilLayers,
    processes: Processes,
    leaf_area: LeafAreaTable | None = None,
    sealed_city_fraction: float = 0.6,
    evap_coefficient: Sequence[float] = EVAP_COEFFICIENT,
    compat: Compat = STANDARD,
) -> Regionalization:
    """Return the regionalization of a domain: maps and tables checked and condensed once.

    Parameters
    ----------
    maps : Maps
        Fine maps.
    soil : SoilDatabase
        Soil types with horizons of their own (one map), or classes (a map for each horizon).
    geology : Geology
        Geological units.
    layers : SoilLayers
        Depths of the model horizons and of tillage.
    processes : Processes
        The choices, e.g. ``Processes.of_mhm(soil_moisture=1, pet=0, neutrons=1)``.
    leaf_area : LeafAreaTable, optional
        Leaf area of the classes, where the maps have classes.
    sealed_city_fraction : float
        Sealed part of the impervious class.
    evap_coefficient : sequence of 12 float
        Divisors of evapotranspiration over free water.
    compat : Compat
        Which peculiarities of mHM are kept.

    Raises
    ------
    DataError
        If maps and tables do not fit together or hold impossible values.
    StudyError
        If the depths do not fit the soils, or a setting is impossible.
    """
    _require_settings(sealed_city_fraction, evap_coefficient)
    profiles = soil.profiles(maps, layers, compat)
    soils, soil_of = _soil_classes(maps, profiles, compat)
    leaves = maps.leaf_area(leaf_area)
    return Regionalization(
        soils=soils,
        soil_of=soil_of,
        covers=tuple(Cover.of_scene(maps, i, sealed_city_fraction) for i in range(maps.scenes)),
        rocks=Rocks.of_maps(maps, geology, compat),
        leaf_area=jnp.asarray(maps.cell_mean(leaves[0][:, leaves[1]]), dtype=float),
        pet=processes.pet.prepared(maps, leaves),
        thickness=jnp.asarray(
            maps.cell_mean(profiles.thickness[:, profiles.profile_of]), dtype=float
        ),
        evap_coefficient=jnp.asarray(evap_coefficient, dtype=float)[:, None],
        processes=processes,
        compat=compat,
        geology_units=len(geology.unit),
        per_horizon=profiles.per_horizon,
    )


def _soil_classes(
    maps: Maps, profiles: SoilProfiles, compat: Compat
) -> tuple[SoilClasses, tuple[DenseShares | GatheredShares, ...]]:
    """Return the pairs of profile and land cover that occur, and the cells made of them."""
    cover = np.asarray(maps.land_cover) - 1
    pair, index = np.unique(profiles.profile_of * COVERS + cover, return_inverse=True)
    cells = tuple(
        area_shares(scene, maps.cell_of, cells=maps.cells, kinds=pair.size)
        for scene in index.reshape(cover.shape)
    )
    return SoilClasses.of_profiles(profiles, pair, compat), cells


def _require_settings(sealed_city_fraction: float, evap_coefficient: Sequence[float]) -> None:
    if not 0.0 <= sealed_city_fraction <= 1.0:
        raise StudyError(
            f"the sealed part of towns must lie between 0 and 1, {sealed_city_fraction:g} given"
        )
    if len(evap_coefficient) != 12 or min(evap_coefficient) <= 0.0:
        raise StudyError("evap_coefficient wants 12 positive values, one for each month")
