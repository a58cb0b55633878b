"""The study `catchment`: from maps and weather to soil water, fluxes and counts of every cell.

The page reads in the order of the work: read and regionalize, run the days block by block, keep
what every block adds, close the balance, compare with observations.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import equinox as eqx
import jax
import numpy as np

from rootzone.config.catchment import CatchmentStudy
from rootzone.core import RunError
from rootzone.evaluate import deterministic_scores
from rootzone.simulate.catchment import Block, day_blocks, run_days
from rootzone.simulate.catchment_devices import use_all_cores
from rootzone.studies.catchment_blocks import BlockStore
from rootzone.studies.catchment_input import Inputs, read_inputs
from rootzone.studies.catchment_maps import MapWriter, area_share
from rootzone.studies.context import Context
from rootzone.water.cell import NEUTRONS, CellParameters, CellState, of_scene, stack_scenes
from rootzone.water.regionalization import Regionalization
from rootzone.water.regionalization.textured import Textured

BALANCE = ("precipitation", "evapotranspiration", "runoff", "percolated", "recharge")
"""Fluxes that the balance is made of."""
SHOWN = ("theta", "snow_pack", "evapotranspiration", "runoff")
"""Outputs that the report always shows."""
_LONG = 10_000_000
"""Days of cells that take longer than a further core takes to compile its program."""


@dataclass
class Sums:
    """What is summed up over the evaluated days: arrays ([horizon,] cell)."""

    days: int = 0
    total: dict[str, np.ndarray] = field(default_factory=dict)
    squares: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, daily: dict[str, np.ndarray]) -> None:
        """Add days (day, ..., cell)."""
        self.days += len(next(iter(daily.values())))
        for name, values in daily.items():
            x = np.asarray(values, float)
            self.total[name] = self.total.get(name, 0.0) + x.sum(axis=0)
            if name in ("theta", NEUTRONS):
                self.squares[name] = self.squares.get(name, 0.0) + (x**2).sum(axis=0)

    def mean(self, name: str) -> np.ndarray:
        """Return the mean of a day."""
        return self.total[name] / self.days

    def deviation(self, name: str) -> np.ndarray:
        """Return the standard deviation over the days."""
        variance = self.squares[name] / self.days - self.mean(name) ** 2
        return np.sqrt(np.maximum(variance, 0.0))


@dataclass
class Balance:
    """The water balance of one block, means over the catchment [mm]."""

    first: np.datetime64
    days: int
    precipitation: float
    evapotranspiration: float
    runoff: float
    karst: float
    storage_change: float
    land_cover_change: float
    """Change of storage per area because the sealed share of the cells changed."""
    error: float
    largest_error: float
    """Of any cell."""
    evaluated: bool


@dataclass
class CatchmentResult:
    """Everything the study found; :mod:`rootzone.studies.catchment_output` writes it."""

    inputs: Inputs
    parameters: CellParameters
    share: np.ndarray
    outputs: tuple[str, ...]
    sums: Sums
    series: dict[str, np.ndarray]
    at_places: dict[str, np.ndarray]
    balance: list[Balance]
    state: CellState
    scores: dict[str, dict[str, float]]
    compared: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    maps: MapWriter


def run_catchment(study: CatchmentStudy, context: Context) -> CatchmentResult:
    """Run the study: read, regionalize, run the days, close the balance, compare."""
    use_all_cores()
    inputs = read_inputs(study, context)
    outputs = tuple(dict.fromkeys([*study.results.variables, *BALANCE, *SHOWN, *_wanted(inputs)]))
    with jax.enable_x64(True):
        parameters = jax.tree.map(
            np.asarray, _effective(inputs.catchment.regionalization, inputs.values)
        )
        first = of_scene(parameters, int(inputs.catchment.calendar.scene[0]))
        state = CellState.initial(first) if inputs.state is None else inputs.state
    _require_finite(parameters, inputs)
    maps = MapWriter.of_study(study, inputs, context)
    found = CatchmentResult(
        inputs,
        parameters,
        area_share(inputs.domain),
        outputs,
        Sums(),
        {},
        {},
        [],
        jax.tree.map(np.asarray, state),
        {},
        {},
        maps,
    )
    keep = _Keep(found)
    with maps:
        for block in _blocks(study, found, context):
            keep.add(block)
    keep.finish()
    _compare(found)
    _tell_balance(found, context)
    return found


@eqx.filter_jit
def _effective(regionalization: Regionalization | Textured, values: np.ndarray) -> CellParameters:
    table = regionalization.parameter_table
    return stack_scenes(regionalization(table.coefficients(values)))


def _wanted(inputs: Inputs) -> tuple[str, ...]:
    return ("soil_moisture",) if inputs.saturation is not None else ()


def _require_finite(parameters: CellParameters, inputs: Inputs) -> None:
    """Raise where parameters leave the numbers: they would spoil maps in silence."""
    for name, values in vars(parameters).items():
        if values is None or np.all(np.isfinite(values)):
            continue
        cell = int(np.argwhere(~np.isfinite(values))[0][-1])
        row, column = np.argwhere(inputs.domain.mask1)[min(cell, inputs.domain.cells - 1)]
        where = inputs.domain.level1.cell_name(int(row), int(column))
        raise RunError(
            f"the effective parameter {name} is not finite in {where}: the global parameters do "
            "not go together; try the defaults"
        )


def _blocks(study: CatchmentStudy, found: CatchmentResult, context: Context) -> Iterator[Block]:
    """Yield the blocks of days: those kept by an earlier run that was killed, then new ones."""
    inputs = found.inputs
    plan = _plan(study, inputs)
    store = BlockStore.of_folder(context.folder, plan)
    kept = store.kept()
    if kept:
        context.log.tell(f"{len(kept)} of {len(plan)} blocks of days are here from before")
    days = inputs.catchment.days
    state = inputs.state
    for block in map(store.read, range(len(kept))):
        state = block.state
        yield block
    if len(kept) < len(plan):
        new = run_days(
            inputs.catchment,
            inputs.values,
            outputs=found.outputs,
            chunk=_chunk(study, inputs),
            blocks=plan[len(kept) :],
            state=state,
        )
        for number, block in enumerate(new, start=len(kept)):
            store.write(number, block)
            context.progress("running", 0.1 + 0.7 * (block.first_day + block.days) / days)
            yield block
    store.remove()


def _chunk(study: CatchmentStudy, inputs: Inputs) -> int:
    """Return the cells computed together: no core without work where the run is a long one."""
    cells, devices = inputs.catchment.cells, len(jax.local_devices())
    if cells * inputs.catchment.days < _LONG:
        return study.computation.chunk
    return min(study.computation.chunk, -(-cells // devices))


def _plan(study: CatchmentStudy, inputs: Inputs) -> tuple[tuple[int, int], ...]:
    """Return blocks that no turn of the year, scene or end of the warm-up divides."""
    setup, n = inputs.setup, inputs.catchment.days
    year = (setup.start_day + np.arange(n)).astype("datetime64[Y]").astype(int)
    evaluated = np.arange(n) >= setup.warming_days
    scene = np.asarray(inputs.catchment.calendar.scene)
    return day_blocks(year * 1000 + scene * 2 + evaluated, study.computation.block_days)


class _Keep:
    """What is kept of the blocks while they come."""

    def __init__(self, found: CatchmentResult):
        self._found = found
        self._inputs = found.inputs
        self._warming = found.inputs.setup.warming_days
        self._series: dict[str, list[np.ndarray]] = {}
        self._places: dict[str, list[np.ndarray]] = {}
        cells = [p.cell for p in found.inputs.places]
        line = found.inputs.domain.line
        self._cells = np.asarray(
            cells + ([] if line is None else line.positions(found.inputs.domain.mask1).tolist()),
            int,
        )
        self._scene: int | None = None
        self._observed = _Observations(found)

    def add(self, block: Block) -> None:
        """Add the days of a block."""
        f = self._found
        evaluated = block.first_day >= self._warming
        self._balance(block, evaluated)
        f.state = block.state
        if not evaluated:
            return
        f.sums.add(block.daily)
        for name, values in block.daily.items():
            mean = np.asarray(values, float) @ f.share
            self._series.setdefault(name, []).append(mean)
            self._places.setdefault(name, []).append(values[..., self._cells])
        self._observed.add(block, block.first_day - self._warming)
        f.maps.append(block.daily, block.first_day)

    def finish(self) -> None:
        """Join what the blocks left."""
        f = self._found
        f.series = {name: np.concatenate(parts) for name, parts in self._series.items()}
        f.at_places = {name: np.concatenate(parts) for name, parts in self._places.items()}
        f.compared = self._observed.finish()

    def _balance(self, block: Block, evaluated: bool) -> None:
        f = self._found
        scene = int(self._inputs.catchment.calendar.scene[block.first_day])
        p = of_scene(f.parameters, scene)
        before = _stored(f.state, p)
        change = np.zeros_like(before)
        if self._scene is not None and scene != self._scene:
            change = before - _stored(f.state, of_scene(f.parameters, self._scene))
        self._scene = scene
        gain = _stored(block.state, p) - before
        sums = {k: np.asarray(block.daily[k], float).sum(axis=0) for k in BALANCE}
        karst = sums["percolated"] - sums["recharge"]
        out = sums["evapotranspiration"] + sums["runoff"] + karst
        error = sums["precipitation"] - out - gain
        mean = f.share
        f.balance.append(
            Balance(
                self._inputs.setup.start_day + block.first_day,
                block.days,
                float(sums["precipitation"] @ mean),
                float(sums["evapotranspiration"] @ mean),
                float(sums["runoff"] @ mean),
                float(karst @ mean),
                float(gain @ mean),
                float(change @ mean),
                float(error @ mean),
                float(np.abs(error).max()),
                evaluated,
            )
        )


def _stored(state: CellState, p: CellParameters) -> np.ndarray:
    """Return the water of the cells per area [mm]."""
    s = jax.tree.map(lambda x: np.asarray(x, float), state)
    sealed = np.asarray(p.sealed_fraction, float)
    ground = s.soil_moisture.sum(axis=0) + s.unsaturated_storage + s.saturated_storage
    return s.interception + s.snow_pack + (1.0 - sealed) * ground + sealed * s.sealed_storage


class _Observations:
    """Simulated values where there are observations."""

    def __init__(self, found: CatchmentResult):
        self._found = found
        self._counts: list[np.ndarray] = []
        self._saturation: list[np.ndarray] = []

    def add(self, block: Block, first: int) -> None:
        """Add the evaluated days from ``first`` on."""
        del first
        inputs = self._found.inputs
        if inputs.counts is not None:
            self._counts.append(block.daily[NEUTRONS])
        if inputs.saturation is not None:
            scene = int(inputs.catchment.calendar.scene[block.first_day])
            upper = slice(0, inputs.saturation.horizons)
            full = of_scene(self._found.parameters, scene).saturation[upper]
            water = np.asarray(block.daily["soil_moisture"], float)[:, upper]
            self._saturation.append(water.sum(axis=1) / full.sum(axis=0))

    def finish(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Return times, simulated and observed values (step, cell) by name."""
        found, inputs = {}, self._found.inputs
        if inputs.counts is not None:
            sim = np.concatenate(self._counts)
            found["neutrons"] = (inputs.counts.times, sim, inputs.counts.values)
        if inputs.saturation is not None:
            times, observed = inputs.saturation.observed
            days = inputs.setup.first_day + np.arange(sum(map(len, self._saturation)))
            step = np.searchsorted(times, days, side="right") - 1
            daily = np.concatenate(self._saturation)
            total = np.zeros_like(observed)
            np.add.at(total, step, daily)
            sim = total / np.bincount(step, minlength=len(times))[:, None]
            found["saturation_degree"] = (times, sim, observed)
        return found


