"""Windows: which stretch of which series is read for which targets.

One rule serves both ways of training. A window is ``length`` steps long and its first ``warm_up``
steps only fill the memory. With a long window nearly every step is a target (each costs one
step); with ``warm_up`` = ``length`` - 1 each window has one target at its end (each costs a whole
window): the classic mode.
"""

import itertools
from typing import NamedTuple

import numpy as np

from rootzone.core.errors import DataError
from rootzone.learn.sequences import Sequences


class NoWindowError(DataError):
    """No window holds a target."""


class WindowRule(NamedTuple):
    """How series are cut.

    Attributes
    ----------
    length : int
        Steps read at once.
    warm_up : int
        Steps at the start of a window, and so of every block, that are no targets.
    """

    length: int
    warm_up: int

    @classmethod
    def one_target(cls, length: int) -> "WindowRule":
        """Return the classic mode: one target at the end of every window."""
        return cls(length, length - 1)


class Windows(NamedTuple):
    """A list of windows: targets are steps ``first`` to ``last`` (exclusive) of each.

    Attributes
    ----------
    series, start, first, last : int array (window)
        Series, first time read, and the steps that are targets; ``last`` also ends what is read.
    """

    series: np.ndarray
    start: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.series)


def _runs(block: np.ndarray) -> list[tuple[int, int]]:
    """Return start and end of every stretch of one block number that is not negative."""
    edges = np.flatnonzero(np.diff(block)) + 1
    bounds = np.concatenate([[0], edges, [len(block)]])
    return [(int(a), int(b)) for a, b in itertools.pairwise(bounds) if block[a] >= 0]


def cut(data: Sequences, rule: WindowRule, *, complete_inputs: bool = False) -> Windows:
    """Return the windows of all series: every target after a warm-up exactly once.

    The last window of a block reaches back to be full; a block shorter than a window is one
    window. Windows without a target are left out.

    Parameters
    ----------
    data : Sequences
        The series.
    rule : WindowRule
        How to cut them.
    complete_inputs : bool
        Leave out windows that miss any input.

    Raises
    ------
    DataError
        If the rule is impossible.
    NoWindowError
        If no window with a target is left.

    Examples
    --------
    >>> data = Sequences(np.zeros((1, 10, 1)), np.zeros((1, 10, 1)))
    >>> windows = cut(data, WindowRule(length=6, warm_up=2))
    >>> windows.start.tolist(), windows.first.tolist(), windows.last.tolist()
    ([0, 4], [2, 2], [6, 6])
    """
    length, warm_up = rule
    if not 0 <= warm_up < length:
        raise DataError(f"a window of {length} steps cannot warm up for {warm_up} of them")
    stride = length - warm_up
    parts: list[np.ndarray] = []
    for s in range(len(data.inputs)):
        block = np.zeros(data.inputs.shape[1], int) if data.block is None else data.block[s]
        for a, b in _runs(np.asarray(block)):
            goal = np.arange(a + warm_up, b, stride)  # first target of each window
            start = np.minimum(goal - warm_up, max(a, b - length))
            last = np.minimum(length, b - start)
            parts.append(np.stack([np.full_like(goal, s), start, goal - start, last]))
    windows = np.concatenate(parts, axis=1) if parts else np.zeros((4, 0), int)
    present = np.any(np.isfinite(data.replicated_target), axis=(2, 3))
    found = _counts(np.asarray(present), windows, targets=True) > 0
    if complete_inputs:
        gaps = np.any(np.isnan(data.inputs), axis=2)
        found &= _counts(np.asarray(gaps), windows, targets=False) == 0
    if not found.any():
        raise NoWindowError(
            f"no window of {length} steps ({warm_up} of them to warm up) holds a target: give "
            "longer blocks, a shorter window or more targets"
        )
    return Windows(*(np.ascontiguousarray(part[found], "i4") for part in windows))


def _counts(flags: np.ndarray, windows: np.ndarray, *, targets: bool) -> np.ndarray:
    """Return how many flags (series, time) each window has among its targets or all its steps."""
    total = np.concatenate([np.zeros((len(flags), 1), int), np.cumsum(flags, axis=1)], axis=1)
    series, start, first, last = windows
    return total[series, start + last] - total[series, start + first * targets]


def n_targets(data: Sequences, windows: Windows) -> int:
    """Return the number of target values (all targets, all replicates) in the windows."""
    flags = np.isfinite(data.replicated_target).sum(axis=(2, 3))
    return int(_counts(flags, np.stack(windows), targets=True).sum())


def epoch_order(n_windows: int, batch: int, *, seed: int, member: int, epoch: int) -> np.ndarray:
    """Return window numbers (step, batch) of one epoch, shuffled; -1 fills the last batch.

    The order depends on the member and the epoch alone, not on what was drawn before: training
    goes on after a stop as if there had been none.
    """
    order = np.random.default_rng([seed, member, epoch]).permutation(n_windows).astype("i4")
    fill = -n_windows % batch
    return np.concatenate([order, np.full(fill, -1, "i4")]).reshape(-1, batch)
