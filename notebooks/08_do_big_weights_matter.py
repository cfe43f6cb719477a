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
# # 8 · Do big weights matter?
#
# A network has learned. Which of its inputs does it use? The first idea is to look for big weights. This story shows
# why that goes wrong, even where everything is done to make it fair, and what to ask instead: what the model loses when
# an input is taken away, and what each input contributes to an output. Several methods answer that, and they can be
# checked: against a formula whose answer is known, against their own sums, and against each other.
#
# The second half is about 569 real tumours, with 30 measurements each.

# %%
import matplotlib.pyplot as plt
import numpy as np

import nn
from nn import lens

SEEDS, EPOCHS = 5, 60  # in a hurry: 1, 2
ROWS = 100  # in a hurry: 20

# %% [markdown]
# ## A formula whose answer is known
#
# Jerome Friedman's test of 1991 has ten inputs between 0 and 1. Five of them enter,
#
# > y = 10 sin(π x0 x1) + 20 (x2 − ½)² + 10 x3 + 5 x4 + noise,
#
# and x5 … x9 do nothing. Two inputs work only together, one goes down and up again, two are plain.


# %%
def friedman(rows, rng):
    x = rng.random((rows, 10))
    formula = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return x, (formula + rng.normal(size=rows))[:, None]


def learned(seed):
    """A network that has learned the formula from 1,000 rows, and 500 others, standardised."""
    x, y = friedman(1500, np.random.default_rng(seed))
    z = nn.Standardizer.fit(x[:1000]).transform(x)
    model = nn.MLP(10, [32, 32, 1], rng=seed)
    nn.fit(
        model, z[:1000], y[:1000], optimizer=nn.AdamW(model, 0.005), epochs=EPOCHS, batch_size=50, rng=seed,
        progress=False, compile=True,
    )  # fmt: skip
    return model, z[1000:], y[1000:]


model, z, y = learned(0)
right = 1 - np.mean((model.predict(z) - y) ** 2) / np.var(y)
print(f"the network explains {right:.0%} of the variance of rows that it has not met")

# %% [markdown]
# Its first layer has a weight from each input to each of 32 neurons. From the picture alone, which inputs are the five?

# %%
nn.viz.network(model, z[:200], names=[f"x{i}" for i in range(10)])

# %% [markdown]
# ## A weight depends on the unit
#
# Take the trained network and measure x9, which does nothing, in thousandths of its unit. For the output to stay the
# same, its weights must become a thousandfold. Nothing else changes: it is the same function.

# %%
unit = np.ones(10, np.float32)
unit[9] = 0.001
same = nn.MLP(10, [32, 32, 1], rng=0)
same.load_state_dict(model.state_dict())
same.layers[0].weight.data = model.layers[0].weight.data / unit

difference = np.abs(same.predict(z * unit) - model.predict(z)).max()
print(f"largest difference of the two networks' outputs: below 0.001: {difference < 1e-3}")
assert difference < 1e-3

# %%
before, after = lens.weight_importance(model, z), lens.weight_importance(same, z * unit)
print("by weights, first is", before.names[np.argmax(before.importance)])
print("with x9 in another unit:", after.names[np.argmax(after.importance)])
print()
print(after.verdict)
assert before.meaningful and not after.meaningful
assert after.names[np.argmax(after.importance)] == "x9"

# %%
after.plot()
plt.show()

# %% [markdown]
# The same holds for the two classics that follow the weights through all layers, Garson's shares and Olden's products.
# What the model *does* with an input has no unit. Shuffle a column and see how much worse the model gets; or ask for
# Shapley values, the mean gain in the output when a feature becomes known. For both networks they are the same numbers.

# %%
permuted = [lens.permutation_importance(m, x, y, rng=0).importance for m, x in ((model, z), (same, z * unit))]
rows = slice(0, min(60, ROWS))
values = [lens.shapley(m, x[rows], background=x[-20:]).importance for m, x in ((model, z), (same, z * unit))]
for name, (one, two) in (("permutation", permuted), ("Shapley", values)):
    change = np.abs(one - two).max() / one.max()
    print(f"{name:12} changes by less than a thousandth: {change < 1e-3}")
    assert change < 1e-3
for method in ("garson", "olden"):
    answer = lens.weight_importance(same, z * unit, method=method)
    print(f"{method:12} puts {answer.names[np.argmax(answer.importance)]} first")

# %% [markdown]
# ## In fair units, are big weights the important ones?
#
# So bring all inputs to the same standard deviation, as one should. Now weights can be compared. Do the five largest
# belong to the five inputs of the formula? One network proves nothing; here are several, from other data and other
# starting weights. Counted is how many of the five are among the first five.


