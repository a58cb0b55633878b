"""What a transect study refuses before it runs, and what it tells of its choices."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rootzone
from rootzone.calibrate.behavioral import Behavioral as Kept
from rootzone.core import RootzoneError, StudyError
from rootzone.studies.context import Context
from rootzone.studies.transect_evaluate import evaluate
from rootzone.studies.transect_input import _observed, prepare
from rootzone.studies.transect_twin import Truth, require_finite

STUDY = {
    "kind": "transect",
    "seed": 1,
    "source": {
        "method": "synthetic",
        "preset": "rail_valley",
        "start": "2021-04-01",
        "days": 50,
        "cell_size": 200,
    },
    "period": {"warm_up_days": 20},
    "observations": {"method": "twin", "truth_seed": 3, "missing_days": 0, "missing_values": 0},
    "search": {"ensemble": {"sets": 16}, "behavioral": {"best": 3}, "sensitivity": False},
}
NEAR = (4380100, 3181500)


def changed(**parts) -> dict:
    """Return the study with other parts, merged one level deep."""
    study = json.loads(json.dumps(STUDY))
    for name, part in parts.items():
        study[name] = {**study.get(name, {}), **part}
    return study


def searching(**parameters) -> dict:
    return changed(search={"parameters": parameters})


def refused(study: dict) -> str:
    """Return the sentence that a study is refused with while it is prepared."""
    with pytest.raises(RootzoneError) as error:
        prepare(rootzone.load_study(study), Context())
    return str(error.value)


# --- the line -------------------------------------------------------------------------------


def refused_line(tmp_path: Path, text: str, **settings) -> str:
    path = tmp_path / "line.csv"
    path.write_text(text, encoding="utf-8")
    return refused(changed(line={"table": str(path), **settings}))


def test_a_vertex_far_away_is_named_before_the_line_is_cut_into_points(tmp_path):
    x, y = NEAR
    told = refused_line(tmp_path, f"x,y\n{x},{y}\n{x + 300},{y}\n43801000000000,{y}\n")
    assert "line.csv, line 4: the vertex x = 4.3801e+13" in told
    assert "lies outside the domain (x 43" in told


def test_a_vertex_that_is_nowhere_on_earth(tmp_path):
    told = refused_line(tmp_path, "latitude,longitude\n51.5,10.5\n9999,10.5\n")
    assert "line.csv" in told


def test_a_line_without_length(tmp_path):
    x, y = NEAR
    told = refused_line(tmp_path, f"x,y\n{x},{y}\n{x},{y}\n")
    assert "line.csv: all 2 vertices lie at x = 4380100" in told


def test_a_section_without_a_name(tmp_path):
    x, y = NEAR
    told = refused_line(tmp_path, f"x,y,section\n{x},{y},meadow\n{x + 300},{y}, \n")
    assert "line.csv, line 3: the section has no name" in told


def test_nan_for_a_coordinate(tmp_path):
    told = refused_line(tmp_path, "x,y\n4380100,3181500\nnan,3181500\n")
    assert "line 3: x is '', a number is wanted; nan and other words" in told


# --- days that are scored -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("2021-05-19", "on the days after it, which are scored: observed counts of"),
        ("2021-04-21", "on the days up to it: observed counts of"),
    ],
)
def test_one_day_makes_no_score(end, words):
    told = refused(changed(evaluation={"calibration_end": end}))
    assert f"evaluation.calibration_end is {end}, {words}" in told
    assert "1 day with values" in told


def test_a_held_out_section_without_counts_is_told():
    """It is not calibrated on: the sets are taken to it, scores or not."""
    study = rootzone.load_study(changed())
    p = prepare(study, Context())
    held_out = p.places.section == 0
    rate, sigma = (np.where(held_out, np.nan, x) for x in (p.counted.rate, p.counted.sigma))
    context = Context()
    counted = replace(p.counted, rate=rate, sigma=sigma)
    first, _ = _observed(study, p.model, p.places, counted, held_out, context)
    assert first["counts"].sections == p.places.sections[1:]
    (told,) = context.log.warnings
    assert told.endswith("no score can be made of it; its scores are missing")
    assert p.places.sections[0] in told


# --- the operator of the counts -------------------------------------------------------------

COSMIC = {"preset": "none", "add": ["COSMIC_N0", "infiltrationShapeFactor"]}


def cosmic(**parts) -> dict:
    return changed(counts={"operator": "cosmic"}, **parts)


def test_a_twin_wants_the_law_of_its_errors():
    told = refused(cosmic(search={"parameters": COSMIC}))
    assert "observations.method: twin states its errors" in told
    assert "set counts.operator: desilets_mhm" in told


def test_a_preset_of_desilets_with_another_operator():
    told = refused(cosmic())
    assert told.startswith("search.parameters.preset: railway_27_fixed_N0 has parameters of the")
    assert "search.parameters.add, or counts.operator: desilets_mhm" in told


def test_no_gravimetric_water_without_the_law_of_desilets(tmp_path):
    """The scale of COSMIC is no N0 of Desilets: water by it was negative."""
    twin = prepare(rootzone.load_study(changed()), Context())
    x, y = twin.places.x, twin.places.y
    rows = [
        f"{str(day)[:10]},{x[p]},{y[p]},{twin.counted.rate[d, p]}"
        for d, day in enumerate(twin.days)
        for p in range(len(x))
    ]
    table = tmp_path / "segments.csv"
    table.write_text("date,x,y,rate\n" + "\n".join(rows) + "\n", encoding="utf-8")
    columns = {name: {"column": name, "units": "m"} for name in ("x", "y")}
    study = cosmic(search={"parameters": COSMIC, "ensemble": {"sets": 16}, "sensitivity": False})
    study["observations"] = {
        "method": "segments",
        "table": {
            "files": str(table),
            "time": {"column": "date"},
            "columns": {**columns, "rate": {"column": "rate", "units": "h-1"}},
        },
        "relative_sigma": 0.03,
        "tolerance": 500,
    }
    result = rootzone.run(study, out=tmp_path / "run")
    assert not [name for name in result["line"].data_vars if str(name).startswith("mass")]
    assert "counts_calibrated" in result["line"]
    assert not [name for name in result.summary["scores"] if "gravimetric" in name]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "SPAEF of the counts" in page
    assert "SPAEF of gravimetric water" not in page
    log = (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")
    assert log.count("gravimetric water by the counts is left out") == 1
    # 16 sets hold more than ten
    assert "search.behavioral.best asks for" not in log


def test_observed_water_by_the_N0_of_the_section():
    """Where N0 is searched, each section has its own, and few sets are told."""
    study = rootzone.load_study(
        changed(
            search={
                "parameters": {"preset": "none", "add": ["Desilets_N0"]},
                "behavioral": {"best": 3},
            }
        )
    )
    context = Context()
    p = prepare(study, context)
    N0 = {name: 900.0 + 200.0 * n for n, name in enumerate(p.places.sections)}
    kept = {
        name: Kept(np.arange(2), np.array([[value - 50.0], [value + 50.0]]), np.zeros(2))
        for name, value in N0.items()
    }
    found = evaluate(study, p, kept, context)
    own = np.array([N0[p.places.sections[n]] for n in p.places.section])
    back = own * (0.0808 / (found.observed_mass + 0.115) + 0.372)
    known = np.isfinite(found.observed_mass)
    assert known.any()
    np.testing.assert_allclose(back[known], p.counted.rate[known], rtol=1e-6)
    told = " ".join(context.log.lines)
    assert "2 sets with an objective are all there are, search.behavioral.best asks for 3" in told


# --- parameters and bounds ------------------------------------------------------------------


def test_bounds_beyond_the_declared_ones():
    wide = {"infiltrationShapeFactor": [-1000.0, -1.0]}
    told = refused(searching(bounds=wide))
    assert "search.parameters.bounds: infiltrationShapeFactor = -1000 lies outside its" in told
    assert "parameters.beyond_bounds: true accepts it" in told
    slope = {"PTF_Ks_curveSlope": [40.0, 80.0]}  # declared as fixed, has no range to leave
    accepted = changed(
        parameters={"beyond_bounds": True},
        search={"parameters": {"bounds": {"infiltrationShapeFactor": [0.5, 3.0]} | slope}},
    )
    context = Context()
    space = prepare(rootzone.load_study(accepted), context).space
    assert space.lower[space.names.index("infiltrationShapeFactor")] == 0.5
    assert "PTF_Ks_curveSlope" in space.names
    warned = [line for line in context.log.lines if "outside its bounds" in line]
    assert len(warned) == 1


def test_a_truth_that_is_not_finite_tells_of_its_parameters():
    settings = rootzone.load_study(STUDY).observations
    counts, theta = np.ones((4, 3)), np.full((4, 2, 3), 0.2)
    require_finite(Truth(counts, theta, None), settings)
    counts[2, 1] = np.nan
    with pytest.raises(StudyError, match="at 1 of 3 places: the parameters drawn with"):
        require_finite(Truth(counts, theta, None), settings)


# --- objective and kept sets ----------------------------------------------------------------


@pytest.mark.parametrize("score", ["rmse", "log_likelihood"])
@pytest.mark.parametrize(
    ("beside", "words"),
    [({"water": 0.5}, "water: 0.5 has no"), ({"combine": "distance"}, "combine: distance has no")],
)
def test_scores_with_units_are_not_added(score, beside, words):
    with pytest.raises(StudyError) as error:
        rootzone.load_study(changed(search={"objective": {"score": score, **beside}}))
    assert f"score: {score} together with {words}" in str(error.value)


@pytest.mark.parametrize(
    ("given", "best"),
    [({"at_least": 0.7}, None), ({"at_least": 0.7, "best": 4}, 4), ({}, 10), ({"best": 5}, 5)],
)
def test_a_threshold_alone_keeps_all_above_it(given, best):
    found = rootzone.load_study(changed(search={"behavioral": given})).search.behavioral
    assert found.best == best
    assert type(found).model_validate(found.model_dump()) == found
