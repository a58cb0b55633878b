"""Models of a study `replicates`: what a network reads, what it answers, how it learns."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from rootzone.config.base import Part, Text, one_or_more
from rootzone.core import nearest

PresetName = Literal["cond_lstm", "gm_lstm", "cmal", "sensor_effect"]
Version = Literal["paper", "corrected"]
Read = Literal["block", "record"]

Words = Annotated[
    list[Text], BeforeValidator(one_or_more, json_schema_input_type=list[Text] | Text)
]

_SHORT = 12.0  # h; shorter steps resolve the day, and memory is counted in more of them


class Released(Part):
    """Faults of the released code of Bischof et al. (2025), each to be switched off."""

    double_softmax: bool = Field(
        default=True, description="weights go through a softmax twice in training"
    )
    density_floor: bool = Field(
        default=True, description="1e-8 is added to densities in training: outliers do not pull"
    )
    live_dropout: bool = Field(default=True, description="dropout is left on in the test")


class ModelPart(Part):
    """A network, or several that are asked as one (`pool`)."""

    name: Text = Field(description="name of the model in tables and figures")
    pool: Annotated[list[Text], Field(min_length=2)] | None = Field(
        default=None,
        description="names of other models, unbounded mixtures of Gaussians, whose answers are "
        "mixed with equal weights; then no other key",
    )
    preset: PresetName = Field(
        default="gm_lstm",
        description="cond_lstm: one Gaussian a sensor; gm_lstm: a mixture of Gaussians; cmal: of "
        "asymmetric Laplaces; sensor_effect: what stays of a sensor kept apart from errors",
    )
    version: Version = Field(
        default="corrected",
        description="paper: windows with one target each, as Bischof et al. (2025); corrected: "
        "whole sequences, the likelihood itself",
    )
    released: Released | None = Field(
        default=None, description="faults of version paper; left out: all of them"
    )
    components: int | None = Field(default=None, ge=1, le=20, description="parts of a mixture")
    bounded: bool = Field(
        default=False, description="answers lie between 0 and the porosity with its margin"
    )
    margin: float = Field(
        default=0.08,
        ge=0,
        le=0.5,
        description="what sensors may read above the porosity and above all readings learned from "
        "[m3 m-3]",
    )
    sensor_noise: float = Field(
        default=0.02, ge=0, le=0.2, description="noise of a sensor (sensor_effect) [m3 m-3]"
    )
    marginal: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="share of the likelihood of single readings in the loss (sensor_effect) [1]",
    )
    depth: Literal["input", "output"] = Field(
        default="input", description="depth is an attribute, or every depth has an output"
    )
    sensor: Literal["none", "one_hot"] | None = Field(
        default=None, description="whether the network is told which replicate it is"
    )
    replicates: Literal["together", "apart"] | None = Field(
        default=None,
        description="replicates are learned from in one pass, or each has windows of its own; "
        "left out: together, in version paper apart",
    )
    inputs: Words | None = Field(
        default=None,
        description="series that are read, and season; left out: all of the network",
    )
    attributes: Words | None = Field(
        default=None,
        description="numbers and classes of places that are read; left out: all of the network",
    )
    attribute_noise: float = Field(
        default=0.0,
        ge=0,
        le=5,
        description="noise of standardized attributes in training: more, and places share more of "
        "what is learned (version corrected)",
    )
    amounts: Literal["log1p", "plain"] | None = Field(
        default=None,
        description="precipitation, irrigation and discharge as log(1 + x) or as they are; left "
        "out: log1p, in version paper plain",
    )
    hidden: int = Field(default=64, ge=1, le=1024, description="width of the memory")
    bottleneck: int | None = Field(
        default=None, ge=1, le=1024, description="width of a linear layer before the answer"
    )
    dropout: float | None = Field(
        default=None, ge=0, lt=1, description="share of the memory withheld in training [1]"
    )
    epochs: int | None = Field(default=None, ge=1, le=10000, description="passes over the data")
    learning_rate: float | None = Field(default=None, gt=0, le=1, description="highest rate")
    batch: int | None = Field(default=None, ge=1, le=100000, description="windows per step")
    window: int | None = Field(
        default=None, ge=2, le=100000, description="steps read at once in training"
    )
    warm_up: int | None = Field(
        default=None, ge=0, le=100000, description="first steps of a window that are no targets"
    )
    read: Read = Field(
        default="block",
        description="series are read from the start of each segment, or whole: inputs are no "
        "targets",
    )
    ensemble: int | None = Field(
        default=None, ge=1, le=100, description="networks of other seeds, mixed with equal weights"
    )
    save_every: int = Field(
        default=100, ge=1, le=100000, description="steps after which a training is stored"
    )

    @model_validator(mode="after")
    def _possible(self) -> "ModelPart":
        if self.pool is not None:
            more = sorted(self.model_fields_set - {"name", "pool"})
            if more:
                raise ValueError(f"{more[0]} is of a network, a pool has name and pool alone")
            return self
        if self.version == "paper":
            self._as_published()
        elif self.released is not None:
            raise ValueError("released is of version paper, the model has version corrected")
        if self.preset == "cond_lstm" and self.components not in (None, 1):
            raise ValueError(f"components is {self.components}, cond_lstm has one: take gm_lstm")
        if self.preset == "sensor_effect":
            if self.bounded:
                raise ValueError("bounded is not possible with preset sensor_effect")
            if self.sensor == "one_hot":
                raise ValueError("sensor is one_hot, sensor_effect is of sensors not told apart")
        return self

    def _as_published(self) -> None:
        if self.preset not in ("cond_lstm", "gm_lstm"):
            raise ValueError(f"version is paper, which has no {self.preset}: take corrected")
        if self.bounded:
            raise ValueError("bounded is of version corrected, the model has version paper")
        if self.read != "block":
            raise ValueError("read is record, version paper reads a window for each target")
        if self.attribute_noise:
            raise ValueError("attribute_noise is of version corrected, the model has version paper")
        if self.warm_up is not None:
            raise ValueError("warm_up is of version corrected: a window of paper has one target")


class Settings(NamedTuple):
    """A model with all its defaults; fields as in :class:`ModelPart`."""

    name: str
    preset: PresetName
    version: Version
    released: Released | None
    components: int
    bounded: bool
    margin: float
    sensor_noise: float
    marginal: float
    depth: Literal["input", "output"]
    one_hot: bool
    apart: bool
    inputs: tuple[str, ...] | None
    attributes: tuple[str, ...] | None
    attribute_noise: float
    log_amounts: bool
    hidden: int
    bottleneck: int | None
    dropout: float
    epochs: int
    learning_rate: float
    batch: int
    window: int
    warm_up: int
    read: Read
    ensemble: int
    save_every: int


def resolve(part: ModelPart, step_hours: float, longest: int | None = None) -> Settings:
    """Return a network with its defaults, the one place where they are.

    Parameters
    ----------
    part : ModelPart
        As written.
    step_hours : float
        Length of a step [h]: windows of version paper have 128 h, at daily steps 30 d; corrected
        ones 30 d, at daily steps 90 d.
    longest : int, optional
        Steps of the longest segment: no default window is longer.

    Raises
    ------
    ValueError
        If the part is a pool, or its warm-up leaves no target.
    """
    if part.pool is not None:
        raise ValueError(f"'{part.name}' is a pool of other models, not a network")
    paper, short = part.version == "paper", step_hours < _SHORT
    span = (128 if paper else 720) if short else (30 * 24 if paper else 90 * 24)
    default = max(2, round(span / step_hours))
    window = part.window or (default if longest is None else max(2, min(default, longest)))
    warm_up = {"block": 0, "record": min((128 if short else 720) / step_hours, 0.5 * window)}
    given = lambda value, otherwise: otherwise if value is None else value  # noqa: E731
    warm = window - 1 if paper else given(part.warm_up, round(warm_up[part.read]))
    if warm >= window:
        raise ValueError(
            f"{part.name}: warm_up is {warm} steps, a window has {window}: no step is left to "
            "learn from"
        )
    parts = {"cond_lstm": 1, "gm_lstm": 3, "cmal": 3, "sensor_effect": 2}
    return Settings(
        name=part.name,
        preset=part.preset,
        version=part.version,
        released=(part.released or Released()) if paper else None,
        components=given(part.components, parts[part.preset]),
        bounded=part.bounded,
        margin=part.margin,
        sensor_noise=part.sensor_noise,
        marginal=part.marginal,
        depth=part.depth,
        one_hot=given(part.sensor, "one_hot" if part.preset == "cond_lstm" else "none")
        == "one_hot",
        apart=given(part.replicates, "apart" if paper else "together") == "apart",
        inputs=None if part.inputs is None else tuple(part.inputs),
        attributes=None if part.attributes is None else tuple(part.attributes),
        attribute_noise=part.attribute_noise,
        log_amounts=given(part.amounts, "plain" if paper else "log1p") == "log1p",
        hidden=part.hidden,
        bottleneck=part.bottleneck,
        dropout=given(part.dropout, 0.4 if paper else 0.2),
        epochs=given(part.epochs, 10 if paper or short else 40),
        learning_rate=given(part.learning_rate, 5e-4 if paper else 3e-3),
        batch=given(part.batch, 128 if paper else 32 if short else 16),
        window=window,
        warm_up=warm,
        read=part.read,
        ensemble=given(part.ensemble, 1 if paper else 5),
        save_every=part.save_every,
    )


def check_models(models: Sequence[ModelPart]) -> None:
    """Refuse names that appear twice, and pools of unknown models, of pools or of other families.

    Raises
    ------
    ValueError
        In one sentence.
    """
    names = [m.name for m in models]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise ValueError(f"models has '{twice}' twice: give every model a name of its own")
    networks = [m.name for m in models if m.pool is None]
    unlike = {m.name for m in models if m.bounded or m.preset == "cmal"}
    for model in models:
        for name in model.pool or ():
            if name not in networks:
                raise ValueError(
                    f"models: the pool '{model.name}' has '{name}', which is no network of the "
                    f"study{nearest(name, networks)}"
                )
            if name in unlike:
                raise ValueError(
                    f"models: the pool '{model.name}' has '{name}', which is bounded or made of "
                    "Laplaces: only unbounded mixtures of Gaussians can be pooled"
                )
        if model.pool and len(set(model.pool)) < len(model.pool):
            raise ValueError(f"models: the pool '{model.name}' has a model twice")
