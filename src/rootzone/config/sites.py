"""Single sites as the domain of a distributed model: stations with their weather and counts."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, Text, of, one_or_more
from rootzone.config.tables import ColumnSpec, SensorSpec, SeriesTable, single_column
from rootzone.core import nearest

LandCoverName = Literal["forest", "impervious", "pervious"]

LEAF_AREA: dict[str, tuple[float, float]] = {
    "coniferous": (4.5, 6.0),
    "deciduous": (0.5, 5.0),
    "mixed": (2.5, 5.5),
    "shrubs": (0.5, 2.0),
    "grass": (0.5, 2.5),
    "crops": (0.2, 3.5),
    "town": (0.2, 0.9),
}
"""Leaf area in January and July of the north [m2 m-2]: assumptions of the size that field data
have (Asner et al. 2003, doi:10.1046/j.1466-822X.2003.00026.x). The model stores rain on leaves
and takes nothing else from them with Hargreaves and Samani."""

LEAF_AREA_OF_COVER: dict[str, str] = {"forest": "mixed", "impervious": "town", "pervious": "grass"}
"""Class of leaf area of a land cover where the study names none."""

LOAM = (40.0, 20.0)
"""Sand and clay [%] of a site whose texture is not known: the middle of loam, where a search
starts."""


class SiteColumns(Part):
    """Which column of a table of a site holds which quantity."""

    precipitation: ColumnSpec | None = Field(default=None, description="precipitation per interval")
    temperature: ColumnSpec | None = Field(default=None, description="mean air temperature")
    temperature_min: ColumnSpec | None = Field(
        default=None, description="lowest air temperature of the day; left out: of finer data"
    )
    temperature_max: ColumnSpec | None = Field(
        default=None, description="highest air temperature of the day; left out: of finer data"
    )
    count_rate: ColumnSpec | None = Field(default=None, description="corrected count rate")
    count_rate_sigma: ColumnSpec | None = Field(
        default=None, description="its standard deviation; left out: of counting, told"
    )
    snow_depth: ColumnSpec | None = Field(default=None, description="snow depth")
    snow_water_equivalent: ColumnSpec | None = Field(
        default=None, description="snow water equivalent"
    )
    soil_temperature: ColumnSpec | None = Field(
        default=None, description="shallow soil temperature, tells frozen soil"
    )
    soil_moisture: Annotated[
        list[SensorSpec],
        BeforeValidator(one_or_more, json_schema_input_type=list[SensorSpec] | SensorSpec),
    ] = Field(default_factory=list, description="in-situ sensors, one entry per sensor")

    @model_validator(mode="after")
    def _alone(self) -> "SiteColumns":
        single_column(self.scalar_columns())
        return self

    def scalar_columns(self) -> dict[str, ColumnSpec]:
        """Return the given columns by quantity, without the sensors."""
        names = (n for n in type(self).model_fields if n != "soil_moisture")
        return {n: c for n in names if (c := getattr(self, n)) is not None}


class SiteTable(SeriesTable):
    """A table of a site, daily or finer."""

    columns: SiteColumns = Field(description="columns of the table")  # pyright: ignore[reportIncompatibleVariableOverride]


class SiteLayer(Part):
    """A layer of soil."""

    lower: float = Field(gt=0, le=20000, description="lower depth of the layer [mm]")
    sand: float = Field(ge=1, le=98, description="sand [%]")
    clay: float = Field(ge=1, le=98, description="clay [%]")
    bulk_density: float = of("bulk_density", "dry bulk density")

    @model_validator(mode="after")
    def _whole(self) -> "SiteLayer":
        _at_most_all(self.sand, self.clay)
        return self


class SiteSoil(Part):
    """Soil of a site: one texture to the end of the soil, or layers."""

    sand: float | None = Field(
        default=None, ge=1, le=98, description="sand [%]; left out: not known, loam to start from"
    )
    clay: float | None = Field(
        default=None, ge=1, le=98, description="clay [%]; left out: not known, loam to start from"
    )
    bulk_density: float | None = of(
        "bulk_density", "dry bulk density with organic matter; left out: of the run", None
    )
    depth: float = Field(default=2000.0, gt=0, le=20000, description="end of the soil [mm]")
    layers: list[SiteLayer] = Field(
        default_factory=list,
        description="layers of different soil instead, from the surface down; known, not searched",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "SiteSoil":
        if (self.sand is None) != (self.clay is None):
            raise ValueError("sand and clay are known together, or not at all")
        if self.sand is not None and self.clay is not None:
            _at_most_all(self.sand, self.clay)
        if self.layers and self.model_fields_set & {"sand", "clay", "bulk_density", "depth"}:
            raise ValueError("layers hold sand, clay, bulk_density and depth: give them there only")
        if any(b.lower <= a.lower for a, b in pairwise(self.layers)):
            raise ValueError(f"layers end at {[x.lower for x in self.layers]} mm, wanted deeper")
        return self

    @property
    def known(self) -> bool:
        """Whether the texture is known."""
        return bool(self.layers) or self.sand is not None


def _at_most_all(sand: float, clay: float) -> None:
    if sand + clay > 100.0:
        raise ValueError(f"sand {sand:g} % and clay {clay:g} % exceed 100 % together")


class SiteOfDomain(Part):
    """A site: the run of its station study, tables, or both (tables go first)."""

    name: Text = Field(description="name of the site, each its own")
    run: Text | None = Field(
        default=None, description="folder of a finished run of the study `station`"
    )
    tables: Annotated[
        list[SiteTable],
        BeforeValidator(one_or_more, json_schema_input_type=list[SiteTable] | SiteTable),
    ] = Field(default_factory=list, description="tables of weather, counts, sensors")
    latitude: float | None = of("latitude", "latitude; left out: of the run", None)
    longitude: float | None = of("longitude", "longitude; left out: of the run", None)
    elevation: float | None = of("elevation", "elevation; left out: of the run", None)
    land_cover: LandCoverName = Field(description="land cover")
    leaf_area: str | list[float] | None = Field(
        default=None,
        description="leaf area [m2 m-2]: twelve months, or coniferous, deciduous, mixed, shrubs, "
        "grass, crops, town; left out: mixed for forest, town for impervious, otherwise grass",
    )
    soil: SiteSoil = Field(default_factory=SiteSoil)
    slope: float = Field(default=0.0, ge=0, le=500, description="slope [%]; runoff only")
    aspect: float = Field(
        default=90.0,
        ge=0,
        le=360,
        description="aspect [degrees from north]; 90, as flat land has none, corrects potential "
        "evapotranspiration by the middle of north and south",
    )
    N0: float | None = of("N0", "count rate over dry soil; left out: of the run", None, gt=0)
    lattice_water: float | None = of("lattice_water", "lattice water; left out: of the run", None)
    organic_water: float | None = of("organic_water", "organic water; left out: of the run", None)

    @model_validator(mode="after")
    def _complete(self) -> "SiteOfDomain":
        leaves = self.leaf_area
        if isinstance(leaves, str) and leaves not in LEAF_AREA:
            raise ValueError(
                f"leaf_area is '{leaves}', wanted twelve values or {', '.join(LEAF_AREA)}"
                f"{nearest(leaves, LEAF_AREA)}"
            )
        if isinstance(leaves, list) and (
            len(leaves) != 12 or not all(0 <= v <= 30 for v in leaves)
        ):
            raise ValueError("leaf_area wants twelve values between 0 and 30, or a class")
        if self.run is None:
            if not self.tables:
                raise ValueError(
                    f"site '{self.name}': give run or tables, nothing tells its weather"
                )
            wanted = ("latitude", "longitude", "elevation")
            missing = [name for name in wanted if getattr(self, name) is None]
            if not self.soil.layers and self.soil.bulk_density is None:
                missing.append("soil.bulk_density")
            if missing:
                raise ValueError(
                    f"site '{self.name}': {', '.join(missing)} wanted, no run tells them"
                )
        return self


class WeatherGaps(Part):
    """What becomes of days without weather; all that is filled is told."""

    interpolate_days: int = Field(
        default=3, ge=0, le=30, description="longest gap of temperature that is interpolated [d]"
    )
    longer: Literal["refuse", "other_sites"] = Field(
        default="refuse",
        description="longer gaps of temperature: refuse, or take the other sites, each moved by "
        "its mean difference on the days that both have",
    )
    precipitation: Literal["refuse", "zero"] = Field(
        default="refuse", description="days without precipitation: refuse, or take them as dry"
    )


class SitesBase(Part):
    """Sites, each a cell of its own, with potential evapotranspiration from temperature."""

    sites: list[SiteOfDomain] = Field(min_length=1, max_length=1000, description="the sites")
    repeat_years: int = Field(
        default=3,
        ge=0,
        le=100,
        description="how often the first full year of the record is run before it to warm up",
    )
    gaps: WeatherGaps = Field(default_factory=WeatherGaps)

    @model_validator(mode="after")
    def _names(self) -> "SitesBase":
        names = [site.name for site in self.sites]
        double = sorted({n for n in names if names.count(n) > 1})
        if double:
            raise ValueError(f"two sites are called '{double[0]}': each wants its own name")
        return self
