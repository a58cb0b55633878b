"""Count rates above the cells of a distributed model.

An operator has two steps, so that what depends on parameters alone is done once and not in every
hour: ``prepare(soil)`` and ``count_rate(prepared, water)``. Soil and water are whatever has the
fields named in :class:`CellSoil` and :class:`CellWater`, arrays (horizon, cell) and (cell), water
in mm.

Here are operators that see all horizons, all hydrogen, and snow; the two that repeat mHM with its
peculiarities are in `rootzone.neutrons.cell_counts_mhm`.
"""

from enum import Enum
from typing import Any, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.neutrons.cosmic import Angles, CosmicParameters, cosmic
from rootzone.neutrons.count_rate import CountRateLaw, Desilets2010
from rootzone.neutrons.footprint import penetration_depth
from rootzone.neutrons.surface import biomass_factor_franz_2015


class CellSoil(Protocol):
    """What an operator asks of the parameters of the cells."""

    @property
    def horizon_thickness(self) -> Any:
        """Thickness (horizon, cell) [mm]."""
        ...

    @property
    def N0(self) -> Any:
        """Count rate over dry soil (cell) [h-1]."""
        ...

    @property
    def bulk_density(self) -> Any:
        """Bulk density (horizon, cell) [g cm-3]."""
        ...

    @property
    def lattice_water(self) -> Any:
        """Lattice water (horizon, cell) [mm]."""
        ...

    @property
    def cosmic_L3(self) -> Any:
        """Attenuation of fast neutrons by dry soil (horizon, cell) [g cm-2]; or None."""
        ...

    @property
    def organic_water(self) -> Any:
        """Water equivalent of organic matter (horizon, cell) [mm]; or None."""
        ...

    @property
    def biomass_water(self) -> Any:
        """Water equivalent of biomass (cell) [mm]; or None."""
        ...


class CellWater(Protocol):
    """What an operator asks of the state of the cells."""

    @property
    def soil_moisture(self) -> Any:
        """Water of the horizons: an array (horizon, cell), or one (cell) per horizon [mm]."""
        ...

    @property
    def snow_pack(self) -> Any:
        """Snow water equivalent (cell) [mm]."""
        ...

    @property
    def interception(self) -> Any:
        """Water on the canopy (cell) [mm]."""
        ...


def needed(soil: CellSoil, name: str) -> jax.Array:
    """Return a field of the soil, or say that the operator lacks it."""
    value = getattr(soil, name)
    if value is None:
        raise ValueError(f"the neutron operator wants '{name}' among the parameters, got None")
    return jnp.asarray(value)


class LatticeReading(Enum):
    """How the lattice water of the parameters [mm] is to be read."""

    WATER = "water"
    """Millimeters of water: nothing to do (mHM)."""
    MASS_RATIO = "mass ratio"
    """Thickness times a mass ratio [g g-1]: still to be multiplied with bulk density."""

    def water(self, lattice: jax.Array, bulk_density: jax.Array) -> jax.Array:
        """Return lattice water [mm]."""
        return lattice * bulk_density if self is LatticeReading.MASS_RATIO else lattice


class SnowAttenuation(eqx.Module):
    r"""Counts that fall exponentially with snow towards those above deep snow.

    .. math:: N = N_\infty + (N_{soil} - N_\infty)\,e^{-SWE/\Lambda}, \qquad
              N_\infty = r_\infty N_0

    Attributes
    ----------
    length : array
        Attenuation length of snow water [mm], to be fitted at a site.
    deep_rate : array
        Count rate above deep snow over N0 [1], to be fitted or taken above a lake.

    Notes
    -----
    The form is that of Desilets et al. (2010), doi:10.1029/2009WR008726; the coefficients depend
    on detector and site, so none are given here.
    """

    length: ArrayLike
    deep_rate: ArrayLike

    def count_rate(self, rate: jax.Array, snow: jax.Array, N0: jax.Array) -> jax.Array:
        """Return the count rate above snow [mm] from the one above bare soil."""
        deep = jnp.asarray(self.deep_rate) * N0
        return deep + (rate - deep) * jnp.exp(-snow / self.length)


