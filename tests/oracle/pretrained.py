"""Pretrained networks from files that ship inside wheels: run, differentiated and trained further.

    pip download --no-deps --dest FOLDER magika silero-vad g2p-en
    python tests/oracle/pretrained.py FOLDER

Results are compared with onnxruntime's, derivatives along a direction in every input and parameter with differences in
float64, and five steps of Adam are taken. g2p-en's arrays go into a model of our layers, which is exported to be compared.
By hand, because silero-vad asks for PyTorch and the wheels are 30 MB. With magika 1.0.3, silero-vad 6.2.3, g2p-en 2.1.0:

    silero_vad.onnx (545,282 weights): onnxruntime 1e-06, derivatives 1e-06, loss 0.994 → 0.718 in 5 steps
    silero_vad_half.onnx (309,633 weights): onnxruntime 3e-06, derivatives 8e-08, loss 0.605 → 0.046 in 5 steps
    silero_vad_16k_op15.onnx (309,633 weights): onnxruntime 1e-06, derivatives 1e-06, loss 0.994 → 0.718 in 5 steps
    silero_vad_op18_ifless.onnx (545,282 weights): onnxruntime 8e-07, derivatives 1e-06, loss 0.886 → 0.332 in 5 steps
    silero_vad_openvino_16k.onnx (309,633 weights): onnxruntime 7e-07, derivatives 2e-06, loss 0.978 → 0.029 in 5 steps
    silero_vad_16k_sequence.onnx (309,633 weights): onnxruntime 2e-06, derivatives 4e-06, loss 0.995 → 0.904 in 5 steps
    model.onnx (784,215 weights): onnxruntime 1e-07, derivatives 6e-07, loss 1.000 → 0.990 in 5 steps
    gradient: G R EY1 D IY0 AH0 N T
    neural: N UH1 R AH0 L
    glassgrad: G L AE1 S G R AE0 D
    checkpoint20.npz (834,890 weights): onnxruntime 5e-07, loss 0.134 → 0.009 in 5 steps; then G L AE1 S G R AE2 D
"""

import ast
import io
import sys
import tempfile
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


class Speller(nn.Module):
    """g2p-en's network: from the letters of a word to its sounds, a GRU that reads and one that speaks."""

    def __init__(self, arrays):
        letters, width = arrays["enc_emb"].shape
        self.letters, self.sounds = nn.Embedding(letters, width), nn.Embedding(*arrays["dec_emb"].shape)
        self.reader, self.speaker = nn.GRU(width, width), nn.GRU(width, width)
        self.head = nn.Linear(width, len(arrays["fc_b"]))
        state = {"letters.weight": arrays["enc_emb"], "sounds.weight": arrays["dec_emb"], "head.weight": arrays["fc_w"],
                 "head.bias": arrays["fc_b"]}  # fmt: skip
        for name, short in (("reader", "enc"), ("speaker", "dec")):
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                state[f"{name}.{part}_l0"] = arrays[f"{short}_{part.replace('weight', 'w').replace('bias', 'b')}"]
        self.load_state_dict(state)

    def forward(self, word, spoken):
        """Letters (batch, length) and the sounds so far (batch, time) → logits of the next sound (batch, time, sounds)."""
        _, meaning = self.reader(self.letters(word))
        return self.head(self.speaker(self.sounds(spoken), meaning)[0])

    def say(self, word, most=20):
        """The likeliest sound after each, from the start (2) to the end (3)."""
        spoken = [2]
        with no_grad():
            while len(spoken) <= most and (len(spoken) == 1 or spoken[-1] != 3):
                spoken.append(int(np.argmax(self(word, np.array([spoken])).data[0, -1])))
        return [sound for sound in spoken[1:] if sound != 3]


def names(folder, kind):
    """The list of letters or sounds in g2p-en's source."""
    source = content(folder, "g2p_en/g2p.py").decode()
    start = source.index(f"self.{kind} = ") + len(f"self.{kind} = ")
    head, _, rest = source[start:].partition("+")
    tail = (
        list("abcdefghijklmnopqrstuvwxyz")
        if kind == "graphemes"
        else ast.literal_eval(rest[: rest.index("]") + 1].strip())
    )
    return ast.literal_eval(head.strip()) + tail


def spell(folder):
    """g2p-en: what it says, onnxruntime's difference on the exported network, and training on a name."""
    import onnxruntime

    model = Speller(np.load(io.BytesIO(content(folder, "g2p_en/checkpoint20.npz"))))
    letters, sounds = names(folder, "graphemes"), names(folder, "phonemes")

    def encoded(word):
        return np.array([[letters.index(x) for x in (*word, "</s>")]])

    for word in ("gradient", "neural", "glassgrad"):
        print(f"{word}: {' '.join(sounds[i] for i in model.say(encoded(word)))}")
    spoken = np.array([[2, *map(sounds.index, ("G", "L", "AE1", "S", "G", "R", "AE2", "D"))]])
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/speller.onnx"
        nn.export.onnx(model, (encoded("glassgrad"), spoken), path, dynamic_batch=False)
        expected = onnxruntime.InferenceSession(path).run(None, {"word": encoded("glassgrad"), "spoken": spoken})[0]
    difference = float(np.abs(model(encoded("glassgrad"), spoken).data - expected).max() / np.abs(expected).max())
    target, optimizer, losses = np.array([[*spoken[0, 1:], 3]]), nn.Adam(model, learning_rate=1e-3), []
    for _ in range(6):
        loss = nn.cross_entropy(model(encoded("glassgrad"), spoken), target)
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward(keep="leaves")
        optimizer.step()
    said = " ".join(sounds[i] for i in model.say(encoded("glassgrad")))
    print(f"checkpoint20.npz ({model.parameter_count():,} weights): onnxruntime {difference:.0e}, "
          f"loss {losses[0]:.3f} → {losses[-1]:.3f} in 5 steps; then {said}")  # fmt: skip


def main(folder):
    for name, options in FILES.items():
        file = content(folder, name)
        difference, model = difference_from_onnxruntime(file, options)
        slopes = difference_of_derivatives(file, options)
        losses = losses_of_training(file, options)
        print(f"{Path(name).name} ({model.parameter_count():,} weights): onnxruntime {difference:.0e}, derivatives "
              f"{slopes:.0e}, loss {losses[0]:.3f} → {losses[-1]:.3f} in 5 steps")  # fmt: skip
    spell(folder)


if __name__ == "__main__":
    main(sys.argv[1])
