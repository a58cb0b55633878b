"""Values at places as a differentiable function of the global parameters.

Days are one scan whose body is computed again on the way back, and so is every step of a day, so
that memory grows with the days and the columns alone: about 20 values of state for each. What a
step computes on its way never leaves the cache, which costs less than to keep it.

On CPUs a step of some hundred columns is shorter than the start of the many small programs that
it is compiled to. Columns are therefore taken through all days by one compiled function.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from rootzone.core.compiling import LANES
from rootzone.simulate.catchment_columns import columns_of_members, needed_weather
from rootzone.simulate.catchment_devices import Device, in_turn
from rootzone.simulate.catchment_tiles import Tile, member_tiles
from rootzone.simulate.readings import Reading, Simulator
from rootzone.water.cell import (
    CellFluxes,
    CellForcing,
    CellModel,
    CellParameters,
    CellState,
    of_scene,
    run_cells,
)

COLUMNS = 256
"""Columns that a core takes through the days together: states of a day fit its cache."""
_WHOLE = 2 * LANES
"""Columns come in multiples of so many: two vectors, as loops over them are unrolled."""
_LEAST = 8
"""Sets that are computed together at least, so that few programs are compiled."""

TRIED = ("0.10.2",)
"""Versions of jaxlib in which programs as one function are known to compile, see there."""

Values = dict[str, jax.Array]
Traced = Callable[[jax.Array], jax.Array]


class _StepAgain(CellModel):
    """Cells whose steps are computed again on the way back."""

    def step(
        self,
        state: CellState,
        forcing: CellForcing,
        parameters: CellParameters,
        *,
        steps_per_day: int = 24,
    ) -> tuple[CellState, CellFluxes]:
        """Advance the cells by one time step, as :class:`CellModel` does."""

        def once(state: CellState, forcing: CellForcing, parameters: CellParameters) -> Any:
            return CellModel.step(self, state, forcing, parameters, steps_per_day=steps_per_day)

        return jax.checkpoint(once)(state, forcing, parameters)


def values_at_places(simulator: Simulator, values: jax.Array, *, in_one: bool = False) -> Values:
    """Return values (member, day, place) of all global parameters (member, parameter).

    As :class:`rootzone.simulate.readings.Simulator`, but traceable. Parameters are computed in the
    precision of the regionalization, days in that of the simulator.

    Parameters
    ----------
    simulator : Simulator
        The model.
    values : array (member, parameter)
        All global parameters.
    in_one : bool
        On CPUs, let one compiled function take all columns through the days, where it holds no
        tables. The simulator must then be an argument of the program that is compiled.
    """
    catchment, cells = simulator.catchment, simulator.catchment.cells
    dtype = jnp.dtype(simulator.dtype or float)

    def cast(tree: Any) -> Any:
        return jax.tree.map(lambda x: jnp.asarray(x, dtype), tree)

    members = values.shape[0]
    columns = members * cells
    if in_one:
        columns = -(-columns // _WHOLE) * _WHOLE
    place = np.minimum(np.arange(columns), members * cells - 1)  # the last is repeated
    every = jnp.arange(cells)
    parameters = cast(
        columns_of_members(catchment.regionalization, values, every, jnp.asarray(place))
    )
    cell = place % cells
    weather = cast(jax.tree.map(lambda x: jnp.asarray(x)[..., cell], needed_weather(catchment)))
    state = CellState.initial(of_scene(parameters, catchment.calendar.scene[0]))
    outputs = tuple(dict.fromkeys(r.output for r in simulator.readings.values()))
    model = catchment.model

    def run(state: Any, weather: Any, calendar: Any, parameters: Any, disaggregation: Any) -> Any:
        return run_cells(
            state,
            weather,
            calendar,
            parameters,
            disaggregation=disaggregation,
            model=_StepAgain(model.uptake, model.thresholds),
            pet=catchment.pet,
            counts=catchment.counts,
            outputs=tuple(o for o in outputs if o != "neutrons"),
            compat=catchment.regionalization.compat,
        ).daily

    disaggregation = catchment.disaggregation.of_cells(cell)
    parts = (state, weather, catchment.calendar, parameters, disaggregation)
    if in_one and not _holds_tables(jax.make_jaxpr(run)(*parts)):
        run = _as_one_function(run)
    daily = run(*parts)

    def at_places(reading: Reading) -> jax.Array:
        some = daily[reading.output][simulator.first_day :, ..., : members * cells]
        some = some.reshape(*some.shape[:-1], members, cells)
        some = jnp.moveaxis(some, -2, 0).reshape(members, some.shape[0], -1)
        weights = jnp.asarray(reading.weights.reshape(len(reading.weights), -1), some.dtype)
        return some @ weights.T

    return {name: at_places(reading) for name, reading in simulator.readings.items()}


def value_and_gradient(
    simulator: Simulator, all_values: Traced, objective: Callable[[Values], jax.Array]
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return a function of searched parameters (member, searched): objective and gradient.

    Sets are computed in parts of some hundred columns, the parts on all devices at once. Their
    number is filled up to a power of two, so that few programs are compiled.

    Parameters
    ----------
    simulator : Simulator
        The model.
    all_values : callable
        All global parameters (member, parameter) of those searched, traceable.
    objective : callable
        One number (member) of the values at places by variable.
    """

    def of_part(simulator: Simulator, searched: jax.Array, in_one: bool) -> Any:
        def total(searched: jax.Array) -> Any:
            places = values_at_places(simulator, all_values(searched), in_one=in_one)
            found = objective(places)
            return jnp.sum(jnp.where(jnp.isfinite(found), found, 0.0)), found

        (_, found), gradient = jax.value_and_grad(total, has_aux=True)(searched)
        return found, gradient

    program = _Program(eqx.filter_jit(of_part))
    cells = simulator.catchment.cells
    columns = COLUMNS if jax.default_backend() == "cpu" else simulator.chunk

    def of_sets(searched: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        searched = np.asarray(searched, float)
        count = len(searched)
        together = 1 << max(count - 1, _LEAST - 1).bit_length()
        filled = searched[np.minimum(np.arange(together), count - 1)]
        tiles = member_tiles(together, cells, max(columns, cells))
        wanted = [tile for tile in tiles if tile.members[0] < count]

        def work(tile: Tile, device: Device) -> tuple[np.ndarray, np.ndarray]:
            with jax.default_device(device):
                found, gradient = program(simulator, jnp.asarray(filled[tile.members]))
                kept = tile.kept[0]
                return np.asarray(found, float)[:kept], np.asarray(gradient, float)[:kept]

        with jax.enable_x64(True):
            found, gradient = zip(*in_turn(work, wanted), strict=True)
        return np.concatenate(found)[:count], np.concatenate(gradient)[:count]

    return of_sets


def of_one_set(
    simulator: Simulator, all_values: Traced, objective: Callable[[Values], jax.Array]
) -> Callable[[jax.Array], jax.Array]:
    """Return the objective of one set (searched), traceable, for samplers written in JAX.

    Under ``jax.vmap`` the sets become members of one run, with their gradients: mapped over sets,
    the model would compute both ways of each of its branches.

    Parameters
    ----------
    simulator, all_values, objective
        As for :func:`value_and_gradient`.
    """

    def values(searched: jax.Array) -> jax.Array:
        return objective(values_at_places(simulator, all_values(searched)))

    def total(searched: jax.Array) -> tuple[jax.Array, jax.Array]:
        found = values(searched)
        return jnp.sum(found), found

    def both(searched: jax.Array) -> tuple[jax.Array, jax.Array]:
        (_, found), slope = jax.value_and_grad(total, has_aux=True)(searched)
        return found, slope

    value, value_and_slope = _of_one(values), _of_one(both)

    @jax.custom_vjp
    def one(searched: jax.Array) -> jax.Array:
        return value(searched)

    def forward(searched: jax.Array) -> tuple[jax.Array, jax.Array]:
        return value_and_slope(searched)

    def backward(slope: jax.Array, by_value: jax.Array) -> tuple[jax.Array]:
        return (by_value * slope,)

    one.defvjp(forward, backward)
    return one


def _of_one(of_members: Callable[[jax.Array], Any]) -> Callable[[jax.Array], Any]:
    """Return a function of one set of a function of members, which a vmap calls once for all."""

    @jax.custom_batching.custom_vmap
    def one(searched: jax.Array) -> Any:
        return jax.tree.map(lambda x: x[0], of_members(searched[None]))

    @one.def_vmap
    def _(size: int, batched: list[bool], searched: jax.Array) -> Any:
        del size, batched
        found = of_members(searched)
        return found, jax.tree.map(lambda _: True, found)

    return one


class _Program:
    """A program as one function where the compiler can do that, else as many small ones."""

    def __init__(self, function: Callable) -> None:
        self._function = function
        self._in_one = jax.default_backend() == "cpu" and version("jaxlib") in TRIED

    def __call__(self, simulator: Simulator, searched: jax.Array) -> Any:
        if self._in_one:
            try:
                return self._function(simulator, searched, True)
            except jax.errors.JaxRuntimeError as error:
                # the compiler of such functions knows fewer operations than the usual one
                if "UNIMPLEMENTED" not in str(error):
                    raise
                self._in_one = False
        return self._function(simulator, searched, False)


def _holds_tables(traced: Any) -> bool:
    """Return whether a traced function holds arrays of its own, however deep.

    The compiler ends the process where one function for CPUs does.
    """
    jaxpr, consts = (traced.jaxpr, traced.consts) if hasattr(traced, "consts") else (traced, ())
    if any(np.size(value) > 1 for value in consts):
        return True
    for equation in jaxpr.eqns:
        held = [v.val for v in equation.invars if isinstance(v, Literal)]
        if any(np.size(value) > 1 for value in held):
            return True
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_traced):
            if _is_traced(inner) and _holds_tables(inner):
                return True
    return False


def _is_traced(value: Any) -> bool:
    return isinstance(value, ClosedJaxpr | Jaxpr)


def _as_one_function(function: Callable) -> Callable:
    """Return a function that XLA compiles to one function for CPUs, its gradient too.

    By default every operation of a loop is a program of its own, which XLA starts anew in every
    turn; loops that it takes for small it compiles as a whole. Here it is told to: a gradient of
    some hundred columns takes less than half the time. The marks mean nothing to other devices.
    Sums over many rows are not known there, which is told as an error, nor are tables, which ends
    the process: a version of the compiler must have been tried.
    """

    def bare(*args: Any) -> Any:
        with set_xla_metadata(xla_cpu_small_call=None, inlineable=None):
            return function(*args)

    compiled = jax.jit(bare)

    def marked(*args: Any) -> Any:
        with set_xla_metadata(xla_cpu_small_call="true", inlineable="false"):
            return compiled(*args)

    return marked
