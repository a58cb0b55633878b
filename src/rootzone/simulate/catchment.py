"""A catchment from global coefficients to daily outputs, one parameter set or a hundred thousand.

One chain: coefficients -> effective parameters of all land-cover scenes -> cells through the days
-> daily outputs. Members and cells are one axis of columns; columns are computed in chunks that
fit the cache, chunks on all devices at once, and what comes out is handed on chunk by chunk, so
that memory does not grow with the number of members, cells or days::

    for part in run_members(catchment, values, outputs=("theta",), chunk=2048):
        part.members, part.cells, part.daily["theta"]     # (member, day, horizon, cell)

    for block in run_days(catchment, values[0]):
        block.first_day, block.daily["runoff"]            # (day, cell)
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.errors import StudyError
from rootzone.simulate.catchment_columns import Catchment, Programs
from rootzone.simulate.catchment_devices import Device, in_turn
from rootzone.simulate.catchment_tiles import Tile, day_blocks, member_tiles, same_days
from rootzone.water.cell import (
    CellModel,
    CellState,
    Feddes,
    HargreavesSamani1985,
    Jarvis,
    PenmanMonteith,
    PetAspect,
    PetLeafArea,
    PotentialEvapotranspiration,
    PriestleyTaylor1972,
    select_cells,
)
from rootzone.water.cell.run import DAILY

CHUNK = 2048
"""Columns that a device computes together, by default: states and parameters fit its cache."""

BLOCK_DAYS = 366
"""Days that are computed in one go, by default."""

_PET: dict[int, PotentialEvapotranspiration] = {
    -1: PetLeafArea(),
    0: PetAspect(),
    1: HargreavesSamani1985(),
    2: PriestleyTaylor1972(),
    3: PenmanMonteith(),
}


def processes_of_mhm(
    soil_moisture: int = 1, pet: int = 0
) -> tuple[CellModel, PotentialEvapotranspiration]:
    """Return the processes of cells by the numbers that mHM gives them.

    Parameters
    ----------
    soil_moisture : int
        1 and 4 Feddes, 2 and 3 Jarvis.
    pet : int
        -1 given, with leaf area; 0 given, with aspect; 1 Hargreaves and Samani; 2 Priestley and
        Taylor; 3 Penman and Monteith.

    Raises
    ------
    StudyError
        If there is no such case.
    """
    if soil_moisture not in (1, 2, 3, 4) or pet not in _PET:
        raise StudyError(
            f"soil-moisture case {soil_moisture} and PET case {pet}: 1 to 4 and -1 to 3 are known"
        )
    return CellModel(Feddes() if soil_moisture in (1, 4) else Jarvis()), _PET[pet]


# --- what comes out -----------------------------------------------------------------------


class Members(NamedTuple):
    """Some members in some cells, and their outputs as numpy arrays.

    ``daily`` holds (member, day, cell) or (member, day, horizon, cell); ``members`` and ``cells``
    are their numbers.
    """

    members: np.ndarray
    cells: np.ndarray
    daily: dict[str, np.ndarray]


class Block(NamedTuple):
    """Some days of all cells: outputs (day, [horizon,] cell), and the state at their end."""

    first_day: int
    daily: dict[str, np.ndarray]
    state: CellState

    @property
    def days(self) -> int:
        """Return the number of days."""
        return len(next(iter(self.daily.values())))


# --- runs ---------------------------------------------------------------------------------


def run_members(
    catchment: Catchment,
    values: ArrayLike,
    *,
    outputs: Sequence[str] = DAILY,
    warming_days: int = 0,
    chunk: int = CHUNK,
    block_days: int = BLOCK_DAYS,
    dtype: Any = None,
    done: Sequence[int] = (),
    devices: Sequence[Device] | None = None,
) -> Iterator[Members]:
    """Run many parameter sets chunk by chunk and yield the chunks in their order.

    Parameters
    ----------
    catchment : Catchment
        What the members share; ``catchment.of_cells(...)`` for some cells only.
    values : array (member, parameter)
        Global parameters in the order of ``catchment.regionalization.parameter_table``.
    outputs : sequence of str
        Names in ``rootzone.water.cell.OUTPUTS``; counts come as ``neutrons`` where the catchment
        has counts.
    warming_days : int
        First days that are left out of the outputs.
    chunk : int
        Columns (member times cell) that a device computes together. A device holds
        ``chunk * days * rows`` values of output (a row is an output, or one of its horizons), so
        this bounds the memory.
    block_days : int
        Days computed in one go.
    dtype : dtype, optional
        Precision of the run; by default that of JAX. Effective parameters are computed in the
        precision of the regionalization: prepared within ``jax.enable_x64(True)``, a run in single
        precision keeps daily water content within 1e-4 of the one in double precision.
    done : sequence of int
        Numbers of chunks that are known already and left out.
    devices : sequence of Device, optional
        By default all local devices.

    Yields
    ------
    Members
        At most two chunks for each device are held.

    Notes
    -----
    The numbers do not depend on the chunks but for round-off of the compiler, which may order
    sums over the classes of a cell differently.
    """
    values = np.asarray(values)
    _require_values(catchment, values, 2)
    tiles = member_tiles(len(values), catchment.cells, chunk)
    known = set(done)
    wanted = [tile for n, tile in enumerate(tiles) if n not in known]
    program = Programs(catchment, tuple(outputs), dtype, same_days(catchment.days, block_days))

    def work(tile: Tile, device: Device) -> Members:
        columns = program.columns(tile, values, device)
        parts = [daily for _, daily, _ in program.blocks(columns, None, 0)]
        daily = {
            name: tile.split(np.concatenate([p[name] for p in parts])[warming_days:])
            for name in parts[0]
        }
        return Members(tile.members[: tile.kept[0]], tile.cells[: tile.kept[1]], daily)

    yield from in_turn(work, wanted, devices)


def run_days(
    catchment: Catchment,
    values: ArrayLike,
    *,
    outputs: Sequence[str] = DAILY,
    chunk: int = CHUNK,
    blocks: Sequence[tuple[int, int]] | None = None,
    state: CellState | None = None,
    dtype: Any = None,
    devices: Sequence[Device] | None = None,
) -> Iterator[Block]:
    """Run one parameter set block of days by block of days and yield the blocks.

    Parameters
    ----------
    catchment, outputs, chunk, dtype, devices
        As in :func:`run_members`.
    values : array (parameter)
        Global parameters.
    blocks : sequence of (int, int), optional
        First day of each block and the day after its last, one block following another; by
        default at most 366 days each, and a change of scene begins a block.
    state : CellState, optional
        At the beginning of the first block; the initial state of a run where left out.

    Yields
    ------
    Block
        All cells; one block is held.
    """
    values = np.asarray(values)[None]
    _require_values(catchment, values, 2)
    if blocks is None:
        blocks = day_blocks(np.asarray(catchment.calendar.scene), BLOCK_DAYS)
    tiles = member_tiles(1, catchment.cells, chunk)
    program = Programs(catchment, tuple(outputs), dtype, tuple(blocks))
    columns = list(in_turn(lambda tile, d: program.columns(tile, values, d), tiles, devices))
    states: list[CellState | None] = [None] * len(tiles)
    if state is not None:
        states = [program.cast(select_cells(state, tile.cells)) for tile in tiles]
    for number in range(len(blocks)):

        def work(place: int, device: Device, number: int = number, states=states) -> Any:
            return next(program.blocks(columns[place], states[place], number))

        found = list(in_turn(work, range(len(tiles)), devices))
        states = [after for after, _, _ in found]
        ends = [tile.trim(part) for tile, part in zip(tiles, states, strict=True)]
        yield Block(
            blocks[number][0],
            {
                name: np.concatenate(
                    [tile.trim(d[name]) for tile, (_, d, _) in zip(tiles, found, strict=True)], -1
                )
                for name in found[0][1]
            },
            jax.tree.map(lambda *x: np.concatenate(x, axis=-1), *ends),
        )


def _require_values(catchment: Catchment, values: np.ndarray, rank: int) -> None:
    number = len(catchment.regionalization.parameter_table)
    if values.ndim != rank or values.shape[-1] != number:
        raise ValueError(
            f"values of shape {values.shape}, the catchment has {number} global parameters"
        )
    if not np.all(np.isfinite(values)):
        member = int(np.argwhere(~np.isfinite(values))[0][0])
        raise ValueError(f"parameter set {member} holds a value that is not finite")
