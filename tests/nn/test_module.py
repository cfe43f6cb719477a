"""Modules: every parameter found once under a dotted path, state that round-trips, and nodes that know where they were."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import Value
from autograd.errors import ArgumentError
from nn.state import preserved


class Scale(nn.Module):
    """One weight for each feature: a layer of the test's own."""

    def __init__(self, features, start=1.0):
        self.weight = nn.Parameter(np.full(features, start))

    def draw(self, name, rng):
        return rng.normal(size=self.weight.shape)

    def forward(self, x):
        return x * self.weight


class Holder(nn.Module):
    """Whatever it is given, as attributes."""

    def __init__(self, **held):
        vars(self).update(held)

    def draw(self, name, rng):
        return rng.normal()


def names(module):
    return [path for path, _ in module.named_parameters()]


# finding parameters


def test_parameters_are_found_in_attributes_lists_tuples_and_dicts():
    p = [nn.Parameter(float(i)) for i in range(7)]
    model = Holder(
        own=p[0],
        items=[p[1], (p[2], {"deep": [p[3]]})],
        table={"left": p[4], 3: Scale(2)},
        child=Holder(pair=(p[5], p[6])),
        number=3,
        text="weight",
        array=np.ones(3),
        plain=Value(1.0),
    )
    assert names(model) == [
        "own", "items.0", "items.1.0", "items.1.1.deep.0", "table.left", "table.3.weight", "child.pair.0", "child.pair.1",
    ]  # fmt: skip
    assert [path for path, _ in model.named_modules()] == ["", "table.3", "child"]


trees = st.recursive(
    st.just("parameter"),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=3).map(lambda items: ("module", items)),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["first", "second", "third"]), trees))
def test_a_path_leads_to_its_parameter_whatever_the_nesting(plan):
    def build(plan):
        if isinstance(plan, str):
            return nn.Parameter(0.0)
        if isinstance(plan, list):
            return [build(x) for x in plan]
        if isinstance(plan, dict):
            return {key: build(x) for key, x in plan.items()}
        if len(plan) == 2 and plan[0] == "module":
            return Holder(**{key: build(x) for key, x in plan[1].items()})
        return tuple(build(x) for x in plan)

    def count(plan):
        if isinstance(plan, str):
            return int(plan == "parameter")
        return sum(map(count, plan.values() if isinstance(plan, dict) else plan))

    def follow(held, path):
        for name in path.split("."):
            if isinstance(held, nn.Module):
                held = getattr(held, name)
            else:
                held = held[name] if isinstance(held, dict) else held[int(name)]
        return held

    model = Holder(**{key: build(x) for key, x in plan.items()})
    found = dict(model.named_parameters())
    assert len(found) == count(plan)
    assert all(follow(model, path) is parameter for path, parameter in found.items())


def test_a_shared_parameter_counts_once_under_its_first_path():  # a module's own parameters come before those below
    tied = Scale(3)
    model = Holder(first=tied, again=[tied], loose=tied.weight, other=Holder(mine=tied.weight))
    assert names(model) == ["loose"]
    assert names(Holder(first=tied, again=[tied])) == ["first.weight"]
    assert model.parameters() == [tied.weight] and model.parameter_count() == 3
    assert list(model.state_dict()) == names(model)


def test_a_shared_parameter_is_updated_once():
    tied = Scale(2)
    model = nn.Sequential(tied, tied)
    model(np.ones(2)).sum().backward()
    nn.SGD(model, 0.1).step()
    np.testing.assert_allclose(tied.weight.data, 1.0 - 0.1 * 2.0, rtol=1e-15)  # d (w·w) / d w = 2


def test_a_module_used_twice_gets_the_sum_of_its_gradients():
    layer = nn.Linear(3, 3, rng=0, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(4, 3))
    layer(layer(x)).sum().backward()
    once, twice = (copy.deepcopy(layer) for _ in range(2))
    once.zero_grad()
    twice.zero_grad()
    twice(once(x)).sum().backward()
    np.testing.assert_allclose(layer.weight.grad, once.weight.grad + twice.weight.grad, rtol=1e-12)
    np.testing.assert_allclose(layer.bias.grad, once.bias.grad + twice.bias.grad, rtol=1e-12)


