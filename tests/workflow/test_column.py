"""The study `column` from file to report: kill and resume, hours and days, the template."""

import copy
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from jax.experimental.compilation_cache import compilation_cache

import rootzone
from rootzone.config import ColumnStudy, load_study, template
from rootzone.data import Log
from rootzone.report.column import column_page
from rootzone.simulate import chunk_count
from rootzone.studies.column import prepare, tell_failed
from rootzone.studies.context import Context
from rootzone.water.richards import Status

DAYS = 6

SITE: dict[str, Any] = {
    "kind": "column",
    "title": "Six days of a meadow",
    "precision": "float64",
    "site": {"name": "Meadow", "source": "made for this test", "license": "free"},
    "soil": {
        "method": "layers",
        "layers": [
            {
                "bottom": 20,
                "hydraulics": {"method": "class", "name": "sandy loam"},
                "bulk_density": 1.3,
                "lattice_water": 0.02,
                "soil_organic_carbon": 0.02,
            },
            {
                "bottom": 60,
                "hydraulics": {"method": "class", "name": "loam"},
                "lattice_water": 0.03,
            },
        ],
    },
    "weather": {
        "method": "tables",
        "tables": [
            {
                "files": "weather.csv",
                "time": {"column": "time", "timezone": "UTC"},
                "columns": {
                    "precipitation": {"column": "rain", "units": "mm"},
                    "temperature": {"column": "t", "units": "degC"},
                    "potential_evapotranspiration": {"column": "pet", "units": "mm"},
                },
            }
        ],
    },
    "vegetation": {"method": "plants", "leaf_area": 2.0, "roots": {"method": "jackson"}},
    "snow": {"method": "degree_day"},
    "top": {"method": "atmosphere", "ponding": 5},
    "grid": {"method": "graded", "depth": 60, "nodes": 21, "first": 0.5},
    "start": {"spin_up": 2},
    "neutrons": {
        "operators": [
            {"method": "cosmic"},
            {"method": "koehli_2021", "N0": 6000},
        ]
    },
    "output": {"step": "1h"},
}

ENSEMBLE: dict[str, Any] = {
    "kind": "column",
    "seed": 4,
    "site": {"name": "Loams"},
    "soil": {
        "method": "classes",
        "classes": ["loam", "sandy loam"],
        "members": 60,
        "mean_first": True,
        "lattice_water": {"mean": 0.03, "sd": 0.01},
    },
    "weather": {"method": "generator", "climate": "continental", "years": 1},
    "grid": {"method": "graded", "depth": 60, "nodes": 16, "first": 1.0},
    "start": {"spin_up": 0},
    "solver": {"chunk": 16},
    "neutrons": {
        "operators": {"method": "desilets_2010", "N0": 3600},
        "noise": False,
        "sensitivity_spread": 0.05,
    },
    "output": {"member": 21},
}


