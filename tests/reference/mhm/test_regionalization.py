"""Effective parameters against those of mHM 5.13.4: saved ones, and the real model where it is.

The bound of 1e-10 relative is that of double precision after some hundred operations; measured
over 240 runs of two grid ratios and 18 with parameters at their bounds, the largest difference is
3.8e-12 (roots of deep horizons, a difference of nearly equal powers), 7e-13 for the coefficient of
Priestley and Taylor near zero and 3e-14 elsewhere.
"""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from rootzone.data.cells import regionalization_of
from rootzone.data.domain import Cases
from rootzone.data.mhm.restart import read_restart
from rootzone.data.synthetic_domain import hills
from rootzone.water.cell import MHM_5_13, CellParameters, declared
from rootzone.water.regionalization import (
    Geology,
    HorizonDatabase,
    LeafAreaTable,
    Maps,
    ParameterTable,
    Processes,
    ProfileDatabase,
    Regionalization,
    SoilLayers,
    prepare,
)

BOUND = 1e-10
compiled = jax.jit(Regionalization.__call__, compiler_options={"xla_backend_optimization_level": 0})
OWN = ("horizon_thickness", "evap_coefficient")  # not among mHM's effective parameters
UNUSED = {  # written by mHM although the processes do not use it
    "latitude": lambda cases: cases.pet != 1,
    "pet_aspect_factor": lambda cases: cases.pet not in (0, 1),
    "cosmic_L3": lambda cases: cases.neutrons != 2,
    "N0": lambda cases: cases.neutrons == 0,
}


def compare(model, values, wanted, cases, run=compiled):
    """Assert that all effective parameters of all scenes agree; ``wanted`` by scene and name."""
    scenes = run(model, model.parameter_table.coefficients(values))
    assert len(scenes) == len(wanted)
    for scene, expected in zip(scenes, wanted, strict=True):
        for name in declared(CellParameters):
            own, theirs = getattr(scene, name), expected.get(name)
            if name in OWN or (theirs is not None and own is None and UNUSED[name](cases)):
                continue
            assert (own is None) == (theirs is None), name
            if own is not None:
                own = np.broadcast_to(own, np.shape(theirs))
                theirs = np.nan_to_num(theirs, nan=-9999.0)
                np.testing.assert_allclose(own, theirs, rtol=BOUND, err_msg=name)


def random_values(table, seed):
    u = np.random.default_rng(seed).uniform(size=len(table))
    return table.lower + u * (table.upper - table.lower)


# --- saved numbers --------------------------------------------------------------------------

SAVED = Path(__file__).parent / "effective_parameters.npz"
SAVED_CASES = [(1, 0, 1), (2, -1, 2), (3, 3, 2), (4, 2, 1), (1, 1, 2), (4, 3, 2)]


@pytest.mark.parametrize("number", range(len(SAVED_CASES)))
def test_saved_effective_parameters(number):
    cases = Cases(*SAVED_CASES[number])
    with np.load(SAVED) as saved:
        part = {name: saved[name] for name in saved.files}

    def below(start):
        return {k.removeprefix(start): v for k, v in part.items() if k.startswith(start)}

    model = prepare(
        Maps(**below("maps/")),
        soil=ProfileDatabase(**below("soils/")),
        geology=Geology(**below("geology/")),
        leaf_area=LeafAreaTable(**below("leaves/")),
        layers=SoilLayers((50.0, 250.0, 600.0), 200.0),
        processes=Processes.of_mhm(*cases),
        compat=MHM_5_13,
    )
    wanted = [below(f"run{number}/scene{i}/") for i in range(2)]
    compare(model, part[f"run{number}/values"], wanted, cases)


# --- the real model ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def domains():
    """Two grid ratios: 4, and 6 with incomplete blocks."""
    short = {"start": "1990-12-30", "days": 4}
    return (
        hills(5, shape=(25, 29), **short),
        hills(5, shape=(25, 29), cellsize1=600.0, cellsize2=600.0, **short),
    )


SHAPE = 48
"""Cells of the larger domain: the smaller one repeats its own, so that operations are shared."""


