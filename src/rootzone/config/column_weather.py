"""Weather, snow and plants of a study `column`."""

import itertools
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rootzone.config.base import Duration, Part, UtcTime, in_order, one_or_more
from rootzone.config.tables import ColumnSpec, FileTable, single_column
from rootzone.core import nearest
from rootzone.water.climates import CLIMATES

# --- weather ----------------------------------------------------------------------------


def _climate(name: str) -> str:
    for known in CLIMATES:
        if known.lower() == name.lower():
            return known
    raise ValueError(
        f"there is no climate '{name}', known are: {', '.join(CLIMATES)}{nearest(name, CLIMATES)}"
    )


ClimateName = Annotated[str, AfterValidator(_climate)]
"""A climate of the weather generator."""


class GeneratedWeather(Part):
    """Weather drawn by the stochastic generator."""

    method: Literal["generator"]
    climate: ClimateName = Field(
        default="temperate maritime", description="climate of the generator"
    )
    years: int = Field(default=3, ge=1, le=200, description="length; years have 365 days [a]")
    start: UtcTime = Field(
        default="2001-01-01T00:00:00Z",  # pyright: ignore[reportArgumentType]
        validate_default=True,
        description="time stamp of the first day, which sets the season (UTC)",
    )
    rain_within_day: Literal["uniform", "storms"] = Field(
        default="uniform",
        description="rain spread over the day, or hourly storms with hourly evaporation",
    )
    shared: bool = Field(
        default=False, description="all members have the same weather; otherwise each its own"
    )


class WeatherColumns(Part):
    """Which column holds which quantity."""

    precipitation: ColumnSpec | None = Field(default=None, description="precipitation per interval")
    temperature: ColumnSpec | None = Field(default=None, description="mean air temperature")
    temperature_min: ColumnSpec | None = Field(
        default=None, description="lowest air temperature of the day"
    )
    temperature_max: ColumnSpec | None = Field(
        default=None, description="highest air temperature of the day"
    )
    relative_humidity: ColumnSpec | None = Field(default=None, description="mean relative humidity")
    dew_point: ColumnSpec | None = Field(default=None, description="dew point")
    solar_radiation: ColumnSpec | None = Field(
        default=None, description="solar radiation, mean of the interval"
    )
    wind_speed: ColumnSpec | None = Field(default=None, description="wind speed")
    pressure: ColumnSpec | None = Field(
        default=None, description="air pressure; left out: from the elevation"
    )
    potential_evapotranspiration: ColumnSpec | None = Field(
        default=None, description="potential evapotranspiration per interval"
    )

    @model_validator(mode="after")
    def _alone(self) -> "WeatherColumns":
        single_column(self.given())
        return self

    def given(self) -> dict[str, ColumnSpec]:
        """Return the given columns by quantity."""
        return {n: c for n in type(self).model_fields if (c := getattr(self, n)) is not None}


class WeatherTable(FileTable):
    """A table of weather."""

    interval: Duration | None = Field(
        default=None,
        description="length of an interval, 1h or 1d; left out: the most frequent step",
    )
    columns: WeatherColumns = Field(description="columns")


class RecordedWeather(Part):
    """Weather from tables, daily or hourly, without gaps; the same for all members."""

    method: Literal["tables"]
    tables: Annotated[
        list[WeatherTable],
        BeforeValidator(one_or_more, json_schema_input_type=list[WeatherTable] | WeatherTable),
    ] = Field(min_length=1, description="tables")
    potential_evapotranspiration: Literal[
        "given", "penman_monteith", "priestley_taylor", "hargreaves_samani"
    ] = Field(
        default="given",
        description="a column, or computed (FAO-56 and others) for the site's latitude",
    )
    wind_height: float = Field(
        default=2.0, ge=0.5, le=200, description="height of the wind measurement [m]"
    )
    start: UtcTime | None = Field(
        default=None, description="first day of the run (UTC); left out: that of the record"
    )
    end: UtcTime | None = Field(
        default=None, description="end of the run, not in it (UTC); left out: end of the record"
    )

    @model_validator(mode="after")
    def _order(self) -> "RecordedWeather":
        in_order(self.start, self.end)
        return self


Weather = Annotated[GeneratedWeather | RecordedWeather, Field(discriminator="method")]


# --- snow and plants --------------------------------------------------------------------


class NoSnow(Part):
    """All precipitation is rain."""

    method: Literal["none"]


class DegreeDaySnow(Part):
    """Degree-day snow."""

    method: Literal["degree_day"] = "degree_day"
    melt_factor: float = Field(
        default=4.0, gt=0, le=20, description="melt factor [mm degC-1 d-1]; Hock 2003: 1.6 to 11.6"
    )
    threshold: float = Field(
        default=1.0, ge=-5, le=5, description="temperature at which half is snow [degC]"
    )
    transition: float = Field(
        default=2.0, ge=0, le=10, description="width of the change from snow to rain [degC]"
    )
    retention: float = Field(
        default=0.1, ge=0, le=0.5, description="liquid water that the pack holds [1] (HBV)"
    )
    refreezing: float = Field(
        default=0.05, ge=0, le=1, description="refreezing over melt factor [1] (HBV)"
    )


