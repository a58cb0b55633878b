"""The study `catchment` from file to report, restart and resume, and what it says of bad input."""

import copy
import json
import re
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr
import yaml

import rootzone
from rootzone.cli import main
from rootzone.config import load_study, template
from rootzone.core import RootzoneError
from rootzone.data.domain import Cases, Setup
from rootzone.data.mhm import Observed, default_parameters, write_folder, write_observed_counts
from rootzone.data.mhm.netcdf import save_netcdf
from rootzone.data.synthetic_domain import hills
from rootzone.studies import check_study, find_demo, remake_report
from rootzone.studies.catchment_blocks import BlockStore


@pytest.fixture(scope="module", autouse=True)
def _one_device():
    """Start JAX with one device: a run makes one of every core, and compiles for each."""
    jax.devices()


STUDY = {
    "kind": "catchment",
    "title": "Small hills",
    "precision": "float64",
    "compat": "standard",
    "source": {"method": "synthetic", "preset": "hills", "start": "1990-12-12", "days": 40},
    "period": {"warm_up_days": 10},
    "counts": {"when": "once_a_day"},
    "results": {
        "variables": ["theta", "soil_moisture", "snow_pack", "runoff"],
        "cells": [{"name": "brook", "row": 4, "column": 5}],
        "restart": True,
    },
    "computation": {"block_days": 10},  # blocks of one length are one program
}


def changed(**keys):
    """Return the study with some keys changed: ``results__maps="none"``."""
    study = copy.deepcopy(STUDY)
    for key, value in keys.items():
        *path, last = key.split("__")
        here = study
        for part in path:
            here = here.setdefault(part, {})
        here[last] = value
    return study


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return rootzone.run(STUDY, out=tmp_path_factory.mktemp("runs") / "hills")


def test_run_folder_holds_what_it_promises(result):
    names = {p.name for p in result.folder.iterdir()}
    assert names == {
        "study.yaml",
        "series.nc",
        "means.nc",
        "balance.nc",
        "parameters.nc",
        "maps",
        "summary.json",
        "report.html",
        "log.txt",
    }
    assert {p.name for p in (result.folder / "maps").iterdir()} == {"daily.nc", "mHM_restart.nc"}
    summary = json.loads((result.folder / "summary.json").read_text())
    assert summary["kind"] == "catchment"
    assert summary["maps"] == "maps/daily.nc"
    assert summary["domain"]["cells"] == result["means"]["elevation"].count()
    assert summary["parameter_values"]["Desilets_N0"] == 1500.0


def test_maps_series_and_means_are_the_same_numbers(result):
    with xr.open_dataset(result.folder / "maps/daily.nc", engine="h5netcdf") as maps:
        assert maps.attrs["Conventions"].startswith("CF-")
        assert maps.sizes["time"] == 30
        assert str(maps["time"].values[0])[:10] == "1990-12-22"
        for variable in maps.data_vars.values():
            if variable.dtype.kind == "f":
                assert "units" in variable.attrs, variable.name
        series, means = result["series"], result["means"]
        share = means["area_share"].fillna(0.0)
        assert float(share.sum()) == pytest.approx(1.0)
        for name in ("theta", "snow_pack", "runoff", "neutrons"):
            mean = (maps[name].fillna(0.0) * share).sum(("y", "x"))
            np.testing.assert_allclose(mean, series[name], rtol=1e-10)
        np.testing.assert_allclose(maps["theta"].mean("time"), means["theta"], rtol=1e-10)
        np.testing.assert_allclose(
            maps["runoff"].mean("time") * 365.25, means["runoff"], rtol=1e-10
        )
        cell = maps["theta"].isel(y=3, x=4)
        np.testing.assert_array_equal(cell, series["cell_theta"].isel(cell=0))


def test_balance_closes_and_its_terms_are_those_of_the_series(result):
    balance, series = result["balance"], result["series"]
    assert result.summary["balance_largest_error_mm"] < 1e-9
    of_period = balance.isel(part=balance["evaluated"].values > 0)
    assert of_period["days"].sum() == 30
    for name in ("precipitation", "evapotranspiration", "runoff"):
        np.testing.assert_allclose(of_period[name].sum(), series[name].sum(), rtol=1e-10)
    # the scene changes at the turn of the year: water per area appears or goes
    assert abs(float(balance["land_cover_change"].sum())) > 1e-3


