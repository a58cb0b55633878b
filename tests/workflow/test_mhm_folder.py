"""A folder of mHM: written and read again, spoiled and refused in a sentence that helps."""

import re
import shutil
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rootzone.core import DataError
from rootzone.data.domain import Cases, Scene, SeriesStep, Setup, Weather
from rootzone.data.mhm import (
    Observed,
    default_parameters,
    read_folder,
    read_observed_counts,
    read_observed_saturation,
    write_folder,
    write_observed_counts,
)
from rootzone.data.mhm.namelist import read_namelist
from rootzone.data.mhm.netcdf import save_netcdf
from rootzone.data.synthetic_domain import hills, rail_valley
from rootzone.water.regionalization import HorizonDatabase

DAYS = 12
DOMAIN = hills(seed=2, days=DAYS)
SETUP = Setup(
    Cases(2, 3, 2),
    np.datetime64("1990-11-04"),
    np.datetime64("1990-11-12"),
    warming_days=3,
    horizon_depths=(50.0, 250.0, 600.0),
)
TABLE = default_parameters(SETUP.cases, len(DOMAIN.geology_table.unit))


def write(folder, domain=DOMAIN, setup=SETUP, **choices):
    table = default_parameters(setup.cases, len(domain.geology_table.unit))
    write_folder(domain, folder, setup, choices.pop("table", table), **choices)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder that is right; do not change it."""
    return write(tmp_path_factory.mktemp("mhm") / "whole")


@pytest.fixture
def copy(whole, tmp_path):
    """A folder to spoil."""
    return Path(shutil.copytree(whole, tmp_path / "spoiled"))


def same(a, b, skip=()):
    """Assert that two things are the same to the last bit."""
    if is_dataclass(a):
        assert type(a) is type(b)
        for f in fields(a):
            if f.name not in skip:
                same(getattr(a, f.name), getattr(b, f.name))
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def cut(weather: Weather, names, start, days) -> Weather:
    """Return the weather that a run needs."""
    first = int((start.astype("datetime64[D]") - weather.start.astype("datetime64[D]")).astype(int))
    part = slice(first, first + days)
    kept = {name: weather.fields[name][part] for name in names}
    return Weather(start.astype("datetime64[h]"), weather.hours, kept, weather.weights)


# --- round trips --------------------------------------------------------------------------


def test_what_is_read_is_what_was_written(whole):
    folder = read_folder(whole)
    names = ("pre", "tavg", "net_rad", "eabs", "windspeed")
    expected = replace(DOMAIN, weather=cut(DOMAIN.weather, names, SETUP.start_day, SETUP.days))
    same(expected, folder.domain)
    assert folder.setup == SETUP
    assert folder.parameters == TABLE
    assert folder.outputs.flags == tuple(range(1, 22))
    assert folder.outputs.every == -1
    assert folder.unsupported == ()


@pytest.mark.parametrize(
    "sizes",
    [
        {"cellsize1": 1200.0, "cellsize2": 400.0},
        {"cellsize1": 400.0, "cellsize2": 800.0, "shape": (37, 42)},
        {"cellsize1": 100.0, "cellsize2": 2000.0},
        {"cellsize0": 1.0 / 128.0, "cellsize1": 1.0 / 32.0, "cellsize2": 1.0 / 16.0},
    ],
)
def test_grids_of_all_ratios_come_back(tmp_path, sizes):
    domain = replace(hills(seed=4, days=3, **sizes), geographic=sizes["cellsize1"] < 1)
    setup = Setup(Cases(), np.datetime64("1990-11-01"), np.datetime64("1990-11-03"))
    folder = read_folder(write(tmp_path / "f", domain, setup))
    same(domain, folder.domain, skip=("weather",))
    assert folder.domain.cells == domain.cells


def test_railway_comes_back_with_its_line(tmp_path):
    domain = rail_valley(seed=3, days=2)
    setup = Setup(Cases(), np.datetime64("2020-01-01"), np.datetime64("2020-01-02"))
    read = read_folder(write(tmp_path / "f", domain, setup)).domain
    same(domain.line, read.line)
    assert read.name == "rail valley"
    assert read.line.length == domain.line.length


def test_gridded_leaf_area_weights_and_horizon_maps_come_back(tmp_path):
    rng = np.random.default_rng(5)
    mask, shape2 = DOMAIN.mask, DOMAIN.level2.shape
    weights = {n: rng.random((24, 12, *shape2)) for n in ("pre", "tavg", "pet")}
    soils = HorizonDatabase(
        np.array([3, 7]), np.array([20.0, 5.0]), np.array([30.0, 80.0]), np.array([1.4, 1.5])
    )
    kinds = np.where(mask, rng.choice([3, 7], (3, *mask.shape)), -9999)
    domain = replace(
        DOMAIN,
        lai=np.where(mask, rng.uniform(0.1, 6.0, (12, *mask.shape)), np.nan),
        lai_class=None,
        lai_table=None,
        soil=kinds,
        soils=soils,
        weather=replace(DOMAIN.weather, weights=weights),
    )
    setup = replace(SETUP, cases=Cases(4, -1, 1), soil_maps=1, horizon_depths=(50.0, 200.0, 600.0))
    read = read_folder(write(tmp_path / "f", domain, setup)).domain
    same(domain, read, skip=("weather",))
    same(weights, dict(read.weather.weights))


@pytest.mark.parametrize("step", [SeriesStep.DAILY, SeriesStep.MONTHLY, SeriesStep.YEARLY])
def test_series_of_leaf_area_is_cut_to_the_run(tmp_path, step):
    mask = DOMAIN.mask
    count = {SeriesStep.DAILY: DAYS, SeriesStep.MONTHLY: 2, SeriesStep.YEARLY: 1}[step]
    lai = np.where(mask, 1.0 + np.arange(count)[:, None, None], np.nan)
    domain = replace(DOMAIN, lai=lai, lai_class=None, lai_table=None, lai_step=step)
    read = read_folder(write(tmp_path / "f", domain)).domain
    same(lai if step != SeriesStep.MONTHLY else lai[:1], read.lai)
    assert read.lai_step == step


def test_hourly_weather_comes_back(tmp_path):
    hours = Weather(
        DOMAIN.weather.start,
        1,
        {n: np.repeat(v, 24, axis=0) for n, v in DOMAIN.weather.fields.items()},
    )
    setup = replace(SETUP, cases=Cases(1, 0, 0))
    read = read_folder(write(tmp_path / "f", replace(DOMAIN, weather=hours), setup)).domain
    assert read.weather.hours == 1
    assert read.weather.steps == 24 * SETUP.days
    same(hours.fields["pre"][: 24 * SETUP.days], read.weather.fields["pre"])


def test_netcdf_maps_are_read_before_ascii_ones_and_turned_over(copy):
    grid = DOMAIN.level0
    axes = {
        "y": ("y", grid.y[::-1], {"axis": "Y"}),
        "x": ("x", grid.x, {"axis": "X"}),
    }
    slope = np.where(DOMAIN.mask, 7.0 + np.arange(grid.nrows)[:, None], -9999.0)
    data = xr.Dataset({"slope": (("y", "x"), slope[::-1], {"missing_value": -9999.0})}, axes)
    save_netcdf(data, copy / "input/morph/slope.nc")
    np.testing.assert_array_equal(
        read_folder(copy).domain.slope, np.where(DOMAIN.mask, slope, np.nan)
    )


def test_observed_counts_come_back_with_their_gaps(copy):
    rng = np.random.default_rng(6)
    days = SETUP.first_day + np.arange(-2, 12)
    values = rng.uniform(700.0, 1200.0, (len(days), DOMAIN.cells))
    values[3, 5] = np.nan
    path = copy / "input/optional_data/neutrons.nc"
    write_observed_counts(path, DOMAIN, Observed(days, values))
    read = read_observed_counts(path, DOMAIN, SETUP)
    np.testing.assert_array_equal(read.values, values[2:11])
    assert read.times[0] == SETUP.first_day
    assert read_folder(copy).paths.neutrons == path.parent
    later = replace(SETUP, first_day=SETUP.first_day + 7, last_day=SETUP.last_day + 7)
    read = read_observed_counts(path, DOMAIN, later)
    np.testing.assert_array_equal(read.values[:5], values[9:])
    assert np.isnan(read.values[5:]).all()
    assert len(read.times) == 9
    gone = replace(SETUP, first_day=SETUP.first_day + 20, last_day=SETUP.last_day + 20)
    with pytest.raises(DataError, match="covers 1990-11-02 to 1990-11-15, 1990-11-24 to"):
        read_observed_counts(path, DOMAIN, gone)


# --- namelists ----------------------------------------------------------------------------


def parsed(tmp_path, text):
    path = tmp_path / "x.nml"
    path.write_text(text, encoding="utf-8")
    return read_namelist(path)


def test_the_grammar_of_namelists(tmp_path):
    """Lists over lines, repeats, gaps, slices, components, comments, texts, exponents."""
    nml = parsed(
        tmp_path,
        """! a comment & more
        text before groups is no group
        &First_Group a = 1, 2,  ! two
            3 b = 2*0.5 1.5d-2
          c(2) = 7 c(4:5) = 8, 9 d = 1,,3
          word = 'it''s ! no / comment' , other = "a 'b'"
          table(2,:) = 1 2 3
          per(3)%year = 1990 yes = .TRUE., no = F
          a = 10
        /
        $second x = -1E+2 &end
        """,
    )
    first = nml["first_group"]
    assert [first.integer("A", (i,)) for i in (1, 2, 3)] == [10, 2, 3]
    assert first.reals("b", 3) == (0.5, 0.5, 0.015)
    assert [first.integer("c", (i,)) for i in (2, 4, 5)] == [7, 8, 9]
    assert first.find("d", (2,)) is None
    assert first.integer("d", (3,)) == 3
    assert first.text("word") == "it's ! no / comment"
    assert first.text("other") == "a 'b'"
    assert [first.real("table", (2, i)) for i in (1, 2, 3)] == [1.0, 2.0, 3.0]
    assert first.integer("per", (3,), "year") == 1990
    assert first.logical("yes")
    assert not first.logical("no")
    assert first.where("c").endswith("x.nml, line 5")
    assert nml["Second"].real("X") == -100.0
    assert "first_group" in nml
    assert "third" not in nml
    with pytest.raises(DataError, match=r"no group &first_grup; did you mean"):
        nml["first_grup"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("&a\n x = 1", "line 1: &a is not closed"),
        ("&a x = 1\n&b /", "line 1: &a is not closed by '/' before the next group in line 2"),
        ("&a\n 5 /", "line 2: '5' is not understood in &a"),
        ("&a\n x(k) = 1 /", "line 2: 'x(k)': no index k"),
        ("&a\n x = 'abc\n/", "line 2: the text after ' is not closed"),
    ],
)
def test_text_that_is_no_namelist_is_named_with_its_line(tmp_path, text, says):
    with pytest.raises(DataError) as error:
        parsed(tmp_path, text)
    assert says in str(error.value)


# --- what is not supported, in a sentence -------------------------------------------------


def test_options_without_effect_are_told(copy):
    spoil(copy / "mhm.nml", "processCase(8) = 0", "processCase(8) = 3")
    spoil(copy / "mhm.nml", "processCase(11) = 0", "processCase(11) = 1")
    spoil(copy / "mhm.nml", "optimize = .FALSE.", "optimize = .TRUE.")
    spoil(copy / "mhm.nml", "&panEvapo", "&my_group\n  x = 1\n/\n&panEvapo")
    spoil(copy / "mhm.nml", "timestep = 1", "timestep = 24")
    told = read_folder(copy).unsupported
    assert len(told) == 5
    for word in ("routing", "river temperature", "optimize = .TRUE.", "&my_group", "24 days"):
        sentence = next(s for s in told if word in s)
        assert "mhm.nml, line " in sentence


# --- bad input ----------------------------------------------------------------------------


CLAY_OF_8 = float(DOMAIN.soils.clay[DOMAIN.soils.soil == 8][0])
TOP_OF_8, TOO_MUCH = f"8 1 0.0 200.0 {CLAY_OF_8}", "8 1 0.0 200.0 99.0"


def spoil(path: Path, old: str, new: str, count: int = 1):
    """Replace a text that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as error:
        read_folder(folder)
    text = str(error.value)
    assert "\n" not in text
    return text


