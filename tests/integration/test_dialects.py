"""The views in the SQL of other databases: the same rows where it can be tried, and no word left
that they do not know.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from kore_campaigns.cli.main import main
from kore_campaigns.views import GENERATED_DIALECTS, NATIVE_DIALECTS
from kore_campaigns.views.apply import (
    VIEWS,
    portable_view,
    view_columns,
    view_comments,
    view_description,
    view_in_dialect,
    view_statements,
)
from support.project import Project

DIALECTS = (*NATIVE_DIALECTS, *GENERATED_DIALECTS)

# of DuckDB and Postgres alone
FOREIGN = re.compile(r"generate_series|time_to_unix|extract\(epoch from|::", re.IGNORECASE)


def test_said_portable_view_the_views_have_the_same_rows(played: Path, tmp_path: Path) -> None:
    copy = tmp_path / "played.duckdb"
    copy.write_bytes((played / "kore_campaigns.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("set timezone = 'UTC'")
        before = {view: rows(connection, view) for view in VIEWS}
        for view in reversed(VIEWS):
            connection.execute(f"drop view kore.{view}")
        for view in VIEWS:
            text = portable_view(view).sql(dialect="duckdb")
            assert not FOREIGN.search(text.replace("epoch(", "")), view
            connection.execute(f"create view kore.{view} as {text}")

        for view in VIEWS:
            assert rows(connection, view) == before[view], view
        assert len(before["calendar"]) == 733
        assert len(before["calling_windows_utc"]) > 50


def rows(connection: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    """Without the duration of a run, which is whole seconds of another kind."""
    left_out = "exclude (duration_seconds)" if view == "runs" else ""
    found = connection.execute(f"select * {left_out} from kore.{view}").fetchall()
    return sorted(map(str, found))


@pytest.mark.parametrize("dialect", GENERATED_DIALECTS)
def test_every_view_can_be_said_in_each_dialect_and_is_read_back(dialect: str) -> None:
    for view in VIEWS:
        text = view_in_dialect(view, dialect)
        read: Any = sqlglot.parse_one(text, read=dialect)
        assert not FOREIGN.search(text.replace("EXTRACT(epoch_second", "")), view
        ours: Any = sqlglot.parse_one(view_in_dialect(view, "postgres"), read="postgres")
        assert read.named_selects == ours.named_selects


def test_the_command_prints_statements_that_make_the_views(
    played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["views", "--dialect", "duckdb"]) == 0
    text = capsys.readouterr().out
    copy = tmp_path / "played.duckdb"
    copy.write_bytes((played / "kore_campaigns.duckdb").read_bytes())

    with duckdb.connect(str(copy)) as connection:
        connection.execute("drop schema kore cascade")
        connection.execute(text)
        for view in VIEWS:
            connection.execute(f"select * from kore.{view} limit 1")
        described = connection.execute(
            "select view_name, comment from duckdb_views() where schema_name = 'kore'"
        ).fetchall()
        assert dict(described) == {view: view_description(view) for view in VIEWS}
        of_columns = connection.execute(
            "select table_name, column_name, comment from duckdb_columns() "
            "where schema_name = 'kore' order by table_name, column_index"
        ).fetchall()
    assert of_columns == [
        (view, column.name, column.description)
        for view in sorted(VIEWS)
        for column in view_columns(view)
    ]
    statements = [*view_statements("duckdb"), *view_comments("duckdb")]
    assert text == "".join(f"{each};\n" for each in statements)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_description_is_one_literal_of_the_dialect(dialect: str) -> None:
    known = [
        text
        for view in VIEWS
        for text in (
            view_description(view),
            *(column.description for column in view_columns(view)),
        )
    ]
    found = []
    for statement in view_comments(dialect):
        tokens = sqlglot.tokenize(statement, read=dialect)
        (text,) = (each.text for each in tokens if each.token_type.name == "STRING")
        found.append(text)

    assert found == known
    assert any("'" in text for text in known)


def test_an_unknown_dialect_is_a_wrong_usage(project: Project) -> None:
    ended = project.command("views", "--dialect", "oracle")

    assert ended.code == 2
    assert "'oracle' is not one of 'duckdb', 'postgres', " in ended.err