def test_report_has_maps_with_scale_and_no_missing_figure(result):
    page = (result.folder / "report.html").read_text()
    assert page.count("data:image/png;base64") >= 5
    assert "Small hills" in page
    before = re.sub(r"base64,[^\"]+", "", page)
    remake_report(result.folder)
    after = re.sub(r"base64,[^\"]+", "", (result.folder / "report.html").read_text())
    assert before == after


def test_maps_in_memory_without_a_folder(result):
    """Single precision and other chunks: within 1e-4 of daily water content."""
    study = changed(precision="float32", computation__chunk=32)
    found = rootzone.run(study)
    assert found.folder is None
    with xr.open_dataset(result.folder / "maps/daily.nc", engine="h5netcdf") as maps:
        difference = np.abs(found["maps"]["theta"].values - maps["theta"].values)
        assert 0.0 < np.nanmax(difference) < 1e-4


class KilledError(Exception):
    """A run is stopped from outside."""


def test_a_killed_run_goes_on_where_it_was(result, tmp_path):
    def kill(stage, share):
        if stage == "running" and share > 0.4:
            raise KilledError

    with pytest.raises(KilledError):
        rootzone.run(STUDY, out=tmp_path / "run", progress=kill)
    kept = list((tmp_path / "run/blocks").glob("*.npz"))
    assert kept
    assert not (tmp_path / "run/maps/daily.nc").exists()
    found = rootzone.run(STUDY, out=tmp_path / "run", resume=True)
    log = (tmp_path / "run/log.txt").read_text()
    assert f"{len(kept)} of 4 blocks of days are here from before" in log
    assert not (tmp_path / "run/blocks").exists()
    for name in ("series", "means", "balance"):
        xr.testing.assert_allclose(found[name], result[name], rtol=1e-12)
    with (
        xr.open_dataset(tmp_path / "run/maps/daily.nc", engine="h5netcdf") as a,
        xr.open_dataset(result.folder / "maps/daily.nc", engine="h5netcdf") as b,
    ):
        xr.testing.assert_allclose(a.load(), b.load(), rtol=1e-12)


def test_a_spoiled_block_is_computed_again(tmp_path):
    plan = ((0, 5), (5, 9))
    store = BlockStore(tmp_path, plan)
    (tmp_path / "00000.npz").write_bytes(b"PK no zip")
    assert store.kept() == []


def test_a_run_from_a_restart_file_is_the_rest_of_the_run(result, tmp_path):
    first = changed(period={"start": "1990-12-12", "end": "1990-12-31", "warm_up_days": 0})
    begun = rootzone.run(first, out=tmp_path / "first")
    second = changed(
        period={"start": "1991-01-01", "warm_up_days": 0},
        restart=str(begun.folder / "maps/mHM_restart.nc"),
    )
    found = rootzone.run(second)
    for name in ("theta", "runoff", "neutrons"):
        expected = result["series"][name].sel(time=slice("1991-01-01", None))
        np.testing.assert_allclose(found["series"][name], expected, rtol=1e-10)


# --- folders of mHM ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that mHM runs on, with observed counts in two of three cells."""
    path = tmp_path_factory.mktemp("mhm")
    domain = hills(seed=0, start="1990-12-12", days=40)
    first = np.datetime64("1990-12-22")
    setup = Setup(Cases(1, 0, 1), first, np.datetime64("1991-01-20"), warming_days=10)
    table = default_parameters(setup.cases, len(domain.geology_table.unit))
    write_folder(domain, path, setup, table)
    values = 800.0 + np.random.default_rng(0).normal(0.0, 20.0, (30, domain.cells))
    values[:, ::3] = np.nan
    observed = Observed(first + np.arange(30), values)
    write_observed_counts(path / "input/optional_data/neutrons.nc", domain, observed)
    return path


def test_a_folder_gives_the_numbers_of_the_domain_it_was_written_from(folder, result):
    study = changed(
        source={"method": "mhm_folder", "folder": str(folder)},
        results__names="mhm",
        counts__operator="desilets_schroen_2017",
    )
    del study["period"]
    found = rootzone.run(study)
    for name in ("theta", "runoff", "neutrons"):
        np.testing.assert_allclose(found["series"][name], result["series"][name], rtol=1e-10)
    assert {"SWC_L01", "SWC_L04", "Q", "neutrons"} <= set(found["maps"].data_vars)
    scores = found.summary["scores"]["neutrons, mean of the cells"]
    sim, obs = (found["series"][f"neutrons_{k}"] for k in ("simulated", "observed"))
    assert scores["n"] == 30
    np.testing.assert_allclose(scores["bias"], float((sim - obs).mean()), rtol=1e-9)
    cells = found.summary["domain"]["cells"]
    assert found["means"]["neutrons_rmse"].count() == cells - len(range(0, cells, 3))


