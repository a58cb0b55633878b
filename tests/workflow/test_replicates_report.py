"""The report of replicate sensors: made of synthetic datasets with every part there or missing."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

from rootzone.evaluate import gaussian_crps
from rootzone.evaluate.answers import LEVELS
from rootzone.evaluate.belts import noise_width
from rootzone.report import replicates_figures as figures
from rootzone.report import replicates_style as looks
from rootzone.report import replicates_tables as tables
from rootzone.report import style
from rootzone.report.replicates import replicates_page
from rootzone.report.replicates_close import close_stretch, predictive_image
from rootzone.report.replicates_network import record_shares, replicate_spread
from rootzone.report.replicates_series import observed_belt, untested

sys.path.insert(0, str(Path(__file__).parent))
from replicates_datasets import make  # tests are imported without their folder

FEW = ("cond_paper", "cond_corrected", "3g_corrected", "pooled_corrected", "era5_land", "bucket")
SMALL: dict[str, Any] = {"models": FEW, "steps": 200, "places": 2, "examples": 2}
SECTIONS = [
    "The network",
    "How well the mean is met",
    "What is held out matters",
    "How well the distribution is met",
    "In time",
    "Spread and state",
    "Against the truth of the twin",
    "How sure the models may be",
    "Seasons, and answers to rain",
    "Training",
]


def plain(page: str) -> str:
    """Return the words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.split("<body>")[1]))


def pictures(page: str) -> int:
    return page.count("data:image/png")


def titles(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


@pytest.fixture(autouse=True, scope="module")
def _coarse():
    """Draw fewer points: what is tested is what is there, not how fine."""
    before = style._STYLE["savefig.dpi"]
    style._STYLE["savefig.dpi"] = 25
    yield
    style._STYLE["savefig.dpi"] = before


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, xr.Dataset], dict[str, Any]]:
    return make(**SMALL)


@pytest.fixture(scope="module")
def twin(made) -> str:
    return replicates_page(*made)


# --- the page -----------------------------------------------------------------------------------


def test_a_twin_has_every_section(twin: str):
    assert titles(twin) == SECTIONS
    # network 2, scores 1, splits 1, distribution 6, time 2 + 1, state 1, honesty 1, seasons 2,
    # training 1
    assert pictures(twin) == 18
    text = plain(twin)
    assert "6 places, with up to 3 sensors at each of 3 depths" in text
    assert "A twin is kinder than the field" in text
    assert "simulated minus observed" in text
    assert "noise of 0.02 m³ m⁻³" in text
    assert "a belt of noise alone is 0.034 m³ m⁻³ wide" in text
    assert "reports as total averages of condLSTM" in text
    assert "Two places have records shorter" in text


def test_names_and_sources_are_escaped(twin: str):
    assert "gauge &lt;3&gt;" in twin
    assert "gauge <3>" not in twin
    assert "discharge gauge &lt;3&gt; 3 2.6 4.2" in plain(twin)


def test_one_sensor_of_one_group_without_anything_else():
    page = replicates_page(
        *make(
            groups=["field"],
            layers=["10 cm"],
            models=["cond_corrected"],
            splits=["segments"],
            replicates=1,
            steps=150,
            places=1,
            examples=1,
            era5=False,
            discharge=False,
            truth=False,
            located=False,
            without=("learning", "response"),
        )
    )
    text = plain(page)
    left_out = {"What is held out matters", "Against the truth of the twin", "Training"}
    assert titles(page) == [t for t in SECTIONS if t not in left_out]
    assert "with a sensor at each of one depth" in text
    for word in ("twin", "ERA5-Land:", "hardest split", "Ratio", "Bischof", "of the same place"):
        assert word not in text
    # network, scores, guide, belts, water, widths, close, in time, state, honesty, months
    assert pictures(page) == 11


def test_a_run_that_stopped_after_its_data():
    rest = ("scores", "density", "series", "months", "spread", "reliability", "learning")
    page = replicates_page(*make(without=(*rest, "response"), places=2, steps=100))
    assert titles(page) == ["The network"]
    assert pictures(page) == 1
    assert "A twin is kinder" not in page


