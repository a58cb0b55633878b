"""Three soil covers in Quebec: the Richards column against sensors and lysimeters.

    python benchmarks/drummondville.py --data FOLDER

FOLDER holds the files named in `drummondville_data.py`. Soils are drawn within the measured
retention curves, everything else from the priors below. The twentieth of the members that meets
the first year best (2018-07 to 2019-06) is kept and scored on the two years after it. Writes
`benchmarks/results/drummondville.json`, tables to `docs/tables` and the figure to `docs/_static`.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from common import save
from drummondville_data import COVERS, Cover, Observed, curves, observations, populations, weather
from drummondville_report import figure, write_tables
from drummondville_scores import against_mean, misfit, score_cover
from rootzone.water.canopy import Canopy, CanopyForcing, CanopyState, LeafAreaTable, run_canopy
from rootzone.water.retention import BrooksCorey
from rootzone.water.retention_fit import Population
from rootzone.water.richards import Forcing, FreeDrainage, Grid, Richards, Status
from rootzone.water.richards.boundary import Bottom, SeepageFace
from rootzone.water.roots import Roots, exponential_roots
from rootzone.water.snow import DegreeDay, SnowForcing, SnowState, run_snow, snow_fraction
from rootzone.water.soil_classes import CARSEL_PARRISH_1988, draw

MEMBERS, FEWER, CHUNK = 1024, 256, 256
SHARE = 20  # one in so many members is kept
SEED = 2018


class Prior(NamedTuple):
    """Uniform between two values, of the logarithm where ``log``."""

    low: float
    high: float
    log: bool
    unit: str
    reason: str


PRIORS = {
    "K_s_CM": Prior(20.0, 1400.0, True, "cm d-1", "cores 7e-6 to 5.4e-5 m s-1, widened 3 times"),
    "K_s_BC": Prior(13.0, 1300.0, True, "cm d-1", "cores 4.4e-6 to 4.9e-5 m s-1, widened 3 times"),
    "K_s_AB": Prior(1.2, 120.0, True, "cm d-1", "cores 4.1e-7 to 4.6e-6 m s-1, widened 3 times"),
    "l": Prior(-1.0, 2.0, False, "1", "Mualem 0.5, Burdine 1"),
    "initial_head": Prior(-500.0, -30.0, True, "cm", "wetness of the covers in July 2018: unknown"),
    "crop_coefficient": Prior(0.7, 1.2, False, "1", "thin grass to alfalfa, FAO-56 table 12"),
    "leaf_area": Prior(0.5, 4.0, False, "m2 m-2", "high summer; a fifth of it in winter"),
    "root_depth": Prior(15.0, 60.0, False, "cm", "grass on a cover"),
    "snow_correction": Prior(1.0, 1.4, False, "1", "what gauges miss of snow in wind"),
    "snow_threshold": Prior(-0.5, 2.0, False, "degC", "half snow, half rain; range of 2 degC"),
    "melt_factor": Prior(2.0, 6.0, False, "mm degC-1 d-1", "open ground, Hock (2003)"),
}


def draws(key: jax.Array, members: range) -> dict[str, np.ndarray]:
    """Return the values of the priors (member); member m is the same in every company."""
    unit = jax.vmap(lambda m: jax.random.uniform(jax.random.fold_in(key, m), (len(PRIORS),)))
    shares = np.asarray(unit(jnp.arange(members.start, members.stop)), float)
    out = {}
    for share, (name, p) in zip(shares.T, PRIORS.items(), strict=True):
        if p.log:
            sign = np.sign(p.low)
            low, high = np.log(abs(p.low)), np.log(abs(p.high))
            out[name] = sign * np.exp(low + (high - low) * share)
        else:
            out[name] = p.low + (p.high - p.low) * share
    return out


def grid() -> Grid:
    """Return nodes that are close at the surface, the bottom and where materials meet."""
    steps = [(2, 0.5), (20, 1.0), (32, 2.0), (104, 4.0), (108, 2.0), (112, 1.0), (116, 2.0)]
    steps += [(184, 4.0), (188, 2.0), (190, 1.0)]
    depth = [0.0]
    for end, step in steps:
        depth += list(np.arange(depth[-1] + step, end + 1e-6, step))
    return Grid.of_depths(depth)


def materials(
    soils: Mapping[str, Population],
    members: range,
    values: Mapping[str, np.ndarray],
    topsoil: bool,
) -> dict[str, BrooksCorey]:
    """Return the closures of each material (member)."""
    key = jax.random.key(SEED + 1)
    some = {"members": len(members), "first": members.start}
    out = {}
    for n, (name, soil) in enumerate(soils.items()):
        drawn = soil.draw(jax.random.fold_in(key, n), **some)
        out[name] = replace(drawn, K_s=values[f"K_s_{name}"], l=values["l"])
    own = jax.random.fold_in(key, 100)
    if topsoil:
        s = draw(own, CARSEL_PARRISH_1988["sandy loam"], **some)
        # Far from saturation the two curves are one.
        out["top"] = BrooksCorey(s.theta_r, s.theta_s, s.alpha, s.n - 1.0, s.K_s, values["l"])
    else:
        drawn = soils["CM"].draw(own, **some)
        out["top"] = replace(drawn, K_s=values["K_s_CM"], l=values["l"])
    return out


def soil_of(cover: Cover, z: np.ndarray, drawn: dict[str, BrooksCorey]) -> BrooksCorey:
    """Return the closure of a cover, parameters (node, member)."""
    bottoms = np.array([bottom for _, bottom in cover.layers])
    layers = np.searchsorted(bottoms, z - 1e-9)
    nodes = [drawn[cover.layers[n][0]] for n in layers]
    return jax.tree.map(lambda *rows: np.stack([np.asarray(r) for r in rows]), *nodes)


PAN = SeepageFace()  # a pan under the soil: water leaves it where it stands, none comes back


@dataclass(frozen=True)
class Variant:
    """A structure of the model that the data do not decide beforehand."""

    name: str
    bottom: Bottom = PAN
    grass: bool = True
    frost: bool = True
    topsoil: bool = True


MAIN = Variant("as told: topsoil, grass, frozen soil sheds water, pan")
OTHERS = (
    Variant("top 15 cm of cover material CM", topsoil=False),
    Variant("frozen soil open to water", frost=False),
    Variant("bare soil", grass=False),
    Variant("free drainage instead of the pan", bottom=FreeDrainage()),
)


def blocked_share(days: pd.DataFrame) -> np.ndarray:
    """Return the share of water that frozen soil sheds, from the continuous frozen ground index.

    Molnau and Bissell (1983): F = max(0.97 F - T exp(-0.4 k d), 0) with snow depth d [cm],
    k = 0.08 cm-1 in frost and 0.5 cm-1 in thaw; open below 56, closed above 83 degC d.
    """
    index, out = 0.0, []
    for t, d in zip(days["temperature"], days["snow_depth"], strict=True):
        index = max(0.97 * index - t * np.exp(-0.4 * (0.08 if t < 0 else 0.5) * d), 0.0)
        out.append(np.clip((index - 56.0) / 27.0, 0.0, 1.0))
    return np.array(out)


def supply(
    days: pd.DataFrame, values: Mapping[str, np.ndarray], variant: Variant
) -> tuple[Forcing, np.ndarray]:
    """Return the forcing of the soil (day, member) [cm d-1] and what wet leaves lose [mm d-1]."""
    column = lambda name: days[name].to_numpy()[:, None]  # noqa: E731
    rule = {"threshold": values["snow_threshold"], "transition": 2.0}
    share = snow_fraction(column("temperature"), **rule)
    fallen = column("precipitation") * (1.0 + (values["snow_correction"] - 1.0) * share)
    temperature = np.broadcast_to(column("temperature"), fallen.shape)
    snow = DegreeDay(values["melt_factor"], **rule, retention=0.1, refreezing=0.05)
    _, pack = run_snow(SnowState(), SnowForcing(fallen, temperature), snow)
    covered = np.cumsum(np.asarray(fallen - pack.outflow), axis=0) > 1.0
    potential = np.where(covered, 0.0, values["crop_coefficient"] * column("reference"))
    year = np.array([0.2, 1.0, 1.0, 0.2])[:, None] * values["leaf_area"] * variant.grass
    leaves = LeafAreaTable([110, 150, 260, 305], year)(days.index.day_of_year.to_numpy())
    water = CanopyForcing(pack.outflow, potential, leaves)
    _, fluxes = run_canopy(CanopyState(), water, Canopy())
    open_share = 1.0 - blocked_share(days)[:, None] * variant.frost
    forcing = Forcing(
        0.1 * np.asarray(fluxes.throughfall) * open_share,
        0.1 * np.asarray(fluxes.potential_evaporation),
        0.1 * np.asarray(fluxes.potential_transpiration),
    )
    return forcing, np.asarray(fluxes.interception_evaporation)


class Ensemble(NamedTuple):
    """What the members of a cover did: (day, member) and (member)."""

    water: np.ndarray
    """Daily mean water content at 5 to 10 cm [m3 m-3]."""
    percolation: np.ndarray
    """[mm d-1]"""
    evaporation: np.ndarray
    """Evaporation, transpiration and interception [mm d-1]."""
    values: dict[str, np.ndarray]
    failed: np.ndarray
    balance: np.ndarray
    """Largest error of the water balance [cm]."""


def simulate(
    cover: Cover,
    variant: Variant,
    days: pd.DataFrame,
    soils: Mapping[str, Population],
    members: range,
) -> Ensemble:
    """Run some members of a cover through all days, in single precision."""
    values = draws(jax.random.key(SEED), members)
    drawn = materials(soils, members, values, variant.topsoil)
    nodes = grid()
    z = np.asarray(nodes.depth)
    density = jnp.moveaxis(exponential_roots(z, values["root_depth"]), 0, -1)[None]
    column = Richards(soil_of(cover, z, drawn), nodes, bottom=variant.bottom, roots=Roots(density))
    heads = jnp.asarray(values["initial_head"], jnp.float32)[None]
    forcing, wet_leaves = supply(days, values, variant)
    run = column.run(
        column.initial(heads, len(members)), forcing, observe=nodes.layer_weights([5.0, 10.0])
    )
    at_end = np.asarray(run.theta[:, 0])
    before = np.concatenate([at_end[:1], at_end[:-1]])
    used = np.asarray(run.fluxes.evaporation + run.fluxes.transpiration)
    top = drawn["top"]
    for name in ("theta_s", "alpha", "lam", "K_s"):
        values[f"{name}_top"] = np.asarray(getattr(top, name))
    return Ensemble(
        0.5 * (before + at_end),
        10.0 * np.asarray(run.fluxes.drainage),
        10.0 * used + wet_leaves,
        values,
        np.asarray(run.status) != Status.DONE,
        np.abs(np.asarray(run.balance_error)).max(axis=0),
    )


def ensemble(
    cover: Cover,
    variant: Variant,
    days: pd.DataFrame,
    soils: Mapping[str, Population],
    count: int,
) -> Ensemble:
    """Run members in chunks and put them together."""
    parts = [
        simulate(cover, variant, days, soils, range(first, first + CHUNK))
        for first in range(0, count, CHUNK)
    ]
    return jax.tree.map(lambda *rows: np.concatenate(rows, axis=-1), *parts)


def kept(found: Ensemble, observed: Observed) -> np.ndarray:
    """Return the members that meet the first year best, the best first."""
    error = misfit(found.water, found.percolation, observed)
    error = np.where(found.failed | ~np.isfinite(error), np.inf, error)
    return np.argsort(error)[: error.size // SHARE]


def structure(
    variant: Variant,
    runs: Sequence[tuple[Cover, Ensemble, Observed]],
) -> dict:
    """Return what the years after say of one structure of the model, from its first members."""
    out = {}
    for cover, found, observed in runs:
        few = jax.tree.map(lambda x: x[..., :FEWER], found)
        best = kept(few, observed)
        error = misfit(few.water, few.percolation, observed)[best]
        scores = score_cover(few.water[:, best], few.percolation[:, best], observed)["years after"]
        out[cover.name] = {
            "first_year_misfit": float(error.mean()),
            "water": against_mean(scores["water"]),
            "percolation": against_mean(scores["percolation"]["all"]),
            "crps_skill": against_mean(scores["percolation"]["crps_skill"]),
        }
    return {"name": variant.name, "covers": out}


def main() -> None:
    """Run all covers, keep, score, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--members", type=int, default=MEMBERS)
    given = parser.parse_args()
    days = weather(given.data)
    soils = populations(curves(given.data))
    found = {c.name: ensemble(c, MAIN, days, soils, given.members) for c in COVERS}
    observed = {c.name: observations(given.data, c.name, days) for c in COVERS}
    best = {name: kept(found[name], observed[name]) for name in found}
    covers = {
        name: {
            **score_cover(e.water[:, best[name]], e.percolation[:, best[name]], observed[name]),
            "failed": int(e.failed.sum()),
            "largest_balance_error_cm": float(e.balance.max()),
            "evaporation_mm_per_year": yearly(days, e.evaporation[:, best[name]]),
            "percolation_mm_per_year": yearly(days, e.percolation[:, best[name]]),
            "kept": {
                k: [float(q) for q in np.quantile(v[best[name]], [0.05, 0.5, 0.95])]
                for k, v in e.values.items()
            },
        }
        for name, e in found.items()
    }
    structures = [structure(MAIN, [(c, found[c.name], observed[c.name]) for c in COVERS])]
    for other in OTHERS:
        runs = [(c, ensemble(c, other, days, soils, FEWER), observed[c.name]) for c in COVERS]
        structures.append(structure(other, runs))
        print(other.name, "done", flush=True)
    result = {
        "members": given.members,
        "kept": given.members // SHARE,
        "members_of_structures": FEWER,
        "priors": {name: p._asdict() for name, p in PRIORS.items()},
        "weather_mm_per_year": {
            "precipitation": yearly(days, days["precipitation"].to_numpy()),
            "reference_evapotranspiration": yearly(days, days["reference"].to_numpy()),
        },
        "covers": covers,
        "structures": structures,
    }
    save("drummondville", result)
    write_tables(result)
    chosen = {n: (e.water[:, best[n]], e.percolation[:, best[n]]) for n, e in found.items()}
    figure(days, chosen, observed)


def yearly(days: pd.DataFrame, amounts: np.ndarray) -> list[float]:
    """Return sums of the three years from July to June, of the mean of members [mm]."""
    mean = amounts if amounts.ndim == 1 else amounts.mean(axis=1)
    return [float(x) for x in pd.Series(mean, days.index).resample("YE-JUN").sum()]


if __name__ == "__main__":
    main()
