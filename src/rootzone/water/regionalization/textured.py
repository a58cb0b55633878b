"""Texture of single sites among the global parameters.

:class:`Textured` wraps the regionalization of a domain in which every cell has a soil of its own.
Its parameter table has further rows for each site that is searched; inside the compiled graph
their values replace clay, sand and what the retention curve takes from them, so that they can be
sampled, batched and differentiated like any other parameter::

    model = Textured.of(regionalization, ["C4", "R1"])
    table = model.parameter_table             # ..., sand_C4, clay_share_C4, sand_R1, clay_share_R1
    scenes = model(table.coefficients(table.default))

Clay comes as its share of what is not sand, so that every set of values within the bounds is a
soil: sand + clay never exceeds 100 %.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.errors import StudyError, nearest
from rootzone.water.cell.compat import Compat
from rootzone.water.cell.types import CellParameters
from rootzone.water.regionalization.declarations import GlobalParameter
from rootzone.water.regionalization.parameters import Coefficients, ParameterTable
from rootzone.water.regionalization.regionalize import Regionalization
from rootzone.water.regionalization.soil_database import SMALLEST_SHARE

GROUP = "sites"
"""Group of the parameters of sites."""
SANDY = 66.5
"""Sand [%] from which Zacharias and Wessolek (2007) take other equations."""
_SAND = (5.0, 85.0)  # %
_CLAY_SHARE = (0.07, 0.7)  # with the bounds of sand: clay of 1.05 to 66.5 %
_DENSITY = (0.5, 2.3)  # g cm-3, where the powers and signs of the retention hold
_DENSITY_WIDTH = 0.3
_SOURCE = "Zacharias and Wessolek (2007), doi:10.2136/sssaj2006.0098"


def retention_shape(clay: jax.Array, sand: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    r"""Return n, log alpha [hPa-1] at density 0, and its slope with density [(g cm-3)-1].

    .. math::

        n = 1.392 - 0.418\,s^{-0.024} + 1.212\,c^{-0.704},\quad
        \ln\alpha = -0.648 + 0.023\,s + 0.044\,c - 3.168\,\rho

    and from 66.5 % sand on

    .. math::

        n = -2.562 + 7 \cdot 10^{-9} s^{4.004} + 3.750\,c^{-0.016},\quad
        \ln\alpha = -4.197 + 0.013\,s + 0.076\,c - 0.276\,\rho

    Parameters
    ----------
    clay, sand : array (...)
        Texture [%], at least 1 each.

    Notes
    -----
    Source: Zacharias and Wessolek (2007), doi:10.2136/sssaj2006.0098.

    Examples
    --------
    >>> [round(float(x), 3) for x in retention_shape(20.0, 40.0)]
    [1.157, 1.152, -3.168]
    """
    clay, sand = jnp.asarray(clay), jnp.asarray(sand)
    sandy = sand >= SANDY
    fine_n = 1.392 - 0.418 * sand**-0.024 + 1.212 * clay**-0.704
    sandy_n = -2.562 + 7.0e-9 * sand**4.004 + 3.750 * clay**-0.016
    fine, coarse = -0.648 + 0.023 * sand + 0.044 * clay, -4.197 + 0.013 * sand + 0.076 * clay
    slope = jnp.where(sandy, -0.276, -3.168)
    return jnp.where(sandy, sandy_n, fine_n), jnp.where(sandy, coarse, fine), slope


@dataclass(frozen=True)
class Searched:
    """A soil that is searched: label of its parameters, own sand and clay [%], density [g cm-3]."""

    label: str
    sand: float
    clay: float
    bulk_density: float

    def parameters(self, densities: bool) -> tuple[GlobalParameter, ...]:
        """Return its parameters; its own values lie within their bounds."""
        end = f"_{self.label}" if self.label else ""
        what = f", {self.label}" if self.label else ", all sites"
        share = self.clay / (100.0 - self.sand)

        def one(name: str, unit: str, bounds: Sequence[float], own: float, text: str):
            low, high = min(bounds[0], own), max(bounds[1], own)
            return GlobalParameter(
                f"{name}{end}", GROUP, unit, low, high, own, True, f"{text}{what}", _SOURCE
            )

        rows = (
            one("sand", "%", _SAND, self.sand, "sand"),
            one("clay_share", "1", _CLAY_SHARE, share, "share of clay in what is not sand"),
        )
        if not densities:
            return rows
        around = np.clip(
            (self.bulk_density - _DENSITY_WIDTH, self.bulk_density + _DENSITY_WIDTH), *_DENSITY
        ).tolist()
        text = "bulk density of the mineral soil"
        return (*rows, one("bulk_density", "g cm-3", around, self.bulk_density, text))


class Textured(eqx.Module):
    """A regionalization with texture of sites among its parameters; made by :meth:`of`.

    Attributes
    ----------
    plain : Regionalization
        Of the domain of the sites.
    number : array (material) of int
        Which searched soil a material belongs to; their number where to none.
    bound_water : array (cell) or None
        Lattice and organic water [g g-1] that replace the law of clay, NaN where they do not.
    searched : tuple of Searched
        The soils.
    densities : bool
        Whether their bulk density is a parameter too.
    """

    plain: Regionalization
    number: jax.Array
    bound_water: jax.Array | None
    searched: tuple[Searched, ...] = eqx.field(static=True)
    densities: bool = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        plain: Regionalization,
        names: Sequence[str],
        *,
        searched: Sequence[str] | None = None,
        together: bool = False,
        densities: bool = False,
        bound_water: np.ndarray | None = None,
    ) -> Self:
        """Return the regionalization of sites with texture among its parameters.

        Parameters
        ----------
        plain : Regionalization
            Of a domain in which every cell has a soil of its own.
        names : sequence of str
            Names of the cells.
        searched : sequence of str, optional
            Those whose texture is searched; left out: all.
        together : bool
            One texture for all searched ones: ``sand``, ``clay_share``; its default is their mean.
        densities : bool
            Search the bulk density of the mineral soil too.
        bound_water : array (cell), optional
            Measured lattice and organic water [g g-1]; NaN: by the law of clay.

        Raises
        ------
        StudyError
            If names do not fit the cells, cells share a soil, or a searched soil has layers of
            different texture.
        """
        names = list(names)
        if len(names) != plain.cells:
            raise StudyError(f"{len(names)} names of sites for {plain.cells} cells")
        searched = names if searched is None else list(searched)
        for name in searched:
            if name not in names:
                raise StudyError(f"there is no site '{name}'{nearest(name, names)}")
        owner = _owners(plain, names)
        number = np.full(owner.size, len(searched))
        soils = []
        for k, name in enumerate(searched):
            mine = owner == names.index(name)
            soils.append(_searched(plain, name, mine, densities))
            number[mine] = k
        if together and soils:
            mean = np.mean([(s.sand, s.clay, s.bulk_density) for s in soils], axis=0)
            number = np.where(number < len(soils), 0, 1)
            soils = [Searched("", *(float(x) for x in mean))]
        labels = [s.label for s in soils]
        if len(set(labels)) < len(labels):
            raise StudyError(
                f"names of sites give the same parameter names ({', '.join(labels)}): letters and "
                "digits must tell them apart"
            )
        return cls(plain, jnp.asarray(number), _bound(plain, bound_water), tuple(soils), densities)

    @property
    def parameter_table(self) -> ParameterTable:
        """Return the global parameters and behind them those of the sites."""
        more = [p for soil in self.searched for p in soil.parameters(self.densities)]
        return ParameterTable((*self.plain.parameter_table.parameters, *more))

    @property
    def cells(self) -> int:
        """Return the number of cells."""
        return self.plain.cells

    @property
    def thickness(self) -> jax.Array:
        """Return the thickness (horizon, cell) of the horizons [mm]."""
        return self.plain.thickness

    @property
    def compat(self) -> Compat:
        """Return which peculiarities of mHM are kept."""
        return self.plain.compat

    def of_cells(self, index: Any) -> Self:
        """Return the regionalization of some cells; the parameters stay all those of all sites."""
        some = eqx.tree_at(lambda r: r.plain, self, self.plain.of_cells(index))
        if self.bound_water is None:
            return some
        return eqx.tree_at(lambda r: r.bound_water, some, self.bound_water[index])

    def __call__(self, coefficients: Coefficients) -> tuple[CellParameters, ...]:
        """Return the cell parameters of every land-cover scene.

        Parameters
        ----------
        coefficients : mapping of str to array
            Values by name; from ``parameter_table.coefficients``.

        Raises
        ------
        StudyError
            If a coefficient is missing.
        """
        missing = [
            p.name
            for p in self.parameter_table.parameters[-self._rows :]
            if self._rows
            if p.name not in coefficients
        ]
        if missing:
            raise StudyError(f"the coefficients lack {', '.join(missing)}")
        model = eqx.tree_at(lambda r: r.soils, self.plain, self._soils(coefficients))
        return tuple(self._with_bound_water(scene) for scene in model(coefficients))

    @property
    def _rows(self) -> int:
        """Return the number of parameters of sites."""
        return len(self.searched) * (3 if self.densities else 2)

    def _soils(self, c: Coefficients) -> Any:
        """Return the soil classes with the texture of the coefficients."""
        soils = self.plain.soils
        if not self.searched:
            return soils

        def of_material(name: str, own: jax.Array) -> jax.Array:
            ends = [f"_{s.label}" if s.label else "" for s in self.searched]
            values = jnp.stack([jnp.asarray(c[f"{name}{end}"]) for end in ends])
            values = jnp.append(values, jnp.zeros((), values.dtype))[self.number]
            return jnp.where(self.number < len(self.searched), values, own)

        # Beyond the bounds there is still at least 1 % of each, as in every soil of the model.
        sand = jnp.clip(of_material("sand", soils.sand), SMALLEST_SHARE, 100.0 - SMALLEST_SHARE)
        share = of_material("clay_share", soils.clay / (100.0 - soils.sand))
        clay = jnp.maximum(share * (100.0 - sand), SMALLEST_SHARE)
        density = soils.mineral_density
        if self.densities:
            density = of_material("bulk_density", density)
        shape = retention_shape(clay, sand)
        new = (clay, sand, density, sand >= SANDY, *shape)
        mine = self.number < len(self.searched)
        old = _of_texture(soils)
        kept = [jnp.where(mine, a, b) for a, b in zip(new, old, strict=True)]
        return eqx.tree_at(_of_texture, soils, kept)

    def _with_bound_water(self, scene: CellParameters) -> CellParameters:
        """Return the parameters with the measured bound water [mm] in the place of the law."""
        if self.bound_water is None or scene.lattice_water is None:
            return scene
        assert scene.bulk_density is not None
        measured = self.bound_water * scene.bulk_density * scene.horizon_thickness
        water = jnp.where(jnp.isnan(measured), scene.lattice_water, measured)
        return eqx.tree_at(lambda p: p.lattice_water, scene, water)


def _of_texture(soils: Any) -> Any:
    """Return the fields of soil classes that texture and density make."""
    return (
        soils.clay,
        soils.sand,
        soils.mineral_density,
        soils.sandy,
        soils.van_genuchten_n,
        soils.log_alpha,
        soils.log_alpha_density,
    )


def _owners(plain: Regionalization, names: Sequence[str]) -> np.ndarray:
    """Return the cell of every material.

    Raises
    ------
    StudyError
        If a material belongs to several cells, or to none.
    """
    materials, classes = plain.soils.clay.shape[0], plain.soils.class_cover.shape[0]
    of_class = np.asarray(plain.soils.in_profiles.total(jnp.eye(materials))) > 0.0
    of_cell = np.zeros((materials, plain.cells), bool)
    for shares in plain.soil_of:
        of_cell |= of_class @ (np.asarray(shares.total(jnp.eye(classes))) > 0.0)
    if np.any(of_cell.sum(axis=1) != 1):
        shared = np.flatnonzero(of_cell[np.argmax(of_cell.sum(axis=1))])
        raise StudyError(
            "texture is searched where every cell has a soil of its own; "
            f"{' and '.join([str(names[int(i)]) for i in shared[:2]])} share one"
        )
    return of_cell.argmax(axis=1)


def _searched(plain: Regionalization, name: str, mine: np.ndarray, densities: bool) -> Searched:
    soils = plain.soils
    found = []
    for what, values in (
        ("texture", soils.sand),
        ("texture", soils.clay),
        ("bulk density", soils.mineral_density),
    ):
        own = np.unique(np.asarray(values)[mine])
        if own.size > 1 and (what == "texture" or densities):
            raise StudyError(
                f"the soil of site '{name}' has layers of different {what}: it is known, and not "
                "searched"
            )
        found.append(float(own.mean()))
    return Searched(re.sub(r"\W+", "_", name), *found)


def _bound(plain: Regionalization, bound_water: np.ndarray | None) -> jax.Array | None:
    if bound_water is None:
        return None
    given = np.asarray(bound_water, dtype=float)
    if given.shape != (plain.cells,) or np.any(given < 0.0):
        raise StudyError(
            f"bound water wants {plain.cells} values in g g-1 at least 0, one for each cell"
        )
    neutrons = plain.processes.neutrons
    if getattr(neutrons, "organic_water", None) is not None:
        raise StudyError("measured bound water holds organic water; the model adds its own too")
    return jnp.asarray(given)
