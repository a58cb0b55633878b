"""Where the records of a mobile detector were counted: in the plane, along the line, how fast."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rootzone.config.transect_points import PointsObservations, StretchOut
from rootzone.config.transect_points_parts import Positions
from rootzone.core import DataError
from rootzone.data.domain import Domain, Line
from rootzone.data.mobile import (
    PointFlag,
    Stretch,
    along_track,
    at_chainage,
    clock,
    in_domain,
    interval_times,
    jumps,
    line_through,
    plane_of,
    snap,
    split_passes,
    split_runs,
    thinned,
    transform,
    usable_line,
)
from rootzone.studies.context import Context
from rootzone.studies.transect_points_tables import Records

_WGS84 = "EPSG:4326"


@dataclass
class Track:
    """Records on the line; arrays (record).

    Attributes
    ----------
    line : Line
        The line.
    passes : array of int
        Number of the pass.
    chainage, x, y : array
        Middle of each interval along the line, and its nearest point of the line [m].
    speed : array
        Ground speed [km h-1].
    flags : array of int
        Bits of :class:`PointFlag` that positions tell.
    stretches : dict of array of bool
        Records in excluded stretches, by reason.
    """

    line: Line
    passes: np.ndarray
    chainage: np.ndarray
    x: np.ndarray
    y: np.ndarray
    speed: np.ndarray
    flags: np.ndarray
    stretches: dict[str, np.ndarray]

    def rows(self, rows: np.ndarray) -> "Track":
        """Return some of the records."""
        names = ("passes", "chainage", "x", "y", "speed", "flags")
        parts = {n: getattr(self, n)[rows] for n in names}
        held = {why: where[rows] for why, where in self.stretches.items()}
        return Track(line=self.line, stretches=held, **parts)


def in_plane(
    first: np.ndarray, second: np.ndarray, geographic: bool, positions: Positions, domain: Domain
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y in the coordinates of the model grid.

    Parameters
    ----------
    first, second : array (...)
        Longitude and latitude, or x and y; NaN without fix.
    geographic : bool
        Which of these.
    positions : Positions
        What the study says.
    domain : Domain
        The domain.
    """
    if geographic:
        longitude = -first if positions.west else first
        latitude = -second if positions.south else second
        if positions.grid_crs is None:
            x, y = plane_of(domain)(latitude, longitude)
            return x, y
        return transform(longitude, latitude, source=_WGS84, target=positions.grid_crs)
    if positions.points_crs is None or positions.grid_crs is None:
        return first, second
    return transform(first, second, source=positions.points_crs, target=positions.grid_crs)


def place(
    records: Records, settings: PointsObservations, domain: Domain, context: Context
) -> Track:
    """Return where the records were counted, and what their positions are flagged for.

    Raises
    ------
    DataError
        If no position lies in the domain, or none near the line.
    """
    q = settings.quality
    x, y = in_plane(records.first, records.second, records.geographic, settings.positions, domain)
    _require_inside(records, x, y, settings.positions, domain)
    seconds = _ticks(records.fix)
    run = split_runs(seconds, records.name, gap=_seconds(q.pass_gap))
    ticks = clock(seconds, run)
    begin, middle, end = interval_times(
        ticks + (records.begin - records.fix) / np.timedelta64(1, "s"), records.seconds, "start"
    )
    if settings.positions.place == "middle":
        ticks = middle
    wrong = jumps(ticks, run, x, y, fastest=q.max_speed)
    xy = np.stack([np.where(wrong, np.nan, x), np.where(wrong, np.nan, y)], axis=1)
    line = _line(settings, domain, run, xy, context)
    usual = float(np.median(records.seconds[records.seconds > 0]))
    gap = _seconds(q.fix_gap) if q.fix_gap is not None else max(60.0, 3.0 * usual)

    def at(values: np.ndarray, when: np.ndarray) -> np.ndarray:
        return along_track(ticks, run, values, at=when, gap=gap, reach=records.seconds)

    times = (begin, middle, end)
    chord = np.stack([at(xy, t) for t in times])  # (3, record, 2)
    fix = snap(xy[:, 0], xy[:, 1], line.x, line.y)
    near = np.where(np.isnan(fix.offset), np.nan, (fix.offset <= q.tolerance).astype(float))
    # Between two positions on the line the detector followed it, chords would cut its bends.
    on = np.stack([at(near[:, None], t)[:, 0] for t in times]) > 1.0 - 1e-9
    along = np.where(near == 1.0, fix.chainage, np.nan)
    followed = np.stack([at(along[:, None], t)[:, 0] for t in times])
    hours = np.maximum(records.seconds, 1e-9) / 3600.0
    with np.errstate(invalid="ignore"):
        believed = on.all(axis=0) & (
            np.abs(followed[2] - followed[0]) / 1000.0 <= q.max_speed * hours
        )
    cut = [snap(c[:, 0], c[:, 1], line.x, line.y) for c in chord]
    chainage = np.where(believed, followed, np.stack([s.chainage for s in cut]))
    chainage = np.clip(chainage, 0.0, line.length)
    offset = np.where(believed, 0.0, cut[1].offset)
    moved = np.where(
        believed, np.abs(followed[2] - followed[0]), np.hypot(*(chord[2] - chord[0]).T)
    )
    speed = moved / 1000.0 / hours
    with np.errstate(invalid="ignore"):
        standing = speed < q.min_speed
        if records.speed is not None:
            # A logged speed is that of a moment: a halt at a crossing does not fill the interval.
            standing = (standing | np.isnan(speed)) & (records.speed < q.min_speed)
    if records.speed is not None:
        speed = np.where(np.isnan(records.speed), speed, records.speed)
    placed = np.isfinite(chainage[1])
    outside = placed & ~in_domain(domain, chord[1, :, 0], chord[1, :, 1])
    spots = [at_chainage(line.x, line.y, c) for c in chainage]
    held = _stretches(settings, domain, chainage, spots)
    flags = np.zeros(len(x), dtype=int)
    with np.errstate(invalid="ignore"):
        for flag, where in (
            (PointFlag.NO_FIX, ~placed),
            (PointFlag.JUMP, wrong),
            (PointFlag.TOO_FAST, speed > q.max_speed),
            (PointFlag.STANDING, standing),
            (PointFlag.OUTSIDE, outside),
            (PointFlag.OFF_LINE, (offset > q.tolerance) & ~outside),
            *((PointFlag.STRETCH, where) for where in held.values()),
        ):
            flags[where] |= flag
    far = (PointFlag.OFF_LINE | PointFlag.OUTSIDE | PointFlag.NO_FIX) & flags > 0
    if far.all():
        away = np.nanmedian(fix.offset)
        raise DataError(
            f"{records.source}: no record lies within {q.tolerance:g} m of the line, most are "
            f"about {away:.0f} m away (observations.quality.tolerance, or another line)"
        )
    passes = split_passes(run, np.where(far, np.nan, chainage[1]), turn=q.turn)
    return Track(line, passes, chainage[1], *spots[1], speed, flags, held)


