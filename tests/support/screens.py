"""`make screens`: what a terminal shows of the commands, as text in docs/screens/.

The name of a file ends with the width of the terminal, and for a run with the moment.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from kore_emulator import Emulator, demo_campaigns, sample_campaigns
from support.project import SETTINGS, app_of
from support.terminal import terminal

FOLDER = Path(__file__).parents[2] / "docs" / "screens"
WIDTHS = (80, 120)
# as long as the folder that is shown for it, so that lines end where they end there
SHOWN_FOLDER = "/srv/campaigns"
# moments of a run of 150 campaigns under 60 calls a minute
MOMENTS: Mapping[str, str] = {
    "1": r" [1-4]\d of 150 campaigns\n .*about 2:00$",
    "2": r" 5\d of 150 campaigns\n .*waiting for the call budget: 5\d s$",
    "3": r" 11\d of 150 campaigns\n .*waiting for the call budget: 4\d s$",
}


@contextmanager
def project(kore: Emulator) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the ids of an emulator's campaigns, and the settings of its app."""
    folder = Path(mkdtemp(prefix="k", dir="/tmp"))
    assert len(str(folder)) == len(SHOWN_FOLDER)
    (folder / "campaign_ids.csv").write_text("\n".join(["campaign_id", *kore.campaign_ids()]))
    settings = {SETTINGS + name.upper(): str(value) for name, value in app_of(kore).items()}
    environment = settings | {"DLT_PROJECT_DIR": str(folder), "XDG_STATE_HOME": f"{folder}/state"}
    try:
        yield folder, environment
    finally:
        rmtree(folder)


def screen(
    columns: int,
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str],
    lines: int = 50,
) -> str:
    """What a command leaves on the screen."""
    with terminal(
        *arguments, folder=folder, columns=columns, lines=lines, environment=environment
    ) as shown:
        shown.end()
    return _in_the_open(shown.text, folder)


def _in_the_open(text: str, folder: Path) -> str:
    return text.replace(str(folder), SHOWN_FOLDER) + "\n"


def commands(columns: int) -> Iterator[tuple[str, str]]:
    """The screens of all commands but a long run, by name."""
    with Emulator(campaigns=demo_campaigns()) as kore, project(kore) as (folder, environment):
        ids = kore.campaign_ids()

        def shown(*arguments: str, lines: int = 24) -> str:
            return screen(columns, *arguments, folder=folder, environment=environment, lines=lines)

        yield "demo", shown("demo", lines=60)
        yield "check", shown("check")
        yield "plan", shown("plan")
        shown("run")
        kore.edit(ids[0], {"status": "Paused", "dialingStrategy.maxAttemptsPerRecord": 9})
        kore.edit(ids[5], {"dncLists": {}})
        kore.edit(ids[7], {"priority": "2"})
        yield "run", shown("run")
        yield "status", shown("status")
        kore.fault("html", ids[3])
        yield "error", shown("run", "--sweep", "full")
        yield "status-after-an-error", shown("status")
        yield "suggestion", shown("statu")


def moments(columns: int, wanted: int = len(MOMENTS)) -> Iterator[tuple[str, str]]:
    """A run of 150 campaigns under 60 calls a minute, at its first moments."""
    with (
        Emulator(campaigns=sample_campaigns(150), latency=0.2) as kore,
        project(kore) as (folder, environment),
        terminal("run", folder=folder, columns=columns, environment=environment) as shown,
    ):
        for moment in list(MOMENTS)[:wanted]:
            text = shown.until(re.compile(MOMENTS[moment]).search, seconds=150)
            yield f"run-{moment}", _in_the_open(text, folder)
        shown.end(with_signal=signal.SIGINT)


def shape(text: str) -> list[str]:
    """The words of a screen without what differs between two recordings: numbers, where lines end,
    and how far the bar is.
    """
    text = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "RUN", text)
    text = re.sub(r"^[-\\|/] [━─]{40}", "BAR", text)
    text = re.sub(r"\d[\d:,.]*", "0", text)
    return re.sub(r"\b0 (s|min|h)\b", "0 s", text).split()


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for columns in WIDTHS:
        for recorded in (commands(columns), moments(columns)):
            for name, text in recorded:
                print(f"{name} in {columns} columns")  # noqa: T201
                (FOLDER / f"{name}-{columns}.txt").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