def test_cycles_of_modules_end():
    parent, child = Holder(weight=nn.Parameter(1.0)), Scale(2)
    parent.child, child.parent, parent.me = child, parent, parent
    assert names(parent) == ["weight", "child.weight"]
    assert names(child) == ["weight", "parent.weight"]
    parent.eval()
    assert (parent.training, child.training) == (False, False)
    assert copy.deepcopy(parent).child.parent.me.child.weight.shape == (2,)
    assert child(Value(np.ones(2))).path == ""


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Holder defines no forward"):
        Holder()(1.0)


# state


def test_state_round_trips_bit_for_bit_and_is_a_copy():
    model = nn.MLP(3, [4, 2], rng=0)
    state = model.state_dict()
    assert {path: array.shape for path, array in state.items()} == {
        "layers.0.weight": (4, 3), "layers.0.bias": (4,), "layers.1.weight": (2, 4), "layers.1.bias": (2,),
    }  # fmt: skip
    other = nn.MLP(3, [4, 2], rng=1)
    other.load_state_dict(state)
    for array in state.values():
        array[...] = np.nan
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert np.array_equal(mine.data, theirs.data) and theirs.dtype == np.float32
        assert not np.shares_memory(mine.data, theirs.data)


def test_loading_keeps_the_dtype_and_python_floats():
    single, double = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1, dtype=np.float64)
    single.load_state_dict(double.state_dict())
    assert single.weight.dtype == np.float32
    np.testing.assert_array_equal(single.weight.data, double.weight.data.astype(np.float32))
    scalar, other = nn.scalar.MLP(2, [2, 1], rng=0), nn.scalar.MLP(2, [2, 1], rng=1)
    other.load_state_dict(scalar.state_dict())
    assert [p.data for p in other.parameters()] == [p.data for p in scalar.parameters()]
    assert {type(p.data) for p in other.parameters()} == {float}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layers.1.bias"), r"lacks in the state: layers\.1\.bias; does not know: nothing"),
        (
            lambda s: s.update({"extra.weight": np.ones(1)}),
            r"lacks in the state: nothing; does not know: extra\.weight",
        ),
        (lambda s: s.update({"layers.1.bias": np.ones(5)}), r"layers\.1\.bias has shape \(5,\), expected \(1,\)"),
    ],
    ids=["missing", "unexpected", "shape"],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    model = nn.MLP(2, [3, 1], rng=0)
    before = model.state_dict()
    state = {path: array + 1.0 for path, array in before.items()}
    change(state)
    with pytest.raises(ArgumentError, match=message):
        model.load_state_dict(state)
    assert all(np.array_equal(before[path], array) for path, array in model.state_dict().items())


def test_train_and_eval_reach_every_module():
    model = Holder(items=[Scale(2), {"a": nn.Sequential(Scale(1))}])
    modules = [module for _, module in model.named_modules()]
    assert len(modules) == 4 and all(module.training for module in modules)
    assert model.eval() is model and not any(module.training for module in modules)
    assert model.train() is model and all(module.training for module in modules)


def test_zero_grad_forgets_every_gradient():
    model = nn.MLP(2, [3, 1], rng=0)
    model(np.ones((1, 2), np.float32)).sum().backward()
    assert all(p.has_grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.has_grad for p in model.parameters()) and model.parameters()[0].grad == 0.0


# buffers and generators


class Counter(nn.Module):
    """A weight, the mean of what it has seen, and noise."""

    buffers = ("mean", "count", "unused")

    def __init__(self, rng=None):
        self.mean, self.count, self.unused = np.zeros(2, np.float32), np.zeros((), np.int64), None
        self.inner = Scale(2)
        self.weight = nn.Parameter(np.ones(2))
        self.rng = np.random.default_rng(rng)

    def draw(self, name, rng):
        return {"mean": np.full(2, 0.5, np.float32), "count": np.zeros((), np.int64), "weight": rng.normal(size=2)}[
            name
        ]


