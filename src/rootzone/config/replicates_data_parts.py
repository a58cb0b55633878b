"""Parts of networks of replicate sensors: tables of sensors, of inputs, and the reference."""

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rootzone.config.base import Duration, Part, Text, UtcTime, in_order, of
from rootzone.config.tables import ColumnSpec, Files, FileTable, Words, single_column

_MARKS = ("{replicate}", "{depth}")
_SENSOR_MARK = re.compile(r"\{([^}]*)\}")
RESERVED = {
    *("place", "depth", "replicate", "column", "time", "group", "latitude", "longitude"),
    *("elevation", "soil_moisture", "true_soil_moisture", "era5_land", "potential_radiation"),
}


def in_centimeters(depths: list[float], what: str) -> None:
    """Refuse depths that must be meters: no sensor lies within the first centimeter."""
    if depths and min(depths) < 1.0:
        shown, meant = (", ".join(f"{f * d:g}" for d in depths) for f in (1.0, 100.0))
        raise ValueError(f"{what} are {shown} cm, these look like meters: wanted {meant}")


# --- sensors ----------------------------------------------------------------------------


class SensorColumn(Part):
    """The column of a sensor."""

    column: Text = Field(description="name of the column")
    depth: float = of("depth", "depth of the sensor")
    replicate: Text = Field(
        description="which of the sensors of this depth, e.g. A; the same word for a profile"
    )
    units: Text = Field(
        default="m3 m-3", description="unit as the file has it, e.g. m3 m-3 or percent"
    )


class SensorTable(FileTable):
    """A table of soil moisture: its columns one by one, or by the pattern of their names."""

    interval: Duration | None = Field(
        default=None,
        description="length of an interval, e.g. 1h; left out: the most frequent step",
    )
    columns: list[SensorColumn] = Field(default_factory=list, description="columns, one by one")
    pattern: Text | None = Field(
        default=None,
        description="names of the columns instead, e.g. P{replicate}_D{depth}; without "
        "{replicate} all are of the replicate below",
    )
    depths: dict[str, Annotated[float, of("depth", "depth")]] = Field(
        default_factory=dict,
        description="depth [cm] of what the pattern calls {depth}, e.g. {1: 10, 2: 25}; others "
        "are left out, told; left out: the name is the depth in cm",
    )
    replicate: Text = Field(default="A", description="replicate of a pattern without {replicate}")
    units: Text = Field(default="m3 m-3", description="unit of the columns of the pattern")

    @model_validator(mode="after")
    def _one_way(self) -> "SensorTable":
        if bool(self.columns) == (self.pattern is not None):
            raise ValueError("a table of sensors wants either columns or pattern")
        fields = type(self).model_fields
        given = [n for n in ("replicate", "units") if getattr(self, n) != fields[n].default]
        given += ["depths"] if self.depths else []
        if self.pattern is None and given:
            raise ValueError(f"{given[0]} goes with pattern: columns have their own")
        if self.pattern is not None:
            marks = _SENSOR_MARK.findall(self.pattern)
            wrong = [m for m in marks if f"{{{m}}}" not in _MARKS]
            if wrong or len(set(marks)) < len(marks) or "depth" not in marks:
                raise ValueError(
                    f"pattern is '{self.pattern}', wanted {{depth}} and, where there are several, "
                    "{replicate}, each once"
                )
            if "replicate" in marks and "replicate" in given:
                raise ValueError("replicate stands in the pattern already")
        in_centimeters([c.depth for c in self.columns] or list(self.depths.values()), "depths")
        return self


class ExcludedTime(Part):
    """A time whose values are known to be wrong."""

    start: UtcTime | None = Field(default=None, description="first time left out")
    end: UtcTime | None = Field(default=None, description="first time that is used again")
    reason: Text = Field(description="why, told in the log")

    @model_validator(mode="after")
    def _ordered(self) -> "ExcludedTime":
        in_order(self.start, self.end)
        if not any(getattr(self, n) for n in type(self).model_fields if n != "reason"):
            raise ValueError("an exclusion says what is left out: start, end, or which sensors")
        return self


class Excluded(ExcludedTime):
    """Readings that are known to be wrong; what is not named: all of that kind."""

    depths: list[float] = Field(default_factory=list, description="depths [cm]")
    replicates: Words = Field(default_factory=list, description="replicates")


# --- what drives the water --------------------------------------------------------------


