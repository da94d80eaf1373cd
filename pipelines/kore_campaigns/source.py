"""The plain dlt source: `dlt.pipeline(...).run(kore_campaigns())` in a pipeline of your own.

Its resources are functions, so a source can be run, iterated, limited and selected again and again.
The destination is the checkpoint as in `run_pipeline`: a second run writes new versions only. Only
`run_pipeline` has chunks, views and publishing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, TypeVar

import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration, CredentialsConfiguration
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.common.typing import TSecretStrValue
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.extract.items_transform import LimitItem
from dlt.extract.resource import DltResource

from kore_campaigns import schema
from kore_campaigns.config.dlt_settings import providers
from kore_campaigns.config.project import configured_ids, configured_policies, project_folder
from kore_campaigns.config.settings import SECTION, KoreCredentials, KoreSettings, refuse_unknown
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.contact_lists import contact_list_rows
from kore_campaigns.extract.plan import plan_sweep
from kore_campaigns.extract.report import RunReport
from kore_campaigns.extract.rows import PendingRows, number_run
from kore_campaigns.extract.sweep import Sweep
from kore_campaigns.load.dlt_load import columns_of_table, ensure_tables, resource
from kore_campaigns.load.reader import pipeline_reader
from kore_campaigns.schema import Column, Table

Row = dict[str, Any]
T = TypeVar("T")

VERSIONS: Final = schema.CAMPAIGN_VERSIONS.name
# a campaign in the tables that show what is in force now
_CAMPAIGN: Final = ("account_id", "stream_id", "campaign_id")
_GONE: Final = Column("is_gone", "Never stored: it deletes the rows of a campaign.", "bool")


@configspec
class CredentialsSpec(KoreCredentials, CredentialsConfiguration):
    """The credentials as dlt resolves them for the source."""

    client_secret: TSecretStrValue | None = None
    private_key: TSecretStrValue | None = None

    def parse_native_representation(self, native_value: Any) -> None:
        """Ignore credentials written as one text; dlt would search it for our names."""


@configspec
class SettingsSpec(KoreSettings, BaseConfiguration):
    """The settings as dlt resolves them for the source."""

    credentials: CredentialsSpec = None  # type: ignore[assignment]  # dlt resolves nested specs
    notify_url: TSecretStrValue | None = None

    __section__: ClassVar[str] = SECTION

    def on_resolved(self) -> None:
        """Dlt calls it."""
        refuse_unknown(providers())
        self.check()


@dlt.source(name=SECTION, section=SECTION, spec=SettingsSpec, max_table_nesting=1, root_key=True)
def kore_campaigns(
    settings: SettingsSpec = dlt.config.value,
    *,
    host: str = dlt.config.value,
    stream_id: str = dlt.config.value,
    account_id: str = dlt.config.value,
    credentials: CredentialsSpec = dlt.secrets.value,
    campaign_ids: str = dlt.config.value,
    requests_per_minute: int = dlt.config.value,
) -> Iterator[DltResource]:
    """Campaign versions with their calling hours, lists and changes, and the record of the sweep.

    Select `calling_hours`, `dnc_lists`, `contact_lists`, `contact_list_campaigns` and `policies`
    with `with_resources`, with `campaign_versions` or without it: tables of what is in force now.

    Every setting may come from `[sources.kore_campaigns]` or the environment; the arguments are
    those that code sets most often.  No file is read and no request sent before the resources are
    iterated.  Raises `AccessRefused` if the credentials are refused.  A campaign that fails is a
    row of `extraction_errors`.
    """
    sweeps = _OncePerPass(lambda: _Sweep(settings))
    lists = _OncePerPass(lambda: _contact_lists(settings))

    def versions() -> Iterator[Row]:
        yield from sweeps.of(VERSIONS).versions()

    def record(table: Table, rows_of: Callable[[PendingRows], list[Row]]) -> DltResource:
        def rows() -> Iterator[list[Row] | None]:
            yield from sweeps.of(table.name).record(table.name, rows_of)

        return resource(table, rows)

    campaign_versions = resource(schema.CAMPAIGN_VERSIONS, versions)
    yield campaign_versions
    yield record(schema.EXTRACTION_RUNS, lambda rows: [rows.run_row(is_last=True)])
    yield record(schema.EXTRACTION_ERRORS, lambda rows: rows.errors)
    yield record(schema.CAMPAIGN_LISTINGS, lambda rows: rows.listings)
    yield record(schema.EXTRACTION_DRIFT, lambda rows: rows.drift)
    yield record(schema.CONFIGURED_CAMPAIGNS, lambda rows: rows.configured)
    for child in (schema.CALLING_HOURS, schema.DNC_LISTS):
        yield _of_each_campaign(child, campaign_versions)
    yield _of_the_app(schema.LISTS, lambda: lists.of(schema.LISTS.name)[0])
    yield _of_the_app(schema.LIST_CAMPAIGNS, lambda: lists.of(schema.LIST_CAMPAIGNS.name)[1])
    yield _of_the_app(schema.POLICIES, lambda: configured_policies(settings, project_folder()))


class _OncePerPass(Generic[T]):
    """A value that resources share in one pass over the source.

    A resource that takes it a second time begins the next pass.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []
        self._taken_by: set[str] = set()

    def of(self, resource_name: str) -> T:
        with self._lock:
            if not self._made or resource_name in self._taken_by:
                self._made, self._taken_by = [self._make()], set()
            self._taken_by.add(resource_name)
            return self._made[0]


