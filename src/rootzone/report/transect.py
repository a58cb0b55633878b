"""The report of the study `transect`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from rootzone.report import transect_figures as figures
from rootzone.report import transect_maps as maps
from rootzone.report import transect_search as search_figures
from rootzone.report import transect_sets as sets_figures
from rootzone.report import transect_tables as tables
from rootzone.report import transect_water as water
from rootzone.report.page import Section, made_of, render
from rootzone.report.style import style
from rootzone.report.transect_style import (
    both,
    calibration_end,
    change,
    members,
    section_colors,
    section_names,
)

_CALIBRATE = {
    "each": "each section, with sets of its own",
    "joint": "all sections together, one kind of sets",
    "all": "all places one by one, one kind of sets",
}
_COUNTS = "observed counts"


class _Shown(NamedTuple):
    """What all sections of the page know.

    Attributes
    ----------
    summary : mapping
        Summary of the run.
    colors : dict of str
        Colors of the sections, the same in every figure.
    apart : bool
        Whether other days are scored than were calibrated on.
    held_out : tuple of str
        Sections that nothing was calibrated on.
    """

    summary: Mapping[str, Any]
    colors: dict[str, str]
    apart: bool
    held_out: tuple[str, ...]

    @classmethod
    def of(cls, line: xr.Dataset, summary: Mapping[str, Any]) -> "_Shown":
        names = section_names(line)
        out = np.isin(line["place"].to_numpy(), summary["observations"].get("held_out", []))
        away = tuple(name for name in names if out[members(line, name)].all())
        colors = section_colors([*names, "all", "joint"])
        return cls(summary, colors, calibration_end(line) is not None, away)

    @property
    def scores(self) -> Mapping[str, Mapping[str, Any]]:
        return self.summary["scores"]

    def paper(self, sentence: str) -> str:
        """Return a sentence on the field study, where the land covers are those of it."""
        return sentence if tables.PAPER_SECTIONS & set(self.summary["sections"]) else ""


def transect_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    """Return the report of a transect from its datasets and its summary."""
    line, sets = datasets["line"], datasets["sets"]
    shown = _Shown.of(line, summary)
    with style():
        sections = [
            _where(datasets["map"], line),
            _counts(line, shown),
            _patterns(line, shown),
            *_truth(line, shown),
            _sets(sets, shown),
            _parameters(sets, datasets.get("searches"), shown),
            *_sensitivity(sets, shown),
            *_searches(datasets.get("searches"), shown),
            *_transfer(datasets.get("transfer"), shown),
            _done(sets, line, shown),
        ]
    words = _CALIBRATE[summary["calibrate"]]
    warnings = [*([tables.KINDER] if summary["twin"] else []), *summary["warnings"]]
    return render(
        title=summary["title"] or str(line.attrs["title"]),
        lead=f"Counts of {summary['places']} places calibrate the distributed model: the best of "
        f"{summary['sets']:,} sets of {summary['parameters']} parameters are kept for {words}",
        facts=_facts(line, summary),
        warnings=warnings,
        sections=sections,
        footer=[
            f"{line.attrs['source']}. Default: the parameters before calibration; calibrated: the "
            "mean of what the kept sets of a section give.",
            made_of(summary),
        ],
    )


def _facts(line: xr.Dataset, summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    scores = summary["scores"]
    facts = [
        ("parameter sets", f"{summary['sets']:,}"),
        ("places, sections", f"{summary['places']}, {len(summary['sections'])}"),
        ("counts", f"{summary['counts']:,} on {summary['days']:,} days"),
    ]
    names = section_names(line)
    nse = np.array([both(scores, _COUNTS, s, "nse") for s in names])
    if np.isfinite(nse).any(axis=0).all():
        label = "NSE of the counts" if len(names) == 1 else "NSE of the counts, median of sections"
        facts.append((label, change(np.nanmedian(nse, axis=0).tolist())))
    if "mass_observed" in line:
        spaef = both(scores, maps.OBSERVED_MASS, "pattern", "spaef")
        facts.append(("SPAEF of gravimetric water", change(spaef)))
    else:
        spaef = both(scores, _COUNTS, "pattern", "spaef")
        facts.append(("SPAEF of the counts", change(spaef)))
    if "root_zone_true" in line:
        rmse = both(scores, "true root-zone water", "all", "rmse")
        facts.append(("RMSE of true root-zone water", f"{change(rmse, '{:.3f}')} m³ m⁻³"))
    return facts


def _parts(names: Sequence[Any], most: int) -> list[list[Any]]:
    """Return parts of nearly equal length, none longer than a limit."""
    count = -(-len(names) // most)
    return [list(part) for part in np.array_split(np.array(names, object), count)]


# --- sections of the page ---------------------------------------------------------------------


def _where(data: xr.Dataset, line: xr.Dataset) -> Section:
    if "line_x" in data:
        text = (
            "Cells that the line touches, numbered from its start, over land cover and terrain "
            "with contours of elevation. Below: observed count rates along the line, mean "
            "(thick) and 5-95 % of the days (band)."
        )
    else:
        text = (
            "The places, and their observed count rates: mean (thick), 5-95 % of the days (band)."
        )
    return Section("Where it was counted", figures=[(maps.line_map(data, line), text)])


def _counts(line: xr.Dataset, shown: _Shown) -> Section:
    scores = shown.scores
    caption = (
        "Mean count rates of the places of each section with one standard deviation of the "
        "observed mean (errors of places independent), and simulated against observed means of "
        "the places observed on the day. Arrows: default → calibrated. The band is the mean over "
        "the places of the 5 and 95 % quantiles of the kept sets."
    )
    if shown.apart:
        caption += " Scores and scatter are of the days after those that were calibrated on."
    drawn = [
        (
            figures.counts(line, scores, part, shown.held_out),
            caption if n == 0 else "The same, further sections.",
        )
        for n, part in enumerate(_parts(section_names(line), 5))
    ]
    of = [_COUNTS]
    if any(key.startswith("calibrated, observed soil water") for key in scores):
        of.append("observed soil water")
    notes = [shown.paper(tables.PAPER), tables.KINDER if shown.summary["twin"] else ""]
    if shown.apart:
        notes.insert(0, "Days that were calibrated on are left out.")
    if out := shown.summary["observations"].get("held_out"):
        notes.insert(0, f"Nothing was calibrated on {', '.join(out)}.")
    table = tables.section_table(line, scores, of, caption=" ".join(n for n in notes if n))
    return Section("Counts of the sections", tables=[table], figures=drawn)


def _patterns(line: xr.Dataset, shown: _Shown) -> Section:
    scores = shown.scores
    caption = (
        "Gravimetric water of soil and lattice that the counts say, by section (left) and for "
        "every place and day (right) in one color scale; colors end at the 1 and 99 % quantiles "
        "of all but the default; lines leave the panel where they are far outside of the rest."
    )
    drawn = [(maps.space_time(line, scores), caption)] if "mass_observed" in line else []
    return Section(
        "Places and days",
        tables=[tables.pattern_table(scores, caption=shown.paper(tables.PAPER_PATTERN))],
        figures=drawn,
    )


def _truth(line: xr.Dataset, shown: _Shown) -> list[Section]:
    """Return the section on soil water, and on the truth of a twin."""
    scores, pictures = shown.scores, []
    depth = float(line.attrs["root_zone_depth_cm"])
    for name, reference, what in (
        ("root_zone", "true", "true root-zone water"),
        ("water", "observed", "observed soil water"),
    ):
        if not {f"{name}_{reference}", f"{name}_calibrated"} <= set(line.data_vars):
            continue
        zone = f", mean of 0-{depth:g} cm" if name == "root_zone" else ""
        for part in _parts(section_names(line), 8):
            drawn = water.soil_water(line, scores, part, name, what)
            pictures.append(
                (drawn, f"Soil water of the sections{zone}; band: 5-95 % of kept sets.")
            )
    if not pictures:
        return []
    if not shown.summary["twin"]:
        return [Section("Soil water of the sections", figures=pictures)]
    table = tables.section_table(line, scores, ["true counts", "true root-zone water"])
    return [Section("Against the truth of the twin", tables=[table], figures=pictures)]


def _sets(sets: xr.Dataset, shown: _Shown) -> Section:
    days = " on the days that were calibrated on" if shown.apart else ""
    caption = (
        f"Share of all parameter sets whose score of the counts{days} does not exceed the value; "
        "the long tail of bad sets is cut off at the left. Kept sets are marked in the panel of "
        "the objective."
    )
    scores = None if shown.apart else shown.scores
    drawn = sets_figures.distributions(sets, scores, shown.colors)
    return Section("Scores of all sets", figures=[(drawn, caption)])


def _parameters(sets: xr.Dataset, searches: xr.Dataset | None, shown: _Shown) -> Section:
    selections = [str(s) for s in sets["selection"].to_numpy()]
    caption = (
        "Parameters of the kept sets between their bounds, the most narrowed on top. A bar that "
        "is as long as its gray ground says that the counts tell nothing of the parameter alone."
    )
    drawn = [
        (
            sets_figures.parameters(sets, searches, part, shown.colors),
            caption if n == 0 else "The same, further selections.",
        )
        for n, part in enumerate(_parts(selections, 4))
    ]
    return Section(
        "Parameters before and after", tables=[tables.parameter_table(sets)], figures=drawn
    )


def _sensitivity(sets: xr.Dataset, shown: _Shown) -> list[Section]:
    if not search_figures.indices(sets):
        return []
    found = search_figures.most_informed(sets, search_figures.leading_index(sets))
    counted = Counter(name for names in found.values() for name in names)
    often = [f"{name} ({n} of {len(found)})" for name, n in counted.most_common(3)]
    text = (
        f"Most often among the three most informed parameters: {', '.join(often)}."
        if often
        else "No parameter stands out from chance."
    )
    caption = (
        "Sensitivity of the objective, read from the ensemble; filled points lie above what 95 % "
        "of parameters without any influence stay below (gray: the largest of these thresholds)."
    )
    figure = search_figures.sensitivity(sets, shown.colors)
    return [
        Section(
            "Which parameters matter",
            f"{text} {shown.paper(tables.PAPER_PARAMETERS)}".strip(),
            tables=[tables.informed_table(sets)],
            figures=[(figure, caption)],
        )
    ]


def _searches(data: xr.Dataset | None, shown: _Shown) -> list[Section]:
    if data is None:
        return []
    summary = shown.summary
    rows = summary["searches"]
    told = " ".join(f"{row['search']}: {'; '.join(row['told'])}." for row in rows if row["told"])
    caption = (
        f"The best of n model runs against n, for {data.attrs['selection']}; for the ensemble the "
        "expected best of n of its sets. A gradient counts as the runs it costs."
    )
    return [
        Section(
            "Other searches on the same problem",
            told,
            tables=[tables.search_table(rows, summary["objective"], summary["twin"])],
            figures=[(search_figures.searches(data, summary["objective"]), caption)],
        )
    ]


def _transfer(data: xr.Dataset | None, shown: _Shown) -> list[Section]:
    if data is None:
        return []
    caption = (
        "Soil water at sites that nothing was calibrated on: mean and 5-95 % of the kept sets of "
        "the section that was taken to them; the wide panel is what the site is judged by."
    )
    drawn = [
        (
            water.transfer(data, shown.scores, part, shown.colors),
            caption if n == 0 else "The same, further sites.",
        )
        for n, part in enumerate(_parts(range(data.sizes["site"]), 5))
    ]
    note = shown.paper(tables.PAPER_TRANSFER)
    table = tables.transfer_table(data, shown.scores, caption=note)
    return [Section("Other sites", tables=[table], figures=drawn)]


def _done(sets: xr.Dataset, line: xr.Dataset, shown: _Shown) -> Section:
    words = _CALIBRATE[shown.summary["calibrate"]]
    return Section("What was done", tables=[tables.done_table(shown.summary, sets, line, words)])
