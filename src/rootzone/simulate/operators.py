"""Neutron operators of simulated profiles: what a detector counts above many layered soils.

An operator is a value that turns one instant of the profiles (layer, member) into count rates
(member). Layers must be thin near the surface, where the neutrons come from; the profile should
reach to :data:`DEEPEST`, below which COSMIC was never integrated.
"""

from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.neutrons import (
    CosmicParameters,
    CountRateLaw,
    Desilets2010,
    biomass_factor_franz_2015,
    cosmic,
    poisson_counts,
)
from rootzone.neutrons.cell_counts import DesiletsSchroen2017, SnowAttenuation

DEEPEST = 300.0
"""Depth to which COSMIC integrates [cm] (Shuttleworth et al. 2013)."""

BIOMASS_SLOPE = 0.01
"""Relative loss of counts per mm of biomass water [mm-1] (Morris et al. 2024)."""


class NeutronSoil(NamedTuple):
    """What neutrons meet besides pore water; arrays (layer, member) or (member)."""

    bulk_density: ArrayLike
    """Dry bulk density [g cm-3]."""
    lattice_water: ArrayLike = 0.0
    """[g g-1]"""
    organic_water: ArrayLike = 0.0
    """Water equivalent of organic matter [g g-1]."""
    biomass_water: ArrayLike = 0.0
    """Water equivalent of biomass (member) [mm]."""

    def bound(self) -> jax.Array:
        """Return lattice and organic water as a volume [m3 m-3]."""
        water = jnp.asarray(self.lattice_water) + jnp.asarray(self.organic_water)
        return water * jnp.asarray(self.bulk_density)

    def standing(self) -> jax.Array:
        """Return the share of the counts that biomass lets through (member)."""
        return 1.0 / biomass_factor_franz_2015(self.biomass_water, relative_slope=BIOMASS_SLOPE)


class CountOperator(Protocol):
    """What a detector counts."""

    def __call__(
        self, theta: jax.Array, edges: jax.Array, above: jax.Array, soil: NeutronSoil
    ) -> jax.Array:
        """Return count rates (member) [h-1].

        Parameters
        ----------
        theta : array (layer, member)
            Pore water [m3 m-3].
        edges : array (layer + 1)
            Edges of the layers [cm].
        above : array (member)
            Water that lies upon the soil: snow, standing and intercepted water [mm].
        soil : NeutronSoil
            Density and bound water.
        """
        ...


class Cosmic(eqx.Module):
    """COSMIC, with L3 and alpha from bulk density unless a set is given.

    Attributes
    ----------
    N : array
        Scale of the count rate [h-1].
    coefficients : CosmicParameters, optional
        A fixed set, whose N is not used; left out, the regressions on bulk density of each layer
        (:meth:`CosmicParameters.of_bulk_density`).
    sees_above : bool
        Whether water upon the soil is a layer of the profile.
    """

    N: ArrayLike = 611.0
    coefficients: CosmicParameters | None = None
    sees_above: bool = eqx.field(static=True, default=True)

    def __call__(
        self, theta: jax.Array, edges: jax.Array, above: jax.Array, soil: NeutronSoil
    ) -> jax.Array:
        """Return count rates (member) [h-1]."""
        dtype = theta.dtype
        density = jnp.broadcast_to(jnp.asarray(soil.bulk_density, dtype), theta.shape)
        p = self.coefficients or CosmicParameters.of_bulk_density(density)
        L3 = jnp.broadcast_to(jnp.asarray(p.L3, dtype), theta.shape)
        alpha = jnp.broadcast_to(jnp.asarray(p.alpha, dtype), theta.shape)
        water = theta + jnp.broadcast_to(soil.bound().astype(dtype), theta.shape)
        edges = jnp.broadcast_to(jnp.asarray(edges, dtype)[:, None], (len(edges), theta.shape[1]))
        if self.sees_above:
            # A layer of water alone: no dry soil, so that L3 and alpha play no part.
            one = jnp.ones_like(above, dtype)[None]
            edges = jnp.concatenate([0.0 * one, edges + 0.1 * above])
            water = jnp.concatenate([one, water])
            density = jnp.concatenate([0.0 * one, density])
            L3, alpha = jnp.concatenate([one, L3]), jnp.concatenate([one, alpha])
        rate = cosmic(
            water.T,
            edges.T,
            bulk_density=density.T,
            parameters=CosmicParameters(1.0, p.L1, p.L2, L3.T, p.L4, alpha.T),
        )
        return jnp.asarray(self.N, dtype) * rate * soil.standing()


