"""Other sites of a transect study, read before anything is run; what searches count and score."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rootzone
from rootzone.calibrate import Space
from rootzone.calibrate.objectives import Objective
from rootzone.calibrate.problem import Aim
from rootzone.calibrate.searches import nuts
from rootzone.config.transect_search import Smoother
from rootzone.core import DataError, RootzoneError, StudyError
from rootzone.evaluate import nse
from rootzone.studies import transect_transfer_sites
from rootzone.studies.context import Context
from rootzone.studies.transect import check_transect
from rootzone.studies.transect_input import prepare, share_between
from rootzone.studies.transect_plan import require_plan
from rootzone.studies.transect_searches import _left, run_search
from rootzone.studies.transect_target import Target
from rootzone.studies.transect_transfer_sites import soil_edges

VALLEY = {"method": "synthetic", "preset": "rail_valley", "start": "2021-05-01", "days": 40}
STUDY = {
    "kind": "transect",
    "source": VALLEY,
    "period": {"warm_up_days": 20},
    "observations": {"method": "twin"},
    "search": {
        "ensemble": {"sets": 16},
        "sensitivity": False,
        "parameters": {
            "preset": "none",
            "add": ["PTF_lower66_5_constant", "infiltrationShapeFactor", "Desilets_LW0"],
        },
    },
}
SITE = {"name": "other", "section": "meadow", "source": VALLEY, "period": {"warm_up_days": 20}}


@pytest.fixture(scope="module", autouse=True)
def _one_device():
    """Start JAX with one device: a run makes one of every core, and compiles for each."""
    jax.devices()


@pytest.fixture(scope="module")
def prepared():
    with jax.enable_x64(False):
        return prepare(rootzone.load_study(STUDY), Context())


def with_site(tmp_path, water: str | None = None, **parts) -> dict:
    """Return the study with one other site."""
    site = {**SITE, **parts}
    if water is not None:
        (tmp_path / "water.csv").write_text(water, encoding="utf-8")
        site["water"] = str(tmp_path / "water.csv")
    return {**STUDY, "transfer": [site]}


# --- depths ---------------------------------------------------------------------------------


def test_shares_lie_within_the_interval():
    """They sum to one, none lies outside the interval, and intervals add up to their union."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        edges = np.concatenate([[0.0], np.cumsum(rng.uniform(1.0, 60.0, rng.integers(1, 6)))])
        top, middle, bottom = np.sort(rng.uniform(0.0, 1.5 * edges[-1], 3))
        top *= min(1.0, 0.9 * edges[-1] / top)
        share = share_between(edges, top, bottom)
        assert share.sum() == pytest.approx(1.0)
        assert (share >= 0).all()
        outside = (edges[1:] <= top) | (edges[:-1] >= bottom)
        assert (share[outside] == 0).all()
        if top < middle < edges[-1]:
            end = min(bottom, edges[-1])
            parts = (middle - top) * share_between(edges, top, middle)
            parts = parts + (end - middle) * share_between(edges, middle, bottom)
            np.testing.assert_allclose(parts, (end - top) * share, atol=1e-9)


def test_the_last_horizon_ends_with_the_soil_of_the_cell(prepared):
    model = prepared.model
    cell = int(prepared.places.cell[0])
    edges = soil_edges(model, cell)
    assert edges[:-1].tolist() == [0.0, *(d / 10 for d in model.setup.horizon_depths)]
    assert edges[-1] > edges[-2]
    assert len(edges) == model.setup.horizons + 1


def test_the_section_of_a_site_must_be_there(tmp_path, prepared):
    study = rootzone.load_study(with_site(tmp_path, section="medow"))
    for selections in (("meadow", "dense forest"), ("all",)):
        with pytest.raises(StudyError, match=r"there are sets of .* did you mean 'meadow'"):
            require_plan(study, prepared, selections, Context())


# --- sites of the study ---------------------------------------------------------------------

DAYS = "2021-05-25,0.2\n2021-05-26,0.3\n"
DEEP = "date,theta,top,bottom\n2021-05-25,0.2,900,950\n2021-05-26,0.3,900,950\n"


@pytest.mark.parametrize(
    ("parts", "water", "kind", "words"),
    [
        (
            {"source": {"method": "mhm_folder", "folder": "nowhere"}, "x": 1, "y": 2},
            "nowater",
            RootzoneError,
            "nowhere",
        ),
        ({"x": 1, "y": 2}, None, StudyError, "x = 1, y = 2 lies outside"),
        ({}, None, StudyError, "give x and y"),
        ({"x": "here", "y": "here"}, "day,theta\n" + DAYS, DataError, "columns date and theta"),
        ({"x": "here", "y": "here"}, DEEP, DataError, "900-950 cm lies below the soil"),
        ({"x": "here", "y": "here"}, "date,theta\n2021-05-25,0.2\n", DataError, "values of 1 of"),
    ],
)
def test_sites_are_read_before_anything_is_run(
    prepared, tmp_path, monkeypatch, parts, water, kind, words
):
    monkeypatch.delattr("rootzone.calibrate.problem.Problem.parts")
    here = {"x": float(prepared.places.x[0]), "y": float(prepared.places.y[0])}
    parts = {k: here[k] if v == "here" else v for k, v in parts.items()}
    study = with_site(tmp_path, water, **parts)
    loaded = rootzone.load_study(study)
    for call in (lambda: check_transect(loaded, Context()), lambda: rootzone.run(study)):
        with pytest.raises(kind) as error:
            call()
        assert str(error.value).startswith("transfer 'other': ")
        assert words in str(error.value)
        assert "\n" not in str(error.value)


