"""Searches: known optima and posteriors, failed sets, seeds, and going on after a stop.

One file, though long: the laws of failed sets, seeds and going on are asked of all searches.
"""

import contextlib
import io
import itertools
import sys
import threading

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit, ndtri

from rootzone.calibrate import Space, latin_hypercube
from rootzone.calibrate.searches import (
    Replay,
    ascend,
    best_so_far,
    dds,
    es_mda,
    expected_best,
    first_of_chain,
    first_of_complexes,
    nuts,
    require_members,
    sce_ua,
    steps_of_starts,
)
from rootzone.calibrate.searches.coroutine import Asked, Coroutine, Ended
from rootzone.calibrate.searches.dds import neighbor, reflect
from rootzone.calibrate.searches.smoother import update
from rootzone.core.errors import DataError, RunError, StudyError


def space_of(n, low=-5.0, high=5.0):
    names = tuple(f"p{i}" for i in range(n))
    return Space(names, np.full(n, low), np.full(n, high), np.zeros(n))


def sphere(v):
    return -np.sum((v - 1.0) ** 2, axis=1)


def rosenbrock(v):
    return -np.sum(100 * (v[:, 1:] - v[:, :-1] ** 2) ** 2 + (1 - v[:, :-1]) ** 2, axis=1)


def ackley(v):
    root = np.sqrt(np.mean(v**2, axis=1))
    waves = np.exp(np.mean(np.cos(2 * np.pi * v), axis=1))
    return -(20 * (1 - np.exp(-0.2 * root)) + np.e - waves)


def with_slope(v):
    """Rosenbrock and its gradient."""
    d = v[:, 1:] - v[:, :-1] ** 2
    slope = np.zeros_like(v)
    slope[:, 1:] -= 200 * d
    slope[:, :-1] += 400 * d * v[:, :-1] + 2 * (1 - v[:, :-1])
    return rosenbrock(v), slope


def all_of(search):
    """Return values, objectives and costs of a search."""
    parts = list(search)
    return tuple(np.concatenate([getattr(p, k) for p in parts]) for k in parts[0]._fields[:3])


class Counted:
    """A function that counts what it is asked."""

    def __init__(self, function):
        self.function, self.batches = function, []

    def __call__(self, values):
        self.batches.append(len(values))
        return self.function(values)


# --- DDS ----------------------------------------------------------------------------------


@given(st.data())
def test_dds_stays_within_bounds(data):
    n = data.draw(st.integers(1, 6))
    low = np.array(data.draw(st.lists(st.floats(-1e6, 1e6), min_size=n, max_size=n)))
    width = np.array(data.draw(st.lists(st.floats(1e-3, 1e6), min_size=n, max_size=n)))
    space = Space(tuple("abcdef"[:n]), low, low + width, low)
    best = space.from_unit(np.array(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n))))
    best = np.clip(best, space.lower, space.upper)
    steps = data.draw(st.integers(1, 50))
    step = data.draw(st.integers(1, steps))
    r = data.draw(st.floats(0.01, 5.0))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    new = neighbor(best, space, step, steps, r, rng)
    assert space.inside(new)


def test_dds_reflects_as_in_the_paper():
    space = space_of(5, 0.0, 1.0)
    new = reflect(np.array([0.4, -0.2, 1.3, -1.5, 2.5]), space)
    np.testing.assert_allclose(new, [0.4, 0.2, 0.7, 0.0, 1.0])


@pytest.mark.parametrize("step", [1, 10, 50, 100])
def test_dds_moves_as_many_parameters_as_defined(step):
    space, rng, n, draws = space_of(12), np.random.default_rng(0), 12, 2000
    best = np.zeros(n)
    moved = [np.sum(neighbor(best, space, step, 100, 0.2, rng) != best) for _ in range(draws)]
    chance = 1 - np.log(step) / np.log(100)
    expected = n * chance + (1 - chance) ** n  # one is moved if none is drawn
    # four standard errors of the mean of binomial numbers
    assert np.mean(moved) == pytest.approx(expected, abs=4 * np.sqrt(n / 4 / draws))
    assert np.min(moved) >= 1
    if step == 100:
        assert np.max(moved) == 1