def test_two_sensors_and_no_examples():
    datasets, summary = make(**SMALL | {"examples": 1, "models": FEW[2:4]}, replicates=2)
    series = datasets["series"]
    page = replicates_page({"series": series}, summary)
    assert pictures(page) == 4  # replicates, belts of the place, close view, record
    assert "up to 3 sensors" not in page
    without = replicates_page({"series": series.isel(example=[])}, summary)
    assert pictures(without) == 0
    assert "In time" not in titles(without)


def test_unknown_scores_leave_their_parts_out(made):
    datasets, summary = made
    scores = datasets["scores"].copy(deep=True)
    gone = [n for n in scores if "truth" in str(n) or "belt" in str(n) or "block" in str(n)]
    scores = scores.drop_vars(gone)
    scores["kge_places"][:] = np.nan
    page = replicates_page({"scores": scores}, summary)
    text = plain(page)
    assert "twin" not in text
    assert "Averaged over places: each place and depth" in text  # of the rank correlation
    assert text.count("KGE (2009)") == 1
    assert "blocks of time" in text  # said, though no number has one


# --- tables ---------------------------------------------------------------------------------------


def test_a_score_has_the_ends_of_its_blocks_in_brackets(made):
    scores = made[0]["scores"]
    table = tables.part_table(scores, "kge_places")
    assert table.header[0] == "sensors"
    assert len(table.header) == 1 + len(FEW)
    assert [row[0] for row in table.rows][:5] == [
        "all sensors",
        "10 cm",
        "30 cm",
        "50 cm",
        "marl",
    ]
    assert len(table.rows) == 16
    at = {"split": "segments", "model": "bucket", "group": "marl", "layer": "30 cm"}
    value, low, high = (
        float(scores[f"kge_places{end}"].sel(at)) for end in ("", "_block_low", "_block_high")
    )
    row = next(row for row in table.rows if row[0] == "marl, 30 cm")
    cell = row[table.header.index("bucket per place")]
    assert cell == f"{value:.2f} [{low:.2f},\u00a0{high:.2f}]".replace("-", "−")


def test_averages_of_cells_have_no_brackets_of_the_pooled_score(made):
    scores = made[0]["scores"].copy()
    cells = scores["kge_pooled"].copy(deep=True)
    cells[:, :, 0, 0] = 0.123
    table = tables.part_table(scores.assign(kge_cells=cells), "kge_pooled", cells="kge_cells")
    assert table.rows[0][1:] == ["0.12"] * len(FEW)
    assert all("[" in cell for cell in table.rows[1][1:])


def test_the_ratio_is_one_gaussian_less_three(made):
    scores = made[0]["scores"].copy(deep=True)
    at = {"split": "segments", "group": "all", "layer": "all"}
    for model, value in (("cond_corrected", 1.2), ("3g_corrected", 1.5)):
        scores["log_likelihood"].loc[at | {"model": model}] = value
    table = tables.variability_table(scores)
    assert table.header[-1] == "ratio"
    assert table.rows[0][-1] == "−0.300"
    assert "condLSTM, corrected less that of 3G-LSTM, corrected" in table.caption
    assert not any("released" in word for word in table.header)


def test_impossible_readings_are_told(made):
    scores = made[0]["scores"].copy(deep=True)
    scores["log_likelihood"].loc[{"model": "era5_land"}] = -np.inf
    scores["impossible"] = xr.zeros_like(scores["crps"])
    scores["impossible"].loc[{"model": "era5_land"}] = 0.0012
    scores["answered"] = xr.ones_like(scores["crps"])
    table = tables.overall_table(scores)
    row = dict(zip(table.header, next(r for r in table.rows if r[0] == "ERA5-Land"), strict=True))
    assert row["log-likelihood"] == "−∞"
    assert row["impossible"] == "0.12 %"
    assert "answered" not in table.header  # by all models, always
    assert "no density at all" in table.caption


