"""The benchmark computes the same with every contender at hand, and a broken one costs a line. Nothing is timed."""

import importlib
import json

import data
import machine
import numpy as np
import pytest
import report
import runner
import worker
from workloads import by_hand, by_hand_cnn, by_hand_networks, glassgrad, glassgrad_compiled, glassgrad_llvm

try:
    by_hand_numba = importlib.import_module("workloads.by_hand_numba")
except ModuleNotFoundError:
    by_hand_numba = None

NETWORKS = {
    "W1b": (lambda: by_hand_networks.hinge_network(data.moons(np.float32)), glassgrad.moons),
    "W2": (lambda: by_hand_networks.softmax_network(data.adam_problem(), by_hand_networks.relu), glassgrad.mlp_adam),
    "W3": (
        lambda: by_hand_networks.softmax_network(data.momentum_problem(), by_hand_networks.tanh),
        glassgrad.mlp_momentum,
    ),
}


@pytest.mark.parametrize("workload", NETWORKS)
def test_gradient_by_hand_equals_ours(workload):
    by_hand_network, our_network = NETWORKS[workload]
    _, gradients, run = by_hand_network()
    model, loss_function, _ = our_network()
    loss = loss_function()
    loss.backward(keep="leaves")
    ours = np.concatenate([p.grad.T.ravel() for p in model.parameters()])
    assert float(loss.data) == pytest.approx(float(run()), rel=1e-6)
    np.testing.assert_allclose(ours, gradients, rtol=0, atol=1e-6 * np.abs(gradients).max() * len(model.layers))


SLOW = {"W1"}  # eagerly a second a step; tests/autograd/test_compile_tape.py has smaller ones


@pytest.mark.parametrize("workload", [pytest.param(x, marks=pytest.mark.slow) if x in SLOW else x for x in data.TITLES])
def test_results_after_three_steps_equal(workload):
    ours = {"by hand": by_hand, "glassgrad": glassgrad, "compiled": glassgrad_compiled, "llvm": glassgrad_llvm}
    if by_hand_numba:
        ours["by hand, numba"] = by_hand_numba
    results = {
        name: worker.check(contender.WORKLOADS[workload])["results"]
        for name, contender in ours.items()
        if workload in contender.WORKLOADS
    }
    assert report.deviations(results, next(iter(results)), data.TOLERANCES[workload]) == {}


@pytest.mark.skipif(by_hand_numba is None, reason="numba is not installed")
def test_elementary_functions_of_the_loops_are_accurate():
    from workloads.by_hand_loops import exp32, exp64, tanh32

    for x in np.linspace(-86.5, 87.5, 997, dtype=np.float32):
        assert exp32(x) == pytest.approx(np.exp(float(x)), rel=3e-7)
        assert exp64(float(x)) == pytest.approx(np.exp(float(x)), rel=5e-16)
        assert 1 / (1 + float(exp32(-x))) == pytest.approx(1 / (1 + np.exp(-float(x))), rel=3e-7)
    for x in np.linspace(-12, 12, 997, dtype=np.float32):
        assert tanh32(x) == pytest.approx(np.tanh(float(x)), rel=4e-7)
    assert np.isnan([exp32(np.float32("nan")), exp64(np.nan), tanh32(np.float32("nan"))]).all()


def test_pool_by_hand_gives_the_gradient_to_the_first_of_equal_numbers():
    pool = by_hand_cnn.Pool(5, 1)
    pool.slabs[..., 0] = np.array([[4, 1, 1, 1, 7], [3, 4, 1, 1, 7], [2, 3, 4, 1, 7], [1, 2, 3, 4, 7]])
    pool.forward()
    pool.d_best[:, 0] = [1, 2, 3, 4, 5]
    pool.backward()
    assert pool.best.ravel().tolist() == [4, 4, 4, 4, 7]
    expected = [[1, 0, 0, 0, 5], [0, 2, 0, 0, 0], [0, 0, 3, 0, 0], [0, 0, 0, 4, 0]]
    np.testing.assert_array_equal(pool.d_slabs[..., 0], expected)


def test_deviations_name_who_differs():
    results = {"by hand": [2.0, 4.0], "close": [2.0, 4.0001], "off": [2.0, 5.0], "short": [2.0], "nan": [2.0, np.nan]}
    assert report.deviations(results, "by hand", 1e-3) == {"off": 0.25, "short": np.inf, "nan": np.inf}


