"""The crontab lines of the docs, run as cron runs them: by a bare shell, in a bare environment."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.recorder import Ended

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/how-to/cron.md")
FOLDER = "/srv/campaigns"


def cron_lines(page: str) -> list[str]:
    """The commands, without the times at which they run."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^(?:\S+ ){{5}}(cd {FOLDER} && .*)$", text, flags=re.MULTILINE)


def configured(project: Project, kore: Emulator) -> None:
    """All settings in files, and the program where the docs have it."""
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    dlt = project.folder / ".dlt"
    dlt.mkdir()
    (dlt / "config.toml").write_text(
        f'[sources.kore_campaigns]\nhost = "{kore.url}"\nstream_id = "{kore.stream_id}"\n'
        f'account_id = "{kore.account_id}"\nrequests_per_minute = 0\n',
        encoding="utf-8",
    )
    (dlt / "secrets.toml").write_text(
        f'[sources.kore_campaigns.credentials]\nclient_id = "{kore.client_id}"\n'
        f'client_secret = "{kore.client_secret}"\n',
        encoding="utf-8",
    )
    project.configure(kore.campaign_ids())


def as_cron(line: str, project: Project) -> Ended:
    ended = subprocess.run(
        [
            *("/usr/bin/env", "-i", f"HOME={project.folder}", "PATH=/usr/bin:/bin"),
            *("/bin/sh", "-c", line.replace(FOLDER, str(project.folder))),
        ],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize("page", PAGES)
def test_a_crontab_line_is_silent_if_all_is_well_and_says_in_one_line_what_is_not(
    emulate: Emulate, project: Project, page: str
) -> None:
    kore = emulate(sample_campaigns(3))
    configured(project, kore)
    lines = cron_lines(page)
    assert lines
    for line in lines:
        assert as_cron(line, project) == Ended(0, "", "")
        assert project.sql("select count(*) from kore.campaigns") == [(3,)]

        kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
        kore.fault(Fault.HTML, kore.campaign_ids()[0], times=9)
        ended = as_cron(line, project)
        kore.clear_faults()

        assert (ended.code, ended.out) == (4, "")
        assert len(ended.err.splitlines()) == 1
        assert kore.campaign_ids()[0] in ended.err
        assert as_cron(line, project).code == 0
