"""What all searches share: what they ask, what they tell, and how they go on after a stop."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from rootzone.core.errors import RunError, StudyError

Evaluate = Callable[[np.ndarray], np.ndarray]
"""Values (member, parameter) to objectives (member): the larger the better, NaN for a failed set.

A set must get the same answer in whatever batch it comes.
"""
ValueAndGradient = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Values (member, parameter) to objectives (member) and their gradients (member, parameter)."""


class Evaluated(NamedTuple):
    """Sets that a search had evaluated together, in the order in which it asked.

    Attributes
    ----------
    values : array (member, parameter)
        What was asked.
    objective : array (member)
        What came back, NaN where the model failed.
    cost : array (member)
        Model runs that each set took; a gradient counts as several.
    gradient : array (member, parameter) or None
        Gradients, of searches that use them.
    chain : array (member) of int
        Chain, start or complex that asked.
    told : str
        A sentence on what went wrong or ended in this batch, or nothing.
    """

    values: np.ndarray
    objective: np.ndarray
    cost: np.ndarray
    gradient: np.ndarray | None = None
    chain: np.ndarray | None = None
    told: str = ""


def rank_of(objective: np.ndarray) -> np.ndarray:
    """Return objectives to compare: those of failed sets are below all others.

    >>> rank_of(np.array([1.0, np.nan, np.inf])).tolist()
    [1.0, -inf, -inf]
    """
    objective = np.asarray(objective, float)
    return np.where(np.isfinite(objective), objective, -np.inf)


def ask(evaluate: Evaluate, values: np.ndarray) -> np.ndarray:
    """Return the objectives of a batch.

    Raises
    ------
    ValueError
        If the function does not give one number for each set.
    """
    objective = np.asarray(evaluate(values.copy()), float)
    if objective.shape != (len(values),):
        raise ValueError(f"{len(values)} sets were asked for, shape {objective.shape} came back")
    return objective


def require_positive(**numbers: int) -> None:
    """Refuse numbers below one.

    Raises
    ------
    StudyError
        Naming the first of them.
    """
    for name, number in numbers.items():
        if number < 1:
            raise StudyError(f"{name.replace('_', ' ')}: {number}, at least 1 is wanted")


def library(name: str, extra: str = "search") -> ModuleType:
    """Import an optional library.

    Raises
    ------
    StudyError
        If it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if (error.name or "").partition(".")[0] != package:
            raise
        raise StudyError(
            f"the package '{package}' is not installed: pip install 'rootzone[{extra}]'"
        ) from error


class Replay:
    """A function that answers from a record first, and then runs the model.

    A search that was stopped is started again with the record of what it had evaluated: as it is
    deterministic it asks for the same sets in the same order, gets the recorded answers, and goes
    on to the same result as if it had not been stopped. A record may end anywhere, also within a
    batch.

    Parameters
    ----------
    evaluate : callable
        Values (member, parameter) to objectives (member), or to anything that has one row for
        each member, such as simulated series (member, observation).
    values : array (n, parameter)
        Recorded values, in the order of evaluation, with all their bits (float64).
    objective : array (n, ...)
        Recorded answers.
    gradient : array (n, parameter), optional
        Recorded gradients; any number for sets that were asked without.
    value_and_gradient : callable, optional
        Gives objectives and gradients; its recorded form is :meth:`with_gradient`. Both functions
        share one record.

    Raises
    ------
    RunError
        If the record does not fit together, or, when a search asks, is that of another search.

    Examples
    --------
    >>> square = lambda values: -np.sum(values**2, axis=1)
    >>> replay = Replay(square, np.array([[1.0], [2.0]]), np.array([-1.0, -4.0]))
    >>> replay(np.array([[1.0]])).tolist(), replay.left
    ([-1.0], 1)
    >>> replay(np.array([[2.0], [3.0]])).tolist(), replay.left
    ([-4.0, -9.0], 0)
    """

    def __init__(
        self,
        evaluate: Callable[[np.ndarray], np.ndarray] | None,
        values: np.ndarray,
        objective: np.ndarray,
        gradient: np.ndarray | None = None,
        value_and_gradient: ValueAndGradient | None = None,
    ) -> None:
        self._evaluate = evaluate
        self._value_and_gradient = value_and_gradient
        self._values = np.asarray(values, float)
        self._answers = (np.asarray(objective), *(() if gradient is None else (gradient,)))
        lengths = [len(self._values), *(len(answer) for answer in self._answers)]
        if len(set(lengths)) > 1:
            raise RunError(
                f"the record holds {lengths[0]} parameter sets and {lengths[1:]} answers: it is "
                "incomplete; start again in an empty folder"
            )
        self._next = 0

    @property
    def left(self) -> int:
        """Return how many recorded sets have not been asked for yet."""
        return len(self._values) - self._next

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return objectives of values (member, parameter)."""
        return self._answer(values, self._evaluate, 1)[0]

    def with_gradient(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return objectives and gradients of values (member, parameter)."""
        objective, gradient = self._answer(values, self._value_and_gradient, 2)
        return objective, gradient

    def _answer(
        self, values: np.ndarray, function: Callable | None, parts: int
    ) -> tuple[np.ndarray, ...]:
        """Return the answers: known ones from the record, the others from the function."""
        values = np.ascontiguousarray(values, float)
        n = min(self.left, len(values))
        if n:
            self._require_same(values[:n], parts)
        known = tuple(answer[self._next : self._next + n] for answer in self._answers[:parts])
        self._next += n
        if n == len(values):
            return known
        if function is None:
            raise TypeError("the record has ended and there is no function to go on with")
        new = function(values[n:])
        new = new if isinstance(new, tuple) else (new,)
        if not n:
            return tuple(np.asarray(part) for part in new)
        return tuple(np.concatenate(both) for both in zip(known, new, strict=True))

    def _require_same(self, asked: np.ndarray, parts: int) -> None:
        """Refuse a record of other sets."""
        held = self._values[self._next : self._next + len(asked)]
        if parts > len(self._answers):
            raise RunError(
                "the record holds no gradients but the search asks for them: it belongs to "
                "another search; start again in an empty folder"
            )
        same = held.shape == asked.shape and held.tobytes() == asked.tobytes()
        if not same:
            pairs = zip(held, asked, strict=True)
            first = [h.tobytes() != a.tobytes() for h, a in pairs].index(True)
            raise RunError(
                f"set {self._next + first} of the record is not the one that the search asks for: "
                "the record belongs to another study, search or seed; start again in an empty "
                "folder"
            )
