"""The study of counts along a line: twin, stop and go on, other observations, bad input."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

import rootzone
from rootzone.core import RootzoneError
from rootzone.studies.runner import check_study

STUDY = {
    "kind": "transect",
    "seed": 1,
    "source": {
        "method": "synthetic",
        "preset": "rail_valley",
        "start": "2021-03-01",
        "days": 120,
        "cell_size": 200,
    },
    "period": {"warm_up_days": 60},
    "observations": {"method": "twin", "truth_seed": 3},
    "search": {"ensemble": {"sets": 96}, "behavioral": {"best": 5}},
    "transfer": {"method": "twin", "sites": {"meadow": 1}},
    "computation": {"chunk": 1024},
}


def changed(**parts) -> dict:
    """Return the study with other parts, merged one level deep."""
    study = json.loads(json.dumps(STUDY))
    for name, part in parts.items():
        merge = isinstance(part, dict) and isinstance(study.get(name), dict)
        if merge and "method" not in part:
            study[name] = {**study[name], **part}
        else:
            study[name] = part
    return study


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> rootzone.studies.RunResult:
    folder = tmp_path_factory.mktemp("transect") / "run"
    beside = [
        {"method": "dds", "budget": 64, "chains": 8},
        {"method": "es_mda", "members": 32, "assimilations": 2},
    ]
    study = changed(search={**STUDY["search"], "beside": beside})
    return rootzone.run(study, out=folder)


def test_calibration_finds_the_truth_of_a_twin(done):
    """Kept sets are far better than the default, on observed counts and on hidden truth."""
    scores = done.summary["scores"]
    for section in ("meadow", "dense forest", "open forest"):
        before = scores[f"default, true counts, {section}"]["nse"]
        after = scores[f"calibrated, true counts, {section}"]["nse"]
        assert after > max(before, 0.5), section
    assert (
        scores["calibrated, observed counts, pattern"]["spaef"]
        > scores["default, observed counts, pattern"]["spaef"]
    )


def test_kept_sets_are_the_best_of_the_store(done):
    store = zarr.open_group(done.folder / "ensemble.zarr", mode="r")
    nse = np.asarray(store["counts_nse"])
    groups = [str(g) for g in np.asarray(store["group"])]
    sets = done["sets"]
    for selection in sets["selection"].values:
        best = np.sort(nse[:, groups.index(str(selection))])[::-1][:5]
        np.testing.assert_allclose(sets["objective"].sel(selection=selection), best, rtol=1e-6)
    inside = (sets["value"] >= sets["lower"]) & (sets["value"] <= sets["upper"])
    assert bool(inside.all())


def test_scores_in_the_store_are_those_of_the_series(done):
    """The best set, run again for the results, has the score that the ensemble gave it."""
    line, sets = done["line"], done["sets"]
    here = line["section"] == "meadow"
    known = np.isfinite(line["counts_observed"])
    member = line["counts_calibrated"].where(known)[:, here].mean("place")
    observed = line["counts_observed"][:, here].mean("place")
    error = float(((member - observed) ** 2).sum())
    spread = float(((observed - observed.mean()) ** 2).sum())
    scores = done.summary["scores"]["calibrated, observed counts, meadow"]
    assert scores["nse"] == pytest.approx(1 - error / spread, abs=1e-4)
    assert scores["nse"] >= float(sets["objective"].sel(selection="meadow").min()) - 0.05


def test_units_and_gravimetric_water(done):
    """Counts and gravimetric water tell the same by the law of Desilets."""
    line = done["line"]
    N0 = done.summary["N0"]
    w = line["mass_observed"]
    back = N0 * (0.0808 / (w + 0.115) + 0.372)
    np.testing.assert_allclose(back, line["counts_observed"], rtol=1e-4)
    assert line["mass_observed"].attrs["units"] == "g g-1"
    assert line["theta_default"].attrs["units"] == "m3 m-3"


def test_searches_stand_in_one_table(done):
    table = {row["search"]: row for row in done.summary["searches"]}
    assert set(table) == {"Latin hypercube", "DDS", "ES-MDA"}
    assert table["DDS"]["runs"] == 64
    assert table["ES-MDA"]["runs"] == 96
    best = done["searches"]["best"]
    rising = best.diff("step").where(np.isfinite(best.diff("step")), 0)
    assert bool((rising >= -1e-12).all())
    assert done["searches"]["posterior_ES_MDA"].shape == (32, 26)


def test_transfer_takes_the_sets_of_the_section(done):
    transfer = done["transfer"]
    assert transfer["section"].values.tolist() == ["meadow"]
    rmse = [float(np.sqrt(((transfer[n] - transfer["reference"]) ** 2).mean()))
            for n in ("calibrated", "default")]  # fmt: skip
    assert rmse[0] < rmse[1]
    assert transfer["depth"].values.tolist()[-1] == "mean 0-60 cm"


def test_report_is_whole(done):
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    for word in ("meadow", "SPAEF", "Latin hypercube", "twin"):
        assert word in page


def test_resumed_ensemble_is_the_undisturbed_one(done, tmp_path):
    """What a stop leaves out is computed again, to the same bytes."""
    from rootzone.data.ensemble_store import EnsembleStore, same_content
    from rootzone.studies.context import Context
    from rootzone.studies.runner import versions
    from rootzone.studies.transect_ensemble import run_ensemble
    from rootzone.studies.transect_input import prepare

    study = rootzone.load_study(STUDY)
    made_with = ", ".join(f"{name} {number}" for name, number in versions().items())
    path = tmp_path / "again"
    path.mkdir()
    context = Context(folder=path)
    import jax

    with jax.enable_x64(False):
        prepared = prepare(study, context)
        run_ensemble(study, prepared, context, made_with=made_with)
        store = path / "ensemble.zarr"
        assert same_content(store, done.folder / "ensemble.zarr")
        for name in ("status", "counts_nse"):  # a part that was being written
            (next((store / name / "c").glob("1*"))).unlink() if name == "status" else None
        assert EnsembleStore(store).known() == [0, 2]
        found = run_ensemble(study, prepared, context, made_with=made_with)
    assert found.computed < 96
    assert same_content(store, done.folder / "ensemble.zarr")


def test_other_selections(tmp_path):
    """All sections together, a fitted factor, a calibration period, and a table of sets."""
    base = changed(
        search={"ensemble": {"sets": 48}, "calibrate": "joint", "sensitivity": False},
        reading={"factor": "section"},
        evaluation={"calibration_end": "2021-05-31"},
        transfer=None,
    )
    found = rootzone.run(base)
    assert found["sets"]["selection"].values.tolist() == ["joint"]
    assert int(found["line"]["scored"].sum()) < len(found["line"]["time"]) / 2
    names = found["sets"]["parameter"].values
    table = tmp_path / "sets.csv"
    values = found["sets"]["value"][0, :3].values
    rows = [",".join(names), *(",".join(f"{v!r}" for v in row.tolist()) for row in values)]
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    base["search"]["ensemble"] = {"sampler": "table", "table": str(table)}
    base["search"]["calibrate"] = "all"
    again = rootzone.run(base)
    assert again.summary["sets"] == 3
    assert again["sets"]["selection"].values.tolist() == ["all"]


def test_segments_along_a_line_of_the_study(tmp_path, done):
    """Daily values of segments, the model sampled with the weights of the footprint."""
    line, where = done["line"], done["map"]
    step = 40
    x, y = where["line_x"].values[::step], where["line_y"].values[::step]
    route = tmp_path / "line.csv"
    half = len(x) // 2
    section = ["west"] * half + ["east"] * (len(x) - half)
    rows = [f"{a},{b},{s}" for a, b, s in zip(x, y, section, strict=True)]
    route.write_text("x,y,section\n" + "\n".join(rows) + "\n", encoding="utf-8")
    table = tmp_path / "segments.csv"
    counts = line["counts_observed"]
    rows = [
        f"{str(t)[:10]},{float(counts['x'][p])},{float(counts['y'][p])},{float(counts[i, p])}"
        for i, t in enumerate(line["time"].values)
        for p in range(counts.sizes["place"])
        if np.isfinite(counts[i, p])
    ]
    table.write_text("date,x,y,rate\n" + "\n".join(rows) + "\n", encoding="utf-8")
    study = changed(
        line={"table": str(route)},
        reading={"at": "track"},
        search={"ensemble": {"sets": 32}, "sensitivity": False},
        transfer=None,
    )
    study["observations"] = {
        "method": "segments",
        "table": {
            "files": str(table),
            "time": {"column": "date"},
            "columns": {
                "x": {"column": "x", "units": "m"},
                "y": {"column": "y", "units": "m"},
                "rate": {"column": "rate", "units": "h-1"},
            },
        },
        "relative_sigma": 0.03,
        "tolerance": 500,
    }
    found = rootzone.run(study)
    assert set(found["line"]["section"].values) == {"west", "east"}
    assert found.summary["counts"] > 100
    assert found.summary["scores"]["calibrated, observed counts, west"]["nse"] > 0


# --- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"search": {"parameters": {"bounds": {"infiltrationShapeFactor": [2.0, 2.0]}}}},
            "searched from 2 to 2",
        ),
        (
            {"search": {"parameters": {"add": ["infiltrationShapFactor"]}}},
            "no parameter 'infiltrationShapFactor'",
        ),
        ({"search": {"parameters": {"preset": "none"}}}, "no parameter is searched"),
        (
            {"search": {"parameters": {"preset": "none", "add": ["PTF_Ks_curveSlope"]}}},
            "both 60.96",
        ),
        ({"counts": {"operator": "none"}}, "wants counts of the model"),
        ({"observations": {"method": "folder"}}, "wants source.method: mhm_folder"),
        ({"observations": {"errors": {"meadow": 0.02}}}, "names no 'shunting"),
        ({"evaluation": {"calibration_end": "2031-01-01"}}, "must lie within them"),
        ({"reading": {"at": "track"}}, "wants counts along a track"),
        ({"source": {"preset": "hills"}}, "has no line"),
        ({"search": {"ensemble": {"sampler": "table"}}}, "table is wanted"),
        ({"search": {"behavioral": {"best": None}}}, "best or at_least is wanted"),
        ({"search": {"objective": {"water": 0.5}}}, "hold no soil water"),
        (
            {"search": {"beside": [{"method": "dds"}], "beside_for": "medow"}},
            "beside_for names 'medow'",
        ),
        (
            {"search": {"beside": [{"method": "nuts", "parameters": ["Desilets_LW2"]}]}},
            "names 'Desilets_LW2', which is not searched",
        ),
        (
            {"search": {"beside": [{"method": "dds", "budget": 64, "chains": 32}]}},
            "search.beside, dds: a budget of 64 for 32 chains: each needs at least 6",
        ),
        (
            {"search": {"beside": [{"method": "sce_ua", "budget": 106, "complexes": 2}]}},
            "search.beside, sce_ua: a budget of 106 for 2 complexes of 26 parameters",
        ),
        (
            {"search": {"beside": [{"method": "gradient", "budget": 10, "starts": 8}]}},
            "search.beside, gradient: a budget of 10 model runs for 8 starts",
        ),
        (
            {"search": {"beside": [{"method": "es_mda", "members": 26}]}},
            "search.beside, es_mda: 26 members of the smoother for 26 parameters",
        ),
        ({"transfer": {"method": "twin", "sites": {"medow": 1}}}, "transfer.sites names 'medow'"),
    ],
)
def test_bad_studies_are_told_in_a_sentence(parts, words, monkeypatch):
    """Before the ensemble is run: nobody waits for a wrong name."""
    monkeypatch.delattr("rootzone.calibrate.problem.Problem.parts")
    with pytest.raises(RootzoneError) as error:
        rootzone.run(changed(**parts))
    assert words in str(error.value)


def line_file(tmp_path: Path, text: str) -> dict:
    path = tmp_path / "line.csv"
    path.write_text(text, encoding="utf-8")
    return changed(line={"table": str(path)})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y\n4380100,3181500\n9999999,3181500\n", "lies outside the domain"),
        ("x,y\n4380100,3181500\n", "two vertices or more"),
        ("x,z\n1,2\n", "the columns x and y, or latitude and longitude"),
        ("x,y\n4380100,abc\n4380200,3181500\n", "line 2: y is 'abc'"),
    ],
)
def test_bad_lines_are_told(tmp_path, text, words):
    study = line_file(tmp_path, text)
    with pytest.raises(RootzoneError) as error:
        rootzone.run(study)
    assert words in str(error.value)


def test_a_scheduler_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RootzoneError, match=r"127\.0\.0\.1:9"):
        rootzone.run(STUDY, out=tmp_path / "run", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(RootzoneError, match="--workers wants --scheduler local"):
        rootzone.run(STUDY, workers=2)
    with pytest.raises(RootzoneError, match="for the ensemble of a transect study"):
        rootzone.run(rootzone.studies.find_demo("station-c4"), scheduler="local")


def test_a_folder_of_another_study_is_refused(done):
    with pytest.raises(RootzoneError, match="another study"):
        rootzone.run(changed(seed=2), out=done.folder, resume=True)


def test_check_reads_everything(tmp_path):
    import yaml

    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    told = check_study(path)
    assert any("parameters are searched" in line for line in told)
    small = changed(search={"beside": [{"method": "dds", "budget": 64, "chains": 32}]})
    path.write_text(yaml.safe_dump(small), encoding="utf-8")
    with pytest.raises(RootzoneError, match="a budget of 64 for 32 chains"):
        check_study(path)


def test_store_opens_with_xarray(done):
    with xr.open_zarr(done.folder / "ensemble.zarr") as store:
        assert store["values"].dims == ("member", "parameter")
        assert store["counts_nse"].dims == ("member", "group")


def test_what_comes_after_the_ensemble_may_be_changed(done, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(done.folder, folder)
    before = {p: p.stat().st_mtime_ns for p in (folder / "ensemble.zarr").rglob("c/*")}
    assert before
    search = {
        **STUDY["search"],
        "behavioral": {"best": 2},
        "objective": {"score": "kge_2009"},
        "beside": [{"method": "dds", "budget": 48, "chains": 8}],
    }
    other = changed(search=search, transfer=None)
    found = rootzone.run(other, out=folder, resume=True)
    assert any("evaluated anew" in line for line in (folder / "log.txt").read_text().splitlines())
    assert found.summary["study"]["search"]["behavioral"]["best"] == 2
    assert {p: p.stat().st_mtime_ns for p in (folder / "ensemble.zarr").rglob("c/*")} == before
    assert "transfer" in done
    assert not (folder / "transfer.nc").exists()
    assert rootzone.run(other, out=folder, resume=True).summary == found.summary
    kept = {name: (folder / name).read_bytes() for name in ("study.yaml", "summary.json")}
    strict = {**search, "behavioral": {"at_least": 0.999, "best": None}}
    with pytest.raises(RootzoneError, match="no parameter set reaches"):
        rootzone.run(changed(search=strict, transfer=None), out=folder, resume=True)
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    with pytest.raises(RootzoneError, match="holds a finished run of another study"):
        rootzone.run(changed(period={"warm_up_days": 50}), out=folder, resume=True)
    assert (folder / "summary.json").is_file()


def test_a_threshold_that_nothing_reaches_costs_no_ensemble(tmp_path):
    strict = {"ensemble": {"sets": 16}, "behavioral": {"at_least": 0.999, "best": None}}
    folder = tmp_path / "run"
    with pytest.raises(RootzoneError, match="no parameter set reaches"):
        rootzone.run(changed(search=strict, transfer=None), out=folder)
    soft = {**strict, "behavioral": {"at_least": -100, "best": None}}
    with pytest.raises(RootzoneError, match="an unfinished run of another study"):
        rootzone.run(changed(search=soft, transfer=None, seed=5), out=folder, resume=True)
    found = rootzone.run(changed(search=soft, transfer=None), out=folder, resume=True)
    assert found.summary["scores"]
