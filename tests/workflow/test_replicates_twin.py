"""The twin of a study of replicates: a dataset that keeps the contract, made once."""

import json

import jax
import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from rootzone.config.replicates_twin import Twin
from rootzone.core import RunError, StudyError
from rootzone.data import Log
from rootzone.data.replicates.network import check_network
from rootzone.simulate.plots_truth import multimodal_share, true_modes, true_quantiles
from rootzone.studies import replicates_twin
from rootzone.studies.context import Context
from rootzone.studies.replicates_twin import NETWORK, make_twin, recipe_of

TINY = {"method": "twin", "places": {"schist": 1, "sandstone": 1}, "columns": 8, "years": 1}


@pytest.fixture(scope="module")
def network():
    log = Log()
    part = Twin(method="twin", preset="small", years=1)
    return make_twin(part, 0, Context(log=log)), log.text()


def test_the_network_keeps_the_contract(network):
    ds, told = network
    same = check_network(
        ds,
        inputs=[
            "precipitation",
            "potential_evapotranspiration",
            "temperature",
            "discharge",
            "potential_radiation",
        ],
    )
    assert same.sizes == {"place": 12, "depth": 3, "replicate": 3, "time": 365, "column": 32}
    for name, variable in ds.data_vars.items():
        assert {"role", "units", "long_name"} <= set(variable.attrs), name
        if variable.attrs["role"] not in ("class", "target"):
            assert np.isfinite(variable.to_numpy()).all(), name
    assert ds.attrs["sensor_bias"] > 0
    assert ds.attrs["sensor_noise"] > 0
    assert "several maxima" in told
    assert str(ds["time"].values[0]).startswith("2013-01-01T00")


def test_a_plot_may_have_other_numbers_of_sensors():
    ds = make_twin(Twin(**TINY, replicates=5), 0, Context())
    assert ds.sizes["replicate"] == 5
    few = make_twin(Twin(**TINY), 0, Context())
    xr.testing.assert_equal(ds["true_soil_moisture"], few["true_soil_moisture"])
    with pytest.raises(StudyError, match="replicates is 9, a plot has 8 columns"):
        make_twin(Twin(**TINY, replicates=9), 0, Context())


def test_every_place_is_told_where_its_inputs_come_from(network):
    ds = network[0]
    entries = json.loads(ds.attrs["joined"])
    for quantity in ("precipitation", "potential_evapotranspiration", "discharge", "era5_land"):
        its = {e["place"]: e for e in entries if e["quantity"] == quantity}
        assert list(its) == list(ds["place"].values)
        assert all(0 <= e["distance_km"] < 25 for e in its.values())
    # Places of one pixel are told one rain, of two pixels two.
    rain = ds["precipitation"].to_numpy()
    pixel = [e["source"] for e in entries if e["quantity"] == "precipitation"]
    for p in range(12):
        for q in range(p):
            assert np.array_equal(rain[p], rain[q]) == (pixel[p] == pixel[q])


def test_the_truth_has_several_maxima_in_winter_more_than_in_summer(network):
    ds = network[0]
    water = ds["true_soil_moisture"].to_numpy()
    deviation = float(np.hypot(ds.attrs["sensor_bias"], ds.attrs["sensor_noise"]))
    modes = true_modes(water, deviation)
    month = ds["time"].dt.month.to_numpy()
    winter, summer = (
        multimodal_share(modes[..., np.isin(month, m)]) for m in ((1, 2, 3), (6, 7, 8))
    )
    assert multimodal_share(modes) > 0.10
    assert winter > 2.0 * summer
    low, high = np.moveaxis(true_quantiles(water, deviation, np.array([0.2, 0.8])), -1, 0)
    belts = (high - low).mean(axis=(0, 2))
    assert np.all((belts > 0.04) & (belts < 0.12))


def test_sensors_of_a_place_go_together_with_offsets(network):
    readings = network[0]["soil_moisture"].to_numpy()
    together, apart = [], []
    for place in readings.reshape(-1, 3, readings.shape[-1]):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            known = np.isfinite(place[a] + place[b])
            if known.sum() > 60:
                together.append(np.corrcoef(place[a, known], place[b, known])[0, 1])
                apart.append(abs((place[a] - place[b])[known].mean()))
    assert np.mean(np.array(together) > 0.9) > 0.6
    assert 0.05 < max(apart) < 0.25