def test_dds_perturbation_has_the_size_r():
    rng, best = np.random.default_rng(1), np.zeros(1)
    jumps = [neighbor(best, space_of(1), 1, 10, 0.03, rng)[0] for _ in range(4000)]
    assert np.std(jumps) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("exchange", [None, 1, 7])
def test_dds_goes_on_from_the_best(exchange):
    """Every set differs from the best of its chain, the last ones in one parameter."""
    space, chains, budget = space_of(6), 3, 121
    parts = list(dds(ackley, space, budget=budget, chains=chains, seed=4, exchange=exchange))
    assert sum(len(p.values) for p in parts) == budget
    first, best, rank = parts[0], {}, {}
    for c in range(chains):
        mine = first.chain == c
        best[c] = first.values[mine][np.argmax(first.objective[mine])]
        rank[c] = first.objective[mine].max()
    for step, part in enumerate(parts[1:], 1):
        for c, value, objective in zip(part.chain, part.values, part.objective, strict=True):
            assert np.sum(value != best[c]) >= 1
            if step == len(parts) - 1:
                assert np.sum(value != best[c]) == 1
            if objective >= rank[c]:
                best[c], rank[c] = value, objective
        if exchange is not None and step % exchange == 0:
            leader = max(rank, key=lambda c: rank[c])
            best = dict.fromkeys(best, best[leader])
            rank = dict.fromkeys(rank, rank[leader])


def test_dds_start():
    space = space_of(4)
    start = np.array([1.0, 2.0, -5.0, 5.0])
    first = next(dds(sphere, space, budget=20, chains=2, seed=0, start=start))
    np.testing.assert_array_equal(first.values, [start, start])
    own = np.stack([start, -start])
    first = next(dds(sphere, space, budget=20, chains=2, seed=0, start=own))
    np.testing.assert_array_equal(first.values, own)
    with pytest.raises(StudyError, match="outside the bounds of 'p1'"):
        next(dds(sphere, space, budget=20, chains=2, seed=0, start=[0, 6, 0, 0]))
    with pytest.raises(StudyError, match="shape"):
        next(dds(sphere, space, budget=20, chains=2, seed=0, start=[0, 0]))


def test_chains_without_exchange_do_not_know_each_other():
    """A chain is the same beside other chains that find other things."""
    space, start = space_of(5), np.zeros((3, 5))
    other = start.copy()
    other[1:] = 4.0
    one, two = (
        list(dds(ackley, space, budget=90, chains=3, seed=2, start=s, exchange=None))
        for s in (start, other)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.values[a.chain == 0], b.values[b.chain == 0])


# --- all that climb -----------------------------------------------------------------------

SEARCHES = {
    "dds": lambda f, seed=1: dds(f, space_of(5), budget=400, chains=4, seed=seed),
    "dds alone": lambda f, seed=1: dds(f, space_of(5), budget=400, chains=4, seed=seed, exchange=9),
    "sce": lambda f, seed=1: sce_ua(f, space_of(5), budget=400, complexes=3, seed=seed),
}
each_search = pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)


@each_search
@pytest.mark.parametrize("function", [sphere, rosenbrock, ackley])
def test_better_than_a_random_ensemble(search, function):
    """The same number of sets in a Latin hypercube, ten times over."""
    _, objective, cost = all_of(search(function))
    assert cost.sum() == len(objective) == 400
    ensemble = function(latin_hypercube(space_of(5), 4000, seed=9))
    assert objective.max() > expected_best(ensemble, [4000])[0]


def test_optima_are_found():
    found = all_of(dds(sphere, space_of(10), budget=4000, chains=8, seed=1))[1].max()
    assert found > -0.01
    found = all_of(sce_ua(rosenbrock, space_of(4), budget=6000, complexes=4, seed=1))[1].max()
    assert found > -1e-8
    found = all_of(sce_ua(ackley, space_of(4), budget=6000, complexes=4, seed=1))[1].max()
    assert found > -1e-4


@each_search
def test_bounds_seeds_and_batches(search):
    one, same, other = (all_of(search(ackley, seed)) for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[0], other[0])
    assert space_of(5).inside(one[0]).all()
    counted = Counted(ackley)
    all_of(search(counted))
    assert np.mean(counted.batches[1:]) > 2


