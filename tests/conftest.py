"""Reference and analytic tests run in double precision; float32 is asked for by name."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax

jax.config.update("jax_enable_x64", True)
