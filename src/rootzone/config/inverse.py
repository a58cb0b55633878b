"""The study kind `inverse`: scenarios, a network that reads root-zone water from counts, scores."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, StudyBase, one_or_more
from rootzone.config.column_soil import ClassName
from rootzone.config.inverse_scenarios import Scenarios, SimulatedScenarios

Operator = Literal["cosmic", "desilets_2010", "koehli_2021"]
Split = Literal["site", "soil", "climate", "soil_and_climate", "station", "year", "random_days"]
Input = Literal["counts", "retrieval", "rain", "pet", "temperature", "season"]
Static = Literal[
    "sand",
    "clay",
    "bulk_density",
    "porosity",
    "soil_organic_carbon",
    "lattice_water",
    "leaf_area_max",
    "rooting_depth",
    "biomass_water",
    "N0",
]
_STATIC: tuple[Static, ...] = (
    "sand",
    "clay",
    "bulk_density",
    "porosity",
    "soil_organic_carbon",
    "lattice_water",
    "leaf_area_max",
    "rooting_depth",
    "N0",
)


class Network(Part):
    """What is read, and how."""

    inputs: Annotated[
        list[Input], BeforeValidator(one_or_more, json_schema_input_type=list[Input] | Input)
    ] = Field(
        default=["counts", "retrieval", "rain", "pet", "temperature", "season"],
        min_length=1,
        description="daily inputs: counts relative to N0, the water of the homogeneous profile "
        "with these counts, rain, potential evapotranspiration, temperature, the time of the year",
    )
    static: list[Static] = Field(
        default=list(_STATIC), description="attributes of a site; at a site some may be missing"
    )
    depths: list[Literal[5, 10, 30, 60, 100]] = Field(
        default=[10, 30, 60, 100], min_length=1, description="depths of the mean water [cm]"
    )
    head: Literal["regression", "gaussian", "gaussian_mixture", "laplace_mixture"] = Field(
        default="gaussian_mixture", description="the distribution that is answered"
    )
    components: int = Field(default=3, ge=1, le=20, description="parts of a mixture")
    bounded: bool = Field(default=True, description="answers lie between 0 and the porosity")
    hidden: int = Field(default=40, ge=2, le=1024, description="width of the memory")
    width: int = Field(default=24, ge=2, le=512, description="width of the embedding of inputs")
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="share of the memory withheld in training [1]"
    )
    withhold: float = Field(
        default=0.05, ge=0, lt=1, description="share of series that lack a group of inputs [1]"
    )
    ensemble: int = Field(default=2, ge=1, le=50, description="networks, pooled as one mixture")


class Training(Part):
    """How the network learns."""

    epochs: int = Field(default=24, ge=1, le=10000, description="passes at most")
    window: int = Field(default=365, ge=2, le=5000, description="days read at once [d]")
    warm_up: int = Field(
        default=60, ge=0, le=4000, description="first days of a window that are no targets [d]"
    )
    batch: int = Field(default=16, ge=1, le=100000, description="windows per step")
    learning_rate: float = Field(default=4e-3, gt=0, le=1, description="highest learning rate")
    weight_decay: float = Field(
        default=1e-3, ge=0, le=1, description="decoupled decay of the weights (AdamW)"
    )
    patience: int = Field(
        default=6, ge=1, le=1000, description="epochs without a better validation before it stops"
    )
    noise_draws: int = Field(
        default=1, ge=1, le=100, description="counting noise drawn for a site in training"
    )
    without_attributes: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="share of the series that lack all attributes and what is derived of them",
    )
    share: float = Field(
        default=0.15, gt=0, lt=0.5, description="share of the training part for validation [1]"
    )

    @model_validator(mode="after")
    def _targets_left(self) -> "Training":
        if self.warm_up >= self.window:
            raise ValueError(
                f"warm_up is {self.warm_up} d, a window has {self.window} d: no day is left to "
                "learn from"
            )
        return self


class Evaluation(Part):
    """On what the network is tested, and beside what."""

    splits: Annotated[
        list[Split], BeforeValidator(one_or_more, json_schema_input_type=list[Split] | Split)
    ] = Field(
        default=["soil", "random_days"],
        min_length=1,
        description="what is held out, a training each; the first one is shown in detail",
    )
    soils: list[ClassName] = Field(
        default=["loam", "sandy clay loam", "silty clay"],
        description="texture classes that the splits by soil hold out",
    )
    climates: list[str] = Field(
        default=["continental"], description="climates that the splits by climate hold out"
    )
    share: float = Field(
        default=0.2, gt=0, lt=0.9, description="share that the other splits hold out [1]"
    )
    random_share: float = Field(
        default=0.1, gt=0, lt=0.9, description="share of days of random_days [1]"
    )
    detectors: list[Literal["exact", "own"] | float] = Field(
        default=["exact", 1000.0, "own"],
        min_length=1,
        description="counts of the test: exact ones, of a detector of that mean rate [h-1], or of "
        "the site's own",
    )
    sites: int = Field(default=96, ge=1, le=100000, description="test sites at most")
    column_sites: int = Field(
        default=4, ge=0, le=100, description="test sites for which columns are calibrated"
    )
    columns: int = Field(
        default=96, ge=16, le=10000, description="columns of which the best are taken"
    )
    bootstrap: int = Field(default=500, ge=0, le=100000, description="replicates; 0: none")
    block: int = Field(default=60, ge=1, le=1000, description="length of bootstrap blocks [d]")


class InverseStudy(StudyBase):
    """Root-zone water and its uncertainty from neutron counts, learned from simulated sites."""

    kind: Literal["inverse"] = Field(default="inverse", description="kind of study")  # pyright: ignore[reportIncompatibleVariableOverride]
    precision: Literal["float64", "float32"] = Field(
        default="float32", description="floating point precision of the computation"
    )
    scenarios: Scenarios = Field(
        default=SimulatedScenarios(method="simulated"), description="simulated sites"
    )
    operator: Operator = Field(default="cosmic", description="operator whose counts are read")
    network: Network = Field(default_factory=Network)
    training: Training = Field(default_factory=Training)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    stop_after: Literal["scenarios", "evaluation"] = Field(
        default="evaluation", description="how far the study goes"
    )

    @model_validator(mode="after")
    def _possible(self) -> "InverseStudy":
        part = self.scenarios
        single = isinstance(part, SimulatedScenarios) and part.members < 10
        by_site = [s for s in self.evaluation.splits if s not in ("year", "random_days")]
        if single and by_site and self.stop_after == "evaluation":
            raise ValueError(
                f"evaluation.splits has {by_site[0]}, which wants ten sites at least, the "
                f"scenarios have {part.members}: take year and random_days"
            )
        if isinstance(part, SimulatedScenarios) and self.stop_after == "evaluation":
            if "year" in self.evaluation.splits and part.years < 2 and part.weather is None:
                raise ValueError("evaluation.splits has year, which wants two years at least")
            if self.training.window > 365 * part.years and part.weather is None:
                raise ValueError(
                    f"training.window is {self.training.window} d, the scenarios have "
                    f"{365 * part.years} d"
                )
        if 30 not in self.network.depths:
            raise ValueError("network.depths must have 30, the depth that is shown in detail")
        return self