def test_buffers_stand_in_the_state_after_the_parameters_of_their_module():
    model = nn.Sequential(Counter(), Counter())
    assert list(model.state_dict()) == [
        f"{i}.{name}" for i in range(2) for name in ("weight", "mean", "count", "inner.weight")
    ]
    assert [path for path, _ in model.named_buffers()] == ["0.mean", "0.count", "1.mean", "1.count"]
    assert names(model) == ["0.weight", "0.inner.weight", "1.weight", "1.inner.weight"]


def test_buffers_round_trip_in_their_dtype_and_all_or_nothing():
    model, state = Counter(), Counter().state_dict()
    state |= {"mean": np.array([1.0, 2.0]), "count": np.array(7)}
    with pytest.raises(ArgumentError, match=r"mean has shape \(3,\), expected \(2,\)"):
        model.load_state_dict(state | {"mean": np.ones(3)})
    assert model.count == 0
    model.load_state_dict(state)
    assert model.mean.dtype == np.float32 and model.mean.tolist() == [1.0, 2.0]
    assert model.count.dtype == np.int64 and model.count == 7
    state["mean"][:] = np.nan
    assert model.mean.tolist() == [1.0, 2.0]


def test_generators_are_found_once_and_initialize_gives_each_its_own_seed():
    shared = np.random.default_rng(3)
    model = Holder(first=Counter(), second=[Counter()], third=Counter(), own=shared)
    model.third.rng = shared
    assert [path for path, _ in model.named_generators()] == ["own", "first.rng", "second.0.rng"]
    before = shared.bit_generator.state

    def draws():
        model.initialize(5)
        return {path: rng.random() for path, rng in model.named_generators()}

    first = draws()
    assert draws() == first and len(set(first.values())) == 3
    assert shared.bit_generator.state == before and model.third.rng is model.own is not shared
    assert Holder(first=Counter()).initialize(5).first.rng.random() == first["first.rng"]


def test_initialize_puts_buffers_at_their_start_and_asks_draw_for_it():
    model = Counter()
    model.mean, model.count = np.ones(2, np.float32), np.array(9)
    model.initialize(0)
    assert model.mean.tolist() == [0.5, 0.5] and model.count == 0

    class Silent(nn.Module):
        buffers = ("mean",)
        mean = np.zeros(1)

    with pytest.raises(NotImplementedError, match="Silent does not say how its buffer 'mean' starts: define draw"):
        Silent().initialize(0)


def test_what_a_look_changed_is_put_back():
    model = Holder(first=Counter(), second=[Counter(rng=1)]).train()
    model.first.training = False
    mean, state = model.first.mean, model.second[0].rng.bit_generator.state
    with preserved(model):
        model.train(not model.training)
        mean[:] = 3.0
        model.first.mean, model.first.count = np.ones(2), np.array(5)
        model.second[0].rng.random()
    assert (model.training, model.first.training, model.second[0].training) == (True, False, True)
    assert model.first.mean is mean and mean.tolist() == [0.0, 0.0] and model.first.count == 0
    assert model.second[0].rng.bit_generator.state == state


# starting weights


def bits(model):
    return {path: array.tobytes() for path, array in model.state_dict().items()}


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    model = nn.Sequential(nn.MLP(3, [4, 4]), np.tanh, nn.Linear(4, 2))
    assert model.initialize(7) is model
    first = bits(model)
    assert bits(model.initialize(np.random.default_rng(7))) == first
    other = bits(model.initialize(8))
    assert all(other[path] != first[path] for path in first if path.endswith("weight"))
    rng = np.random.default_rng(7)
    assert bits(model.initialize(rng)) == first != bits(model.initialize(rng))


def test_without_a_seed_every_model_is_another():
    assert bits(nn.MLP(2, [3])) != bits(nn.MLP(2, [3]))


def test_no_global_generator_is_used_or_moved():
    state = np.random.get_state()[1].copy()
    nn.MLP(2, [3])
    nn.Sequential(nn.Linear(2, 2)).initialize(0)
    assert np.array_equal(np.random.get_state()[1], state)


def test_adding_a_layer_leaves_the_other_weights_unchanged():
    small = bits(nn.MLP(3, [4, 5], rng=0))
    large = bits(nn.MLP(3, [4, 5, 6], rng=0))
    assert large["layers.0.weight"] == small["layers.0.weight"]
    model = Holder(first=nn.Linear(3, 4), last=nn.Linear(4, 2)).initialize(0)
    before = bits(model)
    wider = Holder(first=nn.Linear(3, 4), middle=nn.Linear(4, 4), last=nn.Linear(4, 2)).initialize(0)
    assert {path: bits(wider)[path] for path in before} == before


