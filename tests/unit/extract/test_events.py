"""Events: their names are those of the registry, of the code and of the documentation alike."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from kore_campaigns.extract import report as events
from kore_campaigns.extract.report import EVENTS, Problem

ROOT = Path(__file__).parents[3]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (info|warning|error)[^|]* \|", flags=re.MULTILINE)


def names_in_the_code() -> set[str]:
    """First argument of each `_event(...)` and each `Problem(...)`, which become events."""
    found = set()
    for file in (ROOT / "pipelines" / "kore_campaigns").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.args[0] if node.args else None
                if node.func.id in ("_event", "Problem") and isinstance(name, ast.Constant):
                    found.add(str(name.value))
    return found


def test_every_event_of_the_code_is_in_the_registry_and_the_other_way_round() -> None:
    assert names_in_the_code() == set(EVENTS)


def test_every_event_is_documented_with_its_level_and_the_other_way_round() -> None:
    assert dict(ROW.findall(OPERATIONS)) == dict(EVENTS)


def test_events_are_made_nowhere_else() -> None:
    for file in (ROOT / "pipelines" / "kore_campaigns").rglob("*.py"):
        made = re.findall(r"(?<!threading\.)\bEvent\(", file.read_text(encoding="utf-8"))
        assert not made or file.name == "report.py", file


def test_a_name_that_is_not_registered_cannot_be_told() -> None:
    with pytest.raises(KeyError):
        events.problem_told(Problem("surprise", "x"))
