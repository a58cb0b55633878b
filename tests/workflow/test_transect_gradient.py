"""The objective of a transect study as a differentiable function of the searched parameters."""

import shutil

import jax
import numpy as np
import pytest

import rootzone
from rootzone.calibrate.objectives import Objective
from rootzone.calibrate.problem import Aim
from rootzone.simulate.catchment_gradient import value_and_gradient
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
        both = value_and_gradient(
            problem.simulator, problem.calibration.all_values, target.aim.traced(problem)
        )
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
    batches = sorted((part / "searches" / "1_gradient").glob("*.npz"))
    batches[-1].unlink()
    again = rootzone.run(STUDY, out=part, resume=True)
    np.testing.assert_array_equal(again["searches"]["best"], done["searches"]["best"])
