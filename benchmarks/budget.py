"""The real budget, 60 calls a minute: an unchanged run by listing, and a full sweep."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cases import OURS
from kore_emulator import Emulator, sample_campaigns
from measure import clean_environment, run

CAMPAIGNS = 1_000
PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Budgeted:
    """Seconds of both, the second computed from its first minutes; answers 429 of both."""

    listing_seconds: float
    listing_calls: int
    full_seconds: float
    measured_minutes: int
    measured_calls: int
    rate_limited: int

    def rows(self) -> list[list[str]]:
        full = f"{self.measured_calls} in {self.measured_minutes} minutes, the rest computed"
        return [
            ["by listing", f"{self.listing_seconds:,.1f}", f"{self.listing_calls}"],
            ["fetching each campaign", f"{self.full_seconds:,.0f}", f"{CAMPAIGNS:,} ({full})"],
            ["answers 429", f"{self.rate_limited}", ""],
        ]


def measure_budget(minutes: int) -> Budgeted:
    """Load 1,000 campaigns, then read them again under a budget that the emulator enforces."""
    with TemporaryDirectory(prefix="kore-bench-") as scratch:
        project = Path(scratch) / "project"
        project.mkdir()
        environment = clean_environment(Path(scratch)) | {"DLT_PROJECT_DIR": str(project)}
        with _emulator(None) as kore:
            ids = kore.campaign_ids()
            text = "\n".join(["campaign_id", *ids]) + "\n"
            (project / "campaign_ids.csv").write_text(text, encoding="utf-8")
            run(OURS.command, folder=project, environment=environment | settings_of(kore, 0))
        with _emulator(PER_MINUTE) as kore:
            settings = environment | settings_of(kore, PER_MINUTE)
            listing = run(OURS.command, folder=project, environment=settings)
            calls = kore.counters.requests
            # the calls of the listing leave the window, so that the minutes measured are whole ones
            time.sleep(60)
            before = _calls_after(kore, project, settings, minutes)
            rate = before[-1] / minutes
            return Budgeted(
                listing.wall_seconds,
                calls,
                CAMPAIGNS / rate * 60,
                minutes,
                before[-1],
                kore.counters.rate_limited,
            )


def _emulator(per_minute: int | None) -> Emulator:
    return Emulator(campaigns=sample_campaigns(CAMPAIGNS), requests_per_minute=per_minute)


def settings_of(kore: Emulator, per_minute: int) -> dict[str, str]:
    """Environment of a command for this emulator, with a budget."""
    values = {
        "HOST": kore.url,
        "STREAM_ID": kore.stream_id,
        "ACCOUNT_ID": kore.account_id,
        "CREDENTIALS__CLIENT_ID": kore.client_id,
        "CREDENTIALS__CLIENT_SECRET": kore.client_secret,
        "REQUESTS_PER_MINUTE": str(per_minute),
        "CONTACT_LISTS": "false",  # as in the cases
    }
    return {f"SOURCES__KORE_CAMPAIGNS__{name}": value for name, value in values.items()}


def _calls_after(
    kore: Emulator, project: Path, settings: Mapping[str, str], minutes: int
) -> list[int]:
    """Calls for campaigns at the end of each minute of a full sweep, which is then stopped."""
    process = subprocess.Popen(
        [*OURS.command, "--sweep", "full"], cwd=project, env=settings, stderr=subprocess.DEVNULL
    )
    while not kore.counters.detail_requests:
        time.sleep(0.05)
    began, found = time.monotonic(), []
    for minute in range(1, minutes + 1):
        # a moment earlier: what leaves when a window opens belongs to the next
        time.sleep(max(0.0, began + 60 * minute - 1 - time.monotonic()))
        found.append(kore.counters.detail_requests)
    process.terminate()
    process.wait()
    return found
