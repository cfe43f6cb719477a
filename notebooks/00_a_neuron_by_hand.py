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
# # 0 · A neuron by hand
#
# A neuron is a weighted sum and a squash. It learns because one can compute, for each of its weights, which way and
# how strongly that weight moves the error. Here this is done with plain numbers first, then with `autograd`, and then
# for a neuron that learns to tell handwritten threes from sixes.
#
# Each claim ends in a number, and an `assert` checks the number.

# %%
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np

import autograd
import nn
from autograd import Value
from nn.datasets import digits

# %% [markdown]
# ## What a weight is
#
# Two inputs, one weight for each, and a bias. A weight is a rate of exchange: raise the input by 1, and its term of
# the sum rises by the weight.

# %%
x1, x2 = 0.5, -1.0
w1, w2, b = 1.2, 0.4, 0.3

change = w1 * (x1 + 1.0) - w1 * x1
print(f"x1 up by 1 moves its term by {change:.1f}; its weight is {w1}")
assert math.isclose(change, w1)

# %% [markdown]
# ## A weighted sum
#
# The neuron adds up its terms. The bias is a term without an input: what the sum is when all inputs are 0.

# %%
s = w1 * x1 + w2 * x2 + b
print(f"{w1} · {x1}  =  {w1 * x1:4.1f}")
print(f"{w2} · {x2} =  {w2 * x2:4.1f}")
print(f"bias       =  {b:4.1f}")
print(f"sum        =  {s:4.1f}")
assert math.isclose(s, 0.5)

# %% [markdown]
# ## A squash
#
# The sum can be any number. The *activation* makes an answer of it; ours, tanh, squeezes every number between −1 and
# 1. It is steep in the middle and flat at the ends, and its slope will matter in a moment.

# %%
out = math.tanh(s)

z = np.linspace(-4, 4, 161)
plt.figure(figsize=(4.6, 2.4))
plt.plot(z, np.tanh(z), color="#3b6fb6")
plt.plot([s], [out], "o", color="#c2571a")
plt.annotate(f"  tanh({s:.1f}) = {out:.4f}", (s, out), xytext=(0.7, 0.28))
plt.xlabel("weighted sum")
plt.ylabel("output")
plt.grid(alpha=0.3)
plt.show()

assert abs(out - 0.4621) < 5e-5

# %% [markdown]
# ## An error
#
# Say the right answer for these inputs is 1. The *loss* says in one number how wrong the neuron is: here the square of
# the difference.

# %%
target = 1.0


def loss_of(w1, w2, b):
    return (math.tanh(w1 * x1 + w2 * x2 + b) - target) ** 2


print(f"loss = ({out:.4f} − {target})² = {loss_of(w1, w2, b):.4f}")
assert abs(loss_of(w1, w2, b) - 0.2893) < 5e-5

# %% [markdown]
# ## Which way to turn a weight: by differences
#
# Turn `w1` a little up and a little down, and see what the loss does. The quotient is the slope of the loss in the
# direction of `w1`, its *derivative*. It is negative here: more `w1` means less loss.

# %%
h = 1e-5
by_differences = (loss_of(w1 + h, w2, b) - loss_of(w1 - h, w2, b)) / (2 * h)
print(f"d loss / d w1 = {by_differences:.6f}")
assert by_differences < 0

# %% [markdown]
# Differences need two runs of the neuron for every weight. For three weights that is nothing; for a million weights it
# is two million runs for a single step. So do it another way.

# %% [markdown]
# ## By hand: the chain rule
#
# `w1` moves the sum, the sum moves the output, the output moves the loss. Each of the three has an easy slope, and the
# slope of the whole is their product.
#
# | step | slope |
# |---|---|
# | loss = (out − target)² | 2 · (out − target) |
# | out = tanh(s) | 1 − out² |
# | s = w1 · x1 + … | x1 |

# %%
d_out = 2 * (out - target)
d_s = d_out * (1 - out**2)
by_hand = d_s * x1
print(f"{d_out:.4f} · {1 - out**2:.4f} · {x1} = {by_hand:.6f}")
assert abs(by_hand - by_differences) < 1e-8

# %% [markdown]
# The first two factors do not mention `w1`. They are shared: `w2` and `b` need them too, and only the last factor
# differs. To compute them once, from the loss backwards, is the whole trick of *backpropagation*.