class _Layers(NamedTuple):
    """A profile with the field names that the operators of model cells ask for."""

    horizon_thickness: jax.Array
    N0: jax.Array
    bulk_density: jax.Array
    lattice_water: jax.Array
    cosmic_L3: None = None
    organic_water: None = None
    biomass_water: None = None


class _Water(NamedTuple):
    soil_moisture: jax.Array
    snow_pack: jax.Array
    interception: jax.Array


class DepthWeighted(eqx.Module):
    """A count rate law of the depth-weighted mean of all hydrogen (Schroen et al. 2017).

    Pores, lattice and organic matter, and bulk density, are weighted with the D86 that they make
    themselves (:class:`~rootzone.neutrons.cell_counts.DesiletsSchroen2017`).

    Attributes
    ----------
    N0 : array
        Scale of the law [h-1].
    law : CountRateLaw
        ``Desilets2010()``, ``Koehli2021()``, ...
    humidity : array
        Absolute humidity of the air [g m-3], held constant, for laws that know it.
    distance : array
        Rescaled distance from the detector at which D86 is taken [m].
    snow : SnowAttenuation, optional
        Counts above snow; left out, water upon the soil is not seen.
    """

    N0: ArrayLike = 1000.0
    law: CountRateLaw = Desilets2010()
    humidity: ArrayLike = 7.0
    distance: ArrayLike = 1.0
    snow: SnowAttenuation | None = None

    def __call__(
        self, theta: jax.Array, edges: jax.Array, above: jax.Array, soil: NeutronSoil
    ) -> jax.Array:
        """Return count rates (member) [h-1]."""
        thickness = jnp.broadcast_to(10.0 * jnp.diff(edges)[:, None], theta.shape)  # mm
        full = lambda x: jnp.broadcast_to(jnp.asarray(x, theta.dtype), theta.shape)  # noqa: E731
        cells = _Layers(
            thickness.astype(theta.dtype),
            jnp.ones_like(theta[0]),
            full(soil.bulk_density),
            full(soil.bound()) * thickness,
        )
        operator = DesiletsSchroen2017(
            law=self.law, humidity=self.humidity, distance=self.distance, snow=self.snow
        )
        water = _Water(theta * thickness, above, jnp.zeros_like(above))
        rate = operator.count_rate(operator.prepare(cells), water)
        return jnp.asarray(self.N0, theta.dtype) * rate * soil.standing()


def homogeneous_rates(
    operator: CountOperator, theta: ArrayLike, edges: ArrayLike, soil: NeutronSoil
) -> jax.Array:
    """Return the count rates (point) [h-1] above profiles whose water does not change with depth.

    Parameters
    ----------
    operator : CountOperator
        What counts.
    theta : array (point)
        Pore water [m3 m-3].
    edges : array (layer + 1)
        Layers [cm].
    soil : NeutronSoil
        Arrays (point) or (layer, point), or (layer, 1) for one soil.
    """
    theta, edges = jnp.asarray(theta), jnp.asarray(edges)
    profile = jnp.broadcast_to(theta, (edges.shape[0] - 1, *theta.shape))
    return operator(profile, edges, jnp.zeros_like(theta), soil)


def noisy(key: jax.Array, rates: jax.Array, members: jax.Array, *, hours: float) -> jax.Array:
    """Return counted rates [h-1] with Poisson noise, seeded by operator and member.

    Parameters
    ----------
    key : jax.Array
        Key of the ensemble; operator k of member m uses ``fold_in(fold_in(key, k), m)``.
    rates : array (time, operator, member)
        Expected rates [h-1], NaN where a column failed.
    members : array (member)
        Numbers of the members.
    hours : float
        Counted time of each value [h].

    Returns
    -------
    array (time, operator, member)
        [h-1], NaN where the rate is.
    """
    known = jnp.isfinite(rates)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(rates.shape[1]))

    def one(key: jax.Array, number: jax.Array, rate: jax.Array) -> jax.Array:
        return poisson_counts(jax.random.fold_in(key, number), rate, hours=hours)

    of_members = jax.vmap(one, (None, 0, 1), 1)
    drawn = jax.vmap(of_members, (0, None, 1), 1)(keys, members, jnp.where(known, rates, 0.0))
    return jnp.where(known, drawn, jnp.nan).astype(rates.dtype)
