"""Convolution and pooling equal JAX's: values, first and second derivatives."""

import numpy as np
import pytest

import autograd
from autograd import ops

jax = pytest.importorskip("jax", reason="JAX is not installed")
pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("float64")]
LETTERS = "HWD"


def array(shape, seed):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def jax_conv(x, w, stride, padding, dilation, groups):
    spatial = LETTERS[: x.ndim - 2]
    n = len(spatial)
    pads = padding.upper() if isinstance(padding, str) else [(p, p) for p in per_axis(padding, n)]
    return jax.lax.conv_general_dilated(
        x, w, per_axis(stride, n), pads, rhs_dilation=per_axis(dilation, n), feature_group_count=groups,
        dimension_numbers=(f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"),
    )  # fmt: skip


def per_axis(value, count):
    return value if isinstance(value, tuple) else (value,) * count


def agree(ours, theirs, arrays):
    """The same value; the same gradient of Σ sin, for every array; and the same Hessian-vector products of it."""
    found, expected = ours(*arrays), np.asarray(theirs(*arrays))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    places = tuple(range(len(arrays)))

    def our_loss(*xs):
        return np.sum(np.sin(ours(*xs)))

    def our_slope(*xs):
        return sum(np.sum(g * d) for g, d in zip(autograd.grad(our_loss, places)(*xs), directions, strict=True))

    def their_loss(*xs):
        return jax.numpy.sum(jax.numpy.sin(theirs(*xs)))

    def their_slope(*xs):
        return sum((g * d).sum() for g, d in zip(jax.grad(their_loss, places)(*xs), directions, strict=True))

    directions = [array(x.shape, 7) for x in arrays]
    for a, b in ((our_loss, their_loss), (our_slope, their_slope)):
        for g, h in zip(autograd.grad(a, places)(*arrays), jax.jit(jax.grad(b, places))(*arrays), strict=True):
            np.testing.assert_allclose(g, h, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("x", "w", "stride", "padding", "dilation", "groups"),
    [
        ((2, 3, 9), (4, 3, 3), 1, 0, 1, 1),
        ((2, 4, 10), (6, 2, 3), 2, 1, 2, 2),
        ((2, 3, 8), (2, 3, 4), 1, "same", 1, 1),
        ((3, 2, 6, 7), (4, 2, 3, 2), 1, "valid", 1, 1),
        ((2, 2, 8, 7), (3, 2, 3, 3), (2, 3), (1, 2), 1, 1),
        ((2, 2, 7, 9), (3, 2, 2, 3), 1, "same", (2, 1), 1),
        ((2, 4, 6, 6), (8, 1, 3, 3), 2, 1, 1, 4),
        ((1, 2, 4, 5, 4), (2, 2, 2, 3, 2), (1, 2, 1), 1, 1, 1),
    ],
)
def test_convolution(x, w, stride, padding, dilation, groups):
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    agree(
        lambda x, w: ops.conv(x, w, **options), lambda x, w: jax_conv(x, w, **options), [array(x, 1), array(w, 2)]
    )  # fmt: skip


def test_many_samples_go_in_parts(monkeypatch):
    import autograd.ops.convolution as file

    monkeypatch.setattr(file, "AT_ONCE", 200)
    options = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}
    agree(
        lambda x, w: ops.conv2d(x, w, **options), lambda x, w: jax_conv(x, w, **options),
        [array((7, 2, 5, 4), 1), array((3, 2, 3, 3), 2)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("x", "w", "stride", "padding"),
    [((2, 3, 5), (3, 2, 3), 2, 1), ((1, 2, 4, 3), (2, 3, 3, 2), (2, 1), 0)],
)
def test_transposed_convolution(x, w, stride, padding):
    n = len(x) - 2
    kernel = w[2:]

    def theirs(x, w):  # a convolution of x with zeros between its elements and w turned round
        spatial = LETTERS[:n]
        pads = [(k - 1 - p, k - 1 - p) for k, p in zip(kernel, per_axis(padding, n), strict=True)]
        return jax.lax.conv_general_dilated(
            x, jax.numpy.flip(w, range(2, n + 2)), (1,) * n, pads, lhs_dilation=per_axis(stride, n),
            dimension_numbers=(f"NC{spatial}", f"IO{spatial}", f"NC{spatial}"),
        )  # fmt: skip

    agree(lambda x, w: ops.conv_transpose(x, w, stride=stride, padding=padding), theirs, [array(x, 1), array(w, 2)])


POOLS = [
    ((2, 3, 9), (3,), (3,), (0,), (1,)),
    ((2, 2, 9), (3,), (2,), (1,), (2,)),
    ((2, 2, 6, 7), (2, 3), (2, 1), (1, 1), (1, 1)),
    ((1, 2, 5, 6, 4), (2, 2, 2), (1, 2, 2), (0, 1, 0), (1, 1, 1)),
]


@pytest.mark.parametrize(("x", "kernel", "stride", "padding", "dilation"), POOLS)
def test_max_pooling(x, kernel, stride, padding, dilation):
    def theirs(x):
        pads = [(0, 0), (0, 0), *((p, p) for p in padding)]
        return jax.lax.reduce_window(
            x, -np.inf, jax.lax.max, (1, 1, *kernel), (1, 1, *stride), pads, window_dilation=(1, 1, *dilation)
        )

    def windows(x):  # reduce_window has no reverse mode with dilation: the same by stacking slices
        full = jax.numpy.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=-np.inf)
        outs = theirs(x).shape[2:]
        starts = (tuple(p * d for p, d in zip(position, dilation, strict=True)) for position in np.ndindex(*kernel))
        return jax.numpy.max(jax.numpy.stack([
            full[(..., *(slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(start, stride, outs, strict=True)))]
            for start in starts
        ]), axis=0)  # fmt: skip

    x = array(x, 3)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    np.testing.assert_array_equal(ops.max_pool(x, kernel, **options), theirs(x))
    agree(lambda x: ops.max_pool(x, kernel, **options), windows, [x])
    agree(lambda x: ops.max_pool(x, kernel, **options), windows, [np.round(x)])  # ties: both share equally


@pytest.mark.parametrize(("x", "kernel", "stride", "padding", "dilation"), [row for row in POOLS if max(row[4]) == 1])
def test_average_pooling(x, kernel, stride, padding, dilation):
    def sums(x):
        pads = [(0, 0), (0, 0), *((p, p) for p in padding)]
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 1, *kernel), (1, 1, *stride), pads)

    x = array(x, 3)
    options = {"stride": stride, "padding": padding}
    agree(lambda x: ops.avg_pool(x, kernel, **options), lambda x: sums(x) / np.prod(kernel), [x])
    agree(
        lambda x: ops.avg_pool(x, kernel, count_include_pad=False, **options),
        lambda x: sums(x) / sums(jax.numpy.ones_like(x)), [x],
    )  # fmt: skip
