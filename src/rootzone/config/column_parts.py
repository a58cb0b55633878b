"""Boundaries, grid, solver, neutron operators and output of a study `column`."""

import itertools
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone import neutrons as ne
from rootzone.config.base import Part, of, one_or_more

# --- boundaries, grid, start, solver ----------------------------------------------------


class AtmosphereTop(Part):
    """Rain and evaporation, limited by what the soil takes and gives."""

    method: Literal["atmosphere"]
    ponding: float = Field(
        default=0.0, ge=0, le=1000, description="water that can stand on the soil [mm]; 0: runs off"
    )
    driest_head: float = Field(
        default=-15000.0, ge=-1e6, lt=-100, description="head of the air-dry surface [cm]"
    )


class HeadTop(Part):
    """A given head at the surface; rain and evaporation are ignored."""

    method: Literal["head"]
    head: float = Field(ge=-1e6, le=500, description="pressure head at the surface [cm]")


class FluxTop(Part):
    """Rain less potential evaporation, without limits."""

    method: Literal["flux"]


TopBoundary = Annotated[AtmosphereTop | HeadTop | FluxTop, Field(discriminator="method")]


class FreeDrainageBottom(Part):
    """Unit gradient."""

    method: Literal["free_drainage"]


class WaterTableBottom(Part):
    """A water table at a fixed depth."""

    method: Literal["water_table"]
    depth: float = Field(gt=0, le=2000, description="depth of the water table [cm]")


class SeepageBottom(Part):
    """Closed while unsaturated, open to the air when water stands on it (lysimeter)."""

    method: Literal["seepage_face"]


class HeadBottom(Part):
    """A given head at the bottom."""

    method: Literal["head"]
    head: float = Field(ge=-1e6, le=1000, description="pressure head at the bottom [cm]")


class FluxBottom(Part):
    """A given outflow."""

    method: Literal["flux"]
    flux: float = Field(
        default=0.0, ge=-100, le=100, description="outflow, negative upward [mm d-1]; 0: closed"
    )


BottomBoundary = Annotated[
    FreeDrainageBottom | WaterTableBottom | SeepageBottom | HeadBottom | FluxBottom,
    Field(discriminator="method"),
]


class GradedGrid(Part):
    """Nodes whose spacing grows with depth."""

    method: Literal["graded"]
    depth: float = Field(default=150.0, ge=10, le=1000, description="depth of the profile [cm]")
    nodes: int = Field(default=61, ge=10, le=1000, description="number of nodes")
    first: float = Field(
        default=0.2, gt=0.001, le=5, description="spacing at the surface [cm]; 0.2 for evaporation"
    )

    @model_validator(mode="after")
    def _grades(self) -> "GradedGrid":
        if self.first * (self.nodes - 1) > self.depth:
            raise ValueError(
                f"first is {self.first:g} cm, {self.nodes} nodes reach below {self.depth:g} cm "
                "even with equal spacing: fewer nodes or a smaller first spacing are wanted"
            )
        return self


class UniformGrid(Part):
    """Evenly spaced nodes."""

    method: Literal["uniform"]
    depth: float = Field(default=150.0, ge=10, le=1000, description="depth of the profile [cm]")
    spacing: float = Field(default=1.0, gt=0.01, le=10, description="distance of nodes [cm]")

    @model_validator(mode="after")
    def _divides(self) -> "UniformGrid":
        count = round(self.depth / self.spacing)
        if count < 2 or abs(count * self.spacing - self.depth) > 1e-9 * self.depth:
            raise ValueError(f"spacing of {self.spacing:g} cm does not divide {self.depth:g} cm")
        return self


GridPart = Annotated[GradedGrid | UniformGrid, Field(discriminator="method")]


class Start(Part):
    """How the profile begins."""

    head: float = Field(
        default=-100.0, ge=-15000, le=0, description="pressure head everywhere at the start [cm]"
    )
    spin_up: int = Field(
        default=365,
        ge=0,
        le=36500,
        description="days from the start of the weather that run once before it [d]",
    )


