"""Synthetic catchments: the same for the same seed, whole, and with what they promise."""

from collections import Counter
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise

import numpy as np
import pytest

from rootzone.core import DataError
from rootzone.data.domain import MISSING_CLASS
from rootzone.data.rasters import Grid, blocks, coarse_mask, slope_and_aspect
from rootzone.data.synthetic_domain import PRESETS, hills, rail_valley


def leaves(thing):
    """Return all arrays of a domain by name."""
    for f in fields(thing):
        value = getattr(thing, f.name)
        if isinstance(value, np.ndarray):
            yield f.name, value
        elif isinstance(value, dict):
            yield from ((f"{f.name}.{k}", v) for k, v in value.items())
        elif is_dataclass(value):
            yield from ((f"{f.name}.{n}", v) for n, v in leaves(value))


@pytest.mark.parametrize("preset", PRESETS.values())
def test_a_seed_is_a_domain(preset):
    one, again, other = (dict(leaves(preset(seed=s, days=20))) for s in (5, 5, 6))
    for name, values in one.items():
        np.testing.assert_array_equal(values, again[name], err_msg=name)
    assert not np.array_equal(one["weather.fields.pre"], other["weather.fields.pre"])
    assert not np.array_equal(one["soil"], other["soil"])


@pytest.mark.parametrize("preset", PRESETS.values())
@pytest.mark.parametrize("seed", range(3))
def test_maps_are_whole_inside_the_mask_and_empty_outside(preset, seed):
    domain = preset(seed=seed, days=5)
    mask = domain.mask
    for values in (domain.slope, domain.aspect):
        np.testing.assert_array_equal(np.isnan(values), ~mask)
    for values in (*domain.soil, domain.geology, *domain.land_cover, domain.lai_class):
        np.testing.assert_array_equal(values == MISSING_CLASS, ~mask)
    assert set(np.unique(domain.soil[:, mask])) <= set(domain.soils.soil)
    assert set(np.unique(domain.geology[mask])) == set(domain.geology_table.unit)
    assert set(np.unique(domain.land_cover[:, mask])) == {1, 2, 3}
    assert set(np.unique(domain.lai_class[mask])) == set(domain.lai_table.unit)
    assert domain.slope[mask].min() >= 0.01
    assert domain.aspect[mask].min() >= 1.0
    assert domain.aspect[mask].max() <= 360.0
    assert np.all(domain.soils.clay + domain.soils.sand <= 100.0)


def test_the_hills_hold_what_tests_want():
    """Sands on both sides of 66.5 %, karst, towns that grow, winters with snow and without."""
    domain = hills(seed=1, days=400)
    soils, mask = domain.soils, domain.mask
    used = np.isin(soils.soil, domain.soil[0][mask])
    assert (soils.sand[used] > 66.5).any()
    assert (soils.sand[used] < 66.5).any()
    karst = domain.geology_table.unit[domain.geology_table.karstic]
    assert 0.0 < np.isin(domain.geology[mask], karst).mean() < 1.0
    first, later = domain.land_cover[:, mask]
    assert (later == 2).sum() > (first == 2).sum() > 0
    frost = domain.weather.fields["tavg"].mean(axis=(1, 2)) < 0.0
    assert 0.05 < frost.mean() < 0.5
    assert (~mask).any()


def test_weather_is_plausible():
    weather = rail_valley(seed=4, days=1461).weather
    f = weather.fields
    assert np.all(f["tmin"] <= f["tavg"])
    assert np.all(f["tavg"] <= f["tmax"])
    assert all(np.isfinite(v).all() for v in f.values())
    years = 4.0
    assert 600.0 < f["pre"].mean(axis=(1, 2)).sum() / years < 900.0
    assert 450.0 < f["pet"].mean(axis=(1, 2)).sum() / years < 900.0
    assert 0.3 < (f["pre"].mean(axis=(1, 2)) > 0).mean() < 0.6
    assert f["pet"].min() >= 0.0
    july = weather.times.astype("datetime64[M]").astype(int) % 12 == 6
    assert f["tavg"][july].mean() > 14.0


# --- the railway --------------------------------------------------------------------------


def cells_touched(line, grid):
    """Return the cells of all points of a line, in order, by cutting it into centimeters."""
    xy = np.stack([line.x, line.y], axis=1)
    cells = []
    for a, b in pairwise(xy):
        count = max(2, int(np.hypot(*(b - a)) / (0.0005 * grid.cellsize)))
        points = a + np.linspace(0.0, 1.0, count)[:, None] * (b - a)
        rows = np.floor((grid.north - points[:, 1]) / grid.cellsize).astype(int)
        columns = np.floor((points[:, 0] - grid.xll) / grid.cellsize).astype(int)
        cells += list(zip(rows.tolist(), columns.tolist(), strict=True))
    return [cell for i, cell in enumerate(cells) if i == 0 or cell != cells[i - 1]]


