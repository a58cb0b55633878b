"""Networks and recipes under one name: of the inverse study, and of Bischof et al. (2025)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax

from rootzone.learn.heads import GaussianMixture, Head
from rootzone.learn.losses import NegativeLogLikelihood, ReleasedLikelihood
from rootzone.learn.lstm import spread_memories
from rootzone.learn.network import Direct, MaskedMean, Network
from rootzone.learn.schedules import Cosine, StepDecay
from rootzone.learn.train import Recipe
from rootzone.learn.windows import WindowRule

THREE_GAUSSIANS = GaussianMixture(3)


class Preset(NamedTuple):
    """What to build and how to train it.

    Attributes
    ----------
    build : callable
        Makes a network from a PRNG key.
    head : Head
        Its head.
    recipe : Recipe
        How to train it.
    live_dropout : bool
        Ask the trained model with dropout left on.
    """

    build: Callable[[jax.Array], Network]
    head: Head
    recipe: Recipe
    live_dropout: bool = False


def inverse(
    input_groups: Sequence[Sequence[int]],
    static_groups: Sequence[Sequence[int]],
    *,
    targets: int,
    head: Head = THREE_GAUSSIANS,
    hidden: int = 64,
    length: int = 365,
    warm_up: int = 90,
    epochs: int = 30,
) -> Preset:
    """Return the network that reads root-zone water from counts and weather.

    Any group of inputs or attributes may be missing; a tenth of the sequences in training go
    without a group, so that the network learns to.

    Parameters
    ----------
    input_groups, static_groups : sequence of sequences of int
        Columns of inputs and attributes that are present or missing together; no static groups:
        no attributes.
    targets : int
        Number of targets.
    head : Head
        Head of the network.
    hidden : int
        Width of the memory.
    length, warm_up : int
        Steps read at once and steps that only fill the memory.
    epochs : int
        Passes over the data.
    """

    def build(key: jax.Array) -> Network:
        k_inputs, k_static, k_rest = jax.random.split(key, 3)
        static = None
        if static_groups:
            static = MaskedMean.start(static_groups, 16, key=k_static, drop=0.1)
        return Network.start(
            MaskedMean.start(input_groups, 32, key=k_inputs, drop=0.1),
            hidden=hidden,
            targets=targets,
            size=head.size,
            key=k_rest,
            embed_static=static,
            initial_state=static is not None,
            dropout=0.1,
            forget_bias=spread_memories(hidden),
        )

    recipe = Recipe(
        WindowRule(length, warm_up), epochs=epochs, schedule=Cosine(epochs=epochs, rate=3e-3)
    )
    return Preset(build, head, recipe)


def _plain(inputs: int, attributes: int, targets: int, size: int, rest: dict[str, Any]):
    """Return a builder of the paper's network: all inputs enter as they are."""

    def build(key: jax.Array) -> Network:
        return Network.start(
            Direct(inputs),
            targets=targets,
            size=size,
            key=key,
            embed_static=Direct(attributes) if attributes else None,
            **rest,
        )

    return build


def replicates_paper(
    inputs: int,
    attributes: int,
    *,
    targets: int = 1,
    head: Head = THREE_GAUSSIANS,
    hidden: int = 64,
    released: bool = True,
    length: int = 128,
    dropout: float = 0.4,
    bottleneck: int | None = None,
) -> Preset:
    """Return condLSTM (head ``Gaussian()``) or 3G-LSTM (``GaussianMixture(3)``) as published.

    One layer of 64, dropout 0.4, windows of 128 h with one target at their end, batches of 128,
    10 epochs of Adam whose rate halves every epoch from 5e-4, forget-gate bias 3, windows with a
    gap left out, the last weights kept.

    Parameters
    ----------
    inputs, attributes, targets : int
        Numbers of inputs, of attributes (condLSTM: the one-hot sensor among them) and targets.
    head : Head
        ``Gaussian()`` or ``GaussianMixture(3)``.
    hidden : int
        Width of the memory.
    released : bool
        With the faults of the released code: weights through a softmax twice and a floor under
        the densities in training, dropout left on in the test. Otherwise as the paper describes.
    length : int
        Steps of a window.
    dropout : float
        Share of the memory withheld in training [1].
    bottleneck : int, optional
        Width of a linear layer before the readout.

    Notes
    -----
    Source: Bischof et al. (2025) and its released code.
    """
    recipe = Recipe(
        WindowRule.one_target(length),
        epochs=10,
        batch=128,
        loss=ReleasedLikelihood() if released else NegativeLogLikelihood(),
        schedule=StepDecay(5e-4, 0.5, 1),
        clip=float("inf"),
        patience=None,
        keep_best=False,
        drop_last=True,
        complete_inputs=True,
    )
    rest = {"hidden": hidden, "dropout": dropout, "bottleneck": bottleneck}
    return Preset(_plain(inputs, attributes, targets, head.size, rest), head, recipe, released)


def replicates_corrected(
    inputs: int,
    attributes: int,
    *,
    targets: int = 1,
    head: Head = THREE_GAUSSIANS,
    hidden: int = 64,
    length: int = 720,
    warm_up: int = 127,
    epochs: int = 10,
    dropout: float = 0.4,
    bottleneck: int | None = None,
    static_groups: Sequence[Sequence[int]] | None = None,
    longest: float = 50.0,
    attribute_noise: Sequence[float] = (),
) -> Preset:
    """Return the same networks trained on whole sequences with the likelihood itself.

    Arguments as in :func:`replicates_paper` and :func:`inverse`; every input and every attribute
    may be missing. With ``warm_up`` 127 the same steps are targets as in windows of 128.

    Parameters
    ----------
    inputs, attributes, targets, head, hidden, length, warm_up, epochs, dropout, bottleneck
        See above.
    static_groups : sequence of sequences of int, optional
        Attributes that are missing together; by default all are.
    longest : float
        Longest memory that a network begins with [steps], see :func:`spread_memories`.
    attribute_noise : sequence of float, optional
        Noise of each standardized attribute in training, see :class:`MaskedMean`.
    """
    groups = [list(range(attributes))] if static_groups is None else static_groups

    def build(key: jax.Array) -> Network:
        k_inputs, k_static, k_rest = jax.random.split(key, 3)
        static = None
        if attributes:
            static = MaskedMean.start(groups, 16, key=k_static, noise=attribute_noise)
        return Network.start(
            MaskedMean.start([[i] for i in range(inputs)], 32, key=k_inputs),
            hidden=hidden,
            targets=targets,
            size=head.size,
            key=k_rest,
            embed_static=static,
            dropout=dropout,
            forget_bias=spread_memories(hidden, longest),
            bottleneck=bottleneck,
        )

    recipe = Recipe(
        WindowRule(length, warm_up),
        epochs=epochs,
        schedule=Cosine(epochs=epochs, rate=3e-3),
        patience=None,
    )
    return Preset(build, head, recipe)
