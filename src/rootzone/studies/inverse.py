"""The study `inverse`: scenarios -> train -> evaluate.

The page reads in the order of the work: sites are simulated or read, a network is trained for each
way of holding something out, and all methods answer for what was held out.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from rootzone.config.inverse import InverseStudy
from rootzone.config.inverse_scenarios import SimulatedScenarios
from rootzone.core import DataError
from rootzone.data.scenario_store import ScenarioStore
from rootzone.studies.checkpoints import save_model
from rootzone.studies.context import Context
from rootzone.studies.inverse_data import Data, load
from rootzone.studies.inverse_evaluate import Tested, evaluated, importance
from rootzone.studies.inverse_output import datasets_of, scores_of
from rootzone.studies.inverse_scenarios import (
    FOLDER,
    SHARE,
    ensemble_of,
    make_scenarios,
    open_scenarios,
    stored_days,
    summary_of,
    weather_and_days,
)
from rootzone.studies.inverse_splits import parts_of
from rootzone.studies.inverse_train import Trained, trained

_TRAINED, _TESTED = 0.72, 0.84  # shares of the progress


def check_inverse(study: InverseStudy, context: Context) -> None:
    """Read all input and raise what is wrong with it."""
    part = study.scenarios
    if isinstance(part, SimulatedScenarios):
        _, days = weather_and_days(part, context)
        years = part.members * (len(days) + part.warm_up) / 365.0
        context.log.tell(
            f"{part.members} sites of {len(days)} days after {part.warm_up} of warm-up, "
            f"{years:.0f} years of columns; trainings: {', '.join(study.evaluation.splits)}"
        )
        return
    store = open_scenarios(part, context)
    context.log.tell(
        f"{store.path}: {len(store.numbers())} sites of {store.field('day').shape[0]} days"
    )
    load(study, store, part.members)


def run_inverse(
    study: InverseStudy, context: Context, *, made_with: str
) -> tuple[dict[str, xr.Dataset], dict[str, Any], dict[str, Any]]:
    """Run the study; return its datasets, scores and its own keys of the summary."""
    with _folder(context) as folder:
        store = _scenarios(study, context, folder, made_with=made_with)
        own: dict[str, Any] = {"scenarios": summary_of(store)}
        if study.stop_after == "scenarios":
            return {}, {}, own
        return _learn(study, context, store, own, made_with=made_with)


@contextlib.contextmanager
def _folder(context: Context) -> Iterator[Path]:
    """Give the run folder, or without one a temporary folder."""
    if context.folder is not None:
        yield context.folder
        return
    with tempfile.TemporaryDirectory(prefix="rootzone-") as folder:
        yield Path(folder)


def _scenarios(
    study: InverseStudy, context: Context, folder: Path, *, made_with: str
) -> ScenarioStore:
    """Return the scenarios of a study, made or read."""
    part = study.scenarios
    if isinstance(part, SimulatedScenarios):
        return make_scenarios(part, study.seed, context, folder / FOLDER, made_with=made_with)
    return open_scenarios(part, context)


def _made_from(store: ScenarioStore) -> tuple[SimulatedScenarios, int]:
    """Return the study part and the seed that a store was made from."""
    known = SimulatedScenarios.model_fields
    values = {k: v for k, v in store.recipe.items() if k in known}
    try:
        return SimulatedScenarios.model_validate(values), int(store.recipe["seed"])
    except (ValueError, KeyError) as error:
        raise DataError(f"{store.path}: its recipe cannot be read ({error})") from None


def _learn(
    study: InverseStudy,
    context: Context,
    store: ScenarioStore,
    own: dict[str, Any],
    *,
    made_with: str,
) -> tuple[dict[str, xr.Dataset], dict[str, Any], dict[str, Any]]:
    part, seed = _made_from(store)
    days = stored_days(store)
    ensemble = ensemble_of(part, seed)
    data = load(study, store, study.scenarios.members)
    splits = study.evaluation.splits
    models: dict[str, Trained] = {}
    results: dict[str, Tested] = {}
    used = xr.Dataset()
    for n, split in enumerate(splits):
        parts = parts_of(study, split, data, part.climates)
        width = (_TRAINED - SHARE) / len(splits)
        share = (SHARE + n * width, SHARE + (n + 1) * width)
        models[split] = trained(
            study, split, data, parts, context, made_with=made_with, share=share
        )
        save_model(models[split].model, context.folder, split)
    for n, split in enumerate(splits):
        context.progress("evaluation", _TRAINED + (_TESTED - _TRAINED) * n / len(splits))
        parts = parts_of(study, split, data, part.climates)
        calibrate = ensemble if n == 0 else None
        results[split] = evaluated(study, data, parts, models[split], calibrate)
        calibration = results[split].calibration
        save_model(models[split].model, context.folder, split, calibration)
        _tell(split, results[split], context)
        if n == 0:
            used = importance(study, results[split], models[split])
    return (
        datasets_of(study, results, models, used, days),
        scores_of(results),
        own | {"splits": {k: _numbers(r, data) for k, r in results.items()}},
    )


def _numbers(result: Tested, data: Data) -> dict[str, Any]:
    return {
        "sites": data.sites,
        "test_sites": result.data.sites,
        "test_days": int(result.tested.sum()),
        "main_counts": result.main,
        "outside_training_range": result.outside,
    }


def _tell(split: str, result: Tested, context: Context) -> None:
    """Tell the headline, and what the network was asked outside its training range."""
    table = result.scores["rmse"].sel(depth=30, counts=result.main)
    error = lambda method, subset: float(table.sel(retrieval=method, subset=subset))  # noqa: E731
    context.log.tell(
        f"{split}, {result.main}, 0-30 cm: RMSE of the network {error('network', 'all'):.4f} m3 m-3"
        f" (dry season {error('network', 'dry'):.4f}), of the homogeneous inversion "
        f"{error('homogeneous', 'all'):.4f} ({error('homogeneous', 'dry'):.4f})"
    )
    beyond = {k: v for k, v in result.outside.items() if v > 0.01}
    if beyond:
        named = ", ".join(f"{k} ({100 * v:.0f} % of values)" for k, v in beyond.items())
        context.log.warn(f"{split}: the network was asked outside its training range: {named}")
