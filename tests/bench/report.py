"""What the runner prints: medians with their spread, ratios taken round by round, bytes, and warnings."""

import math
from statistics import median, quantiles

ABSENT, FAILED = "·", "failed"


def quartiles(numbers):
    """(first quartile, median, third quartile); with one number, three times that."""
    if len(numbers) == 1:
        return numbers[0], numbers[0], numbers[0]
    first, _, third = quantiles(numbers, n=4, method="inclusive")
    return first, median(numbers), third


def time_cell(samples):
    """Median and half the distance between the quartiles in percent of it: "1,717 ±3%". samples in µs, by round."""
    first, middle, third = quartiles(samples)
    digits = 0 if middle >= 100 else 1
    return f"{middle:,.{digits}f} ±{50 * (third - first) / middle:.0f}%"


def ratio_cell(ours, theirs):
    """Median and quartiles of our time over theirs, each pair from the same round: "0.58 (0.55–0.61)"."""
    first, middle, third = quartiles([a / b for a, b in zip(ours, theirs, strict=True)])
    return f"{significant(middle)} ({significant(first)}–{significant(third)})"


def significant(number):
    """A positive number with two or three significant digits: 11,662, 14.4, 0.96, 0.098."""
    digits = 0 if number >= 100 else 1 if number >= 10 else 2 if number >= 0.1 else 3
    return f"{number:,.{digits}f}"


def table(header, rows):
    """Lines of a table with a left-aligned first column and right-aligned others. All cells are strings."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(row):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "  ".join(cells).rstrip()

    return [line(header), line(["─" * width for width in widths]), *(line(row) for row in rows)]


def times_table(samples, names, workloads):
    """µs a step, a row for each name. samples[workload][name] is a list of µs, FAILED, or missing."""

    def cell(workload, name):
        found = samples[workload].get(name, ABSENT)
        return found if isinstance(found, str) else time_cell(found)

    rows = [[name, *(cell(workload, name) for workload in workloads)] for name in names]
    return table(["µs a step", *workloads], rows)


def ratios_table(samples, pairs, workloads):
    """Our time over theirs, a row for each of pairs (label, our name, their name)."""

    def cell(workload, ours, theirs):
        found = [samples[workload].get(name, ABSENT) for name in (ours, theirs)]
        return ABSENT if any(isinstance(item, str) for item in found) else ratio_cell(*found)

    rows = [[label, *(cell(workload, ours, theirs) for workload in workloads)] for label, ours, theirs in pairs]
    return table(["ratio", *workloads], [row for row in rows if set(row[1:]) != {ABSENT}])


def memory_table(peaks, names, workloads):
    """MiB at the peak of a step, a row for each name. peaks[workload][name] is in bytes, FAILED, or missing."""

    def cell(workload, name):
        found = peaks[workload].get(name, ABSENT)
        return found if isinstance(found, str) else significant(found / 2**20)

    rows = [[name, *(cell(workload, name) for workload in workloads)] for name in names]
    return table(["MiB at the peak", *workloads], [row for row in rows if set(row[1:]) != {ABSENT}])


def deviations(results, reference, tolerance):
    """Largest relative difference of each contender's results from the reference, of those above the tolerance.

    Infinite for NaN or for a different count of numbers.

    results     {name: [numbers]}
    reference   name in results of the hand-written NumPy
    """
    expected = results[reference]

    def difference(numbers):
        if len(numbers) != len(expected) or not all(map(math.isfinite, numbers)):
            return math.inf
        return max(abs(a - b) / abs(b) for a, b in zip(numbers, expected, strict=True))

    found = {name: difference(numbers) for name, numbers in results.items()}
    return {name: worst for name, worst in found.items() if worst > tolerance}