# %%
by_hand = {"w1": d_s * x1, "w2": d_s * x2, "b": d_s * 1.0}
for name, slope in by_hand.items():
    print(f"d loss / d {name:2} = {slope:9.6f}")

# %% [markdown]
# ## The same with `Value`
#
# A `Value` is a number that remembers how it was computed. The formula stays as it was.

# %%
w1, w2, b = Value(1.2, "w1"), Value(0.4, "w2"), Value(0.3, "b")

s = w1 * x1 + w2 * x2 + b
out = np.tanh(s)
loss = (out - target) ** 2
s.label, out.label, loss.label = "s", "out", "loss"

print(f"{out:.4f}  {loss:.4f}")
assert math.isclose(loss.data, loss_of(1.2, 0.4, 0.3))

# %% [markdown]
# What it remembers is a graph: each card is a number, with the operation that made it; the arrows come from its
# operands. There are no gradients yet, so those fields show a dash.

# %%
autograd.draw(loss, direction="TB")

# %% [markdown]
# ## `backward()`
#
# Now walk the graph from the loss back to the weights, and at each card multiply by one slope.

# %%
loss.backward()
autograd.draw(loss, direction="TB")

# %% [markdown]
# Read the row `grad` from the bottom up. The loss changes at rate 1 with itself. The output has −1.076, the 2 · (out −
# target) from above. The sum has −0.846, which is that times 1 − out². A `+` hands its gradient to both operands
# unchanged; a `×` multiplies it by the other factor.
#
# Three ways, one number:

# %%
print("        differences     by hand   backward()")
for name, weight in [("w1", w1), ("w2", w2), ("b", b)]:
    at = {"w1": 1.2, "w2": 0.4, "b": 0.3}
    up, down = at | {name: at[name] + h}, at | {name: at[name] - h}
    by_differences = (loss_of(**up) - loss_of(**down)) / (2 * h)
    print(f"{name:4} {by_differences:14.6f} {by_hand[name]:11.6f} {weight.grad:12.6f}")
    assert abs(weight.grad - by_hand[name]) < 1e-12
    assert abs(weight.grad - by_differences) < 1e-8

# %% [markdown]
# ## One step downhill
#
# The gradient points uphill. Move each weight a little against it, by `rate` times its gradient, and the loss falls.
# To first order it falls by `rate` times the sum of the squared gradients; the smaller the step, the better that
# forecast.

# %%
steepness = w1.grad**2 + w2.grad**2 + b.grad**2
print(" rate   loss after   change     forecast   change / forecast")
for rate in (0.1, 0.01, 0.001):
    after = loss_of(w1.data - rate * w1.grad, w2.data - rate * w2.grad, b.data - rate * b.grad)
    change, forecast = after - loss.data, -rate * steepness
    print(f"{rate:5}   {after:.6f}   {change:9.6f}   {forecast:9.6f}   {change / forecast:.4f}")
    assert change < 0
assert abs(change / forecast - 1) < 1e-2

# %% [markdown]
# Do that again and again, and the output approaches the target. This loop is all there is to training: compute the
# loss, go back through the graph, take a step.

# %%
losses = []
for _ in range(50):
    loss = (np.tanh(w1 * x1 + w2 * x2 + b) - target) ** 2
    losses.append(loss.data)
    for weight in (w1, w2, b):
        weight.zero_grad()
    loss.backward()
    for weight in (w1, w2, b):
        weight.data -= 0.1 * weight.grad

print(f"loss {losses[0]:.4f} → {losses[-1]:.4f}, weights {w1:.3f}, {w2:.3f}, {b:.3f}")
assert losses[-1] < 0.05 * losses[0]
assert all(later < earlier for earlier, later in itertools.pairwise(losses))

# %% [markdown]
# ## Real data: three or six?
#
# One example is no task. The package ships 1,797 handwritten digits of 8 × 8 pixels. A six has more of its ink below
# than a three has, so two numbers for each image may do: the mean ink of its upper and of its lower half.

# %%
data = digits()
chosen = np.isin(data.y, (3, 6))
images = data.X[chosen].reshape(-1, 8, 8).astype(np.float64)
targets = np.where(data.y[chosen] == 6, 1.0, -1.0)  # the answers that tanh can give
features = np.stack([images[:, :4].mean(axis=(1, 2)), images[:, 4:].mean(axis=(1, 2))], axis=1)

