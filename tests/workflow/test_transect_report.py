"""The report of a transect: made of small synthetic datasets with every part there or missing."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rootzone.report import style
from rootzone.report.transect import transect_page
from rootzone.report.transect_style import (
    calibration_end,
    change,
    columns_for,
    limits,
    matched_mean,
    mean_over,
    section_colors,
    section_mean,
    section_sigma,
    shortened,
)

PARAMETERS = ("orgMatterContent_forest", "rootFractionCoefficient_forest", "PTF_Ks_constant")
COVERS = ("shunting area", "meadow", "meadow", "dense forest", "meadow")
SERIES = ("counts", "mass", "root_zone", "theta")
SCORES = {
    "nse": 0.81,
    "kge_2009": 0.72,
    "kge_2012": 0.73,
    "r_squared": 0.84,
    "pbias": -2.5,
    "rmse": 12.0,
}
PATTERN = {"spaef": 0.66, "alpha": 0.9, "beta": 0.8, "gamma": 0.7, "bins": 12.0}
SCALE = {"counts": 10_000.0, "mass": 0.3, "root_zone": 0.25, "theta": 0.25}


def make(
    sections: Sequence[str] = COVERS,
    *,
    days: int = 40,
    horizons: int = 3,
    line: bool = True,
    truth: bool = True,
    band: bool = True,
    sets: int = 10,
    searches: bool = True,
    sensitivity: bool = True,
    sites: int = 2,
    unscored: int = 0,
    calibrate: str = "each",
    degrees: bool = False,
    segments: bool = False,
) -> tuple[dict[str, xr.Dataset], dict[str, Any]]:
    """Return datasets and summary of a run that never was."""
    rng = np.random.default_rng(len(sections))
    names = list(dict.fromkeys(sections))
    groups = names if calibrate == "each" else [calibrate]
    found = {
        "line": _line(rng, sections, days, horizons, line, truth, band, unscored),
        "map": _map(rng, sections, line, degrees, segments),
        "sets": _sets(rng, names, groups, sets, truth, sensitivity),
    }
    if searches:
        found["searches"] = _searches(rng, groups[0])
    if sites:
        found["transfer"] = _transfer(rng, names, days, sites, truth)
    for dataset in found.values():
        dataset.attrs |= {"title": "Transect of a test", "source": "rootzone, compat mhm-5.13"}
    return found, _summary(found, names, groups, sets, truth, calibrate)


def _series(rng: np.random.Generator, days: int, places: int, scale: float) -> np.ndarray:
    season = 1.0 + 0.1 * np.sin(np.linspace(0.0, 6.0, days))[:, None]
    return (
        scale * season * (1.0 + 0.2 * rng.random(places)) * (1 + 0.01 * rng.random((days, places)))
    )


def _line(rng, sections, days, horizons, line, truth, band, unscored) -> xr.Dataset:
    places = len(sections)
    data: dict[str, Any] = {}
    suffixes = ["default", "calibrated", *(["true"] if truth else [])]
    suffixes += ["lower", "upper"] if band else []
    for name in SERIES:
        base = _series(rng, days, places, SCALE[name])
        for suffix in suffixes:
            factor = {"default": 1.3, "lower": 0.98, "upper": 1.02}.get(suffix, 1.0)
            dims = ("time", "place")
            values = factor * base
            if name == "theta":
                dims, values = ("time", "horizon", "place"), np.stack([values] * horizons, axis=1)
            data[f"{name}_{suffix}"] = (dims, values.astype("f4"))
    gaps = rng.random((days, places)) < 0.2
    gaps[days // 2] = True
    for name in ("counts", "mass"):
        values = data[f"{name}_calibrated"][1] * (1 + 0.01 * rng.standard_normal(gaps.shape))
        data[f"{name}_observed"] = (("time", "place"), np.where(gaps, np.nan, values).astype("f4"))
        sigma = np.where(gaps, np.nan, 0.01 * SCALE[name])
        data[f"{name}_sigma"] = (("time", "place"), sigma.astype("f4"))
    scored = (~gaps).any(axis=1)
    scored[:unscored] = False
    data["scored"] = ("time", scored.astype("i1"))
    data["precipitation"] = ("time", (8 * rng.random(days) ** 6).astype("f4"))
    at = 200.0 * np.arange(places) + 100.0 if line else np.arange(places, dtype=float)
    coords = {
        "time": pd.date_range("2021-09-01", periods=days),
        "place": [f"cell {n + 1}" for n in range(places)],
        "horizon": [f"horizon {n + 1}" for n in range(horizons)],
        "section": ("place", list(sections)),
        "distance": ("place", at),
        "x": ("place", at),
        "y": ("place", np.zeros(places)),
    }
    return xr.Dataset(data, coords, {"root_zone_depth_cm": 60.0})


def _map(rng, sections, line, degrees, segments) -> xr.Dataset:
    places, per = len(sections), 4
    cell = 0.002 if degrees else 200.0
    rows = 6 * per if line else 1
    columns = places * per if line else places
    fine = cell / per if line else cell
    x = (10.0 if degrees else 0.0) + fine * (np.arange(columns) + 0.5)
    y = (50.0 if degrees else 0.0) - fine * (np.arange(rows) + 0.5)
    elevation = 300.0 + 20.0 * np.hypot(*np.meshgrid(np.arange(columns), np.arange(rows)))
    elevation[0, :2] = np.nan if line else elevation[0, :2]
    cover = np.where(np.isfinite(elevation), rng.integers(1, 4, elevation.shape), -9999)
    units = {"units": "degrees" if degrees else "m"}
    coords: dict[str, Any] = {
        "x": ("x", x, units),
        "y": ("y", y, units),
        "place": [f"cell {n + 1}" for n in range(places)],
        "place_x": ("place", x[0] + cell * (np.arange(places) + 0.5)),
        "place_y": ("place", np.full(places, y.mean())),
        "section": ("place", list(sections)),
    }
    counts = 10_000.0 + 500.0 * rng.random(places)
    data: dict[str, Any] = {
        "elevation": (("y", "x"), elevation.astype("f4")),
        "land_cover": (("y", "x"), cover.astype("i2")),
        "place_counts": ("place", counts),
    }
    if line:
        data["line_x"] = ("vertex", x)
        data["line_y"] = ("vertex", y.mean() + 0.3 * cell * np.sin(np.arange(columns)))
    if segments:
        at = np.linspace(0.0, 200.0 * places, 6 * places)
        data["segment_distance"] = ("segment", at)
        data["segment_counts"] = ("segment", 10_000.0 + 800.0 * rng.random(at.size))
    return xr.Dataset(data, coords, {"cell_size": cell})


def _sets(rng, sections, selections, sets, truth, sensitivity) -> xr.Dataset:
    lower, upper = np.array([0.0, 0.9, -1.2]), np.array([20.0, 0.999, -0.285])
    value = lower + (upper - lower) * rng.random((len(selections), sets, 3))
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    groups = [*sections, "all"]
    share = np.linspace(0.0, 1.0, 201)
    objective = np.sort(0.7 + 0.2 * rng.random((len(selections), sets)), axis=1)[:, ::-1]
    data: dict[str, Any] = {
        "value": (("selection", "rank", "parameter"), value),
        "objective": (("selection", "rank"), objective),
        "member": (("selection", "rank"), np.tile(np.arange(sets), (len(selections), 1))),
        "lower": ("parameter", lower),
        "upper": ("parameter", upper),
        "default": ("parameter", 0.5 * (lower + upper)),
        "quantile": (
            ("selection", "quantile_level", "parameter"),
            np.moveaxis(np.quantile(value, levels, axis=1), 0, 1),
        ),
        "narrowing": (("selection", "parameter"), rng.random((len(selections), 3))),
    }
    if truth:
        data["true"] = ("parameter", lower + 0.3 * (upper - lower))
    for score in ("nse", "kge_2009", "kge_2012", "r_squared", "pbias"):
        many = np.sort(1.0 - 3.0 * rng.random((201, len(groups))) ** 2, axis=0)
        data[f"cdf_{score}"] = (("share", "group"), many)
    data["cdf_spaef"] = ("share", np.sort(rng.random(201)))
    if sensitivity:
        for name in ("regional", "identifiability", "first_order", "pawn"):
            index = np.tile([0.6, 0.4, 0.05], (len(selections), 1))
            data[name] = (("selection", "parameter"), index)
            data[f"{name}_chance"] = ("selection", np.full(len(selections), 0.1))
    coords = {
        "selection": list(selections),
        "parameter": list(PARAMETERS),
        "units": ("parameter", ["%", "1", "1"]),
        "quantile_level": list(levels),
        "share": share,
        "group": groups,
    }
    return xr.Dataset(data, coords, {"objective": "nse", "sets": 400})


def _searches(rng, selection) -> xr.Dataset:
    runs = np.array([[1.0, 10.0, 100.0, 400.0], [16.0, 160.0, np.nan, np.nan]])
    best = np.array([[-3.0, 0.5, 0.7, 0.8], [-1.0, 0.9, np.nan, np.nan]])
    data = {
        "runs": (("search", "step"), runs),
        "best": (("search", "step"), best),
        "posterior_ES_MDA": (("draw_ES_MDA", "parameter_ES_MDA"), 0.9 + 0.05 * rng.random((60, 1))),
    }
    coords = {"search": ["Latin hypercube", "ES-MDA"], "parameter_ES_MDA": [PARAMETERS[1]]}
    return xr.Dataset(data, coords, {"selection": selection})


def _transfer(rng, sections, days, sites, truth) -> xr.Dataset:
    depths = ["0-5 cm", "5-25 cm", "mean 0-60 cm", "observed 0-30 cm"]
    values = 0.3 + 0.05 * rng.random((sites, days, len(depths)))
    values[0, :, 3] = np.nan  # the first site has no such depth
    reference = values + 0.02 if truth else np.full_like(values, np.nan)
    names = {"default": 1.2, "calibrated": 1.0, "lower": 0.9, "upper": 1.1}
    data: dict[str, Any] = {k: (("site", "time", "depth"), f * values) for k, f in names.items()}
    data["reference"] = (("site", "time", "depth"), reference)
    data["precipitation"] = (("site", "time"), rng.random((sites, days)))
    coords = {
        "site": [f"meadow <{n + 1}>" for n in range(sites)],
        "section": ("site", [sections[n % len(sections)] for n in range(sites)]),
        "time": pd.date_range("2021-09-01", periods=days),
        "depth": depths,
    }
    return xr.Dataset(data, coords)


def _summary(found, names, groups, sets, truth, calibrate) -> dict[str, Any]:
    scores: dict[str, dict[str, float | None]] = {}
    of = ["observed counts", "observed gravimetric water"]
    of += ["true counts", "true root-zone water"] if truth else []
    for run, worse in (("default", 5.0), ("calibrated", 0.0)):
        for what in of:
            for group in (*names, "all"):
                scores[f"{run}, {what}, {group}"] = {k: v - worse for k, v in SCORES.items()}
            scores[f"{run}, {what}, pattern"] = {k: v - 0.1 * worse for k, v in PATTERN.items()}
    scores[f"default, observed counts, {names[0]}"]["nse"] = None  # NaN, as JSON has it
    if "transfer" in found and truth:
        one = {"nse": 0.5, "kge_2012": 0.6, "r": 0.9, "pbias": 1.0, "rmse": 0.02}
        for site in found["transfer"]["site"].to_numpy():
            for depth in ("0-5 cm", "mean 0-60 cm"):
                for run in ("default", "calibrated"):
                    scores[f"{run}, {site}, {depth}"] = dict(one)
    searches = [
        {"search": "Latin hypercube", "runs": 400.0, "objective": 0.8, "told": []},
        {"search": "ES-MDA", "runs": 160.0, "objective": 0.9, "told": ["members went out"]},
    ]
    line = found["line"]
    return {
        "title": "",
        "versions": {"rootzone": "0"},
        "created": "2026-01-01T00:00:00Z",
        "seed": 1,
        "precision": "float32",
        "scores": scores,
        "warnings": ["look out"],
        "sets": 400,
        "parameters": 3,
        "places": line.sizes["place"],
        "sections": names,
        "days": line.sizes["time"],
        "warm_up_days": 365,
        "counts": int(np.isfinite(line["counts_observed"]).sum()),
        "calibrate": calibrate,
        "objective": "nse",
        "N0": 22888.0,
        "twin": truth,
        "observations": {"records": 1200},
        "ensemble_seconds": 20.0,
        "ensemble_computed": 400,
        "kept": {g: {"sets": sets, "best": 0.9, "worst": 0.7} for g in groups},
        "searches": [
            s | {"selection": groups[0], "true_nse": 0.9 if truth else None, "seconds": 3.0}
            for s in searches
        ],
        "band": [0.05, 0.95],
    }


def plain(page: str) -> str:
    """Return the words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.split("<body>")[1]))


