"""Networks of a study `replicates`: layout, training killed and resumed, answers, bad input."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import ValidationError

from rootzone.config.replicates_evaluation import Evaluation
from rootzone.config.replicates_models import ModelPart, Released, check_models, resolve
from rootzone.core import DataError, RunError, StudyError
from rootzone.evaluate.answers import LEVELS, check_answers
from rootzone.learn import (
    AsymmetricLaplaceMixture,
    NegativeLogLikelihood,
    ReleasedLikelihood,
    SensorLikelihood,
)
from rootzone.studies import checkpoints, replicates_answers
from rootzone.studies.context import Context
from rootzone.studies.replicates_answers import answers_and_own, answers_of
from rootzone.studies.replicates_layout import frame_of, part_of, rows_of, sequences_of
from rootzone.studies.replicates_splits import folds_of, readings_of
from rootzone.studies.replicates_train import Trained, preset_of, settings_of, train_model

STEPS, BLOCK = 400, 40
EVALUATION = Evaluation(block_days=BLOCK, folds=2, valid_share=0.2)


def _network(seed: int = 0) -> xr.Dataset:
    """Leaking buckets: two groups, four places, two depths, three sensors, 400 days."""
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.5, 8.0, (4, STEPS)) * (rng.random((4, STEPS)) < 0.3)
    day = np.arange(STEPS)
    pet = 2.0 - 1.5 * np.cos(2 * np.pi * day / 365) + 0.2 * rng.normal(size=(4, STEPS))
    sand = np.array([0.2, 0.3, 0.6, 0.7])
    water = np.zeros((4, 2, STEPS))
    now = np.full((4, 2), 0.25)
    for t in range(STEPS):
        drain = (0.05 + 0.1 * sand)[:, None] * np.maximum(now - 0.2, 0)
        gain = rain[:, t, None] / np.array([100.0, 250.0])
        now = np.clip(now + gain - 0.004 * pet[:, t, None] * now / 0.3 - drain, 0.05, 0.45)
        water[:, :, t] = now
    bias = np.array([-0.05, 0.0, 0.06])[:, None] + 0.01 * rng.normal(size=(4, 2, 3, 1))
    readings = water[:, :, None] + bias + 0.005 * rng.normal(size=(4, 2, 3, STEPS))
    readings = readings.clip(0.01, 0.55)
    readings[rng.random(readings.shape) < 0.05] = np.nan
    readings[1, 1, 2] = np.nan  # a sensor that does not exist
    pet[2, 50:60] = np.nan
    of = lambda role, units="1": {"role": role, "units": units}  # noqa: E731
    place, series = ("place",), ("place", "time")
    return xr.Dataset(
        {
            "soil_moisture": (
                ("place", "depth", "replicate", "time"),
                readings.astype("f4"),
                of("target", "m3 m-3"),
            ),
            "precipitation": (series, rain.astype("f4"), of("input", "mm")),
            "potential_evapotranspiration": (series, pet.astype("f4"), of("input", "mm")),
            "sand": (place, sand.astype("f4"), of("attribute")),
            "clay": (place, np.array([0.3, np.nan, 0.1, 0.2], "f4"), of("attribute")),
            "porosity": (("place", "depth"), np.full((4, 2), 0.45, "f4"), of("attribute")),
            "soil_class": (place, np.array(["loam", "loam", "sand", "sand"], object), of("class")),
        },
        coords={
            "place": np.array(["a", "b", "c", "d"], object),
            "depth": [10.0, 30.0],
            "replicate": np.array(["A", "B", "C"], object),
            "time": pd.date_range("2020-01-01", periods=STEPS),
            "group": ("place", np.array(["marl", "marl", "schist", "schist"], object)),
        },
        attrs={"step_hours": 24.0},
    )


NETWORK = _network()
SEGMENTS = folds_of("segments", NETWORK, EVALUATION, 3)[0]
PLACES = folds_of("place", NETWORK, EVALUATION, 3)
SMALL = {"hidden": 8, "epochs": 2, "ensemble": 2, "batch": 8}
PAPER = {"hidden": 8, "epochs": 1, "version": "paper", "window": 12, "batch": 64}

PARTS = {
    "cond_corrected": ModelPart(name="cond_corrected", preset="cond_lstm", **SMALL),
    "3g_corrected": ModelPart(name="3g_corrected", **SMALL, bottleneck=3),
    "3g_paper": ModelPart(name="3g_paper", **PAPER),
    "bounded": ModelPart(name="bounded", preset="cmal", **SMALL, bounded=True),
    "sensor_effect": ModelPart(name="sensor_effect", preset="sensor_effect", **SMALL),
    "output": ModelPart(name="output", **SMALL, depth="output", read="record"),
}


def _train(name, fold=SEGMENTS, folder=None, network=NETWORK, **changes) -> Trained:
    part = PARTS[name].model_copy(update=changes)
    context = Context(folder=folder)
    return train_model(part, network, fold, context, seed=5, mark="test", name=name)


@pytest.fixture(scope="module")
def trained():
    """Every model, trained for a moment."""
    return {name: _train(name) for name in PARTS}


@pytest.fixture(scope="module")
def answers(trained):
    """What they answer."""
    return {name: answers_of(model, NETWORK) for name, model in trained.items()}


# --- layout -----------------------------------------------------------------------------


def test_series_hold_the_targets_of_their_part_and_nothing_else():
    readings = readings_of(NETWORK)
    for name in ("3g_corrected", "cond_corrected", "3g_paper", "output"):
        frame = frame_of(settings_of(PARTS[name], NETWORK, SEGMENTS), NETWORK, SEGMENTS)
        found = 0
        for part in ("train", "valid", "test"):
            rows = rows_of(frame, NETWORK, np.arange(4))
            data = sequences_of(frame, NETWORK, rows, SEGMENTS, part).checked()
            for (p, d, r), target in zip(rows, data.target, strict=True):
                mask = getattr(SEGMENTS, part)[p]
                wanted = np.where(mask, readings[p], np.nan)
                wanted = wanted if d < 0 else wanted[d : d + 1]
                wanted = wanted if r < 0 else wanted[:, r : r + 1]
                np.testing.assert_array_equal(np.moveaxis(wanted, 2, 0), target)
            found += int(np.isfinite(data.target).sum())
            if name != "output":  # nothing of another part is in a window
                inside = data.block >= 0
                assert not np.isfinite(data.target[~inside]).any()
                assert inside.mean() < 0.7
        assert found == int(np.isfinite(readings).sum())


def test_columns_are_what_they_are_called():
    frame = frame_of(settings_of(PARTS["cond_corrected"], NETWORK, SEGMENTS), NETWORK, SEGMENTS)
    assert frame.inputs == (
        "precipitation",
        "potential_evapotranspiration",
        "season_cos",
        "season_sin",
    )
    assert frame.static_names == (
        *("depth", "sand", "clay", "porosity", "soil_class: loam", "soil_class: sand"),
        *("sensor: A", "sensor: B", "sensor: C"),
    )
    assert frame.static_groups[-2:] == ((4, 5), (6, 7, 8))
    rows = rows_of(frame, NETWORK, np.arange(4))
    assert len(rows) == 23, "one sensor does not exist"
    data = sequences_of(frame, NETWORK, rows, SEGMENTS, None)
    k = rows.tolist().index([3, 1, 2])
    np.testing.assert_allclose(data.static[k], [30, 0.7, 0.2, 0.45, 0, 1, 0, 0, 1], rtol=1e-6)
    rain = NETWORK["precipitation"].values[3]
    np.testing.assert_allclose(data.inputs[k, :, 0], np.log1p(rain), rtol=1e-6)
    paper = frame_of(settings_of(PARTS["3g_paper"], NETWORK, SEGMENTS), NETWORK, SEGMENTS)
    assert paper.left_out == ("clay",)
    assert "clay" not in paper.static_names
    assert paper.apart
    plain = sequences_of(paper, NETWORK, rows[k : k + 1], SEGMENTS, None)
    np.testing.assert_array_equal(plain.inputs[0, :, 0], rain)
    output = frame_of(settings_of(PARTS["output"], NETWORK, SEGMENTS), NETWORK, SEGMENTS)
    assert output.targets == ("10 cm", "30 cm")
    assert "porosity at 30 cm" in output.static_names
    assert "depth" not in output.static_names


def test_bounds_lie_above_porosity_and_all_that_was_learned():
    frame = frame_of(settings_of(PARTS["bounded"], NETWORK, SEGMENTS), NETWORK, SEGMENTS)
    readings = readings_of(NETWORK)
    learned = np.where(SEGMENTS.test, np.nan, readings)
    assert np.all(frame.upper >= 0.45 + 0.08 - 1e-6)
    assert np.all(frame.upper[..., None, None] > np.nan_to_num(learned))
    assert frame.upper.max() > 0.54
    assert part_of(frame, NETWORK, SEGMENTS, "train").upper.max() == frame.upper.max()


# --- training ---------------------------------------------------------------------------


def test_presets_get_their_recipes():
    def made(name, **changes):
        part = PARTS[name].model_copy(update=changes)
        return preset_of(frame_of(settings_of(part, NETWORK, SEGMENTS), NETWORK, SEGMENTS))

    paper = made("3g_paper")
    assert paper.recipe.rule == (12, 11)
    assert paper.recipe.loss == ReleasedLikelihood(1e-8, True)
    assert paper.live_dropout
    clean = Released(double_softmax=False, density_floor=False, live_dropout=False)
    described = made("3g_paper", released=clean)
    assert described.recipe.loss == NegativeLogLikelihood()
    assert not described.live_dropout
    floor = made("3g_paper", released=Released(double_softmax=False))
    assert floor.recipe.loss == ReleasedLikelihood(1e-8, False)
    ours = made("bounded")
    assert ours.head == AsymmetricLaplaceMixture(3)
    assert ours.recipe.rule == (BLOCK, 0)
    assert ours.recipe.complete_inputs is False
    assert made("sensor_effect").recipe.loss == SensorLikelihood(0.5)


def test_defaults_follow_the_step_and_the_segment():
    part = ModelPart(name="x", version="paper")
    assert resolve(part, 1.0)[-6:-2] == (128, 128, 127, "block")
    assert resolve(part, 24.0).window == 30
    ours = ModelPart(name="x")
    assert (resolve(ours, 1.0).window, resolve(ours, 1.0).warm_up) == (720, 0)
    assert resolve(ours, 24.0, 60).window == 60
    record = resolve(ModelPart(name="x", read="record"), 1.0)
    assert record.warm_up == 128


def test_every_model_learns_and_answers_where_it_is_tested(trained, answers):
    readings = readings_of(NETWORK)
    for name, found in answers.items():
        check_answers(found, readings.shape)
        cell = SEGMENTS.test.any(axis=2)
        answered = np.isfinite(found.mean)
        if "paper" in name:  # where a window fits in its segment and misses nothing
            inside = np.zeros_like(cell)
            number = SEGMENTS.block[:, :, 0]
            inside[..., 11:] = number[..., 11:] == number[..., :-11]
            gaps = np.isnan(NETWORK["potential_evapotranspiration"].values)
            near = np.stack([gaps[:, max(0, t - 11) : t + 1].any(axis=1) for t in range(STEPS)], 1)
            cell = cell & inside & ~near[:, None]
        np.testing.assert_array_equal(answered, cell, err_msg=name)
        assert np.all(np.diff(found.quantile[cell], axis=-1) >= 0)
        assert np.all(found.std[cell] > 0)
        counted = name != "bounded"  # of Laplaces, each of which has a peak, modes are not
        assert np.all((found.modes[cell] >= 1) == counted)
        assert not found.modes[~cell].any()
        scored = np.isfinite(readings) & cell[:, :, None]
        for field in ("log_prob", "crps", "pit"):
            np.testing.assert_array_equal(np.isfinite(getattr(found, field)), scored)
        assert 0.1 < np.nanmean(found.pit) < 0.9
        model = trained[name]
        assert model.train_loss.shape == (model.frame.settings.epochs, model.model.members)
        assert np.isfinite(model.valid_loss).all()
        if "paper" not in name:
            assert np.all(model.train_loss[-1] < model.train_loss[0])


def test_answers_are_the_log_density_and_quantiles_of_one_mixture(trained, answers):
    """Levels of the quantiles against the share of the density below, one cell each."""
    for name in ("3g_corrected", "cond_corrected", "sensor_effect"):
        found, model = answers[name], trained[name]
        p, d, t = np.argwhere(np.isfinite(found.mean))[17]
        wanted = np.zeros((1, 2, STEPS), bool)
        wanted[0, d, t] = True
        cells = replicates_answers._merged(
            [replicates_answers._cells(model, NETWORK, np.array([p]), wanted)]
        )
        mixture = replicates_answers._at(cells, wanted)
        cdf = np.asarray(mixture.spread_out().cdf(found.quantile[p, d, t][None]))
        np.testing.assert_allclose(cdf[0], LEVELS, atol=2e-4)
        parts = {"cond_corrected": 2 * (2 if (p, d) == (1, 1) else 3), "3g_corrected": 6}
        weight = np.asarray(mixture.base.weight[0])
        assert (weight > 0).sum() == parts.get(name, 4)


def test_a_sensor_told_by_name_has_a_density_of_its_own(trained, answers):
    found, own = answers_and_own(trained["cond_corrected"], NETWORK)
    np.testing.assert_array_equal(found.log_prob, answers["cond_corrected"].log_prob)
    np.testing.assert_array_equal(np.isfinite(own), np.isfinite(found.log_prob))
    # the mixture has at least a third of each sensor's own density
    assert np.nanmin(found.log_prob - own) > -np.log(3) - 1e-3
    _, same = answers_and_own(trained["3g_corrected"], NETWORK)
    np.testing.assert_array_equal(same, answers["3g_corrected"].log_prob)


def test_a_pool_lies_between_its_models(trained, answers):
    names = ("3g_corrected", "cond_corrected", "sensor_effect")
    found = answers_of([trained[n] for n in names], NETWORK)
    each = [answers[n] for n in names]
    np.testing.assert_allclose(found.mean, np.mean([a.mean for a in each], axis=0), atol=1e-5)
    density = np.mean([np.exp(a.log_prob) for a in each], axis=0)
    np.testing.assert_allclose(np.exp(found.log_prob), density, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(found.pit, np.mean([a.pit for a in each], axis=0), atol=1e-4)
    with pytest.raises(StudyError, match="'bounded' is bounded"):
        answers_of([trained["bounded"], trained["3g_corrected"]], NETWORK)


def test_answers_everywhere_hold_those_of_the_test_part(trained, answers, monkeypatch):
    """And do not depend on how many places are answered at once."""
    monkeypatch.setattr(replicates_answers, "BUDGET", 1.0)
    for name in ("3g_corrected", "output"):
        found = answers_of(trained[name], NETWORK, everywhere=True)
        assert np.isfinite(found.mean).all()
        there = np.isfinite(answers[name].mean)
        for field in ("mean", "std", "quantile"):
            array = getattr(found, field)[there]
            np.testing.assert_allclose(array, getattr(answers[name], field)[there], atol=1e-5)


def test_blocks_are_read_from_their_start_and_know_nothing_before(trained):
    """Other weather in another segment changes answers of a whole record, not of blocks."""
    number = SEGMENTS.block[0, 0, 0]
    other = NETWORK.copy(deep=True)
    other["precipitation"].values[:, number == 0] = 30.0
    later = number > 0
    for name, kept in (("3g_corrected", True), ("output", False)):
        before = answers_of(trained[name], NETWORK, everywhere=True).mean[..., later]
        after = answers_of(trained[name], other, everywhere=True).mean[..., later]
        assert np.array_equal(before, after) == kept


def test_a_place_that_was_held_out_is_answered():
    fold = PLACES[0]
    model = _train("3g_corrected", fold)
    found = answers_of(model, NETWORK)
    out = fold.test.any(axis=(1, 2, 3))
    assert np.isfinite(found.mean[out]).all()
    assert not np.isfinite(found.mean[~out]).any()
    assert model.model.names.static == model.frame.static_names


def test_the_released_split_cuts_every_sensor_on_its_own():
    short = NETWORK.copy(deep=True)
    short["soil_moisture"].values[0, 0, 1, 300:] = np.nan
    fold = folds_of("segments_per_sensor", short, EVALUATION, 3)[0]
    model = _train("3g_paper", fold, network=short)
    assert model.frame.apart
    assert np.isfinite(answers_of(model, short).mean).any()
    with pytest.raises(StudyError, match="treats depths apart"):
        _train("output", fold, network=short)


@pytest.mark.parametrize("name", ["3g_corrected", "3g_paper"])
def test_a_training_killed_at_any_moment_ends_with_the_same_weights(
    name, trained, tmp_path, monkeypatch
):
    """Killed after every single writing of its state, until it gets through."""
    write = checkpoints.Checkpoint.write
    kills = 0

    def write_and_die(self, state, *losses):
        write(self, state, *losses)
        raise KeyboardInterrupt

    changes = {"save_every": 4 if name == "3g_corrected" else 20}
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoint, "write", write_and_die)
        while True:
            try:
                model = _train(name, folder=tmp_path, **changes)
                break
            except KeyboardInterrupt:
                kills += 1
    assert kills > PARTS[name].epochs, "killed within an epoch too"
    import jax

    jax.tree.map(np.testing.assert_array_equal, model.model, trained[name].model)
    np.testing.assert_array_equal(model.train_loss, trained[name].train_loss)
    np.testing.assert_array_equal(model.valid_loss, trained[name].valid_loss)
    with pytest.raises(RunError, match="another version or study"):
        _train(name, folder=tmp_path, hidden=7, **changes)
    other = NETWORK.copy(deep=True)
    other["precipitation"].values[:] = other["precipitation"].values[:, ::-1]
    with pytest.raises(RunError, match="another version or study"):
        _train(name, folder=tmp_path, network=other, **changes)
    path = tmp_path / f"training_{name}.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RunError, match="cannot be read"):
        _train(name, folder=tmp_path, **changes)


def test_a_model_without_validation_takes_its_last_weights():
    fold = SEGMENTS._replace(valid=np.zeros_like(SEGMENTS.valid))
    model = _train("3g_corrected", fold)
    assert np.isnan(model.valid_loss).all()
    assert model.train_loss.shape == (2, 2)


def test_readings_that_a_bounded_model_cannot_have_are_left_out_and_told():
    dry = NETWORK.copy(deep=True)
    readings = dry["soil_moisture"].values
    zero = np.isfinite(readings) & (SEGMENTS.train | SEGMENTS.valid)
    zero[..., :-30] = False
    readings[zero] = 0.0
    context = Context()
    found = train_model(
        PARTS["bounded"], dry, SEGMENTS, context, seed=5, mark="test", name="bounded"
    )
    assert [w for w in context.log.warnings if f"{int(zero.sum())} readings that are 0" in w]
    assert np.isfinite(found.train_loss).all()


# --- bad input --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pool": ["a", "b"], "hidden": 8}, "hidden is of a network"),
        ({"preset": "cmal", "version": "paper"}, "paper, which has no cmal"),
        ({"released": {}}, "released is of version paper"),
        ({"preset": "cond_lstm", "components": 3}, "components is 3, cond_lstm has one"),
        ({"preset": "sensor_effect", "bounded": True}, "bounded is not possible"),
        ({"preset": "sensor_effect", "sensor": "one_hot"}, "sensor is one_hot"),
        ({"version": "paper", "read": "record"}, "read is record"),
        ({"version": "paper", "warm_up": 3}, "warm_up is of version corrected"),
        ({"version": "paper", "attribute_noise": 0.5}, "attribute_noise is of version corrected"),
        ({"version": "paper", "bounded": True}, "bounded is of version corrected"),
    ],
)
def test_models_that_make_no_sense_are_told(changes, message):
    with pytest.raises(ValidationError, match=message):
        ModelPart(name="x", **changes)


def test_lists_of_models_are_checked():
    a, b = ModelPart(name="a"), ModelPart(name="b")
    check_models([a, b, ModelPart(name="p", pool=["a", "b"])])
    with pytest.raises(ValueError, match="'a' twice"):
        check_models([a, a])
    with pytest.raises(ValueError, match=r"pool 'p' has 'bb', .* did you mean 'b'"):
        check_models([a, b, ModelPart(name="p", pool=["a", "bb"])])
    c = ModelPart(name="c", bounded=True)
    with pytest.raises(ValueError, match="pool 'p' has 'c', which is bounded or made of Laplaces"):
        check_models([a, c, ModelPart(name="p", pool=["a", "c"])])
    with pytest.raises(ValueError, match="warm_up is 20 steps, a window has 20"):
        resolve(ModelPart(name="x", window=20, warm_up=20), 24.0)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("3g_corrected", {"window": 41}, "window has 41 steps, the longest segment .* 40"),
        ("3g_corrected", {"inputs": ["precipitatoin"]}, "did you mean 'precipitation'"),
        ("3g_corrected", {"attributes": ["silt"]}, "attributes has 'silt', the network has"),
        ("3g_corrected", {"inputs": ["precipitation"] * 2}, "'precipitation' twice"),
        ("3g_paper", {"attributes": ["clay"]}, "'clay' is not known at every place"),
    ],
)
def test_what_a_model_cannot_read_is_told(name, changes, message):
    with pytest.raises(StudyError, match=message):
        _train(name, **changes)


def test_networks_that_do_not_go_with_a_model_are_told():
    bare = NETWORK.drop_vars("porosity")
    with pytest.raises(StudyError, match="no attribute 'porosity'"):
        _train("bounded", network=bare)
    wrong = NETWORK.copy(deep=True)
    wrong["precipitation"].values[2, 7] = -1.0
    with pytest.raises(DataError, match="precipitation at c is negative"):
        _train("3g_corrected", network=wrong)
    with pytest.raises(StudyError, match="segments of 300 steps"):
        folds_of("segments", NETWORK, Evaluation(block_days=300), 0)
