"""The script of `make prose` finds forbidden phrases and counts long sentences."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import check_prose

LONG = " ".join(["word"] * 31)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One idea. Another one.", ["One idea.", "Another one."]),
        ("One idea\nover two lines. Next.", ["One idea over two lines.", "Next."]),
        ("- an item\n- the next", ["an item", "the next"]),
        ("1. `code` first.\n2. Then.", ["`code` first.", "Then."]),
        ("# Heading\n\n| a | b |\n\n```\ncode. More.\n```\nText.", ["Text."]),
        ("See [a page. Or two](page.md#here).", ["See [a page.", "Or two]."]),
        ("<!-- a. comment -->\n\nText e.g. here.", ["Text e.g. here."]),
    ],
)
def test_sentences_are_those_of_the_prose(text: str, found: list[str]) -> None:
    assert [*check_prose.sentences(text)] == found


@pytest.mark.parametrize(
    ("sentences", "code"),
    [(["Short."] * 98 + [f"{LONG}."] * 2, 0), (["Short."] * 97 + [f"{LONG}."] * 3, 1)],
)
def test_more_than_two_of_a_hundred_long_sentences_are_refused(
    sentences: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "page.md").write_text("\n\n".join(s.capitalize() for s in sentences), "utf-8")
    monkeypatch.setattr(sys, "argv", ["check_prose.py", str(tmp_path)])

    assert check_prose.main() == code
    assert ("31 words" in capsys.readouterr().out) == bool(code)


def test_a_forbidden_phrase_is_found_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "module.py").write_text('"""Fine."""\n# it goes\n# on\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["check_prose.py", str(tmp_path)])

    assert check_prose.main() == 1
    assert "module.py:2: goes # on ==> continue" in capsys.readouterr().out
