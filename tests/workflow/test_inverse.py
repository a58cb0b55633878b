"""The study `inverse`: from scenarios to report, restart after a kill, bad input."""

import copy
import errno
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

import rootzone
from rootzone.config import InverseStudy, load_study, template
from rootzone.config.inverse import Errors
from rootzone.core import DataError, RootzoneError, RunError, StudyError
from rootzone.data.scenario_store import Field, ScenarioStore
from rootzone.evaluate import rmse
from rootzone.simulate import NeutronSoil, homogeneous_rates
from rootzone.simulate.scenarios import OPERATORS
from rootzone.studies import check_study, find_demo, inverse, inverse_train
from rootzone.studies.context import Context
from rootzone.studies.inverse_baselines import climatology, persistence
from rootzone.studies.inverse_data import SNOW, VALID, Counts, counted, load, retrieved, sequences
from rootzone.studies.inverse_scores import rmse_interval, subsets, window_sum
from rootzone.studies.inverse_splits import _by_day, parts_of
from rootzone.studies.inverse_train import Lessons

CLIMATES = ["temperate maritime", "semi-arid"]
STUDY = {
    "kind": "inverse",
    "title": "A tiny inverse",
    "seed": 3,
    "scenarios": {
        "method": "simulated",
        "members": 32,
        "years": 1,
        "warm_up": 60,
        "climates": CLIMATES,
        "stations": 2,
        "nodes": 21,
        "first": 1.0,
        "chunk": 32,
    },
    "network": {"hidden": 8, "width": 8, "ensemble": 1, "depths": [10, 30]},
    "training": {"epochs": 2, "window": 180, "warm_up": 30, "batch": 16},
    "evaluation": {
        "splits": ["site"],
        "detectors": ["exact", 1000.0],
        "column_sites": 0,
        "bootstrap": 50,
    },
}


def changed(**parts):
    study = copy.deepcopy(STUDY)
    for name, values in parts.items():
        study[name] = {**study[name], **values} if isinstance(values, dict) else values
    return study


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("inverse") / "run"
    return rootzone.run(STUDY, out=out)


@pytest.fixture(scope="module")
def store(run):
    return ScenarioStore(run.folder / "scenarios.zarr")


@pytest.fixture(scope="module")
def data(store):
    return load(load_study(STUDY), store)


def of_store(store, **parts):
    return changed(**parts) | {"scenarios": {"method": "store", "folder": str(store.path)}}


# --- from scenarios to report -----------------------------------------------------------


def test_a_run_leaves_scores_model_and_report(run):
    table = run["scores"]
    assert table.sizes["depth"] == 2
    assert list(table["counts"].to_numpy()) == [
        "exact counts",
        "1000 h-1",
        "1000 h-1, no attributes",
    ]
    zone = table.sel(depth=30, counts="1000 h-1", split="site", subset="all")
    assert 0.005 < float(zone["rmse"].sel(retrieval="homogeneous")) < 0.06
    assert np.isfinite(zone["rmse"].sel(retrieval="network"))
    bounds = zone["rmse_low"], zone["rmse"], zone["rmse_high"]
    low, middle, high = (b.sel(retrieval="homogeneous") for b in bounds)
    assert low < middle < high
    scores = run.summary["scores"]["site"]["1000 h-1"]
    assert scores["homogeneous"]["all"]["rmse"] == pytest.approx(
        float(zone["rmse"].sel(retrieval="homogeneous"))
    )
    assert 0.0 <= scores["interval_90"]["coverage"] <= 1.0
    assert (run.folder / "report.html").read_text().count("data:image/png") == 7
    words = json.loads((run.folder / "model_site.json").read_text())
    assert words["names"]["targets"] == ["0-10 cm", "0-30 cm"]
    assert (run.folder / "model_site.npz").is_file()


def test_scores_are_those_of_the_days_without_snow(run, store, data):
    parts = parts_of(load_study(STUDY), "site", data, CLIMATES)
    test = data.pick(parts.sites("test"))
    wanted = parts.test[parts.sites("test")] & (test.snow <= SNOW)
    assert not parts.test[:, :30].any()  # no memory to be judged by
    sim = retrieved(test, counted(test, "exact", 3, 2000))
    own = float(rmse(sim=sim[wanted], obs=test.theta[..., 1][wanted]))
    table = run["scores"].sel(depth=30, counts="exact counts", split="site", subset="all")
    assert own == pytest.approx(float(table["rmse"].sel(retrieval="homogeneous")), rel=1e-6)


