"""The scenarios of a study `inverse`: simulated sites, or a store of them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rootzone.config.base import Part, UtcTime, one_or_more
from rootzone.config.column_soil import class_name
from rootzone.config.column_weather import ClimateName, RecordedWeather
from rootzone.water.climates import CLIMATES

_POSTER = {
    "members": 1,
    "years": 12,
    "soils": "loam",
    "scatter": False,
    "layered": 0.0,
    "vegetated": 0.0,
    "water_table": 0.0,
    "climates": ["temperate maritime"],
    "stations": 1,
    "rates": [1000.0, 1000.0],
    "N0_error": 0.0,
}
PRESETS: dict[str, dict[str, Any]] = {
    "small": {"members": 768, "years": 2, "stations": 4},
    "poster": _POSTER,
    "general": {"members": 4096, "years": 4, "stations": 10},
}
"""Values of the presets that differ from the defaults of :class:`SimulatedScenarios`."""


def _soils(name: str) -> str:
    return name if name == "triangle" else class_name(name)


Share = Annotated[float, Field(ge=0, le=1)]
Climates = Annotated[
    list[ClimateName],
    BeforeValidator(one_or_more, json_schema_input_type=list[str] | str),
]


class SimulatedScenarios(Part):
    """Sites of the Richards column under generated or recorded weather."""

    method: Literal["simulated"]
    preset: Literal["small", "poster", "general"] = Field(
        default="small",
        description="what keys that are left out are: a small ensemble, the single bare loam of "
        "the poster, or sites of every soil and climate",
    )
    members: int = Field(default=768, ge=1, le=1_000_000, description="number of sites")
    years: int = Field(
        default=2, ge=1, le=100, description="length after the warm-up; years have 365 days [a]"
    )
    warm_up: int = Field(
        default=365, ge=0, le=3650, description="first days that run once before [d]"
    )
    start: UtcTime = Field(
        default="2001-01-01T00:00:00Z",  # pyright: ignore[reportArgumentType]
        validate_default=True,
        description="time stamp of the first day (UTC)",
    )
    soils: Annotated[str, AfterValidator(_soils)] = Field(
        default="triangle",
        description="triangle: textures of the whole triangle; or one USDA class, e.g. loam",
    )
    scatter: bool = Field(
        default=True, description="soils differ from the mean of their class or function"
    )
    layered: Share = Field(default=0.6, description="share of sites with a subsoil of their own")
    vegetated: Share = Field(default=0.7, description="share of sites with plants, others are bare")
    water_table: Share = Field(
        default=0.15, description="share of sites with a water table, others drain freely"
    )
    climates: Climates = Field(
        default=list(CLIMATES), min_length=1, description="climates of the weather generator"
    )
    stations: int = Field(
        default=4, ge=1, le=200, description="stations of each climate: the first as measured"
    )
    weather: RecordedWeather | None = Field(
        default=None, description="recorded weather instead, the same for all sites"
    )
    latitude: float | None = Field(
        default=None, ge=-90, le=90, description="of recorded weather [degrees_north]"
    )
    rates: tuple[float, float] = Field(
        default=(300.0, 10000.0),
        description="count rates of the detectors over a moist loam, from and to [h-1]",
    )
    N0_error: float = Field(
        default=0.02, ge=0, le=0.3, description="relative error of the N0 known of a site [1]"
    )
    depth: float = Field(default=150.0, ge=100, le=300, description="depth of the profile [cm]")
    nodes: int = Field(default=61, ge=20, le=400, description="nodes of the graded grid")
    first: float = Field(
        default=0.2, gt=0.01, le=2, description="spacing of the nodes at the surface [cm]"
    )
    tolerance: float = Field(
        default=1.2e-3, ge=1e-5, le=0.01, description="truncation error of a step [m3 m-3]"
    )
    chunk: int = Field(
        default=128,
        ge=32,
        le=4096,
        description="sites in a block of the store, computed together; sites do not depend on it",
    )
    folder: str | None = Field(
        default=None,
        description="folder of the Zarr store; left out: scenarios.zarr in the run folder",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return PRESETS.get(str(values.get("preset", "small")), {}) | values
        return values

    @model_validator(mode="after")
    def _plausible(self) -> "SimulatedScenarios":
        low, high = self.rates
        if not 1.0 <= low <= high <= 1e6:
            raise ValueError(f"rates run from {low:g} to {high:g} h-1, wanted rising from 1 to 1e6")
        if self.first * (self.nodes - 1) > self.depth:
            raise ValueError(
                f"{self.nodes} nodes with {self.first:g} cm at the surface reach below the profile "
                f"of {self.depth:g} cm: fewer nodes or a smaller first spacing are wanted"
            )
        if self.warm_up > 365 * self.years and self.weather is None:
            raise ValueError(
                f"warm_up is {self.warm_up} d, the weather has {365 * self.years} d (years)"
            )
        return self


class StoredScenarios(Part):
    """Scenarios that another run has made."""

    method: Literal["store"]
    folder: str = Field(description="folder of the Zarr store")
    members: int | None = Field(
        default=None, ge=2, description="first members that are used; left out: all"
    )
    N0_error: float | None = Field(
        default=None,
        ge=0,
        le=0.3,
        description="relative error of the N0 known of a site, drawn anew [1]; left out: as stored",
    )


Scenarios = Annotated[SimulatedScenarios | StoredScenarios, Field(discriminator="method")]
