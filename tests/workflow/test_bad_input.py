"""Data files as stations have them: one sentence for each fault, nothing changed silently."""

import gzip
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import rootzone
from rootzone import cli
from rootzone.core import DataError, UnitError
from rootzone.data import Flag


def says(answer: str, *words: str) -> None:
    """Every word stands in the answer."""
    for word in words:
        assert word in answer, f"{word!r} is not in: {answer}"


def text_of(station, **how: Any) -> str:
    return station.frame().to_csv(index=False, **how)


def lines_of(station, **how: Any) -> list[str]:
    return text_of(station, **how).splitlines()


def stamps(station, fmt: str, start: str = "2020-03-01", zone: str | None = None) -> pd.DataFrame:
    times = pd.date_range(start, periods=240, freq="1h", tz="UTC")
    return station.frame().assign(time=times.tz_convert(zone).strftime(fmt))


def flagged(observations, flag: Flag) -> int:
    return int((observations.flags & int(flag) > 0).sum())


def test_the_whole_station_is_fine(station):
    observations, told = station.observe()
    assert len(observations.axis) == 240
    assert not observations.flags.any()
    assert "WARNING" not in told.replace("WARNING: neither snow", "")


# --- files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ("statoin.csv", ["statoin.csv", "no such file", "did you mean 'station.csv'?"]),
        ("2020/station.csv", ["no such file", "there is no folder"]),
        ("*.dat", ["*.dat", "no file has a name like this"]),
        (".", ["is a folder, a file is wanted"]),
        ("~nobody-of-that-name/a.csv", ["~nobody", "cannot be read"]),
        ("x" * 5000, ["cannot be read"]),
        ("example:station_c5/x.csv", ["no such file"]),
    ],
)
def test_file_that_is_not_there(station, files, words):
    station.table["files"] = files
    says(station.refusal(), *words)


def cut(content: bytes) -> bytes:
    return gzip.compress(content)[:-400]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["the file is empty"]),
        ("\n\n   \n", ["the file is empty"]),
        ("# only\n# comments\n", ["comments only"]),
        ("time,counts,pressure,temperature,humidity\n", ["a header but no rows"]),
        (b"PK\x03\x04" + bytes(200), ["Excel", "CSV"]),
        (bytes(range(256)) * 20, ["no text file"]),
        ("<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", ["a web page"]),
        ("2020-03-01 00:00,1500,1000\n2020-03-01 01:00,1500,1000\n", ["line 1 holds values"]),
        ("x" * 200_000, ["100000 characters"]),
        ('"time,counts\n2020-03-01,1\n2020-03-02,2\n', ["quotation mark in line 1 is not closed"]),
    ],
)
def test_file_that_is_no_table(station, content, words):
    station.write(content)
    says(station.refusal(), "station.csv", *words)


def test_packed_files(station):
    content = text_of(station).encode()
    plain, _ = station.observe()
    for name in ("station.csv.gz", "packed.csv"):  # what is packed tells its content, not its name
        station.write(gzip.compress(content), name)
        station.table["files"] = name
        packed, _ = station.observe()
        np.testing.assert_array_equal(packed.rate, plain.rate)
    station.write(content, "plain.csv.gz")
    station.table["files"] = "plain.csv.gz"
    station.check()
    station.write(cut(content), "cut.csv.gz")
    station.table["files"] = "cut.csv.gz"
    says(station.refusal(), "cut.csv.gz", "cannot be read", "ended")


def test_several_files_follow_each_other(station):
    station.write(station.frame(start="2020-03-11"), "station2.csv", sep=";")
    for files in (["station.csv", "station2.csv"], "station*.csv", ["station*.csv", "station.csv"]):
        station.table["files"] = files
        observations, told = station.observe()
        assert len(observations.axis) == 480
        assert not flagged(observations, Flag.DUPLICATE_TIME)
        says(told, "station.csv and 1 more")


def test_one_of_several_files_is_faulty(station):
    station.table["files"] = ["station.csv", "b.csv"]
    station.write("", "b.csv")
    says(station.refusal(), "b.csv: the file is empty")
    later = station.frame(start="2020-03-11").rename(columns={"pressure": "Pressure"})
    station.write(later, "b.csv")
    observations, told = station.observe()
    says(told, "WARNING", "b.csv: no column 'pressure'", "did you mean 'Pressure'?")
    assert np.isnan(observations.values["pressure"]).sum() == 240
    later = station.frame(start="2020-03-11").assign(counts="broken")
    station.write(later, "b.csv")
    says(station.refusal(), "'broken' in line 2 of b.csv")


# --- text -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: b"\xef\xbb\xbf" + t.encode(), []),
        (lambda t: t.replace("\n", "\r\n").encode(), []),
        (lambda t: t.replace("\n", "\r").encode(), []),
        (lambda t: t.encode("utf-16"), []),
        (lambda t: t.replace("theta", "Wasser °").encode("cp1252"), ["Windows-1252"]),
        (lambda t: t.encode() + bytes(512) + b"\x1a", ["512 zero bytes"]),
        (lambda t: t.encode()[:-1], []),
    ],
)
def test_encodings_and_line_ends(station, change, words):
    plain, _ = station.observe()
    station.write(change(text_of(station)))
    observations, told = station.observe()
    np.testing.assert_array_equal(observations.rate, plain.rate)
    says(told, *words)


def test_header_in_latin_1(station):
    station.write(text_of(station).replace("temperature", "Temp °C").encode("latin-1"))
    says(station.refusal(), "no column 'temperature'", "Temp °C")
    station.columns["temperature"]["column"] = "Temp °C"
    says(station.check(), "Windows-1252")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_separators_are_seen_or_set(station, separator):
    plain, _ = station.observe()
    frame = station.frame().assign(time=lambda f: f["time"].str.replace(" ", "T"))
    station.write(frame, sep=separator)
    for given in (None, separator):
        if given is not None:
            station.table["separator"] = given
        observations, _ = station.observe()
        np.testing.assert_array_equal(observations.rate, plain.rate)


