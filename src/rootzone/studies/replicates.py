"""The study `replicates`: sensors -> networks and baselines for each split -> scores.

The page reads in the order of the work: a network of sensors is read or simulated, and for each
way of holding something out every model learns, answers for what was held out, and is scored.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from rootzone.config.replicates import ReplicatesStudy
from rootzone.config.replicates_models import ModelPart
from rootzone.config.replicates_twin import Twin
from rootzone.evaluate.splits import Fold
from rootzone.studies.checkpoints import file_word, save_model
from rootzone.studies.context import Context
from rootzone.studies.replicates_answers import answers_of
from rootzone.studies.replicates_baselines import NAMES, baseline_of_split
from rootzone.studies.replicates_evaluate import Test
from rootzone.studies.replicates_ground import answerable, ground_of
from rootzone.studies.replicates_input import read_network
from rootzone.studies.replicates_layout import Frame, frame_of, inputs_of, part_of
from rootzone.studies.replicates_splits import folds_of
from rootzone.studies.replicates_train import Trained, settings_of, train_model
from rootzone.studies.replicates_twin import make_twin, recipe_of

_DATA, _LEARNED = 0.15, 0.8  # shares of the progress


def check_replicates(study: ReplicatesStudy, context: Context) -> None:
    """Read all input, lay out every model, and raise what is wrong."""
    if isinstance(study.data, Twin):
        recipe_of(study.data)
        context.log.tell("the plots are simulated when the study runs")
        return
    network = read_network(study.data, context, inputs=_asked(study))
    ground_of(network, study.evaluation.noise)
    for frame, fold in _layouts(study, network):
        part_of(frame, network, fold, "train")
    context.log.tell(_counted(study))


def _layouts(study: ReplicatesStudy, network: xr.Dataset) -> Iterator[tuple[Frame, Fold]]:
    """Yield the layout of every training of every split; refuse what cannot be laid out."""
    for split in study.evaluation.splits:
        for fold in folds_of(split, network, study.evaluation, study.seed):
            for part in _networks(study, split):
                yield frame_of(settings_of(part, network, fold), network, fold), fold


def run_replicates(
    study: ReplicatesStudy, context: Context, *, made_with: str
) -> tuple[dict[str, xr.Dataset], dict[str, Any], dict[str, Any]]:
    """Run the study; return its datasets, scores and its own keys of the summary."""
    context.progress("data", 0.0)
    network = _network(study, context)
    own: dict[str, Any] = {"network": _summary(network)}
    if study.stop_after == "data":
        return {"network": network}, {}, own
    baselines = list(study.evaluation.baselines)
    names = {m.name: m.name for m in study.models} | {b: NAMES[b] for b in baselines}
    test = Test(network, study.evaluation, seed=study.seed, model_names=names)
    for _ in _layouts(study, network):  # before hours of training
        pass
    # What the folds of a split learn depends on all of this.
    mark = json.dumps([made_with, study.data.model_dump(mode="json"), study.seed], sort_keys=True)
    losses: dict[str, Trained] = {}
    splits = study.evaluation.splits
    width = (_LEARNED - _DATA) / len(splits)
    for n, split in enumerate(splits):
        share = (_DATA + n * width, _DATA + (n + 1) * width)
        losses |= _split(study, split, network, test, context, mark, share)
    context.progress("evaluation", _LEARNED)
    found = test.datasets()
    found["learning"] = _learning(losses)
    found["network"] = network
    _tell(found["scores"], context)
    return found, _scores(found["scores"]), own


def _network(study: ReplicatesStudy, context: Context) -> xr.Dataset:
    """Return the network of sensors, read or simulated."""
    if isinstance(study.data, Twin):
        return make_twin(study.data, study.seed, context)
    return read_network(study.data, context, inputs=_asked(study))


def _asked(study: ReplicatesStudy) -> tuple[str, ...]:
    """Return the inputs that models name, which the data must have."""
    named = (name for m in study.models for name in m.inputs or () if name != "season")
    return tuple(dict.fromkeys(named))


def _networks(study: ReplicatesStudy, split: str) -> list[ModelPart]:
    """Return the models that are trained for a split."""
    own = [m for m in study.models if m.pool is None]
    if split == study.evaluation.splits[0] or study.compared is None:
        return own
    wanted = set(study.compared)
    for model in study.models:
        wanted |= set(model.pool or ()) if model.name in wanted else set()
    return [m for m in own if m.name in wanted]


def _counted(study: ReplicatesStudy) -> str:
    many = [f"{s}: {len(_networks(study, s))}" for s in study.evaluation.splits]
    return f"networks to train (each fold of) {', '.join(many)}"


# --- one split --------------------------------------------------------------------------


def _split(
    study: ReplicatesStudy,
    split: Any,
    network: xr.Dataset,
    test: Test,
    context: Context,
    mark: str,
    share: tuple[float, float],
) -> dict[str, Trained]:
    """Train and score all models of a split; return the trainings by label."""
    folds = folds_of(split, network, study.evaluation, study.seed)
    test.begin(split, folds, _common_cells(study, split, folds, network))
    for name in study.evaluation.baselines:
        made = baseline_of_split(name, network, folds, study.seed)
        for text in made.told:
            context.log.tell(f"{split}, {NAMES[name]}: {text}")
        if made.answers is None:
            context.log.warn(f"{split}: {NAMES[name]} is left out")
        else:
            test.add(name, made.answers)
    trained = _trained(study, split, folds, network, context, mark, share)
    for model in study.models:
        names = model.pool or [model.name]
        if not all(name in trained for name in names):
            continue
        parts = (
            (answers_of([trained[name][k] for name in names], network), fold.test)
            for k, fold in enumerate(folds)
        )
        found = test.add(model.name, parts)
        context.log.tell(
            f"{split}, {model.name}: CRPS {found.scores['crps'][0, 0]:.4f} m3 m-3, log-likelihood "
            f"{found.scores['log_likelihood'][0, 0]:.3f}"
        )
    return {t.name: t for each in trained.values() for t in each}


def _common_cells(
    study: ReplicatesStudy, split: str, folds: list[Fold], network: xr.Dataset
) -> np.ndarray | None:
    """Return the cells (place, depth, time) that every model answers; None: all.

    A network that reads a window for each target is silent at the start of a segment, and where its
    window has a gap.
    """
    everywhere = np.arange(network.sizes["place"])
    found: np.ndarray | None = None
    for part in _networks(study, split):
        if part.version != "paper":
            continue
        cells: np.ndarray | None = None
        for fold in folds:
            settings = settings_of(part, network, fold)
            read = inputs_of(frame_of(settings, network, fold), network, everywhere)
            whole = np.asarray(np.isfinite(read).all(axis=2))[:, None, None]
            block = np.where(whole, fold.block, -1)
            own = np.asarray(answerable(block, settings.window).any(axis=2) & fold.test.any(axis=2))
            cells = own if cells is None else np.asarray(cells | own)
        if cells is not None:
            found = cells if found is None else np.asarray(found & cells)
    return found


def _trained(
    study: ReplicatesStudy,
    split: str,
    folds: list[Fold],
    network: xr.Dataset,
    context: Context,
    mark: str,
    share: tuple[float, float],
) -> dict[str, list[Trained]]:
    """Return the trainings of each network on each fold."""
    parts = _networks(study, split)
    width = (share[1] - share[0]) / max(len(parts) * len(folds), 1)
    found: dict[str, list[Trained]] = {}
    words = _words([fold.name for fold in folds])
    at = share[0]
    for number, part in enumerate(study.models):
        if part not in parts:
            continue
        for fold in folds:
            result = train_model(
                part,
                network,
                fold,
                context,
                seed=study.seed,
                mark=mark,
                name=f"{part.name}/{split}/{fold.name}",
                share=(at, at + width),
            )
            found.setdefault(part.name, []).append(result)
            save_model(result.model, context.folder, f"{split}_{number + 1}_{words[fold.name]}")
            at += width
    return found


def _words(names: list[str]) -> dict[str, str]:
    """Return names as parts of files' names, each its own."""
    words = {name: "".join(c if c.isalnum() else "_" for c in name) for name in names}
    if len(set(words.values())) == len(names):
        words = {name: file_word(word) for name, word in words.items()}
    else:
        words = {name: file_word(name) for name in names}
    return words


