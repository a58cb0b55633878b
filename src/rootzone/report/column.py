"""The report of the study `column`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from rootzone.report import column_ensemble_figures as of_members
from rootzone.report import column_figures as figures
from rootzone.report.page import Section, Table, made_of, render
from rootzone.report.style import style

_PARAMETERS = {
    "theta_r": ("θr [m³ m⁻³]", "{:.3f}"),
    "theta_s": ("θs [m³ m⁻³]", "{:.3f}"),
    "alpha": ("α [cm⁻¹]", "{:.4g}"),
    "n": ("n", "{:.3f}"),
    "lam": ("λ", "{:.3f}"),
    "K_s": ("Ks [cm d⁻¹]", "{:.4g}"),
    "l": ("l", "{:.2f}"),
    "air_entry": ("air entry [cm]", "{:.1f}"),
    "bulk_density": ("bulk density [g cm⁻³]", "{:.2f}"),
    "lattice_water": ("lattice water [g g⁻¹]", "{:.3f}"),
    "organic_water": ("organic water [g g⁻¹]", "{:.3f}"),
}

_TOTALS = {
    "precipitation": "precipitation",
    "potential_evapotranspiration": "potential evapotranspiration",
    "evaporation": "evaporation of soil and standing water",
    "transpiration": "transpiration",
    "interception_evaporation": "evaporation of wet leaves",
    "runoff": "runoff",
    "drainage": "drainage",
}


def _soil_table(results: xr.Dataset) -> Table:
    """Return the hydraulic parameters of the member shown."""
    present = {k: v for k, v in _PARAMETERS.items() if k in results}
    bottom = results["horizon_bottom"].to_numpy()
    rows = []
    for n in range(bottom.size):
        if n and bottom[n] <= bottom[n - 1]:
            continue
        top = bottom[n - 1] if n else 0.0
        values = [form.format(float(results[k][n])) for k, (_, form) in present.items()]
        rows.append([f"{top:g}-{bottom[n]:g} cm", *values])
    return Table(["horizon", *(label for label, _ in present.values())], rows)


def _totals_table(summary: Mapping[str, Any], years: float) -> Table:
    rows = [
        [label, _number(summary["totals_mm"][k], "{:.1f}"), _per_year(summary, k, years)]
        for k, label in _TOTALS.items()
    ]
    return Table(["", "total [mm]", "per year [mm a⁻¹]"], rows)


def _per_year(summary: Mapping[str, Any], key: str, years: float) -> str:
    value = summary["totals_mm"][key]
    return "-" if value is None else _number(value / years, "{:.1f}")


def _number(value: Any, form: str) -> str:
    return "-" if value is None or not np.isfinite(value) else form.format(value)


def _flags_table(members: xr.Dataset) -> Table:
    """Return how many members ended how, and the first of them."""
    status = members["status"]
    words = str(status.attrs["flag_meanings"]).split()
    rows = []
    for code, word in zip(np.atleast_1d(status.attrs["flag_values"]), words, strict=True):
        who = np.flatnonzero(status.to_numpy() == int(code))
        named = ", ".join(str(m) for m in who[:12]) + (" ..." if who.size > 12 else "")
        rows.append([word.replace("_", " "), str(who.size), named if int(code) else ""])
    return Table(["how it ended", "members", "their numbers"], rows)


_SETTING_UNITS = {
    "N": "h⁻¹",
    "N0": "h⁻¹",
    "distance": "m",
    "absolute_humidity": "g m⁻³",
    "length": "mm",
}


def _setting(key: str, value: Any) -> str:
    """Return a setting of an operator in words, e.g. ``absolute humidity 7 g m⁻³``."""
    name = key.replace("_", " ")
    if isinstance(value, Mapping):
        return f"{name}: {', '.join(_setting(k, v) for k, v in value.items())}"
    if isinstance(value, bool):
        return f"{name}: {'yes' if value else 'no'}"
    if isinstance(value, int | float):
        return f"{name} {value:g} {_SETTING_UNITS.get(key, '')}".rstrip()
    return f"{name} {str(value).replace('_', ' ')}"


def _operator_table(study: Mapping[str, Any], results: xr.Dataset) -> Table:
    """Return the operators with what the numbers depend on."""
    rows = []
    names = [str(n) for n in results["operator"].to_numpy()]
    for n, (name, part) in enumerate(zip(names, study["neutrons"]["operators"], strict=True)):
        settings = [_setting(k, v) for k, v in part.items() if k != "method" and v is not None]
        rate = results["count_rate"].isel(operator=n).to_numpy().astype(float)
        same = results["count_rate_homogeneous"].isel(operator=n).to_numpy().astype(float)
        off = np.where(figures.bare(results), 100.0 * (rate / same - 1.0), np.nan)
        rows.append(
            [
                figures.operator_name(name),
                ", ".join(settings),
                _number(np.nanmean(rate) if np.isfinite(rate).any() else np.nan, "{:.1f}"),
                _number(np.nanmean(off) if np.isfinite(off).any() else np.nan, "{:+.2f}"),
                _number(np.nanstd(off) if np.isfinite(off).any() else np.nan, "{:.2f}"),
            ]
        )
    header = [
        "operator",
        "settings",
        "mean [h⁻¹]",
        "above homogeneous, mean [%]",
        "its standard deviation [%]",
    ]
    caption = "Homogeneous: a profile with the water of the root zone everywhere; without snow."
    return Table(header, rows, caption)


def _neutron_sections(
    datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]
) -> list[Section]:
    results = datasets["results"]
    if "count_rate" not in results:
        return []
    return [
        Section(
            "Counts against water",
            "One mean water content, many counts: after rain the surface is wet and a detector "
            "counts less than above a homogeneous profile of the same mean, after drying it counts "
            "more. Days with snow are left out.",
            figures=[
                (
                    figures.counts_against_water(results),
                    "a: count rate against the mean water of the root zone, black for homogeneous "
                    "profiles, colored by the water of the surface less the mean. b: two profiles "
                    "of equal mean and different counts.",
                )
            ],
        ),
        Section(
            "Neutron counts",
            "Raw counts of a detector that needs no corrections, of the profile at the end of each "
            "interval.",
            tables=[_operator_table(summary["study"], results)],
            figures=[
                (
                    figures.counts(results, float(summary["step_hours"])),
                    "Count rates of all operators with the band of counting noise of the interval.",
                )
            ],
        ),
    ]


def _ensemble_sections(
    datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any], years: float
) -> list[Section]:
    if "members" not in datasets:
        return []
    members, quantiles = datasets["members"], datasets["quantiles"]
    text = (
        f"{summary['members']['total']} members, {summary['members']['finished']} of them "
        "finished. Everything below the ensemble shows one member in detail: number "
        f"{summary['study']['output']['member']}."
    )
    if not summary["members"]["finished"]:
        return [Section("Ensemble", text, tables=[_flags_table(members)])]
    shown = [
        (
            of_members.bands(quantiles, members),
            "Quantiles over the members that finished, day by day.",
        ),
        (
            of_members.distributions(members, years),
            "Distributions over the members: mean water, fluxes per year, counts.",
        ),
    ]
    if "cloud" in datasets:
        shown.append(
            (
                of_members.deviation(datasets["cloud"]),
                "Counts above those of homogeneous profiles of the same soil and the same mean "
                "water, at random instants of all members.",
            )
        )
    return [Section("Ensemble", text, tables=[_flags_table(members)], figures=shown)]


def column_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    """Return the report of a column from its datasets and its summary."""
    results, study = datasets["results"], summary["study"]
    years = summary["steps"] * summary["step_hours"] / 24.0 / 365.25
    means, totals, balance = summary["means"], summary["totals_mm"], summary["balance"]
    members = summary["members"]
    zone = study["output"]["root_zone"]
    spent = [totals[k] for k in ("evaporation", "transpiration", "interception_evaporation")]
    gone = None if None in spent else sum(spent)
    facts = [
        ("period", f"{summary['period'][0][:10]} to {summary['period'][1][:10]}"),
        (f"mean water of 0-{zone:g} cm", _number(means["root_zone_mean"], "{:.3f} m³ m⁻³")),
        ("precipitation", _number(totals["precipitation"], "{:.0f} mm")),
        ("evapotranspiration", _number(gone, "{:.0f} mm")),
        ("drainage", _number(totals["drainage"], "{:.0f} mm")),
        ("largest balance error", _number(balance["largest_error_mm"], "{:.1g} mm")),
    ]
    if members["total"] > 1:
        facts.append(("members finished", f"{members['finished']} of {members['total']}"))
    with style():
        sections = [
            *_ensemble_sections(datasets, summary, years),
            Section(
                "Soil water",
                tables=[_soil_table(results)],
                figures=[
                    (
                        figures.profile(results),
                        "Water content over time and depth (the depth axis is stretched towards "
                        "the surface); dashed: depth of the root zone.",
                    ),
                    (figures.root_zone(results), "Mean water content of root zone and surface."),
                ],
            ),
            *_neutron_sections(datasets, summary),
            Section(
                "Fluxes and balance",
                tables=[_totals_table(summary, years)],
                figures=[
                    (figures.fluxes(results), "Fluxes since the start, and of each day."),
                    (
                        figures.balance(results),
                        "Stores of water, and what the balance misses: of the column, and with "
                        "snow and leaves.",
                    ),
                ],
            ),
        ]
    steps = int(results["steps"])
    footer = [
        f"{results.attrs['source']}. License: {results.attrs['license']}.",
        f"Solver: {steps} steps and {int(results['rejected_steps'])} rejected ones, tolerance "
        f"{study['solver']['tolerance']:g} m3 m-3.",
        made_of(summary),
    ]
    return render(
        title=summary["title"] or f"Soil column {study['site']['name']}",
        lead=f"{study['site']['name']}: {_lead(study)}",
        facts=facts,
        warnings=list(summary["warnings"]),
        sections=sections,
        footer=footer,
    )


def _lead(study: Mapping[str, Any]) -> str:
    """Return weather, plants and boundaries in a line."""
    weather = study["weather"]
    if weather["method"] == "generator":
        about = f"{weather['years']} years of {weather['climate']} weather"
    else:
        about = "recorded weather"
    plants = "bare soil" if study["vegetation"]["method"] == "bare" else "plants"
    bottom = study["bottom"]["method"].replace("_", " ")
    depth = study["grid"]["depth"]
    return f"{about}, {plants}, profile of {depth:g} cm, bottom: {bottom}"