figure, axes = plt.subplots(1, 8, figsize=(7, 1.2))
for axis, i in zip(axes, range(8), strict=True):
    axis.imshow(images[i], cmap="gray_r")
    axis.axhline(3.5, color="#c2571a", linewidth=1)
    axis.set_title(f"{features[i, 0]:.2f}\n{features[i, 1]:.2f}", fontsize=8)
    axis.axis("off")
plt.show()
print(f"{len(images)} images: {np.sum(targets > 0)} sixes, {np.sum(targets < 0)} threes")
assert features.shape == (364, 2)

# %% [markdown]
# The first 240 images are for training; the others are kept away from it, to see what the neuron makes of images that
# it has not met. Both features are brought to mean 0 and standard deviation 1 over the training images, so that their
# weights are in the same unit and can be compared.

# %%
TRAIN = 240
mean, std = features[:TRAIN].mean(axis=0), features[:TRAIN].std(axis=0)
x = (features - mean) / std
x_train, y_train = x[:TRAIN], targets[:TRAIN]
x_test, y_test = x[TRAIN:], targets[TRAIN:]
print(f"{len(x_train)} for training, {len(x_test)} for testing")
assert np.allclose(x_train.mean(axis=0), 0) and np.allclose(x_train.std(axis=0), 1)

# %% [markdown]
# ## A neuron of scalar Values
#
# `nn.scalar.Neuron` is the weighted sum from above, with weights drawn at random. It makes one node for each
# multiplication, so a graph over all training images is large, but nothing in it is new.


# %%
def scalar_loss(neuron):
    total = 0.0
    for row, y in zip(x_train.tolist(), y_train.tolist(), strict=True):
        error = np.tanh(neuron(row)) - y
        total = total + error * error
    return total / TRAIN


def node_count(root):
    seen, waiting = {root}, [root]
    while waiting:
        operands = [operand for operand in waiting.pop().operands if isinstance(operand, Value)]
        waiting += [operand for operand in operands if operand not in seen]
        seen.update(operands)
    return len(seen)


scalar = nn.scalar.Neuron(2, nonlin=False, rng=3)
start = [weight.data for weight in scalar.parameters()]
loss = scalar_loss(scalar)
print("weights at the start:", ", ".join(f"{weight:.3f}" for weight in start))
print(f"loss {loss:.4f}, computed by a graph of {node_count(loss):,} nodes")
assert node_count(loss) == 8 * TRAIN + 4  # 8 operations an image, 3 weights, 1 division

# %%
scalar_losses = []
for _ in range(100):
    loss = scalar_loss(scalar)
    scalar_losses.append(loss.data)
    scalar.zero_grad()
    loss.backward()
    for weight in scalar.parameters():
        weight.data -= 0.2 * weight.grad

print(f"100 steps: loss {scalar_losses[0]:.4f} → {scalar_losses[-1]:.4f}")
assert scalar_losses[-1] < 0.15

# %% [markdown]
# ## The same neuron on arrays
#
# A `Value` holds an array as well as it holds a number. `nn.Neuron` takes all images at once: one multiplication node
# for all 480 products. Started from the same weights, it takes the same 100 steps.


# %%
def step(neuron, rate=0.2):
    loss = nn.mse(neuron(x_train), y_train)
    neuron.zero_grad()
    loss.backward()
    for weight in neuron.parameters():
        weight.data = weight.data - rate * weight.grad
    return loss


tensor = nn.Neuron(2, np.tanh, rng=0, dtype=np.float64)
tensor.weight.data = np.array(start[:2])
tensor.bias.data = np.array(start[2])
tensor_losses = [step(tensor).data for _ in range(100)]

gap = max(abs(tensor.weight.data - [weight.data for weight in scalar.w]))
print(f"loss {tensor_losses[0]:.4f} → {tensor_losses[-1]:.4f}")
print(f"scalar weights {scalar.w[0]:.9f} {scalar.w[1]:.9f}")
print(f"tensor weights {tensor.weight.data[0]:.9f} {tensor.weight.data[1]:.9f}")
assert np.allclose(scalar_losses, tensor_losses, rtol=0, atol=1e-12)
assert gap < 1e-11

