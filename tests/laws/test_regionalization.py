"""Laws of regionalization: operators, scales, batches, gradients, and what bad input says."""

import dataclasses
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.core.errors import DataError, StudyError
from rootzone.water.cell import MHM_5_13, STANDARD, CellParameters, declared
from rootzone.water.regionalization import (
    CosmicFields,
    DesiletsFields,
    Geology,
    HorizonDatabase,
    LatticeByMass,
    LeafAreaTable,
    Maps,
    Processes,
    ProfileDatabase,
    Regionalization,
    SoilLayers,
    nested_cells,
    prepare,
)
from rootzone.water.regionalization import upscaling as up

# --- a domain of arrays -------------------------------------------------------------------

PROFILES = ProfileDatabase(
    soil=np.array([1, 1, 1, 2, 2, 4, 4]),
    upper=np.array([0.0, 300, 800, 0, 450, 0, 200]),
    lower=np.array([300.0, 800, 1800, 450, 1500, 200, 1200]),
    clay=np.array([18.0, 22, 20, 5, 4, 34, 40]),
    sand=np.array([32.0, 30, 35, 78, 80, 22, 20]),
    bulk_density=np.array([1.30, 1.45, 1.55, 1.45, 1.6, 1.28, 1.4]),
)
CLASSES = HorizonDatabase(
    soil=np.array([1, 2, 4]),
    clay=np.array([18.0, 5, 34]),
    sand=np.array([32.0, 78, 22]),
    bulk_density=np.array([1.30, 1.45, 1.28]),
)
GEOLOGY = Geology(unit=np.array([3, 1, 7]), karstic=np.array([True, False, True]))
LEAVES = LeafAreaTable(
    unit=np.array([5, 2]),
    values=np.array([np.linspace(0.3, 5.0, 12), np.linspace(9.0, 8.0, 12)]),
)
LAYERS = SoilLayers((50.0, 250.0, 600.0), tillage_depth=200.0)
SHAPE = (12, 12)


def maps(seed=0, *, ratio=4, shape=SHAPE, per_horizon=False, **changed):
    """Return random maps with an irregular outline."""
    rng = np.random.default_rng(seed)
    mask = np.hypot(*np.meshgrid(np.linspace(-1, 1, shape[1]), np.linspace(-1, 1, shape[0]))) < 1.2
    n = int(mask.sum())
    cell_of, coarse = nested_cells(mask, ratio)
    soil = rng.choice([1, 2, 4], (4, n) if per_horizon else n)
    values = {
        "cell_of": cell_of,
        "soil": soil,
        "land_cover": rng.choice([1, 2, 3], (2, n)),
        "geology": rng.choice([1, 3, 7], n),
        "slope": np.round(rng.exponential(8.0, n), 1),
        "aspect": rng.uniform(0.0, 360.0, n),
        "latitude": rng.choice([-1.0, 1.0], n),
        "lai_class": rng.choice([2, 5], n),
        "cell_latitude": rng.uniform(40.0, 50.0, int(coarse.sum())),
    }
    return Maps(**(values | changed))


def model(the_maps, cases=(1, 0, 1), *, soil=PROFILES, layers=LAYERS, compat=STANDARD, **other):
    """Return the regionalization of maps."""
    processes = other.pop("processes", Processes.of_mhm(*cases))
    return prepare(
        the_maps,
        soil=soil,
        geology=other.pop("geology", GEOLOGY),
        leaf_area=LEAVES if the_maps.lai is None else None,
        layers=layers,
        processes=processes,
        compat=compat,
        **other,
    )


def per_horizon_model(the_maps, cases=(1, 0, 1), *, compat=STANDARD):
    layers = SoilLayers((50.0, 250.0, 600.0, 1500.0), tillage_depth=250.0)
    return model(the_maps, cases, soil=CLASSES, layers=layers, compat=compat)


def random_values(table, seed, members=()):
    """Return values within the bounds; L3 of COSMIC stays where it is positive."""
    u = np.random.default_rng(seed).uniform(0.05, 0.95, (*members, len(table)))
    values = table.lower + u * (table.upper - table.lower)
    fixed = [i for i, name in enumerate(table.names) if name.startswith("COSMIC_L3")]
    values[..., fixed] = table.default[fixed]
    return values


def fields_of(parameters):
    names = [f.name for f in dataclasses.fields(CellParameters)]
    found = {name: getattr(parameters, name) for name in names}
    return {name: np.asarray(x) for name, x in found.items() if x is not None}


