"""Simulated plots, of which the true distribution of soil moisture is known."""

from typing import Literal

from pydantic import Field, model_validator

from rootzone.config.base import Part


class Twin(Part):
    """Simulated plots; what is left out is that of the preset."""

    method: Literal["twin"]
    preset: Literal["small", "attert_like"] = Field(
        default="small",
        description="small: 12 plots of three geologies, three years; attert_like: 43 plots, "
        "five years",
    )
    places: dict[Literal["schist", "marl", "sandstone"], int] | None = Field(
        default=None, description="number of plots by geology"
    )
    columns: int | None = Field(
        default=None, ge=8, le=1000, description="columns of a plot, whose water is the truth"
    )
    years: int | None = Field(
        default=None, ge=1, le=30, description="years of 365 days, after one that is left out"
    )
    first_year: int = Field(default=2013, ge=1900, le=2200, description="year of the first day")
    step_hours: Literal[1, 3, 6, 12, 24] = Field(
        default=24, description="step of weather and readings [h]; hours cost ten times as much"
    )
    replicates: int | None = Field(
        default=None, ge=2, le=1000, description="profiles of sensors in a plot, one a column"
    )
    sensor_bias: float | None = Field(
        default=None,
        gt=0,
        le=0.2,
        description="standard deviation of what a sensor reads too much at all times [m3 m-3]",
    )
    sensor_noise: float | None = Field(
        default=None,
        ge=0,
        le=0.2,
        description="standard deviation of what it reads too much at a time [m3 m-3]",
    )
    outages: float | None = Field(
        default=None, ge=0, le=50, description="outages of a sensor in a year, on the mean"
    )
    twin_seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**32,
        description="seed of soils, weather and sensors; left out: that of the study",
    )

    @model_validator(mode="after")
    def _some_places(self) -> "Twin":
        if self.places is None:
            return self
        for name, count in self.places.items():
            if not 0 <= count <= 1000:
                raise ValueError(f"places has {count} of {name}, wanted 0 to 1000")
        if not sum(self.places.values()):
            raise ValueError("places asks for no plot: one or more are wanted")
        return self
