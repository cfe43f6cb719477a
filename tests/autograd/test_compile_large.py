"""compile on networks whose arrays are large enough for blocks and threads, in training and evaluation, two batch sizes."""

import numpy as np
import pytest

import nn
from autograd import compile
from autograd.ops import gelu, relu, sigmoid

pytestmark = pytest.mark.slow

CONVOLUTIONS = lambda: nn.Sequential(
    nn.Conv2d(3, 24, 5, padding=2), nn.GroupNorm(4, 24), gelu, nn.AvgPool2d(2), nn.Conv2d(24, 32, 3, stride=2),
    nn.BatchNorm2d(32), relu, nn.MaxPool2d(3, stride=2, padding=1), nn.Flatten(), nn.Linear(512, 10), rng=0,
)  # fmt: skip
RESIDUAL = lambda: nn.Sequential(
    nn.Conv2d(1, 16, 3, padding="same"),
    nn.Residual(nn.Sequential(nn.BatchNorm2d(16), relu, nn.Conv2d(16, 16, 3, padding="same"))),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10), rng=0,
)  # fmt: skip
DENSE = lambda: nn.Sequential(
    nn.Linear(200, 512), nn.BatchNorm1d(512), np.tanh, nn.Dropout(0.2), nn.Linear(512, 300), nn.LayerNorm(300), sigmoid,
    nn.Linear(300, 10), rng=0,
)  # fmt: skip
SIGNALS = lambda: nn.Sequential(
    nn.Conv1d(6, 48, 7, padding=3), nn.RMSNorm(256), gelu, nn.MaxPool1d(4), nn.Conv1d(48, 32, 3, groups=4), relu,
    nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 10), rng=0,
)  # fmt: skip
DECODER = lambda: nn.Sequential(
    nn.Linear(20, 1568), lambda x: x.reshape(-1, 32, 7, 7), nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
    nn.BatchNorm2d(16), relu, nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1), nn.Flatten(), nn.Linear(784, 10), rng=0,
)  # fmt: skip
ENCODER = lambda: nn.Sequential(
    nn.Linear(16, 64), nn.TransformerEncoderLayer(64, 4, 128), lambda x: x.mean(axis=1), nn.Linear(64, 10), rng=0
)
RECURRENT = lambda: nn.Sequential(
    nn.GRU(12, 96, num_layers=2, bidirectional=True), lambda out: out[0][:, -1], nn.Linear(192, 10), rng=0
)
MODELS = {
    "cnn": (lambda: nn.models.CNN((1, 28, 28), 10, (16, 32), rng=0), (64, 1, 28, 28)),
    "convolutions": (CONVOLUTIONS, (48, 3, 32, 32)), "residual": (RESIDUAL, (40, 1, 28, 28)), "dense": (DENSE, (700, 200)),
    "signals": (SIGNALS, (32, 6, 256)), "decoder": (DECODER, (64, 20)), "encoder": (ENCODER, (48, 40, 16)),
    "recurrent": (RECURRENT, (128, 12, 12)),
}  # fmt: skip


def trained(make, batches, wrap):
    """(losses of a training, what the model then predicts)."""
    model = make()
    optimizer = nn.SGD(model, 0.05, momentum=0.9, weight_decay=1e-3)

    def step(x, y):
        loss = nn.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward(keep="leaves")
        nn.clip_norm(model, 1.0)
        optimizer.step()
        return loss.data

    step, predict = wrap(step), wrap(lambda x: model(x).data)
    losses = [float(step(x, y)) for x, y in batches]
    model.eval()
    return losses, [predict(x) for x, _ in batches[-2:]]


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("name", MODELS)
def test_a_training_equals_the_eager_one(name, backend):
    make, shape = MODELS[name]
    rng = np.random.default_rng(0)
    batches = [(rng.normal(size=(n, *shape[1:])).astype(np.float32), rng.integers(0, 10, n))
               for n in (shape[0], shape[0], shape[0] // 2, shape[0], shape[0] // 2, shape[0])]  # fmt: skip
    losses, predictions = trained(make, batches, lambda f: f)
    compiled, found = trained(make, batches, lambda f: compile(f, backend=backend))
    np.testing.assert_allclose(compiled, losses, rtol=1e-5)
    for a, b in zip(found, predictions, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max())