def same(a, b, *, but=(), rtol=1e-12):
    """Assert that two sets of cell parameters agree, but for some fields that must differ."""
    a, b = fields_of(a), fields_of(b)
    assert a.keys() == b.keys()
    for name in a:
        if name in but:
            assert not np.allclose(a[name], b[name], rtol=1e-6), name
        else:
            np.testing.assert_allclose(a[name], b[name], rtol=rtol, err_msg=name)


def quickly(function):
    """Return the function compiled without optimization: compiling is what takes time here."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


compiled = quickly(Regionalization.__call__)


def evaluate(a_model, values):
    return compiled(a_model, a_model.parameter_table.coefficients(values))


CASES = [(1, 0, 1), (2, -1, 0), (4, 3, 2)]

# --- operators ----------------------------------------------------------------------------


def loop(values, cell_of, cells, operator):
    return np.array([operator(values[cell_of == i]) for i in range(cells)])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 6]), st.booleans())
def test_operators_are_loops_over_cells(seed, cells, with_zero):
    rng = np.random.default_rng(seed)
    cell_of = rng.permutation(np.concatenate([np.arange(cells), rng.integers(0, cells, 30)]))
    values = rng.lognormal(0.0, 2.0, cell_of.size)
    mean = up.arithmetic_mean(values, cell_of, cells)
    geometric = up.geometric_mean(values, cell_of, cells)
    np.testing.assert_allclose(mean, loop(values, cell_of, cells, np.mean), rtol=1e-12)
    logs = loop(np.log(values), cell_of, cells, np.mean)
    np.testing.assert_allclose(geometric, np.exp(logs), rtol=1e-12)
    if with_zero:
        values[0] = 0.0
    harmonic = up.harmonic_mean(values, cell_of, cells)
    with np.errstate(divide="ignore"):
        wanted = loop(1.0 / values, cell_of, cells, lambda x: 1.0 / np.mean(x))
    np.testing.assert_allclose(harmonic, wanted, rtol=1e-12)
    assert np.all(harmonic <= geometric * (1 + 1e-12))
    assert np.all(geometric <= mean * (1 + 1e-12)) or with_zero


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4]), st.sampled_from([1, 7, 80]))
def test_sums_over_classes_are_means_over_fine_cells(seed, cells, kinds):
    rng = np.random.default_rng(seed)
    cell_of = np.concatenate([np.arange(cells), rng.integers(0, cells, 25)])
    kind = rng.integers(0, kinds, cell_of.size)
    table = rng.lognormal(0.0, 1.0, (2, kinds))
    shares = up.area_shares(kind, cell_of, cells=cells, kinds=kinds)
    plain = up.arithmetic_mean(table[:, kind], cell_of, cells)
    np.testing.assert_allclose(shares.total(jnp.asarray(table)), plain, rtol=1e-12)
    table[0, 0] = 0.0
    plain = up.harmonic_mean(table[:, kind], cell_of, cells)
    np.testing.assert_allclose(up.harmonic(jnp.asarray(table), shares), plain, rtol=1e-12)


def test_few_classes_make_a_matrix_and_many_a_list():
    kind, cell_of = np.arange(100), np.repeat(np.arange(50), 2)
    many = up.area_shares(kind, cell_of, cells=50, kinds=100)
    few = up.area_shares(kind % 4, cell_of, cells=50, kinds=4)
    assert isinstance(many, up.GatheredShares)
    assert isinstance(few, up.DenseShares)


def test_harmonic_mean_of_a_zero_is_zero_and_its_gradient_finite():
    shares = up.area_shares(np.array([0, 1, 2]), np.array([0, 0, 1]), cells=2, kinds=3)
    table = jnp.array([0.0, 2.0, 3.0])
    value, pullback = jax.vjp(lambda x: up.harmonic(x, shares), table)
    np.testing.assert_allclose(value, [0.0, 3.0])
    (gradient,) = pullback(jnp.ones(2))
    np.testing.assert_allclose(gradient, [0.0, 0.0, 1.0])


def test_fractions_and_majority():
    classes, cell_of = np.array([3, 1, 3, 2, 1, 2]), np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(up.class_fraction(classes, 3, cell_of, 2), [2 / 3, 0.0])
    assert up.majority(classes, cell_of, 2).tolist() == [3, 2]


def test_blocks_are_counted_from_the_north_west_and_may_be_incomplete():
    mask = np.ones((3, 5), dtype=bool)
    mask[0, :2] = mask[1, :2] = False
    cell_of, coarse = nested_cells(mask, 2)
    assert coarse.tolist() == [[False, True, True], [True, True, True]]
    assert cell_of.tolist() == [0, 0, 1, 0, 0, 1, 2, 2, 3, 3, 4]


# --- scales -------------------------------------------------------------------------------


@pytest.mark.parametrize(("cases", "ratio"), [((1, 0, 1), 1), ((3, 3, 2), 5)])
def test_constant_maps_stay_constant_at_every_scale(cases, ratio):
    n = maps(ratio=ratio).cells0
    the_maps = maps(
        ratio=ratio,
        soil=np.full(n, 4),
        land_cover=np.array([np.full(n, 1), np.full(n, 3)]),
        geology=np.full(n, 7),
        slope=np.full(n, 5.0),
        aspect=np.full(n, 75.0),
        latitude=np.full(n, 50.0),
        lai_class=np.full(n, 2),
        cell_latitude=np.full(maps(ratio=ratio).cells, 50.0),
    )
    kept = ("cell_of", "cell_latitude", "name_cell")
    names = [f.name for f in dataclasses.fields(Maps) if f.name not in kept]
    fine = {name: getattr(the_maps, name) for name in names}
    one = maps(ratio=12, cell_latitude=np.full(1, 50.0), **fine)
    values = random_values(model(one, cases).parameter_table, 3)
    for scene, reference in zip(
        evaluate(model(the_maps, cases), values), evaluate(model(one, cases), values), strict=True
    ):
        for name, field in fields_of(scene).items():
            wanted = np.broadcast_to(fields_of(reference)[name], field.shape)
            np.testing.assert_allclose(field, wanted, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("cases", CASES)
def test_order_of_the_fine_cells_does_not_matter(cases):
    a = maps(1)
    shuffle = np.random.default_rng(9).permutation(a.cells0)
    kept = ("cell_latitude", "name_cell")
    mixed = {
        f.name: getattr(a, f.name)[..., shuffle]
        for f in dataclasses.fields(Maps)
        if f.name not in kept and getattr(a, f.name) is not None
    }
    b = replace(a, **mixed)
    values = random_values(model(a, cases).parameter_table, 4)
    for x, y in zip(
        evaluate(model(a, cases), values), evaluate(model(b, cases), values), strict=True
    ):
        same(x, y)


@pytest.mark.parametrize("cases", [(4, 2, 2)])
def test_a_soil_map_for_each_horizon_says_the_same_as_equal_profiles(cases):
    """Profiles whose horizons are the model's, against maps of the same classes."""
    depths = (50.0, 250.0, 600.0, 1500.0)
    rows = np.repeat(np.arange(3), 4)
    same_soil = ProfileDatabase(
        soil=CLASSES.soil[rows],
        upper=np.tile([0.0, *depths[:-1]], 3),
        lower=np.tile(depths, 3),
        clay=CLASSES.clay[rows],
        sand=CLASSES.sand[rows],
        bulk_density=CLASSES.bulk_density[rows],
    )
    a = maps(2)
    b = replace(a, soil=np.tile(a.soil, (4, 1)))
    layers = SoilLayers(depths[:-1], tillage_depth=250.0)
    by_profile = model(a, cases, soil=same_soil, layers=layers)
    values = random_values(by_profile.parameter_table, 5)
    by_horizon = per_horizon_model(b, cases)
    for x, y in zip(evaluate(by_profile, values), evaluate(by_horizon, values), strict=True):
        same(x, y)


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("at", ["lower", "upper", 0, 1, 2])
def test_parameters_are_ordered_and_bounded(cases, at):
    a = model(maps(3), cases)
    table = a.parameter_table
    values = random_values(table, at) if isinstance(at, int) else getattr(table, at)
    for p in evaluate(a, values):
        assert np.all(p.wilting_point < p.field_capacity)
        assert np.all(p.field_capacity < p.saturation)
        assert np.all(p.saturation < p.horizon_thickness)
        assert np.all(p.degree_day_min <= p.degree_day_max)
        assert np.all((p.sealed_fraction >= 0.0) & (p.sealed_fraction <= 0.6))
        assert np.all((p.k_fast >= 1.0) & (p.k_fast <= p.k_slow) & (p.k_slow <= p.k_baseflow))
        np.testing.assert_allclose(p.root_fraction.sum(axis=0), 1.0, rtol=1e-12)
        for name, field in fields_of(p).items():
            assert field.ndim == len(declared(CellParameters)[name].axes), name
            assert field.shape[-1] in (1, a.thickness.shape[-1]), name


