"""Other searches beside the ensemble, on the same problem and counted in the same model runs."""

import json
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.calibrate.objectives import Objective
from rootzone.calibrate.problem import COUNTS, Aim
from rootzone.calibrate.searches import (
    Evaluated,
    Replay,
    ascend,
    best_so_far,
    dds,
    es_mda,
    expected_best,
    nuts,
    sce_ua,
    steps_of_starts,
)
from rootzone.calibrate.searches.common import rank_of
from rootzone.config.transect import TransectStudy
from rootzone.config.transect_search import Dds, Gradient, Nuts, SceUa, Smoother
from rootzone.data.search_record import Record
from rootzone.simulate.catchment_gradient import of_one_set, value_and_gradient
from rootzone.studies.context import Context
from rootzone.studies.transect_ensemble import Ensemble, recipe
from rootzone.studies.transect_input import Prepared
from rootzone.studies.transect_target import Compared, Target, scaled

FOLDER = "searches"
GRADIENT_COST = float(Gradient.model_fields["cost"].default)
"""Model runs that a set with its gradient costs, where the study does not say."""
_POINTS = 400
_DRAWS = 100
"""Draws of a sampler that are run again to compare them: those of the largest likelihood."""
_NAMES = {
    "dds": "DDS",
    "sce_ua": "SCE-UA",
    "gradient": "gradient ascent",
    "es_mda": "ES-MDA",
    "nuts": "NUTS",
}


def compare_searches(
    study: TransectStudy,
    prepared: Prepared,
    ensemble: Ensemble,
    aims: Mapping[str, Aim],
    context: Context,
    *,
    made_with: str,
) -> list[Compared]:
    """Run the other searches of the study, and put the ensemble beside them."""
    if not study.search.beside:
        return []
    name = study.search.beside_for or next(iter(aims))
    target = Target(study, prepared, name, aims[name])
    found = [_of_ensemble(study, prepared, ensemble, target)]
    best = found[0].best
    named: Counter[str] = Counter()
    for number, settings in enumerate(study.search.beside, start=1):
        context.progress(f"search {_NAMES[settings.method]}", 0.78 + 0.02 * number)
        record = None
        if context.folder is not None:
            wanted = {
                **recipe(study, prepared),
                "target": name,
                "objective": study.search.objective.model_dump(mode="json"),
                "settings": settings.model_dump(mode="json"),
            }
            # a search that was changed has a record of its own: the others are gone on with
            mark = zlib.crc32(json.dumps(wanted, sort_keys=True).encode())
            record = Record.create(
                context.folder / FOLDER / f"{settings.method}_{mark:08x}",
                recipe=wanted,
                made_with=made_with,
                parameters=prepared.space.names,
            )
        one = run_search(settings, target, best, record, context)
        named[one.name] += 1
        if named[one.name] > 1:
            one.name = f"{one.name} {named[one.name]}"
        found.append(one)
        truth = "" if one.truth is None else f", against the truth {one.truth:.3f}"
        context.log.tell(
            f"{one.name} for {name}: {study.search.objective.score} {one.objective:.3f}{truth} "
            f"after {one.curve[0][-1]:.0f} runs"
        )
        for sentence in one.told:
            context.log.tell(f"{one.name}: {sentence}")
    return found


def _of_ensemble(
    study: TransectStudy, prepared: Prepared, ensemble: Ensemble, target: Target
) -> Compared:
    objective = target.aim.of(ensemble.scores, prepared.problem.groups)
    sizes = np.unique(np.geomspace(1, len(objective), _POINTS).astype(int))
    best = int(np.argmax(rank_of(objective)))
    sampler = study.search.ensemble.sampler.replace("_", " ")
    return Compared(
        sampler.capitalize() if sampler != "latin hypercube" else "Latin hypercube",
        target.name,
        (sizes.astype(float), expected_best(objective, sizes)),
        ensemble.values[best],
        float(objective[best]),
        target.true_nse(ensemble.values[best]),
        ensemble.seconds,
        None,
        prepared.space.names,
    )


# --- the searches ---------------------------------------------------------------------------


