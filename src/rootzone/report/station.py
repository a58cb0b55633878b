"""The report of the study `station`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from rootzone.neutrons import CountRateLaw, Desilets2010, Koehli2021, Koehli2025
from rootzone.report import station_figures as figures
from rootzone.report.page import Section, Table, made_of, render
from rootzone.report.style import style

_SCORES = {
    "n": ("days", "{:.0f}"),
    "rmse": ("RMSE", "{:.4f}"),
    "ubrmse": ("ubRMSE", "{:.4f}"),
    "bias": ("bias (retrieved - sensors)", "{:+.4f}"),
    "r": ("r", "{:.3f}"),
    "kge_2012": ("KGE 2012", "{:.3f}"),
    "kge_gamma": ("KGE gamma", "{:.3f}"),
    "kge_beta": ("KGE beta", "{:.3f}"),
    "nse": ("NSE", "{:.3f}"),
}


def _curve(study: Mapping[str, Any], daily: xr.Dataset) -> dict[str, np.ndarray]:
    chosen = study["law"]["parameter_set"]
    laws: dict[str, Any] = {"koehli_2021": Koehli2021, "koehli_2025": Koehli2025}
    law: CountRateLaw = Desilets2010()
    if study["law"]["method"] in laws:
        cls = laws[study["law"]["method"]]
        law = cls(chosen) if chosen else cls()
    humidity = float(daily["campaign_humidity"].mean()) if "campaign_humidity" in daily else 7.0
    water = np.geomspace(0.02, 0.68, 300)
    rate = np.asarray(law.relative_rate(water, humidity)) * daily.attrs["N0_per_hour"]
    return {"water": water, "rate": rate}


def _score_table(scores: Mapping[str, Mapping[str, float]]) -> Table:
    header = ["comparison", *(label for label, _ in _SCORES.values())]
    rows = [
        [name, *(_number(s.get(k), form) for k, (_, form) in _SCORES.items())]
        for name, s in scores.items()
    ]
    caption = (
        "Daily values on days without snow and frost, m3 m-3. Footprint: sensors weighted by "
        "depth with the D86 of the day's water. 'Footprint as': the footprint value taken for "
        "the depth without a filter."
    )
    return Table(header, rows, caption)


def _number(value: Any, form: str) -> str:
    return "-" if value is None or not np.isfinite(value) else form.format(value)


def _settings(summary: Mapping[str, Any]) -> Table:
    rows = []
    for key, value in summary["settings"].items():
        if isinstance(value, list):
            text = ", ".join(f"{v:.4g}" for v in value)
        else:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
        rows.append([key, text])
    return Table(["convention", "value"], rows, "Every convention that the numbers depend on.")


def station_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    """Return the report of a station from its datasets and its summary."""
    results, daily = datasets["results"], datasets["daily"]
    study, scores = summary["study"], summary["scores"]
    site = study["station"]
    means, n0 = summary["means"], summary["N0"]
    step = summary["step_hours"]
    usable = 100.0 * float(np.isfinite(results["count_rate"]).mean())
    facts = [
        ("period", f"{summary['period'][0][:10]} to {summary['period'][1][:10]}"),
        ("mean soil moisture, thawed days", _number(means["soil_moisture_mean"], "{:.3f} m³ m⁻³")),
        ("mean standard deviation", _number(means["soil_moisture_sigma_mean"], "{:.3f} m³ m⁻³")),
        ("mean D86", _number(means["penetration_depth_mean_cm"], "{:.1f} cm")),
        ("N0", f"{n0['value']:.1f} ± {n0['sigma']:.1f} h⁻¹"),
        ("usable time", f"{usable:.1f} %"),
    ]
    with style():
        has_days = bool(np.isfinite(daily["soil_moisture"]).any())
        sections = [_moisture_section(results, daily, has_days=has_days)]
        if scores:
            sections.append(
                Section(
                    "Against sensors in the ground",
                    tables=[_score_table(scores)],
                    figures=[
                        (
                            figures.comparison(daily, scores),
                            "Daily values; scored are days without snow and frost.",
                        )
                    ],
                )
            )
        sections += [
            Section(
                "Counts and corrections",
                figures=[
                    (
                        figures.counts(results),
                        f"Counts per {step:g} h step as rates; below, what each correction "
                        "changes relative to its own mean.",
                    )
                ],
            ),
            Section(
                "Calibration",
                tables=[_campaign_table(daily)] if "campaign_N0" in daily else [],
                figures=[
                    (
                        figures.calibration(daily, _curve(study, daily)),
                        "Corrected count rate against total gravimetric water.",
                    )
                ],
            ),
            *([_uncertainty_section(daily)] if has_days else []),
            Section(
                "Quality flags",
                figures=[(figures.flags(results), "Share of each day that carries a flag.")],
            ),
            Section("Conventions", tables=[_settings(summary)]),
        ]
    place = (
        f"{site['name']}: {site['latitude']:.4f}° N, {site['longitude']:.4f}° E, "
        f"{site['elevation']:.0f} m"
    )
    footer = [
        f"Data: {site['source'] or 'source not stated'}. "
        f"License: {site['license'] or 'not stated'}.",
        made_of(summary),
    ]
    return render(
        title=summary["title"] or f"Soil moisture of station {site['name']}",
        lead=place,
        facts=facts,
        warnings=list(summary["warnings"]),
        sections=sections,
        footer=footer,
    )


def _campaign_table(daily: xr.Dataset) -> Table:
    header = ["campaign", "counts [h⁻¹]", "pore water [g g⁻¹]", "added water [g g⁻¹]", "N0 [h⁻¹]"]
    rows = []
    for n in range(daily.sizes["campaign"]):
        one = daily.isel(campaign=n)
        rows.append(
            [
                np.datetime_as_string(one["campaign_time"].to_numpy(), unit="D"),
                f"{float(one['campaign_count_rate']):.1f}",
                f"{float(one['campaign_gravimetric_water']):.4f} ± "
                f"{float(one['campaign_gravimetric_water_sigma']):.4f}",
                f"{float(one['campaign_added_water']):.4f}",
                f"{float(one['campaign_N0']):.1f}",
            ]
        )
    return Table(header, rows)


def _moisture_section(results: xr.Dataset, daily: xr.Dataset, *, has_days: bool) -> Section:
    if has_days:
        shown = [
            (
                figures.soil_moisture(daily),
                "Daily soil moisture with its 90 % band, root-zone estimate, rain, and the depth "
                "that holds 86 % of the signal.",
            )
        ]
        text = (
            "The footprint value is what the neutrons see, weighted towards the surface. The "
            "root zone is its exponential filter; its band holds the structural deviation of the "
            "filter as stated in the study."
        )
    else:
        shown = [(figures.steps(results), "Soil moisture of each step with its 90 % bands.")]
        text = "No day is covered well enough for daily values, so none are given."
    if "latitude" in results:
        shown.append((figures.track(results), "Position of the detector, colored by water."))
    return Section("Soil moisture", text, figures=shown)


def _uncertainty_section(daily: xr.Dataset) -> Section:
    return Section(
        "Uncertainty",
        "Independent sources, first order unless the study asks for Monte Carlo. Counting noise is "
        "independent from day to day; all others shift the whole series.",
        figures=[
            (
                figures.uncertainty(daily),
                "Standard deviation of daily soil moisture by source, over time and against "
                "wetness.",
            )
        ],
    )
