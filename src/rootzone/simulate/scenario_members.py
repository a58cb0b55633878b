"""Members of a scenario ensemble: soils, plants, water tables and detectors, drawn one by one.

Member m has the same site in every ensemble of the same key, however many are drawn. What is not
taken from a source is an assumption with its number in :class:`Spreads`, to be read and changed.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri

from rootzone.neutrons import OrganicConvention, lattice_water_avery_2016, organic_water
from rootzone.water.climates import CLIMATES
from rootzone.water.pedotransfer import cosby_1984_K_s, toth_2015_21
from rootzone.water.soil_classes import (
    TEXTURE_CLASSES,
    draw,
    particle_density,
    sample_triangle,
    soil_class,
    texture_index,
)

VEGETATION = ("bare", "grass", "crop", "forest")
"""Kinds of vegetation; members hold their positions."""

HALF_MONTHS = 24
"""Points of the leaf area through the year."""

HORIZONS = 2
"""Topsoil and subsoil."""

ORGANIC_DENSITY = 0.224
"""Bulk density of organic matter [g cm-3] (Rawls 1983, doi:10.1097/00010694-198302000-00007)."""

_CARBON_TO_MATTER = 1.724  # van Bemmelen
_FULL = 0.97  # share of the pores that water fills at most; trapped air keeps the rest
_PLAUSIBLE = (0.30, 0.60)  # theta_s of class soils [m3 m-3]; their distribution is wider
_AIR_ENTRY, _FINE = -2.0, 1.3  # cm; n below which plain van Genuchten soils are a trap


class Spreads(NamedTuple):
    """How widely members differ: assumptions, standard deviations unless said otherwise."""

    theta_s: float = 0.02
    """Of a pedotransfer function [m3 m-3]."""
    log_alpha: float = 0.5
    log_n_less_1: float = 0.25
    log_K_s: float = 1.2
    between_horizons: float = 0.5
    """Part of the scatter that the subsoil does not share with the topsoil [1]."""
    mineral_density: tuple[float, float] = (1.55, 0.10)
    """Mean and deviation of the mineral topsoil [g cm-3]; deeper it is denser."""
    subsoil_density: float = 0.08
    """Of the subsoil above that of the topsoil [g cm-3]."""
    carbon: tuple[float, float] = (0.013, 0.6)
    """Median [g g-1] and deviation of the logarithm; the subsoil has a third."""
    lattice_water: float = 0.2
    """Relative, about 0.097 of the clay."""
    topsoil: tuple[float, float] = (20.0, 45.0)
    """Lower end of the topsoil, from and to [cm]."""
    water_table: tuple[float, float] = (100.0, 250.0)
    """From and to [cm]."""
    N0: float = 0.02
    """Relative error of the N0 that is known of a site."""


class Recipe(NamedTuple):
    """What an ensemble is drawn from; plain values, kept with the scenarios.

    Attributes
    ----------
    soils : str
        ``triangle`` for textures drawn evenly from the triangle, or a texture class.
    scatter : bool
        Whether soils differ from the means of their class or function.
    layered, vegetated, wet : float
        Shares of members with a subsoil of their own, with plants, with a water table.
    climates : tuple of str
        Names in ``CLIMATES``.
    stations : int
        Stations of a climate: the first as it is, the others perturbed.
    rates : tuple of float
        Mean count rates of the detectors, from and to [h-1].
    depth : float
        Bottom of the profile [cm].
    spreads : Spreads
        Assumptions.
    """

    soils: str = "triangle"
    scatter: bool = True
    layered: float = 0.6
    vegetated: float = 0.7
    wet: float = 0.15
    climates: tuple[str, ...] = tuple(CLIMATES)
    stations: int = 8
    rates: tuple[float, float] = (300.0, 10000.0)
    depth: float = 150.0
    spreads: Spreads = Spreads()


class Sites(NamedTuple):
    """Sites of members; the last axis is the member, horizons are topsoil and subsoil."""

    number: np.ndarray
    station: np.ndarray
    climate: np.ndarray
    """Position in the recipe's climates."""
    sand: np.ndarray
    """[%]"""
    clay: np.ndarray
    soil_class: np.ndarray
    """Position in ``TEXTURE_CLASSES``."""
    topsoil: np.ndarray
    """Lower end of the topsoil [cm]; the depth of the profile where there is no subsoil."""
    theta_r: np.ndarray
    """(horizon, member) like all that follow to ``soil_organic_carbon``."""
    theta_s: np.ndarray
    alpha: np.ndarray
    n: np.ndarray
    K_s: np.ndarray
    air_entry: np.ndarray
    bulk_density: np.ndarray
    porosity: np.ndarray
    lattice_water: np.ndarray
    soil_organic_carbon: np.ndarray
    vegetation: np.ndarray
    """Position in ``VEGETATION``."""
    leaf_area: np.ndarray
    """Leaf area index in the middle of half months (24, member)."""
    rooting_depth: np.ndarray
    """[cm]; 0 for bare soil."""
    growing: np.ndarray
    """Whether roots grow with the leaves."""
    biomass_water: np.ndarray
    """[mm]"""
    water_table: np.ndarray
    """Depth [cm]; infinite for free drainage."""
    mean_rate: np.ndarray
    """Count rate over a moist loam [h-1]."""
    N0_error: np.ndarray
    """Relative error of the N0 that is known."""

    def organic_water(self) -> np.ndarray:
        """Return the water equivalent of organic matter (horizon, member) [g g-1]."""
        convention = OrganicConvention.VAN_BEMMELEN
        return np.asarray(organic_water(self.soil_organic_carbon, convention=convention))


