"""Laws of mobile counts: places, passes, segments, cells, and what a detector sees of them."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon

from rootzone import neutrons as ne
from rootzone.core import DataError
from rootzone.data.mobile import (
    Stretch,
    Variogram,
    along_track,
    at_chainage,
    at_times,
    cell_at,
    cell_means,
    chainage_of,
    clock,
    daily_segments,
    expected_counts,
    fit_plane,
    implausible_counts,
    in_domain,
    inside_polygon,
    interval_times,
    inverse_distance,
    jumps,
    krige,
    line_through,
    material_factor,
    moisture_beside,
    plane_of,
    pressure_at_elevation,
    segment_middles,
    smoothed,
    snap,
    sparse_days,
    split_passes,
    split_runs,
    thinned,
    upscaled,
    variogram_of,
    window_matrix,
)
from rootzone.data.synthetic_domain import rail_valley
from rootzone.neutrons.footprint import radial_share
from rootzone.neutrons.near_field import near_field, ring_radii

VALLEY = rail_valley(days=2)
SEEDS = st.integers(0, 2**31 - 1)


def winding(length: float = 3000.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a line that bends but never comes near itself."""
    x = np.linspace(0.0, length, 121)
    return x, 80.0 * np.sin(x / 150.0)


# --- what a detector sees ---------------------------------------------------------------------


def test_rings_hold_equal_shares():
    for theta, h in ((0.1, 3.0), (0.3, 10.0)):
        radii = ring_radii(20, theta=theta, humidity=h)
        scale = ne.footprint_scale(1013.25, 0.0, theta)
        share = radial_share(radii / scale, theta=theta, humidity=h)
        np.testing.assert_allclose(share, (np.arange(20) + 0.5) / 20, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(20.0, 400.0))
def test_footprint_weights_sum_to_one(seed, cellsize):
    rng = np.random.default_rng(seed)
    number = np.where(rng.random((9, 11)) < 0.8, np.arange(99).reshape(9, 11), -1)
    x, y = rng.uniform(0.0, 11 * cellsize, 30), rng.uniform(0.0, 9 * cellsize, 30)
    seen = near_field(
        x, y, number=number, west=0.0, north=9 * cellsize, cellsize=cellsize,
        radii=np.geomspace(0.5, 500.0, 12), azimuths=8,
    )  # fmt: skip
    assert seen.weights.shape == (30, len(seen.cells))
    assert set(seen.cells) <= set(number[number >= 0])
    some = seen.outside < 1.0
    np.testing.assert_allclose(seen.weights[some].sum(axis=1), 1.0, rtol=1e-12)
    assert (seen.weights[~some] == 0.0).all()
    field = np.full(len(seen.cells), 7.0)
    np.testing.assert_allclose(seen.weights[some] @ field, 7.0, rtol=1e-12)


def test_footprint_weights_are_the_integral_of_the_radial_weight():
    """Cells of 100 m around a point, against the weight summed over a fine polar grid."""
    radii = ring_radii(400, theta=0.2, humidity=5.0)
    number = np.arange(400).reshape(20, 20)
    seen = near_field(
        np.array([1020.0]), np.array([1050.0]), number=number, west=0.0, north=2000.0,
        cellsize=100.0, radii=radii, azimuths=36,
    )  # fmt: skip
    edges = np.concatenate([np.linspace(0.0, 20.0, 4001), np.linspace(20.0, 900.0, 4001)[1:]])
    r = 0.5 * (edges[1:] + edges[:-1])
    scale = float(ne.footprint_scale(1013.25, 0.0, 0.2))
    w = np.asarray(ne.radial_weight(r / scale, theta=0.2, humidity=5.0)) * np.diff(edges)
    angle = 2.0 * np.pi * (np.arange(720) + 0.5) / 720
    column = np.floor((1020.0 + r[:, None] * np.sin(angle)) / 100.0).astype(int)
    row = np.floor((2000.0 - 1050.0 - r[:, None] * np.cos(angle)) / 100.0).astype(int)
    weight = np.broadcast_to(w[:, None], row.shape).ravel()
    exact = np.bincount((row * 20 + column).ravel(), weight, minlength=400)
    exact /= exact.sum()
    full = np.zeros(400)
    full[seen.cells] = seen.weights[0]
    np.testing.assert_allclose(full, exact, atol=2e-3)
    own = 9 * 20 + 10
    assert full[own] > 0.5  # of a cell with a half-width of 50 m: the near field