def _ticks(times: np.ndarray) -> np.ndarray:
    return (times - times.min()) / np.timedelta64(1, "s")


def _seconds(duration: str) -> float:
    return pd.Timedelta(duration).total_seconds()


def _require_inside(
    records: Records, x: np.ndarray, y: np.ndarray, positions: Positions, domain: Domain
) -> None:
    """Refuse a track that lies wholly outside the domain, with a guess at the hemisphere."""
    if in_domain(domain, x, y).any():
        return
    grid, known = domain.level1, np.isfinite(x) & np.isfinite(y)
    box = (
        f"x {grid.xll:.0f} to {grid.xll + grid.ncols * grid.cellsize:.0f}, "
        f"y {grid.yll:.0f} to {grid.north:.0f}"
    )
    hint = ""
    if records.geographic:
        turned = [
            (key, in_plane(*signs, True, positions, domain))
            for key, signs in (
                ("west", (-records.first, records.second)),
                ("south", (records.first, -records.second)),
            )
        ]
        for key, (tx, ty) in turned:
            if in_domain(domain, tx, ty).any():
                now = str(not getattr(positions, key)).lower()
                hint = (
                    f"; with the other sign they lie in it: set observations.positions.{key}: {now}"
                )
    if not known.any():
        raise DataError(f"{records.source}: no position can be shown in the grid's coordinates")
    raise DataError(
        f"{records.source}: all {int(known.sum())} positions lie outside the domain, around x "
        f"{np.median(x[known]):.0f}, y {np.median(y[known]):.0f}; its cells cover {box}{hint}"
    )


def _line(
    settings: PointsObservations, domain: Domain, run: np.ndarray, xy: np.ndarray, context: Context
) -> Line:
    """Return the line of the domain, or the longest run of the points."""
    if settings.line == "domain" and domain.line is None:
        raise DataError(
            "the domain has no line (observations.line: domain): give one, or set line: track"
        )
    if domain.line is not None and settings.line != "track":
        return domain_line(domain, context)
    step = np.hypot(*np.diff(xy, axis=0).T)
    same = np.diff(run) == 0
    ways = np.bincount(run[1:][same], np.nan_to_num(step[same]), minlength=run[-1] + 1)
    longest = np.flatnonzero(run == np.argmax(ways))
    kept = longest[thinned(xy[longest, 0], xy[longest, 1], settings.track_spacing)]
    if len(kept) < 2:
        raise DataError("the points do not move, so they make no line: give the line of the track")
    line = line_through(domain, xy[kept, 0], xy[kept, 1])
    context.log.tell(
        f"the line is the longest run of the points: {line.length / 1000.0:.1f} km, "
        f"{len(line.cells)} model cells"
    )
    return line


def domain_line(domain: Domain, context: Context) -> Line:
    """Return the line of the domain, without cells that the model does not run."""
    assert domain.line is not None
    line, lost = usable_line(domain.line, domain)
    if lost:
        context.log.warn(
            f"{lost} cells of the line are no active cells of the model; they are left out"
        )
    return line


def _stretches(
    settings: PointsObservations,
    domain: Domain,
    chainage: np.ndarray,
    spots: list[tuple[np.ndarray, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Return which records touch the stretches that the study leaves out, by reason."""
    x, y = (np.stack([s[n] for s in spots]) for n in (0, 1))
    held: dict[str, np.ndarray] = {}
    for given in settings.quality.exclude:
        found = _stretch(given, settings.positions, domain).holds(chainage, x, y)
        held[given.reason] = held.get(given.reason, False) | found
    return held


def _stretch(given: StretchOut, positions: Positions, domain: Domain) -> Stretch:
    corners, geographic = given.polygon, given.geographic
    if given.longitude is not None and given.latitude is not None:
        (west, east), (south, north) = given.longitude, given.latitude
        corners, geographic = [(west, south), (east, south), (east, north), (west, north)], True
    if corners is None:
        return Stretch(given.reason, chainage=given.chainage, x=given.x, y=given.y)
    polygon = np.array(corners, dtype=float)
    if geographic:  # the study writes signs, whatever the logger does
        plain = Positions(grid_crs=positions.grid_crs)
        polygon = np.stack(in_plane(polygon[:, 0], polygon[:, 1], True, plain, domain), axis=1)
    return Stretch(given.reason, polygon=polygon)