def test_wrong_separator(station):
    station.table["separator"] = ";"
    says(station.refusal(), "station.csv", "with separator ';' the line is one column", "','")
    station.table["time"] = {"column": "time"}
    says(station.refusal(), "no time column 'time'", "set separator ','")
    for separator in (";;", "[(", '"', "", "a"):
        station.table["separator"] = separator
        says(station.refusal(), "tables[0].separator", "one sign")


def edited(change: Callable[[list[str]], list[str]]) -> Callable[[Any], str]:
    return lambda station: "\n".join(change(lines_of(station))) + "\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (edited(lambda t: [line + "," for line in t]), []),
        (edited(lambda t: [line + ",,," for line in t]), []),
        (edited(lambda t: [t[0], *(line + "," for line in t[1:])]), []),
        (edited(lambda t: [t[0], "-,count,hPa,degC,%,-", *t[1:]]), ["line 2 holds no values"]),
        (edited(lambda t: [t[0], ",,hPa,degC,%,", *t[1:]]), ["line 2 holds no values"]),
        (edited(lambda t: ["Station Testfeld", "Owner: me", "", *t]), ["above the header"]),
        (edited(lambda t: ["Station, Testfeld", *t]), ["above the header"]),
        (edited(lambda t: ["# a, b", "# c", *t]), []),
        (edited(lambda t: ["#" + t[0], *t[1:]]), ["from the comment in line 1"]),
        (edited(lambda t: [*t, "# end of file"]), []),
        (edited(lambda t: [*t[:100], t[0], *t[100:]]), ["repeat the header"]),
        (edited(lambda t: [", ".join(line.split(",")) for line in t]), []),
        (lambda s: text_of(s, quoting=1), []),
        (edited(lambda t: [t[0] + ",Note,Note", *(line + ",x,y" for line in t[1:])]), []),
    ],
)
def test_layouts_of_loggers_and_spreadsheets(station, text, words):
    plain, _ = station.observe()
    station.write(text(station))
    observations, told = station.observe()
    np.testing.assert_array_equal(observations.rate, plain.rate)
    np.testing.assert_array_equal(observations.values["pressure"], plain.values["pressure"])
    says(told, *words)
    assert "no numbers" not in told


def test_rows_that_do_not_fit_the_header(station):
    lines = lines_of(station)
    station.write("\n".join([*lines[:50], lines[50] + ",9,9", *lines[51:]]))
    observations, told = station.observe()
    says(told, "WARNING", "1 rows have more entries", "the first is line 51", "left out")
    assert flagged(observations, Flag.MISSING_COUNTS) == 1
    station.write("\n".join([*lines[:50], lines[50][:24], *lines[51:]]))
    says(station.check(), "1 rows have fewer entries", "line 51", "a gap")
    # The header of R has no name for its row names.
    station.write("\n".join([lines[0], *(f"{n},{line}" for n, line in enumerate(lines[1:]))]))
    says(station.refusal(), "240 rows have more entries", "names 6 columns", "lack a name")
    station.write(text_of(station).replace("100", '"100', 1))
    says(station.refusal(), "quotation mark in line", "not closed")
    inches = [line.replace(".", '"') for line in lines[1:]]
    station.write("\n".join([lines[0], *inches]))
    assert "quotation mark" in station.refusal() or "no numbers" in station.refusal()


def test_missing_and_doubled_columns(station):
    station.columns["pressure"]["column"] = "presure"
    says(
        station.refusal(),
        "station.csv: no column 'presure' (tables[0].columns.pressure)",
        "did you mean 'pressure'?",
    )
    station.columns["pressure"]["column"] = "QFE"
    says(station.refusal(), "no column 'QFE'", "the header in line 1 has time, counts, pressure")
    station.columns["pressure"]["column"] = "pressure"
    station.write(text_of(station).replace("theta", "pressure"))
    says(station.refusal(), "column 'pressure' stands twice in the header")
    station.write(station.frame())
    station.columns["relative_humidity"]["column"] = "temperature"
    says(station.check(), "WARNING", "column 'temperature' is named twice")
    station.table["time"] = {"column": "tine"}
    says(station.refusal(), "no time column 'tine' (tables[0].time.column)", "'time'")


def test_tables_that_lack_what_is_needed(station):
    for name in ("counts", "pressure"):
        spec = station.columns.pop(name)
        says(station.refusal(), "no table names a column", name)
        station.columns[name] = spec
    spec = station.columns.pop("relative_humidity")
    says(station.refusal(), "humidity is needed", "relative_humidity", "corrections.humidity")
    del station.table["columns"]
    says(station.refusal(), "names no column of this table (tables[0].columns)")


# --- numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["error", "---", "inf", "1e400", "True", "#DIV/0!"])
def test_a_few_words_among_numbers_are_gaps_and_told(station, word):
    station.write(station.spoil("counts", [3, 4], word))
    observations, told = station.observe()
    says(told, "WARNING", "2 entries of column 'counts'", "gaps", f"'{word}' in line 5")
    assert flagged(observations, Flag.MISSING_COUNTS) == 2


@pytest.mark.parametrize("word", ["error", "1'514", "1 514", "0x5ea", "7.7°C"])
def test_many_words_are_an_error(station, word):
    station.write(station.spoil("counts", slice(0, 100), word))
    says(
        station.refusal(),
        "101 of 240 entries of column 'counts' are no numbers",
        f"'{word}' in line 2",
        "(tables[0].columns.counts)",
        "missing",
    )


