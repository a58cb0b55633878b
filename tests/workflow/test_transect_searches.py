"""Searches beside the ensemble: nothing found, draws that are kept, names in the table."""

import jax
import numpy as np
import pytest

import rootzone
from rootzone.calibrate.objectives import Objective
from rootzone.calibrate.problem import Aim
from rootzone.calibrate.searches import Sampled
from rootzone.config.transect_search import Dds, Nuts, Smoother
from rootzone.core import StudyError
from rootzone.data.search_record import Record
from rootzone.studies import transect_searches
from rootzone.studies.context import Context
from rootzone.studies.transect_input import prepare
from rootzone.studies.transect_searches import GRADIENT_COST, run_search
from rootzone.studies.transect_target import Target

STUDY = {
    "kind": "transect",
    "source": {"method": "synthetic", "preset": "rail_valley", "start": "2021-05-01", "days": 40},
    "period": {"warm_up_days": 20},
    "observations": {"method": "twin"},
    "search": {
        "ensemble": {"sets": 16},
        "sensitivity": False,
        "parameters": {
            "preset": "none",
            "add": ["PTF_lower66_5_constant", "infiltrationShapeFactor", "Desilets_LW0"],
        },
        "beside": [{"method": "dds", "budget": 24, "chains": n} for n in (2, 4)],
        "beside_for": "meadow",
    },
}


@pytest.fixture(scope="module", autouse=True)
def _one_device():
    """Start JAX with one device: a run makes one of every core, and compiles for each."""
    jax.devices()


@pytest.fixture(scope="module")
def target() -> Target:
    study = rootzone.load_study(STUDY)
    with jax.enable_x64(False):
        prepared = prepare(study, Context())
        return Target(study, prepared, "meadow", Aim(Objective("nse", ("meadow",)), {"counts": 1}))


def record_of(path, target) -> Record:
    names = target.problem.space.names
    return Record.create(path, recipe={"a": 1}, made_with="test", parameters=names)


@pytest.mark.parametrize(
    "settings",
    [
        Dds(method="dds", budget=24, chains=2),
        Smoother(method="es_mda", members=12, assimilations=1),
    ],
)
def test_a_search_that_finds_nothing_says_so(target, settings, monkeypatch):
    monkeypatch.setattr(Target, "evaluate", lambda self, values: np.full(len(values), np.inf))
    monkeypatch.setattr(
        transect_searches, "_objective_of", lambda t, predicted, _: np.full(len(predicted), np.nan)
    )
    found = run_search(settings, target, target.problem.space.default, None, Context())
    assert np.isnan(found.objective)
    assert found.truth is None
    assert np.isnan(found.curve[1]).all()
    assert found.told == (f"all {found.curve[0][-1]:.0f} sets failed: nothing was found",)
    assert found.row()["runs"] == 24


def test_draws_of_a_sampler_are_kept(target, tmp_path, monkeypatch):
    """Sampled once; all that draws take is paid before the best of them is known."""
    asked = []

    def sampler(log_likelihood, space, *, warmup, samples, chains, seed):
        asked.append(space.names)
        assert np.isfinite(
            float(jax.jit(log_likelihood)(space.from_unit(np.full(len(space), 0.5))))
        )
        unit = np.random.default_rng(seed).random((chains, samples, len(space)))
        values = space.from_unit(unit)
        likelihood = -np.sum((unit - 0.5) ** 2, axis=-1)
        spent, runs, one = np.full(chains, 50.0), np.full(chains, 70.0), np.ones(len(space))
        return Sampled(values, likelihood, np.zeros(chains, int), one, one, spent, runs)

    monkeypatch.setattr(transect_searches, "nuts", sampler)
    names = ["Desilets_LW0", "infiltrationShapeFactor"]
    settings = Nuts(method="nuts", parameters=names, warmup=10, samples=60, chains=2)
    space = target.problem.space
    best = space.from_unit(np.full(3, 0.4))
    one, same = (
        run_search(settings, target, best, record_of(tmp_path / "nuts", target), Context())
        for _ in range(2)
    )
    assert asked == [tuple(names)]
    np.testing.assert_array_equal(one.posterior, same.posterior)
    assert one.posterior.shape == (120, 2)
    assert one.curve[0][0] == pytest.approx(100 * GRADIENT_COST + 140 + 1)
    assert one.curve[0][-1] == pytest.approx(100 * GRADIENT_COST + 140 + 100)
    # what is not sampled stays, what is sampled comes back in its own place
    assert one.best[space.position("PTF_lower66_5_constant")] == best[0]
    at = [space.position(name) for name in names]
    assert (one.posterior == one.best[at]).all(axis=1).any()
    assert one.objective == pytest.approx(float(target.evaluate(one.best[None])[0]))
    assert one.row() | {"seconds": 0.0} == same.row() | {"seconds": 0.0}


def test_searches_of_one_kind_have_names_of_their_own(tmp_path):
    done = rootzone.run(STUDY, out=tmp_path / "run")
    names = [row["search"] for row in done.summary["searches"]]
    assert names == ["Latin hypercube", "DDS", "DDS 2"]
    assert done["searches"]["search"].to_numpy().tolist() == names


def test_a_budget_too_small_is_told_before_anything_is_run(monkeypatch):
    monkeypatch.delattr("rootzone.calibrate.problem.Problem.parts")
    beside = [{"method": "dds", "budget": 10, "chains": 2}]
    study = {**STUDY, "search": {**STUDY["search"], "beside": beside}}
    with pytest.raises(StudyError, match=r"search\.beside, dds: a budget of 10 for 2 chains"):
        rootzone.run(study)