@pytest.fixture(scope="module", autouse=True)
def programs(tmp_path_factory):
    """Keep compiled programs, so that a resumed run does not compile what the killed one did."""
    place = str(tmp_path_factory.mktemp("programs"))
    settings = {
        "jax_compilation_cache_dir": place,
        "jax_persistent_cache_min_compile_time_secs": 0.2,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield {name.upper(): str(value) for name, value in settings.items()}
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with both studies and six days of hourly weather, snow among it."""
    place = tmp_path_factory.mktemp("column")
    hours = 24 * DAYS
    t = np.arange(hours)
    rain = np.zeros(hours)
    rain[30:34], rain[50:53], rain[100:106] = 6.0, 60.0, 2.0
    pet = np.round(0.3 * np.maximum(np.sin((t % 24 - 6) / 12 * np.pi), 0.0), 3)
    temperature = np.where((t > 95) & (t < 110), -4.0, 12.0)
    stamps = pd.date_range("2021-04-01", periods=hours, freq="1h").strftime("%Y-%m-%d %H:%M")
    frame = pd.DataFrame({"time": stamps, "rain": rain, "pet": pet, "t": temperature})
    frame.to_csv(place / "weather.csv", index=False)
    for name, study in (("site", SITE), ("ensemble", ENSEMBLE)):
        (place / f"{name}.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    return place


# --- one site ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(folder):
    return rootzone.run(folder / "site.yaml", out=folder / "site")


def test_run_folder_of_a_site(site):
    names = {p.name for p in site.folder.iterdir()}
    assert names == {"study.yaml", "results.nc", "summary.json", "report.html", "log.txt"}
    summary = json.loads((site.folder / "summary.json").read_text())
    assert summary["members"] == {
        "total": 1,
        "finished": 1,
        "flagged": {s.name.lower(): 0 for s in Status if s != Status.DONE},
    }
    assert summary["period"] == ["2021-04-01T00:00:00Z", "2021-04-06T23:00:00Z"]
    assert (summary["steps"], summary["step_hours"]) == (144, 1.0)
    assert summary["totals_mm"]["precipitation"] == pytest.approx(216.0, rel=1e-9)
    assert summary["balance"]["largest_error_mm"] < 1e-9
    assert summary["balance"]["closure_mm"] < 1e-9
    page = (site.folder / "report.html").read_text()
    assert page.count("data:image/png;base64") == 6
    assert "Counts against water" in page


def test_results_of_a_site_speak_the_units_of_the_field(site):
    with xr.open_dataset(site.folder / "results.nc", engine="h5netcdf") as found:
        results = found.load()
    assert results.attrs["Conventions"].startswith("CF-")
    assert results.attrs["license"] == "free"
    assert results["soil_moisture"].dims == ("time", "layer")
    assert results["soil_moisture"].attrs["units"] == "m3 m-3"
    assert results["layer"].attrs["positive"] == "down"
    np.testing.assert_array_equal(results["layer_bounds"][-1], [50.0, 60.0])
    assert results["drainage"].attrs["units"] == "mm"
    assert results["drainage"].attrs["cell_methods"] == "time: sum"
    assert [str(n) for n in results["operator"].values] == ["cosmic", "koehli_2021"]
    # What fell, was held and went is there, each in its store.
    assert results["snow_water_equivalent"].max() > 5.0
    assert results["runoff"].sum() > 5.0
    assert results["standing_water"].max() > 4.0
    assert results["transpiration"].sum() > 0.5
    assert results["interception_evaporation"].sum() > 0.1
    # The layers hold the water of the column, and the root zone is theirs to its depth.
    thick = np.diff(results["layer_bounds"].values, axis=1)[:, 0]
    stored = (10.0 * results["soil_moisture"] * thick).sum("layer")
    np.testing.assert_allclose(stored, results["soil_water_storage"], rtol=1e-9)
    assert np.isclose(results["root_zone"][0], results["soil_moisture"][0, :6].mean())


def test_counts_are_whole_and_follow_the_water(site):
    results = site["results"]
    counted, rate = results["count_rate_counted"].values, results["count_rate"].values
    np.testing.assert_allclose(counted, np.round(counted), atol=1e-9)  # in an hour
    z = (counted - rate) / np.sqrt(rate)
    assert abs(z.mean()) < 4.0 / np.sqrt(z.size)
    assert abs(z.std() - 1.0) < 4.0 / np.sqrt(2.0 * z.size)
    dry, wet = np.argmin(results["root_zone"].values), np.argmax(results["root_zone"].values)
    assert (rate[dry] > rate[wet]).all()
    # The upper layer is wetter than the mean just after rain: fewer counts than homogeneous.
    after, later = results.isel(time=33), results.isel(time=143)
    assert after["soil_moisture"][0] > after["root_zone"]
    assert (after["count_rate"] < after["count_rate_homogeneous"]).all()
    assert (later["count_rate"] > later["count_rate_homogeneous"]).all()


def test_the_output_interval_may_be_a_day(folder):
    study = load_study(folder / "site.yaml", overrides=["output.step=1d"])
    assert isinstance(study, ColumnStudy)
    ready = prepare(study, Context(base=folder, log=Log()))
    np.testing.assert_array_equal(
        ready.weather.axis.to_numpy(), np.arange("2021-04-01", "2021-04-07", dtype="M8[D]")
    )
    assert (ready.site.rows, ready.site.every, ready.site.spin_up) == (DAYS, 24, 2)


def test_a_report_of_a_failed_column(site):
    """A column that failed at once has a report too, and no figure falls over."""
    failed = site["results"].copy(deep=True)
    for name in failed.data_vars:
        if "time" in failed[name].dims:
            failed[name][:] = np.nan
    failed["status"][()] = int(Status.STALLED)
    page = column_page({"results": failed}, site.summary)
    assert page.count("data:image/png;base64") == 6


def test_failed_members_are_counted_and_named():
    log = Log()
    status = np.array([0, 1, 0, 2, 1])
    tell_failed(status, Context(base=Path(), log=log))
    assert log.warnings == [
        "2 of 5 members did not finish (stalled): 1, 4; their values are missing from then on",
        "1 of 5 members did not finish (not_finite): 3; their values are missing from then on",
    ]


# --- an ensemble ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(folder):
    """Return the ensemble in chunks of 32, in memory."""
    return rootzone.run(folder / "ensemble.yaml", overrides=["solver.chunk=32"])


@pytest.fixture(scope="module")
def resumed(folder, programs):
    """Return the ensemble in chunks of 16, killed after the first of four and resumed."""
    if os.name != "posix":
        pytest.skip("signals")
    out = folder / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "rootzone", "run", "ensemble.yaml", "--out", str(out)],
        cwd=folder,
        env=os.environ | {"JAX_PLATFORMS": "cpu"} | programs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    limit = time.monotonic() + 120
    while not list(out.glob("members/part-*.nc")) and time.monotonic() < limit:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "summary.json").exists()
    for late in sorted(out.glob("members/part-*.nc"))[2:]:  # on a slow day the kill comes late
        late.unlink()
    before = {p.name: p.stat().st_mtime_ns for p in out.glob("members/part-*.nc")}
    assert before
    return rootzone.run(folder / "ensemble.yaml", out=out, resume=True), before


def test_killed_resumed_and_chunked_otherwise_every_member_is_the_same(resumed, undisturbed):
    """The same numbers to the last bit, whatever was computed before, and with whom."""
    result, before = resumed
    parts = sorted(result.folder.glob("members/part-*.nc"))
    assert len(parts) == chunk_count(60, 16) == 4
    for name, stamp in before.items():  # what was there is not computed again
        assert (result.folder / "members" / name).stat().st_mtime_ns == stamp
    assert (
        f"{len(before)} of 4 chunks were written before" in (result.folder / "log.txt").read_text()
    )
    together = xr.concat([xr.load_dataset(p, engine="h5netcdf") for p in parts], "member")
    expected = undisturbed["ensemble"]
    assert together.sizes["member"] == 60
    for name in expected.data_vars:
        np.testing.assert_array_equal(together[name], expected[name], err_msg=name)
    for name in ("results", "members", "quantiles", "cloud"):
        for variable in undisturbed[name].data_vars:
            found, wanted = result[name][variable], undisturbed[name][variable]
            np.testing.assert_array_equal(found, wanted, err_msg=f"{name} {variable}")


def test_members_differ_in_soil_weather_and_noise(undisturbed):
    ensemble, members = undisturbed["ensemble"], undisturbed["members"]
    assert (members["status"] == 0).all()
    for name in ("alpha", "lattice_water"):
        assert np.unique(members[name]).size > 50
    assert np.unique(members["sensitivity"]).size == 60
    assert members["sensitivity"].std() == pytest.approx(0.05 * 0.88, rel=0.3)
    assert list(members["member_name"][:2].values) == ["loam 0", "sandy loam 1"]
    loam = members.isel(member=0)
    assert float(loam["theta_s"][0]) == pytest.approx(0.43)  # Carsel and Parrish 1988
    rain = ensemble["precipitation"].values
    assert np.unique(rain.sum(axis=1)).size == 60
    assert np.ptp(rain[:, 0]) > 0


def test_what_an_ensemble_shows(undisturbed):
    ensemble, shown = undisturbed["ensemble"], undisturbed["results"]
    np.testing.assert_array_equal(shown["root_zone"], ensemble["root_zone"][21])
    middle = undisturbed["quantiles"]["root_zone"].sel(quantile=0.5)
    np.testing.assert_allclose(middle, np.median(ensemble["root_zone"], axis=0), rtol=1e-6)
    total = undisturbed["members"]["total_drainage"]
    np.testing.assert_allclose(total, ensemble["drainage"].sum("time"), rtol=1e-4, atol=1e-3)
    assert undisturbed.summary["members"]["finished"] == 60
    assert undisturbed.summary["balance"]["largest_error_mm"] < 1e-2
    # A homogeneous profile counts what the law says, and the cloud lies around it.
    cloud = undisturbed["cloud"]
    percent = 100.0 * (cloud["count_rate"] / cloud["count_rate_homogeneous"] - 1.0)
    assert 0.2 < float(percent.std()) < 5.0
    drier = (cloud["top_layer"] - cloud["root_zone"]).values < -0.03
    assert percent.values[drier, 0].mean() > 0.5


def test_the_report_of_an_ensemble(resumed):
    page = (resumed[0].folder / "report.html").read_text()
    assert page.count("data:image/png;base64") == 9
    assert "60 of 60" in page


# --- the template -----------------------------------------------------------------------


def _blocks(text: str, mark: str) -> list[dict[str, Any]]:
    """Return the commented parts that start with ``mark`` as mappings of one key."""
    found, lines = [], text.splitlines()
    for n, line in enumerate(lines):
        if not re.match(rf"{mark}\w+:", line):
            continue
        block = [line[len(mark) :]]
        for below in lines[n + 1 :]:
            if not below.startswith(mark + "  "):
                break
            block.append(below[len(mark) :])
        found.append(yaml.safe_load("\n".join(block)))
    return found


def test_commented_parts_of_the_template_are_studies():
    """What the template offers behind # is accepted when it is put in."""
    text = template("column")
    study = yaml.safe_load(text)
    methods = set()
    for part in _blocks(text, "# "):
        loaded = load_study(copy.deepcopy(study) | part)
        assert isinstance(loaded, ColumnStudy)
        (name,) = part
        methods.add((name, getattr(loaded, name).method))
    assert len(methods) == 13
    for part in _blocks(text, "      # "):
        changed = copy.deepcopy(study)
        changed["soil"]["layers"][0] |= part
        assert isinstance(load_study(changed), ColumnStudy)
        methods |= {(k, v["method"]) for k, v in part.items()}
    plants = next(p for p in _blocks(text, "# ") if "vegetation" in p)["vegetation"]
    for part in _blocks(text, "#   # "):
        load_study(study | {"vegetation": plants | part})
        methods.add(("roots", part["roots"]["method"]))
    assert {m for k, m in methods if k == "hydraulics"} == {
        "van_genuchten",
        "brooks_corey",
        "texture",
        "retention",
    }
    assert {m for k, m in methods if k == "roots"} == {"exponential", "jackson"}
    operator = re.search(r"^    # - (\{.*?\}+)\s", text, re.MULTILINE)
    assert operator is not None
    changed = study | {"neutrons": {"operators": yaml.safe_load(operator[1])}}
    assert isinstance(load_study(changed), ColumnStudy)