def test_words_for_gaps(station):
    station.write(station.spoil("pressure", slice(0, 30), "---"))
    says(station.refusal(), "no numbers", "named by missing")
    for missing in (["---"], "---"):
        station.table["missing"] = missing
        observations, told = station.observe()
        assert np.isnan(observations.values["pressure"]).sum() == 31
        assert "no numbers" not in told
    station.write(station.spoil("pressure", slice(0, 30), "-999.0"))
    station.table["missing"] = [-999]  # a number is meant, however it is written
    observations, told = station.observe()
    assert np.isnan(observations.values["pressure"]).sum() == 31
    assert "impossible" not in told


def test_decimal_commas(station):
    plain, _ = station.observe()
    station.write(station.frame(), sep=";", decimal=",")
    says(station.refusal(), "column 'pressure' has decimal commas", "line 2", "set decimal: ','")
    station.table["decimal"] = ","
    observations, _ = station.observe()
    for name in ("pressure", "temperature", "relative_humidity"):
        np.testing.assert_array_equal(observations.values[name], plain.values[name])
    # A file with decimal points is not read as ten times as much.
    station.write(station.frame().assign(counts=lambda f: f["counts"].map("{:.1f}".format)))
    says(station.refusal(), "column 'counts' has decimal points", "the study says decimal: ','")


def test_thousands_separators(station):
    plain, _ = station.observe()
    grouped = station.frame()["counts"].map("{:,}".format)
    station.write(station.frame().assign(counts=grouped))
    says(station.refusal(), "column 'counts'", "thousands separators or decimal commas", "1,")
    station.write(station.frame().assign(counts=grouped.str.replace(",", ".")), sep=";")
    says(station.check(), "WARNING", "no whole numbers", "thousands separator", "only 1.5 h-1")
    frame = station.frame().assign(counts=grouped.str.replace(",", "."))
    station.write(frame, sep=";", decimal=",")
    station.table["decimal"] = ","
    observations, told = station.observe()
    np.testing.assert_array_equal(observations.rate, plain.rate)
    assert "whole numbers" not in told


def test_counts_that_are_rates(station):
    plain, _ = station.observe()
    station.write(station.frame().assign(counts=lambda f: f["counts"] / 3600.0))
    says(station.check(), "WARNING", "no whole numbers", "are they a rate", "is the unit right?")
    for units in ("cps", "s-1", "count/s", "counts per second"):
        station.columns["counts"]["units"] = units
        observations, told = station.observe()
        np.testing.assert_allclose(observations.rate, plain.rate, rtol=1e-12)
        assert "whole numbers" not in told


# --- units ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "change", "words", "units"),
    [
        ("pressure", lambda v: v / 10.0, ["100.22 hPa", "300 to 1100 hPa"], "kPa"),
        ("pressure", lambda v: v * 100.0, ["air pressure"], "Pa"),
        ("temperature", lambda v: v + 273.15, ["281", "degC", "air temperature"], "K"),
        ("humidity", lambda v: v / 100.0, ["0.70", "look like a fraction"], "1"),
        ("theta", lambda v: v * 100.0, ["20.5", "0 to 1 m3 m-3"], "percent"),
    ],
)
def test_values_in_another_unit(station, column, change, words, units):
    key = {"humidity": "relative_humidity", "theta": "soil_moisture"}.get(column, column)
    station.sensor()
    plain, _ = station.observe()
    station.write(station.frame().assign(**{column: lambda f: change(f[column])}))
    place = f"tables[0].columns.{key}{'[0]' if key == 'soil_moisture' else ''}.units"
    answer = station.refusal()
    says(answer, "station.csv", f"column '{column}'", place, "impossible", *words)
    assert re.search(rf"set units: '?{units}\b", answer)
    spec = station.columns[key][0] if key == "soil_moisture" else station.columns[key]
    spec["units"] = units
    observations, _ = station.observe()
    assert plain.sensors is not None
    assert observations.sensors is not None
    np.testing.assert_allclose(observations.sensors.theta, plain.sensors.theta, atol=1e-12)
    for name in ("pressure", "temperature", "relative_humidity"):
        np.testing.assert_allclose(observations.values[name], plain.values[name], atol=1e-9)


def test_a_fraction_called_percent(station):
    station.sensor("percent")
    says(station.refusal(), "column 'theta'", "look like a fraction", "set units: '1'")


def test_values_that_are_possible_but_strange(station):
    station.write(station.frame().assign(temperature=lambda f: f["temperature"] * 1.8 + 32.0))
    says(station.check(), "WARNING", "column 'temperature'", "degF")
    station.write(station.frame())
    station.values["station"]["elevation"] = 1900.0
    says(station.check(), "WARNING", "pressure around 100", "station.elevation", "sea level")


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ("hPascal", ["'hPascal' is no known unit", "wanted hPa", "did you mean 'hPa'?"]),
        ("mm", ["'mm' does not convert to hPa", "air pressure"]),
        ("-", ["does not convert to hPa"]),
        ("hPa*(", ["no known unit"]),
        ("100", ["no known unit"]),
        ("__import__('os')", ["no known unit"]),
        ("9**9**9**9", ["no known unit"]),
        ("mmHg", ["1002", "look like hPa", "set units: hPa"]),
    ],
)
def test_units_that_are_none(station, units, words):
    station.columns["pressure"]["units"] = units
    says(station.refusal(), "(tables[0].columns.pressure.units)", *words)


def test_units_of_counts(station):
    station.columns["counts"]["units"] = "1"
    says(station.refusal(), "does not convert to h-1", "units: count")
    plain, _ = station.observe("tables.0.columns.counts.units=count")
    for units in ("counts", "cph", "h-1", "1/h", "counts per hour", "cts"):
        observations, _ = station.observe(f"tables.0.columns.counts.units={units}")
        np.testing.assert_allclose(observations.rate, plain.rate)


