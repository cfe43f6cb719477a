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
# # 1 · Graph and backprop
#
# `backward()` is short enough to be written down here. This notebook does so, and then looks at what makes it work for
# any program: the order of the nodes, values that are used twice, arrays of different shapes, and rules that can
# themselves be differentiated.

# %%
import matplotlib.pyplot as plt
import numpy as np

import nn
from autograd import Value, check_gradients, detect_anomaly, draw, errors, grad, no_grad, primitive
from autograd.ops.shape import sum_to

# %% [markdown]
# ## Nodes and operands
#
# Every operation on a `Value` gives a new one, a *node*: the result, the name of the operation, and the *operands* it
# was made from. A Value that nothing made is a *leaf*. Together they are a graph, and it exists because the
# computation ran.

# %%
x = Value(2.0, "x")
y = Value(3.0, "y")
product = x * y
f = x + product
product.label, f.label = "product", "f"

print(f.op, [operand.label for operand in f.operands])
print(product.op, [operand.label for operand in product.operands])
print(x.op or "a leaf", x.operands)
assert f.operands[0] is x and f.operands[1] is product

# %%
draw(f)

# %% [markdown]
# ## Order by age
#
# Each node has a serial number, counted up as nodes are made. An operand exists before the operation that uses it, so
# a node is always younger than its operands. Sorted by age, youngest first, every node comes before everything it was
# made from: that is all the order that backpropagation needs.


# %%
def nodes_of(root):
    """Every node that root was computed from, youngest first."""
    nodes, waiting = {root}, [root]
    while waiting:
        new = {operand for operand in waiting.pop().operands if isinstance(operand, Value)} - nodes
        nodes |= new
        waiting += new
    return sorted(nodes, key=lambda node: node.serial, reverse=True)


for node in nodes_of(f):
    print(f"{node.label:8} {node.op or 'leaf':9} made from {[operand.label for operand in node.operands]}")
    assert all(operand.serial < node.serial for operand in node.operands)
assert [node.label for node in nodes_of(f)] == ["f", "product", "y", "x"]

# %% [markdown]
# ## Rules
#
# For each operand, an operation has a *rule*. It answers one question: if the final result changes by `g` for each
# unit of change in `out`, by how much does it change for each unit of change in this operand? `g` is called the
# *cotangent* of `out`. For a product it is multiplied by the other factor.

# %%
rule_for_x, rule_for_y = product.primitive.rules
g = 10.0
print(f"g = {g}: {rule_for_x(g, product.data, 2.0, 3.0)} for x, {rule_for_y(g, product.data, 2.0, 3.0)} for y")
assert rule_for_x(g, 6.0, 2.0, 3.0) == g * 3.0
assert rule_for_y(g, 6.0, 2.0, 3.0) == g * 2.0

# %% [markdown]
# ## Backpropagation, written by hand
#
# Start with cotangent 1 for the result. Take the nodes youngest first; when a node's turn comes, call its rules and
# add what they give to the cotangents of its operands.


# %%
def cotangents_of(nodes):
    """d nodes[0] / d node for each of the nodes."""
    cotangents = dict.fromkeys(nodes, 0.0)
    cotangents[nodes[0]] = 1.0
    for node in nodes:
        for operand, rule in zip(node.operands, getattr(node.primitive, "rules", ()), strict=True):
            if isinstance(operand, Value):
                cotangents[operand] += rule(cotangents[node], node.data, *node.saved)
    return cotangents


# %% [markdown]
# That is the algorithm. (`node.saved` is the data of the operands at the time the node was made.) On a longer formula
# it gives what `Value.backward` gives, for every node in the graph.

# %%
a, b = Value(0.7, "a"), Value(-1.3, "b")
h = np.exp(a * b) + np.sin(a) * b**2
out = np.tanh(h / (a + 3.0)) * h

by_hand = cotangents_of(nodes_of(out))
out.backward()
print(f"{len(by_hand)} nodes")
print(f"d out / d a   by hand {by_hand[a]:.6f}   backward() {a.grad:.6f}")
print(f"d out / d b   by hand {by_hand[b]:.6f}   backward() {b.grad:.6f}")
assert len(by_hand) == 12
assert all(abs(node.grad - cotangent) < 1e-14 for node, cotangent in by_hand.items())