def test_half_of_the_footprint_lies_beyond_a_straight_edge():
    seen = near_field(
        np.array([0.0]), np.array([0.0]), number=np.zeros((1, 1), int), west=0.0, north=5000.0,
        cellsize=10000.0, radii=ring_radii(200), azimuths=36,
    )  # fmt: skip
    assert seen.outside[0] == pytest.approx(0.5, abs=0.02)
    assert seen.weights[0, 0] == 1.0


def test_a_point_that_sees_no_cell_has_no_weights():
    seen = near_field(
        np.array([1e6]), np.array([0.0]), number=np.zeros((2, 2), int), west=0.0, north=20.0,
        cellsize=10.0, radii=[5.0], azimuths=4,
    )  # fmt: skip
    assert seen.outside[0] == 1.0
    assert seen.weights.shape == (1, 0)


# --- coordinates ------------------------------------------------------------------------------


def test_the_map_of_the_domain_gives_back_its_cells():
    plane = plane_of(VALLEY)
    x, y = plane(VALLEY.latitude1, VALLEY.longitude1)
    grid = VALLEY.level1
    np.testing.assert_allclose(x, np.broadcast_to(grid.x, grid.shape), atol=0.05)
    np.testing.assert_allclose(y, np.broadcast_to(grid.y[:, None], grid.shape), atol=0.05)
    assert plane.residual < 0.05


@settings(max_examples=50, deadline=None)
@given(st.floats(-80.0, 80.0), st.floats(-180.0, 180.0))
def test_what_is_far_away_stays_outside(latitude, longitude):
    near_lat = abs(latitude - VALLEY.latitude0.mean()) < 0.2
    near_lon = abs(longitude - VALLEY.longitude0.mean()) < 0.3
    assume(not (near_lat and near_lon))
    x, y = plane_of(VALLEY)(np.array([latitude]), np.array([longitude]))
    assert not in_domain(VALLEY, x, y)[0]


def test_the_parabola_of_a_map_does_not_fold_back():
    """A projection bends a little; a hundred degrees away its parabola would be home again."""
    u, v = (g.ravel() for g in np.meshgrid(np.linspace(-1.0, 1.0, 7), np.linspace(-1.0, 1.0, 7)))
    plane = fit_plane(50.0 + 0.1 * v, 10.0 + 0.1 * u, 1e4 * u + 10.0 * u**2, 1e4 * v)
    x, _ = plane(np.array([50.0, 50.0]), np.array([10.05, 10.0 - 100.0]))
    assert x[0] == pytest.approx(5002.5)
    assert x[1] == pytest.approx(-1e7)


def test_too_few_known_positions_are_refused():
    with pytest.raises(DataError, match="three rows and three columns"):
        fit_plane(*np.random.default_rng(0).uniform(0, 1, (4, 4)))
    with pytest.raises(DataError, match="lie on a line"):
        fit_plane(np.ones(9), np.arange(9.0), np.arange(9.0), np.zeros(9))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(3, 12))
def test_points_in_polygons_as_matplotlib_has_them(seed, corners):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, corners))
    radius = rng.uniform(0.3, 1.0, corners)
    polygon = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x, y = rng.uniform(-1.0, 1.0, (2, 200))
    expected = Polygon(polygon).contains_points(np.stack([x, y], axis=1))
    assert (inside_polygon(x, y, polygon) == expected).all()
    assert not inside_polygon(np.array([np.nan]), np.array([0.0]), polygon)[0]


def test_a_stretch_holds_intervals_that_touch_it():
    chainage = np.array([[0.0, 90.0, 210.0, np.nan], [50.0, 110.0, 220.0, np.nan]])[[0, 0, 1]]
    nowhere = np.full((3, 4), np.nan)
    held = Stretch("tunnel", chainage=(100.0, 200.0)).holds(chainage, nowhere, nowhere)
    assert held.tolist() == [False, True, False, False]
    box = Stretch("bridge", x=(0.0, 1.0), y=(0.0, 1.0))
    x, y = np.full((3, 2), 0.5), np.array([[0.5, 2.0]] * 3)
    assert box.holds(np.zeros((3, 2)), x, y).tolist() == [True, False]