# --- time -------------------------------------------------------------------------------


def test_stamps_without_zone_are_utc_and_told(station):
    says(station.check(), "carry no zone and are read as UTC", "time.timezone")
    station.table["time"] = {"timezone": "UTC"}
    assert "carry no zone" not in station.check()


@pytest.mark.parametrize("start", ["2020-03-25", "2020-10-20"])
def test_local_time_with_summer_time(station, start):
    local = stamps(station, "%Y-%m-%d %H:%M", start, "Europe/Berlin")
    station.write(local)
    station.table["time"] = {"timezone": "Europe/Berlin"}
    observations, told = station.observe()
    says(told, "local time of Europe/Berlin turned into UTC")
    assert observations.axis[0] == pd.Timestamp(start)
    assert len(observations.axis) == 240
    np.testing.assert_array_equal(observations.rate, local["counts"])


def test_local_time_that_does_not_fit_summer_time(station):
    station.table["time"] = {"timezone": "Europe/Berlin"}
    # A logger that keeps winter time has 02:30 on the last Sunday of March.
    station.write(stamps(station, "%Y-%m-%d %H:%M", "2020-03-25"))
    says(station.check(), "summer time skips or repeats", "2020-03-29 02:00", "+01:00")
    station.table["time"] = {"timezone": "+01:00"}
    observations, _ = station.observe()
    assert observations.axis[0] == pd.Timestamp("2020-03-24 23:00")
    assert not flagged(observations, Flag.MISSING_COUNTS)
    # Without the repeated hour its two meanings stay open: both are left out, and told.
    local = stamps(station, "%Y-%m-%d %H:%M", "2020-10-20", "Europe/Berlin")
    station.write(local.drop_duplicates("time"))
    station.table["time"] = {"timezone": "Europe/Berlin"}
    observations, told = station.observe()
    says(told, "summer time skips or repeats", "2020-10-25 02:00")
    assert flagged(observations, Flag.MISSING_COUNTS) == 2


@pytest.mark.parametrize(
    ("fmt", "zone"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", None),
        ("%Y-%m-%d %H:%M:%S UTC", None),
        ("%Y-%m-%dT%H:%M:%S%z", "Europe/Berlin"),
        ("%Y-%m-%d %H:%M:%S%z", "America/Denver"),
        ("%Y%m%d%H%M", None),
        ("%Y%m%d%H%M%S", None),
        ("%Y/%m/%d %H:%M", None),
        ("%d-%b-%Y %H:%M", None),
        ("%d.%m.%Y %H:%M", None),
        ("%d.%m.%y %H:%M", None),
    ],
)
def test_stamps_that_need_no_word(station, fmt, zone):
    station.write(stamps(station, fmt, "2020-03-25", zone))
    observations, told = station.observe()
    assert observations.axis[0] == pd.Timestamp("2020-03-25")
    assert len(observations.axis) == 240
    assert ("carry no zone" in told) == (zone is None and not fmt.endswith(("Z", "UTC")))


@pytest.mark.parametrize(
    ("fmt", "start", "first"),
    [
        ("%d/%m/%Y %H:%M", "2020-03-10", "day, month, year (the data show it)"),
        ("%m/%d/%Y %H:%M", "2020-03-10", "month, day, year (the data show it)"),
        ("%m/%d/%Y %I:%M %p", "2020-03-10", "month, day, year (the data show it)"),
        ("%m.%d.%Y %H:%M", "2020-03-10", "month, day, year (the data show it)"),
        ("%d-%m-%Y %H:%M", "2020-03-10", "day, month, year (the data show it)"),
        ("%d.%m.%Y %H:%M", "2020-03-01", "dots read as day.month.year"),
    ],
)
def test_order_of_day_and_month(station, fmt, start, first):
    station.write(stamps(station, fmt, start))
    observations, told = station.observe()
    says(told, first)
    assert observations.axis[0] == pd.Timestamp(start)
    assert len(observations.axis) == 240


def test_order_that_stays_open(station):
    station.write(stamps(station, "%m/%d/%Y %H:%M"))
    says(station.refusal(), "'03/01/2020 00:00' stays open", "time.day_first")
    station.table["time"] = {"day_first": False}
    assert station.observe()[0].axis[0] == pd.Timestamp("2020-03-01")
    station.table["time"] = {"format": "%m/%d/%Y %H:%M"}
    assert station.observe()[0].axis[0] == pd.Timestamp("2020-03-01")
    station.write(stamps(station, "%m/%d/%Y %H:%M", "2020-03-10"))
    station.table["time"] = {"day_first": True}
    says(station.refusal(), "'03/13/2020 00:00' does not fit time.day_first: true")
    station.table["time"] = {}
    station.write(stamps(station, "%y-%m-%d %H:%M"))
    says(station.refusal(), "where the year stands", "time.format")