Snow = Annotated[NoSnow | DegreeDaySnow, Field(discriminator="method")]


class LeafTable(Part):
    """Leaf area index through the year."""

    day_of_year: list[float] = Field(min_length=2, description="days, increasing, 1 to 366")
    leaf_area: list[Annotated[float, Field(ge=0, le=15)]] = Field(
        min_length=2, description="leaf area index on these days [m2 m-2]"
    )

    @model_validator(mode="after")
    def _match(self) -> "LeafTable":
        days = self.day_of_year
        if len(days) != len(self.leaf_area):
            raise ValueError(
                f"leaf_area has {len(self.leaf_area)} values for {len(days)} days of the year"
            )
        rising = all(a < b for a, b in itertools.pairwise(days))
        if not rising or days[0] < 1 or days[-1] > 366:
            raise ValueError("day_of_year must increase from 1 to 366")
        return self


class RootParts(Part):
    """What every root distribution has."""

    depth: float = Field(default=50.0, gt=0, le=1000, description="rooting depth [cm]")
    smallest_depth: float | None = Field(
        default=None,
        gt=0,
        description="rooting depth without leaves, from which roots grow with the leaf area [cm]; "
        "left out: roots do not grow",
    )

    @model_validator(mode="after")
    def _order(self) -> "RootParts":
        if self.smallest_depth is not None and self.smallest_depth >= self.depth:
            raise ValueError(
                f"smallest_depth is {self.smallest_depth:g} cm, wanted below depth "
                f"({self.depth:g} cm)"
            )
        return self


class HoffmanRoots(RootParts):
    """Even in the upper fifth, then linear to zero (Hoffman and van Genuchten 1983)."""

    method: Literal["hoffman_van_genuchten"]


class ExponentialRoots(RootParts):
    """Exponential, ended at the rooting depth."""

    method: Literal["exponential"]
    scale: float = Field(
        default=0.5, gt=0, le=5, description="depth of 1/e over the rooting depth [1]"
    )


class JacksonRoots(RootParts):
    """Jackson et al. (1996)."""

    method: Literal["jackson"]
    beta: float = Field(
        default=0.943,
        gt=0.5,
        lt=1,
        description="extinction [1]: 0.943 temperate grassland, 0.961 crops, 0.966 forest",
    )


RootDistribution = Annotated[
    HoffmanRoots | ExponentialRoots | JacksonRoots, Field(discriminator="method")
]


class FeddesStress(Part):
    """Water stress of the roots (Feddes et al. 1978); defaults are those of grass."""

    h_anaerobic: float = Field(default=-10.0, le=0, description="no uptake above [cm]")
    h_optimal: float = Field(default=-25.0, lt=0, description="full uptake below [cm]")
    h_dry_fast: float = Field(
        default=-200.0, lt=0, description="full uptake above, at high demand [cm]"
    )
    h_dry_slow: float = Field(
        default=-800.0, lt=0, description="full uptake above, at low demand [cm]"
    )
    h_wilting: float = Field(default=-8000.0, lt=0, description="no uptake below [cm]")
    high_demand: float = Field(default=5.0, gt=0, description="high demand [mm d-1]")
    low_demand: float = Field(default=1.0, gt=0, description="low demand [mm d-1]")

    @model_validator(mode="after")
    def _order(self) -> "FeddesStress":
        names = ("h_anaerobic", "h_optimal", "h_dry_fast", "h_dry_slow", "h_wilting")
        for above, below in itertools.pairwise(names):
            if getattr(self, below) > getattr(self, above):
                raise ValueError(
                    f"{below} is {getattr(self, below):g} cm, wanted below {above} "
                    f"({getattr(self, above):g} cm)"
                )
        if self.low_demand >= self.high_demand:
            raise ValueError(
                f"low_demand is {self.low_demand:g} mm d-1, wanted below high_demand "
                f"({self.high_demand:g} mm d-1)"
            )
        return self


class BareSoil(Part):
    """No plants."""

    method: Literal["bare"]


class Plants(Part):
    """Leaves that take their share of evapotranspiration and rain, and roots."""

    method: Literal["plants"]
    leaf_area: float | LeafTable = Field(
        default=3.0, description="leaf area index [m2 m-2]: a number, or a table of the year"
    )
    extinction: float = Field(
        default=0.463, gt=0, le=1, description="extinction of light in the canopy [1]"
    )
    interception: Literal["store", "braden", "none"] = Field(
        default="store",
        description="a store of 0.2 mm per leaf area, Braden (1985) for daily rain, or none",
    )
    roots: RootDistribution = Field(
        default=HoffmanRoots(method="hoffman_van_genuchten"), description="where the roots are"
    )
    stress: FeddesStress = Field(default_factory=FeddesStress)
    critical_stress: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="stress index down to which wet layers make up for dry ones [1]; 1: never",
    )

    @model_validator(mode="after")
    def _leaves(self) -> "Plants":
        if isinstance(self.leaf_area, float) and not 0 < self.leaf_area <= 15:
            raise ValueError(f"leaf_area is {self.leaf_area:g}, wanted above 0 and up to 15")
        return self


Vegetation = Annotated[BareSoil | Plants, Field(discriminator="method")]