class InputColumn(ColumnSpec):
    """A column of an input, and what its gaps mean."""

    gaps: Literal["missing", "zero", "interpolate"] = Field(
        default="missing",
        description="missing: gaps; zero: a table of events, no row means none; interpolate: "
        "linearly between dates, for what changes slowly",
    )
    longest: Duration = Field(
        default="30d", validate_default=True, description="longest gap that is interpolated"
    )


class InputColumns(Part):
    """Which column holds which input; amounts are those of an interval."""

    precipitation: InputColumn | None = Field(default=None, description="precipitation, amount")
    irrigation: InputColumn | None = Field(default=None, description="irrigation, amount")
    potential_evapotranspiration: InputColumn | None = Field(
        default=None, description="potential evapotranspiration, amount"
    )
    discharge: InputColumn | None = Field(
        default=None, description="discharge: m3 s-1 and the like, or an amount such as mm"
    )
    temperature: InputColumn | None = Field(default=None, description="air temperature")
    soil_temperature: InputColumn | None = Field(default=None, description="soil temperature")
    relative_humidity: InputColumn | None = Field(default=None, description="relative humidity")
    absolute_humidity: InputColumn | None = Field(default=None, description="absolute humidity")
    pressure: InputColumn | None = Field(default=None, description="air pressure")
    solar_radiation: InputColumn | None = Field(default=None, description="solar radiation")
    wind_speed: InputColumn | None = Field(default=None, description="wind speed")
    snow_depth: InputColumn | None = Field(default=None, description="snow depth")
    snow_water_equivalent: InputColumn | None = Field(
        default=None, description="snow water equivalent"
    )
    counts: InputColumn | None = Field(
        default=None, description="neutron counts: count (per interval) or a rate such as h-1"
    )
    biomass_water: InputColumn | None = Field(default=None, description="biomass water equivalent")
    leaf_area: InputColumn | None = Field(default=None, description="leaf area index")

    @model_validator(mode="after")
    def _some(self) -> "InputColumns":
        given = self.given()
        if not given:
            raise ValueError("a table of inputs wants one column at least")
        single_column({n: c for n, c in given.items() if n != "counts"})
        return self

    def given(self) -> dict[str, InputColumn]:
        """Return the given columns by quantity."""
        return {n: c for n in type(self).model_fields if (c := getattr(self, n)) is not None}


class PlaceInputs(FileTable):
    """A table of inputs of one place."""

    interval: Duration | None = Field(
        default=None,
        description="length of an interval, e.g. 1d; left out: the most frequent step",
    )
    columns: InputColumns = Field(description="columns")
    exclude: list[ExcludedTime] = Field(
        default_factory=list, description="times whose values are left out"
    )


class SharedInputs(PlaceInputs):
    """A table of inputs that each place takes from the nearest station that has them."""

    name: Text = Field(description="name of the station")
    latitude: float = of("latitude")
    longitude: float = of("longitude")


class Era5Layer(Part):
    """A layer of the reference."""

    name: Text = Field(description="variable or column")
    upper: float = of("depth", "upper edge")
    lower: float = of("depth", "lower edge")


class Era5Land(Part):
    """Soil moisture of ERA5-Land (or a grid like it) beside the sensors."""

    files: Files = Field(
        description="NetCDF files, or tables with columns valid_time, latitude, longitude, swvl1.."
    )
    layers: list[Era5Layer] = Field(
        default=[
            Era5Layer(name="swvl1", upper=0, lower=7),
            Era5Layer(name="swvl2", upper=7, lower=28),
            Era5Layer(name="swvl3", upper=28, lower=100),
        ],
        min_length=1,
        description="layers from the surface down",
    )
    layer_of_depth: Literal["containing", "paper"] | dict[float, int] = Field(
        default="containing",
        description="layer that a depth is compared with: that which holds it; paper: 1, 2, 3 for "
        "what is nearest to 10, 30, 50 cm; or the number of the layer by depth",
    )
    units: Text = Field(default="m3 m-3", description="unit of tables; NetCDF files tell their own")

    @model_validator(mode="after")
    def _possible(self) -> "Era5Land":
        edges = [e for layer in self.layers for e in (layer.upper, layer.lower)]
        if edges != sorted(edges) or any(x.upper == x.lower for x in self.layers):
            raise ValueError("layers are wanted from the surface down, upper edges first")
        given = self.layer_of_depth
        numbers = given.values() if isinstance(given, dict) else [3] if given == "paper" else []
        wrong = next((n for n in numbers if not 1 <= n <= len(self.layers)), None)
        if wrong is not None:
            raise ValueError(f"there is no layer {wrong}, there are {len(self.layers)}")
        return self
