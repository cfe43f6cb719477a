"""Splits, batches and standardisation: every row once, the same seed the same rows, statistics from training only."""

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, ShapeError
from nn.data import Standardizer, batches, split


def test_an_epoch_holds_every_row_once_and_keeps_rows_together():
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    seen = list(batches(x, y, batch_size=4, rng=0))
    assert [len(labels) for _, labels in seen] == [4, 4, 2]
    rows = np.concatenate([labels for _, labels in seen])
    assert sorted(rows.tolist()) == list(range(10))
    assert rows.tolist() != list(range(10))
    assert all(np.array_equal(xs[:, 0], 2 * ys) for xs, ys in seen)


def test_a_generator_gives_each_epoch_a_new_order_and_an_int_the_same():
    x = np.arange(50)
    rng = np.random.default_rng(3)
    first, second = (next(batches(x, batch_size=50, rng=rng))[0].tolist() for _ in range(2))
    assert first != second
    assert first == next(batches(x, batch_size=50, rng=3))[0].tolist()


def test_drop_last_and_unshuffled():
    x = np.arange(7)
    assert [b.tolist() for (b,) in batches(x, batch_size=3, shuffle=False, drop_last=True)] == [[0, 1, 2], [3, 4, 5]]
    assert [b.tolist() for (b,) in batches(x, batch_size=9, shuffle=False)] == [list(range(7))]


def test_batches_copy_so_training_cannot_write_into_the_data():
    x = np.zeros(4)
    (batch,) = next(batches(x, batch_size=4, shuffle=False))
    batch[:] = 1.0
    assert not x.any()


@pytest.mark.parametrize(
    ("arrays", "options", "text"),
    [
        ((), {"batch_size": 2, "rng": 0}, "batches needs at least one array"),
        ((np.ones(3), np.ones(4)), {"batch_size": 2, "rng": 0}, "different length: 3, 4 rows"),
        ((np.ones(3),), {"batch_size": 0, "rng": 0}, "batch_size is a whole number of at least 1, got 0"),
        ((np.ones(3),), {"batch_size": 2}, "needs rng="),
        ((np.ones(3),), {"batch_size": 2, "rng": "a"}, "rng"),
    ],
)
def test_batches_refuses_before_the_first_batch(arrays, options, text):
    with pytest.raises(ArgumentError, match=text):
        batches(*arrays, **options)


def test_a_split_is_exact_disjoint_and_the_same_for_the_same_seed():
    parts = split(100, (0.7, 0.15, 0.15), rng=5)
    assert [len(part) for part in parts] == [70, 15, 15]
    assert sorted(np.concatenate(parts).tolist()) == list(range(100))
    assert all((np.diff(part) > 0).all() for part in parts)
    again, other = split(100, (0.7, 0.15, 0.15), rng=5), split(100, (0.7, 0.15, 0.15), rng=6)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))
    assert not np.array_equal(parts[0], other[0])


def test_stratified_parts_have_the_classes_in_proportion():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    for part, size in zip(split(1000, (0.8, 0.2), rng=1, stratify=labels), (800, 200), strict=True):
        assert np.bincount(labels[part]).tolist() == [size * 6 // 10, size * 3 // 10, size // 10]


@pytest.mark.parametrize("rows_per_class", [2, 3, 5, 7])
def test_rare_classes_are_all_trained_on_and_no_part_is_starved(rows_per_class):
    labels = np.repeat(np.arange(40), rows_per_class)
    parts = split(len(labels), (0.7, 0.15, 0.15), rng=2, stratify=labels)
    assert set(labels[parts[0]]) == set(range(40))
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for part, share in zip(parts, (0.7, 0.15, 0.15), strict=True):
        assert abs(len(part) - share * len(labels)) <= 3


def test_a_fraction_of_zero_gives_an_empty_part():
    train, nothing, test = split(10, (0.8, 0.0, 0.2), rng=0)
    assert (len(train), len(nothing), len(test)) == (8, 0, 2)
    assert nothing.dtype == train.dtype


@pytest.mark.parametrize(
    ("n", "fractions", "stratify", "text"),
    [
        (10, (0.5, 0.4), None, "add up to 1"),
        (10, (1.5, -0.5), None, "add up to 1"),
        (10, (), None, "add up to 1"),
        (10, (float("nan"), 1.0), None, "add up to 1"),
        (2, (0.7, 0.15, 0.15), None, "2 rows are too few"),
        (8, (0.5, 0.5), list(range(8)), "a part would be empty"),
        (4, (0.5, 0.5), [0, 1], r"stratify has shape \(2,\), expected \(4,\)"),
    ],
)
def test_split_refuses(n, fractions, stratify, text):
    with pytest.raises(ArgumentError, match=text):
        split(n, fractions, rng=0, stratify=stratify)


def test_standardizing_uses_the_fitted_rows_only_and_comes_back():
    rng = np.random.default_rng(0)
    train, test = rng.normal(5.0, 3.0, (200, 4)), rng.normal(7.0, 1.0, (50, 4))
    scale = Standardizer.fit(train)
    z = scale.transform(train)
    assert z.dtype == np.float32
    assert np.allclose(z.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(z.std(axis=0), 1, atol=1e-5)
    assert np.allclose(scale.transform(test), (test - train.mean(axis=0)) / train.std(axis=0), atol=1e-5)
    assert np.allclose(scale.inverse(scale.transform(test)), test, rtol=1e-5)


def test_a_column_constant_in_training_is_left_at_zero():
    scale = Standardizer.fit(np.full((7, 1), 0.1))
    assert scale.transform(np.full((3, 1), 0.1)).tolist() == [[0.0]] * 3
    with pytest.raises(ArgumentError, match="no rows"):
        Standardizer.fit(np.zeros((0, 2)))


GROUPS = np.repeat(np.arange(20), np.random.default_rng(0).integers(1, 12, 20))


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_in_one_part_and_sizes_are_right_to_a_group(seed):
    names = np.array([f"person {i}" for i in GROUPS])
    parts = split(len(names), (0.7, 0.15, 0.15), rng=seed, groups=names)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(names)))
    members = [set(names[part]) for part in parts]
    assert sum(map(len, members)) == len(set(names)), "a group is in two parts"
    for part, share in zip(parts, (0.7, 0.15, 0.15), strict=True):
        assert abs(len(part) - share * len(names)) <= 11 and (np.diff(part) > 0).all()
    again = split(len(names), (0.7, 0.15, 0.15), rng=seed, groups=names)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))
    assert not np.array_equal(parts[0], split(len(names), (0.7, 0.15, 0.15), rng=seed + 1, groups=names)[0])