# %% [markdown]
# ## A value used twice
#
# In `x * x` both operands are the same node, and each contributes x. Move x by a little, and both factors move; the
# effects add up, hence `+=` above. Were it `=`, the second contribution would replace the first, and the slope of x²
# would be x.

# %%
x = Value(3.0, "x")
square = x * x
square.backward()
print(f"d x² / d x at 3 = {x.grad}")
assert x.grad == 3.0 + 3.0
draw(square)

# %% [markdown]
# ## A diamond
#
# Here `a` reaches the result on a short way and on a long one. Both contributions must have arrived before `a` passes
# its cotangent on. Order by age sees to that; an order that looks reasonable, first the nodes that are near the
# result, does not.

# %%
x = Value(1.5, "x")
a = x * x
c = a * a
out = a + c
a.label, c.label, out.label = "a", "c", "out"

by_age = cotangents_of([out, c, a, x])
by_distance = cotangents_of([out, a, c, x])
exact = 2 * 1.5 + 4 * 1.5**3  # the derivative of x² + x⁴
print(f"by age      {by_age[x]:6.2f}")
print(f"by distance {by_distance[x]:6.2f}")
print(f"exact       {exact:6.2f}")
assert by_age[x] == exact == 16.5
assert by_distance[x] == 3.0

# %%
out.backward()
draw(out)

# %% [markdown]
# Each node is visited once, however many ways lead through it. Sixty doublings make 2⁶⁰ ways from the result to `x`,
# and sixty steps are enough to add them all up.

# %%
x = Value(1.0)
out = x
for _ in range(60):
    out = out + out
out.backward()
print(f"{len(nodes_of(out))} nodes, gradient {x.grad:.0f}")
assert x.grad == 2.0**60
assert len(nodes_of(out)) == 61

# %% [markdown]
# ## Leaves accumulate
#
# A leaf *adds* what a backward pass brings to the gradient it has, so that the gradients of several losses can be
# summed. `zero_grad()` forgets it. The nodes in between are overwritten each time.

# %%
x = Value(3.0)
square = x * x
gradients = []
for _ in range(2):
    square.backward()
    gradients.append(x.grad)
x.zero_grad()
square.backward()
print("after one pass, after two, after zero_grad and one more:", *gradients, x.grad)
assert [*gradients, x.grad] == [6.0, 12.0, 6.0]

# %% [markdown]
# ## Broadcasting, and back
#
# NumPy repeats a row of shape (3,) to add it to every row of a (4, 3) array. So one element of the row is used four
# times, and its gradient is the sum of four contributions. To *un-broadcast* a cotangent is to sum it over the axes
# along which the operand was repeated. The engine does so after each elementwise rule, which is why rules need not
# mention shapes.

# %%
table = Value(np.arange(12.0).reshape(4, 3), "table")
row = Value(np.array([1.0, 2.0, 3.0]), "row")
total = np.sum((table + row) ** 2)
total.label = "total"
total.backward()

cotangent = 2 * (table.data + row.data)  # what the rule of + is given, of shape (4, 3)
print("cotangent ", cotangent.shape, "→", sum_to(cotangent, (3,)), (3,))
print("row.grad  ", row.grad)
assert np.array_equal(row.grad, cotangent.sum(axis=0))
assert np.array_equal(row.grad, sum_to(cotangent, (3,)))
assert table.grad.shape == (4, 3)

# %%
draw(total, direction="TB")

# %% [markdown]
# An axis of length 1 is summed too, but stays.

# %%
print(sum_to(np.ones((4, 3)), (4, 1)).ravel(), sum_to(np.ones((4, 3)), (1, 3)).ravel())
assert sum_to(np.ones((4, 3)), (4, 1)).tolist() == [[3.0]] * 4
assert sum_to(np.ones((4, 3)), (1, 3)).tolist() == [[4.0] * 3]

# %% [markdown]
# ## A new operation
#
# The squared rectifier, max(x, 0)², is an activation that this package does not have (So et al. 2021, arXiv
# 2109.08668). A function on plain arrays and `@primitive` make it an operation. What is missing is its rule, and it
# says so.


# %%
@primitive(kind="elementwise", symbol="ReLU²")
def squared_relu(x, /):
    """Squared rectifier, out = max(x, 0)²."""
    return np.maximum(x, 0.0) ** 2


