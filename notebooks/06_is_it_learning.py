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
# # 6 · Is it learning?
#
# A network that is built wrongly seldom fails with an error. It learns a little, or slowly, or not at all, and says
# nothing. `lens.diagnose` asks twelve questions, each with a number, a limit and a remedy. Here twelve faults are
# planted, one after another, in a network that reads handwritten digits; each is found, mended, and the mended network
# is trained. At the end one of the twelve numbers, the curvature of the loss, is followed through a whole training.

# %%
import matplotlib.pyplot as plt
import numpy as np

import nn
from autograd import hvp, sigmoid, stop_gradient
from autograd.ops import relu
from nn import lens
from nn.datasets import digits

EPOCHS, SEEDS, STEPS, DEEP = 10, 3, 1600, 10  # in a hurry: 6, 1, 20, 7

data = digits()
X, y = data.X[:1200], data.y[:1200]
held = data.X[1200:], data.y[1200:]
print(f"{len(X):,} digits to learn from, {len(held[0])} held out")

# %% [markdown]
# ## A healthy network
#
# Before training, ten of the twelve questions can be answered. What the others need is said, too.

# %%
model = nn.MLP(64, [32, 10], rng=0)
optimizer = nn.SGD(model, 0.1, momentum=0.5)
birth = model.state_dict()
found = lens.diagnose(model, X, y, optimizer=optimizer, validation=held)
print(found.verdict)
for rule, needs in found.unchecked.items():
    print(f"    {rule} needs {needs}")
assert not found.findings

# %%
nn.viz.network(model, X[:1])

# %% [markdown]
# After training all twelve can be. The picture shows how far each number is from its limit, the dotted line: the axis
# is logarithmic, a bar that ends at 0.1 has a factor of ten to spare.


# %%
def trained(model, X=X, y=y, optimizer=None, **options):
    """The share of held-out digits that the model has right, in percent, and the history."""
    optimizer = optimizer or nn.Adam(model, learning_rate=0.003)
    history = nn.fit(model, X, y, optimizer=optimizer, epochs=EPOCHS, rng=0, progress=False, **options)
    return 100 * nn.accuracy(model.predict(held[0]), held[1]), history


right, history = trained(model, optimizer=optimizer)
found = lens.diagnose(model, X, y, history=history, optimizer=optimizer, validation=held, birth=birth)
found.plot()
print(found.verdict)
print(f"healthy: {right:.1f} % right")
assert not found.findings and len(found.levels) == 12

# %% [markdown]
# ## The rules
#
# What each measures, and above what it is a finding.

# %%
for row in lens.rule_table().rows:
    print(f"{row[0]}\n    {row[1]}\n    a finding: {row[2]}")
assert len(lens.rule_table().rows) == 12


# %% [markdown]
# From here on a fault is planted in each cell. `told` prints what `diagnose` finds, and what to do about it; `compared`
# trains the network with the fault and without.


# %%
def told(found, rule):
    """Print the gravest finding and its remedy, and the other rules that fire."""
    finding = found.findings[0]
    print(str(finding).replace(f"; {finding.remedy}", f"\n    → {finding.remedy}"))
    others = {other.rule for other in found.findings} - {finding.rule}
    if others:
        print(f"    and, as a consequence: {', '.join(sorted(others))}")
    assert finding.rule == rule


def compared(faulty, mended):
    """Held-out digits that are right, in percent."""
    print(f"with the fault {faulty:.1f} % right, mended {mended:.1f} % right")


# %% [markdown]
# ## Before the first step
#
# **1. The loss at birth.** A network that knows nothing gives each of ten digits a tenth, and pays ln 10 = 2.30. One
# whose last layer starts twenty times too large is sure of something at once, mostly of something wrong.


# %%
def loud():
    model = nn.MLP(64, [32, 10], rng=0)
    model.layers[-1].weight.data = 20 * model.layers[-1].weight.data
    return model


told(lens.diagnose(loud(), X, y), "loss at birth")
usual = nn.MLP(64, [32, 10], rng=0)
(faulty, slow), (mended, quick) = trained(loud()), trained(usual)
print(f"mean loss of the first epoch {slow.train_loss[0]:.2f}, mended {quick.train_loss[0]:.2f}")
compared(faulty, mended)