def test_the_store_is_zarr_that_others_read(store):
    with xr.open_zarr(store.path, consolidated=False) as data:
        for name in ("rate", "theta", "status", "day_of_year"):
            np.testing.assert_array_equal(data[name], store.read(name))
        assert data["rate"].dims == ("member", "operator", "day")
        assert data["rate"].attrs["units"] == "h-1"
        assert data["day"].dtype.kind == "M"
        assert data.attrs["recipe"]["members"] == 32


# --- restart ----------------------------------------------------------------------------


def test_a_killed_run_goes_on_to_the_same_content(run, tmp_path, monkeypatch):
    """Killed within the training, then again before the evaluation: the same to the bit."""
    out = tmp_path / "killed"
    out.mkdir()
    shutil.copy(run.folder / "study.yaml", out)
    shutil.copytree(run.folder / "scenarios.zarr", out / "scenarios.zarr")
    write = inverse_train.Checkpoint.write

    def write_and_die(self, state, *losses):
        write(self, state, *losses)
        raise KeyboardInterrupt

    def die(*parts):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inverse_train.Checkpoint, "write", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            rootzone.run(STUDY, out=out, resume=True)
    assert int(np.load(out / "training_site.npz")["train_loss"].shape[0]) == 1
    with monkeypatch.context() as patch:
        patch.setattr(inverse, "evaluated", die)
        with pytest.raises(KeyboardInterrupt):
            rootzone.run(STUDY, out=out, resume=True)
    weights = [np.load(p / "model_site.npz") for p in (run.folder, out)]
    assert weights[0].files == weights[1].files
    for name in weights[0].files:
        np.testing.assert_array_equal(weights[0][name], weights[1][name], err_msg=name)
    stored = np.load(out / "training_site.npz")
    arrays = {k: stored[k] for k in stored.files} | {"mark": np.array("of another version")}
    np.savez(out / "training_site.npz", **arrays)
    with pytest.raises(RunError, match="weights of another version or study"):
        rootzone.run(STUDY, out=out, resume=True)


def tiny_store(path: Path, recipe=None, made_with="one") -> ScenarioStore:
    fields = {
        "x": Field(("member", "day"), (5, 3)),
        "status": Field(("member",), (5,), "int8"),
        "day": Field(("day",), (3,), "int32"),
    }
    return ScenarioStore.create(
        path,
        recipe=recipe or {"seed": 1},
        made_with=made_with,
        members=5,
        block=2,
        fields=fields,
        whole={"day": np.arange(3)},
    )


def test_a_growing_store_shows_whole_blocks_only(tmp_path):
    path = tmp_path / "store.zarr"
    store = tiny_store(path)
    block = {"x": np.arange(6.0).reshape(2, 3), "status": np.zeros(2)}
    store.write(1, block)
    assert store.known() == [1]
    np.testing.assert_array_equal(store.numbers(), [2, 3])
    (path / "status" / "c" / "1").unlink()  # killed before the status was written
    again = tiny_store(path)
    assert again.known() == []
    for number in range(3):
        again.write(number, {k: v[: min(2, 5 - 2 * number)] for k, v in block.items()})
    assert again.read("x").shape == (5, 3)
    np.testing.assert_array_equal(again.read("x")[2:4], block["x"])
    with pytest.raises(ValueError, match="the store has"):
        again.write(0, {"x": block["x"]})
    with pytest.raises(ValueError, match="the store has"):
        again.write(0, {k: v[:1] for k, v in block.items()})


def test_a_block_made_again_is_the_same_to_the_byte(tmp_path):
    store = tiny_store(tmp_path / "store.zarr")
    block = {"x": np.arange(6.0).reshape(2, 3), "status": np.zeros(2)}
    content = lambda: {p: p.read_bytes() for p in store.path.rglob("*") if p.is_file()}  # noqa: E731
    store.write(0, block)
    before = content()
    chunk = store.path / "x" / "c" / "0" / "0"
    chunk.write_bytes(b"half of it")
    (store.path / "status" / "c" / "0").unlink()
    (chunk.parent / "0.cut.partial").touch()  # killed while it was written
    again = tiny_store(store.path)
    again.write(0, block)
    assert content() == before


