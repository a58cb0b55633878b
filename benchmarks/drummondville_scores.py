"""Scores of the covers: the misfit of the first year, and everything of the two years after it."""

import numpy as np
import pandas as pd

from drummondville_data import Observed
from rootzone.evaluate import deterministic_scores, ensemble_crps

WEEK, ENOUGH = 7, 5  # d; a week counts with so many valid days


def weekly(amounts: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return sums over the valid days of each week (week, ...), NaN where too few are valid."""
    full = valid.size // WEEK * WEEK
    there = valid[:full].reshape(-1, WEEK)
    rows = amounts[:full].reshape(-1, WEEK, *amounts.shape[1:])
    mask = there.reshape(*there.shape, *[1] * (amounts.ndim - 1))
    sums = np.where(mask, rows, 0.0).sum(axis=1)
    return np.where((there.sum(axis=1) >= ENOUGH).reshape(-1, *[1] * (sums.ndim - 1)), sums, np.nan)


def misfit(water: np.ndarray, percolation: np.ndarray, observed: Observed) -> np.ndarray:
    """Return the misfit of members (day, member) in the first year (member).

    The mean of two errors over the deviation of what was measured: water content on open days
    against the mean of the sensors, weekly percolation against the mean of the lysimeters.
    """
    year = observed.first_year
    wet = observed.water[year].mean(axis=1).to_numpy()
    open_days = observed.open[year]
    flow = observed.percolation[year].mean(axis=1).to_numpy()
    valid = ~np.isnan(flow)
    pairs = (
        (water[year][open_days], wet[open_days]),
        (weekly(percolation[year], valid), weekly(flow, valid)),
    )
    errors = [np.sqrt(np.nanmean((s - o[:, None]) ** 2, axis=0)) / np.nanstd(o) for s, o in pairs]
    return 0.5 * (errors[0] + errors[1])


def _scores(sim: np.ndarray, obs: np.ndarray) -> dict[str, float]:
    """Return the scores of a series (day)."""
    found = deterministic_scores(sim=np.asarray(sim, np.float32), obs=np.asarray(obs, np.float32))
    names = ("n", "rmse", "ubrmse", "bias", "r", "nse", "kge_2012")
    return {name: found[name] for name in names}


def _band(sim: np.ndarray, obs: np.ndarray) -> dict[str, float]:
    """Return CRPS and coverage of members (day, member), on days with a value."""
    there = ~np.isnan(obs)
    low, high = np.quantile(sim[there], [0.05, 0.95], axis=1)
    inside = (obs[there] >= low) & (obs[there] <= high)
    crps = ensemble_crps(sim=sim[there], obs=obs[there])
    return {"crps": float(np.mean(np.asarray(crps))), "coverage_90": float(inside.mean())}


def crps_skill(sim: np.ndarray, obs: np.ndarray) -> float:
    """Return the CRPS skill of members over the reference of the source's authors.

    Their reference is an ensemble spread evenly over the observed mean and a quarter of the
    observed deviation to both sides.
    """
    there = ~np.isnan(obs)
    o = obs[there]
    spread = o.mean() + np.linspace(-0.25, 0.25, 200) * o.std()
    reference = np.broadcast_to(spread, (o.size, spread.size))
    ours, theirs = (
        float(np.mean(np.asarray(ensemble_crps(sim=s, obs=o)))) for s in (sim[there], reference)
    )
    return 1.0 - ours / theirs


def _water(sim: np.ndarray, observed: Observed, days: np.ndarray) -> dict:
    """Return scores of the water content on the chosen days that are open."""
    chosen = days & observed.open
    table = observed.water[chosen]
    columns = {name: table[name].to_numpy() for name in table}
    if len(columns) > 1:
        columns["mean"] = table.mean(axis=1, skipna=False).to_numpy()
    members = sim[chosen]
    out = {
        name: {**_scores(members.mean(axis=1), obs), **_band(members, obs)}
        for name, obs in columns.items()
    }
    if table.shape[1] > 1:
        out["second against first"] = _scores(*(table.iloc[:, n].to_numpy() for n in (1, 0)))
    return out


def _flow(sim: np.ndarray, obs: np.ndarray, valid: np.ndarray) -> dict:
    """Return scores of percolation (day, member) on the valid days."""
    there = valid & ~np.isnan(obs)
    mean = sim.mean(axis=1)
    week = _scores(weekly(mean, there), weekly(obs, there))
    sums = sim[there].sum(axis=0)
    return {
        "sum_observed": float(obs[there].sum()),
        "sum_simulated": float(sums.mean()),
        "sum_5_95": [float(q) for q in np.quantile(sums, [0.05, 0.95])],
        "daily": _scores(mean[there], obs[there]),
        "weekly": week,
    }


def _percolation(sim: np.ndarray, observed: Observed, days: np.ndarray) -> dict:
    """Return scores of percolation on all valid days, and on those without snow and frost."""
    table = observed.percolation
    columns: dict[str, pd.Series] = {str(name): table[name] for name in table}
    if len(columns) > 1:
        columns["mean"] = table.mean(axis=1, skipna=False)
    rows, flows = sim[days], {n: c.to_numpy()[days] for n, c in columns.items()}
    masks = {"all": np.ones(rows.shape[0], bool), "open": observed.open[days]}
    out = {m: {n: _flow(rows, o, mask) for n, o in flows.items()} for m, mask in masks.items()}
    out["crps_skill"] = {n: crps_skill(rows, o) for n, o in flows.items()}
    if table.shape[1] > 1:
        first, second = (table.iloc[:, n].to_numpy()[days] for n in (0, 1))
        for m, mask in masks.items():
            both = mask & ~np.isnan(first)
            out[m]["second against first"] = _flow(second[:, None], first, both & ~np.isnan(second))
    return out


def score_cover(water: np.ndarray, percolation: np.ndarray, observed: Observed) -> dict:
    """Return all scores of the kept members (day, member), by period."""
    periods = {"first year": observed.first_year, "years after": ~observed.first_year}
    return {
        period: {
            "water": _water(water, observed, days),
            "percolation": _percolation(percolation, observed, days),
        }
        for period, days in periods.items()
    }


def against_mean(scores: dict):
    """Return the scores against the mean of the instruments, or against the only one."""
    return scores["mean"] if "mean" in scores else next(iter(scores.values()))
