"""Lets test_bench.py import the benchmark's files by their bare names, and keeps doctests out of the peers' files."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

collect_ignore = ["__main__.py"]
collect_ignore_glob = ["workloads/*.py"]
