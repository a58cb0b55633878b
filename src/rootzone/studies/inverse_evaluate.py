"""The test of a study `inverse`: all methods on held-out days, with counts of several detectors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rootzone.config.inverse import InverseStudy
from rootzone.learn import Recalibration, Sequences, predict
from rootzone.simulate.scenarios import Ensemble
from rootzone.studies.inverse_answers import (
    INTERVALS,
    Answers,
    answer,
    calibrated_levels,
    calibration_of,
    coverage,
    mean_of,
    pit_of,
)
from rootzone.studies.inverse_baselines import (
    baselines,
    calibrated_columns,
    climatology,
    fitted_times,
)
from rootzone.studies.inverse_data import (
    GROUPS,
    STATIC_GROUPS,
    TEST,
    VALID,
    Counts,
    Data,
    Detector,
    counted,
    sequences,
)
from rootzone.studies.inverse_scores import rmse_interval, score_table, subsets
from rootzone.studies.inverse_splits import Parts
from rootzone.studies.inverse_train import Trained

_BINS = 20  # of the histogram of the probability integral transform
_IMPORTANCE_SITES = 32


def detector_name(detector: Detector) -> str:
    """Return what counts are called.

    >>> detector_name("exact"), detector_name(1000.0)
    ('exact counts', '1000 h-1')
    """
    if detector == "exact":
        return "exact counts"
    return "own detectors" if detector == "own" else f"{detector:g} h-1"


@dataclass
class Tested:
    """What came of the test of a split.

    Attributes
    ----------
    data : Data
        The test sites.
    tested : array (site, day)
        Days of the test.
    main : str
        Counts that are shown in detail.
    counts : dict of Counts
        By name.
    answers : dict of Answers
        Of the network, by name of the counts.
    others : dict of dict of array (site, day, depth)
        Of the other methods, by name of the counts.
    scores : Dataset
        (counts, retrieval, subset, depth).
    reliability : Dataset
        Coverage, width and histograms (counts, ..., depth).
    outside : dict
        Inputs outside the training range and their share.
    calibration : Recalibration
        Of the intervals, from the validation part.
    """

    data: Data
    tested: np.ndarray
    main: str
    counts: dict[str, Counts]
    answers: dict[str, Answers]
    others: dict[str, dict[str, np.ndarray]]
    scores: xr.Dataset
    reliability: xr.Dataset
    outside: dict[str, float]
    calibration: Recalibration


def without(data: Sequences, names: tuple[str, ...], inputs: Any, static: Any) -> Sequences:
    """Return sequences that lack some inputs or attributes."""
    gone = np.isin(inputs, names)
    changed = np.where(gone, np.nan, data.inputs).astype("f4")
    if data.static is None:
        return data._replace(inputs=changed)
    kept = np.where(np.isin(static, names), np.nan, data.static).astype("f4")
    return data._replace(inputs=changed, static=kept)


def _test_sites(study: InverseStudy, parts: Parts) -> np.ndarray:
    """Return the positions of the test sites, evenly chosen where there are many."""
    sites = parts.sites("test")
    most = study.evaluation.sites
    if len(sites) <= most:
        return sites
    return sites[np.linspace(0, len(sites) - 1, most).round().astype(int)]


def evaluated(
    study: InverseStudy,
    data: Data,
    parts: Parts,
    trained: Trained,
    ensemble: Ensemble | None,
) -> Tested:
    """Return how all methods do on the test of a split.

    Parameters
    ----------
    study : InverseStudy
        Its evaluation.
    data : Data
        All sites.
    parts : Parts
        Of the split.
    trained : Trained
        Its network.
    ensemble : Ensemble, optional
        The simulated sites, for the columns that are calibrated; left out, there are none.
    """
    e, model = study.evaluation, trained.model
    names: dict[str, Detector] = {detector_name(d): d for d in e.detectors}
    main = next((n for n, d in names.items() if isinstance(d, float)), next(iter(names)))
    held = parts.sites("valid")[: e.sites]
    valid = data.pick(held)
    pit = pit_of(
        model, sequences(study, valid, counted(valid, "own", study.seed, VALID, study.errors))
    )
    layer = calibration_of(pit, parts.valid[held])
    levels = calibrated_levels(layer)

    chosen = _test_sites(study, parts)
    test, tested = data.pick(chosen), parts.test[chosen]
    counts = {n: counted(test, d, study.seed, TEST, study.errors) for n, d in names.items()}
    read = {n: sequences(study, test, c) for n, c in counts.items()}
    bare = f"{main}, no attributes"
    counts[bare] = counts[main]
    if model.names.static:
        lost = (*model.names.static, "retrieval")
        read[bare] = without(read[main], lost, model.names.inputs, model.names.static)
    outside = model.out_of_range(read[main])
    found = answer(model, Sequences.join(list(read.values())), levels)
    cut = lambda k: slice(k * test.sites, (k + 1) * test.sites)  # noqa: E731
    answers = {n: Answers(*(x[cut(k)] for x in found)) for k, n in enumerate(read)}

    seen = parts.sites("train")[:400]
    training, days = data.pick(seen), parts.train[seen]
    times = fitted_times(training, counted(training, "own", study.seed, errors=study.errors), days)
    normal = climatology(training, days, data.day_of_year)
    others = {n: baselines(test, counts[n], times, normal) for n in names}
    if ensemble is not None and e.column_sites:
        others[main]["columns"] = _columns(study, ensemble, test, counts[main])
    scores = _scores(study, test, tested, answers, others)
    return Tested(
        *(test, tested, main, counts, answers, others),
        scores,
        _reliability(test, tested, answers),
        outside,
        layer,
    )


def _columns(study: InverseStudy, ensemble: Ensemble, data: Data, counts: Counts) -> np.ndarray:
    """Return the answers of calibrated columns (site, day, depth), NaN at sites without them."""
    most = min(study.evaluation.column_sites, data.sites)
    some = np.unique(np.linspace(0, data.sites - 1, most).round().astype(int))
    few = counts.pick(some)
    out = np.full(data.theta.shape, np.nan)
    out[some] = calibrated_columns(study, ensemble, data.pick(some), few)
    return out


def _scores(
    study: InverseStudy,
    data: Data,
    tested: np.ndarray,
    answers: dict[str, Answers],
    others: dict[str, dict[str, np.ndarray]],
) -> xr.Dataset:
    """Return scores (counts, retrieval, subset, depth), the RMSE with its spread."""
    e, parts = study.evaluation, []
    for name, own in answers.items():
        methods = {"network": own.mean, **others.get(name, {})}
        table = score_table(data, tested, methods, {"network": own.crps})
        ends = np.full((2, *table["rmse"].shape), np.nan)
        for k in range(len(data.depths)):
            for s, which in enumerate(subsets(data, tested, k).values()):
                for m, sim in enumerate(methods.values()):
                    error = sim[..., k] - data.theta[..., k]
                    ends[:, m, s, k] = rmse_interval(
                        error,
                        which & np.isfinite(error),
                        block=e.block,
                        replicates=e.bootstrap if data.depths[k] == 30 else 0,
                        seed=study.seed,
                    )
        for end, value in zip(("low", "high"), ends, strict=True):
            attrs = {"units": "m3 m-3", "long_name": "5 and 95 % quantile of the block bootstrap"}
            table[f"rmse_{end}"] = (table["rmse"].dims, value, attrs)
        parts.append(table)
    index = xr.Variable("counts", np.array(list(answers), dtype=object))
    return xr.concat(parts, index, join="outer")  # pyright: ignore[reportReturnType]


def _reliability(data: Data, tested: np.ndarray, answers: dict[str, Answers]) -> xr.Dataset:
    """Return coverage and width of intervals, histograms of the PIT, and the log score."""
    depths, rows = len(data.depths), []
    for own in answers.values():
        wanted = subsets(data, tested, 0)["all"]
        out: dict[str, Any] = {
            k: (("interval", "depth"), v) for k, v in coverage(own, data.theta, wanted).items()
        }
        pit = [np.histogram(own.pit[..., k][wanted], _BINS, (0, 1))[0] for k in range(depths)]
        out["pit"] = (("bin", "depth"), np.stack(pit, axis=1) / max(wanted.sum(), 1) * _BINS)
        scores = [own.log_prob[..., k][wanted].mean() for k in range(depths)]
        out["log_score"] = (("depth",), np.array(scores, float))
        rows.append(xr.Dataset(out))
    index = xr.Variable("counts", np.array(list(answers), dtype=object))
    found: xr.Dataset = xr.concat(rows, index)  # pyright: ignore[reportAssignmentType]
    return found.assign_coords(
        interval=("interval", np.array(list(INTERVALS))),
        bin=("bin", (np.arange(_BINS) + 0.5) / _BINS),
        depth=("depth", np.array(data.depths), {"units": "cm"}),
    )


# --- which inputs are used --------------------------------------------------------------


def importance(study: InverseStudy, result: Tested, trained: Trained) -> xr.Dataset:
    """Return the RMSE (withheld, depth) when a group of inputs or attributes is withheld."""
    model = trained.model
    some = np.arange(min(_IMPORTANCE_SITES, result.data.sites))
    data, wanted = result.data.pick(some), result.tested[some]
    counts = result.counts[result.main]
    whole = sequences(study, data, counts.pick(some))
    known = {*model.names.inputs, *model.names.static}
    both: list[tuple[str, ...]] = [*GROUPS, *STATIC_GROUPS]
    groups = [g for g in both if known & set(g)]
    if {"counts", "retrieval"} <= known:
        groups.append(("counts", "retrieval"))
    if model.names.static:
        groups.append((*model.names.static, "retrieval"))
    read = [whole, *(without(whole, g, model.names.inputs, model.names.static) for g in groups)]
    mean = predict(model, Sequences.join(read), mean_of)
    mean = mean.reshape(len(read), data.sites, data.days, -1)
    usable = subsets(data, wanted, 0)["all"]
    squares = (mean - data.theta)[:, usable] ** 2
    rmse = np.sqrt(squares.mean(axis=1))
    words = ["nothing", *(_words(g, model.names.static) for g in groups)]
    return xr.Dataset(
        {"rmse": (("withheld", "depth"), rmse, {"units": "m3 m-3"})},
        coords={
            "withheld": np.array(words, dtype=object),
            "depth": ("depth", np.array(data.depths), {"units": "cm"}),
        },
    )


def _words(group: tuple[str, ...], static: tuple[str, ...]) -> str:
    """Return what a group of inputs is called."""
    if len(group) > 2:
        return "all attributes"
    known = {
        "season_cos": "season",
        "log_N0": "strength of the detector",
        "log_rate": "mean count rate",
        "sand": "texture",
        "bulk_density": "density and porosity",
        "leaf_area_max": "plants",
        "soil_organic_carbon": "organic carbon",
        "lattice_water": "lattice water",
        "biomass_water": "biomass",
        "pet": "evapotranspiration",
        "retrieval": "homogeneous inversion",
    }
    first = next(iter(group))
    return "all counts" if group == ("counts", "retrieval") else known.get(first, first)
