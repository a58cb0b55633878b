"""Laws of series on an axis, of distances and of quality rules of replicate sensors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.data import Series
from rootzone.data.replicates import Rules, great_circle
from rootzone.data.replicates.axis import to_axis
from rootzone.data.replicates.quality import clean, constant_runs, copied_years, spikes


@settings(max_examples=60, deadline=None)
@given(
    hours=st.sampled_from([0.25, 0.5, 1.0, 3.0, 24.0]),
    step=st.sampled_from(["1h", "1D"]),
    shift=st.integers(-29, 30),
    seed=st.integers(0, 2**16),
)
def test_amounts_are_kept_and_states_stay_between_their_extremes(hours, step, shift, seed):
    values = np.random.default_rng(seed).uniform(0.0, 5.0, round(96 / hours))
    times = pd.date_range("2021-05-02", periods=len(values), freq=pd.Timedelta(hours=hours))
    times = times + pd.Timedelta(minutes=0.016 * shift * 60.0 * hours)
    axis = pd.date_range("2021-05-01", periods=144 if step == "1h" else 6, freq=step)
    series = Series("precipitation", times, values, hours, "a table")
    amount, moved = to_axis(series, axis, amount=True, complete=1e-9)
    state, _ = to_axis(series, axis, amount=False, complete=1e-9)
    assert np.nansum(amount) == pytest.approx(values.sum(), rel=1e-12)
    assert values.min() - 1e-12 <= np.nanmin(state)
    assert np.nanmax(state) <= values.max() + 1e-12
    assert moved <= 0.5 * min(hours, 1.0 if step == "1h" else 24.0) + 1e-6


def test_a_step_wants_enough_of_its_data():
    times = pd.date_range("2021-05-01", periods=48, freq="1h")
    values = np.ones(48)
    values[30:] = np.nan
    axis = pd.date_range("2021-05-01", periods=2, freq="1D")
    series = Series("precipitation", times, values, 1.0, "a table")
    half = to_axis(series, axis, amount=False, complete=0.5)[0]
    quarter = to_axis(series, axis, amount=False, complete=0.25)[0]
    np.testing.assert_array_equal(half, [1.0, np.nan])
    np.testing.assert_array_equal(quarter, [1.0, 1.0])


def test_dead_sensors_spikes_and_copied_years():
    t = np.arange(24 * 60)
    theta = 0.2 + 0.05 * np.sin(t / 30.0)
    theta[100:200] = 0.21
    theta[300] = np.nan
    theta[700] = 0.5
    assert np.flatnonzero(constant_runs(theta, 100)).tolist() == list(range(100, 200))
    assert not constant_runs(theta, 101).any()
    assert np.flatnonzero(spikes(theta, 0.1)).tolist() == [700]
    front = np.where(t < 500, 0.15, 0.4)
    assert not spikes(front, 0.1).any()
    axis = pd.date_range("2019-01-01", "2021-12-31 23:00", freq="6h")
    rows = 0.3 + 0.1 * np.random.default_rng(1).random((2, len(axis)))
    assert copied_years(rows, axis) == []
    year = np.asarray(axis.year == 2021)
    leap = np.asarray((axis.year == 2020) & ~((axis.month == 2) & (axis.day == 29)))
    rows[:, leap] = rows[:, year]
    assert copied_years(rows, axis) == [(2020, 2021)]


def test_only_steps_of_all_replicates():
    values = np.full((2, 3, 4), 0.3)
    values[0, 1, 2] = np.nan
    values[1, 2] = np.nan  # a sensor that does not exist
    out, told = clean(values, Rules(all_replicates=True), 1.0)
    assert np.isnan(out[0, :, 2]).all()
    assert np.isfinite(out[0, :, [0, 1, 3]]).all()
    assert np.isfinite(out[1, :2]).all()
    assert told == {"without all replicates": 2}


def test_great_circle_is_symmetric_and_knows_the_date_line():
    assert great_circle(10.0, 179.9, 10.0, -179.9) == pytest.approx(
        great_circle(10.0, 0.0, 10.0, 0.2)
    )
    assert great_circle(50.0, 8.0, 51.0, 9.0) == pytest.approx(great_circle(51.0, 9.0, 50.0, 368.0))
