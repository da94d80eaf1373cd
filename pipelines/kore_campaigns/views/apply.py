"""Create the views and the comments in the database; print the views for other SQL dialects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from kore_campaigns.schema import ALL_TABLES, RAW_SCHEMA, VIEW_SCHEMA, Column
from kore_campaigns.views import NATIVE_DIALECTS

if TYPE_CHECKING:
    import dlt
    from sqlglot import exp

# in the order in which they are built: later ones read earlier ones
VIEWS: Final = (
    "apps",
    "weekdays",
    "campaign_history",
    "campaigns",
    "campaign_calling_hours",
    "campaign_dnc_lists",
    "dnc_list_states",
    "dnc_lists",
    "contact_lists",
    "contact_list_campaigns",
    "campaign_contact_lists",
    "calling_hours_history",
    "dnc_list_history",
    "contact_list_history",
    "campaign_changes",
    "campaign_runs",
    "calling_windows",
    "open_hours",
    "weekly_minutes",
    "calling_window_checks",
    "policies",
    "policy_history",
    "closed_dates",
    "time_zones",
    "zone_offsets",
    "calendar",
    "calling_windows_utc",
    "campaign_resources",
    "shared_resources",
    "campaign_overlaps",
    "policy_limits",
    "runs",
    "campaign_freshness",
    "hours_findings",
    "list_findings",
    "dialing_findings",
    "closed_date_findings",
    "freshness_findings",
    "findings_history",
    "findings",
)
_STATES: Final = "-- views of states\n"
# the views that judge live campaigns; `findings_history` has them once more, over past states
_OF_STATES: Final = (
    "campaign_calling_hours",
    "campaign_dnc_lists",
    "calling_windows",
    "open_hours",
    "weekly_minutes",
    "calling_window_checks",
    "policy_limits",
    "hours_findings",
    "list_findings",
    "dialing_findings",
    "closed_date_findings",
    "freshness_findings",
)
_BELOW_STATES: Final = (
    *("campaigns", "campaign_freshness", "policies"),
    *("campaign_versions__calling_hours", "campaign_versions__dnc_lists"),
)
_STATE: Final = re.compile(
    rf"\b(?:{VIEW_SCHEMA}|{RAW_SCHEMA})\.({'|'.join((*_OF_STATES, *_BELOW_STATES))})\b"
)


def finding_kinds() -> Iterator[str]:
    """Kinds of findings in the SQL of the views: a text, or those of a `case`."""
    for name in VIEWS:
        for found in re.findall(r"(?s)(case(?:(?!case).)*?end|'\w+') as finding,", view_sql(name)):
            yield from re.findall(r"(?:then |else |^)'(\w+)'", found)


# a column that a view computes, below the first line of its file: `-- minutes (bigint): Number ...`
_COMPUTED: Final = re.compile(r"^-- (\w+) \((\w+)\): (.+(?:\n--   .+)*)\n", re.MULTILINE)


def _file_text(view: str) -> str:
    return resources.files(__package__).joinpath(f"{view}.sql").read_text(encoding="utf-8")


def view_sql(name: str) -> str:
    """The text of a view, with its header `-- one row per ...`."""
    text = _COMPUTED.sub("", _file_text(name))
    return text.replace(_STATES, _views_of_states()) if _STATES in text else text


def _views_of_states() -> str:
    """As CTEs, with `state_campaigns` in place of `kore.campaigns` and so on."""
    texts = {name: _STATE.sub("state_\\1", view_sql(name)).strip() for name in _OF_STATES}
    return "\n".join(f"state_{name} as (\n{text}\n),\n" for name, text in texts.items())


def view_description(name: str) -> str:
    """The header of the view's file as a sentence, `One row per ...`."""
    header = view_sql(name).splitlines()[0].removeprefix("--").strip()
    return header[0].upper() + header[1:] + "."


@cache
def _computed_columns(view: str) -> tuple[Column, ...]:
    return tuple(
        Column(name, text.replace("\n--  ", ""), data_type)
        for name, data_type, text in _COMPUTED.findall(_file_text(view))
    )


