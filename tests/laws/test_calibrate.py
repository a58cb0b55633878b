"""Laws of spaces, samples, objectives, and kept sets."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rootzone.calibrate import Space, latin_hypercube, sobol
from rootzone.calibrate.behavioral import behavioral, distribution
from rootzone.calibrate.objectives import (
    SCORES,
    SPATIAL,
    TOGETHER,
    Objective,
    Observed,
    factors,
    score_members,
)
from rootzone.core import RunError, StudyError
from rootzone.evaluate import kge_2009, kge_2012, nse, pbias, spaef


def space(*bounds: tuple[float, float]) -> Space:
    low, high = np.array(bounds).T
    names = tuple(f"p{n}" for n in range(len(bounds)))
    return Space(names, low, high, 0.5 * (low + high))


# --- spaces and samples -------------------------------------------------------------------

BOUNDS = st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)).map(lambda b: (b[0], b[0] + b[1]))


@given(st.lists(BOUNDS, min_size=1, max_size=5), st.integers(0, 2**31))
@settings(deadline=None)
def test_unit_positions_and_values_are_inverse(bounds, seed):
    here = space(*bounds)
    unit = np.random.default_rng(seed).random((7, len(here)))
    values = here.from_unit(unit)
    assert here.inside(values).all()
    scale = np.abs(here.lower) / (here.upper - here.lower) + 1
    assert np.all(np.abs(here.to_unit(values) - unit) < 1e-14 * scale)


@given(st.integers(1, 60), st.integers(1, 6), st.integers(0, 2**31))
@settings(deadline=None, max_examples=30)
def test_hypercube_has_one_value_in_every_part(members, parameters, seed):
    here = space(*[(0.0, 1.0)] * parameters)
    values = latin_hypercube(here, members, seed)
    parts = np.floor(values * members).astype(int)
    assert (np.sort(parts, axis=0) == np.arange(members)[:, None]).all()
    np.testing.assert_array_equal(values, latin_hypercube(here, members, seed))


def test_sobol_is_even_and_its_first_sets_do_not_change():
    here = space((0.0, 2.0), (1.0, 3.0))
    values = sobol(here, 64, seed=3)
    counts, _, _ = np.histogram2d(*here.to_unit(values).T, bins=8, range=[[0, 1], [0, 1]])
    assert (counts == 1).all()
    np.testing.assert_array_equal(values[:40], sobol(here, 40, seed=3))


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ([(1.0, 1.0)], "its bounds are both 1"),
        ([(2.0, 1.0)], "the lower is above"),
        ([(0.0, np.inf)], "finite ones are wanted"),
    ],
)
def test_bounds_without_room_are_told(bounds, words):
    with pytest.raises(StudyError, match=words):
        space(*bounds)


def test_empty_space_and_unknown_parameter_are_told():
    with pytest.raises(StudyError, match="no parameter is searched"):
        Space((), np.zeros(0), np.zeros(0), np.zeros(0))
    with pytest.raises(StudyError, match="'p9' is not searched"):
        space((0.0, 1.0)).position("p9")
    with pytest.raises(StudyError, match="0 parameter sets"):
        latin_hypercube(space((0.0, 1.0)), 0, 1)


# --- objectives ---------------------------------------------------------------------------

DAYS, PLACES = 30, 5
OF_PLACE = np.array([0, 0, 1, 1, 1])


def series(seed: int = 0, gaps: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 80, (DAYS, 1)) + rng.normal(0, 60, PLACES)
    obs = 900 + level + rng.normal(0, 30, (DAYS, PLACES))
    sim = 890 + 0.9 * level + rng.normal(0, 40, (3, DAYS, PLACES))
    obs[rng.random(obs.shape) < gaps] = np.nan
    return sim, obs


def observed(obs: np.ndarray, factor="none", sigma: float = 30.0) -> Observed:
    return Observed(obs, np.where(np.isfinite(obs), sigma, np.nan), OF_PLACE, ("a", "b"), factor)


def test_scores_are_those_of_the_means_of_the_observed_places():
    sim, obs = series()
    found = score_members(observed(obs), sim)
    assert set(found) == {*SCORES, *SPATIAL}
    for n in range(2):
        here = n == OF_PLACE
        known = np.isfinite(obs[:, here])
        number = np.where(known.any(-1), known.sum(-1), np.nan)
        s = np.where(known, sim[:, :, here], 0).sum(-1) / number
        o = np.where(known, obs[:, here], 0).sum(-1) / number
        for name, score in (("nse", nse), ("pbias", pbias)):
            np.testing.assert_allclose(found[name][:, n], score(sim=s, obs=o), rtol=1e-10)
        np.testing.assert_allclose(found["kge_2009"][:, n], kge_2009(sim=s, obs=o).kge)
        np.testing.assert_allclose(found["kge_2012"][:, n], kge_2012(sim=s, obs=o).kge)
    flat = sim.reshape(3, -1), obs.ravel()
    np.testing.assert_allclose(found["nse"][:, 2], nse(sim=flat[0], obs=flat[1]), rtol=1e-10)
    expected = [spaef(sim=s, obs=obs).spaef for s in sim]
    np.testing.assert_allclose(found["spaef"], expected, rtol=1e-8)


def test_log_likelihood_is_the_sum_of_normal_densities():
    sim, obs = series()
    found = score_members(observed(obs), sim)["log_likelihood"]
    z = (sim - obs) / 30.0
    each = -0.5 * z**2 - np.log(30.0) - 0.5 * np.log(2 * np.pi)
    parts = [np.nansum(each[:, :, n == OF_PLACE], axis=(1, 2)) for n in range(2)]
    np.testing.assert_allclose(found[:, 0], parts[0])
    np.testing.assert_allclose(found[:, 2], parts[0] + parts[1])


@given(st.floats(0.3, 3.0), st.sampled_from(["section", "place"]))
@settings(deadline=None, max_examples=20)
def test_a_factor_takes_out_a_scale(scale, factor):
    """Simulated counts of another detector score as well as those of the right one."""
    sim, obs = series(1)
    plain = score_members(observed(obs, factor), sim)
    scaled = score_members(observed(obs, factor), scale * sim)
    for name in ("nse", "rmse"):
        np.testing.assert_allclose(scaled[name], plain[name], rtol=1e-9)


def test_the_factor_makes_the_squared_errors_least():
    sim, obs = series(2)
    best = np.asarray(factors(observed(obs, "section"), jnp.asarray(sim)))
    for change in (0.999, 1.001):
        for n in range(2):
            here = n == OF_PLACE
            factor = best[0, here][0]
            errors = [
                np.nansum((f * sim[0][:, here] - obs[:, here]) ** 2)
                for f in (factor, change * factor)
            ]
            assert errors[0] < errors[1]


@given(hnp.arrays(float, (DAYS, PLACES), elements=st.floats(500, 1500)), st.integers(0, 4))
@settings(deadline=None, max_examples=20)
def test_gaps_hide_values(hidden, place):
    """What is simulated where nothing was observed does not matter."""
    sim, obs = series(3)
    gap = np.isnan(obs)
    other = np.where(gap, hidden, sim)
    for name, score in score_members(observed(obs), sim).items():
        again = score_members(observed(obs), other)[name]
        np.testing.assert_allclose(again, score, rtol=1e-9, err_msg=name)


def test_sections_without_variance_or_days_are_told():
    obs = np.full((DAYS, PLACES), 900.0)
    obs[:, 2:] += np.arange(DAYS)[:, None]
    with pytest.raises(StudyError, match="'a': 900 on all 30 days"):
        observed(obs).require_variance("counts")
    obs[1:, :2] = np.nan
    with pytest.raises(StudyError, match="'a': 1 day with values"):
        observed(obs).require_variance("counts")


def test_objectives_combine_groups():
    names = ("a", "b", TOGETHER)
    scores = {"nse": np.array([[0.2, 0.8, 0.5]]), "log_likelihood": np.array([[-3.0, -4.0, -7.0]])}
    of = lambda **k: float(Objective(**k).of(scores, names)[0])  # noqa: E731
    assert of(groups=("a", "b")) == pytest.approx(0.5)
    assert of(groups=("a", "b"), combine="min") == pytest.approx(0.2)
    assert of(groups=("a", "b"), combine="distance") == pytest.approx(-np.hypot(0.8, 0.2))
    assert of(score="log_likelihood", groups=("a", "b")) == pytest.approx(-7.0)


# --- kept sets ----------------------------------------------------------------------------


@given(hnp.arrays(float, 40, elements=st.floats(-5, 1) | st.just(np.nan)), st.integers(1, 50))
@settings(deadline=None)
def test_kept_sets_are_the_best(objective, best):
    values = np.arange(40.0)[:, None]
    if not np.isfinite(objective).any():
        with pytest.raises(RunError, match="no parameter set has an objective"):
            behavioral(values, objective, best=best)
        return
    kept = behavioral(values, objective, best=best)
    others = np.setdiff1d(np.flatnonzero(np.isfinite(objective)), kept.members)
    assert len(kept.members) == min(best, np.isfinite(objective).sum())
    assert (np.diff(kept.objective) <= 0).all()
    assert not len(others) or objective[others].max() <= kept.objective[-1]
    np.testing.assert_array_equal(kept.values[:, 0], kept.members)


def test_thresholds():
    objective = np.array([0.1, 0.6, 0.9, 0.7])
    values = np.zeros((4, 1))
    assert behavioral(values, objective, best=None, at_least=0.6).members.tolist() == [2, 3, 1]
    assert behavioral(values, objective, best=2, at_least=0.6).members.tolist() == [2, 3]
    with pytest.raises(RunError, match=r"reaches the objective of 0.95, the best has 0.9"):
        behavioral(values, objective, best=None, at_least=0.95)


def test_distribution_narrows():
    here = space((0.0, 1.0), (0.0, 1.0))
    values = np.stack([np.linspace(0, 1, 1001), np.linspace(0.4, 0.6, 1001)], axis=1)
    spread = distribution(here, values)
    np.testing.assert_allclose(spread.narrowing, [0.0, 0.8], atol=1e-3)