def test_hour_24_is_the_next_day(station):
    iso = stamps(station, "%Y-%m-%dT%H:%M")
    late = [(pd.Timestamp(t) - pd.Timedelta("1D")).strftime("%Y-%m-%d") for t in iso["time"]]
    is_midnight = iso["time"].str.endswith("T00:00")
    station.write(iso.assign(time=np.where(is_midnight, np.char.add(late, "T24:00"), iso["time"])))
    observations, told = station.observe()
    says(told, "10 stamps of 24:00 read as 00:00 of the next day")
    assert observations.axis[0] == pd.Timestamp("2020-03-01")
    np.testing.assert_array_equal(observations.rate, iso["counts"])


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (lambda t: 43891 + np.arange(240) / 24.0, ["number is no time stamp", "43891"]),
        (lambda t: 1583020800 + 3600 * np.arange(240), ["number is no time stamp"]),
        (lambda t: 1900 + np.arange(240), ["number is no time stamp", "time.column"]),
        (lambda t: t + " CET", ["leave out 'CET' and set time.timezone"]),
        (lambda t: "the " + t, ["240 of 240 time stamps cannot be read", "time.format"]),
        (lambda t: t.str[:10], ["230 of 240 rows repeat a time stamp", "the date only?"]),
        (lambda t: np.where(np.arange(240) % 2, t + "+00:00", t), ["some", "carry a zone"]),
        (lambda t: np.where(np.arange(240) < 200, "", t), ["200 of 240 time stamps"]),
    ],
)
def test_stamps_that_cannot_be_read(station, time, words):
    station.write(station.frame().assign(time=lambda f: time(f["time"])))
    says(station.refusal(), "station.csv", *words)


def test_time_format(station):
    station.table["time"] = {"format": "%d.%m.%Y"}
    says(station.refusal(), "cannot be read as format %d.%m.%Y", "'2020-03-01 00:00:00'")
    station.table["time"] = {"format": "%Q"}
    says(station.refusal(), "time.format '%Q'", "bad directive")
    station.write(stamps(station, "%d %m %Y %H:%M %z", "2020-03-25", "Europe/Berlin"))
    station.table["time"] = {"format": "%d %m %Y %H:%M %z"}
    assert station.observe()[0].axis[0] == pd.Timestamp("2020-03-25")


@pytest.mark.parametrize(
    "wrong",
    ["1900-01-01 00:00", "0001-01-01 00:00", "2199-01-01", "", "x", "2020-03-01 00:00 CET"],
)
def test_a_wrong_stamp_costs_its_row_and_is_told(station, wrong):
    station.write(station.spoil("time", [0, 5], wrong))
    observations, told = station.observe()
    says(told, "2 time stamps", "left out", "line 2")
    assert len(observations.axis) == 239
    assert flagged(observations, Flag.MISSING_COUNTS) == 1


def test_unsorted_and_repeated_rows(station):
    plain, _ = station.observe()
    station.write(station.frame().sample(frac=1.0, random_state=1))
    observations, told = station.observe()
    says(told, "rows are not in the order of time and have been sorted")
    np.testing.assert_array_equal(observations.rate, plain.rate)
    again = station.frame().iloc[10:20].assign(counts=9999)
    station.write(pd.concat([station.frame(), again]))
    observations, told = station.observe()
    says(told, "10 rows repeat a time stamp", "the first of each is kept", "2020-03-01 10:00")
    np.testing.assert_array_equal(observations.rate, plain.rate)
    assert flagged(observations, Flag.DUPLICATE_TIME) == 10


def test_intervals(station):
    plain, _ = station.observe()
    rng = np.random.default_rng(0)
    late = pd.to_timedelta(rng.integers(0, 120, 240), unit="s")
    station.write(station.frame().assign(time=lambda f: pd.to_datetime(f["time"]) + late))
    observations, told = station.observe()
    says(told, "WARNING", "not regular", "interval is taken as 1 h")
    np.testing.assert_array_equal(observations.rate, plain.rate)
    anywhere = pd.to_timedelta(np.cumsum(rng.exponential(3600, 240)), unit="s")
    station.write(station.frame().assign(time=pd.Timestamp("2020-03-01") + anywhere))
    says(station.refusal(), "of all lengths", "set tables[0].interval")
    station.write(station.frame())
    station.table["interval"] = "24h"
    says(station.check(), "WARNING", "tables[0].interval is 24h, but most rows are 1 h apart")


def test_one_row_and_two(station):
    station.write(station.frame().head(1))
    says(station.refusal(), "one time stamp does not tell the interval", "set interval")
    station.table["interval"] = "1h"
    says(station.refusal(), "one row is no time series")


def test_a_gap_of_a_year_is_told(station):
    station.write(pd.concat([station.frame(120), station.frame(120, start="2021-04-01")]))
    observations, told = station.observe()
    says(told, "WARNING", "no counts for 391 days after 2020-03-05")
    assert flagged(observations, Flag.MISSING_COUNTS) == len(observations.axis) - 240
    # Another table that fills it leaves no gap.
    filling = station.frame(9384, start="2020-03-06")
    station.write(filling, "filling.csv")
    station.values["tables"].append({**station.table, "files": "filling.csv"})
    assert "no counts for" not in station.observe()[1]


def test_period_without_counts(station):
    station.values["time"] = {"start": "2021-01-01"}
    says(station.refusal(), "no counts between", "2021-01-01", "2020-03-01", "2020-03-10")


# --- settings that no station has -------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("station.bulk_density={value: 1.4, sigma: 1e30}", ["1e+30 g cm-3, wanted up to 2.2"]),
        ("station.lattice_water={value: 0, sigma: 0.31}", ["0.31 g g-1, wanted up to 0.3"]),
        ("station.biomass_water={value: 3, sigma: 1e9}", ["1e+09 mm, wanted up to 200"]),
        ("calibration.N0={value: 2500, sigma: 2501}", ["2501 h-1, wanted up to 2500, N0 itself"]),
        ("calibration.N0={value: 2500, sigma: .inf}", ["N0.sigma: wanted a finite number"]),
        ("uncertainty.bulk_density=1e30", ["uncertainty.bulk_density: wanted 2.2 or less"]),
        ("uncertainty.humidity=61", ["uncertainty.humidity: wanted 60 or less"]),
        ("uncertainty.incoming_relative=0.6", ["incoming_relative: wanted 0.5 or less"]),
        ("root_zone={structure_sigma: 2}", ["structure_sigma: wanted 1 or less"]),
        ("root_zone={method: lstm, structure_sigma: 1e9}", ["sigma: wanted 1 or less"]),
        ("quality.constant_hours=1e30", ["quality.constant_hours: wanted 8760 or less"]),
        ("quality.constant_weather_hours=1e9", ["wanted 8760 or less"]),
        ("quality.interpolate_hours=241", ["quality.interpolate_hours: wanted 240 or less"]),
        ("time.window_hours=1e-9", ["time.window_hours is 1e-09 h", "one step at least"]),
        ("time={step: 6h, window_hours: 5}", ["is 5 h", "the step of the results 6 h"]),
        ("time.step=1s", ["time.step is 1s, the counts are of 60 min each", "leave time.step out"]),
        ("time.step=30min", ["time.step is 30min", "a shorter step tells no more"]),
    ],
)
def test_absurd_settings_are_one_sentence_and_exit_code_2(station, capsys, setting, words):
    with pytest.raises(SystemExit) as left:
        cli.main(["check", str(station.study()), "--set", setting])
    assert left.value.code == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    says(said, *words)


