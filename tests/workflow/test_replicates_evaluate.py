"""The test of a study `replicates` on a small made network whose truth is known."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rootzone.config.replicates_evaluation import Evaluation
from rootzone.core.errors import DataError, StudyError
from rootzone.evaluate.answers import LEVELS, Answers, gaussian_answers
from rootzone.evaluate.belts import cdf_of_readings, mixture_of_readings
from rootzone.evaluate.modality import modes_of_readings
from rootzone.evaluate.splits import Fold
from rootzone.studies import replicates_scores
from rootzone.studies.replicates_baselines import NAMES, baseline, baseline_of_split
from rootzone.studies.replicates_evaluate import Test
from rootzone.studies.replicates_ground import ground_of
from rootzone.studies.replicates_shown import _examples
from rootzone.studies.replicates_splits import folds_of

sys.path.insert(0, str(Path(__file__).parent))
from replicates_networks import STD, make_network

FAST = {"bootstrap": 4, "block_bootstrap": 4, "block_days": 40, "folds": 2, "example_days": 120}


@pytest.fixture(scope="module")
def network() -> xr.Dataset:
    return make_network()


def true_answers(network: xr.Dataset) -> Answers:
    """Return the answers of somebody who knows the true distribution."""
    columns = np.moveaxis(network["true_soil_moisture"].to_numpy(), 2, 3)
    obs = network["soil_moisture"].to_numpy()
    mean = columns.mean(axis=3)
    std = np.sqrt(columns.var(axis=3) + STD**2)
    z = (obs[:, :, :, :, None] - columns[:, :, None]) / STD
    density = np.exp(-0.5 * z**2).mean(axis=4) / (STD * np.sqrt(2 * np.pi))
    pit = np.moveaxis(cdf_of_readings(np.moveaxis(obs, 2, 3), columns, STD), 3, 2)
    about = gaussian_answers(mean, std, obs)
    return about._replace(
        quantile=mixture_of_readings(columns, STD, LEVELS).astype("f4"),
        log_prob=np.log(density).astype("f4"),
        pit=pit.astype("f4"),
        modes=modes_of_readings(columns, STD),
    )


def perfect_mean(network: xr.Dataset) -> Answers:
    obs = network["soil_moisture"].to_numpy()
    whole = np.isfinite(obs).all(axis=2)
    return gaussian_answers(np.where(whole, obs.mean(axis=2), np.nan), np.float32(0.03), obs)


def assess(network, models, *, splits=("segments",), **settings):
    """Return the datasets of answers by model."""
    e = Evaluation(splits=list(splits), **(FAST | settings))
    found = Test(network, e, seed=1, model_names={m: f"the {m}" for m in models})
    for split in splits:
        folds = folds_of(split, network, e, 1)
        found.begin(split, folds)
        for name, answers in models.items():
            found.add(name, [(answers, fold.test) for fold in folds])
    return found.datasets()


@pytest.fixture(scope="module")
def both(network):
    models = {"true": true_answers(network), "perfect_mean": perfect_mean(network)}
    return assess(network, models, splits=("segments", "place"))


def test_the_true_distribution_scores_nothing_against_the_truth(both) -> None:
    scores = both["scores"].sel(model="true")
    assert float(scores["w1_truth"].max()) < 2e-6  # bisection in single precision
    np.testing.assert_allclose(scores["coverage_truth_80"], 0.8, atol=1e-4)
    np.testing.assert_allclose(scores["belt_truth"].sel(group="all"), 0.05, atol=0.03)
    other = both["scores"].sel(model="perfect_mean")
    assert float(other["w1_truth"].sel(group="all", layer="all").min()) > 0.004


def test_a_perfect_mean_has_the_best_efficiency_and_no_error(both) -> None:
    scores = both["scores"].sel(model="perfect_mean")
    for name in ("kge_pooled", "kge_places", "kge_cells", "spearman_pooled", "spearman_places"):
        np.testing.assert_allclose(scores[name], 1.0, atol=1e-5)
    assert float(scores["rmse"].max()) < 1e-6
    np.testing.assert_allclose(scores["kge_pooled_block_low"], 1.0, atol=1e-5)


def test_readings_of_the_true_distribution_are_covered(both) -> None:
    """Sensors are three of the columns with a constant bias each: only roughly uniform."""
    scores = both["scores"].sel(model="true", split="place", group="all", layer="all")
    for name, nominal in (("coverage_50", 0.5), ("coverage_80", 0.8), ("coverage_90", 0.9)):
        assert abs(float(scores[name]) - nominal) < 0.15
    pit = both["reliability"]["pit"].sel(model="true", split="place", layer="all")
    np.testing.assert_allclose(pit.mean(), 1.0, atol=1e-6)
    np.testing.assert_allclose(
        both["reliability"]["coverage"].sel(model="true", layer="all", interval=0.8),
        both["scores"]["coverage_80"].sel(model="true", group="all", layer="all"),
    )


@pytest.mark.parametrize(("group", "rows", "d"), [("schist", [2, 3], 1), ("marl", [0, 1], 0)])
def test_numbers_are_those_of_a_plain_loop(network, both, group, rows, d) -> None:
    """Every kind of number once, by hand, of the split by place; the marl has gaps."""
    answers = true_answers(network)
    obs = network["soil_moisture"].to_numpy()[rows, d]
    scores = both["scores"].sel(model="true", split="place", group=group)
    scores = scores.isel(layer=1 + d)
    some = np.isfinite(obs)
    assert int(scores["readings"]) == some.sum()
    assert int(scores["places"]) == 2
    np.testing.assert_allclose(
        scores["log_likelihood"], answers.log_prob[rows, d][some].mean(), rtol=1e-5
    )
    whole = some.all(axis=1)
    sim, mean = answers.mean[rows, d][whole], obs.mean(axis=1)[whole]
    r = np.corrcoef(sim, mean)[0, 1]
    kge = 1 - np.hypot(np.hypot(r - 1, sim.std() / mean.std() - 1), sim.mean() / mean.mean() - 1)
    np.testing.assert_allclose(scores["kge_pooled"], kge, atol=1e-4)
    np.testing.assert_allclose(scores["rmse"], np.sqrt(np.mean((sim - mean) ** 2)), rtol=1e-4)
    cells = np.moveaxis(obs, 1, 2)[whole]
    belt = mixture_of_readings(cells, 0.02, [0.2, 0.8])
    np.testing.assert_allclose(scores["belt_obs"], np.diff(belt, axis=1).mean(), rtol=1e-4)


def test_labels_and_units_are_those_that_the_report_reads(both) -> None:
    scores, density = both["scores"], both["density"]
    assert scores["group"].values.tolist() == ["all", "marl", "schist"]
    assert scores["layer"].values.tolist() == ["all", "10 cm", "30 cm"]
    assert scores["kge_pooled"].dims == ("split", "model", "group", "layer")
    assert scores.attrs["shown_split"] == "segments"
    assert json.loads(scores.attrs["model_names"])["true"] == "the true"
    assert scores["w1_truth"].attrs["units"] == "m3 m-3"
    for name in ("density_model", "density_obs", "density_truth"):
        area = density[name].integrate("x").sel(group="all", layer="all")
        np.testing.assert_allclose(area, 1.0, atol=0.02)
    widths = density["belt_density_truth"].sum("width") * 0.005
    np.testing.assert_allclose(widths, 1.0, atol=1e-6)
    series = both["series"]
    assert series["quantile"].dims == ("example", "model", "time", "level")
    assert series["snapshot_density_obs"].integrate("x").min() > 0.97
    known = series["quantile"].sel(model="true")
    shown = np.abs(known - series["truth_quantile"]).max()
    assert float(shown) < 1e-5


def test_modes_of_the_truth_have_their_season(both) -> None:
    months = both["months"]
    true = months["truth_multimodal"].sel(group="all")
    np.testing.assert_allclose(months["multimodal"].sel(model="true", group="all"), true)
    assert float(true.sel(month=1)) > 0.9 > 0.1 > float(true.sel(month=7))
    assert int(months["truth_most_multimodal"].sel(group="all")) in (12, 1, 2)
    assert float(months["multimodal"].sel(model="perfect_mean").max()) == 0.0
    assert 0.05 < float(months["rainy_days"].sel(group="all").mean()) < 0.4
    assert float(both["spread"]["spread_truth"].max()) > 0.06


def test_the_spread_of_blocks_is_wider_than_that_of_random_cells(network) -> None:
    obs = network["soil_moisture"].to_numpy()
    slow = 0.03 * np.sin(2 * np.pi * np.arange(obs.shape[3]) / 170)  # errors last for months
    blurred = perfect_mean(network).mean + slow.astype("f4")
    model = gaussian_answers(blurred, np.float32(0.04), obs)
    found = assess(network, {"blurred": model}, bootstrap=40, block_bootstrap=40)["scores"]
    one = found.isel(split=0, model=0).sel(group="all", layer="all")
    for name in ("kge_pooled", "spearman_pooled", "crps"):
        low, high = one[f"{name}_paper_low"], one[f"{name}_paper_high"]
        assert float(low) < float(one[name]) < float(high)
        assert float(one[f"{name}_block_high"] - one[f"{name}_block_low"]) > float(high - low)


def test_long_records_are_thinned_for_the_blocks_only(network, monkeypatch) -> None:
    obs = network["soil_moisture"].to_numpy()
    slow = 0.03 * np.sin(2 * np.pi * np.arange(obs.shape[3]) / 170)
    model = gaussian_answers(perfect_mean(network).mean + slow.astype("f4"), np.float32(0.04), obs)
    draws = {"bootstrap": 20, "block_bootstrap": 40}
    whole = assess(network, {"slow": model}, **draws)["scores"]
    monkeypatch.setattr(replicates_scores, "_MOST_CELLS", 500)
    thin = assess(network, {"slow": model}, **draws)["scores"]
    at = {"split": "segments", "model": "slow", "group": "all", "layer": "all"}
    for name in ("kge_pooled", "rmse", "crps"):
        np.testing.assert_array_equal(thin[name], whole[name])
        np.testing.assert_array_equal(thin[f"{name}_paper_low"], whole[f"{name}_paper_low"])
        width = [
            float((s[f"{name}_block_high"] - s[f"{name}_block_low"]).sel(at)) for s in (thin, whole)
        ]
        assert width[0] != width[1]
        assert 0.5 < width[0] / width[1] < 2.0


def test_one_sensor_one_group_and_nothing_else_leave_gaps_not_faults() -> None:
    network = make_network(places=2, replicates=1, truth=False, groups=1, depths=1)
    network = network[["soil_moisture"]]
    found = assess(network, {"mean": perfect_mean(network)})
    scores = found["scores"].isel(split=0, model=0).sel(group="all", layer="all")
    assert np.isnan(scores["belt_obs"])
    assert float(scores["kge_pooled"]) > 0.999
    assert "w1_truth" not in found["scores"]
    assert "rainy_days" not in found["months"]
    assert "response" not in found
    assert "era5_land" not in found["series"]


def test_an_impossible_reading_is_told(network) -> None:
    model = true_answers(network)
    log_prob = model.log_prob.copy()
    log_prob[2, 0, 0, :] = -np.inf
    found = assess(network, {"bounded": model._replace(log_prob=log_prob)})["scores"]
    one = found.isel(split=0, model=0)
    assert np.isneginf(one["log_likelihood"].sel(group="all", layer="all"))
    assert np.isfinite(one["log_likelihood"].sel(group="marl", layer="all"))
    assert 0.0 < float(one["impossible"].sel(group="all", layer="all")) < 0.2
    assert np.isfinite(one["log_likelihood_possible"]).all()


def test_what_cannot_be_scored_is_said_in_a_sentence(network) -> None:
    e = Evaluation(splits=["segments"], **FAST)
    folds = folds_of("segments", network, e, 1)
    found = Test(network, e, seed=1, model_names={"a": "A"})
    with pytest.raises(StudyError, match="no split is begun"):
        found.add("a", perfect_mean(network))
    with pytest.raises(DataError, match="no reading in its test part"):
        found.begin("segments", folds, scored=np.zeros((4, 2, 400), bool))
    with pytest.raises(StudyError, match="no model was scored"):
        found.datasets()
    found.begin("segments", folds)
    with pytest.raises(StudyError, match="not named"):
        found.add("b", perfect_mean(network))
    with pytest.raises(DataError, match="sensor_bias"):
        Test(network.drop_attrs(deep=False).assign_attrs(step_hours=24), e, seed=1, model_names={})


# --- baselines -------------------------------------------------------------------------------


def rmse_of(network: xr.Dataset, answers: Answers, fold: Fold) -> float:
    obs = network["soil_moisture"].to_numpy()
    tested = np.where(fold.test, obs, np.nan)
    return float(np.sqrt(np.nanmean((tested - answers.mean[:, :, None]) ** 2)))


@pytest.fixture(scope="module")
def folds(network) -> dict[str, list[Fold]]:
    e = Evaluation(**FAST)
    return {name: folds_of(name, network, e, 1) for name in ("segments", "place", "depth")}


@pytest.mark.parametrize("name", list(NAMES))
def test_baselines_learn_from_the_training_part_only(network, folds, name: str) -> None:
    fold = folds["segments"][0]
    made = baseline(name, network, fold)
    assert made.answers is not None
    # What is tested, changed beyond all measure, changes nothing.
    other = network.copy()
    other["soil_moisture"] = network["soil_moisture"].where(~fold.test, 5.0)
    again = baseline(name, other, fold)
    assert again.answers is not None
    np.testing.assert_array_equal(again.answers.mean, made.answers.mean)
    np.testing.assert_array_equal(again.answers.quantile, made.answers.quantile)
    tested = fold.test.any(axis=2)
    assert np.isfinite(made.answers.mean[tested]).mean() > 0.7
    assert rmse_of(network, made.answers, fold) < 0.12


def test_persistence_looks_back_only_and_grows_unsure(network, folds) -> None:
    fold = folds["segments"][0]
    made = baseline("persistence", network, fold).answers
    assert made is not None
    known = (fold.train | fold.valid)[2, 0, 0]
    obs = network["soil_moisture"].to_numpy()[2, 0]
    for t in np.flatnonzero(~known):
        before = np.flatnonzero(known[:t])
        if before.size:
            assert made.mean[2, 0, t] == pytest.approx(obs[:, before[-1]].mean(), abs=1e-6)
        else:
            assert np.isnan(made.mean[2, 0, t])
    first = int(np.flatnonzero(known[:-41] & ~known[1:-40])[0]) + 1
    assert made.std[2, 0, first + 30] > made.std[2, 0, first]


def test_fitted_reanalysis_has_no_bias_and_a_smaller_error(network, folds) -> None:
    fold = folds["segments"][0]
    given, fitted = (baseline(n, network, fold).answers for n in ("era5_land", "era5_land_fitted"))
    assert given is not None
    assert fitted is not None
    np.testing.assert_allclose(given.mean, network["era5_land"], rtol=1e-6)
    assert rmse_of(network, fitted, fold) < 0.7 * rmse_of(network, given, fold)
    assert fitted.crps[fold.test & np.isfinite(fitted.crps)].mean() < 0.04


def test_a_reanalysis_that_is_right_gets_the_line_through_zero(network) -> None:
    """Exactly, however few readings there are."""
    right = network.copy(deep=True)
    right["era5_land"].values[:] = right["soil_moisture"].values[:, :, 0]
    right["soil_moisture"].values[:] = right["era5_land"].values[:, :, None]
    right["soil_moisture"].values[..., 40:] = np.nan
    right["soil_moisture"].values[..., :40:2] = np.nan
    fold = folds_of("segments", right, Evaluation(splits=["segments"], block_days=10), 1)[0]
    made = baseline("era5_land_fitted", right, fold).answers
    known = np.isfinite(made.mean)
    np.testing.assert_allclose(made.mean[known], right["era5_land"].values[known], atol=2e-5)


def test_the_shown_model_answers_as_much_as_any(network) -> None:
    """A few easy steps answered well are no reason to show a model."""
    truth = true_answers(network)
    late = np.arange(truth.mean.shape[2]) > 0.8 * truth.mean.shape[2]
    few = truth._replace(
        mean=np.where(late, truth.mean, np.nan),
        std=np.where(late, truth.std, np.nan),
        quantile=np.where(late[:, None], truth.quantile, np.nan),
        crps=np.where(late, 0.1 * truth.crps, np.nan),
        log_prob=np.where(late, truth.log_prob, np.nan),
        pit=np.where(late, truth.pit, np.nan),
    )
    found = assess(network, {"few": few, "true": truth})
    assert float(found["scores"]["crps"].sel(model="few")[0, 0, 0]) < float(
        found["scores"]["crps"].sel(model="true")[0, 0, 0]
    )
    assert found["scores"].attrs["shown_model"] == "true"


@pytest.mark.parametrize(("groups", "depths"), [(1, 2), (2, 3), (3, 4), (4, 5), (5, 2)])
def test_examples_reach_every_group_and_depth(network, groups: int, depths: int) -> None:
    ground = ground_of(network, 0.02)
    ground = replace(ground, group=[f"g{k}" for k in range(groups)], depths=np.arange(depths))
    whole = np.ones((groups, depths, 5), bool)
    found = _examples(ground, whole, groups * depths)
    assert len({tuple(one) for one in found}) == groups * depths
    first = found[: max(groups, depths)]
    assert set(first[:, 0]) == set(range(groups))
    assert set(first[:, 1]) == set(range(depths))


def test_left_out_places_and_depths_are_answered_by_their_pools(network, folds) -> None:
    for split in ("place", "depth"):
        for name in ("annual_cycle", "linear", "bucket"):
            made = baseline_of_split(name, network, folds[split])
            assert made.answers is not None
            tested = np.any([fold.test.any(axis=2) for fold in folds[split]], axis=0)
            assert np.isfinite(made.answers.mean[tested]).all()
            if name != "annual_cycle" or split == "depth":
                assert any("pool" in told for told in made.told), name
            both = np.isfinite(made.answers.crps)
            assert made.answers.crps[both].mean() < 0.06
    left = baseline_of_split("persistence", network, folds["place"])
    assert left.answers is None
    assert "before the test" in left.told[0]


def test_the_bucket_and_the_line_beat_the_season(network, folds) -> None:
    fold = folds["segments"][0]
    error = {}
    for name in ("annual_cycle", "linear", "bucket"):
        answers = baseline(name, network, fold).answers
        assert answers is not None
        error[name] = rmse_of(network, answers, fold)
    assert error["bucket"] < error["annual_cycle"]
    assert error["linear"] < error["annual_cycle"]


def test_baselines_that_the_data_do_not_allow_say_why(network, folds) -> None:
    bare = network[["soil_moisture"]]
    fold = folds["segments"][0]
    for name, why in (
        ("era5_land", "no era5_land"),
        ("linear", "no input"),
        ("bucket", "no precipitation"),
    ):
        made = baseline(name, bare, fold)
        assert made.answers is None
        assert why in made.told[0]
    with pytest.raises(StudyError, match="did you mean 'linear'"):
        baseline("liner", network, fold)
    nothing = fold._replace(train=np.zeros_like(fold.test), valid=np.zeros_like(fold.test))
    with pytest.raises(DataError, match="no reading that a baseline"):
        baseline("linear", network, nothing)


def test_baselines_pass_through_the_whole_test(network) -> None:
    """Six-hourly steps, all baselines, two splits: scores are there and in order."""
    short = make_network(step_hours=6.0, days=160, places=4, columns=8)
    e = Evaluation(splits=["segments", "place"], **FAST)
    assessment = Test(short, e, seed=2, model_names=NAMES)
    for split in e.splits:
        held_out = folds_of(split, short, e, 2)
        assessment.begin(split, held_out)
        for name in e.baselines:
            made = baseline_of_split(name, short, held_out)
            if made.answers is not None:
                assessment.add(name, made.answers)
    found = assessment.datasets()
    scores = found["scores"].sel(group="all", layer="all")
    assert np.isfinite(scores["crps"].sel(split="segments")).all()
    assert np.isnan(scores["kge_pooled"].sel(split="place", model="persistence"))
    assert found["scores"].attrs["shown_model"] in NAMES
    response = found["response"]
    total = response["sequential"] + response["non_sequential"] + response["no_response"]
    np.testing.assert_allclose(total.where(response["events"] > 0), total * 0 + 1.0)
    assert int(response["events"].sel(group="all").sum()) > 20
    assert "6 h" in response.attrs["rule"]
