"""Kore.ai campaigns into a warehouse: one task per connection, one at a time per account.

Installation, settings and behaviour: docs/how-to/airflow.md. Parsing this file needs only
Airflow and its configuration in memory: it opens no file and sends no request.
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
    """Read the connections by account; Airflow shows a `ValueError` as an import error."""
    found: Any = conf.getjson(SECTION, "accounts", fallback={})
    lists = found.values() if isinstance(found, dict) else [()]
    names = [*found, *(name for names in lists for name in names)]
    if not all(lists) or not names or not all(re.fullmatch(r"[\w-]+", name) for name in names):
        message = (
            "AIRFLOW__KORE_CAMPAIGNS__ACCOUNTS must name each account with its connections, such "
            'as {"acme": ["emea", "apac"], "globex": ["us"]}. Next: set it for the scheduler, the '
            "dag-processor and the workers, as docs/how-to/airflow.md shows."
        )
        raise ValueError(message)
    return dict(found)


@task(outlets=[CAMPAIGNS], trigger_rule="all_done")
def loaded(accounts: Iterable[str], *, ti: Any, outlet_events: Any) -> None:
    """Update the asset once per DAG run, also if some connections failed."""
    reports = [
        report
        for account in accounts
        for report in ti.xcom_pull(task_ids=[account], key="report")
        if report and report["new_versions"] + report["unchanged"] + report["vanished"]
    ]
    if not reports:
        message = "no connection was answered, so no campaign is up to date"
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
            # they run one after the other, and all must end before the next DAG run
            deadline_seconds=deadline.total_seconds() / len(connections),
            map_index_template="{{ task.connection }}",
            retries=conf.getint(SECTION, "retries", fallback=3),
            retry_delay=timedelta(
                seconds=conf.getfloat(SECTION, "retry_delay_seconds", fallback=300.0)
            ),
            # for a run that hangs: its own deadline is earlier
            execution_timeout=deadline + timedelta(minutes=5),
        ).expand(connection=connections)
        for account, connections in accounts.items()
    ]
    # a second leaf: with `loaded` alone, the DAG run would succeed although a task failed
    runs >> EmptyOperator(task_id="none_failed", trigger_rule="none_failed")
    runs >> loaded(list(accounts))