@pytest.mark.parametrize("harm", ["flipped", "cut", "empty", "gone"])
def test_a_damaged_chunk_is_told(tmp_path, harm):
    store = tiny_store(tmp_path / "store.zarr")
    store.write(0, {"x": np.arange(6.0).reshape(2, 3), "status": np.zeros(2)})
    chunk = store.path / "x" / "c" / "0" / "0"
    content = chunk.read_bytes()
    if harm == "gone":
        chunk.unlink()
    else:
        flipped = content[:-8] + bytes([content[-8] ^ 1]) + content[-7:]
        chunk.write_bytes({"flipped": flipped, "cut": content[:9], "empty": b""}[harm])
    with pytest.raises(DataError, match=r"x/c/0/0: cannot be read \(.*make the scenarios again$"):
        store.read("x")


@pytest.mark.parametrize("text", ["", "[]", '{"zarr_format": 3, "node_type": "group"}'])
def test_damaged_descriptions_are_told(tmp_path, text):
    store = tiny_store(tmp_path / "store.zarr")
    (store.path / "x" / "zarr.json").write_text(text)
    with pytest.raises(DataError, match=r"x/zarr.json: cannot be read"):
        store.fields()
    (store.path / "zarr.json").write_text(text)
    with pytest.raises(DataError, match=r"cannot be read|holds no scenarios"):
        tiny_store(store.path)


def test_a_full_disk_is_told_and_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    def full(*parts):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = tiny_store(tmp_path / "store.zarr")
    block = {"x": np.arange(6.0).reshape(2, 3), "status": np.zeros(2)}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)  # Zarr writes beside the chunk, then renames
        with pytest.raises(RunError, match="x: not written, No space left"):
            store.write(0, block)
        with pytest.raises(RunError, match="not written, No space left"):
            tiny_store(tmp_path / "other.zarr")
    assert store.known() == []
    assert not [p for p in tmp_path.rglob("*") if p.suffix == ".partial"]
    assert tiny_store(tmp_path / "other.zarr").known() == []  # what was begun is cleared
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="not written"):
        tiny_store(tmp_path / "file" / "store.zarr")


def test_a_store_of_something_else_is_refused(tmp_path):
    path = tmp_path / "store.zarr"
    tiny_store(path)
    with pytest.raises(DataError, match=r"another recipe \(seed\)"):
        tiny_store(path, recipe={"seed": 2})
    with pytest.raises(DataError, match="begun with other versions"):
        tiny_store(path, made_with="two")
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "file").write_text("x")
    with pytest.raises(RunError, match="not empty and no store"):
        tiny_store(tmp_path / "else")
    with pytest.raises(DataError, match="no scenarios there"):
        ScenarioStore(tmp_path / "none")


# --- what is learned from, and what is not ----------------------------------------------


@pytest.mark.parametrize("split", ["site", "climate", "station", "soil"])
def test_sites_that_are_tested_are_not_learned_from(split, data):
    study = load_study(
        changed(evaluation={"climates": ["semi-arid"], "soils": ["clay", "silt loam"]})
    )
    parts = parts_of(study, split, data, CLIMATES)
    seen = {name: set(parts.sites(name)) for name in parts._fields}
    assert not seen["test"] & (seen["train"] | seen["valid"])
    assert not seen["train"] & seen["valid"]
    assert all(seen.values())
    code = {"climate": "climate", "station": "station", "soil": "soil_class"}.get(split)
    if code:
        of = lambda name: set(data.codes[code][sorted(seen[name])])  # noqa: E731
        assert not of("test") & of("train")


def test_years_do_not_mix_and_random_days_do(data):
    study = load_study(changed(training={"warm_up": 10, "window": 100}))
    none = np.zeros((2, 730), bool)
    rng = np.random.default_rng(0)
    parts = _by_day(study, "year", rng, none)
    days = [np.flatnonzero(part[0]) for part in parts]
    assert days[0].max() < days[1].min() <= days[1].max() < days[2].min() == 365
    parts = _by_day(study, "random_days", rng, none)
    assert not np.any(parts.train & parts.test)
    assert parts.test[0].mean() == pytest.approx(0.1, abs=0.01)


