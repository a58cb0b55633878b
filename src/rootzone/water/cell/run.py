"""A run: the cells through the days, parameters switched with month and scene, outputs by day.

Two loops, one inside the other: days, and the steps of a day. Only what a day has summed up
leaves the inner loop, so memory grows with days and outputs, not with steps.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.water.cell.calendar import Calendar
from rootzone.water.cell.compat import STANDARD, Compat
from rootzone.water.cell.forcing import AsGiven, Disaggregation, Weather
from rootzone.water.cell.outputs import NEUTRONS, OUTPUTS, Weights
from rootzone.water.cell.pet import PetAspect, PotentialEvapotranspiration
from rootzone.water.cell.step import CellModel
from rootzone.water.cell.types import CellParameters, CellState, of_scene

DAILY = ("soil_moisture", "snow_pack", "evapotranspiration", "runoff")


# --- neutrons ---------------------------------------------------------------------------


class Water(NamedTuple):
    """Water that neutrons see; soil moisture has one array (cell) per horizon [mm]."""

    soil_moisture: tuple[jax.Array, ...]
    snow_pack: jax.Array
    interception: jax.Array

    @classmethod
    def of(cls, state: CellState) -> "Water":
        """Return the water of a state."""
        return cls(tuple(state.soil_moisture), state.snow_pack, state.interception)


class Operator(Protocol):
    """A neutron operator of cells (`rootzone.neutrons.cell_counts`)."""

    def prepare(self, soil: Any) -> Any:
        """Return what depends on parameters alone."""
        ...

    def count_rate(self, prepared: Any, water: Any) -> jax.Array:
        """Return the count rate [h-1] of soil water, snow and interception."""
        ...


class EveryStep(eqx.Module):
    """Counts at the end of every step, averaged over the day, as mHM does.

    Attributes
    ----------
    operator : Operator
        From water to counts.
    """

    operator: Operator


class OnceADay(eqx.Module):
    """Counts of the mean water of the day: a twenty-fourth of the work.

    The count rate is a curve of the water, so this differs a little from the mean of the hourly
    counts: over two years of a hilly catchment 1.4e-4 of the count rate (root mean square) with
    ``DesiletsMhm513``, 7e-3 on the day of heaviest rain; 3e-4 and 0.016 with ``CosmicMhm513``.

    Attributes
    ----------
    operator : Operator
        From water to counts.
    """

    operator: Operator


Counts = EveryStep | OnceADay


# --- run --------------------------------------------------------------------------------


class CellRun(NamedTuple):
    """Result of a run: the state at its end, and the outputs by name.

    ``daily`` holds arrays (day, cell) or (day, horizon, cell), states as means of the values at
    the ends of steps, fluxes as sums; ``steps`` holds (day, step, ...) of what was asked for.
    """

    state: CellState
    daily: dict[str, jax.Array]
    steps: dict[str, jax.Array]


def run_cells(
    state: CellState,
    weather: Weather,
    calendar: Calendar,
    parameters: CellParameters,
    *,
    disaggregation: Disaggregation,
    model: CellModel | None = None,
    pet: PotentialEvapotranspiration | None = None,
    counts: Counts | None = None,
    outputs: Sequence[str] = DAILY,
    each_step: Sequence[str] = (),
    compat: Compat = STANDARD,
) -> CellRun:
    """Run cells through the days of a calendar.

    Parameters
    ----------
    state : CellState
        At the beginning, for instance ``CellState.initial(parameters)``; its precision is the
        precision of the run.
    weather : Weather
        Of the days, arrays (day, cell).
    calendar : Calendar
        Of the same days.
    parameters : CellParameters
        Effective parameters; where they have a leading axis ``scene`` (:func:`stack_scenes`), the
        calendar says which scene is in force.
    disaggregation : Disaggregation
        How a day is shared out to its steps, and how many there are.
    model : CellModel, optional
        The processes, by default with the Feddes reduction and sharp thresholds.
    pet : PotentialEvapotranspiration, optional
        By default as given, with the factor of the aspect.
    counts : EveryStep or OnceADay, optional
        Neutron counts, returned by day as ``neutrons`` [h-1].
    outputs : sequence of str
        Names in ``OUTPUTS`` to return by day.
    each_step : sequence of str
        Names to return for every step (memory grows with them); "neutrons" with EveryStep.
    compat : Compat
        Which peculiarities of mHM are kept.

    Returns
    -------
    CellRun
        State at the end and outputs.

    Raises
    ------
    ValueError
        If an output is not known or weather and calendar differ in length.

    Notes
    -----
    The states keep their millimeters when the scene changes. A run of two halves, the second from
    the state at the end of the first, is the run of the whole.
    """
    model = CellModel() if model is None else model
    pet = PetAspect() if pet is None else pet
    _check_names(outputs, each_step, counts)
    _check_weather(weather, calendar, pet, disaggregation)
    weather, parameters, disaggregation, counts = _cast(
        (weather, parameters, disaggregation, counts), state.snow_pack.dtype
    )
    day = _Day(
        model,
        pet,
        disaggregation,
        parameters,
        counts,
        tuple(outputs),
        tuple(each_step),
        compat.next_scene_in_last_output,
    )
    rows = _unstacked(state)

    def one_day(state: CellState, today: tuple[Weather, Calendar]) -> tuple[CellState, Any]:
        return day.run(state, today)

    rows, (daily, steps) = jax.lax.scan(jax.checkpoint(one_day), rows, (weather, calendar))
    return CellRun(_stacked(rows), daily, steps)


class _Day(eqx.Module):
    """One day of a run: parameters of the date, the loop over steps, what the day sums up."""

    model: CellModel
    pet: PotentialEvapotranspiration
    disaggregation: Disaggregation
    parameters: CellParameters
    counts: Counts | None
    outputs: tuple[str, ...] = eqx.field(static=True)
    each_step: tuple[str, ...] = eqx.field(static=True)
    next_scene_in_last_output: bool = eqx.field(static=True)

    def run(self, state: CellState, today: tuple[Weather, Calendar]) -> tuple[CellState, Any]:
        """Return the state after the day, and its outputs."""
        weather, date = today
        n = self.disaggregation.steps_per_day
        p = self._of_scene(date.scene).at(month=date.month, leaf_step=date.leaf_step)
        pet = self.pet.of_day(weather, p, date.day_of_year)
        forcing = self.disaggregation.of_day(weather, pet, date.month)
        weights = Weights.of(p)
        after = Weights.of(self._of_scene(date.scene_after))
        observe, finish = self._observer(p)

        def one_step(state: CellState, step: jax.Array) -> tuple[CellState, Any, Any]:
            at_step = self.disaggregation.at(forcing, step)
            state, fluxes = self.model.step(state, at_step, p, steps_per_day=n)
            w = weights
            if self.next_scene_in_last_output and self._has_scenes:
                w = jax.tree.map(lambda x, y: jnp.where(step == n - 1, y, x), weights, after)
            seen = observe(state)
            summed = {name: OUTPUTS[name].value(state, fluxes, w) for name in self.outputs}
            kept = {
                name: seen if name == NEUTRONS else OUTPUTS[name].value(state, fluxes, w)
                for name in self.each_step
            }
            return state, (summed, seen), kept

        state, (sums, seen), kept = _sum_over_steps(one_step, state, n)
        daily = {
            name: jax.tree.map(lambda x, name=name: x / n if OUTPUTS[name].is_state else x, total)
            for name, total in sums.items()
        }
        if self.counts is not None:
            daily[NEUTRONS] = finish(jax.tree.map(lambda x: x / n, seen))
        return state, (_joined(daily, 0), _joined(kept, 1))

    @property
    def _has_scenes(self) -> bool:
        return self.parameters.saturation.ndim == 3

    def _of_scene(self, scene: jax.Array) -> CellParameters:
        return of_scene(self.parameters, scene) if self._has_scenes else self.parameters

    def _observer(self, p: CellParameters) -> tuple[Callable, Callable]:
        """Return what is summed at every step, and how its mean becomes the count of the day."""
        if self.counts is None:
            return lambda _: (), lambda mean: mean
        operator = self.counts.operator
        prepared = operator.prepare(p)
        if isinstance(self.counts, EveryStep):
            return lambda s: operator.count_rate(prepared, Water.of(s)), lambda mean: mean
        return Water.of, lambda mean: operator.count_rate(prepared, mean)


def _sum_over_steps(one_step: Callable, state: CellState, n: int) -> tuple[CellState, Any, Any]:
    """Run the steps of a day; return the state, summed outputs and outputs of every step."""
    if n == 1:
        state, sums, kept = one_step(state, jnp.asarray(0))
        return state, sums, jax.tree.map(lambda x: x[None], kept)
    shapes = jax.eval_shape(lambda s: one_step(s, jnp.asarray(0))[1], state)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def body(carry: Any, step: jax.Array) -> tuple[Any, Any]:
        state, sums = carry
        state, new, kept = one_step(state, step)
        return (state, jax.tree.map(jnp.add, sums, new)), kept

    (state, sums), kept = jax.lax.scan(body, (state, zeros), jnp.arange(n))
    return state, sums, kept


def _joined(outputs: dict[str, Any], axis: int) -> dict[str, jax.Array]:
    """Return outputs with the horizons as an axis."""
    return {
        name: jnp.stack(value, axis) if isinstance(value, tuple) else value
        for name, value in outputs.items()
    }


def _unstacked(state: CellState) -> CellState:
    """Return the state with one array per horizon: nothing is stacked within the loops."""
    return eqx.tree_at(lambda s: s.soil_moisture, state, tuple(state.soil_moisture))


def _stacked(state: CellState) -> CellState:
    rows = jnp.stack(state.soil_moisture)
    is_rows = lambda x: isinstance(x, tuple)  # noqa: E731
    return eqx.tree_at(lambda s: s.soil_moisture, state, rows, is_leaf=is_rows)


def _cast(tree: Any, dtype: Any) -> Any:
    """Return floating arrays of a tree in one precision."""

    def cast(x: Any) -> Any:
        is_array = isinstance(x, jax.Array | np.ndarray)
        return jnp.asarray(x, dtype) if is_array and jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(cast, tree)


def _check_names(outputs: Sequence[str], each_step: Sequence[str], counts: Counts | None) -> None:
    if NEUTRONS in each_step and not isinstance(counts, EveryStep):
        raise ValueError("'neutrons' for each step wants counts=EveryStep(...)")
    unknown = [n for n in outputs if n not in OUTPUTS]
    unknown += [n for n in each_step if n not in OUTPUTS and n != NEUTRONS]
    if unknown:
        hint = "; give counts=EveryStep(...) for neutrons" if NEUTRONS in unknown else ""
        raise ValueError(f"no output {unknown[0]!r}{hint}; known are {', '.join(OUTPUTS)}")


def _check_weather(
    weather: Weather,
    calendar: Calendar,
    pet: PotentialEvapotranspiration,
    disaggregation: Disaggregation,
) -> None:
    days, dates = weather.precipitation.shape[0], calendar.month.shape[0]
    if days != dates:
        raise ValueError(f"weather has {days} days, the calendar {dates}: give the same days")
    if not isinstance(disaggregation, AsGiven):
        return
    shape, steps = weather.precipitation.shape, disaggregation.steps_per_day
    if len(shape) != 3 or shape[1] != steps:
        raise ValueError(f"weather (day, {steps} steps, cell) wanted, got shape {shape}")
    if pet.wants_daily_weather:
        raise ValueError(
            f"{type(pet).__name__} holds for daily weather, not for steps of a day: give the "
            "potential evapotranspiration itself, or daily weather"
        )
