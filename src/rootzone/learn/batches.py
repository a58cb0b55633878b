"""Windows gathered on the device, time first: what a network reads at once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.learn.model import Model, Prepared
from rootzone.learn.sequences import Sequences
from rootzone.learn.windows import WindowRule, Windows, cut


class Batches(NamedTuple):
    """Data and windows on the device, as a compiled step wants them."""

    windows: Windows
    data: Prepared

    @property
    def n_windows(self) -> int:
        """Return the number of windows."""
        return len(self.windows.series)


def batches_of(
    model: Model, data: Sequences, rule: WindowRule, *, complete_inputs: bool = False
) -> Batches:
    """Return windows and prepared data, long enough for every window.

    Parameters
    ----------
    model : Model
        The model.
    data : Sequences
        The series.
    rule : WindowRule
        How to cut them.
    complete_inputs : bool
        Leave out windows that miss an input.

    Raises
    ------
    DataError
        If no window holds a target, or see :meth:`Model.prepare`.
    """
    data = data.checked()
    windows = cut(data, rule, complete_inputs=complete_inputs)
    if complete_inputs:  # gaps outside the windows are never read
        data = data._replace(block=np.full(data.inputs.shape[:2], -1))
    prepared = _padded(model.prepare(data), windows, rule)
    return Batches(jax.tree.map(jnp.asarray, windows), prepared)


def gather(data: Prepared, windows: Windows, chosen: jax.Array, rule: WindowRule):
    """Return inputs (time, batch, input), target (time after warm-up, ...), static and upper.

    Parameters
    ----------
    data, windows : Prepared, Windows
        On the device.
    chosen : int array (batch)
        Numbers of windows; -1 is a window without targets.
    rule : WindowRule
        Length and warm-up.
    """
    picked = jnp.maximum(chosen, 0)
    series, start, first, last = (part[picked] for part in windows)

    def stretch(array, begin, length):
        at = lambda s, b: jax.lax.dynamic_slice_in_dim(array[s], b, length)  # noqa: E731
        return jnp.swapaxes(jax.vmap(at)(series, begin), 0, 1)

    time = jnp.arange(rule.length)[:, None]
    inputs = stretch(data.inputs, start, rule.length)
    inputs = jnp.where((time < last)[..., None], inputs, 0)
    target = stretch(data.target, start + rule.warm_up, rule.length - rule.warm_up)
    late = time[rule.warm_up :]
    wanted = (late >= first) & (late < last) & (chosen >= 0)
    target = jnp.where(wanted[..., None, None], target, jnp.nan)
    static = None if data.static is None else data.static[series]
    upper = None if data.upper is None else data.upper[series]
    return inputs, target, static, upper


def _padded(data: Prepared, windows: Windows, rule: WindowRule) -> Prepared:
    """Return data with as many steps after their end as the last window reads."""
    lack = int(windows.start.max()) + rule.length - data.inputs.shape[1]
    if lack <= 0:
        return data
    longer = lambda a: jnp.pad(  # noqa: E731
        a, [(0, 0), (0, lack)] + [(0, 0)] * (a.ndim - 2), constant_values=jnp.nan
    )
    return data._replace(inputs=longer(data.inputs), target=longer(data.target))