class _Column(NamedTuple):
    """Prepared column: arrays (layer, cell); edges (layer + 1, cell) [cm]."""

    N0: jax.Array
    edges: jax.Array
    thickness: jax.Array
    bulk_density: jax.Array
    bound: jax.Array
    L3: jax.Array | None
    standing: jax.Array


def _column(soil: CellSoil, lattice: LatticeReading, biomass_slope: float) -> _Column:
    thickness = jnp.asarray(soil.horizon_thickness)
    density = needed(soil, "bulk_density")
    bound = lattice.water(needed(soil, "lattice_water"), density)
    if soil.organic_water is not None:
        bound = bound + soil.organic_water
    standing = 0.0 if soil.biomass_water is None else soil.biomass_water
    edges = jnp.concatenate([jnp.zeros_like(thickness[:1]), jnp.cumsum(thickness, axis=0)])
    return _Column(
        needed(soil, "N0"),
        edges / 10.0,
        thickness,
        density,
        bound,
        soil.cosmic_L3,
        1.0 / biomass_factor_franz_2015(standing, relative_slope=biomass_slope),
    )


class DesiletsSchroen2017(eqx.Module):
    """The Desilets law with depth weights iterated over all water of all horizons.

    Pores, lattice and organic matter together make D86 and are weighted with it, bulk density
    likewise, until the mean agrees with its own weights (Schroen et al. 2017, section 4.3).

    Attributes
    ----------
    law : CountRateLaw
        From total gravimetric water to N / N0.
    humidity : array
        Absolute humidity [g m-3], for laws that hold it.
    distance : array
        Rescaled distance at which D86 is taken [m].
    lattice : LatticeReading
        How to read the lattice water of the parameters.
    snow : SnowAttenuation, optional
        Counts above snow; without it snow is ignored.
    biomass_slope : float
        Relative decrease of N0 per mm of biomass water [mm-1]: 1 % in Morris et al. (2024).
    iterations : int
        Secant steps; two leave less than 1e-6 of the count rate for any soil.
    """

    law: CountRateLaw = Desilets2010()
    humidity: ArrayLike = 0.0
    distance: ArrayLike = 1.0
    lattice: LatticeReading = eqx.field(static=True, default=LatticeReading.WATER)
    snow: SnowAttenuation | None = None
    biomass_slope: float = 0.01
    iterations: int = eqx.field(static=True, default=2)

    def prepare(self, soil: CellSoil) -> _Column:
        """Return what depends on the parameters alone."""
        return _column(soil, self.lattice, self.biomass_slope)

    def count_rate(self, prepared: _Column, water: CellWater) -> jax.Array:
        """Return the count rate (cell) [h-1]."""
        c = prepared
        theta = (jnp.stack(list(water.soil_moisture)) + c.bound) / c.thickness
        d86 = self._own_depth(c, theta)
        mean, density = _weighted(c, theta, d86)
        rate = c.N0 * self.law.relative_rate(mean / density, self.humidity) * c.standing
        return rate if self.snow is None else self.snow.count_rate(rate, water.snow_pack, c.N0)

    def _own_depth(self, column: _Column, theta: jax.Array) -> jax.Array:
        """Return the D86 [cm] of the means that it weights itself: secant steps to a fixed point.

        The steps carry no gradient; a last step along the slope at the fixed point does.
        """

        def new_depth(d86: jax.Array, theta: jax.Array, column: _Column) -> jax.Array:
            mean, density = _weighted(column, theta, d86)
            return penetration_depth(mean, bulk_density=density, distance=self.distance)

        fixed = jax.lax.stop_gradient((theta, column))
        before = new_depth(jnp.full_like(theta[0], _DEEP), *fixed)
        depth = new_depth(before, *fixed)
        miss_before = depth - before
        for _ in range(self.iterations):
            miss = new_depth(depth, *fixed) - depth
            slope = (miss - miss_before) / jnp.where(depth == before, 1.0, depth - before)
            step = jnp.where((depth == before) | (slope > _SLOPE), miss, -miss / slope)
            before, miss_before, depth = depth, miss, jnp.maximum(depth + step, _SHALLOW)
        slope = jax.jvp(lambda d: new_depth(d, *fixed), (depth,), (jnp.ones_like(depth),))[1]
        return depth + (new_depth(depth, theta, column) - depth) / (1.0 - slope)


