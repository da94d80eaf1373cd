"""The screens of the documents are what a terminal shows today."""

from __future__ import annotations

import pytest

from support.screens import FOLDER, MOMENTS, WIDTHS, commands, moments, shape

pytestmark = pytest.mark.slow

ON_ONE_SCREEN = ("plan", "status", "status-after-an-error", "check", "run", "error")


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_stored_screen_has_the_words_of_a_new_one(columns: int) -> None:
    recorded = dict(commands(columns))

    for name, text in recorded.items():
        stored = (FOLDER / f"{name}-{columns}.txt").read_text(encoding="utf-8")
        assert shape(text) == shape(stored), f"{name}. Next: make screens\n{text}"
    names = {f"{name}-{width}.txt" for name in (*recorded, *_run_names()) for width in WIDTHS}
    assert {file.name for file in FOLDER.iterdir()} == names


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_bar_of_a_stored_screen_has_the_words_of_a_new_one(columns: int) -> None:
    # the third comes a minute later, and has the words of the second
    for name, text in moments(columns, wanted=2):
        stored = (FOLDER / f"{name}-{columns}.txt").read_text(encoding="utf-8")
        assert shape(text) == shape(stored), f"{name}. Next: make screens\n{text}"
    second, third = (
        shape((FOLDER / f"run-{moment}-{columns}.txt").read_text("utf-8")) for moment in "23"
    )
    assert third == second


@pytest.mark.parametrize("columns", WIDTHS)
def test_stored_screens_fit(columns: int) -> None:
    for file in FOLDER.glob(f"*-{columns}.txt"):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) <= columns
        if file.stem.removesuffix(f"-{columns}") in ON_ONE_SCREEN:
            assert len(lines) <= 23  # the prompt comes below


def _run_names() -> list[str]:
    return [f"run-{moment}" for moment in MOMENTS]