def run_search(
    settings: Dds | SceUa | Gradient | Smoother | Nuts,
    target: Target,
    best: np.ndarray,
    record: Record | None,
    context: Context,
) -> Compared:
    """Run a search, or go on with it.

    Parameters
    ----------
    settings : Dds, SceUa, Gradient, Smoother or Nuts
        The search.
    target : Target
        What it is for.
    best : array (parameter)
        The best set known: what a sampler of some parameters leaves the others at.
    record : Record or None
        What it has evaluated, and what it evaluates is added to.
    context : Context
        Where progress is told.
    """
    started = time.perf_counter()
    if isinstance(settings, Smoother):
        found = _smoother(settings, target, record)
    elif isinstance(settings, Nuts):
        found = _nuts(settings, target, best, record)
    else:
        found = _search(settings, target, record, context)
    found.seconds = time.perf_counter() - started
    return found


def _search(
    settings: Dds | SceUa | Gradient, target: Target, record: Record | None, context: Context
) -> Compared:
    space, seed = target.problem.space, target.study.seed
    held = _held(record, len(space))
    slope = isinstance(settings, Gradient)
    nothing = np.empty((0, len(space)))
    problem = target.problem
    replay = Replay(
        target.evaluate,
        held["values"],
        held["objective"],
        held.get("gradient", nothing) if slope else None,
        value_and_gradient(
            problem.simulator, problem.calibration.all_values, target.aim.traced(problem)
        )
        if slope
        else None,
    )
    if isinstance(settings, Dds):
        steps: Iterator[Evaluated] = dds(
            replay, space, budget=settings.budget, chains=settings.chains, seed=seed
        )
    elif isinstance(settings, SceUa):
        steps = sce_ua(
            replay, space, budget=settings.budget, complexes=settings.complexes, seed=seed
        )
    else:
        steps = ascend(
            replay.with_gradient,
            space,
            starts=settings.starts,
            steps=steps_of_starts(settings.budget, settings.starts, settings.cost),
            learning_rate=settings.learning_rate,
            seed=seed,
            cost_of_gradient=settings.cost,
        )
    parts: list[Evaluated] = []
    runs = 0.0
    for step in steps:
        parts.append(step)
        runs += float(step.cost.sum())
        if record is not None:
            record.append(**step._asdict())
        context.progress(f"search {_NAMES[settings.method]}, {runs:,.0f} runs", 0.8)
    values = np.concatenate([p.values for p in parts])
    objective = np.concatenate([p.objective for p in parts])
    cost = np.concatenate([p.cost for p in parts])
    return _compared(
        settings.method,
        target,
        values,
        objective,
        cost,
        told=tuple(p.told for p in parts if p.told),
    )


def _held(record: Record | None, parameters: int) -> dict[str, np.ndarray]:
    """Return what an earlier run evaluated, or nothing."""
    if record is None or not len(record):
        return {"values": np.empty((0, parameters)), "objective": np.empty(0)}
    return record.read()


def _compared(
    method: str,
    target: Target,
    values: np.ndarray,
    objective: np.ndarray,
    cost: np.ndarray,
    *,
    posterior: np.ndarray | None = None,
    parameters: tuple[str, ...] | None = None,
    told: tuple[str, ...] = (),
) -> Compared:
    runs, curve = best_so_far(objective, cost)
    best = int(np.argmax(rank_of(objective)))
    failed = not np.isfinite(objective[best])
    if failed:
        told = (*told, f"all {len(objective)} sets failed: nothing was found")
    at = np.unique(np.geomspace(1, len(runs), _POINTS).astype(int)) - 1
    return Compared(
        _NAMES[method],
        target.name,
        (runs[at], curve[at]),
        values[best],
        float("nan") if failed else float(objective[best]),
        None if failed else target.true_nse(values[best]),
        0.0,
        posterior,
        target.problem.space.names if parameters is None else parameters,
        told,
    )


def _smoother(settings: Smoother, target: Target, record: Record | None) -> Compared:
    """Run the smoother; its record holds what the members predicted."""
    problem = target.problem
    observed = problem.observed[COUNTS]
    flat = np.asarray(observed.values).ravel()
    known = np.isfinite(flat)

    def predict(values: np.ndarray) -> np.ndarray:
        found = scaled(observed, problem.simulator(problem.calibration.all_values(values))[COUNTS])
        return found.reshape(len(values), -1)[:, known].astype(float)

    held = _held(record, len(problem.space))
    predicted = held["objective"] if len(held["values"]) else np.empty((0, int(known.sum())))
    replay = Replay(predict, held["values"], predicted)
    parts = []
    for step in es_mda(
        replay,
        problem.space,
        flat[known],
        np.asarray(observed.sigma).ravel()[known],
        members=settings.members,
        assimilations=settings.assimilations,
        seed=target.study.seed,
    ):
        parts.append(step)
        if record is not None:
            record.append(values=step.values, objective=step.predicted, cost=step.cost)
    values = np.concatenate([p.values for p in parts])
    cost = np.concatenate([p.cost for p in parts])
    told = [p.told for p in parts if p.told]
    if set(target.aim.shares) == {COUNTS}:
        objective = np.concatenate([_objective_of(target, p.predicted, known) for p in parts])
    else:
        objective = np.concatenate([target.evaluate(p.values) for p in parts])
        cost = cost + 1.0  # predictions hold counts alone: every set is run again
        told.append(
            "counts alone are assimilated; its sets are judged by water too, for which each is run "
            "again"
        )
    return _compared(
        "es_mda",
        target,
        values,
        objective,
        cost,
        posterior=parts[-1].values,
        told=tuple(told),
    )


