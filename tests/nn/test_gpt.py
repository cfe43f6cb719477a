"""nn.models.GPT: its start, what it sees, tied embeddings, generation, and a compiled training step."""

import math

import numpy as np
import pytest

import nn
from autograd import compile
from autograd.errors import ArgumentError, ShapeError
from nn.models import GPT

TOKENS = np.random.default_rng(0).integers(0, 11, (3, 8))


def small(seed=0, **options):
    return GPT(11, 8, 2, 2, 16, rng=seed, **options)


def test_logits_for_every_position_that_do_not_see_later_tokens():
    model = small().eval()
    logits = model(TOKENS).data
    assert logits.shape == (3, 8, 11) and logits.dtype == np.float32
    for t in range(7):
        changed = TOKENS.copy()
        changed[:, t + 1 :] = (changed[:, t + 1 :] + 1) % 11
        after = model(changed).data
        assert np.array_equal(after[:, : t + 1], logits[:, : t + 1])
        assert not np.allclose(after[:, t + 1], logits[:, t + 1])
    np.testing.assert_allclose(model(TOKENS[0, :5]).data, logits[0, :5], rtol=1e-4, atol=1e-6)


def test_a_new_model_knows_nothing():
    model = small(dropout=0.0, tied=False)
    assert nn.cross_entropy(model(TOKENS), TOKENS).data == pytest.approx(math.log(11), abs=0.02)


def test_weights_start_as_in_gpt_2():
    model = GPT(50, 20, 8, 2, 64, rng=0)
    stds = {path: p.data.std() for path, p in model.named_parameters() if p.ndim == 2}
    for path, std in stds.items():
        added = path.endswith(("out_proj.weight", "linear2.weight"))
        assert std == pytest.approx(0.02 / 4.0 if added else 0.02, rel=0.06), path
    for path, p in model.named_parameters():
        if p.ndim == 1:
            norm = ".norm" in f".{path}" and path.endswith("weight")
            assert np.all(p.data == (1.0 if norm else 0.0)), path
    again = GPT(50, 20, 8, 2, 64, rng=0).state_dict()
    assert all(np.array_equal(again[path], array) for path, array in model.state_dict().items())


def test_a_tied_embedding_counts_and_updates_once():
    tied, free = small(dropout=0.0), small(dropout=0.0, tied=False)
    assert free.parameter_count() - tied.parameter_count() == 11 * 16
    assert tied.head.weight is tied.token.weight and "head.weight" not in tied.state_dict()
    free.load_state_dict(tied.state_dict() | {"head.weight": tied.token.weight.data})
    optimizer = nn.SGD(tied, 0.1)
    assert len(optimizer.parameters) == len(free.parameters()) - 1
    before = tied.token.weight.data
    for model in (tied, free):
        nn.cross_entropy(model(TOKENS), TOKENS[:, ::-1]).backward()
    both = free.token.weight.grad + free.head.weight.grad
    np.testing.assert_allclose(tied.token.weight.grad, both, rtol=1e-4, atol=1e-6)
    optimizer.step()
    np.testing.assert_allclose(tied.token.weight.data, before - 0.1 * both, rtol=1e-4, atol=1e-6)
    assert tied.head.weight is tied.token.weight


def test_generate_continues_and_leaves_the_model_as_it_was():
    model = small(dropout=0.5)
    model.blocks[1].eval()
    modes = [module.training for _, module in model.named_modules()]
    generators = [generator.bit_generator.state for _, generator in model.named_generators()]
    out = model.generate(TOKENS[:, :3], 10, rng=0)
    assert out.shape == (3, 13) and np.array_equal(out[:, :3], TOKENS[:, :3]) and out.max() < 11
    assert np.array_equal(out, model.generate(TOKENS[:, :3], 10, rng=0))
    assert not np.array_equal(out, model.generate(TOKENS[:, :3], 10, rng=1))
    assert modes == [module.training for _, module in model.named_modules()]
    assert generators == [generator.bit_generator.state for _, generator in model.named_generators()]
    assert not any(p.has_grad for p in model.parameters())
    assert model.generate([1, 2], 0).tolist() == [1, 2] and model.generate(TOKENS[0], 2, rng=0).shape == (10,)
    with pytest.raises(ArgumentError):
        model.generate([99], 1)
    assert modes == [module.training for _, module in model.named_modules()]


