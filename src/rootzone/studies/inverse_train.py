"""Training in a study `inverse`: the network of the study, checkpoints, and what is told."""

import json
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from rootzone.config.inverse import InverseStudy
from rootzone.core import RunError
from rootzone.learn import (
    AsymmetricLaplaceMixture,
    Cosine,
    Gaussian,
    GaussianMixture,
    Head,
    MaskedMean,
    Model,
    Names,
    NegativeLogLikelihood,
    Network,
    Progress,
    Recipe,
    Regression,
    Sequences,
    SquaredError,
    Status,
    WindowRule,
    finish,
    start_state,
    told,
    train,
)
from rootzone.studies.checkpoints import Checkpoint
from rootzone.studies.context import Context
from rootzone.studies.inverse_data import (
    GROUPS,
    STATIC_GROUPS,
    VALID,
    Data,
    counted,
    grouped,
    input_names,
    sequences,
    static_names,
)
from rootzone.studies.inverse_splits import Parts


class Trained(NamedTuple):
    """A trained model and how it came about."""

    model: Model
    train_loss: np.ndarray
    """(epoch, network)"""
    valid_loss: np.ndarray
    best_epoch: np.ndarray
    """(network)"""


def head_of(study: InverseStudy) -> Head:
    """Return the head of the network."""
    n = study.network
    heads: dict[str, Callable[[], Head]] = {
        "regression": Regression,
        "gaussian": Gaussian,
        "gaussian_mixture": lambda: GaussianMixture(n.components),
        "laplace_mixture": lambda: AsymmetricLaplaceMixture(n.components),
    }
    return heads[n.head]()


def names_of(study: InverseStudy) -> Names:
    """Return the columns of inputs, attributes and targets."""
    targets = tuple(f"0-{d} cm" for d in study.network.depths)
    return Names(input_names(study), static_names(study), targets)


def model_of(study: InverseStudy, training: Sequences) -> Model:
    """Return the untrained networks of a study."""
    n, names, head = study.network, names_of(study), head_of(study)

    def build(key: jax.Array) -> Network:
        k = jax.random.split(key, 3)
        groups = grouped(names.inputs, GROUPS)
        static = None
        if names.static:
            parts = grouped(names.static, STATIC_GROUPS)
            drop = n.withhold if n.withhold_attributes is None else n.withhold_attributes
            static = MaskedMean.start(parts, n.width, key=k[1], drop=drop)
        return Network.start(
            MaskedMean.start(groups, n.width, key=k[0], drop=n.withhold),
            embed_static=static,
            hidden=n.hidden,
            targets=len(n.depths),
            size=head.size,
            key=k[2],
            dropout=n.dropout,
            initial_state=static is not None,
        )

    return Model.start(
        build, head, training, names, members=n.ensemble, seed=study.seed, bounded=n.bounded
    )


def recipe_of(study: InverseStudy) -> Recipe:
    """Return how the networks are trained."""
    t = study.training
    return Recipe(
        WindowRule(t.window, t.warm_up),
        epochs=t.epochs,
        batch=t.batch,
        loss=SquaredError() if study.network.head == "regression" else NegativeLogLikelihood(),
        schedule=Cosine(epochs=t.epochs, rate=t.learning_rate),
        weight_decay=t.weight_decay,
        patience=t.patience,
    )


class Lessons:
    """What is learned from: the sites with their detectors' noise, of which draws differ."""

    def __init__(self, study: InverseStudy, data: Data, parts: Parts):
        self._study = study
        self._sites = parts.sites("train")
        self._data = data.pick(self._sites)
        self._wanted = parts.train[self._sites]
        self.first = self._drawn(0)
        """The series of the first epoch, which also give inputs and targets their scale."""

    def of_epoch(self, epoch: int) -> Sequences:
        """Return the series of an epoch."""
        same = epoch == 0 or not self._study.training.redraw
        return self.first if same else self._drawn(epoch)

    def _drawn(self, epoch: int) -> Sequences:
        n = self._study.training.noise_draws
        return Sequences.join(self._draw(k) for k in range(n * epoch, n * (epoch + 1)))

    def _draw(self, draw: int) -> Sequences:
        study = self._study
        data = self._data.turned(draw)
        counts = counted(data, "own", study.seed, draw, study.errors)
        return _withheld(study, _only(sequences(study, data, counts), self._wanted), draw)


def validation_part(study: InverseStudy, data: Data, parts: Parts) -> Sequences:
    """Return what is validated on, with the noise of the sites' detectors."""
    held = parts.sites("valid")
    other = data.pick(held)
    counts = counted(other, "own", study.seed, VALID, study.errors)
    return _only(sequences(study, other, counts), parts.valid[held])


def _withheld(study: InverseStudy, data: Sequences, draw: int) -> Sequences:
    """Return sequences of which some lack all attributes, and the inversion that needs them."""
    if data.static is None:
        return data
    rng = np.random.default_rng([study.seed, 78, draw])
    gone = rng.random(len(data.inputs)) < study.training.without_attributes
    derived = gone[:, None, None] & (np.array(input_names(study)) == "retrieval")
    return data._replace(
        inputs=np.where(derived, np.nan, data.inputs).astype("f4"),
        static=np.where(gone[:, None], np.nan, data.static).astype("f4"),
    )


def _only(data: Sequences, wanted: np.ndarray) -> Sequences:
    """Return sequences whose targets are the wanted days (site, day)."""
    return data._replace(target=np.where(wanted[..., None], data.target, np.nan))


# --- training ---------------------------------------------------------------------------


def trained(
    study: InverseStudy,
    name: str,
    data: Data,
    parts: Parts,
    context: Context,
    *,
    made_with: str,
    share: tuple[float, float],
) -> Trained:
    """Train the networks of a split, going on where a killed run stood.

    Raises
    ------
    DataError, RunError
        If there is nothing to learn from, or a checkpoint is of another version.
    """
    lessons, valid = Lessons(study, data, parts), validation_part(study, data, parts)
    model, recipe = model_of(study, lessons.first), recipe_of(study)
    mark = json.dumps([made_with, study.model_dump(mode="json"), name], sort_keys=True)
    checkpoint = Checkpoint(context.folder, name, mark)
    state, train_loss, valid_loss = checkpoint.read(start_state(model, recipe))
    if state is not None:
        context.log.tell(f"{name}: training goes on after epoch {int(np.max(state.epoch))}")
    last: Progress | None = None
    source = lessons.of_epoch if study.training.redraw else lessons.first
    for last in train(model, source, valid, recipe, seed=study.seed, state=state):
        train_loss.append(last.train_loss.tolist())
        valid_loss.append(np.asarray(last.valid_loss).tolist())
        checkpoint.write(last.state, train_loss, valid_loss)
        begin, end = share
        context.progress(f"training {name}", begin + (end - begin) * last.epoch / recipe.epochs)
    state = state if last is None else last.state
    assert state is not None
    broken = told(state.status)
    if broken:
        context.log.warn(f"{name}: {broken}")
    if (state.status == Status.NOT_FINITE).all() and not np.isfinite(state.best_loss).any():
        raise RunError(f"{name}: {broken}; nothing was learned")
    best = ", ".join(
        f"{loss:.3f} (epoch {n})" for loss, n in zip(state.best_loss, state.best_epoch, strict=True)
    )
    context.log.tell(
        f"{name}: learned from {len(lessons.first.inputs)} series, validated on "
        f"{len(valid.inputs)}; best validation loss {best}"
    )
    return Trained(
        finish(model, state, recipe),
        np.array(train_loss),
        np.array(valid_loss),
        np.asarray(state.best_epoch),
    )
