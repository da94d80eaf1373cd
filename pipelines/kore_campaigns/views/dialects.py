"""The analysts' views in the SQL of other databases, generated from their one text.

Only DuckDB and Postgres read that text as it is and are tested.  For the others it is translated;
what sqlglot would leave as it is and they do not know (series of numbers, days between dates) is
put in other words first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlglot import ErrorLevel, exp

from kore_campaigns.tables import VIEW_SCHEMA
from kore_campaigns.views.apply import VIEWS, view_sql

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
