"""The study kind `replicates`: the distribution of soil moisture, of sensors side by side."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rootzone.config.base import Part, StudyBase, Text
from rootzone.config.replicates_data import Ismn, Neon, StoredNetwork, Tables
from rootzone.config.replicates_evaluation import Evaluation
from rootzone.config.replicates_models import ModelPart, check_models
from rootzone.config.replicates_twin import Twin
from rootzone.core import nearest

Data = Annotated[Twin | Tables | Ismn | Neon | StoredNetwork, Field(discriminator="method")]


def published() -> list[ModelPart]:
    """Return the models of Bischof et al. (2025), as published and corrected, and ours."""
    made = ModelPart.model_validate
    return [
        made({"name": "condLSTM, paper", "preset": "cond_lstm", "version": "paper"}),
        made({"name": "3G-LSTM, paper", "preset": "gm_lstm", "version": "paper"}),
        made({"name": "condLSTM", "preset": "cond_lstm"}),
        made({"name": "3G-LSTM", "preset": "gm_lstm"}),
        made({"name": "pooled", "pool": ["condLSTM", "3G-LSTM"]}),
        made({"name": "CMAL, bounded", "preset": "cmal", "bounded": True}),
        made({"name": "sensor effect", "preset": "sensor_effect"}),
    ]


class Report(Part):
    """What the report shows in detail."""

    models: list[Text] = Field(
        default_factory=list,
        max_length=4,
        description="models in the figures; left out: the first pool or network, and two more",
    )


class ReplicatesStudy(StudyBase):
    """The distribution of soil moisture at places with several sensors, learned and judged."""

    kind: Literal["replicates"] = Field(default="replicates", description="kind of study")  # pyright: ignore[reportIncompatibleVariableOverride]
    precision: Literal["float64", "float32"] = Field(
        default="float32", description="floating point precision of the computation"
    )
    data: Data = Field(
        default=Twin(method="twin"), description="sensors of places, and what drives their water"
    )
    models: list[ModelPart] = Field(
        default_factory=published, min_length=1, description="networks, and pools of them"
    )
    evaluation: Evaluation = Field(default_factory=Evaluation)
    compared: list[Text] | None = Field(
        default=None,
        description="networks that are trained for the splits after the first too; left out: all",
    )
    report: Report = Field(default_factory=Report)
    stop_after: Literal["data", "evaluation"] = Field(
        default="evaluation", description="how far the study goes"
    )

    @model_validator(mode="after")
    def _named(self) -> "ReplicatesStudy":
        check_models(self.models)
        names = [m.name for m in self.models]
        asked = {"compared": self.compared or (), "report.models": self.report.models}
        for key, given in asked.items():
            for name in given:
                if name not in names:
                    raise ValueError(f"{key} has '{name}', which is no model{nearest(name, names)}")
        return self
