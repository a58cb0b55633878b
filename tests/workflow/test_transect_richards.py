"""The harder truth of a transect: Richards columns with a near field, a few cells, a few months."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.core import DataError, StudyError
from rootzone.data.cells import weather_of
from rootzone.data.domain import Cases, Domain, Line, Setup
from rootzone.data.synthetic_domain import rail_valley
from rootzone.neutrons import Desilets2010
from rootzone.simulate import Cosmic, homogeneous_rates
from rootzone.simulate.operators import NeutronSoil
from rootzone.simulate.valley_columns import columns_of, run_columns
from rootzone.simulate.valley_ground import Scatter, horizon_shares, layer_means, soils_of
from rootzone.studies import transect_richards
from rootzone.studies.transect_richards import richards_truth
from rootzone.studies.transect_richards_landscape import (
    NearField,
    cell_shares,
    footprint_weights,
    landscape_of,
    line_of,
    segments_of,
)
from rootzone.water.richards import Status

N0 = 20000.0
FIRST = np.datetime64("2021-05-01")
WARM, DAYS = 30, 90
SAME = Scatter(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)  # no scatter at all


def stretch_of(domain: Domain, first: int, last: int) -> Domain:
    """Return the domain with the part of its line from one cell to another."""
    line = line_of(domain)
    inside = np.flatnonzero((line.number >= first) & (line.number <= last))
    part = slice(inside[0], inside[-1] + 1)
    cells = slice(first, last + 1)
    number = line.number[part] - first
    short = Line(line.x[part], line.y[part], line.cells[cells], line.labels[cells], number)
    return replace(domain, line=short)


def uniform(domain: Domain, cover: int = 3, leaves: int = 3, soil: int = 5) -> Domain:
    """Return the domain with one soil, one cover and one weather."""
    inside = domain.mask
    of = lambda x, value: np.where(inside, value, x)  # noqa: E731
    fields = {
        name: np.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape)
        for name, x in domain.weather.fields.items()
    }
    return replace(
        domain,
        soil=of(domain.soil[0], soil)[None],
        land_cover=of(domain.land_cover[0], cover)[None],
        lai_class=of(domain.lai_class, leaves),
        weather=replace(domain.weather, fields=fields),
    )


@pytest.fixture(scope="module")
def valley():
    """Return a yard and a meadow of the rail valley in spring and summer."""
    start = FIRST - np.timedelta64(2 * WARM, "D")
    return stretch_of(rail_valley(1, start=str(start), days=2 * WARM + DAYS), 2, 3)


@pytest.fixture(scope="module")
def setup():
    """Return a set-up of these months."""
    return Setup(Cases(), FIRST, FIRST + np.timedelta64(DAYS - 1, "D"), WARM)


@pytest.fixture(scope="module")
def truth(valley, setup):
    """Return the truth of the valley."""
    return richards_truth(valley, setup, 7, N0=N0)


@pytest.fixture(scope="module")
def even(valley, setup):
    """Return a uniform valley, its landscape without near field, and its truth."""
    domain, near = uniform(valley), NearField(effect=0.0)
    found = richards_truth(domain, setup, 7, N0=N0, near=near, scatter=SAME)
    segments = segments_of(domain, line_of(domain))
    return domain, landscape_of(domain, setup, line_of(domain), segments, near, 7), found


@pytest.fixture(scope="module")
def own(valley, setup):
    """Return some columns of the valley, of the strip and of the bed, run by themselves."""
    segments = segments_of(valley, line_of(valley))
    land = landscape_of(valley, setup, line_of(valley), segments, NearField(), 7)
    layers = tuple(np.unique([0.0, 5.0, 25.0, 60.0, *land.ground.end]).tolist())
    return layers, *own_run(valley, setup, land, np.r_[:4, land.strip[:6], land.bed[:3]], layers)


def own_run(domain, setup, land, places, layers):
    """Return columns of a landscape, run by themselves without scatter."""
    weather = weather_of(domain, setup)
    days = setup.start_day + np.arange(setup.days)
    with jax.enable_x64(False):
        columns = columns_of(
            land.ground.of(np.resize(places, 64)),  # as wide as the truth computes them
            (days - days.astype("datetime64[Y]")).astype(int) + 1,
            np.asarray(weather.precipitation),
            np.asarray(weather.pet),
            np.asarray(weather.temperature),
            seed=7,
            scatter=SAME,
        )
        return columns, run_columns(columns, layers)


def means(ends):
    """Return means of the evaluated days from values at the ends of days."""
    ends = np.asarray(ends, float)
    return 0.5 * (ends[WARM:] + ends[WARM - 1 : -1])


# --- the truth ----------------------------------------------------------------------------


def test_the_truth_has_the_shapes_of_the_model(truth, setup, valley):
    segments = truth.segments.x.size
    assert truth.counts.shape == (DAYS, 2)
    assert truth.counts_segment.shape == (DAYS, segments)
    assert truth.theta.shape == (DAYS, setup.horizons, 2)
    assert truth.bulk_density.shape == (setup.horizons, 2)
    assert truth.theta_near.shape == (DAYS, setup.horizons, segments)
    assert truth.days[0] == setup.first_day
    assert truth.days[-1] == setup.last_day
    spacing = np.diff(truth.segments.chainage)
    np.testing.assert_allclose(spacing, line_of(valley).length / segments)
    assert np.all(np.abs(spacing - 30.0) < 3.0)
    for values in (*truth[1:3], *truth[4:8]):
        assert np.all(np.isfinite(values))


def test_a_seed_is_a_truth(truth, valley, setup):
    again = richards_truth(valley, setup, 7, N0=N0)
    other = richards_truth(valley, setup, 8, N0=N0)
    for name in ("counts", "counts_segment", "theta", "bulk_density", "theta_near"):
        assert np.array_equal(getattr(truth, name), getattr(again, name))
        assert not np.allclose(getattr(truth, name), getattr(other, name), rtol=1e-3)


def test_counts_of_a_cell_are_the_mean_of_its_segments(truth):
    for cell in range(2):
        inside = truth.segments.cell == cell
        assert inside.sum() > 3
        np.testing.assert_allclose(
            truth.counts[:, cell], truth.counts_segment[:, inside].mean(axis=1), rtol=1e-9
        )


def test_rain_lowers_the_counts_everywhere(truth, valley, setup):
    rain = np.asarray(weather_of(valley, setup).precipitation)[WARM:]
    rain = rain[:, line_of(valley).positions(valley.mask1)]
    lowest, highest = rain.min(axis=1), rain.max(axis=1)
    wet = [d for d in range(1, DAYS - 1) if lowest[d] > 8.0 and highest[d - 1] < 1.0]
    assert wet
    for day in wet:
        assert np.all(truth.counts_segment[day + 1] < truth.counts_segment[day - 1])


def test_counts_lie_between_those_of_water_and_of_dry_rock(truth):
    rock_and_sea = NeutronSoil(np.array([2.1, 0.4]), biomass_water=np.array([0.0, 30.0]))
    water = np.array([0.0, 1.0])
    edges = np.array([0.0, 1.0, 300.0])
    most, least = homogeneous_rates(Cosmic(truth.N), water, edges, rock_and_sea)
    assert np.all(truth.counts_segment < float(most))
    assert np.all(truth.counts_segment > float(least))


def test_the_yard_counts_more_than_the_meadow(truth):
    assert np.all(truth.counts[:, 0] > 1.1 * truth.counts[:, 1])


def test_progress_is_told_and_precision_makes_no_difference(truth, valley, setup):
    told = []
    with jax.enable_x64(False):
        again = richards_truth(valley, setup, 7, N0=N0, progress=lambda *x: told.append(x))
    np.testing.assert_array_equal(again.counts, truth.counts)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(shares) > 3


def test_days_can_be_chosen(truth, valley, setup, monkeypatch):
    later = richards_truth(valley, setup, 7, N0=N0, days_out=slice(WARM + 10, WARM + 40))
    assert np.array_equal(later.days, truth.days[10:40])
    for name in ("counts", "counts_segment", "theta", "theta_near", "snow"):
        np.testing.assert_array_equal(getattr(later, name), getattr(truth, name)[10:40])
    # A longer warm-up is cut to its last days.
    monkeypatch.setattr(transect_richards, "WARM_UP", WARM)
    cut = richards_truth(valley, replace(setup, warming_days=2 * WARM), 7, N0=N0)
    assert np.array_equal(cut.days, truth.days)
    np.testing.assert_array_equal(cut.counts, truth.counts)


# --- the columns --------------------------------------------------------------------------


def assert_all_rain_arrives(columns, run):
    """Check that what falls is stored above the soil, evaporates there, or reaches it."""
    fell = run.precipitation.sum(axis=0)
    kept = run.interception.sum(axis=0) + run.snow[-1] + run.canopy[-1]
    arrived = run.rain_on_soil.sum(axis=0) / columns.run_on
    np.testing.assert_allclose(fell - kept, arrived, rtol=1e-4)


def test_water_is_neither_lost_nor_made(own):
    _, columns, run = own
    assert np.all(run.status == Status.DONE)
    assert np.max(np.abs(run.balance_error)) < 2e-3  # mm, rounding of float32
    assert_all_rain_arrives(columns, run)
    left = run.runoff + run.evaporation + run.transpiration + run.drainage
    gained = run.storage[-1] - run.storage[0] + run.pond[-1] - run.pond[0]
    net = (run.rain_on_soil - left)[1:].sum(axis=0)
    np.testing.assert_allclose(gained, net, atol=0.01)
    assert np.all(run.evaporation.sum(axis=0) > 1.0)
    grass = columns.leaves.max(axis=0) > 0
    assert np.all(run.transpiration.sum(axis=0)[grass] > 1.0)


def test_water_stays_within_the_pores(truth, own, valley, setup):
    segments = segments_of(valley, line_of(valley))
    land = landscape_of(valley, setup, line_of(valley), segments, NearField(), 7)
    soils = soils_of(land.ground, 7)
    assert np.all(soils.theta_s <= 0.97 * soils.porosity + 1e-9)
    assert np.all(soils.theta_r < soils.theta_s)
    layers, columns, run = own
    pores = layer_means(columns.bottom, columns.porosity, np.array(layers))
    assert np.all(run.theta > 0.01)
    assert np.all(run.theta < pores)
    assert np.all((truth.theta > 0.02) & (truth.theta < 0.6))
    assert np.all((truth.bulk_density > 0.8) & (truth.bulk_density < 1.9))


def test_forests_have_litter_that_gets_wet_and_dries(valley, setup):
    domain = uniform(valley, cover=1, leaves=1)
    segments = segments_of(domain, line_of(domain))
    land = landscape_of(domain, setup, line_of(domain), segments, NearField(effect=0.0), 7)
    columns, run = own_run(domain, setup, land, np.arange(2), (0.0, 5.0, 25.0, 60.0, 100.0))
    assert_all_rain_arrives(columns, run)
    capacity = columns.litter + columns.leaves.max() * 0.2
    assert np.all(columns.litter > 3.0)
    assert np.all(run.canopy <= capacity + 1e-5)
    assert np.all(run.canopy.max(axis=0) > columns.leaves.max() * 0.2)  # more than leaves hold
    assert np.all(run.canopy.min(axis=0) < 0.5 * columns.litter)


# --- near field and cells -----------------------------------------------------------------


def test_a_near_field_of_the_same_soil_changes_nothing(even, setup):
    domain, land, truth = even
    _, run = own_run(domain, setup, land, np.arange(2), (0.0, 5.0, 25.0, 60.0, 100.0))
    rate = truth.N * means(run.rate[:, 0, 0])[:, None]
    expected = np.broadcast_to(rate, truth.counts_segment.shape)
    np.testing.assert_allclose(truth.counts_segment, expected, rtol=1e-6)
    np.testing.assert_allclose(truth.counts, expected[:, :2], rtol=1e-6)
    near = richards_truth(domain, setup, 7, N0=N0, scatter=SAME)
    ratio = near.counts_segment / near.N / expected * truth.N
    assert np.all(ratio.mean(axis=0) > 1.03)  # ballast is dry
    assert np.ptp(ratio.mean(axis=0)) > 0.01  # and strips differ


def test_the_mean_of_a_cell_of_one_material_is_its_column(even, setup):
    domain, land, truth = even
    layers = (0.0, 5.0, 25.0, 60.0, 100.0)
    columns, run = own_run(domain, setup, land, np.arange(2), layers)
    theta = means(run.theta[:, :, 0])
    np.testing.assert_allclose(truth.theta_near[..., 0], theta, rtol=1e-6)
    density = np.asarray(columns.neutrons.bulk_density)
    density = layer_means(columns.bottom, density, np.array(layers))[:, :1]
    for cell in range(2):
        np.testing.assert_allclose(truth.theta[:, :, cell], theta, rtol=1e-6)
        np.testing.assert_allclose(truth.bulk_density[:, [cell]], density, rtol=1e-6)


def test_N0_is_what_samples_in_open_ground_find(even):
    _, _, truth = even
    water = truth.theta[:, :2].mean(axis=(1, 2)) / truth.bulk_density[:2].mean()
    read = np.asarray(Desilets2010().water(truth.counts.mean(axis=1) / N0))
    assert abs(np.mean(read - water)) < 0.08  # bound water, and the weights of the depths
    assert np.mean(read - water) > 0.0


def test_shares_sum_to_one_and_the_track_is_seen_more_than_its_area(valley, setup):
    segments = segments_of(valley, line_of(valley))
    near = NearField()
    land = landscape_of(valley, setup, line_of(valley), segments, near, 7)
    seen = footprint_weights(valley, land, segments, near)
    areas = cell_shares(valley, land, line_of(valley))
    np.testing.assert_allclose(seen.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(areas.sum(axis=1), 1.0, rtol=1e-12)
    track = np.r_[land.strip, land.bed]
    meadow = segments.cell == 1
    assert seen[meadow][:, track].sum(axis=1).mean() > 1.5 * areas[1, track].sum()
    assert np.all(seen[meadow][:, land.bed].sum(axis=1) > 0.2)
    assert np.all(land.width[0] < land.width[1])


@settings(deadline=None, max_examples=50)
@given(
    depths=st.lists(st.integers(2, 80), min_size=1, max_size=4, unique=True),
    end=st.lists(st.integers(81, 200), min_size=1, max_size=3),
)
def test_horizons_are_made_of_whole_layers(depths, end):
    depths, end = np.sort(np.array(depths, float)), np.array(end, float)
    edges = np.unique(np.concatenate([[0.0], depths, end]))
    shares = horizon_shares(edges, depths, end)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    thickness = np.diff(np.concatenate([[0.0], depths]))
    total = np.einsum("hlc,h->lc", shares[:-1], thickness) + shares[-1] * (end - depths[-1])
    inside = (edges[1:, None] <= end).astype(float) * np.diff(edges)[:, None]
    np.testing.assert_allclose(total, inside)


# --- bad input ----------------------------------------------------------------------------


def test_bad_input_is_one_sentence(valley, setup):
    with pytest.raises(StudyError, match="has no line to count along"):
        richards_truth(replace(valley, line=None), setup, 1, N0=N0)
    with pytest.raises(StudyError, match="classes of leaf area"):
        richards_truth(replace(valley, lai_class=None), setup, 1, N0=N0)
    deep = replace(setup, horizon_depths=(50.0, 250.0, 1900.0))
    with pytest.raises(StudyError, match="reach to 1900 mm, the shallowest soil"):
        richards_truth(valley, deep, 1, N0=N0)
    with pytest.raises(StudyError, match="no days of this truth"):
        richards_truth(valley, setup, 1, N0=N0, days_out=setup.days)
    fields = {k: v for k, v in valley.weather.fields.items() if k != "pet"}
    without = replace(valley, weather=replace(valley.weather, fields=fields))
    with pytest.raises(StudyError, match="no 'pet'"):
        richards_truth(without, setup, 1, N0=N0)
    old = replace(valley, scenes=(valley.scenes[0]._replace(last_year=2020),))
    with pytest.raises(DataError, match="no land-cover scene stands for 2021"):
        richards_truth(old, setup, 1, N0=N0)
    with pytest.raises(DataError, match="soil type 99"):
        richards_truth(uniform(valley, soil=99), setup, 1, N0=N0)
    with pytest.raises(StudyError, match="take shorter segments"):
        segments_of(valley, line_of(valley), spacing=2000.0)
