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
# # 2 · What a weight is
#
# Gradients turn weights until the error is small. What do the weights say then? Those of a network are called a black
# box. But a network of one neuron is a method that statisticians have used for eighty years, logistic regression, and
# they read its weights every day: what each says, and how sure one can be of it. Here the two are put side by side
# first. Then comes a network with a hidden layer, and the question what is left of that reading.

# %%
import matplotlib.pyplot as plt
import numpy as np
import statsmodels.api as sm
from sklearn.datasets import load_iris

import nn
from autograd import hessian, value_and_grad
from autograd.ops import sigmoid
from nn import lens

# %% [markdown]
# ## A neuron that is a regression
#
# Spector and Mazzeo asked in 1980 whether a new way of teaching economics helps. There are 32 students: their grade
# point average, the score in a test beforehand, whether they were taught in the new way (PSI), and whether their grade
# improved.

# %%
spector = sm.datasets.spector.load()
names = list(spector.exog.columns)
X, y = np.asarray(spector.exog, float), np.asarray(spector.endog, float)
print(f"{len(X)} students, {int(X[:, 2].sum())} taught in the new way, {int(y.sum())} improved")
print(spector.data.head(3).to_string())

# %% [markdown]
# One neuron: a weighted sum of the three numbers, and a sigmoid that makes a probability of it. The loss is the
# negative log-likelihood. With four weights one need not go down in small steps: the gradient divided by the curvature,
# the Hessian, says at once how far it is to the minimum. Both come from the engine.

# %%
ones = np.column_stack([np.ones(len(X)), X])


def loss(w):
    return nn.binary_cross_entropy(ones @ w, y, reduction="sum")


w = np.zeros(4)
for step in range(8):
    value, slope = value_and_grad(loss)(w)
    w = w - np.linalg.solve(hessian(loss)(w), slope)
    if step < 4:
        print(f"step {step + 1}: loss {value:8.4f}, length of the gradient {np.linalg.norm(slope):7.3f}")
print(
    f"after 8 steps the gradient is shorter than one part in a billion: {np.linalg.norm(value_and_grad(loss)(w)[1]) < 1e-9}"
)

# %% [markdown]
# At the minimum the Hessian says how steeply the loss rises on either side. Where it is steep, the data leave no doubt
# about the weight; where it is flat, many weights would do. Its inverse is the weights' covariance: the square roots of
# the diagonal are their *standard errors*. statsmodels, the statisticians' program, says the same.

# %%
errors = np.sqrt(np.diag(np.linalg.inv(hessian(loss)(w))))
theirs = sm.Logit(y, ones).fit(disp=0, tol=1e-13)
print("              weight  statsmodels     error  statsmodels")
for name, ours in zip(["bias", *names], zip(w, theirs.params, errors, theirs.bse, strict=True), strict=True):
    print(f"{name:8}" + "".join(f"{number:12.4f}" for number in ours))
largest = max(np.abs(w / theirs.params - 1).max(), np.abs(errors / theirs.bse - 1).max())
print(f"all eight numbers agree to better than one part in ten million: {largest < 1e-7}")
assert largest < 1e-7

# %% [markdown]
# ## What it says
#
# Put into a network, this is one layer of one neuron. For the first student it adds up four terms.

# %%
model = nn.Layer(3, 1, sigmoid, dtype=np.float64)
model.weight.data, model.bias.data = w[None, 1:], w[:1]
lens.neuron(model, X[0], "", 0, names=names)

# %% [markdown]
# The sum is the logarithm of the odds. One more of an input adds its weight to the sum, so it multiplies the odds by
# e to the weight. Try it: the same student, taught in the new way.

# %%
other = X[0].copy()
other[2] = 1.0
chances = [float(model.predict(row[None])[0, 0]) for row in (X[0], other)]
odds = [chance / (1 - chance) for chance in chances]
print(
    f"chance {chances[0]:.1%} without, {chances[1]:.1%} with; odds {odds[0]:.4f} and {odds[1]:.4f}, a factor of {odds[1] / odds[0]:.2f}"
)
print(f"e to the weight of PSI is {np.exp(w[3]):.2f}")
assert np.isclose(odds[1] / odds[0], np.exp(w[3]))

# %% [markdown]
# So the weight of PSI is a statement about teaching, and the standard error says how far to trust it. Twice the error
# either way is where the true weight lies in about 95 of 100 such studies.

# %%
figure, axis = plt.subplots(figsize=(5.0, 2.0))
axis.errorbar(w[1:], range(3), xerr=2 * errors[1:], fmt="o", color="#2f7de1", capsize=3)
axis.axvline(0, color="gray", linewidth=0.8)
axis.set_yticks(range(3), names)
axis.set_ylim(2.5, -0.5)
axis.set_xlabel("weight, and twice its standard error")
figure.tight_layout()
plt.show()
for name, weight, error in zip(names, w[1:], errors[1:], strict=True):
    print(
        f"{name:5} {weight - 2 * error:6.2f} … {weight + 2 * error:5.2f}",
        "" if abs(weight) > 2 * error else "  0 is among them",
    )

# %% [markdown]
# ## What it does
#
# The weight is the slope of the *sum*. What one asks for is often the slope of the *answer*: how much does the chance
# rise? That is the weight times the slope of the sigmoid, and the slope differs from student to student.
# `lens.influence` gives its mean and spread over the students; statisticians call the mean the average marginal effect.

