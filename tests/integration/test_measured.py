"""A test that is marked `untraced` costs no tracing, in a worker of xdist neither."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

THING = """\
def marked():
    return 1


def plain():
    return 2
"""

TESTS = """\
import os
import sys

import pytest
from thing import marked, plain


@pytest.mark.untraced
def test_marked():
    assert marked() == 1
    assert sys.gettrace() is None
    assert "COVERAGE_PROCESS_CONFIG" not in os.environ


def test_plain():
    assert plain() == 2
    assert sys.gettrace() is not None
    assert "COVERAGE_PROCESS_CONFIG" in os.environ
"""

SETTINGS = """\
[tool.coverage.run]
parallel = true
patch = ["subprocess"]
[tool.pytest.ini_options]
pythonpath = ["."]
markers = ["untraced", "by_force"]
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_a_marked_test_is_not_traced_and_the_others_are(tmp_path: Path, workers: int) -> None:
    measured = (Path(__file__).parents[1] / "support" / "measured.py").read_text(encoding="utf-8")
    texts = {
        "thing.py": THING,
        "test_thing.py": TESTS,
        "pyproject.toml": SETTINGS,
        "measured.py": measured,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "measured", "-n", str(workers)]
    # in the folder that it would share with this session pytest takes from others, such as the
    # user of a Postgres here, the right to look
    options = ["--cov=thing", "--cov-report=json:found.json", "--basetemp=own"]
    ended = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["files"]["thing.py"]["missing_lines"] == [2]