# %% [markdown]
# **2. Gradients that vanish.** Ten layers of sigmoids: each passes on at most a quarter of the slope that reaches it.
# With relu, and weights that start at their size, the slope arrives at the first layer as it left the last.

# %%
deep = nn.MLP(64, [32] * DEEP + [10], sigmoid, rng=0)
told(lens.diagnose(deep, X, y), "exploding or vanishing gradients")
other = nn.MLP(64, [32] * DEEP + [10], relu, rng=0)
level = lens.diagnose(other, X, y).levels["exploding or vanishing gradients"]
print(f"with relu: {level[0]}: {level[1]:.2g}")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for axis, name, network in zip(axes, ("sigmoid", "relu"), (deep, other), strict=True):
    nn.viz.gradient_flow(network, X, y, axes=axis).set(title="", xlim=(1e-7, 1))
    axis.set_title(name, loc="left")
plt.show()
compared(trained(deep)[0], trained(other)[0])

# %% [markdown]
# **3. Dead units.** A relu that is off for every image has slope 0 for every image, so nothing ever turns it on again.
# Here the biases start at −3.


# %%
def shifted(bias):
    model = nn.MLP(64, [32, 10], rng=0)
    model.layers[0].bias.data = np.full(32, bias, np.float32)
    return model


told(lens.diagnose(shifted(-3.0), X, y), "dead units")
compared(trained(shifted(-3.0))[0], trained(shifted(0.0))[0])

# %% [markdown]
# **4. It cannot learn four images by heart.** The simplest test there is: a few images, a few hundred steps, and the
# loss must go to 0. Here a forgotten `stop_gradient` keeps the first layer as it was drawn, and a factor of 0.01 keeps
# the last one from making use of it.


# %%
class Cut(nn.Module):
    def __init__(self, cut):
        self.body, self.head, self.cut = nn.Linear(64, 32, rng=0), nn.Linear(32, 10, rng=1), cut

    def forward(self, x):
        h = relu(self.body(x))
        return self.head(0.01 * stop_gradient(h) if self.cut else h)


told(lens.diagnose(Cut(True), X, y), "cannot overfit one batch")
compared(trained(Cut(True))[0], trained(Cut(False))[0])

# %% [markdown]
# ## The data and the loss
#
# **5. A NaN.** One pixel of one image is missing. `nn.fit` refuses such data; a loop of one's own does not, and after a
# single step no weight is a number any more. The finding names the row and the feature.

# %%
holed = X.copy()
holed[17, 36] = np.nan
poisoned = nn.MLP(64, [32, 10], rng=0)
nn.cross_entropy(poisoned(holed), y).backward()
nn.SGD(poisoned, 0.1).step()
lost = sum(np.isnan(parameter.data).sum() for parameter in poisoned.parameters())
print(f"after one step {100 * lost / poisoned.parameter_count():.0f} % of the weights are NaN")
told(lens.diagnose(nn.MLP(64, [32, 10], rng=0), holed, y), "NaN or infinity")

# a NaN can also be born inside: √ has an infinite slope at 0, and a relu is often there
root = nn.Sequential(nn.Linear(64, 32), relu, np.sqrt, nn.Linear(32, 10), rng=0)
finding = lens.diagnose(root, X, y).findings[0]
print(f"{finding.rule}: layer {finding.where}: {finding.remedy.partition(';')[0]}")
assert finding.where == "2, backward"
filled = np.where(np.isnan(holed), 0.0, holed)
print(f"mended {trained(nn.MLP(64, [32, 10], rng=0), filled)[0]:.1f} % right")

# %% [markdown]
# **6. A silent broadcast.** A loss of one's own, a prediction of shape (n, 1), a target of shape (n,): NumPy subtracts
# each from each. The loss falls, to that of the mean. How much ink is in an image should be easy to learn.

# %%
ink = X.mean(axis=1)
ink = (ink - ink.mean()) / ink.std()


def mean_square(prediction, target):
    return np.mean((prediction - target) ** 2)


def explained(y):
    """The share of the ink's variance that a network explains which is trained on these targets."""
    model = nn.MLP(64, [16, 1], rng=0)
    nn.fit(model, X, y, loss=mean_square, optimizer=nn.Adam(model, learning_rate=0.01), epochs=EPOCHS, rng=0,
           progress=False)  # fmt: skip
    return 100 * (1 - np.mean((model.predict(X)[:, 0] - ink) ** 2))


