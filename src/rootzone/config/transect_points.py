"""Mobile and rail-borne counts of a study: points with positions, or daily values of segments."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Duration, Part, Text, of, one_or_more
from rootzone.config.station_corrections import (
    HumidityCorrection,
    IncomingCorrection,
    PressureCorrection,
)
from rootzone.config.tables import ColumnSpec, FileTable, SeriesTable
from rootzone.config.transect_points_parts import (
    FootprintSampling,
    Interval,
    InverseDistance,
    Kriging,
    PlaceColumns,
    Positions,
    Smoothing,
    StretchOut,
    Upscaling,
    ascending,
)

# --- tables -----------------------------------------------------------------------------


class PointColumns(PlaceColumns):
    """Which column of a table of points holds which quantity."""

    counts: ColumnSpec | None = Field(
        default=None, description="raw neutron counts of the record, or their rate such as h-1"
    )
    seconds: ColumnSpec | None = Field(
        default=None, description="time that the record counted, unit s or min"
    )
    speed: ColumnSpec | None = Field(
        default=None, description="ground speed; left out: from the positions"
    )
    pressure: ColumnSpec | None = Field(default=None, description="air pressure at the detector")
    temperature: ColumnSpec | None = Field(default=None, description="air temperature")
    relative_humidity: ColumnSpec | None = Field(default=None, description="relative humidity")
    absolute_humidity: ColumnSpec | None = Field(default=None, description="absolute humidity")
    incoming_intensity: ColumnSpec | None = Field(
        default=None, description="count rate of a neutron monitor"
    )
    incoming_factor: Text | None = Field(
        default=None,
        description="ready correction factor of the incoming intensity, multiplied on the counts",
    )
    pass_id: Text | None = Field(
        default=None, description="name of the pass; left out: passes end with gaps and turns"
    )


class PointTable(FileTable):
    """Counts with positions: a GPS logger, or a logger of a detector with GPS."""

    interval: Duration | Literal["since_last"] | None = Field(
        default=None,
        description="time that a record counted, e.g. 10s; since_last: since the record before; "
        "left out: the column seconds, or the most frequent step",
    )
    columns: PointColumns = Field(
        default_factory=PointColumns,
        description="columns; format hydroinnova fills in what is not given",
    )

    @model_validator(mode="after")
    def _counted(self) -> "PointTable":
        if self.interval == "since_last" and self.time.stamp != "end":
            raise ValueError("interval since_last wants time.stamp: end")
        if self.interval is not None and self.columns.seconds is not None:
            raise ValueError("the counted time is wanted once: interval, or the column seconds")
        return self


class GpsTable(FileTable):
    """Positions of a logger of its own, for counts that come without."""

    columns: PlaceColumns = Field(description="latitude and longitude, or x and y")

    @model_validator(mode="after")
    def _places(self) -> "GpsTable":
        if self.columns.latitude is None and self.columns.x is None:
            raise ValueError("columns wants latitude and longitude, or x and y")
        return self


class WeatherTable(SeriesTable):
    """Weather beside the track, or a neutron monitor: fills what the points lack."""

    elevation: float | None = of(
        "elevation",
        "elevation of its barometer; pressure is moved to that of each point. Left out: as is",
        None,
    )


# --- quality ----------------------------------------------------------------------------


class PointQuality(Part):
    """Records that are not used; every reason is counted and told."""

    min_speed: float = Field(
        default=2.0, ge=0, le=50, description="standing below this speed [km h-1]; 0: never"
    )
    max_speed: float = Field(
        default=160.0, gt=0, le=500, description="implausible above this speed [km h-1]"
    )
    tolerance: float = Field(
        default=30.0, gt=0, le=5000, description="largest distance from the line [m]"
    )
    count_factor: float = Field(
        default=5.0,
        gt=1,
        description="implausible: rates so many times below or above the median, unless chance "
        "explains them",
    )
    fix_gap: Duration | None = Field(
        default=None,
        description="positions are interpolated between fixes so far apart; left out: three "
        "intervals, at least 1min",
    )
    pass_gap: Duration = Field(default="15min", description="a longer gap ends a pass")
    turn: float = Field(
        default=200.0, gt=0, description="a pass ends where the detector goes back so far [m]"
    )
    weather_gap: Duration = Field(
        default="6h", description="weather is interpolated between values so far apart"
    )
    exclude: Annotated[
        list[StretchOut],
        BeforeValidator(one_or_more, json_schema_input_type=list[StretchOut] | StretchOut),
    ] = Field(default_factory=list, description="tunnels, bridges, stations")


# --- corrections ------------------------------------------------------------------------


class MaterialSection(Part):
    """A part of the line on other material."""

    chainage: Interval = Field(description="from and to along the line [m]")
    factor: float | None = Field(default=None, gt=0.2, lt=5, description="factor, for method given")
    width: float | None = Field(
        default=None, gt=0, le=200, description="width [m], for method schroen_2018"
    )
    moisture: float | None = Field(
        default=None, ge=0, le=0.3, description="water equivalent [m3 m-3], for schroen_2018"
    )

    @model_validator(mode="after")
    def _order(self) -> "MaterialSection":
        ascending("chainage", self.chainage)
        return self


class Material(Part):
    """Effect of road or ballast under the detector."""

    method: Literal["none", "given", "schroen_2018"] = Field(
        default="none",
        description="none, a given factor, or the formula for roads with stated width and moisture",
    )
    factor: float | None = Field(
        default=None, gt=0.2, lt=5, description="factor multiplied on the counts, for method given"
    )
    width: float = Field(default=5.0, gt=0, le=200, description="width of road or ballast bed [m]")
    moisture: float = Field(
        default=0.12,
        ge=0,
        le=0.3,
        description="water equivalent of the material [m3 m-3] (asphalt 0.12, dry gravel less)",
    )
    distance: float = Field(default=0.0, ge=0, le=100, description="distance from its center [m]")
    soil_moisture: float = Field(
        default=0.25, gt=0, le=0.8, description="soil moisture beside it [m3 m-3], without N0"
    )
    N0: float | None = Field(
        default=None,
        gt=0,
        description="count rate over dry soil [h-1]: the soil moisture beside it then follows "
        "from the counts, by Desilets 2010",
    )
    bulk_density: float = of("bulk_density", "bulk density of the soil beside it", 1.4)
    water_equivalent: float = Field(
        default=0.0, ge=0, le=0.5, description="its lattice and organic water [g g-1]"
    )
    window: float = Field(
        default=500.0, gt=0, description="window of the counts for the soil moisture [m]"
    )
    sections: list[MaterialSection] = Field(
        default_factory=list, description="stretches with other values; the last one counts"
    )

    @model_validator(mode="after")
    def _complete(self) -> "Material":
        if (self.method == "given") != (self.factor is not None):
            raise ValueError("method given needs factor, and only that method takes it")
        for section in self.sections:
            formula = section.width is not None or section.moisture is not None
            fits = {
                "none": False,
                "given": section.factor is not None and not formula,
                "schroen_2018": section.factor is None and formula,
            }[self.method]
            if not fits:
                raise ValueError(
                    "sections want a factor each with method given, width or moisture with "
                    "schroen_2018"
                )
        return self


class PointCorrections(Part):
    """Correction factors, multiplied on the raw counts of every record."""

    pressure: PressureCorrection = Field(default_factory=PressureCorrection)
    humidity: HumidityCorrection = Field(default_factory=HumidityCorrection)
    incoming: IncomingCorrection = Field(default_factory=IncomingCorrection)
    material: Material = Field(default_factory=Material)
    cutoff_rigidity: float | None = of(
        "cutoff_rigidity", "geomagnetic cutoff rigidity, needed by some corrections", None, gt=0
    )

    @model_validator(mode="after")
    def _rigid(self) -> "PointCorrections":
        rigid = self.pressure.method not in ("given", "none")
        rigid |= self.incoming.method in ("hawdon_2014", "mcjannet_desilets_2023")
        if rigid and self.cutoff_rigidity is None:
            raise ValueError(
                "cutoff_rigidity [GV] is needed by the pressure or incoming correction"
            )
        return self


# --- from points to cells ---------------------------------------------------------------


class SegmentMeans(Part):
    """Daily means of segments of the line."""

    length: float = Field(
        default=30.0, gt=0, le=100_000, description="length of a segment [m], about"
    )
    min_points: int = Field(
        default=2, ge=1, description="days with fewer usable records are left out, told"
    )
    min_counts: float = Field(
        default=100.0, ge=0, description="days with fewer counts on the whole line are left out"
    )
    errors: Literal["expected", "counts"] = Field(
        default="expected",
        description="variance of counts: expected from day and segment, or the counts themselves "
        "(which gives low counts too much weight)",
    )


class _Along(Part):
    """What both kinds of counts along a line have."""

    positions: Positions = Field(default_factory=Positions)
    upscaling: Upscaling = Field(
        default_factory=lambda: InverseDistance(method="inverse_distance"),
        description="from segments to model cells",
    )
    footprint: FootprintSampling = Field(default_factory=FootprintSampling)


class PointsObservations(_Along):
    """Counts of a detector on a car or train, record by record."""

    method: Literal["points"]
    line: Literal["domain", "track"] | None = Field(
        default=None,
        description="domain: the line of the study or of its domain; track: the longest run of the "
        "points; left out: the line of the domain where it has one",
    )
    track_spacing: float = Field(
        default=20.0, gt=0, le=5000, description="least distance of vertices of the track [m]"
    )
    tables: Annotated[
        list[PointTable],
        BeforeValidator(one_or_more, json_schema_input_type=list[PointTable] | PointTable),
    ] = Field(min_length=1, description="tables of counts and positions, of one detector")
    gps: Annotated[
        list[GpsTable],
        BeforeValidator(one_or_more, json_schema_input_type=list[GpsTable] | GpsTable),
    ] = Field(
        default_factory=list,
        description="tables of positions, where those of counts have none; same clock",
    )
    weather: Annotated[
        list[WeatherTable],
        BeforeValidator(one_or_more, json_schema_input_type=list[WeatherTable] | WeatherTable),
    ] = Field(default_factory=list, description="weather beside the track, neutron monitor")
    quality: PointQuality = Field(default_factory=PointQuality)
    corrections: PointCorrections = Field(default_factory=PointCorrections)
    smoothing: Smoothing = Field(default_factory=Smoothing)
    segments: SegmentMeans = Field(default_factory=SegmentMeans)

    @model_validator(mode="after")
    def _positions_once(self) -> "PointsObservations":
        for n, table in enumerate(self.tables if self.gps else []):
            c = table.columns
            if c.latitude is not None or c.x is not None or c.pass_id is not None:
                raise ValueError(
                    f"tables.{n} names positions or passes, and gps has positions as well: they "
                    "are wanted once, and passes then end with gaps and turns"
                )
        return self


class SegmentColumns(PlaceColumns):
    """Columns of daily values of segments."""

    chainage: ColumnSpec | None = Field(
        default=None, description="distance along the line, unit m or km, instead of a position"
    )
    rate: ColumnSpec = Field(description="corrected count rate, e.g. h-1")
    sigma: ColumnSpec | None = Field(default=None, description="its standard deviation")

    @model_validator(mode="after")
    def _somewhere(self) -> "SegmentColumns":
        ways = [c is not None for c in (self.latitude, self.x, self.chainage)]
        if sum(ways) != 1:
            raise ValueError(
                "where a segment lies is wanted once: latitude and longitude, x and y, or chainage"
            )
        return self


class SegmentTable(FileTable):
    """Daily values of segments: one row for each day and segment."""

    columns: SegmentColumns = Field(description="columns")


class SegmentsObservations(_Along):
    """Daily values of segments of a line, corrected already."""

    method: Literal["segments"]
    table: SegmentTable = Field(description="table of daily values")
    tolerance: float = Field(
        default=30.0, gt=0, le=5000, description="largest distance from the line [m]"
    )
    relative_sigma: float | None = Field(
        default=None, gt=0, le=1, description="standard deviation [1], where no column gives it"
    )
    min_segments: int = Field(
        default=2, ge=1, description="days with fewer segments are left out, told"
    )

    @model_validator(mode="after")
    def _one_error(self) -> "SegmentsObservations":
        if (self.table.columns.sigma is not None) == (self.relative_sigma is not None):
            raise ValueError("the error is wanted once: the column sigma, or relative_sigma")
        if not isinstance(self.upscaling, Kriging) and self.upscaling.by_time:
            raise ValueError("upscaling.by_time wants points: daily values do not tell their time")
        return self