def test_two_sites_of_one_name_are_refused():
    loaded = rootzone.load_study({**STUDY, "transfer": [SITE, SITE]})
    with pytest.raises(StudyError, match="transfer 'other': two sites have this name"):
        check_transect(loaded, Context())


def test_a_site_is_read_once_and_scored_where_it_was_observed(prepared, tmp_path, monkeypatch):
    read = []

    def counted(study, context):
        read.append(study.source)
        return plain(study, context)

    plain = transect_transfer_sites.read_model
    monkeypatch.setattr(transect_transfer_sites, "read_model", counted)
    here = {"x": float(prepared.places.x[0]), "y": float(prepared.places.y[0])}
    end = soil_edges(prepared.model, int(prepared.places.cell[0]))[-1]
    rows = "".join(f"2021-05-{day},0.{day},30,{end + 20:g}\n" for day in range(22, 30))
    study = with_site(tmp_path, "date,theta,top,bottom\n" + rows, **here)
    done = rootzone.run(study, out=tmp_path / "run")
    assert len(read) == 1
    found = done["transfer"]
    observed = f"observed 30-{end + 20:g} cm"
    assert found["depth"].values.tolist()[-1] == observed
    known = np.isfinite(found["reference"].values)
    assert known.sum() == 8
    assert bool(np.isfinite(found["default"].sel(depth=observed)).all())
    for run in ("default", "calibrated"):
        assert done.summary["scores"][f"{run}, other, {observed}"]["rmse"] > 0
    log = (done.folder / "log.txt").read_text(encoding="utf-8")
    assert f"compared with that of 30-{end:g} cm, where the soil of the model ends" in log


# --- what searches count and score ----------------------------------------------------------


def test_factor_is_fitted_to_observed_counts_and_not_to_the_truth(prepared):
    """Observed counts that are 20 % too low give a factor that the truth does not mend."""
    study = rootzone.load_study({**STUDY, "reading": {"factor": "section"}})
    target = Target(study, prepared, "meadow", Aim(Objective("nse", ("meadow",)), {"counts": 1}))
    plain = target.problem.observed["counts"]
    low = type(plain)(
        0.8 * np.asarray(plain.values), plain.sigma, plain.section, plain.sections, "section"
    )
    target.problem = target.problem._replace(observed={"counts": low})
    values = target.problem.space.default
    sim = target.problem.simulator(target.problem.calibration.all_values(values[None]))["counts"]
    sim = np.asarray(sim, float)[0]
    known = np.isfinite(low.values)
    weight = np.where(known, 1 / np.where(known, low.sigma, 1.0) ** 2, 0.0)
    factor = (weight * np.where(known, low.values, 0.0) * sim).sum() / (weight * sim**2).sum()
    true = np.asarray(prepared.counted.truth.counts)[:, target.cells]
    expected = nse(sim=(factor * sim).mean(axis=1), obs=true.mean(axis=1))
    assert target.true_nse(values) == pytest.approx(float(expected), rel=1e-4)
    assert float(expected) < 0


def test_all_runs_of_a_sampler_are_counted():
    """Every likelihood that is computed: of candidates, of the start, of steps; none of draws."""
    calls = []

    def likelihood(v):
        jax.debug.callback(lambda x: calls.append(float(x)), v[0])
        return -0.5 * jnp.sum(v**2)

    space = Space(("a",), np.array([-9.0]), np.array([9.0]), np.zeros(1))
    found = nuts(likelihood, space, warmup=20, samples=10, chains=1, seed=0, candidates=8)
    jax.effects_barrier()
    assert found.runs.tolist() == [8.0]
    assert len(calls) == found.cost.sum() + found.runs.sum()
    expected = -0.5 * np.sum(found.values**2, axis=-1)
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-4, atol=1e-5)


def test_a_sampler_says_what_it_takes_from_the_ensemble(prepared):
    study = rootzone.load_study(STUDY)
    target = Target(study, prepared, "meadow", Aim(Objective("nse", ("meadow",)), {"counts": 1}))
    names = target.problem.space.names
    assert _left(target, names) == "it begins at the best of its own candidates"
    told = _left(target, names[1:])
    assert "begins from the best set of the ensemble" in told
    assert names[0] in told


def test_sets_that_a_smoother_runs_again_are_counted(prepared, monkeypatch):
    """Water is no part of what it predicts: two runs of each of 12 members, twice."""
    monkeypatch.setattr(Target, "evaluate", lambda self, values: values[:, 0])
    study = rootzone.load_study(STUDY)
    settings = Smoother(method="es_mda", members=12, assimilations=1)
    runs = []
    for shares in ({"counts": 1.0}, {"counts": 0.5, "water": 0.5}):
        target = Target(study, prepared, "meadow", Aim(Objective("nse", ("meadow",)), shares))
        found = run_search(settings, target, target.problem.space.default, None, Context())
        runs.append(found.row()["runs"])
    assert runs == [24, 48]
    assert "run again" in found.told[-1]
