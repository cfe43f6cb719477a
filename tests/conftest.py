"""Hypothesis for every test: examples seeded from the test's own name, and no deadline, since a slow machine is no bug.

Tests marked slow run only when asked for: -m slow. The last lines say how many derivatives were checked,
and how many of the onnx wheel's cases were passed.
"""

import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("glassgrad", derandomize=True, deadline=None, database=None)
settings.load_profile("glassgrad")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Tests are no doctests. Looked at as such a file that cannot be imported is skipped, and is half imported then: the
    tests that it should have had would be missing without a word."""
    return [collector for collector in (yield) if type(collector).__name__ != "DoctestModule"]


def pytest_collection_modifyitems(config, items):
    if "slow" not in config.getoption("markexpr"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """What opens a saved page in Chromium (chromium.py); the test is skipped with one line where that is missing."""
    from chromium import pages

    with pages(tmp_path_factory) as open_page:
        yield open_page


COUNTERS = {"op_table": ("CHECKED",), "onnx_cases": ("COUNTS", "PASSED", "LEFT")}  # of modules, if they are imported
TOTALS = {name: Counter() for names in COUNTERS.values() for name in names}


def counted():
    """What the counters of this process say."""
    return {
        name: dict(getattr(sys.modules[module], name))
        for module, names in COUNTERS.items() if module in sys.modules for name in names
    }  # fmt: skip


def add(found):
    for name, counts in found.items():
        TOTALS[name].update(counts)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # one of several processes
        session.config.workeroutput["counters"] = counted()
    else:
        add(counted())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    add(getattr(node, "workeroutput", {}).get("counters", {}))


def pytest_terminal_summary(terminalreporter):
    if TOTALS["CHECKED"]:
        counts = ", ".join(f"{count:,} {what}" for what, count in sorted(TOTALS["CHECKED"].items()))
        terminalreporter.write_line(f"gradient checks, numbers compared: {counts}")
    if TOTALS["COUNTS"]:
        passed = ", ".join(
            f"{TOTALS['PASSED'][kind]:,} of {count:,} {kind}" for kind, count in TOTALS["COUNTS"].items()
        )
        terminalreporter.write_line(f"onnx, passed: {passed}")
        left = "; ".join(f"{count} {why}" for why, count in TOTALS["LEFT"].most_common())
        terminalreporter.write_line(f"onnx, left out: {left}")
