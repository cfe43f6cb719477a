"""Lets test_ops.py import the columns of the op table, op_table.py, by their bare name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
