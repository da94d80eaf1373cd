"""Kore.ai campaigns into a warehouse: one task per connection, one at a time per account.

What to install, to set and to expect: docs/airflow.md. All that reading this file needs is Airflow
and its configuration, which is in memory already: no file is opened and nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, task
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowSkipException

from kore_campaigns_task import SECTION, KoreCampaignsRun

CAMPAIGNS: Final = Asset("kore.campaigns")


def configured_accounts() -> dict[str, list[str]]:
    """Connections by account; raises `ValueError`, which Airflow shows as the file's error."""
    found: Any = conf.getjson(SECTION, "accounts", fallback={})
    lists = found.values() if isinstance(found, dict) else [()]
    names = [*found, *(name for names in lists for name in names)]
    if not all(lists) or not names or not all(re.fullmatch(r"[\w-]+", name) for name in names):
        message = (
            "AIRFLOW__KORE_CAMPAIGNS__ACCOUNTS must name each account with its connections, such "
            'as {"acme": ["emea", "apac"], "globex": ["us"]}. Next: set it for the scheduler, the '
            "dag-processor and the workers, as docs/airflow.md shows."
        )
        raise ValueError(message)
    return dict(found)


@task(outlets=[CAMPAIGNS], trigger_rule="all_done")
def loaded(accounts: Iterable[str], *, ti: Any, outlet_events: Any) -> None:
    """One update of the asset a run, also where a part of it failed."""
    reports = [
        report
        for account in accounts
        for report in ti.xcom_pull(task_ids=[account], key="report")
        if report and report["new_versions"] + report["unchanged"] + report["vanished"]
    ]
    if not reports:
        message = "no connection was answered, so nothing is as new as it could be"
        raise AirflowSkipException(message)
    outlet_events[CAMPAIGNS].extra = {
        "new_versions": sum(report["new_versions"] for report in reports),
        "exit_codes": {report["connection"]: report["exit_code"] for report in reports},
    }


with DAG(
    "kore_campaigns",
    schedule=conf.get(SECTION, "schedule", fallback="@hourly"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["kore"],
):
    deadline = timedelta(minutes=conf.getfloat(SECTION, "deadline_minutes", fallback=50.0))
    accounts = configured_accounts()
    runs = [
        KoreCampaignsRun.partial(
            task_id=account,
            pool=f"kore_{account}",
            # they take turns, so that all of them together end before the next DAG run
            deadline_seconds=deadline.total_seconds() / len(connections),
            map_index_template="{{ task.connection }}",
            retries=conf.getint(SECTION, "retries", fallback=3),
            retry_delay=timedelta(
                seconds=conf.getfloat(SECTION, "retry_delay_seconds", fallback=300.0)
            ),
            # for one that hangs: its own deadline comes before
            execution_timeout=deadline + timedelta(minutes=5),
        ).expand(connection=connections)
        for account, connections in accounts.items()
    ]
    # a leaf: with `loaded` as the only one, the DAG run would be well whatever failed before
    runs >> EmptyOperator(task_id="none_failed", trigger_rule="none_failed")
    runs >> loaded(list(accounts))