NAMELIST = [
    ("&soildata", "&soildat", "&soildata"),
    ("nSoilHorizons_mHM = 4", "nSoilHorizons_mHM = 5", "soil_Depth(4) is not given"),
    ("nSoilHorizons_mHM = 4", "nSoilHorizons_mHM = 11", "1 to 10 horizons"),
    ("nSoilHorizons_mHM = 4", "nSoilHorizon_mHM = 4", "did you mean 'nSoilHorizons_mHM'"),
    ("nSoilHorizons_mHM = 4", "nSoilHorizons_mHM = four", "a whole number is wanted"),
    ("soil_Depth(2) = 250.0", "soil_Depth(2) = 25.0", "must increase downward"),
    ("iFlag_soilDB = 0", "iFlag_soilDB = 2", "0 or 1"),
    ("iFlag_soilDB = 0", "iFlag_soilDB = 1", "soil_Depth(4) is not given"),
    ("tillageDepth = 200.0", "tillageDepth = -1.0", "above 0"),
    ("timestep = 1", "timestep = 6", "1 or 24"),
    ("processCase(3) = 2", "processCase(3) = 5", "1, 2, 3, 4"),
    ("processCase(5) = 3", "processCase(5) = 7", "-1, 0, 1, 2, 3"),
    ("processCase(1) = 1", "processCase(12) = 1", "11 cases"),
    ("nDomains = 1", "nDomains = 0", "domain 1 of 0"),
    ("iFlag_cordinate_sys = 0", "iFlag_cordinate_sys = 3", "0 (metric) or 1"),
    ("resolution_Hydrology(1) = 400.0", "resolution_Hydrology(1) = 0", "positive cell size"),
    ("resolution_Hydrology(1) = 400.0", "resolution_Hydrology(1) = 250", "do not nest"),
    ("warming_Days(1) = 3", "warming_Days(1) = -3", "0 or more"),
    ("eval_Per(1)%mStart = 11", "eval_Per(1)%mStart = 13", "is no date"),
    ("eval_Per(1)%yEnd = 1990", "eval_Per(1)%yEnd = 1989", "before it starts"),
    ("eval_Per(1)%yEnd = 1990", "eval_Per(1)%yEnd = 2031", "land cover is given for"),
    ("LCoverYearStart(2) = 1991", "LCoverYearStart(2) = 1993", "without gap or overlap"),
    ("LCoverYearEnd(1) = 1990", "LCoverYearEnd(1) = 1970", "before it starts"),
    ("LCoverYearEnd(2) = 2030", "", "LCoverYearEnd(2) is not given"),
    ("fracSealed_cityArea = 0.6", "fracSealed_cityArea = 6", "0 to 1"),
    ("timeStep_LAI_input = 0", "timeStep_LAI_input = 4", "-1 (days)"),
    ("fnight_pet = 0.1,", "fnight_pet = 1.1,", "twelve fractions"),
    ("evap_coeff = 1.3,", "evap_coeff = 0,", "twelve numbers above 0"),
    ("evap_coeff = 1.3, ", "evap_coeff = ", "evap_coeff(12) is not given"),
    ("read_restart = .FALSE.", "read_restart = no", ".TRUE. or .FALSE."),
    ("inputFormat_meteo_forcings = 'nc'", "inputFormat_meteo_forcings = 'bin'", "must be 'nc'"),
    ("dir_Out(1) = 'output/'", "dir_Out(1) = output", "a text in quotes"),
    ("dir_Out(1) = 'output/'", "dir_Out(1) = 'output/", "is not closed"),
    ("/\n\n&LCover_MPR", "\n\n&LCover_MPR", "is not closed by '/' before"),
    ("nSoilHorizons_sm_input = 1", "nSoilHorizons_sm_input = 9", "4 horizons"),
    ("read_meteo_weights = .FALSE.", "read_meteo_weights = .TRUE.", "pre_weight.nc"),
]


