"""Splits of a network of replicate sensors into training, validation and test.

Arrays only: readings are (place, depth, replicate, time). All replicates of a place and depth are
on the same side at every time, but for :func:`segments_per_sensor`, which repeats a fault on
purpose. Weather is shared by neighbors: parts in time are seen by other places, and parts of
places are seen at other times; only what is named is held out.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rootzone.core.errors import DataError

Shape = tuple[int, int, int, int]


class Fold(NamedTuple):
    """One way of learning from some readings and being tested on others.

    Attributes
    ----------
    name : str
        What is held out.
    train, valid, test : bool array (place, depth, replicate, time)
        Steps of each part; views that repeat themselves. A step is in one part at most; whether
        a sensor read there is not said.
    block : int array (place, depth, replicate, time)
        Number of the segment that a step belongs to, -1 outside: no window crosses from one to
        another.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    block: np.ndarray

    def places(self, part: str) -> np.ndarray:
        """Return the positions of the places with steps in a part (train, valid or test)."""
        return np.flatnonzero(getattr(self, part).any(axis=(1, 2, 3)))


def _rng(*numbers: int) -> np.random.Generator:
    return np.random.default_rng([n % 2**32 for n in numbers])


def _check(present: np.ndarray, steps: int = 1) -> np.ndarray:
    present = np.asarray(present, bool)
    if present.ndim != 4 or not present.any():
        raise DataError(
            f"readings of shape {present.shape}, of which {int(present.sum())} are there: wanted "
            "(place, depth, replicate, time) with readings to split"
        )
    if steps < 1 or present.shape[3] < 2 * steps:
        raise DataError(
            f"segments of {steps} steps in a record of {present.shape[3]}: at least two segments "
            "are wanted, give shorter ones"
        )
    return present


def _shares(train_share: float, valid_share: float) -> None:
    if not (0 < train_share < 1 and 0 <= valid_share < 1):
        raise DataError(
            f"shares of {train_share:g} for training and {valid_share:g} of it for validation: "
            "wanted above 0 (validation: 0) and below 1"
        )


def _taken(n: int, share: float, least: int = 1) -> int:
    """Return how many of n a share is: at least so many, and one is left over."""
    return int(np.clip(round(share * n), min(least, n), max(n - 1, 0)))


_TRAIN, _VALID, _TEST, _NONE = 0, 1, 2, -1


def _drawn(n: int, train_share: float, valid_share: float, rng: np.random.Generator) -> np.ndarray:
    """Return the part of each of n segments, drawn at random; exact numbers, not chances."""
    part = np.full(n, _TEST)
    if n == 1:  # nothing to draw: it is learned from
        return np.full(1, _TRAIN)
    order = rng.permutation(n)
    kept = order[: _taken(n, train_share)]
    part[kept] = _TRAIN
    if valid_share > 0 and len(kept) > 1:
        part[kept[: _taken(len(kept), valid_share)]] = _VALID
    return part


def _fold(name: str, part: np.ndarray, block: np.ndarray, shape: Shape) -> Fold:
    """Return a fold of parts and blocks that broadcast to a shape; no part is outside a block."""
    part = np.where(block < 0, _NONE, part)
    spread = lambda a: np.broadcast_to(a, shape)  # noqa: E731
    return Fold(
        name,
        spread(part == _TRAIN),
        spread(part == _VALID),
        spread(part == _TEST),
        spread(block.astype("i4")),
    )


def _not_empty(fold: Fold, present: np.ndarray) -> Fold:
    """Return the fold.

    Raises
    ------
    DataError
        If there is nothing to learn from or to test.
    """
    for part in ("train", "test"):
        if not (getattr(fold, part) & present).any():
            raise DataError(f"the split '{fold.name}' leaves no reading to {part}: wanted some")
    return fold


# --- segments of time --------------------------------------------------------------------


