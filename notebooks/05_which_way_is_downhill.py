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
# # 5 · Which way is downhill?
#
# The gradient says for each weight which way the loss rises. So one steps the other way. How far? A gradient is a
# promise about small steps, and no one wants to take small steps. Here promise and outcome are compared: where two
# numbers are to be found, where statisticians test their programs, and on handwritten digits.

# %%
import matplotlib.pyplot as plt
import numpy as np
import statsmodels.api as sm

import autograd
import nn
from autograd import Value, grad, hessian, hvp
from nn import lens
from nn.datasets import digits

# %% [markdown]
# ## A valley
#
# Two weights, and a loss that is a long valley: ten times as steep across as along. As a graph:

# %%
a, b = Value(-4.0, "a"), Value(1.5, "b")
valley = 0.5 * a**2 + 5.0 * b**2
valley.label = "loss"
valley.backward()
autograd.draw(valley, direction="LR")

# %% [markdown]
# The minimum is at (0, 0). From (−4, 1.5) it lies mostly to the right. The gradient does not point there: it points
# across the valley, where it is steep.


# %%
def loss(w):
    return 0.5 * w[0] ** 2 + 5.0 * w[1] ** 2


start = np.array([-4.0, 1.5])


def path(rate, steps):
    places = [start]
    for _ in range(steps):
        places.append(places[-1] - rate * grad(loss)(places[-1]))
    return np.array(places)


downhill, home = -grad(loss)(start), -start
angle = np.degrees(np.arccos(downhill @ home / np.linalg.norm(downhill) / np.linalg.norm(home)))
print(f"between downhill and the way to the minimum there are {angle:.0f} degrees")

figure, axis = plt.subplots(figsize=(6.4, 2.6))
x, z = np.meshgrid(np.linspace(-5, 5, 121), np.linspace(-2.2, 2.2, 81))
axis.contour(x, z, 0.5 * x**2 + 5 * z**2, levels=np.geomspace(0.3, 30, 9), colors="#bbbbbb", linewidths=0.8)
for rate, color in ((0.02, "#009e73"), (0.18, "#2f7de1"), (0.203, "#d9660a")):
    places = path(rate, 20)
    axis.plot(*places.T, "o-", color=color, markersize=3, linewidth=1, label=f"rate {rate}")
    print(f"rate {rate:5}: loss {loss(start):.2f} → {loss(places[-1]):.2f} after 20 steps")
axis.plot(0, 0, "k+", markersize=9)
axis.set(xlabel="a", ylabel="b", xlim=(-5, 5), ylim=(-2.2, 2.2))
axis.legend(fontsize=7, loc="upper right")
figure.tight_layout()
plt.show()

# %% [markdown]
# A short step creeps. A long one leaps across the valley and back. Above a rate of 2 / 10, two divided by the largest
# curvature, it comes out higher than it went in. The curvatures are in the Hessian, and its inverse turns the gradient
# to where it should point: one step.

# %%
curvatures = np.linalg.eigvalsh(hessian(loss)(start))
print(
    f"curvatures {curvatures[0]:.0f} and {curvatures[1]:.0f}: no rate above {2 / curvatures[1]:.1f} goes down for long"
)
newton = start - np.linalg.solve(hessian(loss)(start), grad(loss)(start))
print(f"one second-order step: from ({start[0]:.1f}, {start[1]:.1f}) to ({abs(newton[0]):.1f}, {abs(newton[1]):.1f})")
assert np.allclose(newton, 0.0)

# %% [markdown]
# ## Longley's data
#
# In 1967 J. W. Longley gave the same 16 rows to many programs, American employment from 1947 to 1962 and six numbers
# that might explain it, and got as many answers. The six rise together, so the valley is extremely long. NIST, the
# American institute of standards, has computed the weights with 500 digits and certifies 15 of them.

