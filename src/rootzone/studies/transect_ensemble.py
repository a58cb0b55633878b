"""The ensemble of parameter sets: drawn, run part by part, kept in a store that can be resumed."""

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rootzone.calibrate import Space, latin_hypercube, sobol
from rootzone.calibrate.cluster import cluster
from rootzone.calibrate.problem import Problem, Scored
from rootzone.config.transect import TransectStudy
from rootzone.core import DataError
from rootzone.data.ensemble_store import EnsembleStore
from rootzone.studies.context import Context
from rootzone.studies.transect_files import column_names, plain_numbers, read_plain
from rootzone.studies.transect_input import Prepared

STORE = "ensemble.zarr"


@dataclass
class Ensemble:
    """Sets and scores of all of them.

    Attributes
    ----------
    values : array (member, parameter)
        Searched parameters.
    scores : dict of array
        ``variable_score`` as (member, group) or (member).
    store : Path or None
        Where they are kept.
    seconds : float
        Wall time of what was computed in this run.
    computed : int
        Sets computed in this run.
    """

    values: np.ndarray
    scores: dict[str, np.ndarray]
    store: Path | None
    seconds: float
    computed: int


def run_ensemble(
    study: TransectStudy, prepared: Prepared, context: Context, *, made_with: str
) -> Ensemble:
    """Draw the sets and score all of them; go on where an earlier run was stopped."""
    problem = prepared.problem
    values = drawn(study, prepared.space, context)
    block = problem.block(len(values))
    store = None
    if context.folder is not None:
        store = EnsembleStore.create(
            context.folder / STORE,
            recipe=recipe(study, prepared),
            made_with=made_with,
            block=block,
            parameters=prepared.space.names,
            values=values,
            scores={name: ("group",) if of else () for name, of in problem.names.items()},
            coordinates={"group": problem.groups},
            attributes={name: {"long_name": name.replace("_", " ")} for name in problem.names},
        )
    done = [] if store is None else store.known()
    parts = -(-len(values) // block)
    if done:
        context.log.tell(f"{len(done)} of {parts} parts of the ensemble are here from before")
    started = time.perf_counter()
    memory: dict[int, dict[str, np.ndarray]] = {}
    new = 0
    with closing(_parts(problem, values, done, context)) as found:
        for number, part in enumerate(found, start=len(done) + 1):
            new += len(part.members)
            if store is None:
                memory[part.number] = part.scores
            else:
                store.write(part.number, part.scores)
            context.progress(
                f"ensemble, {min(number * block, len(values)):,} of {len(values):,} sets",
                0.08 + 0.62 * number / parts,
            )
    seconds = time.perf_counter() - started
    if store is not None:
        scores = {name: store.read(name) for name in problem.names}
    else:
        scores = {n: np.concatenate([memory[k][n] for k in range(parts)]) for n in problem.names}
    context.log.tell(f"{new} of {len(values)} sets computed in {seconds:.0f} s")
    return Ensemble(values, scores, None if store is None else store.path, seconds, new)


def _parts(
    problem: Problem, values: np.ndarray, done: list[int], context: Context
) -> Generator[Scored, None, None]:
    """Yield the parts that are wanted: from the devices of this process, or from workers."""
    if len(done) * problem.block(len(values)) >= len(values):
        return
    if context.scheduler is None:
        yield from problem.parts(values, done=done)
        return
    with cluster(context.scheduler, context.workers) as pool:
        yield from pool.parts(problem, values, done=done)


def drawn(study: TransectStudy, space: Space, context: Context) -> np.ndarray:
    """Return the sets (member, parameter) of the study."""
    settings = study.search.ensemble
    if settings.sampler == "latin_hypercube":
        return latin_hypercube(space, settings.sets, study.seed)
    if settings.sampler == "sobol":
        return sobol(space, settings.sets, study.seed)
    assert settings.table is not None
    return _read_sets(context.base / Path(settings.table.path).expanduser(), space, context)


def _read_sets(path: Path, space: Space, context: Context) -> np.ndarray:
    """Return sets of a table with a column for each searched parameter.

    Raises
    ------
    DataError
        If columns are missing or a value is no number or outside its bounds.
    """
    raw = read_plain(path, context)
    names = column_names(raw)
    missing = [name for name in space.names if name not in names]
    if missing:
        raise DataError(
            f"{path}, line {raw.header_line}: no column {', '.join(missing)}; every searched "
            "parameter wants one"
        )
    values = np.stack([plain_numbers(raw, name) for name in space.names], axis=1)
    outside = np.argwhere((values < space.lower) | (values > space.upper) | ~np.isfinite(values))
    if len(outside):
        row, column = outside[0]
        raise DataError(
            f"{path}, {raw.place(row)}: {space.names[column]} is {values[row, column]:g}, outside "
            f"its bounds {space.lower[column]:g} to {space.upper[column]:g}"
        )
    return values


def recipe(study: TransectStudy, prepared: Prepared) -> dict[str, Any]:
    """Return everything that decides the scores, as plain values."""
    plain = study.model_dump(mode="json")
    kept = ("seed", "precision", "source", "compat", "period", "counts", "parameters", "line")
    search = plain["search"]
    return {
        **{name: plain[name] for name in (*kept, "observations", "reading")},
        "calibration_end": plain["evaluation"]["calibration_end"],
        "search": {"parameters": search["parameters"], "ensemble": search["ensemble"]},
        "chunk": plain["computation"]["chunk"],
        "sections": list(prepared.places.sections),
    }