# --- randomness that belongs to the member ----------------------------------------------


class Draws:
    """Uniform numbers of members, a stream for each purpose."""

    def __init__(self, key: jax.Array, members: np.ndarray):
        self._key, self._members, self._stream = key, jnp.asarray(members), 0

    def uniform(self) -> np.ndarray:
        """Return numbers between 0 and 1 (member)."""
        self._stream += 1
        key = jax.random.fold_in(self._key, self._stream)

        def one(member: jax.Array) -> jax.Array:
            return jax.random.bits(jax.random.fold_in(key, member), dtype=jnp.uint32)

        return (np.asarray(jax.vmap(one)(self._members), float) + 0.5) / 2.0**32

    def between(self, low: float, high: float) -> np.ndarray:
        """Return numbers between two others (member)."""
        return low + (high - low) * self.uniform()

    def normal(self) -> np.ndarray:
        """Return normal numbers cut at two deviations (member)."""
        return ndtri(0.02275 + 0.9545 * self.uniform())


# --- soils ------------------------------------------------------------------------------


class _Soil(NamedTuple):
    """Hydraulic parameters (horizon, member)."""

    theta_r: np.ndarray
    theta_s: np.ndarray
    alpha: np.ndarray
    n: np.ndarray
    K_s: np.ndarray
    density: np.ndarray
    porosity: np.ndarray


def _texture(recipe: Recipe, key: jax.Array, members: np.ndarray) -> tuple:
    """Return sand, clay [%] and the class of members; soils of one class have its middle."""
    if recipe.soils == "triangle":
        first, count = int(members.min()), int(np.ptp(members)) + 1
        shares = sample_triangle(key, count, first=first)
        sand, clay = (np.asarray(x, float)[members - first] for x in shares)
        return sand, clay, np.asarray(texture_index(sand, clay))
    wanted = TEXTURE_CLASSES.index(recipe.soils)
    many = [np.asarray(x, float) for x in sample_triangle(jax.random.key(0), 4000)]
    inside = np.asarray(texture_index(*many)) == wanted
    middle = [np.full(members.size, x[inside].mean()) for x in many]
    return *middle, np.full(members.size, wanted)


