"""Counts along a line for a study `transect`: records or daily values become those of cells."""

import numpy as np

from rootzone.config.transect_points import PointsObservations, SegmentsObservations
from rootzone.core import DataError
from rootzone.data.domain import Domain
from rootzone.data.mobile import (
    Aggregated,
    PointFlag,
    at_chainage,
    daily_segments,
    elevation_at,
    implausible_counts,
    require_meters,
    segment_middles,
    sparse_days,
    tally,
    window_matrix,
)
from rootzone.studies.context import Context
from rootzone.studies.transect_points_cells import model_weights, to_cells
from rootzone.studies.transect_points_corrections import (
    Surroundings,
    factors,
    latitude_of,
    read_weather,
)
from rootzone.studies.transect_points_places import Track, place
from rootzone.studies.transect_points_segments import read_segments
from rootzone.studies.transect_points_tables import (
    Records,
    read_records,
    rows_of,
    tell_flags,
)

__all__ = ["model_weights", "read_points"]

_COARSE = 1.5  # records may cover so many segments before it is told


def read_points(
    settings: PointsObservations | SegmentsObservations,
    domain: Domain,
    context: Context,
    first_day: np.datetime64,
    last_day: np.datetime64,
) -> Aggregated:
    """Return daily counts of the cells along a line from records or from values of segments.

    Parameters
    ----------
    settings : PointsObservations or SegmentsObservations
        What the study says.
    domain : Domain
        The domain, on a grid in meters.
    context : Context
        For files and log.
    first_day, last_day : datetime64[D]
        Days that are wanted, both included.

    Raises
    ------
    DataError, UnitError, StudyError
        If a table, column or unit cannot be used, nothing lies in the domain, near the line or
        within the days, or nothing is left that is not flagged: one sentence.
    """
    require_meters(domain)
    day = np.timedelta64(1, "D")
    days = np.arange(first_day.astype("datetime64[D]"), last_day.astype("datetime64[D]") + day)
    if isinstance(settings, SegmentsObservations):
        return read_segments(settings, domain, context, days)
    records = _within(read_records(settings, context), days, context)
    track = place(records, settings, domain, context)
    real = np.flatnonzero(~records.only_fix)
    records, track = rows_of(records, real), track.rows(real)
    flags, stretches = track.flags.copy(), track.stretches
    flags[records.seconds <= 0] |= PointFlag.NO_TIME
    with np.errstate(invalid="ignore"):
        flags[~(records.counts >= 0)] |= PointFlag.NO_COUNTS
    strange = implausible_counts(
        records.counts, records.seconds, factor=settings.quality.count_factor
    )
    flags[strange] |= PointFlag.IMPLAUSIBLE_COUNTS
    factor = _factors(settings, records, track, flags == 0, domain, context)
    flags[np.isnan(factor)] |= PointFlag.NO_WEATHER
    told = tally(flags, stretches)
    tell_flags(records.source, told, context)
    used = np.flatnonzero(flags == 0)
    used = used[_full_days(settings, records, used, days, context)]
    told["used"] = len(used)
    return _aggregated(settings, domain, records, track, factor, used, days, told, context)


def _within(records: Records, days: np.ndarray, context: Context) -> Records:
    """Return the records of the wanted days."""
    day = records.middle.astype("datetime64[D]")
    inside = (day >= days[0]) & (day <= days[-1])
    real = ~records.only_fix
    if not (inside & real).any():
        raise DataError(
            f"{records.source}: no record lies within {days[0]} to {days[-1]}, they are from "
            f"{day[real].min()} to {day[real].max()}"
        )
    if not inside[real].all():
        context.log.tell(
            f"{records.source}: {int((~inside & real).sum())} records before {days[0]} or after "
            f"{days[-1]} are not used"
        )
    return rows_of(records, np.flatnonzero(inside))


def _factors(
    settings: PointsObservations,
    records: Records,
    track: Track,
    usable: np.ndarray,
    domain: Domain,
    context: Context,
) -> np.ndarray:
    elevation = elevation_at(domain, track.x, track.y)
    weather = read_weather(settings, records, elevation, context)
    around = Surroundings(
        usable,
        track.chainage,
        track.passes,
        float(np.nanmean(elevation_at(domain, track.line.x, track.line.y))),
        latitude_of(domain, records),
    )
    return factors(settings.corrections, records, weather, around, context)


def _full_days(
    settings: PointsObservations,
    records: Records,
    used: np.ndarray,
    days: np.ndarray,
    context: Context,
) -> np.ndarray:
    """Return which usable records belong to days with enough of them."""
    s = settings.segments
    day = (records.middle[used].astype("datetime64[D]") - days[0]).astype(int)
    sparse = sparse_days(
        records.counts[used], day, len(days), points=s.min_points, least=s.min_counts
    )
    if sparse.any():
        first = days[np.flatnonzero(sparse)[0]]
        text = (
            f"{int(sparse.sum())} days have fewer than {s.min_points} usable records or "
            f"{s.min_counts:g} counts (observations.segments), the first {first}"
        )
        if sparse[day].all():
            raise DataError(f"{records.source}: {text}; no day is left")
        context.log.warn(f"{records.source}: {text}; they are left out")
    return ~sparse[day]


def _aggregated(
    settings: PointsObservations,
    domain: Domain,
    records: Records,
    track: Track,
    factor: np.ndarray,
    used: np.ndarray,
    days: np.ndarray,
    told: dict[str, int],
    context: Context,
) -> Aggregated:
    line, s = track.line, settings.segments
    middles = segment_middles(line.length, s.length)
    width = line.length / len(middles)
    segment = np.minimum((track.chainage[used] / width).astype(int), len(middles) - 1)
    passes, seconds = track.passes[used], records.seconds[used]
    windows = None
    if settings.smoothing.window is not None or settings.smoothing.records is not None:
        windows = window_matrix(
            track.chainage[used],
            passes,
            seconds,
            length=settings.smoothing.window,
            records=settings.smoothing.records,
        )
    found = daily_segments(
        (records.middle[used].astype("datetime64[D]") - days[0]).astype(int),
        segment,
        passes,
        records.counts[used],
        seconds,
        factor[used],
        days=len(days),
        segments=len(middles),
        errors=s.errors,
        windows=windows,
    )
    covered = float(np.median(track.speed[used] / 3.6 * seconds))
    if covered > _COARSE * width:
        context.log.warn(
            f"a record covers about {covered:.0f} m, segments are {width:.0f} m long: records "
            "stand in the segment of their middle, and others stay empty "
            "(observations.segments.length)"
        )
    there = found.seconds > 0
    context.log.tell(
        f"{len(middles)} segments of {width:.1f} m; {int(there.any(axis=1).sum())} of {len(days)} "
        f"days with counts, about {np.median(found.counts[there]):.0f} counts of "
        f"{np.median(found.passes[there]):.0f} passes for a segment and day"
    )
    x, y = at_chainage(line.x, line.y, middles)
    rate, sigma = to_cells(
        settings.upscaling,
        domain,
        line,
        (x, y),
        (found.rate, found.sigma),
        context,
        seconds=found.seconds,
        operator=found.operator,
        noise=found.noise,
    )
    return Aggregated(
        days,
        line.positions(domain.mask1),
        rate,
        sigma,
        middles,
        x,
        y,
        found.rate,
        found.sigma,
        found.seconds,
        found.passes,
        line,
        told,
    )