def test_the_period_of_a_study_goes_before_that_of_the_folder(folder, tmp_path):
    """The weather of the folder covers more than its period: the study may ask for it."""
    study = changed(source={"method": "mhm_folder", "folder": str(folder)})
    path = tmp_path / "study.yaml"
    for period, says in (
        ({"start": "1990-12-13", "warm_up_days": 1}, "1990-12-13 to 1991-01-20 after 1 days"),
        ({"end": "1991-01-11"}, "1990-12-22 to 1991-01-11 after 10 days"),
    ):
        path.write_text(yaml.safe_dump(study | {"period": period}))
        assert any(says in line for line in check_study(path))
    path.write_text(yaml.safe_dump(study | {"period": {"end": "1991-01-21"}}))
    with pytest.raises(RootzoneError, match=r"pre\.nc: covers 1990-12-12 to 1991-01-20"):
        check_study(path)


def test_relative_folder_starts_at_the_study(folder, tmp_path):
    study = changed(source={"method": "mhm_folder", "folder": folder.name})
    del study["period"]
    path = folder.parent / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    assert any("cells of 400 from" in line for line in check_study(path))


# --- bad input --------------------------------------------------------------------------------

BAD = [
    ({"compat": "mhm-6"}, "compat: 'mhm-6' is not known"),
    ({"source__preset": "hill"}, "did you mean 'hills'"),
    ({"source__method": "folder"}, "'folder' is not known"),
    ({"results__variables": ["thetta"]}, "did you mean 'theta'"),
    ({"results__variables": ["neutrons"]}, "counts are chosen under counts"),
    ({"results__cells": [{"name": "a", "row": 1}]}, "wanted x and y, or row and column"),
    ({"results__cells": [{"name": "a", "row": 99, "column": 1}]}, "outside the catchment"),
    ({"results__cells": [{"name": "a", "x": 0.0, "y": 0.0}]}, "outside the catchment"),
    ({"period__start": "1991-05-01"}, "before its start"),
    ({"period": {"start": "1990-12-15", "warm_up_days": 30}}, "the weather covers"),
    ({"period": {"end": "1991-06-01"}}, "the weather covers"),
    ({"source__start": "2030-12-20"}, "no land-cover scene for 2031"),
    ({"parameters__values": {"Desilets_n0": 1.0}}, "did you mean 'Desilets_N0'"),
    ({"parameters__values": {"Desilets_N0": 1.0}}, "outside its bounds"),
    ({"source__model": {"horizon_depths": [50, 20]}}, "each deeper"),
    ({"source__cell_size": 250.0}, "do not nest"),
    ({"restart": "nowhere.nc"}, "there is no such file"),
    ({"computation__chunk": 1}, "16 or more"),
    ({"source__cell_size": 1e30}, "3200 or less"),
    ({"parameters__table": "a\0b.csv"}, "cannot be read"),
]


@pytest.mark.parametrize(("keys", "sentence"), BAD, ids=[s for _, s in BAD])
def test_bad_studies_are_told_in_a_sentence(keys, sentence, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(changed(**keys)))
    with pytest.raises(RootzoneError) as caught:
        check_study(path)
    assert sentence in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_parameter_tables_name_file_and_line(tmp_path):
    table = tmp_path / "parameters.csv"
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(changed(parameters__table="parameters.csv")))
    for text, sentence in (
        ("name,value\nDesilets_N0,1000\nDesilets_LW0,abc\n", "line 3: the value of Desilets_LW0"),
        ("name,value\nDesilets_N,1000\n", "line 2: the chosen processes have no parameter"),
        ("name,value\nDesilets_N0,1000\nDesilets_N0,1100\n", "line 3: Desilets_N0 stands in"),
        ("name,value\nDesilets_N0,9\n", "line 2: Desilets_N0 = 9 lies outside its bounds"),
        ("name;value\n", "line 1: the columns name and value are wanted"),
    ):
        table.write_text(text)
        with pytest.raises(RootzoneError, match=re.escape(str(table))) as caught:
            check_study(study)
        assert sentence in str(caught.value)
    table.write_text("name,value\nDesilets_N0,1000\n")
    check_study(study)


