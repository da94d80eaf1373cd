"""A process in Airflow's environment that reads the DAG file as the dag-processor does.

`python airflow_dag_process.py FILE` prints what that touched and imported, as a JSON object.
"""

from __future__ import annotations

import json
import runpy
import sys
from datetime import UTC, datetime
from pathlib import Path

# what the file imports of Airflow is Airflow's own, and counted apart
from airflow.sdk import DAG, Asset, BaseOperator, Connection, task  # noqa: F401  # it loads lazily

# as is what the first DAG with a schedule makes it import
DAG("first", schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC))

touched: list[str] = []
KINDS = ("open", "socket.", "sqlite3.", "subprocess.", "os.listdir", "os.scandir")
# Python's own modules and Airflow's, some of which are imported when they are used first
INSTALLED = (sys.prefix, sys.base_prefix)


def note(event: str, arguments: tuple[object, ...]) -> None:
    what = str(arguments[0]) if arguments else ""
    if event.startswith(KINDS) and not what.startswith(INSTALLED):
        touched.append(f"{event} {what}")


def main(file: Path) -> None:
    before = set(sys.modules)
    sys.dont_write_bytecode = True
    sys.path.append(str(file.parent))
    sys.addaudithook(note)
    names = runpy.run_path(str(file))
    # the file itself, and the module beside it, which is looked for
    folder = str(file.parent)
    own = {each for each in touched if folder in each and each.endswith((folder, ".py", ".pyc"))}
    found = {
        "touched": [each for each in touched if each not in own],
        "imported": sorted({name.partition(".")[0] for name in set(sys.modules) - before}),
        "pools": {run.task_id: run.pool for run in names["runs"]},
    }
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