@pytest.mark.parametrize("seed", [1, 2, 17])
@pytest.mark.parametrize("cellsize1", [200.0, 500.0])
def test_the_railway_touches_29_cells_one_after_the_other(seed, cellsize1):
    domain = rail_valley(
        seed, cellsize1=cellsize1, cellsize0=cellsize1 / 4, cellsize2=4 * cellsize1, days=1
    )
    line, grid = domain.line, domain.level1
    touched = cells_touched(line, grid)
    assert touched == [tuple(cell) for cell in line.cells.tolist()]
    assert len(set(touched)) == 29
    assert abs(line.length / cellsize1 - 45.0) < 0.001
    assert Counter(line.labels) == {
        "shunting area": 3,
        "dense forest": 8,
        "open forest": 11,
        "meadow": 7,
    }


def test_the_line_is_9_km_by_default_and_knows_its_cells():
    domain = rail_valley(days=1)
    line, grid = domain.line, domain.level1
    assert (grid.cellsize, domain.level0.cellsize) == (200.0, 50.0)
    assert abs(line.length - 9000.0) < 0.1
    rows, columns = line.cells[line.number].T
    assert np.all(np.abs(line.x - grid.x[columns]) <= 100.0)
    assert np.all(np.abs(line.y - grid.y[rows]) <= 100.0)
    positions = line.positions(domain.mask1)
    assert len(set(positions.tolist())) == 29
    np.testing.assert_array_equal(np.argwhere(domain.mask1)[positions], line.cells)


@pytest.mark.parametrize("seed", range(1, 6))
def test_no_bend_is_tighter_than_it_is_said_to_be(seed):
    line = rail_valley(seed, days=1).line
    steps = np.diff(np.stack([line.x, line.y]), axis=1)
    length = np.hypot(*steps)
    turn = np.abs(np.diff(np.unwrap(np.arctan2(steps[1], steps[0]))))
    radius = 0.5 * (length[1:] + length[:-1]) / np.maximum(turn, 1e-9)
    assert radius.min() > 15.0
    assert np.quantile(radius, 0.1) > 35.0


def test_land_cover_along_the_line_is_what_its_label_says():
    domain = rail_valley(seed=9, days=1)
    cell = blocks(domain.level0, domain.level1)
    forest = {"shunting area": 0.0, "dense forest": 1.0, "open forest": 10 / 16, "meadow": 0.0}
    town = {"shunting area": 11 / 16}
    for (row, column), label in zip(domain.line.cells, domain.line.labels, strict=True):
        cover = domain.land_cover[0][cell == row * domain.level1.ncols + column]
        assert np.mean(cover == 1) == forest[label]
        assert np.mean(cover == 2) == town.get(label, 0.0)


# --- grids --------------------------------------------------------------------------------


def test_slope_and_aspect_of_a_plane():
    """A plane that falls 3 in 100 to the south-east has 135 degrees."""
    grid = Grid(6, 5, 0.0, 0.0, 10.0)
    x, y = np.meshgrid(grid.x, grid.y)
    slope, aspect = slope_and_aspect(100.0 - 0.03 * (x - y) / np.sqrt(2.0), grid)
    np.testing.assert_allclose(slope, 3.0)
    np.testing.assert_allclose(aspect, 135.0)
    assert np.all(slope_and_aspect(np.zeros((3, 3)), grid)[1] >= 1.0)


def test_blocks_start_in_the_north_west():
    fine = Grid(5, 3, 0.0, 0.0, 1.0)
    coarse = fine.coarsened(2.0)
    assert (coarse.shape, coarse.xll, coarse.yll, coarse.north) == ((2, 3), 0.0, -1.0, 3.0)
    np.testing.assert_array_equal(blocks(fine, coarse)[0], [0, 0, 1, 1, 2])
    np.testing.assert_array_equal(blocks(fine, coarse)[:, 0], [0, 0, 3])
    mask = np.zeros(fine.shape, dtype=bool)
    mask[2, 4] = True
    np.testing.assert_array_equal(np.argwhere(coarse_mask(mask, fine, coarse)), [[1, 2]])


@pytest.mark.parametrize("size", [150.0, 50.0, 0.0, -100.0])
def test_sizes_that_do_not_nest_are_refused(size):
    with pytest.raises(DataError, match="do not nest"):
        Grid(4, 4, 0.0, 0.0, 100.0).coarsened(size)
    with pytest.raises(DataError, match="do not nest"):
        rail_valley(cellsize1=200.0, cellsize0=130.0, days=1)


def test_overhangs_are_exchanged_as_mhm_prints_them():
    fine = Grid(44, 37, 1000.0, 2000.0, 100.0)
    printed = fine.coarsened(800.0).as_mhm_prints(fine)
    assert (printed.xll, printed.yll) == (1000.0 - 300.0, 2000.0 - 400.0)
    whole = replace(fine, ncols=40, nrows=32)
    assert whole.coarsened(800.0).as_mhm_prints(whole) == whole.coarsened(800.0)
