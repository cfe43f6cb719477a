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
# # 9 · How much can it hold?
#
# A network has thousands of parameters. Does it use them? Could it have learned anything at all with them? And is it
# better to have fewer? Here a small network that reads handwritten digits answers, by the curvature of its loss, by
# labels that mean nothing, and by growing.

# %%
import matplotlib.pyplot as plt
import numpy as np

import nn
from nn import lens
from nn.datasets import digits

SEEDS = 3  # in a hurry: 1
EARLY, EPOCHS = 3, 30  # in a hurry: 1, 2
PROBE_STEPS, WIDEST = 100, 4000  # in a hurry: 5, 500

# %% [markdown]
# The first 1,200 of the digits are for training, the others for testing; those were written by other people. From each
# pixel its mean over the training images is taken off.

# %%
data = digits()
mean = data.X[:1200].mean(axis=0)
X, y = data.X[:1200] - mean, data.y[:1200]
X_test, y_test = data.X[1200:] - mean, data.y[1200:]
print(f"{len(X):,} images to train on, {len(X_test)} to test on, {X.shape[1]} pixels each")
assert len(X_test) == 597

# %% [markdown]
# ## Counting
#
# The plainest answer is a count. The network has a layer of 32 neurons, which see all pixels, and ten that give a
# number for each digit. Each parameter that multiplies something is used once for an image. Each layer's weights are a
# matrix, and its norm ‖W‖₂ is the most that the layer can stretch a signal by.

# %%
model = nn.MLP(64, [32, 10], rng=0)
counted = lens.complexity(model, X)
print(counted)
assert counted.parameters == 64 * 32 + 32 + 32 * 10 + 10

# %% [markdown]
# The random weights prefer no direction: of 32 directions in the first matrix and ten in the second nearly all are in
# use (the effective rank).
#
# Three networks are trained, from different random weights. Each is looked at three times: at its start, early, when it
# has seen every image three times, and at its end.


# %%
def trained(seed, epochs):
    model = nn.MLP(64, [32, 10], rng=seed)
    if epochs:
        optimizer = nn.Adam(model, learning_rate=0.003)
        nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, rng=seed, compile=True, progress=False)
    return model


stages = {"start": 0, "early": EARLY, "end": EPOCHS}
models = {stage: [trained(seed, epochs) for seed in range(SEEDS)] for stage, epochs in stages.items()}
for stage, some in models.items():
    train, test = (
        [100 * nn.accuracy(nn.predict(model, x), t) for model in some] for x, t in ((X, y), (X_test, y_test))
    )
    print(
        f"{stage:5}  right on {np.mean(train):5.1f} % of the training images, {np.mean(test):5.1f} % of the test images"
    )
nn.viz.network(models["end"][0], image=(8, 8))

# %% [markdown]
# ## Which parameters matter: the curvature
#
# At the end of training hardly any small change of the weights makes the loss smaller. But how fast does it grow when
# one walks away? That depends on the direction, and it is the *curvature* in that direction: the second derivative. The
# matrix of all second derivatives, the *Hessian*, has 2,410 × 2,410 entries here. Its eigenvalues are the curvatures
# along 2,410 directions at right angles, and these are the whole truth near the minimum.
#
# The matrix need not be written out. The engine gives the Hessian times a vector for about the price of a gradient, and
# a few hundred such products give the largest eigenvalues, the smallest, and a density of all others. Is that exact
# enough? On a network small enough to write the matrix out, both ways can be compared.

# %%
small_X = X.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)  # 4 × 4 pixels
small = nn.MLP(16, [8, 10], rng=0)
exact = lens.spectrum(small, small_X, y, progress=False)
found = lens.spectrum(small, small_X, y, exact=0, steps=226, progress=False, rng=0)
worst = max(np.abs(found.top - exact.top).max(), np.abs(found.bottom - exact.bottom).max())
off = abs(found.trace[0] - exact.trace[0]) / found.trace[1]
print(f"{exact.parameters} parameters: the ten eigenvalues at both ends differ by less than 1e-8: {worst < 1e-8}")
print(f"the sum of all eigenvalues, from {len(found.nodes)} random directions, is {off:.1f} of its standard errors off")
assert exact.exact and not found.exact and worst < 1e-8 and off < 4

# %% [markdown]
# Now the digit network. Mind the logarithmic axis: nearly all of the 2,410 directions are in the spike at 0.