@each_search
def test_failed_sets(search):
    def fails(v):
        return np.where(v[:, 0] < 0, np.nan, ackley(v))

    values, objective, cost = all_of(search(fails))
    assert cost.sum() == 400
    # they are no different from sets that are worse than all others
    poor = all_of(search(lambda v: np.nan_to_num(fails(v), nan=-1e100)))[0]
    np.testing.assert_array_equal(values, poor)
    assert np.isnan(objective).any()
    assert values[np.nanargmax(objective), 0] >= 0
    # sets that succeed are kept: most of the later ones do
    assert np.isnan(objective[300:]).mean() < np.isnan(objective[:100]).mean()
    assert np.nanmax(objective[200:]) > np.nanmax(objective[:50])


@each_search
@pytest.mark.parametrize("worthless", [np.nan, -np.inf, np.inf])
def test_nothing_but_failed_sets(search, worthless):
    _, objective, _ = all_of(search(lambda v: np.full(len(v), worthless)))
    assert len(objective) == 400


@each_search
def test_wrong_shape_of_the_answer(search):
    with pytest.raises(ValueError, match="shape"):
        all_of(search(lambda v: v))


# --- SCE-UA -------------------------------------------------------------------------------


def serial_spotpy(function, space, seed, repetitions):
    """What spotpy itself evaluates, in order."""
    import spotpy

    asked = []

    class Setup:
        def __init__(self):
            bounds = {"low": 0, "high": 1, "minbound": 0, "maxbound": 1}
            self.parameters = [
                spotpy.parameter.Uniform(n, step=0.1, optguess=0.5, **bounds) for n in space.names
            ]

        def simulation(self, x):
            asked.append(space.from_unit(np.array(list(x))))
            return [-function(asked[-1][None])[0]]

        def evaluation(self):
            return [0.0]

        def objectivefunction(self, simulation, evaluation, params=None):
            return simulation[0]

    state = np.random.get_state()  # noqa: NPY002
    with contextlib.redirect_stdout(io.StringIO()):
        spotpy.algorithms.sceua(Setup(), dbformat="ram", save_sim=False, random_state=seed).sample(
            repetitions, ngs=1
        )
    np.random.set_state(state)  # noqa: NPY002
    return np.array(asked)


def test_one_complex_is_what_spotpy_does():
    space = space_of(3)
    theirs = serial_spotpy(rosenbrock, space, 11, 300)[:150]
    ours = all_of(sce_ua(rosenbrock, space, budget=150, complexes=1, seed=11))[0]
    np.testing.assert_array_equal(ours, theirs)


def test_sce_asks_all_complexes_at_once():
    counted = Counted(rosenbrock)
    parts = list(sce_ua(counted, space_of(3), budget=500, complexes=6, seed=0))
    assert counted.batches[:4] == [42, 6, 6, 6]
    assert (parts[0].chain == -1).all()
    assert parts[1].chain.tolist() == [0, 1, 2, 3, 4, 5]
    assert sum(counted.batches) == 500


def test_complexes_evolve_from_their_own_sets():
    """In the first round: reflections and contractions of three of their sets, as defined."""
    explained = []
    for seed in range(10):
        first, *rest = sce_ua(sphere, space_of(2), budget=60, complexes=2, seed=seed)
        order = np.argsort(-first.objective, kind="stable")
        pools = [[*zip(first.values[k], first.objective[k], strict=True)]
                 for k in (order[0::2], order[1::2])]  # fmt: skip
        for part in rest[:5]:  # five steps of a complex of five sets, at least
            for c, value, objective in zip(part.chain, part.values, part.objective, strict=True):
                possible = []
                for three in itertools.combinations(pools[c], 3):
                    a, b, worst = (v for v, _ in sorted(three, key=lambda one: -one[1]))
                    center = (a + b) / 2
                    possible += [2 * center - worst, (center + worst) / 2]
                known = np.isclose(possible, value, atol=1e-12).all(axis=1).any()
                explained += [known] if c == 0 else []
                pools[c].append((value, objective))
    # the others are drawn at random, where a reflection left the bounds
    assert np.mean(explained) > 0.65  # of mixed-up complexes: 0.5


def test_sce_ends_when_it_has_converged():
    _, objective, _ = all_of(sce_ua(sphere, space_of(2), budget=50_000, complexes=2, seed=0))
    assert len(objective) < 5000
    assert objective.max() > -1e-10


