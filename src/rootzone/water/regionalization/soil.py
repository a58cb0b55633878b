"""Soil: from texture and organic matter to water contents, conductivity, horizons and roots.

Three tables follow one another, each far smaller than the map. *Materials* are texture rows under
a land cover (the cover matters above the tillage depth only). *Soil classes* are profiles under a
land cover, made of materials. Coarse cells are made of soil classes
(`rootzone.water.regionalization.upscaling`).
"""

import math
from typing import NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.water.cell.compat import Compat
from rootzone.water.regionalization.maps import COVERS
from rootzone.water.regionalization.parameters import Coefficients
from rootzone.water.regionalization.roots import Roots
from rootzone.water.regionalization.soil_database import SoilProfiles
from rootzone.water.regionalization.upscaling import DenseShares, GatheredShares, shares

ORGANIC_DENSITY = 0.224
"""Bulk density of organic matter [g cm-3], Rawls (1983), doi:10.1097/00010694-198302000-00007."""
_SANDY = 66.5  # % sand, where Zacharias and Wessolek (2007) change their equation
_LOWEST_K_S = 1.1  # cm d-1
_WILTING_SUCTION = 15000.0  # hPa
_BARE = COVERS  # cover of materials below the tillage depth


# --- what is fixed by the maps --------------------------------------------------------------


class SoilClasses(eqx.Module):
    """Materials and soil classes that occur in any scene, and how they are composed.

    Attributes
    ----------
    clay, sand : array (material)
        Texture [%].
    mineral_density : array (material)
        Bulk density without organic matter [g cm-3].
    cover : array (material) of int
        Land cover of tilled materials (0 forest, 1 impervious, 2 pervious), 3 below.
    sandy : array (material) of bool
        Sand of at least 66.5 %.
    van_genuchten_n, log_alpha, log_alpha_density : array (material)
        Shape of the retention curve, and log of the inverse suction [hPa-1]: the part that texture
        fixes and the part per bulk density.
    in_horizons : Shares
        Horizons of soil classes (horizon * class, in this order) from materials.
    in_profiles : Shares
        Plain sums over the parts of a profile.
    edges : array (horizon + 1, class)
        Depths of the edges of the model horizons [mm], from 0.
    root_edges : array (horizon + 1, class)
        The depths as roots take them [mm].
    class_cover : array (class) of int
        Land cover of the soil class.
    """

    clay: jax.Array
    sand: jax.Array
    mineral_density: jax.Array
    cover: jax.Array
    sandy: jax.Array
    van_genuchten_n: jax.Array
    log_alpha: jax.Array
    log_alpha_density: jax.Array
    in_horizons: DenseShares | GatheredShares
    in_profiles: DenseShares | GatheredShares
    edges: jax.Array
    root_edges: jax.Array
    class_cover: jax.Array

    @classmethod
    def of_profiles(cls, profiles: SoilProfiles, pair: np.ndarray, compat: Compat) -> Self:
        """Return the classes of these pairs.

        With ``compat.roots_end_with_last_soil`` the last horizon ends for the roots of all soils
        where it ends in the last fine cell.

        Parameters
        ----------
        profiles : SoilProfiles
            From a soil database.
        pair : array (class) of int
            ``profile * 3 + cover`` of the soil classes.
        """
        owner, cover = pair // COVERS, pair % COVERS
        soil_class, part = _parts_of(profiles.profile, owner)
        row = profiles.row[part]
        under = np.where(profiles.tilled[row], cover[soil_class], _BARE)
        kind, material = np.unique(row * (COVERS + 1) + under, return_inverse=True)
        rows = kind // (COVERS + 1)
        clay, sand = profiles.clay[rows], profiles.sand[rows]
        n, log_alpha, slope = _retention_shape(clay, sand)
        horizons = profiles.weight.shape[1]
        column = np.arange(horizons) * pair.size
        edges = np.vstack([np.zeros(pair.size), profiles.bottom[:, owner]])
        root_edges = edges.copy()
        if compat.roots_end_with_last_soil:
            root_edges[-1] = profiles.bottom[-1, profiles.profile_of[-1]]
        inside = profiles.weight[part] > 0.0
        targets = (soil_class[:, None] + column)[inside]
        materials = np.broadcast_to(material[:, None], inside.shape)[inside]
        return cls(
            clay=jnp.asarray(clay, dtype=float),
            sand=jnp.asarray(sand, dtype=float),
            mineral_density=jnp.asarray(profiles.bulk_density[rows], dtype=float),
            cover=jnp.asarray(kind % (COVERS + 1), dtype=jnp.int32),
            sandy=jnp.asarray(sand >= _SANDY),
            van_genuchten_n=jnp.asarray(n, dtype=float),
            log_alpha=jnp.asarray(log_alpha, dtype=float),
            log_alpha_density=jnp.asarray(slope, dtype=float),
            in_horizons=shares(
                targets,
                materials,
                profiles.weight[part][inside],
                targets=horizons * pair.size,
                kinds=kind.size,
            ),
            in_profiles=shares(
                soil_class, material, np.ones(part.size), targets=pair.size, kinds=kind.size
            ),
            edges=jnp.asarray(edges, dtype=float),
            root_edges=jnp.asarray(root_edges, dtype=float),
            class_cover=jnp.asarray(cover, dtype=jnp.int32),
        )

    @property
    def thickness(self) -> jax.Array:
        """Return the thickness (horizon, class) of the model horizons [mm]."""
        return jnp.diff(self.edges, axis=0)


