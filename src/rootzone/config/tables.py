"""How a study names files, columns, units and times."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from rootzone.config.base import Duration, Part, Text, Zone, of, one_or_more

Files = Annotated[
    list[Text],
    BeforeValidator(one_or_more, json_schema_input_type=list[Text] | Text),
    Field(min_length=1),
]
Words = Annotated[
    list[Text], BeforeValidator(one_or_more, json_schema_input_type=list[Text] | Text)
]


def _one_sign(text: str) -> str:
    if len(text) != 1 or text.isalnum() or text in "\"'\n\r.+-_#":
        raise ValueError(
            f"separator is {text!r}, wanted one sign such as ';' or \"\\t\" (a blank: any blanks)"
        )
    return text


# Not stripped: a tab is a separator too.
Separator = Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(_one_sign)]
Format = Literal["csv", "toa5", "neptoon", "cosmos_europe", "hydroinnova"]


class TimeSpec(Part):
    """Where the time stands and how it is written."""

    column: Text | None = Field(
        default=None,
        description="column of the time stamps; left out: the first, or that of the format",
    )
    format: str | None = Field(
        default=None,
        description="strptime format; left out: ISO 8601 or day.month.year, told in the log",
    )
    day_first: bool | None = Field(
        default=None,
        description="whether 03/04/2020 is the third of April; left out: from the data",
    )
    timezone: Zone | None = Field(
        default=None,
        description="zone of stamps without one, e.g. Europe/Berlin or +01:00; left out: UTC, told",
    )
    stamp: Literal["start", "middle", "end"] = Field(
        default="start", description="which point of its interval a stamp marks"
    )


class ColumnSpec(Part):
    """A column and its unit."""

    column: Files = Field(
        description="name of the column; several tubes of a detector are added up"
    )
    units: Text = Field(description="unit as the file has it, e.g. hPa, kPa, percent, count, h-1")

    @model_validator(mode="after")
    def _different(self) -> "ColumnSpec":
        for name in self.column:
            if self.column.count(name) > 1:
                raise ValueError(f"column '{name}' stands twice, it would be counted twice")
        return self


def single_column(specs: dict[str, ColumnSpec]) -> None:
    """Refuse several columns for what cannot be added up."""
    for name, spec in specs.items():
        if len(spec.column) > 1:
            raise ValueError(f"{name} wants one column, several are added up for counts only")


class SensorSpec(Part):
    """An in-situ soil moisture sensor."""

    column: Text = Field(description="name of the column")
    depth: float = of("depth", "depth of the sensor")
    units: Text = Field(
        default="m3 m-3", description="unit as the file has it, e.g. m3 m-3 or percent"
    )
    distance: float | None = of("distance", "distance from the detector", None)


class Columns(Part):
    """Which column holds which quantity."""

    counts: ColumnSpec | None = Field(
        default=None,
        description="raw neutron counts: unit count (per interval) or a rate such as h-1",
    )
    pressure: ColumnSpec | None = Field(default=None, description="air pressure at the station")
    temperature: ColumnSpec | None = Field(default=None, description="air temperature")
    relative_humidity: ColumnSpec | None = Field(default=None, description="relative humidity")
    absolute_humidity: ColumnSpec | None = Field(default=None, description="absolute humidity")
    precipitation: ColumnSpec | None = Field(default=None, description="precipitation per interval")
    potential_evapotranspiration: ColumnSpec | None = Field(
        default=None, description="potential evapotranspiration per interval"
    )
    snow_depth: ColumnSpec | None = Field(default=None, description="snow depth")
    snow_water_equivalent: ColumnSpec | None = Field(
        default=None, description="snow water equivalent"
    )
    soil_temperature: ColumnSpec | None = Field(
        default=None, description="shallow soil temperature, tells frozen soil"
    )
    incoming_intensity: ColumnSpec | None = Field(
        default=None, description="count rate of a neutron monitor (NMDB: acknowledge the station)"
    )
    biomass_water: ColumnSpec | None = Field(default=None, description="biomass water equivalent")
    dry_biomass: ColumnSpec | None = Field(default=None, description="dry above-ground biomass")
    latitude: ColumnSpec | None = Field(default=None, description="latitude of a mobile detector")
    longitude: ColumnSpec | None = Field(default=None, description="longitude of a mobile detector")
    speed: ColumnSpec | None = Field(default=None, description="ground speed of a mobile detector")
    soil_moisture: Annotated[
        list[SensorSpec],
        BeforeValidator(one_or_more, json_schema_input_type=list[SensorSpec] | SensorSpec),
    ] = Field(default_factory=list, description="in-situ sensors, one entry per sensor")

    @model_validator(mode="after")
    def _alone(self) -> "Columns":
        added_up = ("counts", "incoming_intensity")
        single_column({n: c for n, c in self.scalar_columns().items() if n not in added_up})
        return self

    def scalar_columns(self) -> dict[str, ColumnSpec]:
        """Return the given columns by quantity, without the sensors."""
        names = (n for n in type(self).model_fields if n != "soil_moisture")
        return {n: c for n in names if (c := getattr(self, n)) is not None}


class FileTable(Part):
    """One table in one or several files of the same layout."""

    files: Files = Field(
        description="paths, relative to the study file; globs; example:NAME/FILE for shipped data"
    )
    format: Format = Field(default="csv", description="layout of the file")
    separator: Separator | None = Field(
        default=None,
        description="column separator, one sign (a blank: any blanks); left out: from the data",
    )
    decimal: Literal[".", ","] = Field(default=".", description="decimal mark")
    missing: Words = Field(
        default_factory=list, description="further words for missing values, e.g. -999"
    )
    time: TimeSpec = Field(default_factory=TimeSpec, description="time stamps")


class SeriesTable(FileTable):
    """A table of time series."""

    interval: Duration | None = Field(
        default=None,
        description="length of an interval, e.g. 30min; left out: the most frequent step",
    )
    columns: Columns = Field(
        default_factory=Columns,
        description="columns; formats with fixed names (neptoon, cosmos_europe, hydroinnova) "
        "fill in what is not given",
    )


class SampleColumns(Part):
    """Columns of a table of soil samples, one row per sample."""

    profile: Text = Field(description="name or number of the profile")
    distance: ColumnSpec = Field(description="distance of the profile from the detector")
    depth: ColumnSpec = Field(description="mid-depth of the sample")
    gravimetric_water: ColumnSpec | None = Field(default=None, description="water content by mass")
    volumetric_water: ColumnSpec | None = Field(default=None, description="water content by volume")
    bulk_density: ColumnSpec | None = Field(
        default=None, description="dry bulk density of the sample"
    )
    lattice_water: ColumnSpec | None = Field(default=None, description="lattice water")
    soil_organic_carbon: ColumnSpec | None = Field(default=None, description="soil organic carbon")

    @model_validator(mode="after")
    def _one_water(self) -> "SampleColumns":
        if (self.gravimetric_water is None) == (self.volumetric_water is None):
            raise ValueError("give either gravimetric_water or volumetric_water")
        single_column({n: c for n, c in vars(self).items() if isinstance(c, ColumnSpec)})
        return self


class SampleTable(FileTable):
    """A table of soil samples."""

    columns: SampleColumns = Field(description="columns of the samples")