def test_sce_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    threads = threading.active_count()

    def draws(v):
        return ackley(v) + 0 * np.random.random()  # noqa: NPY002

    np.random.seed(5)  # noqa: NPY002
    batches = len(list(sce_ua(draws, space_of(3), budget=200, complexes=3, seed=0)))
    after = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    assert np.random.random(batches + 1)[-1] == after  # noqa: NPY002
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr() == ("", "")

    search = sce_ua(ackley, space_of(3), budget=200, complexes=3, seed=0)
    for _ in range(5):
        next(search)
    search.close()

    def breaks(v):
        if len(v) == 3:
            raise OSError("no model")
        return ackley(v)

    with pytest.raises(OSError, match="no model"):
        list(sce_ua(breaks, space_of(3), budget=200, complexes=3, seed=0))
    assert threading.active_count() == threads


def test_coroutine_raises_here_what_is_raised_there():
    def breaks(ask):
        return 1 / ask("number")

    one = Coroutine(breaks)
    assert one.send() == Asked("number")
    with pytest.raises(ZeroDivisionError):
        one.send(0)
    one.close()
    two = Coroutine(breaks)
    two.close()  # never begun
    assert Coroutine(lambda ask: 3).send() == Ended(3)


# --- ascent -------------------------------------------------------------------------------


def test_ascent_finds_the_top():
    search = ascend(
        with_slope, space_of(3), starts=12, steps=800, learning_rate=0.05, seed=0,
        cost_of_gradient=3,
    )  # fmt: skip
    values, objective, cost = all_of(search)
    assert cost.sum() == 12 * 800 * 3
    assert objective.max() > -1e-3
    np.testing.assert_allclose(values[np.argmax(objective)], 1.0, atol=0.05)
    assert space_of(3).inside(values).all()


def test_first_step_of_adam_has_the_learning_rate_and_the_sign_of_the_gradient():
    """Of the gradient by the transformed position, which rises with the value."""
    space = space_of(4, -2.0, 3.0)
    first, second = ascend(
        with_slope, space, starts=5, steps=2, learning_rate=0.02, seed=3, cost_of_gradient=3
    )
    moved = logit(space.to_unit(second.values)) - logit(space.to_unit(first.values))
    np.testing.assert_allclose(moved, 0.02 * np.sign(first.gradient), rtol=1e-6)


def test_steps_are_those_of_the_transformed_gradient():
    """Two steps of Adam by hand, on a gradient that the transformation changes in size."""
    space = space_of(1, 0.0, 4.0)

    def slope(v):
        return v[:, 0] ** 2, 2 * v

    steps = list(
        ascend(
            slope, space, starts=np.array([[0.5]]), steps=3, learning_rate=0.5, seed=0,
            cost_of_gradient=2,
        )
    )  # fmt: skip
    z, m, s = logit(0.125), 0.0, 0.0
    for t, step in enumerate(steps, 1):
        u = 1 / (1 + np.exp(-z))
        assert step.values[0, 0] == pytest.approx(4 * u, rel=1e-12)
        g = 2 * (4 * u) * 4 * u * (1 - u)
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        z += 0.5 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)


def test_ascent_from_the_best_of_a_hypercube():
    space = space_of(3)
    search = ascend(
        with_slope, space, starts=4, steps=5, learning_rate=0.05, seed=6, cost_of_gradient=3,
        evaluate=rosenbrock, preselect=50,
    )  # fmt: skip
    first, second, *rest = search
    assert first.cost.tolist() == [1.0] * 50
    assert len(rest) == 4
    best = first.values[np.argsort(-first.objective)[:4]]
    np.testing.assert_allclose(second.values, best, atol=0.02)  # starts keep off the bounds
    with pytest.raises(StudyError, match="best of 3 sets"):
        next(
            ascend(
                with_slope, space, starts=4, steps=5, learning_rate=0.05, seed=6,
                cost_of_gradient=3, evaluate=rosenbrock, preselect=3,
            )
        )  # fmt: skip


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e40])
def test_broken_gradients_end_their_start_only(value):
    def breaks(v):
        objective, slope = with_slope(v)
        slope[v[:, 0] < 0, 1] = value
        return objective, slope

    kw = {"steps": 30, "learning_rate": 0.05, "seed": 0, "cost_of_gradient": 3}
    parts = list(ascend(breaks, space_of(3), starts=10, **kw))
    lost = np.flatnonzero(parts[0].values[:, 0] < 0)
    assert 0 < len(lost) < 10
    assert f"{len(lost)} of 10 starts ended at step 0" in parts[0].told
    assert str(lost[0]) in parts[0].told
    assert not np.isin(parts[1].chain, lost).any()
    whole = list(ascend(with_slope, space_of(3), starts=10, **kw))
    alive = parts[-1].chain
    # the others climb as if nothing had happened
    np.testing.assert_array_equal(parts[-1].values, whole[-1].values[np.isin(range(10), alive)])


