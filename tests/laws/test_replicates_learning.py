"""Splits without leakage, sensors with effects, the bottleneck, answers in a few numbers."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from rootzone.core.errors import DataError
from rootzone.evaluate import splits
from rootzone.evaluate.answers import LEVELS
from rootzone.learn import (
    Affine,
    Bounded,
    Constant,
    Direct,
    EffectMixture,
    GaussianMixture,
    LaplaceMixture,
    Model,
    Names,
    Network,
    NormalMixture,
    Recipe,
    ReleasedLikelihood,
    SensorEffect,
    SensorLikelihood,
    Sequences,
    Transformed,
    WindowRule,
    finish,
    joint_log_prob,
    known_sensor,
    model_from_arrays,
    model_to_arrays,
    predict,
    predict_windows,
    train,
)
from rootzone.learn.site_answers import describe, over_sensors, pooled

# --- splits -----------------------------------------------------------------------------


def _present(seed=0, shape=(6, 2, 3, 400)):
    """Records of other lengths at every place, gaps, and a sensor that does not exist."""
    rng = np.random.default_rng(seed)
    present = rng.random(shape) < 0.9
    for p in range(shape[0]):
        present[p, ..., : 20 * p] = False
    present[0, 0, 1] = False
    return present


PRESENT = _present()
GROUPS = ["schist", "marl"] * 3
ALL = {
    "segments": lambda p: [splits.segments(p, steps=30, seed=1)],
    "segments_per_sensor": lambda p: [splits.segments_per_sensor(p, steps=30, seed=1)],
    "chronological": lambda p: [splits.chronological(p)],
    "place": lambda p: splits.places(p, folds=3, seed=1, groups=GROUPS),
    "group": lambda p: splits.group_out(p, GROUPS, seed=1),
    "depth": lambda p: splits.depth_out(p, [10.0, 30.0], seed=1),
}


@pytest.mark.parametrize("name", ALL)
def test_no_step_is_in_two_parts_and_parts_lie_in_blocks(name):
    tested = np.zeros(PRESENT.shape, int)
    for fold in ALL[name](PRESENT):
        parts = np.stack([fold.train, fold.valid, fold.test])
        assert parts.sum(axis=0).max() == 1
        assert np.all(fold.block[parts.any(axis=0)] >= 0)
        assert all((part & PRESENT).any() for part in parts)
        # a block is of one part alone where time is split
        if name in ("segments", "segments_per_sensor", "chronological"):
            which = np.where(parts.any(axis=0), parts.argmax(axis=0), -1)
            same = fold.block[..., 1:] == fold.block[..., :-1]
            assert np.all((which[..., 1:] == which[..., :-1])[same])
        tested += fold.test
        if name != "segments_per_sensor":
            for array in fold[1:]:
                assert np.all(array == array[:, :, :1]), "replicates are on one side"
            assert splits.leaked(fold, PRESENT) == 0.0
    assert tested.max() == 1
    if name in ("place", "group", "depth"):
        assert np.all(tested[PRESENT] == 1), "every reading is tested once"


def test_a_place_held_out_is_held_out_with_all_it_has():
    for fold in ALL["place"](PRESENT):
        seen = (fold.train | fold.valid).any(axis=(1, 2, 3))
        assert not np.any(seen & fold.test.any(axis=(1, 2, 3)))
        assert {GROUPS[p] for p in fold.places("test")} == set(GROUPS)
        assert not np.any(fold.train.any(axis=(1, 2, 3)) & fold.valid.any(axis=(1, 2, 3)))
    names = [fold.name for fold in ALL["depth"](PRESENT)]
    assert names == ["depth 10 cm", "depth 30 cm"]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    steps=st.integers(5, 60),
    share=st.floats(0.3, 0.8),
    valid=st.floats(0.05, 0.4),
)
def test_segments_have_their_shares_at_every_place(seed, steps, share, valid):
    fold = splits.segments(PRESENT, steps=steps, seed=seed, train_share=share, valid_share=valid)
    for p, place in enumerate(PRESENT):
        read = np.unique(np.flatnonzero(place.any(axis=(0, 1))) // steps)
        count = lambda part, p=p: np.unique(fold.block[p, 0, 0][part[p, 0, 0]]).size  # noqa: E731
        kept = count(fold.train) + count(fold.valid)
        assert kept + count(fold.test) == len(read)
        assert abs(kept - share * len(read)) <= 0.5 + 1e-9
        assert abs(count(fold.valid) - valid * kept) <= 1.0
    alone = splits.segments(
        PRESENT[:2], steps=steps, seed=seed, train_share=share, valid_share=valid
    )
    np.testing.assert_array_equal(alone.test, fold.test[:2])


def test_the_released_rule_leaks_where_records_differ_in_length():
    """One number for all sensors: the same parts of equal records, other parts of unequal ones."""
    equal = np.ones((1, 1, 3, 330), bool)
    assert splits.leaked(splits.segments_per_sensor(equal, steps=30, seed=0), equal) == 0.0
    unequal = equal.copy()
    unequal[0, 0, 1, 300:] = False
    fold = splits.segments_per_sensor(unequal, steps=30, seed=0)
    assert splits.leaked(fold, unequal) > 0.2
    assert splits.leaked(splits.segments(unequal, steps=30, seed=0), unequal) == 0.0
    np.testing.assert_array_equal(fold.test[0, 0, 0], fold.test[0, 0, 2])
    assert np.any(fold.test[0, 0, 0] != fold.test[0, 0, 1])


def test_impossible_splits_are_told():
    with pytest.raises(DataError, match="at least two segments"):
        splits.segments(PRESENT, steps=300, seed=0)
    with pytest.raises(DataError, match=r"shares of 1\.2"):
        splits.segments(PRESENT, steps=30, seed=0, train_share=1.2)
    with pytest.raises(DataError, match="7 folds of 6 places"):
        splits.places(PRESENT, folds=7, seed=0)
    with pytest.raises(DataError, match=r"one group only .schist"):
        splits.group_out(PRESENT, ["schist"] * 6, seed=0)
    with pytest.raises(DataError, match="one depth only"):
        splits.depth_out(PRESENT[:, :1], [10.0], seed=0)
    short = np.ones((1, 1, 2, 60), bool)
    short[0, 0, 1, 25:] = False
    with pytest.raises(DataError, match=r"replicate 1 .* record of 25 steps"):
        splits.segments_per_sensor(short, steps=30, seed=0)


# --- sensors with effects ---------------------------------------------------------------

joint = jax.jit(joint_log_prob)
_log_prob = jax.jit(lambda d, x: d.log_prob(x))


@jax.jit
def _chain(base, earlier, z):
    """The log density of a reading given those before it."""
    return known_sensor(base, earlier).log_prob(z)


def _effects(time=12, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    shape = (time, classes)
    effect, error = 0.3 + rng.random(shape), 0.2 + 0.3 * rng.random(shape)
    weight = jax.nn.log_softmax(jnp.asarray(rng.normal(size=shape)), axis=-1)
    return EffectMixture(
        weight,
        jnp.asarray(rng.normal(size=shape)),
        jnp.asarray(np.hypot(effect, error)),
        jnp.asarray(effect),
        jnp.asarray(error),
    )


def test_the_joint_density_is_that_of_dense_covariances():
    base = _effects()
    z = np.random.default_rng(1).normal(size=12)
    z[[2, 7]] = np.nan
    there = np.isfinite(z)
    terms = []
    for k in range(2):
        g, e = np.asarray(base.effect)[there, k], np.asarray(base.error)[there, k]
        covariance = np.diag(e**2) + np.outer(g, g)
        mean = np.asarray(base.loc)[there, k]
        weight = np.exp(np.asarray(base.log_weight)[there, k]).mean()
        dense = scipy.stats.multivariate_normal(mean, covariance).logpdf(z[there])
        terms.append(np.log(weight) + dense)
    np.testing.assert_allclose(joint(base, jnp.asarray(z)), logsumexp(terms), rtol=1e-10)


def test_the_joint_density_is_the_integral_over_the_effect():
    base, z = _effects(5), np.random.default_rng(2).normal(size=5)
    u = np.linspace(-9, 9, 4001)
    total = 0.0
    for k in range(2):
        at = lambda a, k=k: np.asarray(a)[:, k, None]  # noqa: E731
        density = scipy.stats.norm.pdf(
            z[:, None], at(base.loc) + at(base.effect) * u, at(base.error)
        )
        weight = np.exp(np.asarray(base.log_weight)[:, k]).mean()
        total += weight * np.trapezoid(density.prod(axis=0) * scipy.stats.norm.pdf(u), u)
    np.testing.assert_allclose(joint(base, jnp.asarray(z)), np.log(total), rtol=1e-9)


def test_one_reading_is_the_marginal_and_a_chain_is_the_joint():
    """p(z1, .., zn) = product of p(zi | earlier); weights constant in time."""
    base = _effects(6)
    base = EffectMixture(
        jnp.broadcast_to(base.log_weight[0], (6, 2)), base.loc, base.scale, base.effect, base.error
    )
    z = np.random.default_rng(3).normal(size=6)
    total = 0.0
    for t in range(6):
        earlier = jnp.asarray(np.where(np.arange(6) < t, z, np.nan))
        total += float(_chain(base, earlier, jnp.asarray(z))[t])
    np.testing.assert_allclose(joint(base, jnp.asarray(z)), total, rtol=1e-10)
    nothing = jnp.full(6, jnp.nan)
    assert float(joint(base, nothing)) == pytest.approx(0.0, abs=1e-12)
    unknown = _chain(base, nothing, jnp.asarray(z))
    np.testing.assert_allclose(unknown, _log_prob(base, jnp.asarray(z)), rtol=1e-12)


def test_the_loss_of_sensors_sums_to_their_likelihood_and_has_a_gradient():
    head, noise = SensorEffect(2, (0.2, 0.1)), np.array([0.2, 0.1])
    raw = jnp.asarray(np.random.default_rng(0).normal(size=(9, 2, 2, head.size)))
    transform = Affine(jnp.asarray([0.3, 0.25]), jnp.asarray([0.1, 0.05]))
    obs = 0.3 + 0.1 * np.random.default_rng(1).normal(size=(9, 2, 2, 3))
    obs[3, 0, 1] = np.nan
    obs[:, 1, 0, 2] = np.nan  # a sensor that does not exist

    def total(raw, share):
        predicted = Transformed(head.distribution(raw), transform).spread_out()
        value = SensorLikelihood(share)(predicted, jnp.asarray(obs))
        return jnp.nansum(value), value

    @jax.jit
    def facts(raw):
        base = head.distribution(raw)
        alone = Transformed(base, transform).spread_out().log_prob(obs)
        both = jax.value_and_grad(lambda raw: total(raw, 0.0), has_aux=True)(raw)
        return *both, base, alone, total(raw, 0.5)[0]

    (loss, value), slope, base, alone, half = facts(raw)
    np.testing.assert_array_equal(np.isnan(value), np.isnan(obs))
    assert np.isfinite(slope).all()
    assert np.any(slope != 0)
    assert np.all(np.asarray(base.error) >= noise[:, None])
    z = (obs - np.array([[0.3], [0.25]])) / np.array([[0.1], [0.05]])
    wanted = (
        -joint(base.spread_out(), jnp.asarray(z)).sum()
        + np.log(np.where(np.isfinite(obs), [[0.1], [0.05]], 1.0)).sum()
    )
    np.testing.assert_allclose(loss, wanted, rtol=1e-9)
    np.testing.assert_allclose(half, 0.5 * (loss - np.nansum(alone)), rtol=1e-9)


def test_the_sensor_model_tells_what_stays_from_what_does_not():
    """Sensors with constant offsets of 0.05 and errors of 0.01 around a known course."""
    rng = np.random.default_rng(0)
    series, time = 24, 60
    drive = np.cumsum(rng.normal(size=(series, time)), axis=1) * 0.1
    drive = np.tanh(drive)
    offset = 0.05 * rng.normal(size=(series, 1, 1, 3))
    errors = 0.01 * rng.normal(size=(series, time, 1, 3))
    target = 0.3 + 0.05 * drive[..., None, None] + offset + errors
    data = Sequences(drive[..., None], target)
    spread = float(target.std())
    head = SensorEffect(1, (0.002 / spread,))
    model = Model.start(
        lambda key: Network.start(Direct(1), hidden=8, targets=1, size=head.size, key=key),
        head,
        data,
        Names(("drive",), (), ("water",)),
    )
    recipe = Recipe(
        WindowRule(30, 5),
        epochs=25,
        batch=8,
        loss=SensorLikelihood(0.5),
        schedule=Constant(0.02),
    )
    *_, last = train(model, data, None, recipe)
    learned = finish(model, last.state, recipe._replace(keep_best=False))
    found = predict(learned, data, lambda d: (d.in_unit().effect, d.in_unit().error, d.std()))
    effect, error, std = (np.median(x[:, 5:]) for x in found)
    actual = float(offset.std())
    assert effect == pytest.approx(actual, rel=0.25)
    assert error == pytest.approx(0.01, rel=0.35)
    assert std == pytest.approx(np.hypot(actual, 0.01), rel=0.25)


def test_the_released_likelihood_switched_off_is_the_likelihood():
    head, transform = GaussianMixture(3), Affine(jnp.asarray(0.3), jnp.asarray(0.1))
    raw = jnp.asarray(np.random.default_rng(0).normal(size=(5, 9)))
    kinds = [(0.0, False), (1e-8, True), (0.0, True), (1e-8, False)]

    @jax.jit
    def losses(raw, x):
        d = Transformed(head.distribution(raw), transform)
        return -d.log_prob(x) - jnp.log(0.1), [ReleasedLikelihood(*kind)(d, x) for kind in kinds]

    clean, (none, both, twice, _) = losses(raw, jnp.full(5, 0.33))
    np.testing.assert_allclose(none, clean, rtol=1e-9)
    for loss in (both, twice):
        assert np.all(np.abs(loss - clean) > 1e-4)
    clean, (none, both, twice, floor) = losses(raw, jnp.full(5, 3.0))
    np.testing.assert_allclose(none, clean, rtol=1e-9)
    assert np.all(floor < clean - 1)
    assert np.all(floor < 18.5)


# --- network ----------------------------------------------------------------------------


def _small(bottleneck, hidden=6):
    return Network.start(
        Direct(2), hidden=hidden, targets=1, size=9, key=jax.random.key(0), bottleneck=bottleneck
    )


def test_a_bottleneck_bounds_what_the_answer_depends_on_and_is_stored():
    plain, narrow = _small(None), _small(2)
    assert plain.bottleneck is None
    np.testing.assert_array_equal(plain.lstm.w_h, narrow.lstm.w_h)
    inputs = jax.random.normal(jax.random.key(1), (30, 4, 2))
    raw = lambda net: np.asarray(net(inputs)[0] - net.bias).reshape(-1, 9)  # noqa: E731
    assert np.linalg.matrix_rank(raw(narrow), tol=1e-6) == 2
    assert np.linalg.matrix_rank(raw(plain), tol=1e-6) == 6
    rng = np.random.default_rng(0)
    data = Sequences(rng.normal(size=(2, 20, 2)), rng.random((2, 20, 1)))
    names = Names(("a", "b"), (), ("water",))
    for head in (GaussianMixture(3), SensorEffect(2, (0.25,))):
        for width in (2, None):
            model = Model.start(
                lambda key, w=width, h=head: Network.start(
                    Direct(2), hidden=5, targets=1, size=h.size, key=key, bottleneck=w
                ),
                head,
                data,
                names,
                members=2,
            )
            arrays, words = model_to_arrays(model)
            back = model_from_arrays(arrays, json.loads(json.dumps(words)))
            assert jax.tree.structure(back) == jax.tree.structure(model)
            jax.tree.map(np.testing.assert_array_equal, back, model)
            answer = lambda m: predict(m, data)["quantile"]  # noqa: E731
            np.testing.assert_array_equal(answer(back), answer(model))
    old = {k: v for k, v in words.items() if k != "bottleneck"}
    assert model_from_arrays(arrays, old).network.bottleneck is None


def test_only_wanted_steps_are_read_and_blocks_from_their_start():
    rng = np.random.default_rng(0)
    block = np.repeat([[0, 0, 1, 1, -1]], 8, axis=1).reshape(1, 40)
    block = np.repeat(np.sort(block), 2, axis=0)
    data = Sequences(
        rng.normal(size=(2, 40, 2)),
        np.full((2, 40, 1), np.nan),
        block=np.where(block < 0, -1, block),
    )
    known = data._replace(target=rng.random((2, 40, 1)))
    model = Model.start(
        lambda key: Network.start(Direct(2), hidden=4, targets=1, size=9, key=key),
        GaussianMixture(3),
        known,
        Names(("a", "b"), (), ("water",)),
    )
    longest = int((block[0] == 1).sum())
    mean = lambda d: d.mean()  # noqa: E731
    whole = predict_windows(model, data, WindowRule(longest, 0), mean)[..., 0]
    np.testing.assert_array_equal(np.isfinite(whole), block >= 0)
    begin = int(np.flatnonzero(block[0] == 1)[0])
    alone = data._replace(inputs=data.inputs[:, begin:], target=data.target[:, begin:], block=None)
    np.testing.assert_allclose(whole[:, begin:], predict(model, alone, mean)[..., 0], rtol=1e-5)
    wanted = np.zeros(block.shape, bool)
    wanted[1, begin + 3] = True
    some = predict_windows(model, data, WindowRule.one_target(3), mean, wanted=wanted)[..., 0]
    np.testing.assert_array_equal(np.isfinite(some), wanted)


# --- answers ----------------------------------------------------------------------------


def _mixtures(n=200, k=4, seed=0):
    rng = np.random.default_rng(seed)
    f4 = lambda a: jnp.asarray(a, "f4")  # noqa: E731
    parts = (
        jax.nn.log_softmax(f4(rng.normal(size=(n, k))), axis=-1),
        f4(rng.normal(size=(n, k))),
        f4(np.exp(rng.normal(-0.7, 0.5, (n, k)))),
    )
    return NormalMixture(*parts), LaplaceMixture(*parts, f4(rng.normal(size=(n, k))))


F4 = np.float32
WAYS = {
    "affine": Affine(jnp.asarray(F4(0.25)), jnp.asarray(F4(0.05))),
    "bounded": Bounded(jnp.asarray(F4(-0.2)), jnp.asarray(F4(0.5)), jnp.full((200,), F4(0.45))),
}


@jax.jit
def _exact(d, obs):
    """What bisection and quadrature say."""
    wide = d.spread_out()
    levels = jnp.asarray(LEVELS, "f4")
    return (
        d.mean(),
        d.std(),
        *(
            f(x)
            for f, x in (
                (wide.quantile, levels),
                (wide.crps, obs),
                (wide.cdf, obs),
                (wide.log_prob, obs),
            )
        ),
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", [0, 1])
def test_descriptions_are_those_of_the_distributions(family, way):
    """Against bisection and quadrature: in units of the spread, tails of the worst of 200."""
    d = Transformed(_mixtures()[family], WAYS[way])
    obs = (0.25 + 0.08 * np.random.default_rng(1).normal(size=(200, 3))).clip(0.01, 0.44)
    obs = obs.astype("f4")
    obs[::7, 1] = np.nan
    found = describe(d, obs, cells=64)
    mean, std, quantile, crps, pit, log_prob = (np.asarray(x) for x in _exact(d, obs))
    unit = lambda a: a / std.reshape(-1, *[1] * (a.ndim - 1))  # noqa: E731
    close = lambda a, b, atol: np.testing.assert_allclose(unit(a), unit(b), atol=atol)  # noqa: E731
    close(found.quantile, quantile, 1e-3)
    close(found.mean, mean, 5e-3 if family else 5e-4)
    close(found.std, std, 2e-2 if family else 3e-3)
    close(found.crps, crps, 5e-3)
    np.testing.assert_allclose(found.pit, pit, atol=1e-5)
    np.testing.assert_allclose(found.log_prob, log_prob, rtol=1e-4, atol=1e-3)
    assert np.all(np.diff(found.quantile, axis=-1) > 0)
    again = describe(d, obs, cells=200)
    np.testing.assert_allclose(again.quantile, found.quantile, rtol=1e-5)


def test_modes_are_counted_in_the_target_s_unit():
    normal = _mixtures(k=3)[0]
    found = describe(Transformed(normal, WAYS["affine"]), np.full((200, 1), np.nan, "f4"))
    exact = np.asarray(normal.n_modes())
    assert np.mean(found.modes == exact) > 0.97
    assert set(found.modes.tolist()) >= {1, 2}
    # one wide Gaussian of the logit piles up at both bounds
    one = NormalMixture(*(jnp.full((1, 1), F4(v)) for v in (0.0, 0.0, 6.0)))
    way = Bounded(jnp.asarray(F4(0.0)), jnp.asarray(F4(0.5)), jnp.asarray(F4(0.45)))
    assert describe(Transformed(one, way), np.zeros((1, 1), "f4")).modes.tolist() == [2]
    gap = NormalMixture(*(jnp.full((1, 1), F4(v)) for v in (0.0, np.nan, 1.0)))
    nothing = describe(Transformed(gap, WAYS["affine"]), np.full((1, 1), F4(0.3)))
    assert nothing.modes.tolist() == [0]
    assert all(np.isnan(np.asarray(x)).all() for x in nothing[:-1])


def test_sensors_are_mixed_where_they_answer():
    normal = _mixtures(n=6, k=2)[0]
    base = jax.tree.map(lambda a: a.reshape(2, 3, 2), normal)
    gone = jax.tree.map(lambda a: a.at[0, 1].set(jnp.nan).at[1].set(jnp.nan), base)
    merged = over_sensors(gone)
    assert merged.loc.shape == (2, 6)
    x = jnp.asarray(0.3)
    pair = base.cdf(x)[0, [0, 2]]
    np.testing.assert_allclose(merged.cdf(x)[0], np.mean(pair), rtol=1e-5)
    assert np.isnan(merged.log_prob(x)[1])


def test_a_pool_is_the_mean_of_distribution_functions():
    normal, laplace = _mixtures(n=5, k=2)
    ways = [Affine(jnp.asarray(F4(0.2)), jnp.asarray(F4(0.1))), WAYS["affine"]]
    both = pooled([Transformed(normal, way) for way in ways])
    x = jnp.asarray(F4(0.27))
    each = [Transformed(normal, way).cdf(x) for way in ways]
    np.testing.assert_allclose(both.cdf(x), np.mean(each, axis=0), rtol=1e-5)
    with pytest.raises(ValueError, match="only Gaussian"):
        pooled([Transformed(laplace, ways[0])] * 2)
    with pytest.raises(ValueError, match="bounded"):
        pooled([Transformed(normal, WAYS["bounded"])] * 2)
