# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · Why random
#
# Before it learns, a network is a heap of numbers that somebody had to choose. Why not zeros? Why random ones, and how
# large? Here seven starts are put side by side, on handwritten digits: zero, constant, too small, too large, Glorot, He
# and LSUV. What a start is worth can be seen before the first step of training, and then in what comes of it.

# %%
import matplotlib.pyplot as plt
import numpy as np

import nn
from autograd.errors import NonFiniteError
from autograd.ops import relu
from nn import init, lens
from nn.datasets import digits

SEEDS, EPOCHS = 5, 6  # in a hurry: 1, 1

data = digits()
train, test = nn.split(len(data.X), (0.8, 0.2), stratify=data.y, rng=0)
mean, std = data.X[train].mean(), data.X[train].std()
X, y = (data.X[train] - mean) / std, data.y[train]
X_test, y_test = (data.X[test] - mean) / std, data.y[test]
print(
    f"{len(X):,} images to learn from, {len(X_test)} held out; a pixel has mean {abs(X.mean()):.2f} and deviation {X.std():.2f}"
)

# %% [markdown]
# ## All zero
#
# One hidden layer of 32 neurons. If every weight is 0, every sum is 0, whatever the image. And going back, the gradient
# of a hidden neuron is the gradient of the output times a weight that is 0. So the hidden weights get no gradient at
# all: zero is a place that they cannot leave.


# %%
def shallow(start, seed=0, neurons=32):
    model = nn.MLP(64, [neurons, 10], np.tanh, rng=seed, dtype=np.float64)
    if start is not None:
        for layer in model.layers:
            layer.weight.data = np.full(layer.weight.shape, start)
    return model


zero = shallow(0.0)
print(lens.signal(zero, X[:256], y[:256]).verdict)
print(lens.step_table(nn.SGD(zero, 0.05), zero, X[:256], y[:256]).table())

# %% [markdown]
# Only the biases of the output get a gradient. All that this network can learn is how frequent each digit is.
#
# ## All equal
#
# Then let all weights be 0.1, and train. The steps go down the gradient of some images at a time (`nn.SGD`), with
# momentum: nine tenths of each step are added to the next. `compile=True` makes a step one program, which is faster.
# Now there is a signal, and a gradient. But all hidden neurons compute the same sum, so they get the same gradient and
# take the same step. They were born equal and stay so.


# %%
def fitted(model, seed=0, epochs=EPOCHS):
    optimizer = nn.SGD(model, 0.02, momentum=0.9)
    return nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, rng=seed, compile=True, progress=False)


def right(model):
    return nn.accuracy(model.predict(X_test), y_test)


equal, different, single = shallow(0.1), shallow(None), shallow(None, neurons=1)
print("before:", lens.distinct(equal.layers[0]).verdict)
for model in (equal, different, single):
    fitted(model)
print("after: ", lens.distinct(equal.layers[0]).verdict)
print("random:", lens.distinct(different.layers[0]).verdict)
apart = np.ptp(equal.layers[0].weight.data, axis=0).max() / np.abs(equal.layers[0].weight.data).max()
print(f"the equal ones differ by {apart:.0e} of the largest weight")
assert lens.distinct(equal.layers[0]).count == 1
assert lens.distinct(different.layers[0]).count == 32

# %% [markdown]
# Being equal is like standing on a ridge: the smallest difference grows. Computed with the 7 digits of float32, which
# networks usually have, and on a processor that adds up some columns of a product in another order, rounding errors
# part the neurons after some epochs. That is why this network computes with 16 digits.
#
# 32 neurons that are the same are one neuron, 32 times. So they should do about as well as a network that has one.

# %%
for name, model in (("32 equal", equal), ("one", single), ("32 random", different)):
    print(f"{name:10} {100 * right(model):5.1f} % of the held-out digits")

# %% [markdown]
# Here are the weights of both layers after training, each neuron of the first as an image of its 64 weights. On top the
# equal start, below the random one.

# %%
nn.viz.network(equal, image=(8, 8))

# %%
nn.viz.network(different, image=(8, 8))

# %% [markdown]
# So a start must tell the neurons apart, and chance is the simplest way to do that.
#
# ## How large?
#
# A sum of *n* terms, of inputs with mean square E[x²] and weights of mean 0 and mean square E[w²], has mean square
#
# n · E[w²] · E[x²].
#
# With n · E[w²] = 1 it has the size of its inputs. Then comes the squash. `relu` sets half of the sums to 0, which
# halves their mean square; so He's weights have E[w²] = 2 / n. Glorot's have 2 / (n + m) for *m* neurons, made for
# `tanh`. LSUV computes nothing beforehand: it runs the images through the network and divides each layer's weights by
# the deviation that it finds.
#
# In a deep network a factor counts as often as there are layers. Ours now has six hidden layers of 64 neurons, with
# relu.

