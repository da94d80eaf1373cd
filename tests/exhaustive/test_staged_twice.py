"""A copy into staging that was done, and was reported as failed, doubles nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Emulate
from exhaustive.test_every_failure import ready
from support.failures import Break
from support.forked_command import forked
from support.one_failure import OneFailure
from support.project import Project


@pytest.mark.slow
@pytest.mark.parametrize("table", ["campaign_versions", "campaign_versions__calling_hours"])
def test_a_load_job_that_had_copied_its_rows_is_not_tried_again(
    emulate: Emulate, project: Project, tmp_path: Path, table: str
) -> None:
    case: OneFailure = ready(emulate, project, "changed")
    case.make_ready()
    copy = f'INSERT INTO "kore_raw_staging"."{table}" BY NAME'
    breaking = Break("database", 1, "after", (str(tmp_path),), matching=copy)

    ended = forked(project, "run", "--quiet", breaking=breaking)

    assert copy in ended.hit
    case.look("copied, and failed", ended, codes={6: ""})
    case.make_whole("copied, and failed")
    assert not case.complaints, "\n".join(case.complaints)