def test_absurd_deviations_of_campaigns_and_sensors(station):
    times = {"start": "2020-03-02", "end": "2020-03-03"}
    water = {"value": 0.1, "sigma": 5.5}
    campaign = times | {"gravimetric_water": water}
    station.values["calibration"] = {"method": "campaigns", "campaigns": campaign}
    says(station.refusal(), "campaigns.gravimetric_water.sigma is 5.5 g g-1, wanted up to 5")
    station.values["calibration"] = {"method": "reference", "sigma": 1e30, **times}
    says(station.refusal(), "calibration.sigma: wanted 1 or less")


@pytest.mark.parametrize(
    ("time", "step_hours"),
    [
        ({"step": "1h", "window_hours": 1}, 1.0),  # as long as the counts and the step
        ({"step": "6h", "window_hours": 6}, 6.0),
        ({"step": "24h"}, 24.0),
    ],
)
def test_the_shortest_step_and_window_are_taken(station, time, step_hours):
    station.values["time"] = time
    assert station.observe()[0].step_hours == step_hours


def test_logger_clocks_a_little_off_the_step(station):
    late = pd.to_timedelta(62 * np.arange(240), unit="min")  # ends after eight hours more
    station.write(station.frame().assign(time=pd.Timestamp("2020-03-01") + late))
    station.values["time"] = {"step": "1h"}
    assert station.observe()[0].step_hours == 1.0


# --- values -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -20, -1e9])
def test_impossible_counts_are_flagged(station, value):
    station.write(station.spoil("counts", slice(3, 5), value))
    observations, _ = station.observe()
    assert flagged(observations, Flag.IMPOSSIBLE_COUNTS) == 3
    assert not observations.flags[6:].any()


def test_counts_out_of_range_are_flagged(station):
    station.write(station.spoil("counts", [7], 60_000))
    assert flagged(station.observe()[0], Flag.OUT_OF_RANGE) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, ["240 are zero or negative"]),
        (1500, ["240 do not change for hours", "quality.constant_hours"]),
        ("", ["holds no number"]),
        ("-9999", ["holds no number"]),
    ],
)
def test_no_usable_counts(station, value, words):
    station.write(station.spoil("counts", slice(None), value))
    says(station.refusal(), "station.csv", "count", *words)


def test_constant_counts_for_a_day(station):
    station.write(station.spoil("counts", slice(10, 33), 1500))
    assert flagged(station.observe()[0], Flag.CONSTANT) == 24


def test_counts_above_dry_soil(station):
    high = [3600 + n for n in range(50)]
    station.write(station.spoil("counts", slice(60, 109), high))
    result = station.run()
    flags = result["results"]["quality_flag"].values
    assert ((flags & int(Flag.ABOVE_DRY_SOIL)) > 0).sum() >= 50
    assert np.isnan(result["daily"]["soil_moisture"].values[3])
    assert np.isfinite(result["daily"]["soil_moisture"].values[[0, 1, 6, 9]]).all()


@pytest.mark.parametrize(
    ("column", "value"),
    [("pressure", -999), ("temperature", 7999), ("humidity", 250), ("theta", -0.3)],
)
def test_a_few_impossible_values_are_gaps_and_told(station, column, value):
    station.sensor()
    station.write(station.spoil(column, slice(0, 9), value))
    observations, told = station.observe()
    says(told, "WARNING", f"column '{column}': 10 values are impossible", f"{value:g} in line 2")
    name = {"humidity": "relative_humidity"}.get(column, column)
    values = observations.sensors.theta[0] if column == "theta" else observations.values[name]
    assert np.isnan(values[:10]).all()
    assert np.isfinite(values[10:]).all()


def test_impossible_rain_snow_and_soil_temperature(station):
    frame = station.frame().assign(rain=0.0, snow=0.0, soil=10.0)
    frame.loc[:4, ["rain", "snow", "soil"]] = -999.0
    station.write(frame)
    station.columns["precipitation"] = {"column": "rain", "units": "mm"}
    station.columns["snow_depth"] = {"column": "snow", "units": "cm"}
    station.columns["soil_temperature"] = {"column": "soil", "units": "degC"}
    observations, told = station.observe()
    says(told, "column 'rain': 5 values", "column 'snow': 5 values", "column 'soil': 5 values")
    assert not flagged(observations, Flag.SNOW_OR_FROST)
    assert np.nansum(observations.values["precipitation"]) == 0.0


def test_constant_and_empty_sensors_are_left_out_and_told(station):
    station.sensor()
    station.write(station.spoil("theta", slice(None), 0.2))
    observations, told = station.observe()
    says(told, "WARNING", "sensor theta has the constant value 0.2; left out")
    assert observations.sensors is not None
    assert np.isnan(observations.sensors.theta).all()
    station.write(station.spoil("theta", slice(None), ""))
    observations, told = station.observe()
    says(told, "WARNING", "column 'theta' holds no value and is left out")
    assert observations.sensors is None


