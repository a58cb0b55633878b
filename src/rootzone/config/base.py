"""What every study file has in common, and the field types that carry units and bounds."""

import math
import re
import zoneinfo
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from rootzone.core import nearest, quantity


class Part(BaseModel):
    """A part of a study: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, values: Any) -> Any:
        for key, value in values.items() if isinstance(values, dict) else ():
            field = cls.model_fields.get(key) if isinstance(value, bool) else None
            if field is not None and bool not in (field.annotation, *get_args(field.annotation)):
                raise ValueError(f"{key} is {str(value).lower()}, wanted another value")
        return values


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


def deviation_of(name: str, text: str, default: float, **extra: Any) -> Any:
    """Return a field of a standard deviation of the declared, positive quantity ``name``.

    It is at most the largest value that is possible: a larger one tells nothing.
    """
    q = quantity(name)
    bounds: dict[str, Any] = {"ge": 0, "le": q.bounds[1]}
    return Field(default=default, description=f"{text} [{q.unit}]", **(bounds | extra))


class Uncertain(Part):
    """A value with its standard deviation; a bare number has the default deviation."""

    value: float
    sigma: float | None = Field(
        default=None, ge=0, description="standard deviation; left out: the default of `uncertainty`"
    )


def _number_to_uncertain(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"value": value} if is_number else value


UncertainValue = Annotated[
    Uncertain, BeforeValidator(_number_to_uncertain, json_schema_input_type=Uncertain | float)
]
"""A number, or ``{value: ..., sigma: ...}``."""


def possible_deviation(name: str, given: Uncertain, most: float, what: str) -> None:
    """Refuse a standard deviation above ``most`` [unit of the quantity ``name``]."""
    if given.sigma is not None and given.sigma > most:
        raise ValueError(
            f"{name}.sigma is {given.sigma:g} {quantity(name).unit}, wanted up to {most:g}, {what}"
        )


def one_or_more(value: Any) -> Any:
    """Turn a single entry into a list of one."""
    return value if isinstance(value, list) or value is None else [value]


def _as_text(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


Text = Annotated[
    str,
    BeforeValidator(_as_text, json_schema_input_type=str | float),
    Field(min_length=1),
]
"""Text that may look like a number: a column named 5, the unit 1, the word -999 for a gap."""

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|sec|min|h|hours?|d|days?)", re.IGNORECASE)

_PANDAS = {"s": "s", "m": "min", "h": "h", "d": "D"}  # as pandas spells them


def _duration(value: Any) -> Any:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{value!r} is no duration, e.g. 30min or 1h")
    return f"{match[1]}{_PANDAS[match[2][0].lower()]}"


Duration = Annotated[str, BeforeValidator(_duration)]
"""A length of time with its unit, e.g. ``30min``."""


def _time_text(value: Any) -> Any:
    text = value.strip() if isinstance(value, str) else value
    if not isinstance(text, str | datetime) or (isinstance(text, str) and "-" not in text):
        raise ValueError(f"{value!r} is no time, e.g. 2023-07-31T06:00:00Z")
    return text


def _with_zone(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


UtcTime = Annotated[
    datetime,
    BeforeValidator(_time_text, json_schema_input_type=datetime),
    AfterValidator(_with_zone),
]
"""An ISO 8601 time; without zone it is UTC."""


def in_order(start: datetime | None, end: datetime | None) -> None:
    """Refuse an end that is not after its start; either may be left out."""
    if start is not None and end is not None and end <= start:
        raise ValueError("end is not after start")


_OFFSET = re.compile(r"[+-]\d{2}:\d{2}")


def _zone(name: str) -> str:
    known = zoneinfo.available_timezones()
    if name in known or _OFFSET.fullmatch(name):
        return name
    raise ValueError(
        f"timezone '{name}' is not known, e.g. Europe/Berlin, or +01:00 for winter time all year"
        f"{nearest(name, known)}"
    )


Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone of the IANA database, or a fixed offset such as ``+01:00``."""


class StudyBase(Part):
    """Keys that every kind of study knows."""

    kind: str = Field(description="kind of study")
    title: str = Field(default="", description="title of the report")
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="seed of everything random in this study"
    )
    precision: Literal["float64", "float32"] = Field(
        default="float64", description="floating point precision of the computation"
    )
