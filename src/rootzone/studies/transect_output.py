"""Results of the study `transect` as datasets and as a summary."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.calibrate.behavioral import LEVELS, distribution
from rootzone.calibrate.objectives import SCORES
from rootzone.calibrate.problem import COUNTS
from rootzone.config.transect import TransectStudy
from rootzone.studies.transect import TransectResult
from rootzone.studies.transect_ensemble import STORE
from rootzone.studies.transect_evaluate import BAND, CALIBRATED, DEFAULT, Run

_CDF = np.linspace(0.0, 1.0, 201)
_SERIES = {
    "counts": ("h-1", "count rate"),
    "mass": ("g g-1", "gravimetric water of soil and lattice by the counts"),
    "root_zone": ("m3 m-3", "mean soil water of the root zone"),
    "theta": ("m3 m-3", "soil water of the horizon"),
    "water": ("m3 m-3", "mean soil water of the depth of the sensors"),
}


def transect_datasets(study: TransectStudy, result: TransectResult) -> dict[str, xr.Dataset]:
    """Return series along the line, map, sets, searches and other sites."""
    found = {"line": _line(study, result), "map": _map(result), "sets": _sets(study, result)}
    if result.searches:
        found["searches"] = _searches(result)
    if result.transferred:
        found["transfer"] = _transfer(result)
    for dataset in found.values():
        dataset.attrs |= {
            "Conventions": "CF-1.11",
            "title": study.title or f"Transect {result.prepared.model.domain.name}",
            "source": f"rootzone, processes of mHM, compat {study.compat}",
        }
    return found


# --- along the line -------------------------------------------------------------------------


def _line(study: TransectStudy, result: TransectResult) -> xr.Dataset:
    """Return daily series at the places: observed, default, calibrated with band, true."""
    p, found = result.prepared, result.found
    places, setup = p.places, p.model.setup
    horizons = [f"horizon {n + 1}" for n in range(setup.horizons)]
    coords = {
        "time": ("time", p.days, {"long_name": "start of the day (UTC)"}),
        "place": ("place", list(places.name)),
        "horizon": ("horizon", horizons),
        "section": ("place", [places.sections[n] for n in places.section]),
        "distance": ("place", places.distance, {"units": "m", "long_name": "along the line"}),
        "x": ("place", places.x, {"units": "m"}),
        "y": ("place", places.y, {"units": "m"}),
    }
    data: dict[str, Any] = {}

    def put(run: Run, suffix: str, words: str) -> None:
        for name, (units, long_name) in _SERIES.items():
            if name == "water" and p.counted.water is None:
                continue
            if name == "mass" and not p.by_desilets:
                continue
            dims = ("time", "horizon", "place") if name == "theta" else ("time", "place")
            attrs = {"units": units, "long_name": f"{long_name}, {words}"}
            data[f"{name}_{suffix}"] = (dims, _small(getattr(run, name)), attrs)
            for side, q in zip(("lower", "upper"), BAND, strict=True):
                band = getattr(run, side)
                if name in band:
                    told = f"{long_name}, {100 * q:g} % quantile of the kept sets"
                    data[f"{name}_{side}"] = (
                        dims,
                        _small(band[name]),
                        {"units": units, "long_name": told},
                    )

    put(found.default, DEFAULT, "parameters before calibration")
    put(found.calibrated, CALIBRATED, "mean of the kept sets of the section")
    if found.truth is not None:
        put(found.truth, "true", "truth of the twin")
    observed = {
        "counts_observed": (p.counted.rate, "h-1", "observed count rate"),
        "counts_sigma": (p.counted.sigma, "h-1", "standard deviation of the observed count rate"),
        "mass_observed": (found.observed_mass, "g g-1", "gravimetric water by the counts"),
        "mass_sigma": (found.observed_mass_sigma, "g g-1", "its standard deviation"),
    }
    for name, (values, units, long_name) in observed.items():
        if name.startswith("mass") and not p.by_desilets:
            continue
        attrs = {"units": units, "long_name": long_name}
        data[name] = (("time", "place"), _small(values), attrs)
    if p.counted.water is not None:
        attrs = {"units": "m3 m-3", "long_name": "observed soil water"}
        data["water_observed"] = (("time", "place"), _small(p.counted.water), attrs)
    judged = np.isfinite(np.asarray(p.judged[COUNTS].values)).any(axis=1)
    data["scored"] = ("time", judged.astype("i1"), {"long_name": "days that the scores are of"})
    rain = np.asarray(p.model.catchment.weather.precipitation)[setup.warming_days :]
    rain = rain.sum(axis=1) if rain.ndim == 3 else rain
    attrs = {"units": "mm d-1", "long_name": "precipitation, mean of the places"}
    data["precipitation"] = ("time", _small(rain[:, places.cell].mean(axis=1)), attrs)
    dataset = xr.Dataset(data, coords)
    edges = [0.0, *setup.horizon_depths]
    dataset["horizon_top"] = ("horizon", np.array(edges[: setup.horizons]) / 10.0)
    dataset["horizon_top"].attrs = {"units": "cm", "long_name": "upper depth"}
    dataset.attrs["root_zone_depth_cm"] = study.evaluation.depth
    return dataset


def _small(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, "f4")


def _map(result: TransectResult) -> xr.Dataset:
    """Return elevation, land cover, the line, and mean counts along it."""
    p = result.prepared
    domain = p.model.domain
    grid = domain.level0
    cover = np.where(domain.mask, domain.land_cover[0], -9999).astype("i2")
    data: dict[str, Any] = {
        "elevation": (("y", "x"), _small(domain.dem), {"units": "m", "long_name": "elevation"}),
        "land_cover": (
            ("y", "x"),
            cover,
            {
                "flag_values": np.array([1, 2, 3], "i2"),
                "flag_meanings": "forest impervious pervious",
                "_FillValue": np.int16(-9999),
            },
        ),
    }
    units = "degrees" if domain.geographic else "m"
    coords: dict[str, Any] = {
        "x": ("x", grid.x, {"units": units}),
        "y": ("y", grid.y, {"units": units}),
    }
    if domain.line is not None:
        data["line_x"] = ("vertex", domain.line.x)
        data["line_y"] = ("vertex", domain.line.y)
    places = p.places
    with np.errstate(invalid="ignore"):
        known = np.isfinite(p.counted.rate)
        mean = np.where(known, p.counted.rate, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    data["place_counts"] = ("place", np.where(known.any(axis=0), mean, np.nan), {"units": "h-1"})
    coords |= {
        "place": ("place", list(places.name)),
        "place_x": ("place", places.x),
        "place_y": ("place", places.y),
        "section": ("place", [places.sections[n] for n in places.section]),
    }
    if p.counted.segments is not None:
        for name, values in p.counted.segments.items():
            data[f"segment_{name}"] = ("segment", values)
    dataset = xr.Dataset(data, coords)
    dataset.attrs["cell_size"] = domain.cellsize1
    return dataset


# --- sets -----------------------------------------------------------------------------------


def _sets(study: TransectStudy, result: TransectResult) -> xr.Dataset:
    """Return the kept sets with their spread, the distribution of scores over all sets."""
    p, ensemble = result.prepared, result.ensemble
    groups, names = p.problem.groups, list(result.kept)
    longest = max(len(k.members) for k in result.kept.values())
    shape = (len(names), longest)
    values = np.full((*shape, len(p.space)), np.nan)
    objective, member = np.full(shape, np.nan), np.full(shape, -1)
    quantiles = np.full((len(names), len(LEVELS), len(p.space)), np.nan)
    narrowing = np.full((len(names), len(p.space)), np.nan)
    for n, kept in enumerate(result.kept.values()):
        count = len(kept.members)
        values[n, :count], objective[n, :count] = kept.values, kept.objective
        member[n, :count] = kept.members
        spread = distribution(p.space, kept.values)
        quantiles[n], narrowing[n] = spread.quantiles, spread.narrowing
    data: dict[str, Any] = {
        "value": (("selection", "rank", "parameter"), values),
        "objective": (("selection", "rank"), objective),
        "member": (("selection", "rank"), member),
        "lower": ("parameter", p.space.lower),
        "upper": ("parameter", p.space.upper),
        "default": ("parameter", p.space.default),
        "quantile": (("selection", "quantile_level", "parameter"), quantiles),
        "narrowing": (
            ("selection", "parameter"),
            narrowing,
            {"long_name": "one minus the width of the kept sets over that of all", "units": "1"},
        ),
    }
    truth = p.counted.truth
    if truth is not None and truth.values is not None:
        data["true"] = ("parameter", truth.values[p.calibration.where])
    for score in ("nse", "kge_2009", "kge_2012", "r_squared", "pbias"):
        scores = ensemble.scores[f"{COUNTS}_{score}"]
        known = np.where(np.isfinite(scores), scores, np.nan)
        with np.errstate(invalid="ignore"):
            spread = np.nanquantile(known, _CDF, axis=0)
        data[f"cdf_{score}"] = (("share", "group"), spread, {"long_name": f"{score} of the sets"})
    pattern = ensemble.scores[f"{COUNTS}_spaef"]
    data["cdf_spaef"] = ("share", np.nanquantile(pattern, _CDF))
    coords: dict[str, Any] = {
        "selection": names,
        "parameter": list(p.space.names),
        "units": ("parameter", list(p.space.units)),
        "quantile_level": list(LEVELS),
        "share": _CDF,
        "group": list(groups),
    }
    if result.informed is not None:
        informed = result.informed
        for name, array in informed.indices.items():
            data[name] = (("selection", "parameter"), array, {"long_name": informed.words[name]})
        for name, array in informed.thresholds.items():
            data[name] = ("selection", array)
    dataset = xr.Dataset(data, coords)
    dataset.attrs["objective"] = study.search.objective.score
    dataset.attrs["sets"] = len(ensemble.values)
    return dataset


def _searches(result: TransectResult) -> xr.Dataset:
    """Return the best of n against n of every search."""
    curves = [c.curve for c in result.searches]
    longest = max(len(runs) for runs, _ in curves)
    runs, best = (np.full((len(curves), longest), np.nan) for _ in range(2))
    for n, (x, y) in enumerate(curves):
        runs[n, : len(x)], best[n, : len(x)] = x, y
    dataset = xr.Dataset(
        {
            "runs": (("search", "step"), runs, {"long_name": "model runs"}),
            "best": (("search", "step"), best, {"long_name": "best objective so far"}),
        },
        {"search": [c.name for c in result.searches]},
    )
    dataset.attrs["selection"] = result.searches[0].selection
    for c in result.searches:
        if c.posterior is not None:
            name = c.name.replace(" ", "_").replace("-", "_")
            dataset[f"posterior_{name}"] = (
                (f"draw_{name}", f"parameter_{name}"),
                c.posterior,
            )
            dataset = dataset.assign_coords({f"parameter_{name}": list(c.parameters)})
    return dataset


def _transfer(result: TransectResult) -> xr.Dataset:
    """Return soil water at the other sites."""
    sites = result.transferred
    days = sites[0].days
    for site in sites[1:]:
        days = days.union(site.days)
    depths = list(dict.fromkeys(d for site in sites for d in site.depths))
    names = ("default", "calibrated", "lower", "upper", "reference")
    data = {n: np.full((len(sites), len(days), len(depths)), np.nan, "f4") for n in names}
    rain = np.full((len(sites), len(days)), np.nan, "f4")
    for s, site in enumerate(sites):
        at = days.get_indexer(pd.DatetimeIndex(site.days))
        columns = np.array([depths.index(d) for d in site.depths])
        for name in names:
            data[name][s][np.ix_(at, columns)] = getattr(site, name)
        rain[s, at] = site.precipitation
    variables: dict[str, Any] = {
        n: (("site", "time", "depth"), x, {"units": "m3 m-3"}) for n, x in data.items()
    }
    variables["precipitation"] = (("site", "time"), rain, {"units": "mm d-1"})
    return xr.Dataset(
        variables,
        {
            "site": [s.name for s in sites],
            "section": ("site", [s.section for s in sites]),
            "time": days,
            "depth": depths,
        },
    )


# --- summary --------------------------------------------------------------------------------


def transect_scores(result: TransectResult) -> dict[str, dict[str, float]]:
    """Return the scores by run, what they are of, and group."""
    found = {}
    for run, of_run in result.found.scores.items():
        for of, groups in of_run.items():
            for group, scores in groups.items():
                found[f"{run}, {of}, {group}"] = {k: scores[k] for k in SCORES if k in scores}
    for run, of_run in result.found.patterns.items():
        for of, pattern in of_run.items():
            found[f"{run}, {of}, pattern"] = pattern
    for site in result.transferred:
        for run, depths in site.scores.items():
            for depth, scores in depths.items():
                found[f"{run}, {site.name}, {depth}"] = scores
    return found


def transect_summary(study: TransectStudy, result: TransectResult) -> dict[str, Any]:
    """Return the kind's own keys of the summary."""
    p, ensemble = result.prepared, result.ensemble
    counted = np.isfinite(p.counted.rate)
    return {
        "sets": len(ensemble.values),
        "parameters": len(p.space),
        "places": len(p.places.cell),
        "sections": list(p.places.sections),
        "days": len(p.days),
        "warm_up_days": p.model.setup.warming_days,
        "counts": int(counted.sum()),
        "calibrate": study.search.calibrate,
        "objective": study.search.objective.score,
        "N0": p.N0,
        "twin": p.counted.truth is not None,
        "observations": p.counted.told or {},
        "ensemble_seconds": ensemble.seconds,
        "ensemble_computed": ensemble.computed,
        "store": STORE if ensemble.store is not None else None,
        "kept": {
            name: {
                "sets": len(k.members),
                "best": float(k.objective[0]),
                "worst": float(k.objective[-1]),
            }
            for name, k in result.kept.items()
        },
        "searches": [c.row() for c in result.searches],
        "band": list(BAND),
    }