def test_dead_weather(station):
    station.write(station.spoil("pressure", slice(50, 90), 1000.0))
    observations, told = station.observe()
    says(told, "WARNING", "pressure: 41 values are stuck or far off")
    station.write(station.spoil("pressure", slice(None), 1000.0))
    says(station.refusal(), "pressure: no value is left", "quality.constant_weather_hours")
    for column, words in (("pressure", "pressure"), ("temperature", "humidity is needed")):
        station.write(station.spoil(column, slice(None), ""))
        says(station.refusal(), words)
    # Fog is no fault.
    station.write(station.spoil("humidity", slice(50, 90), 100.0))
    observations, _ = station.observe()
    assert np.isfinite(observations.values["relative_humidity"]).all()


def test_daily_weather_is_not_stuck(station):
    weather = ("pressure", "temperature", "relative_humidity")
    columns = {name: station.columns.pop(name) for name in weather}
    daily = station.frame().iloc[::24][["time", "pressure", "temperature", "humidity"]]
    station.write(daily, "daily.csv")
    station.values["tables"].append({"files": "daily.csv", "columns": columns})
    observations, told = station.observe()
    says(told, "pressure of 24 h held over steps of 1 h")
    assert np.isfinite(observations.values["pressure"]).all()


# --- soil samples -----------------------------------------------------------------------


def test_samples_calibrate(station):
    station.samples()
    says(station.check(), "N0", "from 1 campaigns")


def test_no_samples(station):
    table = station.samples()
    station.write(table.head(0), "samples.csv")
    says(station.refusal(), "samples.csv: a header but no rows")
    (station.folder / "samples.csv").unlink()
    says(station.refusal(), "samples.csv", "no such file")
    station.samples(water="")
    says(station.refusal(), "no usable soil sample", "gravimetric_water 12")
    station.samples(profile="")
    says(station.refusal(), "no usable soil sample", "profile 12")
    station.samples()
    station.sample_columns["profile"] = "Profile"
    says(station.refusal(), "no column 'Profile'", "calibration.table.columns.profile")


def test_samples_outside_the_record(station):
    station.samples(date="2021-03-05 12:00")
    says(station.refusal(), "no campaign of soil samples has counts")
    station.samples(when=["2021-03-05 12:00"] * 6 + ["2020-03-05 12:00"] * 6)
    says(station.check(), "WARNING", "soil samples of 2021-03-05", "the campaign is left out")
    station.samples()
    station.write(station.spoil("counts", slice(90, 130), ""))
    says(station.refusal(), "no campaign of soil samples has counts")


def test_campaign_outside_the_record(station):
    campaign = {"start": "2021-03-01", "end": "2021-03-02", "gravimetric_water": 0.1}
    station.values["calibration"] = {"method": "campaigns", "campaigns": campaign}
    says(
        station.refusal(),
        "calibration.campaigns[0]: no valid counts between 2021-03-01 00:00",
        "the record runs from 2020-03-01 to 2020-03-10",
    )


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"depth": 300}, ["the samples of 2020-03-05 start at 300 cm"]),
        ({"depth": [0.05, 0.15, 0.25] * 4}, ["all depths are within 1 cm", "in m"]),
        ({"depth": [-5, *[5] * 11]}, ["'depth': 1 values are impossible", "left out"]),
        ({"water": [-0.1, *[0.12] * 11]}, ["'water': 1 values", "-0.1 in line 2", "left out"]),
        ({"water": [12.0, *[0.12] * 11]}, ["1 samples hold more water than there is room"]),
        ({"water": 0.6}, ["more water than mineral soil"]),
        ({"water": 0.0}, ["no water at all"]),
        ({"density": 0.15, "water": 3.0}, ["12 of 12 samples", "(peat)"]),
        ({"lattice": 0.25}, ["lattice water", "percent?"]),
        ({"lattice": ""}, ["no lattice_water anywhere, taken as zero"]),
        ({"carbon": 0.5}, ["organic carbon", "percent?"]),
        ({"when": ["?", *["2020-03-05 12:00"] * 11]}, ["1 of 12 samples lack a value (time 1)"]),
    ],
)
def test_strange_samples_are_told(station, columns, words):
    station.samples(**columns)
    says(station.check(), "WARNING", "samples.csv", *words)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"density": 2.65}, ["2.65 g cm-3", "dry bulk density", "0.03 to 2.2"]),
        ({"density": [2.65, *[1.4] * 11]}, ["2.65 in line 2", "dry bulk density"]),
        ({"density": 1400}, ["look like kg m-3"]),
        ({"density": ""}, ["no bulk density", "station.bulk_density"]),
        ({"water": 12.0}, ["more water than there is room", "percent", "gravimetric_water.units"]),
        ({"depth": 5000}, ["5000 cm", "look like mm"]),
        ({"depth": -5}, ["depth", "impossible"]),
        ({"lattice": 1.0}, ["lattice water", "look like percent"]),
        ({"carbon": 1.0}, ["organic carbon", "look like percent"]),
        ({"when": "spring"}, ["'when'", "12 of 12 time stamps", "'spring'"]),
        ({"when": "05/03/2020"}, ["stays open", "time.day_first"]),
    ],
)
def test_impossible_samples_are_refused(station, columns, words):
    station.samples(**columns)
    says(station.refusal(), "samples.csv", *words)


