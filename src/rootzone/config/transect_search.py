"""What a calibration searches, by which methods, and which sets it keeps."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, one_or_more
from rootzone.config.catchment import FileOf

Score = Literal["nse", "kge_2009", "kge_2012", "log_likelihood", "rmse"]


class Parameters(Part):
    """Which global parameters are searched, and between which bounds."""

    preset: Literal["railway_27", "railway_27_fixed_N0", "none"] = Field(
        default="railway_27_fixed_N0",
        description="the 27 parameters of snow, soil moisture and neutrons with N0 among them, or "
        "N0 fixed and the slope of the conductivity among them (it is searched where bounds "
        "gives it room), or only those of add",
    )
    N0: float = Field(default=22888.0, gt=0, description="count rate over dry soil, if fixed [h-1]")
    add: list[str] = Field(default_factory=list, description="further parameters by name")
    texture: Literal["none", "each", "all"] = Field(
        default="none",
        description="search sand and clay too (source.method: sites): of each site by itself, or "
        "one texture for all",
    )
    leave: list[str] = Field(default_factory=list, description="parameters not to be searched")
    bounds: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="other bounds by name, e.g. {Desilets_N0: [900, 1400]}; beyond the declared "
        "ones they want parameters.beyond_bounds (not N0, which is that of the detector)",
    )


class Objective(Part):
    """What is made as large as can be."""

    score: Score = Field(default="nse", description="score; of rmse the smallest is best")
    combine: Literal["mean", "min", "distance"] = Field(
        default="mean",
        description="several sections or variables: mean, the worst, or the distance from one",
    )
    water: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the score of observed soil water beside that of the counts",
    )

    @model_validator(mode="after")
    def _without_unit(self) -> "Objective":
        if self.score not in ("rmse", "log_likelihood"):
            return self
        beside = "combine: distance" if self.combine == "distance" else f"water: {self.water:g}"
        if self.combine == "distance" or 0 < self.water < 1:
            raise ValueError(
                f"score: {self.score} together with {beside} has no meaning, because "
                f"{'one is not its best value' if self.combine == 'distance' else 'units differ'}: "
                "take nse, kge_2009 or kge_2012"
            )
        return self


class Ensemble(Part):
    """Independent parameter sets, all of them kept with their scores."""

    sampler: Literal["latin_hypercube", "sobol", "table"] = Field(
        default="latin_hypercube", description="how the sets are drawn"
    )
    sets: int = Field(default=10_000, ge=1, le=100_000_000, description="number of sets")
    table: FileOf | None = Field(
        default=None, description="CSV file with a column for each searched parameter"
    )

    @model_validator(mode="after")
    def _table(self) -> "Ensemble":
        if (self.sampler == "table") != (self.table is not None):
            raise ValueError("table is wanted with sampler: table, and only with it")
        return self


class Behavioral(Part):
    """Which sets are kept as good ones."""

    best: int | None = Field(
        default=10,
        ge=1,
        le=10_000,
        description="so many of the best sets; left out beside at_least: no such number",
    )
    at_least: float | None = Field(
        default=None,
        description="or all sets with this objective or more; with best too, at most that many",
    )
    most: int = Field(
        default=1000, ge=1, le=10_000, description="at most so many, with at_least alone"
    )

    @model_validator(mode="before")
    @classmethod
    def _at_least_alone(cls, values: Any) -> Any:
        # the default of best must not cut what a threshold asks for
        if isinstance(values, dict) and values.get("at_least") is not None:
            return {"best": None, **values}
        return values

    @model_validator(mode="after")
    def _once(self) -> "Behavioral":
        if self.best is None and self.at_least is None:
            raise ValueError("best or at_least is wanted")
        return self


class Dds(Part):
    """Dynamically dimensioned search, several chains side by side."""

    method: Literal["dds"]
    budget: int = Field(default=10_000, ge=10, description="model runs")
    chains: int = Field(default=32, ge=1, le=10_000, description="chains side by side")


class SceUa(Part):
    """Shuffled complex evolution."""

    method: Literal["sce_ua"]
    budget: int = Field(default=10_000, ge=10, description="model runs")
    complexes: int = Field(default=7, ge=1, le=1000, description="number of complexes")


class Gradient(Part):
    """Ascent along the gradient of the model from many starts."""

    method: Literal["gradient"]
    budget: int = Field(
        default=10_000, ge=10, description="model runs; a gradient counts as cost runs"
    )
    starts: int = Field(default=32, ge=1, le=10_000, description="starts side by side")
    learning_rate: float = Field(default=0.1, gt=0, le=10, description="step of Adam")
    cost: float = Field(default=4.0, gt=0, le=1000, description="model runs that a gradient costs")


class Smoother(Part):
    """Ensemble smoother with multiple data assimilation: a posterior."""

    method: Literal["es_mda"]
    members: int = Field(default=500, ge=10, le=100_000, description="members")
    assimilations: int = Field(default=4, ge=1, le=100, description="assimilations")


class Nuts(Part):
    """The no-U-turn sampler, for few parameters and short records: a posterior."""

    method: Literal["nuts"]
    parameters: list[str] = Field(
        default_factory=list, description="parameters sampled; left out: all searched ones"
    )
    warmup: int = Field(default=300, ge=10, le=100_000, description="draws to tune")
    samples: int = Field(default=500, ge=10, le=100_000, description="draws kept of a chain")
    chains: int = Field(default=4, ge=1, le=1000, description="chains")


OtherSearch = Annotated[Dds | SceUa | Gradient | Smoother | Nuts, Field(discriminator="method")]


class Search(Part):
    """The calibration."""

    parameters: Parameters = Field(default_factory=Parameters)
    calibrate: Literal["each", "joint", "all"] = Field(
        default="each",
        description="sets of each section by itself, sets that serve all sections together, or "
        "sets of all places taken one by one",
    )
    objective: Objective = Field(default_factory=Objective)
    ensemble: Ensemble = Field(default_factory=Ensemble)
    behavioral: Behavioral = Field(default_factory=Behavioral)
    beside: Annotated[
        list[OtherSearch],
        BeforeValidator(one_or_more, json_schema_input_type=list[OtherSearch] | OtherSearch),
    ] = Field(default_factory=list, description="other searches, in the same table")
    beside_for: str | None = Field(
        default=None,
        description="section that the other searches are for; left out: the first one, or all",
    )
    sensitivity: bool = Field(
        default=True, description="which parameters the counts inform, from the ensemble"
    )