def _parts_of(profile: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (soil class, part) of all parts of the profiles that the classes belong to."""
    order = np.argsort(profile, kind="stable")
    count = np.bincount(profile)
    first = np.cumsum(count) - count
    soil_class = np.repeat(np.arange(owner.size), count[owner])
    begin = np.cumsum(count[owner]) - count[owner]
    within = np.arange(soil_class.size) - begin[soil_class]
    return soil_class, order[first[owner][soil_class] + within]


def _retention_shape(clay: np.ndarray, sand: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return n, log alpha [hPa-1] and its slope with density, Zacharias and Wessolek (2007).

    For every texture and density that a database lets through n exceeds 1.02 and alpha 1e-4, so
    that field capacity lies below saturation.
    """
    fine_n = 1.392 - 0.418 * sand**-0.024 + 1.212 * clay**-0.704
    sandy_n = -2.562 + 7.0e-9 * sand**4.004 + 3.750 * clay**-0.016
    sandy = sand >= _SANDY
    n = np.where(sandy, sandy_n, fine_n)
    fine, coarse = -0.648 + 0.023 * sand + 0.044 * clay, -4.197 + 0.013 * sand + 0.076 * clay
    return n, np.where(sandy, coarse, fine), np.where(sandy, -0.276, -3.168)


# --- transfer functions ---------------------------------------------------------------------


class Materials(NamedTuple):
    """Properties of materials, each (material)."""

    theta_s: jax.Array
    """Saturated water content [m3 m-3]."""
    field_capacity: jax.Array
    """[m3 m-3]."""
    wilting_point: jax.Array
    """[m3 m-3]."""
    K_s: jax.Array
    """Saturated conductivity [cm d-1]."""
    bulk_density: jax.Array
    """With organic matter [g cm-3]."""
    organic_matter: jax.Array
    """[%], zero below the tillage depth."""
    clay: jax.Array
    """[%]."""


def density_with_organic_matter(organic_matter: jax.Array, mineral_density: jax.Array) -> jax.Array:
    """Return the bulk density [g cm-3] of soil with organic matter [%].

    The volumes of organic and mineral matter add up. Source: Rawls (1983),
    doi:10.1097/00010694-198302000-00007.
    """
    volume = organic_matter / ORGANIC_DENSITY + (100.0 - organic_matter) / mineral_density
    return 100.0 / volume


def materials(
    c: Coefficients, classes: SoilClasses, roots: Roots, *, cumulative: bool = False
) -> Materials:
    r"""Return the hydraulic properties of all materials.

    .. math::

        \theta_s = a + b\,clay + d\,\rho,\quad
        \theta_{fc} = \theta_s\,n^{-0.6\,(2 + \log_{10} K_s)},\quad
        \theta_{pw} = \theta_s \left(1 + (15000\,\alpha)^n\right)^{1/n - 1}

    with :math:`\log_{10}(K_s / 60.96) = k_0 + k_1\,sand - k_2\,clay`; tilled soil conducts more by
    the ratio of the densities without and with organic matter.

    Parameters
    ----------
    c : Coefficients
        Global parameters.
    classes : SoilClasses
        The materials.
    roots : Roots
        Says how much organic matter each land cover has.
    cumulative : bool
        Multiply the conductivity of tilled soil by the ratios of all land covers up to its own
        (a peculiarity of mHM with one soil map per horizon).

    Notes
    -----
    Sources: Zacharias and Wessolek (2007), doi:10.2136/sssaj2006.0098 (retention); Cosby et al.
    (1984), doi:10.1029/WR020i006p00682 (conductivity); Twarakavi et al. (2009),
    doi:10.1029/2009WR007944 (field capacity at a drainage of 0.01 cm d-1).
    """
    by_cover = jnp.append(roots.organic_matter(c), 0.0)
    organic = by_cover[classes.cover]
    mineral = classes.mineral_density
    density, sandy = density_with_organic_matter(organic, mineral), classes.sandy
    constant = jnp.where(sandy, c["PTF_higher66_5_constant"], c["PTF_lower66_5_constant"])
    per_clay = jnp.where(sandy, c["PTF_higher66_5_clay"], c["PTF_lower66_5_clay"])
    per_density = jnp.where(sandy, c["PTF_higher66_5_Db"], c["PTF_lower66_5_Db"])
    theta_s = jnp.clip(constant + per_clay * classes.clay + per_density * density, 0.01, 1.0)

    exponent = c["PTF_Ks_constant"] + c["PTF_Ks_sand"] * classes.sand
    exponent = exponent - c["PTF_Ks_clay"] * classes.clay
    log10_K = jnp.log10(c["PTF_Ks_curveSlope"]) + exponent
    log10_K = jnp.maximum(log10_K, math.log10(_LOWEST_K_S))
    log10_K = log10_K + _tillage_effect(by_cover, classes, density, cumulative)

    n = classes.van_genuchten_n
    log_alpha = classes.log_alpha + classes.log_alpha_density * density
    suction = n * (log_alpha + math.log(_WILTING_SUCTION))
    return Materials(
        theta_s=theta_s,
        field_capacity=theta_s * jnp.exp(-0.6 * (2.0 + log10_K) * jnp.log(n)),
        wilting_point=theta_s * jnp.exp(-(1.0 - 1.0 / n) * jnp.logaddexp(suction, 0.0)),
        K_s=jnp.exp(math.log(10.0) * log10_K),
        bulk_density=density,
        organic_matter=organic,
        clay=classes.clay,
    )


def _tillage_effect(
    by_cover: jax.Array, classes: SoilClasses, density: jax.Array, cumulative: bool
) -> jax.Array:
    """Return log10 of the ratio of densities without and with organic matter (material)."""
    mineral = classes.mineral_density
    if not cumulative:
        return jnp.log10(mineral / density)
    loose = density_with_organic_matter(by_cover[:COVERS, None], mineral)
    ratios = jnp.cumsum(jnp.log10(mineral / loose), axis=0)
    ratios = jnp.concatenate([ratios, jnp.zeros_like(ratios[:1])])
    return jnp.take_along_axis(ratios, classes.cover[None], axis=0)[0]


class ProfileMeans(NamedTuple):
    """Properties of whole profiles, each (class); parts count the same whatever their depth."""

    air_capacity: jax.Array
    """Share of the pores above field capacity [1]."""
    conductivity: jax.Array
    """Mean conductivity, relative to one inch per hour [1]."""
    harmonic_conductivity: jax.Array
    """Harmonic mean of the conductivity, relative to one inch per hour [1]."""


def profile_means(c: Coefficients, classes: SoilClasses, m: Materials) -> ProfileMeans:
    """Return air capacity and conductivities of the soil classes, weighted with the pores.

    Source: Samaniego et al. (2010), doi:10.1029/2008WR007327; unweighted over depth as in mHM.
    """
    terms = jnp.stack([m.theta_s, m.field_capacity, m.theta_s * m.K_s, m.theta_s / m.K_s])
    pores, capacity, conduction, resistance = classes.in_profiles.total(terms)
    unit = c["PTF_Ks_curveSlope"]
    return ProfileMeans(
        air_capacity=(pores - capacity) / pores,
        conductivity=conduction / pores / unit,
        harmonic_conductivity=pores / resistance / unit,
    )


def horizon_means(classes: SoilClasses, *properties: jax.Array) -> jax.Array:
    """Return means (property, horizon, class) of material properties over the model horizons."""
    means = classes.in_horizons.total(jnp.stack(properties))
    return means.reshape(len(properties), classes.edges.shape[0] - 1, classes.edges.shape[1])


def root_fractions(
    c: Coefficients, classes: SoilClasses, roots: Roots, capacity: jax.Array
) -> jax.Array:
    r"""Return the share of the roots (horizon, class), not yet summing to one.

    .. math:: f_h = b^{z_{h-1}} - b^{z_h},\quad z \text{ in cm}

    Source: Jackson et al. (1996), doi:10.1007/BF00333714.

    Parameters
    ----------
    capacity : array (horizon, class)
        Water at field capacity [mm].
    """
    volumetric = capacity / jnp.diff(classes.root_edges, axis=0)
    log_b = jnp.log(roots.coefficient(c, volumetric, classes.class_cover))
    depth = 0.1 * classes.root_edges
    return jnp.exp(log_b * depth[:-1]) - jnp.exp(log_b * depth[1:])