@pytest.mark.parametrize(("old", "new", "says"), NAMELIST)
def test_namelist_that_cannot_be_right_is_named_with_its_line(copy, old, new, says):
    spoil(copy / "mhm.nml", old, new)
    text = refused(copy)
    assert says in text
    if "pre_weight.nc" not in says:
        assert re.search(r"mhm\.nml, line \d+|mhm\.nml: no group", text), text


PARAMETERS = [
    ("degreeDayFactor_forest = 0.0001, 4.0, 1.5, 1, 1", "degreeDayFactor_forest = 0, 4, 5, 1, 1",
     "the value 5 lies outside its bounds 0 to 4"),
    ("degreeDayFactor_forest = 0.0001, 4.0, 1.5, 1, 1", "degreeDayFactor_forest = 4, 1, 2, 1, 1",
     "the lower bound 4 lies above the upper one 1"),
    ("degreeDayFactor_forest = 0.0001, 4.0, 1.5, 1, 1", "degreeDayFactor_forest = 0, 4, 2",
     "five values are wanted"),
    ("degreeDayFactor_forest = 0.0001, 4.0, 1.5, 1, 1", "degreeDayFactor_forest = 0, 4, 2, 3, 1",
     "0 or 1 is wanted"),
    ("degreeDayFactor_forest = 0.0001, 4.0, 1.5, 1, 1", "", "is not given"),
    ("degreeDayFactor_forest =", "degreeDayFactor_fores =", "mean 'degreeDayFactor_forest'"),
    ("&soilmoisture2", "&soilmoisture7", "no group &soilmoisture2"),
    ("GeoParam(5,:)", "GeoParam(9,:)", "GeoParam(9,:) has no unit"),
    ("GeoParam(5,:) = 1.0, 1000.0, 100.0, 1, 1", "", "GeoParam(5,:) is not given"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), PARAMETERS)
