"""What is wrong with a record of a mobile detector: flags, stretches to leave out, their tally."""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from scipy.special import pdtr, pdtrc

from rootzone.data.mobile.coordinates import inside_polygon

_IMPROBABLE = 1e-6


class PointFlag(IntFlag):
    """Bits that tell why a record is not used."""

    NO_TIME = 1
    NO_COUNTS = 2
    IMPLAUSIBLE_COUNTS = 4
    NO_FIX = 8
    JUMP = 16
    TOO_FAST = 32
    STANDING = 64
    OFF_LINE = 128
    OUTSIDE = 256
    STRETCH = 512
    NO_WEATHER = 1024


POINT_MEANING: dict[PointFlag, str] = {
    PointFlag.NO_TIME: "counted no time",
    PointFlag.NO_COUNTS: "no counts",
    PointFlag.IMPLAUSIBLE_COUNTS: "implausible counts",
    PointFlag.NO_FIX: "no fix",
    PointFlag.JUMP: "jump of the position",
    PointFlag.TOO_FAST: "implausible speed",
    PointFlag.STANDING: "standing",
    PointFlag.OFF_LINE: "too far from the line",
    PointFlag.OUTSIDE: "outside the domain",
    PointFlag.STRETCH: "excluded stretch",
    PointFlag.NO_WEATHER: "no weather for the corrections",
}


@dataclass(frozen=True)
class Stretch:
    """A part of the way whose counts are left out; one of the areas is given.

    Attributes
    ----------
    reason : str
        Why, e.g. tunnel.
    chainage : pair of float or None
        From and to, along the line [m].
    polygon : array (vertex, 2) or None
        Corners, x and y [m].
    x, y : pair of float or None
        A box [m]; one of them alone is a stripe.
    """

    reason: str
    chainage: tuple[float, float] | None = None
    polygon: np.ndarray | None = None
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    def holds(self, chainage: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return which intervals touch the stretch.

        Parameters
        ----------
        chainage, x, y : array (3, point)
            At start, middle and end of each interval; NaN is nowhere.
        """
        with np.errstate(invalid="ignore"):
            if self.chainage is not None:
                low, high = np.fmin.reduce(chainage), np.fmax.reduce(chainage)
                return (high >= self.chainage[0]) & (low <= self.chainage[1])
            if self.polygon is not None:
                return np.any(inside_polygon(x, y, self.polygon), axis=0)
            inside = np.isfinite(x) & np.isfinite(y)
            for values, limits in ((x, self.x), (y, self.y)):
                if limits is not None:
                    inside &= (values >= limits[0]) & (values <= limits[1])
            return np.any(inside, axis=0)


def implausible_counts(
    counts: np.ndarray, seconds: np.ndarray, *, factor: float = 5.0
) -> np.ndarray:
    r"""Return counts that no neutrons explain: a dead tube, a burst of noise.

    .. math:: N < \mu/k \text{ or } N > k\mu, \text{ and } P(N \mid \mu) < 10^{-6},\quad
              \mu = \mathrm{median}(N/t)\, t

    Few counts alone are no fault: to leave out records by their count would make the mean of
    the others too high.

    Parameters
    ----------
    counts : array (point)
        Counts; NaN is not judged.
    seconds : array (point)
        Counted time [s].
    factor : float
        k; rates within a k-th of the median and k times the median are plausible.
    """
    good = np.isfinite(counts) & (counts >= 0) & (seconds > 0)
    if not good.any():
        return np.zeros(counts.shape, dtype=bool)
    # The median of small counts is coarse; that of the rate over a hundred counts is not.
    n, t = counts[good], seconds[good]
    width = int(np.clip(np.ceil(100.0 * len(n) / max(n.sum(), 1.0)), 1, len(n)))
    group = np.arange(len(n)) // width
    rate = np.median(np.bincount(group, n) / np.bincount(group, t))
    mean = rate * np.where(good, seconds, 0.0)
    n = np.where(good, counts, 0.0)
    low = (n < mean / factor) & (pdtr(np.floor(n), mean) < _IMPROBABLE)
    above = pdtrc(np.maximum(np.ceil(n) - 1.0, 0.0), np.maximum(mean, 1e-300))
    high = (n > factor * mean) & (above < _IMPROBABLE)
    return good & (low | high)


def tally(flags: np.ndarray, stretches: dict[str, np.ndarray]) -> dict[str, int]:
    """Return how many records have each flag, those of stretches by their reason, and the rest.

    Parameters
    ----------
    flags : array (point) of int
        Bits of :class:`PointFlag`.
    stretches : dict of array (point) of bool
        Records in excluded stretches by reason.

    Returns
    -------
    dict of int
        By meaning or reason, only what occurs; a record with several flags counts for each.
        ``records`` are all, ``used`` those without a flag.
    """
    out = {"records": len(flags), "used": int((flags == 0).sum())}
    for flag, meaning in POINT_MEANING.items():
        if flag != PointFlag.STRETCH and (count := int(((flags & flag) > 0).sum())):
            out[meaning] = count
    for reason, held in stretches.items():
        if count := int(held.sum()):
            out[reason] = out.get(reason, 0) + count
    return out