# --- the line ---------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 40), st.floats(1.0, 3000.0))
def test_snapping_twice_is_snapping_once(seed, vertices, spread):
    """Also for lines that cross themselves: the nearest point is its own nearest point."""
    rng = np.random.default_rng(seed)
    lx, ly = rng.uniform(0.0, 1000.0, (2, vertices))
    x, y = rng.uniform(-spread, 1000.0 + spread, (2, 50))
    once = snap(x, y, lx, ly)
    twice = snap(once.x, once.y, lx, ly)
    np.testing.assert_allclose(twice.offset, 0.0, atol=1e-6)
    np.testing.assert_allclose([twice.x, twice.y], [once.x, once.y], atol=1e-6)
    np.testing.assert_allclose(np.hypot(x - once.x, y - once.y), once.offset, atol=1e-9)
    # No point of the line is nearer.
    fine = np.stack(at_chainage(lx, ly, np.linspace(0.0, chainage_of(lx, ly)[-1], 2001)))
    nearest = np.hypot(x[:, None] - fine[0], y[:, None] - fine[1]).min(axis=1)
    assert (once.offset <= nearest + 1e-9).all()


def test_the_nearest_piece_is_found_behind_many_short_ones():
    """The middle of the long piece is far, though its end is the nearest point of the line."""
    angle = np.linspace(0.0, 2.0 * np.pi, 40)
    lx = np.concatenate([[23.0, 3.0], 0.3 * np.cos(angle), [60.0]])
    ly = np.concatenate([[0.0, 0.0], 8.0 + 0.3 * np.sin(angle), [80.0]])
    found = snap(np.zeros(1), np.zeros(1), lx, ly)
    # The foot lies on the way from (3, 0) to the short pieces at (0.3, 8).
    assert found.offset[0] == pytest.approx(3.0 * 8.0 / np.hypot(2.7, 8.0))
    assert found.chainage[0] == pytest.approx(20.0 + 3.0 * 2.7 / np.hypot(2.7, 8.0))


def test_chainage_of_points_of_the_line_comes_back():
    for lx, ly in (winding(), (VALLEY.line.x, VALLEY.line.y)):
        along = np.linspace(0.0, chainage_of(lx, ly)[-1], 5000)
        found = snap(*at_chainage(lx, ly, along), lx, ly)
        np.testing.assert_allclose(found.chainage, along, atol=1e-6)
    gap = snap(np.array([np.nan, 0.0]), np.array([0.0, 0.0]), lx, ly)
    assert np.isnan(gap.chainage[0])
    assert np.isfinite(gap.chainage[1])


def test_a_line_without_length_is_refused():
    with pytest.raises(DataError, match="two vertices at different places"):
        snap(np.zeros(1), np.zeros(1), np.array([3.0, 3.0]), np.array([1.0, 1.0]))


def test_the_line_finds_the_cells_that_the_valley_knows():
    line = VALLEY.line
    found = line_through(VALLEY, line.x, line.y, [line.labels[n] for n in line.number])
    assert (found.cells == line.cells).all()
    assert found.labels == line.labels
    assert found.length == pytest.approx(line.length, rel=1e-9)
    row, column = cell_at(VALLEY.level1, found.x, found.y)
    assert (found.cells[found.number] == np.stack([row, column], axis=1)).all()
    covers = line_through(VALLEY, line.x, line.y).labels
    assert set(covers) == {"forest", "pervious", "impervious"}


def test_a_line_leaves_out_what_lies_outside():
    line, edge = VALLEY.line, VALLEY.level1.xll
    whole = np.concatenate([[edge - 5000.0], line.x]), np.concatenate([[line.y[0]], line.y])
    found = line_through(VALLEY, *whole)
    assert in_domain(VALLEY, found.x, found.y).all()
    with pytest.raises(DataError, match="touches no cell"):
        line_through(VALLEY, np.array([0.0, 1.0]), np.array([0.0, 1.0]))


def test_thinned_tracks_keep_their_distance():
    x = np.array([0.0, 1.0, np.nan, 12.0, 13.0, 25.0])
    assert thinned(x, 0.0 * np.ones(6), 10.0).tolist() == [0, 3, 5]


