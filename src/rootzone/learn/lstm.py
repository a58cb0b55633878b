"""Long short-term memory over a whole sequence, with a backward pass written for CPUs.

The products with the inputs do not depend on the state: they are formed before the scan, all
times at once. The scan keeps its gates; the backward scan finds the gradients of the gates alone,
and the gradient of the recurrent weights is one product of two tall matrices afterwards.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

Gates = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


class State(eqx.Module):
    """What the network remembers: hidden and cell state (batch, hidden) [1]."""

    h: jax.Array
    c: jax.Array


def _gate_scale(width: int, dtype: jnp.dtype) -> jax.Array:
    """Return 1/2 for the three sigmoid gates and 1 for the cell input: one tanh serves all."""
    half, one = jnp.full(width, 0.5, dtype), jnp.ones(width, dtype)
    return jnp.concatenate([half, half, one, half])


def _step(h: jax.Array, c: jax.Array, x: jax.Array, w_h: jax.Array, scale: jax.Array):
    """Return the next hidden and cell state and the gates: sigmoid(z) = (1 + tanh(z/2)) / 2."""
    # The barriers keep the compiler from computing the gates once for every use of them.
    tanh = jax.lax.optimization_barrier(jnp.tanh((x + h @ w_h) * scale))
    i, f, g, o = jnp.split(tanh, 4, axis=-1)
    i, f, o = 0.5 * i + 0.5, 0.5 * f + 0.5, 0.5 * o + 0.5
    c = f * c + i * g
    return o * jnp.tanh(c), c, (i, f, g, o)


def _forward(projected: jax.Array, w_h: jax.Array, h: jax.Array, c: jax.Array):
    """Return hidden states, cell states and gates of all times."""
    scale = _gate_scale(h.shape[-1], projected.dtype)

    def step(state, x):
        h, c = state
        h, c, gates = _step(h, c, x, w_h, scale)
        return (h, c), (h, c, gates)

    return jax.lax.scan(step, (h, c), projected)[1]


@jax.custom_vjp
def lstm_scan(
    projected: jax.Array, w_h: jax.Array, h: jax.Array, c: jax.Array
) -> tuple[jax.Array, jax.Array]:
    r"""Return the hidden states of a sequence and the last cell state.

    .. math::

        z_t = x_t + h_{t-1} W_h, \quad
        c_t = \sigma(z^f_t)\, c_{t-1} + \sigma(z^i_t) \tanh(z^g_t), \quad
        h_t = \sigma(z^o_t) \tanh(c_t)

    Parameters
    ----------
    projected : array (time, batch, 4 hidden)
        Inputs times their weights plus bias, gates in the order input, forget, cell, output.
    w_h : array (hidden, 4 hidden)
        Recurrent weights.
    h, c : array (batch, hidden)
        State before the first step.

    Returns
    -------
    hidden : array (time, batch, hidden)
        Hidden state after each step.
    c : array (batch, hidden)
        Cell state after the last step.

    Notes
    -----
    Sources: Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; forget gate: Gers
    et al. (2000), doi:10.1162/089976600300015015. The gradient is the same as that of automatic
    differentiation to round-off; it is of first order only.
    """
    scale = _gate_scale(h.shape[-1], projected.dtype)

    def step(state, x):
        h, c = state
        h, c, _ = _step(h, c, x, w_h, scale)
        return (h, c), h

    (_, c), hidden = jax.lax.scan(step, (h, c), projected)
    return hidden, c


def _scan_forward(projected, w_h, h, c):
    hidden, cells, gates = _forward(projected, w_h, h, c)
    last = cells[-1] if cells.shape[0] else c
    return (hidden, last), (hidden, cells, gates, w_h, h, c)


def _scan_backward(saved, cotangents):
    hidden, cells, gates, w_h, h0, c0 = saved
    d_hidden, d_last = cotangents
    h_before = jnp.concatenate([h0[None], hidden[:-1]])
    c_before = jnp.concatenate([c0[None], cells[:-1]])
    w_back = w_h.T

    def step(carry, at):
        dh, dc = carry
        d_out, c, c_before, (i, f, g, o) = at
        dh = dh + d_out
        tanh_c = jnp.tanh(c)
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        parts = (
            dc * g * i * (1 - i),
            dc * c_before * f * (1 - f),
            dc * i * (1 - g * g),
            dh * tanh_c * o * (1 - o),
            dc * f,
        )
        *parts, dc = jax.lax.optimization_barrier(parts)
        dz = jnp.concatenate(parts, axis=-1)
        return (dz @ w_back, dc), dz

    start = (jnp.zeros_like(h0), d_last)
    (dh, dc), dz = jax.lax.scan(step, start, (d_hidden, cells, c_before, gates), reverse=True)
    width = h0.shape[-1]
    d_w = h_before.reshape(-1, width).T @ dz.reshape(-1, 4 * width)
    return dz, d_w, dh, dc


lstm_scan.defvjp(_scan_forward, _scan_backward)


def spread_memories(hidden: int, longest: float = 50.0) -> jax.Array:
    r"""Return forget-gate biases :math:`\ln T` for time scales T from 1 to ``longest`` steps.

    A feature of bias ln T keeps T / (1 + T) of its memory a step. Time scales are spaced evenly
    in their logarithm.

    Parameters
    ----------
    hidden : int
        Width of the state.
    longest : float
        Longest time scale [steps].

    Notes
    -----
    Source: Tallec and Ollivier (2018), arXiv:1804.11188, there with random time scales
    and the input gate closed in step.
    """
    return jnp.linspace(0.0, jnp.log(longest), hidden)


class Lstm(eqx.Module):
    """One LSTM layer over sequences, time first.

    Attributes
    ----------
    w_x : array (inputs, 4 hidden)
        Weights of the inputs; gates in the order input, forget, cell, output.
    w_h : array (hidden, 4 hidden)
        Recurrent weights.
    bias : array (4 hidden)
        Bias of the gates.
    """

    w_x: jax.Array
    w_h: jax.Array
    bias: jax.Array

    @classmethod
    def start(
        cls, inputs: int, hidden: int, *, key: jax.Array, forget_bias: ArrayLike = 3.0
    ) -> "Lstm":
        r"""Return a layer with random weights, uniform in :math:`\pm` hidden to the power -1/2.

        The biases are uniform in twice that range, so that no two features begin alike, plus
        ``forget_bias`` for the forget gate: above zero a new network remembers.

        Parameters
        ----------
        inputs, hidden : int
            Number of inputs and width of the state.
        key : PRNG key
            Randomness.
        forget_bias : float or array (hidden)
            Initial bias of the forget gate [1]; 3 keeps 95 % a step, :func:`spread_memories`
            begins with a range of time scales.

        Notes
        -----
        Source of the bias: Gers et al. (2000), doi:10.1162/089976600300015015, and 3 in Kratzert
        et al. (2019), doi:10.5194/hess-23-5089-2019.
        """
        limit = hidden**-0.5
        k_x, k_h, k_b = jax.random.split(key, 3)
        uniform = lambda k, *shape: jax.random.uniform(k, shape, float, -limit, limit)  # noqa: E731
        bias = 2.0 * uniform(k_b, 4 * hidden)
        bias = bias.at[hidden : 2 * hidden].add(jnp.asarray(forget_bias, bias.dtype))
        return cls(uniform(k_x, inputs, 4 * hidden), uniform(k_h, hidden, 4 * hidden), bias)

    @property
    def hidden(self) -> int:
        """Return the width of the state."""
        return self.w_h.shape[-2]

    def zero_state(self, batch: int) -> State:
        """Return the state of a network that has seen nothing."""
        zeros = jnp.zeros((batch, self.hidden), self.w_h.dtype)
        return State(zeros, zeros)

    def __call__(
        self, inputs: jax.Array, state: State, constant: jax.Array | None = None
    ) -> tuple[jax.Array, State]:
        """Return hidden states (time, batch, hidden) and the state after the last step.

        Parameters
        ----------
        inputs : array (time, batch, n)
            Inputs that change.
        state : State
            State before the first step.
        constant : array (batch, m), optional
            Inputs that stay: the last m rows of ``w_x`` are theirs, multiplied once.
        """
        changing = inputs.shape[-1]
        projected = inputs @ self.w_x[:changing] + self.bias
        if constant is not None:
            projected = projected + constant @ self.w_x[changing:]
        hidden, c = lstm_scan(projected, self.w_h, state.h, state.c)
        last = hidden[-1] if hidden.shape[0] else state.h
        return hidden, State(last, c)
