"""The shape of the source: what imports what, how long files are, where randomness comes from, whose `autograd` this is."""

import ast
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from autograd import ops

HOME = Path(autograd.__file__).resolve().parents[1]
FILES = sorted(path for package in ("autograd", "nn") for path in (HOME / package).rglob("*.py"))

# each imports only from those before it; `check`, `viz` and `numpy` stand on all of them and not on each other
ORDER = [
    "errors",
    "data",
    "context",
    "value",
    "rows",
    "primitives",
    "ops",
    "overrides",
    "backward",
    "forward",
    "tree",
    "transforms",
    "jacobians",
]
TOP = ["check", "checkpoint", "compiler", "viz", "numpy", "random", "scipy"]
DRAWN_WITHOUT_THE_ENGINE = [
    "scene", "view", "cards", "layout", "nested", "style", "words", "svg", "html", "dot", "text", "picture",
    "steps", "diff", "drawing",
]  # fmt: skip
SPINE = [
    "autograd/value.py", "autograd/context.py", "autograd/primitives.py", "autograd/backward.py", "autograd/transforms.py",
    "nn/module.py", "nn/init.py", "nn/layers/neuron.py", "nn/losses/regression.py", "nn/training.py",
]  # fmt: skip
OPTIONAL = [
    "matplotlib", "graphviz", "vl_convert", "tqdm", "threadpoolctl", "scipy", "llvmlite", "numba", "safetensors", "onnx",
    "jax", "sklearn", "pandas", "IPython", "hypothesis", "pytest",
]  # fmt: skip


def name_of(path):
    parts = path.relative_to(HOME).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def imports(path):
    """Dotted names of all modules that a file imports, inside functions too; `from a import b` is a.b if that is one."""
    package = path.relative_to(HOME).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
                if node.level
                else node.module
            )
            found.update(f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names)
    return found


def test_the_imports_of_a_file_are_found():
    assert {"autograd.tree", "autograd.value", "numpy", "inspect"} <= imports(HOME / "autograd/transforms.py")
    assert {"autograd.viz.svg", "autograd.viz.scene"} <= imports(HOME / "autograd/viz/drawing.py")


def test_the_import_graph_goes_one_way():
    known = {f"autograd.{name}": rank for rank, name in enumerate(ORDER)} | {
        f"autograd.{name}": len(ORDER) + (name == "compiler")
        for name in TOP  # which has pictures of programs
    }

    def layer(name):
        return ".".join(name.split(".")[:2])

    wrong = []
    for name, path in MODULES.items():
        if name.startswith("autograd.") and not name.endswith("__main__"):
            assert layer(name) in known, f"{name} has no place in ORDER"
            for other in imports(path):
                inside = other.startswith("autograd.") and layer(other) != layer(name)
                if (
                    other.split(".")[0] == "nn"
                    or other == "autograd"
                    or (inside and known[layer(other)] >= known[layer(name)])
                ):
                    wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_the_methods_of_late_ops_are_listed():
    code = (
        "from autograd import Value, ops; before = dict(vars(Value)); ops.load(); after = vars(Value); "
        "print(*sorted(name for name in after if after[name] is not before.get(name)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOME)
    assert tuple(done.stdout.split()) == ops.LATE_METHODS


def test_ops_build_on_earlier_ops_only():
    scipy = [
        "scipy_linalg",
        "scipy_ufunc",
        "scipy_error",
        "scipy_gamma",
        "scipy_bessel",
        "scipy_polynomial",
        "scipy_special",
    ]
    listed = [*ops.EARLY, *ops.LATE, *scipy]
    assert sorted(listed) == sorted(path.stem for path in Path(ops.__file__).parent.glob("[!_]*.py"))
    for rank, name in enumerate(listed):
        used = {
            other.rpartition(".")[2]
            for other in imports(MODULES[f"autograd.ops.{name}"])
            if other.startswith("autograd.ops.")
        }
        assert used <= set(listed[:rank]), f"ops.{name} uses {used - set(listed[:rank])}, which comes later"


def test_nothing_imports_in_a_circle():
    graph = {name: imports(path) & MODULES.keys() for name, path in MODULES.items()}
    done = set()

    def visit(name, trail):
        assert name not in trail, f"a circle: {' → '.join([*trail, name])}"
        if name not in done:
            for other in graph[name]:
                visit(other, [*trail, name])
            done.add(name)

    for name in graph:
        visit(name, [])


def test_pictures_are_drawn_without_numpy_and_engine():
    allowed = {f"autograd.viz.{name}" for name in DRAWN_WITHOUT_THE_ENGINE}
    for name in DRAWN_WITHOUT_THE_ENGINE:
        for other in imports(MODULES[f"autograd.viz.{name}"]):
            root = other.split(".")[0]
            outside = root in sys.stdlib_module_names or other in ("autograd.viz", "graphviz", "vl_convert")
            assert other in allowed or outside, f"{name}: {other}"


# size


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_has_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_spine_can_be_read_in_an_afternoon():
    lengths = {name: len((HOME / name).read_text(encoding="utf-8").splitlines()) for name in SPINE}
    assert sum(lengths.values()) <= 2500, lengths


# randomness


def global_generators(source):
    """Where source uses a generator that is everybody's: np.random.seed, np.random.rand, the `random` module."""
    explicit = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "get_state"}  # reading it changes nothing
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in ("random", "numpy.random"))
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if node.module == "random" or (node.module == "numpy" and "random" in names):
                yield f"from {node.module} import {', '.join(sorted(names))}"
            elif node.module == "numpy.random":
                yield from names - explicit
        elif isinstance(node, ast.Attribute) and node.attr not in explicit:
            inner = node.value
            if (
                isinstance(inner, ast.Attribute)
                and inner.attr == "random"
                and getattr(inner.value, "id", "") in ("np", "numpy")
            ):
                yield f"np.random.{node.attr}"


