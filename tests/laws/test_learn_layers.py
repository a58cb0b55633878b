"""Conformal layers, baselines, losses, schedules and presets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from rootzone.core.errors import DataError
from rootzone.evaluate import interval_coverage
from rootzone.learn import (
    Affine,
    Climatology,
    Cosine,
    Crps,
    Gaussian,
    GaussianMixture,
    IntervalCorrection,
    Linear,
    NegativeLogLikelihood,
    NormalMixture,
    Persistence,
    Recalibration,
    Recipe,
    ReleasedLikelihood,
    SquaredError,
    StepDecay,
    Transformed,
    WindowRule,
    coverage_table,
    inverse,
    replicates_corrected,
    replicates_paper,
)

KEY = jax.random.key(0)


def _overconfident(n, seed):
    """PITs of two targets: spread half of the truth, and a bias of one standard deviation."""
    y = np.random.default_rng(seed).normal(size=(n, 2))
    return y, scipy.stats.norm.cdf(np.stack([2.0 * y[:, 0], y[:, 1] + 1.0], axis=-1))


def test_recalibration_gives_nominal_coverage_per_target():
    layer = Recalibration.fit(_overconfident(4000, 0)[1])
    table = coverage_table(_overconfident(20_000, 1)[1], layer)
    assert np.all(np.abs(table["before"] - table["nominal"][:, None]) > 0.08)
    np.testing.assert_allclose(table["after"], table["nominal"][:, None] + [0, 0], atol=0.02)


def test_recalibrated_quantiles_and_pits_are_each_other_s_inverse():
    layer = Recalibration.fit(_overconfident(3000, 0)[1])
    normal = NormalMixture(*(jnp.full((2, 1), v) for v in (0.0, 0.0, 1.0)))
    for p in (0.05, 0.333, 0.9):
        x = layer.quantile(normal, p)
        np.testing.assert_allclose(layer.pit(normal.cdf(x)), p, atol=1e-9)
    # The truth of the first target is Gaussian of half the model's unit.
    assert float(layer.quantile(normal, 0.9)[0]) == pytest.approx(2 * 1.2816, rel=0.06)
    with pytest.raises(DataError, match="calibration"):
        Recalibration.fit(np.full((5, 2), np.nan))


@pytest.mark.parametrize("n", [19, 200])
def test_conformal_coverage_is_nominal_on_average(n):
    """Mean coverage over many calibrations lies in [90 %, 90 % + 1 / (n + 1)]."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(400):
        y = rng.normal(size=(n, 1))
        layer = IntervalCorrection.fit(
            obs=y, lower=np.full_like(y, -0.5), upper=np.full_like(y, 0.7), coverage=0.9
        )
        low, high = layer.apply(np.full(1, -0.5), np.full(1, 0.7))
        found.append(scipy.stats.norm.cdf(high[0]) - scipy.stats.norm.cdf(low[0]))
    noise = 4 * np.std(found) / np.sqrt(len(found))
    assert 0.9 - noise < np.mean(found) < 0.9 + 1 / (n + 1) + noise
    many = rng.normal(size=(5000, 1))
    cover = interval_coverage(lower=low, upper=high, obs=many[:, 0])
    assert float(cover) == pytest.approx(found[-1], abs=0.02)


def test_climatology_knows_season_and_group():
    day = np.arange(1, 1462) % 365 + 1
    season = np.cos(2 * np.pi * day / 365)
    rng = np.random.default_rng(0)
    target = 0.25 + np.asarray([0.05, -0.05])[:, None] * season
    target = (target + 0.01 * rng.normal(size=target.shape))[..., None]
    group = np.asarray([0, 1])
    found = Climatology.fit(target, day, group, half_width=5)
    told = found.predict(np.asarray([1, 182]), group)
    np.testing.assert_allclose(told.mean()[..., 0], [[0.3, 0.2], [0.2, 0.3]], atol=0.004)
    np.testing.assert_allclose(told.std(), 0.01, rtol=0.2)
    one = Climatology.fit(target, day).predict(np.asarray([1]))
    np.testing.assert_allclose(one.mean(), 0.25, atol=0.004)
    np.testing.assert_allclose(one.std(), 0.051, rtol=0.05)
    with pytest.raises(DataError, match="at least one target"):
        Climatology.fit(np.full_like(target, np.nan), day)


def test_persistence_holds_the_last_value():
    target = np.asarray([[np.nan, 0.2, np.nan, 0.4, 0.5, 0.6]])[..., None]
    found = Persistence.fit(target, lead=2)
    held = np.asarray(found.predict(target).mean())[0, :, 0]
    np.testing.assert_array_equal(held, [np.nan, np.nan, np.nan, 0.2, 0.2, 0.4])
    np.testing.assert_allclose(found.std, np.sqrt(np.mean(np.square([0.2, 0.3, 0.2]))))
    with pytest.raises(DataError, match="know the answer"):
        Persistence.fit(target, lead=0)