def test_units_of_samples(station):
    station.samples()
    station.sample_columns["gravimetric_water"]["units"] = "percent"
    says(station.refusal(), "column 'water'", "look like a fraction")
    table = station.samples()
    right = station.check()
    station.write(table.assign(water=table["water"] * 100.0), "samples.csv")
    station.sample_columns["gravimetric_water"]["units"] = "percent"
    assert station.check() == right
    station.samples(density=lambda f: f["density"] * 1000.0)
    station.sample_columns["bulk_density"]["units"] = "kg m-3"
    assert station.check() == right


# --- layouts with names of their own -----------------------------------------------------

NEPTOON = {
    "time": "date_time",
    "counts": "epithermal_neutrons_cph",
    "pressure": "air_pressure",
    "temperature": "air_temperature",
    "humidity": "air_relative_humidity",
}
COSMOS_EUROPE = {
    "time": "DateTime_utc",
    "counts": "NeutronCount_Epithermal_Cum1h",
    "pressure": "AirPressure",
    "temperature": "AirTemperature",
    "humidity": "AirHumidity_Relative",
}
HYDROINNOVA = (
    "RecordNum,Date Time(UTC),barometric_pressure_Avg,air_temperature_Avg,"
    "relative_humidity_Avg,N1Cts,N2Cts"
)


def preset(station, layout: str, names: dict[str, str], without: str = "theta") -> None:
    frame = station.frame().drop(columns=without).rename(columns=names)
    station.write(frame)
    station.values["tables"] = [{"files": "station.csv", "format": layout}]


@pytest.mark.parametrize(
    ("layout", "names"), [("neptoon", NEPTOON), ("cosmos_europe", COSMOS_EUROPE)]
)
def test_tables_of_data_centers(station, layout, names):
    plain, _ = station.observe()
    preset(station, layout, names)
    observations, told = station.observe()
    np.testing.assert_array_equal(observations.rate, plain.rate)
    says(told, f"(columns of the format {layout})")
    preset(station, layout, names | {"time": "datetime_local"})
    says(station.refusal(), f"no time column '{names['time']}'")
    preset(station, layout, names, without="counts")
    says(station.refusal(), "no table names a column for counts", names["counts"])
    preset(station, layout, names, without="pressure")
    says(station.refusal(), "no table names a column for pressure")


def toa5(station, first: str = '"TOA5","CR1000","CR1000","1234","Std.27","x.CR1","5","Hourly"'):
    frame = station.frame().rename(columns={"time": "TIMESTAMP"})
    frame.insert(1, "RECORD", np.arange(len(frame)))
    frame = frame.astype({"pressure": object})
    frame.loc[3, "pressure"] = '"NAN"'
    frame["TIMESTAMP"] = '"' + frame["TIMESTAMP"] + '"'
    head = [first, ",".join(f'"{c}"' for c in frame), '"TS","RN","","hPa"', '"","","Tot","Smp"']
    rows = [",".join(map(str, row)) for row in frame.itertuples(index=False)]
    station.write("\r\n".join(head + rows) + "\r\n", "station.dat")
    station.table.update(files="station.dat", format="toa5")


def test_campbell_files(station):
    plain, _ = station.observe()
    toa5(station)
    observations, told = station.observe()
    np.testing.assert_array_equal(observations.rate, plain.rate)
    assert flagged(observations, Flag.INTERPOLATED_WEATHER) == 1
    assert "no numbers" not in told
    station.table["format"] = "csv"
    says(station.refusal(), "station.dat", "format: toa5")
    toa5(station, first='"TOB1","CR1000"')
    says(station.refusal(), "the first line does not say TOA5")
    content = (station.folder / "station.dat").read_text().splitlines()
    station.write("\n".join(['"TOA5"', *content[1:4]]), "station.dat")
    says(station.refusal(), "a header but no rows")
    station.table["files"] = "station.csv"
    says(station.refusal(), "the first line does not say TOA5")


def hydroinnova(station, names: str = HYDROINNOVA, mark: str = "//--Data Column Info:") -> str:
    rows = [
        f"{n},{row.time.replace('-', '/')},{row.pressure},{row.temperature},{row.humidity},"
        f"{row.counts // 2},{row.counts - row.counts // 2}"
        for n, row in enumerate(station.frame().itertuples(index=False))
    ]
    text = "\n".join(["//Recordperiod = 60 minutes.", mark, "//" + names, *rows]) + "\n"
    station.write(text, "x.KSU")
    station.values["tables"] = [{"files": "x.KSU", "format": "hydroinnova"}]
    return text


def test_hydroinnova_files(station):
    plain, _ = station.observe()
    text = hydroinnova(station)
    observations, _ = station.observe()
    np.testing.assert_array_equal(observations.rate, plain.rate)
    station.write(text + "//restart\n300,gar", "x.KSU")
    observations, told = station.observe()
    np.testing.assert_array_equal(observations.rate, plain.rate)
    says(told, "1 rows have fewer entries", "1 time stamps cannot be read", "'gar'")
    station.table["format"] = "csv"
    says(station.refusal(), "format: hydroinnova")
    hydroinnova(station, mark="//Columns:")
    says(station.refusal(), "no line '//--Data Column Info:'")
    hydroinnova(station, names=HYDROINNOVA.replace(",N2Cts", ""))
    says(station.refusal(), "240 rows have more entries than the header")
    hydroinnova(station, names=HYDROINNOVA.replace("Cts", "Pulses"))
    says(station.refusal(), "no table names a column for counts")
    station.write("\n".join(text.splitlines()[:3]) + "\n", "x.KSU")
    says(station.refusal(), "a header but no rows")


def test_faults_have_their_type(station):
    """What Python code can catch: data and units apart."""
    station.columns["pressure"]["units"] = "kPa"
    with pytest.raises(UnitError):
        rootzone.run(station.study())
    station.table["files"] = "nothing.csv"
    with pytest.raises(DataError):
        rootzone.run(station.study())