def test_parameters_that_cannot_be_right_are_named(copy, old, new, says):
    spoil(copy / "mhm_parameter.nml", old, new)
    text = refused(copy)
    assert says in text
    assert "mhm_parameter.nml" in text


def test_parameters_of_other_processes_do_not_matter(copy):
    spoil(copy / "mhm_parameter.nml", "Desilets_N0 = 300.0, 2000.0, 1500.0", "Desilets_N0 = 9")
    assert read_folder(copy).parameters == TABLE


def test_values_and_bounds_of_the_file_hold(copy):
    spoil(
        copy / "mhm_parameter.nml",
        "degreeDayFactor_forest = 0.0001, 4.0, 1.5, 1, 1",
        "degreeDayFactor_forest = 1d-3, 2*3.5, 0, 1  ! mine",
    )
    found = read_folder(copy).parameters["degreeDayFactor_forest"]
    assert (found.lower, found.upper, found.default, found.calibrated) == (1e-3, 3.5, 3.5, False)


def change_map(copy: Path, name: str, row: int, column: int, value: str) -> int:
    """Write a value into a cell of a map, rows and columns from 0; return its line."""
    path = copy / "input" / name
    lines = path.read_text(encoding="utf-8").splitlines()
    words = lines[6 + row].split()
    words[column] = value
    lines[6 + row] = " ".join(words)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 7 + row


