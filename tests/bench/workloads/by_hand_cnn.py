"""W4 by hand in NumPy: forward and backward of a few images at a time, so that their columns stay in the cache.

Images are (height, width, channels). A convolution's outputs are computed in the order of the pool that follows: four
slabs, one for each place of a 2×2 window, so that the pool is three maxima of whole slabs. Bias and relu commute with
the maximum and come after it, on a quarter of the numbers.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import data
import numpy as np
from threadpoolctl import ThreadpoolController
from workloads.by_hand_networks import cross_entropy_gradient, views

BLOCK = 4  # images
THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
POOLS = (ThreadPoolExecutor(THREADS - 1), ThreadpoolController()) if THREADS > 1 else None
PLACES = [(y, x) for y in range(2) for x in range(2)]  # of a window of the pool
TAPS = [(y, x) for y in range(3) for x in range(3)]  # of a kernel


def cnn():
    """W4: one SGD step; on several threads, blocks of images at once with BLAS at one thread."""
    x, y, ((w1, b1), (w2, b2), (w3, b3)) = data.cnn_problem()
    batch, count = len(x), len(x) // BLOCK
    arrays = (
        w1[:, 0].reshape(16, 9).T, b1, w2.transpose(2, 3, 1, 0).reshape(144, 32), b2,
        w3.reshape(10, 32, 49).transpose(2, 1, 0).reshape(1568, 10), b3,
    )  # fmt: skip
    parameters = np.concatenate([array.ravel() for array in arrays])
    gradients, shapes = np.empty_like(parameters), [array.shape for array in arrays]
    weights, (*_, d_w3, d_b3) = views(parameters, shapes), views(gradients, shapes)
    convolutions = gradients[: -w3.size - b3.size]
    shares, losses = np.empty((count, convolutions.size), np.float32), np.empty(count)  # of each block
    features, d_logits = np.empty((batch, 1568), np.float32), np.empty((batch, 10), np.float32)
    features_t, ones, rate = features.T, np.ones(batch, np.float32), np.array(data.CNN_RATE, np.float32)
    flipped, kernel = np.empty((3, 3, 32, 16), np.float32), weights[2].reshape(3, 3, 16, 32)[::-1, ::-1]
    kernel = kernel.transpose(0, 1, 3, 2)
    blocks = [
        (
            x[i : i + BLOCK, 0],
            features[i : i + BLOCK],
            d_logits[i : i + BLOCK],
            cross_entropy_gradient(d_logits[i : i + BLOCK], y[i : i + BLOCK], batch),
            views(shares[i // BLOCK], shapes[:4]),
        )
        for i in range(0, batch, BLOCK)
    ]
    workers = [images(weights, flipped.reshape(288, 16)) for _ in range(THREADS)]

    def part(index):
        for i in range(index, count, THREADS):
            losses[i] = workers[index](*blocks[i])

    run = part if THREADS == 1 else in_threads(part)

    def step():
        np.copyto(flipped, kernel)
        run(0)
        np.add.reduce(shares, axis=0, out=convolutions)
        np.dot(features_t, d_logits, d_w3)
        np.dot(ones, d_logits, d_b3)
        np.multiply(gradients, rate, gradients)
        np.subtract(parameters, gradients, parameters)
        return losses.sum()

    return step


def in_threads(part):
    """run(0) that calls part(0), part(1), … at once."""
    pool, controller = POOLS

    def run(_):
        with controller.limit(limits=1, user_api="blas"):
            others = [pool.submit(part, index) for index in range(1, THREADS)]
            part(0)
            for other in others:
                other.result()

    return run


def images(weights, flipped):
    """run(x, features, d_logits, cross_entropy, gradients) → loss, forward and backward of a block of images.

    weights          views [w1 (9, 16), b1, w2 (144, 32), b2, w3 (1568, 10), b3]
    flipped          the second kernel turned around, (288, 16)
    x                (block, 28, 28)
    features         (block, 1568), filled with what the last layer reads;  d_logits (block, 10), with its gradient
    cross_entropy    from cross_entropy_gradient, bound to d_logits
    gradients        (d_w1, d_b1, d_w2, d_b2), filled
    """
    w1, b1, w2, b2, w3, b3 = weights
    # Each of the four planes has every other row and column of the padded images. A tap at a place reads a rectangle
    # of 14×14 of one of them; 14 whole rows of 15 are one run of memory. The 15th column is never looked at, and its
    # gradient stays zero. The last run ends one number behind the planes.
    padded = np.zeros((BLOCK, 30, 30), np.float32)
    planes = np.zeros(4 * BLOCK * 225 + 1, np.float32)
    columns1 = np.empty((9, 4, BLOCK, 210), np.float32)
    splits = [(planes[:-1].reshape(4, BLOCK, 15, 15)[2 * a + b], padded[:, a::2, b::2]) for a, b in PLACES]
    moves1 = []
    for t, (i, j) in enumerate(TAPS):
        for p, (a, b) in enumerate(PLACES):
            start = (2 * ((a + i) % 2) + (b + j) % 2) * BLOCK * 225 + (a + i) // 2 * 15 + (b + j) // 2
            run = np.lib.stride_tricks.as_strided(planes[start:], (BLOCK, 210), (225 * 4, 4))
            moves1.append((columns1[t, p], run))
    inside, flat1 = padded[:, 1:-1, 1:-1], columns1.reshape(9, -1)
    flat1_t = flat1.T
    pool1 = Pool(BLOCK * 210, 16)
    h1 = np.zeros((BLOCK, 16, 16, 16), np.float32)  # padded by one
    mask1, zeros1 = np.empty((BLOCK, 14, 14, 16), bool), np.zeros((BLOCK, 14, 14, 16), np.float32)
    h1_inside, best1 = h1[:, 1:-1, 1:-1], pool1.best.reshape(BLOCK, 14, 15, 16)[:, :, :14]
    d_best1 = pool1.d_best.reshape(BLOCK, 14, 15, 16)[:, :, :14]

    columns2 = np.empty((4, BLOCK, 7, 7, 3, 48), np.float32)
    windows = runs_of_three(h1)
    moves2 = [(columns2[p], windows[:, a::2, b::2]) for p, (a, b) in enumerate(PLACES)]
    flat2 = columns2.reshape(-1, 144)
    flat2_t = flat2.T
    pool2 = Pool(BLOCK * 49, 32)
    mask2, zeros2 = np.empty((BLOCK, 1568), bool), np.zeros((BLOCK, 1568), np.float32)
    best2, d_best2 = pool2.best.reshape(BLOCK, 49, 32), pool2.d_best.reshape(BLOCK, 1568)
    d_out2 = np.zeros((BLOCK, 16, 16, 32), np.float32)  # padded by one
    spreads = [
        (d_out2[:, 1 + a : 15 : 2, 1 + b : 15 : 2], slab.reshape(BLOCK, 7, 7, 32))
        for slab, (a, b) in zip(pool2.d_slabs, PLACES, strict=True)
    ]
    columns_d, windows_d = np.empty((BLOCK, 14, 14, 3, 96), np.float32), runs_of_three(d_out2)
    flat_d, d_h1 = columns_d.reshape(-1, 288), np.empty((BLOCK, 14, 14, 16), np.float32)
    d_h1_flat = d_h1.reshape(-1, 16)
    w3_t, ones1, ones2 = w3.T, np.ones(BLOCK * 210, np.float32), np.ones(BLOCK * 49, np.float32)
    dot, add, multiply, maximum, greater, copy = np.dot, np.add, np.multiply, np.maximum, np.greater, np.copyto

    def run(x, features, d_logits, cross_entropy, gradients):
        d_w1, d_b1, d_w2, d_b2 = gradients
        copy(inside, x)
        for plane, part in splits:
            copy(plane, part)
        for columns, part in moves1:
            copy(columns, part)
        dot(flat1_t, w1, pool1.out)
        pool1.forward()
        add(best1, b1, h1_inside)
        maximum(h1_inside, zeros1, out=h1_inside)
        for columns, part in moves2:
            copy(columns, part)
        dot(flat2, w2, pool2.out)
        pool2.forward()
        add(best2, b2, features.reshape(BLOCK, 49, 32))
        maximum(features, zeros2, out=features)
        dot(features, w3, d_logits)
        add(d_logits, b3, d_logits)
        loss = cross_entropy()

        dot(d_logits, w3_t, d_best2)
        greater(features, zeros2, mask2)
        multiply(d_best2, mask2, d_best2)
        dot(ones2, pool2.d_best, d_b2)
        pool2.backward()
        dot(flat2_t, pool2.d_out, d_w2)
        for spread, slab in spreads:
            copy(spread, slab)
        copy(columns_d, windows_d)
        dot(flat_d, flipped, d_h1_flat)
        greater(h1_inside, zeros1, mask1)
        multiply(d_h1, mask1, d_best1)
        dot(ones1, pool1.d_best, d_b1)
        pool1.backward()
        dot(flat1, pool1.d_out, d_w1)
        return loss

    return run


def runs_of_three(padded):
    """The windows of a kernel of 3×3 over padded images (block, 16, 16, channels): (block, 14, 14, 3, 3·channels)."""
    channels, (image, row, pixel, number) = padded.shape[-1], padded.strides
    shape, strides = (len(padded), 14, 14, 3, 3 * channels), (image, row, pixel, row, number)
    return np.lib.stride_tricks.as_strided(padded, shape, strides)


class Pool:
    """The maximum of four slabs (size, channels) of `out` in `best`; backward shares `d_best` out into `d_out`.

    Of equal numbers the first wins.
    """

    def __init__(self, size, channels):
        self.out, self.d_out = (np.empty((4 * size, channels), np.float32) for _ in range(2))
        self.best, self.d_best = (np.zeros((size, channels), np.float32) for _ in range(2))
        self.slabs, self.d_slabs = self.out.reshape(4, size, channels), self.d_out.reshape(4, size, channels)
        self.upper, self.lower = (np.empty((size, channels), np.float32) for _ in range(2))
        self.mask, self.left_upper, self.left_lower = (np.empty((size, channels), bool) for _ in range(3))

    def forward(self):
        a, b, c, d = self.slabs
        np.maximum(a, b, out=self.upper)
        np.maximum(c, d, out=self.lower)
        np.maximum(self.upper, self.lower, out=self.best)

    def backward(self):
        a, b, c, d = self.slabs
        d_a, d_b, d_c, d_d = self.d_slabs
        np.greater_equal(self.upper, self.lower, self.mask)
        np.greater_equal(a, b, self.left_upper)
        np.greater_equal(c, d, self.left_lower)
        np.multiply(self.d_best, self.mask, d_b)
        np.subtract(self.d_best, d_b, d_d)
        np.multiply(d_b, self.left_upper, d_a)
        np.subtract(d_b, d_a, d_b)
        np.multiply(d_d, self.left_lower, d_c)
        np.subtract(d_d, d_c, d_d)
