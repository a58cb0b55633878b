"""Windows and scaling: every target once, no block crossed, gaps and bounds told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootzone.core.errors import DataError
from rootzone.learn import Scaling, Sequences, Standard, WindowRule, cut, n_targets
from rootzone.learn.windows import epoch_order


def _blocks(series, time, seed, longest):
    rng = np.random.default_rng(seed)
    block = np.zeros((series, time), int)
    for row in block:
        at = 0
        for number in range(time):
            n = int(rng.integers(1, longest + 1))
            row[at : at + n] = number if rng.random() < 0.7 else -1
            at += n
            if at >= time:
                break
    return block


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    length=st.integers(1, 20),
    warm_up=st.integers(0, 19),
    time=st.integers(1, 60),
    longest=st.integers(1, 70),
)
def test_every_target_after_its_warm_up_is_read_once(seed, length, warm_up, time, longest):
    warm_up = min(warm_up, length - 1)
    block = _blocks(2, time, seed, longest)
    rng = np.random.default_rng(seed)
    target = np.where(rng.random((2, time, 2)) < 0.7, 0.3, np.nan)
    data = Sequences(np.zeros((2, time, 1)), target, block=block)
    wanted = np.zeros((2, time), int)
    for s in range(2):
        for t in range(time):
            before = block[s, max(0, t - warm_up) : t + 1]
            full = t >= warm_up and np.all(before == block[s, t]) and block[s, t] >= 0
            wanted[s, t] = full and np.isfinite(target[s, t]).any()
    if not wanted.any():
        with pytest.raises(DataError, match="no window"):
            cut(data, WindowRule(length, warm_up))
        return
    windows = cut(data, WindowRule(length, warm_up))
    read = np.zeros((2, time), int)
    for s, start, first, last in zip(*windows, strict=True):
        assert start >= 0
        assert warm_up <= first < last <= length
        assert start + last <= time
        assert np.unique(block[s, start : start + last]).size == 1
        read[s, start + first : start + last] += 1
    present = np.isfinite(target).any(axis=2)
    np.testing.assert_array_equal(np.where(present, read, 0), wanted)
    assert n_targets(data, windows) == np.isfinite(target)[wanted.astype(bool)].sum()


def test_classic_mode_has_one_target_a_window():
    data = Sequences(np.zeros((1, 10, 1)), np.zeros((1, 10, 1)))
    windows = cut(data, WindowRule.one_target(4))
    np.testing.assert_array_equal(windows.start, np.arange(7))
    assert np.all(windows.first == 3)
    assert np.all(windows.last == 4)


def test_windows_that_miss_an_input_can_be_left_out():
    inputs = np.zeros((1, 10, 1))
    inputs[0, 5] = np.nan
    data = Sequences(inputs, np.zeros((1, 10, 1)))
    windows = cut(data, WindowRule.one_target(4), complete_inputs=True)
    np.testing.assert_array_equal(windows.start, [0, 1, 6])


def test_an_order_is_that_of_its_member_and_epoch():
    first = epoch_order(10, 4, seed=1, member=2, epoch=3)
    assert first.shape == (3, 4)
    assert sorted(first.ravel()) == [-1, -1, *range(10)]
    np.testing.assert_array_equal(first, epoch_order(10, 4, seed=1, member=2, epoch=3))
    for other in ({"member": 1, "epoch": 3}, {"member": 2, "epoch": 4}):
        assert np.any(first != epoch_order(10, 4, seed=1, **other))


def test_shapes_that_do_not_fit_are_told():
    inputs, target = np.zeros((2, 5, 1)), np.zeros((2, 5, 3))
    cases = {
        "wanted .series, time, input": Sequences(inputs, target[:, :4]),
        "'static' has shape": Sequences(inputs, target, static=np.zeros((3, 1))),
        "'upper' has shape .* 3 columns": Sequences(inputs, target, upper=np.zeros((2, 2))),
        "'block' has shape": Sequences(inputs, target, block=np.zeros((2, 4))),
        "infinite": Sequences(inputs + np.inf, target),
    }
    for message, data in cases.items():
        with pytest.raises(DataError, match=message):
            data.checked()
    with pytest.raises(DataError, match="warm up for 5"):
        cut(Sequences(inputs, target), WindowRule(5, 5))


def test_scaling_knows_the_training_part_alone():
    rng = np.random.default_rng(0)
    inputs = rng.normal(3.0, 2.0, (2, 50, 2))
    inputs[:, :, 1] = 7.0  # constant
    inputs[0, 3, 0] = np.nan
    block = np.zeros((2, 50), int)
    block[1] = -1
    data = Sequences(inputs, 0.1 + 0.2 * rng.random((2, 50, 1)), block=block)
    found = Scaling.fit(data)
    np.testing.assert_allclose(found.inputs.center, [np.nanmean(inputs[0, :, 0]), 7.0], rtol=1e-6)
    assert found.inputs.spread[1] == 1.0
    z = (data.target[0, :, 0] - found.center) / found.spread
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-5)
    with pytest.raises(DataError, match=r"targets \[0\]"):
        Scaling.fit(data._replace(target=np.full((2, 50, 1), np.nan)))


def test_impossible_water_is_told():
    target = np.full((3, 4, 1), 0.3)
    target[:, 0] = 0.2
    upper = np.full((3, 1), 0.45)
    data = Sequences(np.zeros((3, 4, 1)), target, upper=upper)
    found = Scaling.fit(data, bounded=True)
    logit = np.log(target / (0.45 - target))
    np.testing.assert_allclose(found.center, logit.mean(), rtol=1e-6)
    for impossible in (0.45, 0.0, 0.5, -0.1):
        wrong = target.copy()
        wrong[1, 2] = impossible
        with pytest.raises(DataError, match=r"1 target values of 1 series .first: series 1"):
            Scaling.fit(data._replace(target=wrong), bounded=True)
    with pytest.raises(DataError, match="porosity"):
        Scaling.fit(data._replace(upper=None), bounded=True)


def test_what_lies_out_of_range_is_counted():
    rows = np.asarray([[0.0, 5.0], [10.0, np.nan]])
    found = Standard.fit(rows)
    ask = np.asarray([[[-1.0, 5.0], [10.4, np.nan], [3.0, 6.0], [np.nan, 5.0]]])
    np.testing.assert_allclose(found.share_outside(ask), [2 / 3, 1 / 3])
    np.testing.assert_allclose(found.share_outside(ask, margin=0.05), [1 / 3, 1 / 3])