# %%
DEPTH = 6
STARTS = {
    "zero": lambda shape, rng: init.zeros(shape),
    "constant": lambda shape, rng: init.constant(shape, 0.1),
    "small": lambda shape, rng: init.variance_scaling(shape, rng=rng, scale=0.04),  # deviation 0.025
    "large": lambda shape, rng: init.variance_scaling(shape, rng=rng, scale=64.0),  # deviation 1
    "Glorot": lambda shape, rng: init.glorot_normal(shape, rng=rng),
    "He": lambda shape, rng: init.he_normal(shape, rng=rng),
    "LSUV": None,
}


def deep(name, seed):
    model = nn.MLP(64, [64] * DEPTH + [10], relu, rng=seed)
    if name == "LSUV":
        return init.lsuv(model, X[:256], rng=seed)
    stream = init.streams(seed)
    for path, weight in model.named_parameters():
        if weight.ndim == 2:
            weight.data = STARTS[name](weight.shape, stream(path))
    return model


signals = {name: lens.signal(deep(name, 0), X[:256], y[:256]) for name in STARTS}
print("start      signal: last / first      theory    gradient: first / last")
for name, found in signals.items():
    if found.sums.all():
        theory = found.theory[-1] / found.theory[0]
        print(f"{name:10} {found.growth:15.0e} {theory:17.0e} {found.gradient_growth:17.0e}")
    else:
        print(f"{name:10} {found.verdict}")

# %% [markdown]
# The theory says what chance gives on average, and this is one draw, the same for small, large and He but for its
# scale. Over 100 draws the mean square in the last layer of He's network, as a multiple of the theory's:

# %%
models = [deep("He", 1000 + seed) for seed in range(100)]
ratios = [found.sums[-1] / found.theory[-1] for found in (lens.signal(model, X[:64]) for model in models)]
print(f"measured / theory: mean {np.mean(ratios):.1f}, half of the draws between {np.quantile(ratios, 0.25):.1f} and "
      f"{np.quantile(ratios, 0.75):.1f}")  # fmt: skip
assert 0.8 < np.mean(ratios) < 1.25

# %% [markdown]
# The theory is wrong about the constant start, because weights that are all 0.1 have no mean of 0: there the sums do
# not cancel.
#
# In pictures, points are measured and lines are the theory. Layers go down, sizes go to the right.

# %%
figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.2), layout="constrained")
for axis, name in zip(axes.flat, ("small", "large", "Glorot", "He", "LSUV", "constant"), strict=True):
    signals[name].plot(axis)
    axis.set(title=name, xscale="log", xlim=(1e-22, 1e14))
    axis.get_legend().remove()
axes.flat[0].legend(loc="lower right", fontsize=7)
plt.show()

# %% [markdown]
# Small weights make the signal vanish on the way forwards and the gradient on the way back: the first layers hear
# nothing of the loss. Large ones make both explode. He and LSUV keep both. Glorot loses half a layer's size at each
# relu, which six layers survive.
#
# ## What comes of it
#
# Each start is trained from several seeds, always in the same way.


# %%
def trained(name, seed):
    """(model, losses by epoch or None, share of the held-out digits that is right)."""
    model = deep(name, seed)
    try:
        with np.errstate(all="ignore"):
            history = fitted(model, seed)
    except NonFiniteError:
        return model, None, None
    return model, history.train_loss, 100 * right(model)


runs = {name: [trained(name, seed) for seed in range(SEEDS)] for name in STARTS}
for name, results in runs.items():
    shares = [share for _, _, share in results if share is not None]
    count = np.mean([lens.distinct(model.layers[1]).count for model, losses, _ in results if losses is not None] or [0])
    if shares:
        print(
            f"{name:10} {np.mean(shares):5.1f} % ± {np.std(shares):3.1f} right, {count:4.0f} different neurons of 64 in layers.1"
        )
    else:
        print(f"{name:10} the loss became infinite or NaN, from each of {len(results)} seeds")

# %%
figure, axis = plt.subplots(figsize=(5.6, 3.0))
colors = dict(zip(STARTS, ("#999999", "#cc79a7", "#56b4e9", "#d55e00", "#e69f00", "#0072b2", "#009e73"), strict=True))
widths = dict(zip(STARTS, (6, 3.5, *[1.5] * 5), strict=True))  # three lie on each other
for name, results in runs.items():
    losses = [losses for _, losses, _ in results if losses is not None]
    if losses:
        mean, line = np.mean(losses, axis=0), {"color": colors[name], "linewidth": widths[name], "label": name}
        axis.semilogy(range(1, EPOCHS + 1), mean, "o-", markersize=3, **line)
axis.set(xlabel="epoch", ylabel="loss", ylim=(0.04, 4))
axis.legend(fontsize=7, loc="lower left")
axis.grid(alpha=0.3)
figure.tight_layout()
plt.show()

# %% [markdown]
# ## The verdict
#
# - Weights are random so that neurons differ: from equal weights, 32 neurons stay one.
# - They are as large as the signal needs: mean square 2 / n for relu. Too small and nothing arrives; too large and the loss
#   is no number after a few steps.
# - Both can be seen before any training: `lens.distinct` and `lens.signal`.
#
# Next, the forward pass of a network that has learned, on paper: *A sum and a squash*.
