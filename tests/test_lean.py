"""The command's own process is small; the process of who imports the package stays as it was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

from conftest import Emulate
from kore_campaigns.emulator import sample_campaigns
from project_case import Project

USES_ITS_LIBRARIES = """
import sys
from kore_campaigns.lean import make_lean
make_lean()
import duckdb, pyarrow
assert duckdb.execute("select ?", [1]).fetchone() == (1,)
assert pyarrow.Table.from_pylist([{"a": "b"}]).num_rows == 1
assert pyarrow.default_memory_pool().backend_name == "system"
assert not {"pandas", "numpy"} & set(sys.modules)
"""


def test_duckdb_and_pyarrow_do_without_pandas_and_numpy() -> None:
    subprocess.run([sys.executable, "-c", USES_ITS_LIBRARIES], check=True)


def test_a_run_by_the_command_loads_neither_pandas_nor_numpy(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    code = (
        "import sys; from kore_campaigns.cli import main; sys.argv = ['kore-campaigns', 'run'];"
        "code = main(); sys.exit(code or bool({'pandas', 'numpy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=project.folder)
    assert project.sql("select count(*) from kore.campaigns") == [(3,)]


def test_a_command_called_from_python_changes_nothing_for_its_caller(project: Project) -> None:
    before = (list(sys.meta_path), gc.get_threshold(), dict(os.environ))
    project.cli("status")
    assert (list(sys.meta_path), gc.get_threshold(), dict(os.environ)) == before