def pictures(page: str) -> int:
    return page.count("data:image/png")


# --- the page -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def _coarse():
    """Draw fewer points: what is tested is what is there, not how fine."""
    before = style._STYLE["savefig.dpi"]
    style._STYLE["savefig.dpi"] = 30
    yield
    style._STYLE["savefig.dpi"] = before


@pytest.fixture(scope="module")
def twin() -> str:
    return transect_page(*make())


def test_a_twin_has_every_section(twin: str):
    page = twin
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Where it was counted",
        "Counts of the sections",
        "Places and days",
        "Against the truth of the twin",
        "Scores of all sets",
        "Parameters before and after",
        "Which parameters matter",
        "Other searches on the same problem",
        "Other sites",
        "What was done",
    ]
    assert pictures(page) == 9
    text = plain(page)
    assert "A twin is kinder than the field" in text
    assert "dense forest NSE 0.76, KGE 0.88" in text
    assert "SPAEF 0.39" in text
    assert "simulated minus observed" in text
    assert "look out" in text
    assert "N0 fixed at 22,888 h⁻¹" in text
    assert "ES-MDA: members went out." in text


def test_numbers_of_the_tables(twin: str):
    text = plain(twin)
    assert "meadow 3 −4.19 → 0.81 −4.28 → 0.72 −4.27 → 0.73 −4.16 → 0.84 −7.5 → −2.5" in text
    assert "shunting area 1 - → 0.81" in text  # a score that is not known
    assert "observed gravimetric water 0.16 → 0.66 0.40 → 0.90 0.30 → 0.80 0.20 → 0.70 12" in text
    best = "orgMatterContent_forest, rootFractionCoefficient_forest"
    assert f"meadow {best} {best}" in text
    assert "orgMatterContent_forest (3 of 3)" in text
    assert "Latin hypercube shunting area 400 0.800 0.900 3.0" in text
    assert "400 of 400 sets computed in this run, 20 s, 50 ms for a set" in text


