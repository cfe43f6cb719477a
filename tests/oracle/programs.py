"""Random NumPy programs, differentiated by glassgrad and by JAX: `python tests/oracle/programs.py [count] [first seed]`.

A program is text: 3 to 12 lines `v3 = np.tanh(v1)` over 1 to 3 inputs. The same text runs with `np` as NumPy and as
jax.numpy, so it is also what a failure prints. `compare` wants value, gradient and Hessian-vector product to agree to
1e-10; `shrink` drops lines from a program that disagrees for as long as it still does.

A line comes from a template, whose letters stand for earlier results: `a` any, `b` one that broadcasts with it, `m` a
matrix, `s` a square one, `t` at least one axis, `big` a last axis longer than 1; {axis} and the like are drawn to fit.
Templates keep numbers moderate and away from the edges of a function's domain, where both libraries lose digits.
"""

import sys
import time
import warnings

import numpy as np

import autograd

TOLERANCE = 1e-10
TEMPLATES = """
np.tanh(a) | np.sin(a) | np.cos(a) | np.arctan(a) | np.exp(-a * a) | np.log1p(a**2) | np.sqrt(1.0 + a * a)
np.arcsinh(a) | np.exp2(0.5 * np.tanh(a)) | np.expm1(np.sin(a)) | np.log(2.0 + np.cos(a)) | np.log2(1.5 + a * a)
np.log10(1.5 + a * a) | np.cbrt(2.0 + np.sin(a)) | np.reciprocal(2.0 + np.sin(a)) | np.square(np.tanh(a)) | np.sinc(a)
np.arcsin(0.7 * np.sin(a)) | np.arccosh(1.5 + a * a) | np.arctanh(0.8 * np.tanh(a)) | np.cosh(np.tanh(a))
np.tan(0.7 * np.sin(a)) | abs(a) | -a | np.clip(a, -0.7, 0.8) | np.maximum(a, 0.1) | np.where(a > 0.2, a, 0.3 * a)
np.nan_to_num(a) | np.deg2rad(50.0 * a) | np.sign(a) * a | np.real(np.exp(1j * a)) | np.abs(a + 2j)
np.angle(2.5 + np.sin(a) + 1j * a) | np.imag((a + 1j) ** 3) | a + b | 1.0 - a - b | a * np.cos(b) | a / (1.0 + b * b)
(1.2 + np.cos(a)) ** np.sin(b) | np.maximum(a, b) | np.minimum(a, b) | np.hypot(a, 1.0 + b * b)
np.arctan2(a, 1.5 + b * b) | np.logaddexp(a, b) | np.logaddexp2(a, b) | np.where(a > b, a, b)
np.float_power(1.5 + np.sin(a), b) | np.copysign(a, 1.5 + np.sin(b)) | np.fmax(a, b) | np.fmin(a, 0.5 * b)
np.fmod(5.3 + np.sin(a), 2.0 + np.cos(b)) | np.sum(a, axis={axes}, keepdims={bool})
np.mean(a, axis={axes}, keepdims={bool}) | np.max(a, axis={axes}) | np.min(a, axis={axes})
np.prod(np.tanh(a), axis={axes}) | np.var(t, axis={axis}, ddof={01})
np.std(big * np.arange(1.0, big.shape[-1] + 1), axis=-1) | np.ptp(a) | np.median(t, axis={axis})
np.percentile(t, 30.0, axis={axis}) | np.quantile(t, 0.61)
np.average(t, axis=-1, weights=np.arange(1.0, t.shape[-1] + 1)) | np.nansum(a, axis={axes}) | np.nanmean(a)
np.nanmax(t, axis={axis}) | np.sort(t, axis={axis}) | np.cumsum(t, axis={axis}) | np.cumprod(np.sin(t), axis={axis})
np.diff(t, axis={axis}) | np.trapezoid(t, axis={axis}) | np.gradient(big, axis=-1) | np.ediff1d(a)
np.reshape(a, (-1,)) | np.ravel(a) | np.transpose(a) | np.swapaxes(m, 0, 1) | np.moveaxis(m, 0, -1)
np.expand_dims(a, {new}) | np.squeeze(a) | np.flip(t, {axis}) | np.roll(t, 1, axis={axis}) | np.roll(a, 2)
np.rot90(m) | np.fliplr(m) | np.broadcast_to(a, (2, *np.shape(a))) | np.concatenate([t, t * t], axis={axis})
np.stack([a, np.sin(a)], axis={new}) | np.hstack([t, 2.0 * t]) | np.vstack([a, a]) | np.tile(a, 2)
np.repeat(t, 2, axis={axis}) | np.pad(t, 1) | np.pad(t, 1, mode="edge") | np.pad(t, 1, mode="wrap")
np.append(a, 2.0 * a) | np.delete(t, 0, axis={axis}) | np.insert(t, 0, 0.5, axis={axis})
np.take(t, np.array([0, 0, -1]), axis={axis}) | t[-1] | t[::-1] | t[..., :1] | t[..., np.array([0, -1, 0])]
t[None, ..., 0] | np.tril(m) | np.triu(m, 1) | np.diagonal(m) | np.trace(m) | np.diag(m) | np.outer(a, np.tanh(b))
np.kron(m, np.eye(2)) | m @ np.transpose(m) / 3.0 | np.dot(np.transpose(m), m) / 3.0 | np.inner(t, t)
np.tensordot(m, m, 2) | np.einsum("ij,kj->ik", m, m) | np.einsum("ii->i", s) | np.einsum("ij,ji", s, np.sin(s))
s @ s / 2.0 | np.vdot(a, np.cos(a)) | np.convolve(np.ravel(a), np.array([1.0, -0.5])) | np.linalg.norm(a + 2.0)
np.linalg.norm(t + 3.0, axis={axis}) | np.linalg.norm(m + 1.0, 2) | np.linalg.inv(np.tanh(s) + 4.0 * np.eye(len(s)))
np.linalg.det(np.tanh(s) + 3.0 * np.eye(len(s))) | np.linalg.solve(np.tanh(s) + 4.0 * np.eye(len(s)), np.cos(s))
np.linalg.slogdet(s + 3.0 * np.eye(len(s)))[1] | np.linalg.cholesky(s @ np.transpose(s) + 2.0 * np.eye(len(s)))
np.linalg.eigvalsh(s + np.transpose(s) + np.diag(np.arange(7.0)[: len(s)]))
np.linalg.svd(np.tanh(m) + 3.0 * np.eye(*m.shape) * np.arange(1.0, m.shape[1] + 1), compute_uv=False)
np.linalg.pinv(m + 2.0 * np.eye(*m.shape)) | np.linalg.matrix_power(np.tanh(s), 3)
np.cross(np.ones(3), np.sum(a) * np.arange(3.0)) | np.abs(np.fft.fft(t, axis={axis})) ** 2 | np.real(np.fft.rfft(t))
np.fft.irfft(t + 1j * np.sin(t)) | np.imag(np.fft.ifft(t, norm="ortho")) | np.fft.fftshift(t)
np.interp(np.sin(a), np.array([-1.0, 0.1, 1.0]), np.array([0.3, -1.0, 2.0])) | np.cov(m) | np.unwrap(t)
np.heaviside(a, 0.5) * a | np.select([a > 0.5, a < 0], [a, -a], 0.1)
"""
LINES = [line.strip() for row in TEMPLATES.strip().splitlines() for line in row.split(" | ")]
SHAPES = [(), (2,), (3,), (2, 3), (3, 3), (2, 2), (1, 3), (2, 1, 3)]


