"""The report of the study `replicates`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from rootzone.report import replicates_sections as parts
from rootzone.report import replicates_tables as tables
from rootzone.report.page import made_of, render
from rootzone.report.replicates_style import (
    ALL,
    labels,
    name_of,
    number,
    picked,
    score,
    share,
    shown_model,
    with_kinds,
)
from rootzone.report.style import style

_OF_TWIN = (
    "The sensors are those of a twin: made by a model, with a truth and with errors that are "
    "known. A twin is kinder than the field, so its scores are no forecast of scores with real "
    "sensors."
)


def replicates_page(datasets: Mapping[str, xr.Dataset], summary: Mapping[str, Any]) -> str:
    """Return the report from the datasets of a run and its summary.

    Parts of the run that are missing, as there is no ERA5-Land, discharge, truth, second split,
    second group or second sensor, are left out.
    """
    study = summary.get("study", {})
    data = {name: with_kinds(dataset, study) for name, dataset in datasets.items()}
    shown = parts.Shown.of(data)
    twin = _is_twin(data)
    with style():
        sections = [
            *parts.network_section(shown, summary),
            *parts.scores_section(shown),
            *parts.splits_section(shown),
            *parts.distributions_section(shown),
            *parts.in_time_section(shown),
            *parts.state_section(shown),
            *parts.truth_section(shown),
            *parts.honesty_section(shown),
            *parts.seasons_section(shown),
            *parts.learning_section(shown),
        ]
    about = summary["network"]
    several = f"up to {about['replicates']} sensors" if about["replicates"] > 1 else "a sensor"
    return render(
        title=summary["title"] or "Soil moisture at places of replicate sensors",
        lead=f"The distribution of soil moisture at {about['places']} places, with {several} at "
        f"each of {_counted(about['depths'], 'depth')}",
        facts=_facts(shown, summary),
        warnings=[*([_OF_TWIN] if twin else []), *summary["warnings"]],
        sections=[s for s in sections if s.figures or s.tables],
        footer=[
            "Belt: 80 % less 20 % quantile. Readings of a place and depth are equal parts of a "
            "mixture, each a Gaussian of the noise of a sensor; only steps at which all of them "
            "read are compared.",
            made_of(summary),
        ],
    )


def _is_twin(data: Mapping[str, xr.Dataset]) -> bool:
    scores = data.get("scores")
    return scores is not None and picked(scores, "w1_truth") is not None


def _counted(count: int, word: str) -> str:
    return f"one {word}" if count == 1 else f"{count} {word}s"


def _facts(shown: parts.Shown, summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    about = summary["network"]
    step = float(about["step_hours"])
    per = {1.0: "hourly", 24.0: "daily"}.get(step, f"every {step:g} h")
    facts = [
        ("places, groups", f"{about['places']}, {len(about['groups'])}"),
        ("readings", f"{about['readings']:,}, {per}"),
    ]
    scores = shown.data.get("scores")
    if scores is None:
        return facts
    split = scores.attrs["shown_split"]
    models = tables.scored_models(scores, "crps", split)
    if not models:
        return facts
    model = shown_model(scores, models)
    at = {"model": model, "group": ALL, "layer": ALL}
    facts += [("held out", shown.split), ("shown", name_of(scores, model))]
    for name, words, form in (
        ("kge_places", "KGE of the site mean", "{:.2f}"),
        ("crps", "CRPS [m³ m⁻³]", "{:.4f}"),
    ):
        values = [score(scores, name, split=s, **at) for s in labels(scores, "split")]
        own = score(scores, name, split=split, **at)
        facts.append((words, number(own, form)))
        worst = [v for v in values if np.isfinite(v)]
        if len(worst) > 1:
            far = min(worst) if name.startswith("kge") else max(worst)
            facts.append((f"{words.split(' [')[0]}, hardest split", number(far, form)))
    inside = score(scores, "coverage_80", split=split, **at)
    facts.append(("readings inside 80 % intervals", share(inside)))
    return facts
