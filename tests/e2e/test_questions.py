"""Each question of docs/how-to/questions.md has the answer shown there, on DuckDB and Postgres."""

from __future__ import annotations

import random
import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

import questions_page
from conftest import Emulate
from kore_campaigns.cli.demo import edit
from kore_emulator import Emulator, demo_campaigns, sample_campaigns
from support.eventful_project import eventful_campaigns, make_eventful
from support.expected_answers import ANSWERS, Kore
from support.postgres import Postgres, copy_to_postgres
from support.project import Project
from support.receiver import receiver

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# SQL, the database if it is for one alone, and the answer if one is shown below it
SHOWN = re.compile(r'```sql(?: title="(\w+) only")?\n(.*?)```\n(?:```\n(.*?)```)?', re.DOTALL)
QUESTIONS = {file.stem: file for file in questions_page.questions()}


@pytest.fixture(scope="module")
def on_server(played: Path, postgres: Postgres) -> str:
    """The demo on Postgres."""
    url = postgres.new_database()
    copy_to_postgres(played / "kore_campaigns.duckdb", url)
    return url


@pytest.fixture(scope="module")
def answers(played: Path, on_server: str) -> dict[str, dict[str, list[tuple[Any, ...]]]]:
    """The rows of each question, by database."""
    found: dict[str, dict[str, list[tuple[Any, ...]]]] = {}
    sql = {name: questions_page.sql_of(file) for name, file in QUESTIONS.items()}
    with duckdb.connect(str(played / "kore_campaigns.duckdb"), read_only=True) as connection:
        found["duckdb"] = {name: connection.execute(sql[name]).fetchall() for name in sql}
    connection = psycopg2.connect(on_server)
    with connection.cursor() as cursor:
        found["postgres"] = {}
        for name, text in sql.items():
            cursor.execute(text)
            found["postgres"][name] = cursor.fetchall()
    connection.close()
    return found


@pytest.fixture(scope="module")
def kore() -> Kore:
    with Emulator(campaigns=demo_campaigns()) as emulator:
        before = {key: emulator.campaign(key) for key in emulator.campaign_ids()}
        named = {(each.get("dncLists") or {}).get("id") for each in before.values()}
        dnc_lists = [emulator.dnc_list(list_id) for list_id in named if list_id]
        edit(emulator)
        after = {key: emulator.campaign(key) for key in emulator.campaign_ids()}
        return Kore(emulator.stream_id, before, after, emulator.contact_lists(), dnc_lists)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_that_of_a_computation_without_our_code(
    name: str, answers: dict[str, dict[str, list[tuple[Any, ...]]]], kore: Kore
) -> None:
    expected = ANSWERS[name](kore)

    assert answers["duckdb"][name] == expected
    assert answers["postgres"][name] == expected
    assert expected, "a question without an answer shows nothing"


BLOCKS = [
    (f"{page.stem}-{number}", block)
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    for number, block in enumerate(SHOWN.findall(page.read_text(encoding="utf-8")), start=1)
]
NOT_IN_DEMO = ("kore_raw.notifications", "kore.campaign_runs", "kore.closed_dates")
NOT_OF_DEMO = [block for _, block in BLOCKS if any(name in block[1] for name in NOT_IN_DEMO)]
SQL = [pytest.param(*block, id=name) for name, block in BLOCKS if block not in NOT_OF_DEMO]


@pytest.mark.parametrize(("only", "sql", "shown"), SQL)
def test_every_sql_of_the_documents_runs_with_equal_rows_on_both(
    only: str, sql: str, shown: str, played: Path, on_server: str, postgres: Postgres
) -> None:
    if only == "Postgres":
        run_and_undo(sql, postgres.new_database() if "create schema" in sql else on_server)
        return
    assert not only, "what is for DuckDB alone needs a test"
    here = rows_on_both(sql, played / "kore_campaigns.duckdb", on_server)
    if shown:
        assert [line.split() for line in shown.splitlines()][-len(here) :] == here