# --- batches, precision, gradients ----------------------------------------------------------


@pytest.mark.parametrize("cases", CASES)
def test_batch_of_parameter_sets_is_a_loop(cases):
    a = model(maps(3), cases)
    table = a.parameter_table
    values = random_values(table, 6, (3,))
    batch = quickly(jax.vmap(Regionalization.__call__, in_axes=(None, 0)))
    scenes = batch(a, table.coefficients(values))
    for i, row in enumerate(values):
        for one, many in zip(evaluate(a, row), scenes, strict=True):
            same(one, jax.tree.map(lambda x, i=i: np.asarray(x)[i], many))


@pytest.mark.parametrize("cases", CASES)
def test_single_precision_is_close(cases):
    a = model(maps(4), cases)
    values = random_values(a.parameter_table, 7)
    single = jax.tree.map(
        lambda x: x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x,
        (a, a.parameter_table.coefficients(values)),
    )
    for x, y in zip(evaluate(a, values), compiled(*single), strict=True):
        assert {f.dtype for f in fields_of(y).values()} == {np.dtype("float32")}
        same(x, y, rtol=2e-5)


def summed(a_model):
    """Return a function of the coefficients that feels every field of every cell."""
    weights = np.random.default_rng(0)

    def score(values):
        total = 0.0
        for p in a_model(a_model.parameter_table.coefficients(values)):
            for field in jax.tree.leaves(p):
                total = total + jnp.sum(jnp.log(jnp.abs(field) + 1e-3) * pattern(field.shape))
        return total

    def pattern(shape):
        if shape not in known:
            known[shape] = weights.uniform(0.5, 1.5, shape)
        return known[shape]

    known = {}
    return score


