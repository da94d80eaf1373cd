"""What `status` and the metrics tell: plain facts, what they add up to, and what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

# of several apps in one database the worst is told
_WORST_FIRST = ("failed", "killed", "partial", "interrupted", "stale", "ok")
_ACCESS_REFUSED = 3
_TRY_LATER = 75


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of an app that has ended, in the columns of `kore.runs`."""

    run_id: str
    stream_id: str
    started_at: datetime
    finished_at: datetime | None
    state: str
    duration_seconds: int | None
    sweep: str
    planned: int
    fetched: int
    new_versions: int
    unchanged: int
    vanished: int
    failed: int
    requests: int
    retries: int
    rate_limited: int
    is_complete: bool
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class App:
    """One app (stream) of the database. `stale` counts configured campaigns alone."""

    stream_id: str
    last_run: LastRun | None = None
    last_complete_at: datetime | None = None
    last_full_sweep_at: datetime | None = None
    configured: int = 0
    live: int = 0
    deleted: int = 0
    not_configured: int = 0
    """Live campaigns that the file of campaign ids does not name: nobody asks for them."""
    stale: int = 0
    drift: int = 0

    @property
    def state(self) -> str:
        """`none`, `ok`, `stale`, or how the last run ended if not well."""
        if self.last_run is None:
            return "none"
        if self.last_run.state != "complete":
            return self.last_run.state
        return "stale" if self.stale else "ok"


@dataclass(frozen=True, slots=True)
class Stale:
    """A configured campaign whose newest version may not be what Kore has."""

    campaign_id: str
    campaign_name: str | None
    last_confirmed_at: datetime | None
    last_error_code: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A campaign that the newest run could not read; what we hold of it is from `held_since`."""

    campaign_id: str
    error_code: str
    message: str
    held_since: datetime | None


@dataclass(frozen=True, slots=True)
class DriftSeen:
    """What campaigns have that the program does not know, in the last full sweep and since."""

    path: str
    example_type: str
    campaign_count: int
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """All that is known of a database, worst first where there is an order."""

    database: str
    apps: list[App] = field(default_factory=list)
    """The one that ran last comes first."""
    versions: int = 0
    stale_campaigns: list[Stale] = field(default_factory=list)
    """The worst of them."""
    failures: list[Failure] = field(default_factory=list)
    drift: list[DriftSeen] = field(default_factory=list)
    not_listed: list[str] = field(default_factory=list)
    """Configured and not deleted, and not in the account listing when it was last read."""
    listed_only: list[str] = field(default_factory=list)
    """In the account listing, and not configured."""
    running_pid: int | None = None
    running_since: str | None = None
    database_bytes: int = 0
    is_older: bool = False
    """Written by a version of the program that did not make the views that are read here."""
    flags: str = ""
    """What the commands that are advised need besides."""

    @property
    def last_run(self) -> LastRun | None:
        return self.apps[0].last_run if self.apps else None

    @property
    def stale(self) -> int:
        return sum(app.stale for app in self.apps)

    @property
    def state(self) -> str:
        """All of it in one word."""
        if self.running_pid is not None:
            return "running"
        if self.is_older:
            return "older"
        found = {app.state for app in self.apps}
        return next((state for state in _WORST_FIRST if state in found), "none")

    @property
    def advice(self) -> str:
        """The next command."""
        run = f"kore-campaigns run{self.flags}"
        if self.state == "running":
            return "wait for the run that goes on"
        if self.state == "ok":
            return "nothing to do"
        if self.state == "stale":
            return f"{run}; and see why it is no longer scheduled"
        codes = {app.last_run.exit_code for app in self.apps if app.last_run is not None}
        if self.state in ("partial", "failed") and _ACCESS_REFUSED in codes:
            return "kore-campaigns check"
        if self.state in ("partial", "failed") and _TRY_LATER not in codes:
            return f"mend what the failures name, then {run}"
        return run

    def as_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        newest = self.apps[0] if self.apps else App("")
        return {
            "state": self.state,
            "advice": self.advice,
            "database": self.database,
            "database_bytes": self.database_bytes,
            "last_run": None if self.last_run is None else asdict(self.last_run),
            "last_complete_at": newest.last_complete_at,
            "last_full_sweep_at": newest.last_full_sweep_at,
            "configured": sum(app.configured for app in self.apps),
            "live": sum(app.live for app in self.apps),
            "deleted": sum(app.deleted for app in self.apps),
            "not_configured": sum(app.not_configured for app in self.apps),
            "versions": self.versions,
            "stale": self.stale,
            "stale_campaigns": [asdict(campaign) for campaign in self.stale_campaigns],
            "failures": [asdict(failure) for failure in self.failures],
            "drift": [asdict(drift) for drift in self.drift],
            "not_listed": self.not_listed,
            "listed_only": self.listed_only,
            "running_pid": self.running_pid,
            "running_since": self.running_since,
            "apps": [{**asdict(app), "state": app.state} for app in self.apps],
        }