def words(text):
    """The identifiers of a template, cut out so that `a` is found in `a * a` and not in `tanh`."""
    import re

    return re.split(r"\b(a|b|m|s|t|big)\b(?!\()", text)


def fits(letter, shape):
    if letter == "m":
        return len(shape) == 2
    if letter == "s":
        return len(shape) == 2 and shape[0] == shape[1]
    if letter == "big":
        return len(shape) > 0 and shape[-1] > 1
    return len(shape) > 0 if letter == "t" else True


def line(rng, shapes):
    """One right-hand side over the variables with these shapes, or None if the drawn template finds none that fit."""
    pieces = words(LINES[rng.integers(len(LINES))])
    chosen = {}
    for letter in ("a", "m", "s", "t", "big", "b"):
        if letter in pieces[1::2]:
            fitting = [name for name, shape in shapes.items() if fits(letter, shape)]
            if not fitting:
                return None
            newest = len(fitting) - 1 - min(int(rng.geometric(0.5)) - 1, len(fitting) - 1)
            chosen[letter] = fitting[newest]
    text = "".join(chosen[piece] if i % 2 else piece for i, piece in enumerate(pieces))
    ndim = len(shapes[next(iter(chosen.values()))])
    axis = int(rng.integers(-ndim, ndim)) if ndim else None
    choices = {
        "axis": axis,
        "axes": [None, axis, tuple(range(ndim))][rng.integers(3)],
        "new": int(rng.integers(0, ndim + 1)),
        "bool": bool(rng.integers(2)),
        "01": int(rng.integers(2)),
    }
    for name, choice in choices.items():
        text = text.replace("{" + name + "}", repr(choice))
    return text


def program(seed):
    """(lines, inputs): a random program; every line has been computed once and is finite, real, moderate and small."""
    rng = np.random.default_rng(seed)
    values = {f"x{i}": rng.uniform(-1.5, 1.5, SHAPES[rng.integers(len(SHAPES))])[()] for i in range(rng.integers(1, 4))}
    inputs, lines = list(values.values()), []
    count = rng.integers(3, 13)
    while len(lines) < count:
        text = line(rng, {name: np.shape(x) for name, x in values.items()})
        if text is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                out = eval(text, {"np": np}, values)
        except (ValueError, IndexError, Warning, np.linalg.LinAlgError):
            continue
        out = np.asarray(out)
        if out.dtype == np.float64 and 0 < out.size <= 60 and out.ndim <= 4 and np.abs(out).max() < 30:
            name = f"v{len(lines)}"
            lines.append(f"{name} = {text}")
            values[name] = out[()]
    return lines, inputs