# %%
METHODS = {
    "magnitude": lambda m, z, y: lens.weight_importance(m, z),
    "garson": lambda m, z, y: lens.weight_importance(m, z, method="garson"),
    "olden": lambda m, z, y: lens.weight_importance(m, z, method="olden"),
    "gradient × input": lambda m, z, y: lens.gradient_input(m, z[:ROWS]),
    "integrated gradients": lambda m, z, y: lens.integrated_gradients(m, z[:ROWS]),
    "DeepLIFT": lambda m, z, y: lens.deeplift(m, z[:ROWS]),
    "expected gradients": lambda m, z, y: lens.expected_gradients(m, z[:ROWS], background=z[100:200], rng=0),
    "Shapley values": lambda m, z, y: lens.shapley(m, z[:ROWS], background=z[100:120]),
    "permutation": lambda m, z, y: lens.permutation_importance(m, z, y, rng=0),
}
found = {name: [] for name in METHODS}
gaps = {name: [] for name in METHODS}
for seed in range(SEEDS):
    network, inputs, goals = learned(seed)
    for name, method in METHODS.items():
        answer = method(network, inputs, goals)
        found[name].append(len(set(np.argsort(-answer.importance)[:5]) & set(range(5))))
        gaps[name].append(getattr(answer, "relative_gap", np.nan))
for name, counts in found.items():
    print(f"{name:22} {np.mean(counts):.1f} of 5, by seed {counts}")

# %% [markdown]
# Weights miss some even so. Methods that run the model find all five. How can a useless input have large weights? They
# start at random, and little pushes them to 0: what one neuron does with the input, another one takes back.

# %%
weights = np.abs(model.layers[0].weight.data).mean(0)
useless, useful = weights[5:].mean(), weights[:5].mean()
ablated = z.copy()
ablated[:, 5:] = 0.0
without = 1 - np.mean((model.predict(ablated) - y) ** 2) / np.var(y)
print(f"mean size of a weight: {useless / useful:.0%} of the others' for the five useless inputs")
print(f"with the five set to their mean the network explains {without:.0%} of the variance, with them {right:.0%}")

# %% [markdown]
# Here is the count as a picture, a dot for each network.

# %%
plt.figure(figsize=(5.4, 2.8))
names = list(METHODS)[::-1]
for place, name in enumerate(names):
    plt.barh(place, np.mean(found[name]), color="#8fbaf0" if name in ("magnitude", "garson", "olden") else "#2f7de1")
    plt.plot(found[name], [place] * SEEDS, "o", color="#1b2130", markersize=3)
plt.yticks(range(len(names)), names)
plt.xlabel("of the formula's five inputs, among the first five")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Do the contributions add up?
#
# Contributions to an output should add up to it: to the output of the row, minus that of what it is compared with. What
# is missing is the *completeness gap*. It can be computed without knowing the right answer, so always look at it.

# %%
for name, missing in gaps.items():
    if np.isfinite(missing).all():
        print(f"{name:22} misses {np.mean(missing):7.2%} of what it explains")

# %% [markdown]
# A slope at one point, times the input, misses most of it: this function is not a straight line. Integrated gradients
# adds the slopes up along the way and refines until the sum is right; DeepLIFT and Shapley values are exact by how they
# are made. Expected gradients draws at random, and says how sure it is.
#
# Here is what each input contributed to 100 outputs, a dot for each row. The dots of x2 lie on one side: it enters as a
# square, so that it raises the output wherever it is far from its mean.

# %%
answer = lens.integrated_gradients(model, z[:ROWS])
print(answer.verdict)
answer.plot()
plt.show()

# %% [markdown]
# ## Real tumours
#
# Scikit-learn ships a table from Wisconsin: 569 breast tumours, 30 measurements of the cells of each, benign or
# malignant. Thirty names, but not thirty different things: the radius, the perimeter and the area of a cell say the
# same.

# %%
try:
    from sklearn.datasets import load_breast_cancer

    cancer = load_breast_cancer()
    names = [str(name) for name in cancer.feature_names]
except ImportError:
    cancer = None
    print("left out: these data are in scikit-learn (pip install scikit-learn)")


def diagnosed(seed):
    """A network for the tumours, and the rows it has not met."""
    train, test = nn.split(len(cancer.data), (0.7, 0.3), stratify=cancer.target, rng=seed)
    inputs = nn.Standardizer.fit(cancer.data[train]).transform(cancer.data)
    network = nn.MLP(30, [16, 2], rng=seed)
    nn.fit(
        network, inputs[train], cancer.target[train], optimizer=nn.AdamW(network, 0.005, weight_decay=0.1),
        epochs=40, batch_size=32, rng=seed, progress=False, compile=True,
    )  # fmt: skip
    return network, inputs[test], cancer.target[test]


# %%
if cancer is not None:
    networks = [diagnosed(seed) for seed in range(SEEDS)]
    model, z, y = networks[0]
    print(f"right on {nn.accuracy(model.predict(z), y):.1%} of {len(y)} tumours it has not met")

# %% [markdown]
# ## Features that hide behind each other
#
# Shuffle one measurement, and the network still has its twins. So each alone seems to matter little. Shuffle those
# whose ranks are correlated together, and the loss, in nats (−log of the probability given to the truth), shows what
# the network really leans on.

