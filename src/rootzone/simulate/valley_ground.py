"""What Richards columns of a landscape are made of: plants, soils around a table, a track.

The soils are not what the transfer functions of a distributed model say: retention and
conductivity are those of Toth et al. (2015), and scatter around them. Every number without a
source is an assumption and stands here in the open.
"""

from typing import NamedTuple

import jax
import numpy as np

from rootzone.core import DataError
from rootzone.neutrons import OrganicConvention, lattice_water_avery_2016, organic_water
from rootzone.simulate.scenario_members import ORGANIC_DENSITY, Draws
from rootzone.water.pedotransfer import toth_2015_17_K_s, toth_2015_21
from rootzone.water.regionalization.soil_database import ProfileDatabase
from rootzone.water.soil_classes import particle_density

DEPTH = 200.0
"""Bottom of the columns [cm]."""

_CARBON_TO_MATTER = 1.724  # van Bemmelen
_FULL = 0.97  # share of the pores that water fills at most
_PH = 6.0  # of all soils, for the function of the conductivity
_SPLIT = 10.0  # cm, depth of the layer that is rich in organic matter
_CARBON = (1.0, 0.5, 1.0 / 6.0)  # of that layer, of the rest of the topsoil, below it
_BALLAST = (0.03, 0.34, 0.145, 2.4, 1500.0)  # theta_r, theta_s, alpha, n, K_s of clean gravel
_OWN = 10_000_000  # added to the numbers of cells: soils of a strip are not those around it


class Plant(NamedTuple):
    """What grows on a column and what it does; assumptions but for beta."""

    beta: float
    """Of Jackson et al. (1996), doi:10.1007/BF00333714: coniferous, deciduous forest, grass."""
    demand: float
    """Potential evapotranspiration over that of the weather [1]."""
    extinction: float
    """Of light [1]; lower where leaves are clumped."""
    leaf_capacity: float
    """Water on the leaves [mm] per leaf area."""
    litter: float
    """Water that the litter holds [mm]; soils below litter evaporate half as much."""
    melt: float
    """Degree-day factor [mm degC-1 d-1]."""
    carbon: float
    """Soil organic carbon of the upper 10 cm [g g-1]; half of it to the end of the topsoil."""
    biomass: float
    """Water equivalent of the biomass [mm] per mean leaf area."""
    standing: float
    """Water equivalent of dry litter and of wood without leaves [mm]."""
    heads: tuple[float, float, float]
    """Feddes: dry limits at fast and slow transpiration, wilting [cm]."""


PLANTS = {
    "dense forest": Plant(
        0.976, 1.05, 0.35, 0.20, 4.0, 2.5, 0.030, 1.8, 1.5, (-400.0, -1000.0, -15000.0)
    ),
    "open forest": Plant(
        0.966, 1.00, 0.40, 0.20, 2.5, 3.0, 0.024, 2.0, 1.0, (-400.0, -1000.0, -15000.0)
    ),
    "grass": Plant(0.943, 0.95, 0.463, 0.20, 0.0, 4.0, 0.020, 0.4, 0.0, (-200.0, -800.0, -8000.0)),
    "yard": Plant(0.943, 0.85, 0.463, 0.10, 0.0, 4.5, 0.008, 0.4, 0.0, (-200.0, -800.0, -8000.0)),
    "ballast": Plant(0.943, 0.90, 0.463, 0.0, 0.0, 4.5, 0.004, 0.0, 0.0, (-200.0, -800.0, -8000.0)),
}
"""Plants by cover; grounds hold their positions."""


GRASS, YARD, BALLAST = (list(PLANTS).index(name) for name in ("grass", "yard", "ballast"))
"""Positions of covers; those before grass are forests."""


