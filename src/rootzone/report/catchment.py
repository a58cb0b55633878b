"""The report of the study `catchment`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from rootzone.report import catchment_figures as figures
from rootzone.report import catchment_maps as maps
from rootzone.report.page import Section, Table, made_of, render
from rootzone.report.style import style

_COMPARED = {
    "neutrons": ("neutron count rate", "h⁻¹"),
    "saturation_degree": ("degree of saturation", "1"),
}
_SCORES = {
    "n": ("pairs", "{:.0f}"),
    "rmse": ("RMSE", "{:.4g}"),
    "bias": ("bias (simulated - observed)", "{:+.4g}"),
    "pbias": ("bias [%]", "{:+.2f}"),
    "r": ("r", "{:.3f}"),
    "kge_2012": ("KGE 2012", "{:.3f}"),
    "nse": ("NSE", "{:.3f}"),
}
_TERMS = (
    "precipitation",
    "evapotranspiration",
    "runoff",
    "karst",
    "storage_change",
    "land_cover_change",
    "error",
)


def catchment_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    """Return the report of a catchment from its datasets and its summary."""
    series, means = datasets["series"], datasets["means"]
    domain, per_year = summary["domain"], summary["balance_mm_per_year"]
    settings = summary["settings"]
    facts = [
        ("period", f"{summary['period'][0]} to {summary['period'][1]}"),
        ("cells", f"{domain['cells']} of {_size(domain['cell_size'], domain['geographic'])}"),
        ("precipitation", f"{per_year['precipitation']:.0f} mm a⁻¹"),
        ("evapotranspiration", f"{per_year['evapotranspiration']:.0f} mm a⁻¹"),
        ("runoff", f"{per_year['runoff']:.0f} mm a⁻¹"),
        ("mean θ of the top horizon", f"{float(series['theta'][:, 0].mean()):.3f} m³ m⁻³"),
    ]
    if "neutrons" in series:
        facts.append(("mean count rate", f"{float(series['neutrons'].mean()):.0f} h⁻¹"))
    with style():
        sections = [
            _water_section(series, means),
            *_line_section(series),
            *_cells_section(series, means),
            *_comparison_section(series, means, summary),
            _balance_section(datasets["balance"], summary),
            Section("Settings", tables=[_settings(settings), _parameters(summary)]),
        ]
    where = "in degrees" if domain["geographic"] else "in meters"
    lead = (
        f"{domain['name']}: {domain['cells']} cells of "
        f"{_size(domain['cell_size'], domain['geographic'])} from maps of "
        f"{_size(domain['fine_cell_size'], domain['geographic'])} (coordinates {where}), "
        f"{domain['horizons']} soil horizons, warm-up of {summary['warm_up_days']} days"
    )
    footer = [
        f"Processes of mHM 5.13, compat {settings['compat']}; counts: {settings['operator']}, "
        f"{settings['counts'].replace('_', ' ')}.",
        made_of(summary),
    ]
    return render(
        title=summary["title"] or f"Catchment {domain['name']}",
        lead=lead,
        facts=facts,
        warnings=list(summary["warnings"]),
        sections=sections,
        footer=footer,
    )


def _size(cell: float, geographic: bool) -> str:
    return f"{cell:g}°" if geographic else f"{cell:g} m"


def _water_section(series: xr.Dataset, means: xr.Dataset) -> Section:
    return Section(
        "Water of the catchment",
        "Means are weighted with the active area of the cells. States are means of a day, fluxes "
        "its sums.",
        figures=[
            (
                maps.water_maps(means),
                "Means of the period: water content of two horizons and the spread of its daily "
                "values, fluxes of a year, counts or snow. Colors end at the 1 % and 99 % "
                "quantiles.",
            ),
            (
                figures.water_series(series),
                "Daily means of the catchment: precipitation and snow, water content of the "
                "horizons, fluxes, counts.",
            ),
        ],
    )


def _line_section(series: xr.Dataset) -> list[Section]:
    if "cell_distance" not in series or not np.isfinite(series["cell_distance"]).any():
        return []
    shown = [
        (
            figures.along_line(series),
            "Daily values of the cells that the line touches, from its start at the top; the strip "
            "on the left is their land cover.",
        )
    ]
    return [Section("Along the line", figures=shown)]


def _cells_section(series: xr.Dataset, means: xr.Dataset) -> list[Section]:
    shown = [
        (
            maps.site_map(means, series),
            "Elevation of the cells, the line of measurements and cells with series.",
        )
    ]
    if "cell_distance" in series and not np.isfinite(series["cell_distance"]).all():
        shown.append(
            (figures.cell_series(series), "Top horizon and count rate of the chosen cells.")
        )
    return [Section("The domain and its cells", figures=shown)]


def _comparison_section(
    series: xr.Dataset, means: xr.Dataset, summary: Mapping[str, Any]
) -> list[Section]:
    shown = []
    for name, (label, unit) in _COMPARED.items():
        if f"{name}_observed" in series:
            shown.append(
                (
                    figures.comparison(series, name, label, unit),
                    f"{label.capitalize()}: means of the cells that have an observation.",
                )
            )
            shown.append(
                (maps.error_maps(means, name, label, unit), f"{label.capitalize()} by cell.")
            )
    if not shown:
        return []
    rows = [
        [name, *(_number(s.get(k), form) for k, (_, form) in _SCORES.items())]
        for name, s in summary["scores"].items()
    ]
    table = Table(["comparison", *(label for label, _ in _SCORES.values())], rows)
    return [Section("Against observations", tables=[table], figures=shown)]


def _balance_section(balance: xr.Dataset, summary: Mapping[str, Any]) -> Section:
    header = ["year", "days", *(t.replace("_", " ") for t in _TERMS), "largest error of a cell"]
    rows = []
    for n in range(balance.sizes["part"]):
        one = balance.isel(part=n)
        warm = "" if int(one["evaluated"]) else " (warm-up)"
        terms = [f"{float(one[t]):.1f}" for t in _TERMS[:-1]]
        errors = [f"{float(one['error']):.1e}", f"{float(one['largest_error']):.1e}"]
        rows.append([f"{int(one['year'])}{warm}", f"{float(one['days']):.0f}", *terms, *errors])
    caption = (
        "Means of the catchment [mm]. Error: precipitation less evapotranspiration, runoff, karst "
        f"and storage change; at {summary['precision']} it is round-off. Karst: percolation lost "
        "below ground, or gained there where it is negative (rechargeFactor_karstic below 0, which "
        "is mHM's default). Land cover change: water "
        "per area that appears or vanishes when the sealed share of a cell changes, because the "
        "stores of both parts keep their depth, as in mHM."
    )
    shown = []
    if int(balance["evaluated"].sum()):
        shown.append((figures.balance(balance), "Precipitation of each year and where it went."))
    return Section("Water balance", tables=[Table(header, rows, caption)], figures=shown)


def _settings(settings: Mapping[str, Any]) -> Table:
    rows = [
        [k.replace("_", " "), f"{v:g}" if isinstance(v, float) else str(v)]
        for k, v in settings.items()
    ]
    return Table(["setting", "value"], rows, "Every choice that the numbers depend on.")


def _parameters(summary: Mapping[str, Any]) -> Table:
    items = [(k, f"{v:.6g}") for k, v in summary["parameter_values"].items()]
    columns = 3
    rows_count = -(-len(items) // columns)
    rows = []
    for r in range(rows_count):
        row: list[str] = []
        for c in range(columns):
            n = r + c * rows_count
            row += list(items[n]) if n < len(items) else ["", ""]
        rows.append(row)
    return Table(["parameter", "value"] * columns, rows, "Global parameters in the order of mHM.")


def _number(value: Any, form: str) -> str:
    return "-" if value is None or not np.isfinite(value) else form.format(value)