def test_ascent_ends_when_all_starts_are_broken():
    def breaks(v):
        return np.full(len(v), np.nan), np.full(v.shape, np.nan)

    parts = list(
        ascend(
            breaks, space_of(3), starts=4, steps=9, learning_rate=0.1, seed=0, cost_of_gradient=3
        )
    )
    assert len(parts) == 1
    assert "4 of 4 starts" in parts[0].told


def test_given_starts_must_fit():
    kw = {"steps": 2, "learning_rate": 0.1, "seed": 0, "cost_of_gradient": 1}
    with pytest.raises(StudyError, match="start 1 lies outside the bounds of 'p2'"):
        next(ascend(with_slope, space_of(3), starts=np.diag([1.0, 1.0, 9.0])[1:], **kw))
    with pytest.raises(StudyError, match="rows of 3 parameters"):
        next(ascend(with_slope, space_of(3), starts=np.zeros((2, 2)), **kw))


# --- ES-MDA -------------------------------------------------------------------------------

WEIGHTS = np.random.default_rng(0).normal(size=(60, 4)) * 0.3


def linear(v):
    """Linear in standard normal numbers, of which the parameters are the probabilities."""
    return ndtri(v) @ WEIGHTS.T


def linear_problem(sigma):
    rng = np.random.default_rng(1)
    observed = WEIGHTS @ np.array([0.5, -1.0, 0.2, 1.5]) + sigma * rng.normal(size=60)
    covariance = np.linalg.inv(np.eye(4) + WEIGHTS.T @ WEIGHTS / sigma**2)
    return observed, covariance @ WEIGHTS.T @ observed / sigma**2, covariance


@pytest.mark.parametrize("inflation", [None, [8.0, 4.0, 8.0, 2.0], [1.0]])
def test_smoother_has_the_exact_posterior_of_a_linear_model(inflation):
    observed, mean, covariance = linear_problem(0.8)
    *_, last = es_mda(
        linear, space_of(4, 0.0, 1.0), observed, 0.8, members=2000, seed=3, inflation=inflation
    )
    z = ndtri(last.values)
    spread = np.sqrt(np.diag(covariance))
    # an ensemble of n has errors of 1 / sqrt(n) in mean and spread, and again in each gain
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=4 * spread.max() / np.sqrt(2000) * 2)
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.12 * spread.max() ** 2)
    assert np.isnan(last.alpha)


def test_update_is_the_dense_formula():
    rng = np.random.default_rng(5)
    z, response = rng.normal(size=(20, 3)), rng.normal(size=(20, 7))
    observed, noise, alpha = rng.normal(size=7), rng.normal(size=(20, 7)), 3.0
    c = np.cov(np.hstack([z, response]).T)
    gain = c[:3, 3:] @ np.linalg.inv(c[3:, 3:] + alpha * np.eye(7))
    expected = z + (observed + np.sqrt(alpha) * noise - response) @ gain.T
    np.testing.assert_allclose(update(z, response, observed, alpha, noise, 1.0), expected)


def test_thousands_of_observations():
    """Eight thousand counts and a hundred members, of which some fail."""
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(8000, 5))
    truth = np.array([0.3, -0.7, 1.0, 0.0, -1.2])
    observed = weights @ truth + rng.normal(size=8000) * 5.0
    observed[::7] = np.nan
    parts = list(
        es_mda(lambda v: ndtri(v) @ weights.T, space_of(5, 0.0, 1.0), observed, 5.0,
               members=100, seed=0)
    )  # fmt: skip
    assert [p.iteration for p in parts] == [0, 1, 2, 3, 4]
    z = ndtri(parts[-1].values)
    # exact spread: 5 / sqrt(6857) = 0.06
    np.testing.assert_allclose(z.mean(axis=0), truth, atol=0.25)
    medians = [np.median(p.objective) for p in parts]
    assert medians == sorted(medians)