@pytest.mark.parametrize("cases", CASES)
def test_gradient_is_the_finite_difference(cases):
    a = maps(5)
    a = model(replace(a, land_cover=a.land_cover[:1]), cases)
    table = a.parameter_table
    values = random_values(table, 8)
    score = summed(a)
    gradient = np.asarray(quickly(jax.grad(score))(values))
    span = np.maximum(table.upper - table.lower, 1.0)
    steps = 1e-6 * np.diag(span)
    moved = quickly(jax.vmap(score))(np.concatenate([values + steps, values - steps]))
    ahead, behind = np.asarray(moved).reshape(2, -1)
    numeric = (ahead - behind) / (2e-6 * span)
    np.testing.assert_allclose(gradient * span, numeric * span, rtol=2e-5, atol=1e-5)


# --- neutrons -------------------------------------------------------------------------------


def test_lattice_water_by_mass_is_that_by_volume_times_density():
    n = maps().cells0
    a = maps(soil=np.full(n, 2), land_cover=np.full((1, n), 3))
    by_volume = Processes(Processes.of_mhm().roots, False, Processes.of_mhm().pet, DesiletsFields())
    by_mass = replace(by_volume, neutrons=DesiletsFields(LatticeByMass(), organic_water=0.556))
    first, second = model(a, processes=by_volume), model(a, processes=by_mass)
    values = random_values(first.parameter_table, 1)
    (x,), (y,) = evaluate(first, values), evaluate(second, values)
    uniform = 2  # the third horizon lies in one horizon of the soil, below the tillage depth
    lattice = (y.lattice_water / x.lattice_water)[3]
    np.testing.assert_allclose(lattice, 1.6, rtol=1e-12)
    assert x.organic_water is None
    assert np.all(np.asarray(y.organic_water[0]) > 0.0)
    np.testing.assert_allclose(y.organic_water[uniform:], 0.0)


def test_attenuation_of_neutrons_in_light_soil_is_one():
    light = replace(CLASSES, bulk_density=np.array([0.3, 0.35, 0.38]))
    layers = SoilLayers((50.0, 250.0, 600.0, 1500.0), tillage_depth=250.0)
    a = model(maps(per_horizon=True), (1, 0, 2), soil=light, layers=layers)
    for p in evaluate(a, a.parameter_table.default):
        np.testing.assert_allclose(p.cosmic_L3, 1.0)
    assert isinstance(a.processes.neutrons, CosmicFields)


