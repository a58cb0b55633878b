"""Values at places as a differentiable function of the global parameters.

The days are one scan whose body is computed again on the way back, so that memory grows with the
days and the columns alone: about 20 values of state for each.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.simulate.catchment_columns import columns_of_members, needed_weather
from rootzone.simulate.readings import Reading, Simulator
from rootzone.water.cell import CellState, of_scene, run_cells

Values = dict[str, jax.Array]


def values_at_places(simulator: Simulator, values: jax.Array) -> Values:
    """Return values (member, day, place) of all global parameters (member, parameter).

    As :class:`rootzone.simulate.readings.Simulator`, but traceable. Parameters are computed in the
    precision of the regionalization, days in that of the simulator.
    """
    catchment, cells = simulator.catchment, simulator.catchment.cells
    dtype = jnp.dtype(simulator.dtype or float)

    def cast(tree: Any) -> Any:
        return jax.tree.map(lambda x: jnp.asarray(x, dtype), tree)

    members = values.shape[0]
    place = np.arange(members * cells)
    every = jnp.arange(cells)
    parameters = cast(
        columns_of_members(catchment.regionalization, values, every, jnp.asarray(place))
    )
    cell = place % cells
    weather = cast(jax.tree.map(lambda x: jnp.asarray(x)[..., cell], needed_weather(catchment)))
    first = catchment.calendar.scene[0]
    outputs = tuple(dict.fromkeys(r.output for r in simulator.readings.values()))
    result = run_cells(
        CellState.initial(of_scene(parameters, first)),
        weather,
        catchment.calendar,
        parameters,
        disaggregation=catchment.disaggregation.of_cells(cell),
        model=catchment.model,
        pet=catchment.pet,
        counts=catchment.counts,
        outputs=tuple(o for o in outputs if o != "neutrons"),
        compat=catchment.regionalization.compat,
    )

    def at_places(reading: Reading) -> jax.Array:
        daily = result.daily[reading.output][simulator.first_day :]
        daily = daily.reshape(*daily.shape[:-1], members, cells)
        daily = jnp.moveaxis(daily, -2, 0).reshape(members, daily.shape[0], -1)
        weights = jnp.asarray(reading.weights.reshape(len(reading.weights), -1), daily.dtype)
        return daily @ weights.T

    return {name: at_places(reading) for name, reading in simulator.readings.items()}


def value_and_gradient(
    simulator: Simulator,
    all_values: Callable[[jax.Array], jax.Array],
    objective: Callable[[Values], jax.Array],
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return a function of searched parameters (member, searched): objective and gradient.

    Parameters
    ----------
    simulator : Simulator
        The model.
    all_values : callable
        All global parameters (member, parameter) of those searched, traceable.
    objective : callable
        One number (member) of the values at places by variable.
    """

    @eqx.filter_jit
    def both(simulator: Simulator, searched: jax.Array) -> Any:
        def total(searched: jax.Array) -> Any:
            found = objective(values_at_places(simulator, all_values(searched)))
            return jnp.sum(jnp.where(jnp.isfinite(found), found, 0.0)), found

        (_, found), gradient = jax.value_and_grad(total, has_aux=True)(searched)
        return found, gradient

    def of_sets(searched: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with jax.enable_x64(True):
            found, gradient = both(simulator, jnp.asarray(searched, float))
            return np.asarray(found, float), np.asarray(gradient, float)

    return of_sets