def _objective_of(target: Target, predicted: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the objective (member) of predictions (member, observation)."""
    observed = target.problem.observed[COUNTS]
    values = np.asarray(observed.values)
    full = np.full((len(predicted), values.size), np.nan)
    full[:, known] = predicted
    sim = np.where(np.isfinite(full), full, 1.0).reshape(len(predicted), *values.shape)
    plain = observed.of(observed.values, observed.sigma)
    problem = target.problem._replace(observed={COUNTS: plain})
    scores = problem.score({COUNTS: sim})
    found = Aim(target.aim.objective, {COUNTS: 1.0}).of(scores, problem.groups)
    return np.where(np.isfinite(predicted).all(axis=1), found, np.nan)


def _nuts(settings: Nuts, target: Target, best: np.ndarray, record: Record | None) -> Compared:
    """Sample some parameters, the others as in the best set that is known.

    The record holds the draws; a sampler that was stopped begins again.
    """
    problem = target.problem
    names = tuple(settings.parameters) or problem.space.names
    at = np.array([problem.space.position(name) for name in names])
    if record is not None and len(record):
        held = record.read()
        draws, likelihood, cost = held["values"], held["objective"], held["cost"]
        told = next(record.batches())["told"]
    else:
        draws, likelihood, cost, told = _sampled(settings, target, best, names, at)
        if record is not None:
            record.append(values=draws, objective=likelihood, cost=cost, told=told)
    order = np.argsort(-rank_of(likelihood), kind="stable")[:_DRAWS]
    spent = np.ones(len(order))
    spent[0] += cost.sum()  # all draws come before the best of them is known
    likely = draws[order]
    return _compared(
        "nuts",
        target,
        likely,
        target.evaluate(likely),
        spent,
        posterior=draws[:, at],
        parameters=names,
        told=(told, _left(target, names)),
    )


def _left(target: Target, names: tuple[str, ...]) -> str:
    """Return what a sampler knows of the ensemble: where the parameters lie that it leaves."""
    left = [name for name in target.problem.space.names if name not in names]
    if not left:
        return "it begins at the best of its own candidates"
    return (
        "it begins from the best set of the ensemble, whose runs are not counted here: there stay "
        f"{', '.join(left)}, the others begin at the best of its own candidates"
    )


def _sampled(
    settings: Nuts, target: Target, best: np.ndarray, names: tuple[str, ...], at: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Return draws (draw, parameter), their log likelihood, model runs of each, what is told."""
    problem = target.problem
    groups = target.aim.objective.groups
    likely = Aim(Objective("log_likelihood", groups), {COUNTS: 1.0}).traced(problem)

    with jax.enable_x64(True):

        def all_values(values: jax.Array) -> jax.Array:
            full = jnp.broadcast_to(jnp.asarray(best), (len(values), len(best)))
            return problem.calibration.all_values(full.at[:, at].set(values))

        found = nuts(
            of_one_set(problem.simulator, all_values, likely),
            problem.space.some(names),
            warmup=settings.warmup,
            samples=settings.samples,
            chains=settings.chains,
            seed=target.study.seed,
        )
    draws = np.repeat(best[None], found.log_likelihood.size, axis=0)
    draws[:, at] = found.values.reshape(-1, len(names))
    told = (
        f"largest R-hat {np.nanmax(found.r_hat):.3f}, smallest number of independent draws "
        f"{np.nanmin(found.ess):.0f}, {int(found.divergences.sum())} divergences"
    )
    cost = GRADIENT_COST * found.cost.sum() + found.runs.sum()
    cost = np.full(len(draws), cost / len(draws))
    return draws, found.log_likelihood.ravel(), cost, told