# --- what is kept -----------------------------------------------------------------------


def _learning(losses: dict[str, Trained]) -> xr.Dataset:
    """Return the losses of all trainings."""
    epochs = max(len(t.train_loss) for t in losses.values())
    members = max(t.train_loss.shape[1] for t in losses.values())
    out = {k: np.full((len(losses), members, epochs), np.nan) for k in ("train", "valid")}
    best = np.zeros((len(losses), members), int)
    for row, t in enumerate(losses.values()):
        for key, loss in (("train", t.train_loss), ("valid", t.valid_loss)):
            out[key][row, : loss.shape[1], : loss.shape[0]] = np.asarray(loss, float).T
        best[row, : t.best_epoch.size] = t.best_epoch
    dims = ("training", "member", "epoch")
    return xr.Dataset(
        {
            "train_loss": (dims, out["train"]),
            "valid_loss": (dims, out["valid"]),
            "best_epoch": (dims[:2], best),
        },
        {
            "training": np.array(list(losses), dtype=object),
            "member": np.arange(members),
            "epoch": np.arange(1, epochs + 1),
        },
    )


def _summary(network: xr.Dataset) -> dict[str, Any]:
    """Return what the report says of the data."""
    readings = np.isfinite(network["soil_moisture"].to_numpy())
    return {
        "places": network.sizes["place"],
        "depths": [float(d) for d in network["depth"].to_numpy()],
        "replicates": network.sizes["replicate"],
        "groups": sorted(set(network["group"].to_numpy().astype(str).tolist())),
        "steps": network.sizes["time"],
        "step_hours": float(network.attrs["step_hours"]),
        "sensors": int(readings.any(axis=3).sum()),
        "readings": int(readings.sum()),
        "inputs": [str(n) for n, v in network.data_vars.items() if v.attrs.get("role") == "input"],
        "joined": json.loads(network.attrs.get("joined", "[]")),
    }


