"""What searches are for: the problem of one selection, and one search in the table."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.calibrate.objectives import Objective, Observed, factors
from rootzone.calibrate.problem import COUNTS, Aim, Problem
from rootzone.config.transect import TransectStudy
from rootzone.studies.transect_input import Prepared


@dataclass
class Compared:
    """One search in the table.

    Attributes
    ----------
    name, selection : str
        The method, and what it searched for.
    curve : pair of array
        Model runs, and the best objective after them.
    best : array (parameter)
        Its best set.
    objective : float
        Of the best set.
    truth : float or None
        NSE of the counts of the best set against the truth of a twin.
    seconds : float
        Wall time of what this run computed.
    posterior : array (draw, parameter) or None
        Draws, of searches that give a posterior.
    parameters : tuple of str
        What was searched.
    told : tuple of str
        What it told.
    """

    name: str
    selection: str
    curve: tuple[np.ndarray, np.ndarray]
    best: np.ndarray
    objective: float
    truth: float | None
    seconds: float
    posterior: np.ndarray | None
    parameters: tuple[str, ...]
    told: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """Return the row of the table."""
        return {
            "search": self.name,
            "selection": self.selection,
            "runs": float(self.curve[0][-1]),
            "objective": self.objective,
            "true_nse": self.truth,
            "seconds": self.seconds,
            "told": list(self.told),
        }


class Target:
    """What the searches are for: a problem cut down to the places of one selection."""

    def __init__(self, study: TransectStudy, prepared: Prepared, name: str, aim: Aim):
        self.name, self.aim = name, aim
        self.prepared = prepared
        self.problem, self.cells = restricted(prepared.problem, aim)
        self.study = study

    def evaluate(self, values: np.ndarray) -> np.ndarray:
        """Return the objective (member) of sets (member, parameter)."""
        return self.aim.of(self.scores(values), self.problem.groups)

    def scores(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Return scores; sets are filled up to a power of two, so that few programs compile."""
        size = 1 << max(4, int(np.ceil(np.log2(len(values)))))
        filled = np.concatenate([values, np.repeat(values[-1:], size - len(values), axis=0)])
        return {k: v[: len(values)] for k, v in self.problem.scores(filled).items()}

    def true_nse(self, values: np.ndarray) -> float | None:
        """Return the NSE of the counts of a set (parameter) against the truth of a twin."""
        truth = self.prepared.counted.truth
        if truth is None:
            return None
        observed = self.problem.observed[COUNTS]
        exact = observed.of(np.asarray(truth.counts)[:, self.cells])
        problem = self.problem._replace(observed={COUNTS: exact})
        sim = problem.simulator(problem.calibration.all_values(values[None]))[COUNTS]
        # the factor is fitted to what was observed: the truth is not known to a calibration
        scores = problem.score({COUNTS: scaled(observed, sim)})
        aim = Aim(Objective("nse", self.aim.objective.groups), {COUNTS: 1.0})
        return float(aim.of(scores, problem.groups)[0])


def scaled(observed: Observed, sim: np.ndarray) -> np.ndarray:
    """Return simulated values (member, day, place) times the factor that fits the observed ones."""
    with jax.enable_x64(True):
        factor = np.asarray(factors(observed, jnp.asarray(sim, float)))
    return sim * factor[:, None, :]


def restricted(problem: Problem, aim: Aim) -> tuple[Problem, np.ndarray]:
    """Return the problem of the places that an aim looks at, and their numbers."""
    observed = problem.observed[COUNTS]
    wanted = [g for g in aim.objective.groups if g in observed.sections]
    if not wanted:
        return problem, np.arange(len(np.asarray(observed.section)))
    codes = [observed.sections.index(name) for name in wanted]
    kept = np.flatnonzero(np.isin(np.asarray(observed.section), codes))
    section = np.array([codes.index(n) for n in np.asarray(observed.section)[kept]])
    some = {
        name: Observed(
            np.asarray(o.values)[:, kept],
            np.asarray(o.sigma)[:, kept],
            section,
            tuple(wanted),
            o.factor,
        )
        for name, o in problem.observed.items()
    }
    old = problem.simulator
    readings = {
        name: reading._replace(weights=np.asarray(reading.weights)[kept])
        for name, reading in old.readings.items()
        if name in some
    }
    simulator = type(old).of(
        old.catchment, readings, first_day=old.first_day, chunk=old.chunk, dtype=old.dtype
    )
    return problem._replace(simulator=simulator, observed=some), kept