ROW, COLUMN = (int(i) for i in np.argwhere(DOMAIN.mask)[700])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("morph/slope.asc", "-9999", "has no value, but dem.asc has one there (1 such cells)"),
        ("morph/soil_class.asc", "-9999", "has no value"),
        ("morph/slope.asc", "-3.0", "is -3 %, 0 to inf is wanted"),
        ("morph/aspect.asc", "400", "is 400 degrees"),
        ("morph/aspect.asc", "north", "'north' is no number"),
        ("morph/soil_class.asc", "9", "has class 9, which soil_classdefinition.txt does not"),
        ("morph/soil_class.asc", "1.5", "classes are whole numbers"),
        ("morph/geology_class.asc", "3", "has class 3, which geology_classdefinition.txt"),
        ("morph/LAI_class.asc", "4", "has class 4, which LAI_classdefinition.txt"),
        ("luse/lc_1991.asc", "0", "has class 0, which mHM (1 forest"),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_right_are_named_with_file_line_and_cell(copy, name, value, says):
    line = change_map(copy, name, ROW, COLUMN, value)
    text = refused(copy)
    assert says in text
    assert f"{Path(name).name}, line {line}" in text
    if value != "north":
        assert f"row {ROW + 1}, column {COLUMN + 1} (x = " in text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("ncols         44", "ncols         43", "43 values a row, 44 found"),
        ("nrows         36", "nrows         35", "35 rows of values, 36 found"),
        ("xllcorner     4400000", "xllcorner     4400010", "xllcorner 4400010 against 4400000"),
        ("cellsize      100", "cellsize      50", "cellsize 50 against 100"),
        ("cellsize      100", "cellsize      0", "a positive number wanted"),
        ("ncols         44", "columns 44", "'ncols VALUE' wanted"),
        ("nrows         36", "nrows         36.5", "a count wanted"),
    ],
)
def test_headers_that_disagree_are_named(copy, old, new, says):
    spoil(copy / "input/morph/slope.asc", old, new)
    text = refused(copy)
    assert says in text
    assert "slope.asc, line " in text


