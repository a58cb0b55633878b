"""A catchment, and the compiled programs that take its columns through the days."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.compiling import WIDE_VECTORS
from rootzone.simulate.catchment_devices import Device
from rootzone.simulate.catchment_tiles import Tile
from rootzone.water.cell import (
    Calendar,
    CellModel,
    CellParameters,
    CellState,
    Disaggregation,
    PetAspect,
    PotentialEvapotranspiration,
    Weather,
    of_scene,
    run_cells,
    select_cells,
    stack_scenes,
)
from rootzone.water.cell.run import Counts
from rootzone.water.regionalization import Regionalization
from rootzone.water.regionalization.textured import Textured


class Catchment(eqx.Module):
    """What all members of an ensemble share.

    Attributes
    ----------
    regionalization : Regionalization or Textured
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

    regionalization: Regionalization | Textured
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

    def of_soils(self, regionalization: Regionalization | Textured) -> Self:
        """Return the catchment with another regionalization of the same cells."""
        return eqx.tree_at(lambda c: c.regionalization, self, regionalization)

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


# --- programs -----------------------------------------------------------------------------


class Columns(NamedTuple):
    """Effective parameters (scene, ..., column) and which cell of the tile a column is."""

    parameters: CellParameters
    cell: jax.Array
    device: Device
    tile: Tile


class Programs:
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

    def columns(self, tile: Tile, values: np.ndarray, device: Device) -> Columns:
        """Return the effective parameters of a tile."""
        m, c = len(tile.members), len(tile.cells)
        place = np.minimum(np.arange(tile.columns, dtype=np.int32), m * c - 1)
        cell = place % np.int32(c)
        regionalization = self._catchment.regionalization
        double = regionalization.thickness.dtype == np.float64
        with jax.default_device(device), jax.enable_x64(bool(double)):
            found = _columns_of_members(
                regionalization,
                jnp.asarray(values[tile.members]),
                jnp.asarray(tile.cells),
                jnp.asarray(place),
            )
            return Columns(self.cast(found), jnp.asarray(cell), device, tile)

    def blocks(
        self, columns: Columns, state: CellState | None, first: int
    ) -> Iterator[tuple[CellState, dict[str, np.ndarray], int]]:
        """Yield state, outputs (day, ..., column) and first day of block after block."""
        p, catchment, cells = columns.parameters, self._catchment, columns.tile.cells
        if state is None:
            scene = int(catchment.calendar.scene[0])
            state = CellState.initial(of_scene(p, scene))
        state = _filled(state, columns.tile.columns)
        needed = needed_weather(catchment)
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


def columns_of_members(
    regionalization: Regionalization | Textured,
    values: jax.Array,
    cells: jax.Array,
    place: jax.Array,
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


_columns_of_members = eqx.filter_jit(columns_of_members)


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


def needed_weather(catchment: Catchment) -> Weather:
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
