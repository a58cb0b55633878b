"""Shuffled complex evolution with the algorithm of spotpy, its complexes side by side."""

import contextlib
import io
import random
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from rootzone.calibrate.searches.common import (
    Evaluate,
    Evaluated,
    ask,
    library,
    rank_of,
    require_positive,
)
from rootzone.calibrate.searches.coroutine import Asked, Coroutine, Ended
from rootzone.calibrate.space import Space
from rootzone.core.errors import StudyError

FAILED = 1e200
"""What a failed set has for spotpy, which makes its objective small and knows no NaN."""
ENDLESS = 10**12
"""Repetitions for spotpy: the budget is kept here, as spotpy counts some runs twice."""


def sce_ua(
    evaluate: Evaluate,
    space: Space,
    *,
    budget: int,
    complexes: int,
    seed: int,
    loops: int = 100,
    change: float = 1e-7,
    narrow: float = 1e-7,
) -> Iterator[Evaluated]:
    """Search with complexes of sets that evolve apart and are shuffled.

    Each complex holds 2 p + 1 sets of p parameters. It replaces the worst of some of its sets
    through reflection, contraction, or a random set, 2 p + 1 times; then all sets are shuffled
    into new complexes.

    Parameters
    ----------
    evaluate : Evaluate
        The model, see there; asked for all first sets at once, then for one set of each complex.
    space : Space
        Parameters and bounds.
    budget : int
        Evaluations, more than the ``complexes`` times (2 p + 1) of the first sets.
    complexes : int
        Number of complexes: the size of batches.
    seed : int
        The same seed gives the same search.
    loops, change
        It ends before the budget when the best objective changed by less than ``change`` percent
        within so many shuffles,
    narrow : float
        or when the sets fill less than this part of the range of the parameters (geometric mean).

    Yields
    ------
    Evaluated
        Batches; ``chain`` tells the complex, -1 for the first sets.

    Raises
    ------
    StudyError
        If spotpy is not installed, or the budget is too small for the first sets.

    Notes
    -----
    Source: Duan et al. (1994), doi:10.1016/0022-1694(94)90057-4, in the program of Houska et al.
    (2015), doi:10.1371/journal.pone.0145180. The complexes take turns in the use of one random
    sequence, so that with several of them the sets differ from those of a serial run of spotpy;
    with one complex they are the same.
    """
    first_of_complexes(budget, complexes, len(space))
    with _quiet():
        algorithm = library("spotpy.algorithms").sceua
    settings = {"ngs": complexes, "kstop": loops, "pcento": change, "peps": narrow}

    def run(asks: Callable) -> None:
        _sampler(algorithm, space, seed, asks).sample(ENDLESS, **settings)

    search, turn = Coroutine(run), _Turn()
    try:
        with turn:
            said = search.send()
        while isinstance(said, Asked):
            chain, values = said.question[0][:budget], space.from_unit(said.question[1][:budget])
            objective = ask(evaluate, values)
            yield Evaluated(values, objective, np.ones(len(values)), chain=chain)
            budget -= len(values)
            if budget == 0:
                return
            rank = rank_of(objective)
            with turn:
                said = search.send(np.where(np.isfinite(rank), -rank, FAILED))
    finally:
        with _quiet():
            search.close()


def first_of_complexes(budget: int, complexes: int, parameters: int) -> int:
    """Return how many sets are evaluated before complexes evolve.

    Parameters
    ----------
    budget, complexes, parameters : int
        Evaluations, and numbers of complexes and of parameters.

    Raises
    ------
    StudyError
        If the budget is not larger.
    """
    require_positive(budget=budget, complexes=complexes)
    first = complexes * (2 * parameters + 1)
    if budget <= first:
        raise StudyError(
            f"a budget of {budget} for {complexes} complexes of {parameters} parameters: more than "
            f"the {first} evaluations of the first sets is wanted; take fewer complexes"
        )
    return first