# --- peculiarities of mHM -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "changed", "scene"),
    [
        ("last_scene_threshold", ("interflow_threshold",), 0),
        ("last_karstic_unit", ("karstic_loss",), 0),
        ("roots_end_with_last_soil", ("root_fraction",), 1),
    ],
)
def test_a_peculiarity_changes_what_it_says(flag, changed, scene):
    a = maps(6)
    plain, odd = model(a), model(a, compat=replace(STANDARD, **{flag: True}))
    values = random_values(plain.parameter_table, 2)
    same(evaluate(plain, values)[scene], evaluate(odd, values)[scene], but=changed)


def test_peculiarities_of_soil_maps_for_each_horizon():
    a = maps(6, per_horizon=True)
    plain = per_horizon_model(a, (1, 0, 2))
    values = random_values(plain.parameter_table, 2)
    for flag, changed in (
        ("no_cosmic_L3_per_horizon", ("cosmic_L3",)),
        (
            "cumulative_tillage_conductivity",
            ["field_capacity", "k_slow", "slow_exponent", "k_percolation", "interflow_threshold"],
        ),
    ):
        odd = per_horizon_model(a, (1, 0, 2), compat=replace(STANDARD, **{flag: True}))
        same(evaluate(plain, values)[1], evaluate(odd, values)[1], but=changed)


def test_too_much_clay_and_sand_is_an_error_or_becomes_a_fraction():
    clay = PROFILES.clay.copy()
    clay[3] = 30.0
    bad = replace(PROFILES, clay=clay)
    with pytest.raises(DataError, match="soil type 2, horizon from 0 mm: clay 30 % and sand 78 %"):
        model(maps(), soil=bad)
    assert bad.profiles(maps(), LAYERS, MHM_5_13).clay.min() == pytest.approx(30.0 / 108.0)


def test_almost_pure_sand_is_scaled_to_100_percent():
    clay, sand = PROFILES.clay.copy(), PROFILES.sand.copy()
    clay[3], sand[3] = 0.2, 99.8
    profiles = replace(PROFILES, clay=clay, sand=sand).profiles(maps(), LAYERS, STANDARD)
    total = profiles.clay + profiles.sand
    assert total.max() == pytest.approx(100.0)
    assert profiles.clay.min() == pytest.approx(100.0 / 100.8)


# --- soil profiles ----------------------------------------------------------------------------


def test_horizons_are_split_at_the_tillage_depth_and_overlap_with_the_model():
    profiles = PROFILES.profiles(maps(), LAYERS, STANDARD)
    parts = profiles.profile == 0  # soil type 1: 0-200, 200-300, 300-800, 800-1800
    assert profiles.tilled[parts].tolist() == [True, False, False, False]
    np.testing.assert_allclose(
        profiles.weight[parts],
        [
            [1.0, 150 / 200, 0.0, 0.0],
            [0.0, 50 / 200, 50 / 350, 0.0],
            [0.0, 0.0, 300 / 350, 200 / 1200],
            [0.0, 0.0, 0.0, 1000 / 1200],
        ],
    )
    assert profiles.bottom[-1].tolist() == [1800.0, 1500.0, 1200.0]


def test_dense_silt_wilts_below_its_field_capacity():
    silt = replace(
        PROFILES,
        clay=np.full(7, 1.0),
        sand=np.full(7, 1.0),
        bulk_density=np.full(7, 2.6),
    )
    a = model(maps(), soil=silt)
    for p in evaluate(a, a.parameter_table.default):
        np.testing.assert_allclose(p.wilting_point[-1], 0.99 * p.field_capacity[-1])


# --- bad input --------------------------------------------------------------------------------


def with_one(name, value, position=(7,)):
    """Return maps with one value changed."""
    a = maps()
    values = np.array(getattr(a, name), dtype=float if isinstance(value, float) else None)
    values[(..., *position)] = value
    return lambda: model(replace(a, **{name: values}))


