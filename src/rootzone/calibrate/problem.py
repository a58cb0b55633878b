"""A calibration problem: a model that can be run for many sets, what was observed, what is scored.

Sets come as vectors of the searched parameters; scores of all sections go out, part by part in the
order of the sets, so that an ensemble of any size runs in the memory of a part::

    problem = Problem(simulator, calibration, {"counts": observed}, {"counts": 1.0}, objective)
    for part in problem.parts(sets, done=store.known()):
        store.write(part.number, part.scores)
    best = problem.objective.of(store.scores, problem.groups)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.calibrate.objectives import (
    SCORES,
    SPATIAL,
    Objective,
    Observed,
    score_members,
)
from rootzone.calibrate.space import Space
from rootzone.simulate.readings import Simulator

COUNTS, WATER = "counts", "water"
"""Names of the variables."""


class Calibration(Protocol):
    """Which parameters of a model are searched."""

    def all_values(self, values: Any) -> Any:
        """Return all parameters (..., parameter) of searched ones (..., searched)."""
        ...


class Scored(NamedTuple):
    """Scores of a part of the sets: ``variable_score`` as arrays (member, group) or (member)."""

    number: int
    members: np.ndarray
    scores: dict[str, np.ndarray]


@eqx.filter_jit
def _scores(observed: Observed, sim: jax.Array) -> dict[str, jax.Array]:
    return score_members(observed, sim)


class Problem(NamedTuple):
    """What is searched for.

    Attributes
    ----------
    space : Space
        Searched parameters and bounds.
    calibration : Calibration
        Makes vectors of all parameters of those searched.
    simulator : Simulator
        The model, read where it was observed.
    observed : dict of Observed
        By variable: ``counts``, ``water``.
    """

    space: Space
    calibration: Calibration
    simulator: Simulator
    observed: dict[str, Observed]

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the names of the groups of scores."""
        return next(iter(self.observed.values())).groups

    @property
    def names(self) -> dict[str, bool]:
        """Return the names of all scores, and whether they are of groups."""
        return {
            f"{variable}_{score}": score in SCORES
            for variable in self.observed
            for score in (*SCORES, *SPATIAL)
        }

    def score(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the scores of values (member, day, place) by variable."""
        found = {}
        with jax.enable_x64(True):
            for variable, observed in self.observed.items():
                sim = jnp.asarray(values[variable], float)
                scores = _scores(_in_double(observed), sim)
                found |= {f"{variable}_{k}": np.asarray(v, "f4") for k, v in scores.items()}
        return found

    def block(self, members: int) -> int:
        """Return how many of so many sets are computed together."""
        return self.simulator.block(members)

    def parts(self, values: np.ndarray, *, done: Sequence[int] = ()) -> Iterator[Scored]:
        """Run sets (member, parameter) and yield their scores part by part in order."""
        for part in self.simulator.parts(self.calibration.all_values(values), done=done):
            yield Scored(part.number, part.members, self.score(part.values))

    def scores(self, sets: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores of sets (member, parameter) at once."""
        parts = [part.scores for part in self.parts(sets)]
        return {name: np.concatenate([p[name] for p in parts]) for name in self.names}


def _in_double(observed: Observed) -> Observed:
    arrays = lambda o: (o.values, o.sigma)  # noqa: E731
    return eqx.tree_at(arrays, observed, tuple(jnp.asarray(x, float) for x in arrays(observed)))


class Aim(NamedTuple):
    """One number of all scores of a set, the larger the better.

    Attributes
    ----------
    objective : Objective
        Score, groups, and how they are combined.
    shares : dict of float
        Shares of the variables, together one.
    """

    objective: Objective
    shares: dict[str, float]

    def of(self, scores: Mapping[str, np.ndarray], groups: tuple[str, ...]) -> np.ndarray:
        """Return the objective (member) of scores by name; NaN where a score is none."""
        total = 0.0
        for variable, share in self.shares.items():
            name = f"{variable}_{self.objective.score}"
            one = {self.objective.score: np.asarray(scores[name], float)}
            total = total + share * np.asarray(self.objective.of(one, groups), float)
        return np.asarray(total)

    def traced(self, problem: Problem) -> Callable[[Mapping[str, jax.Array]], jax.Array]:
        """Return the objective (member) as a traceable function of values by variable."""

        def objective(values: Mapping[str, jax.Array]) -> jax.Array:
            total = jnp.zeros(())
            for variable, share in self.shares.items():
                observed = _in_double(problem.observed[variable])
                sim = jnp.asarray(values[variable], float)
                found = score_members(observed, sim)
                total = total + share * self.objective.of(found, problem.groups)
            return total

        return objective
