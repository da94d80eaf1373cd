"""Page of common questions: the SQL of questions/ and its answers on the demo data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from kore_campaigns.cli.demo import play_demo
from kore_campaigns.cli.output import table

PAGE = Path(__file__).parents[1] / "how-to" / "questions.md"
FOLDER = Path(__file__).with_name("questions")
INTRODUCTION = """\
# Questions and answers

Common questions about campaigns, each with its SQL and its answer on the data of the demo.
`make docs` generates this page from `docs/tools/questions/`. A test runs each query on
DuckDB and on Postgres, and compares the rows with an independent computation over the campaigns.
"""


def questions() -> list[Path]:
    """Files of the questions: a comment with the question, then the SQL."""
    return sorted(FOLDER.glob("*.sql"))


def question_of(file: Path) -> str:
    return file.read_text(encoding="utf-8").splitlines()[0].removeprefix("-- ")


def sql_of(file: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8").splitlines()[1:])


def page(connection: duckdb.DuckDBPyConnection) -> str:
    """Text of the page, with the answers of a demo database."""
    connection.execute("set timezone = 'UTC'")
    return "\n".join([INTRODUCTION, *_parts(connection)])


def _parts(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for file in questions():
        cursor = connection.execute(sql_of(file))
        names = [column[0] for column in cursor.description or ()]
        answer = "\n".join(table(names, _plain(cursor.fetchall())))
        yield f"## {question_of(file)}\n\n```sql\n{sql_of(file)}\n```\n```\n{answer}\n```\n"


def _plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple("" if value is None else value for value in row) for row in rows]


def write() -> None:
    """Write the page, with the answers of a demo that is played for it."""
    with TemporaryDirectory() as folder:
        play_demo(folder, say=lambda text: None)
        with duckdb.connect(str(Path(folder, "kore_campaigns.duckdb")), read_only=True) as found:
            PAGE.write_text(page(found), encoding="utf-8")