def _scores(table: xr.Dataset) -> dict[str, Any]:
    """Return the scores of all places and depths for the summary."""
    wanted = ("kge_places", "spearman_places", "rmse", "crps", "log_likelihood", "w1_sensors")
    more = [n for n in ("w1_truth", "coverage_80") if n in table]
    whole = table.sel(group="all", layer="all")
    found: dict[str, Any] = {}
    for split in whole["split"].to_numpy().tolist():
        at = whole.sel(split=split)
        found[split] = {
            model: {
                name: value if np.isfinite(value := float(at[name].sel(model=model))) else None
                for name in (*wanted, *more)
            }
            for model in whole["model"].to_numpy().tolist()
        }
    return found


def _tell(table: xr.Dataset, context: Context) -> None:
    """Tell the headline."""
    split, model = table.attrs["shown_split"], table.attrs["shown_model"]
    best = table.sel(split=split, model=model, group="all", layer="all")
    words = json.loads(table.attrs["split_names"])[split]
    context.log.tell(
        f"{words}: least CRPS of {json.loads(table.attrs['model_names'])[model]}, "
        f"{float(best['crps']):.4f} m3 m-3; KGE of site means {float(best['kge_places']):.2f}"
    )
    if "w1_truth" in table and np.isfinite(best["w1_truth"]):
        context.log.tell(
            f"Wasserstein-1 distance from the true distribution {float(best['w1_truth']):.4f} "
            "m3 m-3, a step on the mean"
        )
