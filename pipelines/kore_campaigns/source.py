"""The plain dlt source: `dlt.pipeline(...).run(kore_campaigns())` in a pipeline of your own.

One full sweep is one load package, of raw tables only.  The destination is the checkpoint as in
`run_pipeline`: a second run writes new versions only.  Only `run_pipeline` has chunks, views,
contact lists, policies and publishing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, cast

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.extract.resource import DltResource

from kore_campaigns import schema
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import SECTION, KoreCredentials, KoreSettings
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.plan import plan_run
from kore_campaigns.extract.report import RunReport
from kore_campaigns.extract.rows import PendingRows
from kore_campaigns.extract.sweep import Sweep
from kore_campaigns.load.dlt_load import ensure_tables, resource
from kore_campaigns.load.warehouse import pipeline_reader


@dlt.source(name=SECTION, section=SECTION, spec=KoreSettings, max_table_nesting=1)
def kore_campaigns(
    settings: KoreSettings = dlt.config.value,
    *,
    host: str = dlt.config.value,
    stream_id: str = dlt.config.value,
    account_id: str = dlt.config.value,
    credentials: KoreCredentials = dlt.secrets.value,
    campaign_ids: str = dlt.config.value,
    requests_per_minute: int = dlt.config.value,
) -> Iterator[DltResource]:
    """Campaign versions with their calling hours, lists and changes, and the record of the sweep.

    Every setting may come from `[sources.kore_campaigns]` or the environment; the arguments are
    those that code sets most often.  No file is read and no request sent before the resources are
    iterated.  Raises `AccessRefused` if the credentials are refused.  A campaign that fails is a
    row of `extraction_errors`.
    """
    swept = cache(lambda: _sweep(settings))
    yield resource(schema.CAMPAIGN_VERSIONS, _rows(lambda: swept().version_rows()))
    yield resource(schema.EXTRACTION_RUNS, _rows(lambda: [swept().run_row(is_last=True)]))
    yield resource(schema.EXTRACTION_ERRORS, _rows(lambda: swept().errors))
    yield resource(schema.CAMPAIGN_LISTINGS, _rows(lambda: swept().listings))
    yield resource(schema.EXTRACTION_DRIFT, _rows(lambda: swept().drift))
    yield resource(schema.CONFIGURED_CAMPAIGNS, _rows(lambda: swept().configured))


def _rows(rows: Callable[[], Iterable[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    yield from rows()


def _sweep(settings: KoreSettings) -> PendingRows:
    """Request every configured campaign; compare with the destination of the active pipeline."""
    campaign_ids = configured_ids(settings, project_folder())
    pipeline = _active_pipeline()
    report = RunReport(database=pipeline.dataset_name if pipeline else "")
    stop = threading.Event()
    with connected(settings, stop=stop) as client:
        with pipeline_reader(pipeline) as reader:
            plan = plan_run(
                settings, campaign_ids, client, reader, now=report.started_at, sweep="full"
            )
            rows = PendingRows(settings, report, plan, reader)
        # full chunks stay in `rows`: this source is one load package
        for _ in Sweep(settings, report, client, stop, plan, rows).run():
            pass
    with pipeline_reader(pipeline) as reader:
        rows.read_stored(reader)
    if report.access_refused is not None:
        raise report.access_refused
    return rows


def _active_pipeline() -> dlt.Pipeline | None:
    """The pipeline that runs this source, with all tables made; None outside of one."""
    context = Container()[PipelineContext]
    if not context.is_active():
        return None
    pipeline = cast(dlt.Pipeline, context.pipeline())
    with pipeline.destination_client() as client:
        if not isinstance(client, SqlJobClientBase):
            raise SettingInvalid(
                key="destination",
                value=pipeline.destination.destination_name,
                expected="a SQL destination: its stored versions decide what is new",
            )
    ensure_tables(pipeline)
    return pipeline