# --- along the track --------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    st.floats(1.0, 60.0),
    st.floats(5.0, 100.0),
    st.sampled_from(["start", "middle", "end"]),
    st.floats(-1.0, 1.0),
)
def test_middles_of_a_uniformly_moving_train(seconds, speed, stamp, slope):
    """Three passes: wherever the stamp stands, the middle of the interval is found."""
    v = speed / 3.6
    begin = np.concatenate([k * 1e5 + seconds * np.arange(40.0) for k in range(3)])
    run = np.repeat([0, 1, 2], 40)
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[stamp] * seconds

    def position(t):
        s = v * (t - 1e5 * run)
        return np.stack([s, slope * s + 7.0], axis=1)

    ticks = clock(begin + shift, run)
    start, middle, end = interval_times(ticks, np.full(120, seconds), stamp)
    there = [
        along_track(ticks, run, position(begin + shift), at=t, gap=3 * seconds, reach=seconds)
        for t in (start, middle, end)
    ]
    for found, wanted in zip(there, (0.0, 0.5, 1.0), strict=True):
        np.testing.assert_allclose(found, position(begin + wanted * seconds), atol=1e-5 * v)
    moved = np.hypot(*(there[2] - there[0]).T) / seconds
    np.testing.assert_allclose(moved, v * np.hypot(1.0, slope), rtol=1e-6)


def test_no_position_is_made_up_over_a_long_gap():
    ticks, run = np.arange(10.0) * 10.0, np.zeros(10, int)
    values = np.arange(10.0)[:, None] * 100.0
    values[3:7] = np.nan
    found = along_track(ticks, run, values, at=ticks - 5.0, gap=30.0, reach=10.0)[:, 0]
    assert np.isnan(found[4:7]).all()
    np.testing.assert_allclose(found[[0, 1, 2, 8, 9]], [-50.0, 50.0, 150.0, 750.0, 850.0])
    near = along_track(ticks, run, values, at=ticks - 5.0, gap=50.0, reach=10.0)[:, 0]
    np.testing.assert_allclose(near, ticks * 10.0 - 50.0)
    # A known position stays what it is, however far the next one.
    exact = along_track(ticks, run, values, at=ticks, gap=30.0, reach=10.0)[:, 0]
    np.testing.assert_allclose(exact[[2, 7]], [200.0, 700.0])
    alone = along_track(ticks[:1], run[:1], values[:1], at=ticks[:1], gap=30.0, reach=10.0)
    assert np.isnan(alone).all()


def test_a_jump_is_found_and_its_neighbors_are_not():
    ticks, run = np.arange(20.0), np.zeros(20, int)
    x, y = 10.0 * ticks, np.zeros(20)
    x[7] += 3000.0
    assert np.flatnonzero(jumps(ticks, run, x, y, fastest=100.0)).tolist() == [7]
    x[12:] += 3000.0  # nobody knows which side is right
    assert np.flatnonzero(jumps(ticks, run, x, y, fastest=100.0)).tolist() == [7, 11, 12]
    run[12:] = 1
    assert np.flatnonzero(jumps(ticks, run, x, y, fastest=100.0)).tolist() == [7]


def test_runs_end_with_gaps_and_names():
    time = np.array([0.0, 10.0, 20.0, 2000.0, 2010.0, 0.0])
    assert split_runs(time, gap=900.0).tolist() == [0, 0, 0, 1, 1, 1]
    name = np.array([0, 0, 0, 0, 0, 1])
    assert split_runs(time, name, gap=900.0).tolist() == [0, 0, 0, 1, 1, 2]


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_passes_end_where_the_train_turns(seed, trips):
    """Shuttles without a pause, positions with noise below the turn."""
    rng = np.random.default_rng(seed)
    legs = [np.linspace(0.0, 5000.0, 200)[:: (-1) ** k] for k in range(trips)]
    chainage = np.concatenate(legs) + rng.normal(0.0, 15.0, 200 * trips)
    chainage[rng.random(len(chainage)) < 0.1] = np.nan
    passes = split_passes(np.zeros(len(chainage), int), chainage, turn=200.0)
    assert passes[-1] + 1 == trips
    for k in range(trips):
        middle = passes[200 * k + 20 : 200 * k + 180]
        assert (middle == k).all()


