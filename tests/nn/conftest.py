"""Lets the tests import the cases of the layers, layer_table.py, by their bare name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
