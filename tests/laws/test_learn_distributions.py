"""Predictive distributions: laws of probability, and scipy as an oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from rootzone.evaluate import ensemble_crps
from rootzone.learn import (
    Affine,
    AsymmetricLaplaceMixture,
    Bounded,
    Gaussian,
    GaussianMixture,
    LaplaceMixture,
    Mixture,
    NormalMixture,
    Regression,
    Transformed,
    combine,
    pool,
)

PORE = 0.45


def _parts(k=3, batch=4, seed=0):
    rng = np.random.default_rng(seed)
    log_weight = jax.nn.log_softmax(jnp.asarray(rng.normal(size=(batch, k))), axis=-1)
    return (
        log_weight,
        jnp.asarray(rng.normal(size=(batch, k))),
        jnp.exp(0.5 * jnp.asarray(rng.normal(size=(batch, k)))),
    )


NORMAL = NormalMixture(*_parts())
LAPLACE = LaplaceMixture(*_parts(), asymmetry=_parts(seed=3)[1])
AFFINE = Affine(jnp.asarray(0.25), jnp.asarray(0.05))
BOUNDED = Bounded(jnp.asarray(-0.2), jnp.asarray(0.5), jnp.asarray(PORE))
ALL = {
    "normal": NORMAL,
    "laplace affine": Transformed(LAPLACE, AFFINE),
    "normal bounded": Transformed(NORMAL, BOUNDED),
    "laplace bounded": Transformed(LAPLACE, BOUNDED),
}

LEVELS = scipy.special.expit(np.linspace(-13, 13, 2001))
OBS_LEVELS = np.asarray([0.02, 0.4, 0.7, 0.99])


@jax.jit
def _facts(d):
    """All that the laws below look at, in one program."""
    wide = d.spread_out()
    x = wide.quantile(LEVELS)
    middle = 0.5 * (x[:, 1:] + x[:, :-1])
    obs = d.quantile(OBS_LEVELS)
    gaps = obs.at[1].set(jnp.nan)

    def total(d):
        scores = jnp.stack([d.log_prob(gaps), d.cdf(gaps), d.crps(gaps)])
        return jnp.sum(jnp.where(jnp.isnan(scores), 0, scores)), scores

    slope, scores = jax.grad(total, has_aux=True)(d)
    return {
        "x": x,
        "cdf": wide.cdf(x),
        "density": jnp.exp(wide.log_prob(x)),
        "middle": jnp.exp(wide.log_prob(middle)),
        "moments": (d.mean(), d.std()),
        "draws": d.sample(jax.random.key(0), (100_000,)),
        "obs": obs,
        "crps": d.crps(obs),
        "gap_scores": scores,
        "gap_slope": slope,
    }


@pytest.fixture(scope="module", params=ALL.keys())
def facts(request):
    """What one of the distributions says."""
    return jax.tree.map(np.asarray, _facts(ALL[request.param]))


def test_integrates_to_one_and_density_is_the_slope_of_the_cdf(facts):
    """Simpson's rule between the quantiles 2e-6 and 1 - 2e-6."""
    x, f = facts["x"], facts["density"]
    assert np.all(np.diff(x) > 0)
    simpson = np.diff(x) / 6 * (f[:, 1:] + 4 * facts["middle"] + f[:, :-1])
    np.testing.assert_allclose(simpson.sum(axis=1), np.ptp(LEVELS), rtol=2e-5)
    np.testing.assert_allclose(facts["cdf"], np.broadcast_to(LEVELS, x.shape), atol=1e-9)


def test_mean_std_and_crps_against_samples(facts):
    """Draws give the mean within four standard errors, spread and score within 3 %."""
    draws = facts["draws"]
    mean, std = facts["moments"]
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(mean - draws.mean(axis=0)) < 4 * error)
    np.testing.assert_allclose(std, draws.std(axis=0), rtol=0.03)
    score = np.asarray(ensemble_crps(sim=draws[:20_000].T, obs=facts["obs"]))
    np.testing.assert_allclose(facts["crps"], score, rtol=0.03)


def test_gaps_have_no_value_and_no_gradient(facts):
    gap = np.arange(4) == 1
    assert np.array_equal(np.isnan(facts["gap_scores"]), np.broadcast_to(gap, (3, 4)))
    slope = facts["gap_slope"]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))
    base = slope.base if isinstance(slope, Transformed) else slope
    assert not base.loc[1].any()
    assert base.loc[0].all()


def test_components_against_scipy():
    one = jax.tree.map(lambda a: a[:, :1], LAPLACE)
    one = LaplaceMixture(jnp.zeros((4, 1)), one.loc, one.scale, one.asymmetry)
    tau, s = np.asarray(one.tau)[:, 0], np.asarray(one.scale)[:, 0]
    # scipy: exp(-kappa x) above, exp(x / kappa) below, in units of its scale
    kappa = np.sqrt(tau / (1 - tau))
    theirs = scipy.stats.laplace_asymmetric(
        kappa, loc=np.asarray(one.loc)[:, 0], scale=s / np.sqrt(tau * (1 - tau))
    )
    x = np.asarray([-3.0, 0.1, 0.5, 4.0])
    p = np.asarray([0.01, 0.3, 0.6, 0.99])
    ours = jax.jit(lambda d: (d.log_prob(x), d.cdf(x), d.quantile(p), d.mean(), d.std()))(one)
    wanted = (theirs.logpdf(x), theirs.cdf(x), theirs.ppf(p), theirs.mean(), theirs.std())
    for a, b in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)


