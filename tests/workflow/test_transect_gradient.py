"""The objective of a transect study as a differentiable function of the searched parameters."""

import shutil

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rootzone
from rootzone.calibrate.objectives import Objective
from rootzone.calibrate.problem import Aim
from rootzone.simulate.catchment_gradient import (
    _holds_tables,
    _Program,
    of_one_set,
    value_and_gradient,
    values_at_places,
)
from rootzone.studies.context import Context
from rootzone.studies.transect_input import prepare
from rootzone.studies.transect_target import Target

STUDY = {
    "kind": "transect",
    "precision": "float64",
    "source": {
        "method": "synthetic",
        "preset": "rail_valley",
        "start": "2021-05-01",
        "days": 60,
    },
    "period": {"warm_up_days": 20},
    "observations": {"method": "twin"},
    "search": {
        "ensemble": {"sets": 16},
        "sensitivity": False,
        "beside": [
            {"method": "gradient", "budget": 64, "starts": 8, "cost": 4},
            {"method": "sce_ua", "budget": 80, "complexes": 2},
        ],
        "parameters": {
            "preset": "none",
            "add": ["PTF_lower66_5_constant", "infiltrationShapeFactor", "Desilets_LW0"],
        },
        "beside_for": "meadow",
    },
}


@pytest.fixture(scope="module")
def target() -> Target:
    study = rootzone.load_study(STUDY)
    with jax.enable_x64(True):
        prepared = prepare(study, Context())
        aim = Aim(Objective("nse", ("meadow",)), {"counts": 1.0})
        return Target(study, prepared, "meadow", aim)


def test_gradient_is_the_finite_difference(target):
    problem = target.problem
    with jax.enable_x64(True):
        both = gradient_of(target)
        unit = np.array([[0.4, 0.3, 0.6], [0.6, 0.5, 0.3]])
        values = problem.space.from_unit(unit)
        objective, gradient = both(values)
        np.testing.assert_allclose(objective, target.evaluate(values), rtol=1e-5)
        for p in range(3):
            step = 1e-5 * (problem.space.upper[p] - problem.space.lower[p])
            sides = []
            for sign in (1.0, -1.0):
                moved = values.copy()
                moved[:, p] += sign * step
                sides.append(both(moved)[0])
            slope = (sides[0] - sides[1]) / (2 * step)
            np.testing.assert_allclose(gradient[:, p], slope, rtol=2e-3, atol=1e-6)


def gradient_of(target):
    problem = target.problem
    return value_and_gradient(
        problem.simulator, problem.calibration.all_values, target.aim.traced(problem)
    )


def test_sets_do_not_know_each_other(target, monkeypatch):
    """A set has the same gradient in any company, in any part, on any device."""
    space = target.problem.space
    values = space.from_unit(np.random.default_rng(1).uniform(0.1, 0.9, (11, len(space))))
    cells = target.problem.simulator.catchment.cells
    monkeypatch.setattr("rootzone.simulate.catchment_gradient.COLUMNS", 4 * cells)
    with jax.enable_x64(True):
        both = gradient_of(target)
        objective, gradient = both(values)
        assert objective.shape == (11,)
        assert gradient.shape == (11, len(space))
        assert (np.abs(gradient) > 0).any(axis=0).all()
        for some in ([2], [10, 0, 7], [*range(10, -1, -1)]):
            one, slope = both(values[some])
            np.testing.assert_allclose(one, objective[some], rtol=1e-12)
            np.testing.assert_allclose(slope, gradient[some], rtol=1e-9, atol=1e-12)


def test_a_failed_set_leaves_the_others_alone(target):
    space = target.problem.space
    values = space.from_unit(np.array([[0.4, 0.3, 0.6], [0.6, 0.5, 0.3]]))
    with jax.enable_x64(True):
        both = gradient_of(target)
        good = both(values)
        broken = values.copy()
        broken[1, 1] = np.nan
        found = both(broken)
        assert np.isnan(found[0][1])
        np.testing.assert_allclose(found[0][0], good[0][0], rtol=1e-12)
        np.testing.assert_allclose(found[1][0], good[1][0], rtol=1e-9)


