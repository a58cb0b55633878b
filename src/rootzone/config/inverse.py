"""The study kind `inverse`: scenarios, a network that reads root-zone water from counts, scores."""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rootzone.config.base import Part, StudyBase, one_or_more
from rootzone.config.column_soil import ClassName
from rootzone.config.inverse_scenarios import Climates, Scenarios, SimulatedScenarios

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
    "rate",
]


def input_columns(inputs: Iterable[Input]) -> tuple[str, ...]:
    """Return the columns that a network reads for these inputs.

    >>> input_columns(["rain", "season"])
    ('rain', 'season_cos', 'season_sin')
    """
    season = ("season_cos", "season_sin")
    return tuple(c for name in inputs for c in (season if name == "season" else (name,)))


def attribute_columns(static: Iterable[Static]) -> tuple[str, ...]:
    """Return the columns that a network reads for these attributes.

    >>> attribute_columns(["clay", "N0", "rate"])
    ('clay', 'log_N0', 'log_rate')
    """
    return tuple(f"log_{name}" if name in ("N0", "rate") else name for name in static)


class Network(Part):
    """What is read, and how."""

    inputs: Annotated[
        list[Input], BeforeValidator(one_or_more, json_schema_input_type=list[Input] | Input)
    ] = Field(
        default=list(get_args(Input)),
        min_length=1,
        description="daily inputs: counts relative to N0, the water of the homogeneous profile "
        "with these counts, rain, potential evapotranspiration, temperature, the time of the year",
    )
    static: list[Static] = Field(
        default=[name for name in get_args(Static) if name not in ("biomass_water", "rate")],
        description="attributes of a site; at a site some may be missing; rate: mean count rate, "
        "which tells the counting noise as N0 does but leaves the level open",
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
    withhold_attributes: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="the same for groups of attributes; left out: as withhold [1]",
    )
    ensemble: int = Field(default=2, ge=1, le=50, description="networks, pooled as one mixture")


class Errors(Part):
    """What a site's own instruments and tables get wrong: standard deviations.

    They go with the site's own detector: the network learns from such records and may be tested
    on them; tests with exact counts, or with a detector of a given rate, are free of them.
    """

    rate: float = Field(
        default=0.004, ge=0, le=0.1, description="of daily rates beyond counting, relative [1]"
    )
    rain: float = Field(default=0.2, ge=0, le=1, description="of a site's rain, relative [1]")
    rain_daily: float = Field(default=0.3, ge=0, le=2, description="of daily rain, relative [1]")
    pet: float = Field(
        default=0.15, ge=0, le=1, description="of a site's evapotranspiration, relative [1]"
    )
    temperature: float = Field(default=1.0, ge=0, le=10, description="of a site's temperature [K]")
    retrieval: float = Field(
        default=0.08,
        ge=0,
        le=0.5,
        description="of a site's inversion beyond N0 (density, bound water, footprint), relative "
        "to its water [1]",
    )
    retrieval_offset: float = Field(
        default=0.015, ge=0, le=0.2, description="the same, added to the water [m3 m-3]"
    )


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
    redraw: bool = Field(
        default=False, description="draw noise, errors and operators anew for every epoch"
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


def _possible_rate(detector: str | float) -> str | float:
    if isinstance(detector, float) and not 1.0 <= detector <= 1e6:
        raise ValueError(f"{detector:g} h-1 is no mean count rate, wanted 1 to 1e6, exact or own")
    return detector


Detector = Annotated[Literal["exact", "own"] | float, AfterValidator(_possible_rate)]


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
    climates: Climates = Field(
        default=["continental"], description="climates that the splits by climate hold out"
    )
    share: float = Field(
        default=0.2, gt=0, lt=0.9, description="share that the other splits hold out [1]"
    )
    random_share: float = Field(
        default=0.1, gt=0, lt=0.9, description="share of days of random_days [1]"
    )
    detectors: list[Detector] = Field(
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
    operator: Annotated[
        list[Operator],
        BeforeValidator(one_or_more, json_schema_input_type=list[Operator] | Operator),
    ] = Field(
        default=["cosmic"],
        min_length=1,
        description="operator whose counts are read; of several, each site has one",
    )
    errors: Errors | None = Field(
        default=None, description="what a site's own instruments get wrong; left out: counting only"
    )
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
            self._some_climates_left(part)
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

    def _some_climates_left(self, part: SimulatedScenarios) -> None:
        known = part.climates if part.weather is None else ["that of the recorded weather"]
        split = next((s for s in self.evaluation.splits if "climate" in s), None)
        held_out = set(self.evaluation.climates) & set(known)
        if split is not None and (not held_out or held_out == set(known)):
            raise ValueError(
                f"evaluation.climates are {', '.join(self.evaluation.climates)}, the scenarios "
                f"have {', '.join(known)}: the split {split} wants some held out and some left"
            )
