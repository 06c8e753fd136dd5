"""Keeps NumPy on one core: threads for float64 products this small mostly wait for each other, and at full work."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread():
    """The kernels' own threads are another matter."""
    with threadpool_limits(1, "blas"):
        yield
