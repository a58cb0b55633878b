"""The LSTM: its hand-written backward pass, restarts, missing inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rootzone.learn import Direct, Lstm, MaskedMean, Network, lstm_scan, spread_memories


def plain(projected, w_h, h, c):
    """The same recurrence, written as in the textbook and differentiated by JAX."""

    def step(state, x):
        h, c = state
        i, f, g, o = jnp.split(x + h @ w_h, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    (_, c), hidden = jax.lax.scan(step, (h, c), projected)
    return hidden, c


def _arguments(dtype=float, batch=3, hidden=5, steps=7):
    rng = np.random.default_rng(1)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), dtype)  # noqa: E731
    return (
        draw(steps, batch, 4 * hidden),
        draw(hidden, 4 * hidden),
        draw(batch, hidden),
        draw(batch, hidden),
    )


def _score(scan, *arguments):
    hidden, c = scan(*arguments)
    weights = jnp.cos(jnp.arange(hidden.size, dtype=hidden.dtype)).reshape(hidden.shape)
    return jnp.sum(weights * hidden**2) + jnp.sum(jnp.sin(c))


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-12), (jnp.float32, 2e-5)])
def test_backward_equals_automatic_differentiation(dtype, tolerance):
    arguments = _arguments(dtype)
    each = (0, 1, 2, 3)
    ours = jax.jit(jax.value_and_grad(lambda *a: _score(lstm_scan, *a), each))(*arguments)
    theirs = jax.jit(jax.value_and_grad(lambda *a: _score(plain, *a), each))(*arguments)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_members_side_by_side_equal_one_after_the_other():
    arguments = _arguments()
    both = [jnp.stack([a, 0.5 * a]) for a in arguments]
    slope = jax.jit(jax.grad(lambda *a: _score(lstm_scan, *a), (0, 1)))
    together = jax.vmap(slope)(*both)
    for m, scale in enumerate((1.0, 0.5)):
        alone = slope(*(scale * a for a in arguments))
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[m], b, rtol=1e-11, atol=1e-13)


def test_one_run_is_run_and_restart_and_constants_are_inputs():
    rng = np.random.default_rng(2)
    layer = Lstm.start(5, 4, key=jax.random.key(0))
    spread = Lstm.start(5, 4, key=jax.random.key(0), forget_bias=spread_memories(4, 27.0))
    moved = np.asarray(spread.bias - layer.bias)
    np.testing.assert_allclose(moved[4:8], np.log([1.0, 3.0, 9.0, 27.0]) - 3.0, rtol=1e-12)
    assert not moved[:4].any()
    assert not moved[8:].any()
    assert np.unique(np.asarray(layer.bias)).size == 16
    assert np.all(np.abs(np.asarray(layer.bias[4:8]) - 3.0) <= 1.0)
    changing = jnp.asarray(rng.normal(size=(9, 2, 3)))
    staying = jnp.asarray(rng.normal(size=(2, 2)))
    whole, last = layer(changing, layer.zero_state(2), staying)
    first, state = layer(changing[:4], layer.zero_state(2), staying)
    second, state = layer(changing[4:], state, staying)
    np.testing.assert_allclose(jnp.concatenate([first, second]), whole, rtol=1e-12)
    np.testing.assert_allclose(state.c, last.c, rtol=1e-12)
    repeated = jnp.concatenate([changing, jnp.broadcast_to(staying, (9, 2, 2))], axis=-1)
    np.testing.assert_allclose(layer(repeated, layer.zero_state(2))[0], whole, rtol=1e-12)


def test_masked_mean_is_the_mean_of_what_is_present():
    embed = MaskedMean.start([(0, 2), (1,)], 6, key=jax.random.key(1))
    x = jnp.asarray([[0.3, -1.0, 0.7]])
    ask = jax.jit(lambda x: embed(x))
    left = ask(x.at[0, 1].set(jnp.nan))
    right = ask(x.at[0, 2].set(jnp.nan))  # half a group is no group
    np.testing.assert_allclose(ask(x), 0.5 * (left + right), rtol=1e-12)
    np.testing.assert_array_equal(right, ask(x.at[0, 0].set(jnp.nan)))
    np.testing.assert_array_equal(ask(jnp.full((1, 3), jnp.nan)), np.zeros((1, 6)))
    slope = jax.jit(jax.grad(lambda m: jnp.sum(m(x.at[0, 1].set(jnp.nan)) ** 2)))(embed)
    assert np.isfinite(slope.weight).all()
    assert not slope.weight[1].any()
    assert slope.weight[0].any()


def test_noise_is_of_training_alone_and_one_number_a_sequence():
    embed = MaskedMean.start([(0,), (1,)], 6, key=jax.random.key(1), noise=(0.0, 0.5))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3, 2)))
    x = x.at[:, 0].set(x[0, 0])  # a sequence that does not change
    plain, told, again = embed(x), embed(x, key=jax.random.key(2)), embed(x, key=jax.random.key(3))
    np.testing.assert_array_equal(plain, MaskedMean(embed.weight, embed.bias, embed.groups)(x))
    assert (told != plain).all(axis=2).all()
    assert (told != again).any()
    np.testing.assert_array_equal(told[:, 0], jnp.broadcast_to(told[0, 0], told[:, 0].shape))
    without = embed(x.at[..., 1].set(jnp.nan), key=jax.random.key(2))  # an input without noise
    np.testing.assert_array_equal(without, embed(x.at[..., 1].set(jnp.nan)))
    many = jnp.zeros((20000, 2)).at[:, 0].set(jnp.nan)
    one = MaskedMean(jnp.eye(2), jnp.zeros(2), ((0,), (1,)), noise=(0.0, 0.5))
    drawn = np.arctanh(np.asarray(one(many, key=jax.random.key(4)))[:, 1])
    assert abs(drawn.std() / 0.5 - 1) < 0.03
    with pytest.raises(ValueError, match="noise of 1 inputs"):
        MaskedMean.start([(0,), (1,)], 6, key=jax.random.key(1), noise=(0.5,))


def test_groups_hold_every_input_once():
    for groups in ([(0, 1), (1,)], [(0,), (2,)], [(0,), ()]):
        with pytest.raises(ValueError, match="each input"):
            MaskedMean.start(groups, 4, key=jax.random.key(0))


def test_withheld_groups_and_dropout_need_a_key():
    embed = MaskedMean.start([(0,), (1,)], 3, key=jax.random.key(1), drop=0.5)
    network = Network.start(
        embed, hidden=4, targets=2, size=3, key=jax.random.key(2), dropout=0.5,
        embed_static=Direct(1), initial_state=True,
    )  # fmt: skip
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 8, 2)))
    static = jnp.ones((8, 1))
    key = jax.random.key(3)

    @jax.jit
    def ask(network, x, static):
        raw, state = network(x, static)
        start = network.start_state(8, network.constant(static))
        return (
            raw,
            network(x, static, skip=3)[0],
            network(x, static, key=key)[0],
            network(x, static, state=state)[0],
            start.h,
        )

    raw, late, dropped, again, start = ask(network, x, static)
    assert raw.shape == (5, 8, 2, 3)
    np.testing.assert_allclose(late, raw[3:], rtol=1e-12)
    assert not np.allclose(raw, dropped)
    assert not np.allclose(raw, again)
    assert np.asarray(start).all()
    with pytest.raises(ValueError, match="static"):
        network(x)
