"""Reference and analytic tests run in double precision; float32 is asked for by name.

What has been compiled is kept in the cache folder of pytest, so that a program that is built anew
by another test, by a command in a process of its own, or by the next run of the tests is not
compiled again.
"""

import gc
import os
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR",
    str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "compiled"),
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

import jax
import pytest

jax.config.update("jax_enable_x64", True)

_MAPS = Path("/proc/self/maps")
_MANY = 12_000


@pytest.fixture(autouse=True, scope="module")
def few_compiled_programs():
    """Forget compiled programs after a module if they are many.

    Each holds some memory maps. Linux gives a process 65,530 of them, and the compiler crashes
    when it gets no more.
    """
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY:
        jax.clear_caches()
        gc.collect()
