"""Counts of trains and cars from their tables to daily counts of model cells."""

import copy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.interpolate import RegularGridInterpolator

from rootzone import neutrons as ne
from rootzone.config.transect_points import PointsObservations, SegmentsObservations
from rootzone.core import RootzoneError
from rootzone.data import Log
from rootzone.data.domain import Domain, Scene
from rootzone.data.mobile import Aggregated, at_chainage, chainage_of, in_domain
from rootzone.data.rasters import Grid, geographic_coordinates
from rootzone.data.synthetic_domain import hills, rail_valley
from rootzone.studies.context import Context
from rootzone.studies.transect_points import model_weights, read_points

VALLEY = rail_valley(days=2)
START = np.datetime64("2021-09-01")
DAYS, SPEED, STEP = 4, 10.0, 6  # days, m s-1, s
PER = int(VALLEY.line.length / (SPEED * STEP))  # records of a pass
ROVER = "example:rover_gypsum/gypsum_transect_01_may_2018.KSU"

POINTS: dict[str, Any] = {
    "method": "points",
    "tables": {
        "files": "train.csv",
        "interval": f"{STEP}s",
        "time": {"stamp": "end", "timezone": "UTC"},
        "columns": {
            "counts": {"column": "counts", "units": "count"},
            "latitude": {"column": "lat", "units": "degree"},
            "longitude": {"column": "lon", "units": "degree"},
        },
    },
    "corrections": {"pressure": {"method": "none"}, "humidity": {"method": "none"}},
}
WEATHER = {
    "pressure": {"column": "p", "units": "hPa"},
    "temperature": {"column": "t", "units": "degC"},
    "relative_humidity": {"column": "rh", "units": "percent"},
}


def rate_along(chainage: np.ndarray) -> np.ndarray:
    """Return the true count rate [h-1] along the line."""
    return 24000.0 * (1.0 + 0.1 * np.sin(chainage / 400.0))