x = Value(np.array([-1.0, 0.5, 2.0]))
out = np.sum(squared_relu(x))
try:
    out.backward()
except errors.NotDifferentiableError as mistake:
    message = str(mistake)
print(message)
assert "squared_relu" in message and "operand 'x'" in message

# %% [markdown]
# The derivative is 2 · max(x, 0). Here is the rule with a mistake in it: the sign is wrong. It runs, and it gives a
# gradient.

# %%
squared_relu.vjp(x=lambda g, out, x: -g * (2.0 * np.maximum(x, 0.0)))
out.backward()
print(x.grad)

# %% [markdown]
# ## Checking a rule
#
# `check_gradients` measures every derivative of a function by differences and compares it with the recorded one. It
# names the operation at which the error enters, which need not be where one looks for it: here the function is a
# formula of several operations.


# %%
def formula(x, w):
    return squared_relu(w * x + 0.25) - x


at = np.array([-1.0, 0.5, 2.0]), np.array([1.0, 3.0, 0.5])
try:
    check_gradients(formula, *at)
except errors.GradientCheckError as mistake:
    message = str(mistake)
print(message)
assert "4 of 18 first derivatives of formula are wrong" in message
assert "at op 'squared_relu'" in message

# %% [markdown]
# With the right sign all derivatives agree, the second ones included.

# %%
squared_relu.vjp(x=lambda g, out, x: g * (2.0 * np.maximum(x, 0.0)))
x.zero_grad()
out.backward()
compared = check_gradients(formula, *at)
print(x.grad)
print(f"{compared} derivatives compared, all agree")
assert x.grad.tolist() == [0.0, 1.0, 4.0]
assert compared == 54

# %% [markdown]
# ## Second derivatives
#
# Nobody wrote a second derivative for `squared_relu`. It has one, because a rule is plain NumPy code, and NumPy code
# on Values is recorded. With `record=True` the backward pass calls the rules with Values, so a gradient is a result
# like any other: it has a graph.

# %%
x = Value(0.5, "x")
y = np.tanh(x)
y.label = "y"
y.backward(record=True)
slope = x.grad
slope.label = "dy/dx"
print(f"dy/dx = {slope:.6f}, 1 − y² = {1 - y.data**2:.6f}")
assert abs(slope.data - (1 - np.tanh(0.5) ** 2)) < 1e-15
draw(slope)

# %% [markdown]
# The rule of tanh, written as a graph. Going back through *it* gives the second derivative, −2y(1 − y²).

# %%
x.zero_grad()
slope.backward()
exact = -2 * y.data * (1 - y.data**2)
print(f"by backward, twice: {x.grad:.6f}")
print(f"by grad(grad(…)):   {grad(grad(np.tanh))(0.5):.6f}")
print(f"by the formula:     {exact:.6f}")
assert abs(x.grad - exact) < 1e-15
assert abs(grad(grad(np.tanh))(0.5) - exact) < 1e-15

# %% [markdown]
# `grad` turns a function into its derivative and can be applied again. The slope of a sum of independent terms holds
# the slope of each, so whole curves come out at once.

# %%
z = np.linspace(-3, 3, 121)
curves = [np.tanh]
for _ in range(3):
    curves.append(grad(lambda z, f=curves[-1]: np.sum(f(z))))

plt.figure(figsize=(5.4, 2.8))
for curve, label in zip(curves, ["tanh", "first", "second", "third derivative"], strict=True):
    plt.plot(z, curve(z), label=label)
plt.grid(alpha=0.3)
plt.legend(fontsize=8)
plt.show()

t = np.tanh(z)
third = curves[3](z)
print(f"third derivative at 0: {third[60]:.6f}")
assert np.allclose(third, (1 - t**2) * (6 * t**2 - 2), atol=1e-13)

# %% [markdown]
# ## Where does the NaN come from?
#
# The length √(x² + y²) has no slope at the origin: the rule of the root divides by it. The result is fine, the
# gradient is not a number, and by the time one sees it, it has spread.

# %%
x, y = Value(0.0, "x"), Value(0.0, "y")
with np.errstate(all="ignore"):
    length = np.sqrt(x * x + y * y)
    length.backward()
print(f"length {length.data}, gradient {x.grad}")
assert np.isnan(x.grad)
draw(length)

