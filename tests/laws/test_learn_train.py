"""Training: stop and resume, members, gaps, chunks, broken losses, exchange."""

import json

import jax
import numpy as np
import pytest

from rootzone.core.errors import DataError
from rootzone.learn import (
    Constant,
    Direct,
    GaussianMixture,
    MaskedMean,
    Model,
    Names,
    Network,
    Recipe,
    Regression,
    Sequences,
    Status,
    WindowRule,
    arrays_of,
    cut,
    fill,
    finish,
    model_from_arrays,
    model_to_arrays,
    predict,
    predict_windows,
    readout_only,
    start_state,
    told,
    train,
    with_spread,
)
from rootzone.learn.batches import batches_of
from rootzone.learn.steps import Fixed, frame_of, mean_loss

NAMES = Names(("rain", "counts"), ("clay",), ("0-10 cm", "0-30 cm"))
HEAD = GaussianMixture(2)
RECIPE = Recipe(
    WindowRule(20, 5), epochs=12, batch=4, micro=2, schedule=Constant(0.04), save_every=4
)


def build(key, head=HEAD):
    """A small network of the usual parts."""
    k = jax.random.split(key, 3)
    return Network.start(
        MaskedMean.start([(0,), (1,)], 4, key=k[0], drop=0.1),
        hidden=6,
        targets=2,
        size=head.size,
        key=k[1],
        embed_static=MaskedMean.start([(0,)], 3, key=k[2]),
        initial_state=True,
        dropout=0.1,
    )


def _data(series=9, time=70):
    """A leaking bucket seen through a noisy count, with gaps and replicates."""
    rng = np.random.default_rng(0)
    clay = rng.random((series, 1))
    rain = rng.gamma(0.3, 1.0, (series, time)) * (rng.random((series, time)) < 0.3)
    water = np.zeros((series, time))
    now = np.full(series, 0.25)
    for t in range(time):
        now = np.clip(now + 0.05 * rain[:, t] - (0.02 + 0.02 * clay[:, 0]) * now, 0.03, 0.43)
        water[:, t] = now
    counts = 1000 - 900 * water + 20 * rng.normal(size=water.shape)
    counts[rng.random(water.shape) < 0.1] = np.nan
    target = np.stack([water, 0.8 * water + 0.03], axis=-1)[..., None]
    target = target + 0.005 * rng.normal(size=(*target.shape[:3], 2))
    target[rng.random(target.shape) < 0.2] = np.nan
    block = np.zeros((series, time), int)
    block[:, :15] = 2  # shorter than a window
    block[:, 15:18] = block[:, 50:55] = -1
    block[:, 55:] = 1
    upper = np.full((series, 2), 0.5)
    return Sequences(np.stack([rain, counts], axis=-1), target, clay, upper, block)


DATA = _data()
TRAINING, VALIDATION = DATA.select(np.arange(6)), DATA.select(np.arange(6, 9))


def _start(members=2, data=TRAINING):
    return Model.start(build, HEAD, data, NAMES, members=members, seed=3, bounded=True)


def _run(model, training=TRAINING, recipe=RECIPE, state=None):
    return list(train(model, training, VALIDATION, recipe, seed=5, state=state))


def _same(a, b):
    for left, right in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture(scope="module")
def model():
    """Two untrained networks."""
    return _start()


@pytest.fixture(scope="module")
def steps(model):
    """Everything that a training told."""
    return _run(model)


@pytest.fixture(scope="module")
def trained(model, steps):
    """The model with its best weights."""
    return finish(model, steps[-1].state, RECIPE)


def test_training_learns_and_tells(steps):
    ends = [p for p in steps if p.valid_loss is not None]
    assert [p.epoch for p in ends] == list(range(1, 13))
    assert [p.done for p in ends] == [False] * 11 + [True]
    assert any(p.step for p in steps), "states within an epoch were asked for"
    assert np.all(ends[-1].valid_loss < ends[0].valid_loss)
    target = VALIDATION.target[VALIDATION.used]
    constant = np.log(np.nanstd(target)) + 0.5 * np.log(2 * np.pi * np.e)
    assert np.all(ends[-1].valid_loss < constant)
    assert told(steps[-1].status) == ""


def test_stop_and_resume_give_the_same_weights_to_the_bit(model, steps):
    middle = next(p for p in steps if p.epoch == 1 and p.step > 0)
    stored = arrays_of(middle.state)
    assert all(isinstance(a, np.ndarray) and a.dtype != object for a in stored.values())
    state = fill(
        start_state(model, RECIPE), json.loads(json.dumps(_lists(stored)), object_hook=_back)
    )
    _same(_run(model, state=state)[-1].state, steps[-1].state)