def test_attributes_tell_most_of_the_mean_water(network):
    ds = network[0]
    mean = ds["true_soil_moisture"].mean(("column", "time")).to_numpy()
    for d in range(3):
        told = ds["porosity"].to_numpy()[:, d]
        clay = ds["clay"].to_numpy()[:, d]
        design = np.stack([np.ones(12), told, clay, ds["sand"].to_numpy()[:, d]], axis=1)
        left = mean[:, d] - design @ np.linalg.lstsq(design, mean[:, d], rcond=None)[0]
        assert left.std() < 0.4 * mean[:, d].std()
        assert left.std() > 1e-4


def test_the_reference_is_biased_and_in_time(network):
    ds = network[0]
    mean = ds["true_soil_moisture"].mean("column").to_numpy()
    reference = ds["era5_land"].to_numpy()
    assert abs((reference - mean).mean()) > 0.02
    rows = zip(reference.reshape(-1, 365), mean.reshape(-1, 365), strict=True)
    assert np.median([np.corrcoef(a, b)[0, 1] for a, b in rows]) > 0.8


def test_a_network_is_made_once_for_a_run_folder(tmp_path, monkeypatch):
    (tmp_path / "study.yaml").write_text("kind: replicates\n")
    part, context = Twin.model_validate(TINY), Context(folder=tmp_path)
    with jax.enable_x64(True):
        first = make_twin(part, 3, context)
    assert [p.name for p in tmp_path.iterdir() if p.name != "study.yaml"] == [NETWORK]

    def never(*given, **named):
        raise AssertionError("simulated again")

    with monkeypatch.context() as patch:
        patch.setattr(replicates_twin, "run_plots", never)
        log = Log()
        again = make_twin(part, 3, Context(folder=tmp_path, log=log))
        xr.testing.assert_identical(again, first)
        assert again["place"].dtype == first["place"].dtype
        assert again["land_use"].values[0] == first["land_use"].values[0]
        assert NETWORK in log.text()
        # Another seed, recipe or version is another network.
        for other, seed in ((part, 4), (part.model_copy(update={"sensor_bias": 0.03}), 3)):
            with pytest.raises(AssertionError, match="again"):
                make_twin(other, seed, context)
        patch.setattr(replicates_twin, "TWIN_VERSION", 999)
        with pytest.raises(AssertionError, match="again"):
            make_twin(part, 3, context)
    (tmp_path / NETWORK).write_bytes(b"half a file")
    with pytest.raises(RunError, match="cannot be read"):
        make_twin(part, 3, context)


def test_the_same_seed_makes_the_same_plots_in_any_precision(tmp_path):
    part = Twin.model_validate({**TINY, "twin_seed": 3})
    with jax.enable_x64(False):
        one = make_twin(part, 1, Context())
    with jax.enable_x64(True):
        two = make_twin(part, 2, Context())
    xr.testing.assert_identical(one, two)


def test_presets_are_filled_up_by_what_is_given():
    recipe = recipe_of(Twin(method="twin", preset="attert_like", columns=16, sensor_noise=0.01))
    assert sum(recipe.places.values()) == 43
    assert recipe.columns == 16
    assert recipe.sensors.noise == 0.01
    assert recipe.sensors.bias == 0.02
    assert recipe_of(Twin.model_validate(TINY)).places == {"schist": 1, "marl": 0, "sandstone": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"places": {"granite": 3}}, "schist"),
        ({"places": {"schist": 0}}, "asks for no plot"),
        ({"places": {"schist": -2}}, "wanted 0 to 1000"),
        ({"columns": 3}, "greater than or equal to 8"),
        ({"step_hours": 5}, "24"),
        ({"sensor_bias": 0.0}, "greater than 0"),
        ({"colums": 16}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_twin_are_refused(change, words):
    with pytest.raises(ValidationError, match=words):
        Twin.model_validate({"method": "twin", **change})


def test_a_truth_that_no_machine_holds_is_refused():
    part = Twin(method="twin", preset="attert_like", step_hours=1, columns=500)
    with pytest.raises(StudyError, match="GB: take fewer"):
        make_twin(part, 0, Context())


def test_columns_that_fail_are_told(monkeypatch):
    def failing(*given, **named):
        run = replicates_twin_run(*given, **named)
        status = run.status.copy()
        status[0, 0] = 1
        return run._replace(status=status)

    replicates_twin_run = replicates_twin.run_plots
    monkeypatch.setattr(replicates_twin, "run_plots", failing)
    with pytest.raises(StudyError, match=r"1 of 16 Richards columns .*twin_seed"):
        make_twin(Twin.model_validate(TINY), 3, Context())
