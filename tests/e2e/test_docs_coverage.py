"""Everything that users may name is on a page: commands, flags, settings, tables, codes, events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from kore_campaigns import schema
from kore_campaigns.cli.main import cli
from kore_campaigns.config.settings import KoreCredentials, KoreSettings
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.events import EVENTS
from kore_campaigns.reports.monitoring import METRICS, PREFIX
from kore_campaigns.views.apply import VIEWS, finding_kinds
from kore_emulator import Fault

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
RUNBOOK = REFERENCE.parent / "how-to" / "runbook.md"


def errors(
    below: type[KoreCampaignsError] = KoreCampaignsError,
) -> Iterator[type[KoreCampaignsError]]:
    yield below
    for each in below.__subclasses__():
        yield from errors(each)


CODES = {error.code for error in errors()} - {KoreCampaignsError.code}
EXIT_CODES = {str(error.exit_code) for error in errors()} | {"0"}
SETTINGS = [name for of in (KoreSettings, KoreCredentials) for name in of.__dataclass_fields__]
NAMES: dict[Path, Iterable[str]] = {
    REFERENCE / "commands.md": [
        *(f"## {name}" for name in cli.commands),
        *(flag for each in (cli, *cli.commands.values()) for o in each.params for flag in o.opts),
    ],
    REFERENCE / "settings.md": {*SETTINGS} - {"credentials"},
    REFERENCE / "errors.md": [
        *(f"### {code}" for code in CODES),
        *(f"| {n} |" for n in EXIT_CODES),
    ],
    RUNBOOK: [
        *(f"`{code}`" for code in CODES),
        *(f"code {number}" for number in EXIT_CODES - {"0"}),
    ],
    REFERENCE / "events.md": [f"| `{event}` |" for event in EVENTS],
    REFERENCE / "metrics.md": [f"| `{PREFIX}{name}` |" for name in METRICS],
    REFERENCE / "tables.md": [
        *(f"### kore.{view}" for view in VIEWS),
        *(f"### kore_raw.{table.name}" for table in schema.TABLES),
        *(f"| `{column.name}` |" for table in schema.TABLES for column in table.columns),
    ],
    REFERENCE / "findings.md": [f"`{kind}`" for kind in finding_kinds()],
    REFERENCE / "emulator.md": [f"| `{fault}` |" for fault in Fault],
    REFERENCE / "python.md": ["run_pipeline", "read_view", "kore_campaigns", "RunReport"],
}


@pytest.mark.parametrize("page", NAMES, ids=lambda page: page.stem)
def test_every_name_is_on_its_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = {*NAMES[page]}

    assert names
    assert [name for name in names if name not in text] == []


def test_every_page_of_the_reference_names_only_what_is_there() -> None:
    """What was renamed or removed is gone from the pages, too."""
    headings = found_in(REFERENCE / "errors.md", r"^### (\w+)$")
    rows = found_in(REFERENCE / "events.md", r"^\| `(\w+)`")
    first = found_in(RUNBOOK, r"^\| (`.*?) \|")
    named = {code for cell in first for code in re.findall(r"`([a-z]+_[a-z_]+)`", cell)}

    assert headings == CODES
    assert rows == set(EVENTS)
    assert named - {"error_code"} <= CODES


def test_each_error_code_has_a_next_step() -> None:
    _, *sections = (REFERENCE / "errors.md").read_text(encoding="utf-8").split("\n### ")

    assert len(sections) == len(CODES)
    for section in sections:
        assert re.search(r"^Exit code \d+\. [A-Z0-9`*].{10}", section, re.MULTILINE), section
        assert re.search(r"^Next: .{10}", section, re.MULTILINE), section
        assert re.search(r"^> .{10}", section, re.MULTILINE), section


def found_in(page: Path, pattern: str) -> set[str]:
    return {*re.findall(pattern, page.read_text(encoding="utf-8"), flags=re.MULTILINE)}


def test_the_glossary_is_short() -> None:
    assert 3 <= len(found_in(REFERENCE / "glossary.md", r"^\| ([a-z].*?) \|")) - 1 <= 15
