"""JAX on the CPU: each whole step, update included, under jit, with the parameters donated.

The jitted functions stand at module level, so that a new round does not compile again. Every step waits for its result.
"""

import data
import jax
import jax.numpy as jnp
import numpy as np

NAME = "JAX jit"
VERSION = jax.__version__

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)  # for W6; arrays made from float32 stay float32


def network(layers, x, activation):
    """Scores (batch, classes) of an MLP."""
    for weight, bias in layers[:-1]:
        x = activation(x @ weight + bias)
    weight, bias = layers[-1]
    return x @ weight + bias


def on_device(problem):
    """x, y and the layers of a problem as JAX arrays."""
    return jnp.asarray(problem.x), jnp.asarray(problem.y), jax.tree.map(jnp.asarray, data.transposed(problem.layers))


def hinge_loss(layers, x, y):
    """mean(relu(1 - y·score)) + L2·Σp²."""
    margin = jax.nn.relu(1 - y * network(layers, x, jax.nn.relu)[:, 0])
    return margin.mean() + data.MOONS_L2 * sum((p * p).sum() for layer in layers for p in layer)


def cross_entropy(logits, labels):
    """mean(logsumexp(logits) - logits[label])."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def sgd_step(layers, x, y):
    """W1b: (loss, new layers)."""
    loss, gradients = jax.value_and_grad(hinge_loss)(layers, x, y)
    return loss, jax.tree.map(lambda p, g: p - data.MOONS_RATE * g, layers, gradients)


def adam_step(state, x, y):
    """W2: (loss, new state); the state is (layers, m, v, count)."""
    layers, m, v, count = state
    loss, gradients = jax.value_and_grad(lambda p: cross_entropy(network(p, x, jax.nn.relu), y))(layers)
    count = count + 1
    beta1, beta2 = data.ADAM_BETA1, data.ADAM_BETA2
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradients)
    correction1, correction2 = 1 - beta1**count, 1 - beta2**count

    def update(p, m, v):
        return p - data.ADAM_RATE * (m / correction1) / (jnp.sqrt(v / correction2) + data.ADAM_EPSILON)

    return loss, (jax.tree.map(update, layers, m, v), m, v, count)


def momentum_step(state, x, y):
    """W3: (loss, new state); the state is (layers, velocities)."""
    layers, velocities = state
    loss, gradients = jax.value_and_grad(lambda p: cross_entropy(network(p, x, jnp.tanh), y))(layers)
    velocities = jax.tree.map(lambda v, g: data.MOMENTUM * v + g, velocities, gradients)
    return loss, (jax.tree.map(lambda p, v: p - data.MOMENTUM_RATE * v, layers, velocities), velocities)


def cnn_loss(layers, x, y):
    """W4's loss."""
    for weight, bias in layers[:-1]:
        x = jax.lax.conv_general_dilated(x, weight, (1, 1), "SAME") + bias[:, None, None]
        x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    weight, bias = layers[-1]
    return cross_entropy(x.reshape(len(x), -1) @ weight.T + bias, y)


def cnn_step(layers, x, y):
    """W4: (loss, new layers)."""
    loss, gradients = jax.value_and_grad(cnn_loss)(layers, x, y)
    return loss, jax.tree.map(lambda p, g: p - data.CNN_RATE * g, layers, gradients)


def layer_norm(x, scale, shift):
    """x with mean 0 and variance 1 along the last axis, scaled and shifted."""
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = (centered * centered).mean(axis=-1, keepdims=True)
    return centered / jnp.sqrt(variance + data.NORM_EPSILON) * scale + shift


def gpt_loss(p, tokens, targets):
    """W5's loss."""
    batch, context = tokens.shape
    heads, size = data.GPT_HEADS, data.GPT_WIDTH // data.GPT_HEADS
    mask = jnp.where(jnp.tri(context, dtype=bool), jnp.float32(0), jnp.float32(-jnp.inf))
    x = p["token"][tokens] + p["place"]
    for i in range(data.GPT_LAYERS):
        h = layer_norm(x, p[f"{i}.norm1"], p[f"{i}.shift1"]) @ p[f"{i}.qkv"] + p[f"{i}.qkv_bias"]
        q, k, v = h.reshape(batch, context, 3, heads, size).transpose(2, 0, 3, 1, 4)
        weights = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) * size**-0.5 + mask)
        x = x + (weights @ v).transpose(0, 2, 1, 3).reshape(x.shape) @ p[f"{i}.out"] + p[f"{i}.out_bias"]
        h = layer_norm(x, p[f"{i}.norm2"], p[f"{i}.shift2"]) @ p[f"{i}.up"] + p[f"{i}.up_bias"]
        x = x + jax.nn.gelu(h, approximate=True) @ p[f"{i}.down"] + p[f"{i}.down_bias"]
    logits = layer_norm(x, p["norm"], p["shift"]) @ p["head"]
    return cross_entropy(logits.reshape(-1, data.GPT_VOCABULARY), targets.ravel())