def test_failed_members_are_redrawn_from_the_others():
    observed, mean, covariance = linear_problem(0.8)
    rng = np.random.default_rng(7)

    def fails(v):
        predicted = linear(v)
        predicted[rng.random(len(v)) < 0.3, 11] = np.nan
        return predicted

    parts = list(es_mda(fails, space_of(4, 0.0, 1.0), observed, 0.8, members=2000, seed=3))
    z, spread = ndtri(parts[-1].values), np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=0.2 * spread.max())
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.2 * spread.max() ** 2)
    assert len(np.unique(z, axis=0)) == 2000
    assert 0.25 < np.isnan(parts[0].objective).mean() < 0.35
    assert "members of the smoother failed after 0 updates" in parts[0].told


def test_smoother_refuses():
    space, kw = space_of(4, 0.0, 1.0), {"members": 40, "seed": 0}
    with pytest.raises(StudyError, match=r"add up to 0\.5"):
        next(es_mda(linear, space, np.zeros(60), 1.0, inflation=[4.0, 4.0], **kw))
    with pytest.raises(DataError, match="all are missing"):
        next(es_mda(linear, space, np.full(60, np.nan), 1.0, **kw))
    with pytest.raises(DataError, match="not positive"):
        next(es_mda(linear, space, np.zeros(60), 0.0, **kw))
    with pytest.raises(StudyError, match="energy"):
        next(es_mda(linear, space, np.zeros(60), 1.0, energy=0.0, **kw))
    with pytest.raises(RunError, match="only 0 of 40 members"):
        list(es_mda(lambda v: linear(v) * np.nan, space, np.zeros(60), 1.0, **kw))
    with pytest.raises(ValueError, match="predictions"):
        next(es_mda(lambda v: v, space, np.zeros(60), 1.0, **kw))


# --- NUTS ---------------------------------------------------------------------------------


def test_nuts_samples_a_gaussian():
    mean, covariance = np.array([1.0, -2.0]), np.array([[1.0, 0.6], [0.6, 2.0]])
    precision = jnp.asarray(np.linalg.inv(covariance))

    def log_density(v):
        d = v - mean
        return jnp.where(v[0] > 9.0, jnp.nan, -0.5 * d @ precision @ d)

    kw = {"warmup": 200, "samples": 800, "chains": 3, "candidates": 8, "seed": 0}
    one, same = (nuts(log_density, space_of(2, -10, 10), **kw) for _ in range(2))
    assert one.values.shape == (3, 800, 2)
    flat = one.values.reshape(-1, 2)
    # four standard errors of so many independent draws
    assert one.ess.min() > 400
    error = 4 * np.sqrt(np.diag(covariance) / one.ess)
    assert (np.abs(flat.mean(axis=0) - mean) < error).all()
    np.testing.assert_allclose(np.cov(flat.T), covariance, atol=4 * 2.0 * np.sqrt(2 / 400))
    assert one.divergences.tolist() == [0, 0, 0]
    assert (np.abs(one.r_hat - 1) < 0.02).all()
    assert (one.cost > 1000).all()
    np.testing.assert_array_equal(one.values, same.values)
    d = one.values - mean
    expected = -0.5 * np.einsum("cdi,ij,cdj->cd", d, precision, d)
    np.testing.assert_allclose(one.log_likelihood, expected, rtol=1e-6, atol=1e-9)


def test_nuts_knows_the_prior():
    """Without information the samples are uniform; of one chain."""
    found = nuts(
        lambda v: 0.0 * v[0], space_of(1, 2.0, 4.0), warmup=200, samples=2000, chains=1, seed=0
    )
    assert found.values.shape == (1, 2000, 1)
    quantiles = np.quantile(found.values, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles, [2.2, 3.0, 3.8], atol=0.15)


def test_nuts_refuses():
    kw = {"warmup": 10, "samples": 10, "chains": 2, "seed": 0}
    with pytest.raises(RunError, match="not a number at all 64 sets"):
        nuts(lambda v: jnp.nan * v[0], space_of(2), **kw)
    with pytest.raises(StudyError, match="at least 4"):
        nuts(lambda v: v[0], space_of(2), **kw | {"samples": 3})


