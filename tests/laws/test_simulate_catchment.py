"""Laws of ensembles over catchments: the division of the work leaves no trace in the numbers."""

import functools
from itertools import pairwise

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootzone.core import StudyError
from rootzone.data.cells import calendar_of, disaggregation_of, regionalization_of, weather_of
from rootzone.data.domain import Cases, Setup
from rootzone.data.synthetic_domain import hills
from rootzone.neutrons.cell_counts_mhm import DesiletsMhm513
from rootzone.simulate.catchment import (
    Catchment,
    day_blocks,
    member_tiles,
    processes_of_mhm,
    run_days,
    run_members,
    same_days,
)
from rootzone.simulate.catchment_devices import in_turn
from rootzone.water.cell import (
    CellModel,
    CellState,
    EveryStep,
    Jarvis,
    OnceADay,
    Smooth,
    of_scene,
    run_cells,
)

DAYS, MEMBERS = 24, 5
DOMAIN = hills(seed=4, shape=(16, 20), start="1990-12-20", days=DAYS)
START = np.datetime64("1990-12-20")
SETUP = Setup(Cases(1, 0, 1), START, START + (DAYS - 1))
OUTPUTS = ("theta", "runoff")


@pytest.fixture(scope="module")
def catchment():
    return Catchment(
        regionalization_of(DOMAIN, SETUP),
        weather_of(DOMAIN, SETUP),
        calendar_of(DOMAIN, SETUP),
        disaggregation_of(DOMAIN, SETUP),
        counts=EveryStep(DesiletsMhm513()),
    )


@pytest.fixture(scope="module")
def values(catchment):
    table = catchment.regionalization.parameter_table
    rng = np.random.default_rng(0)
    drawn = rng.uniform(size=(MEMBERS, len(table)))
    middle = 0.5 * (table.lower + table.upper)
    return middle + 0.5 * (drawn - 0.5) * (table.upper - table.lower)


@pytest.fixture(scope="module")
def alone(catchment, values):
    """Every member run by itself, without any of this: {name: (member, day, ..., cell)}."""

    @jax.jit
    def one(member, catchment):
        p = catchment.parameters(member)
        state = CellState.initial(of_scene(p, int(DOMAIN.scenes[0].first_year > 1990)))
        return run_cells(
            state,
            catchment.weather,
            catchment.calendar,
            p,
            disaggregation=catchment.disaggregation,
            counts=catchment.counts,
            outputs=OUTPUTS,
        ).daily

    runs = [one(member, catchment) for member in values]
    return {name: np.stack([run[name] for run in runs]) for name in runs[0]}


def gathered(parts, like):
    """Put chunks together; every value must come once."""
    full = {name: np.full(array.shape, np.nan) for name, array in like.items()}
    for part in parts:
        for name, array in part.daily.items():
            place = np.ix_(part.members, *map(np.arange, array.shape[1:-1]), part.cells)
            assert np.isnan(full[name][place]).all()
            full[name][place] = array
    return full


def close(found, expected, relative=1e-12):
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, relative, 1e-13, err_msg=name)


@pytest.mark.parametrize("chunk", [16, 64, 10_000])
def test_batch_is_loop_for_every_chunk(catchment, values, alone, chunk):
    parts = list(run_members(catchment, values, outputs=OUTPUTS, chunk=chunk))
    assert (len(parts) > 1) == (chunk < 100)
    close(gathered(parts, alone), alone)


def test_blocks_of_days_and_warm_up(catchment, values, alone):
    parts = run_members(catchment, values, outputs=OUTPUTS, block_days=9, warming_days=5)
    close(next(parts).daily, {name: array[:, 5:] for name, array in alone.items()})


def test_chunks_done_before_are_left_out(catchment, values):
    parts = list(run_members(catchment, values, outputs=OUTPUTS, chunk=16, done=[0, 2]))
    every = list(run_members(catchment, values, outputs=OUTPUTS, chunk=16))
    assert [(p.members.tolist(), p.cells.tolist()) for p in parts] == [
        (p.members.tolist(), p.cells.tolist()) for n, p in enumerate(every) if n not in (0, 2)
    ]


def test_some_cells_are_these_cells(catchment, values, alone):
    wanted = np.array([7, 2, 11])
    part = next(run_members(catchment.of_cells(wanted), values, outputs=OUTPUTS))
    close(part.daily, {name: array[..., wanted] for name, array in alone.items()})


def test_days_in_blocks_are_the_run_and_can_be_taken_up(catchment, values, alone):
    blocks = list(run_days(catchment, values[1], outputs=OUTPUTS, chunk=16))
    assert [b.first_day for b in blocks] == [0, 12]  # the scene changes at the turn of the year
    for name, array in alone.items():
        joined = np.concatenate([b.daily[name] for b in blocks])
        np.testing.assert_allclose(joined, array[1], 1e-12, 1e-13, err_msg=name)
    later = next(
        run_days(
            catchment,
            values[1],
            outputs=OUTPUTS,
            blocks=[(12, 24)],
            state=blocks[0].state,
            chunk=16,
        )
    )
    for name in alone:
        np.testing.assert_array_equal(later.daily[name], blocks[1].daily[name])


