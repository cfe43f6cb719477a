"""Trees: leaves out, other leaves back in, for every kind of container."""

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest

import nn
from autograd import tree
from autograd.errors import ArgumentError

Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Layer:
    weight: object
    bias: object = 0.0
    name: str = "layer"
    calls: int = dataclasses.field(default=0, init=False)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: object
    b: object


class Pair:
    def __init__(self, left, right):
        self.left, self.right = left, right

    def __tree_flatten__(self):
        return ("left", "right"), (self.left, self.right)

    def __tree_unflatten__(self, children):
        return Pair(*children)


TREES = [
    (1.0, [1.0], [""]),
    (None, [None], [""]),
    ("text", ["text"], [""]),
    ([], [], []),
    ([1, 2, [3]], [1, 2, 3], ["0", "1", "2.0"]),
    ((1, (2,), ()), [1, 2], ["0", "1.0"]),
    ({"w": 1, "b": [2, 3]}, [1, 2, 3], ["w", "b.0", "b.1"]),
    ({1: {"a": 2}, (0, 1): 3}, [2, 3], ["1.a", "(0, 1)"]),
    (OrderedDict([("z", 1), ("a", 2)]), [1, 2], ["z", "a"]),
    (Point(1, [2]), [1, 2], ["x", "y.0"]),
    (Frozen(1, {"k": 2}), [1, 2], ["a", "b.k"]),
    (Layer(1, 2), [1, 2, "layer"], ["weight", "bias", "name"]),
]


@pytest.mark.parametrize(
    ("nested", "leaves", "paths"), TREES, ids=[type(row[0]).__name__ + str(i) for i, row in enumerate(TREES)]
)
def test_flatten_and_unflatten_are_inverse(nested, leaves, paths):
    found, structure = tree.flatten(nested)
    assert found == leaves
    assert structure.count == len(leaves)
    assert tree.paths(nested) == paths
    again = tree.unflatten(structure, leaves)
    assert type(again) is type(nested)
    assert again == nested


def test_other_leaves_go_to_the_same_places():
    structure = tree.flatten({"w": 1, "p": Point(2, (3,))})[1]
    assert tree.unflatten(structure, "abc") == {"w": "a", "p": Point("b", ("c",))}


def test_the_original_is_left_alone():
    nested = {"w": [1, 2], "d": Layer(3)}
    new = tree.map(lambda x: 0, nested)
    assert nested == {"w": [1, 2], "d": Layer(3)}
    assert new["w"] is not nested["w"]


def test_an_array_is_a_leaf():
    a = np.ones(3)
    (leaf,), structure = tree.flatten(a)
    assert leaf is a
    assert structure == tree.LEAF


def test_a_defaultdict_keeps_its_default():
    nested = defaultdict(list, a=1)
    new = tree.map(lambda x: x + 1, nested)
    assert (type(new), dict(new), new["none"]) == (defaultdict, {"a": 2}, [])
    assert dict(nested) == {"a": 1}


def test_a_class_joins_by_two_methods():
    nested = [Pair(1, {"k": 2}), 3]
    assert tree.paths(nested) == ["0.left", "0.right.k", "1"]
    new = tree.map(lambda x: 10 * x, nested)
    assert (type(new[0]), new[0].left, new[0].right, new[1]) == (Pair, 10, {"k": 20}, 30)


def test_a_module_is_its_parameters():
    model = nn.MLP(2, [3, 1], rng=0)
    leaves, structure = tree.flatten(model)
    assert leaves == model.parameters()
    assert tree.paths(model) == [path for path, _ in model.named_parameters()]
    twin = tree.unflatten(structure, [np.zeros(leaf.shape, np.float32) for leaf in leaves])
    assert type(twin) is nn.MLP
    assert all((p.data == 0.0).all() for p in twin.parameters())
    assert not any(p is q for p, q in zip(twin.parameters(), model.parameters(), strict=True))


def test_structures_are_equal_for_trees_of_one_form():
    form = lambda nested: tree.flatten(nested)[1]
    assert form({"a": [1, 2]}) == form({"a": ["x", None]})
    for other in ({"a": (1, 2)}, {"b": [1, 2]}, {"a": [1, 2, 3]}, {"a": 1}, OrderedDict(a=[1, 2])):
        assert form({"a": [1, 2]}) != form(other)


def test_map_goes_over_several_trees():
    assert tree.map(lambda a, b, c: a + b * c, {"x": 1, "y": [2]}, {"x": 3, "y": [4]}, {"x": 5, "y": [6]}) == {
        "x": 16,
        "y": [26],
    }
    with pytest.raises(ArgumentError, match=r"tree.map: the trees differ: \['x'\] against \['y'\]"):
        tree.map(lambda a, b: a, {"x": 1}, {"y": 1})


def test_a_wrong_number_of_leaves_is_refused():
    structure = tree.flatten([1, 2])[1]
    for leaves in ([1], [1, 2, 3]):
        with pytest.raises(ArgumentError, match=f"unflatten: the structure has 2 leaves, got {len(leaves)}"):
            tree.unflatten(structure, leaves)
