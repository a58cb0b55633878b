"""Cells against the real mHM 5.13.4: effective parameters from its restart file, daily outputs.

Synthetic domains over a change of land cover at the turn of the year; round-off is all that may
differ. mHM itself is run in the test (see ``real_mhm.py``).
"""

import dataclasses

import jax
import numpy as np
import pytest

from rootzone.data.cells import calendar_of, disaggregation_of, weather_of
from rootzone.data.domain import Cases
from rootzone.data.mhm.netcdf import load_netcdf
from rootzone.data.mhm.parameters import default_parameters
from rootzone.data.mhm.restart import read_restart
from rootzone.data.synthetic_domain import hills
from rootzone.neutrons.cell_counts_mhm import CosmicMhm513, DesiletsMhm513
from rootzone.water.cell import (
    MHM_5_13,
    NEUTRONS,
    OUTPUTS,
    CellModel,
    CellState,
    EveryStep,
    Feddes,
    HargreavesSamani1985,
    Jarvis,
    PenmanMonteith,
    PetAspect,
    PetLeafArea,
    PriestleyTaylor1972,
    run_cells,
    stack_scenes,
)

RELATIVE, ABSOLUTE = 1e-10, 1e-12  # of the value; mm (or 1), where fluxes fade into round-off
PET = {
    -1: PetLeafArea(),
    0: PetAspect(),
    1: HargreavesSamani1985(),
    2: PriestleyTaylor1972(),
    3: PenmanMonteith(),
}
COUNTS = {0: None, 1: EveryStep(DesiletsMhm513()), 2: EveryStep(CosmicMhm513())}
NAMES = tuple(name for name, output in OUTPUTS.items() if output.mhm_name)
LENGTH = {"start": "1990-12-20", "days": 90, "shape": (20, 24)}


def domain(**options):
    """Return hills in a wet year: rain enough for all runoff components."""
    place = hills(**{**LENGTH, **options})
    fields = {**place.weather.fields, "pre": 2.5 * place.weather.fields["pre"]}
    return dataclasses.replace(place, weather=dataclasses.replace(place.weather, fields=fields))


def random_parameters(seed, cases, domain):
    """Return values drawn between the bounds of the parameters, by name.

    But for the two of L3: between their bounds it may become negative, where mHM reads beyond its
    table and counts anything.
    """
    rng = np.random.default_rng(seed)
    table = default_parameters(cases, len(domain.geology_table.unit))
    drawn = {p.name: round(rng.uniform(p.lower, p.upper), 6) for p in table.parameters}
    return {name: value for name, value in drawn.items() if not name.startswith("COSMIC_L3")}


def ours(domain, setup, outputs, weather=None):
    """Run our cells with the effective parameters of a run of mHM."""
    restart = read_restart(outputs.restart, evap_coefficient=setup.evap_coefficient)
    calendar, cases = calendar_of(domain, setup), setup.cases
    first = restart.parameters[int(calendar.scene[0])]

    def simulate(start, weather, scenes):
        return run_cells(
            start,
            weather,
            calendar,
            scenes,
            disaggregation=disaggregation_of(domain, setup),
            model=CellModel(Feddes() if cases.soil_moisture in (1, 4) else Jarvis()),
            pet=PET[cases.pet],
            counts=COUNTS[cases.neutrons],
            outputs=NAMES,
            compat=MHM_5_13,
        )

    quick = jax.jit(simulate, compiler_options={"xla_backend_optimization_level": 0})
    weather = weather_of(domain, setup) if weather is None else weather
    return quick(CellState.initial(first), weather, stack_scenes(restart.parameters)), restart


def check(result, restart, outputs):
    """Compare every output that mHM writes, horizon by horizon, and the states at the end."""
    data, compared = load_netcdf(outputs.fluxes), 0
    for name, values in result.daily.items():
        mhm_name = name if name == NEUTRONS else OUTPUTS[name].mhm_name
        by_horizon = [values] if values.ndim == 2 else list(np.moveaxis(values, 1, 0))
        for h, mine in enumerate(by_horizon):
            full_name = mhm_name if values.ndim == 2 else f"{mhm_name}_L{h + 1:02d}"
            theirs = data[full_name].values[:, restart.mask]
            # Fast interflow stays away where the threshold is high: not from every case.
            assert theirs.std() > 0 or name == "fast_interflow", f"no {full_name} to compare"
            last = np.asarray(mine)[-len(theirs) :]
            np.testing.assert_allclose(last, theirs, RELATIVE, ABSOLUTE, err_msg=full_name)
            compared += 1
    assert compared >= 29
    for field in dataclasses.fields(CellState):
        np.testing.assert_allclose(
            getattr(result.state, field.name),
            getattr(restart.state, field.name),
            RELATIVE,
            ABSOLUTE,
            err_msg=field.name,
        )


ODD_DEPTHS = {"horizon_depths": (57.0, 203.0, 444.0), "warming_days": 20}
"""No multiples of 10 mm: a sample of Desilets' weights belongs to the horizon that holds it."""


def weighted(place):
    """Return a domain with hourly weights of the weather."""
    rng = np.random.default_rng(3)
    shape = place.level2.shape
    shares = rng.dirichlet(np.full(24, 5.0), (12, *shape)).transpose(3, 0, 1, 2)
    weights = {
        "pre": shares,
        "pet": shares[::-1].copy(),
        "tavg": 1.0 + 0.01 * rng.standard_normal((24, 12, *shape)),
    }
    return dataclasses.replace(place, weather=dataclasses.replace(place.weather, weights=weights))


@pytest.mark.parametrize(
    ("cases", "seed", "grid", "choices"),
    [
        (Cases(1, 0, 1), None, {}, {}),
        (Cases(2, -1, 2), 1, {}, {"change": weighted}),
        (Cases(3, 1, 1), 2, {"cellsize1": 600.0, "cellsize2": 200.0}, ODD_DEPTHS),
        (Cases(4, 2, 2), 3, {"cellsize1": 300.0, "cellsize2": 900.0}, {}),
        (Cases(1, 3, 0), 4, {}, {}),
    ],
    ids=["1-0-1", "2--1-2 hourly weights", "3-1-1 odd depths", "4-2-2", "1-3-0"],
)
def test_every_output_of_the_real_model(real_model, cases, seed, grid, choices):
    place, choices = domain(**grid), dict(choices)
    place = choices.pop("change", lambda place: place)(place)
    parameters = None if seed is None else random_parameters(seed, cases, place)
    setup, outputs = real_model(place, cases=cases, parameters=parameters, **choices)
    check(*ours(place, setup, outputs), outputs)


def test_hourly_weather(real_model):
    place = domain()
    rng = np.random.default_rng(4)
    hours = {}
    for name in ("pre", "pet", "tavg"):
        daily = np.repeat(place.weather.fields[name], 24, axis=0)
        noise = rng.uniform(0.0, 2.0, daily.shape)
        hours[name] = daily + 4.0 * (noise - 1.0) if name == "tavg" else daily * noise / 24.0
    hourly = dataclasses.replace(place.weather, hours=1, fields=hours)
    place = dataclasses.replace(place, weather=hourly)
    setup, outputs = real_model(place)
    check(*ours(place, setup, outputs), outputs)


def test_daily_steps(real_model):
    """With steps of a day mHM holds every record of the weather for 24 days: so do we here."""
    place = domain()
    setup, outputs = real_model(place, time_step=24)
    held = jax.tree.map(lambda x: np.repeat(x, 24, axis=0)[: len(x)], weather_of(place, setup))
    check(*ours(place, setup, outputs, held), outputs)