told(lens.diagnose(nn.MLP(64, [16, 1], rng=0), X, ink, loss=mean_square), "silent broadcast")
print(f"with the fault {explained(ink):.0f} % of the variance explained, mended {explained(ink[:, None]):.0f} %")

# %% [markdown]
# **7. Leakage.** Half of the held-out images also stand among the training images, changed by a thousandth of ink: what
# is called held out is then learned, and the network seems better than it is.

# %%
rng = np.random.default_rng(0)
rows = rng.choice(len(held[0]), 300, replace=False)
noisy = held[0][rows] + 0.001 * rng.normal(size=(300, 64)).astype(np.float32)
leaked = np.concatenate([X, noisy]), np.concatenate([y, held[1][rows]])
told(lens.diagnose(nn.MLP(64, [32, 10], rng=0), *leaked, validation=held), "leakage between splits")
compared(trained(nn.MLP(64, [32, 10], rng=0), *leaked)[0], trained(nn.MLP(64, [32, 10], rng=0))[0])

# %% [markdown]
# **8. A forgotten `eval`.** Dropout leaves out half of the neurons in training, others at each call. So the model gives
# another answer each time, until it is told that training is over. `model.predict` does so by itself; `model(x)` does
# not.


# %%
dropping = nn.Sequential(nn.Linear(64, 32), relu, nn.Dropout(0.5), nn.Linear(32, 10), rng=0)
_, history = trained(dropping)
told(lens.diagnose(dropping, X, y, history=history), "forgotten eval")
faulty = 100 * nn.accuracy(dropping(held[0]), held[1])
mended = 100 * nn.accuracy(dropping.eval()(held[0]), held[1])
compared(faulty, mended)
assert not lens.diagnose(dropping, X, y, history=history).findings

# %% [markdown]
# ## The steps
#
# **9. Steps of the wrong length.** In a healthy training a step changes the weights by about a thousandth of their
# size.

# %%
for rate in (3e-7, 3.0):
    model = nn.MLP(64, [32, 10], rng=0)
    told(lens.diagnose(model, X, y, optimizer=nn.Adam(model, learning_rate=rate)), "update ratio")
    compared(trained(model, optimizer=nn.Adam(model, learning_rate=rate))[0], right)

# %% [markdown]
# **10. A rate above 2/λmax.** Along the most curved direction of the loss, of curvature λmax, a step of rate η
# multiplies the distance to the bottom by 1 − η·λmax. Above η = 2/λmax that is beyond −1, and the distance grows.

# %%
model = nn.MLP(64, [32, 10], rng=0)
found = lens.diagnose(model, X, y, optimizer=nn.SGD(model, 5.0))
told(found, "rate above 2/λmax")
usable = float(found.findings[0].expected.rpartition(" ")[2])
faulty = trained(model, optimizer=nn.SGD(model, 5.0))[0]
mended = nn.MLP(64, [32, 10], rng=0)
compared(faulty, trained(mended, optimizer=nn.SGD(mended, 0.5 * usable))[0])

# %% [markdown]
# **11. Saturated logits.** After a short training somebody multiplies the logits by 100, perhaps dividing by a
# temperature in the wrong place. The order of the answers stays, and with it the share that is right; but the network
# is now certain, and where it is wrong it pays for that.

# %%
model = nn.MLP(64, [32, 10], rng=0)
nn.fit(model, X[:400], y[:400], epochs=4, rng=0, progress=False)
hot = nn.Sequential(model, lambda logits: 100 * logits)
found = lens.diagnose(hot, X, y)
finding = next(finding for finding in found.findings if finding.rule == "saturated logits")
print(str(finding).replace(f"; {finding.remedy}", f"\n    → {finding.remedy}"))
for name, network in (("hot", hot), ("mended", model)):
    logits = network.predict(held[0])
    print(f"{name:6} {100 * nn.accuracy(logits, held[1]):.1f} % right, loss {nn.cross_entropy(logits, held[1]):.2f}")

# %% [markdown]
# **12. A plateau.** The labels were shuffled and the images were not. Nothing is wrong with the network: it learns four
# images by heart, its gradients and steps are of the usual size. There is only nothing to learn.