def test_noise_belongs_to_the_site_and_has_the_width_of_counting(data):
    own = counted(data, 1000.0, seed=1)
    few = counted(data.pick(np.array([4, 2])), 1000.0, seed=1)
    np.testing.assert_array_equal(own.rate[[4, 2]], few.rate)
    exact = data.rate * (1000.0 / data.rate.mean(axis=1))[:, None]
    # Poisson: the variance of a rate over 24 h is the rate over 24 h.
    z = (own.rate - exact) / np.sqrt(exact / 24.0)
    assert abs(z.mean()) < 4.0 / np.sqrt(z.size)
    assert z.std() == pytest.approx(1.0, abs=4.0 / np.sqrt(2 * z.size))


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_inversion_undoes_the_operator_over_even_profiles(data, operator):
    some = data.pick(np.arange(4))
    s = some.static
    theta = np.linspace(0.05, 0.29, 7)
    edges = np.array([0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 100.0, 300.0])
    soil = NeutronSoil(
        *(s[n][:, None] for n in ("bulk_density", "lattice_water", "organic_water")),
        s["biomass_water"][:, None],
    )
    one = lambda k: NeutronSoil(*(x[k] for x in soil))  # noqa: E731
    rates = [homogeneous_rates(OPERATORS[operator], theta, edges, one(k)) for k in range(4)]
    rate = np.asarray(rates) * some.N0[:, None]
    even = replace(some, rates=rate[:, None], operators=(operator,), snow=np.zeros_like(rate))
    found = retrieved(even, Counts(rate, some.N0))
    # The table has 96 points between dry soil and the porosity; water beyond it is cut.
    expected = np.minimum(np.tile(theta, (4, 1)), s["porosity"][:, None])
    np.testing.assert_allclose(found, expected, atol=3e-4)


def test_missing_attributes_are_gaps_not_numbers(data):
    study = load_study(STUDY)
    some = data.pick(np.arange(3))
    read = sequences(study, some, counted(some, "own", 1))
    assert read.inputs.shape == (3, 365, 7)
    names = [n for n in study.network.static if n != "porosity"]
    bare = load_study(changed(network={"static": names}))
    assert np.all(sequences(bare, some, counted(some, "own", 1)).upper == pytest.approx(0.65))


def test_counts_of_days_with_snow_are_gaps(data):
    study = load_study(STUDY)
    snow = np.zeros((3, 365))
    snow[1, 40:60] = 3.0
    some = replace(data.pick(np.arange(3)), snow=snow)
    read = sequences(study, some, counted(some, "own", 1))
    gone = np.isnan(read.inputs)
    assert gone[1, 40:60, :2].all()  # counts and retrieval
    assert np.isnan(read.target[1, 40:60]).all()
    assert gone.sum() == 2 * 20


def test_all_methods_are_scored_on_the_days_whose_counts_tell_of_the_soil(run, data):
    snow = np.zeros((3, 365))
    snow[0, 10:20], snow[1, 40:60], snow[2, 70:80] = 0.4, 0.7, 3.0
    some = replace(data.pick(np.arange(3)), snow=snow)
    counts = counted(some, "own", 1)
    scored = subsets(some, np.ones((3, 365), bool), 0)["all"]
    assert scored.sum() == 3 * 365 - 30
    target = sequences(load_study(STUDY), some, counts).target
    np.testing.assert_array_equal(np.isfinite(target).all(axis=-1), scored)
    np.testing.assert_array_equal(np.isfinite(retrieved(some, counts)), scored)
    table = run["scores"].sel(split="site", depth=30, counts="1000 h-1")
    days = table["n"].sel(subset="all")
    assert days.min() == days.max()
    assert np.isfinite(table["crps"].sel(subset="all")).all()
    assert np.isfinite(run["reliability"]["log_score"]).all()


def test_of_several_operators_each_site_has_one_and_inverts_that(store):
    study = load_study(changed() | {"operator": ["cosmic", "koehli_2021"]})
    both = load(study, store)
    np.testing.assert_array_equal(both.which, both.number % 2)
    alone = {n: load(load_study(changed() | {"operator": n}), store) for n in both.operators}
    for place, one in enumerate(alone.values()):
        mine = np.flatnonzero(both.which == place)
        np.testing.assert_array_equal(both.rate[mine], one.rate[mine])
        found = retrieved(both, counted(both, "exact", 1))[mine]
        expected = retrieved(one, counted(one, "exact", 1))[mine]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(both.turned(1).which, 1 - both.which)