def test_epochs_with_noise_of_their_own_resume_to_the_same_weights(model):
    def of_epoch(epoch):
        noise = np.random.default_rng(epoch).normal(0.0, 5.0, TRAINING.inputs.shape[:2])
        inputs = TRAINING.inputs.copy()
        inputs[..., 1] += noise
        return TRAINING._replace(inputs=inputs)

    def run(state=None, source=of_epoch):
        recipe = RECIPE._replace(epochs=4)
        return list(train(model, source, VALIDATION, recipe, seed=7, state=state))

    whole = run()
    for stop in (1, len(whole) // 2):
        rest = run(whole[stop].state)
        jax.tree.map(np.testing.assert_array_equal, rest[-1].state, whole[-1].state)
    still = run(source=lambda _: TRAINING)
    fixed = run(source=TRAINING)
    jax.tree.map(np.testing.assert_array_equal, still[-1].state, fixed[-1].state)
    assert float(whole[-1].train_loss[0]) != float(fixed[-1].train_loss[0])

    fewer = lambda epoch: TRAINING if epoch == 0 else TRAINING.select(np.arange(2))  # noqa: E731
    with pytest.raises(DataError, match="windows with targets"):
        run(source=fewer)


def _lists(arrays):
    return {k: {"type": str(a.dtype), "values": a.tolist()} for k, a in arrays.items()}


def _back(words):
    if set(words) == {"type", "values"}:
        return np.asarray(words["values"], words["type"])
    return words


def test_a_member_is_the_same_whatever_stands_beside_it(steps):
    alone = _run(_start(members=1))[-1].state
    _same(alone.parameters, jax.tree.map(lambda a: a[:1], steps[-1].state.parameters))


def test_what_is_left_out_has_no_say(model, steps):
    """Other values in a block that takes no part, in value and in gradient."""
    away = TRAINING.used[..., None]
    other = TRAINING._replace(
        inputs=np.where(away, TRAINING.inputs, np.nan),
        target=np.where(away[..., None], TRAINING.target, 1e6),
    )
    _same(_run(_start(data=other), other)[-1].state, steps[-1].state)


def test_answers_do_not_depend_on_chunks(trained):
    many = DATA.select(np.arange(40) % 9)
    wide = predict(trained, many, chunk=48)
    narrow = predict(trained, many, chunk=16)
    _same(wide, narrow)
    assert wide["quantile"].shape == (40, 70, 2, 7)
    assert np.all(np.diff(wide["quantile"], axis=-1) > 0)
    assert wide["quantile"].min() > 0
    assert wide["quantile"].max() < 0.5
    pieces = predict(trained, many, chunk=16, piece=32)
    for name, tolerance in (("mean", 1e-6), ("std", 1e-5), ("quantile", 1e-6)):
        np.testing.assert_allclose(pieces[name], narrow[name], atol=tolerance)
    _same(wide["mean"][9:18], wide["mean"][:9])


def test_the_loss_is_the_score_of_the_answers(trained):
    """Windows as long as the series: what training scores is what is answered, step by step."""
    one = trained.take(slice(0, 1))
    whole = VALIDATION._replace(block=None)
    recipe = RECIPE._replace(rule=WindowRule(70, 5), micro=2)
    fixed = Fixed(
        frame_of(one), recipe, batches_of(one, whole, recipe.rule), jax.random.key(0), np.ones(())
    )
    loss = mean_loss(fixed, one.network)
    score = predict(one, whole, lambda d, y: -d.spread_out().log_prob(y), with_target=True)
    np.testing.assert_allclose(loss, np.nanmean(score[:, 5:]), rtol=1e-5)
    shifted = np.nanmean(score[:, 6:]), np.nanmean(score[:, 4:])
    assert not np.any(np.isclose(loss, shifted, rtol=1e-5))


def test_windows_of_their_own_know_the_window_alone(trained):
    """Answers in windows are those of a series that begins there; blocks are kept apart."""
    rule = WindowRule(20, 12)
    found = predict_windows(trained, VALIDATION, rule, lambda d: d.mean())
    block = VALIDATION.block
    for s, t in ((0, 12), (1, 40)):
        begin = next(int(first) for first, goal, last in _windows_of(rule, s) if goal <= t < last)
        cut = VALIDATION._replace(
            **{k: getattr(VALIDATION, k)[:, begin:] for k in ("inputs", "target", "block")}
        )
        alone = predict(trained, cut, lambda d: d.mean(), piece=20)
        np.testing.assert_allclose(found[s, t], alone[s, t - begin], rtol=1e-5)
        assert block[s, begin] == block[s, t]
    wanted = np.zeros(block.shape, bool)
    wanted[:, 12:15] = wanted[:, 30:50] = True
    wanted[:, 67:] = True
    np.testing.assert_array_equal(np.isfinite(found).all(axis=2), wanted)


def _windows_of(rule, series):
    filled = VALIDATION._replace(target=np.zeros_like(VALIDATION.target))
    for s, start, first, last in zip(*cut(filled, rule), strict=True):
        if s == series:
            yield start, start + first, start + last


def test_members_together_are_members_one_by_one(model, monkeypatch):
    """What an accelerator computes at once, and a CPU one after the other."""
    recipe = RECIPE._replace(epochs=1, save_every=None)
    apart = _run(model, recipe=recipe)[-1].state.parameters
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    together = _run(model, recipe=recipe)[-1].state.parameters
    for a, b in zip(jax.tree.leaves(apart), jax.tree.leaves(together), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_a_broken_loss_is_told_and_stops_the_member(model):
    target = TRAINING.target.copy()
    target[0, 30] = 0.499
    wrong = TRAINING._replace(target=target)
    broken = jax.tree.map(lambda a: a.at[1].mul(1e30), model.network)
    last = _run(Model(broken, HEAD, model.scaling, NAMES), wrong)[-1]
    np.testing.assert_array_equal(last.status, [Status.RUNNING, Status.NOT_FINITE])
    assert "1 of 2 networks" in told(last.status)
    _same(jax.tree.map(lambda a: a[1], last.state.parameters), jax.tree.map(lambda a: a[1], broken))


def test_patience_and_readout_only(trained):
    """A step too small to change the loss: no better after the first epoch."""
    recipe = RECIPE._replace(
        schedule=Constant(1e-3), trainable=readout_only, patience=1, epochs=6, save_every=None
    )
    told_all = list(train(trained, TRAINING, VALIDATION, recipe))
    after = finish(trained, told_all[-1].state, recipe).network
    _same(after.lstm, trained.network.lstm)
    _same(after.embed, trained.network.embed)
    assert np.any(np.asarray(told_all[-1].state.parameters.readout != trained.network.readout))
    losses = np.stack([p.valid_loss for p in told_all])
    for m, status in enumerate(told_all[-1].status):
        stopped = np.flatnonzero(losses[1:, m] >= np.minimum.accumulate(losses[:, m])[:-1])
        assert (status == Status.STOPPED) == bool(stopped.size)


def test_exchange_gives_the_same_model(trained):
    arrays, words = model_to_arrays(trained)
    words = json.loads(json.dumps(words))
    back = model_from_arrays(arrays, words)
    _same(back, trained)
    assert jax.tree.structure(back) == jax.tree.structure(trained)
    assert sum(a.nbytes for a in arrays.values()) < 20_000
    with pytest.raises(DataError, match=r"version 9 .* reads version 1"):
        model_from_arrays(arrays, words | {"version": 9})
    with pytest.raises(DataError, match="format 'onnx'"):
        model_from_arrays(arrays, words | {"format": "onnx"})
    with pytest.raises(DataError, match="shape"):
        model_from_arrays(arrays, words | {"hidden": 7})
    with pytest.raises(DataError, match="unknown head 'gausian'; did you mean 'gaussian'"):
        model_from_arrays(arrays, words | {"head": {"kind": "gausian"}})
    with pytest.raises(DataError, match="incomplete: KeyError"):
        model_from_arrays(arrays, {k: v for k, v in words.items() if k != "hidden"})
    with pytest.raises(DataError, match=r"miss .network.readout"):
        model_from_arrays({k: v for k, v in arrays.items() if "readout" not in k}, words)


def test_what_a_model_cannot_use_is_told(trained):
    with pytest.raises(DataError, match="1 columns of 'inputs', the model 2"):
        predict(trained, DATA._replace(inputs=DATA.inputs[..., :1]))
    with pytest.raises(DataError, match="bounded"):
        predict(trained, DATA._replace(upper=None))
    with pytest.raises(DataError, match="0 columns of 'static'"):
        predict(trained, DATA._replace(static=None))
    far = DATA._replace(static=DATA.static + 5.0)
    assert trained.out_of_range(far)["clay"] == 1.0
    seen = np.where(TRAINING.used[..., None], TRAINING.inputs, np.nan)
    assert trained.out_of_range(TRAINING._replace(inputs=seen), margin=0.0) == {}
    state = jax.tree.map(lambda a: a[:1], start_state(trained, RECIPE))
    with pytest.raises(DataError, match="1 networks, the model 2"):
        next(train(trained, TRAINING, None, RECIPE, state=state))


def test_a_regression_learns_its_spread_and_wants_all_inputs():
    head = Regression()
    plain = lambda key: Network.start(  # noqa: E731
        Direct(2), hidden=4, targets=2, size=1, key=key, embed_static=Direct(1)
    )
    full = DATA._replace(inputs=np.nan_to_num(DATA.inputs, nan=800.0), upper=None)
    model = Model.start(plain, head, full, NAMES, members=2)
    with pytest.raises(DataError, match="no way to go without"):
        predict(model, DATA)
    spread = with_spread(model, full)
    pit = predict(spread, full, lambda d, y: d.spread_out().cdf(y), with_target=True)
    inside = np.abs(pit - 0.5)[full.used] < 0.34
    assert 0.5 < inside[np.isfinite(pit[full.used])].mean() < 0.9
    assert spread.head.spread != 1.0
