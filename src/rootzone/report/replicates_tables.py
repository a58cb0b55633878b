"""Tables of the report of the study `replicates`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from rootzone.report.page import Table
from rootzone.report.replicates_style import (
    ALL,
    is_paper,
    labels,
    main_models,
    name_of,
    named_part,
    networks,
    number,
    picked,
    rivals,
    score,
    share,
    with_all,
)

PAPER_GROUPS = {"schist", "marl", "marls", "sandstone", "slate", "slates"}
PAPER = (
    "The study that this one follows (Bischof et al. 2025, doi:10.1016/j.jhydrol.2025.134364; 43 "
    "places in the Attert basin, hourly) reports as total averages of condLSTM, 3G-LSTM, "
    "ERA5-Land and annual cycle KGE 0.51, 0.52, 0.41, 0.21 and rank correlation 0.70, 0.72, 0.76, "
    "0.46."
)
PAPER_VARIABILITY = (
    "The same study reports for condLSTM and 3G-LSTM CRPS 0.029 and 0.028, Wasserstein distance "
    "0.022 and 0.018, log-likelihood 1.326 and 1.371."
)
PAPER_ERRORS = (
    "The same study reports RMSE 0.033 (condLSTM), 0.036 (3G-LSTM) and 0.110 (ERA5-Land)."
)
_MONTHS = "January February March April May June July August September October November December"
_NARROW = "\u00a0"  # a space that does not break a line

_OVERALL = {
    "kge_places": ("KGE, mean of places", "{:.2f}"),
    "kge_pooled": ("KGE, pooled", "{:.2f}"),
    "spearman_places": ("rank corr., mean of places", "{:.2f}"),
    "spearman_pooled": ("rank corr., pooled", "{:.2f}"),
    "rmse": ("RMSE", "{:.4f}"),
    "bias": ("bias", "{:+.4f}"),
    "ubrmse": ("ubRMSE", "{:.4f}"),
    "crps": ("CRPS", "{:.4f}"),
    "log_likelihood": ("log-likelihood", "{:.2f}"),
    "w1_sensors": ("W₁, each step", "{:.4f}"),
    "w1_pooled": ("W₁, pooled", "{:.4f}"),
    "belt_model": ("belt", "{:.3f}"),
    "width_80": ("80 % interval", "{:.3f}"),
}


def _shown(scores: xr.Dataset) -> str:
    return str(scores.attrs["shown_split"])


def scored_models(scores: xr.Dataset, name: str, split: str) -> list[str]:
    """Return the models with a score on a split, in the order of the run."""
    models = labels(scores, "model")
    return [m for m in models if picked(scores, name, split=split, model=m) is not None]


def compared(scores: xr.Dataset, name: str, others: Sequence[str] = ()) -> list[str]:
    """Return the few models of a wide table: the pair to compare, those asked for or the first."""
    known = scored_models(scores, name, _shown(scores))
    pair = rivals(scores, known) or ()
    few = main_models(scores, networks(known), 3)
    asked = [m for m in json.loads(scores.attrs.get("drawn_models", "[]")) if m in known]
    chosen = {*pair, *(asked or (few if not pair else [m for m in few if m not in pair][:1]))}
    shown = scores.attrs.get("shown_model")
    chosen |= {shown} if shown in known else set()
    return [m for m in known if m in chosen or m in others]


def _fullest(scores: xr.Dataset, split: str) -> str:
    """Return the model that answers the most of the readings."""
    at = {"split": split, "group": ALL, "layer": ALL}
    models = labels(scores, "model")
    return max(models, key=lambda m: np.nan_to_num(score(scores, "answered", model=m, **at)))


def overall_table(scores: xr.Dataset) -> Table:
    """Return all scores of all models on the shown split, all sensors together."""
    split = _shown(scores)
    at = {"split": split, "group": ALL, "layer": ALL}
    names = [n for n in _OVERALL if picked(scores, n, **at) is not None]
    impossible = picked(scores, "impossible", **at)
    told_impossible = impossible is not None and bool(np.nanmax(impossible) > 0)
    answered = picked(scores, "answered", **at)
    told_answered = answered is not None and bool(np.nanmin(answered) < 0.9995)
    header = ["model", *(_OVERALL[n][0] for n in names)]
    header += ["impossible"] if told_impossible else []
    header += ["answered"] if told_answered else []
    header += ["places", "readings"]
    rows = []
    for model in labels(scores, "model"):
        values = {n: score(scores, n, model=model, **at) for n in names}
        if np.isnan([*values.values()]).all():
            continue
        row = [name_of(scores, model), *(number(values[n], _OVERALL[n][1]) for n in names)]
        if told_impossible:
            row.append(share(score(scores, "impossible", model=model, **at), "{:.2f}"))
        if told_answered:
            row.append(share(score(scores, "answered", model=model, **at), "{:.1f}"))
        row += [number(score(scores, n, model=model, **at), "{:,.0f}") for n in _COUNTS]
        rows.append(row)
    belt = score(scores, "belt_obs", model=_fullest(scores, split), **at)
    told = f" The belt of the readings is {belt:.3f} m³ m⁻³." if np.isfinite(belt) else ""
    words = name_of(scores, split, "split_names")
    more = _impossible_words(told_impossible) + _answered_words(told_answered)
    caption = (
        f"All places and depths, held out: {words}. RMSE, bias (simulated minus observed) and "
        "ubRMSE of the mean of the sensors, CRPS and log-likelihood of readings, in m³ m⁻³ and "
        f"ln (m³ m⁻³)⁻¹.{told}{more}"
    )
    return Table(header, rows, caption)


_COUNTS = ("places", "readings")


def _impossible_words(told: bool) -> str:
    text = (
        " Impossible: share of readings to which a model gave no density at all, each of which "
        "makes its log-likelihood −∞."
    )
    return text if told else ""


def _answered_words(told: bool) -> str:
    text = " Answered: share of the tested readings that a model says anything of."
    return text if told else ""


def part_rows(scores: xr.Dataset) -> list[tuple[str, str]]:
    """Return the (group, layer) of a long table: all, each layer, each group with its layers."""
    groups, layers = with_all(scores, "group"), with_all(scores, "layer")
    return [(g, a) for g in groups for a in layers]


def part_table(
    scores: xr.Dataset, name: str, *, form: str = "{:.2f}", cells: str = "", caption: str = ""
) -> Table:
    """Return one score by group and depth, models in columns, block bootstrap in brackets.

    Parameters
    ----------
    scores : Dataset
        Scores of a run.
    name : str
        The score, and whose spread it is.
    form : str
        Format of the numbers.
    cells : str
        Another variable that is shown instead where it is there; its brackets only where it is
        the same number.
    caption : str
        Caption.
    """
    split = _shown(scores)
    models = scored_models(scores, name, split)
    shown = cells if cells in scores else name
    rows = []
    for group, layer in part_rows(scores):
        at = {"split": split, "group": group, "layer": layer}
        values = [score(scores, shown, model=m, **at) for m in models]
        if np.isnan(values).all():
            continue
        texts = []
        for model, value in zip(models, values, strict=True):
            ends = [score(scores, f"{name}_block_{e}", model=model, **at) for e in ("low", "high")]
            same = np.isclose(value, score(scores, name, model=model, **at), rtol=1e-5)
            texts.append(_with_ends(value, ends if same else [], form))
        rows.append([named_part(group, layer), *texts])
    return Table(["sensors", *(name_of(scores, m) for m in models)], rows, caption)


def _with_ends(value: float, ends: Sequence[float], form: str) -> str:
    """Return a number with the ends of its spread in brackets."""
    text = number(value, form)
    if len(ends) == 0 or not np.isfinite([value, *ends]).all():
        return text
    low, high = (number(e, form) for e in ends)
    return f"{text} [{low},{_NARROW}{high}]"


def variability_table(scores: xr.Dataset, *, caption: str = "") -> Table:
    """Return CRPS, Wasserstein distance and log-likelihood by group and depth, and their ratio."""
    split = _shown(scores)
    models = compared(scores, "crps")
    pair = rivals(scores, models)
    columns = [
        (n, words, form)
        for n, words, form in (
            ("crps", "CRPS", "{:.4f}"),
            ("w1_sensors", "W₁", "{:.4f}"),
            ("log_likelihood", "log-lik.", "{:.3f}"),
        )
        if picked(scores, n, split=split) is not None
    ]
    header = ["sensors", *(f"{w}, {name_of(scores, m)}" for _, w, _ in columns for m in models)]
    header += ["ratio"] if pair else []
    rows = []
    for group, layer in part_rows(scores):
        at = {"split": split, "group": group, "layer": layer}
        values = [(score(scores, n, model=m, **at), f) for n, _, f in columns for m in models]
        if np.isnan([v for v, _ in values]).all():
            continue
        row = [named_part(group, layer), *(number(v, f) for v, f in values)]
        if pair:
            one, three = (score(scores, "log_likelihood", model=m, **at) for m in pair)
            row.append(
                number(one - three if np.isfinite([one, three]).all() else np.nan, "{:+.3f}")
            )
        rows.append(row)
    told = (
        "CRPS and Wasserstein distance W₁ in m³ m⁻³ (lower is better), log-likelihood of a "
        "reading (higher is better)."
    )
    if pair:
        first, second = (name_of(scores, m) for m in pair)
        told += f" Ratio: log-likelihood of {first} less that of {second}."
    return Table(header, rows, f"{told} {caption}".strip())


def error_table(scores: xr.Dataset, *, caption: str = "") -> Table:
    """Return MSE and RMSE of the mean of the sensors by group and depth."""
    models = compared(scores, "rmse", ("era5_land", "era5_land_fitted"))
    header = [f"{w}, {name_of(scores, m)}" for w in ("MSE", "RMSE") for m in models]
    rows = []
    for group, layer in part_rows(scores):
        at = {"split": _shown(scores), "group": group, "layer": layer}
        values = [score(scores, n, model=m, **at) for n in ("mse", "rmse") for m in models]
        if not np.isnan(values).all():
            rows.append([named_part(group, layer), *(number(v, "{:.4f}") for v in values)])
    told = "Errors of the mean of the model against the mean of the sensors, m⁶ m⁻⁶ and m³ m⁻³."
    return Table(["sensors", *header], rows, f"{told} {caption}".strip())


def split_table(scores: xr.Dataset) -> Table:
    """Return main scores of all models on all splits."""
    splits = labels(scores, "split")
    at = {"group": ALL, "layer": ALL}
    names = [("kge_places", "KGE", "{:.2f}"), ("crps", "CRPS", "{:.4f}")]
    if "w1_truth" in scores:
        names.append(("w1_truth", "W₁ to the truth", "{:.4f}"))
    header = ["model"]
    header += [f"{w}, {name_of(scores, s, 'split_names')}" for _, w, _ in names for s in splits]
    rows = []
    for model in labels(scores, "model"):
        values = [
            (score(scores, n, split=s, model=model, **at), form)
            for n, _, form in names
            for s in splits
        ]
        if not np.isnan([v for v, _ in values]).all():
            rows.append([name_of(scores, model), *(number(v, f) for v, f in values)])
    return Table(
        header,
        rows,
        "KGE averaged over places, the others in m³ m⁻³; a dash where a model was not asked.",
    )


def coverage_table(scores: xr.Dataset) -> Table:
    """Return how many readings lie inside central intervals, and how wide these are."""
    at = {"split": _shown(scores), "group": ALL, "layer": ALL}
    rows = []
    for model in scored_models(scores, "coverage_80", _shown(scores)):
        inside = [score(scores, f"coverage_{p}", model=model, **at) for p in (50, 80, 90)]
        width = score(scores, "width_80", model=model, **at)
        rows.append(
            [
                name_of(scores, model),
                *(share(v, "{:.1f}") for v in inside),
                number(width, "{:.3f}"),
            ]
        )
    header = ["model", "inside 50 %", "inside 80 %", "inside 90 %", "width of 80 % [m³ m⁻³]"]
    return Table(header, rows, "Share of readings inside central intervals, all sensors.")


def truth_table(scores: xr.Dataset) -> Table:
    """Return how near the models come to the true distribution of a twin."""
    at = {"split": _shown(scores), "group": ALL, "layer": ALL}
    rows = []
    for model in scored_models(scores, "w1_truth", _shown(scores)):
        near, sensors, belt, true = (
            score(scores, n, model=model, **at)
            for n in ("w1_truth", "w1_sensors", "belt_model", "belt_truth")
        )
        rows.append(
            [
                name_of(scores, model) + (" *" if is_paper(scores, model) else ""),
                number(near, "{:.4f}"),
                number(sensors, "{:.4f}"),
                number(belt, "{:.3f}"),
                number(true, "{:.3f}"),
                share(score(scores, "coverage_truth_80", model=model, **at), "{:.1f}"),
            ]
        )
    header = ["model", "W₁ to the truth", "W₁ to the sensors", "belt", "true belt", "mass inside"]
    return Table(
        header,
        rows,
        "Mean over steps, in m³ m⁻³. The truth is what a new sensor of the plot would read: water "
        "of all its columns with bias and noise of a sensor. Mass inside: share of the true "
        "distribution within the predicted 10 to 90 %. * version as published.",
    )


def joined_table(joined: Sequence[Mapping[str, Any]]) -> Table:
    """Return what was brought to the places from elsewhere, and from how far."""
    kinds: dict[tuple[str, str], list[float]] = {}
    for one in joined:
        distance = one.get("distance_km")
        key = (str(one["quantity"]).replace("_", " "), str(one.get("source", "")))
        kinds.setdefault(key, []).append(float("nan") if distance is None else float(distance))
    rows = []
    for (quantity, source), distances in sorted(kinds.items()):
        known = [d for d in distances if np.isfinite(d)]
        far = ("-", "-") if not known else (number(np.median(known), "{:.1f}"), f"{max(known):.1f}")
        rows.append([quantity, source, str(len(distances)), *far])
    header = ["quantity", "from", "places", "median distance [km]", "largest"]
    return Table(header, rows, "What was joined to places from elsewhere.")


def modes_table(months: xr.Dataset) -> Table:
    """Return how often and when distributions have several maxima, by model and group."""
    true = picked(months, "truth_multimodal") is not None
    header = ["sensors", "model", "share", "most in", "least in"]
    header += ["correlation with the truth's months"] if true else []
    rows = []
    for group in labels(months, "group"):
        truth = picked(months, "truth_multimodal", group=group)
        named: list[tuple[str, np.ndarray | None]] = []
        if truth is not None:
            named.append(("truth of the twin", truth))
        for m in networks(labels(months, "model")):
            named.append((name_of(months, m), picked(months, "multimodal", model=m, group=group)))
        for name, values in named:
            if values is None:
                continue
            row = [named_part(group, ALL), name, share(float(np.nanmean(values)), "{:.0f}")]
            row += _months_of(values)
            if truth is not None:
                alike = _correlation(values, truth) if values is not truth else np.nan
                row.append(number(alike, "{:.2f}"))
            rows.append(row)
    told = (
        "Mean over months of the share of answers (all depths, tested steps) whose density has "
        "more than one maximum, and the months with most and least of them. Parts of a mixture of "
        "Laplaces have a peak each: not counted."
    )
    return Table(header, rows, told)


def _months_of(values: np.ndarray) -> list[str]:
    """Return the names of the months with the highest and the lowest share; dashes if all equal."""
    if np.nanmax(values) - np.nanmin(values) < 5e-4:
        return ["-", "-"]
    return [_MONTHS.split()[int(k(values))] for k in (np.nanargmax, np.nanargmin)]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Pearson's correlation of the months that both have; NaN if one does not change."""
    both = np.isfinite(a) & np.isfinite(b)
    a, b = (x[both] - np.mean(x[both]) for x in (a, b))
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b))) if both.any() else 0.0
    return float(np.sum(a * b)) / size if size > 1e-9 else float("nan")
