"""Scores of a study `inverse`: of all methods on the same days of the same sites."""

from collections.abc import Mapping

import jax
import numpy as np
import xarray as xr

from rootzone.evaluate import bias, kge_2012, nse, rmse, spearman_r, ubrmse
from rootzone.studies.inverse_data import SNOW, Data

SUBSETS = {
    "all": "all days",
    "dry": "dry season (30-day rain less potential evapotranspiration below zero)",
    "wet": "wet season",
    "drying": "drying spells (no day above 1 mm in five days)",
    "peaks": "peaks (the wettest twentieth of a site's days)",
}
"""Days that are scored on their own."""

SCORES = {
    "rmse": "m3 m-3",
    "bias": "m3 m-3",
    "ubrmse": "m3 m-3",
    "site_rmse": "m3 m-3",
    "site_kge": "1",
    "site_nse": "1",
    "site_spearman": "1",
    "crps": "m3 m-3",
}
"""Scores and their units; those of sites are medians over the sites."""

_MEMORY = 30  # d


def window_sum(series: np.ndarray, days: int) -> np.ndarray:
    """Return sums of the last days (..., day), shorter ones at the start."""
    total = np.cumsum(np.asarray(series, float), axis=-1)
    before = np.concatenate([np.zeros((*total.shape[:-1], days)), total[..., :-days]], axis=-1)
    return total - before


def subsets(data: Data, tested: np.ndarray, depth: int) -> dict[str, np.ndarray]:
    """Return the scored days (site, day) of each subset: those whose counts tell of the soil.

    Parameters
    ----------
    data : Data
        The sites.
    tested : array (site, day)
        Days of the test.
    depth : int
        Place of the depth whose peaks are meant.
    """
    usable = tested & (data.snow <= SNOW)
    dry = window_sum(data.rain - data.pet, _MEMORY) < 0.0
    rainless = window_sum(data.rain > 1.0, 5) < 0.5
    theta = data.theta[..., depth]
    peak = theta >= np.quantile(theta, 0.95, axis=1, keepdims=True)
    chosen = {"all": usable, "dry": dry, "wet": ~dry, "drying": rainless, "peaks": peak}
    return {name: usable & which for name, which in chosen.items()}


@jax.jit
def _scored(sim: jax.Array, obs: jax.Array) -> dict[str, jax.Array]:
    """Return scores of arrays (site, day) with NaN on days that are not meant."""
    flat = {"sim": sim.reshape(-1), "obs": obs.reshape(-1)}
    both = {"sim": sim, "obs": obs}
    middle = jax.numpy.nanmedian
    return {
        "rmse": rmse(**flat),
        "bias": bias(**flat),
        "ubrmse": ubrmse(**flat),
        "site_rmse": middle(rmse(**both)),
        "site_kge": middle(kge_2012(**both).kge),
        "site_nse": middle(nse(**both)),
        "site_spearman": middle(spearman_r(**both)),
    }


def score_table(
    data: Data,
    tested: np.ndarray,
    answers: Mapping[str, np.ndarray],
    crps: Mapping[str, np.ndarray],
) -> xr.Dataset:
    """Return scores (retrieval, subset, depth).

    Parameters
    ----------
    data : Data
        Truth.
    tested : array (site, day)
        Days of the test.
    answers : mapping of array (site, day, depth)
        By method; sites without any answer are left out of that method's scores.
    crps : mapping of array (site, day, depth)
        Of methods that answer with a distribution; others get their absolute error.
    """
    shape = (len(answers), len(SUBSETS), len(data.depths))
    out = {name: np.full(shape, np.nan) for name in SCORES}
    out["n"] = np.zeros(shape)
    for k in range(len(data.depths)):
        days, truth = subsets(data, tested, k), np.asarray(data.theta[..., k], float)
        for m, (name, sim) in enumerate(answers.items()):
            sim = np.asarray(sim[..., k], float)
            loss = crps[name][..., k] if name in crps else np.abs(sim - truth)
            for s, which in enumerate(days.values()):
                wanted = which & np.isfinite(sim)
                out["n"][m, s, k] = wanted.sum()
                if not wanted.any():
                    continue
                found = _scored(np.where(wanted, sim, np.nan), np.where(wanted, truth, np.nan))
                for score, value in found.items():
                    out[score][m, s, k] = float(value)
                out["crps"][m, s, k] = float(np.mean(loss[wanted]))
    d = ("retrieval", "subset", "depth")
    units = SCORES | {"n": "1"}
    return xr.Dataset(
        {name: (d, values, {"units": units[name]}) for name, values in out.items()},
        coords={
            "retrieval": np.array(list(answers), dtype=object),
            "subset": np.array(list(SUBSETS), dtype=object),
            "depth": ("depth", np.array(data.depths), {"units": "cm"}),
        },
    )


def rmse_interval(
    error: np.ndarray, wanted: np.ndarray, *, block: int, replicates: int, seed: int
) -> tuple[float, float]:
    """Return the 5 and 95 % quantiles of the RMSE over resampled blocks of days of sites.

    Parameters
    ----------
    error : array (site, day)
        Errors.
    wanted : array (site, day)
        Days that are scored.
    block : int
        Days in a block: errors of neighboring days are alike.
    replicates, seed : int
        Of the bootstrap.
    """
    if not replicates or not wanted.any():
        return float("nan"), float("nan")
    days = error.shape[1] // block * block or error.shape[1]
    block = min(block, error.shape[1])
    cut = lambda x: x[:, :days].reshape(len(x), -1, block).sum(axis=2).reshape(-1)  # noqa: E731
    squares, counts = cut(np.where(wanted, error, 0.0) ** 2), cut(wanted.astype(float))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(squares), size=(replicates, len(squares)))
    total = counts[drawn].sum(axis=1)
    values = np.sqrt(squares[drawn].sum(axis=1) / np.maximum(total, 1.0))
    low, high = np.quantile(values[total > 0], [0.05, 0.95])
    return float(low), float(high)