def _of_classes(recipe: Recipe, key: jax.Array, members: np.ndarray, kind: np.ndarray) -> list:
    """Return theta_r, theta_s, alpha, n, K_s (member) of Carsel and Parrish (1988)."""
    names = ("theta_r", "theta_s", "alpha", "n", "K_s")
    first, count = int(members.min()), int(np.ptp(members)) + 1
    out = np.empty((5, members.size))
    for index in np.unique(kind):
        its = soil_class(TEXTURE_CLASSES[index])
        closure = draw(key, its, count, first=first) if recipe.scatter else its.mean()
        here = kind == index
        for row, name in enumerate(names):
            values = np.broadcast_to(np.asarray(getattr(closure, name), float), (count,))
            out[row, here] = values[members[here] - first]
    return list(out)


def _soils(
    recipe: Recipe,
    draws: Draws,
    sand: np.ndarray,
    clay: np.ndarray,
    carbon: np.ndarray,
    classes: list,
) -> _Soil:
    """Return soils, half of a class with its spread, half of a pedotransfer function."""
    s, wide = recipe.spreads, float(recipe.scatter)
    matter = _CARBON_TO_MATTER * carbon
    solids = np.asarray(particle_density(matter), float)
    mean, sd = s.mineral_density
    mineral = mean + wide * sd * draws.normal() + np.array([[0.0], [s.subsoil_density]])
    density = 1.0 / (matter / ORGANIC_DENSITY + (1.0 - matter) / mineral)
    own = s.between_horizons
    scatter = []
    for _ in range(4):
        shared, apart = draws.normal(), draws.normal()
        scatter.append(wide * np.stack([shared, np.sqrt(1.0 - own**2) * shared + own * apart]))
    top = np.array([[1.0], [0.0]])
    ptf = toth_2015_21(sand + 0 * top, clay + 0 * top, density, 100.0 * carbon, top + 0 * sand)
    porosity = 1.0 - density / solids
    functions = [
        np.asarray(ptf.theta_r, float),
        np.minimum(np.asarray(ptf.theta_s) + s.theta_s * scatter[0], _FULL * porosity),
        np.asarray(ptf.alpha) * np.exp(s.log_alpha * scatter[1]),
        1.0 + (np.asarray(ptf.n) - 1.0) * np.exp(s.log_n_less_1 * scatter[2]),
        np.asarray(cosby_1984_K_s(sand, clay)) * np.exp(s.log_K_s * scatter[3]),
    ]
    # The subsoil of a class: a little denser, its parameters moved by what it has of its own.
    moved = [np.stack([0.0 * x[0], x[1] - x[0]]) for x in scatter]
    theta_r, theta_s, alpha, n, K_s = (np.stack([x, x]) for x in classes)
    theta_s = np.clip(theta_s, *_PLAUSIBLE)
    less = np.array([[1.0], [1.0 - s.subsoil_density / 2.65 / 0.43]])
    of_class = [
        theta_r,
        theta_s * less,
        alpha * np.exp(s.log_alpha * moved[1]),
        1.0 + (n - 1.0) * np.exp(s.log_n_less_1 * moved[2]),
        K_s * np.exp(s.log_K_s * moved[3]),
    ]
    by_class = (draws.uniform() < 0.5) | (recipe.soils != "triangle")
    chosen = [np.where(by_class, a, b) for a, b in zip(of_class, functions, strict=True)]
    porosity = np.where(by_class, of_class[1] / _FULL, porosity)
    theta_r, theta_s, alpha, n, K_s = chosen
    return _Soil(
        np.minimum(theta_r, 0.5 * theta_s),
        theta_s,
        np.clip(alpha, 0.002, 0.25),
        np.clip(n, 1.05, 4.0),
        np.clip(K_s, 0.1, 3000.0),
        np.where(by_class, solids * (1.0 - porosity), density),
        porosity,
    )


# --- plants -----------------------------------------------------------------------------

_SHARES = (0.4, 0.4, 0.2)  # grass, crop, forest among the vegetated
# From and to: largest leaf area, smallest over largest, rooting depth [cm], biomass water [mm].
_PLANTS = {
    "bare": ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
    "grass": ((1.5, 4.0), (0.2, 0.7), (20.0, 70.0), (0.5, 3.0)),
    "crop": ((2.5, 6.0), (0.0, 0.0), (40.0, 120.0), (1.0, 6.0)),
    "forest": ((3.0, 6.0), (0.1, 0.9), (60.0, 140.0), (10.0, 35.0)),
}


