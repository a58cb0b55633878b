"""Which station lies nearest to a place, on the sphere."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rootzone.core import DataError
from rootzone.data.replicates.network import InputSeries, PlaceRecord

EARTH_RADIUS = 6371.0088
"""Mean radius [km] (IUGG)."""


class Station(NamedTuple):
    """A station beside the places, with its series."""

    name: str
    latitude: float
    longitude: float
    series: list[InputSeries]


class Joined(NamedTuple):
    """A series that a place takes, and where from; distance [km], NaN at the place itself."""

    series: InputSeries
    source: str
    distance: float


def great_circle(
    latitude: ArrayLike, longitude: ArrayLike, latitudes: ArrayLike, longitudes: ArrayLike
) -> np.ndarray:
    r"""Return distances on the sphere [km], by the haversine formula.

    .. math:: d = 2 R \arcsin\sqrt{\sin^2\tfrac{\Delta\varphi}{2}
              + \cos\varphi_1 \cos\varphi_2 \sin^2\tfrac{\Delta\lambda}{2}}

    Parameters
    ----------
    latitude, longitude, latitudes, longitudes : array (...)
        [degrees], north and east positive; any turn of longitude.

    Notes
    -----
    Source: Sinnott 1984, Virtues of the haversine, Sky and Telescope 68, 159.

    Examples
    --------
    >>> float(great_circle(0.0, 0.0, 0.0, 180.0).round(1))  # half the equator
    20015.1
    """
    phi1, lam1, phi2, lam2 = (
        np.deg2rad(np.asarray(x, dtype=float)) for x in (latitude, longitude, latitudes, longitudes)
    )
    half = np.sin((phi2 - phi1) / 2.0) ** 2
    half = half + np.cos(phi1) * np.cos(phi2) * np.sin((lam2 - lam1) / 2.0) ** 2
    return 2.0 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))


def join_inputs(
    place: PlaceRecord, stations: list[Station], farthest: float
) -> dict[str, list[Joined]]:
    """Return what a place takes of each input: its own series, otherwise those of the nearest.

    Several series of one quantity stand in the order in which they fill each other's gaps.

    Raises
    ------
    DataError
        If the place has no position, or the nearest station is too far.
    """
    out: dict[str, list[Joined]] = {}
    for series in place.inputs:
        out.setdefault(series.quantity, []).append(Joined(series, series.source, np.nan))
    offered = {s.quantity for station in stations for s in station.series}
    offered -= {*out, *place.constants}
    if offered and np.isnan(place.latitude):
        raise DataError(
            f"place {place.name} has no latitude and longitude, its nearest station of "
            f"{sorted(offered)[0]} is not known: give them, or tables of its own (inputs)"
        )
    for quantity in sorted(offered):
        having = [s for s in stations if any(x.quantity == quantity for x in s.series)]
        distances = great_circle(
            place.latitude,
            place.longitude,
            [s.latitude for s in having],
            [s.longitude for s in having],
        )
        first = int(np.argmin(distances))
        station, distance = having[first], float(distances[first])
        if distance > farthest:
            raise DataError(
                f"place {place.name}: the nearest station of {quantity} is {station.name}, "
                f"{distance:.0f} km away, wanted {farthest:g} km at most (data.farthest)"
            )
        out[quantity] = [
            Joined(s, station.name, distance) for s in station.series if s.quantity == quantity
        ]
    return out
