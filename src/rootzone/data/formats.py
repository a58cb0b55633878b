"""Layouts of data files that the field uses: where the header stands, what columns mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_Preset = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Layout:
    """How to read a kind of file.

    Attributes
    ----------
    time : str or None
        Column of the time stamps.
    columns : mapping
        Quantity to (column, unit) for what the study does not name.
    """

    time: str | None = None
    columns: _Preset = field(default_factory=dict)


LAYOUTS: dict[str, Layout] = {
    "csv": Layout(),
    "toa5": Layout(time="TIMESTAMP"),
    "neptoon": Layout(
        time="date_time",
        columns={
            "counts": ("epithermal_neutrons_cph", "h-1"),
            "pressure": ("air_pressure", "hPa"),
            "temperature": ("air_temperature", "degC"),
            "relative_humidity": ("air_relative_humidity", "percent"),
            "precipitation": ("precipitation", "mm"),
            "incoming_intensity": ("incoming_neutron_intensity", "1"),
        },
    ),
    "cosmos_europe": Layout(
        time="DateTime_utc",
        columns={
            "counts": ("NeutronCount_Epithermal_Cum1h", "count"),
            "pressure": ("AirPressure", "hPa"),
            "temperature": ("AirTemperature", "degC"),
            "relative_humidity": ("AirHumidity_Relative", "percent"),
            "precipitation": ("Precipitation", "mm"),
        },
    ),
    "hydroinnova": Layout(
        time="Date Time(UTC)",
        columns={
            "pressure": ("barometric_pressure_Avg", "hPa"),
            "temperature": ("air_temperature_Avg", "degC"),
            "relative_humidity": ("relative_humidity_Avg", "percent"),
            "latitude": ("LatDec", "degree"),
            "longitude": ("LongDec", "degree"),
            "speed": ("Speed_kmh", "km/h"),
        },
    ),
}


def hydroinnova_header(lines: list[str]) -> tuple[list[str], int]:
    """Return the column names of a Hydroinnova logger file and the number of lines to skip.

    The names stand in comment lines behind ``//--Data Column Info:``.
    """
    names: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        if not line.startswith("//"):
            if names:
                return names, number
            continue
        if "Data Column Info" in line:
            inside = True
        elif inside:
            names += [n.strip() for n in line[2:].split(",") if n.strip()]
    return names, len(lines)


def hydroinnova_tubes(columns: list[str]) -> list[str]:
    """Return the columns of the counter tubes (N1Cts, N2Cts, ...)."""
    return [c for c in columns if re.fullmatch(r"N\d+Cts", c)]


def hydroinnova_seconds(columns: list[str]) -> list[str]:
    """Return the columns of the counted seconds of each record (N1ETsec, N3ETsec, ...)."""
    return [c for c in columns if re.fullmatch(r"N\d+ETsec", c)]