@pytest.mark.parametrize(
    ("table", "old", "new", "says"),
    [
        ("soil_classdefinition.txt", "nSoil_Types 8", "nSoil_Types 9", "soil type 9 has no row"),
        ("soil_classdefinition.txt", "nSoil_Types 8", "nSoil_Types 7", "says 1 to 7"),
        ("soil_classdefinition.txt", "nSoil_Types 8", "Types", "'nSoil_Types NUMBER' wanted"),
        ("soil_classdefinition.txt", "1 2 300.0 800.0", "1 2 350.0 800.0", "must start at 300"),
        ("soil_classdefinition.txt", "1 2 300.0 800.0", "1 2 300.0 200.0", "and go down"),
        ("soil_classdefinition.txt", TOP_OF_8, TOO_MUCH, "exceed 100 % together"),
        ("soil_classdefinition.txt", "8 1 0.0 200.0", "8 1 0.0 200.0 -1.0", "clay is -1"),
        ("soil_classdefinition.txt", "8 1 0.0 200.0", "8 one 0.0 200.0", "a number is wanted"),
        ("geology_classdefinition.txt", "Formations 5", "Formations 6", "the table has 5 rows"),
        ("geology_classdefinition.txt", "4 5 1", "4 5 2", "0 or 1 is wanted"),
        ("geology_classdefinition.txt", "4 5 1", "4 1 1", "stands in the table twice"),
        ("LAI_classdefinition.txt", "NoLAIclasses 6", "NoLAIclasses 7", "the table has 6 rows"),
        ("LAI_classdefinition.txt", "5 crops", "5 crops -0.1", "0 or more is wanted"),
        ("LAI_classdefinition.txt", "8 town", "8 the town", "is 'town', a number is wanted"),
    ],
)
def test_class_tables_that_cannot_be_right_are_named(copy, table, old, new, says):
    spoil(copy / "input/morph" / table, old, new)
    text = refused(copy)
    assert says in text
    assert f"{table}, line " in text


def test_texture_above_100_percent_can_be_kept_as_mhm_does(copy):
    spoil(copy / "input/morph/soil_classdefinition.txt", TOP_OF_8, TOO_MUCH)
    soils = read_folder(copy, keep_texture=True).domain.soils
    assert soils.clay[soils.soil == 8][0] == 99.0


def test_geology_without_parameters_is_named(copy):
    table = copy / "input/morph/geology_classdefinition.txt"
    spoil(table, "nGeo_Formations 5", "nGeo_Formations 6")
    table.write_text(table.read_text(encoding="utf-8") + "6 11 0 more\n", encoding="utf-8")
    assert "GeoParam(6,:) is not given" in refused(copy)