def test_models_that_a_split_did_not_ask_have_a_dash(made):
    scores = made[0]["scores"].copy(deep=True)
    for name in ("kge_places", "crps"):
        scores[name].loc[{"split": "place", "model": "bucket"}] = np.nan
    table = tables.split_table(scores)
    row = dict(zip(table.header, next(r for r in table.rows if "bucket" in r[0]), strict=True))
    assert row["KGE, whole places left out"] == "-"
    assert row["KGE, random segments"] != "-"


def test_months_of_several_maxima_are_named_and_held_against_the_truth():
    truth = 0.3 + 0.3 * np.cos(2 * np.pi * np.arange(12) / 12)  # most in January, least in July
    rows = {"alike": 0.1 * truth, "turned": 0.6 - truth, "never": 0 * truth, "bucket": truth}
    shares = np.stack(list(rows.values()), axis=1)[..., None]
    months = xr.Dataset(
        {
            "multimodal": (("month", "model", "group"), shares),
            "truth_multimodal": (("month", "group"), truth[:, None]),
        },
        {"month": np.arange(1, 13), "model": list(rows), "group": ["all"]},
    )
    table = tables.modes_table(months)
    assert [row[1:] for row in table.rows] == [
        ["truth of the twin", "30 %", "January", "July", "-"],
        ["alike", "3 %", "January", "July", "1.00"],
        ["turned", "30 %", "July", "January", "−1.00"],
        ["never", "0 %", "-", "-", "-"],
    ]


# --- models ---------------------------------------------------------------------------------------


def _named(*models: str) -> xr.Dataset:
    names = json.dumps({m: m for m in models})
    return xr.Dataset(coords={"model": list(models)}, attrs={"model_names": names})


STUDY = {
    "models": [
        {"name": "A/1", "preset": "cond_lstm", "version": "paper"},
        {"name": "B", "preset": "cond_lstm", "version": "corrected"},
        {"name": "C", "preset": "gm_lstm", "version": "corrected"},
        {"name": "D", "preset": "cmal", "version": "corrected", "bounded": True},
        {"name": "E", "preset": "gm_lstm", "version": "corrected"},
        {"name": "F", "pool": ["B", "C"]},
    ],
    "report": {"models": ["E", "A/1"]},
}


def test_names_of_the_user_have_the_looks_of_their_kinds():
    data = looks.with_kinds(_named("A/1", "B", "C", "D", "E", "F", "bucket"), STUDY)
    colors = looks.colors_of(data)
    assert colors["A/1"] == colors["B"] == looks.BLUE
    assert looks.is_paper(data, "A/1")
    assert not looks.is_paper(data, "B")
    assert looks.model_line(data, "A/1")["ls"] != "-"
    assert colors["C"] == looks.ORANGE
    assert colors["F"] == looks.GREEN
    assert len(set(colors.values())) == len(colors) - 1  # two of one kind have two colors
    assert looks.rivals(data, ["A/1", "B", "C", "E"]) == ("B", "C")
    assert looks.rivals(data, ["A/1", "C"]) is None  # of two versions
    assert looks.main_models(data, ["A/1", "B", "C", "E"], 2) == ["A/1", "E"]
    assert looks.drawn_models(data, ["B", "bucket"], 3) == ["B"]
    assert looks.drawn_models(data, ["bucket"], 3) == ["bucket"]


def test_a_slash_in_the_name_of_a_model_is_no_split():
    assert figures._training("A/1/place/2") == ("A/1", "place")


# --- what is read off -----------------------------------------------------------------------------


def _example(made) -> xr.Dataset:
    return made[0]["series"].isel(example=0)


