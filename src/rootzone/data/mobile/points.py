"""Where counts were counted: runs and passes of a detector, positions within an interval, speed.

Arrays of points are sorted by pass (where passes have names) and time. Times are seconds.
"""

import numpy as np


def split_runs(time: np.ndarray, name: np.ndarray | None = None, *, gap: float) -> np.ndarray:
    """Return the number of the run of each point: a run ends with its name or a long gap.

    Parameters
    ----------
    time : array (point)
        Times, ascending within a name [s].
    name : array (point), optional
        Number of the pass as the table names it.
    gap : float
        Longer steps start a new run [s].
    """
    new = np.diff(time) > gap
    if name is not None:
        new |= np.diff(name) != 0
    return np.concatenate([[0], np.cumsum(new)])


def split_passes(run: np.ndarray, chainage: np.ndarray, *, turn: float) -> np.ndarray:
    """Return the number of the pass of each point: a run, cut where the detector turns round.

    A pass ends at the farthest chainage when the detector has come back from it by ``turn``.

    Parameters
    ----------
    run : array (point) of int
        Runs, ascending.
    chainage : array (point)
        Positions along the line [m]; points without one belong to the pass before.
    turn : float
        Distance that makes a turn [m]; noise of positions and shunting stay below it.
    """
    cut = np.zeros(len(run), dtype=bool)
    cut[1:] = np.diff(run) != 0
    last, ahead, extreme, where = -1, 0, 0.0, 0
    lowest = highest = 0.0
    for n in np.flatnonzero(np.isfinite(chainage)):
        s = chainage[n]
        if run[n] != last:
            last, ahead, extreme, where = run[n], 0, s, n
            lowest = highest = s
        elif ahead == 0:
            lowest, highest = min(lowest, s), max(highest, s)
            if highest - lowest >= turn:
                ahead = 1 if s == highest else -1
                extreme, where = s, n
        elif ahead * (s - extreme) >= 0:
            extreme, where = s, n
        elif ahead * (extreme - s) >= turn:
            cut[where + 1] = True
            ahead, extreme, where = -ahead, s, n
    return np.cumsum(cut)


def clock(time: np.ndarray, run: np.ndarray) -> np.ndarray:
    """Return times that ascend through all points: runs are put one behind the other [s]."""
    first = np.concatenate([[True], np.diff(run) != 0])
    begin = time[first][run - run[0]]
    longest = float(np.max(time - begin)) if len(time) else 0.0
    return (time - begin) + (run - run[0]) * (4.0 * longest + 1e5)


def along_track(
    ticks: np.ndarray,
    run: np.ndarray,
    values: np.ndarray,
    *,
    at: np.ndarray,
    gap: float,
    reach: np.ndarray | float,
) -> np.ndarray:
    """Return positions at other times of the same runs, by linear interpolation in time.

    Before the first and behind the last known position of a run the leg next to it is continued,
    by at most ``reach``.

    Parameters
    ----------
    ticks : array (point)
        Times of the positions, from :func:`clock` [s].
    run : array (point) of int
        Runs.
    values : array (point, n)
        Positions: x and y, or a chainage; rows with NaN are not known.
    at : array (point)
        Times that are asked for, each of the run of its point [s].
    gap : float
        Between positions farther apart than this nothing is interpolated [s].
    reach : array (point) or float
        Longest continuation [s].

    Returns
    -------
    array (point, n)
        NaN where two known positions are lacking.
    """
    known = np.flatnonzero(np.isfinite(values).all(axis=1))
    out = np.full(values.shape, np.nan)
    if len(known) < 2:
        return out
    t, r = ticks[known], run[known]
    left = np.searchsorted(t, at, side="right") - 1
    # The leg must lie within the run: the ends of a run take its first and last leg.
    begin, end = np.searchsorted(r, run, side="left"), np.searchsorted(r, run, side="right") - 1
    legs = end > begin
    left = np.clip(np.clip(left, begin, end - 1), 0, len(known) - 2)
    t0, t1 = t[left], t[left + 1]
    near = legs & (t1 - t0 <= gap) & (at >= t0 - reach) & (at <= t1 + reach)
    share = (at - t0) / np.where(t1 > t0, t1 - t0, 1.0)
    v0, v1 = values[known[left]], values[known[left + 1]]
    out[near] = (v0 + share[:, None] * (v1 - v0))[near]
    same = (left >= 0) & (np.abs(at - t0) < 1e-6) & (r[left] == run)
    out[same] = v0[same]
    return out


def interval_times(
    ticks: np.ndarray, seconds: np.ndarray, stamp: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start, middle and end of the intervals whose start, middle or end is stamped [s].

    Examples
    --------
    >>> import numpy as np
    >>> [float(t[0]) for t in interval_times(np.array([100.0]), np.array([20.0]), "end")]
    [80.0, 90.0, 100.0]
    """
    start = ticks - {"start": 0.0, "middle": 0.5, "end": 1.0}[stamp] * seconds
    return start, start + 0.5 * seconds, start + seconds


def jumps(
    ticks: np.ndarray, run: np.ndarray, x: np.ndarray, y: np.ndarray, *, fastest: float
) -> np.ndarray:
    """Return positions that cannot be reached in time.

    A position with impossible legs on both sides is wrong, and the rest is looked at again
    without it; of an impossible leg that is left nobody knows which end is wrong: both are told.

    Parameters
    ----------
    ticks, run : array (point)
        Times [s] and runs.
    x, y : array (point)
        Positions [m]; NaN is none.
    fastest : float
        Highest speed [km h-1].
    """
    out = np.zeros(len(x), dtype=bool)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    limit = fastest / 3.6
    while len(known) > 1:
        step = np.hypot(np.diff(x[known]), np.diff(y[known]))
        bad = (step > limit * np.diff(ticks[known])) & (np.diff(run[known]) == 0)
        both = np.concatenate([[False], bad[1:] & bad[:-1], [False]])
        # Of neighbors with impossible legs only every second can be judged at once.
        first = both & ~np.concatenate([[False], both[:-1]])
        if not first.any():
            ends = np.concatenate([bad, [False]]) | np.concatenate([[False], bad])
            out[known[ends]] = True
            break
        out[known[first]] = True
        known = known[~first]
    return out