# %%
CERTIFIED = {
    "bias": -3482258.63459582, "GNPDEFL": 15.0618722713733, "GNP": -0.0358191792925910, "UNEMP": -2.02022980381683,
    "ARMED": -1.03322686717359, "POP": -0.0511041056535807, "YEAR": 1829.15146461355,
}  # fmt: skip
longley = sm.datasets.longley.load()
X, y = np.asarray(longley.exog, float), np.asarray(longley.endog, float)


def summed(inputs):
    return lambda w: 0.5 * np.sum((inputs @ w - y) ** 2)


raw = np.column_stack([np.ones(16), X])
center, scale = X.mean(0), X.std(0)
standard = np.column_stack([np.ones(16), (X - center) / scale])
for name, inputs in (("as they are", raw), ("at mean 0, deviation 1", standard)):
    curvatures = (
        np.linalg.svd(inputs, compute_uv=False) ** 2
    )  # of X: eigenvalues of the Hessian XᵀX, without squaring errors
    print(f"inputs {name:22}: the valley is {curvatures[0] / curvatures[-1]:.0e} times as steep across as along")

# %% [markdown]
# A number in a computer has 16 digits; a valley of 10 to the 19 is beyond them. Bringing the inputs to mean 0 and
# deviation 1 takes away nearly all of it, and what is left is still too long for the gradient: it would need about as
# many steps as the valley is long. The second-order step needs one. We count the digits that agree with NIST's, in the
# worst of the weights.


# %%
def of_inputs(w):
    """Weights of the inputs as they are, from those of the standardised ones."""
    slopes = w[1:] / scale
    return np.array([w[0] - slopes @ center, *slopes])


def digits_right(w):
    certified = np.array(list(CERTIFIED.values()))
    errors = np.abs(of_inputs(w) / certified - 1)
    return -np.log10(np.maximum(errors, 1e-15)).min()


target = summed(standard)
w, rate = np.zeros(7), 1.0 / np.linalg.eigvalsh(hessian(target)(np.zeros(7)))[-1]
for step in range(1, 3001):
    w = w - rate * grad(target)(w)
    if step in (10, 100, 1000, 3000):
        print(f"gradient steps {step:5}: {max(digits_right(w), 0):4.1f} digits")
second = np.zeros(7)
for _ in range(2):
    second = second - np.linalg.solve(hessian(target)(second), grad(target)(second))
print(f"second-order, 2 steps: {'at least 9' if digits_right(second) >= 9 else digits_right(second)} digits")
assert digits_right(second) >= 9 and digits_right(w) < 1

# %%
for (name, certified), ours in zip(CERTIFIED.items(), of_inputs(second), strict=True):
    print(f"{name:8} NIST {certified:20.9g}   here {ours:20.9g}")

# %% [markdown]
# ## What is left of the promise
#
# The gradient promises that a step Δ changes the loss by g · Δ. Curvature takes half of Δ · H Δ back. Here is gradient
# descent on Longley's data, with steps as long as 1 / κ, where κ is the curvature along the gradient, and shorter and
# longer. `hvp` gives the Hessian times a vector, without the Hessian.


# %%
class Line(nn.Module):
    """One weight for each column."""

    def __init__(self, columns):
        self.weight = nn.Parameter(np.zeros(columns))

    def forward(self, inputs):
        return inputs @ self.weight


model = Line(7)


def mean_loss(w):
    return nn.mse(standard @ w, y)


slope = grad(mean_loss)(np.zeros(7))
kappa = slope @ hvp(mean_loss, np.zeros(7), slope) / (slope @ slope)
print("step · κ      promised   second order         actual   kept")
for factor in (0.01, 0.1, 1.0, 1.9, 2.1):
    step = lens.step_table(nn.SGD(model, factor / kappa), model, standard, y)
    kept = step.actual / step.first_order
    print(f"{factor:8} {step.first_order:13.4e}  {step.second_order:13.4e}  {step.actual:13.4e} {kept:6.3f}")
    assert np.isclose(step.actual, step.second_order, rtol=1e-9) and np.isclose(kept, 1 - factor / 2)