def test_an_image_of_quantiles_is_the_density(made):
    example = _example(made).isel(time=slice(0, 3)).copy(deep=True)
    mean, std = np.array([0.25, 0.3, np.nan]), 0.03
    quantiles = mean[:, None] + std * norm.ppf(LEVELS)
    example["quantile"].loc[{"model": "bucket"}] = quantiles
    grid = np.linspace(0.1, 0.5, 161)
    image = predictive_image(example, "bucket", grid)
    middle = 0.5 * (grid[1:] + grid[:-1])
    for n in (0, 1):
        # Smoothed over a cell of 0.0025: the density falls by (0.0025 / std)^2 / 2 at its top.
        true = norm.pdf(middle, mean[n], std)
        assert np.abs(image[:, n] - true).max() < 0.005 * true.max()
        assert np.sum(image[:, n] * np.diff(grid)) == pytest.approx(1.0, abs=1e-6)
    assert np.isnan(image[:, 2]).all()


def test_the_belt_of_equal_sensors_is_that_of_the_noise(made):
    example = _example(made).copy(deep=True)
    example["obs"][:] = 0.3
    np.testing.assert_allclose(observed_belt(example), noise_width(0.02), atol=1e-6)
    example["obs"][0, 5] = np.nan
    belt = observed_belt(example)
    assert np.isnan(belt[5])
    assert np.isfinite(np.delete(belt, 5)).all()
    example["obs"][1:] = np.nan
    assert np.isnan(observed_belt(example)).all()  # one sensor has no belt


def test_a_close_view_is_of_tested_steps(made):
    example = made[0]["series"].isel(example=1).copy(deep=True)
    late = np.arange(example.sizes["time"]) >= 120
    example["test"].values[:] = late
    example = example.drop_vars("snapshot_time")
    short = example.isel(time=slice(60, None))
    chosen = close_stretch(short)
    assert chosen == slice(0, 140)  # no longer than what there is
    shown = untested(short)
    assert shown[:55].all()
    assert not shown[60:].any()


def test_shares_of_records_count_sensors_that_ever_read():
    network = make(places=1, groups=["g"], layers=["10 cm"], steps=100)[0]["network"]
    readings = np.full((1, 1, 3, 100), 0.3)
    readings[0, 0, 2] = np.nan  # does not exist
    readings[0, 0, 1, :50] = np.nan
    network["soil_moisture"].values[:] = readings
    edges, shares = record_shares(network, most=10)
    assert edges.size == shares.shape[1] + 1 == 11
    np.testing.assert_allclose(shares[0], [0.5] * 5 + [1.0] * 5)


def test_the_example_whose_sensors_differ_most(made):
    series = made[0]["series"].copy(deep=True)
    series["obs"][:] = 0.3
    series["obs"][1, 2] = 0.4
    assert replicate_spread(series) == 1
    series["obs"][0, 0] = 0.1
    assert replicate_spread(series) == 0


def test_the_guide_tells_the_distances_of_its_examples():
    grid = np.linspace(-0.2, 1.0, 4801)
    found = {e.name: figures.distances(e, grid) for e in figures._EXAMPLES}
    assert found["perfect"][0] == 0.0
    order = [found[name] for name in ("perfect", "good", "average", "bad")]
    assert order == sorted(order)
    # The mean CRPS against readings drawn from the truth, by the closed form of a Gaussian.
    true, one = figures._TRUE, figures._EXAMPLES[2]
    z = norm.ppf((np.arange(2000) + 0.5) / 2000)
    each = [
        float(np.mean(np.asarray(gaussian_crps(obs=m + s * z, mean=one.mean[0], std=one.std[0]))))
        for m, s in zip(true.mean, true.std, strict=True)
    ]
    assert found["average"][1] == pytest.approx(float(np.dot(true.weight, each)), rel=1e-4)
    # Of a shift, the Wasserstein distance is its size.
    moved = true._replace(mean=true.mean + 0.05)
    assert figures.distances(moved, grid)[0] == pytest.approx(0.05, rel=1e-6)


def test_a_legend_fits_its_width():
    each = [2.0, 1.0, 1.0, 1.0, 1.0]
    assert looks._legend_width(each, 5) == 6.0
    assert looks._legend_width(each, 2) == 3.0
    assert looks._legend_width(each, 1) == 2.0