# %% [markdown]
# Its graph fits on a screen, for any number of images. Here it is for six of them: an array shows its minimum, its
# mean and its maximum, and its shape in the corner.

# %%
tensor.weight.label, tensor.bias.label = "weight", "bias"
six = nn.mse(tensor(x_train[:6]), y_train[:6])
tensor.zero_grad()
six.backward()
print(f"{node_count(six)} nodes")
assert node_count(six) == 8
autograd.draw(six, direction="TB")

# %% [markdown]
# ## Until it converges
#
# To *converge* has a meaning that can be checked: the gradient becomes 0, so that further steps change nothing.
# Continue until its length is below one millionth.


# %%
def steepness_of(neuron):
    return math.hypot(*neuron.weight.grad, neuron.bias.grad)


history = [*tensor_losses, step(tensor).data]
while steepness_of(tensor) > 1e-6:
    history.append(step(tensor).data)
steps = len(history)

w_upper, w_lower = tensor.weight.data
print(f"after {steps:,} steps: loss {history[-1]:.5f}, gradient below 1e-6")
print(f"weight of the upper half {w_upper:.3f}, of the lower half {w_lower:.3f}, bias {tensor.bias.data:.3f}")
assert steps < 5_000
assert w_upper < 0 < w_lower

# %% [markdown]
# The loss was nearly there after 100 steps; the weights were not. Where the loss is flat, weights move slowly.
#
# The signs say what the eye says: ink above speaks for a three (−1), ink below for a six (+1).
#
# Is this where any neuron would end up? Two others, from other random weights:

# %%
for seed in (1, 2):
    other = nn.Neuron(2, np.tanh, rng=seed, dtype=np.float64)
    before = other.weight.data
    step(other)
    while steepness_of(other) > 1e-6:
        step(other)
    print(f"from {before[0]:6.3f} {before[1]:6.3f} to {other.weight.data[0]:.3f} {other.weight.data[1]:.3f}")
    assert np.allclose(other.weight.data, tensor.weight.data, atol=1e-3)

# %% [markdown]
# ## How well it does
#
# The neuron says "six" where its sum is positive. The sum is 0 on a straight line; a neuron is a line between two
# classes, and training moved it there. The last 124 images had no part in that.


# %%
def accuracy(neuron, x, y):
    return np.mean((neuron(x).data > 0) == (y > 0))


def line(w, bias):
    ends = np.array([-2.5, 3.0])
    return ends, -(w[0] * ends + bias) / w[1]


figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
left.semilogx(range(1, steps + 1), history, color="#3b6fb6")
left.set_xlabel("step")
left.set_ylabel("loss")
left.grid(alpha=0.3)
for digit, sign, color in ((6, 1, "#3b6fb6"), (3, -1, "#c2571a")):
    right.plot(*x_test[y_test == sign].T, "o", markersize=3, color=color, label=str(digit))
right.plot(*line(start[:2], start[2]), "--", color="gray", linewidth=1, label="at the start")
right.plot(*line(tensor.weight.data, tensor.bias.data), color="black", linewidth=1, label="learned")
right.set(xlim=(-2.5, 3.0), ylim=(-3.0, 3.0), xlabel="ink above", ylabel="ink below")
right.legend(fontsize=7, loc="lower left")
figure.tight_layout()
plt.show()

on_train, on_test = accuracy(tensor, x_train, y_train), accuracy(tensor, x_test, y_test)
print(f"right on {on_train:.1%} of the training images and on {on_test:.1%} of the test images")
assert on_train > 0.95
assert on_test > 0.95

# %% [markdown]
# The neuron does no worse on images it has not met; three weights have little room for learning 240 images by heart.
# That it does better is within chance: the difference of two such shares has a standard deviation of about 2 %.

# %%
deviation = math.sqrt(on_train * (1 - on_train) * (1 / len(y_train) + 1 / len(y_test)))
print(f"difference {on_test - on_train:.3f}, standard deviation {deviation:.3f}")
assert abs(on_test - on_train) < 2 * deviation

# %% [markdown]
# ## What you have now
#
# - a weight is a rate of exchange; a neuron is a weighted sum and a squash;
# - the gradient of the loss says which way to turn each weight, and `backward()` gives all of them in one pass;
# - training is that gradient and small steps, until it is 0.
#
# How `backward()` works is in the next notebook, *Graph and backprop*.
