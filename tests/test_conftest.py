"""How tests are collected."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_a_file_that_cannot_be_imported_is_an_error_and_no_skip(tmp_path):
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tmp_path / "test_broken.py").write_text("from nn import nothing_such\n\n\ndef test_one():\n    pass\n")
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-c", HERE.parent / "pyproject.toml", "--rootdir", tmp_path]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2, run.stdout
    assert "ERROR" in run.stdout and "nothing_such" in run.stdout
