"""Where the soil moisture of places with several sensors comes from, and what is joined to it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, Text, UtcTime, in_order, of, one_or_more
from rootzone.config.replicates_data_parts import (
    RESERVED,
    Era5Land,
    Excluded,
    InputColumns,
    PlaceInputs,
    SensorTable,
    SharedInputs,
    in_centimeters,
)
from rootzone.config.tables import Files, Words


class SensorQuality(Part):
    """Which readings of the sensors are used."""

    low: float = Field(default=0.0, ge=0, le=1, description="lowest possible reading [m3 m-3]")
    high: float = Field(default=1.0, gt=0, le=1, description="highest possible reading [m3 m-3]")
    duplicates: Literal["first", "mean"] = Field(
        default="first", description="which of rows with the same time stamp is used"
    )
    dead_days: float | None = Field(
        default=30.0,
        gt=0,
        le=10000,
        description="a reading that stays the same for so long is of a dead sensor [d]",
    )
    spike: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="a reading so far from the median of five steps is a spike [m3 m-3]",
    )
    frost: float | None = Field(
        default=None,
        ge=-50,
        le=20,
        description="readings in soil colder than this are left out, by the input "
        "soil_temperature of the place [degC]",
    )
    all_replicates: bool = Field(
        default=False,
        description="use only steps at which all sensors of a place and depth read, as Bischof et "
        "al. (2025) do",
    )
    complete: float = Field(
        default=0.5, gt=0, le=1, description="share of a step that finer data must cover [1]"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "SensorQuality":
        if self.high <= self.low:
            raise ValueError(f"high is {self.high:g}, low {self.low:g}: wanted the higher one")
        return self


class NetworkPart(Part):
    """What every source of sensors has in common."""

    inputs: Annotated[
        list[SharedInputs],
        BeforeValidator(one_or_more, json_schema_input_type=list[SharedInputs] | SharedInputs),
    ] = Field(
        default_factory=list,
        description="inputs of stations beside; a place takes each from the nearest that has it",
    )
    farthest: float = Field(
        default=50.0, gt=0, le=20000, description="farthest station or grid point [km]"
    )
    computed: list[Literal["potential_radiation"]] = Field(
        default_factory=list, description="inputs computed from position and day"
    )
    step: Literal["1h", "1d"] = Field(
        default="1h", description="step to which all is brought: means, amounts added up"
    )
    start: UtcTime | None = Field(default=None, description="first step; left out: first reading")
    end: UtcTime | None = Field(default=None, description="last step; left out: last reading")
    replicates: Literal["several", "any"] = Field(
        default="several", description="any: places and depths with a single sensor are fine"
    )
    quality: SensorQuality = Field(default_factory=SensorQuality)
    era5_land: Era5Land | None = Field(default=None, description="reference beside the sensors")

    @model_validator(mode="after")
    def _ordered(self) -> "NetworkPart":
        in_order(self.start, self.end)
        return self


class PlaceBase(Part):
    """A place: what is known of it besides its sensors."""

    name: Text = Field(description="name of the place, each its own")
    group: Text = Field(
        default="all",
        description="group of places, e.g. geology; given for all places, or for none",
    )
    latitude: float | None = of("latitude", "latitude", None)
    longitude: float | None = of("longitude", "longitude", None)
    elevation: float | None = of("elevation", "elevation", None)
    attributes: dict[Text, float | dict[float, float]] = Field(
        default_factory=dict,
        description="numbers of the place, e.g. {sand: 40}, or by depth [cm] {sand: {10: 40}}",
    )
    classes: dict[Text, Text] = Field(
        default_factory=dict, description="words of the place, e.g. {soil_class: silt loam}"
    )
    exclude: list[Excluded] = Field(default_factory=list, description="readings left out")
    constants: dict[Literal["irrigation", "discharge"], Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="inputs that never change here, in the unit of the other places, e.g. "
        "{irrigation: 0} of a rainfed field",
    )
    inputs: Annotated[
        list[PlaceInputs],
        BeforeValidator(one_or_more, json_schema_input_type=list[PlaceInputs] | PlaceInputs),
    ] = Field(default_factory=list, description="inputs measured here; go before shared ones")

    @model_validator(mode="after")
    def _known(self) -> "PlaceBase":
        for name in self.constants:
            if any(name in table.columns.given() for table in self.inputs):
                raise ValueError(f"{name} is a constant and stands in a table of inputs as well")
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude are wanted together")
        taken = RESERVED | set(InputColumns.model_fields)
        for name in [*self.attributes, *self.classes]:
            if name in taken or (name in self.attributes and name in self.classes):
                raise ValueError(f"'{name}' has another meaning here: choose another name")
            if not name.isidentifier():
                raise ValueError(f"'{name}' is no name: letters, digits and _ are wanted")
        return self


class Place(PlaceBase):
    """A place with its tables."""

    sensors: Annotated[
        list[SensorTable],
        BeforeValidator(one_or_more, json_schema_input_type=list[SensorTable] | SensorTable),
    ] = Field(min_length=1, description="tables of soil moisture")


class NeonPlace(PlaceBase):
    """A site in the layout of NEON's soil water tables, all its plots together."""

    files: Files = Field(description="CSV files with columns of NEON (DP1.00094.001)")
    depths: dict[str, Annotated[float, of("depth", "depth")]] = Field(
        min_length=1, description="depth [cm] of verticalPosition, e.g. {501: 6, 502: 16}"
    )

    @model_validator(mode="after")
    def _inin_centimeters(self) -> "NeonPlace":
        in_centimeters(list(self.depths.values()), "depths")
        return self


def _different(names: list[str], what: str) -> None:
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise ValueError(f"{what} '{twice}' stands twice")


class Tables(NetworkPart):
    """Places whose sensors stand in tables of any make."""

    method: Literal["tables"]
    places: list[Place] = Field(min_length=1, description="places")

    @model_validator(mode="after")
    def _named(self) -> "Tables":
        _different([p.name for p in self.places], "place")
        _different([i.name for i in self.inputs], "station of inputs")
        return self


class Neon(NetworkPart):
    """Places whose sensors stand in tables of the layout of NEON."""

    method: Literal["neon"]
    places: list[NeonPlace] = Field(min_length=1, description="sites")

    @model_validator(mode="after")
    def _named(self) -> "Neon":
        _different([p.name for p in self.places], "place")
        return self


class Ismn(NetworkPart):
    """Stations of an archive of the International Soil Moisture Network (package ismn)."""

    method: Literal["ismn"]
    folder: Text = Field(description="the archive: a folder, or the zip file as downloaded")
    networks: Words = Field(default_factory=list, description="networks; left out: all")
    stations: Words = Field(default_factory=list, description="stations; left out: all")
    depths: list[float] = Field(
        default_factory=list, description="depths of sensors [cm], within 1 cm; left out: all"
    )
    group_by: Literal["network", "climate", "land_cover"] = Field(
        default="network", description="what the groups are, of the archive's metadata"
    )
    flags: Words = Field(
        default=["G"], min_length=1, description="quality flags of readings that are used"
    )


class StoredNetwork(Part):
    """Sensors and all beside them as a study of this kind left them."""

    method: Literal["store"]
    files: Files = Field(max_length=1, description="network.nc of a finished run")
    replicates: Literal["several", "any"] = Field(
        default="several", description="any: places and depths with a single sensor are fine"
    )


Data = Annotated[Tables | Ismn | Neon | StoredNetwork, Field(discriminator="method")]
"""Where the sensors come from."""
