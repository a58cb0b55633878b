"""Parts of studies of counts along a line: positions, smoothing, upscaling, near field."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rootzone.config.base import Part, Text, of
from rootzone.config.tables import ColumnSpec, single_column

Interval = tuple[float, float]


def ascending(name: str, interval: Interval | None) -> None:
    """Refuse an interval whose first number is not the lower one."""
    if interval is not None and interval[1] <= interval[0]:
        raise ValueError(f"{name} is {interval[0]:g} to {interval[1]:g}, wanted the lower first")


class PlaceColumns(Part):
    """Columns that tell where: latitude and longitude, or x and y."""

    latitude: ColumnSpec | None = Field(default=None, description="latitude")
    longitude: ColumnSpec | None = Field(default=None, description="longitude")
    x: ColumnSpec | None = Field(default=None, description="easting, unit m or km")
    y: ColumnSpec | None = Field(default=None, description="northing, unit m or km")

    @model_validator(mode="after")
    def _one_pair(self) -> "PlaceColumns":
        for pair in (("latitude", "longitude"), ("x", "y")):
            given = [getattr(self, name) is not None for name in pair]
            if any(given) and not all(given):
                raise ValueError(f"{pair[0]} and {pair[1]} are wanted together")
        if self.latitude is not None and self.x is not None:
            raise ValueError("positions are wanted once: latitude and longitude, or x and y")
        added_up = ("counts", "incoming_intensity")
        single_column({n: c for n, c in self if n not in added_up and isinstance(c, ColumnSpec)})
        return self


class Positions(Part):
    """How positions are to be read."""

    grid_crs: Text | None = Field(
        default=None,
        description="coordinate system of the model grid, e.g. EPSG:25832 (package pyproj); left "
        "out: a smooth map fitted on latitude and longitude of the domain's cells",
    )
    points_crs: Text | None = Field(
        default=None,
        description="coordinate system of x and y of the tables; left out: that of the grid",
    )
    west: bool = Field(
        default=False, description="longitudes are counted westward, as loggers without sign do"
    )
    south: bool = Field(default=False, description="latitudes are counted southward")
    place: Literal["at_stamp", "middle"] = Field(
        default="at_stamp",
        description="a position is that of the time stamp, or that of the middle of the interval",
    )

    @model_validator(mode="after")
    def _both(self) -> "Positions":
        if self.points_crs is not None and self.grid_crs is None:
            raise ValueError("points_crs wants grid_crs as well")
        return self


class StretchOut(Part):
    """A part of the way whose records are left out."""

    reason: Text = Field(description="why, e.g. tunnel or bridge; counts are told by reason")
    chainage: Interval | None = Field(
        default=None, description="from and to along the line [m], in the direction of the line"
    )
    polygon: list[tuple[float, float]] | None = Field(
        default=None, min_length=3, description="corners: x and y, or longitude and latitude"
    )
    x: Interval | None = Field(default=None, description="from and to, easting [m]")
    y: Interval | None = Field(default=None, description="from and to, northing [m]")
    longitude: Interval | None = Field(default=None, description="from and to [degrees_east]")
    latitude: Interval | None = Field(default=None, description="from and to [degrees_north]")
    geographic: bool = Field(default=False, description="the polygon is in longitude and latitude")

    @model_validator(mode="after")
    def _one_way(self) -> "StretchOut":
        ways = [
            self.chainage is not None,
            self.polygon is not None,
            self.x is not None or self.y is not None,
            self.longitude is not None or self.latitude is not None,
        ]
        if sum(ways) != 1:
            raise ValueError(
                "a stretch wants one of chainage, polygon, x and y, longitude and latitude"
            )
        if (self.longitude is None) != (self.latitude is None):
            raise ValueError("longitude and latitude are wanted together")
        if self.geographic and self.polygon is None:
            raise ValueError("geographic is said of a polygon only")
        for name in ("chainage", "x", "y", "longitude", "latitude"):
            ascending(name, getattr(self, name))
        return self


class Smoothing(Part):
    """Moving sums along the track before the daily means; a pass is never left."""

    window: float | None = Field(default=None, gt=0, description="length of the window [m]")
    records: int | None = Field(default=None, ge=2, description="records of the window")

    @model_validator(mode="after")
    def _one(self) -> "Smoothing":
        if self.window is not None and self.records is not None:
            raise ValueError("a window is given in meters or in records, not both")
        return self


class InverseDistance(Part):
    """Means of the segments around the center of a cell, weighted by inverse distances."""

    method: Literal["inverse_distance"]
    power: float = Field(default=2.0, gt=0, le=8, description="power of the inverse distance")
    radius: float | None = Field(
        default=None, gt=0, description="farthest segment [m]; left out: a model cell"
    )
    neighbors: int = Field(default=12, ge=1, le=10_000, description="largest number of segments")
    by_time: bool = Field(
        default=False, description="weigh segments by the time they were counted as well"
    )


class CellMean(Part):
    """Means of the segments whose middles lie in a cell."""

    method: Literal["cell_mean"]
    by_time: bool = Field(default=False, description="weigh segments by the time they were counted")


class Kriging(Part):
    """Ordinary kriging of the segments to the center of a cell (package pykrige)."""

    method: Literal["kriging"]
    model: Literal["spherical", "exponential", "gaussian"] = Field(
        default="exponential", description="variogram model"
    )
    range: float = Field(gt=0, description="range of the variogram [m]")
    sill: float | None = Field(
        default=None,
        gt=0,
        description="partial sill [h-2]; left out: variance of the segments' means over all days, "
        "less their counting noise, told",
    )
    nugget: float | None = Field(
        default=None, gt=0, description="nugget [h-2]; left out: mean counting variance, told"
    )
    neighbors: int = Field(
        default=40, ge=3, le=2000, description="nearest segments that a cell is kriged from"
    )


Upscaling = Annotated[InverseDistance | CellMean | Kriging, Field(discriminator="method")]


class FootprintSampling(Part):
    """State of the footprint for which the near field of a track is weighed."""

    soil_moisture: float = Field(default=0.2, ge=0.02, le=0.5, description="soil moisture [m3 m-3]")
    humidity: float = of("absolute_humidity", "absolute humidity", 5.0)
    pressure: float = of("pressure", "air pressure", 1013.25)
    vegetation_height: float = Field(
        default=0.0, ge=0, le=80, description="height of the vegetation [m]"
    )
    rings: int = Field(default=24, ge=4, le=500, description="rings of equal shares of the counts")
    azimuths: int = Field(default=12, ge=4, le=360, description="directions of each ring")