def test_linear_finds_a_linear_memory():
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(3, 400, 2))
    keep = np.exp(-1 / 5.0)
    memory = np.zeros((3, 400))
    memory[:, 0] = inputs[:, 0, 0]
    for t in range(1, 400):
        memory[:, t] = keep * memory[:, t - 1] + (1 - keep) * inputs[:, t, 0]
    target = (0.3 + 0.1 * memory - 0.02 * inputs[..., 1])[..., None]
    target = target + 0.003 * rng.normal(size=target.shape)
    inputs[0, 5, 1] = np.nan
    found = Linear.fit(inputs, target, ridge=0.0)
    told = found.predict(inputs)
    assert np.isnan(told.mean()[0, 5, 0])
    assert np.sqrt(np.nanmean((told.mean() - target) ** 2)) < 0.0032
    np.testing.assert_allclose(found.std, 0.003, rtol=0.1)


def test_losses_and_their_far_gradients():
    """The released likelihood has no pull at 7 sigma where the likelihood has its full one."""
    head, transform = GaussianMixture(3), Affine(jnp.asarray(0.3), jnp.asarray(0.1))
    raw = jnp.asarray([1.0, 0.0, -1.0, *[0.0] * 6])
    pull = {}
    for loss in (NegativeLogLikelihood(), ReleasedLikelihood(), SquaredError(), Crps()):
        score = lambda raw, x, loss=loss: loss(Transformed(head.distribution(raw), transform), x)  # noqa: E731
        value, slope = jax.jit(jax.value_and_grad(score))(raw, jnp.asarray(0.3 + 0.1 * 7))
        pull[type(loss).__name__] = -float(jnp.sum(slope[3:6]))
        assert np.isfinite(value)
        gap, nothing = jax.jit(jax.value_and_grad(score))(raw, jnp.asarray(jnp.nan))
        assert np.isnan(gap)
        assert not np.asarray(nothing)[:6].any() or type(loss) is SquaredError
    assert pull["NegativeLogLikelihood"] == pytest.approx(7.0, rel=1e-6)
    assert pull["ReleasedLikelihood"] < 0.01
    assert pull["SquaredError"] == pytest.approx(14.0, rel=1e-6)
    assert pull["Crps"] == pytest.approx(1.0, rel=1e-6)
    # twice a softmax: no weight of three lies below 0.21 or above 0.58
    sure = Transformed(head.distribution(raw.at[:3].mul(50.0).at[3].set(0.0)), transform)
    at = NormalMixture(jnp.log(jnp.asarray([0.5761, 0.2119, 0.2119])), jnp.zeros(3), jnp.ones(3))
    np.testing.assert_allclose(
        ReleasedLikelihood()(sure, jnp.asarray(0.3)), -at.log_prob(0.0), atol=1e-3
    )


def test_schedules():
    halves = StepDecay(5e-4, 0.5, 1)
    np.testing.assert_allclose(
        halves(jnp.asarray([0.0, 0.99, 1.0, 9.5])), 5e-4 / 2.0 ** np.r_[0, 0, 1, 9]
    )
    cosine = Cosine(epochs=10, rate=1e-2, rise=1.0, last=0.1)
    np.testing.assert_allclose(
        cosine(jnp.asarray([1.0, 5.5, 10.0, 12.0])), [1e-2, 5.5e-3, 1e-3, 1e-3], rtol=2e-3
    )
    assert float(cosine(jnp.asarray(0.0))) < 1e-4
    recipe = Recipe(WindowRule(10, 2), epochs=7)
    assert float(recipe.rate(jnp.asarray(7.0))) == pytest.approx(0.01 * Cosine().rate)


def test_presets_are_what_they_say():
    paper = replicates_paper(4, 3, head=Gaussian())
    network = jax.eval_shape(paper.build, KEY)
    assert network.lstm.w_x.shape == (7, 256)
    assert network.readout.shape == (64, 2)
    assert network.dropout == 0.4
    assert paper.recipe.rule == (128, 127)
    assert paper.live_dropout
    assert isinstance(paper.recipe.loss, ReleasedLikelihood)
    described = replicates_paper(4, 3, released=False)
    assert isinstance(described.recipe.loss, NegativeLogLikelihood)
    assert not described.live_dropout
    corrected = replicates_corrected(4, 3)
    assert corrected.recipe.rule.warm_up == 127
    assert not jax.eval_shape(corrected.build, KEY).embed.needs_all
    ours = inverse([(0,), (1, 2)], [], targets=4)
    assert jax.eval_shape(ours.build, KEY).embed_static is None
    whole = inverse([(0,)], [(0,)], targets=4)
    leaves = jax.tree.leaves(jax.eval_shape(whole.build, KEY))
    assert 4 * sum(leaf.size for leaf in leaves) < 200_000
