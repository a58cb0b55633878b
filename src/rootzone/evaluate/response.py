"""In which order the sensors of a profile answer rain: from above to below, or not.

A deeper sensor that wets before a shallower one tells of water that bypassed the soil between
them (Demand et al. 2019, doi:10.5194/hess-23-4869-2019).
"""

from typing import NamedTuple

import numpy as np

SEQUENTIAL, NON_SEQUENTIAL, NO_RESPONSE = 1, 2, 0


class RainRule(NamedTuple):
    """What an event is, and what an answer to it.

    Attributes
    ----------
    amount : float
        Rain that makes an event, within ``burst`` from its first wet step [mm].
    burst : int
        Steps over which this rain is summed.
    dry_spell : int
        Steps without rain before an event.
    wet : float
        Rain from which a step is wet [mm].
    rise : float
        Rise of a reading above that before the event which is an answer [m3 m-3].
    window : int
        Steps from the first wet one within which an answer counts.
    """

    amount: float
    burst: int
    dry_spell: int
    wet: float
    rise: float
    window: int


class Responses(NamedTuple):
    """One entry for each event and profile that could be judged.

    Attributes
    ----------
    step : int array (entry)
        First wet step.
    replicate : int array (entry)
        Profile.
    order : int array (entry)
        SEQUENTIAL, NON_SEQUENTIAL or NO_RESPONSE.
    """

    step: np.ndarray
    replicate: np.ndarray
    order: np.ndarray


def rain_events(rain: np.ndarray, rule: RainRule) -> np.ndarray:
    """Return the first wet steps of the events of a rain series (time) [mm per step].

    An event begins with a wet step after a spell without any, all of which must be recorded, and
    brings the rule's amount within its burst; the first spell of the record is not known.
    """
    wet, missing = rain >= rule.wet, ~np.isfinite(rain)
    busy = np.concatenate([[0], np.cumsum(wet | missing)])
    total = np.concatenate([[0.0], np.cumsum(np.where(missing, 0.0, rain))])
    starts = np.flatnonzero(wet)
    starts = starts[starts >= rule.dry_spell]
    spell = busy[starts] - busy[starts - rule.dry_spell] == 0
    ends = np.minimum(starts + rule.burst, rain.size)
    return starts[spell & (total[ends] - total[starts] >= rule.amount)]


def response_order(theta: np.ndarray, rain: np.ndarray, rule: RainRule) -> Responses:
    """Return the order in which the depths of each profile of a place answer its rain events.

    Parameters
    ----------
    theta : array (depth, replicate, time)
        Readings [m3 m-3], depths from above to below; a replicate is one profile.
    rain : array (time)
        Rain [mm per step].
    rule : RainRule
        Events and answers.

    Returns
    -------
    Responses
        No response: no depth rises by ``rise`` above its reading before the event within the
        window, or until the next event. Non-sequential: a depth answers before one above it, or
        alone below one that does not answer. Sequential: all other answers; depths that answer in
        the same step are in order, so that coarse steps hide bypassing water. A profile counts
        for an event where two depths at least read without a gap from before it until the end of
        the window; depths with gaps are left out.
    """
    starts = rain_events(rain, rule)
    starts = starts[starts > 0]
    ends = np.minimum(starts + rule.window, rain.size)
    ends = np.minimum(ends, np.append(starts[1:], rain.size))
    found = []
    for start, end in zip(starts, ends, strict=True):
        seen = theta[:, :, start - 1 : end]
        usable = np.asarray(np.isfinite(seen).all(axis=2))
        risen = seen[:, :, 1:] - seen[:, :, :1] >= rule.rise
        first = np.where(risen.any(axis=2), risen.argmax(axis=2), rain.size).astype(float)
        for r in np.flatnonzero(usable.sum(axis=0) >= 2):
            found.append((start, r, _order(first[usable[:, r], r], rain.size)))
    entries = np.array(found, int).reshape(-1, 3)
    return Responses(*entries.T)


def _order(first: np.ndarray, never: int) -> int:
    """Return the order of first answers (depth) from above to below."""
    if (first == never).all():
        return NO_RESPONSE
    return NON_SEQUENTIAL if (np.diff(first) < 0).any() else SEQUENTIAL
