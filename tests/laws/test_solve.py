"""The inverse of monotone functions: hard shapes, both directions, ends, gradients."""

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.solve import invert_monotone


def test_flat_and_steep_stretches():
    """Two far steps of width 1e-4: Newton alone creeps between them."""

    def fn(x):
        return 0.5 * (
            jax.scipy.stats.norm.cdf((x - 0.1) / 1e-4) + jax.scipy.stats.norm.cdf((x - 0.9) / 0.1)
        )

    target = jnp.linspace(0.02, 0.98, 49)
    root = invert_monotone(fn, target, -1.0, 3.0)
    np.testing.assert_allclose(fn(root), target, atol=1e-10)


def test_falling_functions_and_negative_brackets():
    target = jnp.asarray([0.5, 2.0, 30.0])
    root = invert_monotone(lambda x: jnp.exp(-x), target, -10.0, 5.0)
    np.testing.assert_allclose(root, -jnp.log(target), rtol=1e-12)


def test_targets_outside_return_the_end_without_gradient():
    def solve(t):
        return invert_monotone(lambda x: x**3, t, -2.0, -1.0)

    np.testing.assert_allclose(solve(jnp.asarray([-100.0, 5.0])), [-2.0, -1.0], atol=1e-12)
    assert jax.grad(solve)(5.0) == 0.0
    assert jnp.isnan(solve(jnp.nan))


def test_gradient_by_the_implicit_function_theorem():
    def solve(target, scale):
        return invert_monotone(lambda x: scale * jnp.sinh(x), target, 0.0, 5.0)

    by_target, by_scale = jax.grad(solve, argnums=(0, 1))(2.0, 1.5)
    root = jnp.arcsinh(2.0 / 1.5)
    np.testing.assert_allclose(by_target, 1.0 / (1.5 * jnp.cosh(root)), rtol=1e-12)
    np.testing.assert_allclose(by_scale, -jnp.tanh(root) / 1.5, rtol=1e-12)


def test_jit_and_float32():
    solve = jax.jit(lambda t: invert_monotone(jnp.log, t, 0.1, 100.0))
    root = solve(jnp.asarray([0.0, 2.0], jnp.float32))
    assert root.dtype == jnp.float32
    np.testing.assert_allclose(root, np.exp([0.0, 2.0]), rtol=1e-6)
