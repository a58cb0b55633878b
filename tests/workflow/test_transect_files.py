"""The small tables of a transect study: parameter sets, observed water, and what is wrong there."""

import numpy as np
import pandas as pd
import pytest

from rootzone.calibrate import Space
from rootzone.core import DataError
from rootzone.data import Log
from rootzone.studies.context import Context
from rootzone.studies.transect_ensemble import _read_sets
from rootzone.studies.transect_transfer_sites import _read_water

SPACE = Space(("a", "b"), np.zeros(2), np.ones(2), np.zeros(2))
DAYS = pd.date_range("2021-05-01", periods=4, freq="D")


def sets_of(tmp_path, text: str, space: Space = SPACE) -> np.ndarray:
    (tmp_path / "sets.csv").write_text(text, encoding="utf-8")
    return _read_sets(tmp_path / "sets.csv", space, Context())


def water_of(tmp_path, text: str):
    (tmp_path / "water.csv").write_text(text, encoding="utf-8")
    return _read_water(tmp_path / "water.csv", DAYS, Context())


def test_sets_keep_all_bits_and_are_found_by_name(tmp_path):
    values = np.random.default_rng(0).random((50, 2))
    rows = "".join(f"{b!r},x,{a!r}\n" for a, b in values.tolist())
    np.testing.assert_array_equal(sets_of(tmp_path, "b,note,a\n" + rows), values)
    assert sets_of(tmp_path, "# made by hand\nb;a\n0.25;1\n").tolist() == [[1.0, 0.25]]
    one = Space(("a",), np.zeros(1), np.ones(1), np.zeros(1))
    assert sets_of(tmp_path, "a\n0.5\n0.25\n", one).tolist() == [[0.5], [0.25]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,c\n0.1,0.2\n", "line 1: no column b; every searched parameter wants one"),
        ("a,b\n0.1,0.2\n0.3,x\n", "line 3: b is 'x', a number is wanted"),
        ("a,b\n0.1,0.2\n0.3\n", "line 3: b is '', a number is wanted"),
        ("a,b\n0.1,1.5\n", "line 2: b is 1.5, outside its bounds 0 to 1"),
        ("a,b,a\n0.1,0.5,0.2\n", "'a' stands twice"),
        ("a,b\n" + 20 * "0.1,0.2\n" + "0.1,0.2,0.3\n", "the first is line 22"),
        ("a,b\n", "a header but no rows"),
        ("0.1,0.2\n", "a line with the names of the columns is wanted"),
    ],
)
def test_sets_that_are_refused(tmp_path, text, words):
    with pytest.raises(DataError) as error:
        sets_of(tmp_path, text)
    assert words in str(error.value)
    assert "sets.csv" in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        _read_sets(tmp_path / "none.csv", SPACE, Context())


def test_short_rows_are_told(tmp_path):
    told = []
    (tmp_path / "w.csv").write_text("date,theta,note\n2021-05-01,0.2\n2021-05-02,0.3,x\n")
    context = Context(log=Log(show=lambda prefix, text: told.append(text)))
    assert _read_water(tmp_path / "w.csv", DAYS, context)[0][:2].tolist() == [0.2, 0.3]
    assert any("fewer entries" in line for line in told)


def test_water_of_the_days(tmp_path):
    text = "date,theta,top,bottom\n2021-05-02,0.25,5,30\n2021-05-03,,5,30\n2020-01-01,0.4,5,30\n"
    water, top, bottom = water_of(tmp_path, text)
    np.testing.assert_array_equal(water, [np.nan, 0.25, np.nan, np.nan])
    assert (top, bottom) == (5.0, 30.0)
    assert water_of(tmp_path, "date,theta\n2021-05-02,0.25\n")[1:] == (0.0, 60.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("day,theta\n2021-05-01,0.2\n", "line 1: the columns date and theta are wanted"),
        ("date,theta\n2021-05-01,wet\n", "line 2: theta is 'wet', a number is wanted"),
        ("date,theta\n2021-05-01,21.5\n", "line 2: theta is 21.5, m3 m-3 are wanted"),
        ("date,theta\nMay the first,0.2\n", "is wanted"),
        ("date,theta\n2021-05-01 12:00,0.2\n", "'2021-05-01 12:00', a date is wanted"),
        ("date,theta\n2021-05-01,0.2\n2021-05-01,0.3\n", "line 3: 2021-05-01 stands twice"),
        ("date,theta\n2011-05-01,0.2\n", "holds no value within 2021-05-01 to 2021-05-04"),
        (
            "date,theta,top,bottom\n2021-05-01,0.2,30,10\n",
            "bottom is 10 cm, not below top of 30 cm",
        ),
        (
            "date,theta,top\n2021-05-01,0.2,5\n2021-05-02,0.2,10\n",
            "top is 5 and 10 cm, one interval is wanted",
        ),
    ],
)
def test_water_that_is_refused(tmp_path, text, words):
    with pytest.raises(DataError) as error:
        water_of(tmp_path, text)
    assert words in str(error.value)
