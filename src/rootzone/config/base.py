"""What every study file has in common, and the field types that carry units and bounds."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rootzone.core import quantity


class Part(BaseModel):
    """A part of a study: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def of(name: str, text: str = "", default: Any = ..., **extra: Any) -> Any:
    """Return a field whose unit and bounds are those of the declared quantity ``name``."""
    q = quantity(name)
    low, high = q.bounds
    bounds: dict[str, Any] = {}
    if math.isfinite(low):
        bounds["ge"] = low
    if math.isfinite(high):
        bounds["le"] = high
    description = f"{text or q.long_name} [{q.unit}]"
    return Field(default=default, description=description, **(bounds | extra))


class Uncertain(Part):
    """A value with its standard deviation; a bare number has the default deviation."""

    value: float
    sigma: float | None = Field(
        default=None, ge=0, description="standard deviation; left out: the default of `uncertainty`"
    )


def _number_to_uncertain(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"value": value} if is_number else value


UncertainValue = Annotated[Uncertain, BeforeValidator(_number_to_uncertain)]


def one_or_more(value: Any) -> Any:
    """Turn a single entry into a list of one."""
    return value if isinstance(value, list) or value is None else [value]


class StudyBase(Part):
    """Keys that every kind of study knows."""

    kind: str = Field(description="kind of study")
    title: str = Field(default="", description="title of the report")
    seed: int = Field(default=0, ge=0, description="seed of everything random in this study")
    precision: Literal["float64", "float32"] = Field(
        default="float64", description="floating point precision of the computation"
    )