def test_horizons_below_the_shallowest_soil_are_named(copy):
    spoil(copy / "mhm.nml", "soil_Depth(3) = 600.0", "soil_Depth(3) = 950.0")
    assert "soil type 8 ends at 900 mm" in refused(copy)


def change_weather(copy: Path, name: str, change):
    """Change the dataset of a weather file."""
    path = copy / f"input/meteo/{name}.nc"
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False, mask_and_scale=False) as data:
        data = change(data.load())
    path.unlink()
    save_netcdf(data, path)


def set_value(value, day=4):
    active = np.argwhere(~np.isnan(hills_mask2()))[3]

    def change(data):
        name = next(iter(data.data_vars))
        data[name].values[(day, *active)] = value
        return data

    return change


def hills_mask2():
    from rootzone.data.rasters import coarse_mask

    active = coarse_mask(DOMAIN.mask, DOMAIN.level0, DOMAIN.level2)
    return np.where(active, 1.0, np.nan)


def attrs_of_time(**attrs):
    def change(data):
        data["time"].attrs |= attrs
        return data

    return change


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("pre", set_value(np.nan), "pre has no value on 1990-11-05 in row 1, column 4"),
        ("pre", set_value(-9999.0), "pre has no value on 1990-11-05"),
        ("pre", set_value(-1.0), "pre is -1 mm on 1990-11-05"),
        ("tavg", set_value(280.0), "tavg is 280 degC"),
        ("eabs", set_value(np.inf), "eabs is inf Pa"),
        ("windspeed", set_value(-2.0), "windspeed is -2 m s-1"),
        ("pre", attrs_of_time(calendar="360_day"), "the calendar of time is '360_day'"),
        ("pre", attrs_of_time(calendar="noleap"), "the calendar of time is 'noleap'"),
        ("pre", attrs_of_time(units="months since 1990-01-01"), "time has units 'months"),
        ("pre", attrs_of_time(units="hours since 1990-13-01"), "there is no such date"),
        ("pre", attrs_of_time(units="hours since 1990-11-02"), "covers 1990-11-02 to 1990-11-13"),
        ("pre", attrs_of_time(units="days since 1990-11-01"), "576 h later"),
        ("tavg", lambda d: d.isel(time=slice(0, 11)), "covers 1990-11-01 to 1990-11-11"),
        ("tavg", lambda d: d.isel(time=[0, 1, 3, 4]), "the next time comes 48 h later"),
        ("tavg", lambda d: d.isel(time=[0]), "at least two time steps"),
        ("tavg", lambda d: d.rename(tavg="t2m"), "no variable 'tavg', found: t2m"),
        ("tavg", lambda d: d.isel(xc=slice(1, None)), "(time, 5 rows, 6 columns) is wanted"),
        ("tavg", lambda d: d.isel(yc=slice(None, None, -1)), "the rows run from the south"),
    ],
)
def test_weather_that_cannot_be_right_is_named(copy, name, change, says):
    change_weather(copy, name, change)
    text = refused(copy)
    assert says in text
    assert f"{name}.nc" in text


def test_impossible_weather_passes_where_the_namelist_lets_it(copy):
    change_weather(copy, "tavg", set_value(280.0))
    spoil(copy / "mhm.nml", "bound_error = .TRUE.", "bound_error = .FALSE.")
    assert read_folder(copy).domain.weather.fields["tavg"].max() == 280.0


def test_hourly_weather_does_not_go_with_computed_evapotranspiration(tmp_path):
    hours = Weather(
        DOMAIN.weather.start,
        1,
        {n: np.repeat(v, 24, axis=0) for n, v in DOMAIN.weather.fields.items()},
    )
    text = refused(write(tmp_path / "f", replace(DOMAIN, weather=hours)))
    assert "processCase(5) = 3" in text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cellsize      800", "cellsize      750", "do not nest"),
        ("xllcorner     4399600", "xllcorner     4399700", "does not fit the maps"),
        ("ncols         6", "ncols         5", "ncols 5 against 6"),
    ],
)
def test_weather_grids_that_do_not_fit_are_named(copy, old, new, says):
    spoil(copy / "input/meteo/header.txt", old, new)
    text = refused(copy)
    assert says in text
    assert "header.txt, line " in text