# %%
shuffled = rng.permutation(y)
model = nn.MLP(64, [8, 10], rng=0)
optimizer = nn.Adam(model, learning_rate=0.001)
faulty, history = trained(model, X, shuffled, optimizer=optimizer)
told(lens.diagnose(model, X, shuffled, history=history, optimizer=optimizer), "plateau")
compared(faulty, trained(nn.MLP(64, [8, 10], rng=0))[0])

# %% [markdown]
# ## The edge of stability
#
# The tenth rule has a story of its own. Full-batch gradient descent on 256 digits, in float32, with three rates. The
# largest curvature λmax is measured on the way, by a power iteration with `hvp`, the engine's Hessian-vector product:
# multiply by the Hessian, scale to length 1, again.

# %%
few = X[:256] - X[:256].mean(axis=0)
goal = np.eye(10, dtype=np.float32)[y[:256]]


def loss(model):
    """Half of the squared distance to the one-hot target."""
    return 0.5 * np.mean(np.sum((model(few) - goal) ** 2, axis=1))


def sharpness(model, v, turns):
    """(λmax, its direction): v ← H·v / |H·v|."""
    for _ in range(turns):
        product = hvp(loss, model, v)
        length = np.sqrt(sum(np.sum(p.data**2) for p in product.parameters()))
        for p in product.parameters():
            p.data = p.data / length
        v = product
    return float(length), v


def descended(rate, seed):
    """Losses of every step, and (step, λmax) on the way."""
    model = nn.MLP(64, [48, 48, 48, 48, 10], np.tanh, rng=seed)
    for parameter in model.parameters():
        parameter.data = 0.5 * parameter.data  # a flat start
    v = nn.MLP(64, [48, 48, 48, 48, 10], np.tanh, rng=99)
    optimizer, losses, curve = nn.SGD(model, rate), [], []
    _, v = sharpness(model, v, 10)
    for step in range(int(STEPS * 0.25 / max(rate, 0.25))):
        if step % 20 == 0:
            top, v = sharpness(model, v, 3)
            curve.append((step, top))
        model.zero_grad()
        value = loss(model)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses, np.array(curve)


RATES = (0.1, 0.25, 0.5)
runs = {rate: [descended(rate, seed) for seed in range(SEEDS)] for rate in RATES}

figure, axes = plt.subplots(1, 3, figsize=(9.5, 2.9), layout="constrained")
for axis, rate in zip(axes, RATES, strict=True):
    for _, curve in runs[rate]:
        axis.plot(curve[:, 0], curve[:, 1], linewidth=1)
    axis.axhline(2 / rate, color="black", linestyle=":", linewidth=1)
    axis.annotate(f"2/η = {2 / rate:g}", (0.98, 2 / rate), xycoords=("axes fraction", "data"), ha="right",
                  xytext=(0, 7), textcoords="offset points")  # fmt: skip
    axis.set(title=f"rate η = {rate}", xlabel="step", ylim=(0, 23))
axes[0].set_ylabel("λmax")
plt.show()

# %% [markdown]
# The curvature grows by itself, as the loss falls: *progressive sharpening*. With the small rate nothing stops it. With
# the larger ones it grows up to 2/η, a little over it, and stays there for the rest of the training, as Cohen et al.
# (2021, arXiv 2103.00065) found for one network after the other. There the loss no longer falls at every step, but in
# the long run it still does.

# %%
for rate in RATES:
    times = [0.5 * rate * np.median(curve[len(curve) // 2 :, 1]) for _, curve in runs[rate]]
    rises = [100 * np.mean(np.diff(losses[len(losses) // 2 :]) > 0) for losses, _ in runs[rate]]
    fall = [losses[0] / losses[-1] for losses, _ in runs[rate]]
    print(
        f"rate {rate}: λmax·η/2 = {np.mean(times):.2f} ± {np.std(times):.2f} in the second half; the loss rises in "
        f"{np.mean(rises):.0f} % of its steps, and is {np.mean(fall):.0f} times smaller at the end"
    )

# %% [markdown]
# `diagnose` therefore calls a rate too large only above one and a half times the limit: a training at the edge is not
# ill.
#
# ## What you have now
#
# - twelve faults, twelve names: each is a number that was measured, and none is a guess;
# - the order to ask in: the data and the loss, then the network at birth, then its steps;
# - a healthy training has no finding, and one at the edge of stability has none either.
#
# A network that learns can go on learning, and then it forgets: *Teaching an old net*.