def test_names_are_escaped_in_the_page(twin: str):
    assert "meadow &lt;1&gt;" in twin
    assert "meadow <1>" not in twin


def test_observed_counts_without_what_need_not_be():
    datasets, summary = make(
        truth=False, searches=False, sensitivity=False, sites=0, band=False, sets=1
    )
    summary |= {"searches": [], "N0": None, "observations": {}}
    page = transect_page(datasets, summary)
    assert pictures(page) == 5
    text = plain(page)
    for word in ("twin", "Other sites", "Other searches", "Which parameters"):
        assert word not in text
    assert "N0 that of the model" in text
    assert "kept for meadow 1 set, objective 0.900" in text


def test_stations_without_a_line():
    names = [f"Station of the long valley, number {n}" for n in range(1, 11)]
    datasets, summary = make(names, line=False, truth=False, unscored=15, searches=False, sites=6)
    datasets["line"]["place"] = names
    summary["observations"] = {"sites": 10, "held_out": names[-1:], "records": {"too_far": 3}}
    page = transect_page(datasets, summary)
    # map, counts in two parts, images, scores, parameters in three parts, indices, sites in two
    assert pictures(page) == 1 + 2 + 1 + 1 + 3 + 1 + 2
    text = plain(page)
    assert "10, 10" in text  # places, sections
    assert f"Nothing was calibrated on {names[-1]}." in text
    assert "Days that were calibrated on are left out." in text
    assert "observations: records too far 3" in text
    assert "field study" not in text  # its land covers are others