@dataclass
class _Sweep:
    """A full sweep: `campaign_versions` runs it, the resources of its record wait for its end."""

    settings: KoreSettings
    rows: PendingRows | None = None
    has_begun: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)
    thread: int = 0

    def versions(self) -> Iterator[Row]:
        """Each new version as soon as its campaign has answered.

        A pass with `add_limit` has one request at a time, so it sends none that is not needed.
        """
        self.thread = threading.get_ident()
        self.has_begun.set()
        try:
            yield from self._versions(self.settings)
        finally:
            self.is_over.set()

    def _versions(self, settings: KoreSettings) -> Iterator[Row]:
        pipe: Any = dlt.current.pipe()
        if any(isinstance(step, LimitItem) for step in pipe.steps):
            settings = copy(settings)
            settings.workers = 1
        campaign_ids = configured_ids(settings, project_folder())
        pipeline = _loading_pipeline()
        stored_in = pipeline if pipeline is not None and _is_compared() else None
        report = RunReport(database=pipeline.dataset_name if pipeline else "")
        stop = threading.Event()
        with connected(settings, stop=stop) as client:
            with pipeline_reader(stored_in) as reader:
                number_run(reader, report)
                plan = plan_sweep(
                    settings, campaign_ids, client, reader, now=report.started_at, sweep="full"
                )
                self.rows = rows = PendingRows(settings, report, plan, reader)
            try:
                with closing(Sweep(settings, report, client, stop, plan, rows).run()) as answers:
                    for _ in answers:
                        if rows.are_compared:
                            with pipeline_reader(stored_in) as reader:
                                rows.read_stored(reader)
                        yield from rows.version_rows()
            finally:  # also where a limit ends it
                with pipeline_reader(stored_in) as reader:
                    rows.read_drift(reader)
        if report.access_refused is not None:
            raise report.access_refused

    def record(
        self, name: str, rows_of: Callable[[PendingRows], list[Row]]
    ) -> Iterator[list[Row] | None]:
        """Yields None, on which dlt turns to another resource, until the sweep is over."""
        if not self.has_begun.wait(1.0):
            expected = f"`{VERSIONS}` as well: `{name}` is the record of its sweep"
            raise SettingInvalid(key="with_resources", value=name, expected=expected)
        while not self.is_over.is_set():
            if threading.get_ident() != self.thread:  # dlt runs the two side by side
                self.is_over.wait(0.05)
            yield None
        if self.rows is not None:
            yield rows_of(self.rows)


def _loading_pipeline() -> dlt.Pipeline | None:
    """The pipeline that runs this source, with all tables made; None outside of one."""
    try:
        dlt.current.load_package_state()
    except CurrentLoadPackageStateNotAvailable:
        return None
    pipeline = dlt.current.pipeline()
    with pipeline.destination_client() as client:
        if not isinstance(client, SqlJobClientBase):
            raise SettingInvalid(
                key="destination",
                value=pipeline.destination.destination_name,
                expected="a SQL destination: its stored versions decide what is new",
            )
    ensure_tables(pipeline)
    return pipeline


def _is_compared() -> bool:
    """False if this load drops or replaces the stored versions, or stores none.

    Raises `SettingInvalid` for hints under which stored and new versions would not be compared.
    """
    state: Any = dlt.current.load_package_state()["state"]
    emptied = [*state.get("dropped_tables", ()), *state.get("truncated_tables", ())]
    found = dlt.current.source().selected_resources.get(VERSIONS)
    if found is None or VERSIONS in [table["name"] for table in emptied]:
        return False
    disposition = found.write_disposition
    if isinstance(disposition, Mapping):  # dlt's form with a strategy
        disposition = disposition.get("disposition")
    if disposition == "skip":
        expected = "`merge`, `append` or `replace`"
        raise SettingInvalid(key="write_disposition", value="skip", expected=expected)
    if found.table_name != VERSIONS:
        expected = f"`{VERSIONS}`: its stored versions decide what is new"
        raise SettingInvalid(key="table_name", value=found.table_name, expected=expected)
    return disposition != "replace"


def _of_each_campaign(child: Table, campaign_versions: DltResource) -> DltResource:
    """Rows of the newest version of each campaign, in a table of their own; not selected."""

    def rows(version: Row) -> list[Row]:
        campaign = {name: version[name] for name in _CAMPAIGN}
        found = [campaign | row for row in version.get(child.name) or ()]
        return found or [campaign | {"position": 0, _GONE.name: True}]

    columns = columns_of_table(
        Table(child.name, child.description, (*_CAMPAIGN, "position"), (*child.columns, _GONE))
    )
    columns[_GONE.name]["hard_delete"] = True
    transformer: Any = dlt.transformer  # which takes more than it declares
    found: DltResource = transformer(
        rows,
        data_from=campaign_versions,
        name=child.name,
        selected=False,
        primary_key=(*_CAMPAIGN, "position"),
        merge_key=_CAMPAIGN,
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        columns=columns,
    )
    return found


def _of_the_app(table: Table, rows_of: Callable[[], list[Row]]) -> DltResource:
    """All rows of a table for this app, in place of those that are stored; not selected."""

    def rows() -> Iterator[list[Row]]:
        yield rows_of()

    found = resource(table, rows)
    found.apply_hints(merge_key="stream_id")
    found.selected = False
    return found


def _contact_lists(settings: KoreSettings) -> tuple[list[Row], list[Row]]:
    """Rows of the lists and of their campaigns, by one call."""
    with connected(settings, stop=threading.Event()) as client:
        lists, campaigns, _ = contact_list_rows(client, settings, RunReport(database=""))
    return lists, campaigns