# %% [markdown]
# Under `detect_anomaly()` the operation that makes the first NaN or infinity raises an error, in the forward or in the
# backward pass. Its message ends with the file and the line where the node was made (cut off here: a notebook's files
# have other names each time).

# %%
try:
    with np.errstate(all="ignore"), detect_anomaly():
        length = np.sqrt(x * x + y * y)
        length.backward()
except errors.NonFiniteError as mistake:
    message, _, line = str(mistake).rpartition(" at ")
print(message, "at …")
assert message.startswith("sqrt: the rule for operand 'x' made a NaN or infinity in the backward pass")
assert line.rpartition(":")[2].isdigit()

# %% [markdown]
# `np.hypot` is the same length with a choice made at that point: of all slopes that fit under the cone, the smallest,
# 0.

# %%
x, y = Value(0.0), Value(0.0)
np.hypot(x, y).backward()
print(x.grad, y.grad)
assert x.grad == y.grad == 0.0

# %% [markdown]
# ## A network
#
# Two layers: three neurons with tanh, then one without. A layer is one node, x @ Wᵀ + b, and an activation. The data
# are the four cases of "exactly one of two", which a single neuron cannot learn.

# %%
inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = np.array([[0.0], [1.0], [1.0], [0.0]])
model = nn.MLP(2, [3, 1], np.tanh, rng=0, dtype=np.float64)
for path, parameter in model.named_parameters():
    parameter.label = path
model

# %% [markdown]
# Nodes know the module in which they were made, by its dotted path. A card tells it when one points at it; as a label
# it can be read in the picture at once.

# %%
loss = nn.mse(model(inputs), targets)
loss.label = "loss"
loss.backward()
for node in reversed(nodes_of(loss)):
    if node.op:
        print(f"{node.path or 'outside':9} {node.op}")
        node.label = node.label or node.path
assert [node.path for node in reversed(nodes_of(loss)) if node.path] == ["layers.0", "layers.0", "layers.1"]

# %%
draw(loss, direction="TB")

# %% [markdown]
# Each parameter has a gradient of its own shape. Three ways to the same numbers: `backward()`, `grad` of a function
# that takes the model, and differences.

# %%
gradient = grad(lambda model: nn.mse(model(inputs), targets))(model)
for (path, parameter), other in zip(model.named_parameters(), gradient.parameters(), strict=True):
    print(f"{path:15} {parameter.shape!s:7} {np.linalg.norm(parameter.grad):.6f}")
    assert parameter.grad.shape == parameter.shape
    assert np.allclose(parameter.grad, other.data, rtol=1e-12)
compared = check_gradients(lambda model: nn.mse(model(inputs), targets), model, order=1)
print(f"{compared} derivatives compared with differences, all agree")
assert compared == model.parameter_count() == 13

# %% [markdown]
# ## `no_grad` and `keep="leaves"`
#
# A prediction needs no graph. Under `no_grad()` results are constants: they remember nothing, and the arrays in
# between are freed at once.

# %%
recorded = model(inputs)
with no_grad():
    predicted = model(inputs)
print(f"recorded: {len(nodes_of(recorded))} nodes; under no_grad: {len(nodes_of(predicted))}, a {predicted.op}")
assert np.array_equal(recorded.data, predicted.data)
assert len(nodes_of(predicted)) == 1

# %% [markdown]
# Training needs the gradients of the parameters only. `keep="leaves"` drops the others as the pass goes on. The
# default keeps them all, for looking.

# %%
for keep in ("all", "leaves"):
    model.zero_grad()
    loss = nn.mse(model(inputs), targets)
    loss.backward(keep=keep)
    held = [node for node in nodes_of(loss) if node.has_grad]
    leaves = [node for node in held if not node.op]
    print(f"keep={keep!r}: {len(held)} nodes hold a gradient, {len(leaves)} of them parameters")
assert held == leaves
assert len(leaves) == 4

# %% [markdown]
# ## What you have now
#
# - the graph is made by running the program; age gives the order; contributions add;
# - a rule per operand is all that an operation needs, and `check_gradients` finds a wrong one;
# - rules are NumPy code, so gradients have gradients.
#
# To read on: `autograd/value.py` makes the nodes, `autograd/primitives.py` the rules, and `autograd/backward.py` is
# the function above, with arrays, errors and speed. Or go on to what weights
# say when they have learned: *What a weight is*.
