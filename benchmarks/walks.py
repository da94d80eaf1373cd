"""How many modules four walks enter: one campaign id, a 429, a calling window, `status`.

    python benchmarks/walks.py

Each walk runs the program against an emulator and records which Python functions of
`kore_campaigns` are called. docs/explanation/architecture.md has the
counts; a test holds them to its limits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Final

import kore_campaigns
from kore_campaigns import run_pipeline
from kore_campaigns.transform.calling_hours import parse_window
from kore_emulator import Emulator, Fault, sample_campaigns

PACKAGE: Final = Path(kore_campaigns.__file__).parent
# name of the walk -> how many modules it may enter, or how often a window may be parsed
LIMITS: Final = {
    "one id from csv to view: modules": 30,
    "a 429 response until the next request: modules": 6,
    "a calling window: times parsed per version": 1,
    "`status`: imported modules of the package": 30,
}
Seen = Callable[[FrameType, str, Any], None]


def main() -> int:
    """Print each walk with its count and limit; returns 1 if a limit is exceeded."""
    found = measure_walks()
    for name, limit in LIMITS.items():
        print(f"{name}: {found[name]} (at most {limit})")
    return int(any(found[name] > limit for name, limit in LIMITS.items()))


def measure_walks() -> dict[str, int]:
    """The count of each walk, by the names of `LIMITS`."""
    walks = (modules_of_an_id, modules_of_a_429, parses_of_a_window, modules_of_status)
    return dict(zip(LIMITS, (walk() for walk in walks), strict=True))


def modules_of_an_id() -> int:
    """Modules with a function that gets the id of a campaign, in a run that loads it."""
    entered: set[str] = set()
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        (campaign_id,) = kore.campaign_ids()

        def see(frame: FrameType, event: str, _: Any) -> None:
            name = module_of(frame)
            if (
                event == "call"
                and name
                and name not in entered
                and has(frame.f_locals, campaign_id)
            ):
                entered.add(name)

        run_traced(kore, see)
    return len(entered)


def modules_of_a_429() -> int:
    """Modules entered from the receipt of a 429 response until the next request is sent."""
    entered: set[str] = set()
    is_waiting = False

    def see(frame: FrameType, event: str, value: Any) -> None:
        nonlocal is_waiting
        is_send = frame.f_code.co_name == "urlopen"  # urllib3's, below every module of the package
        if is_send and event == "return":
            is_waiting = getattr(value, "status", None) == 429
        elif is_send:
            is_waiting = False
        elif is_waiting and (name := module_of(frame)):
            entered.add(name)

    with Emulator(campaigns=sample_campaigns(1)) as kore:
        kore.fault(Fault.RATE_LIMIT_RETRY_AFTER, kore.campaign_ids()[0], times=1)
        run_traced(kore, see)
    return len(entered)


def parses_of_a_window() -> int:
    """How often one calling window is parsed in two runs, the second of a changed version."""
    parsed: Counter[str] = Counter()

    def see(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_name == "parse_window":
            parsed[repr(sorted(frame.f_locals.items(), key=str))] += 1

    parse_window.cache_clear()
    with Emulator(campaigns=sample_campaigns(1)) as kore, project(kore), traced(see):
        run_pipeline()
        kore.edit(kore.campaign_ids()[0], {"priority": 1})
        run_pipeline()
    return max(parsed.values())


def modules_of_status() -> int:
    """Modules of the package that `kore-campaigns status` imports."""
    code = (
        "import json, sys\n"
        "from kore_campaigns.cli.main import main\n"
        "main(['status'])\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('kore_campaigns')]))"
    )
    with Emulator(campaigns=sample_campaigns(1)) as kore, project(kore):
        run_pipeline()
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
    names = json.loads(ended.stdout.splitlines()[-1])
    return sum(not is_empty(name) for name in names)


def is_empty(name: str) -> bool:
    """True for the `__init__.py` of a folder, which holds no code."""
    path = PACKAGE.joinpath(*name.split(".")[1:], "__init__.py")
    return path.exists() and not path.read_text(encoding="utf-8").strip()


def run_traced(kore: Emulator, see: Seen) -> None:
    """One run against an emulator, in a project of its own."""
    with project(kore), traced(see):
        run_pipeline(requests_per_minute=0)


@contextmanager
def project(kore: Emulator) -> Iterator[None]:
    """A project folder with the emulator's campaigns, which is the current folder meanwhile."""
    with TemporaryDirectory(prefix="kore-walk-") as folder:
        ids = "\n".join(["campaign_id", *kore.campaign_ids()])
        Path(folder, "campaign_ids.csv").write_text(f"{ids}\n", encoding="utf-8")
        settings = {
            "HOST": kore.url,
            "STREAM_ID": kore.stream_id,
            "ACCOUNT_ID": kore.account_id,
            "CREDENTIALS__CLIENT_ID": kore.client_id,
            "CREDENTIALS__CLIENT_SECRET": kore.client_secret,
            "CONTACT_LISTS": "false",
        }
        environment = {
            f"SOURCES__KORE_CAMPAIGNS__{name}": value for name, value in settings.items()
        }
        environment |= {"DLT_PROJECT_DIR": folder, "XDG_STATE_HOME": folder}
        before, at = dict(os.environ), Path.cwd()
        os.environ.update(environment)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(at)
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def traced(see: Seen) -> Iterator[None]:
    """Pass the calls and returns of all threads to `see`."""
    threading.setprofile(see)
    sys.setprofile(see)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def module_of(frame: FrameType) -> str | None:
    """Path of the module inside the package; None for other code."""
    return module_path(frame.f_code.co_filename)


@cache
def module_path(file: str) -> str | None:
    path = Path(file)
    return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else None


def has(value: Any, campaign_id: str, depth: int = 4) -> bool:
    """Whether a value is or contains the id."""
    if isinstance(value, str):
        return campaign_id in value
    if depth == 0:
        return False
    if isinstance(value, Mapping):
        return any(has(each, campaign_id, depth - 1) for pair in value.items() for each in pair)
    if isinstance(value, (list, tuple, set)):
        return any(has(each, campaign_id, depth - 1) for each in value)
    if type(value).__module__.startswith("kore_campaigns"):
        names = {*getattr(value, "__dict__", ()), *getattr(value, "__slots__", ())}
        return any(has(getattr(value, name, None), campaign_id, depth - 1) for name in names)
    return False


if __name__ == "__main__":
    sys.exit(main())
