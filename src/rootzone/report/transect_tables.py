"""Tables of the report of the study `transect`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from rootzone.report.page import Table
from rootzone.report.transect_search import most_informed
from rootzone.report.transect_sets import SCORE_WORDS
from rootzone.report.transect_style import (
    Scores,
    both,
    change,
    members,
    number,
    score,
    section_names,
)

PAPER = (
    "The field study that this one follows (counts of a cargo train between Blankenburg and "
    "Rübeland, mHM, the ten best of 100,000 sets) reports for its calibrated sections: dense "
    "forest NSE 0.76, KGE 0.88; open forest 0.45, 0.62; shunting area 0.24, 0.53; meadow 0.79, "
    "0.90."
)
PAPER_PATTERN = (
    "The same field study reports SPAEF 0.39 with the default parameters and 0.71 after "
    "calibration."
)
KINDER = (
    "The observations are those of a twin: made by a model, with errors that are known. A twin is "
    "kinder than the field, so its scores are no forecast of scores with real counts."
)
PAPER_TRANSFER = (
    "The field study that this one follows reports, by its NSE against stations, −1.51 → 0.50, "
    "0.10 → 0.37 and 0.45 → 0.56 over grassland, and −16.00 → −13.61 and −5.39 → −12.42 in forest."
)
PAPER_PARAMETERS = (
    "The field study that this one follows names the root fraction of forests, the content of "
    "organic matter and the shape of infiltration."
)
PAPER_SECTIONS = {"dense forest", "open forest", "shunting area", "meadow"}
_SIGN = "PBIAS: simulated minus observed"
_ALL = "all"
_MOST_SPREADS = 5  # selections whose spread finds room in a table
_COLUMNS = {
    "nse": ("NSE", "{:.2f}"),
    "kge_2009": ("KGE 2009", "{:.2f}"),
    "kge_2012": ("KGE 2012", "{:.2f}"),
    "r_squared": ("r²", "{:.2f}"),
    "pbias": ("PBIAS [%]", "{:+.1f}"),
}
_PATTERN = {
    "spaef": "SPAEF",
    "alpha": "correlation",
    "beta": "variation",
    "gamma": "histogram",
}


def _pair(scores: Scores, of: str, group: str, name: str, form: str) -> str:
    return change(both(scores, of, group, name), form)


def section_table(
    line: xr.Dataset, scores: Scores, of: Sequence[str], *, caption: str = ""
) -> Table:
    """Return scores by section, default beside calibrated, of one or more variables."""
    header = ["section", "places", *(["of"] if len(of) > 1 else [])]
    header += [*(label for label, _ in _COLUMNS.values()), "RMSE"]
    rows = []
    for variable in of:
        unit, form = ("h⁻¹", "{:.0f}") if variable.endswith("counts") else _WATER_FORM
        unit = "g g⁻¹" if "gravimetric" in variable else unit
        for group in (*section_names(line), _ALL):
            every = group == _ALL
            count = line.sizes["place"] if every else int(members(line, group).sum())
            if not np.isfinite(both(scores, variable, group, "rmse")).any():
                continue
            row = ["all, one by one" if every else group, str(count)]
            row += [variable] if len(of) > 1 else []
            row += [_pair(scores, variable, group, k, f) for k, (_, f) in _COLUMNS.items()]
            rows.append([*row, f"{_pair(scores, variable, group, 'rmse', form)} {unit}"])
    told = (
        f"Default → calibrated. Scores of a section are those of the mean of its places; {_SIGN}."
    )
    return Table(header, rows, f"{told} {caption}".strip())


_WATER_FORM = ("m³ m⁻³", "{:.3f}")


def pattern_table(scores: Scores, *, caption: str = "") -> Table:
    """Return SPAEF and its components over days and places, default beside calibrated."""
    ends = ", pattern"
    names = [k.removeprefix("calibrated, ").removesuffix(ends) for k in scores if k.endswith(ends)]
    rows = []
    for of in dict.fromkeys(n for n in names if not n.startswith("default, ")):
        bins = score(scores, "calibrated", of, "pattern", "bins")
        cells = [_pair(scores, of, "pattern", key, "{:.2f}") for key in _PATTERN]
        rows.append([of, *cells, number(bins, "{:.0f}")])
    told = (
        "Default → calibrated, all days and places as one map. Correlation of the values, ratio "
        "of their coefficients of variation (simulated over observed), overlap of the histograms "
        "of their z-scores; 1 is best."
    )
    return Table(["of", *_PATTERN.values(), "bins"], rows, f"{told} {caption}".strip())


def transfer_table(data: xr.Dataset, scores: Scores, *, caption: str = "") -> Table:
    """Return scores of soil water at other sites by depth, default beside calibrated."""
    rows = []
    sections = data["section"].to_numpy()
    for n, site in enumerate(data["site"].to_numpy()):
        for depth in data["depth"].to_numpy():
            if f"calibrated, {site}, {depth}" not in scores:
                continue
            r2 = [r**2 for r in both(scores, site, depth, "r")]
            cells = [str(site), str(sections[n]), str(depth)]
            cells += [_pair(scores, site, depth, k, "{:.2f}") for k in ("nse", "kge_2012")]
            cells.append(change(r2))
            cells.append(_pair(scores, site, depth, "pbias", "{:+.1f}"))
            cells.append(_pair(scores, site, depth, "rmse", "{:.3f}"))
            rows.append(cells)
    header = ["site", "sets of", "depth", "NSE", "KGE 2012", "r²", "PBIAS [%]", "RMSE [m³ m⁻³]"]
    told = f"Soil water, default → calibrated; {_SIGN}."
    return Table(header, rows, f"{told} {caption}".strip())


def search_table(rows: Sequence[Mapping[str, Any]], objective: str, twin: bool) -> Table:
    """Return what every search reached, at what cost."""
    header = ["search", "for", "model runs", f"best {SCORE_WORDS.get(objective, objective)}"]
    header += ["NSE against the truth"] if twin else []
    found = []
    for row in rows:
        cells = [row["search"], row["selection"], f"{row['runs']:,.0f}"]
        cells.append(number(_float(row["objective"]), "{:.3f}"))
        cells += [number(_float(row["true_nse"]), "{:.3f}")] if twin else []
        found.append([*cells, f"{row['seconds']:,.1f}"])
    told = "Seconds are the wall time of what was computed in this run, not of what was resumed."
    return Table([*header, "seconds"], found, told)


def informed_table(sets: xr.Dataset) -> Table:
    """Return the parameters that the counts inform most, by selection."""
    words = {
        "regional": "the best sets differ most from the others in",
        "first_order": "most of the variance of the ranks is explained by",
    }
    shown = [name for name in words if name in sets]
    found = {name: most_informed(sets, name) for name in shown}
    rows = [
        [s, *(", ".join(found[name][s]) or "none beyond chance" for name in shown)]
        for s in (str(s) for s in sets["selection"].to_numpy())
    ]
    return Table(["sets for", *(words[name] for name in shown)], rows)


def parameter_table(sets: xr.Dataset) -> Table:
    """Return bounds, default, truth and the kept values of every parameter."""
    selections = [str(s) for s in sets["selection"].to_numpy()]
    header = ["parameter", "unit", "lower", "upper", "default"]
    header += ["true"] if "true" in sets else []
    quantile = sets["quantile"].to_numpy()
    wide = len(selections) <= _MOST_SPREADS
    rows = []
    for k, name in enumerate(sets["parameter"].to_numpy()):
        row = [str(name), str(sets["units"].to_numpy()[k])]
        columns = ["lower", "upper", "default", *(["true"] if "true" in sets else [])]
        row += [f"{float(sets[c][k]):.4g}" for c in columns]
        for n in range(len(selections)):
            low, middle, high = quantile[n, [0, 2, 4], k]
            row.append(f"{middle:.3g}" + (f" ({low:.3g} to {high:.3g})" if wide else ""))
        rows.append(row)
    told = f"Kept sets of each selection: median{' (5 to 95 %)' if wide else ''}."
    return Table([*header, *selections], rows, told)


def done_table(summary: Mapping[str, Any], sets: xr.Dataset, line: xr.Dataset, words: str) -> Table:
    """Return what was done, in numbers."""
    days = line["time"].to_numpy()
    judged = int(line["scored"].to_numpy().sum())
    parameters = [str(p) for p in sets["parameter"].to_numpy()]
    counted = np.isfinite(line["counts_observed"].to_numpy())
    rows = [
        ["parameter sets", f"{summary['sets']:,}"],
        ["searched parameters", f"{summary['parameters']}"],
        ["sets are chosen for", words],
        ["objective", SCORE_WORDS.get(summary["objective"], summary["objective"])],
        ["places", f"{summary['places']} in {len(summary['sections'])} sections"],
        ["days", f"{summary['days']:,}, {_day(days[0])} to {_day(days[-1])}; scored: {judged:,}"],
        ["warm-up", f"{summary['warm_up_days']:,} days"],
        ["counts", f"{summary['counts']:,} of {counted.size:,} possible ones"],
        ["N0", _n0(summary["N0"], parameters)],
        ["ensemble", _seconds(summary)],
    ]
    for name, kept in summary["kept"].items():
        best, worst = (number(_float(kept[k]), "{:.3f}") for k in ("best", "worst"))
        spread = f"1 set, objective {best}" if kept["sets"] == 1 else ""
        rows.append(
            [f"kept for {name}", spread or f"{kept['sets']:,} sets, objective {worst} to {best}"]
        )
    for name, value in summary["observations"].items():
        rows.append([f"observations: {str(name).replace('_', ' ')}", _text(value)])
    return Table(["what", "value"], rows)


def _text(value: Any) -> str:
    """Return what the reading told of itself as text: numbers, lists and numbers by name."""
    if isinstance(value, Mapping):
        return ", ".join(f"{str(k).replace('_', ' ')} {_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value) or "none"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _seconds(summary: Mapping[str, Any]) -> str:
    computed, seconds = int(summary["ensemble_computed"]), float(summary["ensemble_seconds"])
    text = f"{computed:,} of {summary['sets']:,} sets computed in this run, {seconds:,.0f} s"
    if computed and seconds > 0:
        text += f", {1000.0 * seconds / computed:,.3g} ms for a set"
    return text


def _n0(value: float | None, parameters: Sequence[str]) -> str:
    if value is not None:
        return f"fixed at {value:,.0f} h⁻¹"
    if any(name.endswith("N0") for name in parameters):
        return "searched with the other parameters"
    return "that of the model"


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _day(value: np.datetime64) -> str:
    return str(value.astype("datetime64[D]"))
