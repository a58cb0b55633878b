"""Laws of texture among the parameters: it is the plain regionalization with another soil table."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.core.errors import StudyError
from rootzone.neutrons.cell_counts import DesiletsSchroen2017
from rootzone.simulate.catchment import Catchment, processes_of_mhm, run_members
from rootzone.water.cell import STANDARD, CellParameters, OnceADay, Weather
from rootzone.water.cell.calendar import Calendar
from rootzone.water.cell.forcing import DailyStep
from rootzone.water.regionalization import (
    DesiletsFields,
    Geology,
    Maps,
    Processes,
    ProfileDatabase,
    SoilLayers,
    prepare,
)
from rootzone.water.regionalization.soil import _retention_shape
from rootzone.water.regionalization.textured import Textured, retention_shape

NAMES = ("loam", "sand hill", "clay", "layers")
SAND = np.array([40.0, 80.0, 15.0])
CLAY = np.array([20.0, 6.0, 45.0])
DENSITY = np.array([1.4, 1.5, 1.25])


def soils(sand=SAND, clay=CLAY, density=DENSITY):
    """Return a soil for each of four cells; the last has layers of different texture."""
    return ProfileDatabase(
        soil=np.array([1, 2, 3, 4, 4]),
        upper=np.array([0.0, 0, 0, 0, 300]),
        lower=np.array([1500.0, 1200, 2000, 300, 1800]),
        clay=np.array([*clay, 10.0, 30.0]),
        sand=np.array([*sand, 60.0, 30.0]),
        bulk_density=np.array([*density, 1.4, 1.6]),
    )


def plain(database=None, cases=(1, 1, 1), **how):
    """Return the regionalization of four cells."""
    n = len(NAMES)
    maps = Maps(
        cell_of=np.arange(n),
        soil=how.pop("soil", np.arange(1, n + 1)),
        land_cover=np.array([[1, 3, 3, 1]]),
        geology=np.ones(n, int),
        slope=np.full(n, 2.0),
        aspect=np.full(n, 90.0),
        latitude=np.full(n, 45.0),
        lai=np.ones((12, n)),
        cell_latitude=np.full(n, 45.0),
    )
    return prepare(
        maps,
        soil=soils() if database is None else database,
        geology=Geology(np.array([1]), np.array([False])),
        layers=SoilLayers((50.0, 250.0, 600.0), tillage_depth=200.0),
        processes=how.pop("processes", Processes.of_mhm(*cases)),
        compat=STANDARD,
    )


def textured(**how):
    return Textured.of(plain(), NAMES, **({"searched": NAMES[:3]} | how))


def fields_of(parameters):
    names = [f.name for f in dataclasses.fields(CellParameters)]
    found = {name: getattr(parameters, name) for name in names}
    return {name: np.asarray(x) for name, x in found.items() if x is not None}


def same(a, b, rtol=1e-12):
    a, b = fields_of(a), fields_of(b)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=rtol, err_msg=name)


@eqx.filter_jit
def _scene(model, values):
    (found,) = model(model.parameter_table.coefficients(values))
    return found


def scene(model, values):
    return _scene(model, jnp.asarray(values))


def with_values(table, values):
    full = table.default.copy()
    for name, value in values.items():
        full[table.names.index(name)] = value
    return full


def test_shape_is_that_of_the_plain_soil():
    """One equation in two places: they must agree for all textures, also at the switch."""
    sand, clay = np.meshgrid(np.append(np.linspace(1.0, 98.0, 60), 66.5), np.linspace(1.0, 98, 40))
    for ours, theirs in zip(retention_shape(clay, sand), _retention_shape(clay, sand), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


@pytest.mark.parametrize("cases", [(1, 1, 1), (3, 1, 2)])
@pytest.mark.parametrize("densities", [False, True])
def test_own_texture_is_the_plain_regionalization(cases, densities):
    base = plain(cases=cases)
    model = Textured.of(base, NAMES, searched=NAMES[:3], densities=densities)
    table = model.parameter_table
    n = len(base.parameter_table)
    assert table.parameters[:n] == base.parameter_table.parameters
    more = ["sand", "clay_share", *(["bulk_density"] if densities else [])]
    assert list(table.names[n:]) == [
        f"{p}_{s}" for s in ("loam", "sand_hill", "clay") for p in more
    ]
    assert {p.unit for p in table.parameters[n:]} <= {"%", "1", "g cm-3"}
    assert np.all((table.lower <= table.default) & (table.default <= table.upper))
    same(scene(model, table.default), scene(base, table.default[:n]))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_searched_texture_is_a_plain_regionalization_with_this_soil(seed):
    """Whatever the values: the graph gives what the table of soils would have given."""
    u = np.random.default_rng(seed).uniform(size=9)
    model = textured(densities=True)
    table, n = model.parameter_table, len(model.plain.parameter_table)
    values = table.default.copy()
    values[n:] = table.lower[n:] + u * (table.upper[n:] - table.lower[n:])
    sand, share, density = values[n:].reshape(3, 3).T
    clay = share * (100.0 - sand)
    assert np.all(sand + clay <= 100.0)
    assert np.all(clay >= 1.0)
    found = scene(model, values)
    same(found, scene(plain(soils(sand, clay, density)), table.default[:n]), rtol=1e-11)
    assert all(np.all(np.isfinite(x)) for x in fields_of(found).values())
    assert np.all(found.wilting_point < found.field_capacity)
    assert np.all(found.field_capacity < found.saturation)


def test_only_the_site_itself_changes():
    model = textured()
    table = model.parameter_table
    before = fields_of(scene(model, table.default))
    after = fields_of(scene(model, with_values(table, {"sand_loam": 20.0})))
    for name, values in after.items():
        differs = np.atleast_2d(np.any(np.atleast_2d(values != before[name]), axis=0))[0]
        assert not differs[1:].any(), name
    assert np.all(after["field_capacity"][:, 0] > before["field_capacity"][:, 0])


def test_gradient_is_finite_and_that_of_differences():
    model = textured(densities=True)
    table, n = model.parameter_table, len(model.plain.parameter_table)

    @jax.jit
    def water(values):
        (p,) = model(table.coefficients(values))
        return jnp.sum(p.field_capacity + p.wilting_point + p.lattice_water)

    gradient = np.asarray(jax.jit(jax.grad(water))(jnp.asarray(table.default)))
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[n:] != 0.0)
    for i in range(n, len(table)):
        step = np.zeros(len(table))
        step[i] = 1e-5 * table.default[i]
        ends = [float(water(table.default + s * step)) for s in (1.0, -1.0)]
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / (2 * step[i]), rel=1e-6)


def test_batch_is_the_loop_and_some_cells_are_those_of_all():
    model = textured()
    table = model.parameter_table
    u = np.random.default_rng(1).uniform(size=(5, len(table)))
    values = table.lower + u * (table.upper - table.lower)
    batch = jax.jit(jax.vmap(Textured.__call__, in_axes=(None, 0)))
    (many,) = batch(model, table.coefficients(values))
    index = np.array([2, 0])
    for member, one in enumerate(values):
        alone = scene(model, one)
        some = scene(model.of_cells(index), one)
        np.testing.assert_allclose(many.saturation[member], alone.saturation, rtol=1e-12)
        np.testing.assert_allclose(some.saturation, alone.saturation[:, index], rtol=1e-12)
    assert model.of_cells(index).parameter_table.names == table.names
    assert model.of_cells(index).cells == 2


def test_one_texture_for_all():
    model = textured(together=True)
    table, n = model.parameter_table, len(model.plain.parameter_table)
    assert table.names[n:] == ("sand", "clay_share")
    assert table.default[n] == pytest.approx(SAND.mean())
    found = scene(model, with_values(table, {"sand": 50.0, "clay_share": 0.3}))
    of_table = soils(np.full(3, 50.0), np.full(3, 15.0))
    same(found, scene(plain(of_table), table.default[:n]), rtol=1e-11)


def test_measured_bound_water_takes_the_place_of_the_law_of_clay():
    bound = np.array([0.05, np.nan, 0.0, 0.02])
    model = textured(bound_water=bound)
    p, law = (scene(m, m.parameter_table.default) for m in (model, textured()))
    by_mass = np.asarray(p.lattice_water / (p.bulk_density * p.horizon_thickness))
    np.testing.assert_allclose(by_mass[:, [0, 2, 3]], np.tile(bound[[0, 2, 3]], (4, 1)), rtol=1e-12)
    np.testing.assert_array_equal(p.lattice_water[:, 1], law.lattice_water[:, 1])
    some = scene(model.of_cells(np.array([3])), model.parameter_table.default)
    np.testing.assert_allclose(some.lattice_water[:, 0], p.lattice_water[:, 3], rtol=1e-12)


def test_members_of_a_catchment_with_texture():
    """It runs where a regionalization runs, and sand is drier than clay."""
    days, rng = 30, np.random.default_rng(3)
    warm = np.full((days, 4), 12.0)
    weather = Weather(
        precipitation=rng.gamma(0.4, 8.0, (days, 1)) * np.ones(4),
        temperature=warm,
        temperature_min=warm - 6.0,
        temperature_max=warm + 6.0,
    )
    calendar = Calendar.of(np.datetime64("2021-05-01"), days, scene_of_year={2021: 0})
    processes = processes_of_mhm(1, 1)

    def run(model, values):
        catchment = Catchment(
            model, weather, calendar, DailyStep(), *processes, OnceADay(DesiletsSchroen2017())
        )
        return next(run_members(catchment, values, outputs=("theta",))).daily

    model = textured()
    table, n = model.parameter_table, len(model.plain.parameter_table)
    dry, wet = {"sand_loam": 84.0, "clay_share_loam": 0.1}, {"sand_loam": 8.0}
    values = np.stack([table.default, with_values(table, dry), with_values(table, wet)])
    found, base = run(model, values), run(model.plain, table.default[None, :n])
    np.testing.assert_allclose(found["theta"][0], base["theta"][0], rtol=1e-10)
    theta, counts = found["theta"][:, -1, :, 0].mean(axis=-1), found["neutrons"][:, -1, 0]
    assert theta[1] < theta[0] < theta[2]
    assert counts[1] > counts[0] > counts[2]
    np.testing.assert_allclose(found["theta"][1, ..., 1:], found["theta"][0, ..., 1:], rtol=1e-10)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"searched": ["loom"]}, ["no site 'loom'", "did you mean 'loam'"]),
        ({"searched": ["layers"]}, ["'layers'", "different texture"]),
        ({"bound_water": np.full(4, -0.1)}, ["bound water", "at least 0"]),
        ({"bound_water": np.zeros(3)}, ["bound water", "4 values"]),
    ],
)
def test_what_is_refused(how, words):
    with pytest.raises(StudyError) as caught:
        textured(**how)
    assert all(word in str(caught.value) for word in words), caught.value


def test_refusals_of_domains():
    with pytest.raises(StudyError, match="3 names of sites for 4 cells"):
        Textured.of(plain(), NAMES[:3])
    shared = plain(soil=np.array([1, 2, 3, 1]))
    with pytest.raises(StudyError, match="loam and layers share one"):
        Textured.of(shared, NAMES)
    with pytest.raises(StudyError, match="tell them apart"):
        Textured.of(plain(), ["a b", "a-b", "c", "d"], searched=["a b", "a-b"])
    organic = Processes.of_mhm(1, 1, 1)
    organic = dataclasses.replace(organic, neutrons=DesiletsFields(organic_water=0.556))
    with pytest.raises(StudyError, match="organic water"):
        Textured.of(plain(processes=organic), NAMES, searched=[], bound_water=np.zeros(4))


def test_missing_coefficients_are_named():
    model = textured()
    table = model.parameter_table
    c = {k: v for k, v in table.coefficients(table.default).items() if k != "sand_clay"}
    with pytest.raises(StudyError, match="lack sand_clay"):
        model(c)