def columns_of(view: str) -> dict[str, Column]:
    """Find the columns of a view by name.

    Most names mean the same in all views. The header of the view comes first, then the raw tables
    that it reads, also through a view of their name, the headers of the other views, and the other
    raw tables.
    """
    read = re.findall(rf"\b(?:{RAW_SCHEMA}|{VIEW_SCHEMA})\.(\w+)", view_sql(view))
    own = [ALL_TABLES[name].columns for name in read if name in ALL_TABLES]
    tables = [table.columns for table in ALL_TABLES.values()]
    found: dict[str, Column] = {}
    for columns in (_computed_columns(view), *own, *map(_computed_columns, VIEWS), *tables):
        for column in columns:
            found.setdefault(column.name, column)
    return found


def view_columns(view: str) -> Iterator[Column]:
    """The columns of a view in their order."""
    described = columns_of(view)
    final = view_sql(view).rpartition("final as (\n    select\n")[2]
    for column in final.partition("\n    from ")[0].split(",\n"):
        yield described[re.split(r"[\s.]", column)[-1]]


VIEW_COLUMNS: Final = f"""
select table_name, column_name
from information_schema.columns
where table_schema = '{VIEW_SCHEMA}'
"""  # noqa: S608  # our constant


def apply_views(pipeline: dlt.Pipeline, *, are_described: bool = True) -> bool:
    """Replace all views in one transaction; describe tables, views and columns in comments.

    Not every database of dlt's takes comments: without `are_described` there are none.
    """
    with pipeline.sql_client() as client, client.begin_transaction():
        client.execute_many([*view_statements("postgres")])
        if are_described:
            client.execute_many([*comments(client.execute_sql(VIEW_COLUMNS) or ())])
    return True


def comments(view_columns: Sequence[Sequence[str]]) -> Iterator[str]:
    """The statements that describe tables, views and their columns."""
    for name, table in ALL_TABLES.items():
        yield from _comment("table", f"{RAW_SCHEMA}.{name}", table.description, table.columns)
    for name in VIEWS:
        known = columns_of(name)
        columns = [known[column] for view, column in view_columns if view == name]
        yield from _comment("view", f"{VIEW_SCHEMA}.{name}", view_description(name), columns)


def _comment(kind: str, name: str, description: str, columns: Iterable[Column]) -> Iterator[str]:
    yield f"comment on {kind} {name} is {_quoted(description)}"
    for column in columns:
        yield f"comment on column {name}.{column.name} is {_quoted(column.description)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# sorts nulls first by default, and knows no other order within a window
_NULLS_FIRST: Final = ("bigquery",)
# seconds since 1970, where sqlglot leaves a name of its own
_EPOCH: Final = {"bigquery": "unix_seconds", "clickhouse": "toUnixTimestamp"}


def view_statements(dialect: str) -> Iterator[str]:
    """The statements that make all views, in their order, each without its semicolon."""
    yield f"create schema if not exists {VIEW_SCHEMA}"
    # Postgres replaces no view by one with other columns, and drops none that another one reads
    for name in reversed(VIEWS):
        yield f"drop view if exists {VIEW_SCHEMA}.{name}"
    for name in VIEWS:
        yield f"create view {VIEW_SCHEMA}.{name} as\n{view_in_dialect(name, dialect)}"


# how a view and a column of it are described, in place of `comment on view` and `comment on column`
_VIEW_COMMENT: Final = {
    "bigquery": "alter view {view} set options (description = {text})",
    "clickhouse": "alter table {view} modify comment {text}",
    "databricks": "comment on table {view} is {text}",
}
_COLUMN_COMMENT: Final = {
    "bigquery": "alter view {view} alter column {column} set options (description = {text})",
    "clickhouse": "alter table {view} comment column {column} {text}",
    "snowflake": "alter view {view} alter column {column} comment {text}",
}


