"""Imported by the process whose copies `forked` runs: it has made two runs, so that what takes a
second the first time (imports, signatures, schemas that are read) is done in each copy.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from kore_campaigns.cli.main import main
from kore_emulator import Emulator, sample_campaigns
from support.project import SETTINGS, app_of


def make_two_runs() -> None:
    """In a folder of its own; what the environment was, it is afterwards."""
    before = dict(os.environ)
    with (
        TemporaryDirectory(prefix="kore-warm-") as folder,
        Emulator(campaigns=sample_campaigns(2)) as kore,
    ):
        os.environ.update(_settings(kore, folder))
        ids = "\n".join(["campaign_id", *kore.campaign_ids()])
        Path(folder, "campaign_ids.csv").write_text(ids + "\n", encoding="utf-8")
        for _ in range(2):
            kore.edit(kore.campaign_ids()[0], {"description": "changed"})
            code = main(["run", "--quiet"])
            assert code == 0, f"the run that warms up ended with {code}"
    os.environ.clear()
    os.environ.update(before)
    others = [thread.name for thread in threading.enumerate()[1:]]
    assert not others, f"a copy would lack what these threads hold: {others}"


def _settings(kore: Emulator, folder: str) -> dict[str, str]:
    values = app_of(kore) | {"requests_per_minute": "0", "chunk_size": "1"}
    named = {SETTINGS + name.upper(): value for name, value in values.items()}
    return named | {"DLT_PROJECT_DIR": folder, "XDG_STATE_HOME": folder}


make_two_runs()
