"""The two neutron operators of mHM 5.13.4, to the last digits, peculiarities included.

Both leave out the lowest horizon. ``DesiletsMhm513`` takes bulk density and water of D86 as plain
means over horizons, without lattice water, and does not see snow. ``CosmicMhm513`` takes every
horizon as one lump, counts snow as if it were soil, and reads its angle integral from a table.
Operators without these are in `rootzone.neutrons.cell_counts`; a set-up chooses by value.

What it amounts to, over two years of a hilly catchment with horizons to 5, 25 and 60 cm:
``DesiletsMhm513`` counts 3.9 % less to 0.6 % more than ``DesiletsSchroen2017`` (0.002 % less in
the mean), ``CosmicMhm513`` 10 to 23 % less than ``CosmicProfile`` without snow.
"""

from functools import lru_cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.neutrons.cell_counts import CellSoil, CellWater, needed
from rootzone.neutrons.cosmic import CosmicParameters
from rootzone.neutrons.count_rate import CountRateLaw, Desilets2010
from rootzone.neutrons.footprint import penetration_depth


class _Weighted(NamedTuple):
    """Prepared Desilets operator of mHM; one array (cell) per layer."""

    N0: jax.Array
    bulk_density: jax.Array
    sample_depth: tuple[jax.Array, ...]
    per_thickness: tuple[jax.Array, ...]
    per_mass: tuple[jax.Array, ...]
    lattice: tuple[jax.Array, ...]


class DesiletsMhm513(eqx.Module):
    r"""The Desilets operator of mHM 5.13, depth-weighted.

    .. math::

        N = N_0\left(0.372 + \frac{0.0808}{\theta_g + 0.115}\right), \qquad
        \theta_g = \frac{\sum_k W_k\,(SM_k + LW_k)/(dz_k\,\rho_k)}{\sum_k W_k}

    The weights are sums of exp(-2 d/D86) over depths d = 0, 10, 20, ... mm within a layer, D86 at
    one meter from the detector. A sum of equidistant samples is a geometric series, so that the
    weights are differences of exponentials at the first sample of each layer.

    Notes
    -----
    All horizons but the lowest. D86 from plain means over the layers of pore water and of bulk
    density, without lattice water. No snow, no biomass. Sources: Desilets et al. (2010),
    doi:10.1029/2009WR008726; Schroen et al. (2017), doi:10.5194/hess-21-5009-2017.
    """

    law: CountRateLaw = Desilets2010()

    def prepare(self, soil: CellSoil) -> _Weighted:
        """Return what depends on the parameters alone."""
        thickness = jnp.asarray(soil.horizon_thickness)[:-1]
        density = needed(soil, "bulk_density")[:-1]
        lattice = needed(soil, "lattice_water")[:-1]
        depth = jnp.concatenate([jnp.zeros_like(thickness[:1]), jnp.cumsum(thickness, axis=0)])
        last = 10.0 * jnp.floor(depth[-1] / 10.0 + 0.5)
        first_sample = jnp.minimum(10.0 * jnp.ceil(depth / 10.0), last)
        return _Weighted(
            needed(soil, "N0"),
            jnp.mean(density, axis=0),
            tuple(first_sample[1:]),
            tuple(1.0 / thickness),
            tuple(1.0 / (thickness * density)),
            tuple(lattice),
        )

    def count_rate(self, prepared: _Weighted, water: CellWater) -> jax.Array:
        """Return the count rate (cell) [h-1]."""
        p, layers = prepared, range(len(prepared.lattice))
        mean = sum(water.soil_moisture[k] * p.per_thickness[k] for k in layers) / len(layers)
        d86 = 10.0 * penetration_depth(mean, bulk_density=p.bulk_density)
        above = [1.0, *(jnp.exp(-2.0 * depth / d86) for depth in p.sample_depth)]
        weight = [above[k] - above[k + 1] for k in layers]
        total = [(water.soil_moisture[k] + p.lattice[k]) * p.per_mass[k] for k in layers]
        weighted = sum(w * g for w, g in zip(weight, total, strict=True))
        theta_g = weighted / (1.0 - above[-1])
        return jnp.asarray(p.N0) * self.law.relative_rate(theta_g)


