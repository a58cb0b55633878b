"""The study kind `transect`: counts along a line calibrate the distributed model."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rootzone.config.base import Part, Text
from rootzone.config.catchment import Counts, FileOf, ModelStudy, Period, Source
from rootzone.config.transect_points import PointsObservations, SegmentsObservations
from rootzone.config.transect_search import Search
from rootzone.config.transect_sites import SitesObservations
from rootzone.config.transect_twin import TwinObservations, TwinTransfer


class FolderObservations(Part):
    """The gridded counts of an mHM folder, ``neutrons.nc``."""

    method: Literal["folder"]
    error: float = Field(
        default=0.03, gt=0, le=1, description="standard deviation of a daily count rate over it"
    )


Observations = Annotated[
    TwinObservations
    | PointsObservations
    | SegmentsObservations
    | FolderObservations
    | SitesObservations,
    Field(discriminator="method"),
]


class LineTable(Part):
    """A line through the domain, where the domain brings none."""

    table: FileOf = Field(
        description="CSV file with the columns x and y in the coordinates of the grid, or latitude "
        "and longitude, one row for each vertex, and optionally section"
    )
    sections: list["LineSection"] = Field(
        default_factory=list,
        description="stretches by distance along the line; left out: the column section, "
        "otherwise one section",
    )


class LineSection(Part):
    """A stretch of the line that is judged as one, e.g. a land cover."""

    name: Text = Field(description="name of the section")
    start: float = Field(ge=0, description="distance along the line where it begins [m]")
    end: float = Field(gt=0, description="distance along the line where it ends [m]")

    @model_validator(mode="after")
    def _order(self) -> "LineSection":
        if self.end <= self.start:
            raise ValueError(f"section '{self.name}' ends at {self.end:g}, before {self.start:g}")
        return self


class Reading(Part):
    """How the model is compared with what was counted."""

    at: Literal["cells", "track"] = Field(
        default="cells",
        description="cells: counts of a cell against observations brought to it; track: the model "
        "is sampled at the points of the track with the weights of the footprint, then brought to "
        "the cells as the observations were",
    )
    factor: Literal["none", "section", "place"] = Field(
        default="none",
        description="simulated counts are multiplied with one fitted factor for each section or "
        "place: N0 of its own, or a correction of a bias such as that of biomass",
    )


class Evaluation(Part):
    """What is calibrated on, and what is scored."""

    calibration_end: date | None = Field(
        default=None,
        description="last day that is calibrated on; the later ones are scored alone; left out: "
        "all days",
    )
    bins: Literal["round", "floor"] | int = Field(
        default="round", description="number of bins of SPAEF: root of the values, or a number"
    )
    edges: Literal["own", "common", "obs"] = Field(
        default="own", description="edges of the bins of SPAEF: of each map, of both, of observed"
    )
    depth: float = Field(
        default=60.0, gt=0, le=300, description="lower depth of the root zone [cm]"
    )


class TransferSite(Part):
    """Another domain that the sets found here are taken to."""

    name: Text = Field(description="name of the site")
    source: Source = Field(description="where its domain comes from")
    period: Period = Field(default_factory=Period)
    section: Text = Field(description="section whose sets are taken to it")
    x: float | None = Field(default=None, description="position in the coordinates of its grid")
    y: float | None = Field(default=None, description="position; left out: its only cell")
    water: FileOf | None = Field(
        default=None,
        description="CSV file with the columns date and theta, and optionally top and bottom [cm]",
    )


Transfer = Annotated[
    list[TransferSite] | TwinTransfer | None,
    Field(description="other sites that the sets are taken to, or a number of twin sites"),
]


class Computation(Part):
    """How the work is divided; results do not depend on it but for round-off."""

    chunk: int = Field(
        default=2048, ge=16, le=1_000_000, description="cells that a core computes together"
    )


class TransectStudy(ModelStudy):
    """Counts along a line, or of single stations, calibrate the distributed model."""

    kind: Literal["transect"] = Field(description="kind of study")  # pyright: ignore[reportIncompatibleVariableOverride]
    counts: Counts = Field(default=Counts(when="once_a_day"))
    line: LineTable | None = Field(
        default=None, description="the line, where the domain brings none"
    )
    observations: Observations = Field(description="what was counted")
    reading: Reading = Field(default_factory=Reading)
    search: Search = Field(default_factory=Search)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    transfer: Transfer = None
    computation: Computation = Field(default_factory=Computation)
