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
from itertools import pairwise
from typing import Any, NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.compiling import WIDE_VECTORS
from rootzone.core.errors import StudyError
from rootzone.simulate.catchment_devices import LANES, Device, in_turn
from rootzone.water.cell import (
    Calendar,
    CellModel,
    CellParameters,
    CellState,
    Disaggregation,
    Feddes,
    HargreavesSamani1985,
    Jarvis,
    PenmanMonteith,
    PetAspect,
    PetLeafArea,
    PotentialEvapotranspiration,
    PriestleyTaylor1972,
    Weather,
    of_scene,
    run_cells,
    select_cells,
    stack_scenes,
)
from rootzone.water.cell.run import DAILY, Counts
from rootzone.water.regionalization import Regionalization

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


class Catchment(eqx.Module):
    """What all members of an ensemble share.

    Attributes
    ----------
    regionalization : Regionalization
        From global coefficients to effective parameters.
    weather : Weather
        Of the days, arrays (day, cell), hourly ones (day, hour, cell).
    calendar : Calendar
        Of the same days.
    disaggregation : Disaggregation
        How a day is shared out to its steps.
    model : CellModel
        The processes of a cell.
    pet : PotentialEvapotranspiration
        Where potential evapotranspiration comes from.
    counts : EveryStep or OnceADay, optional
        Neutron counts.
    """

    regionalization: Regionalization
    weather: Weather
    calendar: Calendar
    disaggregation: Disaggregation
    model: CellModel = CellModel()
    pet: PotentialEvapotranspiration = PetAspect()
    counts: Counts | None = None

    @property
    def days(self) -> int:
        """Return the number of days."""
        return self.weather.precipitation.shape[0]

    @property
    def cells(self) -> int:
        """Return the number of cells."""
        return self.regionalization.cells

    def of_cells(self, index: ArrayLike) -> Self:
        """Return the catchment of some cells only, e.g. of those along a railway."""
        return eqx.tree_at(
            lambda c: (c.regionalization, c.weather, c.disaggregation),
            self,
            (
                self.regionalization.of_cells(index),
                select_cells(self.weather, index),
                self.disaggregation.of_cells(index),
            ),
        )

    def of_days(self, first: int, stop: int) -> Self:
        """Return the catchment of the days from ``first`` to before ``stop``."""
        return eqx.tree_at(
            lambda c: (c.weather, c.calendar),
            self,
            (
                jax.tree.map(lambda x: x[first:stop], self.weather),
                self.calendar.days(first, stop),
            ),
        )

    def parameters(self, values: ArrayLike) -> CellParameters:
        """Return the effective parameters of all scenes of one parameter set.

        Parameters
        ----------
        values : array (parameter)
            Global parameters in the order of ``regionalization.parameter_table``.
        """
        table = self.regionalization.parameter_table
        return stack_scenes(self.regionalization(table.coefficients(values)))


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
    wanted = [tile for n, tile in enumerate(tiles) if n not in set(done)]
    program = _Programs(catchment, tuple(outputs), dtype, same_days(catchment.days, block_days))

    def work(tile: "Tile", device: Device) -> Members:
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
    program = _Programs(catchment, tuple(outputs), dtype, tuple(blocks))
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


# --- columns ------------------------------------------------------------------------------