def segments(
    present: np.ndarray,
    *,
    steps: int,
    seed: int,
    train_share: float = 0.6,
    valid_share: float = 0.15,
) -> Fold:
    """Return random segments, common to all depths and replicates of a place.

    Parameters
    ----------
    present : bool array (place, depth, replicate, time)
        Where sensors read.
    steps : int
        Length of a segment; the last one of the record may be shorter.
    seed : int
        Randomness; a place draws the same whatever other places there are.
    train_share : float
        Share of the segments with readings that are learned from and validated on [1].
    valid_share : float
        Share of those that are validated on [1].

    Returns
    -------
    Fold
        A segment without any reading at a place is in no part and has no number there.

    Raises
    ------
    DataError
        If shares or lengths are impossible, or a part would be empty.

    Notes
    -----
    Source: Bischof et al. (2025), sec. 2.4.2 (segments of 90 d, 60 to 40 %), here common to the
    replicates and the depths.
    """
    present = _check(present, steps)
    _shares(train_share, valid_share)
    number = np.arange(present.shape[3]) // steps
    part = np.full((len(present), 1, 1, present.shape[3]), _NONE)
    block = np.full(part.shape, -1)
    for p, place in enumerate(present):
        read = np.unique(number[place.any(axis=(0, 1))])
        drawn = np.full(number[-1] + 1, _NONE)
        drawn[read] = _drawn(len(read), train_share, valid_share, _rng(seed, 811, p))
        part[p, 0, 0] = drawn[number]
        block[p, 0, 0] = np.where(drawn[number] == _NONE, -1, number)
    return _not_empty(_fold("segments", part, block, present.shape), present)


def segments_per_sensor(
    present: np.ndarray,
    *,
    steps: int,
    seed: int,
    train_share: float = 0.6,
    valid_share: float = 0.15,
) -> Fold:
    """Return random segments drawn for every sensor over its own record, as the released code.

    Every sensor is drawn with the same number over its own count of full segments, counted from
    its own first reading. Records of equal extent get the same parts; of unequal extent, other
    ones: a sensor is then tested at hours at which its neighbor was learned from. For comparison
    with :func:`segments`, arguments as there; the end of a record that fills no segment is left
    out.

    Raises
    ------
    DataError
        As :func:`segments`; and if a sensor's record is shorter than a segment.
    """
    present = _check(present, steps)
    _shares(train_share, valid_share)
    part = np.full(present.shape, _NONE, "i1")
    block = np.full(present.shape, -1, "i4")
    for where in np.ndindex(present.shape[:3]):
        read = np.flatnonzero(present[where])
        if not read.size:
            continue
        first, n = int(read[0]), (int(read[-1]) + 1 - int(read[0])) // steps
        if n == 0:
            raise DataError(
                f"the sensor at place {where[0]}, depth {where[1]}, replicate {where[2]} (counted "
                f"from 0) has a record of {int(read[-1]) + 1 - first} steps, shorter than a "
                f"segment of {steps}: leave it out or give shorter segments"
            )
        stretch = (*where, slice(first, first + n * steps))
        drawn = _drawn(n, train_share, valid_share, _rng(seed, 812))
        part[stretch] = np.repeat(drawn, steps)
        block[stretch] = np.repeat(np.arange(n), steps)
    return _not_empty(_fold("segments_per_sensor", part, block, present.shape), present)


def chronological(
    present: np.ndarray, *, train_share: float = 0.6, valid_share: float = 0.15
) -> Fold:
    """Return the end of each place's record as test, the stretch before as validation.

    Parameters
    ----------
    present : bool array (place, depth, replicate, time)
        Where sensors read; the record of a place is from its first to its last reading.
    train_share, valid_share : float
        As in :func:`segments`.

    Raises
    ------
    DataError
        If shares are impossible or a part would be empty.
    """
    present = _check(present)
    _shares(train_share, valid_share)
    part = np.full((len(present), 1, 1, present.shape[3]), _NONE)
    for p, place in enumerate(present):
        read = np.flatnonzero(place.any(axis=(0, 1)))
        if not read.size:
            continue
        first, n = int(read[0]), int(read[-1]) + 1 - int(read[0])
        kept = _taken(n, train_share)
        valid = _taken(kept, valid_share) if valid_share > 0 else 0
        bounds = np.cumsum([first, kept - valid, valid, n - kept])
        for value, (a, b) in enumerate(itertools.pairwise(bounds)):
            part[p, 0, 0, a:b] = value
    return _not_empty(_fold("chronological", part, part, present.shape), present)


# --- places, depths and groups -----------------------------------------------------------


def _whole(present: np.ndarray) -> np.ndarray:
    """Return one block for every record, from a place's first to its last reading."""
    read = np.asarray(present.any(axis=(1, 2)))
    begun = np.maximum.accumulate(read, axis=1)
    going = np.maximum.accumulate(read[:, ::-1], axis=1)[:, ::-1]
    block = np.where(begun & going, 0, -1)
    return np.reshape(block, (len(block), 1, 1, -1))


