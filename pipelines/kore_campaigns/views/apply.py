"""Create the analysts' views, and say in the database itself what each table and column means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from sqlglot import ErrorLevel, exp

from kore_campaigns import schema
from kore_campaigns.schema import VIEW_SCHEMA

if TYPE_CHECKING:
    import dlt


OWN: Final = ("duckdb", "postgres")
GENERATED: Final = ("snowflake", "bigquery", "redshift", "databricks", "clickhouse")
# these sort nothing first unless told otherwise, and know no other order within a window
_NOTHING_FIRST: Final = ("bigquery",)
# seconds since 1970, where sqlglot leaves a name of its own
_EPOCH: Final = {"bigquery": "unix_seconds", "clickhouse": "toUnixTimestamp"}
# one function for days and seconds
_ONE_DIFFERENCE: Final = ("redshift", "clickhouse")


def view_statements(dialect: str) -> Iterator[str]:
    """The statements that make all views, in their order, each without its semicolon."""
    yield f"create schema if not exists {VIEW_SCHEMA}"
    for name in reversed(VIEWS):
        yield f"drop view if exists {VIEW_SCHEMA}.{name}"
    for name in VIEWS:
        yield f"create view {VIEW_SCHEMA}.{name} as\n{translated(name, dialect)}"


def translated(name: str, dialect: str) -> str:
    """The select of a view; raises `sqlglot.errors.UnsupportedError` where it cannot be said."""
    if dialect in OWN:
        return view_sql(name).strip()
    tree = in_other_words(name)
    for order in tree.find_all(exp.Ordered):
        # no column that the views sort by in a window is ever empty
        order.set("nulls_first", dialect in _NOTHING_FIRST and not order.args.get("desc"))
    for asked in [*tree.find_all(exp.TimeToUnix)] if dialect in _EPOCH else []:
        asked.replace(exp.func(_EPOCH[dialect], asked.this))
    for both in [*tree.find_all(exp.TimestampDiff)] if dialect in _ONE_DIFFERENCE else []:
        both.replace(exp.DateDiff(**both.args))
    return tree.sql(dialect=dialect, pretty=True, unsupported_level=ErrorLevel.RAISE)


def in_other_words(name: str) -> exp.Expression:
    """A view that says the same, without what only a few databases know."""
    return exp.maybe_parse(view_sql(name), dialect="postgres").transform(_said_otherwise)


def _said_otherwise(node: exp.Expression) -> exp.Expression:
    day, second = exp.var("DAY"), exp.var("SECOND")
    if isinstance(node, exp.Table) and isinstance(node.this, exp.GenerateSeries):
        return _numbers(node)
    if isinstance(node, exp.Extract) and node.name.lower() == "epoch":
        of = node.expression.unnest()
        if isinstance(of, exp.Sub):
            return exp.TimestampDiff(this=of.left, expression=of.right, unit=second)
        return exp.TimeToUnix(this=of)
    if isinstance(node, exp.Sub) and _is_date(node.left) and _is_date(node.right):
        return exp.DateDiff(this=node.left, expression=node.right, unit=day)
    if isinstance(node, exp.Add) and _is_date(node.left):
        moved = exp.DateAdd(this=node.left, expression=node.right, unit=day)
        return exp.cast(moved, "date")  # some make a timestamp of it
    return node


def _is_date(node: Any) -> bool:
    is_cast = isinstance(node, exp.Cast) and node.is_type("date")
    return is_cast or (isinstance(node, exp.Column) and node.name == "calendar_date")


def _numbers(series: exp.Table) -> exp.Expression:
    """`generate_series(first, last) as t (n)`, from digits."""
    first, last = (int(series.this.args[bound].sql()) for bound in ("start", "end"))
    column = series.args["alias"].columns[0].name
    places = [10**place for place in range(len(str(last - first)))]
    number = " + ".join(f"{place} * digits_{place}.digit" for place in places)
    digits = ", ".join(f"({digit})" for digit in range(10))
    joined = " cross join ".join(
        f"(select digit from (values {digits}) as d (digit)) as digits_{place}"  # noqa: S608
        for place in places
    )
    text = f"select {first} + {number} as {column} from {joined} where {number} <= {last - first}"  # noqa: S608  # numbers of ours
    return exp.maybe_parse(text, into=exp.Select, dialect="postgres").subquery(series.alias)


# in the order in which they are built: later ones read earlier ones
VIEWS = (
    "campaign_history",
    "campaigns",
    "campaign_calling_hours",
    "campaign_dnc_lists",
    "contact_lists",
    "contact_list_campaigns",
    "campaign_contact_lists",
    "calling_hours_history",
    "dnc_list_history",
    "contact_list_history",
    "campaign_changes",
    "calling_windows",
    "open_hours",
    "weekly_minutes",
    "calling_window_checks",
    "policies",
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
    "freshness_findings",
    "findings",
)


def view_sql(name: str) -> str:
    """The text of a view, its header `-- one row per ...` included."""
    return resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def view_description(name: str) -> str:
    """The header of the view's file: one sentence, `One row per ...`."""
    header = view_sql(name).splitlines()[0].removeprefix("--").strip()
    return header[0].upper() + header[1:] + "."


def apply_views(pipeline: dlt.Pipeline, *, are_described: bool = True) -> None:
    """Make the views of this version, in one transaction, and say what each is where databases
    take comments on views.
    """
    with pipeline.sql_client() as client, client.begin_transaction():
        client.execute_many([*_create_views()])
        if not are_described:
            return
        client.execute_many([*_comments_on_tables()])
        columns = client.execute_sql(_VIEW_COLUMNS) or ()
        client.execute_many([*_comments_on_views(columns)])


_VIEW_COLUMNS = f"""
select table_name, column_name
from information_schema.columns
where table_schema = '{schema.VIEW_SCHEMA}'
"""  # noqa: S608  # a constant of ours


def _create_views() -> Iterator[str]:
    yield f"create schema if not exists {schema.VIEW_SCHEMA}"
    # Postgres replaces no view by one with other columns, and drops none that another one reads
    for name in reversed(VIEWS):
        yield f"drop view if exists {schema.VIEW_SCHEMA}.{name}"
    for name in VIEWS:
        yield f"create view {schema.VIEW_SCHEMA}.{name} as\n{view_sql(name)}"


def _comments_on_tables() -> Iterator[str]:
    for table in schema.TABLES:
        yield from _comments_on_table(f"{schema.RAW_SCHEMA}.{table.name}", table)
        for child in table.children:
            yield from _comments_on_table(f"{schema.RAW_SCHEMA}.{table.name}__{child.name}", child)


def _comments_on_table(name: str, table: schema.Table) -> Iterator[str]:
    yield f"comment on table {name} is {_quoted(table.description)}"
    for column in table.columns:
        yield f"comment on column {name}.{column.name} is {_quoted(column.description)}"


def _comments_on_views(columns: Iterable[Sequence[str]]) -> Iterator[str]:
    for name in VIEWS:
        described = _quoted(view_description(name))
        yield f"comment on view {schema.VIEW_SCHEMA}.{name} is {described}"
    known = {view: schema.columns_of(view) for view in VIEWS}
    for view, column in columns:
        if view in VIEWS:
            described = _quoted(known[view][column].description)
            yield f"comment on column {schema.VIEW_SCHEMA}.{view}.{column} is {described}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