class Tile(NamedTuple):
    """Members and cells that are computed together; the last ones may be repeated.

    Attributes
    ----------
    members, cells : array of int
        Their numbers, filled up to the shape of all tiles.
    kept : tuple of int
        How many members and cells are no fill.
    """

    members: np.ndarray
    cells: np.ndarray
    kept: tuple[int, int]

    @property
    def columns(self) -> int:
        """Return the number of columns: members times cells, whole vectors."""
        return -(-len(self.members) * len(self.cells) // LANES) * LANES

    def trim(self, tree: Any) -> Any:
        """Return arrays (..., column) of one member as numpy arrays (..., cell) without fill."""
        return jax.tree.map(lambda x: np.asarray(x)[..., : self.kept[1]], tree)

    def split(self, values: np.ndarray) -> np.ndarray:
        """Return values (..., column) as (member, ..., cell) without fill."""
        m, c = len(self.members), len(self.cells)
        rows = values[..., : m * c].reshape(*values.shape[:-1], m, c)
        rows = rows[..., : self.kept[0], : self.kept[1]]
        return np.ascontiguousarray(np.moveaxis(rows, -2, 0))


def member_tiles(members: int, cells: int, chunk: int) -> list[Tile]:
    """Return the tiles of an ensemble, all of the same shape, members first.

    Examples
    --------
    >>> tiles = member_tiles(members=100, cells=29, chunk=1024)
    >>> len(tiles), tiles[0].columns, tiles[-1].kept
    (3, 992, (32, 29))
    """
    cell_parts = -(-cells // chunk)
    width = -(-cells // cell_parts)
    together = max(1, min(chunk // width, members))
    parts = -(-members // together)
    together = -(-members // parts)
    tiles = []
    for m in range(0, members, together):
        for c in range(0, cells, width):
            rows, columns = np.arange(m, m + together), np.arange(c, c + width)
            kept = (min(together, members - m), min(width, cells - c))
            tiles.append(Tile(np.minimum(rows, members - 1), np.minimum(columns, cells - 1), kept))
    return tiles


def same_days(days: int, block_days: int) -> tuple[tuple[int, int], ...]:
    """Return blocks of days, as equal as can be: the fewer lengths, the fewer compilations.

    Examples
    --------
    >>> same_days(731, 366)
    ((0, 366), (366, 731))
    """
    count = -(-days // block_days)
    length = -(-days // count)
    return tuple((first, min(first + length, days)) for first in range(0, days, length))


def day_blocks(scene: np.ndarray, block_days: int) -> tuple[tuple[int, int], ...]:
    """Return blocks of at most so many days; a change of scene begins a block.

    Examples
    --------
    >>> day_blocks(np.array([0, 0, 0, 1, 1]), 2)
    ((0, 2), (2, 3), (3, 5))
    """
    edges = [0, *(np.flatnonzero(np.diff(scene)) + 1).tolist(), len(scene)]
    return tuple(
        (first + a, first + b)
        for first, stop in pairwise(edges)
        for a, b in same_days(stop - first, block_days)
    )


class _Columns(NamedTuple):
    """Effective parameters (scene, ..., column) and which cell of the tile a column is."""

    parameters: CellParameters
    cell: jax.Array
    device: Device
    tile: Tile


class _Programs:
    """The two compiled programs of a run: parameters of columns, and columns through days."""

    def __init__(
        self,
        catchment: Catchment,
        outputs: tuple[str, ...],
        dtype: Any,
        blocks: tuple[tuple[int, int], ...],
    ):
        self._catchment, self._outputs = catchment, outputs
        self._dtype = jax.dtypes.canonicalize_dtype(float if dtype is None else dtype)
        self._blocks = blocks

    def cast(self, tree: Any) -> Any:
        """Return arrays in the precision of the run."""
        return jax.tree.map(lambda x: jnp.asarray(x, self._dtype), tree)

    def columns(self, tile: Tile, values: np.ndarray, device: Device) -> _Columns:
        """Return the effective parameters of a tile."""
        m, c = len(tile.members), len(tile.cells)
        place = np.minimum(np.arange(tile.columns, dtype=np.int32), m * c - 1)
        cell = place % np.int32(c)
        regionalization = self._catchment.regionalization
        double = regionalization.thickness.dtype == np.float64
        with jax.default_device(device), jax.enable_x64(bool(double)):
            found = _parameters_of_columns(
                regionalization,
                jnp.asarray(values[tile.members]),
                jnp.asarray(tile.cells),
                jnp.asarray(place),
            )
            return _Columns(self.cast(found), jnp.asarray(cell), device, tile)

    def blocks(
        self, columns: _Columns, state: CellState | None, first: int
    ) -> Iterator[tuple[CellState, dict[str, np.ndarray], int]]:
        """Yield state, outputs (day, ..., column) and first day of block after block."""
        p, catchment, cells = columns.parameters, self._catchment, columns.tile.cells
        if state is None:
            scene = int(catchment.calendar.scene[0])
            state = CellState.initial(of_scene(p, scene))
        state = _filled(state, columns.tile.columns)
        needed = _needed(catchment)
        for a, b in self._blocks[first:]:
            weather = jax.tree.map(lambda x, a=a, b=b: _taken(x[a:b], cells), needed)
            with jax.default_device(columns.device):
                state, daily = _run_columns(
                    state,
                    p,
                    self.cast(weather),
                    catchment.calendar.days(a, b),
                    catchment.disaggregation.of_cells(cells),
                    columns.cell,
                    (catchment.model, catchment.pet, catchment.counts),
                    (self._outputs, catchment.regionalization.compat),
                )
                yield state, {k: np.asarray(v) for k, v in daily.items()}, a


@eqx.filter_jit
def _parameters_of_columns(
    regionalization: Regionalization, values: jax.Array, cells: jax.Array, place: jax.Array
) -> CellParameters:
    """Return parameters (scene, ..., column) of members (member, parameter) in these cells."""
    some = regionalization.of_cells(cells)
    table = regionalization.parameter_table

    def one(member: jax.Array) -> CellParameters:
        return stack_scenes(some(table.coefficients(member)))

    many = jax.vmap(one)(values)

    def to_columns(x: jax.Array) -> jax.Array:
        full = jnp.broadcast_to(x, (*x.shape[:-1], cells.shape[0]))
        full = jnp.moveaxis(full, 0, -2)
        return full.reshape(*full.shape[:-2], -1)[..., place]

    flat = jax.tree.map(to_columns, many)
    shared = many.evap_coefficient[0]  # the same for all members and cells
    return eqx.tree_at(lambda p: p.evap_coefficient, flat, shared)


@eqx.filter_jit(compiler_options=WIDE_VECTORS)  # pyright: ignore[reportCallIssue]
def _run_columns(
    state: CellState,
    parameters: CellParameters,
    weather: Weather,
    calendar: Calendar,
    disaggregation: Disaggregation,
    cell: jax.Array,
    processes: tuple[CellModel, PotentialEvapotranspiration, Counts | None],
    choices: tuple[tuple[str, ...], Any],
) -> tuple[CellState, dict[str, jax.Array]]:
    model, pet, counts = processes
    outputs, compat = choices
    result = run_cells(
        state,
        jax.tree.map(lambda x: x[..., cell], weather),
        calendar,
        parameters,
        disaggregation=disaggregation.of_cells(cell),
        model=model,
        pet=pet,
        counts=counts,
        outputs=outputs,
        compat=compat,
    )
    return result.state, result.daily


def _needed(catchment: Catchment) -> Weather:
    """Return the weather that is read."""
    reads = ("precipitation", "temperature", *catchment.pet.reads)
    return Weather(**{name: getattr(catchment.weather, name) for name in reads})


def _taken(x: Any, cells: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    whole = len(cells) == x.shape[-1] and np.array_equal(cells, np.arange(len(cells)))
    return x if whole else x[..., cells]


def _filled(state: CellState, columns: int) -> CellState:
    """Return a state whose last cell is repeated up to a number of columns."""

    def fill(x: jax.Array) -> jax.Array:
        missing = columns - x.shape[-1]
        if missing <= 0:
            return x
        return jnp.concatenate([x, jnp.repeat(x[..., -1:], missing, axis=-1)], axis=-1)

    return jax.tree.map(fill, state)


def _require_values(catchment: Catchment, values: np.ndarray, rank: int) -> None:
    number = len(catchment.regionalization.parameter_table)
    if values.ndim != rank or values.shape[-1] != number:
        raise ValueError(
            f"values of shape {values.shape}, the catchment has {number} global parameters"
        )
    if not np.all(np.isfinite(values)):
        member = int(np.argwhere(~np.isfinite(values))[0][0])
        raise ValueError(f"parameter set {member} holds a value that is not finite")