class Scatter(NamedTuple):
    """How soils of one table row differ: standard deviations, assumptions."""

    theta_s: float = 0.02
    """[m3 m-3]"""
    log_alpha: float = 0.4
    log_n_less_1: float = 0.2
    log_K_s: float = 0.8
    density: float = 0.05
    """[g cm-3]"""
    log_carbon: float = 0.25
    lattice: float = 0.15
    """Relative."""
    biomass: float = 0.15
    """Relative, one draw for each cover."""
    between_horizons: float = 0.5
    """Part that the subsoil does not share with the topsoil [1]."""
    shares: tuple[float, float, float] = (0.5, 0.3, 0.2)
    """Of the variance: between soil types, model cells, patches of a cell."""


class Ground(NamedTuple):
    """Columns before anything is drawn, arrays (column) or (layer, column)."""

    identity: np.ndarray
    """Numbers of soil type, model cell and patch (3, column), which seed their soils."""
    place: np.ndarray
    """Column of the weather that each column has."""
    cover: np.ndarray
    """Position in ``PLANTS``."""
    leaf_area: np.ndarray
    """Leaf area index in the middle of the months (12, column)."""
    bottom: np.ndarray
    """Lower ends of the layers [cm], the last at or below ``DEPTH``."""
    end: np.ndarray
    """Lower end of the soil [cm], where the last horizon of a model ends."""
    sand: np.ndarray
    clay: np.ndarray
    density: np.ndarray
    """Of the mineral soil [g cm-3]."""
    top: np.ndarray
    """1 in the topsoil."""
    carbon: np.ndarray
    """Over that of the cover [1]."""
    ballast: np.ndarray
    """1 in a layer of gravel."""
    fouling: np.ndarray
    """Fine earth in the gravel, 0 clean to 1."""
    log_K: np.ndarray
    """Added to the logarithm of the conductivity: compaction."""
    run_on: np.ndarray
    """Water that reaches the soil over what falls there [1]."""
    water_table: np.ndarray
    """Depth [cm], infinite for free drainage."""
    biomass: np.ndarray
    """Water equivalent of what stands besides plants of the column's own [mm]."""

    def of(self, places: np.ndarray) -> "Ground":
        """Return some of the columns."""
        return Ground(*(x[..., places] for x in self))

    def joined(self, *others: "Ground") -> "Ground":
        """Return these columns and others after them."""
        parts = zip(self, *others, strict=True)
        return Ground(*(np.concatenate(part, axis=-1) for part in parts))


class _Soils(NamedTuple):
    """Parameters (layer, column)."""

    theta_r: np.ndarray
    theta_s: np.ndarray
    alpha: np.ndarray
    n: np.ndarray
    K_s: np.ndarray
    density: np.ndarray
    porosity: np.ndarray
    bound: np.ndarray
    """Lattice and organic water [g g-1]."""


def plant_values(cover: np.ndarray, name: str) -> np.ndarray:
    """Return a value of the plants of covers (column), or (3, column) for the heads."""
    return np.array([getattr(plant, name) for plant in PLANTS.values()])[cover].T


def _scatter(key: jax.Array, ground: Ground, scatter: Scatter) -> list[np.ndarray]:
    """Return seven standard normal numbers of each layer, subsoils with a part of their own."""
    levels = [
        (np.sqrt(share), Draws(jax.random.fold_in(key, level), ids))
        for level, (share, ids) in enumerate(zip(scatter.shares, ground.identity, strict=True))
    ]
    drawn = lambda: sum(weight * draws.normal() for weight, draws in levels)  # noqa: E731
    own, found = scatter.between_horizons, []
    for _ in range(7):
        shared, apart = drawn(), drawn()
        below = np.sqrt(1.0 - own**2) * shared + own * apart
        found.append(np.where(ground.top > 0.0, shared, below))
    return found


