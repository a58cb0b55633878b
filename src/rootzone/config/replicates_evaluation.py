"""How a study `replicates` is tested: splits, baselines, resampling, what an answer to rain is."""

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, one_or_more

Split = Literal["segments", "segments_per_sensor", "place", "depth", "group", "chronological"]
Baseline = Literal[
    "annual_cycle", "era5_land", "era5_land_fitted", "persistence", "linear", "bucket"
]


class Response(Part):
    """Rain events, and the answers of the sensors to them (Demand et al. 2019)."""

    amount: float = Field(
        default=5.0, gt=0, le=200, description="rain that makes an event, within `burst` [mm]"
    )
    burst: float = Field(
        default=6.0, gt=0, le=240, description="time over which it is summed, one step at least [h]"
    )
    dry_spell: float = Field(
        default=24.0, gt=0, le=720, description="time without rain before an event [h]"
    )
    wet: float = Field(default=0.1, gt=0, le=10, description="rain that makes a step wet [mm]")
    rise: float = Field(
        default=0.01, gt=0, le=0.2, description="rise of a reading that is an answer [m3 m-3]"
    )
    window: float = Field(
        default=48.0,
        gt=0,
        le=720,
        description="time within which it counts, two steps at least [h]",
    )


class Evaluation(Part):
    """On what the models are tested, and beside what."""

    splits: Annotated[
        list[Split], BeforeValidator(one_or_more, json_schema_input_type=list[Split] | Split)
    ] = Field(
        default=["segments", "place"],
        min_length=1,
        description="what is held out, a training each; the first one is shown in detail. "
        "segments: random stretches of time, common to the replicates of a place; "
        "segments_per_sensor: drawn for each sensor, which leaks; place: whole places, in folds; "
        "depth, group: each depth or group; chronological: the end of the record",
    )
    block_days: int = Field(
        default=90, ge=2, le=3650, description="length of the random segments [d]"
    )
    train_share: float = Field(
        default=0.6, gt=0, lt=1, description="share of the segments to learn from [1]"
    )
    valid_share: float = Field(
        default=0.15, ge=0, lt=1, description="share of the training part for validation [1]"
    )
    folds: int = Field(default=5, ge=2, le=1000, description="folds of the split by place")
    baselines: list[Baseline] = Field(
        default=list(get_args(Baseline)),
        description="models without learning of the network, where the data allow them",
    )
    noise: float = Field(
        default=0.02,
        gt=0,
        le=0.2,
        description="noise of a sensor that is added to its readings, standard deviation [m3 m-3]",
    )
    bootstrap: int = Field(
        default=50, ge=0, le=10000, description="random subsets for the published spread; 0: none"
    )
    subset_share: float = Field(
        default=0.8, gt=0, le=1, description="share of the cells in such a subset [1]"
    )
    subset_replace: bool = Field(
        default=False, description="draw the subsets with replacement, as the paper words it"
    )
    block_bootstrap: int = Field(
        default=100, ge=0, le=10000, description="replicates of the block bootstrap; 0: none"
    )
    bootstrap_block_days: int = Field(
        default=60, ge=1, le=3650, description="length of its blocks [d]"
    )
    rainy_day: float = Field(
        default=1.0, gt=0, le=50, description="rain that makes a day a rainy day [mm]"
    )
    examples: int = Field(default=6, ge=0, le=50, description="series that are shown in detail")
    example_days: int = Field(
        default=1096, ge=30, le=36500, description="longest stretch of an example [d]"
    )
    response: Response = Field(default_factory=Response)

    @model_validator(mode="after")
    def _each_once(self) -> "Evaluation":
        for name, given in (("splits", self.splits), ("baselines", self.baselines)):
            twice = next((x for x in given if list(given).count(x) > 1), None)
            if twice is not None:
                raise ValueError(f"{name} has {twice} twice, wanted each once")
        return self
