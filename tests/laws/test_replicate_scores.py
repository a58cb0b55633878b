"""Laws of the distributions of replicate sensors, their scores, and their answers to rain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm, spearmanr

from rootzone.evaluate import kge_2009, rmse, spearman_r, ubrmse, wasserstein_1
from rootzone.evaluate.answers import (
    LEVELS,
    MID,
    empty_answers,
    gaussian_answers,
    level_index,
    put_together,
)
from rootzone.evaluate.belts import (
    cdf_of_readings,
    density_of_readings,
    mixture_of_readings,
    noise_width,
    quantile_distance,
    without_noise,
)
from rootzone.evaluate.densities import (
    CENTERS,
    binned,
    binned_distance,
    density_from_quantiles,
    kernel_density,
)
from rootzone.evaluate.modality import modes_of_readings
from rootzone.evaluate.pooled import (
    cells_of,
    partition,
    pooled_mean,
    series_scores,
    step_weights,
    subset_weight,
)
from rootzone.evaluate.response import (
    NO_RESPONSE,
    NON_SEQUENTIAL,
    SEQUENTIAL,
    RainRule,
    rain_events,
    response_order,
)

water = st.floats(0.02, 0.6)
sensors = arrays(float, 3, elements=water)


def test_levels_are_sorted_and_the_midpoints_are_among_them() -> None:
    assert LEVELS.size == 49
    assert (np.diff(LEVELS) > 0).all()
    np.testing.assert_allclose(LEVELS[MID], (np.arange(40) + 0.5) / 40)
    for level in (0.05, 0.1, 0.2, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95):
        assert LEVELS[level_index(level)] == pytest.approx(level)
    with pytest.raises(ValueError, match="none of the levels"):
        level_index(0.33)


# --- the mixture of the readings -------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(sensors)
def test_quantiles_invert_the_distribution_function(c: np.ndarray) -> None:
    q = mixture_of_readings(c, 0.02, LEVELS)
    np.testing.assert_allclose(cdf_of_readings(q, c, 0.02), LEVELS, atol=1e-9)


def test_belts_are_those_of_a_large_sample() -> None:
    rng = np.random.default_rng(3)
    for c in ([0.2, 0.25, 0.4], [0.1, 0.3, np.nan], [0.3, 0.3, 0.3]):
        centers = np.array(c)
        drawn = rng.choice(centers[np.isfinite(centers)], 10**6) + 0.02 * rng.standard_normal(10**6)
        found = mixture_of_readings(centers, 0.02, [0.2, 0.8])
        # Sampling error of a quantile where the density is a few per m3 m-3.
        np.testing.assert_allclose(found, np.quantile(drawn, [0.2, 0.8]), atol=6e-4)


def test_more_centers_and_single_precision_tell_the_same() -> None:
    rng = np.random.default_rng(4)
    centers = rng.normal(0.3, 0.05, (20, 12))
    centers[3] = np.nan
    twice = np.concatenate([centers, centers], axis=1)
    found = mixture_of_readings(centers, 0.02, LEVELS)
    np.testing.assert_allclose(mixture_of_readings(twice, 0.02, LEVELS), found, atol=1e-12)
    single = mixture_of_readings(centers.astype("f4"), 0.02, LEVELS)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, atol=2e-6)
    assert np.isnan(found[3]).all()


def test_noise_alone_has_the_width_that_is_removed() -> None:
    alone = mixture_of_readings([0.3, 0.3, 0.3], 0.02, [0.2, 0.8])
    assert float(np.diff(alone)[0]) == pytest.approx(noise_width(0.02), abs=1e-9)
    assert noise_width(0.02) == pytest.approx(0.0337, abs=5e-5)
    assert without_noise(np.diff(alone), 0.02)[0] < 1e-4
    wide = noise_width(np.hypot(0.05, 0.02))  # a Gaussian place with noise
    assert float(without_noise(np.array(wide), 0.02)) == pytest.approx(noise_width(0.05))


def test_the_distance_of_a_step_is_that_of_samples() -> None:
    rng = np.random.default_rng(5)
    centers = rng.uniform(0.1, 0.45, (6, 3))
    q = mixture_of_readings(centers, 0.02, LEVELS[MID])
    mean, std = rng.uniform(0.15, 0.4, 6), rng.uniform(0.02, 0.06, 6)
    model = norm.ppf(LEVELS[MID], mean[:, None], std[:, None])
    found = quantile_distance(model, q)
    n = 40000
    drawn = np.take_along_axis(centers, rng.integers(3, size=(6, n)), axis=1)
    drawn = drawn + 0.02 * rng.standard_normal((6, n))
    sample = rng.normal(mean[:, None], std[:, None], (6, n))
    np.testing.assert_allclose(found, wasserstein_1(sim=sample, obs=drawn), atol=1.5e-3)
    assert (quantile_distance(q, q) == 0).all()


# --- modes and densities ---------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.01, 0.02, 0.04]))
def test_modes_are_the_maxima_of_a_fine_density(seed: int, std: float) -> None:
    c = np.random.default_rng(seed).uniform(0.02, 0.6, (40, 9))
    x = np.arange(-0.1, 0.8, std / 400)
    density = density_of_readings(x, c, std)
    rises = np.diff(density, axis=1) > 0
    maxima = (rises[:, :-1] & ~rises[:, 1:]).sum(axis=1)
    found = modes_of_readings(c, std)
    # Two maxima about to merge may count as one, never the other way round.
    depth = np.array([_shallowest(row) for row in density])
    assert (found <= maxima).all()
    clear = depth > 1e-3 * density.max(axis=1)
    np.testing.assert_array_equal(found[clear], maxima[clear])


def _shallowest(density: np.ndarray) -> float:
    """Return the least drop from a maximum to the valley beside it; infinity of one maximum."""
    turn = np.flatnonzero(np.diff(np.sign(np.diff(density))) != 0) + 1
    steps = np.abs(np.diff(density[turn]))
    return float(steps.min()) if steps.size else np.inf


def test_two_gaussians_part_at_two_standard_deviations() -> None:
    apart = np.array([1.9, 2.2]) * 0.02
    centers = np.stack([0.3 - apart / 2, 0.3 + apart / 2], axis=1)
    assert modes_of_readings(centers, 0.02).tolist() == [1, 2]
    assert modes_of_readings([[0.01, 0.6], [np.nan, np.nan]], 0.005).tolist() == [2, 0]


def test_a_density_told_by_quantiles_is_the_density() -> None:
    x = np.linspace(0.0, 0.6, 601)
    gauss = density_from_quantiles(x, norm.ppf(LEVELS, 0.3, 0.05), LEVELS)
    np.testing.assert_allclose(gauss, norm.pdf(x, 0.3, 0.05), atol=1e-3)  # far below the peak of 8
    q = mixture_of_readings([0.2, 0.3, 0.3], 0.02, LEVELS)
    two = density_from_quantiles(x, q, LEVELS)
    assert np.trapezoid(two, x) == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(two, density_of_readings(x, [0.2, 0.3, 0.3], 0.02), atol=1.2)


def test_pooled_values_in_bins_are_as_good_as_the_values() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.normal(0.3, 0.05, 4000), rng.normal(0.32, 0.08, 3000)
    found = binned_distance(binned(a), binned(b))
    assert float(found) == pytest.approx(float(wasserstein_1(sim=a, obs=b)), abs=1e-4)
    x = np.linspace(0.1, 0.5, 41)
    np.testing.assert_allclose(kernel_density(binned(a), x), norm.pdf(x, 0.3, 0.05), atol=0.6)
    assert binned(np.array([-5.0, 5.0, np.nan]))[[0, -1]].tolist() == [1, 1]
    assert CENTERS.size == binned(a).size


# --- Gaussian answers ------------------------------------------------------------------------


def test_a_perfect_gaussian_forecast_is_calibrated() -> None:
    rng = np.random.default_rng(7)
    mean = 0.3 + 0.05 * rng.standard_normal((3, 2, 4000))
    std = rng.uniform(0.01, 0.05, (3, 1, 1))
    obs = mean[:, :, None] + std[..., None] * rng.standard_normal((3, 2, 3, 4000))
    answers = gaussian_answers(mean, std, obs)
    for share in (0.5, 0.8, 0.9):
        inside = np.abs(answers.pit - 0.5) <= share / 2
        # 72000 readings: four standard errors are 0.007.
        assert inside.mean() == pytest.approx(share, abs=0.008)
    z = (obs - mean[:, :, None]) / std[..., None]
    expected = norm.logpdf(z) - np.log(std[..., None])
    np.testing.assert_allclose(answers.log_prob, expected, atol=2e-3)  # z of single precision
    assert answers.crps.mean() == pytest.approx(
        float((std * np.ones((3, 2, 1))).mean()) / np.pi**0.5, rel=0.01
    )


def test_folds_are_put_together_and_never_twice() -> None:
    obs = np.full((2, 1, 2, 3), 0.3)
    one = gaussian_answers(np.full((2, 1, 3), 0.2), np.float32(0.05), obs)
    two = gaussian_answers(np.full((2, 1, 3), 0.4), np.float32(0.05), obs)
    first = np.zeros((2, 1, 2, 3), bool)
    first[0] = True
    whole = put_together([(one, first), (two, ~first)], obs.shape)
    np.testing.assert_allclose(whole.mean[:, 0, 0], [0.2, 0.4])
    assert np.isfinite(whole.crps).all()
    half = put_together([(one, first)], obs.shape)
    assert np.isnan(half.mean[1]).all()
    assert half.modes[1].max() == 0
    with pytest.raises(ValueError, match="two folds"):
        put_together([(one, first), (two, first)], obs.shape)
    with pytest.raises(ValueError, match="shape"):
        put_together([(empty_answers(2, 1, 1, 3), first)], obs.shape)


# --- scores of many series -------------------------------------------------------------------


def _series() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    obs = 0.3 + 0.05 * rng.standard_normal((3, 2, 60))
    sim = (0.8 * obs + 0.05 + 0.02 * rng.standard_normal(obs.shape)).round(2)  # with ties
    sim[0, 0, :10], obs[2, 1, 5:9] = np.nan, np.nan
    return sim, obs


def test_scores_of_all_parts_are_those_of_each_alone() -> None:
    sim, obs = _series()
    cells = cells_of(sim, obs)
    place = np.repeat(np.arange(3), 2)
    by_place, alone = (partition(cells, of, n) for of, n in ((place, 3), (np.arange(6), 6)))
    found, single = series_scores(cells, [by_place, alone])
    for p in range(3):
        both = {"sim": sim[p].ravel(), "obs": obs[p].ravel()}
        assert found["kge"][p] == pytest.approx(float(kge_2009(**both).kge), abs=1e-9)
        assert found["spearman"][p] == pytest.approx(float(spearman_r(**both)), abs=1e-9)
        assert found["rmse"][p] == pytest.approx(float(rmse(**both)), abs=1e-9)
        assert found["ubrmse"][p] == pytest.approx(float(ubrmse(**both)), abs=1e-9)
    both = {"sim": sim[2, 1], "obs": obs[2, 1]}
    assert single["kge"][5] == pytest.approx(float(kge_2009(**both).kge), abs=1e-9)
    assert single["n"][5] == 56


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_weights_are_repetitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sim, obs = _series()
    cells = cells_of(sim, obs)
    weight = rng.integers(0, 4, cells.sim.size)
    whole = partition(cells, np.zeros(6, int), 1)
    found = series_scores(cells, [whole], weight)[0]
    a, b = np.repeat(cells.sim, weight), np.repeat(cells.obs, weight)
    kge = np.sqrt(
        (np.corrcoef(a, b)[0, 1] - 1) ** 2
        + (a.std() / b.std() - 1) ** 2
        + (a.mean() / b.mean() - 1) ** 2
    )
    assert found["kge"][0] == pytest.approx(1 - kge, abs=1e-9)
    assert found["spearman"][0] == pytest.approx(spearmanr(a, b).statistic, abs=1e-9)
    mean = pooled_mean(cells.sim, np.ones(cells.sim.size), np.zeros(cells.sim.size, int), 1, weight)
    assert mean[0] == pytest.approx(a.mean())


def test_a_constant_series_has_no_correlation() -> None:
    obs = np.linspace(0.1, 0.4, 50).reshape(1, 1, 50)
    cells = cells_of(np.full_like(obs, 0.1 + 0.2), obs)
    found = series_scores(cells, [partition(cells, np.zeros(1, int), 2)])[0]
    assert np.isnan(found["kge"]).all()
    assert np.isnan(found["spearman"]).all()
    assert np.isfinite(found["rmse"][0])
    assert np.isnan(found["rmse"][1])


def test_subsets_and_steps_are_drawn_as_often_as_they_should() -> None:
    rng = np.random.default_rng(9)
    without = subset_weight(rng, 20000, 0.8)
    assert set(without.tolist()) == {0.0, 1.0}
    assert without.mean() == pytest.approx(0.8, abs=0.012)
    replaced = subset_weight(rng, 20000, 0.8, replace=True)
    assert replaced.max() > 2
    assert replaced.mean() == pytest.approx(0.8, abs=0.03)
    np.testing.assert_array_equal(step_weights(np.array([[0, 0, 2]]), 4), [[2, 0, 1, 0]])


# --- rain and response -----------------------------------------------------------------------

RULE = RainRule(amount=5.0, burst=2, dry_spell=3, wet=0.1, rise=0.01, window=6)


def _profile(answers: list[int | None]) -> np.ndarray:
    """Return readings (depth, 1, 30) that rise at a step each, after rain at step 10."""
    theta = np.full((len(answers), 1, 30), 0.2)
    for d, at in enumerate(answers):
        if at is not None:
            theta[d, 0, at:] += 0.03
    return theta


@pytest.mark.parametrize(
    ("answers", "order"),
    [
        ([10, 11, 13], SEQUENTIAL),
        ([10, 10, 10], SEQUENTIAL),
        ([10, None, None], SEQUENTIAL),
        ([11, 10, 13], NON_SEQUENTIAL),
        ([None, None, 12], NON_SEQUENTIAL),
        ([None, None, None], NO_RESPONSE),
        ([None, 20, None], NO_RESPONSE),  # after the window
        ([9, 10, 11], NON_SEQUENTIAL),  # the first rose before the rain and not again
    ],
)
def test_the_order_of_answers(answers: list[int | None], order: int) -> None:
    rain = np.zeros(30)
    rain[10] = 8.0
    theta = _profile(answers)
    found = response_order(theta, rain, RULE)
    assert found.step.tolist() == [10]
    assert found.order.tolist() == [order]


def test_events_want_a_dry_spell_and_enough_rain() -> None:
    rain = np.zeros(30)
    rain[[5, 6, 12, 14, 20]] = [3.0, 3.0, 2.0, 9.0, 6.0]
    assert rain_events(rain, RULE).tolist() == [5, 20]  # 12: too little; 14: no spell before
    rain[19] = np.nan
    assert rain_events(rain, RULE).tolist() == [5]


def test_an_answer_belongs_to_the_last_event_before_it() -> None:
    rain = np.zeros(30)
    rain[[10, 14]] = 8.0
    found = response_order(_profile([15, 14, 16]), rain, RULE)
    assert found.step.tolist() == [10, 14]
    assert found.order.tolist() == [NO_RESPONSE, NON_SEQUENTIAL]


def test_a_profile_with_gaps_is_judged_by_what_reads() -> None:
    rain = np.zeros(30)
    rain[10] = 8.0
    theta = _profile([11, 10, 13])
    theta[0, 0, 12] = np.nan
    found = response_order(theta, rain, RULE)
    assert found.order.tolist() == [SEQUENTIAL]
    theta[1, 0, 12] = np.nan
    assert response_order(theta, rain, RULE).order.size == 0
