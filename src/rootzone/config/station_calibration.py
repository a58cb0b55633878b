"""How N0 is found in a study `station`: given, from samples, campaigns, or sensors."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import (
    Part,
    Uncertain,
    UncertainValue,
    UtcTime,
    deviation_of,
    in_order,
    of,
    one_or_more,
    possible_deviation,
)
from rootzone.config.tables import SampleTable
from rootzone.core import quantity


class GivenN0(Part):
    """N0 is known."""

    method: Literal["given"]
    N0: UncertainValue = Field(description="count rate over dry soil [h-1]")

    @model_validator(mode="after")
    def _positive(self) -> "GivenN0":
        if not 0 < self.N0.value <= quantity("N0").bounds[1]:
            raise ValueError(
                f"N0 is {self.N0.value:g} h-1, wanted above 0 and up to "
                f"{quantity('N0').bounds[1]:g}"
            )
        possible_deviation("N0", self.N0, self.N0.value, "N0 itself")
        return self

    def uncertain(self) -> Uncertain:
        """Return the value with its standard deviation."""
        return self.N0


class SampleCalibration(Part):
    """N0 from soil samples in the footprint, of one or several campaigns."""

    method: Literal["samples"]
    table: SampleTable = Field(description="the table of the samples")
    window_hours: float = Field(
        default=6.0,
        gt=0,
        le=96,
        description="counts within half of this around the sampling time [h]",
    )
    radial_weight: Literal["schroen_2017", "simple", "equal"] = Field(
        default="schroen_2017", description="weights of the profiles"
    )
    tolerance: float = Field(
        default=0.01, gt=0, lt=0.5, description="end of the footprint iteration"
    )


class Campaign(Part):
    """The footprint mean of one campaign."""

    start: UtcTime = Field(description="start of the counts that belong to it (UTC)")
    end: UtcTime = Field(description="end of the counts that belong to it (UTC)")
    gravimetric_water: UncertainValue = Field(description="pore water of the footprint [g g-1]")
    absolute_humidity: float | None = of(
        "absolute_humidity", "humidity then, when the record has none", None
    )
    assumed: bool = Field(
        default=False,
        description="true: the water was not measured but assumed; told in the report",
    )

    @model_validator(mode="after")
    def _order(self) -> "Campaign":
        in_order(self.start, self.end)
        if not 0 <= self.gravimetric_water.value <= 5:
            raise ValueError(
                f"gravimetric_water is {self.gravimetric_water.value:g} g g-1, wanted between 0 "
                "and 5 (15 percent are 0.15)"
            )
        possible_deviation("gravimetric_water", self.gravimetric_water, 5.0, "the largest value")
        return self


class CampaignCalibration(Part):
    """N0 from footprint means of campaigns."""

    method: Literal["campaigns"]
    campaigns: Annotated[
        list[Campaign],
        BeforeValidator(one_or_more, json_schema_input_type=list[Campaign] | Campaign),
    ] = Field(min_length=1)


class ReferenceCalibration(Part):
    """N0 from the in-situ sensors over a period, weighted by depth."""

    method: Literal["reference"]
    start: UtcTime = Field(description="start of the period (UTC)")
    end: UtcTime = Field(description="end of the period (UTC)")
    sigma: float = deviation_of(
        "in_situ_soil_moisture", "how well the sensors know the footprint", 0.03, ge=None, gt=0
    )

    @model_validator(mode="after")
    def _order(self) -> "ReferenceCalibration":
        in_order(self.start, self.end)
        return self


Calibration = Annotated[
    GivenN0 | SampleCalibration | CampaignCalibration | ReferenceCalibration,
    Field(discriminator="method"),
]
