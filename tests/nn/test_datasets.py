"""The data that ships with the package: complete, unchanged, and documented."""

import gzip
import hashlib
from importlib.resources import files

import numpy as np
import pytest

from nn.datasets import digits


def test_digits_has_the_shapes_types_and_range_it_promises():
    data = digits()
    assert data.X.shape == (1797, 64)
    assert data.X.dtype == np.float32
    assert data.y.shape == (1797,)
    assert data.y.dtype == np.int64
    assert data.X.min() == 0.0
    assert data.X.max() == 1.0
    assert np.bincount(data.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert len(data.feature_names) == 64
    assert data.feature_names[:2] == ("pixel_0_0", "pixel_0_1")
    assert data.target_names == tuple("0123456789")
    assert repr(data) == "Dataset(1797 examples, 64 features, 10 classes)"


def test_the_pixel_counts_come_back_exactly():
    counts = digits().X * 16
    assert np.array_equal(counts, counts.astype(np.uint8))
    assert counts[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_every_call_gives_new_writable_arrays():
    first, second = digits(), digits()
    first.X[:] = 7.0
    first.y[:] = 7
    assert second.X.max() == 1.0
    assert second.y[0] == 0


def test_the_file_is_the_one_that_was_checked():
    packed = files("nn.datasets").joinpath("digits.csv.gz").read_bytes()
    assert packed[4:8] == bytes(4), "gzip's time stamp is 0, so that the same numbers give the same bytes"
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == (
        "592cc047d0a1cc7fdef9fd724514209dcb45a80aa147dc3ab375e3e1a9a380f4"
    )


def test_source_and_licence_are_named():
    description = digits().description
    for fact in ("10.24432/C50P49", "CC BY 4.0", "Alpaydin", "Kaynak", "1,797"):
        assert fact in description


@pytest.mark.oracle
def test_digits_equal_scikit_learns():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    ours = digits()
    assert np.array_equal(ours.X * 16, theirs.data)
    assert np.array_equal(ours.y, theirs.target)