def test_errors_of_instruments_belong_to_the_site_and_have_their_width(data):
    errors = Errors(rain=0.3, rain_daily=0.0, temperature=2.0)
    own = counted(data, "own", 1, errors=errors)
    few = counted(data.pick(np.array([4, 2])), "own", 1, errors=errors)
    for a, b in zip(own.pick(np.array([4, 2])).slips, few.slips, strict=True):
        np.testing.assert_array_equal(a, b)
    off = (own.slips.temperature - data.temperature)[:, 0]
    assert off.std() == pytest.approx(2.0, rel=0.4)
    wet = data.rain[:, :200].sum(axis=1) > 0
    logs = np.log(own.slips.rain[wet, :200].sum(axis=1) / data.rain[wet, :200].sum(axis=1))
    assert logs.std() == pytest.approx(0.3, rel=0.4)
    study = load_study(STUDY)
    read = sequences(study, data, own)
    np.testing.assert_allclose(np.expm1(read.inputs[..., 2]), own.slips.rain, rtol=1e-4, atol=1e-4)
    exact = counted(data, "exact", 1, errors=errors)
    assert exact.slips is None
    assert counted(data, 1000.0, 1, errors=errors).slips is None


def test_the_N0_that_is_known_of_stored_sites_may_be_drawn_anew(store, data):
    def known(error):
        study = of_store(store)
        study["scenarios"]["N0_error"] = error
        return load(load_study(study), store).N0_known

    np.testing.assert_array_equal(known(0.0), data.N0)
    np.testing.assert_array_equal(known(None), data.N0_known)
    off = np.log(known(0.1) / data.N0)
    assert off.std() == pytest.approx(0.1, rel=0.4)


def test_every_epoch_may_have_noise_of_its_own(data):
    study = load_study(changed(training={"redraw": True, "noise_draws": 2}))
    parts = parts_of(study, "site", data, CLIMATES)
    lessons = Lessons(study, data, parts)
    first, second, again = (lessons.of_epoch(k).inputs for k in (0, 1, 0))
    np.testing.assert_array_equal(first, again)
    half = len(first) // 2
    assert not np.array_equal(first[:half, :, 0], first[half:, :, 0])
    assert not np.array_equal(first[..., 0], second[..., 0])
    np.testing.assert_array_equal(first[..., 2], second[..., 2])  # rain has no errors here
    still = Lessons(load_study(STUDY), data, parts)
    np.testing.assert_array_equal(still.of_epoch(0).inputs, still.of_epoch(7).inputs)


def test_the_first_epoch_is_drawn_once(data, monkeypatch):
    drawn = []

    def counting(*given):
        drawn.append(given[3])
        return counted(*given)

    monkeypatch.setattr(inverse_train, "counted", counting)
    study = load_study(changed(training={"redraw": True, "noise_draws": 2, "epochs": 3}))
    parts = parts_of(study, "site", data, CLIMATES)
    trained = inverse_train.trained(
        study, "site", data, parts, Context(), made_with="here", share=(0.0, 1.0)
    )
    assert len(trained.train_loss) == 3
    assert [k for k in drawn if k != VALID] == [0, 1, 2, 3, 4, 5]


def test_baselines_of_known_series(data):
    np.testing.assert_array_equal(window_sum(np.arange(5.0), 2), [0, 1, 3, 5, 7])
    late = persistence(data)
    np.testing.assert_array_equal(late[:, 10:], data.theta[:, :-10])
    normal = climatology(data, np.ones((data.sites, data.days), bool), np.array([100, 366]))
    assert normal.shape == (2, 2)
    expected = data.theta[:, np.abs(data.day_of_year - 100) <= 10].mean(axis=(0, 1))
    np.testing.assert_allclose(normal[0], expected, rtol=1e-5)
    error = np.random.default_rng(0).normal(0.0, 0.02, (30, 360))
    low, high = rmse_interval(error, np.ones_like(error, bool), block=60, replicates=200, seed=1)
    # Independent errors: the RMSE varies by sigma / sqrt(2 n), 5 to 95 % is 3.3 of these.
    assert high - low == pytest.approx(3.29 * 0.02 / np.sqrt(2 * error.size), rel=0.3)


