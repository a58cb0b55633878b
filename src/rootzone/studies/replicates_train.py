"""Training in a study `replicates`: the networks of a model on a fold, killed and resumed."""

import json
import zlib
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from rootzone.config.replicates_models import ModelPart, Settings, resolve
from rootzone.core import DataError, RunError, StudyError
from rootzone.evaluate.splits import Fold
from rootzone.learn import (
    AsymmetricLaplaceMixture,
    Cosine,
    Gaussian,
    GaussianMixture,
    Head,
    Model,
    NegativeLogLikelihood,
    Preset,
    Progress,
    ReleasedLikelihood,
    Scaling,
    SensorEffect,
    SensorLikelihood,
    Sequences,
    Status,
    StepDecay,
    finish,
    replicates_corrected,
    replicates_paper,
    start_state,
    told,
    train,
)
from rootzone.studies.checkpoints import Checkpoint
from rootzone.studies.context import Context
from rootzone.studies.replicates_layout import Frame, frame_of, part_of

VALIDATED = 20_000
"""Windows of one target each that a validation has at most, evenly taken from all."""


class Trained(NamedTuple):
    """A trained model and how it came about."""

    name: str
    """Of the training: model, split and fold."""
    frame: Frame
    fold: Fold
    model: Model
    train_loss: np.ndarray
    """(epoch, network), minus the log density of a reading [log(m-3 m3)]; version paper: of a
    standardized one, as its loss is."""
    valid_loss: np.ndarray
    """The same of the validation part; NaN without one."""
    best_epoch: np.ndarray
    """(network), counted from 1; 0: the last weights are taken."""
    seed: int


def preset_of(frame: Frame, scaling: Scaling | None = None) -> Preset:
    """Return network, head and recipe of a layout.

    Parameters
    ----------
    frame : Frame
        The layout.
    scaling : Scaling, optional
        Of the training part: brings the sensors' noise to the network's scale.
    """
    s = frame.settings
    n = {"inputs": len(frame.inputs), "attributes": len(frame.static_names)}
    common: dict[str, Any] = n | {
        "targets": len(frame.targets),
        "head": _head(s, scaling),
        "hidden": s.hidden,
        "length": s.window,
        "dropout": s.dropout,
        "bottleneck": s.bottleneck,
    }
    if s.released is not None:
        preset = replicates_paper(**common)
        r = s.released
        loss = NegativeLogLikelihood()
        if r.double_softmax or r.density_floor:
            floor = 1e-8 if r.density_floor else 0.0
            loss = ReleasedLikelihood(floor, r.double_softmax)
        schedule = StepDecay(s.learning_rate, 0.5, 1)
        recipe = preset.recipe._replace(loss=loss, schedule=schedule, micro=32)
        preset = preset._replace(live_dropout=r.live_dropout)
    else:
        preset = replicates_corrected(
            **common,
            warm_up=s.warm_up,
            static_groups=frame.static_groups,
            longest=max(2.0, 0.5 * s.window),
            attribute_noise=_attribute_noise(frame),
        )
        effect = s.preset == "sensor_effect"
        recipe = preset.recipe._replace(
            loss=SensorLikelihood(s.marginal) if effect else NegativeLogLikelihood(),
            schedule=Cosine(epochs=s.epochs, rate=s.learning_rate),
        )
    recipe = recipe._replace(epochs=s.epochs, batch=s.batch, save_every=s.save_every)
    return preset._replace(recipe=recipe)


def _attribute_noise(frame: Frame) -> tuple[float, ...]:
    """Return the noise of each attribute in training; depth and sensor are known exactly."""
    noise = frame.settings.attribute_noise
    if not noise:
        return ()
    exact = lambda name: name == "depth" or name.startswith("sensor: ")  # noqa: E731
    return tuple(0.0 if exact(name) else noise for name in frame.static_names)


def _head(s: Settings, scaling: Scaling | None) -> Head:
    """Return the head; the noise of sensors is on the network's scale."""
    match s.preset:
        case "cond_lstm":
            return Gaussian()
        case "gm_lstm":
            return GaussianMixture(s.components)
        case "cmal":
            return AsymmetricLaplaceMixture(s.components)
        case "sensor_effect":
            spread = () if scaling is None else scaling.spread
            return SensorEffect(s.components, tuple(float(s.sensor_noise / x) for x in spread))