def test_quadrature_is_the_closed_form():
    obs = jnp.asarray([-9.0, 0.3, 1.0, 40.0])
    both = jax.jit(lambda d: (Mixture.crps(d, obs), d.crps(obs)))(NORMAL)
    np.testing.assert_allclose(*both, rtol=1e-10)


def test_equal_parts_are_one():
    one = NormalMixture(jnp.zeros((1, 1)), jnp.full((1, 1), 0.3), jnp.full((1, 1), 0.02))
    five = NormalMixture(*(jnp.broadcast_to(a, (1, 5)) for a in (-jnp.log(5.0), 0.3, 0.02)))
    p, x = jnp.asarray([0.2]), jnp.asarray([0.31])
    ask = jax.jit(lambda d: jnp.stack([d.log_prob(x), d.cdf(x), d.crps(x), d.quantile(p), d.std()]))
    np.testing.assert_allclose(ask(five), ask(one), rtol=1e-12)
    np.testing.assert_allclose(ask(combine([one, five])), ask(one), rtol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("d", [NORMAL, LAPLACE], ids=["normal", "laplace"])
def test_an_outlier_at_25_sigma_keeps_its_gradient(d, dtype):
    """Far out one component rules: z / sigma of a Gaussian, the rate of a Laplace."""
    d = jax.tree.map(lambda a: a.astype(dtype), d)
    x = jnp.max(d.loc + 25 * d.scale, axis=-1)
    slope, away = jax.jit(jax.grad(lambda x, d: jnp.sum(d.log_prob(x)), (0, 1)))(x, d)
    share = jax.nn.softmax(d.log_weight + d.component_log_prob(x[..., None]), axis=-1)
    if isinstance(d, NormalMixture):
        each = -(x[..., None] - d.loc) / d.scale**2
    else:
        each = -d.tau / d.scale
    true = np.sum(np.asarray(share * each), axis=-1)
    assert np.all(np.abs(true) > 0.1)
    np.testing.assert_allclose(slope, true, rtol=1e-4 if dtype == jnp.float32 else 1e-12)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(away))


def test_nothing_lies_outside_the_bounds():
    for name in ("normal bounded", "laplace bounded"):
        d = ALL[name]
        outside = jnp.asarray([-0.01, 0.0, PORE, 0.6])
        ask = jax.jit(lambda d, x: (d.cdf(x), d.log_prob(x)))
        cdf, log_prob = ask(d, outside)
        np.testing.assert_array_equal(cdf, [0, 0, 1, 1])
        assert np.all(np.asarray(log_prob) == -np.inf)
        ends = np.asarray(d.quantile(jnp.asarray([1e-300, 1e-12, 1 - 1e-12, 1 - 1e-16])))
        assert ends.min() >= 0
        assert ends.max() <= PORE
        with pytest.raises(ValueError, match="bounded"):
            d.in_unit()


def test_affine_is_the_mixture_in_its_own_unit():
    seen = Transformed(NORMAL, AFFINE)
    own = seen.in_unit()
    x = jnp.asarray([0.1, 0.2, 0.3, 0.4])
    ask = jax.jit(lambda d: jnp.stack([d.log_prob(x), d.cdf(x), d.crps(x), d.std()]))
    np.testing.assert_allclose(ask(seen), ask(own), rtol=1e-10)


def test_pool_is_the_mean_of_the_members():
    members = [NormalMixture(*_parts(seed=s)) for s in range(3)]
    stacked = jax.tree.map(lambda *a: jnp.stack(a), *members)
    x = jnp.asarray([-1.0, 0.0, 0.5, 2.0])
    density = jax.jit(lambda d: jnp.exp(d.log_prob(x)))
    wanted = np.mean([density(m) for m in members], axis=0)
    np.testing.assert_allclose(density(pool(stacked)), wanted, rtol=1e-12)
    np.testing.assert_allclose(density(combine(members)), wanted, rtol=1e-12)
    assert int(pool(stacked).loc.shape[-1]) == 9


def test_heads_say_what_their_raw_outputs_are():
    raw = jnp.asarray(np.random.default_rng(0).normal(size=(4, 12)))
    for head in (Regression(0.3), Gaussian(), GaussianMixture(3), AsymmetricLaplaceMixture(3)):
        d = head.distribution(raw[:, : head.size])
        np.testing.assert_allclose(np.sum(d.weight, axis=-1), 1.0, rtol=1e-12)
        assert np.all(np.asarray(d.scale) > 0)
        assert np.isfinite(d.log_prob(jnp.zeros(4))).all()
    np.testing.assert_allclose(Regression(0.3).distribution(raw[:, :1]).std(), 0.3)