def edit(old, new):
    """Return what changes a text in a file."""

    def change(path):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def cell_to(row, column, value):
    """Return what changes a cell of an ASCII grid, counted from 1."""

    def change(path):
        lines = path.read_text(encoding="utf-8").splitlines()
        words = lines[5 + row].split()
        assert words[column - 1] != "-9999"
        lines[5 + row] = " ".join([*words[: column - 1], value, *words[column:]])
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return change


def weather_to(change):
    """Return what changes the dataset of a weather file."""

    def edit_file(path):
        with xr.open_dataset(path, decode_times=False, engine="h5netcdf") as data:
            data = change(data.load())
        path.unlink()
        save_netcdf(data, path)

    return edit_file


def empty_value(data):
    data["tavg"].values[9, 2, 3] = np.nan
    return data


def other_calendar(data):
    data["time"].attrs["calendar"] = "noleap"
    return data


def damage(part):
    """Return what changes one byte within the last such part of an HDF5 file."""

    def change(path):
        content = bytearray(path.read_bytes())
        content[content.rindex(part) + 8] ^= 255
        path.write_bytes(bytes(content))

    return change


SPOILED = {
    "no nest": (
        "mhm.nml",
        edit("resolution_Hydrology(1) = 400.0", "resolution_Hydrology(1) = 250.0"),
        r"mhm\.nml, line \d+: resolution_Hydrology on .*dem\.asc: .* do not nest",
    ),
    "headers": (
        "input/morph/slope.asc",
        edit("cellsize      100", "cellsize      50"),
        r"slope\.asc, line 5: the header disagrees with .*dem\.asc: cellsize 50 against 100",
    ),
    "columns": (
        "input/morph/soil_class.asc",
        edit("ncols         44", "ncols  99999999"),
        r"soil_class\.asc, line 7: ncols says 99999999 values a row, 44 found",
    ),
    "endless": (
        "input/morph/soil_class.asc",
        edit("ncols         44", "ncols         inf"),
        r"soil_class\.asc, line 1: ncols is inf, a count wanted",
    ),
    "damaged header": ("input/meteo/pet.nc", damage(b"OHDR"), r"pet\.nc: cannot be read as NetCDF"),
    "damaged names": ("input/meteo/pet.nc", damage(b"GCOL"), r"pet\.nc: cannot be read as NetCDF"),
    "hole": (
        "input/morph/slope.asc",
        cell_to(20, 20, "-9999"),
        r"slope\.asc, line 26: row 20, column 20 \(x = .*\) has no value, but dem\.asc has one",
    ),
    "class": (
        "input/morph/geology_class.asc",
        cell_to(20, 20, "77"),
        r"geology_class\.asc, line 26: row 20, column 20 .* has class 77, which geology_class",
    ),
    "texture": (
        "input/morph/soil_classdefinition.txt",
        lambda path: path.write_text(
            re.sub(r"(?m)^(1 1 \S+ \S+) \S+ \S+", r"\1 70 40", path.read_text(), count=1)
        ),
        r"soil_classdefinition\.txt, line 3: soil type 1: clay 70 % and sand 40 % exceed 100 %",
    ),
    "period": (
        "mhm.nml",
        edit("eval_Per(1)%dEnd = 20", "eval_Per(1)%dEnd = 25"),
        r"pre\.nc: covers 1990-12-12 to 1991-01-20, the run .* needs 1990-12-12 to 1991-01-25",
    ),
    "calendar": (
        "input/meteo/pet.nc",
        weather_to(other_calendar),
        r"pet\.nc: the calendar of time is 'noleap', the real one",
    ),
    "missing value": (
        "input/meteo/tavg.nc",
        weather_to(empty_value),
        r"tavg\.nc: tavg has no value on 1990-12-21 in row 3, column 4 \(x = ",
    ),
    "unknown option": (
        "mhm.nml",
        edit("nSoilHorizons_mHM", "nSoilHorizon_mHM"),
        r"mhm\.nml, line \d+: .*'nSoilHorizon_mHM'.* did you mean 'nSoilHorizons_mHM'",
    ),
    "contradictory options": (
        "mhm.nml",
        edit("iFlag_soilDB = 0", "iFlag_soilDB = 1"),
        r"mhm\.nml, line \d+: 4 horizons want soil_Depth\(1\) to soil_Depth\(4\)",
    ),
    "parameter": (
        "mhm_parameter.nml",
        edit("Desilets_N0 = 300.0, 2000.0, 1500.0", "Desilets_N0 = 300.0, 2000.0, 2500.0"),
        r"mhm_parameter\.nml, line \d+: Desilets_N0: the value 2500 lies outside its bounds",
    ),
    "no folder": (None, shutil.rmtree, "there is no such folder"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_bad_folders_end_the_command_with_code_2_and_a_sentence(folder, tmp_path, capsys, what):
    name, change, says = SPOILED[what]
    copied = Path(shutil.copytree(folder, tmp_path / "copied"))
    change(copied / name if name else copied)
    path = tmp_path / "study.yaml"
    study = changed(source={"method": "mhm_folder", "folder": "copied"})
    del study["period"]
    path.write_text(yaml.safe_dump(study))
    with pytest.raises(SystemExit) as code:
        main(["check", str(path)])
    assert code.value.code == 2
    told = capsys.readouterr().err.strip()
    assert re.search(says, told), told
    assert len(told.splitlines()) == 1


# --- maps, template, demo ---------------------------------------------------------------------


def test_plain_maps_give_the_numbers_of_the_preset(folder, result, tmp_path):
    """The maps of the folder as single files, its weather as one NetCDF file."""
    domain = hills(seed=0, start="1990-12-12", days=40)
    units = {"pre": "mm", "tavg": "degC", "pet": "mm"}
    data = xr.Dataset(
        {n: (("time", "y", "x"), domain.weather.fields[n], {"units": u}) for n, u in units.items()},
        {"time": domain.weather.times.astype("datetime64[ns]")},
    )
    data = data.rename(pre="rain").assign_coords(y=domain.level2.y, x=domain.level2.x)
    data.to_netcdf(tmp_path / "weather.nc", engine="h5netcdf")
    morph = folder / "input/morph"
    source = {
        "method": "maps",
        **{n: str(morph / f"{n}.asc") for n in ("dem", "slope", "aspect")},
        "soil": str(morph / "soil_class.asc"),
        "geology": str(morph / "geology_class.asc"),
        "lai_class": str(morph / "LAI_class.asc"),
        "land_cover": [
            {
                "files": str(folder / "input/luse" / scene.name),
                "first_year": scene.first_year,
                "last_year": scene.last_year,
            }
            for scene in domain.scenes
        ],
        **{
            f"{kind}_table": str(next(folder.rglob(f"{name}_classdefinition.txt")))
            for kind, name in (("soil", "soil"), ("geology", "geology"), ("lai", "LAI"))
        },
        "weather": "weather.nc",
        "weather_variables": {"pre": "rain"},
        "cell_size": 400.0,
        "latitude": 51.0,
        "longitude": 10.5,
    }
    study = changed(
        source=source,
        period={"start": "1990-12-22", "end": "1991-01-20", "warm_up_days": 10},
    )
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    found = rootzone.run(path)
    np.testing.assert_allclose(found["series"]["theta"], result["series"]["theta"], rtol=1e-10)
    study["source"]["model"] = {"pet": "priestley_taylor"}
    path.write_text(yaml.safe_dump(study))
    with pytest.raises(RootzoneError, match=r"no variable 'net_rad' .* found are rain, tavg, pet"):
        check_study(path)


def test_commented_sources_of_the_template_are_studies(tmp_path):
    text = template("catchment")
    path, methods = tmp_path / "study.yaml", []
    for start in re.finditer(r"^# source:$", text, re.MULTILINE):
        lines = []
        for line in text[start.start() :].splitlines()[1:]:
            if not line.startswith("#   "):
                break
            lines.append(line[2:])
        path.write_text("kind: catchment\nsource:\n" + "\n".join(lines) + "\n")
        methods.append(load_study(path).source.method)
        opened = "\n".join(re.sub(r"^  # ", "  ", line) for line in lines)
        for twice in ("lai_class", "lai_table") if "lai_class" in opened else ():
            opened = re.sub(rf"(?m)^  {twice}:.*\n", "", opened)
        path.write_text("kind: catchment\nsource:\n" + opened + "\n")
        load_study(path)
    assert methods == ["mhm_folder", "maps", "sites"]


def test_template_and_demo_are_fine(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(template("catchment"))
    load_study(path)
    assert find_demo("catchment").is_file()
    assert load_study(find_demo("catchment")).kind == "catchment"
    assert Path(find_demo("catchment")).parent.name == "catchment"