@pytest.mark.parametrize("calibrate", ["joint", "all"])
def test_one_kind_of_sets_for_all(calibrate: str):
    page = transect_page(*make(calibrate=calibrate, sites=0))
    assert pictures(page) == 8
    assert f"kept for {calibrate}" in plain(page)


def test_one_section_of_one_place():
    page = transect_page(*make(["field"], days=3, sites=1, horizons=1))
    assert pictures(page) == 9
    assert "NSE of the counts - → 0.81" not in plain(page)  # nothing known of the default
    assert "field 1 - → 0.81" in plain(page)


def test_two_hundred_places_in_degrees_with_segments():
    covers = [f"section {n // 25}" for n in range(200)]
    datasets, summary = make(covers, days=6, degrees=True, segments=True, sites=0)
    assert pictures(transect_page(datasets, summary)) == 1 + 2 + 1 + 1 + 1 + 2 + 1 + 1


def test_a_place_without_any_count():
    datasets, summary = make(searches=False, sites=0, truth=False, sensitivity=False)
    line = datasets["line"]
    for name in ("counts_observed", "counts_sigma", "mass_observed", "mass_sigma"):
        line[name][:, 0] = np.nan
    datasets["map"]["place_counts"][0] = np.nan
    assert pictures(transect_page(datasets, summary)) == 5