def longest_block(fold: Fold) -> int:
    """Return the steps of the longest segment of a fold."""
    block = fold.block
    axes = tuple(slice(0, 1) if block.strides[a] == 0 else slice(None) for a in range(3))
    flat = block[axes].reshape(-1, block.shape[3])
    longest = 0
    for row in flat:
        edges = np.flatnonzero(np.diff(row)) + 1
        bounds = np.concatenate([[0], edges, [len(row)]])
        inside = row[bounds[:-1]] >= 0
        longest = max(longest, int(np.diff(bounds)[inside].max(initial=0)))
    return longest


def settings_of(part: ModelPart, network: xr.Dataset, fold: Fold) -> Settings:
    """Return a model with the defaults that go with a network of sensors and a fold.

    Raises
    ------
    StudyError
        If its windows are longer than the segments, or it is a pool.
    """
    longest = longest_block(fold)
    step_hours = float(network.attrs["step_hours"])
    try:
        s = resolve(part, step_hours, longest)
    except ValueError as error:
        raise StudyError(f"models: {error}") from None
    if s.window > longest and s.read == "block":
        raise StudyError(
            f"models: {s.name}: a window has {s.window} steps, the longest segment of the split "
            f"'{fold.name}' {longest}: give a shorter window or longer segments"
        )
    return s


def train_model(
    part: ModelPart,
    network: xr.Dataset,
    fold: Fold,
    context: Context,
    *,
    seed: int,
    mark: str,
    name: str,
    share: tuple[float, float] = (0.0, 1.0),
) -> Trained:
    """Train the networks of a model on a fold, going on where a killed run stood.

    The state is stored after every epoch and every ``save_every`` steps: a training that goes on
    ends with the same weights to the bit.

    Parameters
    ----------
    part : ModelPart
        The model.
    network : xarray.Dataset
        The network of sensors.
    fold : Fold
        What is learned from.
    context : Context
        Folder of the checkpoints (none: nothing is stored), log and progress.
    seed : int
        Randomness: first weights, order, dropout.
    mark : str
        Version of the program and whatever else the data depend on.
    name : str
        Of the training, part of the file's name.
    share : tuple of float
        Where the training begins and ends in the progress of the study.

    Raises
    ------
    StudyError, DataError, RunError
        If the model does not go with network or split, there is nothing to learn from, all
        networks broke, or a checkpoint is of another version.
    """
    s = settings_of(part, network, fold)
    frame = frame_of(s, network, fold)
    if frame.left_out:
        context.log.warn(
            f"{name}: left out because of gaps, which version paper cannot read: "
            f"{', '.join(frame.left_out)}"
        )
    try:
        training, outside = _within_bounds(part_of(frame, network, fold, "train"))
        if training is None:
            raise DataError("no reading to learn from")
        valid, more = _within_bounds(part_of(frame, network, fold, "valid"))
        if outside + more:
            context.log.warn(
                f"{name}: {outside + more} readings that are 0 or above their upper bound are not "
                "learned from: a bounded model gives them no density"
            )
        model, preset = untrained(frame, training, seed)
        return _learned(
            frame, fold, model, preset, training, valid, context, seed, mark, name, share
        )
    except DataError as error:
        raise DataError(f"models: {name}: {error}") from None


def _within_bounds(data: Sequences | None) -> tuple[Sequences | None, int]:
    """Return series without targets outside of their bounds, and how many these were."""
    if data is None or data.upper is None:
        return data, 0
    target = np.asarray(data.target)
    outside = (target <= 0) | (target >= np.asarray(data.upper)[:, None, :, None])
    return data._replace(target=np.where(outside, np.nan, target)), int(outside.sum())


