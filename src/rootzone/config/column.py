"""The study kind `column`: weather, soil water and neutron counts of a site or an ensemble."""

from typing import Literal

from pydantic import Field, model_validator

from rootzone.config.base import Part, StudyBase, of
from rootzone.config.column_parts import (
    AtmosphereTop,
    BottomBoundary,
    FreeDrainageBottom,
    GradedGrid,
    GridPart,
    Neutrons,
    Output,
    Solver,
    Start,
    TopBoundary,
    WaterTableBottom,
)
from rootzone.config.column_soil import LayeredSoil, Soil
from rootzone.config.column_weather import (
    BareSoil,
    GeneratedWeather,
    NoSnow,
    Plants,
    Snow,
    Vegetation,
    Weather,
)
from rootzone.config.tables import Text
from rootzone.simulate import LAYERS


class ColumnSite(Part):
    """The place."""

    name: Text = Field(description="name of the site")
    latitude: float | None = of("latitude", "latitude, for computed evapotranspiration", None)
    longitude: float | None = of("longitude", "longitude, for hourly Penman-Monteith", None)
    elevation: float = of("elevation", default=0.0)
    source: str = Field(default="", description="who measured the data and where they are")
    license: str = Field(default="", description="license of the data")


class ColumnStudy(StudyBase):
    """Soil water of a site or an ensemble by the Richards equation, observed by neutrons."""

    kind: Literal["column"] = Field(default="column", description="kind of study")  # pyright: ignore[reportIncompatibleVariableOverride]
    precision: Literal["float64", "float32"] = Field(
        default="float32", description="floating point precision of the computation"
    )
    site: ColumnSite = Field(description="the place")
    soil: Soil = Field(description="the soil of the site, or the soils of an ensemble")
    weather: Weather = Field(
        default=GeneratedWeather(method="generator"), description="weather above the canopy"
    )
    vegetation: Vegetation = Field(default=BareSoil(method="bare"), description="plants")
    snow: Snow = Field(default=NoSnow(method="none"), description="snow in front of the column")
    top: TopBoundary = Field(
        default=AtmosphereTop(method="atmosphere"), description="upper boundary"
    )
    bottom: BottomBoundary = Field(
        default=FreeDrainageBottom(method="free_drainage"), description="lower boundary"
    )
    grid: GridPart = Field(default=GradedGrid(method="graded"), description="nodes of the column")
    start: Start = Field(default_factory=Start)
    solver: Solver = Field(default_factory=Solver)
    neutrons: Neutrons = Field(default_factory=Neutrons)
    output: Output = Field(default_factory=Output)

    @property
    def is_ensemble(self) -> bool:
        """Whether the study has members."""
        return not isinstance(self.soil, LayeredSoil)

    def layers(self) -> tuple[float, ...]:
        """Return the edges of the stored layers [cm]."""
        depth = self.grid.depth
        if self.output.layers is not None:
            return tuple(self.output.layers)
        return (*(e for e in LAYERS if e < depth), depth)

    @model_validator(mode="after")
    def _fits_the_profile(self) -> "ColumnStudy":
        depth = self.grid.depth
        if isinstance(self.soil, LayeredSoil):
            last = len(self.soil.layers) - 1
            bottom = self.soil.layers[last].bottom
            if bottom != depth:
                raise ValueError(
                    f"soil.layers.{last}.bottom is {bottom:g} cm, the profile (grid.depth) ends at "
                    f"{depth:g} cm: the layers must fill it"
                )
        if isinstance(self.vegetation, Plants) and self.vegetation.roots.depth > depth:
            raise ValueError(
                f"vegetation.roots.depth is {self.vegetation.roots.depth:g} cm, below the bottom "
                f"of the profile ({depth:g} cm): lengthen the profile or shorten the roots"
            )
        if self.output.root_zone > depth:
            raise ValueError(
                f"output.root_zone is {self.output.root_zone:g} cm, below the bottom of the "
                f"profile ({depth:g} cm)"
            )
        if self.layers()[-1] > depth:
            raise ValueError(
                f"output.layers end at {self.layers()[-1]:g} cm, below the bottom of the profile "
                f"({depth:g} cm)"
            )
        if isinstance(self.bottom, WaterTableBottom) and self.bottom.depth > depth + 1000.0:
            raise ValueError(
                f"bottom.depth is {self.bottom.depth:g} cm, wanted at most 1000 cm below the "
                f"profile ({depth:g} cm)"
            )
        return self

    @model_validator(mode="after")
    def _times_fit(self) -> "ColumnStudy":
        if not isinstance(self.weather, GeneratedWeather):
            return self
        hourly = self.weather.rain_within_day == "storms"
        if self.output.step == "1h" and not hourly:
            raise ValueError(
                "output.step is 1h, but the weather is daily: set weather.rain_within_day to storms"
            )
        braden = isinstance(self.vegetation, Plants) and self.vegetation.interception == "braden"
        if hourly and braden:
            raise ValueError(
                "vegetation.interception is braden, which is for daily rain: take store for storms"
            )
        return self
