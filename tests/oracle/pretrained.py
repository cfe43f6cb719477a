"""Pretrained networks from files that ship inside wheels: run, differentiated and trained further with load_onnx.

    pip download --no-deps --dest FOLDER magika silero-vad g2p-en
    python tests/oracle/pretrained.py FOLDER

Results are compared with onnxruntime's, derivatives with differences in float64. By hand, because silero-vad asks for
PyTorch and the wheels are 30 MB. Measured with magika 1.0.3, silero-vad 6.2.3 and g2p-en 2.1.0; largest differences:

FIGURES
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

import nn
from autograd import Value, no_grad

SILERO = "silero_vad/data/silero_vad"
FILES = {  # name inside its wheel → what it is called with
    f"{SILERO}.onnx": {"sr": 16000}, f"{SILERO}_half.onnx": {}, f"{SILERO}_16k_op15.onnx": {"sr": 16000},
    f"{SILERO}_op18_ifless.onnx": {"sr": 8000}, f"{SILERO}_openvino_16k.onnx": {}, f"{SILERO}_16k_sequence.onnx": {},
    "magika/models/standard_v3_3/model.onnx": {},
}  # fmt: skip


def content(folder, name):
    """A file from whichever wheel in the folder has it."""
    for wheel in sorted(Path(folder).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            if name in archive.namelist():
                return archive.read(name)
    raise FileNotFoundError(f"no wheel in {folder} has {name}")


def example(model, rng, sr=16000):
    """Inputs for a model, by name: sound, bytes, states."""
    inputs = {}
    for name, dtype, shape in model.inputs:
        lengths = [2 if n is None else n for n in shape]
        if name == "sr":
            inputs[name] = np.array(sr)
        elif dtype == np.int32:
            inputs[name] = rng.integers(0, 256, lengths).astype(dtype)
        else:
            lengths[-1] = (576 if sr == 16000 else 288) if name == "input" else lengths[-1]
            inputs[name] = rng.normal(scale=0.3, size=lengths).astype(dtype)
    return inputs


def results(model, inputs):
    found = model(**inputs)
    return found if isinstance(found, tuple) else (found,)


def difference_from_onnxruntime(file, options):
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    model = nn.load_onnx(file)
    inputs = example(model, np.random.default_rng(0), **options)
    expected = onnxruntime.InferenceSession(file).run(None, inputs)
    return max(float(np.abs(x.data - y).max()) for x, y in zip(results(model, inputs), expected, strict=True)), model


def difference_of_derivatives(file, options):
    """Largest relative difference between derivatives along directions in inputs and parameters, and differences."""
    model, rng = nn.load_onnx(file, dtype=np.float64), np.random.default_rng(1)
    inputs = example(model, rng, **options)
    leaves = {name: Value(x) for name, x in inputs.items() if x.dtype == np.float64}

    def loss(held):
        return sum(np.sum(np.square(y)) for y in results(model, inputs | held))

    loss(leaves).backward()
    worst = 0.0
    for leaf in (*leaves.values(), *model.parameters()):
        if not leaf.has_grad:
            continue
        direction, start, step = rng.normal(size=leaf.shape), leaf.data, 1e-6
        sides = []
        for sign in (1.0, -1.0):
            leaf.data = start + sign * step * direction
            with no_grad():
                sides.append(float(loss(leaves)))
        leaf.data = start
        measured = (sides[0] - sides[1]) / (2.0 * step)
        scale = max(np.linalg.norm(leaf.grad), 1e-3)
        worst = max(worst, abs(measured - float(np.sum(leaf.grad * direction))) / scale)
    return worst


def losses_of_training(file, options, steps=5):
    """Losses of a few steps of Adam towards the opposite of what the network says."""
    model = nn.load_onnx(file)
    inputs = example(model, np.random.default_rng(2), **options)
    target = 1.0 - results(model, inputs)[0].data
    optimizer, losses = nn.Adam(model, learning_rate=1e-3), []
    for _ in range(steps + 1):
        loss = nn.mse(results(model, inputs)[0], target)
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward(keep="leaves")
        optimizer.step()
    return losses


def main(folder):
    for name, options in FILES.items():
        file = content(folder, name)
        difference, model = difference_from_onnxruntime(file, options)
        slopes = difference_of_derivatives(file, options)
        losses = losses_of_training(file, options)
        print(f"{Path(name).name} ({model.parameter_count():,} weights): onnxruntime {difference:.0e}, derivatives "
              f"{slopes:.0e}, loss {losses[0]:.3f} → {losses[-1]:.3f} in 5 steps")  # fmt: skip
    arrays = np.load(io.BytesIO(content(folder, "g2p_en/checkpoint20.npz")))
    print("checkpoint20.npz:", {name: array.shape for name, array in arrays.items()})


if __name__ == "__main__":
    main(sys.argv[1])
