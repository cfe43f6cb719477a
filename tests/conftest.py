"""Hypothesis for every test: examples seeded from the test's own name, and no deadline, since a slow machine is no bug.

Tests marked slow run only when asked for: -m slow. The last lines say how many derivatives were checked,
and how many of the onnx wheel's cases were passed.
"""

import sys

from hypothesis import settings

settings.register_profile("glassgrad", derandomize=True, deadline=None, database=None)
settings.load_profile("glassgrad")


def pytest_collection_modifyitems(config, items):
    if "slow" not in config.getoption("markexpr"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)


def pytest_terminal_summary(terminalreporter):
    table = sys.modules.get("op_table")
    if table is not None and table.CHECKED:
        counts = ", ".join(f"{count:,} {what}" for what, count in table.CHECKED.items())
        terminalreporter.write_line(f"gradient checks, numbers compared: {counts}")
    onnx = sys.modules.get("onnx_cases")
    if onnx is not None and onnx.COUNTS:
        passed = ", ".join(f"{onnx.PASSED[kind]:,} of {count:,} {kind}" for kind, count in onnx.COUNTS.items())
        terminalreporter.write_line(f"onnx, passed: {passed}")
        left = "; ".join(f"{count} {why}" for why, count in onnx.LEFT.most_common())
        terminalreporter.write_line(f"onnx, left out: {left}")