def test_few_groups_leave_no_part_empty():
    for seed in range(20):
        parts = split(90, (0.7, 0.15, 0.0, 0.15), rng=seed, groups=np.repeat([5, 1, 3], 30))
        assert [len(part) for part in parts] == [30, 30, 0, 30]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"groups": [0, 0, 1, 1], "stratify": [0, 1, 0, 1]}, "stratify or groups, not both"),
        ({"groups": [0, 1]}, r"groups has shape \(2,\), expected \(4,\)"),
        ({"groups": [7, 7, 7, 7]}, "4 rows in 1 groups are too few"),
    ],
)
def test_groups_that_are_refused(options, text):
    with pytest.raises(ArgumentError, match=text):
        split(4, (0.5, 0.5), rng=0, **options)


def test_statistics_are_saved_with_the_model(tmp_path):
    scale = Standardizer.fit(np.random.default_rng(0).normal(3.0, 2.0, (9, 2)))
    nn.save(tmp_path / "m.npz", nn.Linear(2, 1, rng=0), mean=scale.mean, std=scale.std)
    twin = Standardizer(**nn.load(tmp_path / "m.npz", nn.Linear(2, 1)))
    x = np.ones((3, 2))
    assert np.array_equal(twin.transform(x), scale.transform(x)) and not np.allclose(twin.transform(x), x)


def test_batches_are_augmented_by_the_same_generator():
    x, y = np.arange(6.0).reshape(6, 1), np.arange(6)
    noisy = list(batches(x, y, batch_size=4, rng=3, augment=lambda x, rng: x + rng.normal(size=x.shape)))
    rng = np.random.default_rng(3)
    order = rng.permutation(6)
    for rows, (a, b) in zip((order[:4], order[4:]), noisy, strict=True):
        assert np.array_equal(a, x[rows] + rng.normal(size=(len(rows), 1))) and np.array_equal(b, rows)
    ordered = batches(x, y, batch_size=6, shuffle=False, rng=0, augment=lambda x, rng: -x)
    assert np.array_equal(next(ordered)[0], -x)
    with pytest.raises(ArgumentError, match="batches\\(augment=…\\) needs rng="):
        batches(x, batch_size=2, shuffle=False, augment=lambda x, rng: x)


class Frame:
    """What pandas is to nn.batches: a table whose [] picks columns."""

    def __init__(self, cells):
        self.cells = np.asarray(cells)

    def __len__(self):
        return len(self.cells)

    def to_numpy(self):
        return self.cells

    def __array__(self, dtype=None, copy=None):
        return self.cells

    def __getitem__(self, rows):
        raise KeyError(rows)


def test_tables_and_lists_are_cut_by_rows():
    x, y = np.arange(6).reshape(3, 2), [5, 6, 7]
    for table in (Frame(x), x.tolist()):
        found = list(batches(table, y, batch_size=2, shuffle=False))
        assert [[part.tolist() for part in batch] for batch in found] == [[[[0, 1], [2, 3]], [5, 6]], [[[4, 5]], [7]]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batches(np.arange(4), batch_size=2.5, rng=0), "batch_size is a whole number of at least 1, got 2.5"),
        (lambda: split(np.zeros((4, 2)), (0.5, 0.5), rng=0), "split takes the number of rows, len(X), and gives their"),
        (lambda: split(10, 0.7, rng=0), "fractions are at least 0 and add up to 1, such as (0.8, 0.2), got 0.7"),
        (
            lambda: Standardizer.fit([[1.0, 2.0], [3.0, np.nan]]),
            "Standardizer.fit: X[1, 1] is nan, and so would be that",
        ),
        (lambda: Standardizer.fit([1.0, np.inf]), "Standardizer.fit: X[1] is inf"),
        (lambda: Standardizer.fit([["a"]]), "X must be numbers, but it is list of <U1"),
        (lambda: Standardizer.fit(3.0), "statistics of no rows"),
    ],
)
def test_what_cannot_be_cut_or_measured_is_refused(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize("features", [1, 2, 4])
def test_other_features_than_those_measured_are_refused(features):
    scale = Standardizer.fit(np.random.default_rng(0).normal(size=(9, 3)))
    for turn in (scale.transform, scale.inverse):
        with pytest.raises(ShapeError, match=rf"X has shape \(2, {features}\), expected \(rows, 3\)"):
            turn(np.ones((2, features)))  # one column would have been broadcast to three
    assert scale.transform(np.ones(3)).shape == (3,) and scale.transform(np.ones((2, 5, 3))).shape == (2, 5, 3)