def _plants(recipe: Recipe, draws: Draws) -> tuple:
    """Return kind, leaf area (24, member), rooting depth [cm], growing roots, biomass [mm]."""
    edges = recipe.vegetated * np.concatenate([[0.0], np.cumsum(_SHARES)])
    kind = np.searchsorted(1.0 - edges[::-1], draws.uniform(), side="right")
    kind = np.where(kind == 0, 0, 4 - kind)
    ranges = np.array([_PLANTS[name] for name in VEGETATION])[kind]  # (member, 4, 2)
    level = [ranges[:, i, 0] + draws.uniform() * np.ptp(ranges[:, i], axis=1) for i in range(4)]
    largest, smallest, depth, biomass = level
    day = (np.arange(HALF_MONTHS) + 0.5)[:, None] * (365.25 / HALF_MONTHS)
    summer = 0.5 - 0.5 * np.cos(2.0 * np.pi * (day - draws.between(-20.0, 20.0)) / 365.25)
    perennial = largest * (smallest + (1.0 - smallest) * summer)
    # A crop: leaves grow after sowing, are full, and go within a month before the harvest.
    sown = draws.between(80.0, 140.0)
    season = draws.between(110.0, 170.0)
    grown = np.clip((day - sown) / (0.45 * season), 0.0, 1.0)
    ripe = np.clip((sown + season - day) / 30.0, 0.0, 1.0)
    crop = kind == VEGETATION.index("crop")
    leaves = np.where(crop, largest * grown * ripe, perennial)
    return kind, leaves, np.minimum(depth, 0.95 * recipe.depth), crop, biomass


# --- the members ------------------------------------------------------------------------


def draw_sites(recipe: Recipe, key: jax.Array, members: np.ndarray) -> Sites:
    """Return the sites of members by their numbers.

    Parameters
    ----------
    recipe : Recipe
        What they are drawn from.
    key : jax.Array
        Key of the ensemble.
    members : array (member)
        Numbers from 0.
    """
    members = np.asarray(members, np.int32)
    draws = Draws(key, members)
    s, size = recipe.spreads, members.size
    sand, clay, kind = _texture(recipe, jax.random.fold_in(key, 1001), members)
    median, deviation = s.carbon
    top = np.minimum(median * np.exp(float(recipe.scatter) * deviation * draws.normal()), 0.06)
    carbon = np.stack([top, top / 3.0])
    classes = _of_classes(recipe, jax.random.fold_in(key, 1002), members, kind)
    soil = _soils(recipe, draws, sand, clay, carbon, classes)
    relative = 1.0 + float(recipe.scatter) * s.lattice_water * draws.normal()
    lattice = np.asarray(lattice_water_avery_2016(0.01 * clay)) * relative
    ends = draws.between(*s.topsoil)
    layered = draws.uniform() < recipe.layered
    plants = _plants(recipe, draws)
    table, wet = draws.between(*s.water_table), draws.uniform() < recipe.wet
    low, high = np.log(recipe.rates)
    mean_rate = np.exp(draws.between(low, high))
    stations = recipe.stations * len(recipe.climates)
    station = members % stations
    hydraulics = [np.where(layered, x, x[0]) for x in soil]
    entry = np.where(hydraulics[_Soil._fields.index("n")] < _FINE, _AIR_ENTRY, 0.0)
    drawn = (
        *(members, station, station % len(recipe.climates), sand, clay, kind),
        np.where(layered, ends, recipe.depth),
        *(*hydraulics[:5], entry, *hydraulics[5:]),
        np.broadcast_to(lattice, (HORIZONS, size)).copy(),
        np.where(layered, carbon, carbon[0]),
        *plants,
        *(np.where(wet, table, np.inf), mean_rate, s.N0 * draws.normal()),
    )
    return Sites(*drawn)