def test_the_search_for_global_generators_finds_them():
    for source in ("np.random.seed(0)", "numpy.random.normal(size=3)", "import random", "from random import choice",
                   "from numpy.random import rand", "from numpy import random", "import numpy.random"):  # fmt: skip
        assert list(global_generators(source)), source
    assert not list(global_generators("rng = np.random.default_rng(0)\nrng.random()\nx: np.random.Generator"))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_global_generator_is_used(path):
    assert list(global_generators(path.read_text(encoding="utf-8"))) == []


def test_training_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()
    model = nn.MLP(2, [3, 1])
    X = np.random.default_rng(0).normal(size=(8, 2))
    nn.fit(model, X, X[:, :1], epochs=1, rng=0, progress=False)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# the packages


def run(code, *, first=(), cwd):
    path = os.pathsep.join([*map(str, first), str(HOME)])
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=60
    )


def test_autograd_is_ours():
    assert Path(autograd.__file__).resolve() == HOME / "autograd" / "__init__.py"
    assert Path(nn.__file__).resolve().parents[1] == HOME
    assert autograd.__doc__.startswith("glassgrad")
    theirs = {
        "extend",
        "core",
        "tracer",
        "util",
        "misc",
        "builtins",
        "test_util",
        "wrap_util",
        "differential_operators",
    }
    assert not {f"autograd.{name}" for name in theirs} & MODULES.keys()


def test_the_version_is_the_distributions():
    try:
        installed = importlib.metadata.version("glassgrad")
    except importlib.metadata.PackageNotFoundError:
        project = HOME / "pyproject.toml"
        assert f'version = "{autograd.__version__}"' in project.read_text(encoding="utf-8")
    else:
        assert autograd.__version__ == installed


@pytest.mark.parametrize("package", ["autograd", "nn"])
def test_importing_loads_nothing_optional(package, tmp_path):
    result = run(f"import sys, {package}; print(*sys.modules)", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    loaded = {name.split(".")[0] for name in result.stdout.split()}
    assert {package, "numpy"} <= loaded
    assert loaded & set(OPTIONAL) == set()
    assert package == "nn" or "nn" not in loaded


def test_another_autograd_in_our_place_is_noticed(tmp_path):
    fake = tmp_path / "autograd"
    fake.mkdir()
    (fake / "__init__.py").write_text("from .core import grad\n")
    (fake / "core.py").write_text("def grad(f): ...\n")
    result = run("import nn", first=[tmp_path], cwd=tmp_path)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(
        f"ImportError: `import autograd` found another package, {fake / '__init__.py'}: HIPS autograd"
    )
    assert "pip uninstall -y autograd glassgrad, and install glassgrad again" in last
