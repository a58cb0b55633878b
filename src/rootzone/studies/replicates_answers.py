"""What networks answer for a network of sensors: one distribution for a place, depth and time.

The distribution of a model is the equal-weight mixture of its networks (seeds) and, where it is
told the sensor, of the sensors that there are. Several models are pooled in the same way.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from rootzone.core import StudyError
from rootzone.evaluate.answers import Answers, empty_answers
from rootzone.learn import (
    Affine,
    Bounded,
    LaplaceMixture,
    NormalMixture,
    NoWindowError,
    Transformed,
    WindowRule,
    combine,
    predict,
    predict_windows,
)
from rootzone.learn.site_answers import describe, marginal, over_sensors
from rootzone.studies.replicates_layout import Frame, rows_of, sequences_of
from rootzone.studies.replicates_splits import readings_of
from rootzone.studies.replicates_train import Trained, longest_block, preset_of

BUDGET = 300e6
"""Bytes of the distributions that are held at once, about."""


class Cells(NamedTuple):
    """Distributions of a model at some places."""

    base: NormalMixture | LaplaceMixture
    """(place, depth, time, sensor, K); one sensor where they are not told apart."""
    transform: Affine | Bounded
    """Of the pooled mixture, (place, depth, time) or numbers."""
    own: bool
    """Whether sensors are told apart."""


def answers_of(
    entry: Trained | Sequence[Trained], network: xr.Dataset, *, everywhere: bool = False
) -> Answers:
    """Return what a model, or several mixed with equal weights, answer.

    Parameters
    ----------
    entry : Trained or sequence of Trained
        Models that were trained on the same fold.
    network : xarray.Dataset
        The network of sensors that they were trained on.
    everywhere : bool
        Answer at every step, not only where the fold is tested.

    Returns
    -------
    Answers
        NaN where nothing is answered: in version paper, where no window of complete inputs fits
        into a segment; and outside the segments.

    Raises
    ------
    StudyError
        If models cannot be mixed: bounded, of another family, or of another fold.
    """
    return _answered(entry, network, everywhere=everywhere, own=False)[0]


def answers_and_own(
    entry: Trained, network: xr.Dataset, *, everywhere: bool = False
) -> tuple[Answers, np.ndarray]:
    """Return the answers of a model, and the log density of each sensor by its own distribution.

    The second (place, depth, replicate, time) [log(m-3 m3)] is of the model that is told the
    sensor; of other models it is the first's.
    """
    answers, own = _answered(entry, network, everywhere=everywhere, own=True)
    return answers, answers.log_prob if own is None else own


def check_pool(models: Sequence[Trained]) -> None:
    """Refuse models that cannot be mixed.

    Raises
    ------
    StudyError
        In one sentence.
    """
    for m in models:
        if len(models) == 1:
            break
        s = m.frame.settings
        if s.bounded or s.preset == "cmal":
            what = "bounded" if s.bounded else "made of Laplaces"
            raise StudyError(
                f"models: '{s.name}' is {what}: only unbounded Gaussian mixtures can be pooled"
            )
        if m.fold.name != models[0].fold.name:
            raise StudyError(
                f"models: '{m.name}' was trained on '{m.fold.name}' and '{models[0].name}' on "
                f"'{models[0].fold.name}': models of one fold can be pooled"
            )


def _answered(
    entry: Trained | Sequence[Trained], network: xr.Dataset, *, everywhere: bool, own: bool
) -> tuple[Answers, np.ndarray | None]:
    models = [entry] if isinstance(entry, Trained) else list(entry)
    check_pool(models)
    fold = models[0].fold
    readings = readings_of(network)
    answers = empty_answers(*readings.shape)
    told_apart = own and models[0].frame.settings.one_hot
    by_itself = np.full(readings.shape, np.nan, "f4") if told_apart else None
    there = np.arange(len(readings)) if everywhere else fold.places("test")
    for places in _chunks(there, models, readings.shape):
        wanted = np.ones((len(places), *readings.shape[1:2], readings.shape[3]), bool)
        if not everywhere:
            wanted = np.asarray(fold.test[places].any(axis=2))
        cells = [_cells(m, network, places, wanted) for m in models]
        if by_itself is not None:
            by_itself[places] = _own(cells[0], readings[places])
        merged = _merged(cells)
        obs = np.moveaxis(readings[places], 2, 3)
        wanted = wanted & np.isfinite(merged.base.loc).all(axis=-1)
        if not wanted.any():
            continue
        found = describe(_at(merged, wanted), obs[wanted])
        for name in ("mean", "std", "quantile", "modes"):
            array = getattr(answers, name)
            part = array[places]
            part[wanted] = getattr(found, name)
            array[places] = part
        for name in ("log_prob", "crps", "pit"):
            array = getattr(answers, name)
            part = np.full(obs.shape, np.nan, "f4")
            part[wanted] = getattr(found, name)
            array[places] = np.moveaxis(part, 3, 2)
    return answers, by_itself


def _chunks(
    places: np.ndarray, models: Sequence[Trained], shape: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """Yield the places that are answered together."""
    parts = 0
    for m in models:
        s = m.frame.settings
        parts += s.ensemble * s.components * (shape[2] if s.one_hot else 1)
    one = shape[1] * shape[3] * parts * 3 * 4 * 3
    width = max(1, int(BUDGET // one))
    for first in range(0, len(places), width):
        yield places[first : first + width]


def _at(cells: Cells, wanted: np.ndarray) -> Transformed:
    """Return the distributions of some cells."""
    base = jax.tree.map(lambda a: a[wanted], cells.base)
    pick = lambda a: a if np.ndim(a) == 0 else np.broadcast_to(a, wanted.shape)[wanted]  # noqa: E731
    return Transformed(base, jax.tree.map(pick, cells.transform))


# --- of one model ------------------------------------------------------------------------


def _cells(trained: Trained, network: xr.Dataset, places: np.ndarray, wanted: np.ndarray) -> Cells:
    """Return the distributions of a model at some places."""
    s, fold = trained.frame.settings, trained.fold
    frame = trained.frame if s.one_hot else trained.frame._replace(apart=False)
    rows = rows_of(frame, network, places)
    data = sequences_of(frame, network, rows, fold, None)
    at = np.searchsorted(places, rows[:, 0])
    steps = np.stack(
        [
            wanted[k].any(axis=0) if d < 0 else wanted[k, d]
            for k, d in zip(at, rows[:, 1], strict=True)
        ]
    )
    in_unit = not s.bounded

    def what(predicted: Transformed) -> NormalMixture | LaplaceMixture:
        return marginal(predicted.in_unit() if in_unit else predicted.base)

    key = None
    if s.released is not None and s.released.live_dropout:
        key = jax.random.fold_in(jax.random.key(trained.seed), 1 + int(places[0]))
    try:
        if s.read == "record":
            found = predict(trained.model, data, what)
        else:
            paper = s.version == "paper"
            rule = preset_of(frame).recipe.rule if paper else WindowRule(longest_block(fold), 0)
            found = predict_windows(trained.model, data, rule, what, dropout_key=key, wanted=steps)
    except NoWindowError:
        found = _nothing(trained, data.inputs.shape[:2])
    base = _spread(found, frame, rows, at, wanted.shape, network.sizes["replicate"])
    return Cells(base, _transform(trained, frame, places, wanted.shape[1]), s.one_hot)


def _nothing(trained: Trained, shape: tuple[int, ...]):
    """Return distributions (series, time, target, K) that answer nothing."""
    model = trained.model
    size = (model.members, *shape, len(model.names.targets), model.head.size)
    raw = jax.ShapeDtypeStruct(size, "f4")
    base = eqx.filter_eval_shape(
        lambda raw: jax.tree.map(
            lambda a: jnp.moveaxis(a, 0, -2).reshape(*shape, size[3], -1),
            marginal(model.head.distribution(raw)),
        ),
        raw,
    )
    return jax.tree.map(lambda a: np.full(a.shape, np.nan, "f4"), base)


def _spread(found, frame: Frame, rows: np.ndarray, at: np.ndarray, shape, replicates: int):
    """Return distributions (place, depth, time, sensor, K) of those of series."""
    sensors = replicates if frame.settings.one_hot else 1

    def move(a: np.ndarray) -> np.ndarray:
        out = np.full((*shape, sensors, a.shape[-1]), np.nan, "f4")
        for k, (_, d, r) in enumerate(rows):
            of_series = np.swapaxes(a[k], 0, 1)  # (target, time, K)
            cell = slice(None) if d < 0 else slice(d, d + 1)
            out[at[k], cell, :, max(r, 0)] = of_series
        return out

    return jax.tree.map(move, found)


def _transform(trained: Trained, frame: Frame, places: np.ndarray, depths: int):
    """Return the transform of cells (place, depth, 1), or none."""
    if not frame.settings.bounded:
        return Affine(np.float32(0.0), np.float32(1.0))  # pyright: ignore[reportArgumentType]
    assert frame.upper is not None
    scaling = trained.model.scaling
    wide = lambda a: np.broadcast_to(a, (len(places), depths)).astype("f4")[..., None]  # noqa: E731
    return Bounded(*map(wide, (scaling.center, scaling.spread, frame.upper[places])))  # pyright: ignore[reportArgumentType]


@jax.jit
def _log_prob(base, transform, obs: jax.Array) -> jax.Array:
    return Transformed(base, transform).log_prob(obs)


def _own(cells: Cells, readings: np.ndarray) -> np.ndarray:
    """Return the log density (place, depth, replicate, time) of each sensor by its own."""
    out = np.full(readings.shape, np.nan, "f4")
    for k in range(len(readings)):
        base = jax.tree.map(lambda a: jnp.moveaxis(jnp.asarray(a[k]), 2, 1), cells.base)  # noqa: B023
        way = jax.tree.map(lambda a: a if np.ndim(a) == 0 else a[k][:, None], cells.transform)  # noqa: B023
        out[k] = _log_prob(base, way, jnp.asarray(readings[k]))
    return out


_over_sensors = jax.jit(over_sensors)


def _merged(cells: Sequence[Cells]) -> Cells:
    """Return the mixture (place, depth, time, K) over sensors and models."""
    parts = []
    for part in cells:
        pick = lambda k, base=part.base: jax.tree.map(lambda a: a[k], base)  # noqa: E731
        if part.own:
            each = [_over_sensors(pick(k)) for k in range(len(part.base.loc))]
            parts.append(jax.tree.map(lambda *a: np.stack([np.asarray(x) for x in a]), *each))
        else:
            parts.append(pick((..., 0, slice(None))))
    base = parts[0] if len(parts) == 1 else jax.tree.map(np.asarray, combine(parts))
    return Cells(base, cells[0].transform, False)
