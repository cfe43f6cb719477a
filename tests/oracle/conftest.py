"""JAX computes in float64 in the tests of a file that says `pytestmark = pytest.mark.usefixtures("float64")`.

Most of its time here is compiling what runs once, so it optimises nothing.
"""

import os

import pytest

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # read when JAX starts


@pytest.fixture(scope="module")
def float64():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)
