"""How the study kind `station` comes from the footprint to the root zone."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, Text, deviation_of, one_or_more

Numbers = Annotated[
    list[float], BeforeValidator(one_or_more, json_schema_input_type=list[float] | float)
]


class ExponentialFilter(Part):
    """Root zone by the exponential filter of Albergel et al. (2008)."""

    method: Literal["exponential_filter"] = "exponential_filter"
    depths: Numbers = Field(
        default=[30.0], min_length=1, description="lower ends of the root zone [cm], each from 0"
    )
    characteristic_time: Numbers | None = Field(
        default=None, description="T of each depth [d]; left out: depth_rate times the depth"
    )
    depth_rate: float = Field(
        default=0.1,
        gt=0,
        le=2,
        description="T per depth [d cm-1] when characteristic_time is left out",
    )
    structure_sigma: float = deviation_of(
        "root_zone", "what the filter and the point-to-footprint step do not know", 0.03
    )

    @model_validator(mode="after")
    def _match(self) -> "ExponentialFilter":
        if any(d <= 0 or d > 500 for d in self.depths):
            raise ValueError("depths are wanted above 0 and up to 500 cm")
        if len(set(self.depths)) < len(self.depths):
            raise ValueError("depths hold a depth twice")
        times = self.characteristic_time
        if times is not None and (len(times) != len(self.depths) or min(times) <= 0):
            raise ValueError("characteristic_time wants one positive number of days per depth")
        return self

    def times(self) -> list[float]:
        """Return T [d] of each depth."""
        return self.characteristic_time or [self.depth_rate * d for d in self.depths]


class FineTuning(Part):
    """Learning from the first days with sensors in the ground."""

    days: int = Field(
        default=60, ge=10, le=3650, description="first days with sensors that are learned from"
    )
    weights: Literal["readout", "all"] = Field(
        default="readout", description="which weights move: those of the readout, or all"
    )
    epochs: int = Field(default=60, ge=1, le=10000, description="passes over these days")
    learning_rate: float = Field(default=2e-3, gt=0, le=1, description="highest learning rate")


class LearnedRootZone(Part):
    """Root zone by networks that were trained on simulated sites."""

    method: Literal["lstm"]
    model: Text = Field(
        default="general",
        description="general: the network of the package; or the file of a network (.npz, its "
        "description beside it as .json), such as a study of kind inverse leaves",
    )
    depths: Numbers = Field(
        default=[30.0],
        min_length=1,
        description="lower ends of the root zone [cm], each from 0; depths of the model",
    )
    sand: float | None = Field(
        default=None, ge=0, le=100, description="mean of the upper 30 cm [percent]; may be unknown"
    )
    porosity: float | None = Field(
        default=None,
        gt=0.05,
        lt=1,
        description="upper bound of the answers [m3 m-3]; left out: 1 - bulk density / 2.65",
    )
    leaf_area_max: float | None = Field(
        default=None, ge=0, le=15, description="leaf area index in summer [1]; may be unknown"
    )
    rooting_depth: float | None = Field(
        default=None, ge=0, le=500, description="depth of the roots [cm], 0: bare; may be unknown"
    )
    structure_sigma: float = deviation_of(
        "root_zone",
        "what networks of simulated sites and the point-to-footprint step do not know",
        0.03,
    )
    fine_tuning: FineTuning | None = Field(
        default=None, description="learn from sensors of the station; left out: nothing"
    )

    @model_validator(mode="after")
    def _match(self) -> "LearnedRootZone":
        if any(d <= 0 or d > 500 for d in self.depths):
            raise ValueError("depths are wanted above 0 and up to 500 cm")
        if len(set(self.depths)) < len(self.depths):
            raise ValueError("depths hold a depth twice")
        return self


def _with_method(value: Any) -> Any:
    """Return a mapping that names its method: the filter where it names none."""
    if isinstance(value, dict) and "method" not in value:
        return {"method": "exponential_filter", **value}
    return value


RootZone = Annotated[
    Annotated[ExponentialFilter | LearnedRootZone, Field(discriminator="method")],
    BeforeValidator(_with_method),
]
