"""Asking a model: every series read once, in lanes and pieces that do not change the numbers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.compiling import LANES
from rootzone.learn.batches import Batches, batches_of, gather
from rootzone.learn.distributions import Transformed
from rootzone.learn.lstm import State
from rootzone.learn.model import Model, Prepared, over_members
from rootzone.learn.sequences import Sequences
from rootzone.learn.windows import WindowRule, Windows
from rootzone.simulate import workers

PIECE = 1024
"""Steps computed together; the state goes on from piece to piece."""


WIDE = 32 * 1024
"""Steps times windows that are computed together, at most (16 windows at least)."""


class Asked(NamedTuple):
    """What is asked of the distributions."""

    what: Callable[..., Any]
    with_target: bool
    key: jax.Array | None


def summary(predicted: Transformed) -> dict[str, jax.Array]:
    """Return mean, standard deviation and the quantiles 5, 10, 25, 50, 75, 90, 95 % (..., 7)."""
    p = jnp.asarray([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95], predicted.base.loc.dtype)
    return {
        "mean": predicted.mean(),
        "std": predicted.std(),
        "quantile": predicted.spread_out().quantile(p),
    }


def predict(
    model: Model,
    data: Sequences,
    what: Callable[..., Any] = summary,
    *,
    with_target: bool = False,
    chunk: int = 64,
    piece: int = PIECE,
    dropout_key: jax.Array | None = None,
) -> Any:
    """Return what is asked of the pooled distribution at every step of every series.

    The network reads each series once from its first step to its last; blocks play no part, as
    inputs are no targets.

    Parameters
    ----------
    model : Model
        The model.
    data : Sequences
        Inputs; targets may be NaN.
    what : callable
        Takes a :class:`Transformed` of batch shape (time, series, target) and returns arrays
        that begin with these axes; compiled once.
    with_target : bool
        Give the targets (time, series, target, replicate) to ``what`` as second argument, for
        scores.
    chunk, piece : int
        Series and steps answered together: memory depends on them, the numbers do not (pieces:
        to round-off). 16 series at a time are computed, on as many threads as there are cores.
    dropout_key : PRNG key, optional
        Leave dropout on while asking, as the released code of Bischof et al. (2025) does.

    Returns
    -------
    pytree of numpy arrays (series, time, target, ...)
        The answers.
    """
    pieces = predict_chunks(
        model,
        data,
        what,
        with_target=with_target,
        chunk=chunk,
        piece=piece,
        dropout_key=dropout_key,
    )
    chunks = [found for _, found in pieces]
    return jax.tree.map(lambda *parts: np.concatenate(parts, axis=0), *chunks)


def predict_chunks(
    model: Model,
    data: Sequences,
    what: Callable[..., Any] = summary,
    *,
    with_target: bool = False,
    chunk: int = 64,
    piece: int = PIECE,
    dropout_key: jax.Array | None = None,
) -> Iterator[tuple[slice, Any]]:
    """Yield the series and the answers of each chunk, see :func:`predict`."""
    prepared = jax.tree.map(np.asarray, model.prepare(data))
    n_series, n_time = prepared.inputs.shape[:2]
    asked = Asked(what, with_target, dropout_key)
    width = LANES * max(1, chunk // LANES)
    with ThreadPoolExecutor(len(workers())) as pool:
        for first in range(0, n_series, width):
            last = min(first + width, n_series)
            parts = pool.map(
                lambda begin: _lanes(model, prepared, begin, min(piece, n_time), asked),
                range(first, last, LANES),
            )
            found = jax.tree.map(lambda *a: np.concatenate(a), *parts)
            yield slice(first, last), found


@eqx.filter_jit
def _start(model: Model, static: jax.Array | None) -> State:
    """Return the states (member, lane, hidden) before the first step."""
    return jax.vmap(lambda net: net.start_state(LANES, net.constant(static)))(model.network)


@eqx.filter_jit
def _advance(model: Model, asked: Asked, inputs, static, upper, target, state: State):
    """Return answers and states after some steps of all lanes; compiled once a shape."""
    raw, state = over_members(
        lambda net, s: net(inputs, static, state=s, key=asked.key), (model.network, state)
    )
    pooled = model.pooled(raw, upper)
    found = asked.what(pooled, target) if asked.with_target else asked.what(pooled)
    return found, state


def _lanes(model: Model, prepared: Prepared, first: int, steps: int, asked: Asked) -> Any:
    """Return the answers (series, time, ...) for 16 series, piece after piece."""
    n_series, n_time = prepared.inputs.shape[:2]
    kept = min(LANES, n_series - first)
    chosen = np.minimum(np.arange(first, first + LANES), n_series - 1)
    static = None if prepared.static is None else prepared.static[chosen]
    upper = None if prepared.upper is None else prepared.upper[chosen]
    state = _start(model, static)
    answers = []
    for begin in range(0, n_time, steps):
        now = np.minimum(np.arange(begin, begin + steps), n_time - 1)
        inputs = np.swapaxes(prepared.inputs[chosen[:, None], now], 0, 1)
        target = np.swapaxes(prepared.target[chosen[:, None], now], 0, 1)
        found, state = _advance(model, asked, inputs, static, upper, target, state)
        keep = min(steps, n_time - begin)
        back = lambda a, keep=keep: np.swapaxes(np.asarray(a), 0, 1)[:kept, :keep]  # noqa: E731
        answers.append(jax.tree.map(back, found))
    return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *answers)


def predict_windows(
    model: Model,
    data: Sequences,
    rule: WindowRule,
    what: Callable[..., Any] = summary,
    *,
    with_target: bool = False,
    dropout_key: jax.Array | None = None,
    wanted: np.ndarray | None = None,
) -> Any:
    """Return what is asked at every step, each read in a window of its own from nothing.

    For networks that were trained on one target per window, which know no longer past; and, with
    windows as long as the longest block and no warm-up, for blocks read from their start. Each
    step of a block after the warm-up is in one window; every other step is NaN. Steps whose window
    misses an input, where the network wants all, are NaN too.

    Parameters
    ----------
    model, data, what, with_target, dropout_key
        As in :func:`predict`; ``what`` returns floating arrays.
    rule : WindowRule
        The windows, as in training.
    wanted : bool array (series, time), optional
        Windows without such a step are not read.

    Returns
    -------
    pytree of numpy arrays (series, time, target, ...)
        The answers.

    Raises
    ------
    NoWindowError
        If no window holds a wanted step.
    """
    known = data.replicated_target
    shape = known.shape[:2]
    asked_for = data.used if wanted is None else data.used & wanted
    everywhere = np.where(asked_for[..., None, None], 0.0, np.nan).astype("f4")
    batches = batches_of(
        model,
        data._replace(target=np.broadcast_to(everywhere, (*shape, known.shape[2], 1))),
        rule,
        complete_inputs=model.network.embed.needs_all,
    )
    beyond = np.full((len(known), rule.length, *known.shape[2:]), np.nan, "f4")
    target = jnp.asarray(np.concatenate([known, beyond], axis=1), "f4")
    batches = batches._replace(data=batches.data._replace(target=target))
    windows = Windows(*(np.asarray(part) for part in batches.windows))
    asked, n = Asked(what, with_target, dropout_key), batches.n_windows
    most = max(1, WIDE // (LANES * rule.length))
    width = LANES * min(most, 1 << (-(-n // LANES) - 1).bit_length())  # few sizes, few programs

    def answer(begin: int) -> Any:
        chosen = np.minimum(np.arange(begin, begin + width), n - 1)
        found = _window_answers(model, asked, batches, rule, jnp.asarray(chosen))
        return jax.tree.map(np.asarray, found)

    def keep(begin: int, found: Any) -> None:
        number = np.arange(begin, min(begin + width, n))
        series, start, first, last = (part[number] for part in windows)
        late = np.arange(rule.warm_up, rule.length)[:, None]
        step, lane = np.nonzero((late >= first) & (late < last))
        at = (series[lane], start[lane] + step + rule.warm_up)
        for whole, part in zip(jax.tree.leaves(answers), jax.tree.leaves(found), strict=True):
            whole[at] = part[step, lane]

    found = answer(0)
    answers = jax.tree.map(lambda a: np.full((*shape, *a.shape[2:]), np.nan, a.dtype), found)
    keep(0, found)
    with ThreadPoolExecutor(len(workers())) as pool:
        list(pool.map(lambda begin: keep(begin, answer(begin)), range(width, n, width)))
    return answers


@eqx.filter_jit
def _window_answers(model: Model, asked: Asked, batches: Batches, rule: WindowRule, chosen):
    """Return answers (time after warm-up, window, ...) of some windows."""
    inputs, target, static, upper = gather(batches.data, batches.windows, chosen, rule)
    key = None if asked.key is None else jax.random.fold_in(asked.key, chosen[0])
    raw = over_members(
        lambda net: net(inputs, static, key=key, skip=rule.warm_up)[0], (model.network,)
    )
    pooled = model.pooled(raw, upper)
    return asked.what(pooled, target) if asked.with_target else asked.what(pooled)