def soils_of(ground: Ground, seed: int, scatter: Scatter | None = None) -> _Soils:
    """Return the soils of the layers (layer, column).

    Retention by function 21 and conductivity by function 17 of Toth et al. (2015),
    doi:10.1111/ejss.12192, with a pH of 6 and a cation exchange capacity of 0.5 meq (100 g)-1
    for each percent of clay and 2 for each of organic matter (assumptions).
    """
    own = scatter or Scatter()
    key = jax.random.fold_in(jax.random.key(seed), 11)
    z = _scatter(key, ground, own)
    carbon = plant_values(ground.cover, "carbon") * ground.carbon * np.exp(own.log_carbon * z[5])
    matter = np.minimum(_CARBON_TO_MATTER * carbon, 0.15)
    mineral = ground.density + own.density * z[4]
    density = 1.0 / (matter / ORGANIC_DENSITY + (1.0 - matter) / mineral)
    percent = 100.0 * matter / _CARBON_TO_MATTER
    found = toth_2015_21(ground.sand, ground.clay, density, percent, ground.top)
    exchange = 0.5 * ground.clay + 200.0 * matter
    K_s = np.asarray(toth_2015_17_K_s(ground.sand, ground.clay, _PH, exchange, ground.top))
    stones = ground.ballast > 0.0
    theta_r, theta_s, alpha, n, coarse_K = _BALLAST
    foul = ground.fouling
    density = np.where(stones, 1.65 + 0.15 * foul, density)
    porosity = 1.0 - density / np.asarray(particle_density(matter))
    pick = lambda of_stones, of_soil: np.where(stones, of_stones, np.asarray(of_soil))  # noqa: E731
    theta_s = pick(theta_s, found.theta_s) + own.theta_s * z[0]
    theta_s = np.minimum(theta_s, _FULL * porosity)
    theta_r = pick(theta_r + 0.04 * foul, found.theta_r)
    shape = pick(n - 0.9 * foul, found.n) - 1.0
    lattice = np.asarray(lattice_water_avery_2016(0.01 * ground.clay))
    lattice = np.where(stones, 0.005, lattice) * np.exp(own.lattice * z[6])
    organic = organic_water(carbon, convention=OrganicConvention.VAN_BEMMELEN)
    return _Soils(
        np.minimum(theta_r, 0.5 * theta_s),
        theta_s,
        np.clip(pick(alpha, found.alpha) * np.exp(own.log_alpha * z[1]), 0.002, 0.25),
        np.clip(1.0 + shape * np.exp(own.log_n_less_1 * z[2]), 1.05, 3.5),
        np.clip(pick(coarse_K, K_s) * np.exp(own.log_K_s * z[3] + ground.log_K), 0.2, 2000.0),
        density,
        porosity,
        lattice + np.asarray(organic),
    )