def test_layers_of_one_shape_start_differently():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), rng=0)
    assert not np.array_equal(model[0].weight.data, model[1].weight.data)


def test_initialize_forgets_gradients_and_asks_for_draw():
    model = Scale(2)
    model(np.ones(2)).sum().backward()
    model.initialize(0)
    assert not model.weight.has_grad

    class Silent(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(1.0)

    with pytest.raises(NotImplementedError, match="Silent does not say how its parameter 'weight' starts: define draw"):
        Silent().initialize(0)


# repr


def test_reprs_show_the_architecture_with_counts():
    model = nn.Sequential(nn.Linear(4, 8), np.tanh, nn.Linear(8, 1, bias=False))
    assert repr(model).splitlines() == [
        "Sequential()  48 parameters",
        "  0: Linear(4, 8)  40 parameters",
        "  1: tanh",
        "  2: Linear(8, 1, bias=False)  8 parameters",
    ]
    nested = Holder(body=nn.Sequential(nn.Neuron(1, None)), table={"a": Scale(1)})
    assert repr(nested).splitlines() == [
        "Holder()  3 parameters",
        "  body: Sequential()  2 parameters",
        "    0: Neuron(1, activation=None)  2 parameters",
        "  table.a: Scale()  1 parameter",
    ]
    assert repr(Holder()) == "Holder()"
    assert repr(nn.Linear(1000, 1000)) == "Linear(1000, 1000)  1,001,000 parameters"


# where a node was made


class Two(nn.Module):
    def __init__(self):
        self.first = nn.Sequential(Scale(2), Scale(2))
        self.second = Scale(2)

    def forward(self, x):
        self.seen = [self.second(x), self.first[0](x), self.first(x), x * 2.0]
        return self.seen[2]


def test_nodes_know_the_module_they_were_made_in():
    model, x = Two(), Value(np.ones(2))
    outside = x * 2.0
    out = model(x)
    assert [node.path for node in model.seen] == ["second", "first.0", "first.1", ""]
    assert out.operands[0].path == "first.0"
    assert (outside.path, (out * 2.0).path, x.path) == ("", "", "")
    assert model.first(x).path == "1"  # outermost now
    assert Scale(2)(x).path == ""


def test_the_first_path_of_a_module_wins():
    layer = Scale(2)
    model = nn.Sequential(layer, nn.Sequential(layer))
    assert model(Value(np.ones(2))).path == "0"


def test_a_layer_that_comes_after_a_call_is_placed_rightly():
    model, x = nn.Sequential(Scale(2), Scale(2)), Value(np.ones(2))
    assert model(x).path == "1"
    model.layers.append(nn.Sequential(Scale(2)))
    assert model(x).path == "2.0"
    model.layers[2].layers.insert(0, Scale(2))
    assert model(x).path == "2.1"


def test_a_stranger_called_inside_has_no_path_and_the_caller_keeps_its_own():
    stranger = Scale(2)

    class Caller(nn.Module):
        def forward(self, x):
            return stranger(x), x + 1.0

    class Outer(nn.Module):
        def __init__(self):
            self.caller = Caller()

        def forward(self, x):
            return self.caller(x)

    strange, own = Outer()(Value(np.ones(2)))
    assert (strange.path, own.path) == ("", "caller")


def test_an_exception_leaves_no_path_behind_and_says_where_it_was():
    model = nn.Sequential(Scale(2), nn.Sequential(nn.Linear(3, 1)))
    with pytest.raises(ValueError, match=r"\(2,\)") as caught:
        model(np.ones(2))
    assert caught.value.__notes__ == ["in 1.0: Linear(3, 1)"]
    assert (Value(1.0) * 2.0).path == ""


def test_a_call_names_the_parameters_that_have_no_label():
    model = nn.MLP(2, [3, 1], rng=0)
    model.layers[1].bias.label = "mine"
    model(np.ones(2, np.float32))
    assert [p.label for p in model.parameters()] == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "mine"]