@pytest.mark.parametrize(
    "missing",
    [
        "mhm.nml",
        "mhm_parameter.nml",
        "mhm_outputs.nml",
        "input/morph/dem.asc",
        "input/morph/aspect.asc",
        "input/luse/lc_1980.asc",
        "input/morph/soil_classdefinition.txt",
        "input/meteo/header.txt",
        "input/meteo/eabs.nc",
        "input/latlon.nc",
    ],
)
def test_files_that_are_not_there_are_named(copy, missing):
    (copy / missing).unlink()
    text = refused(copy)
    assert "there is no such file" in text
    assert Path(missing).name in text


@pytest.mark.parametrize("broken", ["input/meteo/pre.nc", "input/latlon.nc"])
def test_files_of_another_kind_are_named(copy, broken):
    (copy / broken).write_text("no NetCDF", encoding="utf-8")
    assert "cannot be read as NetCDF" in refused(copy)


def test_coordinates_of_another_grid_are_named(copy, tmp_path):
    other = hills(seed=2, days=2, cellsize1=1200.0, cellsize2=400.0)
    write(tmp_path / "other", other, replace(SETUP, cases=Cases(1, 0, 0)))
    shutil.copy(tmp_path / "other/input/latlon.nc", copy / "input/latlon.nc")
    assert "lat has the shape (3, 4), (9, 11) (rows, columns) is wanted" in refused(copy)


def test_no_folder_is_named(tmp_path):
    assert "there is no such folder" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("values", "shape", "says"),
    [
        (-5.0, None, "neutrons is -5 on 1990-11-05"),
        (800.0, (9, 10), "(time, 9 rows, 11 columns) is wanted"),
    ],
)
def test_observed_counts_that_cannot_be_right_are_named(tmp_path, values, shape, says):
    shape = shape or DOMAIN.level1.shape
    counts = np.full((DAYS, *shape), 800.0)
    counts[4] = values
    time = ("time", np.arange(DAYS), {"units": "days since 1990-11-01"})
    data = xr.Dataset(
        {"neutrons": (("time", "y", "x"), counts, {"missing_value": -9999.0})}, {"time": time}
    )
    save_netcdf(data, tmp_path / "neutrons.nc")
    with pytest.raises(DataError, match=r"neutrons\.nc") as error:
        read_observed_counts(tmp_path / "neutrons.nc", DOMAIN, SETUP)
    assert says in str(error.value)


def test_observed_saturation_is_a_fraction(tmp_path):
    time = ("time", np.arange(DAYS), {"units": "days since 1990-11-01"})
    values = np.full((DAYS, *DOMAIN.level1.shape), 35.0)
    data = xr.Dataset(
        {"sm": (("time", "y", "x"), values, {"missing_value": -9999.0})}, {"time": time}
    )
    save_netcdf(data, tmp_path / "sm.nc")
    with pytest.raises(DataError, match="sm is 35 on 1990-11-04"):
        read_observed_saturation(tmp_path / "sm.nc", DOMAIN, SETUP, SeriesStep.DAILY)


def test_second_domain_of_a_namelist(copy):
    text = (copy / "mhm.nml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        lines.append(line)
        if "(1)" in line and "=" in line and not line.lstrip().startswith(("proc", "LCov", "soil")):
            lines.append(
                line.replace("(1)", "(2)").replace("warming_Days(2) = 3", "warming_Days(2) = 1")
            )
    text = "\n".join(lines).replace("nDomains = 1", "nDomains = 2")
    (copy / "mhm.nml").write_text(text + "\n", encoding="utf-8")
    assert read_folder(copy, domain=2).setup.warming_days == 1
    with pytest.raises(DataError, match="domain 3 of 2"):
        read_folder(copy, domain=3)


def test_scenes_are_named_by_their_years(whole):
    assert read_folder(whole).domain.scenes == (
        Scene(1980, 1990, "lc_1980.asc"),
        Scene(1991, 2030, "lc_1991.asc"),
    )
