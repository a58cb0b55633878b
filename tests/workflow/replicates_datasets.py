"""Believable datasets of a run of the study `replicates` that never was, any part left out."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtr

from rootzone.evaluate.answers import LEVELS

GROUPS = ("marl", "sandstone", "schist")
LAYERS = ("10 cm", "30 cm", "50 cm")
MODELS = {
    "cond_paper": "condLSTM, as released",
    "3g_paper": "3G-LSTM, as released",
    "cond_corrected": "condLSTM, corrected",
    "3g_corrected": "3G-LSTM, corrected",
    "pooled_corrected": "cond + 3G pooled",
    "cmal": "asymmetric Laplace (CMAL)",
    "bounded": "bounded by porosity",
    "sensor_effect": "sensor effects",
    "annual_cycle": "annual cycle",
    "era5_land": "ERA5-Land",
    "persistence": "persistence",
    "linear": "linear per place",
    "bucket": "bucket per place",
}
SPLITS = {
    "segments": "random segments",
    "segments_per_sensor": "segments per sensor, as released",
    "place": "whole places left out",
    "chronological": "end of the record",
}
# KGE, rank correlation, RMSE, CRPS, log-likelihood, W1 and the factor of its belts.
QUALITY = {
    "cond_paper": (0.51, 0.70, 0.036, 0.031, 1.10, 0.022, 1.35),
    "3g_paper": (0.50, 0.71, 0.037, 0.030, 1.15, 0.020, 1.2),
    "cond_corrected": (0.56, 0.73, 0.033, 0.027, 1.50, 0.018, 1.1),
    "3g_corrected": (0.57, 0.74, 0.034, 0.026, 1.58, 0.016, 1.02),
    "pooled_corrected": (0.60, 0.76, 0.032, 0.0245, 1.66, 0.015, 1.05),
    "cmal": (0.57, 0.74, 0.034, 0.026, 1.6, 0.016, 1.0),
    "bounded": (0.57, 0.73, 0.034, 0.026, 1.6, 0.016, 0.98),
    "sensor_effect": (0.59, 0.75, 0.033, 0.025, 1.7, 0.014, 1.0),
    "annual_cycle": (0.21, 0.46, 0.055, 0.042, 0.8, 0.035, 1.6),
    "era5_land": (0.30, 0.74, 0.11, 0.085, -0.4, 0.09, 2.6),
    "persistence": (0.35, 0.52, 0.050, 0.038, 0.9, 0.03, 1.3),
    "linear": (0.48, 0.68, 0.040, 0.031, 1.3, 0.022, 1.2),
    "bucket": (0.50, 0.70, 0.040, 0.032, 1.2, 0.022, 1.2),
}
DROP = {"segments": 0.0, "segments_per_sensor": -0.35, "place": 1.0, "chronological": 0.3}
SPREAD = ("kge_pooled", "kge_places", "spearman_pooled", "spearman_places")
SPREAD += ("rmse", "crps", "log_likelihood")
NOISE_BELT = 0.0337
_MIXED = ("con", "3g_", "poo", "cma", "sen")  # how names of models begin that know several modes


def make(
    *,
    groups: Sequence[str] = GROUPS,
    layers: Sequence[str] = LAYERS,
    models: Sequence[str] = tuple(MODELS),
    splits: Sequence[str] = tuple(SPLITS),
    replicates: int = 3,
    places: int = 4,
    steps: int = 400,
    examples: int = 3,
    located: bool = True,
    era5: bool = True,
    discharge: bool = True,
    truth: bool = True,
    without: Sequence[str] = (),
) -> tuple[dict[str, xr.Dataset], dict[str, Any]]:
    """Return datasets and summary; ``without`` names datasets to leave out."""
    rng = np.random.default_rng(7)
    models = [m for m in models if era5 or m != "era5_land"]
    lands = ["all", *groups]
    found = {
        "network": _network(rng, groups, layers, replicates, places, steps, located),
        "scores": _scores(rng, splits, models, lands, ["all", *layers], truth),
        "density": _density(models, lands, ["all", *layers], truth),
        "series": _series(rng, groups, layers, models, replicates, steps, examples, era5, truth),
        "months": _months(rng, models, lands, discharge, truth),
        "spread": _spread(rng, models, lands, ["all", *layers], truth),
        "reliability": _reliability(rng, splits, models, ["all", *layers]),
        "learning": _learning(rng, models, splits),
        "response": _response(rng, lands),
    }
    for dataset in found.values():
        dataset.attrs |= {
            "model_names": json.dumps({m: MODELS[m] for m in models}),
            "split_names": json.dumps({s: SPLITS[s] for s in splits}),
            "shown_split": splits[0],
            "shown_model": "pooled_corrected" if "pooled_corrected" in models else models[0],
        }
    summary = {
        "title": "",
        "warnings": ["Two places have records shorter than a block of 90 days."],
        "study": {"kind": "replicates"},
        "network": {
            "places": places * len(groups),
            "depths": len(layers),
            "replicates": replicates,
            "groups": list(groups),
            "steps": steps,
            "step_hours": 24.0,
            "readings": places * len(groups) * len(layers) * replicates * steps,
            "joined": [
                {"place": "a", "quantity": "discharge", "source": "gauge <3>", "distance_km": d}
                for d in (4.2, 1.0, None)
            ],
        },
        "versions": {"rootzone": "0"},
        "created": "2026-01-01T00:00:00Z",
        "seed": 1,
        "precision": "float32",
    }
    return {name: data for name, data in found.items() if name not in without}, summary


# --- water ------------------------------------------------------------------------------------


def _time(steps: int) -> pd.DatetimeIndex:
    return pd.date_range("2013-03-01", periods=steps, name="time")


def _water(rng: np.random.Generator, steps: int, layer: int) -> np.ndarray:
    """Return water (time) of a plot: a season, and rains that drain faster near the surface."""
    day = _time(steps).day_of_year.to_numpy()
    season = 0.07 * np.cos(2 * np.pi * (day - 30) / 365.0)
    rain, kept = rng.gamma(0.25, 6.0, steps), np.zeros(steps)
    for n in range(1, steps):
        kept[n] = kept[n - 1] * (0.86 + 0.04 * layer) + 0.0024 * rain[n] / (1 + 0.7 * layer)
    return 0.24 + 0.02 * layer + season + kept


def _offsets(replicates: int) -> np.ndarray:
    return np.linspace(-0.05, 0.06, replicates) if replicates > 1 else np.zeros(1)


def _network(rng, groups, layers, replicates, places, steps, located) -> xr.Dataset:
    names = [f"{g} {n + 1}" for g in groups for n in range(places)]
    shape = (len(names), len(layers), replicates, steps)
    water = 0.3 + 0.05 * rng.standard_normal(shape)
    for n in range(len(names)):  # records begin when they like, and have gaps
        water[n, ..., : int(0.3 * steps * rng.random())] = np.nan
        water[n, :, n % replicates, steps // 2 : steps // 2 + steps // 6] = np.nan
    away = 1.0 if located else np.nan
    coords = {
        "place": names,
        "depth": [10.0 + 20.0 * n for n in range(len(layers))],
        "replicate": list("ABCDEFGH"[:replicates]),
        "time": _time(steps),
        "group": ("place", [g for g in groups for _ in range(places)]),
        "latitude": ("place", away * (49.8 + 0.1 * rng.random(len(names)))),
        "longitude": ("place", away * (5.8 + 0.2 * rng.random(len(names)))),
    }
    data = {"soil_moisture": (("place", "depth", "replicate", "time"), water.astype("f4"))}
    return xr.Dataset(data, coords)


# --- numbers ----------------------------------------------------------------------------------


def _scores(rng, splits, models, groups, layers, truth) -> xr.Dataset:
    dims = ("split", "model", "group", "layer")
    shape = (len(splits), len(models), len(groups), len(layers))
    base = np.array([QUALITY[m] for m in models]).T[:, None, :, None, None]
    drop = np.array([DROP[s] for s in splits])[:, None, None, None]
    wobble = 1.0 + 0.12 * rng.standard_normal((1, 1, *shape[2:]))
    kge, rank, rmse, crps, like, w1, belt = (b * np.ones(shape) for b in base)
    real = 0.075 * wobble[0] * np.ones(shape)
    values = {
        "kge_places": kge * wobble[0] - 0.18 * drop,
        "kge_pooled": kge * wobble[0] + 0.08 - 0.18 * drop,
        "spearman_places": np.minimum(rank * (0.5 + 0.5 * wobble[0]) - 0.05 * drop, 0.99),
        "spearman_pooled": np.minimum(rank * (0.5 + 0.5 * wobble[0]) - 0.03 * drop, 0.99),
        "rmse": rmse / wobble[0] * (1 + 0.3 * drop),
        "crps": crps / wobble[0] * (1 + 0.35 * drop),
        "log_likelihood": like * wobble[0] - 0.5 * drop,
        "w1_sensors": w1 / wobble[0] * (1 + 0.4 * drop),
        "w1_pooled": 0.5 * w1 / wobble[0] * (1 + 0.4 * drop),
        "belt_obs": np.hypot(real, NOISE_BELT),
        "belt_model": belt * np.hypot(real, NOISE_BELT),
        "belt_obs_clean": real,
        "belt_model_clean": np.sqrt(
            np.maximum((belt * np.hypot(real, NOISE_BELT)) ** 2 - NOISE_BELT**2, 0)
        ),
        "coverage_50": 0.5 + 0.1 * (belt - 1.0) - 0.08 * drop,
        "coverage_80": np.minimum(0.8 + 0.1 * (belt - 1.0) - 0.1 * drop, 0.99),
        "coverage_90": np.minimum(0.9 + 0.05 * (belt - 1.0) - 0.1 * drop, 0.99),
        "width_80": 1.6 * belt * real,
        "places": np.full(shape, 4.0),
        "readings": np.full(shape, 4320.0),
        "bias": 0.01 * (belt - 1.0) * rng.standard_normal(shape),
    }
    values["mse"] = values["rmse"] ** 2
    values["ubrmse"] = np.sqrt(np.maximum(values["mse"] - values["bias"] ** 2, 0))
    if truth:
        values["w1_truth"] = 0.8 * values["w1_sensors"]
        values["belt_truth"] = 1.1 * values["belt_obs"]
        values["coverage_truth_80"] = values["coverage_80"] - 0.02
    for name in SPREAD:
        size = {"rmse": 0.003, "crps": 0.002, "log_likelihood": 0.15}.get(name, 0.06)
        for kind, factor in (("paper", 0.12), ("block", 1.0)):
            values[f"{name}_{kind}_low"] = values[name] - factor * size
            values[f"{name}_{kind}_high"] = values[name] + factor * size
    coords = {"split": list(splits), "model": models, "group": groups, "layer": layers}
    return xr.Dataset({k: (dims, v.astype("f4")) for k, v in values.items()}, coords)


def _normal(x: np.ndarray, mean: Any, std: Any) -> np.ndarray:
    z = (x - mean) / std
    return np.exp(-0.5 * z * z) / (std * np.sqrt(2 * np.pi))


def _density(models, groups, layers, truth) -> xr.Dataset:
    x, width = np.linspace(0.0, 0.6, 241), np.linspace(0.0, 0.3, 121)
    center = 0.22 + 0.05 * np.arange(len(groups))[:, None] + 0.02 * np.arange(len(layers))
    belt = 0.05 + 0.015 * np.arange(len(groups))[:, None] - 0.006 * np.arange(len(layers))

    def two(at, shift, wide):
        at, where = at[None, None], (center + shift)[..., None]
        return 0.6 * _normal(at, where, 0.035 * wide) + 0.4 * _normal(at, where + 0.1, 0.03 * wide)

    def belts(factor):
        at, where = width[None, None], (factor * belt)[..., None]
        return 0.7 * _normal(at, where, 0.012) + 0.3 * _normal(at, where + 0.05, 0.02 * factor)

    factors = [QUALITY[m][-1] for m in models]
    of = ("group", "layer")
    data = {
        "density_obs": ((*of, "x"), two(x, 0.0, 1.0)),
        "belt_density_obs": ((*of, "width"), belts(1.0)),
        "density_model": (
            ("model", *of, "x"),
            np.stack([two(x, 0.02 * (f - 1.0), f) for f in factors]),
        ),
        "belt_density_model": (("model", *of, "width"), np.stack([belts(f) for f in factors])),
    }
    if truth:
        data["belt_density_truth"] = ((*of, "width"), belts(1.08))
    coords = {"model": models, "group": groups, "layer": layers, "x": x, "width": width}
    return xr.Dataset(data, coords)


# --- series -----------------------------------------------------------------------------------


def _quantiles(centers: np.ndarray, std: float) -> np.ndarray:
    """Return quantiles (time, level) of equal parts around centers (time, part)."""
    grid = np.linspace(0.0, 0.75, 376)
    cdf = ndtr((grid - centers[..., None]) / std).mean(axis=1)
    return np.stack([np.interp(LEVELS, row, grid) for row in cdf])


def _series(rng, groups, layers, models, replicates, steps, examples, era5, truth) -> xr.Dataset:
    time, x = _time(steps), np.linspace(0.0, 0.6, 121)
    rows: list[dict[str, np.ndarray]] = []
    for n in range(examples):
        water = _water(rng, steps, n % len(layers))
        wetness = 0.4 + 1.6 * np.clip((water - 0.2) / 0.15, 0.0, 1.0)
        away = wetness[:, None] * _offsets(replicates)  # sensors differ more where it is wet
        obs = water[:, None] + away + 0.006 * rng.standard_normal(away.shape)
        obs[steps // 5 : steps // 4, 0] = np.nan
        test = (np.arange(steps) // 90) % 2 == n % 2
        at = np.flatnonzero(test & np.isfinite(obs).all(axis=1))
        at = at[[at.size // 4, 3 * at.size // 4]]
        drawn = _normal(x, obs[at][..., None], 0.02).mean(axis=1)
        row = {
            "obs": obs.T,
            "era5_land": water + 0.09 + 0.3 * (water - water.mean()),
            "truth_quantile": _quantiles(water[:, None] + 1.05 * away, 0.02),
            "test": test,
            "snapshot_time": time.to_numpy()[at],
            "snapshot_density_obs": drawn,
        }
        means, quantiles, densities = [], [], []
        for model in models:
            factor, rmse = QUALITY[model][-1], QUALITY[model][2]
            mean = water + 0.4 * rmse * np.sin(np.arange(steps) / 40.0 + len(model))
            centers = mean[:, None] + (factor * away if model[:3] in _MIXED else 0.0 * away)
            std = 0.02 * factor if model[:3] in _MIXED else rmse
            means.append(np.where(test, mean, np.nan))
            quantiles.append(np.where(test[:, None], _quantiles(centers, std), np.nan))
            densities.append(_normal(x, centers[at][..., None], std).mean(axis=1))
        row["mean"], row["quantile"] = np.stack(means), np.stack(quantiles)
        row["snapshot_density_model"] = np.stack(densities, axis=1)
        rows.append(row)
    dims = {
        "obs": ("replicate", "time"),
        "mean": ("model", "time"),
        "quantile": ("model", "time", "level"),
        "test": ("time",),
        "snapshot_time": ("snapshot",),
        "snapshot_density_obs": ("snapshot", "x"),
        "snapshot_density_model": ("snapshot", "model", "x"),
    }
    dims |= {"era5_land": ("time",)} if era5 else {}
    dims |= {"truth_quantile": ("time", "level")} if truth else {}
    data = {k: (("example", *d), np.stack([row[k] for row in rows])) for k, d in dims.items()}
    coords = {
        "time": time,
        "model": models,
        "level": LEVELS,
        "x": x,
        "replicate": list("ABCDEFGH"[:replicates]),
        "place": ("example", [f"{groups[n % len(groups)]} {n + 1}" for n in range(examples)]),
        "layer": ("example", [layers[n % len(layers)] for n in range(examples)]),
        "group": ("example", [groups[n % len(groups)] for n in range(examples)]),
    }
    return xr.Dataset(data, coords)


# --- seasons, spread, honesty, training ---------------------------------------------------------


_WINTER = 0.5 * (1 + np.cos(np.pi * np.arange(12) / 6.0))  # 1 in January, 0 in July


def _months(rng, models, groups, discharge, truth) -> xr.Dataset:
    shape = (12, len(models), len(groups))
    some = np.clip((0.1 + 0.4 * _WINTER)[:, None, None] * (0.7 + 0.6 * rng.random(shape)), 0, 1)
    some *= np.array([m[:3] in _MIXED for m in models])[:, None]  # one Gaussian has one mode
    data: dict[str, Any] = {
        "multimodal": (("month", "model", "group"), some),
        "rainy_days": (("month", "group"), np.tile(0.3 + 0.3 * _WINTER[:, None], len(groups))),
        "discharge": (
            ("month", "group"),
            np.tile(_WINTER[:, None] + 0.2, len(groups)) * (1 if discharge else np.nan),
        ),
    }
    if truth:
        data["truth_multimodal"] = (("month", "group"), some[:, 0] * 1.1)
    return xr.Dataset(data, {"month": np.arange(1, 13), "model": models, "group": groups})


def _spread(rng, models, groups, layers, truth) -> xr.Dataset:
    bins = np.linspace(0.12, 0.48, 10)
    hump = 0.03 + 0.09 * np.sin(np.pi * (bins - 0.05) / 0.5)
    shape = (len(groups), len(layers), bins.size)
    obs = hump * (1 + 0.1 * rng.standard_normal(shape))
    obs[..., -1] = np.nan
    model = np.stack([obs * QUALITY[m][-1] for m in models])
    dims = ("group", "layer", "bin")
    data: dict[str, Any] = {
        "water": (dims, np.broadcast_to(bins, shape)),
        "spread_obs": (dims, obs),
        "spread_model": (("model", *dims), model),
    }
    if truth:
        data["spread_truth"] = (dims, np.broadcast_to(hump, shape))
    return xr.Dataset(data, {"model": models, "group": groups, "layer": layers})


def _reliability(rng, splits, models, layers) -> xr.Dataset:
    bins = (np.arange(20) + 0.5) / 20
    shape = (len(splits), len(models), len(layers), bins.size)
    bend = np.array([QUALITY[m][-1] - 1.0 for m in models])[None, :, None, None]
    pit = 1.0 - 2.0 * bend * ((2 * bins - 1) ** 2 - 1 / 3) + 0.08 * rng.standard_normal(shape)
    interval = np.array([0.5, 0.8, 0.9])
    coverage = interval + 0.6 * bend * interval * (1 - interval) * np.ones((*shape[:3], 3))
    data = {
        "pit": (("split", "model", "layer", "bin"), np.maximum(pit, 0.0)),
        "coverage": (("split", "model", "layer", "interval"), np.clip(coverage, 0, 1)),
    }
    coords = {
        "split": list(splits),
        "model": models,
        "layer": layers,
        "bin": bins,
        "interval": interval,
    }
    return xr.Dataset(data, coords)


def _learning(rng, models, splits, epochs: int = 10, members: int = 2) -> xr.Dataset:
    learned = [m for m in models[:8] if m != "pooled_corrected"]
    runs = [f"{m}/{s}/{f}" for m in learned for s in splits for f in ("1", "2")][:40]
    fall = np.exp(-np.arange(epochs) / 3.0) + 0.1 * rng.random((len(runs), members, epochs))
    dims = ("training", "member", "epoch")
    data = {"train_loss": (dims, fall - 0.6), "valid_loss": (dims, 0.9 * fall - 0.4)}
    return xr.Dataset(data, {"training": runs, "member": [0, 1], "epoch": np.arange(1, epochs + 1)})


def _response(rng, groups) -> xr.Dataset:
    shape = (len(groups), 12)
    skipped = np.clip(0.25 - 0.2 * _WINTER + 0.05 * rng.random(shape), 0, 1)
    quiet = np.full(shape, 0.3)
    dims = ("group", "month")
    data = {
        "events": (dims, rng.integers(5, 60, shape).astype(float)),
        "non_sequential": (dims, skipped),
        "no_response": (dims, quiet),
        "sequential": (dims, 1.0 - skipped - quiet),
    }
    return xr.Dataset(data, {"group": groups, "month": np.arange(1, 13)})