_DEEP, _SHALLOW = 50.0, 1.0  # cm: where the search begins, and how far up it may go
_SLOPE = -0.05  # of the miss against the depth: flatter than this a secant step would leap


def _weighted(column: _Column, theta: jax.Array, d86: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return total water [m3 m-3] and bulk density as weighted with a D86 [cm]."""
    at_edge = jnp.exp(-2.0 * column.edges / d86)
    weight = (at_edge[:-1] - at_edge[1:]) / (1.0 - at_edge[-1])
    return jnp.sum(weight * theta, axis=0), jnp.sum(weight * column.bulk_density, axis=0)


class CosmicProfile(eqx.Module):
    """COSMIC exact in depth over all horizons, below a layer of snow and intercepted water.

    The integral within a horizon is done in closed form for every angle, which is what infinitely
    many sub-layers would give.

    Attributes
    ----------
    coefficients : CosmicParameters
        L1, L2, L4 and alpha; N comes from the cells, L3 too where they have it.
    lattice : LatticeReading
        How to read the lattice water of the parameters.
    with_snow : bool
        Whether snow and intercepted water lie upon the soil.
    biomass_slope : float
        Relative decrease of N0 per mm of biomass water [mm-1]: 1 % in Morris et al. (2024).
    angles : {"gauss16", "gauss32", "bickley"}
        See :func:`cosmic`.
    """

    coefficients: CosmicParameters = CosmicParameters.santa_rita()
    lattice: LatticeReading = eqx.field(static=True, default=LatticeReading.WATER)
    with_snow: bool = eqx.field(static=True, default=True)
    biomass_slope: float = 0.01
    angles: Angles = eqx.field(static=True, default="gauss16")

    def prepare(self, soil: CellSoil) -> _Column:
        """Return what depends on the parameters alone."""
        return _column(soil, self.lattice, self.biomass_slope)

    def count_rate(self, prepared: _Column, water: CellWater) -> jax.Array:
        """Return the count rate (cell) [h-1]."""
        c, k = prepared, self.coefficients
        theta = (jnp.stack(list(water.soil_moisture)) + c.bound) / c.thickness
        edges, density = c.edges, jnp.broadcast_to(c.bulk_density, theta.shape)
        L3 = jnp.broadcast_to(jnp.asarray(k.L3 if c.L3 is None else c.L3), theta.shape)
        if self.with_snow:
            above = (water.snow_pack + water.interception) / 10.0
            edges = jnp.concatenate([jnp.zeros_like(above)[None], edges + above])
            theta = jnp.concatenate([jnp.ones_like(above)[None], theta])
            density = jnp.concatenate([jnp.zeros_like(above)[None], density])
            L3 = jnp.concatenate([jnp.ones_like(above)[None], L3])
        last = lambda x: jnp.moveaxis(x, 0, -1)  # noqa: E731
        edges = jnp.broadcast_to(edges, (edges.shape[0], theta.shape[-1]))
        rate = cosmic(
            last(theta),
            last(edges),
            bulk_density=last(density),
            parameters=CosmicParameters(1.0, k.L1, k.L2, last(L3), k.L4, k.alpha),
            angles=self.angles,
        )
        return c.N0 * rate * c.standing