# --- bad input --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (changed(training={"warm_up": 180}), "no day is left to learn from"),
        (changed(training={"window": 400}), "the scenarios have 365 d"),
        (changed(scenarios={"preset": "poster", "members": 1}), "wants ten sites at least"),
        (changed(network={"depths": [10]}), "must have 30"),
        (changed(scenarios={"climates": ["polar"]}), "no climate 'polar'"),
        (changed(scenarios={"rates": [1000, 300]}), "wanted rising"),
        (changed(scenarios={"warm_up": 400}), "the weather has 365 d"),
        (changed(evaluation={"splits": ["years"]}), "'years' is not known"),
        (changed(evaluation={"climates": ["polar"]}), "no climate 'polar'"),
        (changed(evaluation={"splits": ["soil_and_climate"]}), "evaluation.climates are continent"),
        (
            changed(evaluation={"splits": ["climate"], "climates": CLIMATES}),
            "wants some held out and some left",
        ),
        (changed(evaluation={"detectors": [-1]}), "detectors[0]: -1 h-1 is no mean count rate"),
        (changed(evaluation={"detectors": ["exact", 1e30]}), "detectors[1]: 1e+30 h-1 is no"),
    ],
)
def test_a_study_that_cannot_be_is_told_in_a_sentence(study, words):
    with pytest.raises(StudyError) as caught:
        load_study(study)
    assert len(str(caught.value).splitlines()) == 1
    assert words in str(caught.value)


def test_presets_fill_what_is_left_out():
    poster = load_study(
        changed(evaluation={"splits": ["year"]})
        | {"scenarios": {"method": "simulated", "preset": "poster"}}
    ).scenarios
    assert (poster.members, poster.soils, poster.vegetated) == (1, "loam", 0.0)
    own = load_study(STUDY).scenarios
    assert (own.members, own.layered) == (32, 0.6)


def test_the_template_shows_every_key_with_its_default():
    text = template("inverse")
    shown, default = load_study(yaml.safe_load(text)), InverseStudy()
    parts = ("scenarios", "network", "training", "evaluation", "operator", "stop_after")
    for name in parts:
        assert getattr(shown, name) == getattr(default, name), name
    for name in ("scenarios", "network", "training", "evaluation"):
        for key in type(getattr(default, name)).model_fields:
            assert re.search(rf"\b{key}\b", text), f"{name}.{key}"


def spoiled(store, tmp_path, name, values):
    path = tmp_path / "spoiled.zarr"
    shutil.copytree(store.path, path)
    other = ScenarioStore(path)
    arrays = {k: other.read(k) for k, f in other.fields().items() if f.of_members}
    other.write(0, arrays | {name: values})
    return other


def test_impossible_water_and_missing_N0_are_told(store, tmp_path):
    theta = store.read("theta").copy()
    theta[3, 2, 50] = 0.9
    other = spoiled(store, tmp_path / "a", "theta", theta)
    with pytest.raises(DataError, match=r"site 3 has water contents from .* to 0.9 m3 m-3"):
        load(load_study(of_store(other)), other)
    other = spoiled(store, tmp_path / "b", "N0", np.full((32, 3), np.nan))
    with pytest.raises(DataError, match="counts cannot be told from water"):
        load(load_study(of_store(other)), other)


def test_a_store_that_lacks_sites_is_told(store, tmp_path):
    study = of_store(store)
    study["scenarios"]["members"] = 100
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(study))
    with pytest.raises(StudyError, match="holds 32 finished sites, 100 are wanted"):
        check_study(path)


def test_weather_with_gaps_is_told(tmp_path):
    days = xr.date_range("2001-01-01", periods=400)
    rows = [f"{d:%Y-%m-%d},{'' if k == 50 else 1.0},2.0,10.0" for k, d in enumerate(days)]
    (tmp_path / "weather.csv").write_text("\n".join(["date,rain,pet,t", *rows]))
    columns = {
        "precipitation": {"column": "rain", "units": "mm"},
        "potential_evapotranspiration": {"column": "pet", "units": "mm"},
        "temperature": {"column": "t", "units": "degC"},
    }
    table = {"files": "weather.csv", "time": {"column": "date"}, "columns": columns}
    study = changed(scenarios={"weather": {"method": "tables", "tables": [table]}})
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(study))
    with pytest.raises(RootzoneError, match=r"precipitation is missing on .*2001-02-20"):
        check_study(path)
    (tmp_path / "weather.csv").write_text(
        "\n".join(["date,rain,pet,t", *(r.replace(",,", ",0.0,") for r in rows)])
    )
    assert "400 days" in "\n".join(check_study(path))


def test_the_demo_is_known():
    assert find_demo("inverse").parent.name == "inverse_small"
