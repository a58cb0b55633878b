"""The worked examples of FAO-56, the table of ASCE-EWRI (2005), and pyet."""

import csv
from pathlib import Path

import numpy as np
import pytest

from rootzone.water import evapotranspiration as et
from rootzone.water import radiation as ra
from rootzone.water.radiation import MJ_PER_DAY

HERE = Path(__file__).parent
MJ_PER_HOUR = MJ_PER_DAY / 24.0


def table(name):
    with (HERE / name).open() as f:
        rows = list(csv.DictReader(f))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def close(value, printed, digits):
    """Equal to a printed number within half a unit of its last digit."""
    assert float(value) == pytest.approx(printed, abs=0.5 * 10.0**-digits + 1e-9)


def test_examples_2_to_5_the_air():
    close(et.pressure_of_elevation(1800.0) / 10.0, 81.8, 1)
    close(et.psychrometric_constant(818.0) / 10.0, 0.054, 3)
    close(et.saturation_vapor_pressure(24.5) / 10.0, 3.075, 3)
    close(et.saturation_vapor_pressure(15.0) / 10.0, 1.705, 3)
    close(et.mean_saturation_vapor_pressure(15.0, 24.5) / 10.0, 2.39, 2)
    close(et.vapor_pressure_of_humidity_range(18.0, 25.0, 54.0, 82.0) / 10.0, 1.70, 2)
    close(et.vapor_pressure_of_mean_humidity(18.0, 25.0, 68.0) / 10.0, 1.78, 2)


def test_examples_8_to_10_the_sun():
    close(ra.inverse_relative_distance(246), 0.985, 3)
    close(ra.solar_declination(246), 0.120, 3)
    close(ra.sunset_hour_angle(246, -20.0), 1.527, 3)
    close(ra.extraterrestrial_radiation(246, -20.0) * MJ_PER_DAY, 32.2, 1)
    close(ra.daylight_hours(246, -20.0), 11.7, 1)
    rio = ra.extraterrestrial_radiation(135, -22.9)
    close(rio * MJ_PER_DAY, 25.1, 1)
    close(ra.daylight_hours(135, -22.9), 10.9, 1)
    solar = ra.solar_radiation_of_sunshine(220.0 / 31.0, ra.daylight_hours(135, -22.9), rio)
    close(solar * MJ_PER_DAY, 14.5, 1)
    close(ra.clear_sky_radiation(rio, 0.0) * MJ_PER_DAY, 18.8, 1)


def test_example_11_and_12_net_radiation():
    longwave = ra.net_longwave(19.1, 25.1, 21.0, 14.5 / 18.8) * MJ_PER_DAY
    close(longwave, 3.5, 1)
    # FAO-56 rounds 11.165 down to 11.1.
    close(ra.net_shortwave(14.5) - longwave, 7.6, 1)


def test_example_14_wind():
    close(et.wind_speed_at_2m(3.2, 10.0), 2.4, 1)


def test_example_17_bangkok_month():
    extraterrestrial = ra.extraterrestrial_radiation(105, 13.73)
    solar = ra.solar_radiation_of_sunshine(8.5, ra.daylight_hours(105, 13.73), extraterrestrial)
    clear = ra.clear_sky_radiation(extraterrestrial, 2.0)
    close(extraterrestrial * MJ_PER_DAY, 38.06, 2)
    close(solar * MJ_PER_DAY, 22.65, 2)
    close(clear * MJ_PER_DAY, 28.54, 2)
    close(ra.net_longwave(25.6, 34.8, 28.5, solar / clear) * MJ_PER_DAY, 3.11, 2)
    value = et.penman_monteith_daily(
        temperature_min=25.6,
        temperature_max=34.8,
        vapor_pressure=28.5,
        wind_speed=2.0,
        solar_radiation=solar,
        clear_sky_radiation=clear,
        pressure=et.pressure_of_elevation(2.0),
        soil_heat_flux=0.14 / MJ_PER_DAY,
    )
    close(value, 5.72, 2)


def test_example_18_brussels_day():
    extraterrestrial = ra.extraterrestrial_radiation(187, 50.8)
    solar = ra.solar_radiation_of_sunshine(9.25, ra.daylight_hours(187, 50.8), extraterrestrial)
    clear = ra.clear_sky_radiation(extraterrestrial, 100.0)
    vapor = et.vapor_pressure_of_humidity_range(12.3, 21.5, 63.0, 84.0)
    close(extraterrestrial * MJ_PER_DAY, 41.09, 2)
    close(solar * MJ_PER_DAY, 22.07, 2)
    close(clear * MJ_PER_DAY, 30.90, 2)
    close(vapor / 10.0, 1.409, 3)
    close(ra.net_longwave(12.3, 21.5, vapor, solar / clear) * MJ_PER_DAY, 3.71, 2)
    value = et.penman_monteith_daily(
        temperature_min=12.3,
        temperature_max=21.5,
        vapor_pressure=vapor,
        wind_speed=et.wind_speed_at_2m(10.0 / 3.6, 10.0),
        solar_radiation=solar,
        clear_sky_radiation=clear,
        pressure=et.pressure_of_elevation(100.0),
    )
    close(value, 3.88, 2)