class Solver(Part):
    """Accuracy, and how members are computed together."""

    tolerance: float = Field(
        default=1.2e-3, ge=1e-6, le=0.02, description="truncation error of a step [m3 m-3]"
    )
    max_change: float = Field(
        default=0.1, gt=0, le=0.5, description="change of saturation in a step [1]"
    )
    chunk: int = Field(
        default=128,
        ge=1,
        le=65536,
        description="members computed together by each core; results do not depend on it",
    )


# --- neutrons ---------------------------------------------------------------------------


class CosmicOperator(Part):
    """COSMIC (Shuttleworth et al. 2013)."""

    method: Literal["cosmic"]
    N: float = Field(default=611.0, gt=0, le=1e6, description="scale of the count rate [h-1]")
    coefficients: Literal["bulk_density", "santa_rita"] = Field(
        default="bulk_density",
        description="L3 and alpha from the bulk density of each layer, or the set of Santa Rita",
    )
    sees_snow: bool = Field(
        default=True, description="snow, standing and intercepted water are a layer of water"
    )


class SnowEffect(Part):
    """Counts that fall exponentially with snow towards those above deep snow."""

    length: float = Field(gt=0, le=1000, description="attenuation length of snow water [mm]")
    deep_rate: float = Field(ge=0, le=1, description="count rate above deep snow over N0 [1]")


class LawOperator(Part):
    """What the depth-weighted laws have in common."""

    N0: float = Field(default=1000.0, gt=0, le=1e6, description="scale of the law [h-1]")
    distance: float = Field(
        default=1.0,
        ge=0,
        le=600,
        description="distance from the detector, rescaled to 1013.25 hPa, at which the depth "
        "weights are taken [m]",
    )
    snow: SnowEffect | None = Field(
        default=None, description="counts above snow; left out: snow is not seen"
    )


class DesiletsOperator(LawOperator):
    """Desilets et al. (2010) of the depth-weighted water."""

    method: Literal["desilets_2010"]


class KoehliOperator(LawOperator):
    """The universal transport solution of the depth-weighted water."""

    method: Literal["koehli_2021", "koehli_2025"]
    parameter_set: str | None = Field(
        default=None, description="parameter set; left out: the paper's choice"
    )
    absolute_humidity: float = of("absolute_humidity", "constant absolute humidity", default=7.0)

    @model_validator(mode="after")
    def _known_set(self) -> "KoehliOperator":
        self.law()
        return self

    def law(self) -> ne.CountRateLaw:
        """Return the law as an object."""
        cls = ne.Koehli2021 if self.method == "koehli_2021" else ne.Koehli2025
        return cls(self.parameter_set) if self.parameter_set else cls()


Operator = Annotated[
    CosmicOperator | DesiletsOperator | KoehliOperator, Field(discriminator="method")
]


class Neutrons(Part):
    """What a detector above the column counts."""

    operators: Annotated[
        list[Operator],
        BeforeValidator(one_or_more, json_schema_input_type=list[Operator] | Operator),
    ] = Field(default=[CosmicOperator(method="cosmic")], max_length=10, description="operators")
    noise: bool = Field(default=True, description="counting noise (Poisson), besides the rate")
    sensitivity_spread: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="relative standard deviation of the detectors' N or N0 between members [1]",
    )
    biomass_water: float = of("biomass_water", "biomass water equivalent, constant", default=0.0)


class Output(Part):
    """What is written."""

    step: Literal["1d", "1h"] = Field(default="1d", description="output interval")
    layers: list[float] | None = Field(
        default=None,
        min_length=2,
        description="edges of the stored layers [cm]; left out: every 5 cm to 30, then coarser",
    )
    root_zone: float = Field(
        default=30.0, gt=0, le=500, description="depth of the mean water content [cm]"
    )
    member: int = Field(
        default=0, ge=0, description="member of an ensemble that the report shows in detail"
    )

    @model_validator(mode="after")
    def _order(self) -> "Output":
        edges = self.layers or [0.0, 1.0]
        rising = all(a < b for a, b in itertools.pairwise(edges))
        if edges[0] != 0 or not rising:
            raise ValueError("layers must start at 0 and increase")
        return self