@lru_cache(maxsize=1)
def mhm_angle_table() -> np.ndarray:
    r"""Return mHM's table of the angle integral A(c) at c = 0, 0.002, ... 20 (10,001 values).

    .. math:: A(c) = \int_0^{\pi/2} e^{-c/\cos u}\,du

    Trapezoids on intervals that are halved while a half changes by more than its tolerance
    (0.001, halved with every level, ten levels at most), with the integrand at pi/2 set to zero.
    The rule is coarse and the table not exact: 2.4e-4 below the integral at c = 0, 8 % above it
    at c = 10.
    """
    c = np.arange(10001) * 20.0 / 10000
    total = np.zeros_like(c)
    cell = np.arange(c.size)
    left, right = np.zeros_like(c), np.full_like(c, np.pi / 2)
    f_left, f_right = np.exp(-c), np.zeros_like(c)
    tolerance, pieces = 1e-3, 1024
    while cell.size:
        middle = 0.5 * (left + right)
        f_middle = np.exp(-c[cell] / np.cos(middle))
        halves = (
            (middle, right, f_middle, f_right),
            (left, middle, f_left, f_middle),
        )
        refined = []
        for a, b, f_a, f_b in halves:
            fine = (np.abs((f_b - f_a) * (b - a)) > tolerance) & (pieces > 1)
            area = np.where(fine, 0.0, 0.5 * (b - a) * (f_a + f_b))
            total += np.bincount(cell, area, c.size)
            refined.append([x[fine] for x in (cell, a, b, f_a, f_b)])
        cell, left, right, f_left, f_right = (
            np.concatenate(parts) for parts in zip(*refined, strict=True)
        )
        tolerance, pieces = tolerance / 2.0, pieces // 2
    return total


def mhm_angle_integral(c: ArrayLike) -> jax.Array:
    """Return A(c) as mHM reads it: linear in its table, a fitted power beyond c = 20."""
    c = jnp.asarray(c)
    table = jnp.asarray(mhm_angle_table(), c.dtype)
    position = c * 500.0
    beyond = position >= table.size - 1
    position = jnp.where(beyond, 0.0, position)
    place = position.astype(jnp.int32)
    share = position - place
    inside = (1.0 - share) * table[place] + share * table[place + 1]
    far = 0.5 * jnp.pi * jnp.exp(-1.57406 * jnp.where(beyond, c, 20.0) ** 0.815488)
    return jnp.where(beyond, far, inside)


class _Lumps(NamedTuple):
    """Prepared COSMIC operator of mHM; one array (cell) per layer, lengths in cm."""

    N0: jax.Array
    thickness: tuple[jax.Array, ...]
    bulk_density: tuple[jax.Array, ...]
    lattice: tuple[jax.Array, ...]
    L3: tuple[jax.Array, ...]


class CosmicMhm513(eqx.Module):
    """COSMIC as mHM 5.13 has it: one lump per horizon, angle integral from a table.

    Attributes
    ----------
    coefficients : CosmicParameters
        L1, L2, L4 and alpha; N and L3 come from the cells.

    Notes
    -----
    All horizons but the lowest. The lower half of a layer carries the density of the layer below
    it, and snow and interception lie upon the first layer as if they were soil: their depth in
    water times its bulk density. Where L3 is not positive (light soil with a large offset) the
    count is NaN; mHM reads beyond its table there. Source: Shuttleworth et al. (2013),
    doi:10.5194/hess-17-3205-2013.
    """

    coefficients: CosmicParameters = CosmicParameters.santa_rita()

    def prepare(self, soil: CellSoil) -> _Lumps:
        """Return what depends on the parameters alone."""
        thickness = jnp.asarray(soil.horizon_thickness)[:-1] / 10.0
        L3 = needed(soil, "cosmic_L3")[:-1]
        return _Lumps(
            needed(soil, "N0"),
            tuple(thickness),
            tuple(needed(soil, "bulk_density")[:-1]),
            tuple(needed(soil, "lattice_water")[:-1]),
            tuple(jnp.where(L3 > 0.0, L3, jnp.nan)),
        )

    def count_rate(self, prepared: _Lumps, water: CellWater) -> jax.Array:
        """Return the count rate (cell) [h-1]."""
        p, k = prepared, self.coefficients
        upper = (water.snow_pack + water.interception) / 10.0
        upper_water = jnp.zeros_like(upper)
        soil_mass, water_mass = jnp.zeros_like(upper), jnp.zeros_like(upper)
        total = jnp.zeros_like(upper)
        layers = zip(p.thickness, p.bulk_density, p.lattice, p.L3, strict=True)
        for layer, (thickness, density, lattice, L3) in enumerate(layers):
            wet = (water.soil_moisture[layer] + lattice) / 10.0 / thickness
            soil_mass = soil_mass + density * 0.5 * (thickness + upper)
            water_mass = water_mass + 0.5 * (wet * thickness + upper_water * upper)
            down = jnp.exp(-(soil_mass / k.L1 + water_mass / k.L2))
            source = thickness * (k.alpha * density + wet)
            up = (2.0 / jnp.pi) * mhm_angle_integral(soil_mass / L3 + water_mass / k.L4)
            total = total + down * source * up
            upper, upper_water = thickness, wet
        return p.N0 * total