def test_sql_about_what_the_demo_lacks_has_rows_on_both(
    emulate: Emulate, project: Project, postgres: Postgres
) -> None:
    with receiver() as webhook:
        make_eventful(emulate(eventful_campaigns()), project, notify_url=webhook.url)
    url = postgres.new_database()
    copy_to_postgres(project.database, url)

    assert len(NOT_OF_DEMO) == len(NOT_IN_DEMO)
    for _only, sql, _shown in NOT_OF_DEMO:
        assert rows_on_both(sql, project.database, url)


def rows_on_both(sql: str, database: Path, url: str) -> list[list[str]]:
    """The words of each row, which DuckDB and Postgres give alike, and which are some."""
    with duckdb.connect(str(database), read_only=True) as file:
        here = words(file.execute(sql).fetchall())
    with closing(psycopg2.connect(url)) as server, server.cursor() as cursor:
        cursor.execute(sql)
        there = words(cursor.fetchall())
    assert sorted(here) == sorted(there)
    assert here, sql
    return here


def run_and_undo(sql: str, address: str) -> None:
    with closing(psycopg2.connect(address)) as server, server.cursor() as cursor:
        cursor.execute(sql.replace("database kore ", f"database {server.info.dbname} "))


def words(rows: list[tuple[Any, ...]]) -> list[list[str]]:
    """The words of each row, as a page shows them."""
    return [" ".join("" if cell is None else str(cell) for cell in row).split() for row in rows]


def test_the_page_shows_these_answers(played: Path) -> None:
    with duckdb.connect(str(played / "kore_campaigns.duckdb"), read_only=True) as connection:
        page = questions_page.page(connection)

    assert questions_page.PAGE.read_text(encoding="utf-8") == page, "Next: make docs"
    assert ANSWERS.keys() == QUESTIONS.keys()


@pytest.mark.exhaustive
def test_the_rules_of_any_instant_are_those_of_the_last_edit_before_it(
    emulate: Emulate, project: Project
) -> None:
    rng = random.Random(13)
    campaigns = sample_campaigns(50)
    kore = emulate(campaigns)
    project.use(kore)
    # what a replay of the edits holds, from the instant Kore gives for each
    log: dict[str, list[tuple[datetime, int, list[Any]]]] = {}

    def write_down(campaign_id: str) -> None:
        state = kore.campaign(campaign_id)
        at = datetime.fromisoformat(state["updatedAt"])
        strategy = state["dialingStrategy"]
        days = [each["end"] for each in strategy["callingHours"]["days"]]
        log.setdefault(campaign_id, []).append((at, strategy["maxAttemptsPerRecord"], days))

    def rewrite(campaign_id: str) -> None:
        days = [
            {
                "day": "MO",
                "start": "9:00 AM",
                "end": f"{rng.randint(1, 9)}:{rng.randint(10, 59)} PM",
            }
            for _ in range(rng.randint(1, 3))
        ]
        kore.edit(
            campaign_id,
            {
                "dialingStrategy.callingHours.days": days,
                "dialingStrategy.maxAttemptsPerRecord": rng.randint(1, 100),
            },
        )
        write_down(campaign_id)

    for campaign_id in kore.campaign_ids():
        rewrite(campaign_id)
    for _ in range(4):
        project.run()
        for campaign_id in rng.sample(kore.campaign_ids(), 25):
            rewrite(campaign_id)
    project.run()

    in_force = "campaign_id = ? and valid_from <= ? and (? < valid_to or valid_to is null)"
    rules = (
        "select max_attempts_per_record, (select list(end_text order by position)"
        f" from kore.calling_hours_history where {in_force})"
        f" from kore.campaign_history where {in_force}"
    )
    with duckdb.connect(str(project.database), read_only=True) as connection:
        for campaign_id, states in log.items():
            first, last = states[0][0], datetime.now(UTC)
            instants = [first, last, *(at for at, *_ in states)]
            instants += [first + (last - first) * rng.random() for _ in range(5)]
            for instant in instants:
                _, attempts, ends = [state for state in states if state[0] <= instant][-1]
                given = 2 * [campaign_id, instant, instant]
                assert connection.execute(rules, given).fetchall() == [(attempts, ends)]