# %%
look = {"count": 12, "probe_steps": PROBE_STEPS, "progress": False, "rng": 0}
spectra = {stage: [lens.spectrum(model, X, y, **look) for model in some] for stage, some in models.items()}

figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.5), layout="constrained", sharey=True)
for axis, (stage, some) in zip(axes, spectra.items(), strict=True):
    some[0].plot(axis)
    axis.set_title(f"{stage}: {stages[stage]} epochs", fontsize=10)
    axis.label_outer()
plt.show()

# %%
for stage, some in spectra.items():
    low, high = np.mean([found.bottom[0] for found in some]), np.mean([found.top[0] for found in some])
    total = np.mean([found.trace[0] for found in some])
    print(f"{stage:5}  curvatures from {low:7.3f} to {high:5.2f}, {total:5.2f} in all")

gaps = [found.top[:-1] / found.top[1:] for found in spectra["early"]]
widest = sum(int(np.argmax(gap)) == 8 for gap in gaps)
share = np.mean([found.top[:9].sum() / found.trace[0] for found in spectra["early"]])
print(f"early, nine of the 2,410 directions hold {100 * share:.0f} % of the curvature")
print(
    f"the widest gap is after the ninth in {widest} of {SEEDS} networks: there the curvature falls by a factor of {np.mean([gap[8] for gap in gaps]):.1f}"
)
spectra["early"][0]

# %% [markdown]
# At the start there are directions in which the loss curves down, so that it falls whichever way one goes. At the end
# hardly any of that is left. Early in training nine directions stand out, and nine is one less than there are classes:
# these are the directions that tell the ten digits from each other (Sagun et al. 2017, Papyan 2018). Later, when all
# training images are right with certainty, everything becomes flat, and the gap closes.
#
# ## How many parameters count
#
# A direction with no curvature is one that the data say nothing about. To count the others, compare each curvature λ
# with a small α and add up λ / (λ + α): a direction with much more curvature than α counts as 1, one with much less as
# 0. Here α is what one would take for granted before any data, that weights are about 1 in size: 1 / 1,200. The count
# has an error, since it comes from random directions.

# %%
for count, error in (found.effective_parameters() for found in spectra["end"]):
    print(f"of 2,410 parameters the data pin down {count:.0f} ± {error:.0f}")
few = np.mean([found.effective_parameters(0.1)[0] for found in spectra["end"]])
print(f"if only curvatures of about 0.1 and more are to count, {few:.0f}")

# %% [markdown]
# The network has twice as many parameters as there are images, and the data pin down a tenth of them. How many it is
# depends on what one takes for little; that it is far fewer than there are does not.
#
# ## The edge of stability
#
# In notebook 6 the largest curvature of a deep network grew up to 2 / η, and stayed there: at more than that a step of
# rate η lands further out than where it began. So the rate decides which minima can be kept: with 2.5 none that is
# sharper than 0.8, with 4 none sharper than 0.5. Is that so for this network, too?
#
# Here it is, with tanh, on 500 images, all in each step, and the mean squared error. After every 150 steps
# the largest curvature is taken.

# %%
STEPS = 3000  # in a hurry: 150
targets = np.eye(10, dtype=np.float32)[y]


def sharpnesses(rate, seed):
    model = nn.MLP(64, [32, 10], np.tanh, rng=seed)
    quick = {"count": 1, "steps": 40, "probes": 2, "probe_steps": 1, "progress": False, "rng": 0}
    seen = []
    optimizer = nn.SGD(model, rate)
    for step in nn.train(
        model, X[:500], targets[:500], optimizer=optimizer, epochs=STEPS, batch_size=500, compile=True
    ):
        if step.epoch % 150 == 0:
            seen.append(lens.spectrum(model, X[:500], targets[:500], optimizer=optimizer, **quick).sharpness)
    return np.array(seen)


paths = {rate: [sharpnesses(rate, seed) for seed in range(SEEDS)] for rate in (2.5, 4.0)}
plt.figure(figsize=(4.6, 2.6))
for (rate, runs), color in zip(paths.items(), ("#2f7de1", "#d9660a"), strict=True):
    for i, run in enumerate(runs):
        at = 150 * np.arange(1, len(run) + 1)
        plt.plot(at, run, "o-", color=color, markersize=2, linewidth=1, label=None if i else f"rate {rate:g}")
    plt.axhline(2 / rate, color=color, linestyle="--", linewidth=1)
plt.xlabel("step")
plt.ylabel("largest curvature")
plt.ylim(bottom=0)
plt.legend()
plt.show()