# %%
effect = lens.influence(model, X, "input", "output")
marginal = theirs.get_margeff(at="overall").margeff
print("        weight   effect on the chance          statsmodels")
for name, weight, mean, spread, ours in zip(names, w[1:], effect.mean[0], effect.spread[0], marginal, strict=True):
    print(f"{name:5} {weight:8.4f}   {mean:7.4f} ± {spread:.4f} by student  {ours:9.4f}")
assert np.allclose(effect.mean[0], marginal, rtol=1e-8)

# %% [markdown]
# ## A hidden layer
#
# Now a network proper: four measures of an iris flower, six hidden neurons, four more, and three species. 150 flowers.
# The measures are brought to mean 0 and deviation 1, so that weights can be compared.
#
# `nn.MLP` makes such layers, with random weights, and `nn.fit` goes downhill with them for 150 *epochs*: in each, every
# flower is seen once. `nn.Adam` is a rule for the length of the steps, and weight decay pulls all weights a little to
# 0.

# %%
iris = load_iris()
measures = [name.removesuffix(" (cm)") for name in iris.feature_names]
flowers = (iris.data - iris.data.mean(0)) / iris.data.std(0)


def trained(seed):
    net = nn.MLP(4, [6, 4, 3], np.tanh, rng=seed, dtype=np.float64)
    optimizer = nn.Adam(net, learning_rate=0.01, weight_decay=0.001)
    nn.fit(net, flowers, iris.target, optimizer=optimizer, epochs=150, batch_size=150, rng=seed, progress=False)
    return net


nets = [trained(seed) for seed in range(5)]
shares = [nn.accuracy(net.predict(flowers), iris.target) for net in nets]
print(f"{len(nets)} networks, right on {min(shares):.0%} to {max(shares):.0%} of the flowers")
net = nets[0]

# %%
nn.viz.network(net, flowers, names=(measures, list(iris.target_names)))

# %% [markdown]
# Between the two hidden layers there are 24 weights. How much does one neuron of the first move one of the second? By
# the chain rule, its weight times the slope of tanh there, 1 − tanh². Check that on all 24, for the mean over the
# flowers:

# %%
between = lens.influence(net, flowers, "layers.0", "layers.1")
with lens.trace(net) as t:
    net(flowers)
slope = (1 - t["layers.1"].data ** 2).mean(0)
by_hand = net.layers[1].weight.data * slope[:, None]
print("mean slope of the four neurons:", " ".join(f"{number:.2f}" for number in slope))
print(f"weight times mean slope is the mean influence, to 12 decimals: {np.abs(between.mean - by_hand).max() < 1e-12}")
assert np.abs(between.mean - by_hand).max() < 1e-12
between

# %%
between.plot()
plt.show()

# %% [markdown]
# Each point is a connection. On the dotted line the influence would be the weight itself. All points lie between that
# line and 0: the squash can only take away. And the four neurons each have a line of their own, whose steepness is
# their mean slope: a neuron that is nearly always at its end listens to no one, whatever its weights say.

# %%
inside = np.abs(between.mean) <= np.abs(between.weight)
print(f"{inside.sum()} of {inside.size} influences are smaller than their weight")
assert inside.all()

# %% [markdown]
# ## Through all layers
#
# From a measure to a species there is no single weight to read. But there is an influence: the product of all weights
# and slopes on the way, summed over all ways. Its mean over the flowers, on the sums (logits) of the three species:

# %%
whole = lens.influence(net, flowers, "input", "output")
axes = whole.plot()
axes.set_xticks(range(4), [name.replace(" ", "\n") for name in measures])
axes.set_yticks(range(3), iris.target_names)
axes.set(xlabel="", ylabel="")
plt.show()

# %% [markdown]
# Other random starts give other weights. Do they give another reading? Over the five networks, the influence of each
# measure on *virginica* minus that on *versicolor*, two species that are hard to tell apart:

# %%
readings = [lens.influence(each, flowers, "input", "output").mean for each in nets]
contrast = np.array([reading[2] - reading[1] for reading in readings])
weights = np.array([each.layers[0].weight.data[0] for each in nets])
for name, column, first in zip(measures, contrast.T, weights.T, strict=True):
    print(
        f"{name:13} {column.mean():5.1f} ± {column.std():.1f}     weight into hidden neuron 0: {first.mean():5.2f} ± {first.std():.2f}"
    )
petal, sepal = np.abs(contrast[:, 2:]), np.abs(contrast[:, :2])
print(f"petals before sepals in {np.sum(petal.min(1) > sepal.max(1))} of {len(nets)} networks")
assert (petal.min(1) > sepal.max(1)).sum() >= 4

# %% [markdown]
# ## The verdict
#
# - A weight is the slope of a sum with respect to one of its terms' inputs. In a single neuron that is all there is to
#   read, and its error comes from the Hessian: the numbers are those of statistics.
# - What a weight *does* is weight times slope of the squash. It is smaller than the weight, and differs from row to row.
# - In a network the weights into a hidden neuron are a matter of chance: they differ from start to start. What the network
#   makes of its inputs is the influence through all layers, and that is much the same in all of them.
#
# Each of the five started from other random weights. Why random, and how random, is next: *Why random*.