# --- going on after a stop ----------------------------------------------------------------


def run_ascent(replay, seed):
    return ascend(
        replay.with_gradient, space_of(5), starts=6, steps=20, learning_rate=0.1, seed=seed,
        cost_of_gradient=3, evaluate=replay, preselect=30,
    )  # fmt: skip


def run_smoother(replay, seed):
    observed = linear_problem(0.8)[0]
    return es_mda(replay, space_of(4, 0.0, 1.0), observed, 0.8, members=50, seed=seed)


def with_gaps(v):
    """Rosenbrock with failed sets."""
    return np.where(v.sum(axis=1) > 8, np.nan, rosenbrock(v))


STOPPED = {name: (lambda replay, seed, s=s: s(replay, seed), with_gaps, None)
           for name, s in SEARCHES.items()}  # fmt: skip
STOPPED |= {
    "ascent": (run_ascent, rosenbrock, with_slope),
    "smoother": (run_smoother, linear, None),
}


def record_of(parts):
    """What a study keeps of a search."""
    values = np.concatenate([p.values for p in parts])
    answers = [getattr(p, "predicted", p.objective) for p in parts]
    slopes = [getattr(p, "gradient", None) for p in parts]
    slopes = [
        np.full(p.values.shape, np.nan) if s is None else s
        for p, s in zip(parts, slopes, strict=True)
    ]
    return values, np.concatenate(answers), np.concatenate(slopes)


@pytest.mark.parametrize("name", STOPPED)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.41, 0.77, 1.0])
def test_goes_on_to_the_same_result(name, share):
    """After a stop anywhere, also within a batch, and without running anything twice."""
    run, function, slope = STOPPED[name]
    nothing = np.zeros((0, 4 if name == "smoother" else 5))
    answers = np.zeros((0, 60)) if name == "smoother" else np.zeros(0)
    whole = list(run(Replay(function, nothing, answers, nothing, slope), 1))
    values, answers, slopes = record_of(whole)
    cut = round(share * len(values)) + (1 if 0 < share < 1 else 0)
    counted, counted_slope = Counted(function), Counted(slope)
    replay = Replay(counted, values[:cut], answers[:cut], slopes[:cut], counted_slope)
    again = list(run(replay, 1))
    assert replay.left == 0
    assert sum(counted.batches) + sum(counted_slope.batches) == len(values) - cut
    assert len(again) == len(whole)
    for a, b in zip(again, whole, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)

    if 0 < share < 1:
        with pytest.raises(RunError, match="set 0 of the record"):
            list(run(Replay(function, values[:cut], answers[:cut], slopes[:cut], slope), 2))
        other = values[:cut].copy()
        other[-1, 0] = np.nextafter(other[-1, 0], np.inf)
        with pytest.raises(RunError, match=f"set {cut - 1} of the record"):
            list(run(Replay(function, other, answers[:cut], slopes[:cut], slope), 1))


def test_records_that_do_not_fit():
    with pytest.raises(RunError, match="incomplete"):
        Replay(sphere, np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(RunError, match="set 0 of the record"):
        Replay(sphere, np.zeros((3, 2)), np.zeros(3))(np.zeros((3, 5)))
    with pytest.raises(RunError, match="no gradients"):
        Replay(None, np.zeros((3, 2)), np.zeros(3)).with_gradient(np.zeros((1, 2)))
    with pytest.raises(TypeError, match="no function"):
        Replay(None, np.zeros((1, 2)), np.zeros(1))(np.zeros((2, 2)))


# --- curves -------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-100, 100), st.just(float("nan"))), min_size=1, max_size=7).filter(
        lambda x: np.isfinite(x).any()
    )
)
def test_expected_best_is_the_mean_over_all_samples(objective):
    n = len(objective)
    for size, found in enumerate(expected_best(objective, range(1, n + 1)), 1):
        best = [
            np.nanmax(sample)
            for sample in itertools.combinations(objective, size)
            if np.isfinite(sample).any()
        ]
        assert found == pytest.approx(np.mean(best), abs=1e-9)