@pytest.mark.parametrize(
    ("clock", "weather", "expected"),
    [
        (2.0, (28.0, 90.0, 1.9, 0.0, 0.8), (0.0, 0.0, 0.100, 0.00)),
        (14.0, (38.0, 52.0, 3.3, 2.45, 0.922), (3.543, 2.658, 0.137, 0.63)),
    ],
)
def test_example_19_hours_in_ndiaye(clock, weather, expected):
    """Clock time of the zone of 15 W: one hour behind UTC."""
    temperature, humidity, wind, solar, cloudiness = weather
    extraterrestrial = ra.extraterrestrial_radiation_hourly(274, clock + 1.0, 16.2167, -16.25)
    clear = ra.clear_sky_radiation(extraterrestrial, 8.0)
    vapor = et.vapor_pressure_of_mean_humidity(temperature, temperature, humidity)
    close(extraterrestrial * MJ_PER_HOUR, expected[0], 3)
    close(clear * MJ_PER_HOUR, expected[1], 3)
    longwave = ra.net_longwave(temperature, temperature, vapor, cloudiness)
    close(longwave * MJ_PER_HOUR, expected[2], 3)
    value = et.penman_monteith_hourly(
        temperature=temperature,
        vapor_pressure=vapor,
        wind_speed=wind,
        solar_radiation=solar / MJ_PER_HOUR,
        relative_shortwave=cloudiness,
        pressure=et.pressure_of_elevation(8.0),
    )
    close(value, expected[3], 2)


def test_example_20_lyon_without_radiation_and_humidity():
    extraterrestrial = ra.extraterrestrial_radiation(196, 45.72)
    solar = 0.16 * np.sqrt(26.6 - 14.8) * extraterrestrial  # FAO-56 eq. 50
    close(extraterrestrial * MJ_PER_DAY, 40.55, 2)
    close(solar * MJ_PER_DAY, 22.29, 2)
    value = et.penman_monteith_daily(
        temperature_min=14.8,
        temperature_max=26.6,
        vapor_pressure=et.saturation_vapor_pressure(14.8),
        wind_speed=2.0,
        solar_radiation=solar,
        clear_sky_radiation=ra.clear_sky_radiation(extraterrestrial, 200.0),
        pressure=et.pressure_of_elevation(200.0),
    )
    close(value, 4.56, 2)
    close(et.hargreaves_samani(14.8, 26.6, extraterrestrial), 5.0, 1)


def test_hours_of_asce_at_greeley():
    d = table("asce_hourly.csv")
    hour = d["clock_hour_end"] - 1.0 + 7.0
    latitude, longitude = np.rad2deg(0.7053), -104.78
    extraterrestrial = ra.extraterrestrial_radiation_hourly(
        d["day_of_year"], hour, latitude, longitude
    )
    clear = ra.clear_sky_radiation(extraterrestrial, 1462.4)
    # Half a unit of the last printed digit; one for what is computed from printed numbers.
    printed = extraterrestrial * MJ_PER_HOUR, clear * MJ_PER_HOUR
    np.testing.assert_allclose(printed[0], d["extraterrestrial_MJ"], atol=0.0055)
    np.testing.assert_allclose(printed[1], d["clear_sky_MJ"], atol=0.0055)

    solar = d["solar_radiation_MJ"] / MJ_PER_HOUR
    ratio = solar / np.maximum(clear, 1e-9)
    elevation = ra.solar_elevation(d["day_of_year"], hour, latitude, longitude)
    high = (np.asarray(elevation) > 0.3) & (np.asarray(ratio) > 0.3)
    assert high.sum() == 14
    cloudiness = ra.relative_shortwave(solar, clear)
    vapor = 10.0 * d["vapor_pressure_kPa"]
    longwave = ra.net_longwave(d["temperature"], d["temperature"], vapor, cloudiness)
    difference = np.asarray(longwave * MJ_PER_HOUR) - d["net_longwave_MJ"]
    assert np.abs(difference[high]).max() < 0.003
    value = et.penman_monteith_hourly(
        temperature=d["temperature"],
        vapor_pressure=vapor,
        wind_speed=d["wind_speed"],
        solar_radiation=solar,
        relative_shortwave=cloudiness,
        pressure=et.pressure_of_elevation(1462.4),
        surface=et.ASCE_SHORT_HOURLY,
    )
    difference = np.asarray(value) - d["reference_evapotranspiration"]
    assert np.abs(difference[high]).max() < 0.006


def test_days_of_pyet():
    d = table("pyet_daily.csv")
    low, high = d["temperature_min"], d["temperature_max"]
    extraterrestrial = ra.extraterrestrial_radiation(d["day_of_year"], d["latitude"])
    # Ten digits are kept in the file: 1e-9 relative.
    np.testing.assert_allclose(extraterrestrial * MJ_PER_DAY, d["extraterrestrial"], rtol=1e-9)
    vapor = et.vapor_pressure_of_humidity_range(
        low, high, d["relative_humidity_min"], d["relative_humidity_max"]
    )
    solar = d["solar_radiation"] / MJ_PER_DAY
    clear = ra.clear_sky_radiation(extraterrestrial, d["elevation"])
    pressure = et.pressure_of_elevation(d["elevation"])
    value = et.penman_monteith_daily(
        temperature_min=low,
        temperature_max=high,
        vapor_pressure=vapor,
        wind_speed=d["wind_speed"],
        solar_radiation=solar,
        clear_sky_radiation=clear,
        pressure=pressure,
    )
    np.testing.assert_allclose(value, d["penman_monteith"], atol=2e-9)
    net = ra.net_shortwave(solar) - ra.net_longwave(
        low, high, vapor, ra.relative_shortwave(solar, clear)
    )
    mean = 0.5 * (low + high)
    value = et.priestley_taylor(temperature=mean, net_radiation=net, pressure=pressure)
    np.testing.assert_allclose(value, d["priestley_taylor"], atol=2e-9)
    # pyet lets the latent heat follow temperature, FAO-56 writes 0.408; never negative here.
    value = et.hargreaves_samani(low, high, extraterrestrial)
    other = np.maximum(d["hargreaves"] * (2.501 - 0.002361 * mean) * 0.408, 0.0)
    np.testing.assert_allclose(value, other, atol=1e-8)