def test_single_precision_keeps_daily_theta_within_1e_4(catchment, values, alone):
    parts = list(run_members(catchment, values, outputs=("theta",), dtype=np.float32))
    theta = parts[0].daily["theta"]
    assert theta.dtype == np.float32
    assert 0.0 < np.abs(theta - alone["theta"]).max() < 1e-4


def test_counts_once_a_day_differ_little_from_the_mean_of_the_hours(catchment, values, alone):
    once = Catchment(
        catchment.regionalization,
        catchment.weather,
        catchment.calendar,
        catchment.disaggregation,
        counts=OnceADay(DesiletsMhm513()),
    )
    counts = next(run_members(once, values, outputs=())).daily["neutrons"]
    relative = counts / alone["neutrons"] - 1.0
    assert 0.0 < np.abs(relative).max() < 1e-2
    assert np.sqrt((relative**2).mean()) < 1e-3


def test_gradient_of_the_whole_chain_is_the_finite_difference(catchment, values):
    """From global coefficients to counts and water, along a random direction of all of them."""
    some = catchment.of_cells(np.array([1, 5, 8, 13])).of_days(0, 8)
    table = catchment.regionalization.parameter_table
    draw = np.random.default_rng(2).normal(size=len(table))
    direction = draw * (table.upper - table.lower)

    def loss(amount, some):
        p = some.parameters(values[0] + amount * direction)
        daily = run_cells(
            CellState.initial(of_scene(p, 0)),
            some.weather,
            some.calendar,
            p,
            disaggregation=some.disaggregation,
            model=CellModel(thresholds=Smooth()),
            counts=OnceADay(DesiletsMhm513()),
            outputs=OUTPUTS,
        ).daily
        parts = (daily["neutrons"] / 1000.0, daily["theta"], daily["runoff"])
        return sum(jax.numpy.mean(x) for x in parts)

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def both(amount, some):  # forward: less to compile; reverse is tested for both parts
        return jax.jvp(lambda x: loss(x, some), (amount,), (1.0,))

    step = 1e-7
    difference = (both(step, some)[0] - both(-step, some)[0]) / (2 * step)
    assert abs(difference) > 1e-2
    np.testing.assert_allclose(both(0.0, some)[1], difference, rtol=1e-5)


@given(
    members=st.integers(1, 300),
    cells=st.integers(1, 300),
    chunk=st.integers(16, 5000),
)
def test_tiles_hold_every_member_and_cell_once(members, cells, chunk):
    seen = np.zeros((members, cells), int)
    tiles = member_tiles(members, cells, chunk)
    assert len({(len(t.members), len(t.cells)) for t in tiles}) == 1
    for tile in tiles:
        assert len(tile.members) * len(tile.cells) <= max(chunk, 1)
        assert tile.columns % 16 == 0
        seen[np.ix_(tile.members[: tile.kept[0]], tile.cells[: tile.kept[1]])] += 1
    assert np.all(seen == 1)


@given(changes=st.lists(st.integers(1, 60), min_size=1, max_size=6), block=st.integers(1, 70))
def test_blocks_follow_one_another_and_stay_within_a_scene(changes, block):
    scene = np.repeat(np.arange(len(changes)), changes)
    blocks = day_blocks(scene, block)
    assert blocks[0][0] == 0
    assert blocks[-1][1] == len(scene)
    assert all(a[1] == b[0] for a, b in pairwise(blocks))
    assert all(0 < b - a <= block for a, b in blocks)
    assert all(len(set(scene[a:b])) == 1 for a, b in blocks)
    assert same_days(len(scene), len(scene)) == ((0, len(scene)),)


def test_work_comes_in_the_order_of_the_jobs_and_errors_come_through():
    assert list(in_turn(lambda job, _: job**2, range(7), jax.local_devices() * 3)) == [
        n**2 for n in range(7)
    ]
    with pytest.raises(ZeroDivisionError):
        list(in_turn(lambda job, _: 1 / job, [1, 0, 2]))


def test_processes_by_number():
    assert isinstance(processes_of_mhm(2, 0)[0].uptake, Jarvis)
    with pytest.raises(StudyError, match="soil-moisture case 5"):
        processes_of_mhm(5, 0)


def test_values_that_cannot_be_are_named(catchment, values):
    with pytest.raises(ValueError, match="global parameters"):
        next(run_members(catchment, values[:, :-1]))
    with pytest.raises(ValueError, match="parameter set 0 holds"):
        next(run_members(catchment, np.full_like(values, np.nan)))