def _by_place(
    name: str, present: np.ndarray, out: np.ndarray, valid_share: float, rng: np.random.Generator
) -> Fold:
    """Return a fold that holds out some places (place) and validates on a share of the others."""
    part = np.where(out, _TEST, _TRAIN)
    left = np.flatnonzero(~out & present.any(axis=(1, 2, 3)))
    if valid_share > 0 and len(left) > 1:
        part[rng.permutation(left)[: _taken(len(left), valid_share)]] = _VALID
    return _not_empty(
        _fold(name, part[:, None, None, None], _whole(present), present.shape), present
    )


def places(
    present: np.ndarray,
    *,
    folds: int,
    seed: int,
    groups: Sequence[str] | np.ndarray | None = None,
    valid_share: float = 0.15,
) -> list[Fold]:
    """Return folds that hold out whole places, each place once.

    Parameters
    ----------
    present : bool array (place, depth, replicate, time)
        Where sensors read.
    folds : int
        Number of folds.
    seed : int
        Randomness.
    groups : sequence of str (place), optional
        Groups whose places are dealt out evenly over the folds.
    valid_share : float
        Share of the other places that is validated on [1].

    Raises
    ------
    DataError
        If there are fewer places than folds, or a part would be empty.
    """
    present = _check(present)
    read = np.flatnonzero(present.any(axis=(1, 2, 3)))
    if len(read) < 2:
        raise DataError("one place only has readings, none is left to learn from")
    if not 2 <= folds <= len(read):
        raise DataError(
            f"{folds} folds of {len(read)} places with readings: wanted from 2 to one a place"
        )
    labels = np.zeros(len(present), int) if groups is None else np.asarray(groups)
    shuffled = _rng(seed, 813).permutation(read)
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]  # group after group
    fold = np.full(len(present), -1)
    fold[dealt] = np.arange(len(dealt)) % folds
    return [
        _by_place(f"place {k + 1} of {folds}", present, fold == k, valid_share, _rng(seed, 814, k))
        for k in range(folds)
    ]


def group_out(
    present: np.ndarray, groups: Sequence[str] | np.ndarray, *, seed: int, valid_share: float = 0.15
) -> list[Fold]:
    """Return folds that hold out all places of one group each; arguments as in :func:`places`.

    Raises
    ------
    DataError
        If there is one group only, or a part would be empty.
    """
    present, labels = _check(present), np.asarray(groups)
    names = list(dict.fromkeys(labels[present.any(axis=(1, 2, 3))].tolist()))
    if len(names) < 2:
        raise DataError(f"one group only ({names[0]}): none would be left to learn from")
    return [
        _by_place(f"group {name}", present, labels == name, valid_share, _rng(seed, 815, k))
        for k, name in enumerate(names)
    ]


def depth_out(
    present: np.ndarray,
    depths: Sequence[float] | np.ndarray,
    *,
    seed: int,
    valid_share: float = 0.15,
) -> list[Fold]:
    """Return folds that hold out one depth [cm] each at all places.

    A share of the places is validated on, at the depths that are learned from; other arguments
    as in :func:`places`.

    Raises
    ------
    DataError
        If there is one depth only, or a part would be empty.
    """
    present = _check(present)
    if len(depths) < 2:
        raise DataError("one depth only: none would be left to learn from")
    found = []
    for k, depth in enumerate(depths):
        part = np.full((*present.shape[:2], 1, 1), _TRAIN)
        left = np.flatnonzero(np.delete(present, k, axis=1).any(axis=(1, 2, 3)))
        if valid_share > 0 and len(left) > 1:
            drawn = _rng(seed, 816, k).permutation(left)[: _taken(len(left), valid_share)]
            part[drawn] = _VALID
        part[:, k] = _TEST
        fold = _fold(f"depth {depth:g} cm", part, _whole(present), present.shape)
        found.append(_not_empty(fold, present))
    return found


def leaked(fold: Fold, present: np.ndarray) -> float:
    """Return the share of tested readings whose place was learned from at the same time and depth.

    0 for every split but :func:`segments_per_sensor`.
    """
    seen = ((fold.train | fold.valid) & present).any(axis=2, keepdims=True)
    tested = fold.test & present
    return float((tested & seen).sum() / max(int(tested.sum()), 1))
