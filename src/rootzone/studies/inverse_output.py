"""Results of the study `inverse` as datasets, and the headline of its summary."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.inverse import InverseStudy
from rootzone.simulate.scenario_members import VEGETATION
from rootzone.studies.inverse_answers import LEVELS
from rootzone.studies.inverse_baselines import NAMES
from rootzone.studies.inverse_evaluate import Tested
from rootzone.studies.inverse_scores import subsets, window_sum
from rootzone.studies.inverse_splits import NAMES as SPLIT_NAMES
from rootzone.studies.inverse_train import Trained
from rootzone.water.soil_classes import TEXTURE_CLASSES

POINTS = 6000
"""Points of the scatter."""

_EXAMPLES = 2
_EQUAL = 0.002  # m3 m-3, within which two means are the same
_WATER = {"units": "m3 m-3"}


def _zone(result: Tested) -> int:
    return result.data.depths.index(30)


def learning_dataset(trained: dict[str, Trained]) -> xr.Dataset:
    """Return the losses (split, epoch, network)."""
    parts = []
    for own in trained.values():
        d = ("epoch", "network")
        parts.append(
            xr.Dataset(
                {
                    "train_loss": (d, own.train_loss),
                    "valid_loss": (d, own.valid_loss),
                    "best_epoch": (("network",), own.best_epoch.astype(float)),
                },
                coords={"epoch": np.arange(len(own.train_loss)) + 1},
            )
        )
    index = xr.Variable("split", np.array(list(trained), dtype=object))
    return xr.concat(parts, index, join="outer")  # pyright: ignore[reportReturnType]


def _examples(result: Tested) -> np.ndarray:
    """Return the places of a bare site and of one with plants, each of middling error."""
    zone, data = _zone(result), result.data
    dry = subsets(data, result.tested, zone)["dry"]
    error = result.others[result.main]["homogeneous"][..., zone] - data.theta[..., zone]
    size = np.sqrt(np.nanmean(np.where(dry, error**2, np.nan), axis=1, where=dry | ~dry))
    seasons = dry.sum(axis=1) / np.maximum(result.tested.sum(axis=1), 1)
    # A site with a dry and a wet season, on average soil for the method.
    fitting = np.abs(seasons - 0.55) + np.abs(size - np.nanmedian(size)) / np.nanmedian(size)
    fitting = np.where(np.isfinite(fitting), fitting, np.inf)
    bare = data.codes["vegetation"] == 0
    kinds = [which for which in (bare, ~bare) if which.any()]
    found = [int(np.argmin(np.where(which, fitting, np.inf))) for which in kinds]
    return np.array(found[:_EXAMPLES])


def examples_dataset(result: Tested, days: pd.DatetimeIndex) -> xr.Dataset:
    """Return the series of two test sites with all that was said of them."""
    some, zone = _examples(result), _zone(result)
    data = result.data.pick(some)
    own, counts = result.answers[result.main], result.counts[result.main]
    other = result.others[result.main]
    d, water = ("site", "time"), dict(_WATER)
    classes = [TEXTURE_CLASSES[k] for k in data.codes["soil_class"]]
    plants = [VEGETATION[k] for k in data.codes["vegetation"]]
    series = {
        "truth": data.theta[..., zone],
        "surface": data.surface,
        "network": own.mean[some, :, zone],
        "homogeneous": other["homogeneous"][some, :, zone],
        "filter": other["filter"][some, :, zone],
    }
    if "columns" in other:
        series["columns"] = other["columns"][some, :, zone]
    variables: dict[str, Any] = {k: (d, np.asarray(v, "f4"), water) for k, v in series.items()}
    variables["quantile"] = ((*d, "level"), own.calibrated[some, :, zone], water)
    variables["tested"] = (d, result.tested[some].astype("i1"))
    variables["relative_rate"] = (d, (counts.rate / counts.N0[:, None])[some], {"units": "1"})
    for name in ("rain", "pet", "snow"):
        variables[name] = (d, getattr(data, name), {"units": "mm"})
    balance = window_sum(data.rain - data.pet, 30)
    variables["balance"] = (d, balance, {"units": "mm", "long_name": "30-day rain less PET"})
    names = [f"{c}, {p}" for c, p in zip(classes, plants, strict=True)]
    variables["site_name"] = (("site",), np.array(names, dtype=object))
    return xr.Dataset(
        variables, coords={"time": days.to_numpy(), "site": data.number, "level": LEVELS}
    )


def scatter_dataset(result: Tested, seed: int) -> xr.Dataset:
    """Return points of truth and answers at 0-30 cm, drawn from all scored days."""
    zone, data = _zone(result), result.data
    days = subsets(data, result.tested, zone)
    site, day = np.nonzero(days["all"])
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(site.size)[:POINTS]
    at = (site[chosen], day[chosen])
    values = {
        "truth": data.theta[..., zone],
        "network": result.answers[result.main].mean[..., zone],
        "homogeneous": result.others[result.main]["homogeneous"][..., zone],
    }
    found: dict[str, Any] = {k: ("point", v[at].astype("f4"), _WATER) for k, v in values.items()}
    found["excess"] = ("point", (data.surface - data.theta[..., zone])[at], _WATER)
    found["dry"] = ("point", days["dry"][at].astype("i1"))
    return xr.Dataset(found)


def profiles_dataset(result: Tested) -> xr.Dataset:
    """Return two days of equal mean water but different profiles, and errors by the profile.

    The mean of 0-30 cm is the same within 0.002 m3 m-3, the surface is wetter on one day and drier
    on the other: the case that a count alone cannot tell. Errors are those of all scored days by
    how much wetter the uppermost 5 cm are than the mean.
    """
    zone, data = _zone(result), result.data
    usable = subsets(data, result.tested, zone)["all"]
    excess = data.surface - data.theta[..., zone]
    methods = {
        "network": result.answers[result.main].mean[..., zone],
        "homogeneous": result.others[result.main]["homogeneous"][..., zone],
    }
    edges = np.linspace(-0.15, 0.15, 16)
    place = np.digitize(excess, edges) - 1
    quantile = np.full((len(methods), len(edges) - 1, 3), np.nan)
    number = np.zeros(len(edges) - 1)
    for b in range(len(edges) - 1):
        here = usable & (place == b)
        number[b] = here.sum()
        if number[b] >= 30:
            for m, sim in enumerate(methods.values()):
                error = (sim - data.theta[..., zone])[here]
                quantile[m, b] = np.quantile(error, [0.1, 0.5, 0.9])
    site, days = _equal_pair(data.theta[..., zone], excess, usable)
    counts = result.counts[result.main]
    shallow = 0.5 * (edges[1:] + edges[:-1])
    rows = {name: sim[site, days] for name, sim in methods.items()}
    depths = np.array(data.depths)
    profile = np.concatenate([data.surface[site, days][:, None], data.theta[site, days]], axis=1)
    return xr.Dataset(
        {
            "error": (("retrieval", "excess", "tail"), quantile, _WATER),
            "days": (("excess",), number),
            "pair_day": (("pair",), days),
            "pair_mean_water": (("pair", "mean_depth"), profile, _WATER),
            "pair_truth": (("pair",), data.theta[site, days, zone], _WATER),
            "pair_relative_rate": (("pair",), (counts.rate[site] / counts.N0[site])[days]),
            "pair_answer": (("retrieval", "pair"), np.stack(list(rows.values())), _WATER),
        },
        coords={
            "retrieval": np.array(list(methods), dtype=object),
            "excess": ("excess", shallow, _WATER),
            "tail": np.array([0.1, 0.5, 0.9]),
            "pair": np.array(["wetting", "drying"], dtype=object),
            "mean_depth": ("mean_depth", np.array([5, *depths]), {"units": "cm"}),
        },
        attrs={"site": int(data.number[site])},
    )


def _equal_pair(
    theta: np.ndarray, excess: np.ndarray, usable: np.ndarray
) -> tuple[int, np.ndarray]:
    """Return a site and two of its days: equal means, the surface wettest and driest."""
    best, found = -1.0, (0, np.array([0, 0]))
    for site in range(len(theta)):
        days = np.flatnonzero(usable[site])
        if days.size < 2:
            continue
        order = days[np.argsort(theta[site, days])]
        for step in (1, 2, 3, 5, 8):
            a, b = order[:-step], order[step:]
            if not a.size:
                continue
            near = np.abs(theta[site, a] - theta[site, b]) < _EQUAL
            gap = np.where(near, np.abs(excess[site, a] - excess[site, b]), -1.0)
            k = int(np.argmax(gap))
            if gap[k] > best:
                best = float(gap[k])
                pair = np.array([a[k], b[k]])
                found = site, pair[np.argsort(-excess[site, pair])]
    return found


# --- summary ----------------------------------------------------------------------------


def scores_of(results: dict[str, Tested]) -> dict[str, Any]:
    """Return the RMSE and bias at 0-30 cm by split, counts, method and season."""
    out: dict[str, Any] = {}
    for split, result in results.items():
        table = result.scores.sel(depth=30)
        cover = result.reliability.sel(depth=30, interval=0.9)
        out[split] = {}
        for counts in table["counts"].to_numpy():
            rows = table.sel(counts=counts)
            methods = {}
            for method in rows["retrieval"].to_numpy():
                row = rows.sel(retrieval=method)
                if np.isnan(row["rmse"].sel(subset="all")):
                    continue
                methods[str(method)] = {
                    str(subset): {
                        score: float(row[score].sel(subset=subset))
                        for score in ("rmse", "bias", "ubrmse", "crps")
                    }
                    for subset in row["subset"].to_numpy()
                }
            here = cover.sel(counts=counts)
            own = ("coverage", "coverage_calibrated", "width", "width_calibrated")
            methods["interval_90"] = {name: float(here[name]) for name in own}
            out[split][str(counts)] = methods
    return out


def datasets_of(
    study: InverseStudy,
    results: dict[str, Tested],
    trained: dict[str, Trained],
    used: xr.Dataset,
    days: pd.DatetimeIndex,
) -> dict[str, xr.Dataset]:
    """Return everything that a run folder keeps of the evaluation."""
    first = next(iter(results.values()))
    index = xr.Variable("split", np.array(list(results), dtype=object))
    together = lambda parts: xr.concat(parts, index, join="outer")  # noqa: E731
    found = {
        "scores": together([r.scores for r in results.values()]),
        "reliability": together([r.reliability for r in results.values()]),
        "learning": learning_dataset(trained),
        "examples": examples_dataset(first, days),
        "scatter": scatter_dataset(first, study.seed),
        "profiles": profiles_dataset(first),
        "importance": used,
    }
    shared = {
        "Conventions": "CF-1.11",
        "title": study.title or "Root-zone water read from neutron counts",
        "source": "simulated: Richards columns observed by neutron operators",
        "seed": study.seed,
        "operator": ", ".join(study.operator),
        "main_counts": first.main,
        "shown_split": next(iter(results)),
        "split_names": "; ".join(f"{k}: {v}" for k, v in SPLIT_NAMES.items() if k in results),
        "method_names": "; ".join(f"{k}: {v}" for k, v in NAMES.items()),
    }
    for dataset in found.values():
        dataset.attrs |= shared
    return found