def function(lines, lib):
    """The program as a function of its inputs: Σ of the last result and of all results that no line uses."""
    names = [text.split(" = ")[0] for text in lines]
    unused = [name for name in names if not any(name in text.split(" = ", 1)[1] for text in lines)]

    def f(*inputs):
        values = {f"x{i}": x for i, x in enumerate(inputs)}
        for text in lines:
            name, body = text.split(" = ", 1)
            values[name] = eval(body, {"np": lib, "abs": abs, "len": len}, values)
        return sum((lib.sum(lib.sin(values[name])) for name in unused), 0.0 * lib.sum(values["x0"]))

    return f


class Unanswered(Exception):
    """JAX has no answer: it does not compile the program, or gives NaN where ours is finite (singular values of 0)."""


def ours(lines, inputs, directions):
    f, places = function(lines, np), tuple(range(len(inputs)))
    value, slopes = autograd.value_and_grad(f, places)(*inputs)
    _, pullback = autograd.vjp(lambda *xs: autograd.grad(f, places)(*xs), *inputs)
    return [value, *slopes, *pullback(tuple(directions))]


def theirs(lines, inputs, directions, level=0):
    """What JAX says, compiled at an optimisation level of XLA; most of the time is compiling."""
    import jax
    import jax.numpy as jnp

    f, places = function(lines, jnp), tuple(range(len(inputs)))

    def everything(xs, ts):
        slopes = lambda *xs: jax.grad(f, places)(*xs)
        return [f(*xs), *slopes(*xs), *jax.jvp(slopes, tuple(xs), tuple(ts))[1]]

    xs, ts = [jnp.asarray(x) for x in inputs], [jnp.asarray(t) for t in directions]
    try:
        run = jax.jit(everything, compiler_options={"xla_backend_optimization_level": level})
        return [np.asarray(out) for out in run(xs, ts)]
    except jax.errors.JaxRuntimeError as mistake:  # its Fourier transform wants a memory layout it does not always get
        raise Unanswered(str(mistake)[:100]) from None


def compare(lines, inputs):
    """None if all agree, else a line that says what does not."""
    directions = [np.cos(1.0 + np.arange(np.size(x), dtype=float)).reshape(np.shape(x))[()] for x in inputs]
    try:
        found = ours(lines, inputs, directions)
    except Exception as mistake:
        return f"{type(mistake).__name__}: {str(mistake)[:300]}"
    mistake = difference(found, theirs(lines, inputs, directions), len(inputs))
    if mistake:  # XLA gets some powers of complex numbers wrong at level 0
        expected = theirs(lines, inputs, directions, level=3)
        mistake = difference(found, expected, len(inputs))
        if mistake and all(np.isfinite(a).all() for a in found) and not all(np.isfinite(b).all() for b in expected):
            raise Unanswered(mistake)
    return mistake


def difference(found, expected, n):
    """None if ours and theirs agree, for n inputs; else which part does not, and both."""
    names = ["value", *(f"gradient of x{i}" for i in range(n)), *(f"H·t of x{i}" for i in range(n))]
    for name, a, b in zip(names, found, expected, strict=True):
        if np.shape(a) != b.shape:
            return f"{name}: shape {np.shape(a)}, JAX {b.shape}"
        scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
        if not np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True):
            return f"{name}: {np.asarray(a).tolist()}, JAX {b.tolist()}"
    return None


def shrink(lines, inputs):
    """The program without the lines that the disagreement does not need."""
    kept = list(lines)
    for text in reversed(lines):
        without = [other for other in kept if other != text]
        name = text.split(" = ")[0]
        if without and not any(name in other for other in without) and compare(without, inputs):
            kept = without
    return kept


def report(lines, inputs, mistake):
    """A failure as text that can be pasted into a file and run."""
    given = [f"x{i} = np.array({np.asarray(x).tolist()})" for i, x in enumerate(inputs)]
    return "\n".join([*given, *lines, f"# {mistake}"])


def main(count=10_000, first=0):
    import jax
    from tqdm import tqdm

    jax.config.update("jax_enable_x64", True)
    failures, unanswered, start = 0, 0, time.time()
    for i, seed in enumerate(tqdm(range(first, first + count), disable=None)):
        lines, inputs = program(seed)
        try:
            mistake = compare(lines, inputs)
        except Unanswered:
            unanswered += 1
            continue
        if mistake:
            failures += 1
            kept = shrink(lines, inputs)
            print(f"\nprogram {seed}\n{report(kept, inputs, compare(kept, inputs))}", flush=True)
        if i % 200 == 199:
            jax.clear_caches()
    seconds = time.time() - start
    print(f"{count:,} programs: {failures} disagree with JAX, {unanswered} have no answer there, {seconds:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
