"""Weather, elevation and the material under the detector, for every point of a track."""

import numpy as np

from rootzone import neutrons as ne
from rootzone.data.domain import Domain
from rootzone.data.mobile.line import cell_at
from rootzone.data.mobile.smoothing import smoothed

_ITERATIONS = 6  # each shrinks the change about tenfold
_WETTEST, _DRIEST = 0.6, 0.02


def at_times(
    times: np.ndarray, values: np.ndarray, at: np.ndarray, *, gap: np.timedelta64
) -> np.ndarray:
    """Return a series at other times, interpolated between values at most ``gap`` apart.

    Parameters
    ----------
    times : array (time) of datetime64
        Times of the values, ascending.
    values : array (time)
        Values, NaN in gaps.
    at : array (point) of datetime64
        Times that are asked for.
    gap : timedelta64
        Longest step; before the first and behind the last value its half is held.

    Returns
    -------
    array (point)
        NaN in longer gaps.
    """
    known = ~np.isnan(values)
    out = np.full(len(at), np.nan)
    if not known.any():
        return out
    origin = times[known][0]
    unit = np.timedelta64(1, "ms")
    t, q = (times[known] - origin) / unit, (at - origin) / unit
    width = gap / unit
    left = np.clip(np.searchsorted(t, q, side="right") - 1, 0, max(len(t) - 2, 0))
    right = np.minimum(left + 1, len(t) - 1)
    between = (q >= t[left]) & (q <= t[right]) & (t[right] - t[left] <= width)
    nearest = np.where(np.abs(q - t[left]) <= np.abs(q - t[right]), left, right)
    held = np.abs(q - t[nearest]) <= 0.5 * width
    near = values[known][nearest]
    return np.where(between, np.interp(q, t, values[known]), np.where(held, near, np.nan))


def elevation_at(domain: Domain, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the elevation [m] of the fine cells that points lie in, NaN outside."""
    row, column = cell_at(domain.level0, x, y)
    return np.where(row >= 0, domain.dem[row, column], np.nan)


def pressure_at_elevation(
    pressure: np.ndarray, station: float, elevation: np.ndarray
) -> np.ndarray:
    r"""Return the pressure at other elevations, by the ratio of the standard atmosphere.

    .. math:: p(z) = p(z_s) \frac{p_{std}(z)}{p_{std}(z_s)}

    Parameters
    ----------
    pressure : array (point)
        Pressure at the station [hPa].
    station : float
        Its elevation [m].
    elevation : array (point)
        Elevation of the points [m].
    """
    ratio = np.asarray(ne.mean_pressure(elevation)) / float(ne.mean_pressure(station))
    return pressure * ratio


def material_factor(
    soil_moisture: np.ndarray | float,
    *,
    width: np.ndarray | float,
    moisture: np.ndarray | float,
    distance: np.ndarray | float,
) -> np.ndarray:
    """Return the factor that takes the material under the detector out of the counts.

    The formula for roads, :func:`~rootzone.neutrons.surface.road_factor`, with the width [m] and
    the water equivalent [m3 m-3] of a road or of a ballast bed, and the distance of the detector
    from its center [m].
    """
    return np.asarray(
        ne.road_factor(soil_moisture, road_moisture=moisture, road_width=width, distance=distance)
    )


def moisture_beside(
    counts: np.ndarray,
    seconds: np.ndarray,
    factor: np.ndarray,
    position: np.ndarray,
    passes: np.ndarray,
    *,
    N0: float,
    bulk_density: float,
    water_equivalent: float,
    length: float,
    width: np.ndarray | float,
    moisture: np.ndarray | float,
    distance: np.ndarray | float,
) -> np.ndarray:
    """Return the soil moisture beside the material that agrees with the counts on it.

    Counts in windows along the track, corrected for the material, are inverted by the law of
    Desilets et al. (2010); six rounds, beginning without the correction.

    Parameters
    ----------
    counts, seconds, factor : array (point)
        Raw counts, counted time [s], correction factor of the air.
    position, passes : array (point)
        Distance along the track [m] and number of the pass.
    N0 : float
        Count rate over dry soil of this detector [h-1].
    bulk_density, water_equivalent : float
        Of the soil [g cm-3], and of its lattice water and organic matter [g g-1].
    length : float
        Window [m].
    width, moisture, distance
        As in :func:`material_factor`.

    Returns
    -------
    array (point)
        Soil moisture [m3 m-3], held within 0.02 and 0.6.
    """
    law = ne.Desilets2010()
    rate = smoothed(counts, seconds, factor, position, passes, length=length)[0]
    theta = np.full(len(counts), np.nan)
    effect = np.ones(len(counts))
    for _ in range(_ITERATIONS):
        water = np.asarray(law.water(rate * effect / N0))
        theta = (water - water_equivalent) * bulk_density
        theta = np.clip(np.where(np.isnan(theta), _WETTEST, theta), _DRIEST, _WETTEST)
        effect = material_factor(theta, width=width, moisture=moisture, distance=distance)
    return theta