def against_mhm(real_model, domain, cases, seed, run=Regionalization.__call__, **choices):
    """Compare; uncompiled, unless told, so that the operations of one set-up serve the next."""
    cases = Cases(*cases)
    units = len(domain.geology_table.unit)
    table = ParameterTable.of_groups(Processes.of_mhm(*cases).groups, units)
    values = random_values(table, seed)
    named = dict(zip(table.names, map(float, values), strict=True))
    setup, outputs = real_model(domain, cases=cases, parameters=named, outputs=(1,), **choices)
    restart = read_restart(outputs.restart)
    wanted = [{n: getattr(p, n) for n in declared(CellParameters)} for p in restart.parameters]
    wanted = [{n: None if x is None else np.asarray(x) for n, x in p.items()} for p in wanted]
    model = regionalization_of(domain, setup, compat=MHM_5_13)
    again = np.arange(SHAPE) % model.cells
    assert model.cells <= SHAPE
    wanted = [{n: _taken(x, again) for n, x in p.items()} for p in wanted]
    compare(model.of_cells(again), values, wanted, cases, run)


def _taken(values, cells):
    return values if values is None or np.shape(values)[-1] == 1 else values[..., cells]


# Every soil-moisture case with every way of getting evapotranspiration; operator, parameter set
# and grid ratio take turns.
ALL = [
    ((soil, pet, 1 + (soil + pet) % 2), (soil + pet) % 3, (soil + pet // 2) % 2)
    for soil in (1, 2, 3, 4)
    for pet in (-1, 0, 1, 2, 3)
]


@pytest.mark.parametrize(("cases", "seed", "ratio"), ALL)
def test_effective_parameters_of_the_real_model(real_model, domains, cases, seed, ratio):
    against_mhm(real_model, domains[ratio], cases, seed)


@pytest.mark.parametrize(
    ("depths", "tillage"), [((100.0,), 300.0), ((30.0, 110.0, 111.0, 450.0, 800.0), 37.0)]
)
def test_other_horizons_and_tillage_depths(real_model, domains, depths, tillage):
    horizons = {"horizon_depths": depths, "tillage_depth": tillage}
    against_mhm(real_model, domains[0], (4, 0, 2), 3, run=compiled, **horizons)


@pytest.mark.parametrize("cases", [(1, 0, 2), (3, -1, 1)])
def test_a_soil_map_for_each_horizon(real_model, domains, cases):
    start, depths = domains[0], (50.0, 250.0, 600.0, 1500.0)
    types = np.unique(start.soils.soil)
    top = [np.flatnonzero(start.soils.soil == t)[0] for t in types]
    one = start.soil[0]
    domain = replace(
        start,
        soil=np.stack(
            [np.where(start.mask, (one - 1 + i) % len(types) + 1, one) for i in range(4)]
        ),
        soils=HorizonDatabase(
            types, start.soils.clay[top], start.soils.sand[top], start.soils.bulk_density[top]
        ),
    )
    maps = {"horizon_depths": depths, "tillage_depth": 250.0, "soil_maps": 1}
    against_mhm(real_model, domain, cases, 4, run=compiled, **maps)


def test_odd_soils_karst_and_the_southern_hemisphere(real_model, domains):
    start = domains[0]
    clay, sand = start.soils.clay.copy(), start.soils.sand.copy()
    clay[0], sand[0] = 0.2, 99.7  # above 100 % once clay is raised to 1 %
    clay[3], sand[3] = 30.0, 85.0
    karstic = np.zeros(len(start.geology_table.unit), dtype=bool)
    karstic[[0, 2]] = True
    domain = replace(
        start,
        soils=replace(start.soils, clay=clay, sand=sand),
        geology_table=replace(start.geology_table, karstic=karstic),
        latitude0=start.latitude0 - np.mean(start.latitude0),
    )
    against_mhm(real_model, domain, (1, 0, 1), 5)


def test_dense_silt_that_holds_more_at_the_wilting_point(real_model, domains):
    start = domains[1]
    soils = start.soils
    silt = {"clay": np.full_like(soils.clay, 1.0), "sand": np.full_like(soils.sand, 1.0)}
    dense = replace(soils, bulk_density=np.full_like(soils.bulk_density, 2.6), **silt)
    against_mhm(real_model, replace(start, soils=dense), (4, 0, 1), 6)


@pytest.mark.parametrize("pet", [-1, 3])
def test_leaf_area_as_a_map(real_model, domains, pet):
    start = domains[0]
    values = np.random.default_rng(1).uniform(0.1, 9.0, (12, *start.mask.shape))
    leaves = {"lai": np.where(start.mask, values, np.nan), "lai_class": None, "lai_table": None}
    against_mhm(real_model, replace(start, **leaves), (1, pet, 1), 7)