class _Turn:
    """What spotpy finds while it runs, and the others again after it: random numbers, silence."""

    def __init__(self) -> None:
        self._own = _random_state()
        self._others = self._own
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> None:
        self._others = _random_state()
        _set_random_state(self._own)
        self._stack.enter_context(_quiet())

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._own = _random_state()
        _set_random_state(self._others)


def _random_state() -> tuple:
    return random.getstate(), np.random.get_state()  # noqa: NPY002  # spotpy draws from these


def _set_random_state(state: tuple) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what spotpy prints and warns of from the user."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            yield


def _sampler(algorithm: type, space: Space, seed: int, asks: Callable) -> Any:
    """Return spotpy's sampler over the unit cube, with our order of evaluation."""
    uniform = library("spotpy.parameter").Uniform
    setup = SimpleNamespace(
        parameters=[
            uniform(f"p{i}", 0.0, 1.0, step=0.1, optguess=0.5, minbound=0.0, maxbound=1.0)
            for i in range(len(space))
        ],
        evaluation=lambda: [0.0],
        objectivefunction=lambda simulation, evaluation, params: simulation[0],
    )

    class SideBySide(algorithm):
        """Keeps no table: what was evaluated is told as it comes."""

        def save(self, *_: object, **__: object) -> None:
            pass

    # it seeds the random numbers of the process, which are its own at its turn
    sampler = SideBySide(
        setup, dbformat="ram", parallel="seq", random_state=seed % 2**32, save_sim=False
    )
    sampler.repeat = _Repeat(sampler, setup, asks)
    return sampler


class _Repeat:
    """What spotpy gives its jobs to: first sets, or the evolution of one complex each."""

    def __init__(self, sampler: Any, setup: SimpleNamespace, asks: Callable) -> None:
        self.phase = ""  # spotpy reads it
        self._sampler, self._asks = sampler, asks
        self._running: Callable = asks
        setup.simulation = lambda parameters: [self._running(np.array(list(parameters)))]

    def setphase(self, name: str) -> None:
        self.phase = name

    def start(self) -> None:
        pass

    def terminate(self) -> None:
        pass

    def __call__(self, jobs: Iterator[tuple]) -> Iterator[tuple]:
        """Do jobs, yield their results in their order."""
        return self._evolve(jobs) if self.phase else self._first(jobs)

    def _first(self, jobs: Iterator[tuple]) -> Iterator[tuple]:
        all_jobs = list(jobs)
        units = np.stack([unit for _, unit in all_jobs])
        answers = self._asks((np.full(len(all_jobs), -1), units))
        for (number, unit), answer in zip(all_jobs, answers, strict=True):
            yield number, unit, [answer]

    def _evolve(self, jobs: Iterator[tuple]) -> Iterator[tuple]:
        """Run all complexes until each has asked or ended; get their answers; and so on."""
        complexes = [self._complex(job) for job in jobs]
        results: dict[int, tuple] = {}
        answers: dict[int, Any] = dict.fromkeys(range(len(complexes)))
        try:
            while answers:
                said = {n: complexes[n].send(answer) for n, answer in answers.items()}
                results |= {n: one.result for n, one in said.items() if isinstance(one, Ended)}
                asked = {n: one.question for n, one in said.items() if isinstance(one, Asked)}
                answers = {}
                if asked:
                    new = self._asks((np.array([*asked]), np.stack([*asked.values()])))
                    answers = dict(zip(asked, new, strict=True))
        finally:
            for one in complexes:
                one.close()
        yield from (results[n] for n in range(len(complexes)))

    def _complex(self, job: tuple) -> Coroutine:
        """Return the evolution of one complex."""
        number, x, xf, cx, cf, rest = job
        # spotpy gives all complexes the same two arrays to fill
        own = (number, x, xf, cx.copy(), cf.copy(), rest)

        def evolve(asks: Callable) -> tuple:
            def ask_and_come_back(unit: np.ndarray) -> Any:
                answer = asks(unit)
                self._running = ask_and_come_back
                return answer

            self._running = ask_and_come_back
            return self._sampler.simulate(own)

        return Coroutine(evolve)