def test_tables_show_medians_spread_and_ratios():
    samples = {
        "W1": {"glassgrad": [10.0, 20.0, 30.0], "torch eager": [20.0, 20.0, 20.0]},
        "W6": {"glassgrad": "failed"},
    }
    assert report.times_table(samples, ["glassgrad", "torch eager"], ["W1", "W6"]) == [
        "µs a step           W1      W6",
        "───────────  ─────────  ──────",
        "glassgrad    20.0 ±25%  failed",
        "torch eager   20.0 ±0%       ·",
    ]
    pairs = [("torch eager", "glassgrad", "torch eager"), ("JAX jit", "glassgrad", "JAX jit")]
    assert report.ratios_table(samples, pairs, ["W1", "W6"]) == [
        "ratio                      W1  W6",
        "───────────  ────────────────  ──",
        "torch eager  1.00 (0.75–1.25)   ·",
    ]


def test_processor_is_read_from_cpuinfo(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: Zen: 5\nflags\t: fpu avx512f\n\n")
    found = machine.processor(cpuinfo)
    assert {**found, "count": 2} == {"name": "Zen: 5", "family": "26", "model": "2", "avx512": True, "count": 2}
    assert machine.described({**found, "count": 2}) == "Zen: 5, family 26 model 2, AVX-512, 2 processors"
    nowhere = machine.processor(tmp_path / "missing")
    assert (nowhere["family"], nowhere["avx512"]) == (None, None)
    assert "AVX" not in machine.described(nowhere)


def test_peak_counts_what_is_kept_and_what_a_step_needs():
    def build():
        kept = np.ones(1 << 20, np.uint8)

        def step():
            term = np.ones(2 << 20, np.uint8)
            return (term + kept[0])[0]

        return step

    assert worker.array_peak(build) == pytest.approx(5 << 20, rel=0.01)  # kept, term and sum


def test_memory_table_leaves_out_who_cannot_tell():
    peaks = {"W2": {"glassgrad": 3 << 19, "torch eager": "failed"}}
    assert report.memory_table(peaks, ["glassgrad", "JAX jit", "torch eager"], ["W2"]) == [
        "MiB at the peak      W2",
        "───────────────  ──────",
        "glassgrad          1.50",
        "torch eager      failed",
    ]


def test_memory_is_measured_if_asked(capsys, tmp_path):
    figures = tmp_path / "figures.json"
    assert runner.main(["--memory", "--workloads", "W1b,W6", "--rounds", "1", "--json", str(figures)]) == 0
    assert "MiB at the peak" in capsys.readouterr().out
    found = json.loads(figures.read_text(encoding="utf-8"))["bytes"]
    assert list(found) == ["W1b"]
    assert {"by hand, NumPy", "glassgrad", "glassgrad compiled"} <= set(found["W1b"])


def test_broken_peers_get_one_line_and_the_others_go_on(tmp_path, capsys):
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\necho 'first line' >&2\necho 'illegal instruction' >&2\nexit 1\n")
    crashing.chmod(0o755)
    missing = tmp_path / "nowhere" / "python"
    arguments = ["--peer", f"torch={crashing}", "--peer", f"jax={missing}", "--json", str(tmp_path / "figures.json")]
    assert runner.main([*arguments, "--workloads", "W6", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("torch")] == ["torch left out: illegal instruction"]
    assert len([line for line in lines if line.startswith("jax left out: ")]) == 1
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["conditions"]["processor"] == machine.processor()
    assert figures["conditions"]["OPENBLAS_CORETYPE"]["option"] == "unset"
    assert lines[0] == machine.described(machine.processor())
    if by_hand_numba:
        assert any(line.startswith("glassgrad llvm ÷ by hand, numba ") for line in lines)
    assert len(figures["microseconds"]["W6"]["glassgrad"]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures.json", "python"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--peer", "tensorflow=/bin/python"],
            "got 'tensorflow=/bin/python', expected NAME=PYTHON with NAME one of hips",
        ),
        (["--peer", "torch"], "got 'torch', expected NAME=PYTHON"),
        (["--workloads", "W1,W99"], "unknown workload 'W99'; there are W1, W1b, W2, W3, W4, W5, W6, W7g, W7h, W7j, W8"),
        (["--rounds", "0"], "got '0', expected a whole number of at least 1"),
    ],
)
def test_wrong_options(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_info:
        runner.main(arguments)
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err
