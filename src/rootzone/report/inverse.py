"""The report of a study `inverse`."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from rootzone.report import inverse_figures as figures
from rootzone.report.inverse_figures import names, text_of
from rootzone.report.page import Section, Table, made_of, render
from rootzone.report.style import style

_SUBSETS = {
    "all": "all days",
    "dry": "dry season",
    "wet": "wet season",
    "drying": "drying spells",
    "peaks": "peaks",
}


def inverse_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    """Return the report from the datasets of a run and its summary."""
    made, study = summary["scenarios"], summary["study"]
    facts = [("sites", f"{made['members']}"), ("days of each", f"{made['days']}")]
    sections: list[Section] = []
    if "scores" in datasets:
        facts += _facts(datasets)
        with style():
            sections = _sections(datasets, summary)
    return render(
        title=summary["title"] or "Root-zone water read from neutron counts",
        lead=_lead(made, study),
        facts=facts,
        warnings=list(summary["warnings"]),
        sections=[*sections, _scenarios(made)],
        footer=[
            "Truth is simulated: Richards columns observed by a neutron operator, without frost, "
            "macropores or horizontal heterogeneity.",
            made_of(summary),
        ],
    )


def _lead(made: Mapping[str, Any], study: Mapping[str, Any]) -> str:
    recipe = made["recipe"]
    climates = ", ".join(recipe["climates"])
    soils = "all textures" if recipe["soils"] == "triangle" else recipe["soils"]
    weather = "recorded weather" if recipe["weather"] else f"{climates} weather"
    operators = study["operator"]
    counts = operators if isinstance(operators, str) else " and ".join(operators)
    return f"Simulated sites: {soils}, {weather}; counts of {counts}"


def _facts(datasets: Mapping[str, xr.Dataset]) -> list[tuple[str, str]]:
    table, honest = datasets["scores"], datasets["reliability"]
    at = {"split": table.attrs["shown_split"], "counts": table.attrs["main_counts"], "depth": 30}
    rmse, bias = table["rmse"].sel(at), table["bias"].sel(at)
    pick = lambda x, who, when: text_of(x.sel(retrieval=who, subset=when), "{:.4f} m³ m⁻³")  # noqa: E731
    cover = honest.sel(at | {"interval": 0.9})
    inside = [f"{100 * float(cover[n]):.0f} %" for n in ("coverage", "coverage_calibrated")]
    signed = text_of(bias.sel(retrieval="homogeneous", subset="dry"), "{:+.4f} m³ m⁻³")
    return [
        ("counts shown", table.attrs["main_counts"]),
        ("RMSE of the network, 0-30 cm", pick(rmse, "network", "all")),
        ("the same, dry season", pick(rmse, "network", "dry")),
        ("homogeneous inversion, dry season", pick(rmse, "homogeneous", "dry")),
        ("its bias, dry season", signed),
        ("inside 90 % intervals, before and after", " / ".join(inside)),
    ]


def _counted(sites: int) -> str:
    return "one site" if sites == 1 else f"{sites} sites"


def _example_sites(dataset: xr.Dataset) -> str:
    number = dataset.sizes["site"]
    return "A test site" if number == 1 else f"{number} test sites"


def _sections(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> list[Section]:
    table, honest = datasets["scores"], datasets["reliability"]
    split, counts = table.attrs["shown_split"], table.attrs["main_counts"]
    words = names(table, "split_names")
    tested = summary["splits"][split]
    return [
        Section(
            "How well it reads",
            f"Test: {words[split]}, {_counted(tested['test_sites'])}, counts of {counts}. "
            "Days with snow on the ground are not scored.",
            tables=[_by_season(table, split, counts), _by_counts(table)],
            figures=[
                (
                    figures.methods(table, split, counts),
                    "RMSE by method and season; lines: 5 to 95 % of a bootstrap over blocks of "
                    "days of the sites. Persistence knows the true water of ten days before.",
                ),
                (
                    figures.series(datasets["examples"]),
                    f"{_example_sites(datasets['examples'])} in the driest and the wettest "
                    "stretch of the record.",
                ),
                (figures.scatter(datasets["scatter"]), "Answers against the truth."),
            ],
        ),
        Section(
            "How sure it is",
            "Intervals are calibrated per depth on sites or days that were validated on; coverage "
            "is that of the test.",
            tables=[_intervals(honest, split, counts)],
            figures=[(figures.reliability(honest, split, counts), "Honesty of the distribution.")],
        ),
        Section(
            "What it has learned",
            "A count belongs to many profiles: with the same mean, a wet surface counts less than "
            "a dry one. A network that remembers counts and weather can tell them apart.",
            figures=[
                (
                    figures.profiles(datasets["profiles"]),
                    "Left: two days of a test site with equal mean water but different profiles. "
                    "Middle: what is said of them. Right: errors by how much wetter the surface "
                    "is than the mean.",
                ),
                (
                    figures.importance(datasets["importance"]),
                    "The error when a group of inputs is withheld from the trained network, the "
                    "longer the bar the more it is used.",
                ),
                (figures.learning(datasets["learning"]), "Losses; points: the weights that stay."),
            ],
        ),
    ]


def _by_season(table: xr.Dataset, split: str, counts: str) -> Table:
    rows, words = [], names(table, "method_names")
    own = table.sel(split=split, counts=counts, depth=30)
    for method, name in words.items():
        if method not in own["retrieval"].to_numpy():
            continue
        row = own.sel(retrieval=method)
        if not float(row["n"].sel(subset="all")) > 0:
            continue
        cells = [name]
        for subset in _SUBSETS:
            at = row.sel(subset=subset)
            cells.append(f"{text_of(at['rmse'])} ({text_of(at['bias'], '{:+.3f}')})")
        cells += [
            text_of(row[score].sel(subset="all"), form)
            for score, form in (
                ("ubrmse", "{:.3f}"),
                ("crps", "{:.4f}"),
                ("site_kge", "{:.2f}"),
                ("site_nse", "{:.2f}"),
                ("site_spearman", "{:.2f}"),
            )
        ]
        rows.append(cells)
    return Table(
        ["method", *_SUBSETS.values(), "ubRMSE", "CRPS", "KGE", "NSE", "Spearman"],
        rows,
        "Water of 0-30 cm: RMSE (bias) in m³ m⁻³ by season; unbiased RMSE and CRPS (absolute error "
        "where there is no distribution) of all days; KGE (2012), NSE and rank correlation: "
        "medians over the sites. Columns are calibrated for a few sites only, which they are "
        "scored on; they are of the model that made the truth, under its true weather.",
    )


def _by_counts(table: xr.Dataset) -> Table:
    words, rows = names(table, "split_names"), []
    for split in table["split"].to_numpy():
        for counts in table["counts"].to_numpy():
            own = table["rmse"].sel(split=split, counts=counts)
            zone = own.sel(depth=30)
            cells = [words.get(split, split), str(counts)]
            for subset in ("all", "dry"):
                for method in ("network", "homogeneous"):
                    cells.append(text_of(zone.sel(retrieval=method, subset=subset), "{:.4f}"))
            others = own.sel(retrieval="network", subset="all")
            cells += [text_of(others.sel(depth=d), "{:.4f}") for d in _others(table)]
            rows.append(cells)
    header = ["held out", "counts", "network", "inversion", "network, dry", "inversion, dry"]
    header += [f"network, 0-{d:g} cm" for d in _others(table)]
    return Table(
        header,
        rows,
        "RMSE in m³ m⁻³, 0-30 cm unless said otherwise. Random days are the split of the poster: "
        "their neighbors in time were learned from.",
    )


def _others(table: xr.Dataset) -> list[float]:
    return [float(d) for d in table["depth"].to_numpy() if d != 30]


def _intervals(honest: xr.Dataset, split: str, counts: str) -> Table:
    rows = []
    own = honest.sel(split=split, counts=counts)
    for depth in own["depth"].to_numpy():
        cells = [f"0-{depth:g} cm"]
        for interval in own["interval"].to_numpy():
            at = own.sel(depth=depth, interval=interval)
            cells += [
                f"{100 * float(at[f'coverage{end}']):.1f} % ({float(at[f'width{end}']):.3f})"
                for end in ("", "_calibrated")
            ]
        cells.append(text_of(own["log_score"].sel(depth=depth), "{:.2f}"))
        rows.append(cells)
    header = ["depth"]
    for interval in own["interval"].to_numpy():
        header += [f"{100 * float(interval):.0f} %, before", "after"]
    return Table(
        [*header, "log score"],
        rows,
        "Share of days inside central intervals, in brackets their mean width in m³ m⁻³, before "
        "and after calibration; mean log density (higher is better).",
    )


def _scenarios(made: Mapping[str, Any]) -> Section:
    recipe = made["recipe"]
    shown = {
        "soils": recipe["soils"],
        "sites": str(made["members"]),
        "with a subsoil of their own": f"{100 * recipe['layered']:.0f} %",
        "with plants": f"{100 * recipe['vegetated']:.0f} %",
        "with a water table": f"{100 * recipe['water_table']:.0f} %",
        "climates": ", ".join(recipe["climates"]),
        "stations of each climate": str(recipe["stations"]),
        "count rates over a moist loam": " to ".join(f"{r:g}" for r in recipe["rates"]) + " h⁻¹",
        "error of the known N0": f"{100 * recipe['N0_error']:.0f} %",
        "did not finish": str(sum(made["flagged"].values())),
    }
    rows = [[k, v] for k, v in shown.items()]
    return Section("The scenarios", tables=[Table(["what", "value"], rows)])
