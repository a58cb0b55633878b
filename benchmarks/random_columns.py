"""Do all columns come through? Random soils, five climates, bare and grass, storms of 100 mm d-1.

Soils are drawn over the whole texture triangle (a uniform point, then the spread of its class,
Carsel and Parrish 1988; air entry of -2 cm where n is below 1.3), weather by the generator with a
storm of 100 mm on about three days a year on top. Counts the columns that are not done, and looks
for what is worse: values that are not finite or out of range without a flag.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np

from common import save
from rootzone.water.climates import CLIMATES, climate_of_normals
from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import Forcing, Grid, Richards, Status
from rootzone.water.roots import Roots, hoffman_van_genuchten
from rootzone.water.soil_classes import (
    CARSEL_PARRISH_1988,
    draw,
    sample_triangle,
    texture_index,
)
from rootzone.water.weather_generator import generate, potential_evapotranspiration

CLASSES = list(CARSEL_PARRISH_1988)
TRAP = 1.3


def soils(seed: int, members: int) -> VanGenuchten:
    """Return soils over the texture triangle, each from the spread of its class."""
    key = jax.random.PRNGKey(seed)
    sand, clay = sample_triangle(key, members)
    index = np.asarray(texture_index(sand, clay))
    fields = {name: np.empty(members) for name in ("theta_r", "theta_s", "alpha", "n", "K_s")}
    for n, name in enumerate(CLASSES):
        chosen = np.flatnonzero(index == n)
        if chosen.size:
            found = draw(jax.random.fold_in(key, n), CARSEL_PARRISH_1988[name], members)
            for field, values in fields.items():
                values[chosen] = np.asarray(getattr(found, field))[chosen]
    air_entry = np.where(fields["n"] < TRAP, -2.0, 0.0)
    parts = (jnp.asarray(values, jnp.float32)[None] for values in fields.values())
    return VanGenuchten(*parts, air_entry=jnp.asarray(air_entry, jnp.float32)[None])


def weather(seed: int, members: int, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rain and potential evapotranspiration (day, member) [cm d-1], storms included."""
    rain = np.empty((days, members))
    demand = np.empty((days, members))
    climates = [climate_of_normals(normals) for normals in CLIMATES.values()]
    for n, climate in enumerate(climates):
        chosen = np.arange(n, members, len(climates))
        found = generate(climate, jax.random.PRNGKey(seed), chosen, days=days)
        rain[:, chosen] = np.asarray(found.rain) / 10.0
        demand[:, chosen] = np.asarray(potential_evapotranspiration(found, climate)) / 10.0
    storms = np.random.default_rng(seed).random(rain.shape) < 0.008
    return rain + 10.0 * storms, np.maximum(demand, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--chunk", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()

    grid = Grid.graded(150.0, 61, 0.2)
    roots = Roots(hoffman_van_genuchten(grid.depth, [50.0]))
    tally = dict.fromkeys((s.name for s in Status), 0)
    steps, rejected, balance, runoff, unflagged = [], [], [], [], 0
    start = time.process_time()
    for first in range(0, given.members, given.chunk):
        members = min(given.chunk, given.members - first)
        seed = given.seed * 1000 + first
        soil = soils(seed, members)
        rain, demand = weather(seed, members, given.days)
        grass = np.arange(members) % 2 == 0
        column = Richards(soil, grid, roots=roots)
        run = column.run(
            column.initial(np.full(grid.depth.size, -100.0, np.float32), members),
            Forcing(rain, demand * np.where(grass, 0.4, 1.0), demand * np.where(grass, 0.6, 0.0)),
            observe=grid.layer_weights([0.0, 5.0, 30.0, 100.0]),
        )
        status = np.asarray(run.status)
        for state in Status:
            tally[state.name] += int(np.sum(status == state))
        done = status == Status.DONE
        theta = np.asarray(run.theta)[..., done]
        low, high = np.asarray(soil.theta_r)[0, done], np.asarray(soil.theta_s)[0, done]
        wrong = ~np.isfinite(theta) | (theta < low - 0.01) | (theta > high + 0.01)
        unflagged += int(np.sum(wrong.any(axis=(0, 1))))
        steps.append(np.asarray(run.steps)[done])
        rejected.append(np.asarray(run.rejected)[done])
        balance.append(np.abs(np.asarray(run.balance_error)[:, done]).max(axis=0))
        runoff.append(np.asarray(run.fluxes.runoff)[:, done].sum(axis=0))
        print(first + members, tally, f"unflagged {unflagged}", flush=True)
    years = given.days / 365.0
    save(
        "random_columns",
        {
            "members": given.members,
            "days": given.days,
            "precision": "float32",
            "status": tally,
            "unflagged": unflagged,
            "steps_per_day": float(np.concatenate(steps).mean() / given.days),
            "most_steps_per_day": float(np.concatenate(steps).max() / given.days),
            "rejected_per_day": float(np.concatenate(rejected).mean() / given.days),
            "largest_balance_error_cm_per_year": float(np.concatenate(balance).max() / years),
            "mean_runoff_cm_per_year": float(np.concatenate(runoff).mean() / years),
            "cpu_seconds": time.process_time() - start,
        },
    )


if __name__ == "__main__":
    main()