def _compare(found: CatchmentResult) -> None:
    """Score means over the observed cells, and cells one by one."""
    for name, (_, sim, obs) in found.compared.items():
        both = np.isfinite(obs)
        known = both.any(axis=1)
        mean_sim = np.full(len(sim), np.nan)
        mean_obs = mean_sim.copy()
        count = np.maximum(both.sum(axis=1), 1)
        mean_sim[known] = (np.where(both, sim, 0.0).sum(axis=1) / count)[known]
        mean_obs[known] = (np.where(both, obs, 0.0).sum(axis=1) / count)[known]
        found.scores[f"{name}, mean of the cells"] = deterministic_scores(
            sim=mean_sim, obs=mean_obs
        )
        found.scores[f"{name}, cell by cell"] = deterministic_scores(
            sim=sim[both].ravel(), obs=obs[both].ravel()
        )


def _tell_balance(found: CatchmentResult, context: Context) -> None:
    """Tell how the balance closes, and warn where it does not for no known reason."""
    largest = max(b.largest_error for b in found.balance)
    rain = sum(b.precipitation for b in found.balance)
    days = found.inputs.catchment.days
    context.log.tell(
        f"water balance of {days} days: largest error of a cell in a block {largest:.2g} mm, "
        f"precipitation {rain:.0f} mm"
    )
    unknown = max((b.largest_error for b in found.balance if not _of_mhm(b, found)), default=0.0)
    if unknown > 1e-4 * max(rain, 100.0):
        context.log.warn(
            f"the water balance of a cell misses {unknown:.2g} mm in a block of days; "
            "precision: float64 shows whether it is round-off"
        )
    if largest > max(unknown, 1e-6):
        context.log.tell(
            "the largest error is that of mHM: it weights the outputs of the last step before a "
            "change of land cover with the sealed share of the next year (compat: standard does "
            "not)"
        )


def _of_mhm(block: Balance, found: CatchmentResult) -> bool:
    """Whether mHM weights the last outputs of a block with another land cover."""
    catchment = found.inputs.catchment
    scene = np.asarray(catchment.calendar.scene)
    end = int((block.first - found.inputs.setup.start_day).astype(int)) + block.days
    changes = end < len(scene) and scene[end] != scene[end - 1]
    return changes and catchment.regionalization.compat.next_scene_in_last_output