def gpt_step(state, tokens, targets):
    """W5: (loss, new state); the state is (parameters, m, v, count)."""
    p, m, v, count = state
    loss, gradients = jax.value_and_grad(gpt_loss)(p, tokens, targets)
    count = count + 1
    beta1, beta2 = data.ADAM_BETA1, data.ADAM_BETA2
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradients)
    correction1, correction2 = 1 - beta1**count, 1 - beta2**count

    def update(p, m, v):
        kept = p * (1 - data.GPT_RATE * data.GPT_DECAY)
        return kept - data.GPT_RATE * (m / correction1) / (jnp.sqrt(v / correction2) + data.ADAM_EPSILON)

    return loss, (jax.tree.map(update, p, m, v), m, v, count)


def logistic_loss(w, x, y):
    """The loss of W7g and W7h."""
    return jnp.log1p(jnp.exp(-y * (x @ w))).mean()


def links(y, a, b):
    """W6's chain; a and b are arguments, because with literals XLA computes the derivative while it compiles."""
    for _ in range(data.CHAIN_LINKS):
        y = y * a
        y = y + b
    return y


def wave_sum(x):
    """W8's function."""
    return (jnp.tanh(data.WAVE_A * x + data.WAVE_B) * jax.nn.sigmoid(x)).sum()


JITTED_SGD, JITTED_ADAM, JITTED_MOMENTUM, JITTED_CNN, JITTED_GPT = (
    jax.jit(function, donate_argnums=0) for function in (sgd_step, adam_step, momentum_step, cnn_step, gpt_step)
)
JITTED_GRADIENT, JITTED_HESSIAN = jax.jit(jax.grad(logistic_loss)), jax.jit(jax.hessian(logistic_loss))
JITTED_JACOBIAN = jax.jit(jax.jacrev(lambda x, a: jnp.tanh(a @ x)))
JITTED_LINKS, JITTED_WAVE = (jax.jit(jax.value_and_grad(function)) for function in (links, wave_sum))


def training(jitted, state, x, y):
    """step() → loss for a jitted (state, x, y) → (loss, state)."""

    def step():
        nonlocal state
        loss, state = jitted(state, x, y)
        return loss.block_until_ready()

    return step


def moons():
    """W1b: one SGD step."""
    x, y, layers = on_device(data.moons(np.float32))
    return training(JITTED_SGD, layers, x, y)


def mlp_adam():
    """W2: one Adam step."""
    x, y, layers = on_device(data.adam_problem())
    m, v = jax.tree.map(jnp.zeros_like, layers), jax.tree.map(jnp.zeros_like, layers)
    return training(JITTED_ADAM, (layers, m, v, jnp.float32(0)), x, y)


def mlp_momentum():
    """W3: one step of SGD with momentum."""
    x, y, layers = on_device(data.momentum_problem())
    return training(JITTED_MOMENTUM, (layers, jax.tree.map(jnp.zeros_like, layers)), x, y)


def cnn():
    """W4: one SGD step."""
    x, y, layers = jax.tree.map(jnp.asarray, tuple(data.cnn_problem()))
    return training(JITTED_CNN, layers, x, y)


def gpt():
    """W5: one AdamW step."""
    tokens, targets, parameters = jax.tree.map(jnp.asarray, tuple(data.gpt_problem()))
    m, v = jax.tree.map(jnp.zeros_like, parameters), jax.tree.map(jnp.zeros_like, parameters)
    return training(JITTED_GPT, (parameters, m, v, jnp.float32(0)), tokens, targets)


def derivative(jitted, *arrays):
    """A step that calls a jitted function and waits."""
    arrays = [jnp.asarray(array) for array in arrays]
    return lambda: jitted(*arrays).block_until_ready()


def logistic(jitted):
    """W7g and W7h."""
    x, y, w = data.logistic_problem()
    return derivative(jitted, w, x, y)


def tanh_jacobian():
    """W7j."""
    a, x = data.tanh_problem()
    return derivative(JITTED_JACOBIAN, x, a)


def chain():
    """W6: (value, derivative)."""
    x = jnp.float64(data.CHAIN_START)
    return lambda: jax.block_until_ready(JITTED_LINKS(x, data.CHAIN_A, data.CHAIN_B))


def wave():
    """W8: (value, gradient)."""
    x = jnp.asarray(data.wave_input())
    return lambda: jax.block_until_ready(JITTED_WAVE(x))


memory = None  # its arrays are XLA's, which neither tracemalloc nor a profiler of its own shows by the step

WORKLOADS = {
    "W1b": moons,
    "W2": mlp_adam,
    "W3": mlp_momentum,
    "W4": cnn,
    "W5": gpt,
    "W6": chain,
    "W7g": lambda: logistic(JITTED_GRADIENT),
    "W7h": lambda: logistic(JITTED_HESSIAN),
    "W7j": tanh_jacobian,
    "W8": wave,
}