def test_expected_best_of_a_large_ensemble():
    """Of N uniform numbers in even steps: n (N + 1) / (n + 1)."""
    total, sizes = 100_000, np.array([1, 10, 1000, 99_999, 100_000])
    found = expected_best(np.random.default_rng(0).permutation(np.arange(1, total + 1)), sizes)
    np.testing.assert_allclose(found, sizes * (total + 1) / (sizes + 1), rtol=1e-8)


@pytest.mark.parametrize("worthless", [np.nan, np.inf, -np.inf])
def test_failed_sets_are_never_the_best(worthless):
    runs, best = best_so_far([worthless, 0.5, worthless, 0.7], [1, 1, 4, 1])
    assert runs.tolist() == [1, 2, 6, 7]
    np.testing.assert_array_equal(best, [np.nan, 0.5, 0.5, 0.7])
    assert expected_best([worthless, 0.5, 0.7], [3])[0] == 0.7


def test_curves_refuse():
    with pytest.raises(DataError, match="all 2 parameter sets failed"):
        expected_best([np.nan, np.nan], [1])
    for sizes in ([0, 1], [1, 4]):
        with pytest.raises(DataError, match="the ensemble has 3"):
            expected_best([1.0, 2.0, 3.0], sizes)
    with pytest.raises(ValueError, match="one row"):
        best_so_far([1.0, 2.0], [1.0])


# --- bad input ----------------------------------------------------------------------------


def test_budgets_that_are_too_small():
    with pytest.raises(StudyError, match="each needs at least 6"):
        next(dds(sphere, space_of(2), budget=50, chains=10, seed=0))
    with pytest.raises(StudyError, match="more than the 50 evaluations"):
        next(sce_ua(sphere, space_of(2), budget=50, complexes=10, seed=0))
    with pytest.raises(StudyError, match="r of the dynamically"):
        next(dds(sphere, space_of(2), budget=50, chains=1, seed=0, r=0.0))
    with pytest.raises(StudyError, match="chains: 0"):
        next(dds(sphere, space_of(2), budget=50, chains=0, seed=0))
    with pytest.raises(StudyError, match="exchange: 0"):
        next(dds(sphere, space_of(2), budget=50, chains=1, seed=0, exchange=0))
    with pytest.raises(StudyError, match="2 members of the smoother: at least 3"):
        next(es_mda(linear, space_of(4), np.zeros(60), 1.0, members=2, seed=0))


@pytest.mark.parametrize("started", [False, True])
@given(budget=st.integers(1, 300), chains=st.integers(1, 40))
def test_budgets_of_dds(started, budget, chains):
    """What is refused beforehand is what is refused by the search; what is not is all spent."""
    start = np.zeros(2) if started else None
    search = dds(sphere, space_of(2), budget=budget, chains=chains, seed=0, start=start)
    if budget // chains < (2 if started else 6):
        with pytest.raises(StudyError, match="take fewer chains") as one:
            first_of_chain(budget, chains, started=started)
        with pytest.raises(StudyError) as other:
            next(search)
        assert str(other.value) == str(one.value)
        return
    first = first_of_chain(budget, chains, started=started)
    parts = list(search)
    assert len(parts[0].values) == chains * first
    assert sum(len(part.values) for part in parts) == budget
    assert set(parts[1].chain) == set(range(chains))


def test_budgets_are_known_beforehand():
    assert first_of_complexes(51, 10, 2) == 50
    with pytest.raises(StudyError, match="more than the 50 evaluations"):
        first_of_complexes(50, 10, 2)
    assert [steps_of_starts(budget, 8, 4.0) for budget in (32, 63, 64)] == [1, 1, 2]
    with pytest.raises(StudyError, match="one gradient of each costs 32"):
        steps_of_starts(31, 8, 4.0)
    require_members(27, 26)
    with pytest.raises(StudyError, match="26 members of the smoother for 26 parameters: at least"):
        require_members(26, 26)


@pytest.mark.parametrize(
    ("module", "search"),
    [
        ("spotpy", lambda: next(sce_ua(sphere, space_of(2), budget=50, complexes=1, seed=0))),
        (
            "numpyro",
            lambda: nuts(lambda v: v[0], space_of(2), warmup=1, samples=4, chains=1, seed=0),
        ),
    ],
)
def test_library_missing(module, search, monkeypatch):
    for name in [module, *(n for n in sys.modules if n.startswith(f"{module}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StudyError, match=rf"'{module}' is not installed: pip install 'rootzone\["):
        search()
