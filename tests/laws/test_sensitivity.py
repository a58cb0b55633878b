"""Sensitivity from an ensemble: known indices, known order, parameters without influence."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rootzone.calibrate import Space, latin_hypercube
from rootzone.calibrate.sensitivity import (
    first_order,
    identifiability,
    pawn,
    ranks,
    regional,
)
from rootzone.core.errors import DataError, StudyError

SPACE = Space(("a", "b", "c", "none"), np.full(4, -np.pi), np.full(4, np.pi), np.zeros(4))
VALUES = latin_hypercube(SPACE, 4000, seed=5)


def ishigami(x):
    """Ishigami and Homma (1990) with a = 7, b = 0.1; the fourth parameter does nothing."""
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


SCORE = ishigami(VALUES)
BEST = ranks(SCORE) > 0.95


def exact_first_order():
    """Variances of the Ishigami function by hand."""
    a, b = 7.0, 0.1
    total = a**2 / 8 + b * np.pi**4 / 5 + b**2 * np.pi**8 / 18 + 0.5
    return np.array([0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8, 0.0, 0.0]) / total


def test_first_order_of_ishigami():
    found = first_order(VALUES, SCORE)
    # harmonics that are not counted take up to 1 % of the variance, scatter 1 %
    np.testing.assert_allclose(found.strength, exact_first_order(), atol=0.025)
    assert found.influential.tolist() == [True, True, False, False]
    assert found.error is not None
    assert (np.abs(found.strength - exact_first_order()) < found.error + 0.01).all()
    assert 0 < found.threshold < 0.01


def test_first_order_of_a_linear_sum():
    values = np.random.default_rng(0).random((4000, 4))
    weight = np.array([3.0, 2.0, 1.0, 0.0])
    found = first_order(values, values @ weight)
    # independent draws correlate by chance, 1 / sqrt(4000) = 0.016, which counts twice
    np.testing.assert_allclose(found.strength, weight**2 / np.sum(weight**2), atol=0.05)


def test_pawn_sees_what_variance_does_not():
    """The third parameter acts only together with the first: no first-order effect at all."""
    found = pawn(VALUES, SCORE)
    assert np.argsort(-found.strength).tolist() == [1, 0, 2, 3]
    assert found.influential.tolist() == [True, True, True, False]
    same = pawn(VALUES, ranks(SCORE))
    np.testing.assert_allclose(same.strength, found.strength, atol=1e-12)


def test_long_tails_do_not_matter_to_ranks():
    tail = SCORE.copy()
    tail[ranks(SCORE) < 0.01] -= 1e6
    spoiled, ranked = first_order(VALUES, tail), first_order(VALUES, ranks(tail))
    assert ranked.strength[1] > 0.4 > spoiled.strength[1]
    np.testing.assert_allclose(ranked.strength, first_order(VALUES, ranks(SCORE)).strength)


def test_regional_is_the_distance_of_scipy():
    found = regional(VALUES, BEST)
    scipy = [stats.ks_2samp(x[BEST], x[~BEST]).statistic for x in VALUES.T]
    np.testing.assert_allclose(found.strength, scipy, atol=1e-12)
    assert np.argmax(found.strength) == 0
    assert not found.influential[3]


def test_regional_threshold_is_the_known_one():
    """Kolmogorov: 1.358 / sqrt(n m / (n + m)) at 5 %, for large groups."""
    n, m = BEST.sum(), (~BEST).sum()
    found = regional(VALUES, BEST, repeats=2000).threshold
    assert found == pytest.approx(1.358 * np.sqrt((n + m) / (n * m)), rel=0.07)


def test_regional_with_ties():
    values = np.repeat([[0.0], [1.0]], 50, axis=0)
    behavioral = np.tile([True, False], 50)
    assert regional(values, behavioral).strength[0] == 0.0


def test_identifiability():
    values = np.random.default_rng(1).random((5000, 3))
    narrow = np.abs(values[:, 0] - 0.5) < 0.05
    both_ends = np.abs(values[:, 1] - 0.5) > 0.4
    one = identifiability(values, narrow)
    assert one.strength[0] == pytest.approx(0.9, abs=0.01)
    assert one.influential.tolist() == [True, False, False]
    assert identifiability(values, both_ends).strength[1] < -0.5


def test_few_sets_are_narrow_by_chance():
    values = np.random.default_rng(2).random((1000, 200))
    few = np.arange(1000) < 10
    found = identifiability(values, few)
    # 5 % of unknown parameters pass: of 200, 10 with a standard deviation of 3
    assert 1 <= found.influential.sum() <= 20
    assert found.threshold > 0.2


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.just(float("-inf"))), min_size=2
    )
)
def test_ranks(score):
    found, score = ranks(score), np.asarray(score)
    known = np.isfinite(score)
    assert (np.isfinite(found) == known).all()
    if known.sum() > 1:
        expected = (stats.rankdata(score[known]) - 1) / (known.sum() - 1)
        np.testing.assert_allclose(found[known], expected, atol=1e-12)


def test_failed_sets_are_left_out():
    score = SCORE.copy()
    score[::10] = np.nan
    known = np.isfinite(score)
    for method in (first_order, pawn):
        np.testing.assert_array_equal(
            method(VALUES, score).strength, method(VALUES[known], score[known]).strength
        )


@pytest.mark.parametrize("method", [first_order, pawn])
def test_seed_and_random_numbers_of_others(method):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, same, other = (method(VALUES, SCORE, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.strength, same.strength)
    assert one.threshold == same.threshold != other.threshold
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_refused():
    with pytest.raises(DataError, match="0 of 4000 sets are behavioral"):
        regional(VALUES, np.zeros(4000, bool))
    with pytest.raises(DataError, match="4000 of 4000 sets are behavioral"):
        identifiability(VALUES, np.ones(4000, bool))
    with pytest.raises(DataError, match="one behavioral set has no spread"):
        identifiability(VALUES, np.arange(4000) == 7)
    with pytest.raises(DataError, match="parameter 1 has the same value"):
        identifiability(VALUES * [1, 0, 1, 1], BEST)
    with pytest.raises(ValueError, match="true and false"):
        regional(VALUES, np.arange(4000))
    with pytest.raises(DataError, match="0 of 4000 sets have a score"):
        pawn(VALUES, np.full(4000, np.nan))
    with pytest.raises(DataError, match="the score is 2 for all sets"):
        first_order(VALUES, np.full(4000, 2.0))
    with pytest.raises(DataError, match="more than 240"):
        first_order(VALUES[:200], SCORE[:200], harmonics=60)
    for slices in (0, 1, 6, 2000):
        with pytest.raises(StudyError, match="SALib cannot cut so"):
            pawn(VALUES, SCORE, slices=slices)


def test_library_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "SALib.analyze.pawn", None)
    with pytest.raises(
        StudyError, match=r"'SALib' is not installed: pip install 'rootzone\[search"
    ):
        pawn(VALUES, SCORE)
