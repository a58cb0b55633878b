"""A trained model on a new site: which weights may move, and the spread of a regression.

Scaling and names stay those of the model: training goes on from its weights with
:func:`rootzone.learn.train` and a recipe whose ``trainable`` is one of these functions.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np

from rootzone.core.errors import DataError
from rootzone.learn.heads import Regression
from rootzone.learn.model import Model
from rootzone.learn.network import Network
from rootzone.learn.predict import predict
from rootzone.learn.sequences import Sequences

Trainable = Callable[[Network], Network]
"""From a network to one of the same structure with True where weights may move."""


def everything(network: Network) -> Network:
    """Return that all weights may move."""
    return jax.tree.map(lambda _: True, network)


def readout_only(network: Network) -> Network:
    """Return that the linear readout before the head may move, and nothing else."""
    nothing = jax.tree.map(lambda _: False, network)
    return eqx.tree_at(lambda n: (n.readout, n.bias), nothing, (True, True))


def with_spread(model: Model, data: Sequences) -> Model:
    """Return a regression model whose spread is that of its residuals.

    Parameters
    ----------
    model : Model
        A model with a :class:`Regression` head.
    data : Sequences
        The validation part.

    Raises
    ------
    DataError
        If the head is another, or no target lies in the data.
    """
    if not isinstance(model.head, Regression):
        raise DataError("only a regression has one spread; other heads have learned theirs")

    def standardized(predicted, target):
        wanted = predicted.spread_out().transform.inverse(target)
        return (wanted - predicted.base.mean()[..., None]) ** 2

    square = predict(model, data, standardized, with_target=True)
    square = np.where(data.used[:, :, None, None], square, np.nan)
    if np.isnan(square).all():
        raise DataError("no target to find the spread of the residuals from")
    head = Regression(float(np.sqrt(np.nanmean(square))))
    return Model(model.network, head, model.scaling, model.names)
