"""Scores against their definitions, written out as sums in numpy or called from scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, spearmanr, wasserstein_distance

from rootzone import evaluate as ev

spaef = jax.jit(ev.spaef, static_argnames=("axis", "bins", "edges"))
wasserstein_1 = jax.jit(ev.wasserstein_1)
ensemble_crps = jax.jit(ev.ensemble_crps, static_argnames="fair")


@pytest.fixture(autouse=True, scope="module")
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def close(a, b, rtol=1e-12, atol=1e-14):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def test_spatial_overlap_over_the_range_of_the_observed_map_is_that_of_numpy(rng):
    obs = rng.gamma(2.0, 0.1, (13, 20))
    sim = 0.5 * obs + rng.normal(0, 0.03, obs.shape)
    obs[2, 3] = sim[4, 4] = np.nan
    result = spaef(sim=np.stack([sim, obs]), obs=obs, edges="obs", axis=(-2, -1))
    assert result.n_bins.tolist() == [16, 16]  # of 258 and 259 cells
    close(result.spaef, 1 - np.sqrt(sum((c - 1) ** 2 for c in result[1:4])))
    there = ~np.isnan(sim + obs)
    z = [(x[there] - x[there].mean()) / x[there].std() for x in (sim, obs)]
    counts = [np.histogram(x, 16, (z[1].min(), z[1].max()))[0] for x in z]
    assert counts[0].sum() < there.sum()  # simulated cells outside are not counted
    close(result.gamma, [np.minimum(*counts).sum() / there.sum(), 1.0])


def test_ranks_with_ties_are_those_of_scipy(rng):
    sim, obs = rng.integers(0, 5, (2, 10, 30))
    close(
        jax.jit(ev.spearman_r)(sim=sim, obs=obs),
        [spearmanr(*p).statistic for p in zip(sim, obs, strict=True)],
    )


def test_distance_of_samples_is_that_of_scipy(rng):
    sim, obs, weight = rng.gamma(2.0, 0.1, 40), rng.normal(0.2, 0.1, 30), rng.uniform(0, 1, 40)
    weight[3], sim[5:8] = 0.0, 0.25  # absent, ties
    distance = wasserstein_1(sim=sim, obs=obs, sim_weight=weight)
    close(distance, wasserstein_distance(sim, obs, weight))
    holed = np.where(np.arange(40) < 5, np.nan, sim)
    close(
        wasserstein_1(sim=holed, obs=obs, sim_weight=weight),
        wasserstein_distance(sim[5:], obs, weight[5:]),
    )


@pytest.mark.parametrize("fair", [False, True])
def test_ensemble_score_is_its_double_sum(rng, fair):
    sim, obs = rng.gamma(2.0, 0.1, (3, 21)), np.array([0.1, 0.3, 2.0])
    sim[1, 4:9] = sim[2, 1:] = np.nan
    for crps, row, o in zip(ensemble_crps(sim=sim, obs=obs, fair=fair), sim, obs, strict=True):
        members = row[~np.isnan(row)]
        m = len(members)
        if fair and m == 1:
            assert np.isnan(crps)
        else:
            double = np.abs(members[:, None] - members).sum() / (2 * m * (m - fair))
            close(crps, np.abs(members - o).mean() - double)


def test_many_members_of_a_gaussian_have_its_score():
    members = norm.ppf((np.arange(2000) + 0.5) / 2000, 0.3, 0.05)
    exact = jax.jit(ev.gaussian_crps)(obs=0.22, mean=0.3, std=0.05)
    close(ensemble_crps(sim=members, obs=0.22), exact, rtol=1e-3)  # order 1 / members


def test_coverage_of_a_central_interval():
    obs = np.append(norm.ppf((np.arange(1000) + 0.5) / 1000), np.nan)
    lower, upper = np.full((2, 1001), norm.ppf([[0.1], [0.9]]))
    coverage, width = jax.jit(ev.interval_coverage), jax.jit(ev.interval_width)
    close(coverage(obs=obs, lower=lower, upper=upper), 0.8)
    assert np.isnan(coverage(obs=obs * np.nan, lower=lower, upper=upper))
    close(width(lower=lower, upper=np.where(obs > 1, np.nan, upper)), 2 * upper[0])


def test_gradients_of_samples_survive_gaps(rng):
    sim = rng.uniform(0, 1, (3, 20))
    sim[0, 4] = sim[1] = np.nan
    obs = np.array([0.5, 0.5, np.nan])
    for score, undefined in (
        (lambda s: ev.ensemble_crps(sim=s, obs=obs), [False, True, True]),
        (lambda s: ev.wasserstein_1(sim=s, obs=obs), [False, True, False]),
    ):
        gradient, value = jax.jit(
            jax.grad(lambda s, f=score: (jnp.nansum(f(s)), f(s)), has_aux=True)
        )(sim)
        assert np.isnan(value).tolist() == undefined
        assert np.all(np.isfinite(gradient))
        assert gradient[0, 4] == 0


def test_modes_of_two_equal_gaussians_part_at_two_standard_deviations():
    # Symmetric mixture: two modes if and only if the means are more than 2 sigma apart.
    distance = np.array([0.5, 1.9, 1.99, 2.05, 2.5, 40.0])
    mean = 0.3 + 0.02 * np.stack([-distance / 2, distance / 2], -1)
    modes = jax.jit(ev.mixture_n_modes)(weight=np.full((6, 2), 0.5), mean=mean, std=0.02)
    assert modes.tolist() == [1, 1, 1, 2, 2, 2]