# %%
if cancer is not None:
    together = []
    for seed, (network, inputs, labels) in enumerate(networks):
        alone = lens.permutation_importance(network, inputs, labels, names=names, rng=0)
        grouped = lens.permutation_importance(
            network, inputs, labels, names=names, groups="correlated", threshold=0.8, rng=0
        )
        together.append((alone.importance.max(), grouped.importance.max()))
        print(
            f"seed {seed}: the most important alone {alone.importance.max():.2f} nats, the most important group "
            f"{grouped.importance.max():.2f}, of {max(map(len, grouped.members))} or fewer features"
        )
    ratio = np.median([group / single for single, group in together])
    print(f"a group's loss is {ratio:.0f} times the largest of one feature, in the median")

# %%
if cancer is not None:
    grouped = lens.permutation_importance(model, z, y, names=names, groups="correlated", threshold=0.8, rng=0)
    print(grouped.verdict)
    grouped.plot()
    plt.show()

# %% [markdown]
# ## Where the methods disagree
#
# What is explained here is how much more the network says "benign" than "malignant", the difference of its two outputs.
# Each method ranks the thirty measurements; the picture shows how well every two of them agree, for the first network.


# %%
def benign(out):
    return out[:, 1] - out[:, 0]


def by_all(model, z, y):
    return [
        lens.weight_importance(model, z, names=names),
        lens.permutation_importance(model, z, y, names=names, rng=0),
        lens.shapley(model, z, target=benign, background=z[::9], samples=ROWS, names=names, rng=0),
        lens.integrated_gradients(model, z, target=benign, names=names),
        lens.gradient_input(model, z, target=benign, names=names),
        lens.deeplift(model, z, target=benign, names=names),
    ]


if cancer is not None:
    answers = by_all(model, z, y)
    compared = lens.compare_importance(*answers)
    print(compared.verdict)
    compared.plot()
    plt.show()

# %% [markdown]
# Over all networks, how well do the weights agree with the methods that run the model to attribute an output (Shapley
# values, integrated gradients, DeepLIFT), and those with each other?

# %%
if cancer is not None:
    agreements = []
    for network in networks:
        table = lens.compare_importance(*by_all(*network)).agreement
        agreements.append((table[0, [2, 3, 5]].mean(), table[[2, 2, 3], [3, 5, 5]].mean()))
    with_weights, with_each_other = np.mean(agreements, axis=0)
    print(
        f"weights with the three: rank correlation {with_weights:.2f}, by network",
        np.round([a for a, _ in agreements], 2),
    )
    print(f"the three with each other: rank correlation {with_each_other:.2f}")

# %% [markdown]
# ## Which of them to believe
#
# A test that needs no truth: replace the measurements by the mean tumour's, the most important of each row first, and
# watch the output fall. The better the order, the faster. Grey is what random orders do. (Past the middle what is left
# speaks for malignant; without that the output comes back.)

# %%
if cancer is not None:
    for answer in answers[3:]:
        curve = lens.deletion_curve(model, z, answer, baseline=0.0, rng=0)
        print(f"{answer.method:22} {curve.advantage:.0f} standard deviations faster than chance")
    faster = []
    for network, inputs, _ in networks:
        seen = inputs[:ROWS]
        answer = lens.integrated_gradients(network, seen)
        faster.append(lens.deletion_curve(network, seen, answer, baseline=0.0, rng=0).advantage)
    print(f"in {len(networks)} networks integrated gradients are at least {min(faster):.0f} faster")
    curve = lens.deletion_curve(model, z, answers[3], baseline=0.0, rng=0)
    print()
    print(curve.verdict)
    curve.plot()
    plt.show()

# %% [markdown]
# And one that catches pictures which only look like explanations: shuffle the weights, from the last layer to the
# first. If the attributions stay as they were, they never depended on what the network learned.

# %%
if cancer is not None:
    checks = [lens.randomization_check(m, x[:ROWS], lens.integrated_gradients, rng=0) for m, x, _ in networks]
    signed, sizes = np.array([(check.signed[-1], check.sizes[-1]) for check in checks]).T
    print(f"with signs, all weights shuffled: rank correlation {np.mean(signed):.2f}, by network", np.round(signed, 2))
    print(f"sizes alone: rank correlation {np.mean(sizes):.2f}, by network", np.round(sizes, 2))
    check = checks[0]
    print(check.verdict)
    check.plot()
    plt.show()

# %% [markdown]
# The signs go, and of the sizes something stays: a row with an unusual measurement has a large contribution from it in
# any network, learned or not. Sizes alone say less about the network than they seem to.
#
# ## What you have now
#
# - the size of a weight is in a unit: without the inputs' scales it means nothing, and with them it still misses some of
#   what the network uses;
# - contributions come with a check, the completeness gap; look at it before you look at the picture;
# - features that say the same hide each other, so shuffle them together;
# - methods that attribute an output agree with each other better than with the weights; deletion curves and shuffled
#   weights tell you whether that agreement is about the model.
#
# So a network has weights that do nothing. How many, and what could it learn with them: *How much can it hold?*