def test_temperature_and_top_k():
    model = small().eval()
    likeliest = model(TOKENS).data[:, -1].argmax(-1)
    for options in ({"temperature": 0.0}, {"top_k": 1}, {"temperature": 1e-9, "top_k": 5}):
        assert np.array_equal(model.generate(TOKENS, 1, rng=0, **options)[:, -1], likeliest)
    many = np.repeat(TOKENS[:1], 4000, axis=0)
    logits = model(TOKENS[:1]).data[0, -1].astype(np.float64)
    logits *= 2.0 / logits.std()
    model.head = lambda x: np.broadcast_to(logits, (len(x.data), 8, 11)) + 0.0 * x[..., :1]
    for temperature, k in ((1.0, None), (2.0, None), (1.0, 3)):
        drawn = model.generate(many, 1, temperature=temperature, top_k=k, rng=0)[:, -1]
        p = np.exp(logits / temperature)
        p[np.argsort(logits)[: 11 - (k or 11)]] = 0.0
        p /= p.sum()
        share = np.bincount(drawn, minlength=11) / 4000
        assert np.all(np.abs(share - p) <= 5.0 * np.sqrt(p * (1.0 - p) / 4000))  # 5 standard deviations


def test_it_learns_a_sequence_by_heart():
    model = small(dropout=0.0)
    optimizer = nn.AdamW(model, 0.01)
    sequence = np.arange(9) * 3 % 11
    for _ in range(60):
        loss = nn.cross_entropy(model(sequence[:-1]), sequence[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.data < 0.1
    assert np.array_equal(model.generate(sequence[:1], 8, temperature=0.0), sequence)


@pytest.mark.parametrize("backend", ["llvm", "numpy"])
def test_a_compiled_training_step_with_dropout_equals_the_eager_one(backend):
    def make():
        model = small(dropout=0.2)
        optimizer = nn.AdamW(model, 0.003)

        def step(tokens, targets):
            loss = nn.cross_entropy(model(tokens), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.data

        return model, step

    (mine, eager), (theirs, step) = make(), make()
    compiled = compile(step, backend=backend)
    for shift in range(4):
        tokens, targets = (TOKENS + shift) % 11, (TOKENS + shift + 1) % 11
        assert compiled(tokens, targets) == pytest.approx(eager(tokens, targets), rel=1e-4)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(b.data, a.data, rtol=1e-2, atol=2e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: small()(np.zeros((2, 9), int)),
            r"9 tokens are more than the context of 8: give tokens\[..., -context:\]",
        ),
        (lambda: small()([0, 11]), "the index 11 has no row, expected 0 to 10"),
        (lambda: small()([0.0, 1.0]), "the indices are float64, expected whole numbers"),
        (lambda: small().generate([0], 1, temperature=-1.0), "temperature must be a number of at least 0, got -1.0"),
        (lambda: small().generate([0], 1, top_k=12), "top_k is 1 … 11, got 12"),
        (lambda: small().generate([0], 1, top_k=0), "top_k is 1 … 11, got 0"),
        (lambda: GPT(11, 8, 2, 3, 16), "embed_dim 16 is not divisible by 3 heads"),
        (lambda: GPT(11, 8, 0, 2, 16), "layers is a whole number of at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        call()


def test_an_error_names_the_layer_and_its_path():
    model = small()
    model.blocks[1].linear1 = nn.Linear(5, 64)
    with pytest.raises(ValueError, match=r"x has \(16,\) features on its last axis, weight takes \(5,\)") as caught:
        model(TOKENS)
    assert caught.value.__notes__ == ["in blocks.1.linear1: Linear(5, 64)"]
    assert repr(small()).splitlines()[0] == "GPT(11, 8, 2, 2, 16)  6,896 parameters"