def degrees(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of positions in the valley."""
    grid = VALLEY.level0
    at = np.stack([y, x], axis=-1)
    axes = (grid.y[::-1], grid.x)
    values = (VALLEY.latitude0, VALLEY.longitude0)
    return tuple(RegularGridInterpolator(axes, v[::-1])(at) for v in values)


class Train:
    """A folder with the table of a train that goes to and fro; tests change it and read it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.values = copy.deepcopy(POINTS)
        self.log = Log()

    @property
    def table(self) -> dict[str, Any]:
        return self.values["tables"]

    @property
    def columns(self) -> dict[str, Any]:
        return self.table["columns"]

    def frame(self, days: int = DAYS, seed: int = 0, noise: float = 3.0) -> pd.DataFrame:
        """Return records of two passes a day: positions at the end of each interval."""
        rng, line = np.random.default_rng(seed), VALLEY.line
        parts = []
        for n in range(2 * days):
            t = np.arange(STEP, line.length / SPEED + 1e-9, STEP)
            s = SPEED * t if n % 2 == 0 else line.length - SPEED * t
            middle = s - SPEED * STEP / 2 * (-1) ** n
            x, y = at_chainage(line.x, line.y, s)
            x, y = x + rng.normal(0.0, noise, len(t)), y + rng.normal(0.0, noise, len(t))
            lat, lon = degrees(x, y)
            begin = START + np.timedelta64(n // 2, "D") + np.timedelta64(7 + 6 * (n % 2), "h")
            parts.append(
                pd.DataFrame(
                    {
                        "time": begin.astype("datetime64[s]") + t.astype("timedelta64[s]"),
                        "lat": lat,
                        "lon": lon,
                        "x": x,
                        "y": y,
                        "counts": rng.poisson(rate_along(middle) * STEP / 3600.0),
                        "pass": f"p{n}",
                        "s": s,
                        "middle": middle,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def write(self, frame: pd.DataFrame, name: str = "train.csv") -> None:
        frame.to_csv(self.folder / name, index=False)

    def read(self, domain: Domain = VALLEY, days: int = DAYS, **changes: Any) -> Aggregated:
        kind = {"points": PointsObservations, "segments": SegmentsObservations}
        settings = kind[self.values["method"]].model_validate(self.values | changes)
        self.settings = settings
        self.log = Log()
        context = Context(base=self.folder, log=self.log)
        return read_points(settings, domain, context, START, START + np.timedelta64(days - 1, "D"))

    def refusal(self, domain: Domain = VALLEY, days: int = DAYS, **changes: Any) -> str:
        with pytest.raises(RootzoneError) as caught:
            self.read(domain, days, **changes)
        text = str(caught.value)
        assert "\n" not in text
        return text


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Return a train whose table is whole."""
    place = Train(tmp_path)
    place.write(place.frame())
    return place


# --- what comes out ---------------------------------------------------------------------------


def test_the_rate_along_the_line_comes_back(train):
    found = train.read()
    line = VALLEY.line
    assert found.days.tolist() == [START.astype(object) + pd.Timedelta(days=n) for n in range(DAYS)]
    assert (found.cells == line.positions(VALLEY.mask1)).all()
    assert found.rate.shape == found.sigma.shape == (DAYS, 29)
    assert np.isfinite(found.rate).all()
    assert found.flags == {"records": 2 * DAYS * PER, "used": 2 * DAYS * PER}
    assert found.segment_rate.shape == (DAYS, 300)
    # Records of 60 m: every second segment of 30 m has one on the way, the others on the way back.
    assert (found.segment_passes <= 2).all()
    z = (found.segment_rate - rate_along(found.segment_chainage)) / found.segment_sigma
    z = z[np.isfinite(z)]
    assert abs(z.mean()) < 4.0 / np.sqrt(z.size)
    assert z.std() == pytest.approx(1.0, abs=0.06)
    assert "a record covers about 60 m" in train.log.text()
    np.testing.assert_allclose(
        [found.segment_x, found.segment_y], at_chainage(line.x, line.y, found.segment_chainage)
    )


def test_counts_are_placed_in_the_middle_of_their_interval(train):
    """Without noise, the places of the counts are known to a meter, whatever is stamped."""
    frame = train.frame(noise=0.0)
    for stamp, seconds in (("end", 0), ("middle", STEP // 2), ("start", STEP)):
        moved = frame.assign(time=frame["time"] - np.timedelta64(seconds, "s"))
        line = VALLEY.line
        back = np.where(frame["s"] > frame["middle"], 1.0, -1.0) * SPEED * seconds
        lat, lon = degrees(*at_chainage(line.x, line.y, frame["s"].to_numpy() - back))
        train.write(moved.assign(lat=lat, lon=lon))
        train.table["time"] = {"stamp": stamp, "timezone": "UTC"}
        found = train.read(segments={"length": 10.0})
        where = np.unique((frame["middle"] / 10.0).astype(int))
        there = np.flatnonzero((found.segment_seconds > 0).any(axis=0))
        # Middles stand at 30 m, 90 m, ...: on the edge of a segment of 10 m they fall to a side.
        assert np.abs(there[:, None] - where).min(axis=1).max() <= 1
        assert len(there) >= 145


def test_smoothing_takes_noise_away(train):
    plain = train.read()
    for smoothing in ({"window": 400.0}, {"records": 7}):
        smooth = train.read(smoothing=smoothing)
        known = np.isfinite(smooth.segment_sigma)
        assert (smooth.segment_sigma[known] < 0.7 * plain.segment_sigma[known]).all()
        z = (smooth.segment_rate - rate_along(smooth.segment_chainage)) / smooth.segment_sigma
        assert np.nanstd(z) < 1.6  # of 400 m, the field itself bends a little
        assert (smooth.sigma < plain.sigma).all()


def test_three_ways_to_cells_agree(train):
    ways = [
        {"method": "inverse_distance", "radius": 150.0, "neighbors": 6},
        {"method": "cell_mean", "by_time": True},
        {"method": "kriging", "range": 1500.0},
    ]
    found = [train.read(upscaling=way) for way in ways]
    assert "kriging: exponential, partial sill" in train.log.text()
    for a in found:
        for b in found:
            z = (a.rate - b.rate) / np.hypot(a.sigma, b.sigma)
            assert np.nanmean(np.abs(z)) < 1.0
    assert np.nanmean(found[2].sigma) < np.nanmean(found[0].sigma)


def test_daily_values_of_segments_give_the_same_cells(train):
    points = train.read()
    day, segment = np.nonzero(points.segment_passes)
    table = pd.DataFrame(
        {
            "date": points.days[day],
            "km": points.segment_chainage[segment] / 1000.0,
            "x": points.segment_x[segment],
            "y": points.segment_y[segment],
            "rate": points.segment_rate[day, segment] / 3600.0,
            "error": points.segment_sigma[day, segment] / 3600.0,
        }
    )
    train.write(table, "segments.csv")
    columns = {
        "rate": {"column": "rate", "units": "s-1"},
        "sigma": {"column": "error", "units": "s-1"},
    }
    places = (
        {"chainage": {"column": "km", "units": "km"}},
        {"x": {"column": "x", "units": "m"}, "y": {"column": "y", "units": "m"}},
    )
    for place in places:
        train.values = {
            "method": "segments",
            "table": {
                "files": "segments.csv",
                "time": {"timezone": "UTC"},
                "columns": columns | place,
            },
        }
        found = train.read()
        np.testing.assert_allclose(found.segment_chainage, points.segment_chainage, atol=1e-3)
        np.testing.assert_allclose(found.segment_rate, points.segment_rate, rtol=1e-9)
        np.testing.assert_allclose(found.rate, points.rate, rtol=1e-6)
        np.testing.assert_allclose(found.sigma, points.sigma, rtol=1e-6)
        assert found.flags == {"records": len(table), "used": len(table)}


def test_the_model_is_sampled_where_the_train_was(train):
    found = train.read()
    context = Context(base=train.folder, log=train.log)
    for upscaling in ("inverse_distance", "cell_mean", "kriging"):
        more = {"range": 1500.0} if upscaling == "kriging" else {}
        settings = PointsObservations.model_validate(
            train.values | {"upscaling": {"method": upscaling, **more}}
        )
        weights = model_weights(settings, VALLEY, found, context)
        assert weights.shape == (29, VALLEY.cells)
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-9)
        own = weights[np.arange(29), found.cells]
        assert own.mean() > 0.2
        assert (weights[:, found.cells].sum(axis=1) > 0.5).all()
    assert "of the footprints along the line lie outside" in train.log.text()


# --- the shipped survey -----------------------------------------------------------------------


def around(center: tuple[float, float], rows: int, columns: int) -> Domain:
    """Return a flat domain of cells of 800 m around a place."""
    grid = Grid(4 * columns, 4 * rows, 500_000.0, 4_000_000.0, 200.0)
    coarse = grid.coarsened(800.0)
    (lat0, lon0), (lat1, lon1) = (geographic_coordinates(g, center) for g in (grid, coarse))
    return replace(
        hills(days=2),
        level0=grid,
        cellsize1=800.0,
        dem=np.full(grid.shape, 390.0),
        land_cover=np.full((1, *grid.shape), 3),
        scenes=(Scene(1950, 2100, "fields"),),
        latitude0=lat0,
        longitude0=lon0,
        latitude1=lat1,
        longitude1=lon1,
    )


def survey(**changes: Any) -> tuple[Aggregated, str]:
    values = {
        "method": "points",
        "tables": {
            "files": ROVER,
            "format": "hydroinnova",
            "interval": "1min",
            "time": {"stamp": "end"},
        },
        "positions": {"west": True},
        "corrections": {
            "cutoff_rigidity": 3.1,
            "pressure": {"reference": "mean"},
            "humidity": {"reference": "mean"},
            "material": {"method": "schroen_2018", "width": 7.0},
        },
        "segments": {"length": 700.0},
    }
    log, day = Log(), np.datetime64("2018-05-01")
    settings = PointsObservations.model_validate(values | changes)
    found = read_points(settings, around((38.727, -97.42), 16, 14), Context(log=log), day, day)
    return found, log.text()


def test_the_shipped_survey():
    """201 minutes on farm roads: the first without fix, three of them standing."""
    found, told = survey()
    assert found.flags == {"records": 201, "used": 198, "no fix": 1, "standing": 3}
    assert "198 of 201 records are used; left out: 1 no fix, 3 standing" in told
    assert "the line is the longest run of the points" in told
    assert 115e3 < found.line.length < 130e3  # about 200 minutes at 38 km/h
    assert set(found.line.labels) == {"pervious"}
    known = np.isfinite(found.rate)
    assert known.mean() > 0.95
    # About 330 counts a minute, 5 % taken out for the road; some cells were crossed once.
    assert np.nanmean(found.rate) == pytest.approx(0.945 * 330.0 * 60.0, rel=0.05)
    relative = found.segment_sigma / found.segment_rate
    one = found.segment_passes == 1
    assert np.nanmedian(relative[one]) == pytest.approx(1.0 / np.sqrt(330.0), rel=0.25)
    assert np.nanmin(found.sigma / found.rate) < 0.03
    # The scatter of cells is no less than their counting error, and no more than soils explain.
    assert 0.02 < np.nanstd(found.rate) / np.nanmean(found.rate) < 0.08


def test_the_shipped_survey_without_its_hemisphere():
    with pytest.raises(
        RootzoneError, match=r"lie outside the domain.*set observations\.positions\.west: true"
    ):
        survey(positions={})


# --- what is left out -------------------------------------------------------------------------


def test_every_fault_has_its_reason_and_number(train):
    frame = train.frame(noise=0.0)
    first = frame["pass"] == "p0"
    speed = np.full(len(frame), 36.0)
    # Standing for four minutes at the end of the first pass, in the middle of the line's last cell.
    halt = frame[first].iloc[[-1] * 40].copy()
    halt["time"] += np.arange(1, 41) * np.timedelta64(STEP, "s")
    frame.loc[20, ["lat", "lon"]] = 0.0  # no fix, but found between its neighbors
    frame.loc[30:45, ["lat", "lon"]] = 0.0  # no fix for a minute and a half
    frame.loc[60, "lat"] += 0.3
    frame.loc[70, "counts"] = np.nan
    frame.loc[[80, 81], "counts"] = 0.0
    # A side track 200 m away.
    aside = slice(100, 109)
    frame.loc[aside, "lat"] += 200.0 / 111_195.0
    frame = pd.concat([frame[first], halt, frame[~first]])
    train.write(frame.assign(speed=np.append(speed, 0.0 * np.arange(len(frame) - len(speed)))))
    tunnel = {"reason": "tunnel", "chainage": [7000.0, 7300.0]}
    middle = frame[~first.reindex(frame.index)]
    west, east = middle["x"].quantile([0.02, 0.03])
    bridge = {"reason": "bridge", "x": [float(west), float(east)]}
    found = train.read(quality={"exclude": [tunnel, bridge], "fix_gap": "60s", "min_speed": 3.0})
    flags = found.flags
    assert flags["records"] == len(frame)
    assert flags["no fix"] == 16 + 1  # the one behind the gap has no position before it
    assert flags["jump of the position"] == 1
    assert flags["no counts"] == 1
    assert flags["implausible counts"] == 2
    assert 9 <= flags["too far from the line"] <= 11
    assert flags["standing"] in (39, 40)
    # 60 m between records: those that touch 300 m, on 8 passes.
    assert flags["tunnel"] == 8 * 6
    assert 8 <= flags["bridge"] <= 80
    for reason in ("jump of the position", "tunnel", "bridge", "standing"):
        assert f"{flags[reason]} {reason}" in train.log.text()
    inside = (found.segment_chainage > 7000.0) & (found.segment_chainage < 7300.0)
    assert (found.segment_passes[:, inside] == 0).all()


def test_standing_trains_weigh_nothing(train):
    """An hour in the yard beside a hot source changes no segment."""
    frame = train.frame(noise=0.0)
    whole = train.read()
    halt = frame.iloc[[PER - 1] * 600].copy()
    halt["time"] += np.arange(1, 601) * np.timedelta64(STEP, "s")
    halt["counts"] = 100
    train.write(pd.concat([frame.iloc[:PER], halt, frame.iloc[PER:]]))
    found = train.read()
    assert found.flags["standing"] >= 599
    train.write(frame)
    same = train.read()
    apart = np.nanmax(np.abs(found.segment_rate - same.segment_rate) / same.segment_sigma)
    assert apart < 3.0
    assert np.isfinite(whole.rate).all()


def test_polygons_in_degrees_and_in_meters_hold_the_same(train):
    line = VALLEY.line
    x, y = at_chainage(line.x, line.y, np.array([3000.0]))
    dx = np.array([-150.0, 150.0, 150.0, -150.0])
    dy = np.array([-150.0, -150.0, 150.0, 150.0])
    lat, lon = degrees(x + dx, y + dy)
    ways = [
        {"polygon": np.stack([x + dx, y + dy], axis=1).tolist()},
        {"polygon": np.stack([lon, lat], axis=1).tolist(), "geographic": True},
        {"x": [float(x[0]) - 150.0, float(x[0]) + 150.0], "y": [float(v) for v in y[0] + dy[1:3]]},
        {
            "longitude": [float(lon.min()), float(lon.max())],
            "latitude": [float(lat.min()), float(lat.max())],
        },
    ]
    held = [
        train.read(quality={"exclude": {"reason": "mine", **way}}).flags["mine"] for way in ways
    ]
    assert held[0] == held[1] == held[2]
    assert abs(held[3] - held[0]) <= 2
    assert held[0] > 10


def test_days_with_one_count_are_left_out(train):
    frame = train.frame()
    day = frame["time"].dt.normalize()
    third = day == pd.Timestamp("2021-09-03")
    train.write(pd.concat([frame[~third], frame[third].iloc[5:9]]))
    # Of four records of a pass two are enough; then one.
    whole = train.read(segments={"min_counts": 0.0})
    assert np.isfinite(whole.segment_rate[2]).sum() == 4
    train.write(pd.concat([frame[~third], frame[third].iloc[5:9]]))
    found = train.read(segments={"min_points": 5})
    assert np.isnan(found.rate[2]).all()
    assert np.isfinite(found.rate[[0, 1, 3]]).all()
    assert "1 days have fewer than 5 usable records" in train.log.text()
    assert "the first 2021-09-03; they are left out" in train.log.text()
    assert found.flags["used"] == found.flags["records"] - 4
    one = frame[day == day.iloc[0]].iloc[:3].assign(counts=40)
    train.write(one)
    text = train.refusal(segments={"min_points": 10})
    assert "no day is left" in text


# --- reading ----------------------------------------------------------------------------------


def test_tables_say_the_same_in_many_ways(train):
    plain = train.read()
    frame = train.frame()

    def same(**changes: Any) -> None:
        found = train.read(**changes)
        np.testing.assert_allclose(found.segment_rate, plain.segment_rate, rtol=1e-3)
        np.testing.assert_allclose(found.rate, plain.rate, rtol=1e-3)

    # A column of seconds, a rate instead of counts, x and y, names of passes.
    train.write(frame.assign(T=STEP / 60.0, rate=frame["counts"] / STEP))
    del train.table["interval"]
    train.columns["seconds"] = {"column": "T", "units": "min"}
    train.columns["counts"] = {"column": "rate", "units": "cps"}
    train.columns["pass_id"] = "pass"
    same()
    del train.columns["latitude"], train.columns["longitude"]
    train.columns["x"] = {"column": "x", "units": "m"}
    train.columns["y"] = {"column": "y", "units": "m"}
    same()
    # Two tables.
    train.write(frame.iloc[:600].assign(T=0.1, rate=frame["counts"] / STEP), "a.csv")
    train.write(frame.iloc[600:].assign(T=0.1, rate=frame["counts"] / STEP), "b.csv")
    same(tables=[train.table | {"files": "b.csv"}, train.table | {"files": "a.csv"}])


def test_positions_of_a_logger_of_their_own(train):
    """Positions every second beside counts every six: the middles are known better than before."""
    frame, line = train.frame(noise=0.0), VALLEY.line
    plain = train.read()
    parts = []
    for _, one in frame.groupby("pass"):
        t = np.arange(-20, 920)
        s = np.interp(t, [0, line.length / SPEED], [0.0, line.length])
        s = s if one["s"].iloc[0] < one["s"].iloc[-1] else line.length - s
        lat, lon = degrees(*at_chainage(line.x, line.y, s))
        begin = one["time"].iloc[0] - pd.Timedelta(seconds=STEP)
        parts.append(
            pd.DataFrame({"time": begin + pd.to_timedelta(t, unit="s"), "la": lat, "lo": lon})
        )
    train.write(pd.concat(parts), "gps.csv")
    train.write(frame.drop(columns=["lat", "lon", "x", "y"]))
    positions = {n: train.columns.pop(n) for n in ("latitude", "longitude")}
    gps = {
        "files": "gps.csv",
        "time": {"timezone": "UTC"},
        "columns": {n: p | {"column": p["column"][:2]} for n, p in positions.items()},
    }
    found = train.read(gps=gps)
    assert found.flags == plain.flags
    middles = np.unique(np.minimum(frame["middle"] / 30.0, 299).astype(int))
    there = np.flatnonzero((found.segment_seconds > 0).any(axis=0))
    assert np.abs(there[:, None] - middles).min(axis=1).max() <= 1
    np.testing.assert_allclose(np.nanmean(found.rate), np.nanmean(plain.rate), rtol=0.01)
    with pytest.raises(ValidationError, match="wanted once"):
        PointsObservations.model_validate(POINTS | {"gps": gps})


def test_records_that_two_tables_have_count_once(train):
    plain = train.read()
    found = train.read(tables=[train.table, train.table])
    np.testing.assert_allclose(found.rate, plain.rate)
    assert "1192 records have the time stamp of a record of another table" in train.log.text()


def test_records_since_the_last_one(train):
    """The first record of a run counted nobody knows how long."""
    train.table["interval"] = "since_last"
    found = train.read()
    assert found.flags["counted no time"] == 2 * DAYS
    assert found.flags["used"] == 2 * DAYS * (PER - 1)


def test_names_of_passes_are_believed(train):
    train.columns["pass_id"] = "pass"
    named = train.read(segments={"length": 200.0})
    frame = train.frame()
    # All passes of a day without a pause between them: turns tell them apart.
    first = frame["time"].dt.normalize() + pd.Timedelta(hours=7)
    number = frame.groupby(first).cumcount() + 1
    train.write(frame.assign(time=first + pd.to_timedelta(number * STEP, unit="s")))
    del train.columns["pass_id"]
    turned = train.read(segments={"length": 200.0})
    assert (named.segment_passes == 2).mean() > 0.95
    assert (turned.segment_passes == 2).mean() > 0.95


def test_the_coordinate_system_by_name(train):
    """A plane of pyproj: the fitted map and the projection put the train on the same meters."""
    pyproj = pytest.importorskip("pyproj")
    grid, coarse = VALLEY.level0, VALLEY.level1
    shift = np.array([600_000.0 - grid.xll, 5_700_000.0 - grid.yll])
    moved = replace(grid, xll=600_000.0, yll=5_700_000.0)
    back = pyproj.Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True)
    parts = {"level0": moved}
    for n, g in enumerate((moved, moved.coarsened(coarse.cellsize))):
        lon, lat = back.transform(*np.meshgrid(g.x, g.y))
        parts |= {f"latitude{n}": lat, f"longitude{n}": lon}
    line = replace(VALLEY.line, x=VALLEY.line.x + shift[0], y=VALLEY.line.y + shift[1])
    domain = replace(VALLEY, line=line, **parts)
    frame = train.frame()
    lon, lat = back.transform(frame["x"] + shift[0], frame["y"] + shift[1])
    train.write(frame.assign(lat=lat, lon=lon))
    fitted = train.read(domain)
    named = train.read(domain, positions={"grid_crs": "EPSG:25832"})
    np.testing.assert_allclose(named.segment_rate, fitted.segment_rate, rtol=1e-6)
    assert fitted.flags == named.flags
    assert "no way from" in train.refusal(domain, positions={"grid_crs": "EPSG:99999999"})
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:31467", always_xy=True).transform(
        lon, lat
    )
    train.write(frame.assign(x=x, y=y))
    for name in ("latitude", "longitude"):
        del train.columns[name]
    train.columns.update({n: {"column": n, "units": "m"} for n in ("x", "y")})
    other = train.read(domain, positions={"grid_crs": "EPSG:25832", "points_crs": "EPSG:31467"})
    # The two datums differ by what a transformation without grids knows: a few meters.
    assert other.flags["used"] > 0.98 * fitted.flags["used"]


# --- corrections ------------------------------------------------------------------------------


def test_corrections_are_those_of_the_formulas(train):
    frame = train.frame()
    rng = np.random.default_rng(4)
    frame["p"] = 970.0 + rng.normal(0.0, 5.0, len(frame))
    frame["t"], frame["rh"] = 12.0, 75.0
    frame["I"], frame["fi"] = 150.0 + rng.normal(0.0, 2.0, len(frame)), 1.03
    train.write(frame)
    train.columns.update(WEATHER | {"incoming_intensity": {"column": "I", "units": "1"}})
    given = {
        "pressure": {"method": "given", "beta": 0.0076, "reference": 980.0},
        "humidity": {"reference": 5.0},
        "incoming": {"method": "zreda_2012", "reference_intensity": 148.0},
        "material": {
            "method": "schroen_2018",
            "width": 4.0,
            "moisture": 0.05,
            "soil_moisture": 0.3,
            "sections": [{"chainage": [0.0, 4500.0], "width": 12.0}],
        },
    }
    segments = {"length": 60.0}
    found = train.read(corrections=given, segments=segments)
    factor = np.asarray(
        ne.pressure_factor(frame["p"].to_numpy(), beta=0.0076, reference_pressure=980.0)
    )
    humidity = float(ne.absolute_humidity(12.0, 75.0))
    factor = factor * float(ne.humidity_factor(humidity, reference_humidity=5.0))
    factor *= np.asarray(ne.incoming_factor(frame["I"].to_numpy(), reference_intensity=148.0))
    width = np.where(frame["middle"] < 4500.0, 12.0, 4.0)
    factor *= np.asarray(ne.road_factor(0.3, road_moisture=0.05, road_width=width))
    raw = train.read(segments=segments)
    total = np.nansum(found.segment_rate * found.segment_seconds) / 3600.0
    # A record at the edge of the section may stand on its other side.
    assert total == pytest.approx(float((factor * frame["counts"]).sum()), rel=2e-4)
    assert np.nansum(raw.segment_rate * raw.segment_seconds) / 3600.0 == pytest.approx(
        frame["counts"].sum()
    )
    ratio = found.segment_sigma / raw.segment_sigma
    assert np.nanmedian(ratio) == pytest.approx(np.median(factor), rel=0.01)
    # A ready factor, and a given one for the ballast.
    train.columns["incoming_factor"] = "fi"
    none = {"pressure": {"method": "none"}, "humidity": {"method": "none"}}
    ballast = {"method": "given", "factor": 0.97}
    ready = train.read(corrections=none | {"material": ballast}, segments=segments)
    np.testing.assert_allclose(ready.segment_rate, 1.03 * 0.97 * raw.segment_rate)
    assert "corrected twice" in train.refusal(corrections=given)


def test_weather_of_a_station_elsewhere(train):
    """A barometer in the valley, moved to each point, equals one on the train."""
    frame = train.frame(noise=0.0)
    hours = pd.date_range("2021-08-31", periods=24 * 6, freq="1h")
    valley = 975.0 + 8.0 * np.sin(np.arange(len(hours)) / 15.0)
    train.write(pd.DataFrame({"time": hours, "p": valley, "t": 10.0, "rh": 80.0}), "station.csv")
    grid, line = VALLEY.level0, VALLEY.line
    x, y = at_chainage(line.x, line.y, frame["middle"].to_numpy())
    row = np.floor((grid.north - y) / grid.cellsize).astype(int)
    column = np.floor((x - grid.xll) / grid.cellsize).astype(int)
    elevation = VALLEY.dem[row, column]
    at_station = np.interp(
        frame["time"].to_numpy().astype("datetime64[s]").astype(float),
        (hours + pd.Timedelta("30min")).to_numpy().astype("datetime64[s]").astype(float),
        valley,
    )
    ratio = np.asarray(ne.mean_pressure(elevation)) / float(ne.mean_pressure(320.0))
    train.write(frame.assign(p=at_station * ratio))
    corrections = {"cutoff_rigidity": 3.0, "humidity": {"method": "none"}}
    train.columns["pressure"] = WEATHER["pressure"]
    on_board = train.read(corrections=corrections)
    del train.columns["pressure"]
    station = {
        "files": "station.csv",
        "time": {"timezone": "UTC"},
        "columns": WEATHER,
        "elevation": 320.0,
    }
    below = train.read(corrections=corrections, weather=station)
    np.testing.assert_allclose(below.rate, on_board.rate, rtol=1e-3)
    assert "reference" in train.log.text()
    # Humidity of the station as well; and a hole of a day takes its passes out.
    table = pd.DataFrame({"time": hours, "p": valley, "t": 10.0, "rh": 80.0})
    gone = (hours >= "2021-09-02 00:00") & (hours < "2021-09-03 00:00")
    train.write(table[~gone], "station.csv")
    holed = train.read(corrections={"cutoff_rigidity": 3.0}, weather=station)
    assert holed.flags["no weather for the corrections"] == 2 * PER
    assert np.isnan(holed.rate[1]).all()
    assert np.isfinite(holed.rate[[0, 2, 3]]).all()


def test_soil_moisture_beside_the_rails_follows_from_the_counts(train):
    corrections = {
        "pressure": {"method": "none"},
        "humidity": {"method": "none"},
        "material": {"method": "schroen_2018", "width": 4.0, "moisture": 0.05, "N0": 40000.0},
    }
    found = train.read(corrections=corrections)
    assert "material under the detector: factor 0." in train.log.text()
    raw = train.read()
    effect = found.segment_rate / raw.segment_rate
    assert np.nanstd(effect) > 0.001  # wetter beside, more counts from the ballast
    assert (effect[np.isfinite(effect)] < 1.0).all()


# --- the line ---------------------------------------------------------------------------------


def test_a_domain_without_line_takes_the_track(train):
    bare = replace(VALLEY, line=None)
    train.write(train.frame(noise=0.0))
    found = train.read(bare)
    assert set(map(tuple, found.line.cells)) <= set(map(tuple, VALLEY.line.cells))
    assert len(found.line.cells) >= 27
    # Vertices 60 m apart cut the bends.
    assert 0.8 * VALLEY.line.length < found.line.length < VALLEY.line.length
    assert chainage_of(found.line.x, found.line.y)[-1] == pytest.approx(found.line.length)
    assert in_domain(VALLEY, found.line.x, found.line.y).all()
    assert "the line is the longest run of the points" in train.log.text()
    assert "has no line" in train.refusal(bare, line="domain")


def test_cells_of_the_line_without_model_are_told(train):
    row, column = VALLEY.line.cells[-1]
    dem = VALLEY.dem.copy()
    dem[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = np.nan
    found = train.read(replace(VALLEY, dem=dem))
    assert len(found.cells) == 28
    assert "1 cells of the line are no active cells of the model" in train.log.text()
    assert found.flags["outside the domain"] > 0


def test_cells_without_counts_are_told(train):
    frame = train.frame()
    train.write(frame[frame["middle"] < 5000.0])
    found = train.read()
    empty = np.isnan(found.rate).all(axis=0)
    assert 8 < empty.sum() < 18
    assert f"{int(empty.sum())} of 29 cells of the line have no counts on any day" in (
        train.log.text()
    )
    weights = model_weights(train.settings, VALLEY, found, Context(log=train.log))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    lonely = np.flatnonzero(empty)
    assert (weights[lonely, found.cells[lonely]] == 1.0).all()


# --- bad input --------------------------------------------------------------------------------


def spoil_position(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(lat=frame["lat"] + 1.0)


def spoil_line(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(lat=frame["lat"] + 300.0 / 111_195.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (spoil_position, "all 1192 positions lie outside the domain, around x"),
        (lambda f: f.assign(lat=0.0, lon=0.0), "no record has a position"),
        (lambda f: f.assign(counts="x"), "are no numbers"),
        (lambda f: f.assign(counts=np.nan), "the column of counts holds no number"),
        (lambda f: f.assign(counts=0), "the counts are all zero"),
        (lambda f: f.drop(columns="counts"), "no column 'counts'"),
        (lambda f: f.assign(time=f["time"] + pd.Timedelta("400D")), "no record lies within"),
        (lambda f: f.assign(lat=f["lat"].iloc[5], lon=f["lon"].iloc[5]), "standing"),
    ],
)
def test_tables_that_cannot_be_used(train, change, sentence):
    train.write(change(train.frame()))
    text = train.refusal()
    assert sentence in text, text


def test_tracks_away_from_the_line(train):
    frame = train.frame()
    line = VALLEY.line
    x, y = line.x[0] + np.linspace(0.0, 400.0, len(frame)), np.full(len(frame), line.y[0] + 400.0)
    lat, lon = degrees(x, y)
    train.write(frame.assign(lat=lat, lon=lon))
    text = train.refusal()
    assert "no record lies within 30 m of the line" in text
    assert "quality.tolerance" in text


@pytest.mark.parametrize(
    ("corrections", "sentence"),
    [
        ({"cutoff_rigidity": 3.0}, "no table names a column for pressure"),
        ({"pressure": {"method": "none"}}, "humidity is needed"),
        (
            {
                "pressure": {"method": "none"},
                "humidity": {"method": "none"},
                "incoming": {"method": "zreda_2012"},
            },
            "wants a column incoming_intensity",
        ),
    ],
)
def test_corrections_that_lack_their_columns(train, corrections, sentence):
    assert sentence in train.refusal(corrections=corrections)


def test_pressure_of_sea_level_is_told(train):
    train.write(train.frame().assign(p=1018.0))
    train.columns["pressure"] = WEATHER["pressure"]
    train.read(corrections={"cutoff_rigidity": 3.0, "humidity": {"method": "none"}})
    assert "does not fit the elevation of the line" in train.log.text()


def test_grids_that_cannot_take_a_track(train):
    assert "in degrees" in train.refusal(replace(VALLEY, geographic=True))
    nowhere = np.full_like(VALLEY.latitude0, -9999.0)
    bare = replace(VALLEY, latitude0=nowhere, longitude0=nowhere)
    assert "positions.grid_crs" in train.refusal(bare)
    bent = replace(VALLEY, latitude0=VALLEY.latitude0 + 1e-3 * np.sin(VALLEY.longitude0 * 900.0))
    assert "do not fit its grid" in train.refusal(bent)


def test_packages_that_are_not_there(train, monkeypatch):
    monkeypatch.setitem(sys.modules, "pykrige.ok", None)
    monkeypatch.setitem(sys.modules, "pyproj", None)
    for change in (
        {"upscaling": {"method": "kriging", "range": 900.0}},
        {"positions": {"grid_crs": "EPSG:25832"}},
    ):
        text = train.refusal(**change)
        assert "pip install 'rootzone[maps]'" in text


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("corrections", {}, "cutoff_rigidity"),
        ("smoothing", {"window": 100.0, "records": 5}, "not both"),
        ("positions", {"points_crs": "EPSG:25832"}, "wants grid_crs"),
        ("quality", {"exclude": {"reason": "tunnel"}}, "one of chainage"),
        ("quality", {"exclude": {"reason": "t", "chainage": [9.0, 2.0]}}, "lower first"),
        ("upscaling", {"method": "nearest"}, "inverse_distance"),
        ("upscaling", {"method": "kriging"}, "range"),
    ],
)
def test_settings_that_make_no_sense(key, value, sentence):
    with pytest.raises(ValidationError, match=sentence):
        PointsObservations.model_validate(POINTS | {key: value})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"interval": "since_last", "time": {"stamp": "start"}}, "stamp: end"),
        (
            {"columns": POINTS["tables"]["columns"] | {"x": {"column": "x", "units": "m"}}},
            "x and y",
        ),
        (
            {"columns": POINTS["tables"]["columns"] | {"seconds": {"column": "T", "units": "s"}}},
            "the counted time is wanted once",
        ),
    ],
)
def test_tables_that_say_things_twice(change, sentence):
    with pytest.raises(ValidationError, match=sentence):
        PointsObservations.model_validate(POINTS | {"tables": POINTS["tables"] | change})


def test_tables_without_columns_of_positions(train):
    del train.columns["latitude"], train.columns["longitude"]
    assert "names no columns of positions" in train.refusal()
    train.columns.pop("counts")
    assert "names no column of counts" in train.refusal()


SEGMENTS: dict[str, Any] = {
    "method": "segments",
    "relative_sigma": 0.05,
    "table": {
        "files": "segments.csv",
        "time": {"timezone": "UTC"},
        "columns": {
            "chainage": {"column": "s", "units": "m"},
            "rate": {"column": "rate", "units": "h-1"},
        },
    },
}


def test_bad_values_of_segments(train):
    train.values = copy.deepcopy(SEGMENTS)
    days = pd.date_range("2021-09-01", periods=3)
    rows = [(d, s, 9000.0) for d in days for s in (50.0, 500.0, 950.0)]
    table = pd.DataFrame(rows, columns=["date", "s", "rate"])
    extra = pd.DataFrame(
        [
            (days[0], 50.4, 9200.0),  # the same segment again
            (days[0], 99_000.0, 9000.0),
            (days[1], 500.0, -1.0),
            (pd.Timestamp("2021-09-04"), 500.0, 9000.0),
            (pd.Timestamp("2022-09-04"), 500.0, 9000.0),
        ],
        columns=table.columns,
    )
    train.write(pd.concat([table, extra]), "segments.csv")
    found = train.read()
    assert found.flags == {
        "records": 14,
        "used": 10,
        "not in the period": 1,
        "no value or no error": 1,
        "too far from the line": 1,
    }
    assert found.segment_rate[0, 0] == pytest.approx(9100.0)
    expected = 0.05 * np.hypot(9000.0, 9200.0) / 2.0
    assert found.segment_sigma[0, 0] == pytest.approx(expected)
    assert np.isnan(found.rate[3]).all()
    assert "1 days have values of fewer than 2 segments" in train.log.text()
    assert "no day is left" in train.refusal(min_segments=7)
    assert "give the study a line" in train.refusal(replace(VALLEY, line=None))
    train.write(table.assign(date="2020-01-01"), "segments.csv")
    assert "no value lies within" in train.refusal()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"relative_sigma": None}, "the error is wanted once"),
        ({"upscaling": {"method": "cell_mean", "by_time": True}}, "wants points"),
    ],
)
def test_settings_of_segments_that_make_no_sense(change, sentence):
    with pytest.raises(ValidationError, match=sentence):
        SegmentsObservations.model_validate(SEGMENTS | change)
    columns = SEGMENTS["table"]["columns"] | {"chainage": None}
    with pytest.raises(ValidationError, match="wanted once"):
        SegmentsObservations.model_validate(
            SEGMENTS | {"table": SEGMENTS["table"] | {"columns": columns}}
        )