# %% [markdown]
# A quadratic loss has no third order, so second order and outcome are the same number. The longest useful step, 1 / κ,
# keeps half of its promise. Twice that gains nothing, and beyond it the loss rises.
#
# ## Digits
#
# A network's loss is no quadratic. But close by every smooth loss looks like one. How close? Here is one step of plain
# gradient descent in a network with 64 hidden neurons, over 500 images, fresh from its random start.

# %%
data = digits()
images, labels = data.X[:500].astype(np.float64) / data.X.max(), data.y[:500]


def network(seed, epochs):
    net = nn.MLP(64, [64, 10], np.tanh, rng=seed, dtype=np.float64)
    if epochs:
        nn.fit(net, images, labels, optimizer=nn.Adam(net, 0.003), epochs=epochs, rng=seed, progress=False)
    return net


net = network(0, 0)
print(lens.step_table(nn.SGD(net, 0.1), net, images, labels))

# %% [markdown]
# Now the same with rates from tiny to absurd. Drawn is how much of the gradient's promise was kept: 1 is all of it,
# below 0 the loss went up.

# %%
rates = np.geomspace(1e-3, 100, 36)
STATES = {"at the start": 0, "after 20 epochs": 20}


def shares_kept(net):
    steps = [lens.step_table(nn.SGD(net, rate), net, images, labels) for rate in rates]
    actual, second = ([number / step.first_order for number, step in zip(column, steps, strict=True)]
                      for column in ([s.actual for s in steps], [s.second_order for s in steps]))  # fmt: skip
    return np.array(actual), np.array(second)


found = {name: [shares_kept(network(seed, epochs)) for seed in range(3)] for name, epochs in STATES.items()}
figure, axes = plt.subplots(1, 2, figsize=(7.4, 2.8), sharey=True)
for axis, (name, runs) in zip(axes, found.items(), strict=True):
    for actual, second in runs:
        axis.semilogx(rates, actual, color="#2f7de1", linewidth=1.2)
        axis.semilogx(rates, second, color="#d9660a", linewidth=1, linestyle="--")
    axis.axhline(0, color="gray", linewidth=0.8)
    axis.set(title=name, xlabel="learning rate", ylim=(-1.5, 1.2))
axes[0].set_ylabel("change / promise")
axes[0].legend(axes[0].lines[:2], ["actual", "second order"], fontsize=7, loc="lower left")
figure.tight_layout()
plt.show()


for name, runs in found.items():
    off = max(abs(1 - actual[0]) for actual, _ in runs)
    halves = [int(np.argmax(actual < 0.5)) for actual, _ in runs]  # the first rate that keeps less than half
    rises = [rates[np.argmax(actual < 0.0)] for actual, _ in runs if (actual < 0.0).any()]
    foretold = [second[i] for i, (_, second) in zip(halves, runs, strict=True)]
    print(f"{name}: at a rate of {rates[0]:.3f} the promise is off by {off:.2%}")
    print(
        f"    half of it is lost at rates from {rates[min(halves)]:.1f}; there the Hessian foretold {np.mean(foretold):.1f} of it"
    )
    print(f"    the loss rises at rates from {min(rises):.1f}")
    assert off < 2e-3 and all(0.2 < number < 0.7 for number in foretold)

# %% [markdown]
# Where the blue curve leaves 1, the dashed one leaves it too: it is curvature that breaks the promise, and the Hessian
# sees it coming. Where the two part, the step is so long that the loss is no quadratic any more.
#
# ## The verdict
#
# - The gradient is right about small steps: at a rate of 0.001 its promise is kept.
# - How far one may go is the business of curvature: not beyond two divided by the largest.
# - With the Hessian one goes to the bottom of a quadratic in one step, and Longley's weights come out to nine digits.
# - `lens.step_table` tells of any optimiser's step what was promised and what came of it.
#
# That is one step. Whether a whole training goes well, and what to look at if not, is next: *Is it learning?*