def view_comments(dialect: str) -> Iterator[str]:
    """The statements that describe all views and their columns, each without its semicolon."""
    from sqlglot import exp

    of_view = _VIEW_COMMENT.get(dialect, "comment on view {view} is {text}")
    of_column = _COLUMN_COMMENT.get(dialect, "comment on column {view}.{column} is {text}")
    for name in VIEWS:
        view = f"{VIEW_SCHEMA}.{name}"
        text = exp.Literal.string(view_description(name)).sql(dialect)
        yield of_view.format(view=view, text=text)
        for column in view_columns(name):
            text = exp.Literal.string(column.description).sql(dialect)
            yield of_column.format(view=view, column=column.name, text=text)


def view_in_dialect(name: str, dialect: str) -> str:
    """The select of a view; raises `UnsupportedError` of sqlglot if the dialect cannot say it."""
    if dialect in NATIVE_DIALECTS:
        return view_sql(name).strip()
    from sqlglot import ErrorLevel, exp  # it takes longer to import than a small run

    tree = portable_view(name)
    for order in tree.find_all(exp.Ordered):
        # no column that the views sort by in a window is ever empty
        order.set("nulls_first", dialect in _NULLS_FIRST and not order.args.get("desc"))
    for epoch in [*tree.find_all(exp.TimeToUnix)] if dialect in _EPOCH else []:
        epoch.replace(exp.func(_EPOCH[dialect], epoch.this))
    return tree.sql(dialect=dialect, pretty=True, unsupported_level=ErrorLevel.RAISE)


def portable_view(name: str) -> exp.Expression:
    """An equivalent view without the constructs that only a few databases know."""
    from sqlglot import maybe_parse

    return maybe_parse(view_sql(name), dialect="postgres").transform(_portable)


def _portable(node: exp.Expression) -> exp.Expression:
    from sqlglot import exp

    day = exp.var("DAY")
    if isinstance(node, exp.Table) and isinstance(node.this, exp.GenerateSeries):
        return _series(node)
    if isinstance(node, exp.Extract) and node.name.lower() == "epoch":
        return exp.TimeToUnix(this=node.expression.unnest())
    if isinstance(node, exp.Add) and node.left.is_type("time"):
        return _clock_time(node.right.this)
    if isinstance(node, exp.Sub) and _is_date(node.left) and _is_date(node.right):
        return exp.DateDiff(this=node.left, expression=node.right, unit=day)
    if isinstance(node, exp.Add) and _is_date(node.left):
        moved = exp.DateAdd(this=node.left, expression=node.right, unit=day)
        return exp.cast(moved, "date")  # some make a timestamp of it
    return node


def _clock_time(minute: exp.Expression) -> exp.Expression:
    """A minute of the day as a time: some databases add no interval to one."""
    from sqlglot import exp

    hour = f"lpad(cast(cast(floor({minute} / 60) as integer) % 24 as varchar), 2, '0')"
    text = f"{hour} || ':' || lpad(cast({minute} % 60 as varchar), 2, '0')"
    return exp.cast(exp.maybe_parse(text, dialect="postgres"), "time")


_DATES: Final = ("calendar_date", "closed_date")


def _is_date(node: Any) -> bool:
    from sqlglot import exp

    is_cast = isinstance(node, exp.Cast) and node.is_type("date")
    return is_cast or (isinstance(node, exp.Column) and node.name in _DATES)


def _series(series: exp.Table) -> exp.Expression:
    """`generate_series(first, last) as t (n)`, from digits."""
    from sqlglot import exp

    first, last = (int(series.this.args[bound].sql()) for bound in ("start", "end"))
    column = series.args["alias"].columns[0].name
    places = [10**place for place in range(len(str(last - first)))]
    number = " + ".join(f"{place} * digits_{place}.digit" for place in places)
    digits = ", ".join(f"({digit})" for digit in range(10))
    joined = " cross join ".join(
        f"(select digit from (values {digits}) as d (digit)) as digits_{place}"  # noqa: S608
        for place in places
    )
    text = f"select {first} + {number} as {column} from {joined} where {number} <= {last - first}"  # noqa: S608  # our numbers
    return exp.maybe_parse(text, into=exp.Select, dialect="postgres").subquery(series.alias)
