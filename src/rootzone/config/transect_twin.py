"""A twin: observations that are simulated with known parameters, errors and gaps."""

from typing import Literal

from pydantic import Field, model_validator

from rootzone.config.base import Part


class TwinObservations(Part):
    """Simulated observations whose truth is known."""

    method: Literal["twin"]
    truth: Literal["same_model", "richards"] = Field(
        default="same_model",
        description="truth: the model itself with parameters drawn within the bounds, or Richards "
        "columns with COSMIC and structure near the track",
    )
    spread: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="truth of the same model: its parameters lie so far on the way from the "
        "default to a random place between the bounds (1: anywhere between them)",
    )
    truth_seed: int = Field(default=1, ge=0, lt=2**32, description="seed of truth, errors and gaps")
    errors: dict[str, float] = Field(
        default={
            "meadow": 0.02,
            "shunting area": 0.035,
            "open forest": 0.035,
            "dense forest": 0.05,
        },
        description="standard deviation of a day's counts of a cell as gravimetric water [g g-1], "
        "by section",
    )
    missing_days: float = Field(
        default=0.15, ge=0, lt=0.95, description="share of days without a train"
    )
    missing_values: float = Field(
        default=0.05, ge=0, lt=0.95, description="share of the other values that are missing"
    )

    @model_validator(mode="after")
    def _positive(self) -> "TwinObservations":
        for name, value in self.errors.items():
            if not 0 < value <= 1:
                raise ValueError(f"errors of '{name}' is {value:g}, wanted above 0 and up to 1")
        return self


class TwinTransfer(Part):
    """Twin sites: cells of other synthetic valleys with the same truth."""

    method: Literal["twin"]
    sites: dict[str, int] = Field(
        default={"meadow": 3, "dense forest": 2},
        description="number of sites by the section whose sets are taken there",
    )
