"""The study `replicates` from file to report: scores, a stop and going on, bad input."""

import json

import numpy as np
import pytest
import xarray as xr

import rootzone
from rootzone.config import load_study
from rootzone.core import StudyError
from rootzone.data import RunFolder
from rootzone.studies.replicates import _common_cells, _words
from rootzone.studies.replicates_splits import folds_of
from rootzone.studies.replicates_train import settings_of
from rootzone.studies.runner import check_study

TWIN = {
    "method": "twin",
    "places": {"schist": 2, "marl": 2, "sandstone": 0},
    "columns": 8,
    "years": 1,
    "outages": 0,
}
NETWORK = {"hidden": 8, "epochs": 2, "ensemble": 2}
STUDY = {
    "kind": "replicates",
    "title": "A small network",
    "seed": 3,
    "data": TWIN,
    "models": [
        {"name": "paper", "version": "paper", "hidden": 8, "epochs": 1},
        {"name": "told", "preset": "cond_lstm", **NETWORK},
        {"name": "three", "read": "record", **NETWORK},
        {"name": "both", "pool": ["told", "three"]},
        {"name": "bounded", "preset": "cmal", "bounded": True, **NETWORK},
        {"name": "effect", "preset": "sensor_effect", **NETWORK},
    ],
    "evaluation": {
        "splits": ["segments", "place"],
        "block_days": 60,
        "folds": 2,
        "baselines": ["annual_cycle", "era5_land_fitted"],
        "bootstrap": 5,
        "block_bootstrap": 5,
        "examples": 2,
    },
    "compared": ["three"],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a finished run."""
    return rootzone.run(STUDY, out=tmp_path_factory.mktemp("replicates") / "run")


def test_every_model_is_scored_on_what_it_was_trained_for(finished):
    table = finished["scores"]
    crps = table["crps"].sel(group="all", layer="all")
    first = crps.sel(split="segments")
    assert set(first["model"].to_numpy()) == {
        *("annual_cycle", "era5_land_fitted"),
        *("paper", "told", "three", "both", "bounded", "effect"),
    }
    assert np.isfinite(first).all()
    places = crps.sel(split="place")
    kept = places["model"].to_numpy()[np.isfinite(places)]
    assert set(kept) == {"annual_cycle", "era5_land_fitted", "three"}
    told = finished.summary["scores"]["segments"]["three"]
    assert told["crps"] == pytest.approx(float(first.sel(model="three")))


def test_all_models_count_where_a_window_without_gaps_ends(finished):
    study = load_study(STUDY)
    network = finished["network"].copy(deep=True)
    folds = folds_of("segments", network, study.evaluation, study.seed)
    window = settings_of(study.models[0], network, folds[0]).window
    before = _common_cells(study, "segments", folds, network)
    network["precipitation"].values[0, 100:103] = np.nan
    after = _common_cells(study, "segments", folds, network)
    dark = np.zeros(before.shape, bool)
    dark[0, :, 100 : 102 + window] = True
    assert (before & dark).any()
    np.testing.assert_array_equal(after, before & ~dark)


def test_a_pool_is_no_worse_than_the_mean_of_its_parts(finished):
    """The log of a mean density is above the mean of the logs, reading by reading."""
    at = finished["scores"]["log_likelihood"].sel(split="segments", group="all", layer="all")
    parts = [float(at.sel(model=m)) for m in ("told", "three")]
    assert float(at.sel(model="both")) >= np.mean(parts) - 1e-6


def test_the_folder_holds_network_weights_and_report(finished):
    folder = RunFolder(finished.folder)
    network = folder.read_dataset("network.nc")
    assert network["true_soil_moisture"].sizes["column"] == 8
    assert finished.summary["network"]["groups"] == ["marl", "schist"]
    names = {p.name for p in finished.folder.glob("model_*.npz")}
    assert len(names) == 5 + 2
    page = (finished.folder / "report.html").read_text()
    assert "<img" in page
    assert "both" in page
    trained = finished["learning"]["training"].to_numpy()
    assert "three/place/place 1 of 2" in trained


def test_places_without_groups_are_one(finished, tmp_path):
    network = finished["network"].copy(deep=True)
    network["group"].values[:] = "all"
    network.to_netcdf(tmp_path / "network.nc")
    models = [{"name": "one", "preset": "cond_lstm", **NETWORK, "ensemble": 1}]
    part = {"method": "store", "files": str(tmp_path / "network.nc")}
    evaluation = {**STUDY["evaluation"], "splits": ["place"]}
    study = {**STUDY, "data": part, "models": models, "evaluation": evaluation, "compared": None}
    found = rootzone.run(study, out=tmp_path / "run")
    assert found["scores"]["group"].values.tolist() == ["all"]
    assert found["scores"]["crps"].sel(model="one", layer="all").notnull().all()
    assert found["months"]["multimodal"].notnull().any()
    page = (found.folder / "report.html").read_text()
    assert "<img" in page
    assert "(all)" not in page


def test_a_killed_run_goes_on_to_the_same_numbers(tmp_path):
    """A stop after the first epoch of the second training leaves no trace in the results."""
    short = STUDY["evaluation"] | {"splits": ["segments"], "baselines": [], "bootstrap": 0}
    study = STUDY | {"models": STUDY["models"][1:4], "evaluation": short, "compared": None}

    def stop(stage, share):
        if stage == "training three/segments/segments":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rootzone.run(study, out=tmp_path / "run", progress=stop)
    assert not (tmp_path / "run" / "summary.json").exists()
    again = rootzone.run(study, out=tmp_path / "run", resume=True)
    whole = rootzone.run(study, out=tmp_path / "whole")
    for name in ("scores", "learning", "reliability"):
        xr.testing.assert_identical(again[name], whole[name])


def test_a_run_may_stop_after_the_data(tmp_path):
    done = rootzone.run(STUDY | {"stop_after": "data"}, out=tmp_path / "run")
    assert set(done) == {"network"}
    stored = {"method": "store", "files": str(tmp_path / "run" / "network.nc")}
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(STUDY | {"data": stored}))
    assert any("networks to train" in line for line in check_study(path))


def test_what_a_later_split_cannot_do_is_told_before_anything_is_learned(tmp_path):
    twin = TWIN | {"places": {"schist": 2, "marl": 0, "sandstone": 0}}
    evaluation = STUDY["evaluation"] | {"splits": ["segments", "group"]}
    study = STUDY | {"data": twin, "evaluation": evaluation}
    with pytest.raises(StudyError, match="one group only"):
        rootzone.run(study, out=tmp_path / "run")
    assert not list((tmp_path / "run").glob("training_*"))


def test_folds_of_names_alike_keep_their_weights():
    words = _words(["group g-1", "group g 1"])
    assert len(set(words.values())) == 2
    assert _words(["place 1 of 2"]) == {"place 1 of 2": "place_1_of_2"}
    long = _words([300 * "ü", 299 * "ü" + "u"])
    assert len(set(long.values())) == 2
    assert max(map(len, long.values())) < 200


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"data": TWIN | {"replicates": 9}}, "replicates is 9, a plot has 8 columns"),
        ({"compared": ["thre"]}, "compared has 'thre', which is no model"),
        ({"models": [{"name": "a", "pool": ["b", "c"]}]}, "which is no network"),
        ({"report": {"models": ["x"]}}, "report.models has 'x', which is no model"),
        (
            {"models": [{"name": "a", "window": 90, **NETWORK}]},
            "a window has 90 steps, the longest segment",
        ),
        (
            {"models": [{"name": "a", "inputs": ["discarge"], **NETWORK}]},
            "inputs has 'discarge'",
        ),
    ],
)
def test_what_cannot_be_is_told(change, told):
    with pytest.raises(StudyError, match=told):
        rootzone.run({**STUDY, "compared": None, **change})
