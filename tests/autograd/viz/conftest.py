"""Lets the tests import the graphs and the geometry that several of them use by their bare names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