for rate, runs in paths.items():
    late = np.concatenate([run[len(run) // 2 :] for run in runs])
    print(f"rate {rate:g}: the largest curvature ends at {np.mean(late) * rate / 2:.2f} of the edge {2 / rate:.2f}")

# %% [markdown]
# It is. The curvature grows until it meets the edge (dashed), and then it stays there (Cohen et al. 2021). Every rate
# finds weights that are just flat enough for it, and a larger rate finds flatter ones.
#
# ## Labels that mean nothing
#
# If 2,410 parameters are more than the digits need, what would stop the network from learning something false? Take a
# wider one, give it 500 images, and shuffle their labels among them. There is then nothing to be understood; the labels
# can only be learned by heart (Zhang et al. 2017).

# %%
learned = lens.random_label_fit(
    lambda seed: nn.MLP(64, [256, 10], rng=seed), X[:500], y[:500], X_test, y_test,
    shares=(0.0, 0.5, 1.0), optimizer=lambda model: nn.Adam(model, 0.003), repeats=SEEDS, progress=False, rng=0,
)  # fmt: skip
learned.plot()
plt.show()

# %%
true, false = learned.epochs[0].mean(), learned.epochs[-1].mean()
print(f"true labels: {100 * learned.training[0].mean():.1f} % of the training labels after {true:.0f} epochs")
print(f"shuffled labels: {100 * learned.training[-1].mean():.1f} % after {false:.0f} epochs")
print(f"on test images, trained on true labels: {100 * learned.test[0].mean():.1f} %")
print(
    f"on test images, trained on shuffled labels: {100 * learned.test[-1].mean():.1f} %, chance is {100 * learned.chance:.1f} %"
)
learned

# %% [markdown]
# The same network, trained in the same way, fits both. So neither its size nor its training keeps it from learning
# nonsense; what it does on new images is decided by the data. That it takes longer for nonsense is a hint: what is true
# is easier to learn than what is not.
#
# ## Growing
#
# The textbook says that a model should be neither too small, or it fits nothing, nor too large, or it fits the noise.
# To see it, take a first layer of random relu neurons that are never trained, and fit the last layer to 500 images by
# least squares. That has a closed form, so widths from 10 to 4,000 take seconds.

# %%
widths = (10, 20, 40, 70, 100, 150, 200, 300, 400, 450, 500, 550, 600, 800, 1200, 2000, 4000)
widths = [width for width in widths if width <= WIDEST]
rows = (widths, X[:500], y[:500], X_test, y_test)
plain = lens.random_feature_sweep(*rows, repeats=SEEDS, progress=False, rng=0)
ridge = lens.random_feature_sweep(*rows, ridge=2e-4, repeats=SEEDS, progress=False, rng=0)
axes = plain.plot()
ridge.plot(axes)
plt.show()
print(plain.verdict)
print(ridge.verdict)

# %% [markdown]
# The loss on test images falls, rises as the textbook says, is by far the largest at 500 neurons for 500 images, and
# then falls again, below where it was: a *double descent* (Belkin et al. 2019). At 500 there is exactly one way to fit
# all images, and it needs enormous weights. With 4,000 there are many ways, and least squares takes the one with the
# smallest weights. A penalty on large weights (ridge) takes the peak away.

# %%
loss = {name: sweep.test_loss.mean(axis=1) for name, sweep in (("plain", plain), ("ridge", ridge))}
at = widths.index(500)
least = loss["plain"][:at].min()
wrong = 100 * plain.test_error.mean(axis=1)
print(f"test loss of 500 neurons: {loss['plain'][at] / least:.0f} times the best of fewer neurons")
print(f"test loss of {widths[-1]:,} neurons: {loss['plain'][-1] / least:.2f} times the best of fewer than 500")
print(f"with ridge, 500 neurons: {loss['ridge'][at] / least:.2f} times")
print(f"wrong on {wrong[at]:.0f} % of the test images with 500 neurons, on {wrong[-1]:.1f} % with {widths[-1]:,}")

# %% [markdown]
# ## What you have now
#
# - parameters are easily counted, and the count says little: most directions have hardly any curvature, and about as
#   many stand out as there are classes;
# - the largest curvature says how long a step may be, and training goes up to that edge by itself;
# - a network that reads digits can also learn nonsense by heart, so its size explains nothing;
# - larger is not always worse: the worst is to be just large enough.
#
# What decides is the data. So: *New data*.