def untrained(frame: Frame, training: Sequences, seed: int) -> tuple[Model, Preset]:
    """Return the untrained networks of a layout and their recipe.

    Parameters
    ----------
    frame : Frame
        The layout.
    training : Sequences
        The training part, which gives inputs and targets their scale.
    seed : int
        Randomness of the first weights.
    """
    s = frame.settings
    scaling = Scaling.fit(training.checked(), bounded=s.bounded)
    preset = preset_of(frame, scaling)
    model = Model.start(
        preset.build,
        preset.head,
        training,
        frame.names,
        members=s.ensemble,
        seed=seed,
        bounded=s.bounded,
    )
    return model, preset


def _thinned(valid: Sequences | None, s: Settings) -> Sequences | None:
    """Return the validation part; with windows of one target, every so many of its steps."""
    if valid is None or s.version != "paper":
        return valid
    present = np.isfinite(valid.target).any(axis=(2, 3))
    every = -(-int(present.sum()) // VALIDATED)
    kept = np.zeros(present.shape, bool)
    kept.reshape(-1)[np.flatnonzero(present)[::every]] = True
    return valid._replace(target=np.where(kept[..., None, None], valid.target, np.nan))


def _holds_window(valid: Sequences | None, s: Settings) -> bool:
    """Return whether a validation part has a reading after a warm-up."""
    if valid is None:
        return False
    block = np.asarray(valid.block)
    far = np.zeros(block.shape, bool)
    far[:, s.warm_up :] = block[:, s.warm_up :] == block[:, : block.shape[1] - s.warm_up]
    return bool((np.isfinite(valid.target).any(axis=(2, 3)) & far & (block >= 0)).any())


def _learned(
    frame: Frame,
    fold: Fold,
    model: Model,
    preset: Preset,
    training: Sequences,
    valid: Sequences | None,
    context: Context,
    seed: int,
    mark: str,
    name: str,
    share: tuple[float, float],
) -> Trained:
    """Return the trained model."""
    s, recipe = frame.settings, preset.recipe
    valid = _thinned(valid, s) if _holds_window(valid, s) else None
    words = [mark, s._asdict() | {"released": s.released and s.released.model_dump()}]
    arrays = [np.ascontiguousarray(a) for a in jax.tree.leaves((training, valid))]
    content = [[list(a.shape), zlib.crc32(a.data)] for a in arrays]
    words += [name, seed, fold.name, frame.names, content]
    checkpoint = Checkpoint(context.folder, name, json.dumps(words, sort_keys=True))
    state, train_loss, valid_loss = checkpoint.read(start_state(model, recipe))
    if state is not None:
        done, step = int(np.max(state.epoch)), int(np.max(state.step))
        context.log.tell(f"{name}: training goes on after epoch {done}, step {step}")
    last: Progress | None = None
    begin, end = share
    nothing = np.full(model.members, np.nan)
    for last in train(model, training, valid, recipe, seed=seed, state=state):
        if last.step == 0:  # an epoch has ended
            train_loss.append(last.train_loss.tolist())
            found = nothing if last.valid_loss is None else last.valid_loss
            valid_loss.append(np.asarray(found).tolist())
            context.progress(f"training {name}", begin + (end - begin) * last.epoch / recipe.epochs)
        checkpoint.write(last.state, train_loss, valid_loss)
    state = state if last is None else last.state
    assert state is not None
    broken = told(state.status)
    if broken:
        context.log.warn(f"{name}: {broken}")
    if (state.status == Status.NOT_FINITE).all():
        raise RunError(f"{name}: {broken}; nothing was learned")
    _tell(context, name, training, train_loss, state.best_loss if valid is not None else None)
    return Trained(
        name,
        frame,
        fold,
        finish(model, state, recipe),
        np.array(train_loss),
        np.array(valid_loss),
        np.asarray(state.best_epoch) * recipe.keep_best,
        seed,
    )


def _tell(
    context: Context, name: str, training: Sequences, losses: list, best: np.ndarray | None
) -> None:
    """Tell what was learned from, and how well."""
    readings = int(np.isfinite(training.target).sum())
    text = f"{name}: learned from {readings} readings in {len(training.inputs)} series"
    if best is None:
        shown = ", ".join(f"{x:.3f}" for x in losses[-1])
        context.log.tell(f"{text}; last training loss {shown}")
    else:
        shown = ", ".join(f"{x:.3f}" for x in best)
        context.log.tell(f"{text}; best validation loss {shown}")
