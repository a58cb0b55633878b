"""The network: inputs, any of them missing, through an LSTM to the raw outputs of a head."""

from collections.abc import Sequence
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.learn.lstm import Lstm, State


class Embedding(Protocol):
    """How inputs, some of them missing, enter the network."""

    @property
    def width(self) -> int:
        """Return the number of features that come out."""
        ...

    @property
    def needs_all(self) -> bool:
        """Return whether no input may be missing."""
        ...

    def __call__(self, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """Return features (..., batch, width) of standardized inputs (..., batch, input)."""
        ...


class Direct(eqx.Module):
    """Inputs as they are; none may be missing.

    Attributes
    ----------
    inputs : int
        Number of inputs.
    """

    inputs: int = eqx.field(static=True)

    @property
    def width(self) -> int:
        """Return the number of inputs."""
        return self.inputs

    @property
    def needs_all(self) -> bool:
        """Return that no input may be missing."""
        return True

    def __call__(self, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """Return the inputs."""
        return x


class MaskedMean(eqx.Module):
    r"""Mean over the groups of inputs that are present, each embedded by its own layer.

    .. math:: e = \frac{1}{|G|} \sum_{g \in G} \tanh(W_g x_g + b_g), \quad
              G = \{g : x_g \text{ complete}\}

    A group misses a step if one of its inputs does; without any group the embedding is zero.

    Attributes
    ----------
    weight : array (input, width)
        Weights of all inputs.
    bias : array (group, width)
        Bias of each group.
    groups : tuple of tuple of int
        Which inputs each group holds; every input belongs to one.
    drop : float
        Probability that a group is withheld from a whole sequence in training, so that the
        network learns to go without it.
    noise : tuple of float
        Standard deviation of what is added to each standardized input in training, a number for
        each sequence that is new in every step of the training; empty: nothing. Of attributes it
        keeps a network from knowing each place by its numbers.

    Notes
    -----
    Sources: Gauch et al. (2025), doi:10.5194/hess-29-6221-2025 (masked mean); Bishop (1995),
    doi:10.1162/neco.1995.7.1.108 (noise of inputs is a penalty on what they are used for).
    """

    weight: jax.Array
    bias: jax.Array
    groups: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    drop: float = eqx.field(static=True, default=0.0)
    noise: tuple[float, ...] = eqx.field(static=True, default=())

    @classmethod
    def start(
        cls,
        groups: Sequence[Sequence[int]],
        width: int,
        *,
        key: jax.Array,
        drop: float = 0.0,
        noise: Sequence[float] = (),
    ) -> "MaskedMean":
        """Return an embedding with random weights, uniform in +- inputs of the group ** -1/2.

        Raises
        ------
        ValueError
            If the groups do not hold every input from 0 on exactly once, or the noise is not that
            of every input.
        """
        parts = tuple(tuple(int(i) for i in group) for group in groups)
        inputs = sorted(i for group in parts for i in group)
        if inputs != list(range(len(inputs))) or not all(parts):
            raise ValueError(f"groups must hold each input from 0 on once, got {parts}")
        if noise and len(noise) != len(inputs):
            raise ValueError(f"noise of {len(noise)} inputs, there are {len(inputs)}")
        k_weight, k_bias = jax.random.split(key)
        limit = [0.0] * len(inputs)
        for group in parts:
            for i in group:
                limit[i] = len(group) ** -0.5
        uniform = jax.random.uniform(k_weight, (len(inputs), width), float, -1, 1)
        bias = jax.random.uniform(k_bias, (len(parts), width), float, -1, 1)
        weight = uniform * jnp.asarray(limit)[:, None]
        return cls(weight, bias, parts, drop, tuple(float(x) for x in noise))

    @property
    def width(self) -> int:
        """Return the number of features that come out."""
        return self.weight.shape[-1]

    @property
    def needs_all(self) -> bool:
        """Return that inputs may be missing."""
        return False

    def __call__(self, x: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """Return the mean embedding of the groups that are present."""
        present = jnp.isfinite(x)
        x = jnp.where(present, x, 0)
        if key is not None and any(self.noise):
            k_noise = jax.random.fold_in(key, 1)  # what is withheld stays the same
            shape = (x.shape[-2], x.shape[-1])
            x = x + jnp.asarray(self.noise, x.dtype) * jax.random.normal(k_noise, shape, x.dtype)
        kept = None
        if key is not None and self.drop > 0:
            kept = jax.random.bernoulli(key, 1 - self.drop, (len(self.groups), x.shape[-2], 1))
        total, count = 0.0, 0.0
        for g, group in enumerate(self.groups):
            index = jnp.asarray(group)
            part = jnp.tanh(x[..., index] @ self.weight[index] + self.bias[g])
            here = jnp.all(present[..., index], axis=-1, keepdims=True)
            here = here if kept is None else here & kept[g]
            total = total + jnp.where(here, part, 0)
            count = count + here
        return total / jnp.maximum(count, 1).astype(x.dtype)


class Network(eqx.Module):
    """Embeddings, LSTM, dropout and a linear readout.

    Attributes
    ----------
    embed : Embedding
        Of the inputs that change.
    embed_static : Embedding or None
        Of the attributes that stay.
    initial : array (static width, 2 hidden) or None
        Weights from the attributes to the first state; without them it is zero.
    lstm : Lstm
        The memory; attributes are inputs of every step.
    readout, bias : array (hidden, targets * size), (targets * size)
        From the hidden state (or the bottleneck) to the raw outputs of the head.
    targets : int
        Number of targets.
    dropout : float
        Share of hidden features withheld from the readout in training, the same for all steps of
        a sequence (Gal and Ghahramani 2016, arXiv:1512.05287).
    bottleneck : array (hidden, width) or None
        A linear layer between the hidden state and the readout: all parameters of the
        distribution then depend on ``width`` numbers alone.
    """

    embed: Embedding
    embed_static: Embedding | None
    initial: jax.Array | None
    lstm: Lstm
    readout: jax.Array
    bias: jax.Array
    targets: int = eqx.field(static=True)
    dropout: float = eqx.field(static=True, default=0.0)
    bottleneck: jax.Array | None = None

    @classmethod
    def start(
        cls,
        embed: Embedding,
        *,
        hidden: int,
        targets: int,
        size: int,
        key: jax.Array,
        embed_static: Embedding | None = None,
        initial_state: bool = False,
        dropout: float = 0.0,
        forget_bias: ArrayLike = 3.0,
        bottleneck: int | None = None,
    ) -> "Network":
        """Return a network with random weights.

        Parameters
        ----------
        embed, embed_static : Embedding
            Of the inputs and of the attributes (None: no attributes).
        hidden, targets, size : int
            Width of the memory, number of targets and raw outputs of the head per target.
        key : PRNG key
            Randomness.
        initial_state : bool
            Let the attributes set the first state too.
        dropout, forget_bias : float
            See the class and :meth:`Lstm.start`.
        bottleneck : int, optional
            Width of a linear layer before the readout; by default there is none.
        """
        k_lstm, k_readout, k_initial = jax.random.split(key, 3)
        extra = 0 if embed_static is None else embed_static.width
        limit = hidden**-0.5
        initial = None
        if initial_state and embed_static is not None:
            shape = (embed_static.width, 2 * hidden)
            initial = jax.random.uniform(k_initial, shape, float, -limit, limit)
        width, narrow = hidden, None
        if bottleneck is not None:
            # a key of its own: the other weights are those of a network without
            shape, width = (hidden, bottleneck), bottleneck
            k_narrow = jax.random.fold_in(key, 1)
            narrow = jax.random.uniform(k_narrow, shape, float, -limit, limit)
        bound = width**-0.5
        return cls(
            embed,
            embed_static,
            initial,
            Lstm.start(embed.width + extra, hidden, key=k_lstm, forget_bias=forget_bias),
            jax.random.uniform(k_readout, (width, targets * size), float, -bound, bound),
            jnp.zeros(targets * size),
            targets,
            dropout,
            narrow,
        )

    def constant(self, static: jax.Array | None, *, key: jax.Array | None = None):
        """Return the features (batch, width) of attributes (batch, attribute), or None."""
        if self.embed_static is None:
            return None
        if static is None:
            raise ValueError("the network has attributes as inputs: 'static' is wanted")
        return self.embed_static(static, key=key)

    def start_state(self, batch: int, constant: jax.Array | None) -> State:
        """Return the state before the first step."""
        if self.initial is None or constant is None:
            return self.lstm.zero_state(batch)
        h, c = jnp.split(jnp.tanh(constant @ self.initial), 2, axis=-1)
        return State(h, c)

    def __call__(
        self,
        inputs: jax.Array,
        static: jax.Array | None = None,
        *,
        state: State | None = None,
        key: jax.Array | None = None,
        skip: int = 0,
    ) -> tuple[jax.Array, State]:
        """Return raw outputs (time - skip, batch, target, size) and the last state.

        Parameters
        ----------
        inputs : array (time, batch, input)
            Standardized inputs; NaN where missing.
        static : array (batch, attribute), optional
            Standardized attributes; NaN where missing.
        state : State, optional
            State to go on from; by default the start.
        key : PRNG key, optional
            Randomness of dropout; without it nothing is dropped.
        skip : int
            Steps at the start that are read but not put out.
        """
        keys = (None, None, None) if key is None else tuple(jax.random.split(key, 3))
        batch = inputs.shape[1]
        constant = self.constant(static, key=keys[0])
        state = self.start_state(batch, constant) if state is None else state
        hidden, state = self.lstm(self.embed(inputs, key=keys[1]), state, constant)
        hidden = hidden[skip:]
        if keys[2] is not None and self.dropout > 0:
            kept = jax.random.bernoulli(keys[2], 1 - self.dropout, (batch, self.lstm.hidden))
            hidden = hidden * (kept / (1 - self.dropout)).astype(hidden.dtype)
        if self.bottleneck is not None:
            hidden = hidden @ self.bottleneck
        raw = hidden @ self.readout + self.bias
        return raw.reshape(*raw.shape[:2], self.targets, -1), state
