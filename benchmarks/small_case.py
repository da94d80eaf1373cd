"""The small case, measured with the real command and simulated, side by side."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from budget import settings_of
from cases import OURS
from kore_campaigns.api.rate_limit import Limit
from kore_campaigns.api.transport import RetryPolicy
from kore_campaigns.extract.listing import calls_for
from kore_emulator import Emulator, Fault, sample_campaigns
from measure import RunFailedError, clean_environment
from simulated_run import Kore, SimulatedRun, Work, asking_seconds, draw_setbacks
from table import aligned

MINUTE = 60.0
ATTEMPTS = RetryPolicy().attempts
# what a simulation may be off before nothing else it says is believed
TOLERANCE = 0.15


@dataclass(frozen=True, slots=True)
class Small:
    """So many campaigns, under a budget that makes the first run wait for a minute."""

    campaigns: int = 90
    requests_per_minute: int = 60
    changed: int = 5
    latency_seconds: float = 0.5
    failing: float = 0.06
    seed: int = 20

    @property
    def kore(self) -> Kore:
        return Kore((self.latency_seconds, self.latency_seconds), self.failing)


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity of one run."""

    what: str
    measured: float
    simulated: float

    @property
    def difference(self) -> float:
        """Share of the measured."""
        if self.measured == self.simulated:
            return 0.0
        return abs(self.simulated - self.measured) / self.measured if self.measured else 1.0

    @property
    def is_close(self) -> bool:
        return self.difference <= TOLERANCE

    def row(self) -> list[str]:
        return [
            self.what,
            f"{self.measured:,.1f}".removesuffix(".0"),
            f"{self.simulated:,.1f}".removesuffix(".0"),
            f"{100 * self.difference:.1f} %",
        ]


@dataclass(frozen=True, slots=True)
class Seen:
    """A run of the command: what it reports, and when its calls reached the server."""

    report: Mapping[str, Any]
    arrivals: Sequence[float]
    wall_seconds: float

    @property
    def asking_seconds(self) -> float:
        return asking_seconds(self.arrivals)


def compare(small: Small) -> list[Compared]:
    """A first run, and one by listing, of the command against an emulator that keeps the budget.

    What the program itself takes (start, load) is measured on runs without latency or limit and
    added to the simulated calls.
    """
    own = [seen.wall_seconds - seen.asking_seconds for seen in measure(unlimited(small))]
    first, listing = measure(small)
    simulated = [simulate(small, work) for work in works(small)]
    found = []
    for name, seen, calls, overhead in zip(
        ("first run", "by listing"), (first, listing), simulated, own, strict=True
    ):
        found += [
            Compared(f"{name}: calls", seen.report["requests"], calls.calls),
            Compared(f"{name}: of them repeats", seen.report["retries"], calls.retries),
            Compared(
                f"{name}: seconds from first to last call",
                seen.asking_seconds,
                calls.asking_seconds,
            ),
            Compared(f"{name}: seconds in all", seen.wall_seconds, calls.asking_seconds + overhead),
        ]
    return found


def comparison_table(found: Sequence[Compared]) -> list[str]:
    names = ["small case", "measured", "simulated", "off by"]
    return aligned(names, [one.row() for one in found], left=1)


def unlimited(small: Small) -> Small:
    """The same campaigns, answered at once and without a budget."""
    return replace(small, requests_per_minute=0, latency_seconds=0.0, failing=0.0)


def works(small: Small) -> tuple[Work, Work]:
    """Requests of the two runs; contact lists are switched off."""
    by_listing = Work(pages=listing_pages(small.campaigns), setbacks=[0] * small.changed)
    return Work(setbacks=_setbacks(small)), by_listing


def listing_pages(campaigns: int) -> int:
    """Calls of the listing; a sixth of the emulator's campaigns are SMS, which has its own."""
    sms = campaigns // 6
    return calls_for(campaigns - sms) + calls_for(sms)


def simulate(small: Small, work: Work) -> Any:
    limits = [Limit(small.requests_per_minute, MINUTE)] if small.requests_per_minute else []
    return SimulatedRun(work, kore=small.kore, limits=limits, seed=small.seed).go()


def measure(small: Small) -> tuple[Seen, Seen]:
    """The two runs, in a folder of their own.  Raises `RunFailedError` where one does not end
    well.
    """
    with TemporaryDirectory(prefix="kore-small-") as scratch:
        project = Path(scratch) / "project"
        project.mkdir()
        with Emulator(
            campaigns=sample_campaigns(small.campaigns),
            requests_per_minute=small.requests_per_minute or None,
            latency=small.latency_seconds,
        ) as kore:
            ids = kore.campaign_ids()
            text = "\n".join(["campaign_id", *ids]) + "\n"
            (project / "campaign_ids.csv").write_text(text, encoding="utf-8")
            environment = clean_environment(Path(scratch)) | settings_of(
                kore, small.requests_per_minute
            )
            for campaign_id, times in zip(ids, _setbacks(small), strict=True):
                if times:
                    kore.fault(Fault.SERVER_ERROR, campaign_id, times=times, status=503)
            first = _run(kore, project, environment)
            # the listing is read once without a change: it records what it shows
            _run(kore, project, environment)
            for campaign_id in ids[: small.changed]:
                kore.edit(campaign_id, {"status": "Paused"})
            return first, _run(kore, project, environment)


def _setbacks(small: Small) -> list[int]:
    return draw_setbacks(small.campaigns, small.kore, attempts=ATTEMPTS - 1, seed=small.seed)


def _run(kore: Emulator, project: Path, environment: Mapping[str, str]) -> Seen:
    before = len(kore.requests)
    command = [OURS.command[0], "run", "--json", "--project-dir", project]
    began = time.perf_counter()
    ended = subprocess.run(command, env=dict(environment), capture_output=True, check=False)
    wall_seconds = time.perf_counter() - began
    if ended.returncode != 0:
        message = f"the small case returned {ended.returncode}:\n{ended.stderr.decode()}"
        raise RunFailedError(message)
    arrivals = [request.at for request in kore.requests[before:]]
    return Seen(json.loads(ended.stdout), arrivals, wall_seconds)
