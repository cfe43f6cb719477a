"""Speed of glassgrad beside its peers and beside hand-written NumPy, by hand or nightly, never a timed test.

    python tests/bench --peer torch=/path/to/venv/bin/python --peer jax=/other/venv/bin/python --workloads W2,W3

Peers are found in virtual environments of their own; none is needed. Files in reading order: data.py (the problems),
workloads/ (one file a contender, and what the programs by hand share), worker.py (a contender's process), contender.py
(the same seen from outside), report.py (tables), machine.py (the processor), runner.py. The folder is no package: the
peers' interpreters run a part of it without the rest.
"""

import sys

from runner import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