# --- flags ------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.3, 300.0))
def test_chance_is_no_fault(seed, mean):
    """Poisson counts of any size are plausible; to leave the low ones out would bias the rest."""
    rng = np.random.default_rng(seed)
    seconds = rng.uniform(0.5, 1.5, 500)
    counts = rng.poisson(mean * seconds).astype(float)
    assume(counts.sum() > 200)
    assert not implausible_counts(counts, seconds).any()


def test_dead_tubes_and_bursts_are_faults():
    rng = np.random.default_rng(0)
    counts, seconds = rng.poisson(100.0, 200).astype(float), np.ones(200)
    counts[[5, 9, 50]] = 0.0, 900.0, np.nan
    assert np.flatnonzero(implausible_counts(counts, seconds)).tolist() == [5, 9]


def test_days_with_too_little():
    day = np.array([0, 1, 1, 3, 3, 3])
    counts = np.array([500.0, 40.0, 40.0, 60.0, 60.0, 60.0])
    sparse = sparse_days(counts, day, 5, points=2, least=100.0)
    assert sparse.tolist() == [True, True, False, False, False]


# --- corrections ------------------------------------------------------------------------------


def test_weather_is_interpolated_over_short_gaps_only():
    times = np.datetime64("2020-01-01T00") + np.arange(10) * np.timedelta64(1, "h")
    values = np.arange(10.0)
    values[4:8] = np.nan
    at = times + np.timedelta64(30, "m")
    gap = np.timedelta64(2, "h")
    found = at_times(times, values, at, gap=gap)
    np.testing.assert_allclose(found[[0, 1, 2, 8]], [0.5, 1.5, 2.5, 8.5])
    # Half the gap is held behind the last value before a hole.
    np.testing.assert_allclose(found[[3, 9]], [3.0, 9.0])
    assert np.isnan(found[5])
    assert np.isnan(at_times(times, np.full(10, np.nan), at, gap=gap)).all()


def test_pressure_falls_with_height():
    moved = pressure_at_elevation(np.array([980.0, 980.0]), 300.0, np.array([300.0, 500.0]))
    assert moved[0] == pytest.approx(980.0)
    # The barometric formula: 8 m to the hectopascal near the ground.
    assert moved[1] == pytest.approx(980.0 - 200.0 / 8.5, abs=1.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.08, 0.42), st.floats(2.0, 10.0), st.floats(0.02, 0.15))