# --- what the figures share ---------------------------------------------------------------------


def test_the_error_of_a_mean_of_independent_places():
    line = make(["a", "a", "b"])[0]["line"]
    known = np.isfinite(line["counts_observed"].to_numpy()[:, :2]).sum(axis=1)
    sigma = section_sigma(line, "a")
    np.testing.assert_allclose(sigma[known == 2], 100.0 / np.sqrt(2.0), rtol=1e-6)
    np.testing.assert_allclose(sigma[known == 1], 100.0, rtol=1e-6)
    assert np.isnan(sigma[known == 0]).all()


def test_means_are_matched_to_what_is_observed_and_scored():
    line = make(["a", "a"], unscored=10)[0]["line"]
    matched = matched_mean(line, "counts_calibrated", "a")
    assert np.isnan(matched[:10]).all()
    known = np.isfinite(line["counts_observed"].to_numpy())
    whole = known.all(axis=1) & (np.arange(len(known)) >= 10)
    np.testing.assert_allclose(matched[whole], section_mean(line, "counts_calibrated", "a")[whole])
    half = known.sum(axis=1) == 1
    half[:10] = False
    assert half.any()
    own = line["counts_calibrated"].to_numpy()[half][known[half]]
    np.testing.assert_allclose(matched[half], own)


def test_colors_belong_to_the_section_and_differ():
    few, many = section_colors(["meadow", "b"]), section_colors(["b", "x", "meadow", "all"])
    assert few["meadow"] == many["meadow"]
    assert len(set(many.values())) == 4
    assert len(set(section_colors([str(n) for n in range(12)]).values())) == 12


def test_far_values_do_not_flatten_the_others():
    core = np.array([0.0, 1.0])
    assert limits([core], [np.array([1.5])])[1] > 1.5
    assert limits([core], [np.array([50.0])])[1] < 1.2
    low, high = limits([np.array([2.0, 2.0])])
    assert low < 2.0 < high
    assert limits([np.array([np.nan])]) == pytest.approx((-0.05, 1.05))


def test_the_end_of_the_calibration():
    line = make(unscored=10)[0]["line"]
    days = line["time"].to_numpy().astype("datetime64[D]")
    known = np.isfinite(line["counts_observed"].to_numpy()).any(axis=1)
    assert calibration_end(line) == days[:10][known[:10]][-1]
    assert calibration_end(make()[0]["line"]) is None  # days without counts are not scored either


def test_scores_as_text():
    assert change((-131.2, 0.934)) == "−131 → 0.93"
    assert change((482.0, -0.01), "{:+.1f}") == "+482 → 0.0"
    assert change((float("nan"), 0.5)) == "- → 0.50"
    assert change((float("nan"), float("nan"))) == "-"


def test_legends_fit_into_the_figure():
    assert columns_for(["a", "b"]) == 2
    assert columns_for(["x" * 30] * 12) <= 3
    assert columns_for(["x" * 200]) == 1


def test_means_over_gaps_and_shortened_names():
    gaps = np.array([[1.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(mean_over(gaps), [1.0, np.nan])
    long = shortened("a very long name of a station, north", 16)
    assert len(long) == 16
    assert long.endswith("north")