def layer_means(bottom: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return means (interval, column) of values (layer, column) between depths [cm]."""
    bottom = np.minimum(bottom, DEPTH)
    bottom = np.concatenate([bottom[:-1], np.full_like(bottom[:1], max(DEPTH, edges[-1]))])
    upper = np.concatenate([np.zeros_like(bottom[:1]), bottom[:-1]])
    low, high = np.asarray(edges)[:-1, None, None], np.asarray(edges)[1:, None, None]
    overlap = np.clip(np.minimum(bottom, high) - np.maximum(upper, low), 0.0, None)
    return (overlap * values).sum(axis=1) / (high - low)[:, 0]


def soil_layers(soils: ProfileDatabase, types: np.ndarray) -> np.ndarray:
    """Return bottom and end [cm], clay, sand, density, topsoil, carbon (7, layer, column) of types.

    The first horizon of the table is parted at 10 cm; the last one goes on to the bottom of the
    columns. One layer is spare: the last two are the same.

    Raises
    ------
    DataError
        If the table lacks a type.
    """
    rows = {int(s): np.flatnonzero(soils.soil == s) for s in np.unique(types)}
    for soil, r in rows.items():
        if not r.size:
            raise DataError(f"soil type {soil} is on the map and not in its table")
    most = max(len(r) for r in rows.values()) + 2
    found = {}
    for soil, r in rows.items():
        r = np.concatenate([r[:1], r])
        lower = 0.1 * soils.lower[r[1:]]
        bottom = np.concatenate([[min(_SPLIT, 0.5 * lower[0])], lower])
        bottom[-1] = 2.0 * DEPTH
        depth = np.arange(len(r))
        top = (depth < 2).astype(float)
        carbon = np.array(_CARBON)[np.minimum(depth, 2)]
        end = np.full(len(r), min(lower[-1], DEPTH))
        layers = [bottom, end, soils.clay[r], soils.sand[r], soils.bulk_density[r], top, carbon]
        found[soil] = np.pad(np.stack(layers), ((0, 0), (0, most - len(r))), mode="edge")
    return np.stack([found[int(s)] for s in types], axis=-1)


def horizon_shares(edges: np.ndarray, depths: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the share (horizon, layer, column) of layers in the horizons of a model.

    Parameters
    ----------
    edges : array (layer + 1)
        Of the layers [cm]; depths and ends are among them.
    depths : array (horizon - 1)
        Lower ends of the horizons but the last [cm].
    end : array (column)
        Lower end of the last horizon [cm].
    """
    lower = np.concatenate([np.repeat(depths[:, None], end.size, axis=1), end[None]])[:, None]
    upper = np.concatenate([np.zeros_like(lower[:1]), lower[:-1]])
    top, bottom = edges[:-1, None], edges[1:, None]
    inside = np.clip(np.minimum(bottom, lower) - np.maximum(top, upper), 0.0, None)
    return inside / (lower - upper)


def along_a_track(
    around: Ground, numbers: np.ndarray, yard: np.ndarray, draws: Draws, effect: float
) -> tuple[Ground, Ground]:
    """Return the strip beside a track and its bed, from the ground around them.

    The strip is filled and compacted soil with its own wetness: drier and sandier on banks, wetter,
    with water that runs on, in cuts, the wettest of them with ground water. The bed is ballast on
    compacted soil, bare. Trees beside the track stand half over it.

    Parameters
    ----------
    around : Ground
        Far field at each stretch.
    numbers : array (stretch) of int
        Seeds of the soils.
    yard : array (stretch) of bool
        Whether the stretch lies in a yard.
    draws : Draws
        Of the stretches.
    effect : float
        0 is the ground around, 1 as described.
    """
    wetness, fouling = draws.normal(), draws.uniform()
    deep, thickness = draws.between(120.0, 180.0), draws.between(25.0, 45.0)
    if effect == 0.0:
        return around, around
    e = effect
    woods = np.where(around.cover < GRASS, plant_values(around.cover, "biomass"), 0.0)
    shade = 0.5 * e * woods * around.leaf_area.mean(axis=0)
    identity = np.stack([around.identity[0], numbers + _OWN, numbers + _OWN])
    sand = np.clip(around.sand + e * (6.0 - 8.0 * wetness), 2.0, 95.0)
    strip = around._replace(
        identity=identity,
        cover=np.where(yard, YARD, GRASS),
        leaf_area=around.leaf_area
        + e * (np.minimum(0.5 * around.leaf_area, 3.5) - around.leaf_area),
        sand=sand,
        clay=np.clip(around.clay + e * (3.0 * wetness - 2.0), 2.0, 98.0 - sand),
        density=np.minimum(around.density + 0.08 * e, 1.85),
        log_K=around.log_K - 0.4 * e,
        run_on=1.0 + 0.12 * e * wetness,
        water_table=np.where(e * wetness > 1.2, deep, np.inf),
        biomass=around.biomass + shade,
    )
    above = lambda x, value: np.concatenate([np.broadcast_to(value, x[:1].shape), x[:-1]])  # noqa: E731
    bed = strip._replace(
        identity=identity + np.array([[0], [_OWN], [_OWN]]),
        cover=np.full_like(around.cover, BALLAST),
        leaf_area=(1.0 - e) * around.leaf_area,
        bottom=above(around.bottom + e * thickness, e * thickness),
        sand=above(sand, 90.0),
        clay=above(strip.clay, 3.0),
        density=above(np.minimum(strip.density + 0.10 * e, 1.85), 1.7),
        top=above(around.top, 1.0),
        carbon=above(around.carbon, 1.0),
        ballast=above(around.ballast, 1.0),
        fouling=fouling,
        log_K=above(strip.log_K - 0.6 * e, 0.0),
        run_on=np.ones_like(wetness),
    )
    return strip, bed