def test_one_set_is_one_of_many(target):
    """For samplers: value and gradient under vmap, nested too, are those of the batch."""
    problem = target.problem
    parts = problem.simulator, problem.calibration.all_values, target.aim.traced(problem)
    values = problem.space.from_unit(np.array([[0.4, 0.3, 0.6], [0.6, 0.5, 0.3]]))
    with jax.enable_x64(True):
        objective, gradient = value_and_gradient(*parts)(values)
        one = of_one_set(*parts)
        found, slope = jax.jit(jax.vmap(jax.value_and_grad(one)))(values)
        np.testing.assert_allclose(found, objective, rtol=1e-12)
        np.testing.assert_allclose(slope, gradient, rtol=1e-9, atol=1e-12)
        nested = jax.jit(jax.vmap(jax.vmap(one)))(values[:, None])
        np.testing.assert_allclose(nested[:, 0], objective, rtol=1e-12)


def test_days_are_one_function(target):
    """What makes a gradient cheap is asked of the compiler, for the days forth and back."""
    problem = target.problem
    with jax.enable_x64(True):
        values = jnp.asarray(problem.calibration.all_values(problem.space.default[None]))

        def total(simulator, values, in_one):
            return jnp.sum(values_at_places(simulator, values, in_one=in_one)["counts"])

        slope = eqx.filter_jit(eqx.filter_grad(lambda v, s, in_one: total(s, v, in_one)))
        texts = [slope.lower(values, problem.simulator, one).as_text() for one in (True, False)]
    marks = [text.count('xla_cpu_small_call = "true"') for text in texts]
    assert marks[0] >= 2
    assert marks[1] == 0


@pytest.mark.parametrize(
    ("function", "tables"),
    [
        (lambda x: 2.0 * x + np.float64(3.0), False),
        (lambda x: jnp.cumsum(x) * jnp.arange(3), False),
        (lambda x: x * np.array([1.0, 2.0, 3.0]), True),
        (jax.jit(lambda x: x * np.array([1.0, 2.0, 3.0])), True),
        (lambda x: jax.lax.scan(lambda c, _: (c * np.arange(3.0), None), x, length=2)[0], True),
        (lambda x: jax.lax.cond(x[0] > 0, lambda y: y, lambda y: y + np.arange(3.0), x), True),
    ],
)
def test_tables_are_seen(function, tables):
    """Functions with tables of their own end the process when they are compiled as one."""
    assert _holds_tables(jax.make_jaxpr(function)(jnp.ones(3))) == tables


def test_programs_that_cannot_be_one_function_are_many():
    asked = []

    def function(simulator, searched, in_one):
        del simulator
        asked.append(in_one)
        if in_one:
            raise jax.errors.JaxRuntimeError("UNIMPLEMENTED: Fusion kind not implemented on CPU")
        return searched

    program = _Program(function)
    assert [program(None, n) for n in (1, 2)] == [1, 2]
    assert asked == [True, False, False]

    def out_of_memory(simulator, searched, in_one):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    with pytest.raises(jax.errors.JaxRuntimeError, match="out of memory"):
        _Program(out_of_memory)(None, 1)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> rootzone.studies.RunResult:
    return rootzone.run(STUDY, out=tmp_path_factory.mktemp("gradient") / "run")


def test_searches_by_gradient_and_complexes_stand_in_the_table(done):
    table = {row["search"]: row for row in done.summary["searches"]}
    assert {"gradient ascent", "SCE-UA"} < set(table)
    assert table["gradient ascent"]["runs"] == 64
    best = done["searches"]["best"].max("step")
    for name in ("gradient ascent", "SCE-UA"):
        assert table[name]["objective"] == pytest.approx(float(best.sel(search=name)))
        assert table[name]["true_nse"] > 0


def test_a_search_goes_on_from_its_record(tmp_path, done):
    """A search that was stopped ends with the result of one that was not."""
    part = tmp_path / "part"
    shutil.copytree(done.folder, part)
    (part / "summary.json").unlink()
    (record,) = (part / "searches").glob("gradient_*")
    sorted(record.glob("*.npz"))[-1].unlink()
    again = rootzone.run(STUDY, out=part, resume=True)
    np.testing.assert_array_equal(again["searches"]["best"], done["searches"]["best"])
