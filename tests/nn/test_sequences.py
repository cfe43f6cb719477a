"""Sequences: padding and batches by length; texts as numbers and windows of what comes next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd.errors import ArgumentError
from nn.text import Characters, windows

LENGTHS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
SEQUENCES = [np.full((n, 2), n, np.float32) for n in LENGTHS]


def test_padding_keeps_every_number_and_dtype():
    padded, lengths = nn.pad_sequences(SEQUENCES, -1.0)
    assert padded.shape == (10, 9, 2) and padded.dtype == np.float32 and lengths.tolist() == LENGTHS
    for row, sequence in zip(padded, SEQUENCES, strict=True):
        assert np.array_equal(row[: len(sequence)], sequence) and (row[len(sequence) :] == -1.0).all()
    tokens, lengths = nn.pad_sequences([[1, 2], [], [3]])
    assert tokens.dtype == np.int64 and tokens.tolist() == [[1, 2], [0, 0], [3, 0]] and lengths.tolist() == [2, 0, 1]


@pytest.mark.parametrize("options", [{"shuffle": False}, {"rng": 0}, {"rng": 0, "by_length": True},
                                     {"shuffle": False, "by_length": True}], ids=str)  # fmt: skip
def test_an_epoch_has_every_sequence_once_with_its_row(options):
    labels = np.arange(10)
    epoch = list(nn.sequence_batches(SEQUENCES, labels, batch_size=4, **options))
    assert sorted(len(rows) for *_, rows in epoch) == [2, 4, 4]
    assert sorted(np.concatenate([rows for *_, rows in epoch]).tolist()) == list(range(10))
    for padded, lengths, rows in epoch:
        assert lengths.tolist() == [LENGTHS[row] for row in rows] and padded.shape[1] == max(lengths)
        assert [int(x[0, 0]) for x in padded] == lengths.tolist()


def test_batches_by_length_pad_less_and_come_in_random_order():
    sequences = [np.ones(n) for n in np.random.default_rng(0).integers(1, 100, 64)]
    total = sum(map(len, sequences))

    def epoch(**options):
        return list(nn.sequence_batches(sequences, batch_size=8, **options))

    padding = [sum(x.size for x, _ in epoch(rng=1, by_length=flag)) - total for flag in (False, True)]
    assert padding[1] < 0.3 * padding[0]
    longest = [max(lengths) for _, lengths in epoch(rng=1, by_length=True)]
    assert longest != sorted(longest) and longest == [max(lengths) for _, lengths in epoch(rng=1, by_length=True)]
    rng = np.random.default_rng(1)
    first, second = ([lengths.tolist() for _, lengths in epoch(rng=rng, by_length=True)] for _ in range(2))
    assert first != second
    shortest_first = [max(lengths) for _, lengths in epoch(shuffle=False, by_length=True)]
    assert shortest_first == sorted(shortest_first)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.pad_sequences([]), "at least one sequence"),
        (
            lambda: nn.pad_sequences([np.ones((2, 3)), np.ones((2, 4))]),
            r"equal other axes, got shapes \(2, 3\), \(2, 4\)",
        ),
        (lambda: nn.pad_sequences([1.0, 2.0]), r"got shapes \(\)"),
        (lambda: nn.sequence_batches([[1]], np.ones(2), batch_size=1, rng=0), "different length: 1, 2 rows"),
        (lambda: nn.sequence_batches([[1]], batch_size=1), "needs rng="),
        (lambda: nn.sequence_batches([[1]], batch_size=0, rng=0), "batch_size is a whole number of at least 1"),
        (lambda: Characters.fit(""), "empty text"),
        (lambda: Characters("ba"), "different characters in order, got 'ba'"),
        (lambda: Characters("aa"), "different characters in order"),
        (lambda: Characters(["a"]), "different characters in order"),
        (lambda: Characters("abc").encode("abxc"), "'x' at place 2 of the text is not in the alphabet of 3 characters"),
        (lambda: Characters("abc").encode("é"), "'é' at place 0"),
        (lambda: Characters("abc").decode([0, 3]), r"numbers are 0 … 2, got 0 … 3"),
        (lambda: Characters("abc").decode([-1]), r"numbers are 0 … 2, got -1 … -1"),
        (lambda: Characters("abc").decode([0.5]), "a sequence of integers, got float64"),
        (lambda: Characters("abc").decode([[0]]), r"of shape \(1, 1\)"),
        (lambda: windows([1, 2], 2), r"windows of 2 need a sequence of more tokens, got shape \(2,\)"),
        (lambda: windows([[1, 2]], 1), "got shape"),
        (lambda: windows([1, 2], 0), "context is a whole number of at least 1, got 0"),
        (lambda: windows([1, 2], 1, stride=1.5), "stride is a whole number of at least 1"),
    ],
)
def test_mistakes_are_named(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


@given(st.text(st.characters(codec=None), min_size=1))
def test_any_text_comes_back(text):
    characters = Characters.fit(text)
    numbers = characters.encode(text)
    assert numbers.shape == (len(text),) and numbers.dtype == np.int64
    assert characters.decode(numbers) == text and characters.encode("").shape == (0,)
    assert numbers.max() == len(characters) - 1 and numbers.min() == 0


def test_an_alphabet_is_saved_with_the_model(tmp_path):
    characters = Characters.fit('Hände\n🙂\ud800"\\')
    nn.save(tmp_path / "m.npz", nn.Linear(1, 1), alphabet=characters.alphabet)
    assert Characters(nn.load(tmp_path / "m.npz", nn.Linear(1, 1))["alphabet"]) == characters


def test_windows_have_the_next_token_as_target():
    tokens = np.arange(100, 111)
    X, y = windows(tokens, 3)
    assert X.tolist() == [[100, 101, 102], [103, 104, 105], [106, 107, 108]] and np.array_equal(y, X + 1)
    assert np.shares_memory(X, tokens)
    X, y = windows(tokens, 3, stride=1)
    assert len(X) == 8 and np.array_equal(y[:-1], X[1:])


def test_a_character_model_learns_a_text():
    text = "the cat sat on the mat. " * 40
    characters = Characters.fit(text)
    X, y = windows(characters.encode(text), 8)
    model = nn.Sequential(
        nn.Embedding(len(characters), 16), nn.Layer(16, 32, np.tanh), nn.Linear(32, len(characters)), rng=0
    )
    history = nn.fit(model, X, y, optimizer=nn.Adam(model, 0.01), epochs=20, rng=0, progress=False)
    shares = np.bincount(characters.encode(text)) / len(text)
    unigram = -np.sum(shares * np.log(shares))
    assert history.train_loss[-1] < 0.5 * unigram  # knowing the last character halves what is unknown


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.pad_sequences([[1], [2, 3]], 0.5), "pad_sequences: value=0.5 is no int64, as the sequences are"),
        (lambda: nn.pad_sequences([[1], [2, 3]], np.nan), "value=nan is no int64"),
        (lambda: nn.pad_sequences(3), "pad_sequences takes a list of sequences, got 3"),
        (lambda: nn.pad_sequences([[1], ["a"]]), "a sequence must be numbers, but it is list of <U1"),
    ],
)
def test_a_padding_that_would_change_is_refused(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)
    assert nn.pad_sequences([[1], [2, 3]], -1.0)[0].tolist() == [[1, -1], [2, 3]]
    assert np.isnan(nn.pad_sequences([[1.0], [2.0, 3.0]], np.nan)[0][0, 1])


class Reader(nn.Module):
    """As in the docstring of nn.padding."""

    def __init__(self, features, classes):
        self.rnn, self.head = nn.GRU(features, 16), nn.Linear(16, classes)
        self.initialize(0)

    def forward(self, x, lengths=None):
        lengths = (x != 0.0).any(axis=2).sum(axis=1) if lengths is None else lengths
        return self.head(self.rnn(x, lengths=lengths)[1][-1])


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_fit_trains_on_sequences_whose_lengths_the_model_reads_off_the_padding(compiled):
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(n, 5)).astype(np.float32) for n in rng.integers(1, 7, 40)]
    padded, lengths = nn.pad_sequences(sequences)
    y = np.array([int(sequence[0, 0] > 0.0) for sequence in sequences])
    model, by_hand = Reader(5, 2), Reader(5, 2)
    nn.fit(model, padded, y, epochs=2, rng=0, progress=False, compile=compiled)
    optimizer, order = nn.Adam(by_hand), np.random.default_rng(0)
    for _ in range(2):
        for x, steps, target in nn.batches(padded, lengths, y, batch_size=32, rng=order):
            by_hand.zero_grad()
            nn.cross_entropy(by_hand(x, steps), target).backward()
            optimizer.step()
    np.testing.assert_allclose(model.predict(padded), by_hand(padded, lengths).data, rtol=1e-4, atol=1e-5)  # float32