def shorter(name):
    return lambda: replace(maps(), **{name: getattr(maps(), name)[..., :-1]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (with_one("slope", np.nan), "slope has no value in fine cell 8 .1 holes"),
        (with_one("soil", -9999), "soil has no value in fine cell 8"),
        (with_one("soil", 3), "soil: class 3 in fine cell 8 has no entry .* lists 1, 2, 4"),
        (with_one("geology", 2), "geology: class 2 in fine cell 8 has no entry"),
        (with_one("lai_class", 9), "lai_class: class 9 in fine cell 8 has no entry"),
        (with_one("land_cover", 4), "land_cover: class 4 in fine cell 8"),
        (with_one("aspect", 361.0), "aspect is 361 degrees in fine cell 8, 0 to 360 wanted"),
        (shorter("slope"), "slope has .* cells, .* all maps need a value inside the same mask"),
        (shorter("cell_latitude"), "one latitude for each of 9 coarse cells"),
        (lambda: replace(maps(), land_cover=maps().land_cover[0]), "land_cover has shape"),
        (lambda: replace(maps(), cell_of=maps().cell_of + 1), "coarse cell 1 holds no fine cell"),
        (lambda: replace(maps(), cell_of=maps().cell_of - 1), "cell_of holds a negative number"),
        (lambda: model(maps(per_horizon=True)), "want one soil map, not several"),
        (lambda: per_horizon_model(maps()), "4 horizons want a soil map for each .* 1 given"),
        (lambda: model(maps(cell_latitude=None), (1, 1, 0)), "want the latitude"),
        (lambda: model(maps(lai_class=None)), "leaf area is wanted once"),
        (lambda: nested_cells(np.ones((4, 4), bool), 2.5), "do not nest: .* 2.5 given"),
        (lambda: nested_cells(np.zeros((4, 4), bool), 2), "no cell is active"),
    ],
)
def test_bad_maps_are_told_in_one_sentence(make, message):
    with pytest.raises(DataError, match=message):
        make()


def profile_with(**changed):
    values = {k: getattr(PROFILES, k).copy() for k in ("upper", "lower", "clay", "bulk_density")}
    for name, (row, value) in changed.items():
        values[name][row] = value
    return lambda: model(maps(), soil=replace(PROFILES, **values))


def layered(depths, tillage=200.0):
    return lambda: model(maps(), layers=SoilLayers(depths, tillage))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (profile_with(upper=(1, 310.0)), "soil type 1: .* 0-300, 310-800, 800-1800 mm given"),
        (profile_with(clay=(2, -1.0)), "soil type 1, horizon from 800 mm: clay is -1 %"),
        (profile_with(bulk_density=(3, 0.0)), "soil type 2, horizon from 0 mm: bulk density is 0"),
        (layered((50.0, 1200.0)), "1200 mm given, soil type 4 ends at 1200 mm"),
        (layered((50.0,), 1300.0), "tillage depth of 1300 mm lies below the end of soil type 4"),
        (layered((250.0, 50.0)), "must be positive and increase, .250.0, 50.0. mm given"),
        (layered((50.5,)), "whole millimeters"),
        (layered((50.0,), 0.0), "tillage depth must be above 0"),
        (lambda: model(maps(), sealed_city_fraction=1.2), "between 0 and 1, 1.2 given"),
        (lambda: model(maps(), evap_coefficient=(1.0,) * 11), "12 positive values"),
        (lambda: Processes.of_mhm(5), "no soil-moisture case 5: 1, 2, 3, 4 are known"),
        (lambda: Processes.of_mhm(1, 4), "no PET case 4: -1, 0, 1, 2, 3 are known"),
        (lambda: Processes.of_mhm(1, 0, 3), "no neutron case 3"),
    ],
)
def test_bad_soils_and_settings_are_told_in_one_sentence(make, message):
    with pytest.raises((DataError, StudyError), match=message):
        make()


def test_tillage_depth_must_be_a_horizon_where_horizons_have_maps():
    layers = SoilLayers((50.0, 250.0, 600.0, 1500.0), tillage_depth=200.0)
    with pytest.raises(StudyError, match=r"must be one of the depths .* 200 given"):
        model(maps(per_horizon=True), soil=CLASSES, layers=layers)


def test_missing_coefficients_are_named():
    a = model(maps())
    c = a.parameter_table.coefficients(a.parameter_table.default)
    with pytest.raises(StudyError, match="lack PTF_Ks_sand"):
        a({k: v for k, v in c.items() if k != "PTF_Ks_sand"})
    with pytest.raises(StudyError, match="each of 3 geological units"):
        a(c | {"GeoParam": c["GeoParam"][:2]})