def test_soil_moisture_beside_the_road_is_found_from_counts_on_it(theta, width, moisture):
    N0, density = 22888.0, 1.4
    effect = material_factor(theta, width=width, moisture=moisture, distance=0.0)
    rate = N0 * float(ne.Desilets2010().relative_rate(theta / density)) / float(effect)
    n, ones = 200, np.ones(200)
    found = moisture_beside(
        rate / 360.0 * ones, 10.0 * ones, ones, np.arange(n) * 30.0, np.zeros(n, int),
        N0=N0, bulk_density=density, water_equivalent=0.0, length=500.0,
        width=width, moisture=moisture, distance=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(found, theta, atol=2e-3)


# --- smoothing --------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(1.0, 900.0), st.integers(2, 15))
def test_windows_are_ratios_of_sums(seed, length, records):
    rng = np.random.default_rng(seed)
    n = 60
    position, group = rng.uniform(0.0, 2000.0, n), np.sort(rng.integers(0, 3, n))
    seconds, factor = rng.uniform(1.0, 5.0, n), rng.uniform(0.9, 1.1, n)
    counts = rng.poisson(10.0, n).astype(float)
    rate, sigma = smoothed(counts, seconds, factor, position, group, length=length)
    near = np.abs(position[:, None] - position) <= 0.5 * length
    window = near & (group[:, None] == group)
    np.testing.assert_allclose(rate, 3600.0 * window @ (factor * counts) / (window @ seconds))
    spread = np.sqrt(window @ (factor**2 * counts)) * 3600.0 / (window @ seconds)
    np.testing.assert_allclose(sigma, spread)
    index = np.arange(n)
    before, after = (records - 1) // 2, records // 2
    step = index - index[:, None]
    window = (step >= -before) & (step <= after) & (group[:, None] == group)
    rate, _ = smoothed(counts, seconds, factor, position, group, records=records)
    np.testing.assert_allclose(rate, 3600.0 * window @ (factor * counts) / (window @ seconds))
    matrix = window_matrix(position, group, seconds, length=length)
    np.testing.assert_allclose(matrix @ (5000.0 * seconds / 3600.0), 5000.0)


# --- segments ---------------------------------------------------------------------------------


def drawn(seed: int, n: int = 400, days: int = 7, segments: int = 20):
    """Return day, segment, pass, counts, seconds and factors of some records."""
    rng = np.random.default_rng(seed)
    day, segment = rng.integers(0, days, n), rng.integers(0, segments, n)
    passes = 2 * day + rng.integers(0, 2, n)
    seconds, factor = rng.uniform(1.0, 4.0, n), rng.uniform(0.8, 1.2, n)
    return day, segment, passes, rng.poisson(12.0, n).astype(float), seconds, factor


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_segments_keep_all_counts_and_all_time(seed):
    day, segment, passes, counts, seconds, factor = drawn(seed)
    found = daily_segments(day, segment, passes, counts, seconds, factor, days=7, segments=20)
    assert found.counts.sum() == counts.sum()
    assert found.seconds.sum() == pytest.approx(seconds.sum())
    corrected = np.nansum(found.rate * found.seconds) / 3600.0
    assert corrected == pytest.approx((factor * counts).sum())
    assert found.passes.max() <= 2
    assert ((found.passes > 0) == (found.seconds > 0)).all()
    assert (np.isnan(found.rate) == (found.seconds == 0)).all()
    order = np.random.default_rng(seed).permutation(len(day))
    again = daily_segments(
        *(v[order] for v in (day, segment, passes, counts, seconds, factor)), days=7, segments=20
    )
    np.testing.assert_allclose(again.rate, found.rate)
    np.testing.assert_allclose(again.sigma, found.sigma)


@pytest.mark.parametrize("window", [None, 100.0])
def test_errors_are_those_of_poisson_counts(window):
    """2000 repetitions of two passes over ten segments: sigma is the spread, with and without."""
    rng = np.random.default_rng(3)
    repeats, segments, per = 2000, 10, 3
    place = np.tile(np.repeat(np.arange(segments), per), 2)
    position = np.tile(np.arange(segments * per) * 10.0 + 5.0, 2)
    run = np.repeat([0, 1], segments * per)
    n = len(place)
    seconds, factor = rng.uniform(1.0, 3.0, n), rng.uniform(0.9, 1.1, n)
    mean = 4.0 * seconds * (1.0 + 0.3 * np.sin(place))
    counts = rng.poisson(mean, (repeats, n)).astype(float)
    day = np.repeat(np.arange(repeats), n)
    shared = (np.tile(place, repeats), np.tile(run, repeats) + 2 * day, counts.ravel())
    both = np.tile(seconds, repeats), np.tile(factor, repeats)
    matrix = None
    if window is not None:
        matrix = window_matrix(np.tile(position, repeats), shared[1], both[0], length=window)
    found = daily_segments(day, *shared, *both, days=repeats, segments=segments, windows=matrix)
    spread = found.rate.std(axis=0)
    # 2000 draws know a standard deviation to 1.6 %.
    np.testing.assert_allclose(np.sqrt((found.sigma**2).mean(axis=0)), spread, rtol=0.06)
    weights = inverse_distance(
        np.array([40.0, 150.0]), np.array([20.0, -30.0]),
        (np.arange(segments) + 0.5) * 30.0, np.zeros(segments), ~np.isnan(found.rate),
        power=2.0, radius=200.0, neighbors=6,
    )  # fmt: skip
    rate, sigma = upscaled(
        weights, found.rate, found.sigma, operator=found.operator, noise=found.noise
    )
    np.testing.assert_allclose(sigma.mean(axis=0), rate.std(axis=0), rtol=0.06)
    if window is None:
        plain = upscaled(weights, found.rate, found.sigma)
        np.testing.assert_allclose(plain[1], sigma, rtol=1e-9)
    else:  # smoothed segments are not independent: to take them so is too certain
        assert (upscaled(weights, found.rate, found.sigma)[1].mean(axis=0) < sigma.mean(0)).all()


def test_expected_counts_do_not_follow_chance():
    """Means weighted with errors of the counts themselves are too low, with expected ones not."""
    rng = np.random.default_rng(5)
    days, segments = 400, 12
    rate = (1.0 + 0.1 * np.sin(np.arange(days) / 9))[:, None] * np.linspace(0.8, 1.2, segments)
    counts = rng.poisson(15.0 * rate).astype(float)
    seconds = np.full(counts.shape, 3.0)
    expected = expected_counts(counts, seconds)
    np.testing.assert_allclose(expected.mean(), counts.mean(), rtol=1e-2)
    np.testing.assert_allclose(expected, 15.0 * rate, rtol=0.25)

    def bias(variance):
        weight = 1.0 / variance
        return (weight * (counts - 15.0 * rate)).sum() / (weight * 15.0 * rate).sum()

    assert abs(bias(expected)) < 0.01
    assert bias(np.maximum(counts, 1.0)) < -0.05


def test_no_count_is_no_certainty():
    for errors in ("expected", "counts"):
        found = daily_segments(
            np.array([0, 0]), np.array([0, 1]), np.array([0, 0]), np.array([0.0, 30.0]),
            np.array([10.0, 10.0]), np.ones(2), days=1, segments=2, errors=errors,
        )  # fmt: skip
        assert found.rate[0, 0] == 0.0
        np.testing.assert_allclose(found.sigma[0], [360.0, 360.0 * np.sqrt(30.0)])


@settings(deadline=None)
@given(st.floats(1.0, 1e5), st.floats(1.0, 500.0))
def test_segments_share_the_line(length, segment):
    middles = segment_middles(length, segment)
    width = length / len(middles)
    np.testing.assert_allclose(np.diff(middles), width, rtol=1e-6)
    assert middles[0] == pytest.approx(0.5 * width)
    assert len(middles) == 1 or 2.0 / 3.0 <= width / segment <= 1.5


# --- cells ------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.floats(0.5, 5.0), st.floats(50.0, 2000.0), st.integers(1, 30), st.booleans())
def test_inverse_distances(seed, power, radius, neighbors, by_time):
    """Against a loop over cells, for every day its own segments."""
    rng = np.random.default_rng(seed)
    x, y = winding()
    x, y = x[::5], y[::5]
    present = rng.random((4, len(x))) < 0.6
    seconds = np.where(present, rng.uniform(1.0, 9.0, present.shape), 0.0)
    cx, cy = rng.uniform(0.0, 3000.0, 6), rng.uniform(-200.0, 200.0, 6)
    weights = inverse_distance(
        cx, cy, x, y, present, power=power, radius=radius, neighbors=neighbors,
        seconds=seconds if by_time else None,
    )  # fmt: skip
    values = np.where(present, rng.uniform(5000.0, 9000.0, present.shape), np.nan)
    rate, _ = upscaled(weights, values, np.ones(values.shape))
    for d in range(4):
        for c in range(6):
            distance = np.hypot(x - cx[c], y - cy[c])
            near = np.flatnonzero(present[d] & (distance <= radius))
            near = near[np.argsort(distance[near])][:neighbors]
            if not len(near):
                assert np.isnan(rate[d, c])
                continue
            w = distance[near] ** -power * (seconds[d, near] if by_time else 1.0)
            assert rate[d, c] == pytest.approx((w * values[d, near]).sum() / w.sum())
    sums = np.asarray(weights.sum(axis=1))
    assert np.all(np.isclose(sums, 1.0) | (sums == 0.0))
    constant, _ = upscaled(weights, np.where(present, 7000.0, np.nan), values)
    np.testing.assert_allclose(constant[~np.isnan(constant)], 7000.0, rtol=1e-12)


def test_a_cell_on_a_segment_has_its_value():
    weights = inverse_distance(
        np.array([30.0]), np.array([0.0]), np.arange(10) * 30.0, np.zeros(10),
        np.ones((1, 10), bool), power=2.0, radius=500.0, neighbors=10,
    )  # fmt: skip
    assert weights.toarray()[0, 1] == pytest.approx(1.0, abs=1e-8)


@settings(deadline=None)
@given(SEEDS)
def test_means_of_cells(seed):
    rng = np.random.default_rng(seed)
    cell = rng.integers(-1, 5, 30)
    present = rng.random((3, 30)) < 0.5
    values = np.where(present, rng.uniform(1.0, 9.0, present.shape), np.nan)
    weights = cell_means(cell, present, cells=5)
    rate, sigma = upscaled(weights, values, 2.0 * np.ones(values.shape))
    for d in range(3):
        for c in range(5):
            inside = values[d, (cell == c) & present[d]]
            if not inside.size:
                assert np.isnan(rate[d, c])
                continue
            assert rate[d, c] == pytest.approx(inside.mean())
            assert sigma[d, c] == pytest.approx(2.0 / np.sqrt(inside.size))


def test_means_by_time_are_ratios_of_sums():
    seconds = np.array([[1.0, 3.0]])
    weights = cell_means(np.array([0, 0]), seconds > 0, cells=1, seconds=seconds)
    np.testing.assert_allclose(weights.toarray(), [[0.25, 0.75]])


# --- kriging ----------------------------------------------------------------------------------

MODEL = Variogram("exponential", 4.0e5, 900.0, 1.0e6)


@pytest.mark.parametrize("model", ["spherical", "exponential", "gaussian"])
def test_kriging_keeps_a_constant_field(model):
    x, y = winding()
    rate = np.full((2, len(x)), 9000.0)
    rate[1, ::3] = np.nan
    cells = np.array([700.0, 2500.0]), np.array([50.0, 0.0])
    found, sigma = krige(x, y, rate, *cells, MODEL._replace(model=model))
    np.testing.assert_allclose(found, 9000.0, rtol=1e-12)
    assert (sigma > 0).all()
    assert (sigma[1] > sigma[0]).all()  # fewer segments know less
    assert (sigma**2 < MODEL.sill).all()


def test_kriging_leaves_out_days_with_two_values():
    x, y = winding()
    rate = np.full((2, len(x)), np.nan)
    rate[0, :2], rate[1, :3] = 9000.0, 9000.0
    found, _ = krige(x, y, rate, np.array([0.0]), np.array([0.0]), MODEL)
    assert np.isnan(found[0, 0])
    assert found[1, 0] == pytest.approx(9000.0)


def test_the_kriging_error_is_that_of_drawn_fields():
    """Fields of the variogram with counting noise: the noise-free value is missed by sigma."""
    rng = np.random.default_rng(11)
    x, y = (v[::4] for v in winding())
    cx, cy = np.array([800.0, 2000.0]), np.array([40.0, -60.0])
    px, py = np.concatenate([x, cx]), np.concatenate([y, cy])
    distance = np.hypot(px[:, None] - px, py[:, None] - py)
    covariance = MODEL.sill * np.exp(-3.0 * distance / MODEL.range)
    field = rng.multivariate_normal(np.full(len(px), 9000.0), covariance, 600, method="cholesky")
    noisy = field[:, : len(x)] + rng.normal(0.0, np.sqrt(MODEL.nugget), (600, len(x)))
    found, sigma = krige(x, y, noisy, cx, cy, MODEL)
    # 600 draws know a standard deviation to 2.9 %.
    missed = (found - field[:, len(x) :]).std(axis=0)
    np.testing.assert_allclose(missed, sigma[0], rtol=0.1)


def test_the_variogram_comes_from_the_counts():
    rng = np.random.default_rng(2)
    places = 9000.0 + rng.normal(0.0, 700.0, 200)
    sigma = np.full((50, 200), 1500.0)
    rate = places + rng.normal(0.0, 1500.0, sigma.shape)
    found = variogram_of(rate, sigma, model="spherical", range=500.0)
    assert found.nugget == pytest.approx(1500.0**2)
    assert found.sill == pytest.approx(700.0**2, rel=0.15)
    given = variogram_of(rate, sigma, model="spherical", range=500.0, sill=3.0, nugget=2.0)
    assert given == Variogram("spherical", 3.0, 500.0, 2.0)
    with pytest.raises(DataError, match="no sill"):
        variogram_of(np.full((5, 6), 9000.0), np.full((5, 6), 100.0), model="spherical", range=5.0)


def test_weights_of_a_field_in_jax():
    """What a simulation wants: counts of cells times weights, batched and differentiable."""
    seen = near_field(
        np.array([500.0, 900.0]), np.array([300.0, 500.0]), number=np.arange(100).reshape(10, 10),
        west=0.0, north=1000.0, cellsize=100.0, radii=ring_radii(8), azimuths=6,
    )  # fmt: skip
    rate = jnp.linspace(8000.0, 12000.0, 100)[seen.cells]
    out = jnp.asarray(seen.weights) @ rate
    assert (out > rate.min()).all()
    assert (out < rate.max()).all()
