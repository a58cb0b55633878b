"""Functions that stop to ask: for libraries that call the model from deep within themselves.

A library asks for one model run and waits. Here its function runs in a thread of its own until it
asks, and goes on when it gets the answer. Only one of the threads runs at any time, and which one
is decided by who sends: the order of all events is always the same.
"""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """What the function asks."""

    question: Any


class Ended(NamedTuple):
    """What the function returned."""

    result: Any


class _Stop(BaseException):
    """Ends a function that nobody will answer; no Exception, so that no library catches it."""


class Coroutine:
    """A function that asks through its argument, run step by step.

    Parameters
    ----------
    function : callable
        Takes a function that asks a question and returns the answer.

    Examples
    --------
    >>> sums = Coroutine(lambda ask: ask("first") + ask("second"))
    >>> sums.send(), sums.send(3), sums.send(4)
    (Asked(question='first'), Asked(question='second'), Ended(result=7))
    """

    def __init__(self, function: Callable[[Callable[[Any], Any]], Any]) -> None:
        self._function = function
        self._thread: threading.Thread | None = None
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._answer: Any = None
        self._told: Asked | Ended | BaseException = Ended(None)
        self._stopping = False

    def send(self, answer: Any = None) -> Asked | Ended:
        """Answer the last question (nothing at first); return the next one, or the result.

        What the function raises is raised here.
        """
        self._answer = answer
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        else:
            self._turn.release()
        self._back.acquire()
        if isinstance(self._told, BaseException):
            raise self._told
        return self._told

    def close(self) -> None:
        """End the function where it waits; nothing if it has ended or not begun."""
        if self._thread is not None and self._thread.is_alive():
            self._stopping = True
            self._turn.release()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._told = Ended(self._function(self._ask))
        except _Stop:
            self._told = Ended(None)
        except BaseException as error:  # goes to the thread that sends
            self._told = error
        self._back.release()

    def _ask(self, question: Any) -> Any:
        self._told = Asked(question)
        self._back.release()
        self._turn.acquire()
        if self._stopping:
            raise _Stop
        return self._answer
